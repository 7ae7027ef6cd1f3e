// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/outputs.h"

#include "tree.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using namespace glovebox::test;

using Requests = std::vector<review::OutputRequest>;

class OutputsTest : public FolderTest {
protected:
    void SetUp() override
    {
        FolderTest::SetUp();
        directory_.reset(sys::open(source().c_str(), O_RDONLY | O_DIRECTORY));
        fs::create_directory(host());
    }

    [[nodiscard]] fs::path host() const { return folder() / "host"; }
    [[nodiscard]] review::OutputRequest request(const std::string& path, const std::string& name) const
    {
        return {directory_.get(), path, host() / name, "--out " + path, {}};
    }
    /// Fails in these words, and leaves the host as it was.
    static void expect_refused(const Requests& requests, const fs::path& host, const std::string& what, const std::string& why)
    {
        const Manifest before = manifest(host);
        const auto written = review::write_outputs(requests);
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().what, what);
        EXPECT_EQ(written.error().why, why);
        EXPECT_EQ(written.error().from.substr(0, 6), "--out ");
        EXPECT_EQ(manifest(host), before);
    }
    void expect_refused(const Requests& requests, const std::string& what, const std::string& why) const
    {
        expect_refused(requests, host(), what, why);
    }
    static void expect_written(const Requests& requests)
    {
        const auto written = review::write_outputs(requests);
        EXPECT_TRUE(written) << written.error().what << ": " << written.error().why;
    }

    sys::Fd directory_;
};

TEST_F(OutputsTest, FilesAndDirectoriesAreCopied)
{
    fs::create_directories(source() / "dist/lib");
    write_file(source() / "dist/prog", "program", 0755);
    fs::create_hard_link(source() / "dist/prog", source() / "dist/lib/link");
    fs::create_symlink("prog", source() / "dist/name");
    write_file(source() / "log", "12345", 0600);
    const auto written = review::write_outputs(Requests{request("dist", "result"), request("log", "log.txt")});
    ASSERT_TRUE(written) << written.error().what;
    EXPECT_EQ(manifest(host() / "result"), manifest(source() / "dist"));
    EXPECT_EQ(read_file(host() / "log.txt"), "12345");
    EXPECT_EQ(mode_of(host() / "log.txt"), 0600U);
    EXPECT_EQ(manifest(host()).size(), manifest(source()).size()); // and nothing else
    ASSERT_EQ(written->size(), 2U);
    EXPECT_EQ((*written)[0].files, 2U);
    EXPECT_EQ((*written)[0].bytes, 14U);
    EXPECT_EQ((*written)[1].host, host() / "log.txt");
}

TEST_F(OutputsTest, WhatIsThereIsReplaced)
{
    fs::create_directory(source() / "dist");
    write_file(source() / "dist/new", "new");
    write_file(source() / "file", "new");
    fs::create_directory(host() / "dist");
    write_file(host() / "dist/old", "old");
    ASSERT_EQ(::chmod((host() / "dist").c_str(), 0), 0);
    write_file(host() / "file", "old");
    expect_written({request("dist", "dist"), request("file", "file")});
    EXPECT_EQ(manifest(host()), manifest(source()));
}

TEST_F(OutputsTest, AMissingOneMeansThatNothingIsWritten)
{
    write_file(source() / "there", "x");
    expect_refused({request("there", "there"), request("not/there", "gone")}, "the output not/there is missing", "");
    expect_refused({request("there", "there"), request("there/below", "gone")}, "the output there/below is missing", "");
}

TEST_F(OutputsTest, ADeviceSocketOrFifoMeansThatNothingIsWritten)
{
    write_file(source() / "file", "x");
    fs::create_directory(source() / "dist");
    ASSERT_EQ(::mkfifo((source() / "dist/pipe").c_str(), 0600), 0);
    expect_refused({request("file", "file"), request("dist/pipe", "pipe")}, "the output dist/pipe is a fifo", "");
    expect_refused({request("file", "file"), request("dist", "dist")}, "copying dist/pipe to " + (host() / "dist").string(), "it is a fifo");
}

TEST_F(OutputsTest, NoSymbolicLinkLeadsOut)
{
    write_file(folder() / "secret", "secret");
    fs::create_directory_symlink(folder(), source() / "absolute");
    fs::create_directory_symlink("..", source() / "relative");
    fs::create_directory_symlink("/proc/self/root", source() / "magic");
    for (const std::string name : {"absolute", "relative", "magic"})
        expect_refused({request(name + "/secret", "stolen")},
                       "the output " + name + "/secret is behind a symbolic link that leads out of its directory", "");
    expect_refused({request("../secret", "stolen")}, "the output ../secret is behind a symbolic link that leads out of its directory", "");
}

TEST_F(OutputsTest, LinksWithinAreFollowedButForTheLastName)
{
    fs::create_directory(source() / "real");
    write_file(source() / "real/file", "text");
    fs::create_directory_symlink("real", source() / "way");
    fs::create_symlink("/etc/passwd", source() / "last");
    expect_written({request("way/file", "file"), request("last", "last"), request("way", "way")});
    EXPECT_EQ(read_file(host() / "file"), "text");
    EXPECT_EQ(fs::read_symlink(host() / "last"), "/etc/passwd");
    EXPECT_EQ(fs::read_symlink(host() / "way"), "real");
}

TEST_F(OutputsTest, TheWholeDirectoryCanBeOneWithoutWhatIsOurs)
{
    fs::create_directories(source() / ".glovebox/cow");
    fs::create_directories(source() / "sub/.glovebox");
    for (const std::string path : {".", "sub/.."}) {
        review::OutputRequest all = request(path, "all");
        all.without = ".glovebox";
        expect_written({all});
        EXPECT_FALSE(fs::exists(host() / "all/.glovebox")) << path;
        EXPECT_TRUE(fs::exists(host() / "all/sub/.glovebox")) << path;
    }
}

TEST_F(OutputsTest, ATargetOfAnotherKindIsLeftAlone)
{
    write_file(source() / "file", "new");
    fs::create_directory(source() / "dist");
    fs::create_directory(host() / "directory");
    write_file(host() / "plain", "old");
    expect_refused({request("file", "directory")}, "writing the output " + (host() / "directory").string(), "it is a directory");
    expect_refused({request("dist", "plain")}, "writing the output " + (host() / "plain").string(), "the output is a directory, and a file is there");
}

TEST_F(OutputsTest, ATargetDirectoryMustExist)
{
    write_file(source() / "file", "x");
    expect_refused({request("file", "file"), request("file", "no/such/file")}, "writing the output " + (host() / "no/such/file").string(),
                   "there is no directory " + (host() / "no/such").string());
}

/// With --rw, the command can put links on the host.
TEST_F(OutputsTest, APlantedLinkOnTheHostIsNotFollowed)
{
    write_file(source() / "file", "new");
    fs::create_directory(folder() / "precious");
    write_file(folder() / "precious/file", "old");
    fs::create_directory_symlink(folder() / "precious", host() / "way");
    fs::create_symlink(folder() / "precious/file", host() / "last");
    expect_refused({request("file", "way/file")}, "writing the output " + (host() / "way/file").string(), "a symbolic link has come into its path");
    expect_written({request("file", "last")});
    EXPECT_EQ(read_file(folder() / "precious/file"), "old");
    EXPECT_FALSE(fs::is_symlink(host() / "last"));
    EXPECT_EQ(read_file(host() / "last"), "new");
}

TEST_F(OutputsTest, TargetsDoNotOverlap)
{
    fs::create_directories(source() / "dist");
    write_file(source() / "file", "x");
    fs::create_directory(host() / "dist");
    const std::string why = "the output " + (host() / "dist").string() + " is written there, too";
    expect_refused({request("dist", "dist"), request("file", "dist-1"), request("file", "dist/file")},
                   "writing the output " + (host() / "dist/file").string(), why);
    expect_refused({request("dist", "dist"), request("file", "dist")}, "writing the output " + (host() / "dist").string(), why);
}

TEST_F(OutputsTest, TheWorkingDirectoryIsNotReplaced)
{
    fs::create_directory(source() / "dist");
    fs::create_directories(host() / "work/below");
    const fs::path before = fs::current_path();
    fs::current_path(host() / "work/below");
    expect_refused({request("dist", "work")}, "writing the output " + (host() / "work").string(), "it would replace the working directory");
    fs::current_path(before);
    expect_written({request("dist", "work")});
}

TEST_F(OutputsTest, AFullDiskMeansThatNothingIsWritten)
{
    mount_small_disk(host(), 1 << 20);
    write_file(source() / "small", "new");
    write_file(source() / "large", std::string(900'000, 'x'));
    fs::create_directory(source() / "dist");
    for (int i = 0; i < 10; ++i)
        write_file(source() / "dist" / std::to_string(i), std::string(90'000, 'x'));
    write_file(host() / "small", "old");
    fs::create_directory(host() / "dist");
    write_file(host() / "dist/old", std::string(300'000, 'y'));
    expect_refused({request("small", "small"), request("large", "large")}, "copying large to " + (host() / "large").string(), "No space left on device");
    const Manifest before = manifest(host());
    const auto written = review::write_outputs(Requests{request("small", "small"), request("dist", "dist")});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().why, "No space left on device");
    EXPECT_EQ(manifest(host()), before);
    fs::remove_all(host() / "dist/old");
    expect_written({request("small", "small"), request("dist", "dist")});
}

TEST_F(OutputsTest, AFailureAtTheEndIsTakenBack)
{
    write_file(source() / "file", "new");
    fs::create_directories(source() / "dist/sub");
    write_file(host() / "file", "old");
    fs::create_directory(host() / "dist");
    mount_small_disk(host() / "dist", 1 << 20); // a mount point cannot be renamed
    write_file(host() / "dist/old", "old");
    expect_refused({request("file", "file"), request("file", "new"), request("dist", "dist")}, "writing " + (host() / "dist").string(),
                   "Device or resource busy");
}

TEST_F(OutputsTest, TheLongestNamesWork)
{
    const std::string name(255, 'n');
    write_file(source() / name, "text");
    expect_written({request(name, name)});
    EXPECT_EQ(read_file(host() / name), "text");
}

} // namespace

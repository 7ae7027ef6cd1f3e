// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/copy.h"
#include "review/remove.h"

#include "tree.h"

#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using namespace glovebox::test;

class CopyTest : public FolderTest {
protected:
    [[nodiscard]] Result<review::Copied> copy(const std::string& name = "source", const std::string& without = {}) const
    {
        const sys::Fd dir(sys::open(folder().c_str(), O_RDONLY | O_DIRECTORY));
        return review::copy_tree(dir.get(), name, dir.get(), "copy", {name, without});
    }
    void expect_copied()
    {
        const Result<review::Copied> copied = copy();
        ASSERT_TRUE(copied) << copied.error().what << ": " << copied.error().why;
        EXPECT_EQ(manifest(source()), manifest(target()));
    }
    [[nodiscard]] fs::path target() const { return folder() / "copy"; }
};

TEST_F(CopyTest, ModesTimesLinksAndAttributesAreKept)
{
    fs::create_directories(source() / "a/b");
    write_file(source() / "a/file", "text", 0640);
    write_file(source() / "a/unreadable", "secret", 0000);
    write_file(source() / "a/setgid", "x", 02755);
    fs::create_hard_link(source() / "a/file", source() / "a/b/other name");
    fs::create_symlink("../nowhere", source() / "a/dangling");
    fs::create_hard_link(source() / "a/dangling", source() / "dangling too");
    set_xattr(source() / "a/file", "user.note", "kept");
    set_xattr(source() / "a/b", "user.note", "kept, too");
    set_xattr(source() / "a/b", "user.overlay.opaque", "y");
    const std::vector<const char*> paths = {"a/file", "a/dangling", "a/b", "a", "."};
    for (std::size_t i = 0; i < paths.size(); ++i)
        set_time(source() / paths[i], 1'000'000'123'456'789 + static_cast<std::int64_t>(i));
    ASSERT_EQ(::chmod((source() / "a/b").c_str(), 0555), 0);
    ASSERT_EQ(::chmod((source() / "a").c_str(), 0), 0);
    expect_copied();
    for (std::size_t i = 0; i < paths.size(); ++i)
        EXPECT_EQ(time_of(target() / paths[i]), 1'000'000'123'456'789 + static_cast<std::int64_t>(i)) << paths[i];
    const sys::Fd b(sys::open((target() / "a/b").c_str(), O_RDONLY));
    EXPECT_FALSE(review::overlay_xattr(b.get(), "opaque"));
}

TEST_F(CopyTest, WhatIsCopiedIsCounted)
{
    write_file(source() / "one", "12345");
    write_file(source() / "two", "123");
    fs::create_symlink("one", source() / "link");
    const Result<review::Copied> copied = copy();
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->files, 2U);
    EXPECT_EQ(copied->bytes, 8U);
}

TEST_F(CopyTest, ASingleFileOrLinkIsCopied)
{
    write_file(folder() / "file", "text", 0600);
    ASSERT_TRUE(copy("file"));
    EXPECT_EQ(read_file(target()), "text");
    EXPECT_EQ(mode_of(target()), 0600U);
    fs::remove(target());
    fs::create_symlink("/etc/passwd", folder() / "link");
    ASSERT_TRUE(copy("link"));
    EXPECT_EQ(fs::read_symlink(target()), "/etc/passwd");
}

TEST_F(CopyTest, HolesStayHoles)
{
    constexpr ::off_t kSize = 4 << 20;
    const sys::Fd file(sys::open((source() / "sparse").c_str(), O_RDWR | O_CREAT, 0644));
    ASSERT_EQ(::ftruncate(file.get(), kSize), 0);
    ASSERT_EQ(::pwrite(file.get(), "begin", 5, 0), 5);
    ASSERT_EQ(::pwrite(file.get(), "middle", 6, kSize / 2 + 12345), 6);
    expect_copied();
    struct ::stat status = {};
    ASSERT_EQ(::stat((target() / "sparse").c_str(), &status), 0);
    EXPECT_EQ(status.st_size, kSize);
    EXPECT_LT(status.st_blocks * 512, 1 << 18);
}

TEST_F(CopyTest, SizesAroundTheBuffersAreExact)
{
    for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 65535UL, 65536UL, 65537UL, 1UL << 21, (1UL << 21) + 1}) {
        std::string text(size, 'x');
        for (std::size_t i = 0; i < size; i += 997)
            text[i] = static_cast<char>('a' + i % 26);
        write_file(source() / std::to_string(size), text);
    }
    expect_copied();
}

TEST_F(CopyTest, AnotherFileSystemGetsTheSame)
{
    fs::create_directory(folder() / "disk");
    mount_small_disk(folder() / "disk", 8 << 20);
    write_file(source() / "file", std::string(100'000, 'x'), 0604);
    fs::create_hard_link(source() / "file", source() / "link");
    const sys::Fd from(sys::open(folder().c_str(), O_RDONLY | O_DIRECTORY));
    const sys::Fd to(sys::open((folder() / "disk").c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(review::copy_tree(from.get(), "source", to.get(), "copy", {"source", {}}));
    EXPECT_EQ(manifest(source()), manifest(folder() / "disk/copy"));
}

TEST_F(CopyTest, ADeepTreeTakesFewDescriptorsAndNoLongPaths)
{
    constexpr int kDepth = 150;
    const std::string name(50, 'd'); // in the end beyond PATH_MAX
    make_deep(source(), name, kDepth);
    struct ::rlimit old = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct ::rlimit few = {90, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const Result<review::Copied> copied = copy();
    EXPECT_TRUE(copied) << copied.error().why;
    EXPECT_EQ(depth_of(target(), name), kDepth);
    EXPECT_TRUE(review::remove_tree(target()));
    EXPECT_TRUE(review::remove_tree(source()));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST_F(CopyTest, DevicesSocketsAndFifosAreErrorsThatNameThem)
{
    fs::create_directory(source() / "sub");
    ASSERT_EQ(::mkfifo((source() / "sub/pipe").c_str(), 0644), 0);
    Result<review::Copied> copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().what, "copying source/sub/pipe");
    EXPECT_EQ(copied.error().why, "it is a fifo");
    fs::remove(source() / "sub/pipe");
    fs::remove_all(target());

    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ::sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string path = source() / "socket";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(socket, reinterpret_cast<const struct ::sockaddr*>(&address), sizeof address), 0);
    ::close(socket);
    copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().what, "copying source/socket");
    EXPECT_EQ(copied.error().why, "it is a socket");
}

TEST_F(CopyTest, AnEntryOfTheTopCanBeLeftOut)
{
    fs::create_directories(source() / "without/sub");
    fs::create_directories(source() / "with/without");
    ASSERT_TRUE(copy("source", "without"));
    EXPECT_FALSE(fs::exists(target() / "without"));
    EXPECT_TRUE(fs::exists(target() / "with/without"));
}

TEST_F(CopyTest, ACopyIntoItselfEnds)
{
    fs::create_directory(source() / "sub");
    const sys::Fd dir(sys::open(source().c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(review::copy_tree(dir.get(), ".", dir.get(), "copy", {"source", {}}));
    EXPECT_TRUE(fs::exists(source() / "copy/sub"));
    EXPECT_FALSE(fs::exists(source() / "copy/copy"));
}

TEST_F(CopyTest, WhatExistsIsNotWrittenOver)
{
    write_file(folder() / "file", "new");
    write_file(target(), "old");
    const Result<review::Copied> copied = copy("file");
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().why, "File exists");
    EXPECT_EQ(read_file(target()), "old");
}

TEST_F(CopyTest, AWaitingSignalEndsIt)
{
    write_file(source() / "file", "text");
    ::sigset_t term;
    ::sigemptyset(&term);
    ::sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);
    ::raise(SIGTERM);
    const Result<review::Copied> copied = copy();
    int caught = 0;
    ::sigwait(&term, &caught);
    ::sigprocmask(SIG_UNBLOCK, &term, nullptr);
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().why, "Interrupted system call");
}

} // namespace

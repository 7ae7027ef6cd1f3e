// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Scratch directories on the real file system, as an ordinary user: root passes every mode.

#include "run/scratch.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
namespace fs = std::filesystem;

constexpr ::uid_t kNobody = 65534;

class ScratchTest : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        if (::getuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
            GTEST_FAIL() << "cannot become an ordinary user";
    }
    void SetUp() override
    {
        std::string name = fs::temp_directory_path() / "glovebox-scratch-test-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        base_ = name;
    }
    void TearDown() override
    {
        const std::string command = "chmod -R u+rwx '" + base_.string() + "' && rm -rf '" + base_.string() + "'";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }

    [[nodiscard]] plan::Scratch scratch(bool fresh) const
    {
        plan::Scratch out;
        out.path = base_ / "scratch";
        out.fresh = fresh;
        return out;
    }
    /// Removes base_/scratch, and expects that nothing is left of it.
    void expect_removed()
    {
        const Result<> removed = run::remove_tree(base_ / "scratch");
        EXPECT_TRUE(removed) << removed.error().what << ": " << removed.error().why;
        EXPECT_FALSE(fs::exists(fs::symlink_status(base_ / "scratch")));
    }
    static unsigned mode_of(const fs::path& path)
    {
        struct ::stat status = {};
        EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
        return status.st_mode & 07777;
    }
    /// Makes directories inside each other below `top`, the deepest first with this mode in the end.
    static void make_deep(const fs::path& top, int depth, ::mode_t mode)
    {
        int at = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
        std::vector<int> all;
        for (int i = 0; i < depth; ++i) {
            ASSERT_EQ(::mkdirat(at, "d", 0755), 0);
            const int below = ::openat(at, "d", O_RDONLY | O_DIRECTORY);
            ASSERT_GE(below, 0);
            all.push_back(std::exchange(at, below));
        }
        all.push_back(at);
        for (const int fd : all | std::views::reverse) {
            ::fchmod(fd, mode);
            ::close(fd);
        }
    }

    fs::path base_;
};

TEST_F(ScratchTest, IsMadeWithATmp)
{
    ASSERT_TRUE(run::make_scratch(scratch(true)));
    EXPECT_EQ(mode_of(base_ / "scratch"), 0700U);
    EXPECT_EQ(mode_of(base_ / "scratch/tmp"), 01777U);
    expect_removed();
}

TEST_F(ScratchTest, AFreshOneMustNotExist)
{
    fs::create_directory(base_ / "scratch");
    std::ofstream(base_ / "scratch/mine") << "x";
    EXPECT_EQ(run::make_scratch(scratch(true)).error().why, "File exists");
    EXPECT_TRUE(fs::exists(base_ / "scratch/mine"));
}

TEST_F(ScratchTest, OneOfTheUsersIsUsedAgain)
{
    ASSERT_TRUE(run::make_scratch(scratch(false)));
    std::ofstream(base_ / "scratch/mine") << "x";
    EXPECT_TRUE(run::make_scratch(scratch(false)));
    EXPECT_TRUE(fs::exists(base_ / "scratch/mine"));
}

TEST_F(ScratchTest, AFailureLeavesNothing)
{
    fs::permissions(base_, fs::perms::owner_read | fs::perms::owner_exec);
    const Result<> made = run::make_scratch(scratch(true));
    EXPECT_EQ(made.error().why, "Permission denied");
    EXPECT_NE(made.error().hint, "");
    EXPECT_TRUE(fs::is_empty(base_));
}

TEST_F(ScratchTest, AFailureHalfWayLeavesNothing)
{
    plan::Scratch half = scratch(true);
    half.changes = {{.path = half.path + "/not/there", .source = base_, .target = "/x"}};
    EXPECT_FALSE(run::make_scratch(half));
    EXPECT_TRUE(fs::is_empty(base_));
}

TEST_F(ScratchTest, AMissingParentIsAnError)
{
    plan::Scratch deep = scratch(false);
    deep.path += "/not/there";
    EXPECT_EQ(run::make_scratch(deep).error().why, "No such file or directory");
}

/// The command of an earlier run can have put a link in the place of "tmp".
TEST_F(ScratchTest, ALinkInThePlaceOfTmpIsNotFollowed)
{
    fs::create_directory(base_ / "precious");
    fs::permissions(base_ / "precious", fs::perms::owner_all);
    fs::create_directory(base_ / "scratch");
    fs::create_directory_symlink(base_ / "precious", base_ / "scratch/tmp");
    EXPECT_FALSE(run::make_scratch(scratch(false)));
    EXPECT_EQ(mode_of(base_ / "precious"), 0700U);
}

TEST_F(ScratchTest, DirectoriesThatNobodyCanReadAreRemoved)
{
    fs::create_directories(base_ / "scratch/a/b");
    std::ofstream(base_ / "scratch/a/b/file") << "x";
    for (const char* path : {"scratch/a/b", "scratch/a", "scratch"})
        ASSERT_EQ(::chmod((base_ / path).c_str(), 0), 0);
    expect_removed();
}

TEST_F(ScratchTest, DirectoriesThatCannotBeWrittenAreRemoved)
{
    fs::create_directories(base_ / "scratch/a/b");
    std::ofstream(base_ / "scratch/a/file") << "x";
    ASSERT_EQ(::chmod((base_ / "scratch/a").c_str(), 0500), 0);
    expect_removed();
}

TEST_F(ScratchTest, LinksAreRemovedAndNotFollowed)
{
    fs::create_directories(base_ / "outside/dir");
    std::ofstream(base_ / "outside/file") << "x";
    fs::create_directory(base_ / "scratch");
    fs::create_directory_symlink(base_ / "outside", base_ / "scratch/dir");
    fs::create_symlink(base_ / "outside/file", base_ / "scratch/file");
    fs::create_symlink("nowhere", base_ / "scratch/dangling");
    expect_removed();
    EXPECT_TRUE(fs::exists(base_ / "outside/file"));
    EXPECT_TRUE(fs::exists(base_ / "outside/dir"));
}

TEST_F(ScratchTest, AScratchThatHasBecomeALinkIsNotFollowed)
{
    fs::create_directory(base_ / "outside");
    std::ofstream(base_ / "outside/file") << "x";
    fs::create_directory_symlink(base_ / "outside", base_ / "scratch");
    EXPECT_FALSE(run::remove_tree(base_ / "scratch"));
    EXPECT_TRUE(fs::exists(base_ / "outside/file"));
}

TEST_F(ScratchTest, OddNamesAndKindsAreRemoved)
{
    fs::create_directory(base_ / "scratch");
    for (const char* name : {"new\nline", " ", "-rf", "\xff\xfe", "...", "*"})
        fs::create_directories(base_ / "scratch" / name / name);
    ASSERT_EQ(::mkfifo((base_ / "scratch/fifo").c_str(), 0), 0);
    std::ofstream(base_ / "scratch/locked") << "x";
    ASSERT_EQ(::chmod((base_ / "scratch/locked").c_str(), 0), 0);
    expect_removed();
}

TEST_F(ScratchTest, ManyEntriesAreRemoved)
{
    fs::create_directory(base_ / "scratch");
    for (int i = 0; i < 3000; ++i) // more than one getdents64 gives
        std::ofstream(base_ / "scratch" / ("a-rather-long-name-of-a-file-" + std::to_string(i)));
    expect_removed();
}

TEST_F(ScratchTest, ADeepTreeIsRemovedWithFewDescriptors)
{
    fs::create_directory(base_ / "scratch");
    make_deep(base_ / "scratch", 900, 0755);
    struct ::rlimit old = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct ::rlimit few = {200, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    expect_removed();
    ::setrlimit(RLIMIT_NOFILE, &old);
}

TEST_F(ScratchTest, ADeepTreeWithoutPermissionsIsRemoved)
{
    fs::create_directory(base_ / "scratch");
    make_deep(base_ / "scratch", 300, 0);
    expect_removed();
}

TEST_F(ScratchTest, NamesOfOursThatTheCommandTookDoNotStandInTheWay)
{
    fs::create_directory(base_ / "scratch");
    for (int i = 1; i <= 3; ++i)
        fs::create_directories(base_ / "scratch" / (".glovebox-" + std::to_string(i)) / "x");
    make_deep(base_ / "scratch", 300, 0755);
    expect_removed();
}

TEST_F(ScratchTest, WhatCannotBeRemovedIsAnError)
{
    EXPECT_EQ(run::remove_tree(base_ / "missing").error().why, "No such file or directory");
    std::ofstream(base_ / "scratch") << "x";
    EXPECT_EQ(run::remove_tree(base_ / "scratch").error().why, "Not a directory");
}

} // namespace

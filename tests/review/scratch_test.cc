// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/scratch.h"

#include "review/remove.h"

#include "tree.h"

#include <cerrno>
#include <functional>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using glovebox::review::OrErrno;
using namespace glovebox::test;

class ReviewScratchTest : public FolderTest {
protected:
    [[nodiscard]] fs::path base() const override { return memory(); }
    /// As killed runs leave it.
    fs::path leave(const std::string& name)
    {
        const fs::path path = folder() / name;
        EXPECT_TRUE(review::make_held(path)); // and nobody holds it any more
        fs::create_directories(path / ".glovebox/cow/0/work/work");
        fs::create_directories(path / "tmp/a/b");
        write_file(path / "tmp/a/b/file", "text", 0);
        for (const char* sealed : {".glovebox/cow/0/work/work", "tmp/a/b", "tmp/a"})
            EXPECT_EQ(::chmod((path / sealed).c_str(), 0), 0);
        return path;
    }
    /// One that was kept, with a place.
    fs::path keep(const std::string& name)
    {
        const fs::path path = leave(name);
        write_file(path / ".glovebox/cow/0/source", source().string());
        fs::create_directory(path / ".glovebox/cow/0/upper");
        EXPECT_EQ(review::mark_kept(path), 0);
        return path;
    }
    /// In a child, which holds what it likes while `body` runs here.
    static int in_child(const std::function<void()>& hold, const std::function<void()>& body)
    {
        int ready[2];
        int go[2];
        EXPECT_EQ(::pipe(ready), 0);
        EXPECT_EQ(::pipe(go), 0);
        const int child = ::fork();
        char byte = 0;
        if (child == 0) {
            ::close(go[1]);
            hold();
            EXPECT_EQ(::write(ready[1], &byte, 1), 1);
            EXPECT_EQ(::read(go[0], &byte, 1), 0);
            ::_exit(0);
        }
        EXPECT_EQ(::read(ready[0], &byte, 1), 1);
        body();
        for (const int fd : {ready[0], ready[1], go[0], go[1]})
            ::close(fd);
        ::waitpid(child, nullptr, 0);
        return child;
    }
};

TEST_F(ReviewScratchTest, WhatKilledRunsLeftIsRemoved)
{
    leave("glovebox-one");
    const fs::path sealed = leave("glovebox-two");
    ASSERT_EQ(::chmod(sealed.c_str(), 0), 0);
    review::remove_stale(folder());
    EXPECT_FALSE(fs::exists(folder() / "glovebox-one"));
    EXPECT_FALSE(fs::exists(sealed));
}

TEST_F(ReviewScratchTest, WhatIsHeldOrKeptOrNotOursStays)
{
    const fs::path held = folder() / "glovebox-held";
    const OrErrno<sys::Fd> holder = review::make_held(held);
    keep("glovebox-kept");
    leave("other-name");
    fs::create_directory(folder() / "outside");
    write_file(folder() / "outside/file", "precious");
    fs::create_directory_symlink(folder() / "outside", folder() / "glovebox-link");
    write_file(folder() / "glovebox-file", "precious");
    const Manifest before = manifest(folder());
    review::remove_stale(folder());
    EXPECT_EQ(review::discard_stale(folder()).removed, 0U);
    EXPECT_EQ(differences(manifest(folder()), before), std::vector<std::string>());
}

TEST_F(ReviewScratchTest, LinksInTheLeavingsAreNotFollowed)
{
    const fs::path left = leave("glovebox-left");
    fs::create_directory(folder() / "outside");
    write_file(folder() / "outside/file", "precious");
    fs::create_directory_symlink(folder() / "outside", left / "way");
    fs::create_directory_symlink(folder() / "outside", left / ".glovebox/cow/0/way");
    review::remove_stale(folder());
    EXPECT_FALSE(fs::exists(left));
    EXPECT_EQ(read_file(folder() / "outside/file"), "precious");
}

TEST_F(ReviewScratchTest, OneRunDoesNotRemoveThemAllButDiscardDoes)
{
    for (int i = 0; i < 40; ++i)
        ASSERT_TRUE(review::make_held(folder() / ("glovebox-" + std::to_string(i))));
    review::remove_stale(folder());
    const review::Stale stale = review::discard_stale(folder());
    EXPECT_GT(stale.removed, 10U);
    EXPECT_LT(stale.removed, 40U);
    EXPECT_TRUE(stale.failures.empty());
    review::remove_stale(folder() / "not there");
}

/// Runs that begin while others clean up: each has its scratch, and keeps it.
TEST_F(ReviewScratchTest, AScratchThatIsJustBeingMadeIsNotLost)
{
    const int cleaner = ::fork();
    if (cleaner == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            review::remove_stale(folder());
    }
    int lost = 0;
    for (int i = 0; i < 2000; ++i) {
        const fs::path path = folder() / ("glovebox-" + std::to_string(i));
        const OrErrno<sys::Fd> held = review::make_held(path);
        lost += !held || ::mkdir((path / "tmp").c_str(), 0700) != 0 || review::remove_entry(AT_FDCWD, path) != 0;
    }
    ::kill(cleaner, SIGKILL);
    ::waitpid(cleaner, nullptr, 0);
    EXPECT_EQ(lost, 0);
}

TEST_F(ReviewScratchTest, AFreshOneMustNotBeThere)
{
    fs::create_directory(folder() / "there");
    const OrErrno<sys::Fd> held = review::make_held(folder() / "there");
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error(), EEXIST);
    EXPECT_EQ(review::make_held(folder() / "not/there").error(), ENOENT);
}

TEST_F(ReviewScratchTest, WhoComesSecondIsToldWhoHasIt)
{
    fs::create_directory(folder() / "scratch");
    std::vector<Error> errors;
    const int holder = in_child([&] { static const Result<sys::Fd> held = review::lock_scratch(folder() / "scratch"); },
                                [&] {
                                    errors.push_back(review::lock_scratch(folder() / "scratch").error());
                                    errors.push_back(review::open_scratch(folder() / "scratch").error());
                                    errors.push_back(review::discard_scratch(folder() / "scratch").error());
                                });
    for (const Error& error : errors) {
        EXPECT_EQ(error.what, "the scratch " + (folder() / "scratch").string() + " is in use by process " + std::to_string(holder));
        EXPECT_NE(error.hint, "");
    }
    EXPECT_TRUE(review::lock_scratch(folder() / "scratch"));
}

TEST_F(ReviewScratchTest, ARunThatKeepsNothingHoldsItsScratch)
{
    const fs::path path = folder() / "glovebox-fresh";
    std::vector<Error> errors;
    in_child(
        [&] {
            static const OrErrno<sys::Fd> held = review::make_held(path);
            fs::create_directories(path / ".glovebox/cow");
        },
        [&] {
            errors.push_back(review::discard_scratch(path).error());
            errors.push_back(review::open_scratch(path).error());
            review::remove_stale(folder());
            EXPECT_TRUE(fs::exists(path));
        });
    for (const Error& error : errors)
        EXPECT_EQ(error.what, "the scratch " + path.string() + " is in use by another run");
    EXPECT_TRUE(review::discard_scratch(path));
}

TEST_F(ReviewScratchTest, PlacesAreReadInTheirOrder)
{
    const fs::path path = keep("kept");
    for (const std::string number : {"10", "2"}) {
        fs::create_directories(path / ".glovebox/cow" / number);
        write_file(path / ".glovebox/cow" / number / "source", "/source of " + number + "\n,:\\");
        set_time(path / ".glovebox/cow" / number / "source", 1'234'567'890'987'654'321);
    }
    const Result<review::Scratch> scratch = review::open_scratch(path.string() + "//");
    ASSERT_TRUE(scratch) << scratch.error().what;
    ASSERT_EQ(scratch->places.size(), 3U);
    EXPECT_EQ(scratch->places[0].source, source());
    EXPECT_EQ(scratch->places[1].source, "/source of 2\n,:\\");
    EXPECT_EQ(scratch->places[2].upper(), path / ".glovebox/cow/10/upper");
    EXPECT_EQ(scratch->places[2].since.tv_sec, 1'234'567'890);
    EXPECT_EQ(scratch->places[2].since.tv_nsec, 987'654'321);
}

TEST_F(ReviewScratchTest, WhatIsNoScratchIsRefused)
{
    write_file(folder() / "file", "x");
    keep("kept");
    fs::create_directory_symlink(folder() / "kept", folder() / "link");
    const Manifest before = manifest(folder());
    for (const fs::path& path : {source(), folder() / "file", folder() / "link"}) {
        EXPECT_EQ(review::discard_scratch(path).error().what, path.string() + " is not a scratch of glovebox");
        EXPECT_EQ(review::open_scratch(path).error().what, path.string() + " is not a scratch of glovebox");
    }
    EXPECT_EQ(review::discard_scratch(folder() / "missing").error().why, "No such file or directory");
    EXPECT_EQ(differences(manifest(folder()), before), std::vector<std::string>());
}

TEST_F(ReviewScratchTest, AKeptScratchIsDiscardedWhole)
{
    const fs::path path = keep("kept");
    EXPECT_TRUE(review::discard_scratch(path));
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(ReviewScratchTest, WhatCouldNotBeRemovedCanBeTriedAgain)
{
    const fs::path path = keep("kept");
    fs::create_directory(path / "busy");
    mount_small_disk(path / "busy", 4096);
    const Result<> discarded = review::discard_scratch(path);
    ASSERT_FALSE(discarded);
    EXPECT_EQ(discarded.error().why, "Device or resource busy");
    EXPECT_TRUE(review::open_scratch(path));
}

} // namespace

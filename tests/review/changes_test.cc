// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/changes.h"
#include "review/render.h"

#include "tree.h"

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using namespace glovebox::test;

using Lines = std::vector<std::string>;

class ChangesTest : public FolderTest {
protected:
    void SetUp() override
    {
        FolderTest::SetUp();
        fs::create_directories(source() / "dir/sub");
        write_file(source() / "dir/file", "one\n");
        write_file(source() / "dir/sub/deep", "deep\n");
        write_file(source() / "file", "two\n");
        fs::create_symlink("file", source() / "link");
    }
    [[nodiscard]] std::vector<review::Change> changes() const
    {
        const auto listed = review::list_changes(place());
        EXPECT_TRUE(listed) << listed.error().what << ": " << listed.error().why;
        return listed.value_or(std::vector<review::Change>());
    }
    [[nodiscard]] static Lines lines(const std::vector<review::Change>& changes)
    {
        Lines out;
        for (const review::Change& change : changes)
            out.push_back(review::render_line(change, change.path));
        return out;
    }
    [[nodiscard]] Lines lines() const { return lines(changes()); }
    /// The paths that have a conflict, and which.
    [[nodiscard]] Lines conflicts() const
    {
        Lines out;
        for (const review::Change& change : changes())
            if (!change.conflict.empty())
                out.push_back(change.path + " " + change.conflict);
        return out;
    }
    /// Long enough for the clock of the file system to go on.
    static void wait_for_the_clock() { ::usleep(20'000); }
};

constexpr const char* kChanged = " has changed on the host since the run began";
constexpr const char* kVanished = " was removed on the host since the run began";

TEST_F(ChangesTest, NothingIsNoChange)
{
    run_in_overlay_sh("ls -lR > /dev/null");
    EXPECT_EQ(lines(), Lines());
}

TEST_F(ChangesTest, WhatOnlyWasOpenedOrTouchedIsNoChange)
{
    run_in_overlay_sh("touch file dir dir/file; : >> dir/sub/deep; chmod 600 file; chmod 644 file; touch -h link");
    EXPECT_EQ(lines(), Lines());
}

TEST_F(ChangesTest, EachKindHasItsLetter)
{
    run_in_overlay_sh("echo new > new; echo more >> file; rm dir/file; chmod 700 dir/sub; chmod 755 dir/sub/deep; "
                      "ln -sf elsewhere link; mkdir empty; rm file; ln -s dir file");
    EXPECT_EQ(lines(), (Lines{"D dir/file", "m dir/sub/ 0755 -> 0700", "m dir/sub/deep 0644 -> 0755", "A empty/",
                              "T file file -> symbolic link to dir", "M link -> elsewhere", "A new"}));
}

TEST_F(ChangesTest, ARemovedTreeIsListedWhole)
{
    run_in_overlay_sh("rm -rf dir");
    EXPECT_EQ(lines(), (Lines{"D dir/", "D dir/file", "D dir/sub/", "D dir/sub/deep"}));
}

TEST_F(ChangesTest, ADirectoryMadeAgainIsComparedWithTheOldOne)
{
    run_in_overlay_sh("rm -rf dir; mkdir -p dir/sub; echo one > dir/file; echo x > dir/sub/other");
    EXPECT_EQ(lines(), (Lines{"D dir/sub/deep", "A dir/sub/other"}));
}

TEST_F(ChangesTest, KindsChangeBothWays)
{
    run_in_overlay_sh("rm -rf dir file; echo x > dir; mkdir -p file/new; echo x > file/new/x");
    EXPECT_EQ(lines(), (Lines{"T dir directory -> file", "D dir/file", "D dir/sub/", "D dir/sub/deep", "T file file -> directory",
                              "A file/new/", "A file/new/x"}));
}

TEST_F(ChangesTest, ARenameIsARemovalAndAnAddition)
{
    run_in_overlay_sh("mv file dir/moved; mv dir renamed");
    EXPECT_EQ(lines(), (Lines{"D dir/", "D dir/file", "D dir/sub/", "D dir/sub/deep", "D file", "A renamed/", "A renamed/file",
                              "A renamed/moved", "A renamed/sub/", "A renamed/sub/deep"}));
    EXPECT_EQ(conflicts(), Lines());
}

TEST_F(ChangesTest, TheOrderIsThatOfAWalk)
{
    run_in_overlay_sh("mkdir a; echo x > a/b; echo x > a-b; echo x > a.b; echo x > .a");
    EXPECT_EQ(lines(), (Lines{"A .a", "A a/", "A a/b", "A a-b", "A a.b"}));
}

TEST_F(ChangesTest, TheModeOfThePlaceItself)
{
    run_in_overlay_sh("chmod 700 .");
    EXPECT_EQ(lines(), (Lines{"m ./ 0755 -> 0700"}));
}

/// Whoever changes a file and gives it back its time and size does not hide it.
TEST_F(ChangesTest, TheContentIsComparedAndNotTheTime)
{
    run_in_overlay_sh("touch -r file /tmp/glovebox-review-stamp; echo six > file; touch -r /tmp/glovebox-review-stamp file");
    fs::remove("/tmp/glovebox-review-stamp");
    EXPECT_EQ(lines(), (Lines{"M file"}));
}

TEST_F(ChangesTest, FilesThatNobodyMayReadAreCompared)
{
    ASSERT_EQ(::chmod((source() / "file").c_str(), 0), 0);
    ASSERT_EQ(::chmod((source() / "dir").c_str(), 0), 0);
    run_in_overlay_sh("touch file dir/file; echo more >> dir/sub/deep");
    EXPECT_EQ(lines(), (Lines{"M dir/sub/deep"}));
}

TEST_F(ChangesTest, LinksAreTold)
{
    run_in_overlay_sh("ln file dir/same; echo x > new1; ln new1 new2");
    EXPECT_EQ(lines(), (Lines{"A dir/same (the same file as file)", "A new1", "A new2 (the same file as new1)"}));
}

TEST_F(ChangesTest, AFileThatBecameALinkToItsTwinIsAChange)
{
    write_file(source() / "twin", "two\n");
    run_in_overlay_sh("ln -f file twin");
    EXPECT_EQ(lines(), (Lines{"M twin (the same file as file)"}));
}

TEST_F(ChangesTest, SetuidAndSpecialFilesAreTold)
{
    run_in_overlay_sh("cp file tool; chmod 4755 tool; mkfifo pipe");
    EXPECT_EQ(lines(), (Lines{"A pipe (fifo)", "A tool (mode 4755)"}));
}

TEST_F(ChangesTest, ExtendedAttributesAloneAreAChangeOfMode)
{
    set_xattr(source() / "file", "user.note", "old");
    run_in_overlay([](const fs::path& merged) {
        set_xattr(merged / "file", "user.note", "new");
        set_xattr(merged / "dir", "user.note", "new");
    });
    EXPECT_EQ(lines(), (Lines{"m dir/ (extended attributes)", "m file (extended attributes)"}));
}

/// As newer kernels have them below another overlay.
TEST_F(ChangesTest, WhiteoutsThatAreFilesAreUnderstood)
{
    run_in_overlay_sh("echo x > dir/other");
    set_xattr(upper() / "dir", "user.overlay.opaque", "x");
    write_file(upper() / "dir/file", "");
    set_xattr(upper() / "dir/file", "user.overlay.whiteout", "");
    EXPECT_EQ(lines(), (Lines{"D dir/file", "A dir/other"}));
}

TEST_F(ChangesTest, WhatWasAppliedByHandIsNoChange)
{
    run_in_overlay_sh("echo more >> file; rm -r dir; mkdir new; echo x > new/x");
    write_file(source() / "file", "two\nmore\n");
    fs::remove_all(source() / "dir");
    fs::create_directory(source() / "new");
    write_file(source() / "new/x", "x\n");
    EXPECT_EQ(lines(), Lines());
}

TEST_F(ChangesTest, WhatTheHostChangedSinceIsAConflict)
{
    run_in_overlay_sh("echo more >> file; rm -r dir; ln -sf elsewhere link; echo x > new; echo x > other");
    wait_for_the_clock();
    write_file(source() / "dir/sub/deep", "changed\n");
    write_file(source() / "dir/appeared", "x\n");
    ASSERT_EQ(::chmod((source() / "file").c_str(), 0600), 0);
    write_file(source() / "new", "of the host\n");
    write_file(source() / "untouched", "x\n");
    EXPECT_EQ(conflicts(), (Lines{std::string("dir/appeared") + kChanged, std::string("dir/sub/deep") + kChanged,
                                  std::string("file") + kChanged, std::string("new") + kChanged}));
}

TEST_F(ChangesTest, WhatVanishedFromTheHostSinceIsAConflict)
{
    run_in_overlay_sh("echo more >> file; echo more >> dir/sub/deep; echo x > new; rm dir/file");
    wait_for_the_clock();
    fs::remove(source() / "file");
    fs::remove(source() / "dir/file");
    fs::remove_all(source() / "dir/sub");
    EXPECT_EQ(conflicts(), (Lines{std::string("dir/sub") + kVanished, std::string("file") + kVanished}));
}

TEST_F(ChangesTest, ARenameIsNotTakenForSomethingThatVanished)
{
    run_in_overlay_sh("mv file dir/moved");
    wait_for_the_clock();
    write_file(source() / "dir/unrelated", "x\n");
    EXPECT_EQ(lines(), (Lines{"A dir/moved", "D file"}));
    EXPECT_EQ(conflicts(), Lines());
}

TEST_F(ChangesTest, ADirectoryOfAnotherModeIsAConflictOnlyWhereTheHostChangedThat)
{
    run_in_overlay_sh("chmod 700 dir dir/sub");
    wait_for_the_clock();
    write_file(source() / "dir/unrelated", "x\n");
    ASSERT_EQ(::chmod((source() / "dir/sub").c_str(), 0711), 0);
    EXPECT_EQ(lines(), (Lines{"m dir/ 0755 -> 0700", "m dir/sub/ 0711 -> 0700"}));
    EXPECT_EQ(conflicts(), (Lines{std::string("dir/sub") + kChanged}));
}

TEST_F(ChangesTest, AParentThatBecameALinkIsNotFollowed)
{
    fs::create_directories(folder() / "elsewhere/sub");
    write_file(folder() / "elsewhere/sub/deep", "precious\n");
    run_in_overlay_sh("echo more >> dir/sub/deep");
    wait_for_the_clock();
    fs::remove_all(source() / "dir");
    fs::create_directory_symlink(folder() / "elsewhere", source() / "dir");
    EXPECT_EQ(lines(), (Lines{"T dir symbolic link -> directory", "A dir/sub/", "A dir/sub/deep"}));
    EXPECT_EQ(conflicts(), (Lines{std::string("dir") + kChanged}));
}

TEST_F(ChangesTest, APathThatIsTooLongIsAnError)
{
    run_in_overlay([](const fs::path& merged) { make_deep(merged, std::string(100, 'd'), 50); });
    const auto listed = review::list_changes(place());
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().why, "File name too long");
}

TEST_F(ChangesTest, SelectedAreThosePathsAndTheDirectoriesThatTheyNeed)
{
    run_in_overlay_sh("mkdir -p n/m; echo x > n/m/x; echo x > n/y; rm -r dir; echo more >> file");
    const auto select = [&](std::set<std::string> paths, const std::set<std::string>& unknown) {
        const auto selected = review::select_changes(changes(), paths);
        EXPECT_EQ(paths, unknown);
        return lines(selected);
    };
    EXPECT_EQ(select({"n/m/x"}, {}), (Lines{"A n/", "A n/m/", "A n/m/x"}));
    EXPECT_EQ(select({"dir/sub", "fil"}, {"fil"}), (Lines{"D dir/sub/", "D dir/sub/deep"}));
    EXPECT_EQ(select({"n", "file"}, {}), (Lines{"M file", "A n/", "A n/m/", "A n/m/x", "A n/y"}));
    EXPECT_EQ(select({"."}, {}), lines());
}

} // namespace

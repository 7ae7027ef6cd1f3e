// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/apply.h"
#include "review/copy.h"
#include "review/render.h"

#include "random_tree.h"

#include <cstdlib>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using namespace glovebox::test;

using Lines = std::vector<std::string>;

class ApplyTest : public FolderTest {
protected:
    [[nodiscard]] fs::path base() const override { return memory(); }
    [[nodiscard]] static std::vector<review::Change> changes_of(const review::Place& place)
    {
        const auto listed = review::list_changes(place);
        EXPECT_TRUE(listed) << listed.error().what << ": " << listed.error().why;
        return listed.value_or(std::vector<review::Change>());
    }
    [[nodiscard]] Result<> try_apply() const
    {
        const review::Place of = place();
        return review::apply_changes(std::vector<review::Selection>{{&of, changes_of(of)}});
    }
    /// Applies all; there is no change then any more.
    void apply()
    {
        const Result<> applied = try_apply();
        EXPECT_TRUE(applied) << applied.error().what << ": " << applied.error().why;
        EXPECT_TRUE(changes_of(place()).empty());
    }
    void expect_refused(const std::string& what, const std::string& why)
    {
        const Manifest before = manifest(source());
        const Result<> applied = try_apply();
        ASSERT_FALSE(applied);
        EXPECT_EQ(applied.error().what, what);
        EXPECT_EQ(applied.error().why, why);
        EXPECT_EQ(differences(manifest(source()), before), Lines());
    }
    /// What the command saw at the end.
    [[nodiscard]] Manifest seen()
    {
        Manifest out;
        run_in_overlay([&](const fs::path& merged) { out = manifest(merged); });
        return out;
    }
    void copy_source(const fs::path& to) const
    {
        ASSERT_TRUE(review::copy_tree(AT_FDCWD, source(), AT_FDCWD, to, {source(), {}}));
        ASSERT_EQ(differences(manifest(source()), manifest(to)), Lines());
    }
};

TEST_F(ApplyTest, TimesAreThoseOfTheScratch)
{
    write_file(source() / "changed", "old");
    write_file(source() / "touched", "old");
    write_file(source() / "mode", "old");
    for (const char* name : {"changed", "touched", "mode"})
        set_time(source() / name, 1'000'000'000);
    constexpr std::int64_t kTime = 1'234'567'890'123'456'789;
    run_in_overlay([](const fs::path& merged) {
        write_file(merged / "changed", "new");
        fs::create_directory(merged / "directory");
        write_file(merged / "directory/file", "new");
        fs::create_symlink("x", merged / "link");
        for (const char* name : {"changed", "touched", "directory/file", "directory", "link"})
            set_time(merged / name, kTime);
        ASSERT_EQ(::chmod((merged / "mode").c_str(), 0600), 0);
    });
    apply();
    for (const char* name : {"changed", "directory/file", "directory", "link"})
        EXPECT_EQ(time_of(source() / name), kTime) << name;
    for (const char* name : {"touched", "mode"})
        EXPECT_EQ(time_of(source() / name), 1'000'000'000) << name;
}

TEST_F(ApplyTest, LinksAreMadeAsTheyAreInTheScratch)
{
    write_file(source() / "a", "text");
    write_file(source() / "twin", "text");
    write_file(source() / "one", "shared");
    fs::create_hard_link(source() / "one", source() / "two");
    run_in_overlay_sh("ln a b; ln -f a twin; echo x > new; mkdir d; ln new d/again; chmod 600 one; ln two three");
    apply();
    EXPECT_TRUE(fs::equivalent(source() / "a", source() / "b"));
    EXPECT_TRUE(fs::equivalent(source() / "a", source() / "twin"));
    EXPECT_TRUE(fs::equivalent(source() / "new", source() / "d/again"));
    // The mode changed at one name only, which has parted from the other.
    EXPECT_EQ(mode_of(source() / "one"), 0600U);
    EXPECT_EQ(mode_of(source() / "two"), 0644U);
    EXPECT_TRUE(fs::equivalent(source() / "two", source() / "three"));
}

TEST_F(ApplyTest, SparseFilesStaySparse)
{
    run_in_overlay_sh("truncate -s 100M sparse; echo x >> sparse");
    apply();
    struct ::stat status = {};
    ASSERT_EQ(::stat((source() / "sparse").c_str(), &status), 0);
    EXPECT_EQ(status.st_size, (100 << 20) + 2);
    EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST_F(ApplyTest, TheScriptThatTouchesEverything)
{
    fs::create_directories(source() / "old/tree/of/files");
    for (int i = 0; i < 200; ++i)
        write_file(source() / "old/tree" / std::to_string(i), std::to_string(i));
    for (int i = 0; i < 200; ++i)
        write_file(source() / std::to_string(i), std::to_string(i));
    copy_source(folder() / "outside");
    const std::string script = "rm -rf old/tree/of; mv old renamed; rm -f 1?; chmod -R go-rwx renamed; "
                               "for i in 20 21 22 23; do mv $i renamed/x$i; done; chmod 555 renamed/tree; "
                               "mkdir -p out/sub; seq 1 10000 | split -l 1 -a 4 - out/sub/f; ln -s ../renamed out/link; rm 30; mkdir 30";
    run_in_overlay_sh(script);
    EXPECT_EQ(std::system(("cd '" + (folder() / "outside").string() + "' && " + script).c_str()), 0);
    apply();
    EXPECT_EQ(differences(manifest(source()), manifest(folder() / "outside")), Lines());
    EXPECT_EQ(manifest(source() / "out/sub").size(), 10'001U);
}

TEST_F(ApplyTest, AConflictMeansThatNothingIsWritten)
{
    write_file(source() / "file", "old");
    run_in_overlay_sh("echo new > file; echo new > another");
    ::usleep(20'000);
    write_file(source() / "file", "of the host");
    expect_refused((source() / "file").string() + " has changed on the host since the run began", "");
}

TEST_F(ApplyTest, ASpecialFileMeansThatNothingIsWritten)
{
    run_in_overlay_sh("echo new > another; mkdir dir; mkfifo dir/pipe");
    expect_refused("applying " + (source() / "dir/pipe").string(), "it is a fifo");
}

TEST_F(ApplyTest, AFullDiskMeansThatNothingIsWritten)
{
    mount_small_disk(source(), 1 << 20);
    fs::create_directory(source() / "dir");
    write_file(source() / "dir/old", std::string(300'000, 'x'));
    write_file(source() / "file", "old");
    run_in_overlay_sh("rm -r dir; echo new > file; chmod 700 .; mkdir -p new/dir; head -c 500000 /dev/zero | tr '\\0' y > new/dir/one; "
                      "cp new/dir/one two");
    expect_refused("applying " + (source() / "two").string(), "No space left on device");
    fs::remove(source() / "dir/old");
    apply();
    EXPECT_EQ(differences(manifest(source()), seen()), Lines());
}

TEST_F(ApplyTest, AFailureAtTheEndIsTakenBack)
{
    for (const char* name : {"a", "b", "gone", "mode"})
        write_file(source() / name, "old");
    fs::create_directory(source() / "busy");
    run_in_overlay_sh("echo new > a; rm gone; chmod 700 .; chmod 600 mode; mkdir new; echo x > new/x; rmdir busy");
    mount_small_disk(source() / "busy", 4096); // a mount point cannot be removed
    const Manifest before = manifest(source());
    const review::Place of = place();
    const Result<> applied = review::apply_changes(std::vector<review::Selection>{{&of, changes_of(of)}});
    ASSERT_FALSE(applied);
    EXPECT_EQ(differences(manifest(source()), before), Lines());
}

TEST_F(ApplyTest, SeveralPlacesAreOne)
{
    const fs::path other = folder() / "other";
    fs::create_directories(other);
    write_file(source() / "file", "old");
    write_file(other / "file", "old");
    run_in_overlay_sh("echo new > file; mkdir sub; mkfifo sub/pipe");
    const review::Place first = place();
    review::Place second = first;
    second.source = other;
    std::vector<review::Change> good = changes_of(second);
    std::erase_if(good, [](const review::Change& change) { return change.path == "sub/pipe"; });
    EXPECT_FALSE(review::apply_changes(std::vector<review::Selection>{{&second, good}, {&first, changes_of(first)}}));
    EXPECT_EQ(read_file(other / "file"), "old");
    EXPECT_TRUE(review::apply_changes(std::vector<review::Selection>{{&second, good}}));
    EXPECT_EQ(read_file(other / "file"), "new\n");
}

TEST_F(ApplyTest, ASecondRunAfterAnApplyHasNoConflict)
{
    write_file(source() / "file", "old\n");
    run_in_overlay_sh("echo 1 >> file");
    apply();
    ASSERT_TRUE(review::restart_place(place()));
    run_in_overlay_sh("echo 2 >> file");
    apply();
    EXPECT_EQ(read_file(source() / "file"), "old\n1\n2\n");
}

/// The names that are only ours do not stay, and do not stand in the way of other's.
TEST_F(ApplyTest, LongNamesAreApplied)
{
    const std::string name(255, 'n');
    write_file(source() / name, "old");
    run_in_overlay([&](const fs::path& merged) {
        write_file(merged / name, "new");
        write_file(merged / std::string(255, 'm'), "new");
        make_deep(merged, std::string(200, 'd'), 15);
    });
    apply();
    EXPECT_EQ(differences(manifest(source()), seen()), Lines());
}

/// Every tenth case is on disk.
class RandomApplyTest : public ApplyTest, public testing::WithParamInterface<unsigned> {
protected:
    [[nodiscard]] fs::path base() const override { return GetParam() % 10 == 0 ? fs::temp_directory_path() : memory(); }
    [[nodiscard]] fs::path outside() const { return folder() / "outside"; }

    /// The times of what is new or has other content. A new name of a file of the host has its time.
    [[nodiscard]] static std::map<std::string, std::int64_t> times(const fs::path& top, const std::vector<review::Change>& changes)
    {
        std::map<std::string, std::int64_t> out;
        for (const review::Change& change : changes)
            if (change.after.st_mode != 0 && change.kind != review::Change::Kind::mode && !S_ISDIR(change.after.st_mode) && !change.link_is_unchanged)
                out[change.path] = time_of(top / change.path);
        return out;
    }
};

/// The words of the issue: the same operations inside, and outside on a copy, come to the same.
TEST_P(RandomApplyTest, AppliedIsWhatTheCommandDid)
{
    Random random(GetParam());
    make_random_tree(source(), random);
    copy_source(outside());
    Actor actor(outside(), random);
    const int runs = random() % 4 == 0 ? 2 : 1;
    std::string story;
    for (int run = 0; run < runs; ++run) {
        std::vector<Operation> operations;
        for (std::size_t count = 1 + random() % 25; count > 0; --count)
            story += describe(operations.emplace_back(actor.act())) + "\n";
        run_in_overlay([&](const fs::path& merged) {
            for (const Operation& operation : operations) {
                SCOPED_TRACE(describe(operation));
                perform(operation, merged);
            }
        });
    }
    SCOPED_TRACE(story);
    const Manifest saw = seen();
    EXPECT_EQ(differences(saw, manifest(outside())), Lines());

    const review::Place of = place();
    const std::vector<review::Change> changes = changes_of(of);
    if (!changes.empty() && random() % 3 == 0) {
        // First some of them, then the rest.
        std::set<std::string> paths = {changes[random() % changes.size()].path, changes[random() % changes.size()].path};
        const Result<> applied = review::apply_changes(std::vector<review::Selection>{{&of, review::select_changes(changes, paths)}});
        EXPECT_TRUE(applied) << applied.error().what << ": " << applied.error().why;
        EXPECT_TRUE(review::restart_place(of));
    }
    std::map<std::string, std::int64_t> times_inside;
    run_in_overlay([&](const fs::path& merged) { times_inside = times(merged, changes); });
    apply();
    EXPECT_EQ(differences(manifest(source()), saw), Lines());
    EXPECT_EQ(times(source(), changes), times_inside);
}

unsigned case_count()
{
    const char* const is_long = std::getenv("GLOVEBOX_TEST_LONG");
    return is_long != nullptr && std::string_view(is_long) == "1" ? 5000 : 300;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomApplyTest, testing::Range(0U, case_count()));

} // namespace

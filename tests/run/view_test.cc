// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// What the command sees of the host, and where its writes land.

#include "harness.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

namespace fs = std::filesystem;

class View : public Sandbox {
protected:
    /// A directory of the host with a file "file" that holds `text`.
    fs::path make_directory(const std::string& name, const std::string& text) const
    {
        const fs::path path = directory() / name;
        fs::create_directories(path);
        write_file(path / "file", text);
        return path;
    }
};

/// For a shell: the path as one word.
std::string shell_word(const fs::path& path)
{
    std::string out = "'";
    for (const char c : path.native())
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

TEST_F(View, HostFilesCannotBeChanged)
{
    const fs::path ours = make_directory("ours", "text");
    const std::string file = shell_word(ours / "file");
    // Each of these is ours to do on the host.
    for (const std::string& change : {"echo x > " + file, "touch " + file, "chmod 600 " + file, "rm " + file, "mv " + file + " /tmp/",
                                      "ln " + file + " " + file + "2", "mkdir " + file + "2", "truncate -s 0 " + file}) {
        const Finished finished = run(glovebox_sh({"--ro", ours}, change));
        EXPECT_NE(finished.status, 0) << change;
        EXPECT_TRUE(finished.err.contains("Read-only file system")) << change << ": " << finished.err;
    }
    EXPECT_EQ(read_file(ours / "file"), "text");
    EXPECT_EQ(list(ours), (Words{"file"}));
}

TEST_F(View, SystemDirectoriesCannotBeWritten)
{
    for (const char* place : {"/", "/etc", "/usr", "/usr/bin", "/var", "/sys", "/dev"}) {
        const Finished finished = run(glovebox_sh({}, std::string(": > ") + place + "/run-test-file"));
        EXPECT_NE(finished.status, 0) << place;
        EXPECT_FALSE(fs::exists(std::string(place) + "/run-test-file"));
    }
    EXPECT_TRUE(run(glovebox_sh({}, "mkdir /usr/run-test")).err.contains("Read-only file system"));
}

TEST_F(View, OnlyPrivatePlacesAreWritable)
{
    const std::set<std::string> writable = {"/build", "/tmp", "/var/tmp", "/home", "/root", "/run", "/proc", "/dev/shm", "/dev/pts",
                                            "/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero",
                                            passwd_home()};
    Launch launch = glovebox(join({with_probe(), {"--", "/probe"}}));
    launch.directory = "/";
    for (const Mount& mount : parse_world(run(launch).out).mounts)
        EXPECT_TRUE(mount.has("ro") || writable.contains(mount.target)) << mount.target << " " << mount.options;
}

TEST_F(View, MountsHoldNoSetuidProgramsAndNoDevices)
{
    for (const Mount& mount : look().mounts) {
        EXPECT_TRUE(mount.has("nosuid")) << mount.target;
        EXPECT_TRUE(mount.has("nodev") || mount.target.starts_with("/dev/")) << mount.target;
    }
}

TEST_F(View, HomesAndTemporaryDirectoriesAreEmptyAndWritable)
{
    Launch launch = glovebox_sh({}, "for d in /home /root /run /tmp /var/tmp " + shell_word(passwd_home()) + "; do "
                                    "[ \"$d\" = /home ] || [ -d \"$d\" ] || continue; "
                                    "ls -A \"$d\" && mkdir \"$d/made\" && rmdir \"$d/made\" || echo \"$d\"; done");
    launch.directory = "/";
    const Finished finished = run(launch);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(finished.err, "");
}

TEST_F(View, WhatIsWrittenThereStaysInside)
{
    const std::string name = directory().filename().string() + "-inside";
    const Finished finished = run(glovebox_sh({}, "for d in /home /root /run /tmp /var/tmp; do : > $d/" + name + " || exit 1; done"));
    EXPECT_EQ(finished.status, 0) << finished.err;
    for (const char* place : {"/home", "/root", "/run", "/tmp", "/var/tmp"}) {
        std::error_code ignored; // an ordinary user cannot look into /root, nor could it have written there
        EXPECT_FALSE(fs::exists(fs::path(place) / name, ignored)) << place;
    }
}

TEST_F(View, HomeOutsideOfHomeIsHidden)
{
    Launch launch = glovebox({"--", "ls", "-A", "/usr/share"});
    EXPECT_NE(run(launch).out, "");
    launch.environment["HOME"] = "/usr/share";
    EXPECT_EQ(run(launch).out, "");
}

TEST_F(View, DevHoldsTheNeededAndNoMore)
{
    EXPECT_EQ(run(glovebox({"--", "ls", "/dev"})).out,
              "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n");
    const Finished finished = run(glovebox_sh({}, "echo a > /dev/null && head -c 3 /dev/zero | wc -c && head -c 3 /dev/urandom | wc -c && "
                                                  "echo b > /dev/shm/file && cat /dev/shm/file && echo c > /dev/stdout && ls /dev/pts"));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.out, "3\n3\nb\nc\nptmx\n");
}

// -- scratch --------------------------------------------------------------------------------------

TEST_F(View, ScratchIsHomeAndHoldsTmp)
{
    const Finished finished = run(glovebox_sh({}, "echo $HOME; cd; pwd; echo a > /tmp/a; cat /build/tmp/a /var/tmp/a; stat -c %a /build /tmp"));
    EXPECT_EQ(finished.out, "/build\n/build\na\na\n700\n1777\n");
}

TEST_F(View, ScratchIsDeletedAtTheEnd)
{
    const Finished finished = run(glovebox_sh({}, "cd /build && mkdir -p a/b c && : > a/b/file && ln -s / link && chmod 0 a/b a && chmod 500 c && "
                                                  "mkfifo fifo && ls " + shell_word(scratches())));
    EXPECT_TRUE(finished.out.starts_with("glovebox-")) << finished.out;
    EXPECT_EQ(finished.err, "");
    EXPECT_EQ(list(scratches()), Words());
}

TEST_F(View, ADeepScratchIsDeletedAtTheEnd)
{
    // Deeper than a process may have descriptors open. No path may be longer than 4095 bytes.
    const Finished finished = run(glovebox_sh({}, "cd /build && deep=$(printf 'd/%.0s' $(seq 1500)) && "
                                                  "mkdir -p $deep && : > $deep/file && mv d e && mkdir -p $deep && mv e $deep && echo made"));
    EXPECT_EQ(finished.out, "made\n");
    EXPECT_EQ(finished.err, "");
}

TEST_F(View, DeletingTheScratchFollowsNoLink)
{
    const fs::path precious = make_directory("precious", "text");
    const Finished finished = run(glovebox_sh({}, "ln -s " + shell_word(precious) + " /build/link && ln -s " + shell_word(precious) + " /tmp/link"));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(read_file(precious / "file"), "text");
}

TEST_F(View, ScratchIsKeptOnRequest)
{
    Launch launch = glovebox_sh({"--keep"}, "echo text > /build/file");
    launch.directory = "/";
    const Finished finished = run(launch);
    EXPECT_EQ(finished.status, 0);
    const Words kept = list(scratches());
    ASSERT_EQ(kept.size(), 1U);
    const fs::path scratch = scratches() / kept[0];
    EXPECT_EQ(finished.err, "glovebox: the scratch is kept: " + scratch.string() + "\n");
    EXPECT_EQ(read_file(scratch / "file"), "text\n");
    remove_tree(scratch);
}

TEST_F(View, KeepingIsSilentWithQuiet)
{
    EXPECT_EQ(run(glovebox({"--keep", "--quiet", "--", "true"})).err, "");
    remove_tree(scratches());
    fs::create_directory(scratches());
}

TEST_F(View, ScratchCanBeChosenAndIsKept)
{
    for (const char* text : {"first", "second"}) { // made the first time, found the second
        const Finished finished = run(glovebox_sh({"--scratch", "own/../own"}, std::string("cat /build/file; echo ") + text + " > /build/file"));
        EXPECT_EQ(finished.status, 0) << finished.err;
        EXPECT_EQ(read_file(directory() / "own" / "file"), std::string(text) + "\n");
    }
    EXPECT_EQ(run(glovebox({"--scratch", "own", "--", "cat", "/build/file"})).out, "second\n");
}

TEST_F(View, ScratchOfAnEarlierRunCannotRedirectTmp)
{
    const fs::path victim = make_directory("victim", "text");
    ASSERT_EQ(::chmod(victim.c_str(), 0700), 0);
    EXPECT_EQ(run(glovebox_sh({"--scratch", "own"}, "mv /build/tmp /build/other && ln -s " + shell_word(victim) + " /build/tmp")).status, 0);
    const Finished finished = run(glovebox_sh({"--scratch", "own"}, "ls /tmp; : > /tmp/escaped; echo ran"));
    EXPECT_EQ(finished.status, kOwnFailure);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(list(victim), (Words{"file"}));
    struct ::stat status = {};
    ASSERT_EQ(::stat(victim.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700U);
}

// -- the working directory ------------------------------------------------------------------------

/// Started below the real home of the user.
class BelowHome : public View {
protected:
    void SetUp() override
    {
        View::SetUp();
        std::string pattern = passwd_home() / "run-test-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            FAIL() << "the test user cannot write to its home " << passwd_home();
        work_ = pattern;
        write_file(work_ / "file", "text");
    }

    void TearDown() override
    {
        fs::remove_all(work_);
        View::TearDown();
    }

    [[nodiscard]] Launch in_work(Launch launch) const
    {
        launch.directory = work_;
        return launch;
    }

    fs::path work_;
};

TEST_F(BelowHome, WorkingDirectoryIsCopiedOnWrite)
{
    const Finished finished = run(in_work(glovebox_sh({}, "pwd; cat file; echo more > file; mkdir made; cat file; ls")));
    EXPECT_EQ(finished.out, work_.string() + "\ntextmore\nfile\nmade\n");
    EXPECT_EQ(finished.status, 0);
    EXPECT_EQ(read_file(work_ / "file"), "text");
    EXPECT_EQ(list(work_), (Words{"file"}));
}

TEST_F(BelowHome, ThrownAwayChangesAreTold)
{
    const std::string change = "echo more > file";
    const std::string note = run(in_work(glovebox_sh({}, change))).err;
    EXPECT_TRUE(note.starts_with("glovebox: ") && note.contains("--keep")) << note;
    EXPECT_EQ(run(in_work(glovebox_sh({"--quiet"}, change))).err, "");
    EXPECT_EQ(run(in_work(glovebox_sh({}, "cat file"))).err, "");
}

TEST_F(BelowHome, WorkingDirectoryCanBeWrittenThrough)
{
    const Finished finished = run(in_work(glovebox_sh({"-w", "."}, "echo more > file; mkdir made")));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(read_file(work_ / "file"), "more\n");
    EXPECT_TRUE(fs::is_directory(work_ / "made"));
}

TEST_F(BelowHome, NothingElseOfTheHomeIsSeen)
{
    const fs::path home = passwd_home();
    const Finished finished = run(in_work(glovebox({"--", "ls", "-A", home})));
    EXPECT_EQ(finished.out, work_.filename().string() + "\n");
}

TEST_F(BelowHome, TheHomeItselfIsNotExposed)
{
    const fs::path home = passwd_home();
    for (const fs::path& start : {home, home.parent_path(), fs::path("/")}) {
        Launch launch = glovebox_sh({}, "pwd; ls -A " + shell_word(home));
        launch.directory = start;
        const Finished finished = run(launch);
        EXPECT_TRUE(finished.out == "/build\n") << start << ": " << finished.out;
    }
}

TEST_F(BelowHome, FilesOfTheHomeCanBeShown)
{
    const std::string file = work_ / "file";
    Launch launch = glovebox_sh({"--ro", file}, "cat " + shell_word(file) + "; echo x > " + shell_word(file));
    launch.directory = "/";
    const Finished finished = run(launch);
    EXPECT_EQ(finished.out, "text");
    EXPECT_TRUE(finished.err.contains("Read-only file system")) << finished.err;
}

TEST_F(View, OfTmpTheWorkingDirectoryIsSeen)
{
    write_file(directory() / "file", "text");
    const Finished finished = run(glovebox_sh({}, "pwd; cat file; ls -A /tmp; echo x > file"));
    EXPECT_EQ(finished.out, directory().string() + "\ntext" + directory().filename().string() + "\n");
    EXPECT_EQ(read_file(directory() / "file"), "text");
}

TEST_F(View, StartCanBeChosen)
{
    EXPECT_EQ(run(glovebox({"-C", "/usr/bin", "--", "pwd"})).out, "/usr/bin\n");
    EXPECT_EQ(run(glovebox({"--chdir=/tmp", "--", "pwd"})).out, "/tmp\n");
}

// -- entries --------------------------------------------------------------------------------------

TEST_F(View, SourcesAreSeenAtTheirDestination)
{
    const fs::path a = make_directory("a", "a");
    EXPECT_EQ(run(glovebox({"--ro", escape(a) + ":/sdk/deep/a", "--", "cat", "/sdk/deep/a/file"})).out, "a");
    EXPECT_EQ(run(glovebox({"--ro", escape(a / "file") + ":/sdk/single", "--", "cat", "/sdk/single"})).out, "a");
    EXPECT_EQ(run(glovebox({"--ro=a:/sdk", "--", "cat", "/sdk/file"})).out, "a"); // relative to the working directory
}

TEST_F(View, OnlyRwIsWrittenThrough)
{
    const fs::path a = make_directory("a", "a");
    EXPECT_NE(run(glovebox_sh({"-r", escape(a) + ":/place"}, "echo x > /place/file")).status, 0);
    EXPECT_EQ(read_file(a / "file"), "a");
    EXPECT_EQ(run(glovebox_sh({"-w", escape(a) + ":/place"}, "echo x > /place/file; : > /place/new")).status, 0);
    EXPECT_EQ(read_file(a / "file"), "x\n");
    EXPECT_EQ(list(a), (Words{"file", "new"}));
}

TEST_F(View, MountsBelowAReadOnlySourceAreReadOnlyToo)
{
    // A user namespace of its own allows an ordinary user to mount something below the source.
    const fs::path a = make_directory("a", "a");
    fs::create_directory(a / "mounted");
    const Finished finished = run(host({"unshare", "-Urm", "sh", "-c",
                                        "mount -t tmpfs none a/mounted && " + std::string(kGlovebox) +
                                            " -r a:/place -- sh -c 'echo x > /place/mounted/file; stat -f -c %T /place/mounted'"}));
    EXPECT_EQ(finished.out, "tmpfs\n");
    EXPECT_TRUE(finished.err.contains("Read-only file system")) << finished.err;
}

TEST_F(View, HiddenDirectoriesAndFilesAreEmpty)
{
    const fs::path a = make_directory("a", "secret");
    make_directory("a/b", "secret");
    const Finished finished = run(glovebox_sh({"--hide", "a/file", "--hide", a / "b"}, "cat a/file; ls -A a a/b"));
    EXPECT_EQ(finished.out, "a:\nb\nfile\n\na/b:\n");
    EXPECT_EQ(finished.status, 0);
    EXPECT_EQ(run(glovebox({"--hide", "/etc/passwd", "--", "cat", "/etc/passwd"})).out, "");
}

TEST_F(View, TmpfsIsEmptyAndWritable)
{
    make_directory("a", "a");
    const Finished finished = run(glovebox_sh({"--tmpfs", "a"}, "ls -A a; echo new > a/file; cat a/file; stat -f -c %T a"));
    EXPECT_EQ(finished.out, "new\ntmpfs\n");
    EXPECT_EQ(read_file(directory() / "a" / "file"), "a");
}

TEST_F(View, LaterWinsAtTheSamePlace)
{
    const std::string a = escape(make_directory("a", "a")) + ":/place";
    const std::string b = escape(make_directory("b", "b")) + ":/place";
    const Words cat = {"--", "cat", "/place/file"};
    EXPECT_EQ(run(glovebox(join({{"--ro", a, "--ro", b}, cat}))).out, "b");
    EXPECT_EQ(run(glovebox(join({{"--ro", b, "--rw", a}, cat}))).out, "a");
    EXPECT_EQ(run(glovebox(join({{"--tmpfs", "/place", "--ro", a}, cat}))).out, "a");
    EXPECT_EQ(run(glovebox({"--ro", a, "--tmpfs", "/place", "--", "ls", "-A", "/place"})).out, "");
}

TEST_F(View, DeeperComesAfterShallowerInAnyOrder)
{
    const std::string a = escape(make_directory("a", "a")) + ":/place/sub";
    make_directory("b/sub", "hidden by a");
    const std::string b = escape(make_directory("b", "b")) + ":/place";
    for (const Words& order : {Words{"--ro", a, "--ro", b}, Words{"--ro", b, "--ro", a}})
        EXPECT_EQ(run(glovebox(join({order, {"--", "cat", "/place/file", "/place/sub/file"}}))).out, "ba");
}

TEST_F(View, EntriesOverrideTheDefaults)
{
    const fs::path a = make_directory("a", "a");
    for (const char* place : {"/home", "/tmp", "/run", "/root/below", "/var/tmp/below", "/build/below"}) {
        Launch launch = glovebox({"-r", escape(a) + ":" + place, "--", "cat", place + std::string("/file")});
        launch.directory = "/"; // or the working directory would have to be seen below what is shown at /tmp
        EXPECT_EQ(run(launch).out, "a") << place;
    }
}

TEST_F(View, LinksInASourceLeadNoMountOutside)
{
    const fs::path victim = make_directory("victim", "text");
    const fs::path work = make_directory("work", "text");
    fs::create_directory_symlink("../victim", work / "relative");
    fs::create_directory_symlink(victim, work / "absolute");
    fs::create_directory_symlink("/proc/self/root" + victim.string(), work / "magic");
    for (const char* link : {"relative", "absolute", "magic"})
        for (const std::string& place : {(work / link).string(), (work / link / "made").string()}) {
            // Whether there is such a place inside or not: outside nothing is made or changed.
            const Launch launch = glovebox_sh({"--rw", work, "--tmpfs", place}, ": > " + shell_word(place + "/escaped"));
            run(launch);
            EXPECT_EQ(list(victim), (Words{"file"})) << place;
        }
    EXPECT_EQ(list(work), (Words{"absolute", "file", "magic", "relative"}));
}

/// Names that break what is put together by hand.
class Names : public View, public testing::WithParamInterface<std::string> {};

TEST_P(Names, WorkInEveryOption)
{
    const fs::path path = make_directory(GetParam(), "text");
    const std::string file = shell_word(path / "file");
    const std::string elsewhere = "/" + GetParam();
    EXPECT_EQ(run(glovebox_sh({"--ro", escape(path)}, "cat " + file)).out, "text");
    EXPECT_EQ(run(glovebox_sh({"--ro", escape(path) + ":" + escape(elsewhere)}, "cat " + shell_word(elsewhere + "/file"))).out, "text");
    EXPECT_EQ(run(glovebox_sh({"--ro", escape(path / "file") + ":" + escape(elsewhere)}, "cat " + shell_word(elsewhere))).out, "text");
    EXPECT_EQ(run(glovebox_sh({"--hide", path}, "ls -A " + shell_word(path))).out, "");
    EXPECT_EQ(run(glovebox_sh({"--tmpfs", path}, "ls -A " + shell_word(path))).out, "");
    EXPECT_EQ(run(glovebox_sh({"--chdir", path}, "cat file")).out, "text");
    EXPECT_EQ(run(glovebox_sh({"--scratch", path}, "cat /build/file")).out, "text");
    EXPECT_EQ(run(glovebox_sh({"--rw", escape(path)}, "printf more > " + file)).status, 0);
    EXPECT_EQ(read_file(path / "file"), "more");
}

TEST_P(Names, WorkAsWorkingDirectory)
{
    Launch launch = glovebox_sh({"-w", "."}, "cat file; printf more > file");
    const fs::path path = make_directory(GetParam(), "text");
    launch.directory = path;
    const Finished finished = run(launch);
    EXPECT_EQ(finished.out, "text");
    EXPECT_EQ(finished.err, "");
    EXPECT_EQ(read_file(path / "file"), "more");
}

INSTANTIATE_TEST_SUITE_P(Awkward, Names,
                         testing::Values("with space", "co:lon", ":", "back\\slash", "end\\", "back\\:both", "new\nline",
                                         "\xff\xfe not utf-8 \xc3", "\xc3\xbcmlaut", "quo'te\"s", "$(touch x)*", " ", "-x",
                                         std::string(255, 'n')),
                         [](const auto& name) { return std::to_string(name.index); });

} // namespace
} // namespace glovebox::test

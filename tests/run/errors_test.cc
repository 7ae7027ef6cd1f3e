// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Bad input and hosts that say no: one sentence, its cure where there is one, and no command run.

#include "harness.h"

#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

namespace fs = std::filesystem;

/// "glovebox: SENTENCE", and on a second line "hint: HINT" or nothing.
struct Message {
    std::string sentence;
    std::string hint;
};

std::optional<Message> parse_message(std::string_view text)
{
    constexpr std::string_view kName = "glovebox: ";
    constexpr std::string_view kHint = "hint: ";
    const std::size_t end = text.find('\n');
    if (!text.starts_with(kName) || end == std::string_view::npos)
        return std::nullopt;
    Message message;
    message.sentence = text.substr(kName.size(), end - kName.size());
    text.remove_prefix(end + 1);
    if (text.empty())
        return message;
    if (!text.starts_with(kHint) || text.find('\n') != text.size() - 1)
        return std::nullopt;
    message.hint = text.substr(kHint.size(), text.size() - 1 - kHint.size());
    return message;
}

/// Expects that nothing ran, and gives what was said.
Message expect_failure(const Finished& finished)
{
    EXPECT_EQ(finished.status, kOwnFailure);
    EXPECT_EQ(finished.out, "");
    const std::optional<Message> message = parse_message(finished.err);
    EXPECT_TRUE(message) << "not of the form of an error: " << finished.err;
    return message.value_or(Message());
}

class Errors : public Sandbox {
protected:
    void SetUp() override
    {
        Sandbox::SetUp();
        write_file(directory() / "file", "text");
        fs::create_directory(directory() / "folder");
        fs::create_symlink("loop", directory() / "loop");
    }

    /// `launch` would run `echo ran`. Expects `sentence` ("DIR/" in it is the test's directory) and, where
    /// `hint` is not empty, a hint that contains it.
    void expect_error(const Launch& launch, std::string sentence, const std::string& hint = {}) const
    {
        if (const std::size_t at = sentence.find("DIR/"); at != std::string::npos)
            sentence.replace(at, 3, directory());
        const Message message = expect_failure(run(launch));
        EXPECT_EQ(message.sentence, sentence);
        EXPECT_EQ(message.hint.empty(), hint.empty()) << sentence << ": " << message.hint;
        EXPECT_TRUE(message.hint.contains(hint)) << sentence << ": " << message.hint;
    }

    [[nodiscard]] Launch echo(const Words& options) const { return glovebox(join({options, {"--", "echo", "ran"}})); }

    /// With some system calls refused ("clone3=EPERM").
    [[nodiscard]] Launch denied(const Words& rules) const
    {
        return host(join({{kDenySyscall}, rules, {"--", kGlovebox, "--", "echo", "ran"}}));
    }

    /// After `script` as root of a user and a mount namespace.
    [[nodiscard]] Launch prepared(const std::string& script) const
    {
        return host({"unshare", "--map-root-user", "--mount", "sh", "-c", script + " && exec " + kGlovebox + " -- echo ran"});
    }
};

// -- the command line -----------------------------------------------------------------------------

TEST_F(Errors, UnknownOptionsNameTheNearest)
{
    expect_error(echo({"--keap"}), "unknown option --keap; did you mean --keep?");
    expect_error(echo({"--hostnam=x"}), "unknown option --hostnam=x; did you mean --hostname?");
    expect_error(echo({"--chdr", "/"}), "unknown option --chdr; did you mean --chdir?");
    expect_error(echo({"--zzzzzz"}), "unknown option --zzzzzz; see glovebox --help");
    expect_error(echo({"-y"}), "unknown option -y; see glovebox --help");
    expect_error(echo({"-qy"}), "unknown option -qy; see glovebox --help");
    expect_error(echo({"--b\xff\x1b[31m\n"}), "unknown option --b\\xff\\x1b[31m\\x0a; see glovebox --help");
}

TEST_F(Errors, AmbiguousOptionsNameAllThatBeginSo)
{
    expect_error(echo({"--kee"}), "unknown option --kee; did you mean --keep, --keep-env?");
}

TEST_F(Errors, OperandsMustBeThere)
{
    expect_error(glovebox({"--ro"}), "option --ro needs an operand: --ro SRC[:DEST]");
    expect_error(glovebox({"-q", "-C"}), "option --chdir needs an operand: --chdir DIR");
    expect_error(echo({"--keep=yes"}), "option --keep takes no operand, but got yes");
    expect_error(glovebox({}), "no command given; see glovebox --help");
    expect_error(glovebox({"run"}), "no command given; say what to run: glovebox [OPTIONS] -- COMMAND");
    expect_error(glovebox({"--keep", "--"}), "no command given; say what to run: glovebox [OPTIONS] -- COMMAND");
    expect_error(glovebox({"--", ""}), "the name of the command is empty");
}

TEST_F(Errors, UnknownVerbsNameTheNearest)
{
    expect_error(glovebox({"rum", "--", "echo", "ran"}), "unknown verb rum; did you mean run? to run a command of that name: glovebox -- rum");
    expect_error(glovebox({"echo", "ran"}), "unknown verb echo; to run a command of that name: glovebox -- echo");
}

TEST_F(Errors, OperandsMustBeOfTheirKind)
{
    const std::string bind = " of --ro is not SRC or SRC:DEST (\\: is a colon in a path) (from --ro, argument 1)";
    expect_error(echo({"--ro", ""}), "the operand ''" + bind);
    expect_error(echo({"--ro", ":/x"}), "the operand :/x" + bind);
    expect_error(echo({"--ro=folder:"}), "the operand folder:" + bind);
    expect_error(echo({"--tmpfs", ""}), "the operand '' of --tmpfs is not a path (from --tmpfs, argument 1)");
    for (const char* number : {"x", "-1", "1.5", "", " 1", "0x1", "4294967295", "99999999999999999999"}) {
        const std::string shown = number[0] == '\0' || number[0] == ' ' ? "'" + std::string(number) + "'" : number;
        expect_error(echo({"--uid", number}), "the operand " + shown + " of --uid is not a number from 0 to 4294967294 (from --uid, argument 1)");
    }
    expect_error(echo({"--env", "=x"}), "the operand =x of --env is not NAME or NAME=VALUE (from --env, argument 1)");
    expect_error(echo({"-q", "--net", "maybe"}), "the operand maybe of --net is not none or host (from --net, argument 2)");
    expect_error(echo({"--hostname", "bad name"}), "'bad name' is not a host name (from --hostname, argument 1)", "letters");
    expect_error(echo({"--hostname", std::string(65, 'x')}), std::string(65, 'x') + " is not a host name (from --hostname, argument 1)", "64");
}

// -- paths ----------------------------------------------------------------------------------------

TEST_F(Errors, SourcesMustBeThere)
{
    expect_error(echo({"--ro", "missing"}), "reading the source DIR/missing failed: No such file or directory (from --ro, argument 1)", "spelling");
    expect_error(echo({"-w", "../missing dir"}), "reading the source '/tmp/missing dir' failed: No such file or directory (from --rw, argument 1)", "spelling");
    expect_error(echo({"--ro", "file/below"}), "reading the source DIR/file/below failed: Not a directory (from --ro, argument 1)");
    expect_error(echo({"--ro", "loop"}), "reading the source DIR/loop failed: Too many levels of symbolic links (from --ro, argument 1)");
    expect_error(echo({"--hide", "missing"}), "hiding DIR/missing failed: No such file or directory (from --hide, argument 1)", "nothing to hide");
    expect_error(echo({"--ro", "new\nline"}), "reading the source DIR/new\\x0aline failed: No such file or directory (from --ro, argument 1)", "spelling");
    expect_error(echo({"--ro", "\xff\xfe"}), "reading the source DIR/\\xff\\xfe failed: No such file or directory (from --ro, argument 1)", "spelling");
    const std::string name(300, 'n');
    expect_error(echo({"--ro", name}), "reading the source DIR/" + name + " failed: File name too long (from --ro, argument 1)");
}

TEST_F(Errors, SourcesMustBeReachable)
{
    if (::geteuid() == 0)
        return; // whom no mode keeps out
    fs::create_directory(directory() / "closed");
    ASSERT_EQ(::chmod((directory() / "closed").c_str(), 0), 0);
    expect_error(echo({"--ro", "closed/x"}), "reading the source DIR/closed/x failed: Permission denied (from --ro, argument 1)");
}

TEST_F(Errors, DestinationsMustFit)
{
    expect_error(echo({"--ro", "folder:relative"}), "the destination relative is not an absolute path (from --ro, argument 1)", "SRC:/absolute");
    expect_error(echo({"--ro", "folder:/etc/passwd"}), "placing /etc/passwd failed: a file is there (from --ro, argument 1)", "only");
    expect_error(echo({"--ro", "file:/etc"}), "placing /etc failed: a directory is there (from --ro, argument 1)", "only");
    expect_error(echo({"--tmpfs", "/etc/passwd"}), "placing /etc/passwd failed: a file is there (from --tmpfs, argument 1)", "only");
    expect_error(echo({"--ro", "folder:/"}), "placing / failed: the root itself cannot be covered (from --ro, argument 1)", "deeper");
    for (const char* place : {"/proc/x", "/proc/sys", "/sys/x", "/dev/pts/x"})
        expect_error(echo({"--ro", "folder:" + std::string(place)}),
                     "placing " + std::string(place) + " failed: nothing can be mounted inside /proc or a device file system (from --ro, argument 1)", "another");
}

TEST_F(Errors, TheStartMustBeADirectoryInside)
{
    expect_error(echo({"--chdir", "/missing"}), "changing to the directory /missing failed: No such file or directory (from --chdir, argument 1)", "--ro");
    expect_error(echo({"--chdir", "file"}), "changing to the directory DIR/file failed: Not a directory (from --chdir, argument 1)");
    const std::string hidden = "/var/tmp/" + directory().filename().string() + "-hidden"; // on the host only
    fs::create_directory(hidden);
    expect_error(echo({"--chdir", hidden}), "changing to the directory " + hidden + " failed: No such file or directory (from --chdir, argument 1)", "--ro");
    fs::remove(hidden);
}

TEST_F(Errors, TheWorkingDirectoryMayBeDeleted)
{
    const auto start = [&](Launch launch) {
        launch.before_exec = [] {
            if (::mkdir("deleted", 0700) < 0 || ::chdir("deleted") < 0 || ::rmdir("../deleted") < 0)
                ::_exit(124);
        };
        return launch;
    };
    expect_error(start(echo({})), "the working directory was deleted", "--chdir");
    expect_error(start(echo({"-C", "/", "-w", "."})), "the relative path . leads nowhere: the working directory was deleted (from --rw, argument 3)", "exists");
    EXPECT_EQ(run(start(glovebox({"--chdir", "/usr", "--", "pwd"}))).out, "/usr\n");
}

// -- the scratch ----------------------------------------------------------------------------------

TEST_F(Errors, TheScratchMustBeADirectory)
{
    expect_error(echo({"--scratch", "file"}), "using the scratch DIR/file failed: Not a directory (from --scratch, argument 1)", "directory");
    expect_error(echo({"--scratch", "missing/below"}), "making the scratch DIR/missing/below failed: No such file or directory (from --scratch, argument 1)", "--scratch DIR");
}

/// An error about a fresh scratch, whose name is not known before.
void expect_scratch_error(const Finished& finished, const std::string& reason, const std::string& hint)
{
    const Message message = expect_failure(finished);
    EXPECT_TRUE(message.sentence.starts_with("making the scratch ") && message.sentence.ends_with(" failed: " + reason + " (from profile build)"))
        << message.sentence;
    EXPECT_TRUE(message.hint.contains(hint)) << message.hint;
}

TEST_F(Errors, TheDiskMustBeThereAndWritable)
{
    Launch launch = echo({});
    launch.environment["TMPDIR"] = "/missing";
    expect_scratch_error(run(launch), "No such file or directory", "TMPDIR");
    expect_scratch_error(run(prepared("mount -t tmpfs -o ro none \"$TMPDIR\"")), "Read-only file system", "TMPDIR");
    if (::geteuid() != 0) {
        launch.environment["TMPDIR"] = "/etc";
        expect_scratch_error(run(launch), "Permission denied", "TMPDIR");
    }
}

TEST_F(Errors, TheDiskMustHaveRoom)
{
    // The root of the file system takes the first inode.
    for (const char* inodes : {"1", "2"})
        expect_scratch_error(run(prepared("mount -t tmpfs -o nr_inodes=" + std::string(inodes) + " none \"$TMPDIR\"")), "No space left on device", "free some space");
}

// -- hosts that say no ----------------------------------------------------------------------------

constexpr const char* kNamespaces = "making the namespaces failed: ";

TEST_F(Errors, UserNamespacesMayBeLimited)
{
    expect_error(prepared("echo 0 > /proc/sys/user/max_user_namespaces"), std::string(kNamespaces) + "No space left on device", "sysctl -w user.max_user_namespaces=");
}

TEST_F(Errors, AFilterMayForbidUserNamespaces)
{
    expect_error(denied({"clone3=EPERM"}), std::string(kNamespaces) + "Operation not permitted", "--security-opt seccomp=unconfined");
    // As Docker's does.
    expect_error(denied({"clone3=ENOSYS", "user_namespaces=EPERM"}), std::string(kNamespaces) + "Function not implemented", "--security-opt seccomp=unconfined");
    expect_error(denied({"unshare=EPERM"}), "entering a second user namespace failed: Operation not permitted (from profile build)", "--security-opt seccomp=unconfined");
}

TEST_F(Errors, TheKernelMayBeTooOld)
{
    // Each of these is missing somewhere before 5.12.
    for (const Words& rules : {Words{"clone3=ENOSYS"}, Words{"openat2=ENOSYS"}, Words{"close_range=ENOSYS"}, Words{"fsopen=ENOSYS"}, Words{"move_mount=ENOSYS"},
                               Words{"mount_setattr=ENOSYS"}, Words{"open_tree_attr=ENOSYS", "mount_setattr=ENOSYS"}, Words{"open_tree_attr=ENOSYS", "open_tree=ENOSYS"}}) {
        const Message message = expect_failure(run(denied(rules)));
        EXPECT_TRUE(message.sentence.contains(" failed: Function not implemented")) << rules[0] << ": " << message.sentence;
        EXPECT_TRUE(message.hint.contains("older than Linux 5.12")) << rules[0] << ": " << message.hint;
    }
}

TEST_F(Errors, NewerCallsAreNotNeeded)
{
    for (const char* rule : {"open_tree_attr=ENOSYS", "keyctl=ENOSYS"}) {
        const Finished finished = run(denied({rule}));
        EXPECT_EQ(finished.out, "ran\n") << rule << ": " << finished.err;
        EXPECT_EQ(finished.err, "");
    }
}

TEST_F(Errors, ProcMayBeMasked)
{
    expect_error(prepared("mount --bind /dev/null /proc/meminfo"),
                 "making a procfs of the new PID namespace failed: Operation not permitted (from --view, profile build)", "--security-opt systempaths=unconfined");
}

TEST_F(Errors, AChrootIsTold)
{
    // The kernel refuses user namespaces to who is in a chroot.
    expect_error(host({"unshare", "--map-root-user", "--mount", "sh", "-c",
                       "mount --rbind / folder && exec chroot folder " + std::string(kGlovebox) + " -C / -- echo ran"}),
                 std::string(kNamespaces) + "Operation not permitted", "chroot");
}

TEST_F(Errors, DescriptorsMayRunOut)
{
    bool ran = false;
    for (rlim_t limit = 6; limit < 40; ++limit) { // fewer would not do to remove the scratch
        Launch launch = echo({});
        launch.before_exec = [limit] {
            const struct ::rlimit files = {limit, limit};
            ::setrlimit(RLIMIT_NOFILE, &files);
        };
        const Finished finished = run(launch);
        ran = finished.status == 0;
        EXPECT_EQ(finished.out, ran ? "ran\n" : "") << limit;
        EXPECT_TRUE(ran || finished.status == kOwnFailure || finished.status == 126 || finished.status == 127) << limit << ": " << finished.status << " " << finished.err;
        EXPECT_EQ(finished.err.empty(), ran) << limit;
    }
    EXPECT_TRUE(ran);
}

// -- odd callers ----------------------------------------------------------------------------------

TEST_F(Errors, AnEmptyEnvironmentIsEnough)
{
    Launch launch = glovebox_sh({}, "echo $PATH; grep ' /build ' /proc/self/mountinfo | cut -d' ' -f4");
    launch.environment.clear();
    const Finished finished = run(launch);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(finished.out.starts_with("/usr/local/bin:/usr/bin:/bin\n")) << finished.out;
    // The scratch was in /var/tmp, where the fixture does not look.
    const std::size_t name = finished.out.find("glovebox-");
    ASSERT_NE(name, std::string::npos) << finished.out;
    const std::string rest = finished.out.substr(name);
    EXPECT_FALSE(fs::exists("/var/tmp/" + rest.substr(0, rest.find_first_of("/\n"))));
}

TEST_F(Errors, NoArgumentsAtAllAreAnError)
{
    // argv[0] too: the kernel puts an empty string there since 5.18.
    Launch launch = glovebox({});
    launch.before_exec = [] {
        char* none[] = {nullptr};
        ::execve(kGlovebox, none, none);
    };
    EXPECT_EQ(run(launch).status, kOwnFailure);
}

TEST_F(Errors, ManyArgumentsPass)
{
    Words words = {"--", "sh", "-c", "echo $# ${100000}", "sh"};
    for (int i = 1; i <= 100'000; ++i)
        words.push_back(std::to_string(i));
    EXPECT_EQ(run(glovebox(words)).out, "100000 100000\n");
}

TEST_F(Errors, ManyOptionsPass)
{
    Words words;
    for (int i = 0; i < 20'000; ++i)
        words.push_back("--env=V" + std::to_string(i) + "=x");
    EXPECT_EQ(run(glovebox(join({words, {"--", "sh", "-c", "echo $V0$V19999"}}))).out, "xx\n");
}

TEST_F(Errors, ClosedStreamsStayClosed)
{
    for (const int fd : {0, 1, 2}) {
        const std::string number = std::to_string(fd);
        Launch launch = glovebox_sh({"-w", "."}, "[ -e /proc/$$/fd/" + number + " ] && state=open || state=closed; echo $state > result" + number);
        launch.before_exec = [fd] { ::close(fd); };
        EXPECT_EQ(run(launch).status, 0) << fd;
        EXPECT_EQ(read_file(directory() / ("result" + number)), "closed\n") << fd;
    }
    Launch launch = glovebox_sh({"-w", "."}, "echo ran > result");
    launch.before_exec = [] {
        for (const int fd : {0, 1, 2})
            ::close(fd);
    };
    EXPECT_EQ(run(launch).status, 0);
    EXPECT_EQ(read_file(directory() / "result"), "ran\n");
}

TEST_F(Errors, NothingIsWrittenIntoAnotherFileInsteadOfAClosedStream)
{
    // With standard error closed, the first file that is opened would become it.
    Launch launch = echo({"--no-such-option"});
    launch.before_exec = [] { ::close(2); };
    const Finished finished = run(launch);
    EXPECT_EQ(finished.status, kOwnFailure);
    EXPECT_EQ(finished.out, "");
    Launch missing = glovebox({"--keep", "--scratch", "own", "--", "no-such-command"});
    missing.before_exec = launch.before_exec;
    EXPECT_EQ(run(missing).status, 127);
}

TEST_F(Errors, StandardOutputOnAFullDiskIsTheCommandsMatter)
{
    Launch launch = glovebox({"--", "echo", "text"});
    launch.before_exec = [] { ::dup2(::open("/dev/full", O_WRONLY), 1); };
    EXPECT_EQ(run(launch).status, 1); // echo's
}

} // namespace
} // namespace glovebox::test

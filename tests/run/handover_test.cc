// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// What the command is handed, and what it is not: descriptors, signals, environment, rights.

#include "harness.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

class Handover : public Sandbox {
protected:
    /// The world inside, of a glovebox that was started in a changed process.
    [[nodiscard]] World look_after(std::function<void()> change, const Words& options = {}) const
    {
        Launch launch = glovebox(join({with_probe(options), {"--", "/probe"}}));
        launch.before_exec = std::move(change);
        const Finished finished = run(launch);
        EXPECT_EQ(finished.status, 0) << finished.err;
        return finished.status == 0 ? parse_world(finished.out) : World();
    }
};

/// For a shell variable: what the probe sees in `environment` with `options`.
using Variables = std::map<std::string, std::string>;

// -- descriptors ----------------------------------------------------------------------------------

TEST_F(Handover, OnlyStandardStreamsAreOpen)
{
    const World world = look_after([] {
        for (const int fd : {3, 4, 5, 6, 7, 8, 9, 100, 1000})
            ::dup2(::open("/", O_RDONLY | O_DIRECTORY), fd);
    });
    std::set<std::string> open;
    for (const auto& [fd, target] : world.descriptors)
        open.insert(fd);
    EXPECT_EQ(open, (std::set<std::string>{"0", "1", "2"}));
}

TEST_F(Handover, StandardStreamsAreTheCallers)
{
    write_file(directory() / "input", "text");
    const std::string input = directory() / "input";
    const World world = look_after([&] { ::dup2(::open(input.c_str(), O_RDONLY), 0); });
    EXPECT_EQ(world.descriptors.at("0"), input);
    EXPECT_TRUE(world.descriptors.at("1").starts_with("pipe:"));
}

TEST_F(Handover, BytesPassUnchanged)
{
    Launch launch = glovebox({"--", "cat"});
    for (unsigned i = 0; i < 300'000; ++i)
        launch.input += static_cast<char>(i * i >> 7 & 0xff);
    const Finished finished = run(launch);
    EXPECT_TRUE(finished.out == launch.input);
    EXPECT_EQ(finished.err, "");
}

TEST_F(Handover, TheCommandAloneHoldsItsStreams)
{
    // When the command closes them, the other ends must see it, though the command goes on.
    ASSERT_EQ(::mkfifo((directory() / "fifo").c_str(), 0600), 0);
    const std::string box = kGlovebox;
    const Finished input = run(host({"bash", "-c", "(yes; echo ended > fifo) | " + box + " -w . -- sh -c 'head -c1 > /dev/null; exec <&-; cat fifo'"}));
    EXPECT_EQ(input.out, "ended\n");
    const Finished output = run(host({"bash", "-c", box + " -w . -- sh -c 'exec >&-; cat fifo >&2' | (cat; echo ended > fifo)"}));
    EXPECT_EQ(output.err, "ended\n");
}

// -- signals --------------------------------------------------------------------------------------

TEST_F(Handover, SignalsAreReset)
{
    const World world = look_after([] {
        ::sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        for (int signal = 1; signal < 65; ++signal)
            if (signal != SIGCHLD) // ignoring it would take our own child's status away
                ::signal(signal, SIG_IGN);
    });
    EXPECT_EQ(world.status.at("SigBlk"), "0000000000000000");
    EXPECT_EQ(world.status.at("SigIgn"), "0000000000000000");
}

TEST_F(Handover, AnIgnoredChildSignalChangesNothing)
{
    Launch launch = glovebox_sh({}, "exit 7");
    launch.before_exec = [] { ::signal(SIGCHLD, SIG_IGN); };
    EXPECT_EQ(run(launch).status, 7);
}

// -- environment ----------------------------------------------------------------------------------

class Environment : public Handover {
protected:
    [[nodiscard]] Variables see(const Variables& outside, const Words& options = {}) const
    {
        Launch launch = glovebox(join({with_probe(options), {"--", "/probe"}}));
        launch.environment = outside;
        launch.environment["TMPDIR"] = scratches();
        const Finished finished = run(launch);
        EXPECT_EQ(finished.status, 0) << finished.err;
        return finished.status == 0 ? parse_world(finished.out).env : Variables();
    }
};

const Variables kFixed = {{"FAKEROOTDONTTRYCHOWN", "1"}, {"HOME", "/build"}, {"TAR_OPTIONS", "--no-same-owner"}};

/// `kFixed` and `more`.
Variables with_fixed(Variables more)
{
    more.insert(kFixed.begin(), kFixed.end());
    return more;
}

TEST_F(Environment, OnlyListedVariablesPass)
{
    const Variables passing = {{"PATH", "/usr/bin:/bin"}, {"TERM", "dumb"},      {"LANG", "C"},          {"LC_TIME", "C.UTF-8"},
                               {"TZ", "UTC"},             {"COLUMNS", "80"},     {"LINES", "25"},        {"SOURCE_DATE_EPOCH", "1"},
                               {"CC", "cc"},              {"CFLAGS", "-O2 -g"}};
    Variables outside = passing;
    for (const char* name : {"SECRET", "USER", "SSH_AUTH_SOCK", "LD_PRELOAD_PATH", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "LC", "PATHS", "BASH_ENV"})
        outside[name] = "secret";
    EXPECT_EQ(see(outside), with_fixed(passing));
}

TEST_F(Environment, PathIsAlwaysThere)
{
    EXPECT_EQ(see({}), with_fixed({{"PATH", "/usr/local/bin:/usr/bin:/bin"}}));
}

TEST_F(Environment, VariablesCanBeSetAndPassed)
{
    const Variables outside = {{"PATH", "/bin"}, {"A", "host a"}, {"B", "host b"}, {"FOO_1", "x"}, {"FOO_2", "y"}};
    EXPECT_EQ(see(outside, {"--env", "A", "-e", "C=new=text", "-eFOO_*", "--env=D=", "--env", "MISSING"}),
              with_fixed({{"PATH", "/bin"}, {"A", "host a"}, {"C", "new=text"}, {"D", ""}, {"FOO_1", "x"}, {"FOO_2", "y"}}));
    EXPECT_EQ(see(outside, {"--env", "A=first", "--env", "A=last", "--env", "HOME=/tmp"}).at("A"), "last");
    EXPECT_EQ(see(outside, {"--env", "HOME=/tmp"}).at("HOME"), "/tmp");
}

TEST_F(Environment, AllCanBeKept)
{
    const Variables outside = {{"PATH", "/bin"}, {"SECRET", "s"}, {"HOME", "/home/someone"}};
    const Variables seen = see(outside, {"--keep-env", "--env", "B=set"});
    EXPECT_EQ(seen.at("SECRET"), "s");
    EXPECT_EQ(seen.at("B"), "set");
    EXPECT_EQ(seen.at("HOME"), "/build"); // set by value
}

TEST_F(Environment, AnyBytesPass)
{
    const std::string odd = "new\nline \x01\x7f 'quotes' \"too\" $(x) =";
    EXPECT_EQ(see({{"PATH", "/bin"}, {"CFLAGS", odd}}).at("CFLAGS"), odd);
    Launch launch = glovebox_sh({"--env", "ODD=\xff\xfe"}, "printf %s \"$ODD\"");
    EXPECT_EQ(run(launch).out, "\xff\xfe");
}

// -- rights ---------------------------------------------------------------------------------------

/// Without the layers that lie above them the namespaces must hold, too.
const Words kNamespacesAlone = {"--seccomp", "off", "--landlock", "off"};

/// CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP SYS_CHROOT (linux/capability.h)
constexpr const char* kRootCapabilities = "00000000000401fb";
constexpr const char* kNone = "0000000000000000";

TEST_F(Handover, CapabilitiesAreCut)
{
    const World world = look();
    EXPECT_EQ(world.status.at("CapEff"), kRootCapabilities);
    EXPECT_EQ(world.status.at("CapPrm"), kRootCapabilities);
    EXPECT_EQ(world.status.at("CapBnd"), kRootCapabilities);
    EXPECT_EQ(world.status.at("CapInh"), kNone);
    EXPECT_EQ(world.status.at("CapAmb"), kNone);
}

TEST_F(Handover, AnOrdinaryUserHasNoCapabilities)
{
    const World world = look({"--uid", "1000"});
    for (const char* set : {"CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"})
        EXPECT_EQ(world.status.at(set), kNone) << set;
}

TEST_F(Handover, NoNewPrivilegesCanBeGained)
{
    EXPECT_EQ(look().status.at("NoNewPrivs"), "1");
}

TEST_F(Handover, TheViewCannotBeChanged)
{
    for (const Words& options : {Words{}, Words{"--uid", "1000"}, kNamespacesAlone}) {
        const auto answers = attempt(options);
        for (const char* name : {"mount", "remount /", "remount /usr", "mount_setattr /usr", "umount /tmp", "umount /home", "pivot_root",
                                 "open_tree", "mknod", "sethostname"})
            EXPECT_NE(answers.at(name), "success") << name;
    }
}

TEST_F(Handover, NoFurtherNamespacesCanBeMade)
{
    for (const Words& options : {Words{}, kNamespacesAlone}) {
        const auto answers = attempt(options);
        for (const char* name : {"unshare user", "unshare mount", "unshare net", "max_user_namespaces"})
            EXPECT_NE(answers.at(name), "success") << name;
    }
    EXPECT_EQ(attempt(kNamespacesAlone).at("unshare user"), "ENOSPC"); // the limit holds by itself
    EXPECT_NE(run(glovebox({"--", "unshare", "--user", "true"})).status, 0);
    EXPECT_NE(run(glovebox({"--", "unshare", "--map-root-user", "--mount", "true"})).status, 0);
}

TEST_F(Handover, InitIsOutOfReach)
{
    for (const Words& options : {Words{}, Words{"--uid", "1000"}}) {
        const auto answers = attempt(options);
        for (const char* name : {"environ", "mem", "maps", "fd", "exe", "cwd", "root", "ns/mnt"})
            EXPECT_EQ(answers.at("/proc/1/" + std::string(name)), "EACCES") << name;
    }
}

TEST_F(Handover, InitShowsNothingOfOurArguments)
{
    Launch launch = glovebox_sh({"--env", "PASSWORD=opensesame"}, "cat /proc/1/cmdline /proc/1/comm | tr -d '\\0'");
    launch.environment["SECRET"] = "opensesame";
    EXPECT_EQ(run(launch).out, "glovebox-init\n");
}

TEST_F(Handover, TheSessionKeyringIsItsOwn)
{
    // As kSecretKey in probe.cc.
    const long joined = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    if (joined < 0 && errno == ENOSYS)
        SKIP_WITHOUT_KERNEL_FEATURE("keyrings");
    ASSERT_GE(::syscall(SYS_add_key, "user", "glovebox-secret", "text", 4, KEY_SPEC_SESSION_KEYRING), 0) << std::strerror(errno);
    const Finished outside = run(host({kProbe, "attempts"}));
    EXPECT_EQ(parse_attempts(outside.out).at("session key"), "success"); // or the test proves nothing
    EXPECT_NE(attempt().at("session key"), "success");
    EXPECT_EQ(attempt(kNamespacesAlone).at("session key"), "ENOKEY");
}

TEST_F(Handover, UmaskPasses)
{
    EXPECT_EQ(look_after([] { ::umask(027); }).status.at("Umask"), "0027");
    EXPECT_EQ(look_after([] { ::umask(0); }).status.at("Umask"), "0000");
}

TEST_F(Handover, TheStrictestUmaskBreaksNothing)
{
    Launch launch = glovebox_sh({"--tmpfs", "/made/here", "--file", "/made/file=text"},
                                "cat /made/file && echo a > /made/here/a && echo b > /tmp/b && stat -c %a / /made /build /tmp");
    launch.before_exec = [] { ::umask(0777); };
    const Finished finished = run(launch);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.out, "text755\n755\n700\n1777\n");
}

TEST_F(Handover, LimitsPass)
{
    const World world = look_after([] {
        const struct ::rlimit files = {77, 99};
        ::setrlimit(RLIMIT_NOFILE, &files);
        const struct ::rlimit core = {0, 0};
        ::setrlimit(RLIMIT_CORE, &core);
    });
    EXPECT_EQ(world.limits.at("nofile"), (std::pair<std::uint64_t, std::uint64_t>{77, 99}));
    EXPECT_EQ(world.limits.at("core"), (std::pair<std::uint64_t, std::uint64_t>{0, 0}));
}

TEST_F(Handover, ArgumentsPassUnchanged)
{
    const Words odd = {"", "a b", "--", "--ro", "-w", "new\nline", "'\"$(x)", "=", "\\:"};
    const Finished finished = run(glovebox(join({with_probe(), {"/probe"}, odd})));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(parse_world(finished.out).argv, join({{"/probe"}, odd}));
}

TEST_F(Handover, WithoutATerminalTheSessionIsItsOwn)
{
    const World world = look();
    EXPECT_EQ(world.sid, world.pid);
    EXPECT_EQ(world.pgid, world.pid);
}

} // namespace
} // namespace glovebox::test

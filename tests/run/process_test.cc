// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// How a run ends: statuses, signals, and that nothing outlives it. (The fixture looks after every
// test for processes that are left.)

#include "harness.h"

#include <array>
#include <filesystem>

#include <elf.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

namespace fs = std::filesystem;

class ProcessLife : public Sandbox {
protected:
    /// A file in the working directory that may be executed.
    void make_program(const std::string& name, std::string_view text) const
    {
        write_file(directory() / name, text);
        ::chmod((directory() / name).c_str(), 0755);
    }

    /// The only child of `pid`, once it is there: of glovebox that is init, of init the command.
    static int only_child(int pid)
    {
        std::vector<int> children;
        eventually([&] {
            children = children_of(pid);
            return children.size() == 1;
        });
        return children.size() == 1 ? children[0] : -1;
    }

    /// What a killed glovebox cannot do itself.
    void remove_scratches() const
    {
        expect_nothing_runs();
        for (const std::string& name : list(scratches()))
            remove_tree(scratches() / name);
    }
};

bool is_stopped(int pid)
{
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    return stat.substr(stat.rfind(')') + 1).starts_with(" T");
}

TEST_F(ProcessLife, ExitStatusIsTheCommands)
{
    for (const int status : {0, 1, 2, 77, 100, 124, 125, 126, 127, 128, 129, 137, 254, 255}) {
        const Finished finished = run(glovebox_sh({}, "exit " + std::to_string(status)));
        EXPECT_EQ(finished.status, status);
        EXPECT_EQ(finished.err, "");
    }
}

TEST_F(ProcessLife, ASignalIsTold)
{
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGXCPU, SIGRTMAX}) {
        const Finished finished = run(glovebox_sh({}, "kill -" + std::to_string(signal) + " $$; echo survived"));
        EXPECT_EQ(finished.status, 128 + signal);
        EXPECT_EQ(finished.out, "");
        EXPECT_EQ(finished.err, "");
    }
}

TEST_F(ProcessLife, ABrokenPipeEndsTheCommand)
{
    EXPECT_EQ(run(host({"bash", "-c", std::string(kGlovebox) + " -- yes | head -1; echo ${PIPESTATUS[0]}"})).out, "y\n141\n");
}

// -- programs that cannot be run ------------------------------------------------------------------

TEST_F(ProcessLife, AMissingCommandIsToldAs127)
{
    for (const char* command : {"no-such-command-anywhere", "/no/such/command", "./missing", "/etc/passwd/below"}) {
        const Finished finished = run(glovebox({"--", command}));
        EXPECT_EQ(finished.status, 127) << command;
        EXPECT_TRUE(finished.err.starts_with("glovebox: running " + std::string(command) + " failed: no such command inside\nhint: ")) << finished.err;
    }
}

TEST_F(ProcessLife, WhatIsNoProgramIsToldAs126)
{
    write_file(directory() / "plain", "text");
    fs::create_directory(directory() / "folder");
    for (const char* command : {"./plain", "./folder", "/", "/etc/passwd"}) {
        const Finished finished = run(glovebox({"--", command}));
        EXPECT_EQ(finished.status, 126) << command;
        EXPECT_TRUE(finished.err.starts_with("glovebox: running " + std::string(command) + " failed: Permission denied\nhint: ")) << finished.err;
    }
}

TEST_F(ProcessLife, AMissingInterpreterIsTold)
{
    make_program("script", "#!/no/such/interpreter\necho ran\n");
    const Finished finished = run(glovebox({"--", "./script"}));
    EXPECT_EQ(finished.status, 126);
    EXPECT_TRUE(finished.err.starts_with("glovebox: running ./script failed: its interpreter does not exist inside\nhint: ")) << finished.err;
}

TEST_F(ProcessLife, AnotherArchitectureIsTold)
{
    Elf64_Ehdr header = {};
    const std::array<unsigned char, 7> ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
    std::copy(ident.begin(), ident.end(), header.e_ident);
    header.e_type = ET_EXEC;
    header.e_machine = EM_S390;
    header.e_version = EV_CURRENT;
    make_program("foreign", {reinterpret_cast<const char*>(&header), sizeof header});
    const Finished finished = run(glovebox({"--", "./foreign"}));
    EXPECT_EQ(finished.status, 126);
    EXPECT_EQ(finished.err, "glovebox: running ./foreign failed: Exec format error\nhint: it is a program for another architecture\n");
}

TEST_F(ProcessLife, AScriptWithoutAFirstLineIsRunByTheShell)
{
    make_program("script", "echo \"$0 $# $1\"\nexit 5\n");
    const Finished finished = run(glovebox({"--", "./script", "a b", "c"}));
    EXPECT_EQ(finished.out, "./script 2 a b\n");
    EXPECT_EQ(finished.status, 5);
    make_program("empty", "");
    EXPECT_EQ(run(glovebox({"--", "./empty"})).status, 0);
}

TEST_F(ProcessLife, PathIsSearchedAsByExecvp)
{
    fs::create_directory(directory() / "a");
    fs::create_directory(directory() / "b");
    write_file(directory() / "a" / "tool", "not executable");
    make_program("b/tool", "#!/bin/sh\necho b\n");
    make_program("b/script", "echo script\n");
    const std::string path = "PATH=/missing:" + (directory() / "a").string() + ":" + (directory() / "b").string() + ":/bin";
    EXPECT_EQ(run(glovebox({"--env", path, "--", "tool"})).out, "b\n");
    EXPECT_EQ(run(glovebox({"--env", path, "--", "script"})).out, "script\n");
    fs::remove(directory() / "b" / "tool");
    EXPECT_EQ(run(glovebox({"--env", path, "--", "tool"})).status, 126); // found, if not executable
    EXPECT_EQ(run(glovebox({"--env", path, "--", "missing"})).status, 127);
}

// -- what the command leaves ----------------------------------------------------------------------

TEST_F(ProcessLife, OrphansAreReaped)
{
    const Finished finished = run(glovebox_sh({}, "for i in $(seq 50); do (sh -c 'exit 3' &) ; done; "
                                                  "while grep -q '^State:.Z' /proc/[0-9]*/status; do sleep 0.01; done; echo reaped"));
    EXPECT_EQ(finished.out, "reaped\n");
}

TEST_F(ProcessLife, BackgroundProcessesEndWithTheCommand)
{
    // Those that hold our pipes would keep us waiting, too.
    const Finished finished = run(glovebox_sh({}, "sleep 1000 & setsid sleep 1000 & (trap '' TERM HUP INT; setsid sh -c 'sleep 1000; :' &) ; exit 4"));
    EXPECT_EQ(finished.status, 4);
}

TEST_F(ProcessLife, TheCommandCannotEndInit)
{
    const Finished finished = run(glovebox_sh({}, "for s in TERM INT QUIT HUP KILL STOP USR1 SEGV CHLD CONT; do kill -$s 1; done; sleep 0.05; echo alive"));
    EXPECT_EQ(finished.out, "alive\n");
    EXPECT_EQ(finished.status, 0);
}

TEST_F(ProcessLife, KillingAllInsideEndsAtTheSandbox)
{
    const Finished finished = run(glovebox_sh({}, "sleep 1000 & kill -KILL -1; echo alive"));
    EXPECT_EQ(finished.out, "alive\n");
}

// -- signals to glovebox --------------------------------------------------------------------------

TEST_F(ProcessLife, SignalsReachTheCommand)
{
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP}) {
        const std::string number = std::to_string(signal);
        Process process(glovebox_sh({}, "trap 'echo got; exit 5' " + number + "; echo ready; while :; do sleep 0.01; done"));
        ASSERT_TRUE(process.says("ready"));
        process.signal(signal);
        const Finished finished = process.finish();
        EXPECT_EQ(finished.out, "ready\ngot\n") << signal;
        EXPECT_EQ(finished.status, 5) << signal;
    }
}

TEST_F(ProcessLife, ASignalThatIsNotCaughtEndsAll)
{
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
        Process process(glovebox_sh({}, "echo ready; exec sleep 1000"));
        ASSERT_TRUE(process.says("ready"));
        process.signal(signal);
        EXPECT_EQ(process.finish().status, 128 + signal);
    }
}

TEST_F(ProcessLife, ASignalDuringSetUpLeavesNothing)
{
    // At other moments of the set-up each time, as far as they can be met.
    for (int i = 0; i < 60; ++i) {
        Process process(glovebox({"--", "sleep", "1000"}));
        ::usleep(static_cast<unsigned>(i * 100));
        process.signal(SIGTERM);
        EXPECT_EQ(process.finish().status, 128 + SIGTERM);
    }
    EXPECT_EQ(list(scratches()), Words());
}

TEST_F(ProcessLife, AStoppedCommandGoesOnWithSigcont)
{
    Process process(glovebox_sh({}, "kill -STOP $$; echo resumed"));
    const int command = only_child(only_child(process.pid()));
    ASSERT_TRUE(eventually([&] { return is_stopped(command); }));
    process.signal(SIGCONT);
    EXPECT_EQ(process.finish().out, "resumed\n");
}

// -- SIGKILL --------------------------------------------------------------------------------------

constexpr const char* kBusy = "(setsid sleep 1000 &) ; sleep 1000 & echo ready; sleep 1000; :";

TEST_F(ProcessLife, KillingGloveboxEndsTheSandbox)
{
    Process process(glovebox_sh({}, kBusy));
    ASSERT_TRUE(process.says("ready"));
    process.signal(SIGKILL);
    EXPECT_EQ(process.finish().status, 128 + SIGKILL);
    remove_scratches();
}

TEST_F(ProcessLife, KillingGloveboxDuringSetUpEndsTheSandbox)
{
    for (int i = 0; i < 60; ++i) {
        Process process(glovebox({"--", "sleep", "1000"}));
        ::usleep(static_cast<unsigned>(i * 100));
        process.signal(SIGKILL);
        EXPECT_EQ(process.finish().status, 128 + SIGKILL);
    }
    remove_scratches();
}

TEST_F(ProcessLife, KillingInitEndsTheSandbox)
{
    Process process(glovebox_sh({}, kBusy));
    ASSERT_TRUE(process.says("ready"));
    ASSERT_EQ(::kill(only_child(process.pid()), SIGKILL), 0);
    EXPECT_EQ(process.finish().status, 128 + SIGKILL);
    EXPECT_EQ(list(scratches()), Words());
}

TEST_F(ProcessLife, KillingTheCommandEndsTheSandbox)
{
    Process process(glovebox_sh({}, "echo ready; exec sleep 1000"));
    ASSERT_TRUE(process.says("ready"));
    ASSERT_EQ(::kill(only_child(only_child(process.pid())), SIGKILL), 0);
    EXPECT_EQ(process.finish().status, 128 + SIGKILL);
    EXPECT_EQ(list(scratches()), Words());
}

} // namespace
} // namespace glovebox::test

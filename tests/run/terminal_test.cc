// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Job control: an interactive bash on a pseudo-terminal starts glovebox as people do.

#include "harness.h"

#include <array>
#include <stdexcept>
#include <string>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

constexpr int kPatience = 60'000; // ms, after which a test has failed

/// An interactive bash on a terminal of its own.
class Shell {
public:
    explicit Shell(const Launch& launch)
    {
        struct ::winsize size = {24, 80, 0, 0};
        pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
        if (pid_ == 0) {
            struct ::termios settings;
            ::tcgetattr(0, &settings);
            settings.c_lflag &= ~static_cast<tcflag_t>(ECHO); // or we would find what we typed
            settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
            ::tcsetattr(0, TCSANOW, &settings);
            for (const auto& [name, value] : launch.environment)
                ::setenv(name.c_str(), value.c_str(), 1);
            ::setenv("PS1", "outside> ", 1);
            ::setenv("GLOVEBOX", kGlovebox, 1);
            if (::chdir(launch.directory.c_str()) == 0)
                ::execlp("bash", "bash", "--norc", "--noprofile", "--noediting", "-i", nullptr);
            ::_exit(124);
        }
        expect("outside> ");
    }

    ~Shell()
    {
        ::close(terminal_); // hangs up
        ::waitpid(pid_, nullptr, 0);
    }

    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    [[nodiscard]] int pid() const { return pid_; }

    void press(std::string_view keys) { ASSERT_EQ(::write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }

    void type(const std::string& line) { press(line + "\n"); }

    void resize(unsigned short rows, unsigned short columns)
    {
        const struct ::winsize size = {rows, columns, 0, 0};
        ASSERT_EQ(::ioctl(terminal_, TIOCSWINSZ, &size), 0);
    }

    /// Waits for `text` behind what was expected before. Throws, which ends the test, when it does not come.
    void expect(const std::string& text)
    {
        while (!unread_.contains(text)) {
            struct ::pollfd event = {terminal_, POLLIN, 0};
            std::array<char, 4096> buffer;
            const bool ready = ::poll(&event, 1, kPatience) > 0;
            const ssize_t size = ready ? ::read(terminal_, buffer.data(), buffer.size()) : 0;
            if (size <= 0)
                throw std::runtime_error("waited for: " + text + "\nread: " + unread_);
            unread_.append(buffer.data(), static_cast<std::size_t>(size));
        }
        seen_ = unread_.substr(0, unread_.find(text));
        unread_.erase(0, seen_.size() + text.size());
    }

    /// What came before that.
    [[nodiscard]] const std::string& seen() const { return seen_; }

    /// The prompt comes, and the shell has the terminal: it reads, runs, and tells the last status.
    void expect_status(int status)
    {
        expect("outside> ");
        type("echo status $? $((40 + 2))");
        expect("status " + std::to_string(status) + " 42\n");
        expect("outside> ");
    }

private:
    int pid_ = -1;
    int terminal_ = -1;
    std::string unread_;
    std::string seen_;
};

class Terminal : public Sandbox {
protected:
    void SetUp() override
    {
        Sandbox::SetUp();
        write_file(directory() / "echo-lines", "echo started; while read line; do echo \"got $line\"; done; exit 3");
    }

    [[nodiscard]] Launch shell() const { return host({}); }

    /// Waits until the shell says `state` of a job, which it does at a prompt.
    static void expect_told(Shell& shell, const std::string& state)
    {
        EXPECT_TRUE(eventually([&] {
            shell.type("jobs; echo told");
            shell.expect("told\n");
            return shell.seen().contains(state);
        }));
    }
};

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kCtrlZ = "\x1a";
constexpr const char* kCtrlBackslash = "\x1c";

TEST_F(Terminal, TheCommandTalksWithTheUser)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh echo-lines");
    shell.expect("started\n");
    shell.type("one");
    shell.expect("got one\n");
    shell.press(kCtrlD);
    shell.expect_status(3);
}

// A shell can lose a signal that comes while it starts another program: those here only read.

TEST_F(Terminal, CtrlCEndsTheCommand)
{
    Shell shell(this->shell());
    for (const auto& [key, signal] : {std::pair{kCtrlC, SIGINT}, std::pair{kCtrlBackslash, SIGQUIT}}) {
        shell.type("$GLOVEBOX -- sh echo-lines");
        shell.expect("started\n");
        shell.type("one");
        shell.expect("got one\n");
        shell.press(key);
        shell.expect_status(128 + signal);
    }
}

TEST_F(Terminal, CtrlCIsDeliveredOnce)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- bash -c 'trap \"echo caught\" INT; echo started; until read line; do :; done; echo got $line'");
    shell.expect("started\n");
    shell.press(kCtrlC);
    shell.expect("caught\n");
    shell.type("one");
    shell.expect("got one\n");
    EXPECT_EQ(shell.seen(), "");
    shell.expect_status(0);
}

TEST_F(Terminal, CtrlZStopsAndFgContinues)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh echo-lines");
    shell.expect("started\n");
    for (const char* line : {"one", "two"}) {
        shell.press(kCtrlZ);
        shell.expect("Stopped");
        shell.expect_status(128 + SIGTSTP);
        shell.type("fg");
        shell.type(line);
        shell.expect("got " + std::string(line) + "\n");
    }
    shell.press(kCtrlD);
    shell.expect_status(3);
}

TEST_F(Terminal, BgContinuesInTheBackground)
{
    Shell shell(this->shell());
    // Not a shell: one that is about to start another program waits in the kernel, unstoppable, for
    // a child that has stopped before its exec.
    shell.type("$GLOVEBOX -- perl -e '$| = 1; $SIG{USR1} = sub { print \"caught\\n\"; exit 6 }; print \"started\\n\"; sleep 1 while 1'");
    shell.expect("started\n");
    shell.press(kCtrlZ);
    shell.expect("Stopped");
    shell.expect_status(128 + SIGTSTP);
    shell.type("bg; kill -USR1 %1; wait %1");
    shell.expect("caught\n");
    shell.expect_status(6);
}

TEST_F(Terminal, AStoppedSandboxCanBeEnded)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh echo-lines");
    shell.expect("started\n");
    shell.press(kCtrlZ);
    shell.expect("Stopped");
    shell.expect("outside> ");
    shell.type("kill %1"); // sends SIGCONT as well
    expect_told(shell, "Exit 143");
}

TEST_F(Terminal, WindowSizeReachesTheCommand)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh -c 'trap \"stty size; exit\" WINCH; stty size; while :; do sleep 0.01; done'");
    shell.expect("24 80\n");
    shell.resize(33, 99);
    shell.expect("33 99\n");
    shell.expect_status(0);
}

TEST_F(Terminal, WindowSizeReachesACommandInThePipeline)
{
    // Its process group is not the terminal's, so glovebox must pass the signal on.
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh -c 'trap \"stty size; exit\" WINCH; stty size; while :; do sleep 0.01; done' | cat");
    shell.expect("24 80\n");
    shell.resize(33, 99);
    shell.expect("33 99\n");
    shell.expect_status(0);
}

TEST_F(Terminal, AShellInsideHasJobControl)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX --env PS1='inside> ' -- bash --norc --noprofile --noediting -i");
    shell.expect("inside> ");
    EXPECT_EQ(shell.seen(), ""); // "no job control in this shell"
    shell.type("sh echo-lines");
    shell.expect("started\n");
    shell.press(kCtrlZ);
    shell.expect("Stopped");
    shell.expect("inside> ");
    shell.type("fg");
    shell.type("one");
    shell.expect("got one\n");
    shell.press(kCtrlC);
    shell.expect("inside> ");
    shell.type("echo status $?");
    shell.expect("status 130\n");
    shell.type("cat &");
    shell.expect("inside> ");
    shell.type("kill %1; wait; exit 9");
    shell.expect_status(9);
}

TEST_F(Terminal, AShellInsideCanBeSuspended)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX --env PS1='inside> ' -- bash --norc --noprofile --noediting -i");
    shell.expect("inside> ");
    shell.type("suspend");
    shell.expect("Stopped");
    shell.expect("outside> ");
    shell.type("fg");
    shell.type("echo in$((1 + 1))");
    shell.expect("in2\n");
    shell.type("exit 8");
    shell.expect_status(8);
}

TEST_F(Terminal, PipelinesWork)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- seq 3 | cat");
    shell.expect("1\n2\n3\n");
    shell.expect_status(0);
    shell.type("seq 3 | $GLOVEBOX -- sed s/^/x/ | $GLOVEBOX -- tac");
    shell.expect("x3\nx2\nx1\n");
    shell.expect_status(0);
}

TEST_F(Terminal, ACommandInAPipelineHasTheTerminal)
{
    Shell shell(this->shell());
    shell.type("set -o pipefail; $GLOVEBOX -- sh echo-lines | cat");
    shell.expect("started\n");
    shell.type("one");
    shell.expect("got one\n");
    shell.press(kCtrlZ);
    shell.expect("Stopped");
    shell.expect("outside> ");
    shell.type("fg");
    shell.type("two");
    shell.expect("got two\n");
    shell.press(kCtrlC);
    shell.expect_status(128 + SIGINT);
}

TEST_F(Terminal, ABackgroundJobLeavesTheTerminalAlone)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -w . -- sh -c 'echo started; while [ ! -e go ]; do sleep 0.01; done; exit 7' &");
    shell.expect("started\n");
    shell.type("echo a$((1 + 1))"); // while it runs
    shell.expect("a2\n");
    shell.type("touch go; wait $!");
    shell.expect_status(7); // and after its end
}

TEST_F(Terminal, ABackgroundJobThatReadsIsStopped)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh echo-lines &");
    shell.expect("started\n");
    expect_told(shell, "Stopped");
    shell.type("fg");
    shell.expect("echo-lines\n");
    shell.type("one");
    shell.expect("got one\n");
    shell.press(kCtrlD);
    shell.expect_status(3);
}

TEST_F(Terminal, TheTerminalComesBackAfterSigkill)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh echo-lines");
    shell.expect("started\n");
    const int glovebox = children_of(shell.pid()).at(0);
    const int init = children_of(glovebox).at(0);
    ::kill(glovebox, SIGKILL);
    // Until it is dead, too, the command may still take what is typed. Init is our child by now.
    EXPECT_TRUE(eventually([&] { return ::waitpid(init, nullptr, WNOHANG) == init; }));
    shell.expect_status(128 + SIGKILL);
    for (const std::string& name : list(scratches()))
        remove_tree(scratches() / name);
}

TEST_F(Terminal, AHangUpEndsTheSandbox)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX -- sh -c '(setsid sleep 1000 &) ; echo started; sleep 1000'");
    shell.expect("started\n");
    // The fixture looks whether anything is left after the terminal is gone.
}

TEST_F(Terminal, TheCommandStaysInTheSession)
{
    Shell shell(this->shell());
    shell.type("$GLOVEBOX --ro '" + escape(kProbe) + ":/probe' -- /probe > world");
    shell.expect_status(0);
    const World world = parse_world(read_file(directory() / "world"));
    EXPECT_EQ(world.sid, 0); // not of this PID namespace
    EXPECT_EQ(world.pgid, world.pid);
}

} // namespace
} // namespace glovebox::test

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/supervise.h"

#include "sys/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <initializer_list>

#include <sys/signalfd.h>
#include <sys/wait.h>

namespace glovebox::run {
namespace {

constexpr sys::SignalSet set_of(std::initializer_list<int> signals)
{
    sys::SignalSet set = 0;
    for (const int signal : signals)
        set |= sys::signal_bit(signal);
    return set;
}

constexpr sys::SignalSet kForwarded =
    set_of({SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT});

class Supervisor {
public:
    Supervisor(int pidfd, int channel, int terminal, std::uint64_t timeout)
        : pidfd_(pidfd), channel_(channel), terminal_(terminal), signals_(sys::signalfd(kForwarded)),
          deadline_(timeout == 0 ? kNever : sys::monotonic_ms() + timeout)
    {
    }

    /// Until PID 1 is dead.
    Ending watch()
    {
        for (bool alive = true; alive;) {
            std::array<struct ::pollfd, 3> events = {
                {{pidfd_, POLLIN, 0}, {channel_, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
            sys::poll(events, until_deadline());
            if (deadline_ != kNever && sys::monotonic_ms() >= deadline_)
                end_in_time();
            alive = events[0].revents == 0;
            if (events[2].revents != 0)
                forward();
            if (events[1].revents != 0 || !alive)
                read_reports();
        }
        return std::move(ending_);
    }

private:
    static constexpr std::uint64_t kNever = ~std::uint64_t{0};

    /// For poll(2): milliseconds, or -1.
    [[nodiscard]] int until_deadline() const
    {
        if (deadline_ == kNever)
            return -1;
        const std::uint64_t now = sys::monotonic_ms();
        return static_cast<int>(std::min<std::uint64_t>(deadline_ > now ? deadline_ - now : 0, INT_MAX));
    }

    void end_in_time()
    {
        if (ending_.timed_out) {
            sys::pidfd_send_signal(pidfd_, SIGKILL);
            deadline_ = kNever;
            return;
        }
        ending_.timed_out = true;
        deadline_ += kGrace;
        order({SIGTERM, false, false});
        order({SIGCONT, true, false}); // a stopped command could not see it
    }

    /// Whether the command was told to continue.
    bool forward()
    {
        bool resumed = false;
        struct ::signalfd_siginfo info;
        while (sys::read(signals_.get(), &info, sizeof info) == sizeof info) {
            const int signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGCONT) {
                resume();
                resumed = true;
                continue;
            }
            // What the terminal sends goes to a whole process group, and so does what we pass on.
            order({signal, info.ssi_code == SI_KERNEL, false});
        }
        return resumed;
    }

    void read_reports()
    {
        Report report;
        int received = -1;
        while (sys::receive(channel_, &report, sizeof report, &received) == sizeof report) {
            switch (report.kind) {
            case Report::Kind::stopped:
                // One that came before an order of ours to continue is over, or will be; and so it is
                // where the signal to continue waits for us.
                forward();
                if (report.index == continued_)
                    follow_stop(report.value);
                break;
            case Report::Kind::degraded:
                ending_.degraded.push_back(report);
                break;
            case Report::Kind::exported:
                ending_.exported.emplace_back(report.index, received);
                break;
            default:
                ending_.report = report;
            }
        }
    }

    /// The command was stopped: with a terminal, so are we, as its job.
    void follow_stop(int signal)
    {
        if (terminal_ < 0)
            return;
        const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
        if (!(wants_terminal && in_foreground())) {
            // The whole job stops. In an orphaned process group nobody could continue us, and the
            // kernel then ignores the signal.
            sys::SignalSet mask = 0;
            sys::set_signal_mask(sys::kAllSignals & ~sys::signal_bit(SIGTSTP), &mask);
            sys::kill(0, SIGTSTP);
            sys::set_signal_mask(mask, nullptr);
        }
        // Once: the signal that continued us waits to be read, and a second order on its account
        // could undo the next stop.
        if (!forward())
            resume();
    }

    void resume() { order({SIGCONT, true, in_foreground()}); }

    [[nodiscard]] bool in_foreground() const
    {
        return terminal_ >= 0 && sys::tcgetpgrp(terminal_) == sys::getpgrp();
    }

    void order(const Order& order)
    {
        continued_ += order.signal == SIGCONT;
        sys::send(channel_, &order, sizeof order);
    }

    int pidfd_;
    int channel_;
    int terminal_;
    sys::Fd signals_;
    std::uint64_t deadline_;
    std::int32_t continued_ = 0; ///< orders to continue that were sent
    Ending ending_;
};

} // namespace

Ending supervise(int pid, int pidfd, int channel, int terminal, std::uint64_t timeout)
{
    // A duplicate, for standard input and output are closed: a reader of the command's output must
    // see its end when the command closes it.
    const sys::Fd own_terminal(terminal < 0 ? -1 : sys::duplicate(terminal));
    Supervisor supervisor(pidfd, channel, own_terminal.get(), timeout);
    sys::close(0);
    sys::close(1);
    Ending ending = supervisor.watch();
    while (sys::wait4(pid, &ending.wait_status, 0, nullptr) == -EINTR) {
    }
    // Where a group of the sandbox had the terminal, that group is no more, and the terminal is
    // our caller's again; a shell that went on while we were in the background keeps it.
    if (own_terminal) {
        const int group = sys::tcgetpgrp(own_terminal.get());
        if (group > 0 && sys::kill(-group, 0) == -ESRCH)
            sys::tcsetpgrp(own_terminal.get(), sys::getpgrp());
    }
    return ending;
}

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "measure.h"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace glovebox::bench {
namespace {

constexpr int kWarmUps = 3;

double now_ms()
{
    struct ::timespec now = {};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// A contestant with all that posix_spawn needs, so that none of it is timed.
class Runner {
public:
    explicit Runner(const Contestant& contestant)
        : contestant_(contestant), errors_(::memfd_create("stderr", MFD_CLOEXEC))
    {
        for (const std::string& word : contestant.command)
            argv_.push_back(const_cast<char*>(word.c_str()));
        argv_.push_back(nullptr);
        // No stream is a terminal: job control is no part of the comparison.
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, errors_, 2);
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    ~Runner()
    {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::close(errors_);
    }

    /// The wait status; the time in `ms`.
    int launch(double& ms)
    {
        if (contestant_.args_fd >= 0)
            ::lseek(contestant_.args_fd, 0, SEEK_SET);
        ::pid_t pid = -1;
        int status = 0;
        const double start = now_ms();
        if (::posix_spawn(&pid, argv_[0], &actions_, nullptr, argv_.data(), environ) != 0)
            return -1;
        ::waitpid(pid, &status, 0);
        ms = now_ms() - start;
        return status;
    }

    /// How a launch that did not end with 0 went.
    [[nodiscard]] std::string explain(int status) const
    {
        std::array<char, 1000> buffer;
        const ::ssize_t got = ::pread(errors_, buffer.data(), buffer.size(), 0);
        return (status < 0 ? "cannot be started" : "wait status " + std::to_string(status)) + ": " +
               std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }

private:
    const Contestant& contestant_;
    int errors_;
    ::posix_spawn_file_actions_t actions_;
    std::vector<char*> argv_;
};

Quartiles quartiles(std::vector<double> values)
{
    std::ranges::sort(values);
    const auto at = [&](double part) {
        const double place = part * static_cast<double>(values.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, values.size() - 1);
        return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
    };
    return {at(0.25), at(0.5), at(0.75)};
}

} // namespace

std::vector<Timing> measure(const std::vector<Contestant>& contestants, int rounds)
{
    const std::size_t count = contestants.size();
    std::vector<std::vector<double>> times(count);
    {
        std::vector<std::unique_ptr<Runner>> runners;
        for (const Contestant& contestant : contestants)
            runners.push_back(std::make_unique<Runner>(contestant));
        for (int round = -kWarmUps; round < rounds; ++round)
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t turn = round % 2 == 0 ? i : count - 1 - i;
                double ms = 0;
                if (const int status = runners[turn]->launch(ms); status != 0)
                    throw std::runtime_error(contestants[turn].name + ": " + runners[turn]->explain(status));
                if (round >= 0)
                    times[turn].push_back(ms);
            }
    }
    std::vector<Timing> timings;
    for (std::size_t i = 0; i < count; ++i) {
        timings.push_back({contestants[i].name, quartiles(times[i]), {}});
        if (i == 0)
            continue;
        std::vector<double> ratios;
        for (std::size_t round = 0; round < times[i].size(); ++round)
            ratios.push_back(times[0][round] / times[i][round]);
        timings.back().ratio = quartiles(std::move(ratios));
    }
    return timings;
}

std::string try_once(const Contestant& contestant)
{
    Runner runner(contestant);
    double ms = 0;
    const int status = runner.launch(ms);
    return status == 0 ? std::string() : runner.explain(status);
}

} // namespace glovebox::bench

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The parent's side of a running sandbox: forwards signals and job control, waits for the end.

#include "run/wire.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace glovebox::run {

constexpr std::uint64_t kGrace = 5000; ///< milliseconds between SIGTERM and SIGKILL

/// How PID 1 ended.
struct Ending {
    int wait_status = 0;          ///< of PID 1, as from wait4(2)
    std::optional<Report> report; ///< the failure, or the signal that ended the command
    bool timed_out = false;
    std::vector<Report> degraded; ///< copy-on-write places that became something less
    std::vector<std::pair<int, sys::Fd>> exported; ///< mounts, by Layer::export_as
};

/// Returns when PID 1, and so every process of the sandbox, is dead. `pid` and `pidfd` are PID 1's,
/// `channel` is our end of the socket, `terminal` is the controlling terminal's descriptor or -1.
/// After `timeout` milliseconds (0: never) the command gets SIGTERM, and kGrace later all is killed.
/// All signals are blocked. Closes standard input and output: from here on they are the command's.
Ending supervise(int pid, int pidfd, int channel, int terminal, std::uint64_t timeout);

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The code between clone and exec: sets the sandbox up, becomes its PID 1, runs the command.

#include "plan/plan.h"

#include <span>

namespace glovebox::run {

/// Everything the child needs, ready to be read: it builds no string and allocates nothing.
struct ChildInput {
    const plan::Plan* plan = nullptr;
    char** argv = nullptr; ///< null-terminated, with one free slot before argv[0] for an interpreter
    char** envp = nullptr; ///< null-terminated
    int channel = -1;      ///< socket to the supervisor (wire.h)
    int terminal = -1;     ///< descriptor 0 to 2 that is the controlling terminal, or -1
    std::span<char> arguments; ///< the process's own argv and environment strings, to be wiped
};

/// Runs in the child of clone3, with all signals blocked. Never returns: PID 1 exits with the
/// command's status (128+N after a signal N, which is also reported), 125 to 127 when the command
/// did not run; then the cause has been sent to the supervisor.
[[noreturn]] void run_child(const ChildInput& input) noexcept;

} // namespace glovebox::run

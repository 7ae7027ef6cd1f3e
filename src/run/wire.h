// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The records that PID 1 and the supervisor exchange over their socket (SOCK_SEQPACKET: one
// record a message; end of file means that the other side is dead).

#include <cstdint>

namespace glovebox::run {

/// From the sandbox to the supervisor.
struct Report {
    enum class Kind : std::int32_t {
        setup_failed,    ///< `index`: step of Plan::setup; `value`: errno
        handover_failed, ///< `index`: step of Plan::handover; `value`: errno
        execute_failed,  ///< `index`: candidate; `value`: errno; `detail`: ExecuteDetail
        degraded,        ///< `index`: step of Plan::setup; `value`: errno; `detail`: Degraded
        exported,        ///< `index`: number of the mount (Layer::export_as), sent along
        stopped,         ///< `value`: the signal that stopped the command; `index`: how many
                         ///< orders to continue had been carried out by then
        signalled,       ///< `value`: the signal that ended the command
    };
    Kind kind{};
    std::int32_t index = 0;
    std::int32_t value = 0;
    std::int32_t detail = 0;
};

/// What the errno of execve does not tell.
enum class ExecuteDetail : std::int32_t { none, no_interpreter, wrong_architecture };

/// What a copy-on-write place became where the kernel refused the scratch for it.
enum class Degraded : std::int32_t { none, in_memory, read_only };

/// From the supervisor to PID 1: deliver a signal to the command.
struct Order {
    std::int32_t signal = 0;
    bool to_group = false;   ///< to the command's process group, as the terminal would
    bool foreground = false; ///< first give that group the terminal
};

} // namespace glovebox::run

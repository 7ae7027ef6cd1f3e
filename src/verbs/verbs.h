// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// One function per verb, each in its file. They give the exit status of the program.

#include "cli/options.h"
#include "result.h"

#include <span>
#include <string_view>

namespace glovebox::verbs {

/// The process as main() got it.
struct Process {
    std::span<char> arguments; ///< the memory of argv and environment strings
    char** environment = nullptr;
};

Result<int> run(const cli::Invocation& invocation, const Process& process);
Result<int> explain(const cli::Invocation& invocation, const Process& process);

/// Writes all of `text`, as far as it can be written.
void print(int fd, std::string_view text);
void print_error(const Error& error);

} // namespace glovebox::verbs

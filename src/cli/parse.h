// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// From the command line to an Invocation. Reads nothing but its arguments.

#include "cli/options.h"
#include "result.h"

#include <span>

namespace glovebox::cli {

/// `arguments` is argv with the program's name. The profile's options come first, then those of
/// the command line in their order. Options end at "--" or at the first word that is none; what
/// follows belongs to the command, untouched.
Result<Invocation> parse_arguments(std::span<char* const> arguments);

} // namespace glovebox::cli

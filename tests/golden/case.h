// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A golden case: a command line and what is special about the fake host, read from NAME.args.
//
//   # a comment
//   @cwd /home/ann        the working directory ("@cwd" alone: it was deleted)
//   @home /var/lib/ann    the user's home
//   @terminal foreground  standard input is the terminal ("background": another job has it)
//   --ro                  every other line is one argument
//   /opt/sdk

#include "plan/plan.h"
#include "result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace glovebox::test {

/// All NAME.args of the source tree, sorted.
std::vector<std::filesystem::path> golden_files();

/// The Plan of the case, or the Error in its place.
Result<plan::Plan> plan_of(const std::filesystem::path& args_file);

} // namespace glovebox::test

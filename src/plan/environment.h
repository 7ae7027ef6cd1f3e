// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The environment of the command, from the rules of the Spec and the host's own variables.

#include "plan/host.h"
#include "spec/spec.h"

#include <string>
#include <string_view>
#include <vector>

namespace glovebox::plan {

/// NAME=VALUE strings, sorted by name. A variable that is set by value is not overwritten by
/// --keep-env; otherwise later rules win. PATH is always there.
std::vector<std::string> make_environment(const spec::Spec& spec, const Host& host);

/// The paths to try for `command`, in the order of the environment's PATH (execvp(3)).
std::vector<std::string> make_candidates(const std::string& command,
                                         const std::vector<std::string>& environment);

} // namespace glovebox::plan

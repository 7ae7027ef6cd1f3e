// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// From an errno to a message: which step failed, whose option it was, why, and what helps.

#include "plan/plan.h"
#include "result.h"
#include "run/launch.h"
#include "run/supervise.h"

#include <string_view>

namespace glovebox::run {

/// clone3 was refused: looks for the switch of this host that forbids user namespaces.
Error diagnose_clone(int error);

/// Something every program needs (a descriptor, memory) is not to be had.
Error diagnose_resource(std::string_view what, int error);

/// What the end of the sandbox means: the exit status, and the error where the command did not run.
Outcome make_outcome(const plan::Plan& plan, const Ending& ending);

} // namespace glovebox::run

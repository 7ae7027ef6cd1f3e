// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The policy of the hand-over: what the command's process gives up, and in which order.

#include "plan/host.h"
#include "plan/plan.h"
#include "result.h"
#include "spec/spec.h"

#include <string>
#include <vector>

namespace glovebox::plan {

/// The steps between PID 1's work and exec; `directory` is where the command starts. Reads what
/// `plan.setup` makes writable, and fills in `plan.filter` where the filter comes from a file.
Result<> plan_handover(const spec::Spec& spec, const Host& host, const std::string& directory, Plan& plan);

} // namespace glovebox::plan

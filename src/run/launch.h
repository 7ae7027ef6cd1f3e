// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Starts what a Plan describes, stays with it to its end, and says how it went.

#include "plan/plan.h"
#include "result.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace glovebox::run {

struct Outcome {
    int status = 0;              ///< the exit status of glovebox (design: own, 128+N, 125, 126, 127)
    std::optional<Error> error;  ///< why the command did not run, or its outputs were not written
    std::vector<std::string> notes; ///< what the user should know: sentences
};

/// Carries out `plan`: makes the scratch, clones, supervises, and returns when every process of
/// the sandbox is dead and the scratch is gone (unless it is to be kept). `arguments` is the
/// memory of the process's own argv and environment, which is wiped in PID 1 of the sandbox.
/// `terminal` is as in plan::Host. An Error means that nothing was run.
Result<Outcome> run_plan(const plan::Plan& plan, int terminal, std::span<char> arguments);

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "verbs/verbs.h"

#include "plan/explain.h"
#include "plan/host.h"
#include "plan/plan.h"
#include "run/launch.h"
#include "text.h"

namespace glovebox::verbs {

Result<int> run(const cli::Invocation& invocation, const Process& process)
{
    const plan::Host host = plan::probe_host(process.environment);
    const Result<plan::Plan> plan = plan::make_plan(invocation.spec, host);
    if (!plan)
        return std::unexpected(plan.error());
    if (invocation.spec.verbose)
        print(2, plan::render_text(*plan));
    const Result<run::Outcome> outcome = run::run_plan(*plan, host.terminal, process.arguments);
    if (!outcome)
        return std::unexpected(outcome.error());
    if (outcome->error)
        print_error(*outcome->error);
    if (!invocation.spec.quiet)
        for (const std::string& note : outcome->notes)
            print(2, "glovebox: " + note + "\n");
    if (plan->scratch.fresh && plan->scratch.keep && !invocation.spec.quiet)
        print(2, "glovebox: the scratch is kept: " + quote(plan->scratch.path) + "\n");
    return outcome->status;
}

} // namespace glovebox::verbs

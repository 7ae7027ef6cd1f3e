// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "verbs/verbs.h"

#include "plan/explain.h"
#include "plan/host.h"
#include "plan/plan.h"

namespace glovebox::verbs {

Result<int> explain(const cli::Invocation& invocation, const Process& process)
{
    const Result<plan::Plan> plan = plan::make_plan(invocation.spec, plan::probe_host(process.environment));
    if (!plan)
        return std::unexpected(plan.error());
    print(1, invocation.json ? plan::render_json(*plan) : plan::render_text(*plan));
    return 0;
}

} // namespace glovebox::verbs

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "verbs/verbs.h"

#include "filter/filter.h"
#include "plan/explain.h"
#include "plan/host.h"
#include "plan/plan.h"
#include "text.h"

namespace glovebox::verbs {

namespace {

/// `explain --seccomp default|strict` without a command: the table that the filter is made from.
Result<int> explain_policy(const std::string& name)
{
    if (name != "default" && name != "strict")
        return fail("there is no built-in filter " + quote(name), {}, {}, "name default or strict, or give a command to explain");
    print(1, filter::policy_text(name == "strict" ? filter::Policy::strict_list : filter::Policy::default_list));
    return 0;
}

} // namespace

Result<int> explain(const cli::Invocation& invocation, const Process& process)
{
    if (invocation.spec.command.empty())
        return explain_policy(invocation.spec.seccomp.value);
    const Result<plan::Plan> plan = plan::make_plan(invocation.spec, plan::probe_host(process.environment));
    if (!plan)
        return std::unexpected(plan.error());
    print(1, invocation.json ? plan::render_json(*plan) : plan::render_text(*plan));
    return 0;
}

} // namespace glovebox::verbs

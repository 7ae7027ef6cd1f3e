// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/launch.h"

#include "review/outputs.h"
#include "run/child.h"
#include "run/diagnose.h"
#include "run/scratch.h"
#include "run/supervise.h"
#include "sys/fd.h"
#include "text.h"

#include <vector>

#include <fcntl.h>

namespace glovebox::run {
namespace {

constexpr int kOwnFailure = 125;

/// `first` free slots, the strings, and a null pointer. Refers to `strings`.
std::vector<char*> pointers(const std::vector<std::string>& strings, std::size_t first)
{
    std::vector<char*> out(first, nullptr);
    out.reserve(first + strings.size() + 1);
    for (const std::string& text : strings)
        out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

/// The outputs, taken by descriptor from the scratch and from the mounts that the sandbox sent.
Result<> collect_outputs(const plan::Plan& plan, const Ending& ending)
{
    const sys::Fd scratch(sys::open(plan.scratch.path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    std::vector<review::OutputRequest> requests;
    for (const plan::Output& output : plan.outputs) {
        int directory = scratch.get();
        for (const auto& [number, mount] : ending.exported)
            if (number == output.place)
                directory = mount.get();
        requests.push_back({directory, output.path, output.host, spec::render_origin(output.origin), output.place < 0 ? plan::kScratchState : ""});
    }
    const auto written = review::write_outputs(requests);
    return written ? Result<>() : std::unexpected(written.error());
}

/// Everything from the socket to the last process's death.
Result<Outcome> clone_and_supervise(const plan::Plan& plan, int terminal, std::span<char> arguments)
{
    std::vector<char*> argv = pointers(plan.execute.arguments, 1);
    std::vector<char*> envp = pointers(plan.execute.environment, 0);
    int ends[2];
    if (const int made = sys::socketpair(ends); made < 0)
        return std::unexpected(diagnose_resource("making a socket pair", -made));
    sys::Fd ours(ends[0]);
    sys::Fd theirs(ends[1]);

    // Where our caller ignores SIGCHLD, so would we and PID 1, and statuses of children would be lost.
    sys::default_action(SIGCHLD);
    int pidfd = -1;
    const int pid = sys::clone3(plan.namespaces, &pidfd);
    if (pid == 0) {
        ours.reset();
        run_child({&plan, argv.data() + 1, envp.data(), theirs.get(), terminal, arguments});
    }
    Result<Outcome> outcome;
    if (pid < 0) {
        outcome = std::unexpected(diagnose_clone(-pid));
    } else {
        theirs.reset();
        const sys::Fd process(pidfd);
        const Ending ending = supervise(pid, process.get(), ours.get(), terminal, plan.timeout);
        outcome = make_outcome(plan, ending);
        if (outcome->status == 0 && !plan.outputs.empty())
            if (Result<> written = collect_outputs(plan, ending); !written)
                outcome = Outcome{kOwnFailure, written.error(), std::move(outcome->notes)};
    }
    return outcome;
}

Result<Outcome> run_in_scratch(const plan::Plan& plan, int terminal, std::span<char> arguments)
{
    if (Result<> made = make_scratch(plan.scratch); !made)
        return std::unexpected(made.error());
    Result<Outcome> outcome = clone_and_supervise(plan, terminal, arguments);
    if (plan.scratch.keep)
        return outcome;
    if (outcome && plan.outputs.empty())
        for (const plan::Changes& changes : plan.scratch.changes)
            if (has_changes(changes))
                outcome->notes.push_back("the changes to " + quote(changes.target) +
                                         " are thrown away; --keep keeps them for review, --out takes out a result, -w . writes through");
    Result<> removed = remove_tree(plan.scratch.path);
    if (!removed && outcome && !outcome->error)
        outcome->error = removed.error();
    return outcome;
}

} // namespace

Result<Outcome> run_plan(const plan::Plan& plan, int terminal, std::span<char> arguments)
{
    // As long as there is a scratch, a signal must not end us: it would stay.
    sys::SignalSet old_mask = 0;
    sys::set_signal_mask(sys::kAllSignals, &old_mask);
    Result<Outcome> outcome = run_in_scratch(plan, terminal, arguments);
    sys::set_signal_mask(old_mask, nullptr);
    return outcome;
}

} // namespace glovebox::run

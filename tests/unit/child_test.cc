// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The child between clone and exec, on a kernel that refuses one call after the other.

#include "run/child.h"

#include "fake_calls.h"
#include "from_words.h"
#include "run/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <sys/prctl.h>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using run::Report;
using test::Call;
using test::kernel;

constexpr int kChannel = 50;
constexpr int kError = EXDEV; // nothing in the child makes an exception of it

struct Ran {
    int status = -1;
    std::vector<Report> reports;
    std::array<char, 8> arguments = {'s', 'e', 'c', 'r', 'e', 't'};

    [[nodiscard]] static const Call* find(std::string_view name)
    {
        for (const Call& call : kernel().calls)
            if (call.name == name)
                return &call;
        return nullptr;
    }
    /// The reports that say why the command did not run.
    [[nodiscard]] std::vector<Report> failures() const
    {
        return reports_of({Report::Kind::setup_failed, Report::Kind::handover_failed, Report::Kind::execute_failed});
    }
    [[nodiscard]] std::vector<Report> degraded() const { return reports_of({Report::Kind::degraded}); }
    [[nodiscard]] std::vector<Report> reports_of(std::initializer_list<Report::Kind> kinds) const
    {
        std::vector<Report> out;
        std::ranges::copy_if(reports, std::back_inserter(out),
                             [&](const Report& report) { return std::ranges::find(kinds, report.kind) != kinds.end(); });
        return out;
    }
    [[nodiscard]] static bool executed() { return find("execve") != nullptr; }
};

Ran run(const plan::Plan& plan, test::FakeKernel fake = {}, int terminal = -1)
{
    test::install(std::move(fake));
    std::vector<std::string> words = plan.execute.arguments;
    std::vector<char*> argv = {nullptr};
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    Ran ran;
    const run::ChildInput input = {&plan, argv.data() + 1, environment, kChannel, terminal, ran.arguments};
    ran.status = test::run_until_exit([&] { run::run_child(input); });
    for (const std::string& bytes : kernel().sent) {
        EXPECT_EQ(bytes.size(), sizeof(Report));
        std::memcpy(&ran.reports.emplace_back(), bytes.data(), sizeof(Report));
    }
    return ran;
}

plan::Plan default_plan(std::vector<std::string> options = {})
{
    options.insert(options.end(), {"--", "true"});
    return test::make_plan(options).value();
}

/// How many calls come before the first one called `name`.
std::size_t calls_before(const char* name) { return Ran::find(name)->index; }

/// Index of the first call of each step, and of the call after the last one.
struct Boundaries {
    std::vector<std::size_t> setup;
    std::vector<std::size_t> handover;

    explicit Boundaries(plan::Plan plan)
    {
        const plan::Plan whole = plan;
        for (std::size_t steps = 0; steps <= whole.setup.size(); ++steps) {
            plan.setup.assign(whole.setup.begin(), whole.setup.begin() + static_cast<std::ptrdiff_t>(steps));
            run(plan);
            setup.push_back(calls_before("spawn"));
        }
        for (std::size_t steps = 0; steps <= whole.handover.size(); ++steps) {
            plan.handover.assign(whole.handover.begin(), whole.handover.begin() + static_cast<std::ptrdiff_t>(steps));
            run(plan);
            handover.push_back(calls_before("execve") - 1); // umask comes between
        }
    }

    /// What is to be reported when call number `index` fails.
    [[nodiscard]] Report expected(std::size_t index) const
    {
        const auto step = [index](const std::vector<std::size_t>& starts) {
            return static_cast<std::int32_t>(std::ranges::upper_bound(starts, index) - starts.begin()) - 1;
        };
        if (index < setup.back())
            return {Report::Kind::setup_failed, step(setup), kError, 0};
        return {Report::Kind::handover_failed, index < handover.front() ? 0 : step(handover), kError, 0};
    }
};

bool demands_landlock(const plan::Plan& plan)
{
    return std::ranges::any_of(plan.handover, [](const plan::Step& step) {
        const auto* restriction = std::get_if<plan::RestrictWrites>(&step.op);
        return restriction != nullptr && restriction->required;
    });
}

/// Calls whose failure cannot weaken the sandbox, or leaves out what is only asked for where the kernel has it.
bool is_tolerated(const plan::Plan& plan, const Call& call)
{
    return call.name == "close"     // a descriptor of ours that close_range closes again before exec
           || call.name == "umask"  // cannot fail
           || call.name == "getpid" // cannot fail
           || (call.name == "landlock_abi" && !demands_landlock(plan));
}

void refuse_each_call(const plan::Plan& plan, int terminal)
{
    const Boundaries boundaries(plan);
    run(plan, {}, terminal);
    const std::vector<Call> calls = kernel().calls;
    const std::size_t end = calls_before("execve");
    ASSERT_GT(end, 100U);
    for (std::size_t index = 0; index < end; ++index) {
        SCOPED_TRACE(calls[index].name + "(" + calls[index].arguments + ") refused");
        const test::Answer answer = [index](const Call& call) -> std::optional<long> {
            return call.index == index ? std::optional<long>(-kError) : std::nullopt;
        };
        const Ran ran = run(plan, {.answer = answer}, terminal);
        if (is_tolerated(plan, calls[index])) {
            EXPECT_TRUE(ran.executed());
            continue;
        }
        const Report expected = boundaries.expected(index);
        if (ran.executed()) {
            // Only a place that was to be copy-on-write may become less than that, and is reported.
            ASSERT_EQ(expected.kind, Report::Kind::setup_failed);
            ASSERT_TRUE(std::holds_alternative<plan::Layer>(plan.setup[static_cast<std::size_t>(expected.index)].op));
            ASSERT_FALSE(ran.degraded().empty());
            EXPECT_EQ(ran.degraded().front().index, expected.index);
            continue;
        }
        EXPECT_EQ(ran.status, index <= boundaries.setup.back() ? 125 : 0) << "0 is what the command ends with";
        if (index < boundaries.setup.front())
            continue; // before there is anything to report, see ChildRefusesToStart
        ASSERT_EQ(ran.failures().size(), 1U);
        EXPECT_EQ(ran.failures()[0].kind, expected.kind);
        EXPECT_EQ(ran.failures()[0].index, expected.index);
        EXPECT_EQ(ran.failures()[0].value, expected.value);
    }
}

TEST(ChildFailsClosed, WhenAnyCallOfTheDefaultPlanIsRefused) { refuse_each_call(default_plan(), -1); }

TEST(ChildFailsClosed, WhenAnyCallOfAPlanWithEveryOptionIsRefused)
{
    refuse_each_call(default_plan({"--ro", "/opt/sdk:/in/sdk", "--rw", "/opt/tool:/in/tool", "--hide", "/opt/tool",
                                   "--hide", "/opt/sdk", "--tmpfs", "/in/tmp", "--uid", "7"}),
                     -1);
}

TEST(ChildFailsClosed, WhenAnyCallOfAnUntrustedPlanIsRefused)
{
    refuse_each_call(default_plan({"--profile", "untrusted", "--landlock", "require", "--seccomp", "strict"}), -1);
}

TEST(ChildFailsClosed, WhenAnyCallOfAPlanWithATerminalIsRefused)
{
    plan::Host host = test::make_fake_host();
    host.terminal = 0;
    host.foreground = true;
    refuse_each_call(test::make_plan({"--", "true"}, host).value(), 0);
}

TEST(ChildRefusesToStart, WithoutParentDeathSignal)
{
    const Ran ran = run(default_plan(), test::refusing("prctl", EINVAL));
    EXPECT_EQ(ran.status, 125);
    EXPECT_EQ(Ran::find("fsopen"), nullptr);
}

TEST(ChildRefusesToStart, WhenTheSupervisorIsDead)
{
    const auto hangs_up = [](const Call& call) -> std::optional<long> {
        return call.name == "poll" ? std::optional<long>(1) : std::nullopt;
    };
    const Ran ran = run(default_plan(), {.answer = hangs_up});
    EXPECT_EQ(ran.status, 125);
    EXPECT_EQ(Ran::find("fsopen"), nullptr);
}

TEST(ChildGoesOn, WithoutKeyringsInTheKernel)
{
    const Ran ran = run(default_plan(), test::refusing("join_new_session_keyring", ENOSYS));
    EXPECT_TRUE(ran.executed());
    EXPECT_EQ(ran.failures().size(), 0U);
}

TEST(ChildGoesOn, WhenAContainerRefusesSysfs)
{
    const Ran ran = run(default_plan(), test::refusing("fsopen", EPERM, "sysfs"));
    EXPECT_TRUE(ran.executed());
    EXPECT_EQ(ran.failures().size(), 0U);
}

TEST(ChildFailsClosed, WhenAContainerRefusesProcfs)
{
    const Ran ran = run(default_plan(), test::refusing("fsopen", EPERM, "proc"));
    EXPECT_FALSE(ran.executed());
    ASSERT_EQ(ran.failures().size(), 1U);
    EXPECT_EQ(ran.failures()[0].value, EPERM);
}

TEST(ChildFailsClosed, WhenTheWorkingDirectoryLiesOutsideTheRoot)
{
    const Ran ran = run(default_plan(), {.cwd = "(unreachable)/srv/build"});
    EXPECT_FALSE(ran.executed());
    ASSERT_EQ(ran.failures().size(), 1U);
    EXPECT_EQ(ran.failures()[0].kind, Report::Kind::handover_failed);
    EXPECT_EQ(ran.failures()[0].value, EXDEV);
}

// -- the end of hand-over ------------------------------------------------------------------------

TEST(ChildHandOver, ConfinesInOrderAndClosesAllButTheChannel)
{
    run(default_plan());
    std::vector<std::string> order;
    for (const Call& call : kernel().calls) {
        const bool no_new_privs =
            call.name == "prctl" && call.arguments.starts_with(std::to_string(PR_SET_NO_NEW_PRIVS) + ", 1");
        if (no_new_privs)
            order.push_back("no_new_privs");
        for (const char* name : {"unshare", "capset", "landlock_restrict_self", "close_range", "set_signal_mask",
                                 "seccomp_filter", "execve"})
            if (call.name == name)
                order.push_back(call.name);
        if (call.name == "execve")
            break;
    }
    EXPECT_EQ(order,
              (std::vector<std::string>{"unshare", "capset", "no_new_privs", "landlock_restrict_self", "close_range",
                                        "close_range", "set_signal_mask", "seccomp_filter", "execve"}));
    EXPECT_EQ(Ran::find("close_range")->arguments, "3, 49") << "up to the channel, which exec closes";
}

TEST(ChildHandOver, DropsEveryCapabilityForAnOrdinaryUserInside)
{
    run(default_plan({"--uid", "1000"}));
    std::size_t dropped = 0;
    for (const Call& call : kernel().calls)
        dropped += call.name == "prctl" && call.arguments.starts_with(std::to_string(PR_CAPBSET_DROP) + ", ") ? 1 : 0;
    EXPECT_EQ(dropped, 64U);
    EXPECT_EQ(Ran::find("capset")->arguments, "0, 0, 0");
}

TEST(ChildHandOver, GivesTheCommandTheCallersUmask)
{
    run(default_plan());
    std::vector<std::string> masks;
    for (const Call& call : kernel().calls)
        if (call.name == "umask")
            masks.push_back(call.arguments);
    EXPECT_EQ(masks, (std::vector<std::string>{"0", "18"})); // 022
}

// -- exec ----------------------------------------------------------------------------------------

/// Runs "tool" with PATH=/a:/b:/c, where execve and access of a path answer as told.
struct Executed {
    std::vector<std::string> tried;
    std::optional<Report> report;
    int status = -1; ///< of the command's process where nothing could be executed

    explicit Executed(const std::map<std::string, int>& errors, std::map<std::string, std::string> files = {})
    {
        const auto answer = [&](const Call& call) -> std::optional<long> {
            if (call.name == "exit" && status < 0)
                status = std::stoi(call.arguments);
            if (call.name != "execve" && call.name != "access")
                return std::nullopt;
            if (call.name == "execve")
                tried.push_back(call.arguments);
            const auto error = errors.find(call.arguments.substr(0, call.arguments.find(',')));
            return error == errors.end() ? 0 : -error->second;
        };
        const plan::Plan plan = test::make_plan({"--env", "PATH=/a:/b:/c", "--", "tool", "-x"}).value();
        const Ran ran = run(plan, {.answer = answer, .files = std::move(files)});
        if (!ran.failures().empty())
            report = ran.failures().front();
    }
};

TEST(ChildExecute, TakesTheFirstThatExists)
{
    const Executed run({{"/a/tool", ENOENT}, {"/b/tool", 0}});
    EXPECT_EQ(run.tried, (std::vector<std::string>{"/a/tool, tool, -x", "/b/tool, tool, -x"}));
}

TEST(ChildExecute, NotFoundAnywhereIs127)
{
    const Executed run({{"/a/tool", ENOENT}, {"/b/tool", ENOTDIR}, {"/c/tool", ENOENT}});
    EXPECT_EQ(run.tried.size(), 3U);
    EXPECT_EQ(run.status, 127);
    ASSERT_TRUE(run.report);
    EXPECT_EQ(run.report->kind, Report::Kind::execute_failed);
    EXPECT_EQ(run.report->value, ENOENT);
}

TEST(ChildExecute, NoPermissionGoesOnButIsRememberedAs126)
{
    const Executed run({{"/a/tool", EACCES}, {"/b/tool", ENOENT}, {"/c/tool", ENOENT}});
    EXPECT_EQ(run.tried.size(), 3U);
    EXPECT_EQ(run.status, 126);
    ASSERT_TRUE(run.report);
    EXPECT_EQ(run.report->index, 0);
    EXPECT_EQ(run.report->value, EACCES);
}

TEST(ChildExecute, OtherErrorsStopTheSearch)
{
    const Executed run({{"/a/tool", ENOENT}, {"/b/tool", E2BIG}, {"/c/tool", 0}});
    EXPECT_EQ(run.tried.size(), 2U);
    EXPECT_EQ(run.status, 126);
    ASSERT_TRUE(run.report);
    EXPECT_EQ(run.report->index, 1);
    EXPECT_EQ(run.report->value, E2BIG);
}

TEST(ChildExecute, AScriptWithoutInterpreterLineIsRunByTheShell)
{
    const Executed run({{"/a/tool", ENOEXEC}}, {{"/a/tool", "echo hello\n"}});
    EXPECT_EQ(run.tried, (std::vector<std::string>{"/a/tool, tool, -x", "/bin/sh, /bin/sh, /a/tool"}));
    EXPECT_FALSE(run.report);
}

TEST(ChildExecute, AProgramForAnotherArchitectureIsToldApart)
{
    const Executed run({{"/a/tool", ENOEXEC}}, {{"/a/tool", "\177ELF..."}});
    EXPECT_EQ(run.status, 126);
    ASSERT_TRUE(run.report);
    EXPECT_EQ(run.report->detail, static_cast<std::int32_t>(run::ExecuteDetail::wrong_architecture));
}

TEST(ChildExecute, AMissingInterpreterIsToldApart)
{
    // execve says ENOENT of a file that is there.
    const plan::Plan plan = test::make_plan({"--", "/a/tool"}).value();
    const Ran ran = run(plan, test::refusing("execve", ENOENT));
    ASSERT_EQ(ran.failures().size(), 1U);
    EXPECT_EQ(ran.failures()[0].detail, static_cast<std::int32_t>(run::ExecuteDetail::no_interpreter));
}

// -- PID 1 ---------------------------------------------------------------------------------------

TEST(ChildInit, ExitsWithTheCommandsStatus) { EXPECT_EQ(run(default_plan(), {.wait_statuses = {7 << 8}}).status, 7); }

TEST(ChildInit, ReportsTheSignalThatEndedTheCommand)
{
    const Ran ran = run(default_plan(), {.wait_statuses = {SIGSEGV}});
    EXPECT_EQ(ran.status, 128 + SIGSEGV);
    ASSERT_EQ(ran.reports_of({Report::Kind::signalled}).size(), 1U);
    EXPECT_EQ(ran.reports_of({Report::Kind::signalled})[0].value, SIGSEGV);
}

TEST(ChildInit, ReportsAStopAndGoesOn)
{
    const Ran ran = run(default_plan(), {.wait_statuses = {SIGTSTP << 8 | 0x7f, 3 << 8}});
    EXPECT_EQ(ran.status, 3);
    ASSERT_EQ(ran.reports_of({Report::Kind::stopped}).size(), 1U);
    EXPECT_EQ(ran.reports_of({Report::Kind::stopped})[0].value, SIGTSTP);
}

TEST(ChildInit, WipesTheArgumentsOfGlovebox) { EXPECT_EQ(run(default_plan()).arguments, (std::array<char, 8>{})); }

std::string message(const run::Order& order) { return {reinterpret_cast<const char*>(&order), sizeof order}; }

/// The calls of PID 1 that deliver signals and give the terminal away, for these messages.
std::vector<std::string> obeyed(std::vector<std::string> messages, int terminal)
{
    std::vector<int> statuses(messages.size(), test::kNothingYet);
    statuses.push_back(0);
    run(default_plan(), {.wait_statuses = statuses, .messages = std::move(messages)}, terminal);
    std::vector<std::string> out;
    for (const Call& call : kernel().calls)
        if (call.name == "kill" || call.name == "tcsetpgrp")
            out.push_back(call.name + " " + call.arguments);
    return out;
}

TEST(ChildInit, DeliversSignalsToTheCommandOrItsGroup)
{
    EXPECT_EQ(obeyed({message({SIGTERM, false, false}), message({SIGINT, true, false})}, -1),
              (std::vector<std::string>{"kill 42, 15", "kill -42, 2"}));
}

TEST(ChildInit, GivesTheTerminalBeforeItContinuesTheGroup)
{
    EXPECT_EQ(obeyed({message({SIGCONT, true, true})}, 1), (std::vector<std::string>{"tcsetpgrp 1, 42", "kill -42, 18"}));
    EXPECT_EQ(obeyed({message({SIGCONT, true, true})}, -1), (std::vector<std::string>{"kill -42, 18"}));
}

TEST(ChildInit, IgnoresAMessageThatIsTooShort) { EXPECT_EQ(obeyed({"x"}, -1), (std::vector<std::string>{})); }

TEST(ChildInit, EndsWhenTheSupervisorIsDead)
{
    EXPECT_EQ(run(default_plan(), {.wait_statuses = {test::kNothingYet, 0}, .messages = {""}}).status, 125);
}

TEST(ChildInit, EndsWithoutASignalDescriptor)
{
    EXPECT_EQ(run(default_plan(), test::refusing("signalfd", EMFILE)).status, 125);
}

} // namespace

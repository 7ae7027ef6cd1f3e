// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// From errno to a message and its cure, on hosts with one switch or the other.

#include "run/diagnose.h"

#include "fake_calls.h"
#include "from_words.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using run::Report;

void host_with(std::map<std::string, std::string> files) { test::install({.files = std::move(files)}); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string clone_hint(int error, std::map<std::string, std::string> files = {})
{
    host_with(std::move(files));
    const Error diagnosed = run::diagnose_clone(error);
    EXPECT_EQ(diagnosed.what, "making the namespaces");
    return diagnosed.hint;
}

TEST(DiagnoseClone, KernelTooOld) { EXPECT_TRUE(contains(clone_hint(ENOSYS), "Linux 5.12")); }

TEST(DiagnoseClone, TooManyProcesses) { EXPECT_TRUE(contains(clone_hint(EAGAIN), "ulimit -u")); }

TEST(DiagnoseClone, LimitOnUserNamespaces)
{
    EXPECT_TRUE(
        contains(clone_hint(ENOSPC, {{"/proc/sys/user/max_user_namespaces", "31000\n"}}), "user.max_user_namespaces"));
    EXPECT_TRUE(contains(clone_hint(EPERM, {{"/proc/sys/user/max_user_namespaces", "0\n"}}), "user.max_user_namespaces"));
}

TEST(DiagnoseClone, DebiansSwitch)
{
    EXPECT_TRUE(contains(clone_hint(EPERM, {{"/proc/sys/kernel/unprivileged_userns_clone", "0\n"}}),
                         "kernel.unprivileged_userns_clone=1"));
    EXPECT_FALSE(contains(clone_hint(EPERM, {{"/proc/sys/kernel/unprivileged_userns_clone", "1\n"}}),
                          "unprivileged_userns_clone"));
}

TEST(DiagnoseClone, UbuntusAppArmor)
{
    EXPECT_TRUE(contains(clone_hint(EPERM, {{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n"}}),
                         "kernel.apparmor_restrict_unprivileged_userns=0"));
}

TEST(DiagnoseClone, ASeccompFilterOfTheSurroundings)
{
    EXPECT_TRUE(contains(clone_hint(EPERM, {{"/proc/self/status", "Name:\tx\nSeccomp:\t2\n"}}), "seccomp=unconfined"));
    EXPECT_FALSE(contains(clone_hint(EPERM, {{"/proc/self/status", "Seccomp:\t0\n"}}), "unconfined"));
}

TEST(DiagnoseClone, AChroot) { EXPECT_TRUE(contains(clone_hint(EPERM), "chroot")); }

TEST(DiagnoseClone, NothingIsMadeUp) { EXPECT_EQ(clone_hint(ENOMEM), ""); }

plan::Plan default_plan()
{
    return test::make_plan({"--ro", "/opt/sdk:/sdk", "--chdir", "/nowhere", "--", "tool"}).value();
}

/// How the default Plan goes when the first set-up step of kind T fails.
template <class T>
Error setup_error(int error, std::map<std::string, std::string> files = {})
{
    host_with(std::move(files));
    const plan::Plan plan = default_plan();
    for (std::size_t i = 0; i < plan.setup.size(); ++i)
        if (std::holds_alternative<T>(plan.setup[i].op)) {
            const Report report = {Report::Kind::setup_failed, static_cast<std::int32_t>(i), error, 0};
            const run::Outcome outcome = run::make_outcome(plan, {125 << 8, report});
            EXPECT_EQ(outcome.status, 125);
            return outcome.error.value();
        }
    ADD_FAILURE() << "no such step";
    return {};
}

TEST(DiagnoseStep, NamesOperationReasonAndOption)
{
    host_with({});
    const plan::Plan plan = default_plan();
    const auto is_sdk = [](const plan::Step& step) {
        const auto* bind = std::get_if<plan::Bind>(&step.op);
        return bind != nullptr && bind->target == "/sdk";
    };
    const auto index = static_cast<std::int32_t>(std::ranges::find_if(plan.setup, is_sdk) - plan.setup.begin());
    const run::Outcome outcome =
        run::make_outcome(plan, {125 << 8, Report{Report::Kind::setup_failed, index, EACCES, 0}});
    EXPECT_EQ(outcome.error->what, "binding /opt/sdk read-only at /sdk");
    EXPECT_EQ(outcome.error->why, "Permission denied");
    EXPECT_EQ(outcome.error->from, "--ro, argument 1");
}

TEST(DiagnoseStep, KnownCausesHaveACure)
{
    EXPECT_TRUE(contains(setup_error<plan::MakeRoot>(ENOSYS).hint, "Linux 5.12"));
    EXPECT_TRUE(contains(setup_error<plan::MakeProc>(EPERM).hint, "systempaths=unconfined"));
    EXPECT_TRUE(contains(setup_error<plan::PivotRoot>(EINVAL).hint, "chroot"));
    EXPECT_TRUE(contains(setup_error<plan::Bind>(ENOSPC).hint, "fs.mount-max"));
    const std::map<std::string, std::string> ubuntu = {{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n"}};
    EXPECT_TRUE(contains(setup_error<plan::MakeProc>(EACCES, ubuntu).hint, "apparmor"));
    EXPECT_TRUE(contains(setup_error<plan::WriteProc>(EPERM, ubuntu).hint, "apparmor"));
    EXPECT_EQ(setup_error<plan::SealRoot>(EIO).hint, "");
}

Error handover_error(std::int32_t index, int error)
{
    host_with({});
    return run::make_outcome(default_plan(), {125 << 8, Report{Report::Kind::handover_failed, index, error, 0}})
        .error.value();
}

TEST(DiagnoseStep, AStartingDirectoryThatIsNotSeen)
{
    const plan::Plan plan = default_plan();
    const auto is_chdir = [](const plan::Step& step) { return std::holds_alternative<plan::ChangeDirectory>(step.op); };
    const auto index = static_cast<std::int32_t>(std::ranges::find_if(plan.handover, is_chdir) - plan.handover.begin());
    const Error error = handover_error(index, ENOENT);
    EXPECT_EQ(error.what, "changing to the directory /nowhere");
    EXPECT_EQ(error.from, "--chdir, argument 3");
    EXPECT_TRUE(contains(error.hint, "--ro"));
}

run::Outcome execute_outcome(Report report, int status, std::vector<std::string> words = {"--", "tool"})
{
    host_with({});
    report.kind = Report::Kind::execute_failed;
    return run::make_outcome(test::make_plan(std::move(words)).value(), {status << 8, report});
}

TEST(DiagnoseExecute, CommandNotFound)
{
    const run::Outcome outcome = execute_outcome({.value = ENOENT}, 127);
    EXPECT_EQ(outcome.status, 127);
    EXPECT_EQ(outcome.error->what, "running tool");
    EXPECT_EQ(outcome.error->why, "no such command inside");
    EXPECT_TRUE(contains(outcome.error->hint, "PATH"));
    const run::Outcome path = execute_outcome({.value = ENOENT}, 127, {"--", "./tool"});
    EXPECT_TRUE(contains(path.error->hint, "--ro"));
}

TEST(DiagnoseExecute, NotExecutable)
{
    const run::Outcome outcome = execute_outcome({.index = 1, .value = EACCES}, 126);
    EXPECT_EQ(outcome.status, 126);
    EXPECT_EQ(outcome.error->what, "running /bin/tool") << "the second directory of PATH";
    EXPECT_TRUE(contains(outcome.error->hint, "chmod +x"));
}

TEST(DiagnoseExecute, AnotherArchitecture)
{
    const Report report = {.value = ENOEXEC, .detail = static_cast<std::int32_t>(run::ExecuteDetail::wrong_architecture)};
    EXPECT_TRUE(contains(execute_outcome(report, 126).error->hint, "another architecture"));
}

TEST(DiagnoseExecute, AMissingInterpreter)
{
    const Report report = {.value = ENOENT, .detail = static_cast<std::int32_t>(run::ExecuteDetail::no_interpreter)};
    const run::Outcome outcome = execute_outcome(report, 126);
    EXPECT_TRUE(contains(outcome.error->why, "interpreter"));
    EXPECT_TRUE(contains(outcome.error->hint, "#!"));
}

TEST(DiagnoseExecute, OtherReasonsAreTheKernels)
{
    EXPECT_EQ(execute_outcome({.value = E2BIG}, 126).error->why, "Argument list too long");
}

TEST(Outcome, TheCommandsStatusIsOurs)
{
    const plan::Plan plan = default_plan();
    EXPECT_EQ(run::make_outcome(plan, {0, {}}).status, 0);
    EXPECT_EQ(run::make_outcome(plan, {255 << 8, {}}).status, 255);
    EXPECT_FALSE(run::make_outcome(plan, {255 << 8, {}}).error);
}

TEST(Outcome, ASignalIs128More)
{
    const plan::Plan plan = default_plan();
    const run::Outcome outcome =
        run::make_outcome(plan, {(128 + SIGSEGV) << 8, Report{Report::Kind::signalled, 0, SIGSEGV, 0}});
    EXPECT_EQ(outcome.status, 128 + SIGSEGV);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(run::make_outcome(plan, {SIGKILL, {}}).status, 128 + SIGKILL) << "PID 1 itself was killed";
}

} // namespace

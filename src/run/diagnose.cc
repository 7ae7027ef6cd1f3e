// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/diagnose.h"

#include "plan/explain.h"
#include "sys/fd.h"
#include "text.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>

namespace glovebox::run {
namespace {

constexpr int kTimedOut = 124;
constexpr int kOwnFailure = 125;

/// The first line of a small file; "" when it cannot be read.
std::string first_line(const char* path)
{
    const sys::Fd file(sys::open(path, O_RDONLY));
    std::array<char, 4096> buffer;
    const long got = sys::read(file.get(), buffer.data(), buffer.size());
    const std::string text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.substr(0, text.find('\n'));
}

/// Whether a seccomp filter of the caller (a container's) is on this process.
bool is_filtered()
{
    const sys::Fd file(sys::open("/proc/self/status", O_RDONLY));
    std::array<char, 8192> buffer;
    const long got = sys::read(file.get(), buffer.data(), buffer.size());
    const std::string_view text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.contains("Seccomp:\t2");
}

/// Ubuntu (AppArmor) lets the clone pass and refuses what comes next in the new namespace.
bool apparmor_restricts()
{
    return first_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1";
}

constexpr const char* kFilterHint =
    "a seccomp filter of the surroundings (a container?) forbids user namespaces; "
    "for Docker: --security-opt seccomp=unconfined, or a profile that allows clone3 and unshare";

constexpr const char* kAppArmorHint =
    "AppArmor forbids user namespaces to programs without a profile; as root: "
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give glovebox a profile with 'userns,'";

/// ENOSYS. Docker's filter answers so to clone3, on any kernel.
std::string missing_call_hint()
{
    if (is_filtered())
        return "a seccomp filter of the surroundings (a container?) hides a system call, or this kernel is older than Linux 5.12; "
               "for Docker: --security-opt seccomp=unconfined";
    return "this kernel is too old: glovebox needs Linux 5.12 or later";
}

std::string clone_hint(int error)
{
    if (error == ENOSYS)
        return missing_call_hint();
    if (error == EAGAIN)
        return "too many processes: raise ulimit -u, or wait for others to end";
    if (error == ENOSPC || first_line("/proc/sys/user/max_user_namespaces") == "0")
        return "the limit on user namespaces is reached or 0; as root: sysctl -w user.max_user_namespaces=10000";
    if (first_line("/proc/sys/kernel/unprivileged_userns_clone") == "0")
        return "this host forbids user namespaces to ordinary users; as root: sysctl -w kernel.unprivileged_userns_clone=1";
    if (apparmor_restricts())
        return kAppArmorHint;
    if (is_filtered())
        return kFilterHint;
    if (error == EPERM)
        return "user namespaces are not to be had inside a chroot, nor where a security module forbids them";
    return {};
}

std::string step_hint(const plan::Op& op, int error)
{
    const bool is_proc = std::holds_alternative<plan::MakeProc>(op);
    const bool is_map = std::holds_alternative<plan::WriteProc>(op);
    if (error == ENOSYS)
        return missing_call_hint();
    if ((error == EACCES || error == EPERM) && (is_proc || is_map) && apparmor_restricts())
        return kAppArmorHint;
    if (error == EPERM && is_proc)
        return "parts of /proc are masked here, as in a container, so the kernel refuses a new one; "
               "for Docker: --security-opt systempaths=unconfined";
    if (error == EPERM && std::holds_alternative<plan::EnterUserNamespace>(op) && is_filtered())
        return kFilterHint;
    if (error == EINVAL && std::holds_alternative<plan::PivotRoot>(op))
        return "the root directory is not a mount point: inside a chroot or an initramfs glovebox cannot run";
    if (error == ENOSPC && std::holds_alternative<plan::Bind>(op))
        return "the limit on mounts is reached; as root: sysctl -w fs.mount-max=200000";
    if (const auto* directory = std::get_if<plan::ChangeDirectory>(&op); directory != nullptr && error == ENOENT)
        return "name a directory that exists inside, or show it with --ro or --rw";
    return {};
}

Error diagnose_step(const plan::Step& step, int error)
{
    return {plan::describe(step.op), std::strerror(error), spec::render_origin(step.origin), step_hint(step.op, error)};
}

Error diagnose_execute(const plan::Execute& execute, const Report& report)
{
    const std::string& path = execute.candidates[static_cast<std::size_t>(report.index)];
    switch (static_cast<ExecuteDetail>(report.detail)) {
    case ExecuteDetail::wrong_architecture:
        return {"running " + quote(path), std::strerror(report.value), {}, "it is a program for another architecture"};
    case ExecuteDetail::no_interpreter:
        return {"running " + quote(path), "its interpreter does not exist inside", {},
                "see its first line (#!), or for a program its dynamic loader"};
    case ExecuteDetail::none:
        break;
    }
    if (report.value == ENOENT)
        return {"running " + quote(execute.name), "no such command inside", {},
                execute.name.contains('/') ? "what lies in a home or in /tmp is only seen inside if it is shown with --ro or --rw"
                                           : "it is in no directory of PATH inside; homes are hidden unless shown with --ro"};
    return {"running " + quote(path), std::strerror(report.value), {},
            report.value == EACCES ? "it is not an executable file (chmod +x?)" : ""};
}

std::string degraded_note(const plan::Step& step, const Report& report)
{
    const auto* layer = std::get_if<plan::Layer>(&step.op);
    const bool in_memory = report.detail == static_cast<std::int32_t>(Degraded::in_memory);
    return quote(layer->target) + (in_memory ? ": changes are held in memory and cannot be kept" : " is read-only, not copy-on-write") + " (" +
           std::strerror(report.value) + ", from " + spec::render_origin(step.origin) + "); " +
           (in_memory ? "the scratch is on a file system that cannot hold them: set TMPDIR or --scratch to a directory on a local disk"
                      : "the kernel makes no overlay of it, as where other file systems are mounted inside: write through with -w, or show a directory without mounts with --cow");
}

} // namespace

Error diagnose_clone(int error)
{
    return {"making the namespaces", std::strerror(error), {}, clone_hint(error)};
}

Error diagnose_resource(std::string_view what, int error)
{
    return {std::string(what), std::strerror(error), {}, {}};
}

Outcome make_outcome(const plan::Plan& plan, const Ending& ending)
{
    const int status = ending.wait_status;
    const int own = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ending.report) {
        const Report& report = *ending.report;
        const auto index = static_cast<std::size_t>(report.index);
        switch (report.kind) {
        case Report::Kind::setup_failed:
            return {kOwnFailure, diagnose_step(plan.setup[index], report.value), {}};
        case Report::Kind::handover_failed:
            return {kOwnFailure, diagnose_step(plan.handover[index], report.value), {}};
        case Report::Kind::execute_failed:
            return {own, diagnose_execute(plan.execute, report), {}};
        default:
            break;
        }
    }
    Outcome outcome = {ending.timed_out ? kTimedOut : own, {}, {}};
    if (ending.timed_out)
        outcome.notes.push_back("the time limit of " + std::to_string(plan.timeout) + " ms ended the command");
    for (const Report& report : ending.degraded)
        outcome.notes.push_back(degraded_note(plan.setup[static_cast<std::size_t>(report.index)], report));
    return outcome;
}

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Rules for this file and setup.cc: it runs in the child of a clone, on the parent's memory image.
// No allocation, no stdio, no locale, no name service, no exception; strings are read, never
// built; every failure is one record to the supervisor, then exit. A test checks the symbols.

#include "run/child.h"

#include "run/dispatch.h"
#include "run/setup.h"
#include "run/wire.h"
#include "sys/fd.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace glovebox::run {
namespace {

constexpr int kFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
constexpr int kSignals = 64;

struct Context {
    const ChildInput& input;
    SetupState setup;
    unsigned umask = 0;
    std::int32_t continued = 0; ///< orders to continue that were carried out
};

[[noreturn]] void give_up(const Context& context, const Report& report, int status) noexcept
{
    sys::send(context.input.channel, &report, sizeof report);
    sys::exit(status);
}

// -- hand-over ----------------------------------------------------------------------------------

int apply(Context&, const plan::NewSession&) noexcept { return sys::setsid(); }

int apply(Context&, const plan::NewGroup& op) noexcept
{
    if (const int group = sys::setpgid(0, 0); group < 0)
        return group;
    // SIGTTOU is blocked, so that a group in the background may do this (tcsetpgrp(3)).
    return op.foreground ? sys::tcsetpgrp(op.terminal, sys::getpid()) : 0;
}

int apply(Context& context, const plan::EnterUserNamespace& op) noexcept
{
    if (const int entered = sys::unshare(CLONE_NEWUSER); entered < 0)
        return entered;
    if (const int mapped = write_proc(context.setup, "self/uid_map", op.uid_map); mapped < 0)
        return mapped;
    if (const int mapped = write_proc(context.setup, "self/gid_map", op.gid_map); mapped < 0)
        return mapped;
    // The address space is still PID 1's as well: from here on its memory cannot be read through
    // /proc, whatever the user namespaces would say. (Before, the maps could not be written.)
    return sys::prctl(PR_SET_DUMPABLE, 0);
}

int apply(Context&, const plan::ChangeDirectory& op) noexcept
{
    if (const int changed = sys::chdir(op.path.c_str()); changed < 0)
        return changed;
    // A directory outside the root is told by getcwd(2): "(unreachable)/…".
    char where[PATH_MAX];
    const long length = sys::getcwd(where, sizeof where);
    return length < 0 ? static_cast<int>(length) : where[0] == '/' ? 0 : -EXDEV;
}

/// Ambient capabilities survive the exec of a uid that is not 0 (capabilities(7)).
int raise_ambient(std::uint64_t keep) noexcept
{
    if (const int set = sys::capset(~std::uint64_t{0}, ~std::uint64_t{0}, keep); set < 0)
        return set;
    for (unsigned capability = 0; capability < 64; ++capability)
        if ((keep >> capability & 1) != 0)
            if (const int raised = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability); raised < 0)
                return raised;
    return 0;
}

int apply(Context&, const plan::CutCapabilities& op) noexcept
{
    for (unsigned capability = 0; capability < 64; ++capability) {
        if ((op.keep >> capability & 1) != 0)
            continue;
        const int dropped = sys::prctl(PR_CAPBSET_DROP, capability);
        if (dropped == -EINVAL)
            break; // past the last one that this kernel knows
        if (dropped < 0)
            return dropped;
    }
    // uid 0 gets on exec whatever the bounding set allows, unless SECBIT_NOROOT is set
    // (capabilities(7)); no_new_privs and the sets below do not stop that alone.
    constexpr unsigned long kAlways = SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    constexpr unsigned long kNoRoot = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
    const bool is_ambient = !op.as_root && op.keep != 0;
    if (is_ambient)
        if (const int raised = raise_ambient(op.keep); raised < 0)
            return raised;
    const bool by_root = op.as_root && op.keep != 0;
    if (const int set = sys::prctl(PR_SET_SECUREBITS, by_root ? kAlways : kAlways | kNoRoot); set < 0)
        return set;
    return sys::capset(op.keep, op.keep, is_ambient ? op.keep : 0);
}

int apply(Context& context, const plan::SetUmask& op) noexcept
{
    context.umask = op.mask;
    return 0;
}

int apply(Context&, const plan::ForbidNewPrivileges&) noexcept
{
    return sys::prctl(PR_SET_NO_NEW_PRIVS, 1);
}

int apply(Context&, const plan::SetLimit& op) noexcept
{
    struct ::rlimit64 limit = {op.soft, op.hard};
    if (op.at_most) {
        struct ::rlimit64 outer = {};
        if (const int got = sys::getrlimit(op.resource, &outer); got < 0)
            return got;
        limit.rlim_max = std::min(limit.rlim_max, outer.rlim_max);
        limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
    }
    return sys::setrlimit(op.resource, limit);
}

// Rights of Landlock by ABI. Reading is not restricted: what must not be read is not in the view.
constexpr std::uint64_t kFileRights = LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr std::uint64_t kDirectoryRights =
    kFileRights | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
    LANDLOCK_ACCESS_FS_REFER;
constexpr std::uint64_t kNeverAllowed = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr std::uint64_t kTruncate = 1ULL << 14;  // LANDLOCK_ACCESS_FS_TRUNCATE, ABI 3
constexpr std::uint64_t kIoctlDev = 1ULL << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV, ABI 5
constexpr std::uint64_t kScopes = 3;             // abstract sockets and signals, ABI 6

/// struct landlock_ruleset_attr as of ABI 6; older kernels take its beginning.
struct RulesetAttributes {
    std::uint64_t handled_files;
    std::uint64_t handled_net;
    std::uint64_t scoped;
};

int add_rules(int ruleset, const plan::RestrictWrites& op, std::uint64_t optional) noexcept
{
    using Kind = plan::WritablePlace::Kind;
    for (std::size_t i = 0; i < op.places.size(); ++i) {
        const plan::WritablePlace& place = op.places[i];
        const sys::Fd path(sys::open(place.path.c_str(), O_PATH | O_NOFOLLOW));
        if (!path)
            return path.error();
        const std::uint64_t rights = place.kind == Kind::directory ? kDirectoryRights | optional : kFileRights | optional;
        if (const int added = sys::landlock_add_path(ruleset, rights, path.get()); added < 0)
            return added;
    }
    return 0;
}

int apply(Context&, const plan::RestrictWrites& op) noexcept
{
    const int abi = sys::landlock_abi();
    if (abi < 2)
        return op.required ? (abi < 0 ? abi : -EOPNOTSUPP) : 0;
    const std::uint64_t optional = (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kIoctlDev : 0);
    const RulesetAttributes attributes = {kDirectoryRights | kNeverAllowed | optional, 0, kScopes};
    const std::size_t size = abi >= 6 ? sizeof attributes : sizeof attributes.handled_files;
    const sys::Fd ruleset(sys::landlock_create_ruleset(&attributes, size));
    if (!ruleset)
        return ruleset.error();
    const int added = add_rules(ruleset.get(), op, optional);
    return added < 0 ? added : sys::landlock_restrict_self(ruleset.get());
}

int apply(Context&, const plan::InstallFilter& op) noexcept { return sys::seccomp_filter(op.program); }

/// Closes `first` up to but without `end`, except for the channel, which goes with exec.
int close_but_channel(unsigned first, unsigned end, int channel) noexcept
{
    const auto kept = static_cast<unsigned>(channel);
    if (kept < first || kept >= end)
        return first == end ? 0 : sys::close_range(first, end - 1);
    if (const int closed = kept == first ? 0 : sys::close_range(first, kept - 1); closed < 0)
        return closed;
    return kept + 1 == end ? 0 : sys::close_range(kept + 1, end - 1);
}

/// Closes all above 2 but the channel.
int close_above(int channel) noexcept { return close_but_channel(3, ~0U, channel); }

int apply(Context& context, const plan::CloseDescriptors& op) noexcept
{
    if (op.keep.empty())
        return close_above(context.input.channel);
    unsigned from = 3;
    for (std::size_t i = 0; i < op.keep.size(); ++i) {
        const auto keep = static_cast<unsigned>(op.keep.begin()[i]);
        if (const int closed = close_but_channel(from, keep, context.input.channel); closed < 0)
            return closed;
        from = keep + 1;
    }
    return close_but_channel(from, ~0U, context.input.channel);
}

int apply(Context&, const plan::ResetSignals&) noexcept
{
    for (int signal = 1; signal <= kSignals; ++signal)
        if (signal != SIGKILL && signal != SIGSTOP)
            if (const int reset = sys::default_action(signal); reset < 0)
                return reset;
    return sys::set_signal_mask(0, nullptr);
}

// -- exec ---------------------------------------------------------------------------------------

bool is_elf(const char* path) noexcept
{
    const sys::Fd file(sys::open(path, O_RDONLY));
    char magic[4] = {};
    return file && sys::read(file.get(), magic, sizeof magic) == sizeof magic &&
           std::memcmp(magic, "\177ELF", sizeof magic) == 0;
}

/// As execvp(3): each candidate in turn; a text without "#!" is run by /bin/sh.
[[noreturn]] void execute(const Context& context) noexcept
{
    const ChildInput& input = context.input;
    const auto& candidates = input.plan->execute.candidates;
    Report report = {Report::Kind::execute_failed, 0, ENOENT, 0};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const char* const path = candidates[i].c_str();
        int error = -sys::execve(path, input.argv, input.envp);
        auto detail = ExecuteDetail::none;
        if (error == ENOEXEC && is_elf(path)) {
            detail = ExecuteDetail::wrong_architecture;
        } else if (error == ENOEXEC) {
            char shell[] = "/bin/sh";
            input.argv[-1] = shell;
            input.argv[0] = const_cast<char*>(path);
            error = -sys::execve(shell, input.argv - 1, input.envp);
        }
        if (error == ENOENT || error == ENOTDIR)
            continue;
        report = {Report::Kind::execute_failed, static_cast<std::int32_t>(i), error,
                  static_cast<std::int32_t>(detail)};
        if (error != EACCES)
            break; // a later entry of PATH may still be executable
    }
    // ENOENT may also be about what a program needs to start.
    for (std::size_t i = 0; i < candidates.size() && report.value == ENOENT && report.detail == 0; ++i)
        if (sys::access(candidates[i].c_str(), F_OK) == 0)
            report = {Report::Kind::execute_failed, static_cast<std::int32_t>(i), ENOENT, static_cast<std::int32_t>(ExecuteDetail::no_interpreter)};
    const bool found = report.value != ENOENT || report.detail != 0;
    give_up(context, report, found ? kNotExecutable : kNotFound);
}

/// The command's process, on PID 1's memory until it execs.
void hand_over(void* argument) noexcept
{
    auto& context = *static_cast<Context*>(argument);
    const auto& steps = context.input.plan->handover;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const int result = dispatch([&](const auto& op) noexcept -> decltype(apply(context, op)) { return apply(context, op); }, steps[i].op);
        if (result < 0)
            give_up(context, {Report::Kind::handover_failed, static_cast<std::int32_t>(i), -result, 0}, kFailed);
    }
    sys::umask(context.umask);
    execute(context);
}

// -- PID 1 --------------------------------------------------------------------------------------

[[noreturn]] void finish(const Context& context, int status) noexcept
{
    // An exit status is passed on as our own; that a signal ended the command must be said.
    if (WIFEXITED(status))
        sys::exit(WEXITSTATUS(status));
    give_up(context, {Report::Kind::signalled, 0, WTERMSIG(status), 0}, 128 + WTERMSIG(status));
}

void reap(const Context& context, int command) noexcept
{
    int status = 0;
    for (int pid = 0; (pid = sys::wait4(-1, &status, WNOHANG | WUNTRACED, nullptr)) > 0;) {
        if (pid != command)
            continue;
        if (!WIFSTOPPED(status))
            finish(context, status);
        const Report report = {Report::Kind::stopped, context.continued, WSTOPSIG(status), 0};
        sys::send(context.input.channel, &report, sizeof report);
    }
}

/// Carries out what the supervisor asks for. Its death is ours, and with us the whole namespace's.
void obey(Context& context, int command) noexcept
{
    Order order;
    int unused = -1;
    const long size = sys::receive(context.input.channel, &order, sizeof order, &unused);
    if (size == 0 || (size < 0 && size != -EAGAIN && size != -EINTR))
        sys::exit(kFailed);
    if (size != sizeof order)
        return;
    if (order.foreground && context.input.terminal >= 0)
        sys::tcsetpgrp(context.input.terminal, command);
    context.continued += order.signal == SIGCONT;
    sys::kill(order.to_group ? -command : command, order.signal);
}

[[noreturn]] void be_init(Context& context, int command) noexcept
{
    std::memset(context.input.arguments.data(), 0, context.input.arguments.size());
    constexpr char kName[] = "glovebox-init";
    sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>(kName));
    // Nothing of the host stays open here but the terminal, which `fg` needs.
    close_above(context.input.channel);
    for (int fd = 0; fd < 3; ++fd)
        if (fd != context.input.terminal)
            sys::close(fd);
    const int signals = sys::signalfd(sys::signal_bit(SIGCHLD));
    if (signals < 0)
        sys::exit(kFailed);
    for (;;) {
        reap(context, command);
        struct ::pollfd events[] = {{context.input.channel, POLLIN, 0}, {signals, POLLIN, 0}};
        sys::poll(events, -1);
        if (events[0].revents != 0)
            obey(context, command);
        char drained[128 * 4];
        if (events[1].revents != 0)
            sys::read(signals, drained, sizeof drained);
    }
}

/// Whether the supervisor is alive: its end of the socket is open.
bool supervisor_lives(int channel) noexcept
{
    struct ::pollfd event = {channel, 0, 0};
    return sys::poll({&event, 1}, 0) == 0;
}

} // namespace

void run_child(const ChildInput& input) noexcept
{
    Context context = {input, {}, sys::umask(0)};
    context.setup.channel = input.channel;
    // The signal covers a supervisor that dies from now on, the check one that is dead already
    // (getppid(2) is 0 either way in a new PID namespace).
    const int armed = sys::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (armed < 0 || !supervisor_lives(input.channel))
        sys::exit(kFailed);
    const auto& steps = input.plan->setup;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        context.setup.step = static_cast<int>(i);
        if (const int result = apply_setup(context.setup, steps[i].op); result < 0)
            give_up(context, {Report::Kind::setup_failed, context.setup.step, -result, 0}, kFailed);
    }
    const int command = sys::spawn(hand_over, &context);
    if (command < 0)
        give_up(context, {Report::Kind::handover_failed, 0, -command, 0}, kFailed);
    be_init(context, command);
}

} // namespace glovebox::run

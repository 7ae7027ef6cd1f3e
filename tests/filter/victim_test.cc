// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Calls that must fail: each is made by a process of its own without a filter and under each policy. The tables
// below say again what the policies say, so that a line that is lost or mistyped there shows here.

#include "filter/filter.h"
#include "filter/policy.h"
#include "machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace glovebox::filter;
using glovebox::test::run_program;

using Word = std::uint64_t;
constexpr Word kHighBit = Word{1} << 32;
constexpr Word kNowhere = static_cast<Word>(-1); // no descriptor

const Word kMissing = reinterpret_cast<Word>("/nonexistent/file");
const Word kRoot = reinterpret_cast<Word>("/");

// -- one call in a process of its own --------------------------------------------------------------

struct Under {
    bool filtered = false;
    Policy policy = Policy::default_list;
    bool allow_nesting = false;
};

/// What became of a call: its result or -errno, or the signal that the process died of.
struct Fate {
    long result = 0;
    int signal = 0;
    bool operator==(const Fate&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Fate& fate)
{
    if (fate.signal != 0)
        return out << "killed by signal " << fate.signal;
    return fate.result < 0 ? out << ::strerrorname_np(static_cast<int>(-fate.result)) : out << "success";
}

/// No privilege on the host, all in namespaces of its own where they can be had: there, most of the refused calls
/// give another answer than the filter does, and none can harm.
void become_harmless()
{
    const struct ::rlimit no_core = {};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(SIGSEGV, SIG_DFL); // a sanitizer's handler would make an exit status of it
    constexpr unsigned kNobody = 65534;
    if (::getuid() == 0 && (::setgroups(0, nullptr) < 0 || ::setresgid(kNobody, kNobody, kNobody) < 0 ||
                            ::setresuid(kNobody, kNobody, kNobody) < 0))
        ::_exit(1);
    (void)::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
}

bool install(const Under& under)
{
    const auto program = builtin_filter(under.policy, under.allow_nesting);
    struct ::sock_fprog description = {};
    description.len = static_cast<unsigned short>(program.size());
    description.filter = const_cast<struct ::sock_filter*>(program.data());
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) == 0;
}

/// `attempt` gives a result or -errno.
Fate suffer(const Under& under, const std::function<long()>& attempt)
{
    int report[2];
    EXPECT_EQ(::pipe2(report, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        become_harmless();
        if (under.filtered && !install(under))
            ::_exit(1);
        const long result = attempt();
        (void)!::write(report[1], &result, sizeof result);
        ::_exit(0);
    }
    ::close(report[1]);
    Fate fate;
    int status = 0;
    const bool has_result = ::read(report[0], &fate.result, sizeof fate.result) == sizeof fate.result;
    ::close(report[0]);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fate = {0, WTERMSIG(status)};
    else
        EXPECT_TRUE(has_result) << "the victim could not be made";
    return fate;
}

const Under kUnfiltered = {};
const Under kDefault = {true, Policy::default_list};
const Under kStrict = {true, Policy::strict_list};
const Under kDefaultNesting = {true, Policy::default_list, true};
const Under kStrictNesting = {true, Policy::strict_list, true};

const Fate kKilled = {0, SIGSYS};
std::uint32_t answer_of(int error)
{
    return error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

Fate refused(int error) { return {-error, 0}; }

long make_call(long number, const std::array<Word, 6>& a)
{
    const long result = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const bool forks = number == SYS_clone;
    if (forks && result == 0)
        ::_exit(0); // the new process
    return result < 0 ? -errno : std::min(result, 1L);
}

// -- the table -------------------------------------------------------------------------------------

/// The errors of both policies; 0 where the policy lets the call through.
struct Victim {
    const char* name;
    long number;
    std::array<Word, 6> arguments;
    int by_default;
    int by_strict;
};

#define CALL(name, ...)                                                                                                \
#name, SYS_##name, { __VA_ARGS__ }
#define NEW_CALL(name, number, ...)                                                                                    \
#name, number, { __VA_ARGS__ }

constexpr Word kNewNamespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                   CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
constexpr Word kNewTime = 0x80; // CLONE_NEWTIME, for unshare only
constexpr Word kSetuid = 04755;
constexpr Word kSetgid = 02755;
constexpr Word kTemporary = O_TMPFILE | O_WRONLY;

const Victim kVictims[] = {
    // Parts of the kernel that are not the sandbox's own.
    {CALL(add_key, 0, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(request_key, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(keyctl, KEYCTL_GET_KEYRING_ID, Word(KEY_SPEC_SESSION_KEYRING), 1), EPERM, EPERM},
    {CALL(keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0), EPERM, EPERM},
    {CALL(bpf, 999, 0, 0), EPERM, EPERM},
    {CALL(perf_event_open, 0, 0, kNowhere, kNowhere, 0), EPERM, EPERM},
    {CALL(userfaultfd, ~Word{0}), EPERM, EPERM},
    {CALL(kexec_load, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(kexec_file_load, kNowhere, kNowhere, 0, 0, 0), EPERM, EPERM},
    {CALL(reboot, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(init_module, 0, 0, 0), EPERM, EPERM},
    {CALL(finit_module, kNowhere, 0, 0), EPERM, EPERM},
    {CALL(delete_module, 0, 0), EPERM, EPERM},
    {CALL(swapon, kMissing, 0), EPERM, EPERM},
    {CALL(swapoff, kMissing), EPERM, EPERM},
    {CALL(acct, kMissing), EPERM, EPERM},
    {CALL(quotactl, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(quotactl_fd, kNowhere, 0, 0, 0), EPERM, EPERM},
    {CALL(syslog, 10, 0, 0), EPERM, EPERM}, // the size of its buffer
    {CALL(clock_settime, 0, 0), EPERM, EPERM},
    {CALL(settimeofday, 1, 0), EPERM, EPERM},
    {CALL(fanotify_init, 0, 0), EPERM, EPERM},
    {CALL(fanotify_mark, kNowhere, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(name_to_handle_at, kNowhere, kRoot, 0, 0, 0), EPERM, EPERM},
    {CALL(open_by_handle_at, kNowhere, 0, 0), EPERM, EPERM},
    {CALL(pidfd_getfd, kNowhere, 0, 0), EPERM, EPERM},
    {CALL(lookup_dcookie, 0, 0, 0), EPERM, ENOSYS},
    {CALL(nfsservctl, 0, 0, 0), EPERM, ENOSYS},
    {CALL(vhangup, 0), EPERM, EPERM},
    {CALL(move_pages, 0, 0, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(migrate_pages, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(io_uring_setup, 0, 0), ENOSYS, ENOSYS},
    {CALL(io_uring_enter, kNowhere, 0, 0, 0, 0, 0), ENOSYS, ENOSYS},
    {CALL(io_uring_register, kNowhere, 0, 0, 0), ENOSYS, ENOSYS},
    {CALL(memfd_secret, 0), ENOSYS, ENOSYS},
#if defined(__x86_64__)
    {CALL(iopl, 0), EPERM, EPERM},
    {CALL(ioperm, 0, 1, 0), EPERM, EPERM},
    {CALL(modify_ldt, 0, 0, 0), EPERM, EPERM},
    {CALL(uselib, 0), EPERM, ENOSYS},
#endif

    // Into other processes, and what programs do without.
    {CALL(ptrace, 0, 0, 0, 0), 0, EPERM}, // PTRACE_TRACEME
    {CALL(process_vm_readv, 1, 0, 0, 0, 0, 0), 0, EPERM},
    {CALL(process_vm_writev, 1, 0, 0, 0, 0, 0), 0, EPERM},
    {CALL(process_madvise, kNowhere, 0, 0, 0, 0), 0, EPERM},
    {CALL(kcmp, 0, 0, 999, 0, 0), 0, EPERM},
    {CALL(get_mempolicy, 0, 0, 0, 0, 0), 0, EPERM},
    {CALL(set_mempolicy, 0, 0, 0), 0, EPERM},
    {CALL(mbind, 0, 0, 0, 0, 0, 0), 0, EPERM},
    {CALL(vmsplice, kNowhere, 0, 0, 0), 0, EPERM},
    {CALL(personality, 0x0400000), 0, EPERM}, // READ_IMPLIES_EXEC
    {CALL(io_setup, 0, 0), 0, ENOSYS},
    {CALL(io_submit, 0, 0, 0), 0, ENOSYS},
    {CALL(io_getevents, 0, 0, 0, 0, 0), 0, ENOSYS},
    {CALL(io_pgetevents, 0, 0, 0, 0, 0, 0), 0, ENOSYS},
    {CALL(io_cancel, 0, 0, 0), 0, ENOSYS},
    {CALL(io_destroy, 0), 0, ENOSYS},
    // In no line of the strict policy.
    {CALL(adjtimex, 0), 0, ENOSYS},
    {CALL(set_mempolicy_home_node, 1, 0, 0, 0), 0, ENOSYS},
    {CALL(remap_file_pages, 1, 0, 0, 0, 0), 0, ENOSYS},

    // Terminal.
    {CALL(ioctl, kNowhere, TIOCSTI, 0), EPERM, EPERM},
    {CALL(ioctl, kNowhere, TIOCSTI | kHighBit, 0), EPERM, EPERM},
    {CALL(ioctl, kNowhere, TIOCLINUX, 0), EPERM, EPERM},
    {CALL(ioctl, kNowhere, TIOCLINUX | kHighBit, 0), EPERM, EPERM},
    {CALL(ioctl, kNowhere, TIOCSETD, 0), 0, EPERM},
    {CALL(ioctl, kNowhere, TIOCGWINSZ, 0), 0, 0},

    // Sockets.
    {CALL(socket, AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_VSOCK | kHighBit, SOCK_STREAM, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_RDS, SOCK_SEQPACKET, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_TIPC, SOCK_SEQPACKET, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_KEY, SOCK_RAW, 2), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_UNSPEC, SOCK_STREAM, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, kNowhere, SOCK_STREAM, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socket, AF_NETLINK, SOCK_RAW, 9), 0, EAFNOSUPPORT}, // NETLINK_AUDIT
    {CALL(socket, AF_NETLINK, SOCK_RAW, 0), 0, 0},            // NETLINK_ROUTE
    {CALL(socket, AF_UNIX, SOCK_STREAM, 0), 0, 0},
    {CALL(socket, AF_INET, SOCK_STREAM, 0), 0, 0},
    {CALL(socket, AF_INET | kHighBit, SOCK_STREAM, 0), 0, 0},
    {CALL(socket, AF_INET6, SOCK_DGRAM, 0), 0, 0},
    {CALL(socket, AF_INET, SOCK_DGRAM, IPPROTO_UDP), 0, 0},
    {CALL(socket, AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP), 0, EPROTONOSUPPORT},
    {CALL(socket, AF_INET6, SOCK_STREAM, IPPROTO_MPTCP | kHighBit), 0, EPROTONOSUPPORT},
    {CALL(socketpair, AF_TIPC, SOCK_SEQPACKET, 0, 0), EAFNOSUPPORT, EAFNOSUPPORT},
    {CALL(socketpair, AF_INET, SOCK_STREAM, 0, 0), 0, EAFNOSUPPORT},

    // Files that lend their owner's rights.
    {CALL(fchmod, kNowhere, kSetuid), EPERM, EPERM},
    {CALL(fchmod, kNowhere, kSetgid), EPERM, EPERM},
    {CALL(fchmod, kNowhere, 0755), 0, 0},
    {CALL(fchmodat, kNowhere, kMissing, kSetuid), EPERM, EPERM},
    {CALL(fchmodat, kNowhere, kMissing, kSetgid), EPERM, EPERM},
    {NEW_CALL(fchmodat2, 452, kNowhere, kMissing, kSetuid, 0), EPERM, EPERM},
    {NEW_CALL(fchmodat2, 452, kNowhere, kMissing, kSetgid, 0), EPERM, EPERM},
    {NEW_CALL(fchmodat2, 452, kNowhere, kMissing, 01755, 0), 0, 0},
    {CALL(mknodat, kNowhere, kMissing, S_IFREG | kSetuid, 0), EPERM, EPERM},
    {CALL(openat, kNowhere, kMissing, O_CREAT | O_WRONLY, kSetuid), EPERM, EPERM},
    {CALL(openat, kNowhere, kMissing, O_CREAT | O_WRONLY, kSetgid), EPERM, EPERM},
    {CALL(openat, kNowhere, kMissing, kTemporary, kSetuid), EPERM, EPERM},
    {CALL(openat, kNowhere, kMissing, O_WRONLY, kSetuid), 0, 0}, // the mode means nothing there
    {CALL(openat2, kNowhere, kMissing, 0, 0), ENOSYS, ENOSYS},
#if defined(__x86_64__)
    {CALL(chmod, kMissing, kSetuid), EPERM, EPERM},
    {CALL(chmod, kMissing, kSetgid), EPERM, EPERM},
    {CALL(chmod, kMissing, 0777), 0, 0},
    {CALL(creat, kMissing, kSetuid), EPERM, EPERM},
    {CALL(mknod, kMissing, S_IFREG | kSetuid, 0), EPERM, EPERM},
    {CALL(open, kMissing, O_CREAT | O_WRONLY, kSetuid), EPERM, EPERM},
    {CALL(open, kMissing, kTemporary, kSetgid), EPERM, EPERM},
    {CALL(open, kMissing, O_RDONLY, kSetuid), 0, 0},
#endif

    // Namespaces and mounts. (The CLONE_NEW* flags have a test of their own below.)
    {CALL(clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM, EPERM},
    {CALL(clone, SIGCHLD, 0, 0, 0, 0), 0, 0},
    {CALL(clone3, 0, 0), ENOSYS, ENOSYS},
    {CALL(unshare, CLONE_NEWUSER), EPERM, EPERM},
    {CALL(unshare, CLONE_FILES), 0, 0},
    {CALL(setns, kNowhere, 0), EPERM, EPERM},
    {CALL(mount, 0, kMissing, 0, 0, 0), EPERM, EPERM},
    {CALL(umount2, kMissing, 0), EPERM, EPERM},
    {CALL(pivot_root, kMissing, kMissing), EPERM, EPERM},
    {CALL(chroot, kMissing), 0, EPERM},
    {CALL(open_tree, kNowhere, kMissing, 0), ENOSYS, ENOSYS},
    {CALL(move_mount, kNowhere, kMissing, kNowhere, kMissing, 0), ENOSYS, ENOSYS},
    {CALL(fsopen, kMissing, 0), ENOSYS, ENOSYS},
    {CALL(fsconfig, kNowhere, 0, 0, 0, 0), ENOSYS, ENOSYS},
    {CALL(fsmount, kNowhere, 0, 0), ENOSYS, ENOSYS},
    {CALL(fspick, kNowhere, kMissing, 0), ENOSYS, ENOSYS},
    {CALL(mount_setattr, kNowhere, kMissing, 0, 0, 0), ENOSYS, ENOSYS},
    {NEW_CALL(open_tree_attr, 467, kNowhere, kMissing, 0, 0, 0), ENOSYS, ENOSYS},
    {CALL(sethostname, 0, 0), EPERM, EPERM},
    {CALL(setdomainname, 0, 0), EPERM, EPERM},

    // Newer than the table, and no call at all (where the kernel says the same by itself).
    {NEW_CALL(unknown, 470, 0), ENOSYS, ENOSYS},
    {NEW_CALL(unknown, 511, 0), ENOSYS, ENOSYS},
    {NEW_CALL(none, 1000, 0), 0, ENOSYS},
};

#if defined(__x86_64__)
/// Calls that only 32-bit programs have, or that they make by another number.
struct OldCall {
    const char* name;
    long number;
    long a, b, c;
    int error;
};

const OldCall kOldCalls[] = {
    {"getpid", 20, 0, 0, 0, 0},
    {"keyctl", 288, 0, -3, 0, EPERM},
    {"bpf", 357, 999, 0, 0, EPERM},
    {"chmod", 15, 0, kSetuid, 0, EPERM},
    {"chmod", 15, 0, 0755, 0, 0},
    {"clone", 120, CLONE_NEWUSER | SIGCHLD, 0, 0, EPERM},
    {"unshare", 310, CLONE_NEWUSER, 0, 0, EPERM},
    {"mount", 21, 0, 0, 0, EPERM},
    {"umount", 22, 0, 0, 0, EPERM},
    {"umount2", 52, 0, 0, 0, EPERM},
    {"stime", 25, 0, 0, 0, EPERM},
    {"clock_settime64", 404, 0, 0, 0, EPERM},
    {"vm86old", 113, 0, 0, 0, EPERM},
    {"vm86", 166, 0, 0, 0, EPERM},
    {"ioctl", 54, -1, TIOCSTI, 0, EPERM},
    {"socket", 359, AF_VSOCK, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"socket", 359, AF_UNIX, SOCK_STREAM, 0, 0},
    {"socketpair", 360, AF_TIPC, SOCK_SEQPACKET, 0, EAFNOSUPPORT},
    {"socketcall", 102, 1, 0, 0, EAFNOSUPPORT}, // SYS_SOCKET
    {"socketcall", 102, 8, 0, 0, EAFNOSUPPORT}, // SYS_SOCKETPAIR
    {"socketcall", 102, 3, 0, 0, 0},            // SYS_CONNECT
    {"io_uring_setup", 425, 0, 0, 0, ENOSYS},
    {"clone3", 435, 0, 0, 0, ENOSYS},
    {"fchmodat2", 452, -1, 0, kSetuid, EPERM},
    {"open_tree_attr", 467, -1, 0, 0, ENOSYS},
};
#endif

/// Whether a call that the machine's own programs cannot make has its row among those of 32-bit programs.
bool is_old_call([[maybe_unused]] std::string_view name)
{
#if defined(__x86_64__)
    return std::ranges::any_of(kOldCalls, [&](const OldCall& call) { return call.name == name; });
#else
    return true; // no victims of 32-bit ARM
#endif
}

/// The rest of the name for messages: arguments tell the rows of one call apart.
std::string describe(const Victim& victim)
{
    std::string text = std::string(victim.name) + "(";
    for (const Word argument : victim.arguments)
        text += std::to_string(static_cast<std::int64_t>(argument)) + ", ";
    return text + "...)";
}

TEST(Victims, EachFailsAsThePoliciesSay)
{
    int told_apart = 0;
    for (const Victim& victim : kVictims) {
        const auto attempt = [&] { return make_call(victim.number, victim.arguments); };
        const Fate unfiltered = suffer(kUnfiltered, attempt);
        for (const auto& [under, error] : {std::pair(kDefault, victim.by_default), std::pair(kStrict, victim.by_strict)}) {
            const char* policy = under.policy == Policy::default_list ? " by default" : " by strict";
            const Fate fate = suffer(under, attempt);
            EXPECT_EQ(fate, error == 0 ? unfiltered : refused(error)) << describe(victim) << policy;
            told_apart += fate != unfiltered;
        }
    }
    std::printf("%d refusals differ from what the kernel says without a filter\n", told_apart);
    const bool has_namespaces = suffer(kUnfiltered, [] { return ::sethostname("", 0) < 0 ? -errno : 0L; }) == Fate{};
    if (has_namespaces) {
        EXPECT_GT(told_apart, 110);
    }
}

/// The same without a kernel, for what the kernel refuses anyway, and for 32-bit programs where it runs none.
TEST(Victims, TheProgramsSayTheSame)
{
#if defined(__x86_64__)
    constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#else
    constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif
    const auto answer = [](const Under& under, std::uint32_t arch, long number, const std::array<Word, 6>& a) {
        return run_program(builtin_filter(under.policy, under.allow_nesting),
                           {static_cast<int>(number), arch, 0, {a[0], a[1], a[2], a[3], a[4], a[5]}});
    };
    for (const Victim& victim : kVictims) {
        EXPECT_EQ(answer(kDefault, kNative, victim.number, victim.arguments), answer_of(victim.by_default))
            << describe(victim);
        EXPECT_EQ(answer(kStrict, kNative, victim.number, victim.arguments), answer_of(victim.by_strict))
            << describe(victim);
    }
#if defined(__x86_64__)
    for (const OldCall& call : kOldCalls) {
        const auto word = [](long argument) { return static_cast<Word>(static_cast<std::uint32_t>(argument)); };
        const std::array<Word, 6> arguments = {word(call.a), word(call.b), word(call.c)};
        EXPECT_EQ(answer(kDefault, AUDIT_ARCH_I386, call.number, arguments), answer_of(call.error)) << call.name;
        EXPECT_EQ(answer(kStrict, AUDIT_ARCH_I386, call.number, arguments), SECCOMP_RET_KILL_PROCESS) << call.name;
    }
#endif
}

/// A rule that nobody suffers from is a rule that nobody would miss.
TEST(Victims, EveryRefusingRuleHasOne)
{
    const auto decides = [](const Rule& rule, const Victim& victim) {
        return std::ranges::all_of(rule.conditions, [&](const Condition& condition) {
            const Word argument = victim.arguments[condition.argument];
            return std::ranges::any_of(condition.values, [&](std::uint32_t value) {
                return condition.test == Condition::Test::any_bit
                           ? (argument & value) != 0
                           : (condition.low_half ? argument & 0xffffffff : argument) == value;
            });
        });
    };
    for (const Policy policy : {Policy::default_list, Policy::strict_list}) {
        const auto table = parse_policy(policy_text(policy), "policy");
        ASSERT_TRUE(table);
        for (const Rule& rule : table->rules)
            for (const Call& call : rule.calls) {
                if (rule.answer == SECCOMP_RET_ALLOW || rule.when == When::with_nesting)
                    continue;
                if (call.last == 0 && seccomp_syscall_resolve_name(call.name.c_str()) < 0) {
                    EXPECT_TRUE(is_old_call(call.name)) << "line " << rule.line << ": " << call.name;
                    continue;
                }
                const bool has_victim = std::ranges::any_of(kVictims, [&](const Victim& victim) {
                    const int error = policy == Policy::default_list ? victim.by_default : victim.by_strict;
                    return victim.name == call.name && rule.answer == answer_of(error) && decides(rule, victim);
                });
                EXPECT_TRUE(has_victim) << "line " << rule.line << ": " << call.name;
            }
    }
}

TEST(Victims, NoNewNamespace)
{
    for (const Under& under : {kDefault, kStrict}) {
        for (const Word flag : kNewNamespaces) {
            EXPECT_EQ(suffer(under, [&] { return make_call(SYS_clone, {flag | SIGCHLD}); }), refused(EPERM)) << flag;
            EXPECT_EQ(suffer(under, [&] { return make_call(SYS_clone, {flag | SIGCHLD | kHighBit}); }), refused(EPERM))
                << flag;
            EXPECT_EQ(suffer(under, [&] { return make_call(SYS_unshare, {flag}); }), refused(EPERM)) << flag;
        }
        EXPECT_EQ(suffer(under, [&] { return make_call(SYS_unshare, {kNewTime}); }), refused(EPERM));
    }
}

TEST(Victims, NestingGivesBackNamespacesAndMountsAndNoMore)
{
    const std::string_view given_back[] = {
        "clone",         "clone3",         "unshare",    "setns",       "mount",        "umount2", "pivot_root",
        "chroot",        "open_tree",      "move_mount", "fsopen",      "fsconfig",     "fsmount", "fspick",
        "mount_setattr", "open_tree_attr", "openat2",    "sethostname", "setdomainname"};
    for (const Victim& victim : kVictims) {
        const auto attempt = [&] { return make_call(victim.number, victim.arguments); };
        const bool joins_keyring = victim.number == SYS_keyctl && victim.arguments[0] == KEYCTL_JOIN_SESSION_KEYRING;
        const bool is_given_back = joins_keyring || std::ranges::find(given_back, victim.name) != std::end(given_back);
        for (const auto& [under, error] :
             {std::pair(kDefaultNesting, victim.by_default), std::pair(kStrictNesting, victim.by_strict)})
            EXPECT_EQ(suffer(under, attempt), error == 0 || is_given_back ? suffer(kUnfiltered, attempt) : refused(error))
                << describe(victim);
    }
    for (const Under& under : {kDefaultNesting, kStrictNesting}) {
        EXPECT_EQ(suffer(under,
                         [] {
                             return make_call(SYS_keyctl, {KEYCTL_JOIN_SESSION_KEYRING, kRoot});
                         }),
                  refused(EPERM));
        for (const Word flag : kNewNamespaces)
            EXPECT_EQ(suffer(under, [&] { return make_call(SYS_unshare, {flag}); }),
                      suffer(kUnfiltered, [&] { return make_call(SYS_unshare, {flag}); }));
    }
}

TEST(Victims, PersonalitiesThatProgramsAskFor)
{
    for (const Word persona : {Word{0}, Word{8}, Word{0x20000}, Word{0x40000}, Word{0xffffffff}})
        EXPECT_GE(suffer(kStrict, [&] { return make_call(SYS_personality, {persona}); }).result, 0) << persona;
}

/// A tracer cancels a call by setting its number to -1, and its result is the tracer's: a filter must not touch it.
TEST(Victims, CancelledCallsKeepTheirResult)
{
    for (const Under& under : {kDefault, kStrict})
        EXPECT_EQ(suffer(under, [] { return make_call(-1, {}); }), refused(ENOSYS)); // the kernel's own answer
}

#if defined(__x86_64__)

/// The other door into the kernel, with numbers of its own.
long int80(long number, long a = 0, long b = 0, long c = 0)
{
    long result = number;
    asm volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return std::min<long>(static_cast<std::int32_t>(result), 1);
}

TEST(Int80, IsNoWayRoundTheDefaultPolicyAndDeathUnderStrict)
{
    if (suffer(kUnfiltered, [] { return int80(20); }).result < 0 ||
        suffer(kUnfiltered, [] { return int80(20); }).signal != 0)
        GTEST_SKIP() << "SKIP: this kernel runs no 32-bit programs";
    for (const OldCall& call : kOldCalls) {
        const auto attempt = [&] { return int80(call.number, call.a, call.b, call.c); };
        EXPECT_EQ(suffer(kDefault, attempt), call.error == 0 ? suffer(kUnfiltered, attempt) : refused(call.error))
            << call.name;
        EXPECT_EQ(suffer(kStrict, attempt), kKilled) << call.name;
    }
}

TEST(X32, IsMissingByDefaultAndDeathUnderStrict)
{
    constexpr long kX32Bit = 0x40000000;
    for (const long number : {long{SYS_getpid}, long{SYS_keyctl}, 512L, 521L, 999L}) {
        const auto attempt = [&] { return make_call(kX32Bit | number, {}); };
        EXPECT_EQ(suffer(kDefault, attempt), refused(ENOSYS)) << number;
        EXPECT_EQ(suffer(kStrict, attempt), kKilled) << number;
    }
}

#endif

} // namespace

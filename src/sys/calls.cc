// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "sys/calls.h"

#include "sys/raw.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <linux/sched.h>

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

namespace glovebox::sys {

int open(const char* path, int flags, unsigned mode) noexcept
{
    return openat(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char* path, int flags, unsigned mode) noexcept
{
    return icall(SYS_openat, dir, path, flags | O_CLOEXEC, mode);
}

int openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) noexcept
{
    struct ::open_how how = {};
    how.flags = flags | O_CLOEXEC;
    how.resolve = resolve;
    return icall(SYS_openat2, dir, path, &how, sizeof how);
}

long read(int fd, void* buffer, std::size_t size) noexcept
{
    return call(SYS_read, fd, buffer, size);
}

long write(int fd, const void* data, std::size_t size) noexcept
{
    return call(SYS_write, fd, data, size);
}

int close(int fd) noexcept { return icall(SYS_close, fd); }

int close_range(unsigned first, unsigned last) noexcept
{
    return first > last ? 0 : icall(SYS_close_range, first, last, 0U);
}

int duplicate(int fd) noexcept { return icall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3); }

bool is_open(int fd) noexcept { return icall(SYS_fcntl, fd, F_GETFD) >= 0; }

int mkdirat(int dir, const char* path, unsigned mode) noexcept
{
    return icall(SYS_mkdirat, dir, path, mode);
}

int make_file(int dir, const char* path, unsigned mode) noexcept
{
    return icall(SYS_mknodat, dir, path, S_IFREG | mode, 0);
}

int symlinkat(const char* target, int dir, const char* path) noexcept
{
    return icall(SYS_symlinkat, target, dir, path);
}

int unlinkat(int dir, const char* path, int flags) noexcept
{
    return icall(SYS_unlinkat, dir, path, flags);
}

int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept
{
    return icall(SYS_renameat, from_dir, from, to_dir, to);
}

int fchmodat(int dir, const char* path, unsigned mode) noexcept
{
    return icall(SYS_fchmodat, dir, path, mode);
}

int fstat(int fd, struct ::stat* out) noexcept { return ::fstat(fd, out) < 0 ? -errno : 0; }

int stat(const char* path, struct ::stat* out) noexcept { return ::stat(path, out) < 0 ? -errno : 0; }

int lstat(const char* path, struct ::stat* out) noexcept
{
    return ::lstat(path, out) < 0 ? -errno : 0;
}

long readlink(const char* path, char* buffer, std::size_t size) noexcept
{
    return call(SYS_readlinkat, AT_FDCWD, path, buffer, size);
}

int access(const char* path, int mode) noexcept
{
    return icall(SYS_faccessat, AT_FDCWD, path, mode);
}

int chdir(const char* path) noexcept { return icall(SYS_chdir, path); }

int fchdir(int fd) noexcept { return icall(SYS_fchdir, fd); }

long getcwd(char* buffer, std::size_t size) noexcept { return call(SYS_getcwd, buffer, size); }

unsigned umask(unsigned mask) noexcept { return static_cast<unsigned>(call(SYS_umask, mask)); }

long getdents64(int fd, void* buffer, std::size_t size) noexcept
{
    return call(SYS_getdents64, fd, buffer, size);
}

int lock_file(int fd) noexcept { return icall(SYS_flock, fd, LOCK_EX | LOCK_NB); }

int open_tree(int dir, const char* path, unsigned flags) noexcept
{
    return icall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
}

int mount_setattr(int dir, const char* path, unsigned flags, std::uint64_t set, std::uint64_t clear,
                  std::uint64_t propagation) noexcept
{
    struct ::mount_attr attributes = {};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    attributes.propagation = propagation;
    return icall(SYS_mount_setattr, dir, path, flags, &attributes, sizeof attributes);
}

int clone_tree(int dir, const char* path, bool recursive, int extra_flags, std::uint64_t set,
               std::uint64_t propagation) noexcept
{
    const unsigned depth = recursive ? AT_RECURSIVE : 0U;
    const unsigned flags =
        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth | static_cast<unsigned>(extra_flags);
    struct ::mount_attr attributes = {};
    attributes.attr_set = set;
    attributes.propagation = propagation;
    int fd = icall(SYS_open_tree_attr, dir, path, flags, &attributes, sizeof attributes);
    if (fd != -ENOSYS)
        return fd;
    fd = open_tree(dir, path, flags);
    if (fd < 0)
        return fd;
    const int changed = mount_setattr(fd, "", AT_EMPTY_PATH | depth, set, 0, propagation);
    if (changed < 0) {
        close(fd);
        return changed;
    }
    return fd;
}

int move_mount(int from, int to_dir, const char* to_path, unsigned flags) noexcept
{
    return icall(SYS_move_mount, from, "", to_dir, to_path, flags | MOVE_MOUNT_F_EMPTY_PATH);
}

int fsopen(const char* type) noexcept { return icall(SYS_fsopen, type, FSOPEN_CLOEXEC); }

int fsconfig_string(int fd, const char* key, const char* value) noexcept
{
    return icall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, key, value, 0);
}

int fsconfig_flag(int fd, const char* key) noexcept
{
    return icall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, key, nullptr, 0);
}

int fsconfig_create(int fd) noexcept
{
    return icall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
}

int fsmount(int fd, unsigned attributes) noexcept
{
    return icall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attributes);
}

int pivot_root(const char* new_root, const char* put_old) noexcept
{
    return icall(SYS_pivot_root, new_root, put_old);
}

int umount2(const char* path, int flags) noexcept { return icall(SYS_umount2, path, flags); }

int clone3(std::uint64_t flags, int* pidfd) noexcept
{
    struct ::clone_args arguments = {};
    arguments.flags = flags | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
    arguments.exit_signal = SIGCHLD;
    return icall(SYS_clone3, &arguments, sizeof arguments);
}

int spawn(void (*body)(void*) noexcept, void* argument) noexcept
{
    // The child borrows this very stack frame while the parent sleeps, so the frame must not be
    // left in the child: body ends in execve or exit.
    const int pid = ::vfork();
    if (pid == 0) {
        body(argument);
        exit(125);
    }
    return pid < 0 ? -errno : pid;
}

int unshare(std::uint64_t flags) noexcept { return icall(SYS_unshare, flags); }

int execve(const char* path, char* const* argv, char* const* envp) noexcept
{
    return icall(SYS_execve, path, argv, envp);
}

void exit(int status) noexcept
{
    for (;;)
        ::syscall(SYS_exit_group, status);
}

int getpid() noexcept { return icall(SYS_getpid); }

int wait4(int pid, int* status, int options, struct ::rusage* usage) noexcept
{
    return icall(SYS_wait4, pid, status, options, usage);
}

int kill(int pid, int signal) noexcept { return icall(SYS_kill, pid, signal); }

int pidfd_send_signal(int pidfd, int signal) noexcept
{
    return icall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U);
}

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) noexcept
{
    return icall(SYS_prctl, option, a, b, c, d);
}

int setsid() noexcept { return icall(SYS_setsid); }

int setpgid(int pid, int group) noexcept { return icall(SYS_setpgid, pid, group); }

int getpgrp() noexcept { return static_cast<int>(::getpgrp()); }

int tcgetpgrp(int fd) noexcept
{
    int group = 0;
    const int result = icall(SYS_ioctl, fd, TIOCGPGRP, &group);
    return result < 0 ? result : group;
}

int tcsetpgrp(int fd, int group) noexcept { return icall(SYS_ioctl, fd, TIOCSPGRP, &group); }

int setrlimit(int resource, const struct ::rlimit64& limit) noexcept
{
    return icall(SYS_prlimit64, 0, resource, &limit, nullptr);
}

int getrlimit(int resource, struct ::rlimit64* limit) noexcept
{
    return icall(SYS_prlimit64, 0, resource, nullptr, limit);
}

int sethostname(const char* name, std::size_t length) noexcept
{
    return icall(SYS_sethostname, name, length);
}

int loopback_up() noexcept
{
    const int fd = icall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    struct ::ifreq request = {};
    constexpr std::string_view kName = "lo";
    std::memcpy(request.ifr_name, kName.data(), kName.size());
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    const int result = icall(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
    close(fd);
    return result;
}

int set_signal_mask(SignalSet mask, SignalSet* old) noexcept
{
    return icall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, sizeof mask);
}

int default_action(int signal) noexcept
{
    // The kernel's own struct sigaction: handler, flags, restorer, mask; all zero is SIG_DFL.
    const unsigned long action[4] = {};
    return icall(SYS_rt_sigaction, signal, action, nullptr, sizeof(SignalSet));
}

int signalfd(SignalSet mask) noexcept
{
    return icall(SYS_signalfd4, -1, &mask, sizeof mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int poll(std::span<struct ::pollfd> fds, int timeout_ms) noexcept
{
    struct ::timespec timeout = {};
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_nsec = timeout_ms % 1000 * 1'000'000L;
    return icall(SYS_ppoll, fds.data(), fds.size(), timeout_ms < 0 ? nullptr : &timeout, nullptr, 0);
}

int socketpair(int out[2]) noexcept
{
    return icall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out);
}

long send(int fd, const void* data, std::size_t size) noexcept
{
    return call(SYS_sendto, fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
}

long receive(int fd, void* buffer, std::size_t size, int* received) noexcept
{
    struct ::iovec part = {buffer, size};
    alignas(struct ::cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const long length = call(SYS_recvmsg, fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *received = -1;
    if (const struct ::cmsghdr* header = length > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
        header != nullptr && header->cmsg_type == SCM_RIGHTS)
        std::memcpy(received, CMSG_DATA(header), sizeof *received);
    return length;
}

long send_descriptor(int fd, const void* data, std::size_t size, int sent) noexcept
{
    struct ::iovec part = {const_cast<void*>(data), size};
    alignas(struct ::cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    struct ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &sent, sizeof sent);
    return call(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int capset(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept
{
    struct ::__user_cap_header_struct header = {};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    struct ::__user_cap_data_struct data[2] = {};
    for (unsigned half = 0; half < 2; ++half) {
        data[half].effective = static_cast<std::uint32_t>(effective >> (32 * half));
        data[half].permitted = static_cast<std::uint32_t>(permitted >> (32 * half));
        data[half].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * half));
    }
    return icall(SYS_capset, &header, data);
}

int join_new_session_keyring() noexcept
{
    return icall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
}

int landlock_abi() noexcept
{
    return icall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int landlock_create_ruleset(const void* attributes, std::size_t size) noexcept
{
    return icall(SYS_landlock_create_ruleset, attributes, size, 0U);
}

int landlock_add_path(int ruleset, std::uint64_t access, int parent_fd) noexcept
{
    struct ::landlock_path_beneath_attr rule = {};
    rule.allowed_access = access;
    rule.parent_fd = parent_fd;
    return icall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
}

int landlock_restrict_self(int ruleset) noexcept
{
    return icall(SYS_landlock_restrict_self, ruleset, 0U);
}

int seccomp_filter(std::span<const struct ::sock_filter> program) noexcept
{
    struct ::sock_fprog description = {};
    description.len = static_cast<unsigned short>(program.size());
    description.filter = const_cast<struct ::sock_filter*>(program.data());
    return icall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &description);
}

std::uint64_t monotonic_ms() noexcept
{
    struct ::timespec now = {};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

unsigned getuid() noexcept { return static_cast<unsigned>(call(SYS_getuid)); }

unsigned getgid() noexcept { return static_cast<unsigned>(call(SYS_getgid)); }

int getrandom(void* buffer, std::size_t size) noexcept
{
    return icall(SYS_getrandom, buffer, size, 0U);
}

} // namespace glovebox::sys

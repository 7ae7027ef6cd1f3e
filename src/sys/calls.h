// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Every system call that glovebox makes, typed. Nothing above this folder calls one itself.
//
// All functions return 0 or a value >= 0 on success and -errno on failure, allocate nothing,
// throw nothing, and are safe between clone and exec. Descriptors they return are close-on-exec.
// Calls that glibc 2.36 lacks are made by number. A test links tests/unit/fake_calls.cc instead.

#include <cstddef>
#include <cstdint>
#include <span>

#include <linux/filter.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace glovebox::sys {

// -- files -------------------------------------------------------------------------------------

int open(const char* path, int flags, unsigned mode = 0) noexcept;
int openat(int dir, const char* path, int flags, unsigned mode = 0) noexcept;
/// openat2(2), kernel 5.6: `resolve` holds RESOLVE_* flags.
int openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) noexcept;
long read(int fd, void* buffer, std::size_t size) noexcept;
long write(int fd, const void* data, std::size_t size) noexcept;
int close(int fd) noexcept;
/// close_range(2), kernel 5.9.
int close_range(unsigned first, unsigned last) noexcept;
int duplicate(int fd) noexcept;
bool is_open(int fd) noexcept;
int mkdirat(int dir, const char* path, unsigned mode) noexcept;
/// An empty regular file, which must not exist yet.
int make_file(int dir, const char* path, unsigned mode) noexcept;
int symlinkat(const char* target, int dir, const char* path) noexcept;
int unlinkat(int dir, const char* path, int flags) noexcept;
int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept;
int fchmodat(int dir, const char* path, unsigned mode) noexcept;
int fstat(int fd, struct ::stat* out) noexcept;
int stat(const char* path, struct ::stat* out) noexcept;
int lstat(const char* path, struct ::stat* out) noexcept;
/// Length of the link's text, which is cut at `size` and not terminated.
long readlink(const char* path, char* buffer, std::size_t size) noexcept;
int access(const char* path, int mode) noexcept;
int chdir(const char* path) noexcept;
int fchdir(int fd) noexcept;
/// Bytes with the final NUL. A path outside the root begins with "(unreachable)".
long getcwd(char* buffer, std::size_t size) noexcept;
unsigned umask(unsigned mask) noexcept;
/// getdents64(2): bytes filled, 0 at the end.
long getdents64(int fd, void* buffer, std::size_t size) noexcept;
/// Exclusive flock(2) without waiting: -EWOULDBLOCK when another holds it.
int lock_file(int fd) noexcept;

// -- mounts (kernel 5.2; mount_setattr 5.12) -----------------------------------------------------

int open_tree(int dir, const char* path, unsigned flags) noexcept;
/// mount_setattr(2): `set` and `clear` are MOUNT_ATTR_*, `propagation` is 0 or MS_PRIVATE.
int mount_setattr(int dir, const char* path, unsigned flags, std::uint64_t set,
                  std::uint64_t clear, std::uint64_t propagation) noexcept;
/// open_tree(OPEN_TREE_CLONE) and mount_setattr in one call where the kernel has it
/// (open_tree_attr, 6.15), in two where it has not. `recursive` goes for both.
int clone_tree(int dir, const char* path, bool recursive, int extra_flags, std::uint64_t set,
               std::uint64_t propagation) noexcept;
int move_mount(int from, int to_dir, const char* to_path, unsigned flags) noexcept;
int fsopen(const char* type) noexcept;
int fsconfig_string(int fd, const char* key, const char* value) noexcept;
int fsconfig_flag(int fd, const char* key) noexcept;
int fsconfig_create(int fd) noexcept;
int fsmount(int fd, unsigned attributes) noexcept;
int pivot_root(const char* new_root, const char* put_old) noexcept;
int umount2(const char* path, int flags) noexcept;

// -- processes -----------------------------------------------------------------------------------

/// clone3(2), kernel 5.3: like fork, with namespaces. 0 in the child; in the parent the pid, and
/// a pidfd (close-on-exec) in *pidfd. The child runs on a copy of the address space.
int clone3(std::uint64_t flags, int* pidfd) noexcept;
/// Runs `body(argument)` in a child that shares the address space, and waits until it has
/// called execve or exit. `body` must not return. Gives the child's pid.
int spawn(void (*body)(void*) noexcept, void* argument) noexcept;
int unshare(std::uint64_t flags) noexcept;
int execve(const char* path, char* const* argv, char* const* envp) noexcept;
[[noreturn]] void exit(int status) noexcept;
int getpid() noexcept;
/// wait4(2): the pid, 0 with WNOHANG and nothing to report.
int wait4(int pid, int* status, int options, struct ::rusage* usage) noexcept;
int kill(int pid, int signal) noexcept;
/// pidfd_send_signal(2), kernel 5.1.
int pidfd_send_signal(int pidfd, int signal) noexcept;
int prctl(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0,
          unsigned long d = 0) noexcept;
int setsid() noexcept;
int setpgid(int pid, int group) noexcept;
int getpgrp() noexcept;
/// The foreground process group of terminal `fd` (0 when it is outside the PID namespace).
int tcgetpgrp(int fd) noexcept;
int tcsetpgrp(int fd, int group) noexcept;
int setrlimit(int resource, const struct ::rlimit64& limit) noexcept;
int getrlimit(int resource, struct ::rlimit64* limit) noexcept;
int sethostname(const char* name, std::size_t length) noexcept;
/// Sets the flags IFF_UP and IFF_RUNNING of "lo" in the current network namespace; the kernel
/// then gives it 127.0.0.1 and ::1.
int loopback_up() noexcept;

// -- signals and events --------------------------------------------------------------------------

/// The kernel's signal set: bit N-1 is signal N.
using SignalSet = std::uint64_t;
constexpr SignalSet kAllSignals = ~SignalSet{0};
constexpr SignalSet signal_bit(int signal) noexcept { return SignalSet{1} << (signal - 1); }

int set_signal_mask(SignalSet mask, SignalSet* old) noexcept;
int default_action(int signal) noexcept;
int signalfd(SignalSet mask) noexcept;
int poll(std::span<struct ::pollfd> fds, int timeout_ms) noexcept;
/// A connected pair of SOCK_SEQPACKET sockets.
int socketpair(int out[2]) noexcept;
long send(int fd, const void* data, std::size_t size) noexcept;
/// `received` gets a descriptor that was sent along, or -1.
long receive(int fd, void* buffer, std::size_t size, int* received) noexcept;
/// Sends `sent` along (SCM_RIGHTS).
long send_descriptor(int fd, const void* data, std::size_t size, int sent) noexcept;

// -- confinement ---------------------------------------------------------------------------------

/// The sets as bit masks of CAP_* (capabilities(7)).
int capset(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept;
/// keyctl(KEYCTL_JOIN_SESSION_KEYRING) with a new anonymous keyring.
int join_new_session_keyring() noexcept;
/// Landlock, kernel 5.13. The ABI version, or -ENOSYS, or -EOPNOTSUPP when switched off.
int landlock_abi() noexcept;
int landlock_create_ruleset(const void* attributes, std::size_t size) noexcept;
int landlock_add_path(int ruleset, std::uint64_t access, int parent_fd) noexcept;
int landlock_restrict_self(int ruleset) noexcept;
/// seccomp(SECCOMP_SET_MODE_FILTER) with a finished program.
int seccomp_filter(std::span<const struct ::sock_filter> program) noexcept;

// -- facts ---------------------------------------------------------------------------------------

/// CLOCK_MONOTONIC in milliseconds.
std::uint64_t monotonic_ms() noexcept;
unsigned getuid() noexcept;
unsigned getgid() noexcept;
int getrandom(void* buffer, std::size_t size) noexcept;

} // namespace glovebox::sys

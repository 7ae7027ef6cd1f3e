// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "fake_calls.h"

#include "sys/calls.h"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <csetjmp>
#include <cstring>

namespace glovebox::test {
namespace {

constexpr int kFirstFd = 100;

FakeKernel the_kernel;
std::jmp_buf* on_exit_jump = nullptr;
int exit_status = 0;
std::map<int, std::string> unread; // by descriptor
int next_fd = kFirstFd;

std::string show(const char* text) { return text == nullptr ? "null" : text; }
std::string show(std::integral auto number) { return std::to_string(number); }

template <class... Args>
long call(const char* name, long result, Args... args)
{
    Call made = {name, {}, the_kernel.calls.size()};
    ((made.arguments += (made.arguments.empty() ? "" : ", ") + show(args)), ...);
    the_kernel.calls.push_back(made);
    return the_kernel.answer ? the_kernel.answer(made).value_or(result) : result;
}

template <class... Args>
int icall(const char* name, long result, Args... args)
{
    return static_cast<int>(call(name, result, args...));
}

template <class... Args>
int descriptor(const char* name, Args... args)
{
    const int fd = icall(name, next_fd++, args...);
    if (fd >= 0)
        the_kernel.open_descriptors.insert(fd);
    return fd;
}

/// Leaves the child or PID 1. The frames in between hold nothing but numbers of this kernel.
[[noreturn]] void leave(int status)
{
    exit_status = status;
    std::longjmp(*on_exit_jump, 1);
}

/// Whether `body` was left by leave().
bool run_left(const std::function<void()>& body)
{
    std::jmp_buf here;
    std::jmp_buf* const outer = on_exit_jump;
    on_exit_jump = &here;
    const bool left = setjmp(here) != 0;
    if (!left)
        body();
    on_exit_jump = outer;
    return left;
}

} // namespace

FakeKernel& kernel() { return the_kernel; }

FakeKernel& install(FakeKernel fresh)
{
    the_kernel = std::move(fresh);
    unread.clear();
    next_fd = kFirstFd;
    return the_kernel;
}

FakeKernel refusing(std::string name, int error, std::string arguments)
{
    return {.answer = [=](const Call& call) -> std::optional<long> {
        const bool meant = call.name == name && (arguments.empty() || call.arguments == arguments);
        return meant ? std::optional<long>(-error) : std::nullopt;
    }};
}

int run_until_exit(const std::function<void()>& body) { return run_left(body) ? exit_status : -1; }

} // namespace glovebox::test

namespace glovebox::sys {

using namespace glovebox::test;

int open(const char* path, int flags, unsigned mode) noexcept
{
    const int fd = descriptor("open", path, flags, mode);
    if (fd >= 0 && the_kernel.files.contains(path))
        unread[fd] = the_kernel.files.at(path);
    return fd;
}
int openat(int dir, const char* path, int flags, unsigned mode) noexcept
{
    return descriptor("openat", dir, path, flags, mode);
}
int openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) noexcept
{
    return descriptor("openat2", dir, path, flags, resolve);
}

long read(int fd, void* buffer, std::size_t size) noexcept
{
    std::string& text = unread[fd];
    const std::size_t got = std::min(size, text.size());
    std::memcpy(buffer, text.data(), got);
    text.erase(0, got);
    return call("read", static_cast<long>(got), fd);
}

long write(int fd, const void* data, std::size_t size) noexcept
{
    return call("write", static_cast<long>(size), fd, std::string(static_cast<const char*>(data), size).c_str());
}

int close(int fd) noexcept
{
    the_kernel.open_descriptors.erase(fd);
    return icall("close", 0, fd);
}
int close_range(unsigned first, unsigned last) noexcept { return icall("close_range", 0, first, last); }
int duplicate(int fd) noexcept { return descriptor("duplicate", fd); }
bool is_open(int fd) noexcept { return icall("is_open", 1, fd) > 0; }
int mkdirat(int dir, const char* path, unsigned mode) noexcept { return icall("mkdirat", 0, dir, path, mode); }
int make_file(int dir, const char* path, unsigned mode) noexcept { return icall("make_file", 0, dir, path, mode); }
int symlinkat(const char* target, int dir, const char* path) noexcept
{
    return icall("symlinkat", 0, target, dir, path);
}
int unlinkat(int dir, const char* path, int flags) noexcept { return icall("unlinkat", 0, dir, path, flags); }
int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept
{
    return icall("renameat", 0, from_dir, from, to_dir, to);
}
int fchmodat(int dir, const char* path, unsigned mode) noexcept { return icall("fchmodat", 0, dir, path, mode); }
int fstat(int fd, struct ::stat* out) noexcept
{
    *out = {};
    return icall("fstat", 0, fd);
}
int stat(const char* path, struct ::stat* out) noexcept
{
    *out = {};
    return icall("stat", 0, path);
}
int lstat(const char* path, struct ::stat* out) noexcept
{
    *out = {};
    return icall("lstat", 0, path);
}
long readlink(const char* path, char*, std::size_t) noexcept { return call("readlink", 0, path); }
int access(const char* path, int mode) noexcept { return icall("access", 0, path, mode); }
int chdir(const char* path) noexcept { return icall("chdir", 0, path); }
int fchdir(int fd) noexcept { return icall("fchdir", 0, fd); }

long getcwd(char* buffer, std::size_t size) noexcept
{
    const std::size_t length = the_kernel.cwd.copy(buffer, size - 1);
    buffer[length] = '\0';
    return call("getcwd", static_cast<long>(length) + 1);
}

unsigned umask(unsigned mask) noexcept { return static_cast<unsigned>(call("umask", 022, mask)); }
long getdents64(int fd, void*, std::size_t) noexcept { return call("getdents64", 0, fd); }
int lock_file(int fd) noexcept { return icall("lock_file", 0, fd); }

int open_tree(int dir, const char* path, unsigned flags) noexcept { return descriptor("open_tree", dir, path, flags); }
int mount_setattr(int dir, const char* path, unsigned flags, std::uint64_t set, std::uint64_t clear,
                  std::uint64_t propagation) noexcept
{
    return icall("mount_setattr", 0, dir, path, flags, set, clear, propagation);
}
int clone_tree(int dir, const char* path, bool recursive, int extra_flags, std::uint64_t set,
               std::uint64_t propagation) noexcept
{
    return descriptor("clone_tree", dir, path, recursive, extra_flags, set, propagation);
}
int move_mount(int from, int to_dir, const char* to_path, unsigned flags) noexcept
{
    return icall("move_mount", 0, from, to_dir, to_path, flags);
}
int fsopen(const char* type) noexcept { return descriptor("fsopen", type); }
int fsconfig_string(int fd, const char* key, const char* value) noexcept
{
    return icall("fsconfig_string", 0, fd, key, value);
}
int fsconfig_flag(int fd, const char* key) noexcept { return icall("fsconfig_flag", 0, fd, key); }
int fsconfig_create(int fd) noexcept { return icall("fsconfig_create", 0, fd); }
int fsmount(int fd, unsigned attributes) noexcept { return descriptor("fsmount", fd, attributes); }
int pivot_root(const char* new_root, const char* put_old) noexcept { return icall("pivot_root", 0, new_root, put_old); }
int umount2(const char* path, int flags) noexcept { return icall("umount2", 0, path, flags); }

int clone3(std::uint64_t flags, int* pidfd) noexcept
{
    *pidfd = next_fd++;
    return icall("clone3", kCommandPid, flags);
}

int spawn(void (*body)(void*) noexcept, void* argument) noexcept
{
    const int pid = icall("spawn", kCommandPid);
    if (pid >= 0)
        run_left([=] { body(argument); });
    return pid;
}

int unshare(std::uint64_t flags) noexcept { return icall("unshare", 0, flags); }

int execve(const char* path, char* const* argv, char* const*) noexcept
{
    const int error = icall("execve", 0, path, argv[0], argv[0] == nullptr ? nullptr : argv[1]);
    if (error < 0)
        return error;
    leave(0);
}

void exit(int status) noexcept
{
    call("exit", 0, status);
    leave(status);
}

int getpid() noexcept { return icall("getpid", kCommandPid); }

int wait4(int pid, int* status, int options, struct ::rusage*) noexcept
{
    std::vector<int>& statuses = the_kernel.wait_statuses;
    *status = statuses.empty() ? kNothingYet : statuses.front();
    if (!statuses.empty())
        statuses.erase(statuses.begin());
    return icall("wait4", *status == kNothingYet ? 0 : kCommandPid, pid, options);
}

int kill(int pid, int signal) noexcept { return icall("kill", 0, pid, signal); }
int pidfd_send_signal(int pidfd, int signal) noexcept { return icall("pidfd_send_signal", 0, pidfd, signal); }
int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) noexcept
{
    return icall("prctl", 0, option, a, b, c, d);
}
int setsid() noexcept { return icall("setsid", kCommandPid); }
int setpgid(int pid, int group) noexcept { return icall("setpgid", 0, pid, group); }
int getpgrp() noexcept { return icall("getpgrp", kCommandPid); }
int tcgetpgrp(int fd) noexcept { return icall("tcgetpgrp", kCommandPid, fd); }
int tcsetpgrp(int fd, int group) noexcept { return icall("tcsetpgrp", 0, fd, group); }
int setrlimit(int resource, const struct ::rlimit64&) noexcept { return icall("setrlimit", 0, resource); }
int getrlimit(int resource, struct ::rlimit64* limit) noexcept
{
    *limit = {};
    return icall("getrlimit", 0, resource);
}
int sethostname(const char* name, std::size_t) noexcept { return icall("sethostname", 0, name); }
int loopback_up() noexcept { return icall("loopback_up", 0); }
int set_signal_mask(SignalSet mask, SignalSet* old) noexcept
{
    if (old != nullptr)
        *old = 0;
    return icall("set_signal_mask", 0, mask);
}
int default_action(int signal) noexcept { return icall("default_action", 0, signal); }
int signalfd(SignalSet mask) noexcept { return descriptor("signalfd", mask); }

int poll(std::span<struct ::pollfd> fds, int timeout_ms) noexcept
{
    fds[0].revents = the_kernel.messages.empty() || timeout_ms == 0 ? 0 : POLLIN;
    return icall("poll", 0, fds.size(), timeout_ms);
}

int socketpair(int out[2]) noexcept
{
    out[0] = next_fd++;
    out[1] = next_fd++;
    return icall("socketpair", 0);
}

long send(int fd, const void* data, std::size_t size) noexcept
{
    const long result = call("send", static_cast<long>(size), fd);
    if (result >= 0)
        the_kernel.sent.emplace_back(static_cast<const char*>(data), size);
    return result;
}

long send_descriptor(int fd, const void* data, std::size_t size, int sent) noexcept
{
    const long result = call("send_descriptor", static_cast<long>(size), fd, sent);
    if (result >= 0)
        the_kernel.sent.emplace_back(static_cast<const char*>(data), size);
    return result;
}

long receive(int fd, void* buffer, std::size_t size, int* received) noexcept
{
    *received = -1;
    if (the_kernel.messages.empty())
        return call("receive", -EAGAIN, fd);
    const std::size_t got = the_kernel.messages.front().copy(static_cast<char*>(buffer), size);
    the_kernel.messages.erase(the_kernel.messages.begin());
    return call("receive", static_cast<long>(got), fd);
}

int capset(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept
{
    return icall("capset", 0, effective, permitted, inheritable);
}
int join_new_session_keyring() noexcept { return icall("join_new_session_keyring", 0); }
int landlock_abi() noexcept { return icall("landlock_abi", 6); }
int landlock_create_ruleset(const void*, std::size_t) noexcept { return descriptor("landlock_create_ruleset"); }
int landlock_add_path(int ruleset, std::uint64_t access, int parent_fd) noexcept
{
    return icall("landlock_add_path", 0, ruleset, access, parent_fd);
}
int landlock_restrict_self(int ruleset) noexcept { return icall("landlock_restrict_self", 0, ruleset); }
int seccomp_filter(std::span<const struct ::sock_filter> program) noexcept
{
    return icall("seccomp_filter", 0, program.size());
}
unsigned getuid() noexcept { return static_cast<unsigned>(call("getuid", 1000)); }
unsigned getgid() noexcept { return static_cast<unsigned>(call("getgid", 1000)); }
int getrandom(void*, std::size_t size) noexcept { return icall("getrandom", static_cast<long>(size)); }

} // namespace glovebox::sys

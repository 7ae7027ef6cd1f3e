// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "sys/files.h"

#include "sys/calls.h"
#include "sys/raw.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace glovebox::sys {

int open_beneath(int root, const char* path, int flags, Links links) noexcept
{
    const std::uint64_t refused = links == Links::refuse ? RESOLVE_NO_SYMLINKS : 0;
    return openat2(root, path, static_cast<std::uint64_t>(flags), RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | refused);
}

int statat(int dir, const char* path, struct ::stat* out) noexcept
{
    return icall(SYS_newfstatat, dir, path, out, AT_SYMLINK_NOFOLLOW);
}

int accessat(int dir, const char* path, int mode) noexcept { return icall(SYS_faccessat, dir, path, mode); }

long readlinkat(int dir, const char* path, char* buffer, std::size_t size) noexcept
{
    return call(SYS_readlinkat, dir, path, buffer, size);
}

int linkat(int from_dir, const char* from, int to_dir, const char* to) noexcept
{
    return icall(SYS_linkat, from_dir, from, to_dir, to, 0);
}

int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept
{
    return icall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int chmod(int fd, unsigned mode) noexcept
{
    const int changed = icall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH); // kernel 6.6
    if (changed != -ENOSYS)
        return changed;
    // "/proc/self/fd/N", spelled without anything that allocates.
    char path[32] = "/proc/self/fd/";
    char digits[12];
    std::size_t count = 0;
    for (unsigned rest = static_cast<unsigned>(fd); count == 0 || rest > 0; rest /= 10)
        digits[count++] = static_cast<char>('0' + rest % 10);
    std::size_t at = sizeof "/proc/self/fd/" - 1;
    while (count > 0)
        path[at++] = digits[--count];
    return icall(SYS_fchmodat, AT_FDCWD, path, mode);
}

int set_times(int dir, const char* path, const struct ::timespec times[2]) noexcept
{
    return icall(SYS_utimensat, dir, path, times, AT_SYMLINK_NOFOLLOW);
}

int set_times(int fd, const struct ::timespec times[2]) noexcept
{
    return icall(SYS_utimensat, fd, nullptr, times, 0);
}

int truncate(int fd, long size) noexcept { return icall(SYS_ftruncate, fd, size); }

long seek(int fd, long offset, int whence) noexcept { return call(SYS_lseek, fd, offset, whence); }

long copy_range(int from, int to, long* offset, std::size_t size) noexcept
{
    long to_offset = *offset;
    return call(SYS_copy_file_range, from, offset, to, &to_offset, size, 0U);
}

int clone_file(int to, int from) noexcept { return icall(SYS_ioctl, to, FICLONE, from); }

long list_xattrs(int fd, char* names, std::size_t size) noexcept { return call(SYS_flistxattr, fd, names, size); }

long get_xattr(int fd, const char* name, void* value, std::size_t size) noexcept
{
    return call(SYS_fgetxattr, fd, name, value, size);
}

int set_xattr(int fd, const char* name, const void* value, std::size_t size) noexcept
{
    return icall(SYS_fsetxattr, fd, name, value, size, 0);
}

int remove_xattr(int fd, const char* name) noexcept { return icall(SYS_fremovexattr, fd, name); }

bool is_interrupted() noexcept
{
    SignalSet pending = 0;
    icall(SYS_rt_sigpending, &pending, sizeof pending);
    return (pending & (signal_bit(SIGINT) | signal_bit(SIGTERM) | signal_bit(SIGHUP) | signal_bit(SIGQUIT))) != 0;
}

int pipe(int out[2]) noexcept { return icall(SYS_pipe2, out, O_CLOEXEC); }

int duplicate_to(int fd, int target) noexcept
{
    return fd == target ? icall(SYS_fcntl, fd, F_SETFD, 0) : icall(SYS_dup3, fd, target, 0);
}

} // namespace glovebox::sys

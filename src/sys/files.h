// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// System calls on trees of files, for the outputs and the review. The same promises as in calls.h.
// Nothing here follows a symbolic link in the last component.

#include <cstddef>

#include <sys/stat.h>
#include <time.h>

namespace glovebox::sys {

/// Opens `path` (relative) without leaving `root` and without following a link in /proc.
/// Symbolic links on the way are followed or refused (ELOOP); in the last component only O_NOFOLLOW refuses.
enum class Links { follow, refuse };
int open_beneath(int root, const char* path, int flags, Links links) noexcept;

int statat(int dir, const char* path, struct ::stat* out) noexcept;
/// What the user's own rights allow, whatever capabilities this process has.
int accessat(int dir, const char* path, int mode) noexcept;
/// Length of the link's text, which is cut at `size` and not terminated.
long readlinkat(int dir, const char* path, char* buffer, std::size_t size) noexcept;
int linkat(int from_dir, const char* from, int to_dir, const char* to) noexcept;
/// renameat2(2): `flags` are RENAME_*.
int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept;
/// fd may have been opened with O_PATH.
int chmod(int fd, unsigned mode) noexcept;
/// Access and modification time.
int set_times(int dir, const char* path, const struct ::timespec times[2]) noexcept;
int set_times(int fd, const struct ::timespec times[2]) noexcept;

int truncate(int fd, long size) noexcept;
/// lseek(2).
long seek(int fd, long offset, int whence) noexcept;
/// copy_file_range(2) from and to the same offset, which is advanced. May give less than `size`.
long copy_range(int from, int to, long* offset, std::size_t size) noexcept;
/// ioctl(FICLONE): `to` shares the blocks of `from`.
int clone_file(int to, int from) noexcept;

/// Names, each ended by a NUL.
long list_xattrs(int fd, char* names, std::size_t size) noexcept;
long get_xattr(int fd, const char* name, void* value, std::size_t size) noexcept;
int set_xattr(int fd, const char* name, const void* value, std::size_t size) noexcept;
int remove_xattr(int fd, const char* name) noexcept;

/// Whether a signal that ends programs (INT, TERM, HUP, QUIT) waits behind the signal mask.
bool is_interrupted() noexcept;
int pipe(int out[2]) noexcept;
/// dup2(2): `fd` becomes `target`, which an execve leaves open, also where they are the same.
int duplicate_to(int fd, int target) noexcept;

} // namespace glovebox::sys

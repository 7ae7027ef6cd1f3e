// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What directories and files hold, read by descriptor. Symbolic links are never followed.

#include "sys/fd.h"
#include "sys/files.h"

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glovebox::review {

/// A value, or the errno of the call that failed.
template <class T = void>
using OrErrno = std::expected<T, int>;

/// 0 and more is success, -errno is not.
inline OrErrno<> checked(long result)
{
    return result < 0 ? OrErrno<>(std::unexpected(static_cast<int>(-result))) : OrErrno<>();
}

/// The names in the freshly opened directory `dir`, in the order of their bytes.
OrErrno<std::vector<std::string>> read_names(int dir);

OrErrno<std::string> read_link(int dir, const std::string& name);

/// The whole file, where it is a regular one.
OrErrno<std::string> read_file(int dir, const std::string& name);

/// The extended attributes that are the user's: "user.*", without those that overlayfs made.
using Xattrs = std::map<std::string, std::string>;
/// None where the file system has none.
OrErrno<Xattrs> read_xattrs(int fd);
/// Gives the file these, and takes away others. What the file system cannot hold is left out.
OrErrno<> write_xattrs(int fd, const Xattrs& wanted);
/// One of overlayfs's own, by the end of its name; nothing where there is none, or it cannot be read.
std::optional<std::string> overlay_xattr(int fd, std::string_view name);

/// Renames to a name that must be free: -EEXIST. 0 or -errno.
int rename_new(int from_dir, const std::string& from, int to_dir, const std::string& to);

/// Two regular files, read from their start. What cannot be read is not the same.
bool is_same_content(int one, int other);

/// Access and modification time of `status`.
struct Times {
    struct ::timespec at[2];
};
inline Times times_of(const struct ::stat& status) { return {{status.st_atim, status.st_mtim}}; }

inline bool operator==(const struct ::timespec& a, const struct ::timespec& b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}
inline bool is_later(const struct ::timespec& a, const struct ::timespec& b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

} // namespace glovebox::review

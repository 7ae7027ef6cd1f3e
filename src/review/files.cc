// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>

namespace glovebox::review {
namespace {

constexpr std::string_view kUser = "user.";
constexpr std::string_view kOverlay = "user.overlay.";

/// Fills the buffer, unless the file ends before. Bytes, or -errno.
long read_fully(int fd, char* buffer, std::size_t size)
{
    std::size_t filled = 0;
    while (filled < size) {
        const long got = sys::read(fd, buffer + filled, size - filled);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    return static_cast<long>(filled);
}

} // namespace

OrErrno<std::vector<std::string>> read_names(int dir)
{
    std::vector<std::string> out;
    alignas(struct ::dirent64) std::array<char, 32768> buffer;
    long filled = 0;
    while ((filled = sys::getdents64(dir, buffer.data(), buffer.size())) > 0) {
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const struct ::dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
                out.emplace_back(entry->d_name);
        }
    }
    if (filled < 0)
        return std::unexpected(static_cast<int>(-filled));
    std::ranges::sort(out);
    return out;
}

OrErrno<std::string> read_link(int dir, const std::string& name)
{
    std::array<char, PATH_MAX> buffer;
    const long length = sys::readlinkat(dir, name.c_str(), buffer.data(), buffer.size());
    if (length < 0)
        return std::unexpected(static_cast<int>(-length));
    return std::string(buffer.data(), static_cast<std::size_t>(length));
}

OrErrno<std::string> read_file(int dir, const std::string& name)
{
    const sys::Fd file(sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct ::stat status = {};
    if (!file || sys::fstat(file.get(), &status) < 0)
        return std::unexpected(-file.error());
    if (!S_ISREG(status.st_mode))
        return std::unexpected(EINVAL);
    std::string out(static_cast<std::size_t>(status.st_size), '\0');
    const long length = read_fully(file.get(), out.data(), out.size());
    if (length < 0)
        return std::unexpected(static_cast<int>(-length));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

OrErrno<Xattrs> read_xattrs(int fd)
{
    Xattrs out;
    std::string names(XATTR_LIST_MAX, '\0');
    const long length = sys::list_xattrs(fd, names.data(), names.size());
    if (length == -EOPNOTSUPP)
        return out;
    if (length < 0)
        return std::unexpected(static_cast<int>(-length));
    names.resize(static_cast<std::size_t>(length));
    for (std::string_view rest = names; !rest.empty();) {
        const std::string name(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(name.size() + 1, rest.size()));
        if (!name.starts_with(kUser) || name.starts_with(kOverlay))
            continue;
        std::string value(XATTR_SIZE_MAX, '\0');
        const long size = sys::get_xattr(fd, name.c_str(), value.data(), value.size());
        if (size < 0)
            return std::unexpected(static_cast<int>(-size));
        value.resize(static_cast<std::size_t>(size));
        out.emplace(name, value);
    }
    return out;
}

OrErrno<> write_xattrs(int fd, const Xattrs& wanted)
{
    const OrErrno<Xattrs> found = read_xattrs(fd);
    if (!found)
        return std::unexpected(found.error());
    for (const auto& [name, value] : *found)
        if (!wanted.contains(name))
            if (const int removed = sys::remove_xattr(fd, name.c_str()); removed < 0)
                return checked(removed);
    for (const auto& [name, value] : wanted) {
        const auto old = found->find(name);
        if (old != found->end() && old->second == value)
            continue;
        const int set = sys::set_xattr(fd, name.c_str(), value.data(), value.size());
        if (set < 0 && set != -EOPNOTSUPP)
            return checked(set);
    }
    return {};
}

std::optional<std::string> overlay_xattr(int fd, std::string_view name)
{
    std::array<char, 256> value;
    const long size = sys::get_xattr(fd, (std::string(kOverlay) += name).c_str(), value.data(), value.size());
    return size < 0 ? std::nullopt : std::optional(std::string(value.data(), static_cast<std::size_t>(size)));
}

int rename_new(int from_dir, const std::string& from, int to_dir, const std::string& to)
{
    const int renamed = sys::renameat2(from_dir, from.c_str(), to_dir, to.c_str(), RENAME_NOREPLACE);
    if (renamed != -EINVAL)
        return renamed;
    // A file system without this flag: NFS and others over a network.
    struct ::stat status = {};
    const int found = sys::statat(to_dir, to.c_str(), &status);
    if (found != -ENOENT)
        return found == 0 ? -EEXIST : found;
    return sys::renameat(from_dir, from.c_str(), to_dir, to.c_str());
}

bool is_same_content(int one, int other)
{
    std::array<char, 65536> of_one;
    std::array<char, 65536> of_other;
    for (;;) {
        const long size = read_fully(one, of_one.data(), of_one.size());
        if (size < 0 || size != read_fully(other, of_other.data(), of_other.size()))
            return false;
        if (std::memcmp(of_one.data(), of_other.data(), static_cast<std::size_t>(size)) != 0)
            return false;
        if (size < static_cast<long>(of_one.size()))
            return true;
    }
}

} // namespace glovebox::review

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/mounts.h"

#include "sys/fd.h"

#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

namespace glovebox::run {

using plan::MountPoint;
using sys::Fd;

int open_inside(const SetupState& state, const char* path) noexcept
{
    return sys::openat2(state.root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Parent open_parent(SetupState& state, const std::string& path) noexcept
{
    const std::size_t slash = path.rfind('/');
    const char* const name = path.c_str() + slash + 1;
    if (slash == 0)
        return {state.root, name};
    const std::string_view directory(path.data(), slash);
    if (state.parent >= 0 && directory == state.parent_path)
        return {state.parent, name};
    char text[PATH_MAX];
    if (directory.size() >= sizeof text)
        return {-ENAMETOOLONG, name};
    std::memcpy(text, directory.data(), directory.size());
    text[directory.size()] = '\0';
    const int fd = open_inside(state, text);
    if (fd < 0)
        return {fd, name};
    if (state.parent >= 0)
        sys::close(state.parent);
    state.parent = fd;
    state.parent_path = directory;
    return {fd, name};
}

int make_point(int dir, const char* name, MountPoint point, unsigned mode) noexcept
{
    const int made = point == MountPoint::new_file ? sys::make_file(dir, name, 0644) : sys::mkdirat(dir, name, mode);
    return made == -EEXIST ? 0 : made;
}

int attach(SetupState& state, int tree, const std::string& target, MountPoint point) noexcept
{
    if (point == MountPoint::existing) {
        const Fd place(open_inside(state, target.c_str()));
        return place ? sys::move_mount(tree, place.get(), "", MOVE_MOUNT_T_EMPTY_PATH) : place.error();
    }
    const Parent parent = open_parent(state, target);
    if (parent.fd < 0)
        return parent.fd;
    if (const int made = make_point(parent.fd, parent.name, point); made < 0)
        return made;
    // The name is not followed if it is a symbolic link, which cannot be mounted on.
    return sys::move_mount(tree, parent.fd, parent.name, 0);
}

int make_filesystem(const char* type, const std::pair<std::string, std::string>* options,
                    std::size_t count, std::uint64_t attributes) noexcept
{
    const Fd context(sys::fsopen(type));
    if (!context)
        return context.error();
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [key, value] = options[i];
        const int set = value.empty() ? sys::fsconfig_flag(context.get(), key.c_str())
                                      : sys::fsconfig_string(context.get(), key.c_str(), value.c_str());
        if (set < 0)
            return set;
    }
    if (const int created = sys::fsconfig_create(context.get()); created < 0)
        return created;
    return sys::fsmount(context.get(), static_cast<unsigned>(attributes));
}

} // namespace glovebox::run

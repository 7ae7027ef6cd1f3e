// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/setup.h"

#include "run/dispatch.h"
#include "sys/fd.h"

#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

namespace glovebox::run {
namespace {

using plan::MountPoint;
using sys::Fd;

/// Opens `path` (absolute inside) beneath the new root: no symbolic link leads out of it.
int open_inside(const SetupState& state, const char* path) noexcept
{
    return sys::openat2(state.root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

struct Parent {
    int fd;           ///< -errno on failure; owned by the state
    const char* name; ///< last component
};

/// The directory that holds `path`. Kept for the next call: the Plan goes through the tree in
/// depth-first order, and mounts over a directory before it makes anything in it.
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

/// One that is there already will do: the scratch, where it may lie, is seen at several places.
int make_point(int dir, const char* name, MountPoint point, unsigned mode = 0755) noexcept
{
    const int made = point == MountPoint::new_file ? sys::make_file(dir, name, 0644) : sys::mkdirat(dir, name, mode);
    return made == -EEXIST ? 0 : made;
}

/// Moves the detached mount `tree` to `target`.
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

/// A detached mount of a new file system: a descriptor, or -errno.
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

int apply(SetupState& state, const plan::MakeProc&) noexcept
{
    state.proc = make_filesystem("proc", nullptr, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    return state.proc;
}

int apply(SetupState& state, const plan::WriteProc& op) noexcept
{
    return write_proc(state, op.file.c_str(), op.text);
}

int apply(SetupState& state, const plan::MakeRoot&) noexcept
{
    state.root = make_filesystem("tmpfs", nullptr, 0, plan::kPlainAttributes);
    if (state.root < 0)
        return state.root;
    if (const int mode = sys::fchmodat(state.root, ".", 0755); mode < 0)
        return mode;
    // On top of the old root, which absolute paths still see until pivot_root.
    return sys::move_mount(state.root, AT_FDCWD, "/", 0);
}

int apply(SetupState& state, const plan::MakeDirectory& op) noexcept
{
    const Parent parent = open_parent(state, op.path);
    return parent.fd < 0 ? parent.fd : make_point(parent.fd, parent.name, MountPoint::new_directory, op.mode);
}

int apply(SetupState& state, const plan::MakeSymlink& op) noexcept
{
    const Parent parent = open_parent(state, op.path);
    return parent.fd < 0 ? parent.fd : sys::symlinkat(op.target.c_str(), parent.fd, parent.name);
}

int write_new_file(int dir, const char* name, const std::string& text) noexcept
{
    const Fd file(sys::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
    if (!file)
        return file.error();
    for (std::size_t at = 0; at < text.size();) {
        const long written = sys::write(file.get(), text.data() + at, text.size() - at);
        if (written < 0)
            return static_cast<int>(written);
        at += static_cast<std::size_t>(written);
    }
    return 0;
}

int apply(SetupState& state, const plan::MakeFile& op) noexcept
{
    if (op.point == MountPoint::new_file) {
        const Parent parent = open_parent(state, op.target);
        return parent.fd < 0 ? parent.fd : write_new_file(parent.fd, parent.name, op.text);
    }
    // Over a file of the host: written in the root tmpfs, mounted, and its name there removed.
    constexpr const char* kName = ".glovebox-file";
    if (const int written = write_new_file(state.root, kName, op.text); written < 0)
        return written;
    const Fd tree(sys::clone_tree(state.root, kName, false, 0, plan::kPlainAttributes | MOUNT_ATTR_RDONLY, MS_PRIVATE));
    if (!tree)
        return tree.error();
    const int attached = attach(state, tree.get(), op.target, op.point);
    return attached < 0 ? attached : sys::unlinkat(state.root, kName, 0);
}

int apply(SetupState& state, const plan::Bind& op) noexcept
{
    const std::uint64_t set = MOUNT_ATTR_NOSUID | (op.devices ? 0 : MOUNT_ATTR_NODEV) | (op.read_only ? MOUNT_ATTR_RDONLY : 0);
    const Fd tree(sys::clone_tree(AT_FDCWD, op.source.c_str(), op.recursive, 0, set, MS_PRIVATE));
    return tree ? attach(state, tree.get(), op.target, op.point) : tree.error();
}

int apply(SetupState& state, const plan::MakePrivate& op) noexcept
{
    const Fd place(open_inside(state, op.path.c_str()));
    if (!place)
        return place.error();
    const Fd tree(sys::clone_tree(place.get(), "", false, AT_EMPTY_PATH, plan::kPlainAttributes, MS_PRIVATE));
    return tree ? sys::move_mount(tree.get(), place.get(), "", MOVE_MOUNT_T_EMPTY_PATH) : tree.error();
}

int apply(SetupState& state, const plan::MountNew& op) noexcept
{
    const Fd tree(make_filesystem(op.type.c_str(), op.options.data(), op.options.size(), op.attributes));
    if (tree)
        return attach(state, tree.get(), op.target, op.point);
    if (!op.optional || tree.error() != -EPERM || op.point == MountPoint::existing)
        return tree.error();
    const Parent parent = open_parent(state, op.target);
    return parent.fd < 0 ? parent.fd : make_point(parent.fd, parent.name, op.point);
}

int apply(SetupState& state, const plan::AttachProc& op) noexcept
{
    return attach(state, state.proc, op.target, op.point);
}

int apply(SetupState& state, const plan::SealRoot&) noexcept
{
    return sys::mount_setattr(state.root, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0);
}

int apply(SetupState& state, const plan::PivotRoot&) noexcept
{
    // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and the
    // working directory in it; unmounting "." uncovers the new root.
    if (const int moved = sys::fchdir(state.root); moved < 0)
        return moved;
    if (const int pivoted = sys::pivot_root(".", "."); pivoted < 0)
        return pivoted;
    if (const int detached = sys::umount2(".", MNT_DETACH); detached < 0)
        return detached;
    return sys::chdir("/");
}

int apply(SetupState&, const plan::RaiseLoopback&) noexcept { return sys::loopback_up(); }

int apply(SetupState&, const plan::SetHostname& op) noexcept
{
    return sys::sethostname(op.name.data(), op.name.size());
}

int apply(SetupState&, const plan::JoinNewKeyring&) noexcept
{
    // A kernel without keyrings has nothing to share.
    const int joined = sys::join_new_session_keyring();
    return joined == -ENOSYS ? 0 : joined;
}

} // namespace

int write_proc(const SetupState& state, const char* file, std::string_view text) noexcept
{
    const Fd target(sys::openat(state.proc, file, O_WRONLY));
    if (!target)
        return target.error();
    const long written = sys::write(target.get(), text.data(), text.size());
    return written < 0 ? static_cast<int>(written) : 0;
}

int apply_setup(SetupState& state, const plan::Op& op) noexcept
{
    return dispatch([&](const auto& step) noexcept -> decltype(apply(state, step)) { return apply(state, step); }, op);
}

} // namespace glovebox::run

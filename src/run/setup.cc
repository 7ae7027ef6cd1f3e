// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/setup.h"

#include "run/dispatch.h"
#include "run/layer.h"
#include "run/mounts.h"
#include "sys/fd.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>

namespace glovebox::run {
namespace {

using plan::MountPoint;
using sys::Fd;

constexpr std::uint64_t kProcAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

int apply(SetupState& state, const plan::MakeProc& op) noexcept
{
    state.proc = make_filesystem("proc", nullptr, 0, kProcAttributes);
    state.shown_proc = state.proc;
    if (state.proc < 0 || !op.processes_only)
        return state.proc;
    // The maps and sysctls are written through the whole one, which is never attached.
    const Fd context(sys::fsopen("proc"));
    if (!context)
        return context.error();
    int result = sys::fsconfig_string(context.get(), "subset", "pid");
    if (result == 0)
        result = sys::fsconfig_create(context.get());
    if (result == 0)
        result = state.shown_proc = sys::fsmount(context.get(), static_cast<unsigned>(kProcAttributes));
    return result;
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

int apply(SetupState& state, const plan::Layer& op) noexcept { return apply_layer(state, op); }

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
    return attach(state, state.shown_proc, op.target, op.point);
}

/// What this kernel's procfs does not have needs no protection.
int apply(SetupState& state, const plan::ProtectProc& op) noexcept
{
    const Fd place(open_inside(state, op.path.c_str()));
    if (!place)
        return place.error() == -ENOENT ? 0 : place.error();
    const Fd tree(sys::clone_tree(place.get(), "", true, AT_EMPTY_PATH, kProcAttributes | MOUNT_ATTR_RDONLY, MS_PRIVATE));
    return tree ? sys::move_mount(tree.get(), place.get(), "", MOVE_MOUNT_T_EMPTY_PATH) : tree.error();
}

int apply(SetupState& state, const plan::MaskProc& op) noexcept
{
    const Fd place(open_inside(state, op.path.c_str()));
    if (!place)
        return place.error() == -ENOENT ? 0 : place.error();
    const Fd tree(sys::clone_tree(AT_FDCWD, "/dev/null", false, 0, kProcAttributes | MOUNT_ATTR_RDONLY, MS_PRIVATE));
    return tree ? sys::move_mount(tree.get(), place.get(), "", MOVE_MOUNT_T_EMPTY_PATH) : tree.error();
}

int apply(SetupState& state, const plan::SealRoot&) noexcept
{
    if (const int closed = close_staging(state); closed < 0)
        return closed;
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

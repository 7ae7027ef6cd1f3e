// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/setup.h"

#include "run/dispatch.h"
#include "run/wire.h"
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

// -- layers ---------------------------------------------------------------------------------------
//
// The parts of an overlay are gathered in a staging tmpfs that is attached while the view is built:
// overlayfs takes its layers by path, and only from the mount namespace of the caller. Named after
// a number and reached from the working directory, no path of the user's needs escaping. The
// overlay keeps private clones, so that the staging can go afterwards.

/// A name in the staging directory: a letter for the part, and the number of the layer.
struct PartName {
    char text[16];
    PartName(char part, int number) noexcept
    {
        char digits[12];
        std::size_t count = 0;
        do
            digits[count++] = static_cast<char>('0' + number % 10);
        while ((number /= 10) > 0);
        text[0] = part;
        for (std::size_t i = 0; i < count; ++i)
            text[1 + i] = digits[count - 1 - i];
        text[1 + count] = '\0';
    }
};

constexpr const char* kStaging = ".glovebox-staging";

int open_staging(SetupState& state) noexcept
{
    if (state.staging >= 0)
        return 0;
    Fd tree(make_filesystem("tmpfs", nullptr, 0, plan::kPlainAttributes));
    if (!tree)
        return tree.error();
    if (const int made = sys::mkdirat(state.root, kStaging, 0700); made < 0)
        return made;
    if (const int moved = sys::move_mount(tree.get(), state.root, kStaging, 0); moved < 0)
        return moved;
    state.staging = tree.release();
    return sys::fchdir(state.staging);
}

int close_staging(SetupState& state) noexcept
{
    if (state.staging < 0)
        return 0;
    sys::close(state.staging);
    state.staging = -1;
    if (const int changed = sys::fchdir(state.root); changed < 0)
        return changed;
    if (const int detached = sys::umount2(kStaging, MNT_DETACH | UMOUNT_NOFOLLOW); detached < 0)
        return detached;
    return sys::unlinkat(state.root, kStaging, AT_REMOVEDIR);
}

/// The host's directory `source` as `name` in the staging. Without what is mounted below it, which
/// overlayfs would not show either: where the kernel forbids to uncover that, this is refused.
int stage_directory(const SetupState& state, const char* source, const char* name, bool read_only) noexcept
{
    const std::uint64_t set = plan::kPlainAttributes | (read_only ? MOUNT_ATTR_RDONLY : 0);
    const Fd tree(sys::clone_tree(AT_FDCWD, source, false, 0, set, MS_PRIVATE));
    if (!tree)
        return tree.error();
    if (const int made = sys::mkdirat(state.staging, name, 0700); made < 0)
        return made;
    return sys::move_mount(tree.get(), state.staging, name, 0);
}

int stage_entries(const SetupState& state, const plan::Layer& op, const char* name) noexcept
{
    if (const int made = sys::mkdirat(state.staging, name, 0755); made < 0)
        return made;
    const Fd layer(sys::openat(state.staging, name, O_PATH | O_DIRECTORY));
    if (!layer)
        return layer.error();
    for (std::size_t i = 0; i < op.entries.size(); ++i) {
        const plan::LayerEntry& entry = op.entries[i];
        const char* const path = entry.path.c_str();
        const int made = entry.kind == plan::LayerEntry::Kind::symlink ? sys::symlinkat(entry.link.c_str(), layer.get(), path)
                         : entry.kind == plan::LayerEntry::Kind::file  ? sys::make_file(layer.get(), path, 0644)
                                                                       : sys::mkdirat(layer.get(), path, 0755);
        if (made < 0)
            return made;
    }
    return 0;
}

/// Joins "NAME" and "/upper" or "/work".
struct UpperPath {
    char text[32];
    UpperPath(const PartName& name, const char* part) noexcept
    {
        std::strcpy(text, name.text);
        std::strcat(text, part);
    }
};

/// The overlay of what is staged: `upper` names the directory that holds "upper" and "work".
int make_overlay(const char* lower, const PartName* upper) noexcept
{
    const Fd context(sys::fsopen("overlay"));
    if (!context)
        return context.error();
    int result = sys::fsconfig_string(context.get(), "lowerdir", lower);
    if (result == 0 && upper != nullptr)
        result = sys::fsconfig_string(context.get(), "upperdir", UpperPath(*upper, "/upper").text);
    if (result == 0 && upper != nullptr)
        result = sys::fsconfig_string(context.get(), "workdir", UpperPath(*upper, "/work").text);
    if (result == 0)
        result = sys::fsconfig_flag(context.get(), "userxattr");
    if (result == 0)
        result = sys::fsconfig_create(context.get());
    if (result < 0)
        return result;
    return sys::fsmount(context.get(), static_cast<unsigned>(plan::kPlainAttributes | (upper == nullptr ? MOUNT_ATTR_RDONLY : 0)));
}

/// Changes in memory: `name` in the staging tmpfs itself.
int stage_memory(const SetupState& state, const PartName& name) noexcept
{
    int made = sys::mkdirat(state.staging, name.text, 0700);
    if (made == 0)
        made = sys::mkdirat(state.staging, UpperPath(name, "/upper").text, 0755);
    return made < 0 ? made : sys::mkdirat(state.staging, UpperPath(name, "/work").text, 0700);
}

void report_degraded(const SetupState& state, int error, Degraded degraded) noexcept
{
    const Report report = {Report::Kind::degraded, state.step, -error, static_cast<std::int32_t>(degraded)};
    sys::send(state.channel, &report, sizeof report);
}

/// The overlay with changes in the scratch or, where that is refused, in memory.
int make_writable_overlay(const SetupState& state, const plan::Layer& op, const char* lower) noexcept
{
    const PartName upper('u', state.layers);
    int tree = stage_directory(state, op.changes.c_str(), upper.text, false);
    if (tree == 0)
        tree = make_overlay(lower, &upper);
    if (tree >= 0)
        return tree;
    const PartName memory('m', state.layers);
    if (const int staged = stage_memory(state, memory); staged < 0)
        return staged;
    const int in_memory = make_overlay(lower, &memory);
    if (in_memory >= 0)
        report_degraded(state, tree, Degraded::in_memory);
    return in_memory;
}

int make_layer(SetupState& state, const plan::Layer& op) noexcept
{
    if (const int opened = open_staging(state); opened < 0)
        return opened;
    const PartName source('s', ++state.layers);
    const PartName entries('e', state.layers);
    if (const int staged = stage_directory(state, op.source.c_str(), source.text, true); staged < 0)
        return staged;
    char lower[2 * sizeof source.text + 1] = {};
    if (!op.entries.empty()) {
        if (const int staged = stage_entries(state, op, entries.text); staged < 0)
            return staged;
        std::strcat(std::strcpy(lower, entries.text), ":");
    }
    std::strcat(lower, source.text);
    return op.changes.empty() ? make_overlay(lower, nullptr) : make_writable_overlay(state, op, lower);
}

/// One file out of the overlay `tree` of its directory, as a detached mount.
int take_file(const SetupState& state, int tree, const plan::Layer& op) noexcept
{
    const PartName place('o', state.layers);
    if (const int made = sys::mkdirat(state.staging, place.text, 0700); made < 0)
        return made;
    if (const int moved = sys::move_mount(tree, state.staging, place.text, 0); moved < 0)
        return moved;
    return sys::clone_tree(tree, op.file.c_str(), false, 0, plan::kPlainAttributes, MS_PRIVATE);
}

int export_mount(const SetupState& state, int tree, const plan::Layer& op) noexcept
{
    const Report report = {Report::Kind::exported, op.export_as, 0, 0};
    const long sent = sys::send_descriptor(state.channel, &report, sizeof report, tree);
    return sent < 0 ? static_cast<int>(sent) : 0;
}

int apply(SetupState& state, const plan::Layer& op) noexcept
{
    Fd tree(make_layer(state, op));
    if (!tree && op.entries.empty()) {
        report_degraded(state, tree.error(), Degraded::read_only);
        tree.reset(sys::clone_tree(AT_FDCWD, op.source.c_str(), true, 0, plan::kPlainAttributes | MOUNT_ATTR_RDONLY, MS_PRIVATE));
    }
    if (tree && op.export_as >= 0)
        if (const int sent = export_mount(state, tree.get(), op); sent < 0)
            return sent;
    if (tree && !op.file.empty())
        tree.reset(take_file(state, tree.get(), op));
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

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The parts of an overlay are gathered in a staging tmpfs that is attached while the view is built:
// overlayfs takes its layers by path, and only from the mount namespace of the caller. Named after
// a number and reached from the working directory, no path of the user's needs escaping. The
// overlay keeps private clones, so that the staging can go afterwards.

#include "run/layer.h"

#include "run/mounts.h"
#include "run/wire.h"
#include "sys/fd.h"

#include <cstring>

#include <fcntl.h>
#include <sys/mount.h>

namespace glovebox::run {
namespace {

using sys::Fd;

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

} // namespace

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

int apply_layer(SetupState& state, const plan::Layer& op) noexcept
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

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What the steps that build the view have in common. Rules as in child.h.

#include "plan/op.h"
#include "run/setup.h"

#include <cstddef>
#include <string>
#include <utility>

namespace glovebox::run {

/// Opens `path` (absolute inside) beneath the new root: no symbolic link leads out of it.
/// A descriptor, or -errno.
int open_inside(const SetupState& state, const char* path) noexcept;

struct Parent {
    int fd;           ///< -errno on failure; owned by the state
    const char* name; ///< last component
};

/// The directory that holds `path`. Kept for the next call: the Plan goes through the tree in
/// depth-first order, and mounts over a directory before it makes anything in it.
Parent open_parent(SetupState& state, const std::string& path) noexcept;

/// Makes a mount point. One that is there already will do: the scratch, where it may lie, is seen
/// at several places. 0 or -errno.
int make_point(int dir, const char* name, plan::MountPoint point, unsigned mode = 0755) noexcept;

/// Moves the detached mount `tree` to `target`. 0 or -errno.
int attach(SetupState& state, int tree, const std::string& target, plan::MountPoint point) noexcept;

/// A detached mount of a new file system: a descriptor, or -errno.
int make_filesystem(const char* type, const std::pair<std::string, std::string>* options, std::size_t count,
                    std::uint64_t attributes) noexcept;

} // namespace glovebox::run

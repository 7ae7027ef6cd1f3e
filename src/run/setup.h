// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Carries out the set-up steps of a Plan in PID 1. Same rules as child.h.

#include "plan/op.h"

#include <string_view>

namespace glovebox::run {

/// What the steps hand on to each other. Descriptors are -1 until their step has run.
struct SetupState {
    int root = -1; ///< the new root
    int proc = -1; ///< the private procfs
    int shown_proc = -1; ///< the one that is attached: the same, or one of processes only
    int parent = -1; ///< the directory `parent_path` of the new root, where mount points were made last
    std::string_view parent_path;
    int channel = -1; ///< to the supervisor
    int step = 0;     ///< index of the step that is carried out
    int staging = -1; ///< a tmpfs in which layers are put together; gone with SealRoot
    int layers = 0;   ///< how many were
};

/// 0, or -errno of the system call that failed.
int apply_setup(SetupState& state, const plan::Op& op) noexcept;

/// Writes to a file of the private procfs, in one write as id maps need it.
int write_proc(const SetupState& state, const char* file, std::string_view text) noexcept;

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Overlays: copy-on-write places, and read-only directories with mount points added. Rules as in child.h.

#include "plan/op.h"
#include "run/setup.h"

namespace glovebox::run {

/// Carries out the step; reports to the supervisor where it became something less. 0 or -errno.
int apply_layer(SetupState& state, const plan::Layer& op) noexcept;

/// Takes the staging away again, if there is one. 0 or -errno.
int close_staging(SetupState& state) noexcept;

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The scratch directory on the host: made before the clone, removed after the last process is gone.

#include "plan/plan.h"
#include "result.h"
#include "review/remove.h"

#include <string>

namespace glovebox::run {

/// Makes the scratch (mode 0700), its "tmp" (1777) and a directory for each copy-on-write place. An
/// own scratch of the user is made where it is missing, and goes on where it was left; a fresh one
/// must not exist yet. Of a fresh one nothing is left behind on failure.
Result<> make_scratch(const plan::Scratch& scratch);

/// Whether anything was changed in the copy-on-write place.
bool has_changes(const plan::Changes& changes);

using review::remove_tree;

} // namespace glovebox::run

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Writes changes to the host.
//
// The scratch stays as it is: what has been applied is no difference any more.

#include "review/changes.h"

#include <span>
#include <vector>

namespace glovebox::review {

/// A place, and those of its changes that are to be applied, in the order of list_changes().
struct Selection {
    const Place* place = nullptr;
    std::vector<Change> changes;
};

/// All of them, or none: each file is written beside its place and renamed, and nothing is renamed
/// before all is written. Contents, modes, times, links and the user's extended attributes become
/// what they are in the scratch; a directory that was there keeps its own times. Fails where a
/// change has a conflict, and on devices, sockets and fifos.
Result<> apply_changes(std::span<const Selection> selections);

} // namespace glovebox::review

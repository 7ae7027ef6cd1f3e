// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Removing trees, whatever the modes of their directories, following no symbolic link.

#include "result.h"

#include <string>

namespace glovebox::review {

/// Removes the directory at `path` with all in it. Gives the first failure, after having removed
/// all that could be.
Result<> remove_tree(const std::string& path);

/// Removes `name` in `dir`, be it a directory or not. Of a directory, the entry `last` goes after
/// all others, and stays where one of them could not be removed. 0, or the first -errno.
int remove_entry(int dir, const std::string& name, const std::string& last = {});

} // namespace glovebox::review

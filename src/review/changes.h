// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What the commands in a scratch changed, against the host as it is now.
//
// Overlayfs tells it by whiteouts (what was removed), opaque directories (removed and made again)
// and by what else is in the upper directory. Not a change is what only was opened for writing or
// got another time; a change of mode or of extended attributes alone is one of mode. Other names
// of a file are part of it: a file that became another name of a second one is a change.

#include "result.h"
#include "review/scratch.h"

#include <set>
#include <string>
#include <vector>

namespace glovebox::review {

struct Change {
    enum class Kind { added, modified, removed, mode, type };
    Kind kind = Kind::added;
    std::string path;                ///< relative to the place; "." is the place itself
    struct ::stat before = {}; ///< on the host; all zero where there is nothing
    struct ::stat after = {};  ///< in the scratch; likewise

    std::string target; ///< of a symbolic link in the scratch

    /// Another path of the same file, "" where this is the first or the only one.
    std::string link_to;
    bool is_linked = false;           ///< it has other paths
    bool link_is_unchanged = false;   ///< link_to is no change: the host has it

    std::string conflict; ///< what the host did to it since the run began; "" for nothing
};

/// All changes, each directory before what is in it. Whoever applies them applies exactly these.
Result<std::vector<Change>> list_changes(const Place& place);

/// Those at the paths, and below, and the new directories that these need. Each path for which
/// there is a change is taken out of `paths`.
std::vector<Change> select_changes(const std::vector<Change>& changes, std::set<std::string>& paths);

/// Whether `path` is in the directory `top`, at any depth.
bool is_below(const std::string& path, const std::string& top);

} // namespace glovebox::review

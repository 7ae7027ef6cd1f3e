// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Copies of files and trees, by descriptor, as exact as their owner can make them: content (shared
// blocks where the file system can, holes stay holes), modes, times, the user's extended attributes,
// hard links within the tree. Symbolic links are copied, never followed.

#include "result.h"
#include "review/files.h"

#include <cstdint>
#include <string>

namespace glovebox::review {

struct Copied {
    std::uint64_t files = 0; ///< regular ones, each hard link for itself
    std::uint64_t bytes = 0; ///< their sizes
};

struct CopyNames {
    std::string shown;   ///< the source, in messages
    std::string without; ///< an entry of the source that is left out; "" for none
};

/// Copies `source`, below `source_dir`, to `target` in `target_dir`, which must not exist. After a
/// failure, what has been made of the target is still there. Devices, sockets and fifos are errors.
Result<Copied> copy_tree(int source_dir, const std::string& source, int target_dir, const std::string& target,
                         const CopyNames& names);

/// One regular file or symbolic link; nothing else.
OrErrno<> copy_node(int source_dir, const std::string& source, int target_dir, const std::string& target);

/// Gives the directory `target` mode, times and extended attributes of `source`, whose status is given.
OrErrno<> copy_attributes(int source, const struct ::stat& status, int target);

/// "device", "socket", "fifo", "directory", "symbolic link" or "file".
std::string_view kind_name(::mode_t mode);
bool is_special(::mode_t mode);

} // namespace glovebox::review

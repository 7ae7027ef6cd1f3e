// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Declared outputs, from the sandbox to the host, when no process of the sandbox is left.

#include "result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glovebox::review {

struct OutputRequest {
    int directory = -1; ///< what `path` cannot lead out of
    std::string path;   ///< relative; links on the way are followed, the last component is copied as it is
    std::string host;   ///< absolute, its directory without a symbolic link: one that is there was planted
    std::string from;   ///< the option, in messages
    std::string without; ///< this entry of `directory` is no part of an output; "" for none
};

struct OutputResult {
    std::string path;
    std::string host;
    std::uint64_t files = 0; ///< regular files
    std::uint64_t bytes = 0; ///< their sizes
};

/// Copies all outputs, exactly (copy.h), or none: a missing one, one that is or holds a device, a
/// socket or a fifo, a full disk, and the host is as it was. A file takes the place of a file, a
/// directory that of a directory, which is gone then with all in it.
Result<std::vector<OutputResult>> write_outputs(std::span<const OutputRequest> requests);

} // namespace glovebox::review

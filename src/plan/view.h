// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The view as a tree: which request wins at which place, where symbolic links lead, which mount
// points exist already, and in what order the steps must come.

#include "plan/host.h"
#include "plan/op.h"
#include "result.h"

#include <string>
#include <variant>
#include <vector>

namespace glovebox::plan {

// What a request wants to be seen at its place.
struct Directory {};                       ///< a plain directory of the root tmpfs
struct Symlink { std::string target; };
struct Text { std::string text; };         ///< a file with this text
struct HostPath {                          ///< a bind of `source`
    std::string source;
    FileType type = FileType::directory;
    bool read_only = true;
    bool devices = false;
    bool grows = false; ///< what is missing in it can be made: it is the scratch
};
struct CopyOnWrite {                       ///< the host's `source`, changes to `changes` (plan::Layer)
    std::string source;
    FileType type = FileType::directory;
    std::string changes;
    std::int32_t export_as = -1;
};
struct PrivateDirectory {                  ///< empty and writable
    unsigned mode = 0755;
};
struct Sealed {};                          ///< empty, read-only and closed to everybody
struct Procfs {};
struct NewFilesystem {
    std::string type;
    std::vector<std::pair<std::string, std::string>> options;
    std::uint64_t attributes = 0;
    bool optional = false;
    bool closed = false; ///< nothing can be mounted inside
};
using Content = std::variant<Directory, Symlink, Text, HostPath, CopyOnWrite, PrivateDirectory, Sealed, Procfs, NewFilesystem>;

struct Request {
    std::string target; ///< absolute path inside
    Content content;
    spec::Origin origin;
    bool if_possible = false; ///< dropped silently where its mount point cannot be had
};

/// The steps that build the view, shallow before deep. Of two requests at one place the later in
/// `requests` wins. Symbolic links on the way to a target are followed inside the view.
Result<std::vector<Step>> make_view(std::vector<Request> requests, const Host& host);

} // namespace glovebox::plan

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The Spec compiled against this host: an ordered list of steps, each with the option that asked
// for it. `explain` prints it, launch carries it out.

#include "plan/host.h"
#include "plan/op.h"
#include "result.h"
#include "spec/spec.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace glovebox::plan {

/// Name of the directory in a scratch that is glovebox's own, and sealed inside.
constexpr const char* kScratchState = ".glovebox";

/// Where the changes to one copy-on-write place go.
struct Changes {
    std::string path;   ///< directory on the host: "upper", "work", and "source", which names the next
    std::string source; ///< the host's directory
    std::string target; ///< where it is seen inside
};

/// The writable directory on the host that is seen at /build.
struct Scratch {
    std::string path;   ///< absolute, on the host
    bool fresh = true;  ///< made by this run (and must not exist yet), as opposed to the user's own
    bool keep = false;  ///< stays after the run
    std::vector<Changes> changes;
    spec::Origin origin;
};

/// What is copied to the host when the command has succeeded.
struct Output {
    std::int32_t place = -1; ///< index in Scratch::changes; -1: the scratch itself
    std::string path;        ///< relative to the place
    std::string host;        ///< absolute, on the host
    spec::Origin origin;
};

/// execve, tried on each candidate in turn.
struct Execute {
    std::string name;                    ///< the command as the user wrote it
    std::vector<std::string> candidates; ///< absolute or with a slash, in PATH order
    std::vector<std::string> arguments;  ///< argv, the command's name first
    std::vector<std::string> environment;
};

struct Plan {
    std::uint64_t namespaces = 0; ///< CLONE_NEW* for clone3
    Scratch scratch;
    std::vector<Output> outputs;
    std::uint64_t timeout = 0; ///< milliseconds; 0: none
    std::vector<Step> setup;    ///< by PID 1
    std::vector<Step> handover; ///< by the command's process
    Execute execute;
    std::vector<struct ::sock_filter> filter; ///< the program of InstallFilter, where it comes from a file
};

/// Compiles `spec` for `host`. Pure: the same two give the same Plan. All policy and all order
/// live here. Fails with a usable Error when a path is missing, of the wrong kind, or cannot be
/// a mount point.
Result<Plan> make_plan(const spec::Spec& spec, const Host& host);

} // namespace glovebox::plan

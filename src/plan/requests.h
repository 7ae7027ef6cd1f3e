// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The policy of the view: what a Spec wants to be seen at which place, on this host.

#include "plan/host.h"
#include "plan/plan.h"
#include "plan/view.h"
#include "result.h"
#include "spec/spec.h"

#include <string>
#include <vector>

namespace glovebox::plan {

constexpr const char* kBuild = "/build"; ///< where the scratch is seen

struct Wanted {
    std::vector<Request> requests; ///< later ones win
    std::string directory;         ///< where the command starts if nothing else is said
};

/// Fills in `scratch.changes` for the copy-on-write places.
Result<Wanted> make_requests(const spec::Spec& spec, const Host& host, Scratch& scratch);

/// `path` of the user as an absolute host path; an Error where it is relative and the working
/// directory was deleted.
Result<std::string> host_path(const Host& host, const std::string& path, const spec::Origin& origin);

/// Whether `path` is `directory` or lies below it. Both absolute.
bool is_below(std::string_view path, std::string_view directory);

} // namespace glovebox::plan

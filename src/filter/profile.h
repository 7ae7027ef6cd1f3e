// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The seccomp profiles of Docker and Podman.

#include "result.h"

#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

namespace glovebox::filter {

/// `what` is the head of a message.
Result<std::vector<struct ::sock_filter>> compile_profile(std::string_view json, const std::string& what,
                                                          const std::string& from);

} // namespace glovebox::filter

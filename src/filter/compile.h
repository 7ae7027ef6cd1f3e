// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A policy as a program for seccomp(2). Used by the build and by tests only.

#include "filter/policy.h"

#include <linux/filter.h>

namespace glovebox::filter {

/// libseccomp knows the names of system calls, and no more is asked of it: its rules have no order, so that
/// "ioctl, but not TIOCSTI" cannot be said in an allow-list (the wider rule swallows the narrower one
/// without a word), and calls that it does not name cannot be given for another architecture.
Result<std::vector<struct ::sock_filter>> compile_policy(const PolicyTable& table, std::string_view target,
                                                         bool allow_nesting);

} // namespace glovebox::filter

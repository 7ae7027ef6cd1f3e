// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Programs for seccomp(2): the two that come with glovebox, made by the build, and those of files.

#include "result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

namespace glovebox::filter {

enum class Policy { default_list, strict_list };

/// Costs nothing: the program lies ready in the executable, for the machine that it was built for.
std::span<const struct ::sock_filter> builtin_filter(Policy policy, bool allow_nesting) noexcept;

/// The *.policy file that builtin_filter was made from: a table with the reason for each line.
std::string_view policy_text(Policy policy) noexcept;

/// The program in a file: as the kernel takes it (an array of struct sock_filter), or the JSON that Docker and
/// Podman use, where rules that depend on capabilities are read as for a process that has none.
/// `from` is the option that named the file.
Result<std::vector<struct ::sock_filter>> load_filter(const std::string& path, const std::string& from);

/// The same for the bytes of a file.
Result<std::vector<struct ::sock_filter>> read_filter(std::string_view bytes, const std::string& path,
                                                      const std::string& from);

} // namespace glovebox::filter

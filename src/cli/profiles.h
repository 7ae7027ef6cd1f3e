// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The built-in profiles: nothing but options, as they could stand on a command line.

#include <span>
#include <string_view>

namespace glovebox::cli {

struct ProfileLine {
    std::string_view option;
    std::string_view operand;
};

struct Profile {
    std::string_view name;
    std::span<const ProfileLine> lines;
};

/// Null when there is no such profile.
const Profile* find_profile(std::string_view name);

} // namespace glovebox::cli

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Profiles: options as they could stand on a command line, built in or from an INI file.

#include "result.h"

#include <string>
#include <string_view>
#include <vector>

namespace glovebox::cli {

struct ProfileLine {
    std::string option;
    std::string operand;
};

struct Profile {
    std::string_view name; ///< lives as long as the program: the built-in name, or the file's path
    std::vector<ProfileLine> lines;
    bool built_in = false;
};

/// A name is looked for among the built-in profiles, then in /etc/glovebox/profiles, then in
/// ${XDG_CONFIG_HOME:-~/.config}/glovebox/profiles; what holds a slash is a file. A file has lines
/// "option = operand" and comments from # on; "option = true" is an option without operand. A file
/// adds to the profile that its line "profile = NAME" names, or else to build.
Result<Profile> load_profile(std::string_view name);

} // namespace glovebox::cli

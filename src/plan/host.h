// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What a Plan needs to know of the host. A test makes one by hand; probe_host() reads the real one.

#include "result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

namespace glovebox::plan {

enum class FileType : std::uint8_t { missing, directory, symlink, other };

/// One path, not followed when it is a symbolic link.
struct PathFacts {
    FileType type = FileType::missing;
    std::string link;  ///< text of the symbolic link
    int error = 0;     ///< errno where `missing`
};

struct RootEntry {
    std::string name;
    FileType type = FileType::directory;
    std::string link;
};

struct Host {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string cwd;                    ///< absolute; "" when the working directory was deleted
    std::vector<std::string> homes;     ///< absolute homes of the user, without duplicates
    std::string temporary;              ///< absolute directory in which a fresh scratch is made
    std::string token;                  ///< makes the name of a fresh scratch unique
    int terminal = -1;                  ///< the standard stream that is the controlling terminal
    bool foreground = false;            ///< our group has the terminal, and stdin and stdout are it
    std::vector<std::string_view> environment; ///< NAME=VALUE; refers to the process's own

    std::function<std::vector<RootEntry>(const std::string&)> list; ///< entries of a directory, sorted
    std::function<PathFacts(const std::string&)> look;   ///< lstat(2) and readlink(2)
    std::function<PathFacts(const std::string&)> follow; ///< stat(2): symlink is never the answer
    /// A seccomp filter from a file (filter/filter.h); `from` is for the message.
    std::function<Result<std::vector<struct ::sock_filter>>(const std::string& path, const std::string& from)> load_filter;
};

/// Reads the host. Changes nothing. `environment` is the process's own, and must stay.
Host probe_host(char** environment);

} // namespace glovebox::plan

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What the probe found (probe.cc), as a value.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glovebox::test {

struct Mount {
    std::string root;
    std::string target;
    std::string options;
    std::string propagation;
    std::string type;

    /// Whether `option` is among the options.
    [[nodiscard]] bool has(std::string_view option) const;
};

struct World {
    std::map<std::string, std::string> status;     ///< /proc/self/status
    std::map<std::string, std::string> namespaces; ///< /proc/self/ns: "net" -> "net:[4026531840]"
    std::map<std::string, std::string> descriptors;
    int pid = 0;
    int ppid = 0;
    int sid = 0;
    int pgid = 0;
    std::string uid_map;
    std::string gid_map;
    std::string setgroups;
    std::string cwd;
    std::string hostname;
    std::vector<std::string> argv;
    std::map<std::string, std::string> env;
    std::vector<Mount> mounts;
    std::vector<int> processes;                     ///< PIDs in /proc
    std::map<std::string, bool> interfaces;         ///< name -> whether it is up
    std::map<std::string, std::string> networks;    ///< address -> answer to connecting to it
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> limits;

    /// The mount at `target`, the topmost one; null when there is none.
    [[nodiscard]] const Mount* mount_at(std::string_view target) const;
};

/// Throws where `text` is not the probe's.
World parse_world(const std::string& text);
std::map<std::string, std::string> parse_attempts(const std::string& text);

} // namespace glovebox::test

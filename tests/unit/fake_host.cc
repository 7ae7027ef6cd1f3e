// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "fake_host.h"

#include <algorithm>
#include <cerrno>
#include <map>

namespace glovebox::test {
namespace {

using plan::FileType;
using plan::PathFacts;

const std::map<std::string, PathFacts, std::less<>>& paths()
{
    static const PathFacts directory = {FileType::directory, {}, 0};
    static const PathFacts file = {FileType::other, {}, 0};
    static const auto link = [](const char* to) { return PathFacts{FileType::symlink, to, 0}; };
    static const std::map<std::string, PathFacts, std::less<>> table = {
        {"/bin", link("usr/bin")},
        {"/boot", directory},
        {"/boot/vmlinuz-6", file},
        {"/dangling", link("nowhere")},
        {"/dev", directory},
        {"/dev/dri", directory},
        {"/dev/dri/card0", file},
        {"/dev/kvm", file},
        {"/etc", directory},
        {"/etc/hosts", file},
        {"/etc/passwd", file},
        {"/etc/resolv.conf", link("../run/resolve/stub.conf")},
        {"/etc/ssl", directory},
        {"/home", directory},
        {"/home/ann", directory},
        {"/home/ann/hello", directory},
        {"/home/ann/hello/src", directory},
        {"/home/ann/notes", file},
        {"/home/ann/.ssh", directory},
        {"/home/bob", {FileType::directory, {}, EACCES}},
        {"/lib", link("usr/lib")},
        {"/opt", directory},
        {"/opt/escape", link("../../../etc/ssl")},
        {"/opt/sdk", directory},
        {"/opt/sdk/bin", directory},
        {"/opt/sdk-link", link("/opt/sdk")},
        {"/opt/tool", file},
        {"/proc", directory},
        {"/root", {FileType::directory, {}, EACCES}},
        {"/run", directory},
        {"/run/resolve", directory},
        {"/run/resolve/stub.conf", file},
        {"/srv", directory},
        {"/srv/build", directory},
        {"/srv/build/out", directory},
        {"/srv/build/with space", directory},
        {"/srv/build/x:y", directory},
        {"/srv/loop-a", link("loop-b")},
        {"/srv/loop-b", link("loop-a")},
        {"/swapfile", file},
        {"/sys", directory},
        {"/tmp", directory},
        {"/tmp/job", directory},
        {"/usr", directory},
        {"/usr/bin", directory},
        {"/usr/bin/make", file},
        {"/usr/lib", directory},
        {"/usr/lib/libc.so", file},
        {"/usr/share", directory},
        {"/var", directory},
        {"/var/lib", directory},
        {"/var/lib/ann", directory},
        {"/var/run", link("/run")},
        {"/var/tmp", directory},
        {"/vmlinuz", link("boot/vmlinuz-6")},
    };
    return table;
}

/// path_resolution(7) over the table. A directory with an error in it cannot be searched.
PathFacts resolve(std::string_view path, bool follow_last, int links = 0)
{
    const PathFacts root = {FileType::directory, {}, 0};
    PathFacts at = root;
    std::string where; // resolved so far; "" is the root
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        const std::string_view name = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (name.empty() || name == ".")
            continue;
        if (at.type != FileType::directory)
            return {FileType::missing, {}, ENOTDIR};
        if (at.error != 0)
            return {FileType::missing, {}, at.error};
        if (name == "..") {
            where.resize(where.empty() ? 0 : where.rfind('/'));
            at = where.empty() ? root : paths().at(where);
            continue;
        }
        const std::string next = where + "/" + std::string(name);
        const auto found = paths().find(next);
        if (found == paths().end())
            return {FileType::missing, {}, ENOENT};
        const std::string& target = found->second.link;
        if (!target.empty() && (follow_last || !path.empty())) {
            if (links >= 40)
                return {FileType::missing, {}, ELOOP};
            const std::string start = target.starts_with('/') ? target : where + "/" + target;
            return resolve(start + "/" + std::string(path), follow_last, links + 1);
        }
        where = next;
        at = found->second;
    }
    return {at.type, at.link, 0};
}

std::vector<plan::RootEntry> list(const std::string& directory)
{
    const std::string prefix = directory == "/" ? directory : directory + "/";
    std::vector<plan::RootEntry> entries;
    for (const auto& [path, facts] : paths())
        if (path.starts_with(prefix) && path.rfind('/') == prefix.size() - 1)
            entries.push_back({path.substr(prefix.size()), facts.type, facts.link});
    return entries;
}

} // namespace

plan::Host make_fake_host()
{
    plan::Host host;
    host.uid = 1000;
    host.gid = 1000;
    host.cwd = "/srv/build";
    host.homes = {"/home/ann"};
    host.temporary = "/var/tmp";
    host.token = "t0ken";
    host.environment = {
        "CC=gcc",         "HOME=/home/ann", "LANG=C.UTF-8",  "LC_TIME=de_DE.UTF-8", "PATH=/usr/bin:/bin",
        "SECRET=hunter2", "TERM=xterm",     "no-equals-sign"};
    host.list = list;
    host.look = [](const std::string& path) { return resolve(path, false); };
    host.follow = [](const std::string& path) { return resolve(path, true); };
    return host;
}

} // namespace glovebox::test

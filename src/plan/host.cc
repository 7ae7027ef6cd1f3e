// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/host.h"

#include "filter/filter.h"
#include "sys/fd.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

namespace glovebox::plan {
namespace {

FileType type_of(unsigned mode)
{
    return S_ISDIR(mode) ? FileType::directory : S_ISLNK(mode) ? FileType::symlink : FileType::other;
}

std::string read_link(const std::string& path)
{
    std::array<char, PATH_MAX> buffer;
    const long length = sys::readlink(path.c_str(), buffer.data(), buffer.size());
    return length < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(length));
}

PathFacts look(const std::string& path)
{
    struct ::stat status;
    if (const int result = sys::lstat(path.c_str(), &status); result < 0)
        return {FileType::missing, {}, -result};
    const FileType type = type_of(status.st_mode);
    return {type, type == FileType::symlink ? read_link(path) : std::string(), 0};
}

PathFacts follow(const std::string& path)
{
    struct ::stat status;
    if (const int result = sys::stat(path.c_str(), &status); result < 0)
        return {FileType::missing, {}, -result};
    return {type_of(status.st_mode), {}, 0};
}

std::vector<RootEntry> list(const std::string& path)
{
    std::vector<RootEntry> entries;
    const sys::Fd directory(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY));
    alignas(struct ::dirent64) std::array<char, 8192> buffer;
    long filled = 0;
    while ((filled = sys::getdents64(directory.get(), buffer.data(), buffer.size())) > 0) {
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const struct ::dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            const std::string name = entry->d_name;
            if (name == "." || name == "..")
                continue;
            PathFacts facts;
            if (entry->d_type == DT_DIR)
                facts.type = FileType::directory;
            else
                facts = look(path + "/" + name);
            if (facts.type != FileType::missing)
                entries.push_back({name, facts.type, facts.link});
        }
    }
    std::ranges::sort(entries, {}, &RootEntry::name);
    return entries;
}

/// The home of `uid` by /etc/passwd, without NSS (which a static program should not load).
std::string passwd_home(std::uint32_t uid)
{
    std::string text;
    const sys::Fd file(sys::open("/etc/passwd", O_RDONLY));
    std::array<char, 4096> buffer;
    for (long got = 0; (got = sys::read(file.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    const std::string wanted = std::to_string(uid);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        std::array<std::string_view, 6> fields; // name:password:uid:gid:comment:home
        for (std::string_view& field : fields) {
            const std::size_t colon = std::min(line.find(':'), line.size());
            field = line.substr(0, colon);
            line.remove_prefix(std::min(colon + 1, line.size()));
        }
        if (fields[2] == wanted)
            return std::string(fields[5]);
    }
    return {};
}

std::string_view variable(char** environment, std::string_view name)
{
    for (char** entry = environment; *entry != nullptr; ++entry)
        if (std::string_view text = *entry;
            text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name))
            return text.substr(name.size() + 1);
    return {};
}

void add_home(std::vector<std::string>& homes, std::string_view home)
{
    if (!home.starts_with('/'))
        return;
    std::string path = absolute_path("/", home);
    if (path != "/" && std::ranges::find(homes, path) == homes.end())
        homes.push_back(std::move(path));
}

std::string make_token()
{
    std::array<unsigned char, 8> bytes = {};
    sys::getrandom(bytes.data(), bytes.size());
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
    std::string token;
    for (const unsigned char byte : bytes)
        token += kDigits[byte % kDigits.size()];
    return token;
}

void probe_terminal(Host& host)
{
    std::array<bool, 3> is_terminal = {};
    int foreground = -1;
    for (int fd = 0; fd < 3; ++fd) {
        const int group = sys::tcgetpgrp(fd);
        is_terminal[static_cast<std::size_t>(fd)] = group >= 0;
        if (group >= 0 && host.terminal < 0) {
            host.terminal = fd;
            foreground = group;
        }
    }
    host.foreground = is_terminal[0] && is_terminal[1] && foreground == sys::getpgrp();
}

} // namespace

Host probe_host(char** environment)
{
    Host host;
    host.uid = sys::getuid();
    host.gid = sys::getgid();

    std::array<char, PATH_MAX> cwd;
    if (const long size = sys::getcwd(cwd.data(), cwd.size()); size > 0 && cwd[0] == '/')
        host.cwd = cwd.data();

    add_home(host.homes, variable(environment, "HOME"));
    add_home(host.homes, passwd_home(host.uid));

    const std::string_view chosen = variable(environment, "TMPDIR");
    host.temporary = chosen.starts_with('/') ? absolute_path("/", chosen) : "/var/tmp";
    host.token = make_token();
    probe_terminal(host);
    for (char** entry = environment; *entry != nullptr; ++entry)
        host.environment.emplace_back(*entry);
    host.list = list;
    host.look = look;
    host.follow = follow;
    host.load_filter = filter::load_filter;
    return host;
}

} // namespace glovebox::plan

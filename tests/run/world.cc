// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "world.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace glovebox::test {

using nlohmann::json;

bool Mount::has(std::string_view option) const
{
    return ("," + options + ",").contains("," + std::string(option) + ",");
}

const Mount* World::mount_at(std::string_view target) const
{
    const auto found = std::find_if(mounts.rbegin(), mounts.rend(),
                                    [&](const Mount& mount) { return mount.target == target; });
    return found == mounts.rend() ? nullptr : &*found;
}

World parse_world(const std::string& text)
{
    const json from = json::parse(text);
    World world;
    from.at("status").get_to(world.status);
    from.at("namespaces").get_to(world.namespaces);
    from.at("descriptors").get_to(world.descriptors);
    from.at("pid").get_to(world.pid);
    from.at("ppid").get_to(world.ppid);
    from.at("sid").get_to(world.sid);
    from.at("pgid").get_to(world.pgid);
    from.at("uid_map").get_to(world.uid_map);
    from.at("gid_map").get_to(world.gid_map);
    from.at("setgroups").get_to(world.setgroups);
    from.at("cwd").get_to(world.cwd);
    from.at("hostname").get_to(world.hostname);
    from.at("argv").get_to(world.argv);
    for (const std::string entry : from.at("env"))
        world.env[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
    for (const json& mount : from.at("mounts"))
        world.mounts.push_back({mount.at("root"), mount.at("target"), mount.at("options"), mount.at("propagation"),
                                mount.at("type")});
    from.at("processes").get_to(world.processes);
    from.at("interfaces").get_to(world.interfaces);
    from.at("networks").get_to(world.networks);
    from.at("limits").get_to(world.limits);
    return world;
}

std::map<std::string, std::string> parse_attempts(const std::string& text)
{
    return json::parse(text).get<std::map<std::string, std::string>>();
}

} // namespace glovebox::test

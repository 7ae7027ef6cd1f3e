// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/environment.h"

#include <algorithm>
#include <map>
#include <optional>

namespace glovebox::plan {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

struct Value {
    std::string_view text;
    bool set = false; ///< by value, not passed from the host
};

struct HostVariable {
    std::string_view name;
    std::string_view value;
};

std::optional<HostVariable> split(std::string_view entry)
{
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        return std::nullopt;
    return HostVariable{entry.substr(0, equals), entry.substr(equals + 1)};
}

} // namespace

std::vector<std::string> make_environment(const spec::Spec& spec, const Host& host)
{
    using Kind = spec::EnvironmentRule::Kind;
    std::map<std::string_view, Value> variables;
    const auto pass = [&](auto matches, bool keep_set) {
        for (const std::string_view entry : host.environment) {
            const std::optional<HostVariable> variable = split(entry);
            if (!variable || !matches(variable->name))
                continue;
            Value& value = variables[variable->name];
            if (!(keep_set && value.set))
                value = {variable->value, false};
        }
    };
    for (const spec::EnvironmentRule& rule : spec.environment) {
        const std::string_view name = rule.name;
        switch (rule.kind) {
        case Kind::set:
            variables[name] = {rule.value, true};
            break;
        case Kind::pass:
            if (name.ends_with('*'))
                pass([&](std::string_view n) { return n.starts_with(name.substr(0, name.size() - 1)); }, false);
            else
                pass([&](std::string_view n) { return n == name; }, false);
            break;
        case Kind::keep_all:
            pass([](std::string_view) { return true; }, true);
            break;
        case Kind::clear:
            variables.clear();
            break;
        }
    }
    variables.try_emplace("PATH", Value{kDefaultPath, true});

    std::vector<std::string> out;
    out.reserve(variables.size());
    for (const auto& [name, value] : variables)
        ((out.emplace_back(name) += '=') += value.text);
    return out;
}

std::vector<std::string> make_candidates(const std::string& command,
                                         const std::vector<std::string>& environment)
{
    if (command.contains('/'))
        return {command};
    constexpr std::string_view kPrefix = "PATH=";
    const auto entry = std::ranges::find_if(
        environment, [](const std::string& text) { return text.starts_with(kPrefix); });
    std::string_view path =
        entry == environment.end() ? kDefaultPath : std::string_view(*entry).substr(kPrefix.size());
    std::vector<std::string> candidates;
    for (;;) {
        const std::size_t colon = path.find(':');
        const std::string_view directory = path.substr(0, colon);
        candidates.push_back(std::string(directory.empty() ? "." : directory) + "/" + command);
        if (colon == std::string_view::npos)
            return candidates;
        path.remove_prefix(colon + 1);
    }
}

} // namespace glovebox::plan

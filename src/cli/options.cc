// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/options.h"

#include "text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace glovebox::cli {
namespace {

using spec::EnvironmentRule;
using spec::Origin;
using spec::ViewEntry;
using Operand = std::string_view;

constexpr std::array kVerbs = {
    VerbRow{Verb::run, "run", "run COMMAND in a sandbox (the default when the first word begins with -)"},
    VerbRow{Verb::explain, "explain", "print the steps that run would take, and take none"},
    VerbRow{Verb::help, "help", "print this text"},
};

constexpr std::array kGroups = {
    GroupRow{Group::view, "View"},           GroupRow{Group::identity, "Identity"},
    GroupRow{Group::environment, "Environment"}, GroupRow{Group::isolation, "Isolation"},
    GroupRow{Group::reporting, "Reporting"}, GroupRow{Group::other, "Other"},
};

std::unexpected<Error> bad_operand(const Origin& origin, Operand operand, std::string_view wanted)
{
    return fail("the operand " + quote(operand) + " of --" + std::string(origin.option) + " is not " + std::string(wanted),
                {}, spec::render_origin(origin));
}

Result<> apply_bind(Invocation& to, Operand operand, const Origin& origin, ViewEntry::Kind kind)
{
    Halves halves = split_colon(operand);
    if (halves.first.empty() || (halves.has_second && halves.second.empty()))
        return bad_operand(origin, operand, "SRC or SRC:DEST (\\: is a colon in a path)");
    to.spec.entries.push_back({kind, std::move(halves.first), std::move(halves.second), origin});
    return {};
}

Result<> apply_place(Invocation& to, Operand operand, const Origin& origin, ViewEntry::Kind kind)
{
    if (operand.empty())
        return bad_operand(origin, operand, "a path");
    to.spec.entries.push_back({kind, {}, std::string(operand), origin});
    return {};
}

Result<> apply_id(spec::Setting<std::uint32_t>& to, Operand operand, const Origin& origin)
{
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(operand.begin(), operand.end(), id);
    // 4294967295 is (uid_t)-1, which stands for "no id" in many calls.
    if (error != std::errc() || end != operand.end() || id == UINT32_MAX)
        return bad_operand(origin, operand, "a number from 0 to 4294967294");
    to = {id, origin};
    return {};
}

Result<> apply_env(Invocation& to, Operand operand, const Origin& origin)
{
    const std::size_t equals = operand.find('=');
    if (operand.empty() || equals == 0)
        return bad_operand(origin, operand, "NAME or NAME=VALUE");
    if (equals == Operand::npos)
        to.spec.environment.push_back({EnvironmentRule::Kind::pass, std::string(operand), {}, origin});
    else
        to.spec.environment.push_back({EnvironmentRule::Kind::set, std::string(operand.substr(0, equals)),
                                       std::string(operand.substr(equals + 1)), origin});
    return {};
}

Result<> apply_net(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand == "none")
        to.spec.network = {spec::Network::none, origin};
    else if (operand == "host")
        to.spec.network = {spec::Network::host, origin};
    else
        return bad_operand(origin, operand, "none or host");
    return {};
}

constexpr Option kOptions[] = {
    {"ro", 'r', "SRC[:DEST]", "show the host's SRC read-only, at DEST or at the same path",
     Group::view, kRunning, Completion::file, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_bind(to, operand, origin, ViewEntry::Kind::ro); }},
    {"rw", 'w', "SRC[:DEST]", "show the host's SRC writable: changes go through to the host",
     Group::view, kRunning, Completion::file, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_bind(to, operand, origin, ViewEntry::Kind::rw); }},
    {"hide", '\0', "PATH", "put an empty private directory (or file) in the place of PATH",
     Group::view, kRunning, Completion::file, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_place(to, operand, origin, ViewEntry::Kind::hide); }},
    {"tmpfs", '\0', "PATH", "mount an empty tmpfs at PATH",
     Group::view, kRunning, Completion::directory, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_place(to, operand, origin, ViewEntry::Kind::tmpfs); }},
    {"scratch", '\0', "DIR", "use DIR as the scratch (/build inside) and keep it; made if missing",
     Group::view, kRunning, Completion::directory, "",
     [](Invocation& to, Operand operand, const Origin& origin) -> Result<> {
         if (operand.empty())
             return bad_operand(origin, operand, "a path");
         to.spec.scratch = {std::string(operand), origin};
         return {};
     }},
    {"keep", '\0', "", "keep the scratch after the run, and say where it is",
     Group::view, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin& origin) -> Result<> {
         to.spec.keep = {true, origin};
         return {};
     }},
    {"chdir", 'C', "DIR", "start in DIR, a directory inside",
     Group::view, kRunning, Completion::directory, "",
     [](Invocation& to, Operand operand, const Origin& origin) -> Result<> {
         if (operand.empty())
             return bad_operand(origin, operand, "a path");
         to.spec.chdir = {std::string(operand), origin};
         return {};
     }},
    {"uid", '\0', "N", "be user N inside (default 0)",
     Group::identity, kRunning, Completion::none, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_id(to.spec.uid, operand, origin); }},
    {"gid", '\0', "N", "be group N inside (default 0)",
     Group::identity, kRunning, Completion::none, "",
     [](Invocation& to, Operand operand, const Origin& origin) { return apply_id(to.spec.gid, operand, origin); }},
    {"hostname", '\0', "NAME", "the host name inside (default glovebox)",
     Group::identity, kRunning, Completion::none, "",
     [](Invocation& to, Operand operand, const Origin& origin) -> Result<> {
         to.spec.hostname = {std::string(operand), origin};
         return {};
     }},
    {"env", 'e', "NAME[=VALUE]", "set NAME, or pass the host's NAME; a trailing * passes all that begin so",
     Group::environment, kRunning, Completion::none, "", apply_env},
    {"keep-env", '\0', "", "pass the host's whole environment, but for what is set by value",
     Group::environment, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin& origin) -> Result<> {
         to.spec.environment.push_back({EnvironmentRule::Kind::keep_all, {}, {}, origin});
         return {};
     }},
    {"net", '\0', "none|host", "none: a loopback of its own (the default); host: the host's network",
     Group::isolation, kRunning, Completion::values, "none host", apply_net},
    {"quiet", 'q', "", "say nothing on standard error but errors",
     Group::reporting, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin&) -> Result<> {
         to.spec.quiet = true;
         return {};
     }},
    {"verbose", 'v', "", "print the steps on standard error before they are taken",
     Group::reporting, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin&) -> Result<> {
         to.spec.verbose = true;
         return {};
     }},
    {"json", '\0', "", "print the steps as JSON",
     Group::reporting, static_cast<Verbs>(Verb::explain), Completion::none, "",
     [](Invocation& to, Operand, const Origin&) -> Result<> {
         to.json = true;
         return {};
     }},
    {"help", 'h', "", "print the options and exit",
     Group::other, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin&) -> Result<> {
         to.show_help = true;
         return {};
     }},
    {"version", '\0', "", "print the version and exit",
     Group::other, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin&) -> Result<> {
         to.show_version = true;
         return {};
     }},
};

} // namespace

std::span<const VerbRow> verb_table() { return kVerbs; }
std::span<const GroupRow> group_table() { return kGroups; }
std::span<const Option> option_table() { return kOptions; }

const Option* find_option(std::string_view name)
{
    const auto* found = std::ranges::find(kOptions, name, &Option::name);
    return found == std::end(kOptions) ? nullptr : found;
}

const Option* find_option(char letter)
{
    const auto* found = std::ranges::find(kOptions, letter, &Option::letter);
    return letter == '\0' || found == std::end(kOptions) ? nullptr : found;
}

} // namespace glovebox::cli

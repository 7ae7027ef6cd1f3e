// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/options.h"

#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

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
    GroupRow{Group::limits, "Limits"},
    GroupRow{Group::reporting, "Reporting"}, GroupRow{Group::other, "Other"},
};

std::unexpected<Error> bad_operand(const Origin& origin, Operand operand, std::string_view wanted)
{
    return fail("the operand " + quote(operand) + " of --" + std::string(origin.option) + " is not " + std::string(wanted),
                {}, spec::render_origin(origin));
}

/// Entries of the view: SRC[:DEST].
template <ViewEntry::Kind kind, bool optional = false>
Result<> apply_bind(Invocation& to, Operand operand, const Origin& origin)
{
    Halves halves = split_colon(operand);
    if (halves.first.empty() || (halves.has_second && halves.second.empty()))
        return bad_operand(origin, operand, "SRC or SRC:DEST (\\: is a colon in a path)");
    to.spec.entries.push_back({kind, std::move(halves.first), std::move(halves.second), optional, origin});
    return {};
}

/// Entries of the view: PATH.
template <ViewEntry::Kind kind>
Result<> apply_place(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand.empty())
        return bad_operand(origin, operand, "a path");
    to.spec.entries.push_back({kind, {}, std::string(operand), false, origin});
    return {};
}

Result<> apply_dev(Invocation& to, Operand operand, const Origin& origin)
{
    if (!operand.starts_with("/dev/"))
        return bad_operand(origin, operand, "a path below /dev");
    to.spec.entries.push_back({ViewEntry::Kind::dev, std::string(operand), {}, false, origin});
    return {};
}

Result<> apply_symlink(Invocation& to, Operand operand, const Origin& origin)
{
    Halves halves = split_colon(operand);
    if (halves.first.empty() || halves.second.empty())
        return bad_operand(origin, operand, "TARGET:LINK (\\: is a colon in a path)");
    to.spec.entries.push_back({ViewEntry::Kind::symlink, std::move(halves.first), std::move(halves.second), false, origin});
    return {};
}

Result<> apply_file(Invocation& to, Operand operand, const Origin& origin)
{
    const std::size_t equals = operand.find('=');
    if (equals == 0 || equals == Operand::npos)
        return bad_operand(origin, operand, "DEST=TEXT");
    to.spec.entries.push_back({ViewEntry::Kind::file, std::string(operand.substr(equals + 1)),
                               std::string(operand.substr(0, equals)), false, origin});
    return {};
}

Result<> apply_view(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand == "host")
        to.spec.view = {spec::View::host, origin};
    else if (operand == "minimal")
        to.spec.view = {spec::View::minimal, origin};
    else if (operand == "empty")
        to.spec.view = {spec::View::empty, origin};
    else
        return bad_operand(origin, operand, "host, minimal or empty");
    return {};
}

Result<> apply_out(Invocation& to, Operand operand, const Origin& origin)
{
    Halves halves = split_colon(operand);
    if (halves.first.empty() || (halves.has_second && halves.second.empty()))
        return bad_operand(origin, operand, "PATH or PATH:HOST (\\: is a colon in a path)");
    to.spec.outputs.push_back({std::move(halves.first), std::move(halves.second), origin});
    return {};
}

/// Each entry of a list is an operand of --ro. One entry a line, or, where there is a NUL, one
/// entry up to each NUL.
Result<> apply_from(Invocation& to, Operand operand, const Origin& origin)
{
    std::ifstream file{std::string(operand), std::ios::binary};
    std::string list{std::istreambuf_iterator<char>(file), {}};
    if (!file)
        return fail("reading the list " + quote(operand), std::strerror(errno), spec::render_origin(origin));
    const char separator = list.contains('\0') ? '\0' : '\n';
    for (Operand rest = list; !rest.empty();) {
        const std::size_t end = std::min(rest.find(separator), rest.size());
        if (end > 0)
            if (Result<> applied = apply_bind<ViewEntry::Kind::ro>(to, rest.substr(0, end), origin); !applied)
                return applied;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
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

Result<> apply_share(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand == "net")
        to.spec.network = {spec::Network::host, origin};
    else if (operand == "ipc")
        to.spec.share_ipc = true;
    else if (operand == "uts")
        to.spec.share_uts = true;
    else if (operand == "cgroup")
        to.spec.share_cgroup = true;
    else
        return bad_operand(origin, operand, "net, ipc, uts or cgroup (the other namespaces are always the sandbox's own)");
    return {};
}

Result<> apply_seccomp(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand.empty())
        return bad_operand(origin, operand, "default, strict, off or a file");
    to.spec.seccomp = {std::string(operand), origin};
    return {};
}

Result<> apply_landlock(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand == "auto")
        to.spec.landlock = {spec::Landlock::automatic, origin};
    else if (operand == "require")
        to.spec.landlock = {spec::Landlock::required, origin};
    else if (operand == "off")
        to.spec.landlock = {spec::Landlock::off, origin};
    else
        return bad_operand(origin, operand, "auto, require or off");
    return {};
}

template <bool add>
Result<> apply_capability(Invocation& to, Operand operand, const Origin& origin)
{
    if (operand.empty())
        return bad_operand(origin, operand, "a capability, as in capabilities(7), or ALL");
    to.spec.capabilities.push_back({add, std::string(operand), origin});
    return {};
}

Result<> apply_pass_fd(Invocation& to, Operand operand, const Origin& origin)
{
    int fd = 0;
    const auto [end, error] = std::from_chars(operand.begin(), operand.end(), fd);
    if (error != std::errc() || end != operand.end() || fd < 3)
        return bad_operand(origin, operand, "the number of a descriptor above 2");
    to.spec.pass_fds.push_back({fd, origin});
    return {};
}

/// A number, with K, M, G or T for powers of 1024; "unlimited". False when it is none or too large.
bool parse_amount(Operand text, std::uint64_t& out)
{
    if (text == "unlimited") {
        out = spec::kUnlimited;
        return true;
    }
    constexpr std::string_view kUnits = "KMGT";
    unsigned shift = 0;
    if (const std::size_t unit = text.empty() ? Operand::npos : kUnits.find(text.back()); unit != Operand::npos) {
        shift = 10 * static_cast<unsigned>(unit + 1);
        text.remove_suffix(1);
    }
    const auto [end, error] = std::from_chars(text.begin(), text.end(), out);
    if (error != std::errc() || end != text.end() || out > spec::kUnlimited >> shift)
        return false;
    out <<= shift;
    return true;
}

Result<> apply_rlimit(Invocation& to, Operand operand, const Origin& origin)
{
    const std::size_t equals = operand.find('=');
    const Operand amounts = equals == Operand::npos ? Operand() : operand.substr(equals + 1);
    const std::size_t colon = amounts.find(':');
    spec::Limit limit = {std::string(operand.substr(0, equals)), 0, 0, origin};
    const bool valid = parse_amount(amounts.substr(0, colon), limit.soft) &&
                       parse_amount(colon == Operand::npos ? amounts : amounts.substr(colon + 1), limit.hard);
    if (!valid || limit.soft > limit.hard)
        return bad_operand(origin, operand, "NAME=SOFT[:HARD], with numbers (512, 64K, 2G) or unlimited, and SOFT not above HARD");
    to.spec.limits.push_back(std::move(limit));
    return {};
}

/// "90s", "5m", "2h", "250ms"; a bare number is seconds. More than 0.
Result<> apply_timeout(Invocation& to, Operand operand, const Origin& origin)
{
    struct Unit {
        std::string_view name;
        std::uint64_t milliseconds;
    };
    constexpr std::array kUnits = {Unit{"", 1000}, Unit{"s", 1000}, Unit{"ms", 1}, Unit{"m", 60'000}, Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
    constexpr std::uint64_t kMost = 1'000'000; // of any unit: over a year in the shortest that counts
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(operand.begin(), operand.end(), number);
    const auto* unit = std::ranges::find(kUnits, Operand(end, operand.end()), &Unit::name);
    if (error != std::errc() || unit == kUnits.end() || number == 0 || number > kMost)
        return bad_operand(origin, operand, "a duration from 1 to 1000000 with ms, s, m, h or d, as 90s, 5m or 2h");
    to.spec.timeout = {number * unit->milliseconds, origin};
    return {};
}

Result<> apply_umask(Invocation& to, Operand operand, const Origin& origin)
{
    std::uint32_t mask = 0;
    const auto [end, error] = std::from_chars(operand.begin(), operand.end(), mask, 8);
    if (error != std::errc() || end != operand.end() || mask > 0777)
        return bad_operand(origin, operand, "an octal number up to 777");
    to.spec.umask = {mask, origin};
    return {};
}

constexpr Option kOptions[] = {
    {"view", '\0', "host|minimal|empty", "what is seen to begin with: the host read-only (the default), /usr and parts of /etc, or nothing",
     Group::view, kRunning, Completion::values, "host minimal empty", apply_view},
    {"root", '\0', "DIR", "see the directory DIR as / in place of the view",
     Group::view, kRunning, Completion::directory, "",
     [](Invocation& to, Operand operand, const Origin& origin) -> Result<> {
         if (operand.empty())
             return bad_operand(origin, operand, "a path");
         to.spec.root = {std::string(operand), origin};
         return {};
     }},
    {"ro", 'r', "SRC[:DEST]", "show the host's SRC read-only, at DEST or at the same path",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::ro>},
    {"rw", 'w', "SRC[:DEST]", "show the host's SRC writable: changes go through to the host",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::rw>},
    {"cow", 'c', "SRC[:DEST]", "show the host's SRC copy-on-write: changes land in the scratch",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::cow>},
    {"ro-try", '\0', "SRC[:DEST]", "as --ro, passed over where SRC does not exist",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::ro, true>},
    {"rw-try", '\0', "SRC[:DEST]", "as --rw, passed over where SRC does not exist",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::rw, true>},
    {"cow-try", '\0', "SRC[:DEST]", "as --cow, passed over where SRC does not exist",
     Group::view, kRunning, Completion::file, "", apply_bind<ViewEntry::Kind::cow, true>},
    {"from", '\0', "FILE", "as --ro for each SRC[:DEST] in FILE: one a line, or each up to a NUL",
     Group::view, kRunning, Completion::file, "", apply_from},
    {"hide", '\0', "PATH", "put an empty private directory (or file) in the place of PATH",
     Group::view, kRunning, Completion::file, "", apply_place<ViewEntry::Kind::hide>},
    {"tmpfs", '\0', "PATH", "mount an empty tmpfs at PATH",
     Group::view, kRunning, Completion::directory, "", apply_place<ViewEntry::Kind::tmpfs>},
    {"dev", '\0', "PATH", "show the host's device PATH (below /dev), or a directory of devices",
     Group::view, kRunning, Completion::file, "", apply_dev},
    {"symlink", '\0', "TARGET:LINK", "make LINK a symbolic link to TARGET",
     Group::view, kRunning, Completion::none, "", apply_symlink},
    {"file", '\0', "DEST=TEXT", "put a file with TEXT at DEST",
     Group::view, kRunning, Completion::none, "", apply_file},
    {"out", 'o', "PATH[:HOST]", "copy PATH to the host (as HOST) when the command has succeeded",
     Group::view, kRunning, Completion::none, "", apply_out},
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
    {"clear-env", '\0', "", "pass nothing of the host's environment, and forget what was set before",
     Group::environment, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin& origin) -> Result<> {
         to.spec.environment.push_back({EnvironmentRule::Kind::clear, {}, {}, origin});
         return {};
     }},
    {"umask", '\0', "MASK", "the file mode creation mask, in octal (default: as outside)",
     Group::environment, kRunning, Completion::none, "", apply_umask},
    {"net", '\0', "none|host", "none: a loopback of its own (the default); host: the host's network",
     Group::isolation, kRunning, Completion::values, "none host", apply_net},
    {"share", '\0', "NS", "share the host's namespace NS: net, ipc, uts or cgroup",
     Group::isolation, kRunning, Completion::values, "net ipc uts cgroup", apply_share},
    {"seccomp", '\0', "default|strict|off|FILE", "the system call filter: refuse what builds never need, all but a list, nothing, or as FILE says (BPF or JSON)",
     Group::isolation, kRunning, Completion::values, "default strict off", apply_seccomp},
    {"landlock", '\0', "auto|require|off", "the second layer against writes: where the kernel has it (the default), or else fail, or none",
     Group::isolation, kRunning, Completion::values, "auto require off", apply_landlock},
    {"cap-add", '\0', "CAP", "let uid 0 inside keep the capability CAP (or ALL)",
     Group::isolation, kRunning, Completion::none, "", apply_capability<true>},
    {"cap-drop", '\0', "CAP", "take the capability CAP (or ALL) from uid 0 inside",
     Group::isolation, kRunning, Completion::none, "", apply_capability<false>},
    {"allow-nesting", '\0', "", "let the command make user namespaces and sandboxes of its own",
     Group::isolation, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin& origin) -> Result<> {
         to.spec.allow_nesting = {true, origin};
         return {};
     }},
    {"new-session", '\0', "", "detach from the terminal, if there is one",
     Group::isolation, kRunning, Completion::none, "",
     [](Invocation& to, Operand, const Origin& origin) -> Result<> {
         to.spec.new_session = {true, origin};
         return {};
     }},
    {"pass-fd", '\0', "N", "leave the descriptor N open for the command",
     Group::isolation, kRunning, Completion::none, "", apply_pass_fd},
    {"timeout", '\0', "DURATION", "end the sandbox after DURATION (90s, 5m, 2h) with status 124: first SIGTERM, 5 seconds later SIGKILL",
     Group::limits, kRunning, Completion::none, "", apply_timeout},
    {"rlimit", '\0', "NAME=SOFT[:HARD]", "limit a resource, as prlimit(1) names it: nofile=1024, core=0, as=2G",
     Group::limits, kRunning, Completion::none, "", apply_rlimit},
    {"profile", 'p', "NAME|FILE", "begin with the options of profile NAME: build (the default), untrusted, or a file of yours",
     Group::other, kRunning, Completion::values, "build untrusted",
     [](Invocation& to, Operand operand, const Origin&) -> Result<> {
         to.profile = operand;
         return {};
     }},
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

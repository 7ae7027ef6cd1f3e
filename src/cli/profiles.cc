// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/profiles.h"

#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <span>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>

namespace glovebox::cli {
namespace {

struct BuiltinLine {
    std::string_view option;
    std::string_view operand;
};

struct Builtin {
    std::string_view name;
    std::span<const BuiltinLine> lines;
};

/// The environment of a build: what names tools and flags by convention, and nothing of the user.
constexpr std::array kBuild = {
    BuiltinLine{"view", "host"},
    BuiltinLine{"hostname", "glovebox"},
    BuiltinLine{"uid", "0"},
    BuiltinLine{"gid", "0"},
    BuiltinLine{"net", "none"},
    BuiltinLine{"seccomp", "default"},
    BuiltinLine{"landlock", "auto"},
    // One byte: to a core_pattern that is a pipe, 0 is no limit at all (core(5)).
    BuiltinLine{"rlimit", "core=1"},
    BuiltinLine{"env", "PATH"},
    BuiltinLine{"env", "TERM"},
    BuiltinLine{"env", "LANG"},
    BuiltinLine{"env", "LC_*"},
    BuiltinLine{"env", "TZ"},
    BuiltinLine{"env", "COLUMNS"},
    BuiltinLine{"env", "LINES"},
    BuiltinLine{"env", "SOURCE_DATE_EPOCH"},
    BuiltinLine{"env", "CC"},
    BuiltinLine{"env", "CXX"},
    BuiltinLine{"env", "CPP"},
    BuiltinLine{"env", "LD"},
    BuiltinLine{"env", "AR"},
    BuiltinLine{"env", "AS"},
    BuiltinLine{"env", "NM"},
    BuiltinLine{"env", "RANLIB"},
    BuiltinLine{"env", "STRIP"},
    BuiltinLine{"env", "CFLAGS"},
    BuiltinLine{"env", "CXXFLAGS"},
    BuiltinLine{"env", "CPPFLAGS"},
    BuiltinLine{"env", "LDFLAGS"},
    BuiltinLine{"env", "PKG_CONFIG_PATH"},
    BuiltinLine{"env", "DESTDIR"},
    BuiltinLine{"env", "DEB_BUILD_OPTIONS"},
    BuiltinLine{"env", "DEB_BUILD_PROFILES"},
    BuiltinLine{"env", "HOME=/build"},
    // With a single id to map, giving a file to another owner fails with EINVAL, which neither tar
    // nor fakeroot expects of root: these tell them not to try.
    BuiltinLine{"env", "TAR_OPTIONS=--no-same-owner"},
    BuiltinLine{"env", "FAKEROOTDONTTRYCHOWN=1"},
};

/// A stranger's script: less to see, nothing to gain, and an end to everything.
constexpr std::array kUntrusted = {
    BuiltinLine{"view", "minimal"},
    BuiltinLine{"hostname", "glovebox"},
    BuiltinLine{"uid", "0"},
    BuiltinLine{"gid", "0"},
    BuiltinLine{"net", "none"},
    BuiltinLine{"seccomp", "strict"},
    BuiltinLine{"landlock", "require"},
    BuiltinLine{"cap-drop", "ALL"},
    BuiltinLine{"new-session", ""},
    // One byte: to a core_pattern that is a pipe, 0 is no limit at all (core(5)).
    BuiltinLine{"rlimit", "core=1"},
    BuiltinLine{"rlimit", "nproc=1024"},
    BuiltinLine{"timeout", "1h"},
    BuiltinLine{"umask", "022"},
    BuiltinLine{"env", "TERM"},
    BuiltinLine{"env", "LANG"},
    BuiltinLine{"env", "LC_*"},
    BuiltinLine{"env", "TZ"},
    BuiltinLine{"env", "COLUMNS"},
    BuiltinLine{"env", "LINES"},
    BuiltinLine{"env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"},
    BuiltinLine{"env", "HOME=/build"},
    BuiltinLine{"env", "TAR_OPTIONS=--no-same-owner"},
};

constexpr std::array kBuiltin = {Builtin{"build", kBuild}, Builtin{"untrusted", kUntrusted}};

/// The user's own directory of profiles; "" without a home.
std::string user_directory()
{
    const char* const config = std::getenv("XDG_CONFIG_HOME");
    const char* const home = std::getenv("HOME");
    if (config != nullptr && *config == '/')
        return std::string(config) + "/glovebox/profiles";
    return home != nullptr && *home == '/' ? std::string(home) + "/.config/glovebox/profiles" : std::string();
}

Result<Profile> read_profile(std::istream& stream, const std::string& path)
{
    namespace po = boost::program_options;
    static std::deque<std::string> names; // an Origin refers to its profile's name
    Profile profile = {names.emplace_back(path), {}, false};
    try {
        constexpr bool kAllowUnregistered = true; // what an option is, the table of options says
        const auto parsed = po::parse_config_file(stream, po::options_description(), kAllowUnregistered);
        for (const auto& option : parsed.options)
            profile.lines.push_back({option.string_key, option.value.empty() ? std::string() : option.value.front()});
    } catch (const po::error& error) {
        return fail("reading the profile " + quote(path), error.what(), {}, "a line is: option = operand");
    }
    return profile;
}

} // namespace

Result<Profile> load_profile(std::string_view name)
{
    if (const auto* found = std::ranges::find(kBuiltin, name, &Builtin::name); found != kBuiltin.end()) {
        Profile profile = {found->name, {}, true};
        for (const BuiltinLine& line : found->lines)
            profile.lines.push_back({std::string(line.option), std::string(line.operand)});
        return profile;
    }
    std::vector<std::string> places = {std::string(name)};
    if (!name.contains('/'))
        places = {"/etc/glovebox/profiles/" + std::string(name), user_directory() + "/" + std::string(name)};
    for (const std::string& path : places) {
        std::ifstream stream(path);
        if (stream)
            return read_profile(stream, path);
        if (errno != ENOENT)
            return fail("reading the profile " + quote(path), std::strerror(errno));
    }
    return fail("there is no profile " + quote(name), {}, {},
                "built in are build and untrusted; others are files in /etc/glovebox/profiles or ~/.config/glovebox/profiles, or named with a slash");
}

} // namespace glovebox::cli

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/profiles.h"

#include <algorithm>
#include <array>

namespace glovebox::cli {
namespace {

/// The environment of a build: what names tools and flags by convention, and nothing of the user.
constexpr std::array kBuild = {
    ProfileLine{"view", "host"},
    ProfileLine{"hostname", "glovebox"},
    ProfileLine{"uid", "0"},
    ProfileLine{"gid", "0"},
    ProfileLine{"net", "none"},
    ProfileLine{"seccomp", "default"},
    ProfileLine{"landlock", "auto"},
    // One byte: to a core_pattern that is a pipe, 0 is no limit at all (core(5)).
    ProfileLine{"rlimit", "core=1"},
    ProfileLine{"env", "PATH"},
    ProfileLine{"env", "TERM"},
    ProfileLine{"env", "LANG"},
    ProfileLine{"env", "LC_*"},
    ProfileLine{"env", "TZ"},
    ProfileLine{"env", "COLUMNS"},
    ProfileLine{"env", "LINES"},
    ProfileLine{"env", "SOURCE_DATE_EPOCH"},
    ProfileLine{"env", "CC"},
    ProfileLine{"env", "CXX"},
    ProfileLine{"env", "CPP"},
    ProfileLine{"env", "LD"},
    ProfileLine{"env", "AR"},
    ProfileLine{"env", "AS"},
    ProfileLine{"env", "NM"},
    ProfileLine{"env", "RANLIB"},
    ProfileLine{"env", "STRIP"},
    ProfileLine{"env", "CFLAGS"},
    ProfileLine{"env", "CXXFLAGS"},
    ProfileLine{"env", "CPPFLAGS"},
    ProfileLine{"env", "LDFLAGS"},
    ProfileLine{"env", "PKG_CONFIG_PATH"},
    ProfileLine{"env", "DESTDIR"},
    ProfileLine{"env", "DEB_BUILD_OPTIONS"},
    ProfileLine{"env", "DEB_BUILD_PROFILES"},
    ProfileLine{"env", "HOME=/build"},
    // With a single id to map, giving a file to another owner fails with EINVAL, which neither tar
    // nor fakeroot expects of root: these tell them not to try.
    ProfileLine{"env", "TAR_OPTIONS=--no-same-owner"},
    ProfileLine{"env", "FAKEROOTDONTTRYCHOWN=1"},
};

/// A stranger's script: less to see, nothing to gain, and an end to everything.
constexpr std::array kUntrusted = {
    ProfileLine{"view", "minimal"},
    ProfileLine{"hostname", "glovebox"},
    ProfileLine{"uid", "0"},
    ProfileLine{"gid", "0"},
    ProfileLine{"net", "none"},
    ProfileLine{"seccomp", "strict"},
    ProfileLine{"landlock", "require"},
    ProfileLine{"cap-drop", "ALL"},
    ProfileLine{"new-session", ""},
    // One byte: to a core_pattern that is a pipe, 0 is no limit at all (core(5)).
    ProfileLine{"rlimit", "core=1"},
    ProfileLine{"rlimit", "nproc=1024"},
    ProfileLine{"timeout", "1h"},
    ProfileLine{"umask", "022"},
    ProfileLine{"env", "TERM"},
    ProfileLine{"env", "LANG"},
    ProfileLine{"env", "LC_*"},
    ProfileLine{"env", "TZ"},
    ProfileLine{"env", "COLUMNS"},
    ProfileLine{"env", "LINES"},
    ProfileLine{"env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"},
    ProfileLine{"env", "HOME=/build"},
    ProfileLine{"env", "TAR_OPTIONS=--no-same-owner"},
};

constexpr std::array kProfiles = {Profile{"build", kBuild}, Profile{"untrusted", kUntrusted}};

} // namespace

const Profile* find_profile(std::string_view name)
{
    const auto* found = std::ranges::find(kProfiles, name, &Profile::name);
    return found == kProfiles.end() ? nullptr : found;
}

} // namespace glovebox::cli

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/profiles.h"

#include <algorithm>
#include <array>

namespace glovebox::cli {
namespace {

/// The environment of a build: what names tools and flags by convention, and nothing of the user.
constexpr std::array kBuild = {
    ProfileLine{"hostname", "glovebox"},
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

constexpr std::array kProfiles = {Profile{"build", kBuild}};

} // namespace

const Profile* find_profile(std::string_view name)
{
    const auto* found = std::ranges::find(kProfiles, name, &Profile::name);
    return found == kProfiles.end() ? nullptr : found;
}

} // namespace glovebox::cli

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A host that is the same on every machine: user ann (1000:1000) on a Debian-like system.

#include "plan/host.h"

namespace glovebox::test {

/// In /srv/build, without a terminal. Tests change what they are about.
plan::Host make_fake_host();

} // namespace glovebox::test

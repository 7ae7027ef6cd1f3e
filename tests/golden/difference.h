// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What makes one Plan different from another, so that a golden file shows what an option does and
// not the whole Plan again.

#include <string>

namespace glovebox::test {

/// The lines of two renderings of Plans, without their numbers: "- " only in `from`, "+ " only in
/// `to`, and before each such group, after two spaces, the line that both have.
std::string difference(const std::string& from, const std::string& to);

} // namespace glovebox::test

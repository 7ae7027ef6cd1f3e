// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Changes as text: for people and for programs.

#include "review/apply.h"

#include <span>
#include <string>

namespace glovebox::review {

/// "M src/main.c", "A bin/tool -> ../tool", "m run.sh 0644 -> 0755", "T lib file -> directory"; `shown`
/// is the path to print. One line, without its end.
std::string render_line(const Change& change, const std::string& shown);

/// "12 added, 3 modified, 1 removed", or "no changes".
std::string render_totals(std::span<const Selection> selections);

std::string render_json(const std::string& scratch, std::span<const Selection> selections);

} // namespace glovebox::review

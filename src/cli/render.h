// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The option table as text: for people, for the man page, for three shells.

#include <string>

namespace glovebox::cli {

std::string render_help();
/// The sections OPTIONS and VERBS of glovebox(1), in scdoc(5).
std::string render_scdoc();
std::string render_bash();
std::string render_zsh();
std::string render_fish();

} // namespace glovebox::cli

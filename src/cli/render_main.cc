// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Prints one rendering of the option table; run by the build to make man page and completions.

#include "cli/render.h"

#include <cstdio>
#include <string_view>

int main(int argc, char** argv)
{
    using namespace glovebox::cli;
    const std::string_view form = argc == 2 ? argv[1] : "";
    const std::string text = form == "scdoc"  ? render_scdoc()
                             : form == "bash" ? render_bash()
                             : form == "zsh"  ? render_zsh()
                             : form == "fish" ? render_fish()
                                              : std::string();
    std::fwrite(text.data(), 1, text.size(), stdout);
    return text.empty() ? 1 : 0;
}

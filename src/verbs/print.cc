// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "verbs/verbs.h"

#include "sys/calls.h"

namespace glovebox::verbs {

void print(int fd, std::string_view text)
{
    while (!text.empty()) {
        const long written = sys::write(fd, text.data(), text.size());
        if (written <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void print_error(const Error& error)
{
    std::string text = "glovebox: " + error.what;
    if (!error.why.empty())
        text += " failed: " + error.why;
    if (!error.from.empty())
        text += " (from " + error.from + ")";
    text += '\n';
    if (!error.hint.empty())
        text += "hint: " + error.hint + "\n";
    print(2, text);
}

} // namespace glovebox::verbs

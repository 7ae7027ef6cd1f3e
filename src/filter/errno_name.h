// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Numbers of errors by their names.

#include <cstring>
#include <string_view>

namespace glovebox::filter {

/// The number of "EPERM", 0 for a word that is no error's name.
inline unsigned errno_number(std::string_view name)
{
    constexpr int kLast = 133; // EHWPOISON
    for (int number = 1; number <= kLast; ++number)
        if (const char* known = ::strerrorname_np(number); known && name == known)
            return static_cast<unsigned>(number);
    return 0;
}

} // namespace glovebox::filter

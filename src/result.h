// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What every layer returns: a value or an Error that a person can act on.

#include <expected>
#include <string>
#include <utility>

namespace glovebox {

/// A failure in the words of the user. Rendered as
/// `glovebox: WHAT failed: WHY (from FROM)` and, on a second line, `hint: HINT`;
/// where `why` is empty, `what` is the whole sentence.
struct Error {
    std::string what;
    std::string why;
    std::string from;
    std::string hint;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string what, std::string why = {}, std::string from = {},
                                   std::string hint = {})
{
    return std::unexpected(
        Error{std::move(what), std::move(why), std::move(from), std::move(hint)});
}

} // namespace glovebox

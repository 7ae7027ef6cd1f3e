// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Small text helpers that know nothing of the program.

#include <span>
#include <string>
#include <string_view>

namespace glovebox {

/// `text` fit for a message on a terminal: control bytes and bytes that are not
/// UTF-8 become \xNN, a backslash becomes two; quoted with '…' when it holds a space or is empty.
std::string quote(std::string_view text);

/// The text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// The entry of `known` nearest to `word` by edit distance, or "" when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

/// `path` made absolute below `base` (itself absolute), without "//", "/./" and "/../"
/// (".." drops the component before it, as a shell's logical `cd` does). Reads no file system.
std::string absolute_path(std::string_view base, std::string_view path);

/// Splits "A:B" at the first colon that is not written "\:"; the halves have "\:" and "\\" undone.
/// Returns one half (second empty, has_second false) where there is no such colon.
struct Halves {
    std::string first;
    std::string second;
    bool has_second = false;
};
Halves split_colon(std::string_view text);

} // namespace glovebox

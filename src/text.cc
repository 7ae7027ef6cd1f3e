// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace glovebox {
namespace {

/// Length of the UTF-8 sequence at the start of `text`, 0 when it is not one (RFC 3629).
std::size_t utf8_length(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return 1;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

bool is_control(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

void append_hex(std::string& out, const char* format, char c)
{
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned char>(c));
    out += buffer;
}

} // namespace

std::string quote(std::string_view text)
{
    std::string out;
    bool needs_quotes = text.empty();
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0 || is_control(text[i])) {
            append_hex(out, "\\x%02x", text[i++]);
            continue;
        }
        needs_quotes |= text[i] == ' ' || text[i] == '\'';
        if (text[i] == '\\')
            out += '\\';
        out += text.substr(i, length);
        i += length;
    }
    return needs_quotes ? "'" + out + "'" : out;
}

std::string json_string(std::string_view text)
{
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0) {
            out += "\xef\xbf\xbd";
            ++i;
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            (out += '\\') += text[i];
        else if (is_control(text[i]))
            append_hex(out, "\\u%04x", text[i]);
        else
            out += text.substr(i, length);
        i += length;
    }
    return out + '"';
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known)
{
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::vector<std::size_t> row;
    for (const std::string_view candidate : known) {
        row.resize(candidate.size() + 1);
        for (std::size_t j = 0; j <= candidate.size(); ++j)
            row[j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t changed = diagonal + (word[i - 1] != candidate[j - 1]);
                diagonal = row[j];
                row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

std::string absolute_path(std::string_view base, std::string_view path)
{
    std::string out;
    const auto append = [&out](std::string_view text) {
        while (!text.empty()) {
            const std::size_t slash = text.find('/');
            const std::string_view part = text.substr(0, slash);
            text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
            if (part.empty() || part == ".")
                continue;
            if (part == "..")
                out.resize(out.empty() ? 0 : out.rfind('/'));
            else
                (out += '/') += part;
        }
    };
    if (!path.starts_with('/'))
        append(base);
    append(path);
    return out.empty() ? "/" : out;
}

Halves split_colon(std::string_view text)
{
    Halves halves;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string& half = halves.has_second ? halves.second : halves.first;
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\'))
            half += text[++i];
        else if (text[i] == ':' && !halves.has_second)
            halves.has_second = true;
        else
            half += text[i];
    }
    return halves;
}

} // namespace glovebox

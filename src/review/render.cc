// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/render.h"

#include "review/copy.h"
#include "text.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace glovebox::review {
namespace {

struct KindRow {
    char letter;
    std::string_view word;
    std::string_view total;
};

/// In the order of Change::Kind.
constexpr std::array kKinds = {
    KindRow{'A', "added", "added"},        KindRow{'M', "modified", "modified"},          KindRow{'D', "removed", "removed"},
    KindRow{'m', "mode", "of other mode"}, KindRow{'T', "type", "of another kind"},
};

const KindRow& row_of(const Change& change) { return kKinds[static_cast<std::size_t>(change.kind)]; }

std::string mode_text(::mode_t mode)
{
    std::array<char, 8> buffer;
    std::snprintf(buffer.data(), buffer.size(), "%04o", static_cast<unsigned>(mode & 07777));
    return buffer.data();
}

std::string side_json(const struct ::stat& status, const std::string& target)
{
    if (status.st_mode == 0)
        return "null";
    std::string out = R"({"type": )" + json_string(kind_name(status.st_mode)) + R"(, "mode": ")" + mode_text(status.st_mode) + '"';
    if (S_ISREG(status.st_mode))
        out += R"(, "size": )" + std::to_string(status.st_size);
    if (!target.empty())
        out += R"(, "target": )" + json_string(target);
    return out + "}";
}

std::string change_json(const Change& change)
{
    std::string out = R"({"change": ")" + std::string(row_of(change).word) + R"(", "path": )" + json_string(change.path) +
                      R"(, "before": )" + side_json(change.before, {}) + R"(, "after": )" + side_json(change.after, change.target);
    if (!change.link_to.empty())
        out += R"(, "same_file_as": )" + json_string(change.link_to);
    if (!change.conflict.empty())
        out += R"(, "conflict": )" + json_string(change.conflict);
    return out + "}";
}

} // namespace

std::string render_line(const Change& change, const std::string& shown)
{
    const ::mode_t before = change.before.st_mode;
    const ::mode_t after = change.after.st_mode;
    std::string out = std::string(1, row_of(change).letter) + " " + quote(shown);
    if (S_ISDIR(after == 0 ? before : after) && change.kind != Change::Kind::type && !shown.ends_with('/'))
        out += '/';
    if (change.kind == Change::Kind::type)
        ((out += " ") += kind_name(before)) += std::string(" -> ") += kind_name(after);
    else if (change.kind == Change::Kind::mode && (before & 07777) == (after & 07777))
        out += " (extended attributes)";
    else if (change.kind == Change::Kind::mode)
        out += " " + mode_text(before) + " -> " + mode_text(after);
    else if (is_special(after))
        (out += " (") += std::string(kind_name(after)) += ")";
    else if ((after & (S_ISUID | S_ISGID)) != 0)
        out += " (mode " + mode_text(after) + ")";
    if (!change.target.empty())
        out += (change.kind == Change::Kind::type ? " to " : " -> ") + quote(change.target);
    if (!change.link_to.empty())
        out += " (the same file as " + quote(change.link_to) + ")";
    return out;
}

std::string render_totals(std::span<const Selection> selections)
{
    std::array<std::size_t, kKinds.size()> counts = {};
    for (const Selection& selection : selections)
        for (const Change& change : selection.changes)
            ++counts[static_cast<std::size_t>(change.kind)];
    std::string out;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0)
            ((out += out.empty() ? "" : ", ") += std::to_string(counts[i]) + " ") += kKinds[i].total;
    return out.empty() ? "no changes" : out;
}

std::string render_json(const std::string& scratch, std::span<const Selection> selections)
{
    std::string out = "{\"version\": 1, \"scratch\": " + json_string(scratch) + ", \"places\": [";
    for (const Selection& selection : selections) {
        out += &selection == selections.data() ? "\n" : ",\n";
        out += "  {\"source\": " + json_string(selection.place->source) + ", \"changes\": [";
        for (const Change& change : selection.changes) {
            out += &change == selection.changes.data() ? "\n    " : ",\n    ";
            out += change_json(change);
        }
        out += selection.changes.empty() ? "]}" : "\n  ]}";
    }
    return out + (selections.empty() ? "]}\n" : "\n]}\n");
}

} // namespace glovebox::review

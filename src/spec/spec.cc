// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "spec/spec.h"

#include "text.h"

#include <algorithm>
#include <cctype>

namespace glovebox::spec {
namespace {

/// sethostname(2) takes 64 bytes; hostname(7) allows letters, digits, hyphens and dots.
bool is_hostname(std::string_view name)
{
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
    };
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, allowed) &&
           name.front() != '-' && name.front() != '.';
}

Result<> validate_entry(const ViewEntry& entry)
{
    using Kind = ViewEntry::Kind;
    const bool takes_place = entry.kind == Kind::hide || entry.kind == Kind::tmpfs;
    if (!takes_place && !entry.target.empty() && entry.target.front() != '/')
        return fail("the destination " + quote(entry.target) + " is not an absolute path", {},
                    render_origin(entry.origin), "write SRC:/absolute/path, and \\: for a colon in a path");
    return {};
}

} // namespace

std::string render_origin(const Origin& origin)
{
    std::string text;
    if (!origin.option.empty())
        ((text += "--") += origin.option) += ", ";
    if (origin.source == Origin::Source::argument)
        return text + "argument " + std::to_string(origin.position);
    return (text += "profile ") += origin.profile;
}

Result<> validate(const Spec& spec)
{
    if (!is_hostname(spec.hostname.value))
        return fail(quote(spec.hostname.value) + " is not a host name", {},
                    render_origin(spec.hostname.origin),
                    "use up to 64 letters, digits, hyphens and dots");
    if (spec.share_uts && spec.hostname.origin.source == Origin::Source::argument)
        return fail("a host name cannot be set in the host's UTS namespace", {}, render_origin(spec.hostname.origin),
                    "leave out --share uts or --hostname");
    for (const ViewEntry& entry : spec.entries)
        if (Result<> checked = validate_entry(entry); !checked)
            return checked;
    return {};
}

} // namespace glovebox::spec

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The walk over argv is our own: it is on the path of every launch, and Boost's takes the words off
// the front of a vector one by one, which is quadratic in their number.

#include "cli/parse.h"

#include "cli/profiles.h"
#include "text.h"

#include <algorithm>
#include <vector>

namespace glovebox::cli {
namespace {

std::string allowed_names(std::string_view prefix, Verb verb)
{
    std::string out;
    for (const Option& option : option_table())
        if (option.name.starts_with(prefix) && (option.verbs & static_cast<Verbs>(verb)) != 0)
            ((out += out.empty() ? "" : ", ") += "--") += option.name;
    return out;
}

std::unexpected<Error> unknown_option(std::string_view word, Verb verb)
{
    const std::string_view name = word.starts_with("--") ? word.substr(2, word.find('=') - 2) : std::string_view();
    std::string suggestion = name.size() < 2 ? std::string() : allowed_names(name, verb);
    if (suggestion.empty() && !name.empty()) {
        std::vector<std::string_view> names;
        for (const Option& option : option_table())
            if ((option.verbs & static_cast<Verbs>(verb)) != 0)
                names.push_back(option.name);
        if (const std::string_view near = nearest(name, names); !near.empty())
            (suggestion = "--") += near;
    }
    return fail("unknown option " + quote(word) +
                (suggestion.empty() ? "; see glovebox --help" : "; did you mean " + suggestion + "?"));
}

constexpr std::string_view kProfileOption = "profile";
constexpr std::string_view kBaseProfile = "build"; ///< what a profile of the user's adds to

class Parser {
public:
    explicit Parser(std::span<char* const> arguments) : arguments_(arguments) {}

    Result<Invocation> parse();

private:
    Result<> parse_verb();
    Result<> apply_profile(std::string_view name);
    Result<> parse_long(std::string_view word);
    Result<> parse_short(std::string_view word);
    Result<> add(const Option& option, std::string_view operand, std::size_t position);
    Result<> apply();
    /// The operand that follows as a word of its own.
    Result<std::string_view> next_operand(const Option& option);

    std::span<char* const> arguments_;
    std::size_t at_ = 1;
    struct Item {
        const Option* option;
        std::string_view operand;
        spec::Origin origin;
    };
    std::vector<Item> items_;
    int profile_depth_ = 0;
    Invocation invocation_;
};

Result<> Parser::parse_verb()
{
    if (arguments_.size() < 2)
        return fail("no command given; see glovebox --help");
    const std::string_view word = arguments_[1];
    if (word.starts_with('-'))
        return {};
    for (const VerbRow& row : verb_table())
        if (row.name == word) {
            invocation_.verb = row.verb;
            ++at_;
            return {};
        }
    std::vector<std::string_view> names;
    for (const VerbRow& row : verb_table())
        names.push_back(row.name);
    const std::string_view near = nearest(word, names);
    return fail("unknown verb " + quote(word) + "; " +
                (near.empty() ? "" : "did you mean " + std::string(near) + "? ") +
                "to run a command of that name: glovebox -- " + quote(word));
}

Result<> Parser::apply_profile(std::string_view name)
{
    constexpr int kMaxDepth = 8;
    if (++profile_depth_ > kMaxDepth)
        return fail("the profile " + quote(name) + " leads back to itself");
    const Result<Profile> profile = load_profile(name);
    if (!profile)
        return std::unexpected(profile.error());
    const bool has_base = profile->built_in || std::ranges::any_of(profile->lines, [](const ProfileLine& line) { return line.option == kProfileOption; });
    if (!has_base)
        if (Result<> applied = apply_profile(kBaseProfile); !applied)
            return applied;
    for (const ProfileLine& line : profile->lines) {
        const Option* const option = find_option(line.option);
        if (option == nullptr)
            return fail("unknown option " + quote(line.option) + " in the profile " + quote(profile->name));
        if (option->operand.empty() && !line.operand.empty() && line.operand != "true")
            return fail("option " + quote(line.option) + " in the profile " + quote(profile->name) + " takes no operand, but has " + quote(line.operand));
        if (option->name == kProfileOption) {
            if (Result<> applied = apply_profile(line.operand); !applied)
                return applied;
            continue;
        }
        const spec::Origin origin = {spec::Origin::Source::profile, option->name, profile->name, 0};
        if (Result<> applied = option->apply(invocation_, line.operand, origin); !applied)
            return applied;
    }
    invocation_.spec.profile = profile->name;
    return {};
}

Result<> Parser::add(const Option& option, std::string_view operand, std::size_t position)
{
    if ((option.verbs & static_cast<Verbs>(invocation_.verb)) == 0)
        return unknown_option("--" + std::string(option.name), invocation_.verb);
    items_.push_back({&option, operand, {spec::Origin::Source::argument, option.name, {}, static_cast<std::uint32_t>(position)}});
    return {};
}

/// The profile first, wherever it stands; then the options in their order.
Result<> Parser::apply()
{
    std::string_view profile = invocation_.profile;
    for (const Item& item : items_)
        if (item.option->name == kProfileOption)
            profile = item.operand;
    if (Result<> applied = apply_profile(profile); !applied)
        return applied;
    for (const Item& item : items_)
        if (Result<> applied = item.option->apply(invocation_, item.operand, item.origin); !applied)
            return applied;
    return {};
}

Result<std::string_view> Parser::next_operand(const Option& option)
{
    if (at_ >= arguments_.size())
        return fail("option --" + std::string(option.name) + " needs an operand: --" + std::string(option.name) + " " +
                    std::string(option.operand));
    return arguments_[at_++];
}

Result<> Parser::parse_long(std::string_view word)
{
    const std::size_t position = at_++;
    const std::size_t equals = word.find('=');
    const Option* const option = find_option(word.substr(2, equals - 2));
    if (option == nullptr || (option->verbs & static_cast<Verbs>(invocation_.verb)) == 0)
        return unknown_option(word, invocation_.verb);
    if (option->operand.empty()) {
        if (equals != std::string_view::npos)
            return fail("option --" + std::string(option->name) + " takes no operand, but got " + quote(word.substr(equals + 1)));
        return add(*option, {}, position);
    }
    if (equals != std::string_view::npos)
        return add(*option, word.substr(equals + 1), position);
    const Result<std::string_view> operand = next_operand(*option);
    return operand ? add(*option, *operand, position) : std::unexpected(operand.error());
}

/// "-q", "-qv", "-r PATH", "-rPATH".
Result<> Parser::parse_short(std::string_view word)
{
    const std::size_t position = at_++;
    for (std::size_t i = 1; i < word.size(); ++i) {
        const Option* const option = find_option(word[i]);
        if (option == nullptr)
            return unknown_option(word, invocation_.verb);
        if (!option->operand.empty()) {
            if (i + 1 < word.size())
                return add(*option, word.substr(i + 1), position);
            const Result<std::string_view> operand = next_operand(*option);
            return operand ? add(*option, *operand, position) : std::unexpected(operand.error());
        }
        if (Result<> added = add(*option, {}, position); !added)
            return added;
    }
    return {};
}

Result<Invocation> Parser::parse()
{
    if (Result<> parsed = parse_verb(); !parsed)
        return std::unexpected(parsed.error());
    while (at_ < arguments_.size()) {
        const std::string_view word = arguments_[at_];
        if (word == "--") {
            ++at_;
            break;
        }
        if (!word.starts_with('-') || word == "-")
            break;
        if (Result<> parsed = word.starts_with("--") ? parse_long(word) : parse_short(word); !parsed)
            return std::unexpected(parsed.error());
    }
    if (Result<> applied = apply(); !applied)
        return std::unexpected(applied.error());
    invocation_.spec.command.assign(arguments_.begin() + static_cast<std::ptrdiff_t>(at_), arguments_.end());
    const bool explains_filter =
        invocation_.verb == Verb::explain && invocation_.spec.seccomp.origin.source == spec::Origin::Source::argument;
    const bool needs_command = invocation_.verb != Verb::help && !invocation_.show_help && !invocation_.show_version &&
                               !(explains_filter && invocation_.spec.command.empty());
    if (needs_command && invocation_.spec.command.empty())
        return fail("no command given; say what to run: glovebox [OPTIONS] -- COMMAND");
    if (needs_command && invocation_.spec.command.front().empty())
        return fail("the name of the command is empty");
    if (Result<> valid = validate(invocation_.spec); !valid)
        return std::unexpected(valid.error());
    return std::move(invocation_);
}

} // namespace

Result<Invocation> parse_arguments(std::span<char* const> arguments)
{
    return Parser(arguments).parse();
}

} // namespace glovebox::cli

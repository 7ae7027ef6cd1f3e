// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "filter/policy.h"

#include "filter/errno_name.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <linux/seccomp.h>

namespace glovebox::filter {
namespace {

using Words = std::vector<std::string_view>;

/// The pieces between any of `separators`, empty ones left out.
Words split(std::string_view text, std::string_view separators)
{
    Words words;
    while (true) {
        const std::size_t start = text.find_first_not_of(separators);
        if (start == std::string_view::npos)
            return words;
        text.remove_prefix(start);
        words.push_back(text.substr(0, text.find_first_of(separators)));
        text.remove_prefix(words.back().size());
    }
}

/// As in C: 0x for hexadecimal, 0 for octal.
std::optional<std::uint32_t> parse_number(std::string_view text)
{
    int base = 10;
    if (text.starts_with("0x")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.starts_with('0')) {
        base = 8;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// What is wrong with a line. Thrown by Reader, made an Error by parse_policy.
struct Complaint {
    std::string text;
};

/// Reads one line after another into the table.
class Reader {
public:
    PolicyTable table;

    void read_line(std::string_view line, int number)
    {
        const std::size_t hash = line.find('#');
        const bool has_reason = hash != std::string_view::npos && !split(line.substr(hash + 1), " ").empty();
        const Words words = split(line.substr(0, hash), " ");
        if (words.empty())
            return;
        if (words[0].starts_with('['))
            section_ = parse_section(line.substr(0, hash));
        else if (!section_)
            read_heading(words);
        else if (!has_reason)
            throw Complaint{"a rule without a reason"};
        else
            read_rule(words, number);
    }

private:
    std::optional<When> section_;

    static When parse_section(std::string_view text)
    {
        text = text.substr(0, text.find_last_not_of(' ') + 1);
        if (text == "[always]")
            return When::always;
        if (text == "[without nesting]")
            return When::without_nesting;
        if (text == "[with nesting]")
            return When::with_nesting;
        throw Complaint{"no such section: " + std::string(text)};
    }

    static Answer parse_answer(std::string_view word)
    {
        if (word == "ALLOW")
            return SECCOMP_RET_ALLOW;
        if (word == "KILL_PROCESS")
            return SECCOMP_RET_KILL_PROCESS;
        if (const unsigned error = errno_number(word))
            return SECCOMP_RET_ERRNO | error;
        throw Complaint{"no such answer: " + std::string(word)};
    }

    void read_heading(const Words& words)
    {
        if (words[0] == "target" && words.size() > 2)
            table.targets.push_back({std::string(words[1]), {words.begin() + 2, words.end()}});
        else if (words[0] == "foreign" && words.size() == 2)
            table.foreign = parse_answer(words[1]);
        else if (words[0] == "otherwise" && words.size() == 2)
            table.otherwise = parse_answer(words[1]);
        else
            throw Complaint{"no such heading: " + std::string(words[0])};
    }

    void read_rule(const Words& words, int number)
    {
        const auto calls_end = std::find(words.begin(), words.end(), "if");
        Rule rule{number, *section_, parse_answer(words[0]), {}, {}};
        for (auto word = words.begin() + 1; word < calls_end; ++word)
            rule.calls.push_back(parse_call(*word));
        if (rule.calls.empty())
            throw Complaint{"a rule without a system call"};
        for (auto word = calls_end; word != words.end(); word += 4) {
            if (words.end() - word < 4 || (word != calls_end && *word != "and"))
                throw Complaint{"a condition is: if argN OP VALUE and argN OP VALUE"};
            rule.conditions.push_back(parse_condition(word[1], word[2], word[3]));
        }
        table.rules.push_back(std::move(rule));
    }

    static Call parse_call(std::string_view word)
    {
        const std::size_t equals = word.find('=');
        Call call{std::string(word.substr(0, equals))};
        if (equals != std::string_view::npos) {
            const Words numbers = split(word.substr(equals + 1), "-");
            const auto first = numbers.empty() ? std::nullopt : parse_number(numbers.front());
            const auto last = numbers.empty() ? std::nullopt : parse_number(numbers.back());
            if (!first || !last || *first < 424 || *last < *first)
                throw Complaint{"no numbers that are the same everywhere: " + std::string(word)};
            call.first = *first;
            call.last = *last;
        } else if (word.ends_with('?')) {
            call.name.pop_back();
            call.may_be_missing = true;
        }
        return call;
    }

    static Condition parse_condition(std::string_view argument, std::string_view test, std::string_view values)
    {
        Condition condition;
        condition.low_half = argument.ends_with(":32");
        if (condition.low_half)
            argument.remove_suffix(3);
        if (argument.size() != 4 || !argument.starts_with("arg") || argument[3] < '0' || argument[3] > '5')
            throw Complaint{"no such argument: " + std::string(argument)};
        condition.argument = static_cast<unsigned>(argument[3] - '0');
        if (test != "==" && test != "&")
            throw Complaint{"no such comparison: " + std::string(test)};
        condition.test = test == "&" ? Condition::Test::any_bit : Condition::Test::equal;
        for (const std::string_view value : split(values, "|")) {
            if (!parse_number(value))
                throw Complaint{"no such number: " + std::string(value)};
            condition.values.push_back(*parse_number(value));
        }
        return condition;
    }
};

} // namespace

Result<PolicyTable> parse_policy(std::string_view text, const std::string& name)
{
    Reader reader;
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        try {
            reader.read_line(line, number);
        } catch (const Complaint& complaint) {
            return fail("reading " + name + ":" + std::to_string(number), complaint.text);
        }
    }
    return std::move(reader.table);
}

} // namespace glovebox::filter

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The option table. Parser, --help, man page and the shells' completions are all made from it:
// a new option is one row, and a field of the Spec that it fills.

#include "result.h"
#include "spec/spec.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace glovebox::cli {

enum class Verb : std::uint8_t { run = 1, explain = 2, help = 4 };

/// A set of verbs, as bits.
using Verbs = std::uint8_t;
constexpr Verbs kRunning = static_cast<Verbs>(Verb::run) | static_cast<Verbs>(Verb::explain);

struct VerbRow {
    Verb verb;
    std::string_view name;
    std::string_view help;
};
std::span<const VerbRow> verb_table();

enum class Group : std::uint8_t { view, identity, environment, isolation, limits, reporting, other };
struct GroupRow {
    Group group;
    std::string_view title;
};
std::span<const GroupRow> group_table();

/// How a shell completes the operand.
enum class Completion : std::uint8_t { none, file, directory, values };

/// What the options of a command line come to.
struct Invocation {
    Verb verb = Verb::run;
    spec::Spec spec;
    std::string_view profile = "build";
    bool json = false;
    bool show_help = false;
    bool show_version = false;
};

struct Option {
    std::string_view name; ///< without dashes
    char letter;           ///< short form, or '\0'
    std::string_view operand; ///< what it is called in --help; "" where the option takes none
    std::string_view help;
    Group group;
    Verbs verbs;
    Completion completion;
    std::string_view values; ///< space-separated, for Completion::values
    Result<> (*apply)(Invocation&, std::string_view operand, const spec::Origin&);
};
std::span<const Option> option_table();

/// Null when there is none.
const Option* find_option(std::string_view name);
const Option* find_option(char letter);

} // namespace glovebox::cli

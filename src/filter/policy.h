// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A *.policy file as values. Its form is told at the head of default.policy. Used by the build and by tests only.

#include "result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glovebox::filter {

/// What a filter returns: SECCOMP_RET_* with its data.
using Answer = std::uint32_t;

/// By name, or by numbers where `last` is not 0.
struct Call {
    std::string name;
    bool may_be_missing = false;
    unsigned first = 0;
    unsigned last = 0;
};

struct Condition {
    enum class Test { equal, any_bit };
    unsigned argument = 0;
    bool low_half = false; ///< the upper 32 bits do not matter; without it they have to be 0
    Test test = Test::equal;
    std::vector<std::uint32_t> values;
    bool operator==(const Condition&) const = default;
};

enum class When { always, without_nesting, with_nesting };

/// All conditions have to hold.
struct Rule {
    int line = 0;
    When when = When::always;
    Answer answer = 0;
    std::vector<Call> calls;
    std::vector<Condition> conditions;
};

/// The architectures that a program for the machine `name` meets.
struct Target {
    std::string name;
    std::vector<std::string> architectures;
};

struct PolicyTable {
    std::vector<Target> targets;
    Answer foreign = 0;   ///< to a call of another architecture
    Answer otherwise = 0; ///< to a call that no rule fits
    std::vector<Rule> rules;
};

/// `name` of the file is for messages.
Result<PolicyTable> parse_policy(std::string_view text, const std::string& name);

} // namespace glovebox::filter

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// From words to a Plan on the fake host, as main() does it on the real one.

#include "cli/parse.h"
#include "fake_host.h"
#include "plan/plan.h"

#include <string>
#include <vector>

namespace glovebox::test {

/// Parses `words`, which do not hold the program's name.
inline Result<cli::Invocation> parse(std::vector<std::string> words)
{
    std::string name = "glovebox";
    std::vector<char*> argv = {name.data()};
    for (std::string& word : words)
        argv.push_back(word.data());
    return cli::parse_arguments(argv);
}

inline Result<plan::Plan> make_plan(std::vector<std::string> words, const plan::Host& host = make_fake_host())
{
    const Result<cli::Invocation> invocation = parse(std::move(words));
    return invocation ? plan::make_plan(invocation->spec, host) : std::unexpected(invocation.error());
}

} // namespace glovebox::test

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// NAME.args on a fake host gives the Plan that NAME.plan shows, by its difference from default.plan,
// or the error. New output is accepted with GLOVEBOX_ACCEPT=1, and then reviewed like any change.

#include "case.h"
#include "difference.h"

#include "plan/explain.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#endif

namespace {

using namespace glovebox;
namespace fs = std::filesystem;

const fs::path kDefault = fs::path(GOLDEN_DIRECTORY) / "default.args";

std::string render(const fs::path& args_file)
{
    const Result<plan::Plan> plan = test::plan_of(args_file);
    if (plan) {
        const std::string text = plan::render_text(*plan);
        return args_file == kDefault ? text : test::difference(plan::render_text(test::plan_of(kDefault).value()), text);
    }
    const auto& [what, why, from, hint] = plan.error();
    return "error: " + what + (why.empty() ? "" : " failed: " + why) + (from.empty() ? "" : " (from " + from + ")") +
           (hint.empty() ? "" : "\nhint: " + hint) + "\n";
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, PlanIsAsExpected)
{
    const fs::path expected_file = fs::path(GetParam()).replace_extension(".plan");
    const std::string actual = render(GetParam());
    const char* const accept = std::getenv("GLOVEBOX_ACCEPT");
    if (accept != nullptr && std::string(accept) == "1") {
        std::ofstream(expected_file) << actual;
        return;
    }
    std::ostringstream expected;
    expected << std::ifstream(expected_file).rdbuf();
    EXPECT_EQ(expected.str(), actual) << "accept with GLOVEBOX_ACCEPT=1";
}

TEST_P(Golden, JsonTellsTheSameSteps)
{
#if __has_include(<nlohmann/json.hpp>)
    const Result<plan::Plan> plan = test::plan_of(GetParam());
    if (!plan)
        return;
    const auto json = nlohmann::json::parse(plan::render_json(*plan));
    EXPECT_EQ(json["version"], 1);
    EXPECT_EQ(json["scratch"]["path"], plan->scratch.path);
    EXPECT_EQ(json["execute"]["arguments"], plan->execute.arguments);
    EXPECT_EQ(json["execute"]["candidates"], plan->execute.candidates);
    EXPECT_EQ(json["execute"]["environment"], plan->execute.environment);
    for (const auto& [key, steps] : {std::pair{"setup", &plan->setup}, std::pair{"handover", &plan->handover}}) {
        ASSERT_EQ(json[key].size(), steps->size());
        for (std::size_t i = 0; i < steps->size(); ++i)
            EXPECT_EQ(json[key][i]["origin"], spec::render_origin((*steps)[i].origin));
    }
#else
    GTEST_SKIP() << "nlohmann-json is not installed";
#endif
}

std::string test_name(const testing::TestParamInfo<fs::path>& file)
{
    std::string name = file.param.stem();
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(test::golden_files()), test_name);

} // namespace

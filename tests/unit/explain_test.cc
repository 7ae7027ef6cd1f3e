// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The words for each kind of step; whole Plans are compared in tests/golden.

#include "plan/explain.h"

#include "from_words.h"

#include <algorithm>

#include <gtest/gtest.h>
#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#endif

namespace {

using namespace glovebox;
using plan::describe;

TEST(Describe, ReadsWellBeforeFailed)
{
    EXPECT_EQ(describe(plan::Bind{"/usr", "/usr"}), "binding /usr read-only");
    EXPECT_EQ(describe(plan::Bind{.source = "/a", .target = "/b", .read_only = false}), "binding /a writable at /b");
    EXPECT_EQ(describe(plan::Bind{.source = "/dev/null", .target = "/dev/null", .devices = true}),
              "binding /dev/null with its device");
    EXPECT_EQ(describe(plan::WriteProc{"self/uid_map", "0 1000 1\n"}), "writing '0 1000 1' to /proc/self/uid_map");
    EXPECT_EQ(describe(plan::MountNew{"tmpfs", "/t"}), "mounting a new tmpfs at /t");
    EXPECT_EQ(describe(plan::CutCapabilities{0x401fb}), "cutting the capabilities to 0x401fb");
}

TEST(Describe, QuotesOddNames)
{
    EXPECT_EQ(describe(plan::MakeDirectory{"/a b\n\xff"}), "making the directory '/a b\\x0a\\xff'");
    EXPECT_EQ(describe(plan::MakeSymlink{"to here", "/l"}), "making the symbolic link /l to 'to here'");
}

plan::Plan odd_plan()
{
    return test::make_plan({"--tmpfs", "/in/\xff\n\"\\\x01", "--env", "ODD=\xc3\x28\t\"", "--hostname", "x", "--",
                            "a\"b", "\x80", ""})
        .value();
}

TEST(RenderText, IsOneLineAStepWhateverTheNames)
{
    const plan::Plan plan = odd_plan();
    const std::string text = plan::render_text(plan);
    const std::size_t lines = plan.setup.size() + plan.handover.size() + plan.execute.environment.size();
    const std::size_t others = 5; // scratch, clone, start, execute, the word "environment"
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), lines + others);
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) { return c == '\x01' || c == '\xff' || c == '\t'; }));
}

#if __has_include(<nlohmann/json.hpp>)
TEST(RenderJson, IsWellFormedWhateverTheNames)
{
    const auto json = nlohmann::json::parse(plan::render_json(odd_plan()));
    EXPECT_EQ(json["execute"]["arguments"], (std::vector<std::string>{"a\"b", "\xef\xbf\xbd", ""}));
    const auto& steps = json["setup"];
    EXPECT_TRUE(std::ranges::any_of(steps, [](const auto& step) {
        return step["op"] == "mount" && step["target"] == "/in/\xef\xbf\xbd\n\"\\\x01" &&
               step["origin"] == "--tmpfs, argument 1";
    }));
}

TEST(RenderJson, HoldsTheFieldsOfEachKindOfStep)
{
    plan::Plan plan;
    plan.namespaces = 0;
    plan.scratch.path = "/s";
    plan.setup = {{plan::MountNew{"tmpfs", "/t", {{"mode", "0755"}, {"noswap", ""}}}, {}},
                  {plan::MakeFile{"/f", "text\n"}, {}},
                  {plan::MakeDirectory{"/d", 01777}, {}}};
    const auto json = nlohmann::json::parse(plan::render_json(plan));
    EXPECT_EQ(json["setup"][0]["options"], "mode=0755,noswap");
    EXPECT_EQ(json["setup"][1]["text"], "text\n");
    EXPECT_EQ(json["setup"][2]["mode"], "1777");
    EXPECT_EQ(json["handover"].size(), 0U);
}
#else
TEST(RenderJson, IsWellFormedWhateverTheNames) { GTEST_SKIP() << "nlohmann-json is not installed"; }
#endif

} // namespace

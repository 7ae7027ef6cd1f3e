// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/environment.h"

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using Kind = spec::EnvironmentRule::Kind;
using Strings = std::vector<std::string>;

Strings made(std::vector<spec::EnvironmentRule> rules, std::vector<std::string_view> host_environment)
{
    spec::Spec spec;
    spec.environment = std::move(rules);
    plan::Host host;
    host.environment = std::move(host_environment);
    return plan::make_environment(spec, host);
}

spec::EnvironmentRule set(std::string name, std::string value)
{
    return {Kind::set, std::move(name), std::move(value), {}};
}
spec::EnvironmentRule pass(std::string name) { return {Kind::pass, std::move(name), {}, {}}; }

TEST(Environment, NothingPassesUnasked)
{
    EXPECT_EQ(made({}, {"SECRET=x", "PATH=/evil"}), (Strings{"PATH=/usr/local/bin:/usr/bin:/bin"}));
}

TEST(Environment, PassesByNameOrBeginning)
{
    EXPECT_EQ(
        made({pass("PATH"), pass("LC_*"), pass("MISSING")}, {"LC_ALL=C", "LC=no", "LC_=odd", "PATH=/bin", "XLC_=no"}),
        (Strings{"LC_=odd", "LC_ALL=C", "PATH=/bin"}));
    EXPECT_EQ(made({pass("*")}, {"A=1", "PATH=/b"}), (Strings{"A=1", "PATH=/b"}));
}

TEST(Environment, ANameIsNotTakenForItsBeginning)
{
    EXPECT_EQ(made({set("PATH", ""), pass("CC")}, {"CCACHE_DIR=/x", "C=y"}), (Strings{"PATH="}));
}

TEST(Environment, LaterRulesWin)
{
    EXPECT_EQ(made({set("A", "1"), set("A", "2"), pass("PATH")}, {"PATH=p"}), (Strings{"A=2", "PATH=p"}));
    EXPECT_EQ(made({set("A", "1"), pass("A"), pass("PATH")}, {"A=host", "PATH=p"}), (Strings{"A=host", "PATH=p"}));
    EXPECT_EQ(made({pass("A"), set("A", "1"), pass("PATH")}, {"A=host", "PATH=p"}), (Strings{"A=1", "PATH=p"}));
}

TEST(Environment, KeepAllSparesWhatIsSetByValue)
{
    const spec::EnvironmentRule keep = {Kind::keep_all, {}, {}, {}};
    EXPECT_EQ(made({set("HOME", "/build"), keep}, {"HOME=/home/ann", "X=1", "PATH=p"}),
              (Strings{"HOME=/build", "PATH=p", "X=1"}));
    EXPECT_EQ(made({keep, set("HOME", "/build")}, {"HOME=/home/ann", "PATH=p"}), (Strings{"HOME=/build", "PATH=p"}));
}

TEST(Environment, ClearForgetsWhatCameBefore)
{
    EXPECT_EQ(made({set("A", "1"), {Kind::clear, {}, {}, {}}, set("B", "2"), set("PATH", "p")}, {}),
              (Strings{"B=2", "PATH=p"}));
}

TEST(Environment, StringsThatAreNoVariablesAreLeftOut)
{
    EXPECT_EQ(made({{Kind::keep_all, {}, {}, {}}}, {"no-equals", "=C:=x", "", "A=b=c", "PATH="}),
              (Strings{"A=b=c", "PATH="}));
}

TEST(Candidates, FollowPath)
{
    EXPECT_EQ(plan::make_candidates("cc", {"A=1", "PATH=/a:/b"}), (Strings{"/a/cc", "/b/cc"}));
    EXPECT_EQ(plan::make_candidates("cc", {}), (Strings{"/usr/local/bin/cc", "/usr/bin/cc", "/bin/cc"}));
}

TEST(Candidates, AnEmptyEntryIsTheWorkingDirectory)
{
    EXPECT_EQ(plan::make_candidates("cc", {"PATH=:/a::"}), (Strings{"./cc", "/a/cc", "./cc", "./cc"}));
    EXPECT_EQ(plan::make_candidates("cc", {"PATH="}), (Strings{"./cc"}));
}

TEST(Candidates, ASlashIsAPath)
{
    EXPECT_EQ(plan::make_candidates("./cc", {"PATH=/a"}), (Strings{"./cc"}));
    EXPECT_EQ(plan::make_candidates("/x/cc", {"PATH=/a"}), (Strings{"/x/cc"}));
}

} // namespace

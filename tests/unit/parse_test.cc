// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/parse.h"

#include "from_words.h"

#include <algorithm>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using cli::Option;
using cli::Verb;
using Words = std::vector<std::string>;

/// A file as --from reads it.
std::string list_file()
{
    const std::string path = testing::TempDir() + "/glovebox-parse-test-list";
    std::ofstream(path) << "/opt\n";
    return path;
}

/// A valid operand for each kind that the table has.
std::string sample(const Option& option)
{
    static const std::map<std::string_view, std::string> samples = {
        {"", ""},
        {"SRC[:DEST]", "/opt"},
        {"PATH", "/dev/null"},
        {"PATH[:HOST]", "/opt"},
        {"DIR", "/opt"},
        {"N", "7"},
        {"NAME", "name"},
        {"FILE", list_file()},
        {"NAME[=VALUE]", "NAME=value"},
        {"TARGET:LINK", "to:/l"},
        {"DEST=TEXT", "/f=text"},
        {"MASK", "077"},
        {"CAP", "chown"},
        {"DURATION", "5m"},
        {"NAME=SOFT[:HARD]", "core=0"},
    };
    if (option.name == "profile")
        return "untrusted";
    if (const auto found = samples.find(option.operand); found != samples.end())
        return found->second;
    EXPECT_FALSE(option.values.empty()) << "no sample for the operand " << option.operand << " of --" << option.name;
    return std::string(option.values.substr(0, option.values.find(' ')));
}

/// Words that lead to a verb of the option.
Words verb_of(const Option& option)
{
    for (const cli::VerbRow& row : cli::verb_table())
        if ((option.verbs & static_cast<cli::Verbs>(row.verb)) != 0)
            return {std::string(row.name)};
    return {};
}

Words operator+(Words left, const Words& right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// What one spelling comes to, with the command "true".
cli::Invocation parsed(const Words& words)
{
    const Result<cli::Invocation> invocation = test::parse(words + Words{"--", "true"});
    EXPECT_TRUE(invocation) << (invocation ? "" : invocation.error().what);
    return invocation.value_or(cli::Invocation());
}

void expect_same(const cli::Invocation& left, const cli::Invocation& right)
{
    EXPECT_EQ(left.verb, right.verb);
    EXPECT_EQ(left.spec, right.spec);
    EXPECT_EQ(left.json, right.json);
    EXPECT_EQ(left.show_help, right.show_help);
    EXPECT_EQ(left.show_version, right.show_version);
}

std::string error_of(const Words& words)
{
    const Result<cli::Invocation> invocation = test::parse(words);
    return invocation ? "no error" : invocation.error().what;
}

class EachOption : public testing::TestWithParam<const Option*> {};

TEST_P(EachOption, ChangesTheInvocation)
{
    const Option& option = *GetParam();
    const std::string name = "--" + std::string(option.name);
    const cli::Invocation with =
        parsed(verb_of(option) + (option.operand.empty() ? Words{name} : Words{name, sample(option)}));
    const cli::Invocation without = parsed(verb_of(option));
    EXPECT_TRUE(with.spec != without.spec || with.json || with.show_help || with.show_version);
}

TEST_P(EachOption, AllSpellingsMeanTheSame)
{
    const Option& option = *GetParam();
    const Words verb = verb_of(option);
    const std::string name = "--" + std::string(option.name);
    const std::string letter = "-" + std::string(1, option.letter);
    const std::string operand = sample(option);
    if (option.operand.empty()) {
        if (option.letter != '\0')
            expect_same(parsed(verb + Words{name}), parsed(verb + Words{letter}));
        return;
    }
    const cli::Invocation expected = parsed(verb + Words{name, operand});
    expect_same(parsed(verb + Words{name + "=" + operand}), expected);
    if (option.letter != '\0') {
        expect_same(parsed(verb + Words{letter, operand}), expected);
        expect_same(parsed(verb + Words{letter + operand}), expected);
        expect_same(parsed(verb + Words{"-q" + letter.substr(1) + operand}), [&] {
            cli::Invocation quiet = expected;
            quiet.spec.quiet = true;
            return quiet;
        }());
    }
}

TEST_P(EachOption, OperandsAreCounted)
{
    const Option& option = *GetParam();
    const std::string name = "--" + std::string(option.name);
    if (option.operand.empty()) {
        EXPECT_EQ(error_of(verb_of(option) + Words{name + "=x", "--", "true"}),
                  "option " + name + " takes no operand, but got x");
        return;
    }
    const std::string expected = "option " + name + " needs an operand: " + name + " " + std::string(option.operand);
    EXPECT_EQ(error_of(verb_of(option) + Words{name}), expected);
    if (option.letter != '\0') {
        EXPECT_EQ(error_of(verb_of(option) + Words{"-" + std::string(1, option.letter)}), expected);
    }
}

TEST_P(EachOption, ATypoNamesIt)
{
    const Option& option = *GetParam();
    if (option.name.size() < 4)
        return; // too short: another name may be as near
    std::string typo = "--" + std::string(option.name);
    typo.insert(3, 1, typo[3]); // "--hoostname"
    const std::string error = error_of(verb_of(option) + Words{typo, "--", "true"});
    EXPECT_NE(error.find("did you mean"), std::string::npos) << error;
    EXPECT_NE(error.find("--" + std::string(option.name)), std::string::npos) << error;
}

TEST_P(EachOption, IsToldApartFromTheCommandsOwn)
{
    const std::string name = "--" + std::string(GetParam()->name);
    EXPECT_EQ(parsed({"--", "cmd", name}).spec.command, (Words{"cmd", name, "--", "true"}));
    EXPECT_EQ(parsed({"-q", "cmd", name}).spec.command, (Words{"cmd", name, "--", "true"}));
}

std::vector<const Option*> all_options()
{
    std::vector<const Option*> out;
    for (const Option& option : cli::option_table())
        out.push_back(&option);
    return out;
}

std::string option_name(const testing::TestParamInfo<const Option*>& option)
{
    std::string name(option.param->name);
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Table, EachOption, testing::ValuesIn(all_options()), option_name);

TEST(OptionTable, NamesAndLettersAreUnique)
{
    for (const Option& option : cli::option_table()) {
        EXPECT_EQ(cli::find_option(option.name), &option) << option.name;
        if (option.letter != '\0') {
            EXPECT_EQ(cli::find_option(option.letter), &option) << option.name;
        }
    }
    EXPECT_EQ(cli::find_option('\0'), nullptr);
}

TEST(Parse, VerbsAreTheFirstWord)
{
    EXPECT_EQ(parsed({"run"}).verb, Verb::run);
    EXPECT_EQ(parsed({"-q"}).verb, Verb::run);
    EXPECT_EQ(parsed({"explain"}).verb, Verb::explain);
    EXPECT_EQ(test::parse({"help"})->verb, Verb::help);
    EXPECT_EQ(error_of({"explian", "--", "true"}),
              "unknown verb explian; did you mean explain? to run a command of that name: glovebox -- explian");
    EXPECT_EQ(error_of({"make"}), "unknown verb make; to run a command of that name: glovebox -- make");
}

TEST(Parse, AVerbRefusesTheOptionsOfOthers)
{
    EXPECT_EQ(error_of({"--json", "--", "true"}), "unknown option --json; see glovebox --help");
    EXPECT_TRUE(parsed({"explain", "--json"}).json);
}

TEST(Parse, ShortOptionsCluster)
{
    EXPECT_TRUE(parsed({"-qv"}).spec.quiet && parsed({"-qv"}).spec.verbose);
    EXPECT_EQ(parsed({"-qr/opt"}).spec.entries.at(0).source, "/opt");
    EXPECT_EQ(parsed({"-qr", "/opt"}).spec.entries.at(0).source, "/opt");
    EXPECT_EQ(parsed({"-rq"}).spec.entries.at(0).source, "q") << "the rest of the word is the operand";
    EXPECT_EQ(error_of({"-qZ", "--", "true"}), "unknown option -qZ; see glovebox --help");
}

TEST(Parse, OptionsEndAtTheFirstWordThatIsNone)
{
    EXPECT_EQ(parsed({"-q", "gcc", "-v", "-r", "x"}).spec.command, (Words{"gcc", "-v", "-r", "x", "--", "true"}));
    EXPECT_EQ(parsed({"-q", "-", "x"}).spec.command, (Words{"-", "x", "--", "true"}));
    EXPECT_EQ(parsed({"--", "--", "x"}).spec.command, (Words{"--", "x", "--", "true"}));
}

TEST(Parse, AnOperandMayLookLikeAnOption)
{
    EXPECT_EQ(parsed({"--env", "-x=1"}).spec.environment.back().name, "-x");
    EXPECT_EQ(parsed({"--ro", "--"}).spec.entries.at(0).source, "--");
}

TEST(Parse, AWordThatIsNoOption)
{
    EXPECT_EQ(error_of({"--bogus-thing", "--", "true"}), "unknown option --bogus-thing; see glovebox --help");
    EXPECT_EQ(error_of({"---", "--", "true"}), "unknown option ---; see glovebox --help");
    EXPECT_EQ(error_of({"--=x", "--", "true"}), "unknown option --=x; see glovebox --help");
    EXPECT_EQ(error_of({"--hostn\xffm\n", "--", "true"}), "unknown option --hostn\\xffm\\x0a; did you mean --hostname?");
}

TEST(Parse, APrefixIsNotTakenForTheOptionButNamesAllItCouldBe)
{
    EXPECT_EQ(error_of({"--ke", "--", "true"}), "unknown option --ke; did you mean --keep, --keep-env?");
    EXPECT_EQ(error_of({"--host=x", "--", "true"}), "unknown option --host=x; did you mean --hostname?");
}

TEST(Parse, WithoutACommand)
{
    EXPECT_EQ(error_of({}), "no command given; see glovebox --help");
    EXPECT_EQ(error_of({"-q"}), "no command given; say what to run: glovebox [OPTIONS] -- COMMAND");
    EXPECT_EQ(error_of({"--"}), "no command given; say what to run: glovebox [OPTIONS] -- COMMAND");
    EXPECT_EQ(error_of({"--", ""}), "the name of the command is empty");
    EXPECT_TRUE(test::parse({"--help"})->show_help);
    EXPECT_TRUE(test::parse({"--version"})->show_version);
}

TEST(Parse, WithoutEvenAProgramName) { EXPECT_FALSE(cli::parse_arguments({})); }

TEST(Parse, EmptyOperands)
{
    for (const std::string option : {"ro", "rw", "hide", "tmpfs", "scratch", "chdir", "uid", "gid", "env", "net"}) {
        const std::string error = error_of({"--" + option + "=", "--", "true"});
        EXPECT_EQ(error.find("the operand '' of --" + option + " is not "), 0U) << error;
    }
    EXPECT_EQ(error_of({"--hostname=", "--", "true"}), "'' is not a host name");
    EXPECT_EQ(error_of({"--ro", ":/x", "--", "true"}).find("the operand :/x of --ro is not"), 0U);
    EXPECT_EQ(error_of({"--ro", "/x:", "--", "true"}).find("the operand /x: of --ro is not"), 0U);
}

TEST(Parse, Ids)
{
    EXPECT_EQ(parsed({"--uid", "0"}).spec.uid.value, 0U);
    EXPECT_EQ(parsed({"--gid", "4294967294"}).spec.gid.value, 4294967294U);
    for (const char* bad : {"4294967295", "4294967296", "-1", "+1", " 1", "1 ", "0x10", "root", "1e3"})
        EXPECT_EQ(error_of({"--uid", bad, "--", "true"}).find("the operand "), 0U) << bad;
}

TEST(Parse, EnvironmentRules)
{
    using Kind = spec::EnvironmentRule::Kind;
    const auto rule = [](const char* operand) { return parsed({"--env", operand}).spec.environment.back(); };
    EXPECT_EQ(rule("A").kind, Kind::pass);
    EXPECT_EQ(rule("A=").kind, Kind::set);
    EXPECT_EQ(rule("A=b=c").name, "A");
    EXPECT_EQ(rule("A=b=c").value, "b=c");
    EXPECT_EQ(error_of({"--env", "=x", "--", "true"}).find("the operand =x of --env is not"), 0U);
}

TEST(Parse, OriginsCountWordsOfTheCommandLine)
{
    const cli::Invocation invocation = parsed({"-q", "--ro", "/a", "--uid=5", "-w/b"});
    EXPECT_EQ(spec::render_origin(invocation.spec.entries.at(0).origin), "--ro, argument 2");
    EXPECT_EQ(spec::render_origin(invocation.spec.uid.origin), "--uid, argument 4");
    EXPECT_EQ(spec::render_origin(invocation.spec.entries.at(1).origin), "--rw, argument 5");
    EXPECT_EQ(spec::render_origin(invocation.spec.hostname.origin), "--hostname, profile build");
}

TEST(Parse, BytesPassUnchanged)
{
    const std::string odd = "/\xff\xfe/new\nline/\t'\"\\";
    EXPECT_EQ(parsed({"--hide", odd}).spec.entries.at(0).target, odd);
    EXPECT_EQ(parsed({"--env", "A=" + odd}).spec.environment.back().value, odd);
    EXPECT_EQ(parsed({"--", odd, odd}).spec.command, (Words{odd, odd, "--", "true"}));
}

TEST(Parse, AHundredThousandArguments)
{
    Words words;
    for (int i = 0; i < 50'000; ++i)
        words = std::move(words) + Words{"--ro", "/opt/" + std::to_string(i)};
    words.push_back("--");
    words.resize(words.size() + 100'000, "x");
    const Result<cli::Invocation> invocation = test::parse(words);
    ASSERT_TRUE(invocation);
    EXPECT_EQ(invocation->spec.entries.size(), 50'000U);
    EXPECT_EQ(invocation->spec.entries.back().origin.position, 99'999U);
    EXPECT_EQ(invocation->spec.command.size(), 100'000U);
}

} // namespace

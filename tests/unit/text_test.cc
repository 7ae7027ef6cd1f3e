// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "text.h"

#include <array>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using namespace std::string_view_literals;

TEST(Quote, LeavesPlainTextAlone)
{
    EXPECT_EQ(quote("/usr/bin/cc"), "/usr/bin/cc");
    EXPECT_EQ(quote("naïve-日本-𝄞"), "naïve-日本-𝄞");
}

TEST(Quote, MarksWhatAReaderWouldMistake)
{
    EXPECT_EQ(quote(""), "''");
    EXPECT_EQ(quote("a b"), "'a b'");
    EXPECT_EQ(quote("it's"), "'it's'");
    EXPECT_EQ(quote("back\\slash"), "back\\\\slash");
}

TEST(Quote, NoControlByteReachesTheTerminal)
{
    EXPECT_EQ(quote("a\nb\tc\033[31m"), "a\\x0ab\\x09c\\x1b[31m");
    EXPECT_EQ(quote("nul\0byte\x7f"sv), "nul\\x00byte\\x7f");
}

TEST(Quote, BytesThatAreNotUtf8AreShownAsBytes)
{
    EXPECT_EQ(quote("\xff\xfe"), "\\xff\\xfe");
    EXPECT_EQ(quote("caf\xe9"), "caf\\xe9");                      // Latin-1
    EXPECT_EQ(quote("\xc0\xaf"), "\\xc0\\xaf");                   // overlong '/'
    EXPECT_EQ(quote("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");          // overlong, three bytes
    EXPECT_EQ(quote("\xed\xa0\x80"), "\\xed\\xa0\\x80");          // a surrogate
    EXPECT_EQ(quote("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); // beyond U+10FFFF
    EXPECT_EQ(quote("\xe2\x82"), "\\xe2\\x82");                   // cut off
}

TEST(JsonString, EscapesWhatJsonAsksFor)
{
    EXPECT_EQ(json_string("plain"), R"("plain")");
    EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json_string("\n\0\x1f"sv), R"("\u000a\u0000\u001f")");
    EXPECT_EQ(json_string("é"), "\"é\"");
    EXPECT_EQ(json_string("a\xff"
                          "b\xe9"),
              "\"a\xef\xbf\xbd"
              "b\xef\xbf\xbd\"");
}

TEST(Nearest, FindsATypo)
{
    constexpr std::array<std::string_view, 4> kKnown = {"ro", "rw", "hostname", "scratch"};
    EXPECT_EQ(nearest("hostnam", kKnown), "hostname");
    EXPECT_EQ(nearest("hsotname", kKnown), "hostname");
    EXPECT_EQ(nearest("srcatch", kKnown), "scratch");
    EXPECT_EQ(nearest("rx", kKnown), "ro") << "the first of two that are as near";
}

TEST(Nearest, GivesNothingWhereNothingIsNear)
{
    constexpr std::array<std::string_view, 2> kKnown = {"hostname", "scratch"};
    EXPECT_EQ(nearest("completely-different", kKnown), "");
    EXPECT_EQ(nearest("", kKnown), "");
    EXPECT_EQ(nearest("hostname", {}), "");
}

TEST(AbsolutePath, TidiesUp)
{
    EXPECT_EQ(absolute_path("/", "/"), "/");
    EXPECT_EQ(absolute_path("/a", "//b///c/"), "/b/c");
    EXPECT_EQ(absolute_path("/a/b", "c"), "/a/b/c");
    EXPECT_EQ(absolute_path("/a/b", "."), "/a/b");
    EXPECT_EQ(absolute_path("/a/b", ""), "/a/b");
    EXPECT_EQ(absolute_path("/a/b", "../c/./d"), "/a/c/d");
}

TEST(AbsolutePath, StopsAtTheRoot)
{
    EXPECT_EQ(absolute_path("/a", "../../../../b"), "/b");
    EXPECT_EQ(absolute_path("/", ".."), "/");
    EXPECT_EQ(absolute_path("/a/b", "../.."), "/");
}

TEST(AbsolutePath, KeepsOddNames)
{
    EXPECT_EQ(absolute_path("/", "/..a/b../...\n"), "/..a/b../...\n");
    EXPECT_EQ(absolute_path("/", "/\xff"), "/\xff");
}

TEST(SplitColon, SplitsAtTheFirstColon)
{
    const Halves halves = split_colon("/a:/b:c");
    EXPECT_EQ(halves.first, "/a");
    EXPECT_EQ(halves.second, "/b:c");
    EXPECT_TRUE(halves.has_second);
}

TEST(SplitColon, WithoutAColonThereIsOneHalf)
{
    const Halves halves = split_colon("/a");
    EXPECT_EQ(halves.first, "/a");
    EXPECT_FALSE(halves.has_second);
}

TEST(SplitColon, AnEmptyHalfIsAHalf)
{
    EXPECT_TRUE(split_colon("/a:").has_second);
    EXPECT_EQ(split_colon("/a:").second, "");
    EXPECT_EQ(split_colon(":/b").first, "");
}

TEST(SplitColon, UndoesEscapes)
{
    EXPECT_EQ(split_colon("a\\:b:c\\:d").first, "a:b");
    EXPECT_EQ(split_colon("a\\:b:c\\:d").second, "c:d");
    EXPECT_EQ(split_colon("a\\\\:b").first, "a\\") << "an escaped backslash, then the colon";
    EXPECT_EQ(split_colon("a\\nb\\").first, "a\\nb\\") << "other backslashes stand for themselves";
}

} // namespace

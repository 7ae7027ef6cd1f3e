// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "spec/spec.h"

#include <gtest/gtest.h>

namespace {

using namespace glovebox::spec;

Spec valid()
{
    Spec spec;
    spec.hostname.value = "glovebox";
    spec.command = {"true"};
    return spec;
}

TEST(Validate, AcceptsADefault) { EXPECT_TRUE(validate(valid())); }

TEST(Validate, HostNames)
{
    const auto accepts = [](const std::string& name) {
        Spec spec = valid();
        spec.hostname.value = name;
        return validate(spec).has_value();
    };
    EXPECT_TRUE(accepts("a"));
    EXPECT_TRUE(accepts("build-7.example"));
    EXPECT_TRUE(accepts(std::string(64, 'a')));
    EXPECT_FALSE(accepts(""));
    EXPECT_FALSE(accepts(std::string(65, 'a')));
    EXPECT_FALSE(accepts("-a"));
    EXPECT_FALSE(accepts(".a"));
    EXPECT_FALSE(accepts("a b"));
    EXPECT_FALSE(accepts("a\n127.0.0.1 bank")) << "it is written to /etc/hosts";
    EXPECT_FALSE(accepts("a\xe9"));
    EXPECT_FALSE(accepts(std::string("a\0b", 3)));
}

TEST(Validate, TheDestinationOfASourceIsAbsolute)
{
    for (const ViewEntry::Kind kind : {ViewEntry::Kind::ro, ViewEntry::Kind::rw}) {
        Spec spec = valid();
        spec.entries = {{.kind = kind, .source = "here", .target = "there"}};
        EXPECT_FALSE(validate(spec));
        spec.entries[0].target = "/there";
        EXPECT_TRUE(validate(spec));
        spec.entries[0].target = "";
        EXPECT_TRUE(validate(spec)) << "the same path as the source";
    }
}

TEST(Validate, APlaceMayBeRelative)
{
    for (const ViewEntry::Kind kind : {ViewEntry::Kind::hide, ViewEntry::Kind::tmpfs}) {
        Spec spec = valid();
        spec.entries = {{.kind = kind, .target = "here"}};
        EXPECT_TRUE(validate(spec));
    }
}

TEST(Validate, AnErrorNamesTheOption)
{
    Spec spec = valid();
    spec.entries = {{.source = "a", .target = "b", .origin = {Origin::Source::argument, "ro", {}, 3}}};
    EXPECT_EQ(validate(spec).error().from, "--ro, argument 3");
}

TEST(RenderOrigin, NamesWhoAsked)
{
    EXPECT_EQ(render_origin({Origin::Source::argument, "ro", {}, 3}), "--ro, argument 3");
    EXPECT_EQ(render_origin({Origin::Source::profile, "env", "build", 0}), "--env, profile build");
    EXPECT_EQ(render_origin({Origin::Source::profile, {}, "build", 0}), "profile build");
}

} // namespace

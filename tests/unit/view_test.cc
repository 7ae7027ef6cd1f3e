// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Small views, one rule each; whole Plans are compared in tests/golden.

#include "plan/view.h"

#include "fake_host.h"
#include "plan/explain.h"

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using namespace glovebox::plan;
using Lines = std::vector<std::string>;

HostPath read_only(std::string source) { return {std::move(source), FileType::directory}; }
HostPath file(std::string source) { return {std::move(source), FileType::other}; }
HostPath writable(std::string source) { return {.source = std::move(source), .read_only = false}; }
const NewFilesystem kTmpfs = {"tmpfs", {}, 0, false, false};

/// The steps in words, or the reason why there are none.
Lines view(std::vector<Request> requests)
{
    const Result<std::vector<Step>> steps = make_view(std::move(requests), test::make_fake_host());
    if (!steps)
        return {"error: " + steps.error().what + ": " + steps.error().why};
    Lines lines;
    for (const Step& step : *steps)
        lines.push_back(describe(step.op));
    return lines;
}

/// The way mount points come to be, in the order of the steps.
std::vector<MountPoint> points(std::vector<Request> requests)
{
    std::vector<MountPoint> out;
    const Result<std::vector<Step>> steps = make_view(std::move(requests), test::make_fake_host());
    for (const Step& step : steps.value())
        if (const auto* bind = std::get_if<Bind>(&step.op))
            out.push_back(bind->point);
    return out;
}

TEST(View, DeeperComesAfterShallower)
{
    EXPECT_EQ(view({{"/a/b/c", kTmpfs, {}}, {"/a", kTmpfs, {}}, {"/a/b", kTmpfs, {}}}),
              (Lines{"mounting a new tmpfs at /a", "mounting a new tmpfs at /a/b", "mounting a new tmpfs at /a/b/c"}));
}

TEST(View, LaterWinsAtOnePlace)
{
    EXPECT_EQ(view({{"/a", kTmpfs, {}}, {"/a", read_only("/opt"), {}}}), (Lines{"binding /opt read-only at /a"}));
    EXPECT_EQ(view({{"/a", read_only("/opt"), {}}, {"/a", kTmpfs, {}}}), (Lines{"mounting a new tmpfs at /a"}));
}

TEST(View, TwoNamesOfOnePlaceAreOnePlace)
{
    EXPECT_EQ(view({{"/usr", read_only("/usr"), {}},
                    {"/bin", Symlink{"usr/bin"}, {}},
                    {"/usr/bin", kTmpfs, {}},
                    {"/bin", read_only("/opt"), {}}}),
              (Lines{"making the symbolic link /bin to usr/bin", "binding /usr read-only",
                     "mounting a new tmpfs at /usr/bin"}))
        << "/usr/bin is deeper than /bin, and so comes later and wins";
}

TEST(View, ImpliedDirectoriesAreMadeOnce)
{
    EXPECT_EQ(view({{"/x/y/a", kTmpfs, {}}, {"/x/y/b", kTmpfs, {}}}),
              (Lines{"making the directory /x", "making the directory /x/y", "mounting a new tmpfs at /x/y/a",
                     "mounting a new tmpfs at /x/y/b"}));
}

TEST(View, MountPointsAreMadeInOurPlacesAndFoundInTheHosts)
{
    EXPECT_EQ(points({{"/opt", read_only("/opt"), {}},
                      {"/opt/sdk", read_only("/usr"), {}},
                      {"/opt/tool", file("/etc/passwd"), {}}}),
              (std::vector{MountPoint::new_directory, MountPoint::existing, MountPoint::existing}));
    EXPECT_EQ(points({{"/t", kTmpfs, {}}, {"/t/dir", read_only("/usr"), {}}, {"/t/file", file("/etc/passwd"), {}}}),
              (std::vector{MountPoint::new_directory, MountPoint::new_file}));
}

TEST(View, AReadOnlyHostDirectoryGetsMountPointsFromALayer)
{
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/new", kTmpfs, {}}}),
              (Lines{"showing /opt read-only with new added", "mounting a new tmpfs at /opt/new"}));
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/sdk/new", kTmpfs, {}}}),
              (Lines{"binding /opt read-only", "showing /opt/sdk read-only with new added",
                     "mounting a new tmpfs at /opt/sdk/new"}));
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/l", Symlink{"to"}, {}}}),
              (Lines{"showing /opt read-only with l added"}));
}

TEST(View, AHostDirectoryThatIsWrittenThroughGetsNoMountPoints)
{
    EXPECT_EQ(view({{"/srv", writable("/srv"), {}}, {"/srv/new", kTmpfs, {}}}).at(0).find("error: placing /srv/new: "),
              0U);
}

TEST(View, SymlinksLeadInsideTheView)
{
    EXPECT_EQ(view({{"/var", read_only("/var"), {}}, {"/run", kTmpfs, {}}, {"/var/run/x", kTmpfs, {}}}),
              (Lines{"mounting a new tmpfs at /run", "mounting a new tmpfs at /run/x", "binding /var read-only"}));
    // A link of the host is resolved in what is seen, not on the host.
    EXPECT_EQ(view({{"/o", read_only("/opt"), {}}, {"/o/sdk-link", kTmpfs, {}}}),
              (Lines{"binding /opt read-only at /o", "making the directory /opt", "mounting a new tmpfs at /opt/sdk"}));
}

TEST(View, DotsInALinkStopAtTheRoot)
{
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/etc", read_only("/etc"), {}}, {"/opt/escape", kTmpfs, {}}}),
              (Lines{"binding /etc read-only", "mounting a new tmpfs at /etc/ssl", "binding /opt read-only"}));
}

TEST(View, ALoopOfLinksEnds)
{
    EXPECT_EQ(view({{"/srv", read_only("/srv"), {}}, {"/srv/loop-a", kTmpfs, {}}}),
              (Lines{"error: placing /srv/loop-a: Too many levels of symbolic links"}));
}

TEST(View, ALinkReplacesALinkButNothingElse)
{
    EXPECT_EQ(view({{"/l", Symlink{"a"}, {}}, {"/l", Symlink{"b"}, {}}}), (Lines{"making the symbolic link /l to b"}));
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/sdk", Symlink{"b"}, {}}}),
              (Lines{"error: placing /opt/sdk: a directory is there"}));
}

TEST(View, ANewcomerHasWhatIsDeeperPlacedAgain)
{
    // /l/x leads to /deep/place, which is covered afterwards.
    EXPECT_EQ(view({{"/l", Symlink{"deep/place"}, {}}, {"/l/x", read_only("/opt"), {}}, {"/deep/place", kTmpfs, {}}}),
              (Lines{"making the directory /deep", "mounting a new tmpfs at /deep/place",
                     "binding /opt read-only at /deep/place/x", "making the symbolic link /l to deep/place"}));
}

TEST(View, KindsMustFit)
{
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/sdk", file("/etc/passwd"), {}}}),
              (Lines{"error: placing /opt/sdk: a directory is there"}));
    EXPECT_EQ(view({{"/opt", read_only("/opt"), {}}, {"/opt/tool", kTmpfs, {}}}),
              (Lines{"error: placing /opt/tool: a file is there"}));
    EXPECT_EQ(view({{"/f", Text{"x"}, {}}, {"/f/x", kTmpfs, {}}}),
              (Lines{"error: placing /f/x: a component of the path is not a directory"}));
}

TEST(View, NothingGoesIntoAClosedFilesystem)
{
    EXPECT_EQ(view({{"/proc", Procfs{}, {}}, {"/proc/1", kTmpfs, {}}}),
              (Lines{"error: placing /proc/1: nothing can be mounted inside /proc or a device file system"}));
    EXPECT_EQ(view({{"/proc", Procfs{}, {}}, {"/proc", kTmpfs, {}}, {"/proc/1", kTmpfs, {}}}),
              (Lines{"mounting a new tmpfs at /proc", "mounting a new tmpfs at /proc/1"}));
}

TEST(View, TheRootCannotBeCovered)
{
    EXPECT_EQ(view({{"/", kTmpfs, {}}}), (Lines{"error: placing /: the root itself cannot be covered"}));
}

TEST(View, WhatIsOnlyWantedIfPossibleIsDropped)
{
    EXPECT_EQ(view({{"/srv", writable("/srv"), {}}, {"/srv/new", kTmpfs, {}, true}}), (Lines{"binding /srv writable"}));
    EXPECT_EQ(view({{"/f", Text{"x"}, {}}, {"/f/x", kTmpfs, {}, true}}), (Lines{"placing a file of our own at /f"}));
}

TEST(View, AnImpliedDirectoryNamesWhoNeedsIt)
{
    const spec::Origin origin = {spec::Origin::Source::argument, "tmpfs", {}, 3};
    const auto steps = make_view({{"/x/y", kTmpfs, origin}}, test::make_fake_host());
    EXPECT_EQ(spec::render_origin(steps->at(0).origin), "--tmpfs, argument 3");
}

} // namespace

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Who the command is, inside and outside.

#include "harness.h"

#include <filesystem>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

class Identity : public Sandbox {};

/// An id map as numbers without their padding: "0 1000 1".
std::string squeeze(const std::string& map)
{
    std::istringstream words(map);
    std::string out;
    for (std::string word; words >> word;)
        (out += out.empty() ? "" : " ") += word;
    return out;
}

TEST_F(Identity, UserAndGroupAreZero)
{
    const World world = look();
    EXPECT_EQ(world.status.at("Uid"), "0 0 0 0");
    EXPECT_EQ(world.status.at("Gid"), "0 0 0 0");
}

TEST_F(Identity, OneUserAndOneGroupAreMapped)
{
    const World world = look();
    EXPECT_EQ(squeeze(world.uid_map), "0 0 1");
    EXPECT_EQ(squeeze(world.gid_map), "0 0 1");
}

TEST_F(Identity, UserAndGroupCanBeChosen)
{
    const World world = look({"--uid", "1000", "--gid=100"});
    EXPECT_EQ(world.status.at("Uid"), "1000 1000 1000 1000");
    EXPECT_EQ(world.status.at("Gid"), "100 100 100 100");
    EXPECT_EQ(squeeze(world.uid_map), "1000 1000 1");
    EXPECT_EQ(squeeze(world.gid_map), "100 100 1");
}

TEST_F(Identity, HighestUserCanBeChosen)
{
    EXPECT_EQ(look({"--uid", "4294967294"}).status.at("Uid"), "4294967294 4294967294 4294967294 4294967294");
}

TEST_F(Identity, GroupsCannotBeChanged)
{
    EXPECT_EQ(look().setgroups, "deny\n");
    EXPECT_EQ(attempt().at("setgroups"), "EPERM");
}

TEST_F(Identity, FilesAreOursOutside)
{
    const std::filesystem::path work = directory() / "work";
    std::filesystem::create_directory(work);
    for (const char* uid : {"0", "1000"}) {
        const Finished finished = run(glovebox_sh({"--rw", work, "--uid", uid}, "cd '" + work.string() + "' && : > by-" + uid + " && stat -c %u by-" + uid));
        EXPECT_EQ(finished.status, 0) << finished.err;
        EXPECT_EQ(finished.out, std::string(uid) + "\n");
        struct ::stat status = {};
        ASSERT_EQ(::stat((work / ("by-" + std::string(uid))).c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, ::getuid());
        EXPECT_EQ(status.st_gid, ::getgid());
    }
}

TEST_F(Identity, AnUnmappedOwnerIsRefused)
{
    EXPECT_EQ(attempt().at("chown"), "EINVAL");
}

TEST_F(Identity, TarUnpacksForeignOwners)
{
    const Finished finished = run(glovebox_sh({}, "cd /build && echo text > file && "
                                                  "tar -c --owner=someone:4711 --group=others:4712 -f a.tar file && rm file && "
                                                  "tar -xf a.tar && cat file"));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.out, "text\n");
}

TEST_F(Identity, HostNameIsItsOwn)
{
    EXPECT_EQ(look().hostname, "glovebox");
    EXPECT_EQ(look({"--hostname", "clean-room.example"}).hostname, "clean-room.example");
}

TEST_F(Identity, HostNameResolves)
{
    const Finished finished = run(glovebox({"--hostname", "clean-room", "--", "getent", "hosts", "clean-room"}));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(finished.out.starts_with("127.0.1.1")) << finished.out;
}

} // namespace
} // namespace glovebox::test

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// What the command shares with the host: nothing that a namespace can keep apart.

#include "harness.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <set>

#include <net/if.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

class Namespaces : public Sandbox {};

std::string own_namespace(const std::string& name)
{
    return std::filesystem::read_symlink("/proc/self/ns/" + name);
}

std::set<std::string> own_interfaces()
{
    std::set<std::string> names;
    struct ::if_nameindex* const all = ::if_nameindex();
    for (const auto* each = all; each->if_index != 0; ++each)
        names.insert(each->if_name);
    ::if_freenameindex(all);
    return names;
}

/// Listens on an abstract socket of the host.
class AbstractSocket {
public:
    AbstractSocket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        struct ::sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, name_.data(), name_.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(fd_, 1), 0);
    }
    ~AbstractSocket() { ::close(fd_); }
    AbstractSocket(const AbstractSocket&) = delete;
    AbstractSocket& operator=(const AbstractSocket&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_ = "run-test-" + std::to_string(::getpid());
    int fd_;
};

TEST_F(Namespaces, AllDifferFromTheHosts)
{
    const World world = look();
    for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"})
        EXPECT_NE(world.namespaces.at(name), own_namespace(name)) << name;
}

TEST_F(Namespaces, DifferBetweenRuns)
{
    // The first still lives while the second looks: an inode number may be given out again.
    Process first(glovebox_sh({}, "readlink /proc/self/ns/*; exec sleep 60"));
    ASSERT_TRUE(first.says("uts:["));
    const World second = look();
    first.signal(SIGTERM);
    const std::string out = first.finish().out;
    for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"})
        EXPECT_FALSE(out.contains(second.namespaces.at(name))) << name;
}

TEST_F(Namespaces, NetHostSharesTheNetworkAndNothingElse)
{
    const World world = look({"--net", "host"});
    EXPECT_EQ(world.namespaces.at("net"), own_namespace("net"));
    for (const char* name : {"user", "mnt", "pid", "ipc", "uts", "cgroup"})
        EXPECT_NE(world.namespaces.at(name), own_namespace(name)) << name;
    std::set<std::string> seen;
    for (const auto& [name, up] : world.interfaces)
        seen.insert(name);
    EXPECT_EQ(seen, own_interfaces());
}

TEST_F(Namespaces, OnlyTheSandboxsProcessesAreSeen)
{
    const World world = look();
    EXPECT_NE(world.pid, 1);
    EXPECT_EQ(world.ppid, 1);
    std::vector<int> processes = world.processes;
    std::ranges::sort(processes);
    EXPECT_EQ(processes, (std::vector<int>{1, world.pid}));
}

TEST_F(Namespaces, OnlyTheLoopbackIsThereAndItIsUp)
{
    const World world = look();
    EXPECT_EQ(world.interfaces, (std::map<std::string, bool>{{"lo", true}}));
    EXPECT_EQ(world.networks.at("127.0.0.1"), "success");
    EXPECT_EQ(world.networks.at("::1"), "success");
    EXPECT_EQ(world.networks.at("192.0.2.1"), "ENETUNREACH");
}

TEST_F(Namespaces, SysShowsNoInterfaceOfTheHost)
{
    const Finished finished = run(glovebox_sh({}, "ls /sys/class/net 2>&1"));
    if (finished.status != 0)
        SKIP_WITHOUT_KERNEL_FEATURE("a sysfs in a user namespace, as in a container");
    EXPECT_EQ(finished.out, "lo\n");
}

TEST_F(Namespaces, AbstractSocketsAreOutOfReach)
{
    const AbstractSocket socket;
    EXPECT_EQ(run(host({kProbe, "abstract", socket.name()})).out, "success\n"); // or the test proves nothing
    for (const Words& options : {Words{}, Words{"--landlock", "off"}}) {
        const Finished inside = run(glovebox(join({with_probe(options), {"--", "/probe", "abstract", socket.name()}})));
        EXPECT_EQ(inside.status, 0) << inside.err;
        EXPECT_NE(inside.out, "success\n");
    }
}

TEST_F(Namespaces, SharedMemoryOfTheHostIsNotSeen)
{
    const int id = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
    ASSERT_GE(id, 0);
    const Finished inside = run(glovebox_sh({}, "cat /proc/sysvipc/shm"));
    const std::string outside = read_file("/proc/sysvipc/shm");
    ::shmctl(id, IPC_RMID, nullptr);
    EXPECT_EQ(inside.status, 0) << inside.err;
    EXPECT_EQ(std::ranges::count(inside.out, '\n'), 1) << inside.out; // the heading
    EXPECT_GT(std::ranges::count(outside, '\n'), 1);
}

TEST_F(Namespaces, AHostNameSetInsideStaysInside)
{
    std::array<char, 256> before = {};
    std::array<char, 256> after = {};
    ::gethostname(before.data(), before.size());
    EXPECT_EQ(look({"--hostname", "elsewhere"}).hostname, "elsewhere");
    ::gethostname(after.data(), after.size());
    EXPECT_STREQ(before.data(), after.data());
}

TEST_F(Namespaces, MountsMadeOnTheHostLaterDoNotAppear)
{
    for (const Mount& mount : look().mounts)
        EXPECT_EQ(mount.propagation, "") << mount.target;
}

} // namespace
} // namespace glovebox::test

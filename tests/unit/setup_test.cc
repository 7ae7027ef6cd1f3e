// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Each set-up step on a kernel that does nothing: which calls it makes, with what.

#include "run/setup.h"

#include "fake_calls.h"
#include "from_words.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#include <gtest/gtest.h>

namespace {

using namespace glovebox;
using plan::MountPoint;
using test::Call;
using test::kernel;

constexpr int kRoot = 60;
constexpr int kProc = 61;

std::string join(std::initializer_list<std::string> words)
{
    std::string out;
    for (const std::string& word : words)
        (out += out.empty() ? "" : ", ") += word;
    return out;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

/// A new root and a procfs are there, as after MakeProc and MakeRoot.
class Setup : public testing::Test {
protected:
    int apply(const plan::Op& op, test::FakeKernel fake = {})
    {
        test::install(std::move(fake));
        return run::apply_setup(state_, op);
    }

    /// The calls made, without close.
    static std::vector<std::string> names()
    {
        std::vector<std::string> out;
        for (const Call& call : kernel().calls)
            if (call.name != "close")
                out.push_back(call.name);
        return out;
    }

    static std::string arguments(std::string_view name)
    {
        for (const Call& call : kernel().calls)
            if (call.name == name)
                return call.arguments;
        return "no call of " + std::string(name);
    }

    run::SetupState state_ = {.root = kRoot, .proc = kProc};
};

using Names = std::vector<std::string>;

TEST_F(Setup, BindsReadOnlyWithoutDevicesAndPrivately)
{
    EXPECT_EQ(apply(plan::Bind{"/opt/sdk", "/opt/sdk"}), 0);
    EXPECT_EQ(names(), (Names{"clone_tree", "openat2", "move_mount"}));
    EXPECT_EQ(arguments("clone_tree"),
              join({"-100", "/opt/sdk", "1", "0", number(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY),
                    number(MS_PRIVATE)}));
}

TEST_F(Setup, BindsWritableAndDevices)
{
    apply(plan::Bind{.source = "/a", .target = "/a", .read_only = false});
    EXPECT_EQ(arguments("clone_tree"),
              join({"-100", "/a", "1", "0", number(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), number(MS_PRIVATE)}));
    apply(plan::Bind{
        .source = "/dev/null", .target = "/dev/null", .read_only = false, .devices = true, .recursive = false});
    EXPECT_EQ(arguments("clone_tree"),
              join({"-100", "/dev/null", "0", "0", number(MOUNT_ATTR_NOSUID), number(MS_PRIVATE)}));
}

TEST_F(Setup, ResolvesTargetsBeneathTheNewRoot)
{
    apply(plan::Bind{"/a", "/var/run/b"});
    EXPECT_EQ(arguments("openat2"),
              join({number(kRoot), "/var/run/b", number(O_PATH), number(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)}));
}

TEST_F(Setup, MakesAMountPointAndDoesNotFollowItsName)
{
    EXPECT_EQ(apply(plan::Bind{"/a", "/b", MountPoint::new_directory}), 0);
    EXPECT_EQ(names(), (Names{"clone_tree", "mkdirat", "move_mount"}));
    EXPECT_EQ(arguments("mkdirat"), "60, b, 493"); // 0755
    EXPECT_EQ(arguments("move_mount"), "100, 60, b, 0");
    EXPECT_EQ(apply(plan::Bind{"/a", "/b", MountPoint::new_file}), 0);
    EXPECT_EQ(arguments("make_file"), "60, b, 420"); // 0644
}

TEST_F(Setup, OpensADirectoryOnceForAllThatIsMadeInIt)
{
    test::install();
    for (const char* name : {"/in/a", "/in/b", "/in/c"})
        EXPECT_EQ(run::apply_setup(state_, plan::MakeDirectory{name}), 0);
    EXPECT_EQ(names(), (Names{"openat2", "mkdirat", "mkdirat", "mkdirat"}));
    EXPECT_EQ(run::apply_setup(state_, plan::MakeDirectory{"/in/c/d"}), 0);
    EXPECT_EQ(kernel().open_descriptors.size(), 1U) << "the one before is closed";
}

TEST_F(Setup, APathThatIsTooLongIsAnErrorAndNoOverflow)
{
    const std::string longest = "/" + std::string(5000, 'x') + "/y";
    EXPECT_EQ(apply(plan::MakeDirectory{longest}), -ENAMETOOLONG);
    EXPECT_EQ(apply(plan::Bind{"/a", longest, MountPoint::new_directory}), -ENAMETOOLONG);
    EXPECT_TRUE(kernel().open_descriptors.empty());
}

TEST_F(Setup, WritesNewFilesWithoutFollowingALink)
{
    EXPECT_EQ(apply(plan::MakeFile{"/f", "text"}), 0);
    EXPECT_EQ(names(), (Names{"openat", "write"}));
    EXPECT_EQ(arguments("openat"), join({number(kRoot), "f", number(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW), "420"}));
    EXPECT_EQ(arguments("write"), "100, text");
}

TEST_F(Setup, CoversAFileOfTheHostReadOnlyAndLeavesNoOtherName)
{
    EXPECT_EQ(apply(plan::MakeFile{"/etc/hosts", "text", MountPoint::existing}), 0);
    EXPECT_EQ(names(), (Names{"openat", "write", "clone_tree", "openat2", "move_mount", "unlinkat"}));
    EXPECT_EQ(arguments("clone_tree"),
              join({number(kRoot), ".glovebox-file", "0", "0",
                    number(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY), number(MS_PRIVATE)}));
    EXPECT_EQ(arguments("unlinkat"), "60, .glovebox-file, 0");
}

TEST_F(Setup, ConfiguresANewFilesystem)
{
    EXPECT_EQ(apply(plan::MountNew{"tmpfs", "/t", {{"mode", "0755"}, {"noswap", ""}}, MOUNT_ATTR_NODEV}), 0);
    EXPECT_EQ(names(), (Names{"fsopen", "fsconfig_string", "fsconfig_flag", "fsconfig_create", "fsmount", "openat2",
                              "move_mount"}));
    EXPECT_EQ(arguments("fsconfig_string"), "100, mode, 0755");
    EXPECT_EQ(arguments("fsconfig_flag"), "100, noswap");
    EXPECT_EQ(arguments("fsmount"), join({"100", number(MOUNT_ATTR_NODEV)}));
}

TEST_F(Setup, AnOptionalFilesystemThatIsRefusedLeavesItsMountPoint)
{
    const plan::MountNew sysfs = {.type = "sysfs", .target = "/sys", .point = MountPoint::new_directory, .optional = true};
    for (const char* call : {"fsopen", "fsconfig_create", "fsmount"}) {
        EXPECT_EQ(apply(sysfs, test::refusing(call, EPERM)), 0) << call;
        EXPECT_EQ(arguments("mkdirat"), "60, sys, 493") << call;
        EXPECT_TRUE(kernel().open_descriptors.empty()) << call;
        EXPECT_EQ(apply(sysfs, test::refusing(call, ENOMEM)), -ENOMEM) << call;
    }
    plan::MountNew other = sysfs;
    other.point = MountPoint::existing; // the host's would be seen in its place
    EXPECT_EQ(apply(other, test::refusing("fsmount", EPERM)), -EPERM);
    other = sysfs;
    other.optional = false;
    EXPECT_EQ(apply(other, test::refusing("fsmount", EPERM)), -EPERM);
}

TEST_F(Setup, MakesTheNewRootAndPivots)
{
    EXPECT_EQ(apply(plan::MakeRoot{}), 0);
    EXPECT_EQ(names(), (Names{"fsopen", "fsconfig_create", "fsmount", "fchmodat", "move_mount"}));
    EXPECT_EQ(apply(plan::PivotRoot{}), 0);
    EXPECT_EQ(names(), (Names{"fchdir", "pivot_root", "umount2", "chdir"}));
    EXPECT_EQ(arguments("umount2"), join({".", number(MNT_DETACH)}));
    EXPECT_EQ(arguments("chdir"), "/");
}

TEST_F(Setup, SealsOnlyTheRootItself)
{
    EXPECT_EQ(apply(plan::SealRoot{}), 0);
    EXPECT_EQ(arguments("mount_setattr"),
              join({number(kRoot), "", number(AT_EMPTY_PATH), number(MOUNT_ATTR_RDONLY), "0", "0"}));
}

TEST_F(Setup, WritesIdMapsThroughItsOwnProcfsInOneWrite)
{
    EXPECT_EQ(apply(plan::WriteProc{"self/uid_map", "0 1000 1\n"}), 0);
    EXPECT_EQ(arguments("openat"), join({number(kProc), "self/uid_map", number(O_WRONLY), "0"}));
    EXPECT_EQ(arguments("write"), "100, 0 1000 1\n");
}

TEST_F(Setup, AKernelWithoutKeyringsHasNothingToShare)
{
    EXPECT_EQ(apply(plan::JoinNewKeyring{}, test::refusing("join_new_session_keyring", ENOSYS)), 0);
    EXPECT_EQ(apply(plan::JoinNewKeyring{}, test::refusing("join_new_session_keyring", EDQUOT)), -EDQUOT);
}

TEST_F(Setup, RefusesAStepOfTheHandOver)
{
    EXPECT_EQ(apply(plan::NewSession{}), -ENOTSUP);
    EXPECT_EQ(apply(plan::ForbidNewPrivileges{}), -ENOTSUP);
    EXPECT_TRUE(kernel().calls.empty());
}

TEST_F(Setup, KeepsNoDescriptorButThoseOfItsState)
{
    test::install();
    run::SetupState state;
    const auto plan = test::make_plan({"--hide", "/etc/passwd", "--ro", "/opt/tool:/in/tool", "--", "true"});
    for (const plan::Step& step : plan->setup)
        ASSERT_GE(run::apply_setup(state, step.op), 0);
    EXPECT_EQ(kernel().open_descriptors, (std::set<int>{state.root, state.proc, state.parent}));
}

} // namespace

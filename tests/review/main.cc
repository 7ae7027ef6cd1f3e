// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// main() of the review tests: as an ordinary user, in a user and mount namespace of its own, where
// it has the rights that a command in the sandbox has, and can mount overlays and small disks.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

constexpr ::uid_t kNobody = 65534;
constexpr int kSkipped = 77;

bool write_file(const char* path, const std::string& text)
{
    std::ofstream file(path);
    return static_cast<bool>(file << text << std::flush);
}

bool enter_namespaces()
{
    const std::string uid = std::to_string(::getuid());
    const std::string gid = std::to_string(::getgid());
    return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/gid_map", "0 " + gid + " 1") && write_file("/proc/self/uid_map", "0 " + uid + " 1") &&
           ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

} // namespace

int main(int argc, char** argv)
{
    testing::InitGoogleTest(&argc, argv);
    if (::getuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
        std::perror("cannot become an ordinary user");
        return 1;
    }
    ::prctl(PR_SET_DUMPABLE, 1); // or else /proc/self is still root's
    if (!enter_namespaces()) {
        std::puts("SKIP: there is no user namespace to be had");
        return std::getenv("GLOVEBOX_TEST_NO_SKIP") != nullptr ? 1 : kSkipped;
    }
    return RUN_ALL_TESTS();
}

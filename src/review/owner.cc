// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/owner.h"

#include "sys/fd.h"
#include "sys/files.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>

namespace glovebox::review {
namespace {

constexpr std::uint64_t capability(unsigned number) { return std::uint64_t{1} << number; }

int write_file(const char* path, const std::string& text)
{
    const sys::Fd file(sys::open(path, O_WRONLY));
    return file ? static_cast<int>(sys::write(file.get(), text.data(), text.size())) : file.error();
}

std::string map_of(unsigned id)
{
    const std::string text = std::to_string(id);
    return text + " " + text + " 1";
}

} // namespace

Result<> act_as_owner()
{
    const unsigned uid = sys::getuid();
    const unsigned gid = sys::getgid();
    if (uid == 0 || sys::unshare(CLONE_NEWUSER) < 0)
        return {};
    int result = write_file("/proc/self/setgroups", "deny");
    if (result >= 0)
        result = write_file("/proc/self/gid_map", map_of(gid));
    if (result >= 0)
        result = write_file("/proc/self/uid_map", map_of(uid));
    if (result < 0)
        return fail("entering a user namespace", std::strerror(-result));
    constexpr std::uint64_t kReading = capability(CAP_DAC_READ_SEARCH);
    constexpr std::uint64_t kAll = kReading | capability(CAP_DAC_OVERRIDE) | capability(CAP_FOWNER);
    sys::capset(kAll, kAll, kReading);
    sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH);
    return {};
}

} // namespace glovebox::review

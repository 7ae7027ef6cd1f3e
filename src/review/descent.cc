// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/descent.h"

#include <cerrno>

#include <fcntl.h>

namespace glovebox::review {
namespace {

constexpr std::size_t kMaxOpen = 32;

} // namespace

void Descent::push(sys::Fd fd)
{
    struct ::stat status = {};
    sys::fstat(fd.get(), &status);
    levels_.push_back({std::move(fd), status.st_dev, status.st_ino});
    if (levels_.size() > kMaxOpen)
        levels_[levels_.size() - 1 - kMaxOpen].fd.reset();
}

OrErrno<> Descent::enter(const std::string& name)
{
    sys::Fd below(sys::openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!below)
        return checked(below.error());
    push(std::move(below));
    return {};
}

OrErrno<sys::Fd> Descent::leave()
{
    sys::Fd left = std::move(levels_.back().fd);
    levels_.pop_back();
    Level& above = levels_.back();
    if (!above.fd) {
        above.fd.reset(sys::openat(left.get(), "..", O_RDONLY | O_DIRECTORY));
        struct ::stat status = {};
        const int found = above.fd ? sys::fstat(above.fd.get(), &status) : above.fd.error();
        if (found < 0)
            return std::unexpected(-found);
        if (status.st_dev != above.device || status.st_ino != above.inode)
            return std::unexpected(ESTALE); // somebody moved the directory meanwhile
    }
    return left;
}

} // namespace glovebox::review

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A system call by its number; for the files of this folder alone.

#include <cerrno>

#include <sys/syscall.h>
#include <unistd.h>

namespace glovebox::sys {

template <class... Args>
long call(long number, Args... args) noexcept
{
    const long result = ::syscall(number, args...);
    return result < 0 ? -errno : result;
}

template <class... Args>
int icall(long number, Args... args) noexcept
{
    return static_cast<int>(call(number, args...));
}

} // namespace glovebox::sys

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/scratch.h"

#include "sys/fd.h"
#include "text.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

namespace glovebox::run {
namespace {

std::string scratch_hint(const plan::Scratch& scratch, int error)
{
    if (!scratch.fresh)
        return "name a directory of your own, in a directory that exists, with --scratch DIR";
    if (error == ENOSPC || error == EDQUOT)
        return "free some space, or set TMPDIR to a directory on another disk";
    return "set TMPDIR to a directory that you can write to";
}

std::unexpected<Error> scratch_error(const plan::Scratch& scratch, int error)
{
    return fail("making the scratch " + quote(scratch.path), std::strerror(error),
                spec::render_origin(scratch.origin), scratch_hint(scratch, error));
}

/// A directory `name` of the scratch, or the scratch itself; one of the user's may be there already.
/// 0 or -errno.
int make_directory(const plan::Scratch& scratch, const std::string& name, unsigned mode)
{
    const std::string path = name.empty() ? scratch.path : scratch.path + "/" + name;
    const int made = sys::mkdirat(AT_FDCWD, path.c_str(), 0700);
    if (made == -EEXIST && !scratch.fresh) {
        // A command of an earlier run may have put a symbolic link there, to lead us out of it.
        struct ::stat status = {};
        const int found = name.empty() ? sys::stat(path.c_str(), &status) : sys::lstat(path.c_str(), &status);
        return found < 0 ? found : S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
    }
    return made == 0 ? sys::fchmodat(AT_FDCWD, path.c_str(), mode) : made; // whatever the umask
}

/// Remembers in a kept scratch what the changes are to; refuses one that holds others.
Result<> note_source(const plan::Scratch& scratch, const plan::Changes& changes)
{
    const std::string path = changes.path + "/source";
    const sys::Fd written(sys::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (written) {
        const long size = sys::write(written.get(), changes.source.data(), changes.source.size());
        return size == static_cast<long>(changes.source.size()) ? Result<>() : scratch_error(scratch, size < 0 ? static_cast<int>(-size) : ENOSPC);
    }
    if (written.error() != -EEXIST)
        return scratch_error(scratch, -written.error());
    const sys::Fd file(sys::open(path.c_str(), O_RDONLY | O_NOFOLLOW));
    std::array<char, PATH_MAX> buffer;
    const long size = sys::read(file.get(), buffer.data(), buffer.size());
    const std::string_view noted(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (noted == changes.source)
        return {};
    return fail("the scratch " + quote(scratch.path) + " holds changes to " + quote(noted) + ", not to " + quote(changes.source), {},
                spec::render_origin(scratch.origin), "use another scratch, or run it from the same directory with the same --cow options");
}

Result<> make_changes(const plan::Scratch& scratch, const plan::Changes& changes)
{
    const std::string name = changes.path.substr(scratch.path.size() + 1);
    // The root of an overlay shows the mode of its upper directory.
    struct ::stat source = {};
    sys::stat(changes.source.c_str(), &source);
    int made = make_directory(scratch, name, 0700);
    if (made == 0)
        made = make_directory(scratch, name + "/upper", source.st_mode & 07777);
    if (made == 0)
        made = make_directory(scratch, name + "/work", 0700);
    if (made < 0)
        return scratch_error(scratch, -made);
    return scratch.keep ? note_source(scratch, changes) : Result<>();
}

/// Everything in the scratch.
Result<> furnish(const plan::Scratch& scratch)
{
    int made = make_directory(scratch, "tmp", 01777);
    if (made == 0 && !scratch.changes.empty())
        made = make_directory(scratch, plan::kScratchState, 0700);
    if (made == 0 && !scratch.changes.empty())
        made = make_directory(scratch, std::string(plan::kScratchState) + "/cow", 0700);
    if (made < 0)
        return scratch_error(scratch, -made);
    for (const plan::Changes& changes : scratch.changes)
        if (Result<> prepared = make_changes(scratch, changes); !prepared)
            return prepared;
    return {};
}

} // namespace

bool has_changes(const plan::Changes& changes)
{
    const sys::Fd upper(sys::open((changes.path + "/upper").c_str(), O_RDONLY | O_DIRECTORY));
    alignas(struct ::dirent64) std::array<char, 1024> buffer;
    const long filled = sys::getdents64(upper.get(), buffer.data(), buffer.size());
    // "." and ".." take 24 bytes each.
    return filled > 48;
}

Result<> make_scratch(const plan::Scratch& scratch)
{
    if (const int made = make_directory(scratch, {}, 0700); made < 0)
        return scratch_error(scratch, -made);
    Result<> furnished = furnish(scratch);
    if (!furnished && scratch.fresh)
        static_cast<void>(remove_tree(scratch.path));
    return furnished;
}

} // namespace glovebox::run

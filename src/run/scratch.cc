// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "run/scratch.h"

#include "sys/fd.h"
#include "text.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

namespace glovebox::run {
namespace {

/// What lies deeper is renamed to the top and removed in another round, so that depth costs neither
/// descriptors nor stack.
constexpr int kMaxDepth = 100;

class Remover {
public:
    explicit Remover(int top) : top_(top) {}

    /// Removes everything in the top directory. 0, or the first errno.
    int empty_top()
    {
        int before = 0;
        do {
            before = flattened_;
            const sys::Fd again(sys::openat(top_, ".", O_RDONLY | O_DIRECTORY)); // read from its start
            empty(again.get(), 0);
        } while (flattened_ > before);
        return error_;
    }

private:
    void empty(int dir, int depth)
    {
        for (const std::string& name : names(dir))
            remove(dir, name.c_str(), depth);
    }

    std::vector<std::string> names(int dir)
    {
        std::vector<std::string> out;
        alignas(struct ::dirent64) std::array<char, 32768> buffer;
        long filled = 0;
        while ((filled = sys::getdents64(dir, buffer.data(), buffer.size())) > 0) {
            for (long at = 0; at < filled;) {
                const auto* entry = reinterpret_cast<const struct ::dirent64*>(buffer.data() + at);
                at += entry->d_reclen;
                if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
                    out.emplace_back(entry->d_name);
            }
        }
        note(static_cast<int>(filled));
        return out;
    }

    void remove(int dir, const char* name, int depth)
    {
        int result = sys::unlinkat(dir, name, 0);
        if (result != -EISDIR) {
            note(result);
            return;
        }
        if (sys::unlinkat(dir, name, AT_REMOVEDIR) == 0)
            return;
        if (depth >= kMaxDepth) {
            const std::string flat = ".glovebox-" + std::to_string(++flattened_);
            note(sys::renameat(dir, name, top_, flat.c_str()));
            return;
        }
        sys::Fd below(sys::openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        if (below.error() == -EACCES && sys::fchmodat(dir, name, 0700) == 0)
            below.reset(sys::openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        if (!below) {
            note(below.error());
            return;
        }
        struct ::stat status;
        if (sys::fstat(below.get(), &status) == 0 && (status.st_mode & 0700) != 0700)
            sys::fchmodat(dir, name, 0700);
        empty(below.get(), depth + 1);
        below.reset();
        result = sys::unlinkat(dir, name, AT_REMOVEDIR);
        note(result);
    }

    void note(int result)
    {
        if (result < 0 && result != -ENOENT && error_ == 0)
            error_ = -result;
    }

    int top_;
    int error_ = 0;
    int flattened_ = 0;
};

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
    int made = make_directory(scratch, {}, 0700);
    if (made == 0)
        made = make_directory(scratch, "tmp", 01777);
    if (made == 0 && !scratch.changes.empty())
        made = make_directory(scratch, plan::kScratchState, 0700);
    if (made == 0 && !scratch.changes.empty())
        made = make_directory(scratch, std::string(plan::kScratchState) + "/cow", 0700);
    for (const plan::Changes& changes : scratch.changes)
        if (made == 0) {
            if (Result<> prepared = make_changes(scratch, changes); !prepared)
                return prepared;
        }
    if (made == 0)
        return {};
    if (scratch.fresh)
        static_cast<void>(remove_tree(scratch.path));
    return scratch_error(scratch, -made);
}

Result<> remove_tree(const std::string& path)
{
    sys::Fd top(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (top.error() == -EACCES && sys::fchmodat(AT_FDCWD, path.c_str(), 0700) == 0)
        top.reset(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    int error = -top.error();
    if (top) {
        sys::fchmodat(AT_FDCWD, path.c_str(), 0700);
        error = Remover(top.get()).empty_top();
        if (const int removed = sys::unlinkat(AT_FDCWD, path.c_str(), AT_REMOVEDIR); error == 0)
            error = -removed;
    }
    if (error == 0)
        return {};
    return fail("removing the scratch " + quote(path), std::strerror(error));
}

} // namespace glovebox::run

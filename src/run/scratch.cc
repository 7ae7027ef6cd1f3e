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

namespace glovebox::run {
namespace {

/// Deeper trees are flattened by renaming, so that depth costs no descriptors.
constexpr int kMaxDepth = 100;

class Remover {
public:
    explicit Remover(int top) : top_(top) {}

    /// Removes everything in directory `dir`.
    void empty(int dir, int depth)
    {
        for (const std::string& name : names(dir))
            remove(dir, name.c_str(), depth);
    }

    [[nodiscard]] int error() const { return error_; }

private:
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
            remove(top_, flat.c_str(), 0);
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

} // namespace

Result<> make_scratch(const plan::Scratch& scratch)
{
    const std::string temporary = scratch.path + "/tmp";
    int made = sys::mkdirat(AT_FDCWD, scratch.path.c_str(), 0700);
    const bool existed = made == -EEXIST && !scratch.fresh;
    if (made == 0 || existed) {
        made = sys::mkdirat(AT_FDCWD, temporary.c_str(), 0700);
        const bool there = made == -EEXIST && !scratch.fresh;
        if (made == 0 || there)
            made = sys::fchmodat(AT_FDCWD, temporary.c_str(), 01777);
    }
    if (made == 0)
        return {};
    if (!existed)
        sys::unlinkat(AT_FDCWD, scratch.path.c_str(), AT_REMOVEDIR);
    return fail("making the scratch " + quote(scratch.path), std::strerror(-made),
                spec::render_origin(scratch.origin), scratch_hint(scratch, -made));
}

Result<> remove_tree(const std::string& path)
{
    sys::Fd top(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (top.error() == -EACCES && sys::fchmodat(AT_FDCWD, path.c_str(), 0700) == 0)
        top.reset(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    int error = -top.error();
    if (top) {
        sys::fchmodat(AT_FDCWD, path.c_str(), 0700);
        Remover remover(top.get());
        remover.empty(top.get(), 0);
        error = remover.error();
        if (const int removed = sys::unlinkat(AT_FDCWD, path.c_str(), AT_REMOVEDIR); error == 0)
            error = -removed;
    }
    if (error == 0)
        return {};
    return fail("removing the scratch " + quote(path), std::strerror(error));
}

} // namespace glovebox::run

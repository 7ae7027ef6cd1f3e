// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/remove.h"

#include "review/files.h"
#include "text.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>

namespace glovebox::review {
namespace {

/// What lies deeper is renamed to the top and removed in another round, so that depth costs neither
/// descriptors nor stack.
constexpr int kMaxDepth = 32;

/// Opens the directory so that it can be emptied, for which its mode is changed where need be.
sys::Fd open_to_empty(int dir, const char* name)
{
    constexpr int kFlags = O_DIRECTORY | O_NOFOLLOW;
    sys::Fd opened(sys::openat(dir, name, O_RDONLY | kFlags));
    if (opened.error() == -EACCES) {
        const sys::Fd closed(sys::openat(dir, name, O_PATH | kFlags));
        if (closed && sys::chmod(closed.get(), 0700) == 0)
            opened.reset(sys::openat(dir, name, O_RDONLY | kFlags));
        return opened;
    }
    struct ::stat status = {};
    if (opened && sys::fstat(opened.get(), &status) == 0 && (status.st_mode & 0700) != 0700)
        sys::chmod(opened.get(), 0700);
    return opened;
}

class Remover {
public:
    Remover(int top, const std::string& last) : top_(top), last_(last) {}

    /// Removes everything in the top directory. 0, or the first -errno.
    int empty_top()
    {
        int before = 0;
        do {
            before = flattened_;
            const sys::Fd again(sys::openat(top_, ".", O_RDONLY | O_DIRECTORY)); // read from its start
            empty(again.get(), 0);
        } while (flattened_ > before);
        if (error_ == 0 && !last_.empty())
            note(remove_entry(top_, last_));
        return error_;
    }

private:
    void empty(int dir, int depth)
    {
        const OrErrno<std::vector<std::string>> names = read_names(dir);
        if (!names) {
            note(-names.error());
            return;
        }
        for (const std::string& name : *names)
            if (depth > 0 || name != last_)
                remove(dir, name.c_str(), depth);
    }

    void remove(int dir, const char* name, int depth)
    {
        const int result = sys::unlinkat(dir, name, 0);
        if (result != -EISDIR) {
            note(result);
            return;
        }
        if (sys::unlinkat(dir, name, AT_REMOVEDIR) == 0)
            return;
        sys::Fd below = open_to_empty(dir, name); // which a rename to another directory needs, too
        if (!below) {
            note(below.error());
            return;
        }
        if (depth >= kMaxDepth) {
            note(flatten(dir, name));
            return;
        }
        empty(below.get(), depth + 1);
        below.reset();
        note(sys::unlinkat(dir, name, AT_REMOVEDIR));
    }

    /// Under a name that nobody else took.
    int flatten(int dir, const char* name)
    {
        int result = -EEXIST;
        while (result == -EEXIST)
            result = rename_new(dir, name, top_, ".glovebox-" + std::to_string(++flattened_));
        return result;
    }

    void note(int result)
    {
        if (result < 0 && result != -ENOENT && error_ == 0)
            error_ = result;
    }

    int top_;
    std::string last_;
    int error_ = 0;
    int flattened_ = 0;
};

} // namespace

Result<> remove_tree(const std::string& path)
{
    struct ::stat status = {};
    int result = sys::lstat(path.c_str(), &status);
    if (result == 0)
        result = S_ISDIR(status.st_mode) ? remove_entry(AT_FDCWD, path) : -ENOTDIR;
    if (result == 0)
        return {};
    return fail("removing the scratch " + quote(path), std::strerror(-result));
}

int remove_entry(int dir, const std::string& name, const std::string& last)
{
    int result = sys::unlinkat(dir, name.c_str(), 0);
    if (result != -EISDIR)
        return result;
    const sys::Fd top = open_to_empty(dir, name.c_str());
    if (!top)
        return top.error();
    result = Remover(top.get(), last).empty_top();
    const int removed = sys::unlinkat(dir, name.c_str(), AT_REMOVEDIR);
    return result == 0 ? removed : result;
}

} // namespace glovebox::review

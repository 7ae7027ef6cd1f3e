// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/scratch.h"

#include "review/remove.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include <dirent.h>
#include <fcntl.h>

namespace glovebox::review {
namespace {

constexpr const char* kState = ".glovebox";
constexpr const char* kLock = ".glovebox/lock";
constexpr std::string_view kPrefix = "glovebox-";

/// What a run may spend on the leavings of others.
constexpr std::size_t kMaxLookedAt = 32;
constexpr std::size_t kMaxRemoved = 8;
constexpr int kMaxReads = 4;

sys::Fd open_directory(int dir, const std::string& name, int flags = 0)
{
    return sys::Fd(sys::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | flags));
}

int write_pid(int scratch)
{
    if (const int made = sys::mkdirat(scratch, kState, 0700); made < 0 && made != -EEXIST)
        return made;
    // A command of an earlier run cannot see the state, but the user can.
    const sys::Fd file(sys::open_beneath(scratch, kLock, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, sys::Links::refuse));
    if (!file)
        return file.error();
    const std::string text = std::to_string(sys::getpid()) + "\n";
    return std::min(0, static_cast<int>(sys::write(file.get(), text.data(), text.size())));
}

std::unexpected<Error> held_error(int scratch, const std::string& path)
{
    const std::string text = read_file(scratch, kLock).value_or("");
    int pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    return fail("the scratch " + quote(path) + " is in use by " + (pid > 0 ? "process " + std::to_string(pid) : "another run"), {}, {},
                "wait for its end, or stop it");
}

/// Whether another process holds it.
bool is_held(int scratch) { return sys::lock_file(scratch) == -EWOULDBLOCK; }

bool exists(int dir, const std::string& name)
{
    struct ::stat status = {};
    return sys::statat(dir, name.c_str(), &status) == 0;
}

bool is_same_file(int fd, int dir, const std::string& name)
{
    struct ::stat held = {};
    struct ::stat named = {};
    return sys::fstat(fd, &held) == 0 && sys::statat(dir, name.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

std::string without_slashes(std::string path)
{
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

/// Opens and locks what has the marks of a scratch.
Result<sys::Fd> lock_marked(const std::string& path)
{
    sys::Fd opened = open_directory(AT_FDCWD, path, O_NOFOLLOW);
    if (!opened && opened.error() != -ENOTDIR && opened.error() != -ELOOP)
        return fail("opening the scratch " + quote(path), std::strerror(-opened.error()));
    if (!opened || !exists(opened.get(), kState))
        return fail(quote(path) + " is not a scratch of glovebox");
    if (is_held(opened.get()))
        return held_error(opened.get(), path);
    return opened;
}

/// The scratch of a killed run of this user, locked; or nothing.
sys::Fd lock_stale(int dir, const std::string& name)
{
    struct ::stat status = {};
    if (!name.starts_with(kPrefix) || sys::statat(dir, name.c_str(), &status) < 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != sys::getuid())
        return sys::Fd();
    sys::Fd scratch = open_directory(dir, name, O_NOFOLLOW);
    if (scratch.error() == -EACCES) {
        // Its command took away the rights, of which we need one.
        const sys::Fd closed(sys::openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
        if (closed && sys::chmod(closed.get(), 0700) == 0)
            scratch = open_directory(dir, name, O_NOFOLLOW);
    }
    if (scratch && sys::lock_file(scratch.get()) == 0 && !exists(scratch.get(), kLock) && is_same_file(scratch.get(), dir, name))
        return scratch;
    return sys::Fd();
}

/// Calls visit(name) for names that scratches have, until that gives false or `reads` are done.
template <class F>
void for_each_candidate(int dir, int reads, F visit)
{
    alignas(struct ::dirent64) std::array<char, 32768> buffer;
    for (; reads > 0; --reads) {
        const long filled = sys::getdents64(dir, buffer.data(), buffer.size());
        if (filled <= 0)
            return;
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const struct ::dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            if (std::string_view(entry->d_name).starts_with(kPrefix) && !visit(std::string(entry->d_name)))
                return;
        }
    }
}

Result<Place> read_place(int cow, const std::string& path, const std::string& number)
{
    Place place;
    place.directory = path + "/" + kState + "/cow/" + number;
    const std::string source = number + "/source";
    struct ::stat status = {};
    const int found = sys::statat(cow, source.c_str(), &status);
    const OrErrno<std::string> text = found < 0 ? std::unexpected(-found) : read_file(cow, source);
    if (!text)
        return fail("reading " + quote(place.directory + "/source"), std::strerror(text.error()));
    if (!text->starts_with('/'))
        return fail("reading " + quote(place.directory + "/source"), "it holds no path");
    place.source = *text;
    place.since = status.st_mtim;
    return place;
}

} // namespace

OrErrno<sys::Fd> make_held(const std::string& path)
{
    for (;;) {
        if (const int made = sys::mkdirat(AT_FDCWD, path.c_str(), 0700); made < 0)
            return std::unexpected(-made);
        sys::Fd scratch = open_directory(AT_FDCWD, path, O_NOFOLLOW);
        if (!scratch && scratch.error() != -ENOENT)
            return std::unexpected(-scratch.error());
        // Between making and locking, it looks like what killed runs leave behind: another run may
        // have locked it to remove it. Then it is made once more.
        while (scratch && is_held(scratch.get()) && is_same_file(scratch.get(), AT_FDCWD, path))
            sys::poll({}, 1);
        if (scratch && is_same_file(scratch.get(), AT_FDCWD, path))
            return scratch;
    }
}

int mark_kept(const std::string& path)
{
    const sys::Fd scratch = open_directory(AT_FDCWD, path);
    return scratch ? write_pid(scratch.get()) : scratch.error();
}

Result<sys::Fd> lock_scratch(const std::string& path)
{
    sys::Fd scratch = open_directory(AT_FDCWD, path);
    if (scratch && is_held(scratch.get()))
        return held_error(scratch.get(), path);
    const int marked = scratch ? write_pid(scratch.get()) : scratch.error();
    if (marked < 0)
        return fail("locking the scratch " + quote(path), std::strerror(-marked));
    return scratch;
}

Result<Scratch> open_scratch(const std::string& given)
{
    const std::string path = without_slashes(given);
    Result<sys::Fd> lock = lock_marked(path);
    if (!lock)
        return std::unexpected(lock.error());
    if (const int marked = write_pid(lock->get()); marked < 0)
        return fail("locking the scratch " + quote(path), std::strerror(-marked));
    Scratch scratch = {std::move(*lock), path, {}};
    const sys::Fd cow = open_directory(scratch.lock.get(), std::string(kState) + "/cow", O_NOFOLLOW);
    if (cow.error() == -ENOENT)
        return scratch;
    OrErrno<std::vector<std::string>> numbers = cow ? read_names(cow.get()) : std::unexpected(-cow.error());
    if (!numbers)
        return fail("reading the scratch " + quote(path), std::strerror(numbers.error()));
    std::ranges::sort(*numbers, {}, [](const std::string& number) { return std::pair(number.size(), number); });
    for (const std::string& number : *numbers) {
        Result<Place> place = read_place(cow.get(), path, number);
        if (!place)
            return std::unexpected(place.error());
        scratch.places.push_back(std::move(*place));
    }
    return scratch;
}

Result<> restart_place(const Place& place)
{
    constexpr struct ::timespec kNow[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    const std::string path = place.directory + "/source";
    if (const int set = sys::set_times(AT_FDCWD, path.c_str(), kNow); set < 0)
        return fail("noting the time in " + quote(path), std::strerror(-set));
    return {};
}

Result<> discard_scratch(const std::string& given)
{
    const std::string path = without_slashes(given);
    const Result<sys::Fd> lock = lock_marked(path);
    if (!lock)
        return std::unexpected(lock.error());
    // The state goes last: an attempt that failed can be repeated.
    if (const int removed = remove_entry(AT_FDCWD, path, kState); removed < 0)
        return fail("removing the scratch " + quote(path), std::strerror(-removed));
    return {};
}

void remove_stale(const std::string& directory)
{
    const sys::Fd dir = open_directory(AT_FDCWD, directory);
    std::size_t looked_at = 0;
    std::size_t removed = 0;
    for_each_candidate(dir.get(), kMaxReads, [&](const std::string& name) {
        if (const sys::Fd stale = lock_stale(dir.get(), name); stale && remove_entry(dir.get(), name) == 0)
            ++removed;
        return ++looked_at < kMaxLookedAt && removed < kMaxRemoved;
    });
}

Stale discard_stale(const std::string& directory)
{
    Stale result;
    const sys::Fd dir = open_directory(AT_FDCWD, directory);
    for_each_candidate(dir.get(), std::numeric_limits<int>::max(), [&](const std::string& name) {
        const sys::Fd stale = lock_stale(dir.get(), name);
        const int gone = stale ? remove_entry(dir.get(), name) : 0;
        if (gone < 0)
            result.failures.push_back({"removing the scratch " + quote(directory + "/" + name), std::strerror(-gone), {}, {}});
        else if (stale)
            ++result.removed;
        return true;
    });
    return result;
}

} // namespace glovebox::review

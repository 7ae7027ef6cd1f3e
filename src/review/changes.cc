// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/changes.h"

#include "review/copy.h"
#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>

namespace glovebox::review {
namespace {

/// A system call takes no longer path, and the hidden names are longer than theirs.
constexpr std::size_t kMaxPath = PATH_MAX - 512;

constexpr const char* kChanged = "has changed on the host since the run began";
constexpr const char* kVanished = "was removed on the host since the run began";

std::string join(const std::string& directory, const std::string& name)
{
    return directory == "." ? name : directory + "/" + name;
}

/// A directory comes before what is in it, and that before what follows the directory.
bool comes_before(const Change& one, const Change& other)
{
    const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
    if (one.path == "." || other.path == ".")
        return one.path == "." && other.path != ".";
    return std::ranges::lexicographical_compare(one.path, other.path, {}, rank, rank);
}

bool is_file(const struct ::stat& status) { return S_ISREG(status.st_mode); }
bool is_directory(const struct ::stat& status) { return S_ISDIR(status.st_mode); }

class Lister {
public:
    explicit Lister(const Place& place) : place_(place) {}

    Result<std::vector<Change>> list();

private:
    enum class Where { both, scratch, host };
    struct Directory {
        std::string path;
        Where where;
        bool is_opaque = false; ///< one above it was
    };
    /// A directory that is looked at. A descriptor is missing where it is not in both.
    struct Open {
        std::string path;
        sys::Fd upper;
        sys::Fd host;
        struct ::stat host_status = {};
        bool is_opaque = false;           ///< hides what the host has there
        bool has_whiteout_files = false; ///< whiteouts are files with an attribute
        bool is_merged = false;           ///< what the host has there was seen through it
    };
    /// A path of a file in the scratch that has several.
    struct Name {
        std::string path;
        struct ::stat before;
        struct ::stat after;
        std::size_t change; ///< its index, or kNone
    };
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    OrErrno<> look_at(const Directory& directory);
    OrErrno<Open> open(const Directory& directory);
    OrErrno<> compare_entry(const Open& in, const std::string& name);
    OrErrno<> compare_files(const Open& in, const std::string& name, const std::string& path, const struct ::stat& before,
                            const struct ::stat& after);
    void compare_directories(const Open& in);
    void note_added(const Open& in, const std::string& name, const std::string& path, const struct ::stat& after);
    void note_name(const Name& name);
    OrErrno<> note_removed(const std::string& path, const struct ::stat& before);
    Change& note(Change::Kind kind, const std::string& path, const struct ::stat& before, const struct ::stat& after);
    [[nodiscard]] bool is_whiteout(const Open& in, const std::string& name, const struct ::stat& status) const;
    void decide_vanished();
    void link_names();

    const Place& place_;
    sys::Fd upper_;
    sys::Fd host_;
    std::vector<Directory> to_do_;
    std::vector<Change> changes_;
    std::vector<std::size_t> maybe_vanished_;
    std::map<std::pair<::dev_t, ::ino_t>, std::vector<Name>> names_;
};

Result<std::vector<Change>> Lister::list()
{
    const auto failed = [](const std::string& path, int error) {
        return fail("comparing " + quote(path), std::strerror(error));
    };
    upper_.reset(sys::open(place_.upper().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!upper_)
        return failed(place_.upper(), -upper_.error());
    host_.reset(sys::open(place_.source.c_str(), O_RDONLY | O_DIRECTORY));
    if (!host_)
        return failed(place_.source, -host_.error());
    to_do_.push_back({".", Where::both});
    while (!to_do_.empty()) {
        const Directory directory = std::move(to_do_.back());
        to_do_.pop_back();
        if (const OrErrno<> looked = look_at(directory); !looked)
            return failed(place_.source + "/" + directory.path, looked.error());
    }
    decide_vanished();
    link_names();
    std::ranges::sort(changes_, comes_before);
    return std::move(changes_);
}

OrErrno<Lister::Open> Lister::open(const Directory& directory)
{
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    Open out;
    out.path = directory.path;
    if (directory.path.size() > kMaxPath)
        return std::unexpected(ENAMETOOLONG);
    if (directory.where != Where::scratch) {
        out.host.reset(sys::open_beneath(host_.get(), directory.path.c_str(), kFlags, sys::Links::refuse));
        const int found = out.host ? sys::fstat(out.host.get(), &out.host_status) : out.host.error();
        if (found < 0)
            return std::unexpected(-found);
    }
    if (directory.where != Where::host) {
        out.upper.reset(sys::open_beneath(upper_.get(), directory.path.c_str(), kFlags, sys::Links::refuse));
        if (!out.upper)
            return std::unexpected(-out.upper.error());
        const std::string opaque = overlay_xattr(out.upper.get(), "opaque").value_or("");
        out.is_opaque = directory.is_opaque || opaque == "y";
        out.has_whiteout_files = opaque == "x";
    }
    out.is_merged = directory.where == Where::both && !out.is_opaque;
    return out;
}

OrErrno<> Lister::look_at(const Directory& directory)
{
    const OrErrno<Open> in = open(directory);
    if (!in)
        return std::unexpected(in.error());
    OrErrno<std::vector<std::string>> in_upper;
    if (in->upper) {
        in_upper = read_names(in->upper.get());
        if (!in_upper)
            return std::unexpected(in_upper.error());
        if (in->host)
            compare_directories(*in);
        for (const std::string& name : *in_upper)
            if (OrErrno<> compared = compare_entry(*in, name); !compared)
                return compared;
    }
    if (directory.where == Where::host || (in->host && in->is_opaque)) {
        const OrErrno<std::vector<std::string>> on_host = read_names(in->host.get());
        if (!on_host)
            return std::unexpected(on_host.error());
        for (const std::string& name : *on_host) {
            struct ::stat before = {};
            if (in->upper && std::ranges::binary_search(*in_upper, name))
                continue;
            if (const int found = sys::statat(in->host.get(), name.c_str(), &before); found < 0)
                return checked(found);
            if (OrErrno<> noted = note_removed(join(in->path, name), before); !noted)
                return noted;
        }
    }
    return {};
}

bool Lister::is_whiteout(const Open& in, const std::string& name, const struct ::stat& status) const
{
    if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0))
        return true;
    if (!in.has_whiteout_files || !is_file(status) || status.st_size != 0)
        return false;
    const sys::Fd file(sys::openat(in.upper.get(), name.c_str(), O_RDONLY | O_NOFOLLOW));
    return overlay_xattr(file.get(), "whiteout").has_value();
}

OrErrno<> Lister::compare_entry(const Open& in, const std::string& name)
{
    const std::string path = join(in.path, name);
    struct ::stat after = {};
    struct ::stat before = {};
    if (const int found = sys::statat(in.upper.get(), name.c_str(), &after); found < 0)
        return checked(found);
    const int found = in.host ? sys::statat(in.host.get(), name.c_str(), &before) : -ENOENT;
    if (found < 0 && found != -ENOENT)
        return checked(found);
    const bool was_there = found == 0;
    if (is_whiteout(in, name, after))
        return was_there ? note_removed(path, before) : OrErrno<>();
    if (!was_there) {
        note_added(in, name, path, after);
        return {};
    }
    if ((before.st_mode & S_IFMT) != (after.st_mode & S_IFMT)) {
        note(Change::Kind::type, path, before, after).target = read_link(in.upper.get(), name).value_or("");
        note_name({path, before, after, changes_.size() - 1});
        if (is_directory(before))
            to_do_.push_back({path, Where::host});
        if (is_directory(after))
            to_do_.push_back({path, Where::scratch});
        return {};
    }
    if (is_directory(after))
        to_do_.push_back({path, Where::both, in.is_opaque});
    else if (is_file(after))
        return compare_files(in, name, path, before, after);
    else if (S_ISLNK(after.st_mode) && read_link(in.upper.get(), name) != read_link(in.host.get(), name))
        note(Change::Kind::modified, path, before, after).target = read_link(in.upper.get(), name).value_or("");
    else if (!S_ISLNK(after.st_mode) && before.st_mode != after.st_mode)
        note(Change::Kind::mode, path, before, after);
    return {};
}

/// The directory itself, not what is in it.
void Lister::compare_directories(const Open& in)
{
    struct ::stat after = {};
    sys::fstat(in.upper.get(), &after);
    if (in.host_status.st_mode != after.st_mode || read_xattrs(in.upper.get()) != read_xattrs(in.host.get()))
        note(Change::Kind::mode, in.path, in.host_status, after);
}

OrErrno<> Lister::compare_files(const Open& in, const std::string& name, const std::string& path, const struct ::stat& before,
                                const struct ::stat& after)
{
    const sys::Fd upper(sys::openat(in.upper.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!upper)
        return checked(upper.error());
    const sys::Fd host(sys::openat(in.host.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    std::size_t change = changes_.size();
    if (before.st_size != after.st_size || !host || !is_same_content(upper.get(), host.get()))
        note(Change::Kind::modified, path, before, after);
    else if (before.st_mode != after.st_mode || read_xattrs(upper.get()) != read_xattrs(host.get()))
        note(Change::Kind::mode, path, before, after);
    else
        change = kNone;
    note_name({path, before, after, change});
    return {};
}

void Lister::note_added(const Open& in, const std::string& name, const std::string& path, const struct ::stat& after)
{
    Change& change = note(Change::Kind::added, path, {}, after);
    change.target = read_link(in.upper.get(), name).value_or("");
    note_name({path, {}, after, changes_.size() - 1});
    if (is_directory(after))
        to_do_.push_back({path, Where::scratch});
    if (!in.is_merged || !is_later(in.host_status.st_mtim, place_.since) || (!is_file(after) && !is_directory(after)))
        return;
    // Copied up from the host, which has it no more, and whose directory has changed since.
    const sys::Fd copied(sys::openat(in.upper.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!overlay_xattr(copied.get(), "origin"))
        return;
    // Overlayfs renames no directory of the host, but files, which stay marked.
    if (is_directory(after))
        change.conflict = kVanished;
    else
        maybe_vanished_.push_back(changes_.size() - 1);
}

void Lister::note_name(const Name& name)
{
    if (is_file(name.after) && name.after.st_nlink > 1)
        names_[{name.after.st_dev, name.after.st_ino}].push_back(name);
}

OrErrno<> Lister::note_removed(const std::string& path, const struct ::stat& before)
{
    note(Change::Kind::removed, path, before, {});
    if (is_directory(before))
        to_do_.push_back({path, Where::host});
    return {};
}

Change& Lister::note(Change::Kind kind, const std::string& path, const struct ::stat& before, const struct ::stat& after)
{
    Change& change = changes_.emplace_back();
    change.kind = kind;
    change.path = path;
    change.before = before;
    change.after = after;
    if (before.st_mode == 0 || !is_later(before.st_ctim, place_.since))
        return change;
    // A directory changes with each name in it. What is removed with it stands for itself; a change
    // of mode leaves the modification time as it was.
    if (!is_directory(before) || (kind == Change::Kind::mode && !(before.st_ctim == before.st_mtim)))
        change.conflict = kChanged;
    return change;
}

/// A file that came by a rename in the sandbox is marked as copied from the host, too. It has the
/// size and time that the host's file at its old path has still.
void Lister::decide_vanished()
{
    std::set<std::pair<std::int64_t, std::pair<std::int64_t, std::int64_t>>> old;
    const auto key = [](const struct ::stat& status) {
        return std::pair(std::int64_t{status.st_size}, std::pair(std::int64_t{status.st_mtim.tv_sec}, std::int64_t{status.st_mtim.tv_nsec}));
    };
    for (const Change& change : changes_)
        if (is_file(change.before))
            old.insert(key(change.before));
    for (const std::size_t index : maybe_vanished_)
        if (!old.contains(key(changes_[index].after)))
            changes_[index].conflict = kVanished;
}

void Lister::link_names()
{
    for (const auto& [inode, names] : names_) {
        if (names.size() < 2)
            continue;
        auto first = std::ranges::find(names, kNone, &Name::change);
        if (first == names.end())
            first = std::ranges::min_element(names, {}, &Name::path);
        const bool is_unchanged = first->change == kNone;
        for (const Name& name : names) {
            if (name.change == kNone && (&name == &*first || name.before.st_ino == first->before.st_ino))
                continue;
            Change& change = name.change == kNone ? note(Change::Kind::modified, name.path, name.before, name.after) : changes_[name.change];
            change.is_linked = true;
            if (&name == &*first)
                continue;
            change.link_to = first->path;
            change.link_is_unchanged = is_unchanged;
        }
    }
}

} // namespace

bool is_below(const std::string& path, const std::string& top)
{
    return top == "." ? path != "." : path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
}

Result<std::vector<Change>> list_changes(const Place& place) { return Lister(place).list(); }

std::vector<Change> select_changes(const std::vector<Change>& changes, std::set<std::string>& paths)
{
    std::vector<bool> is_selected(changes.size());
    std::set<std::string> found;
    for (std::size_t i = 0; i < changes.size(); ++i)
        for (const std::string& path : paths)
            if (changes[i].path == path || is_below(changes[i].path, path)) {
                is_selected[i] = true;
                found.insert(path);
            }
    // From the last to the first: what is in a directory comes after it.
    std::string needed;
    for (std::size_t i = changes.size(); i-- > 0;) {
        const Change& change = changes[i];
        const bool makes_directory = is_directory(change.after) && change.kind != Change::Kind::mode;
        if (makes_directory && is_below(needed, change.path))
            is_selected[i] = true;
        if (is_selected[i] && change.kind != Change::Kind::removed)
            needed = change.path;
    }
    std::vector<Change> out;
    for (std::size_t i = 0; i < changes.size(); ++i)
        if (is_selected[i])
            out.push_back(changes[i]);
    for (const std::string& path : found)
        paths.erase(path);
    return out;
}

} // namespace glovebox::review

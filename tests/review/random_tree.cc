// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "random_tree.h"

#include "review/copy.h"
#include "review/remove.h"

#include <algorithm>
#include <array>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

constexpr std::array kModes = {0644U, 0600U, 0755U, 0444U, 0640U, 0000U, 0700U, 0111U};
constexpr std::array kDirectoryModes = {0755U, 0700U, 0555U, 0750U, 0000U, 01777U};
/// What directories made by an Actor are called: overlayfs can rename these.
constexpr std::string_view kNewDirectory = "newdir";

bool is_file(const fs::path& path) { return fs::is_regular_file(fs::symlink_status(path)); }
bool is_link(const fs::path& path) { return fs::is_symlink(fs::symlink_status(path)); }
bool is_directory(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

struct ::stat status_of(const fs::path& path)
{
    struct ::stat status = {};
    ::lstat(path.c_str(), &status);
    return status;
}

std::vector<std::string> paths_in(const fs::path& top)
{
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(top))
        out.push_back(entry.path().lexically_relative(top));
    std::ranges::sort(out);
    return out;
}

std::string random_text(Random& random)
{
    std::string text(random() % 40, 'x');
    for (char& c : text)
        c = static_cast<char>('a' + random() % 26);
    return random() % 8 == 0 ? text + std::string(5000, '#') : text + "\n";
}

void remove_any(const fs::path& path) { review::remove_entry(AT_FDCWD, path); }

/// Each file for itself: until the next mount, overlayfs may show two names of a file as two files.
void copy_any(const fs::path& from, const fs::path& to)
{
    if (!fs::is_directory(fs::symlink_status(from))) {
        EXPECT_TRUE(review::copy_node(AT_FDCWD, from, AT_FDCWD, to)) << from;
        return;
    }
    fs::create_directory(to);
    for (const auto& entry : fs::directory_iterator(from))
        copy_any(entry.path(), to / entry.path().filename());
    ASSERT_EQ(::chmod(to.c_str(), mode_of(from)), 0);
}

void append(const fs::path& path, const std::string& text)
{
    std::ofstream file(path, std::ios::app | std::ios::binary);
    file << text;
    EXPECT_TRUE(file) << path;
}

/// Fresh directories with fixed contents.
void fill(const fs::path& directory, const Operation& operation)
{
    fs::create_directory(directory);
    write_file(directory / "file", operation.text);
    fs::create_directory(directory / "sub");
    write_file(directory / "sub/x", operation.text + "x", 0640);
    fs::create_hard_link(directory / "sub/x", directory / "y");
}

} // namespace

void make_random_tree(const fs::path& top, Random& random)
{
    std::vector<fs::path> directories = {top};
    std::vector<fs::path> files;
    const std::size_t size = 4 + random() % 20;
    for (std::size_t i = 0; i < size; ++i) {
        const fs::path path = directories[random() % directories.size()] / ("n" + std::to_string(i));
        switch (random() % 8) {
        case 0:
        case 1:
            fs::create_directory(path);
            directories.push_back(path);
            break;
        case 2:
            fs::create_symlink(random() % 2 == 0 ? "n0" : "/nowhere", path);
            break;
        case 3:
            if (!files.empty()) {
                fs::create_hard_link(files[random() % files.size()], path);
                break;
            }
            [[fallthrough]];
        default:
            write_file(path, random_text(random));
            if (random() % 6 == 0)
                fs::resize_file(path, 20'000);
            if (random() % 6 == 0)
                set_xattr(path, "user.note", "of the host");
            files.push_back(path);
        }
    }
    for (const fs::path& file : files)
        if (random() % 3 == 0)
            fs::permissions(file, static_cast<fs::perms>(kModes[random() % kModes.size()]));
    for (std::size_t i = directories.size(); i-- > 1;)
        if (random() % 3 == 0)
            fs::permissions(directories[i], static_cast<fs::perms>(kDirectoryModes[random() % kDirectoryModes.size()]));
}

std::string describe(const Operation& operation)
{
    constexpr std::array kNames = {"create", "append", "make hole", "rename", "link", "symlink", "chmod", "set xattr",
                                   "remove", "mkdir", "copy directory", "rename directory", "file to directory",
                                   "directory to file", "remake directory", "touch"};
    return std::string(kNames[static_cast<std::size_t>(operation.kind)]) + " " + operation.path + " " + operation.other + " " +
           std::to_string(operation.mode);
}

void perform(const Operation& operation, const fs::path& top)
{
    using Kind = Operation::Kind;
    const fs::path path = top / operation.path;
    const fs::path other = top / operation.other;
    switch (operation.kind) {
    case Kind::create:
        write_file(path, operation.text, operation.mode);
        break;
    case Kind::append:
        append(path, operation.text);
        break;
    case Kind::make_hole:
        fs::resize_file(path, fs::file_size(path) + 10'000);
        break;
    case Kind::rename:
        ASSERT_EQ(::rename(path.c_str(), other.c_str()), 0) << path << " " << other;
        break;
    case Kind::link:
        ASSERT_EQ(::link(path.c_str(), other.c_str()), 0) << path << " " << other;
        break;
    case Kind::symlink:
        fs::create_symlink("to" + std::to_string(operation.mode), path);
        break;
    case Kind::chmod:
        ASSERT_EQ(::chmod(path.c_str(), operation.mode), 0) << path;
        break;
    case Kind::set_xattr:
        set_xattr(path, "user.note", operation.text.substr(0, 40));
        break;
    case Kind::remove:
        remove_any(path);
        break;
    case Kind::mkdir:
        fs::create_directory(path);
        break;
    case Kind::copy_directory:
        copy_any(path, other);
        remove_any(path);
        break;
    case Kind::rename_directory:
        ASSERT_EQ(::rename(path.c_str(), other.c_str()), 0) << path << " " << other;
        break;
    case Kind::file_to_directory:
    case Kind::remake_directory:
        remove_any(path);
        fill(path, operation);
        break;
    case Kind::directory_to_file:
        remove_any(path);
        if (operation.mode == 0)
            fs::create_symlink("somewhere", path);
        else
            write_file(path, operation.text, operation.mode);
        break;
    case Kind::touch:
        set_time(path, 1'000'000'000'000'000'000);
        break;
    }
}

Actor::Actor(fs::path top, Random& random) : top_(std::move(top)), random_(random)
{
    for (const std::string& path : paths_in(top_))
        if (const struct ::stat status = status_of(top_ / path); S_ISREG(status.st_mode) && status.st_nlink > 1)
            shared_.try_emplace(status.st_ino, sys::open((top_ / path).c_str(), O_PATH));
}

Operation Actor::act()
{
    Operation operation;
    while (!think(operation))
        operation = {};
    perform(operation, top_);
    return operation;
}

std::string Actor::pick(bool (*wanted)(const fs::path&))
{
    std::vector<std::string> out;
    for (const std::string& path : paths_in(top_))
        if (wanted(top_ / path))
            out.push_back(path);
    return out.empty() ? "" : out[below(out.size())];
}

std::string Actor::pick_file() { return pick(is_file); }
std::string Actor::pick_directory() { return pick(is_directory); }

std::string Actor::new_name()
{
    const std::string parent = below(3) == 0 ? "" : pick_directory();
    return (fs::path(parent) / ("new" + std::to_string(count_++))).string();
}

/// Gives `path` a copy of its own where overlayfs would.
void Actor::part(const std::string& path)
{
    const struct ::stat status = status_of(top_ / path);
    if (status.st_nlink < 2 || !shared_.contains(status.st_ino))
        return;
    const fs::path aside = top_ / "aside";
    copy_any(top_ / path, aside);
    fs::rename(aside, top_ / path);
}

/// False where the tree has nothing to do it with.
bool Actor::think(Operation& operation)
{
    using Kind = Operation::Kind;
    operation.kind = static_cast<Kind>(below(static_cast<std::size_t>(Kind::touch) + 1));
    operation.text = random_text(random_);
    operation.mode = kModes[below(kModes.size())];
    switch (operation.kind) {
    case Kind::create:
        operation.path = below(2) == 0 ? new_name() : pick_file();
        break;
    case Kind::append:
    case Kind::make_hole:
    case Kind::set_xattr:
        operation.path = pick_file();
        break;
    case Kind::touch:
        operation.path = pick_file();
        // Whoever only touches a name parts it from the others, but that is no change.
        return !operation.path.empty() && status_of(top_ / operation.path).st_nlink == 1;
    case Kind::rename: {
        operation.path = below(4) == 0 ? pick(is_link) : pick_file();
        operation.other = below(2) == 0 ? new_name() : pick_file();
        const struct ::stat one = status_of(top_ / operation.path);
        // Two names of one file: such a rename does nothing, nor does overlayfs see them as two.
        if (operation.path.empty() || operation.other.empty() || one.st_ino == status_of(top_ / operation.other).st_ino)
            return false;
        break;
    }
    case Kind::link: {
        operation.path = pick_file();
        operation.other = new_name();
        // A new name for a file of the host that has several parts it from these, on its own.
        const struct ::stat status = status_of(top_ / operation.path);
        if (operation.path.empty() || (status.st_nlink > 1 && shared_.contains(status.st_ino)))
            return false;
        shared_.erase(status.st_ino); // the last name of several has no others to part from
        break;
    }
    case Kind::symlink:
        operation.path = new_name();
        break;
    case Kind::chmod: {
        const bool is_of_directory = below(2) == 0;
        operation.path = is_of_directory ? pick_directory() : pick_file();
        if (is_of_directory)
            operation.mode = kDirectoryModes[below(kDirectoryModes.size())];
        if (operation.path.empty() || mode_of(top_ / operation.path) == operation.mode)
            return false;
        break;
    }
    case Kind::remove:
        operation.path = below(3) == 0 ? pick_directory() : pick_file();
        break;
    case Kind::mkdir:
        operation.path = (fs::path(new_name()).parent_path() / (std::string(kNewDirectory) + std::to_string(count_++))).string();
        break;
    case Kind::copy_directory:
    case Kind::rename_directory:
        operation.path = pick_directory();
        operation.other = new_name() + "moved";
        if (operation.path.empty() || (operation.other + "/").starts_with(operation.path + "/"))
            return false;
        if (operation.kind == Kind::rename_directory && !fs::path(operation.path).filename().string().starts_with(kNewDirectory))
            return false;
        break;
    case Kind::file_to_directory:
        operation.path = pick_file();
        break;
    case Kind::directory_to_file:
        operation.path = pick_directory();
        break;
    case Kind::remake_directory:
        operation.path = pick_directory();
        break;
    }
    if (operation.path.empty())
        return false;
    if (operation.kind != Kind::remove && is_file(top_ / operation.path))
        part(operation.path);
    return true;
}

} // namespace glovebox::test

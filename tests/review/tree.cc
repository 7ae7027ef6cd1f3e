// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "tree.h"

#include "review/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string describe(const fs::path& path, const struct ::stat& status)
{
    char mode[16];
    std::snprintf(mode, sizeof mode, "%06o", status.st_mode);
    std::string out = mode;
    if (S_ISLNK(status.st_mode))
        return out + " -> " + fs::read_symlink(path).string();
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return out;
    const sys::Fd file(sys::open(path.c_str(), O_RDONLY));
    if (!file)
        return out + " cannot be read";
    if (S_ISREG(status.st_mode)) {
        const std::string text = read_file(path);
        out += " " + std::to_string(status.st_size) + " bytes: ";
        out += text.size() < 60 ? text : text.substr(0, 20) + "... " + std::to_string(std::hash<std::string>()(text));
    }
    const review::Xattrs xattrs = review::read_xattrs(file.get()).value_or(review::Xattrs());
    for (const auto& [name, value] : xattrs)
        out += " " + name + "=" + value;
    return out;
}

} // namespace

Manifest manifest(const fs::path& top)
{
    Manifest out;
    std::map<::ino_t, std::vector<std::string>> names; // of files, whatever number of links the kernel tells
    const auto add = [&](const fs::path& path, const std::string& name) {
        struct ::stat status = {};
        ASSERT_EQ(::lstat(path.c_str(), &status), 0) << path;
        out[name] = describe(path, status);
        if (!S_ISDIR(status.st_mode))
            names[status.st_ino].push_back(name);
    };
    add(top, ".");
    for (const auto& entry : fs::recursive_directory_iterator(top))
        add(entry.path(), entry.path().lexically_relative(top));
    for (const auto& [inode, same] : names)
        for (const std::string& name : same)
            if (same.size() > 1)
                out[name] += " same as " + *std::ranges::min_element(same);
    return out;
}

std::vector<std::string> differences(const Manifest& one, const Manifest& other)
{
    std::vector<std::string> out;
    for (const auto& [name, text] : one)
        if (const auto found = other.find(name); found == other.end() || found->second != text)
            out.push_back("first: " + name + ": " + text);
    for (const auto& [name, text] : other)
        if (const auto found = one.find(name); found == one.end() || found->second != text)
            out.push_back("second: " + name + ": " + text);
    return out;
}

std::int64_t time_of(const fs::path& path)
{
    struct ::stat status = {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec;
}

void set_time(const fs::path& path, std::int64_t nanoseconds)
{
    const struct ::timespec time = {nanoseconds / kSecond, nanoseconds % kSecond};
    const struct ::timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

unsigned mode_of(const fs::path& path)
{
    struct ::stat status = {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

void write_file(const fs::path& path, std::string_view text, unsigned mode)
{
    std::ofstream(path, std::ios::binary) << text;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

std::string read_file(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void set_xattr(const fs::path& path, const char* name, std::string_view value)
{
    ASSERT_EQ(::setxattr(path.c_str(), name, value.data(), value.size(), 0), 0) << path;
}

void make_deep(const fs::path& top, const std::string& name, int depth)
{
    sys::Fd at(sys::open(top.c_str(), O_RDONLY | O_DIRECTORY));
    for (int i = 0; i < depth; ++i) {
        ASSERT_EQ(sys::mkdirat(at.get(), name.c_str(), 0755), 0);
        at = sys::Fd(sys::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    }
}

int depth_of(const fs::path& top, const std::string& name)
{
    int depth = -1;
    for (sys::Fd at(sys::open(top.c_str(), O_RDONLY | O_DIRECTORY)); at; ++depth)
        at = sys::Fd(sys::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    return depth;
}

fs::path memory()
{
    static const fs::path& mounted = *new fs::path([] { // for the end of the program, too
        std::string name = fs::temp_directory_path() / "glovebox-review-memory-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        EXPECT_EQ(::mount("none", name.c_str(), "tmpfs", 0, "size=256M"), 0) << std::strerror(errno);
        write_file(fs::path(name) / "probe", "");
        const bool can_hold_overlays = ::setxattr((name + "/probe").c_str(), "user.overlay.opaque", "y", 1, 0) == 0;
        std::atexit([] {
            ::umount2(memory().c_str(), MNT_DETACH);
            ::rmdir(memory().c_str());
        });
        return can_hold_overlays ? fs::path(name) : fs::temp_directory_path();
    }());
    return mounted;
}

void FolderTest::SetUp()
{
    std::string name = base() / "glovebox-review-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    merged_ = folder_ / "merged";
    fs::create_directories(source());
    fs::create_directory(merged_);
}

void FolderTest::TearDown()
{
    for (const fs::path& disk : disks_)
        unmount(disk);
    fs::remove_all(folder_);
}

void FolderTest::mount_overlay()
{
    const fs::path scratch = folder_ / "scratch";
    const fs::path cow = upper().parent_path();
    if (!fs::exists(cow)) {
        fs::create_directories(cow / "work");
        fs::create_directory(upper());
        ASSERT_EQ(::chmod(upper().c_str(), mode_of(source())), 0);
        write_file(scratch / ".glovebox/lock", "");
        write_file(cow / "source", source().string());
    }
    const std::string options = "userxattr,lowerdir=" + source().string() + ",upperdir=" + upper().string() +
                                ",workdir=" + (cow / "work").string();
    ASSERT_EQ(::mount("none", merged_.c_str(), "overlay", 0, options.c_str()), 0) << std::strerror(errno);
}

void FolderTest::unmount(const fs::path& path) { EXPECT_EQ(::umount2(path.c_str(), 0), 0) << path; }

void FolderTest::run_in_overlay_sh(const std::string& script)
{
    run_in_overlay([&](const fs::path& merged) {
        EXPECT_EQ(std::system(("cd '" + merged.string() + "' && set -e && " + script).c_str()), 0);
    });
}

void FolderTest::mount_small_disk(const fs::path& path, std::size_t bytes)
{
    ASSERT_EQ(::mount("none", path.c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()), 0) << std::strerror(errno);
    disks_.push_back(path);
}

review::Place FolderTest::place() const
{
    const fs::path cow = upper().parent_path();
    const std::int64_t since = time_of(cow / "source");
    return {cow, source(), {since / kSecond, since % kSecond}};
}

} // namespace glovebox::test

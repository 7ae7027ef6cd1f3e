// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Trees of files for the review tests: a folder for each test, what is in it, an overlay over it.

#include "review/scratch.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace glovebox::test {

namespace fs = std::filesystem;

/// What is at each path below `top`: kind, mode, content, target, extended attributes, and for a file
/// with several names the first of them. The top's own mode is at ".".
using Manifest = std::map<std::string, std::string>;
Manifest manifest(const fs::path& top);
/// What is in one only, or otherwise in the other.
std::vector<std::string> differences(const Manifest& one, const Manifest& other);

/// A file system in memory, where the kernel's tmpfs can hold what overlayfs notes; or else on disk.
fs::path memory();

/// Modification time of what is at `path`, in nanoseconds.
std::int64_t time_of(const fs::path& path);
void set_time(const fs::path& path, std::int64_t nanoseconds);
unsigned mode_of(const fs::path& path);
void write_file(const fs::path& path, std::string_view text, unsigned mode = 0644);
std::string read_file(const fs::path& path);
void set_xattr(const fs::path& path, const char* name, std::string_view value);
/// Directories of that name inside each other.
void make_deep(const fs::path& top, const std::string& name, int depth);
/// How many of them there are.
int depth_of(const fs::path& top, const std::string& name);

class FolderTest : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;
    /// Where the folder of the test is made.
    [[nodiscard]] virtual fs::path base() const { return fs::temp_directory_path(); }

    /// What a command would do in the sandbox: `body` runs with a copy-on-write view of `source`.
    /// A second run goes on where the first ended.
    template <class F>
    void run_in_overlay(F body)
    {
        mount_overlay();
        if (!HasFatalFailure())
            body(merged_);
        unmount(merged_);
    }
    void run_in_overlay_sh(const std::string& script);

    /// Mounts a tmpfs of that many bytes at `path`, until the end of the test.
    void mount_small_disk(const fs::path& path, std::size_t bytes);

    /// The place of run_in_overlay(), as of its first run.
    [[nodiscard]] review::Place place() const;
    [[nodiscard]] fs::path source() const { return folder_ / "source"; }
    [[nodiscard]] fs::path upper() const { return folder_ / "scratch/.glovebox/cow/0/upper"; }
    [[nodiscard]] const fs::path& folder() const { return folder_; }

private:
    void mount_overlay();
    void unmount(const fs::path& path);

    fs::path folder_;
    fs::path merged_;
    std::vector<fs::path> disks_;
};

} // namespace glovebox::test

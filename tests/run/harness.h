// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Starts programs, collects what they say, and checks after every test that nothing is left.

#include "world.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

/// For what only a newer or differently built kernel has. Every other skip is an error where
/// GLOVEBOX_TEST_NO_SKIP=1 (main.cc).
#define SKIP_WITHOUT_KERNEL_FEATURE(feature) GTEST_SKIP() << glovebox::test::kMissingFeature << (feature)

namespace glovebox::test {

constexpr std::string_view kMissingFeature = "SKIP: the kernel lacks ";

constexpr const char* kGlovebox = GLOVEBOX_PROGRAM;
constexpr const char* kProbe = GLOVEBOX_PROBE;
constexpr const char* kDenySyscall = GLOVEBOX_DENY_SYSCALL;

/// The exit status of glovebox where it failed itself.
constexpr int kOwnFailure = 125;

using Words = std::vector<std::string>;

struct Launch {
    Words command;                           ///< the program first; searched in PATH
    std::map<std::string, std::string> environment;
    std::string directory;                   ///< working directory
    std::string input;                       ///< on standard input, which is a pipe; "" means /dev/null
    std::function<void()> before_exec;       ///< in the child, after all else
};

struct Finished {
    int status = 0; ///< as a shell tells it: the exit status, or 128+N after signal N
    std::string out;
    std::string err;
};

/// A running program in a session of its own. Whoever outlives a test is killed, and the test fails.
class Process {
public:
    explicit Process(const Launch& launch);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] int pid() const { return pid_; }
    void signal(int signal) const;
    /// Whether `text` comes on standard output before the program ends.
    bool says(std::string_view text);
    /// Waits for its end.
    Finished finish();

private:
    bool pump();

    int pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    int err_ = -1;
    std::string input_;
    Finished finished_;
};

Finished run(const Launch& launch);

/// What every test of a sandbox has: a directory of its own, and nothing left at the end.
class Sandbox : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    /// A fresh directory of the host. Launches start here.
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    /// TMPDIR of the launches: where glovebox makes fresh scratches.
    [[nodiscard]] std::filesystem::path scratches() const { return directory_ / "scratches"; }

    [[nodiscard]] Launch glovebox(const Words& arguments) const;
    /// `script` inside, by sh.
    [[nodiscard]] Launch glovebox_sh(const Words& options, const std::string& script) const;
    /// Any other program of the host, as it would run beside a glovebox.
    [[nodiscard]] Launch host(const Words& command) const;

    /// The world that the probe sees inside.
    [[nodiscard]] World look(const Words& options = {}) const;
    /// The answers to `probe attempts`: name -> "EPERM".
    [[nodiscard]] std::map<std::string, std::string> attempt(const Words& options = {}) const;

    /// Waits until every process that a launch has left is gone; fails the test, and kills, what stays.
    static void expect_nothing_runs();

    /// Options that show the probe at /probe.
    static Words with_probe(const Words& options = {});

private:
    std::filesystem::path directory_;
};

/// `parts` one after another.
Words join(std::initializer_list<Words> parts);

/// A path as --ro and its like take it: "\:" for a colon, "\\" for a backslash.
std::string escape(const std::filesystem::path& path);

void write_file(const std::filesystem::path& path, std::string_view text);
std::string read_file(const std::filesystem::path& path);

/// Removes a tree, whatever the modes of its directories (overlayfs leaves some that nobody may enter).
void remove_tree(const std::filesystem::path& path);

/// Names in a directory, sorted.
Words list(const std::filesystem::path& directory);

/// PIDs of the children of `pid` that are alive or zombies.
std::vector<int> children_of(int pid);

/// The home of the user by the system's tables, whatever HOME says.
std::filesystem::path passwd_home();

/// Waits until `condition` holds; false after a minute.
bool eventually(const std::function<bool()>& condition);

} // namespace glovebox::test

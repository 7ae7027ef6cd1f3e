// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Many runs, side by side and one after another: all correct, nothing left. GLOVEBOX_TEST_LONG=1 makes
// them as many as a build farm's.

#include "harness.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

#include <signal.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

namespace fs = std::filesystem;

bool is_long()
{
    const char* const value = std::getenv("GLOVEBOX_TEST_LONG");
    return value != nullptr && std::string_view(value) == "1";
}

/// Every cgroup of the host, by path; empty where they cannot be read.
std::set<std::string> cgroups()
{
    std::set<std::string> paths;
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator("/sys/fs/cgroup", options, error); at != fs::recursive_directory_iterator(); at.increment(error))
        if (at->symlink_status(error).type() == fs::file_type::directory)
            paths.insert(at->path());
    return paths;
}

class Many : public Sandbox {
protected:
    /// The fixture looks for processes, scratches and mounts.
    void TearDown() override
    {
        Sandbox::TearDown();
        for (const std::string& path : cgroups()) // others may make groups at the same time, but not so named
            EXPECT_TRUE(before_.contains(path) || !path.contains("glovebox")) << path;
    }

    /// A run that proves itself: its own number, its own scratch, its own status. Of builtins only.
    [[nodiscard]] Launch numbered(int number) const
    {
        return glovebox_sh({"--quiet"}, "set -- /build/tmp/*; [ \"$*\" = /build/tmp/" + directory().filename().string() + " ] && echo " +
                                            std::to_string(number) + " > /build/number && read -r found < /build/number && echo $found; exit " +
                                            std::to_string(number % 100));
    }

    static void expect_numbered(const Finished& finished, int number)
    {
        EXPECT_EQ(finished.out, std::to_string(number) + "\n");
        EXPECT_EQ(finished.err, "");
        EXPECT_EQ(finished.status, number % 100);
    }

private:
    std::set<std::string> before_ = cgroups();
};

TEST_F(Many, InParallel)
{
    std::vector<std::unique_ptr<Process>> processes;
    const int count = is_long() ? 200 : 50;
    for (int number = 0; number < count; ++number)
        processes.push_back(std::make_unique<Process>(numbered(number)));
    for (int number = 0; number < count; ++number)
        expect_numbered(processes[static_cast<std::size_t>(number)]->finish(), number);
}

TEST_F(Many, InARow)
{
    const int count = is_long() ? 5000 : 100;
    for (int number = 0; number < count && !HasFailure(); ++number)
        expect_numbered(run(numbered(number)), number);
}

TEST_F(Many, FromABuildTool)
{
    const int count = is_long() ? 2000 : 100;
    const Finished finished = run(host({"sh", "-c", "seq " + std::to_string(count) + " | xargs -P 16 -I {} " + kGlovebox + " -q -- echo {}"}));
    std::set<std::string> lines;
    std::istringstream out(finished.out);
    for (std::string line; std::getline(out, line);)
        EXPECT_TRUE(lines.insert(line).second) << line;
    EXPECT_EQ(lines.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(finished.err, "");
}

TEST_F(Many, KilledAtAnyMoment)
{
    const int count = is_long() ? 500 : 50;
    for (int i = 0; i < count; ++i) {
        Process process(glovebox_sh({"-q"}, "(setsid sleep 1000 &) ; sleep 0.005; exit 3"));
        ::usleep(static_cast<unsigned>(i * 20000 / count));
        process.signal(SIGKILL);
        const int status = process.finish().status;
        EXPECT_TRUE(status == 128 + SIGKILL || status == 3) << status;
    }
    expect_nothing_runs();
    for (const std::string& name : list(scratches()))
        remove_tree(scratches() / name); // which a killed program cannot
}

TEST_F(Many, InputsAtOnce)
{
    const int count = is_long() ? 5000 : 500;
    Words options;
    for (int i = 0; i < count; ++i) {
        const fs::path input = directory() / ("input-" + std::to_string(i));
        write_file(input, std::to_string(i));
        options.insert(options.end(), {"--ro", input.string() + ":/inputs/" + std::to_string(i)});
    }
    EXPECT_EQ(run(glovebox_sh(options, "ls /inputs | wc -l; cat /inputs/" + std::to_string(count - 1))).out,
              std::to_string(count) + "\n" + std::to_string(count - 1));
}

} // namespace
} // namespace glovebox::test

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// How long a launch of `true` lasts, side by side with bubblewrap: the system's, and the one that
// GLOVEBOX_BENCH_BWRAP names. Prints a table; asserts nothing about the times.
//
//   bench --glovebox PATH [--pairs N] [--json FILE]
//
// As root it becomes the user GLOVEBOX_TEST_USER (glovebox-test) first, where there is one.

#include "measure.h"

#include "text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace glovebox::bench;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr int kSkip = 77;

struct Options {
    std::string glovebox;
    std::string json;
    int pairs = 200;
};

struct Case {
    std::string name;
    std::string difference; ///< what the two sides do not have in common
    std::vector<Contestant> contestants;
    int rounds;
};

const char* variable(const char* name, const char* otherwise)
{
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

Words operator+(Words left, const Words& right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// Sandboxes are for ordinary users, and bubblewrap makes fewer namespaces as root. Gives the user's name.
std::string become_ordinary()
{
    const char* const name = variable("GLOVEBOX_TEST_USER", "glovebox-test");
    if (::getuid() == 0) {
        const struct ::passwd* const user = ::getpwnam(name);
        if (user == nullptr)
            return "root (there is no user " + std::string(name) + ")";
        ::setenv("HOME", user->pw_dir, 1);
        if (::initgroups(name, user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) {
            std::perror("bench: becoming the test user");
            std::exit(1);
        }
    }
    const struct ::passwd* const user = ::getpwuid(::getuid());
    return user == nullptr ? "uid " + std::to_string(::getuid()) : user->pw_name;
}

Options parse(int argc, char** argv)
{
    const struct ::option table[] = {{"glovebox", required_argument, nullptr, 'g'},
                                     {"pairs", required_argument, nullptr, 'n'},
                                     {"json", required_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    Options options;
    for (int found = 0; (found = ::getopt_long(argc, argv, "", table, nullptr)) != -1;) {
        switch (found) {
        case 'g':
            options.glovebox = fs::absolute(optarg);
            break;
        case 'n':
            options.pairs = std::atoi(optarg);
            break;
        case 'j':
            options.json = optarg;
            break;
        default:
            std::exit(2);
        }
    }
    if (options.glovebox.empty() || options.pairs < 1) {
        std::fprintf(stderr, "usage: bench --glovebox PATH [--pairs N] [--json FILE]\n");
        std::exit(2);
    }
    return options;
}

/// `words`, each ended by NUL, in a file that has no name.
int make_args_file(const Words& words)
{
    const int fd = ::memfd_create("args", 0); // inherited: the program that is started reads it
    std::string text;
    for (const std::string& word : words)
        (text += word) += '\0';
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<::ssize_t>(text.size())) {
        std::perror("bench: writing the arguments");
        std::exit(1);
    }
    return fd;
}

class Suite {
public:
    Suite(const Options& options, const Words& bwraps, const fs::path& inputs)
        : glovebox_(options.glovebox), bwraps_(bwraps), inputs_(inputs), pairs_(options.pairs)
    {
    }

    [[nodiscard]] std::vector<Case> cases() const
    {
        const std::string uid = std::to_string(::getuid());
        const std::string gid = std::to_string(::getgid());
        std::vector<Case> all = {
            {"plain", "no sandbox: what every launch below pays as well", {{"true", kTrue}}, pairs_},
            versus("same view and namespaces",
                   "glovebox also has a scratch on disk, private homes, /run and /var/tmp, a sysfs, and waits until every process is dead",
                   {"--tmpfs", "/tmp", "--uid", uid, "--gid", gid}, kPlainBwrap),
            versus("default profile", "glovebox as it comes; bubblewrap as above", {}, kPlainBwrap),
            versus("host network", "both without a network namespace", {"--net", "host"},
                   kPlainBwrap + Words{"--share-net"}),
        };
        for (const int count : {10, 100, 1000})
            all.push_back(with_inputs(count));
        return all;
    }

private:
    static inline const Words kTrue = {"/bin/true"};
    static inline const Words kPlainBwrap = {"--ro-bind", "/",     "/",       "--dev", "/dev",
                                             "--proc",    "/proc", "--tmpfs", "/tmp",  "--unshare-all"};

    [[nodiscard]] Case versus(std::string name, std::string difference, const Words& ours, const Words& theirs) const
    {
        Case one = {std::move(name), std::move(difference), {}, pairs_};
        one.contestants.push_back({"glovebox", Words{glovebox_} + ours + Words{"--"} + kTrue});
        for (const std::string& bwrap : bwraps_)
            one.contestants.push_back({bwrap, Words{bwrap} + theirs + kTrue});
        return one;
    }

    /// bubblewrap takes a long list from a file, and cannot make mount points in a read-only host.
    [[nodiscard]] Case with_inputs(int count) const
    {
        Words ours;
        Words theirs;
        for (int i = 0; i < count; ++i) {
            const std::string source = inputs_ / std::to_string(i);
            ours = std::move(ours) + Words{"--ro", source + ":/in/" + std::to_string(i)};
            theirs = std::move(theirs) + Words{"--ro-bind", source, "/tmp/in/" + std::to_string(i)};
        }
        Case one = versus(std::to_string(count) + " read-only inputs",
                          "glovebox: on its command line, into /in; bubblewrap: by --args, into its tmpfs", ours, {});
        for (std::size_t i = 1; i < one.contestants.size(); ++i) {
            Contestant& peer = one.contestants[i];
            peer.args_fd = make_args_file(theirs);
            peer.command = Words{peer.name} + kPlainBwrap + Words{"--args", std::to_string(peer.args_fd)} + kTrue;
        }
        one.rounds = std::max(5, pairs_ / (1 + count / 100)); // bubblewrap 0.8 takes a second for 1,000
        return one;
    }

    std::string glovebox_;
    const Words& bwraps_;
    const fs::path& inputs_;
    int pairs_;
};

/// The bubblewraps that work here.
Words find_bwraps()
{
    Words found;
    for (const std::string path : {"/usr/bin/bwrap", variable("GLOVEBOX_BENCH_BWRAP", "")}) {
        if (path.empty() || (path == "/usr/bin/bwrap" && ::access(path.c_str(), X_OK) != 0))
            continue;
        const std::string trouble = try_once({path, {path, "--ro-bind", "/", "/", "--unshare-all", "/bin/true"}});
        if (trouble.empty())
            found.push_back(path);
        else
            std::printf("left out: %s: %s\n", path.c_str(), trouble.c_str());
    }
    if (found.empty())
        std::printf("no bubblewrap to compare with: glovebox alone\n");
    return found;
}

std::string join(const Words& words)
{
    std::string out;
    for (std::size_t i = 0; i < words.size() && i < 16; ++i)
        (out += out.empty() ? "" : " ") += glovebox::quote(words[i]);
    return words.size() > 16 ? out + " ..." : out;
}

void print(const Case& one, const std::vector<Timing>& timings)
{
    std::printf("\n%s, %d rounds (%s)\n", one.name.c_str(), one.rounds, one.difference.c_str());
    for (const Contestant& contestant : one.contestants)
        std::printf("    %s\n", join(contestant.command).c_str());
    for (const Timing& timing : timings) {
        const Quartiles& ms = timing.milliseconds;
        std::printf("  %-32s %9.2f ms  [%.2f .. %.2f]", timing.name.c_str(), ms.median, ms.q1, ms.q3);
        if (timing.ratio)
            std::printf("   glovebox / this: %.3f  [%.3f .. %.3f]", timing.ratio->median, timing.ratio->q1,
                        timing.ratio->q3);
        std::printf("\n");
    }
    std::fflush(stdout);
}

std::string json(const Quartiles& quartiles)
{
    char text[100];
    std::snprintf(text, sizeof text, "{\"q1\": %.4f, \"median\": %.4f, \"q3\": %.4f}", quartiles.q1, quartiles.median,
                  quartiles.q3);
    return text;
}

std::string json(const Case& one, const std::vector<Timing>& timings)
{
    std::string out = "  {\"name\": " + glovebox::json_string(one.name) +
                      ", \"difference\": " + glovebox::json_string(one.difference) +
                      ", \"rounds\": " + std::to_string(one.rounds) + ", \"contestants\": [";
    for (std::size_t i = 0; i < timings.size(); ++i) {
        out += std::string(i == 0 ? "" : ",") + "\n    {\"name\": " + glovebox::json_string(timings[i].name) +
               ", \"command\": " + glovebox::json_string(join(one.contestants[i].command)) +
               ", \"milliseconds\": " + json(timings[i].milliseconds);
        if (timings[i].ratio)
            out += ", \"glovebox_to_this\": " + json(*timings[i].ratio);
        out += "}";
    }
    return out + "\n  ]}";
}

/// Many small directories, and their end.
struct Inputs {
    fs::path path;

    Inputs()
    {
        std::string name = fs::temp_directory_path() / "glovebox-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            std::perror("bench: making a directory for the inputs");
            std::exit(1);
        }
        path = name;
        for (int i = 0; i < 1000; ++i) {
            fs::create_directory(path / std::to_string(i));
            std::ofstream(path / std::to_string(i) / "file") << i << '\n';
        }
    }
    Inputs(const Inputs&) = delete;
    Inputs& operator=(const Inputs&) = delete;
    ~Inputs() { fs::remove_all(path); }
};

} // namespace

int main(int argc, char** argv)
try {
    const Options options = parse(argc, argv);
    std::ofstream json_file; // opened while we may still write where the caller can
    if (!options.json.empty())
        json_file.open(options.json);
    const std::string user = become_ordinary();
    if (::access(options.glovebox.c_str(), X_OK) != 0) {
        std::printf("SKIP: the user %s cannot execute %s\n", user.c_str(), options.glovebox.c_str());
        return kSkip;
    }
    fs::current_path("/"); // no working directory to show
    std::printf("launches of true, as %s\n", user.c_str());
    const Words bwraps = find_bwraps();
    const Inputs inputs;
    std::string out = "{\"version\": 1, \"user\": " + glovebox::json_string(user) + ", \"cases\": [";
    bool first = true;
    for (const Case& one : Suite(options, bwraps, inputs.path).cases()) {
        const std::vector<Timing> timings = measure(one.contestants, one.rounds);
        print(one, timings);
        out += (first ? "\n" : ",\n") + json(one, timings);
        first = false;
    }
    if (!options.json.empty() && !(json_file << out << "\n]}\n" << std::flush))
        throw std::runtime_error("cannot write " + options.json);
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "harness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace glovebox::test {
namespace {

namespace fs = std::filesystem;

/// What hangs for so long has failed; no test measures time.
constexpr auto kPatience = std::chrono::seconds(60);

struct Pipe {
    int read = -1;
    int write = -1;
};

Pipe make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        throw std::runtime_error("pipe2");
    return {ends[0], ends[1]};
}

void close(int& fd)
{
    if (fd >= 0)
        ::close(fd);
    fd = -1;
}

std::vector<char*> pointers(const Words& words)
{
    std::vector<char*> out;
    for (const std::string& word : words)
        out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void become(const Launch& launch, int in, int out, int err)
{
    Words variables;
    for (const auto& [name, value] : launch.environment)
        variables.push_back(name + "=" + value);
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // should the test be killed
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) < 0)
        ::_exit(124);
    if (launch.before_exec)
        launch.before_exec();
    ::execvpe(launch.command[0].c_str(), pointers(launch.command).data(), pointers(variables).data());
    const std::string text = "cannot run " + launch.command[0] + ": " + std::strerror(errno) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(2, text.data(), text.size());
    ::_exit(124);
}

/// Takes what is there. False at the end.
bool drain(int fd, std::string& into)
{
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0)
        into.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; }

/// For a message: what a process is.
std::string describe(int pid)
{
    std::string text = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    std::ranges::replace(text, '\0', ' ');
    return std::to_string(pid) + " (" + text + ")";
}

void reap()
{
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

} // namespace

Process::Process(const Launch& launch) : input_(launch.input)
{
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    if (launch.input.empty()) {
        close(in.read);
        in.read = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    pid_ = ::fork();
    if (pid_ == 0)
        become(launch, in.read, out.write, err.write);
    close(in.read);
    close(out.write);
    close(err.write);
    in_ = in.write;
    out_ = out.read;
    err_ = err.read;
    if (launch.input.empty())
        close(in_);
    else
        ::fcntl(in_, F_SETFL, O_NONBLOCK);
}

Process::~Process()
{
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    close(in_);
    close(out_);
    close(err_);
}

void Process::signal(int signal) const { ::kill(pid_, signal); }

/// Moves bytes once. False when both outputs have ended, or after a long silence.
bool Process::pump()
{
    std::array<struct ::pollfd, 3> events = {{{out_, POLLIN, 0}, {err_, POLLIN, 0}, {in_, POLLOUT, 0}}};
    if (out_ < 0 && err_ < 0)
        return false;
    const int ready = ::poll(events.data(), events.size(), std::chrono::milliseconds(kPatience).count());
    if (ready == 0) {
        ADD_FAILURE() << describe(pid_) << " says nothing and does not end";
        ::kill(pid_, SIGKILL);
        return false;
    }
    if (events[0].revents != 0 && !drain(out_, finished_.out))
        close(out_);
    if (events[1].revents != 0 && !drain(err_, finished_.err))
        close(err_);
    if (events[2].revents != 0) {
        const ssize_t written = ::write(in_, input_.data(), input_.size());
        if (written > 0)
            input_.erase(0, static_cast<std::size_t>(written));
        if (written < 0 || input_.empty())
            close(in_);
    }
    return true;
}

bool Process::says(std::string_view text)
{
    while (!finished_.out.contains(text))
        if (!pump())
            return false;
    return true;
}

Finished Process::finish()
{
    while (pump()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    finished_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished_;
}

Finished run(const Launch& launch)
{
    return Process(launch).finish();
}

void Sandbox::SetUp()
{
    std::string pattern = "/tmp/run-test-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr) << std::strerror(errno);
    directory_ = pattern;
    fs::create_directory(scratches());
}

void Sandbox::expect_nothing_runs()
{
    // We are the subreaper (main.cc): whatever outlives its parents becomes our child.
    const bool all_gone = eventually([] {
        reap();
        return children_of(::getpid()).empty();
    });
    if (!all_gone) {
        for (const int pid : children_of(::getpid())) {
            ADD_FAILURE() << "left running: " << describe(pid);
            ::kill(pid, SIGKILL);
        }
        eventually([] {
            reap();
            return children_of(::getpid()).empty();
        });
    }
}

void Sandbox::TearDown()
{
    expect_nothing_runs();
    for (const std::string& name : list(scratches()))
        ADD_FAILURE() << "left in TMPDIR: " << name;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
        if (line.contains(directory_.string()) || line.contains("glovebox-"))
            ADD_FAILURE() << "left mounted: " << line;
    remove_tree(directory_);
}

Launch Sandbox::host(const Words& command) const
{
    Launch launch;
    launch.command = command;
    launch.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
                          {"HOME", passwd_home()},
                          {"LANG", "C.UTF-8"},
                          {"TMPDIR", scratches()}};
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS"})
        if (const char* value = std::getenv(name); value != nullptr)
            launch.environment[name] = value;
    launch.directory = directory_;
    return launch;
}

Launch Sandbox::glovebox(const Words& arguments) const { return host(join({{kGlovebox}, arguments})); }

Launch Sandbox::glovebox_sh(const Words& options, const std::string& script) const
{
    return glovebox(join({options, {"--", "/bin/sh", "-c", script}}));
}

Words Sandbox::with_probe(const Words& options)
{
    return join({options, {"--ro", escape(kProbe) + ":/probe"}});
}

World Sandbox::look(const Words& options) const
{
    const Finished finished = run(glovebox(join({with_probe(options), {"--", "/probe"}})));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return finished.status == 0 ? parse_world(finished.out) : World();
}

std::map<std::string, std::string> Sandbox::attempt(const Words& options) const
{
    const Finished finished = run(glovebox(join({with_probe(options), {"--", "/probe", "attempts"}})));
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.status == 0 ? parse_attempts(finished.out) : std::map<std::string, std::string>();
}

Words join(std::initializer_list<Words> parts)
{
    Words out;
    for (const Words& part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

std::string escape(const fs::path& path)
{
    std::string out;
    for (const char c : path.native()) {
        if (c == ':' || c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

void write_file(const fs::path& path, std::string_view text)
{
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const fs::path& path)
{
    // Below /proc a read fails when the process has just gone: what came until then is the text.
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void remove_tree(const fs::path& path)
{
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(path, options); at != fs::recursive_directory_iterator(); ++at)
        if (at->symlink_status().type() == fs::file_type::directory)
            ::chmod(at->path().c_str(), 0700); // before it is entered
    std::error_code error;
    fs::remove_all(path, error);
    if (error)
        ADD_FAILURE() << "cannot remove " << path << ": " << error.message();
}

Words list(const fs::path& directory)
{
    Words names;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

std::vector<int> children_of(int pid)
{
    std::vector<int> children;
    for (const std::string& name : list("/proc")) {
        if (!is_number(name))
            continue;
        // PID (NAME) STATE PPID …; the name may hold anything.
        const std::string text = read_file("/proc/" + name + "/stat");
        const std::size_t close = text.rfind(')');
        if (close != std::string::npos && std::stoi(text.substr(close + 4)) == pid)
            children.push_back(std::stoi(name));
    }
    return children;
}

fs::path passwd_home()
{
    const struct ::passwd* const entry = ::getpwuid(::getuid());
    return entry == nullptr ? "/" : entry->pw_dir;
}

bool eventually(const std::function<bool()>& condition)
{
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

} // namespace glovebox::test

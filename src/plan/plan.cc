// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/plan.h"

#include "plan/environment.h"
#include "plan/view.h"
#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/capability.h>
#include <sched.h>

namespace glovebox::plan {
namespace {

using spec::Origin;
using spec::ViewEntry;

constexpr const char* kBuild = "/build"; ///< where the scratch is seen

/// What package builds need as uid 0 inside: nothing here reaches beyond the mapped ids.
constexpr std::uint64_t kRootCapabilities =
    1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
    1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SETPCAP |
    1ULL << CAP_SYS_CHROOT;

bool is_below(std::string_view path, std::string_view directory)
{
    return directory == "/" ||
           (path.starts_with(directory) &&
            (path.size() == directory.size() || path[directory.size()] == '/'));
}

class Planner {
public:
    Planner(const spec::Spec& spec, const Host& host) : spec_(spec), host_(host) {}

    Result<Plan> make();

private:
    void request(std::string target, Content content, const Origin& origin, bool if_possible = false)
    {
        requests_.push_back({std::move(target), std::move(content), origin, if_possible});
    }
    void request_host_view();
    void request_devices();
    void request_homes();
    void request_scratch();
    void request_working_directory();
    Result<> request_entry(const ViewEntry& entry);
    Result<std::string> host_path(const std::string& path, const Origin& origin) const;
    Result<HostPath> host_source(const ViewEntry& entry) const;
    Result<> plan_scratch();
    Result<> plan_directory();
    Result<> plan_setup();
    void plan_handover();

    const spec::Spec& spec_;
    const Host& host_;
    const Origin profile_ = {Origin::Source::profile, {}, "build", 0};
    std::vector<Request> requests_;
    bool working_directory_seen_ = false;
    Plan plan_;
};

/// `path` of the user as an absolute host path.
Result<std::string> Planner::host_path(const std::string& path, const Origin& origin) const
{
    if (!path.starts_with('/') && host_.cwd.empty())
        return fail("the relative path " + quote(path) + " leads nowhere: the working directory was deleted",
                    {}, spec::render_origin(origin), "change to a directory that exists");
    return absolute_path(host_.cwd, path);
}

Result<HostPath> Planner::host_source(const ViewEntry& entry) const
{
    Result<std::string> path = host_path(entry.source, entry.origin);
    if (!path)
        return std::unexpected(path.error());
    const PathFacts facts = host_.follow(*path);
    if (facts.type == FileType::missing)
        return fail("reading the source " + quote(*path), std::strerror(facts.error),
                    spec::render_origin(entry.origin),
                    facts.error == ENOENT ? "check the spelling; relative paths start at the working directory"
                                          : "");
    return HostPath{std::move(*path), facts.type, entry.kind == ViewEntry::Kind::ro, false};
}

/// Every entry of the host's root, but for those that the sandbox has of its own.
void Planner::request_host_view()
{
    const Origin& origin = spec_.view.origin;
    for (const RootEntry& entry : host_.root) {
        constexpr std::string_view kOwn[] = {"dev", "proc", "sys", "tmp", "run"};
        if (std::ranges::find(kOwn, entry.name) != std::end(kOwn))
            continue;
        const std::string path = "/" + entry.name;
        if (entry.type == FileType::symlink)
            request(path, Symlink{entry.link}, origin, true);
        else if (host_.follow(path).type != FileType::missing)
            request(path, HostPath{path, entry.type, true, false}, origin);
    }
    request("/run", PrivateDirectory{}, origin);
    request("/proc", Procfs{}, origin);
    if (spec_.network.value == spec::Network::none)
        // Only a sysfs of its own shows this network namespace's interfaces and not the host's.
        // In a container the kernel refuses one; nothing is lost but facts about hardware.
        request("/sys", NewFilesystem{"sysfs", {}, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, true, true},
                origin);
    else if (host_.follow("/sys").type == FileType::directory)
        request("/sys", HostPath{"/sys", FileType::directory, true, false}, origin);
}

void Planner::request_devices()
{
    const Origin& origin = spec_.view.origin;
    request("/dev", Directory{}, origin);
    for (const char* name : {"full", "null", "random", "tty", "urandom", "zero"}) {
        const std::string path = std::string("/dev/") + name;
        request(path, HostPath{path, FileType::other, false, true}, origin);
    }
    request("/dev/fd", Symlink{"/proc/self/fd"}, origin);
    request("/dev/stdin", Symlink{"/proc/self/fd/0"}, origin);
    request("/dev/stdout", Symlink{"/proc/self/fd/1"}, origin);
    request("/dev/stderr", Symlink{"/proc/self/fd/2"}, origin);
    request("/dev/ptmx", Symlink{"pts/ptmx"}, origin);
    request("/dev/pts",
            NewFilesystem{"devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, true},
            origin);
    request("/dev/shm", PrivateDirectory{01777}, origin);
}

void Planner::request_homes()
{
    const Origin& origin = spec_.view.origin;
    request("/home", PrivateDirectory{}, origin);
    request("/root", PrivateDirectory{0700}, origin);
    for (const std::string& home : host_.homes)
        if (!is_below(home, "/home") && !is_below(home, "/root"))
            request(home, PrivateDirectory{0700}, origin, true);
}

void Planner::request_scratch()
{
    const Scratch& scratch = plan_.scratch;
    request(kBuild, HostPath{scratch.path, FileType::directory, false, false, true}, scratch.origin);
    const HostPath temporary = {scratch.path + "/tmp", FileType::directory, false, false, true};
    request("/tmp", temporary, scratch.origin);
    request("/var/tmp", temporary, scratch.origin, true);
}

/// The working directory where hiding the homes and the temporary directories would hide it;
/// never a home itself, nor what holds one.
void Planner::request_working_directory()
{
    if (host_.cwd.empty() || host_.cwd == "/")
        return;
    const auto holds_home = [&](std::string_view home) { return is_below(home, host_.cwd); };
    if (std::ranges::any_of(host_.homes, holds_home) || host_.cwd == "/home" || host_.cwd == "/root")
        return;
    constexpr std::string_view kOwn[] = {"/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp", kBuild};
    const auto covers = [&](std::string_view own) { return is_below(host_.cwd, own); };
    if (std::ranges::find(kOwn, host_.cwd) != std::end(kOwn) ||
        std::ranges::any_of(std::span(kOwn).first(3), covers))
        return;
    working_directory_seen_ = true;
    const bool hidden = std::ranges::any_of(host_.homes, covers) || covers("/home") || covers("/root") ||
                        std::ranges::any_of(kOwn, covers);
    if (hidden)
        request(host_.cwd, HostPath{host_.cwd, FileType::directory, true, false}, profile_);
}

Result<> Planner::request_entry(const ViewEntry& entry)
{
    using Kind = ViewEntry::Kind;
    if (entry.kind == Kind::ro || entry.kind == Kind::rw) {
        Result<HostPath> source = host_source(entry);
        if (!source)
            return std::unexpected(source.error());
        std::string target = entry.target.empty() ? source->source : absolute_path("/", entry.target);
        request(std::move(target), std::move(*source), entry.origin);
        return {};
    }
    const Result<std::string> target = host_path(entry.target, entry.origin);
    if (!target)
        return std::unexpected(target.error());
    if (entry.kind == Kind::tmpfs) {
        request(*target, NewFilesystem{"tmpfs", {{"mode", "0755"}}, kPlainAttributes, false, false}, entry.origin);
        return {};
    }
    // A path that the view does not show is hidden already; one that the host does not have is a
    // mistake, and passing over it would leave the user with a secret that is not hidden.
    const PathFacts facts = host_.follow(*target);
    if (facts.type == FileType::missing)
        return fail("hiding " + quote(*target), std::strerror(facts.error), spec::render_origin(entry.origin),
                    "check the spelling; there is nothing to hide");
    if (facts.type == FileType::directory)
        request(*target, PrivateDirectory{}, entry.origin, true);
    else
        request(*target, Text{}, entry.origin, true);
    return {};
}

Result<> Planner::plan_scratch()
{
    const auto& [chosen, origin] = spec_.scratch;
    plan_.scratch.keep = spec_.keep.value || chosen.has_value();
    plan_.scratch.fresh = !chosen;
    plan_.scratch.origin = chosen ? origin : profile_;
    if (!chosen) {
        plan_.scratch.path = absolute_path(host_.temporary, "glovebox-" + host_.token);
        return {};
    }
    Result<std::string> path = host_path(*chosen, origin);
    if (!path)
        return std::unexpected(path.error());
    const PathFacts facts = host_.follow(*path);
    if (facts.type == FileType::other)
        return fail("using the scratch " + quote(*path), std::strerror(ENOTDIR), spec::render_origin(origin),
                    "name a directory, or a path that does not exist yet");
    plan_.scratch.path = std::move(*path);
    return {};
}

Result<> Planner::plan_setup()
{
    const auto ids = [](std::uint32_t inside, std::uint32_t outside) {
        return std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
    };
    std::vector<Step>& setup = plan_.setup;
    setup.push_back({MakeProc{}, profile_});
    setup.push_back({WriteProc{"self/setgroups", "deny"}, profile_});
    setup.push_back({WriteProc{"self/uid_map", ids(spec_.uid.value, host_.uid)}, spec_.uid.origin});
    setup.push_back({WriteProc{"self/gid_map", ids(spec_.gid.value, host_.gid)}, spec_.gid.origin});
    setup.push_back({MakeRoot{}, profile_});

    Result<std::vector<Step>> view = make_view(std::move(requests_), host_);
    if (!view)
        return std::unexpected(view.error());
    std::ranges::move(*view, std::back_inserter(setup));

    setup.push_back({SealRoot{}, profile_});
    setup.push_back({PivotRoot{}, profile_});
    if (spec_.network.value == spec::Network::none)
        setup.push_back({RaiseLoopback{}, spec_.network.origin});
    setup.push_back({SetHostname{spec_.hostname.value}, spec_.hostname.origin});
    setup.push_back({JoinNewKeyring{}, profile_});
    // One more user namespace, the command's own (EnterUserNamespace), and none after it.
    setup.push_back({WriteProc{"sys/user/max_user_namespaces", "1"}, profile_});
    return {};
}

/// Where the command starts: --chdir, else the working directory if it is seen, else the scratch.
Result<> Planner::plan_directory()
{
    const auto& [chosen, origin] = spec_.chdir;
    const std::string fallback = working_directory_seen_ ? host_.cwd : kBuild;
    if (!chosen && host_.cwd.empty())
        return fail("the working directory was deleted", {}, {},
                    "change to a directory that exists, or say where to start with --chdir DIR");
    plan_.handover.push_back({ChangeDirectory{chosen ? absolute_path(fallback, *chosen) : fallback},
                              chosen ? origin : profile_});
    return {};
}

void Planner::plan_handover()
{
    const auto same_id = [](std::uint32_t id) {
        return std::to_string(id) + " " + std::to_string(id) + " 1\n";
    };
    std::vector<Step>& handover = plan_.handover;
    if (host_.terminal >= 0)
        handover.push_back({NewGroup{host_.terminal, host_.foreground}, profile_});
    else
        handover.push_back({NewSession{}, profile_});
    handover.push_back({EnterUserNamespace{same_id(spec_.uid.value), same_id(spec_.gid.value)}, profile_});
    const std::uint64_t keep = spec_.uid.value == 0 ? kRootCapabilities : 0;
    handover.push_back({CutCapabilities{keep}, profile_});
    handover.push_back({ForbidNewPrivileges{}, profile_});
    handover.push_back({CloseDescriptors{}, profile_});
    handover.push_back({ResetSignals{}, profile_});

    plan_.execute.name = spec_.command.front();
    plan_.execute.arguments = spec_.command;
    plan_.execute.environment = make_environment(spec_, host_);
    plan_.execute.candidates = make_candidates(plan_.execute.name, plan_.execute.environment);
}

Result<Plan> Planner::make()
{
    plan_.namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (spec_.network.value == spec::Network::none)
        plan_.namespaces |= CLONE_NEWNET;

    if (Result<> planned = plan_scratch(); !planned)
        return std::unexpected(planned.error());
    request_host_view();
    request_devices();
    request_homes();
    request_scratch();
    request_working_directory();
    if (spec_.network.value == spec::Network::none)
        request("/etc/hosts",
                Text{"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + spec_.hostname.value + "\n"},
                spec_.hostname.origin, true);
    for (const ViewEntry& entry : spec_.entries)
        if (Result<> requested = request_entry(entry); !requested)
            return std::unexpected(requested.error());

    if (Result<> planned = plan_setup(); !planned)
        return std::unexpected(planned.error());
    if (Result<> planned = plan_directory(); !planned)
        return std::unexpected(planned.error());
    plan_handover();
    return std::move(plan_);
}

} // namespace

Result<Plan> make_plan(const spec::Spec& spec, const Host& host)
{
    return Planner(spec, host).make();
}

} // namespace glovebox::plan

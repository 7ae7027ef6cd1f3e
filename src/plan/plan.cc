// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/plan.h"

#include "plan/environment.h"
#include "plan/handover.h"
#include "plan/requests.h"
#include "plan/view.h"
#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <sched.h>

namespace glovebox::plan {
namespace {

using spec::Origin;

class Planner {
public:
    Planner(const spec::Spec& spec, const Host& host) : spec_(spec), host_(host) {}

    Result<Plan> make();

private:
    Result<> plan_scratch();
    Result<> plan_outputs(Wanted& wanted);
    Result<> plan_setup(Wanted wanted);
    void protect_proc();
    void plan_execute();
    [[nodiscard]] std::uint64_t namespaces() const;

    const spec::Spec& spec_;
    const Host& host_;
    const Origin profile_ = {Origin::Source::profile, {}, spec_.profile, 0};
    std::string directory_; ///< where the command starts
    Plan plan_;
};

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
    Result<std::string> path = host_path(host_, *chosen, origin);
    if (!path)
        return std::unexpected(path.error());
    const PathFacts facts = host_.follow(*path);
    if (facts.type == FileType::other)
        return fail("using the scratch " + quote(*path), std::strerror(ENOTDIR), spec::render_origin(origin),
                    "name a directory, or a path that does not exist yet");
    plan_.scratch.path = std::move(*path);
    return {};
}

/// Where each output lies on the host: in the scratch, or in a copy-on-write place, whose mount
/// the supervisor then gets.
Result<> Planner::plan_outputs(Wanted& wanted)
{
    for (const spec::Output& output : spec_.outputs) {
        const std::string path = absolute_path(directory_, output.path);
        Request* place = nullptr; // the deepest that holds the path; of two at one place the later
        for (Request& request : wanted.requests)
            if (path.size() > request.target.size() && is_below(path, request.target) &&
                (place == nullptr || request.target.size() >= place->target.size()))
                place = &request;
        auto* const cow = place == nullptr ? nullptr : std::get_if<CopyOnWrite>(&place->content);
        const auto* const bind = place == nullptr ? nullptr : std::get_if<HostPath>(&place->content);
        if (cow == nullptr && (bind == nullptr || !bind->grows))
            return fail("the output " + quote(path) + " lies neither in the scratch nor in a copy-on-write place", {},
                        spec::render_origin(output.origin), "write it below /build or the working directory, or show its place with --cow");
        Output planned = {-1, path.substr(place->target.size() + 1), {}, output.origin};
        std::string host = path.substr(path.rfind('/') + 1);
        if (cow != nullptr) {
            const auto changes = std::ranges::find(plan_.scratch.changes, cow->changes, &Changes::path);
            cow->export_as = planned.place = static_cast<std::int32_t>(changes - plan_.scratch.changes.begin());
            host = cow->source + "/" + planned.path;
        } else if (bind->source != plan_.scratch.path) {
            planned.path = bind->source.substr(plan_.scratch.path.size() + 1) + "/" + planned.path;
        }
        const Result<std::string> target = host_path(host_, output.host.empty() ? host : output.host, output.origin);
        if (!target)
            return std::unexpected(target.error());
        planned.host = *target;
        plan_.outputs.push_back(std::move(planned));
    }
    return {};
}

Result<> Planner::plan_setup(Wanted wanted)
{
    const auto ids = [](std::uint32_t inside, std::uint32_t outside) {
        return std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
    };
    std::vector<Step>& setup = plan_.setup;
    setup.push_back({MakeProc{spec_.view.value == spec::View::minimal && !spec_.allow_nesting.value}, spec_.view.origin});
    setup.push_back({WriteProc{"self/setgroups", "deny"}, profile_});
    setup.push_back({WriteProc{"self/uid_map", ids(spec_.uid.value, host_.uid)}, spec_.uid.origin});
    setup.push_back({WriteProc{"self/gid_map", ids(spec_.gid.value, host_.gid)}, spec_.gid.origin});
    setup.push_back({MakeRoot{}, profile_});

    Result<std::vector<Step>> view = make_view(std::move(wanted.requests), host_);
    if (!view)
        return std::unexpected(view.error());
    std::ranges::move(*view, std::back_inserter(setup));

    // One more user namespace, the command's own (EnterUserNamespace), and none after it.
    if (!spec_.allow_nesting.value)
        setup.push_back({WriteProc{"sys/user/max_user_namespaces", "1"}, profile_});
    protect_proc();
    setup.push_back({SealRoot{}, profile_});
    setup.push_back({PivotRoot{}, profile_});
    if (spec_.network.value == spec::Network::none)
        setup.push_back({RaiseLoopback{}, spec_.network.origin});
    if (!spec_.share_uts)
        setup.push_back({SetHostname{spec_.hostname.value}, spec_.hostname.origin});
    setup.push_back({JoinNewKeyring{}, profile_});
    return {};
}

/// What of /proc shows or changes more than this sandbox. Not where sandboxes inside are to have a
/// procfs of their own: the kernel refuses one while parts of the outer one are covered.
void Planner::protect_proc()
{
    const bool shows_proc = std::ranges::any_of(plan_.setup, [](const Step& step) { return std::holds_alternative<AttachProc>(step.op); });
    if (!shows_proc || spec_.allow_nesting.value)
        return;
    // The names of the user's keys, which a session keyring of one's own does not hide.
    for (const char* path : {"/proc/keys", "/proc/key-users"})
        plan_.setup.push_back({MaskProc{path}, profile_});
    // These files know no user namespaces: to them uid 0 of the host stays what it is.
    if (host_.uid == 0)
        for (const char* path : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi"})
            plan_.setup.push_back({ProtectProc{path}, profile_});
}

void Planner::plan_execute()
{
    plan_.execute.name = spec_.command.front();
    plan_.execute.arguments = spec_.command;
    plan_.execute.environment = make_environment(spec_, host_);
    plan_.execute.candidates = make_candidates(plan_.execute.name, plan_.execute.environment);
}

std::uint64_t Planner::namespaces() const
{
    std::uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID;
    flags |= spec_.share_ipc ? 0 : CLONE_NEWIPC;
    flags |= spec_.share_uts ? 0 : CLONE_NEWUTS;
    flags |= spec_.share_cgroup ? 0 : CLONE_NEWCGROUP;
    return flags | (spec_.network.value == spec::Network::none ? CLONE_NEWNET : 0);
}

Result<Plan> Planner::make()
{
    plan_.namespaces = namespaces();
    plan_.timeout = spec_.timeout.value;
    if (Result<> planned = plan_scratch(); !planned)
        return std::unexpected(planned.error());
    if (!spec_.chdir.value && host_.cwd.empty())
        return fail("the working directory was deleted", {}, {},
                    "change to a directory that exists, or say where to start with --chdir DIR");
    Result<Wanted> wanted = make_requests(spec_, host_, plan_.scratch);
    if (!wanted)
        return std::unexpected(wanted.error());
    directory_ = spec_.chdir.value ? absolute_path(wanted->directory, *spec_.chdir.value) : wanted->directory;
    if (Result<> planned = plan_outputs(*wanted); !planned)
        return std::unexpected(planned.error());
    if (Result<> planned = plan_setup(std::move(*wanted)); !planned)
        return std::unexpected(planned.error());
    if (Result<> planned = plan_handover(spec_, host_, directory_, plan_); !planned)
        return std::unexpected(planned.error());
    plan_execute();
    return std::move(plan_);
}

} // namespace

Result<Plan> make_plan(const spec::Spec& spec, const Host& host)
{
    return Planner(spec, host).make();
}

} // namespace glovebox::plan

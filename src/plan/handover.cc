// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/handover.h"

#include "filter/filter.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include <sys/capability.h>
#include <sys/resource.h>

namespace glovebox::plan {
namespace {

/// What package builds need as uid 0 inside: nothing here reaches beyond the mapped ids.
constexpr std::uint64_t kRootCapabilities =
    1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
    1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SETPCAP |
    1ULL << CAP_SYS_CHROOT;

constexpr std::uint64_t kAllCapabilities = (1ULL << (CAP_LAST_CAP + 1)) - 1;

struct ResourceName {
    std::string_view name;
    int resource;
};
constexpr std::array kResources = {
    ResourceName{"as", RLIMIT_AS},           ResourceName{"core", RLIMIT_CORE},
    ResourceName{"cpu", RLIMIT_CPU},         ResourceName{"data", RLIMIT_DATA},
    ResourceName{"fsize", RLIMIT_FSIZE},     ResourceName{"locks", RLIMIT_LOCKS},
    ResourceName{"memlock", RLIMIT_MEMLOCK}, ResourceName{"msgqueue", RLIMIT_MSGQUEUE},
    ResourceName{"nice", RLIMIT_NICE},       ResourceName{"nofile", RLIMIT_NOFILE},
    ResourceName{"nproc", RLIMIT_NPROC},     ResourceName{"rss", RLIMIT_RSS},
    ResourceName{"rtprio", RLIMIT_RTPRIO},   ResourceName{"rttime", RLIMIT_RTTIME},
    ResourceName{"sigpending", RLIMIT_SIGPENDING}, ResourceName{"stack", RLIMIT_STACK},
};

/// The mask of "CAP_CHOWN", "chown" or "ALL"; nothing when there is no such capability.
std::optional<std::uint64_t> capability_mask(std::string name)
{
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "all")
        return kAllCapabilities;
    if (!name.starts_with("cap_"))
        name = "cap_" + name;
    ::cap_value_t value = 0;
    if (::cap_from_name(name.c_str(), &value) != 0)
        return std::nullopt;
    return 1ULL << value;
}

/// What uid 0 keeps; any other uid keeps nothing unless it is asked for.
Result<std::uint64_t> capabilities(const spec::Spec& spec)
{
    std::uint64_t keep = spec.uid.value == 0 ? kRootCapabilities : 0;
    if (spec.allow_nesting.value)
        // Since 5.12 the map of a nested user namespace may hold uid 0 only with this.
        keep |= 1ULL << CAP_SETFCAP;
    for (const spec::CapabilityRule& rule : spec.capabilities) {
        const std::optional<std::uint64_t> mask = capability_mask(rule.name);
        if (!mask)
            return fail(quote(rule.name) + " is not a capability", {}, spec::render_origin(rule.origin),
                        "see capabilities(7), as CAP_CHOWN or chown, or ALL");
        keep = rule.add ? keep | *mask : keep & ~*mask;
    }
    return keep;
}

Result<SetLimit> limit_step(const spec::Limit& limit)
{
    const auto* found = std::ranges::find(kResources, limit.name, &ResourceName::name);
    if (found != kResources.end())
        return SetLimit{found->resource, limit.name, limit.soft, limit.hard, limit.origin.source == spec::Origin::Source::profile};
    std::string known;
    for (const ResourceName& resource : kResources)
        ((known += known.empty() ? "" : " ") += resource.name);
    return fail(quote(limit.name) + " is not a resource", {}, spec::render_origin(limit.origin), "one of " + known);
}

/// What the set-up makes writable, for the second layer.
std::vector<WritablePlace> writable_places(const std::vector<Step>& setup)
{
    using Kind = WritablePlace::Kind;
    std::vector<WritablePlace> places;
    for (const Step& step : setup) {
        if (const auto* bind = std::get_if<Bind>(&step.op); bind != nullptr && !bind->read_only && !bind->devices)
            places.push_back({bind->target, bind->recursive ? Kind::directory : Kind::files});
        else if (const auto* layer = std::get_if<Layer>(&step.op); layer != nullptr && !layer->changes.empty())
            places.push_back({layer->target, layer->file.empty() ? Kind::directory : Kind::files});
        else if (const auto* made = std::get_if<MakeDirectory>(&step.op); made != nullptr && made->path == "/dev")
            places.push_back({made->path, Kind::files}); // all devices at once: a rule takes its time
        else if (const auto* own = std::get_if<MakePrivate>(&step.op))
            places.push_back({own->path, Kind::directory});
        else if (const auto* fs = std::get_if<MountNew>(&step.op); fs != nullptr && (fs->attributes & MOUNT_ATTR_RDONLY) == 0)
            places.push_back({fs->target, Kind::directory});
        else if (const auto* proc = std::get_if<AttachProc>(&step.op))
            places.push_back({proc->target, Kind::files});
    }
    return places;
}

Result<InstallFilter> filter_step(const spec::Spec& spec, const Host& host, Plan& plan)
{
    const auto& [name, origin] = spec.seccomp;
    if (name == "default" || name == "strict")
        return InstallFilter{name, filter::builtin_filter(name == "strict" ? filter::Policy::strict_list : filter::Policy::default_list,
                                                          spec.allow_nesting.value)};
    auto loaded = host.load_filter(absolute_path(host.cwd, name), spec::render_origin(origin));
    if (!loaded)
        return std::unexpected(loaded.error());
    plan.filter = std::move(*loaded);
    return InstallFilter{name, plan.filter};
}

} // namespace

Result<> plan_handover(const spec::Spec& spec, const Host& host, const std::string& directory, Plan& plan)
{
    const spec::Origin whole = {spec::Origin::Source::profile, {}, spec.profile, 0};
    const auto same_id = [](std::uint32_t id) {
        return std::to_string(id) + " " + std::to_string(id) + " 1\n";
    };
    std::vector<Step>& steps = plan.handover;
    if (host.terminal < 0 || spec.new_session.value)
        steps.push_back({NewSession{}, spec.new_session.value ? spec.new_session.origin : whole});
    else
        steps.push_back({NewGroup{host.terminal, host.foreground}, whole});
    steps.push_back({EnterUserNamespace{same_id(spec.uid.value), same_id(spec.gid.value)}, whole});
    steps.push_back({ChangeDirectory{directory}, spec.chdir.value ? spec.chdir.origin : whole});
    if (spec.umask.value)
        steps.push_back({SetUmask{*spec.umask.value}, spec.umask.origin});
    for (const spec::Limit& limit : spec.limits) {
        const Result<SetLimit> step = limit_step(limit);
        if (!step)
            return std::unexpected(step.error());
        steps.push_back({*step, limit.origin});
    }
    const Result<std::uint64_t> keep = capabilities(spec);
    if (!keep)
        return std::unexpected(keep.error());
    steps.push_back({CutCapabilities{*keep, spec.uid.value == 0}, whole});
    steps.push_back({ForbidNewPrivileges{}, whole});
    // Landlock forbids all mounts, also those of a sandbox inside.
    if (spec.landlock.value != spec::Landlock::off && !spec.allow_nesting.value)
        steps.push_back({RestrictWrites{writable_places(plan.setup), spec.landlock.value == spec::Landlock::required}, spec.landlock.origin});
    std::vector<int> kept;
    for (const auto& [fd, origin] : spec.pass_fds)
        kept.push_back(fd);
    std::ranges::sort(kept);
    kept.erase(std::ranges::unique(kept).begin(), kept.end());
    steps.push_back({CloseDescriptors{std::move(kept)}, whole});
    steps.push_back({ResetSignals{}, whole});
    if (spec.seccomp.value != "off") {
        Result<InstallFilter> filter = filter_step(spec, host, plan);
        if (!filter)
            return std::unexpected(filter.error());
        steps.push_back({std::move(*filter), spec.seccomp.origin});
    }
    return {};
}

} // namespace glovebox::plan

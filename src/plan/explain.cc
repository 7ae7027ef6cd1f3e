// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/explain.h"

#include "text.h"

#include <array>
#include <cstdio>

#include <sched.h>

namespace glovebox::plan {
namespace {

struct Namespace {
    std::uint64_t flag;
    std::string_view name; ///< as in /proc/PID/ns
};
constexpr std::array kNamespaces = {
    Namespace{CLONE_NEWUSER, "user"}, Namespace{CLONE_NEWNS, "mnt"},  Namespace{CLONE_NEWPID, "pid"},
    Namespace{CLONE_NEWNET, "net"},   Namespace{CLONE_NEWIPC, "ipc"}, Namespace{CLONE_NEWUTS, "uts"},
    Namespace{CLONE_NEWCGROUP, "cgroup"},
};

/// One step, named and with its fields, for both forms of output.
struct Told {
    std::string_view name;
    std::string phrase;
    std::vector<std::pair<std::string_view, std::string>> fields;
};

std::string trimmed(std::string text)
{
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string octal(unsigned mode)
{
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, "%04o", mode);
    return buffer;
}

std::string at_other_place(const Bind& bind)
{
    return bind.source == bind.target ? "" : " at " + quote(bind.target);
}

Told tell(const MakeProc& op)
{
    return {"make-proc", std::string("making a procfs of the new PID namespace") + (op.processes_only ? ", of processes only" : ""), {}};
}

Told tell(const WriteProc& op)
{
    return {"write-proc", "writing " + quote(trimmed(op.text)) + " to /proc/" + op.file,
            {{"file", op.file}, {"text", trimmed(op.text)}}};
}

Told tell(const MakeRoot&) { return {"make-root", "mounting an empty tmpfs as the new root", {}}; }

Told tell(const MakeDirectory& op)
{
    return {"make-directory", "making the directory " + quote(op.path), {{"path", op.path}, {"mode", octal(op.mode)}}};
}

Told tell(const MakeSymlink& op)
{
    return {"make-symlink", "making the symbolic link " + quote(op.path) + " to " + quote(op.target),
            {{"path", op.path}, {"target", op.target}}};
}

Told tell(const MakeFile& op)
{
    return {"make-file", "placing a file of our own at " + quote(op.target), {{"target", op.target}, {"text", op.text}}};
}

Told tell(const Bind& op)
{
    const char* const mode = op.devices ? " with its device" : op.read_only ? " read-only" : " writable";
    return {"bind", "binding " + quote(op.source) + mode + at_other_place(op),
            {{"source", op.source}, {"target", op.target}, {"mode", op.devices ? "dev" : op.read_only ? "ro" : "rw"}}};
}

Told tell(const Layer& op)
{
    std::string entries;
    for (const LayerEntry& entry : op.entries)
        entries += (entries.empty() ? "" : ":") + entry.path;
    const std::string shown = op.file.empty() ? op.source : op.source + "/" + op.file;
    const std::string place = shown == op.target ? "" : " at " + quote(op.target);
    return {"layer",
            (op.changes.empty() ? "showing " : "binding ") + quote(shown) + (op.changes.empty() ? " read-only" : " copy-on-write") + place +
                (entries.empty() ? "" : " with " + quote(entries) + " added"),
            {{"source", op.source}, {"target", op.target}, {"changes", op.changes}, {"entries", entries}, {"file", op.file}}};
}

Told tell(const MakePrivate& op)
{
    return {"make-private", "making " + quote(op.path) + " a private writable directory", {{"path", op.path}}};
}

Told tell(const MountNew& op)
{
    std::string options;
    for (const auto& [key, value] : op.options) {
        options += (options.empty() ? "" : ",") + key;
        if (!value.empty())
            options += "=" + value;
    }
    return {"mount", "mounting a new " + op.type + " at " + quote(op.target),
            {{"type", op.type}, {"target", op.target}, {"options", options}}};
}

Told tell(const AttachProc& op) { return {"attach-proc", "attaching the procfs at " + quote(op.target), {{"target", op.target}}}; }
Told tell(const ProtectProc& op) { return {"protect-proc", "making " + quote(op.path) + " read-only", {{"path", op.path}}}; }
Told tell(const MaskProc& op) { return {"mask-proc", "masking " + quote(op.path), {{"path", op.path}}}; }
Told tell(const SealRoot&) { return {"seal-root", "making the root read-only", {}}; }
Told tell(const PivotRoot&) { return {"pivot-root", "leaving the host's file system (pivot_root)", {}}; }
Told tell(const RaiseLoopback&) { return {"raise-loopback", "raising the loopback interface", {}}; }

Told tell(const SetHostname& op)
{
    return {"set-hostname", "setting the host name " + quote(op.name), {{"name", op.name}}};
}

Told tell(const JoinNewKeyring&) { return {"join-new-keyring", "joining a new session keyring", {}}; }
Told tell(const NewSession&) { return {"new-session", "starting a session of its own (no terminal)", {}}; }

Told tell(const NewGroup& op)
{
    return {"new-group", op.foreground ? "starting a process group in the foreground of the terminal" : "starting a process group in the background of the terminal", {}};
}

Told tell(const EnterUserNamespace& op)
{
    return {"enter-user-namespace", "entering a second user namespace",
            {{"uid_map", trimmed(op.uid_map)}, {"gid_map", trimmed(op.gid_map)}}};
}

Told tell(const ChangeDirectory& op)
{
    return {"change-directory", "changing to the directory " + quote(op.path), {{"path", op.path}}};
}

Told tell(const CutCapabilities& op)
{
    char mask[19];
    std::snprintf(mask, sizeof mask, "0x%llx", static_cast<unsigned long long>(op.keep));
    return {"cut-capabilities", "cutting the capabilities to " + std::string(mask), {{"keep", mask}}};
}

Told tell(const ForbidNewPrivileges&) { return {"no-new-privs", "setting no_new_privs", {}}; }
Told tell(const SetUmask& op)
{
    return {"set-umask", "setting the umask to " + octal(op.mask), {{"mask", octal(op.mask)}}};
}

Told tell(const SetLimit& op)
{
    const auto text = [](std::uint64_t value) { return value == ~std::uint64_t{0} ? std::string("unlimited") : std::to_string(value); };
    return {"set-limit", "limiting " + op.name + " to " + text(op.soft) + (op.hard == op.soft ? "" : ":" + text(op.hard)),
            {{"name", op.name}, {"soft", text(op.soft)}, {"hard", text(op.hard)}}};
}

Told tell(const RestrictWrites& op)
{
    std::string places;
    for (const WritablePlace& place : op.places)
        places += (places.empty() ? "" : " ") + quote(place.path);
    return {"restrict-writes", std::string("allowing writes (Landlock") + (op.required ? ", required" : "") + ") only below " + places, {{"places", places}}};
}

Told tell(const InstallFilter& op)
{
    return {"install-filter", "installing the seccomp filter " + quote(op.name),
            {{"name", op.name}, {"instructions", std::to_string(op.program.size())}}};
}

Told tell(const CloseDescriptors& op)
{
    std::string kept;
    for (const int fd : op.keep)
        kept += (kept.empty() ? "" : " ") + std::to_string(fd);
    return {"close-descriptors", "closing all descriptors above 2" + (kept.empty() ? "" : " but " + kept), {{"keep", kept}}};
}

Told tell(const ResetSignals&) { return {"reset-signals", "resetting signal mask and dispositions", {}}; }

Told tell_op(const Op& op)
{
    return std::visit([](const auto& step) { return tell(step); }, op);
}

std::string namespace_list(const Plan& plan, std::string_view before, std::string_view between)
{
    std::string out;
    for (const Namespace& entry : kNamespaces)
        if ((plan.namespaces & entry.flag) != 0)
            ((out += out.empty() ? before : between) += entry.name);
    return out;
}

std::string scratch_phrase(const Scratch& scratch)
{
    return (scratch.fresh ? "making the scratch " : "using the scratch ") + quote(scratch.path) +
           (scratch.keep ? "" : ", removed at the end");
}

std::string join(const std::vector<std::string>& words)
{
    std::string out;
    for (const std::string& word : words)
        (out += out.empty() ? "" : " ") += quote(word);
    return out;
}

std::string json_list(const std::vector<std::string>& words)
{
    std::string out = "[";
    for (const std::string& word : words)
        (out += out.size() > 1 ? ", " : "") += json_string(word);
    return out + "]";
}

} // namespace

std::string describe(const Op& op) { return tell_op(op).phrase; }

std::string render_text(const Plan& plan)
{
    std::string out;
    int number = 0;
    const auto line = [&](const std::string& phrase, const std::string& origin) {
        char prefix[16];
        std::snprintf(prefix, sizeof prefix, "%3d  ", ++number);
        out += prefix + phrase;
        if (!origin.empty())
            out += "  [" + origin + "]";
        out += '\n';
    };
    line(scratch_phrase(plan.scratch), spec::render_origin(plan.scratch.origin));
    line("cloning PID 1 with new namespaces: " + namespace_list(plan, "", ", "), {});
    for (const Step& step : plan.setup)
        line(describe(step.op), spec::render_origin(step.origin));
    line(plan.timeout == 0 ? "starting the command's process"
                           : "starting the command's process, for " + std::to_string(plan.timeout) + " ms at most", {});
    for (const Step& step : plan.handover)
        line(describe(step.op), spec::render_origin(step.origin));
    line("executing " + join(plan.execute.arguments), {});
    out += "environment:\n";
    for (const std::string& entry : plan.execute.environment)
        out += "     " + quote(entry) + "\n";
    return out;
}

std::string render_json(const Plan& plan)
{
    std::string out = "{\"version\": 1,\n \"namespaces\": [\"" + namespace_list(plan, "", "\", \"") + "\"],\n";
    out += " \"scratch\": {\"path\": " + json_string(plan.scratch.path) +
           ", \"fresh\": " + (plan.scratch.fresh ? "true" : "false") +
           ", \"keep\": " + (plan.scratch.keep ? "true" : "false") + "},\n";
    const auto list = [&out](const char* name, const std::vector<Step>& steps) {
        out += std::string(" \"") + name + "\": [";
        for (const Step& step : steps) {
            const Told told = tell_op(step.op);
            out += (&step == steps.data() ? "\n  {" : ",\n  {");
            out += "\"op\": " + json_string(told.name);
            for (const auto& [key, value] : told.fields)
                out += ", " + json_string(key) + ": " + json_string(value);
            out += ", \"origin\": " + json_string(spec::render_origin(step.origin)) + "}";
        }
        out += "],\n";
    };
    list("setup", plan.setup);
    list("handover", plan.handover);
    out += " \"execute\": {\"candidates\": " + json_list(plan.execute.candidates) +
           ", \"arguments\": " + json_list(plan.execute.arguments) +
           ", \"environment\": " + json_list(plan.execute.environment) + "}}\n";
    return out;
}

} // namespace glovebox::plan

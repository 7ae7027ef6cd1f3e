// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "filter/profile.h"

#include "filter/errno_name.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace glovebox::filter {
namespace {

using nlohmann::json;
using Arguments = std::vector<struct ::scmp_arg_cmp>;
using Names = std::initializer_list<std::string_view>;

/// What is wrong, and at which key. Thrown by the readers below, made an Error by compile_profile.
struct Complaint {
    std::string key;
    std::string text;
};

/// A value of the file and the keys that lead to it.
class Value {
public:
    Value(const json& value, std::string key) : value_(value), key_(std::move(key)) {}

    [[noreturn]] void complain(const std::string& text) const { throw Complaint{key_, text}; }

    /// The value of `key`, none where it is missing or null.
    std::optional<Value> find(const char* key) const
    {
        const auto found = value_.find(key);
        if (found == value_.end() || found->is_null())
            return std::nullopt;
        return Value(*found, key_.empty() ? key : key_ + "." + key);
    }

    Value get(const char* key) const
    {
        if (auto found = find(key))
            return *found;
        complain("the key " + std::string(key) + " is missing");
    }

    /// A misspelt key would be a rule that is not there.
    void check_keys(Names known) const
    {
        if (!value_.is_object())
            complain("not an object");
        for (const auto& [key, value] : value_.items())
            if (std::find(known.begin(), known.end(), key) == known.end())
                complain("unknown key " + quote(key));
    }

    std::string text() const
    {
        if (!value_.is_string())
            complain("not a string");
        return value_.get<std::string>();
    }

    std::uint64_t number(std::uint64_t largest) const
    {
        if (!value_.is_number_unsigned() || value_.get<std::uint64_t>() > largest)
            complain("not a number from 0 to " + std::to_string(largest));
        return value_.get<std::uint64_t>();
    }

    std::vector<Value> list() const
    {
        if (!value_.is_array())
            complain("not a list");
        std::vector<Value> values;
        for (const json& one : value_)
            values.emplace_back(one, key_ + "[" + std::to_string(values.size()) + "]");
        return values;
    }

    bool has(std::string_view word) const
    {
        return std::ranges::any_of(list(), [word](const Value& one) { return one.text() == word; });
    }

private:
    const json& value_;
    std::string key_;
};

/// The errors of Docker are numbers, those of Podman names, which count where there are both.
std::uint16_t read_errno(const Value& object, const char* number_key, const char* name_key)
{
    if (const auto name = object.find(name_key); name && !name->text().empty()) {
        const unsigned number = errno_number(name->text());
        if (number == 0)
            name->complain("no such error: " + quote(name->text()));
        return static_cast<std::uint16_t>(number);
    }
    constexpr unsigned kLargest = 4095; // MAX_ERRNO
    const auto number = object.find(number_key);
    return number ? static_cast<std::uint16_t>(number->number(kLargest)) : EPERM;
}

std::uint32_t read_action(const Value& action, std::uint16_t error)
{
    const std::string name = action.text();
    if (name == "SCMP_ACT_ALLOW")
        return SCMP_ACT_ALLOW;
    if (name == "SCMP_ACT_LOG")
        return SCMP_ACT_LOG;
    if (name == "SCMP_ACT_ERRNO")
        return SCMP_ACT_ERRNO(error);
    if (name == "SCMP_ACT_TRACE")
        return SCMP_ACT_TRACE(error);
    if (name == "SCMP_ACT_TRAP")
        return SCMP_ACT_TRAP;
    if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD")
        return SCMP_ACT_KILL_THREAD;
    if (name == "SCMP_ACT_KILL_PROCESS")
        return SCMP_ACT_KILL_PROCESS;
    if (name == "SCMP_ACT_NOTIFY")
        action.complain("SCMP_ACT_NOTIFY needs a program that answers, and there is none");
    action.complain("no such action: " + quote(name));
}

bool lets_through(std::uint32_t action) { return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG; }

struct ::scmp_arg_cmp read_argument(const Value& argument)
{
    argument.check_keys({"index", "value", "valueTwo", "op"});
    constexpr std::array<std::pair<std::string_view, scmp_compare>, 7> kComparisons = {{
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    }};
    const std::string name = argument.get("op").text();
    const auto comparison = std::ranges::find(kComparisons, name, &std::pair<std::string_view, scmp_compare>::first);
    if (comparison == kComparisons.end())
        argument.get("op").complain("no such comparison: " + quote(name));
    const auto second = argument.find("valueTwo");
    return {static_cast<unsigned>(argument.get("index").number(5)), comparison->second,
            argument.get("value").number(UINT64_MAX), second ? second->number(UINT64_MAX) : 0};
}

/// Whether this kernel is of version `wanted` ("4.8") or later.
bool has_kernel(const Value& wanted)
{
    int wanted_major = 0;
    int wanted_minor = 0;
    int rest = 0;
    const std::string text = wanted.text();
    if (std::sscanf(text.c_str(), "%4d.%4d%n", &wanted_major, &wanted_minor, &rest) != 2 ||
        static_cast<std::size_t>(rest) != text.size())
        wanted.complain("not a kernel version: " + quote(text));
    struct ::utsname kernel = {};
    int major = 0;
    int minor = 0;
    if (::uname(&kernel) != 0 || std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2)
        wanted.complain("the version of this kernel cannot be read");
    return std::pair(major, minor) >= std::pair(wanted_major, wanted_minor);
}

/// Architectures as the profiles' conditions name them, in the words of Go.
#if defined(__x86_64__)
constexpr std::string_view kMachine = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kMachine = "arm64";
#endif

/// Whether a rule's "includes" and "excludes" let it in. The command is taken to have no capability.
bool applies(const Value& rule)
{
    if (const auto excludes = rule.find("excludes")) {
        excludes->check_keys({"caps", "arches", "minKernel"});
        if (const auto arches = excludes->find("arches"); arches && arches->has(kMachine))
            return false;
        if (const auto version = excludes->find("minKernel"); version && has_kernel(*version))
            return false;
    }
    if (const auto includes = rule.find("includes")) {
        includes->check_keys({"caps", "arches", "minKernel"});
        if (const auto caps = includes->find("caps"); caps && !caps->list().empty())
            return false;
        if (const auto arches = includes->find("arches"); arches && !arches->list().empty() && !arches->has(kMachine))
            return false;
        if (const auto version = includes->find("minKernel"); version && !has_kernel(*version))
            return false;
    }
    return true;
}

/// A profile on its way into libseccomp.
class Profile {
public:
    explicit Profile(const Value& profile)
    {
        profile.check_keys({"defaultAction", "defaultErrnoRet", "defaultErrno", "archMap", "architectures", "syscalls",
                            "flags", "listenerPath", "listenerMetadata"});
        default_action_ =
            read_action(profile.get("defaultAction"), read_errno(profile, "defaultErrnoRet", "defaultErrno"));
        context_.reset(seccomp_init(default_action_));
        if (!context_ || seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
            seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
            profile.complain("libseccomp fails");
        add_architectures(profile);
        if (const auto rules = profile.find("syscalls"))
            for (const Value& rule : rules->list())
                add_rule(rule);
        leave_out_x86_if_blind();
    }

    std::vector<struct ::sock_filter> make_program() const
    {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(::memfd_create("filter", MFD_CLOEXEC), "r+"),
                                                                   std::fclose);
        if (!file || seccomp_export_bpf(context_.get(), ::fileno(file.get())) != 0)
            throw Complaint{"", "libseccomp cannot make a program of it"};
        const auto size = static_cast<std::size_t>(::lseek(::fileno(file.get()), 0, SEEK_END));
        std::vector<struct ::sock_filter> program(size / sizeof(struct ::sock_filter));
        if (program.size() > BPF_MAXINSNS)
            throw Complaint{"",
                            "it makes " + std::to_string(program.size()) + " instructions, and the kernel takes 4096"};
        if (::pread(::fileno(file.get()), program.data(), size, 0) != static_cast<ssize_t>(size))
            throw Complaint{"", "the program cannot be read back"};
        return program;
    }

private:
    struct Release {
        void operator()(void* context) const { seccomp_release(context); }
    };

    /// What the rules for one system call have said so far.
    struct Said {
        std::optional<std::uint32_t> always;
        std::optional<std::uint32_t> on_condition;
    };

    std::unique_ptr<void, Release> context_;
    std::uint32_t default_action_ = 0;
    std::map<std::string, Said> said_;

    void add_architectures(const Value& profile)
    {
        const auto listed = profile.find("architectures");
        const auto mapped = profile.find("archMap");
        if (listed && !listed->list().empty() && mapped && !mapped->list().empty())
            mapped->complain("there can be archMap or architectures, not both");
        if (listed)
            for (const Value& name : listed->list())
                add_architecture(name);
        if (mapped)
            for (const Value& entry : mapped->list()) {
                entry.check_keys({"architecture", "subArchitectures"});
                const auto others = entry.find("subArchitectures");
                if (find_token(entry.get("architecture")) == seccomp_arch_native() && others)
                    for (const Value& name : others->list())
                        add_architecture(name);
            }
    }

    /// 0 for an architecture that libseccomp does not know.
    static std::uint32_t find_token(const Value& name)
    {
        std::string word = name.text();
        constexpr std::string_view kPrefix = "SCMP_ARCH_";
        if (!word.starts_with(kPrefix))
            name.complain("no such architecture: " + quote(word));
        word.erase(0, kPrefix.size());
        std::ranges::transform(word, word.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
        return seccomp_arch_resolve_name(word.c_str());
    }

    /// Those of other machines are left out: this kernel makes no calls of theirs.
    void add_architecture(const Value& name)
    {
        const std::uint32_t token = find_token(name);
#if defined(__x86_64__)
        const bool is_ours = token == SCMP_ARCH_X86 || token == SCMP_ARCH_X32;
#else
        const bool is_ours = token == SCMP_ARCH_ARM;
#endif
        if (is_ours && seccomp_arch_exist(context_.get(), token) != 0 && seccomp_arch_add(context_.get(), token) != 0)
            name.complain("libseccomp refuses it");
    }

    void add_rule(const Value& rule)
    {
        rule.check_keys({"name", "names", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"});
        const std::uint32_t action = read_action(rule.get("action"), read_errno(rule, "errnoRet", "errno"));
        Arguments arguments;
        if (const auto args = rule.find("args"))
            for (const Value& argument : args->list())
                arguments.push_back(read_argument(argument));
        std::vector<Value> names;
        if (const auto list = rule.find("names"))
            names = list->list();
        if (const auto name = rule.find("name"); name && !name->text().empty())
            names.push_back(*name);
        if (names.empty())
            rule.complain("a rule without names");
        if (!applies(rule))
            return;
        for (const Value& name : names)
            add_call(name, action, arguments);
    }

    void add_call(const Value& name, std::uint32_t action, const Arguments& arguments)
    {
        const int number = seccomp_syscall_resolve_name(name.text().c_str());
        if (number == __NR_SCMP_ERROR) {
            if (lets_through(default_action_) && !lets_through(action))
                name.complain("libseccomp does not know " + quote(name.text()) + ", so that it cannot be refused");
            return;
        }
        note(name, action, arguments);
        if (action == default_action_)
            return;
        // Docker and Podman read several conditions on one argument as alternatives.
        Arguments sorted = arguments;
        std::ranges::sort(sorted, {}, &scmp_arg_cmp::arg);
        const bool alternatives = std::ranges::adjacent_find(sorted, {}, &scmp_arg_cmp::arg) != sorted.end();
        const std::size_t each = alternatives ? 1 : arguments.size();
        std::size_t at = 0;
        do {
            const int error = seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(each),
                                                     arguments.data() + at);
            if (error != 0 && error != -EEXIST)
                name.complain("libseccomp refuses the rule for " + quote(name.text()) + ": " + std::strerror(-error));
            at += each;
        } while (at < arguments.size());
    }

    /// libseccomp's rules have no order: one without conditions swallows the others, without a word.
    void note(const Value& name, std::uint32_t action, const Arguments& arguments)
    {
        Said& said = said_[name.text()];
        std::optional<std::uint32_t>& mine = arguments.empty() ? said.always : said.on_condition;
        const std::optional<std::uint32_t>& other = arguments.empty() ? said.on_condition : said.always;
        mine = action;
        if (other && *other != action)
            name.complain("there are rules for " + quote(name.text()) + " with and without args, and different actions");
    }

    /// i386 has socket() as a part of socketcall, too, with its arguments in memory, where no filter sees them;
    /// libseccomp then allows that part altogether. Unless the profile says so itself, 32-bit programs
    /// are not let in at all.
    void leave_out_x86_if_blind()
    {
        if (lets_through(default_action_) || said_.contains("socketcall"))
            return;
        constexpr int kLastDetour = -1000; // libseccomp's own numbers for parts of socketcall and ipc are above
        for (const auto& [name, said] : said_) {
            const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name.c_str());
            if (said.on_condition && lets_through(*said.on_condition) && number < 0 && number > kLastDetour)
                seccomp_arch_remove(context_.get(), SCMP_ARCH_X86);
        }
    }
};

} // namespace

Result<std::vector<struct ::sock_filter>> compile_profile(std::string_view text, const std::string& what,
                                                          const std::string& from)
{
    try {
        const json document = json::parse(text);
        return Profile(Value(document, "")).make_program();
    } catch (const json::parse_error& error) {
        const std::size_t end = std::min(error.byte, text.size());
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
        return fail(what, "line " + std::to_string(line) + " is not JSON", from);
    } catch (const json::exception&) {
        return fail(what, "a number in it is too large", from);
    } catch (const Complaint& complaint) {
        return fail(what, (complaint.key.empty() ? "" : complaint.key + ": ") + complaint.text, from);
    }
}

} // namespace glovebox::filter

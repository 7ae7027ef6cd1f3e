// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The programs against the tables they are made from, for every machine, and the reader of the tables.

#include "filter/compile.h"
#include "filter/filter.h"
#include "filter/policy.h"
#include "machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <utility>

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <seccomp.h>

namespace {

using namespace glovebox;
using namespace glovebox::filter;
using glovebox::test::run_program;

constexpr Policy kPolicies[] = {Policy::default_list, Policy::strict_list};

PolicyTable read(Policy policy)
{
    auto table = parse_policy(policy_text(policy), "policy");
    EXPECT_TRUE(table) << table.error().what << ": " << table.error().why;
    return *table;
}

/// The name of a call, "" where there is none. Kept, because libseccomp searches its tables for each answer.
const std::string& name_of(std::uint32_t token, std::uint32_t number)
{
    static std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> known;
    const auto [entry, is_new] = known.try_emplace({token, number});
    if (is_new)
        if (char* name = seccomp_syscall_resolve_num_arch(token, static_cast<int>(number))) {
            entry->second = name;
            std::free(name);
        }
    return entry->second;
}

bool holds(const Condition& condition, std::uint64_t argument)
{
    return std::ranges::any_of(condition.values, [&](std::uint32_t value) {
        if (condition.test == Condition::Test::any_bit)
            return (argument & value) != 0;
        return (condition.low_half ? argument & 0xffffffff : argument) == value;
    });
}

/// What the table says, read from top to bottom.
Answer evaluate(const PolicyTable& table, std::string_view machine, bool allow_nesting, const struct ::seccomp_data& data)
{
    const auto number = static_cast<std::uint32_t>(data.nr);
    constexpr std::uint32_t kX32Bit = 0x40000000;
    const bool is_x32 = data.arch == AUDIT_ARCH_X86_64 && number >= kX32Bit;
    std::uint32_t token = 0;
    for (const Target& target : table.targets)
        for (const std::string& name : target.architectures) {
            const std::uint32_t candidate = seccomp_arch_resolve_name(name.c_str());
            if (target.name == machine && candidate == (is_x32 ? SCMP_ARCH_X32 : data.arch))
                token = candidate;
        }
    if (number == 0xffffffff && (token != 0 || (is_x32 && machine == "x86_64")))
        return SECCOMP_RET_ALLOW; // cancelled by a tracer
    if (token == 0)
        return table.foreign;
    const std::string& name = name_of(token, number);
    const std::uint32_t plain = is_x32 ? number - kX32Bit : number;
    for (const Rule& rule : table.rules) {
        if (rule.when == (allow_nesting ? When::without_nesting : When::with_nesting))
            continue;
        const bool named = std::ranges::any_of(rule.calls, [&](const Call& call) {
            return call.last != 0 ? plain >= call.first && plain <= call.last : !name.empty() && call.name == name;
        });
        const auto fits = [&](const Condition& condition) { return holds(condition, data.args[condition.argument]); };
        if (named && std::ranges::all_of(rule.conditions, fits))
            return rule.answer;
    }
    return table.otherwise;
}

/// Calls that come near the edges of the tables.
class Calls {
public:
    explicit Calls(const PolicyTable& table)
    {
        for (const Rule& rule : table.rules)
            for (const Condition& condition : rule.conditions)
                values_.insert(values_.end(), condition.values.begin(), condition.values.end());
    }

    std::uint64_t argument()
    {
        std::uint64_t value = pick(4) == 0 ? random_() : values_[pick(values_.size())];
        if (pick(4) == 0)
            value |= values_[pick(values_.size())];
        if (pick(6) == 0)
            value += pick(3) - 1;
        if (pick(6) == 0)
            value ^= std::uint64_t{1} << (32 + pick(32));
        return value;
    }

    struct ::seccomp_data call(std::uint32_t arch, std::uint32_t number)
    {
        struct ::seccomp_data data = {static_cast<int>(number), arch, random_(), {}};
        for (auto& one : data.args)
            one = argument();
        return data;
    }

    std::size_t pick(std::size_t count) { return random_() % count; }

private:
    std::mt19937_64 random_{20240607}; // always the same calls
    std::vector<std::uint64_t> values_ = {0, 1, 0xffffffff, UINT64_MAX};
};

constexpr std::uint32_t kArchitectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM,
                                            AUDIT_ARCH_RISCV64};

TEST(Policy, ProgramsSayWhatTheTablesSay)
{
    for (const Policy policy : kPolicies) {
        const PolicyTable table = read(policy);
        Calls calls(table);
        for (const char* machine : {"x86_64", "aarch64"})
            for (const bool allow_nesting : {false, true}) {
                const auto program = compile_policy(table, machine, allow_nesting);
                ASSERT_TRUE(program) << program.error().why;
                const auto check = [&](const struct ::seccomp_data& data) {
                    const auto answer = run_program(*program, data);
                    ASSERT_TRUE(answer);
                    ASSERT_EQ(*answer, evaluate(table, machine, allow_nesting, data))
                        << machine << " arch " << std::hex << data.arch << " call " << std::dec << data.nr << " ("
                        << data.args[0] << ", " << data.args[1] << ", " << data.args[2] << ", " << data.args[3] << ")";
                };
                for (const std::uint32_t arch : kArchitectures)
                    for (std::uint32_t number = 0; number < 1100; ++number)
                        for (int repeat = 0; repeat < 8; ++repeat) {
                            check(calls.call(arch, number));
                            check(calls.call(arch, 0x40000000 + number));
                        }
                for (int i = 0; i < 20'000; ++i) {
                    const auto number = calls.pick(2) ? calls.argument() : 0xf0000 + calls.pick(16);
                    check(calls.call(kArchitectures[calls.pick(std::size(kArchitectures))],
                                     static_cast<std::uint32_t>(number)));
                }
                check(calls.call(AUDIT_ARCH_X86_64, 0xffffffff));
            }
    }
}

TEST(Policy, BuiltinProgramsAreThoseOfTheTables)
{
#if defined(__x86_64__)
    const char* machine = "x86_64";
#else
    const char* machine = "aarch64";
#endif
    for (const Policy policy : kPolicies)
        for (const bool allow_nesting : {false, true}) {
            const auto program = compile_policy(read(policy), machine, allow_nesting);
            const auto builtin = builtin_filter(policy, allow_nesting);
            EXPECT_TRUE(std::ranges::equal(*program, builtin, [](const auto& a, const auto& b) {
                return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
            }));
            const std::string_view bytes(reinterpret_cast<const char*>(builtin.data()), builtin.size_bytes());
            EXPECT_TRUE(read_filter(bytes, "builtin", ""));
        }
}

TEST(Policy, NestingOnlyOpensWhatASandboxNeeds)
{
    const std::set<std::string> needed = {
        "chroot",     "clone",         "clone3",        "fsconfig",   "fsmount",   "fsopen",         "fspick",
        "keyctl",     "mount",         "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "openat2",
        "pivot_root", "setdomainname", "sethostname",   "setns",      "umount",    "umount2",        "unshare",
    };
    for (const Policy policy : kPolicies)
        for (const Rule& rule : read(policy).rules)
            for (const Call& call : rule.calls)
                EXPECT_TRUE(rule.when == When::always || needed.contains(call.name)) << call.name;
}

/// A policy with `rule`, which stands on line 5.
std::string with_rule(const std::string& rule)
{
    return "target x86_64 x86_64\nforeign KILL_PROCESS\notherwise ALLOW\n[always]\n" + rule + "\n";
}

TEST(Policy, BadLinesAreRefusedByNumber)
{
    const std::pair<std::string, std::string> lines[] = {
        {"EPERM chroot", "a rule without a reason"},
        {"EPERM chroot #", "a rule without a reason"},
        {"EPERM # why", "a rule without a system call"},
        {"EPERMS chroot # why", "no such answer: EPERMS"},
        {"EPERM chroot=12 # why", "no numbers that are the same everywhere: chroot=12"},
        {"EPERM chroot=500-499 # why", "no numbers that are the same everywhere: chroot=500-499"},
        {"EPERM chmod if # why", "a condition is: if argN OP VALUE and argN OP VALUE"},
        {"EPERM chmod if arg1 & 1 or arg2 & 1 # why", "a condition is: if argN OP VALUE and argN OP VALUE"},
        {"EPERM chmod if arg6 & 1 # why", "no such argument: arg6"},
        {"EPERM chmod if arg1 > 1 # why", "no such comparison: >"},
        {"EPERM chmod if arg1 & 08 # why", "no such number: 08"},
        {"EPERM chmod if arg1 & 0x100000000 # why", "no such number: 0x100000000"},
        {"[sometimes]", "no such section: [sometimes]"},
    };
    for (const auto& [line, complaint] : lines) {
        const auto table = parse_policy(with_rule(line), "some.policy");
        ASSERT_FALSE(table) << line;
        EXPECT_EQ(table.error().what, "reading some.policy:5") << line;
        EXPECT_EQ(table.error().why, complaint) << line;
    }
}

TEST(Policy, NamesThatNoArchitectureHasAreRefused)
{
    const auto compile = [](const std::string& rule) {
        return compile_policy(*parse_policy(with_rule(rule), "p"), "x86_64", false);
    };
    EXPECT_TRUE(compile("EPERM chroot # why"));
    EXPECT_TRUE(compile("EPERM chrooot? # why"));
    const auto program = compile("EPERM chrooot # why");
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().what, "compiling line 5");
    EXPECT_EQ(program.error().why, "no such system call: chrooot");
}

TEST(Policy, TheFirstRuleThatFitsDecides)
{
    const auto answer = [](const std::string& rules, std::uint64_t argument) {
        const auto program = compile_policy(*parse_policy(with_rule(rules), "p"), "x86_64", false);
        return *run_program(*program, {16, AUDIT_ARCH_X86_64, 0, {0, argument}});
    };
    const std::string rules = "EPERM ioctl if arg1:32 == 7 # one\nALLOW ioctl # all others\nEIO ioctl # never\n";
    EXPECT_EQ(answer(rules, 7), SECCOMP_RET_ERRNO | EPERM);
    EXPECT_EQ(answer(rules, 7 | std::uint64_t{1} << 32), SECCOMP_RET_ERRNO | EPERM);
    EXPECT_EQ(answer(rules, 8), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer("EPERM ioctl if arg1 == 7 # one\n", 7 | std::uint64_t{1} << 32), SECCOMP_RET_ALLOW);
}

TEST(Policy, NoRulesAtAll)
{
    const std::string text = "target x86_64 x86_64 x86 arm\nforeign KILL_PROCESS\notherwise ALLOW\n";
    const auto program = compile_policy(*parse_policy(text, "p"), "x86_64", false);
    EXPECT_EQ(*run_program(*program, {1, AUDIT_ARCH_X86_64, 0, {}}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(*run_program(*program, {1, AUDIT_ARCH_I386, 0, {}}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(*run_program(*program, {1, AUDIT_ARCH_ARM, 0, {}}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(*run_program(*program, {1, AUDIT_ARCH_AARCH64, 0, {}}), SECCOMP_RET_KILL_PROCESS);
}

TEST(Policy, LongJumpsArrive)
{
    std::string rules;
    for (int i = 0; i < 1000; ++i)
        rules += "EPERM ioctl if arg1 == " + std::to_string(i) + " and arg2 == " + std::to_string(i) + " # one of many\n";
    const auto program = compile_policy(*parse_policy(with_rule(rules + "EIO ioctl # the rest"), "p"), "x86_64", false);
    for (const std::uint64_t i : {0, 1, 498, 499, 500, 998, 999}) {
        EXPECT_EQ(*run_program(*program, {16, AUDIT_ARCH_X86_64, 0, {0, i, i}}), SECCOMP_RET_ERRNO | EPERM);
        EXPECT_EQ(*run_program(*program, {16, AUDIT_ARCH_X86_64, 0, {0, i, i + 1}}), SECCOMP_RET_ERRNO | EIO);
    }
    EXPECT_EQ(*run_program(*program, {16, AUDIT_ARCH_I386, 0, {}}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(*run_program(*program, {17, AUDIT_ARCH_X86_64, 0, {}}), SECCOMP_RET_ALLOW);
}

} // namespace

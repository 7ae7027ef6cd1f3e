// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Filters from files: programs for the kernel, and the profiles of Docker and Podman.

#include "filter/filter.h"
#include "machine.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace glovebox;
using namespace glovebox::filter;
using glovebox::test::run_program;
using Program = std::vector<struct ::sock_filter>;

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
constexpr std::string_view kMachine = "amd64";
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
constexpr std::string_view kMachine = "arm64";
#endif

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint64_t kHighBit = std::uint64_t{1} << 32;

/// `profile` with ' for ".
std::string json(std::string profile)
{
    std::ranges::replace(profile, '\'', '"');
    return profile;
}

std::string complaint(std::string_view bytes)
{
    const auto program = read_filter(bytes, "FILE", "--seccomp FILE");
    if (program)
        return "no complaint";
    EXPECT_EQ(program.error().what, "reading the seccomp filter FILE");
    EXPECT_EQ(program.error().from, "--seccomp FILE");
    return program.error().why;
}

/// Asks one profile for its answers.
class Profile {
public:
    explicit Profile(const std::string& text)
    {
        auto program = read_filter(json(text), "FILE", "--seccomp FILE");
        EXPECT_TRUE(program) << program.error().why;
        if (program)
            program_ = std::move(*program);
    }

    std::uint32_t operator()(const char* name, std::uint64_t first = 0, std::uint64_t second = 0) const
    {
        return ask(kNative, seccomp_syscall_resolve_name(name), first, second);
    }

    std::uint32_t ask(std::uint32_t arch, int number, std::uint64_t first = 0, std::uint64_t second = 0) const
    {
        return run_program(program_, {number, arch, 0, {first, second}}).value_or(0xdead);
    }

private:
    Program program_;
};

std::string allow_list(const std::string& rules, const std::string& more = "")
{
    return "{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 38, " + more + "'syscalls': [" + rules + "]}";
}

std::string allow(const std::string& name, const std::string& more = "")
{
    return "{'names': ['" + name + "'], 'action': 'SCMP_ACT_ALLOW'" + more + "}";
}

std::string argument(unsigned index, const std::string& op, const std::string& value, const std::string& second = "0")
{
    return "{'index': " + std::to_string(index) + ", 'op': 'SCMP_CMP_" + op + "', 'value': " + value +
           ", 'valueTwo': " + second + "}";
}

// -- profiles ------------------------------------------------------------------------------------

TEST(LoadProfile, AllowList)
{
    const Profile ask(allow_list(allow("read") + "," + "{'name': 'chroot', 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1}"));
    EXPECT_EQ(ask("read"), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask("chroot"), kEperm);
    EXPECT_EQ(ask("write"), kEnosys);
    EXPECT_EQ(ask.ask(kNative, 1000), kEnosys);
}

TEST(LoadProfile, DenyList)
{
    const Profile ask(
        "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['read', 'write'], 'action': 'SCMP_ACT_ERRNO'},"
        "{'names': ['chroot'], 'action': 'SCMP_ACT_KILL_PROCESS'}, {'names': ['mount'], 'action': 'SCMP_ACT_LOG'}]}");
    EXPECT_EQ(ask("read"), kEperm);
    EXPECT_EQ(ask("write"), kEperm);
    EXPECT_EQ(ask("chroot"), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask("mount"), SECCOMP_RET_LOG);
    EXPECT_EQ(ask("close"), SECCOMP_RET_ALLOW);
}

TEST(LoadProfile, ErrorsByNumberAndByName)
{
    const Profile ask("{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrno': 'ENOSYS', 'defaultErrnoRet': 1, 'syscalls': ["
                      "{'names': ['read'], 'action': 'SCMP_ACT_ERRNO', 'errno': 'EIO', 'errnoRet': 1},"
                      "{'names': ['write'], 'action': 'SCMP_ACT_ERRNO', 'errno': '', 'errnoRet': 13}]}");
    EXPECT_EQ(ask("close"), kEnosys);
    EXPECT_EQ(ask("read"), SECCOMP_RET_ERRNO | EIO);
    EXPECT_EQ(ask("write"), SECCOMP_RET_ERRNO | EACCES);
}

TEST(LoadProfile, EveryComparison)
{
    const auto fits = [](const char* op, const char* value, std::uint64_t given) {
        const Profile ask(allow_list(allow("personality", ", 'args': [" + argument(0, op, value, "4") + "]")));
        return ask("personality", given) == SECCOMP_RET_ALLOW;
    };
    EXPECT_TRUE(fits("EQ", "5", 5) && !fits("EQ", "5", 6) && !fits("EQ", "5", 5 | kHighBit));
    EXPECT_TRUE(fits("NE", "5", 6) && !fits("NE", "5", 5));
    EXPECT_TRUE(fits("LT", "5", 4) && !fits("LT", "5", 5));
    EXPECT_TRUE(fits("LE", "5", 5) && !fits("LE", "5", 6));
    EXPECT_TRUE(fits("GE", "5", 5) && !fits("GE", "5", 4));
    EXPECT_TRUE(fits("GT", "5", kHighBit) && !fits("GT", "5", 5));
    EXPECT_TRUE(fits("MASKED_EQ", "12", 4 | 16) &&
                !fits("MASKED_EQ", "12", 8)); // value is the mask, valueTwo what is wanted
    EXPECT_TRUE(fits("EQ", "18446744073709551615", UINT64_MAX));
}

TEST(LoadProfile, ConditionsOnSeveralArgumentsMustAllHold)
{
    const Profile ask(
        allow_list(allow("kill", ", 'args': [" + argument(0, "EQ", "1") + "," + argument(1, "EQ", "2") + "]")));
    EXPECT_EQ(ask("kill", 1, 2), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask("kill", 1, 3), kEnosys);
    EXPECT_EQ(ask("kill", 0, 2), kEnosys);
}

TEST(LoadProfile, ConditionsOnOneArgumentAreAlternatives)
{
    const Profile ask(
        allow_list(allow("kill", ", 'args': [" + argument(0, "EQ", "1") + "," + argument(0, "EQ", "2") + "]")));
    EXPECT_EQ(ask("kill", 1), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask("kill", 2), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask("kill", 3), kEnosys);
}

TEST(LoadProfile, RulesForOthersAreLeftOut)
{
    const auto is_in = [](std::string conditions) {
        const auto machine = conditions.find("HERE");
        if (machine != std::string::npos)
            conditions.replace(machine, 4, kMachine);
        return Profile(allow_list(allow("read", ", " + conditions)))("read") == SECCOMP_RET_ALLOW;
    };
    EXPECT_TRUE(is_in("'includes': {}, 'excludes': {}"));
    EXPECT_TRUE(is_in("'includes': null, 'args': null, 'comment': 'none'"));
    EXPECT_TRUE(is_in("'includes': {'arches': ['s390', 'HERE']}"));
    EXPECT_FALSE(is_in("'includes': {'arches': ['s390']}"));
    EXPECT_FALSE(is_in("'excludes': {'arches': ['HERE']}"));
    EXPECT_TRUE(is_in("'excludes': {'caps': ['CAP_SYS_ADMIN']}"));
    EXPECT_FALSE(is_in("'includes': {'caps': ['CAP_SYS_ADMIN']}"));
    EXPECT_TRUE(is_in("'includes': {'minKernel': '4.8'}"));
    EXPECT_FALSE(is_in("'includes': {'minKernel': '4096.0'}"));
    EXPECT_FALSE(is_in("'excludes': {'minKernel': '4.8'}"));
}

TEST(LoadProfile, NamesThatNobodyKnowsFallToARefusingDefault)
{
    const Profile ask(allow_list("{'names': ['read', 'quantum_read'], 'action': 'SCMP_ACT_ALLOW'},"
                                 "{'names': ['quantum_write'], 'action': 'SCMP_ACT_KILL_PROCESS'}"));
    EXPECT_EQ(ask("read"), SECCOMP_RET_ALLOW);
    EXPECT_EQ(complaint(json("{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['read', 'quantum_write'], "
                             "'action': 'SCMP_ACT_ERRNO'}]}")),
              "syscalls[0].names[1]: libseccomp does not know quantum_write, so that it cannot be refused");
}

#if defined(__x86_64__)
constexpr int kRead32 = 3;
constexpr int kSocket32 = 359;
constexpr int kSocketcall32 = 102;

TEST(LoadProfile, OtherArchitecturesDieUnlessTheyAreNamed)
{
    const auto answer32 = [](const std::string& more) {
        return Profile(allow_list(allow("read"), more)).ask(AUDIT_ARCH_I386, kRead32);
    };
    const std::string mapped =
        "{'architecture': 'SCMP_ARCH_X86_64', 'subArchitectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_X32']}";
    EXPECT_EQ(answer32(""), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(answer32("'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_ARM'],"), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(answer32("'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X86'],"), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer32("'archMap': [" + mapped + "],"), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer32("'archMap': [{'architecture': 'SCMP_ARCH_S390X', 'subArchitectures': ['SCMP_ARCH_X86']}],"),
              SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(Profile(allow_list(allow("read"))).ask(AUDIT_ARCH_X86_64, 0x40000000), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(Profile(allow_list(allow("read"), "'archMap': [" + mapped + "],")).ask(AUDIT_ARCH_X86_64, 0x40000000),
              SECCOMP_RET_ALLOW);
}

TEST(LoadProfile, SocketcallOpensNoFamilyThatSocketMayNot)
{
    const std::string rules = allow("read") + "," + allow("socket", ", 'args': [" + argument(0, "EQ", "1") + "]");
    const std::string with_x86 = "'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],";
    const Profile blind(allow_list(rules, with_x86));
    EXPECT_EQ(blind("socket", 1), SECCOMP_RET_ALLOW);
    EXPECT_EQ(blind("socket", 40), kEnosys);
    EXPECT_EQ(blind.ask(AUDIT_ARCH_I386, kSocketcall32, 1), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(blind.ask(AUDIT_ARCH_I386, kRead32), SECCOMP_RET_KILL_PROCESS);
    const Profile explicit_call(allow_list(rules + "," + allow("socketcall"), with_x86));
    EXPECT_EQ(explicit_call.ask(AUDIT_ARCH_I386, kSocketcall32, 1), SECCOMP_RET_ALLOW);
    EXPECT_EQ(explicit_call.ask(AUDIT_ARCH_I386, kSocket32, 40), kEnosys);
}
#endif

TEST(LoadProfile, TheOneThatComesWithPodman)
{
    const char* path = "/usr/share/containers/seccomp.json";
    if (::access(path, R_OK) != 0)
        GTEST_SKIP() << "SKIP: no " << path << " (Debian: golang-github-containers-common)";
    const auto program = load_filter(path, "");
    ASSERT_TRUE(program) << program.error().why;
    const auto answer = [&](int number) { return run_program(*program, {number, kNative, 0, {}}); };
    EXPECT_EQ(answer(SCMP_SYS(read)), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(SCMP_SYS(bpf)), kEperm);
    EXPECT_EQ(answer(SCMP_SYS(chroot)), kEperm);
    EXPECT_EQ(answer(1000), kEnosys);
}

TEST(LoadProfile, BadOnesAreRefusedByKeyOrLine)
{
    const std::string rule_head = "{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['read'], 'action': ";
    const std::string args_head = rule_head + "'SCMP_ACT_ALLOW', 'args': [{'index': 0, ";
    const std::pair<std::string, std::string> profiles[] = {
        {"{", "line 1 is not JSON"},
        {"{\n'defaultAction': 'SCMP_ACT_ALLOW',\n'syscalls': [}\n}", "line 3 is not JSON"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW'} {}", "line 1 is not JSON"},
        {"{}", "the key defaultAction is missing"},
        {"{'defaultAction': 1}", "defaultAction: not a string"},
        {"{'defaultAction': 'ALLOW'}", "defaultAction: no such action: ALLOW"},
        {"{'defaultAction': 'SCMP_ACT_NOTIFY'}",
         "defaultAction: SCMP_ACT_NOTIFY needs a program that answers, and there is none"},
        {"{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrno': 'EWRONG'}", "defaultErrno: no such error: EWRONG"},
        {"{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 4096}", "defaultErrnoRet: not a number from 0 to 4095"},
        {"{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': -1}", "defaultErrnoRet: not a number from 0 to 4095"},
        {"{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 1e999}", "a number in it is too large"},
        {"{'defaultaction': 'SCMP_ACT_ALLOW'}", "unknown key defaultaction"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': {}}", "syscalls: not a list"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [7]}", "syscalls[0]: not an object"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'action': 'SCMP_ACT_ERRNO'}]}",
         "syscalls[0]: a rule without names"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['X86']}", "architectures[0]: no such architecture: X86"},
        {"{'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86'], 'archMap': [{'architecture': 'SCMP_ARCH_X86'}]}",
         "archMap: there can be archMap or architectures, not both"},
        {rule_head + "'SCMP_ACT_ALLOW', 'exclude': {}}]}", "syscalls[0]: unknown key exclude"},
        {rule_head + "'SCMP_ACT_ALLOW', 'includes': {'cap': []}}]}", "syscalls[0].includes: unknown key cap"},
        {rule_head + "'SCMP_ACT_ALLOW', 'includes': {'minKernel': '5'}}]}",
         "syscalls[0].includes.minKernel: not a kernel version: 5"},
        {args_head + "'value': 1, 'op': 'EQ'}]}]}", "syscalls[0].args[0].op: no such comparison: EQ"},
        {args_head + "'op': 'SCMP_CMP_EQ'}]}]}", "syscalls[0].args[0]: the key value is missing"},
        {args_head + "'value': 1.5, 'op': 'SCMP_CMP_EQ'}]}]}",
         "syscalls[0].args[0].value: not a number from 0 to 18446744073709551615"},
        {rule_head + "'SCMP_ACT_ALLOW', 'args': [{'index': 6, 'value': 1, 'op': 'SCMP_CMP_EQ'}]}]}",
         "syscalls[0].args[0].index: not a number from 0 to 5"},
        {allow_list(allow("ioctl") + ",{'names': ['ioctl'], 'action': 'SCMP_ACT_ERRNO', 'args': [" +
                    argument(1, "EQ", "21522") + "]}"),
         "syscalls[1].names[0]: there are rules for ioctl with and without args, and different actions"},
    };
    for (const auto& [profile, expected] : profiles)
        EXPECT_EQ(complaint(json(profile)), expected) << profile;
}

TEST(LoadProfile, NoMoreInstructionsThanTheKernelTakes)
{
    std::string rules;
    for (int i = 0; i < 4200; ++i)
        rules += (i ? "," : "") + allow("kill", ", 'args': [" + argument(0, "EQ", std::to_string(i)) + "]");
    const std::string why = complaint(json(allow_list(rules)));
    EXPECT_TRUE(why.starts_with("it makes ") && why.ends_with(" instructions, and the kernel takes 4096")) << why;
}

// -- programs ------------------------------------------------------------------------------------

std::string bytes_of(const Program& program)
{
    return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(struct ::sock_filter)};
}

Program sound_program()
{
    return {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct ::seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
}

TEST(LoadProgram, IsTakenAsItIs)
{
    const std::string bytes = bytes_of(sound_program());
    const auto program = read_filter(bytes, "FILE", "");
    ASSERT_TRUE(program) << program.error().why;
    EXPECT_EQ(bytes_of(*program), bytes);
}

TEST(LoadProgram, BadOnesAreRefused)
{
    const auto with = [](std::size_t at, struct ::sock_filter step) {
        Program program = sound_program();
        program.at(at) = step;
        return complaint(bytes_of(program));
    };
    const std::string size = "neither JSON nor 1 to 4096 instructions of 8 bytes";
    EXPECT_EQ(complaint(""), size);
    EXPECT_EQ(complaint("[1, 2]"), size);
    EXPECT_EQ(complaint(bytes_of(sound_program()) + "x"), size);
    EXPECT_EQ(complaint(std::string(4097 * 8, '\6')), size);
    EXPECT_EQ(with(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64)), "instruction 0 is none that the kernel takes");
    EXPECT_EQ(with(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2)), "instruction 0 is none that the kernel takes");
    EXPECT_EQ(with(0, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 4)), "instruction 0 is none that the kernel takes");
    EXPECT_EQ(with(2, BPF_STMT(BPF_ST, 16)), "instruction 2 is none that the kernel takes");
    EXPECT_EQ(with(2, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0)), "instruction 2 is none that the kernel takes");
    EXPECT_EQ(with(2, BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32)), "instruction 2 is none that the kernel takes");
    EXPECT_EQ(with(1, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0)), "instruction 1 jumps behind the end");
    EXPECT_EQ(with(1, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2)), "instruction 1 jumps behind the end");
    EXPECT_EQ(with(1, BPF_STMT(BPF_JMP | BPF_JA, 2)), "instruction 1 jumps behind the end");
    EXPECT_EQ(with(1, BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff)), "instruction 1 jumps behind the end");
    EXPECT_EQ(with(3, BPF_STMT(BPF_LD | BPF_IMM, 0)), "the last instruction gives no answer");
    EXPECT_EQ(with(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)),
              "it does not look at the architecture, so that 32-bit calls would get around it");
}

/// The kernel's own check must not be the stricter one: its EINVAL would come too late to be explained.
TEST(LoadProgram, WhatIsTakenTheKernelTakes)
{
    constexpr unsigned short kCodes = 0x100;
    for (unsigned short code = 0; code < kCodes; ++code)
        for (const std::uint32_t value : {0U, 16U, 32U, 64U}) {
            Program program = sound_program();
            program.insert(program.begin() + 3, {code, 0, 0, value});
            // The index register and memory have to be written before they are read.
            program.insert(program.begin(), {BPF_STMT(BPF_LDX | BPF_IMM, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_ST, 4)});
            const bool is_taken = read_filter(bytes_of(program), "FILE", "").has_value();
            const struct ::sock_fprog description = {static_cast<unsigned short>(program.size()), program.data()};
            const pid_t child = ::fork();
            if (child == 0) {
                const struct ::rlimit no_core = {};
                ::setrlimit(RLIMIT_CORE, &no_core);
                const bool installs = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                                      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) == 0;
                ::_exit(installs ? 0 : errno == EINVAL ? 1 : 2);
            }
            int status = 0;
            ASSERT_EQ(::waitpid(child, &status, 0), child);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
                GTEST_SKIP() << "SKIP: filters cannot be installed here";
            // A filter that is in place may well kill.
            const bool installs = WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
            EXPECT_EQ(is_taken, installs) << "code " << code << " value " << value;
        }
}

// -- files ---------------------------------------------------------------------------------------

TEST(LoadFile, IsReadOrRefusedByName)
{
    const auto why = [](const std::string& path) {
        const auto program = load_filter(path, "--seccomp");
        if (program)
            return std::string("no complaint");
        EXPECT_EQ(program.error().what, "reading the seccomp filter " + path);
        return program.error().why;
    };
    char directory[] = "/tmp/load_test.XXXXXX";
    ASSERT_NE(::mkdtemp(directory), nullptr);
    const std::string file = std::string(directory) + "/filter";
    EXPECT_EQ(why(file), "No such file or directory");
    EXPECT_EQ(why(directory), "Is a directory");
    std::ofstream(file) << " \n" << json("{'defaultAction': 'SCMP_ACT_ALLOW'}");
    EXPECT_EQ(why(file), "no complaint");
    std::ofstream(file) << std::string((1 << 20) + 1, ' ');
    EXPECT_EQ(why(file), "it is longer than 1 MiB");
    EXPECT_EQ(::unlink(file.c_str()), 0);
    EXPECT_EQ(::rmdir(directory), 0);
}

} // namespace

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "filter/filter.h"

#include "filter/builtin.h"
#include "filter/profile.h"
#include "text.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>

#include <linux/bpf_common.h>
#include <linux/seccomp.h>

namespace glovebox::filter {
namespace {

using Program = std::vector<struct ::sock_filter>;

/// No program for the kernel and no profile that is in use comes near it.
constexpr std::size_t kLongestFile = 1 << 20;

const Builtin& find(Policy policy) noexcept { return policy == Policy::strict_list ? kStrictPolicy : kDefaultPolicy; }

/// Whether the kernel knows the instruction at all and takes it in a filter for system calls.
bool is_known(const struct ::sock_filter& step)
{
    switch (step.code) {
    case BPF_LD | BPF_W | BPF_ABS:
        return step.k < sizeof(struct ::seccomp_data) && step.k % sizeof(std::uint32_t) == 0;
    case BPF_ALU | BPF_DIV | BPF_K:
        return step.k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
        return step.k < 32;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return step.k < BPF_MEMWORDS;
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
        return true;
    default:
        break;
    }
    constexpr unsigned kNoSource = ~static_cast<unsigned>(BPF_X);
    const unsigned code = step.code & kNoSource;
    for (const unsigned operation : {BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR, BPF_XOR})
        if (code == (BPF_ALU | operation))
            return true;
    if (step.code == (BPF_ALU | BPF_DIV | BPF_X) || step.code == (BPF_ALU | BPF_LSH | BPF_X) ||
        step.code == (BPF_ALU | BPF_RSH | BPF_X))
        return true;
    for (const unsigned test : {BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET})
        if (code == (BPF_JMP | test))
            return true;
    return false;
}

/// What the kernel would say with a bare EINVAL, and one thing that it would not say: a program that never asks
/// for the architecture takes the numbers of 32-bit calls (int 0x80) for those of others. "" when all is well.
std::string find_fault(const Program& program)
{
    bool asks_architecture = false;
    for (std::size_t i = 0; i < program.size(); ++i) {
        const struct ::sock_filter& step = program[i];
        const std::string at = "instruction " + std::to_string(i);
        if (!is_known(step))
            return at + " is none that the kernel takes";
        const std::size_t after = program.size() - i - 1;
        const bool is_jump = BPF_CLASS(step.code) == BPF_JMP;
        const std::size_t longest = step.code == (BPF_JMP | BPF_JA) ? step.k : is_jump ? std::max(step.jt, step.jf) : 0;
        if (is_jump && longest >= after)
            return at + " jumps behind the end";
        asks_architecture |= step.code == (BPF_LD | BPF_W | BPF_ABS) && step.k == offsetof(struct ::seccomp_data, arch);
    }
    if (BPF_CLASS(program.back().code) != BPF_RET)
        return "the last instruction gives no answer";
    if (!asks_architecture)
        return "it does not look at the architecture, so that 32-bit calls would get around it";
    return {};
}

Result<Program> read_program(std::string_view bytes, const std::string& what, const std::string& from)
{
    constexpr std::size_t kStep = sizeof(struct ::sock_filter);
    if (bytes.empty() || bytes.size() % kStep != 0 || bytes.size() > BPF_MAXINSNS * kStep)
        return fail(what, "neither JSON nor 1 to 4096 instructions of 8 bytes", from);
    Program program(bytes.size() / kStep);
    std::memcpy(program.data(), bytes.data(), bytes.size());
    if (const std::string fault = find_fault(program); !fault.empty())
        return fail(what, fault, from);
    return program;
}

} // namespace

std::span<const struct ::sock_filter> builtin_filter(Policy policy, bool allow_nesting) noexcept
{
    return allow_nesting ? find(policy).program_with_nesting : find(policy).program;
}

std::string_view policy_text(Policy policy) noexcept { return find(policy).text; }

Result<Program> read_filter(std::string_view bytes, const std::string& path, const std::string& from)
{
    const std::string what = "reading the seccomp filter " + quote(path);
    const std::size_t start = bytes.find_first_not_of(" \t\r\n");
    if (start != std::string_view::npos && bytes[start] == '{')
        return compile_profile(bytes, what, from);
    return read_program(bytes, what, from);
}

Result<Program> load_filter(const std::string& path, const std::string& from)
{
    const auto refuse = [&](const char* why) { return fail("reading the seccomp filter " + quote(path), why, from); };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
    if (!file)
        return refuse(std::strerror(errno));
    std::string bytes(kLongestFile + 1, '\0');
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    if (std::ferror(file.get()))
        return refuse(std::strerror(errno));
    if (bytes.size() > kLongestFile)
        return refuse("it is longer than 1 MiB");
    return read_filter(bytes, path, from);
}

} // namespace glovebox::filter

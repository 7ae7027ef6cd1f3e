// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What a program for seccomp(2) answers, without a kernel: the instructions that filters are made of.

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

namespace glovebox::test {

/// None where the program leaves its own end or holds an instruction that no filter of ours has.
inline std::optional<std::uint32_t> run_program(std::span<const struct ::sock_filter> program,
                                                const struct ::seccomp_data& data)
{
    std::uint32_t a = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const struct ::sock_filter& step = program[at];
        const auto branch = [&](bool yes) { at += yes ? step.jt : step.jf; };
        switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (step.k + sizeof a > sizeof data)
                return std::nullopt;
            std::memcpy(&a, reinterpret_cast<const char*>(&data) + step.k, sizeof a);
            break;
        case BPF_JMP | BPF_JA:
            at += step.k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            branch(a == step.k);
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            branch(a >= step.k);
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            branch(a > step.k);
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            branch((a & step.k) != 0);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= step.k;
            break;
        case BPF_RET | BPF_K:
            return step.k;
        default:
            return std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace glovebox::test

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "filter/compile.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <set>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

namespace glovebox::filter {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;

/// No call has a higher number (ARM has a few, which no policy is about).
constexpr std::uint32_t kNumbers = 1024;

/// The number of a call that a tracer has cancelled. The kernel makes none, whatever the answer; but any other
/// answer than ALLOW would overwrite the result that the tracer has chosen.
constexpr std::uint32_t kCancelled = 0xffffffff;

/// One of the ABIs of a kernel: AUDIT_ARCH_*, and the numbers of its system calls.
struct Architecture {
    std::uint32_t audit = 0;
    std::uint32_t offset = 0;
    std::map<std::string, std::uint32_t, std::less<>> calls;
};

Architecture find_architecture(const std::string& name)
{
    Architecture found;
    const std::uint32_t token = seccomp_arch_resolve_name(name.c_str());
    found.audit = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
    found.offset = token == SCMP_ARCH_X32 ? kX32Bit : 0;
    // By number: asked for a name, libseccomp answers with the detour (socketcall, ipc) where x86 has one.
    for (std::uint32_t number = found.offset; number < found.offset + kNumbers; ++number)
        if (char* call = seccomp_syscall_resolve_num_arch(token, static_cast<int>(number))) {
            found.calls.emplace(call, number);
            std::free(call);
        }
    return found;
}

struct Branch {
    std::vector<Condition> conditions;
    Answer answer = 0;
    bool operator==(const Branch&) const = default;
};

/// What a call gets: the answer of the first branch that fits.
struct Decision {
    std::vector<Branch> branches;
    Answer otherwise = 0;
    bool operator==(const Decision&) const = default;

    void add(const Rule& rule, bool& is_final)
    {
        if (is_final)
            return;
        is_final = rule.conditions.empty();
        if (is_final)
            otherwise = rule.answer;
        else
            branches.push_back({rule.conditions, rule.answer});
    }
};

/// All numbers from `first` to that of the next span.
struct Span {
    std::uint32_t first = 0;
    Decision decision;
};

/// Writes a program from its end to its start, so that each jump knows its target.
class Assembler {
public:
    /// The number of instructions from one to the end, itself included.
    using Label = std::size_t;

    Label answer(Answer value)
    {
        Label& known = answers_[value];
        if (known == 0 || code_.size() - known > kNear)
            known = push(BPF_RET | BPF_K, value);
        return known;
    }

    Label load(std::size_t offset, Label next)
    {
        if (next != code_.size())
            jump(next);
        return push(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
    }

    Label test(unsigned code, std::uint32_t value, Label yes, Label no)
    {
        if (code_.size() - no > kNear)
            no = jump(no);
        if (code_.size() - yes > kNear)
            yes = jump(yes);
        const auto distance = [this](Label target) { return static_cast<std::uint8_t>(code_.size() - target); };
        return push(BPF_JMP | code | BPF_K, value, distance(yes), distance(no));
    }

    std::vector<struct ::sock_filter> finish() { return {code_.rbegin(), code_.rend()}; }

private:
    /// A test jumps over 255 instructions at most; some are left for the detours of the test itself.
    static constexpr std::size_t kNear = 250;

    std::vector<struct ::sock_filter> code_;
    std::map<Answer, Label> answers_;

    Label jump(Label target) { return push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - target)); }

    Label push(unsigned code, std::uint32_t value, std::uint8_t yes = 0, std::uint8_t no = 0)
    {
        code_.push_back({static_cast<std::uint16_t>(code), yes, no, value});
        return code_.size();
    }
};

class Compiler {
public:
    Compiler(const PolicyTable& table, bool allow_nesting)
        : table_(table), left_out_(allow_nesting ? When::without_nesting : When::with_nesting)
    {
    }

    std::vector<struct ::sock_filter> compile(const std::vector<Architecture>& architectures)
    {
        Assembler::Label next = out_.answer(table_.foreign);
        std::set<std::uint32_t> done;
        for (auto one = architectures.rbegin(); one != architectures.rend(); ++one) {
            if (!done.insert(one->audit).second)
                continue;
            const std::vector<Span> spans = find_spans(architectures, one->audit);
            const Assembler::Label tree = write_tree(spans, 0, spans.size());
            const Assembler::Label number = out_.load(offsetof(struct ::seccomp_data, nr), tree);
            next = out_.test(BPF_JEQ, one->audit, number, next);
        }
        out_.load(offsetof(struct ::seccomp_data, arch), next);
        return out_.finish();
    }

private:
    const PolicyTable& table_;
    const When left_out_;
    Assembler out_;

    Decision decide(const Architecture& architecture, std::uint32_t number, std::string_view name) const
    {
        Decision decision{{}, table_.otherwise};
        bool is_final = false;
        for (const Rule& rule : table_.rules)
            if (rule.when != left_out_)
                for (const Call& call : rule.calls) {
                    const std::uint32_t plain = number - architecture.offset;
                    if (call.last != 0 ? plain >= call.first && plain <= call.last : call.name == name)
                        decision.add(rule, is_final);
                }
        return decision;
    }

    /// Everything that the kernel can put into seccomp_data.nr together with `audit`.
    std::vector<Span> find_spans(const std::vector<Architecture>& architectures, std::uint32_t audit) const
    {
        std::map<std::uint32_t, Decision> decisions;
        for (const Architecture& architecture : architectures) {
            if (architecture.audit != audit)
                continue;
            for (std::uint32_t plain = 0; plain < kNumbers; ++plain)
                decisions[architecture.offset + plain] = decide(architecture, architecture.offset + plain, "");
            for (const auto& [name, number] : architecture.calls)
                decisions[number] = decide(architecture, number, name);
        }
        const bool has_x32 = decisions.rbegin()->first >= kX32Bit;
        const auto outside = [&](std::uint32_t number) {
            return Decision{
                {}, audit == AUDIT_ARCH_X86_64 && number >= kX32Bit && !has_x32 ? table_.foreign : table_.otherwise};
        };
        decisions.try_emplace(kX32Bit, outside(kX32Bit));
        decisions[kCancelled] = Decision{{}, SECCOMP_RET_ALLOW};

        std::vector<Span> spans;
        std::uint32_t end = 0;
        const auto add = [&](std::uint32_t first, const Decision& decision) {
            if (spans.empty() || spans.back().decision != decision)
                spans.push_back({first, decision});
        };
        for (const auto& [number, decision] : decisions) {
            if (number != end)
                add(end, outside(end));
            add(number, decision);
            end = number + 1;
        }
        return spans;
    }

    Assembler::Label write_tree(const std::vector<Span>& spans, std::size_t first, std::size_t last)
    {
        if (last - first == 1)
            return write_decision(spans[first].decision);
        const std::size_t middle = first + (last - first) / 2;
        const Assembler::Label right = write_tree(spans, middle, last);
        const Assembler::Label left = write_tree(spans, first, middle);
        return out_.test(BPF_JGE, spans[middle].first, right, left);
    }

    Assembler::Label write_decision(const Decision& decision)
    {
        Assembler::Label next = out_.answer(decision.otherwise);
        for (auto branch = decision.branches.rbegin(); branch != decision.branches.rend(); ++branch) {
            Assembler::Label yes = out_.answer(branch->answer);
            for (auto one = branch->conditions.rbegin(); one != branch->conditions.rend(); ++one)
                yes = write_condition(*one, yes, next);
            next = yes;
        }
        return next;
    }

    Assembler::Label write_condition(const Condition& condition, Assembler::Label yes, Assembler::Label no)
    {
        // Little-endian: the low half comes first.
        const std::size_t low = offsetof(struct ::seccomp_data, args) + condition.argument * sizeof(std::uint64_t);
        if (condition.test == Condition::Test::any_bit) {
            std::uint32_t bits = 0;
            for (const std::uint32_t value : condition.values)
                bits |= value;
            return out_.load(low, out_.test(BPF_JSET, bits, yes, no));
        }
        Assembler::Label next = no;
        for (auto value = condition.values.rbegin(); value != condition.values.rend(); ++value)
            next = out_.test(BPF_JEQ, *value, yes, next);
        next = out_.load(low, next);
        if (!condition.low_half)
            next = out_.load(low + sizeof(std::uint32_t), out_.test(BPF_JEQ, 0, next, no));
        return next;
    }
};

} // namespace

Result<std::vector<struct ::sock_filter>> compile_policy(const PolicyTable& table, std::string_view target,
                                                         bool allow_nesting)
{
    std::vector<Architecture> architectures;
    std::set<std::string, std::less<>> names;
    for (const Target& one : table.targets)
        for (const std::string& name : one.architectures) {
            const Architecture architecture = find_architecture(name);
            if (architecture.audit == 0)
                return fail("compiling a policy", "no such architecture: " + name);
            for (const auto& [call, number] : architecture.calls)
                names.insert(call);
            if (one.name == target)
                architectures.push_back(architecture);
        }
    for (const Rule& rule : table.rules)
        for (const Call& call : rule.calls)
            if (call.last == 0 && !call.may_be_missing && !names.contains(call.name))
                return fail("compiling line " + std::to_string(rule.line), "no such system call: " + call.name);
    if (architectures.empty())
        return fail("compiling a policy", "no such target: " + std::string(target));
    return Compiler(table, allow_nesting).compile(architectures);
}

} // namespace glovebox::filter

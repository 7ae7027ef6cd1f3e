// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Runs a program on a pretended older or stricter kernel, where some system calls give an error:
//
//   deny_syscall NAME=ERRNO... -- PROGRAM [ARG...]
//
// "user_namespaces" stands for clone(2) and unshare(2) with CLONE_NEWUSER.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

namespace {

struct Call {
    std::string_view name;
    unsigned number;
};
constexpr Call kCalls[] = {
    {"clone3", SYS_clone3},         {"close_range", SYS_close_range},     {"fsopen", SYS_fsopen},
    {"keyctl", SYS_keyctl},         {"mount_setattr", SYS_mount_setattr}, {"move_mount", SYS_move_mount},
    {"open_tree", SYS_open_tree},   {"open_tree_attr", SYS_open_tree_attr}, {"openat2", SYS_openat2},
    {"pivot_root", SYS_pivot_root}, {"setsid", SYS_setsid},               {"unshare", SYS_unshare},
};

struct Error {
    std::string_view name;
    unsigned number;
};
constexpr Error kErrors[] = {{"EACCES", EACCES}, {"EINVAL", EINVAL}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS}, {"EPERM", EPERM}};

[[noreturn]] void give_up(const char* what)
{
    std::fprintf(stderr, "deny_syscall: %s\n", what);
    std::exit(99);
}

template <class Row, std::size_t N>
unsigned find(const Row (&rows)[N], std::string_view name)
{
    for (const Row& row : rows)
        if (row.name == name)
            return row.number;
    give_up("unknown name");
}

using Program = std::vector<struct ::sock_filter>;

void load(Program& program, std::size_t offset)
{
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}

void answer(Program& program, unsigned error)
{
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

/// "NAME=ERRNO"
void add_rule(Program& program, std::string_view rule)
{
    const std::size_t equals = rule.find('=');
    if (equals == std::string_view::npos)
        give_up("a rule is NAME=ERRNO");
    const std::string_view name = rule.substr(0, equals);
    const unsigned error = find(kErrors, rule.substr(equals + 1));
    if (name != "user_namespaces") {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, find(kCalls, name), 0, 1));
        answer(program, error);
        return;
    }
    for (const unsigned number : {SYS_clone, SYS_unshare}) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
        load(program, offsetof(struct ::seccomp_data, args[0]));
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
        answer(program, error);
        load(program, offsetof(struct ::seccomp_data, nr));
    }
}

} // namespace

int main(int argc, char** argv)
{
    Program program;
    load(program, offsetof(struct ::seccomp_data, nr));
    int at = 1;
    for (; at < argc && std::strcmp(argv[at], "--") != 0; ++at)
        add_rule(program, argv[at]);
    if (at + 1 >= argc)
        give_up("no program");
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));

    struct ::sock_fprog description = {};
    description.len = static_cast<unsigned short>(program.size());
    description.filter = program.data();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) < 0)
        give_up(std::strerror(errno));
    ::execvp(argv[at + 1], argv + at + 1);
    give_up(std::strerror(errno));
}

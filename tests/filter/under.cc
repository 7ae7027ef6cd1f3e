// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Runs a program under a filter and nothing else:
//
//   under default|strict|FILE [--nesting] PROGRAM [ARG...]

#include "filter/filter.h"

#include <cstdio>
#include <string_view>

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace glovebox;

int give_up(const std::string& why)
{
    std::fprintf(stderr, "under: %s\n", why.c_str());
    return 125;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view chosen = argc > 2 ? argv[1] : "";
    const bool allow_nesting = argc > 2 && std::string_view(argv[2]) == "--nesting";
    char** const command = argv + (allow_nesting ? 3 : 2);
    if (command >= argv + argc)
        return give_up("usage: under default|strict|FILE [--nesting] PROGRAM [ARG...]");

    std::vector<struct ::sock_filter> loaded;
    std::span<const struct ::sock_filter> program;
    if (chosen == "default" || chosen == "strict") {
        program = filter::builtin_filter(chosen == "strict" ? filter::Policy::strict_list : filter::Policy::default_list,
                                         allow_nesting);
    } else {
        auto result = filter::load_filter(argv[1], "");
        if (!result)
            return give_up(result.error().what + ": " + result.error().why);
        program = loaded = std::move(*result);
    }
    struct ::sock_fprog description = {};
    description.len = static_cast<unsigned short>(program.size());
    description.filter = const_cast<struct ::sock_filter*>(program.data());
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) < 0)
        return give_up("the kernel refuses the filter");
    ::execvp(command[0], command);
    return give_up("cannot run the program");
}

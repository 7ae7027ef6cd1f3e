// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// The stages, one after another: parse the command line, then let its verb make a Plan and carry
// it out (verbs/).

#include "cli/parse.h"
#include "cli/render.h"
#include "sys/calls.h"
#include "verbs/verbs.h"

#include <cstring>

#include <fcntl.h>

namespace {

using namespace glovebox;

constexpr int kOwnFailure = 125;

/// A standard stream that is closed gets a placeholder, so that no descriptor of ours lands there.
/// It is close-on-exec: the command sees the stream closed, as our caller wanted.
void fill_standard_streams()
{
    for (int fd = 0; fd < 3; ++fd)
        if (!sys::is_open(fd))
            sys::open("/", O_PATH);
}

/// The memory in which the kernel laid out argv and, behind it, the environment (execve(2)).
std::span<char> argument_memory(int argc, char** argv, char** envp)
{
    if (argc == 0)
        return {};
    char* end = argv[argc - 1];
    for (char** entry = envp; *entry != nullptr; ++entry)
        end = *entry;
    return {argv[0], end + std::strlen(end) + 1};
}

Result<int> run_verb(int argc, char** argv, char** envp)
{
    const Result<cli::Invocation> invocation = cli::parse_arguments({argv, static_cast<std::size_t>(argc)});
    if (!invocation)
        return std::unexpected(invocation.error());
    if (invocation->show_version) {
        verbs::print(1, "glovebox " GLOVEBOX_VERSION "\n");
        return 0;
    }
    if (invocation->show_help || invocation->verb == cli::Verb::help) {
        verbs::print(1, cli::render_help());
        return 0;
    }
    const verbs::Process process = {argument_memory(argc, argv, envp), envp};
    return invocation->verb == cli::Verb::explain ? verbs::explain(*invocation, process)
                                                  : verbs::run(*invocation, process);
}

} // namespace

int main(int argc, char** argv, char** envp)
{
    fill_standard_streams();
    try {
        const Result<int> status = run_verb(argc, argv, envp);
        if (status)
            return *status;
        verbs::print_error(status.error());
    } catch (...) {
        // Only memory can have run out; nothing else throws.
        verbs::print(2, "glovebox: out of memory\n");
    }
    return kOwnFailure;
}

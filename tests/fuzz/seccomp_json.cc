// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Fuzz target: any bytes as the file of --seccomp. What is accepted must be a program that would be accepted itself.

#include "filter/filter.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace glovebox;
    const auto program = filter::read_filter({reinterpret_cast<const char*>(data), size}, "FILE", "--seccomp FILE");
    if (!program) {
        if (program.error().what.empty() || program.error().why.find('\n') != std::string::npos)
            std::abort();
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(program->data()),
                                 program->size() * sizeof(struct ::sock_filter));
    if (!filter::read_filter(bytes, "FILE", ""))
        std::abort();
    return 0;
}

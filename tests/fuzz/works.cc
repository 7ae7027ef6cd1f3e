// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Asked of a compiler: can it make fuzz targets, and does it know the language as the sources use it?

#include <cstddef>
#include <cstdint>
#include <expected>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t size)
{
    const std::expected<std::size_t, int> result = size;
    return result ? 0 : 1;
}

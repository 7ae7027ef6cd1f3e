// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What compile_main writes into builtin.cc at build time.

#include <span>
#include <string_view>

#include <linux/filter.h>

namespace glovebox::filter {

struct Builtin {
    std::string_view text; ///< the *.policy file
    std::span<const struct ::sock_filter> program;
    std::span<const struct ::sock_filter> program_with_nesting;
};

extern const Builtin kDefaultPolicy;
extern const Builtin kStrictPolicy;

} // namespace glovebox::filter

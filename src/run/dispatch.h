// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// std::visit for code without exceptions: std::visit links their run time.

#include <cerrno>
#include <cstddef>
#include <type_traits>
#include <variant>

namespace glovebox::run {

/// Calls `apply` with the alternative that `value` holds; -ENOTSUP where `apply` takes none such.
template <std::size_t I = 0, class F, class... Ts>
int dispatch(F&& apply, const std::variant<Ts...>& value) noexcept
{
    if constexpr (I == sizeof...(Ts)) {
        return -ENOTSUP;
    } else {
        if (const auto* held = std::get_if<I>(&value)) {
            if constexpr (std::is_invocable_v<F, decltype(*held)>)
                return apply(*held);
            else
                return -ENOTSUP;
        }
        return dispatch<I + 1>(apply, value);
    }
}

} // namespace glovebox::run

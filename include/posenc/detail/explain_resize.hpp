// SPDX-License-Identifier: MIT
/// @file
/// What resize() and resize_backward() answer to arguments that no rule takes. The rules are in learnable/ and in
/// relative_bias/, which do not know one another.
#ifndef POSENC_DETAIL_EXPLAIN_RESIZE_HPP
#define POSENC_DETAIL_EXPLAIN_RESIZE_HPP

#include "posenc/detail/eigen.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename... Arguments>
inline constexpr bool are_resizable = false;
template <typename Out, typename In, typename Rule>
inline constexpr bool are_resizable<Out, In, Rule> = is_dense<Out>&& is_dense<In> && !is_dense<Rule>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void resize(const Arguments&...) {
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write resize(out, table, rule): the rule is one of Resize::half_pixel and its neighbors, "
                "GridResize(from, to, filter), or WindowResize for the bias of a window");
  static_assert(sizeof...(Arguments) != 3 || detail::are_resizable<Arguments...>,
                "posenc: write resize(out, table, rule), in that order, where out and table are Eigen objects: "
                "table.values() for a LearnedTable");
  static_assert(
      !detail::are_resizable<Arguments...>,
      "posenc: the rule must be one of Resize::half_pixel and its neighbors, GridResize(from, to, filter), or "
      "WindowResize for the bias of a window");
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void resize_backward(const Arguments&...) {
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write resize_backward(grad_table, grad_out, rule) with the rule that resize() had");
  static_assert(sizeof...(Arguments) != 3 || detail::are_resizable<Arguments...>,
                "posenc: write resize_backward(grad_table, grad_out, rule), in that order, where both gradients are "
                "Eigen objects: table.values() for a LearnedTable");
  static_assert(
      !detail::are_resizable<Arguments...>,
      "posenc: the rule must be one of Resize::half_pixel and its neighbors, GridResize(from, to, filter), or "
      "WindowResize for the bias of a window");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EXPLAIN_RESIZE_HPP

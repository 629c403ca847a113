// SPDX-License-Identifier: MIT
/// @file
/// The compile-time messages of encode_learned(), add_learned() and learned_backward() for wrong arguments.
#ifndef POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/learnable/learned_table.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether encode_learned() and add_learned() take an x and a table of these types.
template <typename X, typename Table>
inline constexpr bool are_learned_arguments = is_dense<std::decay_t<X>>&& is_learned_table<Table>;

/// Whether learned_backward() takes gradients of these types.
template <typename GradTable, typename GradX, typename Table>
inline constexpr bool are_learned_gradients = is_dense<std::decay_t<GradTable>>&& is_dense<GradX> &&
                                              (is_learned_table<Table> || std::is_same_v<Table, LookupOptions>);

template <typename First, typename Second = void, typename... More>
constexpr bool explain_learned() {
  constexpr bool in_order = is_dense<First> && is_learned_table<Second>;
  static_assert(
      !in_order || sizeof...(More) != 0,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), or a list with one for "
      "each token");
  static_assert(!is_learned_table<First> || !is_dense<Second>,
                "posenc: the matrix comes first: write add_learned(x, table, positions)");
  static_assert(in_order || is_learned_table<First> || !is_dense<First> || !is_dense<Second>,
                "posenc: the table must be a LearnedTable: write wrap_learned_table(weights) for a matrix of weights");
  static_assert(is_dense<First> || is_learned_table<First>,
                "posenc: x must be an Eigen object: wrap a raw buffer with Eigen::Map");
  static_assert(
      in_order || is_learned_table<First> || !is_dense<First> || is_dense<Second>,
      "posenc: write encode_learned(out, table, positions) or add_learned(x, table, positions), where table is "
      "a LearnedTable or wrap_learned_table(weights)");
  static_assert(!in_order || sizeof...(More) <= 1,
                "posenc: too many arguments: write add_learned(x, table, positions)");
  return true;
}

template <typename... Arguments>
constexpr bool explain_learned_backward() {
  static_assert(sizeof...(Arguments) != 3,
                "posenc: an argument is missing: write learned_backward(grad_table, grad_x, table, positions), where "
                "positions are starting_at(first), PositionRange(first, count), or a list with one for each token");
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write learned_backward(grad_table, grad_x, table, positions), in that order, where both "
                "gradients are Eigen objects and table is the LearnedTable of the forward call, or its LookupOptions");
  return true;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP

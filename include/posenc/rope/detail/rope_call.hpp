// SPDX-License-Identifier: MIT
/// @file
/// The kinds of arguments of apply_rope(), and the compile-time message for others.
#ifndef POSENC_ROPE_DETAIL_ROPE_CALL_HPP
#define POSENC_ROPE_DETAIL_ROPE_CALL_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/frequency/table_rotation.hpp"
#include "posenc/rope/cache_rows.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/rms_norm.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Queries or keys: an Eigen object or a HeadsView.
template <typename T>
inline constexpr bool is_heads = is_dense<T> || is_heads_view<T>;
/// What is written: queries or keys, or rows of a cache.
template <typename T>
inline constexpr bool is_rope_target = is_heads<T> || is_cache_rows<T>;
/// What rotates: a table, its view, table.adjoint() or table.inverse().
template <typename T>
inline constexpr bool is_rope_table = is_frequency_table<T> || is_table_rotation<T>;
template <typename T>
inline constexpr bool is_rope_layout = std::is_same_v<T, RopeLayout>;

template <typename Tuple, std::size_t I, typename = void>
struct ArgumentAt {
  using type = void;
};
template <typename... A, std::size_t I>
struct ArgumentAt<std::tuple<A...>, I, std::enable_if_t<(I < sizeof...(A))>> {
  using type = std::tuple_element_t<I, std::tuple<A...>>;
};
/// Type of argument I; void where there are not as many.
template <std::size_t I, typename... A>
using Argument = typename ArgumentAt<std::tuple<A...>, I>::type;

/// Whether arguments (by type, without references) begin with x, table, layout, or with out, x, table, layout.
template <typename... A>
inline constexpr bool is_rope_in_place =
    sizeof...(A) <= (is_norm<Argument<3, A...>> ? 5 : 4) &&
    is_heads<Argument<0, A...>>&& is_rope_table<Argument<1, A...>>&& is_rope_layout<Argument<2, A...>>;
template <typename... A>
inline constexpr bool is_rope_into = sizeof...(A) <= (is_norm<Argument<4, A...>> ? 6 : 5) &&
                                     is_rope_target<Argument<0, A...>>&& is_heads<Argument<1, A...>>&& is_rope_table<
                                         Argument<2, A...>>&& is_rope_layout<Argument<3, A...>>;

/// Constraint of template parameters: apply_rope() may be called with these.
template <typename... A>
using IfRopeInPlace = std::enable_if_t<is_rope_in_place<std::decay_t<A>...>, int>;
template <typename... A>
using IfRopeInto = std::enable_if_t<is_rope_into<std::decay_t<A>...>, int>;
template <typename... A>
using IfNoRopeCall = std::enable_if_t<!is_rope_in_place<std::decay_t<A>...> && !is_rope_into<std::decay_t<A>...>, int>;

/// Whether T has a member `frequencies`, as a RopeSet of a config has, which this folder does not know.
template <typename T, typename = void>
inline constexpr bool has_frequencies = false;
template <typename T>
inline constexpr bool has_frequencies<T, std::enable_if_t<std::is_same_v<decltype(T::frequencies), Frequencies>>> =
    true;

/// Stops the compiler with a sentence that says what to write instead.
template <typename... A>
constexpr void explain_rope_call() {
  constexpr bool into = is_heads<Argument<1, A...>>;  // out, x, ...
  using Table = std::conditional_t<into, Argument<2, A...>, Argument<1, A...>>;
  using Layout = std::conditional_t<into, Argument<3, A...>, Argument<2, A...>>;
  if constexpr (sizeof...(A) == 0) {
    static_assert(kMisuse<A...>, "posenc: write apply_rope(x, table, layout) or apply_rope(out, x, table, layout)");
  } else if constexpr (is_cache_rows<Argument<0, A...>> && !into) {
    static_assert(kMisuse<A...>,
                  "posenc: rows of a cache are only written to: write apply_rope(cache_rows(cache, slots), k, table, "
                  "layout)");
  } else if constexpr (!is_rope_target<Argument<0, A...>>) {
    static_assert(kMisuse<A...>,
                  "posenc: x must be an Eigen object or a view: wrap a raw buffer with view_blhd(), view_bhld() or "
                  "view_packed()");
  } else if constexpr ((is_rope_layout<A> || ...) && (is_rope_table<A> || ...)) {
    static_assert(
        kMisuse<A...>,
        "posenc: the order is apply_rope(x, table, layout) or apply_rope(out, x, table, layout), and after it "
        "which rows: starting_at(first), from_row(n), ...");
  } else if constexpr (std::is_same_v<Table, Frequencies>) {
    static_assert(kMisuse<A...>,
                  "posenc: frequencies rotate nothing without positions: write make_table<float>(frequencies, "
                  "PositionRange(first, count)) and give that table");
  } else if constexpr (has_frequencies<Table>) {
    static_assert(kMisuse<A...>,
                  "posenc: a RopeSet rotates nothing without positions: write make_table<float>(set, "
                  "PositionRange(first, count)) and give that table");
  } else if constexpr (!is_rope_table<Table>) {
    static_assert(kMisuse<A...>,
                  "posenc: table must be a FrequencyTable, a FrequencyTableView, table.adjoint() or table.inverse()");
  } else {
    static_assert(!is_rope_layout<Layout> && kMisuse<A...>,
                  "posenc: layout is missing: write RopeLayout::half_split(head_dim) or "
                  "RopeLayout::interleaved(head_dim), whichever the weights were trained with");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROPE_CALL_HPP

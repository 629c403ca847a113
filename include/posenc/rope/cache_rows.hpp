// SPDX-License-Identifier: MIT
/// @file
/// cache_rows(): the rows of a cache that the tokens of a call are written to, as a paged cache gives them out.
#ifndef POSENC_ROPE_CACHE_ROWS_HPP
#define POSENC_ROPE_CACHE_ROWS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/positions/each_sequence.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/rope/heads_view.hpp"

#include <initializer_list>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// What cache_rows() returns: a cache that it refers to, and a row of it for each token. It is given to apply_rope() in
/// the call that it is made in, and not kept.
template <typename Cache, typename List>
class CacheRows {
 public:
  /// See cache_rows().
  template <typename GivenCache, typename GivenList>
  CacheRows(std::in_place_t, GivenCache&& cache, GivenList&& slots)
      : cache_(std::forward<GivenCache>(cache)), slots_(std::forward<GivenList>(slots)) {}
  CacheRows(const CacheRows&) = delete;
  CacheRows& operator=(const CacheRows&) = delete;
  auto& cache() { return cache_; }
  const std::remove_reference_t<List>& slots() const { return slots_; }

 private:
  Cache cache_;
  List slots_;
};

/// The rows of a cache, one for each token, as the `out` of apply_rope(): keys go from their projection into a paged
/// cache in one pass.
///
///     apply_rope(cache_rows(cache, slot_mapping), k, table, layout, starting_at(cached));
///
/// writes token i to row slots[i]. The other rows stay. Of two tokens with one slot the later one is kept.
/// A store in float8 or int8 with a scale is not part of this: Eigen has no such scalars, and the scale belongs to the
/// format of the cache (for a block, a head or a token), often to a calibration. Quantize from the rows that this
/// writes.
/// @param cache  slots x (num_heads * head_dim): any writable dense Eigen object, of any scalar that apply_rope() takes;
///               or a HeadsView, whose rows are the tokens of all its sequences, such as [blocks, block_size, heads,
///               head_dim] as view_blhd(). A temporary matrix does not compile.
/// @param slots  Integers of any type, one for each token, in any list as in rows().
/// @throws std::invalid_argument  when apply_rope() gets it: another number of slots than tokens; other columns (of a
///                                view: other heads or channels) than x; a cache without memory, or that overlaps
///                                itself, x, the table or the slots. Nothing is then written.
/// @throws std::out_of_range      when apply_rope() gets it: a slot that is no row of the cache, -1 included.
/// Cost:     refers to the cache and the list, without a copy of either; apply_rope() then gives its kernel up to 64
///           tokens at a time, with a norm one at a time (bench_rope: norm and rotation).
/// Accuracy: rows have the same bits as without it [rope][norm].
/// Matches:  slot_mapping of reshape_and_cache of vLLM, where -1 leaves a token out.
template <typename Cache, typename List>
auto cache_rows(Cache&& cache, List&& slots) {
  constexpr bool is_view = detail::is_heads_view<std::decay_t<Cache>>;
  constexpr bool is_cache = detail::is_dense<std::decay_t<Cache>> || is_view;
  constexpr bool is_list = detail::is_list<std::decay_t<List>> || detail::is_list<std::remove_reference_t<List>>;
  static_assert(is_cache, "posenc: the cache must be an Eigen object or a view, of slots x (num_heads * head_dim)");
  static_assert(!is_cache || is_list, "posenc: cache_rows(cache, slots) takes a list of integers, one for each token");
  if constexpr (is_cache && is_list) {
    using Held = std::conditional_t<std::is_lvalue_reference_v<Cache>, Cache, std::decay_t<Cache>>;
    bool may_write = true;
    if constexpr (!is_view) may_write = detail::may_write<Cache>();
    static_cast<void>(may_write);
    return CacheRows<Held, detail::Kept<List>>(std::in_place, std::forward<Cache>(cache), std::forward<List>(slots));
  }
}

/// @overload
/// Says that slots are a list with a name or a type.
template <typename Cache, typename Slot>
auto cache_rows(const Cache&, std::initializer_list<Slot>) {
  static_assert(detail::kMisuse<Slot>,
                "posenc: bare braces are not slots: write cache_rows(cache, slots) with a list of integers, such as "
                "std::vector<int>{3, 4, 5}, one for each token");
}

/// @overload
/// Says what is missing.
template <typename... Given, std::enable_if_t<sizeof...(Given) != 2, int> = 0>
auto cache_rows(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write cache_rows(cache, slots) with a list of integers, the row of the cache for each token");
}

namespace detail {

template <typename T>
inline constexpr bool is_cache_rows = false;
template <typename Cache, typename List>
inline constexpr bool is_cache_rows<CacheRows<Cache, List>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CACHE_ROWS_HPP

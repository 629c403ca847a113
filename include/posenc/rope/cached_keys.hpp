// SPDX-License-Identifier: MIT
/// @file
/// Tables that turn keys which are in a cache, and so turned already: to other positions, to other frequencies.
#ifndef POSENC_ROPE_CACHED_KEYS_HPP
#define POSENC_ROPE_CACHED_KEYS_HPP

#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/make_axis_table.hpp"
#include "posenc/frequency/make_table.hpp"

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_keys_id(const char* function, std::uint64_t keys_id, std::uint64_t expected, const char* what) {
  require(keys_id == 0 || keys_id == expected, function, "keys_id", keys_id, "0 or ", expected, " (", what, ")");
}

/// Turns what `from` has turned into what `to` would have: the angle p (to - from), the magnitude A_to / A_from.
inline Frequencies rescaling(const char* function, const Frequencies& from, const Frequencies& to) {
  require(to.num_pairs() == from.num_pairs(), function, "to.num_pairs()", to.num_pairs(), "from.num_pairs() ",
          from.num_pairs());
  return Frequencies(to.inv_freq() - from.inv_freq(), to.magnitude() / from.magnitude());
}

}  // namespace detail

/// Moves cached keys by `deltas` positions: apply_rope(keys, table, layout) with this table takes R(p) k to R(p +
/// delta) k.
///
/// What a sliding cache needs after tokens in front were dropped (delta = -dropped), and what a prefix needs that is
/// reused at another place. The magnitude is in the keys already and is not applied again, however often they move.
/// @tparam Scalar       as make_table(). float is right for half and bfloat16 caches too: keys are rounded once.
/// @param frequencies   What the keys were turned with.
/// @param deltas        One for each token that moves: integers or real numbers. For one delta of all tokens pass a
///                      vector of one and let every token take row 0 (a list of zeros as `rows`).
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  keys_id is not that of an exact table of `frequencies`; a delta that is NaN or
///                                infinite.
/// Cost:     as make_table() and apply_rope(): nothing is computed again from hidden states.
/// Accuracy: that of a table at the position delta. Every move rounds the keys once more to their scalar.
/// Source:   R(a) R(b) = R(a + b); llama.cpp K-shift (pull request 3228), StreamingLLM, Xiao et al. 2023,
///           arXiv:2309.17453.
/// Matches:  K-shift of llama.cpp without YaRN; with YaRN it multiplies keys by A at every shift, posenc does not.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& deltas,
                                        std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_shift_table", keys_id, frequencies.id(), "frequencies.id()");
  return make_table<Scalar>(frequencies.with_magnitude(1), deltas);
}

/// @overload
/// Keys of a multi-axis model: deltas is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const AxisMap& axes,
                                        const Eigen::DenseBase<Derived>& deltas, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_shift_table", keys_id, axes.id(frequencies), "axes.id(frequencies)");
  return make_table<Scalar>(frequencies.with_magnitude(1), axes, deltas);
}

/// Takes cached keys from one set of frequencies to another: apply_rope(keys, table, layout) with this table takes
/// A R(p) k of `from` to A' R'(p) k of `to`.
///
/// This makes rules that depend on the length right with a cache: when dynamic NTK changes its base, or LongRoPE
/// crosses from the short to the long factors, the keys follow. It needs the positions that the keys stand at.
/// @param from, to      Frequencies of equal length.
/// @param positions     One for each token: those that the keys were cached with.
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  other numbers of pairs; keys_id is not that of `from`; a position that is NaN or
///                                infinite.
/// Accuracy: |error| of an entry <= that of make_table() at the angle p (to - from), plus |p (to - from)| 2^-53.
/// Source:   R'(p) R(p)^-1 = R(p (w' - w)).
/// Matches:  nobody: Hugging Face drops the cache at the LongRoPE crossing and leaves keys of dynamic NTK as they are.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to,
                                          const Eigen::DenseBase<Derived>& positions, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), "from.id()");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), positions);
}

/// @overload
/// Keys at first, first + 1, ...
template <typename Scalar>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, PositionRange positions,
                                          std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), "from.id()");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), positions);
}

/// @overload
/// Keys of a multi-axis model: positions is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, const AxisMap& axes,
                                          const Eigen::DenseBase<Derived>& positions, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, axes.id(from), "axes.id(from)");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), axes, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CACHED_KEYS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Tables that move cached keys, which are rotated already, to other positions or to other frequencies.
#ifndef POSENC_ROPE_CACHED_KEYS_HPP
#define POSENC_ROPE_CACHED_KEYS_HPP

#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/make_axis_table.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/frequency/table_options.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Refuses keys of other frequencies, and the id 0, which tables have that do not know their frequencies.
inline void require_keys_id(const char* function, std::optional<std::uint64_t> keys_id, std::uint64_t id,
                            const TableOptions& options, const char* what) {
  require_exact_angles(function, options);
  const std::uint64_t expected = id_by_heads(id, options.num_heads);
  require(!keys_id || *keys_id == expected, function, "keys_id", keys_id.value_or(0), expected, " (", what,
          options.num_heads == 1 ? "" : " in a table of options.num_heads", "), or std::nullopt where it is not known");
}

/// Whether the last argument, TableOptions behind it aside, is not an id and not std::nullopt.
template <typename... Given>
inline constexpr bool lacks_keys_id = true;
template <typename First, typename... Given>
inline constexpr bool lacks_keys_id<First, Given...> = lacks_keys_id<Given...>;
template <typename Last>
inline constexpr bool lacks_keys_id<Last> = !std::is_integral_v<Last> && !std::is_same_v<Last, std::nullopt_t> &&
                                            !std::is_same_v<Last, std::optional<std::uint64_t>>;
template <typename Last>
inline constexpr bool lacks_keys_id<Last, TableOptions> = lacks_keys_id<Last>;

/// Whether frequencies are in front, and not a RopeSet or what else has some.
template <typename... Given>
inline constexpr bool begins_with_frequencies = false;
template <typename... Given>
inline constexpr bool begins_with_frequencies<Frequencies, Given...> = true;

/// Frequencies that take what `from` rotated to what `to` rotates: angle p (to - from), magnitude A_to / A_from.
inline Frequencies rescaling(const char* function, const Frequencies& from, const Frequencies& to) {
  require(to.num_pairs() == from.num_pairs(), function, "to.num_pairs()", to.num_pairs(), "from.num_pairs() ",
          from.num_pairs());
  require(to.of_channels() == from.of_channels(), function, "to", "other frequencies",
          "frequencies of pairs, or of channels, as from");
  Eigen::ArrayXd inv_freq = to.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) inv_freq[i] -= from.inv_freq()[i];
  return with_frequencies(to, inv_freq).with_magnitude(to.magnitude() / from.magnitude(), 1.0);
}

}  // namespace detail

/// Makes the table that moves cached keys by `deltas` positions: apply_rope(keys, table, layout) with it takes
///
///     R(p) k  to  R(p + delta) k
///
/// For a sliding cache whose first tokens were dropped (delta = -dropped), and for a prefix that is reused at another
/// place. The keys hold the magnitude already, and it is not applied again, however often they move. Where all tokens
/// move by one delta, make a table of one row and let all of them share it, each as a sequence of one token:
///
///     const auto shift = make_shift_table<float>(frequencies, std::array{-dropped}, table.id());
///     apply_rope(keys, shift, layout, each_sequence(1));
///
/// @tparam Scalar       As in make_table(). float is right for half and bfloat16 caches too: keys are rounded once.
/// @param frequencies   What the keys were rotated with.
/// @param deltas        [positions] A list with one for each token that moves, integers or real numbers.
/// @param keys_id       id() of the table by which the keys were rotated, or std::nullopt where it is not known.
/// @param options       As in make_table(), with exact angles; num_heads that of the table that rotated the keys.
/// @throws std::invalid_argument  keys_id is not that of an exact table of `frequencies` by as many heads; float32
///                                angles; a delta that is NaN or infinite.
/// @throws std::out_of_range      an integer delta beyond +-2^57; an angle that is not finite.
/// Cost:     that of make_table() and apply_rope(), with no keys computed again (no bench case of its own).
/// Accuracy: that of a table at the position delta. Every move rounds the keys once more to their scalar
///           [rope][cached_keys].
/// Source:   R(a) R(b) = R(a + b); llama.cpp K-shift (pull request 3228), StreamingLLM, Xiao et al. 2023,
///           arXiv:2309.17453.
/// Matches:  K-shift of llama.cpp without YaRN; with YaRN it multiplies keys by A at every shift, posenc does not.
template <typename Scalar, typename Deltas>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const Deltas& deltas,
                                        std::optional<std::uint64_t> keys_id, TableOptions options = {}) {
  static_assert(
      detail::is_list<Deltas>,
      "posenc: deltas must be a list with one for each token that moves; one delta for all tokens is a list of "
      "one, applied with each_sequence(1)");
  detail::require_keys_id("make_shift_table", keys_id, frequencies.id(), options, "frequencies.id()");
  return make_table<Scalar>(frequencies.with_magnitude(1), detail::as_list(deltas), options);
}

/// @overload
/// Keys of a multi-axis model: deltas is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const AxisMap& axes,
                                        const Eigen::DenseBase<Derived>& deltas, std::optional<std::uint64_t> keys_id,
                                        TableOptions options = {}) {
  detail::require_keys_id("make_shift_table", keys_id, axes.id(frequencies), options, "axes.id(frequencies)");
  return make_table<Scalar>(frequencies.with_magnitude(1), axes, deltas, options);
}

/// @overload
/// Says what is missing.
template <typename Scalar, typename... Given,
          std::enable_if_t<detail::lacks_keys_id<Given...> || !detail::begins_with_frequencies<Given...>, int> = 0>
detail::TableOrFloat<Scalar> make_shift_table(const Given&...) {
  static_assert(detail::lacks_keys_id<Given...>,
                "posenc: frequencies come first: write make_shift_table<float>(frequencies, deltas, table.id()); those "
                "of a RopeSet are "
                "set.frequencies");
  static_assert(!detail::lacks_keys_id<Given...> || detail::kMisuse<Given...>,
                "posenc: keys_id is missing: write make_shift_table<float>(frequencies, deltas, table.id()) with the "
                "table that rotated the keys, or std::nullopt in its place where that is not known");
  std::abort();
}

/// Makes the table that takes cached keys from one set of frequencies to another: apply_rope(keys, table, layout) with
/// it takes
///
///     A R(p) k of `from`  to  A' R'(p) k of `to`
///
/// With it, rules that depend on the length work with a cache: when dynamic NTK changes its base, or LongRoPE changes
/// from the short to the long factors, the keys follow. It needs the positions of the keys.
/// @tparam Scalar       As in make_table().
/// @param from, to      The frequencies that rotated the keys, and those that they are to have: as many pairs.
/// @param positions     Positions of the keys: PositionRange(first, count), or a list with one for each token.
/// @param keys_id       id() of the table by which the keys were rotated, or std::nullopt where it is not known.
/// @param options       As in make_table(), with exact angles; num_heads that of the table that rotated the keys.
/// @throws std::invalid_argument  different numbers of pairs, or pairs and channels; keys_id is not that of `from` by as
///                                many heads; float32 angles; a position that is NaN or infinite.
/// @throws std::out_of_range      an integer position beyond +-2^57; an angle that is not finite.
/// Cost:     that of make_table() and apply_rope() (no bench case of its own).
/// Accuracy: |error| of an entry <= that of make_table() at the angle p (to - from), plus |p (to - from)| 2^-53
///           [rope][cached_keys].
/// Source:   R'(p) R(p)^-1 = R(p (w' - w)).
/// Matches:  no other project: Hugging Face drops the cache where LongRoPE changes its factors, and leaves the keys of
///           dynamic NTK as they are.
template <typename Scalar, typename Positions>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, const Positions& positions,
                                          std::optional<std::uint64_t> keys_id, TableOptions options = {}) {
  static_assert(detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>,
                "posenc: positions must be PositionRange(first, count) or a list with one for each token");
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), options, "from.id()");
  const Frequencies rescaling = detail::rescaling("make_rescale_table", from, to);
  if constexpr (detail::is_list<Positions>) {
    return make_table<Scalar>(rescaling, detail::as_list(positions), options);
  } else {
    return make_table<Scalar>(rescaling, positions, options);
  }
}

/// @overload
/// Keys of a multi-axis model: positions is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, const AxisMap& axes,
                                          const Eigen::DenseBase<Derived>& positions,
                                          std::optional<std::uint64_t> keys_id, TableOptions options = {}) {
  detail::require_keys_id("make_rescale_table", keys_id, axes.id(from), options, "axes.id(from)");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), axes, positions, options);
}

/// @overload
/// Says what is missing.
template <typename Scalar, typename... Given,
          std::enable_if_t<detail::lacks_keys_id<Given...> || !detail::begins_with_frequencies<Given...>, int> = 0>
detail::TableOrFloat<Scalar> make_rescale_table(const Given&...) {
  static_assert(detail::lacks_keys_id<Given...>,
                "posenc: frequencies come first: write make_rescale_table<float>(from, to, positions, table.id()); "
                "those of a RopeSet are "
                "set.frequencies");
  static_assert(!detail::lacks_keys_id<Given...> || detail::kMisuse<Given...>,
                "posenc: keys_id is missing: write make_rescale_table<float>(from, to, positions, table.id()) with the "
                "table that rotated the keys, or std::nullopt in its place where that is not known");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CACHED_KEYS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Positions that keep text longer than the trained length within it: Self-Extend, and a cache that evicts.
#ifndef POSENC_POSITIONS_LONG_TEXT_POSITIONS_HPP
#define POSENC_POSITIONS_LONG_TEXT_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of Self-Extend's grouped attention, for pairs of tokens at a distance of `window` or more.
///
///     query  floor(p / g) + w - floor(w / g)        g = group_size, w = window
///     key    floor(p / g)
///
///     g = 2, w = 4    p      0 1 2 3 4 5 6 7
///                     query  2 2 3 3 4 4 5 5
///                     key    0 0 1 1 2 2 3 3
///
/// Pairs within the window take their own positions, so that the logits are made two times and chosen between:
/// q rotated at p times k rotated at p where query - key < w, else these. Distances are then at most
/// w + (length - w) / g, about.
///
/// ReRoPE is the same with one far distance: q rotated at w, all keys unrotated, so that each is w away. Its leaky form
/// has real positions, query p / g + w - w / g and key p / g: lists of doubles. Neither needs a function of its own.
/// @param positions   Of the tokens in the text, >= 0.
/// @param group_size  Tokens that share a position, > 0.
/// @param window      Distance from which positions are grouped: 0, or at least group_size.
/// @returns           positions.count() x 2: query, key. A column is a list for make_table().
/// @throws std::invalid_argument  group_size or window outside of that, or beyond 2^57; a window smaller than a group,
///                                as if the two were swapped.
/// @throws std::out_of_range      a negative position.
/// @throws std::length_error      more positions than memory's index type counts.
/// Cost:     two divisions and stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][long_text].
/// Source:   Jin et al. 2024, arXiv:2401.01325; ReRoPE: Su 2023, kexue.fm/archives/9708.
/// Matches:  group_query_position and group_key_position of LongLM, whose Llama keeps the fraction of w / g in queries of
///           a prompt where group_size does not divide window, and floors it when it decodes.
inline AxisPositionMatrix<std::int64_t> self_extend_positions(PositionRange positions, detail::WholeNumber group_size,
                                                              detail::WholeNumber window) {
  const char* const function = "self_extend_positions";
  constexpr std::int64_t limit = detail::kMaxPosition;
  detail::require(group_size > 0 && group_size <= limit, function, "group_size", group_size, "in [1, 2^57]");
  detail::require(window >= 0 && window <= limit, function, "window", window, "in [0, 2^57]");
  detail::require(window == 0 || window >= group_size, function, "window", window, "0 or at least group_size ",
                  group_size);
  detail::require_in_range(positions.first() >= 0, function, "positions.first()", positions.first(), ">= 0");
  const std::int64_t shift = window - window / group_size;  // no query is beyond max(position, window)
  detail::require_size(function, "positions.count()", positions.count(), 2, sizeof(std::int64_t));
  AxisPositionMatrix<std::int64_t> grouped(positions.count(), 2);
  for (Eigen::Index i = 0; i < grouped.rows(); ++i) {
    const std::int64_t group = (positions.first() + i) / group_size;
    grouped(i, 0) = group + shift;
    grouped(i, 1) = group;
  }
  return grouped;
}

/// The size of a cache that evicts: the first tokens that it keeps, and the last ones.
class SinkCache {
 public:
  /// @param num_sinks  First tokens that are kept, >= 0 and at most window: 4 in StreamingLLM.
  /// @param window     Last tokens that are kept, >= 0.
  /// @throws std::invalid_argument  one of these does not hold.
  SinkCache(detail::Size num_sinks, detail::Size window) : num_sinks_(num_sinks), window_(window) {
    const char* const function = "SinkCache";
    constexpr Eigen::Index limit = detail::kMaxSeqLen;
    detail::require(window >= 0 && window <= limit, function, "window", window, "in [0, ", limit, "]");
    detail::require(num_sinks >= 0 && num_sinks <= window, function, "num_sinks", num_sinks, "in [0, window ", window,
                    "]");
  }

  Eigen::Index num_sinks() const { return num_sinks_; }
  Eigen::Index window() const { return window_; }

 private:
  Eigen::Index num_sinks_;
  Eigen::Index window_;
};

/// The tokens that stay in the cache of StreamingLLM: the first ones, which draw attention whatever they say, and the
/// last ones.
///
///     10 tokens, 2 sinks, window 4    0 1 . . . . 6 7 8 9
///     their positions in the cache    0 1         2 3 4 5
///
/// The model takes the place of a token in the cache for its position: PositionRange(0, kept). Keys that were cached
/// rotated move there by make_shift_table(frequencies, deltas, id) with delta = place in the cache - position at which
/// they were rotated.
/// @param num_tokens  Tokens so far, >= 0.
/// @param cache       SinkCache(num_sinks, window).
/// @returns           The positions in the text of the tokens that are kept, ascending: all of them while there are no
///                    more than num_sinks + window.
/// @throws std::invalid_argument  num_tokens negative or beyond 2^57.
/// @throws std::length_error      more kept tokens than memory's index type counts.
/// Cost:     a store for each kept token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][long_text].
/// Source:   Xiao et al. 2023, arXiv:2309.17453.
/// Matches:  start_size and recent_size of StreamingLLM, attention_sink_size and attention_sink_window_size of
///           attention_sinks.
inline Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> streaming_positions(detail::WholeNumber num_tokens,
                                                                          const SinkCache& cache) {
  const char* const function = "streaming_positions";
  detail::require(num_tokens >= 0 && num_tokens <= detail::kMaxPosition, function, "num_tokens", num_tokens,
                  "in [0, 2^57]");
  const std::int64_t kept = (std::min)(std::int64_t{num_tokens}, std::int64_t{cache.num_sinks()} + cache.window());
  detail::require_size(function, "kept tokens", kept, 1, sizeof(std::int64_t));
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> positions(static_cast<Eigen::Index>(kept));
  for (Eigen::Index i = 0; i < positions.size(); ++i) {
    positions[i] = i < cache.num_sinks() ? std::int64_t{i} : num_tokens - kept + i;
  }
  return positions;
}

/// @overload
/// Says what is missing.
template <typename... Numbers, std::enable_if_t<(std::is_arithmetic_v<Numbers> && ...), int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> streaming_positions(const Numbers&...) {
  static_assert(detail::kMisuse<Numbers...>,
                "posenc: write streaming_positions(num_tokens, SinkCache(num_sinks, window)): tokens so far, and the "
                "first and last ones that the cache keeps");
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_LONG_TEXT_POSITIONS_HPP

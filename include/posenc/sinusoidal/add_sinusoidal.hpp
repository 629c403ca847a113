// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds sinusoidal encodings of tokens on a line.
/// On several axes: add_grid_sinusoids.hpp; from a kept table: add_kept_sinusoids.hpp.
#ifndef POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/positions_in_braces.hpp"
#include "posenc/positions/each_sequence.hpp"
#include "posenc/sinusoidal/detail/explain_sinusoidal.hpp"
#include "posenc/sinusoidal/detail/require_encoded.hpp"
#include "posenc/sinusoidal/detail/write_encoding.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Checks everything, then stores or adds.
template <template <typename> class Element, typename X, typename Given>
void apply_sinusoidal(const char* function, const char* parameter, X& x, const SinusoidalEncoding& encoding,
                      const Given& given) {
  require_encoded(function, parameter, x, encoding.width());
  require_disjoint_list(function, parameter, x, given);
  with_token_positions(function, parameter, given, x.rows(), [&](const auto& token_positions) {
    const ShiftedPositions<std::decay_t<decltype(token_positions)>> positions(function, token_positions,
                                                                              shift_of(encoding, is_list<Given>));
    require_finite_angles(function, encoding.frequencies().fastest(), false, positions);
    write_encoding<Element>(x, encoding, positions);
  });
}

}  // namespace detail

/// Writes the encoding of each token's position into `out`.
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param encoding   Which sinusoid each channel holds: presets::paper(width), presets::whisper(width), ...
/// @param positions  One for each token: starting_at(first); PositionRange(first, count) with count == out.rows(); a
///                   list of integers or real numbers (an Eigen vector, a [batch, seq_len] matrix read along its rows,
///                   std::vector, ...). In a batch of stacked sequences: each_sequence(seq_len, starting_at(first)), or
///                   each_sequence(seq_len, starts) with the first position of each. See
///                   SinusoidalOptions::padding_position for ids that mark padding.
/// @throws std::invalid_argument  out.cols() is not the encoding's width; another number of positions than rows; a real
///                                position that is NaN or infinite; memory shared with the positions, or rows of `out`
///                                that lie in one another.
/// @throws std::out_of_range      a position that, with first_position added, is outside of [-2^57, 2^57]; an angle
///                                that is not finite. `out` is unchanged whenever one is thrown.
/// Cost:     a product, two multiply-adds and two stores for two values. A sine and a cosine of each pair are evaluated
///           at every 32nd of consecutive positions, and wherever a list leaves these. No allocation (bench_sinusoidal:
///           encode).
/// Accuracy: float |error| <= u / 2 + amplitude (2^-40 + |angle| 2^-51) with u the ulp of float just below amplitude,
///           2^-24 for amplitude 1; double <= amplitude (2^-50 + |angle| 2^-51) [sinusoidal][encode].
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
/// Matches:  see the presets.
template <typename Out, typename Encoding, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && detail::is_line_encoding<Encoding>, int> = 0>
void encode_sinusoidal(Out&& out, const Encoding& encoding, const Positions& positions) {
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", "out", detail::written(std::forward<Out>(out)),
                                                 encoding, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_sinusoidal(const Arguments&...) {
  static_assert(detail::explain_sinusoidal<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_sinusoidal(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Adds the encoding of each token's position to token embeddings, in place: x = embedding_scale x + encoding, formed
/// in double and rounded once.
///
/// For positions that are used many times, add_sinusoidal(x, table, encoding, positions) reads a table that was made
/// before, which is faster.
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal().
/// Cost:     that of encode_sinusoidal() and an addition for each value; no allocation (bench_sinusoidal: add).
/// Accuracy: the encoding as encode_sinusoidal() in double, and one rounding of the sum [sinusoidal][add].
template <typename X, typename Encoding, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<X>> && detail::is_line_encoding<Encoding>, int> = 0>
void add_sinusoidal(X&& x, const Encoding& encoding, const Positions& positions) {
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", "x", detail::written(std::forward<X>(x)), encoding,
                                               positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void add_sinusoidal(const Arguments&...) {
  static_assert(detail::explain_sinusoidal<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void add_sinusoidal(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Returns the encodings of positions first, ..., first + count - 1: count x encoding.width(), row-major.
///
/// @tparam Scalar    float, double, Eigen::half or Eigen::bfloat16.
/// @param encoding   As in encode_sinusoidal().
/// @param positions  PositionRange(first, count).
/// @throws std::out_of_range  as encode_sinusoidal().
/// @throws std::length_error  the matrix does not fit into memory's index type.
/// Cost:     one allocation, and that of encode_sinusoidal() (bench_sinusoidal: encode).
/// Accuracy: that of encode_sinusoidal() [sinusoidal][encode].
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_sinusoidal(
    const SinusoidalEncoding& encoding, const PositionRange& positions) {
  detail::require_size("make_sinusoidal", "positions.count()", positions.count(), encoding.width(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(positions.count(), encoding.width());
  detail::apply_sinusoidal<detail::StoreElement>("make_sinusoidal", "rows", rows, encoding, positions);
  return rows;
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Given>
auto make_sinusoidal(const Given&...) {
  static_assert(
      detail::kMisuse<Scalar, Given...>,
      "posenc: write make_sinusoidal<float>(encoding, PositionRange(first, count)): encoding is presets::paper(width), "
      "presets::whisper(width), ...; for positions in a list, encode_sinusoidal(out, encoding, list)");
  return Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP

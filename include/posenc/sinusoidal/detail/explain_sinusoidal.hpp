// SPDX-License-Identifier: MIT
/// @file
/// The compile-time messages of encode_sinusoidal() and add_sinusoidal() for wrong arguments.
#ifndef POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"
#include "posenc/sinusoidal/sinusoidal_grid_encoding.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T>
inline constexpr bool is_line_encoding = std::is_same_v<T, SinusoidalEncoding>;
template <typename T>
inline constexpr bool is_grid_encoding = std::is_same_v<T, SinusoidalGridEncoding>;
template <typename T>
inline constexpr bool is_any_encoding = is_line_encoding<T> || is_grid_encoding<T>;

template <typename First, typename Second = void, typename... More>
constexpr bool explain_sinusoidal() {
  constexpr bool has_matrix = is_dense<First>;
  constexpr bool from_encoding = has_matrix && is_any_encoding<Second>;
  constexpr bool from_table = has_matrix && is_frequency_table<Second>;
  constexpr bool has_encoding = (is_any_encoding<Second> || ... || is_any_encoding<More>);
  static_assert(has_matrix || is_any_encoding<First> || is_frequency_table<First>,
                "posenc: x must be an Eigen object: wrap a raw buffer with Eigen::Map");
  static_assert(has_matrix || !(is_any_encoding<First> || is_frequency_table<First>),
                "posenc: the matrix comes first: write add_sinusoidal(x, encoding, positions)");
  static_assert(
      !from_encoding || sizeof...(More) != 0 || is_grid_encoding<Second>,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), or a list with one for "
      "each token");
  static_assert(
      !from_encoding || !is_grid_encoding<Second>,
      "posenc: positions on several axes are one matrix, tokens x axes: grid_positions({height, width}) or your "
      "own");
  static_assert(
      !from_table || has_encoding,
      "posenc: a table does not know the order of sines and cosines: write add_sinusoidal(x, table, encoding, "
      "positions)");
  static_assert(
      !from_table || !has_encoding || sizeof...(More) != 1,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), a list with one for each "
      "token, or from_row(n)");
  static_assert(
      !has_matrix || from_encoding || from_table,
      "posenc: the second argument must be an encoding: presets::paper(width), presets::whisper(width), ..., or "
      "SinusoidalEncoding(width, options)");
  static_assert(!has_matrix || !(from_encoding || from_table) || sizeof...(More) < (from_table ? 2 : 1) ||
                    is_grid_encoding<Second>,
                "posenc: write add_sinusoidal(x, encoding, positions), or with a kept table add_sinusoidal(x, table, "
                "encoding, positions), in that order");
  return true;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP

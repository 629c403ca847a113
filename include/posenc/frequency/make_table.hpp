// SPDX-License-Identifier: MIT
/// @file
/// make_table() and fill_table(): the cosines and sines of frequencies at positions.
/// On several axes: make_axis_table.hpp; with frequencies of each sequence: make_sequence_table.hpp.
#ifndef POSENC_FREQUENCY_MAKE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_TABLE_HPP

#include "posenc/detail/positions_in_braces.hpp"
#include "posenc/frequency/detail/table_writer.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether T is a list of positions that a table may be made of.
template <typename Scalar, typename List>
using IfTableOfList = std::enable_if_t<is_storage<Scalar> && is_list<List>, int>;

/// What a call of make_table() that fits no overload would return: a type that causes no errors of its own.
template <typename Scalar>
using TableOrFloat = FrequencyTable<std::conditional_t<is_storage<Scalar>, Scalar, float>>;

}  // namespace detail

/// Makes the cos/sin table of consecutive positions: what apply_rope() rotates by.
///
///     cos(row r, pair j) = A cos(p inv_freq[j])        p = positions.first() + r
///     sin(row r, pair j) = A sin(p inv_freq[j])        j < num_pairs,  A = frequencies.magnitude()
///
/// The table remembers its first position, so that apply_rope(x, table, layout, starting_at(p)) finds row p - first.
/// The numbers of a position do not depend on the positions beside it: chunks of a sequence equal the whole, bit for
/// bit. On machines without AVX2 products are rounded once more, in double: with POSENC_PIN_LEVEL defined as sse2, avx2
/// or avx512 all machines that have it give the same bits.
/// @tparam Scalar       float, double, Eigen::half or Eigen::bfloat16; each value is formed in double and rounded once.
/// @param  frequencies  One angular frequency for each pair, and the magnitude A.
/// @param  positions    PositionRange(first, count): `count` rows. first may be negative or beyond 2^31.
/// @param  options      Storage of a row, exact or float32 angles, and how many heads have frequencies of their own:
///                      with num_heads = H the frequencies are those of head 0, then those of head 1, ..., and
///                      apply_rope() rotates head h by table.head(h).
/// @returns             count x num_pairs cosines and as many sines; num_pairs is frequencies.num_pairs() / num_heads.
/// @throws std::invalid_argument  options of a storage that tables do not have; frequencies that num_heads does not
///                                divide.
/// @throws std::out_of_range      an angle position * inv_freq that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     a product, two multiply-adds and two stores for two values, with float32 angles an evaluation of cosine or
///           sine for each; one allocation (bench_frequency: make_table, consecutive positions).
/// Accuracy: float |error| <= u / 2 + A (2^-40 + |p inv_freq| 2^-51) with u the ulp of float just below A, 2^-24 for
///           A = 1; double <= A (2^-50 + |p inv_freq| 2^-51) [frequency][accuracy].
/// Source:   angle addition, cos(a + b) = cos a cos b - sin a sin b, on exact values at every 32nd position.
/// Matches:  AngleMode::exact is what the formula says; AngleMode::float32 what Hugging Face, vLLM, ONNX exporters and
///           CTranslate2 compute, given their float inv_freq: exact to the bit for a correctly rounded cos and sin,
///           where long double is wider than double (see Frequencies).
template <typename Scalar, std::enable_if_t<detail::is_storage<Scalar>, int> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, PositionRange positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::RangePositions(positions), options);
}

/// @overload
/// Row i is position i of a list.
/// @param positions  Integers (`position_ids`) or real numbers, one for each row: an Eigen vector or matrix, which is
///                   read along its rows, or a contiguous range (std::vector, std::array, span).
/// @throws std::invalid_argument  a real position is NaN or infinite.
/// @throws std::out_of_range      an integer beyond +-2^57.
/// Cost:     in addition, an evaluation of cosine and sine for each value whose position is not near the one before
///           (bench_frequency: fill_table, lists of positions).
template <typename Scalar, typename List, detail::IfTableOfList<Scalar, List> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const List& positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::ListPositions<List>("make_table", positions), options);
}

/// Writes a table anew for other positions (and frequencies), without an allocation: for a decode loop, which needs one
/// row for each new token. The table keeps its storage, AngleMode and number of heads, and takes the first position of
/// a range.
///
/// @param[in,out] table  rows x num_pairs.
/// @param frequencies    table.num_pairs() frequencies, for each head where heads have their own.
/// @param positions      starting_at(first): as many positions as the table has rows. Or PositionRange(first, count),
///                       or a list, with exactly that many.
/// @throws std::invalid_argument  another number of positions or pairs than the table has; a real position that is NaN
///                                or infinite. The table is unchanged whenever something is thrown.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// Cost:     that of make_table() without the allocation (bench_frequency: fill_table, consecutive positions).
/// Accuracy: that of make_table(), whose numbers it writes [frequency][determinism].
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, StartingAt positions) {
  const PositionRange range(positions.first(), table.rows());
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions(range));
}

/// @overload
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, PositionRange positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions(positions));
}

/// @overload
template <typename Scalar, typename List, detail::IfTableOfList<Scalar, List> = 0>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const List& positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::ListPositions<List>("fill_table", positions));
}

// Arguments that are missing, of another type or in the wrong order.

template <typename Scalar = void, typename... Given>
detail::TableOrFloat<Scalar> make_table(const Given&...) {
  constexpr bool is_scalar = detail::is_storage<Scalar>;
  constexpr bool has_first = (std::is_same_v<Given, StartingAt> || ...);
  static_assert(!std::is_void_v<Scalar>,
                "posenc: the scalar of the table is missing: write make_table<float>(frequencies, positions)");
  static_assert(is_scalar || std::is_void_v<Scalar>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");
  static_assert(
      !is_scalar || !has_first,
      "posenc: starting_at(first) does not say how many rows the table has: write PositionRange(first, count)");
  static_assert(
      !is_scalar || has_first,
      "posenc: positions must be PositionRange(first, count) or a list with one for each row: write "
      "make_table<float>(frequencies, PositionRange(0, 16)), or make_table<float>(frequencies, axes, positions) "
      "with tokens x axes positions");
  std::abort();
}

template <typename Scalar = void>
detail::TableOrFloat<Scalar> make_table(const Frequencies&, detail::PositionsInBraces, TableOptions = {}) {
  static_assert(detail::kMisuse<Scalar>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "make_table<float>(frequencies, PositionRange(first, count)), or give a std::vector of positions");
  std::abort();
}

template <typename... Given>
void fill_table(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write fill_table(table, frequencies, starting_at(first)), or PositionRange(first, count) or a "
                "list in place of starting_at, or fill_table(table, frequencies, axes, positions); table is a "
                "FrequencyTable that is neither const nor a temporary");
}

template <typename Scalar>
void fill_table(const FrequencyTable<Scalar>&, const Frequencies&, detail::PositionsInBraces) {
  static_assert(detail::kMisuse<Scalar>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "fill_table(table, frequencies, starting_at(first)), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_TABLE_HPP

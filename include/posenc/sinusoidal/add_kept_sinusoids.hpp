// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds a sinusoidal encoding from a kept cos/sin table, without sines and cosines to compute.
/// With sines and cosines computed: add_sinusoidal.hpp.
#ifndef POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP
#define POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/sinusoidal/detail/explain_sinusoidal.hpp"
#include "posenc/sinusoidal/detail/require_encoded.hpp"
#include "posenc/sinusoidal/detail/write_table_rows.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename X, typename Table, typename Encoding>
inline constexpr bool are_kept_arguments =
    is_dense<std::decay_t<X>>&& is_frequency_table<Table>&& is_line_encoding<Encoding>;

/// A table as seen from positions to which `shift` is still to be added.
struct ShiftedTable {
  Eigen::Index table_rows;
  std::optional<std::int64_t> table_first;
  std::int64_t shift;

  Eigen::Index rows() const { return table_rows; }
  std::optional<std::int64_t> first_position() const {
    if (!table_first) return std::nullopt;
    return *table_first - shift;
  }
};

/// The row of the table at the position that marks padding; -1 where there is none.
template <typename Table>
Eigen::Index padding_row_of(const char* function, const Table& table, const SinusoidalEncoding& encoding) {
  if (!encoding.options().padding_position) return -1;
  require(table.first_position().has_value(), function, "table", "one that does not know its positions",
          "made of a PositionRange where the encoding has a padding_position");
  const std::int64_t row = *encoding.options().padding_position - *table.first_position();
  return row >= 0 && row < table.rows() ? static_cast<Eigen::Index>(row) : -1;
}

/// Checks everything, then stores or adds. `count` is what a message calls the number of tokens.
template <bool Add, typename X, typename Table, typename Given>
void apply_kept_sinusoids(const char* function, const char* parameter, const char* count, X& x, const Table& table,
                          const SinusoidalEncoding& encoding, const Given& given) {
  require_encoded(function, parameter, x, encoding.width());
  require_shared_angles(function, table);
  const std::uint64_t id = encoding.frequencies().id();
  require(table.id() == id, function, "table.id()", table.id(), id,
          " (that of encoding.frequencies(), of which make_table() makes the table)");
  require(encoding.options().amplitude > 0, function, "amplitude", encoding.options().amplitude,
          "> 0 where a table is read");
  require_disjoint(function, parameter, x, table.cos());
  require_disjoint(function, parameter, x, table.sin());
  require_disjoint_list(function, parameter, x, given);
  const Eigen::Index padding_row = padding_row_of(function, table, encoding);
  const ShiftedTable shifted{table.rows(), table.first_position(), shift_of(encoding, is_list<Given>)};
  with_table_rows(function, shifted, given, TokenGrid{parameter, count, 1, x.rows()},
                  [&](const auto& row_of) { write_table_rows<Add>(x, table, encoding, row_of, padding_row); });
}

}  // namespace detail

/// Writes the encoding of each token's position into `out`, from a table that was made before:
///
///     const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 2048));
///     encode_sinusoidal(out, table, encoding, starting_at(0));
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param table      A FrequencyTable of encoding.frequencies() with exact angles, in any storage.
/// @param encoding   Which sinusoid each channel holds.
/// @param positions  One for each token, as in encode_sinusoidal(out, encoding, positions): integers which, with
///                   first_position added, are positions of the table. For a table made of a list of positions give
///                   rows: from_row(n) or rows(list). In a batch: each_sequence(seq_len, start).
/// @throws std::invalid_argument  a table of other frequencies; an amplitude <= 0; a padding_position with a table that
///                                does not know its positions; otherwise as encode_sinusoidal().
/// @throws std::out_of_range      a position or row that the table does not have. `out` is then unchanged.
/// Cost:     a copy of each row, put in order where sines and cosines interleave; no allocation (bench_sinusoidal: kept
///           table).
/// Accuracy: the numbers of encode_sinusoidal(out, encoding, positions), bit for bit where `out` and the table have the
///           same scalar, else rounded once more [sinusoidal][kept].
template <typename Out, typename Table, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_kept_arguments<Out, Table, Encoding>, int> = 0>
void encode_sinusoidal(Out&& out, const Table& table, const Encoding& encoding, const Positions& positions) {
  detail::apply_kept_sinusoids<false>("encode_sinusoidal", "out", "out.rows()", detail::written(std::forward<Out>(out)),
                                      table, encoding, positions);
}

/// Adds the encoding of each token's position to token embeddings, in place, from a table that was made before:
/// x = embedding_scale x + encoding.
///
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal() with a table.
/// Cost:     that of x += y for contiguous rows of floats with embedding_scale 1, in both orders, whatever the flags.
///           3 to 6 times as long where a table of paired or repeated storage is added to separate blocks of sines and
///           cosines, or where they interleave in other scalars. No allocation (bench_sinusoidal: kept table).
/// Accuracy: the table's numbers, and one rounding of the sum (two where embedding_scale is not 1); half types are
///           added in float [sinusoidal][kept].
template <typename X, typename Table, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_kept_arguments<X, Table, Encoding>, int> = 0>
void add_sinusoidal(X&& x, const Table& table, const Encoding& encoding, const Positions& positions) {
  detail::apply_kept_sinusoids<true>("add_sinusoidal", "x", "x.rows()", detail::written(std::forward<X>(x)), table,
                                     encoding, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP

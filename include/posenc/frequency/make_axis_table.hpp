// SPDX-License-Identifier: MIT
/// @file
/// make_table() and fill_table() for tokens that have a position on each of several axes.
/// make_table() on a line is in make_table.hpp.
#ifndef POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

#include "posenc/detail/axis_angles.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/detail/axis_terms.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/positions/position_list.hpp"

#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

struct MropePositions;  // posenc/positions/mrope_positions.hpp

namespace detail {

#if POSENC_HAS_LEVELS
template <typename Scalar, typename Derived>
void TableWriter::fill_blended(Scalar* data, const FrequencyTable<Scalar>& table, Eigen::Index first_pair,
                               const Frequencies& frequencies, const AxisMap& axes, const Derived& positions) {
  if (positions.rows() == 0) return;
  const Level level = level_of_machine();
  const AngleKernel one_axis = angle_kernel<angle_format<Scalar>, false>(level);
  const AngleKernel several = angle_kernel<angle_format<Scalar>, false, true>(level);
  const AngleOrder order = order_of(table.storage());
  const Eigen::Index row_stride = table.row_stride();
  const Eigen::Index sin_offset = table.sin_offset_;
  const auto chunk = [&](const double* frequency, Eigen::Index pair, int count) {
    Scalar* const to = data + (order == AngleOrder::split ? 1 : 2) * (pair - first_pair);
    AngleTerms terms(frequency, count, frequencies.fastest(), frequencies.magnitude());
    AxisTerms axis_terms(terms, axes.axis_of_pair().data() + pair, count, static_cast<int>(axes.num_axes()));
    const auto write_run = [&](const AngleTerms&, const AngleRun& run) {
      Scalar* const row = to + run.first * row_stride;
      one_axis(rows_of_run(terms, run, row, row + sin_offset, row_stride, order, 1));
    };
    const auto write_rows = [&](Eigen::Index first, const AngleRows& rows) {
      AngleRows call = rows;
      call.cosines = to + first * row_stride;
      call.sines = to + first * row_stride + sin_offset;
      call.row_stride = row_stride;
      call.order = order;
      several(call);
    };
    for_each_axis_run(terms, axis_terms, positions, write_run, write_rows);
  };
  for_each_angle_chunk(frequencies, first_pair, first_pair + table.num_pairs(), chunk);
}
#endif

template <typename Scalar, typename Derived>
void TableWriter::fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                            const Derived& positions) {
  set_origin(table, frequencies.magnitude(), axes.id(frequencies));
  table.facts_.of_channels = frequencies.of_channels();
  Scalar* const data = table.numbers_.data();
  const Eigen::Index row_stride = table.row_stride();
  const Eigen::Index head_stride = table.head_stride();
  const Eigen::Index pair_stride = table.pair_stride();
  const Eigen::Index head_pairs = table.num_pairs();
  const Eigen::Index sin_offset = table.sin_offset_;
  const bool repeated = table.storage() == CosSinStorage::repeated;
#if POSENC_HAS_LEVELS
  if (table.angles() == AngleMode::exact && axes.num_axes() <= kBlendedAxes) {
    for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
      fill_blended(data + head * head_stride, table, head * head_pairs, frequencies, axes, positions);
    }
    return;
  }
#endif
  const auto sink = [=](Eigen::Index row, const Eigen::Index* pairs, int count, const auto* cosine, const auto* sine) {
    Eigen::Index head = 0;
    Eigen::Index first = 0;  // pair of the head
    for (int i = 0; i < count; ++i) {
      if (pairs[i] - first >= head_pairs) {  // pairs are in ascending order
        head = pairs[i] / head_pairs;
        first = head * head_pairs;
      }
      Scalar* const entry = data + row * row_stride + head * head_stride + (pairs[i] - first) * pair_stride;
      entry[0] = round_to<Scalar>(static_cast<double>(cosine[i]));
      entry[sin_offset] = round_to<Scalar>(static_cast<double>(sine[i]));
      if (repeated) {
        entry[1] = entry[0];
        entry[sin_offset + 1] = entry[sin_offset];
      }
    }
  };
  for_each_axis_angle(frequencies, axes, frequencies.magnitude(), table.angles() == AngleMode::float32, positions,
                      sink);
}

/// Positions on several axes as an Eigen object: tokens x axes.
template <typename Positions>
decltype(auto) axis_positions(const Positions& positions) {
  if constexpr (std::is_same_v<Positions, MropePositions>) {
    return (positions.ids);
  } else {
    return as_list(positions);
  }
}

template <typename Scalar, typename Positions>
using IfTableOfAxes =
    std::enable_if_t<is_storage<Scalar> && (is_list<Positions> || std::is_same_v<Positions, MropePositions>), int>;

template <typename Derived>
void require_axes(const char* function, const Frequencies& frequencies, const AxisMap& axes, AngleMode angles,
                  const Derived& positions) {
  require(axes.num_pairs() == frequencies.num_pairs(), function, "axes.num_pairs()", axes.num_pairs(),
          "frequencies.num_pairs() ", frequencies.num_pairs());
  require_axis_positions(function, positions, axes.num_axes());
  require_finite_axis_angles(function, frequencies.fastest(), angles == AngleMode::float32, positions);
}

}  // namespace detail

/// Makes the cos/sin table of tokens that have a position on each of several axes: M-RoPE, pictures, video.
///
///     cos(row i, pair j) = A cos(p inv_freq[j])        p = positions(i, axis of pair j)
///     sin(row i, pair j) = A sin(p inv_freq[j])        A = frequencies.magnitude()
///
/// A token whose positions are equal gets the numbers that the other make_table() gives that position, bit for bit:
/// text in a multi-axis model is plain RoPE. A token at zeros is not rotated: prefix tokens of vision models.
/// @param axes       The axis of each pair: contiguous_axes() and the functions beside it.
/// @param positions  tokens x axes.num_axes(), integers or real numbers; or what mrope_positions() returns.
/// @param options    As for one axis. Where heads have frequencies of their own, `axes` goes head by head as well, so
///                   that a pair may have different axes in different heads.
/// @throws std::invalid_argument  different numbers of pairs in `axes` and `frequencies`; another number of columns
///                                than axes; a real position that is NaN or infinite.
/// @throws std::out_of_range      an integer beyond +-2^57; an angle that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     rows of equal positions that of one axis; other rows of whole positions >= 0 on up to four axes about 2
///           times that, of others more; on more axes, or with float32 angles, a pass for each axis and a scattered
///           store for each value; one allocation (bench_frequency: fill_table, several axes).
/// Accuracy: as make_table() for one axis [frequency][axes].
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index tables of Qwen-VL, MRotaryEmbedding of vLLM, ggml_rope_multi, axial RoPE of vision models.
template <typename Scalar, typename Positions, detail::IfTableOfAxes<Scalar, Positions> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const AxisMap& axes, const Positions& positions,
                                  TableOptions options = {}) {
  const auto& given = detail::axis_positions(positions);
  const auto& values = detail::evaluated(given);
  detail::require_axes("make_table", frequencies, axes, options.angles, values);
  const Eigen::Index pairs =
      detail::pairs_of_head("make_table", "frequencies.num_pairs()", frequencies.num_pairs(), options);
  FrequencyTable<Scalar> table(values.rows(), pairs, options);
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
  return table;
}

/// Writes a table anew for other positions on several axes, without an allocation. The table keeps its storage and
/// AngleMode.
///
/// @param[in,out] table  rows x num_pairs.
/// @param positions      table.rows() x axes.num_axes(); or what mrope_positions() returns.
/// @throws std::invalid_argument  in addition to those of make_table(): another number of rows or pairs than the table
///                                has. The table is unchanged whenever something is thrown.
/// Cost:     that of make_table() without the allocation (bench_frequency: fill_table, several axes).
/// Accuracy: that of make_table(), whose numbers it writes [frequency][axes].
template <typename Scalar, typename Positions, detail::IfTableOfAxes<Scalar, Positions> = 0>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                const Positions& positions) {
  const auto& given = detail::axis_positions(positions);
  const auto& values = detail::evaluated(given);
  detail::require_axes("fill_table", frequencies, axes, table.angles(), values);
  detail::require_fillable(table, frequencies, "positions.rows()", values.rows());
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

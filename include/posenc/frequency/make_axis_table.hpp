// SPDX-License-Identifier: MIT
/// @file
/// make_table() and fill_table() for tokens that stand at several positions at once.
#ifndef POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

#include "posenc/detail/axis_angles.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/make_table.hpp"

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Scalar, typename Derived>
void TableWriter::fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                            const Derived& positions) {
  Scalar* const data = table.numbers_.data();
  const Eigen::Index row_stride = table.row_stride();
  const Eigen::Index pair_stride = table.pair_stride();
  const Eigen::Index sin_offset = table.sin_offset_;
  const bool repeated = table.storage() == CosSinStorage::repeated;
  const auto sink = [=](Eigen::Index row, const Eigen::Index* pairs, int count, const double* cosine,
                        const double* sine) {
    for (int i = 0; i < count; ++i) {
      Scalar* const entry = data + row * row_stride + pairs[i] * pair_stride;
      entry[0] = round_to<Scalar>(cosine[i]);
      entry[sin_offset] = round_to<Scalar>(sine[i]);
      if (repeated) {
        entry[1] = entry[0];
        entry[sin_offset + 1] = entry[sin_offset];
      }
    }
  };
  for_each_axis_angle(frequencies, axes, frequencies.magnitude(), table.angles() == AngleMode::float32, positions,
                      sink);
  set_origin(table, frequencies.magnitude(), axes.id(frequencies));
}

}  // namespace detail

/// Makes the table of tokens on several axes: row i holds A cos(p inv_freq[j]) and A sin(p inv_freq[j]) with
/// p = positions(i, axis of pair j) and A = frequencies.magnitude().
///
/// A token whose positions are equal gets the numbers that make_table() gives that position, bit for bit: text in a
/// multi-axis model is plain RoPE. A token at zeros is not turned: prefix tokens of vision models.
/// @param axes       The axis of each pair: contiguous_axes() and its neighbours.
/// @param positions  tokens x axes.num_axes(), integers or real numbers.
/// @throws std::invalid_argument  other numbers of pairs in `axes` and `frequencies`; another number of columns than
///                                axes; a real position that is NaN or infinite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a scattered store for each value, and two evaluations whenever a position moves on
///           its axis; one allocation.
/// Accuracy: as make_table() for one axis.
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index tables of Qwen-VL, MRotaryEmbedding of vLLM, ggml_rope_multi, axial RoPE of vision models.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const AxisMap& axes,
                                  const Eigen::DenseBase<Derived>& positions, TableOptions options = {}) {
  detail::require(axes.num_pairs() == frequencies.num_pairs(), "make_table", "axes.num_pairs()", axes.num_pairs(),
                  "frequencies.num_pairs() ", frequencies.num_pairs());
  const auto& values = detail::evaluated(positions);
  detail::require_axis_positions("make_table", values, axes.num_axes());
  FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options);
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
  return table;
}

/// Writes new positions into a table that make_table() made, without an allocation. Layout and AngleMode stay those of
/// the table.
/// @throws std::invalid_argument  besides those of make_table(): another number of rows or pairs than the table has; a
///                                table that wraps a cache. The table is then unchanged.
template <typename Scalar, typename Derived>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                const Eigen::DenseBase<Derived>& positions) {
  const char* const function = "fill_table";
  detail::require(axes.num_pairs() == frequencies.num_pairs(), function, "axes.num_pairs()", axes.num_pairs(),
                  "frequencies.num_pairs() ", frequencies.num_pairs());
  const auto& values = detail::evaluated(positions);
  detail::require_axis_positions(function, values, axes.num_axes());
  detail::require_fillable(table, frequencies, "positions.rows()", positions.rows());
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

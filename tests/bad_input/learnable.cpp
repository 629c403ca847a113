// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/learnable.hpp"

#include "learnable/support.hpp"

namespace {

using learnable_tests::Ids;
using learnable_tests::pattern;
using posenc::GridResize;
using posenc::Overflow;
using posenc::PositionRange;
using posenc::PositionTable;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;
using Matrix = learnable_tests::RowMatrix<float>;

/// Six tokens of 8 channels.
struct Fixture {
  Matrix x = pattern<float>(6, 8);

  std::string written() const { return bytes_of(x); }
};

PositionTable<float> table_of(Eigen::Index rows, Overflow overflow = Overflow::error) {
  return PositionTable<float>(pattern<float>(rows, 8), {overflow, 0.4, {}});
}

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_learned() {
  using F = Fixture;
  BadInputs<F> bad("learnable");

  // Null data
  bad.value("add_learned: x.data() must be a valid pointer, got null",
            [](F&) { posenc::add_learned(Eigen::Map<Matrix>(nullptr, 3, 16), PositionTable<float>(4, 16)); });

  // Tables
  bad.value("PositionTable: rows must be > 0, got 0", [](F&) { PositionTable<float>(0, 8); });
  bad.value("PositionTable: rows must be > 0, got -3", [](F&) { PositionTable<float>(-3, 8); });
  bad.value("PositionTable: width must be > 0, got 0", [](F&) { PositionTable<float>(8, 0); });
  bad.length("PositionTable: rows must be at most 288230376151711743 for rows of 8 values, got 9223372036854775807",
             [](F&) { PositionTable<float>(kMaxIndex, 8); });
  bad.value("PositionTable: alpha must be > 0 and < 1, got 1", [](F&) {
    PositionTable<float>(4, 8, {Overflow::hierarchical, 1.0, {}});
  });
  bad.value("PositionTable: alpha must be > 0 and < 1, got nan", [](F&) {
    PositionTable<float>(4, 8, {Overflow::hierarchical, kNan, {}});
  });
  bad.range("PositionTable: padding_row must be in [0, 4) (rows of the table), got 4", [](F&) {
    PositionTable<float>(4, 8, {Overflow::error, 0.4, 4});
  });
  bad.value("PositionTable: row_stride must be at least 8, got 7",
            [](F& f) { posenc::wrap_position_table(f.x.data(), 4, 8, 7); });
  bad.value("wrap_position_table: weights must be a valid pointer, got null",
            [](F&) { posenc::wrap_position_table(static_cast<const float*>(nullptr), 4, 8, 8); });
  bad.value("wrap_position_table: weights.innerStride() must be 1, got 2", [](F& f) {
    const Eigen::Map<const Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(f.x.data(), 3, 4, {16, 2});
    posenc::wrap_position_table(strided);
  });
  bad.value("PositionTable::mutable_values: owns_data() must be true, got false",
            [](F& f) { posenc::wrap_position_table(f.x).mutable_values(); });

  // Lookups
  bad.value("encode_learned: out.cols() must be table.width() 8, got 7",
            [](F& f) { posenc::encode_learned(f.x.leftCols(7), table_of(9)); });
  bad.range("encode_learned: the last position must be less than 5 (rows of the table), got 5",
            [](F& f) { posenc::encode_learned(f.x, table_of(5)); });
  bad.range("add_learned: the last position must be less than 9 (rows of the table), got 9",
            [](F& f) { posenc::add_learned(f.x, table_of(9), 4); });
  bad.range("add_learned: positions.first must be >= 0, got -1",
            [](F& f) { posenc::add_learned(f.x, table_of(9, Overflow::clamp), -1); });
  bad.range(
      "add_learned: positions.first must be at most 9223372036854775801 (2^63 - 1 - positions.count), got "
      "9223372036854775807",
      [](F& f) { posenc::add_learned(f.x, table_of(9, Overflow::zero), kMaxIndex); });
  bad.range("encode_learned: positions[4] must be less than 6 (rows of the table), got 6",
            [](F& f) { posenc::encode_learned(f.x, table_of(6), (Ids(6) << 0, 1, 2, 3, 6, 9).finished()); });
  bad.range("add_learned: positions[5] must be >= 0, got -9", [](F& f) {
    posenc::add_learned(f.x, table_of(6, Overflow::zero), (Ids(6) << 0, 1, 2, 3, 4, -9).finished());
  });
  bad.range("add_learned: positions[0] must be less than 6^2 (rows of the table, squared), got 36", [](F& f) {
    posenc::add_learned(f.x, table_of(6, Overflow::hierarchical), (Ids(6) << 36, 1, 2, 3, 4, 5).finished());
  });
  bad.value("add_learned: positions.size() must be x.rows() 6, got 5",
            [](F& f) { posenc::add_learned(f.x, table_of(9), Ids(Ids::Zero(5))); });
  bad.value("add_learned: x.rows() must be a multiple of positions.count 4, got 6",
            [](F& f) { posenc::add_learned(f.x, table_of(9), posenc::PositionRange(0, 4)); });
  bad.value("add_learned: x.rows() must be a multiple of positions.count 0, got 6",
            [](F& f) { posenc::add_learned(f.x, table_of(9), posenc::PositionRange(0, 0)); });
  bad.value("encode_learned: positions.count must be >= 0, got -6",
            [](F& f) { posenc::encode_learned(f.x, table_of(9), posenc::PositionRange(0, -6)); });
  bad.value("add_learned: x must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::add_learned(f.x.topRows(3), posenc::wrap_position_table(f.x.middleRows(1, 4))); });
  bad.value("opt_positions: past must be in [0, 8] (columns of the mask), got 9",
            [](F& f) { posenc::opt_positions(f.x, 9); });
  bad.value("roberta_positions: padding_idx must be >= 0 and < 2^60, got -1",
            [](F&) { posenc::roberta_positions(Ids(3), -1); });

  // Gradients
  bad.value("learned_backward: grad_out.cols() must be grad_table.cols() 8, got 9",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(2, 9), 0, {}); });
  bad.range("learned_backward: positions[1] must be less than 6 (rows of the table), got 7",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(2, 8), Eigen::Vector2i(0, 7), {}); });
  bad.value("learned_backward: positions.size() must be grad_out.rows() 3, got 2",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(3, 8), Eigen::Vector2i(0, 1), {}); });
  bad.range("learned_backward: padding_row must be in [0, 6) (rows of the table), got -1", [](F& f) {
    posenc::learned_backward(f.x, pattern<float>(2, 8), 0, {Overflow::error, 0.4, -1});
  });
  bad.value("learned_backward: grad_table.rows() must be > 0, got 0",
            [](F& f) { posenc::learned_backward(f.x.topRows(0), pattern<float>(2, 8), 0, {}); });

  // Initial values
  bad.value("fill_normal: stddev must be finite and >= 0, got -1", [](F& f) { posenc::fill_normal(f.x, 1, -1.0); });
  bad.value("fill_normal: mean must be finite, got inf", [](F& f) { posenc::fill_normal(f.x, 1, 1.0, kInfinity); });
  bad.value("fill_uniform: high must be finite and at least low 0.1, got -0.1",
            [](F& f) { posenc::fill_uniform(f.x, 1, 0.1, -0.1); });
  bad.value("fill_truncated_normal: high must be finite and greater than low 2, got 2", [](F& f) {
    posenc::fill_truncated_normal(f.x, 1, {0.0, 1.0, 2.0, 2.0});
  });
  bad.value("fill_truncated_normal: stddev must be finite and > 0, got 0", [](F& f) {
    posenc::fill_truncated_normal(f.x, 1, {0.0, 0.0, -2.0, 2.0});
  });
  bad.value("fill_truncated_normal: low must be less than 37 stddev above the mean, got 40", [](F& f) {
    posenc::fill_truncated_normal(f.x, 1, {0.0, 1.0, 40.0, 41.0});
  });
  bad.value("fill_xavier_uniform: gain must be finite and >= 0, got nan",
            [](F& f) { posenc::fill_xavier_uniform(f.x, 1, kNan); });
  bad.value("fill_sinusoidal: out.cols() must be 2 * frequencies.num_pairs() 6, got 8",
            [](F& f) { posenc::fill_sinusoidal(f.x, posenc::geometric_frequencies(6, 1e4)); });

  // Resizing
  bad.value("resize_linear: table.rows() must be > 0, got 0", [](F& f) { posenc::resize_linear(f.x, Matrix(0, 8)); });
  bad.value("resize_align_corners: out.cols() must be table.cols() 7, got 8",
            [](F& f) { posenc::resize_align_corners(f.x, Matrix(4, 7)); });
  bad.value("interpolate_positions: out.rows() must be > 0, got 0",
            [](F& f) { posenc::interpolate_positions(f.x.topRows(0), Matrix(4, 8)); });
  bad.value("resize_linear: out must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::resize_linear(f.x, f.x.topRows(3)); });
  bad.value("resize_relative: out.rows() must be odd (2 n - 1 distances), got 6",
            [](F& f) { posenc::resize_relative(f.x, Matrix(5, 8)); });
  bad.value("resize_relative_backward: grad_out.rows() must be odd (2 n - 1 distances), got 4",
            [](F& f) { posenc::resize_relative_backward(f.x.topRows(5), Matrix(4, 8)); });
  bad.value("resize_bicubic: table.rows() must be 1 + 2 * 2, got 4", [](F& f) {
    posenc::resize_bicubic(f.x, Matrix(4, 8), GridResize{2, 2, 1, 5, 1});
  });
  bad.value("resize_bicubic_antialiased: out.rows() must be 0 + 4 * 2, got 6", [](F& f) {
    posenc::resize_bicubic_antialiased(f.x, Matrix(4, 8), GridResize{2, 2, 4, 2, 0});
  });
  bad.value("resize_bicubic: from_width must be > 0, got 0", [](F& f) {
    posenc::resize_bicubic(f.x, Matrix(4, 8), GridResize{2, 0, 2, 3, 0});
  });
  bad.value("resize_bicubic: prefix must be >= 0, got -1", [](F& f) {
    posenc::resize_bicubic(f.x, Matrix(4, 8), GridResize{5, 1, 7, 1, -1});
  });
  bad.value("resize_bicubic_backward: grad_out.rows() must be 0 + 9223372036854775807 * 2, got 4", [](F& f) {
    posenc::resize_bicubic_backward(f.x, Matrix(4, 8), GridResize{2, 3, kMaxIndex, 2, 0});
  });
  return bad.cases();
}

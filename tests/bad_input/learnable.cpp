// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/learnable.hpp"
#include "posenc/positions.hpp"

#include "support/matrices.hpp"

#include <string>
#include <vector>

namespace {

using posenc::each_sequence;
using posenc::GridFilter;
using posenc::GridResize;
using posenc::LearnedTable;
using posenc::LookupOptions;
using posenc::Overflow;
using posenc::PositionRange;
using posenc::Resize;
using posenc::starting_at;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;
using posenc_tests::pattern;
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;
using Matrix = posenc_tests::RowMatrix<float>;

/// Six tokens of 8 channels.
struct Fixture {
  Matrix x = pattern<float>(6, 8);

  std::string written() const { return bytes_of(x); }
};

LearnedTable<float> table_of(Eigen::Index rows, Overflow overflow = Overflow::error) {
  return LearnedTable<float>(pattern<float>(rows, 8), {overflow, 0.4, {}});
}

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_learned() {
  using F = Fixture;
  BadInputs<F> bad("learnable");

  // Null data
  bad.value("add_learned: x.data() must be a valid pointer, got null", [](F&) {
    posenc::add_learned(Eigen::Map<Matrix>(nullptr, 3, 16), LearnedTable<float>(4, 16), starting_at(0));
  });

  // Tables
  bad.value("LearnedTable: rows must be > 0, got 0", [](F&) { LearnedTable<float>(0, 8); });
  bad.value("LearnedTable: rows must be > 0, got -3", [](F&) { LearnedTable<float>(-3, 8); });
  bad.value("LearnedTable: width must be > 0, got 0", [](F&) { LearnedTable<float>(8, 0); });
  bad.length("LearnedTable: rows must be at most 288230376151711743 for rows of 8 values, got 9223372036854775807",
             [](F&) { LearnedTable<float>(kMaxIndex, 8); });
  bad.value("LearnedTable: alpha must be > 0 and < 1, got 1", [](F&) {
    LearnedTable<float>(4, 8, {Overflow::hierarchical, 1.0, {}});
  });
  bad.value("LearnedTable: alpha must be > 0 and < 1, got nan", [](F&) {
    LearnedTable<float>(4, 8, {Overflow::hierarchical, kNan, {}});
  });
  bad.range("LearnedTable: padding_row must be in [0, 4) (rows of the table), got 4", [](F&) {
    LearnedTable<float>(4, 8, {Overflow::error, 0.4, 4});
  });
  bad.value("wrap_learned_table: row_stride must be at least width 8, got 7",
            [](F& f) { posenc::wrap_learned_table(f.x.data(), 4, 8, 7); });
  bad.value("wrap_learned_table: weights must be a valid pointer, got null",
            [](F&) { posenc::wrap_learned_table(static_cast<const float*>(nullptr), 4, 8, 8); });
  bad.value("wrap_learned_table: weights.innerStride() must be 1, got 2", [](F& f) {
    const Eigen::Map<const Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(f.x.data(), 3, 4, {16, 2});
    posenc::wrap_learned_table(strided);
  });
  bad.value("LearnedTable: array.shape[0] must be 1 in front of [rows, width], got 2", [](F& f) {
    posenc::NpyArray<float> array{f.x, {2, 3, 8}};
    LearnedTable<float> table = array;
  });
  bad.value("LearnedTable: array.shape.size() must be at least 2: [rows, width], got 1", [](F& f) {
    posenc::NpyArray<float> array{f.x.topRows(1), {8}};
    LearnedTable<float> table = array;
  });

  // Lookups
  bad.value("encode_learned: out.cols() must be table.width() 8, got 7",
            [](F& f) { posenc::encode_learned(f.x.leftCols(7), table_of(9), starting_at(0)); });
  bad.range("encode_learned: the last position must be less than 5 (rows of the table), got 5",
            [](F& f) { posenc::encode_learned(f.x, table_of(5), starting_at(0)); });
  bad.range("add_learned: the last position must be less than 9 (rows of the table), got 9",
            [](F& f) { posenc::add_learned(f.x, table_of(9), starting_at(4)); });
  bad.range("add_learned: the first position must be >= 0, got -1",
            [](F& f) { posenc::add_learned(f.x, table_of(9, Overflow::clamp), starting_at(-1)); });
  bad.range("starting_at: first must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
            [](F& f) { posenc::add_learned(f.x, table_of(9, Overflow::zero), starting_at(kMaxPosition)); });
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
  bad.value("add_learned: x.rows() must be a multiple of each_sequence's seq_len 4, got 6",
            [](F& f) { posenc::add_learned(f.x, table_of(9), each_sequence(4, starting_at(0))); });
  bad.value("add_learned: positions.count() must be x.rows() 6, got 4",
            [](F& f) { posenc::add_learned(f.x, table_of(9), PositionRange(0, 4)); });
  bad.value("add_learned: starts.size() must be the number of sequences 3, got 2", [](F& f) {
    posenc::add_learned(f.x, table_of(9), each_sequence(2, std::vector<int>{0, 1}));
  });
  bad.range("add_learned: starts[2] + 1 must be less than 9 (rows of the table), got 9", [](F& f) {
    posenc::add_learned(f.x, table_of(9), each_sequence(2, std::vector<int>{0, 1, 8}));
  });
  bad.value("add_learned: x must be disjoint from what is read, got overlapping memory", [](F& f) {
    posenc::add_learned(f.x(Eigen::seq(0, 2), Eigen::all), posenc::wrap_learned_table(f.x), starting_at(3));
  });
  bad.value("encode_learned: out must be disjoint from what is read, got overlapping memory", [](F& f) {
    posenc::encode_learned(f.x.colwise().reverse(), posenc::wrap_learned_table(f.x), starting_at(0));
  });
  bad.value("ids that lie in what is written",
            "add_learned: x must be disjoint from what is read, got overlapping memory", [](F& f) {
              const Eigen::Map<const Eigen::VectorXi> ids(reinterpret_cast<const int*>(f.x.data()), f.x.rows());
              posenc::add_learned(f.x, table_of(9), ids);
            });
  bad.value("starts that lie in a gradient",
            "learned_backward: grad_table must be disjoint from what is read, got overlapping memory", [](F& f) {
              const Eigen::Map<const Eigen::VectorXi> starts(reinterpret_cast<const int*>(f.x.data()), 1);
              const Matrix grad = Matrix::Ones(3, f.x.cols());
              posenc::learned_backward(f.x, grad, posenc::LookupOptions{}, each_sequence(3, starts));
            });
  bad.value("rows in one another",
            "add_learned: x.outerStride() must be at least 8 forwards or backwards (what is written to may not overlap "
            "itself), got 4",
            [](F& f) {
              using Stride = Eigen::OuterStride<>;
              posenc::add_learned(Eigen::Map<Matrix, 0, Stride>(f.x.data(), 4, 8, Stride(4)), table_of(9),
                                  starting_at(0));
            });
  bad.value("picked rows of the table", "add_learned: x must be disjoint from what is read, got overlapping memory",
            [](F& f) {
              posenc::add_learned(f.x.topRows(3), posenc::wrap_learned_table(f.x.middleRows(1, 4)), starting_at(0));
            });
  bad.value("presets::opt_positions: past must be in [0, 8] (columns of the mask), got 9",
            [](F& f) { posenc::presets::opt_positions(f.x, posenc::PastTokens(9)); });
  bad.value("presets::roberta_positions: padding_idx must be >= 0 and at most 2^57, got -1",
            [](F&) { posenc::presets::roberta_positions(Ids(3), -1, posenc::PastTokens(0)); });

  // Gradients
  bad.value("learned_backward: grad_x.cols() must be grad_table.cols() 8, got 9",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(2, 9), LookupOptions(), starting_at(0)); });
  bad.value("learned_backward: grad_table.rows() must be table.rows() 9, got 6",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(2, 8), table_of(9), starting_at(0)); });
  bad.value("learned_backward: grad_table.cols() must be table.width() 8, got 7",
            [](F& f) { posenc::learned_backward(f.x.leftCols(7), pattern<float>(2, 7), table_of(6), starting_at(0)); });
  bad.range("learned_backward: positions[1] must be less than 6 (rows of the table), got 7",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(2, 8), LookupOptions(), Eigen::Vector2i(0, 7)); });
  bad.value("learned_backward: positions.size() must be grad_x.rows() 3, got 2",
            [](F& f) { posenc::learned_backward(f.x, pattern<float>(3, 8), LookupOptions(), Eigen::Vector2i(0, 1)); });
  bad.range("learned_backward: padding_row must be in [0, 6) (rows of the table), got -1", [](F& f) {
    posenc::learned_backward(f.x, pattern<float>(2, 8), LookupOptions{Overflow::error, 0.4, -1}, starting_at(0));
  });
  bad.value("learned_backward: grad_table.rows() must be > 0, got 0", [](F& f) {
    posenc::learned_backward(f.x.topRows(0), pattern<float>(2, 8), LookupOptions(), starting_at(0));
  });
  bad.value("learned_backward: grad_table must be disjoint from what is read, got overlapping memory", [](F& f) {
    posenc::learned_backward(f.x, f.x.topRows(2).rowwise().reverse(), LookupOptions(), starting_at(0));
  });

  // Initial values
  bad.value("Normal: stddev must be finite and >= 0, got -1", [](F&) { posenc::Normal(-1.0); });
  bad.value("Normal: stddev must be > 0 for a mean of 0.02 (stddev is the first argument, mean the second), got 0",
            [](F&) { posenc::Normal(0.0, 0.02); });
  bad.value("Normal: mean must be finite, got inf", [](F&) { posenc::Normal(1.0, kInfinity); });
  bad.value("Uniform: high must be finite and at least low 0.1, got -0.1", [](F&) { posenc::Uniform(0.1, -0.1); });
  bad.value("TruncatedNormal: high must be finite and greater than low 2, got 2",
            [](F&) { posenc::TruncatedNormal(1.0, 2.0, 2.0); });
  bad.value("TruncatedNormal: stddev must be finite and > 0, got 0",
            [](F&) { posenc::TruncatedNormal(0.0, -2.0, 2.0); });
  bad.value("TruncatedNormal: low must be less than 37 stddev above the mean, got 40",
            [](F&) { posenc::TruncatedNormal(1.0, 40.0, 41.0); });
  bad.value("XavierUniform: gain must be finite and >= 0, got nan", [](F&) { posenc::XavierUniform{kNan}; });
  bad.value("XavierNormal: gain must be finite and >= 0, got -1", [](F&) { posenc::XavierNormal(-1); });
  bad.value("fill: values.cols() must be 2 * rule.frequencies().num_pairs() 6, got 8", [](F& f) {
    posenc::fill(f.x, posenc::SinusoidalRows(posenc::geometric_frequencies(6, 1e4), posenc::ChannelOrder::sin_cos));
  });
  bad.range("fill: rows[2] must be such that position * frequency is finite (the largest frequency is 1e+308), got 2",
            [](F&) {
              Eigen::MatrixXf x(3, 4);
              posenc::fill(x, posenc::SinusoidalRows(posenc::Frequencies(Eigen::Array2d(1, 1e308)),
                                                     posenc::ChannelOrder::sin_cos));
            });
  bad.value("fill: values.data() must be a valid pointer, got null",
            [](F&) { posenc::fill(Eigen::Map<Matrix>(nullptr, 3, 4), posenc::Normal(1), posenc::Seed(1)); });

  // Resizing
  bad.value("resize: table.rows() must be > 0, got 0",
            [](F& f) { posenc::resize(f.x, Matrix(0, 8), Resize::half_pixel); });
  bad.value("resize: out.cols() must be table.cols() 7, got 8",
            [](F& f) { posenc::resize(f.x, Matrix(4, 7), Resize::align_corners); });
  bad.value("resize: out.rows() must be > 0, got 0",
            [](F& f) { posenc::resize(f.x.topRows(0), Matrix(4, 8), Resize::position_interpolation); });
  bad.value("resize: out must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::resize(f.x, f.x.topRows(3), Resize::half_pixel); });
  bad.value("an expression of the output", "resize: out must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::resize(f.x, 2 * f.x.colwise().reverse(), Resize::half_pixel); });
  bad.value("resize: out.rows() must be odd (2 n - 1 distances), got 6",
            [](F& f) { posenc::resize(f.x, Matrix(5, 8), Resize::relative_distances); });
  bad.value("resize_backward: grad_out.rows() must be odd (2 n - 1 distances), got 4",
            [](F& f) { posenc::resize_backward(f.x.topRows(5), Matrix(4, 8), Resize::relative_distances); });
  bad.value("resize: table.rows() must be 1 + 2 * 2, got 4", [](F& f) {
    posenc::resize(f.x, Matrix(4, 8), GridResize({2, 2}, {1, 5}, GridFilter::bicubic).keep(1));
  });
  bad.value("resize: out.rows() must be 0 + 4 * 2, got 6", [](F& f) {
    posenc::resize(f.x, Matrix(4, 8), GridResize({2, 2}, {4, 2}, GridFilter::bicubic_antialiased));
  });
  bad.value("GridResize: from[1] must be > 0 and at most 1048576, got 0", [](F&) {
    GridResize({2, 0}, {2, 3}, GridFilter::bicubic);
  });
  bad.value("GridResize::keep: prefix must be >= 0, got -1", [](F&) {
    GridResize({5, 1}, {7, 1}, GridFilter::bilinear).keep(-1);
  });
  bad.value("resize_backward: grad_out.rows() must be 0 + 1048576 * 2, got 4", [](F& f) {
    posenc::resize_backward(f.x, Matrix(4, 8), GridResize({2, 3}, {1 << 20, 2}, GridFilter::bicubic));
  });

  // Lines with rows that stay, and axes
  const auto tile = posenc::LineResize(Resize::tile).keep(4);
  bad.value("resize: table.rows() must be more than the rows that are kept, 4, got 4",
            [=](F& f) { posenc::resize(f.x, Matrix(4, 8), tile); });
  bad.value("resize_backward: grad_out.rows() must be more than the rows that are kept, 4, got 3",
            [=](F& f) { posenc::resize_backward(f.x, Matrix(3, 8), tile); });
  bad.value("resize: table.rows() must be even (2 n - 1 distances and the rows that are kept), got 5",
            [](F& f) { posenc::resize(f.x, Matrix(5, 8), posenc::LineResize(Resize::relative_distances).keep(1)); });
  bad.value("LineResize::keep: prefix must be >= 0, got -2", [](F&) { posenc::LineResize(Resize::tile).keep(-2); });
  bad.value("LineResize: rule must be one of its enumerators, got 6",
            [](F&) { posenc::LineResize(static_cast<Resize>(6)); });
  using Sides = std::vector<int>;
  bad.value("GridResize: to.size() must be from.size() 3, got 2", [](F&) {
    GridResize(Sides{2, 3, 4}, Sides{2, 3}, GridFilter::bilinear);
  });
  bad.value("GridResize: from.size() must be the number of axes, 1 to 8, got 0",
            [](F&) { GridResize(Sides{}, Sides{}, GridFilter::bilinear); });
  bad.value("GridResize: to[1] must be > 0 and at most 1048576, got 0", [](F&) {
    GridResize(Sides{2, 3}, Sides{2, 0}, GridFilter::bilinear);
  });
  bad.value("GridResize: from[0] must be > 0 and at most 1048576, got 1048577", [](F&) {
    GridResize(Sides{1048577, 3}, Sides{2, 1}, GridFilter::bilinear);
  });
  bad.value("GridResize: filter must be one of its enumerators, got 6",
            [](F&) { GridResize(Sides{2}, Sides{2}, static_cast<GridFilter>(6)); });
  bad.value("axes of another table", "resize: table.rows() must be 1 + 2 * 3 * 4, got 24", [](F& f) {
    posenc::resize(f.x, Matrix(24, 8), GridResize(Sides{2, 3, 4}, Sides{1, 1, 1}, GridFilter::nearest).keep(1));
  });
  return bad.cases();
}

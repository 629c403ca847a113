// SPDX-License-Identifier: MIT
/// Resizing of trained tables against PyTorch, and the adjoints.
#include "posenc/learnable.hpp"

#include "learnable/support.hpp"
#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace learnable_tests;
using posenc::GridResize;

namespace {

// The headers promise |error| <= 4 from 2^-52 max|table| (lines) and 16 (from_height + from_width) 2^-52 max|table|
// (grids). The golden values come from a float64 program with an error of its own of that size: twice the bound.
constexpr double kLargest = 2;  // of |pattern()|
double line_tolerance(Eigen::Index from) { return 2 * 4 * static_cast<double>(from) * 0x1p-52 * kLargest; }
double grid_tolerance(Eigen::Index height, Eigen::Index width) {
  return 2 * 16 * static_cast<double>(height + width) * 0x1p-52 * kLargest;
}

/// The whole numbers in a name such as half_pixel_5_8.
std::vector<Eigen::Index> numbers_in(const std::string& name) {
  std::istringstream in(name);
  std::vector<Eigen::Index> numbers;
  for (std::string part; std::getline(in, part, '_');) {
    if (part.find_first_not_of("0123456789") == std::string::npos) numbers.push_back(std::stol(part));
  }
  return numbers;
}

using Matrix = RowMatrix<double>;

/// One way to resize, with its adjoint, at fixed sizes.
struct Resize {
  std::string name;
  Eigen::Index from;
  Eigen::Index to;
  std::function<void(Matrix&, const Matrix&)> forward;
  std::function<void(Matrix&, const Matrix&)> backward;
};

std::vector<Resize> all_resizes() {
  std::vector<Resize> all;
  for (const auto& [from, to] : std::vector<std::pair<Eigen::Index, Eigen::Index>>{{5, 9}, {9, 5}, {7, 7}, {1, 3}}) {
    all.push_back({"linear", from, to, [](Matrix& o, const Matrix& t) { posenc::resize_linear(o, t); },
                   [](Matrix& g, const Matrix& o) { posenc::resize_linear_backward(g, o); }});
    all.push_back({"align_corners", from, to, [](Matrix& o, const Matrix& t) { posenc::resize_align_corners(o, t); },
                   [](Matrix& g, const Matrix& o) { posenc::resize_align_corners_backward(g, o); }});
    all.push_back({"interpolate", from, to, [](Matrix& o, const Matrix& t) { posenc::interpolate_positions(o, t); },
                   [](Matrix& g, const Matrix& o) { posenc::interpolate_positions_backward(g, o); }});
    all.push_back({"relative", from, to, [](Matrix& o, const Matrix& t) { posenc::resize_relative(o, t); },
                   [](Matrix& g, const Matrix& o) { posenc::resize_relative_backward(g, o); }});
  }
  for (const GridResize& grid :
       {GridResize{4, 6, 9, 5, 1}, GridResize{6, 4, 2, 3, 0}, GridResize{3, 5, 3, 5, 2}, GridResize{5, 5, 5, 8, 1}}) {
    const Eigen::Index from = grid.prefix + grid.from_height * grid.from_width;
    const Eigen::Index to = grid.prefix + grid.to_height * grid.to_width;
    all.push_back({"bicubic", from, to, [=](Matrix& o, const Matrix& t) { posenc::resize_bicubic(o, t, grid); },
                   [=](Matrix& g, const Matrix& o) { posenc::resize_bicubic_backward(g, o, grid); }});
    all.push_back({"antialiased", from, to,
                   [=](Matrix& o, const Matrix& t) { posenc::resize_bicubic_antialiased(o, t, grid); },
                   [=](Matrix& g, const Matrix& o) { posenc::resize_bicubic_antialiased_backward(g, o, grid); }});
  }
  return all;
}

}  // namespace

TEST_CASE("linear resizing equals PyTorch", "[learnable]") {
  const auto golden = posenc_tests::golden("learnable/resize_1d.csv");
  REQUIRE(golden.blocks.size() == 12);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const auto sizes = numbers_in(name);
    Matrix out(sizes[1], 3);
    if (name.rfind("half_pixel", 0) == 0) {
      posenc::resize_linear(out, pattern<double>(sizes[0], 3));
    } else {
      posenc::resize_align_corners(out, pattern<double>(sizes[0], 3));
    }
    REQUIRE(max_difference(out, block.matrix()) <= line_tolerance(sizes[0]));
  }
}

TEST_CASE("bicubic resizing equals PyTorch, antialiased or not", "[learnable]") {
  const auto golden = posenc_tests::golden("learnable/resize_2d.csv");
  REQUIRE(golden.blocks.size() == 12);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const auto sizes = numbers_in(name);
    const GridResize grid{sizes[1], sizes[2], sizes[3], sizes[4], sizes[0]};
    const Matrix table = pattern<double>(grid.prefix + grid.from_height * grid.from_width, 2);
    Matrix out(grid.prefix + grid.to_height * grid.to_width, 2);
    if (name.rfind("cubic", 0) == 0) {
      posenc::resize_bicubic(out, table, grid);
    } else {
      posenc::resize_bicubic_antialiased(out, table, grid);
    }
    REQUIRE(max_difference(out, block.matrix()) <= grid_tolerance(grid.from_height, grid.from_width));
    REQUIRE(out.topRows(grid.prefix) == table.topRows(grid.prefix));
  }
}

TEST_CASE("position interpolation reads at t from / to", "[learnable]") {
  const Matrix table = pattern<double>(4, 3);
  Matrix out(8, 3);
  posenc::interpolate_positions(out, table);
  for (Eigen::Index t = 0; t < 8; ++t) {
    const Eigen::RowVectorXd expected =
        t % 2 == 0 ? table.row(t / 2).eval()
                   : ((table.row(t / 2) + table.row((std::min)(t / 2 + 1, Eigen::Index(3)))) / 2).eval();
    REQUIRE(out.row(t) == expected);  // halves of sixteenths: exact
  }
}

TEST_CASE("a relative table is resized as any line of half-pixels, and distance 0 stays in the middle", "[learnable]") {
  const Matrix table = pattern<double>(7, 3);
  Matrix out(13, 3);
  Matrix line(13, 3);
  posenc::resize_relative(out, table);
  posenc::resize_linear(line, table);
  REQUIRE(out == line);
  REQUIRE(max_difference(out.row(6), table.row(3)) <= line_tolerance(7));
}

TEST_CASE("an equal size copies bit for bit", "[learnable]") {
  RowMatrix<float> table = pattern<float>(1 + 3 * 5, 4);
  table(2, 1) = -0.0f;
  table(3, 2) = std::numeric_limits<float>::infinity();
  table(7, 0) = std::numeric_limits<float>::quiet_NaN();
  table(8, 3) = std::numeric_limits<float>::denorm_min();
  const auto same_bits = [&](const RowMatrix<float>& out) {
    return std::memcmp(out.data(), table.data(), static_cast<std::size_t>(table.size()) * sizeof(float)) == 0;
  };
  const GridResize grid{3, 5, 3, 5, 1};
  RowMatrix<float> out(table.rows(), table.cols());
  const auto check = [&](auto&& resize) {
    out.setConstant(5.0f);
    resize();
    return same_bits(out);
  };
  REQUIRE(check([&] { posenc::resize_linear(out, table); }));
  REQUIRE(check([&] { posenc::resize_align_corners(out, table); }));
  REQUIRE(check([&] { posenc::interpolate_positions(out, table); }));
  REQUIRE(check([&] { posenc::resize_bicubic(out, table, grid); }));
  REQUIRE(check([&] { posenc::resize_bicubic_antialiased(out, table, grid); }));
  RowMatrix<float> odd = table.topRows(15);
  table = odd;
  out.resize(15, 4);
  REQUIRE(check([&] { posenc::resize_relative(out, table); }));
}

TEST_CASE("every backward is the adjoint of its resize, and adds", "[learnable]") {
  constexpr double kAdjoint = 1e-12;  // asked for; the sums have fewer than 500 terms
  for (const Resize& resize : all_resizes()) {
    CAPTURE(resize.name, resize.from, resize.to);
    Matrix table(resize.from, 3);
    Matrix y(resize.to, 3);
    posenc::fill_normal(table, 1, 1.0);
    posenc::fill_normal(y, 2, 1.0);
    Matrix out(resize.to, 3);
    resize.forward(out, table);
    Matrix grad = Matrix::Zero(resize.from, 3);
    resize.backward(grad, y);
    REQUIRE(std::abs(dot(out, y) - dot(table, grad)) <= kAdjoint * out.norm() * y.norm());
    REQUIRE(grad.norm() > 0.1);
    Matrix twice = grad;
    resize.backward(twice, y);
    REQUIRE(max_difference(twice, 2 * grad) <= 1e-15 * 16);  // one more rounding of values below 16

    // The map is linear, so a difference quotient is exact but for rounding; one direction tests every weight.
    Matrix direction(resize.from, 3);
    posenc::fill_normal(direction, 3, 1.0);
    Matrix moved(resize.to, 3);
    resize.forward(moved, table + direction);
    REQUIRE(std::abs(dot(moved - out, y) - dot(direction, grad)) <= kAdjoint * (out.norm() + moved.norm()) * y.norm());
  }
}

TEST_CASE("constant tables stay constant, and grids do not mix their axes", "[learnable]") {
  for (const Resize& resize : all_resizes()) {
    CAPTURE(resize.name, resize.from, resize.to);
    Matrix out(resize.to, 3);
    resize.forward(out, Matrix::Ones(resize.from, 3));
    REQUIRE(max_difference(out, Matrix::Ones(resize.to, 3)) <= 16 * 0x1p-52);  // at most 16 weights of size <= 1.2
  }
  // A grid that depends on x alone, resized in height alone, repeats its rows.
  const GridResize grid{3, 4, 7, 4, 0};
  Matrix table(12, 1);
  Matrix out(28, 1);
  for (Eigen::Index i = 0; i < 12; ++i) table(i, 0) = static_cast<double>(i % 4);
  posenc::resize_bicubic(out, table, grid);
  for (Eigen::Index i = 0; i < 28; ++i) REQUIRE(std::abs(out(i, 0) - static_cast<double>(i % 4)) <= 32 * 0x1p-52);
}

TEST_CASE("layouts and scalars of a resize agree", "[learnable]") {
  const GridResize grid{4, 6, 9, 5, 1};
  RowMatrix<double> table(25, 70);
  posenc::fill_uniform(table, 4, -1, 1);
  RowMatrix<double> exact(46, 70);
  posenc::resize_bicubic(exact, table, grid);
  ColMatrix<double> col(46, 70);
  posenc::resize_bicubic(col, ColMatrix<double>(table), grid);
  REQUIRE(col == exact);
  RowMatrix<double> padded = RowMatrix<double>::Constant(46, 72, 9.0);
  posenc::resize_bicubic(padded.middleCols(1, 70), table, grid);
  REQUIRE(padded.middleCols(1, 70) == exact);
  RowMatrix<double> chunks(46, 70);
  posenc::resize_bicubic(chunks.leftCols(33), table.leftCols(33), grid);
  posenc::resize_bicubic(chunks.rightCols(37), table.rightCols(37), grid);
  REQUIRE(chunks == exact);

  // Inputs off by eps/2, weights with sum |w| <= 1.5^2, and one rounding of a result below 2.25.
  RowMatrix<float> single(46, 70);
  posenc::resize_bicubic(single, table.cast<float>(), grid);
  REQUIRE(max_difference(single, exact) <= 4.5 * 0x1p-24);
  RowMatrix<Eigen::half> half(46, 70);
  posenc::resize_bicubic(half, table, grid);
  REQUIRE(max_difference(half, exact) <= 2 * 0x1p-11);
}

TEST_CASE("trained tables of real models, resized", "[learnable]") {
  if (posenc_tests::skip_without_data("trained tables")) return;
  const auto albert = posenc::read_npy<float>(posenc_tests::data_dir() + "/tables/albert_rxnmapper_pos_512x128.npy");
  REQUIRE(albert.shape == std::vector<Eigen::Index>{512, 128});
  const RowMatrix<float>& P = albert.values;
  // Row t of twice the length lies between its neighbours: 1/4 and 3/4 of them by half-pixels, 0 and 1/2 by position
  // interpolation. Those weights are exact, so the results differ by one rounding of a float.
  RowMatrix<float> stretched(1024, 128);
  RowMatrix<float> expected(1024, 128);
  const RowMatrix<double> wide = P.cast<double>();
  posenc::resize_linear(stretched, P);
  for (Eigen::Index t = 0; t < 1024; ++t) {
    const Eigen::Index near = t / 2;
    const Eigen::Index far =
        (std::min)((std::max)(t % 2 == 0 ? near - 1 : near + 1, Eigen::Index(0)), Eigen::Index(511));
    expected.row(t) = (0.75 * wide.row(near) + 0.25 * wide.row(far)).cast<float>();
  }
  REQUIRE(stretched == expected);
  posenc::interpolate_positions(stretched, P);
  for (Eigen::Index t = 0; t < 1024; ++t) {
    const Eigen::Index next = (std::min)((t + 1) / 2, Eigen::Index(511));
    expected.row(t) = (0.5 * wide.row(t / 2) + 0.5 * wide.row(next)).cast<float>();
  }
  REQUIRE(stretched == expected);
  posenc::resize_align_corners(stretched, P);
  REQUIRE(stretched.row(0) == P.row(0));
  REQUIRE(stretched.row(1023) == P.row(511));

  const auto kwt = posenc::read_npy<float>(posenc_tests::data_dir() + "/tables/kwt1_pos_99x64.npy");
  const GridResize grid{1, 98, 1, 196, 1};  // class token, then 98 time steps
  RowMatrix<float> longer(197, 64);
  posenc::resize_bicubic(longer, kwt.values, grid);
  REQUIRE(longer.row(0) == kwt.values.row(0));
  // Both new rows of a step stand a quarter from it: weights of the cubic kernel at -1.25, -0.25, 0.75, 1.75.
  const auto kernel = [](double x) {
    constexpr double a = -0.75;
    x = std::abs(x);
    return x < 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
  };
  for (Eigen::Index t = 2; t < 96; ++t) {
    Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(64);
    for (Eigen::Index k = -1; k <= 2; ++k) {
      row += kernel(static_cast<double>(k) - 0.25) * kwt.values.row(1 + t + k).cast<double>();
    }
    REQUIRE(max_difference(longer.row(1 + 2 * t + 1), row) <= 0x1p-24 * kwt.values.cwiseAbs().maxCoeff() * 1.5);
  }
}

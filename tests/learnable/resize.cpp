// SPDX-License-Identifier: MIT
/// Resizing of trained tables against PyTorch, and the adjoints.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace posenc_tests;
using posenc::GridFilter;
using posenc::GridResize;
using posenc::Resize;

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

using Rule = std::variant<Resize, GridResize>;

/// A rule at fixed sizes.
struct Case {
  std::string name;
  Rule rule;
  Eigen::Index from;
  Eigen::Index to;
};

template <typename Out, typename Table>
void resize(Out&& out, const Table& table, const Rule& rule) {
  std::visit([&](const auto& chosen) { posenc::resize(out, table, chosen); }, rule);
}

template <typename Grad, typename GradOut>
void resize_backward(Grad&& grad_table, const GradOut& grad_out, const Rule& rule) {
  std::visit([&](const auto& chosen) { posenc::resize_backward(grad_table, grad_out, chosen); }, rule);
}

Eigen::Index rows_of(const std::vector<Eigen::Index>& sides, Eigen::Index prefix) {
  return prefix + sides[0] * sides[1];
}

const Resize kLines[] = {Resize::half_pixel,         Resize::align_corners,           Resize::position_interpolation,
                         Resize::relative_distances, Resize::continued_interpolation, Resize::tile};
const GridFilter kFilters[] = {GridFilter::bilinear,
                               GridFilter::bilinear_antialiased,
                               GridFilter::bicubic,
                               GridFilter::bicubic_antialiased,
                               GridFilter::bilinear_align_corners,
                               GridFilter::nearest};

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& [from, to] : std::vector<std::pair<Eigen::Index, Eigen::Index>>{{5, 9}, {9, 5}, {7, 7}, {1, 3}}) {
    for (const Resize rule : kLines) all.push_back({"line " + std::to_string(static_cast<int>(rule)), rule, from, to});
  }
  for (const GridFilter filter : kFilters) {
    for (const GridResize& rule :
         {GridResize({4, 6}, {9, 5}, filter).keep(1), GridResize({6, 4}, {2, 3}, filter),
          GridResize({3, 5}, {3, 5}, filter).keep(2), GridResize({5, 5}, {5, 8}, filter).keep(1)}) {
      all.push_back({"filter " + std::to_string(static_cast<int>(filter)), rule, rows_of(rule.from(), rule.prefix()),
                     rows_of(rule.to(), rule.prefix())});
    }
  }
  return all;
}

}  // namespace

TEST_CASE("linear resizing equals PyTorch", "[learnable][resize]") {
  const auto golden = posenc_tests::golden("learnable/resize_1d.csv");
  REQUIRE(golden.blocks.size() == 12);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const auto sizes = numbers_in(name);
    Matrix out(sizes[1], 3);
    const Resize rule = name.rfind("half_pixel", 0) == 0 ? Resize::half_pixel : Resize::align_corners;
    posenc::resize(out, pattern<double>(sizes[0], 3), rule);
    REQUIRE(distance(out, block.matrix()) <= line_tolerance(sizes[0]));
  }
}

TEST_CASE("bicubic resizing equals PyTorch, antialiased or not", "[learnable][resize]") {
  const auto golden = posenc_tests::golden("learnable/resize_2d.csv");
  REQUIRE(golden.blocks.size() == 12);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const auto sizes = numbers_in(name);
    const GridFilter filter = name.rfind("cubic", 0) == 0 ? GridFilter::bicubic : GridFilter::bicubic_antialiased;
    const GridResize rule = GridResize({sizes[1], sizes[2]}, {sizes[3], sizes[4]}, filter).keep(sizes[0]);
    const Matrix table = pattern<double>(rows_of(rule.from(), rule.prefix()), 2);
    Matrix out(rows_of(rule.to(), rule.prefix()), 2);
    posenc::resize(out, table, rule);
    REQUIRE(distance(out, block.matrix()) <= grid_tolerance(rule.from()[0], rule.from()[1]));
    REQUIRE(out.topRows(rule.prefix()) == table.topRows(rule.prefix()));
  }
}

TEST_CASE("antialiased bilinear resizing equals Pillow", "[learnable][resize]") {
  const auto golden = posenc_tests::golden("learnable/resize_antialiased.csv");
  REQUIRE(golden.blocks.size() == 6);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const auto sizes = numbers_in(name);
    const GridResize rule =
        GridResize({sizes[1], sizes[2]}, {sizes[3], sizes[4]}, GridFilter::bilinear_antialiased).keep(sizes[0]);
    const Matrix table = pattern<double>(rows_of(rule.from(), rule.prefix()), 2);
    Matrix out(rows_of(rule.to(), rule.prefix()), 2);
    posenc::resize(out, table, rule);
    // Pillow rounds to float after each of the two axes, values of at most 2; nine digits are written down.
    REQUIRE(distance(out, block.matrix()) <= 2 * kLargest * 0x1p-24 + 1e-8);
  }
}

TEST_CASE("bilinear resizing of a grid is linear resizing of each axis", "[learnable][resize]") {
  const Matrix table = pattern<double>(4 * 6, 2);
  Matrix out(7 * 5, 2);
  posenc::resize(out, table, GridResize({4, 6}, {7, 5}, GridFilter::bilinear));
  Matrix narrowed(4 * 5, 2);
  for (Eigen::Index y = 0; y < 4; ++y) {
    posenc::resize(narrowed.middleRows(5 * y, 5), table.middleRows(6 * y, 6), Resize::half_pixel);
  }
  for (Eigen::Index x = 0; x < 5; ++x) {
    Matrix column(4, 2);
    Matrix expected(7, 2);
    for (Eigen::Index y = 0; y < 4; ++y) column.row(y) = narrowed.row(5 * y + x);
    posenc::resize(expected, column, Resize::half_pixel);
    for (Eigen::Index y = 0; y < 7; ++y) {
      REQUIRE(distance(out.row(5 * y + x), expected.row(y)) <= grid_tolerance(4, 6));
    }
  }
}

TEST_CASE("position interpolation reads at t from / to", "[learnable][resize]") {
  const Matrix table = pattern<double>(4, 3);
  Matrix out(8, 3);
  posenc::resize(out, table, Resize::position_interpolation);
  for (Eigen::Index t = 0; t < 8; ++t) {
    const Eigen::RowVectorXd expected =
        t % 2 == 0 ? table.row(t / 2).eval()
                   : ((table.row(t / 2) + table.row((std::min)(t / 2 + 1, Eigen::Index(3)))) / 2).eval();
    REQUIRE(out.row(t) == expected);  // halves of sixteenths: exact
  }
}

TEST_CASE("a relative table is resized as any line of half-pixels, and distance 0 stays in the middle",
          "[learnable][resize]") {
  const Matrix table = pattern<double>(7, 3);
  Matrix out(13, 3);
  Matrix line(13, 3);
  posenc::resize(out, table, Resize::relative_distances);
  posenc::resize(line, table, Resize::half_pixel);
  REQUIRE(out == line);
  REQUIRE(distance(out.row(6), table.row(3)) <= line_tolerance(7));
}

TEST_CASE("an equal size copies bit for bit", "[learnable][resize]") {
  RowMatrix<float> table = pattern<float>(1 + 3 * 5, 4);
  table(2, 1) = -0.0f;
  table(3, 2) = std::numeric_limits<float>::infinity();
  table(7, 0) = std::numeric_limits<float>::quiet_NaN();
  table(8, 3) = std::numeric_limits<float>::denorm_min();
  const auto same_bits = [&](const RowMatrix<float>& out) {
    return std::memcmp(out.data(), table.data(), static_cast<std::size_t>(table.size()) * sizeof(float)) == 0;
  };
  RowMatrix<float> out(table.rows(), table.cols());
  const auto check = [&](const Rule& rule) {
    out.setConstant(5.0f);
    resize(out, table, rule);
    return same_bits(out);
  };
  for (const GridFilter filter : kFilters) REQUIRE(check(GridResize({3, 5}, {3, 5}, filter).keep(1)));
  for (const Resize rule : kLines) {
    if (rule != Resize::relative_distances) REQUIRE(check(rule));
  }
  const RowMatrix<float> odd = table.topRows(15);
  table = odd;
  out.resize(15, 4);
  REQUIRE(check(Resize::relative_distances));
}

TEST_CASE("every backward is the adjoint of its resize, and adds", "[learnable][resize]") {
  constexpr double kAdjoint = 1e-12;  // asked for; the sums have fewer than 500 terms
  for (const Case& c : all_cases()) {
    CAPTURE(c.name, c.from, c.to);
    Matrix table(c.from, 3);
    Matrix y(c.to, 3);
    posenc::fill(table, posenc::Normal(1.0), posenc::Seed(1));
    posenc::fill(y, posenc::Normal(1.0), posenc::Seed(2));
    Matrix out(c.to, 3);
    resize(out, table, c.rule);
    Matrix grad = Matrix::Zero(c.from, 3);
    resize_backward(grad, y, c.rule);
    REQUIRE(std::abs(dot(out, y) - dot(table, grad)) <= kAdjoint * out.norm() * y.norm());
    REQUIRE(grad.norm() > 0.1);
    Matrix twice = grad;
    resize_backward(twice, y, c.rule);
    REQUIRE(distance(twice, 2 * grad) <= 1e-15 * 16);  // one more rounding of values below 16

    // The map is linear, so a difference quotient is exact but for rounding; one direction tests every weight.
    Matrix direction(c.from, 3);
    posenc::fill(direction, posenc::Normal(1.0), posenc::Seed(3));
    Matrix moved(c.to, 3);
    resize(moved, table + direction, c.rule);
    REQUIRE(std::abs(dot(moved - out, y) - dot(direction, grad)) <= kAdjoint * (out.norm() + moved.norm()) * y.norm());
  }
}

TEST_CASE("constant tables stay constant, and grids do not mix their axes", "[learnable][resize]") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name, c.from, c.to);
    Matrix out(c.to, 3);
    resize(out, Matrix::Ones(c.from, 3), c.rule);
    REQUIRE(distance(out, Matrix::Ones(c.to, 3)) <= 16 * 0x1p-52);  // at most 16 weights of size <= 1.2
  }
  // A grid that depends on x alone, resized in height alone, repeats its rows.
  const GridResize grid({3, 4}, {7, 4}, GridFilter::bicubic);
  Matrix table(12, 1);
  Matrix out(28, 1);
  for (Eigen::Index i = 0; i < 12; ++i) table(i, 0) = static_cast<double>(i % 4);
  posenc::resize(out, table, grid);
  for (Eigen::Index i = 0; i < 28; ++i) REQUIRE(std::abs(out(i, 0) - static_cast<double>(i % 4)) <= 32 * 0x1p-52);
}

TEST_CASE("layouts and scalars of a resize agree", "[learnable][resize]") {
  const GridResize grid = GridResize({4, 6}, {9, 5}, GridFilter::bicubic).keep(1);
  RowMatrix<double> table(25, 70);
  posenc::fill(table, posenc::Uniform(-1, 1), posenc::Seed(4));
  RowMatrix<double> exact(46, 70);
  posenc::resize(exact, table, grid);
  ColumnMatrix<double> col(46, 70);
  posenc::resize(col, ColumnMatrix<double>(table), grid);
  REQUIRE(col == exact);
  RowMatrix<double> padded = RowMatrix<double>::Constant(46, 72, 9.0);
  posenc::resize(padded.middleCols(1, 70), table, grid);
  REQUIRE(padded.middleCols(1, 70) == exact);
  RowMatrix<double> chunks(46, 70);
  posenc::resize(chunks.leftCols(33), table.leftCols(33), grid);
  posenc::resize(chunks.rightCols(37), table.rightCols(37), grid);
  REQUIRE(chunks == exact);

  // Inputs off by eps/2, weights with sum |w| <= 1.5^2, and one rounding of a result below 2.25.
  RowMatrix<float> single(46, 70);
  posenc::resize(single, table.cast<float>(), grid);
  REQUIRE(distance(single, exact) <= 4.5 * 0x1p-24);
  RowMatrix<Eigen::half> half(46, 70);
  posenc::resize(half, table, grid);
  REQUIRE(distance(half, exact) <= 2 * 0x1p-11);
}

TEST_CASE("trained tables of real models, resized", "[learnable][resize]") {
  if (posenc_tests::skip_without_data("trained tables")) return;
  const auto albert = posenc::read_npy<float>(posenc_tests::data_dir() + "/tables/albert_rxnmapper_pos_512x128.npy");
  REQUIRE(albert.shape == std::vector<Eigen::Index>{512, 128});
  const RowMatrix<float>& P = albert.values;
  // Row t of twice the length lies between its neighbors: 1/4 and 3/4 of them by half-pixels, 0 and 1/2 by position
  // interpolation. Those weights are exact, so the results differ by one rounding of a float.
  RowMatrix<float> stretched(1024, 128);
  RowMatrix<float> expected(1024, 128);
  const RowMatrix<double> wide = P.cast<double>();
  posenc::resize(stretched, P, Resize::half_pixel);
  for (Eigen::Index t = 0; t < 1024; ++t) {
    const Eigen::Index near = t / 2;
    const Eigen::Index far =
        (std::min)((std::max)(t % 2 == 0 ? near - 1 : near + 1, Eigen::Index(0)), Eigen::Index(511));
    expected.row(t) = (0.75 * wide.row(near) + 0.25 * wide.row(far)).cast<float>();
  }
  REQUIRE(stretched == expected);
  posenc::resize(stretched, P, Resize::position_interpolation);
  for (Eigen::Index t = 0; t < 1024; ++t) {
    const Eigen::Index next = (std::min)((t + 1) / 2, Eigen::Index(511));
    expected.row(t) = (0.5 * wide.row(t / 2) + 0.5 * wide.row(next)).cast<float>();
  }
  REQUIRE(stretched == expected);
  posenc::resize(stretched, P, Resize::align_corners);
  REQUIRE(stretched.row(0) == P.row(0));
  REQUIRE(stretched.row(1023) == P.row(511));

  const auto kwt = posenc::read_npy<float>(posenc_tests::data_dir() + "/tables/kwt1_pos_99x64.npy");
  const GridResize grid =
      GridResize({1, 98}, {1, 196}, GridFilter::bicubic).keep(1);  // class token, then 98 time steps
  RowMatrix<float> longer(197, 64);
  posenc::resize(longer, kwt.values, grid);
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
    REQUIRE(distance(longer.row(1 + 2 * t + 1), row) <= 0x1p-24 * kwt.values.cwiseAbs().maxCoeff() * 1.5);
  }
}

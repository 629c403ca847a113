// SPDX-License-Identifier: MIT
/// Resizing in two and three axes against PyTorch, and lines with rows in front that stay, with the adjoints.
#include "posenc/learnable.hpp"
#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

using namespace posenc_tests;
using posenc::GridFilter;
using posenc::GridResize;
using posenc::LineResize;
using posenc::Resize;

namespace {

using Matrix = RowMatrix<double>;

struct Name {
  std::string kind;
  std::vector<Eigen::Index> numbers;

  explicit Name(const std::string& name) {
    std::istringstream in(name);
    std::getline(in, kind, '_');
    for (std::string part; std::getline(in, part, '_');) numbers.push_back(std::stol(part));
  }
};

template <typename Rule>
void require_adjoint_resize(Eigen::Index from, Eigen::Index to, const Rule& rule) {
  Matrix table(from, 3);
  Matrix y(to, 3);
  posenc::fill(table, posenc::Normal(1.0), posenc::Seed(1));
  posenc::fill(y, posenc::Normal(1.0), posenc::Seed(2));
  Matrix out(to, 3);
  posenc::resize(out, table, rule);
  Matrix grad = Matrix::Zero(from, 3);
  posenc::resize_backward(grad, y, rule);
  constexpr double kAdjoint = 1e-12;  // the sums have fewer than 500 terms
  REQUIRE(std::abs(dot(out, y) - dot(table, grad)) <= kAdjoint * out.norm() * y.norm());
  REQUIRE(grad.norm() > 0.1);
}

}  // namespace

TEST_CASE("resizing in two and three axes equals PyTorch, and its backward is the adjoint", "[learnable][resize]") {
  const auto golden = posenc_tests::golden("learnable/resize_axes.csv");
  REQUIRE(golden.blocks.size() == 24);
  for (const auto& [name, block] : golden.blocks) {
    CAPTURE(name);
    const Name parts(name);
    const auto& n = parts.numbers;
    const Matrix expected = block.matrix();
    Matrix out(expected.rows(), 2);
    if (parts.kind == "tile") {
      const LineResize rule = LineResize(Resize::tile).keep(2);
      posenc::resize(out, pattern<double>(n[0], 2), rule);
      REQUIRE(out == expected);
      require_adjoint_resize(n[0], n[1], rule);
    } else if (parts.kind == "longclip") {
      const LineResize rule = LineResize(Resize::continued_interpolation).keep(n[1]);
      posenc::resize(out, pattern<double>(n[0], 2), rule);
      REQUIRE(out == expected);  // quarters of sixteenths: exact
      require_adjoint_resize(n[0], out.rows(), rule);
    } else {
      const auto half = static_cast<std::ptrdiff_t>(n.size() / 2);
      const std::vector<Eigen::Index> from(n.begin(), n.begin() + half), to(n.begin() + half, n.end());
      const GridFilter filter = parts.kind == "bilinear"  ? GridFilter::bilinear
                                : parts.kind == "corners" ? GridFilter::bilinear_align_corners
                                                          : GridFilter::nearest;
      const GridResize rule = GridResize(from, to, filter).keep(1);
      Eigen::Index rows = 1, sides = 0;
      for (const Eigen::Index side : from) {
        rows *= side;
        sides += side;
      }
      posenc::resize(out, pattern<double>(1 + rows, 2), rule);
      // The header promises 16 (sum of sides) 2^-52 max|table|, 4 times that for a third axis; PyTorch errs as much.
      const double promised = 16 * static_cast<double>(sides) * 0x1p-52 * 2 * (half == 3 ? 4 : 1);
      REQUIRE(distance(out, expected) <= 2 * promised);
      require_adjoint_resize(1 + rows, out.rows(), rule);
    }
  }
}

TEST_CASE("a grid is the same with axes of one row, in any number and with every filter", "[learnable][resize]") {
  for (int number = 0; number <= static_cast<int>(GridFilter::nearest); ++number) {
    const auto filter = static_cast<GridFilter>(number);
    const Matrix table = pattern<double>(2 + 4 * 6, 3);
    Matrix grid(2 + 7 * 5, 3), axes(2 + 7 * 5, 3), more(2 + 7 * 5, 3);
    posenc::resize(grid, table, posenc::GridResize({4, 6}, {7, 5}, filter).keep(2));
    posenc::resize(axes, table, GridResize(std::array{4, 6}, std::array{7, 5}, filter).keep(2));
    posenc::resize(more, table, GridResize(std::array{1, 4, 1, 6}, std::array{1, 7, 1, 5}, filter).keep(2));
    REQUIRE(axes == grid);
    REQUIRE(more == grid);
    require_adjoint_resize(2 * 3 * 4, 3 * 2 * 5, GridResize(std::array{2, 3, 4}, std::array{3, 2, 5}, filter));
  }
}

TEST_CASE("tables for rows and for columns make those of a grid, side by side or added", "[learnable][resize]") {
  // DETR and Florence-2 put [column x | row y] side by side; Reformer's axial tables likewise, added in others.
  constexpr Eigen::Index height = 3, width = 5;
  const posenc::LearnedTable<double> rows(pattern<double>(height, 2)), columns(pattern<double>(width, 2, 7));
  const auto ids = posenc::grid_positions({height, width});
  Matrix out(height * width, 4), sum = Matrix::Zero(height * width, 2);
  posenc::encode_learned(out.leftCols(2), columns, ids.col(1));
  posenc::encode_learned(out.rightCols(2), rows, ids.col(0));
  posenc::add_learned(sum, columns, ids.col(1));
  posenc::add_learned(sum, rows, ids.col(0));
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      const Eigen::Index token = y * width + x;
      REQUIRE(out.row(token).leftCols(2) == pattern<double>(width, 2, 7).row(x));
      REQUIRE(out.row(token).rightCols(2) == pattern<double>(height, 2).row(y));
      REQUIRE(sum.row(token) == pattern<double>(width, 2, 7).row(x) + pattern<double>(height, 2).row(y));
    }
  }
}

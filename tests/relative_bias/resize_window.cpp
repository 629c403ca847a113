// SPDX-License-Identifier: MIT
/// Resizing of window bias tables against SciPy and the tested resize of grids, with the adjoints.
#include "posenc/learnable/resize.hpp"

#include "relative_bias/npy.hpp"
#include "relative_bias/support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

#include <cstdio>
#include <string>
#include <vector>

using namespace posenc_tests;
using posenc::ClassToken;
using posenc::GridShape;
using posenc::WindowFilter;
using posenc::WindowResize;

namespace {

struct Sides {
  GridShape from;
  GridShape to;
  ClassToken class_token = ClassToken::none;

  WindowResize rule(WindowFilter filter) const { return WindowResize(from, to, filter).keep(class_token); }
};

const std::vector<WindowFilter> kFilters = {WindowFilter::bicubic, WindowFilter::geometric,
                                            WindowFilter::geometric_linear, WindowFilter::bilinear};

const std::vector<Sides> kSides = {{GridShape(3, 3), GridShape(5, 5)},
                                   {GridShape(5, 5), GridShape(3, 3)},
                                   {GridShape(4, 3), GridShape(4, 6)},
                                   {GridShape(3, 7), GridShape(2, 1)},
                                   {GridShape(3, 4), GridShape(6, 5), ClassToken::first}};

Index rows_of(const GridShape& window, ClassToken class_token) {
  return window.displacements() + (class_token == ClassToken::first ? 3 : 0);
}

}  // namespace

TEST_CASE("geometric resize of window tables equals SciPy's", "[relative_bias][resize_window][accuracy]") {
  const Golden file = golden("relative/window_resize.csv");
  // Both programs form sums of at most 9 x 9 products in double, whose weights are below 2 in size, from a spline
  // system of condition below 10.
  constexpr double kGeometricBound = 81 * 2 * 10 * kEpsilon;
  int compared = 0;
  for (const auto& [name, block] : file.blocks) {
    INFO(name);
    int sides[4];
    const std::size_t numbers = name.find('_') + 1;
    REQUIRE(std::sscanf(name.c_str() + numbers, "%d_%d_%d_%d", sides, sides + 1, sides + 2, sides + 3) == 4);
    const GridShape from(sides[0], sides[1]);
    const GridShape to(sides[2], sides[3]);
    MatrixD weights(from.displacements(), 1);
    for (Index m = 0; m < weights.rows(); ++m) {
      weights(m, 0) = std::sin(0.7 * static_cast<double>(m)) + 0.01 * static_cast<double>(m);
    }
    MatrixD resized(to.displacements(), 1);
    const bool spline = name.rfind("spline", 0) == 0;
    posenc::resize(resized, weights,
                   WindowResize(from, to, spline ? WindowFilter::geometric : WindowFilter::geometric_linear));
    const Eigen::Map<const MatrixD> expected(block.values.data(), resized.rows(), 1);
    REQUIRE(distance(resized, expected) <= kGeometricBound * expected.cwiseAbs().maxCoeff());
    ++compared;
  }
  REQUIRE(compared == 10);
}

TEST_CASE("bicubic resize of window tables is that of grids, which equals PyTorch's",
          "[relative_bias][resize_window][accuracy]") {
  for (const Sides& sides : kSides) {
    const MatrixD weights = random_matrix(rows_of(sides.from, sides.class_token), 2, 1);
    MatrixD resized(rows_of(sides.to, sides.class_token), 2);
    posenc::resize(resized, weights, sides.rule(WindowFilter::bicubic));
    MatrixD grid(sides.to.displacements(), 2);
    posenc::resize(
        grid, weights.topRows(sides.from.displacements()),
        posenc::GridResize({2 * sides.from.height() - 1, 2 * sides.from.width() - 1},
                           {2 * sides.to.height() - 1, 2 * sides.to.width() - 1}, posenc::GridFilter::bicubic));
    constexpr double kOrderBound = 32 * 4 * kEpsilon;  // 16 products of weights below 1.2, in two orders
    REQUIRE(distance(resized.topRows(grid.rows()), grid) <= kOrderBound);
  }
}

TEST_CASE("bilinear resize of window tables equals that of BEiT in transformers",
          "[relative_bias][resize_window][accuracy]") {
  const Golden file = golden("relative/window_bilinear.csv");
  for (const char* const n : {"0", "1", "2"}) {
    const auto block = [&](const std::string& name) { return MatrixD(file.block(name + "-" + n).matrix()); };
    const MatrixD sides = block("sides"), weights = block("weights"), expected = block("bias");
    const auto side = [&](Index i) { return static_cast<Index>(sides(0, i)); };
    const WindowResize rule =
        WindowResize(GridShape(side(0), side(0)), GridShape(side(1), side(2)), WindowFilter::bilinear)
            .keep(ClassToken::first);
    MatrixD resized(rows_of(rule.to(), ClassToken::first), weights.cols());
    posenc::resize(resized, weights, rule);
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    posenc::add_window_bias(logits, posenc::make_window_table(resized, rule.to(), ClassToken::first));
    // Four products of weights that sum to 1, in two orders, of values below 2.
    REQUIRE(distance(logits, expected) <= 2 * 8 * kEpsilon);
  }
}

TEST_CASE("resized window tables: same window, class rows, scalars, storage, adjoint",
          "[relative_bias][resize_window][accuracy]") {
  for (const WindowFilter filter : kFilters) {
    for (const Sides& sides : kSides) {
      INFO("filter " << static_cast<int>(filter) << ": " << sides.from.height() << " x " << sides.from.width() << " to "
                     << sides.to.height() << " x " << sides.to.width());
      const WindowResize rule = sides.rule(filter);
      const MatrixD weights = random_matrix(rows_of(sides.from, sides.class_token), 2, 2);
      MatrixD same(weights.rows(), 2);
      posenc::resize(same, weights, WindowResize(sides.from, sides.from, filter).keep(sides.class_token));
      REQUIRE(same_bits(same, weights));

      MatrixD resized(rows_of(sides.to, sides.class_token), 2);
      posenc::resize(resized, weights, rule);
      const Index extra = weights.rows() - sides.from.displacements();
      REQUIRE(same_bits(resized.bottomRows(extra), weights.bottomRows(extra)));
      // A window that is rotated by half a turn gives the result rotated so.
      MatrixD rotated(resized.rows() - extra, 2);
      posenc::resize(rotated, weights.topRows(sides.from.displacements()).colwise().reverse(),
                     WindowResize(sides.from, sides.to, filter));
      constexpr double kOrderBound = 200 * kEpsilon;  // at most 13 x 13 products of weights below 2
      REQUIRE(distance(rotated.colwise().reverse(), resized.topRows(rotated.rows())) <= kOrderBound);
      // A constant stays: the weights of each row sum to 1.
      MatrixD ones(resized.rows(), 2);
      posenc::resize(ones, MatrixD::Ones(weights.rows(), 2), rule);
      REQUIRE(distance(ones, MatrixD::Ones(ones.rows(), 2)) <= kOrderBound);

      const MatrixD grad_out = random_matrix(resized.rows(), 2, 3);
      const MatrixD start = random_matrix(weights.rows(), 2, 4);
      MatrixD gradient = start;
      posenc::resize_backward(gradient, grad_out, rule);
      gradient -= start;
      require_adjoint(dot(resized, grad_out), dot(weights, gradient), absolute_dot(weights, gradient));
    }
  }

  const Sides sides{GridShape(3, 4), GridShape(6, 5), ClassToken::first};
  const WindowResize rule = sides.rule(WindowFilter::geometric);
  const RowMatrix<float> weights = random_matrix<float>(rows_of(sides.from, sides.class_token), 3, 5);
  MatrixD exact(rows_of(sides.to, sides.class_token), 3);
  posenc::resize(exact, weights, rule);
  ColumnMatrix<float> columns(exact.rows(), 3);
  posenc::resize(columns, weights, rule);
  REQUIRE(same_bits(columns, exact.cast<float>()));  // rounded once
  RowMatrix<Eigen::half> around = RowMatrix<Eigen::half>::Zero(exact.rows() + 2, 5);
  posenc::resize(around.block(1, 1, exact.rows(), 3), weights, rule);
  RowMatrix<Eigen::half> halves = RowMatrix<Eigen::half>::Zero(exact.rows() + 2, 5);
  for (Index i = 0; i < exact.rows(); ++i) {
    for (Index j = 0; j < 3; ++j) halves(i + 1, j + 1) = posenc::detail::round_to<Eigen::half>(exact(i, j));
  }
  REQUIRE(same_bits(around, halves));
}

TEST_CASE("a trained Swin table in a larger window keeps what near tokens see",
          "[relative_bias][resize_window][accuracy]") {
  if (skip_without_data("Swin tables")) return;
  const MatrixD weights = read_npy_table(data_dir() + "/tables/swin_ngswin_x2_225x6.npy");
  const GridShape from(8, 8);
  const GridShape to(12, 12);
  MatrixD resized(to.displacements(), weights.cols());
  posenc::resize(resized, weights, WindowResize(from, to, WindowFilter::geometric));
  // The tokens themselves and their neighbors lie on knots 0 and 1, which the spline meets.
  const auto row = [](const GridShape& window, Index down, Index right) {
    return (down + window.height() - 1) * (2 * window.width() - 1) + right + window.width() - 1;
  };
  constexpr double kKnotBound = 64 * kEpsilon;  // weights 1 and 0 but for a few roundings each
  for (const Index down : {-1, 0, 1}) {
    for (const Index right : {-1, 0, 1}) {
      REQUIRE(distance(resized.row(row(to, down, right)), weights.row(row(from, down, right))) <=
              kKnotBound * weights.cwiseAbs().maxCoeff());
    }
  }
}

// SPDX-License-Identifier: MIT
/// Resizing of window bias tables against SciPy and the tested resize of grids, with the adjoints.

#include "posenc/learnable/resize.hpp"
#include "relative_bias/npy.hpp"
#include "relative_bias/support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using namespace posenc_tests;
using posenc::ClassToken;
using posenc::WindowResize;
using posenc::WindowShape;

namespace {

struct Rule {
  std::string name;
  std::function<void(MatrixD&, const MatrixD&, const WindowResize&)> forward;
  std::function<void(MatrixD&, const MatrixD&, const WindowResize&)> backward;
};

const std::vector<Rule> kRules = {
    {"bicubic", [](MatrixD& o, const MatrixD& w, const WindowResize& r) { posenc::resize_window_bicubic(o, w, r); },
     [](MatrixD& g, const MatrixD& o, const WindowResize& r) { posenc::resize_window_bicubic_backward(g, o, r); }},
    {"geometric", [](MatrixD& o, const MatrixD& w, const WindowResize& r) { posenc::resize_window_geometric(o, w, r); },
     [](MatrixD& g, const MatrixD& o, const WindowResize& r) { posenc::resize_window_geometric_backward(g, o, r); }},
    {"geometric_linear",
     [](MatrixD& o, const MatrixD& w, const WindowResize& r) { posenc::resize_window_geometric_linear(o, w, r); },
     [](MatrixD& g, const MatrixD& o, const WindowResize& r) {
       posenc::resize_window_geometric_linear_backward(g, o, r);
     }}};

const std::vector<WindowResize> kResizes = {
    {{3, 3}, {5, 5}}, {{5, 5}, {3, 3}}, {{4, 3}, {4, 6}}, {{3, 7}, {2, 1}}, {{3, 4}, {6, 5}, ClassToken::first}};

Index rows_of(const WindowShape& window, const WindowResize& resize) {
  return window.displacements() + (resize.class_token == ClassToken::first ? 3 : 0);
}

}  // namespace

TEST_CASE("geometric resize of window tables equals SciPy's") {
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
    const WindowResize resize{{sides[0], sides[1]}, {sides[2], sides[3]}};
    MatrixD weights(resize.from.displacements(), 1);
    for (Index m = 0; m < weights.rows(); ++m) {
      weights(m, 0) = std::sin(0.7 * static_cast<double>(m)) + 0.01 * static_cast<double>(m);
    }
    MatrixD resized(resize.to.displacements(), 1);
    if (name.rfind("spline", 0) == 0) {
      posenc::resize_window_geometric(resized, weights, resize);
    } else {
      posenc::resize_window_geometric_linear(resized, weights, resize);
    }
    const Eigen::Map<const MatrixD> expected(block.values.data(), resized.rows(), 1);
    REQUIRE(distance(resized, expected) <= kGeometricBound * expected.cwiseAbs().maxCoeff());
    ++compared;
  }
  REQUIRE(compared == 10);
}

TEST_CASE("bicubic resize of window tables is that of grids, which equals PyTorch's") {
  for (const WindowResize& resize : kResizes) {
    const MatrixD weights = random_matrix(rows_of(resize.from, resize), 2, 1);
    MatrixD resized(rows_of(resize.to, resize), 2);
    posenc::resize_window_bicubic(resized, weights, resize);
    MatrixD grid(resize.to.displacements(), 2);
    posenc::resize(grid, weights.topRows(resize.from.displacements()),
                   posenc::GridResize({2 * resize.from.height - 1, 2 * resize.from.width - 1},
                                      {2 * resize.to.height - 1, 2 * resize.to.width - 1}, posenc::Filter::bicubic));
    constexpr double kOrderBound = 32 * 4 * kEpsilon;  // 16 products of weights below 1.2, in two orders
    REQUIRE(distance(resized.topRows(grid.rows()), grid) <= kOrderBound);
  }
}

TEST_CASE("resized window tables: same window, class rows, scalars, storage, adjoint") {
  for (const Rule& rule : kRules) {
    for (const WindowResize& resize : kResizes) {
      INFO(rule.name << ": " << resize.from.height << " x " << resize.from.width << " to " << resize.to.height << " x "
                     << resize.to.width);
      const MatrixD weights = random_matrix(rows_of(resize.from, resize), 2, 2);
      MatrixD same(weights.rows(), 2);
      rule.forward(same, weights, {resize.from, resize.from, resize.class_token});
      REQUIRE(same_bits(same, weights));

      MatrixD resized(rows_of(resize.to, resize), 2);
      rule.forward(resized, weights, resize);
      const Index extra = weights.rows() - resize.from.displacements();
      REQUIRE(same_bits(resized.bottomRows(extra), weights.bottomRows(extra)));
      // Turning the window round turns the result round.
      MatrixD turned(resized.rows() - extra, 2);
      rule.forward(turned, weights.topRows(resize.from.displacements()).colwise().reverse(), {resize.from, resize.to});
      constexpr double kOrderBound = 200 * kEpsilon;  // at most 13 x 13 products of weights below 2
      REQUIRE(distance(turned.colwise().reverse(), resized.topRows(turned.rows())) <= kOrderBound);
      // A constant stays: the weights of each row sum to 1.
      MatrixD ones(resized.rows(), 2);
      rule.forward(ones, MatrixD::Ones(weights.rows(), 2), resize);
      REQUIRE(distance(ones, MatrixD::Ones(ones.rows(), 2)) <= kOrderBound);

      const MatrixD grad_out = random_matrix(resized.rows(), 2, 3);
      const MatrixD start = random_matrix(weights.rows(), 2, 4);
      MatrixD gradient = start;
      rule.backward(gradient, grad_out, resize);
      gradient -= start;
      require_adjoint(dot(resized, grad_out), dot(weights, gradient), absolute_dot(weights, gradient));
    }
  }

  const WindowResize resize{{3, 4}, {6, 5}, ClassToken::first};
  const RowMatrix<float> weights = random_matrix<float>(rows_of(resize.from, resize), 3, 5);
  MatrixD exact(rows_of(resize.to, resize), 3);
  posenc::resize_window_geometric(exact, weights, resize);
  ColumnMatrix<float> columns(exact.rows(), 3);
  posenc::resize_window_geometric(columns, weights, resize);
  REQUIRE(same_bits(columns, exact.cast<float>()));  // rounded once
  RowMatrix<Eigen::half> around = RowMatrix<Eigen::half>::Zero(exact.rows() + 2, 5);
  posenc::resize_window_geometric(around.block(1, 1, exact.rows(), 3), weights, resize);
  RowMatrix<Eigen::half> halves = RowMatrix<Eigen::half>::Zero(exact.rows() + 2, 5);
  for (Index i = 0; i < exact.rows(); ++i) {
    for (Index j = 0; j < 3; ++j) halves(i + 1, j + 1) = posenc::detail::round_to<Eigen::half>(exact(i, j));
  }
  REQUIRE(same_bits(around, halves));
}

TEST_CASE("a trained Swin table in a larger window keeps what near tokens see") {
  if (skip_without_data("Swin tables")) return;
  const MatrixD weights = read_npy_table(data_dir() + "/tables/swin_ngswin_x2_225x6.npy");
  const WindowResize resize{{8, 8}, {12, 12}};
  MatrixD resized(resize.to.displacements(), weights.cols());
  posenc::resize_window_geometric(resized, weights, resize);
  // The tokens themselves and their neighbours lie on knots 0 and 1, which the spline meets.
  const auto row = [](const WindowShape& window, Index down, Index right) {
    return (down + window.height - 1) * (2 * window.width - 1) + right + window.width - 1;
  };
  constexpr double kKnotBound = 64 * kEpsilon;  // weights 1 and 0 but for a few roundings each
  for (const Index down : {-1, 0, 1}) {
    for (const Index right : {-1, 0, 1}) {
      REQUIRE(distance(resized.row(row(resize.to, down, right)), weights.row(row(resize.from, down, right))) <=
              kKnotBound * weights.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("window tables of wrong shapes are not resized") {
  const MatrixD weights = random_matrix(9, 1, 6);
  MatrixD out = MatrixD::Constant(25, 1, 4.5);
  const auto refused = [&](const std::string& expected, const std::function<void()>& call) {
    std::string message;
    try {
      call();
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    INFO(message);
    REQUIRE(message == expected);
    REQUIRE(same_bits(out, MatrixD::Constant(25, 1, 4.5)));
  };
  refused("posenc::resize_window_geometric: resize.from.height must be at least 3 where it changes, got 2", [&] {
    posenc::resize_window_geometric(out, weights, {{2, 2}, {3, 3}});
  });
  refused("posenc::resize_window_geometric_backward: resize.from.width must be at least 3 where it changes, got 2",
          [&] {
            posenc::resize_window_geometric_backward(out, weights, {{3, 2}, {3, 3}});
          });
  refused("posenc::resize_window_bicubic: resize.to.width must be > 0 and at most 1048576, got 0", [&] {
    posenc::resize_window_bicubic(out, weights, {{2, 2}, {3, 0}});
  });
  refused("posenc::resize_window_bicubic: weights.rows() must be 12, got 9", [&] {
    posenc::resize_window_bicubic(out, weights, {{2, 2}, {3, 3}, ClassToken::first});
  });
  refused("posenc::resize_window_geometric_linear: out_weights.rows() must be 49, got 25", [&] {
    posenc::resize_window_geometric_linear(out, weights, {{2, 2}, {4, 4}});
  });
  refused("posenc::resize_window_bicubic_backward: grad_weights.cols() must be 2, got 1", [&] {
    posenc::resize_window_bicubic_backward(out, MatrixD::Ones(9, 2), {{3, 3}, {2, 2}});
  });
  refused("posenc::resize_window_bicubic: out_weights must be disjoint from what is read, got overlapping memory", [&] {
    posenc::resize_window_bicubic(out.topRows(9), out, {{3, 3}, {2, 2}});
  });
}

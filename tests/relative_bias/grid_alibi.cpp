// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"
#include "relative_bias/window_support.hpp"

using namespace posenc_tests;
using posenc::GridDistance;
using posenc::GridShape;
using posenc::WindowTable;

TEST_CASE("ALiBi on a grid, and the gradient of its slopes", "[relative_bias][grid_alibi][accuracy]") {
  const MatrixD slopes = random_matrix(2, 2, 90);
  for (const GridShape& window : kWindows) {
    for (const GridDistance form : {GridDistance::manhattan, GridDistance::euclidean}) {
      const auto table = posenc::make_alibi_table<double>(slopes, window, form);
      MatrixD bias = MatrixD::Zero(4 * window.tokens(), window.tokens());
      posenc::add_window_bias(bias, table);
      for (Index h = 0; h < 4; ++h) {
        for (Index t = 0; t < window.tokens(); ++t) {
          for (Index u = 0; u < window.tokens(); ++u) {
            const double rows = std::abs(static_cast<double>(t / window.width() - u / window.width()));
            const double columns = std::abs(static_cast<double>(t % window.width() - u % window.width()));
            const double far =
                form == GridDistance::manhattan ? rows + columns : std::sqrt(rows * rows + columns * columns);
            const double expected = -slopes(h % 2, h / 2) * far;
            REQUIRE(std::abs(bias(h * window.tokens() + t, u) - expected) <= 4 * kEpsilon * std::abs(expected));
          }
        }
      }
      WindowTable<double> grad(4, window);
      grad.values() = random_matrix(4, window.displacements(), 91).array();
      MatrixD gradient = MatrixD::Zero(2, 2);
      posenc::alibi_table_backward(gradient, grad, form);
      require_adjoint(dot(table.values(), grad.values()), dot(slopes, gradient),
                      absolute_dot(table.values(), grad.values()));
    }
  }
}

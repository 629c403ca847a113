// SPDX-License-Identifier: MIT
#include "relative_bias/mlp_support.hpp"
#include "relative_bias/support.hpp"
#include "relative_bias/window_support.hpp"

#include <optional>

using namespace posenc_tests;
using posenc::BiasMlp;
using posenc::GridShape;
using posenc::WindowTable;

TEST_CASE("Swin v2: the network of log-spaced displacements, and its gradient", "[relative_bias][swin_v2][accuracy]") {
  // A network of 2 -> 7 -> 2 without a last bias, as cpb_mlp.
  BiasMlp<double> mlp;
  mlp.layers.push_back({random_matrix(7, 2, 80), random_matrix(7, 1, 81)});
  mlp.layers.push_back({random_matrix(2, 7, 82), {}});
  for (const GridShape& window : kWindows) {
    for (const std::optional<GridShape>& pretrained :
         {std::optional<GridShape>(), std::optional<GridShape>(GridShape(4, 7)),
          std::optional<GridShape>(GridShape(2, 3))}) {
      const GridShape trained = pretrained.value_or(window);
      INFO(window.height() << " x " << window.width() << " from " << trained.height() << " x " << trained.width());
      const auto coordinate = [](Index query_minus_key, Index trained_side) {
        const double reach = static_cast<double>(trained_side - 1);
        if (query_minus_key == 0) return 0.0;
        const double y = static_cast<double>(query_minus_key) / reach * 8;
        return (y < 0 ? -1 : 1) * std::log2(std::abs(y) + 1) / std::log2(8.0);
      };
      const auto table = posenc::make_swin_v2_table(mlp, window, pretrained);
      MatrixD bias = MatrixD::Zero(2 * window.tokens(), window.tokens());
      posenc::add_window_bias(bias, table);
      for (Index h = 0; h < 2; ++h) {
        for (Index t = 0; t < window.tokens(); ++t) {
          for (Index u = 0; u < window.tokens(); ++u) {
            const double row = coordinate(t / window.width() - u / window.width(), trained.height());
            const double column = coordinate(t % window.width() - u % window.width(), trained.width());
            double sum = 0;
            for (Index k = 0; k < 7; ++k) {
              const auto& first = mlp.layers[0];
              const double hidden = first.weight(k, 0) * row + first.weight(k, 1) * column + first.bias(k);
              sum += mlp.layers[1].weight(h, k) * std::max(hidden, 0.0);
            }
            constexpr double kSwinBound = 16 * 60 * kEpsilon;  // 16 times a sum of seven products below 4
            REQUIRE(std::abs(bias(h * window.tokens() + t, u) - 16 / (1 + std::exp(-sum))) <= kSwinBound);
          }
        }
      }

      WindowTable<double> grad(2, window);
      grad.values() = random_matrix(2, window.displacements(), 83).array();
      BiasMlp<double> gradient = mlp.zeros();
      posenc::swin_v2_table_backward(gradient, grad, mlp, pretrained);
      const auto value = [&] {
        return dot(posenc::make_swin_v2_table(mlp, window, pretrained).values(), grad.values());
      };
      const double size = 8 * absolute_dot(table.values(), grad.values());  // inputs up to 2, cubed
      require_gradient(value, mlp.layers[0].weight, gradient.layers[0].weight, size);
      require_gradient(value, mlp.layers[0].bias, gradient.layers[0].bias, size);
      require_gradient(value, mlp.layers[1].weight, gradient.layers[1].weight, size);
    }
  }
}

TEST_CASE("the bias of Swin v2 equals timm's", "[relative_bias][swin_v2][accuracy]") {
  const Golden file = golden("relative/mlp.csv");
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const BiasMlp<double> mlp = golden_mlp(file, "swin-" + n, posenc::Activation::relu);
    const auto shape = [&](const std::string& name) {
      const auto sides = file.block("swin-" + n + name).values;
      return sides[0] == 0
                 ? std::nullopt
                 : std::optional<GridShape>(GridShape(static_cast<Index>(sides[0]), static_cast<Index>(sides[1])));
    };
    const GridShape window = *shape("-window");
    MatrixD logits = MatrixD::Zero(mlp.outputs() * window.tokens(), window.tokens());
    posenc::add_window_bias(logits, posenc::make_swin_v2_table(mlp, window, shape("-pretrained")));
    REQUIRE(distance(logits, file.block("swin-" + n + "-bias").matrix()) <=
            4 * float_inputs_bound(mlp));  // the slope of 16 sigmoid is at most 4
  }
}

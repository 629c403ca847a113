// SPDX-License-Identifier: MIT
/// One row has the bits of many: what a distance, a displacement or a query gets does not depend on which others are asked
/// for with it.
#include "relative_bias/support.hpp"

#include <optional>
#include <vector>

using namespace posenc_tests;
using posenc::Activation;
using posenc::AttentionSpan;
using posenc::BiasMlp;
using posenc::DistanceInput;
using posenc::DistanceRange;
using posenc::GridShape;

namespace {

/// A network of these widths, with layer norms before the activations or without.
template <typename Scalar>
BiasMlp<Scalar> network(const std::vector<Index>& widths, Activation activation, bool normed) {
  BiasMlp<Scalar> mlp;
  mlp.activation = activation;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    const Index width = widths[k + 1];
    posenc::MlpLayer<Scalar> layer;
    layer.weight = random_matrix<Scalar>(width, widths[k], 700 + k);
    if (k > 0) layer.bias = random_matrix<Scalar>(width, 1, 710 + k);
    if (normed && k + 2 < widths.size()) {
      layer.norm = posenc::LayerNorm<Scalar>{random_matrix<Scalar>(width, 1, 720 + k), layer.bias, 1e-5};
    }
    mlp.layers.push_back(layer);
  }
  return mlp;
}

/// Widths that fill no vector, and others that fill some.
template <typename Scalar, typename Check>
void for_each_network(Index inputs, const Check& check) {
  for (const std::vector<Index>& widths : std::vector<std::vector<Index>>{{inputs, 33, 8}, {inputs, 7, 19, 3}}) {
    for (const Activation activation : {Activation::relu, Activation::silu}) {
      for (const bool normed : {false, true}) check(network<Scalar>(widths, activation, normed));
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("networks: one distance has the bits of many", "[relative_bias][mlp_table]", float, double) {
  using Scalar = TestType;
  for_each_network<Scalar>(1, [](const BiasMlp<Scalar>& mlp) {
    for (const DistanceInput input : {DistanceInput::linear, DistanceInput::logarithmic}) {
      const auto many = posenc::make_mlp_table(mlp, DistanceRange(-40, 40), input);
      for (Index first = -40; first <= 40; first += 3) {
        for (const Index count : {1, 2, 3, 37}) {
          if (first + count > 41) continue;
          const auto few = posenc::make_mlp_table(mlp, DistanceRange(first, first + count - 1), input);
          REQUIRE(same_bits(few.values(), many.values().middleCols(first + 40, count)));
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("networks: a displacement has the same bits in every window", "[relative_bias][mlp_table][swin_v2]",
                   float, double) {
  using Scalar = TestType;
  const GridShape large(7, 6), trained(5, 9);
  for_each_network<Scalar>(2, [&](const BiasMlp<Scalar>& mlp) {
    const auto in_large = posenc::make_mlp_table(mlp, large, DistanceInput::linear);
    const auto swin_in_large = posenc::make_swin_v2_table(mlp, large, trained);
    for (const GridShape& window : {GridShape(1, 1), GridShape(2, 5), GridShape(7, 2), GridShape(6, 6)}) {
      const auto in_window = posenc::make_mlp_table(mlp, window, DistanceInput::linear);
      const auto swin_in_window = posenc::make_swin_v2_table(mlp, window, trained);
      for (Index m = 0; m < window.displacements(); ++m) {
        const Index across = 2 * window.width() - 1;
        const Index rows = m / across - (window.height() - 1), columns = m % across - (window.width() - 1);
        const Index at = (rows + large.height() - 1) * (2 * large.width() - 1) + columns + large.width() - 1;
        REQUIRE(same_bits(in_window.values().col(m), in_large.values().col(at)));
        REQUIRE(same_bits(swin_in_window.values().col(m), swin_in_large.values().col(at)));
      }
    }
  });
}

TEMPLATE_TEST_CASE("FIRE: one query has the bits of many, on either side of the threshold", "[relative_bias][fire]",
                   float, double) {
  using Scalar = TestType;
  constexpr Index kLength = 41;
  for_each_network<Scalar>(1, [](const BiasMlp<Scalar>& mlp) {
    posenc::Fire<Scalar> fire;
    fire.mlp = mlp;
    fire.initial_length = 13;
    const Index heads = mlp.outputs();
    RowMatrix<Scalar> many = RowMatrix<Scalar>::Zero(heads * kLength, kLength);
    posenc::add_fire_bias(many, fire, AttentionSpan::square(kLength));
    for (Index first = 0; first < kLength; ++first) {
      for (const Index count : {1, 5}) {
        if (first + count > kLength) continue;
        const auto span = AttentionSpan::at(posenc::PositionRange(first, count), kLength);
        RowMatrix<Scalar> few = RowMatrix<Scalar>::Zero(heads * count, kLength);
        ColumnMatrix<Scalar> by_columns = few;
        posenc::add_fire_bias(few, fire, span);
        posenc::add_fire_bias(by_columns, fire, span);
        REQUIRE(same_bits(by_columns, few));
        for (Index head = 0; head < heads; ++head) {
          REQUIRE(same_bits(few.middleRows(head * count, count), many.middleRows(head * kLength + first, count)));
        }
      }
    }
  });
}

// SPDX-License-Identifier: MIT
/// One row has the bits of many: what a distance, a displacement or a query gets does not depend on which others are asked
/// for with it.
#include "relative_bias/schemes.hpp"

#include <limits>
#include <type_traits>
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

/// Schemes that multiply blocks of queries with a table: Eigen's products add their terms in an order that follows the
/// shape.
template <typename Scheme>
inline constexpr bool has_products =
    std::is_same_v<Scheme, schemes::Shaw> || std::is_same_v<Scheme, schemes::Relative> ||
    std::is_same_v<Scheme, schemes::TransformerXl> || std::is_same_v<Scheme, schemes::Deberta> ||
    std::is_same_v<Scheme, schemes::Cope> || std::is_same_v<Scheme, schemes::Banded>;

/// Of the sum of the sizes of the terms, those schemes promise this much: two orders of head_dim products, and the two
/// sums that they go into.
template <typename Scalar>
constexpr double product_bound = 2 * (schemes::kHeadDim + 2) *
                                 static_cast<double>(std::numeric_limits<Scalar>::epsilon());

TEMPLATE_TEST_CASE("biases: one query has the bits of many, or those of another order of its products",
                   "[relative_bias][one_row][accuracy]", float, double) {
  using Scalar = TestType;
  const AttentionSpan whole = AttentionSpan::cached(45, 47);
  schemes::for_each_scheme([&](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    INFO(Scheme::name);
    const auto parameters = schemes::random_parameters<Scheme, Scalar>(scheme, whole, 1, true, 800);
    const auto many = schemes::bias_of(scheme, whole, 1, parameters);
    const RowMatrix<Scalar> sizes = schemes::bias_of(scheme, whole, 1, schemes::sizes_of(parameters)).cwiseAbs();
    for (const Index count : {1, 2, 5, 33}) {
      for (Index first = 0; first + count <= whole.query_len(); first += 2) {
        const auto span =
            AttentionSpan::at(posenc::PositionRange(whole.query_offset() + first, count), whole.key_len());
        auto of_chunk = parameters;
        const auto shapes = Scheme::shapes(whole);
        for (std::size_t i = 0; i < shapes.size(); ++i) {
          if (shapes[i].kind == schemes::Rows::query) of_chunk[i] = parameters[i].middleRows(first, count).eval();
        }
        const auto few = schemes::bias_of(scheme, span, 1, of_chunk);
        if constexpr (has_products<Scheme>) {
          const auto differences = (few - many.middleRows(first, count)).cwiseAbs().template cast<double>();
          REQUIRE((differences.array() <=
                   product_bound<Scalar> * sizes.middleRows(first, count).template cast<double>().array())
                      .all());
        } else {
          REQUIRE(same_bits(few, many.middleRows(first, count)));
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("Shaw's values: one query has those of another order of its products", "[relative_bias][one_row]",
                   float, double) {
  using Scalar = TestType;
  const AttentionSpan whole = AttentionSpan::cached(45, 47);
  const auto clip = posenc::DistanceClip::symmetric(8);
  const auto values = [&](const RowMatrix<Scalar>& table, const RowMatrix<Scalar>& weights, const AttentionSpan& span) {
    RowMatrix<Scalar> out = RowMatrix<Scalar>::Zero(weights.rows(), table.cols());
    posenc::Workspace<Scalar> workspace;
    posenc::add_shaw_values(out, posenc::ShawValues(table, clip), weights, span, workspace);
    return out;
  };
  const RowMatrix<Scalar> table = random_matrix<Scalar>(clip.rows(), 5, 840);
  const RowMatrix<Scalar> weights = random_matrix<Scalar>(45, 47, 841).cwiseAbs();
  const auto many = values(table, weights, whole);
  const auto sizes = values(table.cwiseAbs(), weights, whole);
  const Scalar bound = static_cast<Scalar>(2 * (clip.rows() + 2)) * std::numeric_limits<Scalar>::epsilon();
  for (Index i = 0; i < 45; ++i) {
    const auto span = AttentionSpan::at(posenc::PositionRange(whole.query_offset() + i, 1), 47);
    const auto one = values(table, weights.row(i), span);
    REQUIRE(((one - many.row(i)).array().abs() <= bound * sizes.row(i).array()).all());
  }
}

TEMPLATE_TEST_CASE("tables by distance: one distance has the bits of many", "[relative_bias][one_row]", float, double) {
  using Scalar = TestType;
  const DistanceRange all(-40, 40);
  const Eigen::Array<Scalar, 3, 1> p(Scalar(0.3), Scalar(0.75), Scalar(1.9));
  const auto order = posenc::ChannelOrder::interleaved;
  const auto frequencies = posenc::geometric_frequencies(38, 10000.0);
  const auto make = [&](const DistanceRange& range) {
    RowMatrix<Scalar> rows(range.size(), 3 * 4 + 38);
    rows << posenc::make_alibi_table<Scalar>(p, range, posenc::AlibiForm::symmetric).values().matrix().transpose(),
        posenc::make_kerple_table<Scalar>(posenc::KerpleA(p), posenc::KerpleP(p), range,
                                          posenc::KerpleKernel::logarithmic)
            .values()
            .matrix()
            .transpose(),
        posenc::make_kerple_table<Scalar>(posenc::KerpleA(p), posenc::KerpleP(p), range, posenc::KerpleKernel::power)
            .values()
            .matrix()
            .transpose(),
        posenc::make_sandwich_table<Scalar>(3, 38, range, 10000.0).values().matrix().transpose(),
        posenc::make_relative_sinusoids<Scalar>(range, frequencies, order);
    return rows;
  };
  const auto many = make(all);
  for (Index first = -40; first <= 40; first += 3) {
    for (const Index count : {1, 2, 3, 37}) {
      if (first + count > 41) continue;
      REQUIRE(same_bits(make(DistanceRange(first, first + count - 1)), many.middleRows(first + 40, count)));
    }
  }
}

TEMPLATE_TEST_CASE("forgetting: sums of a chunk that follows are those of the whole", "[relative_bias][one_row]", float,
                   double) {
  using Scalar = TestType;
  const RowMatrix<Scalar> gates = random_matrix<Scalar>(41, 3, 830) * Scalar(4);
  const auto many = posenc::forgetting_sums(gates);
  for (const Index first : {1, 7, 16, 40}) {
    const RowMatrix<Scalar> head = gates.topRows(first), rest = gates.bottomRows(41 - first);
    REQUIRE(same_bits(posenc::forgetting_sums(head), many.topRows(first)));
    const auto following = posenc::forgetting_sums(rest, many.row(first - 1));
    // The sums before are rounded to the scalar where they are kept, and so are the sums of both: an ulp of the
    // largest.
    const double bound = std::is_same_v<Scalar, double> ? 0 : 0x1p-24 * 2 * std::abs(double(many.minCoeff()));
    REQUIRE((following - many.bottomRows(41 - first)).abs().maxCoeff() <= bound);
  }
}

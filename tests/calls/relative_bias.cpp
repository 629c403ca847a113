// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <optional>
#include <vector>

using namespace posenc;
using namespace posenc_tests;

namespace {

constexpr Eigen::Index kLen = 3, kHeads = 2, kHeadDim = 4;

/// f with a workspace behind its arguments, which it writes to.
template <typename F>
auto with_workspace(F f) {
  return [f](auto&&... a) {
    Workspace<float> workspace;
    f(std::forward<decltype(a)>(a)..., workspace);
  };
}

/// Sums that begin at 0: f writes them, and they are what it returns.
template <typename Sums, typename F>
auto summed(const Sums& zero, F f) {
  return [zero, f](auto&&... a) {
    Sums sums = zero;
    f(sums, std::forward<decltype(a)>(a)...);
    return sums;
  };
}

/// Weights and biases of a network, for comparing.
template <typename F>
auto parameters(F f) {
  return [f](auto&&... a) {
    const auto layer = f(std::forward<decltype(a)>(a)...).layers[0];
    return std::make_pair(layer.weight, layer.bias);
  };
}

BiasMlp<float> network(Eigen::Index inputs) {
  BiasMlp<float> mlp;
  MlpLayer<float> layer;
  layer.weight = numbers(5, inputs);
  layer.bias = numbers(5, 1).col(0);
  layer.norm = posenc::LayerNorm<float>{numbers(5, 1).col(0), {}, 1e-5};
  mlp.layers.push_back(layer);
  layer.norm.reset();
  layer.weight = numbers(kHeads, 5, 0.9);
  layer.bias = numbers(kHeads, 1).col(0);
  mlp.layers.push_back(layer);
  return mlp;
}

}  // namespace

TEST_CASE("every form of argument: biases by distance", "[calls][relative_bias]") {
  const auto span = AttentionSpan::square(kLen);
  const DistanceRange distances = span.distances();
  const M zero = M::Zero(kHeads * kLen, kLen), grad = numbers(kHeads * kLen, kLen);
  const auto slopes = alibi_slopes(kHeads);
  CHECK(differs(CALL(alibi_slopes), kHeads, 8.0) == "");
  CHECK(differs(CALL(make_alibi_table<float>), slopes, distances, AlibiForm::symmetric) == "");
  CHECK(differs(CALL(make_alibi_table<float>), slopes, slopes, distances) == "");
  const auto table = make_alibi_table<float>(slopes, distances, AlibiForm::symmetric);
  CHECK(differs_written(zero, CALL(add_distance_bias), table, span) == "");
  CHECK(differs_written(M::Zero(kLen, kLen), CALL(add_distance_bias), table.head(1), span) == "");
  const DistanceTable<float> no_sums(kHeads, distances);
  CHECK(differs(summed(no_sums, CALL(distance_bias_backward)), grad, span) == "");
  const M row_gates = numbers(kHeads * kLen, 1);
  CHECK(differs_written(zero, CALL(add_distance_bias), table, span, row_gates) == "");
  const auto gated = [&](auto&&... a) {
    DistanceTable<float> sums = no_sums;
    M grad_gates = M::Zero(kHeads * kLen, 1);
    CALL(distance_bias_backward)(sums, grad_gates, std::forward<decltype(a)>(a)...);
    return std::make_pair(sums, grad_gates);
  };
  CHECK(differs(gated, grad, table, span, row_gates) == "");
  DistanceTable<float> grad_table(kHeads, distances);
  distance_bias_backward(grad_table, grad, span);
  CHECK(differs_written(M::Zero(kHeads, 1), CALL(alibi_table_backward), grad_table, AlibiForm::symmetric) == "");
  const auto two_slopes = [](auto&&... a) {
    M left = M::Zero(kHeads, 1), right = left;
    CALL(alibi_table_backward)(left, right, std::forward<decltype(a)>(a)...);
    return std::make_pair(left, right);
  };
  CHECK(differs(two_slopes, grad_table) == "");

  const Eigen::ArrayXf a = Eigen::ArrayXf::Constant(kHeads, 0.5f), p = Eigen::ArrayXf::Constant(kHeads, 1.5f);
  CHECK(differs(CALL(make_kerple_table<float>), KerpleA(a), KerpleP(p), distances, KerpleKernel::power) == "");
  const auto kerple = [](auto&&... arguments) {
    M grad_a = M::Zero(kHeads, 1), grad_p = grad_a;
    CALL(kerple_table_backward)(KerpleA(grad_a), KerpleP(grad_p), std::forward<decltype(arguments)>(arguments)...);
    return std::make_pair(grad_a, grad_p);
  };
  CHECK(differs(kerple, grad_table, KerpleA(a), KerpleP(p), KerpleKernel::power) == "");
  const M weights = numbers(32, kHeads);
  const T5Buckets buckets(32, 128, true);
  CHECK(differs(CALL(make_t5_table), weights, buckets, distances) == "");
  CHECK(differs_written(M::Zero(32, kHeads), CALL(t5_table_backward), grad_table, buckets) == "");
  CHECK(differs(CALL(make_sandwich_table<float>), kHeads, 8, distances, 1e4) == "");

  const std::vector<int> at = {4, 0, 9};
  const SegmentPairs pairs(at, at);
  const M bucket_weights = numbers(33, kHeads);
  CHECK(differs_written(zero, CALL(add_bucket_bias), weights, buckets, at, PositionRange(2, kLen)) == "");
  CHECK(differs_written(zero, CALL(add_bucket_bias), bucket_weights, buckets, at, at, pairs) == "");
  CHECK(differs_written(M::Zero(32, kHeads), CALL(bucket_bias_backward), grad, buckets, at, at) == "");
  CHECK(differs_written(M::Zero(33, kHeads), CALL(bucket_bias_backward), grad, buckets, at, at, pairs) == "");

  const BiasMlp<float> mlp = network(1);
  CHECK(differs(CALL(make_mlp_table), mlp, distances, DistanceInput::logarithmic) == "");
  CHECK(differs(parameters(summed(mlp.zeros(), CALL(mlp_table_backward))), grad_table, mlp,
                DistanceInput::logarithmic) == "");
  Fire<float> fire;
  fire.mlp = mlp;
  fire.c = 0.1f;
  fire.length_multiplier = 1;
  fire.initial_length = 2;
  CHECK(differs_written(zero, CALL(add_fire_bias), fire, span) == "");
  const auto fire_gradient = [&](auto&&... arguments) {
    Fire<float> sums = fire.zeros();
    CALL(fire_bias_backward)(sums, std::forward<decltype(arguments)>(arguments)...);
    return std::make_pair(sums.mlp.layers[0].weight, sums.c);
  };
  CHECK(differs(fire_gradient, grad, fire, span) == "");

  const M gates = numbers(kLen, kHeads);
  const Eigen::ArrayXd before = Eigen::ArrayXd::Constant(kHeads, -0.5);
  CHECK(differs(CALL(forgetting_sums), gates, before) == "");
  CHECK(differs(CALL(forgetting_sums), gates) == "");
  CHECK(differs_written(M::Zero(kLen, kHeads), CALL(forgetting_sums_backward), numbers(kLen, kHeads, 0.7), gates) ==
        "");
  const auto sums = forgetting_sums(gates);
  CHECK(differs_written(zero, CALL(add_forgetting_bias), sums, span) == "");
  CHECK(differs_written(M::Zero(kLen, kHeads), CALL(forgetting_bias_backward), grad, span) == "");
}

TEST_CASE("every form of argument: biases of windows", "[calls][relative_bias]") {
  const GridShape window(2, 2);
  const auto slopes = alibi_slopes(kHeads);
  CHECK(differs(CALL(window_index), window) == "");
  CHECK(differs(CALL(make_alibi_table<float>), slopes, window, GridDistance::euclidean) == "");
  const M weights = numbers(window.displacements(), kHeads);
  CHECK(differs(CALL(make_window_table), weights, window, ClassToken::none) == "");
  const auto table = make_window_table(weights, window);
  CHECK(differs_written(M::Zero(kHeads * 4, 4), CALL(add_window_bias), table) == "");
  const auto tables = make_window_table(numbers(3 * window.displacements(), kHeads), 2, window);
  CHECK(differs_written(M::Zero(kHeads * 8, 8), CALL(add_window_bias), tables) == "");
  CHECK(differs_written(M::Zero(4, 4), CALL(add_window_bias), table.head(1)) == "");
  const WindowTable<float> no_sums(kHeads, window);
  CHECK(differs(summed(no_sums, CALL(window_bias_backward)), numbers(kHeads * 4, 4)) == "");
  CHECK(differs_written(M::Zero(weights.rows(), kHeads), CALL(window_table_backward), table) == "");
  CHECK(differs_written(M::Zero(kHeads, 1), CALL(alibi_table_backward), table, GridDistance::euclidean) == "");
  const WindowResize rule(window, GridShape(3, 3), WindowFilter::bicubic);
  CHECK(differs_written(M::Zero(25, kHeads), CALL(resize), weights, rule) == "");
  CHECK(differs_written(M::Zero(9, kHeads), CALL(resize_backward), numbers(25, kHeads), rule) == "");
  const BiasMlp<float> mlp = network(2);
  const std::optional<GridShape> pretrained = window;
  CHECK(differs(CALL(make_swin_v2_table), mlp, window, pretrained) == "");
  CHECK(differs(CALL(make_swin_v2_table), mlp, window, std::nullopt) == "");
  CHECK(differs(CALL(make_mlp_table), mlp, window, DistanceInput::logarithmic) == "");
  CHECK(differs(parameters(summed(mlp.zeros(), CALL(swin_v2_table_backward))), table, mlp, pretrained) == "");
  CHECK(differs(parameters(summed(mlp.zeros(), CALL(mlp_table_backward))), table, mlp, DistanceInput::linear) == "");
}

TEST_CASE("every form of argument: logits by content", "[calls][relative_bias]") {
  const auto span = AttentionSpan::square(kLen);
  const Eigen::Index rows = kHeads * kLen;
  const M q = numbers(rows, kHeadDim), k = numbers(rows, kHeadDim, 0.7), zero = M::Zero(rows, kLen);
  const M grad = numbers(rows, kLen, 0.2);
  const auto attention = ContentAttention(q, k, 0.5f, span);
  M grad_q = q, grad_k = k, grad_table = q, grad_u = q, grad_v = q, grad_logits = grad;
  const auto gradients = [&](auto f) {
    return [&, f](auto&&... a) {
      for (M* const x : {&grad_q, &grad_k, &grad_table, &grad_u, &grad_v}) x->setZero();
      grad_logits = grad;
      Workspace<float> workspace;
      f(std::forward<decltype(a)>(a)..., workspace);
      return std::array<M, 6>{grad_q, grad_k, grad_table, grad_u, grad_v, grad_logits};
    };
  };
  const auto clip = DistanceClip::symmetric(1);
  const M clipped = numbers(clip.rows(), kHeadDim, 0.4), by_distance = numbers(span.distances().size(), kHeadDim, 0.5);

  grad_table = clipped;
  const ShawKeys shaw(clipped, clip);
  CHECK(differs_written(zero, with_workspace(CALL(add_shaw_logits)), shaw, attention) == "");
  CHECK(differs(gradients(CALL(shaw_logits_backward)), RelativeGradients(grad_q, grad_table), grad, shaw, attention) ==
        "");
  const ShawValues values(clipped, clip);
  M grad_weights = zero;
  CHECK(differs_written(M::Zero(rows, kHeadDim), with_workspace(CALL(add_shaw_values)), values, grad, span) == "");
  const auto of_values = [&](auto&&... a) {
    grad_weights.setZero();
    grad_table.setZero();
    Workspace<float> workspace;
    CALL(shaw_values_backward)(std::forward<decltype(a)>(a)..., workspace);
    return std::make_pair(grad_weights, grad_table);
  };
  CHECK(differs(of_values, RelativeGradients(grad_weights, grad_table), q, values, grad, span) == "");

  grad_table = by_distance;
  const RelativeKeys relative(by_distance, span.distances());
  CHECK(differs_written(zero, with_workspace(CALL(add_relative_logits)), relative, attention) == "");
  CHECK(differs(gradients(CALL(relative_logits_backward)), RelativeGradients(grad_q, grad_table), grad, relative,
                attention) == "");
  const M projection = numbers(kHeadDim, 3, 0.6);
  CHECK(differs_written(zero, with_workspace(CALL(add_banded_logits)), q, projection, span) == "");
  grad_table = projection;
  CHECK(differs(gradients(CALL(banded_logits_backward)), RelativeGradients(grad_q, grad_table), grad, q, projection,
                span) == "");
  grad_table = by_distance;
  const Eigen::VectorXf u = Eigen::VectorXf::Constant(kHeadDim, 0.5f), v = -u;
  grad_u = grad_v = M::Zero(kHeadDim, 1);
  const TransformerXl scheme(by_distance, span.distances(), u, v);
  CHECK(differs_written(zero, with_workspace(CALL(add_transformer_xl_logits)), scheme, attention) == "");
  CHECK(differs(gradients(CALL(transformer_xl_logits_backward)),
                TransformerXlGradients(grad_q, grad_k, grad_table, grad_u, grad_v), grad, scheme, attention) == "");
  CHECK(differs(CALL(make_relative_sinusoids<float>), span.distances(), geometric_frequencies(kHeadDim, 1e4),
                ChannelOrder::sin_cos) == "");

  const DebertaBuckets buckets(4);
  const M disentangled = numbers(buckets.rows(), kHeadDim, 0.6);
  grad_table = disentangled;
  const Deberta deberta(buckets, ContentToPosition(disentangled));
  CHECK(differs_written(zero, with_workspace(CALL(add_deberta_logits)), deberta, attention) == "");
  CHECK(differs(gradients(CALL(deberta_logits_backward)),
                DebertaGradients(ContentToPositionGradients(grad_q, grad_table)), grad, deberta, attention) == "");
  const Cope cope(disentangled, buckets.rows());
  CHECK(differs_written(grad, with_workspace(CALL(add_cope_logits)), cope, attention) == "");
  CHECK(differs(gradients(CALL(cope_logits_backward)), CopeGradients(grad_logits, grad_q, grad_table), grad, cope,
                attention) == "");

  const GridShape grid(1, 3);
  const M rel_h = numbers(1, kHeadDim), rel_w = numbers(5, kHeadDim);
  const auto decomposed = Decomposed(RelPosH(rel_h), RelPosW(rel_w), grid, grid);
  CHECK(differs_written(zero, CALL(add_decomposed_logits), decomposed, q) == "");
  M grad_h = rel_h, grad_w = rel_w;
  const auto of_sides = [&](auto&&... a) {
    for (M* const x : {&grad_q, &grad_h, &grad_w}) x->setZero();
    CALL(decomposed_logits_backward)(std::forward<decltype(a)>(a)...);
    return std::array<M, 3>{grad_q, grad_h, grad_w};
  };
  CHECK(differs(of_sides, DecomposedGradients(grad_q, RelPosH(grad_h), RelPosW(grad_w)), grad, decomposed, q) == "");

  M skewed = numbers(kLen, 2 * kLen - 1);
  const auto shifted = [&](auto&&... a) { return CALL(view_relative_shift)(skewed, std::forward<decltype(a)>(a)...); };
  CHECK(differs(shifted, span) == "");
}

// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::Fire;

namespace {

Fire<double> random_fire(double threshold) {
  Fire<double> fire;
  fire.mlp.layers.push_back({random_matrix(8, 1, 60), random_matrix(8, 1, 61)});
  fire.mlp.layers.push_back({random_matrix(3, 8, 62), random_matrix(3, 1, 63)});
  fire.c = 0.3;
  fire.length_multiplier = 0.5;
  fire.initial_length = 2 * threshold;
  return fire;
}

double naive_fire(const Fire<double>& fire, Index head, double query, double key) {
  const auto psi = [&](double x) { return std::log(std::abs(fire.c * x) + 1); };
  const double threshold = std::abs(fire.length_multiplier * fire.initial_length);
  const double x = psi(query - key) / (psi(std::max(query, threshold)) + 1e-6);
  double sum = fire.mlp.layers[1].bias(head);
  for (Index k = 0; k < 8; ++k) {
    const double hidden = fire.mlp.layers[0].weight(k, 0) * x + fire.mlp.layers[0].bias(k);
    sum += fire.mlp.layers[1].weight(head, k) * std::max(hidden, 0.0);
  }
  return sum;
}

// Eight products of numbers below 3 after a quotient of logarithms.
constexpr double kFireBound = 200 * kEpsilon;

}  // namespace

TEST_CASE("FIRE below, at and beyond the threshold", "[relative_bias][fire][accuracy]") {
  // 6.5 lies between positions, 6 is the last query of the square span, 47 is beyond all, 2 is passed by most.
  for (const double threshold : {2.0, 6.0, 6.5, 47.0}) {
    const Fire<double> fire = random_fire(threshold);
    for (const NamedSpan& named : all_spans(false)) {
      INFO(named.name << ", threshold " << threshold);
      const AttentionSpan& span = named.span;
      const MatrixD before = random_matrix(3 * span.query_len(), span.key_len(), 64);
      MatrixD expected = before;
      for (Index h = 0; h < 3; ++h) {
        for (Index i = 0; i < span.query_len(); ++i) {
          for (Index j = 0; j < span.key_len(); ++j) {
            expected(h * span.query_len() + i, j) +=
                naive_fire(fire, h, static_cast<double>(span.query_offset() + i), static_cast<double>(j));
          }
        }
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_fire_bias(logits, fire, span);
      posenc::add_fire_bias(column_major, fire, span);
      REQUIRE(distance(logits, expected) <= kFireBound);
      REQUIRE(same_bits(column_major, logits));
    }
  }
}

TEST_CASE("FIRE: the gradient of weights, c and the threshold", "[relative_bias][fire][accuracy]") {
  for (const double threshold : {2.0, 20.0}) {  // most queries beyond it, and none
    for (const NamedSpan& named : all_spans(false)) {
      if (named.span.query_len() > 10) continue;
      const AttentionSpan& span = named.span;
      // A query at the threshold is not differentiable: a quarter keeps it clear of all positions.
      Fire<double> fire = random_fire(threshold + 0.25);
      fire.c = span.key_len() % 2 == 0 ? 0.3 : -0.4;
      fire.length_multiplier *= span.key_len() % 3 == 0 ? -1 : 1;
      INFO(named.name << ", threshold " << fire.threshold());
      const MatrixD grad = random_matrix(3 * span.query_len(), span.key_len(), 65);
      Fire<double> gradient = fire.zeros();
      posenc::fire_bias_backward(gradient, grad, fire, span);
      const auto value = [&] {
        MatrixD bias = MatrixD::Zero(grad.rows(), grad.cols());
        posenc::add_fire_bias(bias, fire, span);
        return dot(bias, grad);
      };
      MatrixD bias = MatrixD::Zero(grad.rows(), grad.cols());
      posenc::add_fire_bias(bias, fire, span);
      // psi''' of c is 2 n^3 / (1 + c n)^3 < 2 / c^3 < 80, and the threshold enters times initial_length < 50.
      const double size = 80 * (1 + absolute_dot(bias, grad)) + 50;
      for (std::size_t k = 0; k < 2; ++k) {
        require_gradient(value, fire.mlp.layers[k].weight, gradient.mlp.layers[k].weight, size);
        require_gradient(value, fire.mlp.layers[k].bias, gradient.mlp.layers[k].bias, size);
      }
      require_gradient(value, fire.c, gradient.c, size);
      require_gradient(value, fire.length_multiplier, gradient.length_multiplier, size);

      Fire<double> by_columns = fire.zeros();
      const ColumnMatrix<double> column_major = grad;
      posenc::fire_bias_backward(by_columns, column_major, fire, span);
      REQUIRE(distance(by_columns.mlp.layers[1].weight, gradient.mlp.layers[1].weight) <= kFireBound * 200);
      REQUIRE(std::abs(by_columns.c - gradient.c) <= kFireBound * 200 * (1 + std::abs(gradient.c)));
    }
  }
}

TEST_CASE("FIRE: chunks and float agree with the whole in double, halves are rounded once",
          "[relative_bias][fire][accuracy]") {
  const Fire<double> fire = random_fire(12.25);
  const AttentionSpan whole = AttentionSpan::square(20);
  MatrixD at_once = MatrixD::Zero(3 * 20, 20);
  posenc::add_fire_bias(at_once, fire, whole);
  const MatrixD grad = random_matrix(3 * 20, 20, 66);
  Fire<double> gradient = fire.zeros();
  posenc::fire_bias_backward(gradient, grad, fire, whole);
  Fire<double> gradient_in_chunks = fire.zeros();
  for (const Index first : {0, 4, 8, 12, 16}) {  // tabulated in the first chunks, general in the last
    const AttentionSpan chunk = AttentionSpan::at(posenc::PositionRange(first, 4), 20);
    MatrixD bias = MatrixD::Zero(12, 20);
    MatrixD chunk_grad(12, 20);
    posenc::add_fire_bias(bias, fire, chunk);
    for (Index h = 0; h < 3; ++h) {
      REQUIRE(same_bits(bias.middleRows(4 * h, 4), at_once.middleRows(20 * h + first, 4)));
      chunk_grad.middleRows(4 * h, 4) = grad.middleRows(20 * h + first, 4);
    }
    posenc::fire_bias_backward(gradient_in_chunks, chunk_grad, fire, chunk);
  }
  constexpr double kSumBound = 1200 * 1200 * kEpsilon;  // 1200 terms of order one, summed in another order
  REQUIRE(std::abs(gradient_in_chunks.c - gradient.c) <= kSumBound);
  REQUIRE(std::abs(gradient_in_chunks.length_multiplier - gradient.length_multiplier) <= kSumBound);
  REQUIRE(distance(gradient_in_chunks.mlp.layers[0].weight, gradient.mlp.layers[0].weight) <= kSumBound);

  Fire<float> short_fire{{{}, posenc::Activation::relu}, fire.c, fire.length_multiplier, fire.initial_length, fire.eps};
  for (const auto& layer : fire.mlp.layers) {
    short_fire.mlp.layers.push_back({layer.weight.cast<float>(), layer.bias.cast<float>()});
  }
  RowMatrix<float> short_bias = RowMatrix<float>::Zero(60, 20);
  posenc::add_fire_bias(short_bias, short_fire, whole);
  REQUIRE(distance(short_bias, at_once) <= kFireBound * 0x1p29);  // float has 29 bits less

  const RowMatrix<Eigen::half> before = random_matrix(60, 20, 67).cast<Eigen::half>();
  RowMatrix<Eigen::half> half_logits = before;
  posenc::add_fire_bias(half_logits, short_fire, whole);
  for (Index i = 0; i < 60; ++i) {
    for (Index j = 0; j < 20; ++j) {
      REQUIRE(half_logits(i, j) == Eigen::half(static_cast<float>(before(i, j)) + short_bias(i, j)));
    }
  }
}

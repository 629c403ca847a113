// SPDX-License-Identifier: MIT
/// Gradients that are sums of many numbers are formed in double and rounded once: into float they are those in double,
/// rounded.
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::GridShape;
using posenc::WindowTable;

namespace {

/// @param add  add(gradient) adds into a matrix of rows x columns, of float or double.
template <typename Add>
void check(Index rows, Index columns, const Add& add) {
  const RowMatrix<float> before = random_matrix<float>(rows, columns, 900);
  RowMatrix<double> in_double = before.cast<double>();
  RowMatrix<float> in_float = before;
  add(in_double);
  add(in_float);
  CHECK(same_bits(in_float, in_double.cast<float>()));
}

}  // namespace

TEST_CASE("gradients of tables by distance are rounded once", "[relative_bias][rounded_once]") {
  constexpr Index kHeads = 3;
  const DistanceRange distances(-300, 300);
  DistanceTable<double> grad(kHeads, distances);
  grad.values() = random_matrix(kHeads, distances.size(), 901).array();
  for (const bool bidirectional : {false, true}) {
    const posenc::T5Buckets buckets(32, 128, bidirectional);
    check(32, kHeads, [&](auto& weights) { posenc::t5_table_backward(weights, grad, buckets); });
  }
  for (const auto form : {posenc::AlibiForm::causal, posenc::AlibiForm::symmetric}) {
    check(1, kHeads, [&](auto& slopes) { posenc::alibi_table_backward(slopes, grad, form); });
  }
  const Eigen::Array3d a(0.3, 0.75, 1.9), p(1.5, 0.25, 0.5);
  for (const auto kernel : {posenc::KerpleKernel::logarithmic, posenc::KerpleKernel::power}) {
    check(2, kHeads, [&](auto& both) {
      posenc::kerple_table_backward(posenc::KerpleA(both.row(0)), posenc::KerpleP(both.row(1)), grad,
                                    posenc::KerpleA(a), posenc::KerpleP(p), kernel);
    });
  }
}

TEST_CASE("gradients of biases by bucket are rounded once", "[relative_bias][rounded_once]") {
  const posenc::PositionRange tokens(0, 90);
  const MatrixD grad = random_matrix(2 * 90, 90, 902);
  check(32, 2, [&](auto& weights) {
    posenc::bucket_bias_backward(weights, grad, posenc::T5Buckets(32, 128, true), tokens, tokens);
  });
}

TEST_CASE("gradients of tables of windows are rounded once", "[relative_bias][rounded_once]") {
  const GridShape window(7, 5);
  WindowTable<double> grad(2, window, posenc::ClassToken::first);
  grad.values() = random_matrix(2, window.displacements(), 903).array();
  grad.class_values() = random_matrix(2, 3, 904).array();
  check(window.displacements() + 3, 2, [&](auto& weights) { posenc::window_table_backward(weights, grad); });
  WindowTable<double> without(2, window);
  without.values() = grad.values();
  check(1, 2, [&](auto& slopes) { posenc::alibi_table_backward(slopes, without, posenc::GridDistance::euclidean); });
}

TEST_CASE("gradients of forgetting are rounded once", "[relative_bias][rounded_once]") {
  const MatrixD gates = random_matrix(300, 2, 905);
  const MatrixD grad_sums = random_matrix(300, 2, 906);
  check(300, 2, [&](auto& grad) { posenc::forgetting_sums_backward(grad, grad_sums, gates); });
  // More tokens than are summed at a time, and queries that begin behind them.
  for (const AttentionSpan& span : {AttentionSpan::square(300), AttentionSpan::cached(20, 300)}) {
    const MatrixD grad_logits = random_matrix(2 * span.query_len(), 300, 907);
    check(300, 2, [&](auto& grad) { posenc::forgetting_bias_backward(grad, grad_logits, span); });
  }
}

// SPDX-License-Identifier: MIT
#include "relative_bias/shaw_support.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using namespace posenc_tests::shaw;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceClip;
using posenc::RelativeGradients;
using posenc::ShawKeys;
using posenc::ShawValues;
using posenc::Workspace;

TEST_CASE("Shaw values: the gathered sum, and the adjoint in attention and table",
          "[relative_bias][shaw_values][accuracy]") {
  Workspace<double> workspace;
  for (const DistanceClip& clip : kClips) {
    const MatrixD table = random_matrix(clip.rows(), kHeadDim, 120);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", clip " << clip.left() << ", " << clip.right());
      const AttentionSpan& span = named.span;
      const MatrixD attention = random_matrix(span.query_len(), span.key_len(), 121);
      const MatrixD before = random_matrix(span.query_len(), kHeadDim, 122);
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          expected.row(i) += attention(i, j) * table.row(clipped(span, clip, i, j));
        }
      }
      MatrixD out = before;
      posenc::add_shaw_values(out, ShawValues(table, clip), attention, span, workspace);
      REQUIRE(distance(out, expected) <= kValueBound);
      ColumnMatrix<double> column_major = before;
      posenc::add_shaw_values(column_major, ShawValues(table, clip), ColumnMatrix<double>(attention), span, workspace);
      REQUIRE(distance(column_major, out) <= kValueBound);

      const MatrixD grad = random_matrix(span.query_len(), kHeadDim, 123);
      MatrixD grad_attention = MatrixD::Zero(attention.rows(), attention.cols());
      MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_values_backward(RelativeGradients(grad_attention, grad_table), grad, ShawValues(table, clip),
                                   attention, span, workspace);
      const MatrixD other_attention = random_matrix(attention.rows(), attention.cols(), 124);
      const MatrixD other_table = random_matrix(table.rows(), kHeadDim, 125);
      MatrixD by_attention = MatrixD::Zero(span.query_len(), kHeadDim);
      MatrixD by_table = by_attention;
      posenc::add_shaw_values(by_attention, ShawValues(table, clip), other_attention, span, workspace);
      posenc::add_shaw_values(by_table, ShawValues(other_table, clip), attention, span, workspace);
      const double size = static_cast<double>(span.key_len()) * grad.cwiseAbs().sum();
      require_adjoint(dot(by_attention, grad), dot(other_attention, grad_attention), size);
      require_adjoint(dot(by_table, grad), dot(other_table, grad_table), size);
    }
  }
}

TEST_CASE("article 003: the whole layer, keys, softmax and values", "[relative_bias][shaw_values][accuracy]") {
  const Golden file = golden("articles/relative_attention_003.csv");
  const Index length = static_cast<Index>(file.number("length"));
  const Index heads = static_cast<Index>(file.number("heads"));
  const Index head_dim = static_cast<Index>(file.number("head_dim"));
  const Index batch = static_cast<Index>(file.number("batch"));
  const DistanceClip clip = DistanceClip::symmetric(static_cast<Index>(file.number("max_relative_position")));
  const MatrixD table_k = file.block("table_k").matrix();
  const MatrixD table_v = file.block("table_v").matrix();
  const AttentionSpan span = AttentionSpan::square(length);
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  // The article computed in float: sums of four products of numbers up to 4, so an ulp of 16 each at most.
  constexpr double kFloatBound = 16 * 0x1p-23;
  Workspace<double> workspace;
  double largest_logit = 0;
  for (Index b = 0; b < batch; ++b) {
    for (Index h = 0; h < heads; ++h) {
      const auto head_of = [&](const char* name) {
        return MatrixD(file.block(name).matrix().block(b * length, h * head_dim, length, head_dim));
      };
      const MatrixD q = head_of("query");
      const MatrixD k = head_of("key");
      const MatrixD v = head_of("value");
      const auto square_of = [&](const char* name) {
        return MatrixD(file.block(name).matrix().middleRows((b * heads + h) * length, length));
      };
      const MatrixD published = square_of("relative_logits");
      MatrixD relative = MatrixD::Zero(length, length);
      posenc::add_shaw_logits(relative, ShawKeys(table_k, clip), ContentAttention(q, k, 1.0, span), workspace);
      largest_logit = std::max(largest_logit, published.cwiseAbs().maxCoeff());
      REQUIRE(distance(relative, published) <= kFloatBound);

      MatrixD attention = scale * q * k.transpose();
      posenc::add_shaw_logits(attention, ShawKeys(table_k, clip), ContentAttention(q, k, scale, span), workspace);
      for (Index i = 0; i < length; ++i) {
        attention.row(i) = (attention.row(i).array() - attention.row(i).maxCoeff()).exp();
        attention.row(i) /= attention.row(i).sum();
      }
      REQUIRE(distance(attention, square_of("attention")) <= kFloatBound);
      MatrixD out = attention * v;
      posenc::add_shaw_values(out, ShawValues(table_v, clip), attention, span, workspace);
      REQUIRE(distance(out, head_of("output")) <= kFloatBound);
    }
  }
  REQUIRE(largest_logit > 0.1);
}

TEST_CASE("Shaw values: stacked heads are the heads one by one, with tables shared or their own",
          "[relative_bias][shaw_values]") {
  Workspace<double> workspace;
  const DistanceClip clip(2, 1);
  const AttentionSpan span = AttentionSpan::cached(3, 5);
  const MatrixD weights = random_matrix(2 * 3, 5, 126);
  const MatrixD grad = random_matrix(2 * 3, kHeadDim, 127);
  for (const Index tables : {1, 2}) {
    const MatrixD table = random_matrix(tables * clip.rows(), kHeadDim, 128);
    MatrixD stacked = random_matrix(2 * 3, kHeadDim, 129);
    MatrixD one_by_one = stacked;
    MatrixD grad_weights = MatrixD::Zero(6, 5);
    MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
    MatrixD head_weights = grad_weights;
    MatrixD head_table = grad_table;
    posenc::add_shaw_values(stacked, ShawValues(table, clip), weights, span, workspace);
    posenc::shaw_values_backward(RelativeGradients(grad_weights, grad_table), grad, ShawValues(table, clip), weights,
                                 span, workspace);
    for (Index head = 0; head < 2; ++head) {
      const Index first = tables == 1 ? 0 : head * clip.rows();
      const auto values = ShawValues(table.middleRows(first, clip.rows()), clip);
      posenc::add_shaw_values(one_by_one.middleRows(3 * head, 3), values, weights.middleRows(3 * head, 3), span,
                              workspace);
      posenc::shaw_values_backward(
          RelativeGradients(head_weights.middleRows(3 * head, 3), head_table.middleRows(first, clip.rows())),
          grad.middleRows(3 * head, 3), values, weights.middleRows(3 * head, 3), span, workspace);
    }
    REQUIRE(same_bits(stacked, one_by_one));
    REQUIRE(same_bits(grad_weights, head_weights));
    REQUIRE(same_bits(grad_table, head_table));
  }
}

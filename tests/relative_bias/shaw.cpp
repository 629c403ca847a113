// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::ShawClip;
using posenc::Workspace;

namespace {

constexpr Index kHeadDim = 6;

const std::vector<ShawClip> kClips = {{3, 3}, {4, 1}, {0, 2}, {0, 0}, {60, 50}};

Index clipped(const AttentionSpan& span, const ShawClip& clip, Index i, Index j) {
  const Index relative = j - (span.query_offset() + i);
  return std::min(std::max(relative, -clip.left), clip.right) + clip.left;
}

// Sums of at most kHeadDim products below 1, or of 47 for values: n terms below 1 in any order.
constexpr double kLogitBound = (kHeadDim + 2) * (kHeadDim + 2) * kEpsilon;
constexpr double kValueBound = 60 * 60 * kEpsilon;

}  // namespace

TEST_CASE("Shaw keys: the gathered product, and the adjoint in queries and table") {
  Workspace<double> workspace;
  for (const ShawClip& clip : kClips) {
    const MatrixD table = random_matrix(clip.rows(), kHeadDim, 110);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", clip " << clip.left << ", " << clip.right);
      const AttentionSpan& span = named.span;
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 111);
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 112);
      const double scale = 0.4;
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          for (Index c = 0; c < kHeadDim; ++c) expected(i, j) += scale * q(i, c) * table(clipped(span, clip, i, j), c);
        }
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_shaw_logits(logits, q, table, clip, span, scale, workspace);
      posenc::add_shaw_logits(column_major, ColumnMatrix<double>(q), ColumnMatrix<double>(table), clip, span, scale,
                              workspace);
      REQUIRE(distance(logits, expected) <= kLogitBound);
      REQUIRE(distance(column_major, logits) <= kLogitBound);

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 113);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_logits_backward(grad_q, grad_table, grad, q, table, clip, span, scale, workspace);
      const double size = kHeadDim * grad.cwiseAbs().sum();
      require_adjoint(dot(MatrixD(logits - before), grad), dot(q, grad_q), size);
      require_adjoint(dot(MatrixD(logits - before), grad), dot(table, grad_table), size);
      const MatrixD other_q = random_matrix(q.rows(), kHeadDim, 114);
      const MatrixD other_table = random_matrix(table.rows(), kHeadDim, 115);
      MatrixD by_q = MatrixD::Zero(span.query_len(), span.key_len());
      MatrixD by_table = by_q;
      posenc::add_shaw_logits(by_q, other_q, table, clip, span, scale, workspace);
      posenc::add_shaw_logits(by_table, q, other_table, clip, span, scale, workspace);
      require_adjoint(dot(by_q, grad), dot(other_q, grad_q), size);
      require_adjoint(dot(by_table, grad), dot(other_table, grad_table), size);

      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table_2 = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_logits_backward(grad_q_2, grad_table_2, ColumnMatrix<double>(grad), q, table, clip, span, scale,
                                   workspace);
      REQUIRE(distance(grad_q_2, grad_q) <= kValueBound);
      REQUIRE(distance(grad_table_2, grad_table) <= kValueBound);
    }
  }
}

TEST_CASE("Shaw values: the gathered sum, and the adjoint in attention and table") {
  Workspace<double> workspace;
  for (const ShawClip& clip : kClips) {
    const MatrixD table = random_matrix(clip.rows(), kHeadDim, 120);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", clip " << clip.left << ", " << clip.right);
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
      posenc::add_shaw_values(out, attention, table, clip, span, workspace);
      REQUIRE(distance(out, expected) <= kValueBound);
      ColumnMatrix<double> column_major = before;
      posenc::add_shaw_values(column_major, ColumnMatrix<double>(attention), table, clip, span, workspace);
      REQUIRE(distance(column_major, out) <= kValueBound);

      const MatrixD grad = random_matrix(span.query_len(), kHeadDim, 123);
      MatrixD grad_attention = MatrixD::Zero(attention.rows(), attention.cols());
      MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_values_backward(grad_attention, grad_table, grad, attention, table, clip, span, workspace);
      const MatrixD other_attention = random_matrix(attention.rows(), attention.cols(), 124);
      const MatrixD other_table = random_matrix(table.rows(), kHeadDim, 125);
      MatrixD by_attention = MatrixD::Zero(span.query_len(), kHeadDim);
      MatrixD by_table = by_attention;
      posenc::add_shaw_values(by_attention, other_attention, table, clip, span, workspace);
      posenc::add_shaw_values(by_table, attention, other_table, clip, span, workspace);
      const double size = static_cast<double>(span.key_len()) * grad.cwiseAbs().sum();
      require_adjoint(dot(by_attention, grad), dot(other_attention, grad_attention), size);
      require_adjoint(dot(by_table, grad), dot(other_table, grad_table), size);
    }
  }
}

TEST_CASE("Shaw: chunks agree with the whole, float with double") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const ShawClip clip{5, 2};
  const AttentionSpan whole = AttentionSpan::square(70);
  const MatrixD q = random_matrix(70, kHeadDim, 130);
  const MatrixD table = random_matrix(clip.rows(), kHeadDim, 131);
  MatrixD at_once = MatrixD::Zero(70, 70);
  posenc::add_shaw_logits(at_once, q, table, clip, whole, 1.0, workspace);
  MatrixD in_chunks = MatrixD::Zero(70, 70);
  Index first = 0;
  for (const Index count : {1, 40, 3, 26}) {
    posenc::add_shaw_logits(in_chunks.middleRows(first, count), q.middleRows(first, count), table, clip,
                            AttentionSpan::at(count, 70, first), 1.0, workspace);
    first += count;
  }
  REQUIRE(first == 70);
  REQUIRE(distance(in_chunks, at_once) <= kLogitBound);  // Eigen sums a product in an order that depends on its shape
  RowMatrix<float> short_logits = RowMatrix<float>::Zero(70, 70);
  posenc::add_shaw_logits(short_logits, q.cast<float>(), table.cast<float>(), clip, whole, 1.0f, short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kLogitBound * 0x1p29);
}

TEST_CASE("the clipped positions of CTranslate2") {
  if (skip_without_data("CTranslate2 relative positions")) return;
  const std::string folder = data_dir() + "/peers/ct2_relative_positions_clip/";
  Workspace<double> workspace;
  for (const auto& [file, clip] : {std::pair<const char*, ShawClip>{"expected.csv", ShawClip::symmetric(2)},
                                   {"expected_asymmetric.csv", ShawClip{3, 2}}}) {
    const RowMatrixXd expected = read_csv(folder + file);
    // A table whose rows hold their own number makes the logits say which row they took.
    const MatrixD table = Eigen::VectorXd::LinSpaced(clip.rows(), 0, static_cast<double>(clip.rows() - 1));
    MatrixD logits = MatrixD::Zero(4, 4);
    posenc::add_shaw_logits(logits, MatrixD::Ones(4, 1), table, clip, AttentionSpan::square(4), 1.0, workspace);
    REQUIRE(same_bits(logits, expected));
  }
}

TEST_CASE("article 003: the whole layer, keys, softmax and values") {
  const Golden file = golden("articles/relative_attention_003.csv");
  const Index length = static_cast<Index>(file.number("length"));
  const Index heads = static_cast<Index>(file.number("heads"));
  const Index head_dim = static_cast<Index>(file.number("head_dim"));
  const Index batch = static_cast<Index>(file.number("batch"));
  const ShawClip clip = ShawClip::symmetric(static_cast<Index>(file.number("max_relative_position")));
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
      posenc::add_shaw_logits(relative, q, table_k, clip, span, 1.0, workspace);
      largest_logit = std::max(largest_logit, published.cwiseAbs().maxCoeff());
      REQUIRE(distance(relative, published) <= kFloatBound);

      MatrixD attention = scale * q * k.transpose();
      posenc::add_shaw_logits(attention, q, table_k, clip, span, scale, workspace);
      for (Index i = 0; i < length; ++i) {
        attention.row(i) = (attention.row(i).array() - attention.row(i).maxCoeff()).exp();
        attention.row(i) /= attention.row(i).sum();
      }
      REQUIRE(distance(attention, square_of("attention")) <= kFloatBound);
      MatrixD out = attention * v;
      posenc::add_shaw_values(out, attention, table_v, clip, span, workspace);
      REQUIRE(distance(out, head_of("output")) <= kFloatBound);
    }
  }
  REQUIRE(largest_logit > 0.1);
}

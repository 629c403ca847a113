// SPDX-License-Identifier: MIT
/// A vector for each distance: Music Transformer, the relative shift, Transformer-XL.
#include "relative_bias/support.hpp"
#include "support/data.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::RelativeRows;
using posenc::Workspace;

namespace {

constexpr Index kHeadDim = 6;
constexpr double kScale = 0.4;
// At most 2 (kHeadDim + 1) products below 4 in a logit; gradients sum 47 logits.
constexpr double kLogitBound = 4 * 15 * 15 * kEpsilon;
constexpr double kGradBound = 4 * 60 * 60 * kEpsilon;

struct RowsOfTable {
  Index first;
  Index count;
};

/// Tables that have all distances of the span and more, only some of them, and none.
std::vector<RowsOfTable> tables_for(const AttentionSpan& span) {
  const DistanceRange all = span.distances();
  return {
      {all.min - 2, all.size() + 5},        {all.min, all.size()}, {all.min + 2, std::max<Index>(all.size() - 3, 1)},
      {1 - span.key_len(), span.key_len()}, {all.max + 4, 3},      {all.min, 0}};
}

double naive_logit(const MatrixD& q, const MatrixD& r, Index first, const AttentionSpan& span, Index i, Index j) {
  const Index row = j - (span.query_offset() + i) - first;
  double sum = 0;
  for (Index c = 0; row >= 0 && row < r.rows() && c < q.cols(); ++c) sum += kScale * q(i, c) * r(row, c);
  return sum;
}

}  // namespace

TEST_CASE("a vector for each distance, with rows missing, and the adjoint in queries and table") {
  Workspace<double> workspace;
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    for (const RowsOfTable& rows : tables_for(span)) {
      INFO(named.name << ", rows from " << rows.first << ", " << rows.count);
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 140);
      const MatrixD r = random_matrix(rows.count, kHeadDim, 141);
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 142);
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) expected(i, j) += naive_logit(q, r, rows.first, span, i, j);
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_relative_logits(logits, q, r, RelativeRows{rows.first}, span, kScale, workspace);
      posenc::add_relative_logits(column_major, q, r, RelativeRows{rows.first}, span, kScale, workspace);
      REQUIRE(distance(logits, expected) <= kLogitBound);
      REQUIRE(same_bits(column_major, logits));

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 143);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_r = MatrixD::Zero(r.rows(), kHeadDim);
      posenc::relative_logits_backward(grad_q, grad_r, grad, q, r, RelativeRows{rows.first}, span, kScale, workspace);
      const MatrixD other_q = random_matrix(q.rows(), kHeadDim, 144);
      const MatrixD other_r = random_matrix(r.rows(), kHeadDim, 145);
      MatrixD by_q = MatrixD::Zero(span.query_len(), span.key_len());
      MatrixD by_r = by_q;
      posenc::add_relative_logits(by_q, other_q, r, RelativeRows{rows.first}, span, kScale, workspace);
      posenc::add_relative_logits(by_r, q, other_r, RelativeRows{rows.first}, span, kScale, workspace);
      const double size = kHeadDim * grad.cwiseAbs().sum();
      require_adjoint(dot(by_q, grad), dot(other_q, grad_q), size);
      require_adjoint(dot(by_r, grad), dot(other_r, grad_r), size);
      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_r_2 = MatrixD::Zero(r.rows(), kHeadDim);
      posenc::relative_logits_backward(grad_q_2, grad_r_2, ColumnMatrix<double>(grad), q, r, RelativeRows{rows.first},
                                       span, kScale, workspace);
      REQUIRE(same_bits(grad_q_2, grad_q));
      REQUIRE(same_bits(grad_r_2, grad_r));
    }
  }
}

TEST_CASE("the relative shift is a view of the product with all distances") {
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    if (span.query_len() == 0 || span.key_len() == 0) continue;
    INFO(named.name);
    const DistanceRange all = span.distances();
    const MatrixD q = random_matrix(span.query_len(), kHeadDim, 150);
    const MatrixD r = random_matrix(all.size(), kHeadDim, 151);
    MatrixD x = kScale * q * r.transpose();
    const MatrixD x_before = x;
    auto shifted = posenc::relative_shift(x, span);
    REQUIRE(shifted.rows() == span.query_len());
    REQUIRE(shifted.cols() == span.key_len());
    for (Index i = 0; i < span.query_len(); ++i) {
      for (Index j = 0; j < span.key_len(); ++j) {
        REQUIRE(std::abs(shifted(i, j) - naive_logit(q, r, all.min, span, i, j)) <= kLogitBound);
      }
    }
    // The adjoint writes through the view.
    const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 152);
    MatrixD grad_x = MatrixD::Zero(x.rows(), x.cols());
    posenc::relative_shift(grad_x, span) += grad;
    require_adjoint(dot(shifted, grad), dot(x_before, grad_x), absolute_dot(shifted, grad));
  }
}

TEST_CASE("the causal shift equals padding, reshaping and dropping a row, where a query may look") {
  for (const AttentionSpan& span :
       {AttentionSpan::square(5), AttentionSpan::cached(1, 6), AttentionSpan::cached(3, 7), AttentionSpan::square(1),
        AttentionSpan::at(4, 2, -2), AttentionSpan::at(3, 1, -2)}) {
    const Index queries = span.query_len();
    const Index keys = span.key_len();
    MatrixD x = random_matrix(queries, keys, 153);
    // Pad a zero column on the left, read as (keys + 1) x queries, drop the first row.
    std::vector<double> padded;
    for (Index i = 0; i < queries; ++i) {
      padded.push_back(0);
      for (Index m = 0; m < keys; ++m) padded.push_back(x(i, m));
    }
    padded.erase(padded.begin(), padded.begin() + queries);
    const auto shifted = posenc::relative_shift(x, span);
    REQUIRE(&shifted(queries - 1, keys - 1) == &x(queries - 1, keys - 1));  // the last one, so all lie within x
    for (Index i = 0; i < queries; ++i) {
      for (Index j = 0; j < keys; ++j) {
        if (span.relative(i, j) > 0) continue;  // the mask hides these
        REQUIRE(shifted(i, j) == padded[static_cast<std::size_t>(i * keys + j)]);
      }
    }
  }
}

TEST_CASE("relative sinusoids: [sin | cos] of query - key") {
  const auto r = posenc::make_relative_sinusoids<double>({-9, 4}, 8);
  REQUIRE(r.rows() == 14);
  for (Index m = 0; m < 14; ++m) {
    const double n = -static_cast<double>(m - 9);
    for (Index i = 0; i < 4; ++i) {
      const double angle = n * std::pow(10000.0, -2.0 * static_cast<double>(i) / 8);
      REQUIRE(std::abs(r(m, i) - std::sin(angle)) <= 16 * kEpsilon);  // an angle up to 9 carries half an ulp of 16
      REQUIRE(std::abs(r(m, 4 + i) - std::cos(angle)) <= 16 * kEpsilon);
    }
  }
  REQUIRE(posenc::make_relative_sinusoids<float>(DistanceRange::causal(0), 8).rows() == 0);
  if (skip_without_data("RoFormer sinusoids")) return;
  // Positions 0 and 1 of the published table are the distances query - key = 0 and 1.
  const RowMatrixXd expected = read_csv(data_dir() + "/peers/hf_roformer_sinusoidal_2x6/expected.csv");
  const auto of_peer = posenc::make_relative_sinusoids<double>({-1, 0}, 6);
  constexpr double kFourDecimals = 0.5e-4 + 1e-12;
  REQUIRE(distance(of_peer.row(1), expected.row(0)) <= kFourDecimals);
  REQUIRE(distance(of_peer.row(0), expected.row(1)) <= kFourDecimals);
}

TEST_CASE("Transformer-XL: all four terms, causal and in both directions, and every gradient") {
  Workspace<double> workspace;
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    for (const bool causal : {true, false}) {
      INFO(named.name << (causal ? ", causal" : ", both directions"));
      const DistanceRange range = causal ? DistanceRange::causal(span.key_len()) : span.distances();
      const RelativeRows rows{range.min};
      MatrixD q = random_matrix(span.query_len(), kHeadDim, 160);
      MatrixD k = random_matrix(span.key_len(), kHeadDim, 161);
      MatrixD r = random_matrix(range.size(), kHeadDim, 162);
      MatrixD u = random_matrix(1, kHeadDim, 163);
      MatrixD v = random_matrix(kHeadDim, 1, 164);
      const MatrixD before = kScale * q * k.transpose();
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_transformer_xl_logits(logits, q, k, r, rows, u, v, span, kScale, workspace);
      posenc::add_transformer_xl_logits(column_major, q, k, r, rows, u, v, span, kScale, workspace);
      REQUIRE(same_bits(column_major, logits));
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const Index row = span.relative(i, j) - range.min;
          double sum = 0;
          for (Index c = 0; c < kHeadDim; ++c) {
            sum += (q(i, c) + u(0, c)) * k(j, c);
            if (row >= 0 && row < r.rows()) sum += (q(i, c) + v(c, 0)) * r(row, c);
          }
          REQUIRE(std::abs(logits(i, j) - kScale * sum) <= kLogitBound);
        }
      }

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 165);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_k = MatrixD::Zero(k.rows(), kHeadDim);
      MatrixD grad_r = MatrixD::Zero(r.rows(), kHeadDim);
      MatrixD grad_u = MatrixD::Zero(1, kHeadDim);
      MatrixD grad_v = MatrixD::Zero(kHeadDim, 1);
      posenc::transformer_xl_backward(grad_q, grad_k, grad_r, grad_u, grad_v, grad, q, k, r, rows, u, v, span, kScale,
                                      workspace);
      const auto bias = [&] {
        MatrixD x = MatrixD::Zero(span.query_len(), span.key_len());
        posenc::add_transformer_xl_logits(x, q, k, r, rows, u, v, span, kScale, workspace);
        return x;
      };
      if (span.query_len() < 20) {
        const auto loss = [&] { return dot(bias(), grad); };
        const double size = absolute_dot(bias(), grad);
        require_gradient(loss, q, grad_q, size);
        require_gradient(loss, k, grad_k, size);
        require_gradient(loss, r, grad_r, size);
        require_gradient(loss, u, grad_u, size);
        require_gradient(loss, v, grad_v, size);
      }
      // Linear in (u, v): the difference of two biases against their gradients.
      const MatrixD with = bias();
      const MatrixD old_u = u;
      const MatrixD old_v = v;
      u = random_matrix(1, kHeadDim, 166);
      v = random_matrix(kHeadDim, 1, 167);
      require_adjoint(dot(MatrixD(bias() - with), grad),
                      dot(MatrixD(u - old_u), grad_u) + dot(MatrixD(v - old_v), grad_v),
                      4 * kHeadDim * grad.cwiseAbs().sum());
      u = old_u;
      v = old_v;

      MatrixD grad_2[5] = {MatrixD::Zero(q.rows(), kHeadDim), MatrixD::Zero(k.rows(), kHeadDim),
                           MatrixD::Zero(r.rows(), kHeadDim), MatrixD::Zero(1, kHeadDim), MatrixD::Zero(kHeadDim, 1)};
      posenc::transformer_xl_backward(grad_2[0], grad_2[1], grad_2[2], grad_2[3], grad_2[4], ColumnMatrix<double>(grad),
                                      q, k, r, rows, u, v, span, kScale, workspace);
      REQUIRE(distance(grad_2[0], grad_q) <= kGradBound);
      REQUIRE(distance(grad_2[1], grad_k) <= kGradBound);
      REQUIRE(distance(grad_2[2], grad_r) <= kGradBound);
      REQUIRE(distance(grad_2[3], grad_u) <= 40 * kGradBound);  // forty times as many terms
      REQUIRE(distance(grad_2[4], grad_v) <= 40 * kGradBound);
    }
  }
}

TEST_CASE("Transformer-XL: chunks agree with the whole, float with double") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const MatrixD q = random_matrix(50, kHeadDim, 170);
  const MatrixD k = random_matrix(50, kHeadDim, 171);
  const MatrixD r = random_matrix(99, kHeadDim, 172);
  const MatrixD u = random_matrix(1, kHeadDim, 173);
  const MatrixD v = random_matrix(1, kHeadDim, 174);
  const RelativeRows rows{-49};
  MatrixD at_once = MatrixD::Zero(50, 50);
  posenc::add_transformer_xl_logits(at_once, q, k, r, rows, u, v, AttentionSpan::square(50), kScale, workspace);
  MatrixD in_chunks = MatrixD::Zero(50, 50);
  Index first = 0;
  for (const Index count : {1, 40, 9}) {
    posenc::add_transformer_xl_logits(in_chunks.middleRows(first, count), q.middleRows(first, count), k, r, rows, u, v,
                                      AttentionSpan::at(count, 50, first), kScale, workspace);
    first += count;
  }
  REQUIRE(first == 50);
  REQUIRE(distance(in_chunks, at_once) <= kLogitBound);  // Eigen sums a product in an order that depends on its shape
  RowMatrix<float> short_logits = RowMatrix<float>::Zero(50, 50);
  posenc::add_transformer_xl_logits(short_logits, q.cast<float>(), k.cast<float>(), r.cast<float>(), rows,
                                    u.cast<float>(), v.cast<float>(), AttentionSpan::square(50),
                                    static_cast<float>(kScale), short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kLogitBound * 0x1p29);
}

// SPDX-License-Identifier: MIT
/// What encoders of CTranslate2 add for positions (tests/parity/golden_ctranslate2.py).
#include "posenc/positions.hpp"
#include "posenc/relative_bias.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <cmath>
#include <string>

using namespace posenc_tests;
using Eigen::Index;
using posenc::AttentionSpan;

namespace {

using Matrix = RowMatrix<double>;

constexpr Index kHeads[] = {1, 2, 3};

Matrix block(const std::string& name, int n) {
  static const Golden file = golden("relative/ctranslate2.csv");
  return file.block(name + "-" + std::to_string(n)).matrix();
}

/// tokens x (heads * head_dim) as the rows of head 0, then those of head 1.
Matrix stacked(const Matrix& x, Index heads) {
  const Index head_dim = x.cols() / heads;
  Matrix all(heads * x.rows(), head_dim);
  for (Index h = 0; h < heads; ++h) all.middleRows(h * x.rows(), x.rows()) = x.middleCols(h * head_dim, head_dim);
  return all;
}

/// q . k of each head, scaled as CTranslate2 does.
Matrix content_logits(const Matrix& q, const Matrix& k, Index heads) {
  const Index tokens = q.rows() / heads;
  Matrix logits(q.rows(), tokens);
  for (Index h = 0; h < heads; ++h) {
    logits.middleRows(h * tokens, tokens) =
        q.middleRows(h * tokens, tokens) * k.middleRows(h * tokens, tokens).transpose() / std::sqrt(q.cols());
  }
  return logits;
}

void softmax(Matrix& logits) {
  for (Index row = 0; row < logits.rows(); ++row) {
    logits.row(row) = (logits.row(row).array() - logits.row(row).maxCoeff()).exp().matrix().eval();
    logits.row(row) /= logits.row(row).sum();
  }
}

Matrix weighted(const Matrix& weights, const Matrix& v, Index heads) {
  const Index tokens = v.rows() / heads;
  Matrix out(v.rows(), v.cols());
  for (Index h = 0; h < heads; ++h) {
    out.middleRows(h * tokens, tokens) = weights.middleRows(h * tokens, tokens) * v.middleRows(h * tokens, tokens);
  }
  return out;
}

/// Channels of q and k are below 8, of which up to 8 meet in float after sums of up to 24 products: logits below 200 are off
/// by some 40 roundings, and so, relatively, are their exponentials; outputs are below 8. Largest seen: 2.9e-6.
constexpr double kAttention = 8 * 40 * 0x1p-24;

}  // namespace

TEST_CASE("attention with Shaw's keys and values is that of CTranslate2", "[relative_bias][shaw][golden]") {
  posenc::Workspace<double> workspace;
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const Index heads = kHeads[n];
    const Matrix q = stacked(block("shaw-q", n), heads), k = stacked(block("shaw-k", n), heads);
    const Matrix keys = block("shaw-keys", n), values = block("shaw-values", n);
    const AttentionSpan span = AttentionSpan::square(q.rows() / heads);
    const auto clip = posenc::DistanceClip::symmetric(keys.rows() / 2);
    const double scale = 1 / std::sqrt(static_cast<double>(q.cols()));
    Matrix logits = content_logits(q, k, heads);
    posenc::add_shaw_logits(logits, posenc::ShawKeys(keys, clip), posenc::ContentAttention(q, k, scale, span),
                            workspace);
    softmax(logits);
    Matrix out = weighted(logits, stacked(block("shaw-v", n), heads), heads);
    posenc::add_shaw_values(out, posenc::ShawValues(values, clip), logits, span, workspace);
    CHECK((out - stacked(block("shaw-out", n), heads)).cwiseAbs().maxCoeff() <= kAttention);
  }
}

TEST_CASE("attention with the bias of T5 is that of CTranslate2", "[relative_bias][t5][golden]") {
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const Index heads = kHeads[n];
    const Matrix q = stacked(block("t5-q", n), heads), k = stacked(block("t5-k", n), heads);
    const Matrix sizes = block("t5-buckets", n);
    const posenc::T5Buckets buckets(static_cast<Index>(sizes(0, 0)), static_cast<Index>(sizes(0, 1)), true);
    const AttentionSpan span = AttentionSpan::square(q.rows() / heads);
    Matrix logits = content_logits(q, k, heads);
    posenc::add_distance_bias(logits, posenc::make_t5_table(block("t5-weights", n), buckets, span.distances()), span);
    softmax(logits);
    const Matrix out = weighted(logits, stacked(block("t5-v", n), heads), heads);
    CHECK((out - stacked(block("t5-out", n), heads)).cwiseAbs().maxCoeff() <= kAttention);
  }
}

TEST_CASE("sinusoids are those of CTranslate2", "[sinusoidal][golden]") {
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const Matrix expected = block("sinusoids-rows", n);
    Matrix rows(expected.rows(), expected.cols());
    posenc::encode_sinusoidal(rows, posenc::presets::ctranslate2(expected.cols()), posenc::starting_at(0));
    // Angles up to 12 in float, each with three roundings, added to embeddings of up to 2.
    CHECK((rows - expected).cwiseAbs().maxCoeff() <= (3 * 12 + 4) * 0x1p-24);
  }
}

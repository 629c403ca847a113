// SPDX-License-Identifier: MIT
/// Biases by bucket of any positions: the numbers of transformers, the formula, the adjoint, and tables by distance.
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace posenc_tests;
using posenc::DistanceClip;
using posenc::PositionRange;
using posenc::SegmentPairs;
using posenc::T5Buckets;

namespace {

using Integers = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class Source {
 public:
  Source(const Golden& file, std::string kind, int n)
      : file_(file), kind_(std::move(kind)), n_("-" + std::to_string(n)) {}
  MatrixD block(const std::string& name) const { return file_.block(kind_ + "-" + name + n_).matrix(); }
  Integers integers(const std::string& name) const { return block(name).cast<std::int64_t>(); }

 private:
  const Golden& file_;
  std::string kind_;
  std::string n_;
};

/// As the tables of AlphaFold, whose rows count query - key.
MatrixD distances_reversed(const MatrixD& weights, Index rows) {
  MatrixD reversed = weights;
  reversed.topRows(rows) = weights.topRows(rows).colwise().reverse();
  return reversed;
}

/// Positions with gaps, in no order.
std::vector<int> scattered(Index count, int seed) {
  std::vector<int> at;
  for (Index i = 0; i < count; ++i) at.push_back(static_cast<int>((i * 37 + seed * 11) % 61) - 20);
  return at;
}

}  // namespace

TEST_CASE("biases by bucket equal those of transformers", "[relative_bias][bucket_bias][accuracy]") {
  const Golden file = golden("relative/buckets.csv");
  for (int n = 0; n < 3; ++n) {
    // Eighths, whose sums and quarters double holds exactly.
    const Source layoutlm(file, "layoutlm", n);
    MatrixD expected = layoutlm.block("bias");
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    const Integers ids = layoutlm.integers("ids"), boxes = layoutlm.integers("boxes");
    const T5Buckets line(32, 128, true), side(64, 256, true);
    const double sqrt_head_dim = 4;
    posenc::add_bucket_bias(logits, layoutlm.block("line") / sqrt_head_dim, line, ids, ids);
    posenc::add_bucket_bias(logits, layoutlm.block("x") / sqrt_head_dim, side, boxes.col(0), boxes.col(0));
    posenc::add_bucket_bias(logits, layoutlm.block("y") / sqrt_head_dim, side, boxes.col(3), boxes.col(3));
    REQUIRE(logits == expected);

    const Source cpmant(file, "cpmant", n);
    expected = cpmant.block("bias");
    logits.setZero();
    const Integers segments = cpmant.integers("segments");
    const PositionRange all(0, expected.cols());
    posenc::add_bucket_bias(logits, cpmant.block("weights"), T5Buckets(16, 20, true), all, all,
                            SegmentPairs(segments, segments, 3));
    REQUIRE(logits == expected);

    const Source esmfold(file, "esmfold", n);
    const Integers residues = esmfold.integers("residues");
    logits.setZero();
    posenc::add_bucket_bias(logits, esmfold.block("weights").bottomRows(7), DistanceClip::symmetric(3), residues,
                            residues);
    REQUIRE(logits == esmfold.block("bias"));

    const Source phi4(file, "phi4", n);
    logits.setZero();
    posenc::add_bucket_bias(logits, phi4.block("weights"), DistanceClip(4, 3), all, all);
    REQUIRE(logits == phi4.block("bias"));

    const Source alphafold(file, "alphafold", n);
    const Integers indices = alphafold.integers("residues"), chains = alphafold.integers("chains");
    logits.setZero();
    posenc::add_bucket_bias(logits, distances_reversed(alphafold.block("weights"), 7), DistanceClip::symmetric(3),
                            indices, indices, SegmentPairs(chains, chains));
    REQUIRE(logits == alphafold.block("bias"));
  }
}

TEST_CASE("biases by bucket are those of tables by distance where tokens follow one another",
          "[relative_bias][bucket_bias][accuracy]") {
  const T5Buckets buckets(16, 40, false);
  const MatrixD weights = random_matrix(16, 3, 1);
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const posenc::AttentionSpan& span = named.span;
    const PositionRange queries(span.query_offset(), span.query_len()), keys(0, span.key_len());
    const MatrixD before = random_matrix(3 * span.query_len(), span.key_len(), 2);
    MatrixD expected = before;
    posenc::add_distance_bias(expected, posenc::make_t5_table(weights, buckets, span.distances()), span);
    MatrixD logits = before;
    ColumnMatrix<double> columns = before;
    posenc::add_bucket_bias(logits, weights, buckets, queries, keys);
    posenc::add_bucket_bias(columns, weights, buckets, queries, keys);
    REQUIRE(same_bits(logits, expected));
    REQUIRE(same_bits(columns, expected));
  }
}

TEST_CASE("biases by bucket by the formula, rounded once, and their adjoint",
          "[relative_bias][bucket_bias][accuracy]") {
  const Index heads = 2, query_len = 5, key_len = 9;
  // Near positions, whose buckets are kept, and far ones, whose are not.
  for (const std::int64_t step : {std::int64_t(1), std::int64_t(1) << 40}) {
    std::vector<std::int64_t> queries, keys;
    for (const int at : scattered(query_len, 1)) queries.push_back(step * at);
    for (const int at : scattered(key_len, 2)) keys.push_back(step * at);
    const std::vector<short> of_queries = {0, 1, 1, 2, 0}, of_keys = {2, 2, 1, 0, 0, 1, 2, 0, 1};
    const DistanceClip clip(6, 4);
    const SegmentPairs pairs(of_queries, of_keys, 3);
    const MatrixD weights = random_matrix(clip.rows() + 9, heads, 3);
    const MatrixD before = random_matrix(heads * query_len, key_len, 4);
    MatrixD bias(before.rows(), before.cols());
    for (Index i = 0; i < query_len; ++i) {
      for (Index j = 0; j < key_len; ++j) {
        const auto qi = static_cast<std::size_t>(i), kj = static_cast<std::size_t>(j);
        const std::int64_t d = std::min<std::int64_t>(std::max<std::int64_t>(keys[kj] - queries[qi], -6), 4);
        const Index row =
            of_queries[qi] == of_keys[kj] ? static_cast<Index>(d) + 6 : 11 + 3 * of_queries[qi] + of_keys[kj];
        for (Index h = 0; h < heads; ++h) bias(h * query_len + i, j) = weights(row, h);
      }
    }
    MatrixD logits = before;
    posenc::add_bucket_bias(logits, weights, clip, queries, keys, pairs);
    REQUIRE(same_bits(logits, before + bias));
    RowMatrix<Eigen::half> halves = before.cast<Eigen::half>();
    RowMatrix<Eigen::half> rounded = halves;
    posenc::add_bucket_bias(halves, weights, clip, queries, keys, pairs);
    for (Index i = 0; i < rounded.rows(); ++i) {
      for (Index j = 0; j < rounded.cols(); ++j) {
        rounded(i, j) = posenc::detail::round_to<Eigen::half>(static_cast<double>(rounded(i, j)) + bias(i, j));
      }
    }
    REQUIRE(same_bits(halves, rounded));

    const MatrixD grad = random_matrix(heads * query_len, key_len, 5);
    const MatrixD start = random_matrix(weights.rows(), heads, 6);
    MatrixD gradient = start;
    posenc::bucket_bias_backward(gradient, grad, clip, queries, keys, pairs);
    ColumnMatrix<double> of_columns = start;
    posenc::bucket_bias_backward(of_columns, ColumnMatrix<double>(grad), clip, queries, keys, pairs);
    REQUIRE(distance(of_columns, gradient) <= 64 * kEpsilon);  // at most 45 terms below 1, in another order
    gradient -= start;
    MatrixD forward = MatrixD::Zero(heads * query_len, key_len);
    posenc::add_bucket_bias(forward, weights, clip, queries, keys, pairs);
    require_adjoint(dot(forward, grad), dot(weights, gradient), grad.cwiseAbs().sum() * weights.cwiseAbs().maxCoeff());
  }
}

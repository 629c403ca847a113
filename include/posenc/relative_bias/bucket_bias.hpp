// SPDX-License-Identifier: MIT
/// @file
/// Adds a learned bias by buckets of distances between any positions to attention logits, and its gradient.
#ifndef POSENC_RELATIVE_BIAS_BUCKET_BIAS_HPP
#define POSENC_RELATIVE_BIAS_BUCKET_BIAS_HPP

#include "posenc/relative_bias/detail/bucket_rows.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename X, typename Weights, typename Buckets, typename Queries, typename Keys>
void add_bucket_bias(X& x, const Weights& given_weights, const Buckets& buckets, const Queries& query_positions,
                     const Keys& key_positions, const SegmentPairs* segments) {
  if constexpr (may_have_buckets<Queries>() && may_have_buckets<Keys>()) {
    const char* const function = "add_bucket_bias";
    using Scalar = typename X::Scalar;
    using Number = ArithmeticScalar<Scalar, typename Weights::Scalar>;
    const BucketPositions<Queries> queries(function, "query_positions", query_positions);
    const BucketPositions<Keys> keys(function, "key_positions", key_positions);
    BucketRows rows_of(buckets, queries, keys, segments);
    require_bucket_bias(function, "logits", x, "weights", given_weights, count_buckets(buckets), rows_of, segments);
    require_target(function, "logits", x, given_weights);
    rows_of.keep_buckets();
    const auto& weights = evaluated(given_weights);
    Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> of_head(weights.cols(), weights.rows());
    for (Eigen::Index row = 0; row < weights.rows(); ++row) {
      for (Eigen::Index head = 0; head < weights.cols(); ++head) {
        of_head(head, row) = convert<Number>(weights.coeff(row, head));
      }
    }
    constexpr bool row_major = bool(X::IsRowMajor);
    const Eigen::Index length = row_major ? keys.count() : queries.count();
    for_each_bucket_line<row_major>(rows_of, [&](Eigen::Index line, const Eigen::Index* rows) {
      for (Eigen::Index head = 0; head < of_head.rows(); ++head) {
        const Eigen::Index first = head * queries.count();
        const auto bias = of_head.row(head);
        for (Eigen::Index k = 0; k < length; ++k) {
          Scalar& to = row_major ? x.coeffRef(first + line, k) : x.coeffRef(first + k, line);
          to = convert<Scalar>(Number(convert<Number>(to) + bias.coeff(rows[k])));
        }
      }
    });
  }
}

template <typename GradWeights, typename Grad, typename Buckets, typename Queries, typename Keys>
void bucket_bias_backward(GradWeights& grad_weights, const Grad& grad_logits, const Buckets& buckets,
                          const Queries& query_positions, const Keys& key_positions, const SegmentPairs* segments) {
  if constexpr (may_have_buckets<Queries>() && may_have_buckets<Keys>()) {
    const char* const function = "bucket_bias_backward";
    using Scalar = typename GradWeights::Scalar;
    using Number = std::conditional_t<is_storage<Scalar>, double, Scalar>;
    const BucketPositions<Queries> queries(function, "query_positions", query_positions);
    const BucketPositions<Keys> keys(function, "key_positions", key_positions);
    BucketRows rows_of(buckets, queries, keys, segments);
    require_bucket_bias(function, "grad_logits", grad_logits, "grad_weights", grad_weights, count_buckets(buckets),
                        rows_of, segments);
    require_target(function, "grad_weights", grad_weights, grad_logits);
    rows_of.keep_buckets();
    const auto& grad = evaluated(grad_logits);
    using Sums = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Sums sums = Sums::Constant(grad_weights.cols(), grad_weights.rows(), Number(0));
    constexpr bool row_major = bool(Grad::IsRowMajor);
    const Eigen::Index length = row_major ? keys.count() : queries.count();
    for_each_bucket_line<row_major>(rows_of, [&](Eigen::Index line, const Eigen::Index* rows) {
      for (Eigen::Index head = 0; head < sums.rows(); ++head) {
        const Eigen::Index first = head * queries.count();
        for (Eigen::Index k = 0; k < length; ++k) {
          Number& sum = sums.coeffRef(head, rows[k]);
          sum = sum + convert<Number>(row_major ? grad.coeff(first + line, k) : grad.coeff(first + k, line));
        }
      }
    });
    for (Eigen::Index row = 0; row < grad_weights.rows(); ++row) {
      for (Eigen::Index head = 0; head < grad_weights.cols(); ++head) {
        Scalar& to = grad_weights.coeffRef(row, head);
        to = convert<Scalar>(Number(convert<Number>(to) + sums.coeff(head, row)));
      }
    }
  }
}

/// Constraint of template parameters: a rule from distances to buckets.
template <typename T>
using IfBuckets = std::enable_if_t<is_bucket_rule<T>, int>;

}  // namespace detail

/// Adds a learned bias by the bucket of each pair's distance to attention logits, in place, for positions of any kind,
/// such as coordinates of boxes, residue numbers, or ids with gaps:
///
///     logits(h L_q + i, j) += weights(buckets(key_positions[j] - query_positions[i]), h)
///
/// For consecutive tokens make_t5_table() and add_distance_bias() do the same without a lookup for each pair. LayoutLM
/// adds three such biases, each divided by sqrt(head_dim): of the positions, of the left and of the lower sides of the
/// boxes (columns 0 and 3 of bbox). The tables of AlphaFold and ProteinMPNN are ordered by query - key: give their rows
/// of distances in reverse.
/// @param[in,out] logits   (num_heads L_q) x L_k, head by head: any writable Eigen object, row- or column-major.
/// @param weights          num_buckets x num_heads, or DistanceClip::rows() x num_heads; with `segments`,
///                         segments.rows() more rows.
/// @param buckets          T5Buckets, or DistanceClip(left, right) with a row for each distance from -left to right:
///                         Phi-4's audio has DistanceClip(max_distance, max_distance - 1), AlphaFold and ESMFold
///                         DistanceClip::symmetric(32).
/// @param query_positions  PositionRange(first, L_q), or a list of L_q integers: ids, box coordinates, residue numbers.
/// @param key_positions    The same of the L_k keys.
/// @throws std::invalid_argument  another shape; memory that overlaps.
/// @throws std::out_of_range      a position outside of [-2^57, 2^57]. `logits` is unchanged whenever one is thrown.
/// Cost:     one lookup for each pair and one for each logit. Allocates a copy of the weights by head, the row numbers
///           of one line of logits, and where there are fewer distances than pairs their buckets (bench_relative_bias:
///           biases by bucket).
/// Accuracy: each sum is formed in float or double and rounded once [accuracy][bucket_bias].
/// Source:   Xu et al. 2021, arXiv:2012.14740, section 2.2; Jumper et al. 2021, doi:10.1038/s41586-021-03819-2,
///           algorithm 4.
/// Matches:  LayoutLMv3Encoder, CpmAntSegmentPositionEmbedding, EsmFoldRelativePosition (rows 1 and up; row 0 is for
///           masked pairs) and Phi4MultimodalAudioRelativeAttentionBias of transformers.
template <typename Logits, typename Weights, typename Buckets, typename QueryPositions, typename KeyPositions,
          detail::IfDense<Logits, Weights> = 0, detail::IfBuckets<Buckets> = 0>
void add_bucket_bias(Logits&& logits, const Weights& weights, const Buckets& buckets,
                     const QueryPositions& query_positions, const KeyPositions& key_positions) {
  detail::add_bucket_bias(detail::written(std::forward<Logits>(logits)), weights, buckets, query_positions,
                          key_positions, nullptr);
}

/// @overload
/// With segments: a query and a key of different segments take a row of the weights that follows those of the buckets.
/// @param segments  SegmentPairs(query_segments, key_segments), or with num_segments as a third argument.
/// @throws std::invalid_argument  in addition: another number of segments than of queries or keys.
template <typename Logits, typename Weights, typename Buckets, typename QueryPositions, typename KeyPositions,
          detail::IfDense<Logits, Weights> = 0, detail::IfBuckets<Buckets> = 0>
void add_bucket_bias(Logits&& logits, const Weights& weights, const Buckets& buckets,
                     const QueryPositions& query_positions, const KeyPositions& key_positions,
                     const SegmentPairs& segments) {
  detail::add_bucket_bias(detail::written(std::forward<Logits>(logits)), weights, buckets, query_positions,
                          key_positions, &segments);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_bucket_bias(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_bucket_bias(logits, weights, buckets, query_positions, key_positions), and "
                "SegmentPairs last where there are segments: logits and weights are Eigen objects, buckets a T5Buckets "
                "or a DistanceClip");
}

/// The gradient of add_bucket_bias(): grad_weights(row of the pair (i, j), h) += grad_logits(h L_q + i, j).
///
/// Deterministic: the logits are summed in order of memory.
/// @param[in,out] grad_weights            Has the shape of the weights.
/// @param grad_logits                     (num_heads L_q) x L_k, head by head.
/// @param buckets                         As in the forward call.
/// @param query_positions, key_positions  As in the forward call.
/// @throws as add_bucket_bias(); grad_weights is then unchanged.
/// Cost:     that of add_bucket_bias() (bench_relative_bias: biases by bucket).
/// Accuracy: summed in double and rounded once; the adjoint to 1e-12 of the sum of the terms' sizes
///           [accuracy][bucket_bias].
/// Source:   as add_bucket_bias(): what a framework's autograd sums by index.
template <typename GradWeights, typename Grad, typename Buckets, typename QueryPositions, typename KeyPositions,
          detail::IfDense<GradWeights, Grad> = 0, detail::IfBuckets<Buckets> = 0>
void bucket_bias_backward(GradWeights&& grad_weights, const Grad& grad_logits, const Buckets& buckets,
                          const QueryPositions& query_positions, const KeyPositions& key_positions) {
  detail::bucket_bias_backward(detail::written(std::forward<GradWeights>(grad_weights)), grad_logits, buckets,
                               query_positions, key_positions, nullptr);
}

/// @overload
/// With segments.
/// @param segments  As in the forward call.
template <typename GradWeights, typename Grad, typename Buckets, typename QueryPositions, typename KeyPositions,
          detail::IfDense<GradWeights, Grad> = 0, detail::IfBuckets<Buckets> = 0>
void bucket_bias_backward(GradWeights&& grad_weights, const Grad& grad_logits, const Buckets& buckets,
                          const QueryPositions& query_positions, const KeyPositions& key_positions,
                          const SegmentPairs& segments) {
  detail::bucket_bias_backward(detail::written(std::forward<GradWeights>(grad_weights)), grad_logits, buckets,
                               query_positions, key_positions, &segments);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto bucket_bias_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write bucket_bias_backward(grad_weights, grad_logits, buckets, query_positions, "
                "key_positions), and SegmentPairs last where there are segments");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BUCKET_BIAS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// T5: a learned bias for each bucket of distances.
#ifndef POSENC_RELATIVE_BIAS_T5_HPP
#define POSENC_RELATIVE_BIAS_T5_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/relative_bias/detail/list.hpp"
#include "posenc/relative_bias/detail/log_buckets.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The buckets of T5: single distances up to max_exact, then logarithmically wider ones up to max_distance.
///
/// With nb buckets per direction (num_buckets, or half of them when bidirectional), max_exact = nb / 2 and the
/// distance n = |key - query| (causal: query - key, and 0 for keys after the query),
///
///     bucket = n                                                                            n < max_exact
///              min(nb - 1, max_exact + floor(ln(n / max_exact) / ln(max_distance / max_exact) (nb - max_exact)))
///
/// plus nb for keys after the query when bidirectional. The boundaries of buckets are found in integers, without the
/// rounding of logarithms.
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1; the formula is in mesh-tensorflow.
/// Matches:  Hugging Face T5Attention._relative_position_bucket, T5X, CTranslate2; ONNX Runtime
///           RelativePositionBias, but for keys after a causal query, which are masked.
class T5Buckets {
 public:
  /// @param num_buckets    At least 2 (causal) or 4 (bidirectional), at most 8192; T5: 32.
  /// @param max_distance   From here on all distances share the last bucket; > max_exact and < 2^31; T5: 128.
  /// @param bidirectional  Encoder: true; decoder: false.
  /// @throws std::invalid_argument  one of these does not hold.
  T5Buckets(detail::Size num_buckets, detail::Size max_distance, detail::Switch bidirectional)
      : num_buckets_(num_buckets),
        per_direction_(num_buckets / (bidirectional ? 2 : 1)),
        max_exact_(per_direction_ / 2),
        bidirectional_(bidirectional) {
    const char* const function = "T5Buckets";
    const Eigen::Index fewest = bidirectional ? 4 : 2;
    detail::require(num_buckets >= fewest && num_buckets <= detail::kMaxLogSteps, function, "num_buckets", num_buckets,
                    "at least ", fewest, bidirectional ? " (bidirectional)" : " (causal)", " and at most ",
                    detail::kMaxLogSteps);
    detail::require(max_distance > max_exact_ && static_cast<std::int64_t>(max_distance) < (std::int64_t(1) << 31),
                    function, "max_distance", max_distance, "> max_exact ", max_exact_, " and < 2^31");
    first_distance_ = detail::log_thresholds(max_exact_, max_distance, per_direction_ - max_exact_);
    first_distance_.pop_back();  // max_distance itself stays in the last bucket
  }

  Eigen::Index num_buckets() const { return num_buckets_; }
  bool bidirectional() const { return bidirectional_; }

  /// The bucket of a distance, key - query, in [0, num_buckets).
  Eigen::Index operator()(std::int64_t distance) const {
    const Eigen::Index side = bidirectional_ && distance > 0 ? per_direction_ : 0;
    const std::int64_t n = distance > 0 ? (bidirectional_ ? distance : 0)
                                        : -(std::max)(distance, -(std::numeric_limits<std::int64_t>::max)());
    if (n < max_exact_) return side + static_cast<Eigen::Index>(n);
    const auto above = std::upper_bound(first_distance_.begin(), first_distance_.end(), n);
    return side + max_exact_ + static_cast<Eigen::Index>(above - first_distance_.begin()) - 1;
  }

 private:
  Eigen::Index num_buckets_;
  Eigen::Index per_direction_;
  Eigen::Index max_exact_;
  bool bidirectional_;
  std::vector<std::int64_t> first_distance_;  // of bucket max_exact_ + k
};

/// Returns the bias of T5 by distance: table(h, d) = weights(buckets(d), h).
///
/// T5 adds it to logits that are not divided by sqrt(head_dim), computes it once and uses it in every layer.
/// @param weights    num_buckets x num_heads, `relative_attention_bias.weight`; T5X stores its transpose.
/// @param buckets    Of the model's config.
/// @param distances  span.distances(), or DistanceRange::causal(n) or symmetric(n) for every length up to n.
/// @throws std::invalid_argument  weights.rows() is not num_buckets.
/// Cost:     one copy for each head and distance, in 7 to 10 times the time of copying the table; no bench case, called
///           once for a length.
/// Accuracy: copies [accuracy][relative_bias].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1.
/// Matches:  Hugging Face T5Attention.compute_bias, T5X, CTranslate2, ONNX Runtime RelativePositionBias.
template <typename Weights, detail::IfDense<Weights> = 0>
DistanceTable<typename Weights::Scalar> make_t5_table(const Weights& weights, const T5Buckets& buckets,
                                                      const DistanceRange& distances) {
  detail::require(weights.rows() == buckets.num_buckets(), "make_t5_table", "weights.rows()", weights.rows(),
                  "num_buckets ", buckets.num_buckets(), ", with a column for each head (T5X stores the transpose)");
  const auto& weights_values = detail::evaluated(weights);
  DistanceTable<typename Weights::Scalar> table(weights_values.cols(), distances);
  constexpr Eigen::Index block = 64;  // distances of which all heads are written: a head's row is written in one run
  Eigen::Index bucket_of[block];
  for (Eigen::Index first = distances.first(); first <= distances.last(); first += block) {
    const Eigen::Index count = (std::min)(block, distances.last() - first + 1);
    for (Eigen::Index i = 0; i < count; ++i) bucket_of[i] = buckets(first + i);
    for (Eigen::Index head = 0; head < weights_values.cols(); ++head) {
      auto row = table.values().row(head).segment(first - distances.first(), count);
      for (Eigen::Index i = 0; i < count; ++i) row[i] = weights_values.coeff(bucket_of[i], head);
    }
  }
  return table;
}

/// @overload
/// Says how distances are written.
template <typename Weights, typename Number>
DistanceTable<typename Weights::Scalar> make_t5_table(const Weights& weights, const T5Buckets& buckets,
                                                      std::initializer_list<Number>) {
  static_assert(
      detail::kMisuse<Number>,
      "posenc: bare braces are not distances: write make_t5_table(weights, buckets, DistanceRange(first, last)), "
      "or span.distances()");
  return make_t5_table(weights, buckets, DistanceRange(0, -1));
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_t5_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_t5_table(weights, buckets, distances): weights is num_buckets x num_heads, buckets "
                "a T5Buckets, distances span.distances()");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_t5_table(): grad_weights(buckets(d), h) += grad_table(h, d), in order of d.
/// @param[in,out] grad_weights  num_buckets x num_heads.
/// @param grad_table            dL/d(table), as distance_bias_backward() sums it.
/// @param buckets               As in the forward call.
/// @throws std::invalid_argument  another shape; memory that overlaps. Nothing is written then.
/// Cost:     one addition for each head and distance; no allocation; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [relative_bias][rounded_once]; adjoint to the forward call to 1e-12 of the
///           sum of the terms' sizes in double, 4 eps in float [relative_bias][properties].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1.
template <typename GradWeights, typename Scalar, detail::IfDense<GradWeights> = 0>
void t5_table_backward(GradWeights&& grad_weights, const DistanceTable<Scalar>& grad_table, const T5Buckets& buckets) {
  const char* const function = "t5_table_backward";
  auto& grad = detail::written(std::forward<GradWeights>(grad_weights));
  detail::require_shape(function, "grad_weights", grad, buckets.num_buckets(), grad_table.num_heads());
  detail::require_target(function, "grad_weights", grad, grad_table.values());
  // The distances of a bucket follow one another.
  const Eigen::Index last = grad_table.distances().last();
  for (Eigen::Index first = grad_table.distances().first(); first <= last;) {
    const Eigen::Index bucket = buckets(first);
    Eigen::Index end = first + 1;
    while (end <= last && buckets(end) == bucket) ++end;
    for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
      double sum = 0;
      for (Eigen::Index d = first; d < end; ++d) sum += static_cast<double>(grad_table(head, d));
      detail::add_in_double(grad.coeffRef(bucket, head), sum);
    }
    first = end;
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto t5_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write t5_table_backward(grad_weights, grad_table, buckets): grad_weights is num_buckets x "
                "num_heads, grad_table the DistanceTable that distance_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_T5_HPP

// SPDX-License-Identifier: MIT
/// @file
/// DebertaBuckets: which row of DeBERTa's tables a distance has.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_BUCKETS_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_BUCKETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/relative_bias/detail/log_buckets.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The rows of DeBERTa's tables by distance: each distance near 0 has its own, logarithmically wider buckets share one.
/// Here the distance is query - key, as in the original.
///
/// With s = rows() / 2, row(query - key) = clamp(bucket(query - key) + s, 0, 2s - 1). Without buckets (v1)
/// bucket(n) = n and s = max_position. With `position_buckets` b (v2, v3), mid = b / 2 and s = b:
///
///     bucket(n) = n                                                                             |n| <= mid
///                 sign(n) (mid + ceil(ln(|n| / mid) / ln((max_position - 1) / mid) (mid - 1)))  otherwise
///
/// The boundaries of buckets are found in integers, without the rounding of logarithms.
/// Source:   He et al. 2021, arXiv:2006.03654; v3 arXiv:2111.09543.
/// Matches:  make_log_bucket_position of Microsoft's DeBERTa and of Hugging Face.
class DebertaBuckets {
 public:
  /// Without buckets, as v1.
  /// @param max_position  [tokens] `max_relative_positions`, > 0 (512) and at most 2^20.
  /// @throws std::invalid_argument  that does not hold.
  explicit DebertaBuckets(detail::Size max_position) {
    require_max_position(max_position);
    fill(max_position, max_position, max_position);
  }

  /// With logarithmic buckets, as v2 and v3.
  /// @param max_position      [tokens] `max_relative_positions`, > 0 (512) and at most 2^20.
  /// @param position_buckets  Even, in [4, 8192] (256), and position_buckets / 2 < max_position - 1.
  /// @throws std::invalid_argument  one of these does not hold.
  explicit DebertaBuckets(detail::Size max_position, detail::Size position_buckets) {
    require_max_position(max_position);
    detail::require(position_buckets >= 4 && position_buckets % 2 == 0 && position_buckets / 2 < max_position - 1 &&
                        position_buckets <= detail::kMaxLogSteps,
                    "DebertaBuckets", "position_buckets", position_buckets, "even, >= 4, at most ",
                    detail::kMaxLogSteps, " and < 2 (max_position - 1) = ", 2 * (max_position - 1));
    fill(max_position, position_buckets / 2, position_buckets);
  }

  /// Rows of the tables: 2s.
  Eigen::Index rows() const { return 2 * half_; }

  /// The table row of query - key.
  Eigen::Index operator()(std::int64_t query_minus_key) const {
    const std::int64_t last = static_cast<std::int64_t>(bucket_.size() - 1);
    const std::int64_t n = (std::min)((std::max)(query_minus_key, -last), last);
    const Eigen::Index size = bucket_[static_cast<std::size_t>(n < 0 ? -n : n)];
    const Eigen::Index bucket = n < 0 ? -size : size;
    return (std::min)((std::max)(bucket + half_, Eigen::Index(0)), 2 * half_ - 1);
  }

 private:
  static void require_max_position(Eigen::Index max_position) {
    constexpr Eigen::Index limit = Eigen::Index(1) << 20;
    detail::require(max_position > 0 && max_position <= limit, "DebertaBuckets", "max_position", max_position,
                    "> 0 and at most ", limit);
  }

  void fill(Eigen::Index max_position, Eigen::Index mid, Eigen::Index half) {
    half_ = half;
    // One distance more than max_position - 1: -max_position still has a row of its own.
    bucket_.resize(static_cast<std::size_t>(max_position + 1));
    Eigen::Index step = 0;
    for (Eigen::Index n = 0; n <= max_position; ++n) {
      Eigen::Index& bucket = bucket_[static_cast<std::size_t>(n)];
      bucket = n;
      if (n <= mid) continue;
      // ceil(quotient) is the first step that the quotient does not exceed.
      while (step < mid && detail::compare_log_quotient(n, step, mid, max_position - 1, mid - 1) > 0) ++step;
      bucket = mid + step;
    }
  }

  Eigen::Index half_ = 0;
  std::vector<Eigen::Index> bucket_;  // of |n|; larger distances share the last
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_BUCKETS_HPP

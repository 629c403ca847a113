// SPDX-License-Identifier: MIT
/// @file
/// Logarithmic buckets of distances in exact integer arithmetic.
///
/// The published formulas truncate a quotient of two logarithms. Where the quotient is a whole number, a logarithm that
/// is one ulp too low puts a distance into the wrong bucket. Integers have no such error.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_LOG_BUCKETS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_LOG_BUCKETS_HPP

#include "posenc/detail/abi.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A whole number of any size, for products and comparisons.
class BigNumber {
 public:
  BigNumber& multiply_by_power(std::uint32_t factor, Eigen::Index exponent) {
    for (Eigen::Index k = 0; k < exponent; ++k) {
      std::uint64_t carry = 0;
      for (std::int64_t& digit : digits_) {
        carry += static_cast<std::uint64_t>(digit) * factor;
        digit = static_cast<std::int64_t>(carry & 0xffffffffu);
        carry >>= 32;
      }
      if (carry != 0) digits_.push_back(static_cast<std::int64_t>(carry));
    }
    return *this;
  }
  friend bool operator<(const BigNumber& a, const BigNumber& b) {
    if (a.digits_.size() != b.digits_.size()) return a.digits_.size() < b.digits_.size();
    for (std::size_t i = a.digits_.size(); i-- > 0;) {
      if (a.digits_[i] != b.digits_[i]) return a.digits_[i] < b.digits_[i];
    }
    return false;
  }

 private:
  std::vector<std::int64_t> digits_ = {1};  // of 32 bits, least significant first
};

/// Limit on `steps` below: keeps the powers short enough to be compared in milliseconds.
inline constexpr Eigen::Index kMaxLogSteps = Eigen::Index(1) << 13;

/// The sign of steps * ln(n / first) / ln(last / first) - k, that is of n^steps - last^k first^(steps - k).
/// 0 < first <= n < 2^31, first < last < 2^31, 1 <= steps <= kMaxLogSteps, 0 <= k <= 2 steps.
inline int compare_log_quotient(std::int64_t n, Eigen::Index k, std::int64_t first, std::int64_t last,
                                Eigen::Index steps) {
  // Doubles decide where they can. log1p of the excess over 1 keeps full relative precision however close n and last
  // are to first, so near k <= 2 steps the quotient is right to 2^14 * 8 * 2^-53 < 2e-11.
  const auto log_ratio = [first](std::int64_t value) {
    return std::log1p(static_cast<double>(value - first) / static_cast<double>(first));
  };
  const double difference = static_cast<double>(steps) * log_ratio(n) / log_ratio(last) - static_cast<double>(k);
  if (std::abs(difference) > 1e-9) return difference > 0 ? 1 : -1;
  const auto whole = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const BigNumber power = BigNumber().multiply_by_power(whole(n), steps);
  const BigNumber limit = BigNumber().multiply_by_power(whole(last), k).multiply_by_power(whole(first), steps - k);
  return power < limit ? -1 : limit < power ? 1 : 0;
}

/// For k = 0, ..., steps: the smallest n >= first whose quotient is at least k, so that floor(quotient) is the last k
/// with thresholds[k] <= n.
inline std::vector<std::int64_t> log_thresholds(std::int64_t first, std::int64_t last, Eigen::Index steps) {
  const double log_ratio = std::log(static_cast<double>(last) / static_cast<double>(first));
  std::vector<std::int64_t> thresholds;
  for (Eigen::Index k = 0; k <= steps; ++k) {
    const double estimate =
        static_cast<double>(first) * std::exp(log_ratio * static_cast<double>(k) / static_cast<double>(steps));
    std::int64_t n = (std::max)(static_cast<std::int64_t>(estimate), first);
    while (compare_log_quotient(n, k, first, last, steps) < 0) ++n;
    while (n > first && compare_log_quotient(n - 1, k, first, last, steps) >= 0) --n;
    thresholds.push_back(n);
  }
  return thresholds;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_LOG_BUCKETS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Numbers drawn by the rules of initializers.hpp: draw(rule, rows, width, seed) returns a function of the next one.
#ifndef POSENC_LEARNABLE_DETAIL_DRAW_HPP
#define POSENC_LEARNABLE_DETAIL_DRAW_HPP

#include "posenc/learnable/detail/random.hpp"
#include "posenc/learnable/initializers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether T is a rule that takes a seed.
template <typename T>
inline constexpr bool is_random_rule =
    std::is_same_v<T, Normal> || std::is_same_v<T, TruncatedNormal> || std::is_same_v<T, Uniform> ||
    std::is_same_v<T, XavierUniform> || std::is_same_v<T, XavierNormal>;

inline auto draw(const Normal& rule, Eigen::Index, Eigen::Index, std::uint64_t seed) {
  return [rule, uniform = UniformSource(seed)]() mutable {
    return std::fma(rule.stddev(), normal_quantile(uniform()), rule.mean());
  };
}

inline auto draw(const Uniform& rule, Eigen::Index, Eigen::Index, std::uint64_t seed) {
  return [rule, uniform = UniformSource(seed)]() mutable {
    return std::fma(rule.high() - rule.low(), uniform(), rule.low());
  };
}

inline auto draw(const TruncatedNormal& rule, Eigen::Index, Eigen::Index, std::uint64_t seed) {
  double low = (rule.low() - rule.mean()) / rule.stddev();
  double high = (rule.high() - rule.mean()) / rule.stddev();
  const double sign = low > 0 ? -1 : 1;  // doubles resolve the lower tail
  if (sign < 0) {
    std::swap(low, high);
    low = -low;
    high = -high;
  }
  const double share_low = normal_share_below(low);
  const double share_high = normal_share_below(high);
  return [=, uniform = UniformSource(seed)]() mutable {
    const double share = (std::min)(std::fma(share_high - share_low, uniform(), share_low), 1 - 0x1p-53);
    const double z = sign * normal_quantile(share);
    return (std::min)((std::max)(std::fma(rule.stddev(), z, rule.mean()), rule.low()), rule.high());
  };
}

/// gain sqrt(2 / (rows + width)).
inline double xavier_stddev(double gain, Eigen::Index rows, Eigen::Index width) {
  const double sum = static_cast<double>(rows) + static_cast<double>(width);
  return sum == 0 ? 0.0 : gain * std::sqrt(2 / sum);
}

inline auto draw(const XavierUniform& rule, Eigen::Index rows, Eigen::Index width, std::uint64_t seed) {
  const double bound = std::sqrt(3.0) * xavier_stddev(rule.gain(), rows, width);
  return draw(Uniform(-bound, bound), rows, width, seed);
}

inline auto draw(const XavierNormal& rule, Eigen::Index rows, Eigen::Index width, std::uint64_t seed) {
  return draw(Normal(xavier_stddev(rule.gain(), rows, width)), rows, width, seed);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_DRAW_HPP

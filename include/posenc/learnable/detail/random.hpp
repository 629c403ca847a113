// SPDX-License-Identifier: MIT
/// @file
/// Random numbers with the same bits on every platform: the engine is the standard's, the distributions are posenc's.
///
/// Only operations that IEEE 754 rounds correctly take part (+ - * / sqrt, std::fma), and every product that is added
/// to goes through std::fma, so that it does not matter whether a compiler fuses. -ffast-math voids that.
#ifndef POSENC_LEARNABLE_DETAIL_RANDOM_HPP
#define POSENC_LEARNABLE_DETAIL_RANDOM_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/mersenne_twister.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One number for each call, uniform in (0, 1): (k + 1/2) 2^-52 with k the upper 52 bits of the engine's next output.
class UniformSource {
 public:
  explicit UniformSource(std::uint64_t seed) : engine_(seed) {}
  double operator()() { return (static_cast<double>(engine_() >> 12) + 0.5) * 0x1p-52; }

 private:
  MersenneTwister engine_;
};

/// c[0] + x (c[1] + x (c[2] + ...)).
template <int Count>
double polynomial(const double (&c)[Count], double x) {
  double sum = c[Count - 1];
  for (int i = Count - 2; i >= 0; --i) sum = std::fma(sum, x, c[i]);
  return sum;
}

/// log(x) for finite x > 0, to 2 ulp, without the platform's libm: x = m 2^e with m in [sqrt(1/2), sqrt(2)), and
/// log m = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.1716; what the series leaves out is below 2^-56 of it.
inline double portable_log(double x) {
  static constexpr double kArtanh[] = {1.,      1. / 3,  1. / 5,  1. / 7,  1. / 9,  1. / 11,
                                       1. / 13, 1. / 15, 1. / 17, 1. / 19, 1. / 21, 1. / 23};
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact
  if (m < 0x1.6a09e667f3bcdp-1) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double log_m = 2 * s * polynomial(kArtanh, s * s);
  return std::fma(static_cast<double>(exponent), 0x1.62e42fefa39efp-1, log_m);
}

/// The z with a share p of the standard normal distribution below it, 0 < p < 1.
/// Accuracy: 2e-15 relative. Source: Wichura 1988, Applied Statistics 37(3), algorithm AS 241, PPND16.
inline double normal_quantile(double p) {
  static constexpr double kCenter[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                       1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                       3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double kCenterBelow[] = {1.,
                                            4.2313330701600911252e1,
                                            6.8718700749205790830e2,
                                            5.3941960214247511077e3,
                                            2.1213794301586595867e4,
                                            3.9307895800092710610e4,
                                            2.8729085735721942674e4,
                                            5.2264952788528545610e3};
  static constexpr double kTail[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                     3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                     2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double kTailBelow[] = {1.,
                                          2.05319162663775882187e0,
                                          1.67638483018380384940e0,
                                          6.89767334985100004550e-1,
                                          1.48103976427480074590e-1,
                                          1.51986665636164571966e-2,
                                          5.47593808499534494600e-4,
                                          1.05075007164441684324e-9};
  static constexpr double kFar[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double kFarBelow[] = {1.,
                                         5.99832206555887937690e-1,
                                         1.36929880922735805310e-1,
                                         1.48753612908506148525e-2,
                                         7.86869131145613259100e-4,
                                         1.84631831751005468180e-5,
                                         1.42151175831644588870e-7,
                                         2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);
    return q * polynomial(kCenter, r) / polynomial(kCenterBelow, r);
  }
  const double r = std::sqrt(-portable_log(q < 0 ? p : 1 - p));
  const double z = r <= 5 ? polynomial(kTail, r - 1.6) / polynomial(kTailBelow, r - 1.6)
                          : polynomial(kFar, r - 5) / polynomial(kFarBelow, r - 5);
  return q < 0 ? -z : z;
}

/// The p in [0, 1] with normal_quantile(p) = z, by bisection over all doubles: as portable as the quantile itself.
/// Precise for z < 0; for z > 0 take 1 - p(-z).
inline double normal_share_below(double z) {
  const auto value = [](std::uint64_t bits) {
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  };
  std::uint64_t low = 0;                     // 0.0, whose quantile is below any z
  std::uint64_t high = 0x3ff0000000000000u;  // 1.0, whose quantile is above
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (normal_quantile(value(middle)) < z ? low : high) = middle;
  }
  return value(high);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_RANDOM_HPP

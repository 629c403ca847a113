// SPDX-License-Identifier: MIT
/// @file
/// Cosine and sine of position * frequency for many frequencies at once, in double.
///
/// By the machine's level of instructions, or by plain loops without a branch, of which compilers make vector code.
/// std::sin and std::cos do not vectorize: measured in benchmarks/, this is more than 15 times faster.
#ifndef POSENC_DETAIL_SIN_COS_HPP
#define POSENC_DETAIL_SIN_COS_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/sin_cos_kernels.hpp"
#include "posenc/detail/vector_code.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Arrays given to sin_cos() hold a multiple of this many values.
inline constexpr int kAngleBlock = 16;

/// Beyond this angle the reduction below is no longer exact, and sin_cos_libm() takes over.
inline constexpr double kMaxReducedAngle = 16777216.0;  // 2^24

/// Whether compilers leave the reduction below as it is written: reassociation and the long registers of x87 undo it.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(_M_FP_FAST) || FLT_EVAL_METHOD == 2
inline constexpr bool kReducesExactly = false;
#else
inline constexpr bool kReducesExactly = true;
#endif

/// The scalar twin of sin_cos(): one libm call per value, for angles of any size. That of an anchor may overflow where those
/// of its positions do not: it is 0 then, so that no cosine is NaN.
inline void sin_cos_libm(const double* frequency, double position, int count, double* cosine, double* sine) {
  for (int i = 0; i < count; ++i) {
    const double angle = position * frequency[i];
    const double finite = std::abs(angle) <= DBL_MAX ? angle : 0;
    cosine[i] = std::cos(finite);
    sine[i] = std::sin(finite);
  }
}

/// cosine[i] = cos(position * frequency[i]) and the sine, for i < kAngleBlock; |position * frequency[i]| <= 2^24. Where
/// there are levels, the scalar twin of their kernels.
///
/// With n = round(angle / (pi/2)) the remainder is r = angle - n pi/2, pi/2 being split into 29 + 53 bits: the product
/// of n with the first is exact, and with the second, below 2^-6, off by 2^-59. |r| <= pi/4 (1 + 2^-20), where the
/// minimax polynomials of degree 13 and 14 (their free coefficients rounded to double) are off by less than 2^-56. The
/// quadrant m = n mod 4 in {-2, ..., 2} rotates (cos r, sin r) by m pi/2 without a branch: cos(m pi/2) = 1 - |m| and
/// sin(m pi/2) = m (2 - |m|).
/// Accuracy: 2^-52 + |angle| 2^-53, the second term from rounding the product.
inline void sin_cos_block(const double* __restrict frequency, double position, double* __restrict cosine,
                          double* __restrict sine) {
#if defined(__clang__) && __clang_major__ >= 13  // Apple's clang 12 does not know it
#pragma clang fp reassociate(off)                // clang has no macro for -fassociative-math
#endif
  constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
  constexpr double half_pi_high = 0x1.921fb54p+0;
  constexpr double half_pi_low = 0x1.10b4611a62633p-30;
  constexpr double to_integer = 0x1.8p52;  // x + to_integer - to_integer rounds x to the nearest integer
  for (int i = 0; i < kAngleBlock; ++i) {
    const double angle = position * frequency[i];
    const double n = (angle * two_over_pi + to_integer) - to_integer;
    const double r = (angle - n * half_pi_high) - n * half_pi_low;
    const double z = r * r;
    const double sin_tail =
        -0x1.555555555553dp-3 +
        z * (0x1.111111110eb1fp-7 +
             z * (-0x1.a01a019ab4ad8p-13 +
                  z * (0x1.71de347564205p-19 + z * (-0x1.ae5db478195f4p-26 + z * 0x1.5d64c91504670p-33))));
    const double cos_tail =
        0x1.555555555554cp-5 +
        z * (-0x1.6c16c16c15184p-10 +
             z * (0x1.a01a019cb26eap-16 +
                  z * (-0x1.27e4f80a760f9p-22 + z * (0x1.1ee9ec477a290p-29 + z * -0x1.8faecf0eeaed9p-37))));
    const double sin_r = r + r * z * sin_tail;
    const double cos_r = 1.0 + z * (z * cos_tail - 0.5);
    const double m = n - 4.0 * ((n * 0.25 + to_integer) - to_integer);
    const double abs_m = std::abs(m);
    const double cos_m = 1.0 - abs_m;
    const double sin_m = m * (2.0 - abs_m);
    cosine[i] = cos_m * cos_r - sin_m * sin_r;
    sine[i] = sin_m * cos_r + cos_m * sin_r;
  }
}

/// cosine[i] = cos(position * frequency[i]) and the sine, for i < count, a multiple of kAngleBlock.
/// `max_frequency` is the largest |frequency[i]|. All finite.
/// A function of its own, because the kernels that call it a few times for many rows would each hold several copies.
POSENC_NOINLINE inline void sin_cos(const double* frequency, double max_frequency, double position, int count,
                                    double* cosine, double* sine) {
  if (position == 0) {  // an anchor and an offset of most tables
    std::fill_n(cosine, count, 1.0);
    std::fill_n(sine, count, 0.0);
    return;
  }
  const bool reducible = kReducesExactly && std::abs(position) * max_frequency <= kMaxReducedAngle;
  if (!reducible) return sin_cos_libm(frequency, position, count, cosine, sine);
#if POSENC_HAS_LEVELS
  sin_cos_kernel(level_of_machine())(frequency, position, count, cosine, sine);
#else
  for (int i = 0; i < count; i += kAngleBlock) sin_cos_block(frequency + i, position, cosine + i, sine + i);
#endif
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SIN_COS_HPP

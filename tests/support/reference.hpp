// SPDX-License-Identifier: MIT
/// Cosine and sine to check against: MPFR where CMake found it, else long double where that is wider than double.
#ifndef POSENC_TESTS_REFERENCE_HPP
#define POSENC_TESTS_REFERENCE_HPP

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>

#if defined(POSENC_TESTS_HAVE_MPFR)
#include <mpfr.h>
#endif

namespace posenc_tests {

struct CosSin {
  long double cos;
  long double sin;
};

#if defined(POSENC_TESTS_HAVE_MPFR)

inline constexpr bool kHasReference = true;

/// Angles need no rounding: a position of 64 bits times a frequency of 53 bits fits into these.
inline constexpr mpfr_prec_t kAnglePrecision = 128;

/// One MPFR number, cleared with its scope.
class Mpfr {
 public:
  explicit Mpfr(mpfr_prec_t precision) { mpfr_init2(value, precision); }
  ~Mpfr() { mpfr_clear(value); }
  Mpfr(const Mpfr&) = delete;
  Mpfr& operator=(const Mpfr&) = delete;
  mpfr_t value;
};

/// cos and sin of position * frequency, the product exact, correct to 2^-64.
inline CosSin reference_cos_sin(long double position, double frequency) {
  Mpfr angle(kAnglePrecision);
  Mpfr cosine(64);
  Mpfr sine(64);
  mpfr_set_ld(angle.value, position, MPFR_RNDN);
  mpfr_mul_d(angle.value, angle.value, frequency, MPFR_RNDN);
  mpfr_sin_cos(sine.value, cosine.value, angle.value, MPFR_RNDN);
  return {mpfr_get_ld(cosine.value, MPFR_RNDN), mpfr_get_ld(sine.value, MPFR_RNDN)};
}

/// cos and sin of a float, each rounded once to float.
inline void correctly_rounded_cos_sin(float angle, float& cosine, float& sine) {
  Mpfr exact(24);
  Mpfr result(24);
  mpfr_set_flt(exact.value, angle, MPFR_RNDN);
  mpfr_cos(result.value, exact.value, MPFR_RNDN);
  cosine = mpfr_get_flt(result.value, MPFR_RNDN);
  mpfr_sin(result.value, exact.value, MPFR_RNDN);
  sine = mpfr_get_flt(result.value, MPFR_RNDN);
}

#else

inline constexpr bool kHasReference = LDBL_MANT_DIG > DBL_MANT_DIG;

inline CosSin reference_cos_sin(long double position, double frequency) {
  const long double angle = position * static_cast<long double>(frequency);
  return {std::cos(angle), std::sin(angle)};
}

inline void correctly_rounded_cos_sin(float angle, float& cosine, float& sine) {
  cosine = static_cast<float>(std::cos(static_cast<long double>(angle)));
  sine = static_cast<float>(std::sin(static_cast<long double>(angle)));
}

#endif

/// Whether frequency rules and float32 mode are worked out in more than double: see Frequencies.
inline constexpr bool kWideLongDouble = LDBL_MANT_DIG > DBL_MANT_DIG;

/// What a frequency rule that promises `promised` ulp is held to on this platform.
constexpr double rule_ulps(double promised) { return kWideLongDouble ? promised : 64; }

/// True, after saying so, where float32 mode is not exact to the bit.
inline bool skip_without_wide_long_double(const std::string& what) {
  if (kWideLongDouble) return false;
  std::cout << "skipped: " << what << " (needs a long double wider than double)\n";
  return true;
}

/// True, after saying so, when nothing wider than double is at hand. Use: `if (skip_without_reference("what")) return;`
inline bool skip_without_reference(const std::string& what) {
  if (kHasReference) return false;
  std::cout << "skipped: " << what << " (needs MPFR, or a long double wider than double)\n";
  return true;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_REFERENCE_HPP

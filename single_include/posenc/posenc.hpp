// SPDX-License-Identifier: MIT
//
// posenc 0.1.0: Transformer positional encodings on Eigen, in one header. Needs C++17 and Eigen 3.4 or later.
// Generated: edit include/ instead.
//
// MIT License
//
// Copyright (c) 2026 the posenc authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// ---- posenc/version.hpp
/// The version of posenc, and a stop for two different copies of it in one translation unit.

// Compared before the include guard: inside it, a second and different copy would never be seen.
#if defined(POSENC_VERSION_MAJOR) && \
    (POSENC_VERSION_MAJOR != 0 || POSENC_VERSION_MINOR != 1 || POSENC_VERSION_PATCH != 0)
#error "two different versions of posenc are included in one translation unit"
#endif

#ifndef POSENC_VERSION_HPP
#define POSENC_VERSION_HPP

#define POSENC_VERSION_MAJOR 0
#define POSENC_VERSION_MINOR 1
#define POSENC_VERSION_PATCH 0

#endif  // POSENC_VERSION_HPP

// ---- posenc/detail/abi.hpp
/// POSENC_ABI, the inline namespace that every name of posenc lives in.
///
/// It spells the version and all that changes the code or the layout of a template instance: the vector
/// instruction set, Eigen's alignment and major version, fast-math, exceptions.
/// Translation units compiled with different -march therefore hold different symbols: they link, and neither
/// runs the other's instructions. Users write `posenc::` and never see it.
#ifndef POSENC_DETAIL_ABI_HPP
#define POSENC_DETAIL_ABI_HPP

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "posenc needs Eigen 3.4 or later"
#endif

#if defined(__AVX512F__)
#define POSENC_ABI_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define POSENC_ABI_ISA avx2fma
#elif defined(__AVX2__)
#define POSENC_ABI_ISA avx2
#elif defined(__AVX__)
#define POSENC_ABI_ISA avx
#elif defined(__SSE4_1__)
#define POSENC_ABI_ISA sse4
#elif defined(__SSE2__) || defined(_M_X64)
#define POSENC_ABI_ISA sse2
#elif defined(__ARM_NEON) || defined(_M_ARM64)
#define POSENC_ABI_ISA neon
#else
#define POSENC_ABI_ISA generic
#endif

#if defined(__F16C__) || defined(__AVX512F__)
#define POSENC_ABI_HALF _f16c
#else
#define POSENC_ABI_HALF
#endif

#if defined(EIGEN_DONT_VECTORIZE)
#define POSENC_ABI_EIGEN _scalar
#elif EIGEN_VERSION_AT_LEAST(5, 0, 0)
#define POSENC_ABI_EIGEN _eigen5
#else
#define POSENC_ABI_EIGEN _eigen3
#endif

#if defined(__FAST_MATH__)
#define POSENC_ABI_MATH _fast
#else
#define POSENC_ABI_MATH
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define POSENC_HAS_EXCEPTIONS 1
#define POSENC_ABI_ERRORS
#else
#define POSENC_HAS_EXCEPTIONS 0
#define POSENC_ABI_ERRORS _noexcept
#endif

#define POSENC_ABI_JOIN(major, minor, patch, isa, half, eigen, align, math, errors) \
  v##major##_##minor##_##patch##_##isa##half##eigen##_align##align##math##errors
#define POSENC_ABI_EXPAND(major, minor, patch, isa, half, eigen, align, math, errors) \
  POSENC_ABI_JOIN(major, minor, patch, isa, half, eigen, align, math, errors)
#define POSENC_ABI                                                                                                     \
  POSENC_ABI_EXPAND(POSENC_VERSION_MAJOR, POSENC_VERSION_MINOR, POSENC_VERSION_PATCH, POSENC_ABI_ISA, POSENC_ABI_HALF, \
                    POSENC_ABI_EIGEN, EIGEN_MAX_ALIGN_BYTES, POSENC_ABI_MATH, POSENC_ABI_ERRORS)

#endif  // POSENC_DETAIL_ABI_HPP

// ---- posenc/detail/check.hpp
/// Argument checks: always on, done before anything is written.
///
/// The message is `posenc::<function>: <parameter> must be <rule>, got <value>`. It is thrown as
/// std::invalid_argument, std::out_of_range or std::length_error. Built without exceptions, the same text goes to
/// stderr and the program aborts, unless POSENC_FAIL_HANDLER is defined before the first include: it is then
/// called with the message (a const char*) and must not return.
#ifndef POSENC_DETAIL_CHECK_HPP
#define POSENC_DETAIL_CHECK_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

#if defined(__GNUC__) || defined(__clang__)
#define POSENC_COLD __attribute__((noinline, cold))
#else
#define POSENC_COLD
#endif

template <typename Value>
POSENC_COLD std::string to_text(const Value& value) {
  if constexpr (std::is_same_v<Value, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<Value>) {
    return std::to_string(value);
  } else if constexpr (std::is_floating_point_v<Value>) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.9g", static_cast<double>(value));
    return buffer;
  } else {
    return std::string(value);
  }
}

template <typename Error>
[[noreturn]] POSENC_COLD void fail(const std::string& message) {
#if POSENC_HAS_EXCEPTIONS
  throw Error(message);
#elif defined(POSENC_FAIL_HANDLER)
  POSENC_FAIL_HANDLER(message.c_str());
#else
  std::fprintf(stderr, "%s\n", message.c_str());
#endif
#if !POSENC_HAS_EXCEPTIONS
  std::abort();
#endif
}

template <typename Error, typename Value, typename... Rule>
[[noreturn]] POSENC_COLD void refuse(const char* function, const std::string& parameter, const Value& value,
                                     const Rule&... rule) {
  std::string message = "posenc::" + std::string(function) + ": " + parameter + " must be ";
  ((message += to_text(rule)), ...);
  fail<Error>(message + ", got " + to_text(value));
}

/// A wrong value or shape. `rule` is any number of words and limits: "a multiple of head_dim ", head_dim.
template <typename Value, typename... Rule>
void require(bool good, const char* function, const char* parameter, const Value& value, const Rule&... rule) {
  if (!good) refuse<std::invalid_argument>(function, parameter, value, rule...);
}

/// A position, row or id that is outside of what exists.
template <typename Value, typename... Rule>
void require_in_range(bool good, const char* function, const char* parameter, const Value& value, const Rule&... rule) {
  if (!good) refuse<std::out_of_range>(function, parameter, value, rule...);
}

/// The name of one element in a message: parameter[index].
inline std::string element(const char* parameter, Eigen::Index index) {
  return std::string(parameter) + "[" + std::to_string(index) + "]";
}

/// rows * columns * bytes fits in memory's index type: std::length_error otherwise. All arguments >= 0.
inline void require_size(const char* function, const char* parameter, Eigen::Index rows, Eigen::Index columns,
                         std::size_t bytes) {
  const auto limit = static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / bytes;
  const bool fits = columns == 0 || static_cast<std::uint64_t>(rows) <= limit / static_cast<std::uint64_t>(columns);
  if (!fits) {
    refuse<std::length_error>(function, parameter, rows, "at most ", limit / static_cast<std::uint64_t>(columns),
                              " for rows of ", columns, " values");
  }
}

/// Finite by its bits, so that -ffast-math cannot answer for it.
inline bool is_finite(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (~bits & 0x7ff0000000000000u) != 0;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CHECK_HPP

// ---- posenc/detail/scalar.hpp
/// Which type a storage scalar is computed in, and the one rounding from double into it.
#ifndef POSENC_DETAIL_SCALAR_HPP
#define POSENC_DETAIL_SCALAR_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
inline constexpr bool is_half = std::is_same_v<Scalar, Eigen::half> || std::is_same_v<Scalar, Eigen::bfloat16>;

/// float, double, Eigen::half or Eigen::bfloat16: what tables are stored in and what the vector kernels take.
template <typename Scalar>
inline constexpr bool is_storage = is_half<Scalar> || std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>;

/// Half types are computed in float, float and double in themselves; any other scalar (autodiff, long double)
/// in itself, whatever the table holds.
template <typename Scalar, typename TableScalar, bool = is_storage<Scalar>>
struct Arithmetic {
  using type = Scalar;
};
template <typename Scalar, typename TableScalar>
struct Arithmetic<Scalar, TableScalar, true> {
  using type = std::conditional_t<std::is_same_v<Scalar, double> || std::is_same_v<TableScalar, double>, double, float>;
};
template <typename Scalar, typename TableScalar>
using ArithmeticScalar = typename Arithmetic<Scalar, TableScalar>::type;

/// `value` to float so that a second rounding to a shorter type gives the same as one rounding from double
/// ("round to odd": towards zero, and the last bit set when anything was cut off).
inline float round_to_odd(double value) {
  float nearest = static_cast<float>(value);
  const double back = static_cast<double>(nearest);
  if (back == value || !(back == back)) return nearest;
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  const bool away = value < 0 ? back < value : back > value;
  bits = (bits - (away ? 1u : 0u)) | 1u;
  std::memcpy(&nearest, &bits, sizeof bits);
  return nearest;
}

/// The value of `Scalar` nearest to `value`, rounded once.
template <typename Scalar>
Scalar round_to(double value) {
  if constexpr (is_half<Scalar>) {
    return Scalar(round_to_odd(value));
  } else {
    return static_cast<Scalar>(value);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SCALAR_HPP

// ---- posenc/detail/eigen.hpp
/// What posenc asks of the Eigen expressions that it is given.
#ifndef POSENC_DETAIL_EIGEN_HPP
#define POSENC_DETAIL_EIGEN_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Derived>
constexpr void require_writable() {
  static_assert((Derived::Flags & Eigen::LvalueBit) != 0,
                "posenc: the argument is written to, but this expression cannot be (it is const or computed)");
  static_assert(
      !Eigen::NumTraits<typename Derived::Scalar>::IsInteger && !Eigen::NumTraits<typename Derived::Scalar>::IsComplex,
      "posenc: the argument must hold real numbers: float, double, Eigen::half, Eigen::bfloat16, or an "
      "autodiff scalar");
}

template <typename Derived>
constexpr void require_no_temporary() {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the argument is a temporary matrix, and the result would be lost with it");
}

template <typename Derived>
void require_shape(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x, Eigen::Index rows,
                   Eigen::Index columns) {
  if (x.rows() != rows) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x.rows(), rows);
  }
  if (x.cols() != columns) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), columns);
  }
}

/// One value to another scalar type, rounded once.
template <typename To, typename From>
To convert(const From& value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_storage<To> && is_storage<From>) {
    return round_to<To>(static_cast<double>(value));
  } else if constexpr (is_storage<From>) {
    return To(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Whether rows of `Derived` may be contiguous in memory, which the vector kernels need; inner_is_one() tells whether
/// they are.
template <typename Derived>
inline constexpr bool has_rows_in_memory =
    (Derived::Flags & Eigen::DirectAccessBit) != 0 &&
    (Derived::Flags & Eigen::RowMajorBit) != 0 && is_storage<typename Derived::Scalar>;

template <typename Derived>
bool has_contiguous_rows(const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_rows_in_memory<Derived>) {
    return x.derived().innerStride() == 1;
  } else {
    return false;
  }
}

/// Whether two objects in memory share an element without being the very same one.
template <typename DerivedA, typename DerivedB>
bool overlap_partially(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  constexpr bool both_in_memory =
      (DerivedA::Flags & Eigen::DirectAccessBit) != 0 && (DerivedB::Flags & Eigen::DirectAccessBit) != 0;
  if constexpr (!both_in_memory) {
    return false;
  } else {
    if (a.size() == 0 || b.size() == 0) return false;
    using ScalarA = typename DerivedA::Scalar;
    using ScalarB = typename DerivedB::Scalar;
    const auto address = [](const void* p) { return reinterpret_cast<std::intptr_t>(p); };
    const auto bytes = [](Eigen::Index count, std::size_t size) {
      return static_cast<std::intptr_t>(count) * static_cast<std::intptr_t>(size);
    };
    const std::intptr_t a_first = address(a.derived().data());
    const std::intptr_t b_first = address(b.derived().data());
    const std::intptr_t a_stride = bytes(a.derived().outerStride(), sizeof(ScalarA));
    const std::intptr_t b_stride = bytes(b.derived().outerStride(), sizeof(ScalarB));
    const std::intptr_t a_width = bytes((a.innerSize() - 1) * a.derived().innerStride() + 1, sizeof(ScalarA));
    const std::intptr_t b_width = bytes((b.innerSize() - 1) * b.derived().innerStride() + 1, sizeof(ScalarB));
    const std::intptr_t a_end = a_first + (a.outerSize() - 1) * a_stride + a_width;
    const std::intptr_t b_end = b_first + (b.outerSize() - 1) * b_stride + b_width;
    if (a_end <= b_first || b_end <= a_first) return false;
    const bool same = std::is_same_v<ScalarA, ScalarB> && a_first == b_first && a_stride == b_stride &&
                      a.derived().innerStride() == b.derived().innerStride() &&
                      bool(DerivedA::IsRowMajor) == bool(DerivedB::IsRowMajor);
    if (same) return false;
    // Blocks side by side in the rows of one matrix (q and k of a packed projection) do not touch.
    if (a_stride == b_stride && bool(DerivedA::IsRowMajor) == bool(DerivedB::IsRowMajor) && a_stride > 0) {
      const std::intptr_t shift = ((b_first - a_first) % a_stride + a_stride) % a_stride;
      if (shift >= a_width && shift + b_width <= a_stride) return false;
    }
    return true;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EIGEN_HPP

// ---- posenc/detail/sin_cos.hpp
/// Cosine and sine of position * frequency for many frequencies at once, in double.
///
/// The plain loops have a constant trip count and no branch, so that gcc and clang turn them into vector code from
/// -O2 on. std::sin and std::cos do not vectorise: measured in benchmarks/, this is more than 15 times faster.
#ifndef POSENC_DETAIL_SIN_COS_HPP
#define POSENC_DETAIL_SIN_COS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Arrays given to sin_cos() hold a multiple of this many values.
inline constexpr int kAngleBlock = 16;

/// Beyond this angle the reduction below is no longer exact, and sin_cos_libm() takes over.
inline constexpr double kMaxReducedAngle = 16777216.0;  // 2^24

/// The scalar twin of sin_cos(): one libm call per value, for angles of any size.
inline void sin_cos_libm(const double* frequency, double position, int count, double* cosine, double* sine) {
  for (int i = 0; i < count; ++i) {
    cosine[i] = std::cos(position * frequency[i]);
    sine[i] = std::sin(position * frequency[i]);
  }
}

/// cosine[i] = cos(position * frequency[i]) and the sine, for i < kAngleBlock; |position * frequency[i]| <= 2^24.
///
/// With n = round(angle / (pi/2)) the remainder is r = angle - n pi/2, pi/2 being split into 29 + 29 + 53 bits so that
/// the first two products are exact. |r| <= pi/4 (1 + 2^-20), where the Taylor polynomials of degree 17 and 16 are
/// off by less than 0.02 * 2^-53. The quadrant m = n mod 4 in {-2, ..., 2} turns (cos r, sin r) by m pi/2 without a
/// branch: cos(m pi/2) = 1 - |m| and sin(m pi/2) = m (2 - |m|).
/// Accuracy: 2^-52 + |angle| 2^-53, the second term from rounding the product.
inline void sin_cos_block(const double* __restrict frequency, double position, double* __restrict cosine,
                          double* __restrict sine) {
  constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
  constexpr double half_pi_high = 0x1.921fb54p+0;
  constexpr double half_pi_middle = 0x1.10b4611p-30;
  constexpr double half_pi_low = 0x1.4c4c6628b80dcp-59;
  constexpr double to_integer = 0x1.8p52;  // x + to_integer - to_integer rounds x to the nearest integer
  for (int i = 0; i < kAngleBlock; ++i) {
    const double angle = position * frequency[i];
    const double n = (angle * two_over_pi + to_integer) - to_integer;
    const double r = ((angle - n * half_pi_high) - n * half_pi_middle) - n * half_pi_low;
    const double z = r * r;
    const double sin_tail =
        -1. / 6 +
        z * (1. / 120 +
             z * (-1. / 5040 + z * (1. / 362880 + z * (-1. / 39916800 +
                                                       z * (1. / 6227020800. + z * (-1. / 1307674368000. +
                                                                                    z * (1. / 355687428096000.)))))));
    const double cos_tail =
        1. / 24 +
        z * (-1. / 720 +
             z * (1. / 40320 +
                  z * (-1. / 3628800 + z * (1. / 479001600 + z * (-1. / 87178291200. + z * (1. / 20922789888000.))))));
    const double sin_r = r + r * z * sin_tail;
    const double cos_r = 1.0 - (0.5 * z - z * z * cos_tail);
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
inline void sin_cos(const double* frequency, double max_frequency, double position, int count, double* cosine,
                    double* sine) {
#if defined(__FAST_MATH__)
  const bool reducible = false;  // reassociation would undo the exact reduction
#else
  const bool reducible = std::abs(position) * max_frequency <= kMaxReducedAngle;
#endif
  if (!reducible) return sin_cos_libm(frequency, position, count, cosine, sine);
  for (int i = 0; i < count; i += kAngleBlock) sin_cos_block(frequency + i, position, cosine + i, sine + i);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SIN_COS_HPP

// ---- posenc/frequency/positions.hpp
/// Where tokens stand: a range, or one integer or real number for each token.
#ifndef POSENC_FREQUENCY_POSITIONS_HPP
#define POSENC_FREQUENCY_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The positions first, first + 1, ..., first + count - 1. Negative ones and ones beyond 2^31 are fine.
struct PositionRange {
  std::int64_t first = 0;  ///< Position of row 0: the number of tokens already in a key/value cache.
  Eigen::Index count = 0;  ///< Number of rows, >= 0.
};

namespace detail {

/// |position| = anchor + offset, both exact, with anchor a multiple of kAnchorStep and 0 <= offset < kAnchorStep.
struct SplitPosition {
  double anchor;
  double offset;
  bool negative;
};

inline constexpr int kAnchorStep = 16;

inline SplitPosition split_position(std::int64_t position) {
  const std::uint64_t bits = static_cast<std::uint64_t>(position);
  const std::uint64_t size = position < 0 ? ~bits + 1 : bits;  // right for the smallest int64 too
  constexpr std::uint64_t low = kAnchorStep - 1;
  return {static_cast<double>(size & ~low), static_cast<double>(size & low), position < 0};
}

inline SplitPosition split_position(double position) {
  const double size = std::abs(position);
  const double anchor = kAnchorStep * std::floor(size / kAnchorStep);
  return {anchor, size - anchor, position < 0};
}

/// Row i stands at first + i.
class RangePositions {
 public:
  RangePositions(const char* function, PositionRange range) : range_(range) {
    require(range.count >= 0, function, "positions.count", range.count, ">= 0");
    require_in_range(range.first <= (std::numeric_limits<std::int64_t>::max)() - range.count, function,
                     "positions.first", range.first, "at most 2^63 - 1 - count");
  }
  Eigen::Index rows() const { return range_.count; }
  std::int64_t operator[](Eigen::Index row) const { return range_.first + row; }

 private:
  PositionRange range_;
};

/// Row i stands at positions(i): integers as std::int64_t, real numbers as double.
template <typename Derived>
class ListPositions {
 public:
  using Scalar = typename Derived::Scalar;
  using Position = std::conditional_t<Eigen::NumTraits<Scalar>::IsInteger, std::int64_t, double>;

  ListPositions(const char* function, const Eigen::DenseBase<Derived>& positions) : positions_(positions.derived()) {
    static_assert(!std::is_unsigned_v<Scalar> || sizeof(Scalar) < 8,
                  "posenc: positions must be signed integers of up to 64 bits, or float or double");
    static_assert(!Eigen::NumTraits<Scalar>::IsComplex, "posenc: positions must be integers or real numbers");
    if constexpr (std::is_same_v<Position, double>) {
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (!is_finite((*this)[i])) {
          refuse<std::invalid_argument>(function, element("positions", i), (*this)[i], "finite");
        }
      }
    }
  }
  Eigen::Index rows() const { return positions_.size(); }
  /// Element i, counted along rows: a [batch, length] array of ids gives the tokens in order in either storage.
  Position operator[](Eigen::Index i) const {
    const Eigen::Index columns = positions_.cols();
    return static_cast<Position>(columns == 1 ? positions_.coeff(i, 0) : positions_.coeff(i / columns, i % columns));
  }

 private:
  const Derived& positions_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_POSITIONS_HPP

// ---- posenc/detail/angles.hpp
/// The generator behind every table and every sinusoid: cos and sin of position * inv_freq, row by row, in double.
#ifndef POSENC_DETAIL_ANGLES_HPP
#define POSENC_DETAIL_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Calls sink(row, first_pair, count, cosines, sines) for all rows and pairs, kAngleBlock pairs at a time.
///
/// `cosines` and `sines` point to kAngleBlock doubles, of which `count` are meant; the rest is finite padding.
///
/// Each value is one product of two exact rotations, |position| = anchor + offset: the anchors are every 16th
/// position, the offsets 0 ... 15. A run of positions thus costs one evaluation for 16 rows and otherwise two
/// multiply-adds for each value, and a position always gives the same bits, whatever call it comes from.
/// Accuracy: magnitude * (2^-51 + |position * inv_freq| 2^-52).
/// @param inv_freq   num_pairs finite values.
/// @param magnitude  Factor on both outputs.
/// @param positions  Has rows() and operator[], int64 or double.
template <typename Positions, typename Sink>
void for_each_angle(const Eigen::ArrayXd& inv_freq, double magnitude, const Positions& positions, Sink&& sink) {
  constexpr int chunk = 64;
  alignas(64) double frequency[chunk];
  alignas(64) double anchor_cos[chunk];
  alignas(64) double anchor_sin[chunk];
  alignas(64) double offset_cos[kAnchorStep + 1][chunk];  // the last row is for fractional offsets
  alignas(64) double offset_sin[kAnchorStep + 1][chunk];

  for (Eigen::Index first_pair = 0; first_pair < inv_freq.size(); first_pair += chunk) {
    const int count = static_cast<int>((std::min)(Eigen::Index(chunk), inv_freq.size() - first_pair));
    const int padded = (count + kAngleBlock - 1) / kAngleBlock * kAngleBlock;
    double max_frequency = 0;
    for (int i = 0; i < padded; ++i) {
      frequency[i] = i < count ? inv_freq[first_pair + i] : 0.0;
      max_frequency = (std::max)(max_frequency, std::abs(frequency[i]));
    }

    double anchor = -1;               // none yet
    std::uint32_t known_offsets = 0;  // bit k: row k of the offsets is filled
    for (Eigen::Index row = 0; row < positions.rows(); ++row) {
      const SplitPosition position = split_position(positions[row]);
      if (position.anchor != anchor) {
        anchor = position.anchor;
        sin_cos(frequency, max_frequency, anchor, padded, anchor_cos, anchor_sin);
        for (int i = 0; i < padded; ++i) anchor_cos[i] *= magnitude;
        for (int i = 0; i < padded; ++i) anchor_sin[i] *= magnitude;
      }
      int k = static_cast<int>(position.offset);
      const bool whole = position.offset == k;
      if (!whole) k = kAnchorStep;
      if (!whole || (known_offsets >> k & 1u) == 0) {
        sin_cos(frequency, max_frequency, position.offset, padded, offset_cos[k], offset_sin[k]);
        known_offsets |= whole ? 1u << k : 0u;
      }
      const double sign = position.negative ? -1.0 : 1.0;
      for (int first = 0; first < padded; first += kAngleBlock) {
        double cosine[kAngleBlock];
        double sine[kAngleBlock];
        const double* const a_cos = anchor_cos + first;
        const double* const a_sin = anchor_sin + first;
        const double* const o_cos = offset_cos[k] + first;
        const double* const o_sin = offset_sin[k] + first;
        for (int i = 0; i < kAngleBlock; ++i) {
          cosine[i] = a_cos[i] * o_cos[i] - a_sin[i] * o_sin[i];
          sine[i] = sign * (a_sin[i] * o_cos[i] + a_cos[i] * o_sin[i]);
        }
        sink(row, first_pair + first, (std::min)(kAngleBlock, count - first), cosine, sine);
      }
    }
  }
}

/// The float32 pipeline of frameworks that form the angle in float: the product float(position) * float(inv_freq)
/// rounded to float, then cos and sin of that float, rounded to float. Same calls to `sink` as for_each_angle(); the
/// values are floats (and so is their product with `magnitude`), held in double.
template <typename Positions, typename Sink>
void for_each_float32_angle(const Eigen::ArrayXd& inv_freq, double magnitude, const Positions& positions, Sink&& sink) {
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const float position = static_cast<float>(positions[row]);
    for (Eigen::Index first = 0; first < inv_freq.size(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), inv_freq.size() - first));
      double cosine[kAngleBlock] = {};
      double sine[kAngleBlock] = {};
      for (int i = 0; i < count; ++i) {
        const float angle = position * static_cast<float>(inv_freq[first + i]);
        cosine[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
        sine[i] = static_cast<float>(std::sin(static_cast<double>(angle)));
        cosine[i] = static_cast<float>(cosine[i]) * static_cast<float>(magnitude);
        sine[i] = static_cast<float>(sine[i]) * static_cast<float>(magnitude);
      }
      sink(row, first, count, cosine, sine);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLES_HPP

// ---- posenc/frequency/frequencies.hpp
/// Frequencies: one angular frequency per channel pair, the value that every encoding starts from.
#ifndef POSENC_FREQUENCY_FREQUENCIES_HPP
#define POSENC_FREQUENCY_FREQUENCIES_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// One angular frequency per channel pair, in radians per position, with the two factors that go with it.
///
/// A pair i at position p stands at the angle p * inv_freq[i]. Immutable: a scaling rule returns a new value.
/// Matches: `inv_freq` of Hugging Face and vLLM; 1 / `freqs` of MLX; `freq_factors` of ggml are ratios of two of these.
class Frequencies {
 public:
  /// An explicit list, such as the `inv_freq` stored in a checkpoint.
  ///
  /// @param inv_freq            num_pairs values [rad / position], finite; any sign, zero leaves a pair unrotated.
  /// @param magnitude           Factor A on cos and sin (`attention_factor`), finite and > 0.
  /// @param softmax_multiplier  Factor on the softmax scale that a model needs besides (DeepSeek), finite and > 0.
  /// @throws std::invalid_argument  when one of these does not hold, or the list is empty.
  template <typename Derived>
  explicit Frequencies(const Eigen::DenseBase<Derived>& inv_freq, double magnitude = 1.0,
                       double softmax_multiplier = 1.0)
      : Frequencies(Eigen::ArrayXd(inv_freq.derived().template cast<double>().reshaped().array()), magnitude,
                    softmax_multiplier, 0.0) {}

  /// inv_freq[i], i < num_pairs, in radians per position.
  const Eigen::ArrayXd& inv_freq() const { return inv_freq_; }
  /// Number of channel pairs.
  Eigen::Index num_pairs() const { return inv_freq_.size(); }
  /// Number of channels that turn: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * inv_freq_.size(); }
  /// A, the factor on cos and sin; scores q.k grow by A^2. `attention_factor` of YaRN and LongRoPE, else 1.
  double magnitude() const { return magnitude_; }
  /// Factor on the softmax scale 1/sqrt(head_dim) that the caller applies: 1 but for the DeepSeek rule of scale_yarn().
  double softmax_multiplier() const { return softmax_multiplier_; }
  /// B where inv_freq[i] = B^(-2i / rotary_dim), or 0 when the frequencies are no such series.
  double base() const { return base_; }

  /// The same angles with other factors: for rules that set a magnitude of their own.
  Frequencies with_magnitude(double magnitude, double softmax_multiplier = 1.0) const {
    return Frequencies(inv_freq_, magnitude, softmax_multiplier, base_);
  }

 private:
  Frequencies(Eigen::ArrayXd inv_freq, double magnitude, double softmax_multiplier, double base)
      : inv_freq_(std::move(inv_freq)), magnitude_(magnitude), softmax_multiplier_(softmax_multiplier), base_(base) {
    const char* const function = "Frequencies";
    detail::require(inv_freq_.size() > 0, function, "inv_freq.size()", inv_freq_.size(), "> 0");
    for (Eigen::Index i = 0; i < inv_freq_.size(); ++i) {
      if (!detail::is_finite(inv_freq_[i])) {
        detail::refuse<std::invalid_argument>(function, detail::element("inv_freq", i), inv_freq_[i], "finite");
      }
    }
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
    detail::require(detail::is_finite(softmax_multiplier) && softmax_multiplier > 0, function, "softmax_multiplier",
                    softmax_multiplier, "finite and > 0");
  }
  friend Frequencies geometric_frequencies(Eigen::Index rotary_dim, double base);

  Eigen::ArrayXd inv_freq_;
  double magnitude_;
  double softmax_multiplier_;
  double base_;
};

namespace detail {

/// The type that frequency rules are worked out in before the one rounding to double. It is wider than double on x86
/// (gcc, clang) and on AArch64 Linux; where it is not (MSVC, Apple), the rules are right to 64 ulp instead of 4.
using Wide = long double;

inline void require_base(const char* function, double base) {
  require(is_finite(base) && base > 0 && base != 1, function, "base", base, "finite, > 0 and not 1");
}

inline void require_rotary_dim(const char* function, const char* parameter, Eigen::Index rotary_dim) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 24;
  require(rotary_dim > 0 && rotary_dim % 2 == 0 && rotary_dim <= limit, function, parameter, rotary_dim,
          "even, > 0 and at most ", limit);
}

}  // namespace detail

/// The series of the sinusoidal families: inv_freq[i] = base^(-i / divisor), i < num_pairs.
///
/// With F = num_pairs and width d = 2F: divisor d/2 is the paper, F - 1 tensor2tensor (the last frequency is 1/base),
/// F - s the timestep embeddings of diffusion models with `downscale_freq_shift` s. A single pair is 1 whatever the
/// divisor.
/// @param num_pairs  F, > 0.
/// @param base       `max_period`, `temperature` or `theta`: finite, > 0, not 1.
/// @param divisor    Finite and > 0, unless num_pairs is 1.
/// @throws std::invalid_argument  when one of these does not hold.
/// Accuracy: 1 ulp of double.
inline Frequencies spaced_frequencies(Eigen::Index num_pairs, double base, double divisor) {
  const char* const function = "spaced_frequencies";
  detail::require(num_pairs > 0 && num_pairs <= (Eigen::Index(1) << 23), function, "num_pairs", num_pairs,
                  "> 0 and at most 8388608");
  detail::require_base(function, base);
  detail::require(num_pairs == 1 || (detail::is_finite(divisor) && divisor > 0), function, "divisor", divisor,
                  "finite and > 0");
  Eigen::ArrayXd inv_freq(num_pairs);
  inv_freq[0] = 1;
  for (Eigen::Index i = 1; i < num_pairs; ++i) {
    const detail::Wide exponent = -static_cast<detail::Wide>(i) / static_cast<detail::Wide>(divisor);
    inv_freq[i] = static_cast<double>(std::pow(static_cast<detail::Wide>(base), exponent));
  }
  return Frequencies(inv_freq);
}

/// The geometric series of RoPE: inv_freq[i] = base^(-2i / rotary_dim), i < rotary_dim / 2.
///
/// @param rotary_dim  Number of channels that turn, even and > 0. With partial rotary this is
///                    int(head_dim * partial_rotary_factor), not head_dim.
/// @param base        `rope_theta`: finite, > 0 and not 1. There is no default, because checkpoints differ.
/// @throws std::invalid_argument  rotary_dim odd or <= 0; base <= 0, 1, NaN or infinite.
/// Accuracy: 1 ulp of double.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.2.2.
/// Matches:  Hugging Face "default", vLLM RotaryEmbedding, ggml with freq_scale 1, MLX without `freqs`.
inline Frequencies geometric_frequencies(Eigen::Index rotary_dim, double base) {
  detail::require_rotary_dim("geometric_frequencies", "rotary_dim", rotary_dim);
  detail::require_base("geometric_frequencies", base);
  const double num_pairs = static_cast<double>(rotary_dim / 2);
  return Frequencies(spaced_frequencies(rotary_dim / 2, base, num_pairs).inv_freq(), 1.0, 1.0, base);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCIES_HPP

// ---- posenc/frequency/table.hpp
/// FrequencyTable: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {
struct TableWriter;
}

/// How one row of a table lies in memory. The numbers are the same; kernels differ in what they load fastest.
///
///     split     c0 c1 c2 .. | s0 s1 s2 ..            default: best for half-split RoPE, good for interleaved
///     paired    c0 s0 c1 s1 c2 s2 ..                 best for interleaved RoPE: complex numbers
///     doubled   c0 c0 c1 c1 .. | s0 s0 s1 s1 ..      for kernels of one's own: x * cos + swapped(x) * (-+ sin)
enum class TableLayout { split, paired, doubled };

/// How the angle position * inv_freq is formed.
enum class AngleMode {
  exact,   ///< In double: right at any position.
  float32  ///< In float, as Hugging Face, vLLM and their kin do: to reproduce their numbers, errors included.
};

/// What make_table() makes.
struct TableOptions {
  TableLayout layout = TableLayout::split;
  AngleMode angles = AngleMode::exact;
};

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Either owns its numbers, in rows padded and aligned to Eigen's widest packet (from make_table()), or refers to a
/// caller's cos/sin cache, which must outlive it (from wrap_cache() and wrap_cos_sin()). Copying copies the numbers
/// in the first case and the reference in the second. Const access from many threads is safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Scalar_>
class FrequencyTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using ConstMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                              Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

  /// A table of zeros for fill_table() to write.
  /// @throws std::invalid_argument  rows < 0 or num_pairs <= 0.
  /// @throws std::length_error      the table does not fit into memory's index type.
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableLayout layout = TableLayout::split)
      : rows_(rows), num_pairs_(num_pairs), layout_(layout) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require(num_pairs > 0, function, "num_pairs", num_pairs, "> 0");
    const Eigen::Index plane = padded(num_pairs) * (layout == TableLayout::split ? 1 : 2);
    row_stride_ = layout == TableLayout::paired ? plane : 2 * plane;
    pair_stride_ = layout == TableLayout::split ? 1 : 2;
    sin_offset_ = layout == TableLayout::paired ? 1 : plane;
    detail::require_size(function, "rows", rows, row_stride_, sizeof(Scalar));
    storage_ = Storage::Zero(rows, row_stride_);
  }

  /// Refers to cos and sin that lie elsewhere: entry (row, pair) at row * row_stride + pair * pair_stride of each.
  /// wrap_cache() and wrap_cos_sin() are the friendlier way in.
  /// @throws std::invalid_argument  a null pointer with rows > 0; rows < 0; num_pairs <= 0; magnitude not > 0;
  ///                                pair_stride not 1 or 2; rows that overlap.
  FrequencyTable(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index num_pairs,
                 Eigen::Index row_stride, Eigen::Index pair_stride, double magnitude)
      : rows_(rows),
        num_pairs_(num_pairs),
        row_stride_(row_stride),
        pair_stride_(pair_stride),
        layout_(pair_stride == 1 ? TableLayout::split
                : sin == cos + 1 ? TableLayout::paired
                                 : TableLayout::doubled),
        magnitude_(magnitude),
        cos_(cos),
        sin_(sin) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require(num_pairs > 0, function, "num_pairs", num_pairs, "> 0");
    detail::require(pair_stride == 1 || pair_stride == 2, function, "pair_stride", pair_stride, "1 or 2");
    detail::require(rows <= 1 || row_stride >= (num_pairs - 1) * pair_stride + 1, function, "row_stride", row_stride,
                    "at least ", (num_pairs - 1) * pair_stride + 1);
    detail::require(rows == 0 || cos != nullptr, function, "cos", "null", "a valid pointer");
    detail::require(rows == 0 || sin != nullptr, function, "sin", "null", "a valid pointer");
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
  }

  Eigen::Index rows() const { return rows_; }
  Eigen::Index num_pairs() const { return num_pairs_; }
  /// Number of channels that turn: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * num_pairs_; }
  TableLayout layout() const { return layout_; }
  /// A, which cos and sin have been multiplied by.
  double magnitude() const { return magnitude_; }
  /// Whether the numbers are the table's own.
  bool owns_data() const { return cos_ == nullptr; }

  /// All cosines, rows x num_pairs, whatever the layout. No copy.
  ConstMap cos() const { return map(cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the layout. No copy.
  ConstMap sin() const { return map(sin_data(0)); }

  /// Entry (row, pair) lies at cos_data(row)[pair * pair_stride()], and likewise the sine.
  const Scalar* cos_data(Eigen::Index row) const { return cos_base() + row * row_stride_; }
  const Scalar* sin_data(Eigen::Index row) const {
    return (owns_data() ? storage_.data() + sin_offset_ : sin_) + row * row_stride_;
  }
  Eigen::Index row_stride() const { return row_stride_; }
  Eigen::Index pair_stride() const { return pair_stride_; }

 private:
  using Storage = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  static Eigen::Index padded(Eigen::Index size) {
    constexpr Eigen::Index packet = (std::max)(static_cast<Eigen::Index>(EIGEN_MAX_ALIGN_BYTES / sizeof(Scalar)),
                                               static_cast<Eigen::Index>(detail::kAngleBlock));
    return (size + packet - 1) / packet * packet;
  }
  const Scalar* cos_base() const { return owns_data() ? storage_.data() : cos_; }
  ConstMap map(const Scalar* data) const {
    return ConstMap(data, rows_, num_pairs_, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(row_stride_, pair_stride_));
  }

  friend struct detail::TableWriter;

  Eigen::Index rows_;
  Eigen::Index num_pairs_;
  Eigen::Index row_stride_ = 0;
  Eigen::Index pair_stride_ = 1;
  Eigen::Index sin_offset_ = 0;
  TableLayout layout_;
  double magnitude_ = 1.0;
  const Scalar* cos_ = nullptr;
  const Scalar* sin_ = nullptr;
  Storage storage_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_HPP

// ---- posenc/frequency/cache.hpp
/// The cos/sin caches of other codebases: read in place, and written.
#ifndef POSENC_FREQUENCY_CACHE_HPP
#define POSENC_FREQUENCY_CACHE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A cos/sin cache in one array, rows x 2 num_pairs.
///
///     cos_sin   c0 c1 .. s0 s1 ..     vLLM `cos_sin_cache`
///     sin_cos   s0 s1 .. c0 c1 ..     GPT-J `embed_positions`, timm
///     pairs     c0 s0 c1 s1 ..        complex `freqs_cis` of Meta's Llama code, ggml
enum class CacheLayout { cos_sin, sin_cos, pairs };

/// A cos/sin cache in two arrays of the same shape.
///
///     halves              c0 c1 ..           rows x num_pairs     ONNX RotaryEmbedding, flash-attention, gpt-oss
///     doubled             c0 c1 .. c0 c1 ..  rows x 2 num_pairs   Hugging Face, half-split models
///     doubled_adjacent    c0 c0 c1 c1 ..     rows x 2 num_pairs   Hugging Face, interleaved models (Cohere), CTranslate2
enum class CosSinLayout { halves, doubled, doubled_adjacent };

/// Refers to a cache in one array. No copy; `cache` must outlive the table.
///
/// @param cache       rows x rotary_dim, row-major without gaps.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Row length, even and > 0.
/// @param layout      Where the cosines are.
/// @param magnitude   The attention factor that the cache was multiplied by; apply_rope_inverse() divides by its square.
/// @throws std::invalid_argument  one of these does not hold, or `cache` is null with rows > 0.
template <typename Scalar>
FrequencyTable<Scalar> wrap_cache(const Scalar* cache, Eigen::Index rows, Eigen::Index rotary_dim, CacheLayout layout,
                                  double magnitude = 1.0) {
  detail::require_rotary_dim("wrap_cache", "rotary_dim", rotary_dim);
  detail::require(rows >= 0, "wrap_cache", "rows", rows, ">= 0");
  detail::require(rows == 0 || cache != nullptr, "wrap_cache", "cache", "null", "a valid pointer");
  const Eigen::Index half = cache == nullptr ? 0 : rotary_dim / 2;
  const Eigen::Index one = cache == nullptr ? 0 : 1;
  const Eigen::Index n = rotary_dim / 2;
  switch (layout) {
    case CacheLayout::cos_sin: return {cache, cache + half, rows, n, rotary_dim, 1, magnitude};
    case CacheLayout::sin_cos: return {cache + half, cache, rows, n, rotary_dim, 1, magnitude};
    case CacheLayout::pairs: break;
  }
  return {cache, cache + one, rows, n, rotary_dim, 2, magnitude};
}

/// Refers to a cache in two arrays. No copy; both must outlive the table.
///
/// @param cos, sin    rows x num_pairs (halves) or rows x rotary_dim (doubled), row-major without gaps.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Number of channels that turn, even and > 0, whatever the row length.
/// @throws std::invalid_argument  one of these does not hold, or a null pointer with rows > 0.
template <typename Scalar>
FrequencyTable<Scalar> wrap_cos_sin(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index rotary_dim,
                                    CosSinLayout layout, double magnitude = 1.0) {
  detail::require_rotary_dim("wrap_cos_sin", "rotary_dim", rotary_dim);
  detail::require(rows >= 0, "wrap_cos_sin", "rows", rows, ">= 0");
  detail::require(rows == 0 || cos != nullptr, "wrap_cos_sin", "cos", "null", "a valid pointer");
  detail::require(rows == 0 || sin != nullptr, "wrap_cos_sin", "sin", "null", "a valid pointer");
  const Eigen::Index n = rotary_dim / 2;
  const Eigen::Index row_length = layout == CosSinLayout::halves ? n : rotary_dim;
  const Eigen::Index step = layout == CosSinLayout::doubled_adjacent ? 2 : 1;
  return {cos, sin, rows, n, row_length, step, magnitude};
}

/// Writes a table as another codebase's cache, rounding each entry to `cache`'s scalar. For a half or bfloat16 cache
/// that is rounded only once, make the table of that scalar.
///
/// @param[out] cache  table.rows() x table.rotary_dim(); any writable Eigen expression.
/// @throws std::invalid_argument  another shape; `cache` is then unchanged.
template <typename Derived, typename Scalar>
void write_cache(Eigen::DenseBase<Derived>& cache, const FrequencyTable<Scalar>& table, CacheLayout layout) {
  detail::require_writable<Derived>();
  detail::require_shape("write_cache", "cache", cache, table.rows(), table.rotary_dim());
  const Eigen::Index n = table.num_pairs();
  const auto cos = table.cos();
  const auto sin = table.sin();
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index i = 0; i < n; ++i) {
      const Eigen::Index c = layout == CacheLayout::pairs ? 2 * i : layout == CacheLayout::cos_sin ? i : n + i;
      const Eigen::Index s = layout == CacheLayout::pairs ? 2 * i + 1 : layout == CacheLayout::cos_sin ? n + i : i;
      cache.derived().coeffRef(row, c) = detail::convert<typename Derived::Scalar>(cos(row, i));
      cache.derived().coeffRef(row, s) = detail::convert<typename Derived::Scalar>(sin(row, i));
    }
  }
}

/// @overload
template <typename Derived, typename Scalar>
void write_cache(Eigen::DenseBase<Derived>&& cache, const FrequencyTable<Scalar>& table, CacheLayout layout) {
  detail::require_no_temporary<Derived>();
  write_cache(static_cast<Eigen::DenseBase<Derived>&>(cache), table, layout);
}

/// Writes a table as a cache in two arrays, rounding once to their scalar.
///
/// @param[out] cos, sin  table.rows() x table.num_pairs() (halves) or x table.rotary_dim() (doubled).
/// @throws std::invalid_argument  another shape; both are then unchanged.
template <typename DerivedCos, typename DerivedSin, typename Scalar>
void write_cos_sin(Eigen::DenseBase<DerivedCos>& cos, Eigen::DenseBase<DerivedSin>& sin,
                   const FrequencyTable<Scalar>& table, CosSinLayout layout) {
  detail::require_writable<DerivedCos>();
  detail::require_writable<DerivedSin>();
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index columns = layout == CosSinLayout::halves ? n : 2 * n;
  detail::require_shape("write_cos_sin", "cos", cos, table.rows(), columns);
  detail::require_shape("write_cos_sin", "sin", sin, table.rows(), columns);
  const auto table_cos = table.cos();
  const auto table_sin = table.sin();
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Eigen::Index i = layout == CosSinLayout::doubled_adjacent ? j / 2 : j % n;
      cos.derived().coeffRef(row, j) = detail::convert<typename DerivedCos::Scalar>(table_cos(row, i));
      sin.derived().coeffRef(row, j) = detail::convert<typename DerivedSin::Scalar>(table_sin(row, i));
    }
  }
}

/// @overload
template <typename DerivedCos, typename DerivedSin, typename Scalar>
void write_cos_sin(Eigen::DenseBase<DerivedCos>&& cos, Eigen::DenseBase<DerivedSin>&& sin,
                   const FrequencyTable<Scalar>& table, CosSinLayout layout) {
  detail::require_no_temporary<DerivedCos>();
  detail::require_no_temporary<DerivedSin>();
  write_cos_sin(static_cast<Eigen::DenseBase<DerivedCos>&>(cos), static_cast<Eigen::DenseBase<DerivedSin>&>(sin), table,
                layout);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CACHE_HPP

// ---- posenc/frequency/make_table.hpp
/// make_table() and fill_table(): frequencies meet positions.
#ifndef POSENC_FREQUENCY_MAKE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

struct TableWriter {
  /// Writes whole blocks: rows are padded for it. `Layout` is fixed so that the loops become plain vector stores.
  template <TableLayout Layout, typename Scalar>
  static void write_block(Scalar* row, Eigen::Index sin_offset, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    if constexpr (Layout == TableLayout::split) {
      Scalar* const c = row + pair;
      Scalar* const s = row + sin_offset + pair;
      for (int i = 0; i < kAngleBlock; ++i) c[i] = round_to<Scalar>(cosine[i]);
      for (int i = 0; i < kAngleBlock; ++i) s[i] = round_to<Scalar>(sine[i]);
    } else if constexpr (Layout == TableLayout::paired) {
      Scalar* const pairs = row + 2 * pair;
      for (int i = 0; i < kAngleBlock; ++i) {
        pairs[2 * i] = round_to<Scalar>(cosine[i]);
        pairs[2 * i + 1] = round_to<Scalar>(sine[i]);
      }
    } else {
      Scalar* const c = row + 2 * pair;
      Scalar* const s = row + sin_offset + 2 * pair;
      for (int i = 0; i < kAngleBlock; ++i) c[2 * i] = c[2 * i + 1] = round_to<Scalar>(cosine[i]);
      for (int i = 0; i < kAngleBlock; ++i) s[2 * i] = s[2 * i + 1] = round_to<Scalar>(sine[i]);
    }
  }

  template <TableLayout Layout, typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions,
                   AngleMode angles) {
    Scalar* const data = table.storage_.data();
    const Eigen::Index row_stride = table.row_stride_;
    const Eigen::Index sin_offset = table.sin_offset_;
    const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      write_block<Layout>(data + row * row_stride, sin_offset, pair, cosine, sine);
    };
    if (angles == AngleMode::exact) {
      for_each_angle(frequencies.inv_freq(), frequencies.magnitude(), positions, sink);
    } else {
      for_each_float32_angle(frequencies.inv_freq(), frequencies.magnitude(), positions, sink);
    }
    table.magnitude_ = frequencies.magnitude();
  }

  template <typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions,
                   AngleMode angles) {
    switch (table.layout()) {
      case TableLayout::split: return fill<TableLayout::split>(table, frequencies, positions, angles);
      case TableLayout::paired: return fill<TableLayout::paired>(table, frequencies, positions, angles);
      case TableLayout::doubled: return fill<TableLayout::doubled>(table, frequencies, positions, angles);
    }
  }

  template <typename Scalar, typename Positions>
  static void checked_fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions,
                           AngleMode angles) {
    const char* const function = "fill_table";
    require(table.owns_data(), function, "table", "a wrapped cache", "a table that owns its numbers");
    require(table.num_pairs() == frequencies.num_pairs(), function, "frequencies.num_pairs()", frequencies.num_pairs(),
            "table.num_pairs() ", table.num_pairs());
    require(table.rows() == positions.rows(), function, "positions", positions.rows(), "table.rows() ", table.rows());
    fill(table, frequencies, positions, angles);
  }

  template <typename Scalar, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Positions& positions, TableOptions options) {
    FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options.layout);
    fill(table, frequencies, positions, options.angles);
    return table;
  }
};

}  // namespace detail

/// Makes the table of a run of positions: row i stands at position p = positions.first + i and holds
///
///     A cos(p inv_freq[j]),  A sin(p inv_freq[j])        j < num_pairs,  A = frequencies.magnitude()
///
/// The numbers of a position do not depend on the run it is in: chunks of a sequence equal the whole, bit for bit.
/// @tparam Scalar     float, double, Eigen::half or Eigen::bfloat16; each value is formed in double and rounded once.
/// @param positions   {first, count}; first may be negative or beyond 2^31.
/// @param options     Row layout, and exact or float32 angles.
/// @throws std::invalid_argument  positions.count < 0.
/// @throws std::out_of_range      first + count overflows.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a store for each value; one allocation.
/// Accuracy: float |error| <= A (2^-25 + 2^-40 + |p inv_freq| 2^-51), double <= A (2^-50 + |p inv_freq| 2^-51).
/// Source:   angle addition, cos(a + b) = cos a cos b - sin a sin b, on exact values at every 16th position.
/// Matches:  AngleMode::exact is what the formula says; AngleMode::float32 what Hugging Face, vLLM, ONNX exporters and
///           CTranslate2 compute, given their float inv_freq: exact to the bit for a correctly rounded cos and sin.
template <typename Scalar>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, PositionRange positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::RangePositions("make_table", positions), options);
}

/// @overload
/// Row i stands at positions(i): integer ids (`position_ids`), or real numbers. A matrix of ids is read along its rows.
/// @throws std::invalid_argument  a real position is NaN or infinite.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& positions,
                                  TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::ListPositions<Derived>("make_table", positions),
                                           options);
}

/// Writes new positions (and frequencies) into a table that make_table() made, without an allocation: the call for a
/// decode loop, which needs one row for each new token.
/// @throws std::invalid_argument  another number of rows or pairs than the table has; a table that wraps a cache.
/// @throws std::out_of_range      first + count overflows.
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, PositionRange positions,
                AngleMode angles = AngleMode::exact) {
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions("fill_table", positions), angles);
}

/// @overload
template <typename Scalar, typename Derived>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                const Eigen::DenseBase<Derived>& positions, AngleMode angles = AngleMode::exact) {
  detail::TableWriter::checked_fill(table, frequencies, detail::ListPositions<Derived>("fill_table", positions),
                                    angles);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_TABLE_HPP

// ---- posenc/frequency/scale_linear.hpp
/// Context extension by dividing frequencies: linear interpolation, a factor for each pair, and the live part alone.
#ifndef POSENC_FREQUENCY_SCALE_LINEAR_HPP
#define POSENC_FREQUENCY_SCALE_LINEAR_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Position interpolation: inv_freq[i] / factor, the angle of position p / factor.
///
/// @param factor  New length over trained length, >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Source:   Chen et al. 2023, arXiv:2306.15595.
/// Matches:  Hugging Face "linear", vLLM LinearScaling, ggml freq_scale = 1 / factor, MLX scale = 1 / factor.
inline Frequencies scale_linear(const Frequencies& frequencies, double factor) {
  detail::require(detail::is_finite(factor) && factor >= 1, "scale_linear", "factor", factor, ">= 1");
  return Frequencies(frequencies.inv_freq() / factor, frequencies.magnitude(), frequencies.softmax_multiplier());
}

/// A factor of its own for each pair: inv_freq[i] / factors[i].
///
/// @param factors  num_pairs values, finite and > 0 (not necessarily >= 1).
/// @throws std::invalid_argument  a wrong number of factors, or one that is not finite and > 0.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Matches:  the `freq_factors` tensor of ggml, which ships Llama 3 and LongRoPE.
template <typename Derived>
Frequencies scale_by_factors(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& factors) {
  const char* const function = "scale_by_factors";
  detail::require(factors.size() == frequencies.num_pairs(), function, "factors.size()", factors.size(), "num_pairs ",
                  frequencies.num_pairs());
  const Eigen::ArrayXd divisors = factors.derived().template cast<double>().reshaped().array();
  for (Eigen::Index i = 0; i < divisors.size(); ++i) {
    if (!(detail::is_finite(divisors[i]) && divisors[i] > 0)) {
      detail::refuse<std::invalid_argument>(function, detail::element("factors", i), divisors[i], "finite and > 0");
    }
  }
  return Frequencies(frequencies.inv_freq() / divisors, frequencies.magnitude(), frequencies.softmax_multiplier());
}

/// Keeps the first live pairs and stops the others: inv_freq[i] / factor for i < k, else 0.
///
/// k = int(partial_rotary_factor * head_dim / 2), with head_dim = frequencies.rotary_dim(). This is not the partial
/// rotation of a prefix: the exponent runs over head_dim, pairs are (i, i + head_dim/2) in the half-split layout, and
/// unrotated pairs lie in the middle of each half.
/// @param partial_rotary_factor  In (0, 1].
/// @param factor                 >= 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Matches:  Hugging Face "proportional" (Gemma 4, full-attention layers), mlx-lm ProportionalRoPE.
inline Frequencies scale_proportional(const Frequencies& frequencies, double partial_rotary_factor,
                                      double factor = 1.0) {
  const char* const function = "scale_proportional";
  detail::require(partial_rotary_factor > 0 && partial_rotary_factor <= 1, function, "partial_rotary_factor",
                  partial_rotary_factor, "in (0, 1]");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, ">= 1");
  const Eigen::Index live =
      static_cast<Eigen::Index>(partial_rotary_factor * static_cast<double>(frequencies.rotary_dim())) / 2;
  Eigen::ArrayXd inv_freq = frequencies.inv_freq() / factor;
  inv_freq.tail(frequencies.num_pairs() - live).setZero();
  return Frequencies(inv_freq, frequencies.magnitude(), frequencies.softmax_multiplier());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LINEAR_HPP

// ---- posenc/frequency/scale_llama3.hpp
/// Llama 3 scaling: long wavelengths are interpolated, short ones kept, with a blend between.
#ifndef POSENC_FREQUENCY_SCALE_LLAMA3_HPP
#define POSENC_FREQUENCY_SCALE_LLAMA3_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a "llama3" config, with Meta's defaults. The two without a default must be set.
struct Llama3Options {
  double factor = 0;                            ///< Divisor of the slow pairs, >= 1. Must be set.
  double original_max_position_embeddings = 0;  ///< Trained length L [positions], > 0. Must be set.
  double low_freq_factor = 1;                   ///< Wavelengths beyond L / low_freq_factor are divided; > 0.
  double high_freq_factor = 4;                  ///< Wavelengths below L / high_freq_factor are kept; > low_freq_factor.
};

/// Llama 3 scaling.
///
/// With the wavelength w = 2 pi / inv_freq[i] and s = (L / w - low_freq_factor) / (high_freq_factor - low_freq_factor):
///
///     inv_freq'[i] = inv_freq[i] / factor                       w > L / low_freq_factor
///                    inv_freq[i]                                w < L / high_freq_factor
///                    inv_freq[i] ((1 - s) / factor + s)         between
///
/// @throws std::invalid_argument  factor < 1; L <= 0; low_freq_factor <= 0 or not < high_freq_factor; NaN, infinite.
/// Accuracy: 4 ulp of double, enforced on Llama 3.1 and 3.2 in tests/.
/// Source:   Dubey et al. 2024, arXiv:2407.21783; the rule is in Meta's model code.
/// Matches:  Hugging Face "llama3", vLLM Llama3, MLX Llama3RoPE, CTranslate2 Llama3; ggml ships it as freq_factors.
inline Frequencies scale_llama3(const Frequencies& frequencies, const Llama3Options& options) {
  using detail::Wide;
  const char* const function = "scale_llama3";
  const double length = options.original_max_position_embeddings;
  detail::require(detail::is_finite(options.factor) && options.factor >= 1, function, "factor", options.factor, ">= 1");
  detail::require(detail::is_finite(length) && length > 0, function, "original_max_position_embeddings", length,
                  "finite and > 0");
  detail::require(detail::is_finite(options.low_freq_factor) && options.low_freq_factor > 0, function,
                  "low_freq_factor", options.low_freq_factor, "finite and > 0");
  detail::require(detail::is_finite(options.high_freq_factor) && options.high_freq_factor > options.low_freq_factor,
                  function, "high_freq_factor", options.high_freq_factor, "finite and > low_freq_factor ",
                  options.low_freq_factor);

  constexpr Wide two_pi = 6.283185307179586476925286766559005768L;
  const Wide low = static_cast<Wide>(options.low_freq_factor);
  const Wide high = static_cast<Wide>(options.high_freq_factor);
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    // A negative frequency turns the other way at the same wavelength.
    const Wide turns = static_cast<Wide>(length) * static_cast<Wide>(std::abs(inv_freq[i])) / two_pi;  // L / w
    if (turns > high) continue;
    const Wide s = turns < low ? Wide(0) : (turns - low) / (high - low);
    inv_freq[i] =
        static_cast<double>(static_cast<Wide>(inv_freq[i]) * ((1 - s) / static_cast<Wide>(options.factor) + s));
  }
  return Frequencies(inv_freq, frequencies.magnitude(), frequencies.softmax_multiplier());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LLAMA3_HPP

// ---- posenc/frequency/scale_longrope.hpp
/// LongRoPE: searched factors per pair, one list for short and one for long sequences.
#ifndef POSENC_FREQUENCY_SCALE_LONGROPE_HPP
#define POSENC_FREQUENCY_SCALE_LONGROPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a LongRoPE ("su") config. Those without a default must be set.
struct LongRopeOptions {
  std::vector<double> short_factor = {};        ///< num_pairs divisors up to the trained length. Must be set.
  std::vector<double> long_factor = {};         ///< num_pairs divisors beyond it. Must be set.
  double original_max_position_embeddings = 0;  ///< Trained length [positions], > 1. Must be set.
  double max_position_embeddings = 0;           ///< Extended length [positions]; needed unless `factor` is given.
  std::optional<double> factor = {};            ///< Extended over trained length; wins over max_position_embeddings.
  std::optional<double> attention_factor = {};  ///< A itself; wins over the derived value.
  std::optional<double> short_mscale = {};  ///< A of the short list (Phi-3-small, vLLM); wins over all of the above.
  std::optional<double> long_mscale = {};   ///< A of the long list (Phi-3-small, vLLM).
};

/// LongRoPE: inv_freq[i] / long_factor[i] when seq_len > original_max_position_embeddings, else / short_factor[i].
///
/// magnitude: attention_factor if given, else sqrt(1 + ln(s) / ln(original_max_position_embeddings)) with s = factor or
/// max_position_embeddings / original_max_position_embeddings, 1 for s <= 1; the same for both lists.
///
/// `seq_len` must be one number for the whole life of a sequence: keys cached with the short list do not fit queries
/// of the long one. Engines that look at the current length in each call break chunked prefill.
/// @param seq_len  The length that this sequence may reach, >= 0. Equal to the trained length is still short.
/// @throws std::invalid_argument  a list of another length than num_pairs or with a factor <= 0; trained length <= 1;
///                                neither factor nor max_position_embeddings; anything NaN or infinite.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Source:   Ding et al. 2024, arXiv:2402.13753.
/// Matches:  Hugging Face "longrope" and "su" (Phi-3), vLLM Phi3LongRoPEScaled, mlx-lm SuScaledRoPE (always long).
inline Frequencies scale_longrope(const Frequencies& frequencies, const LongRopeOptions& options, double seq_len) {
  const char* const function = "scale_longrope";
  const double length = options.original_max_position_embeddings;
  const auto size = [](const std::vector<double>& list) { return static_cast<Eigen::Index>(list.size()); };
  const auto positive = [](const std::optional<double>& value) {
    return !value || (detail::is_finite(*value) && *value > 0);
  };
  detail::require(size(options.short_factor) == frequencies.num_pairs(), function, "short_factor.size()",
                  size(options.short_factor), "num_pairs ", frequencies.num_pairs());
  detail::require(size(options.long_factor) == frequencies.num_pairs(), function, "long_factor.size()",
                  size(options.long_factor), "num_pairs ", frequencies.num_pairs());
  detail::require(detail::is_finite(length) && length > 1, function, "original_max_position_embeddings", length,
                  "finite and > 1");
  detail::require(positive(options.factor), function, "factor", options.factor.value_or(1), "finite and > 0");
  detail::require(
      options.factor || (detail::is_finite(options.max_position_embeddings) && options.max_position_embeddings > 0),
      function, "max_position_embeddings", options.max_position_embeddings, "finite and > 0 when factor is not given");
  detail::require(positive(options.attention_factor), function, "attention_factor",
                  options.attention_factor.value_or(1), "finite and > 0");
  detail::require(positive(options.short_mscale), function, "short_mscale", options.short_mscale.value_or(1),
                  "finite and > 0");
  detail::require(positive(options.long_mscale), function, "long_mscale", options.long_mscale.value_or(1),
                  "finite and > 0");
  detail::require(detail::is_finite(seq_len) && seq_len >= 0, function, "seq_len", seq_len, "finite and >= 0");

  const bool is_long = seq_len > length;
  const std::vector<double>& factors = is_long ? options.long_factor : options.short_factor;
  const double extension = options.factor.value_or(options.max_position_embeddings / length);
  const double derived = extension <= 1 ? 1.0 : std::sqrt(1 + std::log(extension) / std::log(length));
  const std::optional<double>& own = is_long ? options.long_mscale : options.short_mscale;
  const double magnitude = own.value_or(options.attention_factor.value_or(derived));
  return scale_by_factors(frequencies, Eigen::Map<const Eigen::ArrayXd>(factors.data(), size(factors)))
      .with_magnitude(frequencies.magnitude() * magnitude, frequencies.softmax_multiplier());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LONGROPE_HPP

// ---- posenc/frequency/scale_ntk.hpp
/// Context extension by a larger base: NTK-aware, dynamic NTK, and kexue's fixed and mixed forms.
#ifndef POSENC_FREQUENCY_SCALE_NTK_HPP
#define POSENC_FREQUENCY_SCALE_NTK_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_ntk(const char* function, const Frequencies& frequencies, double factor) {
  require(frequencies.rotary_dim() > 2, function, "rotary_dim", frequencies.rotary_dim(), "> 2");
  require(is_finite(factor) && factor >= 1, function, "factor", factor, ">= 1");
}

/// inv_freq[i] * exp(-log_divisor(i)).
template <typename LogDivisor>
Frequencies divide_by_exp(const Frequencies& frequencies, LogDivisor&& log_divisor) {
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    inv_freq[i] = static_cast<double>(static_cast<Wide>(inv_freq[i]) * std::exp(-log_divisor(i)));
  }
  return Frequencies(inv_freq, frequencies.magnitude(), frequencies.softmax_multiplier());
}

}  // namespace detail

/// NTK-aware scaling: base' = base * factor^(d / (d - 2)), d = rotary_dim.
///
/// Equivalently inv_freq[i] * factor^(-2i / (d - 2)): the first pair keeps its frequency, the last is divided by
/// `factor`. Works on any list of frequencies.
/// @param factor  "alpha", >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite; rotary_dim 2, where the exponent divides by zero.
/// Accuracy: 2 ulp of double on top of `frequencies`.
/// Source:   bloc97, "NTK-Aware Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.1.
/// Matches:  ExLlama and Hunyuan alpha (vLLM DynamicNTKAlpha), rotary-embedding-torch theta_rescale_factor,
///           x-transformers base_rescale_factor, Qwen-1 ntk_alpha.
inline Frequencies scale_ntk_aware(const Frequencies& frequencies, double factor) {
  detail::require_ntk("scale_ntk_aware", frequencies, factor);
  const detail::Wide d = static_cast<detail::Wide>(frequencies.rotary_dim());
  if (frequencies.base() > 0) {
    const detail::Wide base = frequencies.base() * std::pow(static_cast<detail::Wide>(factor), d / (d - 2));
    return geometric_frequencies(frequencies.rotary_dim(), static_cast<double>(base))
        .with_magnitude(frequencies.magnitude(), frequencies.softmax_multiplier());
  }
  const detail::Wide step = 2 * std::log(static_cast<detail::Wide>(factor)) / (d - 2);
  return detail::divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<detail::Wide>(i) * step; });
}

/// Dynamic NTK: NTK-aware scaling by what the current length needs.
///
/// Up to `max_position_embeddings` nothing changes; beyond it scale_ntk_aware() with
/// factor * seq_len / max_position_embeddings - (factor - 1).
///
/// The angles of *every* position change with seq_len, so cached keys must be rotated anew when it grows; choosing
/// the length once for each sequence avoids that.
/// @param factor                   `factor` of the config, >= 1.
/// @param max_position_embeddings  Trained length, > 0.
/// @param seq_len                  The length to serve, >= 0.
/// @throws std::invalid_argument   one of these does not hold; rotary_dim 2.
/// Accuracy: 2 ulp of double on top of `frequencies`.
/// Matches:  Hugging Face "dynamic". vLLM (from 2026-06) passes seq_len = factor * max_position_embeddings once.
inline Frequencies scale_dynamic_ntk(const Frequencies& frequencies, double factor, double max_position_embeddings,
                                     double seq_len) {
  const char* const function = "scale_dynamic_ntk";
  detail::require_ntk(function, frequencies, factor);
  detail::require(detail::is_finite(max_position_embeddings) && max_position_embeddings > 0, function,
                  "max_position_embeddings", max_position_embeddings, "finite and > 0");
  detail::require(detail::is_finite(seq_len) && seq_len >= 0, function, "seq_len", seq_len, "finite and >= 0");
  if (seq_len <= max_position_embeddings) return frequencies;
  return scale_ntk_aware(frequencies, factor * seq_len / max_position_embeddings - (factor - 1));
}

/// NTK-RoPE-fixed: inv_freq[i] * factor^(-2(i + 1) / d), every pair is slowed and the last by the whole factor.
///
/// @param factor  >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite; rotary_dim 2.
/// Accuracy: 2 ulp of double on top of `frequencies`.
/// Source:   Su Jianlin, kexue.fm/archives/9706, 2023.
/// Matches:  vLLM NTKScaling without mixed_b.
inline Frequencies scale_ntk_fixed(const Frequencies& frequencies, double factor) {
  detail::require_ntk("scale_ntk_fixed", frequencies, factor);
  const detail::Wide step = std::log(static_cast<detail::Wide>(factor)) / frequencies.num_pairs();
  return detail::divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<detail::Wide>(i + 1) * step; });
}

/// NTK-RoPE-mixed: inv_freq[i] / exp(a (i + 1)^b) with a = ln(factor) / (d/2)^b.
///
/// @param factor  >= 1.
/// @param b       Shape, finite and >= 0; 1 is scale_ntk_fixed(), 0 is scale_linear(), 0.625 is the author's choice.
/// @throws std::invalid_argument  one of these does not hold; rotary_dim 2.
/// Accuracy: 2 ulp of double on top of `frequencies`.
/// Source:   Su Jianlin, kexue.fm/archives/9706, 2023.
/// Matches:  vLLM NTKScaling with mixed_b.
inline Frequencies scale_ntk_mixed(const Frequencies& frequencies, double factor, double b = 0.625) {
  detail::require_ntk("scale_ntk_mixed", frequencies, factor);
  detail::require(detail::is_finite(b) && b >= 0, "scale_ntk_mixed", "b", b, "finite and >= 0");
  const detail::Wide last = static_cast<detail::Wide>(frequencies.num_pairs());
  return detail::divide_by_exp(frequencies, [&](Eigen::Index i) {
    return std::log(static_cast<detail::Wide>(factor)) *
           std::pow(static_cast<detail::Wide>(i + 1) / last, static_cast<detail::Wide>(b));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_NTK_HPP

// ---- posenc/frequency/scale_yarn.hpp
/// YaRN: fast pairs keep their frequency, slow pairs are interpolated, with a ramp between.
#ifndef POSENC_FREQUENCY_SCALE_YARN_HPP
#define POSENC_FREQUENCY_SCALE_YARN_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a YaRN config, with the field's defaults. The two without a default must be set.
struct YarnOptions {
  double factor = 0;                            ///< New length over trained length, >= 1. Must be set.
  double original_max_position_embeddings = 0;  ///< Trained length [positions], > 0. Must be set.
  double beta_fast = 32;                        ///< Pairs with more turns over the trained length stay as they are.
  double beta_slow = 1;                         ///< Pairs with fewer turns are interpolated; < beta_fast.
  bool truncate = true;                         ///< Round the ends of the ramp to whole pairs (gpt-oss: false).
  std::optional<double> attention_factor = {};  ///< A itself; wins over the two below.
  double mscale = 0;                            ///< DeepSeek pair; 0 = not given. Counts only when both are given.
  double mscale_all_dim = 0;                    ///< DeepSeek pair; 0 = not given. Alone it sets the softmax multiplier.
  double extrapolation_factor = 1;              ///< Weight of the unscaled part, in [0, 1] (vLLM, original code).
  double attn_factor = 1;                       ///< Factor on a derived A, > 0 (vLLM, original code).
};

/// g(s, m) = 0.1 m ln(s) + 1 for s > 1, else 1: the magnitude that YaRN derives from a factor s.
/// Matches:  `yarn_get_mscale` of DeepSeek, `get_mscale` of Hugging Face.
inline double yarn_mscale(double factor, double mscale = 1.0) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// YaRN.
///
/// With d = rotary_dim, B = base and L = original_max_position_embeddings, the pair that makes n turns over L is
///
///     pair(n) = d ln(L / (2 pi n)) / (2 ln B)
///     low  = max(floor(pair(beta_fast)), 0)          floor and ceil only with `truncate`
///     high = min(ceil(pair(beta_slow)), d - 1)       + 0.001 when low == high
///     e[i] = extrapolation_factor (1 - clamp((i - low) / (high - low), 0, 1))
///     inv_freq'[i] = inv_freq[i] (e[i] + (1 - e[i]) / factor)
///
/// magnitude: attention_factor if given; else with both mscale and mscale_all_dim
/// g(factor, mscale) / g(factor, mscale_all_dim), else g(factor, 1), times attn_factor.
/// softmax_multiplier: g(factor, mscale_all_dim)^2 when mscale_all_dim is given, else 1. DeepSeek V2 and V3 need it on
/// the softmax scale; it is the half of the rule that ports forget.
///
/// @param frequencies  From geometric_frequencies(), base > 1: the ramp needs the base.
/// @throws std::invalid_argument  not such frequencies; factor < 1; trained length <= 0; beta_slow <= 0 or not
///                                < beta_fast; attention_factor <= 0; anything NaN or infinite.
/// Accuracy: 4 ulp of double, enforced on the published configurations in tests/.
/// Source:   Peng et al. 2023, arXiv:2309.00071; DeepSeek-AI 2024, arXiv:2405.04434.
/// Matches:  Hugging Face "yarn", vLLM YaRN and DeepseekScaling. ggml always truncates and applies 1 + 0.1 ln(factor)
///           inside the operator.
inline Frequencies scale_yarn(const Frequencies& frequencies, const YarnOptions& options) {
  using detail::Wide;
  const char* const function = "scale_yarn";
  const double factor = options.factor;
  const double length = options.original_max_position_embeddings;
  detail::require(frequencies.base() > 1, function, "frequencies.base()", frequencies.base(),
                  "> 1 (use geometric_frequencies)");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, ">= 1");
  detail::require(detail::is_finite(length) && length > 0, function, "original_max_position_embeddings", length,
                  "finite and > 0");
  detail::require(detail::is_finite(options.beta_slow) && options.beta_slow > 0, function, "beta_slow",
                  options.beta_slow, "finite and > 0");
  detail::require(detail::is_finite(options.beta_fast) && options.beta_fast > options.beta_slow, function, "beta_fast",
                  options.beta_fast, "finite and > beta_slow ", options.beta_slow);
  detail::require(
      !options.attention_factor || (detail::is_finite(*options.attention_factor) && *options.attention_factor > 0),
      function, "attention_factor", options.attention_factor.value_or(1), "finite and > 0");
  detail::require(detail::is_finite(options.mscale) && options.mscale >= 0, function, "mscale", options.mscale,
                  "finite and >= 0");
  detail::require(detail::is_finite(options.mscale_all_dim) && options.mscale_all_dim >= 0, function, "mscale_all_dim",
                  options.mscale_all_dim, "finite and >= 0");
  detail::require(options.extrapolation_factor >= 0 && options.extrapolation_factor <= 1, function,
                  "extrapolation_factor", options.extrapolation_factor, "in [0, 1]");
  detail::require(detail::is_finite(options.attn_factor) && options.attn_factor > 0, function, "attn_factor",
                  options.attn_factor, "finite and > 0");

  const Wide d = static_cast<Wide>(frequencies.rotary_dim());
  const Wide log_base = std::log(static_cast<Wide>(frequencies.base()));
  constexpr Wide two_pi = 6.283185307179586476925286766559005768L;
  const auto pair_with_turns = [&](double turns) {
    return d * std::log(static_cast<Wide>(length) / (static_cast<Wide>(turns) * two_pi)) / (2 * log_base);
  };
  Wide low = pair_with_turns(options.beta_fast);
  Wide high = pair_with_turns(options.beta_slow);
  if (options.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = (std::max)(low, Wide(0));
  high = (std::min)(high, d - 1);
  if (low == high) high += static_cast<Wide>(0.001);

  Eigen::ArrayXd inv_freq(frequencies.num_pairs());
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    const Wide pair = static_cast<Wide>(i);
    // 1 - ramp, without the cancellation: the small weights near `high` carry the accuracy.
    const Wide kept = (std::min)((std::max)((high - pair) / (high - low), Wide(0)), Wide(1));
    const Wide extrapolated = static_cast<Wide>(options.extrapolation_factor) * kept;
    const Wide unscaled = std::exp(-2 * pair / d * log_base);
    inv_freq[i] = static_cast<double>(unscaled * (extrapolated + (1 - extrapolated) / static_cast<Wide>(factor)));
  }

  const bool pair_given = options.mscale != 0 && options.mscale_all_dim != 0;
  const double derived = pair_given ? yarn_mscale(factor, options.mscale) / yarn_mscale(factor, options.mscale_all_dim)
                                    : yarn_mscale(factor);
  const double magnitude = options.attention_factor.value_or(derived * options.attn_factor);
  const double softmax = options.mscale_all_dim != 0 ? std::pow(yarn_mscale(factor, options.mscale_all_dim), 2) : 1.0;
  return Frequencies(inv_freq, frequencies.magnitude() * magnitude, frequencies.softmax_multiplier() * softmax);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_YARN_HPP

// ---- posenc/frequency.hpp
/// The shared source of angles: frequencies, the rules that extend a context, and the cos/sin table.
#ifndef POSENC_FREQUENCY_HPP
#define POSENC_FREQUENCY_HPP

#endif  // POSENC_FREQUENCY_HPP

// ---- posenc/detail/rope_rows.hpp
/// Which table row a token takes: a run from `first_row`, or a list with one row for each token.
#ifndef POSENC_DETAIL_ROPE_ROWS_HPP
#define POSENC_DETAIL_ROPE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Token i takes row first + i. Made only when all of them exist.
class RowRun {
 public:
  RowRun(const char* function, Eigen::Index first, Eigen::Index tokens, Eigen::Index table_rows) : first_(first) {
    require_in_range(first >= 0, function, "first_row", first, ">= 0");
    require_in_range(tokens <= table_rows && first <= table_rows - tokens, function, "first_row", first, "at most ",
                     table_rows - tokens, " (", table_rows, " rows of the table - ", tokens, " tokens)");
  }
  Eigen::Index operator()(Eigen::Index token) const { return first_ + token; }

 private:
  Eigen::Index first_;
};

/// Token i takes row rows(i), the list read along its rows. Made only when all of them exist.
template <typename Derived>
class RowList {
 public:
  RowList(const char* function, const Eigen::DenseBase<Derived>& rows, Eigen::Index tokens, Eigen::Index table_rows)
      : rows_(rows.derived()) {
    static_assert(Eigen::NumTraits<typename Derived::Scalar>::IsInteger,
                  "posenc: rows of a table are given by integers: a first row, or a list with one for each token");
    require(rows.size() == tokens, function, "rows.size()", rows.size(), "the number of tokens ", tokens);
    for (Eigen::Index i = 0; i < tokens; ++i) {
      const Eigen::Index row = (*this)(i);
      if (row < 0 || row >= table_rows) {
        refuse<std::out_of_range>(function, element("rows", i), row, "in [0, ", table_rows, ") (rows of the table)");
      }
    }
  }
  Eigen::Index operator()(Eigen::Index i) const {
    const Eigen::Index columns = rows_.cols();
    return static_cast<Eigen::Index>(columns == 1 ? rows_.coeff(i, 0) : rows_.coeff(i / columns, i % columns));
  }

 private:
  const Derived& rows_;
};

/// RowRun for an integer, RowList for an Eigen expression of integers.
template <typename Rows>
auto make_rows(const char* function, const Rows& rows, Eigen::Index tokens, Eigen::Index table_rows) {
  if constexpr (std::is_integral_v<Rows>) {
    return RowRun(function, static_cast<Eigen::Index>(rows), tokens, table_rows);
  } else {
    static_assert(std::is_base_of_v<Eigen::EigenBase<Rows>, Rows>,
                  "posenc: `rows` must be an integer (the first row) or an Eigen vector of integers");
    return RowList<Rows>(function, rows, tokens, table_rows);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROPE_ROWS_HPP

// ---- posenc/detail/rotate.hpp
/// The rotation kernels: all heads of one token, contiguous in memory, by one row of a table.
///
/// Eigen expressions of fixed size reach the speed of an in-place scale from the second-level cache on (benchmarks/).
/// Four heads are turned at a time: the cosines and sines then stay in registers, which is worth 10 to 30 % in the
/// first-level cache. Interleaved pairs are complex numbers, and Eigen has packets for those.
#ifndef POSENC_DETAIL_ROTATE_HPP
#define POSENC_DETAIL_ROTATE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Forward A R(t); adjoint A R(-t); inverse R(-t) / A. `scale` is a factor on the table's numbers, which hold A.
struct Turn {
  bool backwards = false;
  double scale = 1.0;
};

/// Values in one vector register of the widest kind that Eigen uses.
template <typename Scalar>
inline constexpr int kPacket = (EIGEN_MAX_ALIGN_BYTES > 16 ? EIGEN_MAX_ALIGN_BYTES : 16) /
                               static_cast<int>(sizeof(Scalar));

inline constexpr Eigen::Index kHeadsTogether = 4;
inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

/// body(integral_constant<int, width>, first) over [first, count): blocks of Width, then of halves of it down to 1.
template <int Width, typename Body>
void for_each_block(Eigen::Index first, Eigen::Index count, Body&& body) {
  for (; first + Width <= count; first += Width) body(std::integral_constant<int, Width>{}, first);
  if constexpr (Width > 1) {
    if (first < count) for_each_block<Width / 2>(first, count, body);
  }
}

template <int Width, typename Number, typename Scalar>
auto load(const Scalar* data) {
  using Stored = Eigen::Map<const Eigen::Array<Scalar, Width, 1>>;
  return Eigen::Array<Number, Width, 1>(Stored(data).template cast<Number>());
}

template <typename Scalar, typename Number, int Width>
void store(Scalar* data, const Eigen::Array<Number, Width, 1>& values) {
  if constexpr (is_half<Scalar> && std::is_same_v<Number, double>) {
    for (int i = 0; i < Width; ++i) data[i] = round_to<Scalar>(values[i]);
  } else {
    Eigen::Map<Eigen::Array<Scalar, Width, 1>>{data} = values.template cast<Scalar>();
  }
}

/// One block of pairs in `Heads` heads. `cos` and `sin` hold one value per pair; `half` is the distance of partners.
template <int Heads, typename Number, typename Out, typename In>
void rotate_half_split(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index half,
                       const Number* cos, const Number* sin, Eigen::Index count) {
  for_each_block<kPacket<Number>>(0, count, [&](auto width, Eigen::Index i) {
    using Block = Eigen::Array<Number, width.value, 1>;
    const Block c = load<width.value, Number>(cos + i);
    const Block s = load<width.value, Number>(sin + i);
    for (int head = 0; head < Heads; ++head) {
      const Block a = load<width.value, Number>(in + head * in_stride + i);
      const Block b = load<width.value, Number>(in + head * in_stride + half + i);
      store(out + head * out_stride + i, Block(a * c - b * s));
      store(out + head * out_stride + half + i, Block(a * s + b * c));
    }
  });
}

/// The same for pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Heads, typename Number, typename Out, typename In>
void rotate_interleaved(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, const Number* cos_sin,
                        Eigen::Index count) {
  for_each_block<kPacket<Number> / 2>(0, count, [&](auto width, Eigen::Index i) {
    constexpr int pairs = width.value;
#if defined(EIGEN_VECTORIZE)
    constexpr bool use_packets = pairs > 1;
#else
    constexpr bool use_packets = false;
#endif
    if constexpr (use_packets) {
      using Complex = Eigen::Array<std::complex<Number>, pairs, 1>;
      using Reals = Eigen::Array<Number, 2 * pairs, 1>;
      const auto complex = [](const Number* data) { return reinterpret_cast<const std::complex<Number>*>(data); };
      const Complex turn = Eigen::Map<const Complex>(complex(cos_sin + 2 * i));
      for (int head = 0; head < Heads; ++head) {
        const In* const from = in + head * in_stride + 2 * i;
        Out* const to = out + head * out_stride + 2 * i;
        if constexpr (std::is_same_v<In, Number> && std::is_same_v<Out, Number>) {
          Eigen::Map<Complex>{reinterpret_cast<std::complex<Number>*>(to)} =
              turn * Eigen::Map<const Complex>(complex(from));
        } else {
          Reals values = load<2 * pairs, Number>(from);
          Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(values.data()));
          numbers = (turn * numbers).eval();
          store(to, values);
        }
      }
    } else {
      for (int head = 0; head < Heads; ++head) {
        for (int k = 0; k < pairs; ++k) {
          const Number c = cos_sin[2 * (i + k)];
          const Number s = cos_sin[2 * (i + k) + 1];
          const Number a = convert<Number>(in[head * in_stride + 2 * (i + k)]);
          const Number b = convert<Number>(in[head * in_stride + 2 * (i + k) + 1]);
          out[head * out_stride + 2 * (i + k)] = convert<Out>(a * c - b * s);
          out[head * out_stride + 2 * (i + k) + 1] = convert<Out>(a * s + b * c);
        }
      }
    }
  });
}

/// Calls body(integral_constant<int, heads>, first head): four heads at a time, then one.
template <typename Body>
void for_each_head_group(Eigen::Index num_heads, Body&& body) {
  Eigen::Index head = 0;
  for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
    body(std::integral_constant<int, static_cast<int>(kHeadsTogether)>{}, head);
  }
  for (; head < num_heads; ++head) body(std::integral_constant<int, 1>{}, head);
}

/// Turns the window of every head of one token by table row `row`. `in` and `out` point to the window of head 0 and are
/// the same or do not overlap.
template <typename Out, typename In, typename TableScalar>
void rotate_token(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index num_heads,
                  const FrequencyTable<TableScalar>& table, Eigen::Index row, bool half_split, Turn turn) {
  using Wider = std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>;
  using Number = ArithmeticScalar<In, Wider>;
  const Eigen::Index half = table.num_pairs();
  const Eigen::Index step = table.pair_stride();
  const TableScalar* const table_cos = table.cos_data(row);
  const TableScalar* const table_sin = table.sin_data(row);
  const bool as_stored = std::is_same_v<TableScalar, Number> && !turn.backwards && turn.scale == 1.0;
  const auto cos_at = [&](Eigen::Index i) {
    return static_cast<Number>(static_cast<double>(table_cos[i * step]) * turn.scale);
  };
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  const auto sin_at = [&](Eigen::Index i) {
    return static_cast<Number>(static_cast<double>(table_sin[i * step]) * sin_scale);
  };

  alignas(64) Number buffer[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    if (half_split) {
      const Number* cos = buffer;
      const Number* sin = buffer + kRowChunk;
      bool direct = false;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        direct = as_stored && step == 1;
        if (direct) cos = table_cos + first;
        if (direct) sin = table_sin + first;
      }
      if (!direct) {
        for (Eigen::Index i = 0; i < count; ++i) buffer[i] = cos_at(first + i);
        for (Eigen::Index i = 0; i < count; ++i) buffer[kRowChunk + i] = sin_at(first + i);
      }
      for_each_head_group(num_heads, [&](auto heads, Eigen::Index head) {
        rotate_half_split<heads.value>(out + head * out_stride + first, out_stride, in + head * in_stride + first,
                                       in_stride, half, cos, sin, count);
      });
    } else {
      const Number* cos_sin = buffer;
      bool direct = false;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        direct = as_stored && table.layout() == TableLayout::paired;
        if (direct) cos_sin = table_cos + 2 * first;
      }
      if (!direct) {
        for (Eigen::Index i = 0; i < count; ++i) {
          buffer[2 * i] = cos_at(first + i);
          buffer[2 * i + 1] = sin_at(first + i);
        }
      }
      for_each_head_group(num_heads, [&](auto heads, Eigen::Index head) {
        rotate_interleaved<heads.value>(out + head * out_stride + 2 * first, out_stride,
                                        in + head * in_stride + 2 * first, in_stride, cos_sin, count);
      });
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROTATE_HPP

// ---- posenc/rope/heads_view.hpp
/// HeadsView: queries or keys in a buffer that somebody else owns.
#ifndef POSENC_ROPE_HEADS_VIEW_HPP
#define POSENC_ROPE_HEADS_VIEW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Queries or keys in a raw buffer: channel c of head h of token t of sequence b lies at
///
///     data[b * batch_stride + t * token_stride + h * head_stride + c]
///
/// A plain description that owns nothing; apply_rope() checks it. For strides of one's own, fill the fields in.
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16; const for what is only read.
template <typename Scalar>
struct HeadsView {
  Scalar* data = nullptr;
  Eigen::Index batch = 0;      ///< Number of sequences, >= 0.
  Eigen::Index seq_len = 0;    ///< Tokens of each sequence, >= 0.
  Eigen::Index num_heads = 0;  ///< Heads of each token, >= 0.
  Eigen::Index head_dim = 0;   ///< Channels of each head, > 0, contiguous.
  Eigen::Index batch_stride = 0;
  Eigen::Index token_stride = 0;
  Eigen::Index head_stride = 0;
};

/// [batch, seq_len, num_heads, head_dim]: flash-attention, vLLM, what a projection puts out.
template <typename Scalar>
HeadsView<Scalar> view_blhd(Scalar* data, Eigen::Index batch, Eigen::Index seq_len, Eigen::Index num_heads,
                            Eigen::Index head_dim) {
  const Eigen::Index token = num_heads * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, seq_len * token, token, head_dim};
}

/// [batch, num_heads, seq_len, head_dim]: Hugging Face, ONNX 4-D, CTranslate2.
template <typename Scalar>
HeadsView<Scalar> view_bhld(Scalar* data, Eigen::Index batch, Eigen::Index num_heads, Eigen::Index seq_len,
                            Eigen::Index head_dim) {
  const Eigen::Index head = seq_len * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, num_heads * head, head_dim, head};
}

/// [tokens, num_heads * head_dim], sequences packed one after the other: vLLM, flash-attention varlen.
template <typename Scalar>
HeadsView<Scalar> view_packed(Scalar* data, Eigen::Index tokens, Eigen::Index num_heads, Eigen::Index head_dim) {
  return view_blhd(data, 1, tokens, num_heads, head_dim);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_VIEW_HPP

// ---- posenc/rope/layout.hpp
/// RopeLayout: which channels of a head turn, and which two of them make a pair.
#ifndef POSENC_ROPE_LAYOUT_HPP
#define POSENC_ROPE_LAYOUT_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// How two channels of a head form a pair.
enum class RopePairs {
  half_split,  ///< Channels i and i + rotary_dim/2: GPT-NeoX, Hugging Face rotate_half, ggml NEOX.
  interleaved  ///< Channels 2i and 2i + 1: GPT-J, Meta's Llama code, ggml NORMAL, MLX traditional=True.
};

/// Which channels of a head turn, and which two of them make a pair: a constant of a checkpoint.
///
/// Channels offset ... offset + rotary_dim - 1 of every head turn, where rotary_dim is the table's; the others stay.
/// With head_dim 8 and rotary_dim 6 (digit = pair, . = unchanged):
///
///     half_split(8)      0 1 2 0 1 2 . .      a prefix: GPT-NeoX, Phi
///     half_split(8, 2)   . . 0 1 2 0 1 2      a suffix: DeepSeek
///     interleaved(8)     0 0 1 1 2 2 . .      a prefix: GPT-J, GLM
///
/// There is no default. Weights trained with one layout give wrong results with the other, and nothing can detect it:
/// norms stay, and position 0 is even right.
class RopeLayout {
 public:
  /// @param head_dim  Columns of one head, > 0: with partial rotary more than the table's rotary_dim.
  /// @param offset    First channel that turns, in [0, head_dim).
  /// @throws std::invalid_argument  one of these does not hold.
  static RopeLayout half_split(Eigen::Index head_dim, Eigen::Index offset = 0) {
    return RopeLayout("RopeLayout::half_split", RopePairs::half_split, head_dim, offset);
  }
  /// @copydoc half_split
  static RopeLayout interleaved(Eigen::Index head_dim, Eigen::Index offset = 0) {
    return RopeLayout("RopeLayout::interleaved", RopePairs::interleaved, head_dim, offset);
  }

  RopePairs pairs() const { return pairs_; }
  Eigen::Index head_dim() const { return head_dim_; }
  Eigen::Index offset() const { return offset_; }

 private:
  RopeLayout(const char* function, RopePairs pairs, Eigen::Index head_dim, Eigen::Index offset)
      : pairs_(pairs), head_dim_(head_dim), offset_(offset) {
    detail::require(head_dim > 0, function, "head_dim", head_dim, "> 0");
    detail::require(offset >= 0 && offset < head_dim, function, "offset", offset, "in [0, head_dim ", head_dim, ")");
  }

  RopePairs pairs_;
  Eigen::Index head_dim_;
  Eigen::Index offset_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_LAYOUT_HPP

// ---- posenc/detail/rope_apply.hpp
/// What stands behind every apply_rope...(): the checks, then the kernel or the element-wise path.
#ifndef POSENC_DETAIL_ROPE_APPLY_HPP
#define POSENC_DETAIL_ROPE_APPLY_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename TableScalar>
void require_window(const char* function, const RopeLayout& layout, const FrequencyTable<TableScalar>& table) {
  require(table.rotary_dim() <= layout.head_dim() - layout.offset(), function, "table.rotary_dim()", table.rotary_dim(),
          "at most ", layout.head_dim() - layout.offset(), " (head_dim ", layout.head_dim(), " - offset ",
          layout.offset(), ")");
}

/// Turns one pair of elements at a time: any Eigen expression, any scalar, any stride.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_elements(Out& out, const In& in, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                     const Rows& rows, Turn turn) {
  using OutScalar = typename Out::Scalar;
  using Wider = std::conditional_t<std::is_same_v<OutScalar, double>, double, TableScalar>;
  using Number = ArithmeticScalar<typename In::Scalar, Wider>;
  const Eigen::Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  const auto cos = table.cos();
  const auto sin = table.sin();
  const auto turn_pair = [&](Eigen::Index token, Eigen::Index first_column, Eigen::Index pair) {
    const Eigen::Index column_a = first_column + (half_split ? pair : 2 * pair);
    const Eigen::Index column_b = column_a + (half_split ? pairs : 1);
    const Eigen::Index row = rows(token);
    const Number c = Number(static_cast<double>(cos(row, pair)) * turn.scale);
    const Number s = Number(static_cast<double>(sin(row, pair)) * sin_scale);
    const Number a = convert<Number>(in.coeff(token, column_a));
    const Number b = convert<Number>(in.coeff(token, column_b));
    out.coeffRef(token, column_a) = convert<OutScalar>(Number(a * c - b * s));
    out.coeffRef(token, column_b) = convert<OutScalar>(Number(a * s + b * c));
  };
  const Eigen::Index tokens = in.rows();
  const Eigen::Index head_dim = layout.head_dim();
  if constexpr (bool(Out::IsRowMajor)) {
    for (Eigen::Index token = 0; token < tokens; ++token) {
      for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
        for (Eigen::Index pair = 0; pair < pairs; ++pair) turn_pair(token, head, pair);
      }
    }
  } else {
    for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        for (Eigen::Index token = 0; token < tokens; ++token) turn_pair(token, head, pair);
      }
    }
  }
}

/// out = the channels of `in` that do not turn.
template <typename Out, typename In>
void copy_unturned(Out& out, const In& in, Eigen::Index rotary_dim, const RopeLayout& layout) {
  for (Eigen::Index token = 0; token < in.rows(); ++token) {
    for (Eigen::Index head = 0; head < in.cols(); head += layout.head_dim()) {
      for (Eigen::Index i = 0; i < layout.head_dim(); ++i) {
        if (i == layout.offset()) i += rotary_dim;
        if (i == layout.head_dim()) break;
        out.coeffRef(token, head + i) = convert<typename Out::Scalar>(in.coeff(token, head + i));
      }
    }
  }
}

/// All checks, then the rotation of `in` into `out`, which may be one object.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rope_matrix(const char* function, Out& out, const In& in, const FrequencyTable<TableScalar>& table,
                 const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  require_window(function, layout, table);
  require(in.cols() % layout.head_dim() == 0, function, "x.cols()", in.cols(), "a multiple of head_dim ",
          layout.head_dim());
  const auto rows = make_rows(function, row_choice, in.rows(), table.rows());
  if constexpr (has_rows_in_memory<Out> && has_rows_in_memory<In>) {
    if (has_contiguous_rows(out) && has_contiguous_rows(in)) {
      for (Eigen::Index token = 0; token < in.rows(); ++token) {
        rotate_token(out.data() + token * out.outerStride() + layout.offset(), layout.head_dim(),
                     in.data() + token * in.outerStride() + layout.offset(), layout.head_dim(),
                     in.cols() / layout.head_dim(), table, rows(token), layout.pairs() == RopePairs::half_split, turn);
      }
      return;
    }
  }
  rotate_elements(out, in, table, layout, rows, turn);
}

template <typename Derived, typename TableScalar, typename Rows>
void rope_in_place(const char* function, Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                   const RopeLayout& layout, const Rows& rows, Turn turn) {
  require_writable<Derived>();
  rope_matrix(function, x.derived(), x.derived(), table, layout, rows, turn);
}

template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows>
void rope_into(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows, Turn turn) {
  require_writable<DerivedOut>();
  require_shape(function, "out", out, x.rows(), x.cols());
  require(!overlap_partially(out, x), function, "out", "overlapping memory", "x itself or apart from it");
  rope_matrix(function, out.derived(), x.derived(), table, layout, rows, turn);
  copy_unturned(out.derived(), x.derived(), table.rotary_dim(), layout);
}

template <typename Scalar>
void require_view(const char* function, const char* parameter, const HeadsView<Scalar>& x, const RopeLayout& layout) {
  const std::string name = parameter;
  const auto at_least_zero = [&](const char* field, Eigen::Index value) {
    if (value < 0) refuse<std::invalid_argument>(function, name + field, value, ">= 0");
  };
  at_least_zero(".batch", x.batch);
  at_least_zero(".seq_len", x.seq_len);
  at_least_zero(".num_heads", x.num_heads);
  if (x.head_dim != layout.head_dim()) {
    refuse<std::invalid_argument>(function, name + ".head_dim", x.head_dim, "layout.head_dim() ", layout.head_dim());
  }
  if (x.data == nullptr && x.batch > 0 && x.seq_len > 0 && x.num_heads > 0) {
    refuse<std::invalid_argument>(function, name + ".data", "null", "a valid pointer");
  }
}

/// A list of rows holds one for each token of a sequence, shared by the batch, or one for each token of the batch.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rope_view(const char* function, const HeadsView<Out>& out, const HeadsView<In>& in,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  static_assert(!std::is_const_v<Out>, "posenc: the view that is written to must not hold const values");
  static_assert(is_storage<std::remove_const_t<Out>> && is_storage<std::remove_const_t<In>>,
                "posenc: a HeadsView holds float, double, Eigen::half or Eigen::bfloat16");
  require_view(function, "x", in, layout);
  require_view(function, "out", out, layout);
  require(out.batch == in.batch, function, "out.batch", out.batch, "x.batch ", in.batch);
  require(out.seq_len == in.seq_len, function, "out.seq_len", out.seq_len, "x.seq_len ", in.seq_len);
  require(out.num_heads == in.num_heads, function, "out.num_heads", out.num_heads, "x.num_heads ", in.num_heads);
  require_window(function, layout, table);
  bool row_for_each_token = false;
  if constexpr (!std::is_integral_v<Rows>) row_for_each_token = row_choice.size() != in.seq_len;
  const Eigen::Index listed = row_for_each_token ? in.batch * in.seq_len : in.seq_len;
  const auto rows = make_rows(function, row_choice, listed, table.rows());
  using ConstIn = const std::remove_const_t<In>;
  const bool in_place = static_cast<const void*>(out.data) == static_cast<const void*>(in.data);
  for (Eigen::Index b = 0; b < in.batch; ++b) {
    for (Eigen::Index t = 0; t < in.seq_len; ++t) {
      ConstIn* const from = in.data + b * in.batch_stride + t * in.token_stride;
      Out* const to = out.data + b * out.batch_stride + t * out.token_stride;
      rotate_token(to + layout.offset(), out.head_stride, from + layout.offset(), in.head_stride, in.num_heads, table,
                   rows(row_for_each_token ? b * in.seq_len + t : t), layout.pairs() == RopePairs::half_split, turn);
      if (in_place) continue;
      for (Eigen::Index head = 0; head < in.num_heads; ++head) {
        const auto copy = [&](Eigen::Index begin, Eigen::Index end) {
          for (Eigen::Index i = begin; i < end; ++i) {
            to[head * out.head_stride + i] = convert<Out>(from[head * in.head_stride + i]);
          }
        };
        copy(0, layout.offset());
        copy(layout.offset() + table.rotary_dim(), layout.head_dim());
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROPE_APPLY_HPP

// ---- posenc/rope/apply.hpp
/// apply_rope(): turns queries and keys, with its inverse and its adjoint.
#ifndef POSENC_ROPE_APPLY_HPP
#define POSENC_ROPE_APPLY_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline Turn forward_turn() { return {false, 1.0}; }
inline Turn adjoint_turn() { return {true, 1.0}; }
inline Turn inverse_turn(double magnitude) { return {true, 1.0 / (magnitude * magnitude)}; }

}  // namespace detail

/// Turns every head of queries or keys by its token's position, in place.
///
/// Token i takes table row r = first_row + i, or r = rows(i). In each head, pair j < rotary_dim/2 = (a, b) becomes
///
///     a' = a cos(r, j) - b sin(r, j)
///     b' = a sin(r, j) + b cos(r, j)
///
/// with the table's cosines and sines, which hold the magnitude A. Channels outside of the layout's window stay.
///
/// @param[in,out] x  tokens x (num_heads * head_dim), any number of heads: any writable dense Eigen object (Matrix, Map,
///                   Block, Ref, transpose), row- or column-major. float, double, Eigen::half, Eigen::bfloat16, or any
///                   Eigen scalar. Zero tokens or zero heads are no error.
/// @param table      Rows that the tokens need; of any storage scalar.
/// @param layout     head_dim, which channels pair up, and the first one that turns.
/// @param rows       An integer: the row of token 0 (0 when left out; the number of cached tokens, for a table that
///                   starts at position 0). Or an Eigen vector of integers, one row for each token.
/// @throws std::invalid_argument  x.cols() no multiple of head_dim; offset + rotary_dim > head_dim; a list of another
///                                length than tokens.
/// @throws std::out_of_range      a row that the table does not have. x is unchanged whenever one is thrown.
///
/// Cost:     4 multiplications and 2 additions for each pair; no allocation, no copy of x. Row-major x at the speed of
///           an in-place scale from the second-level cache on; column-major and strided x element by element.
/// Accuracy: |error| <= 3 eps (|a cos| + |b sin|), eps = 2^-24 for float and half types (which are computed in float and
///           rounded once more), 2^-53 for double. A double table or result makes all of the arithmetic double.
/// Threads:  reads `table` only; blocks of rows of one x may be turned at the same time.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.4.2.
/// Matches:  apply_rotary_pos_emb of Hugging Face, rotary_embedding of vLLM, ggml_rope_ext_inplace, mlx.fast.rope,
///           ONNX RotaryEmbedding.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope(Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                const Rows& rows = 0) {
  detail::rope_in_place("apply_rope", x, table, layout, rows, detail::forward_turn());
}

/// @overload
/// For what writes through, such as `qkv.leftCols(n)` or an Eigen::Map. A temporary matrix does not compile.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope(Eigen::DenseBase<Derived>&& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                const Rows& rows = 0) {
  detail::require_no_temporary<Derived>();
  detail::rope_in_place("apply_rope", x, table, layout, rows, detail::forward_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                const Rows& rows = 0) {
  detail::rope_view("apply_rope", x, x, table, layout, rows, detail::forward_turn());
}

/// Turns `x` into `out`, for instance float projections straight into a half or bfloat16 cache: rounded once.
///
/// @param[out] out  Same shape as x; may be x itself. Channels that do not turn are copied.
/// @throws std::invalid_argument  besides those of apply_rope(): another shape, or memory that overlaps x partially.
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_into(Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
                     const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_into", out, x, table, layout, rows, detail::forward_turn());
}

/// @overload
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_into(Eigen::DenseBase<DerivedOut>&& out, const Eigen::DenseBase<Derived>& x,
                     const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::require_no_temporary<DerivedOut>();
  detail::rope_into("apply_rope_into", out, x, table, layout, rows, detail::forward_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                     const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view("apply_rope_into", out, x, table, layout, rows, detail::forward_turn());
}

/// Undoes apply_rope(): R(-t) / A. Parameters, errors and cost are those of apply_rope().
/// Matches:  the `inverse` flag of vLLM and apply(cos, -sin) of DeepSeek-V4, which are right for A = 1 only.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse(Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                        const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_inverse", x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// @overload
/// For what writes through, such as `qkv.leftCols(n)` or an Eigen::Map. A temporary matrix does not compile.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse(Eigen::DenseBase<Derived>&& x, const FrequencyTable<TableScalar>& table,
                        const RopeLayout& layout, const Rows& rows = 0) {
  detail::require_no_temporary<Derived>();
  detail::rope_in_place("apply_rope_inverse", x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view("apply_rope_inverse", x, x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// apply_rope_inverse() from `x` into `out`, as apply_rope_into() does.
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse_into(Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_inverse_into", out, x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// @overload
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse_into(Eigen::DenseBase<DerivedOut>&& out, const Eigen::DenseBase<Derived>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::require_no_temporary<DerivedOut>();
  detail::rope_into("apply_rope_inverse_into", out, x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view("apply_rope_inverse_into", out, x, table, layout, rows, detail::inverse_turn(table.magnitude()));
}

/// The gradient of apply_rope(): A R(-t), which takes dL/d(output) to dL/d(input). Equal to the inverse only for A = 1.
/// Parameters, errors and cost are those of apply_rope().
/// Matches:  ggml_rope_ext_back, flash-attention conjugate=True, the vjp of mlx.fast.rope.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint(Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                        const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_adjoint", x, table, layout, rows, detail::adjoint_turn());
}

/// @overload
/// For what writes through, such as `qkv.leftCols(n)` or an Eigen::Map. A temporary matrix does not compile.
template <typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint(Eigen::DenseBase<Derived>&& x, const FrequencyTable<TableScalar>& table,
                        const RopeLayout& layout, const Rows& rows = 0) {
  detail::require_no_temporary<Derived>();
  detail::rope_in_place("apply_rope_adjoint", x, table, layout, rows, detail::adjoint_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view("apply_rope_adjoint", x, x, table, layout, rows, detail::adjoint_turn());
}

/// apply_rope_adjoint() from `x` into `out`, as apply_rope_into() does.
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_adjoint_into", out, x, table, layout, rows, detail::adjoint_turn());
}

/// @overload
template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(Eigen::DenseBase<DerivedOut>&& out, const Eigen::DenseBase<Derived>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::require_no_temporary<DerivedOut>();
  detail::rope_into("apply_rope_adjoint_into", out, x, table, layout, rows, detail::adjoint_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view("apply_rope_adjoint_into", out, x, table, layout, rows, detail::adjoint_turn());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_HPP

// ---- posenc/rope.hpp
/// Rotary position embedding: turns queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

#endif  // POSENC_ROPE_HPP

// ---- posenc/sinusoidal/encoding.hpp
/// Sinusoidal: which sinusoid stands in which channel.
#ifndef POSENC_SINUSOIDAL_ENCODING_HPP
#define POSENC_SINUSOIDAL_ENCODING_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Where sines and cosines stand in a row of `width` channels.
enum class ChannelOrder {
  interleaved,  ///< s0 c0 s1 c1 ..       the paper
  sin_cos,      ///< s0 s1 .. | c0 c1 ..  tensor2tensor and most of its descendants
  cos_sin       ///< c0 c1 .. | s0 s1 ..  Stable Diffusion, ggml
};

/// What the exponent of frequency m runs over.
enum class FrequencySpacing {
  over_width,  ///< base^(-2m / width)
  over_pairs   ///< base^(-m / (F - frequency_shift)), F = width / 2 rounded down
};

/// What stands in the last channel when the width is odd.
enum class OddWidth {
  reject,       ///< An odd width is an error.
  zero_column,  ///< The last channel is 0.
  sine_column   ///< One more sine than cosines.
};

/// Every convention in which projects differ; presets:: has them by project. The defaults are the paper's.
struct SinusoidalOptions {
  ChannelOrder order = ChannelOrder::interleaved;
  FrequencySpacing spacing = FrequencySpacing::over_width;
  double frequency_shift = 0;       ///< With over_pairs: `downscale_freq_shift`; 1 puts 1/base last.
  double base = 10000;              ///< `max_period`, `temperature`; finite, > 0, not 1.
  double position_scale = 1;        ///< Factor on every angle; 2 pi counts full turns.
  std::int64_t first_position = 0;  ///< Added to every position: CTranslate2 starts at 1.
  OddWidth odd_width = OddWidth::reject;
  double amplitude = 1;                               ///< Factor on the encoding.
  double embedding_scale = 1;                         ///< add_sinusoidal(): factor on x before the addition.
  std::optional<std::int64_t> padding_position = {};  ///< Tokens at this position get zeros (fairseq padding_idx).
};

/// A sinusoidal encoding of given width: row p, channel by channel, as `options` say,
///
///     g sin(a[m]),  g cos(a[m])        a[m] = (p + first_position) position_scale w[m],  g = amplitude
///
/// with w[m] = base^(-2m / width) or base^(-m / (F - frequency_shift)). Immutable; holds F numbers, no table.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
class Sinusoidal {
 public:
  /// @param width  Channels of a row (d_model), > 0; see OddWidth when it is odd.
  /// @throws std::invalid_argument  width <= 0; odd width with OddWidth::reject; base <= 0 or 1; frequency_shift >= F
  ///                                where it divides; anything NaN or infinite.
  explicit Sinusoidal(Eigen::Index width, const SinusoidalOptions& options = {})
      : width_(width), options_(options), frequencies_(make_frequencies(width, options)) {}

  Eigen::Index width() const { return width_; }
  const SinusoidalOptions& options() const { return options_; }
  /// One frequency for each sine, position_scale included.
  const Frequencies& frequencies() const { return frequencies_; }
  /// Number of sines: width / 2, and one more for OddWidth::sine_column.
  Eigen::Index num_sines() const { return frequencies_.num_pairs(); }
  /// Number of cosines: width / 2.
  Eigen::Index num_cosines() const { return width_ / 2; }

 private:
  static Frequencies make_frequencies(Eigen::Index width, const SinusoidalOptions& options) {
    const char* const function = "Sinusoidal";
    const bool odd = width % 2 != 0;
    detail::require(width > 0 && width <= (Eigen::Index(1) << 24), function, "width", width,
                    "> 0 and at most 16777216");
    detail::require(!odd || options.odd_width != OddWidth::reject, function, "width", width, "even (or set odd_width)");
    detail::require(!odd || width > 1 || options.odd_width == OddWidth::sine_column, function, "width", width, "> 1");
    detail::require(detail::is_finite(options.position_scale), function, "position_scale", options.position_scale,
                    "finite");
    detail::require(detail::is_finite(options.amplitude), function, "amplitude", options.amplitude, "finite");
    detail::require(detail::is_finite(options.embedding_scale), function, "embedding_scale", options.embedding_scale,
                    "finite");
    detail::require_base(function, options.base);
    const Eigen::Index num_sines = odd && options.odd_width == OddWidth::sine_column ? width / 2 + 1 : width / 2;
    const bool over_width = options.spacing == FrequencySpacing::over_width;
    const double pairs = static_cast<double>(width / 2);
    detail::require(
        over_width || num_sines == 1 || (detail::is_finite(options.frequency_shift) && options.frequency_shift < pairs),
        function, "frequency_shift", options.frequency_shift, "less than width / 2 = ", width / 2);
    const double divisor = over_width ? static_cast<double>(width) / 2 : pairs - options.frequency_shift;
    return Frequencies(spaced_frequencies(num_sines, options.base, divisor).inv_freq() * options.position_scale);
  }

  Eigen::Index width_;
  SinusoidalOptions options_;
  Frequencies frequencies_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODING_HPP

// ---- posenc/sinusoidal/encode.hpp
/// Writes and adds sinusoidal encodings.
#ifndef POSENC_SINUSOIDAL_ENCODE_HPP
#define POSENC_SINUSOIDAL_ENCODE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// `positions` moved by the encoding's first_position.
template <typename Positions>
struct ShiftedPositions {
  const Positions& positions;
  std::int64_t shift;
  Eigen::Index rows() const { return positions.rows(); }
  auto operator[](Eigen::Index i) const {
    using Position = std::decay_t<decltype(positions[i])>;
    return positions[i] + static_cast<Position>(shift);
  }
};

/// element(column, value) -> stores or adds; see the two below.
template <typename Scalar>
struct StoreElement {
  static void apply(Scalar& target, double value, double) { target = convert<Scalar>(value); }
};
template <typename Scalar>
struct AddElement {
  static void apply(Scalar& target, double value, double embedding_scale) {
    if constexpr (is_storage<Scalar>) {
      target = round_to<Scalar>(static_cast<double>(target) * embedding_scale + value);
    } else {
      target = target * Scalar(embedding_scale) + Scalar(value);
    }
  }
};

/// Writes one block of sines and cosines into a row that lies in memory.
template <typename Element, typename Scalar>
void write_sinusoids(Scalar* sines, Scalar* cosines, Eigen::Index step, int num_sines, int num_cosines,
                     const double* sine, const double* cosine, double scale) {
  if (num_sines == kAngleBlock && num_cosines == kAngleBlock) {  // constant trip counts: vector code
    if (step == 1) {
      for (int i = 0; i < kAngleBlock; ++i) Element::apply(sines[i], sine[i], scale);
      for (int i = 0; i < kAngleBlock; ++i) Element::apply(cosines[i], cosine[i], scale);
    } else {
      for (int i = 0; i < kAngleBlock; ++i) {
        Element::apply(sines[2 * i], sine[i], scale);
        Element::apply(cosines[2 * i], cosine[i], scale);
      }
    }
    return;
  }
  for (int i = 0; i < num_sines; ++i) Element::apply(sines[i * step], sine[i], scale);
  for (int i = 0; i < num_cosines; ++i) Element::apply(cosines[i * step], cosine[i], scale);
}

template <template <typename> class Element, typename Derived, typename Positions>
void for_each_sinusoid(Eigen::DenseBase<Derived>& x, const Sinusoidal& encoding, const Positions& positions) {
  using Scalar = typename Derived::Scalar;
  using Write = Element<Scalar>;
  const SinusoidalOptions& options = encoding.options();
  const bool interleaved = options.order == ChannelOrder::interleaved;
  const Eigen::Index step = interleaved ? 2 : 1;
  const Eigen::Index first_sine = options.order == ChannelOrder::cos_sin ? encoding.num_cosines() : 0;
  const Eigen::Index first_cosine = interleaved ? 1 : options.order == ChannelOrder::cos_sin ? 0 : encoding.num_sines();
  const double scale = options.embedding_scale;
  const bool contiguous = has_contiguous_rows(x);
  const auto is_padding = [&](Eigen::Index row) {
    return options.padding_position &&
           positions[row] == static_cast<decltype(positions[row])>(*options.padding_position);
  };
  const double zeros[kAngleBlock] = {};

  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    if (is_padding(row)) cosine = sine = zeros;
    const int num_cosines = static_cast<int>((std::min)(Eigen::Index(count), encoding.num_cosines() - pair));
    if constexpr (has_rows_in_memory<Derived>) {
      if (contiguous) {
        Scalar* const data = x.derived().data() + row * x.derived().outerStride();
        write_sinusoids<Write>(data + first_sine + pair * step, data + first_cosine + pair * step, step, count,
                               num_cosines, sine, cosine, scale);
        return;
      }
    }
    for (int i = 0; i < count; ++i) {
      Write::apply(x.derived().coeffRef(row, first_sine + (pair + i) * step), sine[i], scale);
    }
    for (int i = 0; i < num_cosines; ++i) {
      Write::apply(x.derived().coeffRef(row, first_cosine + (pair + i) * step), cosine[i], scale);
    }
  };
  const ShiftedPositions<Positions> shifted{positions, options.first_position};
  for_each_angle(encoding.frequencies().inv_freq(), options.amplitude, shifted, sink);

  const Eigen::Index written = encoding.num_sines() + encoding.num_cosines();
  if (written < encoding.width()) {
    for (Eigen::Index row = 0; row < x.rows(); ++row) Write::apply(x.derived().coeffRef(row, written), 0.0, scale);
  }
}

template <template <typename> class Element, typename Derived, typename Positions>
void apply_sinusoidal(const char* function, Eigen::DenseBase<Derived>& x, const Sinusoidal& encoding,
                      const Positions& given) {
  require_writable<Derived>();
  if (x.cols() != encoding.width()) {
    refuse<std::invalid_argument>(function, "x.cols()", x.cols(), "encoding.width() ", encoding.width());
  }
  if constexpr (std::is_integral_v<Positions>) {
    const PositionRange range{static_cast<std::int64_t>(given), x.rows()};
    for_each_sinusoid<Element>(x, encoding, RangePositions(function, range));
  } else {
    static_assert(std::is_base_of_v<Eigen::EigenBase<Positions>, Positions>,
                  "posenc: positions must be an integer (of the first row) or an Eigen vector of numbers");
    const ListPositions<Positions> positions(function, given);
    require(positions.rows() == x.rows(), function, "positions.size()", positions.rows(), "x.rows() ", x.rows());
    for_each_sinusoid<Element>(x, encoding, positions);
  }
}

}  // namespace detail

/// Writes the encoding of each row's position into `out`.
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param encoding   Which sinusoid stands in which channel.
/// @param positions  An integer: the position of row 0 (0 when left out). Or an Eigen vector of integers or real
///                   numbers, one for each row; a [batch, length] matrix of ids is read along its rows.
/// @throws std::invalid_argument  out.cols() is not the encoding's width; another number of positions than rows; a real
///                                position that is NaN or infinite. `out` is then unchanged.
/// @throws std::out_of_range      a first position so large that the last one overflows 64 bits.
/// Cost:     two multiply-adds and a store for each value; no allocation.
/// Accuracy: float |error| <= amplitude (2^-25 + 2^-40 + |angle| 2^-51), double <= amplitude (2^-50 + |angle| 2^-51).
/// Matches:  see presets.
template <typename Derived, typename Positions = std::int64_t>
void encode_sinusoidal(Eigen::DenseBase<Derived>& out, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", out, encoding, positions);
}

/// @overload
template <typename Derived, typename Positions = std::int64_t>
void encode_sinusoidal(Eigen::DenseBase<Derived>&& out, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::require_no_temporary<Derived>();
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", out, encoding, positions);
}

/// Adds the encoding of each row's position to token embeddings, in place: x = embedding_scale x + encoding, formed in
/// double and rounded once.
///
/// Parameters, errors and cost are those of encode_sinusoidal().
template <typename Derived, typename Positions = std::int64_t>
void add_sinusoidal(Eigen::DenseBase<Derived>& x, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", x, encoding, positions);
}

/// @overload
template <typename Derived, typename Positions = std::int64_t>
void add_sinusoidal(Eigen::DenseBase<Derived>&& x, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::require_no_temporary<Derived>();
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", x, encoding, positions);
}

/// Returns the table of positions first, ..., first + count - 1: count x encoding.width(), row-major.
/// @throws  as encode_sinusoidal(); std::invalid_argument for a negative count.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_sinusoidal(const Sinusoidal& encoding,
                                                                                       PositionRange positions) {
  detail::require(positions.count >= 0, "make_sinusoidal", "positions.count", positions.count, ">= 0");
  detail::require_size("make_sinusoidal", "positions.count", positions.count, encoding.width(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> table(positions.count, encoding.width());
  detail::apply_sinusoidal<detail::StoreElement>("make_sinusoidal", table, encoding, positions.first);
  return table;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_HPP

// ---- posenc/sinusoidal/presets.hpp
/// presets: the sinusoidal conventions of the projects in use, by name.
#ifndef POSENC_SINUSOIDAL_PRESETS_HPP
#define POSENC_SINUSOIDAL_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// SinusoidalOptions by project. `Sinusoidal(512, presets::whisper())` is Whisper's encoding of width 512.
///
///     preset                 order        frequency m               position of row 0   odd width
///     paper                  interleaved  base^(-2m/d)              0                   error
///     numpy_tutorial         interleaved  base^(-2m/d)              0                   last channel 0
///     tensorflow_tutorial    interleaved  base^(-2m/d)              0                   one more sine
///     tensor2tensor          sin | cos    base^(-m/(F-1))           0                   last channel 0
///     fairseq                sin | cos    base^(-m/(F-1))           0, padding is 0     last channel 0
///     ctranslate2            sin | cos    base^(-m/(F-1))           1                   error
///     marian, whisper        sin | cos    base^(-m/(F-1))           0                   error
///     diffusers_timestep     sin | cos    base^(-m/(F-shift))       given               last channel 0
///     ggml_timestep          cos | sin    base^(-m/F)               given               last channel 0
///     transformer_xl         sin | cos    base^(-2m/d)              given distances     error
///     x_transformers         sin | cos    base^(-m/F)               0                   error
///     mlx                    sin | cos    max (min/max)^(m/(F-1))   given values        error
///
/// d = width, F = d/2 rounded down.
namespace presets {

/// Vaswani et al. 2017. Also bert4keras, RoFormer's paper form, the fairseq conformer, nntrainer.
inline SinusoidalOptions paper(double base = 10000) {
  SinusoidalOptions options;
  options.base = base;
  return options;
}

/// The NumPy loop of many tutorials: `for i in range(int(d/2))` over a matrix of zeros.
inline SinusoidalOptions numpy_tutorial(double base = 10000) {
  SinusoidalOptions options = paper(base);
  options.odd_width = OddWidth::zero_column;
  return options;
}

/// The TensorFlow tutorial: angle_rads[:, 0::2] = sin, angle_rads[:, 1::2] = cos.
inline SinusoidalOptions tensorflow_tutorial(double base = 10000) {
  SinusoidalOptions options = paper(base);
  options.odd_width = OddWidth::sine_column;
  return options;
}

/// `get_timing_signal_1d` of tensor2tensor: wavelengths from 2 pi min_timescale on.
/// Like the original it multiplies the frequencies by min_timescale.
inline SinusoidalOptions tensor2tensor(double min_timescale = 1, double max_timescale = 10000) {
  SinusoidalOptions options;
  options.order = ChannelOrder::sin_cos;
  options.spacing = FrequencySpacing::over_pairs;
  options.frequency_shift = 1;
  options.base = max_timescale / min_timescale;
  options.position_scale = min_timescale;
  options.odd_width = OddWidth::zero_column;
  return options;
}

/// `SinusoidalPositionalEmbedding` of fairseq. Its positions count from padding_idx + 1, and padding tokens stand at
/// padding_idx: pass positions made that way.
inline SinusoidalOptions fairseq(std::int64_t padding_idx = 1) {
  SinusoidalOptions options = tensor2tensor();
  options.padding_position = padding_idx;
  return options;
}

/// CTranslate2 and OpenNMT-tf: row 0 is position 1.
inline SinusoidalOptions ctranslate2() {
  SinusoidalOptions options = tensor2tensor();
  options.first_position = 1;
  options.odd_width = OddWidth::reject;
  return options;
}

/// Marian, which multiplies the embedding by sqrt(d) before the addition.
inline SinusoidalOptions marian(Eigen::Index width) {
  SinusoidalOptions options = tensor2tensor();
  options.odd_width = OddWidth::reject;
  options.embedding_scale = std::sqrt(static_cast<double>(width));
  return options;
}

/// `sinusoids` of Whisper's encoder.
inline SinusoidalOptions whisper(double max_timescale = 10000) {
  SinusoidalOptions options = tensor2tensor(1, max_timescale);
  options.odd_width = OddWidth::reject;
  return options;
}

/// `get_timestep_embedding` of diffusers, with its defaults (DDPM). Stable Diffusion: (true, 0).
inline SinusoidalOptions diffusers_timestep(bool flip_sin_to_cos = false, double downscale_freq_shift = 1,
                                            double scale = 1, double max_period = 10000) {
  SinusoidalOptions options;
  options.order = flip_sin_to_cos ? ChannelOrder::cos_sin : ChannelOrder::sin_cos;
  options.spacing = FrequencySpacing::over_pairs;
  options.frequency_shift = downscale_freq_shift;
  options.base = max_period;
  options.position_scale = scale;
  options.odd_width = OddWidth::zero_column;
  return options;
}

/// `ggml_timestep_embedding`.
inline SinusoidalOptions ggml_timestep(double max_period = 10000) { return diffusers_timestep(true, 0, 1, max_period); }

/// Transformer-XL's `PositionalEmbedding`, whose rows stand at the distances klen - 1, ..., 0: pass those as positions.
/// Also RoFormer of Hugging Face at positions 0, 1, ...
inline SinusoidalOptions transformer_xl(double base = 10000) {
  SinusoidalOptions options = paper(base);
  options.order = ChannelOrder::sin_cos;
  return options;
}

/// `ScaledSinusoidalEmbedding` of x-transformers at its initial scale width^-0.5 (which it then learns).
inline SinusoidalOptions x_transformers(Eigen::Index width, double theta = 10000) {
  SinusoidalOptions options = transformer_xl(theta);
  options.amplitude = 1 / std::sqrt(static_cast<double>(width));
  return options;
}

/// `mlx.nn.SinusoidalPositionalEncoding` with its defaults: scale sqrt(2 / width).
inline SinusoidalOptions mlx(Eigen::Index width, double min_freq = 1e-4, double max_freq = 1, bool cos_first = false,
                             bool full_turns = false) {
  SinusoidalOptions options = tensor2tensor();
  options.order = cos_first ? ChannelOrder::cos_sin : ChannelOrder::sin_cos;
  options.base = max_freq / min_freq;
  options.position_scale = full_turns ? max_freq * 6.283185307179586 : max_freq;
  options.odd_width = OddWidth::reject;
  options.amplitude = std::sqrt(2 / static_cast<double>(width));
  return options;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_PRESETS_HPP

// ---- posenc/sinusoidal.hpp
/// Sinusoidal encodings: fixed tables that are added to token embeddings.
#ifndef POSENC_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_HPP

#endif  // POSENC_SINUSOIDAL_HPP

// ---- posenc/posenc.hpp
/// posenc: Transformer positional encodings on Eigen. This header is the table of contents.
///
/// Conventions: a row is a token, columns are heads side by side; everything that is written is the first argument;
/// make_ returns a new table, apply_ turns q or k in place, add_ adds into embeddings or logits in place.
#ifndef POSENC_HPP
#define POSENC_HPP

#endif  // POSENC_HPP

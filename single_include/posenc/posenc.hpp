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

// ---- posenc/version.hpp
/// The version of posenc, and two stops: for two different copies of it in one translation unit, and for C++14.

// Compared before the include guard: inside it, a second and different copy would never be seen.
#if defined(POSENC_VERSION_MAJOR) && \
    (POSENC_VERSION_MAJOR != 0 || POSENC_VERSION_MINOR != 1 || POSENC_VERSION_PATCH != 0)
#error "two different versions of posenc are included in one translation unit"
#endif

#ifndef POSENC_VERSION_HPP
#define POSENC_VERSION_HPP

// A compiler goes on after #error, but not after a file that it does not find.
#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "posenc needs C++17: compile with -std=c++17 or later"
#include "posenc needs C++17: compile with -std=c++17 or later"
#endif

#define POSENC_VERSION_MAJOR 0
#define POSENC_VERSION_MINOR 1
#define POSENC_VERSION_PATCH 0

#endif  // POSENC_VERSION_HPP

#include <Eigen/Core>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <ostream>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// ---- posenc/detail/abi.hpp
/// POSENC_ABI, the inline namespace that every name of posenc lives in.
///
/// It spells the version and all that changes the code or the layout of a template instance: the vector
/// instruction set, Eigen's alignment and major version, fast-math, exceptions, a POSENC_FAIL_HANDLER (not which).
/// Translation units compiled for different ones of those below therefore hold different symbols: they link, and
/// neither runs the other's instructions. Finer steps (the kinds of AVX-512, BMI with AVX2) are not told apart.
/// Users write `posenc::` and never see it.
///
/// Eigen's own names carry none of this. Units with and without AVX must therefore be optimized, which inlines most of
/// them, and agree on EIGEN_MAX_ALIGN_BYTES (32 for AVX): else Eigen may free a block in another way than it was made.
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

#if EIGEN_VERSION_AT_LEAST(5, 0, 0)
#define POSENC_ABI_EIGEN _eigen5
#else
#define POSENC_ABI_EIGEN _eigen3
#endif

#if defined(EIGEN_DONT_VECTORIZE)
#define POSENC_ABI_VECTORS _scalar
#else
#define POSENC_ABI_VECTORS
#endif

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(_M_FP_FAST)
#define POSENC_ABI_MATH _fast
#else
#define POSENC_ABI_MATH
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define POSENC_HAS_EXCEPTIONS 1
#define POSENC_ABI_ERRORS
#elif defined(POSENC_FAIL_HANDLER)
#define POSENC_HAS_EXCEPTIONS 0
#define POSENC_ABI_ERRORS _handler
#else
#define POSENC_HAS_EXCEPTIONS 0
#define POSENC_ABI_ERRORS _noexcept
#endif

#define POSENC_ABI_JOIN(major, minor, patch, isa, half, eigen, vectors, align, math, errors) \
  v##major##_##minor##_##patch##_##isa##half##eigen##vectors##_align##align##math##errors
#define POSENC_ABI_EXPAND(major, minor, patch, isa, half, eigen, vectors, align, math, errors) \
  POSENC_ABI_JOIN(major, minor, patch, isa, half, eigen, vectors, align, math, errors)
#define POSENC_ABI                                                                                                     \
  POSENC_ABI_EXPAND(POSENC_VERSION_MAJOR, POSENC_VERSION_MINOR, POSENC_VERSION_PATCH, POSENC_ABI_ISA, POSENC_ABI_HALF, \
                    POSENC_ABI_EIGEN, POSENC_ABI_VECTORS, EIGEN_MAX_ALIGN_BYTES, POSENC_ABI_MATH, POSENC_ABI_ERRORS)

#endif  // POSENC_DETAIL_ABI_HPP

// ---- posenc/detail/check.hpp
/// Argument checks: always on, done before anything is written.
///
/// The message is `posenc::<function>: <parameter> must be <rule>, got <value>`. It is thrown as
/// std::invalid_argument, std::out_of_range or std::length_error. Built without exceptions, the same text goes to
/// stderr and the program aborts, unless POSENC_FAIL_HANDLER is defined before the first include: it is then
/// called with the message (a const char*) and must not return. Units with a handler and without one may be linked
/// together; those with one must all name the same, as the linker keeps one copy of what calls it.
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

/// A word or a number of a message, of one type whatever it was, so that what puts messages together is compiled once.
class Word {
 public:
  template <typename Value>
  Word(const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      text_ = value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<Value>) {
      kind_ = Kind::real;
      real_ = static_cast<double>(value);
    } else if constexpr (std::is_integral_v<Value> && std::is_signed_v<Value>) {
      kind_ = Kind::integer;
      integer_ = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_integral_v<Value>) {
      kind_ = Kind::natural;
      natural_ = static_cast<std::uint64_t>(value);
    } else if constexpr (std::is_convertible_v<const Value&, const char*>) {
      text_ = value;
    } else {
      text_ = value.c_str();
    }
  }

  POSENC_COLD std::string text() const {
    char buffer[32];
    switch (kind_) {
      case Kind::integer: return std::to_string(integer_);
      case Kind::natural: return std::to_string(natural_);
      case Kind::real: std::snprintf(buffer, sizeof buffer, "%.9g", real_); return buffer;
      case Kind::text: break;
    }
    return text_;
  }

 private:
  enum class Kind { text, integer, natural, real };

  Kind kind_ = Kind::text;
  const char* text_ = nullptr;
  std::int64_t integer_ = 0;
  std::uint64_t natural_ = 0;
  double real_ = 0;
};

template <typename Value>
std::string to_text(const Value& value) {
  return Word(value).text();
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

POSENC_COLD inline std::string message_of(const char* function, const std::string& parameter, const Word& value,
                                          std::initializer_list<Word> rule) {
  std::string message = "posenc::" + std::string(function) + ": " + parameter + " must be ";
  for (const Word& word : rule) message += word.text();
  return message + ", got " + value.text();
}

template <typename Error, typename Value, typename... Rule>
[[noreturn]] POSENC_COLD void refuse(const char* function, const std::string& parameter, const Value& value,
                                     const Rule&... rule) {
  fail<Error>(message_of(function, parameter, Word(value), {Word(rule)...}));
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
inline void require_size(const char* function, const char* parameter, std::int64_t rows, std::int64_t columns,
                         std::size_t bytes) {
  const auto limit = static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / bytes;
  const bool fits = columns == 0 || static_cast<std::uint64_t>(rows) <= limit / static_cast<std::uint64_t>(columns);
  if (!fits) {
    refuse<std::length_error>(function, parameter, rows, "at most ", limit / static_cast<std::uint64_t>(columns),
                              " for rows of ", columns, " values");
  }
}

/// False, whatever the types: the condition of a static_assert that tells what to write instead of a call that fits no
/// overload.
template <typename... Given>
inline constexpr bool kMisuse = false;

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

/// Sums of gradients outgrow a half type.
template <typename Scalar>
constexpr void require_gradient_scalar() {
  static_assert(!is_half<Scalar>, "posenc: gradients are summed in a table of float or double, not of a half type");
}

/// `value` to float so that a second rounding to a shorter type gives the same as one rounding from double
/// ("round to odd": towards zero, and the last bit set when anything was cut off).
inline float round_to_odd(double value) {
  float nearest = static_cast<float>(value);
  const double back = static_cast<double>(nearest);
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  const std::uint32_t away = std::abs(back) > std::abs(value);    // false for NaN
  const std::uint32_t cut_off = (back < value) | (back > value);  // no branch: vector code
  bits = (bits - away) | cut_off;
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

// Not every expression derives from DenseBase of itself: v.head(n) does from a Block's.
template <typename Derived>
std::true_type derives_from_dense(const Eigen::DenseBase<Derived>*);
std::false_type derives_from_dense(...);

/// Whether T is a dense Eigen object.
template <typename T>
inline constexpr bool is_dense = decltype(derives_from_dense(static_cast<const T*>(nullptr)))::value;

/// Whether an argument of type `X&&` may be written to: an lvalue, or what writes through (Map, Block), of real numbers
/// unless AnyScalar. Where it may not, the compiler stops with the reason.
template <typename X, bool AnyScalar = false>
constexpr bool may_write() {
  using Value = std::remove_reference_t<X>;
  using Derived = std::remove_const_t<Value>;
  using Number = Eigen::NumTraits<typename Derived::Scalar>;
  constexpr bool writable = !std::is_const_v<Value> && (Derived::Flags & Eigen::LvalueBit) != 0;
  constexpr bool scalar = AnyScalar || (!Number::IsInteger && !Number::IsComplex);
  constexpr bool lost = !std::is_lvalue_reference_v<X> && std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>;
  static_assert(writable, "posenc: the argument is written to, but it is const or computed from something else");
  static_assert(!writable || scalar,
                "posenc: the argument must hold real numbers: float, double, Eigen::half, Eigen::bfloat16, or an "
                "autodiff scalar");
  static_assert(!writable || !scalar || !lost,
                "posenc: the argument is a temporary matrix, and the result would be lost with it");
  return writable && scalar && !lost;
}

/// What written() returns where the compiler has stopped, so that the rest of its caller is read without another error.
template <typename>
Eigen::MatrixXf& unwritable();

/// A written argument of real numbers, itself: written(std::forward<X>(x)). Where it may not be written to, the compiler
/// says so and nothing else.
template <typename X>
auto& written(X&& x) {
  if constexpr (may_write<X>()) {
    return x;
  } else {
    return unwritable<X>();
  }
}

/// The same of any scalar.
template <typename X>
auto& assigned(X&& x) {
  if constexpr (may_write<X, true>()) {
    return x;
  } else {
    return unwritable<X>();
  }
}

/// Whether an expression is numbers in memory at some stride. Eigen's flag alone does not tell: x(seq, all) has it, but
/// no data().
template <typename Derived, typename = void>
inline constexpr bool has_memory = false;
template <typename Derived>
inline constexpr bool has_memory<Derived, std::void_t<decltype(std::declval<const Derived&>().data())>> =
    (Derived::Flags & Eigen::DirectAccessBit) != 0;

/// Refuses an object whose data is null. One without elements is allowed to have null data.
template <typename Derived>
void require_data(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_memory<Derived>) {
    if (x.size() > 0 && x.derived().data() == nullptr) {
      refuse<std::invalid_argument>(function, std::string(parameter) + ".data()", "null", "a valid pointer");
    }
  }
}

/// Refuses another number of rows or columns, and null data. The sizes have 64 bits, because a product of sizes may
/// exceed 32.
template <typename Derived>
void require_shape(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x, std::int64_t rows,
                   std::int64_t columns) {
  if (x.rows() != rows) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x.rows(), rows);
  }
  if (x.cols() != columns) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), columns);
  }
  require_data(function, parameter, x);
}

/// x has `width` columns. An x of so many rows and other columns has a token for each column, as much Eigen code has.
template <typename Derived>
void require_width(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x,
                   const char* width_name, Eigen::Index width) {
  if (x.cols() == width) return;
  const bool transposed = x.rows() == width;
  const std::string hint =
      transposed ? std::string(" (with a token for each column, give ") + parameter + ".transpose())" : std::string();
  refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), width_name, " ", width, hint);
}

/// Whether an expression holds a matrix product (or an inverse, ...), which coeff() computes whole for each element.
template <typename Derived>
inline constexpr bool holds_product = (Eigen::internal::evaluator<Derived>::Flags & Eigen::EvalBeforeNestingBit) != 0;

/// What a read argument is worked on as: itself, or its value, computed once on the heap, when it holds a product. To
/// be bound to `const auto&`.
template <typename Derived>
std::conditional_t<holds_product<Derived>, typename Derived::PlainObject, const Derived&> evaluated(
    const Eigen::DenseBase<Derived>& x) {
  return x.derived();
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

/// Entry i of a list of numbers that may be a row, a column or a matrix: what x.reshaped()(i) reads, to write to.
template <typename X>
typename X::Scalar& entry(X& x, Eigen::Index i) {
  return x.coeffRef(i % x.rows(), i / x.rows());
}

/// Whether these are numbers that the vector kernels know.
template <typename Derived>
inline constexpr bool is_in_memory = has_memory<Derived>&& is_storage<typename Derived::Scalar>;

/// Whether its rows may be contiguous there; has_contiguous_rows() tells whether they are.
template <typename Derived>
inline constexpr bool has_rows_in_memory = is_in_memory<Derived>&& bool(Derived::IsRowMajor);

template <typename Derived>
bool has_contiguous_rows(const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_rows_in_memory<Derived>) {
    return x.derived().innerStride() == 1;
  } else {
    return false;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EIGEN_HPP

// ---- posenc/detail/position_scalar.hpp
/// The numbers that positions may be, and how one is split for the angle generator.
#ifndef POSENC_DETAIL_POSITION_SCALAR_HPP
#define POSENC_DETAIL_POSITION_SCALAR_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The largest integer position: up to here double holds every multiple of kAnchorStep.
inline constexpr std::int64_t kMaxPosition = std::int64_t(1) << 57;

/// |position| = anchor + offset, both exact, with anchor a multiple of kAnchorStep and 0 <= offset < kAnchorStep.
struct SplitPosition {
  double anchor;
  double offset;
  bool negative;
};

inline constexpr int kAnchorStep = 16;

inline SplitPosition split_position(std::int64_t position) {
  const std::uint64_t bits = static_cast<std::uint64_t>(position);
  const std::uint64_t size = position < 0 ? ~bits + 1 : bits;
  constexpr std::uint64_t low = kAnchorStep - 1;
  return {static_cast<double>(size & ~low), static_cast<double>(size & low), position < 0};
}

inline SplitPosition split_position(double position) {
  const double size = std::abs(position);
  const double anchor = kAnchorStep * std::floor(size / kAnchorStep);
  return {anchor, size - anchor, position < 0};
}

/// Integers are held as std::int64_t, real numbers as double.
template <typename Scalar>
using PositionOf = std::conditional_t<Eigen::NumTraits<Scalar>::IsInteger, std::int64_t, double>;

/// Whether numbers of this type are positions; the compiler stops with the reason where they are not.
template <typename Scalar>
constexpr bool may_be_positions() {
  static_assert(!std::is_same_v<Scalar, bool>, "posenc: positions must be integers or real numbers, not bool");
  static_assert(!Eigen::NumTraits<Scalar>::IsComplex, "posenc: positions must be integers or real numbers");
  static_assert(!is_half<Scalar>, "posenc: half types hold whole positions only up to 2048 (half) or 256 (bfloat16)");
  return !std::is_same_v<Scalar, bool> && !Eigen::NumTraits<Scalar>::IsComplex && !is_half<Scalar>;
}

/// Whether an integer is in [-kMaxPosition, kMaxPosition], or a real number finite.
template <typename Scalar>
bool is_position(const Scalar& value) {
  if constexpr (!Eigen::NumTraits<Scalar>::IsInteger) {
    return is_finite(static_cast<double>(value));
  } else if constexpr (sizeof(Scalar) < 8) {
    return true;
  } else if constexpr (std::is_unsigned_v<Scalar>) {
    return value <= static_cast<std::uint64_t>(kMaxPosition);
  } else {
    return value >= -kMaxPosition && value <= kMaxPosition;
  }
}

/// Refuses `value` where it is no position, naming `parameter`.
template <typename Scalar>
void require_position(const char* function, const std::string& parameter, const Scalar& value) {
  if constexpr (Eigen::NumTraits<Scalar>::IsInteger) {
    if (!is_position(value)) {
      refuse<std::out_of_range>(function, parameter, value, "in [-2^57, 2^57] (where double holds angles)");
    }
  } else {
    if (!is_position(value)) refuse<std::invalid_argument>(function, parameter, static_cast<double>(value), "finite");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_POSITION_SCALAR_HPP

// ---- posenc/positions/position_list.hpp
/// Lists of numbers, one for each token: any Eigen vector or matrix, or any contiguous range.
///
/// A list is an Eigen object (a [batch, length] matrix is read along its rows) or something that std::data() and
/// std::size() take: std::vector, std::array, a C array, a span. Positions are integers of any type, or float or double.
#ifndef POSENC_POSITIONS_POSITION_LIST_HPP
#define POSENC_POSITIONS_POSITION_LIST_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T, typename = void>
inline constexpr bool is_number_range = false;
template <typename T>
inline constexpr bool is_number_range<
    T, std::void_t<decltype(std::data(std::declval<const T&>()), std::size(std::declval<const T&>()))>> =
    (std::is_arithmetic_v<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T&>()))>>> ||
     is_half<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T&>()))>>>)&&!std::
        is_same_v<const char*, decltype(std::data(std::declval<const T&>()))>;

/// Whether T is a list of numbers: an Eigen object or a contiguous range.
template <typename T>
inline constexpr bool is_list = is_dense<T> || (is_number_range<T> && !is_dense<T>);

/// The list as an Eigen object, without a copy: itself (also where it is given as its base class DenseBase), or a map of
/// a range.
template <typename List>
decltype(auto) as_list(const List& list) {
  static_assert(is_list<List>);
  if constexpr (is_dense<List>) {
    return list.derived();
  } else {
    using Scalar = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(list))>>;
    return Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>(std::data(list),
                                                                     static_cast<Eigen::Index>(std::size(list)));
  }
}

/// The numbers that a list holds.
template <typename List>
using ListScalar = typename std::decay_t<decltype(as_list(std::declval<const List&>()))>::Scalar;

/// Element i of an Eigen list, counted along its rows: a [batch, length] array gives its tokens in order.
template <typename Derived>
auto list_entry(const Eigen::DenseBase<Derived>& list, Eigen::Index i) {
  const Eigen::Index columns = list.cols();
  return columns == 1 ? list.derived().coeff(i, 0) : list.derived().coeff(i / columns, i % columns);
}

/// Row i is at list element i. Made only when every element is a position.
template <typename List>
class ListPositions {
  using Nested = decltype(evaluated(as_list(std::declval<const List&>())));

 public:
  using Scalar = ListScalar<List>;
  using Position = PositionOf<Scalar>;
  static constexpr const char* kCount = "positions.size()";

  ListPositions(const char* function, const List& list) : list_(as_list(list)) {
    if constexpr (may_be_positions<Scalar>()) {
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (!is_position(list_entry(list_, i))) {
          require_position(function, element("positions", i), list_entry(list_, i));
        }
      }
    }
  }
  Eigen::Index rows() const { return list_.size(); }
  Position operator[](Eigen::Index i) const {
    if constexpr (std::is_convertible_v<Scalar, Position>) {
      return static_cast<Position>(list_entry(list_, i));
    } else {
      return {};  // the compiler has stopped
    }
  }

 private:
  std::conditional_t<is_dense<List>, Nested, std::decay_t<Nested>> list_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_POSITION_LIST_HPP

// ---- posenc/positions/position_range.hpp
/// Positions that follow one another: PositionRange(first, count), and starting_at(first), as many as are needed.
#ifndef POSENC_POSITIONS_POSITION_RANGE_HPP
#define POSENC_POSITIONS_POSITION_RANGE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// An integer of any type as a position.
template <typename Integer>
std::int64_t checked_position(const char* function, const char* parameter, Integer position) {
  require_position(function, parameter, position);
  return static_cast<std::int64_t>(position);
}

template <typename Integer>
inline constexpr bool is_integer = std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>;

}  // namespace detail

/// The positions first, first + 1, ..., first + count - 1.
///
/// Negative positions are fine, and so are large ones: up to 2^57 their angles are as exact as small ones'.
class PositionRange {
 public:
  /// @param first  Position of the first token: the number of tokens that a key/value cache holds already.
  /// @param count  Number of positions, >= 0. A count, not an end: PositionRange(7, 2) is 7 and 8.
  /// @throws std::invalid_argument  count < 0.
  /// @throws std::out_of_range      a position outside of [-2^57, 2^57].
  template <typename First, typename Count>
  explicit PositionRange(First first, Count count) {
    static_assert(detail::is_integer<First> && detail::is_integer<Count>,
                  "posenc: PositionRange(first, count) takes two integers; for real positions give a list");
    const char* const function = "PositionRange";
    first_ = detail::checked_position(function, "first", first);
    if constexpr (std::is_signed_v<Count>) detail::require(count >= 0, function, "count", count, ">= 0");
    constexpr auto limit = static_cast<std::uint64_t>(detail::kMaxPosition);
    const auto size = static_cast<std::uint64_t>(count);
    const bool fits = size <= 2 * limit && static_cast<std::int64_t>(size) <= detail::kMaxPosition - first_ + 1;
    detail::require_in_range(fits, function, "count", count, "at most 2^57 - first + 1, first being ", first_);
    constexpr auto widest = (std::numeric_limits<Eigen::Index>::max)();
    detail::require_in_range(size <= static_cast<std::uint64_t>(widest), function, "count", count, "at most ", widest);
    count_ = static_cast<Eigen::Index>(size);
  }

  /// Position of the first token.
  std::int64_t first() const { return first_; }
  /// Number of positions.
  Eigen::Index count() const { return count_; }

 private:
  std::int64_t first_;
  Eigen::Index count_;
};

/// What starting_at() returns: first, first + 1, ..., as many as there are tokens.
class StartingAt {
 public:
  /// See starting_at().
  explicit StartingAt(std::int64_t first) : first_(detail::checked_position("starting_at", "first", first)) {}
  /// Position of the first token.
  std::int64_t first() const { return first_; }

 private:
  std::int64_t first_;
};

/// The positions first, first + 1, ..., one for each token that the call is about.
///
/// @param first  Position of the first token: 0 for a prompt, the number of cached tokens in a decode step.
/// @throws std::out_of_range  first is outside of [-2^57, 2^57].
template <typename Integer>
StartingAt starting_at(Integer first) {
  static_assert(detail::is_integer<Integer>,
                "posenc: starting_at(first) takes an integer; for real positions give a list");
  return StartingAt(detail::checked_position("starting_at", "first", first));
}

namespace detail {

/// Row i is at first + i.
class RangePositions {
 public:
  static constexpr const char* kCount = "positions.count()";  // what a message calls rows()

  explicit RangePositions(PositionRange range) : range_(range) {}
  Eigen::Index rows() const { return range_.count(); }
  std::int64_t operator[](Eigen::Index row) const { return range_.first() + row; }

 private:
  PositionRange range_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_POSITION_RANGE_HPP

// ---- posenc/positions/each_sequence.hpp
/// Batches whose sequences are stacked in one matrix: each_sequence(length, start).
#ifndef POSENC_POSITIONS_EACH_SEQUENCE_HPP
#define POSENC_POSITIONS_EACH_SEQUENCE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The start of each_sequence(length): a table that holds exactly one row for each token of a sequence.
struct FirstRow {};

/// An argument that is kept: an lvalue by reference, a temporary by value.
template <typename T>
using Kept = std::conditional_t<std::is_lvalue_reference_v<T>, const std::remove_reference_t<T>&, std::decay_t<T>>;

template <typename Integer>
constexpr void require_sequence_length() {
  static_assert(is_integer<Integer>, "posenc: each_sequence(length) takes an integer: the tokens of each sequence");
}

}  // namespace detail

/// What each_sequence() returns: sequences of one length, stacked in a (batch * length) x channels matrix.
template <typename Start>
class EachSequence {
 public:
  /// See each_sequence().
  /// @throws std::invalid_argument  length <= 0.
  template <typename Given>
  EachSequence(Eigen::Index length, Given&& start) : length_(length), start_(std::forward<Given>(start)) {
    detail::require(length > 0, "each_sequence", "length", length, "> 0");
  }
  /// Tokens of a sequence.
  Eigen::Index length() const { return length_; }
  /// Where the sequences begin.
  const std::remove_reference_t<Start>& start() const { return start_; }

 private:
  Eigen::Index length_;
  Start start_;
};

/// Sequences of `length` tokens, stacked one after the other, that share the rows of one table: token t of every
/// sequence takes row t, and the table has exactly `length` rows.
///
/// @param length  Tokens of each sequence, > 0.
/// @throws std::invalid_argument  length <= 0.
template <typename Integer>
EachSequence<detail::FirstRow> each_sequence(Integer length) {
  detail::require_sequence_length<Integer>();
  return {static_cast<Eigen::Index>(length), detail::FirstRow{}};
}

/// @overload
/// Sequences that begin somewhere: token t of sequence b is at start + t.
///
/// @param length  Tokens of each sequence, > 0: 1 in a decode step.
/// @param start   starting_at(first), the same for all sequences; or a list with the first position of each (a ragged
///                batch). For a table, from_row(n) and rows(list) too. A list that is a variable must outlive the call.
/// @throws std::invalid_argument  length <= 0.
template <typename Integer, typename Start>
EachSequence<detail::Kept<Start>> each_sequence(Integer length, Start&& start) {
  detail::require_sequence_length<Integer>();
  static_assert(!std::is_arithmetic_v<std::decay_t<Start>>,
                "posenc: a bare number is neither a position nor a row: write each_sequence(length, starting_at(3))");
  return {static_cast<Eigen::Index>(length), std::forward<Start>(start)};
}

/// @overload
/// Says what is missing.
template <typename... Arguments>
EachSequence<detail::FirstRow> each_sequence(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: the length is missing: write each_sequence(length), or each_sequence(length, start)");
  std::abort();
}

namespace detail {

template <typename T>
inline constexpr bool is_each_sequence = false;
template <typename Start>
inline constexpr bool is_each_sequence<EachSequence<Start>> = true;

/// Stacked sequences that all begin at `first`.
class SequencePositions {
 public:
  SequencePositions(std::int64_t first, Eigen::Index length, Eigen::Index rows)
      : first_(first), length_(length), rows_(rows) {}
  Eigen::Index rows() const { return rows_; }
  Eigen::Index length() const { return length_; }
  Eigen::Index batch() const { return rows_ / length_; }
  std::int64_t operator[](Eigen::Index i) const { return first_ + i % length_; }

 private:
  std::int64_t first_;
  Eigen::Index length_;
  Eigen::Index rows_;
};

/// Stacked sequences of which sequence b begins at element b of a list.
template <typename List>
class RaggedPositions {
 public:
  RaggedPositions(const ListPositions<List>& starts, Eigen::Index length) : starts_(starts), length_(length) {}
  Eigen::Index rows() const { return starts_.rows() * length_; }
  Eigen::Index length() const { return length_; }
  auto operator[](Eigen::Index i) const {
    using Position = typename ListPositions<List>::Position;
    return static_cast<Position>(starts_[i / length_] + static_cast<Position>(i % length_));
  }

 private:
  const ListPositions<List>& starts_;
  Eigen::Index length_;
};

/// `rows` tokens are whole sequences of `length`.
inline Eigen::Index require_whole_sequences(const char* function, const char* parameter, Eigen::Index rows,
                                            Eigen::Index length) {
  if (rows % length != 0) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", rows,
                                  "a multiple of each_sequence's length ", length);
  }
  return rows / length;
}

/// Calls action(positions), with one position for each of the `rows` tokens of `parameter`, as an encoder was given
/// them: starting_at(), a PositionRange, a list, or each_sequence() with a start.
template <typename Given, typename Action>
void with_token_positions(const char* function, const char* parameter, const Given& given, Eigen::Index rows,
                          Action&& action) {
  if constexpr (std::is_same_v<Given, StartingAt>) {
    action(RangePositions(PositionRange(given.first(), rows)));
  } else if constexpr (std::is_same_v<Given, PositionRange>) {
    require(given.count() == rows, function, "positions.count()", given.count(), parameter, ".rows() ", rows);
    action(RangePositions(given));
  } else if constexpr (is_list<Given>) {
    const ListPositions<Given> positions(function, given);
    require(positions.rows() == rows, function, "positions.size()", positions.rows(), parameter, ".rows() ", rows);
    action(positions);
  } else if constexpr (is_each_sequence<Given>) {
    using Start = std::remove_cv_t<std::remove_reference_t<decltype(given.start())>>;
    const Eigen::Index batch = require_whole_sequences(function, parameter, rows, given.length());
    if constexpr (std::is_same_v<Start, StartingAt>) {
      PositionRange(given.start().first(), given.length());  // refuses positions that do not exist
      action(SequencePositions(given.start().first(), given.length(), rows));
    } else if constexpr (is_list<Start>) {
      const ListPositions<Start> starts(function, given.start());
      require(starts.rows() == batch, function, "starts.size()", starts.rows(), "the number of sequences ", batch);
      if constexpr (std::is_same_v<typename ListPositions<Start>::Position, std::int64_t>) {
        for (Eigen::Index b = 0; b < batch; ++b) {
          if (starts[b] > kMaxPosition - given.length())
            require_position(function, element("starts", b), kMaxPosition + 1);
        }
      }
      action(RaggedPositions<Start>(starts, given.length()));
    } else {
      static_assert(is_list<Start>,
                    "posenc: each_sequence(length) needs the first position here: write each_sequence(length, "
                    "starting_at(0)), or a list with the first position of each sequence");
    }
  } else if constexpr (std::is_arithmetic_v<Given>) {
    static_assert(!std::is_arithmetic_v<Given>,
                  "posenc: a bare number is neither a position nor a row: write starting_at(3)");
  } else {
    static_assert(is_list<Given>,
                  "posenc: positions must be starting_at(first), PositionRange(first, count), a list with one for each "
                  "token (an Eigen vector, std::vector, ...), or each_sequence(length, starting_at(first))");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_EACH_SEQUENCE_HPP

// ---- posenc/positions/text_positions.hpp
/// Position ids of text: padded batches, packed documents, chunks.
#ifndef POSENC_POSITIONS_TEXT_POSITIONS_HPP
#define POSENC_POSITIONS_TEXT_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// One position for each token of a batch: batch x length.
using PositionIds = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {

/// Row by row: entry j is at(number of real tokens up to and with j, whether j is real), for j >= first.
template <typename Derived, typename IsReal, typename At>
PositionIds counted_positions(const Eigen::DenseBase<Derived>& tokens, Eigen::Index first, IsReal is_real, At at) {
  PositionIds ids(tokens.rows(), tokens.cols() - first);
  for (Eigen::Index row = 0; row < tokens.rows(); ++row) {
    std::int64_t count = 0;
    for (Eigen::Index j = 0; j < tokens.cols(); ++j) {
      const bool real = is_real(tokens.derived().coeff(row, j));
      count += real ? 1 : 0;
      if (j >= first) ids(row, j - first) = at(count, real);
    }
  }
  return ids;
}

/// counted_positions() of a mask, which is not zero where a token is real.
template <typename Derived, typename At>
PositionIds masked_positions(const char* function, const Eigen::DenseBase<Derived>& mask, Eigen::Index past, At at) {
  using Scalar = typename Derived::Scalar;
  require(past >= 0 && past <= mask.cols(), function, "past", past, "in [0, ", mask.cols(), "] (columns of the mask)");
  return counted_positions(
      mask, past, [](const Scalar& value) { return !(value == Scalar(0)); }, at);
}

}  // namespace detail

/// Positions in a padded batch: the k-th real token of a sequence (k from 0) is at k, pads are at `pad_position`.
///
///     mask  0 0 1 1 1     positions  1 1 0 1 2
///
/// @param mask          batch x (past + length): not zero where a token is real, cached tokens included. Any scalar.
/// @param past          Number of cached tokens, whose positions are left out; in [0, mask.cols()].
/// @param pad_position  Position of pads; attention must mask them.
/// @returns             batch x length.
/// @throws std::invalid_argument  past is outside of that.
/// Cost:     a count and a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][text].
/// Matches:  cumsum(attention_mask) - 1 with 1 at pads of Hugging Face, for left and right padding.
template <typename Derived>
PositionIds padded_positions(const Eigen::DenseBase<Derived>& mask, Eigen::Index past = 0,
                             std::int64_t pad_position = 1) {
  return detail::masked_positions("padded_positions", mask, past,
                                  [&](std::int64_t count, bool real) { return real ? count - 1 : pad_position; });
}

/// Positions of documents packed one after the other: each begins again at 0.
///
///     cu_seqlens  0 3 5     positions  0 1 2 0 1
///
/// @param cu_seqlens  num_documents + 1 integers that do not decrease, the first 0: document i is the tokens
///                    cu_seqlens(i) ... cu_seqlens(i + 1) - 1. An Eigen vector or a contiguous range.
/// @returns           One position for each token, cu_seqlens(num_documents) in all.
/// @throws std::invalid_argument  an empty list; the first entry not 0; a list that decreases.
/// @throws std::length_error      more tokens than fit into memory's index type.
/// Cost:     a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][text].
/// Matches:  cu_seqlens of flash-attention.
template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> packed_positions(const List& cu_seqlens) {
  static_assert(Eigen::NumTraits<detail::ListScalar<List>>::IsInteger, "posenc: cu_seqlens holds integers");
  const char* const function = "packed_positions";
  const auto& entries = detail::as_list(cu_seqlens);
  const auto at = [&](Eigen::Index i) { return static_cast<std::int64_t>(detail::list_entry(entries, i)); };
  const Eigen::Index size = entries.size();
  detail::require(size > 0, function, "cu_seqlens.size()", size, "> 0");
  detail::require(at(0) == 0, function, "cu_seqlens[0]", at(0), 0);
  for (Eigen::Index i = 1; i < size; ++i) {
    if (at(i) < at(i - 1)) {
      detail::refuse<std::invalid_argument>(function, detail::element("cu_seqlens", i), at(i), "at least ", at(i - 1));
    }
  }
  detail::require_size(function, "the last of cu_seqlens", at(size - 1), 1, sizeof(std::int64_t));
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> ids(static_cast<Eigen::Index>(at(size - 1)));
  for (Eigen::Index i = 1; i < size; ++i) {
    for (std::int64_t t = at(i - 1); t < at(i); ++t) ids[static_cast<Eigen::Index>(t)] = t - at(i - 1);
  }
  return ids;
}

/// The six positions of a token in dual chunk attention. With c = chunk_size - local_size and p the position:
struct DualChunkPositions {
  std::int64_t key;                  ///< p mod c
  std::int64_t intra;                ///< p mod c: the query against keys of its own chunk.
  std::int64_t successive;           ///< min(p mod c + c, chunk_size): against keys of the chunk before.
  std::int64_t inter;                ///< min(2 c - 1, chunk_size): against keys of all earlier chunks.
  std::int64_t successive_critical;  ///< p mod c + c: `successive` without the limit, for choosing sparse blocks.
  std::int64_t inter_critical;       ///< p mod c + chunk_size
};

/// Positions of a token in dual chunk attention, which keeps every distance within the trained length.
///
/// @param position    Position of the token in the text, >= 0.
/// @param chunk_size  Trained length, > 0.
/// @param local_size  In [0, chunk_size).
/// @throws std::invalid_argument  one of the sizes does not hold.
/// @throws std::out_of_range      a negative position.
/// Cost:     a division; nothing that a bench case would show.
/// Accuracy: exact [positions][text].
/// Source:   An et al. 2024, arXiv:2402.17463.
/// Matches:  DualChunkRotaryEmbedding of vLLM (Qwen2.5-1M).
inline DualChunkPositions dual_chunk_positions(std::int64_t position, std::int64_t chunk_size,
                                               std::int64_t local_size) {
  const char* const function = "dual_chunk_positions";
  constexpr std::int64_t limit = std::int64_t(1) << 60;
  detail::require(chunk_size > 0 && chunk_size <= limit, function, "chunk_size", chunk_size, "in [1, 2^60]");
  detail::require(local_size >= 0 && local_size < chunk_size, function, "local_size", local_size, "in [0, chunk_size ",
                  chunk_size, ")");
  detail::require_in_range(position >= 0, function, "position", position, ">= 0");
  const std::int64_t chunk = chunk_size - local_size;
  const std::int64_t within = position % chunk;
  return {within,
          within,
          (std::min)(within + chunk, chunk_size),
          (std::min)(2 * chunk - 1, chunk_size),
          within + chunk,
          within + chunk_size};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_TEXT_POSITIONS_HPP

// ---- posenc/positions/fairseq_positions.hpp
/// Positions of the models that count real tokens from an offset: OPT and RoBERTa.
#ifndef POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP
#define POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of OPT: the k-th real token of a sequence (k from 0) is at k + 2, pads are at 1.
///
/// @param mask  batch x (past + length): not zero where a token is real, cached tokens included. Any scalar.
/// @param past  Number of cached tokens, whose positions are left out; in [0, mask.cols()].
/// @returns     batch x length.
/// @throws std::invalid_argument  past is outside of that.
/// Cost:     a count and a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][fairseq].
/// Matches:  OPTLearnedPositionalEmbedding of Hugging Face. BART and mBART count pads too: first position past + 2.
template <typename Derived>
PositionIds opt_positions(const Eigen::DenseBase<Derived>& mask, Eigen::Index past = 0) {
  return detail::masked_positions("opt_positions", mask, past,
                                  [](std::int64_t count, bool real) { return real ? count + 1 : std::int64_t(1); });
}

/// Positions of RoBERTa: the k-th real token of a sequence (k from 0) is at padding_idx + 1 + k, pads are at
/// padding_idx.
///
/// @param token_ids    batch x length; a pad is a token with the id `padding_idx`. Integers.
/// @param padding_idx  Id of the pad token and row of the table that is not trained, >= 0; 1 in RoBERTa.
/// @param past         Number of cached tokens in front, >= 0.
/// @returns            batch x length.
/// @throws std::invalid_argument  padding_idx or past negative, or beyond 2^60.
/// Cost:     that of opt_positions() (bench_frequency: positions).
/// Accuracy: exact [positions][fairseq].
/// Matches:  create_position_ids_from_input_ids of Hugging Face, make_positions of fairseq.
template <typename Derived>
PositionIds roberta_positions(const Eigen::DenseBase<Derived>& token_ids, std::int64_t padding_idx,
                              std::int64_t past = 0) {
  using Scalar = typename Derived::Scalar;
  static_assert(Eigen::NumTraits<Scalar>::IsInteger, "posenc: token ids are integers");
  constexpr std::int64_t limit = std::int64_t(1) << 60;  // the sums below stay within 64 bits
  detail::require(padding_idx >= 0 && padding_idx < limit, "roberta_positions", "padding_idx", padding_idx,
                  ">= 0 and < 2^60");
  detail::require(past >= 0 && past < limit, "roberta_positions", "past", past, ">= 0 and < 2^60");
  return detail::counted_positions(
      token_ids, 0, [&](const Scalar& id) { return static_cast<std::int64_t>(id) != padding_idx; },
      [&](std::int64_t count, bool real) { return real ? padding_idx + past + count : padding_idx; });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP

// ---- posenc/positions/grid_positions.hpp
/// Positions of the tokens of a grid: a picture, a video.
#ifndef POSENC_POSITIONS_GRID_POSITIONS_HPP
#define POSENC_POSITIONS_GRID_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of tokens on several axes: tokens x axes, a token's positions side by side.
template <typename Scalar>
using AxisPositionMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {

/// Row t holds at(axis, index) for each axis; the last axis advances fastest.
template <typename Scalar, typename At>
AxisPositionMatrix<Scalar> fill_grid(const char* function, const std::vector<int>& sizes, At at) {
  require(!sizes.empty(), function, "sizes.size()", sizes.size(), "> 0");
  const Eigen::Index axes = static_cast<Eigen::Index>(sizes.size());
  Eigen::Index tokens = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] < 0) {
      refuse<std::invalid_argument>(function, element("sizes", static_cast<Eigen::Index>(axis)), sizes[axis], ">= 0");
    }
    require_size(function, "number of tokens", tokens, std::int64_t{sizes[axis]} * axes, sizeof(Scalar));
    tokens *= sizes[axis];
  }
  AxisPositionMatrix<Scalar> positions(tokens, axes);
  if (tokens == 0) return positions;  // the product of the other sizes may be any number
  Eigen::Index repeat = 1;
  for (Eigen::Index axis = axes - 1; axis >= 0; --axis) {
    const int size = sizes[static_cast<std::size_t>(axis)];
    for (Eigen::Index t = 0; t < tokens; ++t) positions(t, axis) = at(axis, static_cast<int>(t / repeat % size));
    repeat *= size;
  }
  return positions;
}

}  // namespace detail

/// Whole positions of the tokens of a grid, in row-major order.
///
///     token (i, j, ...):  (first + i, first + j, ...)
///
/// @param sizes  Length of each axis, >= 0: {height, width} or {frames, height, width}.
/// @param first  Position of the first token on every axis: 1 for Llama 4 vision.
/// @returns      tokens x axes.
/// @throws std::invalid_argument  no axis, or a negative size.
/// @throws std::out_of_range      first beyond +-2^62.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     a division and a store for each position; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][grid].
/// Matches:  row and column ids of Qwen2-VL and Llama 4 vision towers.
inline AxisPositionMatrix<std::int64_t> grid_positions(const std::vector<int>& sizes, std::int64_t first = 0) {
  constexpr std::int64_t limit = std::int64_t(1) << 62;
  detail::require_in_range(first >= -limit && first <= limit, "grid_positions", "first", first, "within +-2^62");
  return detail::fill_grid<std::int64_t>("grid_positions", sizes, [&](Eigen::Index, int i) { return first + i; });
}

/// Centers of the patches that fill [-1, 1] on each axis.
///
///     token (i, j, ...):  ((2 i + 1) / sizes[0] - 1, (2 j + 1) / sizes[1] - 1, ...)
///
/// @param sizes  As for grid_positions().
/// @returns      tokens x axes.
/// @throws       as grid_positions().
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  DINOv3 and timm RotaryEmbeddingDinoV3 (normalize_coords "separate").
inline AxisPositionMatrix<double> patch_centers(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("patch_centers", sizes, [&](Eigen::Index axis, int i) {
    const double size = sizes[static_cast<std::size_t>(axis)];
    return (2.0 * i + 1.0 - size) / size;
  });
}

/// Equally spaced positions from -1 to 1 on each axis, both included.
///
///     token (i, j, ...):  (2 i / (sizes[0] - 1) - 1, 2 j / (sizes[1] - 1) - 1, ...);  -1 on an axis of one token
///
/// @param sizes  As for grid_positions().
/// @returns      tokens x axes.
/// @throws       as grid_positions().
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  timm and EVA-02 with in_pixels, rotary-embedding-torch get_axial_freqs.
inline AxisPositionMatrix<double> linspace_positions(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("linspace_positions", sizes, [&](Eigen::Index axis, int i) {
    const double last = sizes[static_cast<std::size_t>(axis)] - 1;
    return last > 0 ? (2.0 * i - last) / last : -1.0;
  });
}

/// A grid stretched over the positions of another, for a model that was trained on grids of `reference_sizes`.
///
///     token (i, j, ...):  (i reference_sizes[0] / sizes[0], j reference_sizes[1] / sizes[1], ...)
///
/// @param sizes            As for grid_positions().
/// @param reference_sizes  As many entries as `sizes`, >= 0.
/// @returns                tokens x axes.
/// @throws std::invalid_argument  besides those of grid_positions(): another number of axes; a negative size.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  EVA-02 and timm `ref_feat_shape`, with grid_offset 0.
inline AxisPositionMatrix<double> stretched_positions(const std::vector<int>& sizes,
                                                      const std::vector<int>& reference_sizes) {
  detail::require(reference_sizes.size() == sizes.size(), "stretched_positions", "reference_sizes.size()",
                  reference_sizes.size(), "sizes.size() ", sizes.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (reference_sizes[axis] >= 0) continue;
    detail::refuse<std::invalid_argument>("stretched_positions",
                                          detail::element("reference_sizes", static_cast<Eigen::Index>(axis)),
                                          reference_sizes[axis], ">= 0");
  }
  return detail::fill_grid<double>("stretched_positions", sizes, [&](Eigen::Index axis, int i) {
    const std::size_t a = static_cast<std::size_t>(axis);
    return static_cast<double>(i) * reference_sizes[a] / sizes[a];
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_GRID_POSITIONS_HPP

// ---- posenc/positions/mrope_positions.hpp
/// mrope_positions(): time, height and width of text with pictures and videos in it.
#ifndef POSENC_POSITIONS_MROPE_POSITIONS_HPP
#define POSENC_POSITIONS_MROPE_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// When the frames of a video are on the time axis, as an exact ratio of integers:
///
///     frame f is at floor(f * positions_per_second * seconds / frames)
///
/// All of it in integers, because frames fall on whole positions: 25 positions per second at 2/3 s a frame are 50 at
/// frame 3, and 49 in floating point.
struct VideoTime {
  std::int64_t positions_per_second = 1;  ///< `tokens_per_second` of the config: 2 or 25 in Qwen2.5-VL.
  std::int64_t frames = 1;                ///< Frames of the video, after temporal merging.
  std::int64_t seconds = 1;               ///< How long they last: 3 frames in 2 s, 15000 frames in 1001 s.
};

/// A run of a multimodal prompt: text, or a picture or video.
struct MropeSegment {
  /// `tokens` of text, >= 0.
  static MropeSegment text(Eigen::Index tokens) { return {tokens, 0, 0, 0, {}}; }
  /// A picture of height x width tokens (after spatial merging), >= 0.
  static MropeSegment image(Eigen::Index height, Eigen::Index width) { return {0, 1, height, width, {}}; }
  /// A video of frames x height x width tokens, >= 0, whose frames are at `time`. Left out: one position for each
  /// frame, as in Qwen2-VL.
  static MropeSegment video(Eigen::Index frames, Eigen::Index height, Eigen::Index width, VideoTime time = {}) {
    return {0, frames, height, width, time};
  }

  Eigen::Index text_tokens = 0;
  Eigen::Index frames = 0;
  Eigen::Index height = 0;
  Eigen::Index width = 0;
  VideoTime time = {};
};

/// What mrope_positions() returns. make_table() takes it as positions.
struct MropePositions {
  AxisPositionMatrix<std::int64_t> ids;  ///< tokens x 3: time, height, width.
  std::int64_t next_position = 0;        ///< On all axes, of the first token to be decoded.
  std::int64_t rope_delta = 0;  ///< next_position - (first_position + tokens): cache length + this is a position.
};

namespace detail {

/// Position of a frame after that of frame 0. Each factor is at most 2^20, so that the product fits.
inline std::int64_t time_of_frame(const VideoTime& time, std::int64_t frame) {
  return frame * (time.positions_per_second * time.seconds) / time.frames;
}

/// Checks a prompt and returns its number of tokens.
inline std::int64_t require_segments(const char* function, const std::vector<MropeSegment>& segments) {
  // Counts up to 2^20 keep every product within 64 bits: 2^40 tokens to a frame, 2^60 to a video.
  constexpr std::int64_t most = std::int64_t(1) << 20;
  constexpr std::int64_t limit = std::int64_t(1) << 60;
  std::int64_t tokens = 0;
  std::int64_t span = 0;  // what positions can grow by
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const MropeSegment& s = segments[i];
    const auto require_count = [&](const char* field, std::int64_t value, std::int64_t least, std::int64_t greatest) {
      if (value >= least && value <= greatest) return;
      refuse<std::invalid_argument>(function, element("segments", static_cast<Eigen::Index>(i)) + field, value, "in [",
                                    least, ", ", greatest, "]");
    };
    require_count(".text_tokens", s.text_tokens, 0, std::int64_t(1) << 40);
    require_count(".frames", s.frames, 0, most);
    require_count(".height", s.height, 0, most);
    require_count(".width", s.width, 0, most);
    require_count(".time.positions_per_second", s.time.positions_per_second, 0, most);
    require_count(".time.frames", s.time.frames, 1, most);
    require_count(".time.seconds", s.time.seconds, 0, most);
    const std::int64_t of_segment = s.text_tokens + std::int64_t{s.frames} * s.height * s.width;
    require_size(function, "number of tokens", 1, of_segment, 3 * sizeof(std::int64_t));
    tokens += of_segment;
    require_size(function, "number of tokens", 1, tokens, 3 * sizeof(std::int64_t));
    span += s.text_tokens + time_of_frame(s.time, s.frames) + s.height + s.width;
    require_in_range(span <= limit, function, "span of the positions", span, "at most 2^60");
  }
  return tokens;
}

}  // namespace detail

/// Positions on three axes (time, height, width) of a prompt that mixes text with pictures and videos.
///
/// Text is at the same position on all axes and advances by 1. Token (f, y, x) of a picture or video that begins at s is
/// at (s + t(f), s + y, s + x), with t(f) of VideoTime, and what follows begins one after the largest of these: a
/// picture advances by the larger of height and width, not by its number of tokens.
///
///     text text | image of 2 x 3          | text
///     t   0 1   | 2 2 2 2 2 2             | 5
///     h   0 1   | 2 2 2 3 3 3             | 5
///     w   0 1   | 2 3 4 2 3 4             | 5
///
/// @param segments        The prompt in order.
/// @param first_position  Of the first token: `next_position` of what came before, or 0.
/// @returns               ids, tokens x 3, and where decoding goes on.
/// @throws std::invalid_argument  a negative count, or one beyond 2^20 (2^40 of text tokens); a VideoTime of no frame.
/// @throws std::out_of_range      first_position beyond +-2^60, or positions that grow by more than 2^60.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][mrope].
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index of Qwen2-VL and Qwen2.5-VL with its rope_deltas. Qwen3-VL gives each frame of a video as a
///           picture of its own between time stamps.
inline MropePositions mrope_positions(const std::vector<MropeSegment>& segments, std::int64_t first_position = 0) {
  const char* const function = "mrope_positions";
  constexpr std::int64_t limit = std::int64_t(1) << 60;
  detail::require_in_range(first_position >= -limit && first_position <= limit, function, "first_position",
                           first_position, "within +-2^60");
  const std::int64_t tokens = detail::require_segments(function, segments);

  MropePositions result;
  result.ids.resize(static_cast<Eigen::Index>(tokens), 3);
  std::int64_t next = first_position;
  Eigen::Index row = 0;
  for (const MropeSegment& s : segments) {
    for (Eigen::Index t = 0; t < s.text_tokens; ++t) result.ids.row(row++).setConstant(next++);
    const std::int64_t start = next;
    for (Eigen::Index frame = 0; frame < s.frames; ++frame) {
      const std::int64_t time = start + detail::time_of_frame(s.time, frame);
      for (Eigen::Index y = 0; y < s.height; ++y) {
        for (Eigen::Index x = 0; x < s.width; ++x, ++row) {
          result.ids.row(row) << time, start + y, start + x;
          next = (std::max)({next, time + 1, start + y + 1, start + x + 1});
        }
      }
    }
  }
  result.next_position = next;
  result.rope_delta = next - (first_position + tokens);
  return result;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_MROPE_POSITIONS_HPP

// ---- posenc/positions.hpp
/// Positions: where tokens are, in text, padded and packed batches, grids and prompts with pictures.
#ifndef POSENC_POSITIONS_HPP
#define POSENC_POSITIONS_HPP

// Of tokens, for any call.

// Of text.

// Of pictures and of prompts with pictures.

#endif  // POSENC_POSITIONS_HPP

// ---- posenc/detail/argument.hpp
/// Parameters that take what they name: sizes that no real number becomes, and switches that no number becomes.
#ifndef POSENC_DETAIL_ARGUMENT_HPP
#define POSENC_DETAIL_ARGUMENT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A number of channels or pairs: anything that converts to an integer, except real numbers.
template <typename T>
inline constexpr bool is_size = std::is_convertible_v<const T&, Eigen::Index> && !std::is_floating_point_v<T>;

/// A parameter that is a size. C++ would round a real number down to one, and so swap it with its neighbor unnoticed.
class Size {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, Eigen::Index>, int> = 0>
  Size(const T& value) : value_(static_cast<Eigen::Index>(value)) {  // NOLINT: meant to convert
    static_assert(is_size<T>,
                  "posenc: a number of channels or tokens must be an integer, and it comes first: write "
                  "presets::paper(width, base), each_sequence(length, start)");
  }
  operator Eigen::Index() const { return value_; }  // NOLINT: meant to convert

 private:
  Eigen::Index value_;
};

/// A parameter that is true or false. C++ would take any number for one, and so swap it with its neighbor unnoticed.
class Switch {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, bool>, int> = 0>
  Switch(const T& value) : value_(static_cast<bool>(value)) {  // NOLINT: meant to convert
    static_assert(std::is_same_v<T, bool> || !(std::is_arithmetic_v<T> || std::is_pointer_v<T>),
                  "posenc: a number is given where the parameter is true or false: write true or false in its place");
  }
  operator bool() const { return value_; }  // NOLINT: meant to convert

 private:
  bool value_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ARGUMENT_HPP

// ---- posenc/frequency/frequencies.hpp
/// Frequencies: one angular frequency per channel pair, from which every encoding starts.
#ifndef POSENC_FREQUENCY_FREQUENCIES_HPP
#define POSENC_FREQUENCY_FREQUENCIES_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// An identity that takes in one more number; never 0.
inline std::uint64_t mix_id(std::uint64_t id, std::uint64_t value) {
  id = (id ^ value) * 0x9e3779b97f4a7c15u;
  id ^= id >> 32;
  return id == 0 ? 1 : id;
}
inline std::uint64_t mix_id(std::uint64_t id, double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return mix_id(id, bits);
}

}  // namespace detail

class Frequencies;

namespace detail {
Frequencies geometric_series(Eigen::Index rotary_dim, double base);
}  // namespace detail

/// One angular frequency per channel pair, in radians per position, with the two factors that belong to it.
///
///     angle of pair i at position p:  p * inv_freq[i]
///
/// Immutable: a scaling rule returns a new value.
/// Cost:     a few calls of the math library for each pair in every rule, and one allocation for the list; made once
///           for a model, so that there is no bench case.
/// Accuracy: what the rules promise, 1 to 4 ulp of double, holds where long double is wider than double, because they
///           are evaluated in it: gcc and clang on x86, AArch64 Linux. Elsewhere (MSVC, Apple silicon) they are right to
///           64 ulp [frequency][golden].
/// Matches:  `inv_freq` of Hugging Face and vLLM; 1 / `freqs` of MLX; `freq_factors` of ggml are ratios of two of these.
class Frequencies {
 public:
  /// An explicit list, such as the `inv_freq` stored in a checkpoint.
  ///
  /// @param inv_freq            num_pairs values [rad / position], finite; any sign, zero leaves a pair unrotated. An
  ///                            Eigen vector or a contiguous range (std::vector, std::array, span).
  /// @param magnitude           Factor A on cos and sin (`attention_factor`), finite and > 0.
  /// @param softmax_multiplier  Factor on the softmax scale that a model needs besides (DeepSeek), finite and > 0.
  /// @throws std::invalid_argument  when one of these does not hold, or the list is empty.
  template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
  explicit Frequencies(const List& inv_freq, double magnitude = 1.0, double softmax_multiplier = 1.0)
      : Frequencies(Eigen::ArrayXd(detail::as_list(inv_freq).template cast<double>().reshaped().array()), magnitude,
                    softmax_multiplier, 0.0) {}

  /// inv_freq[i], i < num_pairs, in radians per position.
  const Eigen::ArrayXd& inv_freq() const { return inv_freq_; }
  /// Number of channel pairs.
  Eigen::Index num_pairs() const { return inv_freq_.size(); }
  /// Number of channels that rotate: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * inv_freq_.size(); }
  /// A, the factor on cos and sin; scores q.k grow by A^2. `attention_factor` of YaRN and LongRoPE, else 1.
  double magnitude() const { return magnitude_; }
  /// Factor on the softmax scale 1/sqrt(head_dim) that the caller applies: 1, except after scale_yarn() for DeepSeek.
  double softmax_multiplier() const { return softmax_multiplier_; }
  /// The largest |inv_freq[i]|.
  double fastest() const { return fastest_; }
  /// B where inv_freq[i] = B^(-2i / rotary_dim), or 0 when the frequencies are not such a series.
  double base() const { return base_; }

  /// Identifies these angles and this magnitude: the same on every machine, never 0. A table made of them has it too,
  /// so that a key/value cache can remember by what its keys were rotated (rope/cached_keys.hpp).
  std::uint64_t id() const { return id_; }

  /// The same angles with another magnitude, for rules that set their own. The softmax multiplier stays.
  Frequencies with_magnitude(double magnitude) const { return with_magnitude(magnitude, softmax_multiplier_); }
  /// The same angles with both factors given.
  Frequencies with_magnitude(double magnitude, double softmax_multiplier) const {
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
    fastest_ = inv_freq_.abs().maxCoeff();
    for (const double frequency : inv_freq_) id_ = detail::mix_id(id_, frequency);
    id_ = detail::mix_id(id_, magnitude);
  }
  friend Frequencies detail::geometric_series(Eigen::Index rotary_dim, double base);

  Eigen::ArrayXd inv_freq_;
  double magnitude_;
  double softmax_multiplier_;
  double base_;
  double fastest_ = 0;
  std::uint64_t id_ = 1;
};

namespace detail {

/// The type that frequency rules are evaluated in before the one rounding to double: see Frequencies.
using Wide = long double;

inline void require_base(const char* function, double base, const char* parameter = "base") {
  require(is_finite(base) && base > 0 && base != 1, function, parameter, base, "finite, > 0 and not 1");
}

/// Far beyond any model, and small enough that sizes of rows cannot overflow.
inline void require_num_pairs(const char* function, Eigen::Index num_pairs) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 23;
  require(num_pairs > 0 && num_pairs <= limit, function, "num_pairs", num_pairs, "> 0 and at most ", limit);
}

inline void require_rotary_dim(const char* function, const char* parameter, Eigen::Index rotary_dim) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 24;
  require(rotary_dim > 0 && rotary_dim % 2 == 0 && rotary_dim <= limit, function, parameter, rotary_dim,
          "even, > 0 and at most ", limit);
}

/// Sizes and real numbers may not change places: enabled only for (size, number ...).
template <typename Size, typename... Numbers>
using IfSizeAndNumbers = std::enable_if_t<is_size<Size> && (std::is_convertible_v<const Numbers&, double> && ...), int>;

/// inv_freq[i] = base^(-i / divisor), i < num_pairs.
inline Eigen::ArrayXd spaced_series(Eigen::Index num_pairs, double base, double divisor) {
  Eigen::ArrayXd inv_freq(num_pairs);
  inv_freq[0] = 1;
  for (Eigen::Index i = 1; i < num_pairs; ++i) {
    const Wide exponent = -static_cast<Wide>(i) / static_cast<Wide>(divisor);
    inv_freq[i] = static_cast<double>(std::pow(static_cast<Wide>(base), exponent));
  }
  return inv_freq;
}

inline Frequencies geometric_series(Eigen::Index rotary_dim, double base) {
  require_rotary_dim("geometric_frequencies", "rotary_dim", rotary_dim);
  require_base("geometric_frequencies", base);
  require(rotary_dim < 4096 || base > 1024, "geometric_frequencies", "rotary_dim", rotary_dim,
          "below 4096 for a base of ", base, " (rotary_dim is the first argument, base the second)");
  const Eigen::Index num_pairs = rotary_dim / 2;
  return Frequencies(spaced_series(num_pairs, base, static_cast<double>(num_pairs)), 1.0, 1.0, base);
}

}  // namespace detail

/// The geometric series of RoPE.
///
///     inv_freq[i] = base^(-2i / rotary_dim)        i < rotary_dim / 2
///
/// @param rotary_dim  Number of channels that rotate: an integer, even and > 0. With partial rotary this is
///                    int(head_dim * partial_rotary_factor), not head_dim.
/// @param base        `rope_theta`: finite, > 0 and not 1. There is no default, because checkpoints differ.
/// @throws std::invalid_argument  rotary_dim odd or <= 0; base <= 0, 1, NaN or infinite; rotary_dim >= 4096 with
///                                base <= 1024, which are in the wrong order.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][golden].
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.2.2.
/// Matches:  Hugging Face "default", vLLM RotaryEmbedding, ggml with freq_scale 1, MLX without `freqs`.
template <typename Size, typename Number, detail::IfSizeAndNumbers<Size, Number> = 0>
Frequencies geometric_frequencies(const Size& rotary_dim, const Number& base) {
  return detail::geometric_series(static_cast<Eigen::Index>(rotary_dim), static_cast<double>(base));
}

/// The geometric series of the sinusoidal families.
///
///     inv_freq[i] = base^(-i / divisor)            i < num_pairs
///
/// With F = num_pairs and width d = 2F: divisor d/2 is the paper, F - 1 tensor2tensor (the last frequency is 1/base),
/// F - s the timestep embeddings of diffusion models with `downscale_freq_shift` s. A single pair is 1 whatever the
/// divisor.
/// @param num_pairs  F, an integer > 0.
/// @param base       `max_period`, `temperature` or `theta`: finite, > 0, not 1.
/// @param divisor    Finite and > 0, unless num_pairs is 1.
/// @throws std::invalid_argument  when one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][rules].
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5, for d/2; the projects' code for the others.
/// Matches:  get_timing_signal_1d of tensor2tensor, get_timestep_embedding of diffusers; the presets of sinusoidal.hpp
///           name more.
template <typename Size, typename Base, typename Divisor, detail::IfSizeAndNumbers<Size, Base, Divisor> = 0>
Frequencies spaced_frequencies(const Size& num_pairs, const Base& base, const Divisor& divisor) {
  const char* const function = "spaced_frequencies";
  const auto pairs = static_cast<Eigen::Index>(num_pairs);
  const auto divided_by = static_cast<double>(divisor);
  detail::require_num_pairs(function, pairs);
  detail::require_base(function, static_cast<double>(base));
  detail::require(pairs == 1 || (detail::is_finite(divided_by) && divided_by > 0), function, "divisor", divided_by,
                  "finite and > 0");
  return Frequencies(detail::spaced_series(pairs, static_cast<double>(base), divided_by));
}

// Arguments that are missing or in the wrong order.

template <typename... Given>
Frequencies geometric_frequencies(const Given&...) {
  static_assert(sizeof...(Given) >= 2,
                "posenc: base is missing: write geometric_frequencies(rotary_dim, base) with the rope_theta of the "
                "model, for instance geometric_frequencies(128, 10000.0)");
  static_assert(sizeof...(Given) < 2,
                "posenc: the arguments are an integer and a number: write geometric_frequencies(rotary_dim, base), for "
                "instance geometric_frequencies(128, 10000.0)");
  std::abort();
}

template <typename... Given>
Frequencies spaced_frequencies(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: the arguments are an integer and two numbers: write spaced_frequencies(num_pairs, base, "
                "divisor), for instance spaced_frequencies(64, 10000.0, 64)");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCIES_HPP

// ---- posenc/frequency/scale_linear.hpp
/// Context extension by dividing frequencies: by one factor, by a factor for each pair, or only the first pairs.
#ifndef POSENC_FREQUENCY_SCALE_LINEAR_HPP
#define POSENC_FREQUENCY_SCALE_LINEAR_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline Frequencies divide_by_factor(const char* function, const Frequencies& frequencies, double factor) {
  require(is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
  return Frequencies(frequencies.inv_freq() / factor, frequencies.magnitude(), frequencies.softmax_multiplier());
}

}  // namespace detail

/// Position interpolation: every position p gets the angle that p / factor had.
///
///     inv_freq'[i] = inv_freq[i] / factor
///
/// @param frequencies  What the model was trained with.
/// @param factor       New length over trained length, >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Chen et al. 2023, arXiv:2306.15595.
/// Matches:  Hugging Face "linear", vLLM LinearScaling, ggml freq_scale = 1 / factor, MLX scale = 1 / factor.
template <typename Number, std::enable_if_t<std::is_convertible_v<const Number&, double>, int> = 0>
Frequencies scale_linear(const Frequencies& frequencies, const Number& factor) {
  return detail::divide_by_factor("scale_linear", frequencies, static_cast<double>(factor));
}
/// @overload
/// A factor for each pair: inv_freq'[i] = inv_freq[i] / factors[i].
/// @param factors  num_pairs values, finite and > 0 (not necessarily >= 1): an Eigen vector or a contiguous range.
/// @throws std::invalid_argument  another number of factors, or one that is not finite and > 0.
/// Matches:  the `freq_factors` tensor of ggml, in which Llama 3 and LongRoPE are stored.
template <typename List, std::enable_if_t<detail::is_list<List>, std::int64_t> = 0>
Frequencies scale_linear(const Frequencies& frequencies, const List& factors) {
  const char* const function = "scale_linear";
  const Eigen::ArrayXd divisors = detail::as_list(factors).template cast<double>().reshaped().array();
  detail::require(divisors.size() == frequencies.num_pairs(), function, "factors.size()", divisors.size(), "num_pairs ",
                  frequencies.num_pairs());
  for (Eigen::Index i = 0; i < divisors.size(); ++i) {
    if (!(detail::is_finite(divisors[i]) && divisors[i] > 0)) {
      detail::refuse<std::invalid_argument>(function, detail::element("factors", i), divisors[i], "finite and > 0");
    }
  }
  return Frequencies(frequencies.inv_freq() / divisors, frequencies.magnitude(), frequencies.softmax_multiplier());
}

/// @overload
/// Says what the arguments are.
template <typename... Given>
Frequencies scale_linear(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write scale_linear(frequencies, factor): Frequencies, which a table is made of afterwards, and a "
      "number or a list with one for each pair");
  std::abort();
}

/// p-RoPE: rotates the fastest pairs only, over the whole width of the head.
///
///     inv_freq'[i] = inv_freq[i] / factor     i < k = int(partial_rotary_factor * head_dim / 2)
///                    0                        else,  head_dim = frequencies.rotary_dim()
///
/// This is not the partial rotation of a prefix: the exponent runs over head_dim, pairs are (i, i + head_dim/2) in the
/// half-split layout, and the pairs that do not rotate lie in the middle of each half.
/// @param frequencies            What the model was trained with.
/// @param partial_rotary_factor  In (0, 1].
/// @param factor                 >= 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Barbero et al. 2024, arXiv:2410.06205 (p-RoPE).
/// Matches:  Hugging Face "proportional" (Gemma 4, full-attention layers), mlx-lm ProportionalRoPE.
inline Frequencies scale_proportional(const Frequencies& frequencies, double partial_rotary_factor,
                                      double factor = 1.0) {
  const char* const function = "scale_proportional";
  detail::require(partial_rotary_factor > 0 && partial_rotary_factor <= 1, function, "partial_rotary_factor",
                  partial_rotary_factor, "in (0, 1]");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
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
/// Llama 3 scaling: long wavelengths are interpolated, short ones kept, with a blend between them.
#ifndef POSENC_FREQUENCY_SCALE_LLAMA3_HPP
#define POSENC_FREQUENCY_SCALE_LLAMA3_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a "llama3" config, with Meta's defaults. The two without a default must be set.
struct Llama3Options {
  double factor = 0;                            ///< Divisor of the slow pairs, >= 1. Must be set.
  double original_max_position_embeddings = 0;  ///< Trained length L [positions], > 0. Must be set.
  double low_freq_factor = 1;                   ///< Wavelengths beyond L / low_freq_factor are divided; > 0.
  double high_freq_factor = 4;  ///< Wavelengths below L / high_freq_factor are kept; >= low_freq_factor.
};

/// Llama 3 scaling: divides the slow pairs by a factor, keeps the fast ones, and blends between them.
///
/// With the wavelength w = 2 pi / inv_freq[i] and s = (L / w - low_freq_factor) / (high_freq_factor - low_freq_factor):
///
///     inv_freq'[i] = inv_freq[i] / factor                       w > L / low_freq_factor
///                    inv_freq[i]                                w < L / high_freq_factor
///                    inv_freq[i] ((1 - s) / factor + s)         between
///
/// Llama 4 Scout has both factors at 1: no pair is between them, and each is kept or divided.
/// @param frequencies  What the model was trained with.
/// @param options  factor and original_max_position_embeddings must be set.
/// @throws std::invalid_argument  factor < 1; L <= 0; low_freq_factor <= 0 or > high_freq_factor; NaN, infinite.
/// Cost:     see Frequencies.
/// Accuracy: 4 ulp of double [frequency][golden].
/// Source:   Dubey et al. 2024, arXiv:2407.21783; the rule is in Meta's model code.
/// Matches:  Hugging Face "llama3", vLLM Llama3, MLX Llama3RoPE, CTranslate2 Llama3; ggml ships it as freq_factors.
inline Frequencies scale_llama3(const Frequencies& frequencies, const Llama3Options& options) {
  using detail::Wide;
  const char* const function = "scale_llama3";
  const double length = options.original_max_position_embeddings;
  detail::require(detail::is_finite(options.factor) && options.factor >= 1, function, "factor", options.factor,
                  "finite and >= 1");
  detail::require(detail::is_finite(length) && length > 0, function, "original_max_position_embeddings", length,
                  "finite and > 0");
  detail::require(detail::is_finite(options.low_freq_factor) && options.low_freq_factor > 0, function,
                  "low_freq_factor", options.low_freq_factor, "finite and > 0");
  detail::require(detail::is_finite(options.high_freq_factor) && options.high_freq_factor >= options.low_freq_factor,
                  function, "high_freq_factor", options.high_freq_factor, "finite and >= low_freq_factor ",
                  options.low_freq_factor);

  constexpr Wide two_pi = 6.283185307179586476925286766559005768L;
  const Wide low = static_cast<Wide>(options.low_freq_factor);
  const Wide high = static_cast<Wide>(options.high_freq_factor);
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    // A negative frequency rotates the other way at the same wavelength.
    const Wide cycles = static_cast<Wide>(length) * static_cast<Wide>(std::abs(inv_freq[i])) / two_pi;  // L / w
    if (cycles > high) continue;
    const Wide s = cycles <= low ? Wide(0) : (cycles - low) / (high - low);
    inv_freq[i] =
        static_cast<double>(static_cast<Wide>(inv_freq[i]) * ((1 - s) / static_cast<Wide>(options.factor) + s));
  }
  return Frequencies(inv_freq, frequencies.magnitude(), frequencies.softmax_multiplier());
}

template <typename... Given>
Frequencies scale_llama3(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write scale_llama3(frequencies, options): a Llama3Options, whose factor and "
                "original_max_position_embeddings must be set");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LLAMA3_HPP

// ---- posenc/frequency/scale_longrope.hpp
/// LongRoPE: a factor for each pair found by search, one list for short and one for long sequences.
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

/// LongRoPE: divides each pair by its factor of the list for short or for long sequences.
///
///     inv_freq'[i] = inv_freq[i] / long_factor[i]     seq_len > original_max_position_embeddings
///                    inv_freq[i] / short_factor[i]    else
///
/// magnitude: attention_factor if given, else sqrt(1 + ln(s) / ln(original_max_position_embeddings)) with s = factor or
/// max_position_embeddings / original_max_position_embeddings, 1 for s <= 1; the same for both lists.
///
/// `seq_len` must be one number for the whole life of a sequence: keys cached with the short list do not fit queries
/// of the long one. Engines that look at the current length in each call break chunked prefill.
/// @param frequencies  What the model was trained with.
/// @param options  The lists and the trained length must be set, and factor or max_position_embeddings.
/// @param seq_len  The length that this sequence may reach, >= 0. Equal to the trained length is still short.
/// @throws std::invalid_argument  a list of another length than num_pairs or with a factor <= 0; trained length <= 1;
///                                neither factor nor max_position_embeddings; anything NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
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
  const auto require_factors = [&](const char* name, const std::vector<double>& list) {
    for (Eigen::Index i = 0; i < size(list); ++i) {
      const double value = list[static_cast<std::size_t>(i)];
      if (detail::is_finite(value) && value > 0) continue;
      detail::refuse<std::invalid_argument>(function, detail::element(name, i), value, "finite and > 0");
    }
  };
  require_factors("short_factor", options.short_factor);
  require_factors("long_factor", options.long_factor);
  detail::require(detail::is_finite(length) && length > 1, function, "original_max_position_embeddings", length,
                  "finite and > 1");
  detail::require(positive(options.factor), function, "factor", options.factor.value_or(1), "finite and > 0");
  detail::require(
      detail::is_finite(options.max_position_embeddings) && (options.factor || options.max_position_embeddings > 0),
      function, "max_position_embeddings", options.max_position_embeddings, "finite, and > 0 when factor is not given");
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
  return scale_linear(frequencies, factors).with_magnitude(frequencies.magnitude() * magnitude);
}

template <typename... Given, std::enable_if_t<(sizeof...(Given) < 3), int> = 0>  // seq_len may be any number
Frequencies scale_longrope(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write scale_longrope(frequencies, options, seq_len): a LongRopeOptions, and the length that this "
      "sequence may reach, which decides between its two lists");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LONGROPE_HPP

// ---- posenc/frequency/scale_ntk.hpp
/// Context extension by a larger base: NTK-aware, dynamic NTK, and NTK-RoPE-fixed and -mixed of kexue.fm.
#ifndef POSENC_FREQUENCY_SCALE_NTK_HPP
#define POSENC_FREQUENCY_SCALE_NTK_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_ntk(const char* function, const Frequencies& frequencies, double factor) {
  require(frequencies.rotary_dim() > 2, function, "rotary_dim", frequencies.rotary_dim(), "> 2");
  require(is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
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

/// scale_ntk_aware(), naming `parameter` where the base that comes out cannot be used.
inline Frequencies ntk_aware(const char* function, const Frequencies& frequencies, double factor,
                             const char* parameter) {
  const Wide d = static_cast<Wide>(frequencies.rotary_dim());
  if (frequencies.base() > 0) {
    const double base = static_cast<double>(frequencies.base() * std::pow(static_cast<Wide>(factor), d / (d - 2)));
    require(is_finite(base) && base != 1, function, parameter, factor,
            "such that base * factor^(d / (d - 2)) is finite and not 1");
    return geometric_frequencies(frequencies.rotary_dim(), base)
        .with_magnitude(frequencies.magnitude(), frequencies.softmax_multiplier());
  }
  const Wide step = 2 * std::log(static_cast<Wide>(factor)) / (d - 2);
  return divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<Wide>(i) * step; });
}

}  // namespace detail

/// NTK-aware scaling: extends the context by a larger base.
///
///     base' = base * factor^(d / (d - 2))        d = rotary_dim
///
/// Equivalently inv_freq[i] * factor^(-2i / (d - 2)): the first pair keeps its frequency, the last is divided by
/// `factor`. Works on any list of frequencies.
/// @param frequencies  What the model was trained with.
/// @param factor  "alpha", >= 1.
/// @throws std::invalid_argument  factor < 1, NaN, or so large that base' is infinite; rotary_dim 2, where the exponent
///                                divides by zero.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   bloc97, "NTK-Aware Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.1.
/// Matches:  ExLlama and Hunyuan alpha (vLLM DynamicNTKAlpha), rotary-embedding-torch theta_rescale_factor,
///           x-transformers base_rescale_factor, Qwen-1 ntk_alpha.
inline Frequencies scale_ntk_aware(const Frequencies& frequencies, double factor) {
  detail::require_ntk("scale_ntk_aware", frequencies, factor);
  return detail::ntk_aware("scale_ntk_aware", frequencies, factor, "factor");
}

/// Dynamic NTK: NTK-aware scaling by as much as the length needs.
///
/// Up to `max_position_embeddings` nothing changes; beyond it scale_ntk_aware() with
/// factor * seq_len / max_position_embeddings - (factor - 1).
///
/// The angles of *every* position change with seq_len, so cached keys must be rotated anew when it grows; choosing
/// the length once for each sequence avoids that.
/// @param frequencies              What the model was trained with.
/// @param factor                   `factor` of the config, >= 1.
/// @param max_position_embeddings  Trained length, > 0.
/// @param seq_len                  The length to serve, >= 0.
/// @throws std::invalid_argument   one of these does not hold; a base that becomes infinite; rotary_dim 2.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   emozilla, "Dynamically Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.3.
/// Matches:  Hugging Face "dynamic". vLLM (from 2026-06) passes seq_len = factor * max_position_embeddings once.
inline Frequencies scale_dynamic_ntk(const Frequencies& frequencies, double factor, double max_position_embeddings,
                                     double seq_len) {
  const char* const function = "scale_dynamic_ntk";
  detail::require_ntk(function, frequencies, factor);
  detail::require(detail::is_finite(max_position_embeddings) && max_position_embeddings > 0, function,
                  "max_position_embeddings", max_position_embeddings, "finite and > 0");
  detail::require(detail::is_finite(seq_len) && seq_len >= 0, function, "seq_len", seq_len, "finite and >= 0");
  if (seq_len <= max_position_embeddings) return frequencies;
  const double needed = factor * seq_len / max_position_embeddings - (factor - 1);
  detail::require(detail::is_finite(needed), function, "seq_len", seq_len, "such that factor * seq_len is finite");
  return detail::ntk_aware(function, frequencies, needed, "factor * seq_len / max_position_embeddings - (factor - 1)");
}

/// NTK-RoPE-mixed and NTK-RoPE-fixed: slows every pair, the last by the whole factor.
///
///     inv_freq'[i] = inv_freq[i] exp(-a (i + 1)^b)        a = ln(factor) / (d/2)^b,  d = rotary_dim
///
/// @param frequencies  What the model was trained with.
/// @param factor  >= 1.
/// @param b       Shape, finite and >= 0: 0.625 is the author's choice for "mixed", 1 is "fixed", where a pair is
///                multiplied by factor^(-2(i + 1) / d), and 0 is scale_linear().
/// @throws std::invalid_argument  one of these does not hold; rotary_dim 2.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Su Jianlin, kexue.fm/archives/9706, 2023.
/// Matches:  vLLM NTKScaling: with mixed_b for b, and for b = 1 without it.
inline Frequencies scale_ntk_mixed(const Frequencies& frequencies, double factor, double b) {
  detail::require_ntk("scale_ntk_mixed", frequencies, factor);
  detail::require(detail::is_finite(b) && b >= 0, "scale_ntk_mixed", "b", b, "finite and >= 0");
  if (b == 1) {  // the same number with one rounding less
    const detail::Wide step = std::log(static_cast<detail::Wide>(factor)) / frequencies.num_pairs();
    return detail::divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<detail::Wide>(i + 1) * step; });
  }
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
/// YaRN: fast pairs keep their frequency, slow pairs are interpolated, with a ramp between them.
#ifndef POSENC_FREQUENCY_SCALE_YARN_HPP
#define POSENC_FREQUENCY_SCALE_YARN_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a YaRN config, with the field's defaults. The two without a default must be set.
struct YarnOptions {
  double factor = 0;                            ///< New length over trained length, >= 1. Must be set.
  double original_max_position_embeddings = 0;  ///< Trained length [positions], > 0. Must be set.
  double beta_fast = 32;                        ///< Pairs with more rotations over the trained length are kept.
  double beta_slow = 1;                         ///< Pairs with fewer rotations are interpolated; < beta_fast.
  bool truncate = true;                         ///< Round the ends of the ramp to whole pairs (gpt-oss: false).
  std::optional<double> attention_factor = {};  ///< A itself; wins over the two below.
  double mscale = 0;                            ///< DeepSeek pair; 0 = not given. Counts only when both are given.
  double mscale_all_dim = 0;                    ///< DeepSeek pair; 0 = not given. Alone it sets the softmax multiplier.
  double extrapolation_factor = 1;              ///< Weight of the unscaled part, in [0, 1] (vLLM, original code).
  double attn_factor = 1;                       ///< Factor on a derived A, > 0 (vLLM, original code).
};

namespace detail {

/// g(s, m) = 0.1 m ln(s) + 1 for s > 1, else 1: the magnitude that YaRN derives from a factor s. `yarn_get_mscale` of
/// DeepSeek, `get_mscale` of Hugging Face.
inline double yarn_mscale(double factor, double mscale = 1.0) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace detail

/// YaRN: keeps the fast pairs, divides the slow ones by the factor, and derives the magnitude.
///
/// With d = rotary_dim, B = base and L = original_max_position_embeddings, the pair that rotates n times over L is
///
///     pair(n) = d ln(L / (2 pi n)) / (2 ln B)
///     low  = max(floor(pair(beta_fast)), 0)          floor and ceil only with `truncate`
///     high = min(ceil(pair(beta_slow)), d - 1)       + 0.001 when low == high
///     e[i] = extrapolation_factor (1 - clamp((i - low) / (high - low), 0, 1))
///     inv_freq'[i] = inv_freq[i] (e[i] + (1 - e[i]) / factor)
///
/// With g(s, m) = 0.1 m ln(s) + 1 for s > 1, else 1:
/// magnitude: attention_factor if given; else, with both mscale and mscale_all_dim,
/// g(factor, mscale) / g(factor, mscale_all_dim), else g(factor, 1), times attn_factor.
/// softmax_multiplier: g(factor, mscale_all_dim)^2 when mscale_all_dim is given, else 1. DeepSeek V2 and V3 need it on
/// the softmax scale; ports of the rule often leave it out.
///
/// @param frequencies  From geometric_frequencies(), base > 1: the ramp needs the base.
/// @param options      factor and original_max_position_embeddings must be set.
/// @throws std::invalid_argument  not such frequencies; factor < 1; trained length <= 0; beta_slow <= 0 or not
///                                < beta_fast; attention_factor or attn_factor <= 0; a negative mscale;
///                                extrapolation_factor outside [0, 1]; anything NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 4 ulp of double [frequency][golden].
/// Source:   Peng et al. 2023, arXiv:2309.00071; DeepSeek-AI 2024, arXiv:2405.04434.
/// Matches:  Hugging Face "yarn", vLLM YaRN, and vLLM DeepseekScaling where both mscale keys or neither are given: a
///           missing one is 1 and 0 there. ggml always truncates and applies 1 + 0.1 ln(factor) inside the operator.
inline Frequencies scale_yarn(const Frequencies& frequencies, const YarnOptions& options) {
  using detail::Wide;
  const char* const function = "scale_yarn";
  const double factor = options.factor;
  const double length = options.original_max_position_embeddings;
  detail::require(frequencies.base() > 1, function, "frequencies.base()", frequencies.base(),
                  "> 1 (use geometric_frequencies)");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
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
  const auto pair_of = [&](double rotations) {
    return d * std::log(static_cast<Wide>(length) / (static_cast<Wide>(rotations) * two_pi)) / (2 * log_base);
  };
  Wide low = pair_of(options.beta_fast);
  Wide high = pair_of(options.beta_slow);
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
  const double derived =
      pair_given ? detail::yarn_mscale(factor, options.mscale) / detail::yarn_mscale(factor, options.mscale_all_dim)
                 : detail::yarn_mscale(factor);
  const double magnitude = options.attention_factor.value_or(derived * options.attn_factor);
  const double softmax =
      options.mscale_all_dim != 0 ? std::pow(detail::yarn_mscale(factor, options.mscale_all_dim), 2) : 1.0;
  return Frequencies(inv_freq, frequencies.magnitude() * magnitude, frequencies.softmax_multiplier() * softmax);
}

template <typename... Given>
Frequencies scale_yarn(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write scale_yarn(frequencies, options): a YarnOptions, whose factor and "
                "original_max_position_embeddings must be set");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_YARN_HPP

// ---- posenc/frequency/channel_order.hpp
/// ChannelOrder: which channels of a row are sines and which are cosines.
#ifndef POSENC_FREQUENCY_CHANNEL_ORDER_HPP
#define POSENC_FREQUENCY_CHANNEL_ORDER_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The order of sines s and cosines c in a row of sinusoids.
enum class ChannelOrder {
  interleaved,  ///< s0 c0 s1 c1 ..       the paper
  sin_cos,      ///< s0 s1 .. | c0 c1 ..  tensor2tensor and most of its descendants
  cos_sin       ///< c0 c1 .. | s0 s1 ..  Stable Diffusion, ggml
};

namespace detail {

/// The columns of the sine and of the cosine of pair i in a row of sinusoids.
struct SinusoidColumns {
  SinusoidColumns(ChannelOrder order, Eigen::Index num_sines, Eigen::Index num_cosines)
      : step(order == ChannelOrder::interleaved ? 2 : 1),
        first_sine(order == ChannelOrder::cos_sin ? num_cosines : 0),
        first_cosine(order == ChannelOrder::interleaved ? 1
                     : order == ChannelOrder::cos_sin   ? 0
                                                        : num_sines) {}

  Eigen::Index sine(Eigen::Index pair) const { return first_sine + pair * step; }
  Eigen::Index cosine(Eigen::Index pair) const { return first_cosine + pair * step; }

  Eigen::Index step;          ///< Columns from one pair to the next.
  Eigen::Index first_sine;    ///< Column of the sine of pair 0.
  Eigen::Index first_cosine;  ///< Column of the cosine of pair 0.
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CHANNEL_ORDER_HPP

// ---- posenc/detail/memory_extent.hpp
/// Where strided numbers lie in memory, whether two of them share bytes, and whether one shares bytes with itself.
#ifndef POSENC_DETAIL_MEMORY_EXTENT_HPP
#define POSENC_DETAIL_MEMORY_EXTENT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// In 64 bits on every machine, so that no sum of an address and an extent overflows.
inline std::int64_t address_of(const void* data) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data));
}

/// Where an object lies: element (i, j, k) covers `bytes` bytes from first + i steps[0] + j steps[1] + k steps[2].
struct MemoryExtent {
  std::int64_t first = 0;
  std::int64_t bytes = 0;
  std::int64_t counts[3] = {1, 1, 1};
  std::int64_t steps[3] = {0, 0, 0};

  void set_axis(int axis, Eigen::Index count, Eigen::Index stride, std::size_t scalar_bytes) {
    counts[axis] = static_cast<std::int64_t>(count);
    steps[axis] = count > 1 ? static_cast<std::int64_t>(stride) * static_cast<std::int64_t>(scalar_bytes) : 0;
  }
  bool empty() const { return counts[0] == 0 || counts[1] == 0 || counts[2] == 0; }
};

/// Of an object for which has_memory holds.
template <typename Derived>
MemoryExtent extent_of(const Eigen::DenseBase<Derived>& x) {
  using Scalar = typename Derived::Scalar;
  MemoryExtent extent;
  extent.first = address_of(x.derived().data());
  extent.bytes = sizeof(Scalar);
  extent.set_axis(0, x.rows(), x.derived().rowStride(), sizeof(Scalar));
  extent.set_axis(1, x.cols(), x.derived().colStride(), sizeof(Scalar));
  return extent;
}

/// Whether element (i, j, k) of one lies where element (i, j, k) of the other does, for all of them.
inline bool is_same(const MemoryExtent& a, const MemoryExtent& b) {
  bool same = a.first == b.first && a.bytes == b.bytes;
  for (int i = 0; i < 3; ++i) same = same && a.counts[i] == b.counts[i] && a.steps[i] == b.steps[i];
  return same;
}

/// Whether two objects share a byte. Exact for blocks of one matrix; in doubt the answer is yes.
inline bool overlap(const MemoryExtent& a, const MemoryExtent& b) {
  if (a.empty() || b.empty()) return false;
  struct Span {
    std::int64_t first, last;
  };
  // The bytes that the axes cover whose steps are no multiple of `period`; 0 takes every axis.
  const auto span = [](const MemoryExtent& x, std::int64_t period) {
    Span bytes{x.first, x.first + x.bytes};
    for (int i = 0; i < 3; ++i) {
      if (period != 0 && x.steps[i] % period == 0) continue;
      (x.steps[i] < 0 ? bytes.first : bytes.last) += (x.counts[i] - 1) * x.steps[i];
    }
    return bytes;
  };
  const Span all_a = span(a, 0);
  const Span all_b = span(b, 0);
  if (all_a.last <= all_b.first || all_b.last <= all_a.first) return false;
  // Side by side in the rows of one matrix (q and k of a packed projection): disjoint in every period of a common step.
  for (int i = 0; i < 3; ++i) {
    const std::int64_t period = a.steps[i] < 0 ? -a.steps[i] : a.steps[i];
    if (period == 0 || a.steps[i] != b.steps[i]) continue;
    const Span one_a = span(a, period);
    const Span one_b = span(b, period);
    const std::int64_t shift = ((one_b.first - one_a.first) % period + period) % period;
    if (shift >= one_a.last - one_a.first && shift + (one_b.last - one_b.first) <= period) return false;
  }
  return true;
}

/// A number of elements and the way from one to the next, under the name that a message gives to the way.
struct StridedAxis {
  const char* name;
  Eigen::Index count;
  Eigen::Index stride;
};

inline std::uint64_t distance_of(Eigen::Index stride) {
  return stride < 0 ? 0 - static_cast<std::uint64_t>(stride) : static_cast<std::uint64_t>(stride);
}

/// Elements of what is written to may not lie in one another: each stride must reach past what the smaller ones cover,
/// beginning with `covered` numbers that are contiguous.
template <std::size_t Count>
void require_nested_strides(const char* function, const char* parameter, StridedAxis (&axes)[Count],
                            Eigen::Index contiguous) {
  for (const StridedAxis& axis : axes) {
    if (axis.count == 0) return;
  }
  for (std::size_t end = Count; end > 1; --end) {  // by distance
    for (std::size_t i = 0; i + 1 < end; ++i) {
      if (distance_of(axes[i + 1].stride) < distance_of(axes[i].stride)) std::swap(axes[i], axes[i + 1]);
    }
  }
  std::uint64_t covered = static_cast<std::uint64_t>(contiguous);
  for (const StridedAxis& axis : axes) {
    if (axis.count == 1) continue;
    const std::uint64_t distance = distance_of(axis.stride);
    if (distance < covered) {
      refuse<std::invalid_argument>(function, std::string(parameter) + axis.name, axis.stride, "at least ", covered,
                                    " forwards or backwards (what is written to may not overlap itself)");
    }
    covered += (static_cast<std::uint64_t>(axis.count) - 1) * distance;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_MEMORY_EXTENT_HPP

// ---- posenc/detail/view_root.hpp
/// Views that pick rows and columns of a matrix (index views, reversed ones, blocks of them): which ones they pick.
#ifndef POSENC_DETAIL_VIEW_ROOT_HPP
#define POSENC_DETAIL_VIEW_ROOT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How a view picks from what it views: element (i, j) is element (row(x, i), column(x, j)) of x.nestedExpression(), or
/// element (j, i) where it transposes.
template <typename View>
struct Picking {
  static constexpr bool known = false;
};

struct PickingAll {
  static constexpr bool known = true;
  static constexpr bool transposes = false;
  template <typename View>
  static Eigen::Index row(const View&, Eigen::Index i) {
    return i;
  }
  template <typename View>
  static Eigen::Index column(const View&, Eigen::Index j) {
    return j;
  }
};

template <typename Nested>
struct Picking<Eigen::ArrayWrapper<Nested>> : PickingAll {};
template <typename Nested>
struct Picking<Eigen::MatrixWrapper<Nested>> : PickingAll {};

template <typename Nested>
struct Picking<Eigen::Transpose<Nested>> : PickingAll {
  static constexpr bool transposes = true;
};

template <typename Nested, int Rows, int Columns, bool InnerPanel>
struct Picking<Eigen::Block<Nested, Rows, Columns, InnerPanel>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return x.startRow() + i;
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return x.startCol() + j;
  }
};

template <typename Nested, int Direction>
struct Picking<Eigen::Reverse<Nested, Direction>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return Direction == Eigen::Horizontal ? i : x.rows() - 1 - i;
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return Direction == Eigen::Vertical ? j : x.cols() - 1 - j;
  }
};

template <typename Nested, typename RowIndices, typename ColumnIndices>
struct Picking<Eigen::IndexedView<Nested, RowIndices, ColumnIndices>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return entry_of(x.rowIndices(), i);
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return entry_of(x.colIndices(), j);
  }

 private:
  template <typename List>
  static Eigen::Index entry_of(const List& list, Eigen::Index i) {
    return static_cast<Eigen::Index>(list[static_cast<decltype(list.size())>(i)]);
  }
};

template <typename View>
using NestedOf = std::decay_t<decltype(std::declval<const View&>().nestedExpression())>;

/// Whether x picks from an object in memory, its root, through views that are known. An object in memory that picks
/// from nothing is its own root.
template <typename View>
constexpr bool find_root() {
  if constexpr (Picking<View>::known) {
    return find_root<NestedOf<View>>();
  } else {
    return has_memory<View>;
  }
}
template <typename View>
inline constexpr bool has_root = find_root<View>();

template <typename View>
constexpr bool find_transposed() {
  if constexpr (Picking<View>::known) {
    return Picking<View>::transposes != find_transposed<NestedOf<View>>();
  } else {
    return false;
  }
}
/// Whether rows of the root are columns of x.
template <typename View>
inline constexpr bool is_transposed = find_transposed<View>();

template <typename View>
const auto& root_of(const View& x) {
  if constexpr (Picking<View>::known) {
    return root_of(x.nestedExpression());
  } else {
    return x;
  }
}

/// The root's row that row i of x lies in (column i, where x is transposed).
template <typename View>
Eigen::Index root_row(const View& x, Eigen::Index i) {
  if constexpr (Picking<View>::known) {
    constexpr bool by_columns = is_transposed<View>;
    return root_row(x.nestedExpression(), Picking<View>::transposes ? i
                                          : by_columns              ? Picking<View>::column(x, i)
                                                                    : Picking<View>::row(x, i));
  } else {
    return i;
  }
}

/// The root's column that column j of x lies in (row j, where x is transposed).
template <typename View>
Eigen::Index root_column(const View& x, Eigen::Index j) {
  if constexpr (Picking<View>::known) {
    constexpr bool by_rows = is_transposed<View>;
    return root_column(x.nestedExpression(), Picking<View>::transposes ? j
                                             : by_rows                 ? Picking<View>::row(x, j)
                                                                       : Picking<View>::column(x, j));
  } else {
    return j;
  }
}

/// A list of rows (or columns) of a root: `count` of them, row(i) of each.
template <typename View, bool Rows>
struct PickedLines {
  const View& x;
  Eigen::Index count() const { return is_transposed<View> == Rows ? x.cols() : x.rows(); }
  Eigen::Index operator[](Eigen::Index i) const {
    if constexpr (Rows) {
      return root_row(x, i);
    } else {
      return root_column(x, i);
    }
  }
};

/// A set of line numbers below `bound`, a window of them at a time on the stack, so that nothing is allocated.
class LineSet {
 public:
  static constexpr Eigen::Index kWindow = 1 << 15;

  explicit LineSet(Eigen::Index first) : first_(first) {}
  bool contains(Eigen::Index line) const { return inside(line) && (word(line) & bit(line)) != 0; }
  void insert(Eigen::Index line) {
    if (inside(line)) words_[(line - first_) / 64] |= bit(line);
  }

 private:
  bool inside(Eigen::Index line) const { return line >= first_ && line < first_ + kWindow; }
  std::uint64_t word(Eigen::Index line) const { return words_[(line - first_) / 64]; }
  std::uint64_t bit(Eigen::Index line) const { return std::uint64_t{1} << ((line - first_) % 64); }

  Eigen::Index first_;
  std::uint64_t words_[kWindow / 64] = {};
};

/// Whether two lists of lines below `bound` have one in common.
template <typename A, typename B>
bool intersect(const A& a, const B& b, Eigen::Index bound) {
  for (Eigen::Index first = 0; first < bound; first += LineSet::kWindow) {
    LineSet lines(first);
    for (Eigen::Index i = 0; i < a.count(); ++i) lines.insert(a[i]);
    for (Eigen::Index i = 0; i < b.count(); ++i) {
      if (lines.contains(b[i])) return true;
    }
  }
  return false;
}

/// The place in the list of a line that is in it for the second time; -1 when there is none.
template <typename Lines>
Eigen::Index find_repeated(const Lines& lines, Eigen::Index bound) {
  for (Eigen::Index first = 0; first < bound; first += LineSet::kWindow) {
    LineSet seen(first);
    for (Eigen::Index i = 0; i < lines.count(); ++i) {
      if (seen.contains(lines[i])) return i;
      seen.insert(lines[i]);
    }
  }
  return -1;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_VIEW_ROOT_HPP

// ---- posenc/detail/overlap.hpp
/// Whether what is written lies in the memory of what is read, or in itself: for matrices, maps and blocks, for views
/// without data() (index views, reversed ones), and for what is computed from them.
#ifndef POSENC_DETAIL_OVERLAP_HPP
#define POSENC_DETAIL_OVERLAP_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T, typename = void>
inline constexpr bool has_nested = false;
template <typename T>
inline constexpr bool has_nested<T, std::void_t<decltype(std::declval<const T&>().nestedExpression())>> = true;

template <typename T, typename = void>
inline constexpr bool has_operands = false;
template <typename T>
inline constexpr bool
    has_operands<T, std::void_t<decltype(std::declval<const T&>().lhs()), decltype(std::declval<const T&>().rhs())>> =
        true;

template <typename T, typename = void>
inline constexpr bool has_arguments = false;
template <typename T>
inline constexpr bool has_arguments<
    T, std::void_t<decltype(std::declval<const T&>().arg1()), decltype(std::declval<const T&>().arg3())>> = true;

template <typename T, typename = void>
inline constexpr bool has_branches = false;
template <typename T>
inline constexpr bool has_branches<
    T, std::void_t<decltype(std::declval<const T&>().thenMatrix()), decltype(std::declval<const T&>().elseMatrix())>> =
    true;

/// Whether f(leaf) holds for an object in memory that the expression is made of. An expression of a kind that is not
/// known, such as a user's own, is taken to have none.
template <typename Expression, typename Predicate>
bool any_leaf(const Expression& x, const Predicate& f) {
  if constexpr (!is_dense<Expression>) {
    return false;
  } else if constexpr (has_memory<Expression>) {
    return f(x);
  } else if constexpr (has_nested<Expression>) {
    return any_leaf(x.nestedExpression(), f);
  } else if constexpr (has_operands<Expression>) {
    return any_leaf(x.lhs(), f) || any_leaf(x.rhs(), f);
  } else if constexpr (has_arguments<Expression>) {
    return any_leaf(x.arg1(), f) || any_leaf(x.arg2(), f) || any_leaf(x.arg3(), f);
  } else if constexpr (has_branches<Expression>) {
    return any_leaf(x.conditionMatrix(), f) || any_leaf(x.thenMatrix(), f) || any_leaf(x.elseMatrix(), f);
  } else {
    return false;
  }
}

/// Whether element (i, j) is computed from element (i, j) of its operands alone: a sum, a cast, a multiple.
template <typename Expression>
inline constexpr bool is_elementwise = false;
template <typename Function, typename Nested>
inline constexpr bool is_elementwise<Eigen::CwiseUnaryOp<Function, Nested>> = true;
template <typename Function, typename Left, typename Right>
inline constexpr bool is_elementwise<Eigen::CwiseBinaryOp<Function, Left, Right>> = true;

/// Whether two views pick from one root, and so can be compared line by line.
template <typename A, typename B>
bool have_same_root(const A& a, const B& b) {
  return is_same(extent_of(root_of(a)), extent_of(root_of(b)));
}

/// Where a view lies: itself, or in doubt all of its root.
template <typename View>
MemoryExtent extent_around(const View& x) {
  if constexpr (has_memory<View>) {
    return extent_of(x);
  } else {
    return extent_of(root_of(x));
  }
}

template <typename A, typename B>
bool share_elements(const A& a, const B& b) {
  if (a.size() == 0 || b.size() == 0 || !overlap(extent_around(a), extent_around(b))) return false;
  if (!have_same_root(a, b)) return true;
  const auto& root = root_of(a);
  return intersect(PickedLines<A, true>{a}, PickedLines<B, true>{b}, root.rows()) &&
         intersect(PickedLines<A, false>{a}, PickedLines<B, false>{b}, root.cols());
}

/// Whether element (i, j) of one view is element (i, j) of the other, for all of them.
template <typename A, typename B>
bool are_same_elements(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols() || is_transposed<A> != is_transposed<B>) return false;
  if (!have_same_root(a, b)) return false;
  const auto equal = [](const auto& lines, const auto& others) {
    for (Eigen::Index i = 0; i < lines.count(); ++i) {
      if (lines[i] != others[i]) return false;
    }
    return true;
  };
  return equal(PickedLines<A, true>{a}, PickedLines<B, true>{b}) &&
         equal(PickedLines<A, false>{a}, PickedLines<B, false>{b});
}

template <typename A, typename B>
bool share_memory_impl(const A& a, const B& b) {
  if constexpr (has_memory<A> && has_memory<B>) {
    return overlap(extent_of(a), extent_of(b));
  } else if constexpr (has_root<A> && has_root<B>) {
    return share_elements(a, b);
  } else if constexpr (is_elementwise<B> && has_nested<B>) {
    return share_memory_impl(a, b.nestedExpression());
  } else if constexpr (is_elementwise<B>) {
    return share_memory_impl(a, b.lhs()) || share_memory_impl(a, b.rhs());
  } else {
    return any_leaf(b, [&](const auto& in_b) {
      return any_leaf(a, [&](const auto& in_a) { return overlap(extent_of(in_a), extent_of(in_b)); });
    });
  }
}

/// Whether `out` lies in memory that `in` reads. In doubt (a view of a map and the matrix that it maps) the answer is
/// yes.
template <typename Out, typename In>
bool share_memory(const Eigen::DenseBase<Out>& out, const Eigen::DenseBase<In>& in) {
  return share_memory_impl(out.derived(), in.derived());
}

template <typename A, typename B>
bool overlap_partially_impl(const A& a, const B& b) {
  if constexpr (has_memory<A> && has_memory<B>) {
    const MemoryExtent extent_a = extent_of(a);
    const MemoryExtent extent_b = extent_of(b);
    const bool same = std::is_same_v<typename A::Scalar, typename B::Scalar> && is_same(extent_a, extent_b);
    return !same && overlap(extent_a, extent_b);
  } else if constexpr (has_root<A> && has_root<B>) {
    return share_elements(a, b) && !are_same_elements(a, b);
  } else if constexpr (is_elementwise<B> && has_nested<B>) {
    return overlap_partially_impl(a, b.nestedExpression());
  } else if constexpr (is_elementwise<B>) {
    return overlap_partially_impl(a, b.lhs()) || overlap_partially_impl(a, b.rhs());
  } else {
    return share_memory_impl(a, b);
  }
}

/// Whether writing an element of `out` may change another element of `in` that is still to be read: they share memory,
/// and `in` is not `out` itself or computed from it element by element.
template <typename Out, typename In>
bool overlap_partially(const Eigen::DenseBase<Out>& out, const Eigen::DenseBase<In>& in) {
  return overlap_partially_impl(out.derived(), in.derived());
}

template <typename Out, typename In>
void require_disjoint(const char* function, const char* parameter, const Eigen::DenseBase<Out>& out,
                      const Eigen::DenseBase<In>& in) {
  require(!share_memory(out, in), function, parameter, "overlapping memory", "disjoint from what is read");
}

/// What is written to may not name an element twice: a Map whose rows overlap, an index view with a row twice.
template <typename View>
void require_no_self_overlap_impl(const char* function, const char* parameter, const View& x) {
  if constexpr (has_memory<View>) {
    constexpr bool by_rows = bool(View::IsRowMajor);
    StridedAxis axes[] = {{".innerStride()", by_rows ? x.cols() : x.rows(), x.innerStride()},
                          {".outerStride()", by_rows ? x.rows() : x.cols(), x.outerStride()}};
    require_nested_strides(function, parameter, axes, 1);
  } else if constexpr (has_root<View>) {
    const auto& root = root_of(x);
    const auto check = [&](const char* what, const auto& lines, Eigen::Index bound) {
      const Eigen::Index repeated = find_repeated(lines, bound);
      if (repeated < 0) return;
      refuse<std::invalid_argument>(function, parameter, what + std::to_string(lines[repeated]) + " twice",
                                    "a view that names each row and column once, as it is written to");
    };
    if (x.size() == 0) return;
    check("row ", PickedLines<View, true>{x}, root.rows());
    check("column ", PickedLines<View, false>{x}, root.cols());
    require_no_self_overlap_impl(function, parameter, root);
  } else if constexpr (has_nested<View>) {
    require_no_self_overlap_impl(function, parameter, x.nestedExpression());
  }
}

template <typename Out>
void require_no_self_overlap(const char* function, const char* parameter, const Eigen::DenseBase<Out>& out) {
  require_no_self_overlap_impl(function, parameter, out.derived());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_OVERLAP_HPP

// ---- posenc/detail/sin_cos.hpp
/// Cosine and sine of position * frequency for many frequencies at once, in double.
///
/// The plain loops have a constant trip count and no branch, so that gcc and clang turn them into vector code from
/// -O2 on. std::sin and std::cos do not vectorize: measured in benchmarks/, this is more than 15 times faster.
#ifndef POSENC_DETAIL_SIN_COS_HPP
#define POSENC_DETAIL_SIN_COS_HPP

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

/// The scalar twin of sin_cos(): one libm call per value, for angles of any size.
inline void sin_cos_libm(const double* frequency, double position, int count, double* cosine, double* sine) {
  for (int i = 0; i < count; ++i) {
    cosine[i] = std::cos(position * frequency[i]);
    sine[i] = std::sin(position * frequency[i]);
  }
}

/// cosine[i] = cos(position * frequency[i]) and the sine, for i < kAngleBlock; |position * frequency[i]| <= 2^24.
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
  const bool reducible = kReducesExactly && std::abs(position) * max_frequency <= kMaxReducedAngle;
  if (!reducible) return sin_cos_libm(frequency, position, count, cosine, sine);
  for (int i = 0; i < count; i += kAngleBlock) sin_cos_block(frequency + i, position, cosine + i, sine + i);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SIN_COS_HPP

// ---- posenc/frequency/table_options.hpp
/// How a cos/sin table lies in memory, and how its angles are formed.
#ifndef POSENC_FREQUENCY_TABLE_OPTIONS_HPP
#define POSENC_FREQUENCY_TABLE_OPTIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// How the cosines and sines of one position lie in memory: of a table of posenc, and of any other codebase's cache.
///
///     cos_sin     c0 c1 c2 .. | s0 s1 s2 ..                       one per pair, cosines first
///     sin_cos     s0 s1 s2 .. | c0 c1 c2 ..                       one per pair, sines first
///     paired      c0 s0 c1 s1 c2 s2 ..                            complex numbers
///     tiled       c0 c1 .. c0 c1 ..  |  s0 s1 .. s0 s1 ..         one per channel of half-split RoPE: torch.cat((f, f))
///     repeated    c0 c0 c1 c1 ..  |  s0 s0 s1 s1 ..               one per channel of interleaved RoPE:
///                                                                 torch.repeat_interleave(f, 2)
///
/// The bar is where the second half of a row begins in one array, and where the second array begins in two.
/// Tables of posenc are cos_sin (the default: best for half-split RoPE, good for interleaved), paired (best for
/// interleaved RoPE) or repeated (for kernels of the caller's own: x * cos + swapped(x) * (-+ sin)). Caches may have any
/// of the five. ChannelOrder uses the words cos_sin and sin_cos in the same sense.
enum class CosSinStorage { cos_sin, sin_cos, paired, tiled, repeated };

namespace detail {

/// What a message calls a storage.
inline const char* name_of(CosSinStorage storage) {
  switch (storage) {
    case CosSinStorage::cos_sin: return "cos_sin";
    case CosSinStorage::sin_cos: return "sin_cos";
    case CosSinStorage::paired: return "paired";
    case CosSinStorage::tiled: return "tiled";
    case CosSinStorage::repeated: return "repeated";
  }
  return "no storage";
}

}  // namespace detail

/// How the angle position * inv_freq is formed.
enum class AngleMode {
  exact,   ///< In double: right at any position.
  float32  ///< In float, as Hugging Face, vLLM and others do: reproduces their numbers, errors included.
};

/// What make_table() makes and fill_table() keeps.
struct TableOptions {
  CosSinStorage storage = CosSinStorage::cos_sin;  ///< cos_sin, paired or repeated.
  AngleMode angles = AngleMode::exact;
  Eigen::Index num_heads = 1;  ///< Heads with angles of their own. Only 1, shared by all heads, is implemented.
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_OPTIONS_HPP

// ---- posenc/frequency/table_rotation.hpp
/// TableRotation: a table and the sense in which RoPE rotates by it.
#ifndef POSENC_FREQUENCY_TABLE_ROTATION_HPP
#define POSENC_FREQUENCY_TABLE_ROTATION_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The sign of a rotation's angle.
enum class RotationSense {
  forward,  ///< R(t): position * inv_freq
  backward  ///< R(-t): its negative
};

/// What adjoint() and inverse() of a table return and apply_rope() takes: rotate by the angles of `table` in the sense
/// `Sense`, and multiply by `scale`.
///
/// It has no cosines and sines of its own: those of `table` are for the forward rotation.
/// @tparam Table  A FrequencyTableView of the table that it came from, or the FrequencyTable itself where that was a
///                temporary.
template <RotationSense Sense, typename Table>
struct TableRotation {
  static constexpr RotationSense sense = Sense;

  Table table;
  double scale;  ///< On top of the magnitude A that the table's numbers hold: 1 for the adjoint, 1/A^2 for the inverse.
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_ROTATION_HPP

// ---- posenc/frequency/frequency_table.hpp
/// FrequencyTable and FrequencyTableView: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_FREQUENCY_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

template <typename Scalar>
class FrequencyTable;
template <typename Scalar>
class FrequencyTableView;

namespace detail {

struct TableWriter;
struct CacheReader;

/// What a table knows about its numbers, whoever owns them.
struct TableFacts {
  Eigen::Index num_pairs = 0;
  Eigen::Index row_stride = 0;
  Eigen::Index pair_stride = 1;
  CosSinStorage storage = CosSinStorage::cos_sin;
  AngleMode angles = AngleMode::exact;
  double magnitude = 1;
  std::uint64_t id = 0;
  std::optional<std::int64_t> first_position = {};
};

}  // namespace detail

/// What FrequencyTable and FrequencyTableView have in common: rows x 1 x num_pairs cosines and sines.
///
/// @tparam Table    The type that derives from this one and says where the numbers are.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Table, typename Scalar_>
class FrequencyTableBase {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using ConstMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                              Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

  Eigen::Index num_pairs() const { return facts_.num_pairs; }
  /// Number of heads that have angles of their own: 1, as all heads share them.
  Eigen::Index num_heads() const { return 1; }
  /// Number of channels that rotate: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * facts_.num_pairs; }
  CosSinStorage storage() const { return facts_.storage; }
  /// How make_table() formed the angles and fill_table() will; exact for a wrapped cache, of which nothing is known.
  AngleMode angles() const { return facts_.angles; }
  /// A, which cos and sin have been multiplied by; 0 when the factor differs from entry to entry (xPos).
  double magnitude() const { return facts_.magnitude; }
  /// Identity of the frequencies and axes that the table was made of; 0 when unknown, as for a wrapped cache. A float32
  /// table has another one than the exact table of the same frequencies, because its angles do not add up.
  std::uint64_t id() const { return facts_.id; }
  /// The position of row 0 in a table that was made of consecutive positions: row r holds position *first_position() +
  /// r. Empty for lists of positions, for several axes and for a wrapped cache.
  std::optional<std::int64_t> first_position() const { return facts_.first_position; }

  /// All cosines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  ConstMap cos() const { return map(table().cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  ConstMap sin() const { return map(table().rows() == 0 ? table().cos_data(0) : table().sin_data(0)); }

  /// Entry (row, pair) is at cos_data(row)[pair * pair_stride()], and likewise for the sine.
  Eigen::Index row_stride() const { return facts_.row_stride; }
  Eigen::Index pair_stride() const { return facts_.pair_stride; }

 protected:
  FrequencyTableBase() = default;
  explicit FrequencyTableBase(const detail::TableFacts& facts) : facts_(facts) {}

  double inverse_scale() const {
    const double a = magnitude();
    detail::require(a > 0, "FrequencyTable::inverse", "magnitude()", a,
                    "> 0 (the inverse of an xPos table is the adjoint of its counterpart)");
    return 1.0 / (a * a);
  }

  detail::TableFacts facts_;

 private:
  const Table& table() const { return static_cast<const Table&>(*this); }
  ConstMap map(const Scalar* data) const {
    return ConstMap(data, table().rows(), num_pairs(),
                    Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(row_stride(), pair_stride()));
  }
};

/// Refers to cosines and sines that lie elsewhere: in another codebase's cache (wrap_cache()) or in a FrequencyTable
/// (its view()). Whatever it refers to must outlive it. Copying copies the reference.
template <typename Scalar>
class FrequencyTableView : public FrequencyTableBase<FrequencyTableView<Scalar>, Scalar> {
  using Base = FrequencyTableBase<FrequencyTableView<Scalar>, Scalar>;

 public:
  /// Refers to strided memory: entry (row, pair) at row * row_stride + pair * pair_stride of each pointer. wrap_cache()
  /// takes the usual caches.
  /// @param pair_stride  1 or 2.
  /// @param magnitude    A, which cos and sin have been multiplied by: finite and > 0.
  /// @throws std::invalid_argument  a null pointer with rows > 0; rows < 0; num_pairs <= 0 or > 2^23; magnitude or
  ///                                pair_stride other than said; rows that overlap.
  /// @throws std::length_error      rows that do not fit into memory's index type.
  FrequencyTableView(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index num_pairs,
                     Eigen::Index row_stride, Eigen::Index pair_stride, double magnitude)
      : rows_(rows), cos_(cos), sin_(sin) {
    const char* const function = "FrequencyTableView";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    detail::require(pair_stride == 1 || pair_stride == 2, function, "pair_stride", pair_stride, "1 or 2");
    detail::require(rows <= 1 || row_stride >= (num_pairs - 1) * pair_stride + 1, function, "row_stride", row_stride,
                    "at least ", (num_pairs - 1) * pair_stride + 1);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(rows == 0 || cos != nullptr, function, "cos", "null", "a valid pointer");
    detail::require(rows == 0 || sin != nullptr, function, "sin", "null", "a valid pointer");
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
    this->facts_.num_pairs = num_pairs;
    this->facts_.row_stride = row_stride;
    this->facts_.pair_stride = pair_stride;
    this->facts_.storage = pair_stride == 1                   ? CosSinStorage::cos_sin
                           : cos != nullptr && sin == cos + 1 ? CosSinStorage::paired
                                                              : CosSinStorage::repeated;
    this->facts_.magnitude = magnitude;
  }

  Eigen::Index rows() const { return rows_; }
  const Scalar* cos_data(Eigen::Index row) const { return cos_ + row * this->row_stride(); }
  const Scalar* sin_data(Eigen::Index row) const { return sin_ + row * this->row_stride(); }

  /// Itself, so that code for either kind of table can ask for a view.
  FrequencyTableView view() const { return *this; }
  /// The gradient of the rotation, A R(-t), for apply_rope(): takes dL/d(output) to dL/d(input).
  TableRotation<RotationSense::backward, FrequencyTableView> adjoint() const { return {*this, 1.0}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1.
  /// @throws std::invalid_argument  magnitude() is 0: an xPos table.
  TableRotation<RotationSense::backward, FrequencyTableView> inverse() const { return {*this, this->inverse_scale()}; }

 private:
  friend class FrequencyTable<Scalar>;
  friend struct detail::CacheReader;
  FrequencyTableView(const detail::TableFacts& facts, const Scalar* cos, const Scalar* sin, Eigen::Index rows)
      : Base(facts), rows_(rows), cos_(cos), sin_(sin) {}

  Eigen::Index rows_;
  const Scalar* cos_;
  const Scalar* sin_;
};

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Owns its numbers, in rows that are padded and aligned to Eigen's widest packet. make_table() makes one, fill_table()
/// writes it anew. A table that was moved from has no rows. Const access from many threads is safe.
template <typename Scalar>
class FrequencyTable : public FrequencyTableBase<FrequencyTable<Scalar>, Scalar> {
 public:
  /// A table of zeros for fill_table() to write.
  /// @throws std::invalid_argument  rows < 0; num_pairs <= 0 or > 2^23; options.storage other than cos_sin, paired or
  ///                                repeated; options.num_heads other than 1.
  /// @throws std::length_error      the table does not fit into memory's index type.
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options = {})
      : FrequencyTable(rows, num_pairs, options, Unset{}) {
    numbers_.setZero();
  }

  FrequencyTable(const FrequencyTable&) = default;
  FrequencyTable(FrequencyTable&&) = default;
  FrequencyTable& operator=(const FrequencyTable&) = default;
  FrequencyTable& operator=(FrequencyTable&& other) noexcept {
    FrequencyTable taken(std::move(other));
    numbers_.swap(taken.numbers_);
    this->facts_ = taken.facts_;
    sin_offset_ = taken.sin_offset_;
    return *this;
  }

  Eigen::Index rows() const { return numbers_.rows(); }
  const Scalar* cos_data(Eigen::Index row) const { return numbers_.data() + row * this->row_stride(); }
  const Scalar* sin_data(Eigen::Index row) const { return numbers_.data() + sin_offset_ + row * this->row_stride(); }

  /// A view of all of the table, which must outlive it.
  FrequencyTableView<Scalar> view() const& {
    return {this->facts_, cos_data(0), rows() == 0 ? cos_data(0) : sin_data(0), rows()};
  }
  FrequencyTableView<Scalar> view() const&& = delete;
  /// The gradient of the rotation, A R(-t), for apply_rope(): takes dL/d(output) to dL/d(input). Refers to the table.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> adjoint() const& { return view().adjoint(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> adjoint() && { return {std::move(*this), 1.0}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1. Refers to the
  /// table.
  /// @throws std::invalid_argument  magnitude() is 0: an xPos table.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> inverse() const& { return view().inverse(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> inverse() && {
    const double scale = this->inverse_scale();
    return {std::move(*this), scale};
  }

 private:
  /// A table whose numbers are yet to be written, padding included.
  struct Unset {};
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options, Unset) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    const bool paired = options.storage == CosSinStorage::paired;
    const bool repeated = options.storage == CosSinStorage::repeated;
    detail::require(paired || repeated || options.storage == CosSinStorage::cos_sin, function, "options.storage",
                    detail::name_of(options.storage), "cos_sin, paired or repeated");
    detail::require(options.num_heads == 1, function, "options.num_heads", options.num_heads,
                    "1 (angles of each head's own are not implemented)");
    const Eigen::Index plane = padded(num_pairs) * (paired || repeated ? 2 : 1);
    sin_offset_ = paired ? 1 : plane;
    this->facts_.num_pairs = num_pairs;
    this->facts_.row_stride = paired ? plane : 2 * plane;
    this->facts_.pair_stride = paired || repeated ? 2 : 1;
    this->facts_.storage = options.storage;
    this->facts_.angles = options.angles;
    detail::require_size(function, "rows", rows, this->facts_.row_stride, sizeof(Scalar));
    numbers_.resize(rows, this->facts_.row_stride);
  }

  static Eigen::Index padded(Eigen::Index size) {
    constexpr Eigen::Index packet = (std::max)(static_cast<Eigen::Index>(EIGEN_MAX_ALIGN_BYTES / sizeof(Scalar)),
                                               static_cast<Eigen::Index>(detail::kAngleBlock));
    return (size + packet - 1) / packet * packet;
  }

  friend struct detail::TableWriter;

  Eigen::Index sin_offset_ = 0;
  Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> numbers_;
};

namespace detail {

/// Whether T is a FrequencyTable or a FrequencyTableView: what functions that read a table take, as `const T&`.
template <typename T>
inline constexpr bool is_frequency_table = false;
template <typename Scalar>
inline constexpr bool is_frequency_table<FrequencyTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_frequency_table<FrequencyTableView<Scalar>> = true;

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCY_TABLE_HPP

// ---- posenc/frequency/cos_sin_cache.hpp
/// wrap_cache() and write_cache(): the cos/sin caches of other codebases, read in place and written.
#ifndef POSENC_FREQUENCY_COS_SIN_CACHE_HPP
#define POSENC_FREQUENCY_COS_SIN_CACHE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Values that a cache holds for each cosine.
inline Eigen::Index copies_of(CosSinStorage storage) {
  return storage == CosSinStorage::tiled || storage == CosSinStorage::repeated ? 2 : 1;
}

/// The pair whose value is entry j of all cosines of one position.
inline Eigen::Index pair_at(CosSinStorage storage, Eigen::Index j, Eigen::Index num_pairs) {
  return storage == CosSinStorage::repeated ? j / 2 : j % num_pairs;
}

inline void require_two_arrays(const char* function, CosSinStorage storage) {
  require(storage != CosSinStorage::sin_cos && storage != CosSinStorage::paired, function, "storage", name_of(storage),
          "cos_sin, tiled or repeated for a cache in two arrays");
}

struct CacheReader {
  /// Whether both copies of each value have the same bits.
  template <typename Scalar>
  static bool copies_agree(const Scalar* row, CosSinStorage storage, Eigen::Index num_pairs) {
    if (storage == CosSinStorage::tiled) {
      return std::memcmp(row, row + num_pairs, static_cast<std::size_t>(num_pairs) * sizeof(Scalar)) == 0;
    }
    for (Eigen::Index i = 0; i < num_pairs; ++i) {
      if (std::memcmp(row + 2 * i, row + 2 * i + 1, sizeof(Scalar)) != 0) return false;
    }
    return true;
  }

  template <typename Scalar>
  static void require_copies_agree(const char* parameter, const Scalar* values, Eigen::Index rows,
                                   const TableFacts& facts) {
    if (copies_of(facts.storage) == 1) return;
    for (Eigen::Index row = 0; row < rows; ++row) {
      if (copies_agree(values + row * facts.row_stride, facts.storage, facts.num_pairs)) continue;
      refuse<std::invalid_argument>("wrap_cache", parameter, "a difference in row " + std::to_string(row),
                                    facts.storage == CosSinStorage::tiled ? "equal in both halves of a row (tiled)"
                                                                          : "equal in both of a pair (repeated)");
    }
  }

  static TableFacts facts(Eigen::Index rows, Eigen::Index rotary_dim, CosSinStorage storage, double magnitude) {
    const char* const function = "wrap_cache";
    require(rows >= 0, function, "rows", rows, ">= 0");
    require_rotary_dim(function, "rotary_dim", rotary_dim);
    require(is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
    TableFacts facts;
    facts.num_pairs = rotary_dim / 2;
    facts.row_stride = facts.num_pairs * copies_of(storage);
    facts.pair_stride = storage == CosSinStorage::paired || storage == CosSinStorage::repeated ? 2 : 1;
    facts.storage = storage;
    facts.magnitude = magnitude;
    return facts;
  }

  template <typename Scalar>
  static FrequencyTableView<Scalar> wrap(const Scalar* cache, Eigen::Index rows, TableFacts facts) {
    require(rows == 0 || cache != nullptr, "wrap_cache", "cache", "null", "a valid pointer");
    const Eigen::Index plane = cache == nullptr ? 0 : facts.storage == CosSinStorage::paired ? 1 : facts.row_stride;
    facts.row_stride *= 2;
    require_size("wrap_cache", "rows", rows, facts.row_stride, sizeof(Scalar));
    require_copies_agree("cosines of cache", cache, rows, facts);
    require_copies_agree("sines of cache", cache + plane, rows, facts);
    const bool sines_first = facts.storage == CosSinStorage::sin_cos;
    return {facts, cache + (sines_first ? plane : 0), cache + (sines_first ? 0 : plane), rows};
  }

  template <typename Scalar>
  static FrequencyTableView<Scalar> wrap(const Scalar* cos, const Scalar* sin, Eigen::Index rows,
                                         const TableFacts& facts) {
    require(rows == 0 || cos != nullptr, "wrap_cache", "cos", "null", "a valid pointer");
    require(rows == 0 || sin != nullptr, "wrap_cache", "sin", "null", "a valid pointer");
    require_two_arrays("wrap_cache", facts.storage);
    require_size("wrap_cache", "rows", rows, facts.row_stride, sizeof(Scalar));
    require_copies_agree("cos", cos, rows, facts);
    require_copies_agree("sin", sin, rows, facts);
    return {facts, cos, sin, rows};
  }
};

/// Whether arguments begin with a pointer and name the storage: what wrap_cache() needs.
template <typename... Given>
inline constexpr bool is_wrap_call = false;
template <typename First, typename... Given>
inline constexpr bool is_wrap_call<First, Given...> = std::is_pointer_v<std::decay_t<First>> &&
                                                      (std::is_same_v<Given, CosSinStorage> || ...);

}  // namespace detail

/// Reads another codebase's cos/sin cache in place: a view for apply_rope(), without a copy.
///
/// One array: vLLM `cos_sin_cache` is cos_sin; GPT-J `embed_positions` and timm are sin_cos; complex `freqs_cis` of
/// Meta's Llama code and ggml are paired.
/// @param cache       `rows` rows without gaps: rotary_dim values each, or 2 rotary_dim where the storage holds two
///                    copies of each number (tiled, repeated). It must outlive the view.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Number of channels that rotate, even and > 0.
/// @param storage     How a row lies in memory.
/// @param magnitude   The attention factor A that the cache was multiplied by; inverse() divides by its square.
/// @throws std::invalid_argument  one of these does not hold; `cache` is null with rows > 0; the two copies of a number
///                                differ (tiled, repeated), because only one of them would be used.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none for cos_sin, sin_cos and paired; tiled and repeated read the whole cache once to compare the copies
///           (bench_frequency: wrap_cache).
template <typename Scalar>
FrequencyTableView<Scalar> wrap_cache(const Scalar* cache, Eigen::Index rows, Eigen::Index rotary_dim,
                                      CosSinStorage storage, double magnitude = 1.0) {
  return detail::CacheReader::wrap(cache, rows, detail::CacheReader::facts(rows, rotary_dim, storage, magnitude));
}

/// @overload
/// A cache in two arrays: ONNX RotaryEmbedding, flash-attention and gpt-oss are cos_sin; Hugging Face is tiled in
/// half-split models and repeated in interleaved ones (Cohere); CTranslate2 is repeated.
/// @param cos, sin    `rows` rows without gaps: rotary_dim / 2 values each (cos_sin), or rotary_dim (tiled, repeated).
///                    Both must outlive the view.
/// @param rotary_dim  Number of channels that rotate, whatever the row length.
/// @throws std::invalid_argument  besides those above: sin_cos or paired, which are storages of one array.
template <typename Scalar>
FrequencyTableView<Scalar> wrap_cache(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index rotary_dim,
                                      CosSinStorage storage, double magnitude = 1.0) {
  return detail::CacheReader::wrap(cos, sin, rows, detail::CacheReader::facts(rows, rotary_dim, storage, magnitude));
}

/// @overload
/// Says what the arguments are.
template <typename... Given, std::enable_if_t<!detail::is_wrap_call<Given...>, int> = 0>
FrequencyTableView<float> wrap_cache(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write wrap_cache(data, rows, rotary_dim, storage) or wrap_cache(cos, sin, rows, rotary_dim, "
      "storage), with pointers to the first number, and CosSinStorage::cos_sin, paired, tiled, ... for how the "
      "numbers lie");
  std::abort();
}

/// Writes a table as another codebase's cache in one array, rounding each entry to `cache`'s scalar.
///
/// For a half or bfloat16 cache that is rounded only once, make the table of that scalar.
/// @param[out] cache  table.rows() x table.rotary_dim(), or x 2 table.rotary_dim() (tiled, repeated); any writable
///                    Eigen expression.
/// @param table       A FrequencyTable or a view of one.
/// @param storage     How a row is to lie in memory; see wrap_cache() for who has which.
/// @throws std::invalid_argument  another shape; null data; a cache that overlaps itself or the table. `cache` is
///                                then unchanged.
/// Cost:     one rounding and one store for each value, element by element; no allocation
///           (bench_frequency: write_cache).
/// Matches:  see wrap_cache().
template <typename Cache, typename Table, std::enable_if_t<detail::is_frequency_table<Table>, int> = 0>
void write_cache(Cache&& cache, const Table& table, CosSinStorage storage) {
  const char* const function = "write_cache";
  auto& target = detail::written(std::forward<Cache>(cache));
  using Target = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index plane = n * detail::copies_of(storage);
  detail::require_shape(function, "cache", target, table.rows(), 2 * plane);
  detail::require_no_self_overlap(function, "cache", target);
  const auto cos = table.cos();
  const auto sin = table.sin();
  detail::require_disjoint(function, "cache", target, cos);
  detail::require_disjoint(function, "cache", target, sin);
  const bool paired = storage == CosSinStorage::paired;
  const Eigen::Index first_cos = storage == CosSinStorage::sin_cos ? plane : 0;
  const Eigen::Index first_sin = paired ? 1 : plane - first_cos;
  const Eigen::Index step = paired ? 2 : 1;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < plane; ++j) {
      const Eigen::Index pair = detail::pair_at(storage, j, n);
      target.coeffRef(row, first_cos + step * j) = detail::convert<Target>(cos(row, pair));
      target.coeffRef(row, first_sin + step * j) = detail::convert<Target>(sin(row, pair));
    }
  }
}

/// @overload
/// A cache in two arrays, each rounded to its own scalar.
/// @param[out] cos, sin  table.rows() x table.num_pairs() (cos_sin), or x table.rotary_dim() (tiled, repeated).
/// @throws std::invalid_argument  besides those above: sin_cos or paired, which are storages of one array; memory that
///                                overlaps each other's. Both are then unchanged.
template <typename Cos, typename Sin, typename Table, std::enable_if_t<detail::is_frequency_table<Table>, int> = 0>
void write_cache(Cos&& cos, Sin&& sin, const Table& table, CosSinStorage storage) {
  const char* const function = "write_cache";
  auto& cos_target = detail::written(std::forward<Cos>(cos));
  using CosScalar = typename std::decay_t<decltype(cos_target)>::Scalar;
  auto& sin_target = detail::written(std::forward<Sin>(sin));
  using SinScalar = typename std::decay_t<decltype(sin_target)>::Scalar;
  detail::require_two_arrays(function, storage);
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index columns = n * detail::copies_of(storage);
  detail::require_shape(function, "cos", cos_target, table.rows(), columns);
  detail::require_shape(function, "sin", sin_target, table.rows(), columns);
  detail::require_no_self_overlap(function, "cos", cos_target);
  detail::require_no_self_overlap(function, "sin", sin_target);
  const auto table_cos = table.cos();
  const auto table_sin = table.sin();
  detail::require_disjoint(function, "cos", cos_target, table_cos);
  detail::require_disjoint(function, "cos", cos_target, table_sin);
  detail::require_disjoint(function, "sin", sin_target, table_cos);
  detail::require_disjoint(function, "sin", sin_target, table_sin);
  detail::require_disjoint(function, "sin", sin_target, cos_target);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Eigen::Index pair = detail::pair_at(storage, j, n);
      cos_target.coeffRef(row, j) = detail::convert<CosScalar>(table_cos(row, pair));
      sin_target.coeffRef(row, j) = detail::convert<SinScalar>(table_sin(row, pair));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_COS_SIN_CACHE_HPP

// ---- posenc/detail/positions_in_braces.hpp
/// What a parameter is declared as where bare braces may be typed: `add_learned(x, table, {7, 9})` reaches a sentence.
#ifndef POSENC_DETAIL_POSITIONS_IN_BRACES_HPP
#define POSENC_DETAIL_POSITIONS_IN_BRACES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Made from anything in braces. Any other argument fits a template better.
struct PositionsInBraces {
  template <typename... Numbers>
  PositionsInBraces(const Numbers&...) {}
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_POSITIONS_IN_BRACES_HPP

// ---- posenc/detail/angles.hpp
/// The generator behind every table and every sinusoid: cos and sin of position * inv_freq, row by row, in double.
#ifndef POSENC_DETAIL_ANGLES_HPP
#define POSENC_DETAIL_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether |position| * fastest is a number, in the arithmetic that forms the angle.
inline bool has_finite_angle(double fastest, bool float32, double position) {
  if (float32) return is_finite(static_cast<double>(static_cast<float>(position) * static_cast<float>(fastest)));
  return is_finite(position * fastest);
}

/// Refuses positions whose angles are not finite, because their cosines would be NaN. `fastest` is the largest
/// frequency. Integers are looked at only where the largest position would be refused.
template <typename Positions>
void require_finite_angles(const char* function, double fastest, bool float32, const Positions& positions) {
  using Position = std::decay_t<decltype(positions[0])>;
  if (std::is_integral_v<Position> && has_finite_angle(fastest, float32, static_cast<double>(kMaxPosition))) return;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    const double position = static_cast<double>(positions[i]);
    if (has_finite_angle(fastest, float32, position)) continue;
    refuse<std::out_of_range>(function, element("positions", i), position,
                              "such that position * frequency is finite (the largest frequency is ", fastest, ")");
  }
}

/// How many pairs for_each_angle() holds on the stack at a time.
inline constexpr int kAngleChunk = 64;

/// for_each_angle() for the `count` <= kAngleChunk pairs of `frequency`, which is filled up with finite values to a
/// multiple of kAngleBlock. `fastest` is the largest frequency of the whole encoding, which settles how angles are
/// reduced: the bits of a pair do not depend on the pairs beside it.
template <typename Positions, typename Sink>
void for_each_angle_of_chunk(const double* frequency, int count, double fastest, double magnitude,
                             const Positions& positions, Sink&& sink) {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double offset_cos[kAnchorStep + 1][kAngleChunk];  // the last row is for fractional offsets
  alignas(64) double offset_sin[kAnchorStep + 1][kAngleChunk];

  const int padded = (count + kAngleBlock - 1) / kAngleBlock * kAngleBlock;
  double anchor = -1;               // none yet
  std::uint32_t known_offsets = 0;  // bit k: row k of the offsets is filled
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const SplitPosition position = split_position(positions[row]);
    if (position.anchor != anchor) {
      anchor = position.anchor;
      sin_cos(frequency, fastest, anchor, padded, anchor_cos, anchor_sin);
      if (magnitude != 1) {
        for (int i = 0; i < padded; ++i) anchor_cos[i] *= magnitude;
        for (int i = 0; i < padded; ++i) anchor_sin[i] *= magnitude;
      }
    }
    int k = static_cast<int>(position.offset);
    const bool whole = position.offset == k;
    if (!whole) k = kAnchorStep;
    if (!whole || (known_offsets >> k & 1u) == 0) {
      sin_cos(frequency, fastest, position.offset, padded, offset_cos[k], offset_sin[k]);
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
      sink(row, first, (std::min)(kAngleBlock, count - first), cosine, sine);
    }
  }
}

/// Calls sink(row, first_pair, count, cosines, sines) for all rows and the pairs begin ... end - 1, kAngleBlock pairs
/// at a time.
///
/// `cosines` and `sines` point to kAngleBlock doubles, of which `count` are meant; the rest is finite padding.
///
/// Each value is one product of two exact rotations, |position| = anchor + offset: the anchors are every 16th
/// position, the offsets 0 ... 15. A run of positions thus costs one evaluation for 16 rows and otherwise two
/// multiply-adds for each value, and a position always gives the same bits, whatever call it comes from.
/// Accuracy: magnitude * (2^-51 + |position * inv_freq| 2^-52).
/// @param frequencies  Has inv_freq(), num_pairs() and fastest(): a posenc::Frequencies.
/// @param magnitude    Factor on both outputs; that of `frequencies` does not count.
/// @param positions    Has rows() and operator[], int64 or double.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, Eigen::Index begin, Eigen::Index end, double magnitude,
                    const Positions& positions, Sink&& sink) {
  const Eigen::ArrayXd& inv_freq = frequencies.inv_freq();
  alignas(64) double padded_frequency[kAngleChunk];
  for (Eigen::Index first_pair = begin; first_pair < end; first_pair += kAngleChunk) {
    const int count = static_cast<int>((std::min)(Eigen::Index(kAngleChunk), end - first_pair));
    const double* frequency = inv_freq.data() + first_pair;
    if (count % kAngleBlock != 0) {
      std::fill(std::copy_n(frequency, count, padded_frequency), padded_frequency + kAngleChunk, 0.0);
      frequency = padded_frequency;
    }
    for_each_angle_of_chunk(frequency, count, frequencies.fastest(), magnitude, positions,
                            [&](Eigen::Index row, Eigen::Index pair, int pairs, const double* cosine,
                                const double* sine) { sink(row, first_pair + pair, pairs, cosine, sine); });
  }
}

/// The same for all pairs.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, double magnitude, const Positions& positions, Sink&& sink) {
  for_each_angle(frequencies, 0, frequencies.num_pairs(), magnitude, positions, std::forward<Sink>(sink));
}

/// `value`, a cos or sin right to an ulp of double, to float. Two roundings differ from one only where `value` is within
/// an ulp of the middle of two floats, and there `recompute()` gives it in long double.
template <typename Recompute>
float round_near_middle(double value, Recompute&& recompute) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  constexpr std::uint64_t middle = std::uint64_t(1) << 28;  // of the 29 bits that float does not have
  const std::uint64_t cut_off = bits & (2 * middle - 1);
  if (cut_off - (middle - 1) <= 2) return static_cast<float>(recompute());
  return static_cast<float>(value);
}

/// The float32 pipeline of frameworks that form the angle in float: the product float(position) * float(inv_freq)
/// rounded to float, then cos and sin of that float, rounded to float. Same calls to `sink` as for_each_angle(); the
/// values are floats (and so is their product with `magnitude`), held in double.
template <typename Positions, typename Sink>
void for_each_float32_angle(const double* inv_freq, Eigen::Index num_pairs, double magnitude,
                            const Positions& positions, Sink&& sink) {
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const float position = static_cast<float>(positions[row]);
    for (Eigen::Index first = 0; first < num_pairs; first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), num_pairs - first));
      double cosine[kAngleBlock] = {};
      double sine[kAngleBlock] = {};
      for (int i = 0; i < count; ++i) {
        const float angle = position * static_cast<float>(inv_freq[first + i]);
        const double in_double = static_cast<double>(angle);
        const long double wide = static_cast<long double>(angle);
        cosine[i] =
            round_near_middle(std::cos(in_double), [=] { return std::cos(wide); }) * static_cast<float>(magnitude);
        sine[i] =
            round_near_middle(std::sin(in_double), [=] { return std::sin(wide); }) * static_cast<float>(magnitude);
      }
      sink(row, first, count, cosine, sine);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLES_HPP

// ---- posenc/detail/cast_packet.hpp
/// Half types from and to float, a vector register at a time: the instructions that compilers do not find.
///
/// half: compilers do not know the conversions, and neither does Eigen 3.4.0 with gcc. bfloat16: for AVX-512, gcc makes
/// registers of half the width, whose values the next instruction of full width then waits for. bench_rope has both
/// beside the naive loop (`half`, `bfloat16`).
#ifndef POSENC_DETAIL_CAST_PACKET_HPP
#define POSENC_DETAIL_CAST_PACKET_HPP

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

#if defined(__AVX512F__)

inline constexpr int kCastPacket = 16;  // values that cast_packet() converts

inline void cast_packet(float* to, const Eigen::half* from) {
  _mm512_storeu_ps(to, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
}

inline void cast_packet(Eigen::half* to, const float* from) {
  const __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves);
}

inline void cast_packet(float* to, const Eigen::bfloat16* from) {
  const __m512i upper = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  _mm512_storeu_ps(to, _mm512_castsi512_ps(_mm512_slli_epi32(upper, 16)));
}

inline void cast_packet(Eigen::bfloat16* to, const float* from) {  // as round_to_bfloat16()
  const __m512 values = _mm512_loadu_ps(from);
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i middle = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i nearest = _mm512_srli_epi32(_mm512_add_epi32(bits, middle), 16);
  const __m512i not_a_number = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_mov_epi32(nearest, is_nan, not_a_number);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(result));
}

#elif defined(__F16C__)

inline constexpr int kCastPacket = 8;

inline void cast_packet(float* to, const Eigen::half* from) {
  _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}

inline void cast_packet(Eigen::half* to, const float* from) {
  const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), halves);
}

#else

inline constexpr int kCastPacket = 1;

#endif

template <typename To, typename From, typename = void>
inline constexpr bool has_cast_packet = false;
template <typename To, typename From>
inline constexpr bool
    has_cast_packet<To, From, decltype(cast_packet(static_cast<To*>(nullptr), static_cast<const From*>(nullptr)))> =
        true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CAST_PACKET_HPP

// ---- posenc/detail/vector_code.hpp
/// What compilers must be told so that plain loops and Eigen expressions become good vector code.
#ifndef POSENC_DETAIL_VECTOR_CODE_HPP
#define POSENC_DETAIL_VECTOR_CODE_HPP

// In front of a function: one of its own, into which everything is inlined. In a larger one compilers call Eigen's
// assignments of blocks, or keep a block in memory, and how fast it runs depends on the code around the call.
#if defined(__GNUC__)
#define POSENC_KERNEL __attribute__((noinline, flatten))
#else
#define POSENC_KERNEL
#endif

// In front of a short loop: gcc unrolls those before it looks for loops to make vector code of.
#if defined(__GNUC__) && !defined(__clang__)
#define POSENC_VECTOR_LOOP _Pragma("GCC unroll 1")
#else
#define POSENC_VECTOR_LOOP
#endif

#endif  // POSENC_DETAIL_VECTOR_CODE_HPP

// ---- posenc/detail/cast.hpp
/// Blocks of one storage scalar as another, rounded once.
#ifndef POSENC_DETAIL_CAST_HPP
#define POSENC_DETAIL_CAST_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

// bfloat16 is the upper half of float. Eigen's own conversions branch, and compilers make no vector code of them.

inline float widen(Eigen::bfloat16 value) {
  std::uint16_t upper;
  std::memcpy(&upper, &value, sizeof upper);
  const std::uint32_t bits = std::uint32_t{upper} << 16;
  float number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

/// Rounds to nearest even. A NaN keeps its sign.
inline Eigen::bfloat16 round_to_bfloat16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t odd = bits >> 16 & 1;
  const std::uint32_t nearest = (bits + 0x7fff + odd) >> 16;
  const std::uint32_t not_a_number = bits >> 16 | 0x40;
  const std::uint16_t upper = static_cast<std::uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? not_a_number : nearest);
  Eigen::bfloat16 number;
  std::memcpy(static_cast<void*>(&number), &upper, sizeof number);
  return number;
}

/// The scalar twin of cast_block().
template <typename To, typename From>
To cast_scalar(const From& value) {
  if constexpr (is_half<To> && std::is_same_v<From, double>) {
    return round_to<To>(value);
  } else if constexpr (std::is_same_v<From, Eigen::bfloat16> && std::is_same_v<To, float>) {
    return widen(value);
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, Eigen::bfloat16>) {
    return round_to_bfloat16(value);
  } else if constexpr (is_half<From> && !std::is_same_v<To, float> && !std::is_same_v<To, From>) {
    return static_cast<To>(cast_scalar<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Whose numbers lie in a buffer. Half types of `foreign` buffers are read and written through bytes, because another
/// library may keep them there under a type of its own (as_half()), and the compiler must not conclude from the types
/// that they do not change.
enum class Buffer { own, foreign };

/// What lies at `from`.
template <Buffer Kind, typename Scalar>
EIGEN_ALWAYS_INLINE Scalar read_scalar(const Scalar* from) {
  if constexpr (Kind == Buffer::foreign && is_half<Scalar>) {
    Scalar value;
    std::memcpy(static_cast<void*>(&value), static_cast<const void*>(from), sizeof value);
    return value;
  } else {
    return *from;
  }
}

/// Writes `value` to `to`.
template <Buffer Kind, typename Scalar>
EIGEN_ALWAYS_INLINE void write_scalar(Scalar* to, const Scalar& value) {
  if constexpr (Kind == Buffer::foreign && is_half<Scalar>) {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(&value), sizeof value);
  } else {
    *to = value;
  }
}

/// to[i] = from[i] for Count values; `to` and `from` are disjoint. By cast_packet() where there is one, otherwise loops
/// that compilers make vector code of. Eigen's cast() converts half types one by one.
template <int Count, Buffer Kind = Buffer::own, typename To, typename From>
EIGEN_ALWAYS_INLINE void cast_block(To* to, const From* from) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), Count * sizeof(To));
  } else if constexpr (is_half<To> && std::is_same_v<From, double>) {
    float odd[Count];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < Count; ++i) odd[i] = round_to_odd(from[i]);
    cast_block<Count, Kind>(to, odd);
  } else if constexpr (is_half<From> && !std::is_same_v<To, float>) {
    float floats[Count];
    cast_block<Count, Kind>(floats, from);
    cast_block<Count, Kind>(to, floats);
  } else {
    int i = 0;
    if constexpr (has_cast_packet<To, From>) {
      for (; i + kCastPacket <= Count; i += kCastPacket) cast_packet(to + i, from + i);
    }
    POSENC_VECTOR_LOOP
    for (; i < Count; ++i) write_scalar<Kind>(to + i, cast_scalar<To>(read_scalar<Kind>(from + i)));
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CAST_HPP

// ---- posenc/frequency/table_writer.hpp
/// How make_table(), and the headers that make tables by rules of their own (xPos), write a FrequencyTable.
#ifndef POSENC_FREQUENCY_TABLE_WRITER_HPP
#define POSENC_FREQUENCY_TABLE_WRITER_HPP

namespace posenc {
inline namespace POSENC_ABI {

class AxisMap;

namespace detail {

/// Whether fill_table() may write `rows` positions, named `count`, into `table`.
template <typename Scalar>
void require_fillable(const FrequencyTable<Scalar>& table, const Frequencies& frequencies, const char* count,
                      Eigen::Index rows) {
  const char* const function = "fill_table";
  require(table.num_pairs() == frequencies.num_pairs(), function, "frequencies.num_pairs()", frequencies.num_pairs(),
          "table.num_pairs() ", table.num_pairs());
  require(table.rows() == rows, function, count, rows, "table.rows() ", table.rows());
}

struct TableWriter {
  /// Writes whole blocks: rows are padded for it. `Storage` is fixed so that the loops become plain vector stores.
  template <CosSinStorage Storage, typename Scalar>
  static void write_block(Scalar* row, Eigen::Index sin_offset, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    constexpr int step = Storage == CosSinStorage::cos_sin ? 1 : 2;
    Scalar* const to_cos = row + step * pair;
    Scalar* const to_sin = row + sin_offset + step * pair;
    if constexpr (Storage == CosSinStorage::cos_sin) {
      cast_block<kAngleBlock>(to_cos, cosine);
      cast_block<kAngleBlock>(to_sin, sine);
    } else {
      Scalar c[kAngleBlock];  // rounded before memory is touched: every loop becomes vector code
      Scalar s[kAngleBlock];
      cast_block<kAngleBlock>(c, cosine);
      cast_block<kAngleBlock>(s, sine);
      constexpr bool paired = Storage == CosSinStorage::paired;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) {
        to_cos[2 * i] = c[i];
        to_cos[2 * i + 1] = paired ? s[i] : c[i];
      }
      if (paired) return;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) to_sin[2 * i] = to_sin[2 * i + 1] = s[i];
    }
  }

  /// One block of a row, for other writers.
  template <typename Scalar>
  static void write_block(FrequencyTable<Scalar>& table, Eigen::Index row, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    Scalar* const data = table.numbers_.data() + row * table.row_stride();
    switch (table.storage()) {
      case CosSinStorage::cos_sin:
        return write_block<CosSinStorage::cos_sin>(data, table.sin_offset_, pair, cosine, sine);
      case CosSinStorage::paired:
        return write_block<CosSinStorage::paired>(data, table.sin_offset_, pair, cosine, sine);
      default: return write_block<CosSinStorage::repeated>(data, table.sin_offset_, pair, cosine, sine);
    }
  }

  /// Zeros where no block of fill() comes.
  template <typename Scalar>
  static void clear_padding(FrequencyTable<Scalar>& table) {
    const Eigen::Index planes = table.storage() == CosSinStorage::paired ? 1 : 2;
    const Eigen::Index plane = table.row_stride() / planes;
    const Eigen::Index blocks = (table.num_pairs() + kAngleBlock - 1) / kAngleBlock;
    const Eigen::Index written = blocks * kAngleBlock * (table.storage() == CosSinStorage::cos_sin ? 1 : 2);
    for (Eigen::Index i = 0; i < planes; ++i) {
      table.numbers_.middleCols(i * plane + written, plane - written).setZero();
    }
  }

  /// What the table was made of.
  template <typename Scalar>
  static void set_origin(FrequencyTable<Scalar>& table, double magnitude, std::uint64_t id,
                         std::optional<std::int64_t> first_position = std::nullopt) {
    table.facts_.first_position = first_position;
    table.facts_.magnitude = magnitude;
    table.facts_.id = id != 0 && table.angles() == AngleMode::float32 ? mix_id(id, std::uint64_t(32)) : id;
  }

  template <CosSinStorage Storage, typename Scalar, typename Positions>
  POSENC_KERNEL static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                                 const Positions& positions) {
    Scalar* const data = table.numbers_.data();
    const Eigen::Index row_stride = table.row_stride();
    const Eigen::Index sin_offset = table.sin_offset_;
    const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      write_block<Storage>(data + row * row_stride, sin_offset, pair, cosine, sine);
    };
    if (table.angles() == AngleMode::exact) {
      for_each_angle(frequencies, frequencies.magnitude(), positions, sink);
    } else {
      for_each_float32_angle(frequencies.inv_freq().data(), frequencies.num_pairs(), frequencies.magnitude(), positions,
                             sink);
    }
    if constexpr (std::is_same_v<Positions, RangePositions>) {
      set_origin(table, frequencies.magnitude(), frequencies.id(), positions[0]);
    } else {
      set_origin(table, frequencies.magnitude(), frequencies.id());
    }
  }

  template <typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    switch (table.storage()) {
      case CosSinStorage::cos_sin: return fill<CosSinStorage::cos_sin>(table, frequencies, positions);
      case CosSinStorage::paired: return fill<CosSinStorage::paired>(table, frequencies, positions);
      default: return fill<CosSinStorage::repeated>(table, frequencies, positions);
    }
  }

  template <typename Scalar, typename Positions>
  static void checked_fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    require_fillable(table, frequencies, positions.kCount, positions.rows());
    require_finite_angles("fill_table", frequencies.fastest(), table.angles() == AngleMode::float32, positions);
    fill(table, frequencies, positions);
  }

  /// On several axes: make_axis_table.hpp.
  template <typename Scalar, typename Derived>
  static void fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                        const Derived& positions);

  template <typename Scalar, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Positions& positions, TableOptions options) {
    require_finite_angles("make_table", frequencies.fastest(), options.angles == AngleMode::float32, positions);
    FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options,
                                 typename FrequencyTable<Scalar>::Unset{});
    clear_padding(table);
    fill(table, frequencies, positions);
    return table;
  }
};

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_WRITER_HPP

// ---- posenc/frequency/make_table.hpp
/// make_table() and fill_table(): frequencies meet positions.
#ifndef POSENC_FREQUENCY_MAKE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether T is a list of positions that a table may be made of.
template <typename Scalar, typename List>
using IfTableOfList = std::enable_if_t<is_storage<Scalar> && is_list<List>, int>;

/// What a call of make_table() that fits no overload would return: a type that causes no errors of its own.
template <typename Scalar>
using TableOrFloat = FrequencyTable<std::conditional_t<is_storage<Scalar>, Scalar, float>>;

}  // namespace detail

/// Makes the cos/sin table of consecutive positions: what apply_rope() rotates by.
///
///     cos(row r, pair j) = A cos(p inv_freq[j])        p = positions.first() + r
///     sin(row r, pair j) = A sin(p inv_freq[j])        j < num_pairs,  A = frequencies.magnitude()
///
/// The table remembers its first position, so that apply_rope(x, table, layout, starting_at(p)) finds row p - first.
/// The numbers of a position do not depend on the positions beside it: chunks of a sequence equal the whole, bit for
/// bit.
/// @tparam Scalar       float, double, Eigen::half or Eigen::bfloat16; each value is formed in double and rounded once.
/// @param  frequencies  One angular frequency for each pair, and the magnitude A.
/// @param  positions    PositionRange(first, count): `count` rows. first may be negative or beyond 2^31.
/// @param  options      Storage of a row, and exact or float32 angles.
/// @returns             count x num_pairs cosines and as many sines.
/// @throws std::invalid_argument  options of a storage or a number of heads that tables do not have.
/// @throws std::out_of_range      an angle position * inv_freq that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a store for each value; one allocation (bench_frequency: make_table, consecutive positions).
/// Accuracy: float |error| <= u / 2 + A (2^-40 + |p inv_freq| 2^-51) with u the ulp of float just below A, 2^-24 for
///           A = 1; double <= A (2^-50 + |p inv_freq| 2^-51) [frequency][accuracy].
/// Source:   angle addition, cos(a + b) = cos a cos b - sin a sin b, on exact values at every 16th position.
/// Matches:  AngleMode::exact is what the formula says; AngleMode::float32 what Hugging Face, vLLM, ONNX exporters and
///           CTranslate2 compute, given their float inv_freq: exact to the bit for a correctly rounded cos and sin,
///           where long double is wider than double (see Frequencies).
template <typename Scalar, std::enable_if_t<detail::is_storage<Scalar>, int> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, PositionRange positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::RangePositions(positions), options);
}

/// @overload
/// Row i is position i of a list.
/// @param positions  Integers (`position_ids`) or real numbers, one for each row: an Eigen vector or matrix, which is
///                   read along its rows, or a contiguous range (std::vector, std::array, span).
/// @throws std::invalid_argument  a real position is NaN or infinite.
/// @throws std::out_of_range      an integer beyond +-2^57.
/// Cost:     besides: an evaluation of cosine and sine for each value whose position is not near the one before
///           (bench_frequency: fill_table, lists of positions).
template <typename Scalar, typename List, detail::IfTableOfList<Scalar, List> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const List& positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::ListPositions<List>("make_table", positions), options);
}

/// Writes new positions (and frequencies) into a table, without an allocation: for a decode loop, which needs one row
/// for each new token. The table keeps its storage and AngleMode, and takes the first position of a range.
///
/// @param[in,out] table  rows x num_pairs.
/// @param frequencies    table.num_pairs() frequencies.
/// @param positions      starting_at(first): as many positions as the table has rows. Or PositionRange(first, count), or
///                       a list, with exactly that many.
/// @throws std::invalid_argument  another number of positions or pairs than the table has; a real position that is NaN
///                                or infinite. The table is unchanged whenever something is thrown.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// Cost:     two multiply-adds and a store for each value; no allocation
///           (bench_frequency: fill_table, consecutive positions).
/// Accuracy: that of make_table(), whose numbers it writes [frequency][determinism].
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, StartingAt positions) {
  const PositionRange range(positions.first(), table.rows());
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions(range));
}

/// @overload
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, PositionRange positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions(positions));
}

/// @overload
template <typename Scalar, typename List, detail::IfTableOfList<Scalar, List> = 0>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const List& positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::ListPositions<List>("fill_table", positions));
}

// Arguments that are missing, of another type or in the wrong order.

template <typename Scalar = void, typename... Given>
detail::TableOrFloat<Scalar> make_table(const Given&...) {
  constexpr bool is_scalar = detail::is_storage<Scalar>;
  constexpr bool has_first = (std::is_same_v<Given, StartingAt> || ...);
  static_assert(!std::is_void_v<Scalar>,
                "posenc: the scalar of the table is missing: write make_table<float>(frequencies, positions)");
  static_assert(is_scalar || std::is_void_v<Scalar>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");
  static_assert(
      !is_scalar || !has_first,
      "posenc: starting_at(first) does not say how many rows the table has: write PositionRange(first, count)");
  static_assert(
      !is_scalar || has_first,
      "posenc: positions must be PositionRange(first, count) or a list with one for each row: write "
      "make_table<float>(frequencies, PositionRange(0, 16)), or make_table<float>(frequencies, axes, positions) "
      "with tokens x axes positions");
  std::abort();
}

template <typename Scalar = void>
detail::TableOrFloat<Scalar> make_table(const Frequencies&, detail::PositionsInBraces, TableOptions = {}) {
  static_assert(detail::kMisuse<Scalar>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "make_table<float>(frequencies, PositionRange(first, count)), or give a std::vector of positions");
  std::abort();
}

template <typename... Given>
void fill_table(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write fill_table(table, frequencies, starting_at(first)), or PositionRange(first, count) or a "
                "list in place of starting_at, or fill_table(table, frequencies, axes, positions); table is a "
                "FrequencyTable that is neither const nor a temporary");
}

template <typename Scalar>
void fill_table(const FrequencyTable<Scalar>&, const Frequencies&, detail::PositionsInBraces) {
  static_assert(detail::kMisuse<Scalar>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "fill_table(table, frequencies, starting_at(first)), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_TABLE_HPP

// ---- posenc/frequency/detail/row_resolver.hpp
/// Rows of a table as kernels take them, runs or a list, and the check that the table has them.
#ifndef POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP
#define POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Integer>
constexpr bool is_negative(Integer value) {
  if constexpr (std::is_signed_v<Integer>) {
    return value < 0;
  } else {
    return false;
  }
}

/// The tokens that rows are asked for: `batch` sequences of `seq_len` tokens. A message calls them by `parameter`, and
/// the number of a sequence's tokens by `count`.
struct TokenGrid {
  const char* parameter;  ///< "x"
  const char* count;      ///< "x.rows()" of a matrix, "x.seq_len()" of a view
  Eigen::Index batch;
  Eigen::Index seq_len;

  Eigen::Index tokens() const { return batch * seq_len; }
};

/// Sequences of `length` tokens: token t of sequence b takes row first(b) + t. Made only when all of them exist.
template <typename First>
class RowRuns {
 public:
  RowRuns(Eigen::Index length, Eigen::Index sequences, First first)
      : length_(length), sequences_(sequences), first_(std::move(first)) {}

  /// The row of a token, counted over all sequences.
  Eigen::Index operator()(Eigen::Index token) const { return first_(token / length_) + token % length_; }
  /// Calls run(first token, number of tokens, row of the first token) for all tokens in order.
  template <typename Run>
  void for_each_run(const Run& run) const {
    for (Eigen::Index b = 0; b < sequences_; ++b) run(b * length_, length_, first_(b));
  }

 private:
  Eigen::Index length_;
  Eigen::Index sequences_;
  First first_;
};

/// A list with a row for each token, or for each token of a sequence, which all sequences then share. Made only when all
/// of them exist.
template <typename RowAt>
class ListedRows {
 public:
  ListedRows(Eigen::Index listed, Eigen::Index tokens, RowAt row_at)
      : listed_(listed), tokens_(tokens), row_at_(std::move(row_at)) {}

  Eigen::Index operator()(Eigen::Index token) const { return row_at_(token < listed_ ? token : token % listed_); }
  template <typename Run>
  void for_each_run(const Run& run) const {
    for (Eigen::Index token = 0; token < tokens_; ++token) run(token, Eigen::Index(1), (*this)(token));
  }

 private:
  Eigen::Index listed_;
  Eigen::Index tokens_;
  RowAt row_at_;
};

/// What a message calls a number: its name, or an element of a list. The text is made only for a message.
struct Named {
  const char* name;
  Eigen::Index index = -1;

  std::string text() const { return index < 0 ? name : element(name, index); }
};

/// Resolves what a caller said about rows against a table with `table_rows` rows, the first at `first_position` where
/// that is known.
class RowResolver {
 public:
  RowResolver(const char* function, Eigen::Index table_rows, std::optional<std::int64_t> first_position)
      : function_(function), table_rows_(table_rows), first_position_(first_position) {}

  /// Refuses a table that has not exactly a row for each token. No tokens need none.
  void require_exact(const TokenGrid& tokens) const {
    if (table_rows_ == tokens.seq_len || tokens.tokens() == 0) return;
    if (table_rows_ > tokens.seq_len) {
      fail<std::invalid_argument>("posenc::" + std::string(function_) +
                                  ": rows must be given where the table has more of them (" + to_text(table_rows_) +
                                  ") than " + tokens.parameter + " has tokens (" + to_text(tokens.seq_len) +
                                  "), for instance starting_at(cached) or from_row(n)");
    }
    if (table_rows_ > 0 && tokens.seq_len % table_rows_ == 0) {
      refuse<std::invalid_argument>(function_, "table.rows()", table_rows_, tokens.count, " ", tokens.seq_len,
                                    " (sequences that share the rows of one table: each_sequence(", table_rows_, "))");
    }
    refuse<std::invalid_argument>(function_, "table.rows()", table_rows_, tokens.count, " ", tokens.seq_len);
  }
  void require_exact(Eigen::Index length) const {
    require(table_rows_ == length, function_, "table.rows()", table_rows_, "each_sequence's length ", length,
            ", or a start be given, for instance each_sequence(", length, ", starting_at(cached))");
  }

  /// The row of a position, with `count` rows from there on.
  Eigen::Index row_of_position(const Named& what, std::int64_t position, Eigen::Index count) const {
    if (!first_position_) {
      refuse<std::invalid_argument>(function_, what.text(), position,
                                    "a row (from_row(n), rows(list)), because the table does not know its positions");
    }
    require_count(count);
    const std::int64_t last = *first_position_ + static_cast<std::int64_t>(table_rows_) - count;
    if (position < *first_position_ || position > last) {
      refuse<std::out_of_range>(function_, what.text(), position, "in [", *first_position_, ", ", last,
                                "] (the table's ", table_rows_, " rows begin at position ", *first_position_, ", ",
                                count, count == 1 ? " is needed)" : " are needed)");
    }
    return static_cast<Eigen::Index>(position - *first_position_);
  }

  /// A row, with `count` rows from there on.
  template <typename Integer>
  Eigen::Index row(const Named& what, Integer row, Eigen::Index count) const {
    require_count(count);
    const bool negative = is_negative(row);
    const Eigen::Index last = table_rows_ - count;
    if (negative || static_cast<std::uint64_t>(row) > static_cast<std::uint64_t>(last)) {
      refuse<std::out_of_range>(function_, what.text(), row, "in [0, ", last, "] (the table has ", table_rows_,
                                " rows, ", count, count == 1 ? " is needed)" : " are needed)");
    }
    return static_cast<Eigen::Index>(row);
  }

  const char* function() const { return function_; }

 private:
  void require_count(Eigen::Index count) const {
    require_in_range(count <= table_rows_, function_, "table.rows()", table_rows_, "at least ", count,
                     " (one for each token)");
  }

  const char* function_;
  Eigen::Index table_rows_;
  std::optional<std::int64_t> first_position_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP

// ---- posenc/frequency/table_rows.hpp
/// Which row of a cos/sin table each token takes: by its position, where the table knows positions, or by its row.
#ifndef POSENC_FREQUENCY_TABLE_ROWS_HPP
#define POSENC_FREQUENCY_TABLE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// What from_row() returns: row, row + 1, ..., as many as there are tokens.
class FromRow {
 public:
  /// See from_row().
  explicit FromRow(Eigen::Index row) : row_(row) {}
  Eigen::Index row() const { return row_; }

 private:
  Eigen::Index row_;
};

/// What rows() returns: a list of rows.
template <typename List>
class TableRows {
 public:
  /// See rows().
  template <typename Given>
  TableRows(std::in_place_t, Given&& list) : list_(std::forward<Given>(list)) {}
  const std::remove_reference_t<List>& list() const { return list_; }

 private:
  List list_;
};

/// The rows row, row + 1, ... of a table, one for each token that the call is about: for a table that does not know its
/// positions, such as a wrapped cache. Where it knows them, starting_at(position) says the same without arithmetic.
///
/// @param row  Row of the first token, an integer of any type.
/// @throws std::out_of_range  row < 0 or beyond what an index holds.
template <typename Integer>
FromRow from_row(Integer row) {
  static_assert(detail::is_integer<Integer>, "posenc: from_row(row) takes an integer");
  const bool negative = detail::is_negative(row);
  const bool fits = !negative && static_cast<std::uint64_t>(row) <=
                                     static_cast<std::uint64_t>((std::numeric_limits<Eigen::Index>::max)());
  detail::require_in_range(fits, "from_row", "row", row, negative ? ">= 0" : "an index");
  return FromRow(static_cast<Eigen::Index>(row));
}

/// The rows of a table that a list names, one for each token; after each_sequence(length, ...) one for each sequence.
///
/// @param list  Integers of any type: an Eigen vector or matrix (read along its rows), std::vector, std::array, a span. A
///              list that is a variable must outlive the call.
template <typename List>
auto rows(List&& list) {
  constexpr bool is_list = detail::is_list<std::decay_t<List>> || detail::is_list<std::remove_reference_t<List>>;
  static_assert(is_list,
                "posenc: rows(list) takes a list of integers, one row for each token; for one run of rows write "
                "from_row(first)");
  if constexpr (is_list) return TableRows<detail::Kept<List>>(std::in_place, std::forward<List>(list));
}

namespace detail {

/// What is asked for where nothing is said: token i takes row i, and the table has exactly as many rows.
struct OneRowForEachToken {};

template <typename T>
inline constexpr bool is_table_rows = false;
template <typename List>
inline constexpr bool is_table_rows<TableRows<List>> = true;
/// Of something else the compiler has spoken in rows(), and there is nothing to add.
template <typename Rows>
inline constexpr bool are_listed =
    is_list<std::remove_cv_t<std::remove_reference_t<decltype(std::declval<Rows>().list())>>>;

template <typename List>
constexpr void require_integer_list() {
  static_assert(Eigen::NumTraits<ListScalar<List>>::IsInteger && !std::is_same_v<ListScalar<List>, bool>,
                "posenc: a table has rows at whole numbers: give integers here, or make a table at these positions");
}

/// Calls action(rows) with the rows of a list: of rows where `ByRow` holds, else of positions.
template <bool ByRow, typename List, typename Action>
void with_listed_rows(const RowResolver& resolver, const char* name, const char* size_name, const List& given,
                      const TokenGrid& tokens, const Action& action) {
  require_integer_list<List>();
  if constexpr (Eigen::NumTraits<ListScalar<List>>::IsInteger) {
    const auto& given_list = as_list(given);
    const auto& list = evaluated(given_list);
    const Eigen::Index size = list.size();
    require(size == tokens.seq_len || size == tokens.tokens(), resolver.function(), size_name, size, tokens.count, " ",
            tokens.seq_len, tokens.batch == 1 ? "" : ", or as many for each sequence");
    const auto row_at = [&](Eigen::Index i) {
      if constexpr (ByRow) {
        return resolver.row({name, i}, list_entry(list, i), 1);
      } else {
        const auto position = list_entry(list, i);
        if (!is_position(position)) require_position(resolver.function(), element(name, i), position);
        return resolver.row_of_position({name, i}, static_cast<std::int64_t>(position), 1);
      }
    };
    for (Eigen::Index i = 0; i < size; ++i) row_at(i);
    std::int64_t first = 0;  // what is at row 0
    if (!ByRow && size > 0) first = static_cast<std::int64_t>(list_entry(list, 0)) - row_at(0);
    action(ListedRows(size, tokens.tokens(), [&list, first](Eigen::Index i) {
      return static_cast<Eigen::Index>(static_cast<std::int64_t>(list_entry(list, i)) - first);
    }));
  }
}

/// Calls action(rows) for sequences of `length` tokens that begin where `start` says.
template <typename Start, typename Action>
void with_sequence_rows(const RowResolver& resolver, const Start& start, Eigen::Index length, Eigen::Index sequences,
                        const Action& action) {
  const auto constant = [&](Eigen::Index row) {
    action(RowRuns(length, sequences, [row](Eigen::Index) { return row; }));
  };
  const auto require_one_for_each = [&](const char* name, Eigen::Index size) {
    require(size == sequences, resolver.function(), name, size, "the number of sequences ", sequences);
  };
  if constexpr (std::is_same_v<Start, FirstRow>) {
    resolver.require_exact(length);
    constant(0);
  } else if constexpr (std::is_same_v<Start, StartingAt>) {
    constant(resolver.row_of_position({"starting_at()"}, start.first(), length));
  } else if constexpr (std::is_same_v<Start, FromRow>) {
    constant(resolver.row({"from_row()"}, start.row(), length));
  } else if constexpr (is_table_rows<Start>) {
    using List = std::remove_cv_t<std::remove_reference_t<decltype(start.list())>>;
    require_integer_list<List>();
    const auto& given_list = as_list(start.list());
    const auto& list = evaluated(given_list);
    require_one_for_each("rows.size()", list.size());
    for (Eigen::Index b = 0; b < sequences; ++b) resolver.row({"rows", b}, list_entry(list, b), length);
    action(
        RowRuns(length, sequences, [&list](Eigen::Index b) { return static_cast<Eigen::Index>(list_entry(list, b)); }));
  } else if constexpr (is_list<Start>) {
    require_integer_list<Start>();
    const auto& given_list = as_list(start);
    const auto& list = evaluated(given_list);
    require_one_for_each("starts.size()", list.size());
    std::int64_t first_position = 0;
    for (Eigen::Index b = 0; b < sequences; ++b) {
      const auto position = list_entry(list, b);
      if (!is_position(position)) require_position(resolver.function(), element("starts", b), position);
      const auto integer = static_cast<std::int64_t>(position);
      first_position = integer - resolver.row_of_position({"starts", b}, integer, length);
    }
    action(RowRuns(length, sequences, [&list, first_position](Eigen::Index b) {
      return static_cast<Eigen::Index>(static_cast<std::int64_t>(list_entry(list, b)) - first_position);
    }));
  } else {
    static_assert(
        is_list<Start>,
        "posenc: after each_sequence(length, ...) write starting_at(first), a list with the first position of "
        "each sequence, from_row(n), or rows(list) with one for each sequence");
  }
}

/// Calls action(rows), with rows(token) the row of the table that each token takes, as the caller gave them: nothing
/// (OneRowForEachToken), positions, rows, or each_sequence(). All of them are checked before.
template <typename Table, typename Given, typename Action>
void with_table_rows(const char* function, const Table& table, const Given& given, const TokenGrid& tokens,
                     const Action& action) {
  const RowResolver resolver(function, table.rows(), table.first_position());
  const auto run = [&](Eigen::Index row) {
    action(RowRuns((std::max)(tokens.seq_len, Eigen::Index(1)), tokens.seq_len == 0 ? 0 : tokens.batch,
                   [row](Eigen::Index) { return row; }));
  };
  if constexpr (std::is_same_v<Given, OneRowForEachToken>) {
    resolver.require_exact(tokens);
    run(0);
  } else if constexpr (std::is_same_v<Given, StartingAt>) {
    run(resolver.row_of_position({"starting_at()"}, given.first(), tokens.seq_len));
  } else if constexpr (std::is_same_v<Given, PositionRange>) {
    require(given.count() == tokens.seq_len, function, "positions.count()", given.count(), tokens.count, " ",
            tokens.seq_len);
    run(resolver.row_of_position({"positions.first()"}, given.first(), tokens.seq_len));
  } else if constexpr (std::is_same_v<Given, FromRow>) {
    run(resolver.row({"from_row()"}, given.row(), tokens.seq_len));
  } else if constexpr (is_table_rows<Given>) {
    if constexpr (are_listed<Given>) {
      with_listed_rows<true>(resolver, "rows", "rows.size()", given.list(), tokens, action);
    }
  } else if constexpr (is_list<Given>) {
    with_listed_rows<false>(resolver, "positions", "positions.size()", given, tokens, action);
  } else if constexpr (is_each_sequence<Given>) {
    using Start = std::remove_cv_t<std::remove_reference_t<decltype(given.start())>>;
    const Eigen::Index length = given.length();
    require(tokens.batch == 1 || tokens.seq_len == length, function, "each_sequence's length", length, tokens.count,
            " ", tokens.seq_len);
    require(tokens.tokens() % length == 0, function, tokens.count, tokens.seq_len,
            "a multiple of each_sequence's length ", length);
    with_sequence_rows<Start>(resolver, given.start(), length, tokens.tokens() / length, action);
  } else if constexpr (std::is_arithmetic_v<Given>) {
    static_assert(!std::is_arithmetic_v<Given>,
                  "posenc: a bare number is neither a position nor a row: write starting_at(3) for position 3, or "
                  "from_row(3) for row 3 of the table");
  } else {
    static_assert(is_list<Given>,
                  "posenc: the last argument says which row of the table each token takes: starting_at(first), a list "
                  "of positions, from_row(n), rows(list), or each_sequence(length, ...)");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_ROWS_HPP

// ---- posenc/frequency/axis_map.hpp
/// AxisMap: which of a token's several positions drives which pair.
#ifndef POSENC_FREQUENCY_AXIS_MAP_HPP
#define POSENC_FREQUENCY_AXIS_MAP_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The axis of each pair, for tokens that have a position on each of several axes (time, height, width).
///
///     angle of pair j of a token at positions p[0 ... num_axes):  p[axis_of_pair[j]] inv_freq[j]
///
/// Every RoPE of several axes is such a list; the functions below write those in use. A pair keeps its own frequency.
/// Which position drives it and how channels pair up (RopeLayout) are independent, although both are called
/// "interleaved".
class AxisMap {
 public:
  /// @param axis_of_pair  num_pairs integers, >= 0 and < num_axes: an Eigen vector or a contiguous range.
  /// @param num_axes      Positions of a token, > 0 and at most 2^23.
  /// @throws std::invalid_argument  an empty list, or num_axes outside of that.
  /// @throws std::out_of_range      an entry that is no axis.
  template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
  AxisMap(const List& axis_of_pair, Eigen::Index num_axes)
      : axes_(detail::as_list(axis_of_pair).template cast<int>().reshaped().array()), num_axes_(num_axes) {
    static_assert(Eigen::NumTraits<detail::ListScalar<List>>::IsInteger, "posenc: axes are numbered by integers");
    detail::require_num_pairs("AxisMap", axes_.size());
    constexpr Eigen::Index limit = Eigen::Index(1) << 23;
    detail::require(num_axes > 0 && num_axes <= limit, "AxisMap", "num_axes", num_axes, "> 0 and at most ", limit);
    for (Eigen::Index i = 0; i < axes_.size(); ++i) {
      const auto axis = detail::as_list(axis_of_pair).reshaped()(i);
      // Unsigned: a negative number is far too large, and so is one that int does not hold.
      if (static_cast<std::uint64_t>(axis) >= static_cast<std::uint64_t>(num_axes)) {
        detail::refuse<std::out_of_range>("AxisMap", detail::element("axis_of_pair", i), axis, "in [0, num_axes ",
                                          num_axes, ")");
      }
    }
  }

  Eigen::Index num_pairs() const { return axes_.size(); }
  /// Positions of a token. Some may drive no pair.
  Eigen::Index num_axes() const { return num_axes_; }
  /// The axis of each pair.
  const Eigen::ArrayXi& axis_of_pair() const { return axes_; }
  /// The id() of a table that is made of these frequencies on these axes.
  std::uint64_t id(const Frequencies& frequencies) const {
    std::uint64_t id = detail::mix_id(frequencies.id(), static_cast<std::uint64_t>(num_axes_));
    for (const int axis : axes_) id = detail::mix_id(id, static_cast<std::uint64_t>(axis));
    return id;
  }
  /// Number of pairs that `axis` drives.
  Eigen::Index count(int axis) const { return (axes_ == axis).count(); }

  friend bool operator==(const AxisMap& a, const AxisMap& b) {
    return a.num_axes_ == b.num_axes_ && a.axes_.size() == b.axes_.size() && (a.axes_ == b.axes_).all();
  }
  friend bool operator!=(const AxisMap& a, const AxisMap& b) { return !(a == b); }

 private:
  Eigen::ArrayXi axes_;
  Eigen::Index num_axes_;
};

namespace detail {

/// Number of pairs that `sections` cover, and an error when one is negative, all are zero or the sum is beyond any
/// model.
inline Eigen::Index require_sections(const char* function, const std::vector<int>& sections) {
  std::int64_t pairs = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i] < 0) {
      refuse<std::invalid_argument>(function, element("mrope_section", static_cast<Eigen::Index>(i)), sections[i],
                                    ">= 0");
    }
    pairs += sections[i];
  }
  constexpr std::int64_t limit = std::int64_t(1) << 23;
  require(pairs > 0 && pairs <= limit, function, "sum of mrope_section", pairs, "> 0 and at most ", limit);
  return static_cast<Eigen::Index>(pairs);
}

inline void require_section_count(const char* function, const std::vector<int>& sections, std::size_t least,
                                  std::size_t most) {
  require(sections.size() >= least && sections.size() <= most, function, "mrope_section.size()", sections.size(),
          least == most ? "" : "from ", least == most ? "" : std::to_string(least) + " to ", most);
}

}  // namespace detail

/// The pairs of one axis after those of the other: {16, 24, 24} is 16 pairs of axis 0, then 24 of axis 1, then 24 of
/// axis 2.
///
///     {2, 3, 3}:  t t h h h w w w
///
/// @param mrope_section  Pairs of each axis, >= 0, not all zero, at most 2^23 in all; any number of axes.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  M-RoPE of Qwen2-VL and Qwen2.5-VL (t, h, w), XD-RoPE of HunYuan-VL (p, w, h, t), ggml MROPE.
inline AxisMap contiguous_axes(const std::vector<int>& mrope_section) {
  Eigen::ArrayXi axes(detail::require_sections("contiguous_axes", mrope_section));
  Eigen::Index pair = 0;
  for (std::size_t axis = 0; axis < mrope_section.size(); ++axis) {
    axes.segment(pair, mrope_section[axis]) = static_cast<int>(axis);
    pair += mrope_section[axis];
  }
  return AxisMap(axes, static_cast<Eigen::Index>(mrope_section.size()));
}

/// The axes in turn, t h w t h w ..., as long as there are pairs of h and w; the rest is t.
///
///     {4, 3, 3}:  t h w t h w t h w t
///
/// Pair j is axis a = 1, 2 where j mod 3 = a and j < 3 mrope_section[a], else axis 0. {24, 20, 20} is 20 times "thw"
/// and "tttt", which ggml's IMROPE drives by a fourth position in pairs 61 and 62; {11, 11, 10} is 10 times "thw",
/// "th".
/// @param mrope_section  Pairs of t, h, w, >= 0.
/// @throws std::invalid_argument  not three sections; sections that this order cannot give.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  `mrope_interleaved` of Qwen3-VL and Qwen3.5.
inline AxisMap interleaved_axes(const std::vector<int>& mrope_section) {
  const char* const function = "interleaved_axes";
  detail::require_section_count(function, mrope_section, 3, 3);
  Eigen::ArrayXi axes = Eigen::ArrayXi::Zero(detail::require_sections(function, mrope_section));
  for (int axis = 1; axis < 3; ++axis) {
    for (Eigen::Index pair = axis;
         pair < (std::min)(Eigen::Index(3) * mrope_section[static_cast<std::size_t>(axis)], axes.size()); pair += 3) {
      axes[pair] = axis;
    }
  }
  AxisMap map(axes, 3);
  for (int axis = 0; axis < 3; ++axis) {
    if (map.count(axis) != mrope_section[static_cast<std::size_t>(axis)]) {
      detail::refuse<std::invalid_argument>(function, detail::element("mrope_section", axis),
                                            mrope_section[static_cast<std::size_t>(axis)], map.count(axis),
                                            " to fit the order t h w t h w ...");
    }
  }
  return map;
}

/// Height and width in turn, then time: h w h w ... t t t. Axes are numbered t = 0, h = 1, w = 2, as in every map.
///
///     {3, 3, 2}:  h w h w h w t t
///
/// @param mrope_section  Pairs of h, w, t in this order, as the config has them: {22, 22, 20}. h and w must be equal.
/// @throws std::invalid_argument  not three sections; h and w differ; one is negative.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  ERNIE-4.5-VL.
inline AxisMap height_width_time_axes(const std::vector<int>& mrope_section) {
  const char* const function = "height_width_time_axes";
  detail::require_section_count(function, mrope_section, 3, 3);
  Eigen::ArrayXi axes = Eigen::ArrayXi::Zero(detail::require_sections(function, mrope_section));
  detail::require(mrope_section[0] == mrope_section[1], function, "mrope_section[1]", mrope_section[1],
                  "mrope_section[0] ", mrope_section[0]);
  for (Eigen::Index pair = 0; pair < 2 * mrope_section[0]; ++pair) axes[pair] = pair % 2 == 0 ? 1 : 2;
  return AxisMap(axes, 3);
}

/// Each next pair goes to the axis that has received the smallest part of its pairs so far: placed / section.
///
///     {2, 3, 3}:  0 1 2 1 2 1 2 0
///
/// Two neighboring pairs have different axes as long as another axis has pairs left, and among axes that have received
/// equal parts the lower one is taken. With three sections one pair of axis 0 is kept for the very end.
/// @param mrope_section  Pairs of each axis, >= 0; two sections (h, w) or three (t, h, w), the first of three > 0.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  MRotaryEmbeddingInterleaved of vLLM (openPangu-VL).
inline AxisMap rarest_first_axes(const std::vector<int>& mrope_section) {
  const char* const function = "rarest_first_axes";
  detail::require_section_count(function, mrope_section, 2, 3);
  Eigen::ArrayXi axes = Eigen::ArrayXi::Zero(detail::require_sections(function, mrope_section));
  std::vector<int> section = mrope_section;
  const bool time_last = section.size() == 3;
  if (time_last) {
    detail::require(section[0] > 0, function, "mrope_section[0]", section[0], "> 0");
    --section[0];
  }
  std::vector<int> placed(section.size(), 0);
  // placed[a] / section[a] < placed[b] / section[b], in integers.
  const auto lags = [&](std::size_t a, std::size_t b) {
    return static_cast<long long>(placed[a]) * section[b] < static_cast<long long>(placed[b]) * section[a];
  };
  std::size_t last = section.size();
  for (Eigen::Index pair = 0; pair < axes.size() - (time_last ? 1 : 0); ++pair) {
    std::size_t best = section.size();
    for (std::size_t axis = 0; axis < section.size(); ++axis) {
      if (axis == last || placed[axis] == section[axis]) continue;
      if (best == section.size() || lags(axis, best)) best = axis;
    }
    if (best == section.size()) best = last;  // only this one is left
    axes[pair] = static_cast<int>(best);
    ++placed[best];
    last = best;
  }
  return AxisMap(axes, static_cast<Eigen::Index>(section.size()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_AXIS_MAP_HPP

// ---- posenc/frequency/axial_frequencies.hpp
/// Frequencies of vision towers: a spectrum for each axis of a grid.
#ifndef POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP
#define POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Frequencies and the axis that drives each of them: what the make_table() of several axes takes.
struct AxialFrequencies {
  Frequencies frequencies;
  AxisMap axes;
};

/// How the axes of a grid share geometric series of frequencies.
enum class AxialSeries {
  one_per_axis,  ///< Each axis has a series of its own: most vision towers.
  alternating    ///< One series over all pairs, whose frequencies go to the axes in turn: Pixtral.
};

/// Frequencies of a vision tower: a geometric series for each axis, the pairs of one axis after those of the other.
///
///     inv_freq[pair i of axis a] = position_scale base^(-i / pairs_of_axis[a])
///
/// @param pairs_of_axis   Pairs of each axis, >= 0, not all zero: {head_dim / 4, head_dim / 4} for a picture.
/// @param base            `rope_theta`, `temperature`: finite, > 0 and not 1.
/// @param position_scale  Factor on every angle, finite; 2 pi where coordinates count full circles (DINOv3).
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double, 2 with a position_scale [frequency][axial].
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.2 (axial frequencies).
/// Matches:  Qwen2-VL vision tower, ggml VISION: (row, column), half-split. Llama 4 vision: (column + 1, row + 1),
///           interleaved, class token at (0, 0). DINOv3: base 100, position_scale 2 pi, (row, column) of
///           patch_centers(), half-split, prefix tokens at (0, 0). timm and EVA-02 "lang" bands: interleaved.
///           ChatGLM-6B (position, block) and the Gemma 4 vision tower (column, row; base 100) pair channels within the
///           half of a head that an axis owns: rotate each half by a table of its own, made of
///           geometric_frequencies(head_dim / 2), with layouts whose windows are the two halves of the head.
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base,
                                          double position_scale = 1) {
  AxisMap axes = contiguous_axes(pairs_of_axis);
  detail::require_base("axial_frequencies", base);
  detail::require(detail::is_finite(position_scale), "axial_frequencies", "position_scale", position_scale, "finite");
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  Eigen::Index first = 0;
  for (const int pairs : pairs_of_axis) {
    if (pairs == 0) continue;
    inv_freq.segment(first, pairs) = position_scale * detail::spaced_series(pairs, base, pairs);
    first += pairs;
  }
  return {Frequencies(inv_freq), std::move(axes)};
}

/// @overload
/// With `series` alternating, one series over all num_pairs pairs goes to the num_axes axes in turn:
///
///     inv_freq[pair i of axis a] = base^(-(num_axes i + a) / num_pairs)
///
/// @param series  one_per_axis is the function above with a position_scale of 1.
/// @throws std::invalid_argument  besides those above: alternating axes with other numbers of pairs than the first.
/// Matches:  Pixtral and Mistral 3 vision: two axes, rows first, half-split (the flat id there is
///           row * max_width + column).
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base, AxialSeries series) {
  if (series == AxialSeries::one_per_axis) return axial_frequencies(pairs_of_axis, base);
  const char* const function = "axial_frequencies";
  AxisMap axes = contiguous_axes(pairs_of_axis);
  detail::require_base(function, base);
  for (std::size_t axis = 0; axis < pairs_of_axis.size(); ++axis) {
    if (pairs_of_axis[axis] == pairs_of_axis[0]) continue;
    detail::refuse<std::invalid_argument>(function, detail::element("pairs_of_axis", static_cast<Eigen::Index>(axis)),
                                          pairs_of_axis[axis], pairs_of_axis[0], " as on axis 0 for alternating axes");
  }
  const Eigen::ArrayXd all = detail::spaced_series(axes.num_pairs(), base, static_cast<double>(axes.num_pairs()));
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  const Eigen::Index pairs = pairs_of_axis[0];
  for (Eigen::Index i = 0; i < all.size(); ++i) inv_freq[i] = all[i % pairs * axes.num_axes() + i / pairs];
  return {Frequencies(inv_freq), std::move(axes)};
}

/// Linear bands for coordinates in [-1, 1]: pi times n equally spaced numbers from 1 to max_frequency / 2, for each
/// axis.
///
///     inv_freq[pair i of axis a] = pi (1 + i (max_frequency / 2 - 1) / (n - 1))      i < n
///
/// @param num_axes       Axes, > 0 and at most 1024.
/// @param pairs_of_axis  n, > 0: head_dim / 4 for a picture. A single band is pi.
/// @param max_frequency  `max_res`, `max_freq`: the highest band over pi / 2; finite.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double [frequency][axial].
/// Matches:  timm and EVA-02 with in_pixels (max_res 224) on linspace_positions(), interleaved; "pixel" of
///           rotary-embedding-torch.
inline AxialFrequencies pixel_frequencies(int num_axes, int pairs_of_axis, double max_frequency) {
  const char* const function = "pixel_frequencies";
  detail::require(num_axes > 0 && num_axes <= 1024, function, "num_axes", num_axes, "in [1, 1024]");
  detail::require_num_pairs(function, pairs_of_axis);
  detail::require(detail::is_finite(max_frequency), function, "max_frequency", max_frequency, "finite");
  constexpr detail::Wide pi = 3.14159265358979323846264338327950288L;
  const detail::Wide step =
      pairs_of_axis > 1 ? (static_cast<detail::Wide>(max_frequency) / 2 - 1) / (pairs_of_axis - 1) : detail::Wide(0);
  Eigen::ArrayXd inv_freq(Eigen::Index(num_axes) * pairs_of_axis);
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    inv_freq[i] = static_cast<double>(pi * (1 + static_cast<detail::Wide>(i % pairs_of_axis) * step));
  }
  return {Frequencies(inv_freq), contiguous_axes(std::vector<int>(static_cast<std::size_t>(num_axes), pairs_of_axis))};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

// ---- posenc/detail/axis_angles.hpp
/// for_each_angle() for pairs on several axes.
#ifndef POSENC_DETAIL_AXIS_ANGLES_HPP
#define POSENC_DETAIL_AXIS_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Row i is at positions(i, axis). Same meaning of integers and real numbers as ListPositions.
template <typename Derived>
class AxisPositions {
 public:
  using Position = PositionOf<typename Derived::Scalar>;

  AxisPositions(const Derived& positions, Eigen::Index axis) : positions_(positions), axis_(axis) {}
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return static_cast<Position>(positions_.coeff(i, axis_)); }

 private:
  const Derived& positions_;
  Eigen::Index axis_;
};

/// Positions of tokens on several axes: tokens x num_axes, every one of them a position.
template <typename Derived>
void require_axis_positions(const char* function, const Eigen::DenseBase<Derived>& positions, Eigen::Index num_axes) {
  may_be_positions<typename Derived::Scalar>();
  require(positions.cols() == num_axes, function, "positions.cols()", positions.cols(), "the number of axes ",
          num_axes);
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    for (Eigen::Index axis = 0; axis < num_axes; ++axis) {
      const auto position = positions.derived().coeff(i, axis);
      if (is_position(position)) continue;
      require_position(function, "positions(" + std::to_string(i) + ", " + std::to_string(axis) + ")", position);
    }
  }
}

/// require_finite_angles() for positions on several axes.
template <typename Derived>
void require_finite_axis_angles(const char* function, double fastest, bool float32,
                                const Eigen::DenseBase<Derived>& positions) {
  constexpr bool integers = Eigen::NumTraits<typename Derived::Scalar>::IsInteger;
  if (integers && has_finite_angle(fastest, float32, static_cast<double>(kMaxPosition))) return;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    for (Eigen::Index axis = 0; axis < positions.cols(); ++axis) {
      const double position = static_cast<double>(positions.derived().coeff(i, axis));
      if (has_finite_angle(fastest, float32, position)) continue;
      refuse<std::out_of_range>(function, "positions(" + std::to_string(i) + ", " + std::to_string(axis) + ")",
                                position, "such that position * frequency is finite (the largest frequency is ",
                                fastest, ")");
    }
  }
}

/// Calls sink(row, pairs, count, cosines, sines) for all rows and pairs, up to kAngleBlock pairs of one axis at a time:
/// entry i < count is pair pairs[i]. Each pair gets the bits that for_each_angle() gives it on its axis alone.
template <typename Frequencies, typename AxisMap, typename Derived, typename Sink>
void for_each_axis_angle(const Frequencies& frequencies, const AxisMap& axes, double magnitude, bool float32,
                         const Derived& positions, Sink&& sink) {
  const Eigen::ArrayXd& inv_freq = frequencies.inv_freq();
  alignas(64) double frequency[kAngleChunk];
  Eigen::Index pairs[kAngleChunk];
  for (int axis = 0; axis < axes.num_axes(); ++axis) {
    Eigen::Index next = 0;
    while (next < inv_freq.size()) {
      int count = 0;
      for (; next < inv_freq.size() && count < kAngleChunk; ++next) {
        if (axes.axis_of_pair()[next] != axis) continue;
        frequency[count] = inv_freq[next];
        pairs[count++] = next;
      }
      if (count == 0) break;
      std::fill(frequency + count, frequency + kAngleChunk, 0.0);
      const AxisPositions<Derived> on_axis(positions, axis);
      const auto chunk_sink = [&](Eigen::Index row, Eigen::Index first, int n, const double* cosine,
                                  const double* sine) { sink(row, pairs + first, n, cosine, sine); };
      if (float32) {
        for_each_float32_angle(frequency, count, magnitude, on_axis, chunk_sink);
      } else {
        for_each_angle_of_chunk(frequency, count, frequencies.fastest(), magnitude, on_axis, chunk_sink);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_AXIS_ANGLES_HPP

// ---- posenc/frequency/make_axis_table.hpp
/// make_table() and fill_table() for tokens that have a position on each of several axes.
#ifndef POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Scalar, typename Derived>
void TableWriter::fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                            const Derived& positions) {
  Scalar* const data = table.numbers_.data();
  const Eigen::Index row_stride = table.row_stride();
  const Eigen::Index pair_stride = table.pair_stride();
  const Eigen::Index sin_offset = table.sin_offset_;
  const bool repeated = table.storage() == CosSinStorage::repeated;
  const auto sink = [=](Eigen::Index row, const Eigen::Index* pairs, int count, const double* cosine,
                        const double* sine) {
    for (int i = 0; i < count; ++i) {
      Scalar* const entry = data + row * row_stride + pairs[i] * pair_stride;
      entry[0] = round_to<Scalar>(cosine[i]);
      entry[sin_offset] = round_to<Scalar>(sine[i]);
      if (repeated) {
        entry[1] = entry[0];
        entry[sin_offset + 1] = entry[sin_offset];
      }
    }
  };
  for_each_axis_angle(frequencies, axes, frequencies.magnitude(), table.angles() == AngleMode::float32, positions,
                      sink);
  set_origin(table, frequencies.magnitude(), axes.id(frequencies));
}

/// Positions on several axes as an Eigen object: tokens x axes.
template <typename Positions>
decltype(auto) axis_positions(const Positions& positions) {
  if constexpr (std::is_same_v<Positions, MropePositions>) {
    return (positions.ids);
  } else {
    return as_list(positions);
  }
}

template <typename Scalar, typename Positions>
using IfTableOfAxes =
    std::enable_if_t<is_storage<Scalar> && (is_list<Positions> || std::is_same_v<Positions, MropePositions>), int>;

template <typename Derived>
void require_axes(const char* function, const Frequencies& frequencies, const AxisMap& axes, AngleMode angles,
                  const Derived& positions) {
  require(axes.num_pairs() == frequencies.num_pairs(), function, "axes.num_pairs()", axes.num_pairs(),
          "frequencies.num_pairs() ", frequencies.num_pairs());
  require_axis_positions(function, positions, axes.num_axes());
  require_finite_axis_angles(function, frequencies.fastest(), angles == AngleMode::float32, positions);
}

}  // namespace detail

/// Makes the cos/sin table of tokens that have a position on each of several axes: M-RoPE, pictures, video.
///
///     cos(row i, pair j) = A cos(p inv_freq[j])        p = positions(i, axis of pair j)
///     sin(row i, pair j) = A sin(p inv_freq[j])        A = frequencies.magnitude()
///
/// A token whose positions are equal gets the numbers that the other make_table() gives that position, bit for bit: text
/// in a multi-axis model is plain RoPE. A token at zeros is not rotated: prefix tokens of vision models.
/// @param axes       The axis of each pair: contiguous_axes() and the functions beside it.
/// @param positions  tokens x axes.num_axes(), integers or real numbers; or what mrope_positions() returns.
/// @param options    As for one axis.
/// @throws std::invalid_argument  other numbers of pairs in `axes` and `frequencies`; another number of columns than
///                                axes; a real position that is NaN or infinite.
/// @throws std::out_of_range      an integer beyond +-2^57; an angle that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a scattered store for each value, and two evaluations of cosine and sine whenever a
///           position changes on its axis; one allocation (bench_frequency: fill_table, several axes).
/// Accuracy: as make_table() for one axis [frequency][axes].
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index tables of Qwen-VL, MRotaryEmbedding of vLLM, ggml_rope_multi, axial RoPE of vision models.
template <typename Scalar, typename Positions, detail::IfTableOfAxes<Scalar, Positions> = 0>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const AxisMap& axes, const Positions& positions,
                                  TableOptions options = {}) {
  const auto& given = detail::axis_positions(positions);
  const auto& values = detail::evaluated(given);
  detail::require_axes("make_table", frequencies, axes, options.angles, values);
  FrequencyTable<Scalar> table(values.rows(), frequencies.num_pairs(), options);
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
  return table;
}

/// Writes new positions on several axes into a table, without an allocation. The table keeps its storage and AngleMode.
///
/// @param[in,out] table  rows x num_pairs.
/// @param positions      table.rows() x axes.num_axes(); or what mrope_positions() returns.
/// @throws std::invalid_argument  besides those of make_table(): another number of rows or pairs than the table has. The
///                                table is unchanged whenever something is thrown.
/// Cost:     that of make_table() without the allocation (bench_frequency: fill_table, several axes).
/// Accuracy: that of make_table(), whose numbers it writes [frequency][axes].
template <typename Scalar, typename Positions, detail::IfTableOfAxes<Scalar, Positions> = 0>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                const Positions& positions) {
  const auto& given = detail::axis_positions(positions);
  const auto& values = detail::evaluated(given);
  detail::require_axes("fill_table", frequencies, axes, table.angles(), values);
  detail::require_fillable(table, frequencies, "positions.rows()", values.rows());
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

// ---- posenc/frequency.hpp
/// The shared source of angles: frequencies, the rules that extend a context, and the cos/sin table.
#ifndef POSENC_FREQUENCY_HPP
#define POSENC_FREQUENCY_HPP

// How fast each pair rotates.

// Rules that extend the context.

// The cos/sin table.

// Several axes.

// For headers that make tables by rules of their own, such as xPos: no names for users.

#endif  // POSENC_FREQUENCY_HPP

// ---- posenc/learnable/lookup_options.hpp
/// What a trained table answers past its last row, and which row has no gradient.
#ifndef POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP
#define POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// What is at position p >= n of a table of n rows P. Negative positions are an error under every policy.
enum class Overflow {
  error,        ///< std::out_of_range. BERT, GPT-2, OPT, RoBERTa, x-transformers.
  clamp,        ///< P[n - 1]. Marian's transformer.h.
  zero,         ///< 0, and no gradient. tensor2tensor, which pads its table with zeros.
  hierarchical  ///< a u[p / n] + (1 - a) u[p % n], u = (P - a P[0]) / (1 - a), a = alpha: n^2 positions. bert4keras.
};

/// How positions are looked up in a trained table.
struct LookupOptions {
  Overflow overflow = Overflow::error;
  double alpha = 0.4;  ///< Of Overflow::hierarchical; 0 < alpha < 1. With 1/2, (i, j) and (j, i) look the same.
  std::optional<Eigen::Index> padding_row = {};  ///< `padding_idx`: a row that is read as any other but not trained.
};

namespace detail {

inline void require_lookup(const char* function, const LookupOptions& options, Eigen::Index rows) {
  require(is_finite(options.alpha) && options.alpha > 0 && options.alpha < 1, function, "alpha", options.alpha,
          "> 0 and < 1");
  if (options.padding_row) {
    require_in_range(*options.padding_row >= 0 && *options.padding_row < rows, function, "padding_row",
                     *options.padding_row, "in [0, ", rows, ") (rows of the table)");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP

// ---- posenc/learnable/learned_table_view.hpp
/// LearnedTableView: a trained table around weights that live elsewhere.
#ifndef POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP
#define POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether T is a LearnedTable or a LearnedTableView: the members rows(), width(), options(), values(), row_data(row)
/// and row_stride().
template <typename T>
inline constexpr bool is_learned_table = false;

inline void require_learned_table(const char* function, Eigen::Index rows, Eigen::Index width,
                                  const LookupOptions& options) {
  require(rows > 0, function, "rows", rows, "> 0");
  require(width > 0, function, "width", width, "> 0");
  require_lookup(function, options, rows);
}

}  // namespace detail

/// A trained table around a caller's weights, rows x width: row p is the encoding of position p. From
/// wrap_learned_table(). The weights must outlive it, and it sees every change made to them.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Scalar_>
class LearnedTableView {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a LearnedTableView refers to float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

  Eigen::Index rows() const { return rows_; }
  Eigen::Index width() const { return width_; }
  const LookupOptions& options() const { return options_; }
  /// All rows, rows x width. No copy.
  ConstMap values() const { return ConstMap(weights_, rows_, width_, Eigen::OuterStride<>(row_stride_)); }
  /// The width() numbers of one row.
  const Scalar* row_data(Eigen::Index row) const { return weights_ + row * row_stride_; }
  /// Numbers from one row to the next.
  Eigen::Index row_stride() const { return row_stride_; }

 private:
  LearnedTableView(const Scalar* weights, Eigen::Index rows, Eigen::Index width, Eigen::Index row_stride,
                   const LookupOptions& options)
      : weights_(weights), rows_(rows), width_(width), row_stride_(row_stride), options_(options) {
    const char* const function = "wrap_learned_table";
    detail::require_learned_table(function, rows, width, options);
    detail::require(rows == 1 || row_stride >= width, function, "row_stride", row_stride, "at least width ", width);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(weights != nullptr, function, "weights", "null", "a valid pointer");
  }
  template <typename Scalar>
  friend LearnedTableView<Scalar> wrap_learned_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                                     Eigen::Index row_stride, const LookupOptions& options);

  const Scalar* weights_;
  Eigen::Index rows_;
  Eigen::Index width_;
  Eigen::Index row_stride_;
  LookupOptions options_;
};

namespace detail {

template <typename Scalar>
inline constexpr bool is_learned_table<LearnedTableView<Scalar>> = true;

}  // namespace detail

/// Refers to a caller's weights as a trained table. No copy; the weights must outlive the view.
///
/// @param weights     Entry (row, i) at weights[row * row_stride + i].
/// @param rows        Number of positions, > 0.
/// @param width       Channels of a row (d_model), > 0.
/// @param row_stride  Numbers from one row to the next, >= width.
/// @param options     What lies past the last row, and which row is not trained. By default, past the last row is
///                    refused.
/// @throws std::invalid_argument  one of these does not hold; a null pointer; alpha not in (0, 1).
/// @throws std::out_of_range      options.padding_row is no row.
/// @throws std::length_error      rows that memory's index type does not count.
/// Cost:     none (not measured: nothing is copied).
template <typename Scalar>
LearnedTableView<Scalar> wrap_learned_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                            Eigen::Index row_stride, const LookupOptions& options = {}) {
  return LearnedTableView<Scalar>(weights, rows, width, row_stride, options);
}

/// @overload
/// From an Eigen object in memory: a row-major Matrix, Map, Ref or Block. A temporary matrix does not compile, and
/// neither does a column-major one: there LearnedTable<Scalar>(weights) copies.
template <typename Derived>
LearnedTableView<typename Derived::Scalar> wrap_learned_table(const Eigen::DenseBase<Derived>& weights,
                                                              const LookupOptions& options = {}) {
  static_assert(detail::has_rows_in_memory<Derived>,
                "posenc: only rows that lie in memory can be wrapped: a row-major Matrix, Map, Ref or Block; write "
                "LearnedTable<Scalar>(weights) to copy");
  detail::require(weights.size() == 0 || detail::has_contiguous_rows(weights), "wrap_learned_table",
                  "weights.innerStride()", weights.derived().innerStride(), "1");
  detail::require(weights.rows() > 0, "wrap_learned_table", "weights.rows()", weights.rows(), "> 0");
  detail::require(weights.cols() > 0, "wrap_learned_table", "weights.cols()", weights.cols(), "> 0");
  return wrap_learned_table(weights.derived().data(), weights.rows(), weights.cols(), weights.derived().outerStride(),
                            options);
}

/// @overload
template <typename Derived>
LearnedTableView<typename Derived::Scalar> wrap_learned_table(const Eigen::DenseBase<Derived>&& weights,
                                                              const LookupOptions& options = {}) {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the weights are a temporary matrix, and the view would outlive them");
  return wrap_learned_table(static_cast<const Eigen::DenseBase<Derived>&>(weights), options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP

// ---- posenc/learnable/learned_table.hpp
/// LearnedTable: one trained row for each position, owned.
#ifndef POSENC_LEARNABLE_LEARNED_TABLE_HPP
#define POSENC_LEARNABLE_LEARNED_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

template <typename Scalar_>
struct NpyArray;

/// A trained table that owns its numbers, rows x width: row p is the encoding of position p.
///
/// The shape stays as it was made; values() gives the numbers to fill, to train and to read. Weights that live
/// elsewhere are a LearnedTableView, from wrap_learned_table(). Const access from many threads is safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
/// Matches:  nn.Embedding of PyTorch with padding_idx; `wpe` of GPT-2, `position_embeddings` of BERT.
template <typename Scalar_>
class LearnedTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a LearnedTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A table of zeros, for fill(table.values(), ...) to initialize.
  /// @param rows     Number of positions, > 0.
  /// @param width    Channels of a row (d_model), > 0.
  /// @param options  What lies past the last row, and which row is not trained. By default a position past the last row
  ///                 is refused.
  /// @throws std::invalid_argument  rows <= 0 or width <= 0; alpha not in (0, 1).
  /// @throws std::out_of_range      options.padding_row is no row.
  /// @throws std::length_error      the table does not fit into memory's index type.
  LearnedTable(Eigen::Index rows, Eigen::Index width, const LookupOptions& options = {})
      : options_(checked(rows, width, options)), storage_(Matrix::Zero(rows, width)) {}

  /// A copy of a matrix, rounded once to Scalar.
  /// @throws  as above.
  template <typename Derived>
  explicit LearnedTable(const Eigen::DenseBase<Derived>& values, const LookupOptions& options = {})
      : LearnedTable(values.rows(), values.cols(), options) {
    copy(detail::evaluated(values));
  }

  /// The array of a file: `LearnedTable<float> wpe = read_npy<float>(path)`.
  /// @param array  [rows, width], with any number of axes of length 1 in front: [1, 197, 768].
  /// @throws std::invalid_argument  another shape; otherwise as above.
  template <typename ArrayScalar>
  LearnedTable(const NpyArray<ArrayScalar>& array, const LookupOptions& options = {})  // NOLINT: meant to convert
      : LearnedTable(array.values.rows(), array.values.cols(), options) {
    const auto axes = static_cast<Eigen::Index>(array.shape.size());
    detail::require(axes >= 2, "LearnedTable", "array.shape.size()", axes, "at least 2: [rows, width]");
    for (Eigen::Index axis = 0; axis + 2 < axes; ++axis) {
      const Eigen::Index length = array.shape[static_cast<std::size_t>(axis)];
      if (length == 1) continue;
      detail::refuse<std::invalid_argument>("LearnedTable", detail::element("array.shape", axis), length,
                                            "1 in front of [rows, width]");
    }
    copy(array.values);
  }

  Eigen::Index rows() const { return storage_.rows(); }
  Eigen::Index width() const { return storage_.cols(); }
  const LookupOptions& options() const { return options_; }
  /// All rows, rows x width, to read. No copy.
  Eigen::Map<const Matrix> values() const& { return {storage_.data(), rows(), width()}; }
  /// All rows, rows x width, to initialize and to train. No copy.
  Eigen::Map<Matrix> values() & { return {storage_.data(), rows(), width()}; }
  /// The width() numbers of one row.
  const Scalar* row_data(Eigen::Index row) const { return storage_.data() + row * width(); }
  /// Numbers from one row to the next.
  Eigen::Index row_stride() const { return width(); }

 private:
  static const LookupOptions& checked(Eigen::Index rows, Eigen::Index width, const LookupOptions& options) {
    detail::require_learned_table("LearnedTable", rows, width, options);
    detail::require_size("LearnedTable", "rows", rows, width, sizeof(Scalar));
    return options;
  }
  template <typename Values>
  void copy(const Values& values) {
    for (Eigen::Index row = 0; row < rows(); ++row) {
      for (Eigen::Index i = 0; i < width(); ++i) storage_(row, i) = detail::convert<Scalar>(values.coeff(row, i));
    }
  }

  LookupOptions options_;
  Matrix storage_;
};

namespace detail {

template <typename Scalar>
inline constexpr bool is_learned_table<LearnedTable<Scalar>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_TABLE_HPP

// ---- posenc/learnable/detail/explain_learned.hpp
/// What encode_learned(), add_learned() and learned_backward() answer to arguments that are missing or out of order.
#ifndef POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether encode_learned() and add_learned() take an x and a table of these types.
template <typename X, typename Table>
inline constexpr bool are_learned_arguments = is_dense<std::decay_t<X>>&& is_learned_table<Table>;

/// Whether learned_backward() does.
template <typename GradTable, typename GradX, typename Table>
inline constexpr bool are_learned_gradients = is_dense<std::decay_t<GradTable>>&& is_dense<GradX> &&
                                              (is_learned_table<Table> || std::is_same_v<Table, LookupOptions>);

template <typename First, typename Second = void, typename... More>
constexpr bool explain_learned() {
  constexpr bool in_order = is_dense<First> && is_learned_table<Second>;
  static_assert(
      !in_order || sizeof...(More) != 0,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), or a list with one for "
      "each token");
  static_assert(!is_learned_table<First> || !is_dense<Second>,
                "posenc: the matrix comes first: write add_learned(x, table, positions)");
  static_assert(in_order || is_learned_table<First> || !is_dense<First> || !is_dense<Second>,
                "posenc: the table must be a LearnedTable: write wrap_learned_table(weights) for a matrix of weights");
  static_assert(is_dense<First> || is_learned_table<First>,
                "posenc: x must be an Eigen object: wrap a raw buffer with Eigen::Map");
  static_assert(
      in_order || is_learned_table<First> || !is_dense<First> || is_dense<Second>,
      "posenc: write encode_learned(out, table, positions) or add_learned(x, table, positions), where table is "
      "a LearnedTable or wrap_learned_table(weights)");
  static_assert(!in_order || sizeof...(More) <= 1,
                "posenc: too many arguments: write add_learned(x, table, positions)");
  return true;
}

template <typename... Arguments>
constexpr bool explain_learned_backward() {
  static_assert(sizeof...(Arguments) != 3,
                "posenc: an argument is missing: write learned_backward(grad_table, grad_x, table, positions), where "
                "positions are starting_at(first), PositionRange(first, count), or a list with one for each token");
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write learned_backward(grad_table, grad_x, table, positions), in that order, where both "
                "gradients are Eigen objects and table is the LearnedTable of the forward call, or its LookupOptions");
  return true;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_EXPLAIN_LEARNED_HPP

// ---- posenc/detail/row.hpp
/// Rows copied to another scalar, and added to one another: formed in the arithmetic type, rounded once.
#ifndef POSENC_DETAIL_ROW_HPP
#define POSENC_DETAIL_ROW_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr int kRowBlock = 16;

/// to[i] = from[i]; both are disjoint.
template <typename To, typename From>
void store_row(To* to, const From* from, Eigen::Index width) {
  if constexpr (std::is_same_v<To, From>) {
    std::copy_n(from, width, to);
  } else {
    Eigen::Index i = 0;
    for (; i + kRowBlock <= width; i += kRowBlock) cast_block<kRowBlock>(to + i, from + i);
    for (; i < width; ++i) to[i] = cast_scalar<To>(from[i]);
  }
}

/// to[i] += from[i]; both are disjoint.
template <typename To, typename From>
void add_row(To* to, const From* from, Eigen::Index width) {
  using Number = ArithmeticScalar<To, From>;
  if constexpr (std::is_same_v<To, From> && std::is_same_v<To, Number>) {
    Eigen::Map<Eigen::Array<To, Eigen::Dynamic, 1>>(to, width) +=
        Eigen::Map<const Eigen::Array<From, Eigen::Dynamic, 1>>(from, width);
  } else {
    Eigen::Index i = 0;
    for (; i + kRowBlock <= width; i += kRowBlock) {
      Number sums[kRowBlock];
      Number terms[kRowBlock];
      cast_block<kRowBlock>(sums, to + i);
      cast_block<kRowBlock>(terms, from + i);
      POSENC_VECTOR_LOOP
      for (int k = 0; k < kRowBlock; ++k) sums[k] += terms[k];
      cast_block<kRowBlock>(to + i, sums);
    }
    for (; i < width; ++i) to[i] = cast_scalar<To>(cast_scalar<Number>(to[i]) + cast_scalar<Number>(from[i]));
  }
}

/// target += values, two disjoint vectors.
template <typename Target, typename Values>
void add_rounded_once(Target&& target, const Values& values) {
  using Vector = std::decay_t<Target>;
  using Stored = typename Vector::Scalar;
  using Number = ArithmeticScalar<Stored, typename Values::Scalar>;
  if constexpr (std::is_same_v<Number, Stored>) {
    target.array() += values.template cast<Number>();
  } else {
    if constexpr (is_in_memory<Vector> && is_in_memory<Values>) {
      if (target.innerStride() == 1 && values.innerStride() == 1) {
        return add_row(target.data(), values.data(), target.size());
      }
    }
    for (Eigen::Index i = 0; i < target.size(); ++i) {
      Stored& to = target.coeffRef(i);
      to = convert<Stored>(convert<Number>(to) + convert<Number>(values.coeff(i)));
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROW_HPP

// ---- posenc/learnable/detail/lookup.hpp
/// Which rows of a trained table a position takes, and the checks of positions against the table.
#ifndef POSENC_LEARNABLE_DETAIL_LOOKUP_HPP
#define POSENC_LEARNABLE_DETAIL_LOOKUP_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// P[row] + ratio (P[outer] - P[0]). `outer` is 0 except for hierarchical positions; `row` is -1 where the answer is
/// zero.
struct TableRow {
  Eigen::Index row;
  Eigen::Index outer;
};

/// Which rows a position takes. Hierarchical: a u[o] + (1 - a) u[i] = P[i] + ratio (P[o] - P[0]), ratio = a / (1 - a).
class Lookup {
 public:
  Lookup(const LookupOptions& options, Eigen::Index rows)
      : overflow_(options.overflow), rows_(rows), ratio_(options.alpha / (1 - options.alpha)) {}

  double ratio() const { return ratio_; }

  TableRow operator()(std::int64_t position) const {
    if (position < rows_) return {static_cast<Eigen::Index>(position), 0};
    if (overflow_ == Overflow::clamp) return {static_cast<Eigen::Index>(rows_ - 1), 0};
    if (overflow_ == Overflow::zero) return {-1, 0};
    return {static_cast<Eigen::Index>(position % rows_), static_cast<Eigen::Index>(position / rows_)};
  }

  bool has(std::int64_t position) const {
    if (position < 0) return false;
    if (position < rows_ || overflow_ == Overflow::clamp || overflow_ == Overflow::zero) return true;
    return overflow_ == Overflow::hierarchical && position / rows_ < rows_;
  }

  /// `name` is a function that gives the parameter's name in a message.
  template <typename Name>
  void require_position(const char* function, std::int64_t position, Name&& name) const {
    if (!has(position)) refuse_position(function, name(), position);
  }

 private:
  [[noreturn]] POSENC_COLD void refuse_position(const char* function, const std::string& name,
                                                std::int64_t position) const {
    if (position < 0) refuse<std::out_of_range>(function, name, position, ">= 0");
    const bool squared = overflow_ == Overflow::hierarchical;
    refuse<std::out_of_range>(function, name, position, "less than ", rows_, squared ? "^2" : "",
                              squared ? " (rows of the table, squared)" : " (rows of the table)");
  }

  Overflow overflow_;
  std::int64_t rows_;
  double ratio_;
};

/// The positions first, ..., first + count - 1.
inline void require_run(const char* function, const Lookup& lookup, std::int64_t first, Eigen::Index count) {
  if (count == 0) return;
  lookup.require_position(function, first, [] { return "the first position"; });
  lookup.require_position(function, first + count - 1, [] { return "the last position"; });
}

inline void require_in_table(const char* function, const Lookup& lookup, const RangePositions& positions) {
  require_run(function, lookup, positions.rows() == 0 ? 0 : positions[0], positions.rows());
}

inline void require_in_table(const char* function, const Lookup& lookup, const SequencePositions& positions) {
  if (positions.rows() > 0) require_run(function, lookup, positions[0], positions.length());
}

template <typename List>
void require_in_table(const char* function, const Lookup& lookup, const ListPositions<List>& positions) {
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    lookup.require_position(function, positions[i], [i] { return element("positions", i); });
  }
}

template <typename List>
void require_in_table(const char* function, const Lookup& lookup, const RaggedPositions<List>& positions) {
  const Eigen::Index length = positions.length();
  for (Eigen::Index i = 0; i < positions.rows(); i += length) {
    const std::string name = element("starts", i / length);
    lookup.require_position(function, positions[i], [&] { return name; });
    lookup.require_position(function, positions[i + length - 1],
                            [&] { return name + " + " + std::to_string(length - 1); });
  }
}

/// Checks `given` against the tokens of `parameter` and against the table, then calls action(positions).
template <typename Given, typename Action>
void with_table_positions(const char* function, const char* parameter, const Given& given, Eigen::Index rows,
                          const Lookup& lookup, Action&& action) {
  with_token_positions(function, parameter, given, rows, [&](const auto& positions) {
    using Position = std::decay_t<decltype(positions[0])>;
    static_assert(std::is_integral_v<Position>,
                  "posenc: positions in a trained table are its rows: they must be integers, not float or double");
    if constexpr (std::is_integral_v<Position>) {
      require_in_table(function, lookup, positions);
      action(positions);
    }
  });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_LOOKUP_HPP

// ---- posenc/learnable/detail/write_learned.hpp
/// The kernels that write and add rows of a trained table.
#ifndef POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Entry `column` of what the lookup found, in Number.
template <typename Number, typename Table>
Number learned_value(const Table& table, TableRow at, Eigen::Index column, Number ratio) {
  if (at.row < 0) return Number(0);
  const Number value = convert<Number>(table.row_data(at.row)[column]);
  if (at.outer == 0) return value;
  return value +
         ratio * (convert<Number>(table.row_data(at.outer)[column]) - convert<Number>(table.row_data(0)[column]));
}

/// One row of x, contiguous in memory.
template <bool Add, typename Scalar, typename Table>
void write_learned_row(Scalar* x, const Table& table, TableRow at, double ratio) {
  const Eigen::Index width = table.width();
  if (at.row < 0) {
    if constexpr (!Add) std::fill(x, x + width, Scalar(0));
  } else if (at.outer == 0) {
    if constexpr (Add) {
      add_row(x, table.row_data(at.row), width);
    } else {
      store_row(x, table.row_data(at.row), width);
    }
  } else {
    using Number = ArithmeticScalar<Scalar, typename Table::Scalar>;
    for (Eigen::Index i = 0; i < width; ++i) {
      const Number value = learned_value(table, at, i, static_cast<Number>(ratio));
      x[i] = convert<Scalar>(Add ? convert<Number>(x[i]) + value : value);
    }
  }
}

template <bool Add, typename X, typename Table, typename Positions>
void write_learned(X& x, const Table& table, const Lookup& lookup, const Positions& positions) {
  using Scalar = typename X::Scalar;
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      for (Eigen::Index row = 0; row < x.rows(); ++row) {
        write_learned_row<Add>(x.data() + row * x.outerStride(), table, lookup(positions[row]), lookup.ratio());
      }
      return;
    }
  }
  using Number = ArithmeticScalar<Scalar, typename Table::Scalar>;
  const Number ratio = Number(lookup.ratio());
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    const TableRow at = lookup(positions[row]);
    for (Eigen::Index column = 0; column < x.cols(); ++column) {
      const Number value = learned_value(table, at, column, ratio);
      Scalar& target = x.coeffRef(row, column);
      if constexpr (Add) {
        target = convert<Scalar>(Number(convert<Number>(target) + value));
      } else {
        target = convert<Scalar>(value);
      }
    }
  }
}

/// Checks everything, then writes or adds.
template <bool Add, typename X, typename Table, typename Given>
void apply_learned(const char* function, const char* parameter, X& x, const Table& table, const Given& given) {
  require_width(function, parameter, x, "table.width()", table.width());
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
  require_disjoint(function, parameter, x, table.values());
  const Lookup lookup(table.options(), table.rows());
  with_table_positions(function, parameter, given, x.rows(), lookup,
                       [&](const auto& positions) { write_learned<Add>(x, table, lookup, positions); });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP

// ---- posenc/learnable/add_learned.hpp
/// Writes and adds the rows of a trained table.
#ifndef POSENC_LEARNABLE_ADD_LEARNED_HPP
#define POSENC_LEARNABLE_ADD_LEARNED_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Writes the table's row of each token's position into `out`: out[t] = P[position of t].
///
/// @param[out] out   tokens x table.width(): any writable dense Eigen object, row- or column-major, of any real scalar.
/// @param table      A LearnedTable, or wrap_learned_table(weights). Past its last row is refused, unless its
///                   LookupOptions say otherwise.
/// @param positions  One for each token: starting_at(first); PositionRange(first, count) with count == out.rows(); a
///                   list of integers of any type (an Eigen vector, a [batch, length] matrix read along its rows,
///                   std::vector, ...). In a batch of stacked sequences: each_sequence(length, starting_at(first)), or
///                   each_sequence(length, starts) with the first position of each. Models that count from elsewhere:
///                   opt_positions(), roberta_positions(); BART is starting_at(first + 2).
/// @throws std::invalid_argument  out.cols() is not the table's width; another number of positions than rows; memory
///                                shared with the table, or rows of `out` that lie in one another.
/// @throws std::out_of_range      a position < 0, or one that the table and its Overflow do not have. `out` is
///                                unchanged whenever one is thrown.
/// Cost:     a copy of each row; hierarchical positions past the table one multiplication and two additions for each
///           value. No allocation. Column-major and strided `out` element by element (bench_learnable: lookup).
/// Accuracy: table rows exactly, rounded once where `out` has another scalar. Hierarchical: 3 roundings of the largest
///           term, half types in float [learnable][lookup].
/// Threads:  blocks of rows of one `out` may be written at the same time.
/// Source:   Gehring et al. 2017, arXiv:1705.03122, section 3.1; Devlin et al. 2018, arXiv:1810.04805. Hierarchical:
///           Su 2020, kexue.fm/archives/7947.
/// Matches:  nn.Embedding(positions) of PyTorch, PositionEmbedding of bert4keras, PositionEmbedding of CTranslate2.
template <typename Out, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_arguments<Out, Table>, int> = 0>
void encode_learned(Out&& out, const Table& table, const Positions& positions) {
  detail::apply_learned<false>("encode_learned", "out", detail::written(std::forward<Out>(out)), table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_learned(const Arguments&...) {
  static_assert(detail::explain_learned<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_learned(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Adds the table's row of each token's position to token embeddings, in place: x[t] += P[position of t].
///
/// @param[in,out] x  tokens x table.width(); `table`, `positions` and errors as in encode_learned().
/// Cost:     that of x += y. No allocation (bench_learnable: lookup).
/// Accuracy: one rounding; half types are added in float, and a double table or x makes the addition double
///           [learnable][lookup].
template <typename X, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_arguments<X, Table>, int> = 0>
void add_learned(X&& x, const Table& table, const Positions& positions) {
  detail::apply_learned<true>("add_learned", "x", detail::written(std::forward<X>(x)), table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void add_learned(const Arguments&...) {
  static_assert(detail::explain_learned<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void add_learned(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_ADD_LEARNED_HPP

// ---- posenc/learnable/initializers.hpp
/// Rules for the initial values of a trained table, as values: fill(table.values(), Normal(0.02), seed).
#ifndef POSENC_LEARNABLE_INITIALIZERS_HPP
#define POSENC_LEARNABLE_INITIALIZERS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Every value 0: the start of PositionEmbedding in bert4keras, and of tables that are added to a pretrained model.
struct Zeros {};

/// Independent normal numbers N(mean, stddev^2).
/// Matches:  nn.init.normal_ of PyTorch in distribution, not in the numbers.
class Normal {
 public:
  /// @param stddev  Standard deviation, finite and >= 0: GPT-2 0.01, BERT and RoBERTa 0.02, fairseq width^-0.5.
  /// @param mean    Finite.
  /// @throws std::invalid_argument  one of these does not hold; stddev 0 with another mean than 0, which are in the wrong
  ///                                order: PyTorch has the mean first.
  explicit Normal(double stddev, double mean = 0) : stddev_(stddev), mean_(mean) {
    detail::require(detail::is_finite(stddev) && stddev >= 0, "Normal", "stddev", stddev, "finite and >= 0");
    detail::require(detail::is_finite(mean), "Normal", "mean", mean, "finite");
    detail::require(stddev > 0 || mean == 0, "Normal", "stddev", stddev, "> 0 for a mean of ", mean,
                    " (stddev is the first argument, mean the second)");
  }
  double stddev() const { return stddev_; }
  double mean() const { return mean_; }

 private:
  double stddev_;
  double mean_;
};

/// Independent normal numbers that lie in [low, high]: numbers outside are drawn again, not clamped.
/// Matches:  nn.init.trunc_normal_ of PyTorch and timm in distribution, not in the numbers.
class TruncatedNormal {
 public:
  /// @param stddev     Standard deviation of the normal distribution that is cut, finite and > 0: BERT and ViT 0.02.
  /// @param low, high  The bounds in absolute units, low < high. PyTorch and timm cut at -2 and 2, which is 100 stddev
  ///                   of 0.02; TensorFlow and bert4keras at 2 stddev: -0.04, 0.04.
  /// @param mean       Finite; less than 37 stddev beyond a bound.
  /// @throws std::invalid_argument  one of these does not hold.
  TruncatedNormal(double stddev, double low, double high, double mean = 0)
      : stddev_(stddev), low_(low), high_(high), mean_(mean) {
    const char* const function = "TruncatedNormal";
    constexpr double furthest = 37;  // shares beyond are below the smallest normal double
    detail::require(detail::is_finite(stddev) && stddev > 0, function, "stddev", stddev, "finite and > 0");
    detail::require(detail::is_finite(mean), function, "mean", mean, "finite");
    detail::require(detail::is_finite(low), function, "low", low, "finite");
    detail::require(detail::is_finite(high) && low < high, function, "high", high, "finite and greater than low ", low);
    detail::require((low - mean) / stddev < furthest, function, "low", low, "less than 37 stddev above the mean");
    detail::require((high - mean) / stddev > -furthest, function, "high", high, "less than 37 stddev below the mean");
  }
  double stddev() const { return stddev_; }
  double low() const { return low_; }
  double high() const { return high_; }
  double mean() const { return mean_; }

 private:
  double stddev_;
  double low_;
  double high_;
  double mean_;
};

/// Independent numbers, uniform in [low, high]. flashlight: Uniform(-0.1, 0.1).
/// Matches:  nn.init.uniform_ of PyTorch in distribution, not in the numbers.
class Uniform {
 public:
  /// @param low, high  Finite, low <= high, and so is high - low.
  /// @throws std::invalid_argument  this does not hold.
  Uniform(double low, double high) : low_(low), high_(high) {
    detail::require(detail::is_finite(low), "Uniform", "low", low, "finite");
    detail::require(detail::is_finite(high) && detail::is_finite(high - low) && low <= high, "Uniform", "high", high,
                    "finite and at least low ", low);
  }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_;
  double high_;
};

namespace detail {

inline double checked_gain(const char* function, double gain) {
  require(is_finite(gain) && gain >= 0, function, "gain", gain, "finite and >= 0");
  return gain;
}

}  // namespace detail

/// Xavier (Glorot): uniform in +-gain sqrt(6 / (rows + width)).
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_uniform_ of PyTorch in distribution, not in the numbers.
class XavierUniform {
 public:
  /// @throws std::invalid_argument  gain negative, NaN or infinite.
  explicit XavierUniform(double gain = 1) : gain_(detail::checked_gain("XavierUniform", gain)) {}
  double gain() const { return gain_; }

 private:
  double gain_;
};

/// Xavier (Glorot): normal with standard deviation gain sqrt(2 / (rows + width)).
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_normal_ of PyTorch in distribution, not in the numbers.
class XavierNormal {
 public:
  /// @throws std::invalid_argument  gain negative, NaN or infinite.
  explicit XavierNormal(double gain = 1) : gain_(detail::checked_gain("XavierNormal", gain)) {}
  double gain() const { return gain_; }

 private:
  double gain_;
};

/// The sinusoids of positions 0, 1, ..., as a start for training: the values of encode_sinusoidal().
/// Matches:  the Sinusoidal initializer of bert4keras.
class SinusoidalRows {
 public:
  /// @param frequencies  One for each sine, such as geometric_frequencies(width, 10000); the magnitude is a factor.
  /// @param order        Which channels are sines and which are cosines. It has no default, because projects differ.
  SinusoidalRows(Frequencies frequencies, ChannelOrder order) : frequencies_(std::move(frequencies)), order_(order) {}
  const Frequencies& frequencies() const { return frequencies_; }
  ChannelOrder order() const { return order_; }

 private:
  Frequencies frequencies_;
  ChannelOrder order_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_INITIALIZERS_HPP

// ---- posenc/learnable/detail/random.hpp
/// Random numbers with the same bits on every platform: the engine is the standard's, the distributions are posenc's.
///
/// Only operations that IEEE 754 rounds correctly take part (+ - * / sqrt, std::fma), and every product that is added
/// to goes through std::fma, so that it does not matter whether a compiler fuses. -ffast-math voids that.
#ifndef POSENC_LEARNABLE_DETAIL_RANDOM_HPP
#define POSENC_LEARNABLE_DETAIL_RANDOM_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One number for each call, uniform in (0, 1): (k + 1/2) 2^-52 with k the upper 52 bits of the engine's next output.
class UniformSource {
 public:
  explicit UniformSource(std::uint64_t seed) : engine_(seed) {}
  double operator()() { return (static_cast<double>(engine_() >> 12) + 0.5) * 0x1p-52; }

 private:
  std::mt19937_64 engine_;
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

// ---- posenc/learnable/detail/draw.hpp
/// Numbers drawn by the rules of initializers.hpp: draw(rule, rows, width, seed) returns a function of the next one.
#ifndef POSENC_LEARNABLE_DETAIL_DRAW_HPP
#define POSENC_LEARNABLE_DETAIL_DRAW_HPP

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

// ---- posenc/learnable/fill.hpp
/// Writes the initial values of a trained table: seeded, and the same bits on every platform.
///
/// Value k of the seed's sequence goes to row k / width, column k % width, whatever the storage order. Each takes one
/// output of std::mt19937_64, which the standard fixes bit by bit. The distributions are posenc's own and call no libm,
/// because those of platforms differ. All values are formed in double and rounded once. -ffast-math voids the promise.
#ifndef POSENC_LEARNABLE_FILL_HPP
#define POSENC_LEARNABLE_FILL_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Derived, typename Next>
void fill_rows(Derived& values, Next&& next) {
  for (Eigen::Index row = 0; row < values.rows(); ++row) {
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      values.coeffRef(row, i) = convert<typename Derived::Scalar>(next());
    }
  }
}

template <typename Derived>
void fill_sinusoidal(Derived& values, const SinusoidalRows& rule) {
  using Scalar = typename Derived::Scalar;
  const Frequencies& frequencies = rule.frequencies();
  const Eigen::Index pairs = frequencies.num_pairs();
  require(values.cols() == 2 * pairs, "fill", "values.cols()", values.cols(), "2 * rule.frequencies().num_pairs() ",
          2 * pairs);
  const RangePositions positions(PositionRange(0, values.rows()));
  require_finite_angles("fill", frequencies.fastest(), false, positions);
  const SinusoidColumns columns(rule.order(), pairs, pairs);
  for_each_angle(frequencies, frequencies.magnitude(), positions,
                 [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
                   for (int i = 0; i < count; ++i) {
                     values.coeffRef(row, columns.sine(pair + i)) = convert<Scalar>(sine[i]);
                     values.coeffRef(row, columns.cosine(pair + i)) = convert<Scalar>(cosine[i]);
                   }
                 });
}

template <typename Rule>
inline constexpr bool is_seedless_rule = std::is_same_v<Rule, Zeros> || std::is_same_v<Rule, SinusoidalRows>;

template <typename Values, typename... More>
constexpr bool explain_fill() {
  constexpr bool random = (is_random_rule<More> || ...);
  constexpr bool seedless = (is_seedless_rule<More> || ...);
  static_assert(is_dense<Values> || !(random || seedless),
                "posenc: values must be an Eigen object: write table.values() for a LearnedTable");
  static_assert(!is_dense<Values> || !random || sizeof...(More) != 1,
                "posenc: a random rule needs a seed: write fill(values, rule, seed)");
  static_assert(!is_dense<Values> || !random || sizeof...(More) == 1,
                "posenc: write fill(values, rule, seed), in that order and with a whole number as the seed");
  static_assert(!is_dense<Values> || !seedless, "posenc: this rule takes no seed: write fill(values, rule)");
  static_assert(
      random || seedless,
      "posenc: fill takes values and a rule: Normal(stddev), TruncatedNormal(stddev, low, high), Uniform(low, "
      "high), XavierUniform(), XavierNormal(), each with a seed, or Zeros(), SinusoidalRows(...)");
  return true;
}

}  // namespace detail

/// Fills a matrix with random numbers of a rule: fill(table.values(), Normal(0.02), seed).
///
/// @param[out] values  rows x width: any writable dense Eigen object, such as LearnedTable::values().
/// @param rule         Normal, TruncatedNormal, Uniform, XavierUniform or XavierNormal.
/// @param seed         Of std::mt19937_64, a whole number. The same seed gives the same bits on every platform.
/// Cost:     one number of std::mt19937_64 and, for normal ones, a rational function for each value (no bench case:
///           done once for a model).
/// Accuracy: normal quantiles to 2e-15 relative [learnable][initialize].
/// Source:   Wichura 1988, Applied Statistics 37(3), AS 241, for normal numbers; otherwise see the rules.
/// Matches:  the initializers that the rules name, in distribution.
template <
    typename Values, typename Rule, typename Seed,
    std::enable_if_t<detail::is_dense<std::decay_t<Values>> && detail::is_random_rule<Rule> && std::is_integral_v<Seed>,
                     int> = 0>
void fill(Values&& values, const Rule& rule, const Seed& seed) {
  auto& target = detail::written(std::forward<Values>(values));
  detail::require_data("fill", "values", target);
  detail::require_no_self_overlap("fill", "values", target);
  detail::fill_rows(target, detail::draw(rule, target.rows(), target.cols(), static_cast<std::uint64_t>(seed)));
}

/// @overload
/// Fills a matrix by a rule that draws nothing: Zeros() or SinusoidalRows(frequencies, order).
///
/// @throws std::invalid_argument  SinusoidalRows: a width other than 2 frequencies.num_pairs().
/// @throws std::out_of_range      SinusoidalRows: an angle that is not finite. `values` is unchanged whenever one is
///                                thrown.
/// Accuracy: SinusoidalRows: what encode_sinusoidal() writes, bit for bit [learnable][initialize]. The frequencies come
///           from std::pow, whose last bit is the platform's.
template <typename Values, typename Rule,
          std::enable_if_t<detail::is_dense<std::decay_t<Values>> && detail::is_seedless_rule<Rule>, int> = 0>
void fill(Values&& values, const Rule& rule) {
  auto& target = detail::written(std::forward<Values>(values));
  detail::require_data("fill", "values", target);
  detail::require_no_self_overlap("fill", "values", target);
  if constexpr (std::is_same_v<Rule, Zeros>) {
    detail::fill_rows(target, [] { return 0.0; });
  } else {
    detail::fill_sinusoidal(target, rule);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename Values, typename... More>
void fill(const Values&, const More&...) {
  static_assert(detail::explain_fill<Values, More...>());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_FILL_HPP

// ---- posenc/learnable/detail/scatter_learned.hpp
/// The kernels that add gradients to the rows of a trained table.
#ifndef POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Columns that sums are held of on the stack.
inline constexpr Eigen::Index kSumChunk = 256;

/// Calls add(row, factor) for each table row that a token's gradient goes to.
template <typename Add>
void for_each_trained_row(TableRow at, const LookupOptions& options, double ratio, Add&& add) {
  const Eigen::Index padding = options.padding_row.value_or(-1);
  if (at.row >= 0 && at.row != padding) add(at.row, 1.0);
  if (at.outer == 0) return;
  if (at.outer != padding) add(at.outer, ratio);
  if (padding != 0) add(Eigen::Index(0), -ratio);
}

/// grad += factor * sum over b < batch of grad_x[b * step + i]. The product is rounded before it is added: whether a
/// compiler fuses the two would depend on where a chunk of columns begins, and with it the last bit.
template <typename Grad, typename Read>
void add_summed_row(Grad* grad, const Read* grad_x, Eigen::Index step, Eigen::Index batch, Eigen::Index width,
                    double factor) {
  using Number = ArithmeticScalar<Grad, Read>;
  if constexpr (std::is_same_v<Grad, Number>) {
    if (factor == 1.0) {
      for (Eigen::Index b = 0; b < batch; ++b) add_row(grad, grad_x + b * step, width);
      return;
    }
  }
  for (Eigen::Index first = 0; first < width; first += kSumChunk) {
    const Eigen::Index count = (std::min)(kSumChunk, width - first);
    Number sum[kSumChunk] = {};
    for (Eigen::Index b = 0; b < batch; ++b) add_row(sum, grad_x + b * step + first, count);
    if (factor != 1.0) Eigen::Map<Eigen::Array<Number, Eigen::Dynamic, 1>>(sum, count) *= static_cast<Number>(factor);
    add_row(grad + first, sum, count);
  }
}

/// Adds the rows of grad_x to those of the table that they came from.
template <typename GradTable, typename GradX, typename Positions>
void scatter_learned(GradTable& grad_table, const GradX& grad_x, const LookupOptions& options, const Lookup& lookup,
                     const Positions& positions) {
  // Tokens first, ..., first + length - 1, each `batch` times, with a stride of `length` rows.
  Eigen::Index length = grad_x.rows();
  Eigen::Index batch = 1;
  if constexpr (std::is_same_v<Positions, SequencePositions>) {
    length = positions.length();
    batch = positions.batch();
  }
  if constexpr (has_rows_in_memory<GradTable> && has_rows_in_memory<GradX>) {
    if (has_contiguous_rows(grad_table) && has_contiguous_rows(grad_x)) {
      const Eigen::Index stride = grad_x.outerStride();
      for (Eigen::Index t = 0; t < length; ++t) {
        const auto add = [&](Eigen::Index row, double factor) {
          add_summed_row(grad_table.data() + row * grad_table.outerStride(), grad_x.data() + t * stride,
                         length * stride, batch, grad_x.cols(), factor);
        };
        for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
      }
      return;
    }
  }
  using Scalar = typename GradTable::Scalar;
  using Number = ArithmeticScalar<Scalar, typename GradX::Scalar>;
  for (Eigen::Index t = 0; t < length; ++t) {
    const auto add = [&](Eigen::Index row, double factor) {
      for (Eigen::Index column = 0; column < grad_x.cols(); ++column) {
        Number sum(0);
        for (Eigen::Index b = 0; b < batch; ++b) {
          sum = sum + convert<Number>(grad_x.coeff(b * length + t, column));
        }
        Scalar& target = grad_table.coeffRef(row, column);
        target = convert<Scalar>(Number(convert<Number>(target) + Number(factor) * sum));
      }
    };
    for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP

// ---- posenc/learnable/learned_backward.hpp
/// The gradient of a trained table.
#ifndef POSENC_LEARNABLE_LEARNED_BACKWARD_HPP
#define POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline const LookupOptions& options_of(const LookupOptions& options) { return options; }
template <typename Table>
const LookupOptions& options_of(const Table& table) {
  return table.options();
}

/// The shape of grad_table, when the table is at hand to compare it with.
template <typename GradTable, typename Table>
void require_gradient_of_table(const char* function, const GradTable& grad_table, const Table& table) {
  require(grad_table.rows() > 0, function, "grad_table.rows()", grad_table.rows(), "> 0");
  if constexpr (is_learned_table<Table>) {
    require(grad_table.rows() == table.rows(), function, "grad_table.rows()", grad_table.rows(), "table.rows() ",
            table.rows());
    require(grad_table.cols() == table.width(), function, "grad_table.cols()", grad_table.cols(), "table.width() ",
            table.width());
  }
}

template <typename GradTable, typename GradX, typename Table, typename Given>
void learned_backward(GradTable& grad_table, const GradX& grad_x, const Table& table, const Given& given) {
  const char* const function = "learned_backward";
  require_gradient_of_table(function, grad_table, table);
  require(grad_x.cols() == grad_table.cols(), function, "grad_x.cols()", grad_x.cols(), "grad_table.cols() ",
          grad_table.cols());
  require_data(function, "grad_table", grad_table);
  require_data(function, "grad_x", grad_x);
  require_no_self_overlap(function, "grad_table", grad_table);
  require_disjoint(function, "grad_table", grad_table, grad_x);
  const LookupOptions& options = options_of(table);
  require_lookup(function, options, grad_table.rows());
  const Lookup lookup(options, grad_table.rows());
  const auto& grad_x_values = evaluated(grad_x);
  with_table_positions(function, "grad_x", given, grad_x.rows(), lookup, [&](const auto& positions) {
    scatter_learned(grad_table, grad_x_values, options, lookup, positions);
  });
}

}  // namespace detail

/// Adds the gradient of a trained table: grad_table[p] += sum of grad_x[t] over the tokens t at position p.
///
/// Where a position took two more rows (Overflow::hierarchical: P[i] + r (P[o] - P[0]), r = alpha / (1 - alpha)) all
/// three get their share. Positions that got zeros have no gradient, clamped ones add to the last row, and the padding
/// row gets nothing.
/// @param[in,out] grad_table  rows x width, of the table's shape; added to, so set it to zero before the first call.
///                            A float gradient of half outputs is fine, and more accurate than a half one.
/// @param grad_x              tokens x width: the gradient by what encode_learned() or add_learned() wrote.
/// @param table               The table of the forward call, or its options() where the table is not at hand. It is not
///                            read, but says what lies past the last row and which row is not trained.
/// @param positions           As given to encode_learned(). each_sequence(length, starting_at(first)) is the fast way:
///                            its sequences are summed into a contiguous block.
/// @throws std::invalid_argument  another shape than the table's; widths that differ; another number of positions than
///                                rows of grad_x; alpha not in (0, 1); memory that overlaps.
/// @throws std::out_of_range      as encode_learned(), or a padding_row that is no row. grad_table is then unchanged.
/// Cost:     one addition for each value; no allocation. A column-major or strided gradient element by element
///           (bench_learnable: backward).
/// Accuracy: n - 1 roundings for n summands, in order of the tokens (stacked sequences: in order of the batch). Half
///           types are added in float, and rounded after each position [learnable][backward].
/// Threads:  split by columns, grad_table.middleCols(a, n) and grad_x.middleCols(a, n) with table.options(): the bits
///           do not depend on how many threads there are. No atomics.
/// Matches:  the weight gradient of nn.Embedding, with padding_idx.
template <typename GradTable, typename GradX, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_gradients<GradTable, GradX, Table>, int> = 0>
void learned_backward(GradTable&& grad_table, const GradX& grad_x, const Table& table, const Positions& positions) {
  detail::learned_backward(detail::written(std::forward<GradTable>(grad_table)), grad_x, table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void learned_backward(const Arguments&...) {
  static_assert(detail::explain_learned_backward<Arguments...>());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

// ---- posenc/learnable/resize_rules.hpp
/// Rules that bring a trained table to another number of positions or to another grid, as values for resize().
#ifndef POSENC_LEARNABLE_RESIZE_RULES_HPP
#define POSENC_LEARNABLE_RESIZE_RULES_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Where row t of `to` rows lies between the rows of a table of `from` rows on a line:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],   i whole, 0 <= f < 1, i + 1 at most from - 1
///
/// The number of rows of `out` is the number wanted.
enum class Resize {
  /// i + f = max((t + 1/2) from / to - 1/2, 0): rows are pixels with their centers at 1/2, 3/2, ...
  /// Matches F.interpolate(mode="linear", align_corners=False) of PyTorch.
  half_pixel,
  /// i + f = t (from - 1) / (to - 1): first row to first row and last to last.
  /// Matches F.interpolate(mode="linear", align_corners=True) of PyTorch.
  align_corners,
  /// i + f = t from / to: position interpolation, Chen et al. 2023, arXiv:2306.15595 (scale_linear() does it to RoPE).
  position_interpolation,
  /// half_pixel for a table of the 2 n - 1 distances -(n - 1), ..., n - 1: both numbers of rows must be odd.
  /// Matches get_rel_pos of Segment Anything and MViTv2.
  relative_distances
};

/// How the pixels of a grid are weighed.
enum class Filter {
  bilinear,              ///< F.interpolate(mode="bilinear", align_corners=False) of PyTorch.
  bilinear_antialiased,  ///< The same with antialias=True: Pillow's BILINEAR, which SigLIP2's NaFlex resizing takes.
  bicubic,               ///< mode="bicubic", a = -0.75: Hugging Face ViT, DeiT, MAE; ggml_interpolate with BICUBIC.
  bicubic_antialiased    ///< The same with antialias=True, a = -0.5: resample_abs_pos_embed of timm, Pillow's BICUBIC.
};

/// The sides of a grid of patches, whose rows lie one after the other in a table.
struct GridShape {
  Eigen::Index height;  ///< Rows of patches.
  Eigen::Index width;   ///< Patches in a row.
};

/// From which grid a table comes and to which it goes: GridResize({14, 14}, {24, 16}, Filter::bicubic).keep(1).
///
/// A table has `prefix` rows (class and register tokens), then height x width patches, row by row:
///
///     c r | p00 p01 p02 | p10 p11 p12        keep(2), from 2 x 3
class GridResize {
 public:
  /// @param from    Grid of the table that is read: {height, width}, both > 0.
  /// @param to      Grid of the result.
  /// @param filter  How pixels are weighed. It has no default, because projects differ.
  /// @throws std::invalid_argument  a side that is not > 0.
  GridResize(GridShape from, GridShape to, Filter filter) : from_(from), to_(to), filter_(filter) {
    const char* const function = "GridResize";
    detail::require(from.height > 0, function, "from.height", from.height, "> 0");
    detail::require(from.width > 0, function, "from.width", from.width, "> 0");
    detail::require(to.height > 0, function, "to.height", to.height, "> 0");
    detail::require(to.width > 0, function, "to.width", to.width, "> 0");
  }
  /// The same with rows in front that are copied.
  /// @param prefix  How many, >= 0: 1 for a class token.
  /// @throws std::invalid_argument  prefix < 0.
  GridResize keep(Eigen::Index prefix) const {
    detail::require(prefix >= 0, "GridResize::keep", "prefix", prefix, ">= 0");
    GridResize with_prefix = *this;
    with_prefix.prefix_ = prefix;
    return with_prefix;
  }
  GridShape from() const { return from_; }
  GridShape to() const { return to_; }
  Filter filter() const { return filter_; }
  /// Rows in front that are copied.
  Eigen::Index prefix() const { return prefix_; }

 private:
  GridShape from_;
  GridShape to_;
  Filter filter_;
  Eigen::Index prefix_ = 0;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_RULES_HPP

// ---- posenc/detail/explain_resize.hpp
/// What resize() and resize_backward() answer to arguments that no rule takes. The rules are in learnable/ and in
/// relative_bias/, which do not know one another.
#ifndef POSENC_DETAIL_EXPLAIN_RESIZE_HPP
#define POSENC_DETAIL_EXPLAIN_RESIZE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename... Arguments>
inline constexpr bool are_resizable = false;
template <typename Out, typename In, typename Rule>
inline constexpr bool are_resizable<Out, In, Rule> = is_dense<Out>&& is_dense<In> && !is_dense<Rule>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void resize(const Arguments&...) {
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write resize(out, table, rule): the rule is one of Resize::half_pixel and its neighbors, "
                "GridResize(from, to, filter), or WindowResize for the bias of a window");
  static_assert(sizeof...(Arguments) != 3 || detail::are_resizable<Arguments...>,
                "posenc: write resize(out, table, rule), in that order, where out and table are Eigen objects: "
                "table.values() for a LearnedTable");
  static_assert(
      !detail::are_resizable<Arguments...>,
      "posenc: the rule must be one of Resize::half_pixel and its neighbors, GridResize(from, to, filter), or "
      "WindowResize for the bias of a window");
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void resize_backward(const Arguments&...) {
  static_assert(sizeof...(Arguments) == 3,
                "posenc: write resize_backward(grad_table, grad_out, rule) with the rule that resize() had");
  static_assert(sizeof...(Arguments) != 3 || detail::are_resizable<Arguments...>,
                "posenc: write resize_backward(grad_table, grad_out, rule), in that order, where both gradients are "
                "Eigen objects: table.values() for a LearnedTable");
  static_assert(
      !detail::are_resizable<Arguments...>,
      "posenc: the rule must be one of Resize::half_pixel and its neighbors, GridResize(from, to, filter), or "
      "WindowResize for the bias of a window");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EXPLAIN_RESIZE_HPP

// ---- posenc/detail/resample.hpp
/// Resampling as one sparse list of weights: every rule is data, and one loop does them all, forward and adjoint.
#ifndef POSENC_DETAIL_RESAMPLE_HPP
#define POSENC_DETAIL_RESAMPLE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Row i of the result is the sum of weight[k] * input row source[k], first[i] <= k < first[i + 1].
struct Taps {
  std::vector<std::size_t> first = {0};
  std::vector<Eigen::Index> source;
  std::vector<double> weight;

  Eigen::Index rows() const { return static_cast<Eigen::Index>(first.size()) - 1; }
  /// Adds a tap to the row that end_row() will close. Equal neighbors are merged, zeros left out.
  void add(Eigen::Index from, double w) {
    if (w == 0) return;
    if (source.size() > first.back() && source.back() == from) {
      weight.back() += w;
    } else {
      source.push_back(from);
      weight.push_back(w);
    }
  }
  void end_row() { first.push_back(source.size()); }
};

/// Every row as it is.
inline Taps identity_taps(Eigen::Index size) {
  Taps taps;
  for (Eigen::Index i = 0; i < size; ++i) {
    taps.add(i, 1.0);
    taps.end_row();
  }
  return taps;
}

/// The cubic convolution kernel of Keys (1981) with parameter a, 0 beyond |x| = 2.
inline double cubic_kernel(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// Four taps around (i + 1/2) from / to - 1/2, which is not clamped; what lies outside repeats the border.
/// As PyTorch: a = -0.75.
inline Taps cubic_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(from);
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double low = std::floor(at);
    for (int k = -1; k <= 2; ++k) {
      const Eigen::Index wanted = static_cast<Eigen::Index>(low) + k;
      taps.add((std::min)((std::max)(wanted, Eigen::Index(0)), from - 1), cubic_kernel(at - low - k, -0.75));
    }
    taps.end_row();
  }
  return taps;
}

/// A grid whose row y * columns.rows() + x is the product of both lists, after `prefix` rows that stay as they are.
/// `width` is the number of columns of the input grid.
inline Taps grid_taps(const Taps& rows, const Taps& columns, Eigen::Index width, Eigen::Index prefix) {
  Taps taps = identity_taps(prefix);
  for (std::size_t y = 0; y + 1 < rows.first.size(); ++y) {
    for (std::size_t x = 0; x + 1 < columns.first.size(); ++x) {
      for (std::size_t j = rows.first[y]; j < rows.first[y + 1]; ++j) {
        for (std::size_t i = columns.first[x]; i < columns.first[x + 1]; ++i) {
          taps.add(prefix + rows.source[j] * width + columns.source[i], rows.weight[j] * columns.weight[i]);
        }
      }
      taps.end_row();
    }
  }
  return taps;
}

/// The transposed list: from the rows of the result back to `inputs` rows.
inline Taps transposed(const Taps& taps, Eigen::Index inputs) {
  Taps back;
  back.first.assign(static_cast<std::size_t>(inputs) + 1, 0);
  for (const Eigen::Index source : taps.source) ++back.first[static_cast<std::size_t>(source) + 1];
  for (std::size_t i = 1; i < back.first.size(); ++i) back.first[i] += back.first[i - 1];
  back.source.resize(taps.source.size());
  back.weight.resize(taps.weight.size());
  std::vector<std::size_t> next(back.first.begin(), back.first.end() - 1);
  for (std::size_t row = 0; row + 1 < taps.first.size(); ++row) {
    for (std::size_t k = taps.first[row]; k < taps.first[row + 1]; ++k) {
      const std::size_t place = next[static_cast<std::size_t>(taps.source[k])]++;
      back.source[place] = static_cast<Eigen::Index>(row);
      back.weight[place] = taps.weight[k];
    }
  }
  return back;
}

/// out = taps * in, or out += taps * in: summed in double (a scalar of the user's in itself) and rounded once. A row
/// that is one tap of weight 1 is copied, bit for bit.
template <bool Add, typename Out, typename In>
void apply_taps(Out& out, const In& in, const Taps& taps) {
  using Scalar = typename Out::Scalar;
  using Number = std::conditional_t<is_storage<Scalar>, double, Scalar>;
  constexpr Eigen::Index chunk = 64;
  for (Eigen::Index row = 0; row < out.rows(); ++row) {
    const std::size_t begin = taps.first[static_cast<std::size_t>(row)];
    const std::size_t end = taps.first[static_cast<std::size_t>(row) + 1];
    if (!Add && end == begin + 1 && taps.weight[begin] == 1.0) {
      for (Eigen::Index i = 0; i < out.cols(); ++i) {
        out.coeffRef(row, i) = convert<Scalar>(in.coeff(taps.source[begin], i));
      }
      continue;
    }
    for (Eigen::Index first = 0; first < out.cols(); first += chunk) {
      const Eigen::Index count = (std::min)(chunk, out.cols() - first);
      Number sum[chunk];
      for (Eigen::Index i = 0; i < count; ++i) {
        sum[i] = Add ? convert<Number>(out.coeff(row, first + i)) : Number(0);
      }
      for (std::size_t k = begin; k < end; ++k) {
        const Number weight(taps.weight[k]);
        for (Eigen::Index i = 0; i < count; ++i) {
          sum[i] = sum[i] + weight * convert<Number>(in.coeff(taps.source[k], first + i));
        }
      }
      for (Eigen::Index i = 0; i < count; ++i) out.coeffRef(row, first + i) = convert<Scalar>(sum[i]);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_RESAMPLE_HPP

// ---- posenc/learnable/detail/resize_taps.hpp
/// The weights of the rules of resize_rules.hpp.
#ifndef POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP
#define POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Linear interpolation from `from` rows to `to`, both > 0; past the last row its value stays.
inline Taps linear_taps(Eigen::Index from, Eigen::Index to, Resize rule) {
  if (from == to) return identity_taps(from);
  const double n = static_cast<double>(from);
  const double m = static_cast<double>(to);
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double t = static_cast<double>(i);
    const double at = rule == Resize::align_corners            ? (to == 1 ? 0.0 : t * (n - 1) / (m - 1))
                      : rule == Resize::position_interpolation ? t * n / m
                                                               : (std::max)((t + 0.5) * n / m - 0.5, 0.0);
    const Eigen::Index low = (std::min)(static_cast<Eigen::Index>(at), from - 1);
    const Eigen::Index high = (std::min)(low + 1, from - 1);
    const double share = at - static_cast<double>(low);
    taps.add(low, high == low ? 1.0 : 1.0 - share);
    taps.add(high, high == low ? 0.0 : share);
    taps.end_row();
  }
  return taps;
}

/// The kernel of linear interpolation, 0 beyond |x| = 1.
inline double triangle_kernel(double x) { return (std::max)(1 - std::abs(x), 0.0); }

/// A kernel of `radius` that is stretched by from / to where the result is smaller, cut at the border and normalized.
/// As PyTorch antialias=True and Pillow.
template <typename Kernel>
Taps antialiased_taps(Eigen::Index from, Eigen::Index to, double radius, Kernel&& kernel) {
  if (from == to) return identity_taps(from);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = (std::max)(scale, 1.0);
  Taps taps;
  std::vector<double> weights;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = (std::max)(static_cast<Eigen::Index>(center - radius * stretch + 0.5), Eigen::Index(0));
    const auto end = (std::min)(static_cast<Eigen::Index>(center + radius * stretch + 0.5), from);
    weights.clear();
    double sum = 0;
    for (Eigen::Index j = begin; j < end; ++j) {
      weights.push_back(kernel((static_cast<double>(j) + 0.5 - center) / stretch));
      sum += weights.back();
    }
    for (Eigen::Index j = begin; j < end; ++j) taps.add(j, weights[static_cast<std::size_t>(j - begin)] / sum);
    taps.end_row();
  }
  return taps;
}

/// One axis of a grid.
inline Taps filter_taps(Eigen::Index from, Eigen::Index to, Filter filter) {
  switch (filter) {
    case Filter::bilinear: return linear_taps(from, to, Resize::half_pixel);
    case Filter::bilinear_antialiased: return antialiased_taps(from, to, 1, triangle_kernel);
    case Filter::bicubic: return cubic_taps(from, to);
    case Filter::bicubic_antialiased: break;
  }
  return antialiased_taps(from, to, 2, [](double x) { return cubic_kernel(x, -0.5); });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP

// ---- posenc/learnable/resize.hpp
/// Brings a trained table to another number of positions or to another grid, and the gradient back.
#ifndef POSENC_LEARNABLE_RESIZE_HPP
#define POSENC_LEARNABLE_RESIZE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether resize() and resize_backward() take these: two matrices and a rule of resize_rules.hpp.
template <typename Written, typename Read, typename Rule>
inline constexpr bool is_table_resize = is_dense<std::decay_t<Written>>&& is_dense<Read> &&
                                        (std::is_same_v<Rule, Resize> || std::is_same_v<Rule, GridResize>);

/// One of the two matrices of a resize, with its name.
struct ResizedRows {
  const char* name;
  Eigen::Index rows;
};

inline void require_rule(const char* function, Resize rule, ResizedRows from, ResizedRows to) {
  const auto check = [&](ResizedRows matrix) {
    const std::string parameter = std::string(matrix.name) + ".rows()";
    if (matrix.rows <= 0) refuse<std::invalid_argument>(function, parameter, matrix.rows, "> 0");
    if (rule == Resize::relative_distances && matrix.rows % 2 == 0) {
      refuse<std::invalid_argument>(function, parameter, matrix.rows, "odd (2 n - 1 distances)");
    }
  };
  check(from);
  check(to);
}

inline void require_rule(const char* function, const GridResize& rule, ResizedRows from, ResizedRows to) {
  const auto check = [&](ResizedRows matrix, GridShape grid) {
    const Eigen::Index patches = matrix.rows - rule.prefix();
    if (patches >= 0 && patches % grid.height == 0 && patches / grid.height == grid.width) return;
    refuse<std::invalid_argument>(function, std::string(matrix.name) + ".rows()", matrix.rows, rule.prefix(), " + ",
                                  grid.height, " * ", grid.width);
  };
  check(from, rule.from());
  check(to, rule.to());
}

inline Taps rule_taps(Resize rule, Eigen::Index from, Eigen::Index to) { return linear_taps(from, to, rule); }

inline Taps rule_taps(const GridResize& rule, Eigen::Index, Eigen::Index) {
  return grid_taps(filter_taps(rule.from().height, rule.to().height, rule.filter()),
                   filter_taps(rule.from().width, rule.to().width, rule.filter()), rule.from().width, rule.prefix());
}

template <typename Written, typename Read>
void require_resize(const char* function, const char* written_name, const Eigen::DenseBase<Written>& written,
                    const char* read_name, const Eigen::DenseBase<Read>& read) {
  if (written.cols() != read.cols()) {
    refuse<std::invalid_argument>(function, std::string(written_name) + ".cols()", written.cols(), read_name,
                                  ".cols() ", read.cols());
  }
  require_data(function, written_name, written);
  require_data(function, read_name, read);
  require_no_self_overlap(function, written_name, written);
  require_disjoint(function, written_name, written, read);
}

}  // namespace detail

/// Writes a table of another size: row t of `out` is a weighted sum of rows of `table`, by the rule.
///
///     resize(longer, wpe.values(), Resize::half_pixel);
///     resize(larger, patches.values(), GridResize({14, 14}, {24, 16}, Filter::bicubic).keep(1));
///
/// On a grid, each axis has its own weights, and a row is their product; the rows in front are copied.
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable dense Eigen object.
/// @param table     from x width, from > 0; of any scalar. LearnedTable::values() for a LearnedTable.
/// @param rule      On a line Resize::half_pixel, align_corners, position_interpolation or relative_distances; on a
///                  grid GridResize(from, to, filter).
/// @throws std::invalid_argument  numbers of rows that the rule does not have; widths that differ; memory that
///                                overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value on a line; on a grid 4 bilinear and 16 bicubic, antialiased as many times
///           more as the axes shrink; and a list of as many weights for each row (not measured: done once for a
///           model).
/// Accuracy: formed in double and rounded once: |error| <= 4 from 2^-52 max|table| on a line, 16 (height + width)
///           2^-52 max|table| on a grid of that height and width. Equal sizes copy bit for bit [learnable][resize].
/// Source:   Keys 1981, IEEE TASSP 29(6), for the cubic kernel.
/// Matches:  F.interpolate of PyTorch given a size, as Resize and Filter say.
template <typename Out, typename Table, typename Rule,
          std::enable_if_t<detail::is_table_resize<Out, Table, Rule>, int> = 0>
void resize(Out&& out, const Table& table, const Rule& rule) {
  auto& target = detail::written(std::forward<Out>(out));
  detail::require_rule("resize", rule, {"table", table.rows()}, {"out", target.rows()});
  detail::require_resize("resize", "out", target, "table", table);
  detail::apply_taps<false>(target, detail::evaluated(table), detail::rule_taps(rule, table.rows(), target.rows()));
}

/// Adds the gradient of resize() by its table: grad_table += W^T grad_out, with W the weights of the rule.
///
/// @param[in,out] grad_table  from x width, added to.
/// @param grad_out            to x width: the gradient by what resize() wrote.
/// @param rule                As given to resize().
/// @throws std::invalid_argument  as resize(); grad_table is then unchanged.
/// Cost:     that of resize().
/// Accuracy: that of resize(), with the sums of the weights in the place of max|table|; the adjoint to 1e-12
///           [learnable][resize].
template <typename GradTable, typename GradOut, typename Rule,
          std::enable_if_t<detail::is_table_resize<GradTable, GradOut, Rule>, int> = 0>
void resize_backward(GradTable&& grad_table, const GradOut& grad_out, const Rule& rule) {
  auto& target = detail::written(std::forward<GradTable>(grad_table));
  detail::require_rule("resize_backward", rule, {"grad_table", target.rows()}, {"grad_out", grad_out.rows()});
  detail::require_resize("resize_backward", "grad_table", target, "grad_out", grad_out);
  const detail::Taps taps = detail::rule_taps(rule, target.rows(), grad_out.rows());
  detail::apply_taps<true>(target, detail::evaluated(grad_out), detail::transposed(taps, target.rows()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_HPP

// ---- posenc/learnable/detail/npy_header.hpp
/// The header of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (512, 128), }, spaces, a newline.
#ifndef POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP
#define POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

struct NpyHeader {
  std::string type;
  std::vector<Eigen::Index> shape;
};

/// At most 40 characters of a file's text that are safe in a message.
inline std::string printable(const std::string& text) {
  std::string shown = "'";
  for (std::size_t i = 0; i < text.size() && i < 40; ++i) {
    const char c = text[i];
    shown.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  return shown + (text.size() > 40 ? "...'" : "'");
}

/// Reads the header's text from the left; every step checks that there is something left.
class NpyHeaderParser {
 public:
  explicit NpyHeaderParser(const std::string& text) : text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        header.type = quoted();
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        const std::string order = word();
        require(order == "False", "read_npy", "fortran_order", printable(order), "False (save a C-ordered array)");
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = tuple();
        has_shape = true;
      } else {
        refuse<std::invalid_argument>("read_npy", "a key of the header", printable(key),
                                      "'descr', 'fortran_order' or 'shape', each once");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) {
      refuse<std::invalid_argument>("read_npy", "the header", printable(text_),
                                    "complete: 'descr', 'fortran_order' and 'shape'");
    }
    skip_spaces();
    if (at_ + 1 != text_.size() || text_[at_] != '\n') refuse_here("ended by spaces and one newline");
    return header;
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse_here(std::string("followed by ") + c + " at byte " + std::to_string(at_));
  }
  [[noreturn]] void refuse_here(const std::string& rule) const {
    refuse<std::invalid_argument>("read_npy", "the header", printable(text_.substr((std::min)(at_, text_.size()))),
                                  rule);
  }
  std::string quoted() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') refuse_here("a quoted word at byte " + std::to_string(at_));
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) refuse_here("closed by a quote after byte " + std::to_string(at_));
    const std::string inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  std::string word() {
    skip_spaces();
    const std::size_t begin = at_;
    while (at_ < text_.size() && ((text_[at_] >= 'a' && text_[at_] <= 'z') || (text_[at_] >= 'A' && text_[at_] <= 'Z')))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }
  Eigen::Index number() {
    skip_spaces();
    constexpr Eigen::Index largest = (std::numeric_limits<Eigen::Index>::max)();
    const std::size_t begin = at_;
    Eigen::Index value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int digit = text_[at_] - '0';
      if (value > (largest - digit) / 10) {
        refuse<std::length_error>("read_npy", "shape", printable(text_.substr(begin)), "at most ", largest);
      }
      value = 10 * value + digit;
    }
    if (at_ == begin) refuse_here("a number >= 0 at byte " + std::to_string(at_));
    return value;
  }
  std::vector<Eigen::Index> tuple() {
    std::vector<Eigen::Index> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

inline NpyHeader parse_npy_header(const std::string& text) { return NpyHeaderParser(text).parse(); }

/// Magic, version and header, together a multiple of 64 bytes.
inline std::string npy_header_text(const char* type, const std::vector<Eigen::Index>& shape) {
  std::string text = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  text += shape.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t start = 10;
  text.append(63 - (start + text.size()) % 64, ' ');
  text.push_back('\n');
  require(text.size() <= 0xffff, "write_npy", "shape.size()", shape.size(), "so small that the header has 65535 bytes");
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(text.size() & 0xff) +
         static_cast<char>(text.size() >> 8) + text;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP

// ---- posenc/learnable/npy.hpp
/// Reads and writes arrays as .npy: how a table comes from PyTorch, `numpy.save(path, weight.detach().cpu().numpy())`.
#ifndef POSENC_LEARNABLE_NPY_HPP
#define POSENC_LEARNABLE_NPY_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// An array of any number of axes as a matrix: the last axis is the columns, all others are merged into rows. One axis
/// gives one row.
template <typename Scalar_>
struct NpyArray {
  using Scalar = Scalar_;
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values;
  std::vector<Eigen::Index> shape;  ///< As the file has it; empty for a single number.
};

namespace detail {

template <typename Unsigned>
Unsigned little_endian(const char* bytes) {
  Unsigned value = 0;
  for (std::size_t i = sizeof(Unsigned); i-- > 0;) {
    value = static_cast<Unsigned>(static_cast<Unsigned>(value << 8 % (8 * sizeof(Unsigned))) |
                                  static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

/// The number whose little-endian bytes these are.
template <typename Value>
Value value_of_bytes(const char* bytes) {
  using Bits = std::conditional_t<sizeof(Value) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>>;
  const Bits bits = little_endian<Bits>(bytes);
  Value value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof value);
  return value;
}

template <typename Value>
void append_bytes(std::string& text, const Value& value) {
  using Bits = std::conditional_t<sizeof(Value) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>>;
  Bits bits;
  std::memcpy(&bits, static_cast<const void*>(&value), sizeof bits);
  for (std::size_t i = 0; i < sizeof bits; ++i) text.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
}

/// Reads `wanted` bytes piece by piece, so that memory grows with what the stream really holds.
inline std::string read_bytes(std::istream& in, std::size_t wanted, const char* what) {
  constexpr std::size_t piece = std::size_t(1) << 20;
  std::string bytes;
  while (bytes.size() < wanted) {
    const std::size_t had = bytes.size();
    bytes.resize(had + (std::min)(piece, wanted - had));
    in.read(&bytes[had], static_cast<std::streamsize>(bytes.size() - had));
    const std::size_t got = static_cast<std::size_t>(in.gcount());
    if (got < bytes.size() - had) {
      refuse<std::invalid_argument>("read_npy", what, had + got, wanted, " bytes long");
    }
  }
  return bytes;
}

template <typename Scalar, typename Value>
void convert_values(const std::string& bytes,
                    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& to) {
  for (Eigen::Index i = 0; i < to.size(); ++i) {
    const Value value = value_of_bytes<Value>(bytes.data() + static_cast<std::size_t>(i) * sizeof(Value));
    if constexpr (std::is_integral_v<Value>) {
      to.data()[i] = static_cast<Scalar>(value);
    } else {
      to.data()[i] = convert<Scalar>(value);
    }
  }
}

template <typename Scalar>
constexpr const char* npy_type() {
  if constexpr (std::is_same_v<Scalar, Eigen::half>) return "<f2";
  if constexpr (std::is_same_v<Scalar, float>) return "<f4";
  if constexpr (std::is_same_v<Scalar, double>) return "<f8";
  if constexpr (std::is_same_v<Scalar, std::int32_t>) return "<i4";
  if constexpr (std::is_same_v<Scalar, std::int64_t>) return "<i8";
  return nullptr;
}

/// Magic, version and header for `values` under that shape; rows and columns when empty.
template <typename Derived>
std::string npy_start(const Eigen::DenseBase<Derived>& values, std::vector<Eigen::Index> shape) {
  using Scalar = typename Derived::Scalar;
  static_assert(npy_type<Scalar>() != nullptr, "posenc: .npy files hold float, double, Eigen::half, int32 or int64");
  const char* const function = "write_npy";
  if (shape.empty()) shape = {values.rows(), values.cols()};
  Eigen::Index size = 1;
  for (const Eigen::Index axis : shape) {
    require(axis >= 0, function, "shape", axis, ">= 0");
    require_size(function, "shape", size, axis, 1);
    size *= axis;
  }
  require(size == values.size(), function, "the product of shape", size, "values.size() ", values.size());
  return npy_header_text(npy_type<Scalar>(), shape);
}

/// Writes `text`, then the values along the rows.
template <typename Derived>
void write_npy(std::ostream& out, std::string text, const Eigen::DenseBase<Derived>& values) {
  const auto& given = evaluated(values);
  constexpr std::size_t flush_at = std::size_t(1) << 16;
  for (Eigen::Index row = 0; row < values.rows(); ++row) {
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      const typename Derived::Scalar value = given.coeff(row, i);
      append_bytes(text, value);
      if (text.size() >= flush_at) {
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        text.clear();
      }
    }
  }
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  require(static_cast<bool>(out), "write_npy", "out", "an error", "a stream that takes the data");
}

}  // namespace detail

/// Reads one array; the stream is left behind it, so that several in a row can be read.
///
/// Format version 1.0, C order, little-endian: '<f2', '<f4' and '<f8' into a Scalar of float, double, Eigen::half or
/// Eigen::bfloat16, rounded once where it is narrower; '<i4' into int32 and int64, '<i8' into int64.
/// @param in  Opened in binary mode.
/// @throws std::invalid_argument  no .npy file; another version, type or order; a header or data cut short; a header
///                                that says anything but these three things.
/// @throws std::length_error      a shape that does not fit into memory's index type.
/// Cost:     memory of up to three times the data that the stream holds; what a header merely promises is not
///           allocated (not measured: files are read once).
/// Source:   the .npy format of NumPy, numpy.lib.format.
template <typename Scalar>
NpyArray<Scalar> read_npy(std::istream& in) {
  constexpr bool integer = std::is_same_v<Scalar, std::int32_t> || std::is_same_v<Scalar, std::int64_t>;
  static_assert(detail::is_storage<Scalar> || integer,
                "posenc: .npy files are read as float, double, Eigen::half, Eigen::bfloat16, int32 or int64");
  const char* const function = "read_npy";
  const std::string start = detail::read_bytes(in, 10, "the start of the file");
  detail::require(start.compare(0, 6, "\x93NUMPY") == 0, function, "the start of the file", "something else",
                  "\\x93NUMPY");
  const int major = static_cast<unsigned char>(start[6]);
  const int minor = static_cast<unsigned char>(start[7]);
  detail::require(major == 1 && minor == 0, function, "the format version",
                  std::to_string(major) + "." + std::to_string(minor), "1.0");
  const std::size_t length = detail::little_endian<std::uint16_t>(start.data() + 8);
  const detail::NpyHeader header = detail::parse_npy_header(detail::read_bytes(in, length, "the header"));

  const bool half = header.type == "<f2" && !integer;
  const bool single = header.type == "<f4" && !integer;
  const bool twice = header.type == "<f8" && !integer;
  const bool int32 = header.type == "<i4" && integer;
  const bool int64 = header.type == "<i8" && std::is_same_v<Scalar, std::int64_t>;
  detail::require(half || single || twice || int32 || int64, function, "descr", detail::printable(header.type),
                  !integer                               ? "'<f2', '<f4' or '<f8' (little-endian floats)"
                  : std::is_same_v<Scalar, std::int32_t> ? "'<i4' (little-endian integers)"
                                                         : "'<i4' or '<i8' (little-endian integers)");
  const std::size_t size = half ? 2 : single || int32 ? 4 : 8;
  Eigen::Index rows = 1;
  for (std::size_t axis = 0; axis + 1 < header.shape.size(); ++axis) {
    detail::require_size(function, "shape", rows, header.shape[axis], sizeof(double));
    rows *= header.shape[axis];
  }
  const Eigen::Index columns = header.shape.empty() ? 1 : header.shape.back();
  detail::require_size(function, "shape", rows, columns, sizeof(double));
  const std::string bytes = detail::read_bytes(in, static_cast<std::size_t>(rows * columns) * size, "the data");
  NpyArray<Scalar> array;
  array.shape = header.shape;
  array.values.resize(rows, columns);
  if constexpr (integer) {
    if (int32) detail::convert_values<Scalar, std::int32_t>(bytes, array.values);
    if (int64) detail::convert_values<Scalar, std::int64_t>(bytes, array.values);
  } else {
    if (half) detail::convert_values<Scalar, Eigen::half>(bytes, array.values);
    if (single) detail::convert_values<Scalar, float>(bytes, array.values);
    if (twice) detail::convert_values<Scalar, double>(bytes, array.values);
  }
  return array;
}

/// @overload
/// From a file, which must end with the array.
/// @param path  Of the file.
/// @throws std::invalid_argument  besides: a path that cannot be opened; bytes after the array.
template <typename Scalar>
NpyArray<Scalar> read_npy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  detail::require(static_cast<bool>(in), "read_npy", "path", path, "a file that can be read");
  NpyArray<Scalar> array = read_npy<Scalar>(in);
  detail::require(in.peek() == std::ifstream::traits_type::eof(), "read_npy", "the end of the file", "more bytes",
                  "the end of the array");
  return array;
}

/// Writes a matrix or expression as an array of format version 1.0 in C order: '<f2', '<f4', '<f8', '<i4' or '<i8' by
/// its scalar. bfloat16 has no .npy type: cast it to float.
///
/// @param out     Opened in binary mode.
/// @param values  Any dense Eigen expression.
/// @param shape   Sizes of the axes, whose product is values.size(), read along the rows; rows and columns when empty.
/// @throws std::invalid_argument  another product, a negative size, more axes than a header of version 1.0 holds, or a
///                                stream that fails.
/// Cost:     a buffer of 64 KiB (not measured: files are written once).
/// Matches:  numpy.save.
template <typename Derived>
void write_npy(std::ostream& out, const Eigen::DenseBase<Derived>& values,
               const std::vector<Eigen::Index>& shape = {}) {
  detail::write_npy(out, detail::npy_start(values, shape), values);
}

/// @overload
/// To a file.
/// @param path  Of the file.
/// @throws std::invalid_argument  besides: a path that cannot be opened. With a wrong shape a file there stays as it
///                                was.
template <typename Derived>
void write_npy(const std::string& path, const Eigen::DenseBase<Derived>& values,
               const std::vector<Eigen::Index>& shape = {}) {
  const std::string start = detail::npy_start(values, shape);
  std::ofstream out(path, std::ios::binary);
  detail::require(static_cast<bool>(out), "write_npy", "path", path, "a file that can be written");
  detail::write_npy(out, start, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_NPY_HPP

// ---- posenc/learnable.hpp
/// Trained tables: one learned row for each position.
#ifndef POSENC_LEARNABLE_HPP
#define POSENC_LEARNABLE_HPP

// The table and its rows.

// Training it.

// Taking it to another length or grid, and to and from files.

#endif  // POSENC_LEARNABLE_HPP

// ---- posenc/sinusoidal/sinusoidal_options.hpp
/// SinusoidalOptions: every convention in which sinusoidal encodings differ from project to project.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// What the exponent of frequency m runs over.
enum class FrequencySpacing {
  over_width,  ///< base^(-2m / width)
  over_pairs   ///< base^(-m / (F - frequency_shift)), F = width / 2 rounded down
};

/// What the last channel holds when the width is odd.
enum class OddWidth {
  reject,       ///< An odd width is an error.
  zero_column,  ///< The last channel is 0.
  sine_column   ///< One more sine than cosines.
};

/// The conventions of a SinusoidalEncoding; presets:: has ready encodings by project.
struct SinusoidalOptions {
  /// @param channel_order      Which channels are sines and which are cosines.
  /// @param frequency_spacing  What the exponents run over. Neither has a default, because projects differ.
  SinusoidalOptions(ChannelOrder channel_order, FrequencySpacing frequency_spacing)
      : order(channel_order), spacing(frequency_spacing) {}

  ChannelOrder order;
  FrequencySpacing spacing;
  double frequency_shift = 0;       ///< With over_pairs: `downscale_freq_shift`; 1 makes 1/base the last frequency.
  double base = 10000;              ///< `max_period`, `temperature`; finite, > 0, not 1.
  double position_scale = 1;        ///< Factor on every angle; 2 pi makes a position of 1 a full period.
  std::int64_t first_position = 0;  ///< Added to every position, |first_position| <= 2^57: CTranslate2 starts at 1.
  OddWidth odd_width = OddWidth::reject;
  double amplitude = 1;        ///< Factor on the encoding.
  double embedding_scale = 1;  ///< add_sinusoidal(): factor on x before the addition.
  /// Tokens at this position get zeros (fairseq padding_idx). A list of positions then holds ids that tell padding from
  /// tokens, such as roberta_positions() makes, and is taken as it is, without first_position.
  std::optional<std::int64_t> padding_position = {};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP

// ---- posenc/sinusoidal/sinusoidal_encoding.hpp
/// SinusoidalEncoding: which sinusoid each channel of a row holds, for tokens on a line.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP

namespace posenc {
inline namespace POSENC_ABI {

class SinusoidalEncoding;

namespace detail {

/// The encoding of a preset, whose name its messages give.
SinusoidalEncoding named_encoding(const char* function, Eigen::Index width, const SinusoidalOptions& options);

}  // namespace detail

/// A sinusoidal encoding of a given width. The row of position p holds, in the channels that the options say,
///
///     g sin(a[m]),  g cos(a[m])        a[m] = (p + first_position) position_scale w[m],  g = amplitude
///
/// with w[m] = base^(-2m / width) or base^(-m / (F - frequency_shift)). Immutable; holds F numbers, no table.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
/// Matches:  what the presets name: presets::paper(width), presets::whisper(width) and so on.
class SinusoidalEncoding {
 public:
  /// An encoding with conventions of one's own; presets:: has those of the projects in use.
  /// @param width  Channels of a row (d_model), > 0; see OddWidth when it is odd.
  /// @throws std::invalid_argument  width <= 0; odd width with OddWidth::reject; base <= 0 or 1; frequency_shift >= F
  ///                                where it divides; anything NaN or infinite.
  /// @throws std::out_of_range      |first_position| > 2^57.
  SinusoidalEncoding(Eigen::Index width, const SinusoidalOptions& options)
      : SinusoidalEncoding("SinusoidalEncoding", width, options) {}

  /// Says what is missing.
  template <typename Width, std::enable_if_t<std::is_arithmetic_v<Width>, int> = 0>
  explicit SinusoidalEncoding(Width width)
      : SinusoidalEncoding(static_cast<Eigen::Index>(width),
                           SinusoidalOptions(ChannelOrder::interleaved, FrequencySpacing::over_width)) {
    static_assert(
        !std::is_arithmetic_v<Width>,
        "posenc: an encoding needs its conventions: write presets::paper(width), presets::whisper(width), ..., "
        "or SinusoidalEncoding(width, options)");
  }

  Eigen::Index width() const { return width_; }
  const SinusoidalOptions& options() const { return options_; }
  /// One frequency for each sine, position_scale included, and the amplitude as its magnitude where that is > 0: what
  /// make_table() takes for a table that encode_sinusoidal() and add_sinusoidal() read.
  const Frequencies& frequencies() const { return frequencies_; }
  /// Number of sines: width / 2, and one more with OddWidth::sine_column.
  Eigen::Index num_sines() const { return frequencies_.num_pairs(); }
  /// Number of cosines: width / 2.
  Eigen::Index num_cosines() const { return width_ / 2; }

 private:
  friend SinusoidalEncoding detail::named_encoding(const char* function, Eigen::Index width,
                                                   const SinusoidalOptions& options);

  SinusoidalEncoding(const char* function, Eigen::Index width, const SinusoidalOptions& options)
      : width_(width), options_(options), frequencies_(make_frequencies(function, width, options)) {}

  static Frequencies make_frequencies(const char* function, Eigen::Index width, const SinusoidalOptions& options) {
    constexpr Eigen::Index widest = Eigen::Index(1) << 24;
    const bool odd = width % 2 != 0;
    detail::require(width > 0 && width <= widest, function, "width", width, "> 0 and at most ", widest);
    detail::require(!odd || options.odd_width != OddWidth::reject, function, "width", width, "even");
    detail::require(!odd || width > 1 || options.odd_width == OddWidth::sine_column, function, "width", width, "> 1");
    detail::require(detail::is_finite(options.position_scale), function, "position_scale", options.position_scale,
                    "finite");
    detail::require(detail::is_finite(options.amplitude), function, "amplitude", options.amplitude, "finite");
    detail::require(detail::is_finite(options.embedding_scale), function, "embedding_scale", options.embedding_scale,
                    "finite");
    detail::require_in_range(detail::is_position(options.first_position), function, "first_position",
                             options.first_position, "within +-2^57");
    detail::require_base(function, options.base);
    const Eigen::Index num_sines = odd && options.odd_width == OddWidth::sine_column ? width / 2 + 1 : width / 2;
    const bool over_width = options.spacing == FrequencySpacing::over_width;
    const double pairs = static_cast<double>(width / 2);
    detail::require(
        detail::is_finite(options.frequency_shift) && (over_width || num_sines == 1 || options.frequency_shift < pairs),
        function, "frequency_shift", options.frequency_shift, "finite and less than width / 2 = ", width / 2);
    const double divisor = over_width ? static_cast<double>(width) / 2 : pairs - options.frequency_shift;
    return Frequencies(spaced_frequencies(num_sines, options.base, divisor).inv_freq() * options.position_scale,
                       options.amplitude > 0 ? options.amplitude : 1.0);
  }

  Eigen::Index width_;
  SinusoidalOptions options_;
  Frequencies frequencies_;
};

namespace detail {

inline SinusoidalEncoding named_encoding(const char* function, Eigen::Index width, const SinusoidalOptions& options) {
  return SinusoidalEncoding(function, width, options);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP

// ---- posenc/sinusoidal/presets.hpp
/// presets: the sinusoidal encodings of the projects in use, by name.
#ifndef POSENC_SINUSOIDAL_PRESETS_HPP
#define POSENC_SINUSOIDAL_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The ends of a spectrum, whose ratio becomes the base.
inline void require_spectrum(const char* function, const char* from_name, double from, const char* to_name, double to) {
  require(is_finite(from) && from > 0, function, from_name, from, "finite and > 0");
  require(is_finite(to) && to > 0 && to != from && is_finite(to / from) && to / from > 0, function, to_name, to,
          "finite, > 0 and not ", from);
}

/// sin | cos with frequencies from 1/from to 1/to in equal ratios, as get_timing_signal_1d of tensor2tensor has them.
inline SinusoidalOptions timing_signal(double from, double to, OddWidth odd_width) {
  SinusoidalOptions options(ChannelOrder::sin_cos, FrequencySpacing::over_pairs);
  options.frequency_shift = 1;
  options.base = to / from;
  options.position_scale = from;
  options.odd_width = odd_width;
  return options;
}

/// The paper's frequencies.
inline SinusoidalOptions paper_options(ChannelOrder order, double base, OddWidth odd_width) {
  SinusoidalOptions options(order, FrequencySpacing::over_width);
  options.base = base;
  options.odd_width = odd_width;
  return options;
}

inline double preset_width(const char* function, Eigen::Index width) {
  require(width > 0, function, "width", width, "> 0");
  return static_cast<double>(width);
}

}  // namespace detail

/// Encodings by project, ready to use: presets::whisper(384) is Whisper's of width 384.
///
///     preset                 order        frequency m               position of row 0   odd width
///     paper                  interleaved  base^(-2m/d)              0                   error
///     numpy_tutorial         interleaved  base^(-2m/d)              0                   last channel 0
///     tensorflow_tutorial    interleaved  base^(-2m/d)              0                   one more sine
///     tensor2tensor          sin | cos    base^(-m/(F-1))           0                   last channel 0
///     fairseq                sin | cos    base^(-m/(F-1))           padding_idx + 1     last channel 0
///     ctranslate2            sin | cos    base^(-m/(F-1))           1                   error
///     marian, whisper        sin | cos    base^(-m/(F-1))           0                   error
///     diffusers_timestep     sin | cos    base^(-m/(F-shift))       given               last channel 0
///     ggml_timestep          cos | sin    base^(-m/F)               given               last channel 0
///     transformer_xl         sin | cos    base^(-2m/d)              given distances     error
///     x_transformers         sin | cos    base^(-m/F)               0                   error
///     mlx                    sin | cos    max (min/max)^(m/(F-1))   given values        error
///
/// d = width, F = d/2 rounded down. Row 0 is that of starting_at(0).
/// Accuracy: equal to the project's formula within what encode_sinusoidal() promises [sinusoidal][presets].
namespace presets {

/// The paper's encoding.
/// @param width  Channels of a row (d_model), > 0, even.
/// @param base   Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
/// Matches:  bert4keras, the fairseq conformer, nntrainer.
inline SinusoidalEncoding paper(detail::Size width, double base = 10000) {
  return detail::named_encoding("presets::paper", width,
                                detail::paper_options(ChannelOrder::interleaved, base, OddWidth::reject));
}

/// The NumPy loop of many tutorials.
/// @param width  Channels of a row, > 1.
/// @param base   Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  `for i in range(int(d/2))` over a matrix of zeros.
inline SinusoidalEncoding numpy_tutorial(detail::Size width, double base = 10000) {
  return detail::named_encoding("presets::numpy_tutorial", width,
                                detail::paper_options(ChannelOrder::interleaved, base, OddWidth::zero_column));
}

/// The TensorFlow tutorial.
/// @param width  Channels of a row, > 0.
/// @param base   Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  angle_rads[:, 0::2] = sin, angle_rads[:, 1::2] = cos.
inline SinusoidalEncoding tensorflow_tutorial(detail::Size width, double base = 10000) {
  return detail::named_encoding("presets::tensorflow_tutorial", width,
                                detail::paper_options(ChannelOrder::interleaved, base, OddWidth::sine_column));
}

/// tensor2tensor: frequencies from 1 / min_timescale down to 1 / max_timescale in equal ratios, but like the original it
/// multiplies by min_timescale.
/// @param width                         Channels of a row, > 1.
/// @param min_timescale, max_timescale  Finite, > 0 and not equal.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  get_timing_signal_1d of tensor2tensor.
inline SinusoidalEncoding tensor2tensor(detail::Size width, double min_timescale = 1, double max_timescale = 10000) {
  const char* const function = "presets::tensor2tensor";
  detail::require_spectrum(function, "min_timescale", min_timescale, "max_timescale", max_timescale);
  return detail::named_encoding(function, width,
                                detail::timing_signal(min_timescale, max_timescale, OddWidth::zero_column));
}

/// fairseq, whose tokens count from padding_idx + 1: so does starting_at(0). A list of positions is what its
/// make_positions() returns (and roberta_positions()): ids equal to padding_idx get zeros.
/// @param width        Channels of a row, > 1.
/// @param padding_idx  Position of padding, |padding_idx| <= 2^56.
/// @throws std::invalid_argument  width <= 1.
/// @throws std::out_of_range      padding_idx.
/// Matches:  SinusoidalPositionalEmbedding of fairseq.
inline SinusoidalEncoding fairseq(detail::Size width, std::int64_t padding_idx = 1) {
  constexpr std::int64_t furthest = std::int64_t(1) << 56;
  detail::require_in_range(padding_idx >= -furthest && padding_idx <= furthest, "presets::fairseq", "padding_idx",
                           padding_idx, "within +-2^56");
  SinusoidalOptions options = detail::timing_signal(1, 10000, OddWidth::zero_column);
  options.first_position = padding_idx + 1;
  options.padding_position = padding_idx;
  return detail::named_encoding("presets::fairseq", width, options);
}

/// CTranslate2: starting_at(0) is position 1.
/// @param width  Channels of a row, > 0, even.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  CTranslate2 and OpenNMT-tf.
inline SinusoidalEncoding ctranslate2(detail::Size width) {
  SinusoidalOptions options = detail::timing_signal(1, 10000, OddWidth::reject);
  options.first_position = 1;
  return detail::named_encoding("presets::ctranslate2", width, options);
}

/// Marian, which multiplies the embedding by sqrt(width) before the addition.
/// @param width  Channels of a row, > 0, even.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  Marian.
inline SinusoidalEncoding marian(detail::Size width) {
  SinusoidalOptions options = detail::timing_signal(1, 10000, OddWidth::reject);
  options.embedding_scale = std::sqrt(detail::preset_width("presets::marian", width));
  return detail::named_encoding("presets::marian", width, options);
}

/// Whisper's encoder.
/// @param width          Channels of a row, > 0, even.
/// @param max_timescale  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  sinusoids() of Whisper.
inline SinusoidalEncoding whisper(detail::Size width, double max_timescale = 10000) {
  detail::require_base("presets::whisper", max_timescale, "max_timescale");
  return detail::named_encoding("presets::whisper", width, detail::timing_signal(1, max_timescale, OddWidth::reject));
}

/// Timestep embeddings of diffusion models, with the defaults of diffusers (DDPM). Stable Diffusion: (width, true, 0).
/// @param width                 Channels of a row, > 1.
/// @param flip_sin_to_cos       Whether cosines come first.
/// @param downscale_freq_shift  Finite, less than width / 2.
/// @param scale                 Factor on every angle, finite.
/// @param max_period            Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  get_timestep_embedding of diffusers.
inline SinusoidalEncoding diffusers_timestep(detail::Size width, detail::Switch flip_sin_to_cos = false,
                                             double downscale_freq_shift = 1, double scale = 1,
                                             double max_period = 10000) {
  const char* const function = "presets::diffusers_timestep";
  const Eigen::Index pairs = width / 2;
  detail::require_base(function, max_period, "max_period");
  detail::require(
      detail::is_finite(downscale_freq_shift) && (pairs <= 1 || downscale_freq_shift < static_cast<double>(pairs)),
      function, "downscale_freq_shift", downscale_freq_shift, "finite and less than width / 2 = ", pairs);
  detail::require(detail::is_finite(scale), function, "scale", scale, "finite");
  SinusoidalOptions options(flip_sin_to_cos ? ChannelOrder::cos_sin : ChannelOrder::sin_cos,
                            FrequencySpacing::over_pairs);
  options.frequency_shift = downscale_freq_shift;
  options.base = max_period;
  options.position_scale = scale;
  options.odd_width = OddWidth::zero_column;
  return detail::named_encoding(function, width, options);
}

/// Timestep embeddings of ggml.
/// @param width       Channels of a row, > 1.
/// @param max_period  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  ggml_timestep_embedding.
inline SinusoidalEncoding ggml_timestep(detail::Size width, double max_period = 10000) {
  detail::require_base("presets::ggml_timestep", max_period, "max_period");
  SinusoidalOptions options(ChannelOrder::cos_sin, FrequencySpacing::over_pairs);
  options.base = max_period;
  options.odd_width = OddWidth::zero_column;
  return detail::named_encoding("presets::ggml_timestep", width, options);
}

/// Transformer-XL, whose rows are those of the distances klen - 1, ..., 0: pass those as positions.
/// @param width  Channels of a row, > 0, even.
/// @param base   Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  PositionalEmbedding of Transformer-XL; RoFormer of Hugging Face at positions 0, 1, ...
inline SinusoidalEncoding transformer_xl(detail::Size width, double base = 10000) {
  return detail::named_encoding("presets::transformer_xl", width,
                                detail::paper_options(ChannelOrder::sin_cos, base, OddWidth::reject));
}

/// x-transformers, at the initial scale width^-0.5 (which it then learns).
/// @param width  Channels of a row, > 0, even.
/// @param theta  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  ScaledSinusoidalEmbedding of x-transformers.
inline SinusoidalEncoding x_transformers(detail::Size width, double theta = 10000) {
  detail::require_base("presets::x_transformers", theta, "theta");
  SinusoidalOptions options = detail::paper_options(ChannelOrder::sin_cos, theta, OddWidth::reject);
  options.amplitude = 1 / std::sqrt(detail::preset_width("presets::x_transformers", width));
  return detail::named_encoding("presets::x_transformers", width, options);
}

/// MLX, with its defaults and its scale sqrt(2 / width).
/// @param width               Channels of a row, > 0, even.
/// @param min_freq, max_freq  The ends of the spectrum, finite, > 0 and not equal.
/// @param cos_first           Whether cosines come first.
/// @param full_turns          Whether a position of 1 is a full period: angles times 2 pi.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  mlx.nn.SinusoidalPositionalEncoding.
inline SinusoidalEncoding mlx(detail::Size width, double min_freq = 1e-4, double max_freq = 1,
                              detail::Switch cos_first = false, detail::Switch full_turns = false) {
  const char* const function = "presets::mlx";
  detail::require_spectrum(function, "min_freq", min_freq, "max_freq", max_freq);
  SinusoidalOptions options = detail::timing_signal(1, max_freq / min_freq, OddWidth::reject);
  options.order = cos_first ? ChannelOrder::cos_sin : ChannelOrder::sin_cos;
  options.position_scale = full_turns ? max_freq * 6.283185307179586 : max_freq;
  options.amplitude = std::sqrt(2 / detail::preset_width(function, width));
  return detail::named_encoding(function, width, options);
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_PRESETS_HPP

// ---- posenc/sinusoidal/sinusoidal_grid_encoding.hpp
/// SinusoidalGridEncoding: which sinusoid each channel of a row holds, for tokens on several axes.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The channels of the sinusoids of several axes. Every layout of the field is such a list; presets:: has them.
struct GridChannels {
  std::vector<Eigen::Index> sine;      ///< Channel of sin of pair j, -1: left out. One entry for each pair.
  std::vector<Eigen::Index> cosine;    ///< Channel of cos of pair j, -1: left out.
  std::vector<Eigen::Index> position;  ///< Channel of the position itself on axis a, -1: left out. Empty: none (NeRF).
};

/// A sinusoidal encoding of tokens on several axes: channel by channel, as the lists say,
///
///     sin(p w[j]),  cos(p w[j])  or  p        p = the token's position on the axis of pair j
///
/// Immutable; holds the lists, no table. Channels that no list names are 0.
class SinusoidalGridEncoding {
 public:
  /// @param width        Channels of a row, > 0.
  /// @param frequencies  One frequency and one axis for each pair.
  /// @param channels     Each channel of [0, width) named at most once.
  /// @throws std::invalid_argument  width <= 0; lists of other lengths; a channel that two entries name.
  /// @throws std::out_of_range      a channel that is neither -1 nor in [0, width).
  SinusoidalGridEncoding(Eigen::Index width, AxialFrequencies frequencies, GridChannels channels)
      : width_(width), frequencies_(std::move(frequencies)), channels_(std::move(channels)) {
    const char* const function = "SinusoidalGridEncoding";
    detail::require(width > 0 && width <= (Eigen::Index(1) << 24), function, "width", width,
                    "> 0 and at most 16777216");
    const Eigen::Index pairs = frequencies_.frequencies.num_pairs();
    detail::require(frequencies_.axes.num_pairs() == pairs, function, "frequencies.axes.num_pairs()",
                    frequencies_.axes.num_pairs(), "frequencies.frequencies.num_pairs() ", pairs);
    std::vector<bool> taken(static_cast<std::size_t>(width), false);
    const auto check = [&](const std::vector<Eigen::Index>& list, const char* name, Eigen::Index size) {
      detail::require(static_cast<Eigen::Index>(list.size()) == size, function, name, list.size(), size, " entries");
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == -1) continue;
        const std::string entry = detail::element(name, static_cast<Eigen::Index>(i));
        if (list[i] < 0 || list[i] >= width) {
          detail::refuse<std::out_of_range>(function, entry, list[i], "-1 or in [0, width ", width, ")");
        }
        if (taken[static_cast<std::size_t>(list[i])]) {
          detail::refuse<std::invalid_argument>(function, entry, list[i], "a channel that is named once");
        }
        taken[static_cast<std::size_t>(list[i])] = true;
      }
    };
    check(channels_.sine, "channels.sine", pairs);
    check(channels_.cosine, "channels.cosine", pairs);
    if (!channels_.position.empty()) check(channels_.position, "channels.position", frequencies_.axes.num_axes());
  }

  Eigen::Index width() const { return width_; }
  Eigen::Index num_axes() const { return frequencies_.axes.num_axes(); }
  const AxialFrequencies& frequencies() const { return frequencies_; }
  const GridChannels& channels() const { return channels_; }

 private:
  Eigen::Index width_;
  AxialFrequencies frequencies_;
  GridChannels channels_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP

// ---- posenc/sinusoidal/detail/explain_sinusoidal.hpp
/// What encode_sinusoidal() and add_sinusoidal() answer to arguments that are missing or out of order.
#ifndef POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T>
inline constexpr bool is_line_encoding = std::is_same_v<T, SinusoidalEncoding>;
template <typename T>
inline constexpr bool is_grid_encoding = std::is_same_v<T, SinusoidalGridEncoding>;
template <typename T>
inline constexpr bool is_any_encoding = is_line_encoding<T> || is_grid_encoding<T>;

template <typename First, typename Second = void, typename... More>
constexpr bool explain_sinusoidal() {
  constexpr bool has_matrix = is_dense<First>;
  constexpr bool from_encoding = has_matrix && is_any_encoding<Second>;
  constexpr bool from_table = has_matrix && is_frequency_table<Second>;
  constexpr bool has_encoding = (is_any_encoding<Second> || ... || is_any_encoding<More>);
  static_assert(has_matrix || is_any_encoding<First> || is_frequency_table<First>,
                "posenc: x must be an Eigen object: wrap a raw buffer with Eigen::Map");
  static_assert(has_matrix || !(is_any_encoding<First> || is_frequency_table<First>),
                "posenc: the matrix comes first: write add_sinusoidal(x, encoding, positions)");
  static_assert(
      !from_encoding || sizeof...(More) != 0 || is_grid_encoding<Second>,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), or a list with one for "
      "each token");
  static_assert(
      !from_encoding || !is_grid_encoding<Second>,
      "posenc: positions on several axes are one matrix, tokens x axes: grid_positions({height, width}) or your "
      "own");
  static_assert(
      !from_table || has_encoding,
      "posenc: a table does not know the order of sines and cosines: write add_sinusoidal(x, table, encoding, "
      "positions)");
  static_assert(
      !from_table || !has_encoding || sizeof...(More) != 1,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), a list with one for each "
      "token, or from_row(n)");
  static_assert(
      !has_matrix || from_encoding || from_table,
      "posenc: the second argument must be an encoding: presets::paper(width), presets::whisper(width), ..., or "
      "SinusoidalEncoding(width, options)");
  static_assert(!has_matrix || !(from_encoding || from_table) || sizeof...(More) < (from_table ? 2 : 1) ||
                    is_grid_encoding<Second>,
                "posenc: write add_sinusoidal(x, encoding, positions), or with a kept table add_sinusoidal(x, table, "
                "encoding, positions), in that order");
  return true;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_EXPLAIN_SINUSOIDAL_HPP

// ---- posenc/sinusoidal/detail/require_encoded.hpp
/// The checks that all sinusoidal encoders of tokens on a line make.
#ifndef POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP
#define POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The shape and the memory of what is written.
template <typename X>
void require_encoded(const char* function, const char* parameter, const X& x, Eigen::Index width) {
  require_width(function, parameter, x, "encoding.width()", width);
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
}

/// A list of positions may not lie in what is written.
template <typename X, typename Given>
void require_disjoint_positions(const char* function, const char* parameter, const X& x, const Given& given) {
  if constexpr (is_dense<Given>) {
    require_disjoint(function, parameter, x, given);
  } else if constexpr (is_each_sequence<Given>) {
    require_disjoint_positions(function, parameter, x, given.start());
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP

// ---- posenc/sinusoidal/detail/encoding_positions.hpp
/// How an encoding reads positions: first_position is added, and padding is recognized.
#ifndef POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP
#define POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline SinusoidColumns columns_of(const SinusoidalEncoding& encoding) {
  return {encoding.options().order, encoding.num_sines(), encoding.num_cosines()};
}

/// What is added to positions: first_position, but nothing to a list of ids that tells padding from tokens.
inline std::int64_t shift_of(const SinusoidalEncoding& encoding, bool is_list) {
  const SinusoidalOptions& options = encoding.options();
  return is_list && options.padding_position ? 0 : options.first_position;
}

/// `positions` with `shift` added. They are held by reference.
template <typename Positions>
class ShiftedPositions {
 public:
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  ShiftedPositions(const char* function, const Positions& positions, std::int64_t shift)
      : positions_(positions), shift_(shift) {
    if constexpr (std::is_integral_v<Position>) {
      if (shift == 0) return;
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (is_position((*this)[i])) continue;
        detail::require_position(function, element("positions", i) + " + first_position", (*this)[i]);
      }
    }
  }
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return positions_[i] + static_cast<Position>(shift_); }

 private:
  const Positions& positions_;
  std::int64_t shift_;
};

/// Whether row i is padding, given its position.
template <typename Positions>
struct PaddingRows {
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  PaddingRows(const SinusoidalEncoding& encoding, const Positions& all)
      : positions(all),
        exists(encoding.options().padding_position.has_value()),
        position(static_cast<Position>(encoding.options().padding_position.value_or(0))) {}
  bool operator()(Eigen::Index row) const { return exists && positions[row] == position; }

  const Positions& positions;
  bool exists;
  Position position;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP

// ---- posenc/sinusoidal/detail/write_encoding.hpp
/// Writes and adds the sinusoids of an encoding on a line, straight from the generator of angles.
#ifndef POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP
#define POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The values are stored: what encode_sinusoidal() does with an element, and with a block of them in memory.
template <typename Scalar>
struct StoreElement {
  static void apply(Scalar& target, double value, double) { target = convert<Scalar>(value); }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double) {
    cast_block<Count>(target, values);
  }
};

/// The values are added to `embedding_scale` times what is there: what add_sinusoidal() does.
template <typename Scalar>
struct AddElement {
  static void apply(Scalar& target, double value, double embedding_scale) {
    if constexpr (is_storage<Scalar>) {
      target = round_to<Scalar>(static_cast<double>(target) * embedding_scale + value);
    } else {
      target = target * Scalar(embedding_scale) + Scalar(value);
    }
  }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double embedding_scale) {
    if constexpr (is_half<Scalar>) {
      double sums[Count];
      cast_block<Count>(sums, target);
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) sums[i] = sums[i] * embedding_scale + values[i];
      cast_block<Count>(target, sums);
    } else {
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) apply(target[i], values[i], embedding_scale);
    }
  }
};

/// Writes a whole block of sines and cosines into a row in memory.
template <typename Element, bool Interleave, typename Scalar>
void write_sinusoids(Scalar* sines, Scalar* cosines, const double* sine, const double* cosine, double scale) {
  if constexpr (Interleave) {  // put in order first, then stored as one run of memory
    double values[2 * kAngleBlock];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < kAngleBlock; ++i) {
      values[2 * i] = sine[i];
      values[2 * i + 1] = cosine[i];
    }
    Element::template apply_block<2 * kAngleBlock>(sines, values, scale);
  } else {
    Element::template apply_block<kAngleBlock>(sines, sine, scale);
    Element::template apply_block<kAngleBlock>(cosines, cosine, scale);
  }
}

/// Writes the sinusoids of pairs 0 ... count - 1, a multiple of kAngleBlock, in all rows that are not padding. `data`
/// is a matrix in memory with contiguous rows.
template <typename Element, bool Interleave, typename Scalar, typename Positions>
POSENC_KERNEL void write_whole_blocks(Scalar* data, Eigen::Index row_stride, const SinusoidalEncoding& encoding,
                                      Eigen::Index count, const Positions& positions) {
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const PaddingRows<Positions> is_padding(encoding, positions);
  // By value, so that nothing is read again after a store.
  const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
    if (is_padding(row)) return;
    Scalar* const at = data + row * row_stride + pair * (Interleave ? 2 : 1);
    write_sinusoids<Element, Interleave>(at + columns.first_sine, at + columns.first_cosine, sine, cosine, scale);
  };
  for_each_angle(encoding.frequencies(), 0, count, encoding.options().amplitude, positions, sink);
}

/// Writes all rows of x: row i is the encoding of positions[i], to which first_position was added.
template <template <typename> class Element, typename X, typename Positions>
void write_encoding(X& x, const SinusoidalEncoding& encoding, const Positions& positions) {
  using Write = Element<typename X::Scalar>;
  const SinusoidalOptions& options = encoding.options();
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = options.embedding_scale;
  const PaddingRows<Positions> is_padding(encoding, positions);

  Eigen::Index written_pairs = 0;
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      written_pairs = encoding.num_cosines() / kAngleBlock * kAngleBlock;
      if (columns.step == 2) {
        write_whole_blocks<Write, true>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      } else {
        write_whole_blocks<Write, false>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      }
    }
  }
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    if (is_padding(row)) return;
    const Eigen::Index first_sine = columns.first_sine + pair * columns.step;
    const Eigen::Index first_cosine = columns.first_cosine + pair * columns.step;
    const int num_cosines = static_cast<int>((std::min)(Eigen::Index(count), encoding.num_cosines() - pair));
    for (int i = 0; i < count; ++i) Write::apply(x.coeffRef(row, first_sine + i * columns.step), sine[i], scale);
    for (int i = 0; i < num_cosines; ++i) {
      Write::apply(x.coeffRef(row, first_cosine + i * columns.step), cosine[i], scale);
    }
  };
  for_each_angle(encoding.frequencies(), written_pairs, encoding.num_sines(), options.amplitude, positions, sink);

  const Eigen::Index written = encoding.num_sines() + encoding.num_cosines();
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index channel = is_padding(row) ? 0 : written; channel < encoding.width(); ++channel) {
      Write::apply(x.coeffRef(row, channel), 0.0, scale);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP

// ---- posenc/sinusoidal/add_sinusoidal.hpp
/// Writes and adds sinusoidal encodings of tokens on a line.
#ifndef POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Checks everything, then stores or adds.
template <template <typename> class Element, typename X, typename Given>
void apply_sinusoidal(const char* function, const char* parameter, X& x, const SinusoidalEncoding& encoding,
                      const Given& given) {
  require_encoded(function, parameter, x, encoding.width());
  require_disjoint_positions(function, parameter, x, given);
  with_token_positions(function, parameter, given, x.rows(), [&](const auto& token_positions) {
    using Positions = std::decay_t<decltype(token_positions)>;
    const ShiftedPositions<Positions> positions(function, token_positions, shift_of(encoding, is_list<Given>));
    require_finite_angles(function, encoding.frequencies().fastest(), false, positions);
    write_encoding<Element>(x, encoding, positions);
  });
}

}  // namespace detail

/// Writes the encoding of each token's position into `out`.
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param encoding   Which sinusoid each channel holds: presets::paper(width), presets::whisper(width), ...
/// @param positions  One for each token: starting_at(first); PositionRange(first, count) with count == out.rows(); a
///                   list of integers or real numbers (an Eigen vector, a [batch, length] matrix read along its rows,
///                   std::vector, ...). In a batch of stacked sequences: each_sequence(length, starting_at(first)), or
///                   each_sequence(length, starts) with the first position of each. See
///                   SinusoidalOptions::padding_position for ids that mark padding.
/// @throws std::invalid_argument  out.cols() is not the encoding's width; another number of positions than rows; a real
///                                position that is NaN or infinite; memory shared with the positions, or rows of `out`
///                                that lie in one another.
/// @throws std::out_of_range      a position that, with first_position added, is outside of [-2^57, 2^57]; an angle
///                                that is not finite. `out` is unchanged whenever one is thrown.
/// Cost:     two multiply-adds and a store for each value; no allocation (bench_sinusoidal: encode).
/// Accuracy: float |error| <= u / 2 + amplitude (2^-40 + |angle| 2^-51) with u the ulp of float just below amplitude,
///           2^-24 for amplitude 1; double <= amplitude (2^-50 + |angle| 2^-51) [sinusoidal][encode].
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
/// Matches:  see the presets.
template <typename Out, typename Encoding, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && detail::is_line_encoding<Encoding>, int> = 0>
void encode_sinusoidal(Out&& out, const Encoding& encoding, const Positions& positions) {
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", "out", detail::written(std::forward<Out>(out)),
                                                 encoding, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_sinusoidal(const Arguments&...) {
  static_assert(detail::explain_sinusoidal<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_sinusoidal(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Adds the encoding of each token's position to token embeddings, in place: x = embedding_scale x + encoding, formed
/// in double and rounded once.
///
/// Where the same positions come again and again, a kept FrequencyTable makes it as fast as x += y:
/// add_sinusoidal(x, table, encoding, positions).
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal().
/// Cost:     two multiply-adds, an addition and a store for each value; no allocation (bench_sinusoidal: add).
/// Accuracy: the encoding as encode_sinusoidal() in double, and one rounding of the sum [sinusoidal][add].
template <typename X, typename Encoding, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<X>> && detail::is_line_encoding<Encoding>, int> = 0>
void add_sinusoidal(X&& x, const Encoding& encoding, const Positions& positions) {
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", "x", detail::written(std::forward<X>(x)), encoding,
                                               positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void add_sinusoidal(const Arguments&...) {
  static_assert(detail::explain_sinusoidal<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void add_sinusoidal(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Returns the encodings of positions first, ..., first + count - 1: count x encoding.width(), row-major.
///
/// @tparam Scalar    float, double, Eigen::half or Eigen::bfloat16.
/// @param encoding   As of encode_sinusoidal().
/// @param positions  PositionRange(first, count).
/// @throws std::out_of_range  as encode_sinusoidal().
/// @throws std::length_error  the matrix does not fit into memory's index type.
/// Cost:     one allocation, and that of encode_sinusoidal() (bench_sinusoidal: encode).
/// Accuracy: that of encode_sinusoidal() [sinusoidal][encode].
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_sinusoidal(
    const SinusoidalEncoding& encoding, const PositionRange& positions) {
  detail::require_size("make_sinusoidal", "positions.count()", positions.count(), encoding.width(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(positions.count(), encoding.width());
  detail::apply_sinusoidal<detail::StoreElement>("make_sinusoidal", "rows", rows, encoding, positions);
  return rows;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP

// ---- posenc/sinusoidal/detail/write_table_rows.hpp
/// Writes and adds the rows of a kept cos/sin table in the channel order of an encoding.
#ifndef POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP
#define POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What becomes of a channel: the value, or scale x + value, formed in the arithmetic type and rounded once.
template <bool Add, typename Scalar, typename Value>
Scalar combine(const Scalar& x, const Value& value, double scale) {
  if constexpr (Add) {
    using Number = ArithmeticScalar<Scalar, Value>;
    return convert<Scalar>(Number(Number(scale) * convert<Number>(x) + convert<Number>(value)));
  } else {
    return convert<Scalar>(value);
  }
}

/// The same for contiguous values that are disjoint.
template <bool Add, typename Scalar, typename Value>
void combine_row(Scalar* x, const Value* values, Eigen::Index count, double scale) {
  if constexpr (!Add) {
    store_row(x, values, count);
  } else if (scale == 1) {
    add_row(x, values, count);
  } else {
    for (Eigen::Index i = 0; i < count; ++i) x[i] = combine<true>(x[i], values[i], scale);
  }
}

/// Values with a stride, put in order in blocks on the stack where they are not contiguous.
template <bool Add, typename Scalar, typename Value>
void combine_strided(Scalar* x, const Value* values, Eigen::Index stride, Eigen::Index count, double scale) {
  if (stride == 1) return combine_row<Add>(x, values, count, scale);
  Value block[kRowBlock];
  for (Eigen::Index first = 0; first < count; first += kRowBlock) {
    const Eigen::Index size = (std::min)(Eigen::Index(kRowBlock), count - first);
    for (Eigen::Index i = 0; i < size; ++i) block[i] = values[(first + i) * stride];
    combine_row<Add>(x + first, block, size, scale);
  }
}

/// Sines and cosines in turn, s0 c0 s1 c1 ..., for `count` pairs.
template <bool Add, typename Scalar, typename Value>
void combine_interleaved(Scalar* x, const Value* sines, const Value* cosines, Eigen::Index stride, Eigen::Index count,
                         double scale) {
  Value block[2 * kRowBlock];
  Eigen::Index first = 0;
  if (stride == 1) {
    for (; first + kRowBlock <= count; first += kRowBlock) {
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kRowBlock; ++i) {
        block[2 * i] = sines[first + i];
        block[2 * i + 1] = cosines[first + i];
      }
      combine_row<Add>(x + 2 * first, block, 2 * kRowBlock, scale);
    }
  }
  for (; first < count; first += kRowBlock) {
    const Eigen::Index size = (std::min)(Eigen::Index(kRowBlock), count - first);
    for (Eigen::Index i = 0; i < size; ++i) {
      block[2 * i] = sines[(first + i) * stride];
      block[2 * i + 1] = cosines[(first + i) * stride];
    }
    combine_row<Add>(x + 2 * first, block, 2 * size, scale);
  }
}

/// Writes x, a matrix in memory with contiguous rows: token t gets row row_of(t) of the table, but padding where that is
/// `padding_row`.
template <bool Add, typename Scalar, typename Table, typename Rows>
POSENC_KERNEL void write_contiguous_rows(Scalar* x, Eigen::Index tokens, Eigen::Index x_stride, const Table& table,
                                         const SinusoidalEncoding& encoding, const Rows& row_of,
                                         Eigen::Index padding_row) {
  using Value = typename Table::Scalar;
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const Eigen::Index num_sines = encoding.num_sines();
  const Eigen::Index num_cosines = encoding.num_cosines();
  const Eigen::Index stride = table.pair_stride();
  for (Eigen::Index token = 0; token < tokens; ++token, x += x_stride) {
    const Eigen::Index row = row_of(token);
    Eigen::Index written = 0;
    if (row != padding_row) {
      const Value* const sines = table.sin_data(row);
      const Value* const cosines = table.cos_data(row);
      written = num_sines + num_cosines;
      if (columns.step == 2) {
        combine_interleaved<Add>(x, sines, cosines, stride, num_cosines, scale);
        combine_strided<Add>(x + 2 * num_cosines, sines + num_cosines * stride, stride, num_sines - num_cosines, scale);
      } else {
        combine_strided<Add>(x + columns.first_sine, sines, stride, num_sines, scale);
        combine_strided<Add>(x + columns.first_cosine, cosines, stride, num_cosines, scale);
      }
    }
    for (Eigen::Index channel = written; channel < encoding.width(); ++channel) {
      x[channel] = combine<Add>(x[channel], Value(0), scale);
    }
  }
}

/// The same for any x. Column by column, as Eigen's default storage lies in memory.
template <bool Add, typename X, typename Table, typename Rows>
void write_table_rows(X& x, const Table& table, const SinusoidalEncoding& encoding, const Rows& row_of,
                      Eigen::Index padding_row) {
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      return write_contiguous_rows<Add>(x.data(), x.rows(), x.outerStride(), table, encoding, row_of, padding_row);
    }
  }
  using Value = typename Table::Scalar;
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const auto write_column = [&](Eigen::Index column, auto&& value_of) {
    for (Eigen::Index token = 0; token < x.rows(); ++token) {
      const Eigen::Index row = row_of(token);
      auto& target = x.coeffRef(token, column);
      target = combine<Add>(target, row == padding_row ? Value(0) : value_of(row), scale);
    }
  };
  const Eigen::Index stride = table.pair_stride();
  for (Eigen::Index pair = 0; pair < encoding.num_sines(); ++pair) {
    write_column(columns.sine(pair), [&](Eigen::Index row) { return table.sin_data(row)[pair * stride]; });
  }
  for (Eigen::Index pair = 0; pair < encoding.num_cosines(); ++pair) {
    write_column(columns.cosine(pair), [&](Eigen::Index row) { return table.cos_data(row)[pair * stride]; });
  }
  for (Eigen::Index column = encoding.num_sines() + encoding.num_cosines(); column < encoding.width(); ++column) {
    write_column(column, [](Eigen::Index) { return Value(0); });
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP

// ---- posenc/sinusoidal/add_kept_sinusoids.hpp
/// Writes and adds a sinusoidal encoding from a kept cos/sin table, at the speed of a copy and of x += y.
#ifndef POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP
#define POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename X, typename Table, typename Encoding>
inline constexpr bool are_kept_arguments =
    is_dense<std::decay_t<X>>&& is_frequency_table<Table>&& is_line_encoding<Encoding>;

/// The rows of a table by positions to which `shift` is still to be added.
struct ShiftedTable {
  Eigen::Index table_rows;
  std::optional<std::int64_t> table_first;
  std::int64_t shift;

  Eigen::Index rows() const { return table_rows; }
  std::optional<std::int64_t> first_position() const {
    if (!table_first) return std::nullopt;
    return *table_first - shift;
  }
};

/// The row of the table that is padding; -1 where there is none.
template <typename Table>
Eigen::Index padding_row_of(const char* function, const Table& table, const SinusoidalEncoding& encoding) {
  if (!encoding.options().padding_position) return -1;
  require(table.first_position().has_value(), function, "table", "one that does not know its positions",
          "made of a PositionRange where the encoding has a padding_position");
  const std::int64_t row = *encoding.options().padding_position - *table.first_position();
  return row >= 0 && row < table.rows() ? static_cast<Eigen::Index>(row) : -1;
}

/// Checks everything, then stores or adds. `count` is what a message calls the number of tokens.
template <bool Add, typename X, typename Table, typename Given>
void apply_kept_sinusoids(const char* function, const char* parameter, const char* count, X& x, const Table& table,
                          const SinusoidalEncoding& encoding, const Given& given) {
  require_encoded(function, parameter, x, encoding.width());
  const std::uint64_t id = encoding.frequencies().id();
  require(table.id() == id, function, "table.id()", table.id(), id,
          " (that of encoding.frequencies(), of which make_table() makes the table)");
  require(encoding.options().amplitude > 0, function, "amplitude", encoding.options().amplitude,
          "> 0 where a table is read");
  require_disjoint(function, parameter, x, table.cos());
  require_disjoint(function, parameter, x, table.sin());
  require_disjoint_positions(function, parameter, x, given);
  const Eigen::Index padding_row = padding_row_of(function, table, encoding);
  const ShiftedTable shifted{table.rows(), table.first_position(), shift_of(encoding, is_list<Given>)};
  with_table_rows(function, shifted, given, TokenGrid{parameter, count, 1, x.rows()},
                  [&](const auto& row_of) { write_table_rows<Add>(x, table, encoding, row_of, padding_row); });
}

}  // namespace detail

/// Writes the encoding of each token's position into `out`, from a table that was made before:
///
///     const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 2048));
///     encode_sinusoidal(out, table, encoding, starting_at(0));
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param table      A FrequencyTable of encoding.frequencies() with exact angles, in any storage.
/// @param encoding   Which sinusoid each channel holds.
/// @param positions  One for each token, as in encode_sinusoidal(out, encoding, positions), but whole and in the table;
///                   first_position is added to them. In a table of a list of positions: rows, by from_row(n) or
///                   rows(list). In a batch: each_sequence(length, start).
/// @throws std::invalid_argument  a table of other frequencies; an amplitude <= 0; a padding_position with a table that
///                                does not know its positions; otherwise as encode_sinusoidal().
/// @throws std::out_of_range      a position or row that the table does not have. `out` is then unchanged.
/// Cost:     a copy of each row; no allocation (bench_sinusoidal: kept table).
/// Accuracy: the numbers of encode_sinusoidal(out, encoding, positions), bit for bit where `out` and the table have the
///           same scalar, else rounded once more [sinusoidal][kept].
template <typename Out, typename Table, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_kept_arguments<Out, Table, Encoding>, int> = 0>
void encode_sinusoidal(Out&& out, const Table& table, const Encoding& encoding, const Positions& positions) {
  detail::apply_kept_sinusoids<false>("encode_sinusoidal", "out", "out.rows()", detail::written(std::forward<Out>(out)),
                                      table, encoding, positions);
}

/// Adds the encoding of each token's position to token embeddings, in place, from a table that was made before:
/// x = embedding_scale x + encoding.
///
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal() with a table.
/// Cost:     that of x += y for contiguous rows; no allocation (bench_sinusoidal: kept table).
/// Accuracy: the table's numbers, and one rounding of the sum (two where embedding_scale is not 1); half types are added
///           in float [sinusoidal][kept].
template <typename X, typename Table, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_kept_arguments<X, Table, Encoding>, int> = 0>
void add_sinusoidal(X&& x, const Table& table, const Encoding& encoding, const Positions& positions) {
  detail::apply_kept_sinusoids<true>("add_sinusoidal", "x", "x.rows()", detail::written(std::forward<X>(x)), table,
                                     encoding, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_KEPT_SINUSOIDS_HPP

// ---- posenc/sinusoidal/detail/grid_builder.hpp
/// Makes the lists of a SinusoidalGridEncoding pair by pair, for the presets.
#ifndef POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP
#define POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Takes pairs one by one and keeps the lists of a SinusoidalGridEncoding.
class GridBuilder {
 public:
  void add(int axis, double frequency, Eigen::Index sine, Eigen::Index cosine) {
    axes_.push_back(axis);
    frequencies_.push_back(frequency);
    channels_.sine.push_back(sine);
    channels_.cosine.push_back(cosine);
  }
  /// Pairs of one axis: sines from `sine` on and cosines from `cosine` on, with a step of `step` channels.
  void add_axis(int axis, const Frequencies& frequencies, Eigen::Index sine, Eigen::Index cosine, Eigen::Index step) {
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      add(axis, frequencies.inv_freq()[i], sine + i * step, cosine + i * step);
    }
  }
  std::vector<Eigen::Index>& positions() { return channels_.position; }
  SinusoidalGridEncoding build(Eigen::Index width, int num_axes) {
    const auto size = static_cast<Eigen::Index>(axes_.size());
    AxialFrequencies frequencies{Frequencies(Eigen::Map<const Eigen::ArrayXd>(frequencies_.data(), size)),
                                 AxisMap(Eigen::Map<const Eigen::ArrayXi>(axes_.data(), size), num_axes)};
    return SinusoidalGridEncoding(width, std::move(frequencies), std::move(channels_));
  }

 private:
  std::vector<int> axes_;
  std::vector<double> frequencies_;
  GridChannels channels_;
};

inline void require_grid_width(const char* function, const char* parameter, Eigen::Index width, Eigen::Index factor) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 24;
  require(width > 0 && width % factor == 0 && width <= limit, function, parameter, width, "a multiple of ", factor,
          ", > 0 and at most ", limit);
}

/// base^(-m / count), m < count.
inline Frequencies ladder(Eigen::Index count, double base) {
  return spaced_frequencies(count, base, static_cast<double>(count));
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP

// ---- posenc/sinusoidal/grid_presets.hpp
/// presets for pictures and videos: MAE, MoCo-v3, timm, DETR, diffusers.
#ifndef POSENC_SINUSOIDAL_GRID_PRESETS_HPP
#define POSENC_SINUSOIDAL_GRID_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Encodings of pictures, videos and points by project. Axes are those of grid_positions({height, width}): row y, then
/// column x; video adds the frame t in front. s and c are the blocks of sines and cosines of one axis.
///
///     preset            width              channels                          frequency m
///     mae               D, D % 4 == 0      s(x) c(x) s(y) c(y)               base^(-m / (D/4))
///     moco_v3           D, D % 4 == 0      s(y) s(x) c(y) c(x)               base^(-m / (D/4))
///     timm_interleaved  D, D % 4 == 0      s(y) c(y) s(x) c(x)               base^(-m / (D/4))
///     detr              2F, F even         y: s0 c0 s1 c1 .. | x: likewise   base^(-2m / F)
///     diffusers_3d      D, D % 16 == 0     t: s c in D/4 | mae in 3D/4       base^(-m / (D/8)), base^(-m / (3D/16))
///
/// Accuracy: equal to the rows that the projects publish [sinusoidal][grid].
namespace presets {

/// MAE: the column comes first, although the source calls it `emb_h`. diffusers also scales coordinates: give it
/// grid_positions() / interpolation_scale.
/// @param width  Channels of a row, a multiple of 4, > 0.
/// @param base   Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  get_2d_sincos_pos_embed of MAE, DiT and diffusers.
inline SinusoidalGridEncoding mae(detail::Size width, double base = 10000) {
  detail::require_grid_width("presets::mae", "width", width, 4);
  detail::require_base("presets::mae", base);
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, base);
  detail::GridBuilder builder;
  builder.add_axis(1, frequencies, 0, quarter, 1);
  builder.add_axis(0, frequencies, 2 * quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// MoCo-v3: all sines first, rows before columns.
/// @param width        Channels of a row, a multiple of 4, > 0.
/// @param temperature  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  MoCo-v3, and build_sincos2d_pos_embed of timm as it is called by default.
inline SinusoidalGridEncoding moco_v3(detail::Size width, double temperature = 10000) {
  detail::require_grid_width("presets::moco_v3", "width", width, 4);
  detail::require_base("presets::moco_v3", temperature, "temperature");
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, 2 * quarter, 1);
  builder.add_axis(1, frequencies, quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// timm, interleaved: sines and cosines of the rows, then of the columns.
/// @param width        Channels of a row, a multiple of 4, > 0.
/// @param temperature  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  build_sincos2d_pos_embed of timm with interleave_sin_cos=True.
inline SinusoidalGridEncoding timm_interleaved(detail::Size width, double temperature = 10000) {
  detail::require_grid_width("presets::timm_interleaved", "width", width, 4);
  detail::require_base("presets::timm_interleaved", temperature, "temperature");
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, quarter, 1);
  builder.add_axis(1, frequencies, 2 * quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// DETR, of width 2 num_pos_feats, for the positions of detr_positions().
/// @param num_pos_feats  Channels of each axis, even, > 0.
/// @param temperature    Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Carion et al. 2020, arXiv:2005.12872.
/// Matches:  PositionEmbeddingSine of DETR.
inline SinusoidalGridEncoding detr(detail::Size num_pos_feats, double temperature = 10000) {
  detail::require_grid_width("presets::detr", "num_pos_feats", num_pos_feats, 2);
  detail::require_base("presets::detr", temperature, "temperature");
  const Frequencies frequencies = detail::ladder(num_pos_feats / 2, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, 1, 2);
  builder.add_axis(1, frequencies, num_pos_feats, num_pos_feats + 1, 2);
  return builder.build(2 * num_pos_feats, 2);
}

/// Video of diffusers: time in the first quarter, the picture as in mae() in the rest. Axes t, y, x; the source divides
/// them by temporal_interpolation_scale and spatial_interpolation_scale.
/// @param width  Channels of a row, a multiple of 16, > 0.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  get_3d_sincos_pos_embed of diffusers.
inline SinusoidalGridEncoding diffusers_3d(detail::Size width) {
  detail::require_grid_width("presets::diffusers_3d", "width", width, 16);
  const Eigen::Index time = width / 8;          // pairs
  const Eigen::Index picture = 3 * width / 16;  // pairs of each axis
  const Frequencies frequencies = detail::ladder(picture, 10000);
  detail::GridBuilder builder;
  builder.add_axis(0, detail::ladder(time, 10000), 0, time, 1);
  builder.add_axis(2, frequencies, 2 * time, 2 * time + picture, 1);
  builder.add_axis(1, frequencies, 2 * time + 2 * picture, 2 * time + 3 * picture, 1);
  return builder.build(width, 3);
}

}  // namespace presets

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_GRID_PRESETS_HPP

// ---- posenc/sinusoidal/axes_presets.hpp
/// presets for any number of axes: tatp22, tensor2tensor, NeRF.
#ifndef POSENC_SINUSOIDAL_AXES_PRESETS_HPP
#define POSENC_SINUSOIDAL_AXES_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Encodings of any number of axes by project. s and c are the blocks of sines and cosines of one axis.
///
///     preset            width              channels                          frequency m
///     tatp22            any, 1 to 3 axes   per axis s0 c0 s1 c1 .., cut      base^(-2m / C)
///     tensor2tensor_nd  any, any axes      per axis s | c, rest 0            base^(-m / (F-1))
///     nerf              n + 2nN            p | s0(all) c0(all) s1(all) ..    2^m
///
/// Accuracy: equal to the projects' formulas [sinusoidal][grid].
namespace presets {

/// tatp22: each axis has C = 2 ceil(width / (2 num_axes)) channels, and the row is cut after `width`.
/// @param width     Channels of a row, > 0.
/// @param num_axes  1, 2 or 3.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  PositionalEncoding1D, 2D and 3D of tatp22's multidim-positional-encoding.
inline SinusoidalGridEncoding tatp22(detail::Size width, int num_axes) {
  const char* const function = "presets::tatp22";
  detail::require_grid_width(function, "width", width, 1);
  detail::require(num_axes >= 1 && num_axes <= 3, function, "num_axes", num_axes, "in [1, 3]");
  const Eigen::Index pairs = (width + 2 * num_axes - 1) / (2 * num_axes);
  const Frequencies frequencies = detail::ladder(pairs, 10000);
  const auto kept = [&](Eigen::Index channel) { return channel < width ? channel : -1; };
  detail::GridBuilder builder;
  for (int axis = 0; axis < num_axes; ++axis) {
    for (Eigen::Index i = 0; i < pairs; ++i) {
      const Eigen::Index channel = 2 * (axis * pairs + i);
      builder.add(axis, frequencies.inv_freq()[i], kept(channel), kept(channel + 1));
    }
  }
  return builder.build(width, num_axes);
}

/// tensor2tensor on any number of axes: F = width / (2 num_axes) rounded down; channels that are left over get nothing.
/// @param width                         Channels of a row, at least 2 num_axes.
/// @param num_axes                      > 0.
/// @param min_timescale, max_timescale  Finite, > 0 and not equal.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  add_timing_signal_nd of tensor2tensor.
inline SinusoidalGridEncoding tensor2tensor_nd(detail::Size width, int num_axes, double min_timescale = 1,
                                               double max_timescale = 10000) {
  const char* const function = "presets::tensor2tensor_nd";
  detail::require_grid_width(function, "width", width, 1);
  detail::require(num_axes > 0 && width / 2 >= num_axes, function, "num_axes", num_axes,
                  "in [1, width / 2 = ", width / 2, "]");
  detail::require_spectrum(function, "min_timescale", min_timescale, "max_timescale", max_timescale);
  const Eigen::Index pairs = width / (2 * num_axes);
  const Eigen::ArrayXd inv_freq =
      min_timescale * spaced_frequencies(pairs, max_timescale / min_timescale,
                                         static_cast<double>((std::max)(pairs - 1, Eigen::Index(1))))
                          .inv_freq();
  detail::GridBuilder builder;
  for (int axis = 0; axis < num_axes; ++axis) {
    builder.add_axis(axis, Frequencies(inv_freq), 2 * axis * pairs, (2 * axis + 1) * pairs, 1);
  }
  return builder.build(width, num_axes);
}

/// NeRF: the coordinates themselves, then for each frequency the sines of all coordinates and the cosines of all.
///
/// @param num_axes         Coordinates of a point, > 0.
/// @param num_frequencies  N, > 0.
/// @param include_input    Whether the coordinates come first.
/// @param log_sampling     2^m for m < N; otherwise N equally spaced from 1 to 2^(N-1).
/// @throws std::invalid_argument  num_axes <= 0; num_frequencies not in [1, 64].
/// Source:  Mildenhall et al. 2020, arXiv:2003.08934, without the paper's pi as in its code.
inline SinusoidalGridEncoding nerf(int num_axes, int num_frequencies, detail::Switch include_input = true,
                                   detail::Switch log_sampling = true) {
  const char* const function = "presets::nerf";
  detail::require(num_axes > 0 && num_axes <= 1024, function, "num_axes", num_axes, "in [1, 1024]");
  detail::require(num_frequencies > 0 && num_frequencies <= 64, function, "num_frequencies", num_frequencies,
                  "in [1, 64]");
  detail::GridBuilder builder;
  const Eigen::Index first = include_input ? num_axes : 0;
  const double last = std::ldexp(1.0, num_frequencies - 1);
  for (int m = 0; m < num_frequencies; ++m) {
    const double frequency = log_sampling           ? std::ldexp(1.0, m)
                             : num_frequencies == 1 ? 1.0
                                                    : 1.0 + m * ((last - 1) / (num_frequencies - 1));
    for (int axis = 0; axis < num_axes; ++axis) {
      const Eigen::Index sine = first + Eigen::Index(2) * m * num_axes + axis;
      builder.add(axis, frequency, sine, sine + num_axes);
    }
  }
  for (int axis = 0; axis < num_axes && include_input; ++axis) builder.positions().push_back(axis);
  return builder.build(first + Eigen::Index(2) * num_axes * num_frequencies, num_axes);
}

}  // namespace presets

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_AXES_PRESETS_HPP

// ---- posenc/sinusoidal/unpaired_presets.hpp
/// presets of older projects whose sines and cosines make no pairs: Caffe2 and dlib, OpenNN.
#ifndef POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP
#define POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Legacy encodings of one axis in which sines and cosines make no pairs, for checkpoints trained so.
///
///     preset            width              channels                          frequency m
///     per_channel       any                s0 c1 s2 c3 ..                    base^(-channel / D)
///     opennn            any                s | c, one more cosine when odd   10000^(-2m / D)
///
/// Accuracy: equal to the projects' formulas [sinusoidal][grid].
namespace presets {

/// Every channel has a frequency of its own, sines on even and cosines on odd channels, so that no two of them make a
/// pair and the encoding of p + k is no rotation of that of p.
/// @param width  Channels of a row, > 0.
/// @param alpha  The base: finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches: SinusoidPositionEncoding of Caffe2 (alpha), positional_encodings_ of dlib.
inline SinusoidalGridEncoding per_channel(detail::Size width, double alpha = 10000) {
  detail::require_grid_width("presets::per_channel", "width", width, 1);
  detail::require_base("presets::per_channel", alpha, "alpha");
  const Frequencies frequencies = detail::ladder(width, alpha);
  detail::GridBuilder builder;
  for (Eigen::Index c = 0; c < width; ++c) {
    builder.add(0, frequencies.inv_freq()[c], c % 2 == 0 ? c : -1, c % 2 == 0 ? -1 : c);
  }
  return builder.build(width, 1);
}

/// OpenNN: sines, then cosines, of which an odd width has one more. Tokens with the id 0 get nothing there: the caller
/// leaves those rows out.
/// @param width  Channels of a row, > 0.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  OpenNN.
inline SinusoidalGridEncoding opennn(detail::Size width) {
  detail::require_grid_width("presets::opennn", "width", width, 1);
  const Eigen::Index sines = width / 2;
  const Frequencies frequencies = spaced_frequencies(width - sines, 10000, static_cast<double>(width) / 2);
  detail::GridBuilder builder;
  for (Eigen::Index m = 0; m < width - sines; ++m) {
    builder.add(0, frequencies.inv_freq()[m], m < sines ? m : -1, sines + m);
  }
  return builder.build(width, 1);
}

}  // namespace presets

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP

// ---- posenc/sinusoidal/detr_positions.hpp
/// Positions of DETR: pixels counted along rows and columns, padding left out.
#ifndef POSENC_SINUSOIDAL_DETR_POSITIONS_HPP
#define POSENC_SINUSOIDAL_DETR_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of DETR: how many valid pixels there are up to this one, down its column and along its row, from 1 on.
///
///     y = valid pixels of the column up to and with this row,  x = of the row up to and with this column
///     normalized: y = scale y / (y of the last row + 1e-6), x likewise
///
/// @param valid      height x width: not zero where the picture is, zero where it is padding. Any scalar.
/// @param normalize  Whether positions run up to `scale`, whatever the size of the picture; otherwise they are counts.
/// @param scale      Position of the last valid pixel where `normalize` holds, finite; 2 pi in DETR.
/// @returns          (height * width) x 2, row-major; rows y then x.
/// @throws std::invalid_argument  scale NaN or infinite.
/// Cost:     two counts and two divisions for each pixel, one allocation (not measured: made once for a picture).
/// Accuracy: two roundings of double [sinusoidal][grid].
/// Source:   Carion et al. 2020, arXiv:2005.12872. Matches: PositionEmbeddingSine of DETR (its mask is the opposite:
///           True at padding).
template <typename Derived>
AxisPositionMatrix<double> detr_positions(const Eigen::DenseBase<Derived>& valid, detail::Switch normalize = true,
                                          double scale = 6.283185307179586) {
  using Scalar = typename Derived::Scalar;
  detail::require(detail::is_finite(scale), "detr_positions", "scale", scale, "finite");
  const Eigen::Index height = valid.rows();
  const Eigen::Index width = valid.cols();
  AxisPositionMatrix<double> positions(height * width, 2);
  const auto at = [&](Eigen::Index y, Eigen::Index x) { return valid.derived().coeff(y, x) == Scalar(0) ? 0.0 : 1.0; };
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      const Eigen::Index token = y * width + x;
      positions(token, 0) = at(y, x) + (y > 0 ? positions(token - width, 0) : 0);
      positions(token, 1) = at(y, x) + (x > 0 ? positions(token - 1, 1) : 0);
    }
  }
  if (!normalize) return positions;
  constexpr double epsilon = 1e-6;
  for (Eigen::Index y = 0; y < height; ++y) {  // the last row and column come last, when nothing needs their counts
    for (Eigen::Index x = 0; x < width; ++x) {
      positions(y * width + x, 0) *= scale / (positions((height - 1) * width + x, 0) + epsilon);
      positions(y * width + x, 1) *= scale / (positions(y * width + width - 1, 1) + epsilon);
    }
  }
  return positions;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETR_POSITIONS_HPP

// ---- posenc/sinusoidal/add_grid_sinusoids.hpp
/// Writes and adds sinusoids of tokens on several axes: pictures, videos, coordinates.
#ifndef POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP
#define POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename X, typename Encoding, typename Positions>
inline constexpr bool are_grid_arguments = is_dense<std::decay_t<X>>&& is_grid_encoding<Encoding>&& is_dense<Positions>;

template <typename X, typename Positions>
void require_grid(const char* function, const char* parameter, const X& x, const SinusoidalGridEncoding& encoding,
                  const Eigen::DenseBase<Positions>& positions) {
  require_data(function, "positions", positions);
  require_axis_positions(function, positions, encoding.num_axes());
  require_finite_axis_angles(function, encoding.frequencies().frequencies.fastest(), false, positions);
  require_width(function, parameter, x, "encoding.width()", encoding.width());
  require(x.rows() == positions.rows(), function, "positions.rows()", positions.rows(), parameter, ".rows() ",
          x.rows());
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
  require_disjoint(function, parameter, x, positions);
}

/// write(element, value) for every channel that the encoding names.
template <typename Out, typename Positions, typename Write>
void for_each_grid_channel(Out& out, const SinusoidalGridEncoding& encoding, const Positions& positions, Write write) {
  const GridChannels& channels = encoding.channels();
  for (std::size_t axis = 0; axis < channels.position.size(); ++axis) {
    if (channels.position[axis] < 0) continue;
    for (Eigen::Index row = 0; row < out.rows(); ++row) {
      write(out.coeffRef(row, channels.position[axis]),
            static_cast<double>(positions.coeff(row, static_cast<Eigen::Index>(axis))));
    }
  }
  const auto sink = [&](Eigen::Index row, const Eigen::Index* pairs, int count, const double* cosine,
                        const double* sine) {
    for (int i = 0; i < count; ++i) {
      const Eigen::Index s = channels.sine[static_cast<std::size_t>(pairs[i])];
      const Eigen::Index c = channels.cosine[static_cast<std::size_t>(pairs[i])];
      if (s >= 0) write(out.coeffRef(row, s), sine[i]);
      if (c >= 0) write(out.coeffRef(row, c), cosine[i]);
    }
  };
  const Frequencies& frequencies = encoding.frequencies().frequencies;
  for_each_axis_angle(frequencies, encoding.frequencies().axes, frequencies.magnitude(), false, positions, sink);
}

}  // namespace detail

/// Writes the encoding of tokens on several axes into `out`; channels that the encoding does not name become 0.
///
/// A class token in front has a row of its own, which models set to zero: out.row(0).setZero() and
/// encode_sinusoidal(out.bottomRows(n), ...).
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object.
/// @param encoding   Which sinusoid each channel holds: presets::mae(width) and its neighbors.
/// @param positions  tokens x encoding.num_axes(), integers or real numbers: grid_positions() and its
///                   neighbors.
/// @throws std::invalid_argument  shapes that do not agree; a real position that is NaN or infinite; memory shared with
///                                the positions, or rows of `out` that lie in one another.
/// @throws std::out_of_range      an angle that is not finite. `out` is unchanged whenever one is thrown.
/// Cost:     two multiply-adds and a scattered store for each value; no allocation (not measured: made once for a
///           size of picture).
/// Accuracy: as encode_sinusoidal() on one axis [sinusoidal][grid].
/// Matches:  see the presets.
template <typename Out, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_grid_arguments<Out, Encoding, Positions>, int> = 0>
void encode_sinusoidal(Out&& out, const Encoding& encoding, const Positions& positions) {
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_grid("encode_sinusoidal", "out", target, encoding, positions);
  target.setZero();
  detail::for_each_grid_channel(target, encoding, positions.derived(),
                                [](Scalar& channel, double value) { channel = detail::convert<Scalar>(value); });
}

/// Adds the encoding of tokens on several axes to their embeddings, in place, each sum formed in double and rounded
/// once; channels that the encoding does not name stay.
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal() on several axes.
/// Cost:     as encode_sinusoidal(), and an addition for each value (not measured: made once for a size of picture).
/// Accuracy: one rounding of the sum [sinusoidal][grid].
template <typename X, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_grid_arguments<X, Encoding, Positions>, int> = 0>
void add_sinusoidal(X&& x, const Encoding& encoding, const Positions& positions) {
  auto& target = detail::written(std::forward<X>(x));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, double>;
  detail::require_grid("add_sinusoidal", "x", target, encoding, positions);
  detail::for_each_grid_channel(target, encoding, positions.derived(), [](Scalar& channel, double value) {
    channel = detail::convert<Scalar>(Number(detail::convert<Number>(channel) + detail::convert<Number>(value)));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP

// ---- posenc/sinusoidal/fourier_options.hpp
/// FourierOptions: the conventions of Fourier features, and presets by project.
#ifndef POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP
#define POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The conventions in which Fourier features differ from project to project; presets:: has them by project.
struct FourierOptions {
  /// @param channel_order  Which features come first. It has no default, because projects differ.
  explicit FourierOptions(ChannelOrder channel_order) : order(channel_order) {}

  ChannelOrder order;
  double angle_scale = 1;        ///< Factor on every angle; 2 pi makes the unit of x W a full period.
  double coordinate_scale = 1;   ///< Coordinates are used as coordinate_scale x + coordinate_offset.
  double coordinate_offset = 0;  ///< See coordinate_scale.
  double amplitude = 1;          ///< Factor on the features.
};

namespace presets {

/// Learned Fourier features: [cos x W | sin x W] / sqrt(num_features), with W ~ N(0, 1 / gamma^2) and trained. The
/// two-layer perceptron that follows in the paper is the caller's.
/// @param num_features  Columns of the result (two for each column of W), > 0.
/// @throws std::invalid_argument  num_features <= 0.
/// Source:   Li et al. 2021, arXiv:2106.02795, equation 3.
inline FourierOptions learned_fourier(detail::Size num_features) {
  const Eigen::Index features = num_features;
  detail::require(features > 0, "presets::learned_fourier", "num_features", features, "> 0");
  FourierOptions options(ChannelOrder::cos_sin);
  options.amplitude = 1 / std::sqrt(static_cast<double>(features));
  return options;
}

/// Segment Anything: coordinates in [0, 1] become 2 x - 1, then [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  PositionEmbeddingRandom, with pixel_centers() for its grid.
inline FourierOptions segment_anything_fourier() {
  FourierOptions options(ChannelOrder::sin_cos);
  options.angle_scale = 6.283185307179586;
  options.coordinate_scale = 2;
  options.coordinate_offset = -1;
  return options;
}

/// Noise levels of score models: [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  GaussianFourierProjection of diffusers with flip_sin_to_cos=False; set order to cos_sin for True, and give
///           log(x) where the model has log=True.
inline FourierOptions gaussian_fourier() {
  FourierOptions options(ChannelOrder::sin_cos);
  options.angle_scale = 6.283185307179586;
  return options;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP

// ---- posenc/sinusoidal/pixel_centers.hpp
/// Coordinates of pixels, as Fourier features of pictures take them.
#ifndef POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP
#define POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the centers of height x width pixels in [0, 1]: row y * width + x is
/// ((x + 1/2) / width, (y + 1/2) / height).
///
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16.
/// @param height   Rows of pixels, >= 0.
/// @param width    Pixels in a row, >= 0.
/// @returns        (height * width) x 2, x before y.
/// @throws std::invalid_argument  height or width negative.
/// @throws std::length_error      more pixels than memory's index type counts.
/// Cost:     one allocation, two divisions for each pixel (not measured: made once for a size).
/// Accuracy: formed in double and rounded once [sinusoidal][fourier].
/// Matches:  the grid of PositionEmbeddingRandom in Segment Anything.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> pixel_centers(Eigen::Index height, Eigen::Index width) {
  detail::require(height >= 0, "pixel_centers", "height", height, ">= 0");
  detail::require(width >= 0, "pixel_centers", "width", width, ">= 0");
  detail::require_size("pixel_centers", "height", height, width, 2 * sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> centers(height * width, 2);
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      centers(y * width + x, 0) = detail::convert<Scalar>((static_cast<double>(x) + 0.5) / static_cast<double>(width));
      centers(y * width + x, 1) = detail::convert<Scalar>((static_cast<double>(y) + 0.5) / static_cast<double>(height));
    }
  }
  return centers;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP

// ---- posenc/detail/weighted_angles.hpp
/// Angles that are sums over several coordinates, angle(t, f) = scale * sum over m of x(t, m) W(m, f), and the gradient
/// by W. Fourier features and mixed RoPE frequencies are both of this kind.
#ifndef POSENC_DETAIL_WEIGHTED_ANGLES_HPP
#define POSENC_DETAIL_WEIGHTED_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Cosine and sine of angle(token, first + i) for i < count <= kAngleBlock, in double; the rest of the block is padding.
///
/// @param coordinate  coordinate(token, m) is x(token, m) as a double.
/// @param weights     W, coordinates x angles.
template <typename Coordinate, typename Weights>
void weighted_sin_cos(Eigen::Index token, Eigen::Index first, int count, const Coordinate& coordinate,
                      const Weights& weights, double scale, double* cosine, double* sine) {
  alignas(64) double angle[kAngleBlock] = {};
  for (Eigen::Index m = 0; m < weights.rows(); ++m) {
    const double x = coordinate(token, m);
    for (int i = 0; i < count; ++i) angle[i] += x * static_cast<double>(weights.coeff(m, first + i));
  }
  double largest = 0;
  for (int i = 0; i < count; ++i) {
    angle[i] *= scale;
    largest = (std::max)(largest, std::abs(angle[i]));
  }
  sin_cos(angle, largest, 1.0, kAngleBlock, cosine, sine);
}

/// Calls sink(token, first, count, cosines, sines) for all tokens and angles, kAngleBlock angles at a time.
template <typename Coordinate, typename Weights, typename Sink>
void for_each_weighted_angle(Eigen::Index tokens, const Coordinate& coordinate, const Weights& weights, double scale,
                             Sink&& sink) {
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  for (Eigen::Index token = 0; token < tokens; ++token) {
    for (Eigen::Index first = 0; first < weights.cols(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), weights.cols() - first));
      weighted_sin_cos(token, first, count, coordinate, weights, scale, cosine, sine);
      sink(token, first, count, cosine, sine);
    }
  }
}

/// Coordinates whose sums add_weights_gradient() holds on the stack at a time.
inline constexpr Eigen::Index kCoordinateGroup = 16;

/// grad_weights(m, f) += sum over tokens t of x(t, m) b(t, f), summed in double and rounded once for each entry.
///
/// @param angle_gradient  Called as angle_gradient(token, first, count, visit, b): writes b(token, first + i) into b[i]
///                        for i < count <= kAngleBlock. `visit` counts the calls for the same block from 0: there is one
///                        for each kCoordinateGroup coordinates.
template <typename GradWeights, typename Coordinate, typename AngleGradient>
void add_weights_gradient(GradWeights& grad_weights, Eigen::Index tokens, const Coordinate& coordinate,
                          AngleGradient&& angle_gradient) {
  using Scalar = typename GradWeights::Scalar;
  for (Eigen::Index first = 0; first < grad_weights.cols(); first += kAngleBlock) {
    const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), grad_weights.cols() - first));
    for (Eigen::Index group = 0; group < grad_weights.rows(); group += kCoordinateGroup) {
      const Eigen::Index in_group = (std::min)(kCoordinateGroup, grad_weights.rows() - group);
      double sums[kCoordinateGroup][kAngleBlock] = {};
      for (Eigen::Index token = 0; token < tokens; ++token) {
        double gradient[kAngleBlock] = {};
        angle_gradient(token, first, count, group / kCoordinateGroup, gradient);
        for (Eigen::Index m = 0; m < in_group; ++m) {
          const double x = coordinate(token, group + m);
          for (int i = 0; i < count; ++i) sums[m][i] += x * gradient[i];
        }
      }
      for (Eigen::Index m = 0; m < in_group; ++m) {
        for (int i = 0; i < count; ++i) {
          Scalar& target = grad_weights.coeffRef(group + m, first + i);
          target = convert<Scalar>(static_cast<double>(target) + sums[m][i]);
        }
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_WEIGHTED_ANGLES_HPP

// ---- posenc/sinusoidal/detail/require_fourier.hpp
/// The checks that Fourier features and their gradient share.
#ifndef POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP
#define POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Shapes of coordinates, weights and the tokens x (2 F) features (or their gradient), and finite options.
template <typename Features, typename Coordinates, typename Weights>
void require_fourier(const char* function, const char* features_name, const Eigen::DenseBase<Features>& features,
                     const Eigen::DenseBase<Coordinates>& coordinates, const Eigen::DenseBase<Weights>& weights,
                     const FourierOptions& options) {
  static_assert(is_storage<typename Coordinates::Scalar> && is_storage<typename Weights::Scalar>,
                "posenc: coordinates and weights are float, double, Eigen::half or Eigen::bfloat16");
  require(weights.rows() == coordinates.cols(), function, "weights.rows()", weights.rows(), "coordinates.cols() ",
          coordinates.cols());
  const std::string name = features_name;
  if (features.rows() != coordinates.rows()) {
    refuse<std::invalid_argument>(function, name + ".rows()", features.rows(), "coordinates.rows() ",
                                  coordinates.rows());
  }
  if (features.cols() % 2 != 0 || features.cols() / 2 != weights.cols()) {
    refuse<std::invalid_argument>(function, name + ".cols()", features.cols(), "2 * weights.cols() ",
                                  2 * weights.cols());
  }
  require_data(function, features_name, features);
  require_data(function, "coordinates", coordinates);
  require_data(function, "weights", weights);
  require(is_finite(options.angle_scale), function, "options.angle_scale", options.angle_scale, "finite");
  require(is_finite(options.coordinate_scale), function, "options.coordinate_scale", options.coordinate_scale,
          "finite");
  require(is_finite(options.coordinate_offset), function, "options.coordinate_offset", options.coordinate_offset,
          "finite");
  require(is_finite(options.amplitude), function, "options.amplitude", options.amplitude, "finite");
}

/// The coordinate that a feature is made of: coordinate_scale x + coordinate_offset.
template <typename Coordinates>
auto fourier_coordinate(const Coordinates& coordinates, const FourierOptions& options) {
  return [&coordinates, scale = options.coordinate_scale, offset = options.coordinate_offset](Eigen::Index token,
                                                                                              Eigen::Index m) {
    return scale * static_cast<double>(coordinates.coeff(token, m)) + offset;
  };
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP

// ---- posenc/sinusoidal/encode_fourier.hpp
/// Writes Fourier features of coordinates, with learned or random directions.
#ifndef POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP
#define POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Out, typename Coordinates, typename Weights>
void encode_fourier(Out& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  using Scalar = typename Out::Scalar;
  require_fourier("encode_fourier", "out", out, coordinates, weights, options);
  require_no_self_overlap("encode_fourier", "out", out);
  require_disjoint("encode_fourier", "out", out, coordinates);
  require_disjoint("encode_fourier", "out", out, weights);
  const auto& x = evaluated(coordinates);
  const SinusoidColumns columns(options.order, weights.cols(), weights.cols());
  for_each_weighted_angle(
      x.rows(), fourier_coordinate(x, options), evaluated(weights), options.angle_scale,
      [&](Eigen::Index token, Eigen::Index first, int count, const double* cosine, const double* sine) {
        for (int i = 0; i < count; ++i) {
          out.coeffRef(token, columns.sine(first + i)) = convert<Scalar>(options.amplitude * sine[i]);
          out.coeffRef(token, columns.cosine(first + i)) = convert<Scalar>(options.amplitude * cosine[i]);
        }
      });
}

}  // namespace detail

/// Writes the Fourier features of each token's coordinates into `out`.
///
///     a[t, f] = angle_scale * sum over m of x[t, m] W[m, f],   x = coordinate_scale coordinates + coordinate_offset
///     feature f of token t:  amplitude cos(a[t, f])  and  amplitude sin(a[t, f]),   in the columns of options.order
///
/// @param[out] out     tokens x 2 F: any writable dense Eigen object, row- or column-major.
/// @param coordinates  tokens x M: pixels, points, time; float, double or a half type.
/// @param weights      M x F: the directions W, such as fill(weights, Normal(stddev), seed) draws them.
/// @param options      Conventions: presets::learned_fourier(num_features), presets::segment_anything_fourier(),
///                     presets::gaussian_fourier().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     M multiply-adds and the polynomials of a sine and a cosine for each feature; no allocation
///           (not measured: the angles are those of mixed RoPE frequencies).
/// Accuracy: double |error| <= g (2^-51 + (M + 3) 2^-53 angle_scale sum over m of |x W|), g = |amplitude|; float rounds
///           that once more [sinusoidal][fourier].
/// Source:   Li et al. 2021, arXiv:2106.02795; Tancik et al. 2020, arXiv:2006.10739.
/// Matches:  the projects named by the presets.
template <typename Out, typename Coordinates, typename Weights>
void encode_fourier(Out&& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  detail::encode_fourier(detail::written(std::forward<Out>(out)), coordinates, weights, options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP

// ---- posenc/sinusoidal/fourier_backward.hpp
/// The gradients of Fourier features by their coordinates and directions.
#ifndef POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP
#define POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename GradX, typename GradWeights, typename GradOut, typename Coordinates, typename Weights>
void fourier_backward(GradX& grad_coordinates, GradWeights& grad_weights, const Eigen::DenseBase<GradOut>& grad_out,
                      const Eigen::DenseBase<Coordinates>& coordinates, const Eigen::DenseBase<Weights>& weights,
                      const FourierOptions& options) {
  const char* const function = "fourier_backward";
  require_fourier(function, "grad_out", grad_out, coordinates, weights, options);
  require_shape(function, "grad_coordinates", grad_coordinates, coordinates.rows(), coordinates.cols());
  require_shape(function, "grad_weights", grad_weights, weights.rows(), weights.cols());
  require_no_self_overlap(function, "grad_coordinates", grad_coordinates);
  require_no_self_overlap(function, "grad_weights", grad_weights);
  require_disjoint(function, "grad_coordinates", grad_coordinates, grad_out);
  require_disjoint(function, "grad_coordinates", grad_coordinates, coordinates);
  require_disjoint(function, "grad_coordinates", grad_coordinates, weights);
  require_disjoint(function, "grad_weights", grad_weights, grad_out);
  require_disjoint(function, "grad_weights", grad_weights, coordinates);
  require_disjoint(function, "grad_weights", grad_weights, weights);
  require_disjoint(function, "grad_weights", grad_weights, grad_coordinates);
  const auto& grad = evaluated(grad_out);
  const auto& x = evaluated(coordinates);
  const auto& w = evaluated(weights);
  const auto coordinate = fourier_coordinate(x, options);
  const SinusoidColumns columns(options.order, w.cols(), w.cols());
  const double factor = options.amplitude * options.angle_scale;
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  const auto angle_gradient = [&](Eigen::Index token, Eigen::Index first, int count, Eigen::Index visit, double* b) {
    weighted_sin_cos(token, first, count, coordinate, w, options.angle_scale, cosine, sine);
    for (int i = 0; i < count; ++i) {
      const double by_sine = static_cast<double>(grad.coeff(token, columns.sine(first + i)));
      const double by_cosine = static_cast<double>(grad.coeff(token, columns.cosine(first + i)));
      b[i] = factor * (by_sine * cosine[i] - by_cosine * sine[i]);
    }
    if (visit != 0) return;
    using Scalar = typename GradX::Scalar;
    for (Eigen::Index m = 0; m < w.rows(); ++m) {
      double sum = 0;
      for (int i = 0; i < count; ++i) sum += static_cast<double>(w.coeff(m, first + i)) * b[i];
      Scalar& target = grad_coordinates.coeffRef(token, m);
      target = convert<Scalar>(static_cast<double>(target) + options.coordinate_scale * sum);
    }
  };
  add_weights_gradient(grad_weights, x.rows(), coordinate, angle_gradient);
}

}  // namespace detail

/// Adds the gradients of encode_fourier() to those of its coordinates and of its directions. With the gradient by the
/// angle, b[t, f] = amplitude angle_scale (dL/dsin[t, f] cos a[t, f] - dL/dcos[t, f] sin a[t, f]),
///
///     grad_coordinates[t, m] += coordinate_scale sum over f of W[m, f] b[t, f]
///     grad_weights[m, f] += sum over t of x[t, m] b[t, f]
///
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param[in,out] grad_weights      M x F; added to.
/// @param grad_out                  tokens x 2 F: the gradient by what encode_fourier() wrote.
/// @param coordinates, weights      As given to encode_fourier().
/// @param options                   As given to encode_fourier().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                Nothing is then written.
/// Cost:     3 M multiply-adds, a sine and a cosine for each feature (once more for each 16 coordinates beyond the
///           first); no allocation (not measured: the angles are those of mixed RoPE frequencies).
/// Accuracy: grad_weights is summed over all tokens in double and rounded once; grad_coordinates once for each 16
///           features [sinusoidal][fourier].
/// Source:   the chain rule on encode_fourier(); Li et al. 2021, arXiv:2106.02795, trains W by it.
template <typename GradCoordinates, typename GradWeights, typename GradOut, typename Coordinates, typename Weights>
void fourier_backward(GradCoordinates&& grad_coordinates, GradWeights&& grad_weights,
                      const Eigen::DenseBase<GradOut>& grad_out, const Eigen::DenseBase<Coordinates>& coordinates,
                      const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  detail::fourier_backward(detail::written(std::forward<GradCoordinates>(grad_coordinates)),
                           detail::written(std::forward<GradWeights>(grad_weights)), grad_out, coordinates, weights,
                           options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP

// ---- posenc/sinusoidal.hpp
/// Sinusoidal encodings: fixed sines and cosines that are added to token embeddings.
#ifndef POSENC_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_HPP

// On a line.

// On several axes.

// With directions of any kind.

#endif  // POSENC_SINUSOIDAL_HPP

// ---- posenc/relative_bias/distance_range.hpp
/// DistanceRange: a run of relative positions.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Lengths and offsets are at most this, so that their sums and differences never overflow: 2^40, or 2^28 where
/// Eigen::Index has 32 bits.
inline constexpr Eigen::Index kSpanLimit = Eigen::Index(1) << (sizeof(Eigen::Index) > 4 ? 40 : 28);

}  // namespace detail

/// The relative positions first, ..., last, both ends included. A relative position is always key - query: negative for
/// keys before the query.
class DistanceRange {
 public:
  /// @param first, last  [tokens] last = first - 1 is the empty range.
  /// @throws std::invalid_argument  last < first - 1.
  /// @throws std::out_of_range      an end beyond 2^41 either way.
  explicit DistanceRange(Eigen::Index first, Eigen::Index last) : first_(first), last_(last) {
    const char* const function = "DistanceRange";
    constexpr Eigen::Index limit = 2 * detail::kSpanLimit;
    detail::require_in_range(first >= -limit && first <= limit, function, "first", first, "in [", -limit, ", ", limit,
                             "]");
    detail::require_in_range(last >= -limit && last <= limit, function, "last", last, "in [", -limit, ", ", limit, "]");
    detail::require(last >= first - 1, function, "last", last, "at least first - 1 = ", first - 1);
  }

  /// -(len - 1), ..., 0: the distances that causal attention over `len` tokens sees.
  /// @throws std::invalid_argument  len negative or beyond 2^40.
  static DistanceRange causal(Eigen::Index len) {
    require_len("DistanceRange::causal", len);
    return DistanceRange(1 - len, 0);
  }
  /// -(len - 1), ..., len - 1: the distances that attention over `len` tokens sees without a mask. None for len = 0.
  /// @throws std::invalid_argument  len negative or beyond 2^40.
  static DistanceRange symmetric(Eigen::Index len) {
    require_len("DistanceRange::symmetric", len);
    return len == 0 ? DistanceRange(0, -1) : DistanceRange(1 - len, len - 1);
  }

  Eigen::Index first() const { return first_; }
  Eigen::Index last() const { return last_; }
  /// How many there are.
  Eigen::Index size() const { return last_ - first_ + 1; }
  /// Whether all of `other` are among these. The empty range is in every range.
  bool contains(const DistanceRange& other) const {
    return other.size() == 0 || (first_ <= other.first_ && other.last_ <= last_);
  }

 private:
  static void require_len(const char* function, Eigen::Index len) {
    detail::require(len >= 0 && len <= detail::kSpanLimit, function, "len", len, ">= 0 and at most ",
                    detail::kSpanLimit);
  }

  Eigen::Index first_;
  Eigen::Index last_;
};

namespace detail {

/// A range as messages print it.
inline std::string text_of(const DistanceRange& range) {
  if (range.size() == 0) return "none";
  return std::to_string(range.first()) + " to " + std::to_string(range.last());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP

// ---- posenc/relative_bias/detail/held.hpp
/// How the structs that group arguments hold Eigen objects, and what they say about arguments that do not fit.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Stands for the type of a struct that was given arguments that do not fit, so that its static_assert can speak.
template <typename... Arguments>
struct Misfit {};

/// Whether T owns its numbers: Matrix and Array, not Map, Block, Ref or an expression.
template <typename T>
inline constexpr bool is_plain = std::is_base_of_v<Eigen::PlainObjectBase<std::decay_t<T>>, std::decay_t<T>>;

template <typename Derived>
std::true_type derives_from_matrix(const Eigen::MatrixBase<Derived>*);
std::false_type derives_from_matrix(...);

/// Whether T is an Eigen matrix or an expression of matrices, not of arrays.
template <typename T>
inline constexpr bool is_matrix = decltype(derives_from_matrix(static_cast<const std::decay_t<T>*>(nullptr)))::value;

/// Constraints of template parameters: `detail::IfDense<X> = 0`.
template <typename... X>
using IfDense = std::enable_if_t<(is_dense<std::decay_t<X>> && ...), int>;
template <typename... X>
using IfMatrix = std::enable_if_t<(is_matrix<X> && ...), int>;

/// Type of the member that holds a T: a matrix by reference, a Map, Block or Ref by value. It never copies numbers.
template <typename T>
using Held = std::conditional_t<is_plain<T>, T&, T>;

/// The T of Held<T> for an argument `X&&` that is read.
template <typename X>
using HeldToRead = std::conditional_t<is_plain<X>, const std::decay_t<X>, std::decay_t<X>>;

/// The T of Held<T> for an argument `X&&` that is written.
template <typename X>
using HeldToWrite = std::decay_t<X>;

/// To be called with the deduced type of an argument `X&& x` that a struct holds.
template <typename X>
constexpr void check_held() {
  static_assert(std::is_lvalue_reference_v<X> || !is_plain<X>,
                "posenc: the argument is a temporary matrix, which would be gone before it is used: give it a name");
}

/// Whether X is a matrix of this scalar.
template <typename Scalar, typename X, typename = void>
inline constexpr bool holds_scalar = false;
template <typename Scalar, typename X>
inline constexpr bool holds_scalar<Scalar, X, std::enable_if_t<is_matrix<X>>> =
    std::is_same_v<Scalar, typename std::decay_t<X>::Scalar>;

/// Constraint of template parameters: matrices that all hold the scalar of the workspace.
template <typename Scalar, typename... X>
using IfScalar = std::enable_if_t<(holds_scalar<Scalar, X> && ...), int>;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP

// ---- posenc/relative_bias/attention_span.hpp
/// AttentionSpan: which queries meet which keys, and at which distances.
#ifndef POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP
#define POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Which queries meet which keys: key j lies at position j, query i at position query_offset + i.
///
///     keys          0  1  2  3  4
///     query 0       x  x  x  x            AttentionSpan::cached(2, 5): query_offset 3,
///     query 1       x  x  x  x  x         x marks what the queries see in causal attention
///
/// The relative position of a pair is always key - query: relative(i, j) = j - (query_offset + i). Forgetting the
/// offset of cached keys is the most repeated bug of the field, so it has no default: the factory names the situation.
class AttentionSpan {
 public:
  /// `len` queries and the same keys: training, or a prompt without cache.
  /// @param len  [tokens]
  /// @throws std::invalid_argument  len negative or beyond 2^40.
  static AttentionSpan square(Eigen::Index len) { return AttentionSpan("AttentionSpan::square", len, len, 0); }

  /// The queries are the last of the keys: decode (query_len 1) and chunked prefill with a key/value cache.
  /// @param query_len, key_len  [tokens] key_len counts the cached keys and the new ones.
  /// @throws std::out_of_range      query_len > key_len.
  /// @throws std::invalid_argument  a length negative or beyond 2^40.
  static AttentionSpan cached(Eigen::Index query_len, Eigen::Index key_len) {
    const char* const function = "AttentionSpan::cached";
    detail::require(key_len >= 0 && key_len <= detail::kSpanLimit, function, "key_len", key_len, ">= 0 and at most ",
                    detail::kSpanLimit);
    detail::require_in_range(query_len <= key_len, function, "query_len", query_len, "at most key_len ", key_len);
    return AttentionSpan(function, query_len, key_len, key_len - (std::max)(query_len, Eigen::Index(0)));
  }

  /// Any situation: cross attention, keys whose first ones were dropped, more queries than keys.
  /// @param queries  Positions of the queries, where key 0 is at 0: PositionRange(first, count). They may be negative.
  /// @param key_len  [tokens]
  /// @throws std::invalid_argument  a length negative or beyond 2^40 (2^28 where Eigen::Index has 32 bits).
  /// @throws std::out_of_range      a first position beyond that either way.
  template <typename Length, std::enable_if_t<detail::is_integer<Length>, int> = 0>
  static AttentionSpan at(const PositionRange& queries, Length key_len) {
    const char* const function = "AttentionSpan::at";
    constexpr std::int64_t limit = detail::kSpanLimit;
    detail::require_in_range(queries.first() >= -limit && queries.first() <= limit, function, "queries.first()",
                             queries.first(), "in [-", limit, ", ", limit, "]");
    return AttentionSpan(function, queries.count(), static_cast<Eigen::Index>(key_len),
                         static_cast<Eigen::Index>(queries.first()));
  }

  /// @overload
  /// Says what is missing or out of order.
  template <typename... Arguments>
  static auto at(const Arguments&...) {
    static_assert(
        detail::kMisuse<Arguments...>,
        "posenc: write AttentionSpan::at(PositionRange(first, query_len), key_len), where key 0 is at position "
        "0");
    return square(0);
  }

  Eigen::Index query_len() const { return query_len_; }
  Eigen::Index key_len() const { return key_len_; }
  Eigen::Index query_offset() const { return query_offset_; }

  /// key - query.
  Eigen::Index relative(Eigen::Index query, Eigen::Index key) const { return key - query_offset_ - query; }
  /// Relative position of query i and key 0, from which the row's other keys count upwards.
  Eigen::Index first_relative(Eigen::Index query) const { return -query_offset_ - query; }
  /// Number of keys, from key 0 on, that query i sees in causal attention: those at its position or before.
  Eigen::Index visible_keys(Eigen::Index query) const {
    return (std::min)((std::max)(query_offset_ + query + 1, Eigen::Index(0)), key_len_);
  }
  /// All relative positions that occur: query_len + key_len - 1 of them, or none where a length is 0.
  /// @throws nothing: the lengths are checked already.
  DistanceRange distances() const {
    if (query_len_ == 0 || key_len_ == 0) return DistanceRange(0, -1);
    return DistanceRange(first_relative(query_len_ - 1), first_relative(0) + key_len_ - 1);
  }

 private:
  AttentionSpan(const char* function, Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset)
      : query_len_(query_len), key_len_(key_len), query_offset_(query_offset) {
    constexpr Eigen::Index limit = detail::kSpanLimit;
    detail::require(query_len >= 0 && query_len <= limit, function, "query_len", query_len, ">= 0 and at most ", limit);
    detail::require(key_len >= 0 && key_len <= limit, function, "key_len", key_len, ">= 0 and at most ", limit);
  }

  Eigen::Index query_len_;
  Eigen::Index key_len_;
  Eigen::Index query_offset_;
};

namespace detail {

/// The logits of one head, or of num_heads heads stacked: (num_heads L_q) x L_k.
template <typename Logits>
void require_stacked_logits(const char* function, const char* parameter, const Logits& logits, Eigen::Index num_heads,
                            const AttentionSpan& span) {
  require_shape(function, parameter, logits, std::int64_t(num_heads) * span.query_len(), span.key_len());
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP

// ---- posenc/relative_bias/table_head.hpp
/// TableHead: one head of a table of biases, for logits of one head.
#ifndef POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP
#define POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// One head of a DistanceTable or WindowTable, by reference: what table.head(h) returns. Heads may be worked on in
/// different threads at the same time.
/// @tparam Table  The table's type, const where it is only read.
template <typename Table>
class TableHead {
 public:
  /// @throws std::out_of_range  head is not in [0, table.num_heads()).
  TableHead(Table& table, Eigen::Index head) : table_(&table), head_(head) {
    detail::require_in_range(head >= 0 && head < table.num_heads(), "TableHead", "head", head, "in [0, ",
                             table.num_heads(), ")");
  }

  Table& table() const { return *table_; }
  Eigen::Index head() const { return head_; }
  Eigen::Index num_heads() const { return 1; }

 private:
  Table* table_;
  Eigen::Index head_;
};

namespace detail {

/// The heads first, ..., first + count - 1 of a table: what functions that take a table or one head of it work on.
template <typename Table>
struct TableHeads {
  Table& table;
  Eigen::Index first;
  Eigen::Index count;
};

template <typename Table>
TableHeads<Table> heads_of(Table& table) {
  return {table, 0, table.num_heads()};
}
template <typename Table>
TableHeads<Table> heads_of(const TableHead<Table>& head) {
  return {head.table(), head.head(), 1};
}
template <typename Table>
TableHeads<Table> heads_of(TableHead<Table>& head) {
  return {head.table(), head.head(), 1};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP

// ---- posenc/relative_bias/distance_table.hpp
/// DistanceTable: a bias that depends on key - query alone, as one number per head and distance.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A bias that depends on the relative position (key - query) alone: one number per head and distance.
///
/// The L_q x L_k bias of a head is constant along diagonals, so row i of it is a contiguous piece of one vector,
///
///     distances   -4 -3 -2 -1  0  1  2
///     query 0               [ 0  1  2 ]       L_q = 3 queries, L_k = 3 keys: row i begins one further left
///     query 1            [-1  0  1 ]
///     query 2         [-2 -1  0 ]
///
/// and adding it costs no more than adding a constant. T5, ALiBi, KERPLE, Sandwich and learned biases are such tables.
/// A trained bias per distance is one directly: fill values() and train it with distance_bias_backward().
/// @tparam Scalar_  float or double; half types as storage.
template <typename Scalar_>
class DistanceTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros for the given heads and distances; no distances (of an empty span) make an empty table.
  /// @param num_heads  >= 0.
  /// @param distances  span.distances(), or DistanceRange::causal(n) or symmetric(n) for every length up to n.
  /// @throws std::invalid_argument  num_heads < 0.
  /// @throws std::length_error      the table does not fit into memory's index type.
  DistanceTable(Eigen::Index num_heads, const DistanceRange& distances) : distances_(distances) {
    const char* const function = "DistanceTable";
    detail::require(num_heads >= 0, function, "num_heads", num_heads, ">= 0");
    detail::require_size(function, "num_heads", num_heads, distances.size(), sizeof(Scalar));
    values_ = Values::Zero(num_heads, distances.size());
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  const DistanceRange& distances() const { return distances_; }

  /// num_heads x distances().size(): column m is the relative position distances().first() + m.
  Eigen::Map<const Values> values() const& { return {values_.data(), values_.rows(), values_.cols()}; }
  Eigen::Map<Values> values() & { return {values_.data(), values_.rows(), values_.cols()}; }
  Values values() && { return std::move(values_); }

  /// The bias of `head` at key - query = distance, which must be in distances().
  const Scalar& operator()(Eigen::Index head, Eigen::Index distance) const {
    return values_(head, distance - distances_.first());
  }
  Scalar& operator()(Eigen::Index head, Eigen::Index distance) { return values_(head, distance - distances_.first()); }

  /// One head, by reference, for logits of one head. The table must outlive it: that of a temporary does not compile.
  /// @throws std::out_of_range  head is not in [0, num_heads()).
  TableHead<const DistanceTable> head(Eigen::Index head) const& { return {*this, head}; }
  TableHead<DistanceTable> head(Eigen::Index head) & { return {*this, head}; }
  TableHead<const DistanceTable> head(Eigen::Index head) const&& = delete;

 private:
  DistanceRange distances_;
  Values values_;
};

namespace detail {

template <typename T>
inline constexpr bool is_distance_table = false;
template <typename Scalar>
inline constexpr bool is_distance_table<DistanceTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_distance_table<TableHead<DistanceTable<Scalar>>> = true;
template <typename Scalar>
inline constexpr bool is_distance_table<TableHead<const DistanceTable<Scalar>>> = true;

/// Constraint of template parameters: a DistanceTable or one head of it.
template <typename T>
using IfDistanceTable = std::enable_if_t<is_distance_table<std::decay_t<T>>, int>;

inline void require_distances(const char* function, const char* parameter, const DistanceRange& distances,
                              const AttentionSpan& span) {
  require_in_range(distances.contains(span.distances()), function, parameter, text_of(distances),
                   "span.distances() or more, ", text_of(span.distances()));
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

// ---- posenc/relative_bias/detail/written_argument.hpp
/// The check of memory that every function of the family makes before it writes.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// `target` names each of its elements once, and shares no memory with any of `others`, which are read or written too.
template <typename Target, typename... Others>
void require_target(const char* function, const char* parameter, const Target& target, const Others&... others) {
  require_no_self_overlap(function, parameter, target);
  (require_disjoint(function, parameter, target, others), ...);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP

// ---- posenc/relative_bias/add_distance_bias.hpp
/// Adds a bias by distance to attention logits, and its gradient.
#ifndef POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// x += the bias of one head. Rows for row-major x, reversed columns for column-major x: always along memory.
template <typename X, typename Scalar>
void add_head_bias(X& x, const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  if (span.key_len() == 0 || span.query_len() == 0) return;
  const auto values = table.values();
  const auto diagonal = values.row(head);
  const Eigen::Index origin = -table.distances().first();
  if constexpr (bool(X::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      add_rounded_once(x.row(first_row + i), diagonal.segment(origin + span.first_relative(i), span.key_len()));
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.relative(span.query_len() - 1, j);
      add_rounded_once(x.col(j).segment(first_row, span.query_len()),
                       diagonal.segment(last, span.query_len()).reverse().transpose());
    }
  }
}

/// The gradient of add_head_bias(): sums along the diagonals of `grad`, one shifted vector addition for each row.
template <typename Scalar, typename Grad>
void sum_diagonals(DistanceTable<Scalar>& grad_table, const Grad& grad, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  if (span.key_len() == 0 || span.query_len() == 0) return;
  auto values = grad_table.values();
  auto diagonal = values.row(head);
  const Eigen::Index origin = -grad_table.distances().first();
  if constexpr (bool(Grad::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      diagonal.segment(origin + span.first_relative(i), span.key_len()) +=
          grad.row(first_row + i).array().template cast<Scalar>();
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.relative(span.query_len() - 1, j);
      diagonal.segment(last, span.query_len()) +=
          grad.col(j).segment(first_row, span.query_len()).reverse().transpose().array().template cast<Scalar>();
    }
  }
}

}  // namespace detail

/// Adds a bias by distance to attention logits, in place:
///
///     logits(h L_q + i, j) += table(h, j - (query_offset + i))
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head: any writable Eigen object, row- or column-major. L_q x L_k
///                        for one head of the table.
/// @param table           A DistanceTable, or table.head(h) for logits of one head. It holds the distances of the span
///                        and may hold more, so that one table serves every step.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape of logits; memory of logits that overlaps itself or the table.
/// @throws std::out_of_range      a distance that the table lacks. `logits` is then unchanged.
/// Cost:     one addition for each logit, in order of memory; no allocation (bench_relative_bias: biases by distance).
/// Accuracy: each sum is formed in float or double and rounded once [accuracy][relative_bias].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1; Press et al. 2022, arXiv:2108.12409.
/// Matches:  scores + position_bias of Hugging Face T5 and BLOOM.
template <typename Logits, typename Table, detail::IfDense<Logits> = 0, detail::IfDistanceTable<Table> = 0>
void add_distance_bias(Logits&& logits, const Table& table, const AttentionSpan& span) {
  const char* const function = "add_distance_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const auto heads = detail::heads_of(table);
  detail::require_stacked_logits(function, "logits", x, heads.count, span);
  detail::require_distances(function, "table.distances()", heads.table.distances(), span);
  detail::require_target(function, "logits", x, heads.table.values());
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    detail::add_head_bias(x, heads.table, span, heads.first + h, h * span.query_len());
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_distance_bias(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_distance_bias(logits, table, span): logits is an Eigen object, table a DistanceTable "
      "or its head(h), span is AttentionSpan::square(len), cached(query_len, key_len) or at(queries, key_len)");
}

/// The gradient of add_distance_bias(): adds the diagonal sums of dL/d(logits) into `grad_table`.
///
///     grad_table(h, d) += sum over all (i, j) with j - (query_offset + i) = d of grad_logits(h L_q + i, j)
///
/// Deterministic: rows are added in order.
/// @param[in,out] grad_table  A DistanceTable of float or double, whatever the logits are (4,096 ones summed in half
///                            stop at 2,048), or grad_table.head(h).
/// @param grad_logits         (num_heads L_q) x L_k, head by head, or L_q x L_k for one head.
/// @throws as add_distance_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit; no allocation (bench_relative_bias: biases by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1: what a framework's autograd sums by index.
template <typename GradTable, typename Grad, detail::IfDistanceTable<GradTable> = 0, detail::IfDense<Grad> = 0>
void distance_bias_backward(GradTable&& grad_table, const Grad& grad_logits, const AttentionSpan& span) {
  const char* const function = "distance_bias_backward";
  const auto heads = detail::heads_of(grad_table);
  using Table = std::remove_reference_t<decltype(heads.table)>;
  static_assert(!std::is_const_v<Table>, "posenc: the argument is written to, but it is const");
  static_assert(std::is_lvalue_reference_v<GradTable> || !std::is_same_v<std::decay_t<GradTable>, Table>,
                "posenc: grad_table is a temporary table, and the result would be lost with it");
  detail::require_gradient_scalar<typename Table::Scalar>();
  detail::require_stacked_logits(function, "grad_logits", grad_logits, heads.count, span);
  detail::require_distances(function, "grad_table.distances()", heads.table.distances(), span);
  detail::require_target(function, "grad_table", heads.table.values(), grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    detail::sum_diagonals(heads.table, grad_values, span, heads.first + h, h * span.query_len());
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto distance_bias_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write distance_bias_backward(grad_table, grad_logits, span): grad_table is a DistanceTable or "
                "its head(h), grad_logits an Eigen object, span that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP

// ---- posenc/relative_bias/detail/list.hpp
/// Lists of one number for each head: a row, a column or a matrix of any real scalar.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Number i of a list, in double.
template <typename Derived>
double number_at(const Eigen::DenseBase<Derived>& list, Eigen::Index i) {
  return static_cast<double>(list.derived().reshaped()(i));
}

/// list[i] += value.
template <typename List>
void add_to_entry(List& list, Eigen::Index i, double value) {
  entry(list, i) += convert<typename std::decay_t<List>::Scalar>(value);
}

template <typename Derived>
void require_finite_list(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& list) {
  for (Eigen::Index i = 0; i < list.size(); ++i) {
    const double value = number_at(list, i);
    if (!is_finite(value)) refuse<std::invalid_argument>(function, element(parameter, i), value, "finite");
  }
}

/// A list that is written has one number for each head.
template <typename List>
void require_list_size(const char* function, const char* parameter, const List& list, Eigen::Index num_heads) {
  if (list.size() != num_heads) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".size()", list.size(), "num_heads ", num_heads);
  }
  require_data(function, parameter, list);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP

// ---- posenc/relative_bias/alibi.hpp
/// ALiBi: a penalty that grows linearly with distance, steeper or flatter by head.
#ifndef POSENC_RELATIVE_BIAS_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_ALIBI_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the slopes of ALiBi for any number of heads, the steepest first.
///
/// With n = 2^floor(log2 num_heads) and b = bias_max: slope[h] = 2^(-b (h + 1) / n) for h < n, and for the heads beyond
/// every other slope of 2n heads, 2^(-b (2 (h - n) + 1) / (2n)). The paper's own formula, 2^(-8 (h + 1) / num_heads),
/// differs when num_heads is no power of two; checkpoints use this one.
/// @param num_heads  > 0.
/// @param bias_max   `alibi_bias_max` of MPT, finite and > 0; 8 everywhere else.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one exponential for each head; no bench case, called once.
/// Accuracy: 1 ulp of double [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409.
/// Matches:  Hugging Face BLOOM and MPT, ggml max_bias, CTranslate2, x-transformers, MLX; slope 0 switches a head off.
inline Eigen::ArrayXd alibi_slopes(Eigen::Index num_heads, double bias_max = 8.0) {
  const char* const function = "alibi_slopes";
  detail::require(num_heads > 0 && num_heads <= (Eigen::Index(1) << 20), function, "num_heads", num_heads,
                  "> 0 and at most 1048576");
  detail::require(detail::is_finite(bias_max) && bias_max > 0, function, "bias_max", bias_max, "finite and > 0");
  Eigen::Index whole = 1;
  while (2 * whole <= num_heads) whole *= 2;
  Eigen::ArrayXd slopes(num_heads);
  for (Eigen::Index h = 0; h < num_heads; ++h) {
    const double step = h < whole ? static_cast<double>(2 * (h + 1)) : static_cast<double>(2 * (h - whole) + 1);
    slopes[h] = std::exp2(-bias_max * step / static_cast<double>(2 * whole));
  }
  return slopes;
}

/// What ALiBi does with keys after the query.
enum class AlibiForm {
  causal,    ///< slope * (key - query) everywhere; keys after the query are for the causal mask.
  symmetric  ///< -slope * |key - query|: encoders.
};

/// Returns the bias of ALiBi by distance, with slopes of their own for keys before and after the query:
///
///     table(h, d) = left[h] d  for d <= 0,  -right[h] d  for d > 0        d = key - query
///
/// @tparam Scalar      Of the table: make_alibi_table<float>(...).
/// @param left, right  One slope for each head, finite. 0 switches a head off; trained slopes are fine.
/// @param distances    span.distances(), or more, so that one table serves every step.
/// @throws std::invalid_argument  lists of different length, or a slope that is not finite.
/// Cost:     one product for each head and distance; no bench case, called once for a length.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, with a slope for each side.
template <typename Scalar, typename Left, typename Right, detail::IfDense<Left, Right> = 0>
DistanceTable<Scalar> make_alibi_table(const Left& left, const Right& right, const DistanceRange& distances) {
  const char* const function = "make_alibi_table";
  detail::require(right.size() == left.size(), function, "right.size()", right.size(), "left.size() ", left.size());
  detail::require_finite_list(function, "left", left);
  detail::require_finite_list(function, "right", right);
  DistanceTable<Scalar> table(left.size(), distances);
  for (Eigen::Index head = 0; head < left.size(); ++head) {
    const double before = detail::number_at(left, head);
    const double after = detail::number_at(right, head);
    for (Eigen::Index d = distances.first(); d <= distances.last(); ++d) {
      const double distance = static_cast<double>(d);
      table(head, d) = detail::convert<Scalar>(d <= 0 ? before * distance : -after * distance);
    }
  }
  return table;
}

/// @overload
/// Returns the bias of ALiBi by distance, with one slope for each head.
///
/// The original adds slope * key, which differs from slope * (key - query) by a constant of each row: softmax does not
/// see it, and near the diagonal this form keeps the digits that matter.
/// @param slopes  alibi_slopes(num_heads), or one's own: for models that scale the bias with the logits (Falcon),
///                slopes / sqrt(head_dim); for a longer context, slopes * trained length / length (arXiv:2310.13017).
///                Finite; 0 switches a head off.
/// @param form    Which side of the query is penalized.
/// @throws std::invalid_argument  a slope that is not finite.
template <typename Scalar, typename Slopes, detail::IfDense<Slopes> = 0>
DistanceTable<Scalar> make_alibi_table(const Slopes& slopes, const DistanceRange& distances, AlibiForm form) {
  detail::require_finite_list("make_alibi_table", "slopes", slopes);
  Eigen::ArrayXd left(slopes.size());
  for (Eigen::Index head = 0; head < slopes.size(); ++head) left[head] = detail::number_at(slopes, head);
  const Eigen::ArrayXd right = form == AlibiForm::causal ? Eigen::ArrayXd(-left) : left;
  return make_alibi_table<Scalar>(left, right, distances);
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_alibi_table(const Arguments&...) {
  static_assert(detail::kMisuse<Scalar, Arguments...>,
                "posenc: write make_alibi_table<float>(slopes, distances, form): slopes is a list with one for each "
                "head, alibi_slopes(num_heads); distances is span.distances(); form is AlibiForm::causal or symmetric");
  return detail::Misfit<Arguments...>();
}

namespace detail {

struct AlibiSlopeGradients {
  double left = 0;
  double right = 0;
};

template <typename Scalar>
AlibiSlopeGradients alibi_slope_gradients(const DistanceTable<Scalar>& grad_table, Eigen::Index head) {
  AlibiSlopeGradients sums;
  for (Eigen::Index d = grad_table.distances().first(); d <= grad_table.distances().last(); ++d) {
    const double term = static_cast<double>(grad_table(head, d)) * static_cast<double>(d);
    if (d <= 0) {
      sums.left += term;
    } else {
      sums.right -= term;
    }
  }
  return sums;
}

}  // namespace detail

/// The gradient of make_alibi_table() with respect to the slopes: grad_slopes[h] += sum over d of
/// grad_table(h, d) * d, or * -|d| for the symmetric form.
/// @param[in,out] grad_slopes  num_heads numbers, a row, a column or a matrix.
/// @param grad_table           dL/d(table), as distance_bias_backward() sums it.
/// @param form                 As in the forward call.
/// @throws std::invalid_argument  another number of heads; memory that overlaps. Nothing is written then.
/// Cost:     one multiply-add for each head and distance; no allocation; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, section 3, where trained slopes are tried.
template <typename GradSlopes, typename Scalar, detail::IfDense<GradSlopes> = 0>
void alibi_table_backward(GradSlopes&& grad_slopes, const DistanceTable<Scalar>& grad_table, AlibiForm form) {
  const char* const function = "alibi_table_backward";
  auto& grad = detail::written(std::forward<GradSlopes>(grad_slopes));
  detail::require_list_size(function, "grad_slopes", grad, grad_table.num_heads());
  detail::require_target(function, "grad_slopes", grad, grad_table.values());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::add_to_entry(grad, head, form == AlibiForm::causal ? left - right : left + right);
  }
}

/// @overload
/// With slopes of their own on both sides: grad_left[h] += sum over d <= 0 of grad_table(h, d) d and grad_right[h] -=
/// sum over d > 0 of grad_table(h, d) d.
/// @param[in,out] grad_left, grad_right  num_heads numbers each.
/// @param grad_table                     As above.
template <typename GradLeft, typename GradRight, typename Scalar, detail::IfDense<GradLeft, GradRight> = 0>
void alibi_table_backward(GradLeft&& grad_left, GradRight&& grad_right, const DistanceTable<Scalar>& grad_table) {
  const char* const function = "alibi_table_backward";
  auto& dleft = detail::written(std::forward<GradLeft>(grad_left));
  auto& dright = detail::written(std::forward<GradRight>(grad_right));
  detail::require_list_size(function, "grad_left", dleft, grad_table.num_heads());
  detail::require_list_size(function, "grad_right", dright, grad_table.num_heads());
  detail::require_target(function, "grad_left", dleft, dright, grad_table.values());
  detail::require_target(function, "grad_right", dright, grad_table.values());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::add_to_entry(dleft, head, left);
    detail::add_to_entry(dright, head, right);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto alibi_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write alibi_table_backward(grad_slopes, grad_table, form), or (grad_left, grad_right, "
                "grad_table): lists with one number for each head, then the gradient of the table");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ALIBI_HPP

// ---- posenc/relative_bias/kerple.hpp
/// KERPLE: trained logarithmic and power-law decay with distance.
#ifndef POSENC_RELATIVE_BIAS_KERPLE_HPP
#define POSENC_RELATIVE_BIAS_KERPLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// KERPLE's two kernels of the distance n = |key - query|, with two trained numbers a and p for each head.
enum class KerpleKernel {
  logarithmic,  ///< -p ln(1 + a n)
  power         ///< -a n^p, 0 < p <= 2
};

namespace detail {

template <typename A, typename P>
void require_kerple(const char* function, const A& a, const P& p, KerpleKernel kernel) {
  require(p.size() == a.size(), function, "p.size()", p.size(), "a.size() ", a.size());
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = number_at(a, head);
    const double p_value = number_at(p, head);
    if (!(is_finite(a_value) && a_value > 0)) {
      refuse<std::invalid_argument>(function, element("a", head), a_value, "finite and > 0");
    }
    if (!(is_finite(p_value) && p_value > 0)) {
      refuse<std::invalid_argument>(function, element("p", head), p_value, "finite and > 0");
    }
    if (kernel == KerpleKernel::power && p_value > 2) {
      refuse<std::invalid_argument>(function, element("p", head), p_value, "at most 2 (power kernel)");
    }
  }
}

}  // namespace detail

/// Returns the bias of KERPLE by distance: table(h, d) = -p[h] ln(1 + a[h] |d|), or -a[h] |d|^p[h].
///
/// @tparam Scalar    Of the table: make_kerple_table<float>(...).
/// @param a, p       One number for each head, > 0, p <= 2 for the power kernel. The authors clamp both to at least
///                   0.01 in every step of training.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param kernel     Which of the two.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one logarithm or power for each head and distance, not for each logit; no bench case, called once for a
///           length.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Chi et al. 2022, arXiv:2205.09921.
/// Matches:  ParallelKerpleLog and ParallelKerplePower of chijames/KERPLE, megatron/mpu/layers.py.
template <typename Scalar, typename A, typename P, detail::IfDense<A, P> = 0>
DistanceTable<Scalar> make_kerple_table(const A& a, const P& p, const DistanceRange& distances, KerpleKernel kernel) {
  detail::require_kerple("make_kerple_table", a, p, kernel);
  DistanceTable<Scalar> table(a.size(), distances);
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = detail::number_at(a, head);
    const double p_value = detail::number_at(p, head);
    for (Eigen::Index d = distances.first(); d <= distances.last(); ++d) {
      const double n = std::abs(static_cast<double>(d));
      const double bias =
          kernel == KerpleKernel::logarithmic ? -p_value * std::log1p(a_value * n) : -a_value * std::pow(n, p_value);
      table(head, d) = detail::convert<Scalar>(bias);
    }
  }
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_kerple_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Scalar, Arguments...>,
      "posenc: write make_kerple_table<float>(a, p, distances, kernel): a and p are lists with one number for "
      "each head, distances is span.distances(), kernel KerpleKernel::logarithmic or power");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_kerple_table(): adds into grad_a and grad_p, one number for each head.
///
///     logarithmic   dL/dp = -sum g ln(1 + a n)      dL/da = -sum g p n / (1 + a n)
///     power         dL/da = -sum g n^p              dL/dp = -sum g a n^p ln n        g = grad_table(h, d), n = |d|
///
/// @param[in,out] grad_a, grad_p  num_heads numbers each.
/// @param grad_table              dL/d(table), as distance_bias_backward() sums it.
/// @param a, p, kernel            As in the forward call.
/// @throws std::invalid_argument  parameters as for the table, or another number of heads; memory that overlaps.
///                                Nothing is written then.
/// Cost:     one or two logarithms or powers for each head and distance; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Chi et al. 2022, arXiv:2205.09921.
template <typename GradA, typename GradP, typename Scalar, typename A, typename P,
          detail::IfDense<GradA, GradP, A, P> = 0>
void kerple_table_backward(GradA&& grad_a, GradP&& grad_p, const DistanceTable<Scalar>& grad_table, const A& a,
                           const P& p, KerpleKernel kernel) {
  const char* const function = "kerple_table_backward";
  auto& da = detail::written(std::forward<GradA>(grad_a));
  auto& dp = detail::written(std::forward<GradP>(grad_p));
  detail::require_kerple(function, a, p, kernel);
  detail::require(a.size() == grad_table.num_heads(), function, "a.size()", a.size(), "num_heads ",
                  grad_table.num_heads());
  detail::require_list_size(function, "grad_a", da, a.size());
  detail::require_list_size(function, "grad_p", dp, a.size());
  detail::require_target(function, "grad_a", da, dp, grad_table.values(), a, p);
  detail::require_target(function, "grad_p", dp, grad_table.values(), a, p);
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = detail::number_at(a, head);
    const double p_value = detail::number_at(p, head);
    double sum_a = 0;
    double sum_p = 0;
    for (Eigen::Index d = grad_table.distances().first(); d <= grad_table.distances().last(); ++d) {
      const double g = static_cast<double>(grad_table(head, d));
      const double n = std::abs(static_cast<double>(d));
      if (kernel == KerpleKernel::logarithmic) {
        sum_p -= g * std::log1p(a_value * n);
        sum_a -= g * p_value * n / (1 + a_value * n);
      } else if (n > 0) {  // n = 0: the bias is 0 whatever a and p are
        sum_a -= g * std::pow(n, p_value);
        sum_p -= g * a_value * std::pow(n, p_value) * std::log(n);
      }
    }
    detail::add_to_entry(da, head, sum_a);
    detail::add_to_entry(dp, head, sum_p);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto kerple_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write kerple_table_backward(grad_a, grad_p, grad_table, a, p, kernel): lists with one number "
                "for each head, the gradient of the table between them");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_KERPLE_HPP

// ---- posenc/relative_bias/sandwich.hpp
/// Sandwich: the inner products of sinusoids as a bias without parameters.
#ifndef POSENC_RELATIVE_BIAS_SANDWICH_HPP
#define POSENC_RELATIVE_BIAS_SANDWICH_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the bias of Sandwich by distance d = key - query:
///
///     table(h, d) = (sum over m = 1 ... D/2 of cos(d base^(-2m/D)) - D/2) num_heads / (8 (h + 1))      D = head_dim
///
/// @tparam Scalar    Of the table: make_sandwich_table<float>(...).
/// @param num_heads  > 0.
/// @param head_dim   Even and > 0.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param base       Finite, > 0 and not 1; the paper: 10000.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     D/2 cosines for each distance, from the shared generator; no bench case, called once for a length.
/// Accuracy: 320 ulp of 1 for head_dim 10 and distances up to 43, formed in double and rounded once [accuracy][relative_bias].
/// Source:   Chi et al. 2023, arXiv:2212.10356.
/// Matches:  sandwich_relative_position_embedding of NVIDIA NeMo, where D is the head width.
template <typename Scalar>
DistanceTable<Scalar> make_sandwich_table(Eigen::Index num_heads, Eigen::Index head_dim, const DistanceRange& distances,
                                          double base) {
  const char* const function = "make_sandwich_table";
  detail::require(num_heads > 0, function, "num_heads", num_heads, "> 0");
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require_base(function, base);
  DistanceTable<Scalar> table(num_heads, distances);
  Eigen::ArrayXd inv_freq(head_dim / 2);
  for (Eigen::Index m = 1; m <= head_dim / 2; ++m) {
    inv_freq[m - 1] = std::pow(base, -2 * static_cast<double>(m) / static_cast<double>(head_dim));
  }
  Eigen::ArrayXd sums = Eigen::ArrayXd::Constant(distances.size(), -static_cast<double>(head_dim) / 2);
  const detail::RangePositions positions(PositionRange(distances.first(), distances.size()));
  detail::for_each_angle(Frequencies(inv_freq), 1.0, positions,
                         [&](Eigen::Index row, Eigen::Index, int count, const double* cosine, const double*) {
                           for (int i = 0; i < count; ++i) sums[row] += cosine[i];
                         });
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const double scale = static_cast<double>(num_heads) / (8 * static_cast<double>(head + 1));
    for (Eigen::Index m = 0; m < distances.size(); ++m) {
      table(head, distances.first() + m) = detail::convert<Scalar>(sums[m] * scale);
    }
  }
  return table;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SANDWICH_HPP

// ---- posenc/relative_bias/detail/log_buckets.hpp
/// Logarithmic buckets of distances in exact integer arithmetic.
///
/// The published formulas truncate a quotient of two logarithms. At the powers where the quotient is a whole number, a
/// logarithm one ulp low puts a distance into the wrong bucket; integers cannot.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_LOG_BUCKETS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_LOG_BUCKETS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A whole number of any size, for products and comparisons.
class BigNumber {
 public:
  BigNumber& multiply_by_power(std::uint32_t factor, Eigen::Index exponent) {
    for (Eigen::Index k = 0; k < exponent; ++k) {
      std::uint64_t carry = 0;
      for (std::uint32_t& digit : digits_) {
        carry += static_cast<std::uint64_t>(digit) * factor;
        digit = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
      if (carry != 0) digits_.push_back(static_cast<std::uint32_t>(carry));
    }
    return *this;
  }
  friend bool operator<(const BigNumber& a, const BigNumber& b) {
    if (a.digits_.size() != b.digits_.size()) return a.digits_.size() < b.digits_.size();
    return std::lexicographical_compare(a.digits_.rbegin(), a.digits_.rend(), b.digits_.rbegin(), b.digits_.rend());
  }

 private:
  std::vector<std::uint32_t> digits_ = {1};  // least significant first
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

// ---- posenc/relative_bias/t5.hpp
/// T5: a learned bias for each bucket of distances.
#ifndef POSENC_RELATIVE_BIAS_T5_HPP
#define POSENC_RELATIVE_BIAS_T5_HPP

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
/// plus nb for keys after the query when bidirectional. The boundaries are found in integers.
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1; the formula is in mesh-tensorflow.
/// Matches:  Hugging Face T5Attention._relative_position_bucket, T5X, CTranslate2; ONNX Runtime
///           RelativePositionBias, but for keys after a causal query, which are masked.
class T5Buckets {
 public:
  /// @param num_buckets    At least 2 (causal) or 4 (bidirectional), at most 8192; T5: 32.
  /// @param max_distance   From here on all distances share the last bucket; > max_exact and < 2^31; T5: 128.
  /// @param bidirectional  Encoder: true; decoder: false.
  /// @throws std::invalid_argument  one of these does not hold.
  T5Buckets(Eigen::Index num_buckets, Eigen::Index max_distance, bool bidirectional)
      : num_buckets_(num_buckets),
        per_direction_(bidirectional ? num_buckets / 2 : num_buckets),
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

  /// The bucket of the relative position `distance` = key - query, in [0, num_buckets).
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
/// Cost:     one copy for each head and distance; no bench case, called once for a length.
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
  for (Eigen::Index d = distances.first(); d <= distances.last(); ++d) {
    const Eigen::Index bucket = buckets(d);
    for (Eigen::Index head = 0; head < weights_values.cols(); ++head)
      table(head, d) = weights_values.coeff(bucket, head);
  }
  return table;
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
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1.
template <typename GradWeights, typename Scalar, detail::IfDense<GradWeights> = 0>
void t5_table_backward(GradWeights&& grad_weights, const DistanceTable<Scalar>& grad_table, const T5Buckets& buckets) {
  const char* const function = "t5_table_backward";
  auto& grad = detail::written(std::forward<GradWeights>(grad_weights));
  detail::require_shape(function, "grad_weights", grad, buckets.num_buckets(), grad_table.num_heads());
  detail::require_target(function, "grad_weights", grad, grad_table.values());
  for (Eigen::Index d = grad_table.distances().first(); d <= grad_table.distances().last(); ++d) {
    const Eigen::Index bucket = buckets(d);
    for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
      auto& target = grad.coeffRef(bucket, head);
      target += detail::convert<std::decay_t<decltype(target)>>(grad_table(head, d));
    }
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

// ---- posenc/relative_bias/bias_mlp.hpp
/// BiasMlp: the small network that makes a bias of a distance or displacement.
#ifndef POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
#define POSENC_RELATIVE_BIAS_BIAS_MLP_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The function between the layers of a BiasMlp.
enum class Activation { relu, silu };

/// One layer of a BiasMlp: y = W x + b.
template <typename Scalar>
struct MlpLayer {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;  ///< outputs x inputs, as in PyTorch.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;                                  ///< outputs, or empty for none.
};

/// The small network that makes a bias of a distance: layers with an activation between them, none after the last.
/// A gradient with respect to it is one of these too (see zeros()).
/// @tparam Scalar  float or double.
template <typename Scalar>
struct BiasMlp {
  std::vector<MlpLayer<Scalar>> layers;
  Activation activation = Activation::relu;

  Eigen::Index inputs() const { return layers.empty() ? 0 : layers.front().weight.cols(); }
  Eigen::Index outputs() const { return layers.empty() ? 0 : layers.back().weight.rows(); }

  /// The same shape with zeros: what gradients are added into.
  BiasMlp zeros() const {
    BiasMlp result = *this;
    for (MlpLayer<Scalar>& layer : result.layers) {
      layer.weight.setZero();
      layer.bias.setZero();
    }
    return result;
  }
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BIAS_MLP_HPP

// ---- posenc/relative_bias/detail/mlp.hpp
/// The passes of a BiasMlp, forward and backward, one row of inputs for each evaluation.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
using MlpMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Scalar>
void require_mlp(const char* function, const BiasMlp<Scalar>& mlp, Eigen::Index inputs) {
  require(!mlp.layers.empty(), function, "mlp.layers.size()", mlp.layers.size(), "> 0");
  Eigen::Index width = inputs;
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const MlpLayer<Scalar>& layer = mlp.layers[k];
    const std::string name = element("mlp.layers", static_cast<Eigen::Index>(k));
    if (layer.weight.cols() != width) {
      refuse<std::invalid_argument>(function, name + ".weight.cols()", layer.weight.cols(), width);
    }
    if (layer.bias.size() != 0 && layer.bias.size() != layer.weight.rows()) {
      refuse<std::invalid_argument>(function, name + ".bias.size()", layer.bias.size(), "0 or ", layer.weight.rows());
    }
    width = layer.weight.rows();
  }
}

/// A gradient has the same layers as its network, in other memory than the network and `others`, which are read.
template <typename Scalar, typename... Others>
void require_mlp_gradient(const char* function, const std::string& parameter, const BiasMlp<Scalar>& grad,
                          const BiasMlp<Scalar>& mlp, const Others&... others) {
  if (grad.layers.size() != mlp.layers.size()) {
    refuse<std::invalid_argument>(function, parameter + ".layers.size()", grad.layers.size(), mlp.layers.size());
  }
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const std::string weight = parameter + ".layers[" + std::to_string(k) + "].weight";
    const std::string bias = parameter + ".layers[" + std::to_string(k) + "].bias";
    require_shape(function, weight.c_str(), grad.layers[k].weight, mlp.layers[k].weight.rows(),
                  mlp.layers[k].weight.cols());
    require_shape(function, bias.c_str(), grad.layers[k].bias, mlp.layers[k].bias.rows(), 1);
    require_target(function, weight.c_str(), grad.layers[k].weight, mlp.layers[k].weight, others...);
    require_target(function, bias.c_str(), grad.layers[k].bias, mlp.layers[k].bias, others...);
  }
}

template <typename Scalar>
Scalar activate(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x > Scalar(0) ? x : Scalar(0);
  return x / (Scalar(1) + std::exp(-x));
}

template <typename Scalar>
Scalar activation_slope(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x > Scalar(0) ? Scalar(1) : Scalar(0);
  const Scalar gate = Scalar(1) / (Scalar(1) + std::exp(-x));
  return gate * (Scalar(1) + x * (Scalar(1) - gate));
}

/// Returns the values before each activation, layer by layer; the last is the output. One row for each row of `inputs`.
template <typename Scalar>
std::vector<MlpMatrix<Scalar>> mlp_forward(const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs) {
  std::vector<MlpMatrix<Scalar>> values;
  MlpMatrix<Scalar> x = inputs;
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const MlpLayer<Scalar>& layer = mlp.layers[k];
    MlpMatrix<Scalar> y = x * layer.weight.transpose();
    if (layer.bias.size() != 0) y.rowwise() += layer.bias.transpose();
    if (k + 1 < mlp.layers.size()) {
      x = y.unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    }
    values.push_back(std::move(y));
  }
  return values;
}

/// Adds the parameters' gradients into `grad` and returns the inputs' gradient.
template <typename Scalar>
MlpMatrix<Scalar> add_mlp_gradient(BiasMlp<Scalar>& grad, const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs,
                                   const std::vector<MlpMatrix<Scalar>>& values, MlpMatrix<Scalar> grad_out) {
  for (std::size_t k = mlp.layers.size(); k-- > 0;) {
    MlpMatrix<Scalar> x = inputs;
    if (k > 0) x = values[k - 1].unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    grad.layers[k].weight.noalias() += grad_out.transpose() * x;
    if (mlp.layers[k].bias.size() != 0) grad.layers[k].bias += grad_out.colwise().sum().transpose();
    MlpMatrix<Scalar> grad_x = grad_out * mlp.layers[k].weight;
    if (k > 0) {
      grad_x.array() *= values[k - 1].unaryExpr([&](Scalar v) { return activation_slope(mlp.activation, v); }).array();
    }
    grad_out = std::move(grad_x);
  }
  return grad_out;
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP

// ---- posenc/relative_bias/fire.hpp
/// FIRE: a network of the distance relative to the length seen so far.
#ifndef POSENC_RELATIVE_BIAS_FIRE_HPP
#define POSENC_RELATIVE_BIAS_FIRE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The trained parts of FIRE, with the authors' initial values. A gradient is one of these too (see zeros()).
template <typename Scalar>
struct Fire {
  BiasMlp<Scalar> mlp;           ///< 1 input, one output for each head; the authors use 1 -> 32 -> ReLU -> heads.
  double c = 0.1;                ///< Trained; not 0.
  double length_multiplier = 1;  ///< Trained.
  double initial_length = 512;   ///< Constant L_0.
  double eps = 1e-6;             ///< Constant.

  /// From this query position on, distances are measured relative to the query's position.
  double threshold() const { return std::abs(length_multiplier * initial_length); }
  Fire zeros() const { return {mlp.zeros(), 0.0, 0.0, initial_length, eps}; }
};

namespace detail {

template <typename Scalar>
void require_fire(const char* function, const Fire<Scalar>& fire, const AttentionSpan& span) {
  require_mlp(function, fire.mlp, 1);
  require(is_finite(fire.c) && fire.c != 0, function, "fire.c", fire.c, "finite and not 0");
  require(is_finite(fire.threshold()) && fire.threshold() > 0, function, "fire.threshold()", fire.threshold(),
          "finite and > 0");
  require(is_finite(fire.eps) && fire.eps >= 0, function, "fire.eps", fire.eps, "finite and >= 0");
  require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
}

/// psi(n) = ln(|c n| + 1).
inline double fire_psi(double c, double n) { return std::log1p(std::abs(c * n)); }

/// Inputs of the network for keys 0 ... L_k - 1 of one query at `position`, normalized by psi(reach).
template <typename Scalar>
MlpMatrix<Scalar> fire_inputs(const Fire<Scalar>& fire, double position, double reach, Eigen::Index num_keys) {
  MlpMatrix<Scalar> inputs(num_keys, 1);
  const double scale = 1 / (fire_psi(fire.c, reach) + fire.eps);
  for (Eigen::Index j = 0; j < num_keys; ++j) {
    inputs(j, 0) = static_cast<Scalar>(fire_psi(fire.c, position - static_cast<double>(j)) * scale);
  }
  return inputs;
}

/// Whether no query of a span that is not empty reaches the threshold: the bias then depends on the distance alone.
template <typename Scalar>
bool fire_by_distance(const Fire<Scalar>& fire, const AttentionSpan& span) {
  return static_cast<double>(span.query_offset() + span.query_len() - 1) < fire.threshold();
}

}  // namespace detail

/// Adds the bias of FIRE to the logits of all heads, in place. With n = query - key and p the query's position,
///
///     logits(h L_q + i, j) += mlp(psi(n) / (psi(max(p, threshold)) + eps))[h]        psi(x) = ln(|c x| + 1)
///
/// While no query has reached the threshold this depends on the distance alone, and the network is evaluated
/// L_q + L_k - 1 times; beyond it once for each key of a row.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head.
/// @param fire            The trained parameters.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape; layers that do not fit together; c = 0; threshold 0; eps < 0; memory
///                                of logits that overlaps itself.
/// @throws std::out_of_range      a negative query_offset. `logits` is then unchanged.
/// Cost:     L_q + L_k - 1 or L_q L_k evaluations of the network; allocates its activations; no bench case, the network
///           decides.
/// Accuracy: 200 ulp of 1 in double, for a network of 8 hidden units [accuracy][relative_bias].
/// Source:   Li et al. 2023, arXiv:2310.04418.
template <typename Logits, typename Scalar, detail::IfDense<Logits> = 0>
void add_fire_bias(Logits&& logits, const Fire<Scalar>& fire, const AttentionSpan& span) {
  const char* const function = "add_fire_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_fire(function, fire, span);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_stacked_logits(function, "logits", x, num_heads, span);
  detail::require_target(function, "logits", x);
  if (span.query_len() == 0 || span.key_len() == 0) return;

  if (detail::fire_by_distance(fire, span)) {
    const DistanceRange range = span.distances();
    DistanceTable<Scalar> table(num_heads, range);
    const auto inputs = detail::fire_inputs(fire, -static_cast<double>(range.first()), fire.threshold(), range.size());
    table.values() = detail::mlp_forward(fire.mlp, inputs).back().transpose().array();
    add_distance_bias(x, table, span);
    return;
  }
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    const double position = static_cast<double>(span.query_offset() + i);
    const auto inputs = detail::fire_inputs(fire, position, (std::max)(position, fire.threshold()), span.key_len());
    const auto bias = detail::mlp_forward(fire.mlp, inputs).back();
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      detail::add_rounded_once(x.row(head * span.query_len() + i), bias.col(head).transpose().array());
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_fire_bias(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_fire_bias(logits, fire, span): logits of all heads stacked, fire a Fire<Scalar>, span "
      "AttentionSpan::square(len), cached(query_len, key_len) or at(queries, key_len)");
}

namespace detail {

/// The gradients of c and of the threshold.
struct FireGradient {
  double c = 0;
  double threshold = 0;

  /// Adds what keys 0 ... L_k - 1 of a query at `position` contribute. share: d reach / d threshold.
  template <typename Scalar>
  void add(BiasMlp<Scalar>& grad_mlp, const Fire<Scalar>& fire, double position, double reach, double share,
           const MlpMatrix<Scalar>& grad_out) {
    const auto inputs = fire_inputs(fire, position, reach, grad_out.rows());
    const auto grad_inputs = add_mlp_gradient(grad_mlp, fire.mlp, inputs, mlp_forward(fire.mlp, inputs), grad_out);
    const double sign_c = fire.c < 0 ? -1 : 1;
    const double divisor = fire_psi(fire.c, reach) + fire.eps;
    const double reach_slope_c = sign_c * reach / (std::abs(fire.c) * reach + 1);
    const double reach_slope = std::abs(fire.c) / (std::abs(fire.c) * reach + 1);
    for (Eigen::Index j = 0; j < grad_out.rows(); ++j) {
      const double n = std::abs(position - static_cast<double>(j));
      const double g = static_cast<double>(grad_inputs(j, 0));
      const double psi = fire_psi(fire.c, n);
      c += g * (sign_c * n / (std::abs(fire.c) * n + 1) / divisor - psi * reach_slope_c / (divisor * divisor));
      threshold -= g * psi * reach_slope / (divisor * divisor) * share;
    }
  }
};

}  // namespace detail

/// The gradient of add_fire_bias(): adds into grad_fire.mlp, grad_fire.c and grad_fire.length_multiplier.
///
/// Where the threshold equals a query's position, each side of the maximum gets half.
/// @param[in,out] grad_fire  fire.zeros(), or the sum so far.
/// @param grad_logits        (num_heads L_q) x L_k.
/// @param fire, span         As in the forward call.
/// @throws as add_fire_bias(), and std::invalid_argument for a grad_fire of other layers, or one that is `fire` itself or
///         overlaps grad_logits; nothing is written then.
/// Cost:     as add_fire_bias(), about three times; no bench case, the network decides.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar, typename Grad, detail::IfDense<Grad> = 0>
void fire_bias_backward(Fire<Scalar>& grad_fire, const Grad& grad_logits, const Fire<Scalar>& fire,
                        const AttentionSpan& span) {
  const char* const function = "fire_bias_backward";
  detail::require_fire(function, fire, span);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_stacked_logits(function, "grad_logits", grad_logits, num_heads, span);
  detail::require_mlp_gradient(function, "grad_fire.mlp", grad_fire.mlp, fire.mlp, grad_logits);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  if (span.query_len() == 0 || span.key_len() == 0) return;
  const double threshold = fire.threshold();
  detail::FireGradient grad;
  if (detail::fire_by_distance(fire, span)) {
    const DistanceRange range = span.distances();
    DistanceTable<Scalar> grad_table(num_heads, range);
    distance_bias_backward(grad_table, grad_logits_values, span);
    grad.add(grad_fire.mlp, fire, -static_cast<double>(range.first()), threshold, 1,
             detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
  } else {
    detail::MlpMatrix<Scalar> grad_row(span.key_len(), num_heads);
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index head = 0; head < num_heads; ++head) {
        grad_row.col(head) = grad_logits_values.row(head * span.query_len() + i).transpose().template cast<Scalar>();
      }
      const double position = static_cast<double>(span.query_offset() + i);
      const double share = position < threshold ? 1.0 : position == threshold ? 0.5 : 0.0;
      grad.add(grad_fire.mlp, fire, position, (std::max)(position, threshold), share, grad_row);
    }
  }
  const double sign_length = fire.length_multiplier * fire.initial_length < 0 ? -1 : 1;
  grad_fire.c += grad.c;
  grad_fire.length_multiplier += grad.threshold * sign_length * fire.initial_length;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto fire_bias_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write fire_bias_backward(grad_fire, grad_logits, fire, span): grad_fire is fire.zeros() or the "
      "sum so far");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FIRE_HPP

// ---- posenc/relative_bias/mlp_table.hpp
/// Dynamic position bias: a small network of the distance.
#ifndef POSENC_RELATIVE_BIAS_MLP_TABLE_HPP
#define POSENC_RELATIVE_BIAS_MLP_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// What a dynamic position bias gives its network.
enum class DistanceInput {
  linear,      ///< query - key.
  logarithmic  ///< sign(query - key) ln(|query - key| + 1).
};

namespace detail {

template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(const DistanceRange& distances, DistanceInput input) {
  MlpMatrix<Scalar> inputs(distances.size(), 1);
  for (Eigen::Index m = 0; m < distances.size(); ++m) {
    const double distance = -static_cast<double>(distances.first() + m);
    const double size = std::log1p(std::abs(distance));
    inputs(m, 0) = static_cast<Scalar>(input == DistanceInput::linear ? distance : distance < 0 ? -size : size);
  }
  return inputs;
}

}  // namespace detail

/// Returns a dynamic position bias by distance: the network is evaluated once for each distance, not for each pair.
///
///     table(h, d) = mlp(f(-d))[h]        d = key - query, f(n) = n or sign(n) ln(|n| + 1), as `input` says
///
/// @param mlp        1 input, one output for each head.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param input      Which f.
/// @throws std::invalid_argument  layers that do not fit together.
/// Cost:     distances.size() evaluations of the network; no bench case, called once for a length.
/// Accuracy: 20 ulp of the largest sum of a layer in double, for three layers of six units [accuracy][relative_bias].
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPositionBias of x-transformers (SiLU, log_distance) without its layer norms.
template <typename Scalar>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, const DistanceRange& distances, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 1);
  DistanceTable<Scalar> table(mlp.outputs(), distances);
  table.values() =
      detail::mlp_forward(mlp, detail::distance_inputs<Scalar>(distances, input)).back().transpose().array();
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_mlp_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_mlp_table(mlp, distances, input): mlp is a BiasMlp, distances span.distances(), "
                "input DistanceInput::linear or logarithmic");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_mlp_table(): adds into `grad_mlp`.
/// @param[in,out] grad_mlp  Has the shape of `mlp`: mlp.zeros(), or the sum so far.
/// @param grad_table        dL/d(table), as distance_bias_backward() sums it.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together, or a grad_mlp that is `mlp`
///                                itself; nothing is written then.
/// Cost:     as make_mlp_table(), about three times; allocates its activations; no bench case, it reads the table alone.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar>
void mlp_table_backward(BiasMlp<Scalar>& grad_mlp, const DistanceTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                        DistanceInput input) {
  const char* const function = "mlp_table_backward";
  detail::require_mlp(function, mlp, 1);
  detail::require_mlp_gradient(function, "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), function, "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const auto inputs = detail::distance_inputs<Scalar>(grad_table.distances(), input);
  detail::add_mlp_gradient(grad_mlp, mlp, inputs, detail::mlp_forward(mlp, inputs),
                           detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto mlp_table_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write mlp_table_backward(grad_mlp, grad_table, mlp, input): grad_mlp is mlp.zeros() or the sum "
      "so far, grad_table the DistanceTable that distance_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_MLP_TABLE_HPP

// ---- posenc/relative_bias/window_shape.hpp
/// WindowShape: a window of tokens of an image, and the index that frameworks gather its bias with.
#ifndef POSENC_RELATIVE_BIAS_WINDOW_SHAPE_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_SHAPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A window of height x width tokens, numbered row by row.
///
///     t00 t01 t02
///     t10 t11 t12        WindowShape(2, 3): token t12 is number 5
class WindowShape {
 public:
  /// @param height, width  [tokens] > 0 and at most 2^20.
  /// @throws std::invalid_argument  one of these does not hold.
  /// @throws std::length_error      more displacements than Eigen::Index counts (where it has 32 bits).
  explicit WindowShape(Eigen::Index height, Eigen::Index width) : height_(height), width_(width) {
    constexpr Eigen::Index limit = Eigen::Index(1) << 20;
    detail::require(height > 0 && height <= limit, "WindowShape", "height", height, "> 0 and at most ", limit);
    detail::require(width > 0 && width <= limit, "WindowShape", "width", width, "> 0 and at most ", limit);
    const std::int64_t largest = (std::numeric_limits<Eigen::Index>::max)() / (2 * width - 1);  // 2 height - 1
    if (2 * height - 1 > largest) {
      detail::refuse<std::length_error>("WindowShape", "height", height, "at most ", (largest + 1) / 2,
                                        " for a width of ", width);
    }
  }

  Eigen::Index height() const { return height_; }
  Eigen::Index width() const { return width_; }
  Eigen::Index tokens() const { return height_ * width_; }
  /// Number of different displacements between two tokens: (2 height - 1)(2 width - 1).
  Eigen::Index displacements() const { return (2 * height_ - 1) * (2 * width_ - 1); }

 private:
  Eigen::Index height_;
  Eigen::Index width_;
};

/// Returns the index of Swin, tokens x tokens, into a table of window.displacements() rows:
///
///     index(t, u) = (row(t) - row(u) + height - 1)(2 width - 1) + column(t) - column(u) + width - 1    t query, u key
///
/// For code that gathers; add_window_bias() needs no index.
/// @param window  The tokens.
/// @throws std::length_error  the index does not fit into memory's index type.
/// Cost:     one number for each pair of tokens; no bench case, called once for a window.
/// Source:   Liu et al. 2021, arXiv:2103.14030.
/// Matches:  relative_position_index of Swin-Transformer and timm.
inline Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> window_index(
    const WindowShape& window) {
  const Eigen::Index n = window.tokens();
  const Eigen::Index width = window.width();
  detail::require_size("window_index", "window.tokens()", n, n, sizeof(Eigen::Index));
  Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> index(n, n);
  for (Eigen::Index t = 0; t < n; ++t) {
    for (Eigen::Index u = 0; u < n; ++u) {
      const Eigen::Index rows = t / width - u / width + window.height() - 1;
      const Eigen::Index columns = t % width - u % width + width - 1;
      index(t, u) = rows * (2 * width - 1) + columns;
    }
  }
  return index;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_SHAPE_HPP

// ---- posenc/relative_bias/window_table.hpp
/// WindowTable: a bias by displacement in a two-dimensional window (Swin), with a class token or without (BEiT).
#ifndef POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Whether a window's tokens have a class token in front of them, and three more biases for it (BEiT).
enum class ClassToken { none, first };

/// A bias by displacement within a window: one number per head and (key - query) in rows and columns.
///
/// For a fixed query the keys of one window row have contiguous biases here, so adding the bias is `height` runs of
/// additions for each query: no index matrix, no gather.
/// @tparam Scalar_  float or double; half types as storage.
template <typename Scalar_>
class WindowTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros.
  /// @param num_heads    >= 0.
  /// @param window       The tokens.
  /// @param class_token  Whether a class token is in front of them.
  /// @throws std::invalid_argument  num_heads < 0.
  /// @throws std::length_error      the table does not fit into memory's index type.
  WindowTable(Eigen::Index num_heads, const WindowShape& window, ClassToken class_token = ClassToken::none)
      : window_(window), class_token_(class_token) {
    detail::require(num_heads >= 0, "WindowTable", "num_heads", num_heads, ">= 0");
    detail::require_size("WindowTable", "num_heads", num_heads, window.displacements(), sizeof(Scalar));
    values_ = Values::Zero(num_heads, window.displacements());
    class_values_ = Values::Zero(num_heads, class_token == ClassToken::none ? 0 : 3);
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  const WindowShape& window() const { return window_; }
  ClassToken class_token() const { return class_token_; }
  /// Tokens of the window, and the class token if there is one.
  Eigen::Index tokens() const { return window_.tokens() + (class_token_ == ClassToken::first ? 1 : 0); }

  /// num_heads x displacements: column (dr + height - 1)(2 width - 1) + dc + width - 1 is key - query = (dr, dc).
  Eigen::Map<const Values> values() const& { return {values_.data(), values_.rows(), values_.cols()}; }
  Eigen::Map<Values> values() & { return {values_.data(), values_.rows(), values_.cols()}; }
  Values values() && { return std::move(values_); }
  /// num_heads x 3 with a class token: class to token, token to class, class to class. Else num_heads x 0.
  Eigen::Map<const Values> class_values() const& {
    return {class_values_.data(), class_values_.rows(), class_values_.cols()};
  }
  Eigen::Map<Values> class_values() & { return {class_values_.data(), class_values_.rows(), class_values_.cols()}; }
  Values class_values() && { return std::move(class_values_); }

  /// One head, by reference, for logits of one head. The table must outlive it: that of a temporary does not compile.
  /// @throws std::out_of_range  head is not in [0, num_heads()).
  TableHead<const WindowTable> head(Eigen::Index head) const& { return {*this, head}; }
  TableHead<WindowTable> head(Eigen::Index head) & { return {*this, head}; }
  TableHead<const WindowTable> head(Eigen::Index head) const&& = delete;

 private:
  WindowShape window_;
  ClassToken class_token_;
  Values values_;
  Values class_values_;
};

/// Returns the bias of Swin v1 or BEiT from a checkpoint's `relative_position_bias_table`.
///
/// @param weights      window.displacements() x num_heads by query - key (row 0: the key at the far corner), and with a
///                     class token three more rows: class to token, token to class, class to class.
/// @param window       The window the table was trained for; resize() brings a table to another one.
/// @param class_token  Whether the table has the three rows.
/// @throws std::invalid_argument  another number of rows.
/// Cost:     one copy for each value; no bench case, called once for a checkpoint.
/// Accuracy: copies [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
/// Matches:  WindowAttention of Swin-Transformer, Attention of BEiT, both in timm too.
template <typename Weights, detail::IfDense<Weights> = 0>
WindowTable<typename Weights::Scalar> make_window_table(const Weights& weights, const WindowShape& window,
                                                        ClassToken class_token = ClassToken::none) {
  const Eigen::Index n = window.displacements();
  const Eigen::Index expected = class_token == ClassToken::first ? n + 3 : n;
  detail::require(weights.rows() == expected, "make_window_table", "weights.rows()", weights.rows(), expected);
  WindowTable<typename Weights::Scalar> table(weights.cols(), window, class_token);
  auto values = table.values();
  auto class_values = table.class_values();
  const auto& weights_values = detail::evaluated(weights);
  for (Eigen::Index head = 0; head < weights_values.cols(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) values(head, m) = weights_values.coeff(n - 1 - m, head);
    for (Eigen::Index m = 0; m < class_values.cols(); ++m) class_values(head, m) = weights_values.coeff(n + m, head);
  }
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_window_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write make_window_table(weights, window), or (weights, window, class_token): weights is "
      "displacements x num_heads, window a WindowShape(height, width), class_token ClassToken::first for BEiT");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_window_table(): adds into grad_weights.
/// @param[in,out] grad_weights  Has the shape of the weights.
/// @param grad_table            dL/d(table), as window_bias_backward() sums it.
/// @throws std::invalid_argument  another shape; memory that overlaps. Nothing is written then.
/// Cost:     one addition for each value; no allocation; no bench case, it reads the table alone.
/// Accuracy: one addition, rounded once [accuracy][relative_bias].
/// Source:   as make_window_table().
template <typename GradWeights, typename Scalar, detail::IfDense<GradWeights> = 0>
void window_table_backward(GradWeights&& grad_weights, const WindowTable<Scalar>& grad_table) {
  const char* const function = "window_table_backward";
  auto& grad = detail::written(std::forward<GradWeights>(grad_weights));
  const auto values = grad_table.values();
  const auto class_values = grad_table.class_values();
  const Eigen::Index n = values.cols();
  detail::require_shape(function, "grad_weights", grad, n + class_values.cols(), grad_table.num_heads());
  detail::require_target(function, "grad_weights", grad, values, class_values);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) grad.coeffRef(n - 1 - m, head) += detail::convert<Target>(values(head, m));
    for (Eigen::Index m = 0; m < class_values.cols(); ++m) {
      grad.coeffRef(n + m, head) += detail::convert<Target>(class_values(head, m));
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto window_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write window_table_backward(grad_weights, grad_table): grad_weights has the shape of the "
                "weights, grad_table is the WindowTable that window_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP

// ---- posenc/relative_bias/add_window_bias.hpp
/// Adds a bias by displacement to the logits of a window, and its gradient.
#ifndef POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP
#define POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename T>
inline constexpr bool is_window_table = false;
template <typename Scalar>
inline constexpr bool is_window_table<WindowTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_window_table<TableHead<WindowTable<Scalar>>> = true;
template <typename Scalar>
inline constexpr bool is_window_table<TableHead<const WindowTable<Scalar>>> = true;

/// Constraint of template parameters: a WindowTable or one head of it.
template <typename T>
using IfWindowTable = std::enable_if_t<is_window_table<std::decay_t<T>>, int>;

/// run(query token, first key, count, first column of values) for every run of keys, window tokens only, and
/// single(query, key, column of class_values) for the pairs with the class token.
template <typename Run, typename Single>
void for_each_window_run(const WindowShape& window, ClassToken class_token, Run&& run, Single&& single) {
  const Eigen::Index height = window.height();
  const Eigen::Index width = window.width();
  const Eigen::Index first = class_token == ClassToken::first ? 1 : 0;
  for (Eigen::Index t = 0; t < window.tokens(); ++t) {
    const Eigen::Index row = t / width;
    const Eigen::Index column = t % width;
    for (Eigen::Index key_row = 0; key_row < height; ++key_row) {
      const Eigen::Index begin = (key_row - row + height - 1) * (2 * width - 1) + width - 1 - column;
      run(first + t, first + key_row * width, width, begin);
    }
  }
  if (first == 0) return;
  for (Eigen::Index t = 1; t <= window.tokens(); ++t) {
    single(Eigen::Index(0), t, Eigen::Index(0));
    single(t, Eigen::Index(0), Eigen::Index(1));
  }
  single(Eigen::Index(0), Eigen::Index(0), Eigen::Index(2));
}

template <typename X, typename Scalar>
void add_window_head(X& x, const WindowTable<Scalar>& table, Eigen::Index head, Eigen::Index first_row) {
  using Target = typename X::Scalar;
  using Number = ArithmeticScalar<Target, Scalar>;
  const auto all_values = table.values();
  const auto values = all_values.row(head);
  const auto class_values = table.class_values();
  for_each_window_run(
      table.window(), table.class_token(),
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        add_rounded_once(x.row(first_row + query).segment(key, count), values.segment(column, count));
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        Target& target = x.coeffRef(first_row + query, key);
        target = convert<Target>(convert<Number>(target) + convert<Number>(class_values(head, column)));
      });
}

template <typename Scalar, typename Grad>
void sum_window_head(WindowTable<Scalar>& grad_table, const Grad& grad, Eigen::Index head, Eigen::Index first_row) {
  auto all_values = grad_table.values();
  auto values = all_values.row(head);
  auto class_values = grad_table.class_values();
  for_each_window_run(
      grad_table.window(), grad_table.class_token(),
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        values.segment(column, count) +=
            grad.row(first_row + query).segment(key, count).array().template cast<Scalar>();
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        class_values(head, column) += convert<Scalar>(grad.coeff(first_row + query, key));
      });
}

}  // namespace detail

/// Adds a bias by displacement to the logits of one window, in place: logits(h tokens + t, u) += the bias of head h for
/// the displacement from query token t to key token u.
///
/// @param[in,out] logits  (num_heads tokens) x tokens, head by head, tokens being table.tokens(): any writable Eigen
///                        object. tokens x tokens for one head of the table.
/// @param table           A WindowTable, or table.head(h) for logits of one head.
/// @throws std::invalid_argument  another shape; memory of logits that overlaps itself or the table. `logits` is then
///                                unchanged.
/// Cost:     one addition for each logit, in runs of `width`; no index, no allocation; no bench case, windows are small.
/// Accuracy: each sum is formed in float or double and rounded once [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
/// Matches:  attn + relative_position_bias of Swin-Transformer, BEiT and timm.
template <typename Logits, typename Table, detail::IfDense<Logits> = 0, detail::IfWindowTable<Table> = 0>
void add_window_bias(Logits&& logits, const Table& table) {
  const char* const function = "add_window_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const auto heads = detail::heads_of(table);
  const Eigen::Index tokens = heads.table.tokens();
  detail::require_shape(function, "logits", x, std::int64_t(heads.count) * tokens, tokens);
  detail::require_target(function, "logits", x, heads.table.values(), heads.table.class_values());
  for (Eigen::Index h = 0; h < heads.count; ++h) detail::add_window_head(x, heads.table, heads.first + h, h * tokens);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_window_bias(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_window_bias(logits, table): logits is an Eigen object, table a WindowTable for all "
                "heads stacked, or its head(h) for one");
}

/// The gradient of add_window_bias(): adds the sums over equal displacements into `grad_table`.
/// @param[in,out] grad_table  A WindowTable of float or double, or grad_table.head(h).
/// @param grad_logits         (num_heads tokens) x tokens, head by head, or tokens x tokens for one head.
/// @throws as add_window_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit; no allocation; no bench case, windows are small.
/// Accuracy: adjoint to add_window_bias() to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
/// Source:   as add_window_bias().
template <typename GradTable, typename Grad, detail::IfWindowTable<GradTable> = 0, detail::IfDense<Grad> = 0>
void window_bias_backward(GradTable&& grad_table, const Grad& grad_logits) {
  const char* const function = "window_bias_backward";
  const auto heads = detail::heads_of(grad_table);
  using Table = std::remove_reference_t<decltype(heads.table)>;
  static_assert(!std::is_const_v<Table>, "posenc: the argument is written to, but it is const");
  static_assert(std::is_lvalue_reference_v<GradTable> || !std::is_same_v<std::decay_t<GradTable>, Table>,
                "posenc: grad_table is a temporary table, and the result would be lost with it");
  detail::require_gradient_scalar<typename Table::Scalar>();
  const Eigen::Index tokens = heads.table.tokens();
  detail::require_shape(function, "grad_logits", grad_logits, std::int64_t(heads.count) * tokens, tokens);
  detail::require_target(function, "grad_table", heads.table.values(), grad_logits);
  detail::require_target(function, "grad_table", heads.table.class_values(), grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    detail::sum_window_head(heads.table, grad_values, heads.first + h, h * tokens);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto window_bias_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write window_bias_backward(grad_table, grad_logits): grad_table is a WindowTable or its "
                "head(h), grad_logits an Eigen object");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP

// ---- posenc/relative_bias/detail/head_rows.hpp
/// Which rows of a parameter belong to a head: all of them for every head, or a block for each head, stacked.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The rows of a table of `each` rows for a head, which all heads share or of which every head has its own, stacked.
class HeadRows {
 public:
  /// `rule` says in words where `each` comes from. No heads (num_heads = 0: no tokens) fit every whole number of blocks.
  HeadRows(const char* function, const char* parameter, Eigen::Index rows, Eigen::Index each, Eigen::Index num_heads,
           const char* rule)
      : each_(each), stacked_(rows != each) {
    if (rows == each) return;
    const bool whole = each != 0 && rows % each == 0;
    if (whole && (num_heads == 0 || rows / each == num_heads)) return;
    const std::string name = std::string(parameter) + ".rows()";
    if (num_heads <= 1) refuse<std::invalid_argument>(function, name, rows, each, rule);
    refuse<std::invalid_argument>(function, name, rows, each, rule, ", once for all heads or once for each of ",
                                  num_heads);
  }

  Eigen::Index each() const { return each_; }

  /// The rows of one head.
  template <typename Table>
  auto of(Table& table, Eigen::Index head) const {
    return table.middleRows(stacked_ ? head * each_ : 0, each_);
  }

 private:
  Eigen::Index each_;
  bool stacked_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP

// ---- posenc/relative_bias/detail/ordered_sum.hpp
/// A sum whose bits do not depend on where its values lie.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The sum of a row. Eigen sums what it can address from the first aligned value on, so that the order, and with it
/// the rounding, follows the address; what it has to compute it sums from the first value on.
template <typename Row>
typename Row::Scalar ordered_sum(const Row& row) {
  return (row * typename Row::Scalar(1)).sum();
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP

// ---- posenc/relative_bias/decomposed.hpp
/// Decomposed relative positions of vision backbones (MViTv2, SAM): rows and columns separately, by content.
#ifndef POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
#define POSENC_RELATIVE_BIAS_DECOMPOSED_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of decomposed relative positions: Decomposed(rel_h, rel_w, query, key).
/// It holds matrices by reference, and Maps and Blocks by value; a temporary matrix does not compile.
template <typename Rows, typename Columns>
class Decomposed {
 public:
  /// @param rel_h, rel_w  2 max(query side, key side) - 1 rows each, x head_dim, once for all heads or once for each,
  ///                      stacked. Tables of another length are resized first (linearly, half-pixel).
  /// @param query, key    Grids of the queries and of the keys; they may differ (pooled keys).
  template <typename H, typename W>
  Decomposed(H&& rel_h, W&& rel_w, const WindowShape& query, const WindowShape& key)
      : rel_h_(rel_h), rel_w_(rel_w), query_(query), key_(key) {
    detail::check_held<H>();
    detail::check_held<W>();
  }

  const Rows& rel_h() const { return rel_h_; }
  const Columns& rel_w() const { return rel_w_; }
  const WindowShape& query() const { return query_; }
  const WindowShape& key() const { return key_; }

 private:
  detail::Held<Rows> rel_h_;
  detail::Held<Columns> rel_w_;
  WindowShape query_;
  WindowShape key_;
};

template <typename H, typename W, detail::IfMatrix<H, W> = 0>
Decomposed(H&&, W&&, const WindowShape&, const WindowShape&)
    -> Decomposed<detail::HeldToRead<H>, detail::HeldToRead<W>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class Decomposed<detail::Misfit<Arguments...>, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write Decomposed(rel_h, rel_w, query, key): rel_h and rel_w are matrices with a row for each "
                "displacement, query and key WindowShape(height, width)");

 public:
  Decomposed(const Arguments&...) {}
};
template <typename... Arguments>
Decomposed(const Arguments&...) -> Decomposed<detail::Misfit<Arguments...>, void>;

/// What decomposed_logits_backward() adds into: DecomposedGradients(grad_q, grad_rel_h, grad_rel_w).
template <typename GradQuery, typename GradRows, typename GradColumns>
class DecomposedGradients {
 public:
  /// @param grad_q, grad_rel_h, grad_rel_w  Each has the shape of its parameter.
  template <typename Q, typename H, typename W>
  DecomposedGradients(Q&& grad_q, H&& grad_rel_h, W&& grad_rel_w)
      : grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_rel_h_(detail::written(std::forward<H>(grad_rel_h))),
        grad_rel_w_(detail::written(std::forward<W>(grad_rel_w))) {}

  GradQuery& grad_q() { return grad_q_; }
  GradRows& grad_rel_h() { return grad_rel_h_; }
  GradColumns& grad_rel_w() { return grad_rel_w_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradRows> grad_rel_h_;
  detail::Held<GradColumns> grad_rel_w_;
};

template <typename Q, typename H, typename W, detail::IfMatrix<Q, H, W> = 0>
DecomposedGradients(Q&&, H&&, W&&)
    -> DecomposedGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<H>, detail::HeldToWrite<W>>;

namespace detail {

/// The table row for query coordinate q and key coordinate k along one side, tables having 2 max(sides) - 1 rows:
/// int(q max(key/query, 1) - k max(query/key, 1) + (key - 1) max(query/key, 1)), in integers.
inline Eigen::Index decomposed_row(Eigen::Index q, Eigen::Index k, Eigen::Index query_side, Eigen::Index key_side) {
  const Eigen::Index longer = (std::max)(query_side, key_side);
  const Eigen::Index numerator = q * longer * key_side + (key_side - 1 - k) * longer * query_side;
  return numerator / (query_side * key_side);
}

/// The checked sizes of a call.
struct DecomposedSizes {
  Eigen::Index num_heads;
  HeadRows rows;
  HeadRows columns;

  template <typename H, typename W, typename Query>
  DecomposedSizes(const char* function, const Decomposed<H, W>& positions, const Query& q)
      : num_heads(q.rows() / positions.query().tokens()),
        rows(function, "rel_h", positions.rel_h().rows(),
             2 * (std::max)(positions.query().height(), positions.key().height()) - 1, num_heads,
             " (2 max(query.height(), key.height()) - 1)"),
        columns(function, "rel_w", positions.rel_w().rows(),
                2 * (std::max)(positions.query().width(), positions.key().width()) - 1, num_heads,
                " (2 max(query.width(), key.width()) - 1)") {
    const Eigen::Index tokens = positions.query().tokens();
    require(q.rows() > 0 && q.rows() % tokens == 0, function, "q.rows()", q.rows(), "query.tokens() ", tokens,
            " for each head");
    require_data(function, "q", q);
    require_shape(function, "rel_h", positions.rel_h(), positions.rel_h().rows(), q.cols());
    require_shape(function, "rel_w", positions.rel_w(), positions.rel_w().rows(), q.cols());
  }
};

template <typename X, typename Query, typename Rows, typename Columns>
void add_decomposed_head(X&& x, const Query& q, const Rows& rel_h, const Columns& rel_w, const WindowShape& query,
                         const WindowShape& key) {
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height(); ++y) {
      const Eigen::Index row = decomposed_row(t / query.width(), y, query.height(), key.height());
      x.row(t).segment(y * key.width(), key.width()).array() += q.row(t).dot(rel_h.row(row));
    }
    for (Eigen::Index u = 0; u < key.width(); ++u) {
      const Eigen::Index row = decomposed_row(t % query.width(), u, query.width(), key.width());
      const auto score = q.row(t).dot(rel_w.row(row));
      for (Eigen::Index y = 0; y < key.height(); ++y) x.coeffRef(t, y * key.width() + u) += score;
    }
  }
}

template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Query, typename Rows,
          typename Columns>
void add_decomposed_gradients(GradQuery&& grad_q, GradRows&& grad_h, GradColumns&& grad_w, const Grad& grad,
                              const Query& q, const Rows& rel_h, const Columns& rel_w, const WindowShape& query,
                              const WindowShape& key) {
  using Scalar = typename Query::Scalar;
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height(); ++y) {
      const Eigen::Index row = decomposed_row(t / query.width(), y, query.height(), key.height());
      const Scalar sum = ordered_sum(grad.row(t).segment(y * key.width(), key.width()));
      grad_q.row(t) += sum * rel_h.row(row);
      grad_h.row(row) += sum * q.row(t);
    }
    for (Eigen::Index u = 0; u < key.width(); ++u) {
      const Eigen::Index row = decomposed_row(t % query.width(), u, query.width(), key.width());
      Scalar sum = 0;
      for (Eigen::Index y = 0; y < key.height(); ++y) sum += grad.coeff(t, y * key.width() + u);
      grad_q.row(t) += sum * rel_w.row(row);
      grad_w.row(row) += sum * q.row(t);
    }
  }
}

}  // namespace detail

/// Adds decomposed relative positions to the logits of one head or of all heads stacked, in place. With query token
/// t = (h, w) and key token u = (y, x), both numbered row by row, for every head
///
///     logits(t, u) += q[t] . rel_h[row(h, y)] + q[t] . rel_w[row(w, x)]
///
/// @param[in,out] logits  (num_heads query.tokens()) x key.tokens(), head by head. float or double, as the rest.
/// @param positions       Decomposed(rel_h, rel_w, query, key).
/// @param q               (num_heads query.tokens()) x head_dim, not scaled: the logits are already.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     tokens (height + width) head_dim multiply-adds and two additions for each logit; no allocation; no bench
///           case, windows are small.
/// Accuracy: (2 head_dim + 1)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
/// Source:   Li et al. 2021, arXiv:2112.01526 (MViTv2).
/// Matches:  add_decomposed_rel_pos of Segment Anything.
template <typename Logits, typename Rows, typename Columns, typename Query,
          detail::IfScalar<typename Query::Scalar, Query, Logits, Rows, Columns> = 0>
void add_decomposed_logits(Logits&& logits, const Decomposed<Rows, Columns>& positions, const Query& q) {
  const char* const function = "add_decomposed_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const WindowShape& query = positions.query();
  const WindowShape& key = positions.key();
  const detail::DecomposedSizes sizes(function, positions, q);
  detail::require_shape(function, "logits", x, q.rows(), key.tokens());
  detail::require_target(function, "logits", x, q, positions.rel_h(), positions.rel_w());
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h = detail::evaluated(positions.rel_h());
  const auto& rel_w = detail::evaluated(positions.rel_w());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    const Eigen::Index first = head * query.tokens();
    detail::add_decomposed_head(x.middleRows(first, query.tokens()), q_values.middleRows(first, query.tokens()),
                                sizes.rows.of(rel_h, head), sizes.columns.of(rel_w, head), query, key);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_decomposed_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_decomposed_logits(logits, Decomposed(rel_h, rel_w, query, key), q): matrices, and the "
      "grids of queries and keys as WindowShape(height, width)");
}

/// The gradient of add_decomposed_logits(): adds into grad_q, grad_rel_h and grad_rel_w.
/// @param[in,out] gradients  DecomposedGradients(grad_q, grad_rel_h, grad_rel_w).
/// @param grad_logits        (num_heads query.tokens()) x key.tokens().
/// @param positions, q       As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     two times that of add_decomposed_logits(); no allocation; no bench case, windows are small.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Rows, typename Columns,
          typename Query,
          detail::IfScalar<typename Query::Scalar, Query, GradQuery, GradRows, GradColumns, Grad, Rows, Columns> = 0>
void decomposed_logits_backward(DecomposedGradients<GradQuery, GradRows, GradColumns> gradients,
                                const Grad& grad_logits, const Decomposed<Rows, Columns>& positions, const Query& q) {
  const char* const function = "decomposed_logits_backward";
  auto& grad_q = gradients.grad_q();
  auto& grad_h = gradients.grad_rel_h();
  auto& grad_w = gradients.grad_rel_w();
  const WindowShape& query = positions.query();
  const WindowShape& key = positions.key();
  const detail::DecomposedSizes sizes(function, positions, q);
  detail::require_shape(function, "grad_logits", grad_logits, q.rows(), key.tokens());
  detail::require_shape(function, "grad_q", grad_q, q.rows(), q.cols());
  detail::require_shape(function, "grad_rel_h", grad_h, positions.rel_h().rows(), q.cols());
  detail::require_shape(function, "grad_rel_w", grad_w, positions.rel_w().rows(), q.cols());
  detail::require_target(function, "grad_q", grad_q, grad_h, grad_w, grad_logits, q, positions.rel_h(),
                         positions.rel_w());
  detail::require_target(function, "grad_rel_h", grad_h, grad_w, grad_logits, q, positions.rel_h(), positions.rel_w());
  detail::require_target(function, "grad_rel_w", grad_w, grad_logits, q, positions.rel_h(), positions.rel_w());
  const auto& grad_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h = detail::evaluated(positions.rel_h());
  const auto& rel_w = detail::evaluated(positions.rel_w());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    const Eigen::Index first = head * query.tokens();
    detail::add_decomposed_gradients(grad_q.middleRows(first, query.tokens()), sizes.rows.of(grad_h, head),
                                     sizes.columns.of(grad_w, head), grad_values.middleRows(first, query.tokens()),
                                     q_values.middleRows(first, query.tokens()), sizes.rows.of(rel_h, head),
                                     sizes.columns.of(rel_w, head), query, key);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto decomposed_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write decomposed_logits_backward(DecomposedGradients(grad_q, grad_rel_h, grad_rel_w), "
                "grad_logits, Decomposed(rel_h, rel_w, query, key), q)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DECOMPOSED_HPP

// ---- posenc/relative_bias/grid_alibi.hpp
/// ALiBi on a grid of tokens: a penalty that grows with the distance in two dimensions.
#ifndef POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// How the distance of two tokens of a grid is measured.
enum class GridDistance {
  manhattan,  ///< |rows| + |columns|
  euclidean   ///< sqrt(rows^2 + columns^2)
};

namespace detail {

/// Distance of the displacement in column m of WindowTable::values().
inline double grid_distance(const WindowShape& window, Eigen::Index m, GridDistance distance) {
  const double rows = static_cast<double>(m / (2 * window.width() - 1) - (window.height() - 1));
  const double columns = static_cast<double>(m % (2 * window.width() - 1) - (window.width() - 1));
  return distance == GridDistance::manhattan ? std::abs(rows) + std::abs(columns) : std::hypot(rows, columns);
}

}  // namespace detail

/// @overload
/// Returns the bias of ALiBi on a grid: for two tokens -slope[h] times their distance.
/// @tparam Scalar   Of the table: make_alibi_table<float>(...).
/// @param slopes    One for each head: alibi_slopes(num_heads), or trained ones; finite, 0 switches a head off.
/// @param window    The grid.
/// @param distance  How it is measured.
/// @throws std::invalid_argument  a slope that is not finite.
/// Cost:     one product for each head and displacement; no bench case, called once for a grid.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, with the distance in two dimensions.
/// Matches:  get_alibi of fairseq's data2vec 2.0 in two dimensions.
template <typename Scalar, typename Slopes, detail::IfDense<Slopes> = 0>
WindowTable<Scalar> make_alibi_table(const Slopes& slopes, const WindowShape& window, GridDistance distance) {
  detail::require_finite_list("make_alibi_table", "slopes", slopes);
  WindowTable<Scalar> table(slopes.size(), window);
  auto values = table.values();
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = detail::number_at(slopes, head);
    for (Eigen::Index m = 0; m < window.displacements(); ++m) {
      values(head, m) = detail::convert<Scalar>(-slope * detail::grid_distance(window, m, distance));
    }
  }
  return table;
}

/// @overload
/// The gradient on a grid: grad_slopes[h] -= the sum of grad_table times distance.
/// @param[in,out] grad_slopes  num_heads numbers, a row, a column or a matrix.
/// @param grad_table           dL/d(table), as window_bias_backward() sums it.
/// @param distance             As in the forward call.
/// @throws std::invalid_argument  another number of heads; memory that overlaps. Nothing is written then.
/// Cost:     one multiply-add for each head and displacement; no allocation; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
template <typename GradSlopes, typename Scalar, detail::IfDense<GradSlopes> = 0>
void alibi_table_backward(GradSlopes&& grad_slopes, const WindowTable<Scalar>& grad_table, GridDistance distance) {
  const char* const function = "alibi_table_backward";
  auto& grad = detail::written(std::forward<GradSlopes>(grad_slopes));
  const auto values = grad_table.values();
  detail::require_list_size(function, "grad_slopes", grad, grad_table.num_heads());
  detail::require_target(function, "grad_slopes", grad, values);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    double sum = 0;
    for (Eigen::Index m = 0; m < values.cols(); ++m) {
      sum -= static_cast<double>(values(head, m)) * detail::grid_distance(grad_table.window(), m, distance);
    }
    detail::add_to_entry(grad, head, sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP

// ---- posenc/relative_bias/detail/spline.hpp
/// Interpolation between values at uneven places, as lists of weights: straight lines, and a cubic spline.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A place between two knots: (1 - share) of knot `low`, share of knot low + 1.
struct KnotInterval {
  std::size_t low;
  double share;
};

/// Where `place` lies among ascending knots (two or more); outside it is moved to the nearest.
inline KnotInterval find_interval(const std::vector<double>& knots, double place) {
  place = (std::min)((std::max)(place, knots.front()), knots.back());
  const auto above = std::upper_bound(knots.begin() + 1, knots.end() - 1, place);
  const std::size_t low = static_cast<std::size_t>(above - knots.begin()) - 1;
  return {low, (place - knots[low]) / (knots[low + 1] - knots[low])};
}

/// Straight lines through the values at `knots`, read at `places`.
inline Taps lerp_taps(const std::vector<double>& knots, const std::vector<double>& places) {
  Taps taps;
  for (const double place : places) {
    if (knots.size() == 1) {
      taps.add(0, 1.0);
    } else {
      const KnotInterval at = find_interval(knots, place);
      taps.add(static_cast<Eigen::Index>(at.low), 1 - at.share);
      taps.add(static_cast<Eigen::Index>(at.low + 1), at.share);
    }
    taps.end_row();
  }
  return taps;
}

/// The second derivatives of the cubic spline through `values` at `knots` (four or more), whose third derivative does
/// not jump at the second and the last but one ("not-a-knot"). Between knots they are straight lines.
inline std::vector<double> spline_curvatures(const std::vector<double>& knots, const std::vector<double>& values) {
  const std::size_t last = knots.size() - 1;
  const auto width = [&](std::size_t i) { return knots[i + 1] - knots[i]; };
  const auto slope = [&](std::size_t i) { return (values[i + 1] - values[i]) / width(i); };
  // Row i: below m[i - 1] + diagonal m[i] + above m[i + 1] = right; the ends are eliminated from rows 1 and last - 1.
  std::vector<double> diagonal(last), above(last), right(last), m(last + 1);
  const double first_ratio = width(0) / width(1);
  const double last_ratio = width(last - 1) / width(last - 2);
  for (std::size_t i = 1; i < last; ++i) {
    double below = width(i - 1);
    diagonal[i] = 2 * (width(i - 1) + width(i));
    above[i] = width(i);
    right[i] = 6 * (slope(i) - slope(i - 1));
    if (i == 1) {  // m[0] = (1 + ratio) m[1] - ratio m[2]
      diagonal[i] += below * (1 + first_ratio);
      above[i] -= below * first_ratio;
    }
    if (i == last - 1) {  // m[last] = (1 + ratio) m[last - 1] - ratio m[last - 2]
      diagonal[i] += above[i] * (1 + last_ratio);
      below -= above[i] * last_ratio;
    }
    if (i > 1) {
      const double factor = below / diagonal[i - 1];
      diagonal[i] -= factor * above[i - 1];
      right[i] -= factor * right[i - 1];
    }
  }
  m[last - 1] = right[last - 1] / diagonal[last - 1];
  for (std::size_t i = last - 1; i-- > 1;) m[i] = (right[i] - above[i] * m[i + 1]) / diagonal[i];
  m[0] = (1 + first_ratio) * m[1] - first_ratio * m[2];
  m[last] = (1 + last_ratio) * m[last - 1] - last_ratio * m[last - 2];
  return m;
}

/// That spline, read at `places`: every value has a weight, which is the spline through 1 there and 0 elsewhere.
inline Taps spline_taps(const std::vector<double>& knots, const std::vector<double>& places) {
  std::vector<std::vector<double>> curvatures;
  for (std::size_t i = 0; i < knots.size(); ++i) {
    std::vector<double> one(knots.size(), 0.0);
    one[i] = 1;
    curvatures.push_back(spline_curvatures(knots, one));
  }
  Taps taps;
  for (const double place : places) {
    const auto [low, share] = find_interval(knots, place);
    const double width = knots[low + 1] - knots[low];
    const double left = 1 - share;
    for (std::size_t i = 0; i < knots.size(); ++i) {
      const double line = (i == low ? left : 0.0) + (i == low + 1 ? share : 0.0);
      const double bend =
          (left * left * left - left) * curvatures[i][low] + (share * share * share - share) * curvatures[i][low + 1];
      taps.add(static_cast<Eigen::Index>(i), line + bend * width * width / 6);
    }
    taps.end_row();
  }
  return taps;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP

// ---- posenc/relative_bias/detail/geometric_distances.hpp
/// The distances at which the trained biases of a window's axis are taken to lie in another window.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where the 2 from - 1 distances of an axis of `from` tokens lie among the distances of one of `to` tokens: 0, +-1,
/// +-(1 + q), +-(1 + q + q^2), ..., so that the last one comes to to - 1, with 1.01 < q < 1.5.
///
/// q is found by the bisection that checkpoints were made with, and is its last midpoint, to the last bit.
inline std::vector<double> geometric_distances(Eigen::Index from, Eigen::Index to) {
  const double steps = static_cast<double>(from - 1);
  double left = 1.01;
  double right = 1.5;
  double q = left;
  while (right - left > 1e-6) {
    q = (left + right) / 2;
    if ((1 - std::pow(q, steps)) / (1 - q) > static_cast<double>(to - 1)) {
      right = q;
    } else {
      left = q;
    }
  }
  std::vector<double> at(static_cast<std::size_t>(2 * from - 1), 0.0);
  const std::size_t center = static_cast<std::size_t>(from - 1);
  double distance = 1;
  for (std::size_t i = 1; i <= center; ++i) {
    at[center + i] = distance;
    at[center - i] = -distance;
    distance += std::pow(q, static_cast<double>(i));
  }
  return at;
}

/// The distances -(side - 1), ..., side - 1.
inline std::vector<double> whole_distances(Eigen::Index side) {
  std::vector<double> at;
  for (Eigen::Index d = 1 - side; d < side; ++d) at.push_back(static_cast<double>(d));
  return at;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP

// ---- posenc/relative_bias/resize_window.hpp
/// Resizes the bias table of a window to another window.
#ifndef POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// How the biases between the trained displacements are formed.
enum class WindowFilter {
  /// As an image of (2 height - 1) x (2 width - 1) pixels, with the cubic kernel of Keys, a = -0.75: half-pixel
  /// centers, the border repeated. Swin.
  bicubic,
  /// Near distances keep their bias and far ones spread: the trained distances 0, 1, 2, 3, ... are taken to have been at
  /// 0, 1, 1 + q, 1 + q + q^2, ... (1.01 < q < 1.5), with q such that the last one comes nearest the end of the new
  /// window, along each axis, and a cubic spline through them (not-a-knot) is read at the new whole distances; past the
  /// last one its value stays. An axis that keeps its length is copied. BEiT.
  geometric,
  /// The same with straight lines in place of the spline. timm.
  geometric_linear
};

/// The rule that brings the bias table of a window to another window. Neither need be square.
class WindowResize {
 public:
  /// @param from, to  The window of the table that is read, and that of the result.
  /// @param filter    How the biases in between are formed; frameworks differ.
  /// @throws std::invalid_argument  WindowFilter::geometric with an axis that changes from fewer than 3 tokens: a spline
  ///                                needs four distances.
  explicit WindowResize(const WindowShape& from, const WindowShape& to, WindowFilter filter)
      : from_(from), to_(to), filter_(filter) {
    if (filter != WindowFilter::geometric) return;
    const char* const rule = "at least 3 where it changes (or use WindowFilter::geometric_linear)";
    detail::require(from.height() == to.height() || from.height() >= 3, "WindowResize", "from.height()", from.height(),
                    rule);
    detail::require(from.width() == to.width() || from.width() >= 3, "WindowResize", "from.width()", from.width(),
                    rule);
  }

  /// @overload
  /// Says what is missing or out of order.
  template <typename... Arguments>
  explicit WindowResize(const Arguments&...) : from_(1, 1), to_(1, 1), filter_(WindowFilter::bicubic) {
    static_assert(detail::kMisuse<Arguments...>,
                  "posenc: write WindowResize(from, to, filter): two WindowShape(height, width), and "
                  "WindowFilter::bicubic, geometric or geometric_linear");
  }

  /// The same rule for tables with a class token: their last three rows are copied.
  WindowResize with(ClassToken class_token) const {
    WindowResize rule = *this;
    rule.class_token_ = class_token;
    return rule;
  }

  const WindowShape& from() const { return from_; }
  const WindowShape& to() const { return to_; }
  WindowFilter filter() const { return filter_; }
  ClassToken class_token() const { return class_token_; }

 private:
  WindowShape from_;
  WindowShape to_;
  WindowFilter filter_;
  ClassToken class_token_ = ClassToken::none;
};

namespace detail {

/// How an axis of `from` tokens becomes one of `to` tokens, by its distances.
inline Taps window_axis_taps(Eigen::Index from, Eigen::Index to, WindowFilter filter) {
  if (from == to) return identity_taps(2 * from - 1);
  if (filter == WindowFilter::bicubic) return cubic_taps(2 * from - 1, 2 * to - 1);
  const std::vector<double> places = geometric_distances(from, to);
  return filter == WindowFilter::geometric ? spline_taps(places, whole_distances(to))
                                           : lerp_taps(places, whole_distances(to));
}

template <typename To, typename From>
void require_window_resize(const char* function, const char* to_name, const To& to_weights, const WindowShape& to,
                           const char* from_name, const From& from_weights, const WindowShape& from,
                           ClassToken class_token) {
  const Eigen::Index extra = class_token == ClassToken::first ? 3 : 0;
  require_shape(function, from_name, from_weights, from.displacements() + extra, from_weights.cols());
  require_shape(function, to_name, to_weights, to.displacements() + extra, from_weights.cols());
  require_target(function, to_name, to_weights, from_weights);
}

/// What is between the two axes is held in double, so that the result is rounded once.
template <typename Scalar>
using ResizeScratch = Eigen::Matrix<std::conditional_t<is_storage<Scalar>, double, Scalar>, Eigen::Dynamic,
                                    Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace detail

/// Resizes the bias table of a window by a rule: resize(out, table, WindowResize(from, to, WindowFilter::bicubic)).
///
/// @param[out] out  rule.to().displacements() x num_heads, and three more rows with a class token: the layout of
///                  checkpoints, which make_window_table() reads. Any writable Eigen expression.
/// @param table     rule.from().displacements() x num_heads, likewise.
/// @param rule      WindowResize(from, to, filter), .with(ClassToken::first) for BEiT.
/// @throws std::invalid_argument  other shapes; memory that overlaps. `out` is then unchanged.
/// Cost:     8 (bicubic) to 2 (2 side - 1) (geometric) multiply-adds for each value, an image in double between the
///           axes, and lists of weights; no bench case, called once for a checkpoint.
/// Accuracy: formed in double and rounded once: 4e-13 of the largest value against SciPy; a window that stays is copied
///           bit for bit [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (bicubic); Bao et al. 2021, arXiv:2106.08254 (geometric: the rule is in
///           BEiT's fine-tuning script).
/// Matches:  bicubic: load_pretrained of Swin-Transformer, F.interpolate(mode="bicubic") of PyTorch. geometric:
///           load_checkpoint of BEiT (scipy.interpolate.interp2d, kind="cubic"). geometric_linear:
///           resize_rel_pos_bias_table of timm where both axes change.
template <typename Out, typename Table, detail::IfDense<Out, Table> = 0>
void resize(Out&& out, const Table& table, const WindowResize& rule) {
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_window_resize("resize", "out", target, rule.to(), "table", table, rule.from(), rule.class_token());
  const auto& weights = detail::evaluated(table);
  const detail::Taps rows = detail::window_axis_taps(rule.from().height(), rule.to().height(), rule.filter());
  const detail::Taps columns = detail::window_axis_taps(rule.from().width(), rule.to().width(), rule.filter());
  const Eigen::Index from_rows = 2 * rule.from().height() - 1;
  const Eigen::Index to_width = 2 * rule.to().width() - 1;
  detail::ResizeScratch<Scalar> half(from_rows * to_width, weights.cols());
  detail::apply_taps<false>(
      half, weights, detail::grid_taps(detail::identity_taps(from_rows), columns, 2 * rule.from().width() - 1, 0));
  auto grid = target.topRows(rule.to().displacements());
  detail::apply_taps<false>(grid, half, detail::grid_taps(rows, detail::identity_taps(to_width), to_width, 0));
  Eigen::Index from_row = rule.from().displacements();
  for (Eigen::Index row = rule.to().displacements(); row < target.rows(); ++row, ++from_row) {
    for (Eigen::Index head = 0; head < target.cols(); ++head) {
      target.coeffRef(row, head) = detail::convert<Scalar>(weights.coeff(from_row, head));
    }
  }
}

/// The adjoint of resize() of a window table: adds into grad_table.
/// @param[in,out] grad_table  Has the shape of `table`.
/// @param grad_out            Has the shape of `out`.
/// @param rule                As in the forward call.
/// @throws std::invalid_argument  other shapes; memory that overlaps. Nothing is written then.
/// Cost:     as resize(); no bench case.
/// Accuracy: adjoint to resize() to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradTable, typename GradOut, detail::IfDense<GradTable, GradOut> = 0>
void resize_backward(GradTable&& grad_table, const GradOut& grad_out, const WindowResize& rule) {
  auto& grad = detail::written(std::forward<GradTable>(grad_table));
  using Scalar = typename std::decay_t<decltype(grad)>::Scalar;
  detail::require_window_resize("resize_backward", "grad_table", grad, rule.from(), "grad_out", grad_out, rule.to(),
                                rule.class_token());
  const auto& grad_values = detail::evaluated(grad_out);
  const detail::Taps rows = detail::window_axis_taps(rule.from().height(), rule.to().height(), rule.filter());
  const detail::Taps columns = detail::window_axis_taps(rule.from().width(), rule.to().width(), rule.filter());
  const Eigen::Index from_rows = 2 * rule.from().height() - 1;
  const Eigen::Index from_width = 2 * rule.from().width() - 1;
  const Eigen::Index to_width = 2 * rule.to().width() - 1;
  detail::ResizeScratch<Scalar> half(from_rows * to_width, grad_values.cols());
  detail::apply_taps<false>(
      half, grad_values,
      detail::grid_taps(detail::transposed(rows, from_rows), detail::identity_taps(to_width), to_width, 0));
  auto grid = grad.topRows(rule.from().displacements());
  detail::apply_taps<true>(
      grid, half,
      detail::grid_taps(detail::identity_taps(from_rows), detail::transposed(columns, from_width), to_width, 0));
  using Number = detail::ArithmeticScalar<Scalar, typename GradOut::Scalar>;
  Eigen::Index from_row = rule.to().displacements();
  for (Eigen::Index row = rule.from().displacements(); row < grad.rows(); ++row, ++from_row) {
    for (Eigen::Index head = 0; head < grad.cols(); ++head) {
      Scalar& target = grad.coeffRef(row, head);
      target = detail::convert<Scalar>(
          Number(detail::convert<Number>(target) + detail::convert<Number>(grad_values.coeff(from_row, head))));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP

// ---- posenc/relative_bias/swin_v2.hpp
/// Swin v2: the bias of a window from a small network of log-spaced displacements.
#ifndef POSENC_RELATIVE_BIAS_SWIN_V2_HPP
#define POSENC_RELATIVE_BIAS_SWIN_V2_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Displacements query - key in log space, displacements x 2, in the order of WindowTable::values().
template <typename Scalar>
MlpMatrix<Scalar> swin_v2_inputs(const WindowShape& window, const WindowShape& trained) {
  const auto coordinate = [](Eigen::Index key_minus_query, Eigen::Index trained_side) {
    if (key_minus_query == 0) return Scalar(0);  // and so for a side of 1, where the original divides 0 by 0
    const double x = -8 * static_cast<double>(key_minus_query) / static_cast<double>(trained_side - 1);
    return static_cast<Scalar>(std::copysign(std::log2(std::abs(x) + 1) / 3, x));
  };
  MlpMatrix<Scalar> inputs(window.displacements(), 2);
  for (Eigen::Index m = 0; m < inputs.rows(); ++m) {
    inputs(m, 0) = coordinate(m / (2 * window.width() - 1) - (window.height() - 1), trained.height());
    inputs(m, 1) = coordinate(m % (2 * window.width() - 1) - (window.width() - 1), trained.width());
  }
  return inputs;
}

template <typename Scalar>
void require_swin_v2(const char* function, const BiasMlp<Scalar>& mlp, const std::optional<WindowShape>& pretrained) {
  require_mlp(function, mlp, 2);
  if (!pretrained) return;
  require(pretrained->height() > 1, function, "pretrained.height()", pretrained->height(), "> 1");
  require(pretrained->width() > 1, function, "pretrained.width()", pretrained->width(), "> 1");
}

/// Constraint of template parameters: a WindowShape, std::nullopt, or an optional that holds either.
template <typename T>
using IfMaybeWindow = std::enable_if_t<std::is_convertible_v<T, std::optional<WindowShape>>, int>;

}  // namespace detail

/// Returns the continuous bias of Swin v2 by displacement: 16 sigmoid(mlp(x)), x = sign(y) log2(1 + |y|) / log2(8),
/// y = 8 (query - key) / reach in rows and in columns.
///
/// @param mlp         2 inputs, one output for each head; `cpb_mlp`: 2 -> 512 -> ReLU -> heads, no last bias.
/// @param window      The window to serve.
/// @param pretrained  The window of pretraining, `pretrained_window_size`: reach is its side - 1. std::nullopt where the
///                    config has 0: reach is that of `window`.
/// @throws std::invalid_argument  layers that do not fit together, a side of pretraining that is not > 1.
/// Cost:     window.displacements() evaluations of the network; no bench case, called once for a window.
/// Accuracy: 60 ulp of 16 in double, for a network of seven hidden units [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2111.09883.
/// Matches:  WindowAttention of Swin-Transformer v2 and timm.
template <typename Scalar, typename Pretrained, detail::IfMaybeWindow<Pretrained> = 0>
WindowTable<Scalar> make_swin_v2_table(const BiasMlp<Scalar>& mlp, const WindowShape& window,
                                       const Pretrained& pretrained) {
  const std::optional<WindowShape> trained = pretrained;
  detail::require_swin_v2("make_swin_v2_table", mlp, trained);
  WindowTable<Scalar> table(mlp.outputs(), window);
  const auto inputs = detail::swin_v2_inputs<Scalar>(window, trained.value_or(window));
  const auto outputs = detail::mlp_forward(mlp, inputs).back();
  table.values() = (Scalar(16) / (Scalar(1) + (-outputs.transpose().array()).exp()));
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_swin_v2_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_swin_v2_table(mlp, window, pretrained): mlp is a BiasMlp, window a "
                "WindowShape(height, width), pretrained the window of pretraining or std::nullopt");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_swin_v2_table(): adds into grad_mlp.
/// @param[in,out] grad_mlp  Has the shape of mlp: mlp.zeros(), or the sum so far.
/// @param grad_table        dL/d(table), as window_bias_backward() sums it.
/// @param mlp, pretrained   As in the forward call.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together, or a grad_mlp that is `mlp`
///                                itself; nothing is written then.
/// Cost:     as make_swin_v2_table(), about three times; allocates its activations; no bench case.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar, typename Pretrained, detail::IfMaybeWindow<Pretrained> = 0>
void swin_v2_table_backward(BiasMlp<Scalar>& grad_mlp, const WindowTable<Scalar>& grad_table,
                            const BiasMlp<Scalar>& mlp, const Pretrained& pretrained) {
  const char* const function = "swin_v2_table_backward";
  const std::optional<WindowShape> trained = pretrained;
  detail::require_swin_v2(function, mlp, trained);
  detail::require_mlp_gradient(function, "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), function, "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const WindowShape& window = grad_table.window();
  const auto inputs = detail::swin_v2_inputs<Scalar>(window, trained.value_or(window));
  const auto values = detail::mlp_forward(mlp, inputs);
  const detail::MlpMatrix<Scalar> gate = (Scalar(1) / (Scalar(1) + (-values.back().array()).exp())).matrix();
  const detail::MlpMatrix<Scalar> grad_out =
      (grad_table.values().transpose() * Scalar(16) * gate.array() * (Scalar(1) - gate.array())).matrix();
  detail::add_mlp_gradient(grad_mlp, mlp, inputs, values, grad_out);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto swin_v2_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write swin_v2_table_backward(grad_mlp, grad_table, mlp, pretrained): grad_mlp is mlp.zeros() "
                "or the sum so far, pretrained that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SWIN_V2_HPP

// ---- posenc/relative_bias/content_attention.hpp
/// ContentAttention: what every scheme that reads queries or keys is given of the attention around it.
#ifndef POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP
#define POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The attention that a scheme adds its logits to: ContentAttention(q, k, scale, span), of one head or of all heads
/// stacked. Every scheme is given all four, whether it reads them or not.
///
///     q       head 0: L_q rows          logits   head 0: L_q rows x L_k
///             head 1: L_q rows                   head 1: L_q rows x L_k
///             ...                                ...
///
/// It holds matrices by reference, and Maps, Blocks and other expressions by value; a temporary matrix does not compile.
/// No numbers are copied.
template <typename Query, typename Key>
class ContentAttention {
 public:
  /// @param q      (num_heads L_q) x head_dim, head by head; L_q x head_dim for one head. float or double.
  /// @param k      (num_heads L_k) x head_dim, likewise.
  /// @param scale  The factor of q k^T in the logits, usually 1 / sqrt(head_dim): floating-point, finite and > 0.
  /// @param span   Which queries meet which keys.
  /// @throws std::invalid_argument  shapes that do not fit together, or a scale that is not finite and > 0.
  template <typename Q, typename K, typename Scale>
  ContentAttention(Q&& q, K&& k, Scale scale, const AttentionSpan& span)
      : q_(q), k_(k), scale_(static_cast<double>(scale)), span_(span) {
    detail::check_held<Q>();
    detail::check_held<K>();
    const char* const function = "ContentAttention";
    detail::require(detail::is_finite(scale_) && scale_ > 0, function, "scale", scale_, "finite and > 0");
    num_heads_ = span.query_len() > 0 ? q.rows() / span.query_len()
                 : span.key_len() > 0 ? k.rows() / span.key_len()
                                      : 0;
    const bool whole = span.query_len() == 0 ? q.rows() == 0 : q.rows() > 0 && q.rows() % span.query_len() == 0;
    detail::require(whole, function, "q.rows()", q.rows(), "span.query_len() ", span.query_len(), " for each head");
    // The product has 64 bits, because it may exceed 32.
    detail::require(k.rows() == std::int64_t(num_heads_) * span.key_len(), function, "k.rows()", k.rows(),
                    "span.key_len() ", span.key_len(), " for each of the ", num_heads_, " heads of q");
    detail::require(k.cols() == q.cols(), function, "k.cols()", k.cols(), "q.cols() ", q.cols());
    detail::require_data(function, "q", q);
    detail::require_data(function, "k", k);
  }

  const Query& q() const { return q_; }
  const Key& k() const { return k_; }
  double scale() const { return scale_; }
  const AttentionSpan& span() const { return span_; }
  /// Heads that are stacked; 0 where there are neither queries nor keys to count them by.
  Eigen::Index num_heads() const { return num_heads_; }
  Eigen::Index head_dim() const { return q_.cols(); }

 private:
  detail::Held<Query> q_;
  detail::Held<Key> k_;
  double scale_;
  AttentionSpan span_;
  Eigen::Index num_heads_ = 0;
};

template <typename Q, typename K, typename Scale, detail::IfMatrix<Q, K> = 0,
          std::enable_if_t<std::is_floating_point_v<Scale>, int> = 0>
ContentAttention(Q&&, K&&, Scale, const AttentionSpan&)
    -> ContentAttention<detail::HeldToRead<Q>, detail::HeldToRead<K>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ContentAttention<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write ContentAttention(q, k, scale, span): q and k are matrices, scale is a floating-point "
      "number such as 1 / std::sqrt(head_dim), span is AttentionSpan::square(len), cached(query_len, key_len) "
      "or at(queries, key_len)");

 public:
  ContentAttention(const Arguments&...) {}
};
template <typename... Arguments>
ContentAttention(const Arguments&...) -> ContentAttention<detail::Misfit<Arguments...>, void>;

namespace detail {

/// The shape of logits that `attention` has.
template <typename Logits, typename Query, typename Key>
void require_logits(const char* function, const char* parameter, const Logits& logits,
                    const ContentAttention<Query, Key>& attention) {
  require_stacked_logits(function, parameter, logits, attention.num_heads(), attention.span());
}

/// The rows of head `head` in a matrix of `len` rows for each head.
template <typename X>
auto head_rows(X& x, Eigen::Index head, Eigen::Index len) {
  return x.middleRows(head * len, len);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP

// ---- posenc/relative_bias/workspace.hpp
/// Workspace: scratch memory that the caller keeps, so that repeated calls allocate nothing.
#ifndef POSENC_RELATIVE_BIAS_WORKSPACE_HPP
#define POSENC_RELATIVE_BIAS_WORKSPACE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Scratch memory of the biases by content. It grows in the first call and is reused afterwards; one for each thread.
/// Its contents mean nothing between calls.
/// @tparam Scalar  That of the logits: float or double.
template <typename Scalar>
class Workspace {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A rows x columns matrix of the scratch memory, contents undefined. It invalidates what was handed out before.
  /// @throws std::invalid_argument  a size < 0.
  /// @throws std::length_error      a matrix that does not fit into memory's index type.
  /// @throws std::bad_alloc         no memory to grow.
  Eigen::Map<Matrix> matrix(Eigen::Index rows, Eigen::Index columns) {
    const char* const function = "Workspace::matrix";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require(columns >= 0, function, "columns", columns, ">= 0");
    detail::require_size(function, "rows", rows, columns, sizeof(Scalar));
    if (storage_.size() < rows * columns) storage_.resize(rows * columns);
    return Eigen::Map<Matrix>(storage_.data(), rows, columns);
  }

 private:
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> storage_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WORKSPACE_HPP

// ---- posenc/relative_bias/detail/product.hpp
/// Matrix products that do not touch the heap: Eigen's packing buffers stay on the stack when the blocks are small.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Queries that the schemes by content work on at a time: their scratch memory has this many rows, or two times as many.
inline constexpr Eigen::Index kQueryBlock = 32;

inline constexpr Eigen::Index kProductRows = 32;
inline constexpr Eigen::Index kProductColumns = 64;
inline constexpr Eigen::Index kProductDepth = 256;

/// out += scale * a * b.
template <typename Out, typename A, typename B, typename Scalar>
void add_product(Out&& out, const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b, Scalar scale) {
  using Eigen::Index;
  for (Index k = 0; k < a.cols(); k += kProductDepth) {
    const Index depth = (std::min)(kProductDepth, a.cols() - k);
    for (Index i = 0; i < a.rows(); i += kProductRows) {
      const Index rows = (std::min)(kProductRows, a.rows() - i);
      for (Index j = 0; j < b.cols(); j += kProductColumns) {
        const Index columns = (std::min)(kProductColumns, b.cols() - j);
        auto target = out.block(i, j, rows, columns);
        const auto left = a.block(i, k, rows, depth);
        const auto right = b.block(k, j, depth, columns);
        if (rows == 1) {  // Eigen's product of a scaled row copies the row to the heap
          target.noalias() += scale * left.lazyProduct(right);
        } else {
          target.noalias() += scale * (left * right);
        }
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

// ---- posenc/relative_bias/detail/cope_positions.hpp
/// The counted positions of CoPE for one head, their logits and gradients, in blocks of queries.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
Scalar sigmoid(Scalar x) {
  return Scalar(1) / (Scalar(1) + std::exp(-x));
}

/// Where a counted position falls between two rows of the table. NaN takes the last row and keeps a NaN weight.
template <typename Scalar>
struct CopePosition {
  Eigen::Index below;
  Eigen::Index above;
  Scalar weight;  // of `above`

  CopePosition(Scalar counted, Eigen::Index rows) {
    if (counted < static_cast<Scalar>(rows - 1)) {
      below = static_cast<Eigen::Index>(std::floor(counted));
      above = static_cast<Eigen::Index>(std::ceil(counted));
      weight = counted - static_cast<Scalar>(below);
    } else {
      below = above = rows - 1;
      weight = counted * Scalar(0);
    }
  }
};

template <typename X, typename Query, typename Table, typename Scalar>
void add_cope_head(X&& x, const Query& q, const Table& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(kQueryBlock, table.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    add_product(scores, q.middleRows(block, rows), table.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      Scalar counted = 0;
      for (Eigen::Index j = span.visible_keys(block + i) - 1; j >= 0; --j) {
        Scalar& logit = x.coeffRef(block + i, j);
        counted += sigmoid(logit);
        const CopePosition<Scalar> at(counted, table.rows());
        logit += scores(i, at.below) + at.weight * (scores(i, at.above) - scores(i, at.below));
      }
    }
  }
}

/// Adds into grad_q and grad_table, and changes grad_logits to the gradient of the logits before the forward call.
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Query, typename Table,
          typename Scalar>
void add_cope_gradients(GradLogits&& grad_logits, GradQuery&& grad_q, GradTable&& grad_table, const Logits& logits,
                        const Query& q, const Table& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(2 * kQueryBlock + 1, (std::max)(table.rows(), span.key_len()));
  auto grad_positions = scratch.bottomRows(1);
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    auto scores = scratch.topLeftCorner(rows, table.rows());
    auto sums = scratch.block(kQueryBlock, 0, rows, table.rows());
    scores.setZero();
    sums.setZero();
    add_product(scores, q.middleRows(block, rows), table.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      const Eigen::Index visible = span.visible_keys(block + i);
      Scalar counted = 0;
      for (Eigen::Index j = visible - 1; j >= 0; --j) {
        counted += sigmoid(logits.coeff(block + i, j));
        const CopePosition<Scalar> at(counted, table.rows());
        const Scalar g = grad_logits.coeff(block + i, j);
        sums(i, at.below) += (Scalar(1) - at.weight) * g;
        sums(i, at.above) += at.weight * g;
        grad_positions(0, j) = g * (scores(i, at.above) - scores(i, at.below));
      }
      // Gate t counts in every position j <= t, so its gradient is the sum of the positions' gradients up to t.
      Scalar sum = 0;
      for (Eigen::Index t = 0; t < visible; ++t) {
        const Scalar gate = sigmoid(logits.coeff(block + i, t));
        sum += grad_positions(0, t);
        grad_logits.coeffRef(block + i, t) += gate * (Scalar(1) - gate) * sum;
      }
    }
    add_product(grad_q.middleRows(block, rows), sums, table, Scalar(1));
    add_product(grad_table, sums.transpose(), q.middleRows(block, rows), Scalar(1));
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP

// ---- posenc/relative_bias/cope.hpp
/// CoPE: positions counted by content.
#ifndef POSENC_RELATIVE_BIAS_COPE_HPP
#define POSENC_RELATIVE_BIAS_COPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of CoPE: Cope(table, num_positions).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class Cope {
 public:
  /// @param table          num_positions x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param num_positions  `npos_max`, > 0: counts beyond the last row take it.
  /// @throws std::invalid_argument  num_positions is not > 0.
  template <typename T>
  Cope(T&& table, Eigen::Index num_positions) : table_(table), num_positions_(num_positions) {
    detail::check_held<T>();
    detail::require(num_positions > 0, "Cope", "num_positions", num_positions, "> 0");
  }

  const Table& table() const { return table_; }
  Eigen::Index num_positions() const { return num_positions_; }

 private:
  detail::Held<Table> table_;
  Eigen::Index num_positions_;
};

template <typename T, typename Count, detail::IfMatrix<T> = 0, std::enable_if_t<std::is_integral_v<Count>, int> = 0>
Cope(T&&, Count) -> Cope<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class Cope<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write Cope(table, num_positions): table is a num_positions x head_dim matrix");

 public:
  Cope(const Arguments&...) {}
};
template <typename... Arguments>
Cope(const Arguments&...) -> Cope<detail::Misfit<Arguments...>>;

/// What cope_logits_backward() works on: CopeGradients(grad_logits, grad_q, grad_table), each of the shape of its
/// parameter. It adds into grad_q and grad_table, and overwrites grad_logits.
template <typename GradLogits, typename GradQuery, typename GradTable>
class CopeGradients {
 public:
  template <typename X, typename Q, typename T>
  CopeGradients(X&& grad_logits, Q&& grad_q, T&& grad_table)
      : grad_logits_(detail::written(std::forward<X>(grad_logits))),
        grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradLogits& grad_logits() { return grad_logits_; }
  GradQuery& grad_q() { return grad_q_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  detail::Held<GradLogits> grad_logits_;
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradTable> grad_table_;
};

template <typename X, typename Q, typename T, detail::IfMatrix<X, Q, T> = 0>
CopeGradients(X&&, Q&&, T&&) -> CopeGradients<detail::HeldToWrite<X>, detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

namespace detail {

/// The rows of CoPE's table that each head has.
template <typename Table, typename Query, typename Key>
HeadRows require_cope(const char* function, const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention) {
  const HeadRows rows(function, "table", scheme.table().rows(), scheme.num_positions(), attention.num_heads(),
                      " (num_positions)");
  require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  return rows;
}

}  // namespace detail

/// Adds contextual positions to the logits of one head or of all heads stacked, in place, for the keys that a query sees
/// in causal attention. For every head
///
///     p(i, j) = min(sum over t = j ... query of sigmoid(logits(i, t)), num_positions - 1)
///     logits(i, j) += q[i] . table[p]        rows of the table interpolated linearly
///
/// With all gates open p = distance + 1: the key itself counts. As published, this term is not multiplied by the scale.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head, before softmax; keys after the query are left as they
///                        are. float or double, as the rest.
/// @param scheme          Cope(table, num_positions).
/// @param attention       ContentAttention(q, k, scale, span); k and scale are not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     for a head a product L_q x head_dim x num_positions and one sigmoid for each visible logit. Extra memory
///           32 x num_positions. No bench case yet.
/// Accuracy: 2 head_dim L_k^2 ulp of 1, for entries below 1 [accuracy][relative_bias].
/// Source:   Golovneva et al. 2024, arXiv:2405.18719.
/// Matches:  CoPE of x-transformers.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_cope_logits(Logits&& logits, const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_cope_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  detail::require_logits(function, "logits", x, attention);
  const auto rows = detail::require_cope(function, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), scheme.table());
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_cope_head(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                          rows.of(table, head), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_cope_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_cope_logits(logits, Cope(table, num_positions), ContentAttention(q, k, scale, span), "
      "workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_cope_logits(): adds into grad_q and grad_table, and changes grad_logits from dL/d(logits with CoPE)
/// to dL/d(logits without) in place, because the gates depend on the logits too.
///
/// @param[in,out] gradients             CopeGradients(grad_logits, grad_q, grad_table); grad_logits is read as well.
/// @param logits                        (num_heads L_q) x L_k, as they were before add_cope_logits().
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_cope_logits(), with three products and two sigmoids. No bench case yet.
/// Accuracy: within the error of central differences in the logits; adjoint in q and table to 1e-12 of the sum of the
///           terms' sizes in double, 4 eps in float [relative_bias][properties].
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Table, typename Query,
          typename Key, typename Scalar,
          detail::IfScalar<Scalar, GradLogits, GradQuery, GradTable, Logits, Table, Query, Key> = 0>
void cope_logits_backward(CopeGradients<GradLogits, GradQuery, GradTable> gradients, const Logits& logits,
                          const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention,
                          Workspace<Scalar>& workspace) {
  const char* const function = "cope_logits_backward";
  const AttentionSpan& span = attention.span();
  auto& grad_logits = gradients.grad_logits();
  auto& grad_q = gradients.grad_q();
  auto& grad_table = gradients.grad_table();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  detail::require_logits(function, "logits", logits, attention);
  const auto rows = detail::require_cope(function, scheme, attention);
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_table", grad_table, scheme.table().rows(), attention.head_dim());
  detail::require_target(function, "grad_logits", grad_logits, grad_q, grad_table, logits, attention.q(),
                         scheme.table());
  detail::require_target(function, "grad_q", grad_q, grad_table, logits, attention.q(), scheme.table());
  detail::require_target(function, "grad_table", grad_table, logits, attention.q(), scheme.table());
  const auto& logits_values = detail::evaluated(logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_cope_gradients(detail::head_rows(grad_logits, head, span.query_len()),
                               detail::head_rows(grad_q, head, span.query_len()), rows.of(grad_table, head),
                               detail::head_rows(logits_values, head, span.query_len()),
                               detail::head_rows(q, head, span.query_len()), rows.of(table, head), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto cope_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write cope_logits_backward(CopeGradients(grad_logits, grad_q, grad_table), logits, Cope(table, "
      "num_positions), ContentAttention(q, k, scale, span), workspace): logits as before the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_COPE_HPP

// ---- posenc/relative_bias/forgetting.hpp
/// Forgetting attention (data-dependent ALiBi): every token decides how much of the past it forgets.
#ifndef POSENC_RELATIVE_BIAS_FORGETTING_HPP
#define POSENC_RELATIVE_BIAS_FORGETTING_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The running sums of forgetting attention, or their gradients: tokens x num_heads.
template <typename Scalar>
using ForgettingSums = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// Returns the running sums F(t, h) = before[h] + sum over l <= t of ln sigmoid(gates(l, h)), tokens x num_heads.
/// @param gates   Forget logits w[h] . x[t] + b[h], tokens x num_heads: a row for each token, a column for each head.
/// @param before  F of the last cached token, num_heads numbers, to go on from: sums.row(last). Its gradient is the sum of
///                all grad_sums of a head.
/// @throws std::invalid_argument  another number of heads.
/// Cost:     one exponential and one logarithm for each token and head; no bench case, the logits dominate.
/// Accuracy: summed in double and rounded once to the gates' scalar: half an ulp of F, which grows with the length
///           (float, F = -70,000: 4e-3). Give the gates in double where sequences are long [accuracy][relative_bias].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
template <typename Gates, typename Before, detail::IfDense<Gates, Before> = 0>
ForgettingSums<typename Gates::Scalar> forgetting_sums(const Gates& gates, const Before& before) {
  using Scalar = typename Gates::Scalar;
  detail::require(before.size() == gates.cols(), "forgetting_sums", "before.size()", before.size(), "gates.cols() ",
                  gates.cols(), ", one for each head");
  const auto& gates_values = detail::evaluated(gates);
  ForgettingSums<Scalar> sums(gates.rows(), gates.cols());
  for (Eigen::Index head = 0; head < sums.cols(); ++head) {
    double sum = detail::number_at(before, head);
    for (Eigen::Index t = 0; t < sums.rows(); ++t) {
      const double gate = static_cast<double>(gates_values.coeff(t, head));
      sum += gate < 0 ? gate - std::log1p(std::exp(gate)) : -std::log1p(std::exp(-gate));
      sums(t, head) = detail::convert<Scalar>(sum);
    }
  }
  return sums;
}

/// @overload
/// From the first token on: before is 0.
template <typename Gates, detail::IfDense<Gates> = 0>
ForgettingSums<typename Gates::Scalar> forgetting_sums(const Gates& gates) {
  return forgetting_sums(gates, Eigen::ArrayXd::Zero(gates.cols()));
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_sums(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write forgetting_sums(gates), or (gates, before): gates is tokens x num_heads, before the row of "
      "sums of the last cached token, sums.row(last)");
  return detail::Misfit<Arguments...>();
}

/// The gradient of forgetting_sums(): grad_gates(t, h) += sigmoid(-gates(t, h)) times the sum of grad_sums(l, h) over
/// l >= t.
/// @param[in,out] grad_gates  tokens x num_heads.
/// @param grad_sums           tokens x num_heads.
/// @param gates               As in the forward call.
/// @throws std::invalid_argument  another shape; memory that overlaps. Nothing is written then.
/// Cost:     one exponential for each token and head; no allocation; no bench case, the logits dominate.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
template <typename GradGates, typename GradSums, typename Gates, detail::IfDense<GradGates, GradSums, Gates> = 0>
void forgetting_sums_backward(GradGates&& grad_gates, const GradSums& grad_sums, const Gates& gates) {
  const char* const function = "forgetting_sums_backward";
  auto& grad = detail::written(std::forward<GradGates>(grad_gates));
  detail::require_shape(function, "grad_sums", grad_sums, gates.rows(), gates.cols());
  detail::require_shape(function, "grad_gates", grad, gates.rows(), gates.cols());
  detail::require_target(function, "grad_gates", grad, grad_sums, gates);
  const auto& grad_sums_values = detail::evaluated(grad_sums);
  const auto& gates_values = detail::evaluated(gates);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < gates_values.cols(); ++head) {
    double sum = 0;
    for (Eigen::Index t = gates_values.rows() - 1; t >= 0; --t) {
      sum += static_cast<double>(grad_sums_values.coeff(t, head));
      const double gate = static_cast<double>(gates_values.coeff(t, head));
      grad.coeffRef(t, head) += detail::convert<Target>(sum / (1 + std::exp(gate)));
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_sums_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write forgetting_sums_backward(grad_gates, grad_sums, gates): all tokens x num_heads");
}

namespace detail {

/// The sums, or their gradient, have all positions of the span; returns the number of heads.
template <typename Sums>
Eigen::Index require_forgetting(const char* function, const char* parameter, const Sums& sums,
                                const AttentionSpan& span) {
  require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  const Eigen::Index tokens = (std::max)(span.key_len(), span.query_offset() + span.query_len());
  if (sums.rows() < tokens) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", sums.rows(), "at least ", tokens,
                                  ", one for each token");
  }
  require_data(function, parameter, sums);
  return sums.cols();
}

}  // namespace detail

/// Adds the forgetting bias to the logits of one head or of all heads stacked, in place, for the keys that a query sees in
/// causal attention:
///
///     logits(h L_q + i, j) += F(query_offset + i, h) - F(j, h)        j <= query_offset + i
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. Keys after the query are left as they are, for the causal
///                        mask.
/// @param sums            F at the positions of all queries and keys: at least max(L_k, query_offset + L_q) rows, and
///                        num_heads columns.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape, or too few sums; memory of logits that overlaps itself or the sums.
/// @throws std::out_of_range      a negative query_offset. `logits` is then unchanged.
/// Cost:     one subtraction and addition for each visible logit; the bias is never stored. No bench case yet.
/// Accuracy: the difference is formed first, so that large sums leave the logits their digits [accuracy][relative_bias].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
/// Matches:  DataDependentAlibi of x-transformers.
template <typename Logits, typename Sums, detail::IfDense<Logits, Sums> = 0>
void add_forgetting_bias(Logits&& logits, const Sums& sums, const AttentionSpan& span) {
  const char* const function = "add_forgetting_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const Eigen::Index num_heads = detail::require_forgetting(function, "sums", sums, span);
  detail::require_stacked_logits(function, "logits", x, num_heads, span);
  detail::require_target(function, "logits", x, sums);
  const auto& f = detail::evaluated(sums);
  using Scalar = typename std::decay_t<decltype(x)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, typename Sums::Scalar>;
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      const Number own = detail::convert<Number>(f.coeff(span.query_offset() + i, head));
      const Eigen::Index visible = span.visible_keys(i);
      for (Eigen::Index j = 0; j < visible; ++j) {
        Scalar& target = x.coeffRef(head * span.query_len() + i, j);
        const Number bias = own - detail::convert<Number>(f.coeff(j, head));
        target = detail::convert<Scalar>(detail::convert<Number>(target) + bias);
      }
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_forgetting_bias(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_forgetting_bias(logits, sums, span): sums is forgetting_sums(gates), tokens x "
                "num_heads, span AttentionSpan::square(len), cached(query_len, key_len) or at(queries, key_len)");
}

/// The gradient of add_forgetting_bias(): adds into grad_sums.
/// @param[in,out] grad_sums  Has the shape of the sums.
/// @param grad_logits        (num_heads L_q) x L_k.
/// @param span               As in the forward call.
/// @throws as add_forgetting_bias(); nothing is written then.
/// Cost:     two additions for each visible logit; no allocation. No bench case yet.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradSums, typename Grad, detail::IfDense<GradSums, Grad> = 0>
void forgetting_bias_backward(GradSums&& grad_sums, const Grad& grad_logits, const AttentionSpan& span) {
  const char* const function = "forgetting_bias_backward";
  auto& grad = detail::written(std::forward<GradSums>(grad_sums));
  const Eigen::Index num_heads = detail::require_forgetting(function, "grad_sums", grad, span);
  detail::require_stacked_logits(function, "grad_logits", grad_logits, num_heads, span);
  detail::require_target(function, "grad_sums", grad, grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      double sum = 0;
      for (Eigen::Index j = 0; j < span.visible_keys(i); ++j) {
        const double g = static_cast<double>(grad_values.coeff(head * span.query_len() + i, j));
        sum += g;
        grad.coeffRef(j, head) -= detail::convert<Target>(g);
      }
      grad.coeffRef(span.query_offset() + i, head) += detail::convert<Target>(sum);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_bias_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write forgetting_bias_backward(grad_sums, grad_logits, span): grad_sums is tokens x num_heads, "
      "span that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FORGETTING_HPP

// ---- posenc/relative_bias/shaw_clip.hpp
/// ShawClip: beyond which distances Shaw's encoding has one vector for all.
#ifndef POSENC_RELATIVE_BIAS_SHAW_CLIP_HPP
#define POSENC_RELATIVE_BIAS_SHAW_CLIP_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Distances beyond these share the outermost vectors of Shaw's tables, which have left + right + 1 rows: key - query = d
/// takes row clamp(d, -left, right) + left.
///
///     key - query     -3 -2 -1  0  1  2         ShawClip(2, 1)
///     row              0  0  1  2  3  3
class ShawClip {
 public:
  /// @param left   [tokens] For keys before the query, >= 0.
  /// @param right  [tokens] For keys after it, >= 0.
  /// @throws std::invalid_argument  one of them negative or beyond 2^40.
  explicit ShawClip(Eigen::Index left, Eigen::Index right) : left_(left), right_(right) {
    constexpr Eigen::Index limit = detail::kSpanLimit;
    detail::require(left >= 0 && left <= limit, "ShawClip", "left", left, ">= 0 and at most ", limit);
    detail::require(right >= 0 && right <= limit, "ShawClip", "right", right, ">= 0 and at most ", limit);
  }
  /// The same on both sides: `max_relative_position`, the k of the paper.
  /// @throws std::invalid_argument  it is negative or beyond 2^40.
  static ShawClip symmetric(Eigen::Index max_relative_position) {
    return ShawClip(max_relative_position, max_relative_position);
  }

  Eigen::Index left() const { return left_; }
  Eigen::Index right() const { return right_; }
  /// Rows of the tables.
  Eigen::Index rows() const { return left_ + right_ + 1; }

 private:
  Eigen::Index left_;
  Eigen::Index right_;
};

namespace detail {

/// The keys of one query by table row: [0, first) take row 0, [last, L_k) the last row, and between them key j takes
/// row j + shift.
struct ShawRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  ShawRow(const AttentionSpan& span, Eigen::Index query, const ShawClip& clip) {
    const Eigen::Index relative = span.first_relative(query);
    first = (std::min)((std::max)(-clip.left() - relative, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(clip.right() + 1 - relative, span.key_len()), first);
    shift = relative + clip.left();
  }
};

/// row[j] += values[table row of key j].
template <typename Row, typename Values>
void add_by_clipped_distance(Row&& row, const Values& values, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  row.head(keys.first).array() += values(0);
  if (middle > 0) row.segment(keys.first, middle) += values.segment(keys.first + keys.shift, middle);
  row.tail(row.size() - keys.last).array() += values(values.size() - 1);
}

/// sums = the total of `row` for each table row.
template <typename Sums, typename Row>
void sum_by_clipped_distance(Sums&& sums, const Row& row, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  sums.setZero();
  if (middle > 0) sums.segment(keys.first + keys.shift, middle) = row.segment(keys.first, middle);
  sums(0) += ordered_sum(row.head(keys.first));
  sums(sums.size() - 1) += ordered_sum(row.tail(row.size() - keys.last));
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_CLIP_HPP

// ---- posenc/relative_bias/shaw.hpp
/// Shaw's encoding of keys: a trained vector for each clipped distance, which every query is multiplied with.
#ifndef POSENC_RELATIVE_BIAS_SHAW_HPP
#define POSENC_RELATIVE_BIAS_SHAW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of Shaw's encoding of keys: ShawKeys(table, clip).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class ShawKeys {
 public:
  /// @param table  clip.rows() x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param clip   Distances that share the outermost rows.
  template <typename T>
  ShawKeys(T&& table, const ShawClip& clip) : table_(table), clip_(clip) {
    detail::check_held<T>();
  }

  const Table& table() const { return table_; }
  const ShawClip& clip() const { return clip_; }

 private:
  detail::Held<Table> table_;
  ShawClip clip_;
};

template <typename T, detail::IfMatrix<T> = 0>
ShawKeys(T&&, const ShawClip&) -> ShawKeys<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ShawKeys<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write ShawKeys(table, clip): table is a clip.rows() x head_dim matrix, clip is "
                "ShawClip::symmetric(max_relative_position) or ShawClip(left, right)");

 public:
  ShawKeys(const Arguments&...) {}
};
template <typename... Arguments>
ShawKeys(const Arguments&...) -> ShawKeys<detail::Misfit<Arguments...>>;

/// What shaw_logits_backward() adds into: ShawGradients(grad_q, grad_table), each of the shape of its parameter.
template <typename GradQuery, typename GradTable>
class ShawGradients {
 public:
  template <typename Q, typename T>
  ShawGradients(Q&& grad_q, T&& grad_table)
      : grad_q_(detail::written(std::forward<Q>(grad_q))), grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradQuery& grad_q() { return grad_q_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradTable> grad_table_;
};

template <typename Q, typename T, detail::IfMatrix<Q, T> = 0>
ShawGradients(Q&&, T&&) -> ShawGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

namespace detail {

/// x += scale q . table by clipped distance, for one head.
template <typename X, typename Query, typename Table, typename Scalar>
void add_shaw_head(X&& x, const Query& q, const Table& table, const ShawClip& clip, const AttentionSpan& span,
                   Scalar scale, Workspace<Scalar>& workspace) {
  auto scores = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    scores.topRows(rows).setZero();
    add_product(scores.topRows(rows), q.middleRows(block, rows), table.transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      add_by_clipped_distance(x.row(block + i), scores.row(i), ShawRow(span, block + i, clip));
    }
  }
}

/// The gradients of add_shaw_head().
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void add_shaw_gradients(GradQuery&& grad_q, GradTable&& grad_table, const Grad& grad, const Query& q,
                        const Table& table, const ShawClip& clip, const AttentionSpan& span, Scalar scale,
                        Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      sum_by_clipped_distance(sums.row(i), grad.row(block + i), ShawRow(span, block + i, clip));
    }
    add_product(grad_q.middleRows(block, rows), sums.topRows(rows), table, scale);
    add_product(grad_table, sums.topRows(rows).transpose(), q.middleRows(block, rows), scale);
  }
}

/// The rows of Shaw's table that each head has.
template <typename Table>
HeadRows require_shaw(const char* function, const Table& table, const ShawClip& clip, Eigen::Index num_heads,
                      Eigen::Index head_dim) {
  const HeadRows rows(function, "table", table.rows(), clip.rows(), num_heads, " (clip.rows())");
  require_shape(function, "table", table, table.rows(), head_dim);
  return rows;
}

}  // namespace detail

/// Adds the key part of Shaw's encoding to the logits of one head or of all heads stacked, in place. For every head
///
///     logits(i, j) += scale q[i] . table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as q and table.
/// @param keys            ShawKeys(table, clip).
/// @param attention       ContentAttention(q, k, scale, span); k is not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     one product L_q x head_dim x (left + right + 1) for a head, then three runs of additions for each row. Extra
///           memory is O(left + right), where gathering table rows takes L_q x L_k x head_dim
///           (bench_relative_bias: Shaw).
/// Accuracy: (head_dim + 2)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
/// Source:   Shaw et al. 2018, arXiv:1803.02155, section 3.2.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_keys; a clip with
///           left != right wav2vec2-BERT.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_shaw_logits(Logits&& logits, const ShawKeys<Table>& keys, const ContentAttention<Query, Key>& attention,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  detail::require_logits(function, "logits", x, attention);
  const auto rows =
      detail::require_shaw(function, keys.table(), keys.clip(), attention.num_heads(), attention.head_dim());
  detail::require_target(function, "logits", x, attention.q(), keys.table());
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(keys.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_shaw_head(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                          rows.of(table, head), keys.clip(), span, static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_shaw_logits(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_shaw_logits(logits, ShawKeys(table, clip), ContentAttention(q, k, scale, span), "
                "workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_shaw_logits(): adds into grad_q and grad_table.
/// @param[in,out] gradients               ShawGradients(grad_q, grad_table).
/// @param grad_logits                     (num_heads L_q) x L_k.
/// @param keys, attention, workspace      As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_shaw_logits(), with two products; no bench case.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradTable, typename Grad, typename Table, typename Query, typename Key,
          typename Scalar, detail::IfScalar<Scalar, GradQuery, GradTable, Grad, Table, Query, Key> = 0>
void shaw_logits_backward(ShawGradients<GradQuery, GradTable> gradients, const Grad& grad_logits,
                          const ShawKeys<Table>& keys, const ContentAttention<Query, Key>& attention,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_logits_backward";
  const AttentionSpan& span = attention.span();
  auto& grad_q = gradients.grad_q();
  auto& grad_table = gradients.grad_table();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const auto rows =
      detail::require_shaw(function, keys.table(), keys.clip(), attention.num_heads(), attention.head_dim());
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_table", grad_table, keys.table().rows(), attention.head_dim());
  detail::require_target(function, "grad_q", grad_q, grad_table, grad_logits, attention.q(), keys.table());
  detail::require_target(function, "grad_table", grad_table, grad_logits, attention.q(), keys.table());
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(keys.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_shaw_gradients(detail::head_rows(grad_q, head, span.query_len()), rows.of(grad_table, head),
                               detail::head_rows(grad, head, span.query_len()),
                               detail::head_rows(q, head, span.query_len()), rows.of(table, head), keys.clip(), span,
                               static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto shaw_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write shaw_logits_backward(ShawGradients(grad_q, grad_table), grad_logits, ShawKeys(table, "
                "clip), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_HPP

// ---- posenc/relative_bias/shaw_values.hpp
/// Shaw's encoding of values: a trained vector for each clipped distance, added to what attention mixes.
#ifndef POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP
#define POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of Shaw's encoding of values: ShawValues(table, clip).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class ShawValues {
 public:
  /// @param table  clip.rows() x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param clip   Distances that share the outermost rows.
  template <typename T>
  ShawValues(T&& table, const ShawClip& clip) : table_(table), clip_(clip) {
    detail::check_held<T>();
  }

  const Table& table() const { return table_; }
  const ShawClip& clip() const { return clip_; }

 private:
  detail::Held<Table> table_;
  ShawClip clip_;
};

template <typename T, detail::IfMatrix<T> = 0>
ShawValues(T&&, const ShawClip&) -> ShawValues<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ShawValues<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write ShawValues(table, clip): table is a clip.rows() x head_dim matrix, clip is "
                "ShawClip::symmetric(max_relative_position) or ShawClip(left, right)");

 public:
  ShawValues(const Arguments&...) {}
};
template <typename... Arguments>
ShawValues(const Arguments&...) -> ShawValues<detail::Misfit<Arguments...>>;

/// What shaw_values_backward() adds into: ShawValuesGradients(grad_weights, grad_table), each of the shape of its
/// parameter.
template <typename GradWeights, typename GradTable>
class ShawValuesGradients {
 public:
  template <typename W, typename T>
  ShawValuesGradients(W&& grad_weights, T&& grad_table)
      : grad_weights_(detail::written(std::forward<W>(grad_weights))),
        grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradWeights& grad_weights() { return grad_weights_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  detail::Held<GradWeights> grad_weights_;
  detail::Held<GradTable> grad_table_;
};

template <typename W, typename T, detail::IfMatrix<W, T> = 0>
ShawValuesGradients(W&&, T&&) -> ShawValuesGradients<detail::HeldToWrite<W>, detail::HeldToWrite<T>>;

namespace detail {

/// y += weights . table by clipped distance, for one head.
template <typename Out, typename Weights, typename Table, typename Scalar>
void add_shaw_values_head(Out&& y, const Weights& weights, const Table& table, const ShawClip& clip,
                          const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      sum_by_clipped_distance(sums.row(i), weights.row(block + i), ShawRow(span, block + i, clip));
    }
    add_product(y.middleRows(block, rows), sums.topRows(rows), table, Scalar(1));
  }
}

/// The gradients of add_shaw_values_head().
template <typename GradWeights, typename GradTable, typename Grad, typename Weights, typename Table, typename Scalar>
void add_shaw_values_gradients(GradWeights&& grad_weights, GradTable&& grad_table, const Grad& grad,
                               const Weights& weights, const Table& table, const ShawClip& clip,
                               const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      sum_by_clipped_distance(sums.row(i), weights.row(block + i), ShawRow(span, block + i, clip));
    }
    add_product(grad_table, sums.topRows(rows).transpose(), grad.middleRows(block, rows), Scalar(1));
    sums.topRows(rows).setZero();
    add_product(sums.topRows(rows), grad.middleRows(block, rows), table.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      add_by_clipped_distance(grad_weights.row(block + i), sums.row(i), ShawRow(span, block + i, clip));
    }
  }
}

/// The checked sizes of a call. `out` is what the encoding is added to, or its gradient.
struct ShawValuesSizes {
  Eigen::Index num_heads;
  HeadRows rows;

  template <typename Table, typename Weights, typename Out>
  ShawValuesSizes(const char* function, const ShawValues<Table>& values, const Weights& weights,
                  const AttentionSpan& span, const char* out_name, const Out& out)
      : num_heads(span.query_len() == 0 ? 0 : weights.rows() / span.query_len()),
        rows(function, "table", values.table().rows(), values.clip().rows(), num_heads, " (clip.rows())") {
    const bool whole =
        span.query_len() == 0 ? weights.rows() == 0 : weights.rows() > 0 && weights.rows() % span.query_len() == 0;
    require(whole, function, "weights.rows()", weights.rows(), "span.query_len() ", span.query_len(), " for each head");
    require_shape(function, "weights", weights, weights.rows(), span.key_len());
    require_shape(function, out_name, out, weights.rows(), out.cols());
    require_shape(function, "table", values.table(), values.table().rows(), out.cols());
  }
};

}  // namespace detail

/// Adds the value part of Shaw's encoding to the outputs of one head or of all heads stacked, in place. For every head
///
///     out[i] += sum over j of weights(i, j) table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] out  (num_heads L_q) x head_dim, head by head. float or double, as the rest.
/// @param values       ShawValues(table, clip), the table of the values.
/// @param weights      (num_heads L_q) x L_k, the logits after softmax (and masked: 0 where a query may not look).
/// @param span         Which queries meet which keys.
/// @param workspace    Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of out that overlaps itself or what is read. `out` is
///                                then unchanged.
/// Cost:     as add_shaw_logits() (bench_relative_bias: Shaw).
/// Accuracy: 3,600 ulp of 1 for 47 keys and entries below 1 [accuracy][relative_bias].
/// Source:   Shaw et al. 2018, arXiv:1803.02155, equation 3.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_values.
template <typename Out, typename Table, typename Weights, typename Scalar,
          detail::IfScalar<Scalar, Out, Table, Weights> = 0>
void add_shaw_values(Out&& out, const ShawValues<Table>& values, const Weights& weights, const AttentionSpan& span,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_values";
  auto& y = detail::written(std::forward<Out>(out));
  const detail::ShawValuesSizes sizes(function, values, weights, span, "out", y);
  detail::require_target(function, "out", y, weights, values.table());
  const auto& weights_values = detail::evaluated(weights);
  const auto& table = detail::evaluated(values.table());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    detail::add_shaw_values_head(detail::head_rows(y, head, span.query_len()),
                                 detail::head_rows(weights_values, head, span.query_len()), sizes.rows.of(table, head),
                                 values.clip(), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_shaw_values(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_shaw_values(out, ShawValues(table, clip), weights, span, workspace): weights are the "
      "logits after softmax, span is AttentionSpan::square(len), cached(query_len, key_len) or at(queries, key_len); "
      "all hold the same "
      "scalar");
}

/// The gradient of add_shaw_values(): adds into grad_weights and grad_table.
/// @param[in,out] gradients                 ShawValuesGradients(grad_weights, grad_table).
/// @param grad_out                          (num_heads L_q) x head_dim.
/// @param values, weights, span, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_shaw_values(), with two products; no bench case.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradWeights, typename GradTable, typename Grad, typename Table, typename Weights, typename Scalar,
          detail::IfScalar<Scalar, GradWeights, GradTable, Grad, Table, Weights> = 0>
void shaw_values_backward(ShawValuesGradients<GradWeights, GradTable> gradients, const Grad& grad_out,
                          const ShawValues<Table>& values, const Weights& weights, const AttentionSpan& span,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_values_backward";
  auto& grad_weights = gradients.grad_weights();
  auto& grad_table = gradients.grad_table();
  const detail::ShawValuesSizes sizes(function, values, weights, span, "grad_out", grad_out);
  detail::require_shape(function, "grad_weights", grad_weights, weights.rows(), weights.cols());
  detail::require_shape(function, "grad_table", grad_table, values.table().rows(), grad_out.cols());
  detail::require_target(function, "grad_weights", grad_weights, grad_table, grad_out, weights, values.table());
  detail::require_target(function, "grad_table", grad_table, grad_out, weights, values.table());
  const auto& grad = detail::evaluated(grad_out);
  const auto& weights_values = detail::evaluated(weights);
  const auto& table = detail::evaluated(values.table());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    detail::add_shaw_values_gradients(detail::head_rows(grad_weights, head, span.query_len()),
                                      sizes.rows.of(grad_table, head), detail::head_rows(grad, head, span.query_len()),
                                      detail::head_rows(weights_values, head, span.query_len()),
                                      sizes.rows.of(table, head), values.clip(), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto shaw_values_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write shaw_values_backward(ShawValuesGradients(grad_weights, grad_table), grad_out, "
                "ShawValues(table, clip), weights, span, workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP

// ---- posenc/relative_bias/detail/relative_product.hpp
/// The product of queries with a table of vectors by distance, and its gradients, in blocks of queries.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The keys of query i that a table of `num_rows` distances from `lowest` on has a row for: keys [first, last), key j at
/// row j + shift.
struct KeysWithRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  KeysWithRow(const AttentionSpan& span, Eigen::Index query, Eigen::Index lowest, Eigen::Index num_rows) {
    shift = span.first_relative(query) - lowest;
    first = (std::min)((std::max)(-shift, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(num_rows - shift, span.key_len()), first);
  }
  Eigen::Index count() const { return last - first; }
};

/// The rows that queries [block, block + rows) read in a table of `num_rows` distances from `lowest` on:
/// [first, first + count).
struct RowsRead {
  Eigen::Index first = 0;
  Eigen::Index count = 0;

  RowsRead(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, Eigen::Index lowest,
           Eigen::Index num_rows) {
    const Eigen::Index begin = span.first_relative(block + rows - 1) - lowest;
    const Eigen::Index end = span.first_relative(block) + span.key_len() - lowest;
    first = (std::min)((std::max)(begin, Eigen::Index(0)), num_rows);
    count = (std::max)((std::min)(end, num_rows) - first, Eigen::Index(0));
  }
};

/// For queries that are used as they are.
struct NoQueryBias {
  template <typename Queries>
  void operator()(Queries&&) const {}
};

/// x += scale q' . r by distance for one head, where add_query_bias(q') has changed the copied queries of a block. Row m
/// of r is the distance lowest + m.
template <typename X, typename Query, typename AddQueryBias, typename Table, typename Scalar>
void add_relative(X&& x, const Query& q, AddQueryBias&& add_query_bias, const Table& r, Eigen::Index lowest,
                  const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RowsRead window(span, block, rows, lowest, r.rows());
    auto scores = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    scores.setZero();
    add_product(scores, queries, r.middleRows(window.first, window.count).transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const KeysWithRow keys(span, block + i, lowest, r.rows());
      if (keys.count() == 0) continue;
      x.row(block + i).segment(keys.first, keys.count()) +=
          scores.row(i).segment(keys.first + keys.shift - window.first, keys.count());
    }
  }
}

/// The gradients of add_relative(): it adds into grad_r and grad_q, and calls sum_query_gradient(rows of dL/dq') for the
/// bias of the queries.
template <typename GradQuery, typename SumQueryGradient, typename GradTable, typename Grad, typename Query,
          typename AddQueryBias, typename Table, typename Scalar>
void add_relative_gradients(GradQuery&& grad_q, SumQueryGradient&& sum_query_gradient, GradTable&& grad_r,
                            const Grad& grad, const Query& q, AddQueryBias&& add_query_bias, const Table& r,
                            Eigen::Index lowest, const AttentionSpan& span, Scalar scale,
                            Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RowsRead window(span, block, rows, lowest, r.rows());
    auto by_distance = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    by_distance.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      const KeysWithRow keys(span, block + i, lowest, r.rows());
      if (keys.count() == 0) continue;
      by_distance.row(i).segment(keys.first + keys.shift - window.first, keys.count()) =
          grad.row(block + i).segment(keys.first, keys.count());
    }
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    add_product(grad_r.middleRows(window.first, window.count), by_distance.transpose(), queries, scale);
    queries.setZero();
    add_product(queries, by_distance, r.middleRows(window.first, window.count), scale);
    grad_q.middleRows(block, rows) += queries;
    sum_query_gradient(queries);
  }
}

/// The distances of a table's rows: what the caller said, else exactly those of the span.
inline DistanceRange distances_of_rows(const std::optional<DistanceRange>& given, const AttentionSpan& span) {
  return given ? *given : span.distances();
}

/// The rows of a table by distance that each head has.
inline HeadRows require_distance_rows(const char* function, const char* parameter, Eigen::Index rows,
                                      const std::optional<DistanceRange>& given, const AttentionSpan& span,
                                      Eigen::Index num_heads) {
  return HeadRows(function, parameter, rows, distances_of_rows(given, span).size(), num_heads,
                  given ? " (distances.size())" : " (span.distances().size(), as no distances are given)");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP

// ---- posenc/relative_bias/relative_logits.hpp
/// A trained vector for every distance, which every query is multiplied with: the Music Transformer.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of the Music Transformer: RelativeKeys(table, distances), or RelativeKeys(table) where the rows are
/// exactly span.distances().
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class RelativeKeys {
 public:
  /// @param table      distances.size() x head_dim, by ascending key - query, once for all heads or once for each,
  ///                   stacked.
  /// @param distances  Those of the rows. For L_k causal positions DistanceRange::causal(L_k). Pairs at other distances
  ///                   get nothing added.
  template <typename T>
  RelativeKeys(T&& table, const DistanceRange& distances) : table_(table), distances_(distances) {
    detail::check_held<T>();
  }
  // clang-tidy: copies go by the deduction guide, which takes matrices alone.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
  explicit RelativeKeys(T&& table) : table_(table) {
    detail::check_held<T>();
  }

  const Table& table() const { return table_; }
  const std::optional<DistanceRange>& distances() const { return distances_; }

 private:
  detail::Held<Table> table_;
  std::optional<DistanceRange> distances_;
};

template <typename T, detail::IfMatrix<T> = 0>
RelativeKeys(T&&) -> RelativeKeys<detail::HeldToRead<T>>;
template <typename T, detail::IfMatrix<T> = 0>
RelativeKeys(T&&, const DistanceRange&) -> RelativeKeys<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class RelativeKeys<detail::Misfit<Arguments...>> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write RelativeKeys(table, distances): table is a matrix with a row for each distance, distances "
      "a DistanceRange; without it the rows are those of span.distances()");

 public:
  RelativeKeys(const Arguments&...) {}
};
template <typename... Arguments>
RelativeKeys(const Arguments&...) -> RelativeKeys<detail::Misfit<Arguments...>>;

/// What relative_logits_backward() adds into: RelativeGradients(grad_q, grad_table), each of the shape of its parameter.
template <typename GradQuery, typename GradTable>
class RelativeGradients {
 public:
  template <typename Q, typename T>
  RelativeGradients(Q&& grad_q, T&& grad_table)
      : grad_q_(detail::written(std::forward<Q>(grad_q))), grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradQuery& grad_q() { return grad_q_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradTable> grad_table_;
};

template <typename Q, typename T, detail::IfMatrix<Q, T> = 0>
RelativeGradients(Q&&, T&&) -> RelativeGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

/// Adds a trained or fixed vector for every distance to the logits of one head or of all heads stacked, in place. For
/// every head
///
///     logits(i, j) += scale q[i] . table[j - (query_offset + i) - distances.first()]
///
/// Pairs at distances that the table has no row for get nothing added (tensor2tensor pads with zeros; add_shaw_logits()
/// clips).
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as q and table.
/// @param keys            RelativeKeys(table, distances).
/// @param attention       ContentAttention(q, k, scale, span); k is not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     a product over the distances that occur, in blocks of 32 queries; extra memory 64 x (L_k + 31): what
///           add_transformer_xl_logits() does without u and v (bench_relative_bias: Transformer-XL).
/// Accuracy: (2 head_dim + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
/// Source:   Huang et al. 2018, arXiv:1809.04281 (Music Transformer).
/// Matches:  tensor2tensor dot_product_self_attention_relative_v2; flashlight's relative position embedding.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_relative_logits(Logits&& logits, const RelativeKeys<Table>& keys,
                         const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "add_relative_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  detail::require_logits(function, "logits", x, attention);
  const auto rows = detail::require_distance_rows(function, "table", keys.table().rows(), keys.distances(), span,
                                                  attention.num_heads());
  detail::require_shape(function, "table", keys.table(), keys.table().rows(), attention.head_dim());
  detail::require_target(function, "logits", x, attention.q(), keys.table());
  const Eigen::Index lowest = detail::distances_of_rows(keys.distances(), span).first();
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(keys.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                         detail::NoQueryBias(), rows.of(table, head), lowest, span,
                         static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_relative_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_relative_logits(logits, RelativeKeys(table, distances), ContentAttention(q, k, scale, "
      "span), workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_relative_logits(): adds into grad_q and grad_table.
/// @param[in,out] gradients           RelativeGradients(grad_q, grad_table).
/// @param grad_logits                 (num_heads L_q) x L_k.
/// @param keys, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_relative_logits(), with two products; no bench case.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradTable, typename Grad, typename Table, typename Query, typename Key,
          typename Scalar, detail::IfScalar<Scalar, GradQuery, GradTable, Grad, Table, Query, Key> = 0>
void relative_logits_backward(RelativeGradients<GradQuery, GradTable> gradients, const Grad& grad_logits,
                              const RelativeKeys<Table>& keys, const ContentAttention<Query, Key>& attention,
                              Workspace<Scalar>& workspace) {
  const char* const function = "relative_logits_backward";
  const AttentionSpan& span = attention.span();
  auto& grad_q = gradients.grad_q();
  auto& grad_table = gradients.grad_table();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const auto rows = detail::require_distance_rows(function, "table", keys.table().rows(), keys.distances(), span,
                                                  attention.num_heads());
  detail::require_shape(function, "table", keys.table(), keys.table().rows(), attention.head_dim());
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_table", grad_table, keys.table().rows(), attention.head_dim());
  detail::require_target(function, "grad_q", grad_q, grad_table, grad_logits, attention.q(), keys.table());
  detail::require_target(function, "grad_table", grad_table, grad_logits, attention.q(), keys.table());
  const Eigen::Index lowest = detail::distances_of_rows(keys.distances(), span).first();
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(keys.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative_gradients(
        detail::head_rows(grad_q, head, span.query_len()), detail::NoQueryBias(), rows.of(grad_table, head),
        detail::head_rows(grad, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
        detail::NoQueryBias(), rows.of(table, head), lowest, span, static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto relative_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write relative_logits_backward(RelativeGradients(grad_q, grad_table), grad_logits, "
                "RelativeKeys(table, distances), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

// ---- posenc/relative_bias/relative_shift.hpp
/// The relative shift of a product with all distances, as a view.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Views the relative shift ("skew") of a product with all distances: no padding, no reshape, no copy.
///
/// Let column m of x (L_q x P, P = L_q + L_k - 1) belong to the distance m + span.distances().first(). The view is
/// L_q x L_k with element (i, j) = x(i, j - i + L_q - 1), the column of that pair's distance. In a row-major matrix
/// these elements are P - 1 numbers from row to row, so the view is a Map. Writing to it (+=) is the adjoint.
///
///     x   a b [c d e]         view   c d e        L_q = 3 queries, L_k = 3 keys: row i begins one further left
///         f [g h i] j                g h i
///         [k l m] n o                k l m
///
/// A causal x needs only the L_k columns of distances <= 0 (query_offset = L_k - L_q): elements with key after query
/// then belong to the next row, and the mask must hide them.
/// @param x     L_q x (L_q + L_k - 1), or L_q x L_k in the causal case: a row-major matrix, which must outlive the view.
/// @param span  Which queries meet which keys.
/// @throws std::invalid_argument  another shape.
/// Cost:     none; no bench case.
/// Source:   Dai et al. 2019, arXiv:1901.02860, appendix B; Huang et al. 2018, arXiv:1809.04281, section 3.4.
/// Matches:  _rel_shift of Transformer-XL, skewing of the Music Transformer and tensor2tensor.
template <typename Scalar>
auto view_relative_shift(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& x,
                         const AttentionSpan& span) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const char* const function = "view_relative_shift";
  const bool causal = x.cols() == span.key_len() && span.query_offset() == span.key_len() - span.query_len();
  const Eigen::Index columns = causal ? span.key_len() : span.query_len() + span.key_len() - 1;
  detail::require_shape(function, "x", x, span.query_len(), columns);
  const Eigen::Index shift = (std::max)(span.query_len() - 1, Eigen::Index(0));
  return Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>(
      x.data() + shift, span.query_len(), span.key_len(),
      Eigen::OuterStride<>((std::max)(columns - 1, Eigen::Index(0))));  // 0: one causal key, each row the last entry
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto view_relative_shift(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write view_relative_shift(x, span): x is a row-major matrix with a name, not const, a row for "
                "each query and a column for each distance of the span");
  return detail::Misfit<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP

// ---- posenc/relative_bias/relative_sinusoids.hpp
/// The sinusoids of distances that Transformer-XL projects.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the sinusoids R of Transformer-XL for a run of distances, distances.size() x 2 num_pairs, to be projected by
/// W_r.
///
/// Row m is the distance n = query - key = -(distances.first() + m) and holds sin(n w[i]) and cos(n w[i]) of each pair i:
/// with DistanceRange::causal(L_k) the rows L_k - 1, ..., 0 of the original. Keys before the query have positive n.
/// @tparam Scalar      Of the result: make_relative_sinusoids<float>(...).
/// @param distances    Of the rows, ascending.
/// @param frequencies  w: geometric_frequencies(d_model, 10000.0). Their magnitude multiplies every value.
/// @param order        ChannelOrder::sin_cos for Transformer-XL, interleaved for ESPnet.
/// @throws std::out_of_range  an angle that is not finite.
/// @throws std::length_error  the result does not fit into memory's index type.
/// Cost:     a sine and a cosine for each pair and distance, from the shared generator; no bench case, called once for a
///           length.
/// Accuracy: 16 ulp of 1 in double at distances up to 9, rounded once [accuracy][relative_bias].
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  PositionalEmbedding of Transformer-XL (sin_cos), RelPositionalEncoding of ESPnet (interleaved).
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_relative_sinusoids(
    const DistanceRange& distances, const Frequencies& frequencies, ChannelOrder order) {
  const Eigen::Index pairs = frequencies.num_pairs();
  detail::require_size("make_relative_sinusoids", "distances.size()", distances.size(), 2 * pairs, sizeof(Scalar));
  const detail::RangePositions positions(PositionRange(distances.first(), distances.size()));
  detail::require_finite_angles("make_relative_sinusoids", frequencies.fastest(), false, positions);
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> r(distances.size(), 2 * pairs);
  const detail::SinusoidColumns columns(order, pairs, pairs);
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    for (int i = 0; i < count; ++i) r(row, columns.sine(pair + i)) = detail::round_to<Scalar>(-sine[i]);
    for (int i = 0; i < count; ++i) r(row, columns.cosine(pair + i)) = detail::round_to<Scalar>(cosine[i]);
  };
  detail::for_each_angle(frequencies, frequencies.magnitude(), positions, sink);
  return r;
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_relative_sinusoids(const Arguments&...) {
  static_assert(detail::kMisuse<Scalar, Arguments...>,
                "posenc: write make_relative_sinusoids<float>(distances, frequencies, order): distances is a "
                "DistanceRange, frequencies geometric_frequencies(d_model, 10000.0), order ChannelOrder::sin_cos");
  return detail::Misfit<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP

// ---- posenc/relative_bias/detail/head_vector.hpp
/// A vector that all heads share, or of which every head has its own.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A parameter of head_dim numbers, a row or a column that all heads share, or a num_heads x head_dim matrix.
class HeadVector {
 public:
  template <typename Vector>
  HeadVector(const char* function, const char* parameter, const Vector& x, Eigen::Index num_heads,
             Eigen::Index head_dim)
      : count_(is_list_of(x, head_dim) ? 1 : x.rows()), head_dim_(head_dim) {
    const bool fits = is_list_of(x, head_dim) || (x.cols() == head_dim && (num_heads == 0 || x.rows() == num_heads));
    if (!fits) {
      refuse<std::invalid_argument>(function, parameter, std::to_string(x.rows()) + " x " + std::to_string(x.cols()),
                                    "head_dim ", head_dim, " numbers in a row or a column, or num_heads ", num_heads,
                                    " x head_dim");
    }
    require_data(function, parameter, x);
  }

  /// That of one head, a row vector.
  template <typename Vector>
  auto of(Vector& x, Eigen::Index head) const {
    return x.reshaped(count_, head_dim_).row(count_ == 1 ? 0 : head);
  }

 private:
  template <typename Vector>
  static bool is_list_of(const Vector& x, Eigen::Index head_dim) {
    return x.size() == head_dim && (x.rows() == 1 || x.cols() == 1);
  }

  Eigen::Index count_;
  Eigen::Index head_dim_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP

// ---- posenc/relative_bias/transformer_xl.hpp
/// Transformer-XL: vectors of distances, with trained biases for content and for position.
#ifndef POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
#define POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of Transformer-XL: TransformerXl(r, distances, u, v), or TransformerXl(r, u, v) where the rows of r are
/// exactly span.distances().
/// It holds matrices by reference, and Maps and Blocks by value; a temporary matrix does not compile.
template <typename Table, typename U, typename V>
class TransformerXl {
 public:
  /// @param r          Rows of W_r R: make_relative_sinusoids() projected. distances.size() x head_dim, by ascending
  ///                   key - query, once for all heads or once for each, stacked.
  /// @param distances  Those of the rows: DistanceRange::causal(L_k) for causal attention. Pairs at other distances get
  ///                   nothing from r.
  /// @param u, v       `r_w_bias` and `r_r_bias`: head_dim numbers for all heads, or num_heads x head_dim.
  template <typename T, typename A, typename B>
  TransformerXl(T&& r, const DistanceRange& distances, A&& u, B&& v) : r_(r), u_(u), v_(v), distances_(distances) {
    detail::check_held<T>();
    detail::check_held<A>();
    detail::check_held<B>();
  }
  template <typename T, typename A, typename B>
  TransformerXl(T&& r, A&& u, B&& v) : r_(r), u_(u), v_(v) {
    detail::check_held<T>();
    detail::check_held<A>();
    detail::check_held<B>();
  }

  const Table& r() const { return r_; }
  const U& u() const { return u_; }
  const V& v() const { return v_; }
  const std::optional<DistanceRange>& distances() const { return distances_; }

 private:
  detail::Held<Table> r_;
  detail::Held<U> u_;
  detail::Held<V> v_;
  std::optional<DistanceRange> distances_;
};

template <typename T, typename A, typename B, detail::IfMatrix<T, A, B> = 0>
TransformerXl(T&&, const DistanceRange&, A&&, B&&)
    -> TransformerXl<detail::HeldToRead<T>, detail::HeldToRead<A>, detail::HeldToRead<B>>;
template <typename T, typename A, typename B, detail::IfMatrix<T, A, B> = 0>
TransformerXl(T&&, A&&, B&&) -> TransformerXl<detail::HeldToRead<T>, detail::HeldToRead<A>, detail::HeldToRead<B>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class TransformerXl<detail::Misfit<Arguments...>, void, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write TransformerXl(r, distances, u, v): r is a matrix with a row for each of distances, a "
                "DistanceRange, u and v vectors of head_dim numbers or num_heads x head_dim matrices");

 public:
  TransformerXl(const Arguments&...) {}
};
template <typename... Arguments>
TransformerXl(const Arguments&...) -> TransformerXl<detail::Misfit<Arguments...>, void, void>;

/// What transformer_xl_logits_backward() adds into: TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v), each
/// of the shape of its parameter.
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV>
class TransformerXlGradients {
 public:
  template <typename Q, typename K, typename T, typename A, typename B>
  TransformerXlGradients(Q&& grad_q, K&& grad_k, T&& grad_r, A&& grad_u, B&& grad_v)
      : grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_k_(detail::written(std::forward<K>(grad_k))),
        grad_r_(detail::written(std::forward<T>(grad_r))),
        grad_u_(detail::written(std::forward<A>(grad_u))),
        grad_v_(detail::written(std::forward<B>(grad_v))) {}

  GradQuery& grad_q() { return grad_q_; }
  GradKey& grad_k() { return grad_k_; }
  GradTable& grad_r() { return grad_r_; }
  GradU& grad_u() { return grad_u_; }
  GradV& grad_v() { return grad_v_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradKey> grad_k_;
  detail::Held<GradTable> grad_r_;
  detail::Held<GradU> grad_u_;
  detail::Held<GradV> grad_v_;
};

template <typename Q, typename K, typename T, typename A, typename B, detail::IfMatrix<Q, K, T, A, B> = 0>
TransformerXlGradients(Q&&, K&&, T&&, A&&, B&&)
    -> TransformerXlGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<K>, detail::HeldToWrite<T>,
                              detail::HeldToWrite<A>, detail::HeldToWrite<B>>;

namespace detail {

/// The checked sizes of a call.
struct TransformerXlSizes {
  HeadRows rows;
  HeadVector u;
  HeadVector v;

  template <typename T, typename A, typename B, typename Query, typename Key>
  TransformerXlSizes(const char* function, const TransformerXl<T, A, B>& scheme,
                     const ContentAttention<Query, Key>& attention)
      : rows(require_distance_rows(function, "r", scheme.r().rows(), scheme.distances(), attention.span(),
                                   attention.num_heads())),
        u(function, "u", scheme.u(), attention.num_heads(), attention.head_dim()),
        v(function, "v", scheme.v(), attention.num_heads(), attention.head_dim()) {
    require_shape(function, "r", scheme.r(), scheme.r().rows(), attention.head_dim());
  }
};

}  // namespace detail

/// Adds to the logits of one head or of all heads stacked, which hold scale q k^T, the other three terms of
/// Transformer-XL. For every head
///
///     logits(i, j) += scale (u . k[j] + (q[i] + v) . r[j - (query_offset + i) - distances.first()])
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as all the rest.
/// @param scheme          TransformerXl(r, distances, u, v).
/// @param attention       ContentAttention(q, k, scale, span).
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     one product over the distances that occur and one matrix-vector product; extra memory 64 x (L_k + 31). No
///           shifted copy: row i is read from a contiguous piece (bench_relative_bias: Transformer-XL).
/// Accuracy: (2 head_dim + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  RelPartialLearnableMultiHeadAttn of Transformer-XL, RelPositionMultiHeadedAttention of
///           ESPnet, whose sinusoids interleave sines and cosines.
template <typename Logits, typename Table, typename U, typename V, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, U, V, Query, Key> = 0>
void add_transformer_xl_logits(Logits&& logits, const TransformerXl<Table, U, V>& scheme,
                               const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "add_transformer_xl_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  detail::require_logits(function, "logits", x, attention);
  const detail::TransformerXlSizes sizes(function, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), attention.k(), scheme.r(), scheme.u(), scheme.v());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& q = detail::evaluated(attention.q());
  const auto& k = detail::evaluated(attention.k());
  const auto& r = detail::evaluated(scheme.r());
  const auto& u = detail::evaluated(scheme.u());
  const auto& v = detail::evaluated(scheme.v());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    auto x_head = detail::head_rows(x, head, span.query_len());
    const auto k_head = detail::head_rows(k, head, span.key_len());
    const auto add_v = [&](auto& queries) { queries.rowwise() += sizes.v.of(v, head); };
    detail::add_relative(x_head, detail::head_rows(q, head, span.query_len()), add_v, sizes.rows.of(r, head), lowest,
                         span, scale, workspace);
    auto content = workspace.matrix(1, span.key_len());
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      content(0, j) = scale * k_head.row(j).dot(sizes.u.of(u, head));
    }
    x_head.rowwise() += content.row(0);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_transformer_xl_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_transformer_xl_logits(logits, TransformerXl(r, distances, u, v), ContentAttention(q, "
      "k, scale, span), workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same "
      "Scalar");
}

/// The gradient of add_transformer_xl_logits(): adds into grad_q, grad_k, grad_r, grad_u and grad_v. Those of q k^T
/// itself are the caller's.
/// @param[in,out] gradients             TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v).
/// @param grad_logits                   (num_heads L_q) x L_k.
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_transformer_xl_logits(), with two products; no bench case.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV, typename Grad,
          typename Table, typename U, typename V, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, GradQuery, GradKey, GradTable, GradU, GradV, Grad, Table, U, V, Query, Key> = 0>
void transformer_xl_logits_backward(TransformerXlGradients<GradQuery, GradKey, GradTable, GradU, GradV> gradients,
                                    const Grad& grad_logits, const TransformerXl<Table, U, V>& scheme,
                                    const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "transformer_xl_logits_backward";
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  auto& grad_q = gradients.grad_q();
  auto& grad_k = gradients.grad_k();
  auto& grad_r = gradients.grad_r();
  auto& grad_u = gradients.grad_u();
  auto& grad_v = gradients.grad_v();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const detail::TransformerXlSizes sizes(function, scheme, attention);
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_k", grad_k, attention.k().rows(), attention.head_dim());
  detail::require_shape(function, "grad_r", grad_r, scheme.r().rows(), attention.head_dim());
  detail::require_shape(function, "grad_u", grad_u, scheme.u().rows(), scheme.u().cols());
  detail::require_shape(function, "grad_v", grad_v, scheme.v().rows(), scheme.v().cols());
  const auto require_target = [&](const char* name, const auto& target, const auto&... other_targets) {
    detail::require_target(function, name, target, other_targets..., grad_logits, attention.q(), attention.k(),
                           scheme.r(), scheme.u(), scheme.v());
  };
  require_target("grad_q", grad_q, grad_k, grad_r, grad_u, grad_v);
  require_target("grad_k", grad_k, grad_r, grad_u, grad_v);
  require_target("grad_r", grad_r, grad_u, grad_v);
  require_target("grad_u", grad_u, grad_v);
  require_target("grad_v", grad_v);
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& k = detail::evaluated(attention.k());
  const auto& r = detail::evaluated(scheme.r());
  const auto& u = detail::evaluated(scheme.u());
  const auto& v = detail::evaluated(scheme.v());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    const auto grad_head = detail::head_rows(grad, head, span.query_len());
    const auto k_head = detail::head_rows(k, head, span.key_len());
    auto grad_k_head = detail::head_rows(grad_k, head, span.key_len());
    auto grad_u_head = sizes.u.of(grad_u, head);
    auto grad_v_head = sizes.v.of(grad_v, head);
    const auto add_v = [&](auto& queries) { queries.rowwise() += sizes.v.of(v, head); };
    const auto sum_v = [&](const auto& grad_queries) {
      for (Eigen::Index i = 0; i < grad_queries.rows(); ++i) grad_v_head += grad_queries.row(i);
    };
    detail::add_relative_gradients(detail::head_rows(grad_q, head, span.query_len()), sum_v,
                                   sizes.rows.of(grad_r, head), grad_head, detail::head_rows(q, head, span.query_len()),
                                   add_v, sizes.rows.of(r, head), lowest, span, scale, workspace);
    auto columns = workspace.matrix(1, span.key_len());
    columns = scale * grad_head.colwise().sum();
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      grad_k_head.row(j) += columns(0, j) * sizes.u.of(u, head);
      grad_u_head += columns(0, j) * k_head.row(j);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto transformer_xl_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write transformer_xl_logits_backward(TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, "
      "grad_v), grad_logits, TransformerXl(r, distances, u, v), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

// ---- posenc/relative_bias/deberta_buckets.hpp
/// DebertaBuckets: which row of DeBERTa's tables a distance has.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_BUCKETS_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_BUCKETS_HPP

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
/// The boundaries are found in integers.
/// Source:   He et al. 2021, arXiv:2006.03654; v3 arXiv:2111.09543.
/// Matches:  make_log_bucket_position of Microsoft's DeBERTa and of Hugging Face.
class DebertaBuckets {
 public:
  /// Without buckets, as v1.
  /// @param max_position  [tokens] `max_relative_positions`, > 0 (512) and at most 2^20.
  /// @throws std::invalid_argument  that does not hold.
  explicit DebertaBuckets(Eigen::Index max_position) {
    require_max_position(max_position);
    fill(max_position, max_position, max_position);
  }

  /// With logarithmic buckets, as v2 and v3.
  /// @param max_position      [tokens] `max_relative_positions`, > 0 (512) and at most 2^20.
  /// @param position_buckets  Even, in [4, 8192] (256), and position_buckets / 2 < max_position - 1.
  /// @throws std::invalid_argument  one of these does not hold.
  explicit DebertaBuckets(Eigen::Index max_position, Eigen::Index position_buckets) {
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
    // One distance beyond the last that differs: -max_position still has a row of its own.
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

// ---- posenc/relative_bias/deberta_terms.hpp
/// Deberta: the buckets and tables of DeBERTa's disentangled attention, and its gradients, as one argument each.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// In place of the table, or the gradients, of a term that the scheme lacks.
struct NoTable {};
template <typename Scalar>
inline constexpr bool holds_scalar<Scalar, NoTable, void> = true;

/// Stands for the type of a scheme that was given buckets without a name.
template <typename... Terms>
struct TemporaryBuckets {};

}  // namespace detail

/// The table that queries are multiplied with ("c2p"): ContentToPosition(table).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class ContentToPosition {
 public:
  /// @param table  buckets.rows() x head_dim, position embeddings through the key projection; once for all heads or once
  ///               for each, stacked.
  template <typename T, detail::IfMatrix<T> = 0>
  explicit ContentToPosition(T&& table) : table_(table) {
    detail::check_held<T>();
  }
  const Table& table() const { return table_; }

 private:
  detail::Held<Table> table_;
};
template <typename T, detail::IfMatrix<T> = 0>
ContentToPosition(T&&) -> ContentToPosition<detail::HeldToRead<T>>;

/// The table that keys are multiplied with ("p2c"): PositionToContent(table).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class PositionToContent {
 public:
  /// @param table  buckets.rows() x head_dim, position embeddings through the query projection; once for all heads or
  ///               once for each, stacked.
  template <typename T, detail::IfMatrix<T> = 0>
  explicit PositionToContent(T&& table) : table_(table) {
    detail::check_held<T>();
  }
  const Table& table() const { return table_; }

 private:
  detail::Held<Table> table_;
};
template <typename T, detail::IfMatrix<T> = 0>
PositionToContent(T&&) -> PositionToContent<detail::HeldToRead<T>>;

/// The parameters of DeBERTa: Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the
/// two terms alone. It holds the buckets by reference; a temporary does not compile.
template <typename C2p, typename P2c>
class Deberta {
 public:
  static constexpr bool has_content_to_position = !std::is_same_v<C2p, detail::NoTable>;
  static constexpr bool has_position_to_content = !std::is_same_v<P2c, detail::NoTable>;

  /// @param buckets              Which row each distance has; it must outlive this.
  /// @param content_to_position  The table of the queries.
  /// @param position_to_content  The table of the keys.
  Deberta(const DebertaBuckets& buckets, const ContentToPosition<C2p>& content_to_position,
          const PositionToContent<P2c>& position_to_content)
      : buckets_(&buckets),
        content_to_position_(content_to_position.table()),
        position_to_content_(position_to_content.table()) {}
  Deberta(const DebertaBuckets& buckets, const ContentToPosition<C2p>& content_to_position)
      : buckets_(&buckets), content_to_position_(content_to_position.table()), position_to_content_() {}
  Deberta(const DebertaBuckets& buckets, const PositionToContent<P2c>& position_to_content)
      : buckets_(&buckets), content_to_position_(), position_to_content_(position_to_content.table()) {}

  const DebertaBuckets& buckets() const { return *buckets_; }
  const C2p& content_to_position() const { return content_to_position_; }
  const P2c& position_to_content() const { return position_to_content_; }

 private:
  const DebertaBuckets* buckets_;
  detail::Held<C2p> content_to_position_;
  detail::Held<P2c> position_to_content_;
};

template <typename C2p, typename P2c>
Deberta(const DebertaBuckets&, const ContentToPosition<C2p>&, const PositionToContent<P2c>&) -> Deberta<C2p, P2c>;
template <typename C2p>
Deberta(const DebertaBuckets&, const ContentToPosition<C2p>&) -> Deberta<C2p, detail::NoTable>;
template <typename P2c>
Deberta(const DebertaBuckets&, const PositionToContent<P2c>&) -> Deberta<detail::NoTable, P2c>;

/// Says that the buckets would be gone before they are used.
template <typename... Terms>
class Deberta<detail::TemporaryBuckets<Terms...>, void> {
  static_assert(detail::kMisuse<Terms...>,
                "posenc: the buckets are a temporary, which would be gone before they are used: give them a name");

 public:
  Deberta(const DebertaBuckets&, const Terms&...) {}
};
template <typename... Terms>
Deberta(const DebertaBuckets&&, const Terms&...) -> Deberta<detail::TemporaryBuckets<Terms...>, void>;

/// Says what is missing or out of order.
template <typename... Arguments>
class Deberta<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the "
      "two: buckets is a DebertaBuckets, the tables are matrices with buckets.rows() rows");

 public:
  Deberta(const Arguments&...) {}
};
template <typename... Arguments>
Deberta(const Arguments&...) -> Deberta<detail::Misfit<Arguments...>, void>;

namespace detail {

/// The two gradients of one term.
template <typename GradContent, typename GradTable>
class DebertaTermGradients {
 public:
  template <typename C, typename T>
  DebertaTermGradients(C&& grad_content, T&& grad_table)
      : grad_content_(written(std::forward<C>(grad_content))), grad_table_(written(std::forward<T>(grad_table))) {}

  GradContent& grad_content() { return grad_content_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  Held<GradContent> grad_content_;
  Held<GradTable> grad_table_;
};

}  // namespace detail

/// What the backward pass of the content-to-position term adds into: ContentToPositionGradients(grad_q, grad_table),
/// each of the shape of its parameter.
template <typename GradQuery, typename GradTable>
class ContentToPositionGradients : public detail::DebertaTermGradients<GradQuery, GradTable> {
 public:
  template <typename Q, typename T>
  ContentToPositionGradients(Q&& grad_q, T&& grad_table)
      : detail::DebertaTermGradients<GradQuery, GradTable>(std::forward<Q>(grad_q), std::forward<T>(grad_table)) {}
};
template <typename Q, typename T, detail::IfMatrix<Q, T> = 0>
ContentToPositionGradients(Q&&, T&&) -> ContentToPositionGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

/// What the backward pass of the position-to-content term adds into: PositionToContentGradients(grad_k, grad_table),
/// each of the shape of its parameter.
template <typename GradKey, typename GradTable>
class PositionToContentGradients : public detail::DebertaTermGradients<GradKey, GradTable> {
 public:
  template <typename K, typename T>
  PositionToContentGradients(K&& grad_k, T&& grad_table)
      : detail::DebertaTermGradients<GradKey, GradTable>(std::forward<K>(grad_k), std::forward<T>(grad_table)) {}
};
template <typename K, typename T, detail::IfMatrix<K, T> = 0>
PositionToContentGradients(K&&, T&&) -> PositionToContentGradients<detail::HeldToWrite<K>, detail::HeldToWrite<T>>;

/// What deberta_logits_backward() adds into: DebertaGradients(ContentToPositionGradients(grad_q, grad_table),
/// PositionToContentGradients(grad_k, grad_table)), or one of the two, as the scheme has them.
template <typename C2pGradients, typename P2cGradients>
class DebertaGradients {
 public:
  DebertaGradients(const C2pGradients& content_to_position, const P2cGradients& position_to_content)
      : content_to_position_(content_to_position), position_to_content_(position_to_content) {}
  explicit DebertaGradients(const C2pGradients& content_to_position) : content_to_position_(content_to_position) {}
  explicit DebertaGradients(const P2cGradients& position_to_content) : position_to_content_(position_to_content) {}

  C2pGradients& content_to_position() { return content_to_position_; }
  P2cGradients& position_to_content() { return position_to_content_; }

 private:
  C2pGradients content_to_position_;
  P2cGradients position_to_content_;
};

template <typename Q, typename T, typename K, typename U>
DebertaGradients(const ContentToPositionGradients<Q, T>&, const PositionToContentGradients<K, U>&)
    -> DebertaGradients<ContentToPositionGradients<Q, T>, PositionToContentGradients<K, U>>;
template <typename Q, typename T>
DebertaGradients(const ContentToPositionGradients<Q, T>&)
    -> DebertaGradients<ContentToPositionGradients<Q, T>, detail::NoTable>;
template <typename K, typename U>
DebertaGradients(const PositionToContentGradients<K, U>&)
    -> DebertaGradients<detail::NoTable, PositionToContentGradients<K, U>>;

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP

// ---- posenc/relative_bias/detail/deberta_scores.hpp
/// The scores of one term of DeBERTa for one head, and their gradients, in blocks of tokens.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

enum class DebertaTerm { content_to_position, position_to_content };

/// visit(token - block, query, key) for all pairs of the content tokens [block, block + rows), which are queries in one
/// term and keys in the other.
template <DebertaTerm Term, typename Visit>
void for_each_deberta_pair(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, Visit&& visit) {
  if constexpr (Term == DebertaTerm::content_to_position) {
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) visit(i, block + i, j);
    }
  } else {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < rows; ++j) visit(j, i, block + j);
    }
  }
}

/// x(i, j) += scale content[i or j] . table[row of the pair].
template <DebertaTerm Term, typename X, typename Content, typename Table, typename Scalar>
void add_deberta_scores(X&& x, const Content& content, const Table& table, const DebertaBuckets& buckets,
                        const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < content.rows(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, content.rows() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    add_product(scores, content.middleRows(block, rows), table.transpose(), scale);
    for_each_deberta_pair<Term>(span, block, rows, [&](Eigen::Index token, Eigen::Index i, Eigen::Index j) {
      x.coeffRef(i, j) += scores(token, buckets(-span.relative(i, j)));
    });
  }
}

/// The gradients of add_deberta_scores().
template <DebertaTerm Term, typename GradContent, typename GradTable, typename Grad, typename Content, typename Table,
          typename Scalar>
void add_deberta_gradients(GradContent&& grad_content, GradTable&& grad_table, const Grad& grad, const Content& content,
                           const Table& table, const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                           Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < content.rows(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, content.rows() - block);
    auto sums = scratch.topRows(rows);
    sums.setZero();
    for_each_deberta_pair<Term>(span, block, rows, [&](Eigen::Index token, Eigen::Index i, Eigen::Index j) {
      sums(token, buckets(-span.relative(i, j))) += grad.coeff(i, j);
    });
    add_product(grad_content.middleRows(block, rows), sums, table, scale);
    add_product(grad_table, sums.transpose(), content.middleRows(block, rows), scale);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP

// ---- posenc/relative_bias/deberta.hpp
/// DeBERTa: disentangled attention, content against position and position against content.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The rows of DeBERTa's table that each head has; of no table, nothing.
template <typename Table, typename Query, typename Key>
HeadRows require_deberta(const char* function, const char* parameter, const Table& table, const DebertaBuckets& buckets,
                         const ContentAttention<Query, Key>& attention) {
  if constexpr (std::is_same_v<Table, NoTable>) {
    return HeadRows(function, parameter, 0, 0, 0, "");
  } else {
    const HeadRows rows(function, parameter, table.rows(), buckets.rows(), attention.num_heads(), " (buckets.rows())");
    require_shape(function, parameter, table, table.rows(), attention.head_dim());
    return rows;
  }
}

}  // namespace detail

/// Adds DeBERTa's content-to-position and position-to-content scores to the logits of one head or of all heads stacked,
/// in place. For every head, and each term that the scheme has,
///
///     logits(i, j) += scale q[i] . content_to_position[row(query_offset + i - j)]
///                   + scale k[j] . position_to_content[row(query_offset + i - j)]
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as the rest.
/// @param scheme          Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the terms.
/// @param attention       ContentAttention(q, k, scale, span), scale = 1 / sqrt(head_dim (1 + number of terms)).
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     for a head and a term one product tokens x head_dim x buckets.rows(), then one look-up in a row for each
///           logit. Extra memory 32 x buckets.rows(). No bench case yet.
/// Accuracy: (head_dim + 2)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4.
/// Matches:  "c2p|p2c" of disentangled_attention.py in Microsoft's DeBERTa.
template <typename Logits, typename C2p, typename P2c, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, C2p, P2c, Query, Key> = 0>
void add_deberta_logits(Logits&& logits, const Deberta<C2p, P2c>& scheme, const ContentAttention<Query, Key>& attention,
                        Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_logits";
  constexpr bool has_c2p = Deberta<C2p, P2c>::has_content_to_position;
  constexpr bool has_p2c = Deberta<C2p, P2c>::has_position_to_content;
  auto& x = detail::written(std::forward<Logits>(logits));
  const DebertaBuckets& buckets = scheme.buckets();
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  detail::require_logits(function, "logits", x, attention);
  const auto c2p_rows =
      detail::require_deberta(function, "content_to_position", scheme.content_to_position(), buckets, attention);
  const auto p2c_rows =
      detail::require_deberta(function, "position_to_content", scheme.position_to_content(), buckets, attention);
  detail::require_target(function, "logits", x, attention.q(), attention.k());
  if constexpr (has_c2p) {
    detail::require_target(function, "logits", x, scheme.content_to_position());
  }
  if constexpr (has_p2c) {
    detail::require_target(function, "logits", x, scheme.position_to_content());
  }
  if constexpr (has_c2p) {
    const auto& q = detail::evaluated(attention.q());
    const auto& table = detail::evaluated(scheme.content_to_position());
    for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
      detail::add_deberta_scores<detail::DebertaTerm::content_to_position>(
          detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
          c2p_rows.of(table, head), buckets, span, scale, workspace);
    }
  }
  if constexpr (has_p2c) {
    const auto& k = detail::evaluated(attention.k());
    const auto& table = detail::evaluated(scheme.position_to_content());
    for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
      detail::add_deberta_scores<detail::DebertaTerm::position_to_content>(
          detail::head_rows(x, head, span.query_len()), detail::head_rows(k, head, span.key_len()),
          p2c_rows.of(table, head), buckets, span, scale, workspace);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_deberta_logits(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_deberta_logits(logits, Deberta(buckets, ContentToPosition(table), "
                "PositionToContent(table)), ContentAttention(q, k, scale, span), workspace): logits is a matrix, "
                "workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_deberta_logits(): adds into the gradients of what each term reads.
/// @param[in,out] gradients             DebertaGradients(ContentToPositionGradients(grad_q, grad_table),
///                                      PositionToContentGradients(grad_k, grad_table)), or with the one term of the
///                                      scheme.
/// @param grad_logits                   (num_heads L_q) x L_k.
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_deberta_logits(), with two products for a term. No bench case yet.
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename C2pGradients, typename P2cGradients, typename Grad, typename C2p, typename P2c, typename Query,
          typename Key, typename Scalar, detail::IfScalar<Scalar, Grad, C2p, P2c, Query, Key> = 0>
void deberta_logits_backward(DebertaGradients<C2pGradients, P2cGradients> gradients, const Grad& grad_logits,
                             const Deberta<C2p, P2c>& scheme, const ContentAttention<Query, Key>& attention,
                             Workspace<Scalar>& workspace) {
  const char* const function = "deberta_logits_backward";
  constexpr bool has_c2p = Deberta<C2p, P2c>::has_content_to_position;
  constexpr bool has_p2c = Deberta<C2p, P2c>::has_position_to_content;
  static_assert(has_c2p == !std::is_same_v<C2pGradients, detail::NoTable> &&
                    has_p2c == !std::is_same_v<P2cGradients, detail::NoTable>,
                "posenc: DebertaGradients must have the terms of Deberta: ContentToPositionGradients for "
                "ContentToPosition, PositionToContentGradients for PositionToContent");
  const DebertaBuckets& buckets = scheme.buckets();
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const auto c2p_rows =
      detail::require_deberta(function, "content_to_position", scheme.content_to_position(), buckets, attention);
  const auto p2c_rows =
      detail::require_deberta(function, "position_to_content", scheme.position_to_content(), buckets, attention);
  const auto check = [&](const char* content_name, const auto& grad_content, const auto& content, const char* name,
                         const auto& grad_table, const auto& table) {
    static_assert(
        detail::holds_scalar<Scalar, decltype(grad_content)> && detail::holds_scalar<Scalar, decltype(grad_table)>,
        "posenc: gradients hold the scalar of the workspace");
    detail::require_shape(function, content_name, grad_content, content.rows(), content.cols());
    detail::require_shape(function, name, grad_table, table.rows(), table.cols());
    detail::require_target(function, content_name, grad_content, grad_table, grad_logits, attention.q(), attention.k(),
                           table);
    detail::require_target(function, name, grad_table, grad_logits, attention.q(), attention.k(), table);
  };
  if constexpr (has_c2p) {
    auto& c2p = gradients.content_to_position();
    check("grad_q", c2p.grad_content(), attention.q(), "grad_content_to_position", c2p.grad_table(),
          scheme.content_to_position());
  }
  if constexpr (has_p2c) {
    auto& p2c = gradients.position_to_content();
    check("grad_k", p2c.grad_content(), attention.k(), "grad_position_to_content", p2c.grad_table(),
          scheme.position_to_content());
  }
  if constexpr (has_c2p && has_p2c) {
    auto& c2p = gradients.content_to_position();
    auto& p2c = gradients.position_to_content();
    detail::require_target(function, "grad_q", c2p.grad_content(), p2c.grad_content(), p2c.grad_table(),
                           scheme.position_to_content());
    detail::require_target(function, "grad_content_to_position", c2p.grad_table(), p2c.grad_content(), p2c.grad_table(),
                           scheme.position_to_content());
    detail::require_target(function, "grad_k", p2c.grad_content(), scheme.content_to_position());
    detail::require_target(function, "grad_position_to_content", p2c.grad_table(), scheme.content_to_position());
  }
  const auto& grad = detail::evaluated(grad_logits);
  if constexpr (has_c2p) {
    auto& c2p = gradients.content_to_position();
    const auto& q = detail::evaluated(attention.q());
    const auto& table = detail::evaluated(scheme.content_to_position());
    for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
      detail::add_deberta_gradients<detail::DebertaTerm::content_to_position>(
          detail::head_rows(c2p.grad_content(), head, span.query_len()), c2p_rows.of(c2p.grad_table(), head),
          detail::head_rows(grad, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
          c2p_rows.of(table, head), buckets, span, scale, workspace);
    }
  }
  if constexpr (has_p2c) {
    auto& p2c = gradients.position_to_content();
    const auto& k = detail::evaluated(attention.k());
    const auto& table = detail::evaluated(scheme.position_to_content());
    for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
      detail::add_deberta_gradients<detail::DebertaTerm::position_to_content>(
          detail::head_rows(p2c.grad_content(), head, span.key_len()), p2c_rows.of(p2c.grad_table(), head),
          detail::head_rows(grad, head, span.query_len()), detail::head_rows(k, head, span.key_len()),
          p2c_rows.of(table, head), buckets, span, scale, workspace);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto deberta_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write deberta_logits_backward(DebertaGradients(ContentToPositionGradients(grad_q, grad_table), "
      "PositionToContentGradients(grad_k, grad_table)), grad_logits, Deberta(buckets, ContentToPosition(table), "
      "PositionToContent(table)), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_HPP

// ---- posenc/relative_bias.hpp
/// Relative biases: added to attention logits (and, for Shaw, to values).
#ifndef POSENC_RELATIVE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_HPP

// Which queries meet which keys, and at which distances.

// By distance alone: one number per head and distance.

// By distance, from a small network.

// In windows of an image.

// By content: the attention around a scheme, then the schemes.

#endif  // POSENC_RELATIVE_BIAS_HPP

// ---- posenc/rope/half_bits.hpp
/// as_half() and as_bfloat16(): 16-bit buffers of other libraries, for the views of heads_view.hpp.
#ifndef POSENC_ROPE_HALF_BITS_HPP
#define POSENC_ROPE_HALF_BITS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A pointer to numbers that another library may keep under a type of its own. Only views take it, and what they read
/// and write is copied byte by byte.
template <typename Scalar>
class BitsPointer {
 public:
  explicit BitsPointer(Scalar* data) : data_(data) {}
  Scalar* data() const { return data_; }

 private:
  Scalar* data_;
};

/// Whether a 16-bit type is one of floating-point numbers that hold 1 + 2^-8, as half does and bfloat16 does not.
/// 0: no; 1: yes; -1: not known, because it is an integer or a class.
template <typename Bits>
constexpr int holds_half_precision() {
  if constexpr (std::is_class_v<Bits> || std::is_integral_v<Bits> || std::is_enum_v<Bits>) {
    return -1;
  } else {
    return static_cast<float>(static_cast<Bits>(1.00390625f)) == 1.00390625f ? 1 : 0;
  }
}

template <typename Scalar, typename Bits>
auto bits_as(Bits* bits) {
  using Value = std::remove_const_t<Bits>;
  static_assert(!std::is_pointer_v<Value> && std::is_trivially_copyable_v<Value> && sizeof(Value) == 2,
                "posenc: as_half() and as_bfloat16() take a pointer to numbers of 16 bits");
  if constexpr (sizeof(Value) == 2) {
    constexpr int half = holds_half_precision<Value>();
    static_assert(half != 0 || std::is_same_v<Scalar, Eigen::bfloat16>,
                  "posenc: these are bfloat16 numbers: write as_bfloat16(bits)");
    static_assert(half != 1 || !std::is_same_v<Scalar, Eigen::bfloat16>,
                  "posenc: these are half numbers: write as_half(bits)");
  }
  using Target = std::conditional_t<std::is_const_v<Bits>, const Scalar, Scalar>;
  return BitsPointer<Target>(reinterpret_cast<Target*>(bits));
}

}  // namespace detail

/// Names a 16-bit buffer of another library as half numbers (IEEE binary16), for view_blhd() and its siblings:
///
///     apply_rope(view_blhd(as_half(bits), shape), table, layout);
///
/// The view reads and writes the buffer through bytes, so that the compiler sees that the buffer changes whatever its
/// type is. A reinterpret_cast to Eigen::half* does not give that: g++ -O2 then reads old values of a _Float16 buffer.
/// @param bits  uint16_t*, _Float16*, std::float16_t* or a pointer to a trivially copyable class of 2 bytes; of const
///              for what is only read.
/// Cost: none (no bench case: it is a cast).
template <typename Bits>
auto as_half(Bits* bits) {
  return detail::bits_as<Eigen::half>(bits);
}

/// Names a 16-bit buffer of another library as bfloat16 numbers, as as_half() does for half.
///
/// @param bits  uint16_t*, std::bfloat16_t*, __bf16* or a pointer to a trivially copyable class of 2 bytes; of const
///              for what is only read.
/// Cost: none (no bench case: it is a cast).
template <typename Bits>
auto as_bfloat16(Bits* bits) {
  return detail::bits_as<Eigen::bfloat16>(bits);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HALF_BITS_HPP

// ---- posenc/rope/heads_shape.hpp
/// HeadsShape and HeadsStrides: the sizes of queries or keys in a raw buffer, by name.
#ifndef POSENC_ROPE_HEADS_SHAPE_HPP
#define POSENC_ROPE_HEADS_SHAPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The sizes of queries or keys, each by its name and in any order:
///
///     const auto shape = HeadsShape().batch(2).seq_len(16).num_heads(32).head_dim(128);
///
/// A size that is not given is missing, not 1: the view that needs it refuses by its name. Only view_packed() needs no
/// batch.
class HeadsShape {
 public:
  /// @param sequences  Number of sequences, >= 0.
  HeadsShape batch(Eigen::Index sequences) const { return with(&HeadsShape::batch_, sequences); }
  /// @param tokens  Tokens of each sequence, >= 0.
  HeadsShape seq_len(Eigen::Index tokens) const { return with(&HeadsShape::seq_len_, tokens); }
  /// @param heads  Heads of each token, >= 0.
  HeadsShape num_heads(Eigen::Index heads) const { return with(&HeadsShape::num_heads_, heads); }
  /// @param channels  Channels of each head, > 0.
  HeadsShape head_dim(Eigen::Index channels) const { return with(&HeadsShape::head_dim_, channels); }

  std::optional<Eigen::Index> batch() const { return batch_; }
  std::optional<Eigen::Index> seq_len() const { return seq_len_; }
  std::optional<Eigen::Index> num_heads() const { return num_heads_; }
  std::optional<Eigen::Index> head_dim() const { return head_dim_; }

 private:
  using Size = std::optional<Eigen::Index>;

  HeadsShape with(Size HeadsShape::*size, Eigen::Index value) const {
    HeadsShape shape = *this;
    shape.*size = value;
    return shape;
  }

  Size batch_;
  Size seq_len_;
  Size num_heads_;
  Size head_dim_;
};

/// The way from one sequence, token or head to the next, in numbers (not bytes), each by its name and in any order:
///
///     const HeadsView q(data, shape, HeadsStrides().batch(seq_len * row).token(row).head(head_dim));
///
/// A stride may be negative. One that is not given is missing, and refused where there is more than one to walk over.
class HeadsStrides {
 public:
  HeadsStrides batch(Eigen::Index stride) const { return with(&HeadsStrides::batch_, stride); }
  HeadsStrides token(Eigen::Index stride) const { return with(&HeadsStrides::token_, stride); }
  HeadsStrides head(Eigen::Index stride) const { return with(&HeadsStrides::head_, stride); }

  std::optional<Eigen::Index> batch() const { return batch_; }
  std::optional<Eigen::Index> token() const { return token_; }
  std::optional<Eigen::Index> head() const { return head_; }

 private:
  using Stride = std::optional<Eigen::Index>;

  HeadsStrides with(Stride HeadsStrides::*stride, Eigen::Index value) const {
    HeadsStrides strides = *this;
    strides.*stride = value;
    return strides;
  }

  Stride batch_;
  Stride token_;
  Stride head_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_SHAPE_HPP

// ---- posenc/rope/heads_view.hpp
/// HeadsView: queries or keys in a buffer that somebody else owns.
#ifndef POSENC_ROPE_HEADS_VIEW_HPP
#define POSENC_ROPE_HEADS_VIEW_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

struct HeadsViewAccess;

/// What a view is made of where its sizes have no names.
struct SizesWithoutNames {};

template <typename... Arguments>
inline constexpr bool is_view_call = false;
template <typename Pointer>
inline constexpr bool is_view_call<Pointer, HeadsShape> = true;

/// Stops the compiler where view_blhd() and its siblings are called with something else than data and a shape.
template <typename... Arguments>
constexpr void explain_view_call() {
  static_assert(is_view_call<Arguments...>,
                "posenc: a view is made of data and sizes with names: write view_blhd(data, "
                "HeadsShape().batch(b).seq_len(l).num_heads(h).head_dim(d))");
}

/// The order of the axes in a buffer without gaps.
enum class HeadsOrder { blhd, bhld };

}  // namespace detail

/// Queries or keys in a raw buffer: channel c of head h of token t of sequence b lies at
///
///     data[b * batch_stride + t * token_stride + h * head_stride + c]
///
/// It owns nothing: the buffer must outlive it. Made by view_blhd(), view_bhld() and view_packed(), or from strides of
/// one's own. What it is given is checked once, here; apply_rope() checks further that heads that it writes do not lie
/// in one another.
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16; const for what is only read.
template <typename Scalar>
class HeadsView {
  static_assert(!std::is_same_v<Scalar, detail::SizesWithoutNames>,
                "posenc: a view is made of data and sizes with names: write view_blhd(data, "
                "HeadsShape().batch(b).seq_len(l).num_heads(h).head_dim(d))");
  static_assert(detail::is_storage<std::remove_const_t<Scalar>> || std::is_same_v<Scalar, detail::SizesWithoutNames>,
                "posenc: a view holds float, double, Eigen::half or Eigen::bfloat16; for 16-bit numbers of another "
                "library write as_half(data) or as_bfloat16(data)");

 public:
  /// @param data     The first channel of head 0 of token 0 of sequence 0.
  /// @param shape    All four sizes.
  /// @param strides  Those of the axes that have more than one element.
  /// @throws std::invalid_argument  a size or stride that is missing; a size < 0, head_dim <= 0; null data where there
  ///                                is something to read.
  /// @throws std::length_error      a view beyond memory.
  HeadsView(Scalar* data, const HeadsShape& shape, const HeadsStrides& strides)
      : HeadsView(Checked{"HeadsView"}, data, shape, strides) {}
  HeadsView(detail::BitsPointer<Scalar> data, const HeadsShape& shape, const HeadsStrides& strides)
      : HeadsView(Checked{"HeadsView"}, data.data(), shape, strides) {}

  /// Numbers that may be of another library's type: see as_half().
  Scalar* data() const { return data_; }
  Eigen::Index batch() const { return batch_; }
  Eigen::Index seq_len() const { return seq_len_; }
  Eigen::Index num_heads() const { return num_heads_; }
  Eigen::Index head_dim() const { return head_dim_; }
  Eigen::Index batch_stride() const { return batch_stride_; }
  Eigen::Index token_stride() const { return token_stride_; }
  Eigen::Index head_stride() const { return head_stride_; }

 private:
  friend struct detail::HeadsViewAccess;

  struct Checked {
    const char* function;
  };

  HeadsView(Checked by, Scalar* data, const HeadsShape& shape, const HeadsStrides& strides)
      : data_(data),
        batch_(given(by.function, "shape.batch", shape.batch())),
        seq_len_(given(by.function, "shape.seq_len", shape.seq_len())),
        num_heads_(given(by.function, "shape.num_heads", shape.num_heads())),
        head_dim_(given(by.function, "shape.head_dim", shape.head_dim())),
        batch_stride_(stride(by.function, "strides.batch", batch_, strides.batch())),
        token_stride_(stride(by.function, "strides.token", seq_len_, strides.token())),
        head_stride_(stride(by.function, "strides.head", num_heads_, strides.head())) {
    const char* const function = by.function;
    detail::require(head_dim_ > 0, function, "shape.head_dim()", head_dim_, "> 0");
    require_axis(function, "shape.batch()", batch_, batch_stride_);
    require_axis(function, "shape.seq_len()", seq_len_, token_stride_);
    require_axis(function, "shape.num_heads()", num_heads_, head_stride_);
    detail::require_size(function, "shape.head_dim()", head_dim_, 1, 4 * sizeof(Scalar));
    const bool empty = batch_ == 0 || seq_len_ == 0 || num_heads_ == 0;
    detail::require(empty || data != nullptr, function, "data", "null", "a valid pointer");
  }

  static Eigen::Index given(const char* function, const char* name, const std::optional<Eigen::Index>& size) {
    if (!size) detail::refuse<std::invalid_argument>(function, name + std::string("(n)"), "nothing", "given");
    if (*size < 0) detail::refuse<std::invalid_argument>(function, name + std::string("()"), *size, ">= 0");
    return *size;
  }
  static Eigen::Index stride(const char* function, const char* name, Eigen::Index count,
                             const std::optional<Eigen::Index>& stride) {
    if (!stride && count > 1) {
      detail::refuse<std::invalid_argument>(function, name + std::string("(n)"), "nothing", "given");
    }
    return stride.value_or(0);
  }
  /// Each axis and a head take a quarter of what can be addressed at most, so that all of them together fit.
  static void require_axis(const char* function, const char* name, Eigen::Index count, Eigen::Index stride) {
    constexpr std::uint64_t limit =
        static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar) / 4;
    const std::uint64_t steps = count > 1 ? static_cast<std::uint64_t>(count) - 1 : 0;
    const std::uint64_t distance = detail::distance_of(stride);
    if (distance > 0 && steps > limit / distance) {
      detail::refuse<std::length_error>(function, name, count, "at most ", limit / distance + 1, " for a stride of ",
                                        stride);
    }
  }

  Scalar* data_;
  Eigen::Index batch_;
  Eigen::Index seq_len_;
  Eigen::Index num_heads_;
  Eigen::Index head_dim_;
  Eigen::Index batch_stride_;
  Eigen::Index token_stride_;
  Eigen::Index head_stride_;
};

/// Says how sizes are given.
template <typename... Arguments, std::enable_if_t<(sizeof...(Arguments) > 3), int> = 0>
HeadsView(const Arguments&...) -> HeadsView<detail::SizesWithoutNames>;

namespace detail {

template <typename T>
inline constexpr bool is_heads_view = false;
template <typename Scalar>
inline constexpr bool is_heads_view<HeadsView<Scalar>> = true;

struct HeadsViewAccess {
  template <typename Scalar>
  static HeadsView<Scalar> make(const char* function, Scalar* data, const HeadsShape& shape,
                                const HeadsStrides& strides) {
    return HeadsView<Scalar>(typename HeadsView<Scalar>::Checked{function}, data, shape, strides);
  }
};

/// Strides without gaps. Sizes that are missing or negative are refused by the view that is made with them, and
/// products that overflow are those of a view beyond memory.
inline HeadsStrides contiguous_strides(const HeadsShape& shape, HeadsOrder order) {
  const auto size = [](const std::optional<Eigen::Index>& given) {
    return (std::max)(given.value_or(0), Eigen::Index(0));
  };
  const auto times = [](Eigen::Index a, Eigen::Index b) {
    constexpr Eigen::Index most = (std::numeric_limits<Eigen::Index>::max)();
    return b != 0 && a > most / b ? most : a * b;
  };
  const Eigen::Index head = size(shape.head_dim());
  if (order == HeadsOrder::blhd) {
    const Eigen::Index token = times(size(shape.num_heads()), head);
    return HeadsStrides().batch(times(size(shape.seq_len()), token)).token(token).head(head);
  }
  const Eigen::Index heads = times(size(shape.seq_len()), head);
  return HeadsStrides().batch(times(size(shape.num_heads()), heads)).token(head).head(heads);
}

template <typename Scalar>
HeadsView<Scalar> contiguous_view(const char* function, Scalar* data, const HeadsShape& shape, HeadsOrder order) {
  return HeadsViewAccess::make(function, data, shape, contiguous_strides(shape, order));
}

template <typename Scalar>
HeadsView<Scalar> contiguous_view(const char* function, BitsPointer<Scalar> data, const HeadsShape& shape,
                                  HeadsOrder order) {
  return contiguous_view(function, data.data(), shape, order);
}

}  // namespace detail

/// Views queries or keys in [batch, seq_len, num_heads, head_dim] order: flash-attention, vLLM, what a projection puts
/// out.
///
/// @param data   float*, double*, Eigen::half*, Eigen::bfloat16*, or what as_half() and as_bfloat16() return:
///               batch * seq_len * num_heads * head_dim numbers without gaps; of const for what is only read.
/// @param shape  All four sizes.
/// @throws       as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_blhd(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_blhd", data, shape, detail::HeadsOrder::blhd);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_blhd(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

/// Views queries or keys in [batch, num_heads, seq_len, head_dim] order: Hugging Face, ONNX 4-D, CTranslate2.
///
/// @param data, shape  As of view_blhd().
/// @throws             as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_bhld(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_bhld", data, shape, detail::HeadsOrder::bhld);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_bhld(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

/// Views queries or keys in [tokens, num_heads * head_dim] order, sequences of any length one after the other: vLLM,
/// flash-attention varlen.
///
/// @param data   As of view_blhd().
/// @param shape  seq_len is the number of all tokens, and batch is not given; with a batch it is view_blhd().
/// @throws       as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_packed(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_packed", data, shape.batch() ? shape : shape.batch(1), detail::HeadsOrder::blhd);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_packed(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_VIEW_HPP

// ---- posenc/rope/rope_layout.hpp
/// RopeLayout: which channels of a head rotate, and which two of them make a pair.
#ifndef POSENC_ROPE_ROPE_LAYOUT_HPP
#define POSENC_ROPE_ROPE_LAYOUT_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// How two channels of the window that rotates form a pair.
enum class RopePairs {
  half_split,  ///< Channels i and i + rotary_dim/2: GPT-NeoX, Hugging Face rotate_half, ggml NEOX.
  interleaved  ///< Channels 2i and 2i + 1: GPT-J, Meta's Llama code, ggml NORMAL, MLX traditional=True.
};

/// Which channels of a head rotate, and which two of them make a pair: a constant of a checkpoint.
///
/// A whole head rotates unless a window is named; the channels outside of it stay as they are. With head_dim 8 (digit =
/// pair, . = unchanged):
///
///     half_split(8)               0 1 2 3 0 1 2 3
///     interleaved(8)              0 0 1 1 2 2 3 3
///     half_split(8).prefix(6)     0 1 2 0 1 2 . .     GPT-NeoX, Phi
///     interleaved(8).prefix(6)    0 0 1 1 2 2 . .     GPT-J, GLM
///     interleaved(8).suffix(6)    . . 0 0 1 1 2 2     DeepSeek
///     half_split(8).window(2, 4)  . . 0 1 0 1 . .     one axis of a picture
///
/// There is no default for the pairs. Weights trained with one layout give wrong results with the other, and nothing
/// can detect it: norms stay, and position 0 is even right.
class RopeLayout {
 public:
  /// @param pairs     How channels pair up.
  /// @param head_dim  Channels of one head (not of all heads), > 0.
  /// @throws std::invalid_argument  head_dim <= 0.
  RopeLayout(RopePairs pairs, Eigen::Index head_dim)
      : pairs_(pairs), head_dim_(checked("RopeLayout", head_dim)), offset_(0), rotary_dim_(head_dim) {}
  /// How channels pair up has no default.
  template <typename... Size, std::enable_if_t<sizeof...(Size) <= 1 && (std::is_arithmetic_v<Size> && ...), int> = 0>
  explicit RopeLayout(Size...) = delete;

  /// @param head_dim  Channels of one head (not of all heads), > 0.
  /// @throws std::invalid_argument  head_dim <= 0.
  static RopeLayout half_split(Eigen::Index head_dim) {
    return RopeLayout(RopePairs::half_split, checked("RopeLayout::half_split", head_dim));
  }
  /// @copydoc half_split
  static RopeLayout interleaved(Eigen::Index head_dim) {
    return RopeLayout(RopePairs::interleaved, checked("RopeLayout::interleaved", head_dim));
  }
  /// @overload
  /// Says how the part that rotates is named.
  template <typename... Sizes, std::enable_if_t<sizeof...(Sizes) != 1, int> = 0>
  static RopeLayout half_split(const Sizes&...) {
    return explain_window<Sizes...>();
  }
  /// @overload
  /// Says how the part that rotates is named.
  template <typename... Sizes, std::enable_if_t<sizeof...(Sizes) != 1, int> = 0>
  static RopeLayout interleaved(const Sizes&...) {
    return explain_window<Sizes...>();
  }

  /// The same pairs in the first `width` channels of a head alone.
  /// @param width  Channels that rotate: even, > 0, at most head_dim.
  /// @throws std::invalid_argument  one of these does not hold.
  RopeLayout prefix(Eigen::Index width) const { return with_window("RopeLayout::prefix", 0, width); }
  /// The same pairs in the last `width` channels of a head alone.
  /// @param width  As of prefix().
  /// @throws std::invalid_argument  as prefix().
  RopeLayout suffix(Eigen::Index width) const { return with_window("RopeLayout::suffix", head_dim_ - width, width); }
  /// The same pairs in channels offset ... offset + width - 1 of a head alone.
  /// @param offset  First channel that rotates, >= 0.
  /// @param width   Channels that rotate: even, > 0, at most head_dim - offset.
  /// @throws std::invalid_argument  one of these does not hold.
  RopeLayout window(Eigen::Index offset, Eigen::Index width) const {
    detail::require(offset >= 0 && offset < head_dim_, "RopeLayout::window", "offset", offset, "in [0, head_dim ",
                    head_dim_, ")");
    return with_window("RopeLayout::window", offset, width);
  }

  RopePairs pairs() const { return pairs_; }
  /// Channels of one head.
  Eigen::Index head_dim() const { return head_dim_; }
  /// First channel of the window that rotates.
  Eigen::Index offset() const { return offset_; }
  /// Channels of the window that rotates: what a table's rotary_dim() must be.
  Eigen::Index rotary_dim() const { return rotary_dim_; }

 private:
  static Eigen::Index checked(const char* function, Eigen::Index head_dim) {
    detail::require(head_dim > 0, function, "head_dim", head_dim, "> 0");
    return head_dim;
  }

  template <typename... Sizes>
  static RopeLayout explain_window() {
    static_assert(sizeof...(Sizes) == 1,
                  "posenc: a layout takes head_dim alone, and says by name which part of a head rotates: write "
                  "half_split(head_dim).prefix(width), .suffix(width) or .window(offset, width)");
    return RopeLayout(RopePairs::half_split, 1);
  }

  RopeLayout with_window(const char* function, Eigen::Index offset, Eigen::Index width) const {
    detail::require(width > 0 && width % 2 == 0, function, "width", width, "even and > 0");
    const Eigen::Index most = offset < 0 ? head_dim_ : head_dim_ - offset;
    detail::require(width <= most, function, "width", width, "at most ", most, " (channels of the head from there on)");
    RopeLayout layout = *this;
    layout.offset_ = offset;
    layout.rotary_dim_ = width;
    return layout;
  }

  RopePairs pairs_;
  Eigen::Index head_dim_;
  Eigen::Index offset_;
  Eigen::Index rotary_dim_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROPE_LAYOUT_HPP

// ---- posenc/rope/detail/rope_call.hpp
/// What a call of apply_rope() is made of, and the sentence for one that is made of something else.
#ifndef POSENC_ROPE_DETAIL_ROPE_CALL_HPP
#define POSENC_ROPE_DETAIL_ROPE_CALL_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T>
inline constexpr bool is_table_rotation = false;
template <RotationSense Sense, typename Table>
inline constexpr bool is_table_rotation<TableRotation<Sense, Table>> = true;

/// Queries or keys: an Eigen object or a HeadsView.
template <typename T>
inline constexpr bool is_heads = is_dense<T> || is_heads_view<T>;
/// What rotates: a table, its view, table.adjoint() or table.inverse().
template <typename T>
inline constexpr bool is_rope_table = is_frequency_table<T> || is_table_rotation<T>;
template <typename T>
inline constexpr bool is_rope_layout = std::is_same_v<T, RopeLayout>;

template <typename Tuple, std::size_t I, typename = void>
struct ArgumentAt {
  using type = void;
};
template <typename... A, std::size_t I>
struct ArgumentAt<std::tuple<A...>, I, std::enable_if_t<(I < sizeof...(A))>> {
  using type = std::tuple_element_t<I, std::tuple<A...>>;
};
/// Type of argument I; void where there are not as many.
template <std::size_t I, typename... A>
using Argument = typename ArgumentAt<std::tuple<A...>, I>::type;

/// Whether arguments (by type, without references) begin with x, table, layout, or with out, x, table, layout.
template <typename... A>
inline constexpr bool is_rope_in_place =
    sizeof...(A) <= 4 &&
    is_heads<Argument<0, A...>>&& is_rope_table<Argument<1, A...>>&& is_rope_layout<Argument<2, A...>>;
template <typename... A>
inline constexpr bool is_rope_into =
    sizeof...(A) <= 5 && is_heads<Argument<0, A...>>&& is_heads<Argument<1, A...>>&& is_rope_table<
                             Argument<2, A...>>&& is_rope_layout<Argument<3, A...>>;

/// int where apply_rope() may be called so.
template <typename... A>
using IfRopeInPlace = std::enable_if_t<is_rope_in_place<std::decay_t<A>...>, int>;
template <typename... A>
using IfRopeInto = std::enable_if_t<is_rope_into<std::decay_t<A>...>, int>;
template <typename... A>
using IfNoRopeCall = std::enable_if_t<!is_rope_in_place<std::decay_t<A>...> && !is_rope_into<std::decay_t<A>...>, int>;

/// Stops the compiler with the sentence that helps.
template <typename... A>
constexpr void explain_rope_call() {
  constexpr bool into = is_heads<Argument<1, A...>>;  // out, x, ...
  using Table = std::conditional_t<into, Argument<2, A...>, Argument<1, A...>>;
  using Layout = std::conditional_t<into, Argument<3, A...>, Argument<2, A...>>;
  if constexpr (sizeof...(A) == 0) {
    static_assert(kMisuse<A...>, "posenc: write apply_rope(x, table, layout) or apply_rope(out, x, table, layout)");
  } else if constexpr (!is_heads<Argument<0, A...>>) {
    static_assert(kMisuse<A...>,
                  "posenc: x must be an Eigen object or a view: wrap a raw buffer with view_blhd(), view_bhld() or "
                  "view_packed()");
  } else if constexpr ((is_rope_layout<A> || ...) && (is_rope_table<A> || ...)) {
    static_assert(
        kMisuse<A...>,
        "posenc: the order is apply_rope(x, table, layout) or apply_rope(out, x, table, layout), and after it "
        "which rows: starting_at(first), from_row(n), ...");
  } else if constexpr (std::is_same_v<Table, Frequencies>) {
    static_assert(kMisuse<A...>,
                  "posenc: frequencies rotate nothing without positions: write make_table<float>(frequencies, "
                  "PositionRange(first, count)) and give that table");
  } else if constexpr (!is_rope_table<Table>) {
    static_assert(kMisuse<A...>,
                  "posenc: table must be a FrequencyTable, a FrequencyTableView, table.adjoint() or table.inverse()");
  } else {
    static_assert(!is_rope_layout<Layout> && kMisuse<A...>,
                  "posenc: layout is missing: write RopeLayout::half_split(head_dim) or "
                  "RopeLayout::interleaved(head_dim), whichever the weights were trained with");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROPE_CALL_HPP

// ---- posenc/rope/kernels/rotation.hpp
/// What every rotation kernel needs: the table's rows as pointers, the scalar it computes in, loads and stores.
#ifndef POSENC_ROPE_KERNELS_ROTATION_HPP
#define POSENC_ROPE_KERNELS_ROTATION_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where the cosines and sines of a table lie, and the factor on them: R(t) A forward, R(-t) A backward (the adjoint),
/// with scale = 1 / A^2 the inverse. The direction is a template parameter of the kernels.
template <typename Scalar_>
struct Rotation {
  using Scalar = Scalar_;

  const Scalar* cos_base;
  const Scalar* sin_base;
  Eigen::Index num_pairs;
  Eigen::Index row_stride;
  Eigen::Index pair_stride;
  double scale;

  const Scalar* cos(Eigen::Index row) const { return cos_base + row * row_stride; }
  const Scalar* sin(Eigen::Index row) const { return sin_base + row * row_stride; }
  /// Whether a row is c0 s0 c1 s1 ...
  bool is_paired() const { return pair_stride == 2 && sin_base == cos_base + 1; }
};

/// The type that a rotation is computed in.
template <typename Out, typename In, typename TableScalar>
using RotationScalar = ArithmeticScalar<In, std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>>;

/// Values in one vector register of the widest kind that Eigen uses.
template <typename Scalar>
inline constexpr int kPacket = (EIGEN_MAX_ALIGN_BYTES > 16 ? EIGEN_MAX_ALIGN_BYTES : 16) /
                               static_cast<int>(sizeof(Scalar));

#if defined(EIGEN_VECTORIZE)
inline constexpr bool kHasPackets = true;
#else
inline constexpr bool kHasPackets = false;
#endif

template <int Count, typename Number, typename Scalar>
EIGEN_ALWAYS_INLINE auto load(const Scalar* data) {
  using Values = Eigen::Array<Number, Count, 1>;
  if constexpr (std::is_same_v<Number, Scalar>) {
    return Values(Eigen::Map<const Values>(data));
  } else {
    Values values;
    cast_block<Count, Buffer::foreign>(values.data(), data);
    return values;
  }
}

template <typename Scalar, typename Values>
EIGEN_ALWAYS_INLINE void store(Scalar* data, const Values& values) {
  constexpr int count = Values::SizeAtCompileTime;
  if constexpr (std::is_same_v<typename Values::Scalar, Scalar>) {
    Eigen::Map<Eigen::Array<Scalar, count, 1>>{data} = values;
  } else {
    const auto numbers = values.eval();
    cast_block<count, Buffer::foreign>(data, numbers.data());
  }
}

/// The two channels of a pair (a, b) after the rotation by (c, s), as expressions of arrays.
template <bool Backward, typename Values>
EIGEN_ALWAYS_INLINE auto rotated_first(const Values& a, const Values& b, const Values& c, const Values& s) {
  if constexpr (Backward) {
    return a * c + b * s;
  } else {
    return a * c - b * s;
  }
}
template <bool Backward, typename Values>
EIGEN_ALWAYS_INLINE auto rotated_second(const Values& a, const Values& b, const Values& c, const Values& s) {
  if constexpr (Backward) {
    return b * c - a * s;
  } else {
    return a * s + b * c;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATION_HPP

// ---- posenc/rope/kernels/rotate_tile.hpp
/// The innermost rotation: some pairs of one token in all of its heads, by cosines and sines that stay in registers.
///
/// Eigen expressions of fixed size. Interleaved pairs are complex numbers, and Eigen has packets for those.
#ifndef POSENC_ROPE_KERNELS_ROTATE_TILE_HPP
#define POSENC_ROPE_KERNELS_ROTATE_TILE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Pairs of a tile: four registers of them, with AVX-512 a whole head of 128 channels. Straight code for all of it has
/// more cache lines on their way at once. More would not find registers.
template <typename Number>
inline constexpr int kTilePairs = 4 * kPacket<Number>;

/// The first channel of a tile in head 0, and the way to the next head.
template <typename Scalar>
struct HeadChannels {
  Scalar* data;
  Eigen::Index stride;

  HeadChannels from(Eigen::Index channel) const { return {data + channel, stride}; }
};

// A tile of `Pairs` pairs in every head. All of a head's tile is loaded before any of it is stored: `in` may be `out`.

/// `half` is the distance of partners. `cos` and `sin` hold one value per pair.
template <bool Backward, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_half_split(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                           Eigen::Index half, const Number* cos, const Number* sin) {
  const auto c = load<Pairs, Number>(cos);
  const auto s = load<Pairs, Number>(sin);
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const auto a = load<Pairs, Number>(in.data);
    const auto b = load<Pairs, Number>(in.data + half);
    store(out.data, rotated_first<Backward>(a, b, c, s));
    store(out.data + half, rotated_second<Backward>(a, b, c, s));
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// Pairs of neighbors. `cos_sin` holds c0 s0 c1 s1 ...
template <bool Backward, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_interleaved(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                            const Number* cos_sin) {
  using Complex = Eigen::Array<std::complex<Number>, Pairs, 1>;
  const auto reals = load<2 * Pairs, Number>(cos_sin);
  Complex rotation = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(reals.data()));
  if constexpr (Backward) rotation = rotation.conjugate().eval();
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    auto channels = load<2 * Pairs, Number>(in.data);
    if constexpr (kHasPackets && Pairs > 1) {
      Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(channels.data()));
      numbers = rotation * numbers;
    } else {
      for (int k = 0; k < 2 * Pairs; k += 2) {
        const Number a = channels[k];
        const Number b = channels[k + 1];
        channels[k] = rotated_first<Backward>(a, b, reals[k], reals[k + 1]);
        channels[k + 1] = rotated_second<Backward>(a, b, reals[k], reals[k + 1]);
      }
    }
    store(out.data, channels);
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// The kind of a rotation of rows, for which each kernel is compiled.
template <bool HalfSplit_, bool Backward_>
struct RotationKind {
  static constexpr bool half_split = HalfSplit_;
  static constexpr bool backward = Backward_;
};

template <typename Kind, int Pairs, typename Number, typename Out, typename In>
void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads, Eigen::Index half,
                 const Number* cosines, const Number* sines, Eigen::Index count);

/// `count` pairs in every head, in tiles of `Pairs` pairs and the rest in smaller ones: four registers, one, then 4
/// pairs, then pair by pair. There are few sizes, because each is compiled code.
/// `cosines` holds c0 c1 .. and `sines` s0 s1 ..; for pairs of neighbors `cosines` holds c0 s0 c1 s1 .. alone.
template <typename Kind, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_pairs(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                      Eigen::Index half, const Number* cosines, const Number* sines,
                                      Eigen::Index count) {
  constexpr int channels = Kind::half_split ? Pairs : 2 * Pairs;
  for (; count >= Pairs; count -= Pairs) {
    if constexpr (Kind::half_split) {
      rotate_half_split<Kind::backward, Pairs>(out, in, num_heads, half, cosines, sines);
    } else {
      rotate_interleaved<Kind::backward, Pairs>(out, in, num_heads, cosines);
    }
    out = out.from(channels);
    in = in.from(channels);
    cosines += channels;
    sines += Pairs;
  }
  if constexpr (Pairs > 1) {
    constexpr int packet = Kind::half_split ? kPacket<Number> : kPacket<Number> / 2;
    constexpr int smaller = Pairs > packet ? packet : Pairs > 4 ? 4 : 1;
    if (count > 0) rotate_rest<Kind, smaller>(out, in, num_heads, half, cosines, sines, count);
  }
}

/// The pairs that fill no whole tile. Not inlined: their code would push the code of whole tiles out of the way, and
/// common widths have none.
template <typename Kind, int Pairs, typename Number, typename Out, typename In>
POSENC_KERNEL void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                               Eigen::Index half, const Number* cosines, const Number* sines, Eigen::Index count) {
  rotate_pairs<Kind, Pairs>(out, in, num_heads, half, cosines, sines, count);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_TILE_HPP

// ---- posenc/rope/kernels/rotate_rows.hpp
/// The rotation kernel of tokens whose channels are contiguous: row-major matrices and raw buffers.
///
/// The cosines and sines of a tile stay in registers while all heads pass by. That reaches the speed of an in-place
/// scale from the second-level cache on (bench_rope).
#ifndef POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

/// `count` table numbers, times a factor, as the kernels read them: c0 s0 c1 s1 .. from `to` on, or cosines there and
/// sines from to + kRowChunk on. Step is the distance of the table's pairs. Plain loops: compilers make vector code of them.
template <bool Interleave, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Factor factor, Eigen::Index count) {
  constexpr int width = Interleave ? 2 : 1;
  constexpr Eigen::Index sines = Interleave ? 1 : kRowChunk;
  for (Eigen::Index i = 0; i < count; ++i) {
    to[width * i] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * factor);
    to[width * i + sines] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * factor);
  }
}

/// The same for either step of the table. A factor other than 1 is applied in double.
template <bool Interleave, typename Number, typename TableScalar>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Eigen::Index step, double scale,
                 Eigen::Index count) {
  const auto prepare = [&](auto factor) {
    if (step == 1) {
      prepare_row<Interleave, 1>(to, cos, sin, factor, count);
    } else {
      prepare_row<Interleave, 2>(to, cos, sin, factor, count);
    }
  };
  if (scale == 1.0) {
    prepare(Number(1));
  } else {
    prepare(scale);
  }
}

/// The window of head 0 of a token, and the way to the next head and to the next token.
template <typename Scalar>
struct TokenRows {
  Scalar* data;
  Eigen::Index head_stride;
  Eigen::Index token_stride;

  HeadChannels<Scalar> token(Eigen::Index i) const { return {data + i * token_stride, head_stride}; }
  TokenRows from(Eigen::Index token, Eigen::Index head) const {
    return {data + token * token_stride + head * head_stride, head_stride, token_stride};
  }
};

/// Rotates one token by table row `row`, which is brought into the form of the kernels first.
template <typename Kind, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_token_prepared(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                         const Rotation<TableScalar>& table, Eigen::Index row) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index half = table.num_pairs;
  const Eigen::Index step = table.pair_stride;
  alignas(64) Number prepared[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const Eigen::Index channel = Kind::half_split ? first : 2 * first;
    prepare_row<!Kind::half_split>(prepared, table.cos(row) + first * step, table.sin(row) + first * step, step,
                                   table.scale, count);
    rotate_pairs<Kind, kTilePairs<Number>>(out.from(channel), in.from(channel), num_heads, half, prepared,
                                           prepared + kRowChunk, count);
  }
}

/// Whether the table's rows have the form of the kernels.
template <typename Kind, typename Number, typename TableScalar>
bool is_prepared(const Rotation<TableScalar>& table) {
  const bool fits = Kind::half_split ? table.pair_stride == 1 : table.is_paired();
  return std::is_same_v<TableScalar, Number> && fits && table.scale == 1.0;
}

/// Rotates the window of every head of `tokens` tokens by the table's rows from `first_row` on.
template <typename Kind, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_run(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                              Eigen::Index num_heads, const Rotation<TableScalar>& table, Eigen::Index first_row) {
  using Number = RotationScalar<Out, In, TableScalar>;
  if constexpr (std::is_same_v<TableScalar, Number>) {
    if (is_prepared<Kind, Number>(table)) {
      for (Eigen::Index i = 0; i < tokens; ++i) {
        rotate_pairs<Kind, kTilePairs<Number>>(out.token(i), in.token(i), num_heads, table.num_pairs,
                                               table.cos(first_row + i), table.sin(first_row + i), table.num_pairs);
      }
      return;
    }
  }
  for (Eigen::Index i = 0; i < tokens; ++i) {
    rotate_token_prepared<Kind>(out.token(i), in.token(i), num_heads, table, first_row + i);
  }
}

/// The same where a head's tokens follow one another ([B, H, L, D]). The distance of a token's heads is then, as a rule, a
/// power of two, and a store to one delays loads from the next: four heads at a time, and few tokens, so that the table's
/// rows stay in the first-level cache (bench_rope, half_split_bhld).
template <typename Kind, typename Out, typename In, typename TableScalar>
void rotate_run_by_heads(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                         Eigen::Index num_heads, const Rotation<TableScalar>& table, Eigen::Index first_row) {
  constexpr Eigen::Index some_tokens = 32;
  constexpr Eigen::Index some_heads = 4;
  for (Eigen::Index i = 0; i < tokens; i += some_tokens) {
    for (Eigen::Index head = 0; head < num_heads; head += some_heads) {
      rotate_run<Kind>(out.from(i, head), in.from(i, head), (std::min)(some_tokens, tokens - i),
                       (std::min)(some_heads, num_heads - head), table, first_row + i);
    }
  }
}

/// Rotates the window of every head of `tokens` tokens by the table's rows from `first_row` on, in the order that suits
/// the memory. `in` and `out` are the same or disjoint.
template <typename Kind, typename Out, typename In, typename TableScalar>
void rotate_rows(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens, Eigen::Index num_heads,
                 const Rotation<TableScalar>& table, Eigen::Index first_row) {
  using Number = RotationScalar<Out, In, TableScalar>;
  if (tokens > 1 && out.token_stride < out.head_stride && is_prepared<Kind, Number>(table)) {
    rotate_run_by_heads<Kind>(out, in, tokens, num_heads, table, first_row);
  } else {
    rotate_run<Kind>(out, in, tokens, num_heads, table, first_row);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP

// ---- posenc/rope/detail/heads_operand.hpp
/// What apply_rope() reads and writes, whether it came as an Eigen object or as a HeadsView.
#ifndef POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP
#define POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Heads whose channels are contiguous, as strides: `seq_len` tokens of a sequence, then the next sequence.
template <typename Scalar>
struct StridedHeads {
  Scalar* data;
  Eigen::Index seq_len;
  Eigen::Index batch_stride;
  Eigen::Index token_stride;
  Eigen::Index head_stride;

  /// Rows of the kernels from a token on, counted over all sequences.
  TokenRows<Scalar> at(Eigen::Index token, Eigen::Index channel) const {
    const Eigen::Index sequence = token / seq_len;
    return {data + sequence * batch_stride + (token - sequence * seq_len) * token_stride + channel, head_stride,
            token_stride};
  }
};

/// An Eigen object: channel c of head h of token t is element (t, h * head_dim + c).
template <typename X>
struct MatrixOperand {
  using Scalar = typename X::Scalar;
  static constexpr bool kIsView = false;
  static constexpr bool kMayHaveStrides = is_in_memory<std::remove_const_t<X>>;
  static constexpr bool kByTokens = bool(X::IsRowMajor);  // the order of loops that suits its memory

  X& x;
  Eigen::Index head_dim;

  Eigen::Index tokens() const { return x.rows(); }
  Eigen::Index num_heads() const { return x.cols() / head_dim; }
  Scalar get(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return x.coeff(token, head * head_dim + channel);
  }
  void set(Eigen::Index token, Eigen::Index head, Eigen::Index channel, const Scalar& value) const {
    x.coeffRef(token, head * head_dim + channel) = value;
  }
  /// Whether channels are contiguous in memory, which a type alone does not tell.
  bool has_strides() const {
    if constexpr (kMayHaveStrides) {
      return x.colStride() == 1;
    } else {
      return false;
    }
  }
  auto strides() const {
    using Element = std::remove_pointer_t<decltype(x.data())>;
    return StridedHeads<Element>{x.data(), (x.rows() > 0 ? x.rows() : 1), 0, x.rowStride(), head_dim};
  }
};

/// A view of a raw buffer; its tokens are counted over all sequences.
template <typename Element>
struct ViewOperand {
  using Scalar = std::remove_const_t<Element>;
  static constexpr bool kIsView = true;
  static constexpr bool kMayHaveStrides = true;
  static constexpr bool kByTokens = true;

  const HeadsView<Element>& x;

  Eigen::Index tokens() const { return x.batch() * x.seq_len(); }
  Eigen::Index num_heads() const { return x.num_heads(); }
  Scalar get(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return read_scalar<Buffer::foreign, Scalar>(place(token, head, channel));
  }
  void set(Eigen::Index token, Eigen::Index head, Eigen::Index channel, const Scalar& value) const {
    write_scalar<Buffer::foreign>(place(token, head, channel), value);
  }
  bool has_strides() const { return true; }
  StridedHeads<Element> strides() const {
    return {x.data(), (x.seq_len() > 0 ? x.seq_len() : 1), x.batch_stride(), x.token_stride(), x.head_stride()};
  }

 private:
  Element* place(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return strides().at(token, channel).from(0, head).data;
  }
};

template <typename View>
using ElementOf = std::remove_pointer_t<decltype(std::declval<const View&>().data())>;

template <typename X>
auto operand(X& x, Eigen::Index head_dim) {
  using Value = std::remove_const_t<X>;
  if constexpr (is_heads_view<Value>) {
    return ViewOperand<ElementOf<Value>>{x};
  } else {
    return MatrixOperand<X>{x, head_dim};
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP

// ---- posenc/rope/detail/require_rope.hpp
/// What apply_rope() asks of shapes, windows and memory, before anything is written.
#ifndef POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP
#define POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The table rotates exactly the channels that the layout names.
inline void require_window(const char* function, const RopeLayout& layout, Eigen::Index rotary_dim) {
  if (rotary_dim == layout.rotary_dim()) return;
  if (layout.rotary_dim() != layout.head_dim()) {
    refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.rotary_dim() ",
                                  layout.rotary_dim());
  }
  if (rotary_dim > layout.head_dim()) {
    refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.head_dim() ", layout.head_dim());
  }
  refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.head_dim() ", layout.head_dim(),
                                ", or the layout say which part rotates (.prefix(", rotary_dim, "))");
}

/// Queries or keys fit the layout.
template <typename X>
void require_heads(const char* function, const char* parameter, const MatrixOperand<X>& operand,
                   const RopeLayout& layout) {
  const auto& x = operand.x;
  if (x.cols() % layout.head_dim() != 0) {
    refuse<std::invalid_argument>(
        function, std::string(parameter) + ".cols()", x.cols(), "a multiple of layout.head_dim() ", layout.head_dim(),
        x.rows() % layout.head_dim() == 0 && x.rows() > 0 ? " (features x tokens is given as x.transpose())" : "");
  }
  require_data(function, parameter, x);
}
template <typename Element>
void require_heads(const char* function, const char* parameter, const ViewOperand<Element>& operand,
                   const RopeLayout& layout) {
  if (operand.x.head_dim() != layout.head_dim()) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".head_dim()", operand.x.head_dim(),
                                  "layout.head_dim() ", layout.head_dim());
  }
}

/// What is written does not overlap itself.
template <typename X>
void require_heads_disjoint(const char* function, const char* parameter, const MatrixOperand<X>& operand) {
  require_no_self_overlap(function, parameter, operand.x);
}
template <typename Element>
void require_heads_disjoint(const char* function, const char* parameter, const ViewOperand<Element>& operand) {
  const HeadsView<Element>& x = operand.x;
  StridedAxis axes[] = {{".head_stride()", x.num_heads(), x.head_stride()},
                        {".token_stride()", x.seq_len(), x.token_stride()},
                        {".batch_stride()", x.batch(), x.batch_stride()}};
  require_nested_strides(function, parameter, axes, x.head_dim());
}

template <typename Out, typename In>
void require_same_shape(const char* function, const Out& out, const In& in) {
  const auto agree = [&](const char* name, Eigen::Index value, const char* other, Eigen::Index expected) {
    require(value == expected, function, name, value, other, expected);
  };
  if constexpr (Out::kIsView && In::kIsView) {
    agree("out.batch()", out.x.batch(), "x.batch() ", in.x.batch());
    agree("out.seq_len()", out.x.seq_len(), "x.seq_len() ", in.x.seq_len());
    agree("out.num_heads()", out.x.num_heads(), "x.num_heads() ", in.x.num_heads());
  } else if constexpr (Out::kIsView) {
    agree("x.rows()", in.x.rows(), "out.batch() * out.seq_len() ", out.tokens());
    agree("x.cols()", in.x.cols(), "out.num_heads() * out.head_dim() ", out.num_heads() * out.x.head_dim());
  } else if constexpr (In::kIsView) {
    agree("out.rows()", out.x.rows(), "x.batch() * x.seq_len() ", in.tokens());
    agree("out.cols()", out.x.cols(), "x.num_heads() * x.head_dim() ", in.num_heads() * in.x.head_dim());
  } else {
    agree("out.rows()", out.x.rows(), "x.rows() ", in.x.rows());
    agree("out.cols()", out.x.cols(), "x.cols() ", in.x.cols());
  }
}

/// Where heads with contiguous channels lie, as `batch` sequences of `seq_len` tokens; nothing for other memory.
template <typename Operand>
std::optional<MemoryExtent> extent_of_heads(const Operand& operand, Eigen::Index batch, Eigen::Index seq_len,
                                            Eigen::Index head_dim) {
  if constexpr (Operand::kMayHaveStrides) {
    if (!operand.has_strides()) return std::nullopt;
    const auto x = operand.strides();
    constexpr std::size_t bytes = sizeof(typename Operand::Scalar);
    MemoryExtent extent;
    extent.first = address_of(x.data);
    extent.bytes = static_cast<std::int64_t>(head_dim) * static_cast<std::int64_t>(bytes);
    extent.set_axis(0, batch, Operand::kIsView ? x.batch_stride : seq_len * x.token_stride, bytes);
    extent.set_axis(1, seq_len, x.token_stride, bytes);
    extent.set_axis(2, operand.num_heads(), x.head_stride, bytes);
    return extent;
  } else {
    return std::nullopt;
  }
}

/// `out` is x itself, element for element, or disjoint from it.
template <typename Out, typename In>
void require_itself_or_disjoint(const char* function, const Out& out, const In& in, Eigen::Index batch,
                                Eigen::Index seq_len, Eigen::Index head_dim) {
  const auto refuse_if = [&](bool overlapping) {
    require(!overlapping, function, "out", "overlapping memory", "x itself or disjoint from it");
  };
  if constexpr (!Out::kIsView && !In::kIsView) {
    refuse_if(overlap_partially(out.x, in.x));
  } else {
    const auto to = extent_of_heads(out, batch, seq_len, head_dim);
    const auto from = extent_of_heads(in, batch, seq_len, head_dim);
    if (to && from) {
      const bool same = std::is_same_v<typename Out::Scalar, typename In::Scalar> && is_same(*to, *from);
      refuse_if(!same && overlap(*to, *from));
    } else if constexpr (!Out::kIsView) {
      refuse_if(any_leaf(out.x, [&](const auto& leaf) { return overlap(extent_of(leaf), *from); }));
    } else if constexpr (!In::kIsView) {
      refuse_if(any_leaf(in.x, [&](const auto& leaf) { return overlap(extent_of(leaf), *to); }));
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP

// ---- posenc/rope/kernels/rotate_columns.hpp
/// The rotation kernel of column-major matrices, where a channel's tokens are contiguous.
#ifndef POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The window's first channel of head 0 at token 0, and the way to the next channel.
template <typename Scalar>
struct ChannelColumns {
  Scalar* data;
  Eigen::Index stride;

  Scalar* at(Eigen::Index channel) const { return data + channel * stride; }
};

/// Rotates `Count` tokens from `token` on by the table's rows `rows`: the cosines and sines of a pair stay in registers
/// while all heads pass by.
template <bool Backward, int Count, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
                                  Eigen::Index token, Eigen::Index num_heads, const Rotation<TableScalar>& table,
                                  const RopeLayout& layout, const Eigen::Index* rows) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index pairs = table.num_pairs;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index partner = half_split ? pairs : 1;
  for (Eigen::Index pair = 0; pair < pairs; ++pair) {
    Eigen::Array<Number, Count, 1> c, s;
    for (int i = 0; i < Count; ++i) {
      const Eigen::Index entry = pair * table.pair_stride;
      c[i] = static_cast<Number>(static_cast<double>(table.cos(rows[i])[entry]) * table.scale);
      s[i] = static_cast<Number>(static_cast<double>(table.sin(rows[i])[entry]) * table.scale);
    }
    const Eigen::Index first = half_split ? pair : 2 * pair;
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      const Eigen::Index channel = head * layout.head_dim() + first;
      const auto a = load<Count, Number>(in.at(channel) + token);
      const auto b = load<Count, Number>(in.at(channel + partner) + token);
      store(out.at(channel) + token, rotated_first<Backward>(a, b, c, s));
      store(out.at(channel + partner) + token, rotated_second<Backward>(a, b, c, s));
    }
  }
}

/// Rotates the window of every head of all tokens; token i by the table's row row_of(i). `in` and `out` are the same or
/// disjoint.
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                    Eigen::Index num_heads, const Rotation<TableScalar>& table, const RopeLayout& layout,
                    const RowOf& row_of) {
  constexpr int block = kPacket<RotationScalar<Out, In, TableScalar>>;
  Eigen::Index rows[block];
  Eigen::Index token = 0;
  const auto rotate_blocks = [&](auto count) {
    for (; token + count.value <= tokens; token += count.value) {
      for (int i = 0; i < count.value; ++i) rows[i] = row_of(token + i);
      rotate_columns<Backward, count.value>(out, in, token, num_heads, table, layout, rows);
    }
  };
  rotate_blocks(std::integral_constant<int, block>());
  if constexpr (block > 4) rotate_blocks(std::integral_constant<int, 4>());
  rotate_blocks(std::integral_constant<int, 1>());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP

// ---- posenc/rope/kernels/rotate_elements.hpp
/// The rotation of what the kernels do not know: other expressions, scalars and strides, and matrices mixed with views.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Rotates one pair of elements at a time; token i by the table's row row_of(i). `out` and `in` give and take channel c
/// of head h of a token by get(token, h, c) and set(token, h, c, value).
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_elements(const Out& out, const In& in, Eigen::Index tokens, Eigen::Index num_heads,
                     const Rotation<TableScalar>& table, const RopeLayout& layout, const RowOf& row_of) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
  const Eigen::Index pairs = table.num_pairs;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const auto rotate_pair = [&](Eigen::Index token, Eigen::Index row, Eigen::Index head, Eigen::Index pair) {
    const Eigen::Index first = layout.offset() + (half_split ? pair : 2 * pair);
    const Eigen::Index second = first + (half_split ? pairs : 1);
    const Eigen::Index entry = pair * table.pair_stride;
    const Number c = Number(static_cast<double>(table.cos(row)[entry]) * table.scale);
    const double sine = static_cast<double>(table.sin(row)[entry]) * table.scale;
    const Number s = Number(Backward ? -sine : sine);
    const Number a = convert<Number>(in.get(token, head, first));
    const Number b = convert<Number>(in.get(token, head, second));
    out.set(token, head, first, convert<OutScalar>(Number(a * c - b * s)));
    out.set(token, head, second, convert<OutScalar>(Number(a * s + b * c)));
  };
  if constexpr (Out::kByTokens) {
    for (Eigen::Index token = 0; token < tokens; ++token) {
      const Eigen::Index row = row_of(token);
      for (Eigen::Index head = 0; head < num_heads; ++head) {
        for (Eigen::Index pair = 0; pair < pairs; ++pair) rotate_pair(token, row, head, pair);
      }
    }
  } else {
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        for (Eigen::Index token = 0; token < tokens; ++token) rotate_pair(token, row_of(token), head, pair);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP

// ---- posenc/rope/detail/rotate_heads.hpp
/// apply_rope() behind its overloads: the checks, then the kernel that fits types and strides.
#ifndef POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP
#define POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How a call rotates: forward by a table, or as table.adjoint() and table.inverse() say.
template <typename Table>
struct RopeTable {
  static constexpr bool backward = false;
  static auto view(const Table& table) { return table.view(); }
  static double scale(const Table&) { return 1.0; }
};
template <RotationSense Sense, typename Table>
struct RopeTable<TableRotation<Sense, Table>> {
  static constexpr bool backward = Sense == RotationSense::backward;
  static auto view(const TableRotation<Sense, Table>& rotation) { return rotation.table.view(); }
  static double scale(const TableRotation<Sense, Table>& rotation) { return rotation.scale; }
};

template <typename Scalar>
Rotation<Scalar> rotation_by(const FrequencyTableView<Scalar>& table, double scale) {
  return {table.cos_data(0), table.sin_data(0), table.num_pairs(), table.row_stride(), table.pair_stride(), scale};
}

/// Whether apply_rope() may write to an argument of type `X&&`; the compiler stops with the reason where it may not.
template <typename X>
constexpr bool may_write_heads() {
  using Value = std::remove_reference_t<X>;
  if constexpr (is_heads_view<std::remove_const_t<Value>>) {
    constexpr bool is_const = std::is_const_v<std::remove_pointer_t<decltype(std::declval<Value&>().data())>>;
    static_assert(!is_const, "posenc: the view that is written to must not hold const values");
    return !is_const;
  } else {
    return may_write<X>();
  }
}

/// out = the channels of `in` that do not rotate.
template <typename Out, typename In>
void copy_unrotated(const Out& out, const In& in, const RopeLayout& layout) {
  const Eigen::Index behind = layout.offset() + layout.rotary_dim();
  const auto copy = [&](Eigen::Index token, Eigen::Index head, Eigen::Index begin, Eigen::Index end) {
    for (Eigen::Index i = begin; i < end; ++i) {
      out.set(token, head, i, convert<typename Out::Scalar>(in.get(token, head, i)));
    }
  };
  if (layout.rotary_dim() == layout.head_dim()) return;
  const Eigen::Index tokens = in.tokens();
  const Eigen::Index num_heads = in.num_heads();
  for (Eigen::Index token = 0; token < tokens; ++token) {
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      copy(token, head, 0, layout.offset());
      copy(token, head, behind, layout.head_dim());
    }
  }
}

/// The rotation of channel-contiguous tokens, run by run.
template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_strided(const StridedHeads<Out>& out, const StridedHeads<In>& in, Eigen::Index num_heads,
                    const Rotation<TableScalar>& rotation, const RopeLayout& layout, const Rows& rows) {
  const auto rotate = [&](auto half_split) {
    using Kind = RotationKind<decltype(half_split)::value, Backward>;
    rows.for_each_run([&](Eigen::Index token, Eigen::Index count, Eigen::Index row) {
      const TokenRows<Out> to = out.at(token, layout.offset());
      const TokenRows<In> from = in.at(token, layout.offset());
      rotate_rows<Kind>(to, TokenRows<const In>{from.data, from.head_stride, from.token_stride}, count, num_heads,
                        rotation, row);
    });
  };
  if (layout.pairs() == RopePairs::half_split) {
    rotate(std::true_type());
  } else {
    rotate(std::false_type());
  }
}

template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_heads(const Out& out, const In& in, const Rotation<TableScalar>& rotation, const RopeLayout& layout,
                  const Rows& rows) {
  const Eigen::Index tokens = in.tokens();
  const Eigen::Index num_heads = in.num_heads();
  if constexpr (Out::kMayHaveStrides && In::kMayHaveStrides) {
    if (out.has_strides() && in.has_strides()) {
      return rotate_strided<Backward>(out.strides(), in.strides(), num_heads, rotation, layout, rows);
    }
    if constexpr (!Out::kIsView && !In::kIsView) {
      if (out.x.rowStride() == 1 && in.x.rowStride() == 1) {  // a channel's tokens are contiguous
        using InScalar = const typename In::Scalar;
        const Eigen::Index offset = layout.offset();
        const ChannelColumns<typename Out::Scalar> to{out.x.data() + offset * out.x.colStride(), out.x.colStride()};
        const ChannelColumns<InScalar> from{in.x.data() + offset * in.x.colStride(), in.x.colStride()};
        return rotate_columns<Backward>(to, from, tokens, num_heads, rotation, layout, rows);
      }
    }
  }
  rotate_elements<Backward>(out, in, tokens, num_heads, rotation, layout, rows);
}

/// All checks, then the rotation of x into out. `InPlace`: they are one object.
template <bool InPlace, typename Out, typename In, typename Table, typename Given>
void check_and_rotate(const Out& out, const In& in, const Table& table, const RopeLayout& layout, const Given& given) {
  const char* const function = "apply_rope";
  const auto view = RopeTable<Table>::view(table);
  require_window(function, layout, view.rotary_dim());
  require_heads(function, "x", in, layout);
  TokenGrid grid{"x", "x.rows()", 1, in.tokens()};
  if constexpr (In::kIsView) {
    grid = {"x", "x.seq_len()", in.x.batch(), in.x.seq_len()};
  } else if constexpr (Out::kIsView) {
    grid = {"out", "out.seq_len()", out.x.batch(), out.x.seq_len()};
  }
  if constexpr (!InPlace) {
    require_heads(function, "out", out, layout);
    require_same_shape(function, out, in);
    require_itself_or_disjoint(function, out, in, grid.batch, grid.seq_len, layout.head_dim());
  }
  require_heads_disjoint(function, InPlace ? "x" : "out", out);
  with_table_rows(function, view, given, grid, [&](const auto& rows) {
    if (in.tokens() == 0 || in.num_heads() == 0) return;
    rotate_heads<RopeTable<Table>::backward>(out, in, rotation_by(view, RopeTable<Table>::scale(table)), layout, rows);
    if constexpr (!InPlace) copy_unrotated(out, in, layout);
  });
}

template <typename X, typename Table, typename Which>
void apply_rope_in_place(X&& x, const Table& table, const RopeLayout& layout, const Which& which) {
  if constexpr (may_write_heads<X>()) {
    const auto heads = operand(x, layout.head_dim());
    check_and_rotate<true>(heads, heads, table, layout, which);
  }
}

template <typename Out, typename X, typename Table, typename Which>
void apply_rope_into(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const Which& which) {
  if constexpr (may_write_heads<Out>()) {
    const auto to = operand(out, layout.head_dim());
    if constexpr (is_heads_view<X>) {
      check_and_rotate<false>(to, operand(x, layout.head_dim()), table, layout, which);
    } else {
      const auto& in = evaluated(x);
      check_and_rotate<false>(to, operand(in, layout.head_dim()), table, layout, which);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP

// ---- posenc/rope/apply_rope.hpp
/// apply_rope(): rotates queries and keys by a table, by its adjoint or by its inverse; in place or into another buffer.
#ifndef POSENC_ROPE_APPLY_ROPE_HPP
#define POSENC_ROPE_APPLY_ROPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Rotates every head of queries or keys by the row of its token, in place: token i takes row i.
///
/// In each head, pair j < rotary_dim/2 = (a, b) becomes
///
///     a' = a cos(r, j) - b sin(r, j)
///     b' = a sin(r, j) + b cos(r, j)
///
/// with r the token's row and the table's cosines and sines, which hold the magnitude A. Channels outside of the
/// layout's window stay. `table` says which rotation:
///
///     table             A R(t)       the rotation
///     table.adjoint()   A R(-t)      its gradient: takes dL/d(output) to dL/d(input)
///     table.inverse()   R(-t) / A    undoes it; equal to the adjoint only for A = 1, refused for xPos tables
///
/// @param[in,out] x  tokens x (num_heads * head_dim), any number of heads: any writable dense Eigen object (Matrix, Map,
///                   Block, Ref, transpose, index view), row- or column-major, of float, double, Eigen::half,
///                   Eigen::bfloat16 or any Eigen scalar; or a HeadsView of a raw buffer. What writes through may be a
///                   temporary, such as `qkv.leftCols(n)`; a temporary matrix does not compile. Zero heads are no error.
/// @param table      FrequencyTable or FrequencyTableView of any storage scalar, its adjoint() or its inverse(). It has
///                   exactly as many rows as x has tokens (a view: tokens in a sequence).
/// @param layout     Channels of a head, which of them rotate, and how they pair up. table.rotary_dim() is
///                   layout.rotary_dim().
/// @throws std::invalid_argument  another number of rows than tokens; table.rotary_dim() other than the layout's;
///                                x.cols() no multiple of layout.head_dim(), or x.head_dim() another; null data; an x
///                                that overlaps itself. x is unchanged whenever something is thrown.
/// Cost:     4 multiplications and 2 additions for each pair; no allocation, no copy of x. Row-major x and views run at
///           the speed of an in-place scale from the second-level cache on, column-major x by a kernel of its own; other
///           strides, and `out` and x in different orders, element by element. adjoint() costs the same
///           (bench_rope: float in place, adjoint and inverse, variants in the second-level cache, half types,
///           column-major).
/// Accuracy: |error| <= 3 eps (|a cos| + |b sin|), eps = 2^-24 for float and half types (which are computed in float
///           and rounded once more), 2^-53 for double; a double table or result makes all of the arithmetic double
///           [rope][kernels].
/// Threads:  reads `table` only; blocks of rows of one x may be rotated at the same time.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.4.2.
/// Matches:  apply_rotary_pos_emb of Hugging Face, rotary_embedding of vLLM, ggml_rope_ext_inplace, mlx.fast.rope, ONNX
///           RotaryEmbedding. adjoint(): ggml_rope_ext_back, flash-attention conjugate=True, the vjp of mlx.fast.rope.
///           inverse(): the `inverse` flag of vLLM and apply(cos, -sin) of DeepSeek-V4, which are right for A = 1 only.
template <typename X, typename Table, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, detail::OneRowForEachToken{});
}

/// @overload
/// Token i takes the row that `which` says.
/// @param which  Positions, where the table knows them (table.first_position()): starting_at(first), PositionRange(first,
///               count) or a list of integers, one for each token. Rows of any table: from_row(first) or rows(list).
///               Stacked sequences: each_sequence(length), each_sequence(length, start). For a view, positions and rows
///               are those of every sequence; a list may also hold one entry for each token of the batch.
/// @throws std::invalid_argument  besides: a list of another length; positions for a table that does not know them;
///                                tokens that are no multiple of each_sequence's length.
/// @throws std::out_of_range      a position or row that the table does not have.
template <typename X, typename Table, typename Which, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout, const Which& which) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, which);
}

/// @overload
/// Rotates x into `out`, for instance float projections straight into a half or bfloat16 cache, rounded once. Channels
/// that do not rotate are copied.
/// @param[out] out  Same shape as x, in any scalar, an Eigen object or a view: either may be mixed with the other. It may
///                  be x itself.
/// @param x         An Eigen expression or a view. What is in memory is not copied; a product is computed once, on the
///                  heap.
/// @throws std::invalid_argument  besides: another shape, or memory that overlaps x partially. `out` is then unchanged.
template <typename Out, typename X, typename Table, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, detail::OneRowForEachToken{});
}

/// @overload
template <typename Out, typename X, typename Table, typename Which, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const Which& which) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, which);
}

/// @overload
/// Says what is wrong with arguments that are missing, in another order, or of another kind.
template <typename... Arguments, detail::IfNoRopeCall<Arguments...> = 0>
void apply_rope(const Arguments&...) {
  detail::explain_rope_call<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_ROPE_HPP

// ---- posenc/rope/cached_keys.hpp
/// Tables for keys that are in a cache, and so rotated already: to other positions, to other frequencies.
#ifndef POSENC_ROPE_CACHED_KEYS_HPP
#define POSENC_ROPE_CACHED_KEYS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_keys_id(const char* function, std::uint64_t keys_id, std::uint64_t expected, const char* what) {
  require(keys_id == 0 || keys_id == expected, function, "keys_id", keys_id, "0 or ", expected, " (", what, ")");
}

/// Takes what `from` has rotated to what `to` would have: the angle p (to - from), the magnitude A_to / A_from.
inline Frequencies rescaling(const char* function, const Frequencies& from, const Frequencies& to) {
  require(to.num_pairs() == from.num_pairs(), function, "to.num_pairs()", to.num_pairs(), "from.num_pairs() ",
          from.num_pairs());
  return Frequencies(to.inv_freq() - from.inv_freq(), to.magnitude() / from.magnitude());
}

}  // namespace detail

/// Makes the table that moves cached keys by `deltas` positions: apply_rope(keys, table, layout) with it takes
///
///     R(p) k  to  R(p + delta) k
///
/// What a sliding cache needs after tokens in front were dropped (delta = -dropped), and what a prefix needs that is
/// reused at another place. The magnitude is in the keys already and is not applied again, however often they move.
/// Where all tokens move by one delta, make a table of it alone and let all of them share its row:
///
///     apply_rope(keys, make_shift_table<float>(frequencies, std::array{-dropped}), layout, each_sequence(1));
///
/// @tparam Scalar       As of make_table(). float is right for half and bfloat16 caches too: keys are rounded once.
/// @param frequencies   What the keys were rotated with.
/// @param deltas        [positions] A list with one for each token that moves, integers or real numbers.
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  keys_id is not that of an exact table of `frequencies`; a delta that is NaN or
///                                infinite.
/// Cost:     that of make_table() and apply_rope(): nothing is computed again from hidden states (no bench case of its
///           own).
/// Accuracy: that of a table at the position delta. Every move rounds the keys once more to their scalar
///           [rope][cached_keys].
/// Source:   R(a) R(b) = R(a + b); llama.cpp K-shift (pull request 3228), StreamingLLM, Xiao et al. 2023,
///           arXiv:2309.17453.
/// Matches:  K-shift of llama.cpp without YaRN; with YaRN it multiplies keys by A at every shift, posenc does not.
template <typename Scalar, typename Deltas>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const Deltas& deltas,
                                        std::uint64_t keys_id = 0) {
  static_assert(
      detail::is_list<Deltas>,
      "posenc: deltas must be a list with one for each token that moves; one delta for all tokens is a list of "
      "one, applied with each_sequence(1)");
  detail::require_keys_id("make_shift_table", keys_id, frequencies.id(), "frequencies.id()");
  return make_table<Scalar>(frequencies.with_magnitude(1), detail::as_list(deltas));
}

/// @overload
/// Keys of a multi-axis model: deltas is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const AxisMap& axes,
                                        const Eigen::DenseBase<Derived>& deltas, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_shift_table", keys_id, axes.id(frequencies), "axes.id(frequencies)");
  return make_table<Scalar>(frequencies.with_magnitude(1), axes, deltas);
}

/// Makes the table that takes cached keys from one set of frequencies to another: apply_rope(keys, table, layout) with
/// it takes
///
///     A R(p) k of `from`  to  A' R'(p) k of `to`
///
/// This makes rules that depend on the length right with a cache: when dynamic NTK changes its base, or LongRoPE
/// crosses from the short to the long factors, the keys follow. It needs the positions of the keys.
/// @tparam Scalar       As of make_table().
/// @param from, to      Frequencies of equal length.
/// @param positions     PositionRange(first, count), or a list with one for each token: those that the keys were cached
///                      with.
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  other numbers of pairs; keys_id is not that of `from`; a position that is NaN or
///                                infinite.
/// Cost:     that of make_table() and apply_rope() (no bench case of its own).
/// Accuracy: |error| of an entry <= that of make_table() at the angle p (to - from), plus |p (to - from)| 2^-53
///           [rope][cached_keys].
/// Source:   R'(p) R(p)^-1 = R(p (w' - w)).
/// Matches:  nobody: Hugging Face drops the cache at the LongRoPE crossing and leaves keys of dynamic NTK as they are.
template <typename Scalar, typename Positions>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, const Positions& positions,
                                          std::uint64_t keys_id = 0) {
  static_assert(detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>,
                "posenc: positions must be PositionRange(first, count) or a list with one for each token");
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), "from.id()");
  const Frequencies rescaling = detail::rescaling("make_rescale_table", from, to);
  if constexpr (detail::is_list<Positions>) {
    return make_table<Scalar>(rescaling, detail::as_list(positions));
  } else {
    return make_table<Scalar>(rescaling, positions);
  }
}

/// @overload
/// Keys of a multi-axis model: positions is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, const AxisMap& axes,
                                          const Eigen::DenseBase<Derived>& positions, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, axes.id(from), "axes.id(from)");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), axes, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CACHED_KEYS_HPP

// ---- posenc/rope/mixed_frequencies.hpp
/// Learned frequencies over several axes, where every axis contributes to every angle, and the gradient that trains them.
#ifndef POSENC_ROPE_MIXED_FREQUENCIES_HPP
#define POSENC_ROPE_MIXED_FREQUENCIES_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Makes the start of learned frequencies for a head whose axes are rotated by `angle`: 2 x head_dim / 2, rows x and y.
///
///     pair i:            base^(-4i / head_dim) (cos angle, sin angle)                       i < head_dim / 4
///     pair i + quarter:  base^(-4i / head_dim) (cos(angle + pi/2), sin(angle + pi/2))
///
/// @param head_dim  A multiple of 4, > 0.
/// @param base      10 in the paper: finite, > 0, not 1.
/// @param angle     Radians, in [-2 pi, 2 pi]: drawn from [0, 2 pi) for each head, or 0.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one power for each pair; one allocation (no bench case: it is called once for a model).
/// Accuracy: each entry within 4e-16 of the formula [rope][mixed].
/// Source:   Heo et al. 2024, arXiv:2403.13298.
/// Matches:  timm init_random_2d_freqs.
inline Eigen::Array2Xd initial_mixed_frequencies(Eigen::Index head_dim, double base, double angle) {
  const char* const function = "initial_mixed_frequencies";
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4");
  detail::require_base(function, base);
  // Both are double: a base given as the angle is refused here.
  detail::require(detail::is_finite(angle) && std::abs(angle) <= 6.2831853071795865, function, "angle", angle,
                  "within [-2 pi, 2 pi]");
  const Eigen::Index quarter = head_dim / 4;
  const Eigen::ArrayXd size = spaced_frequencies(quarter, base, static_cast<double>(quarter)).inv_freq();
  Eigen::Array2Xd frequencies(2, 2 * quarter);
  frequencies.row(0) << std::cos(angle) * size.transpose(), -std::sin(angle) * size.transpose();
  frequencies.row(1) << std::sin(angle) * size.transpose(), std::cos(angle) * size.transpose();
  return frequencies;
}

namespace detail {

struct MixedWriter {
  template <typename Scalar, typename DerivedFrequencies, typename DerivedPositions>
  static FrequencyTable<Scalar> make(const DerivedFrequencies& frequencies, const DerivedPositions& positions,
                                     CosSinStorage storage) {
    const char* const function = "make_mixed_table";
    require(frequencies.rows() > 0, function, "frequencies.rows()", frequencies.rows(), "> 0");
    require_axis_positions(function, positions, frequencies.rows());
    for (Eigen::Index axis = 0; axis < frequencies.rows(); ++axis) {
      for (Eigen::Index j = 0; j < frequencies.cols(); ++j) {
        const double frequency = static_cast<double>(frequencies.coeff(axis, j));
        if (is_finite(frequency)) continue;
        refuse<std::invalid_argument>(function, "frequencies(" + std::to_string(axis) + ", " + std::to_string(j) + ")",
                                      frequency, "finite");
      }
    }
    const auto position = [&](Eigen::Index row, Eigen::Index axis) {
      return static_cast<double>(positions.coeff(row, axis));
    };
    for (Eigen::Index row = 0; frequencies.cols() > 0 && row < positions.rows(); ++row) {
      double largest = 0;  // no angle of the token is larger
      for (Eigen::Index axis = 0; axis < frequencies.rows(); ++axis) {
        const double fastest = static_cast<double>(frequencies.row(axis).cwiseAbs().maxCoeff());
        largest += std::abs(position(row, axis)) * fastest;
      }
      if (!is_finite(largest)) {
        refuse<std::out_of_range>(function, "positions.row(" + std::to_string(row) + ")", largest,
                                  "such that the sum of |position * frequency| over the axes is finite");
      }
    }
    FrequencyTable<Scalar> table(positions.rows(), frequencies.cols(), {storage});
    const auto write = [&](Eigen::Index row, Eigen::Index first, int, const double* cosine, const double* sine) {
      TableWriter::write_block(table, row, first, cosine, sine);
    };
    for_each_weighted_angle(positions.rows(), position, frequencies, 1.0, write);
    TableWriter::set_origin(table, 1, 0);
    return table;
  }
};

}  // namespace detail

/// Makes the table of one head with learned frequencies: pair j of a token rotates by the angle
///
///     theta_j = sum over axes a of positions(token, a) frequencies(a, j)
///
/// @tparam Scalar      As of make_table().
/// @param frequencies  num_axes x num_pairs [radians per position], of any real scalar, finite.
/// @param positions    tokens x num_axes, integers or finite real numbers.
/// @param storage      How cosines and sines lie in memory: cos_sin, paired or repeated.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::out_of_range      an angle that is not finite.
/// Cost:     one evaluation of cosine and sine for each entry, in vector code; one allocation (no bench case of its own).
/// Accuracy: double: |error| <= 2^-51 + num_axes 2^-52 sum_a |p_a f_a|; other scalars rounded once more [rope][mixed].
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.3 (mixed frequencies).
/// Matches:  RotaryEmbeddingMixed of timm (rope-vit mixed); one row of frequencies is a learned 1-D RoPE.
template <typename Scalar, typename DerivedFrequencies, typename DerivedPositions>
FrequencyTable<Scalar> make_mixed_table(const Eigen::DenseBase<DerivedFrequencies>& frequencies,
                                        const Eigen::DenseBase<DerivedPositions>& positions,
                                        CosSinStorage storage = CosSinStorage::cos_sin) {
  return detail::MixedWriter::make<Scalar>(detail::evaluated(frequencies), detail::evaluated(positions), storage);
}

/// Adds the gradient of a loss by learned frequencies, through y = apply_rope(x): grad_frequencies(a, j) +=
///
///     sum over tokens t, heads: positions(t, a) (g_b y_a - g_a y_b)
///
/// with (y_a, y_b) the channels of pair j in the *result* y, and (g_a, g_b) the gradient that arrives there. The
/// gradient by x itself is apply_rope(grad_y, table.adjoint(), layout). Call it for queries and for keys; where heads
/// have frequencies of their own, call it for each head with that head's columns.
/// @param[in,out] grad_frequencies  num_axes x num_pairs.
/// @param grad_y, y   tokens x (num_heads * head_dim), both as apply_rope() left y.
/// @param positions   tokens x num_axes.
/// @param layout      As of apply_rope().
/// @throws std::invalid_argument  shapes that do not agree; grad_frequencies that overlaps itself or what is read.
///                                grad_frequencies is then unchanged.
/// Cost:     two multiply-adds for each pair of y, and num_axes more for each token and pair; no allocation (no bench
///           case of its own).
/// Accuracy: summed in double and rounded once [rope][mixed].
/// Source:   d/dtheta R(theta) x = J R(theta) x with J the rotation by pi / 2.
/// Matches:  autograd through RotaryEmbeddingMixed of timm.
template <typename GradFrequencies, typename DerivedGradY, typename DerivedY, typename DerivedPositions>
void mixed_table_backward(GradFrequencies&& grad_frequencies, const Eigen::DenseBase<DerivedGradY>& grad_y,
                          const Eigen::DenseBase<DerivedY>& y, const Eigen::DenseBase<DerivedPositions>& positions,
                          const RopeLayout& layout) {
  const char* const function = "mixed_table_backward";
  auto& dfrequencies = detail::written(std::forward<GradFrequencies>(grad_frequencies));
  const Eigen::Index pairs = dfrequencies.cols();
  detail::require(2 * pairs == layout.rotary_dim(), function, "grad_frequencies.cols()", pairs,
                  "half of layout.rotary_dim() ", layout.rotary_dim());
  detail::require(y.cols() % layout.head_dim() == 0, function, "y.cols()", y.cols(), "a multiple of layout.head_dim() ",
                  layout.head_dim());
  detail::require_shape(function, "grad_y", grad_y, y.rows(), y.cols());
  detail::require_shape(function, "positions", positions, y.rows(), dfrequencies.rows());
  detail::require_data(function, "grad_frequencies", dfrequencies);
  detail::require_no_self_overlap(function, "grad_frequencies", dfrequencies);
  const auto& grad_y_values = detail::evaluated(grad_y);
  const auto& y_values = detail::evaluated(y);
  const auto& positions_values = detail::evaluated(positions);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, grad_y_values);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, y_values);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, positions_values);
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const auto position = [&](Eigen::Index token, Eigen::Index axis) {
    return static_cast<double>(positions_values.coeff(token, axis));
  };
  const auto angle_gradient = [&](Eigen::Index token, Eigen::Index first, int count, Eigen::Index, double* gradient) {
    const auto value = [&](const auto& x, Eigen::Index column) { return static_cast<double>(x.coeff(token, column)); };
    for (Eigen::Index head = layout.offset(); head < y.cols(); head += layout.head_dim()) {
      for (int i = 0; i < count; ++i) {
        const Eigen::Index a = head + (half_split ? first + i : 2 * (first + i));
        const Eigen::Index b = a + (half_split ? pairs : 1);
        gradient[i] += value(grad_y_values, b) * value(y_values, a) - value(grad_y_values, a) * value(y_values, b);
      }
    }
  };
  detail::add_weights_gradient(dfrequencies, y.rows(), position, angle_gradient);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_MIXED_FREQUENCIES_HPP

// ---- posenc/rope/xpos.hpp
/// xPos: queries grow and keys shrink with their position, so that scores decay with distance.
#ifndef POSENC_ROPE_XPOS_HPP
#define POSENC_ROPE_XPOS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Numbers of xPos, with the field's defaults.
struct XposOptions {
  double scale_base = 512;  ///< Distance [positions] over which scores decay, finite and > 0.
  double gamma = 0.4;       ///< Decay of the fastest pair: zeta_0 = gamma / (1 + gamma); finite and > 0.
};

/// What make_xpos_tables() returns: one table for queries, one for keys.
template <typename Scalar>
struct XposTables {
  FrequencyTable<Scalar> queries;
  FrequencyTable<Scalar> keys;
};

namespace detail {

/// ln zeta_j, num_pairs values padded with zeros to whole blocks.
inline Eigen::ArrayXd log_zeta(Eigen::Index num_pairs, const XposOptions& options) {
  Eigen::ArrayXd values = Eigen::ArrayXd::Zero((num_pairs + kAngleBlock - 1) / kAngleBlock * kAngleBlock);
  const double d = 2 * static_cast<double>(num_pairs);
  for (Eigen::Index j = 0; j < num_pairs; ++j) {
    values[j] = std::log((2 * static_cast<double>(j) + options.gamma * d) / ((1 + options.gamma) * d));
  }
  return values;
}

/// The largest number that a scalar holds, in double.
template <typename Scalar>
double largest() {
  return static_cast<double>((Eigen::NumTraits<Scalar>::highest)());
}

struct XposWriter {
  template <typename Scalar, typename Positions>
  static XposTables<Scalar> make(const Frequencies& frequencies, const Positions& positions, double center,
                                 const XposOptions& options, CosSinStorage storage) {
    const char* const function = "make_xpos_tables";
    require(is_finite(center), function, "center", center, "finite");
    require(is_finite(options.scale_base) && options.scale_base > 0, function, "scale_base", options.scale_base,
            "finite and > 0");
    require(is_finite(options.gamma) && options.gamma > 0, function, "gamma", options.gamma, "finite and > 0");
    require(frequencies.magnitude() == 1, function, "frequencies.magnitude()", frequencies.magnitude(), 1);
    require_finite_angles(function, frequencies.fastest(), false, positions);
    const Eigen::ArrayXd zeta = log_zeta(frequencies.num_pairs(), options);
    // zeta^power and its reciprocal must be numbers, with half a unit of the exponent to spare.
    const double reach = (std::log(largest<Scalar>()) - 0.5) / -zeta.minCoeff() * options.scale_base;
    for (Eigen::Index row = 0; row < positions.rows(); ++row) {
      const double distance = static_cast<double>(positions[row]) - center;
      require_in_range(std::abs(distance) <= reach, function, "distance of a position from center", distance,
                       "at most ", reach, " (beyond it the scale does not fit into the scalar)");
    }
    XposTables<Scalar> tables{FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), {storage}),
                              FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), {storage})};
    const auto sink = [&](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      using Block = Eigen::Array<double, kAngleBlock, 1>;
      const double power = (static_cast<double>(positions[row]) - center) / options.scale_base;
      const Block scale = (zeta.segment<kAngleBlock>(pair) * power).exp();
      const Eigen::Map<const Block> c(cosine);
      const Eigen::Map<const Block> s(sine);
      const Block query_cos = c * scale, query_sin = s * scale, key_cos = c / scale, key_sin = s / scale;
      TableWriter::write_block(tables.queries, row, pair, query_cos.data(), query_sin.data());
      TableWriter::write_block(tables.keys, row, pair, key_cos.data(), key_sin.data());
    };
    for_each_angle(frequencies, 1.0, positions, sink);
    TableWriter::set_origin(tables.queries, 0, 0);
    TableWriter::set_origin(tables.keys, 0, 0);
    return tables;
  }
};

}  // namespace detail

/// Makes the two tables of xPos: apply_rope() rotates queries by one and keys by the other.
///
///     query entry:  zeta_j^((p - center) / scale_base)  times cos, sin of p inv_freq[j]
///     key entry:    zeta_j^(-(p - center) / scale_base) times the same
///     zeta_j = (2j + gamma d) / ((1 + gamma) d),  d = rotary_dim
///
/// Scores depend on the distance alone and shrink by zeta_j^(distance / scale_base). `center` cancels in them, but
/// queries and keys must have the same one: give it once for a model, never from the length of a table. Positions far
/// from it make large and small numbers; 0 is right for up to some 30,000 positions in float.
///
/// apply_rope() takes the tables and their adjoint(). The inverse of one table is the adjoint of the other, and
/// inverse() refuses both.
/// @tparam Scalar      As of make_table().
/// @param frequencies  Magnitude 1.
/// @param positions    PositionRange(first, count), or a list of integers or real numbers, one for each row.
/// @param center       [positions] Where the scale is 1, finite.
/// @param options      Decay of the scores.
/// @param storage      How cosines and sines lie in memory: cos_sin, paired or repeated.
/// @throws std::invalid_argument  a magnitude that is not 1; center, scale_base or gamma out of their ranges; a position
///                                that is NaN or infinite.
/// @throws std::out_of_range      a position so far from center that a scale overflows the scalar; an angle that is not
///                                finite.
/// Cost:     an exponential and two products for each entry on top of make_table(); two allocations for the tables (no
///           bench case of its own).
/// Accuracy: relative 2^-50 (1 + |(p - center) / scale_base|) on top of make_table(), then rounded once [rope][xpos].
/// Source:   Sun et al. 2022, arXiv:2212.10554.
/// Matches:  use_xpos of rotary-embedding-torch and x-transformers (center = length / 2 of the sequence at hand), xPos
///           of flash-attention (center = cached length / 2).
template <typename Scalar, typename Positions>
XposTables<Scalar> make_xpos_tables(const Frequencies& frequencies, const Positions& positions, double center,
                                    const XposOptions& options = {}, CosSinStorage storage = CosSinStorage::cos_sin) {
  static_assert(detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>,
                "posenc: positions must be PositionRange(first, count) or a list with one for each token");
  if constexpr (detail::is_list<Positions>) {
    const detail::ListPositions<Positions> list("make_xpos_tables", positions);
    return detail::XposWriter::make<Scalar>(frequencies, list, center, options, storage);
  } else {
    return detail::XposWriter::make<Scalar>(frequencies, detail::RangePositions(positions), center, options, storage);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_XPOS_HPP

// ---- posenc/rope/permute_channels.hpp
/// Weights, biases and activations from one RopeLayout to another: the conversion of Llama checkpoints and its like.
#ifndef POSENC_ROPE_PERMUTE_CHANNELS_HPP
#define POSENC_ROPE_PERMUTE_CHANNELS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Source channel of each channel of a head: new[c] = old[permutation[c]], so that a head in the layout `from` becomes
/// the same head in the layout `to`. Channels that do not rotate keep their order.
///
///     interleaved(8) to half_split(8)    0 2 4 6 1 3 5 7
///
/// @param from, to  Layouts of equal head_dim() and rotary_dim(), which is even; their offsets may differ (a suffix
///                  becomes a prefix).
/// @return          head_dim source channels.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:    two assignments for each channel; one allocation (no bench case: it is called once for a checkpoint).
/// Matches: the index that the converters of Hugging Face and llama.cpp reshape by (see permute_rows()).
inline Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> channel_permutation(const RopeLayout& from, const RopeLayout& to) {
  const char* const function = "channel_permutation";
  const Eigen::Index head_dim = from.head_dim();
  const Eigen::Index rotary_dim = from.rotary_dim();
  detail::require_rotary_dim(function, "from.rotary_dim()", rotary_dim);
  detail::require(to.head_dim() == head_dim, function, "to.head_dim()", to.head_dim(), "from.head_dim() ", head_dim);
  detail::require(to.rotary_dim() == rotary_dim, function, "to.rotary_dim()", to.rotary_dim(), "from.rotary_dim() ",
                  rotary_dim);
  // Channel i of the window belongs to pair i mod n, or i / 2.
  const auto channel = [&](const RopeLayout& layout, Eigen::Index pair, Eigen::Index second) {
    return layout.offset() +
           (layout.pairs() == RopePairs::half_split ? pair + second * rotary_dim / 2 : 2 * pair + second);
  };
  Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> source(head_dim);
  for (Eigen::Index pair = 0; pair < rotary_dim / 2; ++pair) {
    for (Eigen::Index second = 0; second < 2; ++second) {
      source[channel(to, pair, second)] = channel(from, pair, second);
    }
  }
  const auto unrotated = [&](const RopeLayout& layout, Eigen::Index i) {
    return i < layout.offset() ? i : i + rotary_dim;
  };
  for (Eigen::Index i = 0; i < head_dim - rotary_dim; ++i) source[unrotated(to, i)] = unrotated(from, i);
  return source;
}

namespace detail {

/// `names`: what messages call x and its columns.
struct PermutedNames {
  const char* function;
  const char* x;
  const char* columns;
};

template <typename Derived>
void permute_columns(const PermutedNames& names, Eigen::DenseBase<Derived>& x, const RopeLayout& from,
                     const RopeLayout& to) {
  const auto source = channel_permutation(from, to);
  const Eigen::Index head_dim = from.head_dim();
  require(x.cols() % head_dim == 0, names.function, names.columns, x.cols(), "a multiple of from.head_dim() ",
          head_dim);
  require_data(names.function, names.x, x);
  require_no_self_overlap(names.function, names.x, x);
  Eigen::Array<typename Derived::Scalar, Eigen::Dynamic, 1> head(head_dim);
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index first = 0; first < x.cols(); first += head_dim) {
      for (Eigen::Index c = 0; c < head_dim; ++c) head[c] = x.derived().coeff(row, first + source[c]);
      for (Eigen::Index c = 0; c < head_dim; ++c) x.derived().coeffRef(row, first + c) = head[c];
    }
  }
}

}  // namespace detail

/// Reorders the channels of every head of queries or keys, in place, from one layout to another.
///
/// Rotating and reordering commute: apply_rope(permuted x, to) is the permuted apply_rope(x, from).
/// @param[in,out] x   tokens x (num_heads * head_dim), of any scalar.
/// @param from, to    As of channel_permutation().
/// @throws std::invalid_argument  besides: x.cols() no multiple of head_dim; null data; an x that overlaps itself. x is
///                                then unchanged.
/// Cost:    one pass over x; two allocations of one head's size (no bench case: it is called once for a checkpoint).
/// Matches: `permute` of Hugging Face's Llama conversion, applied to activations.
template <typename X>
void permute_columns(X&& x, const RopeLayout& from, const RopeLayout& to) {
  detail::permute_columns({"permute_columns", "x", "x.cols()"}, detail::assigned(std::forward<X>(x)), from, to);
}

/// Reorders the output channels of a projection, in place: W_q or W_k of shape (num_heads * head_dim) x inputs as
/// PyTorch keeps it, their biases, and the weights of a norm over a head (one column of head_dim).
///
/// Do it to queries and keys alike, with their own numbers of heads. Values and the output projection stay.
/// @param[in,out] weights  (num_heads * head_dim) x anything, of any scalar.
/// @param from, to         As of channel_permutation().
/// @throws std::invalid_argument  besides: weights.rows() no multiple of head_dim; null data; weights that overlap
///                                themselves. `weights` is then unchanged.
/// Cost:    one pass over weights; two allocations of one head's size (no bench case: it is called once for a
///          checkpoint).
/// Matches: `permute` of Hugging Face's Llama conversion (interleaved to half-split) and of llama.cpp's converter
///          (back).
template <typename Weights>
void permute_rows(Weights&& weights, const RopeLayout& from, const RopeLayout& to) {
  auto columns = detail::assigned(std::forward<Weights>(weights)).transpose();
  detail::permute_columns({"permute_rows", "weights", "weights.rows()"}, columns, from, to);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_PERMUTE_CHANNELS_HPP

// ---- posenc/rope.hpp
/// Rotary position embedding: rotates queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

// The rotation.

// Raw buffers.

// Keys that are rotated already.

// Variants.

// Checkpoints.

#endif  // POSENC_ROPE_HPP

// ---- posenc/model_config/query_temperature.hpp
/// QueryTemperature: a factor on the queries of a layer that grows with the position.
#ifndef POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP
#define POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of a factor on queries, 1 + scale ln(1 + floor((position + shift) / length)).
struct QueryTemperature {
  double scale;   ///< Weight of the logarithm, >= 0: `attn_scale` of Llama 4, `llama_4_scaling_beta` of Ministral 3.
  double length;  ///< Positions per step of the factor, > 0: `floor_scale`, or the trained length.
  double shift;   ///< Added to the position, >= 0: 1 in Llama 4, 0 in Ministral 3.
};

/// The factor by which a model multiplies the query at a position, before or after it is rotated:
///
///     1 + scale ln(1 + floor((position + shift) / length))
///
/// @param temperature  Of the layer: LayerRope::query_temperature.
/// @param position     The position of the query's token, >= 0 and finite.
/// @throws std::out_of_range      position < 0, NaN or infinite.
/// @throws std::invalid_argument  a scale or shift that is negative or not finite, or a length that is not > 0.
/// Accuracy: 4 ulp of double, for factors in [1, 2) [model_config][query_temperature].
/// Matches:  attn_temperature_tuning of Llama 4 (0.1, 8192, 1), llama_4_scaling_beta of Ministral 3 (beta, L, 0).
inline double query_temperature(const QueryTemperature& temperature, double position) {
  const char* const function = "query_temperature";
  detail::require(detail::is_finite(temperature.scale) && temperature.scale >= 0, function, "temperature.scale",
                  temperature.scale, "finite and >= 0");
  detail::require(temperature.length > 0, function, "temperature.length", temperature.length, "> 0");
  detail::require(detail::is_finite(temperature.shift) && temperature.shift >= 0, function, "temperature.shift",
                  temperature.shift, "finite and >= 0");
  detail::require_in_range(detail::is_finite(position) && position >= 0, function, "position", position,
                           "finite and >= 0");
  return 1 + temperature.scale * std::log1p(std::floor((position + temperature.shift) / temperature.length));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP

// ---- posenc/model_config/model_rope.hpp
/// ModelRope: all that a model does with positions in its attention layers, as plain data.
#ifndef POSENC_MODEL_CONFIG_MODEL_ROPE_HPP
#define POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// One rotation of a model: its angles, the channels of a head that it rotates, and, where a token has several
/// positions, which of them drives which pair.
///
/// The frequencies carry two factors: magnitude(), which make_table() puts into the table, and softmax_multiplier(),
/// by which the caller multiplies the softmax scale 1/sqrt(head_dim).
struct RopeSet {
  std::string layer_type;         ///< "full_attention" or "sliding_attention"; empty where one rule holds for all.
  Frequencies frequencies;        ///< One frequency for each pair that rotates.
  RopeLayout layout;              ///< The channels of a head that rotate, and which two make a pair.
  std::optional<AxisMap> axes{};  ///< The axis that drives each pair, where a token has several: M-RoPE, images.
};

/// Makes the cos/sin table of a rotation: row i holds A cos(p inv_freq[j]) and A sin(p inv_freq[j]) with A the magnitude
/// of set.frequencies and p the position of token i, on the axis of pair j where the set has axes.
///
/// @tparam Scalar    float, double, Eigen::half or Eigen::bfloat16.
/// @param set        One of ModelRope::rope_sets.
/// @param positions  PositionRange(first, count): text, where a token has the same position on all axes. Or a list: a
///                   position for each token; where the set has axes, a matrix of tokens x set.axes->num_axes().
/// @param options    How cosines and sines lie in memory, and exact or float32 angles.
/// @throws std::invalid_argument  a position is NaN or infinite; a matrix without a column for each axis.
/// @throws std::out_of_range      a position beyond 2^57.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     that of make_table() of the frequencies, which it calls (bench_frequency: make_table, consecutive positions).
/// Accuracy: that of make_table() of the frequencies, bit for bit [model_config][model_rope].
/// Matches:  the cos and sin that the rotary embedding of the model computes.
template <typename Scalar, typename Positions,
          std::enable_if_t<detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>, int> = 0>
FrequencyTable<Scalar> make_table(const RopeSet& set, const Positions& positions, TableOptions options = {}) {
  if constexpr (detail::is_list<Positions>) {
    if (set.axes) return make_table<Scalar>(set.frequencies, *set.axes, detail::as_list(positions), options);
    return make_table<Scalar>(set.frequencies, detail::as_list(positions), options);
  } else {
    return make_table<Scalar>(set.frequencies, positions, options);
  }
}

/// Writes the rotation's values at new positions into a table, without an allocation: for a decode loop, which needs one
/// row for each new token.
///
/// @param[in,out] table  rows x set.frequencies.num_pairs(). It keeps its storage and AngleMode.
/// @param set            One of ModelRope::rope_sets.
/// @param positions      starting_at(first): as many positions as the table has rows. Or what make_table() takes, with
///                       exactly that many.
/// @throws std::invalid_argument  another number of positions or pairs than the table has; what make_table() refuses.
/// @throws std::out_of_range      a position beyond 2^57.
/// Cost:     that of fill_table() of the frequencies, which it calls (bench_frequency: fill_table, consecutive positions).
/// Accuracy: that of fill_table() of the frequencies, bit for bit [model_config][model_rope].
template <typename Scalar, typename Positions,
          std::enable_if_t<detail::is_list<Positions> || std::is_same_v<Positions, PositionRange> ||
                               std::is_same_v<Positions, StartingAt>,
                           int> = 0>
void fill_table(FrequencyTable<Scalar>& table, const RopeSet& set, const Positions& positions) {
  if constexpr (detail::is_list<Positions>) {
    if (set.axes) return fill_table(table, set.frequencies, *set.axes, detail::as_list(positions));
    fill_table(table, set.frequencies, detail::as_list(positions));
  } else {
    fill_table(table, set.frequencies, positions);
  }
}

/// What one attention layer does with its queries and keys.
struct LayerRope {
  /// The rotations to apply one after the other, as indices into ModelRope::rope_sets. Empty: nothing rotates (NoPE).
  std::vector<int> rope_sets{};
  /// The factor on the queries, where the layer has one: multiply each query by query_temperature(value, position).
  std::optional<QueryTemperature> query_temperature{};
};

/// How a model uses positions: its rotations, and a plan that says which layer applies which.
///
///     const ModelRope model = read_hugging_face_config(json, serving_length);
///     for (const RopeSet& set : model.rope_sets) tables.push_back(make_table<float>(set, PositionRange(0, prompt)));
///     for (int s : model.layers[l].rope_sets) apply_rope(q, tables[s], model.rope_sets[s].layout);
struct ModelRope {
  std::vector<RopeSet> rope_sets{};  ///< The different rotations of the model.
  std::vector<LayerRope> layers{};   ///< One entry for each layer.
  /// The path of every key about rotation that was in the config and had no effect: "rope_scaling.finetuned".
  std::vector<std::string> ignored_keys{};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

// ---- posenc/model_config/detail/json_type.hpp
/// Which types are JSON values.
#ifndef POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether T has the member functions of nlohmann::json that to_config_value() calls.
template <typename T, typename = void>
inline constexpr bool is_json = false;
template <typename T>
inline constexpr bool is_json<
    T, std::void_t<decltype(std::declval<const T&>().is_null()), decltype(std::declval<const T&>().is_boolean()),
                   decltype(std::declval<const T&>().is_number()), decltype(std::declval<const T&>().is_string()),
                   decltype(std::declval<const T&>().is_array()), decltype(std::declval<const T&>().is_object()),
                   decltype(std::declval<const T&>().begin()), decltype(std::declval<const T&>().end()),
                   decltype(std::declval<const T&>().template get<std::string>())>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP

// ---- posenc/model_config/config_value.hpp
/// ConfigValue: a config as plain data, converted from any JSON type or written by hand.
#ifndef POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP
#define POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {
struct JsonConverter;
}  // namespace detail

/// A value of a config: null, true or false, a number, a text, a list, or a dictionary.
///
/// The metadata of a GGUF file is one flat dictionary:
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     metadata.set("llama.rope.freq_base", 500000.0);
class ConfigValue {
 public:
  /// What a value is.
  enum class Kind { null, boolean, number, text, list, dictionary };

  /// Null.
  ConfigValue() = default;
  /// @copydoc ConfigValue()
  ConfigValue(std::nullptr_t) {}
  /// A text.
  ConfigValue(const char* text) : kind_(Kind::text), text_(text) {}
  /// @copydoc ConfigValue(const char*)
  ConfigValue(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  /// A number, or true or false where `value` is a bool. Numbers are held as double.
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  ConfigValue(Number value)
      : kind_(std::is_same_v<Number, bool> ? Kind::boolean : Kind::number), number_(static_cast<double>(value)) {}

  /// A list of values, which may be of different kinds.
  static ConfigValue list(std::vector<ConfigValue> items = {}) {
    ConfigValue value;
    value.kind_ = Kind::list;
    value.items_ = std::move(items);
    return value;
  }
  /// A dictionary. Where two entries have one key, the last counts.
  static ConfigValue dictionary(std::initializer_list<std::pair<std::string, ConfigValue>> entries = {}) {
    ConfigValue value;
    value.kind_ = Kind::dictionary;
    for (const auto& entry : entries) value.set(entry.first, entry.second);
    return value;
  }

  /// Adds an entry to a dictionary, or replaces the one that has this key.
  ///
  /// @throws std::invalid_argument  this is not a dictionary.
  void set(const std::string& key, ConfigValue value) {
    require_kind("ConfigValue::set", Kind::dictionary, "a dictionary");
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) {
        items_[i] = std::move(value);
        return;
      }
    }
    keys_.push_back(key);
    items_.push_back(std::move(value));
  }

  /// What this value is.
  Kind kind() const { return kind_; }
  /// Whether this value is of a kind.
  bool is(Kind kind) const { return kind_ == kind; }
  /// True or false.
  /// @throws std::invalid_argument  this is neither.
  bool boolean() const {
    require_kind("ConfigValue::boolean", Kind::boolean, "true or false");
    return number_ != 0;
  }
  /// The number.
  /// @throws std::invalid_argument  this is not a number.
  double number() const {
    require_kind("ConfigValue::number", Kind::number, "a number");
    return number_;
  }
  /// The text.
  /// @throws std::invalid_argument  this is not a text.
  const std::string& text() const {
    require_kind("ConfigValue::text", Kind::text, "a text");
    return text_;
  }
  /// The items of a list, or the values of a dictionary in the order of keys(); empty for all other kinds.
  const std::vector<ConfigValue>& items() const { return items_; }
  /// The keys of a dictionary, in the order in which they were added; empty for all other kinds.
  const std::vector<std::string>& keys() const { return keys_; }

  /// The value of a key, or nullptr where this is a dictionary without it or not a dictionary.
  const ConfigValue* find(const std::string& key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return &items_[i];
    }
    return nullptr;
  }

  /// This value as messages name it: `the text "8"`, `a list of 3`.
  std::string describe() const {
    switch (kind_) {
      case Kind::null: return "null";
      case Kind::boolean: return number_ != 0 ? "true" : "false";
      case Kind::number: return detail::to_text(number_);
      case Kind::text: return "the text \"" + text_ + "\"";
      case Kind::list: return "a list of " + std::to_string(items_.size());
      case Kind::dictionary: break;
    }
    return "a dictionary of " + std::to_string(items_.size());
  }

  /// Whether two values are equal. The order of keys does not count, and true is not 1.
  friend bool operator==(const ConfigValue& a, const ConfigValue& b) {
    if (a.kind_ != b.kind_ || a.number_ != b.number_ || a.text_ != b.text_ || a.items_.size() != b.items_.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.items_.size(); ++i) {
      const ConfigValue* const other = a.is(Kind::dictionary) ? b.find(a.keys_[i]) : &b.items_[i];
      if (other == nullptr || !(a.items_[i] == *other)) return false;
    }
    return true;
  }
  friend bool operator!=(const ConfigValue& a, const ConfigValue& b) { return !(a == b); }

 private:
  friend struct detail::JsonConverter;

  void require_kind(const char* function, Kind kind, const char* rule) const {
    if (kind_ != kind) detail::refuse<std::invalid_argument>(function, "the value", describe(), rule);
  }

  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<ConfigValue> items_;
};

namespace detail {

struct JsonConverter {
  /// See to_config_value(). The kind of a value is tested before the value is read.
  template <typename Json>
  static ConfigValue convert(const Json& json) {
    if (json.is_null()) return {};
    if (json.is_boolean()) return json.template get<bool>();
    if (json.is_number()) return json.template get<double>();
    if (json.is_string()) return json.template get<std::string>();
    ConfigValue value;
    if (json.is_array()) {
      value.kind_ = ConfigValue::Kind::list;
      for (auto item = json.begin(); item != json.end(); ++item) value.items_.push_back(convert(*item));
      return value;
    }
    require(json.is_object(), "to_config_value", "json", "another kind of value",
            "null, a boolean, a number, a text, a list or a dictionary");
    value.kind_ = ConfigValue::Kind::dictionary;
    for (auto entry = json.begin(); entry != json.end(); ++entry) {
      value.keys_.push_back(entry.key());  // set() would search all keys, and label lists have 20,000
      value.items_.push_back(convert(entry.value()));
    }
    return value;
  }
};

}  // namespace detail

/// Converts a parsed JSON value to plain data.
///
/// No JSON library is named here. Any type will do that has these members of nlohmann::json: is_null(), is_boolean(),
/// is_number(), is_string(), is_array(), is_object(), get<T>(), and iterators with key() and value(). The kind of every
/// value is tested before the value is read, so that the JSON type reports no errors of its own.
/// @param json  A parsed value. A text is not parsed: a path or the contents of a file do not compile.
/// @throws std::invalid_argument  a value that is none of these kinds, such as nlohmann's binary and discarded ones.
template <typename Json, std::enable_if_t<detail::is_json<Json>, int> = 0>
ConfigValue to_config_value(const Json& json) {
  return detail::JsonConverter::convert(json);
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<sizeof...(Given) != 1 || !(detail::is_json<Given> && ...), int> = 0>
ConfigValue to_config_value(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: json must be a parsed JSON value, for instance "
                "nlohmann::json::parse(std::ifstream(\"config.json\"))");
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

// ---- posenc/model_config/detail/config_arguments.hpp
/// The arguments that the readers of configs take, so that others can be answered with a sentence.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A config: plain data, or any JSON type.
template <typename T>
inline constexpr bool is_config = std::is_same_v<T, ConfigValue> || is_json<T>;

/// The config as plain data: itself, or a converted copy.
template <typename Config>
decltype(auto) as_config_value(const Config& config) {
  if constexpr (std::is_same_v<Config, ConfigValue>) {
    return static_cast<const ConfigValue&>(config);
  } else {
    return to_config_value(config);
  }
}

/// An integer, and not a truth value.
template <typename T>
inline constexpr bool is_length = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <typename T>
inline constexpr bool is_optional_list = false;
template <typename List>
inline constexpr bool is_optional_list<std::optional<List>> = is_list<List>;

/// Divisors of frequencies: a list, std::nullopt, or an optional list.
template <typename T>
inline constexpr bool are_factors = is_list<T> || std::is_same_v<T, std::nullopt_t> || is_optional_list<T>;

/// The divisors as an optional array.
template <typename Factors>
std::optional<Eigen::ArrayXd> as_factors(const Factors& factors) {
  if constexpr (is_list<Factors>) {
    return Eigen::ArrayXd(as_list(factors).template cast<double>().reshaped().array());
  } else if constexpr (is_optional_list<Factors>) {
    return factors ? as_factors(*factors) : std::nullopt;
  } else {
    return std::nullopt;
  }
}

// Whether the arguments of a reader begin with a config, go on with a length or with factors, and end there or with a
// pair layout.

template <typename... Given>
inline constexpr bool begins_with_config = false;
template <typename Config, typename... More>
inline constexpr bool begins_with_config<Config, More...> = is_config<Config>;

template <typename... Given>
inline constexpr bool has_length = false;
template <typename Config, typename Length, typename... More>
inline constexpr bool has_length<Config, Length, More...> = is_length<Length>;

template <typename... Given>
inline constexpr bool has_factors = false;
template <typename Config, typename Factors, typename... More>
inline constexpr bool has_factors<Config, Factors, More...> = are_factors<Factors>;

template <typename... Given>
inline constexpr bool ends_with_pairs = false;
template <typename Config, typename Second>
inline constexpr bool ends_with_pairs<Config, Second> = true;
template <typename Config, typename Second, typename Pairs>
inline constexpr bool ends_with_pairs<Config, Second, Pairs> =
    std::is_convertible_v<const Pairs&, std::optional<RopePairs>>;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP

// ---- posenc/model_config/detail/rope_window.hpp
/// RopeWindow: the channels of a head that rotate, and the layout that says so.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The channels offset ... offset + rotary_dim - 1 of a head.
struct RopeWindow {
  Eigen::Index head_dim = 0;
  Eigen::Index offset = 0;
  Eigen::Index rotary_dim = 0;
};

inline RopeLayout layout_of(RopePairs pairs, const RopeWindow& window) {
  return RopeLayout(pairs, window.head_dim).window(window.offset, window.rotary_dim);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP

// ---- posenc/model_config/detail/axis_rule.hpp
/// The rotations of models whose tokens have several positions: M-RoPE sections, images, ChatGLM-6B.
#ifndef POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The axis that drives each pair.
enum class AxisRule {
  one,                ///< One position per token.
  contiguous,         ///< mrope_section, as contiguous blocks of pairs: Qwen2-VL.
  interleaved,        ///< mrope_section, t h w t h w ...: Qwen3-VL.
  height_width_time,  ///< mrope_section as h, w, t: ERNIE-4.5-VL.
  centered_patches,   ///< (y, x) in [-1, 1], each with all frequencies of half a head, times 2 pi: DINOv3.
  rows_and_columns,   ///< (row, column): even frequencies for rows, odd ones for columns: Pixtral.
  two_halves          ///< Two positions, each of which rotates its own half of the head: ChatGLM-6B.
};

inline bool has_sections(AxisRule rule) {
  return rule == AxisRule::contiguous || rule == AxisRule::interleaved || rule == AxisRule::height_width_time;
}

/// The axes of the pairs, from sections that must cover all of them.
inline AxisMap section_axes(const char* function, const std::string& name, AxisRule rule,
                            const std::vector<int>& sections, Eigen::Index num_pairs) {
  Eigen::Index sum = 0;
  for (const int section : sections) sum += section;
  if (sum != num_pairs) {
    refuse<std::invalid_argument>(function, "sum of " + name, sum, "the number of pairs ", num_pairs);
  }
  if (rule == AxisRule::interleaved) return interleaved_axes(sections);
  if (rule == AxisRule::height_width_time) return height_width_time_axes(sections);
  require(sections.size() == 3, function, (name + ".size()").c_str(), sections.size(), "3 (time, height, width)");
  return contiguous_axes(sections);
}

/// One position, `axis` of num_axes, drives all pairs.
inline AxisMap single_axis(Eigen::Index num_pairs, int axis, Eigen::Index num_axes) {
  return AxisMap(Eigen::ArrayXi::Constant(num_pairs, axis), num_axes);
}

/// The rotations of an image encoder, with the given pairs, or of ChatGLM-6B, which is always half-split.
inline std::vector<RopeSet> grid_sets(const char* function, AxisRule rule, RopePairs pairs, Eigen::Index head_dim,
                                      double base) {
  require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4 for two axes");
  const Eigen::Index quarter = head_dim / 4;
  if (rule == AxisRule::two_halves) {
    const Eigen::Index half = head_dim / 2;
    const Frequencies frequencies = geometric_frequencies(half, base);
    return {{"", frequencies, layout_of(RopePairs::half_split, {head_dim, 0, half}), single_axis(quarter, 0, 2)},
            {"", frequencies, layout_of(RopePairs::half_split, {head_dim, half, half}), single_axis(quarter, 1, 2)}};
  }
  constexpr double two_pi = 6.283185307179586476925286766559;
  const int each = static_cast<int>(quarter);
  const AxialFrequencies axial = rule == AxisRule::centered_patches
                                     ? axial_frequencies({each, each}, base, two_pi)
                                     : axial_frequencies({each, each}, base, AxialSeries::alternating);
  return {{"", axial.frequencies, layout_of(pairs, {head_dim, 0, head_dim}), axial.axes}};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

// ---- posenc/model_config/detail/config_reader.hpp
/// ConfigReader: typed values of a dictionary, and which of its keys were read.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A number, and the path of the key that has it: messages name what the config says.
struct NamedNumber {
  double value;
  std::string name;
};

/// Reads one dictionary, which must outlive the reader. A key whose value is null counts as absent.
class ConfigReader {
 public:
  /// @param path  What precedes each key in messages: "rope_scaling.".
  ConfigReader(const char* function, const ConfigValue& dictionary, std::string path)
      : function_(function), dictionary_(&dictionary), path_(std::move(path)), read_(dictionary.keys().size(), false) {}

  const char* function() const { return function_; }
  std::string name(const std::string& key) const { return path_ + key; }

  /// The value, or nullptr where it is absent or null. Marks the key as read.
  const ConfigValue* find(const std::string& key) {
    const std::vector<std::string>& keys = dictionary_->keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      read_[i] = true;
      const ConfigValue& value = dictionary_->items()[i];
      return value.is(ConfigValue::Kind::null) ? nullptr : &value;
    }
    return nullptr;
  }

  std::optional<double> number(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::number, "a number");
    return value == nullptr ? std::nullopt : std::optional<double>(value->number());
  }
  std::optional<bool> flag(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::boolean, "true or false");
    return value == nullptr ? std::nullopt : std::optional<bool>(value->boolean());
  }
  std::optional<std::string> text(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::text, "a text");
    return value == nullptr ? std::nullopt : std::optional<std::string>(value->text());
  }
  const ConfigValue* dictionary(const std::string& key) {
    return typed(key, ConfigValue::Kind::dictionary, "a dictionary");
  }
  const ConfigValue* list(const std::string& key) { return typed(key, ConfigValue::Kind::list, "a list"); }

  /// A whole number from `least` to 2^23, which no dimension of a model reaches.
  std::optional<Eigen::Index> count(const std::string& key, Eigen::Index least = 1) {
    const std::optional<double> value = number(key);
    return value ? std::optional<Eigen::Index>(whole(name(key), *value, least)) : std::nullopt;
  }
  std::optional<std::vector<double>> numbers(const std::string& key) {
    const ConfigValue* const value = list(key);
    if (value == nullptr) return std::nullopt;
    std::vector<double> out;
    for (const ConfigValue& item : value->items()) {
      require_kind(item, ConfigValue::Kind::number, item_name(key, out.size()), "a number");
      out.push_back(item.number());
    }
    return out;
  }
  std::optional<std::vector<int>> counts(const std::string& key) {
    const std::optional<std::vector<double>> values = numbers(key);
    if (!values) return std::nullopt;
    std::vector<int> out;
    for (const double value : *values) out.push_back(static_cast<int>(whole(item_name(key, out.size()), value, 0)));
    return out;
  }
  std::optional<std::vector<std::string>> texts(const std::string& key) {
    const ConfigValue* const value = list(key);
    if (value == nullptr) return std::nullopt;
    std::vector<std::string> out;
    for (const ConfigValue& item : value->items()) {
      require_kind(item, ConfigValue::Kind::text, item_name(key, out.size()), "a text");
      out.push_back(item.text());
    }
    return out;
  }

  /// The value of a quantity that has several names. It is refused where two of them are given and differ.
  std::optional<NamedNumber> agreed_number(const std::vector<std::string>& keys) {
    std::optional<NamedNumber> agreed;
    for (const std::string& key : keys) {
      const std::optional<double> value = number(key);
      if (!value) continue;
      if (agreed) {
        require(*value == agreed->value, key, *value, "the same as ", agreed->name, " ", agreed->value);
      } else {
        agreed = NamedNumber{*value, name(key)};
      }
    }
    return agreed;
  }
  std::optional<Eigen::Index> agreed_count(const std::vector<std::string>& keys) {
    const std::optional<NamedNumber> agreed = agreed_number(keys);
    for (const std::string& key : keys) count(key);
    return agreed ? std::optional<Eigen::Index>(static_cast<Eigen::Index>(agreed->value)) : std::nullopt;
  }
  /// A quantity that may be in this dictionary, at the top level, or in both if they agree.
  std::optional<NamedNumber> inside_or_outside(const char* key, const std::optional<NamedNumber>& outside) {
    const std::optional<double> inside = number(key);
    if (!inside) return outside;
    if (outside) require(*inside == outside->value, key, *inside, "the same as at the top level ", outside->value);
    return NamedNumber{*inside, name(key)};
  }

  /// Refuses the value of a key with a message that names its path.
  template <typename Value, typename... Rule>
  void require(bool good, const std::string& key, const Value& value, const Rule&... rule) const {
    if (!good) refuse<std::invalid_argument>(function_, name(key), value, rule...);
  }
  void require(bool good, const NamedNumber& number, const char* rule) const {
    if (!good) refuse<std::invalid_argument>(function_, number.name, number.value, rule);
  }
  [[noreturn]] void refuse_missing(const std::string& key, const std::string& why) const {
    refuse<std::invalid_argument>(function_, name(key), "nothing", "given", why);
  }
  double required_number(const std::string& key, const std::string& why) {
    const std::optional<double> value = number(key);
    if (!value) refuse_missing(key, why);
    return *value;
  }

  /// Appends the paths of the keys that are present, were not read, and satisfy `concerns`.
  template <typename Concerns>
  void add_unread_to(std::vector<std::string>& out, const Concerns& concerns) const {
    for (std::size_t i = 0; i < read_.size(); ++i) {
      const std::string& key = dictionary_->keys()[i];
      if (!read_[i] && !dictionary_->items()[i].is(ConfigValue::Kind::null) && concerns(key)) out.push_back(name(key));
    }
  }

 private:
  std::string item_name(const std::string& key, std::size_t index) const {
    return element(name(key).c_str(), static_cast<Eigen::Index>(index));
  }
  void require_kind(const ConfigValue& value, ConfigValue::Kind kind, const std::string& path, const char* rule) const {
    if (!value.is(kind)) refuse<std::invalid_argument>(function_, path, value.describe(), rule);
  }
  const ConfigValue* typed(const std::string& key, ConfigValue::Kind kind, const char* rule) {
    const ConfigValue* const value = find(key);
    if (value != nullptr) require_kind(*value, kind, name(key), rule);
    return value;
  }
  Eigen::Index whole(const std::string& path, double value, Eigen::Index least) const {
    constexpr double limit = 0x1p23;
    if (!(value >= static_cast<double>(least) && value <= limit && std::floor(value) == value)) {
      refuse<std::invalid_argument>(function_, path, value, "a whole number from ", least, " to ", limit);
    }
    return static_cast<Eigen::Index>(value);
  }

  const char* function_;
  const ConfigValue* dictionary_;
  std::string path_;
  std::vector<bool> read_;
};

inline bool any_key(const std::string&) { return true; }

/// The base of a geometric series, named as the config names it.
inline double checked_base(const ConfigReader& reader, const NamedNumber& base) {
  const double b = base.value;
  reader.require(is_finite(b) && b > 0 && b != 1, base, "finite, > 0 and not 1");
  return b;
}

/// The factor of this scale, and none where the scale is 0.
inline std::optional<QueryTemperature> checked_temperature(const ConfigReader& config, const NamedNumber& scale,
                                                           const NamedNumber& length, double shift) {
  config.require(is_finite(scale.value) && scale.value >= 0, scale, "finite and >= 0");
  config.require(is_finite(length.value) && length.value > 0, length, "finite and > 0");
  if (scale.value == 0) return std::nullopt;
  return QueryTemperature{scale.value, length.value, shift};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

// ---- posenc/model_config/detail/layer_schedule.hpp
/// The kind of attention of each layer, by rule, and which layers do not rotate.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a model does with a period n where its config does not list its layers.
enum class LayerSchedule {
  alike,            ///< All layers are full_attention.
  full_last,        ///< Every n-th layer is full_attention, the others are sliding: Gemma 3.
  full_first,       ///< Layers 0, n, 2n ... are full_attention, the others are sliding: ModernBERT.
  full_is_nope,     ///< As full_last, and the full_attention layers do not rotate: Cohere 2.
  linear_but_last,  ///< Every n-th layer is full_attention, the others are linear and do not rotate: Qwen3.5.
  nope_last         ///< All layers are full_attention, and every n-th does not rotate: Llama 4, SmolLM3.
};

/// Far more layers than any model has, so that a wrong number cannot ask for all memory.
constexpr Eigen::Index kMaxLayers = 65536;

inline const char* const kFull = "full_attention";
inline const char* const kSliding = "sliding_attention";
inline const char* const kLinear = "linear_attention";

/// Kinds of layers that have queries and keys to rotate, and kinds that have none.
inline const char* const kRotatingLayers[] = {kFull, kSliding, "chunked_attention"};
inline const char* const kOtherLayers[] = {kLinear, "conv", "mamba", "recurrent"};

template <std::size_t Size>
bool is_one_of(const std::string& value, const char* const (&list)[Size]) {
  for (const char* const one : list) {
    if (value == one) return true;
  }
  return false;
}

/// The kind of attention of each layer, from a period.
inline std::vector<std::string> scheduled_layers(LayerSchedule schedule, Eigen::Index layers, Eigen::Index period) {
  std::vector<std::string> types(static_cast<std::size_t>(layers), kFull);
  if (schedule == LayerSchedule::alike || schedule == LayerSchedule::nope_last) return types;
  for (std::size_t layer = 0; layer < types.size(); ++layer) {
    const std::size_t place = schedule == LayerSchedule::full_first ? layer : layer + 1;
    if (place % static_cast<std::size_t>(period) == 0) continue;
    types[layer] = schedule == LayerSchedule::linear_but_last ? kLinear : kSliding;
  }
  return types;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP

// ---- posenc/model_config/detail/known_architectures.hpp
/// What the metadata of a GGUF file does not say: for each architecture, the pair layout and what llama.cpp adds.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One architecture of llama.cpp: what its code knows and the file does not say.
struct KnownArchitecture {
  const char* name;
  RopePairs pairs;  ///< interleaved is llama.cpp's NORM; half_split is NEOX, MROPE and IMROPE.
  LayerSchedule schedule = LayerSchedule::alike;
  Eigen::Index period = 0;  ///< The n of `schedule`.
  double sliding_base = 0;  ///< freq_base of sliding layers, which are not scaled; 0: they rotate as the others do.
  AxisRule axes = AxisRule::one;
  bool window_is_last = false;  ///< The last channels of a head rotate, and attention applies the YaRN multiplier.
  bool truncate = true;         ///< Whether the model was trained with a rounded YaRN ramp; llama.cpp always rounds.
};

inline const KnownArchitecture* find_known_architecture(const std::string& name) {
  constexpr RopePairs norm = RopePairs::interleaved;
  constexpr RopePairs neox = RopePairs::half_split;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownArchitecture architectures[] = {
      // name, pairs, schedule, n, sliding_base, axes, window_is_last, truncate
      {"llama", norm},
      {"llama4", norm, nope_last, 4},
      {"deci", norm},
      {"internlm2", norm},
      {"minicpm", norm},
      {"xverse", norm},
      {"command-r", norm},
      {"cohere2", norm, LayerSchedule::full_is_nope, 4},
      {"olmo", norm},
      {"arctic", norm},
      {"deepseek", norm},
      {"deepseek2", norm, alike, 0, 0, one, true},
      {"chatglm", norm},
      {"glm4", norm},
      {"granite", norm},
      {"granitemoe", norm},
      {"smollm3", norm, nope_last, 4},
      {"ernie4_5", norm},
      {"mistral3", norm},
      {"falcon", neox},
      {"stablelm", neox},
      {"qwen", neox},
      {"qwen2", neox},
      {"qwen2moe", neox},
      {"qwen3", neox},
      {"qwen3moe", neox},
      {"qwen2vl", neox, alike, 0, 0, AxisRule::contiguous},
      {"qwen3vl", neox, alike, 0, 0, AxisRule::interleaved},
      {"qwen3vlmoe", neox, alike, 0, 0, AxisRule::interleaved},
      {"phi2", neox},
      {"phi3", neox},
      {"phimoe", neox},
      {"gemma", neox},
      {"gemma2", neox},
      {"gemma3", neox, full_last, 6, 1e4},
      {"gemma4", neox, full_last, 6, 1e4},
      {"starcoder2", neox},
      {"openelm", neox},
      {"gptneox", neox},
      {"orion", neox},
      {"nemotron", neox},
      {"exaone", neox},
      {"glm4moe", neox},
      {"minimax-m2", neox},
      {"modern-bert", neox, LayerSchedule::full_first, 3, 1e4},
      {"gpt-oss", neox, alike, 0, 0, one, false, false},
  };
  for (const KnownArchitecture& architecture : architectures) {
    if (name == architecture.name) return &architecture;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP

// ---- posenc/model_config/detail/gguf_reader.hpp
/// GgufReader: converts the metadata of a GGUF file to a ModelRope.
#ifndef POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Reads the metadata of one file.
class GgufReader {
 public:
  GgufReader(const ConfigValue& metadata, std::optional<Eigen::ArrayXd> freq_factors, std::optional<RopePairs> pairs)
      : file_(kFunction, checked(metadata), ""), freq_factors_(std::move(freq_factors)) {
    const std::optional<std::string> name = file_.text("general.architecture");
    if (!name) file_.refuse_missing("general.architecture", "");
    const KnownArchitecture* const known = find_known_architecture(*name);
    if (known == nullptr && !pairs) {
      refuse<std::invalid_argument>(kFunction, "general.architecture", "the text \"" + *name + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    model_ = known != nullptr ? *known : KnownArchitecture{"", *pairs};
    if (pairs) model_.pairs = *pairs;
    prefix_ = *name + ".";
  }

  ModelRope read() {
    const auto layers = file_.count(key("block_count"));
    if (!layers) file_.refuse_missing(key("block_count"), "");
    file_.require(*layers <= kMaxLayers, key("block_count"), *layers, "at most ", kMaxLayers);
    const std::vector<std::string> types = read_layers(*layers);
    // Sliding layers may have a base of their own, which the file or the architecture gives, and are then not scaled.
    const char* const sliding_key = "rope.freq_base_swa";
    const std::optional<double> own = file_.number(key(sliding_key));
    const bool two_sets = own || model_.sliding_base > 0;
    const bool slides = std::find(types.begin(), types.end(), kSliding) != types.end();
    if (own && !slides) {
      file_.refuse_missing(key("attention.sliding_window_pattern"), ", since there is a rope.freq_base_swa");
    }
    add_full_set(two_sets ? kFull : "");
    if (two_sets && slides) {
      add_sliding_set(own ? checked_base(file_, {*own, key(sliding_key)}) : model_.sliding_base);
    }
    assign_layers(types);
    file_.find(key(
        "rope.scaling.finetuned"));  // tells whether the model was trained with the scaling; angles do not depend on it
    const std::string rope = key("rope.");
    file_.add_unread_to(result_.ignored_keys, [&](const std::string& name) { return name.rfind(rope, 0) == 0; });
    return std::move(result_);
  }

 private:
  static constexpr const char* kFunction = "read_gguf_metadata";

  static const ConfigValue& checked(const ConfigValue& metadata) {
    require(metadata.is(ConfigValue::Kind::dictionary), kFunction, "metadata", metadata.describe(), "a dictionary");
    return metadata;
  }
  std::string key(const char* name) const { return prefix_ + name; }

  Eigen::Index read_head_dim(bool sliding) {
    const auto own = file_.count(key("attention.key_length_swa"));
    if (sliding && own) return *own;
    if (const auto latent = file_.count(key("attention.key_length_mla"))) return *latent;
    if (const auto length = file_.count(key("attention.key_length"))) return *length;
    const auto width = file_.count(key("embedding_length"));
    const auto num_heads = file_.count(key("attention.head_count"));
    if (!width || !num_heads) {
      file_.refuse_missing(key("attention.key_length"), ", or embedding_length and attention.head_count");
    }
    file_.require(*width % *num_heads == 0, key("embedding_length"), *width, "a multiple of attention.head_count ",
                  *num_heads);
    return *width / *num_heads;
  }

  RopeSet make_set(const char* layer_type, Eigen::Index head_dim, const Frequencies& frequencies) const {
    const Eigen::Index rotary_dim = frequencies.rotary_dim();
    const Eigen::Index offset = model_.window_is_last ? head_dim - rotary_dim : 0;
    return {layer_type, frequencies, layout_of(model_.pairs, {head_dim, offset, rotary_dim})};
  }

  Eigen::Index read_rotary_dim(bool sliding, Eigen::Index head_dim) {
    const auto whole = file_.count(key("rope.dimension_count"));
    const auto own = file_.count(key("rope.dimension_count_swa"));
    const bool is_own = sliding && own;
    const Eigen::Index rotary_dim = is_own ? *own : whole.value_or(head_dim);
    const std::string name = key(is_own ? "rope.dimension_count_swa" : "rope.dimension_count");
    file_.require(rotary_dim <= head_dim, name, rotary_dim, "at most head_dim ", head_dim);
    file_.require(rotary_dim % 2 == 0, name, rotary_dim, "even");
    return rotary_dim;
  }

  void add_full_set(const char* layer_type) {
    const Eigen::Index head_dim = read_head_dim(false);
    const Eigen::Index rotary_dim = read_rotary_dim(false, head_dim);
    const double base =
        checked_base(file_, {file_.number(key("rope.freq_base")).value_or(10000), key("rope.freq_base")});
    RopeSet set = make_set(layer_type, head_dim, scaled(geometric_frequencies(rotary_dim, base)));
    read_axes(set);
    result_.rope_sets.push_back(set);
  }

  void add_sliding_set(double base) {
    const Eigen::Index head_dim = read_head_dim(true);
    const Eigen::Index rotary_dim = read_rotary_dim(true, head_dim);
    result_.rope_sets.push_back(make_set(kSliding, head_dim, geometric_frequencies(rotary_dim, base)));
  }

  Frequencies scaled(const Frequencies& plain) {
    const std::string type = file_.text(key("rope.scaling.type")).value_or("linear");
    const auto read_factor = [&] {  // read only by the rules that use it; elsewhere the key is ignored
      const auto factor = file_.agreed_number({key("rope.scaling.factor"), key("rope.scale_linear")});
      return factor && factor->value != 0 ? factor->value : 1;
    };
    const double attn_factor = file_.number(key("rope.scaling.attn_factor")).value_or(1);
    file_.require(is_finite(attn_factor) && attn_factor > 0, key("rope.scaling.attn_factor"), attn_factor,
                  "finite and > 0");
    Frequencies frequencies = plain;
    if (type == "yarn") {
      frequencies = yarn(plain, read_factor(), attn_factor);
    } else if (type == "linear") {
      frequencies = scale_linear(plain, read_factor());
    } else if (type == "longrope") {
      if (!freq_factors_) {
        refuse<std::invalid_argument>(kFunction, "freq_factors", "nothing",
                                      "rope_factors_long or rope_factors_short for longrope");
      }
      file_.find(key("rope.scaling.original_context_length"));  // the caller has chosen between the two lists by it
    } else if (type != "none") {
      refuse<std::invalid_argument>(kFunction, key("rope.scaling.type"), "the text \"" + type + "\"",
                                    "none, linear, yarn or longrope");
    }
    if (type != "yarn" && attn_factor != 1) frequencies = frequencies.with_magnitude(attn_factor);
    if (!freq_factors_) return frequencies;
    require(freq_factors_->size() == frequencies.num_pairs(), kFunction, "freq_factors.size()", freq_factors_->size(),
            "the number of pairs ", frequencies.num_pairs());
    return scale_linear(frequencies, *freq_factors_);
  }

  /// The key yarn_log_multiplier holds mscale_all_dim; for DeepSeek it holds 0.1 mscale_all_dim.
  Frequencies yarn(const Frequencies& plain, double factor, double attn_factor) {
    YarnOptions options;
    options.factor = factor;
    const auto trained = file_.number(key("rope.scaling.original_context_length"));
    const auto context = file_.number(key("context_length"));
    if (!trained && !context) file_.refuse_missing(key("rope.scaling.original_context_length"), " for yarn");
    options.original_max_position_embeddings = trained ? *trained : *context;
    options.beta_fast = file_.number(key("rope.scaling.yarn_beta_fast")).value_or(options.beta_fast);
    options.beta_slow = file_.number(key("rope.scaling.yarn_beta_slow")).value_or(options.beta_slow);
    options.extrapolation_factor = file_.number(key("rope.scaling.yarn_ext_factor")).value_or(1);
    options.attn_factor = attn_factor;
    options.truncate = model_.truncate;
    const double log_multiplier = file_.number(key("rope.scaling.yarn_log_multiplier")).value_or(0);
    options.mscale_all_dim = model_.window_is_last ? 10 * log_multiplier : log_multiplier;
    options.mscale = model_.window_is_last ? options.mscale_all_dim : 1;
    const Frequencies frequencies = scale_yarn(plain, options);
    if (!model_.window_is_last) return frequencies.with_magnitude(frequencies.magnitude(), 1);
    // DeepSeek's table has magnitude 1, with any multiplier, and attn_factor scales queries and keys.
    return frequencies.with_magnitude(1, frequencies.softmax_multiplier() * attn_factor * attn_factor);
  }

  /// The file has three sections, or four of which the last is 0.
  void read_axes(RopeSet& set) {
    std::optional<std::vector<int>> sections = file_.counts(key("rope.dimension_sections"));
    while (sections && sections->size() > 3 && sections->back() == 0) sections->pop_back();
    const std::string name = key("rope.dimension_sections");
    if (!has_sections(model_.axes)) {
      file_.require(!sections, name, "a list", "absent for this architecture");
      return;
    }
    if (!sections) file_.refuse_missing(name, " for this architecture");
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  std::vector<std::string> read_layers(Eigen::Index layers) {
    const std::string name = key("attention.sliding_window_pattern");
    const ConfigValue* const pattern = file_.find(name);
    if (pattern == nullptr || !pattern->is(ConfigValue::Kind::list)) {
      const Eigen::Index period = file_.count(name).value_or(model_.period);
      // A period in the file holds even where the architecture is not known to have sliding layers.
      const bool own = pattern != nullptr && model_.schedule == LayerSchedule::alike;
      return scheduled_layers(own ? LayerSchedule::full_last : model_.schedule, layers, period);
    }
    const std::vector<ConfigValue>& slides = pattern->items();
    file_.require(slides.size() == static_cast<std::size_t>(layers), name + ".size()", slides.size(), "block_count ",
                  layers);
    std::vector<std::string> types;
    for (const ConfigValue& item : slides) {
      const bool flag = item.is(ConfigValue::Kind::boolean);
      file_.require(flag || item.is(ConfigValue::Kind::number), name, item.describe(), "true or false for each layer");
      types.push_back((flag ? item.boolean() : item.number() != 0) ? kSliding : kFull);
    }
    return types;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const bool llama4 = std::string(model_.name) == "llama4";
    const std::optional<QueryTemperature> everywhere = read_temperature();
    result_.layers.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      layer.query_temperature = everywhere;
      const bool nope =
          (model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull) ||
          (model_.schedule == LayerSchedule::nope_last && (i + 1) % static_cast<std::size_t>(model_.period) == 0);
      if (nope) {
        if (llama4) layer.query_temperature = QueryTemperature{0.1, 8192, 1};
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
    }
  }

  std::optional<QueryTemperature> read_temperature() {
    const std::string scale_name = key("attention.temperature_scale");
    const double scale = file_.number(scale_name).value_or(0);
    if (scale == 0) return {};
    const auto length = file_.number(key("attention.temperature_length"));
    const auto trained = length ? length : file_.number(key("rope.scaling.original_context_length"));
    if (!trained) file_.refuse_missing(key("attention.temperature_length"), " for a temperature_scale");
    const std::string length_name =
        key(length ? "attention.temperature_length" : "rope.scaling.original_context_length");
    return checked_temperature(file_, {scale, scale_name}, {*trained, length_name}, 0);
  }

  ConfigReader file_;
  std::optional<Eigen::ArrayXd> freq_factors_;
  KnownArchitecture model_{"", RopePairs::half_split};
  std::string prefix_;
  ModelRope result_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

// ---- posenc/model_config/gguf.hpp
/// read_gguf_metadata(): what the metadata of a GGUF file says about positions.
#ifndef POSENC_MODEL_CONFIG_GGUF_HPP
#define POSENC_MODEL_CONFIG_GGUF_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Reads what the metadata of a GGUF file says about positions: the frequencies, the channels that rotate and how they
/// pair up, the axis of each pair, and which layer uses which rotation.
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     const auto model = read_gguf_metadata(metadata, std::nullopt);  // the file has no tensor of factors
///
/// These keys are read: general.architecture and, under its name, block_count, context_length, embedding_length,
/// attention.{head_count, key_length, key_length_mla, key_length_swa, sliding_window_pattern, temperature_scale,
/// temperature_length}, rope.{freq_base, freq_base_swa, dimension_count, dimension_count_swa, dimension_sections,
/// scale_linear} and rope.scaling.{type, factor, original_context_length, attn_factor, yarn_beta_fast, yarn_beta_slow,
/// yarn_ext_factor, yarn_log_multiplier}. A freq_base that is absent is 10000, as in llama.cpp.
///
/// The pair layout is that of the weights in the file. For the llama architecture it is interleaved, also where the
/// checkpoint from which the file was converted is half-split.
/// @param metadata      A flat dictionary of numbers, texts, flags and lists: a ConfigValue, or a parsed JSON value.
/// @param freq_factors  num_pairs divisors of the frequencies, as a list or an optional list: the tensor rope_freqs
///                      (Llama 3, Gemma 4), or one of rope_factors_long and rope_factors_short (Phi-3: the long ones
///                      where a sequence may grow beyond original_context_length). std::nullopt where the file has no
///                      such tensor. They hold for full layers alone.
/// @param pairs         The pair layout, in place of the one that the architecture has, or for one that is not known
///                      here.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown architecture or scaling type; a wrong number
///                                of factors or layers; sections that do not cover the pairs; what a rule refuses.
/// Accuracy: frequencies 4 ulp of double and magnitude 2 ulp, as the scaling rules have them; with freq_factors 2 ulp
///           more, since they are quotients that were rounded [model_config][gguf].
/// Source:   the GGUF format and the model loader of llama.cpp.
/// Matches:  llama_model_rope_type and the hyperparameters of llama.cpp, with two differences. Pairs 61 and 62 of
///           Qwen3-VL rotate by time, as in the model, where ggml's IMROPE gives them a fourth position. The ramp of
///           gpt-oss is not rounded, as the model was trained, where ggml rounds every ramp.
template <typename Metadata, typename Factors,
          std::enable_if_t<detail::is_config<Metadata> && detail::are_factors<Factors>, int> = 0>
ModelRope read_gguf_metadata(const Metadata& metadata, const Factors& freq_factors,
                             std::optional<RopePairs> pairs = {}) {
  return detail::GgufReader(detail::as_config_value(metadata), detail::as_factors(freq_factors), pairs).read();
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<!(detail::begins_with_config<Given...> && detail::has_factors<Given...> &&
                                                detail::ends_with_pairs<Given...>),
                                              int> = 0>
ModelRope read_gguf_metadata(const Given&...) {
  if constexpr (!detail::begins_with_config<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: metadata must be the key-value pairs of the file: a ConfigValue::dictionary(), or a parsed "
                  "JSON value");
  } else if constexpr (sizeof...(Given) == 1) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: freq_factors are missing: the tensor rope_freqs, rope_factors_long or rope_factors_short of "
                  "the file, or std::nullopt where it has none");
  } else if constexpr (!detail::has_factors<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: freq_factors must be a list of numbers, the tensor rope_freqs, rope_factors_long or "
                  "rope_factors_short of the file, or std::nullopt where it has none");
  } else {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: pairs must be RopePairs::half_split or RopePairs::interleaved: write "
                  "read_gguf_metadata(metadata, freq_factors, RopePairs::interleaved)");
  }
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_GGUF_HPP

// ---- posenc/model_config/detail/known_models.hpp
/// What a config does not say: for each model_type, the pair layout and the defaults of its published config class.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One model_type of Hugging Face. A 0 means that the config must say.
struct KnownModel {
  const char* model_type;
  RopePairs pairs;
  double base;                                    ///< rope_theta of the config class.
  double partial = 1;                             ///< partial_rotary_factor of the config class; 0: see rotary_dim.
  Eigen::Index head_dim = 0;                      ///< Where it is not hidden_size / num_attention_heads.
  LayerSchedule schedule = LayerSchedule::alike;  ///< Where the config does not list its layers.
  Eigen::Index period = 0;                        ///< The n of `schedule`.
  double sliding_base = 0;                        ///< rope_theta of sliding layers; 0: they rotate as the others do.
  AxisRule axes = AxisRule::one;
  bool scales_softmax = false;     ///< Attention applies mscale_all_dim (DeepSeek); elsewhere the table does.
  Eigen::Index full_head_dim = 0;  ///< head_dim of full_attention layers, where it differs.
};

inline const KnownModel* find_known_model(const std::string& model_type) {
  constexpr RopePairs half_split = RopePairs::half_split;
  constexpr RopePairs interleaved = RopePairs::interleaved;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr LayerSchedule linear = LayerSchedule::linear_but_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownModel models[] = {
      // model_type, pairs, base, partial, head_dim, schedule, n, sliding_base, axes, scales_softmax, full_head_dim
      // Llama and its relatives
      {"llama", half_split, 1e4},
      {"llama4", interleaved, 5e5, 1, 128, nope_last, 4},
      {"llama4_text", interleaved, 5e5, 1, 128, nope_last, 4},
      {"mistral", half_split, 1e4},
      {"ministral", half_split, 1e4},
      {"ministral3", half_split, 0},
      {"mixtral", half_split, 1e6},
      {"olmo", half_split, 1e4},
      {"olmo2", half_split, 1e4},
      {"granite", half_split, 1e4},
      {"internlm2", half_split, 1e4},
      {"smollm3", half_split, 2e6, 1, 0, nope_last, 4},
      // Qwen
      {"qwen2", half_split, 1e4},
      {"qwen2_moe", half_split, 1e4},
      {"qwen2_vl", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_vl_text", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl_text", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen3", half_split, 1e4, 1, 128},
      {"qwen3_moe", half_split, 1e4, 1, 0},
      {"qwen3_vl_text", half_split, 5e6, 1, 128, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_vl_moe_text", half_split, 5e6, 1, 0, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_next", half_split, 1e4, 0.25, 256, linear, 4},
      {"qwen3_5_text", half_split, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"qwen3_5_moe_text", half_split, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"ernie4_5_moe_vl", interleaved, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      {"ernie4_5_vl_moe_text", interleaved, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      // DeepSeek: the last channels of a head rotate, and attention applies the square of the mscale_all_dim factor
      {"deepseek_v2", interleaved, 1e4, 1, 0, alike, 0, 0, one, true},
      {"deepseek_v3", interleaved, 1e4, 1, 0, alike, 0, 0, one, true},
      {"kimi_k2", interleaved, 0, 1, 0, alike, 0, 0, one, true},
      {"gpt_oss", half_split, 15e4, 1, 64},
      // Phi
      {"phi", half_split, 1e4, 0.5},
      {"phi3", half_split, 1e4},
      // Gemma
      {"gemma", half_split, 1e4, 1, 256},
      {"gemma2", half_split, 1e4, 1, 256},
      {"gemma3", half_split, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma3_text", half_split, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma4_text", half_split, 0, 1, 256, full_last, 6, 0, one, false, 512},
      // GPT-NeoX, GPT-J
      {"gpt_neox", half_split, 1e4, 0.25},
      {"gptj", interleaved, 1e4, 0},
      {"codegen", interleaved, 1e4, 0},
      {"stablelm", half_split, 1e4, 0.25},
      // GLM
      {"chatglm", interleaved, 1e4, 0.5},
      {"glm", interleaved, 1e4, 0.5, 128},
      {"glm4", interleaved, 1e4, 0.5, 128},
      {"glm4_moe", half_split, 1e4, 0.5, 128},
      // Cohere
      {"cohere", interleaved, 1e4},
      {"cohere2", interleaved, 1e4, 1, 0, LayerSchedule::full_is_nope, 4},
      // Others
      {"starcoder2", half_split, 1e4},
      {"minimax_m2", half_split, 0, 0},
      {"modernbert", half_split, 16e4, 1, 0, LayerSchedule::full_first, 3, 1e4},
      {"moonshine", interleaved, 1e4, 0.9},
      // Image encoders
      {"dinov3_vit", half_split, 100, 1, 0, alike, 0, 0, AxisRule::centered_patches},
      {"pixtral", half_split, 1e4, 1, 0, alike, 0, 0, AxisRule::rows_and_columns},
  };
  for (const KnownModel& model : models) {
    if (model_type == model.model_type) return &model;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

// ---- posenc/model_config/detail/head_keys.hpp
/// The size of a head and the channels of it that rotate, from the many keys that Hugging Face configs have for them.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline Eigen::Index read_head_dim(ConfigReader& config, const KnownModel& model, bool full_attention) {
  if (full_attention) {
    const std::optional<Eigen::Index> global = config.count("global_head_dim");
    if (global) return *global;
    if (model.full_head_dim > 0) return model.full_head_dim;
  }
  if (const auto given = config.agreed_count({"head_dim", "kv_channels"})) return *given;
  if (model.head_dim > 0) return model.head_dim;
  const auto hidden = config.agreed_count({"hidden_size", "n_embd"});
  const auto num_heads = config.agreed_count(
      {"num_attention_heads", "n_head", "encoder_num_attention_heads", "decoder_num_attention_heads"});
  if (!hidden || !num_heads) config.refuse_missing("head_dim", ", or hidden_size and num_attention_heads");
  config.require(*hidden % *num_heads == 0, "hidden_size", *hidden, "a multiple of num_attention_heads ", *num_heads);
  return *hidden / *num_heads;
}

/// DeepSeek rotates the last qk_rope_head_dim channels of a head. Other models rotate the first rotary_dim channels, or
/// int(head_dim * partial) where that key is absent.
///
/// @param partial  The share of a head that rotates; 0 where rotary_dim must be given.
/// @param given    The same where the config says it, and not the model's default.
inline RopeWindow read_window(ConfigReader& config, const KnownModel& model, bool full_attention, double partial,
                              const std::optional<NamedNumber>& given) {
  if (const auto rope = config.count("qk_rope_head_dim")) {
    const auto rest = config.count("qk_nope_head_dim", 0);
    if (!rest) config.refuse_missing("qk_nope_head_dim", " where there is a qk_rope_head_dim");
    if (given) config.require(given->value == 1, *given, "1 or absent where there is a qk_rope_head_dim");
    config.find("head_dim");  // by the version of the file, this is the size of one of the two parts
    config.require(*rope % 2 == 0, "qk_rope_head_dim", *rope, "even");
    return {*rest + *rope, *rest, *rope};
  }
  RopeWindow window;
  window.head_dim = read_head_dim(config, model, full_attention);
  const double share = partial * static_cast<double>(window.head_dim);
  const auto rotary_dim = config.count("rotary_dim");
  if (!rotary_dim && partial == 0) config.refuse_missing("rotary_dim", "");
  window.rotary_dim = rotary_dim.value_or(static_cast<Eigen::Index>(share));
  if (given) {
    config.require(window.rotary_dim == static_cast<Eigen::Index>(share), "rotary_dim", window.rotary_dim,
                   "head_dim * partial_rotary_factor = ", share);
  }
  config.require(window.rotary_dim <= window.head_dim, "rotary_dim", window.rotary_dim, "at most head_dim ",
                 window.head_dim);
  const bool even = window.rotary_dim > 0 && window.rotary_dim % 2 == 0;
  if (rotary_dim) {
    config.require(even, "rotary_dim", window.rotary_dim, "even");
  } else if (partial == 1) {
    config.require(even, "head_dim", window.head_dim, "even");
  } else {
    require(even, config.function(), "int(head_dim * partial_rotary_factor)", window.rotary_dim, "even and > 0");
  }
  return window;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

// ---- posenc/model_config/detail/layer_plan.hpp
/// The kind of each layer of a Hugging Face config, which layers rotate, and the factor on their queries.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline void require_layer_count(const ConfigReader& config, const std::string& key, std::size_t size,
                                std::size_t layers) {
  config.require(size == layers, key + ".size()", size, "num_hidden_layers ", layers);
}

/// The kind of attention of each layer: as listed, or by the model's schedule.
inline std::vector<std::string> read_layer_types(ConfigReader& config, const KnownModel& model) {
  const auto layers = config.agreed_count(
      {"num_hidden_layers", "num_layers", "n_layer", "encoder_num_hidden_layers", "decoder_num_hidden_layers"});
  if (!layers) config.refuse_missing("num_hidden_layers", "");
  config.require(*layers <= kMaxLayers, "num_hidden_layers", *layers, "at most ", kMaxLayers);
  Eigen::Index period = model.period;
  if (period > 0) {
    const auto given = config.agreed_count(
        {"sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers", "full_attention_interval"});
    period = given.value_or(period);
  }
  std::optional<std::vector<std::string>> types = config.texts("layer_types");
  if (!types) return scheduled_layers(model.schedule, *layers, period);
  require_layer_count(config, "layer_types", types->size(), static_cast<std::size_t>(*layers));
  for (std::size_t i = 0; i < types->size(); ++i) {
    const std::string& type = (*types)[i];
    config.require(is_one_of(type, kRotatingLayers) || is_one_of(type, kOtherLayers),
                   element("layer_types", static_cast<Eigen::Index>(i)), "the text \"" + type + "\"",
                   "full_attention, sliding_attention, chunked_attention, linear_attention, conv, mamba or recurrent");
  }
  return *types;
}

/// 1 for each layer that rotates, 0 for each that does not. The key no_rope_layers has the same meaning, despite its
/// name.
inline std::vector<int> read_rotating_layers(ConfigReader& config, const KnownModel& model, std::size_t layers) {
  std::vector<int> rotates(layers, 1);
  const auto listed = config.counts("no_rope_layers");
  const bool nope = model.schedule == LayerSchedule::nope_last;
  const auto interval = config.count("no_rope_layer_interval", nope ? 1 : 0);
  if (listed && !listed->empty()) {
    require_layer_count(config, "no_rope_layers", listed->size(), layers);
    for (std::size_t i = 0; i < listed->size(); ++i) {
      config.require((*listed)[i] <= 1, "no_rope_layers", (*listed)[i], "0 or 1 for each layer");
    }
    return *listed;
  }
  const Eigen::Index period = interval.value_or(nope ? model.period : 0);
  for (std::size_t i = 0; period > 0 && i < rotates.size(); ++i) {
    rotates[i] = (i + 1) % static_cast<std::size_t>(period) != 0;
  }
  return rotates;
}

/// Llama 4: the factor of layers that do not rotate. attn_temperature_tuning is true or false, or a number in some
/// published files.
inline std::optional<QueryTemperature> read_nope_temperature(ConfigReader& config, const KnownModel& model) {
  const bool llama4 = std::string(model.model_type).rfind("llama4", 0) == 0;
  if (!llama4) return {};
  const ConfigValue* const tuning = config.find("attn_temperature_tuning");
  if (tuning != nullptr && !tuning->is(ConfigValue::Kind::boolean)) {
    config.require(tuning->is(ConfigValue::Kind::number), "attn_temperature_tuning", tuning->describe(),
                   "true, false or a number");
    if (tuning->number() == 0) return {};
  } else if (tuning != nullptr && !tuning->boolean()) {
    return {};
  }
  return checked_temperature(config, {config.number("attn_scale").value_or(0.1), config.name("attn_scale")},
                             {config.number("floor_scale").value_or(8192), config.name("floor_scale")}, 1);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP

// ---- posenc/model_config/detail/rope_dictionary.hpp
/// The rope_scaling or rope_parameters dictionary of a config: its type, and the scaling rule that its keys describe.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The lengths, in tokens, that a scaling rule takes from outside its dictionary.
struct ServedLengths {
  double serving = 0;                  ///< That a sequence may reach, as the caller says.
  std::optional<double> max_position;  ///< max_position_embeddings.
  std::optional<double> trained;       ///< original_max_position_embeddings at the top level (Phi-3).
};

/// The current name of a rope_type, which may be given by an older one.
inline std::string current_rope_type(const std::string& type) {
  struct Renamed {
    const char* from;
    const char* to;
  };
  constexpr Renamed renamed[] = {{"su", "longrope"}, {"mrope", "default"}, {"deepseek_yarn", "yarn"}};
  for (const Renamed& one : renamed) {
    if (type == one.from) return one.to;
  }
  return type;
}

/// `rope_type`, or `type` of older configs; "default" where both are absent and nothing is scaled.
inline std::string read_rope_type(ConfigReader& rope) {
  const std::optional<std::string> type = rope.text("type");
  const std::optional<std::string> rope_type = rope.text("rope_type");
  if (type && rope_type) {
    rope.require(current_rope_type(*type) == current_rope_type(*rope_type), "type", *type, "the same as ",
                 rope.name("rope_type"), " ", *rope_type);
  }
  if (!type && !rope_type && rope.find("factor") != nullptr) {
    rope.refuse_missing("rope_type", " where there is a factor");
  }
  return current_rope_type(rope_type.value_or(type.value_or("default")));
}

/// original_max_position_embeddings, which may be in the dictionary, at the top level, or in both if they agree.
inline std::optional<double> read_trained_length(ConfigReader& rope, const ServedLengths& lengths) {
  std::optional<NamedNumber> outside;
  if (lengths.trained) outside = NamedNumber{*lengths.trained, ""};
  const auto trained = rope.inside_or_outside("original_max_position_embeddings", outside);
  return trained ? std::optional<double>(trained->value) : std::nullopt;
}

inline Frequencies read_yarn(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  YarnOptions options;
  const std::optional<double> trained = read_trained_length(rope, lengths);
  const std::optional<double> length = trained ? trained : lengths.max_position;
  if (!length) rope.refuse_missing("original_max_position_embeddings", " for yarn");
  options.original_max_position_embeddings = *length;
  const std::optional<double> factor = rope.number("factor");
  if (!factor && !(trained && lengths.max_position)) rope.refuse_missing("factor", " for yarn");
  options.factor = factor ? *factor : *lengths.max_position / *trained;
  options.beta_fast = rope.number("beta_fast").value_or(options.beta_fast);
  options.beta_slow = rope.number("beta_slow").value_or(options.beta_slow);
  options.truncate = rope.flag("truncate").value_or(options.truncate);
  options.attention_factor = rope.number("attention_factor");
  options.mscale = rope.number("mscale").value_or(options.mscale);
  options.mscale_all_dim = rope.number("mscale_all_dim").value_or(options.mscale_all_dim);
  options.extrapolation_factor = rope.number("extrapolation_factor").value_or(options.extrapolation_factor);
  options.attn_factor = rope.number("attn_factor").value_or(options.attn_factor);
  return scale_yarn(plain, options);
}

inline Frequencies read_longrope(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  LongRopeOptions options;
  const auto list = [&](const char* key) {
    const auto values = rope.numbers(key);
    if (!values) rope.refuse_missing(key, " for longrope");
    return *values;
  };
  options.short_factor = list("short_factor");
  options.long_factor = list("long_factor");
  const std::optional<double> trained = read_trained_length(rope, lengths);
  if (!trained) rope.refuse_missing("original_max_position_embeddings", " for longrope");
  options.original_max_position_embeddings = *trained;
  options.max_position_embeddings = lengths.max_position.value_or(0);
  options.factor = rope.number("factor");
  options.attention_factor = rope.number("attention_factor");
  options.short_mscale = rope.number("short_mscale");
  options.long_mscale = rope.number("long_mscale");
  return scale_longrope(plain, options, lengths.serving);
}

inline Frequencies read_llama3(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  Llama3Options options;
  options.factor = rope.required_number("factor", " for llama3");
  options.low_freq_factor = rope.required_number("low_freq_factor", " for llama3");
  options.high_freq_factor = rope.required_number("high_freq_factor", " for llama3");
  const std::optional<double> trained = read_trained_length(rope, lengths);
  if (!trained) rope.refuse_missing("original_max_position_embeddings", " for llama3");
  options.original_max_position_embeddings = *trained;
  return scale_llama3(plain, options);
}

/// Dynamic NTK; with the key `alpha` of Hunyuan a fixed NTK rule, which does not depend on the length.
inline Frequencies read_dynamic(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  if (const std::optional<double> alpha = rope.number("alpha")) return scale_ntk_aware(plain, *alpha);
  const double factor = rope.required_number("factor", " for dynamic");
  if (!lengths.max_position) {
    refuse<std::invalid_argument>(rope.function(), "max_position_embeddings", "nothing", "given for dynamic");
  }
  return scale_dynamic_ntk(plain, factor, *lengths.max_position, lengths.serving);
}

/// The frequencies that a rope_type makes of unscaled ones.
///
/// @param partial  The share of pairs that rotate, for "proportional" alone, whose unscaled frequencies span the head.
inline Frequencies read_scaling(const std::string& type, const Frequencies& plain, double partial, ConfigReader& rope,
                                const ServedLengths& lengths) {
  if (type == "default") return plain;
  if (type == "linear") return scale_linear(plain, rope.required_number("factor", " for linear"));
  if (type == "dynamic") return read_dynamic(plain, rope, lengths);
  if (type == "yarn") return read_yarn(plain, rope, lengths);
  if (type == "longrope") return read_longrope(plain, rope, lengths);
  if (type == "llama3") return read_llama3(plain, rope, lengths);
  if (type == "proportional") return scale_proportional(plain, partial, rope.number("factor").value_or(1.0));
  refuse<std::invalid_argument>(rope.function(), rope.name("rope_type"), "the text \"" + type + "\"",
                                "default, linear, dynamic, yarn, longrope, llama3 or proportional");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

// ---- posenc/model_config/detail/hugging_face_reader.hpp
/// HuggingFaceReader: converts a config.json in plain data to a ModelRope.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether the name of a key says that it is about positions. A config has hundreds of keys that are not.
inline bool concerns_rotation(const std::string& key) {
  for (const char* const word :
       {"rope", "rotary", "theta", "alibi", "position_embedding_type", "attn_temperature", "llama_4_scaling"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return false;
}

/// Reads one config.
class HuggingFaceReader {
 public:
  HuggingFaceReader(const ConfigValue& config, std::int64_t serving_length, std::optional<RopePairs> pairs)
      : pairs_(pairs), outer_(kFunction, config, ""), config_(kFunction, inner(config), inner_path(config)) {
    require(serving_length > 0, kFunction, "serving_length", serving_length, "> 0");
    lengths_.serving = static_cast<double>(serving_length);
    find_model();
  }

  ModelRope read() {
    const auto max_position = config_.agreed_number({"max_position_embeddings", "n_positions"});
    if (max_position) lengths_.max_position = max_position->value;
    const std::vector<std::string> types = read_layer_types(config_, model_);
    result_.layers.resize(types.size());
    const ConfigValue empty = ConfigValue::dictionary();
    const ConfigValue* const dictionary = rope_dictionary();
    ConfigReader rope(kFunction, dictionary == nullptr ? empty : *dictionary, config_.name(dictionary_key_) + ".");
    nested_rope_ = is_nested(dictionary);
    if (nested_rope_) {
      read_nested(rope, types);
    } else {
      read_flat(rope, types);
    }
    assign_layers(types);
    rope.add_unread_to(result_.ignored_keys, any_key);
    config_.add_unread_to(result_.ignored_keys, concerns_rotation);
    if (nested_config_) outer_.add_unread_to(result_.ignored_keys, concerns_rotation);
    return std::move(result_);
  }

 private:
  static constexpr const char* kFunction = "read_hugging_face_config";

  /// The language model of a multimodal config, or nullptr where the config itself is one.
  static const ConfigValue* text_config(const ConfigValue& config) {
    require(config.is(ConfigValue::Kind::dictionary), kFunction, "config", config.describe(), "a dictionary");
    const ConfigValue* const text = config.find("text_config");
    return text == nullptr || text->is(ConfigValue::Kind::null) ? nullptr : text;
  }
  static const ConfigValue& inner(const ConfigValue& config) {
    const ConfigValue* const text = text_config(config);
    if (text == nullptr) return config;
    require(text->is(ConfigValue::Kind::dictionary), kFunction, "text_config", text->describe(), "a dictionary");
    return *text;
  }
  static std::string inner_path(const ConfigValue& config) {
    return text_config(config) == nullptr ? "" : "text_config.";
  }

  void find_model() {
    nested_config_ = !config_.name("").empty();
    std::optional<std::string> type = config_.text("model_type");
    if (!type && nested_config_) type = outer_.text("model_type");
    if (!type) config_.refuse_missing("model_type", "");
    const KnownModel* const known = find_known_model(*type);
    if (known == nullptr && !pairs_) {
      refuse<std::invalid_argument>(kFunction, config_.name("model_type"), "the text \"" + *type + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    model_ = known != nullptr ? *known : KnownModel{"", *pairs_, 0};
    if (const std::optional<bool> interleave = config_.flag("rope_interleave")) {
      model_.pairs = *interleave ? RopePairs::interleaved : RopePairs::half_split;
    }
    if (pairs_) model_.pairs = *pairs_;
    if (config_.flag("position_encoding_2d").value_or(false)) model_.axes = AxisRule::two_halves;
  }

  /// rope_parameters of newer configs, or rope_scaling of older ones. A config may have both if they are equal.
  const ConfigValue* rope_dictionary() {
    const ConfigValue* const parameters = config_.dictionary("rope_parameters");
    const ConfigValue* const scaling = config_.dictionary("rope_scaling");
    if (parameters != nullptr && scaling != nullptr) {
      config_.require(*parameters == *scaling, "rope_scaling", scaling->describe(), "null or equal to rope_parameters");
    }
    dictionary_key_ = parameters != nullptr ? "rope_parameters" : "rope_scaling";
    return parameters != nullptr ? parameters : scaling;
  }
  static bool is_nested(const ConfigValue* dictionary) {
    if (dictionary == nullptr) return false;
    const std::vector<ConfigValue>& items = dictionary->items();
    return std::any_of(items.begin(), items.end(),
                       [](const ConfigValue& item) { return item.is(ConfigValue::Kind::dictionary); });
  }

  /// One dictionary of rope keys for each kind of layer.
  void read_nested(ConfigReader& rope, const std::vector<std::string>& types) {
    for (const char* const type : kRotatingLayers) {
      if (std::find(types.begin(), types.end(), type) == types.end()) continue;
      const ConfigValue* const own = rope.dictionary(type);
      if (own == nullptr) rope.refuse_missing(type, ", since a layer is of this kind");
      ConfigReader reader(kFunction, *own, rope.name(type) + ".");
      add_set(reader, type, type == std::string(kSliding) ? model_.sliding_base : model_.base, {}, {});
      reader.add_unread_to(result_.ignored_keys, any_key);
    }
  }

  /// One dictionary of rope keys. Where sliding layers have a base of their own, it describes full layers alone.
  void read_flat(ConfigReader& rope, const std::vector<std::string>& types) {
    const auto base = config_.agreed_number({"rope_theta", "rotary_emb_base", "global_rope_theta"});
    const auto partial = config_.agreed_number({"partial_rotary_factor", "rotary_pct", "rope_pct"});
    const bool slides = model_.schedule != LayerSchedule::full_is_nope &&
                        std::find(types.begin(), types.end(), kSliding) != types.end();
    std::optional<NamedNumber> sliding_base;  // where no layer slides, its keys are ignored
    if (slides) sliding_base = config_.agreed_number({"rope_local_base_freq", "local_rope_theta"});
    if (!sliding_base && model_.sliding_base == 0) {
      add_set(rope, "", model_.base, base, partial);
      return;
    }
    add_set(rope, kFull, model_.base, base, partial);
    if (!slides) return;
    const ConfigValue unscaled = ConfigValue::dictionary();
    ConfigReader none(kFunction, unscaled, config_.name(""));
    add_set(none, kSliding, model_.sliding_base, sliding_base, partial);
  }

  /// @param default_base  Of the model_type, 0 where there is none.
  /// @param outer_base, outer_partial  What the top level of the config says, where it counts.
  void add_set(ConfigReader& rope, const std::string& layer_type, double default_base,
               const std::optional<NamedNumber>& outer_base, const std::optional<NamedNumber>& outer_partial) {
    const bool full = layer_type == kFull;
    const std::string rope_type = read_rope_type(rope);
    const auto given_partial = rope.inside_or_outside("partial_rotary_factor", outer_partial);
    if (given_partial) {
      config_.require(given_partial->value > 0 && given_partial->value <= 1, *given_partial, "in (0, 1]");
    }
    const double partial = given_partial ? given_partial->value : model_.partial;
    const double base = read_base(rope, default_base, outer_base);
    if (model_.axes != AxisRule::one && !has_sections(model_.axes)) {
      add_grid(rope, rope_type, base);
      return;
    }
    const bool proportional = rope_type == "proportional";
    const RopeWindow window =
        read_window(config_, model_, full, proportional ? 1.0 : partial, proportional ? std::nullopt : given_partial);
    lengths_.trained = config_.number("original_max_position_embeddings");
    Frequencies frequencies =
        read_scaling(rope_type, geometric_frequencies(window.rotary_dim, base), partial, rope, lengths_);
    if (!model_.scales_softmax) frequencies = frequencies.with_magnitude(frequencies.magnitude(), 1);
    RopeSet set{layer_type, frequencies, layout_of(model_.pairs, window)};
    read_axes(rope, set);
    read_temperature(rope);
    result_.rope_sets.push_back(set);
  }

  double read_base(ConfigReader& rope, double default_base, const std::optional<NamedNumber>& outer) {
    const auto given = rope.inside_or_outside("rope_theta", outer);
    if (!given && default_base == 0) {
      (nested_rope_ ? rope : config_).refuse_missing("rope_theta", ", since this model_type has no default");
    }
    const double base = given ? checked_base(rope, *given) : default_base;
    const std::optional<double> ratio = config_.number("rope_ratio");  // ChatGLM 2 to 4
    return ratio ? checked_base(config_, {base * *ratio, "rope_theta * rope_ratio"}) : base;
  }

  void add_grid(ConfigReader& rope, const std::string& rope_type, double base) {
    rope.require(rope_type == "default", "rope_type", "the text \"" + rope_type + "\"", "default for this model_type");
    const Eigen::Index head_dim = read_head_dim(config_, model_, false);
    result_.rope_sets = grid_sets(kFunction, model_.axes, model_.pairs, head_dim, base);
  }

  void read_axes(ConfigReader& rope, RopeSet& set) {
    const std::optional<std::vector<int>> sections = rope.counts("mrope_section");
    if (!has_sections(model_.axes)) {
      rope.require(!sections, "mrope_section", "a list", "absent for this model_type");
      return;
    }
    if (!sections) rope.refuse_missing("mrope_section", " for this model_type");
    const bool interleaved = model_.axes == AxisRule::interleaved;
    const bool flag = rope.flag("mrope_interleaved").value_or(interleaved);
    rope.require(flag == interleaved, "mrope_interleaved", flag, interleaved, " for this model_type");
    const std::string name = rope.name("mrope_section");
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  /// Ministral 3: a factor on the queries of every layer, from the rope dictionary.
  void read_temperature(ConfigReader& rope) {
    const char* const beta_key = "llama_4_scaling_beta";
    const char* const length_key = "original_max_position_embeddings";
    const std::optional<double> beta = rope.number(beta_key);
    if (!beta) return;
    const std::optional<double> length = read_trained_length(rope, lengths_);
    if (!length) rope.refuse_missing(length_key, " for llama_4_scaling_beta");
    const auto temperature =
        checked_temperature(rope, {*beta, rope.name(beta_key)}, {*length, rope.name(length_key)}, 0);
    for (LayerRope& layer : result_.layers) layer.query_temperature = temperature;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const std::vector<int> rotates = read_rotating_layers(config_, model_, types.size());
    const std::optional<QueryTemperature> nope_temperature = read_nope_temperature(config_, model_);
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      const bool rotating = rotates[i] != 0 && is_one_of(types[i], kRotatingLayers) &&
                            !(model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull);
      if (!rotating) {
        if (nope_temperature) layer.query_temperature = nope_temperature;
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
      // Full and sliding layers have frequencies of their own, and this layer is neither.
      config_.require(!layer.rope_sets.empty(), element("layer_types", static_cast<Eigen::Index>(i)),
                      "the text \"" + types[i] + "\"", "a kind of layer that has frequencies");
    }
  }

  std::optional<RopePairs> pairs_;
  ConfigReader outer_;
  ConfigReader config_;
  bool nested_config_ = false;  ///< Whether the model is in text_config.
  bool nested_rope_ = false;    ///< Whether the rope dictionary holds one for each kind of layer.
  std::string dictionary_key_;
  ServedLengths lengths_;
  KnownModel model_{"", RopePairs::half_split, 0};
  ModelRope result_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

// ---- posenc/model_config/hugging_face.hpp
/// read_hugging_face_config(): what the config.json of a published model says about positions.
#ifndef POSENC_MODEL_CONFIG_HUGGING_FACE_HPP
#define POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Reads what the config.json of a model says about positions: the frequencies, the channels that rotate and how they
/// pair up, the axis of each pair, and which layer uses which rotation.
///
///     const auto model = read_hugging_face_config(nlohmann::json::parse(std::ifstream("config.json")), 32768);
///
/// These keys are read: rope_parameters, flat or with a dictionary for each layer type; rope_scaling with `type` or
/// `rope_type`; rope_theta at either place; partial_rotary_factor and its older names; qk_rope_head_dim; layer_types,
/// and the periods and lists that replace it; text_config; and the factors on queries of Llama 4 and Ministral 3. What
/// a config leaves out comes from the config class of its model_type where that has a published default. The pair
/// layout comes from model_type, because no key says it.
/// @param config          A dictionary: a parsed JSON value of any type that to_config_value() takes, or a ConfigValue.
/// @param serving_length  The number of tokens that a sequence may reach, > 0. The frequencies of "longrope" and
///                        "dynamic" depend on it. It must stay the same while a sequence grows: the keys in a cache
///                        were rotated with the frequencies of the first value.
/// @param pairs           The pair layout, in place of the one that model_type has: for weights in another order, or for
///                        a model_type that is not known here, which then has no defaults either.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown model_type, rope_type or layer type; no
///                                rope_theta where there is no default; keys that contradict one another; lists of the
///                                wrong length; sections that do not cover the pairs; what a scaling rule refuses.
/// Accuracy: frequencies 4 ulp of double and magnitude 2 ulp, as the scaling rules have them
///           [model_config][published].
/// Source:   the configuration files and classes of Hugging Face transformers, versions 4 and 5.
/// Matches:  ROPE_INIT_FUNCTIONS and the rotary classes of the models in known_models.hpp. DeepSeek is interleaved here,
///           whose scores equal those of the permuted output of Hugging Face.
template <typename Config, typename Length,
          std::enable_if_t<detail::is_config<Config> && detail::is_length<Length>, int> = 0>
ModelRope read_hugging_face_config(const Config& config, Length serving_length, std::optional<RopePairs> pairs = {}) {
  const auto length = static_cast<std::int64_t>(serving_length);
  return detail::HuggingFaceReader(detail::as_config_value(config), length, pairs).read();
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<!(detail::begins_with_config<Given...> && detail::has_length<Given...> &&
                                                detail::ends_with_pairs<Given...>),
                                              int> = 0>
ModelRope read_hugging_face_config(const Given&...) {
  if constexpr (!detail::begins_with_config<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: config must be a parsed JSON value, for instance "
                  "nlohmann::json::parse(std::ifstream(\"config.json\"))");
  } else if constexpr (sizeof...(Given) == 1) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: serving_length is missing, the number of tokens that a sequence may reach: write "
                  "read_hugging_face_config(config, 32768)");
  } else if constexpr (!detail::has_length<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: serving_length must be an integer, the number of tokens that a sequence may reach: write "
                  "read_hugging_face_config(config, 32768)");
  } else {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: pairs must be RopePairs::half_split or RopePairs::interleaved: write "
                  "read_hugging_face_config(config, 32768, RopePairs::half_split)");
  }
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

// ---- posenc/model_config.hpp
/// Published configs: what a model does with positions, read from its config.json or its GGUF metadata.
#ifndef POSENC_MODEL_CONFIG_HPP
#define POSENC_MODEL_CONFIG_HPP

// What is read: all that a model does with positions.

// What it is read from.

#endif  // POSENC_MODEL_CONFIG_HPP

// ---- posenc/posenc.hpp
/// posenc: Transformer positional encodings on Eigen. This header is the table of contents.
///
/// Conventions: a row is a token, its columns are heads side by side, and what is written is the first argument. make_
/// returns a new table, fill_ and encode_ overwrite what exists, apply_ rotates queries or keys, add_ adds into
/// embeddings, logits or outputs. A gradient drops the verb and ends in _backward.
#ifndef POSENC_HPP
#define POSENC_HPP

// Where tokens are, and the angles that positions become.

// Added to token embeddings.

// In attention.

// A published config, and what its model does with positions.

#endif  // POSENC_HPP

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
#include <limits>
#include <optional>
#include <ostream>
#include <random>
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
/// instruction set, Eigen's alignment and major version, fast-math, exceptions, a POSENC_FAIL_HANDLER (not which).
/// Translation units compiled for different ones of those below therefore hold different symbols: they link, and
/// neither runs the other's instructions. Finer steps (the kinds of AVX-512, BMI with AVX2) are not told apart.
/// Users write `posenc::` and never see it.
///
/// Eigen's own names carry none of this. Units with and without AVX must therefore be optimised, which inlines most of
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

// ---- posenc/frequency/frequencies.hpp
/// Frequencies: one angular frequency per channel pair, the value that every encoding starts from.
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

/// One angular frequency per channel pair, in radians per position, with the two factors that go with it.
///
/// A pair i at position p stands at the angle p * inv_freq[i]. Immutable: a scaling rule returns a new value.
///
/// Accuracy: what the rules promise, 1 to 4 ulp of double, holds where long double is wider than double, in which they
/// are worked out: gcc and clang on x86, AArch64 Linux. Elsewhere (MSVC, Apple silicon) they are right to 64 ulp.
/// Cost: a few libm calls for each pair in every rule, and one allocation for its list.
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
  /// The largest |inv_freq[i]|.
  double fastest() const { return fastest_; }
  /// B where inv_freq[i] = B^(-2i / rotary_dim), or 0 when the frequencies are no such series.
  double base() const { return base_; }

  /// Tells these angles and this magnitude from others: the same on every machine, never 0. Tables hand it on, so that
  /// a key/value cache can remember what its keys were turned with (rope/cached_keys.hpp).
  std::uint64_t id() const { return id_; }

  /// The same angles with another magnitude: for rules that set one of their own. The softmax multiplier stays.
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
  friend Frequencies geometric_frequencies(Eigen::Index rotary_dim, double base);

  Eigen::ArrayXd inv_freq_;
  double magnitude_;
  double softmax_multiplier_;
  double base_;
  double fastest_ = 0;
  std::uint64_t id_ = 1;
};

namespace detail {

/// The type that frequency rules are worked out in before the one rounding to double: see Frequencies.
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
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5, for d/2; the projects' code for the others.
/// Matches:  get_timing_signal_1d of tensor2tensor, get_timestep_embedding of diffusers; presets have more.
inline Frequencies spaced_frequencies(Eigen::Index num_pairs, double base, double divisor) {
  const char* const function = "spaced_frequencies";
  detail::require_num_pairs(function, num_pairs);
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

// ---- posenc/frequency/axis_map.hpp
/// AxisMap: which of several positions drives which pair.
#ifndef POSENC_FREQUENCY_AXIS_MAP_HPP
#define POSENC_FREQUENCY_AXIS_MAP_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The axis of each pair, for tokens that stand at several positions at once (time, height, width).
///
/// The angle of pair j of a token at positions p[0 ... num_axes) is p[axis(j)] inv_freq[j]. Every multi-axis RoPE is
/// such a list; the functions below write the ones in use. Pairs keep their own frequency: which positions drive them
/// and how channels pair up (RopeLayout) are independent, although both are called "interleaved".
class AxisMap {
 public:
  /// @param axis_of_pair  num_pairs integers, >= 0 and < num_axes.
  /// @param num_axes      Positions of a token, > 0 and at most 2^23.
  /// @throws std::invalid_argument  an empty list, or num_axes outside of that.
  /// @throws std::out_of_range      an entry that is no axis.
  template <typename Derived>
  AxisMap(const Eigen::DenseBase<Derived>& axis_of_pair, Eigen::Index num_axes)
      : axes_(axis_of_pair.derived().template cast<int>().reshaped().array()), num_axes_(num_axes) {
    static_assert(Eigen::NumTraits<typename Derived::Scalar>::IsInteger, "posenc: axes are numbered by integers");
    detail::require_num_pairs("AxisMap", axis_of_pair.size());
    constexpr Eigen::Index limit = Eigen::Index(1) << 23;
    detail::require(num_axes > 0 && num_axes <= limit, "AxisMap", "num_axes", num_axes, "> 0 and at most ", limit);
    for (Eigen::Index i = 0; i < axes_.size(); ++i) {
      const auto axis = axis_of_pair.derived().reshaped()(i);
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
  /// The identity of a table made of these frequencies on these axes.
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
  Eigen::Index pairs = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i] < 0) {
      refuse<std::invalid_argument>(function, element("mrope_section", static_cast<Eigen::Index>(i)), sections[i],
                                    ">= 0");
    }
    pairs += sections[i];
  }
  constexpr Eigen::Index limit = Eigen::Index(1) << 23;
  require(pairs > 0 && pairs <= limit, function, "sum of mrope_section", pairs, "> 0 and at most ", limit);
  return pairs;
}

inline void require_section_count(const char* function, const std::vector<int>& sections, std::size_t least,
                                  std::size_t most) {
  require(sections.size() >= least && sections.size() <= most, function, "mrope_section.size()", sections.size(),
          least == most ? "" : "from ", least == most ? "" : std::to_string(least) + " to ", most);
}

}  // namespace detail

/// Sections one after the other: {16, 24, 24} is 16 pairs of axis 0, then 24 of axis 1, then 24 of axis 2.
///
/// @param mrope_section  Pairs of each axis, >= 0, not all zero, at most 2^23 in all; any number of axes.
/// @throws std::invalid_argument  one of these does not hold.
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

/// Axes in turn, t h w t h w ..., for as long as h and w last; the rest is t.
///
/// Pair j is axis a = 1, 2 where j mod 3 = a and j < 3 mrope_section[a], else axis 0. {24, 20, 20} is 20 times "thw"
/// and "tttt", which ggml's IMROPE drives by a fourth position in pairs 61 and 62; {11, 11, 10} is 10 times "thw",
/// "th".
/// @param mrope_section  Pairs of t, h, w, >= 0.
/// @throws std::invalid_argument  not three sections; sections that this order cannot give: the counts that come out
///                                must be the ones asked for.
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

/// Height and width in turn, then time: h w h w ... t t t. Axes are numbered t = 0, h = 1, w = 2 as everywhere.
///
/// @param mrope_section  Pairs of h, w, t in this order, as the config has them: {22, 22, 20}. h and w must be equal.
/// @throws std::invalid_argument  not three sections; h and w differ; one is negative.
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

/// Always the axis that lags most behind its share, never the same twice in a row while another is left.
///
/// The share of an axis is placed / section; ties go to the lower axis. With three sections one pair of axis 0 is kept
/// for the very end. {2, 3, 3} gives 0 1 2 1 2 1 2 0.
/// @param mrope_section  Pairs of each axis, >= 0; two sections (h, w) or three (t, h, w), the first of three > 0.
/// @throws std::invalid_argument  one of these does not hold.
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

// ---- posenc/frequency/axial.hpp
/// Frequencies of vision towers: a spectrum for each axis of a grid.
#ifndef POSENC_FREQUENCY_AXIAL_HPP
#define POSENC_FREQUENCY_AXIAL_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Frequencies and the axis that drives each of them: what the make_table() of several axes takes.
struct AxialFrequencies {
  Frequencies frequencies;
  AxisMap axes;
};

/// A geometric series for each axis, one axis after the other:
///
///     inv_freq[pair i of axis a] = position_scale base^(-i / pairs_of_axis[a])
///
/// @param pairs_of_axis   Pairs of each axis, >= 0, not all zero: {head_dim / 4, head_dim / 4} for a picture.
/// @param base            `rope_theta`, `temperature`: finite, > 0 and not 1.
/// @param position_scale  Factor on every angle, finite; 2 pi where coordinates count full turns (DINOv3).
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double, 2 with a position_scale.
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.2 (axial frequencies).
/// Matches:  Qwen2-VL vision tower, ggml VISION: (row, column), half-split. Llama 4 vision: (column + 1, row + 1),
///           interleaved, class token at (0, 0). DINOv3: base 100, position_scale 2 pi, (row, column) of
///           patch_centres(), half-split, prefix tokens at (0, 0). timm and EVA-02 "lang" bands: interleaved.
///           ChatGLM-6B (position, block) and the Gemma 4 vision tower (column, row; base 100) pair channels within the
///           half of a head that an axis owns: turn each half by a table of its own, of
///           geometric_frequencies(head_dim / 2), with RopeLayout::half_split(head_dim, 0) and
///           half_split(head_dim, head_dim / 2).
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base,
                                          double position_scale = 1) {
  AxisMap axes = contiguous_axes(pairs_of_axis);
  detail::require_base("axial_frequencies", base);
  detail::require(detail::is_finite(position_scale), "axial_frequencies", "position_scale", position_scale, "finite");
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  Eigen::Index first = 0;
  for (const int pairs : pairs_of_axis) {
    if (pairs == 0) continue;
    inv_freq.segment(first, pairs) = position_scale * spaced_frequencies(pairs, base, pairs).inv_freq();
    first += pairs;
  }
  return {Frequencies(inv_freq), std::move(axes)};
}

/// One geometric series dealt out to rows and columns in turn: pair i of axis a is base^(-(4i + 2a) / rotary_dim),
/// i < rotary_dim / 4, rows (axis 0) first.
///
/// @param rotary_dim  Channels that turn, a multiple of 4, > 0.
/// @param base        `rope_theta`: finite, > 0 and not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double.
/// Matches:  Pixtral and Mistral 3 vision (half-split; the flat id there is row * max_width + column).
inline AxialFrequencies dealt_axial_frequencies(Eigen::Index rotary_dim, double base) {
  const char* const function = "dealt_axial_frequencies";
  detail::require_rotary_dim(function, "rotary_dim", rotary_dim);
  detail::require(rotary_dim % 4 == 0, function, "rotary_dim", rotary_dim, "a multiple of 4");
  const Eigen::ArrayXd all = geometric_frequencies(rotary_dim, base).inv_freq();
  const Eigen::Index quarter = rotary_dim / 4;
  Eigen::ArrayXd inv_freq(2 * quarter);
  for (Eigen::Index i = 0; i < quarter; ++i) {
    inv_freq[i] = all[2 * i];
    inv_freq[quarter + i] = all[2 * i + 1];
  }
  return {Frequencies(inv_freq), contiguous_axes({static_cast<int>(quarter), static_cast<int>(quarter)})};
}

/// Linear bands for coordinates in [-1, 1]: pi times n equally spaced numbers from 1 to max_frequency / 2, for each
/// axis.
///
/// @param num_axes       Axes, > 0.
/// @param pairs_of_axis  n, > 0: head_dim / 4 for a picture. A single band is pi.
/// @param max_frequency  `max_res`, `max_freq`: twice the highest band over pi; finite.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 2 ulp of double.
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

#endif  // POSENC_FREQUENCY_AXIAL_HPP

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

template <typename Derived>
constexpr void require_lvalue() {
  static_assert((Derived::Flags & Eigen::LvalueBit) != 0,
                "posenc: the argument is written to, but this expression cannot be (it is const or computed)");
}

template <typename Derived>
constexpr void require_writable() {
  require_lvalue<Derived>();
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

/// The Eigen object behind a written argument of any scalar: an lvalue, or what writes through (Map, Block).
template <typename X>
auto& assignable(X& x) {
  static_assert(is_dense<std::remove_const_t<X>>, "posenc: the argument that is written to must be an Eigen object");
  static_assert(!std::is_const_v<X>, "posenc: the argument is written to, but it is const");
  require_lvalue<X>();
  return x;
}

/// The same of a real scalar.
template <typename X>
auto& writable(X& x) {
  require_writable<X>();
  return assignable(x);
}

/// To be called with the deduced type of `X&& x`: a temporary matrix would take the result with it.
template <typename X>
constexpr void require_written_through() {
  if constexpr (!std::is_lvalue_reference_v<X>) require_no_temporary<std::remove_reference_t<X>>();
}

/// Both for a written argument `X&& x`: written(std::forward<X>(x)).
template <typename X>
auto& written(X&& x) {
  require_written_through<X>();
  return writable(x);
}

/// Whether an expression is numbers in memory at some stride. Eigen's flag alone does not tell: x(seq, all) has it, but
/// no data().
template <typename Derived, typename = void>
inline constexpr bool has_memory = false;
template <typename Derived>
inline constexpr bool has_memory<Derived, std::void_t<decltype(std::declval<const Derived&>().data())>> =
    (Derived::Flags & Eigen::DirectAccessBit) != 0;

/// A Map may be of null; that of nothing is no error.
template <typename Derived>
void require_data(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_memory<Derived>) {
    if (x.size() > 0 && x.derived().data() == nullptr) {
      refuse<std::invalid_argument>(function, std::string(parameter) + ".data()", "null", "a valid pointer");
    }
  }
}

/// Rows, columns and numbers that are there.
template <typename Derived>
void require_shape(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x, Eigen::Index rows,
                   Eigen::Index columns) {
  if (x.rows() != rows) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x.rows(), rows);
  }
  if (x.cols() != columns) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), columns);
  }
  require_data(function, parameter, x);
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

// ---- posenc/detail/overlap.hpp
/// Whether what is written lies in the memory of what is read.
#ifndef POSENC_DETAIL_OVERLAP_HPP
#define POSENC_DETAIL_OVERLAP_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where an object lies: element (i, j, k) covers `bytes` bytes from first + i steps[0] + j steps[1] + k steps[2].
struct MemoryExtent {
  std::intptr_t first = 0;
  std::intptr_t bytes = 0;
  std::intptr_t counts[3] = {1, 1, 1};
  std::intptr_t steps[3] = {0, 0, 0};

  void set_axis(int axis, Eigen::Index count, Eigen::Index stride, std::size_t scalar_bytes) {
    counts[axis] = static_cast<std::intptr_t>(count);
    steps[axis] = count > 1 ? static_cast<std::intptr_t>(stride) * static_cast<std::intptr_t>(scalar_bytes) : 0;
  }
  bool empty() const { return counts[0] == 0 || counts[1] == 0 || counts[2] == 0; }
};

template <typename Derived>
MemoryExtent extent_of(const Eigen::DenseBase<Derived>& x) {
  using Scalar = typename Derived::Scalar;
  MemoryExtent extent;
  extent.first = reinterpret_cast<std::intptr_t>(x.derived().data());
  extent.bytes = sizeof(Scalar);
  extent.set_axis(0, x.rows(), x.derived().rowStride(), sizeof(Scalar));
  extent.set_axis(1, x.cols(), x.derived().colStride(), sizeof(Scalar));
  return extent;
}

/// Whether two objects share a byte without being the very same one.
inline bool overlap_partially(const MemoryExtent& a, const MemoryExtent& b, bool same_scalar) {
  if (a.empty() || b.empty()) return false;
  bool same = same_scalar && a.first == b.first;
  for (int i = 0; i < 3; ++i) same = same && a.counts[i] == b.counts[i] && a.steps[i] == b.steps[i];
  if (same) return false;

  struct Span {
    std::intptr_t first, last;
  };
  // The bytes that the axes cover whose steps are no multiple of `period`; 0 takes every axis.
  const auto span = [](const MemoryExtent& x, std::intptr_t period) {
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
  // Side by side in the rows of one matrix (q and k of a packed projection): apart in every period of a common step.
  for (int i = 0; i < 3; ++i) {
    const std::intptr_t period = a.steps[i] < 0 ? -a.steps[i] : a.steps[i];
    if (period == 0 || a.steps[i] != b.steps[i]) continue;
    const Span one_a = span(a, period);
    const Span one_b = span(b, period);
    const std::intptr_t shift = ((one_b.first - one_a.first) % period + period) % period;
    if (shift >= one_a.last - one_a.first && shift + (one_b.last - one_b.first) <= period) return false;
  }
  return true;
}

/// The same for Eigen objects; an expression that is not in memory is taken to lie apart.
template <typename DerivedA, typename DerivedB>
bool overlap_partially(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if constexpr (has_memory<DerivedA> && has_memory<DerivedB>) {
    return overlap_partially(extent_of(a), extent_of(b),
                             std::is_same_v<typename DerivedA::Scalar, typename DerivedB::Scalar>);
  } else {
    return false;
  }
}

/// overlap_partially(), or the very same first element.
template <typename DerivedA, typename DerivedB>
bool share_memory(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if constexpr (has_memory<DerivedA> && has_memory<DerivedB>) {
    if (a.size() == 0 || b.size() == 0) return false;
    const bool same = static_cast<const void*>(a.derived().data()) == static_cast<const void*>(b.derived().data());
    return same || overlap_partially(a, b);
  } else {
    return false;
  }
}

template <typename DerivedOut, typename DerivedIn>
void require_apart(const char* function, const char* parameter, const Eigen::DenseBase<DerivedOut>& out,
                   const Eigen::DenseBase<DerivedIn>& in) {
  require(!share_memory(out, in), function, parameter, "overlapping memory", "apart from what is read");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_OVERLAP_HPP

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
/// quadrant m = n mod 4 in {-2, ..., 2} turns (cos r, sin r) by m pi/2 without a branch: cos(m pi/2) = 1 - |m| and
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
  static constexpr const char* kCount = "positions.count";  // what a message calls rows()

  RangePositions(const char* function, PositionRange range) : range_(range) {
    require(range.count >= 0, function, "positions.count", range.count, ">= 0");
    const std::int64_t limit = (std::numeric_limits<std::int64_t>::max)() - range.count;
    require_in_range(range.first <= limit, function, "positions.first", range.first, "at most ", limit,
                     " (2^63 - 1 - positions.count)");
  }
  Eigen::Index rows() const { return range_.count; }
  std::int64_t operator[](Eigen::Index row) const { return range_.first + row; }

 private:
  PositionRange range_;
};

/// Integers are held as std::int64_t, real numbers as double.
template <typename Scalar>
using PositionOf = std::conditional_t<Eigen::NumTraits<Scalar>::IsInteger, std::int64_t, double>;

template <typename Scalar>
constexpr void require_position_scalar() {
  static_assert(!std::is_unsigned_v<Scalar> || sizeof(Scalar) < 8,
                "posenc: positions must be signed integers of up to 64 bits, or float or double");
  static_assert(!Eigen::NumTraits<Scalar>::IsComplex, "posenc: positions must be integers or real numbers");
  static_assert(!is_half<Scalar>, "posenc: half types hold whole positions only up to 2048 (half) or 256 (bfloat16)");
}

/// Row i stands at positions(i).
template <typename Derived>
class ListPositions {
 public:
  using Position = PositionOf<typename Derived::Scalar>;
  static constexpr const char* kCount = "positions.size()";

  ListPositions(const char* function, const Eigen::DenseBase<Derived>& positions) : positions_(evaluated(positions)) {
    require_position_scalar<typename Derived::Scalar>();
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
  decltype(evaluated(std::declval<const Eigen::DenseBase<Derived>&>())) positions_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_POSITIONS_HPP

// ---- posenc/frequency/angles.hpp
/// The generator behind every table and every sinusoid: cos and sin of position * inv_freq, row by row, in double.
#ifndef POSENC_FREQUENCY_ANGLES_HPP
#define POSENC_FREQUENCY_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

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
/// @param magnitude  Factor on both outputs; that of `frequencies` does not count.
/// @param positions  Has rows() and operator[], int64 or double.
template <typename Positions, typename Sink>
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
template <typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, double magnitude, const Positions& positions, Sink&& sink) {
  for_each_angle(frequencies, 0, frequencies.num_pairs(), magnitude, positions, std::forward<Sink>(sink));
}

/// `value`, a cos or sin right to an ulp of double, to float. Rounding it is rounding twice; that is wrong only where
/// `value` stands within an ulp of the middle of two floats, and there `recompute()` gives it in long double.
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

#endif  // POSENC_FREQUENCY_ANGLES_HPP

// ---- posenc/frequency/table.hpp
/// FrequencyTable: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

struct TableWriter;

/// A count that is 0 once it was moved from, as the storage that it counts then is gone.
class MovedCount {
 public:
  MovedCount(Eigen::Index count) : count_(count) {}
  MovedCount(const MovedCount&) = default;
  MovedCount(MovedCount&& other) noexcept : count_(std::exchange(other.count_, 0)) {}
  MovedCount& operator=(const MovedCount&) = default;
  MovedCount& operator=(MovedCount&& other) noexcept {
    count_ = std::exchange(other.count_, 0);
    return *this;
  }
  operator Eigen::Index() const { return count_; }

 private:
  Eigen::Index count_;
};

}  // namespace detail

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

/// What make_table() makes, and fill_table() keeps.
struct TableOptions {
  TableLayout layout = TableLayout::split;
  AngleMode angles = AngleMode::exact;
};

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Either owns its numbers, in rows padded and aligned to Eigen's widest packet (from make_table()), or refers to a
/// caller's cos/sin cache, which must outlive it (from wrap_cache() and wrap_cos_sin()). Copying copies the numbers
/// in the first case and the reference in the second; a table that was moved from has no rows. Const access from many
/// threads is safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Scalar_>
class FrequencyTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using ConstMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                              Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

  /// A table of zeros for fill_table() to write, in the layout and with the angles of `options`.
  /// @throws std::invalid_argument  rows < 0; num_pairs <= 0 or > 2^23.
  /// @throws std::length_error      the table does not fit into memory's index type.
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options = {})
      : FrequencyTable(rows, num_pairs, options, Unset{}) {
    storage_.setZero();
  }

  /// Refers to cos and sin that lie elsewhere: entry (row, pair) at row * row_stride + pair * pair_stride of each.
  /// wrap_cache() and wrap_cos_sin() are the friendlier way in.
  /// @throws std::invalid_argument  a null pointer with rows > 0; rows < 0; num_pairs <= 0 or > 2^23; magnitude not >
  ///                                0; pair_stride not 1 or 2; rows that overlap.
  /// @throws std::length_error      rows that do not fit into memory's index type.
  FrequencyTable(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index num_pairs,
                 Eigen::Index row_stride, Eigen::Index pair_stride, double magnitude)
      : rows_(rows),
        num_pairs_(num_pairs),
        row_stride_(row_stride),
        pair_stride_(pair_stride),
        layout_(pair_stride == 1                   ? TableLayout::split
                : cos != nullptr && sin == cos + 1 ? TableLayout::paired
                                                   : TableLayout::doubled),
        magnitude_(magnitude),
        cos_(cos),
        sin_(sin) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    detail::require(pair_stride == 1 || pair_stride == 2, function, "pair_stride", pair_stride, "1 or 2");
    detail::require(rows <= 1 || row_stride >= (num_pairs - 1) * pair_stride + 1, function, "row_stride", row_stride,
                    "at least ", (num_pairs - 1) * pair_stride + 1);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(rows == 0 || cos != nullptr, function, "cos", "null", "a valid pointer");
    detail::require(rows == 0 || sin != nullptr, function, "sin", "null", "a valid pointer");
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
  }

  Eigen::Index rows() const { return rows_; }
  Eigen::Index num_pairs() const { return num_pairs_; }
  /// Number of channels that turn: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * num_pairs_; }
  TableLayout layout() const { return layout_; }
  /// How make_table() formed the angles and fill_table() will. Nothing is known of a wrapped cache: exact.
  AngleMode angles() const { return angles_; }
  /// A, which cos and sin have been multiplied by; 0 when the factor differs from entry to entry (xPos).
  double magnitude() const { return magnitude_; }
  /// Identity of the frequencies and axes that it was made of; 0 when unknown, as for a wrapped cache. A float32 table
  /// has another one than the exact table of the same frequencies: its angles do not add up.
  std::uint64_t id() const { return id_; }
  /// Whether the numbers are the table's own.
  bool owns_data() const { return cos_ == nullptr; }

  /// All cosines, rows x num_pairs, whatever the layout. No copy.
  ConstMap cos() const { return map(cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the layout. No copy.
  ConstMap sin() const { return map(rows_ == 0 ? cos_data(0) : sin_data(0)); }

  /// Entry (row, pair) lies at cos_data(row)[pair * pair_stride()], and likewise the sine.
  const Scalar* cos_data(Eigen::Index row) const { return cos_base() + row * row_stride_; }
  const Scalar* sin_data(Eigen::Index row) const {
    return (owns_data() ? storage_.data() + sin_offset_ : sin_) + row * row_stride_;
  }
  Eigen::Index row_stride() const { return row_stride_; }
  Eigen::Index pair_stride() const { return pair_stride_; }

 private:
  using Storage = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A table whose numbers are yet to be written, padding included.
  struct Unset {};
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options, Unset)
      : rows_(rows), num_pairs_(num_pairs), layout_(options.layout), angles_(options.angles) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    const Eigen::Index plane = padded(num_pairs) * (layout_ == TableLayout::split ? 1 : 2);
    row_stride_ = layout_ == TableLayout::paired ? plane : 2 * plane;
    pair_stride_ = layout_ == TableLayout::split ? 1 : 2;
    sin_offset_ = layout_ == TableLayout::paired ? 1 : plane;
    detail::require_size(function, "rows", rows, row_stride_, sizeof(Scalar));
    storage_.resize(rows, row_stride_);
  }

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

  detail::MovedCount rows_;
  Eigen::Index num_pairs_;
  Eigen::Index row_stride_ = 0;
  Eigen::Index pair_stride_ = 1;
  Eigen::Index sin_offset_ = 0;
  TableLayout layout_;
  AngleMode angles_ = AngleMode::exact;
  double magnitude_ = 1.0;
  std::uint64_t id_ = 0;
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
///     doubled_adjacent    c0 c0 c1 c1 ..     rows x 2 num_pairs   Hugging Face, interleaved (Cohere); CTranslate2
enum class CosSinLayout { halves, doubled, doubled_adjacent };

/// Refers to a cache in one array. No copy; `cache` must outlive the table.
///
/// @param cache       rows x rotary_dim, row-major without gaps.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Row length, even and > 0.
/// @param layout      Where the cosines are.
/// @param magnitude   The attention factor that the cache was multiplied by; apply_rope_inverse() divides by its
///                    square.
/// @throws std::invalid_argument  one of these does not hold, or `cache` is null with rows > 0.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none.
template <typename Scalar>
FrequencyTable<Scalar> wrap_cache(const Scalar* cache, Eigen::Index rows, Eigen::Index rotary_dim, CacheLayout layout,
                                  double magnitude = 1.0) {
  detail::require_rotary_dim("wrap_cache", "rotary_dim", rotary_dim);
  detail::require(rows >= 0, "wrap_cache", "rows", rows, ">= 0");
  detail::require(rows == 0 || cache != nullptr, "wrap_cache", "cache", "null", "a valid pointer");
  detail::require_size("wrap_cache", "rows", rows, rotary_dim, sizeof(Scalar));
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
/// @param layout      Which cosines a row holds.
/// @param magnitude   As for wrap_cache().
/// @throws std::invalid_argument  one of these does not hold, or a null pointer with rows > 0.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none.
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
  detail::require_size("wrap_cos_sin", "rows", rows, row_length, sizeof(Scalar));
  return {cos, sin, rows, n, row_length, step, magnitude};
}

/// Writes a table as another codebase's cache, rounding each entry to `cache`'s scalar. For a half or bfloat16 cache
/// that is rounded only once, make the table of that scalar.
///
/// @param[out] cache  table.rows() x table.rotary_dim(); any writable Eigen expression.
/// @throws std::invalid_argument  another shape; null data; memory that overlaps the table's. `cache` is then
///                                unchanged.
/// Cost:     one rounding and one store for each value, element by element; no allocation.
template <typename Cache, typename Scalar>
void write_cache(Cache&& cache, const FrequencyTable<Scalar>& table, CacheLayout layout) {
  auto& target = detail::written(std::forward<Cache>(cache));
  using Target = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_shape("write_cache", "cache", target, table.rows(), table.rotary_dim());
  const Eigen::Index n = table.num_pairs();
  const auto cos = table.cos();
  const auto sin = table.sin();
  detail::require_apart("write_cache", "cache", target, cos);
  detail::require_apart("write_cache", "cache", target, sin);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index i = 0; i < n; ++i) {
      const Eigen::Index c = layout == CacheLayout::pairs ? 2 * i : layout == CacheLayout::cos_sin ? i : n + i;
      const Eigen::Index s = layout == CacheLayout::pairs ? 2 * i + 1 : layout == CacheLayout::cos_sin ? n + i : i;
      target.coeffRef(row, c) = detail::convert<Target>(cos(row, i));
      target.coeffRef(row, s) = detail::convert<Target>(sin(row, i));
    }
  }
}

/// Writes a table as a cache in two arrays, rounding each entry to their scalars, as write_cache() does.
///
/// @param[out] cos, sin  table.rows() x table.num_pairs() (halves) or x table.rotary_dim() (doubled).
/// @throws std::invalid_argument  another shape; null data; memory that overlaps the table's, or each other's. Both are
///                                then unchanged.
/// Cost:     that of write_cache().
template <typename Cos, typename Sin, typename Scalar>
void write_cos_sin(Cos&& cos, Sin&& sin, const FrequencyTable<Scalar>& table, CosSinLayout layout) {
  auto& cos_target = detail::written(std::forward<Cos>(cos));
  using CosScalar = typename std::decay_t<decltype(cos_target)>::Scalar;
  auto& sin_target = detail::written(std::forward<Sin>(sin));
  using SinScalar = typename std::decay_t<decltype(sin_target)>::Scalar;
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index columns = layout == CosSinLayout::halves ? n : 2 * n;
  detail::require_shape("write_cos_sin", "cos", cos_target, table.rows(), columns);
  detail::require_shape("write_cos_sin", "sin", sin_target, table.rows(), columns);
  const auto table_cos = table.cos();
  const auto table_sin = table.sin();
  detail::require_apart("write_cos_sin", "cos", cos_target, table_cos);
  detail::require_apart("write_cos_sin", "cos", cos_target, table_sin);
  detail::require_apart("write_cos_sin", "sin", sin_target, table_cos);
  detail::require_apart("write_cos_sin", "sin", sin_target, table_sin);
  detail::require_apart("write_cos_sin", "sin", sin_target, cos_target);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Eigen::Index i = layout == CosSinLayout::doubled_adjacent ? j / 2 : j % n;
      cos_target.coeffRef(row, j) = detail::convert<CosScalar>(table_cos(row, i));
      sin_target.coeffRef(row, j) = detail::convert<SinScalar>(table_sin(row, i));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CACHE_HPP

// ---- posenc/frequency/channel_order.hpp
/// ChannelOrder: where sines and cosines stand in a row.
#ifndef POSENC_FREQUENCY_CHANNEL_ORDER_HPP
#define POSENC_FREQUENCY_CHANNEL_ORDER_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Where sines and cosines stand in a row of `width` channels.
enum class ChannelOrder {
  interleaved,  ///< s0 c0 s1 c1 ..       the paper
  sin_cos,      ///< s0 s1 .. | c0 c1 ..  tensor2tensor and most of its descendants
  cos_sin       ///< c0 c1 .. | s0 s1 ..  Stable Diffusion, ggml
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CHANNEL_ORDER_HPP

// ---- posenc/frequency/grid_positions.hpp
/// Positions of the tokens of a grid: a picture, a video.
#ifndef POSENC_FREQUENCY_GRID_POSITIONS_HPP
#define POSENC_FREQUENCY_GRID_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of tokens on several axes: tokens x axes, a token's positions side by side.
template <typename Scalar>
using AxisPositionMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {

/// Row t holds at(axis, index) for each axis, the last axis counting fastest.
template <typename Scalar, typename At>
AxisPositionMatrix<Scalar> fill_grid(const char* function, const std::vector<int>& sizes, At at) {
  require(!sizes.empty(), function, "sizes.size()", sizes.size(), "> 0");
  const Eigen::Index axes = static_cast<Eigen::Index>(sizes.size());
  Eigen::Index tokens = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] < 0) {
      refuse<std::invalid_argument>(function, element("sizes", static_cast<Eigen::Index>(axis)), sizes[axis], ">= 0");
    }
    require_size(function, "number of tokens", tokens, Eigen::Index(sizes[axis]) * axes, sizeof(Scalar));
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

/// Whole positions: token (i, j, ...) of a grid, in row-major order, stands at (first + i, first + j, ...).
///
/// @param sizes  Length of each axis, >= 0: {height, width} or {frames, height, width}.
/// @param first  Position of the first token on every axis: 1 for Llama 4 vision.
/// @returns      tokens x axes.
/// @throws std::invalid_argument  no axis, or a negative size.
/// @throws std::length_error      more tokens than memory's index type counts.
inline AxisPositionMatrix<std::int64_t> grid_positions(const std::vector<int>& sizes, std::int64_t first = 0) {
  constexpr std::int64_t limit = std::int64_t(1) << 62;
  detail::require_in_range(first >= -limit && first <= limit, "grid_positions", "first", first, "within +-2^62");
  return detail::fill_grid<std::int64_t>("grid_positions", sizes, [&](Eigen::Index, int i) { return first + i; });
}

/// Centres of the patches that fill [-1, 1]: (2 i + 1) / size - 1 on each axis.
/// Parameters and errors are those of grid_positions().
/// Matches: DINOv3 and timm RotaryEmbeddingDinoV3 (normalize_coords "separate").
inline AxisPositionMatrix<double> patch_centres(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("patch_centres", sizes, [&](Eigen::Index axis, int i) {
    const double size = sizes[static_cast<std::size_t>(axis)];
    return (2.0 * i + 1.0 - size) / size;
  });
}

/// Equally spaced from -1 to 1, both included: 2 i / (size - 1) - 1 on each axis, -1 when it has one token.
/// Parameters and errors are those of grid_positions().
/// Matches: timm and EVA-02 with in_pixels, rotary-embedding-torch get_axial_freqs.
inline AxisPositionMatrix<double> linspace_positions(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("linspace_positions", sizes, [&](Eigen::Index axis, int i) {
    const double last = sizes[static_cast<std::size_t>(axis)] - 1;
    return last > 0 ? (2.0 * i - last) / last : -1.0;
  });
}

/// A grid stretched to the positions of another: i reference_sizes[a] / sizes[a], for a model that was trained on
/// `reference_sizes`.
///
/// @param reference_sizes  As many entries as `sizes`.
/// @throws std::invalid_argument  besides those of grid_positions(): another number of axes; a negative size.
/// Matches: EVA-02 and timm `ref_feat_shape`, with grid_offset 0.
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

#endif  // POSENC_FREQUENCY_GRID_POSITIONS_HPP

// ---- posenc/frequency/axis_angles.hpp
/// for_each_angle() for pairs on several axes.
#ifndef POSENC_FREQUENCY_AXIS_ANGLES_HPP
#define POSENC_FREQUENCY_AXIS_ANGLES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Row i stands at positions(i, axis). Same meaning of integers and real numbers as ListPositions.
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

/// Positions of tokens on several axes: tokens x num_axes, all of them finite.
template <typename Derived>
void require_axis_positions(const char* function, const Eigen::DenseBase<Derived>& positions, Eigen::Index num_axes) {
  require_position_scalar<typename Derived::Scalar>();
  require(positions.cols() == num_axes, function, "positions.cols()", positions.cols(), "the number of axes ",
          num_axes);
  if constexpr (!Eigen::NumTraits<typename Derived::Scalar>::IsInteger) {
    for (Eigen::Index i = 0; i < positions.rows(); ++i) {
      for (Eigen::Index axis = 0; axis < num_axes; ++axis) {
        const double position = static_cast<double>(positions.derived().coeff(i, axis));
        if (is_finite(position)) continue;
        refuse<std::invalid_argument>(function, "positions(" + std::to_string(i) + ", " + std::to_string(axis) + ")",
                                      position, "finite");
      }
    }
  }
}

/// Calls sink(row, pairs, count, cosines, sines) for all rows and pairs, up to kAngleBlock pairs of one axis at a time:
/// entry i < count is pair pairs[i]. Each pair gets the bits that for_each_angle() gives it on its axis alone.
template <typename Derived, typename Sink>
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

#endif  // POSENC_FREQUENCY_AXIS_ANGLES_HPP

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
// assignments of blocks, or keep a block in memory, and how fast it runs hangs on what stands around the call.
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

/// To the nearest, a middle to the even one. Of NaN the sign stays.
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

/// to[i] = from[i] for Count values; `to` and `from` are apart. By cast_packet() where there is one, otherwise loops
/// that compilers make vector code of. Eigen's cast() converts half types one by one.
template <int Count, typename To, typename From>
EIGEN_ALWAYS_INLINE void cast_block(To* to, const From* from) {
  if constexpr (std::is_same_v<From, To>) {
    POSENC_VECTOR_LOOP
    for (int i = 0; i < Count; ++i) to[i] = from[i];
  } else if constexpr (is_half<To> && std::is_same_v<From, double>) {
    float odd[Count];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < Count; ++i) odd[i] = round_to_odd(from[i]);
    cast_block<Count>(to, odd);
  } else if constexpr (is_half<From> && !std::is_same_v<To, float>) {
    float floats[Count];
    cast_block<Count>(floats, from);
    cast_block<Count>(to, floats);
  } else {
    int i = 0;
    if constexpr (has_cast_packet<To, From>) {
      for (; i + kCastPacket <= Count; i += kCastPacket) cast_packet(to + i, from + i);
    }
    POSENC_VECTOR_LOOP
    for (; i < Count; ++i) to[i] = cast_scalar<To>(from[i]);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CAST_HPP

// ---- posenc/frequency/make_table.hpp
/// make_table() and fill_table(): frequencies meet positions.
#ifndef POSENC_FREQUENCY_MAKE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

class AxisMap;

namespace detail {

/// Whether fill_table() may write `rows` positions, named `count`, into `table`.
template <typename Scalar>
void require_fillable(const FrequencyTable<Scalar>& table, const Frequencies& frequencies, const char* count,
                      Eigen::Index rows) {
  const char* const function = "fill_table";
  require(table.owns_data(), function, "table", "a wrapped cache", "a table that owns its numbers");
  require(table.num_pairs() == frequencies.num_pairs(), function, "frequencies.num_pairs()", frequencies.num_pairs(),
          "table.num_pairs() ", table.num_pairs());
  require(table.rows() == rows, function, count, rows, "table.rows() ", table.rows());
}

struct TableWriter {
  /// Writes whole blocks: rows are padded for it. `Layout` is fixed so that the loops become plain vector stores.
  template <TableLayout Layout, typename Scalar>
  static void write_block(Scalar* row, Eigen::Index sin_offset, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    constexpr int step = Layout == TableLayout::split ? 1 : 2;
    Scalar* const to_cos = row + step * pair;
    Scalar* const to_sin = row + sin_offset + step * pair;
    if constexpr (Layout == TableLayout::split) {
      cast_block<kAngleBlock>(to_cos, cosine);
      cast_block<kAngleBlock>(to_sin, sine);
    } else {
      Scalar c[kAngleBlock];  // rounded before memory is touched: every loop becomes vector code
      Scalar s[kAngleBlock];
      cast_block<kAngleBlock>(c, cosine);
      cast_block<kAngleBlock>(s, sine);
      constexpr bool paired = Layout == TableLayout::paired;
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
    Scalar* const data = table.storage_.data() + row * table.row_stride_;
    switch (table.layout()) {
      case TableLayout::split: return write_block<TableLayout::split>(data, table.sin_offset_, pair, cosine, sine);
      case TableLayout::paired: return write_block<TableLayout::paired>(data, table.sin_offset_, pair, cosine, sine);
      case TableLayout::doubled: return write_block<TableLayout::doubled>(data, table.sin_offset_, pair, cosine, sine);
    }
  }

  /// Zeros where no block of fill() comes.
  template <typename Scalar>
  static void clear_padding(FrequencyTable<Scalar>& table) {
    const Eigen::Index planes = table.layout() == TableLayout::paired ? 1 : 2;
    const Eigen::Index plane = table.row_stride_ / planes;
    const Eigen::Index blocks = (table.num_pairs() + kAngleBlock - 1) / kAngleBlock;
    const Eigen::Index written = blocks * kAngleBlock * (table.layout() == TableLayout::split ? 1 : 2);
    for (Eigen::Index i = 0; i < planes; ++i) {
      table.storage_.middleCols(i * plane + written, plane - written).setZero();
    }
  }

  /// What the table was made of.
  template <typename Scalar>
  static void set_origin(FrequencyTable<Scalar>& table, double magnitude, std::uint64_t id) {
    table.magnitude_ = magnitude;
    table.id_ = id != 0 && table.angles() == AngleMode::float32 ? mix_id(id, std::uint64_t(32)) : id;
  }

  template <TableLayout Layout, typename Scalar, typename Positions>
  POSENC_KERNEL static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                                 const Positions& positions) {
    Scalar* const data = table.storage_.data();
    const Eigen::Index row_stride = table.row_stride_;
    const Eigen::Index sin_offset = table.sin_offset_;
    const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      write_block<Layout>(data + row * row_stride, sin_offset, pair, cosine, sine);
    };
    if (table.angles() == AngleMode::exact) {
      for_each_angle(frequencies, frequencies.magnitude(), positions, sink);
    } else {
      for_each_float32_angle(frequencies.inv_freq().data(), frequencies.num_pairs(), frequencies.magnitude(), positions,
                             sink);
    }
    set_origin(table, frequencies.magnitude(), frequencies.id());
  }

  template <typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    switch (table.layout()) {
      case TableLayout::split: return fill<TableLayout::split>(table, frequencies, positions);
      case TableLayout::paired: return fill<TableLayout::paired>(table, frequencies, positions);
      case TableLayout::doubled: return fill<TableLayout::doubled>(table, frequencies, positions);
    }
  }

  template <typename Scalar, typename Positions>
  static void checked_fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    require_fillable(table, frequencies, positions.kCount, positions.rows());
    fill(table, frequencies, positions);
  }

  /// On several axes: make_axis_table.hpp.
  template <typename Scalar, typename Derived>
  static void fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                        const Derived& positions);

  template <typename Scalar, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Positions& positions, TableOptions options) {
    FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options,
                                 typename FrequencyTable<Scalar>::Unset{});
    clear_padding(table);
    fill(table, frequencies, positions);
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
/// Accuracy: float |error| <= u / 2 + A (2^-40 + |p inv_freq| 2^-51) with u the ulp of float just below A, 2^-24 for
///           A = 1; double <= A (2^-50 + |p inv_freq| 2^-51).
/// Source:   angle addition, cos(a + b) = cos a cos b - sin a sin b, on exact values at every 16th position.
/// Matches:  AngleMode::exact is what the formula says; AngleMode::float32 what Hugging Face, vLLM, ONNX exporters and
///           CTranslate2 compute, given their float inv_freq: exact to the bit for a correctly rounded cos and sin,
///           where long double is wider than double (see Frequencies).
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
/// decode loop, which needs one row for each new token. Layout and AngleMode stay those of the table.
/// @throws std::invalid_argument  another number of rows or pairs than the table has; a table that wraps a cache.
/// @throws std::out_of_range      first + count overflows.
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, PositionRange positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions("fill_table", positions));
}

/// @overload
template <typename Scalar, typename Derived>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                const Eigen::DenseBase<Derived>& positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::ListPositions<Derived>("fill_table", positions));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_TABLE_HPP

// ---- posenc/frequency/make_axis_table.hpp
/// make_table() and fill_table() for tokens that stand at several positions at once.
#ifndef POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Scalar, typename Derived>
void TableWriter::fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                            const Derived& positions) {
  Scalar* const data = table.storage_.data();
  const Eigen::Index row_stride = table.row_stride_;
  const Eigen::Index pair_stride = table.pair_stride_;
  const Eigen::Index sin_offset = table.sin_offset_;
  const bool doubled = table.layout() == TableLayout::doubled;
  const auto sink = [=](Eigen::Index row, const Eigen::Index* pairs, int count, const double* cosine,
                        const double* sine) {
    for (int i = 0; i < count; ++i) {
      Scalar* const entry = data + row * row_stride + pairs[i] * pair_stride;
      entry[0] = round_to<Scalar>(cosine[i]);
      entry[sin_offset] = round_to<Scalar>(sine[i]);
      if (doubled) {
        entry[1] = entry[0];
        entry[sin_offset + 1] = entry[sin_offset];
      }
    }
  };
  for_each_axis_angle(frequencies, axes, frequencies.magnitude(), table.angles() == AngleMode::float32, positions,
                      sink);
  set_origin(table, frequencies.magnitude(), axes.id(frequencies));
}

}  // namespace detail

/// Makes the table of tokens on several axes: row i holds A cos(p inv_freq[j]) and A sin(p inv_freq[j]) with
/// p = positions(i, axis of pair j) and A = frequencies.magnitude().
///
/// A token whose positions are equal gets the numbers that make_table() gives that position, bit for bit: text in a
/// multi-axis model is plain RoPE. A token at zeros is not turned: prefix tokens of vision models.
/// @param axes       The axis of each pair: contiguous_axes() and its neighbours.
/// @param positions  tokens x axes.num_axes(), integers or real numbers.
/// @throws std::invalid_argument  other numbers of pairs in `axes` and `frequencies`; another number of columns than
///                                axes; a real position that is NaN or infinite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a scattered store for each value, and two evaluations whenever a position moves on
///           its axis; one allocation.
/// Accuracy: as make_table() for one axis.
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index tables of Qwen-VL, MRotaryEmbedding of vLLM, ggml_rope_multi, axial RoPE of vision models.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const AxisMap& axes,
                                  const Eigen::DenseBase<Derived>& positions, TableOptions options = {}) {
  detail::require(axes.num_pairs() == frequencies.num_pairs(), "make_table", "axes.num_pairs()", axes.num_pairs(),
                  "frequencies.num_pairs() ", frequencies.num_pairs());
  const auto& values = detail::evaluated(positions);
  detail::require_axis_positions("make_table", values, axes.num_axes());
  FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options);
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
  return table;
}

/// Writes new positions into a table that make_table() made, without an allocation. Layout and AngleMode stay those of
/// the table.
/// @throws std::invalid_argument  besides those of make_table(): another number of rows or pairs than the table has; a
///                                table that wraps a cache. The table is then unchanged.
template <typename Scalar, typename Derived>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                const Eigen::DenseBase<Derived>& positions) {
  const char* const function = "fill_table";
  detail::require(axes.num_pairs() == frequencies.num_pairs(), function, "axes.num_pairs()", axes.num_pairs(),
                  "frequencies.num_pairs() ", frequencies.num_pairs());
  const auto& values = detail::evaluated(positions);
  detail::require_axis_positions(function, values, axes.num_axes());
  detail::require_fillable(table, frequencies, "positions.rows()", positions.rows());
  detail::TableWriter::fill_axes(table, frequencies, axes, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_AXIS_TABLE_HPP

// ---- posenc/frequency/mrope_positions.hpp
/// mrope_positions(): time, height and width of text with pictures and videos in it.
#ifndef POSENC_FREQUENCY_MROPE_POSITIONS_HPP
#define POSENC_FREQUENCY_MROPE_POSITIONS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A run of a multimodal prompt: text, or a picture or video.
struct MropeSegment {
  /// `tokens` of text, >= 0.
  static MropeSegment text(Eigen::Index tokens) { return {tokens, 0, 0, 0, 0}; }
  /// A picture of height x width tokens (after spatial merging), >= 0.
  static MropeSegment image(Eigen::Index height, Eigen::Index width) { return {0, 1, height, width, 1}; }
  /// A video of frames x height x width tokens, >= 0. Time advances by frame_step for each frame, finite and >= 0:
  /// tokens_per_second times the seconds between two frames in Qwen2.5-VL, 1 in Qwen2-VL.
  static MropeSegment video(Eigen::Index frames, Eigen::Index height, Eigen::Index width, double frame_step = 1) {
    return {0, frames, height, width, frame_step};
  }

  Eigen::Index text_tokens = 0;
  Eigen::Index frames = 0;
  Eigen::Index height = 0;
  Eigen::Index width = 0;
  double frame_step = 1;
};

/// What mrope_positions() returns.
struct MropePositions {
  AxisPositionMatrix<std::int64_t> ids;  ///< tokens x 3: time, height, width.
  std::int64_t next_position = 0;        ///< On all axes, of the first token to be decoded.
  std::int64_t rope_delta = 0;  ///< next_position - (first_position + tokens): cache length + this is a position.
};

/// Positions on three axes (time, height, width) of a prompt that mixes text with pictures and videos.
///
/// Text stands at the same position on all axes and moves on by 1. Token (f, y, x) of a picture or video that starts at
/// s stands at (s + trunc(f frame_step), s + y, s + x), and what follows starts one after the largest of these: a
/// picture moves on by the larger of height and width, not by its number of tokens.
/// @param segments        The prompt in order.
/// @param first_position  Of the first token.
/// @throws std::invalid_argument  a negative count, a frame_step that is negative or not finite.
/// @throws std::out_of_range      first_position beyond +-2^60, or positions that grow beyond 2^62.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index of Qwen2-VL and Qwen2.5-VL with its rope_deltas. Qwen3-VL gives each frame of a video as a
///           picture of its own between time stamps.
inline MropePositions mrope_positions(const std::vector<MropeSegment>& segments, std::int64_t first_position = 0) {
  const char* const function = "mrope_positions";
  constexpr std::int64_t limit = std::int64_t(1) << 60;
  detail::require_in_range(first_position >= -limit && first_position <= limit, function, "first_position",
                           first_position, "within +-2^60");
  // Counts up to 2^20 keep every product within 64 bits: 2^40 tokens to a frame, 2^60 to a video.
  constexpr Eigen::Index most = Eigen::Index(1) << 20;
  Eigen::Index tokens = 0;
  std::int64_t span = 0;  // what positions can grow by
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const MropeSegment& s = segments[i];
    const auto require_count = [&](const char* field, Eigen::Index value, Eigen::Index limit_of_field) {
      if (value >= 0 && value <= limit_of_field) return;
      detail::refuse<std::invalid_argument>(function, detail::element("segments", static_cast<Eigen::Index>(i)) + field,
                                            value, "in [0, ", limit_of_field, "]");
    };
    require_count(".text_tokens", s.text_tokens, Eigen::Index(1) << 40);
    require_count(".frames", s.frames, most);
    require_count(".height", s.height, most);
    require_count(".width", s.width, most);
    if (!(s.frame_step >= 0 && s.frame_step <= static_cast<double>(most))) {
      detail::refuse<std::invalid_argument>(function,
                                            detail::element("segments", static_cast<Eigen::Index>(i)) + ".frame_step",
                                            s.frame_step, "in [0, ", most, "]");
    }
    const Eigen::Index of_segment = s.text_tokens + s.frames * s.height * s.width;
    detail::require_size(function, "number of tokens", 1, of_segment, 3 * sizeof(std::int64_t));
    tokens += of_segment;
    detail::require_size(function, "number of tokens", 1, tokens, 3 * sizeof(std::int64_t));
    span += s.text_tokens + s.frames * most + s.height + s.width;
    detail::require_in_range(span <= limit, function, "span of the positions", span, "at most 2^60");
  }

  MropePositions result;
  result.ids.resize(tokens, 3);
  std::int64_t next = first_position;
  Eigen::Index row = 0;
  for (const MropeSegment& s : segments) {
    for (Eigen::Index t = 0; t < s.text_tokens; ++t) result.ids.row(row++).setConstant(next++);
    const std::int64_t start = next;
    for (Eigen::Index frame = 0; frame < s.frames; ++frame) {
      const std::int64_t time = start + static_cast<std::int64_t>(static_cast<double>(frame) * s.frame_step);
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

#endif  // POSENC_FREQUENCY_MROPE_POSITIONS_HPP

// ---- posenc/frequency/position_ids.hpp
/// Position ids of text: padded batches, packed documents, chunks.
#ifndef POSENC_FREQUENCY_POSITION_IDS_HPP
#define POSENC_FREQUENCY_POSITION_IDS_HPP

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

/// Positions in a padded batch: the k-th real token (k from 0) stands at k, pads at `pad_position`.
///
/// @param mask          batch x (past + length): not zero where a token is real, cached tokens included. Any scalar.
/// @param past          Number of cached tokens, whose positions are left out; in [0, mask.cols()].
/// @param pad_position  Where pads stand; attention must mask them.
/// @returns             batch x length.
/// @throws std::invalid_argument  past is outside of that.
/// Matches:  cumsum(attention_mask) - 1 with 1 at pads of Hugging Face, for left and right padding.
template <typename Derived>
PositionIds padded_positions(const Eigen::DenseBase<Derived>& mask, Eigen::Index past = 0,
                             std::int64_t pad_position = 1) {
  return detail::masked_positions("padded_positions", mask, past,
                                  [&](std::int64_t count, bool real) { return real ? count - 1 : pad_position; });
}

/// Positions of documents packed one after the other: each starts again at 0.
///
/// @param cu_seqlens  num_documents + 1 integers that do not decrease, the first 0: document i is the tokens
///                    cu_seqlens(i) ... cu_seqlens(i + 1) - 1.
/// @returns           One position for each token, cu_seqlens(num_documents) in all.
/// @throws std::invalid_argument  an empty list; the first entry not 0; a list that decreases.
/// @throws std::length_error      more tokens than fit into memory's index type.
/// Matches:  cu_seqlens of flash-attention.
template <typename Derived>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> packed_positions(const Eigen::DenseBase<Derived>& cu_seqlens) {
  static_assert(Eigen::NumTraits<typename Derived::Scalar>::IsInteger, "posenc: cu_seqlens holds integers");
  const char* const function = "packed_positions";
  const auto at = [&](Eigen::Index i) { return static_cast<Eigen::Index>(cu_seqlens.derived().reshaped()(i)); };
  const Eigen::Index size = cu_seqlens.size();
  detail::require(size > 0, function, "cu_seqlens.size()", size, "> 0");
  detail::require(at(0) == 0, function, "cu_seqlens[0]", at(0), 0);
  for (Eigen::Index i = 1; i < size; ++i) {
    if (at(i) < at(i - 1)) {
      detail::refuse<std::invalid_argument>(function, detail::element("cu_seqlens", i), at(i), "at least ", at(i - 1));
    }
  }
  detail::require_size(function, "the last of cu_seqlens", at(size - 1), 1, sizeof(std::int64_t));
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> ids(at(size - 1));
  for (Eigen::Index i = 1; i < size; ++i) {
    for (Eigen::Index t = at(i - 1); t < at(i); ++t) ids[t] = t - at(i - 1);
  }
  return ids;
}

/// The six positions of a token under dual chunk attention. With c = chunk_size - local_size and p the position:
struct DualChunkPositions {
  std::int64_t key;                  ///< p mod c
  std::int64_t intra;                ///< p mod c: the query against keys of its own chunk.
  std::int64_t successive;           ///< min(p mod c + c, chunk_size): against keys of the chunk before.
  std::int64_t inter;                ///< min(2 c - 1, chunk_size): against keys of all earlier chunks.
  std::int64_t successive_critical;  ///< p mod c + c: `successive` without the limit, for choosing sparse blocks.
  std::int64_t inter_critical;       ///< p mod c + chunk_size
};

/// @param position    >= 0.
/// @param chunk_size  Trained length, > 0.
/// @param local_size  In [0, chunk_size).
/// @throws std::invalid_argument  one of the sizes does not hold.
/// @throws std::out_of_range      a negative position.
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

#endif  // POSENC_FREQUENCY_POSITION_IDS_HPP

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
  detail::require(detail::is_finite(factor) && factor >= 1, "scale_linear", "factor", factor, "finite and >= 1");
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
  double high_freq_factor = 4;  ///< Wavelengths below L / high_freq_factor are kept; >= low_freq_factor.
};

/// Llama 3 scaling.
///
/// With the wavelength w = 2 pi / inv_freq[i] and s = (L / w - low_freq_factor) / (high_freq_factor - low_freq_factor):
///
///     inv_freq'[i] = inv_freq[i] / factor                       w > L / low_freq_factor
///                    inv_freq[i]                                w < L / high_freq_factor
///                    inv_freq[i] ((1 - s) / factor + s)         between
///
/// Llama 4 Scout has both factors at 1: nothing lies between, and a pair is kept or divided.
/// @throws std::invalid_argument  factor < 1; L <= 0; low_freq_factor <= 0 or > high_freq_factor; NaN, infinite.
/// Accuracy: 4 ulp of double, enforced on Llama 3.1 and 3.2 in tests/.
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
    // A negative frequency turns the other way at the same wavelength.
    const Wide turns = static_cast<Wide>(length) * static_cast<Wide>(std::abs(inv_freq[i])) / two_pi;  // L / w
    if (turns > high) continue;
    const Wide s = turns <= low ? Wide(0) : (turns - low) / (high - low);
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
  return scale_by_factors(frequencies, Eigen::Map<const Eigen::ArrayXd>(factors.data(), size(factors)))
      .with_magnitude(frequencies.magnitude() * magnitude);
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

/// scale_ntk_aware(), with what to call its factor where the base cannot be.
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

/// NTK-aware scaling: base' = base * factor^(d / (d - 2)), d = rotary_dim.
///
/// Equivalently inv_freq[i] * factor^(-2i / (d - 2)): the first pair keeps its frequency, the last is divided by
/// `factor`. Works on any list of frequencies.
/// @param factor  "alpha", >= 1.
/// @throws std::invalid_argument  factor < 1, NaN, or so large that base' is infinite; rotary_dim 2, where the exponent
///                                divides by zero.
/// Accuracy: 2 ulp of double on top of `frequencies`.
/// Source:   bloc97, "NTK-Aware Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.1.
/// Matches:  ExLlama and Hunyuan alpha (vLLM DynamicNTKAlpha), rotary-embedding-torch theta_rescale_factor,
///           x-transformers base_rescale_factor, Qwen-1 ntk_alpha.
inline Frequencies scale_ntk_aware(const Frequencies& frequencies, double factor) {
  detail::require_ntk("scale_ntk_aware", frequencies, factor);
  return detail::ntk_aware("scale_ntk_aware", frequencies, factor, "factor");
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
/// @throws std::invalid_argument   one of these does not hold; a base that becomes infinite; rotary_dim 2.
/// Accuracy: 2 ulp of double on top of `frequencies`.
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
///                                < beta_fast; attention_factor or attn_factor <= 0; a negative mscale;
///                                extrapolation_factor outside [0, 1]; anything NaN or infinite.
/// Accuracy: 4 ulp of double, enforced on the published configurations in tests/.
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

// ---- posenc/learnable/overflow.hpp
/// What a trained table answers past its last row, and which row has no gradient.
#ifndef POSENC_LEARNABLE_OVERFLOW_HPP
#define POSENC_LEARNABLE_OVERFLOW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// What stands at position p >= n of a table of n rows P. Negative positions are an error under every policy.
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

#endif  // POSENC_LEARNABLE_OVERFLOW_HPP

// ---- posenc/detail/row.hpp
/// Rows copied to another scalar, and added to one another: formed in the arithmetic type, rounded once.
#ifndef POSENC_DETAIL_ROW_HPP
#define POSENC_DETAIL_ROW_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr int kRowBlock = 16;

/// to[i] = from[i]; apart.
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

/// to[i] += from[i]; apart.
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

/// target += values, vectors that are apart.
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

// ---- posenc/learnable/rows.hpp
/// What stands behind the lookups in a trained table: which rows a position takes, and the row kernels.
#ifndef POSENC_LEARNABLE_ROWS_HPP
#define POSENC_LEARNABLE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Sequences one after the other: row i stands at first + i % length.
struct SequencePositions {
  std::int64_t first;
  Eigen::Index length;
  Eigen::Index batch;
  std::int64_t operator[](Eigen::Index i) const { return first + i % length; }
};

/// P[row] + ratio (P[outer] - P[0]); outer is 0 but for hierarchical positions, row is -1 where the answer is zero.
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
    if (overflow_ == Overflow::clamp) return {rows_ - 1, 0};
    if (overflow_ == Overflow::zero) return {-1, 0};
    return {static_cast<Eigen::Index>(position % rows_), static_cast<Eigen::Index>(position / rows_)};
  }

  bool has(std::int64_t position) const {
    if (position < 0) return false;
    if (position < rows_ || overflow_ == Overflow::clamp || overflow_ == Overflow::zero) return true;
    return overflow_ == Overflow::hierarchical && position / rows_ < rows_;
  }

  POSENC_COLD void refuse_position(const char* function, const std::string& parameter, std::int64_t position) const {
    if (position < 0) refuse<std::out_of_range>(function, parameter, position, ">= 0");
    const bool squared = overflow_ == Overflow::hierarchical;
    refuse<std::out_of_range>(function, parameter, position, "less than ", rows_, squared ? "^2" : "",
                              squared ? " (rows of the table, squared)" : " (rows of the table)");
  }

 private:
  Overflow overflow_;
  std::int64_t rows_;
  double ratio_;
};

/// Checks `given` against the rows of `x` and the table, then calls action(positions): SequencePositions for an
/// integer or a PositionRange, ListPositions for an Eigen expression.
template <typename Positions, typename Action>
void with_positions(const char* function, const char* parameter, const Positions& given, Eigen::Index x_rows,
                    const Lookup& lookup, Action&& action) {
  if constexpr (std::is_integral_v<Positions> || std::is_same_v<Positions, PositionRange>) {
    PositionRange range{0, x_rows};
    if constexpr (std::is_integral_v<Positions>) {
      range.first = static_cast<std::int64_t>(given);
    } else {
      range = given;
    }
    const RangePositions checked(function, range);
    if (range.count == 0 ? x_rows != 0 : x_rows % range.count != 0) {
      refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x_rows,
                                    "a multiple of positions.count ", range.count);
    }
    if (!lookup.has(range.first)) lookup.refuse_position(function, "positions.first", range.first);
    if (x_rows == 0) return;
    const std::int64_t last = checked[range.count - 1];
    if (!lookup.has(last)) lookup.refuse_position(function, "the last position", last);
    action(SequencePositions{range.first, range.count, x_rows / range.count});
  } else {
    static_assert(std::is_base_of_v<Eigen::EigenBase<Positions>, Positions>,
                  "posenc: positions must be an integer (of the first row), a PositionRange (of each sequence), or an "
                  "Eigen vector of integers");
    static_assert(Eigen::NumTraits<typename Positions::Scalar>::IsInteger,
                  "posenc: positions in a trained table are integers");
    const ListPositions<Positions> positions(function, given);
    if (positions.rows() != x_rows) {
      refuse<std::invalid_argument>(function, "positions.size()", positions.rows(), parameter, ".rows() ", x_rows);
    }
    for (Eigen::Index i = 0; i < x_rows; ++i) {
      if (!lookup.has(positions[i])) lookup.refuse_position(function, element("positions", i), positions[i]);
    }
    action(positions);
  }
}

/// Columns that a row kernel with scratch space on the stack works on at a time.
inline constexpr Eigen::Index kSumChunk = 256;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_ROWS_HPP

// ---- posenc/learnable/backward.hpp
/// The gradient of a trained table.
#ifndef POSENC_LEARNABLE_BACKWARD_HPP
#define POSENC_LEARNABLE_BACKWARD_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Calls add(row, factor) for each table row that a token's gradient goes to.
template <typename Add>
void for_each_trained_row(TableRow at, const LookupOptions& options, double ratio, Add&& add) {
  const Eigen::Index padding = options.padding_row.value_or(-1);
  if (at.row >= 0 && at.row != padding) add(at.row, 1.0);
  if (at.outer == 0) return;
  if (at.outer != padding) add(at.outer, ratio);
  if (padding != 0) add(Eigen::Index(0), -ratio);
}

/// grad += factor * sum over b < batch of grad_out[b * step + i]. The product is rounded before it is added: whether a
/// compiler fuses the two would depend on where a chunk of columns begins, and with it the last bit.
template <typename Grad, typename Out>
void add_summed_row(Grad* grad, const Out* grad_out, Eigen::Index step, Eigen::Index batch, Eigen::Index width,
                    double factor) {
  using Number = ArithmeticScalar<Grad, Out>;
  if constexpr (std::is_same_v<Grad, Number>) {
    if (factor == 1.0) {
      for (Eigen::Index b = 0; b < batch; ++b) add_row(grad, grad_out + b * step, width);
      return;
    }
  }
  for (Eigen::Index first = 0; first < width; first += kSumChunk) {
    const Eigen::Index count = (std::min)(kSumChunk, width - first);
    Number sum[kSumChunk] = {};
    for (Eigen::Index b = 0; b < batch; ++b) add_row(sum, grad_out + b * step + first, count);
    if (factor != 1.0) Eigen::Map<Eigen::Array<Number, Eigen::Dynamic, 1>>(sum, count) *= static_cast<Number>(factor);
    add_row(grad + first, sum, count);
  }
}

template <typename DerivedGrad, typename DerivedOut, typename Positions>
void backward_learned(DerivedGrad& grad_table, const DerivedOut& grad_out, const LookupOptions& options,
                      const Lookup& lookup, const Positions& positions) {
  // Tokens first, ..., first + length - 1, each `batch` times, `length` rows apart.
  Eigen::Index length = grad_out.rows();
  Eigen::Index batch = 1;
  if constexpr (std::is_same_v<Positions, SequencePositions>) {
    length = positions.length;
    batch = positions.batch;
  }
  if constexpr (has_rows_in_memory<DerivedGrad> && has_rows_in_memory<DerivedOut>) {
    if (has_contiguous_rows(grad_table) && has_contiguous_rows(grad_out)) {
      const Eigen::Index stride = grad_out.outerStride();
      for (Eigen::Index t = 0; t < length; ++t) {
        const auto add = [&](Eigen::Index row, double factor) {
          add_summed_row(grad_table.data() + row * grad_table.outerStride(), grad_out.data() + t * stride,
                         length * stride, batch, grad_out.cols(), factor);
        };
        for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
      }
      return;
    }
  }
  using Scalar = typename DerivedGrad::Scalar;
  using Number = ArithmeticScalar<Scalar, typename DerivedOut::Scalar>;
  for (Eigen::Index t = 0; t < length; ++t) {
    const auto add = [&](Eigen::Index row, double factor) {
      for (Eigen::Index column = 0; column < grad_out.cols(); ++column) {
        Number sum(0);
        for (Eigen::Index b = 0; b < batch; ++b) {
          sum = sum + convert<Number>(grad_out.coeff(b * length + t, column));
        }
        Scalar& target = grad_table.coeffRef(row, column);
        target = convert<Scalar>(Number(convert<Number>(target) + Number(factor) * sum));
      }
    };
    for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
  }
}

template <typename DerivedGrad, typename DerivedOut, typename Positions>
void learned_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                      const Eigen::DenseBase<DerivedOut>& grad_out, const Positions& given,
                      const LookupOptions& options) {
  require(grad_table.rows() > 0, function, "grad_table.rows()", grad_table.rows(), "> 0");
  require(grad_out.cols() == grad_table.cols(), function, "grad_out.cols()", grad_out.cols(), "grad_table.cols() ",
          grad_table.cols());
  require_lookup(function, options, grad_table.rows());
  require_apart(function, "grad_table", grad_table, grad_out);
  const Lookup lookup(options, grad_table.rows());
  const auto& grad_out_values = evaluated(grad_out);
  with_positions(function, "grad_out", given, grad_out.rows(), lookup, [&](const auto& positions) {
    backward_learned(grad_table.derived(), grad_out_values, options, lookup, positions);
  });
}

}  // namespace detail

/// Adds the gradient of a trained table: grad_table[p] += sum of grad_out[t] over the tokens t at position p.
///
/// Where a position took two more rows (Overflow::hierarchical: P[i] + r (P[o] - P[0]), r = alpha / (1 - alpha)) all
/// three get their share; zeroed positions have none, clamped ones go to the last row. The padding row gets nothing.
///
/// @param[in,out] grad_table  rows x width, of the table's shape; added to, so set it to zero before the first call.
///                            A float gradient of half outputs is fine, and more accurate than a half one.
/// @param grad_out            tokens x width: the gradient of what encode_learned() or add_learned() put out.
/// @param positions           As given to encode_learned(). A PositionRange is the fast way: its sequences are summed
///                            into a contiguous block.
/// @param options             The table's own: table.options(). There is no default: it names the row that is not
///                            trained.
/// @throws std::invalid_argument  widths differ; another number of positions than rows of grad_out; alpha not in
///                                (0, 1); memory that overlaps.
/// @throws std::out_of_range      as encode_learned(), or a padding_row that is no row. grad_table is then unchanged.
/// Cost:     one addition for each value; no allocation. A column-major or strided gradient element by element.
/// Accuracy: n - 1 roundings for n summands, in order of the tokens (a PositionRange: in order of the batch). Half
///           types are added in float, and rounded after each position.
/// Threads:  split by columns, grad_table.middleCols(a, n) and grad_out.middleCols(a, n): the bits do not depend on how
///           many threads there are. No atomics.
/// Matches:  the weight gradient of nn.Embedding, with padding_idx.
template <typename GradTable, typename DerivedOut, typename Positions>
void learned_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out, const Positions& positions,
                      const LookupOptions& options) {
  detail::learned_backward("learned_backward", detail::written(std::forward<GradTable>(grad_table)), grad_out,
                           positions, options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_BACKWARD_HPP

// ---- posenc/learnable/table.hpp
/// PositionTable: one trained row for each position.
#ifndef POSENC_LEARNABLE_TABLE_HPP
#define POSENC_LEARNABLE_TABLE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A trained table, rows x width: row p is the encoding of position p.
///
/// Either owns its numbers, or refers to a caller's weights, which must outlive it (from wrap_position_table()).
/// Copying copies the numbers in the first case and the reference in the second. Const access from many threads is
/// safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
/// Matches:  nn.Embedding of PyTorch with padding_idx; `wpe` of GPT-2, `position_embeddings` of BERT.
template <typename Scalar_>
class PositionTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a PositionTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

  /// A table of zeros of its own, for mutable_values() and the initialisers to fill.
  /// @throws std::invalid_argument  rows <= 0 or width <= 0; alpha not in (0, 1).
  /// @throws std::out_of_range      options.padding_row is no row.
  /// @throws std::length_error      the table does not fit into memory's index type.
  PositionTable(Eigen::Index rows, Eigen::Index width, const LookupOptions& options = {})
      : PositionTable(nullptr, rows, width, width, options) {
    detail::require_size("PositionTable", "rows", rows, width, sizeof(Scalar));
    storage_ = Matrix::Zero(rows, width);
  }

  /// A table of its own, copied from a matrix and rounded once to Scalar.
  /// @throws  as above.
  template <typename Derived>
  explicit PositionTable(const Eigen::DenseBase<Derived>& values, const LookupOptions& options = {})
      : PositionTable(values.rows(), values.cols(), options) {
    const auto& given = detail::evaluated(values);
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
      for (Eigen::Index i = 0; i < values.cols(); ++i) {
        storage_(row, i) = detail::convert<Scalar>(given.coeff(row, i));
      }
    }
  }

  Eigen::Index rows() const { return rows_; }
  Eigen::Index width() const { return width_; }
  const LookupOptions& options() const { return options_; }
  /// Whether the numbers are the table's own.
  bool owns_data() const { return weights_ == nullptr; }
  /// All rows, rows x width. No copy.
  ConstMap values() const { return ConstMap(row_data(0), rows_, width_, Eigen::OuterStride<>(row_stride_)); }
  /// The table's own numbers, to initialise and to train; the shape must stay.
  /// @throws std::invalid_argument  the table refers to a caller's weights: change those instead.
  Eigen::Map<Matrix> mutable_values() {
    detail::require(owns_data(), "PositionTable::mutable_values", "owns_data()", false, "true");
    return Eigen::Map<Matrix>(storage_.data(), rows_, width_);
  }
  /// The width() numbers of one row.
  const Scalar* row_data(Eigen::Index row) const {
    return (owns_data() ? storage_.data() : weights_) + row * row_stride_;
  }
  Eigen::Index row_stride() const { return row_stride_; }

 private:
  PositionTable(const Scalar* weights, Eigen::Index rows, Eigen::Index width, Eigen::Index row_stride,
                const LookupOptions& options)
      : rows_(rows), width_(width), row_stride_(row_stride), weights_(weights), options_(options) {
    const char* const function = "PositionTable";
    detail::require(rows > 0, function, "rows", rows, "> 0");
    detail::require(width > 0, function, "width", width, "> 0");
    detail::require(rows == 1 || row_stride >= width, function, "row_stride", row_stride, "at least ", width);
    detail::require_lookup(function, options, rows);
  }
  template <typename Scalar>
  friend PositionTable<Scalar> wrap_position_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                                   Eigen::Index row_stride, const LookupOptions& options);

  Eigen::Index rows_;
  Eigen::Index width_;
  Eigen::Index row_stride_;
  const Scalar* weights_;
  LookupOptions options_;
  Matrix storage_;
};

/// Refers to a caller's weights. No copy; they must outlive the table, which sees every change made to them.
///
/// @param weights     Entry (row, i) at weights[row * row_stride + i].
/// @param rows        Number of positions, > 0.
/// @param width       Row length (d_model), > 0.
/// @param row_stride  Distance from row to row, >= width.
/// @throws std::invalid_argument  one of these does not hold; a null pointer; alpha not in (0, 1).
/// @throws std::out_of_range      options.padding_row is no row.
template <typename Scalar>
PositionTable<Scalar> wrap_position_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                          Eigen::Index row_stride, const LookupOptions& options = {}) {
  detail::require(weights != nullptr, "wrap_position_table", "weights", "null", "a valid pointer");
  return PositionTable<Scalar>(weights, rows, width, row_stride, options);
}

/// @overload
/// From an Eigen object in memory: a row-major Matrix, Map, Ref or Block. A temporary matrix does not compile, and
/// neither does a column-major one: there `PositionTable<Scalar>(weights)` copies.
template <typename Derived>
PositionTable<typename Derived::Scalar> wrap_position_table(const Eigen::DenseBase<Derived>& weights,
                                                            const LookupOptions& options = {}) {
  static_assert(detail::has_rows_in_memory<Derived>,
                "posenc: only rows that lie in memory can be wrapped: a row-major Matrix, Map, Ref or Block");
  detail::require(weights.size() == 0 || detail::has_contiguous_rows(weights), "wrap_position_table",
                  "weights.innerStride()", weights.derived().innerStride(), "1");
  detail::require(weights.rows() > 0, "wrap_position_table", "weights.rows()", weights.rows(), "> 0");
  detail::require(weights.cols() > 0, "wrap_position_table", "weights.cols()", weights.cols(), "> 0");
  return wrap_position_table(weights.derived().data(), weights.rows(), weights.cols(), weights.derived().outerStride(),
                             options);
}

/// @overload
template <typename Derived>
PositionTable<typename Derived::Scalar> wrap_position_table(const Eigen::DenseBase<Derived>&& weights,
                                                            const LookupOptions& options = {}) {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the weights are a temporary matrix, and the table would outlive them");
  return wrap_position_table(static_cast<const Eigen::DenseBase<Derived>&>(weights), options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_TABLE_HPP

// ---- posenc/learnable/encode.hpp
/// Writes and adds the rows of a trained table.
#ifndef POSENC_LEARNABLE_ENCODE_HPP
#define POSENC_LEARNABLE_ENCODE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Entry (row, column) of what the lookup found, in Number.
template <typename Number, typename TableScalar>
Number learned_value(const PositionTable<TableScalar>& table, TableRow at, Eigen::Index column, Number ratio) {
  if (at.row < 0) return Number(0);
  const Number value = convert<Number>(table.row_data(at.row)[column]);
  if (at.outer == 0) return value;
  return value +
         ratio * (convert<Number>(table.row_data(at.outer)[column]) - convert<Number>(table.row_data(0)[column]));
}

/// One row of x that lies in memory.
template <bool kAdd, typename Scalar, typename TableScalar>
void write_learned_row(Scalar* x, const PositionTable<TableScalar>& table, TableRow at, double ratio) {
  const Eigen::Index width = table.width();
  if (at.row < 0) {
    if constexpr (!kAdd) std::fill(x, x + width, Scalar(0));
  } else if (at.outer == 0) {
    if constexpr (kAdd) {
      add_row(x, table.row_data(at.row), width);
    } else {
      store_row(x, table.row_data(at.row), width);
    }
  } else {
    using Number = ArithmeticScalar<Scalar, TableScalar>;
    for (Eigen::Index i = 0; i < width; ++i) {
      const Number value = learned_value(table, at, i, static_cast<Number>(ratio));
      x[i] = convert<Scalar>(kAdd ? convert<Number>(x[i]) + value : value);
    }
  }
}

template <bool kAdd, typename Derived, typename TableScalar, typename Positions>
void write_learned(Derived& x, const PositionTable<TableScalar>& table, const Lookup& lookup,
                   const Positions& positions) {
  using Scalar = typename Derived::Scalar;
  if constexpr (has_rows_in_memory<Derived>) {
    if (has_contiguous_rows(x)) {
      for (Eigen::Index row = 0; row < x.rows(); ++row) {
        write_learned_row<kAdd>(x.data() + row * x.outerStride(), table, lookup(positions[row]), lookup.ratio());
      }
      return;
    }
  }
  using Number = ArithmeticScalar<Scalar, TableScalar>;
  const Number ratio = Number(lookup.ratio());
  const auto write = [&](Eigen::Index row, Eigen::Index column, TableRow at) {
    const Number value = learned_value(table, at, column, ratio);
    Scalar& target = x.coeffRef(row, column);
    if constexpr (kAdd) {
      target = convert<Scalar>(Number(convert<Number>(target) + value));
    } else {
      target = convert<Scalar>(value);
    }
  };
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    const TableRow at = lookup(positions[row]);
    for (Eigen::Index column = 0; column < x.cols(); ++column) write(row, column, at);
  }
}

template <bool kAdd, typename Derived, typename TableScalar, typename Positions>
void apply_learned(const char* function, const char* parameter, Eigen::DenseBase<Derived>& x,
                   const PositionTable<TableScalar>& table, const Positions& given) {
  if (x.cols() != table.width()) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), "table.width() ",
                                  table.width());
  }
  require_data(function, parameter, x);
  require_apart(function, parameter, x, table.values());
  const Lookup lookup(table.options(), table.rows());
  with_positions(function, parameter, given, x.rows(), lookup,
                 [&](const auto& positions) { write_learned<kAdd>(x.derived(), table, lookup, positions); });
}

}  // namespace detail

/// Writes the table's row of each token's position into `out`: out[t] = P[position of t].
///
/// @param[out] out   tokens x table.width(): any writable dense Eigen object, row- or column-major, of any real scalar.
/// @param table      What lies past its last row is its own choice, see Overflow.
/// @param positions  An integer: the position of row 0 (0 when left out), the others follow. Or a PositionRange: `out`
///                   holds sequences of `count` rows, each of which starts at `first`. Or an Eigen vector of integers,
///                   one for each row; a [batch, length] matrix of ids is read along its rows. Models that begin
///                   elsewhere: opt_positions(), roberta_positions(); BART is first position + 2.
/// @throws std::invalid_argument  out.cols() is not the table's width; another number of positions than rows; a number
///                                of rows that `count` does not divide; memory shared with the table.
/// @throws std::out_of_range      a position < 0, or one that the table and its Overflow do not have. `out` is
///                                unchanged whenever one is thrown.
/// Cost:     a copy of each row; hierarchical positions past the table one multiplication and two additions for each
///           value. No allocation. Column-major and strided `out` element by element.
/// Accuracy: table rows exactly, rounded once where `out` has another scalar. Hierarchical: 3 roundings of the largest
///           term, half types in float.
/// Threads:  blocks of rows of one `out` may be written at the same time.
/// Source:   Gehring et al. 2017, arXiv:1705.03122, section 3.1; Devlin et al. 2018, arXiv:1810.04805. Hierarchical:
///           Su 2020, kexue.fm/archives/7947.
/// Matches:  nn.Embedding(positions) of PyTorch, PositionEmbedding of bert4keras, PositionEmbedding of CTranslate2.
template <typename Out, typename Scalar, typename Positions = std::int64_t>
void encode_learned(Out&& out, const PositionTable<Scalar>& table, const Positions& positions = 0) {
  detail::apply_learned<false>("encode_learned", "out", detail::written(std::forward<Out>(out)), table, positions);
}

/// Adds the table's row of each token's position to token embeddings, in place: x[t] += P[position of t].
///
/// Parameters and errors are those of encode_learned().
/// Cost:     that of x += y. No allocation.
/// Accuracy: one rounding; half types are added in float, and a double table or x makes the addition double.
template <typename X, typename Scalar, typename Positions = std::int64_t>
void add_learned(X&& x, const PositionTable<Scalar>& table, const Positions& positions = 0) {
  detail::apply_learned<true>("add_learned", "x", detail::written(std::forward<X>(x)), table, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_ENCODE_HPP

// ---- posenc/learnable/fourier.hpp
/// Fourier features of coordinates, with learned or random directions.
#ifndef POSENC_LEARNABLE_FOURIER_HPP
#define POSENC_LEARNABLE_FOURIER_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Conventions of encode_fourier(); the functions below have them by project.
struct FourierOptions {
  ChannelOrder order = ChannelOrder::cos_sin;
  double angle_scale = 1;        ///< Factor on every angle; 2 pi counts full turns.
  double coordinate_scale = 1;   ///< Coordinates are used as coordinate_scale x + coordinate_offset.
  double coordinate_offset = 0;  ///< As above.
  double amplitude = 1;          ///< Factor on the features.
};

/// Learned Fourier features: [cos x W | sin x W] / sqrt(num_features), W ~ N(0, 1 / gamma^2) and trained. The paper's
/// two-layer perceptron that follows is the caller's.
/// @param num_features  Columns of the result, > 0.
/// Source:   Li et al. 2021, arXiv:2106.02795, equation 3.
inline FourierOptions learned_fourier_options(Eigen::Index num_features) {
  detail::require(num_features > 0, "learned_fourier_options", "num_features", num_features, "> 0");
  FourierOptions options;
  options.amplitude = 1 / std::sqrt(static_cast<double>(num_features));
  return options;
}

/// Segment Anything: coordinates in [0, 1] become 2 x - 1, then [sin | cos] of 2 pi x G, G ~ N(0, scale^2) and fixed.
/// Matches:  PositionEmbeddingRandom, with make_pixel_centres() for its grid.
inline FourierOptions segment_anything_fourier_options() {
  return {ChannelOrder::sin_cos, 6.283185307179586, 2.0, -1.0, 1.0};
}

/// Noise levels of score models: [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  GaussianFourierProjection of diffusers with flip_sin_to_cos=False; set order to cos_sin for True, and give
///           log(x) where the model has log=True.
inline FourierOptions gaussian_fourier_options() { return {ChannelOrder::sin_cos, 6.283185307179586, 1.0, 0.0, 1.0}; }

/// The centres of height x width pixels in [0, 1]: row y * width + x holds ((x + 1/2) / width, (y + 1/2) / height).
/// @throws std::invalid_argument  height or width negative.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> make_pixel_centres(Eigen::Index height, Eigen::Index width) {
  detail::require(height >= 0, "make_pixel_centres", "height", height, ">= 0");
  detail::require(width >= 0, "make_pixel_centres", "width", width, ">= 0");
  detail::require_size("make_pixel_centres", "height", height, width, 2 * sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> centres(height * width, 2);
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      centres(y * width + x, 0) = detail::convert<Scalar>((static_cast<double>(x) + 0.5) / static_cast<double>(width));
      centres(y * width + x, 1) = detail::convert<Scalar>((static_cast<double>(y) + 0.5) / static_cast<double>(height));
    }
  }
  return centres;
}

namespace detail {

template <typename DerivedX, typename DerivedW>
void require_fourier(const char* function, const char* features_name, Eigen::Index rows, Eigen::Index cols,
                     const Eigen::DenseBase<DerivedX>& coordinates, const Eigen::DenseBase<DerivedW>& weights,
                     const FourierOptions& options) {
  static_assert(is_storage<typename DerivedX::Scalar> && is_storage<typename DerivedW::Scalar>,
                "posenc: coordinates and weights are float, double, Eigen::half or Eigen::bfloat16");
  require(weights.rows() == coordinates.cols(), function, "weights.rows()", weights.rows(), "coordinates.cols() ",
          coordinates.cols());
  const std::string name = features_name;
  if (rows != coordinates.rows()) {
    refuse<std::invalid_argument>(function, name + ".rows()", rows, "coordinates.rows() ", coordinates.rows());
  }
  if (cols % 2 != 0 || cols / 2 != weights.cols()) {
    refuse<std::invalid_argument>(function, name + ".cols()", cols, "2 * weights.cols() ", 2 * weights.cols());
  }
  require(is_finite(options.angle_scale), function, "angle_scale", options.angle_scale, "finite");
  require(is_finite(options.coordinate_scale), function, "coordinate_scale", options.coordinate_scale, "finite");
  require(is_finite(options.coordinate_offset), function, "coordinate_offset", options.coordinate_offset, "finite");
  require(is_finite(options.amplitude), function, "amplitude", options.amplitude, "finite");
}

/// Calls sink(token, feature, cos, sin) for every angle, worked out in double in blocks on the stack.
template <typename DerivedX, typename DerivedW, typename Sink>
void for_each_feature(const DerivedX& coordinates, const DerivedW& weights, const FourierOptions& options,
                      Sink&& sink) {
  alignas(64) double angle[kAngleBlock];
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  for (Eigen::Index token = 0; token < coordinates.rows(); ++token) {
    for (Eigen::Index first = 0; first < weights.cols(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), weights.cols() - first));
      std::fill(angle, angle + kAngleBlock, 0.0);
      for (Eigen::Index m = 0; m < weights.rows(); ++m) {
        const double x =
            options.coordinate_scale * static_cast<double>(coordinates.coeff(token, m)) + options.coordinate_offset;
        for (int i = 0; i < count; ++i) angle[i] += x * static_cast<double>(weights.coeff(m, first + i));
      }
      double largest = 0;
      for (int i = 0; i < count; ++i) {
        angle[i] *= options.angle_scale;
        largest = (std::max)(largest, std::abs(angle[i]));
      }
      sin_cos(angle, largest, 1.0, kAngleBlock, cosine, sine);
      for (int i = 0; i < count; ++i) sink(token, first + i, cosine[i], sine[i]);
    }
  }
}

/// Columns of the sine and the cosine of a feature.
struct FeatureColumns {
  Eigen::Index step;
  Eigen::Index sine_at;
  Eigen::Index cosine_at;
  FeatureColumns(ChannelOrder order, Eigen::Index num_features)
      : step(order == ChannelOrder::interleaved ? 2 : 1),
        sine_at(order == ChannelOrder::cos_sin ? num_features : 0),
        cosine_at(order == ChannelOrder::interleaved ? 1 : num_features - sine_at) {}
  Eigen::Index sine(Eigen::Index feature) const { return sine_at + feature * step; }
  Eigen::Index cosine(Eigen::Index feature) const { return cosine_at + feature * step; }
};

template <typename DerivedOut, typename DerivedX, typename DerivedW>
void encode_fourier(Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedX>& coordinates,
                    const Eigen::DenseBase<DerivedW>& weights, const FourierOptions& options) {
  using Scalar = typename DerivedOut::Scalar;
  require_fourier("encode_fourier", "out", out.rows(), out.cols(), coordinates, weights, options);
  require_apart("encode_fourier", "out", out, coordinates);
  require_apart("encode_fourier", "out", out, weights);
  const FeatureColumns columns(options.order, weights.cols());
  for_each_feature(evaluated(coordinates), evaluated(weights), options,
                   [&](Eigen::Index token, Eigen::Index feature, double cosine, double sine) {
                     out.derived().coeffRef(token, columns.sine(feature)) = convert<Scalar>(options.amplitude * sine);
                     out.derived().coeffRef(token, columns.cosine(feature)) =
                         convert<Scalar>(options.amplitude * cosine);
                   });
}

}  // namespace detail

/// Writes Fourier features of coordinates: with a[t, f] = angle_scale sum over m of x[t, m] W[m, f], feature f is
///
///     g cos(a[t, f]),  g sin(a[t, f])        x = coordinate_scale coordinates + coordinate_offset,  g = amplitude
///
/// @param[out] out     tokens x 2 F: any writable dense Eigen object.
/// @param coordinates  tokens x M: pixels, points, time; float, double or half types.
/// @param weights      M x F: the directions W, such as fill_normal() draws them.
/// @param options      Conventions: learned_fourier_options(), segment_anything_fourier_options(),
///                     gaussian_fourier_options().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     M multiply-adds, and the polynomials of a sine and a cosine, for each feature; no allocation.
/// Accuracy: double |error| <= g (2^-51 + (M + 3) 2^-53 angle_scale sum over m of |x W|); float rounds that once more.
/// Source:   Li et al. 2021, arXiv:2106.02795; Tancik et al. 2020, arXiv:2006.10739.
template <typename Out, typename DerivedX, typename DerivedW>
void encode_fourier(Out&& out, const Eigen::DenseBase<DerivedX>& coordinates, const Eigen::DenseBase<DerivedW>& weights,
                    const FourierOptions& options) {
  detail::encode_fourier(detail::written(std::forward<Out>(out)), coordinates, weights, options);
}

/// Adds the gradients of encode_fourier() to those of its directions and its coordinates. With the bracket
/// b[t, f] = g angle_scale (dL/dsin[t, f] cos a[t, f] - dL/dcos[t, f] sin a[t, f]),
///
///     grad_weights[m, f] += sum over t of x[t, m] b[t, f]
///     grad_coordinates[t, m] += coordinate_scale sum over f of W[m, f] b[t, f]
///
/// @param[in,out] grad_weights      M x F; added to.
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param grad_out                  tokens x 2 F: the gradient of what encode_fourier() put out.
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite. Nothing is then written.
/// Cost:     3 M multiply-adds, a sine and a cosine for each feature; no allocation.
/// Accuracy: each summand is formed in double and added in the gradient's own scalar.
template <typename GradWeights, typename GradCoordinates, typename DerivedOut, typename DerivedX, typename DerivedW>
void fourier_backward(GradWeights&& grad_weights, GradCoordinates&& grad_coordinates,
                      const Eigen::DenseBase<DerivedOut>& grad_out, const Eigen::DenseBase<DerivedX>& coordinates,
                      const Eigen::DenseBase<DerivedW>& weights, const FourierOptions& options) {
  const char* const function = "fourier_backward";
  auto& dweights = detail::written(std::forward<GradWeights>(grad_weights));
  auto& dcoordinates = detail::written(std::forward<GradCoordinates>(grad_coordinates));
  detail::require_fourier(function, "grad_out", grad_out.rows(), grad_out.cols(), coordinates, weights, options);
  detail::require_shape(function, "grad_weights", dweights, weights.rows(), weights.cols());
  detail::require_shape(function, "grad_coordinates", dcoordinates, coordinates.rows(), coordinates.cols());
  const auto& grad_out_values = detail::evaluated(grad_out);
  const auto& coordinates_values = detail::evaluated(coordinates);
  const auto& weights_values = detail::evaluated(weights);
  const detail::FeatureColumns columns(options.order, weights_values.cols());
  const auto add = [](auto& target, double value) {
    using Scalar = std::decay_t<decltype(target)>;
    target = detail::convert<Scalar>(static_cast<double>(target) + value);
  };
  detail::for_each_feature(
      coordinates_values, weights_values, options,
      [&](Eigen::Index token, Eigen::Index feature, double cosine, double sine) {
        const double by_sine = static_cast<double>(grad_out_values.coeff(token, columns.sine(feature)));
        const double by_cosine = static_cast<double>(grad_out_values.coeff(token, columns.cosine(feature)));
        const double bracket = options.amplitude * options.angle_scale * (by_sine * cosine - by_cosine * sine);
        for (Eigen::Index m = 0; m < weights_values.rows(); ++m) {
          const double x = options.coordinate_scale * static_cast<double>(coordinates_values.coeff(token, m)) +
                           options.coordinate_offset;
          const double w = static_cast<double>(weights_values.coeff(m, feature));
          add(dweights.coeffRef(m, feature), x * bracket);
          add(dcoordinates.coeffRef(token, m), options.coordinate_scale * w * bracket);
        }
      });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_FOURIER_HPP

// ---- posenc/detail/random.hpp
/// Random numbers with the same bits on every platform: the engine is the standard's, the distributions are posenc's.
///
/// Only operations that IEEE 754 rounds correctly take part (+ - * / sqrt, std::fma), and every product that is added
/// to goes through std::fma, so that it does not matter whether a compiler fuses. -ffast-math voids that.
#ifndef POSENC_DETAIL_RANDOM_HPP
#define POSENC_DETAIL_RANDOM_HPP

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
template <int kCount>
double polynomial(const double (&c)[kCount], double x) {
  double sum = c[kCount - 1];
  for (int i = kCount - 2; i >= 0; --i) sum = std::fma(sum, x, c[i]);
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
  static constexpr double kCentre[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                       1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                       3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double kCentreBelow[] = {1.,
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
    return q * polynomial(kCentre, r) / polynomial(kCentreBelow, r);
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

#endif  // POSENC_DETAIL_RANDOM_HPP

// ---- posenc/learnable/initialise.hpp
/// Initial values of a trained table: seeded, and the same bits on every platform.
///
/// Value k of the seed's sequence goes to row k / width, column k % width, whatever the storage order; each takes one
/// output of std::mt19937_64, which the standard fixes bit by bit. The distributions are not the standard's and do
/// without libm, which differ between platforms. All values are formed in double and rounded once.
/// -ffast-math voids the promise.
#ifndef POSENC_LEARNABLE_INITIALISE_HPP
#define POSENC_LEARNABLE_INITIALISE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// fill_truncated_normal(): defaults of BERT and timm's ViT. The bounds are values, not multiples of `stddev`.
struct TruncatedNormal {
  double mean = 0;
  double stddev = 0.02;
  double low = -2;
  double high = 2;
};

namespace detail {

template <typename Derived, typename Next>
void fill_rows(Eigen::DenseBase<Derived>& out, Next&& next) {
  for (Eigen::Index row = 0; row < out.rows(); ++row) {
    for (Eigen::Index i = 0; i < out.cols(); ++i) {
      out.derived().coeffRef(row, i) = convert<typename Derived::Scalar>(next());
    }
  }
}

template <typename Derived>
void fill_normal(const char* function, Eigen::DenseBase<Derived>& out, std::uint64_t seed, double stddev, double mean) {
  require(is_finite(stddev) && stddev >= 0, function, "stddev", stddev, "finite and >= 0");
  require(is_finite(mean), function, "mean", mean, "finite");
  UniformSource uniform(seed);
  fill_rows(out, [&] { return std::fma(stddev, normal_quantile(uniform()), mean); });
}

template <typename Derived>
void fill_uniform(const char* function, Eigen::DenseBase<Derived>& out, std::uint64_t seed, double low, double high) {
  require(is_finite(low), function, "low", low, "finite");
  require(is_finite(high) && is_finite(high - low) && low <= high, function, "high", high, "finite and at least low ",
          low);
  UniformSource uniform(seed);
  fill_rows(out, [&] { return std::fma(high - low, uniform(), low); });
}

template <typename Derived>
void fill_truncated_normal(Eigen::DenseBase<Derived>& out, std::uint64_t seed, const TruncatedNormal& options) {
  const char* const function = "fill_truncated_normal";
  require(is_finite(options.mean), function, "mean", options.mean, "finite");
  require(is_finite(options.stddev) && options.stddev > 0, function, "stddev", options.stddev, "finite and > 0");
  require(is_finite(options.low), function, "low", options.low, "finite");
  require(is_finite(options.high) && options.low < options.high, function, "high", options.high,
          "finite and greater than low ", options.low);
  double low = (options.low - options.mean) / options.stddev;
  double high = (options.high - options.mean) / options.stddev;
  constexpr double furthest = 37;  // shares beyond are below the smallest normal double
  require(low < furthest, function, "low", options.low, "less than 37 stddev above the mean");
  require(high > -furthest, function, "high", options.high, "less than 37 stddev below the mean");
  const double sign = low > 0 ? -1 : 1;  // the lower tail is the one that doubles resolve
  if (sign < 0) {
    std::swap(low, high);
    low = -low;
    high = -high;
  }
  const double share_low = normal_share_below(low);
  const double share_high = normal_share_below(high);
  UniformSource uniform(seed);
  fill_rows(out, [&] {
    const double share = (std::min)(std::fma(share_high - share_low, uniform(), share_low), 1 - 0x1p-53);
    const double z = sign * normal_quantile(share);
    return (std::min)((std::max)(std::fma(options.stddev, z, options.mean), options.low), options.high);
  });
}

inline double xavier_scale(const char* function, double gain, Eigen::Index rows, Eigen::Index cols) {
  require(is_finite(gain) && gain >= 0, function, "gain", gain, "finite and >= 0");
  const double sum = static_cast<double>(rows) + static_cast<double>(cols);
  return sum == 0 ? 0.0 : gain * std::sqrt(2 / sum);
}

template <typename Derived>
void fill_sinusoidal(Eigen::DenseBase<Derived>& out, const Frequencies& frequencies, ChannelOrder order) {
  using Scalar = typename Derived::Scalar;
  const Eigen::Index pairs = frequencies.num_pairs();
  require(out.cols() == 2 * pairs, "fill_sinusoidal", "out.cols()", out.cols(), "2 * frequencies.num_pairs() ",
          2 * pairs);
  const Eigen::Index step = order == ChannelOrder::interleaved ? 2 : 1;
  const Eigen::Index sine_at = order == ChannelOrder::cos_sin ? pairs : 0;
  const Eigen::Index cosine_at = order == ChannelOrder::interleaved ? 1 : pairs - sine_at;
  for_each_angle(frequencies, frequencies.magnitude(), RangePositions("fill_sinusoidal", PositionRange{0, out.rows()}),
                 [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
                   for (int i = 0; i < count; ++i) {
                     out.derived().coeffRef(row, sine_at + (pair + i) * step) = convert<Scalar>(sine[i]);
                     out.derived().coeffRef(row, cosine_at + (pair + i) * step) = convert<Scalar>(cosine[i]);
                   }
                 });
}

}  // namespace detail

/// Zeros: the start of PositionEmbedding in bert4keras, and of tables that are added to a pretrained model.
///
/// @param[out] out  rows x width: any writable dense Eigen object, such as PositionTable::mutable_values().
template <typename Out>
void fill_zeros(Out&& out) {
  detail::fill_rows(detail::written(std::forward<Out>(out)), [] { return 0.0; });
}

/// Independent normal numbers N(mean, stddev^2), by the inverse of the distribution function.
///
/// @param[out] out  rows x width: any writable dense Eigen object.
/// @param seed      Of std::mt19937_64.
/// @param stddev    Standard deviation, finite and >= 0: GPT-2 0.01, BERT and RoBERTa 0.02, fairseq width^-0.5.
/// @throws std::invalid_argument  stddev negative; anything NaN or infinite. `out` is then unchanged.
/// Accuracy: quantiles to 2e-15 relative.
/// Source:   Wichura 1988, Applied Statistics 37(3), AS 241.
/// Matches:  nn.init.normal_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_normal(Out&& out, std::uint64_t seed, double stddev, double mean = 0) {
  detail::fill_normal("fill_normal", detail::written(std::forward<Out>(out)), seed, stddev, mean);
}

/// Independent normal numbers that lie in [low, high]: what lies outside is cut off, not clamped.
///
/// @param[out] out  rows x width: any writable dense Eigen object.
/// @param options   low < high in absolute units, so that stddev 0.02 with bounds +-2 cuts at 100 stddev. TensorFlow
///                  and bert4keras cut at 2 stddev: low = -0.04, high = 0.04.
/// @throws std::invalid_argument  stddev <= 0; low >= high; bounds more than 37 stddev on one side of the mean;
///                                anything NaN or infinite. `out` is then unchanged.
/// Matches:  nn.init.trunc_normal_ of PyTorch and timm in distribution, not in the numbers.
template <typename Out>
void fill_truncated_normal(Out&& out, std::uint64_t seed, const TruncatedNormal& options = {}) {
  detail::fill_truncated_normal(detail::written(std::forward<Out>(out)), seed, options);
}

/// Independent numbers, uniform in [low, high]. flashlight: -0.1, 0.1.
/// @throws std::invalid_argument  low > high, or anything NaN or infinite. `out` is then unchanged.
/// Matches:  nn.init.uniform_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_uniform(Out&& out, std::uint64_t seed, double low, double high) {
  detail::fill_uniform("fill_uniform", detail::written(std::forward<Out>(out)), seed, low, high);
}

/// Xavier (Glorot): uniform in +-gain sqrt(6 / (rows + width)).
/// @throws std::invalid_argument  gain negative, NaN or infinite. `out` is then unchanged.
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_uniform_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_xavier_uniform(Out&& out, std::uint64_t seed, double gain = 1) {
  auto& target = detail::written(std::forward<Out>(out));
  const double bound = std::sqrt(3.0) * detail::xavier_scale("fill_xavier_uniform", gain, target.rows(), target.cols());
  detail::fill_uniform("fill_xavier_uniform", target, seed, -bound, bound);
}

/// Xavier (Glorot): normal with standard deviation gain sqrt(2 / (rows + width)).
/// @throws std::invalid_argument  gain negative, NaN or infinite. `out` is then unchanged.
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_normal_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_xavier_normal(Out&& out, std::uint64_t seed, double gain = 1) {
  auto& target = detail::written(std::forward<Out>(out));
  const double stddev = detail::xavier_scale("fill_xavier_normal", gain, target.rows(), target.cols());
  detail::fill_normal("fill_xavier_normal", target, seed, stddev, 0.0);
}

/// The sinusoidal table of positions 0, 1, ..., as a start for training: the values of encode_sinusoidal().
///
/// @param[out] out     rows x 2 frequencies.num_pairs(): any writable dense Eigen object.
/// @param frequencies  One for each sine, such as geometric_frequencies(width, 10000); its magnitude is a factor.
/// @param order        Where sines and cosines stand.
/// @throws std::invalid_argument  another width. `out` is then unchanged.
/// Accuracy: float |error| <= magnitude (2^-25 + 2^-40 + |angle| 2^-51). The frequencies come from std::pow, whose last
///           bit is the platform's.
/// Matches:  the Sinusoidal initializer of bert4keras.
template <typename Out>
void fill_sinusoidal(Out&& out, const Frequencies& frequencies, ChannelOrder order = ChannelOrder::interleaved) {
  detail::fill_sinusoidal(detail::written(std::forward<Out>(out)), frequencies, order);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_INITIALISE_HPP

// ---- posenc/detail/npy_header.hpp
/// The header of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (512, 128), }, spaces, a newline.
#ifndef POSENC_DETAIL_NPY_HEADER_HPP
#define POSENC_DETAIL_NPY_HEADER_HPP

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

#endif  // POSENC_DETAIL_NPY_HEADER_HPP

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
///           allocated.
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
/// The file must end with the array.
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
template <typename Derived>
void write_npy(std::ostream& out, const Eigen::DenseBase<Derived>& values,
               const std::vector<Eigen::Index>& shape = {}) {
  detail::write_npy(out, detail::npy_start(values, shape), values);
}

/// @overload
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

// ---- posenc/learnable/position_ids.hpp
/// The position ids of models that count real tokens only: OPT and RoBERTa.
#ifndef POSENC_LEARNABLE_POSITION_IDS_HPP
#define POSENC_LEARNABLE_POSITION_IDS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of OPT: the k-th real token (k from 0) stands at k + 2, pads at 1.
///
/// @param mask  batch x (past + length): not zero where a token is real, cached tokens included. Any scalar.
/// @param past  Number of cached tokens, whose positions are left out; in [0, mask.cols()].
/// @returns     batch x length.
/// @throws std::invalid_argument  past is outside of that.
/// Matches:  OPTLearnedPositionalEmbedding of Hugging Face. BART and mBART count pads too: first position past + 2.
template <typename Derived>
PositionIds opt_positions(const Eigen::DenseBase<Derived>& mask, Eigen::Index past = 0) {
  return detail::masked_positions("opt_positions", mask, past,
                                  [](std::int64_t count, bool real) { return real ? count + 1 : std::int64_t(1); });
}

/// Positions of RoBERTa: the k-th real token (k from 0) stands at padding_idx + 1 + k, pads at padding_idx.
///
/// @param token_ids    batch x length; a pad is a token with the id `padding_idx`. Integers.
/// @param padding_idx  Id of the pad token and row of the table that is not trained, >= 0; 1 in RoBERTa.
/// @param past         Number of cached tokens in front, >= 0.
/// @throws std::invalid_argument  padding_idx or past negative.
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

#endif  // POSENC_LEARNABLE_POSITION_IDS_HPP

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
  /// Adds a tap to the row that end_row() will close. Equal neighbours are merged, zeros left out.
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

/// Where output i of a linear resize reads.
enum class LinearRule {
  half_pixel,     ///< max((i + 1/2) from / to - 1/2, 0): PyTorch align_corners=False
  align_corners,  ///< i (from - 1) / (to - 1): PyTorch align_corners=True
  scaled          ///< i from / to: position interpolation
};

/// Linear interpolation from `from` rows to `to`, both > 0; past the last row its value stays.
inline Taps linear_taps(Eigen::Index from, Eigen::Index to, LinearRule rule) {
  if (from == to) return identity_taps(from);
  const double n = static_cast<double>(from);
  const double m = static_cast<double>(to);
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double t = static_cast<double>(i);
    const double at = rule == LinearRule::half_pixel      ? (std::max)((t + 0.5) * n / m - 0.5, 0.0)
                      : rule == LinearRule::align_corners ? (to == 1 ? 0.0 : t * (n - 1) / (m - 1))
                                                          : t * n / m;
    const Eigen::Index low = (std::min)(static_cast<Eigen::Index>(at), from - 1);
    const Eigen::Index high = (std::min)(low + 1, from - 1);
    const double share = at - static_cast<double>(low);
    taps.add(low, high == low ? 1.0 : 1.0 - share);
    taps.add(high, high == low ? 0.0 : share);
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

/// The same with the kernel stretched by from / to where the result is smaller, cut at the border and normalised.
/// As PyTorch antialias=True and Pillow: a = -0.5.
inline Taps antialiased_cubic_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(from);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = (std::max)(scale, 1.0);
  Taps taps;
  std::vector<double> weights;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const Eigen::Index begin = (std::max)(static_cast<Eigen::Index>(centre - 2 * stretch + 0.5), Eigen::Index(0));
    const Eigen::Index end = (std::min)(static_cast<Eigen::Index>(centre + 2 * stretch + 0.5), from);
    weights.clear();
    double sum = 0;
    for (Eigen::Index j = begin; j < end; ++j) {
      weights.push_back(cubic_kernel((static_cast<double>(j) + 0.5 - centre) / stretch, -0.5));
      sum += weights.back();
    }
    for (Eigen::Index j = begin; j < end; ++j) taps.add(j, weights[static_cast<std::size_t>(j - begin)] / sum);
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
template <bool kAdd, typename Out, typename In>
void apply_taps(Out& out, const In& in, const Taps& taps) {
  using Scalar = typename Out::Scalar;
  using Number = std::conditional_t<is_storage<Scalar>, double, Scalar>;
  constexpr Eigen::Index chunk = 64;
  for (Eigen::Index row = 0; row < out.rows(); ++row) {
    const std::size_t begin = taps.first[static_cast<std::size_t>(row)];
    const std::size_t end = taps.first[static_cast<std::size_t>(row) + 1];
    if (!kAdd && end == begin + 1 && taps.weight[begin] == 1.0) {
      for (Eigen::Index i = 0; i < out.cols(); ++i) {
        out.coeffRef(row, i) = convert<Scalar>(in.coeff(taps.source[begin], i));
      }
      continue;
    }
    for (Eigen::Index first = 0; first < out.cols(); first += chunk) {
      const Eigen::Index count = (std::min)(chunk, out.cols() - first);
      Number sum[chunk];
      for (Eigen::Index i = 0; i < count; ++i) {
        sum[i] = kAdd ? convert<Number>(out.coeff(row, first + i)) : Number(0);
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

// ---- posenc/learnable/resize.hpp
/// Brings a trained table to another number of positions.
#ifndef POSENC_LEARNABLE_RESIZE_HPP
#define POSENC_LEARNABLE_RESIZE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename DerivedOut, typename DerivedIn>
void require_resize(const char* function, const char* out_name, const Eigen::DenseBase<DerivedOut>& out,
                    const char* in_name, const Eigen::DenseBase<DerivedIn>& in) {
  const auto name = [](const char* parameter, const char* field) { return std::string(parameter) + field; };
  if (in.rows() <= 0) refuse<std::invalid_argument>(function, name(in_name, ".rows()"), in.rows(), "> 0");
  if (out.rows() <= 0) refuse<std::invalid_argument>(function, name(out_name, ".rows()"), out.rows(), "> 0");
  if (out.cols() != in.cols()) {
    refuse<std::invalid_argument>(function, name(out_name, ".cols()"), out.cols(), in_name, ".cols() ", in.cols());
  }
  require_apart(function, out_name, out, in);
}

template <typename DerivedOut, typename DerivedIn>
void resize_rows(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedIn>& table,
                 LinearRule rule) {
  require_resize(function, "out", out, "table", table);
  apply_taps<false>(out.derived(), evaluated(table), linear_taps(table.rows(), out.rows(), rule));
}

template <typename DerivedGrad, typename DerivedOut>
void resize_rows_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                          const Eigen::DenseBase<DerivedOut>& grad_out, LinearRule rule) {
  require_resize(function, "grad_table", grad_table, "grad_out", grad_out);
  const Taps taps = linear_taps(grad_table.rows(), grad_out.rows(), rule);
  apply_taps<true>(grad_table.derived(), evaluated(grad_out), transposed(taps, grad_table.rows()));
}

/// A table of the distances -(n - 1), ..., n - 1 has 2 n - 1 rows.
inline void require_odd(const char* function, const std::string& parameter, Eigen::Index rows) {
  if (rows % 2 == 0) refuse<std::invalid_argument>(function, parameter, rows, "odd (2 n - 1 distances)");
}

}  // namespace detail

/// Resizes a table along its positions, the rows being pixels with their centres at 1/2, 3/2, ...:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = max((t + 1/2) from / to - 1/2, 0),  i + 1 at most from - 1
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Matches:  F.interpolate(mode="linear", align_corners=False) of PyTorch.
template <typename Out, typename Derived>
void resize_linear(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("resize_linear", detail::written(std::forward<Out>(out)), table, detail::LinearRule::half_pixel);
}

/// The adjoint of resize_linear(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_linear_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("resize_linear_backward", detail::written(std::forward<GradTable>(grad_table)), grad_out,
                               detail::LinearRule::half_pixel);
}

/// Resizes a table along its positions, first row to first row and last to last:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = t (from - 1) / (to - 1)
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Matches:  F.interpolate(mode="linear", align_corners=True) of PyTorch.
template <typename Out, typename Derived>
void resize_align_corners(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("resize_align_corners", detail::written(std::forward<Out>(out)), table,
                      detail::LinearRule::align_corners);
}

/// The adjoint of resize_align_corners(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_align_corners_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("resize_align_corners_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, detail::LinearRule::align_corners);
}

/// Position interpolation of a trained table: position t reads at t from / to.
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = t from / to,  i + 1 at most from - 1
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Source:   Chen et al. 2023, arXiv:2306.15595, which does this to RoPE: scale_linear() there.
template <typename Out, typename Derived>
void interpolate_positions(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("interpolate_positions", detail::written(std::forward<Out>(out)), table,
                      detail::LinearRule::scaled);
}

/// The adjoint of interpolate_positions(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void interpolate_positions_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("interpolate_positions_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, detail::LinearRule::scaled);
}

/// Resizes a table of relative distances -(n - 1), ..., n - 1 to another n, linearly with half-pixel centres.
///
/// @param[out] out  2 n' - 1 rows of the table's width.
/// @param table     2 n - 1 rows.
/// @throws std::invalid_argument  an even number of rows; otherwise as resize_linear(), whose cost and accuracy it has.
/// Matches:  get_rel_pos of Segment Anything and MViTv2.
template <typename Out, typename Derived>
void resize_relative(Out&& out, const Eigen::DenseBase<Derived>& table) {
  auto& target = detail::written(std::forward<Out>(out));
  detail::require_odd("resize_relative", "table.rows()", table.rows());
  detail::require_odd("resize_relative", "out.rows()", target.rows());
  detail::resize_rows("resize_relative", target, table, detail::LinearRule::half_pixel);
}

/// The adjoint of resize_relative(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_relative_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  auto& target = detail::written(std::forward<GradTable>(grad_table));
  detail::require_odd("resize_relative_backward", "grad_out.rows()", grad_out.rows());
  detail::require_odd("resize_relative_backward", "grad_table.rows()", target.rows());
  detail::resize_rows_backward("resize_relative_backward", target, grad_out, detail::LinearRule::half_pixel);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_HPP

// ---- posenc/learnable/resize_grid.hpp
/// Brings a trained table of a grid to another grid.
#ifndef POSENC_LEARNABLE_RESIZE_GRID_HPP
#define POSENC_LEARNABLE_RESIZE_GRID_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The grids of a two-dimensional table: `prefix` rows (class and register tokens), then height x width patches, row
/// by row. Neither need be square.
///
///     c r | p00 p01 p02 | p10 p11 p12        prefix 2, from 2 x 3
struct GridResize {
  Eigen::Index from_height = 0;  ///< Of the table that is read.
  Eigen::Index from_width = 0;
  Eigen::Index to_height = 0;  ///< Of the result.
  Eigen::Index to_width = 0;
  Eigen::Index prefix = 0;  ///< Rows in front that are copied.
};

namespace detail {

inline void require_grid(const char* function, const char* height_name, Eigen::Index height, const char* width_name,
                         Eigen::Index width, Eigen::Index prefix, const std::string& rows_name, Eigen::Index rows) {
  require(height > 0, function, height_name, height, "> 0");
  require(width > 0, function, width_name, width, "> 0");
  require(prefix >= 0, function, "prefix", prefix, ">= 0");
  if (prefix > rows || (rows - prefix) / height != width || (rows - prefix) % height != 0) {
    refuse<std::invalid_argument>(function, rows_name, rows, prefix, " + ", height, " * ", width);
  }
}

using AxisTaps = Taps (*)(Eigen::Index, Eigen::Index);

inline Taps resize_grid_taps(const GridResize& grid, AxisTaps axis_taps) {
  return grid_taps(axis_taps(grid.from_height, grid.to_height), axis_taps(grid.from_width, grid.to_width),
                   grid.from_width, grid.prefix);
}

template <typename DerivedOut, typename DerivedIn>
void resize_grid(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedIn>& table,
                 const GridResize& grid, AxisTaps axis_taps) {
  require_resize(function, "out", out, "table", table);
  require_grid(function, "from_height", grid.from_height, "from_width", grid.from_width, grid.prefix, "table.rows()",
               table.rows());
  require_grid(function, "to_height", grid.to_height, "to_width", grid.to_width, grid.prefix, "out.rows()", out.rows());
  apply_taps<false>(out.derived(), evaluated(table), resize_grid_taps(grid, axis_taps));
}

template <typename DerivedGrad, typename DerivedOut>
void resize_grid_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                          const Eigen::DenseBase<DerivedOut>& grad_out, const GridResize& grid, AxisTaps axis_taps) {
  require_resize(function, "grad_table", grad_table, "grad_out", grad_out);
  require_grid(function, "from_height", grid.from_height, "from_width", grid.from_width, grid.prefix,
               "grad_table.rows()", grad_table.rows());
  require_grid(function, "to_height", grid.to_height, "to_width", grid.to_width, grid.prefix, "grad_out.rows()",
               grad_out.rows());
  apply_taps<true>(grad_table.derived(), evaluated(grad_out),
                   transposed(resize_grid_taps(grid, axis_taps), grad_table.rows()));
}

}  // namespace detail

/// Resizes the grid of a two-dimensional table with the cubic kernel of Keys, a = -0.75, prefix rows copied.
///
/// Along each axis, out[i] = sum over k = -1, ..., 2 of c(f - k) P[j + k] where j + f = (i + 1/2) from / to - 1/2 and j
/// is whole. That is not clamped; indices outside repeat the border.
///
/// @param[out] out  grid.prefix + grid.to_height * grid.to_width rows of the table's width.
/// @param table     grid.prefix + grid.from_height * grid.from_width rows.
/// @throws std::invalid_argument  other numbers of rows; a grid that is empty; prefix < 0; widths differ; memory that
///                                overlaps. `out` is then unchanged.
/// Cost:     16 multiply-adds for each value, and a list of as many weights for each row.
/// Accuracy: formed in double, |error| <= 16 (from_height + from_width) 2^-52 max|table|, and rounded once. Equal grids
///           copy bit for bit.
/// Source:   Keys 1981, IEEE TASSP 29(6).
/// Matches:  F.interpolate(mode="bicubic", align_corners=False) of PyTorch given a size: Hugging Face ViT, DeiT, MAE,
///           Swin; ggml_interpolate with BICUBIC.
template <typename Out, typename Derived>
void resize_bicubic(Out&& out, const Eigen::DenseBase<Derived>& table, const GridResize& grid) {
  detail::resize_grid("resize_bicubic", detail::written(std::forward<Out>(out)), table, grid, detail::cubic_taps);
}

/// The adjoint of resize_bicubic(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_bicubic_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out,
                             const GridResize& grid) {
  detail::resize_grid_backward("resize_bicubic_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, grid, detail::cubic_taps);
}

/// resize_bicubic() with antialiasing: a = -0.5, the kernel stretched by from / to along an axis that shrinks, its
/// weights cut at the border and normalised. Parameters and errors are those of resize_bicubic().
/// Cost:     4 max(from_height / to_height, 1) * 4 max(from_width / to_width, 1) multiply-adds for each value.
/// Matches:  F.interpolate(mode="bicubic", antialias=True) of PyTorch, resample_abs_pos_embed of timm, Pillow.
template <typename Out, typename Derived>
void resize_bicubic_antialiased(Out&& out, const Eigen::DenseBase<Derived>& table, const GridResize& grid) {
  detail::resize_grid("resize_bicubic_antialiased", detail::written(std::forward<Out>(out)), table, grid,
                      detail::antialiased_cubic_taps);
}

/// The adjoint of resize_bicubic_antialiased(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_bicubic_antialiased_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out,
                                         const GridResize& grid) {
  detail::resize_grid_backward("resize_bicubic_antialiased_backward",
                               detail::written(std::forward<GradTable>(grad_table)), grad_out, grid,
                               detail::antialiased_cubic_taps);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_GRID_HPP

// ---- posenc/learnable.hpp
/// Trained tables: one learned row for each position.
#ifndef POSENC_LEARNABLE_HPP
#define POSENC_LEARNABLE_HPP

#endif  // POSENC_LEARNABLE_HPP

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
/// A plain description that owns nothing; apply_rope() checks it. For strides of one's own, fill the fields in: where
/// something is written, heads may not lie in one another, and each stride reaches past what the smaller ones cover.
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

namespace detail {

template <typename T>
inline constexpr bool is_heads_view = false;
template <typename Scalar>
inline constexpr bool is_heads_view<HeadsView<Scalar>> = true;

/// int for what is no HeadsView, which has overloads of its own.
template <typename X>
using IfNoView = std::enable_if_t<!is_heads_view<std::decay_t<X>>, int>;

}  // namespace detail

/// [batch, seq_len, num_heads, head_dim]: flash-attention, vLLM, what a projection puts out.
/// @param data  batch * seq_len * num_heads * head_dim numbers without gaps; const for what is only read.
template <typename Scalar>
HeadsView<Scalar> view_blhd(Scalar* data, Eigen::Index batch, Eigen::Index seq_len, Eigen::Index num_heads,
                            Eigen::Index head_dim) {
  const Eigen::Index token = num_heads * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, seq_len * token, token, head_dim};
}

/// [batch, num_heads, seq_len, head_dim]: Hugging Face, ONNX 4-D, CTranslate2.
/// @param data  As for view_blhd(), in that order.
template <typename Scalar>
HeadsView<Scalar> view_bhld(Scalar* data, Eigen::Index batch, Eigen::Index num_heads, Eigen::Index seq_len,
                            Eigen::Index head_dim) {
  const Eigen::Index head = seq_len * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, num_heads * head, head_dim, head};
}

/// [tokens, num_heads * head_dim], sequences packed one after the other: vLLM, flash-attention varlen.
/// @param data  As for view_blhd() with a batch of one.
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
  /// @param offset    First channel that turns, in [0, head_dim). Not rotary_dim: how many turn, the table says.
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

// ---- posenc/rope/checks.hpp
/// What apply_rope() asks of windows and of views over raw buffers.
#ifndef POSENC_ROPE_CHECKS_HPP
#define POSENC_ROPE_CHECKS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename TableScalar>
void require_window(const char* function, const RopeLayout& layout, const FrequencyTable<TableScalar>& table) {
  require(table.rotary_dim() <= layout.head_dim() - layout.offset(), function, "table.rotary_dim()", table.rotary_dim(),
          "at most ", layout.head_dim() - layout.offset(), " (head_dim ", layout.head_dim(), " - offset ",
          layout.offset(), ")");
}

inline std::uint64_t distance_of(Eigen::Index stride) {
  return stride < 0 ? 0 - static_cast<std::uint64_t>(stride) : static_cast<std::uint64_t>(stride);
}

template <typename Scalar>
void require_view(const char* function, const char* parameter, const HeadsView<Scalar>& x, const RopeLayout& layout) {
  const std::string name = parameter;
  constexpr std::uint64_t limit =  // of each axis and of a head, so that all of them together fit
      static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar) / 4;
  const auto require_axis = [&](const char* field, Eigen::Index count, Eigen::Index stride) {
    if (count < 0) refuse<std::invalid_argument>(function, name + field, count, ">= 0");
    const std::uint64_t steps = count > 1 ? static_cast<std::uint64_t>(count) - 1 : 0;
    const std::uint64_t distance = distance_of(stride);
    if ((steps | distance) >> 28 == 0) return;  // no division is needed to see that the product is small
    if (distance > 0 && steps > limit / distance) {
      refuse<std::length_error>(function, name + field, count, "at most ", limit / distance + 1, " for a stride of ",
                                stride);
    }
  };
  require_axis(".batch", x.batch, x.batch_stride);
  require_axis(".seq_len", x.seq_len, x.token_stride);
  require_axis(".num_heads", x.num_heads, x.head_stride);
  if (x.head_dim != layout.head_dim()) {
    refuse<std::invalid_argument>(function, name + ".head_dim", x.head_dim, "layout.head_dim() ", layout.head_dim());
  }
  require_size(function, "layout.head_dim()", x.head_dim, 1, 4 * sizeof(Scalar));
  if (x.data == nullptr && x.batch > 0 && x.seq_len > 0 && x.num_heads > 0) {
    refuse<std::invalid_argument>(function, name + ".data", "null", "a valid pointer");
  }
}

/// Heads of a view that is written to may not lie in one another: each would turn more than once. Each stride must
/// reach past what the smaller ones cover; one that was left out is 0.
template <typename Scalar>
void require_heads_apart(const char* function, const char* parameter, const HeadsView<Scalar>& x) {
  if (x.batch == 0 || x.seq_len == 0 || x.num_heads == 0) return;
  struct Axis {
    const char* field;
    Eigen::Index count;
    Eigen::Index stride;
  };
  Axis axes[] = {{".head_stride", x.num_heads, x.head_stride},
                 {".token_stride", x.seq_len, x.token_stride},
                 {".batch_stride", x.batch, x.batch_stride}};
  for (const int i : {0, 1, 0}) {  // by distance
    if (distance_of(axes[i + 1].stride) < distance_of(axes[i].stride)) std::swap(axes[i], axes[i + 1]);
  }
  std::uint64_t covered = static_cast<std::uint64_t>(x.head_dim);
  for (const Axis& axis : axes) {
    if (axis.count == 1) continue;
    const std::uint64_t distance = distance_of(axis.stride);
    if (distance < covered) {
      refuse<std::invalid_argument>(function, parameter + std::string(axis.field), axis.stride, "at least ", covered,
                                    " forwards or backwards (what lies within)");
    }
    covered += (static_cast<std::uint64_t>(axis.count) - 1) * distance;
  }
}

template <typename Scalar>
MemoryExtent extent_of(const HeadsView<Scalar>& x) {
  MemoryExtent extent;
  extent.first = reinterpret_cast<std::intptr_t>(x.data);
  extent.bytes = static_cast<std::intptr_t>(x.head_dim) * static_cast<std::intptr_t>(sizeof(Scalar));
  extent.set_axis(0, x.batch, x.batch_stride, sizeof(Scalar));
  extent.set_axis(1, x.seq_len, x.token_stride, sizeof(Scalar));
  extent.set_axis(2, x.num_heads, x.head_stride, sizeof(Scalar));
  return extent;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CHECKS_HPP

// ---- posenc/rope/rows.hpp
/// Which table row a token takes: a run from `first_row`, or a list with one row for each token.
#ifndef POSENC_ROPE_ROWS_HPP
#define POSENC_ROPE_ROWS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Token i takes row first + i. Made only when all of them exist.
class RowRun {
 public:
  RowRun(const char* function, Eigen::Index first, Eigen::Index tokens, Eigen::Index table_rows) : first_(first) {
    require_in_range(first >= 0, function, "first_row", first, ">= 0");
    require_in_range(tokens <= table_rows, function, "table.rows()", table_rows, "at least ", tokens, " (tokens)");
    require_in_range(first <= table_rows - tokens, function, "first_row", first, "at most ", table_rows - tokens, " (",
                     table_rows, " rows of the table - ", tokens, " tokens)");
  }
  Eigen::Index operator()(Eigen::Index token) const { return first_ + token; }
  const RowRun& from(Eigen::Index) const { return *this; }  // every sequence of a batch takes the same rows

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
    const Eigen::Index at = first_ + i;
    return static_cast<Eigen::Index>(columns == 1 ? rows_.coeff(at, 0) : rows_.coeff(at / columns, at % columns));
  }
  /// The list without its first entries.
  RowList from(Eigen::Index first) const {
    RowList rest = *this;
    rest.first_ = first_ + first;
    return rest;
  }

 private:
  const Derived& rows_;
  Eigen::Index first_ = 0;
};

/// RowRun for an integer, RowList for an Eigen expression of integers.
template <typename Rows>
auto make_rows(const char* function, const Rows& rows, Eigen::Index tokens, Eigen::Index table_rows) {
  if constexpr (std::is_integral_v<Rows>) {
    return RowRun(function, static_cast<Eigen::Index>(rows), tokens, table_rows);
  } else {
    static_assert(is_dense<Rows>, "posenc: `rows` must be an integer (the first row) or an Eigen vector of integers");
    return RowList(function, rows, tokens, table_rows);  // of a base class for v.head(n)
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROWS_HPP

// ---- posenc/rope/rotate.hpp
/// The rotation kernels: all heads of one token, contiguous in memory, by one row of a table.
///
/// Eigen expressions of fixed size, with the cosines and sines of a tile in registers while all heads pass by. That
/// reaches the speed of an in-place scale from the second-level cache on (benchmarks/). Interleaved pairs are complex
/// numbers, and Eigen has packets for those.
#ifndef POSENC_ROPE_ROTATE_HPP
#define POSENC_ROPE_ROTATE_HPP

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

/// Pairs of a tile: four registers of them, with AVX-512 a whole head of 128 channels. Straight code for all of it has
/// more cache lines on their way at once. More would not find registers.
template <typename Number>
inline constexpr int kTilePairs = 4 * kPacket<Number>;

inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

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
    cast_block<Count>(values.data(), data);
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
    cast_block<count>(data, numbers.data());
  }
}

/// The first channel of a tile in head 0, and the way to the next head.
template <typename Scalar>
struct HeadChannels {
  Scalar* data;
  Eigen::Index stride;

  HeadChannels from(Eigen::Index channel) const { return {data + channel, stride}; }
};

// A tile of `Pairs` pairs in every head. All of a head's tile is loaded before any of it is stored: `in` may be `out`.

/// `half` is the distance of partners. `cos` and `sin` hold one value per pair.
template <int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_half_split(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                           Eigen::Index half, const Number* cos, const Number* sin) {
  const auto c = load<Pairs, Number>(cos);
  const auto s = load<Pairs, Number>(sin);
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const auto a = load<Pairs, Number>(in.data);
    const auto b = load<Pairs, Number>(in.data + half);
    store(out.data, a * c - b * s);
    store(out.data + half, a * s + b * c);
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// Pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_interleaved(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                            const Number* cos_sin) {
  using Complex = Eigen::Array<std::complex<Number>, Pairs, 1>;
  const auto reals = load<2 * Pairs, Number>(cos_sin);
  const Complex turn = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(reals.data()));
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    auto channels = load<2 * Pairs, Number>(in.data);
    if constexpr (kHasPackets && Pairs > 1) {
      Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(channels.data()));
      numbers = turn * numbers;
    } else {
      for (int k = 0; k < 2 * Pairs; k += 2) {
        const Number a = channels[k];
        const Number b = channels[k + 1];
        channels[k] = a * reals[k] - b * reals[k + 1];
        channels[k + 1] = a * reals[k + 1] + b * reals[k];
      }
    }
    store(out.data, channels);
    in.data += in.stride;
    out.data += out.stride;
  }
}

template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads, Eigen::Index half,
                 const Number* turns, const Number* sines, Eigen::Index count);

/// `count` pairs in every head, in tiles of `Pairs` pairs and the rest in smaller ones: four registers, one, then 4
/// pairs, then pair by pair. Few steps, because each is compiled code.
/// `turns` holds c.. and `sines` s.., or, for pairs of neighbours, `turns` holds c0 s0 c1 s1 ..
template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_pairs(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                      Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count) {
  constexpr int channels = HalfSplit ? Pairs : 2 * Pairs;
  for (; count >= Pairs; count -= Pairs) {
    if constexpr (HalfSplit) {
      rotate_half_split<Pairs>(out, in, num_heads, half, turns, sines);
    } else {
      rotate_interleaved<Pairs>(out, in, num_heads, turns);
    }
    out = out.from(channels);
    in = in.from(channels);
    turns += channels;
    sines += Pairs;
  }
  if constexpr (Pairs > 1) {
    constexpr int packet = HalfSplit ? kPacket<Number> : kPacket<Number> / 2;
    constexpr int smaller = Pairs > packet ? packet : Pairs > 4 ? 4 : 1;
    if (count > 0) rotate_rest<HalfSplit, smaller>(out, in, num_heads, half, turns, sines, count);
  }
}

/// A function of its own: what is left seldom matters, and its code would push the whole tiles out of the way.
template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
POSENC_KERNEL void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                               Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count) {
  rotate_pairs<HalfSplit, Pairs>(out, in, num_heads, half, turns, sines, count);
}

/// `count` table numbers, times a factor, as the kernels read them: c0 s0 c1 s1 .. from `to` on, or cosines there and
/// sines from to + kRowChunk on. The table's pairs are Step apart. Plain loops: compilers make vector code of them.
template <bool Interleave, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Factor cos_factor, Factor sin_factor,
                 Eigen::Index count) {
  constexpr int width = Interleave ? 2 : 1;
  constexpr Eigen::Index sines = Interleave ? 1 : kRowChunk;
  for (Eigen::Index i = 0; i < count; ++i) {
    to[width * i] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * cos_factor);
    to[width * i + sines] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * sin_factor);
  }
}

/// The same for either step of the table. Signs are exact in any type; other factors are applied in double.
template <bool Interleave, typename Number, typename TableScalar>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Eigen::Index step, Turn turn,
                 Eigen::Index count) {
  const auto prepare = [&](auto factor) {
    const auto sin_factor = turn.backwards ? -factor : factor;
    if (step == 1) {
      prepare_row<Interleave, 1>(to, cos, sin, factor, sin_factor, count);
    } else {
      prepare_row<Interleave, 2>(to, cos, sin, factor, sin_factor, count);
    }
  };
  if (turn.scale == 1.0) {
    prepare(Number(1));
  } else {
    prepare(turn.scale);
  }
}

/// The type that a rotation is computed in.
template <typename Out, typename In, typename TableScalar>
using RotationScalar = ArithmeticScalar<In, std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>>;

/// The window of head 0 of token 0, and the way to the next head and to the next token.
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

/// Turns one token by table row `row`, which is brought into the form of the kernels first.
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_token_prepared(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                         const FrequencyTable<TableScalar>& table, Eigen::Index row, Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index half = table.num_pairs();
  const Eigen::Index step = table.pair_stride();
  alignas(64) Number turns[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const Eigen::Index channel = HalfSplit ? first : 2 * first;
    prepare_row<!HalfSplit>(turns, table.cos_data(row) + first * step, table.sin_data(row) + first * step, step, turn,
                            count);
    rotate_pairs<HalfSplit, kTilePairs<Number>>(out.from(channel), in.from(channel), num_heads, half, turns,
                                                turns + kRowChunk, count);
  }
}

/// Whether the table's rows have the form of the kernels.
template <bool HalfSplit, typename Number, typename TableScalar>
bool is_prepared(const FrequencyTable<TableScalar>& table, Turn turn) {
  const bool fitting = HalfSplit ? table.pair_stride() == 1 : table.layout() == TableLayout::paired;
  return std::is_same_v<TableScalar, Number> && fitting && !turn.backwards && turn.scale == 1.0;
}

/// Turns the window of every head of `tokens` tokens by the table's rows from `first_row` on.
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_run(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                              Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, Eigen::Index first_row,
                              Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  if constexpr (std::is_same_v<TableScalar, Number>) {
    if (is_prepared<HalfSplit, Number>(table, turn)) {
      for (Eigen::Index i = 0; i < tokens; ++i) {
        rotate_pairs<HalfSplit, kTilePairs<Number>>(out.token(i), in.token(i), num_heads, table.num_pairs(),
                                                    table.cos_data(first_row + i), table.sin_data(first_row + i),
                                                    table.num_pairs());
      }
      return;
    }
  }
  for (Eigen::Index i = 0; i < tokens; ++i) {
    rotate_token_prepared<HalfSplit>(out.token(i), in.token(i), num_heads, table, first_row + i, turn);
  }
}

/// The same where a head's tokens follow one another ([B, H, L, D]). A token's heads are then a power of two apart, as
/// a rule, and a store to one delays loads from the next: four heads at a time, and few tokens, so that the table's
/// rows stay near (bench_rope, half_split_bhld).
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
void rotate_run_by_heads(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                         Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, Eigen::Index first_row,
                         Turn turn) {
  constexpr Eigen::Index some_tokens = 32;
  constexpr Eigen::Index some_heads = 4;
  for (Eigen::Index i = 0; i < tokens; i += some_tokens) {
    for (Eigen::Index head = 0; head < num_heads; head += some_heads) {
      rotate_run<HalfSplit>(out.from(i, head), in.from(i, head), (std::min)(some_tokens, tokens - i),
                            (std::min)(some_heads, num_heads - head), table, first_row + i, turn);
    }
  }
}

/// Turns the window of every head of all tokens. `in` and `out` are the same or apart.
template <bool HalfSplit, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_tokens(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                   Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, const Rows& rows, Turn turn) {
  if constexpr (std::is_same_v<Rows, RowRun>) {
    using Number = RotationScalar<Out, In, TableScalar>;
    if (out.token_stride < out.head_stride && is_prepared<HalfSplit, Number>(table, turn)) {
      rotate_run_by_heads<HalfSplit>(out, in, tokens, num_heads, table, rows(0), turn);
    } else {
      rotate_run<HalfSplit>(out, in, tokens, num_heads, table, rows(0), turn);
    }
  } else {
    for (Eigen::Index i = 0; i < tokens; ++i) {
      rotate_run<HalfSplit>(out.from(i, 0), in.from(i, 0), 1, num_heads, table, rows(i), turn);
    }
  }
}

template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_tokens(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                   Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, const Rows& rows, RopePairs pairs,
                   Turn turn) {
  if (pairs == RopePairs::half_split) {
    rotate_tokens<true>(out, in, tokens, num_heads, table, rows, turn);
  } else {
    rotate_tokens<false>(out, in, tokens, num_heads, table, rows, turn);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROTATE_HPP

// ---- posenc/rope/rotate_columns.hpp
/// The rotation kernel of column-major matrices, where a channel's tokens follow one another in memory.
#ifndef POSENC_ROPE_ROTATE_COLUMNS_HPP
#define POSENC_ROPE_ROTATE_COLUMNS_HPP

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

/// Turns `Count` tokens from `token` on: the cosines and sines of a pair stay in registers while all heads pass by.
template <int Count, typename Out, typename In, typename TableScalar, typename Rows>
POSENC_KERNEL void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
                                  Eigen::Index token, Eigen::Index num_heads, const FrequencyTable<TableScalar>& table,
                                  const RopeLayout& layout, const Rows& rows, Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index partner = half_split ? pairs : 1;
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  for (Eigen::Index pair = 0; pair < pairs; ++pair) {
    Eigen::Array<Number, Count, 1> c, s;
    for (int i = 0; i < Count; ++i) {
      const Eigen::Index row = rows(token + i);
      const Eigen::Index entry = pair * table.pair_stride();
      c[i] = static_cast<Number>(static_cast<double>(table.cos_data(row)[entry]) * turn.scale);
      s[i] = static_cast<Number>(static_cast<double>(table.sin_data(row)[entry]) * sin_scale);
    }
    const Eigen::Index first = half_split ? pair : 2 * pair;
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      const Eigen::Index channel = head * layout.head_dim() + first;
      const auto a = load<Count, Number>(in.at(channel) + token);
      const auto b = load<Count, Number>(in.at(channel + partner) + token);
      store(out.at(channel) + token, a * c - b * s);
      store(out.at(channel + partner) + token, a * s + b * c);
    }
  }
}

/// Turns the window of every head of all tokens. `in` and `out` are the same or apart.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                    Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                    const Rows& rows, Turn turn) {
  constexpr int block = kPacket<RotationScalar<Out, In, TableScalar>>;
  Eigen::Index token = 0;
  for (; token + block <= tokens; token += block) {
    rotate_columns<block>(out, in, token, num_heads, table, layout, rows, turn);
  }
  for (; token + 4 <= tokens; token += 4) rotate_columns<4>(out, in, token, num_heads, table, layout, rows, turn);
  for (; token < tokens; ++token) rotate_columns<1>(out, in, token, num_heads, table, layout, rows, turn);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROTATE_COLUMNS_HPP

// ---- posenc/rope/rotate_elements.hpp
/// The rotation of what the kernels do not know: other expressions, scalars and strides.
#ifndef POSENC_ROPE_ROTATE_ELEMENTS_HPP
#define POSENC_ROPE_ROTATE_ELEMENTS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Turns one pair of elements at a time: any Eigen expression, any scalar, any stride.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_elements(Out& out, const In& in, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                     const Rows& rows, Turn turn) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
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

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROTATE_ELEMENTS_HPP

// ---- posenc/rope/dispatch.hpp
/// What stands behind every apply_rope...(): checks, then the kernel that fits the strides.
#ifndef POSENC_ROPE_DISPATCH_HPP
#define POSENC_ROPE_DISPATCH_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

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

/// All checks, then the rotation of `in` into `out`, which are one object or apart.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rope_matrix(const char* function, Out& out, const In& in, const FrequencyTable<TableScalar>& table,
                 const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  require_window(function, layout, table);
  const Eigen::Index num_heads = in.cols() / layout.head_dim();
  require(num_heads * layout.head_dim() == in.cols(), function, "x.cols()", in.cols(), "a multiple of head_dim ",
          layout.head_dim());
  require_data(function, "x", in);
  const auto rows = make_rows(function, row_choice, in.rows(), table.rows());
  if (in.size() == 0) return;
  if constexpr (is_in_memory<Out> && is_in_memory<In>) {
    using OutScalar = typename Out::Scalar;
    using InScalar = const typename In::Scalar;
    const Eigen::Index offset = layout.offset();
    if (out.colStride() == 1 && in.colStride() == 1) {  // a token's channels follow one another
      const TokenRows<OutScalar> to{out.data() + offset, layout.head_dim(), out.rowStride()};
      const TokenRows<InScalar> from{in.data() + offset, layout.head_dim(), in.rowStride()};
      rotate_tokens(to, from, in.rows(), num_heads, table, rows, layout.pairs(), turn);
      return;
    }
    if (out.rowStride() == 1 && in.rowStride() == 1) {  // a channel's tokens do
      const ChannelColumns<OutScalar> to{out.data() + offset * out.colStride(), out.colStride()};
      const ChannelColumns<InScalar> from{in.data() + offset * in.colStride(), in.colStride()};
      rotate_columns(to, from, in.rows(), num_heads, table, layout, rows, turn);
      return;
    }
  }
  rotate_elements(out, in, table, layout, rows, turn);
}

template <typename Derived, typename TableScalar, typename Rows>
void rope_in_place(const char* function, Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                   const RopeLayout& layout, const Rows& rows, Turn turn) {
  rope_matrix(function, x.derived(), x.derived(), table, layout, rows, turn);
}

template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows>
void rope_into(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows, Turn turn) {
  require_shape(function, "out", out, x.rows(), x.cols());
  require(!overlap_partially(out, x), function, "out", "overlapping memory", "x itself or apart from it");
  const auto& in = evaluated(x);
  rope_matrix(function, out.derived(), in, table, layout, rows, turn);
  copy_unturned(out.derived(), in, table.rotary_dim(), layout);
}

/// A list of rows holds one for each token of a sequence, shared by the batch, or one for each token of the batch.
template <bool InPlace, typename Out, typename In, typename TableScalar, typename Rows>
void rope_view(const char* function, const HeadsView<Out>& out, const HeadsView<In>& in,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  static_assert(!std::is_const_v<Out>, "posenc: the view that is written to must not hold const values");
  static_assert(is_storage<std::remove_const_t<Out>> && is_storage<std::remove_const_t<In>>,
                "posenc: a HeadsView holds float, double, Eigen::half or Eigen::bfloat16");
  require_view(function, "x", in, layout);
  if constexpr (!InPlace) require_view(function, "out", out, layout);
  require_heads_apart(function, InPlace ? "x" : "out", out);
  require(out.batch == in.batch, function, "out.batch", out.batch, "x.batch ", in.batch);
  require(out.seq_len == in.seq_len, function, "out.seq_len", out.seq_len, "x.seq_len ", in.seq_len);
  require(out.num_heads == in.num_heads, function, "out.num_heads", out.num_heads, "x.num_heads ", in.num_heads);
  require(!overlap_partially(extent_of(out), extent_of(in), std::is_same_v<Out, std::remove_const_t<In>>), function,
          "out", "overlapping memory", "x itself or apart from it");
  require_window(function, layout, table);
  bool row_for_each_token = false;
  if constexpr (!std::is_integral_v<Rows>) row_for_each_token = row_choice.size() != in.seq_len;
  const Eigen::Index listed = row_for_each_token ? in.batch * in.seq_len : in.seq_len;
  const auto rows = make_rows(function, row_choice, listed, table.rows());
  using ConstIn = const std::remove_const_t<In>;
  if (in.seq_len == 0 || in.num_heads == 0) return;  // data may be null then
  for (Eigen::Index b = 0; b < in.batch; ++b) {
    const TokenRows<Out> to_rows{out.data + b * out.batch_stride + layout.offset(), out.head_stride, out.token_stride};
    const TokenRows<ConstIn> from_rows{in.data + b * in.batch_stride + layout.offset(), in.head_stride,
                                       in.token_stride};
    rotate_tokens(to_rows, from_rows, in.seq_len, in.num_heads, table,
                  rows.from(row_for_each_token ? b * in.seq_len : 0), layout.pairs(), turn);
    if (InPlace) continue;
    for (Eigen::Index t = 0; t < in.seq_len; ++t) {
      ConstIn* const from = in.data + b * in.batch_stride + t * in.token_stride;
      Out* const to = out.data + b * out.batch_stride + t * out.token_stride;
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

#endif  // POSENC_ROPE_DISPATCH_HPP

// ---- posenc/rope/apply.hpp
/// apply_rope(): turns queries and keys, with its inverse and its adjoint.
#ifndef POSENC_ROPE_APPLY_HPP
#define POSENC_ROPE_APPLY_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline Turn forward_turn() { return {false, 1.0}; }
inline Turn adjoint_turn() { return {true, 1.0}; }
template <typename TableScalar>
Turn inverse_turn(const char* function, const FrequencyTable<TableScalar>& table) {
  const double magnitude = table.magnitude();
  require(magnitude > 0, function, "table.magnitude()", magnitude,
          "> 0 (the inverse of an xPos table is the adjoint of its counterpart)");
  return {true, 1.0 / (magnitude * magnitude)};
}

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
/// @param[in,out] x  tokens x (num_heads * head_dim), any number of heads: any writable dense Eigen object (Matrix,
///                   Map, Block, Ref, transpose), row- or column-major. float, double, Eigen::half, Eigen::bfloat16,
///                   or any Eigen scalar. What writes through may be a temporary, such as `qkv.leftCols(n)`; a
///                   temporary matrix does not compile. Zero tokens or zero heads are no error.
/// @param table      Rows that the tokens need; of any storage scalar.
/// @param layout     head_dim, which channels pair up, and the first one that turns.
/// @param rows       An integer: the row of token 0 (0 when left out; the number of cached tokens, for a table that
///                   starts at position 0). Or an Eigen vector of integers, one row for each token.
/// @throws std::invalid_argument  x.cols() no multiple of head_dim; offset + rotary_dim > head_dim; a list of another
///                                length than tokens; null data.
/// @throws std::out_of_range      a row that the table does not have. x is unchanged whenever one is thrown.
///
/// Cost:     4 multiplications and 2 additions for each pair; no allocation, no copy of x. Row-major x at the speed of
///           an in-place scale from the second-level cache on; column-major x by a kernel of its own; other strides,
///           and `out` and x in different orders, element by element.
/// Accuracy: |error| <= 3 eps (|a cos| + |b sin|), eps = 2^-24 for float and half types (which are computed in float
///           and rounded once more), 2^-53 for double. A double table or result makes all of the arithmetic double.
/// Threads:  reads `table` only; blocks of rows of one x may be turned at the same time.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.4.2.
/// Matches:  apply_rotary_pos_emb of Hugging Face, rotary_embedding of vLLM, ggml_rope_ext_inplace, mlx.fast.rope,
///           ONNX RotaryEmbedding.
template <typename X, typename TableScalar, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope(X&& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope", detail::written(std::forward<X>(x)), table, layout, rows, detail::forward_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
/// @throws std::invalid_argument  besides those above: a negative size; a stride that does not reach past what the
///                                smaller ones cover.
/// @throws std::length_error      a view beyond memory.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope", x, x, table, layout, rows, detail::forward_turn());
}

/// Turns `x` into `out`, for instance float projections straight into a half or bfloat16 cache: rounded once.
///
/// @param[out] out  Same shape as x; may be x itself. Channels that do not turn are copied.
/// @param x         Any dense Eigen expression. What is in memory is not copied; a product is computed once, on the
///                  heap.
/// @throws std::invalid_argument  besides those of apply_rope(): another shape, or memory that overlaps x partially.
template <typename Out, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_into(Out&& out, const Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                     const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_into", detail::written(std::forward<Out>(out)), x, table, layout, rows,
                    detail::forward_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                     const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_into", out, x, table, layout, rows, detail::forward_turn());
}

/// Undoes apply_rope(): R(-t) / A. Parameters, errors and cost are those of apply_rope().
/// @throws std::invalid_argument  besides: a table of make_xpos_tables(), which has no single A.
/// Matches:  the `inverse` flag of vLLM and apply(cos, -sin) of DeepSeek-V4, which are right for A = 1 only.
template <typename X, typename TableScalar, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope_inverse(X&& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_inverse", detail::written(std::forward<X>(x)), table, layout, rows,
                        detail::inverse_turn("apply_rope_inverse", table));
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope_inverse", x, x, table, layout, rows,
                          detail::inverse_turn("apply_rope_inverse", table));
}

/// apply_rope_inverse() from `x` into `out`, as apply_rope_into() does.
template <typename Out, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse_into(Out&& out, const Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_inverse_into", detail::written(std::forward<Out>(out)), x, table, layout, rows,
                    detail::inverse_turn("apply_rope_inverse_into", table));
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_inverse_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_inverse_into", out, x, table, layout, rows,
                           detail::inverse_turn("apply_rope_inverse_into", table));
}

/// The gradient of apply_rope(): A R(-t), which takes dL/d(output) to dL/d(input). Equal to the inverse only for A = 1.
/// Parameters, errors and cost are those of apply_rope().
/// Matches:  ggml_rope_ext_back, flash-attention conjugate=True, the vjp of mlx.fast.rope.
template <typename X, typename TableScalar, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope_adjoint(X&& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_adjoint", detail::written(std::forward<X>(x)), table, layout, rows,
                        detail::adjoint_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint(const HeadsView<Scalar>& x, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope_adjoint", x, x, table, layout, rows, detail::adjoint_turn());
}

/// apply_rope_adjoint() from `x` into `out`, as apply_rope_into() does.
template <typename Out, typename Derived, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(Out&& out, const Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_adjoint_into", detail::written(std::forward<Out>(out)), x, table, layout, rows,
                    detail::adjoint_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename TableScalar, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x,
                             const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_adjoint_into", out, x, table, layout, rows, detail::adjoint_turn());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_HPP

// ---- posenc/rope/cached_keys.hpp
/// Tables that turn keys which are in a cache, and so turned already: to other positions, to other frequencies.
#ifndef POSENC_ROPE_CACHED_KEYS_HPP
#define POSENC_ROPE_CACHED_KEYS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_keys_id(const char* function, std::uint64_t keys_id, std::uint64_t expected, const char* what) {
  require(keys_id == 0 || keys_id == expected, function, "keys_id", keys_id, "0 or ", expected, " (", what, ")");
}

/// Turns what `from` has turned into what `to` would have: the angle p (to - from), the magnitude A_to / A_from.
inline Frequencies rescaling(const char* function, const Frequencies& from, const Frequencies& to) {
  require(to.num_pairs() == from.num_pairs(), function, "to.num_pairs()", to.num_pairs(), "from.num_pairs() ",
          from.num_pairs());
  return Frequencies(to.inv_freq() - from.inv_freq(), to.magnitude() / from.magnitude());
}

}  // namespace detail

/// Moves cached keys by `deltas` positions: apply_rope(keys, table, layout) with this table takes R(p) k to R(p +
/// delta) k.
///
/// What a sliding cache needs after tokens in front were dropped (delta = -dropped), and what a prefix needs that is
/// reused at another place. The magnitude is in the keys already and is not applied again, however often they move.
/// @tparam Scalar       as make_table(). float is right for half and bfloat16 caches too: keys are rounded once.
/// @param frequencies   What the keys were turned with.
/// @param deltas        One for each token that moves: integers or real numbers. For one delta of all tokens pass a
///                      vector of one and let every token take row 0 (a list of zeros as `rows`).
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  keys_id is not that of an exact table of `frequencies`; a delta that is NaN or
///                                infinite.
/// Cost:     as make_table() and apply_rope(): nothing is computed again from hidden states.
/// Accuracy: that of a table at the position delta. Every move rounds the keys once more to their scalar.
/// Source:   R(a) R(b) = R(a + b); llama.cpp K-shift (pull request 3228), StreamingLLM, Xiao et al. 2023,
///           arXiv:2309.17453.
/// Matches:  K-shift of llama.cpp without YaRN; with YaRN it multiplies keys by A at every shift, posenc does not.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& deltas,
                                        std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_shift_table", keys_id, frequencies.id(), "frequencies.id()");
  return make_table<Scalar>(frequencies.with_magnitude(1), deltas);
}

/// @overload
/// Keys of a multi-axis model: deltas is tokens x axes.num_axes().
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_shift_table(const Frequencies& frequencies, const AxisMap& axes,
                                        const Eigen::DenseBase<Derived>& deltas, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_shift_table", keys_id, axes.id(frequencies), "axes.id(frequencies)");
  return make_table<Scalar>(frequencies.with_magnitude(1), axes, deltas);
}

/// Takes cached keys from one set of frequencies to another: apply_rope(keys, table, layout) with this table takes
/// A R(p) k of `from` to A' R'(p) k of `to`.
///
/// This makes rules that depend on the length right with a cache: when dynamic NTK changes its base, or LongRoPE
/// crosses from the short to the long factors, the keys follow. It needs the positions that the keys stand at.
/// @param from, to      Frequencies of equal length.
/// @param positions     One for each token: those that the keys were cached with.
/// @param keys_id       table.id() of when the keys were cached; 0 when unknown.
/// @throws std::invalid_argument  other numbers of pairs; keys_id is not that of `from`; a position that is NaN or
///                                infinite.
/// Accuracy: |error| of an entry <= that of make_table() at the angle p (to - from), plus |p (to - from)| 2^-53.
/// Source:   R'(p) R(p)^-1 = R(p (w' - w)).
/// Matches:  nobody: Hugging Face drops the cache at the LongRoPE crossing and leaves keys of dynamic NTK as they are.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to,
                                          const Eigen::DenseBase<Derived>& positions, std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), "from.id()");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), positions);
}

/// @overload
/// Keys at first, first + 1, ...
template <typename Scalar>
FrequencyTable<Scalar> make_rescale_table(const Frequencies& from, const Frequencies& to, PositionRange positions,
                                          std::uint64_t keys_id = 0) {
  detail::require_keys_id("make_rescale_table", keys_id, from.id(), "from.id()");
  return make_table<Scalar>(detail::rescaling("make_rescale_table", from, to), positions);
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

// ---- posenc/rope/mixed.hpp
/// Learned frequencies: every position takes part in every angle, and the gradient that trains them.
#ifndef POSENC_ROPE_MIXED_HPP
#define POSENC_ROPE_MIXED_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Start of learned frequencies for a head that looks in the direction `angle`: 2 x head_dim / 2, rows x and y.
///
///     pair i:            base^(-4i / head_dim) (cos angle, sin angle)                       i < head_dim / 4
///     pair i + quarter:  base^(-4i / head_dim) (cos(angle + pi/2), sin(angle + pi/2))
///
/// @param head_dim  A multiple of 4, > 0.
/// @param base      10 in the paper: finite, > 0, not 1.
/// @param angle     Radians, finite; drawn from [0, 2 pi) for each head, or 0.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:  Heo et al. 2024, arXiv:2403.13298.
/// Matches: timm init_random_2d_freqs.
inline Eigen::Array2Xd initial_mixed_frequencies(Eigen::Index head_dim, double base, double angle) {
  const char* const function = "initial_mixed_frequencies";
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4");
  detail::require_base(function, base);
  detail::require(detail::is_finite(angle), function, "angle", angle, "finite");
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
                                     TableLayout layout) {
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
    FrequencyTable<Scalar> table(positions.rows(), frequencies.cols(), {layout});
    alignas(64) double angle[kAngleBlock];
    alignas(64) double cosine[kAngleBlock];
    alignas(64) double sine[kAngleBlock];
    for (Eigen::Index row = 0; row < positions.rows(); ++row) {
      for (Eigen::Index first = 0; first < frequencies.cols(); first += kAngleBlock) {
        const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), frequencies.cols() - first));
        std::fill(angle, angle + kAngleBlock, 0.0);
        for (Eigen::Index axis = 0; axis < frequencies.rows(); ++axis) {
          const double position = static_cast<double>(positions.coeff(row, axis));
          for (int i = 0; i < count; ++i) {
            angle[i] += position * static_cast<double>(frequencies.coeff(axis, first + i));
          }
        }
        sin_cos(angle, Eigen::Map<const Eigen::Array<double, kAngleBlock, 1>>(angle).abs().maxCoeff(), 1.0, kAngleBlock,
                cosine, sine);
        TableWriter::write_block(table, row, first, cosine, sine);
      }
    }
    TableWriter::set_origin(table, 1, 0);
    return table;
  }
};

}  // namespace detail

/// Makes the table of one head with learned frequencies: pair j of a token turns by the angle
///
///     theta_j = sum over axes a of positions(token, a) frequencies(a, j)
///
/// @param frequencies  num_axes x num_pairs, of any real scalar, finite.
/// @param positions    tokens x num_axes, integers or finite real numbers.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one evaluation of cosine and sine for each entry, in vector code; one allocation.
/// Accuracy: double: |error| <= 2^-51 + num_axes 2^-52 sum_a |p_a f_a|; other scalars rounded once more.
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.3 (mixed frequencies).
/// Matches:  RotaryEmbeddingMixed of timm (rope-vit mixed); one row of frequencies is a learned 1-D RoPE.
template <typename Scalar, typename DerivedFrequencies, typename DerivedPositions>
FrequencyTable<Scalar> make_mixed_table(const Eigen::DenseBase<DerivedFrequencies>& frequencies,
                                        const Eigen::DenseBase<DerivedPositions>& positions,
                                        TableLayout layout = TableLayout::split) {
  return detail::MixedWriter::make<Scalar>(detail::evaluated(frequencies), detail::evaluated(positions), layout);
}

/// Adds the gradient of a loss by learned frequencies, through y = apply_rope(x): grad_frequencies(a, j) +=
///
///     sum over tokens t, heads: positions(t, a) (g_b y_a - g_a y_b)
///
/// with (y_a, y_b) the channels of pair j in the *result* y, and (g_a, g_b) the gradient that arrives there. The
/// gradient by x itself is apply_rope_adjoint(). Call it for queries and for keys, and for each head with frequencies
/// of its own give that head's columns.
/// @param[in,out] grad_frequencies  num_axes x num_pairs.
/// @param grad_y, y   tokens x (num_heads * head_dim), both as apply_rope() left y.
/// @param positions   tokens x num_axes.
/// @param layout      As of apply_rope().
/// @throws std::invalid_argument  shapes that do not agree. grad_frequencies is then unchanged.
/// Cost:     two multiply-adds for each pair of y, and num_axes more for each token and pair; no allocation.
/// Source:   d/dtheta R(theta) x = J R(theta) x with J a quarter turn.
template <typename GradFrequencies, typename DerivedGradY, typename DerivedY, typename DerivedPositions>
void mixed_frequencies_backward(GradFrequencies&& grad_frequencies, const Eigen::DenseBase<DerivedGradY>& grad_y,
                                const Eigen::DenseBase<DerivedY>& y,
                                const Eigen::DenseBase<DerivedPositions>& positions, const RopeLayout& layout) {
  const char* const function = "mixed_frequencies_backward";
  auto& dfrequencies = detail::written(std::forward<GradFrequencies>(grad_frequencies));
  const Eigen::Index pairs = dfrequencies.cols();
  detail::require(2 * pairs <= layout.head_dim() - layout.offset(), function, "grad_frequencies.cols()", pairs,
                  "at most ", (layout.head_dim() - layout.offset()) / 2, " (half of head_dim - offset)");
  detail::require(y.cols() % layout.head_dim() == 0, function, "y.cols()", y.cols(), "a multiple of head_dim ",
                  layout.head_dim());
  detail::require_shape(function, "grad_y", grad_y, y.rows(), y.cols());
  detail::require_shape(function, "positions", positions, y.rows(), dfrequencies.rows());
  const auto& grad_y_values = detail::evaluated(grad_y);
  const auto& y_values = detail::evaluated(y);
  const auto& positions_values = detail::evaluated(positions);
  // Sums of a block of entries are kept in double over all tokens and rounded once.
  using Number = typename std::decay_t<decltype(dfrequencies)>::Scalar;
  constexpr Eigen::Index axes_together = 4;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  for (Eigen::Index first_axis = 0; first_axis < dfrequencies.rows(); first_axis += axes_together) {
    const Eigen::Index axes = (std::min)(axes_together, dfrequencies.rows() - first_axis);
    for (Eigen::Index first = 0; first < pairs; first += detail::kAngleBlock) {
      const Eigen::Index count = (std::min)(Eigen::Index(detail::kAngleBlock), pairs - first);
      double sums[axes_together][detail::kAngleBlock] = {};
      for (Eigen::Index token = 0; token < y.rows(); ++token) {
        double grad_angle[detail::kAngleBlock] = {};
        for (Eigen::Index head = layout.offset(); head < y.cols(); head += layout.head_dim()) {
          for (Eigen::Index i = 0; i < count; ++i) {
            const Eigen::Index a = head + (half_split ? first + i : 2 * (first + i));
            const Eigen::Index b = a + (half_split ? pairs : 1);
            const auto value = [&](const auto& x, Eigen::Index column) {
              return static_cast<double>(x.coeff(token, column));
            };
            grad_angle[i] +=
                value(grad_y_values, b) * value(y_values, a) - value(grad_y_values, a) * value(y_values, b);
          }
        }
        for (Eigen::Index axis = 0; axis < axes; ++axis) {
          const double position = static_cast<double>(positions_values.coeff(token, first_axis + axis));
          for (Eigen::Index i = 0; i < count; ++i) sums[axis][i] += position * grad_angle[i];
        }
      }
      for (Eigen::Index axis = 0; axis < axes; ++axis) {
        for (Eigen::Index i = 0; i < count; ++i) {
          Number& target = dfrequencies.coeffRef(first_axis + axis, first + i);
          target = detail::convert<Number>(static_cast<double>(target) + sums[axis][i]);
        }
      }
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_MIXED_HPP

// ---- posenc/rope/permute.hpp
/// Weights, biases and activations from one RopeLayout to another: the conversion of Llama checkpoints and its like.
#ifndef POSENC_ROPE_PERMUTE_HPP
#define POSENC_ROPE_PERMUTE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Source channel of each channel of a head: new[c] = old[permutation[c]], so that a head in the layout `from` becomes
/// the same head in the layout `to`. Channels that do not turn keep their order.
///
/// @param from, to    Layouts of equal head_dim; their offsets may differ (a suffix becomes a prefix).
/// @param rotary_dim  Channels that turn: even, > 0, and offset + rotary_dim <= head_dim in both.
/// @throws std::invalid_argument  one of these does not hold.
inline Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> channel_permutation(const RopeLayout& from, const RopeLayout& to,
                                                                         Eigen::Index rotary_dim) {
  const char* const function = "channel_permutation";
  const Eigen::Index head_dim = from.head_dim();
  detail::require_rotary_dim(function, "rotary_dim", rotary_dim);
  detail::require(to.head_dim() == head_dim, function, "to.head_dim()", to.head_dim(), "from.head_dim() ", head_dim);
  detail::require(rotary_dim <= head_dim - from.offset(), function, "rotary_dim", rotary_dim, "at most ",
                  head_dim - from.offset(), " (head_dim ", head_dim, " - offset ", from.offset(), " of from)");
  detail::require(rotary_dim <= head_dim - to.offset(), function, "rotary_dim", rotary_dim, "at most ",
                  head_dim - to.offset(), " (head_dim ", head_dim, " - offset ", to.offset(), " of to)");
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
  const auto unturned = [&](const RopeLayout& layout, Eigen::Index i) {
    return i < layout.offset() ? i : i + rotary_dim;
  };
  for (Eigen::Index i = 0; i < head_dim - rotary_dim; ++i) source[unturned(to, i)] = unturned(from, i);
  return source;
}

namespace detail {

template <typename Derived>
void permute_columns(const char* function, Eigen::DenseBase<Derived>& x, const RopeLayout& from, const RopeLayout& to,
                     Eigen::Index rotary_dim, const char* parameter) {
  const auto source = channel_permutation(from, to, rotary_dim);
  const Eigen::Index head_dim = from.head_dim();
  require(x.cols() % head_dim == 0, function, parameter, x.cols(), "a multiple of head_dim ", head_dim);
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
/// Turning and reordering commute: apply_rope(permuted x, to) is the permuted apply_rope(x, from).
/// @param[in,out] x   tokens x (num_heads * head_dim), of any scalar.
/// @param from, to, rotary_dim  As in channel_permutation().
/// @throws std::invalid_argument  besides: x.cols() no multiple of head_dim. x is then unchanged.
/// Cost: one pass over x; two allocations of one head's size.
template <typename X>
void permute_columns(X&& x, const RopeLayout& from, const RopeLayout& to, Eigen::Index rotary_dim) {
  detail::require_written_through<X>();
  detail::permute_columns("permute_columns", detail::assignable(x), from, to, rotary_dim, "x.cols()");
}

/// Reorders the output channels of a projection, in place: W_q or W_k of shape (num_heads * head_dim) x inputs as
/// PyTorch keeps it, their biases, and the weights of a norm over a head (one column of head_dim).
///
/// Do it to queries and keys alike, with their own numbers of heads. Values and the output projection stay.
/// @param[in,out] weights  (num_heads * head_dim) x anything, of any scalar.
/// @throws std::invalid_argument  besides: weights.rows() no multiple of head_dim. `weights` is then unchanged.
/// Cost: one pass over weights; two allocations of one head's size.
/// Matches: `permute` of Hugging Face's Llama conversion (interleaved to half-split) and of llama.cpp's converter
///          (back).
template <typename Weights>
void permute_rows(Weights&& weights, const RopeLayout& from, const RopeLayout& to, Eigen::Index rotary_dim) {
  detail::require_written_through<Weights>();
  auto columns = detail::assignable(weights).transpose();
  detail::permute_columns("permute_rows", columns, from, to, rotary_dim, "weights.rows()");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_PERMUTE_HPP

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
                                 const XposOptions& options, TableLayout layout) {
    const char* const function = "make_xpos_tables";
    require(is_finite(center), function, "center", center, "finite");
    require(is_finite(options.scale_base) && options.scale_base > 0, function, "scale_base", options.scale_base,
            "finite and > 0");
    require(is_finite(options.gamma) && options.gamma > 0, function, "gamma", options.gamma, "finite and > 0");
    require(frequencies.magnitude() == 1, function, "frequencies.magnitude()", frequencies.magnitude(), 1);
    const Eigen::ArrayXd zeta = log_zeta(frequencies.num_pairs(), options);
    // zeta^power and its reciprocal must be numbers, with half a unit of the exponent to spare.
    const double reach = (std::log(largest<Scalar>()) - 0.5) / -zeta.minCoeff() * options.scale_base;
    for (Eigen::Index row = 0; row < positions.rows(); ++row) {
      const double distance = static_cast<double>(positions[row]) - center;
      require_in_range(std::abs(distance) <= reach, function, "distance of a position from center", distance,
                       "at most ", reach, " (beyond it the scale does not fit into the scalar)");
    }
    XposTables<Scalar> tables{FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), {layout}),
                              FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), {layout})};
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

/// Makes the two tables of xPos: rope turns queries with one and keys with the other.
///
///     query entry:  zeta_j^((p - center) / scale_base)  times cos, sin of p inv_freq[j]
///     key entry:    zeta_j^(-(p - center) / scale_base) times the same
///     zeta_j = (2j + gamma d) / ((1 + gamma) d),  d = rotary_dim
///
/// Scores depend on the distance alone and shrink by zeta_j^(distance / scale_base). `center` cancels in them, but
/// queries and keys must have the same one: give it once for a model, never from the length of a table. Positions far
/// from it make large and small numbers; 0 is right for up to some 30,000 positions in float.
///
/// apply_rope() and apply_rope_adjoint() take the tables as they are. The inverse of one table is the adjoint of the
/// other, and apply_rope_inverse() refuses both.
/// @param frequencies  Magnitude 1.
/// @param positions    {first, count}.
/// @throws std::invalid_argument  a magnitude that is not 1; center, scale_base or gamma out of their ranges.
/// @throws std::out_of_range      a position so far from center that a scale overflows the scalar.
/// Cost:     an exponential and two products for each entry on top of make_table(); two allocations for the tables.
/// Accuracy: relative 2^-50 (1 + |(p - center) / scale_base|) on top of make_table(), then rounded once.
/// Source:   Sun et al. 2022, arXiv:2212.10554.
/// Matches:  use_xpos of rotary-embedding-torch and x-transformers (center = length / 2 of the sequence at hand), xPos
///           of flash-attention (center = cached length / 2).
template <typename Scalar>
XposTables<Scalar> make_xpos_tables(const Frequencies& frequencies, PositionRange positions, double center,
                                    const XposOptions& options = {}, TableLayout layout = TableLayout::split) {
  return detail::XposWriter::make<Scalar>(frequencies, detail::RangePositions("make_xpos_tables", positions), center,
                                          options, layout);
}

/// @overload
/// Row i stands at positions(i): integer ids or real numbers.
template <typename Scalar, typename Derived>
XposTables<Scalar> make_xpos_tables(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& positions,
                                    double center, const XposOptions& options = {},
                                    TableLayout layout = TableLayout::split) {
  return detail::XposWriter::make<Scalar>(frequencies, detail::ListPositions<Derived>("make_xpos_tables", positions),
                                          center, options, layout);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_XPOS_HPP

// ---- posenc/rope.hpp
/// Rotary position embedding: turns queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

#endif  // POSENC_ROPE_HPP

// ---- posenc/model_config/config_value.hpp
/// ConfigValue: a config in plain data, read from any JSON type or written by hand.
#ifndef POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP
#define POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// null, true or false, a number, a text, a list or a dictionary.
///
/// The metadata of a GGUF file as one flat dictionary:
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     metadata.set("llama.rope.freq_base", 500000.0);
class ConfigValue {
 public:
  enum class Kind { null, boolean, number, text, list, dictionary };

  ConfigValue() = default;
  ConfigValue(const char* text) : kind_(Kind::text), text_(text) {}
  ConfigValue(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  ConfigValue(Number value)
      : kind_(std::is_same_v<Number, bool> ? Kind::boolean : Kind::number), number_(static_cast<double>(value)) {}

  static ConfigValue list(std::vector<ConfigValue> items = {}) {
    ConfigValue value;
    value.kind_ = Kind::list;
    value.items_ = std::move(items);
    return value;
  }
  static ConfigValue dictionary(std::initializer_list<std::pair<std::string, ConfigValue>> entries = {}) {
    ConfigValue value;
    value.kind_ = Kind::dictionary;
    for (const auto& entry : entries) value.set(entry.first, entry.second);
    return value;
  }

  /// Adds an entry to a dictionary, or replaces it.
  /// @throws std::invalid_argument  this is no dictionary.
  void set(const std::string& key, ConfigValue value) {
    detail::require(kind_ == Kind::dictionary, "ConfigValue::set", "the value", describe(), "a dictionary");
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) {
        items_[i] = std::move(value);
        return;
      }
    }
    keys_.push_back(key);
    items_.push_back(std::move(value));
  }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool boolean() const { return number_ != 0; }
  double number() const { return number_; }
  const std::string& text() const { return text_; }
  /// Items of a list, or the values of a dictionary in the order of keys().
  const std::vector<ConfigValue>& items() const { return items_; }
  const std::vector<std::string>& keys() const { return keys_; }

  /// The value of a key, or nullptr. Only a dictionary has keys.
  const ConfigValue* find(const std::string& key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return &items_[i];
    }
    return nullptr;
  }

  /// For a message: `the text "8"`, `a list of 3`.
  std::string describe() const {
    switch (kind_) {
      case Kind::null: return "null";
      case Kind::boolean: return boolean() ? "true" : "false";
      case Kind::number: return detail::to_text(number_);
      case Kind::text: return "the text \"" + text_ + "\"";
      case Kind::list: return "a list of " + std::to_string(items_.size());
      case Kind::dictionary: break;
    }
    return "a dictionary of " + std::to_string(items_.size());
  }

  /// Equal as data; the order of keys does not count.
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
  template <typename Json>
  friend ConfigValue to_config_value(const Json& json);

 private:
  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<ConfigValue> items_;
};

/// The same data from a JSON value. No library is named here: the type is asked in the way of nlohmann::json, by
/// is_null(), is_boolean(), is_number(), is_string(), is_array(), is_object(), get<T>() and iterators with key() and
/// value(). Every type is tested before it is read, so that no error of the JSON type can come out.
/// @throws std::invalid_argument  a value that is none of these (binary, discarded).
template <typename Json>
ConfigValue to_config_value(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.template get<bool>();
  if (json.is_number()) return json.template get<double>();
  if (json.is_string()) return json.template get<std::string>();
  if (json.is_array()) {
    std::vector<ConfigValue> items;
    for (auto item = json.begin(); item != json.end(); ++item) items.push_back(to_config_value(*item));
    return ConfigValue::list(std::move(items));
  }
  detail::require(json.is_object(), "to_config_value", "json", "another kind of value",
                  "null, a boolean, a number, a text, a list or a dictionary");
  ConfigValue dictionary = ConfigValue::dictionary();
  for (auto entry = json.begin(); entry != json.end(); ++entry) {
    dictionary.keys_.push_back(entry.key());  // without the search of set(): label lists have 20,000 keys
    dictionary.items_.push_back(to_config_value(entry.value()));
  }
  return dictionary;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

// ---- posenc/model_config/model_rope.hpp
/// ModelRope: all that a model does with positions in its attention layers, as plain data.
#ifndef POSENC_MODEL_CONFIG_MODEL_ROPE_HPP
#define POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// One rotation: which angles, which channels, and which of several positions drives which pair.
struct RopeSet {
  std::string layer_type;         ///< "full_attention", "sliding_attention"; empty where all layers turn alike.
  Frequencies frequencies;        ///< With magnitude() for the table and softmax_multiplier() for the scores.
  RopeLayout layout;              ///< The window of channels, and how they pair up.
  std::optional<AxisMap> axes{};  ///< Where a token stands at several positions: M-RoPE, images.
};

/// The table of a rotation, for tokens that stand where it needs them to: at one position each, or on set.axes.
///
/// @param positions  tokens x set.axes->num_axes() where the set has axes; else one number for each token.
/// @throws  as make_table() of Frequencies, and of an AxisMap where the set has axes.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const RopeSet& set, const Eigen::DenseBase<Derived>& positions,
                                  TableOptions options = {}) {
  return set.axes ? make_table<Scalar>(set.frequencies, *set.axes, positions, options)
                  : make_table<Scalar>(set.frequencies, positions, options);
}

/// @overload
/// A run of text. Where the set has axes, all of them stand at the same position.
template <typename Scalar>
FrequencyTable<Scalar> make_table(const RopeSet& set, PositionRange positions, TableOptions options = {}) {
  return make_table<Scalar>(set.frequencies, positions, options);
}

/// A factor on the queries of a layer that grows with the position: 1 + scale ln(1 + floor((p + shift) / length)).
struct QueryTemperature {
  double scale = 0;   ///< 0: no temperature, the factor is 1.
  double length = 1;  ///< Positions of one step, > 0.
  double shift = 0;   ///< Added to the position: 1 in Llama 4, 0 in Ministral.
};

/// The factor at a position.
///
/// @throws std::out_of_range      position < 0, NaN or infinite.
/// @throws std::invalid_argument  temperature.length <= 0.
/// Matches:  attn_temperature_tuning of Llama 4 (0.1, 8192, 1), llama_4_scaling_beta of Ministral 3 (beta, L, 0).
inline double query_temperature(const QueryTemperature& temperature, double position) {
  const char* const function = "query_temperature";
  detail::require(temperature.length > 0, function, "temperature.length", temperature.length, "> 0");
  detail::require_in_range(detail::is_finite(position) && position >= 0, function, "position", position,
                           "finite and >= 0");
  return 1 + temperature.scale * std::log1p(std::floor((position + temperature.shift) / temperature.length));
}

/// What one attention layer does with its queries and keys.
struct LayerRope {
  std::vector<int> rope_sets{};    ///< Indices into ModelRope::rope_sets, applied in turn. Empty: NoPE, nothing turns.
  QueryTemperature temperature{};  ///< Factor on the queries alone.
};

/// How a model uses positions.
///
///     const ModelRope model = read_hugging_face_config(json, serving_length);
///     for (const RopeSet& set : model.rope_sets) tables.push_back(make_table<float>(set, positions));
///     for (const int set : model.layers[l].rope_sets) apply_rope(q, tables[set], model.rope_sets[set].layout);
struct ModelRope {
  std::vector<RopeSet> rope_sets{};
  std::vector<LayerRope> layers{};
  /// Every key about rotation that was there and had no effect, with its path: "rope_scaling.finetuned".
  std::vector<std::string> ignored_keys{};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

// ---- posenc/model_config/axis_rule.hpp
/// How a model with several positions per token gets its rotations: M-RoPE sections, images, ChatGLM-6B.
#ifndef POSENC_MODEL_CONFIG_AXIS_RULE_HPP
#define POSENC_MODEL_CONFIG_AXIS_RULE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Which positions drive which pairs.
enum class AxisRule {
  one,                ///< One position per token.
  contiguous,         ///< mrope_section, one after the other: Qwen2-VL.
  interleaved,        ///< mrope_section, t h w t h w ...: Qwen3-VL.
  height_width_time,  ///< mrope_section as h, w, t: ERNIE-4.5-VL.
  centred_patches,    ///< (y, x) in [-1, 1], each with all frequencies of half a head, times 2 pi: DINOv3.
  rows_and_columns,   ///< (row, column): even frequencies for rows, odd ones for columns: Pixtral.
  two_halves          ///< Two positions, each turning its own half of the head: ChatGLM-6B.
};

inline bool has_sections(AxisRule rule) {
  return rule == AxisRule::contiguous || rule == AxisRule::interleaved || rule == AxisRule::height_width_time;
}

/// The map of `sections`, which must cover num_pairs.
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

/// The one position of a token, or one of two, drives all of num_pairs.
inline AxisMap single_axis(Eigen::Index num_pairs, int axis, Eigen::Index num_axes) {
  return AxisMap(Eigen::ArrayXi::Constant(num_pairs, axis), num_axes);
}

/// The rotations of a head of an image encoder or of ChatGLM-6B.
inline std::vector<RopeSet> grid_sets(const char* function, AxisRule rule, const RopeLayout& layout, double theta) {
  const Eigen::Index head_dim = layout.head_dim();
  require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4 for two axes");
  const Eigen::Index quarter = head_dim / 4;
  if (rule == AxisRule::two_halves) {
    const Frequencies half = geometric_frequencies(head_dim / 2, theta);
    return {{"", half, layout, single_axis(quarter, 0, 2)},
            {"", half, RopeLayout::half_split(head_dim, head_dim / 2), single_axis(quarter, 1, 2)}};
  }
  constexpr double two_pi = 6.283185307179586476925286766559;
  const int each = static_cast<int>(quarter);
  const AxialFrequencies axial = rule == AxisRule::centred_patches ? axial_frequencies({each, each}, theta, two_pi)
                                                                   : dealt_axial_frequencies(head_dim, theta);
  return {{"", axial.frequencies, layout, axial.axes}};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_AXIS_RULE_HPP

// ---- posenc/model_config/layer_schedule.hpp
/// Which kind of attention each layer has, and which layers do not turn.
#ifndef POSENC_MODEL_CONFIG_LAYER_SCHEDULE_HPP
#define POSENC_MODEL_CONFIG_LAYER_SCHEDULE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a model does with a period n where its config lists no layers.
enum class LayerSchedule {
  alike,            ///< All layers are full_attention.
  full_last,        ///< Sliding, and full in every n-th layer: Gemma 3.
  full_first,       ///< Full in layers 0, n, 2n ..., else sliding: ModernBERT.
  full_is_nope,     ///< As full_last, and the full layers do not turn: Cohere 2.
  linear_but_last,  ///< Linear attention, which does not turn, and full in every n-th layer: Qwen3.5.
  nope_last         ///< Every n-th layer does not turn: Llama 4, SmolLM3.
};

/// Far beyond any model, so that a wrong number cannot ask for all memory.
constexpr Eigen::Index kMaxLayers = 65536;

inline const char* const kFull = "full_attention";
inline const char* const kSliding = "sliding_attention";
inline const char* const kLinear = "linear_attention";

/// Layers that have queries to turn, and layers that are something else.
inline const char* const kTurningLayers[] = {kFull, kSliding, "chunked_attention"};
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

#endif  // POSENC_MODEL_CONFIG_LAYER_SCHEDULE_HPP

// ---- posenc/model_config/known_architectures.hpp
/// What the metadata of a GGUF file does not say: per architecture, how pairs stand, and what llama.cpp adds.
#ifndef POSENC_MODEL_CONFIG_KNOWN_ARCHITECTURES_HPP
#define POSENC_MODEL_CONFIG_KNOWN_ARCHITECTURES_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One architecture of llama.cpp: what its code knows and the file does not say.
struct KnownArchitecture {
  const char* name;
  RopePairs pairs;  ///< interleaved is NORM, half_split NEOX, MROPE and IMROPE.
  LayerSchedule schedule = LayerSchedule::alike;
  Eigen::Index period = 0;   ///< Its n.
  double sliding_theta = 0;  ///< Of sliding layers, without scaling; 0: as the others.
  AxisRule axes = AxisRule::one;
  bool window_is_last = false;  ///< The end of a head turns, attention applies the YaRN multiplier.
  bool truncate = true;         ///< How the model was trained; llama.cpp always truncates.
};

inline const KnownArchitecture* find_known_architecture(const std::string& name) {
  constexpr RopePairs norm = RopePairs::interleaved;
  constexpr RopePairs neox = RopePairs::half_split;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownArchitecture architectures[] = {
      // name, pairs, schedule, n, sliding_theta, axes, window_is_last, truncate
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

#endif  // POSENC_MODEL_CONFIG_KNOWN_ARCHITECTURES_HPP

// ---- posenc/model_config/reader.hpp
/// Reads typed values out of a dictionary, and remembers which keys were read.
#ifndef POSENC_MODEL_CONFIG_READER_HPP
#define POSENC_MODEL_CONFIG_READER_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A view of a dictionary. null counts as absent. The dictionary must outlive it.
class ConfigReader {
 public:
  /// @param path  Stands before each key in messages: "rope_scaling.".
  ConfigReader(const char* function, const ConfigValue& dictionary, std::string path)
      : function_(function), dictionary_(&dictionary), path_(std::move(path)), read_(dictionary.keys().size(), false) {}

  const char* function() const { return function_; }
  std::string name(const std::string& key) const { return path_ + key; }

  /// The value, or nullptr where it is absent or null. Counts as read.
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

  /// The one value that several names of the same thing give. Two that differ are refused.
  std::optional<double> agreed_number(const std::vector<std::string>& keys) {
    std::optional<double> agreed;
    std::string first;
    for (const std::string& key : keys) {
      const std::optional<double> value = number(key);
      if (!value) continue;
      if (agreed && *agreed != *value) {
        refuse<std::invalid_argument>(function_, name(key), *value, "the same as ", name(first), " ", *agreed);
      }
      agreed = value;
      first = key;
    }
    return agreed;
  }
  std::optional<Eigen::Index> agreed_count(const std::vector<std::string>& keys) {
    const std::optional<double> value = agreed_number(keys);
    for (const std::string& key : keys) count(key);
    return value ? std::optional<Eigen::Index>(static_cast<Eigen::Index>(*value)) : std::nullopt;
  }

  [[noreturn]] void refuse_missing(const std::string& key, const std::string& why) const {
    refuse<std::invalid_argument>(function_, name(key), "nothing", "given", why);
  }
  double required_number(const std::string& key, const std::string& why) {
    const std::optional<double> value = number(key);
    if (!value) refuse_missing(key, why);
    return *value;
  }

  /// Paths of the keys that are there, were not read and are of the kind asked for.
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

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_READER_HPP

// ---- posenc/model_config/rope_dictionary.hpp
/// The rope_scaling or rope_parameters dictionary of a config: its type, and the scaling rule with its keys.
#ifndef POSENC_MODEL_CONFIG_ROPE_DICTIONARY_HPP
#define POSENC_MODEL_CONFIG_ROPE_DICTIONARY_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a scaling rule takes from outside its dictionary.
struct ServedLengths {
  double serving = 0;                  ///< The length that a sequence may reach.
  std::optional<double> max_position;  ///< max_position_embeddings.
  std::optional<double> trained;       ///< original_max_position_embeddings at the top level (Phi-3).
};

/// Older names of a rope_type.
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

/// `rope_type`, or `type` of older configs; "default" where neither is there and nothing is scaled.
inline std::string read_rope_type(ConfigReader& rope) {
  const std::optional<std::string> type = rope.text("type");
  const std::optional<std::string> rope_type = rope.text("rope_type");
  if (type && rope_type && current_rope_type(*type) != current_rope_type(*rope_type)) {
    refuse<std::invalid_argument>(rope.function(), rope.name("type"), *type, "the same as ", rope.name("rope_type"),
                                  " ", *rope_type);
  }
  if (!type && !rope_type && rope.find("factor") != nullptr) {
    rope.refuse_missing("rope_type", " where there is a factor");
  }
  return current_rope_type(rope_type.value_or(type.value_or("default")));
}

/// original_max_position_embeddings, inside or at the top level; the two may not differ.
inline std::optional<double> read_trained_length(ConfigReader& rope, const ServedLengths& lengths) {
  const char* const key = "original_max_position_embeddings";
  const std::optional<double> inside = rope.number(key);
  if (inside && lengths.trained && *inside != *lengths.trained) {
    refuse<std::invalid_argument>(rope.function(), rope.name(key), *inside, "the same as at the top level ",
                                  *lengths.trained);
  }
  return inside ? inside : lengths.trained;
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

/// Hunyuan gives `alpha` to a dynamic rule, which then depends on no length.
inline Frequencies read_dynamic(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  if (const std::optional<double> alpha = rope.number("alpha")) return scale_ntk_aware(plain, *alpha);
  const double factor = rope.required_number("factor", " for dynamic");
  if (!lengths.max_position) {
    refuse<std::invalid_argument>(rope.function(), "max_position_embeddings", "nothing", "given for dynamic");
  }
  return scale_dynamic_ntk(plain, factor, *lengths.max_position, lengths.serving);
}

/// The frequencies of a rope_type. `partial` is only for "proportional", whose plain frequencies span the whole head.
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

#endif  // POSENC_MODEL_CONFIG_ROPE_DICTIONARY_HPP

// ---- posenc/model_config/gguf.hpp
/// Reads the metadata of a GGUF file.
#ifndef POSENC_MODEL_CONFIG_GGUF_HPP
#define POSENC_MODEL_CONFIG_GGUF_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Reads the metadata of one file.
class GgufReader {
 public:
  GgufReader(const ConfigValue& metadata, const Eigen::ArrayXd& freq_factors, std::optional<RopePairs> pairs)
      : file_(kFunction, checked(metadata), ""), freq_factors_(freq_factors) {
    const std::optional<std::string> name = file_.text("general.architecture");
    if (!name) file_.refuse_missing("general.architecture", "");
    const KnownArchitecture* const known = find_known_architecture(*name);
    if (known == nullptr && !pairs) {
      refuse<std::invalid_argument>(kFunction, "general.architecture", "the text \"" + *name + "\"",
                                    "one whose pair layout is known, or the layout be given");
    }
    model_ = known != nullptr ? *known : KnownArchitecture{"", *pairs};
    if (pairs) model_.pairs = *pairs;
    prefix_ = *name + ".";
  }

  ModelRope read() {
    const auto layers = file_.count(key("block_count"));
    if (!layers) file_.refuse_missing(key("block_count"), "");
    require(*layers <= kMaxLayers, kFunction, "block_count", *layers, "at most ", kMaxLayers);
    const std::vector<std::string> types = read_layers(*layers);
    // Sliding layers have a theta of their own and no scaling: by the file, or by the architecture.
    const std::optional<double> sliding_theta = file_.number(key("rope.freq_base_swa"));
    const bool two_sets = sliding_theta || model_.sliding_theta > 0;
    const bool slides = std::find(types.begin(), types.end(), kSliding) != types.end();
    if (sliding_theta && !slides) {
      file_.refuse_missing(key("attention.sliding_window_pattern"), ", since there is a rope.freq_base_swa");
    }
    add_full_set(two_sets ? kFull : "");
    if (two_sets && slides) add_sliding_set(sliding_theta.value_or(model_.sliding_theta));
    assign_layers(types);
    file_.find(key("rope.scaling.finetuned"));  // says how the file came to be, and changes no angle
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
    const auto heads = file_.count(key("attention.head_count"));
    if (!width || !heads) {
      file_.refuse_missing(key("attention.key_length"), ", or embedding_length and attention.head_count");
    }
    require(*width % *heads == 0, kFunction, "embedding_length", *width, "a multiple of attention.head_count ", *heads);
    return *width / *heads;
  }

  RopeSet make_set(const char* layer_type, Eigen::Index head_dim, Eigen::Index rotary_dim,
                   const Frequencies& frequencies) const {
    const Eigen::Index offset = model_.window_is_last ? head_dim - rotary_dim : 0;
    return {layer_type, frequencies,
            model_.pairs == RopePairs::half_split ? RopeLayout::half_split(head_dim, offset)
                                                  : RopeLayout::interleaved(head_dim, offset)};
  }

  Eigen::Index read_rotary_dim(bool sliding, Eigen::Index head_dim) {
    const auto whole = file_.count(key("rope.dimension_count"));
    const auto own = file_.count(key("rope.dimension_count_swa"));
    const Eigen::Index rotary_dim = sliding && own ? *own : whole.value_or(head_dim);
    require(rotary_dim <= head_dim, kFunction, "rope.dimension_count", rotary_dim, "at most head_dim ", head_dim);
    return rotary_dim;
  }

  void add_full_set(const char* layer_type) {
    const Eigen::Index head_dim = read_head_dim(false);
    const Eigen::Index rotary_dim = read_rotary_dim(false, head_dim);
    const double theta = file_.number(key("rope.freq_base")).value_or(10000);
    RopeSet set = make_set(layer_type, head_dim, rotary_dim, scaled(geometric_frequencies(rotary_dim, theta)));
    read_axes(set);
    result_.rope_sets.push_back(set);
  }

  void add_sliding_set(double theta) {
    const Eigen::Index head_dim = read_head_dim(true);
    const Eigen::Index rotary_dim = read_rotary_dim(true, head_dim);
    result_.rope_sets.push_back(make_set(kSliding, head_dim, rotary_dim, geometric_frequencies(rotary_dim, theta)));
  }

  Frequencies scaled(const Frequencies& plain) {
    const std::string type = file_.text(key("rope.scaling.type")).value_or("linear");
    const auto read_factor = [&] {  // read by the rules that use it: elsewhere it is an ignored key
      const double factor = file_.agreed_number({key("rope.scaling.factor"), key("rope.scale_linear")}).value_or(0);
      return factor == 0 ? 1 : factor;
    };
    const double attn_factor = file_.number(key("rope.scaling.attn_factor")).value_or(1);
    Frequencies frequencies = plain;
    if (type == "yarn") {
      frequencies = yarn(plain, read_factor(), attn_factor);
    } else if (type == "linear") {
      frequencies = scale_linear(plain, read_factor());
    } else if (type == "longrope") {
      if (freq_factors_.size() == 0) {
        refuse<std::invalid_argument>(kFunction, "freq_factors", "nothing",
                                      "rope_factors_long or rope_factors_short for longrope");
      }
      file_.find(key("rope.scaling.original_context_length"));  // where the two change places: the caller's choice
    } else if (type != "none") {
      refuse<std::invalid_argument>(kFunction, key("rope.scaling.type"), "the text \"" + type + "\"",
                                    "none, linear, yarn or longrope");
    }
    if (type != "yarn" && attn_factor != 1) frequencies = frequencies.with_magnitude(attn_factor);
    return freq_factors_.size() == 0 ? frequencies : scale_by_factors(frequencies, freq_factors_);
  }

  /// mscale_all_dim stands in yarn_log_multiplier: times 0.1 for DeepSeek, as it is for the others.
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
    // Whatever the multiplier: the table has no magnitude, and attn_factor goes to the scores.
    return frequencies.with_magnitude(1, frequencies.softmax_multiplier() * attn_factor * attn_factor);
  }

  /// Three sections, or four of which the last is 0.
  void read_axes(RopeSet& set) {
    std::optional<std::vector<int>> sections = file_.counts(key("rope.dimension_sections"));
    while (sections && sections->size() > 3 && sections->back() == 0) sections->pop_back();
    if (!has_sections(model_.axes)) {
      if (sections) {
        refuse<std::invalid_argument>(kFunction, key("rope.dimension_sections"), "a list",
                                      "absent for this architecture");
      }
      return;
    }
    if (!sections) file_.refuse_missing(key("rope.dimension_sections"), " for this architecture");
    set.axes =
        section_axes(kFunction, key("rope.dimension_sections"), model_.axes, *sections, set.frequencies.num_pairs());
  }

  std::vector<std::string> read_layers(Eigen::Index layers) {
    const std::string name = key("attention.sliding_window_pattern");
    const ConfigValue* const pattern = file_.find(name);
    if (pattern == nullptr || !pattern->is(ConfigValue::Kind::list)) {
      const Eigen::Index period = file_.count(name).value_or(model_.period);
      // A period in the file makes layers slide also where the architecture does not say how.
      const bool own = pattern != nullptr && model_.schedule == LayerSchedule::alike;
      return scheduled_layers(own ? LayerSchedule::full_last : model_.schedule, layers, period);
    }
    if (pattern->items().size() != static_cast<std::size_t>(layers)) {
      refuse<std::invalid_argument>(kFunction, name + ".size()", pattern->items().size(), "block_count ", layers);
    }
    std::vector<std::string> types;
    for (const ConfigValue& item : pattern->items()) {
      if (!item.is(ConfigValue::Kind::boolean) && !item.is(ConfigValue::Kind::number)) {
        refuse<std::invalid_argument>(kFunction, name, item.describe(), "true or false for each layer");
      }
      types.push_back(item.number() != 0 ? kSliding : kFull);
    }
    return types;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const bool llama4 = std::string(model_.name) == "llama4";
    const QueryTemperature everywhere = read_temperature();
    result_.layers.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      layer.temperature = everywhere;
      const bool nope =
          (model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull) ||
          (model_.schedule == LayerSchedule::nope_last && (i + 1) % static_cast<std::size_t>(model_.period) == 0);
      if (nope) {
        if (llama4) layer.temperature = {0.1, 8192, 1};
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
    }
  }

  QueryTemperature read_temperature() {
    const double scale = file_.number(key("attention.temperature_scale")).value_or(0);
    if (scale == 0) return {};
    const auto own = file_.number(key("attention.temperature_length"));
    const auto length = own ? own : file_.number(key("rope.scaling.original_context_length"));
    if (!length) file_.refuse_missing(key("attention.temperature_length"), " for a temperature_scale");
    require(is_finite(scale) && scale > 0, kFunction, "attention.temperature_scale", scale, "finite and >= 0");
    require(is_finite(*length) && *length > 0, kFunction, "attention.temperature_length", *length, "finite and > 0");
    return {scale, *length, 0};
  }

  ConfigReader file_;
  const Eigen::ArrayXd& freq_factors_;
  KnownArchitecture model_{"", RopePairs::half_split};
  std::string prefix_;
  ModelRope result_;
};

}  // namespace detail

/// What the metadata of a GGUF file says about positions.
///
/// Read are general.architecture and, under its name: block_count, context_length, embedding_length,
/// attention.{head_count, key_length, key_length_mla, key_length_swa, sliding_window_pattern, temperature_scale,
/// temperature_length}, rope.{freq_base, freq_base_swa, dimension_count, dimension_count_swa, dimension_sections,
/// scale_linear} and rope.scaling.{type, factor, original_context_length, attn_factor, yarn_beta_fast, yarn_beta_slow,
/// yarn_ext_factor, yarn_log_multiplier}. A missing freq_base is 10000, as the format's reader has it.
///
/// The layout is that of the weights in the file: llama files hold them in pairs of neighbours, whatever the
/// checkpoint they were made from had.
/// @param metadata      A flat dictionary of numbers, texts, flags and lists.
/// @param freq_factors  num_pairs divisors from the tensor rope_freqs (Llama 3, Gemma 4), or rope_factors_long or
///                      rope_factors_short (Phi-3: the long ones where a sequence may grow beyond
///                      original_context_length); empty where the file has none. They are for full layers alone.
/// @param pairs         How pairs stand, against what the architecture says, or for one that is not known here.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown architecture or scaling type; a wrong number
///                                of factors or layers; sections that do not cover the pairs; what a rule refuses.
/// Matches:  llama_model_rope_type and the hyperparameters of llama.cpp, with two differences. Pairs 61 and 62 of
///           Qwen3-VL turn with time, as in the model, where ggml's IMROPE gives them a fourth position. The ramp of
///           gpt-oss is not rounded, as the model was trained, where ggml rounds every ramp.
inline ModelRope read_gguf_metadata(const ConfigValue& metadata, const Eigen::ArrayXd& freq_factors = {},
                                    std::optional<RopePairs> pairs = {}) {
  return detail::GgufReader(metadata, freq_factors, pairs).read();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_GGUF_HPP

// ---- posenc/model_config/known_models.hpp
/// What a config does not say: per model_type, how pairs stand, and the defaults of the published config class.
#ifndef POSENC_MODEL_CONFIG_KNOWN_MODELS_HPP
#define POSENC_MODEL_CONFIG_KNOWN_MODELS_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One model_type of Hugging Face. 0 stands for: the config must say.
struct KnownModel {
  const char* model_type;
  RopePairs pairs;
  double theta;                                   ///< rope_theta of the config class.
  double partial = 1;                             ///< partial_rotary_factor of the config class; 0: rotary_dim is.
  Eigen::Index head_dim = 0;                      ///< Where it is not hidden_size / num_attention_heads.
  LayerSchedule schedule = LayerSchedule::alike;  ///< Where the config lists no layers.
  Eigen::Index period = 0;                        ///< Its n.
  double sliding_theta = 0;                       ///< rope_theta of sliding layers; 0: they turn as the others do.
  AxisRule axes = AxisRule::one;
  bool scales_softmax = false;     ///< Attention applies mscale_all_dim (DeepSeek); others leave it to the table.
  Eigen::Index full_head_dim = 0;  ///< Of full_attention layers, where it differs.
};

inline const KnownModel* find_known_model(const std::string& model_type) {
  constexpr RopePairs half = RopePairs::half_split;
  constexpr RopePairs twos = RopePairs::interleaved;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr LayerSchedule linear = LayerSchedule::linear_but_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownModel models[] = {
      // model_type, pairs, theta, partial, head_dim, schedule, n, sliding_theta, axes, scales_softmax, full_head_dim
      // Llama and its relatives
      {"llama", half, 1e4},
      {"llama4", twos, 5e5, 1, 128, nope_last, 4},
      {"llama4_text", twos, 5e5, 1, 128, nope_last, 4},
      {"mistral", half, 1e4},
      {"ministral", half, 1e4},
      {"ministral3", half, 0},
      {"mixtral", half, 1e6},
      {"olmo", half, 1e4},
      {"olmo2", half, 1e4},
      {"granite", half, 1e4},
      {"internlm2", half, 1e4},
      {"smollm3", half, 2e6, 1, 0, nope_last, 4},
      // Qwen
      {"qwen2", half, 1e4},
      {"qwen2_moe", half, 1e4},
      {"qwen2_vl", half, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_vl_text", half, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl", half, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl_text", half, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen3", half, 1e4, 1, 128},
      {"qwen3_moe", half, 1e4, 1, 0},
      {"qwen3_vl_text", half, 5e6, 1, 128, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_vl_moe_text", half, 5e6, 1, 0, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_next", half, 1e4, 0.25, 256, linear, 4},
      {"qwen3_5_text", half, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"qwen3_5_moe_text", half, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"ernie4_5_moe_vl", twos, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      {"ernie4_5_vl_moe_text", twos, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      // DeepSeek: the window is the end of a head, and attention applies the square of mscale_all_dim
      {"deepseek_v2", twos, 1e4, 1, 0, alike, 0, 0, one, true},
      {"deepseek_v3", twos, 1e4, 1, 0, alike, 0, 0, one, true},
      {"kimi_k2", twos, 0, 1, 0, alike, 0, 0, one, true},
      {"gpt_oss", half, 15e4, 1, 64},
      // Phi
      {"phi", half, 1e4, 0.5},
      {"phi3", half, 1e4},
      // Gemma
      {"gemma", half, 1e4, 1, 256},
      {"gemma2", half, 1e4, 1, 256},
      {"gemma3", half, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma3_text", half, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma4_text", half, 0, 1, 256, full_last, 6, 0, one, false, 512},
      // GPT-NeoX, GPT-J
      {"gpt_neox", half, 1e4, 0.25},
      {"gptj", twos, 1e4, 0},
      {"codegen", twos, 1e4, 0},
      {"stablelm", half, 1e4, 0.25},
      // GLM
      {"chatglm", twos, 1e4, 0.5},
      {"glm", twos, 1e4, 0.5, 128},
      {"glm4", twos, 1e4, 0.5, 128},
      {"glm4_moe", half, 1e4, 0.5, 128},
      // Cohere
      {"cohere", twos, 1e4},
      {"cohere2", twos, 1e4, 1, 0, LayerSchedule::full_is_nope, 4},
      // Others
      {"starcoder2", half, 1e4},
      {"minimax_m2", half, 0, 0},
      {"modernbert", half, 16e4, 1, 0, LayerSchedule::full_first, 3, 1e4},
      {"moonshine", twos, 1e4, 0.9},
      // Image encoders
      {"dinov3_vit", half, 100, 1, 0, alike, 0, 0, AxisRule::centred_patches},
      {"pixtral", half, 1e4, 1, 0, alike, 0, 0, AxisRule::rows_and_columns},
  };
  for (const KnownModel& model : models) {
    if (model_type == model.model_type) return &model;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_KNOWN_MODELS_HPP

// ---- posenc/model_config/layer_plan.hpp
/// What kind each layer of a Hugging Face config is, which layers turn, and what they do to their queries.
#ifndef POSENC_MODEL_CONFIG_LAYER_PLAN_HPP
#define POSENC_MODEL_CONFIG_LAYER_PLAN_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline void require_layer_count(const ConfigReader& config, const char* key, std::size_t size, std::size_t layers) {
  if (size != layers) {
    refuse<std::invalid_argument>(config.function(), config.name(key) + ".size()", size, "num_hidden_layers ", layers);
  }
}

/// The kind of attention of each layer: listed, or from a period.
inline std::vector<std::string> read_layer_types(ConfigReader& config, const KnownModel& model) {
  const auto layers = config.agreed_count(
      {"num_hidden_layers", "num_layers", "n_layer", "encoder_num_hidden_layers", "decoder_num_hidden_layers"});
  if (!layers) config.refuse_missing("num_hidden_layers", "");
  require(*layers <= kMaxLayers, config.function(), "num_hidden_layers", *layers, "at most ", kMaxLayers);
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
    if (is_one_of(type, kTurningLayers) || is_one_of(type, kOtherLayers)) continue;
    refuse<std::invalid_argument>(config.function(), config.name(element("layer_types", static_cast<Eigen::Index>(i))),
                                  "the text \"" + type + "\"", "full_attention, sliding_attention, ",
                                  "chunked_attention, linear_attention, conv, mamba or recurrent");
  }
  return *types;
}

/// 1 or 0 for each layer: it turns, or not. Whatever the name says, 1 turns.
inline std::vector<int> read_turning(ConfigReader& config, const KnownModel& model, std::size_t layers) {
  std::vector<int> turns(layers, 1);
  const auto listed = config.counts("no_rope_layers");
  const bool nope = model.schedule == LayerSchedule::nope_last;
  const auto interval = config.count("no_rope_layer_interval", nope ? 1 : 0);
  if (listed && !listed->empty()) {
    require_layer_count(config, "no_rope_layers", listed->size(), layers);
    for (std::size_t i = 0; i < listed->size(); ++i) {
      require((*listed)[i] <= 1, config.function(), "no_rope_layers", (*listed)[i], "0 or 1 for each layer");
    }
    return *listed;
  }
  const Eigen::Index period = interval.value_or(nope ? model.period : 0);
  for (std::size_t i = 0; period > 0 && i < turns.size(); ++i) {
    turns[i] = (i + 1) % static_cast<std::size_t>(period) != 0;
  }
  return turns;
}

inline QueryTemperature checked_temperature(const char* function, double scale, double length, double shift) {
  require(is_finite(scale) && scale >= 0, function, "the scale of the query temperature", scale, "finite and >= 0");
  require(is_finite(length) && length > 0, function, "the length of the query temperature", length, "finite and > 0");
  return {scale, length, shift};
}

/// Llama 4: for layers that do not turn. The key is a flag, or a number in some published files.
inline QueryTemperature read_nope_temperature(ConfigReader& config, const KnownModel& model) {
  const bool llama4 = std::string(model.model_type).rfind("llama4", 0) == 0;
  if (!llama4) return {};
  const ConfigValue* const tuning = config.find("attn_temperature_tuning");
  if (tuning != nullptr && !tuning->is(ConfigValue::Kind::number) && !tuning->is(ConfigValue::Kind::boolean)) {
    refuse<std::invalid_argument>(config.function(), config.name("attn_temperature_tuning"), tuning->describe(),
                                  "true, false or a number");
  }
  if (tuning != nullptr && tuning->number() == 0) return {};
  return checked_temperature(config.function(), config.number("attn_scale").value_or(0.1),
                             config.number("floor_scale").value_or(8192), 1);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_LAYER_PLAN_HPP

// ---- posenc/model_config/rope_window.hpp
/// Which channels of a head turn, by the many keys that Hugging Face configs have for it.
#ifndef POSENC_MODEL_CONFIG_ROPE_WINDOW_HPP
#define POSENC_MODEL_CONFIG_ROPE_WINDOW_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The channels offset .. offset + rotary_dim - 1 of a head.
struct RopeWindow {
  Eigen::Index head_dim = 0;
  Eigen::Index offset = 0;
  Eigen::Index rotary_dim = 0;
};

inline Eigen::Index read_head_dim(ConfigReader& config, const KnownModel& model, bool full_attention) {
  if (full_attention) {
    const std::optional<Eigen::Index> global = config.count("global_head_dim");
    if (global) return *global;
    if (model.full_head_dim > 0) return model.full_head_dim;
  }
  if (const auto given = config.agreed_count({"head_dim", "kv_channels"})) return *given;
  if (model.head_dim > 0) return model.head_dim;
  const auto hidden = config.agreed_count({"hidden_size", "n_embd"});
  const auto heads = config.agreed_count(
      {"num_attention_heads", "n_head", "encoder_num_attention_heads", "decoder_num_attention_heads"});
  if (!hidden || !heads) config.refuse_missing("head_dim", ", or hidden_size and num_attention_heads");
  require(*hidden % *heads == 0, config.function(), "hidden_size", *hidden, "a multiple of num_attention_heads ",
          *heads);
  return *hidden / *heads;
}

/// DeepSeek turns the end of a head; the others a prefix, of int(head_dim * partial) channels unless rotary_dim says.
inline RopeWindow read_window(ConfigReader& config, const KnownModel& model, bool full_attention, double partial,
                              bool partial_given) {
  RopeWindow window;
  if (const auto rope = config.count("qk_rope_head_dim")) {
    const auto rest = config.count("qk_nope_head_dim", 0);
    if (!rest) config.refuse_missing("qk_nope_head_dim", " where there is a qk_rope_head_dim");
    if (partial_given && partial != 1) {
      refuse<std::invalid_argument>(config.function(), "partial_rotary_factor", partial,
                                    "1 or absent where there is a qk_rope_head_dim");
    }
    config.find("head_dim");  // either part, by version
    return {*rest + *rope, *rest, *rope};
  }
  window.head_dim = read_head_dim(config, model, full_attention);
  const double share = partial * static_cast<double>(window.head_dim);
  const auto rotary_dim = config.count("rotary_dim");
  if (!rotary_dim && partial == 0) config.refuse_missing("rotary_dim", "");
  window.rotary_dim = rotary_dim.value_or(static_cast<Eigen::Index>(share));
  if (rotary_dim && partial_given && *rotary_dim != static_cast<Eigen::Index>(share)) {
    refuse<std::invalid_argument>(config.function(), "rotary_dim", *rotary_dim,
                                  "head_dim * partial_rotary_factor = ", share);
  }
  require(window.rotary_dim <= window.head_dim, config.function(), "rotary_dim", window.rotary_dim, "at most head_dim ",
          window.head_dim);
  return window;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_ROPE_WINDOW_HPP

// ---- posenc/model_config/hugging_face.hpp
/// Reads the config.json of Hugging Face.
#ifndef POSENC_MODEL_CONFIG_HUGGING_FACE_HPP
#define POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Of the hundreds of keys of a config, those whose names say that they are about positions.
inline bool concerns_rotation(const std::string& key) {
  for (const char* const word :
       {"rope", "rotary", "theta", "alibi", "position_embedding_type", "attn_temperature", "llama_4_scaling"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return false;
}

/// A value inside the rope dictionary, or one at the top level under several names; both only when they are the same.
inline std::optional<double> inside_or_outside(ConfigReader& rope, const char* key,
                                               const std::optional<double>& outside) {
  const std::optional<double> inside = rope.number(key);
  if (inside && outside && *inside != *outside) {
    refuse<std::invalid_argument>(rope.function(), rope.name(key), *inside, "the same as at the top level ", *outside);
  }
  return inside ? inside : outside;
}

/// Reads one config, already in plain data.
class HuggingFaceReader {
 public:
  HuggingFaceReader(const ConfigValue& config, double serving_length, std::optional<RopePairs> pairs)
      : pairs_(pairs), outer_(kFunction, config, ""), config_(kFunction, inner(config), inner_path(config)) {
    require(is_finite(serving_length) && serving_length > 0, kFunction, "serving_length", serving_length,
            "finite and > 0");
    lengths_.serving = serving_length;
    find_model();
  }

  ModelRope read() {
    lengths_.max_position = config_.agreed_number({"max_position_embeddings", "n_positions"});
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

  /// Multimodal configs keep the language model in text_config.
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
                                    "one whose pair layout is known, or the layout be given");
    }
    model_ = known != nullptr ? *known : KnownModel{"", *pairs_, 0};
    if (const std::optional<bool> interleave = config_.flag("rope_interleave")) {
      model_.pairs = *interleave ? RopePairs::interleaved : RopePairs::half_split;
    }
    if (pairs_) model_.pairs = *pairs_;
    if (config_.flag("position_encoding_2d").value_or(false)) model_.axes = AxisRule::two_halves;
  }

  /// rope_parameters of newer configs, rope_scaling of older ones. Both only when they are equal.
  const ConfigValue* rope_dictionary() {
    const ConfigValue* const parameters = config_.dictionary("rope_parameters");
    const ConfigValue* const scaling = config_.dictionary("rope_scaling");
    if (parameters != nullptr && scaling != nullptr && *parameters != *scaling) {
      refuse<std::invalid_argument>(kFunction, config_.name("rope_scaling"), scaling->describe(),
                                    "null or equal to rope_parameters");
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

  /// A dictionary for each kind of layer.
  void read_nested(ConfigReader& rope, const std::vector<std::string>& types) {
    for (const char* const type : kTurningLayers) {
      if (std::find(types.begin(), types.end(), type) == types.end()) continue;
      const ConfigValue* const own = rope.dictionary(type);
      if (own == nullptr) rope.refuse_missing(type, ", since a layer is of this kind");
      ConfigReader reader(kFunction, *own, rope.name(type) + ".");
      add_set(reader, type, type == std::string(kSliding) ? model_.sliding_theta : model_.theta, {}, {});
      reader.add_unread_to(result_.ignored_keys, any_key);
    }
  }

  /// One dictionary. Where sliding layers have a theta of their own, the rule in it is for full layers alone.
  void read_flat(ConfigReader& rope, const std::vector<std::string>& types) {
    const auto theta = config_.agreed_number({"rope_theta", "rotary_emb_base", "global_rope_theta"});
    const auto partial = config_.agreed_number({"partial_rotary_factor", "rotary_pct", "rope_pct"});
    const bool slides = model_.schedule != LayerSchedule::full_is_nope &&
                        std::find(types.begin(), types.end(), kSliding) != types.end();
    std::optional<double> given;  // where no layer slides it is an ignored key
    if (slides) given = config_.agreed_number({"rope_local_base_freq", "local_rope_theta"});
    const double sliding_theta = given.value_or(model_.sliding_theta);
    if (sliding_theta == 0) {
      add_set(rope, "", model_.theta, theta, partial);
      return;
    }
    add_set(rope, kFull, model_.theta, theta, partial);
    if (!slides) return;
    const ConfigValue plain = ConfigValue::dictionary();
    ConfigReader none(kFunction, plain, config_.name(""));
    add_set(none, kSliding, model_.sliding_theta, sliding_theta, partial);
  }

  void add_set(ConfigReader& rope, const std::string& layer_type, double default_theta,
               const std::optional<double>& outer_theta, const std::optional<double>& outer_partial) {
    const bool full = layer_type == kFull;
    const std::string rope_type = read_rope_type(rope);
    const std::optional<double> given_partial = inside_or_outside(rope, "partial_rotary_factor", outer_partial);
    const double partial = given_partial.value_or(model_.partial);
    require(partial >= 0 && partial <= 1 && (!given_partial || partial > 0), kFunction, "partial_rotary_factor",
            partial, "in (0, 1]");
    const double theta = read_theta(rope, default_theta, outer_theta);
    if (model_.axes != AxisRule::one && !has_sections(model_.axes)) {
      add_grid(rope, rope_type, theta);
      return;
    }
    const bool proportional = rope_type == "proportional";
    const RopeWindow window =
        read_window(config_, model_, full, proportional ? 1.0 : partial, given_partial.has_value() && !proportional);
    lengths_.trained = config_.number("original_max_position_embeddings");
    Frequencies frequencies =
        read_scaling(rope_type, geometric_frequencies(window.rotary_dim, theta), partial, rope, lengths_);
    if (!model_.scales_softmax) frequencies = frequencies.with_magnitude(frequencies.magnitude(), 1);
    RopeSet set{layer_type, frequencies, layout(window.head_dim, window.offset)};
    read_axes(rope, set);
    read_temperature(rope);
    result_.rope_sets.push_back(set);
  }

  RopeLayout layout(Eigen::Index head_dim, Eigen::Index offset) const {
    return model_.pairs == RopePairs::half_split ? RopeLayout::half_split(head_dim, offset)
                                                 : RopeLayout::interleaved(head_dim, offset);
  }

  double read_theta(ConfigReader& rope, double default_theta, const std::optional<double>& outer) {
    const double theta = inside_or_outside(rope, "rope_theta", outer).value_or(default_theta);
    if (theta == 0) {
      (nested_rope_ ? rope : config_).refuse_missing("rope_theta", ", since this model_type has no default");
    }
    // ChatGLM 2 to 4 multiply it.
    return theta * config_.number("rope_ratio").value_or(1.0);
  }

  void add_grid(ConfigReader& rope, const std::string& rope_type, double theta) {
    if (rope_type != "default") {
      refuse<std::invalid_argument>(kFunction, rope.name("rope_type"), "the text \"" + rope_type + "\"",
                                    "default for this model_type");
    }
    const bool halves = model_.axes == AxisRule::two_halves;
    const Eigen::Index head_dim = read_head_dim(config_, model_, false);
    const RopeLayout whole = halves ? RopeLayout::half_split(head_dim) : layout(head_dim, 0);
    result_.rope_sets = grid_sets(kFunction, model_.axes, whole, theta);
  }

  void read_axes(ConfigReader& rope, RopeSet& set) {
    const std::optional<std::vector<int>> sections = rope.counts("mrope_section");
    const std::string name = rope.name("mrope_section");
    if (!has_sections(model_.axes)) {
      if (sections) refuse<std::invalid_argument>(kFunction, name, "a list", "absent for this model_type");
      return;
    }
    if (!sections) rope.refuse_missing("mrope_section", " for this model_type");
    const bool interleaved = model_.axes == AxisRule::interleaved;
    if (const std::optional<bool> flag = rope.flag("mrope_interleaved"); flag && *flag != interleaved) {
      refuse<std::invalid_argument>(kFunction, rope.name("mrope_interleaved"), *flag, interleaved,
                                    " for this model_type");
    }
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  /// Ministral 3: in the rope dictionary, for every layer.
  void read_temperature(ConfigReader& rope) {
    const std::optional<double> beta = rope.number("llama_4_scaling_beta");
    if (!beta) return;
    const std::optional<double> length = read_trained_length(rope, lengths_);
    if (!length) rope.refuse_missing("original_max_position_embeddings", " for llama_4_scaling_beta");
    for (LayerRope& layer : result_.layers) layer.temperature = checked_temperature(kFunction, *beta, *length, 0);
  }

  void assign_layers(const std::vector<std::string>& types) {
    const std::vector<int> turns = read_turning(config_, model_, types.size());
    const QueryTemperature nope = read_nope_temperature(config_, model_);
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      const bool turning = turns[i] != 0 && is_one_of(types[i], kTurningLayers) &&
                           !(model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull);
      if (!turning) {
        if (nope.scale != 0) layer.temperature = nope;
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
      if (layer.rope_sets.empty()) {  // full and sliding layers turn differently, and this is neither
        refuse<std::invalid_argument>(kFunction, config_.name(element("layer_types", static_cast<Eigen::Index>(i))),
                                      "the text \"" + types[i] + "\"", "a kind of layer that has frequencies");
      }
    }
  }

  std::optional<RopePairs> pairs_;
  ConfigReader outer_;
  ConfigReader config_;
  bool nested_config_ = false;  ///< The model is in text_config.
  bool nested_rope_ = false;    ///< The rope dictionary has one for each layer type.
  std::string dictionary_key_;
  ServedLengths lengths_;
  KnownModel model_{"", RopePairs::half_split, 0};
  ModelRope result_;
};

}  // namespace detail

/// What the config.json of a model says about positions, as frequencies, layout, axes and a plan of layers.
///
/// Read are rope_scaling with `type` or `rope_type`, rope_parameters (flat, or one for each layer type), rope_theta at
/// either place, partial_rotary_factor and its older names, qk_rope_head_dim, layer_types and the patterns and lists
/// that stand for it, text_config, and what Llama 4 and Ministral do to their queries. What a config leaves out comes
/// from the config class of its model_type, when that has a published default; how pairs stand comes from model_type.
///
/// @param config          A dictionary; the other overload takes any JSON type.
/// @param serving_length  The length that a sequence may reach, > 0. "longrope" and "dynamic" depend on it, and must
///                        not be read again when a sequence grows: keys that are cached were turned with the old one.
/// @param pairs           How pairs stand, against what model_type says: weights in another order, or a model_type
///                        that is not known here, which then has no defaults.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown model_type, rope_type or layer type; no theta
///                                where there is no default; keys that contradict one another; lists of the wrong
///                                length; sections that do not cover the pairs; what a scaling rule refuses.
/// Accuracy: that of the frequency rules; the golden configurations in tests/ are met to 3.5 ulp of double.
/// Source:   the configuration files and classes of Hugging Face transformers, versions 4 and 5.
/// Matches:  ROPE_INIT_FUNCTIONS and the rotary classes of the models in known_models.hpp; DeepSeek is
///           `interleaved`, whose scores equal those of Hugging Face's permuted output.
inline ModelRope read_hugging_face_config(const ConfigValue& config, double serving_length,
                                          std::optional<RopePairs> pairs = {}) {
  return detail::HuggingFaceReader(config, serving_length, pairs).read();
}

/// The same from a JSON value, of any type with nlohmann::json's way of asking: see to_config_value().
template <typename Json>
ModelRope read_hugging_face_config(const Json& config, double serving_length, std::optional<RopePairs> pairs = {}) {
  return read_hugging_face_config(to_config_value(config), serving_length, pairs);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

// ---- posenc/model_config.hpp
/// Published configs: what a model does with positions, read from its config.json or its GGUF metadata.
#ifndef POSENC_MODEL_CONFIG_HPP
#define POSENC_MODEL_CONFIG_HPP

#endif  // POSENC_MODEL_CONFIG_HPP

// ---- posenc/relative_bias/span.hpp
/// AttentionSpan: which queries meet which keys, and at which distances.
#ifndef POSENC_RELATIVE_BIAS_SPAN_HPP
#define POSENC_RELATIVE_BIAS_SPAN_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Relative positions min, ..., max (key - query, both ends included).
struct DistanceRange {
  Eigen::Index min = 0;
  Eigen::Index max = 0;

  Eigen::Index size() const { return max - min + 1; }

  /// -(len - 1), ..., 0: what causal attention over `len` tokens sees.
  static DistanceRange causal(Eigen::Index len) { return {1 - len, 0}; }
  /// -(len - 1), ..., len - 1: what attention over `len` tokens sees without a mask. Nothing for len = 0.
  static DistanceRange symmetric(Eigen::Index len) {
    return len == 0 ? DistanceRange{0, -1} : DistanceRange{1 - len, len - 1};
  }
};

namespace detail {

/// Lengths and offsets stay below this, so that their sums and differences never overflow.
inline constexpr Eigen::Index kSpanLimit = Eigen::Index(1) << 40;

inline void require_distance_range(const char* function, const DistanceRange& range) {
  require_in_range(range.min >= -2 * kSpanLimit && range.min <= 2 * kSpanLimit, function, "range.min", range.min,
                   "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require_in_range(range.max >= -2 * kSpanLimit && range.max <= 2 * kSpanLimit, function, "range.max", range.max,
                   "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require(range.max >= range.min - 1, function, "range.max", range.max, "at least range.min - 1 = ", range.min - 1);
}

}  // namespace detail

/// Which queries meet which keys: key j stands at position j, query i at position query_offset + i.
///
/// The relative position of a pair is always key - query: relative(i, j) = j - (query_offset + i). Forgetting the
/// offset of cached keys is the most repeated bug of the field, so there is no default for it: name the situation.
class AttentionSpan {
 public:
  /// len queries and the same keys: training, or a prompt without cache.
  /// @throws std::invalid_argument  a negative length, or one beyond 2^40.
  static AttentionSpan square(Eigen::Index len) { return AttentionSpan("AttentionSpan::square", len, len, 0); }
  /// The queries are the last of the keys: decode (query_len 1) and chunked prefill with a key/value cache.
  /// @throws std::out_of_range      query_len > key_len.
  /// @throws std::invalid_argument  a negative length.
  static AttentionSpan cached(Eigen::Index query_len, Eigen::Index key_len) {
    const char* const function = "AttentionSpan::cached";
    detail::require(key_len >= 0 && key_len <= detail::kSpanLimit, function, "key_len", key_len, ">= 0 and at most ",
                    detail::kSpanLimit);
    detail::require_in_range(query_len <= key_len, function, "query_len", query_len, "at most key_len ", key_len);
    return AttentionSpan(function, query_len, key_len, key_len - (std::max)(query_len, Eigen::Index(0)));
  }
  /// Any situation: cross attention, keys whose first ones were dropped, L_q > L_k. The offset may be negative.
  /// @throws std::invalid_argument  a negative length, or one beyond 2^40.
  /// @throws std::out_of_range      an offset beyond 2^40 either way.
  static AttentionSpan at(Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset) {
    return AttentionSpan("AttentionSpan::at", query_len, key_len, query_offset);
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
  /// All relative positions that occur: L_q + L_k - 1 of them. For an empty span {0, -1}.
  DistanceRange distances() const {
    if (query_len_ == 0 || key_len_ == 0) return {0, -1};
    return {first_relative(query_len_ - 1), first_relative(0) + key_len_ - 1};
  }

 private:
  AttentionSpan(const char* function, Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset)
      : query_len_(query_len), key_len_(key_len), query_offset_(query_offset) {
    constexpr Eigen::Index limit = detail::kSpanLimit;
    detail::require(query_len >= 0 && query_len <= limit, function, "query_len", query_len, ">= 0 and at most ", limit);
    detail::require(key_len >= 0 && key_len <= limit, function, "key_len", key_len, ">= 0 and at most ", limit);
    detail::require_in_range(query_offset >= -limit && query_offset <= limit, function, "query_offset", query_offset,
                             "in [-", limit, ", ", limit, "]");
  }

  Eigen::Index query_len_;
  Eigen::Index key_len_;
  Eigen::Index query_offset_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SPAN_HPP

// ---- posenc/detail/product.hpp
/// Matrix products that do not touch the heap: Eigen's packing buffers stay on the stack when the blocks are small.
#ifndef POSENC_DETAIL_PRODUCT_HPP
#define POSENC_DETAIL_PRODUCT_HPP

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

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

#endif  // POSENC_DETAIL_PRODUCT_HPP

// ---- posenc/relative_bias/workspace.hpp
/// Workspace: scratch memory that the caller keeps, so that repeated calls allocate nothing.
#ifndef POSENC_RELATIVE_BIAS_WORKSPACE_HPP
#define POSENC_RELATIVE_BIAS_WORKSPACE_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Scratch memory of the content-dependent biases. It grows in a first call and is reused afterwards; one for each
/// thread. Its contents mean nothing between calls.
template <typename Scalar>
class Workspace {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A rows x columns matrix of the scratch memory, contents undefined. Invalidates what was handed out before.
  Eigen::Map<Matrix> matrix(Eigen::Index rows, Eigen::Index columns) {
    if (storage_.size() < rows * columns) storage_.resize(rows * columns);
    return Eigen::Map<Matrix>(storage_.data(), rows, columns);
  }

 private:
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> storage_;
};

namespace detail {

/// Queries worked on at a time: scratch memory is this many rows.
inline constexpr Eigen::Index kQueryBlock = 32;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WORKSPACE_HPP

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
  /// @throws std::invalid_argument  num_heads < 0, or range.max < range.min - 1.
  /// @throws std::out_of_range      a range that ends beyond 2^41.
  /// @throws std::length_error      the table does not fit into memory's index type.
  DistanceTable(Eigen::Index num_heads, DistanceRange range) : range_(range) {
    const char* const function = "DistanceTable";
    detail::require(num_heads >= 0, function, "num_heads", num_heads, ">= 0");
    detail::require_distance_range(function, range);
    detail::require_size(function, "num_heads", num_heads, range.size(), sizeof(Scalar));
    values_ = Values::Zero(num_heads, range.size());
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  DistanceRange range() const { return range_; }

  /// num_heads x range().size(): column m is the relative position range().min + m.
  const Values& values() const { return values_; }
  Values& values() { return values_; }

  /// The bias of `head` at key - query = relative, which must be in range().
  const Scalar& operator()(Eigen::Index head, Eigen::Index relative) const {
    return values_(head, relative - range_.min);
  }
  Scalar& operator()(Eigen::Index head, Eigen::Index relative) { return values_(head, relative - range_.min); }

 private:
  DistanceRange range_;
  Values values_;
};

namespace detail {

template <typename Scalar>
void require_distances(const char* function, const DistanceTable<Scalar>& table, const AttentionSpan& span) {
  // values() can be assigned a matrix of any shape.
  require(table.values().cols() == table.range().size(), function, "table.values().cols()", table.values().cols(),
          "table.range().size() ", table.range().size());
  const DistanceRange needed = span.distances();
  if (needed.size() <= 0) return;
  require_in_range(table.range().min <= needed.min, function, "table.range().min", table.range().min, "at most ",
                   needed.min, ", the smallest key - query of the span");
  require_in_range(table.range().max >= needed.max, function, "table.range().max", table.range().max, "at least ",
                   needed.max, ", the largest key - query of the span");
}

inline void require_head(const char* function, Eigen::Index head, Eigen::Index num_heads) {
  require_in_range(head >= 0 && head < num_heads, function, "head", head, "in [0, ", num_heads, ")");
}

/// x += the bias of one head. Rows for row-major x, reversed columns for column-major x: always along memory.
template <typename X, typename Scalar>
void add_head_bias(X& x, const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  const auto diagonal = table.values().row(head);
  const Eigen::Index origin = -table.range().min;
  if (span.key_len() == 0 || span.query_len() == 0) return;
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
  auto diagonal = grad_table.values().row(head);
  const Eigen::Index origin = -grad_table.range().min;
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

/// Adds the bias of one head to its logits, in place: logits(i, j) += table(head, j - (query_offset + i)).
///
/// @param[in,out] logits  L_q x L_k: any writable dense Eigen object, row- or column-major.
/// @param table           Covers the distances of the span; it may cover more, so one table serves every step.
/// @throws std::invalid_argument  another shape of logits.
/// @throws std::out_of_range      head, or a distance that the table lacks. `logits` is then unchanged.
/// Cost:     one addition for each logit, in order of memory; no allocation.
template <typename Logits, typename Scalar>
void add_distance_bias(Logits&& logits, const DistanceTable<Scalar>& table, const AttentionSpan& span,
                       Eigen::Index head) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape("add_distance_bias", "logits", x, span.query_len(), span.key_len());
  detail::require_head("add_distance_bias", head, table.num_heads());
  detail::require_distances("add_distance_bias", table, span);
  detail::add_head_bias(x, table, span, head, 0);
}

/// @overload
/// All heads stacked: logits is (num_heads L_q) x L_k, head by head.
template <typename Logits, typename Scalar>
void add_distance_bias(Logits&& logits, const DistanceTable<Scalar>& table, const AttentionSpan& span) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape("add_distance_bias", "logits", x, table.num_heads() * span.query_len(), span.key_len());
  detail::require_distances("add_distance_bias", table, span);
  for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
    detail::add_head_bias(x, table, span, head, head * span.query_len());
  }
}

/// Returns the bias of one head as a matrix, L_q x L_k, for those who want one.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_distance_bias(
    const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head) {
  detail::require_size("make_distance_bias", "span.query_len()", span.query_len(), span.key_len(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> bias =
      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>::Zero(span.query_len(), span.key_len());
  add_distance_bias(bias, table, span, head);
  return bias;
}

/// The gradient of add_distance_bias(): adds the diagonal sums of dL/d(logits) into `grad_table`.
///
///     grad_table(head, d) += sum over all (i, j) with j - (query_offset + i) = d of grad_logits(i, j)
///
/// Deterministic: rows are added in order. Several heads may be worked on at the same time. The table is of float or
/// double, whatever the logits are: 4,096 ones summed in half stop at 2,048.
/// @throws as add_distance_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit; no allocation.
template <typename Scalar, typename Derived>
void distance_bias_backward(DistanceTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                            const AttentionSpan& span, Eigen::Index head) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_shape("distance_bias_backward", "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_head("distance_bias_backward", head, grad_table.num_heads());
  detail::require_distances("distance_bias_backward", grad_table, span);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  detail::sum_diagonals(grad_table, grad_logits_values, span, head, 0);
}

/// @overload
/// All heads stacked: grad_logits is (num_heads L_q) x L_k.
template <typename Scalar, typename Derived>
void distance_bias_backward(DistanceTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                            const AttentionSpan& span) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_shape("distance_bias_backward", "grad_logits", grad_logits, grad_table.num_heads() * span.query_len(),
                        span.key_len());
  detail::require_distances("distance_bias_backward", grad_table, span);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    detail::sum_diagonals(grad_table, grad_logits_values, span, head, head * span.query_len());
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

// ---- posenc/relative_bias/alibi.hpp
/// ALiBi: a penalty that grows linearly with distance, steeper or flatter by head.
#ifndef POSENC_RELATIVE_BIAS_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_ALIBI_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The slopes of ALiBi for any number of heads.
///
/// With n = 2^floor(log2 num_heads) and b = bias_max: slope[h] = 2^(-b (h + 1) / n) for h < n, and for the heads beyond
/// every other slope of 2n heads, 2^(-b (2 (h - n) + 1) / (2n)). The paper's own formula, 2^(-8 (h + 1) / num_heads),
/// differs when num_heads is no power of two; checkpoints use this one.
/// @param num_heads  > 0.
/// @param bias_max   `alibi_bias_max` of MPT, finite and > 0; 8 everywhere else.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double.
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

namespace detail {

template <typename Derived>
void require_slopes(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& slopes) {
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = static_cast<double>(slopes.derived().reshaped()(head));
    if (!is_finite(slope)) refuse<std::invalid_argument>(function, element(parameter, head), slope, "finite");
  }
}

}  // namespace detail

/// What ALiBi does with keys after the query.
enum class AlibiForm {
  causal,    ///< slope * (key - query) everywhere; keys after the query are for the causal mask.
  symmetric  ///< -slope * |key - query|: encoders.
};

/// ALiBi with slopes of their own for keys before and after the query:
///
///     table(h, d) = left[h] d  for d <= 0,  -right[h] d  for d > 0        d = key - query
///
/// @param left, right  One slope for each head, finite. 0 switches a head off; trained slopes are fine.
/// @throws std::invalid_argument  lists of different length, or a slope that is not finite.
template <typename Scalar, typename Left, typename Right>
DistanceTable<Scalar> make_alibi_table(const Eigen::DenseBase<Left>& left, const Eigen::DenseBase<Right>& right,
                                       DistanceRange range) {
  const char* const function = "make_alibi_table";
  detail::require(right.size() == left.size(), function, "right.size()", right.size(), "left.size() ", left.size());
  detail::require_slopes(function, "left", left);
  detail::require_slopes(function, "right", right);
  DistanceTable<Scalar> table(left.size(), range);
  for (Eigen::Index head = 0; head < left.size(); ++head) {
    const double before = static_cast<double>(left.derived().reshaped()(head));
    const double after = static_cast<double>(right.derived().reshaped()(head));
    for (Eigen::Index d = range.min; d <= range.max; ++d) {
      const double distance = static_cast<double>(d);
      table(head, d) = detail::convert<Scalar>(d <= 0 ? before * distance : -after * distance);
    }
  }
  return table;
}

/// ALiBi.
///
/// The original adds slope * key, which differs from slope * (key - query) by a constant of each row: softmax does not
/// see it, and near the diagonal this form keeps the digits that matter.
/// @param slopes  alibi_slopes(num_heads), or one's own: for models that scale the bias with the logits (Falcon),
///                slopes / sqrt(head_dim); for a longer context, slopes * trained length / length (arXiv:2310.13017).
///                Finite; 0 switches a head off.
/// @throws std::invalid_argument  a slope that is not finite.
template <typename Scalar, typename Slopes>
DistanceTable<Scalar> make_alibi_table(const Eigen::DenseBase<Slopes>& slopes, DistanceRange range, AlibiForm form) {
  detail::require_slopes("make_alibi_table", "slopes", slopes);
  const Eigen::ArrayXd left = slopes.derived().reshaped().template cast<double>().array();
  const Eigen::ArrayXd right = form == AlibiForm::causal ? Eigen::ArrayXd(-left) : left;
  return make_alibi_table<Scalar>(left, right, range);
}

namespace detail {

struct AlibiSlopeGradients {
  double left = 0;
  double right = 0;
};

template <typename Scalar>
AlibiSlopeGradients alibi_slope_gradients(const DistanceTable<Scalar>& grad_table, Eigen::Index head) {
  AlibiSlopeGradients sums;
  for (Eigen::Index d = grad_table.range().min; d <= grad_table.range().max; ++d) {
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
/// @throws std::invalid_argument  another number of heads.
template <typename Slopes, typename Scalar>
void alibi_backward(Slopes&& grad_slopes, const DistanceTable<Scalar>& grad_table, AlibiForm form) {
  auto& grad = detail::written(std::forward<Slopes>(grad_slopes));
  detail::require(grad.size() == grad_table.num_heads(), "alibi_backward", "grad_slopes.size()", grad.size(),
                  "num_heads ", grad_table.num_heads());
  using Slope = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::entry(grad, head) += detail::convert<Slope>(form == AlibiForm::causal ? left - right : left + right);
  }
}

/// @overload
/// With slopes of their own on both sides: grad_left[h] += sum over d <= 0 of grad_table(h, d) d and grad_right[h] -=
/// sum over d > 0 of grad_table(h, d) d.
/// @throws std::invalid_argument  another number of heads; nothing is written then.
template <typename Left, typename Right, typename Scalar>
void alibi_backward(Left&& grad_left, Right&& grad_right, const DistanceTable<Scalar>& grad_table) {
  auto& dleft = detail::written(std::forward<Left>(grad_left));
  auto& dright = detail::written(std::forward<Right>(grad_right));
  detail::require(dleft.size() == grad_table.num_heads(), "alibi_backward", "grad_left.size()", dleft.size(),
                  "num_heads ", grad_table.num_heads());
  detail::require(dright.size() == grad_table.num_heads(), "alibi_backward", "grad_right.size()", dright.size(),
                  "num_heads ", grad_table.num_heads());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::entry(dleft, head) += detail::convert<typename std::decay_t<decltype(dleft)>::Scalar>(left);
    detail::entry(dright, head) += detail::convert<typename std::decay_t<decltype(dright)>::Scalar>(right);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ALIBI_HPP

// ---- posenc/relative_bias/mlp.hpp
/// BiasMlp: the small network that turns a distance into a bias, and dynamic position bias made from it.
#ifndef POSENC_RELATIVE_BIAS_MLP_HPP
#define POSENC_RELATIVE_BIAS_MLP_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Between the layers of a BiasMlp.
enum class Activation { relu, silu };

/// One layer, y = W x + b.
template <typename Scalar>
struct MlpLayer {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;  ///< outputs x inputs, as in PyTorch.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;                                  ///< outputs, or empty for none.
};

/// Layers with an activation between them (none after the last).
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

/// A gradient has the layers of its network.
template <typename Scalar>
void require_mlp_gradient(const char* function, const std::string& parameter, const BiasMlp<Scalar>& grad,
                          const BiasMlp<Scalar>& mlp) {
  if (grad.layers.size() != mlp.layers.size()) {
    refuse<std::invalid_argument>(function, parameter + ".layers.size()", grad.layers.size(), mlp.layers.size());
  }
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const std::string name = parameter + ".layers[" + std::to_string(k) + "]";
    require_shape(function, (name + ".weight").c_str(), grad.layers[k].weight, mlp.layers[k].weight.rows(),
                  mlp.layers[k].weight.cols());
    require_shape(function, (name + ".bias").c_str(), grad.layers[k].bias, mlp.layers[k].bias.rows(), 1);
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

/// Values before each activation, layer by layer; the last is the output. One row for each row of `inputs`.
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
MlpMatrix<Scalar> mlp_backward(BiasMlp<Scalar>& grad, const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs,
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

/// What a dynamic position bias feeds its network with.
enum class DistanceInput {
  linear,      ///< query - key.
  logarithmic  ///< sign(query - key) ln(|query - key| + 1).
};

namespace detail {

template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(DistanceRange range, DistanceInput input) {
  MlpMatrix<Scalar> inputs(range.size(), 1);
  for (Eigen::Index m = 0; m < range.size(); ++m) {
    const double distance = -static_cast<double>(range.min + m);
    const double size = std::log1p(std::abs(distance));
    inputs(m, 0) = static_cast<Scalar>(input == DistanceInput::linear ? distance : distance < 0 ? -size : size);
  }
  return inputs;
}

}  // namespace detail

/// Dynamic position bias: the network is asked once for each distance, not for each pair.
///
///     table(h, d) = mlp(f(-d))[h]        d = key - query, f as `input` says
///
/// @param mlp  1 input, one output for each head.
/// @throws std::invalid_argument  layers that do not fit together.
/// Cost:     range.size() evaluations of the network.
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPositionBias of x-transformers (SiLU, log_distance) without its layer norms.
template <typename Scalar>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, DistanceRange range, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 1);
  DistanceTable<Scalar> table(mlp.outputs(), range);
  table.values() = detail::mlp_forward(mlp, detail::distance_inputs<Scalar>(range, input)).back().transpose().array();
  return table;
}

/// The gradient of make_mlp_table(): adds into `grad_mlp`, which has the shape of `mlp` (mlp.zeros()).
/// @throws std::invalid_argument  another number of heads, or layers that do not fit together.
template <typename Scalar>
void mlp_backward(BiasMlp<Scalar>& grad_mlp, const DistanceTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                  DistanceInput input) {
  detail::require_mlp("mlp_backward", mlp, 1);
  detail::require_mlp_gradient("mlp_backward", "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), "mlp_backward", "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const auto inputs = detail::distance_inputs<Scalar>(grad_table.range(), input);
  detail::mlp_backward(grad_mlp, mlp, inputs, detail::mlp_forward(mlp, inputs),
                       detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_MLP_HPP

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

  /// From this query position on, the distance is relative to the query's position.
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

/// Inputs of the network for keys 0 ... L_k - 1 of one query at `position`, whose normalisation is that of `reach`.
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

/// Adds the bias of FIRE to the logits of all heads, in place. With n = query - key and i the query's position,
///
///     logits(h, i, j) += mlp(psi(n) / (psi(max(i, threshold)) + eps))[h]        psi(x) = ln(|c x| + 1)
///
/// While no query has reached the threshold this depends on the distance alone, and the network is asked L_q + L_k - 1
/// times; beyond it once for each key of a row.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head.
/// @throws std::invalid_argument  another shape; layers that do not fit together; c = 0; threshold 0; eps < 0.
/// @throws std::out_of_range      a negative query_offset.
/// Cost:     L_q + L_k - 1 or L_q L_k evaluations of the network; allocates its activations.
/// Source:   Li et al. 2023, arXiv:2310.04418.
template <typename Logits, typename Scalar>
void add_fire_bias(Logits&& logits, const Fire<Scalar>& fire, const AttentionSpan& span) {
  const char* const function = "add_fire_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_fire(function, fire, span);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_shape(function, "logits", x, num_heads * span.query_len(), span.key_len());
  if (span.query_len() == 0 || span.key_len() == 0) return;

  if (detail::fire_by_distance(fire, span)) {
    const DistanceRange range = span.distances();
    DistanceTable<Scalar> table(num_heads, range);
    const auto inputs = detail::fire_inputs(fire, -static_cast<double>(range.min), fire.threshold(), range.size());
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

namespace detail {

/// What the logits say about c and the threshold.
struct FireGradient {
  double c = 0;
  double threshold = 0;

  /// Adds the part of keys 0 ... L_k - 1 of a query at `position`. share: d reach / d threshold.
  template <typename Scalar>
  void add(BiasMlp<Scalar>& grad_mlp, const Fire<Scalar>& fire, double position, double reach, double share,
           const MlpMatrix<Scalar>& grad_out) {
    const auto inputs = fire_inputs(fire, position, reach, grad_out.rows());
    const auto grad_inputs = mlp_backward(grad_mlp, fire.mlp, inputs, mlp_forward(fire.mlp, inputs), grad_out);
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
/// @param[in,out] grad_fire  fire.zeros(), or the sum so far.
/// @param grad_logits        (num_heads L_q) x L_k.
/// Where the threshold equals a query's position, each side of the maximum gets half.
/// @throws as add_fire_bias(), and std::invalid_argument for a grad_fire of other layers; nothing is written then.
/// Cost:     as add_fire_bias(), about three times.
template <typename Scalar, typename Derived>
void fire_backward(Fire<Scalar>& grad_fire, const Eigen::DenseBase<Derived>& grad_logits, const Fire<Scalar>& fire,
                   const AttentionSpan& span) {
  const char* const function = "fire_backward";
  detail::require_fire(function, fire, span);
  detail::require_mlp_gradient(function, "grad_fire.mlp", grad_fire.mlp, fire.mlp);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_shape(function, "grad_logits", grad_logits, num_heads * span.query_len(), span.key_len());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  if (span.query_len() == 0 || span.key_len() == 0) return;
  const double threshold = fire.threshold();
  detail::FireGradient grad;
  if (detail::fire_by_distance(fire, span)) {
    const DistanceRange range = span.distances();
    DistanceTable<Scalar> grad_table(num_heads, range);
    distance_bias_backward(grad_table, grad_logits_values, span);
    grad.add(grad_fire.mlp, fire, -static_cast<double>(range.min), threshold, 1,
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

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FIRE_HPP

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
void require_kerple(const char* function, const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p,
                    KerpleKernel kernel) {
  require(p.size() == a.size(), function, "p.size()", p.size(), "a.size() ", a.size());
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
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

/// The bias of KERPLE for a range of distances.
///
/// @param a, p  One number for each head, > 0, p <= 2 for the power kernel. The authors clamp both to at least 0.01 in
///              every step of training.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one logarithm or power for each head and distance, not for each logit.
/// Source:   Chi et al. 2022, arXiv:2205.09921.
template <typename Scalar, typename A, typename P>
DistanceTable<Scalar> make_kerple_table(const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p, DistanceRange range,
                                        KerpleKernel kernel) {
  detail::require_kerple("make_kerple_table", a, p, kernel);
  DistanceTable<Scalar> table(a.size(), range);
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
    for (Eigen::Index d = range.min; d <= range.max; ++d) {
      const double n = std::abs(static_cast<double>(d));
      const double bias =
          kernel == KerpleKernel::logarithmic ? -p_value * std::log1p(a_value * n) : -a_value * std::pow(n, p_value);
      table(head, d) = detail::convert<Scalar>(bias);
    }
  }
  return table;
}

/// The gradient of make_kerple_table(): adds into grad_a and grad_p, one number for each head.
///
///     logarithmic   dL/dp = -sum g ln(1 + a n)      dL/da = -sum g p n / (1 + a n)
///     power         dL/da = -sum g n^p              dL/dp = -sum g a n^p ln n        g = grad_table(h, d)
///
/// @throws std::invalid_argument  parameters as above, or another number of heads.
template <typename GradA, typename GradP, typename Scalar, typename A, typename P>
void kerple_backward(GradA&& grad_a, GradP&& grad_p, const DistanceTable<Scalar>& grad_table,
                     const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p, KerpleKernel kernel) {
  const char* const function = "kerple_backward";
  auto& da = detail::written(std::forward<GradA>(grad_a));
  auto& dp = detail::written(std::forward<GradP>(grad_p));
  detail::require_kerple(function, a, p, kernel);
  detail::require(a.size() == grad_table.num_heads(), function, "a.size()", a.size(), "num_heads ",
                  grad_table.num_heads());
  detail::require(da.size() == a.size(), function, "grad_a.size()", da.size(), "num_heads ", a.size());
  detail::require(dp.size() == a.size(), function, "grad_p.size()", dp.size(), "num_heads ", a.size());
  const auto add = [](auto& target, Eigen::Index head, double value) {
    detail::entry(target, head) += detail::convert<typename std::decay_t<decltype(target)>::Scalar>(value);
  };
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
    double sum_a = 0;
    double sum_p = 0;
    for (Eigen::Index d = grad_table.range().min; d <= grad_table.range().max; ++d) {
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
    add(da, head, sum_a);
    add(dp, head, sum_p);
  }
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

/// The bias of Sandwich for a range of distances d = key - query:
///
///     table(h, d) = (sum over m = 1 ... D/2 of cos(d base^(-2m/D)) - D/2) num_heads / (8 (h + 1))
///
/// @param num_heads  > 0.
/// @param dim        D, even and > 0.
/// @param base       Finite, > 0 and not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     D/2 cosines for each distance, from the shared generator.
/// Source:   Chi et al. 2023, arXiv:2212.10356.
/// Matches:  sandwich_relative_position_embedding of NVIDIA NeMo, where D is the head width.
template <typename Scalar>
DistanceTable<Scalar> make_sandwich_table(Eigen::Index num_heads, Eigen::Index dim, DistanceRange range,
                                          double base = 10000) {
  const char* const function = "make_sandwich_table";
  detail::require(num_heads > 0, function, "num_heads", num_heads, "> 0");
  detail::require_rotary_dim(function, "dim", dim);
  detail::require_base(function, base);
  DistanceTable<Scalar> table(num_heads, range);
  Eigen::ArrayXd frequencies(dim / 2);
  for (Eigen::Index m = 1; m <= dim / 2; ++m) {
    frequencies[m - 1] = std::pow(base, -2 * static_cast<double>(m) / static_cast<double>(dim));
  }
  Eigen::ArrayXd sums = Eigen::ArrayXd::Constant(range.size(), -static_cast<double>(dim) / 2);
  const detail::RangePositions positions(function, {range.min, range.size()});
  detail::for_each_angle(Frequencies(frequencies), 1.0, positions,
                         [&](Eigen::Index row, Eigen::Index, int count, const double* cosine, const double*) {
                           for (int i = 0; i < count; ++i) sums[row] += cosine[i];
                         });
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const double scale = static_cast<double>(num_heads) / (8 * static_cast<double>(head + 1));
    for (Eigen::Index m = 0; m < range.size(); ++m) {
      table(head, range.min + m) = detail::convert<Scalar>(sums[m] * scale);
    }
  }
  return table;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SANDWICH_HPP

// ---- posenc/detail/log_buckets.hpp
/// Logarithmic buckets of distances in exact integer arithmetic.
///
/// The published formulas truncate a quotient of two logarithms. At the powers where the quotient is a whole number, a
/// logarithm one ulp low puts a distance into the wrong bucket; integers cannot.
#ifndef POSENC_DETAIL_LOG_BUCKETS_HPP
#define POSENC_DETAIL_LOG_BUCKETS_HPP

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

#endif  // POSENC_DETAIL_LOG_BUCKETS_HPP

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
    detail::require(max_distance > max_exact_ && max_distance < (Eigen::Index(1) << 31), function, "max_distance",
                    max_distance, "> max_exact ", max_exact_, " and < 2^31");
    first_distance_ = detail::log_thresholds(max_exact_, max_distance, per_direction_ - max_exact_);
    first_distance_.pop_back();  // max_distance itself stays in the last bucket
  }

  Eigen::Index num_buckets() const { return num_buckets_; }
  bool bidirectional() const { return bidirectional_; }

  /// The bucket of a relative position key - query, in [0, num_buckets).
  Eigen::Index operator()(std::int64_t relative) const {
    const Eigen::Index side = bidirectional_ && relative > 0 ? per_direction_ : 0;
    const std::int64_t n = relative > 0 ? (bidirectional_ ? relative : 0)
                                        : -(std::max)(relative, -(std::numeric_limits<std::int64_t>::max)());
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

/// The bias of T5 for a range of distances: table(h, d) = weights(buckets(d), h).
///
/// T5 adds it to logits that are not divided by sqrt(head_dim), computes it once and uses it in every layer.
/// @param weights  num_buckets x num_heads, `relative_attention_bias.weight`; T5X stores its transpose.
/// @param range    span.distances(), or DistanceRange::causal(n) / symmetric(n) for every length up to n.
/// @throws std::invalid_argument  weights.rows() is not num_buckets.
template <typename Derived>
DistanceTable<typename Derived::Scalar> make_t5_table(const Eigen::DenseBase<Derived>& weights,
                                                      const T5Buckets& buckets, DistanceRange range) {
  detail::require(weights.rows() == buckets.num_buckets(), "make_t5_table", "weights.rows()", weights.rows(),
                  "num_buckets ", buckets.num_buckets());
  const auto& weights_values = detail::evaluated(weights);
  DistanceTable<typename Derived::Scalar> table(weights_values.cols(), range);
  for (Eigen::Index d = range.min; d <= range.max; ++d) {
    const Eigen::Index bucket = buckets(d);
    for (Eigen::Index head = 0; head < weights_values.cols(); ++head)
      table(head, d) = weights_values.coeff(bucket, head);
  }
  return table;
}

/// The gradient of make_t5_table(): grad_weights(buckets(d), h) += grad_table(h, d), in order of d.
/// @param[in,out] grad_weights  num_buckets x num_heads.
/// @throws std::invalid_argument  another shape.
template <typename Weights, typename Scalar>
void t5_backward(Weights&& grad_weights, const DistanceTable<Scalar>& grad_table, const T5Buckets& buckets) {
  auto& grad = detail::written(std::forward<Weights>(grad_weights));
  detail::require_shape("t5_backward", "grad_weights", grad, buckets.num_buckets(), grad_table.num_heads());
  for (Eigen::Index d = grad_table.range().min; d <= grad_table.range().max; ++d) {
    const Eigen::Index bucket = buckets(d);
    for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
      auto& target = grad.coeffRef(bucket, head);
      target += detail::convert<std::decay_t<decltype(target)>>(grad_table(head, d));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_T5_HPP

// ---- posenc/relative_bias/window.hpp
/// Biases in two-dimensional windows: Swin, and BEiT with its class token.
#ifndef POSENC_RELATIVE_BIAS_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// A window of height x width tokens, numbered row by row.
struct WindowShape {
  Eigen::Index height = 0;
  Eigen::Index width = 0;

  Eigen::Index tokens() const { return height * width; }
  /// Number of different displacements between two tokens: (2 height - 1)(2 width - 1).
  Eigen::Index displacements() const { return (2 * height - 1) * (2 * width - 1); }
};

namespace detail {

inline void require_window_shape(const char* function, const char* parameter, const WindowShape& window) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 20;
  const std::string name = parameter;
  if (window.height <= 0 || window.height > limit) {
    refuse<std::invalid_argument>(function, name + ".height", window.height, "> 0 and at most ", limit);
  }
  if (window.width <= 0 || window.width > limit) {
    refuse<std::invalid_argument>(function, name + ".width", window.width, "> 0 and at most ", limit);
  }
}

}  // namespace detail

/// Returns the index of Swin, tokens x tokens, into a table of window.displacements() rows:
///
///     index(t, u) = (row(t) - row(u) + height - 1)(2 width - 1) + column(t) - column(u) + width - 1    t query, u key
///
/// For those who gather; add_window_bias() needs no index.
/// @throws std::invalid_argument  a side that is not > 0.
/// Matches:  relative_position_index of Swin-Transformer and timm, equal to PyTorch's in tests/.
inline Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> window_index(
    const WindowShape& window) {
  detail::require_window_shape("window_index", "window", window);
  const Eigen::Index n = window.tokens();
  detail::require_size("window_index", "window.tokens()", n, n, sizeof(Eigen::Index));
  Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> index(n, n);
  for (Eigen::Index t = 0; t < n; ++t) {
    for (Eigen::Index u = 0; u < n; ++u) {
      const Eigen::Index rows = t / window.width - u / window.width + window.height - 1;
      const Eigen::Index columns = t % window.width - u % window.width + window.width - 1;
      index(t, u) = rows * (2 * window.width - 1) + columns;
    }
  }
  return index;
}

/// Whether a window's tokens have a class token in front of them, and three more biases for it (BEiT).
enum class ClassToken { none, first };

/// A bias by displacement within a window: one number per head and (key - query) in rows and columns.
///
/// For a fixed query, the keys of one window row lie side by side here, so adding the bias is `height` runs of
/// additions for each query: no index matrix, no gather.
template <typename Scalar_>
class WindowTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros.
  /// @throws std::invalid_argument  num_heads < 0, or a side that is not > 0.
  WindowTable(Eigen::Index num_heads, const WindowShape& window, ClassToken class_token = ClassToken::none)
      : window_(window), class_token_(class_token) {
    detail::require(num_heads >= 0, "WindowTable", "num_heads", num_heads, ">= 0");
    detail::require_window_shape("WindowTable", "window", window);
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
  const Values& values() const { return values_; }
  Values& values() { return values_; }
  /// num_heads x 3 with a class token: class to token, token to class, class to class. Else num_heads x 0.
  const Values& class_values() const { return class_values_; }
  Values& class_values() { return class_values_; }

 private:
  WindowShape window_;
  ClassToken class_token_;
  Values values_;
  Values class_values_;
};

/// The bias of Swin v1 or BEiT from a checkpoint's `relative_position_bias_table`.
///
/// @param weights  window.displacements() x num_heads by query - key (row 0: the key at the far corner), and with a
///                 class token three more rows: class to token, token to class, class to class.
/// @throws std::invalid_argument  another number of rows.
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
template <typename Derived>
WindowTable<typename Derived::Scalar> make_window_table(const Eigen::DenseBase<Derived>& weights,
                                                        const WindowShape& window,
                                                        ClassToken class_token = ClassToken::none) {
  WindowTable<typename Derived::Scalar> table(weights.cols(), window, class_token);
  const Eigen::Index n = window.displacements();
  detail::require(weights.rows() == n + table.class_values().cols(), "make_window_table", "weights.rows()",
                  weights.rows(), n + table.class_values().cols());
  const auto& weights_values = detail::evaluated(weights);
  for (Eigen::Index head = 0; head < weights_values.cols(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) table.values()(head, m) = weights_values.coeff(n - 1 - m, head);
    for (Eigen::Index m = 0; m < table.class_values().cols(); ++m) {
      table.class_values()(head, m) = weights_values.coeff(n + m, head);
    }
  }
  return table;
}

/// The gradient of make_window_table(): adds into grad_weights, which has the shape of the weights.
/// @throws std::invalid_argument  another shape.
template <typename Weights, typename Scalar>
void window_table_backward(Weights&& grad_weights, const WindowTable<Scalar>& grad_table) {
  auto& grad = detail::written(std::forward<Weights>(grad_weights));
  const Eigen::Index n = grad_table.window().displacements();
  detail::require_shape("window_table_backward", "grad_weights", grad, n + grad_table.class_values().cols(),
                        grad_table.num_heads());
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) {
      grad.coeffRef(n - 1 - m, head) += detail::convert<Target>(grad_table.values()(head, m));
    }
    for (Eigen::Index m = 0; m < grad_table.class_values().cols(); ++m) {
      grad.coeffRef(n + m, head) += detail::convert<Target>(grad_table.class_values()(head, m));
    }
  }
}

namespace detail {

/// run(query token, first key, count, first column of values) for every run of keys, window tokens only, and
/// single(query, key, column of class_values) for the pairs with the class token.
template <typename Scalar, typename Run, typename Single>
void for_each_window_run(const WindowTable<Scalar>& table, Run&& run, Single&& single) {
  const WindowShape& window = table.window();
  const Eigen::Index first = table.class_token() == ClassToken::first ? 1 : 0;
  for (Eigen::Index t = 0; t < window.tokens(); ++t) {
    const Eigen::Index row = t / window.width;
    const Eigen::Index column = t % window.width;
    for (Eigen::Index key_row = 0; key_row < window.height; ++key_row) {
      const Eigen::Index begin =
          (key_row - row + window.height - 1) * (2 * window.width - 1) + window.width - 1 - column;
      run(first + t, first + key_row * window.width, window.width, begin);
    }
  }
  if (first == 0) return;
  for (Eigen::Index t = 1; t <= window.tokens(); ++t) {
    single(Eigen::Index(0), t, Eigen::Index(0));
    single(t, Eigen::Index(0), Eigen::Index(1));
  }
  single(Eigen::Index(0), Eigen::Index(0), Eigen::Index(2));
}

/// values() and class_values() can be assigned a matrix of any shape.
template <typename Scalar>
void require_window_values(const char* function, const WindowTable<Scalar>& table) {
  const auto& class_values = table.class_values();
  const Eigen::Index singles = table.class_token() == ClassToken::first ? 3 : 0;
  require(table.values().cols() == table.window().displacements(), function, "table.values().cols()",
          table.values().cols(), table.window().displacements());
  require(class_values.rows() == table.num_heads(), function, "table.class_values().rows()", class_values.rows(),
          table.num_heads());
  require(class_values.cols() == singles, function, "table.class_values().cols()", class_values.cols(), singles);
}

template <typename X, typename Scalar>
void add_window_head(X& x, const WindowTable<Scalar>& table, Eigen::Index head, Eigen::Index first_row) {
  using Target = typename X::Scalar;
  using Number = ArithmeticScalar<Target, Scalar>;
  const auto values = table.values().row(head);
  for_each_window_run(
      table,
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        add_rounded_once(x.row(first_row + query).segment(key, count), values.segment(column, count));
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        Target& target = x.coeffRef(first_row + query, key);
        target = convert<Target>(convert<Number>(target) + convert<Number>(table.class_values()(head, column)));
      });
}

template <typename Scalar, typename Grad>
void sum_window_head(WindowTable<Scalar>& grad_table, const Grad& grad, Eigen::Index head, Eigen::Index first_row) {
  auto values = grad_table.values().row(head);
  for_each_window_run(
      grad_table,
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        values.segment(column, count) +=
            grad.row(first_row + query).segment(key, count).array().template cast<Scalar>();
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        grad_table.class_values()(head, column) += convert<Scalar>(grad.coeff(first_row + query, key));
      });
}

}  // namespace detail

/// Adds the bias of one head to the logits of one window, in place.
///
/// @param[in,out] logits  table.tokens() x table.tokens().
/// @throws std::invalid_argument  another shape.
/// @throws std::out_of_range      head. `logits` is then unchanged.
/// Cost:     one addition for each logit, in runs of `width`; no index, no allocation.
template <typename Logits, typename Scalar>
void add_window_bias(Logits&& logits, const WindowTable<Scalar>& table, Eigen::Index head) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_window_values("add_window_bias", table);
  detail::require_shape("add_window_bias", "logits", x, table.tokens(), table.tokens());
  detail::require_head("add_window_bias", head, table.num_heads());
  detail::add_window_head(x, table, head, 0);
}

/// @overload
/// All heads stacked: logits is (num_heads tokens) x tokens, head by head.
template <typename Logits, typename Scalar>
void add_window_bias(Logits&& logits, const WindowTable<Scalar>& table) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_window_values("add_window_bias", table);
  detail::require_shape("add_window_bias", "logits", x, table.num_heads() * table.tokens(), table.tokens());
  for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
    detail::add_window_head(x, table, head, head * table.tokens());
  }
}

/// Returns the bias of one head as a matrix, tokens x tokens, for those who want one.
/// @throws std::out_of_range  head.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_window_bias(
    const WindowTable<Scalar>& table, Eigen::Index head) {
  using Bias = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  detail::require_window_values("make_window_bias", table);
  detail::require_head("make_window_bias", head, table.num_heads());
  detail::require_size("make_window_bias", "table.tokens()", table.tokens(), table.tokens(), sizeof(Scalar));
  Bias bias = Bias::Zero(table.tokens(), table.tokens());
  add_window_bias(bias, table, head);
  return bias;
}

/// The gradient of add_window_bias(): adds the sums over equal displacements into `grad_table`, of float or double.
/// @throws as add_window_bias(); grad_table is then unchanged.
template <typename Scalar, typename Derived>
void window_bias_backward(WindowTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                          Eigen::Index head) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_window_values("window_bias_backward", grad_table);
  detail::require_shape("window_bias_backward", "grad_logits", grad_logits, grad_table.tokens(), grad_table.tokens());
  detail::require_head("window_bias_backward", head, grad_table.num_heads());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  detail::sum_window_head(grad_table, grad_logits_values, head, 0);
}

/// @overload
template <typename Scalar, typename Derived>
void window_bias_backward(WindowTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_window_values("window_bias_backward", grad_table);
  detail::require_shape("window_bias_backward", "grad_logits", grad_logits,
                        grad_table.num_heads() * grad_table.tokens(), grad_table.tokens());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    detail::sum_window_head(grad_table, grad_logits_values, head, head * grad_table.tokens());
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_HPP

// ---- posenc/relative_bias/decomposed.hpp
/// Decomposed relative positions of vision backbones (MViTv2, SAM): rows and columns apart, by content.
#ifndef POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
#define POSENC_RELATIVE_BIAS_DECOMPOSED_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The table row for query coordinate q and key coordinate k along one side, tables having 2 max(sides) - 1 rows:
/// int(q max(key/query, 1) - k max(query/key, 1) + (key - 1) max(query/key, 1)), in integers.
inline Eigen::Index decomposed_row(Eigen::Index q, Eigen::Index k, Eigen::Index query_side, Eigen::Index key_side) {
  const Eigen::Index longer = (std::max)(query_side, key_side);
  const Eigen::Index numerator = q * longer * key_side + (key_side - 1 - k) * longer * query_side;
  return numerator / (query_side * key_side);
}

template <typename Query, typename Rows, typename Columns>
void require_decomposed(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Rows>& rel_h,
                        const Eigen::MatrixBase<Columns>& rel_w, const WindowShape& query, const WindowShape& key) {
  require_window_shape(function, "query", query);
  require_window_shape(function, "key", key);
  require(q.rows() == query.tokens(), function, "q.rows()", q.rows(), "query.tokens() ", query.tokens());
  require_shape(function, "rel_h", rel_h, 2 * (std::max)(query.height, key.height) - 1, q.cols());
  require_shape(function, "rel_w", rel_w, 2 * (std::max)(query.width, key.width) - 1, q.cols());
}

}  // namespace detail

/// Adds the decomposed relative positions of one head to its logits, in place. With query token t = (h, w) and key
/// token u = (y, x), both numbered row by row,
///
///     logits(t, u) += q[t] . rel_h[row(h, y)] + q[t] . rel_w[row(w, x)]
///
/// @param[in,out] logits  query.tokens() x key.tokens(). float or double, as the rest.
/// @param q               query.tokens() x head_dim, not scaled: the logits are already.
/// @param rel_h, rel_w    2 max(query side, key side) - 1 rows each, x head_dim. Tables of another length are resized
///                        first (linearly, half-pixel).
/// @param query, key      Grids; they may differ (pooled keys).
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     tokens (height + width) head_dim multiply-adds and two additions for each logit; no allocation.
/// Source:   Li et al. 2021, arXiv:2112.01526 (MViTv2). Matches: add_decomposed_rel_pos of Segment Anything.
template <typename Logits, typename Query, typename Rows, typename Columns>
void add_decomposed_bias(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Rows>& rel_h,
                         const Eigen::MatrixBase<Columns>& rel_w, const WindowShape& query, const WindowShape& key) {
  const char* const function = "add_decomposed_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_decomposed(function, q, rel_h, rel_w, query, key);
  detail::require_shape(function, "logits", x, query.tokens(), key.tokens());
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h_values = detail::evaluated(rel_h);
  const auto& rel_w_values = detail::evaluated(rel_w);
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height; ++y) {
      const Eigen::Index row = detail::decomposed_row(t / query.width, y, query.height, key.height);
      x.row(t).segment(y * key.width, key.width).array() += q_values.row(t).dot(rel_h_values.row(row));
    }
    for (Eigen::Index u = 0; u < key.width; ++u) {
      const Eigen::Index row = detail::decomposed_row(t % query.width, u, query.width, key.width);
      const auto score = q_values.row(t).dot(rel_w_values.row(row));
      for (Eigen::Index y = 0; y < key.height; ++y) x.coeffRef(t, y * key.width + u) += score;
    }
  }
}

/// The gradient of add_decomposed_bias(): adds into grad_q, grad_h and grad_w, each of the shape of its parameter.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Query, typename Rows,
          typename Columns>
void decomposed_backward(GradQuery&& grad_q, GradRows&& grad_h, GradColumns&& grad_w,
                         const Eigen::MatrixBase<Grad>& grad_logits, const Eigen::MatrixBase<Query>& q,
                         const Eigen::MatrixBase<Rows>& rel_h, const Eigen::MatrixBase<Columns>& rel_w,
                         const WindowShape& query, const WindowShape& key) {
  const char* const function = "decomposed_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dh = detail::written(std::forward<GradRows>(grad_h));
  auto& dw = detail::written(std::forward<GradColumns>(grad_w));
  detail::require_decomposed(function, q, rel_h, rel_w, query, key);
  detail::require_shape(function, "grad_logits", grad_logits, query.tokens(), key.tokens());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_h", dh, rel_h.rows(), rel_h.cols());
  detail::require_shape(function, "grad_w", dw, rel_w.rows(), rel_w.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h_values = detail::evaluated(rel_h);
  const auto& rel_w_values = detail::evaluated(rel_w);
  using Scalar = typename Query::Scalar;
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height; ++y) {
      const Eigen::Index row = detail::decomposed_row(t / query.width, y, query.height, key.height);
      const Scalar sum = grad_logits_values.row(t).segment(y * key.width, key.width).sum();
      dq.row(t) += sum * rel_h_values.row(row);
      dh.row(row) += sum * q_values.row(t);
    }
    for (Eigen::Index u = 0; u < key.width; ++u) {
      const Eigen::Index row = detail::decomposed_row(t % query.width, u, query.width, key.width);
      Scalar sum = 0;
      for (Eigen::Index y = 0; y < key.height; ++y) sum += grad_logits_values.coeff(t, y * key.width + u);
      dq.row(t) += sum * rel_w_values.row(row);
      dw.row(row) += sum * q_values.row(t);
    }
  }
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

/// How far two tokens of a grid are apart.
enum class GridDistance {
  manhattan,  ///< |rows| + |columns|
  euclidean   ///< sqrt(rows^2 + columns^2)
};

namespace detail {

/// Distance of the displacement in column m of WindowTable::values().
inline double grid_distance(const WindowShape& window, Eigen::Index m, GridDistance distance) {
  const double rows = static_cast<double>(m / (2 * window.width - 1) - (window.height - 1));
  const double columns = static_cast<double>(m % (2 * window.width - 1) - (window.width - 1));
  return distance == GridDistance::manhattan ? std::abs(rows) + std::abs(columns) : std::hypot(rows, columns);
}

}  // namespace detail

/// ALiBi on a grid: the bias of two tokens is -slope[h] times their distance.
/// @param slopes  One for each head: alibi_slopes(num_heads), or trained ones; 0 switches a head off.
/// @throws std::invalid_argument  a slope that is not finite, or a side that is not > 0.
/// Cost:     one product for each head and displacement.
/// Source:   Press et al. 2022, arXiv:2108.12409, with the distance in two dimensions.
/// Matches:  get_alibi of fairseq's data2vec 2.0 in two dimensions.
template <typename Scalar, typename Slopes>
WindowTable<Scalar> make_grid_alibi_table(const Eigen::DenseBase<Slopes>& slopes, const WindowShape& window,
                                          GridDistance distance) {
  detail::require_slopes("make_grid_alibi_table", "slopes", slopes);
  WindowTable<Scalar> table(slopes.size(), window);
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = static_cast<double>(slopes.derived().reshaped()(head));
    for (Eigen::Index m = 0; m < window.displacements(); ++m) {
      table.values()(head, m) = detail::convert<Scalar>(-slope * detail::grid_distance(window, m, distance));
    }
  }
  return table;
}

/// The gradient of make_grid_alibi_table(): grad_slopes[h] -= the sum of grad_table times distance.
/// @throws std::invalid_argument  another number of heads.
template <typename Slopes, typename Scalar>
void grid_alibi_backward(Slopes&& grad_slopes, const WindowTable<Scalar>& grad_table, GridDistance distance) {
  auto& grad = detail::written(std::forward<Slopes>(grad_slopes));
  detail::require(grad.size() == grad_table.num_heads(), "grid_alibi_backward", "grad_slopes.size()", grad.size(),
                  "num_heads ", grad_table.num_heads());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    double sum = 0;
    for (Eigen::Index m = 0; m < grad_table.window().displacements(); ++m) {
      sum -=
          static_cast<double>(grad_table.values()(head, m)) * detail::grid_distance(grad_table.window(), m, distance);
    }
    detail::entry(grad, head) += detail::convert<typename std::decay_t<decltype(grad)>::Scalar>(sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP

// ---- posenc/detail/spline.hpp
/// Interpolation between values at uneven places, as lists of weights: straight lines, and a cubic spline.
#ifndef POSENC_DETAIL_SPLINE_HPP
#define POSENC_DETAIL_SPLINE_HPP

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

#endif  // POSENC_DETAIL_SPLINE_HPP

// ---- posenc/relative_bias/resize_window.hpp
/// Brings the bias table of a window to another window.
#ifndef POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// From which window to which. Neither need be square.
struct WindowResize {
  WindowShape from;
  WindowShape to;
  ClassToken class_token = ClassToken::none;  ///< With one, the last three rows of the tables are copied.
};

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
  const std::size_t centre = static_cast<std::size_t>(from - 1);
  double distance = 1;
  for (std::size_t i = 1; i <= centre; ++i) {
    at[centre + i] = distance;
    at[centre - i] = -distance;
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

/// How an axis of `from` tokens becomes one of `to` tokens, by its distances.
using WindowAxisTaps = Taps (*)(Eigen::Index from, Eigen::Index to);

inline Taps bicubic_window_taps(Eigen::Index from, Eigen::Index to) { return cubic_taps(2 * from - 1, 2 * to - 1); }

inline Taps geometric_window_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(2 * from - 1);
  return spline_taps(geometric_distances(from, to), whole_distances(to));
}

inline Taps geometric_linear_window_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(2 * from - 1);
  return lerp_taps(geometric_distances(from, to), whole_distances(to));
}

template <typename To, typename From>
void require_window_resize(const char* function, const char* to_name, const To& to_weights, const WindowShape& to,
                           const char* from_name, const Eigen::DenseBase<From>& from_weights, const WindowShape& from,
                           const WindowResize& resize) {
  require_window_shape(function, "resize.from", resize.from);
  require_window_shape(function, "resize.to", resize.to);
  const Eigen::Index extra = resize.class_token == ClassToken::first ? 3 : 0;
  require_shape(function, from_name, from_weights, from.displacements() + extra, from_weights.cols());
  require_shape(function, to_name, to_weights, to.displacements() + extra, from_weights.cols());
  require_apart(function, to_name, to_weights, from_weights);
}

/// A spline needs four distances, which is three tokens.
inline void require_spline_sides(const char* function, const WindowResize& resize) {
  if (resize.from.height != resize.to.height && resize.from.height < 3) {
    refuse<std::invalid_argument>(function, "resize.from.height", resize.from.height, "at least 3 where it changes");
  }
  if (resize.from.width != resize.to.width && resize.from.width < 3) {
    refuse<std::invalid_argument>(function, "resize.from.width", resize.from.width, "at least 3 where it changes");
  }
}

/// What is between the two axes is held in double, so that the result is rounded once.
template <typename Scalar>
using ResizeScratch = Eigen::Matrix<std::conditional_t<is_storage<Scalar>, double, Scalar>, Eigen::Dynamic,
                                    Eigen::Dynamic, Eigen::RowMajor>;

template <typename Out, typename Derived>
void resize_window(const char* function, Out&& out_weights, const Eigen::DenseBase<Derived>& weights,
                   const WindowResize& resize, WindowAxisTaps axis_taps) {
  auto& out = written(std::forward<Out>(out_weights));
  require_window_resize(function, "out_weights", out, resize.to, "weights", weights, resize.from, resize);
  const Taps rows = axis_taps(resize.from.height, resize.to.height);
  const Taps columns = axis_taps(resize.from.width, resize.to.width);
  const Eigen::Index from_rows = 2 * resize.from.height - 1;
  const Eigen::Index to_width = 2 * resize.to.width - 1;
  ResizeScratch<typename std::decay_t<decltype(out)>::Scalar> half(from_rows * to_width, weights.cols());
  apply_taps<false>(half, weights.derived(),
                    grid_taps(identity_taps(from_rows), columns, 2 * resize.from.width - 1, 0));
  auto grid = out.topRows(resize.to.displacements());
  apply_taps<false>(grid, half, grid_taps(rows, identity_taps(to_width), to_width, 0));
  for (Eigen::Index i = resize.to.displacements(), j = resize.from.displacements(); i < out.rows(); ++i, ++j) {
    for (Eigen::Index head = 0; head < out.cols(); ++head) {
      out.coeffRef(i, head) = convert<typename std::decay_t<decltype(out)>::Scalar>(weights.derived().coeff(j, head));
    }
  }
}

template <typename Grad, typename Derived>
void resize_window_backward(const char* function, Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                            const WindowResize& resize, WindowAxisTaps axis_taps) {
  auto& grad = written(std::forward<Grad>(grad_weights));
  using Scalar = typename std::decay_t<decltype(grad)>::Scalar;
  require_window_resize(function, "grad_weights", grad, resize.from, "grad_out", grad_out, resize.to, resize);
  const Taps rows = axis_taps(resize.from.height, resize.to.height);
  const Taps columns = axis_taps(resize.from.width, resize.to.width);
  const Eigen::Index from_rows = 2 * resize.from.height - 1;
  const Eigen::Index from_width = 2 * resize.from.width - 1;
  const Eigen::Index to_width = 2 * resize.to.width - 1;
  ResizeScratch<Scalar> half(from_rows * to_width, grad_out.cols());
  apply_taps<false>(half, grad_out.derived(),
                    grid_taps(transposed(rows, from_rows), identity_taps(to_width), to_width, 0));
  auto grid = grad.topRows(resize.from.displacements());
  apply_taps<true>(grid, half, grid_taps(identity_taps(from_rows), transposed(columns, from_width), to_width, 0));
  using Number = ArithmeticScalar<Scalar, typename Derived::Scalar>;
  for (Eigen::Index i = resize.from.displacements(), j = resize.to.displacements(); i < grad.rows(); ++i, ++j) {
    for (Eigen::Index head = 0; head < grad.cols(); ++head) {
      Scalar& target = grad.coeffRef(i, head);
      target = convert<Scalar>(Number(convert<Number>(target) + convert<Number>(grad_out.derived().coeff(j, head))));
    }
  }
}

}  // namespace detail

/// Resizes the bias table of a window as an image of (2 height - 1) x (2 width - 1) pixels, with the cubic kernel of
/// Keys, a = -0.75: half-pixel centres, the border repeated.
///
/// @param[out] out_weights  resize.to.displacements() x num_heads, and three more rows with a class token: the layout
///                          of checkpoints, which make_window_table() reads. Any writable Eigen expression.
/// @param weights           resize.from.displacements() x num_heads, likewise.
/// @throws std::invalid_argument  other shapes; a side that is not > 0; memory that overlaps. `out_weights` is then
///                                unchanged.
/// Cost:     eight multiply-adds for each value, an image in double between the axes, and lists of weights.
/// Accuracy: formed in double and rounded once. A window that stays is copied bit for bit.
/// Matches:  load_pretrained of Swin-Transformer, F.interpolate(mode="bicubic") of PyTorch.
template <typename Out, typename Derived>
void resize_window_bicubic(Out&& out_weights, const Eigen::DenseBase<Derived>& weights, const WindowResize& resize) {
  detail::resize_window("resize_window_bicubic", std::forward<Out>(out_weights), weights, resize,
                        detail::bicubic_window_taps);
}

/// The adjoint of resize_window_bicubic(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_bicubic(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_bicubic_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                    const WindowResize& resize) {
  detail::resize_window_backward("resize_window_bicubic_backward", std::forward<Grad>(grad_weights), grad_out, resize,
                                 detail::bicubic_window_taps);
}

/// Resizes the bias table of a window so that near distances keep their bias and far ones spread: the trained distances
/// 0, 1, 2, 3, ... are taken to have been at
///
///     0, 1, 1 + q, 1 + q + q^2, ...        1.01 < q < 1.5
///
/// with q such that the last one comes nearest the end of the new window, along each axis, and a cubic spline through
/// them (not-a-knot) is read at the new whole distances; past the last one its value stays. An axis that keeps its
/// length is copied.
///
/// @param[out] out_weights  resize.to.displacements() x num_heads, and three more rows with a class token, which are
///                          copied: the layout of checkpoints, which make_window_table() reads.
/// @param weights           resize.from.displacements() x num_heads, likewise.
/// @throws std::invalid_argument  other shapes; an axis that changes from fewer than 3 tokens; memory that overlaps.
///                                `out_weights` is then unchanged.
/// Cost:     2 (2 side - 1) multiply-adds for each value, an image in double between the axes, and lists of weights.
/// Accuracy: formed in double and rounded once: 4e-13 of the largest value in tests/, against SciPy.
/// Source:   Bao et al. 2021, arXiv:2106.08254 (BEiT); the rule is in its fine-tuning script.
/// Matches:  load_checkpoint of BEiT (scipy.interpolate.interp2d, kind="cubic").
template <typename Out, typename Derived>
void resize_window_geometric(Out&& out_weights, const Eigen::DenseBase<Derived>& weights, const WindowResize& resize) {
  detail::require_spline_sides("resize_window_geometric", resize);
  detail::resize_window("resize_window_geometric", std::forward<Out>(out_weights), weights, resize,
                        detail::geometric_window_taps);
}

/// The adjoint of resize_window_geometric(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_geometric(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_geometric_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                      const WindowResize& resize) {
  detail::require_spline_sides("resize_window_geometric_backward", resize);
  detail::resize_window_backward("resize_window_geometric_backward", std::forward<Grad>(grad_weights), grad_out, resize,
                                 detail::geometric_window_taps);
}

/// resize_window_geometric() with straight lines between the trained distances in place of the spline; any sides.
/// Parameters and errors are otherwise the same.
/// Matches:  resize_rel_pos_bias_table of timm where both axes change; an axis that stays is copied here.
template <typename Out, typename Derived>
void resize_window_geometric_linear(Out&& out_weights, const Eigen::DenseBase<Derived>& weights,
                                    const WindowResize& resize) {
  detail::resize_window("resize_window_geometric_linear", std::forward<Out>(out_weights), weights, resize,
                        detail::geometric_linear_window_taps);
}

/// The adjoint of resize_window_geometric_linear(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_geometric_linear(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_geometric_linear_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                             const WindowResize& resize) {
  detail::resize_window_backward("resize_window_geometric_linear_backward", std::forward<Grad>(grad_weights), grad_out,
                                 resize, detail::geometric_linear_window_taps);
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
MlpMatrix<Scalar> swin_v2_inputs(const WindowShape& window, const WindowShape& pretrained) {
  const auto coordinate = [](Eigen::Index key_minus_query, Eigen::Index side, Eigen::Index pretrained_side) {
    const Eigen::Index reach = (pretrained_side > 0 ? pretrained_side : side) - 1;
    if (key_minus_query == 0) return Scalar(0);  // and so for a side of 1, where the original divides 0 by 0
    const double x = -8 * static_cast<double>(key_minus_query) / static_cast<double>(reach);
    return static_cast<Scalar>(std::copysign(std::log2(std::abs(x) + 1) / 3, x));
  };
  MlpMatrix<Scalar> inputs(window.displacements(), 2);
  for (Eigen::Index m = 0; m < inputs.rows(); ++m) {
    inputs(m, 0) = coordinate(m / (2 * window.width - 1) - (window.height - 1), window.height, pretrained.height);
    inputs(m, 1) = coordinate(m % (2 * window.width - 1) - (window.width - 1), window.width, pretrained.width);
  }
  return inputs;
}

template <typename Scalar>
void require_swin_v2(const char* function, const BiasMlp<Scalar>& mlp, const WindowShape& window,
                     const WindowShape& pretrained) {
  require_window_shape(function, "window", window);
  require_mlp(function, mlp, 2);
  require(pretrained.height == 0 || pretrained.height > 1, function, "pretrained.height", pretrained.height,
          "0 (none) or > 1");
  require(pretrained.width == 0 || pretrained.width > 1, function, "pretrained.width", pretrained.width,
          "0 (none) or > 1");
}

}  // namespace detail

/// The continuous bias of Swin v2: 16 sigmoid(mlp(x)), x = sign(y) log2(1 + |y|) / log2(8), y = 8 (query - key) / reach
/// in rows and in columns.
///
/// @param mlp         2 inputs, one output for each head; `cpb_mlp`: 2 -> 512 -> ReLU -> heads, no last bias.
/// @param window      The window to serve; reach is its side - 1, or that of
/// @param pretrained  the window of pretraining when its sides are > 0 (`pretrained_window_size`).
/// @throws std::invalid_argument  layers that do not fit together, sides that are not positive.
/// Cost:     window.displacements() evaluations of the network.
/// Source:   Liu et al. 2021, arXiv:2111.09883.
template <typename Scalar>
WindowTable<Scalar> make_swin_v2_table(const BiasMlp<Scalar>& mlp, const WindowShape& window,
                                       const WindowShape& pretrained = {}) {
  detail::require_swin_v2("make_swin_v2_table", mlp, window, pretrained);
  WindowTable<Scalar> table(mlp.outputs(), window);
  const auto outputs = detail::mlp_forward(mlp, detail::swin_v2_inputs<Scalar>(window, pretrained)).back();
  table.values() = (Scalar(16) / (Scalar(1) + (-outputs.transpose().array()).exp()));
  return table;
}

/// The gradient of make_swin_v2_table(): adds into grad_mlp, which has the shape of mlp.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together.
template <typename Scalar>
void swin_v2_backward(BiasMlp<Scalar>& grad_mlp, const WindowTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                      const WindowShape& pretrained = {}) {
  detail::require_swin_v2("swin_v2_backward", mlp, grad_table.window(), pretrained);
  detail::require_mlp_gradient("swin_v2_backward", "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), "swin_v2_backward", "mlp.outputs()", mlp.outputs(),
                  "num_heads ", grad_table.num_heads());
  const auto inputs = detail::swin_v2_inputs<Scalar>(grad_table.window(), pretrained);
  const auto values = detail::mlp_forward(mlp, inputs);
  const detail::MlpMatrix<Scalar> gate = (Scalar(1) / (Scalar(1) + (-values.back().array()).exp())).matrix();
  const detail::MlpMatrix<Scalar> grad_out =
      (grad_table.values().transpose() * Scalar(16) * gate.array() * (Scalar(1) - gate.array())).matrix();
  detail::mlp_backward(grad_mlp, mlp, inputs, values, grad_out);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SWIN_V2_HPP

// ---- posenc/relative_bias/cope.hpp
/// CoPE: positions counted by content.
#ifndef POSENC_RELATIVE_BIAS_COPE_HPP
#define POSENC_RELATIVE_BIAS_COPE_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Query, typename Table>
void require_cope(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                  const AttentionSpan& span) {
  require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  require(table.rows() > 0, function, "table.rows()", table.rows(), "> 0");
  require(table.cols() == q.cols(), function, "table.cols()", table.cols(), "q.cols() ", q.cols());
}

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

}  // namespace detail

/// Adds contextual positions to the logits of one head, in place, for the keys that a query sees:
///
///     p(i, j) = min(sum over t = j ... query of sigmoid(logits(i, t)), rows - 1)
///     logits(i, j) += q[i] . table[p]        rows of the table interpolated linearly
///
/// With all gates open p = distance + 1: the key itself counts.
/// @param[in,out] logits  L_q x L_k, before softmax; keys after the query are left as they are.
/// @param q               L_q x head_dim. float or double, as the rest.
/// @param table           max positions x head_dim.
/// @throws std::invalid_argument  shapes that do not fit, or an empty table. `logits` is then unchanged.
/// Cost:     a product L_q x head_dim x rows and one sigmoid for each visible logit. Extra memory 32 x rows.
/// Source:   Golovneva et al. 2024, arXiv:2405.18719. Matches: CoPE of x-transformers.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_cope_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "add_cope_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_cope(function, q, table, span);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, table_values.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      Scalar counted = 0;
      for (Eigen::Index j = span.visible_keys(block + i) - 1; j >= 0; --j) {
        Scalar& logit = x.coeffRef(block + i, j);
        counted += detail::sigmoid(logit);
        const detail::CopePosition<Scalar> at(counted, table_values.rows());
        logit += scores(i, at.below) + at.weight * (scores(i, at.above) - scores(i, at.below));
      }
    }
  }
}

/// The gradient of add_cope_logits(): adds into grad_q and grad_table, and turns `grad_logits`, dL/d(logits with CoPE),
/// into dL/d(logits without) in place: the gates depend on the logits too.
///
/// @param[in,out] grad_logits  L_q x L_k.
/// @param logits               L_q x L_k, as they were before add_cope_logits().
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Query, typename Table,
          typename Scalar>
void cope_backward(GradLogits&& grad_logits, GradQuery&& grad_q, GradTable&& grad_table,
                   const Eigen::MatrixBase<Logits>& logits, const Eigen::MatrixBase<Query>& q,
                   const Eigen::MatrixBase<Table>& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "cope_backward";
  auto& dx = detail::written(std::forward<GradLogits>(grad_logits));
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", dx, span.query_len(), span.key_len());
  detail::require_shape(function, "logits", logits, span.query_len(), span.key_len());
  detail::require_cope(function, q, table, span);
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& logits_values = detail::evaluated(logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(2 * detail::kQueryBlock + 1, (std::max)(table_values.rows(), span.key_len()));
  auto grad_positions = scratch.bottomRows(1);
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topLeftCorner(rows, table_values.rows());
    auto sums = scratch.block(detail::kQueryBlock, 0, rows, table_values.rows());
    scores.setZero();
    sums.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      const Eigen::Index visible = span.visible_keys(block + i);
      Scalar counted = 0;
      for (Eigen::Index j = visible - 1; j >= 0; --j) {
        counted += detail::sigmoid(logits_values.coeff(block + i, j));
        const detail::CopePosition<Scalar> at(counted, table_values.rows());
        const Scalar g = dx.coeff(block + i, j);
        sums(i, at.below) += (Scalar(1) - at.weight) * g;
        sums(i, at.above) += at.weight * g;
        grad_positions(0, j) = g * (scores(i, at.above) - scores(i, at.below));
      }
      // Gate t counts in every position j <= t, so its gradient is the sum of the positions' gradients up to t.
      Scalar sum = 0;
      for (Eigen::Index t = 0; t < visible; ++t) {
        const Scalar gate = detail::sigmoid(logits_values.coeff(block + i, t));
        sum += grad_positions(0, t);
        dx.coeffRef(block + i, t) += gate * (Scalar(1) - gate) * sum;
      }
    }
    detail::add_product(dq.middleRows(block, rows), sums, table_values, Scalar(1));
    detail::add_product(dtable, sums.transpose(), q_values.middleRows(block, rows), Scalar(1));
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_COPE_HPP

// ---- posenc/relative_bias/deberta.hpp
/// DeBERTa: disentangled attention, content against position and position against content, by log buckets.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The table rows of DeBERTa by distance. Here the relative position is query - key, as in the original.
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
  /// @param max_position      `max_relative_positions`, > 0 (512), at most 2^20.
  /// @param position_buckets  0 for none (v1), else even, in [4, 8192] (256), and position_buckets / 2 <
  ///                          max_position - 1.
  /// @throws std::invalid_argument  one of these does not hold.
  explicit DebertaBuckets(Eigen::Index max_position, Eigen::Index position_buckets = 0) {
    const char* const function = "DebertaBuckets";
    constexpr Eigen::Index limit = Eigen::Index(1) << 20;
    detail::require(max_position > 0 && max_position <= limit, function, "max_position", max_position,
                    "> 0 and at most ", limit);
    detail::require(
        position_buckets == 0 || (position_buckets >= 4 && position_buckets % 2 == 0 &&
                                  position_buckets / 2 < max_position - 1 && position_buckets <= detail::kMaxLogSteps),
        function, "position_buckets", position_buckets, "0, or even, >= 4, at most ", detail::kMaxLogSteps,
        " and < 2 (max_position - 1) = ", 2 * (max_position - 1));
    half_ = position_buckets == 0 ? max_position : position_buckets;
    const Eigen::Index mid = position_buckets == 0 ? max_position : position_buckets / 2;
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

  /// Rows of the position tables: 2s.
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
  Eigen::Index half_ = 0;
  std::vector<Eigen::Index> bucket_;  // of |n|; larger distances share the last
};

namespace detail {

template <typename Content, typename Table>
void require_deberta(const char* function, const char* parameter, const Eigen::MatrixBase<Content>& content,
                     const Eigen::MatrixBase<Table>& table, const DebertaBuckets& buckets, Eigen::Index tokens) {
  const std::string name = parameter;
  if (content.rows() != tokens) {
    refuse<std::invalid_argument>(function, name + ".rows()", content.rows(), tokens);
  }
  require_shape(function, "table", table, buckets.rows(), content.cols());
}

}  // namespace detail

/// Adds content-to-position scores to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . table[row(query_offset + i - j)]
///
/// @param[in,out] logits  L_q x L_k. float or double, as q and table.
/// @param q               L_q x head_dim.
/// @param table           buckets.rows() x head_dim: position embeddings through the key projection.
/// @param scale           1 / sqrt(head_dim (1 + number of position terms)).
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     a product L_q x head_dim x buckets.rows(), then one look-up in a row for each logit. Extra memory
///           32 x buckets.rows().
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4. Matches: "c2p".
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_deberta_c2p(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_c2p";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_deberta(function, "q", q, table, buckets, span.query_len());
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        x.coeffRef(block + i, j) += scores(i, buckets(-span.relative(block + i, j)));
      }
    }
  }
}

/// The gradient of add_deberta_c2p(): adds into grad_q and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void deberta_c2p_backward(GradQuery&& grad_q, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                          const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                          Workspace<Scalar>& workspace) {
  const char* const function = "deberta_c2p_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_deberta(function, "q", q, table, buckets, span.query_len());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto sums = scratch.topRows(rows);
    sums.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        sums(i, buckets(-span.relative(block + i, j))) += grad_logits_values.coeff(block + i, j);
      }
    }
    detail::add_product(dq.middleRows(block, rows), sums, table_values, scale);
    detail::add_product(dtable, sums.transpose(), q_values.middleRows(block, rows), scale);
  }
}

/// Adds position-to-content scores to the logits of one head, in place:
///
///     logits(i, j) += scale k[j] . table[row(query_offset + i - j)]
///
/// @param k      L_k x head_dim.
/// @param table  buckets.rows() x head_dim: position embeddings through the query projection.
/// The rest, errors and cost are as for add_deberta_c2p().
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4. Matches: "p2c" of Microsoft's repository.
template <typename Logits, typename Key, typename Table, typename Scalar>
void add_deberta_p2c(Logits&& logits, const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& table,
                     const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_p2c";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_deberta(function, "k", k, table, buckets, span.key_len());
  const auto& k_values = detail::evaluated(k);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.key_len(); block += detail::kQueryBlock) {
    const Eigen::Index keys = (std::min)(detail::kQueryBlock, span.key_len() - block);
    auto scores = scratch.topRows(keys);
    scores.setZero();
    detail::add_product(scores, k_values.middleRows(block, keys), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < keys; ++j) {
        x.coeffRef(i, block + j) += scores(j, buckets(-span.relative(i, block + j)));
      }
    }
  }
}

/// The gradient of add_deberta_p2c(): adds into grad_k and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradKey, typename GradTable, typename Grad, typename Key, typename Table, typename Scalar>
void deberta_p2c_backward(GradKey&& grad_k, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& table,
                          const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                          Workspace<Scalar>& workspace) {
  const char* const function = "deberta_p2c_backward";
  auto& dk = detail::written(std::forward<GradKey>(grad_k));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_deberta(function, "k", k, table, buckets, span.key_len());
  detail::require_shape(function, "grad_k", dk, k.rows(), k.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& k_values = detail::evaluated(k);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.key_len(); block += detail::kQueryBlock) {
    const Eigen::Index keys = (std::min)(detail::kQueryBlock, span.key_len() - block);
    auto sums = scratch.topRows(keys);
    sums.setZero();
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < keys; ++j) {
        sums(j, buckets(-span.relative(i, block + j))) += grad_logits_values.coeff(i, block + j);
      }
    }
    detail::add_product(dk.middleRows(block, keys), sums, table_values, scale);
    detail::add_product(dtable, sums.transpose(), k_values.middleRows(block, keys), scale);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_HPP

// ---- posenc/relative_bias/forgetting.hpp
/// Forgetting attention (data-dependent ALiBi): every token decides how much of the past it forgets.
#ifndef POSENC_RELATIVE_BIAS_FORGETTING_HPP
#define POSENC_RELATIVE_BIAS_FORGETTING_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the running sums F[t] = sum over l <= t of ln sigmoid(gates[l]), one for each token.
/// @param gates   Forget logits w . x[t] + b of one head.
/// @param before  F of the last cached token, to go on from it. Its gradient is the sum of all grad_sums.
/// Cost:     one exponential and one logarithm for each token.
/// Accuracy: summed in double and rounded once to the gates' scalar: half an ulp of F, which grows with the length
///           (float, F = -70,000: 4e-3). Give the gates in double where sequences are long.
template <typename Derived>
Eigen::Array<typename Derived::Scalar, Eigen::Dynamic, 1> forgetting_sums(const Eigen::DenseBase<Derived>& gates,
                                                                          double before = 0) {
  const auto& gates_values = detail::evaluated(gates);
  using Scalar = typename Derived::Scalar;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> sums(gates_values.size());
  double sum = before;
  for (Eigen::Index t = 0; t < gates_values.size(); ++t) {
    const double gate = static_cast<double>(gates_values.reshaped()(t));
    sum += gate < 0 ? gate - std::log1p(std::exp(gate)) : -std::log1p(std::exp(-gate));
    sums(t) = detail::convert<Scalar>(sum);
  }
  return sums;
}

/// The gradient of forgetting_sums(): grad_gates[t] += sigmoid(-gates[t]) times the sum of grad_sums from t on.
/// @throws std::invalid_argument  another number of tokens.
template <typename GradGates, typename GradSums, typename Derived>
void forgetting_sums_backward(GradGates&& grad_gates, const Eigen::DenseBase<GradSums>& grad_sums,
                              const Eigen::DenseBase<Derived>& gates) {
  const char* const function = "forgetting_sums_backward";
  auto& grad = detail::written(std::forward<GradGates>(grad_gates));
  detail::require(grad_sums.size() == gates.size(), function, "grad_sums.size()", grad_sums.size(), "gates.size() ",
                  gates.size());
  detail::require(grad.size() == gates.size(), function, "grad_gates.size()", grad.size(), "gates.size() ",
                  gates.size());
  const auto& grad_sums_values = detail::evaluated(grad_sums);
  const auto& gates_values = detail::evaluated(gates);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  double sum = 0;
  for (Eigen::Index t = gates_values.size() - 1; t >= 0; --t) {
    sum += static_cast<double>(grad_sums_values.reshaped()(t));
    const double gate = static_cast<double>(gates_values.reshaped()(t));
    detail::entry(grad, t) += detail::convert<Target>(sum / (1 + std::exp(gate)));
  }
}

/// Adds the forgetting bias to the logits of one head, in place, for the keys that a query sees:
///
///     logits(i, j) += F[query_offset + i] - F[j]        j <= query_offset + i
///
/// @param[in,out] logits  L_q x L_k. Keys after the query are left as they are, for the causal mask.
/// @param sums            F at the positions of all queries and keys: at least max(L_k, query_offset + L_q) values.
/// @throws std::invalid_argument  another shape, or too few sums. `logits` is then unchanged.
/// @throws std::out_of_range      a negative query_offset.
/// Cost:     one subtraction and addition for each visible logit; the bias is never stored.
/// Source:   Lin et al. 2025, arXiv:2503.02130. Matches: DataDependentAlibi of x-transformers.
template <typename Logits, typename Sums>
void add_forgetting_bias(Logits&& logits, const Eigen::DenseBase<Sums>& sums, const AttentionSpan& span) {
  const char* const function = "add_forgetting_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  detail::require(sums.size() >= (std::max)(span.key_len(), span.query_offset() + span.query_len()), function,
                  "sums.size()", sums.size(), "at least ",
                  (std::max)(span.key_len(), span.query_offset() + span.query_len()));
  const auto& sums_values = detail::evaluated(sums);
  using Scalar = typename std::decay_t<decltype(x)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, typename Sums::Scalar>;
  const auto f = sums_values.reshaped();
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    const Number own = detail::convert<Number>(f(span.query_offset() + i));
    const Eigen::Index visible = span.visible_keys(i);
    for (Eigen::Index j = 0; j < visible; ++j) {
      Scalar& target = x.coeffRef(i, j);
      target = detail::convert<Scalar>(detail::convert<Number>(target) + (own - detail::convert<Number>(f(j))));
    }
  }
}

/// The gradient of add_forgetting_bias(): adds into grad_sums, which has the size of the sums.
/// @throws as add_forgetting_bias(); nothing is written then.
template <typename GradSums, typename Derived>
void forgetting_bias_backward(GradSums&& grad_sums, const Eigen::DenseBase<Derived>& grad_logits,
                              const AttentionSpan& span) {
  const char* const function = "forgetting_bias_backward";
  auto& grad = detail::written(std::forward<GradSums>(grad_sums));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  detail::require(grad.size() >= (std::max)(span.key_len(), span.query_offset() + span.query_len()), function,
                  "grad_sums.size()", grad.size(), "at least ",
                  (std::max)(span.key_len(), span.query_offset() + span.query_len()));
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    double sum = 0;
    for (Eigen::Index j = 0; j < span.visible_keys(i); ++j) {
      const double g = static_cast<double>(grad_logits_values.coeff(i, j));
      sum += g;
      detail::entry(grad, j) -= detail::convert<Target>(g);
    }
    detail::entry(grad, span.query_offset() + i) += detail::convert<Target>(sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FORGETTING_HPP

// ---- posenc/relative_bias/relative_logits.hpp
/// A vector for every distance, by content: the Music Transformer form and the relative shift without a copy.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// The relative shift ("skew") as a view: no padding, no reshape, no copy.
///
/// Let column m of x (L_q x P, P = L_q + L_k - 1) belong to the distance m + span.distances().min. The view is
/// L_q x L_k with element (i, j) = x(i, j - i + L_q - 1), the column of that pair's distance. In a row-major matrix
/// these elements are P - 1 apart from row to row, so the view is a Map. Writing to it (+=) is the adjoint.
///
/// A causal x needs only the L_k columns of distances <= 0 (query_offset = L_k - L_q): elements with key after query
/// then belong to the next row, and the mask must hide them.
/// @param x  L_q x (L_q + L_k - 1), or L_q x L_k in the causal case: a plain row-major matrix.
/// @throws std::invalid_argument  another shape.
/// Matches:  _rel_shift of Transformer-XL, skewing of the Music Transformer and tensor2tensor.
template <typename Scalar>
auto relative_shift(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& x,
                    const AttentionSpan& span) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const char* const function = "relative_shift";
  const bool causal = x.cols() == span.key_len() && span.query_offset() == span.key_len() - span.query_len();
  const Eigen::Index columns = causal ? span.key_len() : span.query_len() + span.key_len() - 1;
  detail::require_shape(function, "x", x, span.query_len(), columns);
  const Eigen::Index shift = (std::max)(span.query_len() - 1, Eigen::Index(0));
  return Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>(
      x.data() + shift, span.query_len(), span.key_len(),
      Eigen::OuterStride<>((std::max)(columns - 1, Eigen::Index(0))));  // 0: one causal key, each row the last entry
}

/// The rows of a relative table: row m is the relative position (key - query) first_relative + m.
struct RelativeRows {
  Eigen::Index first_relative = 0;
};

namespace detail {

/// What the keys of query i have in a table of `num_rows` rows from first_relative on: keys [first, last), key j at row
/// j + shift.
struct RelativeKeys {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  RelativeKeys(const AttentionSpan& span, Eigen::Index query, RelativeRows rows, Eigen::Index num_rows) {
    shift = span.first_relative(query) - rows.first_relative;
    first = (std::min)((std::max)(-shift, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(num_rows - shift, span.key_len()), first);
  }
  Eigen::Index count() const { return last - first; }
};

/// Table rows that queries [block, block + rows) need: [first, first + count).
struct RelativeWindow {
  Eigen::Index first = 0;
  Eigen::Index count = 0;

  RelativeWindow(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, RelativeRows table,
                 Eigen::Index num_rows) {
    const Eigen::Index lowest = span.first_relative(block + rows - 1) - table.first_relative;
    const Eigen::Index highest = span.first_relative(block) + span.key_len() - table.first_relative;
    first = (std::min)((std::max)(lowest, Eigen::Index(0)), num_rows);
    count = (std::max)((std::min)(highest, num_rows) - first, Eigen::Index(0));
  }
};

template <typename Query, typename Table>
void require_relative(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r,
                      RelativeRows rows, const AttentionSpan& span) {
  require_in_range(rows.first_relative >= -2 * kSpanLimit && rows.first_relative <= 2 * kSpanLimit, function,
                   "rows.first_relative", rows.first_relative, "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  require(r.cols() == q.cols(), function, "r.cols()", r.cols(), "q.cols() ", q.cols());
}

/// For queries that are used as they are.
struct NoQueryBias {
  template <typename Queries>
  void operator()(Queries&&) const {}
};

/// x += scale q' . r by distance, where add_query_bias(q') has changed the copied queries of a block.
template <typename X, typename Query, typename AddQueryBias, typename Table, typename Scalar>
void add_relative(X& x, const Query& q, AddQueryBias&& add_query_bias, const Table& r, RelativeRows table_rows,
                  const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RelativeWindow window(span, block, rows, table_rows, r.rows());
    auto scores = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    scores.setZero();
    add_product(scores, queries, r.middleRows(window.first, window.count).transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const RelativeKeys keys(span, block + i, table_rows, r.rows());
      if (keys.count() == 0) continue;
      x.row(block + i).segment(keys.first, keys.count()) +=
          scores.row(i).segment(keys.first + keys.shift - window.first, keys.count());
    }
  }
}

/// The gradients of add_relative(): grad_r, grad_q, and sum_query_gradient(rows of dL/dq') for the bias of the queries.
template <typename GradQuery, typename SumQueryGradient, typename GradTable, typename Grad, typename Query,
          typename AddQueryBias, typename Table, typename Scalar>
void add_relative_backward(GradQuery& grad_q, SumQueryGradient&& sum_query_gradient, GradTable& grad_r,
                           const Grad& grad, const Query& q, AddQueryBias&& add_query_bias, const Table& r,
                           RelativeRows table_rows, const AttentionSpan& span, Scalar scale,
                           Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RelativeWindow window(span, block, rows, table_rows, r.rows());
    auto by_distance = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    by_distance.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      const RelativeKeys keys(span, block + i, table_rows, r.rows());
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

}  // namespace detail

/// Adds a trained or fixed vector for every distance to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . r[j - (query_offset + i) - first_relative]
///
/// Distances that r has no row for get nothing added (tensor2tensor pads with zeros; add_shaw_logits() clips).
/// @param[in,out] logits  L_q x L_k. float or double, as q and r.
/// @param q               L_q x head_dim.
/// @param r               Any number of rows x head_dim, by ascending key - query. For L_k causal positions: L_k rows
///                        and first_relative 1 - L_k.
/// @param scale           What q k^T is scaled by.
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     a product over the distances that occur, in blocks of 32 queries; extra memory 64 x (L_k + 31).
/// Source:   Huang et al. 2018, arXiv:1809.04281 (Music Transformer).
/// Matches:  tensor2tensor dot_product_self_attention_relative_v2; flashlight's relative position embedding.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_relative_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r,
                         RelativeRows rows, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "add_relative_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  const auto& q_values = detail::evaluated(q);
  const auto& r_values = detail::evaluated(r);
  detail::add_relative(x, q_values, detail::NoQueryBias(), r_values, rows, span, scale, workspace);
}

/// The gradient of add_relative_logits(): adds into grad_q (L_q x head_dim) and grad_r (the shape of r).
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void relative_logits_backward(GradQuery&& grad_q, GradTable&& grad_r, const Eigen::MatrixBase<Grad>& grad_logits,
                              const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r, RelativeRows rows,
                              const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "relative_logits_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dr = detail::written(std::forward<GradTable>(grad_r));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_r", dr, r.rows(), r.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& r_values = detail::evaluated(r);
  detail::add_relative_backward(dq, detail::NoQueryBias(), dr, grad_logits_values, q_values, detail::NoQueryBias(),
                                r_values, rows, span, scale, workspace);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

// ---- posenc/relative_bias/shaw.hpp
/// Shaw: a trained vector for each clipped distance, added to keys and to values.
#ifndef POSENC_RELATIVE_BIAS_SHAW_HPP
#define POSENC_RELATIVE_BIAS_SHAW_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Distances beyond these share the outermost vectors. The table has left + right + 1 rows; key - query = d takes row
/// clamp(d, -left, right) + left.
struct ShawClip {
  Eigen::Index left = 0;   ///< For keys before the query, >= 0.
  Eigen::Index right = 0;  ///< For keys after it, >= 0.

  static ShawClip symmetric(Eigen::Index max_relative_position) {
    return {max_relative_position, max_relative_position};
  }
  Eigen::Index rows() const { return left + right + 1; }
};

namespace detail {

template <typename Table>
void require_shaw(const char* function, const Eigen::MatrixBase<Table>& table, const ShawClip& clip,
                  Eigen::Index head_dim) {
  require(clip.left >= 0 && clip.left <= kSpanLimit, function, "clip.left", clip.left, ">= 0 and at most ", kSpanLimit);
  require(clip.right >= 0 && clip.right <= kSpanLimit, function, "clip.right", clip.right, ">= 0 and at most ",
          kSpanLimit);
  require_shape(function, "table", table, clip.rows(), head_dim);
}

/// The keys of one query by table row: [0, first) take row 0, [last, L_k) the last row, and between them key j takes
/// row j + shift.
struct ShawRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  ShawRow(const AttentionSpan& span, Eigen::Index query, const ShawClip& clip) {
    const Eigen::Index relative = span.first_relative(query);
    first = (std::min)((std::max)(-clip.left - relative, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(clip.right + 1 - relative, span.key_len()), first);
    shift = relative + clip.left;
  }
};

/// row += by table row, what `values` (one for each table row) says.
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
  sums(0) += row.head(keys.first).sum();
  sums(sums.size() - 1) += row.tail(row.size() - keys.last).sum();
}

}  // namespace detail

/// Adds the key part of Shaw's encoding to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] logits  L_q x L_k. float or double, as q and table.
/// @param q               L_q x head_dim.
/// @param table           clip.rows() x head_dim; often shared by all heads.
/// @param scale           What q k^T is scaled by, usually 1 / sqrt(head_dim).
/// @throws std::invalid_argument  shapes that do not fit; a negative clip. `logits` is then unchanged.
/// Cost:     one product L_q x head_dim x (left + right + 1), then three runs of additions for each row. Extra memory
///           is O(left + right), where gathering table rows takes L_q x L_k x head_dim.
/// Source:   Shaw et al. 2018, arXiv:1803.02155, section 3.2.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_keys; a clip with
///           left != right wav2vec2-BERT.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_shaw_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const ShawClip& clip, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, q.cols());
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scores = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    scores.topRows(rows).setZero();
    detail::add_product(scores.topRows(rows), q_values.middleRows(block, rows), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::add_by_clipped_distance(x.row(block + i), scores.row(i), detail::ShawRow(span, block + i, clip));
    }
  }
}

/// The gradient of add_shaw_logits(): adds into grad_q (L_q x head_dim) and grad_table (clip.rows() x head_dim).
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void shaw_logits_backward(GradQuery&& grad_q, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                          const ShawClip& clip, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "shaw_logits_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, q.cols());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), grad_logits_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(dq.middleRows(block, rows), sums.topRows(rows), table_values, scale);
    detail::add_product(dtable, sums.topRows(rows).transpose(), q_values.middleRows(block, rows), scale);
  }
}

/// Adds the value part of Shaw's encoding to the outputs of one head, in place:
///
///     out[i] += sum over j of attention(i, j) table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] out  L_q x head_dim.
/// @param attention    L_q x L_k, after softmax (and masked: 0 where a query may not look).
/// @param table        clip.rows() x head_dim, the table of the values.
/// @throws std::invalid_argument  shapes that do not fit. `out` is then unchanged.
/// Cost:     as add_shaw_logits().
/// Source:   Shaw et al. 2018, arXiv:1803.02155, equation 3.
template <typename Out, typename Attention, typename Table, typename Scalar>
void add_shaw_values(Out&& out, const Eigen::MatrixBase<Attention>& attention, const Eigen::MatrixBase<Table>& table,
                     const ShawClip& clip, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_values";
  auto& y = detail::written(std::forward<Out>(out));
  detail::require_shape(function, "attention", attention, span.query_len(), span.key_len());
  detail::require(y.rows() == span.query_len(), function, "out.rows()", y.rows(), "span.query_len() ",
                  span.query_len());
  detail::require_shaw(function, table, clip, y.cols());
  const auto& attention_values = detail::evaluated(attention);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), attention_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(y.middleRows(block, rows), sums.topRows(rows), table_values, Scalar(1));
  }
}

/// The gradient of add_shaw_values(): adds into grad_attention (L_q x L_k) and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradAttention, typename GradTable, typename Grad, typename Attention, typename Table,
          typename Scalar>
void shaw_values_backward(GradAttention&& grad_attention, GradTable&& grad_table,
                          const Eigen::MatrixBase<Grad>& grad_out, const Eigen::MatrixBase<Attention>& attention,
                          const Eigen::MatrixBase<Table>& table, const ShawClip& clip, const AttentionSpan& span,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_values_backward";
  auto& dattention = detail::written(std::forward<GradAttention>(grad_attention));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "attention", attention, span.query_len(), span.key_len());
  detail::require(grad_out.rows() == span.query_len(), function, "grad_out.rows()", grad_out.rows(),
                  "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, grad_out.cols());
  detail::require_shape(function, "grad_attention", dattention, span.query_len(), span.key_len());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_out_values = detail::evaluated(grad_out);
  const auto& attention_values = detail::evaluated(attention);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), attention_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(dtable, sums.topRows(rows).transpose(), grad_out_values.middleRows(block, rows), Scalar(1));
    sums.topRows(rows).setZero();
    detail::add_product(sums.topRows(rows), grad_out_values.middleRows(block, rows), table_values.transpose(),
                        Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::add_by_clipped_distance(dattention.row(block + i), sums.row(i), detail::ShawRow(span, block + i, clip));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_HPP

// ---- posenc/relative_bias/transformer_xl.hpp
/// Transformer-XL: sinusoids of distances, with trained biases for content and for position.
#ifndef POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
#define POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the sinusoids R of Transformer-XL for a range of distances, range.size() x width, to be projected by W_r.
///
/// Row m stands at the distance n = query - key = -(range.min + m) and holds [sin(n w) | cos(n w)],
/// w[i] = base^(-2i / width): with DistanceRange::causal(L_k) the rows L_k - 1, ..., 0 of the original.
/// @param width  d_model, even and > 0.
/// @throws std::invalid_argument  odd width, a bad base, or range.max < range.min - 1.
/// Cost:     width / 2 sines and cosines for each distance, from the shared generator.
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3. Keys before the query have positive distance.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_relative_sinusoids(DistanceRange range,
                                                                                               Eigen::Index width,
                                                                                               double base = 10000) {
  const char* const function = "make_relative_sinusoids";
  detail::require_distance_range(function, range);
  detail::require_rotary_dim(function, "width", width);
  detail::require_base(function, base);
  const Frequencies frequencies = geometric_frequencies(width, base);
  detail::require_size(function, "range.size()", range.size(), width, sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> r(range.size(), width);
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    for (int i = 0; i < count; ++i) r(row, pair + i) = detail::round_to<Scalar>(-sine[i]);
    for (int i = 0; i < count; ++i) r(row, width / 2 + pair + i) = detail::round_to<Scalar>(cosine[i]);
  };
  detail::for_each_angle(frequencies, 1.0, detail::RangePositions(function, {range.min, range.size()}), sink);
  return r;
}

/// Adds to the logits of one head, which hold scale q k^T, the other three terms of Transformer-XL:
///
///     logits(i, j) += scale (u . k[j] + (q[i] + v) . r[j - (query_offset + i) - first_relative])
///
/// @param[in,out] logits  L_q x L_k. float or double, as all the rest.
/// @param q, k            L_q x head_dim and L_k x head_dim.
/// @param r               Rows of W_r R for this head, by ascending key - query: make_relative_sinusoids() projected.
///                        Causal: L_k rows with first_relative 1 - L_k. Distances without a row get nothing from r.
/// @param u, v            head_dim each: `r_w_bias` and `r_r_bias`.
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     one product over the distances that occur and one matrix-vector product; extra memory 64 x (L_k + 31).
///           No shifted copy: row i is read from a contiguous piece.
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  RelPartialLearnableMultiHeadAttn of Transformer-XL, RelPositionMultiHeadedAttention of
///           ESPnet, whose own sinusoids interleave sines and cosines: give it those, not make_relative_sinusoids().
template <typename Logits, typename Query, typename Key, typename Table, typename U, typename V, typename Scalar>
void add_transformer_xl_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Key>& k,
                               const Eigen::MatrixBase<Table>& r, RelativeRows rows, const Eigen::MatrixBase<U>& u,
                               const Eigen::MatrixBase<V>& v, const AttentionSpan& span, Scalar scale,
                               Workspace<Scalar>& workspace) {
  const char* const function = "add_transformer_xl_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "k", k, span.key_len(), q.cols());
  detail::require(u.size() == q.cols(), function, "u.size()", u.size(), "head_dim ", q.cols());
  detail::require(v.size() == q.cols(), function, "v.size()", v.size(), "head_dim ", q.cols());
  const auto& q_values = detail::evaluated(q);
  const auto& k_values = detail::evaluated(k);
  const auto& r_values = detail::evaluated(r);
  const auto& u_values = detail::evaluated(u);
  const auto& v_values = detail::evaluated(v);
  const auto add_v = [&](auto& queries) { queries.rowwise() += v_values.reshaped().transpose(); };
  detail::add_relative(x, q_values, add_v, r_values, rows, span, scale, workspace);
  auto content = workspace.matrix(1, span.key_len());
  for (Eigen::Index j = 0; j < span.key_len(); ++j) {
    content(0, j) = scale * k_values.row(j).dot(u_values.reshaped().transpose());
  }
  x.rowwise() += content.row(0);
}

/// The gradients of add_transformer_xl_logits(): adds into grad_q, grad_k, grad_r, grad_u and grad_v, each of the shape
/// of its parameter. Those of q k^T itself are the caller's.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV, typename Grad,
          typename Query, typename Key, typename Table, typename U, typename V, typename Scalar>
void transformer_xl_backward(GradQuery&& grad_q, GradKey&& grad_k, GradTable&& grad_r, GradU&& grad_u, GradV&& grad_v,
                             const Eigen::MatrixBase<Grad>& grad_logits, const Eigen::MatrixBase<Query>& q,
                             const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& r, RelativeRows rows,
                             const Eigen::MatrixBase<U>& u, const Eigen::MatrixBase<V>& v, const AttentionSpan& span,
                             Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "transformer_xl_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dk = detail::written(std::forward<GradKey>(grad_k));
  auto& dr = detail::written(std::forward<GradTable>(grad_r));
  auto& du = detail::written(std::forward<GradU>(grad_u));
  auto& dv = detail::written(std::forward<GradV>(grad_v));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "k", k, span.key_len(), q.cols());
  detail::require(u.size() == q.cols(), function, "u.size()", u.size(), "head_dim ", q.cols());
  detail::require(v.size() == q.cols(), function, "v.size()", v.size(), "head_dim ", q.cols());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_k", dk, k.rows(), k.cols());
  detail::require_shape(function, "grad_r", dr, r.rows(), r.cols());
  detail::require_shape(function, "grad_u", du, u.rows(), u.cols());
  detail::require_shape(function, "grad_v", dv, v.rows(), v.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& k_values = detail::evaluated(k);
  const auto& r_values = detail::evaluated(r);
  const auto& u_values = detail::evaluated(u);
  const auto& v_values = detail::evaluated(v);
  const auto add_v = [&](auto& queries) { queries.rowwise() += v_values.reshaped().transpose(); };
  const auto sum_v = [&](const auto& grad_queries) {
    for (Eigen::Index i = 0; i < grad_queries.rows(); ++i) dv.reshaped() += grad_queries.row(i).transpose();
  };
  detail::add_relative_backward(dq, sum_v, dr, grad_logits_values, q_values, add_v, r_values, rows, span, scale,
                                workspace);
  auto columns = workspace.matrix(1, span.key_len());
  columns = scale * grad_logits_values.colwise().sum();
  for (Eigen::Index j = 0; j < span.key_len(); ++j) {
    dk.row(j) += columns(0, j) * u_values.reshaped().transpose();
    du.reshaped() += columns(0, j) * k_values.row(j).transpose();
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

// ---- posenc/relative_bias.hpp
/// Relative biases: added to attention logits (and, for Shaw, to values).
#ifndef POSENC_RELATIVE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_HPP

// By distance alone: one number per head and distance.

// In windows of an image.

// By content.

#endif  // POSENC_RELATIVE_BIAS_HPP

// ---- posenc/sinusoidal/encoding.hpp
/// Sinusoidal: which sinusoid stands in which channel.
#ifndef POSENC_SINUSOIDAL_ENCODING_HPP
#define POSENC_SINUSOIDAL_ENCODING_HPP

namespace posenc {
inline namespace POSENC_ABI {

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
  double amplitude = 1;        ///< Factor on the encoding.
  double embedding_scale = 1;  ///< add_sinusoidal(): factor on x before the addition.
  /// Tokens at this position get zeros (fairseq padding_idx). A list of positions then holds ids that tell padding from
  /// tokens, such as roberta_positions() makes: it is taken as it is, without first_position.
  std::optional<std::int64_t> padding_position = {};
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
        detail::is_finite(options.frequency_shift) && (over_width || num_sines == 1 || options.frequency_shift < pairs),
        function, "frequency_shift", options.frequency_shift, "finite and less than width / 2 = ", width / 2);
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
class ShiftedPositions {
 public:
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  ShiftedPositions(const char* function, const Positions& positions, std::int64_t shift)
      : positions_(positions), shift_(shift) {
    if constexpr (std::is_integral_v<Position>) {
      if (shift == 0) return;
      constexpr std::int64_t lowest = (std::numeric_limits<std::int64_t>::min)();
      constexpr std::int64_t highest = (std::numeric_limits<std::int64_t>::max)();
      const std::int64_t least = shift < 0 ? lowest - shift : lowest;
      const std::int64_t most = shift > 0 ? highest - shift : highest;
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (positions[i] < least || positions[i] > most) {
          refuse<std::out_of_range>(function, element("positions", i), positions[i], "from ", least, " to ", most);
        }
      }
    }
  }
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return positions_[i] + static_cast<Position>(shift_); }

 private:
  const Positions& positions_;
  std::int64_t shift_;
};

/// What becomes of an element, and of a block of them that lies in memory: the value is stored, or added below.
template <typename Scalar>
struct StoreElement {
  static void apply(Scalar& target, double value, double) { target = convert<Scalar>(value); }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double) {
    cast_block<Count>(target, values);
  }
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

/// Where the sinusoids of pair 0 stand in a row, and how far apart the pairs are.
struct SinusoidColumns {
  explicit SinusoidColumns(const Sinusoidal& encoding)
      : step(encoding.options().order == ChannelOrder::interleaved ? 2 : 1),
        first_sine(encoding.options().order == ChannelOrder::cos_sin ? encoding.num_cosines() : 0),
        first_cosine(step == 2                                           ? 1
                     : encoding.options().order == ChannelOrder::cos_sin ? 0
                                                                         : encoding.num_sines()) {}
  Eigen::Index step;
  Eigen::Index first_sine;
  Eigen::Index first_cosine;
};

/// A whole block of sines and cosines into a row that lies in memory.
template <typename Element, bool Interleave, typename Scalar>
void write_sinusoids(Scalar* sines, Scalar* cosines, const double* sine, const double* cosine, double scale) {
  if constexpr (Interleave) {  // one run of memory, put in order before it is touched
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

/// Which rows are padding.
template <typename Positions>
struct PaddingRows {
  using Position = typename Positions::Position;

  PaddingRows(const Sinusoidal& encoding, const Positions& all)
      : positions(all),
        exists(encoding.options().padding_position.has_value()),
        position(static_cast<Position>(encoding.options().padding_position.value_or(0))) {}
  bool operator()(Eigen::Index row) const { return exists && positions[row] == position; }

  const Positions& positions;
  bool exists;
  Position position;
};

/// The sinusoids of pairs 0 ... count - 1, whole blocks of them, in all rows of a matrix in memory that are no padding.
template <typename Element, bool Interleave, typename Scalar, typename Positions>
POSENC_KERNEL void write_whole_blocks(Scalar* data, Eigen::Index row_stride, const Sinusoidal& encoding,
                                      Eigen::Index count, const Positions& positions) {
  const SinusoidColumns columns(encoding);
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

template <template <typename> class Element, typename Derived, typename Positions>
void for_each_sinusoid(const char* function, Eigen::DenseBase<Derived>& out, const Sinusoidal& encoding,
                       const Positions& given) {
  using Scalar = typename Derived::Scalar;
  using Write = Element<Scalar>;
  Derived& x = out.derived();
  const SinusoidalOptions& options = encoding.options();
  const SinusoidColumns columns(encoding);
  const double scale = options.embedding_scale;
  const bool counted = std::is_same_v<Positions, RangePositions> || !options.padding_position;
  const ShiftedPositions<Positions> positions(function, given, counted ? options.first_position : 0);
  const PaddingRows is_padding(encoding, positions);

  Eigen::Index written_pairs = 0;
  if constexpr (has_rows_in_memory<Derived>) {
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

template <template <typename> class Element, typename Derived, typename Positions>
void apply_sinusoidal(const char* function, const char* parameter, Eigen::DenseBase<Derived>& x,
                      const Sinusoidal& encoding, const Positions& given) {
  if (x.cols() != encoding.width()) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), "encoding.width() ",
                                  encoding.width());
  }
  require_data(function, parameter, x);
  if constexpr (std::is_integral_v<Positions>) {
    require_position_scalar<Positions>();
    const PositionRange range{static_cast<std::int64_t>(given), x.rows()};
    for_each_sinusoid<Element>(function, x, encoding, RangePositions(function, range));
  } else {
    static_assert(is_dense<Positions>,
                  "posenc: positions must be an integer (of the first row) or an Eigen vector of numbers");
    const ListPositions positions(function, given);
    require(positions.rows() == x.rows(), function, "positions.size()", positions.rows(), parameter, ".rows() ",
            x.rows());
    for_each_sinusoid<Element>(function, x, encoding, positions);
  }
}

}  // namespace detail

/// Writes the encoding of each row's position into `out`.
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param encoding   Which sinusoid stands in which channel.
/// @param positions  An integer: the position of row 0 (0 when left out). Or an Eigen vector of integers or real
///                   numbers, one for each row; a [batch, length] matrix of ids is read along its rows. See
///                   SinusoidalOptions::padding_position for ids that mark padding.
/// @throws std::invalid_argument  out.cols() is not the encoding's width; another number of positions than rows; a real
///                                position that is NaN or infinite. `out` is then unchanged.
/// @throws std::out_of_range      a position that overflows 64 bits, first_position included. `out` is then unchanged.
/// Cost:     two multiply-adds and a store for each value; no allocation.
/// Accuracy: float |error| <= u / 2 + amplitude (2^-40 + |angle| 2^-51) with u the ulp of float just below amplitude,
///           2^-24 for amplitude 1; double <= amplitude (2^-50 + |angle| 2^-51).
/// Matches:  see presets.
template <typename Out, typename Positions = std::int64_t>
void encode_sinusoidal(Out&& out, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", "out", detail::written(std::forward<Out>(out)),
                                                 encoding, positions);
}

/// Adds the encoding of each row's position to token embeddings, in place: x = embedding_scale x + encoding, formed in
/// double and rounded once.
///
/// Parameters, errors and cost are those of encode_sinusoidal().
template <typename X, typename Positions = std::int64_t>
void add_sinusoidal(X&& x, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", "x", detail::written(std::forward<X>(x)), encoding,
                                               positions);
}

/// Returns the table of positions first, ..., first + count - 1: count x encoding.width(), row-major.
/// @throws  as encode_sinusoidal(); std::invalid_argument for a negative count.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_sinusoidal(const Sinusoidal& encoding,
                                                                                       PositionRange positions) {
  detail::require(positions.count >= 0, "make_sinusoidal", "positions.count", positions.count, ">= 0");
  detail::require_size("make_sinusoidal", "positions.count", positions.count, encoding.width(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> table(positions.count, encoding.width());
  detail::apply_sinusoidal<detail::StoreElement>("make_sinusoidal", "table", table, encoding, positions.first);
  return table;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_HPP

// ---- posenc/sinusoidal/grid.hpp
/// Sinusoids of tokens on several axes: pictures, videos, coordinates.
#ifndef POSENC_SINUSOIDAL_GRID_HPP
#define POSENC_SINUSOIDAL_GRID_HPP

namespace posenc {
inline namespace POSENC_ABI {

/// Where the sinusoids of several axes stand in a row. Every layout of the field is such a list; presets:: has them.
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
class GridSinusoidal {
 public:
  /// @param width        Channels of a row, > 0.
  /// @param frequencies  One frequency and one axis for each pair.
  /// @param channels     Each channel of [0, width) named at most once.
  /// @throws std::invalid_argument  width <= 0; lists of other lengths; a channel named twice.
  /// @throws std::out_of_range      a channel that is neither -1 nor in [0, width).
  GridSinusoidal(Eigen::Index width, AxialFrequencies frequencies, GridChannels channels)
      : width_(width), frequencies_(std::move(frequencies)), channels_(std::move(channels)) {
    const char* const function = "GridSinusoidal";
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

namespace detail {

template <typename Out, typename Positions>
void require_grid(const char* function, const char* columns, const Out& out, const GridSinusoidal& encoding,
                  const Eigen::DenseBase<Positions>& positions) {
  require_axis_positions(function, positions, encoding.num_axes());
  require(out.rows() == positions.rows(), function, "positions.rows()", positions.rows(), "the number of tokens ",
          out.rows());
  require(out.cols() == encoding.width(), function, columns, out.cols(), "encoding.width() ", encoding.width());
}

/// write(element, value) for every channel that the encoding names.
template <typename Out, typename Positions, typename Write>
void for_each_grid_channel(Out& out, const GridSinusoidal& encoding, const Positions& positions, Write write) {
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

/// Writes the encoding of tokens on several axes into `out`; channels that the encoding does not name get 0.
///
/// A class token in front has a row of its own, which the field sets to zero: out.row(0).setZero() and
/// encode_sinusoidal(out.bottomRows(n), ...).
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object.
/// @param encoding   Which sinusoid stands in which channel: presets::mae() and its neighbours.
/// @param positions  tokens x encoding.num_axes(), integers or real numbers: grid_positions() and its neighbours.
/// @throws std::invalid_argument  shapes that do not agree; a real position that is NaN or infinite. `out` is then
///                                unchanged.
/// Cost:     two multiply-adds and a scattered store for each value; no allocation.
/// Accuracy: as encode_sinusoidal() on one axis.
template <typename Out, typename Positions>
void encode_sinusoidal(Out&& out, const GridSinusoidal& encoding, const Eigen::DenseBase<Positions>& positions) {
  detail::require_written_through<Out>();
  auto& target = detail::writable(out);
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_grid("encode_sinusoidal", "out.cols()", target, encoding, positions);
  target.setZero();
  detail::for_each_grid_channel(target, encoding, positions.derived(),
                                [](Scalar& channel, double value) { channel = detail::convert<Scalar>(value); });
}

/// Adds the encoding of tokens on several axes to their embeddings, in place, each sum formed in double and rounded
/// once. Parameters, errors and cost are those of encode_sinusoidal(); channels that the encoding does not name stay.
template <typename X, typename Positions>
void add_sinusoidal(X&& x, const GridSinusoidal& encoding, const Eigen::DenseBase<Positions>& positions) {
  detail::require_written_through<X>();
  auto& target = detail::writable(x);
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, double>;
  detail::require_grid("add_sinusoidal", "x.cols()", target, encoding, positions);
  detail::for_each_grid_channel(target, encoding, positions.derived(), [](Scalar& channel, double value) {
    channel = detail::convert<Scalar>(Number(detail::convert<Number>(channel) + detail::convert<Number>(value)));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_GRID_HPP

// ---- posenc/sinusoidal/grid_presets.hpp
/// presets for several axes: the grid encodings of vision models, and NeRF.
#ifndef POSENC_SINUSOIDAL_GRID_PRESETS_HPP
#define POSENC_SINUSOIDAL_GRID_PRESETS_HPP

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Takes pairs one by one and keeps the lists of a GridSinusoidal.
class GridBuilder {
 public:
  void add(int axis, double frequency, Eigen::Index sine, Eigen::Index cosine) {
    axes_.push_back(axis);
    frequencies_.push_back(frequency);
    channels_.sine.push_back(sine);
    channels_.cosine.push_back(cosine);
  }
  /// Pairs of one axis: sines from `sine` on and cosines from `cosine` on, `step` apart.
  void add_axis(int axis, const Frequencies& frequencies, Eigen::Index sine, Eigen::Index cosine, Eigen::Index step) {
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      add(axis, frequencies.inv_freq()[i], sine + i * step, cosine + i * step);
    }
  }
  std::vector<Eigen::Index>& positions() { return channels_.position; }
  GridSinusoidal build(Eigen::Index width, int num_axes) {
    const auto size = static_cast<Eigen::Index>(axes_.size());
    AxialFrequencies frequencies{Frequencies(Eigen::Map<const Eigen::ArrayXd>(frequencies_.data(), size)),
                                 AxisMap(Eigen::Map<const Eigen::ArrayXi>(axes_.data(), size), num_axes)};
    return GridSinusoidal(width, std::move(frequencies), std::move(channels_));
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

/// Grid encodings by project. Axes are those of grid_positions({height, width}): row y, then column x; video adds the
/// frame t in front. s and c are the blocks of sines and cosines of one axis.
///
///     preset            width              channels                          frequency m
///     mae               D, D % 4 == 0      s(x) c(x) s(y) c(y)               base^(-m / (D/4))
///     moco_v3           D, D % 4 == 0      s(y) s(x) c(y) c(x)               base^(-m / (D/4))
///     timm_interleaved  D, D % 4 == 0      s(y) c(y) s(x) c(x)               base^(-m / (D/4))
///     detr              2F, F even         y: s0 c0 s1 c1 .. | x: likewise   base^(-2m / F)
///     tatp22            any, 1 to 3 axes   per axis s0 c0 s1 c1 .., cut      base^(-2m / C)
///     tensor2tensor_nd  any, any axes      per axis s | c, rest 0            base^(-m / (F-1))
///     diffusers_3d      D, D % 16 == 0     t: s c in D/4 | mae in 3D/4       base^(-m / (D/8)), base^(-m / (3D/16))
///     nerf              n + 2nN            p | s0(all) c0(all) s1(all) ..    2^m
///     per_channel       any, one axis      s0 c1 s2 c3 ..                    base^(-channel / D)
///     opennn            any, one axis      s | c, one more cosine when odd   10000^(-2m / D)
namespace presets {

/// MAE, DiT, diffusers `get_2d_sincos_pos_embed`: the column comes first, although the source calls it `emb_h`.
/// diffusers also scales coordinates: give grid_positions() / interpolation_scale.
/// @throws std::invalid_argument  width no multiple of 4; base <= 0, 1, NaN or infinite.
inline GridSinusoidal mae(Eigen::Index width, double base = 10000) {
  detail::require_grid_width("presets::mae", "width", width, 4);
  detail::require_base("presets::mae", base);
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, base);
  detail::GridBuilder builder;
  builder.add_axis(1, frequencies, 0, quarter, 1);
  builder.add_axis(0, frequencies, 2 * quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// MoCo-v3, and timm `build_sincos2d_pos_embed` as it is called by default: all sines first, rows before columns.
/// @throws std::invalid_argument  width no multiple of 4; temperature <= 0, 1, NaN or infinite.
inline GridSinusoidal moco_v3(Eigen::Index width, double temperature = 10000) {
  detail::require_grid_width("presets::moco_v3", "width", width, 4);
  detail::require_base("presets::moco_v3", temperature);
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, 2 * quarter, 1);
  builder.add_axis(1, frequencies, quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// timm `build_sincos2d_pos_embed` with interleave_sin_cos=True: sines and cosines of the rows, then of the columns.
/// @throws std::invalid_argument  width no multiple of 4; temperature <= 0, 1, NaN or infinite.
inline GridSinusoidal timm_interleaved(Eigen::Index width, double temperature = 10000) {
  detail::require_grid_width("presets::timm_interleaved", "width", width, 4);
  detail::require_base("presets::timm_interleaved", temperature);
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = detail::ladder(quarter, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, quarter, 1);
  builder.add_axis(1, frequencies, 2 * quarter, 3 * quarter, 1);
  return builder.build(width, 2);
}

/// DETR `PositionEmbeddingSine` of width 2 num_pos_feats, for the positions of detr_positions().
/// @throws std::invalid_argument  num_pos_feats odd or <= 0; temperature <= 0, 1, NaN or infinite.
inline GridSinusoidal detr(Eigen::Index num_pos_feats, double temperature = 10000) {
  detail::require_grid_width("presets::detr", "num_pos_feats", num_pos_feats, 2);
  detail::require_base("presets::detr", temperature);
  const Frequencies frequencies = detail::ladder(num_pos_feats / 2, temperature);
  detail::GridBuilder builder;
  builder.add_axis(0, frequencies, 0, 1, 2);
  builder.add_axis(1, frequencies, num_pos_feats, num_pos_feats + 1, 2);
  return builder.build(2 * num_pos_feats, 2);
}

/// tatp22 multidim-positional-encoding (PositionalEncoding1D, 2D, 3D): each axis has C = 2 ceil(width / (2 num_axes))
/// channels, and the row is cut after `width`.
/// @throws std::invalid_argument  width <= 0; num_axes not in [1, 3].
inline GridSinusoidal tatp22(Eigen::Index width, int num_axes) {
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

/// tensor2tensor `add_timing_signal_nd`: F = width / (2 num_axes) rounded down; channels that are left over get
/// nothing.
/// @throws std::invalid_argument  num_axes <= 0 or width < 2 num_axes; timescales not finite and > 0, or equal.
inline GridSinusoidal tensor2tensor_nd(Eigen::Index width, int num_axes, double min_timescale = 1,
                                       double max_timescale = 10000) {
  const char* const function = "presets::tensor2tensor_nd";
  detail::require_grid_width(function, "width", width, 1);
  detail::require(num_axes > 0 && width / 2 >= num_axes, function, "num_axes", num_axes,
                  "in [1, width / 2 = ", width / 2, "]");
  detail::require(detail::is_finite(min_timescale) && min_timescale > 0, function, "min_timescale", min_timescale,
                  "finite and > 0");
  detail::require(detail::is_finite(max_timescale) && max_timescale > 0 && max_timescale != min_timescale, function,
                  "max_timescale", max_timescale, "finite, > 0 and not min_timescale ", min_timescale);
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

/// diffusers `get_3d_sincos_pos_embed`: time in the first quarter, the picture as in mae() in the rest. Axes t, y, x;
/// the source divides them by temporal_interpolation_scale and spatial_interpolation_scale.
/// @throws std::invalid_argument  width no multiple of 16.
inline GridSinusoidal diffusers_3d(Eigen::Index width) {
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

/// NeRF: the coordinates themselves, then for each frequency the sines of all coordinates and the cosines of all.
///
/// @param num_axes         Coordinates of a point, > 0.
/// @param num_frequencies  N, > 0.
/// @param include_input    Whether the coordinates come first.
/// @param log_sampling     2^m for m < N; otherwise N equally spaced from 1 to 2^(N-1).
/// @throws std::invalid_argument  num_axes <= 0; num_frequencies not in [1, 64].
/// Source:  Mildenhall et al. 2020, arXiv:2003.08934, without the paper's pi as in its code.
inline GridSinusoidal nerf(int num_axes, int num_frequencies, bool include_input = true, bool log_sampling = true) {
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

/// Legacy, for checkpoints trained so: every channel has a frequency of its own, sines on even and cosines on odd
/// channels, so that no two of them make a pair and the encoding of p + k is no rotation of that of p.
/// @throws std::invalid_argument  width <= 0; alpha <= 0, 1, NaN or infinite.
/// Matches: SinusoidPositionEncoding of Caffe2 (alpha), positional_encodings_ of dlib.
inline GridSinusoidal per_channel(Eigen::Index width, double alpha = 10000) {
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
/// @throws std::invalid_argument  width <= 0.
inline GridSinusoidal opennn(Eigen::Index width) {
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

/// Positions of DETR: how many valid pixels there are up to this one, down its column and along its row, from 1 on.
///
///     y = valid pixels of the column up to and with this row,  x = of the row up to and with this column
///     normalised: y = scale y / (y of the last row + 1e-6), x likewise
///
/// @param valid      height x width: not zero where the picture is, zero where it is padding. Any scalar.
/// @param scale      2 pi with normalize; finite.
/// @param normalize  False: counts.
/// @returns          (height * width) x 2, row-major; rows y then x.
/// @throws std::invalid_argument  scale NaN or infinite.
/// Source:   Carion et al. 2020, arXiv:2005.12872. Matches: PositionEmbeddingSine of DETR (its mask is the opposite:
///           True at padding).
template <typename Derived>
AxisPositionMatrix<double> detr_positions(const Eigen::DenseBase<Derived>& valid, bool normalize = true,
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

#endif  // POSENC_SINUSOIDAL_GRID_PRESETS_HPP

// ---- posenc/sinusoidal/presets.hpp
/// presets: the sinusoidal conventions of the projects in use, by name.
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

inline void require_preset_width(const char* function, Eigen::Index width) {
  require(width > 0, function, "width", width, "> 0");
}

inline SinusoidalOptions over_pairs(double from, double to) {
  SinusoidalOptions options;
  options.order = ChannelOrder::sin_cos;
  options.spacing = FrequencySpacing::over_pairs;
  options.frequency_shift = 1;
  options.base = to / from;
  options.position_scale = from;
  options.odd_width = OddWidth::zero_column;
  return options;
}

}  // namespace detail

/// SinusoidalOptions by project. `Sinusoidal(512, presets::whisper())` is Whisper's encoding of width 512.
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
/// d = width, F = d/2 rounded down.
/// @throws std::invalid_argument  timescales, periods or frequencies that are not finite and > 0, or that are equal
///                                where a spectrum lies between them; a width that is not > 0.
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
  detail::require_spectrum("presets::tensor2tensor", "min_timescale", min_timescale, "max_timescale", max_timescale);
  return detail::over_pairs(min_timescale, max_timescale);
}

/// `SinusoidalPositionalEmbedding` of fairseq, whose tokens count from padding_idx + 1: so does row 0. A list of
/// positions is what its `make_positions` returns (and roberta_positions()): ids equal to padding_idx get zeros.
/// @throws std::out_of_range  padding_idx 2^63 - 1.
inline SinusoidalOptions fairseq(std::int64_t padding_idx = 1) {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)() - 1;
  detail::require_in_range(padding_idx <= most, "presets::fairseq", "padding_idx", padding_idx, "at most ", most);
  SinusoidalOptions options = tensor2tensor();
  options.first_position = padding_idx + 1;
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
  detail::require_preset_width("presets::marian", width);
  SinusoidalOptions options = tensor2tensor();
  options.odd_width = OddWidth::reject;
  options.embedding_scale = std::sqrt(static_cast<double>(width));
  return options;
}

/// `sinusoids` of Whisper's encoder.
inline SinusoidalOptions whisper(double max_timescale = 10000) {
  detail::require_base("presets::whisper", max_timescale, "max_timescale");
  SinusoidalOptions options = tensor2tensor(1, max_timescale);
  options.odd_width = OddWidth::reject;
  return options;
}

/// `get_timestep_embedding` of diffusers, with its defaults (DDPM). Stable Diffusion: (true, 0).
inline SinusoidalOptions diffusers_timestep(bool flip_sin_to_cos = false, double downscale_freq_shift = 1,
                                            double scale = 1, double max_period = 10000) {
  detail::require_base("presets::diffusers_timestep", max_period, "max_period");
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
inline SinusoidalOptions ggml_timestep(double max_period = 10000) {
  detail::require_base("presets::ggml_timestep", max_period, "max_period");
  return diffusers_timestep(true, 0, 1, max_period);
}

/// Transformer-XL's `PositionalEmbedding`, whose rows stand at the distances klen - 1, ..., 0: pass those as positions.
/// Also RoFormer of Hugging Face at positions 0, 1, ...
inline SinusoidalOptions transformer_xl(double base = 10000) {
  SinusoidalOptions options = paper(base);
  options.order = ChannelOrder::sin_cos;
  return options;
}

/// `ScaledSinusoidalEmbedding` of x-transformers at its initial scale width^-0.5 (which it then learns).
inline SinusoidalOptions x_transformers(Eigen::Index width, double theta = 10000) {
  detail::require_preset_width("presets::x_transformers", width);
  detail::require_base("presets::x_transformers", theta, "theta");
  SinusoidalOptions options = transformer_xl(theta);
  options.amplitude = 1 / std::sqrt(static_cast<double>(width));
  return options;
}

/// `mlx.nn.SinusoidalPositionalEncoding` with its defaults: scale sqrt(2 / width).
inline SinusoidalOptions mlx(Eigen::Index width, double min_freq = 1e-4, double max_freq = 1, bool cos_first = false,
                             bool full_turns = false) {
  detail::require_preset_width("presets::mlx", width);
  detail::require_spectrum("presets::mlx", "min_freq", min_freq, "max_freq", max_freq);
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

// SPDX-License-Identifier: MIT
/// @file
/// Frequencies: one angular frequency per channel pair, from which every encoding starts.
#ifndef POSENC_FREQUENCY_FREQUENCIES_HPP
#define POSENC_FREQUENCY_FREQUENCIES_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/position_list.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The identity `id` combined with one more number; never 0.
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

/// The identity of a table whose heads, where there are several, have frequencies of their own.
inline std::uint64_t id_by_heads(std::uint64_t id, Eigen::Index num_heads) {
  return id != 0 && num_heads != 1 ? mix_id(id, static_cast<std::uint64_t>(num_heads)) : id;
}

}  // namespace detail

class Frequencies;

namespace detail {
Frequencies geometric_series(Eigen::Index rotary_dim, double base);
}  // namespace detail

/// One angular frequency for each channel pair, in radians per position, and two factors: on cos and sin, and on the
/// softmax scale.
///
///     angle of pair i at position p:  p * inv_freq[i]
///
/// Immutable: a scaling rule returns a new value.
/// Cost:     a few calls of the math library for each pair in every rule, and one allocation for the list; made once
///           for a model, so that there is no bench case.
/// Accuracy: what the rules promise, 1 to 4 ulp of double, holds where long double is wider than double, because they
///           are evaluated in it: gcc and clang on x86, AArch64 Linux. Elsewhere (MSVC, Apple silicon) they are right
///           to 64 ulp [frequency][golden].
/// Matches:  `inv_freq` of Hugging Face and vLLM; 1 / `freqs` of MLX; `freq_factors` of ggml are ratios of two of
///           these.
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
      : Frequencies(detail::copied_list<double>(inv_freq), magnitude, softmax_multiplier, 0.0) {}

  /// inv_freq[i], i < num_pairs, in radians per position.
  const Eigen::ArrayXd& inv_freq() const& { return inv_freq_; }
  /// Of a temporary: the list itself.
  Eigen::ArrayXd inv_freq() && { return std::move(inv_freq_); }
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

  /// A number for these frequencies and this magnitude, the same wherever they have the same bits; never 0. An exact
  /// table of them, with one set of angles for all heads, has the same id(), so that a key/value cache can record by
  /// what its keys were rotated.
  std::uint64_t id() const { return id_; }

  /// Whether these are frequencies of channels, and not of pairs. apply_rope() refuses their table.
  bool of_channels() const { return of_channels_; }

  /// The same frequencies as one for each *channel*: for apply_channel_angles(), where num_pairs() counts channels.
  Frequencies for_channels() const {
    Frequencies same = *this;
    same.of_channels_ = true;
    return same;
  }
  /// The same frequencies with another magnitude, and the same softmax multiplier.
  Frequencies with_magnitude(double magnitude) const { return with_magnitude(magnitude, softmax_multiplier_); }
  /// The same frequencies with both factors given.
  Frequencies with_magnitude(double magnitude, double softmax_multiplier) const {
    const Frequencies changed(inv_freq_, magnitude, softmax_multiplier, base_);
    return of_channels_ ? changed.for_channels() : changed;
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
    for (const double frequency : inv_freq_) {
      fastest_ = (std::max)(fastest_, std::abs(frequency));
      id_ = detail::mix_id(id_, frequency);
    }
    id_ = detail::mix_id(id_, magnitude);
  }
  friend Frequencies detail::geometric_series(Eigen::Index rotary_dim, double base);

  Eigen::ArrayXd inv_freq_;
  double magnitude_;
  double softmax_multiplier_;
  double base_;
  double fastest_ = 0;
  bool of_channels_ = false;
  std::uint64_t id_ = 1;
};

namespace detail {

/// The type that frequency rules are evaluated in before the one rounding to double: see Frequencies.
using Wide = long double;

/// Other frequencies with the two factors of `like`, of pairs or of channels as these are.
inline Frequencies with_frequencies(const Frequencies& like, const Eigen::ArrayXd& inv_freq) {
  const Frequencies changed(inv_freq, like.magnitude(), like.softmax_multiplier());
  return like.of_channels() ? changed.for_channels() : changed;
}

inline void require_base(const char* function, double base, const char* parameter = "base") {
  require(is_finite(base) && base > 0 && base != 1, function, parameter, base, "finite, > 0 and not 1");
}

inline void require_num_pairs(const char* function, Eigen::Index num_pairs) {
  require(num_pairs > 0 && num_pairs <= kMaxPairs, function, "num_pairs", num_pairs, "> 0 and at most ", kMaxPairs);
}

inline void require_rotary_dim(const char* function, const char* parameter, Eigen::Index rotary_dim) {
  require(rotary_dim > 0 && rotary_dim % 2 == 0 && rotary_dim <= kMaxChannels, function, parameter, rotary_dim,
          "even, > 0 and at most ", kMaxChannels);
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

/// spaced_frequencies() without the check for arguments in the wrong order, for callers inside the library.
inline Frequencies spaced(Eigen::Index num_pairs, double base, double divisor) {
  const char* const function = "spaced_frequencies";
  require_num_pairs(function, num_pairs);
  require_base(function, base);
  require(num_pairs == 1 || (is_finite(divisor) && divisor > 0), function, "divisor", divisor, "finite and > 0");
  return Frequencies(spaced_series(num_pairs, base, divisor));
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
/// @throws std::invalid_argument  rotary_dim odd, <= 0 or beyond 2^24; base <= 0, 1, NaN or infinite; rotary_dim >=
///                                4096 with base <= 1024, which are in the wrong order.
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
/// @param num_pairs  F, an integer > 0 and at most 2^23.
/// @param base       `max_period`, `temperature` or `theta`: finite, > 0, not 1.
/// @param divisor    Finite and > 0, unless num_pairs is 1.
/// @throws std::invalid_argument  when one of these does not hold; a divisor >= 4096 with base <= 1024, which are in
///                                the wrong order.
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
  detail::require(pairs == 1 || divided_by < 4096 || static_cast<double>(base) > 1024, function, "divisor", divided_by,
                  "below 4096 for a base of ", static_cast<double>(base),
                  " (base is the second argument, divisor the third)");
  return detail::spaced(pairs, static_cast<double>(base), divided_by);
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

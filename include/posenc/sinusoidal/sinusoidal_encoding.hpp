// SPDX-License-Identifier: MIT
/// @file
/// SinusoidalEncoding: which sinusoid each channel of a row holds, for tokens on a line.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/detail/position_scalar.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/sinusoidal/sinusoidal_options.hpp"

#include <type_traits>

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
/// with w[m] = base^(-2m / width) or base^(-m / (F - frequency_shift)), F = width / 2 rounded down. Immutable; holds
/// one number for each sine, no table.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
/// Matches:  what the presets name: presets::paper(width), presets::whisper(width) and so on.
class SinusoidalEncoding {
 public:
  /// An encoding with conventions of one's own; presets:: has those of the projects in use.
  /// @param width    Channels of a row (d_model), > 0; see OddWidth when it is odd.
  /// @param options  The conventions.
  /// @throws std::invalid_argument  width <= 0; odd width with OddWidth::reject, width 1 with OddWidth::zero_column;
  ///                                base <= 0 or 1; frequency_shift >= F with over_pairs and more than one sine;
  ///                                anything NaN or infinite.
  /// @throws std::out_of_range      |first_position| > 2^57.
  SinusoidalEncoding(detail::Size width, const SinusoidalOptions& options)
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
  SinusoidalOptions options() const { return options_; }
  /// One frequency for each sine, position_scale included, and the amplitude as its magnitude where that is > 0: what
  /// make_table() takes for a table that encode_sinusoidal() and add_sinusoidal() read.
  const Frequencies& frequencies() const& { return frequencies_; }
  /// Of a temporary: the frequencies themselves.
  Frequencies frequencies() && { return std::move(frequencies_); }
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
    constexpr Eigen::Index widest = detail::kMaxChannels;
    const bool odd = width % 2 != 0;
    detail::require_named(function, "order", options.order, ChannelOrder::cos_sin);
    detail::require_named(function, "spacing", options.spacing, FrequencySpacing::over_pairs);
    detail::require_named(function, "odd_width", options.odd_width, OddWidth::sine_column);
    detail::require(width > 0 && width <= widest, function, "width", width, "> 0 and at most ", widest);
    detail::require(!odd || options.odd_width != OddWidth::reject, function, "width", width, "even");
    detail::require(!odd || width > 1 || options.odd_width == OddWidth::sine_column, function, "width", width, "> 1");
    detail::require(detail::is_finite(options.position_scale), function, "position_scale", options.position_scale,
                    "finite");
    detail::require(detail::is_finite(options.amplitude), function, "amplitude", options.amplitude, "finite");
    detail::require(detail::is_finite(options.embedding_scale), function, "embedding_scale", options.embedding_scale,
                    "finite");
    detail::require_position(function, "first_position", std::int64_t{options.first_position});
    detail::require_base(function, options.base);
    const Eigen::Index num_sines = odd && options.odd_width == OddWidth::sine_column ? width / 2 + 1 : width / 2;
    const bool over_width = options.spacing == FrequencySpacing::over_width;
    const double pairs = static_cast<double>(width / 2);
    detail::require(
        detail::is_finite(options.frequency_shift) && (over_width || num_sines == 1 || options.frequency_shift < pairs),
        function, "frequency_shift", options.frequency_shift, "finite and less than width / 2 = ", width / 2);
    const double divisor = over_width ? static_cast<double>(width) / 2 : pairs - options.frequency_shift;
    Eigen::ArrayXd inv_freq = detail::spaced_series(num_sines, options.base, divisor);
    for (Eigen::Index i = 0; i < num_sines; ++i) inv_freq[i] *= options.position_scale;
    return Frequencies(inv_freq, options.amplitude > 0 ? options.amplitude : 1.0);
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

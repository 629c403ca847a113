// SPDX-License-Identifier: MIT
/// @file
/// Sinusoidal: which sinusoid stands in which channel.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP

#include "posenc/detail/check.hpp"
#include "posenc/frequency/channel_order.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <cstdint>
#include <optional>

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

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_ENCODING_HPP

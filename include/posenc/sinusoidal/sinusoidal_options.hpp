// SPDX-License-Identifier: MIT
/// @file
/// SinusoidalOptions: every convention in which sinusoidal encodings differ from project to project.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/channel_order.hpp"

#include <cstdint>
#include <optional>

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
  /// Neither has a default, because projects differ.
  /// @param channel_order      Which channels are sines and which are cosines.
  /// @param frequency_spacing  What the exponents run over.
  SinusoidalOptions(ChannelOrder channel_order, FrequencySpacing frequency_spacing)
      : order(channel_order), spacing(frequency_spacing) {}
  /// Says what is missing.
  template <typename Missing = void>
  SinusoidalOptions() : SinusoidalOptions(ChannelOrder::interleaved, FrequencySpacing::over_width) {
    static_assert(detail::kMisuse<Missing>,
                  "posenc: the conventions have no default: write SinusoidalOptions options(ChannelOrder::interleaved, "
                  "FrequencySpacing::over_width), or start from a preset: presets::paper(width).options()");
  }

  ChannelOrder order;
  FrequencySpacing spacing;
  double frequency_shift = 0;  ///< With over_pairs: `downscale_freq_shift`; 1 makes 1/base the last frequency.
  double base = 10000;         ///< Also `max_period` or `temperature`; finite, > 0, not 1.
  double position_scale = 1;   ///< Factor on every angle; 2 pi makes a position of 1 a full period.
  /// Added to every position, |first_position| <= 2^57: CTranslate2 starts at 1.
  detail::WholeNumber first_position = 0;
  OddWidth odd_width = OddWidth::reject;
  double amplitude = 1;        ///< Factor on the encoding.
  double embedding_scale = 1;  ///< add_sinusoidal(): factor on x before the addition.
  /// Tokens at this position get zeros (fairseq padding_idx). A list of positions then holds ids that tell padding from
  /// tokens, such as presets::roberta_positions() makes, and is taken as it is, without first_position.
  std::optional<detail::WholeNumber> padding_position = {};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_OPTIONS_HPP

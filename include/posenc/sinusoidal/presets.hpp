// SPDX-License-Identifier: MIT
/// @file
/// presets: the sinusoidal conventions of the projects in use, by name.
#ifndef POSENC_SINUSOIDAL_PRESETS_HPP
#define POSENC_SINUSOIDAL_PRESETS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

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

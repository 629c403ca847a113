// SPDX-License-Identifier: MIT
/// @file
/// presets: the sinusoidal encodings of the projects in use, by name.
#ifndef POSENC_SINUSOIDAL_PRESETS_HPP
#define POSENC_SINUSOIDAL_PRESETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <cmath>
#include <cstdint>
#include <type_traits>

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

/// tensor2tensor: frequencies from 1 / min_timescale down to 1 / max_timescale in equal ratios, but like the original
/// it multiplies by min_timescale.
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

/// fairseq, which counts tokens from padding_idx + 1: starting_at(0) is that position. A list of positions holds the
/// ids that its make_positions() or presets::roberta_positions() returns, and ids equal to padding_idx get zeros.
/// @param width        Channels of a row, > 1.
/// @param padding_idx  Position of padding, in [-2^57, 2^57).
/// @throws std::invalid_argument  width <= 1.
/// @throws std::out_of_range      padding_idx.
/// Matches:  SinusoidalPositionalEmbedding of fairseq.
inline SinusoidalEncoding fairseq(detail::Size width, detail::WholeNumber padding_idx = 1) {
  constexpr std::int64_t limit = detail::kMaxPosition;
  detail::require_in_range(padding_idx >= -limit && padding_idx < limit, "presets::fairseq", "padding_idx", padding_idx,
                           "in [-2^57, 2^57)");
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

/// Timestep embeddings of diffusion models. Models differ in the first two, which have no default: (width, true, 0) in
/// Stable Diffusion, (width, false, 1) in DDPM.
/// @param width                 Channels of a row, > 1.
/// @param flip_sin_to_cos       Whether cosines come first.
/// @param downscale_freq_shift  Finite, less than width / 2.
/// @param scale                 Factor on every angle, finite.
/// @param max_period            Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  get_timestep_embedding of diffusers.
inline SinusoidalEncoding diffusers_timestep(detail::Size width, detail::Switch flip_sin_to_cos,
                                             double downscale_freq_shift, double scale = 1, double max_period = 10000) {
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

/// @overload
/// Says what is missing.
template <typename... Given, std::enable_if_t<(sizeof...(Given) < 3), int> = 0>
SinusoidalEncoding diffusers_timestep(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write presets::diffusers_timestep(width, flip_sin_to_cos, downscale_freq_shift), in which "
                "models differ: (width, true, 0) in Stable Diffusion, (width, false, 1) in DDPM");
  return diffusers_timestep(2, false, 0.0);
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

/// x-transformers, at its initial scale width^-0.5, which that project then trains.
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
/// @param full_turns          Whether angles are multiplied by 2 pi, so that a position of 1 is a full period.
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

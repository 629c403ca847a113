// SPDX-License-Identifier: MIT
/// @file
/// presets: the sinusoidal encodings of models in transformers, NeMo and diffusers, by name.
#ifndef POSENC_SINUSOIDAL_MODEL_PRESETS_HPP
#define POSENC_SINUSOIDAL_MODEL_PRESETS_HPP

#include "posenc/positions/position_list.hpp"
#include "posenc/sinusoidal/detail/grid_builder.hpp"
#include "posenc/sinusoidal/presets.hpp"

#include <cmath>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Encodings by model. d = width, F = d / 2 rounded down, but num_frequencies in gligen; C = num_pos_feats; s and c are
/// sines and cosines.
///
///     preset               order         frequency m                    position of row 0   odd width
///     musicgen             cos | sin     10000^(-m/(F-1))               0                   last channel 0
///     xglm                 sin | cos     10000^(-m/(F-1))               2                   last channel 0
///     nemo                 interleaved   10000^(-2m/d)                  0                   error
///     marian_transformers  sin | cos     10000^(-2m/d)                  0                   one more sine
///     pi0                  sin | cos     2 pi / period m                given times         error
///     gligen               per m: s c of all axes                       100^(m/F)           given boxes
///     dab_detr             as detr       a temperature for each axis    presets::detr_positions()
///     dab_detr_queries     y x w h ..    2 pi 10000^(-2m/C)             given anchors
///     perceiver            p | s | c     pi linspace(1, side / 2)       given, in [-1, 1]
///
/// Accuracy: equal to what the models compute, but for the float32 angles that these have [sinusoidal][presets].
namespace presets {

/// MusicGen's decoder: cosines first.
/// @param width  Channels of a row, > 1.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  MusicgenSinusoidalPositionalEmbedding of transformers, and MusicGen Melody's.
inline SinusoidalEncoding musicgen(detail::Size width) {
  SinusoidalOptions options = detail::timing_signal(1, 10000, OddWidth::zero_column);
  options.order = ChannelOrder::cos_sin;
  return detail::named_encoding("presets::musicgen", width, options);
}

/// XGLM: the channels of fairseq(), with tokens counted from 2 whether or not there is padding.
/// @param width  Channels of a row, > 1.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  XGLMSinusoidalPositionalEmbedding of transformers.
inline SinusoidalEncoding xglm(detail::Size width) {
  SinusoidalOptions options = detail::timing_signal(1, 10000, OddWidth::zero_column);
  options.first_position = 2;
  return detail::named_encoding("presets::xglm", width, options);
}

/// NeMo's fixed encoding: that of paper() divided by sqrt(width).
/// @param width  Channels of a row, > 0, even.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  FixedPositionalEncoding of NeMo.
inline SinusoidalEncoding nemo(detail::Size width) {
  SinusoidalOptions options = detail::paper_options(ChannelOrder::interleaved, 10000, OddWidth::reject);
  options.amplitude = 1 / std::sqrt(detail::preset_width("presets::nemo", width));
  return detail::named_encoding("presets::nemo", width, options);
}

/// Marian in transformers, with the paper's frequencies and not those of marian(). The embedding is multiplied by
/// sqrt(width) before the addition.
/// @param width  Channels of a row, > 0.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  MarianSinusoidalPositionalEmbedding of transformers.
inline SinusoidalEncoding marian_transformers(detail::Size width) {
  SinusoidalOptions options = detail::paper_options(ChannelOrder::sin_cos, 10000, OddWidth::sine_column);
  options.embedding_scale = std::sqrt(detail::preset_width("presets::marian_transformers", width));
  return detail::named_encoding("presets::marian_transformers", width, options);
}

/// The times of pi0's flow matching: periods from min_period to max_period in equal ratios.
/// @param width                   Channels of a row, > 0, even.
/// @param min_period, max_period  [the unit of the times] Finite, > 0 and not equal.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Black et al. 2024, arXiv:2410.24164. Matches: PI0TimestepEmbeddings of transformers.
inline SinusoidalEncoding pi0(detail::Size width, double min_period = 4e-3, double max_period = 4) {
  const char* const function = "presets::pi0";
  detail::require_spectrum(function, "min_period", min_period, "max_period", max_period);
  SinusoidalOptions options = detail::timing_signal(1, max_period / min_period, OddWidth::reject);
  options.position_scale = 6.283185307179586 / min_period;
  return detail::named_encoding(function, width, options);
}

/// GLIGEN's boxes, four coordinates in [0, 1]: for each frequency the sines of all four and their cosines.
/// @param num_frequencies  F, in [1, 1024]; 8 in the model.
/// @throws std::invalid_argument  this does not hold.
/// Source:   Li et al. 2023, arXiv:2301.07093. Matches: get_fourier_embeds_from_boundingbox of diffusers.
inline SinusoidalGridEncoding gligen(detail::Size num_frequencies = 8) {
  const Eigen::Index count = num_frequencies;
  detail::require(count > 0 && count <= 1024, "presets::gligen", "num_frequencies", count, "in [1, 1024]");
  detail::GridBuilder builder;
  for (Eigen::Index m = 0; m < count; ++m) {
    const double frequency = std::pow(100.0, static_cast<double>(m) / static_cast<double>(count));
    for (int axis = 0; axis < 4; ++axis) builder.add(axis, frequency, 8 * m + axis, 8 * m + 4 + axis);
  }
  return builder.build(8 * count, 4);
}

/// DAB-DETR's pictures, for the positions of presets::detr_positions(): detr() with a temperature for each axis.
/// @param num_pos_feats                         Channels of each axis, even, > 0.
/// @param temperature_height, temperature_width  Finite, > 0, not 1; 20 in the model.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Liu et al. 2022, arXiv:2201.12329. Matches: DabDetrSinePositionEmbedding of transformers.
inline SinusoidalGridEncoding dab_detr(detail::Size num_pos_feats, double temperature_height = 20,
                                       double temperature_width = 20) {
  const char* const function = "presets::dab_detr";
  detail::require_grid_width(function, "num_pos_feats", num_pos_feats, 2);
  detail::require_base(function, temperature_height, "temperature_height");
  detail::require_base(function, temperature_width, "temperature_width");
  detail::GridBuilder builder;
  builder.add_axis(0, detail::ladder(num_pos_feats / 2, temperature_height), 0, 1, 2);
  builder.add_axis(1, detail::ladder(num_pos_feats / 2, temperature_width), num_pos_feats, num_pos_feats + 1, 2);
  return builder.build(2 * num_pos_feats, 2);
}

/// The anchors of DAB-DETR's and Conditional DETR's queries: coordinates x, y (or x, y, width, height) in [0, 1]; the
/// channels of y come first.
/// @param num_pos_feats    Channels of each coordinate, even, > 0.
/// @param num_coordinates  2 or 4.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Liu et al. 2022, arXiv:2201.12329. Matches: encode_sinusoidal_position_embedding of transformers.
inline SinusoidalGridEncoding dab_detr_queries(detail::Size num_pos_feats, detail::Size num_coordinates) {
  const char* const function = "presets::dab_detr_queries";
  detail::require_grid_width(function, "num_pos_feats", num_pos_feats, 2);
  detail::require(num_coordinates == 2 || num_coordinates == 4, function, "num_coordinates", num_coordinates, "2 or 4");
  const int axes = static_cast<int>(num_coordinates);
  const Eigen::Index pairs = num_pos_feats / 2;
  Eigen::ArrayXd inv_freq = detail::spaced_series(pairs, 10000, static_cast<double>(pairs));
  for (Eigen::Index i = 0; i < pairs; ++i) inv_freq[i] *= 6.283185307179586;
  const Frequencies frequencies(inv_freq);
  detail::GridBuilder builder;
  for (int axis = 0; axis < axes; ++axis) {
    const Eigen::Index place = axis < 2 ? 1 - axis : axis;
    builder.add_axis(axis, frequencies, place * num_pos_feats, place * num_pos_feats + 1, 2);
  }
  return builder.build(axes * num_pos_feats, axes);
}

/// Perceiver's Fourier positions: the coordinates themselves, all sines axis by axis, then all cosines. The frequencies
/// of an axis run in equal steps from pi to pi side / 2.
/// @param max_resolution  The sides of the pictures that it was trained for, a list with one integer > 0 for each axis.
/// @param num_bands       Frequencies of each axis, in [1, 1024].
/// @param concat_pos      Whether the coordinates come first.
/// @param sine_only       Whether there are no cosines.
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Jaegle et al. 2021, arXiv:2103.03206. Matches: generate_fourier_features of transformers' Perceiver.
template <typename Resolution, std::enable_if_t<detail::is_list<Resolution>, int> = 0>
SinusoidalGridEncoding perceiver(const Resolution& max_resolution, detail::Size num_bands,
                                 detail::Switch concat_pos = true, detail::Switch sine_only = false) {
  const char* const function = "presets::perceiver";
  const auto& sides = detail::as_list(max_resolution);
  detail::require(sides.size() > 0 && sides.size() <= 1024, function, "max_resolution.size()", sides.size(),
                  "the number of axes, in [1, 1024]");
  detail::require(num_bands > 0 && num_bands <= 1024, function, "num_bands", num_bands, "in [1, 1024]");
  const int axes = static_cast<int>(sides.size());
  const Eigen::Index first = concat_pos ? axes : 0;
  const Eigen::Index half = axes * num_bands;
  constexpr double pi = 3.141592653589793;
  detail::GridBuilder builder;
  for (int axis = 0; axis < axes; ++axis) {
    const auto side = static_cast<double>(detail::list_entry(sides, axis));
    if (!(detail::is_finite(side) && side > 0)) {
      detail::refuse<std::invalid_argument>(function, detail::element("max_resolution", axis), side, "finite and > 0");
    }
    const double step = num_bands > 1 ? (side / 2 - 1) / static_cast<double>(num_bands - 1) : 0;
    for (Eigen::Index band = 0; band < num_bands; ++band) {
      const Eigen::Index sine = first + axis * num_bands + band;
      builder.add(axis, pi * (1 + static_cast<double>(band) * step), sine, sine_only ? -1 : sine + half);
    }
  }
  for (int axis = 0; axis < axes && concat_pos; ++axis) builder.positions().push_back(axis);
  return builder.build(first + (sine_only ? 1 : 2) * half, axes);
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_MODEL_PRESETS_HPP

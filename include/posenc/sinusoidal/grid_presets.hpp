// SPDX-License-Identifier: MIT
/// @file
/// presets for pictures and videos: MAE, MoCo-v3, timm, DETR, diffusers.
#ifndef POSENC_SINUSOIDAL_GRID_PRESETS_HPP
#define POSENC_SINUSOIDAL_GRID_PRESETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/sinusoidal/detail/grid_builder.hpp"

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
  return detail::encode_in_quarters("presets::mae", width, "base", base, {1, 0, 1}, {0, 2, 3});
}

/// MoCo-v3: all sines first, rows before columns.
/// @param width        Channels of a row, a multiple of 4, > 0.
/// @param temperature  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  MoCo-v3, and build_sincos2d_pos_embed of timm as it is called by default.
inline SinusoidalGridEncoding moco_v3(detail::Size width, double temperature = 10000) {
  return detail::encode_in_quarters("presets::moco_v3", width, "temperature", temperature, {0, 0, 2}, {1, 1, 3});
}

/// timm, interleaved: sines and cosines of the rows, then of the columns.
/// @param width        Channels of a row, a multiple of 4, > 0.
/// @param temperature  Finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  build_sincos2d_pos_embed of timm with interleave_sin_cos=True.
inline SinusoidalGridEncoding timm_interleaved(detail::Size width, double temperature = 10000) {
  return detail::encode_in_quarters("presets::timm_interleaved", width, "temperature", temperature, {0, 0, 1},
                                    {1, 2, 3});
}

/// DETR, of width 2 num_pos_feats, for the positions of presets::detr_positions().
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

// SPDX-License-Identifier: MIT
/// @file
/// presets for several axes: the grid encodings of vision models, and NeRF.
#ifndef POSENC_SINUSOIDAL_GRID_PRESETS_HPP
#define POSENC_SINUSOIDAL_GRID_PRESETS_HPP

#include "posenc/positions/grid_positions.hpp"
#include "posenc/sinusoidal/sinusoidal_grid.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

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

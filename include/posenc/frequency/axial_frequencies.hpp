// SPDX-License-Identifier: MIT
/// @file
/// Frequencies of vision towers: a spectrum for each axis of a grid.
#ifndef POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP
#define POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <vector>

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

#endif  // POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

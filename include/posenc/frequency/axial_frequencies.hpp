// SPDX-License-Identifier: MIT
/// @file
/// Frequencies of vision towers: a spectrum for each axis of a grid.
#ifndef POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP
#define POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

#include "posenc/detail/argument.hpp"
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

/// How the axes of a grid share geometric series of frequencies.
enum class AxialSeries {
  one_per_axis,  ///< Each axis has a series of its own: most vision towers.
  alternating    ///< One series over all pairs, whose frequencies go to the axes in turn: Pixtral.
};

namespace detail {

/// A series for each axis, of base_of(axis).
template <typename BaseOf>
AxialFrequencies series_of_axes(const std::vector<int>& pairs_of_axis, double position_scale, const BaseOf& base_of) {
  AxisMap axes = contiguous_axes(pairs_of_axis);
  require(is_finite(position_scale), "axial_frequencies", "position_scale", position_scale, "finite");
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  Eigen::Index first = 0;
  for (std::size_t axis = 0; axis < pairs_of_axis.size(); ++axis) {
    const int pairs = pairs_of_axis[axis];
    if (pairs == 0) continue;
    inv_freq.segment(first, pairs) = position_scale * spaced_series(pairs, base_of(axis), pairs);
    first += pairs;
  }
  return {Frequencies(inv_freq), std::move(axes)};
}

}  // namespace detail

/// Frequencies of a vision tower: a geometric series for each axis, all pairs of one axis and then all of the next.
///
///     inv_freq[pair i of axis a] = position_scale base^(-i / pairs_of_axis[a])
///
/// @param pairs_of_axis   Pairs of each axis, >= 0, not all zero: {head_dim / 4, head_dim / 4} for a picture.
/// @param base            `rope_theta`, `temperature`: finite, > 0 and not 1.
/// @param position_scale  Factor on every angle, finite; 2 pi where coordinates count full circles (DINOv3).
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double, 2 with a position_scale [frequency][axial].
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.2 (axial frequencies).
/// Matches:  Qwen2-VL vision tower, ggml VISION: (row, column), half-split. Llama 4 vision: (column + 1, row + 1),
///           interleaved, class token at (0, 0). DINOv3: base 100, position_scale 2 pi, (row, column) of
///           patch_centers(), half-split, prefix tokens at (0, 0). timm and EVA-02 "lang" bands: interleaved.
///           ChatGLM-6B (position, block) and the Gemma 4 vision tower (column, row; base 100) pair channels within the
///           half of a head that an axis owns: rotate each half by a table of its own, made of
///           geometric_frequencies(head_dim / 2), with layouts whose windows are the two halves of the head.
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base,
                                          double position_scale = 1) {
  detail::require_base("axial_frequencies", base);
  return detail::series_of_axes(pairs_of_axis, position_scale, [=](std::size_t) { return base; });
}

/// @overload
/// With a base for each axis: inv_freq[pair i of axis a] = position_scale bases[a]^(-i / pairs_of_axis[a]).
/// @param bases  One for each axis, finite, > 0 and not 1.
/// @throws std::invalid_argument  in addition to those above: another number of bases than axes.
/// Matches:  Cosmos: bases 10000 s_a^(d_a / (d_a - 2)) with d_a = 2 pairs_of_axis[a] and s_a the extrapolation of axis
///           a (frame, row, column), half-split.
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, const std::vector<double>& bases,
                                          double position_scale = 1) {
  const char* const function = "axial_frequencies";
  detail::require(bases.size() == pairs_of_axis.size(), function, "bases.size()", bases.size(), "pairs_of_axis.size() ",
                  pairs_of_axis.size());
  for (std::size_t axis = 0; axis < bases.size(); ++axis) {
    if (detail::is_finite(bases[axis]) && bases[axis] > 0 && bases[axis] != 1) continue;
    detail::refuse<std::invalid_argument>(function, detail::element("bases", static_cast<Eigen::Index>(axis)),
                                          bases[axis], "finite, > 0 and not 1");
  }
  return detail::series_of_axes(pairs_of_axis, position_scale, [&](std::size_t axis) { return bases[axis]; });
}

/// @overload
/// With `series` alternating, one series over all num_pairs pairs goes to the num_axes axes in turn:
///
///     inv_freq[pair i of axis a] = base^(-(num_axes i + a) / num_pairs)
///
/// @param series  one_per_axis is the function above with a position_scale of 1.
/// @throws std::invalid_argument  in addition to those above: alternating axes with different numbers of pairs.
/// Matches:  Pixtral and Mistral 3 vision: two axes, rows first, half-split (the flat id there is
///           row * max_width + column).
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base, AxialSeries series) {
  if (series == AxialSeries::one_per_axis) return axial_frequencies(pairs_of_axis, base);
  const char* const function = "axial_frequencies";
  detail::require_named(function, "series", series, AxialSeries::alternating);
  AxisMap axes = contiguous_axes(pairs_of_axis);
  detail::require_base(function, base);
  for (std::size_t axis = 0; axis < pairs_of_axis.size(); ++axis) {
    if (pairs_of_axis[axis] == pairs_of_axis[0]) continue;
    detail::refuse<std::invalid_argument>(function, detail::element("pairs_of_axis", static_cast<Eigen::Index>(axis)),
                                          pairs_of_axis[axis], pairs_of_axis[0], " as on axis 0 for alternating axes");
  }
  const Eigen::ArrayXd all = detail::spaced_series(axes.num_pairs(), base, static_cast<double>(axes.num_pairs()));
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  const Eigen::Index pairs = pairs_of_axis[0];
  for (Eigen::Index i = 0; i < all.size(); ++i) inv_freq[i] = all[i % pairs * axes.num_axes() + i / pairs];
  return {Frequencies(inv_freq), std::move(axes)};
}

/// Linear bands for coordinates in [-1, 1]: pi times n equally spaced numbers from 1 to max_frequency / 2, for each
/// axis.
///
///     inv_freq[pair i of axis a] = pi (1 + i (max_frequency / 2 - 1) / (n - 1))      i < n
///
/// @param num_axes       Axes, > 0 and at most 1024.
/// @param pairs_of_axis  n, > 0: head_dim / 4 for a picture. A single band is pi.
/// @param max_frequency  `max_res`, `max_freq`: the highest band over pi / 2; finite.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double [frequency][axial].
/// Matches:  timm and EVA-02 with in_pixels and linear_bands (max_res 224) on linspace_positions(), interleaved;
///           "pixel" of rotary-embedding-torch.
inline AxialFrequencies pixel_frequencies(detail::Size num_axes, detail::Size pairs_of_axis, double max_frequency) {
  const char* const function = "pixel_frequencies";
  detail::require(num_axes > 0 && num_axes <= 1024, function, "num_axes", num_axes, "in [1, 1024]");
  detail::require_num_pairs(function, pairs_of_axis);
  detail::require(pairs_of_axis <= detail::kMaxPairs / num_axes, function, "pairs_of_axis", pairs_of_axis, "at most ",
                  detail::kMaxPairs, " on all axes together");
  detail::require(detail::is_finite(max_frequency), function, "max_frequency", max_frequency, "finite");
  constexpr detail::Wide pi = 3.14159265358979323846264338327950288L;
  const detail::Wide step =
      pairs_of_axis > 1 ? (static_cast<detail::Wide>(max_frequency) / 2 - 1) / (pairs_of_axis - 1) : detail::Wide(0);
  Eigen::ArrayXd inv_freq(num_axes * pairs_of_axis);
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    inv_freq[i] = static_cast<double>(pi * (1 + static_cast<detail::Wide>(i % pairs_of_axis) * step));
  }
  return {Frequencies(inv_freq),
          contiguous_axes(std::vector<int>(static_cast<std::size_t>(num_axes), static_cast<int>(pairs_of_axis)))};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Frequencies of vision towers: a spectrum for each axis of a grid.
#ifndef POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP
#define POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <type_traits>
#include <utility>
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
  alternating,   ///< One series over all pairs, whose frequencies go to the axes in turn: Pixtral.
  in_turn        ///< A series for each axis, and the pairs of the axes in turn, y x y x ...: Lumina-Next.
};

/// How the bands of pixel_frequencies() lie between the lowest and the highest.
enum class PixelBands {
  linear,    ///< Equal differences: EVA-02, rotary-embedding-torch.
  geometric  ///< Equal ratios: what timm does unless linear_bands is set.
};

namespace detail {

/// A series for each axis, of base_of(axis).
template <typename BaseOf>
AxialFrequencies series_of_axes(const std::vector<int>& pairs_of_axis, double position_scale, const BaseOf& base_of) {
  AxisMap axes = contiguous_axes_of("axial_frequencies", "pairs_of_axis", pairs_of_axis);
  require(is_finite(position_scale), "axial_frequencies", "position_scale", position_scale, "finite");
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  Eigen::Index first = 0;
  for (std::size_t axis = 0; axis < pairs_of_axis.size(); ++axis) {
    const int pairs = pairs_of_axis[axis];
    if (pairs == 0) continue;
    for (const double frequency : spaced_series(pairs, base_of(axis), pairs)) {
      inv_freq[first++] = position_scale * frequency;
    }
  }
  return {Frequencies(inv_freq), std::move(axes)};
}

/// A series of n pairs for each axis, pair i of axis a at num_axes i + a.
inline AxialFrequencies series_in_turn(Eigen::Index n, Eigen::Index num_axes, double base) {
  const Eigen::ArrayXd series = spaced_series(n, base, static_cast<double>(n));
  Eigen::ArrayXd inv_freq(n * num_axes);
  Eigen::ArrayXi axis_of_pair(n * num_axes);
  for (Eigen::Index pair = 0; pair < inv_freq.size(); ++pair) {
    inv_freq[pair] = series[pair / num_axes];
    axis_of_pair[pair] = static_cast<int>(pair % num_axes);
  }
  return {Frequencies(inv_freq), AxisMap(axis_of_pair, num_axes)};
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
/// By another series than one_per_axis, which is the function above with a position_scale of 1. With num_axes axes of n
/// pairs each, in the order in which the pairs lie:
///
///     alternating   0 0 0 1 1 1   inv_freq[pair i of axis a] = base^(-(num_axes i + a) / (num_axes n))
///     in_turn       0 1 0 1 0 1   inv_freq[pair i of axis a] = base^(-i / n),  at num_axes i + a
///
/// @param series  How the axes share frequencies.
/// @throws std::invalid_argument  in addition to those above: alternating axes, or axes in turn, with different numbers
///                                of pairs.
/// Matches:  Pixtral and Mistral 3 vision, alternating: two axes, rows first, half-split (the flat id there is
///           row * max_width + column). Lumina-Next (get_2d_rotary_pos_embed_lumina of diffusers), in_turn: two axes,
///           rows first, interleaved; its linear_factor is that of scale_linear(), its ntk_factor a factor on base.
inline AxialFrequencies axial_frequencies(const std::vector<int>& pairs_of_axis, double base, AxialSeries series) {
  if (series == AxialSeries::one_per_axis) return axial_frequencies(pairs_of_axis, base);
  const char* const function = "axial_frequencies";
  detail::require_named(function, "series", series, AxialSeries::in_turn);
  AxisMap axes = detail::contiguous_axes_of(function, "pairs_of_axis", pairs_of_axis);
  detail::require_base(function, base);
  const bool in_turn = series == AxialSeries::in_turn;
  for (std::size_t axis = 0; axis < pairs_of_axis.size(); ++axis) {
    if (pairs_of_axis[axis] == pairs_of_axis[0]) continue;
    detail::refuse<std::invalid_argument>(
        function, detail::element("pairs_of_axis", static_cast<Eigen::Index>(axis)), pairs_of_axis[axis],
        pairs_of_axis[0], in_turn ? " as on axis 0 for axes in turn" : " as on axis 0 for alternating axes");
  }
  if (in_turn) return detail::series_in_turn(pairs_of_axis[0], axes.num_axes(), base);
  const Eigen::ArrayXd all = detail::spaced_series(axes.num_pairs(), base, static_cast<double>(axes.num_pairs()));
  Eigen::ArrayXd inv_freq(axes.num_pairs());
  const Eigen::Index pairs = pairs_of_axis[0];
  for (Eigen::Index i = 0; i < all.size(); ++i) inv_freq[i] = all[i % pairs * axes.num_axes() + i / pairs];
  return {Frequencies(inv_freq), std::move(axes)};
}

namespace detail {

/// Whether the arguments of pixel_frequencies() are four, of which the last names its bands.
template <typename... Given>
inline constexpr bool ends_with_bands = false;
template <typename Axes, typename Pairs, typename Frequency>
inline constexpr bool ends_with_bands<Axes, Pairs, Frequency, PixelBands> = true;

}  // namespace detail

/// Bands for coordinates in [-1, 1]: pi times n numbers from 1 to max_frequency / 2, for each axis.
///
///     linear      inv_freq[pair i of axis a] = pi (1 + i (max_frequency / 2 - 1) / (n - 1))      i < n
///     geometric   inv_freq[pair i of axis a] = pi (max_frequency / 2)^(i / (n - 1))
///
/// @param num_axes       Axes, > 0 and at most 1024.
/// @param pairs_of_axis  n, > 0: head_dim / 4 for a picture. A single band is pi.
/// @param max_frequency  `max_res`, `max_freq`: the last band is pi max_frequency / 2, which must be finite; > 0 for
///                       geometric bands.
/// @param bands          How they lie between. Projects differ, so that there is no default.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double [frequency][axial].
/// Matches:  timm with in_pixels (max_res 224) on linspace_positions(), interleaved: geometric, or linear with
///           linear_bands, as EVA-02; "pixel" of rotary-embedding-torch: linear.
inline AxialFrequencies pixel_frequencies(detail::Size num_axes, detail::Size pairs_of_axis, double max_frequency,
                                          PixelBands bands) {
  const char* const function = "pixel_frequencies";
  detail::require(num_axes > 0 && num_axes <= 1024, function, "num_axes", num_axes, "in [1, 1024]");
  detail::require_num_pairs(function, pairs_of_axis);
  detail::require(pairs_of_axis <= detail::kMaxPairs / num_axes, function, "pairs_of_axis", pairs_of_axis, "at most ",
                  detail::kMaxPairs, " on all axes together");
  detail::require(detail::is_finite(max_frequency), function, "max_frequency", max_frequency, "finite");
  constexpr double half_pi = 1.5707963267948966;
  detail::require(detail::is_finite(max_frequency * half_pi), function, "max_frequency", max_frequency,
                  "so small that max_frequency pi / 2 is finite");
  detail::require_named(function, "bands", bands, PixelBands::geometric);
  const bool geometric = bands == PixelBands::geometric;
  detail::require(!geometric || max_frequency > 0, function, "max_frequency", max_frequency, "> 0 for geometric bands");
  constexpr detail::Wide pi = 3.14159265358979323846264338327950288L;
  const detail::Wide highest = static_cast<detail::Wide>(max_frequency) / 2;
  const auto steps = static_cast<detail::Wide>((std::max)(pairs_of_axis - Eigen::Index(1), Eigen::Index(1)));
  Eigen::ArrayXd inv_freq(num_axes * pairs_of_axis);
  for (Eigen::Index pair = 0; pair < inv_freq.size(); ++pair) {
    const auto i = static_cast<detail::Wide>(pair % pairs_of_axis);
    const detail::Wide band = geometric ? std::pow(highest, i / steps) : 1 + i * ((highest - 1) / steps);
    inv_freq[pair] = static_cast<double>(pi * band);
  }
  return {Frequencies(inv_freq),
          contiguous_axes(std::vector<int>(static_cast<std::size_t>(num_axes), static_cast<int>(pairs_of_axis)))};
}

/// @overload
/// Says what is missing or out of order.
template <typename... Given, std::enable_if_t<!detail::ends_with_bands<Given...>, int> = 0>
AxialFrequencies pixel_frequencies(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write pixel_frequencies(num_axes, pairs_of_axis, max_frequency, bands) with PixelBands::linear "
      "or PixelBands::geometric, which is what timm does unless linear_bands is set");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_AXIAL_FREQUENCIES_HPP

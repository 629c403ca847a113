// SPDX-License-Identifier: MIT
/// @file
/// Frequencies of models that have a rule of their own: nanochat, modded-nanogpt, V-JEPA 2, ERNIE-Image.
#ifndef POSENC_FREQUENCY_ROPE_PRESETS_HPP
#define POSENC_FREQUENCY_ROPE_PRESETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/frequency/axial_frequencies.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace presets {

/// Frequencies of nanochat, which rotates by negative angles: inv_freq[i] = -base^(-2i / head_dim).
///
/// Scores equal those of positive frequencies. Rotated queries and keys, and therefore cached keys, do not.
/// @param head_dim  Channels of a head, even and > 0; all of them rotate, half-split.
/// @param base      `rope_theta`: finite, > 0 and not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][presets].
/// Matches:  nanochat and its class in transformers.
inline Frequencies nanochat_frequencies(detail::Size head_dim, double base) {
  const char* const function = "presets::nanochat_frequencies";
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require_base(function, base);
  Eigen::ArrayXd inv_freq = detail::spaced_series(head_dim / 2, base, static_cast<double>(head_dim / 2));
  for (double& frequency : inv_freq) frequency = -frequency;
  return Frequencies(inv_freq);
}

/// Frequencies of modded-nanogpt (half-truncate): half of the pairs rotate, by negative angles with frequencies from 1
/// down to 1/1024.
///
///     inv_freq[i] = -1024^(-i / (n - 1))        i < n = head_dim / 4
///                   0                           i < 2 n
///
/// @param head_dim  Channels of a head: a multiple of 4, > 4; half-split.
/// @throws std::invalid_argument  this does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][presets].
/// Matches:  Rotary of modded-nanogpt.
inline Frequencies modded_nanogpt_frequencies(detail::Size head_dim) {
  const char* const function = "presets::modded_nanogpt_frequencies";
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require(head_dim % 4 == 0 && head_dim > 4, function, "head_dim", head_dim, "a multiple of 4 and > 4");
  const Eigen::Index n = head_dim / 4;
  const Eigen::ArrayXd series = detail::spaced_series(n, 1024, static_cast<double>(n - 1));
  Eigen::ArrayXd inv_freq(2 * n);
  for (Eigen::Index i = 0; i < 2 * n; ++i) inv_freq[i] = i < n ? -series[i] : 0;
  return Frequencies(inv_freq);
}

/// Frequencies and axes of V-JEPA 2, one for each *channel* and not for each pair: their table is for
/// apply_channel_angles(), not for apply_rope().
///
///     channel c of axis a:  10000^(-(c mod n) / n)      c < 2 n,  n = floor(head_dim / 6),  axes frame, row, column
///
/// With the interleaved layout the two channels of a pair get different angles:
///
///     const auto model = presets::vjepa2_frequencies(head_dim);
///     const auto table = make_table<float>(model.frequencies, model.axes, grid_positions({frames, rows, columns}));
///     apply_channel_angles(q, table, RopeLayout::interleaved(head_dim).prefix(6 * (head_dim / 6)));
///
/// @param head_dim  Channels of a head, at least 6; those beyond 6 floor(head_dim / 6) stay.
/// @throws std::invalid_argument  this does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][presets].
/// Matches:  VJEPA2RopeAttention of transformers.
inline AxialFrequencies vjepa2_frequencies(detail::Size head_dim) {
  const char* const function = "presets::vjepa2_frequencies";
  detail::require(head_dim >= 6 && head_dim <= detail::kMaxChannels / 2, function, "head_dim", head_dim,
                  "at least 6 and at most ", detail::kMaxChannels / 2);
  const Eigen::Index n = head_dim / 6;
  const Eigen::ArrayXd series = detail::spaced_series(n, 10000, static_cast<double>(n));
  const int of_axis = static_cast<int>(2 * n);
  Eigen::ArrayXd inv_freq(6 * n);
  for (Eigen::Index i = 0; i < 6 * n; ++i) inv_freq[i] = series[i % n];
  return {Frequencies(inv_freq).for_channels(), contiguous_axes({of_axis, of_axis, of_axis})};
}

/// Frequencies and axes of ERNIE-Image, one for each *channel* and not for each pair: their table is for
/// apply_channel_angles(), not for apply_rope().
///
///     channels 2 i and 2 i + 1 of axis a:  base^(-2 i / channels_of_axis[a])
///
/// They are laid out for interleaved pairs, and the model pairs channels half-split, so that the two channels of a pair
/// get different angles:
///
///     const auto model = presets::ernie_image_frequencies({32, 48, 48}, 256);
///     const auto at = presets::ernie_image_positions(text_tokens, GridShape(height, width));
///     const auto table = make_table<float>(model.frequencies, model.axes, at);
///     apply_channel_angles(q, table, RopeLayout::half_split(head_dim));
///
/// @param channels_of_axis  `rope_axes_dim`: even, >= 0, not all zero, head_dim in all.
/// @param base              `rope_theta`: finite, > 0 and not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double [frequency][presets].
/// Matches:  ErnieImageEmbedND3 and ErnieImageSingleStreamAttnProcessor of diffusers.
inline AxialFrequencies ernie_image_frequencies(const std::vector<int>& channels_of_axis, double base) {
  const char* const function = "presets::ernie_image_frequencies";
  AxisMap axes = detail::contiguous_axes_of(function, "channels_of_axis", channels_of_axis);
  detail::require_base(function, base);
  std::vector<int> pairs = channels_of_axis;
  for (std::size_t axis = 0; axis < pairs.size(); ++axis) {
    if (pairs[axis] % 2 != 0) {
      detail::refuse<std::invalid_argument>(
          function, detail::element("channels_of_axis", static_cast<Eigen::Index>(axis)), pairs[axis], "even");
    }
    pairs[axis] /= 2;
  }
  const Eigen::ArrayXd of_pairs = axial_frequencies(pairs, base).frequencies.inv_freq();
  Eigen::ArrayXd of_channels(2 * of_pairs.size());
  for (Eigen::Index channel = 0; channel < of_channels.size(); ++channel) of_channels[channel] = of_pairs[channel / 2];
  return {Frequencies(of_channels).for_channels(), std::move(axes)};
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_ROPE_PRESETS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// AxisRule: which of several positions of a token drives which pair.
#ifndef POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

#include "posenc/detail/check.hpp"
#include "posenc/frequency/axial_frequencies.hpp"
#include "posenc/frequency/axis_map.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The axis that drives each pair.
enum class AxisRule {
  one,                   ///< One position per token.
  contiguous,            ///< mrope_section, as contiguous blocks of pairs: Qwen2-VL.
  interleaved,           ///< mrope_section, t h w t h w ...: Qwen3-VL.
  height_width,          ///< Even pairs for height, odd ones for width; text has the same on both: NeoMME.
  height_width_time,     ///< mrope_section as h, w, t: ERNIE-4.5-VL.
  centered_patches,      ///< (y, x) in [-1, 1], each with all frequencies of half a head, times 2 pi: DINOv3.
  rows_and_columns,      ///< (row, column): even frequencies for rows, odd ones for columns: Pixtral.
  rows_then_columns,     ///< (row, column), a series for each: Qwen2-VL's pictures.
  columns_then_rows,     ///< (column, row), a series for each: Llama 4's pictures.
  columns_rows_in_turn,  ///< (column, row), each frequency for columns and then for rows: Kimi's pictures.
  rows_columns_in_turn,  ///< (row, column), in the same way: EfficientLoFTR.
  space_and_unit,        ///< (x, y, z, number of a unit), a series for each, then pairs that stay: atoms of ESMFold 2.
  time_rows_columns,     ///< (time, row, column), a series for each in the first channels: MiniMax M3's pictures.
  time_rows_columns_by_channel,  ///< The same, each series two times over the channels of its axis: V-JEPA 2.
  columns_rows_halves,           ///< (column, row), each of which rotates its own half of the head: Gemma 4's pictures.
  two_halves                     ///< (position, block), in the same way: ChatGLM-6B.
};

inline bool has_sections(AxisRule rule) {
  return rule == AxisRule::contiguous || rule == AxisRule::interleaved || rule == AxisRule::height_width_time;
}
/// Whether the rule says the axis of each pair without sections, where no token is text.
inline bool has_grid(AxisRule rule) {
  return rule != AxisRule::one && rule != AxisRule::height_width && !has_sections(rule);
}

/// Whether each of two axes has its own half of the head, within which channels pair up.
inline bool owns_halves(AxisRule rule) { return rule == AxisRule::two_halves || rule == AxisRule::columns_rows_halves; }

/// Refuses sections that do not cover the pairs in the order of the rule.
/// @param name  The key that has them.
inline void refuse_wrong_sections(const char* function, const std::string& name, AxisRule rule,
                                  const std::vector<int>& sections, Eigen::Index num_pairs) {
  Eigen::Index sum = 0;
  for (const int section : sections) sum += section;
  if (sum != num_pairs) {
    refuse<std::invalid_argument>(function, "sum of " + name, sum, "the number of pairs ", num_pairs);
  }
  const bool four = rule == AxisRule::contiguous && sections.size() == 4;
  if (sections.size() != 3 && !four) {
    refuse<std::invalid_argument>(function, name + ".size()", sections.size(), "3 (time, height, width)");
  }
  if (rule == AxisRule::height_width_time && sections[0] != sections[1]) {
    refuse<std::invalid_argument>(function, name + "[1]", sections[1], name, "[0] ", sections[0]);
  }
  if (rule != AxisRule::interleaved) return;
  const AxisMap axes = axes_in_turn(sections, num_pairs);
  for (int axis = 0; axis < 3; ++axis) {
    const int section = sections[static_cast<std::size_t>(axis)];
    if (axes.count(axis) == section) continue;
    refuse<std::invalid_argument>(function, element(name.c_str(), axis), section, axes.count(axis),
                                  " to fit the order t h w t h w ...");
  }
}

/// The axes of the pairs, from sections that refuse_wrong_sections() lets pass.
inline AxisMap section_axes(AxisRule rule, const std::vector<int>& sections) {
  if (rule == AxisRule::interleaved) return interleaved_axes(sections);
  if (rule == AxisRule::height_width_time) return height_width_time_axes(sections);
  return contiguous_axes(sections);
}

/// Two axes in turn, 0 1 0 1 ...
inline AxisMap alternating_axes(Eigen::Index num_pairs) {
  Eigen::ArrayXi axes(num_pairs);
  for (Eigen::Index pair = 0; pair < num_pairs; ++pair) axes[pair] = static_cast<int>(pair % 2);
  return AxisMap(axes, 2);
}

/// The map in which one axis, `axis` of num_axes, drives all pairs.
inline AxisMap single_axis(Eigen::Index num_pairs, int axis, Eigen::Index num_axes) {
  Eigen::ArrayXi axes(num_pairs);
  for (Eigen::Index pair = 0; pair < num_pairs; ++pair) axes[pair] = axis;
  return AxisMap(axes, num_axes);
}

/// Whether each channel has an angle of its own, and not each pair.
inline bool has_channel_angles(AxisRule rule) { return rule == AxisRule::time_rows_columns_by_channel; }

/// Whether the positions are those of patches of a video.
inline bool has_frames(AxisRule rule) { return rule == AxisRule::time_rows_columns || has_channel_angles(rule); }

/// The number of pairs of each axis of a picture.
inline int pairs_of_axis(AxisRule rule, Eigen::Index head_dim) {
  return static_cast<int>(has_frames(rule) ? head_dim / 6 : head_dim / 4);
}

/// Whether the two axes have the same frequencies, which a scaling rule may change.
inline bool has_one_series(AxisRule rule) {
  return rule == AxisRule::rows_columns_in_turn || rule == AxisRule::columns_rows_in_turn;
}

/// The number of channels that the axes of a picture rotate, the first ones of a head.
inline Eigen::Index grid_width(AxisRule rule, Eigen::Index head_dim) {
  return has_frames(rule) ? 6 * pairs_of_axis(rule, head_dim) : head_dim;
}

/// Frequencies and axes where each frequency of a series is used for one axis and then for the other.
inline AxialFrequencies in_turn(const Frequencies& series) {
  const Eigen::Index num_pairs = 2 * series.num_pairs();
  Eigen::ArrayXd inv_freq(num_pairs);
  for (Eigen::Index pair = 0; pair < num_pairs; ++pair) inv_freq[pair] = series.inv_freq()[pair / 2];
  return {Frequencies(inv_freq), alternating_axes(num_pairs)};
}

/// Frequencies and axes of three axes of space, a fourth with a base of its own, and pairs that do not rotate.
/// @param sections  Pairs of each axis; four.
inline AxialFrequencies space_frequencies(const std::vector<int>& sections, double base, double fourth_base,
                                          Eigen::Index num_pairs) {
  Eigen::ArrayXd inv_freq(num_pairs);
  Eigen::ArrayXi axes(num_pairs);
  for (Eigen::Index pair = 0; pair < num_pairs; ++pair) {
    inv_freq[pair] = 0;
    axes[pair] = 3;
  }
  Eigen::Index first = 0;
  for (int axis = 0; axis < 4; ++axis) {
    const int each = sections[static_cast<std::size_t>(axis)];
    if (each == 0) continue;
    const Frequencies series = axial_frequencies({each}, axis == 3 ? fourth_base : base).frequencies;
    for (Eigen::Index pair = 0; pair < each; ++pair, ++first) {
      inv_freq[first] = series.inv_freq()[pair];
      axes[first] = axis;
    }
  }
  return {Frequencies(inv_freq), AxisMap(axes, 4)};
}

/// Frequencies and axes of the channels of three axes. Those of an axis have one series of `each` frequencies two times.
inline AxialFrequencies channel_frequencies(int each, double base) {
  const Frequencies series = axial_frequencies({each}, base).frequencies;
  Eigen::ArrayXd inv_freq(Eigen::Index(6) * each);
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) inv_freq[i] = series.inv_freq()[i % each];
  return {Frequencies(inv_freq).for_channels(), contiguous_axes({2 * each, 2 * each, 2 * each})};
}

/// The frequencies and axes of a picture, where an axis has a series of its own and does not own a half of the head.
inline AxialFrequencies grid_frequencies(AxisRule rule, Eigen::Index head_dim, double base) {
  constexpr double two_pi = 6.283185307179586476925286766559;
  const int each = pairs_of_axis(rule, head_dim);
  if (has_channel_angles(rule)) return channel_frequencies(each, base);
  if (has_frames(rule)) return axial_frequencies({each, each, each}, base);
  if (rule == AxisRule::centered_patches) return axial_frequencies({each, each}, base, two_pi);
  if (rule == AxisRule::rows_and_columns) return axial_frequencies({each, each}, base, AxialSeries::alternating);
  return axial_frequencies({each, each}, base);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

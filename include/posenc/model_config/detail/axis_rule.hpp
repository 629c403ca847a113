// SPDX-License-Identifier: MIT
/// @file
/// The rotations of models whose tokens have several positions: M-RoPE sections, images, ChatGLM-6B.
#ifndef POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

#include "posenc/frequency/axial_frequencies.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/model_config/detail/rope_window.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The axis that drives each pair.
enum class AxisRule {
  one,                ///< One position per token.
  contiguous,         ///< mrope_section, as contiguous blocks of pairs: Qwen2-VL.
  interleaved,        ///< mrope_section, t h w t h w ...: Qwen3-VL.
  height_width_time,  ///< mrope_section as h, w, t: ERNIE-4.5-VL.
  centered_patches,   ///< (y, x) in [-1, 1], each with all frequencies of half a head, times 2 pi: DINOv3.
  rows_and_columns,   ///< (row, column): even frequencies for rows, odd ones for columns: Pixtral.
  two_halves          ///< Two positions, each of which rotates its own half of the head: ChatGLM-6B.
};

inline bool has_sections(AxisRule rule) {
  return rule == AxisRule::contiguous || rule == AxisRule::interleaved || rule == AxisRule::height_width_time;
}

/// The axes of the pairs, from sections that must cover all of them.
inline AxisMap section_axes(const char* function, const std::string& name, AxisRule rule,
                            const std::vector<int>& sections, Eigen::Index num_pairs) {
  Eigen::Index sum = 0;
  for (const int section : sections) sum += section;
  if (sum != num_pairs) {
    refuse<std::invalid_argument>(function, "sum of " + name, sum, "the number of pairs ", num_pairs);
  }
  if (rule == AxisRule::interleaved) return interleaved_axes(sections);
  if (rule == AxisRule::height_width_time) return height_width_time_axes(sections);
  require(sections.size() == 3, function, (name + ".size()").c_str(), sections.size(), "3 (time, height, width)");
  return contiguous_axes(sections);
}

/// One position, `axis` of num_axes, drives all pairs.
inline AxisMap single_axis(Eigen::Index num_pairs, int axis, Eigen::Index num_axes) {
  return AxisMap(Eigen::ArrayXi::Constant(num_pairs, axis), num_axes);
}

/// The rotations of an image encoder, with the given pairs, or of ChatGLM-6B, which is always half-split.
inline std::vector<RopeSet> grid_sets(const char* function, AxisRule rule, RopePairs pairs, Eigen::Index head_dim,
                                      double base) {
  require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4 for two axes");
  const Eigen::Index quarter = head_dim / 4;
  if (rule == AxisRule::two_halves) {
    const Eigen::Index half = head_dim / 2;
    const Frequencies frequencies = geometric_frequencies(half, base);
    return {{"", frequencies, layout_of(RopePairs::half_split, {head_dim, 0, half}), single_axis(quarter, 0, 2)},
            {"", frequencies, layout_of(RopePairs::half_split, {head_dim, half, half}), single_axis(quarter, 1, 2)}};
  }
  constexpr double two_pi = 6.283185307179586476925286766559;
  const int each = static_cast<int>(quarter);
  const AxialFrequencies axial = rule == AxisRule::centered_patches
                                     ? axial_frequencies({each, each}, base, two_pi)
                                     : axial_frequencies({each, each}, base, AxialSeries::alternating);
  return {{"", axial.frequencies, layout_of(pairs, {head_dim, 0, head_dim}), axial.axes}};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

// SPDX-License-Identifier: MIT
/// @file
/// How a model with several positions per token gets its rotations: M-RoPE sections, images, ChatGLM-6B.
#ifndef POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

#include "posenc/frequency/axial_frequencies.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Which positions drive which pairs.
enum class AxisRule {
  one,                ///< One position per token.
  contiguous,         ///< mrope_section, one after the other: Qwen2-VL.
  interleaved,        ///< mrope_section, t h w t h w ...: Qwen3-VL.
  height_width_time,  ///< mrope_section as h, w, t: ERNIE-4.5-VL.
  centred_patches,    ///< (y, x) in [-1, 1], each with all frequencies of half a head, times 2 pi: DINOv3.
  rows_and_columns,   ///< (row, column): even frequencies for rows, odd ones for columns: Pixtral.
  two_halves          ///< Two positions, each turning its own half of the head: ChatGLM-6B.
};

inline bool has_sections(AxisRule rule) {
  return rule == AxisRule::contiguous || rule == AxisRule::interleaved || rule == AxisRule::height_width_time;
}

/// The map of `sections`, which must cover num_pairs.
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

/// The one position of a token, or one of two, drives all of num_pairs.
inline AxisMap single_axis(Eigen::Index num_pairs, int axis, Eigen::Index num_axes) {
  return AxisMap(Eigen::ArrayXi::Constant(num_pairs, axis), num_axes);
}

/// The rotations of a head of an image encoder or of ChatGLM-6B.
inline std::vector<RopeSet> grid_sets(const char* function, AxisRule rule, const RopeLayout& layout, double theta) {
  const Eigen::Index head_dim = layout.head_dim();
  require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4 for two axes");
  const Eigen::Index quarter = head_dim / 4;
  if (rule == AxisRule::two_halves) {
    const Frequencies half = geometric_frequencies(head_dim / 2, theta);
    return {{"", half, layout.prefix(head_dim / 2), single_axis(quarter, 0, 2)},
            {"", half, layout.suffix(head_dim / 2), single_axis(quarter, 1, 2)}};
  }
  constexpr double two_pi = 6.283185307179586476925286766559;
  const int each = static_cast<int>(quarter);
  const AxialFrequencies axial = rule == AxisRule::centred_patches ? axial_frequencies({each, each}, theta, two_pi)
                                                                   : dealt_axial_frequencies(head_dim, theta);
  return {{"", axial.frequencies, layout, axial.axes}};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_AXIS_RULE_HPP

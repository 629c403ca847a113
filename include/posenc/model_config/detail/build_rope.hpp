// SPDX-License-Identifier: MIT
/// @file
/// build_rope(): makes a ModelRope of a recipe that check_recipe() let pass.
#ifndef POSENC_MODEL_CONFIG_DETAIL_BUILD_ROPE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_BUILD_ROPE_HPP

#include "posenc/frequency/scale_linear.hpp"
#include "posenc/frequency/scale_llama3.hpp"
#include "posenc/frequency/scale_longrope.hpp"
#include "posenc/frequency/scale_ntk.hpp"
#include "posenc/frequency/scale_yarn.hpp"
#include "posenc/model_config/detail/recipe.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline Frequencies scaled(const Frequencies& plain, const ScalingRecipe& recipe) {
  const auto trained = static_cast<std::int64_t>(recipe.trained.value);
  switch (recipe.rule) {
    case ScalingRule::none: break;
    case ScalingRule::linear: return scale_linear(plain, recipe.factor.value);
    case ScalingRule::dynamic: return scale_dynamic_ntk(plain, {recipe.factor.value, trained}, recipe.serving_length);
    case ScalingRule::ntk: return scale_ntk_aware(plain, recipe.factor.value);
    case ScalingRule::yarn: {
      YarnOptions options = recipe.yarn;
      options.original_max_position_embeddings = trained;
      return scale_yarn(plain, options);
    }
    case ScalingRule::longrope: {
      LongRopeOptions options = recipe.longrope;
      options.original_max_position_embeddings = trained;
      return scale_longrope(plain, options, recipe.serving_length);
    }
    case ScalingRule::llama3: {
      Llama3Options options;
      options.factor = recipe.factor.value;
      options.low_freq_factor = recipe.low_freq_factor.value;
      options.high_freq_factor = recipe.high_freq_factor.value;
      options.original_max_position_embeddings = trained;
      return scale_llama3(plain, options);
    }
    case ScalingRule::proportional: return scale_proportional(plain, recipe.share.value, recipe.factor.value);
  }
  return plain;
}

inline Frequencies frequencies_of(const RotationRecipe& rotation) {
  const ScalingRecipe& recipe = rotation.scaling;
  Frequencies frequencies = scaled(geometric_frequencies(rotation.window.rotary_dim, rotation.base.value), recipe);
  if (recipe.divisors) frequencies = scale_linear(frequencies, *recipe.divisors);
  if (rotation.stays || rotation.backwards) {
    Eigen::ArrayXd inv_freq = frequencies.inv_freq();
    for (Eigen::Index i = 0; i < inv_freq.size(); ++i) inv_freq[i] = rotation.stays ? 0.0 : -inv_freq[i];
    frequencies = with_frequencies(frequencies, inv_freq);
  }
  return frequencies.with_magnitude(recipe.magnitude.value_or(frequencies.magnitude()),
                                    recipe.softmax.value_or(frequencies.softmax_multiplier()) * recipe.softmax_factor);
}

/// One set, for a rule whose axes do not have halves of the head.
inline AxialFrequencies grid_of(const RotationRecipe& rotation) {
  const Eigen::Index width = rotation.window.rotary_dim;
  if (has_one_series(rotation.axes)) {
    return in_turn(scaled(geometric_frequencies(width / 2, rotation.base.value), rotation.scaling));
  }
  if (rotation.axes == AxisRule::space_and_unit) {
    return space_frequencies(rotation.sections, rotation.base.value, rotation.fourth_base.value, width / 2);
  }
  return grid_frequencies(rotation.axes, rotation.window.head_dim, rotation.base.value);
}

inline TokenPositions positions_of(const RotationRecipe& rotation) {
  switch (rotation.axes) {
    case AxisRule::one: break;
    case AxisRule::contiguous:
    case AxisRule::interleaved:
      return rotation.sections.size() == 3 ? TokenPositions::time_height_width : TokenPositions::by_axis;
    case AxisRule::height_width: return TokenPositions::height_width;
    case AxisRule::height_width_time: return TokenPositions::time_height_width;
    case AxisRule::time_rows_columns:
    case AxisRule::time_rows_columns_by_channel: return TokenPositions::time_row_column;
    case AxisRule::centered_patches: return TokenPositions::centered_row_column;
    case AxisRule::rows_and_columns:
    case AxisRule::rows_columns_in_turn:
    case AxisRule::rows_then_columns: return TokenPositions::row_column;
    case AxisRule::columns_then_rows:
    case AxisRule::columns_rows_in_turn:
    case AxisRule::columns_rows_halves: return TokenPositions::column_row;
    case AxisRule::space_and_unit: return TokenPositions::by_axis;
    case AxisRule::two_halves: return TokenPositions::position_block;
  }
  return rotation.given_axes ? TokenPositions::by_axis : TokenPositions::sequence;
}

inline GridOrder grid_order_of(const RopeSet& set) {
  return set.positions == TokenPositions::column_row ? GridOrder::column_row : GridOrder::row_column;
}

/// Gives each channel of a set of half-split pairs its own frequency, and the axis of its section: a section of n has
/// the next 2 n channels.
inline void spread_over_channels(RopeSet& set, std::vector<int> sections) {
  const Frequencies& of_pairs = set.frequencies;
  Eigen::ArrayXd inv_freq(2 * of_pairs.num_pairs());
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) inv_freq[i] = of_pairs.inv_freq()[i % of_pairs.num_pairs()];
  set.frequencies = Frequencies(inv_freq, of_pairs.magnitude(), of_pairs.softmax_multiplier()).for_channels();
  for (int& section : sections) section *= 2;
  set.axes = contiguous_axes(sections);
  set.angles = RopeAngles::of_channels;
}

inline ModelRope build_rope(RopeRecipe recipe) {
  ModelRope model;
  model.layers = std::move(recipe.layers);
  model.ignored_keys = std::move(recipe.ignored_keys);
  model.assumed = std::move(recipe.assumed);
  model.notes = std::move(recipe.notes);
  for (const RotationRecipe& rotation : recipe.rotations) {
    const RopeLayout layout = layout_of(rotation.pairs, rotation.window);
    if (has_grid(rotation.axes) && !owns_halves(rotation.axes)) {
      const AxialFrequencies grid = grid_of(rotation);
      model.rope_sets.push_back(
          {rotation.layer_type, grid.frequencies, layout, grid.axes, positions_of(rotation), rotation.rotates});
      model.rope_sets.back().grid_order = grid_order_of(model.rope_sets.back());
      model.rope_sets.back().grid_first = rotation.grid_first;
      if (has_channel_angles(rotation.axes)) model.rope_sets.back().angles = RopeAngles::of_channels;
      continue;
    }
    RopeSet set{rotation.layer_type, frequencies_of(rotation), layout};
    if (has_sections(rotation.axes)) set.axes = section_axes(rotation.axes, rotation.sections);
    if (rotation.axes == AxisRule::height_width) set.axes = alternating_axes(set.frequencies.num_pairs());
    if (owns_halves(rotation.axes)) set.axes = single_axis(set.frequencies.num_pairs(), rotation.axis, 2);
    if (rotation.given_axes) set.axes = rotation.given_axes;
    if (rotation.sections_are_of_channels) spread_over_channels(set, rotation.sections);
    set.positions = positions_of(rotation);
    set.rotates = rotation.rotates;
    set.grid_order = grid_order_of(set);
    if (set.positions == TokenPositions::time_height_width) set.positions_per_second = recipe.positions_per_second;
    model.rope_sets.push_back(set);
  }
  return model;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_BUILD_ROPE_HPP

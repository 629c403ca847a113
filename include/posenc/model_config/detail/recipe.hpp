// SPDX-License-Identifier: MIT
/// @file
/// RopeRecipe: what a config says about positions, as numbers that carry the names of their keys. Readers fill it,
/// check_recipe() refuses what is wrong in it, build_rope() makes a ModelRope of it.
#ifndef POSENC_MODEL_CONFIG_DETAIL_RECIPE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_RECIPE_HPP

#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/scale_longrope.hpp"
#include "posenc/frequency/scale_yarn.hpp"
#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/rope_window.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The rule by which frequencies are scaled.
enum class ScalingRule { none, linear, dynamic, ntk, yarn, longrope, llama3, proportional };

/// A scaling rule with its numbers, which have the names of the options of scale_yarn() and the other rules.
struct ScalingRecipe {
  ScalingRule rule = ScalingRule::none;
  std::string path;                 ///< What precedes the names of keys in messages: "rope_scaling.".
  NamedNumber factor{1, ""};        ///< For linear, dynamic, ntk, llama3 and proportional.
  NamedNumber trained{0, ""};       ///< original_max_position_embeddings; max_position_embeddings of dynamic.
  std::int64_t serving_length = 0;  ///< The length that a sequence may reach.
  NamedNumber share{1, ""};         ///< For proportional.
  NamedNumber low_freq_factor{1, ""};
  NamedNumber high_freq_factor{1, ""};
  YarnOptions yarn{};
  LongRopeOptions longrope{};
  std::optional<Eigen::ArrayXd> divisors{};  ///< Of scaled frequencies, one for each pair: tensors of GGUF files.
  std::optional<double> magnitude{};         ///< Instead of the magnitude that the rule derives.
  std::optional<double> softmax{};           ///< Instead of the softmax multiplier that the rule derives.
  double softmax_factor = 1;                 ///< One more factor on the softmax multiplier.
};

/// One rotation.
struct RotationRecipe {
  std::string layer_type;
  RopePairs pairs = RopePairs::half_split;
  RopeWindow window{};
  NamedNumber base{0, ""};
  ScalingRecipe scaling{};
  AxisRule axes = AxisRule::one;
  std::vector<int> sections{};
  std::string sections_key;
  bool sections_are_of_channels = false;  ///< The halves of all channels, side by side: HunYuan-VL in transformers.
  int grid_first = 0;                     ///< The position of the first row and column of a picture.
  int axis = 0;                           ///< Where each half of a head has an axis: the axis that drives this half.
  NamedNumber fourth_base{0, ""};         ///< The base of the fourth axis of space_and_unit.
  std::optional<AxisMap> given_axes{};    ///< Axes that the caller gave.
  bool backwards = false;
  bool stays = false;  ///< All frequencies become 0, because positions cancel in the scores; the magnitude remains.
  RotatedStates rotates = RotatedStates::queries_keys;
};

/// A model: its rotations, and for each layer which of them it applies.
struct RopeRecipe {
  const char* function = "";
  std::vector<RotationRecipe> rotations{};
  std::vector<LayerRope> layers{};
  std::optional<int> positions_per_second{};
  std::vector<std::string> ignored_keys{};
  std::vector<std::string> assumed{};
  std::vector<std::string> notes{};
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_RECIPE_HPP

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

/// The rule that makes scaled frequencies of unscaled ones.
enum class ScalingRule { none, linear, dynamic, ntk, yarn, longrope, llama3, proportional };

/// A rule with its numbers, which are those of the options of the same name.
struct ScalingRecipe {
  ScalingRule rule = ScalingRule::none;
  std::string path;                 ///< What precedes the names of keys in messages: "rope_scaling.".
  NamedNumber factor{1, ""};        ///< Of linear, dynamic, ntk, llama3 and proportional.
  NamedNumber trained{0, ""};       ///< original_max_position_embeddings; max_position_embeddings of dynamic.
  std::int64_t serving_length = 0;  ///< That a sequence may reach.
  NamedNumber share{1, ""};         ///< Of proportional.
  NamedNumber low_freq_factor{1, ""};
  NamedNumber high_freq_factor{1, ""};
  YarnOptions yarn{};
  LongRopeOptions longrope{};
  std::optional<Eigen::ArrayXd> divisors{};  ///< Of the scaled frequencies, one for each pair: tensors of GGUF files.
  std::optional<double> magnitude{};         ///< In place of the one that the rule derives.
  std::optional<double> softmax{};           ///< In place of the one that the rule derives.
  double softmax_factor = 1;                 ///< Besides.
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
  int axis = 0;  ///< Of rules that give each half of a head an axis: the one that drives this half of the head.
  NamedNumber fourth_base{0, ""};       ///< Of the fourth axis of space_and_unit.
  std::optional<AxisMap> given_axes{};  ///< By the caller.
  bool backwards = false;
  bool stays = false;  ///< All frequencies are 0: positions cancel in the scores, and the magnitude is left.
  RotatedStates rotates = RotatedStates::queries_keys;
};

/// A model: its rotations, and for each layer which of them it applies.
struct RopeRecipe {
  const char* function = "";
  std::vector<RotationRecipe> rotations{};
  std::vector<LayerRope> layers{};
  std::vector<std::string> ignored_keys{};
  std::vector<std::string> assumed{};
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_RECIPE_HPP

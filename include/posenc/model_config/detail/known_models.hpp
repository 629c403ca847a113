// SPDX-License-Identifier: MIT
/// @file
/// What a config does not say: for each model_type, the pair layout and the defaults of its published config class.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One model_type of Hugging Face. A 0 means that the config must say.
struct KnownModel {
  const char* model_type;
  RopePairs pairs;
  double base;                                    ///< rope_theta of the config class.
  double partial = 1;                             ///< partial_rotary_factor of the config class; 0: see rotary_dim.
  Eigen::Index head_dim = 0;                      ///< Where it is not hidden_size / num_attention_heads.
  LayerSchedule schedule = LayerSchedule::alike;  ///< Where the config does not list its layers.
  Eigen::Index period = 0;                        ///< The n of `schedule`.
  double sliding_base = 0;                        ///< rope_theta of sliding layers; 0: they rotate as the others do.
  AxisRule axes = AxisRule::one;
  bool scales_softmax = false;     ///< Attention applies mscale_all_dim (DeepSeek); elsewhere the table does.
  Eigen::Index full_head_dim = 0;  ///< head_dim of full_attention layers, where it differs.
};

inline const KnownModel* find_known_model(const std::string& model_type) {
  constexpr RopePairs half_split = RopePairs::half_split;
  constexpr RopePairs interleaved = RopePairs::interleaved;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr LayerSchedule linear = LayerSchedule::linear_but_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownModel models[] = {
      // model_type, pairs, base, partial, head_dim, schedule, n, sliding_base, axes, scales_softmax, full_head_dim
      // Llama and its relatives
      {"llama", half_split, 1e4},
      {"llama4", interleaved, 5e5, 1, 128, nope_last, 4},
      {"llama4_text", interleaved, 5e5, 1, 128, nope_last, 4},
      {"mistral", half_split, 1e4},
      {"ministral", half_split, 1e4},
      {"ministral3", half_split, 0},
      {"mixtral", half_split, 1e6},
      {"olmo", half_split, 1e4},
      {"olmo2", half_split, 1e4},
      {"granite", half_split, 1e4},
      {"internlm2", half_split, 1e4},
      {"smollm3", half_split, 2e6, 1, 0, nope_last, 4},
      // Qwen
      {"qwen2", half_split, 1e4},
      {"qwen2_moe", half_split, 1e4},
      {"qwen2_vl", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_vl_text", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen2_5_vl_text", half_split, 1e6, 1, 0, alike, 0, 0, AxisRule::contiguous},
      {"qwen3", half_split, 1e4, 1, 128},
      {"qwen3_moe", half_split, 1e4, 1, 0},
      {"qwen3_vl_text", half_split, 5e6, 1, 128, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_vl_moe_text", half_split, 5e6, 1, 0, alike, 0, 0, AxisRule::interleaved},
      {"qwen3_next", half_split, 1e4, 0.25, 256, linear, 4},
      {"qwen3_5_text", half_split, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"qwen3_5_moe_text", half_split, 0, 0.25, 256, linear, 4, 0, AxisRule::interleaved},
      {"ernie4_5_moe_vl", interleaved, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      {"ernie4_5_vl_moe_text", interleaved, 5e5, 1, 0, alike, 0, 0, AxisRule::height_width_time},
      // DeepSeek: the last channels of a head rotate, and attention applies the square of the mscale_all_dim factor
      {"deepseek_v2", interleaved, 1e4, 1, 0, alike, 0, 0, one, true},
      {"deepseek_v3", interleaved, 1e4, 1, 0, alike, 0, 0, one, true},
      {"kimi_k2", interleaved, 0, 1, 0, alike, 0, 0, one, true},
      {"gpt_oss", half_split, 15e4, 1, 64},
      // Phi
      {"phi", half_split, 1e4, 0.5},
      {"phi3", half_split, 1e4},
      // Gemma
      {"gemma", half_split, 1e4, 1, 256},
      {"gemma2", half_split, 1e4, 1, 256},
      {"gemma3", half_split, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma3_text", half_split, 1e6, 1, 256, full_last, 6, 1e4},
      {"gemma4_text", half_split, 0, 1, 256, full_last, 6, 0, one, false, 512},
      // GPT-NeoX, GPT-J
      {"gpt_neox", half_split, 1e4, 0.25},
      {"gptj", interleaved, 1e4, 0},
      {"codegen", interleaved, 1e4, 0},
      {"stablelm", half_split, 1e4, 0.25},
      // GLM
      {"chatglm", interleaved, 1e4, 0.5},
      {"glm", interleaved, 1e4, 0.5, 128},
      {"glm4", interleaved, 1e4, 0.5, 128},
      {"glm4_moe", half_split, 1e4, 0.5, 128},
      // Cohere
      {"cohere", interleaved, 1e4},
      {"cohere2", interleaved, 1e4, 1, 0, LayerSchedule::full_is_nope, 4},
      // Others
      {"starcoder2", half_split, 1e4},
      {"minimax_m2", half_split, 0, 0},
      {"modernbert", half_split, 16e4, 1, 0, LayerSchedule::full_first, 3, 1e4},
      {"moonshine", interleaved, 1e4, 0.9},
      // Image encoders
      {"dinov3_vit", half_split, 100, 1, 0, alike, 0, 0, AxisRule::centered_patches},
      {"pixtral", half_split, 1e4, 1, 0, alike, 0, 0, AxisRule::rows_and_columns},
  };
  for (const KnownModel& model : models) {
    if (model_type == model.model_type) return &model;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

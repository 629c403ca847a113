// SPDX-License-Identifier: MIT
/// @file
/// What the metadata of a GGUF file does not say: for each architecture, the pair layout and what llama.cpp adds.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP

#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One architecture of llama.cpp: what its code knows and the file does not say.
struct KnownArchitecture {
  const char* name;
  RopePairs pairs;  ///< interleaved is llama.cpp's NORM; half_split is NEOX, MROPE and IMROPE.
  LayerSchedule schedule = LayerSchedule::alike;
  Eigen::Index period = 0;  ///< The n of `schedule`.
  double sliding_base = 0;  ///< freq_base of sliding layers, which are not scaled; 0: they rotate as the others do.
  AxisRule axes = AxisRule::one;
  bool window_is_last = false;  ///< The last channels of a head rotate, and attention applies the YaRN multiplier.
  bool truncate = true;         ///< Whether the model was trained with a rounded YaRN ramp; llama.cpp always rounds.
};

inline const KnownArchitecture* find_known_architecture(const std::string& name) {
  constexpr RopePairs norm = RopePairs::interleaved;
  constexpr RopePairs neox = RopePairs::half_split;
  constexpr LayerSchedule alike = LayerSchedule::alike;
  constexpr LayerSchedule full_last = LayerSchedule::full_last;
  constexpr LayerSchedule nope_last = LayerSchedule::nope_last;
  constexpr AxisRule one = AxisRule::one;
  static constexpr KnownArchitecture architectures[] = {
      // name, pairs, schedule, n, sliding_base, axes, window_is_last, truncate
      {"llama", norm},
      {"llama4", norm, nope_last, 4},
      {"deci", norm},
      {"internlm2", norm},
      {"minicpm", norm},
      {"xverse", norm},
      {"command-r", norm},
      {"cohere2", norm, LayerSchedule::full_is_nope, 4},
      {"olmo", norm},
      {"arctic", norm},
      {"deepseek", norm},
      {"deepseek2", norm, alike, 0, 0, one, true},
      {"chatglm", norm},
      {"glm4", norm},
      {"granite", norm},
      {"granitemoe", norm},
      {"smollm3", norm, nope_last, 4},
      {"ernie4_5", norm},
      {"mistral3", norm},
      {"falcon", neox},
      {"stablelm", neox},
      {"qwen", neox},
      {"qwen2", neox},
      {"qwen2moe", neox},
      {"qwen3", neox},
      {"qwen3moe", neox},
      {"qwen2vl", neox, alike, 0, 0, AxisRule::contiguous},
      {"qwen3vl", neox, alike, 0, 0, AxisRule::interleaved},
      {"qwen3vlmoe", neox, alike, 0, 0, AxisRule::interleaved},
      {"phi2", neox},
      {"phi3", neox},
      {"phimoe", neox},
      {"gemma", neox},
      {"gemma2", neox},
      {"gemma3", neox, full_last, 6, 1e4},
      {"gemma4", neox, full_last, 6, 1e4},
      {"starcoder2", neox},
      {"openelm", neox},
      {"gptneox", neox},
      {"orion", neox},
      {"nemotron", neox},
      {"exaone", neox},
      {"glm4moe", neox},
      {"minimax-m2", neox},
      {"modern-bert", neox, LayerSchedule::full_first, 3, 1e4},
      {"gpt-oss", neox, alike, 0, 0, one, false, false},
  };
  for (const KnownArchitecture& architecture : architectures) {
    if (name == architecture.name) return &architecture;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURES_HPP

// SPDX-License-Identifier: MIT
/// @file
/// The kind of attention of each layer, by rule, and which layers do not rotate.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP

#include "posenc/detail/check.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a model does with a period n where its config does not list its layers.
enum class LayerSchedule {
  alike,            ///< All layers are full_attention.
  full_last,        ///< Every n-th layer is full_attention, the others are sliding: Gemma 3.
  full_first,       ///< Layers 0, n, 2n ... are full_attention, the others are sliding: ModernBERT.
  full_is_nope,     ///< As full_last, and the full_attention layers do not rotate: Cohere 2.
  linear_but_last,  ///< Every n-th layer is full_attention, the others are linear and do not rotate: Qwen3.5.
  nope_last         ///< All layers are full_attention, and every n-th does not rotate: Llama 4, SmolLM3.
};

/// Far more layers than any model has, so that a wrong number cannot ask for all memory.
constexpr Eigen::Index kMaxLayers = 65536;

inline const char* const kFull = "full_attention";
inline const char* const kSliding = "sliding_attention";
inline const char* const kLinear = "linear_attention";

/// Kinds of layers that have queries and keys to rotate, and kinds that have none.
inline const char* const kRotatingLayers[] = {kFull, kSliding, "chunked_attention"};
inline const char* const kOtherLayers[] = {kLinear, "conv", "mamba", "recurrent"};

template <std::size_t Size>
bool is_one_of(const std::string& value, const char* const (&list)[Size]) {
  for (const char* const one : list) {
    if (value == one) return true;
  }
  return false;
}

/// The kind of attention of each layer, from a period.
inline std::vector<std::string> scheduled_layers(LayerSchedule schedule, Eigen::Index layers, Eigen::Index period) {
  std::vector<std::string> types(static_cast<std::size_t>(layers), kFull);
  if (schedule == LayerSchedule::alike || schedule == LayerSchedule::nope_last) return types;
  for (std::size_t layer = 0; layer < types.size(); ++layer) {
    const std::size_t place = schedule == LayerSchedule::full_first ? layer : layer + 1;
    if (place % static_cast<std::size_t>(period) == 0) continue;
    types[layer] = schedule == LayerSchedule::linear_but_last ? kLinear : kSliding;
  }
  return types;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP

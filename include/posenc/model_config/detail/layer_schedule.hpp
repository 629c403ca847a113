// SPDX-License-Identifier: MIT
/// @file
/// Which kind of attention each layer has, and which layers do not turn.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_SCHEDULE_HPP

#include "posenc/detail/check.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a model does with a period n where its config lists no layers.
enum class LayerSchedule {
  alike,            ///< All layers are full_attention.
  full_last,        ///< Sliding, and full in every n-th layer: Gemma 3.
  full_first,       ///< Full in layers 0, n, 2n ..., else sliding: ModernBERT.
  full_is_nope,     ///< As full_last, and the full layers do not turn: Cohere 2.
  linear_but_last,  ///< Linear attention, which does not turn, and full in every n-th layer: Qwen3.5.
  nope_last         ///< Every n-th layer does not turn: Llama 4, SmolLM3.
};

/// Far beyond any model, so that a wrong number cannot ask for all memory.
constexpr Eigen::Index kMaxLayers = 65536;

inline const char* const kFull = "full_attention";
inline const char* const kSliding = "sliding_attention";
inline const char* const kLinear = "linear_attention";

/// Layers that have queries to turn, and layers that are something else.
inline const char* const kTurningLayers[] = {kFull, kSliding, "chunked_attention"};
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

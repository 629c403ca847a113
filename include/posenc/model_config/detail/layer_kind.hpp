// SPDX-License-Identifier: MIT
/// @file
/// The kinds of layers that configs name, and which of them have queries and keys to rotate.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_KIND_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_KIND_HPP

#include "posenc/detail/check.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr const char* kFull = "full_attention";
inline constexpr const char* kSliding = "sliding_attention";

/// Far more layers than any model has, so that a wrong number cannot ask for all memory.
constexpr Eigen::Index kMaxLayers = 65536;

/// What a kind of layer does with positions.
enum class LayerRole {
  full,     ///< Attention that reaches every token, whichever of them it selects.
  sliding,  ///< Attention within a window.
  chunked,  ///< Attention within a block of tokens: neither of the two where a model has rotations for each.
  none      ///< No queries and keys: convolutions, state spaces, feed-forward layers.
};

struct LayerKind {
  const char* name;
  LayerRole role;
};

inline const LayerKind* find_layer_kind(const std::string& name) {
  static constexpr LayerKind kinds[] = {
      {"full_attention", LayerRole::full},
      {"attention", LayerRole::full},
      {"hybrid", LayerRole::full},
      {"indexed_attention", LayerRole::full},
      {"deepseek_sparse_attention", LayerRole::full},
      {"qwen_sparse_attention", LayerRole::full},
      {"minimax_m3_sparse", LayerRole::full},
      {"compressed_sparse_attention", LayerRole::full},
      {"heavily_compressed_attention", LayerRole::full},
      {"sliding_attention", LayerRole::sliding},
      {"hybrid_sliding", LayerRole::sliding},
      {"reference_sliding_attention", LayerRole::sliding},
      {"window_attention", LayerRole::sliding},
      {"chunked_attention", LayerRole::chunked},
      {"linear_attention", LayerRole::none},
      {"conv", LayerRole::none},
      {"mamba", LayerRole::none},
      {"mamba2", LayerRole::none},
      {"recurrent", LayerRole::none},
      {"mlp", LayerRole::none},
      {"moe", LayerRole::none},
  };
  for (const LayerKind& kind : kinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

/// The rule in the message that refuses an unknown kind of layer.
inline constexpr const char* kLayerKinds =
    "full_attention, sliding_attention, chunked_attention, linear_attention, conv, mamba, recurrent or another kind "
    "that is known";

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_KIND_HPP

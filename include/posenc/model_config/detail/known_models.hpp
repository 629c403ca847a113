// SPDX-License-Identifier: MIT
/// @file
/// find_known_model(): the row of a model_type, from the tables of all families.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

#include "posenc/model_config/detail/table/audio_models.hpp"
#include "posenc/model_config/detail/table/composite_types.hpp"
#include "posenc/model_config/detail/table/encoder_models.hpp"
#include "posenc/model_config/detail/table/gemma_models.hpp"
#include "posenc/model_config/detail/table/hybrid_models.hpp"
#include "posenc/model_config/detail/table/latent_models.hpp"
#include "posenc/model_config/detail/table/llama_models.hpp"
#include "posenc/model_config/detail/table/prefix_models.hpp"
#include "posenc/model_config/detail/table/qwen_models.hpp"
#include "posenc/model_config/detail/table/vision_models.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Calls visit(row) for each row, until it returns true.
template <typename Visit>
void visit_known_models(const Visit& visit) {
  bool done = false;
  const auto each = [&](const auto& table) {
    for (const KnownModel& row : table) done = done || visit(row);
  };
  each(kLlamaModels);
  each(kQwenModels);
  each(kGemmaModels);
  each(kLatentModels);
  each(kHybridModels);
  each(kPrefixModels);
  each(kEncoderModels);
  each(kAudioModels);
  each(kVisionModels);
}

/// The row of a model_type, or of the language model of a composite one, or nullptr.
inline const KnownModel* find_known_model(const std::string& model_type) {
  std::string type = model_type;
  for (const CompositeType& composite : kCompositeTypes) {
    if (model_type == composite.model_type) type = composite.language_model;
  }
  const KnownModel* found = nullptr;
  visit_known_models([&](const KnownModel& row) {
    if (type == row.model_type) found = &row;
    return found != nullptr;
  });
  return found;
}

/// The row of a tower of pictures or sound. Its config may have the type of the whole model, which does not mean the
/// language model then.
inline const KnownModel* find_known_tower(const std::string& model_type) {
  for (const char* const ending : {"_vision", "_vision_encoder", "_vision_model"}) {
    if (const KnownModel* const found = find_known_model(model_type + ending)) return found;
  }
  const KnownModel* const own = find_known_model(model_type);
  return own != nullptr && model_type == own->model_type ? own : nullptr;
}

/// The type of a part whose config has no model_type, by the last key of its path; nothing where that is unknown.
inline std::optional<std::string> type_of_part(const std::string& path) {
  for (const PartType& part : kPartTypes) {
    const std::string ending = std::string(part.key) + ".";
    if (path.size() < ending.size() || path.compare(path.size() - ending.size(), ending.size(), ending) != 0) continue;
    return part.model_type;
  }
  return std::nullopt;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODELS_HPP

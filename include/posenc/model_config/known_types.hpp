// SPDX-License-Identifier: MIT
/// @file
/// Which model types and architectures are known.
#ifndef POSENC_MODEL_CONFIG_KNOWN_TYPES_HPP
#define POSENC_MODEL_CONFIG_KNOWN_TYPES_HPP

#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/table/architectures.hpp"

#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Lists the model types that read_hugging_face_config() knows: those of language models and towers, and those of
/// configs that hold one. Types that are always refused, because of what they do to positions, are not among them.
///
/// Cost:     a text for each of some 360 names; asked once, so that there is no bench case.
/// Accuracy: exact: each of these can be read [model_config][hints].
/// Source:   the config classes of Hugging Face transformers 5.24 that have a rotary embedding.
inline std::vector<std::string> known_model_types() {
  std::vector<std::string> types;
  detail::visit_known_models([&](const detail::KnownModel& row) {
    if (row.refusal == nullptr) types.push_back(row.model_type);
    return false;
  });
  for (const detail::CompositeType& composite : detail::kCompositeTypes) {
    if (detail::find_known_model(composite.model_type)->refusal == nullptr) types.push_back(composite.model_type);
  }
  return types;
}

/// Lists the architectures of llama.cpp that read_gguf_metadata() knows.
///
/// Cost:     a text for each of some 110 names; asked once, so that there is no bench case.
/// Accuracy: exact: each of these can be read [model_config][hints].
/// Source:   the architectures of gguf 0.19 that use RoPE, and hybrids that never rotate.
inline std::vector<std::string> known_gguf_architectures() {
  std::vector<std::string> names;
  for (const detail::KnownArchitecture& architecture : detail::kArchitectures) names.push_back(architecture.name);
  return names;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_KNOWN_TYPES_HPP

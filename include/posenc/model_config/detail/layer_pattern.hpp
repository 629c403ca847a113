// SPDX-License-Identifier: MIT
/// @file
/// LayerPattern: the kinds of a model's layers as letters that repeat, and which of them do not rotate. plan_layers()
/// makes the plan of these, for configs and for files of GGUF.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_PATTERN_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_PATTERN_HPP

#include "posenc/model_config/detail/layer_kind.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Which layers do not rotate, besides those that have no queries and keys.
enum class Nope {
  none,                ///< All rotate.
  all,                 ///< None rotates.
  full,                ///< Full attention does not rotate: Cohere 2.
  full_beside_window,  ///< Full attention does not rotate, unless sliding_window is null and all do: EXAONE 4.
  every_period         ///< Every n-th layer does not rotate: Llama 4, SmolLM3.
};

/// One letter for each layer: f full attention, s sliding, l linear, c convolution.
struct LayerPattern {
  const char* letters = "f";     ///< Repeated over the layers.
  const char* first = "";        ///< In place of the first letters.
  bool last_is_full = false;     ///< Whatever the letters say.
  bool forces_last = false;      ///< Whatever layer_types says.
  bool counts_from_end = false;  ///< The letters belong to the last layer, the last but one ...
  Nope nope = Nope::none;
  Eigen::Index nope_period = 0;  ///< The n of every_period.
};

inline const char* kind_of_letter(char letter) {
  switch (letter) {
    case 's': return kSliding;
    case 'l': return "linear_attention";
    case 'c': return "conv";
    default: return kFull;
  }
}

/// The pattern with another period, in which the letter that occurs once stays first or last.
inline std::string with_period(const std::string& letters, Eigen::Index period) {
  if (letters.size() < 2) return letters;
  const bool once_last = letters.find(letters.back()) == letters.size() - 1;
  const std::size_t others = static_cast<std::size_t>(period) - 1;
  return once_last ? std::string(others, letters.front()) + letters.back()
                   : letters.front() + std::string(others, letters.back());
}

/// The kind of each layer.
/// @param period  In place of the number of letters; 0: as they are.
inline std::vector<std::string> layers_of(const LayerPattern& pattern, Eigen::Index layers, Eigen::Index period = 0) {
  const std::string letters = period > 0 ? with_period(pattern.letters, period) : pattern.letters;
  const std::string first = pattern.first;
  std::vector<std::string> kinds;
  for (std::size_t i = 0; i < static_cast<std::size_t>(layers); ++i) {
    const std::size_t place = pattern.counts_from_end ? static_cast<std::size_t>(layers) - 1 - i : i;
    kinds.push_back(kind_of_letter(i < first.size() ? first[i] : letters[place % letters.size()]));
  }
  if (pattern.last_is_full) kinds.back() = kFull;
  return kinds;
}

/// Whether layer i of this role rotates, by the pattern alone.
inline bool rotates(const LayerPattern& pattern, LayerRole role, std::size_t i, bool windowed) {
  if (role == LayerRole::none || pattern.nope == Nope::all) return false;
  if (pattern.nope == Nope::full) return role != LayerRole::full;
  if (pattern.nope == Nope::full_beside_window) return role != LayerRole::full || !windowed;
  return pattern.nope != Nope::every_period || (i + 1) % static_cast<std::size_t>(pattern.nope_period) != 0;
}

/// One layer of a model.
struct PlannedLayer {
  std::string kind;
  LayerRole role = LayerRole::full;
  bool rotates = true;
  bool is_scaled = true;  ///< Whether the scaling rule applies to it.
  double base = 0;        ///< rope_theta of this layer alone; 0: that of its kind.
  double share = 0;       ///< partial_rotary_factor of this layer alone; 0: that of its kind.
};

/// The plan of layers of these kinds, each of which is known, by the pattern alone.
inline std::vector<PlannedLayer> plan_layers(const std::vector<std::string>& kinds, const LayerPattern& pattern,
                                             bool windowed) {
  std::vector<PlannedLayer> plan;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const LayerRole role = find_layer_kind(kinds[i])->role;
    plan.push_back({kinds[i], role, rotates(pattern, role, i, windowed)});
  }
  return plan;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_PATTERN_HPP

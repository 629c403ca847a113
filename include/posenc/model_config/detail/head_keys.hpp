// SPDX-License-Identifier: MIT
/// @file
/// The size of a head and the channels of it that rotate, from the many keys that Hugging Face configs have for them.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/rope_window.hpp"

#include <optional>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline Eigen::Index read_head_dim(ConfigReader& config, const KnownModel& model, bool full_attention) {
  if (full_attention) {
    const std::optional<Eigen::Index> global = config.count("global_head_dim");
    if (global) return *global;
    if (model.full_head_dim > 0) return model.full_head_dim;
  }
  if (const auto given = config.agreed_count({"head_dim", "kv_channels"})) return *given;
  if (model.head_dim > 0) return model.head_dim;
  const auto hidden = config.agreed_count({"hidden_size", "n_embd"});
  const auto num_heads = config.agreed_count(
      {"num_attention_heads", "n_head", "encoder_num_attention_heads", "decoder_num_attention_heads"});
  if (!hidden || !num_heads) config.refuse_missing("head_dim", ", or hidden_size and num_attention_heads");
  config.require(*hidden % *num_heads == 0, "hidden_size", *hidden, "a multiple of num_attention_heads ", *num_heads);
  return *hidden / *num_heads;
}

/// DeepSeek rotates the last qk_rope_head_dim channels of a head. Other models rotate the first rotary_dim channels, or
/// int(head_dim * partial) where that key is absent.
///
/// @param partial  The share of a head that rotates; 0 where rotary_dim must be given.
/// @param given    The same where the config says it, and not the model's default.
inline RopeWindow read_window(ConfigReader& config, const KnownModel& model, bool full_attention, double partial,
                              const std::optional<NamedNumber>& given) {
  if (const auto rope = config.count("qk_rope_head_dim")) {
    const auto rest = config.count("qk_nope_head_dim", 0);
    if (!rest) config.refuse_missing("qk_nope_head_dim", " where there is a qk_rope_head_dim");
    if (given) config.require(given->value == 1, *given, "1 or absent where there is a qk_rope_head_dim");
    config.find("head_dim");  // by the version of the file, this is the size of one of the two parts
    config.require(*rope % 2 == 0, "qk_rope_head_dim", *rope, "even");
    return {*rest + *rope, *rest, *rope};
  }
  RopeWindow window;
  window.head_dim = read_head_dim(config, model, full_attention);
  const double share = partial * static_cast<double>(window.head_dim);
  const auto rotary_dim = config.count("rotary_dim");
  if (!rotary_dim && partial == 0) config.refuse_missing("rotary_dim", "");
  window.rotary_dim = rotary_dim.value_or(static_cast<Eigen::Index>(share));
  if (given) {
    config.require(window.rotary_dim == static_cast<Eigen::Index>(share), "rotary_dim", window.rotary_dim,
                   "head_dim * partial_rotary_factor = ", share);
  }
  config.require(window.rotary_dim <= window.head_dim, "rotary_dim", window.rotary_dim, "at most head_dim ",
                 window.head_dim);
  const bool even = window.rotary_dim > 0 && window.rotary_dim % 2 == 0;
  if (rotary_dim) {
    config.require(even, "rotary_dim", window.rotary_dim, "even");
  } else if (partial == 1) {
    config.require(even, "head_dim", window.head_dim, "even");
  } else {
    require(even, config.function(), "int(head_dim * partial_rotary_factor)", window.rotary_dim, "even and > 0");
  }
  return window;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

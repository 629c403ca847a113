// SPDX-License-Identifier: MIT
/// @file
/// Which channels of a head turn, by the many keys that Hugging Face configs have for it.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"

#include <optional>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The channels offset .. offset + rotary_dim - 1 of a head.
struct RopeWindow {
  Eigen::Index head_dim = 0;
  Eigen::Index offset = 0;
  Eigen::Index rotary_dim = 0;
};

inline Eigen::Index read_head_dim(ConfigReader& config, const KnownModel& model, bool full_attention) {
  if (full_attention) {
    const std::optional<Eigen::Index> global = config.count("global_head_dim");
    if (global) return *global;
    if (model.full_head_dim > 0) return model.full_head_dim;
  }
  if (const auto given = config.agreed_count({"head_dim", "kv_channels"})) return *given;
  if (model.head_dim > 0) return model.head_dim;
  const auto hidden = config.agreed_count({"hidden_size", "n_embd"});
  const auto heads = config.agreed_count(
      {"num_attention_heads", "n_head", "encoder_num_attention_heads", "decoder_num_attention_heads"});
  if (!hidden || !heads) config.refuse_missing("head_dim", ", or hidden_size and num_attention_heads");
  require(*hidden % *heads == 0, config.function(), "hidden_size", *hidden, "a multiple of num_attention_heads ",
          *heads);
  return *hidden / *heads;
}

/// DeepSeek turns the end of a head; the others a prefix, of int(head_dim * partial) channels unless rotary_dim says.
inline RopeWindow read_window(ConfigReader& config, const KnownModel& model, bool full_attention, double partial,
                              bool partial_given) {
  RopeWindow window;
  if (const auto rope = config.count("qk_rope_head_dim")) {
    const auto rest = config.count("qk_nope_head_dim", 0);
    if (!rest) config.refuse_missing("qk_nope_head_dim", " where there is a qk_rope_head_dim");
    if (partial_given && partial != 1) {
      refuse<std::invalid_argument>(config.function(), "partial_rotary_factor", partial,
                                    "1 or absent where there is a qk_rope_head_dim");
    }
    config.find("head_dim");  // either part, by version
    return {*rest + *rope, *rest, *rope};
  }
  window.head_dim = read_head_dim(config, model, full_attention);
  const double share = partial * static_cast<double>(window.head_dim);
  const auto rotary_dim = config.count("rotary_dim");
  if (!rotary_dim && partial == 0) config.refuse_missing("rotary_dim", "");
  window.rotary_dim = rotary_dim.value_or(static_cast<Eigen::Index>(share));
  if (rotary_dim && partial_given && *rotary_dim != static_cast<Eigen::Index>(share)) {
    refuse<std::invalid_argument>(config.function(), "rotary_dim", *rotary_dim,
                                  "head_dim * partial_rotary_factor = ", share);
  }
  require(window.rotary_dim <= window.head_dim, config.function(), "rotary_dim", window.rotary_dim, "at most head_dim ",
          window.head_dim);
  return window;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP

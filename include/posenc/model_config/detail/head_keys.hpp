// SPDX-License-Identifier: MIT
/// @file
/// The size of a head and the channels of it that rotate, from the many keys that Hugging Face configs have for them.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_model.hpp"
#include "posenc/model_config/detail/rope_window.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Layers that have one rotation.
struct LayerGroup {
  bool full = true;     ///< False for sliding layers, where full and sliding layers have rotations of their own.
  std::string label{};  ///< Their entry in the rope dictionary; empty where all layers share one rotation.
  double base = 0;      ///< The base of these layers alone; 0: that of their kind.
  double share = 0;     ///< The share of a head that rotates, of these layers alone; 0: that of their kind.
  bool is_scaled = true;
  std::vector<int> layers{};  ///< Their numbers.
};

/// The entry of a layer: "5", or "05" as transformers saves it.
inline const ConfigValue* find_layer(const ConfigValue& layers, const std::string& name) {
  const ConfigValue* found = nullptr;
  for (std::size_t zeros = 0; found == nullptr && zeros < 4; ++zeros) {
    found = layers.find(std::string(zeros, '0') + name);
  }
  return found;
}

/// A whole number that per_layer_config gives to all layers of a group, or nothing.
inline std::optional<Eigen::Index> per_layer_count(ConfigReader& config, const LayerGroup& group, const char* key) {
  const ConfigValue* const overrides = config.dictionary("per_layer_config");
  if (overrides == nullptr) return std::nullopt;
  std::optional<Eigen::Index> agreed;
  bool first = true;
  for (const int layer : group.layers) {
    const std::string name = std::to_string(layer);
    std::optional<Eigen::Index> own;
    if (const ConfigValue* const values = find_layer(*overrides, name)) {
      const std::string path = config.name("per_layer_config.") + name;
      if (!values->is(ConfigValue::Kind::dictionary)) {
        refuse<std::invalid_argument>(config.function(), path, values->describe(), "a dictionary");
      }
      own = ConfigReader(config.function(), *values, path + ".").count(key);
    }
    const std::string path = "per_layer_config." + name + "." + key;
    config.require(first || own == agreed, path, own ? std::to_string(*own) : "nothing",
                   "the same for all layers of its kind");
    agreed = own;
    first = false;
  }
  return agreed;
}

inline Eigen::Index read_head_dim(ConfigReader& config, const KnownModel& model, const LayerGroup& group) {
  if (const auto own = per_layer_count(config, group, "head_dim")) return *own;
  if (group.full) {
    if (const auto global = config.count("global_head_dim")) return *global;
    if (model.full_head_dim > 0) return model.full_head_dim;
  }
  const std::vector<std::string> hidden_keys = {"hidden_size", "n_embd", "d_model", "embed_dim",
                                                "memory_attention_hidden_size"};
  const std::vector<std::string> head_keys = {"num_attention_heads",
                                              "n_head",
                                              "n_heads",
                                              "num_heads",
                                              "encoder_num_attention_heads",
                                              "decoder_num_attention_heads",
                                              "encoder_attention_heads",
                                              "memory_attention_num_attention_heads"};
  const bool has_other = config.peek("attention_head_dim") != nullptr;  // kv_channels of Zamba 2 is half of it
  if (has_other) config.find("kv_channels");
  if (const auto given = config.agreed_count({"head_dim", has_other ? "attention_head_dim" : "kv_channels"})) {
    return *given;
  }
  if (model.head_dim > 0) return model.head_dim;
  std::optional<Eigen::Index> hidden;
  std::string hidden_name = "hidden_size";
  for (const std::string& key : hidden_keys) {
    const auto own = config.count(key);
    if (!own || (hidden && key != "embed_dim")) continue;  // Qwen2-VL's hidden_size is the text's
    hidden = own;
    hidden_name = key;
  }
  auto num_heads = model.heads_key != nullptr ? config.count(model.heads_key) : config.agreed_count(head_keys);
  if (!hidden && model.hidden_size > 0) hidden = model.hidden_size;
  if (!num_heads && model.num_heads > 0) num_heads = model.num_heads;
  if (num_heads) num_heads = *num_heads * config.count("memory_attention_downsample_rate").value_or(1);
  if (!hidden || !num_heads) config.refuse_missing("head_dim", ", or hidden_size and num_attention_heads");
  config.require(*hidden % *num_heads == 0, hidden_name, *hidden, "a multiple of num_attention_heads ", *num_heads);
  return *hidden / *num_heads;
}

/// The last channels of a head: qk_rope_head_dim of them after qk_nope_head_dim others (DeepSeek), or out of head_dim.
inline RopeWindow read_last_channels(ConfigReader& config, const KnownModel& model, const LayerGroup& group,
                                     const std::optional<NamedNumber>& share) {
  const auto own_rope = per_layer_count(config, group, "qk_rope_head_dim");
  const bool slides = !group.full && model.sliding_nope_width > 0;
  const auto sliding_rope = slides ? config.count("swa_qk_rope_head_dim") : std::nullopt;
  const auto rope = own_rope ? own_rope : sliding_rope ? sliding_rope : config.count("qk_rope_head_dim");
  Eigen::Index width = rope.value_or(model.rope_width);
  Eigen::Index head_dim = 0;
  if (model.rotates_last) {
    head_dim = read_head_dim(config, model, group);
    if (!rope && share) width = static_cast<Eigen::Index>(share->value * static_cast<double>(head_dim));
  } else {
    auto rest = per_layer_count(config, group, "qk_nope_head_dim");
    if (!rest && slides) rest = config.count("swa_qk_nope_head_dim").value_or(model.sliding_nope_width);
    if (!rest) rest = config.count("qk_nope_head_dim", 0);
    if (!rest && model.rope_width > 0) rest = model.nope_width;
    if (!rest) config.refuse_missing("qk_nope_head_dim", " where there is a qk_rope_head_dim");
    head_dim = *rest + width;
    config.find("head_dim");  // by the version of the file, this is the size of one of the two parts
  }
  config.require(width > 0 && width % 2 == 0, "qk_rope_head_dim", width, "even and > 0");
  config.require(width <= head_dim, "qk_rope_head_dim", width, "at most head_dim ", head_dim);
  if (share) {
    const auto part = [&](Eigen::Index of) {
      return static_cast<Eigen::Index>(share->value * static_cast<double>(of));
    };
    const auto own = per_layer_count(config, group, "head_dim");
    const Eigen::Index said = own ? *own : config.count("head_dim").value_or(model.head_dim);
    config.require(share->value == 1 || part(head_dim) == width || part(said) == width, *share,
                   "1, absent or the share of qk_rope_head_dim where there is one");
  }
  return {head_dim, head_dim - width, width};
}

/// The channels that rotate: the last ones, or the first rotary_dim or int(head_dim * share) of a head.
///
/// @param share  What the config says, and not the model's default.
/// @param whole  Whether the frequencies span the head ("proportional").
inline RopeWindow read_window(ConfigReader& config, const KnownModel& model, const LayerGroup& group,
                              const std::optional<NamedNumber>& share, bool whole) {
  if (model.rope_width > 0 || config.count("qk_rope_head_dim")) {
    return read_last_channels(config, model, group, whole ? std::nullopt : share);
  }
  RopeWindow window;
  window.head_dim = read_head_dim(config, model, group);
  const double default_share = group.full ? model.share : model.sliding_share;
  const double part = whole ? 1 : share ? share->value : model.share_is_proportional ? 1 : default_share;
  const double wanted = part * static_cast<double>(window.head_dim);
  if (model.projection_dim > 0) {
    const Eigen::Index projection = config.count("projection_dim").value_or(model.projection_dim);
    const Eigen::Index num_heads = config.count("num_attention_heads").value_or(model.num_heads);
    window.rotary_dim = (std::max)(projection / (2 * num_heads), Eigen::Index(32));
    config.require(window.rotary_dim % 2 == 0 && window.rotary_dim <= window.head_dim, "projection_dim", projection,
                   "such that its share of a head is even and at most head_dim ", window.head_dim);
    return window;
  }
  const auto said = model.reads_rotary_dim ? config.count("rotary_dim") : std::nullopt;
  const bool by_class = !said && !share && model.rotary_dim_default > 0 && !config.has_null("rotary_dim");
  const std::optional<Eigen::Index> rotary_dim = by_class ? model.rotary_dim_default : said;
  if (!rotary_dim && part == 0) config.refuse_missing("rotary_dim", "");
  window.rotary_dim = rotary_dim.value_or(static_cast<Eigen::Index>(wanted));
  if (share && rotary_dim) {
    config.require(window.rotary_dim == static_cast<Eigen::Index>(wanted), "rotary_dim", window.rotary_dim,
                   "head_dim * partial_rotary_factor = ", wanted);
  }
  config.require(window.rotary_dim <= window.head_dim, "rotary_dim", window.rotary_dim, "at most head_dim ",
                 window.head_dim);
  const bool even = window.rotary_dim > 0 && window.rotary_dim % 2 == 0;
  if (rotary_dim) {
    config.require(even, "rotary_dim", window.rotary_dim, "even");
  } else if (part == 1) {
    config.require(even, "head_dim", window.head_dim, "even");
  } else {
    require(even, config.function(), "int(head_dim * partial_rotary_factor)", window.rotary_dim, "even and > 0");
  }
  if (model.joins_heads) window.head_dim *= config.count("num_attention_heads").value_or(model.num_heads);
  return window;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HEAD_KEYS_HPP

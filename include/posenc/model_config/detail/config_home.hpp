// SPDX-License-Identifier: MIT
/// @file
/// Finds the language model in a config, and the keys that are about positions.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_HOME_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_HOME_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The dictionary of one tower, and those that enclose it from the outermost in.
struct ConfigHome {
  std::vector<ConfigReader> around{};
  const ConfigValue* config = nullptr;
  std::string path{};  ///< "text_config."; empty where the config itself is the model.

  void enter(const char* function, const std::string& key, const ConfigValue& inner) {
    around.push_back(ConfigReader(function, *config, path));
    config = &inner;
    path += key + ".";
  }
};

/// Descends from a home to the language model in it: text_config where there is one, else a key of another name, unless
/// the home itself is of a known type.
inline void enter_language_model(const char* function, ConfigHome& home) {
  static constexpr const char* names[] = {
      "text_config", "thinker_config", "vlm_config",      "llm_config", "language_config", "language_model_config",
      "decoder",     "decoder_config", "backbone_config", "asr_config", "audio_config",    "encoder_config"};
  constexpr int deepest = 8;
  for (int depth = 0; depth < deepest; ++depth) {
    const ConfigValue* const type = find_entry(*home.config, "model_type");
    const KnownModel* const row =
        type != nullptr && type->is(ConfigValue::Kind::text) ? find_known_model(type->text()) : nullptr;
    const bool known = row != nullptr && type->text() == row->model_type;
    const char* found = nullptr;
    for (const char* const name : names) {
      if (found == nullptr && find_entry(*home.config, name) != nullptr) found = name;
      if (known) break;  // only text_config is looked for then
    }
    if (found == nullptr) break;
    const ConfigValue& inner = *find_entry(*home.config, found);
    if (!inner.is(ConfigValue::Kind::dictionary)) {
      refuse<std::invalid_argument>(function, home.path + found, inner.describe(), "a dictionary");
    }
    home.enter(function, found, inner);
  }
}

/// The home that a path of keys leads to: "thinker_config.vision_config".
inline ConfigHome find_tower(const char* function, const ConfigValue& config, const std::string& tower) {
  ConfigHome home;
  home.config = &config;
  require(config.is(ConfigValue::Kind::dictionary), function, "config", config.describe(), "a dictionary");
  for (std::size_t at = 0; at <= tower.size();) {
    const std::size_t end = (std::min)(tower.find('.', at), tower.size());
    const std::string key = tower.substr(at, end - at);
    const ConfigValue* const inner = home.config->find(key);
    if (inner == nullptr || !inner->is(ConfigValue::Kind::dictionary)) {
      refuse<std::invalid_argument>(function, home.path + key, inner == nullptr ? "nothing" : inner->describe(),
                                    "a dictionary, since hints.tower leads to it");
    }
    home.enter(function, key, *inner);
    at = end + 1;
  }
  enter_language_model(function, home);
  return home;
}

/// The home of the language model.
inline ConfigHome find_home(const char* function, const ConfigValue& config) {
  ConfigHome home;
  home.config = &config;
  require(config.is(ConfigValue::Kind::dictionary), function, "config", config.describe(), "a dictionary");
  enter_language_model(function, home);
  return home;
}

/// Whether a key decides which layers rotate how, by a rule that only the code of the model tells.
inline bool decides_plan(const std::string& key) {
  for (const char* const name : {"alibi",
                                 "position_embedding_type",
                                 "position_embeddings_type",
                                 "pos_emb",
                                 "nope_layers",
                                 "nope_layer_interval",
                                 "no_rope_layer_interval",
                                 "sliding_window_pattern",
                                 "_sliding_window_pattern",
                                 "global_attn_every_n_layers",
                                 "full_attention_interval",
                                 "layer_group_size",
                                 "hybrid_layer_pattern",
                                 "yarn_only_types",
                                 "compress_ratios",
                                 "position_embedding_base",
                                 "use_dynamic_ntk",
                                 "use_logn_attn",
                                 "use_mem_rope",
                                 "attn_temperature_tuning"}) {
    if (key == name) return true;
  }
  return false;
}

/// Whether the name of a key says that it is about positions. A config has hundreds of keys that are not.
inline bool concerns_rotation(const std::string& key) {
  for (const char* const word : {"rope", "rotary", "theta", "alibi", "attn_temperature", "llama_4_scaling"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return decides_plan(key);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_HOME_HPP

// SPDX-License-Identifier: MIT
/// @file
/// The kind of each layer of a Hugging Face config, which layers rotate, and the factor on their queries.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/model_config/query_temperature.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline void require_layer_count(const ConfigReader& config, const std::string& key, std::size_t size,
                                std::size_t layers) {
  config.require(size == layers, key + ".size()", size, "num_hidden_layers ", layers);
}

/// The kind of attention of each layer: as listed, or by the model's schedule.
inline std::vector<std::string> read_layer_types(ConfigReader& config, const KnownModel& model) {
  const auto layers = config.agreed_count(
      {"num_hidden_layers", "num_layers", "n_layer", "encoder_num_hidden_layers", "decoder_num_hidden_layers"});
  if (!layers) config.refuse_missing("num_hidden_layers", "");
  config.require(*layers <= kMaxLayers, "num_hidden_layers", *layers, "at most ", kMaxLayers);
  Eigen::Index period = model.period;
  if (period > 0) {
    const auto given = config.agreed_count(
        {"sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers", "full_attention_interval"});
    period = given.value_or(period);
  }
  std::optional<std::vector<std::string>> types = config.texts("layer_types");
  if (!types) return scheduled_layers(model.schedule, *layers, period);
  require_layer_count(config, "layer_types", types->size(), static_cast<std::size_t>(*layers));
  for (std::size_t i = 0; i < types->size(); ++i) {
    const std::string& type = (*types)[i];
    config.require(is_one_of(type, kRotatingLayers) || is_one_of(type, kOtherLayers),
                   element("layer_types", static_cast<Eigen::Index>(i)), "the text \"" + type + "\"",
                   "full_attention, sliding_attention, chunked_attention, linear_attention, conv, mamba or recurrent");
  }
  return *types;
}

/// 1 for each layer that rotates, 0 for each that does not. The key no_rope_layers has the same meaning, despite its
/// name.
inline std::vector<int> read_rotating_layers(ConfigReader& config, const KnownModel& model, std::size_t layers) {
  std::vector<int> rotates(layers, 1);
  const auto listed = config.counts("no_rope_layers");
  const bool nope = model.schedule == LayerSchedule::nope_last;
  const auto interval = config.count("no_rope_layer_interval", nope ? 1 : 0);
  if (listed && !listed->empty()) {
    require_layer_count(config, "no_rope_layers", listed->size(), layers);
    for (std::size_t i = 0; i < listed->size(); ++i) {
      config.require((*listed)[i] <= 1, "no_rope_layers", (*listed)[i], "0 or 1 for each layer");
    }
    return *listed;
  }
  const Eigen::Index period = interval.value_or(nope ? model.period : 0);
  for (std::size_t i = 0; period > 0 && i < rotates.size(); ++i) {
    rotates[i] = (i + 1) % static_cast<std::size_t>(period) != 0;
  }
  return rotates;
}

/// Llama 4: the factor of layers that do not rotate. attn_temperature_tuning is true or false, or a number in some
/// published files.
inline std::optional<QueryTemperature> read_nope_temperature(ConfigReader& config, const KnownModel& model) {
  const bool llama4 = std::string(model.model_type).rfind("llama4", 0) == 0;
  if (!llama4) return {};
  const ConfigValue* const tuning = config.find("attn_temperature_tuning");
  if (tuning != nullptr && !tuning->is(ConfigValue::Kind::boolean)) {
    config.require(tuning->is(ConfigValue::Kind::number), "attn_temperature_tuning", tuning->describe(),
                   "true, false or a number");
    if (tuning->number() == 0) return {};
  } else if (tuning != nullptr && !tuning->boolean()) {
    return {};
  }
  return checked_temperature(config, {config.number("attn_scale").value_or(0.1), config.name("attn_scale")},
                             {config.number("floor_scale").value_or(8192), config.name("floor_scale")}, 1);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP

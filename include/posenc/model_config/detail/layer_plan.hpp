// SPDX-License-Identifier: MIT
/// @file
/// LayerPlanReader: reads the layers of a Hugging Face config: their kinds, which of them rotate, and the factors on
/// their queries.
#ifndef POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP
#define POSENC_MODEL_CONFIG_DETAIL_LAYER_PLAN_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_model.hpp"
#include "posenc/model_config/query_temperature.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Reads the plan of the layers.
class LayerPlanReader {
 public:
  LayerPlanReader(ConfigReader& config, const KnownModel& model) : config_(config), model_(model) {}

  std::vector<PlannedLayer> read() {
    const std::vector<std::string> kinds = read_kinds(read_count());
    std::vector<PlannedLayer> plan = plan_layers(kinds, model_.layers, !config_.has_null("sliding_window"));
    read_no_rope_layers(plan);
    read_cross_layers(plan);
    read_layer_bases(plan);
    read_layer_shares(plan);
    read_scaled_layers(plan);
    if (!is_switched_on()) {
      for (PlannedLayer& layer : plan) layer.rotates = false;
    }
    return plan;
  }

  /// The path of a layer whose kind had no effect, or nothing.
  const std::string& ignored() const { return ignored_; }

 private:
  Eigen::Index read_count() {
    const Eigen::Index attentions = model_.attentions_per_layer;
    if (attentions > 1) {  // num_hidden_layers counts attentions, num_layers the layers that hold them
      const auto blocks = config_.count("num_layers");
      const Eigen::Index own = attentions * blocks.value_or(model_.num_layers);
      const Eigen::Index layers = config_.count("num_hidden_layers").value_or(own);
      config_.require(!blocks || layers == own, "num_hidden_layers", layers, attentions, " times num_layers");
      config_.require(layers <= kMaxLayers, "num_hidden_layers", layers, "at most ", kMaxLayers);
      return layers;
    }
    const auto given =
        model_.layers_key != nullptr
            ? config_.count(model_.layers_key)
            : config_.agreed_count({"num_hidden_layers", "num_layers", "n_layer", "n_layers", "depth", "encoder_layers",
                                    "encoder_num_hidden_layers", "decoder_num_hidden_layers",
                                    "memory_attention_num_layers", "num_attention_layers"});
    if (!given && model_.num_layers == 0) config_.refuse_missing("num_hidden_layers", "");
    const Eigen::Index layers = given.value_or(model_.num_layers);
    config_.require(layers <= kMaxLayers, "num_hidden_layers", layers, "at most ", kMaxLayers);
    return layers;
  }

  /// The kind of each layer: as listed, or by the pattern of the model.
  std::vector<std::string> read_kinds(Eigen::Index layers) {
    for (const char* const key : {"layer_types", "layers_block_type"}) {
      const auto types = config_.texts(key);
      if (!types) continue;
      require_layer_count(key, types->size(), layers);
      for (std::size_t i = 0; i < types->size(); ++i) {
        config_.require(find_layer_kind((*types)[i]) != nullptr, element(key, static_cast<Eigen::Index>(i)),
                        "the text \"" + (*types)[i] + "\"", kLayerKinds);
      }
      std::vector<std::string> kinds = without_mlp_blocks(*types);
      if (model_.layers.forces_last && kinds.back() != kFull) {
        ignored_ = config_.name(element(key, static_cast<Eigen::Index>(kinds.size() - 1)));
        kinds.back() = kFull;
      }
      return kinds;
    }
    for (const char* const key : {"attn_layer_indices", "full_attn_idxs"}) {
      if (const auto indices = config_.counts(key)) return listed_layers(key, *indices, layers);
    }
    const ConfigValue* const letters = config_.peek("sliding_window_pattern");
    if (letters != nullptr && letters->is(ConfigValue::Kind::text) && model_.layers.nope == Nope::full_beside_window) {
      return lettered_layers(*config_.text("sliding_window_pattern"), layers);
    }
    if (model_.slides_by_switch && !config_.flag("use_sliding_window").value_or(true)) {
      return std::vector<std::string>(static_cast<std::size_t>(layers), kFull);
    }
    // A period of a model whose layers are known to be alike has no effect, and is reported as ignored.
    const bool has_period = std::string(model_.layers.letters).size() > 1;
    const Eigen::Index period =
        has_period ? config_
                         .agreed_count({"sliding_window_pattern", "_sliding_window_pattern",
                                        "global_attn_every_n_layers", "full_attention_interval", "layer_group_size"})
                         .value_or(0)
                   : 0;
    if (config_.has_null("sliding_window") && model_.layers.nope == Nope::full_beside_window) {
      return std::vector<std::string>(static_cast<std::size_t>(layers), kFull);
    }
    return layers_of(model_.layers, layers, period);
  }

  /// Some files list attention and mlp as blocks of their own, each pair of which is one layer: Dory.
  static std::vector<std::string> without_mlp_blocks(const std::vector<std::string>& blocks) {
    bool paired = blocks.size() % 2 == 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) paired = paired && (blocks[i] == "mlp") == (i % 2 == 1);
    if (!paired) return blocks;
    std::vector<std::string> kinds;
    for (std::size_t i = 0; i < blocks.size(); i += 2) kinds.push_back(blocks[i]);
    return kinds;
  }

  /// Attention at the indices that are listed, another kind elsewhere: Bamba, LFM2.
  std::vector<std::string> listed_layers(const char* key, const std::vector<int>& indices, Eigen::Index layers) {
    std::vector<std::string> kinds(static_cast<std::size_t>(layers), "linear_attention");
    for (std::size_t i = 0; i < indices.size(); ++i) {
      config_.require(indices[i] < layers, element(key, static_cast<Eigen::Index>(i)), indices[i],
                      "less than num_hidden_layers ", layers);
      kinds[static_cast<std::size_t>(indices[i])] = kFull;
    }
    return kinds;
  }

  /// "LLLG": local and global layers in turn; the last one is global: EXAONE 4.
  std::vector<std::string> lettered_layers(const std::string& letters, Eigen::Index layers) {
    config_.require(!letters.empty() && letters.find_first_not_of("LG") == std::string::npos, "sliding_window_pattern",
                    "the text \"" + letters + "\"", "a period, or letters L and G");
    std::vector<std::string> kinds;
    for (std::size_t i = 0; i < static_cast<std::size_t>(layers); ++i) {
      kinds.push_back(letters[i % letters.size()] == 'L' ? kSliding : kFull);
    }
    kinds.back() = kFull;
    return kinds;
  }

  void require_layer_count(const std::string& key, std::size_t size, Eigen::Index layers) const {
    config_.require(size == static_cast<std::size_t>(layers), key + ".size()", size, "num_hidden_layers ", layers);
  }

  /// The key no_rope_layers is 1 for each layer that rotates, despite its name.
  void read_no_rope_layers(std::vector<PlannedLayer>& plan) {
    const auto listed = config_.counts("no_rope_layers");
    const bool periodic = model_.layers.nope == Nope::every_period;
    const auto interval = config_.count("no_rope_layer_interval", periodic ? 1 : 0);
    if (listed && !listed->empty()) {
      require_layer_count("no_rope_layers", listed->size(), static_cast<Eigen::Index>(plan.size()));
      for (std::size_t i = 0; i < plan.size(); ++i) {
        config_.require((*listed)[i] <= 1, "no_rope_layers", (*listed)[i], "0 or 1 for each layer");
        plan[i].rotates = (*listed)[i] == 1 && plan[i].role != LayerRole::none;
      }
    } else if (interval && *interval > 0) {
      for (std::size_t i = 0; i < plan.size(); ++i) {
        plan[i].rotates = plan[i].role != LayerRole::none && (i + 1) % static_cast<std::size_t>(*interval) != 0;
      }
    }
  }

  /// Layers that attend to pictures do not rotate: Mllama, whose class has eight of them.
  void read_cross_layers(std::vector<PlannedLayer>& plan) {
    if (!model_.has_cross_layers) return;
    const std::vector<int> listed =
        config_.counts("cross_attention_layers").value_or(std::vector<int>{3, 8, 13, 18, 23, 28, 33, 38});
    for (const int layer : listed) {
      if (static_cast<std::size_t>(layer) < plan.size()) plan[static_cast<std::size_t>(layer)].rotates = false;
    }
  }

  /// partial_rotary_factors: one for each layer.
  void read_layer_shares(std::vector<PlannedLayer>& plan) {
    const auto shares = config_.numbers("partial_rotary_factors");
    if (!shares) return;
    require_layer_count("partial_rotary_factors", shares->size(), static_cast<Eigen::Index>(plan.size()));
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const double share = (*shares)[i];
      config_.require(share > 0 && share <= 1, element("partial_rotary_factors", static_cast<Eigen::Index>(i)), share,
                      "in (0, 1]");
      plan[i].share = share;
    }
  }

  /// layer_rope_theta, and rope_theta where that is a list; 0 means that the layer does not rotate.
  void read_layer_bases(std::vector<PlannedLayer>& plan) {
    for (const char* const key : {"layer_rope_theta", "rope_theta"}) {
      const ConfigValue* const list = config_.peek(key);
      if (list == nullptr || !list->is(ConfigValue::Kind::list)) continue;
      const std::vector<double> bases = *config_.numbers(key);
      require_layer_count(key, bases.size(), static_cast<Eigen::Index>(plan.size()));
      for (std::size_t i = 0; i < plan.size(); ++i) {
        const std::string name = config_.name(element(key, static_cast<Eigen::Index>(i)));
        if (bases[i] != 0) checked_base(config_, {bases[i], name});
        plan[i].base = bases[i];
        plan[i].rotates = plan[i].role != LayerRole::none && bases[i] != 0;
      }
      return;
    }
  }

  /// rope_scaling_layers: the others have the base without the scaling rule.
  void read_scaled_layers(std::vector<PlannedLayer>& plan) {
    const auto listed = config_.counts("rope_scaling_layers");
    if (!listed) return;
    for (PlannedLayer& layer : plan) layer.is_scaled = false;
    for (std::size_t i = 0; i < listed->size(); ++i) {
      const auto layer = static_cast<std::size_t>((*listed)[i]);
      config_.require(layer < plan.size(), element("rope_scaling_layers", static_cast<Eigen::Index>(i)), layer,
                      "less than num_hidden_layers ", plan.size());
      plan[layer].is_scaled = true;
    }
  }

  /// Whether the model rotates at all.
  bool is_switched_on() {
    switch (model_.rope_switch) {
      case RopeSwitch::none: return true;
      case RopeSwitch::alibi: return !config_.flag("alibi").value_or(false);
      case RopeSwitch::memory: return config_.flag("use_mem_rope").value_or(false);
      case RopeSwitch::rotary_embedding: return config_.flag("use_rotary_embedding").value_or(true);
      case RopeSwitch::conformer: return config_.text("position_embeddings_type") == std::string("rotary");
      case RopeSwitch::embedding_type:
      case RopeSwitch::embedding_type_on: break;
    }
    const auto type = config_.text("position_embedding_type");
    if (!type) return model_.rope_switch == RopeSwitch::embedding_type_on;
    const bool on = *type == "rope" || *type == "rotary";
    config_.require(on || *type == "nope" || *type == "absolute", "position_embedding_type",
                    "the text \"" + *type + "\"", "rope, rotary, nope or absolute");
    return on;
  }

  ConfigReader& config_;
  const KnownModel& model_;
  std::string ignored_;
};

/// Llama 4: the factor of layers that do not rotate. attn_temperature_tuning is true or false, or a number in some
/// published files.
inline std::optional<QueryTemperature> read_nope_temperature(ConfigReader& config, const KnownModel& model) {
  if (model.temperature == TemperatureRule::nope_power) {
    return QueryTemperature{0.1, 2048, 1, TemperatureGrowth::power};
  }
  if (model.temperature != TemperatureRule::nope_layers) return {};
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

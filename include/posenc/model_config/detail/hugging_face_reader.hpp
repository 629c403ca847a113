// SPDX-License-Identifier: MIT
/// @file
/// HuggingFaceReader: converts a config.json in plain data to a ModelRope.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/head_keys.hpp"
#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/layer_plan.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/model_config/detail/rope_dictionary.hpp"
#include "posenc/model_config/detail/rope_window.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether the name of a key says that it is about positions. A config has hundreds of keys that are not.
inline bool concerns_rotation(const std::string& key) {
  for (const char* const word :
       {"rope", "rotary", "theta", "alibi", "position_embedding_type", "attn_temperature", "llama_4_scaling"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return false;
}

/// Reads one config.
class HuggingFaceReader {
 public:
  HuggingFaceReader(const ConfigValue& config, std::int64_t serving_length, std::optional<RopePairs> pairs)
      : pairs_(pairs), outer_(kFunction, config, ""), config_(kFunction, inner(config), inner_path(config)) {
    require(serving_length > 0, kFunction, "serving_length", serving_length, "> 0");
    lengths_.serving = static_cast<double>(serving_length);
    find_model();
  }

  ModelRope read() {
    const auto max_position = config_.agreed_number({"max_position_embeddings", "n_positions"});
    if (max_position) lengths_.max_position = max_position->value;
    const std::vector<std::string> types = read_layer_types(config_, model_);
    result_.layers.resize(types.size());
    const ConfigValue empty = ConfigValue::dictionary();
    const ConfigValue* const dictionary = rope_dictionary();
    ConfigReader rope(kFunction, dictionary == nullptr ? empty : *dictionary, config_.name(dictionary_key_) + ".");
    nested_rope_ = is_nested(dictionary);
    if (nested_rope_) {
      read_nested(rope, types);
    } else {
      read_flat(rope, types);
    }
    assign_layers(types);
    rope.add_unread_to(result_.ignored_keys, any_key);
    config_.add_unread_to(result_.ignored_keys, concerns_rotation);
    if (nested_config_) outer_.add_unread_to(result_.ignored_keys, concerns_rotation);
    return std::move(result_);
  }

 private:
  static constexpr const char* kFunction = "read_hugging_face_config";

  /// The language model of a multimodal config, or nullptr where the config itself is one.
  static const ConfigValue* text_config(const ConfigValue& config) {
    require(config.is(ConfigValue::Kind::dictionary), kFunction, "config", config.describe(), "a dictionary");
    const ConfigValue* const text = config.find("text_config");
    return text == nullptr || text->is(ConfigValue::Kind::null) ? nullptr : text;
  }
  static const ConfigValue& inner(const ConfigValue& config) {
    const ConfigValue* const text = text_config(config);
    if (text == nullptr) return config;
    require(text->is(ConfigValue::Kind::dictionary), kFunction, "text_config", text->describe(), "a dictionary");
    return *text;
  }
  static std::string inner_path(const ConfigValue& config) {
    return text_config(config) == nullptr ? "" : "text_config.";
  }

  void find_model() {
    nested_config_ = !config_.name("").empty();
    std::optional<std::string> type = config_.text("model_type");
    if (!type && nested_config_) type = outer_.text("model_type");
    if (!type) config_.refuse_missing("model_type", "");
    const KnownModel* const known = find_known_model(*type);
    if (known == nullptr && !pairs_) {
      refuse<std::invalid_argument>(kFunction, config_.name("model_type"), "the text \"" + *type + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    model_ = known != nullptr ? *known : KnownModel{"", *pairs_, 0};
    if (const std::optional<bool> interleave = config_.flag("rope_interleave")) {
      model_.pairs = *interleave ? RopePairs::interleaved : RopePairs::half_split;
    }
    if (pairs_) model_.pairs = *pairs_;
    if (config_.flag("position_encoding_2d").value_or(false)) model_.axes = AxisRule::two_halves;
  }

  /// rope_parameters of newer configs, or rope_scaling of older ones. A config may have both if they are equal.
  const ConfigValue* rope_dictionary() {
    const ConfigValue* const parameters = config_.dictionary("rope_parameters");
    const ConfigValue* const scaling = config_.dictionary("rope_scaling");
    if (parameters != nullptr && scaling != nullptr) {
      config_.require(*parameters == *scaling, "rope_scaling", scaling->describe(), "null or equal to rope_parameters");
    }
    dictionary_key_ = parameters != nullptr ? "rope_parameters" : "rope_scaling";
    return parameters != nullptr ? parameters : scaling;
  }
  static bool is_nested(const ConfigValue* dictionary) {
    if (dictionary == nullptr) return false;
    const std::vector<ConfigValue>& items = dictionary->items();
    return std::any_of(items.begin(), items.end(),
                       [](const ConfigValue& item) { return item.is(ConfigValue::Kind::dictionary); });
  }

  /// One dictionary of rope keys for each kind of layer.
  void read_nested(ConfigReader& rope, const std::vector<std::string>& types) {
    for (const char* const type : kRotatingLayers) {
      if (std::find(types.begin(), types.end(), type) == types.end()) continue;
      const ConfigValue* const own = rope.dictionary(type);
      if (own == nullptr) rope.refuse_missing(type, ", since a layer is of this kind");
      ConfigReader reader(kFunction, *own, rope.name(type) + ".");
      add_set(reader, type, type == std::string(kSliding) ? model_.sliding_base : model_.base, {}, {});
      reader.add_unread_to(result_.ignored_keys, any_key);
    }
  }

  /// One dictionary of rope keys. Where sliding layers have a base of their own, it describes full layers alone.
  void read_flat(ConfigReader& rope, const std::vector<std::string>& types) {
    const auto base = config_.agreed_number({"rope_theta", "rotary_emb_base", "global_rope_theta"});
    const auto partial = config_.agreed_number({"partial_rotary_factor", "rotary_pct", "rope_pct"});
    const bool slides = model_.schedule != LayerSchedule::full_is_nope &&
                        std::find(types.begin(), types.end(), kSliding) != types.end();
    std::optional<NamedNumber> sliding_base;  // where no layer slides, its keys are ignored
    if (slides) sliding_base = config_.agreed_number({"rope_local_base_freq", "local_rope_theta"});
    if (!sliding_base && model_.sliding_base == 0) {
      add_set(rope, "", model_.base, base, partial);
      return;
    }
    add_set(rope, kFull, model_.base, base, partial);
    if (!slides) return;
    const ConfigValue unscaled = ConfigValue::dictionary();
    ConfigReader none(kFunction, unscaled, config_.name(""));
    add_set(none, kSliding, model_.sliding_base, sliding_base, partial);
  }

  /// @param default_base  Of the model_type, 0 where there is none.
  /// @param outer_base, outer_partial  What the top level of the config says, where it counts.
  void add_set(ConfigReader& rope, const std::string& layer_type, double default_base,
               const std::optional<NamedNumber>& outer_base, const std::optional<NamedNumber>& outer_partial) {
    const bool full = layer_type == kFull;
    const std::string rope_type = read_rope_type(rope);
    const auto given_partial = rope.inside_or_outside("partial_rotary_factor", outer_partial);
    if (given_partial) {
      config_.require(given_partial->value > 0 && given_partial->value <= 1, *given_partial, "in (0, 1]");
    }
    const double partial = given_partial ? given_partial->value : model_.partial;
    const double base = read_base(rope, default_base, outer_base);
    if (model_.axes != AxisRule::one && !has_sections(model_.axes)) {
      add_grid(rope, rope_type, base);
      return;
    }
    const bool proportional = rope_type == "proportional";
    const RopeWindow window =
        read_window(config_, model_, full, proportional ? 1.0 : partial, proportional ? std::nullopt : given_partial);
    lengths_.trained = config_.number("original_max_position_embeddings");
    Frequencies frequencies =
        read_scaling(rope_type, geometric_frequencies(window.rotary_dim, base), partial, rope, lengths_);
    if (!model_.scales_softmax) frequencies = frequencies.with_magnitude(frequencies.magnitude(), 1);
    RopeSet set{layer_type, frequencies, layout_of(model_.pairs, window)};
    read_axes(rope, set);
    read_temperature(rope);
    result_.rope_sets.push_back(set);
  }

  double read_base(ConfigReader& rope, double default_base, const std::optional<NamedNumber>& outer) {
    const auto given = rope.inside_or_outside("rope_theta", outer);
    if (!given && default_base == 0) {
      (nested_rope_ ? rope : config_).refuse_missing("rope_theta", ", since this model_type has no default");
    }
    const double base = given ? checked_base(rope, *given) : default_base;
    const std::optional<double> ratio = config_.number("rope_ratio");  // ChatGLM 2 to 4
    return ratio ? checked_base(config_, {base * *ratio, "rope_theta * rope_ratio"}) : base;
  }

  void add_grid(ConfigReader& rope, const std::string& rope_type, double base) {
    rope.require(rope_type == "default", "rope_type", "the text \"" + rope_type + "\"", "default for this model_type");
    const Eigen::Index head_dim = read_head_dim(config_, model_, false);
    result_.rope_sets = grid_sets(kFunction, model_.axes, model_.pairs, head_dim, base);
  }

  void read_axes(ConfigReader& rope, RopeSet& set) {
    const std::optional<std::vector<int>> sections = rope.counts("mrope_section");
    if (!has_sections(model_.axes)) {
      rope.require(!sections, "mrope_section", "a list", "absent for this model_type");
      return;
    }
    if (!sections) rope.refuse_missing("mrope_section", " for this model_type");
    const bool interleaved = model_.axes == AxisRule::interleaved;
    const bool flag = rope.flag("mrope_interleaved").value_or(interleaved);
    rope.require(flag == interleaved, "mrope_interleaved", flag, interleaved, " for this model_type");
    const std::string name = rope.name("mrope_section");
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  /// Ministral 3: a factor on the queries of every layer, from the rope dictionary.
  void read_temperature(ConfigReader& rope) {
    const char* const beta_key = "llama_4_scaling_beta";
    const char* const length_key = "original_max_position_embeddings";
    const std::optional<double> beta = rope.number(beta_key);
    if (!beta) return;
    const std::optional<double> length = read_trained_length(rope, lengths_);
    if (!length) rope.refuse_missing(length_key, " for llama_4_scaling_beta");
    const auto temperature =
        checked_temperature(rope, {*beta, rope.name(beta_key)}, {*length, rope.name(length_key)}, 0);
    for (LayerRope& layer : result_.layers) layer.query_temperature = temperature;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const std::vector<int> rotates = read_rotating_layers(config_, model_, types.size());
    const std::optional<QueryTemperature> nope_temperature = read_nope_temperature(config_, model_);
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      const bool rotating = rotates[i] != 0 && is_one_of(types[i], kRotatingLayers) &&
                            !(model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull);
      if (!rotating) {
        if (nope_temperature) layer.query_temperature = nope_temperature;
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
      // Full and sliding layers have frequencies of their own, and this layer is neither.
      config_.require(!layer.rope_sets.empty(), element("layer_types", static_cast<Eigen::Index>(i)),
                      "the text \"" + types[i] + "\"", "a kind of layer that has frequencies");
    }
  }

  std::optional<RopePairs> pairs_;
  ConfigReader outer_;
  ConfigReader config_;
  bool nested_config_ = false;  ///< Whether the model is in text_config.
  bool nested_rope_ = false;    ///< Whether the rope dictionary holds one for each kind of layer.
  std::string dictionary_key_;
  ServedLengths lengths_;
  KnownModel model_{"", RopePairs::half_split, 0};
  ModelRope result_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

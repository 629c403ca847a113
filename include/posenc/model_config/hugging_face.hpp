// SPDX-License-Identifier: MIT
/// @file
/// Reads the config.json of Hugging Face.
#ifndef POSENC_MODEL_CONFIG_HUGGING_FACE_HPP
#define POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/layer_plan.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/model_config/detail/rope_dictionary.hpp"
#include "posenc/model_config/detail/rope_window.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Of the hundreds of keys of a config, those whose names say that they are about positions.
inline bool concerns_rotation(const std::string& key) {
  for (const char* const word :
       {"rope", "rotary", "theta", "alibi", "position_embedding_type", "attn_temperature", "llama_4_scaling"}) {
    if (key.find(word) != std::string::npos) return true;
  }
  return false;
}

/// A value inside the rope dictionary, or one at the top level under several names; both only when they are the same.
inline std::optional<double> inside_or_outside(ConfigReader& rope, const char* key,
                                               const std::optional<double>& outside) {
  const std::optional<double> inside = rope.number(key);
  if (inside && outside && *inside != *outside) {
    refuse<std::invalid_argument>(rope.function(), rope.name(key), *inside, "the same as at the top level ", *outside);
  }
  return inside ? inside : outside;
}

/// Reads one config, already in plain data.
class HuggingFaceReader {
 public:
  HuggingFaceReader(const ConfigValue& config, double serving_length, std::optional<RopePairs> pairs)
      : pairs_(pairs), outer_(kFunction, config, ""), config_(kFunction, inner(config), inner_path(config)) {
    require(is_finite(serving_length) && serving_length > 0, kFunction, "serving_length", serving_length,
            "finite and > 0");
    lengths_.serving = serving_length;
    find_model();
  }

  ModelRope read() {
    lengths_.max_position = config_.agreed_number({"max_position_embeddings", "n_positions"});
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

  /// Multimodal configs keep the language model in text_config.
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
                                    "one whose pair layout is known, or the layout be given");
    }
    model_ = known != nullptr ? *known : KnownModel{"", *pairs_, 0};
    if (const std::optional<bool> interleave = config_.flag("rope_interleave")) {
      model_.pairs = *interleave ? RopePairs::interleaved : RopePairs::half_split;
    }
    if (pairs_) model_.pairs = *pairs_;
    if (config_.flag("position_encoding_2d").value_or(false)) model_.axes = AxisRule::two_halves;
  }

  /// rope_parameters of newer configs, rope_scaling of older ones. Both only when they are equal.
  const ConfigValue* rope_dictionary() {
    const ConfigValue* const parameters = config_.dictionary("rope_parameters");
    const ConfigValue* const scaling = config_.dictionary("rope_scaling");
    if (parameters != nullptr && scaling != nullptr && *parameters != *scaling) {
      refuse<std::invalid_argument>(kFunction, config_.name("rope_scaling"), scaling->describe(),
                                    "null or equal to rope_parameters");
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

  /// A dictionary for each kind of layer.
  void read_nested(ConfigReader& rope, const std::vector<std::string>& types) {
    for (const char* const type : kTurningLayers) {
      if (std::find(types.begin(), types.end(), type) == types.end()) continue;
      const ConfigValue* const own = rope.dictionary(type);
      if (own == nullptr) rope.refuse_missing(type, ", since a layer is of this kind");
      ConfigReader reader(kFunction, *own, rope.name(type) + ".");
      add_set(reader, type, type == std::string(kSliding) ? model_.sliding_theta : model_.theta, {}, {});
      reader.add_unread_to(result_.ignored_keys, any_key);
    }
  }

  /// One dictionary. Where sliding layers have a theta of their own, the rule in it is for full layers alone.
  void read_flat(ConfigReader& rope, const std::vector<std::string>& types) {
    const auto theta = config_.agreed_number({"rope_theta", "rotary_emb_base", "global_rope_theta"});
    const auto partial = config_.agreed_number({"partial_rotary_factor", "rotary_pct", "rope_pct"});
    const bool slides = model_.schedule != LayerSchedule::full_is_nope &&
                        std::find(types.begin(), types.end(), kSliding) != types.end();
    std::optional<double> given;  // where no layer slides it is an ignored key
    if (slides) given = config_.agreed_number({"rope_local_base_freq", "local_rope_theta"});
    const double sliding_theta = given.value_or(model_.sliding_theta);
    if (sliding_theta == 0) {
      add_set(rope, "", model_.theta, theta, partial);
      return;
    }
    add_set(rope, kFull, model_.theta, theta, partial);
    if (!slides) return;
    const ConfigValue plain = ConfigValue::dictionary();
    ConfigReader none(kFunction, plain, config_.name(""));
    add_set(none, kSliding, model_.sliding_theta, sliding_theta, partial);
  }

  void add_set(ConfigReader& rope, const std::string& layer_type, double default_theta,
               const std::optional<double>& outer_theta, const std::optional<double>& outer_partial) {
    const bool full = layer_type == kFull;
    const std::string rope_type = read_rope_type(rope);
    const std::optional<double> given_partial = inside_or_outside(rope, "partial_rotary_factor", outer_partial);
    const double partial = given_partial.value_or(model_.partial);
    require(partial >= 0 && partial <= 1 && (!given_partial || partial > 0), kFunction, "partial_rotary_factor",
            partial, "in (0, 1]");
    const double theta = read_theta(rope, default_theta, outer_theta);
    if (model_.axes != AxisRule::one && !has_sections(model_.axes)) {
      add_grid(rope, rope_type, theta);
      return;
    }
    const bool proportional = rope_type == "proportional";
    const RopeWindow window =
        read_window(config_, model_, full, proportional ? 1.0 : partial, given_partial.has_value() && !proportional);
    lengths_.trained = config_.number("original_max_position_embeddings");
    Frequencies frequencies =
        read_scaling(rope_type, geometric_frequencies(window.rotary_dim, theta), partial, rope, lengths_);
    if (!model_.scales_softmax) frequencies = frequencies.with_magnitude(frequencies.magnitude(), 1);
    const RopeLayout head(model_.pairs, window.head_dim);
    RopeSet set{layer_type, frequencies, head.window(window.offset, frequencies.rotary_dim())};
    read_axes(rope, set);
    read_temperature(rope);
    result_.rope_sets.push_back(set);
  }

  double read_theta(ConfigReader& rope, double default_theta, const std::optional<double>& outer) {
    const double theta = inside_or_outside(rope, "rope_theta", outer).value_or(default_theta);
    if (theta == 0) {
      (nested_rope_ ? rope : config_).refuse_missing("rope_theta", ", since this model_type has no default");
    }
    // ChatGLM 2 to 4 multiply it.
    return theta * config_.number("rope_ratio").value_or(1.0);
  }

  void add_grid(ConfigReader& rope, const std::string& rope_type, double theta) {
    if (rope_type != "default") {
      refuse<std::invalid_argument>(kFunction, rope.name("rope_type"), "the text \"" + rope_type + "\"",
                                    "default for this model_type");
    }
    const bool halves = model_.axes == AxisRule::two_halves;
    const Eigen::Index head_dim = read_head_dim(config_, model_, false);
    const RopeLayout whole(halves ? RopePairs::half_split : model_.pairs, head_dim);
    result_.rope_sets = grid_sets(kFunction, model_.axes, whole, theta);
  }

  void read_axes(ConfigReader& rope, RopeSet& set) {
    const std::optional<std::vector<int>> sections = rope.counts("mrope_section");
    const std::string name = rope.name("mrope_section");
    if (!has_sections(model_.axes)) {
      if (sections) refuse<std::invalid_argument>(kFunction, name, "a list", "absent for this model_type");
      return;
    }
    if (!sections) rope.refuse_missing("mrope_section", " for this model_type");
    const bool interleaved = model_.axes == AxisRule::interleaved;
    if (const std::optional<bool> flag = rope.flag("mrope_interleaved"); flag && *flag != interleaved) {
      refuse<std::invalid_argument>(kFunction, rope.name("mrope_interleaved"), *flag, interleaved,
                                    " for this model_type");
    }
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  /// Ministral 3: in the rope dictionary, for every layer.
  void read_temperature(ConfigReader& rope) {
    const std::optional<double> beta = rope.number("llama_4_scaling_beta");
    if (!beta) return;
    const std::optional<double> length = read_trained_length(rope, lengths_);
    if (!length) rope.refuse_missing("original_max_position_embeddings", " for llama_4_scaling_beta");
    for (LayerRope& layer : result_.layers) layer.temperature = checked_temperature(kFunction, *beta, *length, 0);
  }

  void assign_layers(const std::vector<std::string>& types) {
    const std::vector<int> turns = read_turning(config_, model_, types.size());
    const QueryTemperature nope = read_nope_temperature(config_, model_);
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      const bool turning = turns[i] != 0 && is_one_of(types[i], kTurningLayers) &&
                           !(model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull);
      if (!turning) {
        if (nope.scale != 0) layer.temperature = nope;
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
      if (layer.rope_sets.empty()) {  // full and sliding layers turn differently, and this is neither
        refuse<std::invalid_argument>(kFunction, config_.name(element("layer_types", static_cast<Eigen::Index>(i))),
                                      "the text \"" + types[i] + "\"", "a kind of layer that has frequencies");
      }
    }
  }

  std::optional<RopePairs> pairs_;
  ConfigReader outer_;
  ConfigReader config_;
  bool nested_config_ = false;  ///< The model is in text_config.
  bool nested_rope_ = false;    ///< The rope dictionary has one for each layer type.
  std::string dictionary_key_;
  ServedLengths lengths_;
  KnownModel model_{"", RopePairs::half_split, 0};
  ModelRope result_;
};

}  // namespace detail

/// What the config.json of a model says about positions, as frequencies, layout, axes and a plan of layers.
///
/// Read are rope_scaling with `type` or `rope_type`, rope_parameters (flat, or one for each layer type), rope_theta at
/// either place, partial_rotary_factor and its older names, qk_rope_head_dim, layer_types and the patterns and lists
/// that stand for it, text_config, and what Llama 4 and Ministral do to their queries. What a config leaves out comes
/// from the config class of its model_type, when that has a published default; how pairs stand comes from model_type.
///
/// @param config          A dictionary; the other overload takes any JSON type.
/// @param serving_length  The length that a sequence may reach, > 0. "longrope" and "dynamic" depend on it, and must
///                        not be read again when a sequence grows: keys that are cached were turned with the old one.
/// @param pairs           How pairs stand, against what model_type says: weights in another order, or a model_type
///                        that is not known here, which then has no defaults.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown model_type, rope_type or layer type; no theta
///                                where there is no default; keys that contradict one another; lists of the wrong
///                                length; sections that do not cover the pairs; what a scaling rule refuses.
/// Accuracy: that of the frequency rules; the golden configurations in tests/ are met to 3.5 ulp of double.
/// Source:   the configuration files and classes of Hugging Face transformers, versions 4 and 5.
/// Matches:  ROPE_INIT_FUNCTIONS and the rotary classes of the models in known_models.hpp; DeepSeek is
///           `interleaved`, whose scores equal those of Hugging Face's permuted output.
inline ModelRope read_hugging_face_config(const ConfigValue& config, double serving_length,
                                          std::optional<RopePairs> pairs = {}) {
  return detail::HuggingFaceReader(config, serving_length, pairs).read();
}

/// The same from a JSON value, of any type with nlohmann::json's way of asking: see to_config_value().
template <typename Json>
ModelRope read_hugging_face_config(const Json& config, double serving_length, std::optional<RopePairs> pairs = {}) {
  return read_hugging_face_config(to_config_value(config), serving_length, pairs);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

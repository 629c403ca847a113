// SPDX-License-Identifier: MIT
/// @file
/// HuggingFaceReader: converts a config.json in plain data to a RopeRecipe.
#ifndef POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/config_home.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_models.hpp"
#include "posenc/model_config/detail/layer_plan.hpp"
#include "posenc/model_config/detail/recipe.hpp"
#include "posenc/model_config/detail/rope_dictionary.hpp"
#include "posenc/model_config/detail/rotation_reader.hpp"
#include "posenc/model_config/model_hints.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Reads one config.
class HuggingFaceReader {
 public:
  /// @param hints  Must outlive the reader.
  HuggingFaceReader(const ConfigValue& config, std::int64_t serving_length, const ModelHints& hints)
      : hints_(hints),
        home_(hints.tower.empty() ? find_home(kFunction, config) : find_tower(kFunction, config, hints.tower)),
        config_(kFunction, *home_.config, home_.path) {
    require(serving_length > 0, kFunction, "serving_length", serving_length, "> 0");
    lengths_.serving = serving_length;
    find_model();
    take_hints();
    find_dictionary();
  }

  RopeRecipe read() {
    lengths_.max_position = config_.agreed_number({"max_position_embeddings", "n_positions"});
    if (!lengths_.max_position) lengths_.max_position = config_.agreed_number({"max_seq_len", "model_max_length"});
    lengths_.trained = config_.agreed_number({"original_max_position_embeddings"});
    LayerPlanReader plan_reader(config_, model_);
    plan_ = plan_reader.read();
    if (!plan_reader.ignored().empty()) recipe_.ignored_keys.push_back(plan_reader.ignored());
    recipe_.function = kFunction;
    recipe_.layers.resize(plan_.size());
    if (model_.note != nullptr) recipe_.notes.push_back(model_.note);
    recipe_.positions_per_second = read_positions_per_second();
    ConfigReader rope(kFunction, *dictionary_, config_.name(dictionary_key_) + ".");
    const std::vector<LayerGroup> groups = find_groups();
    RotationReader rotations(config_, model_, lengths_, use_, recipe_);
    for (const LayerGroup& group : groups) read_group(rope, group, rotations);
    const auto nope_temperature = read_nope_temperature(config_, model_);
    for (std::size_t i = 0; nope_temperature && i < plan_.size(); ++i) {
      if (!plan_[i].rotates) recipe_.layers[i].query_temperature = nope_temperature;
    }
    if (!use_.is_class_dictionary) rope.add_unread_to(recipe_.ignored_keys, any_key);
    config_.add_unread_to(recipe_.ignored_keys, concerns_rotation);
    for (std::size_t i = home_.around.size(); i-- > 0;)
      home_.around[i].add_unread_to(recipe_.ignored_keys, concerns_rotation);
    if (is_unknown_ && hints_.layers.empty()) refuse_what_decides();
    return std::move(recipe_);
  }

 private:
  static constexpr const char* kFunction = "read_hugging_face_config";

  void find_model() {
    std::optional<std::string> type = config_.text("model_type");
    if (!type || type->empty()) type = type_of_part(home_.path);
    for (std::size_t i = home_.around.size(); !type && i-- > 0;) type = home_.around[i].text("model_type");
    if (!type) config_.refuse_missing("model_type", "");
    const bool is_tower = home_.path.find("vision") != std::string::npos ||
                          (!hints_.tower.empty() && home_.path.find("audio") != std::string::npos);
    const KnownModel* const known = is_tower ? find_known_tower(*type) : find_known_model(*type);
    if (known == nullptr && !hints_.pairs) {
      refuse<std::invalid_argument>(kFunction, config_.name("model_type"), "the text \"" + *type + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    is_unknown_ = known == nullptr;
    if (is_unknown_) {
      model_.reads_share = model_.reads_rotary_dim = true;
    } else {
      model_ = *known;
    }
    if (model_.refusal != nullptr) {
      refuse<std::invalid_argument>(kFunction, config_.name("model_type"), "the text \"" + *type + "\"",
                                    "one that can be read; of this one ", model_.refusal);
    }
    if (const std::optional<bool> interleave = config_.flag("rope_interleave")) {
      model_.pairs = *interleave ? RopePairs::interleaved : RopePairs::half_split;
    }
    if (hints_.pairs) model_.pairs = *hints_.pairs;
    if (config_.flag("position_encoding_2d").value_or(false)) model_.axes = AxisRule::two_halves;
  }

  /// Hints of the caller take the place of class defaults.
  void take_hints() {
    const auto take = [&](bool is_given, bool is_in_config, const char* name) {
      if (is_given && !is_in_config) recipe_.assumed.push_back(name);
    };
    if (is_unknown_) recipe_.assumed.push_back("pairs");
    bool has_layers = false;
    for (const char* const name : {"layer_types", "layers_block_type", "attn_layer_indices", "full_attn_idxs"}) {
      has_layers = has_layers || config_.peek(name) != nullptr;
    }
    take(is_unknown_ || !hints_.layers.empty(), has_layers, "layer_types");
    check_hints(kFunction, hints_);
    if (hints_.rope_theta) model_.base = *hints_.rope_theta;
    if (hints_.sliding_rope_theta) model_.sliding_base = *hints_.sliding_rope_theta;
    if (hints_.head_dim) model_.head_dim = *hints_.head_dim;
    const bool has_head = config_.peek("head_dim") != nullptr || config_.peek("kv_channels") != nullptr ||
                          config_.peek("attention_head_dim") != nullptr || config_.peek("qk_nope_head_dim") != nullptr;
    take(hints_.head_dim.has_value(), has_head, "head_dim");
    if (!hints_.layers.empty()) {
      model_.layers.letters = hints_.layers.c_str();
      model_.layers.first = "";
      model_.layers.last_is_full = model_.layers.counts_from_end = false;  // what the caller says holds
    }
    if (!hints_.full_layers_rotate) model_.layers.nope = Nope::full;
    if (!hints_.full_layers_rotate) recipe_.assumed.push_back("full_layers_rotate");
    use_.is_base_hint = hints_.rope_theta.has_value();
    use_.is_sliding_base_hint = hints_.sliding_rope_theta.has_value();
    use_.given_axes = hints_.axes;
    use_.sections = hints_.sections;
    require(!hints_.sections || model_.names_sections, kFunction, "hints.sections", "a value",
            "absent: it is known what the sections of this model_type count");
    take(hints_.axes.has_value(), false, "mrope_section");
  }

  /// rope_parameters of newer configs, rope_scaling of older ones, or what the config class has. A config may have both
  /// if they are equal.
  void find_dictionary() {
    const ConfigValue* const parameters = config_.dictionary("rope_parameters");
    const ConfigValue* const scaling = config_.dictionary("rope_scaling");
    if (parameters != nullptr && scaling != nullptr) {
      config_.require(*parameters == *scaling, "rope_scaling", scaling->describe(), "null or equal to rope_parameters");
    }
    dictionary_ = parameters != nullptr ? parameters : scaling;
    dictionary_key_ = parameters != nullptr || scaling == nullptr ? "rope_parameters" : "rope_scaling";
    use_.is_class_dictionary = dictionary_ == nullptr;
    if (use_.is_class_dictionary) {
      if (model_.scaling.rope_type != nullptr) class_dictionary_ = default_dictionary(model_);
      dictionary_ = &class_dictionary_;
    }
    for (std::size_t i = 0; i < dictionary_->items().size(); ++i) {
      const ConfigValue& item = dictionary_->items()[i];
      const std::string& key = dictionary_->keys()[i];
      const bool is_label = find_layer_kind(key) != nullptr || key == model_.full_label || key == model_.sliding_label;
      const bool is_entry = item.is(ConfigValue::Kind::dictionary) && !is_rule_key(key);
      use_.has_entries = use_.has_entries || is_entry || (is_label && item.is(ConfigValue::Kind::null));
    }
    const bool refused = model_.flat == FlatDictionary::refused && !use_.has_entries && !dictionary_->items().empty();
    config_.require(!refused, dictionary_key_, dictionary_->describe(),
                    "a dictionary with an entry for each kind of layer, for this model_type");
  }

  /// The layers that rotate, by rotation: full attention first.
  std::vector<LayerGroup> find_groups() {
    const bool slides = std::any_of(plan_.begin(), plan_.end(), [](const PlannedLayer& layer) {
      return layer.rotates && layer.role == LayerRole::sliding;
    });
    const bool full_rotates = std::any_of(plan_.begin(), plan_.end(), [](const PlannedLayer& layer) {
      return layer.rotates && layer.role != LayerRole::sliding;
    });
    if (slides && full_rotates && !use_.has_entries && !model_.has_two_sets()) {
      use_.own_sliding_base = config_.agreed_number({"rope_local_base_freq", "local_rope_theta", "swa_rope_theta"});
    }
    use_.has_two_sets = model_.has_two_sets() || use_.own_sliding_base;
    std::vector<LayerGroup> groups;
    for (const LayerRole role : {LayerRole::full, LayerRole::sliding, LayerRole::chunked}) {
      for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (plan_[i].rotates && plan_[i].role == role) add_to_group(groups, i);
      }
    }
    return groups;
  }

  void add_to_group(std::vector<LayerGroup>& groups, std::size_t i) {
    const PlannedLayer& layer = plan_[i];
    std::string label;
    if (use_.has_two_sets) {
      // Full and sliding layers have frequencies of their own, and this layer may be neither.
      config_.require(layer.role != LayerRole::chunked, element("layer_types", static_cast<Eigen::Index>(i)),
                      "the text \"" + layer.kind + "\"", "a kind of layer that has frequencies");
      label = layer.role == LayerRole::sliding ? model_.sliding_label : model_.full_label;
    } else if (use_.has_entries) {
      label = layer.kind;
    }
    for (LayerGroup& group : groups) {
      if (group.label != label || group.base != layer.base || group.share != layer.share) continue;
      if (group.is_scaled != layer.is_scaled) continue;
      group.layers.push_back(static_cast<int>(i));
      return;
    }
    LayerGroup group;
    group.full = !use_.has_two_sets || layer.role != LayerRole::sliding;
    group.label = label;
    group.base = layer.base;
    group.share = layer.share;
    group.is_scaled = layer.is_scaled;
    group.layers.push_back(static_cast<int>(i));
    groups.push_back(group);
  }

  void read_group(ConfigReader& rope, const LayerGroup& group, RotationReader& rotations) {
    ConfigReader none(kFunction, nothing_, config_.name(""));
    if (!use_.has_entries) {
      const bool old_key = dictionary_key_ == std::string("rope_scaling");
      const bool every = model_.flat == FlatDictionary::every_layer;
      const bool unread = !every && !use_.is_class_dictionary && !old_key;
      const bool unscaled = use_.has_two_sets && !group.full && model_.flat != FlatDictionary::both;
      rotations.add(unread || unscaled ? none : rope, group);
      return;
    }
    const ConfigValue* const own = rope.dictionary(group.label);
    if (own == nullptr) {
      const bool class_has_it = use_.has_two_sets && model_.flat != FlatDictionary::refused;
      if (rope.has_null(group.label) && !class_has_it) {  // a kind of layer that does not rotate
        for (const int layer : group.layers) plan_[static_cast<std::size_t>(layer)].rotates = false;
        return;
      }
      if (!class_has_it) rope.refuse_missing(group.label, ", since a layer is of this kind");
      rotations.add(none, group);
      return;
    }
    ConfigReader reader(kFunction, *own, rope.name(group.label) + ".");
    rotations.add(reader, group);
    reader.add_unread_to(recipe_.ignored_keys, any_key);
  }

  /// How many positions a second of video has: a number beside the language model, or of the pictures beside it. A
  /// config without these says nothing.
  std::optional<int> read_positions_per_second() {
    if (model_.rate_key == nullptr) return std::nullopt;
    std::optional<Eigen::Index> rate = config_.count(model_.rate_key, 0);
    ConfigReader& holder = home_.around.empty() ? config_ : home_.around.back();
    if (!rate) rate = holder.count(model_.rate_key, 0);
    const ConfigValue* const pictures = holder.peek("vision_config");
    const bool has_pictures = pictures != nullptr && pictures->is(ConfigValue::Kind::dictionary);
    if (!rate && has_pictures) {
      rate = ConfigReader(kFunction, *pictures, holder.name("vision_config.")).count(model_.rate_key, 0);
    }
    if (!rate && (has_pictures || !home_.around.empty())) rate = model_.positions_per_second;
    return rate ? std::optional<int>(static_cast<int>(*rate)) : std::nullopt;
  }

  /// For an unknown type, refuses keys that decide the plan of layers by a rule that only the model's code tells.
  void refuse_what_decides() {
    std::vector<std::string> deciding;
    const bool listed = config_.peek("layer_types") != nullptr;
    config_.add_unread_to(deciding, decides_plan);
    for (const std::string& path : deciding) {
      const std::string key = path.substr(config_.name("").size());
      const ConfigValue& value = *config_.peek(key);
      const bool off = value.is(ConfigValue::Kind::boolean) && !value.boolean();
      if (off || (listed && key.find("alibi") == std::string::npos && key.find("pos") == std::string::npos)) continue;
      config_.require(false, key, value.describe(), "absent for a model_type that is not known");
    }
  }

  const ModelHints& hints_;
  ConfigHome home_;
  ConfigReader config_;
  KnownModel model_{};
  bool is_unknown_ = false;
  ServedLengths lengths_;
  const ConfigValue* dictionary_ = nullptr;
  std::string dictionary_key_;
  DictionaryUse use_;
  ConfigValue class_dictionary_ = ConfigValue::dictionary();
  ConfigValue nothing_ = ConfigValue::dictionary();
  std::vector<PlannedLayer> plan_;
  RopeRecipe recipe_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_HUGGING_FACE_READER_HPP

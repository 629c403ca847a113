// SPDX-License-Identifier: MIT
/// @file
/// RotationReader: one rotation of a Hugging Face config, from its rope dictionary and the keys beside it.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROTATION_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROTATION_READER_HPP

#include "posenc/model_config/detail/head_keys.hpp"
#include "posenc/model_config/detail/known_model.hpp"
#include "posenc/model_config/detail/recipe.hpp"
#include "posenc/model_config/detail/rope_dictionary.hpp"
#include "posenc/model_config/model_hints.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How the rope dictionary of a config is to be read.
struct DictionaryUse {
  bool is_class_dictionary = false;               ///< It is the default of the config class; the config has none.
  bool has_entries = false;                       ///< It has an entry for each kind of layer.
  bool has_two_sets = false;                      ///< Full and sliding layers have rotations of their own.
  bool is_base_hint = false;                      ///< The default of rope_theta was given by the caller.
  bool is_sliding_base_hint = false;              ///< That of sliding layers was given by the caller.
  std::optional<AxisMap> given_axes{};            ///< Axes that the caller gave.
  std::optional<AxisSections> sections{};         ///< What sections count, as the caller says.
  std::optional<NamedNumber> own_sliding_base{};  ///< A base of sliding layers for a model of one rotation.
};

class RotationReader {
 public:
  RotationReader(ConfigReader& config, const KnownModel& model, const ServedLengths& lengths, const DictionaryUse& use,
                 RopeRecipe& recipe)
      : config_(config), model_(model), lengths_(lengths), use_(use), recipe_(recipe) {}

  /// Reads the rotation of a group of layers into the recipe.
  /// @param rope  The dictionary that holds for them.
  void add(ConfigReader& rope, const LayerGroup& group) {
    std::string rope_type = read_rope_type(rope);
    if (model_.yarn_is_longrope && rope_type == "yarn") rope_type = "longrope";
    if (use_.is_class_dictionary && model_.share_is_proportional && group.full) rope_type = "proportional";
    if (!group.is_scaled || model_.ignores_rope_type) rope_type = "default";
    const bool proportional = rope_type == "proportional";
    rope.require(!proportional || !model_.rotates_last, "rope_type", "the text \"proportional\"",
                 "a rule that this model_type has");
    const bool keeps_magnitude = rope_type == "yarn" || rope_type == "longrope";
    if (model_.rotates_by_head && !keeps_magnitude) {  // the rule is checked, and its keys have no effect
      ConfigReader unread = rope;
      ScalingReader(unread, lengths_).read(rope_type, NamedNumber{1, ""});
      return;
    }
    const auto share = read_share(rope, group, rope_type);
    RotationRecipe rotation;
    rotation.stays = model_.rotates_by_head;
    rotation.rotates = model_.rotated;
    rotation.layer_type = group.label;
    rotation.pairs = model_.pairs;
    rotation.axes = model_.axes;
    rotation.backwards = model_.backwards;
    rotation.grid_first = model_.grid_first;
    rotation.base = read_base(rope, group);
    if (has_grid(rotation.axes)) {
      const bool scales = rotation.axes == AxisRule::rows_columns_in_turn && !proportional;
      rope.require(rope_type == "default" || scales, "rope_type", "the text \"" + rope_type + "\"",
                   "default for this model_type");
      if (scales) rotation.scaling = ScalingReader(rope, lengths_).read(rope_type, NamedNumber{1, ""});
      add_grid(rotation, group, share);
      return;
    }
    rotation.window = read_window(config_, model_, group, share, proportional);
    const NamedNumber live =
        share ? *share : NamedNumber{model_.share_is_proportional && group.full ? model_.share : 1, ""};
    rotation.scaling = ScalingReader(rope, lengths_).read(rope_type, live);
    if (!model_.scales_softmax) rotation.scaling.softmax = 1;
    const bool flat_one = model_.magnitude_is_one && !use_.has_entries;  // an entry of its own says what it means
    if (flat_one && !rotation.scaling.yarn.attention_factor) rotation.scaling.magnitude = 1;
    rotation.given_axes = use_.given_axes;
    if (rotation.given_axes) {
      rotation.axes = AxisRule::one;
    } else {
      read_sections(rope, rotation);
    }
    read_temperature(rope);
    assign(rotation, group);
  }

 private:
  void add_grid(RotationRecipe rotation, const LayerGroup& group, const std::optional<NamedNumber>& share) {
    require(!use_.given_axes, config_.function(), "hints.axes", "a map",
            "absent: the axes of this model_type are known");
    Eigen::Index head_dim = read_head_dim(config_, model_, group);
    if (model_.joins_heads) {
      const Eigen::Index num_heads = config_.count("num_attention_heads").value_or(model_.num_heads);
      const NamedNumber own = share ? *share : NamedNumber{model_.share, config_.name("partial_rotary_factor")};
      config_.require(2 * own.value == static_cast<double>(num_heads), own,
                      "half of num_attention_heads, so that each axis has half of all pairs");
      head_dim *= num_heads;
    }
    if (rotation.axes == AxisRule::space_and_unit) read_space(rotation);
    if (!owns_halves(rotation.axes)) {
      rotation.window = {head_dim, 0, grid_width(rotation.axes, head_dim)};
      assign(rotation, group);
      return;
    }
    rotation.pairs = RopePairs::half_split;
    for (int half = 0; half < 2; ++half) {
      rotation.axis = half;
      rotation.window = {head_dim, half * (head_dim / 2), head_dim / 2};
      assign(rotation, group);
    }
  }

  /// ESMFold 2: pairs for each axis of space, and for the number of a unit.
  void read_space(RotationRecipe& rotation) {
    const auto pairs = [&](const char* key, int absent) {
      const Eigen::Index count = config_.count(key, 0).value_or(absent);
      config_.require(count <= kMaxPairs, key, count, "at most ", kMaxPairs);
      return static_cast<int>(count);
    };
    const int each = pairs("num_spatial_rope_pairs_per_axis", model_.sections[0]);
    rotation.sections = {each, each, each, pairs("num_uid_rope_pairs", model_.sections[3])};
    rotation.sections_key = "3 " + config_.name("num_spatial_rope_pairs_per_axis + num_uid_rope_pairs");
    const char* const base_key = "uid_rope_base_frequency";
    rotation.fourth_base = {config_.number(base_key).value_or(model_.fourth_base), config_.name(base_key)};
  }

  void assign(const RotationRecipe& rotation, const LayerGroup& group) {
    const int index = static_cast<int>(recipe_.rotations.size());
    recipe_.rotations.push_back(rotation);
    for (const int layer : group.layers) {
      recipe_.layers[static_cast<std::size_t>(layer)].rope_sets.push_back(index);
    }
  }

  void read_sections(ConfigReader& rope, RotationRecipe& rotation) {
    std::optional<std::vector<int>> sections = rope.counts("mrope_section");
    const std::string key = sections ? "mrope_section" : "xdrope_section";
    if (!sections) sections = rope.counts("xdrope_section");
    if (!has_sections(rotation.axes)) {
      rope.require(!sections, key, "a list", "absent for this model_type");
      return;
    }
    const bool interleaved = rotation.axes == AxisRule::interleaved;
    const bool flag = rope.flag("mrope_interleaved").value_or(interleaved);
    rope.require(flag == interleaved, "mrope_interleaved", flag, interleaved, " for this model_type");
    rotation.sections_key = rope.name("mrope_section");
    if (sections) {
      rotation.sections = *sections;
      if (model_.names_sections) {
        require(use_.sections.has_value(), config_.function(), "hints.sections", "nothing",
                "AxisSections::of_pairs or AxisSections::of_channels: programs differ on pictures of this model_type");
        if (use_.sections == AxisSections::of_channels) {
          refuse_wrong_sections(config_.function(), rope.name(key.c_str()), rotation.axes, rotation.sections,
                                rotation.window.rotary_dim / 2);
          config_.require(rotation.pairs == RopePairs::half_split, "pairs", "interleaved",
                          "half_split where sections are of channels");
          rotation.sections_are_of_channels = true;
        }
      }
      add_rest(rotation);
      return;
    }
    for (const int section : model_.sections) {
      if (section > 0) rotation.sections.push_back(section);
    }
    add_rest(rotation);
    if (rotation.sections.empty()) rotation.axes = AxisRule::one;  // one position, unless the config says more
  }

  void add_rest(RotationRecipe& rotation) const {
    if (!model_.time_takes_rest || rotation.sections.empty()) return;
    int rest = static_cast<int>(rotation.window.rotary_dim / 2);
    for (const int section : rotation.sections) rest -= section;
    if (rest > 0) rotation.sections[0] += rest;
  }

  /// Ministral 3: a factor on the queries of every layer, from the rope dictionary.
  void read_temperature(ConfigReader& rope) {
    const char* const beta_key = "llama_4_scaling_beta";
    const std::optional<double> beta = rope.number(beta_key);
    if (!beta) return;
    const auto length = read_trained_length(rope, lengths_);
    if (!length) rope.refuse_missing("original_max_position_embeddings", " for llama_4_scaling_beta");
    const auto temperature = checked_temperature(config_, {*beta, rope.name(beta_key)}, *length, 0);
    for (LayerRope& layer : recipe_.layers) layer.query_temperature = temperature;
  }

  /// partial_rotary_factor, where it has an effect: scaling rules and some models read it.
  std::optional<NamedNumber> read_share(ConfigReader& rope, const LayerGroup& group, const std::string& rope_type) {
    if (group.share != 0) return NamedNumber{group.share, config_.name("partial_rotary_factors")};
    const auto outer = config_.agreed_number({"partial_rotary_factor", "rotary_pct", "rope_pct"});
    const std::optional<double> inner = rope.number("partial_rotary_factor");
    const bool inner_wins = inner && use_.has_entries;
    const auto share = inner_wins ? std::optional<NamedNumber>({*inner, rope.name("partial_rotary_factor")})
                                  : rope.inside_or_outside("partial_rotary_factor", outer);
    if (!share) return share;
    const bool joined_grid = model_.joins_heads && has_grid(model_.axes);  // add_grid() says what it must be
    config_.require(share->value > 0 && (share->value <= 1 || joined_grid), *share, "in (0, 1]");
    if (rope_type != "default" || model_.reads_share || model_.rope_width > 0) return share;
    if (share->value != 1) recipe_.ignored_keys.push_back(share->name);
    return std::nullopt;
  }

  NamedNumber read_base(ConfigReader& rope, const LayerGroup& group) {
    if (group.base != 0) return {group.base, config_.name("rope_theta")};
    const double class_base = group.full ? model_.base : model_.sliding_base;
    const std::string own = rope.name("rope_theta");
    const std::optional<double> inner = rope.number("rope_theta");
    std::optional<NamedNumber> base;
    if (inner && (use_.has_entries || use_.is_class_dictionary)) {
      base = NamedNumber{*inner, own};
    } else {
      base = rope.inside_or_outside("rope_theta", read_outer_base(group));
    }
    if (!base && class_base == 0) {
      (use_.has_entries ? rope : config_).refuse_missing("rope_theta", ", since this model_type has no default");
    }
    const bool by_class = !base || (inner && use_.is_class_dictionary);
    if (by_class && (group.full ? use_.is_base_hint : use_.is_sliding_base_hint)) assume("rope_theta");
    NamedNumber out = base ? *base : NamedNumber{class_base, config_.name("rope_theta")};
    checked_base(config_, out);
    const std::optional<double> ratio = config_.number("rope_ratio");  // ChatGLM 2 to 4
    if (ratio) out = {out.value * *ratio, "rope_theta * rope_ratio"};
    return out;
  }

  void assume(const char* key) {
    std::vector<std::string>& assumed = recipe_.assumed;
    if (std::find(assumed.begin(), assumed.end(), key) == assumed.end()) assumed.push_back(key);
  }

  /// The base of these layers at the top level of the config, under any of its names.
  std::optional<NamedNumber> read_outer_base(const LayerGroup& group) {
    if (use_.has_two_sets && !group.full) {
      if (use_.own_sliding_base) return use_.own_sliding_base;
      if (model_.sliding_base_key != nullptr) return config_.agreed_number({model_.sliding_base_key});
      return config_.agreed_number({"rope_local_base_freq", "local_rope_theta", "swa_rope_theta"});
    }
    if (model_.full_base_key != nullptr) return config_.agreed_number({model_.full_base_key});
    return config_.agreed_number(
        {"rope_theta", "rotary_emb_base", "global_rope_theta", "rotary_embedding_base", "memory_attention_rope_theta"});
  }

  ConfigReader& config_;
  const KnownModel& model_;
  const ServedLengths& lengths_;
  const DictionaryUse& use_;
  RopeRecipe& recipe_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROTATION_READER_HPP

// SPDX-License-Identifier: MIT
/// @file
/// GgufReader: converts the metadata of a GGUF file to a RopeRecipe.
#ifndef POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/gguf_plan.hpp"
#include "posenc/model_config/detail/gguf_scaling.hpp"
#include "posenc/model_config/detail/recipe.hpp"
#include "posenc/model_config/detail/table/architectures.hpp"
#include "posenc/model_config/model_hints.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Reads the metadata of one file.
class GgufReader {
 public:
  /// @param hints  Must outlive the reader.
  GgufReader(const ConfigValue& metadata, std::optional<Eigen::ArrayXd> freq_factors, const ModelHints& hints)
      : hints_(hints), file_(kFunction, checked(metadata), ""), freq_factors_(std::move(freq_factors)) {
    const std::optional<std::string> name = file_.text("general.architecture");
    if (!name) file_.refuse_missing("general.architecture", "");
    const KnownArchitecture* const known = find_known_architecture(*name);
    if (known == nullptr && !hints.pairs) {
      refuse<std::invalid_argument>(kFunction, "general.architecture", "the text \"" + *name + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    is_unknown_ = known == nullptr;
    if (!is_unknown_) model_ = *known;
    prefix_ = *name + ".";
    take_hints();
  }

  RopeRecipe read() {
    recipe_.function = kFunction;
    const auto layers = file_.count(key("block_count"));
    if (!layers) file_.refuse_missing(key("block_count"), "");
    file_.require(*layers <= kMaxLayers, key("block_count"), *layers, "at most ", kMaxLayers);
    plan_ = GgufPlan(file_, prefix_, model_, is_unknown_).read(*layers);
    // Sliding layers may have a base of their own, which the file or the architecture gives, and are then not scaled.
    const char* const sliding_key = "rope.freq_base_swa";
    const std::optional<double> own = file_.number(key(sliding_key));
    const bool slides = rotates(kSliding);
    const bool two_sets = own || model_.sliding_base > 0 || (model_.slides_unscaled && slides);
    const bool has_sliding_layers =
        std::any_of(plan_.begin(), plan_.end(), [](const PlannedLayer& layer) { return layer.kind == kSliding; });
    if (own && !has_sliding_layers) {
      file_.refuse_missing(key("attention.sliding_window_pattern"), ", since there is a rope.freq_base_swa");
    }
    if (rotates(kFull) || (!two_sets && slides)) add_full_set(two_sets ? kFull : "");
    if (two_sets && slides) {
      const NamedNumber base = own                       ? NamedNumber{*own, key(sliding_key)}
                               : model_.sliding_base > 0 ? NamedNumber{model_.sliding_base, key(sliding_key)}
                                                         : full_base();
      add_sliding_set(base);
    }
    assign_layers();
    if (is_unknown_ && hints_.layers.empty()) {
      for (const char* const name : {"no_rope_layer_interval", "full_attention_interval"}) {
        const ConfigValue* const value = file_.peek(key(name));
        file_.require(value == nullptr, key(name), value == nullptr ? "nothing" : value->describe(),
                      "absent for an architecture that is not known");
      }
    }
    file_.add_unread_to(recipe_.ignored_keys, [&](const std::string& name) {
      if (name.rfind(prefix_, 0) != 0) return false;
      for (const char* const word : {"rope", "alibi", "temperature", "sliding_window_pattern", "_interval"}) {
        if (name.find(word, prefix_.size()) != std::string::npos) return true;
      }
      return false;
    });
    return std::move(recipe_);
  }

 private:
  static constexpr const char* kFunction = "read_gguf_metadata";

  static const ConfigValue& checked(const ConfigValue& metadata) {
    require(metadata.is(ConfigValue::Kind::dictionary), kFunction, "metadata", metadata.describe(), "a dictionary");
    return metadata;
  }
  std::string key(const char* name) const { return prefix_ + name; }

  /// Hints of the caller take the place of what an architecture has, where the file says nothing.
  void take_hints() {
    const auto is_silent = [&](const char* file_key) { return file_.peek(key(file_key)) == nullptr; };
    const auto take = [&](bool is_given, const char* file_key, const char* name) {
      if (is_given && is_silent(file_key)) recipe_.assumed.push_back(name);
    };
    check_hints(kFunction, hints_);
    require(hints_.tower.empty(), kFunction, "hints.tower", "the text \"" + hints_.tower + "\"",
            "empty, since a file of GGUF holds one model");
    require(!hints_.sections, kFunction, "hints.sections", "a value",
            "absent, since the sections of a file of GGUF count pairs");
    if (hints_.pairs) model_.pairs = *hints_.pairs;
    if (is_unknown_) recipe_.assumed.push_back("pairs");
    take(is_unknown_ || !hints_.layers.empty(), "attention.sliding_window_pattern", "layer_types");
    if ((hints_.rope_theta && is_silent("rope.freq_base")) ||
        (hints_.sliding_rope_theta && is_silent("rope.freq_base_swa"))) {
      recipe_.assumed.push_back("rope_theta");
    }
    take(hints_.head_dim && is_silent("attention.key_length_mla"), "attention.key_length", "head_dim");
    if (hints_.sliding_rope_theta) model_.sliding_base = *hints_.sliding_rope_theta;
    if (!hints_.layers.empty()) {
      model_.layers.letters = hints_.layers.c_str();
      model_.layers.first = "";
      model_.needs_window = false;
    }
    if (!hints_.full_layers_rotate) {
      model_.layers.nope = Nope::full;
      recipe_.assumed.push_back("full_layers_rotate");
    }
    if (hints_.axes) recipe_.assumed.push_back("mrope_section");
  }

  /// Whether a layer of this kind rotates.
  bool rotates(const std::string& kind) const {
    return std::any_of(plan_.begin(), plan_.end(),
                       [&](const PlannedLayer& layer) { return layer.rotates && layer.kind == kind; });
  }

  Eigen::Index read_head_dim(bool sliding) {
    const auto own = sliding ? file_.count(key("attention.key_length_swa")) : std::nullopt;
    if (own) return *own;
    if (const auto latent = file_.count(key("attention.key_length_mla"))) return *latent;
    if (const auto length = file_.count(key("attention.key_length"))) return *length;
    if (hints_.head_dim) return *hints_.head_dim;
    const auto width = file_.count(key("embedding_length"));
    const auto num_heads = file_.count(key("attention.head_count"));
    if (!width || !num_heads) {
      file_.refuse_missing(key("attention.key_length"), ", or embedding_length and attention.head_count");
    }
    file_.require(*width % *num_heads == 0, key("embedding_length"), *width, "a multiple of attention.head_count ",
                  *num_heads);
    return *width / *num_heads;
  }

  RopeWindow read_window(bool sliding) {
    const Eigen::Index head_dim = read_head_dim(sliding);
    const auto own = sliding ? file_.count(key("rope.dimension_count_swa")) : std::nullopt;
    const Eigen::Index width = own ? *own : file_.count(key("rope.dimension_count")).value_or(head_dim);
    const std::string name = key(own ? "rope.dimension_count_swa" : "rope.dimension_count");
    file_.require(width <= head_dim, name, width, "at most head_dim ", head_dim);
    const bool half = model_.full_rotates_half && !sliding;
    file_.require(width % (half ? 4 : 2) == 0, name, width, half ? "a multiple of 4" : "even");
    const Eigen::Index rotated = half ? width / 2 : width;
    return {head_dim, model_.window_is_last ? head_dim - rotated : 0, rotated};
  }

  NamedNumber full_base() {
    const auto own = file_.number(key("rope.freq_base"));
    return {own ? *own : hints_.rope_theta.value_or(10000), key("rope.freq_base")};
  }

  void add_full_set(const char* layer_type) {
    RotationRecipe rotation;
    rotation.layer_type = layer_type;
    rotation.window = read_window(false);
    rotation.base = full_base();
    rotation.scaling = GgufScaling(file_, prefix_, model_).read(freq_factors_);
    read_axes(rotation);
    rotation.pairs = model_.pairs;
    recipe_.rotations.push_back(rotation);
  }

  void add_sliding_set(const NamedNumber& base) {
    RotationRecipe rotation;
    rotation.layer_type = kSliding;
    rotation.window = read_window(true);
    rotation.base = base;
    rotation.pairs = model_.pairs;
    rotation.given_axes = hints_.axes;
    recipe_.rotations.push_back(rotation);
  }

  /// Reads three sections, or four of which the last is 0.
  void read_axes(RotationRecipe& rotation) {
    const std::string name = key("rope.dimension_sections");
    rotation.given_axes = hints_.axes;
    if (hints_.axes) return;  // sections in the file are reported as ignored
    std::optional<std::vector<int>> sections = file_.counts(name);
    while (sections && sections->size() > 3 && sections->back() == 0) sections->pop_back();
    if (!has_sections(model_.axes)) {
      file_.require(!sections, name, "a list", "absent for this architecture");
      return;
    }
    if (!sections && model_.axes_may_be_absent) return;
    if (!sections) file_.refuse_missing(name, " for this architecture");
    rotation.axes = model_.axes;
    rotation.sections = *sections;
    rotation.sections_key = name;
    if (model_.axes_may_be_absent && !hints_.pairs) model_.pairs = RopePairs::half_split;
  }

  void assign_layers() {
    const std::optional<QueryTemperature> everywhere = read_temperature();
    recipe_.layers.resize(plan_.size());
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      LayerRope& layer = recipe_.layers[i];
      layer.query_temperature = everywhere;
      if (!plan_[i].rotates) {
        if (model_.tempers_nope) layer.query_temperature = QueryTemperature{0.1, 8192, 1, TemperatureGrowth::logarithm};
        continue;
      }
      for (std::size_t set = 0; set < recipe_.rotations.size(); ++set) {
        const std::string& type = recipe_.rotations[set].layer_type;
        if (type.empty() || type == plan_[i].kind) layer.rope_sets.push_back(static_cast<int>(set));
      }
    }
  }

  std::optional<QueryTemperature> read_temperature() {
    const std::string scale_name = key("attention.temperature_scale");
    const double scale = file_.number(scale_name).value_or(0);
    if (scale == 0) return {};
    const auto length = file_.number(key("attention.temperature_length"));
    const auto trained = length ? length : file_.number(key("rope.scaling.original_context_length"));
    if (!trained) file_.refuse_missing(key("attention.temperature_length"), " for a temperature_scale");
    const std::string length_name =
        key(length ? "attention.temperature_length" : "rope.scaling.original_context_length");
    return checked_temperature(file_, {scale, scale_name}, {*trained, length_name}, 0);
  }

  const ModelHints& hints_;
  ConfigReader file_;
  std::optional<Eigen::ArrayXd> freq_factors_;
  KnownArchitecture model_{};
  bool is_unknown_ = false;
  std::string prefix_;
  std::vector<PlannedLayer> plan_;
  RopeRecipe recipe_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

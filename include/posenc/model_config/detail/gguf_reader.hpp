// SPDX-License-Identifier: MIT
/// @file
/// GgufReader: converts the metadata of a GGUF file to a ModelRope.
#ifndef POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

#include "posenc/frequency/scale_linear.hpp"
#include "posenc/frequency/scale_yarn.hpp"
#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_architectures.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/model_config/detail/rope_window.hpp"
#include "posenc/model_config/model_rope.hpp"

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
  GgufReader(const ConfigValue& metadata, std::optional<Eigen::ArrayXd> freq_factors, std::optional<RopePairs> pairs)
      : file_(kFunction, checked(metadata), ""), freq_factors_(std::move(freq_factors)) {
    const std::optional<std::string> name = file_.text("general.architecture");
    if (!name) file_.refuse_missing("general.architecture", "");
    const KnownArchitecture* const known = find_known_architecture(*name);
    if (known == nullptr && !pairs) {
      refuse<std::invalid_argument>(kFunction, "general.architecture", "the text \"" + *name + "\"",
                                    "one whose pair layout is known, or pairs be given");
    }
    model_ = known != nullptr ? *known : KnownArchitecture{"", *pairs};
    if (pairs) model_.pairs = *pairs;
    prefix_ = *name + ".";
  }

  ModelRope read() {
    const auto layers = file_.count(key("block_count"));
    if (!layers) file_.refuse_missing(key("block_count"), "");
    file_.require(*layers <= kMaxLayers, key("block_count"), *layers, "at most ", kMaxLayers);
    const std::vector<std::string> types = read_layers(*layers);
    // Sliding layers may have a base of their own, which the file or the architecture gives, and are then not scaled.
    const char* const sliding_key = "rope.freq_base_swa";
    const std::optional<double> own = file_.number(key(sliding_key));
    const bool two_sets = own || model_.sliding_base > 0;
    const bool slides = std::find(types.begin(), types.end(), kSliding) != types.end();
    if (own && !slides) {
      file_.refuse_missing(key("attention.sliding_window_pattern"), ", since there is a rope.freq_base_swa");
    }
    add_full_set(two_sets ? kFull : "");
    if (two_sets && slides) {
      add_sliding_set(own ? checked_base(file_, {*own, key(sliding_key)}) : model_.sliding_base);
    }
    assign_layers(types);
    file_.find(key(
        "rope.scaling.finetuned"));  // tells whether the model was trained with the scaling; angles do not depend on it
    const std::string rope = key("rope.");
    file_.add_unread_to(result_.ignored_keys, [&](const std::string& name) { return name.rfind(rope, 0) == 0; });
    return std::move(result_);
  }

 private:
  static constexpr const char* kFunction = "read_gguf_metadata";

  static const ConfigValue& checked(const ConfigValue& metadata) {
    require(metadata.is(ConfigValue::Kind::dictionary), kFunction, "metadata", metadata.describe(), "a dictionary");
    return metadata;
  }
  std::string key(const char* name) const { return prefix_ + name; }

  Eigen::Index read_head_dim(bool sliding) {
    const auto own = file_.count(key("attention.key_length_swa"));
    if (sliding && own) return *own;
    if (const auto latent = file_.count(key("attention.key_length_mla"))) return *latent;
    if (const auto length = file_.count(key("attention.key_length"))) return *length;
    const auto width = file_.count(key("embedding_length"));
    const auto num_heads = file_.count(key("attention.head_count"));
    if (!width || !num_heads) {
      file_.refuse_missing(key("attention.key_length"), ", or embedding_length and attention.head_count");
    }
    file_.require(*width % *num_heads == 0, key("embedding_length"), *width, "a multiple of attention.head_count ",
                  *num_heads);
    return *width / *num_heads;
  }

  RopeSet make_set(const char* layer_type, Eigen::Index head_dim, const Frequencies& frequencies) const {
    const Eigen::Index rotary_dim = frequencies.rotary_dim();
    const Eigen::Index offset = model_.window_is_last ? head_dim - rotary_dim : 0;
    return {layer_type, frequencies, layout_of(model_.pairs, {head_dim, offset, rotary_dim})};
  }

  Eigen::Index read_rotary_dim(bool sliding, Eigen::Index head_dim) {
    const auto whole = file_.count(key("rope.dimension_count"));
    const auto own = file_.count(key("rope.dimension_count_swa"));
    const bool is_own = sliding && own;
    const Eigen::Index rotary_dim = is_own ? *own : whole.value_or(head_dim);
    const std::string name = key(is_own ? "rope.dimension_count_swa" : "rope.dimension_count");
    file_.require(rotary_dim <= head_dim, name, rotary_dim, "at most head_dim ", head_dim);
    file_.require(rotary_dim % 2 == 0, name, rotary_dim, "even");
    return rotary_dim;
  }

  void add_full_set(const char* layer_type) {
    const Eigen::Index head_dim = read_head_dim(false);
    const Eigen::Index rotary_dim = read_rotary_dim(false, head_dim);
    const double base =
        checked_base(file_, {file_.number(key("rope.freq_base")).value_or(10000), key("rope.freq_base")});
    RopeSet set = make_set(layer_type, head_dim, scaled(geometric_frequencies(rotary_dim, base)));
    read_axes(set);
    result_.rope_sets.push_back(set);
  }

  void add_sliding_set(double base) {
    const Eigen::Index head_dim = read_head_dim(true);
    const Eigen::Index rotary_dim = read_rotary_dim(true, head_dim);
    result_.rope_sets.push_back(make_set(kSliding, head_dim, geometric_frequencies(rotary_dim, base)));
  }

  Frequencies scaled(const Frequencies& plain) {
    const std::string type = file_.text(key("rope.scaling.type")).value_or("linear");
    const auto read_factor = [&] {  // read only by the rules that use it; elsewhere the key is ignored
      const auto factor = file_.agreed_number({key("rope.scaling.factor"), key("rope.scale_linear")});
      return factor && factor->value != 0 ? factor->value : 1;
    };
    const double attn_factor = file_.number(key("rope.scaling.attn_factor")).value_or(1);
    file_.require(is_finite(attn_factor) && attn_factor > 0, key("rope.scaling.attn_factor"), attn_factor,
                  "finite and > 0");
    Frequencies frequencies = plain;
    if (type == "yarn") {
      frequencies = yarn(plain, read_factor(), attn_factor);
    } else if (type == "linear") {
      frequencies = scale_linear(plain, read_factor());
    } else if (type == "longrope") {
      if (!freq_factors_) {
        refuse<std::invalid_argument>(kFunction, "freq_factors", "nothing",
                                      "rope_factors_long or rope_factors_short for longrope");
      }
      file_.find(key("rope.scaling.original_context_length"));  // the caller has chosen between the two lists by it
    } else if (type != "none") {
      refuse<std::invalid_argument>(kFunction, key("rope.scaling.type"), "the text \"" + type + "\"",
                                    "none, linear, yarn or longrope");
    }
    if (type != "yarn" && attn_factor != 1) frequencies = frequencies.with_magnitude(attn_factor);
    if (!freq_factors_) return frequencies;
    require(freq_factors_->size() == frequencies.num_pairs(), kFunction, "freq_factors.size()", freq_factors_->size(),
            "the number of pairs ", frequencies.num_pairs());
    return scale_linear(frequencies, *freq_factors_);
  }

  /// The key yarn_log_multiplier holds mscale_all_dim; for DeepSeek it holds 0.1 mscale_all_dim.
  Frequencies yarn(const Frequencies& plain, double factor, double attn_factor) {
    YarnOptions options;
    options.factor = factor;
    const auto trained = file_.number(key("rope.scaling.original_context_length"));
    const auto context = file_.number(key("context_length"));
    if (!trained && !context) file_.refuse_missing(key("rope.scaling.original_context_length"), " for yarn");
    options.original_max_position_embeddings = trained ? *trained : *context;
    options.beta_fast = file_.number(key("rope.scaling.yarn_beta_fast")).value_or(options.beta_fast);
    options.beta_slow = file_.number(key("rope.scaling.yarn_beta_slow")).value_or(options.beta_slow);
    options.extrapolation_factor = file_.number(key("rope.scaling.yarn_ext_factor")).value_or(1);
    options.attn_factor = attn_factor;
    options.truncate = model_.truncate;
    const double log_multiplier = file_.number(key("rope.scaling.yarn_log_multiplier")).value_or(0);
    options.mscale_all_dim = model_.window_is_last ? 10 * log_multiplier : log_multiplier;
    options.mscale = model_.window_is_last ? options.mscale_all_dim : 1;
    const Frequencies frequencies = scale_yarn(plain, options);
    if (!model_.window_is_last) return frequencies.with_magnitude(frequencies.magnitude(), 1);
    // DeepSeek's table has magnitude 1, with any multiplier, and attn_factor scales queries and keys.
    return frequencies.with_magnitude(1, frequencies.softmax_multiplier() * attn_factor * attn_factor);
  }

  /// The file has three sections, or four of which the last is 0.
  void read_axes(RopeSet& set) {
    std::optional<std::vector<int>> sections = file_.counts(key("rope.dimension_sections"));
    while (sections && sections->size() > 3 && sections->back() == 0) sections->pop_back();
    const std::string name = key("rope.dimension_sections");
    if (!has_sections(model_.axes)) {
      file_.require(!sections, name, "a list", "absent for this architecture");
      return;
    }
    if (!sections) file_.refuse_missing(name, " for this architecture");
    set.axes = section_axes(kFunction, name, model_.axes, *sections, set.frequencies.num_pairs());
  }

  std::vector<std::string> read_layers(Eigen::Index layers) {
    const std::string name = key("attention.sliding_window_pattern");
    const ConfigValue* const pattern = file_.find(name);
    if (pattern == nullptr || !pattern->is(ConfigValue::Kind::list)) {
      const Eigen::Index period = file_.count(name).value_or(model_.period);
      // A period in the file holds even where the architecture is not known to have sliding layers.
      const bool own = pattern != nullptr && model_.schedule == LayerSchedule::alike;
      return scheduled_layers(own ? LayerSchedule::full_last : model_.schedule, layers, period);
    }
    const std::vector<ConfigValue>& slides = pattern->items();
    file_.require(slides.size() == static_cast<std::size_t>(layers), name + ".size()", slides.size(), "block_count ",
                  layers);
    std::vector<std::string> types;
    for (const ConfigValue& item : slides) {
      const bool flag = item.is(ConfigValue::Kind::boolean);
      file_.require(flag || item.is(ConfigValue::Kind::number), name, item.describe(), "true or false for each layer");
      types.push_back((flag ? item.boolean() : item.number() != 0) ? kSliding : kFull);
    }
    return types;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const bool llama4 = std::string(model_.name) == "llama4";
    const std::optional<QueryTemperature> everywhere = read_temperature();
    result_.layers.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      layer.query_temperature = everywhere;
      const bool nope =
          (model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull) ||
          (model_.schedule == LayerSchedule::nope_last && (i + 1) % static_cast<std::size_t>(model_.period) == 0);
      if (nope) {
        if (llama4) layer.query_temperature = QueryTemperature{0.1, 8192, 1};
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
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

  ConfigReader file_;
  std::optional<Eigen::ArrayXd> freq_factors_;
  KnownArchitecture model_{"", RopePairs::half_split};
  std::string prefix_;
  ModelRope result_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_GGUF_READER_HPP

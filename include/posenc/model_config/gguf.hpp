// SPDX-License-Identifier: MIT
/// @file
/// Reads the metadata of a GGUF file.
#ifndef POSENC_MODEL_CONFIG_GGUF_HPP
#define POSENC_MODEL_CONFIG_GGUF_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_architectures.hpp"
#include "posenc/model_config/detail/layer_schedule.hpp"
#include "posenc/model_config/detail/rope_dictionary.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <algorithm>
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
  GgufReader(const ConfigValue& metadata, const Eigen::ArrayXd& freq_factors, std::optional<RopePairs> pairs)
      : file_(kFunction, checked(metadata), ""), freq_factors_(freq_factors) {
    const std::optional<std::string> name = file_.text("general.architecture");
    if (!name) file_.refuse_missing("general.architecture", "");
    const KnownArchitecture* const known = find_known_architecture(*name);
    if (known == nullptr && !pairs) {
      refuse<std::invalid_argument>(kFunction, "general.architecture", "the text \"" + *name + "\"",
                                    "one whose pair layout is known, or the layout be given");
    }
    model_ = known != nullptr ? *known : KnownArchitecture{"", *pairs};
    if (pairs) model_.pairs = *pairs;
    prefix_ = *name + ".";
  }

  ModelRope read() {
    const auto layers = file_.count(key("block_count"));
    if (!layers) file_.refuse_missing(key("block_count"), "");
    require(*layers <= kMaxLayers, kFunction, "block_count", *layers, "at most ", kMaxLayers);
    const std::vector<std::string> types = read_layers(*layers);
    // Sliding layers have a theta of their own and no scaling: by the file, or by the architecture.
    const std::optional<double> sliding_theta = file_.number(key("rope.freq_base_swa"));
    const bool two_sets = sliding_theta || model_.sliding_theta > 0;
    const bool slides = std::find(types.begin(), types.end(), kSliding) != types.end();
    if (sliding_theta && !slides) {
      file_.refuse_missing(key("attention.sliding_window_pattern"), ", since there is a rope.freq_base_swa");
    }
    add_full_set(two_sets ? kFull : "");
    if (two_sets && slides) add_sliding_set(sliding_theta.value_or(model_.sliding_theta));
    assign_layers(types);
    file_.find(key("rope.scaling.finetuned"));  // says how the file came to be, and changes no angle
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
    const auto heads = file_.count(key("attention.head_count"));
    if (!width || !heads) {
      file_.refuse_missing(key("attention.key_length"), ", or embedding_length and attention.head_count");
    }
    require(*width % *heads == 0, kFunction, "embedding_length", *width, "a multiple of attention.head_count ", *heads);
    return *width / *heads;
  }

  RopeSet make_set(const char* layer_type, Eigen::Index head_dim, Eigen::Index rotary_dim,
                   const Frequencies& frequencies) const {
    const RopeLayout head(model_.pairs, head_dim);
    return {layer_type, frequencies, model_.window_is_last ? head.suffix(rotary_dim) : head.prefix(rotary_dim)};
  }

  Eigen::Index read_rotary_dim(bool sliding, Eigen::Index head_dim) {
    const auto whole = file_.count(key("rope.dimension_count"));
    const auto own = file_.count(key("rope.dimension_count_swa"));
    const Eigen::Index rotary_dim = sliding && own ? *own : whole.value_or(head_dim);
    require(rotary_dim <= head_dim, kFunction, "rope.dimension_count", rotary_dim, "at most head_dim ", head_dim);
    return rotary_dim;
  }

  void add_full_set(const char* layer_type) {
    const Eigen::Index head_dim = read_head_dim(false);
    const Eigen::Index rotary_dim = read_rotary_dim(false, head_dim);
    const double theta = file_.number(key("rope.freq_base")).value_or(10000);
    RopeSet set = make_set(layer_type, head_dim, rotary_dim, scaled(geometric_frequencies(rotary_dim, theta)));
    read_axes(set);
    result_.rope_sets.push_back(set);
  }

  void add_sliding_set(double theta) {
    const Eigen::Index head_dim = read_head_dim(true);
    const Eigen::Index rotary_dim = read_rotary_dim(true, head_dim);
    result_.rope_sets.push_back(make_set(kSliding, head_dim, rotary_dim, geometric_frequencies(rotary_dim, theta)));
  }

  Frequencies scaled(const Frequencies& plain) {
    const std::string type = file_.text(key("rope.scaling.type")).value_or("linear");
    const auto read_factor = [&] {  // read by the rules that use it: elsewhere it is an ignored key
      const double factor = file_.agreed_number({key("rope.scaling.factor"), key("rope.scale_linear")}).value_or(0);
      return factor == 0 ? 1 : factor;
    };
    const double attn_factor = file_.number(key("rope.scaling.attn_factor")).value_or(1);
    Frequencies frequencies = plain;
    if (type == "yarn") {
      frequencies = yarn(plain, read_factor(), attn_factor);
    } else if (type == "linear") {
      frequencies = scale_linear(plain, read_factor());
    } else if (type == "longrope") {
      if (freq_factors_.size() == 0) {
        refuse<std::invalid_argument>(kFunction, "freq_factors", "nothing",
                                      "rope_factors_long or rope_factors_short for longrope");
      }
      file_.find(key("rope.scaling.original_context_length"));  // where the two change places: the caller's choice
    } else if (type != "none") {
      refuse<std::invalid_argument>(kFunction, key("rope.scaling.type"), "the text \"" + type + "\"",
                                    "none, linear, yarn or longrope");
    }
    if (type != "yarn" && attn_factor != 1) frequencies = frequencies.with_magnitude(attn_factor);
    return freq_factors_.size() == 0 ? frequencies : scale_by_factors(frequencies, freq_factors_);
  }

  /// mscale_all_dim stands in yarn_log_multiplier: times 0.1 for DeepSeek, as it is for the others.
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
    // Whatever the multiplier: the table has no magnitude, and attn_factor goes to the scores.
    return frequencies.with_magnitude(1, frequencies.softmax_multiplier() * attn_factor * attn_factor);
  }

  /// Three sections, or four of which the last is 0.
  void read_axes(RopeSet& set) {
    std::optional<std::vector<int>> sections = file_.counts(key("rope.dimension_sections"));
    while (sections && sections->size() > 3 && sections->back() == 0) sections->pop_back();
    if (!has_sections(model_.axes)) {
      if (sections) {
        refuse<std::invalid_argument>(kFunction, key("rope.dimension_sections"), "a list",
                                      "absent for this architecture");
      }
      return;
    }
    if (!sections) file_.refuse_missing(key("rope.dimension_sections"), " for this architecture");
    set.axes =
        section_axes(kFunction, key("rope.dimension_sections"), model_.axes, *sections, set.frequencies.num_pairs());
  }

  std::vector<std::string> read_layers(Eigen::Index layers) {
    const std::string name = key("attention.sliding_window_pattern");
    const ConfigValue* const pattern = file_.find(name);
    if (pattern == nullptr || !pattern->is(ConfigValue::Kind::list)) {
      const Eigen::Index period = file_.count(name).value_or(model_.period);
      // A period in the file makes layers slide also where the architecture does not say how.
      const bool own = pattern != nullptr && model_.schedule == LayerSchedule::alike;
      return scheduled_layers(own ? LayerSchedule::full_last : model_.schedule, layers, period);
    }
    if (pattern->items().size() != static_cast<std::size_t>(layers)) {
      refuse<std::invalid_argument>(kFunction, name + ".size()", pattern->items().size(), "block_count ", layers);
    }
    std::vector<std::string> types;
    for (const ConfigValue& item : pattern->items()) {
      if (!item.is(ConfigValue::Kind::boolean) && !item.is(ConfigValue::Kind::number)) {
        refuse<std::invalid_argument>(kFunction, name, item.describe(), "true or false for each layer");
      }
      types.push_back(item.number() != 0 ? kSliding : kFull);
    }
    return types;
  }

  void assign_layers(const std::vector<std::string>& types) {
    const bool llama4 = std::string(model_.name) == "llama4";
    const QueryTemperature everywhere = read_temperature();
    result_.layers.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      LayerRope& layer = result_.layers[i];
      layer.temperature = everywhere;
      const bool nope =
          (model_.schedule == LayerSchedule::full_is_nope && types[i] == kFull) ||
          (model_.schedule == LayerSchedule::nope_last && (i + 1) % static_cast<std::size_t>(model_.period) == 0);
      if (nope) {
        if (llama4) layer.temperature = {0.1, 8192, 1};
        continue;
      }
      for (std::size_t set = 0; set < result_.rope_sets.size(); ++set) {
        const std::string& type = result_.rope_sets[set].layer_type;
        if (type.empty() || type == types[i]) layer.rope_sets.push_back(static_cast<int>(set));
      }
    }
  }

  QueryTemperature read_temperature() {
    const double scale = file_.number(key("attention.temperature_scale")).value_or(0);
    if (scale == 0) return {};
    const auto own = file_.number(key("attention.temperature_length"));
    const auto length = own ? own : file_.number(key("rope.scaling.original_context_length"));
    if (!length) file_.refuse_missing(key("attention.temperature_length"), " for a temperature_scale");
    require(is_finite(scale) && scale > 0, kFunction, "attention.temperature_scale", scale, "finite and >= 0");
    require(is_finite(*length) && *length > 0, kFunction, "attention.temperature_length", *length, "finite and > 0");
    return {scale, *length, 0};
  }

  ConfigReader file_;
  const Eigen::ArrayXd& freq_factors_;
  KnownArchitecture model_{"", RopePairs::half_split};
  std::string prefix_;
  ModelRope result_;
};

}  // namespace detail

/// What the metadata of a GGUF file says about positions.
///
/// Read are general.architecture and, under its name: block_count, context_length, embedding_length,
/// attention.{head_count, key_length, key_length_mla, key_length_swa, sliding_window_pattern, temperature_scale,
/// temperature_length}, rope.{freq_base, freq_base_swa, dimension_count, dimension_count_swa, dimension_sections,
/// scale_linear} and rope.scaling.{type, factor, original_context_length, attn_factor, yarn_beta_fast, yarn_beta_slow,
/// yarn_ext_factor, yarn_log_multiplier}. A missing freq_base is 10000, as the format's reader has it.
///
/// The layout is that of the weights in the file: llama files hold them in pairs of neighbours, whatever the
/// checkpoint they were made from had.
/// @param metadata      A flat dictionary of numbers, texts, flags and lists.
/// @param freq_factors  num_pairs divisors from the tensor rope_freqs (Llama 3, Gemma 4), or rope_factors_long or
///                      rope_factors_short (Phi-3: the long ones where a sequence may grow beyond
///                      original_context_length); empty where the file has none. They are for full layers alone.
/// @param pairs         How pairs stand, against what the architecture says, or for one that is not known here.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown architecture or scaling type; a wrong number
///                                of factors or layers; sections that do not cover the pairs; what a rule refuses.
/// Matches:  llama_model_rope_type and the hyperparameters of llama.cpp, with two differences. Pairs 61 and 62 of
///           Qwen3-VL turn with time, as in the model, where ggml's IMROPE gives them a fourth position. The ramp of
///           gpt-oss is not rounded, as the model was trained, where ggml rounds every ramp.
inline ModelRope read_gguf_metadata(const ConfigValue& metadata, const Eigen::ArrayXd& freq_factors = {},
                                    std::optional<RopePairs> pairs = {}) {
  return detail::GgufReader(metadata, freq_factors, pairs).read();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_GGUF_HPP

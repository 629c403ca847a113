// SPDX-License-Identifier: MIT
/// @file
/// The rope_scaling or rope_parameters dictionary of a config: its type, and the scaling rule that its keys describe.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_model.hpp"
#include "posenc/model_config/detail/recipe.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The lengths, in tokens, that a scaling rule takes from outside its dictionary.
struct ServedLengths {
  std::int64_t serving = 0;                 ///< That a sequence may reach, as the caller says.
  std::optional<NamedNumber> max_position;  ///< max_position_embeddings.
  std::optional<NamedNumber> trained;       ///< original_max_position_embeddings at the top level (Phi-3).
};

/// The current name of a rope_type, which may be given by an older one.
inline std::string current_rope_type(const std::string& type) {
  constexpr std::pair<const char*, const char*> renamed[] = {
      {"su", "longrope"}, {"mrope", "default"}, {"axial", "default"}, {"xdrope", "dynamic"}, {"deepseek_yarn", "yarn"}};
  for (const auto& [from, to] : renamed) {
    if (type == from) return to;
  }
  return type;
}

/// Whether a key of a rope dictionary is one of a rule, and never an entry for a kind of layer.
inline bool is_rule_key(const std::string& key) {
  for (const char* const name : {"type",
                                 "rope_type",
                                 "rope_theta",
                                 "partial_rotary_factor",
                                 "factor",
                                 "original_max_position_embeddings",
                                 "beta_fast",
                                 "beta_slow",
                                 "truncate",
                                 "attention_factor",
                                 "mscale",
                                 "mscale_all_dim",
                                 "extrapolation_factor",
                                 "attn_factor",
                                 "alpha",
                                 "short_factor",
                                 "long_factor",
                                 "short_mscale",
                                 "long_mscale",
                                 "low_freq_factor",
                                 "high_freq_factor",
                                 "mrope_section",
                                 "mrope_interleaved",
                                 "llama_4_scaling_beta"}) {
    if (key == name) return true;
  }
  return false;
}

/// `rope_type`, or `type` of older configs; "default" where both are absent and nothing is scaled.
inline std::string read_rope_type(ConfigReader& rope) {
  const std::optional<std::string> type = rope.text("type");
  const std::optional<std::string> rope_type = rope.text("rope_type");
  if (type && rope_type) {
    rope.require(current_rope_type(*type) == current_rope_type(*rope_type), "type", *type, "the same as ",
                 rope.name("rope_type"), " ", *rope_type);
  }
  if (!type && !rope_type && rope.find("factor") != nullptr) {
    rope.refuse_missing("rope_type", " where there is a factor");
  }
  return current_rope_type(rope_type.value_or(type.value_or("default")));
}

/// The rope dictionary that a config class has where the config has none.
inline ConfigValue default_dictionary(const KnownModel& model) {
  const DefaultScaling& rule = model.scaling;
  ConfigValue out = ConfigValue::dictionary({{"rope_type", rule.rope_type},
                                             {"factor", rule.factor},
                                             {"original_max_position_embeddings", rule.trained_length},
                                             {"rope_theta", model.base}});
  if (rule.high_freq_factor > 0) {
    out.set("low_freq_factor", rule.low_freq_factor);
    out.set("high_freq_factor", rule.high_freq_factor);
  }
  if (!rule.truncate) out.set("truncate", false);
  if (rule.mscale > 0) {
    out.set("mscale", rule.mscale);
    out.set("mscale_all_dim", rule.mscale);
  }
  if (rule.beta > 0) out.set("llama_4_scaling_beta", rule.beta);
  return out;
}

/// original_max_position_embeddings, which may be in the dictionary, at the top level, or in both if they agree.
inline std::optional<NamedNumber> read_trained_length(ConfigReader& rope, const ServedLengths& lengths) {
  return rope.inside_or_outside("original_max_position_embeddings", lengths.trained);
}

/// Reads the keys of one rule. What a value may be is for check_recipe() to say.
class ScalingReader {
 public:
  ScalingReader(ConfigReader& rope, const ServedLengths& lengths) : rope_(rope), lengths_(lengths) {
    out_.path = rope.name("");
    out_.serving_length = lengths.serving;
  }

  /// @param share  The share of pairs that rotate, for "proportional" alone.
  ScalingRecipe read(const std::string& type, const NamedNumber& share) {
    if (type == "linear")
      read_linear();
    else if (type == "dynamic")
      read_dynamic();
    else if (type == "yarn")
      read_yarn();
    else if (type == "longrope")
      read_longrope();
    else if (type == "llama3")
      read_llama3();
    else if (type == "proportional")
      read_proportional(share);
    else if (type != "default") {
      refuse<std::invalid_argument>(rope_.function(), rope_.name("rope_type"), "the text \"" + type + "\"",
                                    "default, linear, dynamic, yarn, longrope, llama3 or proportional");
    }
    return out_;
  }

 private:
  NamedNumber required(const char* key, const std::string& rule) {
    return {rope_.required_number(key, " for " + rule), rope_.name(key)};
  }
  NamedNumber required_length(const std::string& rule) {
    const auto trained = read_trained_length(rope_, lengths_);
    if (!trained) rope_.refuse_missing("original_max_position_embeddings", " for " + rule);
    return *trained;
  }

  void read_linear() {
    out_.rule = ScalingRule::linear;
    out_.factor = required("factor", "linear");
  }

  /// Dynamic NTK; with the key `alpha` of Hunyuan a fixed NTK rule, which does not depend on the length.
  void read_dynamic() {
    if (const std::optional<double> alpha = rope_.number("alpha")) {
      out_.rule = ScalingRule::ntk;
      out_.factor = {*alpha, rope_.name("alpha")};
      return;
    }
    out_.rule = ScalingRule::dynamic;
    out_.factor = required("factor", "dynamic");
    if (!lengths_.max_position) {
      refuse<std::invalid_argument>(rope_.function(), "max_position_embeddings", "nothing", "given for dynamic");
    }
    out_.trained = *lengths_.max_position;
  }

  void read_yarn() {
    out_.rule = ScalingRule::yarn;
    YarnOptions& yarn = out_.yarn;
    const auto trained = read_trained_length(rope_, lengths_);
    const auto length = trained ? trained : lengths_.max_position;
    if (!length) rope_.refuse_missing("original_max_position_embeddings", " for yarn");
    out_.trained = *length;
    const std::optional<double> factor = rope_.number("factor");
    if (!factor && !(trained && lengths_.max_position)) rope_.refuse_missing("factor", " for yarn");
    yarn.factor = factor ? *factor : lengths_.max_position->value / trained->value;
    out_.factor = {yarn.factor, factor ? rope_.name("factor") : lengths_.max_position->name + " / " + trained->name};
    yarn.beta_fast = rope_.number("beta_fast").value_or(yarn.beta_fast);
    yarn.beta_slow = rope_.number("beta_slow").value_or(yarn.beta_slow);
    yarn.truncate = rope_.flag("truncate").value_or(yarn.truncate);
    yarn.attention_factor = rope_.number("attention_factor");
    const auto given = [](const std::optional<double>& mscale) { return mscale == 0.0 ? std::nullopt : mscale; };
    yarn.mscale = given(rope_.number("mscale"));
    yarn.mscale_all_dim = given(rope_.number("mscale_all_dim"));
    yarn.extrapolation_factor = rope_.number("extrapolation_factor").value_or(yarn.extrapolation_factor);
    yarn.attn_factor = rope_.number("attn_factor").value_or(yarn.attn_factor);
  }

  void read_longrope() {
    out_.rule = ScalingRule::longrope;
    LongRopeOptions& longrope = out_.longrope;
    const auto list = [&](const char* key) {
      const auto values = rope_.numbers(key);
      if (!values) rope_.refuse_missing(key, " for longrope");
      return *values;
    };
    longrope.short_factor = list("short_factor");
    longrope.long_factor = list("long_factor");
    out_.trained = required_length("longrope");
    longrope.factor = rope_.number("factor");
    longrope.attention_factor = rope_.number("attention_factor");
    longrope.short_mscale = rope_.number("short_mscale");
    longrope.long_mscale = rope_.number("long_mscale");
    if (!longrope.factor && !lengths_.max_position) {
      refuse<std::invalid_argument>(rope_.function(), "max_position_embeddings", "nothing",
                                    "given for longrope without a factor");
    }
    out_.factor = {longrope.factor.value_or(0), rope_.name("factor")};
    if (!longrope.factor) {
      longrope.factor = lengths_.max_position->value / out_.trained.value;
      out_.factor = {*longrope.factor, lengths_.max_position->name + " / " + out_.trained.name};
    }
  }

  void read_llama3() {
    out_.rule = ScalingRule::llama3;
    out_.factor = required("factor", "llama3");
    out_.low_freq_factor = required("low_freq_factor", "llama3");
    out_.high_freq_factor = required("high_freq_factor", "llama3");
    out_.trained = required_length("llama3");
  }

  void read_proportional(const NamedNumber& share) {
    out_.rule = ScalingRule::proportional;
    out_.share = share;
    out_.factor = {rope_.number("factor").value_or(1), rope_.name("factor")};
  }

  ConfigReader& rope_;
  const ServedLengths& lengths_;
  ScalingRecipe out_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

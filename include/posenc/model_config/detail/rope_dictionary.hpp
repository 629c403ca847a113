// SPDX-License-Identifier: MIT
/// @file
/// The rope_scaling or rope_parameters dictionary of a config: its type, and the scaling rule that its keys describe.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

#include "posenc/frequency/scale_linear.hpp"
#include "posenc/frequency/scale_llama3.hpp"
#include "posenc/frequency/scale_longrope.hpp"
#include "posenc/frequency/scale_ntk.hpp"
#include "posenc/frequency/scale_yarn.hpp"
#include "posenc/model_config/detail/config_reader.hpp"

#include <optional>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The lengths, in tokens, that a scaling rule takes from outside its dictionary.
struct ServedLengths {
  double serving = 0;                  ///< That a sequence may reach, as the caller says.
  std::optional<double> max_position;  ///< max_position_embeddings.
  std::optional<double> trained;       ///< original_max_position_embeddings at the top level (Phi-3).
};

/// The current name of a rope_type, which may be given by an older one.
inline std::string current_rope_type(const std::string& type) {
  struct Renamed {
    const char* from;
    const char* to;
  };
  constexpr Renamed renamed[] = {{"su", "longrope"}, {"mrope", "default"}, {"deepseek_yarn", "yarn"}};
  for (const Renamed& one : renamed) {
    if (type == one.from) return one.to;
  }
  return type;
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

/// original_max_position_embeddings, which may be in the dictionary, at the top level, or in both if they agree.
inline std::optional<double> read_trained_length(ConfigReader& rope, const ServedLengths& lengths) {
  std::optional<NamedNumber> outside;
  if (lengths.trained) outside = NamedNumber{*lengths.trained, ""};
  const auto trained = rope.inside_or_outside("original_max_position_embeddings", outside);
  return trained ? std::optional<double>(trained->value) : std::nullopt;
}

inline Frequencies read_yarn(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  YarnOptions options;
  const std::optional<double> trained = read_trained_length(rope, lengths);
  const std::optional<double> length = trained ? trained : lengths.max_position;
  if (!length) rope.refuse_missing("original_max_position_embeddings", " for yarn");
  options.original_max_position_embeddings = *length;
  const std::optional<double> factor = rope.number("factor");
  if (!factor && !(trained && lengths.max_position)) rope.refuse_missing("factor", " for yarn");
  options.factor = factor ? *factor : *lengths.max_position / *trained;
  options.beta_fast = rope.number("beta_fast").value_or(options.beta_fast);
  options.beta_slow = rope.number("beta_slow").value_or(options.beta_slow);
  options.truncate = rope.flag("truncate").value_or(options.truncate);
  options.attention_factor = rope.number("attention_factor");
  options.mscale = rope.number("mscale").value_or(options.mscale);
  options.mscale_all_dim = rope.number("mscale_all_dim").value_or(options.mscale_all_dim);
  options.extrapolation_factor = rope.number("extrapolation_factor").value_or(options.extrapolation_factor);
  options.attn_factor = rope.number("attn_factor").value_or(options.attn_factor);
  return scale_yarn(plain, options);
}

inline Frequencies read_longrope(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  LongRopeOptions options;
  const auto list = [&](const char* key) {
    const auto values = rope.numbers(key);
    if (!values) rope.refuse_missing(key, " for longrope");
    return *values;
  };
  options.short_factor = list("short_factor");
  options.long_factor = list("long_factor");
  const std::optional<double> trained = read_trained_length(rope, lengths);
  if (!trained) rope.refuse_missing("original_max_position_embeddings", " for longrope");
  options.original_max_position_embeddings = *trained;
  options.max_position_embeddings = lengths.max_position.value_or(0);
  options.factor = rope.number("factor");
  options.attention_factor = rope.number("attention_factor");
  options.short_mscale = rope.number("short_mscale");
  options.long_mscale = rope.number("long_mscale");
  return scale_longrope(plain, options, lengths.serving);
}

inline Frequencies read_llama3(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  Llama3Options options;
  options.factor = rope.required_number("factor", " for llama3");
  options.low_freq_factor = rope.required_number("low_freq_factor", " for llama3");
  options.high_freq_factor = rope.required_number("high_freq_factor", " for llama3");
  const std::optional<double> trained = read_trained_length(rope, lengths);
  if (!trained) rope.refuse_missing("original_max_position_embeddings", " for llama3");
  options.original_max_position_embeddings = *trained;
  return scale_llama3(plain, options);
}

/// Dynamic NTK; with the key `alpha` of Hunyuan a fixed NTK rule, which does not depend on the length.
inline Frequencies read_dynamic(const Frequencies& plain, ConfigReader& rope, const ServedLengths& lengths) {
  if (const std::optional<double> alpha = rope.number("alpha")) return scale_ntk_aware(plain, *alpha);
  const double factor = rope.required_number("factor", " for dynamic");
  if (!lengths.max_position) {
    refuse<std::invalid_argument>(rope.function(), "max_position_embeddings", "nothing", "given for dynamic");
  }
  return scale_dynamic_ntk(plain, factor, *lengths.max_position, lengths.serving);
}

/// The frequencies that a rope_type makes of unscaled ones.
///
/// @param partial  The share of pairs that rotate, for "proportional" alone, whose unscaled frequencies span the head.
inline Frequencies read_scaling(const std::string& type, const Frequencies& plain, double partial, ConfigReader& rope,
                                const ServedLengths& lengths) {
  if (type == "default") return plain;
  if (type == "linear") return scale_linear(plain, rope.required_number("factor", " for linear"));
  if (type == "dynamic") return read_dynamic(plain, rope, lengths);
  if (type == "yarn") return read_yarn(plain, rope, lengths);
  if (type == "longrope") return read_longrope(plain, rope, lengths);
  if (type == "llama3") return read_llama3(plain, rope, lengths);
  if (type == "proportional") return scale_proportional(plain, partial, rope.number("factor").value_or(1.0));
  refuse<std::invalid_argument>(rope.function(), rope.name("rope_type"), "the text \"" + type + "\"",
                                "default, linear, dynamic, yarn, longrope, llama3 or proportional");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_DICTIONARY_HPP

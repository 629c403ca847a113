// SPDX-License-Identifier: MIT
/// Bad configs: the kind of error, and function, parameter, value and limit in its message. One thing is wrong in each.
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <posenc/model_config.hpp>

#include "support/catch2.hpp"
#include "support/json.hpp"

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
#include <nlohmann/json.hpp>
#endif

namespace {

using posenc::ConfigValue;
using posenc_tests::Json;

struct BadConfig {
  const char* name;
  std::string config;
  std::vector<std::string> expected;  // parts of the message
};

/// A good Llama but for `more`: 128 channels in each head, two layers.
std::string llama(const std::string& more) {
  return R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, )" + more + "}";
}
std::string scaling(const std::string& entries) { return llama(R"("rope_scaling": {)" + entries + "}"); }

const std::string kYarn = R"("type": "yarn", "original_max_position_embeddings": 4096)";
const std::string kLlama3 = R"("rope_type": "llama3", "factor": 8, "original_max_position_embeddings": 8192)";

/// Lists of `count` ones.
std::string ones(int count) {
  std::string list = "1";
  for (int i = 1; i < count; ++i) list += ", 1";
  return "[" + list + "]";
}
std::string longrope(const std::string& short_factor, const std::string& long_factor, const std::string& more = "") {
  return scaling(R"("type": "longrope", "factor": 32, "original_max_position_embeddings": 4096, "short_factor": )" +
                 short_factor + R"(, "long_factor": )" + long_factor + more);
}

std::string qwen2_vl(const std::string& rope) {
  return R"({"model_type": "qwen2_vl", "head_dim": 128, "num_hidden_layers": 2, "rope_scaling": {)" + rope + "}}";
}
std::string gemma3(const std::string& more) {
  return R"({"model_type": "gemma3_text", "num_hidden_layers": 3, )" + more + "}";
}

std::vector<BadConfig> bad_configs() {
  const std::string f = "posenc::read_hugging_face_config: ";
  return {
      // What the file is
      {"a list", "[1, 2]", {f + "config must be a dictionary, got a list of 2"}},
      {"null", "null", {f + "config must be a dictionary, got null"}},
      {"no model_type", R"({"head_dim": 128})", {f + "model_type must be given, got nothing"}},
      {"model_type is a number", R"({"model_type": 3})", {f + "model_type must be a text, got 3"}},
      {"unknown model_type",
       R"({"model_type": "lama", "head_dim": 128, "num_hidden_layers": 2})",
       {f + "model_type must be one whose pair layout is known", "got the text \"lama\""}},
      {"unknown model_type inside",
       R"({"model_type": "llama", "text_config": {"model_type": "lama"}})",
       {f + "text_config.model_type must be one", "got the text \"lama\""}},
      {"text_config is a text",
       R"({"model_type": "gemma3", "text_config": "gemma3_text"})",
       {f + "text_config must be a dictionary, got the text \"gemma3_text\""}},
      {"no layers", R"({"model_type": "llama", "head_dim": 128})", {f + "num_hidden_layers must be given"}},
      {"half a layer",
       R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2.5})",
       {f + "num_hidden_layers must be a whole number from 1 to 8388608, got 2.5"}},
      {"layers as a text",
       R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": "32"})",
       {f + "num_hidden_layers must be a number, got the text \"32\""}},
      {"layers without end",
       R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 1e300})",
       {f + "num_hidden_layers must be a whole number from 1 to 8388608, got 1e+300"}},

      {"more layers than memory",
       R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 100000})",
       {f + "num_hidden_layers must be at most 65536, got 100000"}},

      // Heads and windows
      {"no head_dim",
       R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 2})",
       {f + "head_dim must be given, or hidden_size and num_attention_heads"}},
      {"heads that do not divide",
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 33, "num_hidden_layers": 2})",
       {f + "hidden_size must be a multiple of num_attention_heads 33, got 4096"}},
      {"no heads",
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 0, "num_hidden_layers": 2})",
       {f + "num_attention_heads must be a whole number from 1", "got 0"}},
      {"negative head_dim",
       R"({"model_type": "llama", "head_dim": -128, "num_hidden_layers": 2})",
       {f + "head_dim must be a whole number from 1", "got -128"}},
      {"two names of the layers that differ",
       R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "n_layer": 3})",
       {f + "n_layer must be the same as num_hidden_layers 2, got 3"}},
      {"odd rotary_dim",
       llama(R"("rotary_dim": 63)"),
       {"posenc::geometric_frequencies: rotary_dim must be even", "got 63"}},
      {"rotary_dim beyond the head",
       llama(R"("rotary_dim": 130)"),
       {f + "rotary_dim must be at most head_dim 128, got 130"}},
      {"GPT-J without rotary_dim",
       R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28})",
       {f + "rotary_dim must be given, got nothing"}},
      {"rotary_dim against the part",
       llama(R"("rotary_dim": 32, "partial_rotary_factor": 0.5)"),
       {f + "rotary_dim must be head_dim * partial_rotary_factor = 64, got 32"}},
      {"a part of more than all",
       llama(R"("partial_rotary_factor": 1.5)"),
       {f + "partial_rotary_factor must be in (0, 1], got 1.5"}},
      {"a part of nothing",
       llama(R"("partial_rotary_factor": 0)"),
       {f + "partial_rotary_factor must be in (0, 1], got 0"}},
      {"two names of the part that differ",
       llama(R"("partial_rotary_factor": 0.5, "rotary_pct": 0.25)"),
       {f + "rotary_pct must be the same as partial_rotary_factor 0.5, got 0.25"}},
      {"the part inside and outside",
       llama(R"("partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25})"),
       {f + "rope_parameters.partial_rotary_factor must be the same as at the top level 0.5, got 0.25"}},
      {"DeepSeek without the rest of its head",
       R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 64})",
       {f + "qk_nope_head_dim must be given where there is a qk_rope_head_dim"}},
      {"rope_interleave is a number",
       R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "rope_interleave": 1})",
       {f + "rope_interleave must be true or false, got 1"}},

      // Theta
      {"no theta, and no default",
       R"({"model_type": "ministral3", "head_dim": 128, "num_hidden_layers": 2})",
       {f + "rope_theta must be given, since this model_type has no default"}},
      {"no theta for one kind of layer",
       R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "rope_parameters": {"full_attention": {"rope_type":
           "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6}, "sliding_attention": {}}})",
       {f + "rope_parameters.sliding_attention.rope_theta must be given"}},
      {"theta is a text",
       llama(R"("rope_theta": "10000")"),
       {f + "rope_theta must be a number, got the text \"10000\""}},
      {"theta is negative",
       llama(R"("rope_theta": -10000)"),
       {"posenc::geometric_frequencies: base must be finite, > 0 and not 1, got -10000"}},
      {"theta inside and outside",
       llama(R"("rope_theta": 10000, "rope_parameters": {"rope_theta": 500000})"),
       {f + "rope_parameters.rope_theta must be the same as at the top level 10000, got 500000"}},
      {"two names of theta that differ",
       llama(R"("rope_theta": 10000, "rotary_emb_base": 20000)"),
       {f + "rotary_emb_base must be the same as rope_theta 10000, got 20000"}},

      // The rope dictionary
      {"rope_scaling is a number", llama(R"("rope_scaling": 4)"), {f + "rope_scaling must be a dictionary, got 4"}},
      {"rope_scaling is a text",
       llama(R"("rope_scaling": "linear")"),
       {f + "rope_scaling must be a dictionary, got the text \"linear\""}},
      {"rope_scaling against rope_parameters",
       llama(R"("rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "default"})"),
       {f + "rope_scaling must be null or equal to rope_parameters, got a dictionary of 2"}},
      {"unknown rope_type",
       scaling(R"("rope_type": "yarn2", "factor": 4)"),
       {f + "rope_scaling.rope_type must be default, linear, dynamic, yarn, longrope, llama3 or proportional",
        "got the text \"yarn2\""}},
      {"type against rope_type",
       scaling(R"("rope_type": "linear", "type": "dynamic", "factor": 4)"),
       {f + "rope_scaling.type must be the same as rope_scaling.rope_type linear, got dynamic"}},
      {"rope_type is a flag", scaling(R"("rope_type": true)"), {f + "rope_scaling.rope_type must be a text, got true"}},
      {"a factor without a type",
       scaling(R"("factor": 4)"),
       {f + "rope_scaling.rope_type must be given where there is a factor, got nothing"}},
      {"linear without a factor", scaling(R"("type": "linear")"), {f + "rope_scaling.factor must be given for linear"}},
      {"linear by less than 1",
       scaling(R"("type": "linear", "factor": 0.5)"),
       {"posenc::scale_linear: factor must be finite and >= 1, got 0.5"}},
      {"the factor is a text",
       scaling(R"("type": "linear", "factor": "8")"),
       {f + "rope_scaling.factor must be a number, got the text \"8\""}},
      {"the factor is a list",
       scaling(R"("type": "linear", "factor": [8])"),
       {f + "rope_scaling.factor must be a number, got a list of 1"}},
      {"dynamic without a length",
       scaling(R"("type": "dynamic", "factor": 2)"),
       {f + "max_position_embeddings must be given for dynamic, got nothing"}},
      {"yarn without a trained length",
       scaling(R"("type": "yarn", "factor": 4)"),
       {f + "rope_scaling.original_max_position_embeddings must be given for yarn"}},
      {"yarn without a factor", scaling(kYarn), {f + "rope_scaling.factor must be given for yarn"}},
      {"betas swapped",
       scaling(kYarn + R"(, "factor": 4, "beta_fast": 1, "beta_slow": 32)"),
       {"posenc::scale_yarn: beta_fast must be finite and > beta_slow 32, got 1"}},
      {"truncate is a text",
       scaling(kYarn + R"(, "factor": 4, "truncate": "false")"),
       {f + "rope_scaling.truncate must be true or false, got the text \"false\""}},
      {"attention_factor 0",
       scaling(kYarn + R"(, "factor": 4, "attention_factor": 0)"),
       {"posenc::scale_yarn: attention_factor must be finite and > 0, got 0"}},
      {"the trained length inside and outside",
       llama(R"("original_max_position_embeddings": 8192, "rope_scaling": {"factor": 4, )" + kYarn + "}"),
       {f + "rope_scaling.original_max_position_embeddings must be the same as at the top level 8192, got 4096"}},
      {"llama3 without low_freq_factor",
       scaling(kLlama3 + R"(, "high_freq_factor": 4)"),
       {f + "rope_scaling.low_freq_factor must be given for llama3"}},
      {"llama3 with its factors swapped",
       scaling(kLlama3 + R"(, "low_freq_factor": 4, "high_freq_factor": 1)"),
       {"posenc::scale_llama3: high_freq_factor must be finite and >= low_freq_factor 4, got 1"}},
      {"longrope without a list",
       scaling(R"("type": "su", "factor": 32, "original_max_position_embeddings": 4096, "short_factor": [1])"),
       {f + "rope_scaling.long_factor must be given for longrope"}},
      {"longrope, a list one short",
       longrope(ones(64), ones(63)),
       {"posenc::scale_longrope: long_factor.size() must be num_pairs 64, got 63"}},
      {"longrope, a list for the whole head",
       longrope(ones(128), ones(64)),
       {"posenc::scale_longrope: short_factor.size() must be num_pairs 64, got 128"}},
      {"longrope, a text in a list",
       longrope(R"([1, "2"])", ones(64)),
       {f + "rope_scaling.short_factor[1] must be a number, got the text \"2\""}},
      {"longrope, a number for a list",
       longrope("1", ones(64)),
       {f + "rope_scaling.short_factor must be a list, got 1"}},
      {"proportional by nothing",
       scaling(R"("rope_type": "proportional", "partial_rotary_factor": 0)"),
       {f + "partial_rotary_factor must be in (0, 1], got 0"}},

      // Several positions
      {"no sections",
       qwen2_vl(R"("type": "mrope")"),
       {f + "rope_scaling.mrope_section must be given for this model_type"}},
      {"sections that do not add up",
       qwen2_vl(R"("type": "mrope", "mrope_section": [16, 24, 20])"),
       {f + "sum of rope_scaling.mrope_section must be the number of pairs 64, got 60"}},
      {"a negative section",
       qwen2_vl(R"("type": "mrope", "mrope_section": [-16, 40, 40])"),
       {f + "rope_scaling.mrope_section[0] must be a whole number from 0", "got -16"}},
      {"sections as a number",
       qwen2_vl(R"("mrope_section": 64)"),
       {f + "rope_scaling.mrope_section must be a list, got 64"}},
      {"sections that cannot be interleaved",
       R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [10, 27, 27]}})",
       {"posenc::interleaved_axes: mrope_section", "to fit the order t h w t h w"}},
      {"two sections of three",
       R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [32, 32]}})",
       {"posenc::interleaved_axes: mrope_section.size() must be 3, got 2"}},
      {"two sections of three in blocks",
       qwen2_vl(R"("type": "mrope", "mrope_section": [32, 32])"),
       {f + "rope_scaling.mrope_section.size() must be 3 (time, height, width), got 2"}},
      {"sections in turn for a model that has them in blocks",
       qwen2_vl(R"("mrope_section": [16, 24, 24], "mrope_interleaved": true)"),
       {f + "rope_scaling.mrope_interleaved must be false for this model_type, got true"}},
      {"sections for a model of one position",
       scaling(R"("type": "mrope", "mrope_section": [16, 24, 24])"),
       {f + "rope_scaling.mrope_section must be absent for this model_type, got a list"}},
      {"an image encoder with a scaling rule",
       R"({"model_type": "dinov3_vit", "head_dim": 64, "num_hidden_layers": 1, "rope_scaling": {"type": "linear",
           "factor": 2}})",
       {f + "rope_scaling.rope_type must be default for this model_type, got the text \"linear\""}},
      {"an image encoder whose head has no quarters",
       R"({"model_type": "dinov3_vit", "head_dim": 66, "num_hidden_layers": 1})",
       {f + "head_dim must be a multiple of 4 for two axes, got 66"}},

      // Layers
      {"layer_types one short",
       gemma3(R"("layer_types": ["full_attention", "full_attention"])"),
       {f + "layer_types.size() must be num_hidden_layers 3, got 2"}},
      {"unknown kind of layer",
       gemma3(R"("layer_types": ["full_attention", "full", "full_attention"])"),
       {f + "layer_types[1] must be full_attention, sliding_attention", "got the text \"full\""}},
      {"a kind of layer that neither theta is for",
       gemma3(R"("layer_types": ["full_attention", "chunked_attention", "sliding_attention"])"),
       {f + "layer_types[1] must be a kind of layer that has frequencies, got the text \"chunked_attention\""}},
      {"layer_types of numbers", gemma3(R"("layer_types": [1, 0, 1])"), {f + "layer_types[0] must be a text, got 1"}},
      {"a kind of layer without an entry",
       gemma3(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}})"),
       {f + "rope_parameters.sliding_attention must be given"}},
      {"an entry that is no dictionary",
       gemma3(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": 10000})"),
       {f + "rope_parameters.sliding_attention must be a dictionary, got 10000"}},
      {"a period of 0",
       gemma3(R"("sliding_window_pattern": 0)"),
       {f + "sliding_window_pattern must be a whole number from 1", "got 0"}},
      {"a local theta that is a list",
       gemma3(R"("rope_local_base_freq": [10000])"),
       {f + "rope_local_base_freq must be a number, got a list of 1"}},
      {"no_rope_layers one short",
       llama(R"("no_rope_layers": [1])"),
       {f + "no_rope_layers.size() must be num_hidden_layers 2, got 1"}},
      {"no_rope_layers of something else",
       llama(R"("no_rope_layers": [1, 2])"),
       {f + "no_rope_layers must be 0 or 1 for each layer, got 2"}},
      {"no_rope_layers of flags",
       llama(R"("no_rope_layers": [true, false])"),
       {f + "no_rope_layers[0] must be a number, got true"}},
      {"no_rope_layer_interval 0",
       R"({"model_type": "smollm3", "head_dim": 128, "num_hidden_layers": 2, "no_rope_layer_interval": 0})",
       {f + "no_rope_layer_interval must be a whole number from 1", "got 0"}},

      // Query temperature
      {"attn_temperature_tuning is a text",
       R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "attn_temperature_tuning": "yes"})",
       {f + "attn_temperature_tuning must be true, false or a number, got the text \"yes\""}},
      {"floor_scale 0",
       R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "floor_scale": 0})",
       {f + "the length of the query temperature must be finite and > 0, got 0"}},
      {"a negative beta",
       scaling(kYarn + R"(, "factor": 4, "llama_4_scaling_beta": -0.1)"),
       {f + "the scale of the query temperature must be finite and >= 0, got -0.1"}},
      {"a beta without a length",
       llama(R"("rope_parameters": {"llama_4_scaling_beta": 0.1})"),
       {f + "rope_parameters.original_max_position_embeddings must be given for llama_4_scaling_beta"}},
  };
}

struct BadMetadata {
  const char* name;
  std::vector<std::pair<std::string, ConfigValue>> entries;  // put over those of a good file; null takes one away
  Eigen::Index factors;
  std::vector<std::string> expected;
};

ConfigValue with(const std::vector<std::pair<std::string, ConfigValue>>& entries) {
  ConfigValue file = ConfigValue::dictionary({{"general.architecture", "qwen2"},
                                              {"qwen2.block_count", 4},
                                              {"qwen2.embedding_length", 3584},
                                              {"qwen2.attention.head_count", 28},
                                              {"qwen2.rope.freq_base", 1e6}});
  for (const auto& [key, value] : entries) file.set(key, value);
  return file;
}

std::vector<BadMetadata> bad_metadata() {
  const std::string f = "posenc::read_gguf_metadata: ";
  return {
      {"no architecture", {{"general.architecture", {}}}, 0, {f + "general.architecture must be given, got nothing"}},
      {"the architecture is a number",
       {{"general.architecture", 2}},
       0,
       {f + "general.architecture must be a text, got 2"}},
      {"unknown architecture",
       {{"general.architecture", "qwen99"}},
       0,
       {f + "general.architecture must be one whose pair layout is known", "got the text \"qwen99\""}},
      {"no layers", {{"qwen2.block_count", {}}}, 0, {f + "qwen2.block_count must be given"}},
      {"no heads",
       {{"qwen2.attention.head_count", {}}},
       0,
       {f + "qwen2.attention.key_length must be given, or embedding_length"}},
      {"heads that do not divide",
       {{"qwen2.attention.head_count", 27}},
       0,
       {f + "embedding_length must be a multiple of attention.head_count 27, got 3584"}},
      {"heads of each layer",
       {{"qwen2.attention.head_count", ConfigValue::list({28, 28})}},
       0,
       {f + "qwen2.attention.head_count must be a number, got a list of 2"}},
      {"a base that is a text",
       {{"qwen2.rope.freq_base", "1e6"}},
       0,
       {f + "qwen2.rope.freq_base must be a number, got the text \"1e6\""}},
      {"a base of 0",
       {{"qwen2.rope.freq_base", 0}},
       0,
       {"posenc::geometric_frequencies: base must be finite, > 0 and not 1, got 0"}},
      {"more channels than the head has",
       {{"qwen2.rope.dimension_count", 256}},
       0,
       {f + "rope.dimension_count must be at most head_dim 128, got 256"}},
      {"an odd number of channels",
       {{"qwen2.rope.dimension_count", 63}},
       0,
       {"posenc::geometric_frequencies: rotary_dim must be even", "got 63"}},
      {"unknown scaling type",
       {{"qwen2.rope.scaling.type", "dynamic"}},
       0,
       {f + "qwen2.rope.scaling.type must be none, linear, yarn or longrope, got the text \"dynamic\""}},
      {"two factors that differ",
       {{"qwen2.rope.scaling.factor", 4}, {"qwen2.rope.scale_linear", 2}},
       0,
       {f + "qwen2.rope.scale_linear must be the same as qwen2.rope.scaling.factor 4, got 2"}},
      {"a factor of less than 1",
       {{"qwen2.rope.scaling.factor", 0.25}},
       0,
       {"posenc::scale_linear: factor must be finite and >= 1, got 0.25"}},
      {"yarn without a length",
       {{"qwen2.rope.scaling.type", "yarn"}, {"qwen2.rope.scaling.factor", 4}},
       0,
       {f + "qwen2.rope.scaling.original_context_length must be given for yarn"}},
      {"betas swapped",
       {{"qwen2.rope.scaling.type", "yarn"},
        {"qwen2.rope.scaling.factor", 4},
        {"qwen2.context_length", 32768},
        {"qwen2.rope.scaling.yarn_beta_fast", 1},
        {"qwen2.rope.scaling.yarn_beta_slow", 32}},
       0,
       {"posenc::scale_yarn: beta_fast must be finite and > beta_slow 32, got 1"}},
      {"longrope without factors",
       {{"qwen2.rope.scaling.type", "longrope"}},
       0,
       {f + "freq_factors must be rope_factors_long or rope_factors_short for longrope, got nothing"}},
      {"too few factors", {}, 63, {"posenc::scale_by_factors: factors.size() must be num_pairs 64, got 63"}},
      {"an attn_factor of 0",
       {{"qwen2.rope.scaling.attn_factor", 0}},
       0,
       {"posenc::Frequencies: magnitude must be finite and > 0, got 0"}},
      {"sections for one position",
       {{"qwen2.rope.dimension_sections", ConfigValue::list({16, 24, 24, 0})}},
       0,
       {f + "qwen2.rope.dimension_sections must be absent for this architecture"}},
      {"no sections",
       {{"general.architecture", "qwen2vl"}, {"qwen2vl.block_count", 2}, {"qwen2vl.attention.key_length", 128}},
       0,
       {f + "qwen2vl.rope.dimension_sections must be given for this architecture"}},
      {"sections that do not add up",
       {{"general.architecture", "qwen2vl"},
        {"qwen2vl.block_count", 2},
        {"qwen2vl.attention.key_length", 128},
        {"qwen2vl.rope.dimension_sections", ConfigValue::list({16, 16, 16, 0})}},
       0,
       {f + "sum of qwen2vl.rope.dimension_sections must be the number of pairs 64, got 48"}},
      {"a base for sliding layers that are not there",
       {{"qwen2.rope.freq_base_swa", 1e4}},
       0,
       {f + "qwen2.attention.sliding_window_pattern must be given, since there is a rope.freq_base_swa"}},
      {"a pattern one short",
       {{"qwen2.attention.sliding_window_pattern", ConfigValue::list({true, true, false})}},
       0,
       {f + "qwen2.attention.sliding_window_pattern.size() must be block_count 4, got 3"}},
      {"a pattern of texts",
       {{"qwen2.attention.sliding_window_pattern", ConfigValue::list({"yes", "no", "yes", "no"})}},
       0,
       {f + "qwen2.attention.sliding_window_pattern must be true or false for each layer, got the text \"yes\""}},
      {"a temperature without a length",
       {{"qwen2.attention.temperature_scale", 0.1}},
       0,
       {f + "qwen2.attention.temperature_length must be given for a temperature_scale"}},
  };
}

/// The message of the std::invalid_argument that `call` throws, or what else happened. Such an error comes from posenc
/// alone: the JSON types throw others.
template <typename Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another kind of error: ") + error.what();
  }
  return "no error";
}

void check_message(const std::string& message, const std::vector<std::string>& expected) {
  INFO(message);
  for (const std::string& part : expected) {
    INFO("expected: " << part);
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("bad configs are refused", "[model_config][errors]") {
  REQUIRE(bad_configs().size() >= 40);
  for (const BadConfig& bad : bad_configs()) {
    INFO(bad.name);
    check_message(refusal([&] { posenc::read_hugging_face_config(Json::parse(bad.config), 4096); }), bad.expected);
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
    check_message(refusal([&] { posenc::read_hugging_face_config(nlohmann::json::parse(bad.config), 4096); }),
                  bad.expected);
#endif
  }
}

TEST_CASE("bad GGUF metadata are refused", "[model_config][gguf][errors]") {
  REQUIRE_NOTHROW(posenc::read_gguf_metadata(with({})));
  for (const BadMetadata& bad : bad_metadata()) {
    INFO(bad.name);
    check_message(refusal([&] { posenc::read_gguf_metadata(with(bad.entries), Eigen::ArrayXd::Ones(bad.factors)); }),
                  bad.expected);
  }
  check_message(refusal([] { posenc::read_gguf_metadata("qwen2"); }),
                {"posenc::read_gguf_metadata: metadata must be a dictionary, got the text \"qwen2\""});
}

TEST_CASE("bad arguments beside a good config are refused", "[model_config][errors]") {
  const Json good = Json::parse(llama(R"("rope_theta": 10000)"));
  for (const double length : {0.0, -1.0, HUGE_VAL, std::nan("")}) {
    INFO(length);
    check_message(refusal([&] { posenc::read_hugging_face_config(good, length); }),
                  {"posenc::read_hugging_face_config: serving_length must be finite and > 0, got "});
  }
  check_message(refusal([] {
                  posenc::query_temperature({0.1, 0, 0}, 1);
                }),
                {"posenc::query_temperature: temperature.length must be > 0, got 0"});
  CHECK_THROWS_AS(posenc::query_temperature({0.1, 8192, 1}, -1), std::out_of_range);
  check_message(refusal([] { ConfigValue(1).set("key", 2); }),
                {"posenc::ConfigValue::set: the value must be a dictionary, got 1"});
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
  check_message(refusal([] {
                  posenc::read_hugging_face_config(nlohmann::json::parse("{", nullptr, false), 4096);  // discarded
                }),
                {"posenc::to_config_value: json must be null, a boolean, a number", "got another kind of value"});
#endif
}

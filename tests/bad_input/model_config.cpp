// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/model_config.hpp"

#include "support/json.hpp"

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
#include <nlohmann/json.hpp>
#endif

namespace {

using posenc::ConfigValue;
using posenc_tests::BadInputs;
using posenc_tests::Json;

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

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_configs() {
  BadInputs<posenc_tests::NothingWritten> bad("config");

  /// Read by the tests' own JSON type, and by nlohmann's where it is installed.
  const auto refused = [&bad](const std::string& name, const std::string& message, const std::string& config) {
    bad.value(name, message, [=](auto&) { posenc::read_hugging_face_config(Json::parse(config), 4096); });
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
    bad.value(name + " (nlohmann)", message,
              [=](auto&) { posenc::read_hugging_face_config(nlohmann::json::parse(config), 4096); });
#endif
  };

  // What the file is
  refused("a list", "read_hugging_face_config: config must be a dictionary, got a list of 2", "[1, 2]");
  refused("null", "read_hugging_face_config: config must be a dictionary, got null", "null");
  refused("no model_type", "read_hugging_face_config: model_type must be given, got nothing", R"({"head_dim": 128})");
  refused("model_type is a number", "read_hugging_face_config: model_type must be a text, got 3",
          R"({"model_type": 3})");
  refused("unknown model_type",
          "read_hugging_face_config: model_type must be one whose pair layout is known, or pairs be given, got "
          "the text \"lama\"",
          R"({"model_type": "lama", "head_dim": 128, "num_hidden_layers": 2})");
  refused("unknown model_type inside",
          "read_hugging_face_config: text_config.model_type must be one whose pair layout is known, or pairs be "
          "given, got the text \"lama\"",
          R"({"model_type": "llama", "text_config": {"model_type": "lama"}})");
  refused("text_config is a text",
          "read_hugging_face_config: text_config must be a dictionary, got the text \"gemma3_text\"",
          R"({"model_type": "gemma3", "text_config": "gemma3_text"})");
  refused("no layers", "read_hugging_face_config: num_hidden_layers must be given, got nothing",
          R"({"model_type": "llama", "head_dim": 128})");
  refused("half a layer",
          "read_hugging_face_config: num_hidden_layers must be a whole number from 1 to 8388608, got 2.5",
          R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2.5})");
  refused("layers as a text", "read_hugging_face_config: num_hidden_layers must be a number, got the text \"32\"",
          R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": "32"})");
  refused("layers without end",
          "read_hugging_face_config: num_hidden_layers must be a whole number from 1 to 8388608, got 1e+300",
          R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 1e300})");
  refused("more layers than memory", "read_hugging_face_config: num_hidden_layers must be at most 65536, got 100000",
          R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 100000})");

  // Heads and windows
  refused("no head_dim",
          "read_hugging_face_config: head_dim must be given, or hidden_size and num_attention_heads, got nothing",
          R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 2})");
  refused("heads that do not divide",
          "read_hugging_face_config: hidden_size must be a multiple of num_attention_heads 33, got 4096",
          R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 33, "num_hidden_layers": 2})");
  refused("no heads", "read_hugging_face_config: num_attention_heads must be a whole number from 1 to 8388608, got 0",
          R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 0, "num_hidden_layers": 2})");
  refused("negative head_dim", "read_hugging_face_config: head_dim must be a whole number from 1 to 8388608, got -128",
          R"({"model_type": "llama", "head_dim": -128, "num_hidden_layers": 2})");
  refused("two names of the layers that differ",
          "read_hugging_face_config: n_layer must be the same as num_hidden_layers 2, got 3",
          R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "n_layer": 3})");
  refused("odd rotary_dim", "read_hugging_face_config: rotary_dim must be even, got 63", llama(R"("rotary_dim": 63)"));
  refused("odd head_dim", "read_hugging_face_config: head_dim must be even, got 63",
          R"({"model_type": "llama", "head_dim": 63, "num_hidden_layers": 2})");
  refused("an odd part of a head",
          "read_hugging_face_config: int(head_dim * partial_rotary_factor) must be even and > 0, got 7",
          llama(R"("partial_rotary_factor": 0.055)"));
  refused("odd qk_rope_head_dim", "read_hugging_face_config: qk_rope_head_dim must be even, got 63",
          R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 63, "qk_nope_head_dim": 128})");
  refused(
      "a part of a head beside qk_rope_head_dim",
      "read_hugging_face_config: partial_rotary_factor must be 1 or absent where there is a qk_rope_head_dim, got 0.5",
      R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
           "partial_rotary_factor": 0.5})");
  refused("rotary_dim beyond the head", "read_hugging_face_config: rotary_dim must be at most head_dim 128, got 130",
          llama(R"("rotary_dim": 130)"));
  refused("GPT-J without rotary_dim", "read_hugging_face_config: rotary_dim must be given, got nothing",
          R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28})");
  refused("rotary_dim against the part",
          "read_hugging_face_config: rotary_dim must be head_dim * partial_rotary_factor = 64, got 32",
          llama(R"("rotary_dim": 32, "partial_rotary_factor": 0.5)"));
  refused("a part of more than all", "read_hugging_face_config: partial_rotary_factor must be in (0, 1], got 1.5",
          llama(R"("partial_rotary_factor": 1.5)"));
  refused("a part of nothing", "read_hugging_face_config: partial_rotary_factor must be in (0, 1], got 0",
          llama(R"("partial_rotary_factor": 0)"));
  refused("two names of the part that differ",
          "read_hugging_face_config: rotary_pct must be the same as partial_rotary_factor 0.5, got 0.25",
          llama(R"("partial_rotary_factor": 0.5, "rotary_pct": 0.25)"));
  refused("the part inside and outside",
          "read_hugging_face_config: rope_parameters.partial_rotary_factor must be the same as at the top level 0.5, "
          "got 0.25",
          llama(R"("partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25})"));
  refused("DeepSeek without the rest of its head",
          "read_hugging_face_config: qk_nope_head_dim must be given where there is a qk_rope_head_dim, got nothing",
          R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 64})");
  refused("rope_interleave is a number", "read_hugging_face_config: rope_interleave must be true or false, got 1",
          R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "rope_interleave": 1})");

  // Theta
  refused("no theta, and no default",
          "read_hugging_face_config: rope_theta must be given, since this model_type has no default, got nothing",
          R"({"model_type": "ministral3", "head_dim": 128, "num_hidden_layers": 2})");
  refused("no theta for one kind of layer",
          "read_hugging_face_config: rope_parameters.sliding_attention.rope_theta must be given, since this model_type "
          "has no default, got nothing",
          R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "rope_parameters": {"full_attention": {"rope_type":
           "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6}, "sliding_attention": {}}})");
  refused("theta is a text", "read_hugging_face_config: rope_theta must be a number, got the text \"10000\"",
          llama(R"("rope_theta": "10000")"));
  refused("theta is negative", "read_hugging_face_config: rope_theta must be finite, > 0 and not 1, got -10000",
          llama(R"("rope_theta": -10000)"));
  refused("theta is 0", "read_hugging_face_config: rope_theta must be finite, > 0 and not 1, got 0",
          llama(R"("rope_theta": 0)"));
  refused("theta is 1, by an older name",
          "read_hugging_face_config: rotary_emb_base must be finite, > 0 and not 1, got 1",
          llama(R"("rotary_emb_base": 1)"));
  refused("theta times 0", "read_hugging_face_config: rope_theta * rope_ratio must be finite, > 0 and not 1, got 0",
          R"({"model_type": "chatglm", "num_layers": 1, "kv_channels": 128, "rope_ratio": 0})");
  refused("theta inside and outside",
          "read_hugging_face_config: rope_parameters.rope_theta must be the same as at the top level 10000, got 500000",
          llama(R"("rope_theta": 10000, "rope_parameters": {"rope_theta": 500000})"));
  refused("two names of theta that differ",
          "read_hugging_face_config: rotary_emb_base must be the same as rope_theta 10000, got 20000",
          llama(R"("rope_theta": 10000, "rotary_emb_base": 20000)"));

  // The rope dictionary
  refused("rope_scaling is a number", "read_hugging_face_config: rope_scaling must be a dictionary, got 4",
          llama(R"("rope_scaling": 4)"));
  refused("rope_scaling is a text",
          "read_hugging_face_config: rope_scaling must be a dictionary, got the text \"linear\"",
          llama(R"("rope_scaling": "linear")"));
  refused("rope_scaling against rope_parameters",
          "read_hugging_face_config: rope_scaling must be null or equal to rope_parameters, got a dictionary of 2",
          llama(R"("rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "default"})"));
  refused("unknown rope_type",
          "read_hugging_face_config: rope_scaling.rope_type must be default, linear, dynamic, yarn, longrope, llama3 "
          "or proportional, got the text \"yarn2\"",
          scaling(R"("rope_type": "yarn2", "factor": 4)"));
  refused("type against rope_type",
          "read_hugging_face_config: rope_scaling.type must be the same as rope_scaling.rope_type linear, got dynamic",
          scaling(R"("rope_type": "linear", "type": "dynamic", "factor": 4)"));
  refused("rope_type is a flag", "read_hugging_face_config: rope_scaling.rope_type must be a text, got true",
          scaling(R"("rope_type": true)"));
  refused("a factor without a type",
          "read_hugging_face_config: rope_scaling.rope_type must be given where there is a factor, got nothing",
          scaling(R"("factor": 4)"));
  refused("linear without a factor",
          "read_hugging_face_config: rope_scaling.factor must be given for linear, got nothing",
          scaling(R"("type": "linear")"));
  refused("linear by less than 1", "scale_linear: factor must be finite and >= 1, got 0.5",
          scaling(R"("type": "linear", "factor": 0.5)"));
  refused("the factor is a text", "read_hugging_face_config: rope_scaling.factor must be a number, got the text \"8\"",
          scaling(R"("type": "linear", "factor": "8")"));
  refused("the factor is a list", "read_hugging_face_config: rope_scaling.factor must be a number, got a list of 1",
          scaling(R"("type": "linear", "factor": [8])"));
  refused("dynamic without a length",
          "read_hugging_face_config: max_position_embeddings must be given for dynamic, got nothing",
          scaling(R"("type": "dynamic", "factor": 2)"));
  refused("yarn without a trained length",
          "read_hugging_face_config: rope_scaling.original_max_position_embeddings must be given for yarn, got nothing",
          scaling(R"("type": "yarn", "factor": 4)"));
  refused("yarn without a factor", "read_hugging_face_config: rope_scaling.factor must be given for yarn, got nothing",
          scaling(kYarn));
  refused("betas swapped", "scale_yarn: beta_fast must be finite and > beta_slow 32, got 1",
          scaling(kYarn + R"(, "factor": 4, "beta_fast": 1, "beta_slow": 32)"));
  refused("truncate is a text",
          "read_hugging_face_config: rope_scaling.truncate must be true or false, got the text \"false\"",
          scaling(kYarn + R"(, "factor": 4, "truncate": "false")"));
  refused("attention_factor 0", "scale_yarn: attention_factor must be finite and > 0, got 0",
          scaling(kYarn + R"(, "factor": 4, "attention_factor": 0)"));
  refused("the trained length inside and outside",
          "read_hugging_face_config: rope_scaling.original_max_position_embeddings must be the same as at the top "
          "level 8192, got 4096",
          llama(R"("original_max_position_embeddings": 8192, "rope_scaling": {"factor": 4, )" + kYarn + "}"));
  refused("llama3 without low_freq_factor",
          "read_hugging_face_config: rope_scaling.low_freq_factor must be given for llama3, got nothing",
          scaling(kLlama3 + R"(, "high_freq_factor": 4)"));
  refused("llama3 with its factors swapped",
          "scale_llama3: high_freq_factor must be finite and >= low_freq_factor 4, got 1",
          scaling(kLlama3 + R"(, "low_freq_factor": 4, "high_freq_factor": 1)"));
  refused("longrope without a list",
          "read_hugging_face_config: rope_scaling.long_factor must be given for longrope, got nothing",
          scaling(R"("type": "su", "factor": 32, "original_max_position_embeddings": 4096, "short_factor": [1])"));
  refused("longrope, a list one short", "scale_longrope: long_factor.size() must be num_pairs 64, got 63",
          longrope(ones(64), ones(63)));
  refused("longrope, a list for the whole head", "scale_longrope: short_factor.size() must be num_pairs 64, got 128",
          longrope(ones(128), ones(64)));
  refused("longrope, a text in a list",
          "read_hugging_face_config: rope_scaling.short_factor[1] must be a number, got the text \"2\"",
          longrope(R"([1, "2"])", ones(64)));
  refused("longrope, a number for a list", "read_hugging_face_config: rope_scaling.short_factor must be a list, got 1",
          longrope("1", ones(64)));
  refused("proportional by nothing",
          "read_hugging_face_config: rope_scaling.partial_rotary_factor must be in (0, 1], got 0",
          scaling(R"("rope_type": "proportional", "partial_rotary_factor": 0)"));

  // Several positions
  refused("no sections",
          "read_hugging_face_config: rope_scaling.mrope_section must be given for this model_type, got nothing",
          qwen2_vl(R"("type": "mrope")"));
  refused("sections that do not add up",
          "read_hugging_face_config: sum of rope_scaling.mrope_section must be the number of pairs 64, got 60",
          qwen2_vl(R"("type": "mrope", "mrope_section": [16, 24, 20])"));
  refused("a negative section",
          "read_hugging_face_config: rope_scaling.mrope_section[0] must be a whole number from 0 to 8388608, got -16",
          qwen2_vl(R"("type": "mrope", "mrope_section": [-16, 40, 40])"));
  refused("sections as a number", "read_hugging_face_config: rope_scaling.mrope_section must be a list, got 64",
          qwen2_vl(R"("mrope_section": 64)"));
  refused(
      "sections that cannot be interleaved",
      "interleaved_axes: mrope_section[0] must be 22 to fit the order t h w t h w ..., got 10",
      R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [10, 27, 27]}})");
  refused("two sections of three", "interleaved_axes: mrope_section.size() must be 3, got 2",
          R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [32, 32]}})");
  refused("two sections of three in blocks",
          "read_hugging_face_config: rope_scaling.mrope_section.size() must be 3 (time, height, width), got 2",
          qwen2_vl(R"("type": "mrope", "mrope_section": [32, 32])"));
  refused("sections in turn for a model that has them in blocks",
          "read_hugging_face_config: rope_scaling.mrope_interleaved must be false for this model_type, got true",
          qwen2_vl(R"("mrope_section": [16, 24, 24], "mrope_interleaved": true)"));
  refused("sections for a model of one position",
          "read_hugging_face_config: rope_scaling.mrope_section must be absent for this model_type, got a list",
          scaling(R"("type": "mrope", "mrope_section": [16, 24, 24])"));
  refused(
      "an image encoder with a scaling rule",
      "read_hugging_face_config: rope_scaling.rope_type must be default for this model_type, got the text \"linear\"",
      R"({"model_type": "dinov3_vit", "head_dim": 64, "num_hidden_layers": 1, "rope_scaling": {"type": "linear",
           "factor": 2}})");
  refused("an image encoder whose head has no quarters",
          "read_hugging_face_config: head_dim must be a multiple of 4 for two axes, got 66",
          R"({"model_type": "dinov3_vit", "head_dim": 66, "num_hidden_layers": 1})");

  // Layers
  refused("layer_types one short", "read_hugging_face_config: layer_types.size() must be num_hidden_layers 3, got 2",
          gemma3(R"("layer_types": ["full_attention", "full_attention"])"));
  refused("unknown kind of layer",
          "read_hugging_face_config: layer_types[1] must be full_attention, sliding_attention, chunked_attention, "
          "linear_attention, conv, mamba or recurrent, got the text \"full\"",
          gemma3(R"("layer_types": ["full_attention", "full", "full_attention"])"));
  refused("a kind of layer that neither theta is for",
          "read_hugging_face_config: layer_types[1] must be a kind of layer that has frequencies, got the text "
          "\"chunked_attention\"",
          gemma3(R"("layer_types": ["full_attention", "chunked_attention", "sliding_attention"])"));
  refused("layer_types of numbers", "read_hugging_face_config: layer_types[0] must be a text, got 1",
          gemma3(R"("layer_types": [1, 0, 1])"));
  refused("a kind of layer without an entry",
          "read_hugging_face_config: rope_parameters.sliding_attention must be given, since a layer is of this kind, "
          "got nothing",
          gemma3(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}})"));
  refused("an entry that is no dictionary",
          "read_hugging_face_config: rope_parameters.sliding_attention must be a dictionary, got 10000",
          gemma3(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": 10000})"));
  refused("a period of 0",
          "read_hugging_face_config: sliding_window_pattern must be a whole number from 1 to 8388608, got 0",
          gemma3(R"("sliding_window_pattern": 0)"));
  refused("a local theta that is a list",
          "read_hugging_face_config: rope_local_base_freq must be a number, got a list of 1",
          gemma3(R"("rope_local_base_freq": [10000])"));
  refused("no_rope_layers one short",
          "read_hugging_face_config: no_rope_layers.size() must be num_hidden_layers 2, got 1",
          llama(R"("no_rope_layers": [1])"));
  refused("no_rope_layers of something else",
          "read_hugging_face_config: no_rope_layers must be 0 or 1 for each layer, got 2",
          llama(R"("no_rope_layers": [1, 2])"));
  refused("no_rope_layers of flags", "read_hugging_face_config: no_rope_layers[0] must be a number, got true",
          llama(R"("no_rope_layers": [true, false])"));
  refused("no_rope_layer_interval 0",
          "read_hugging_face_config: no_rope_layer_interval must be a whole number from 1 to 8388608, got 0",
          R"({"model_type": "smollm3", "head_dim": 128, "num_hidden_layers": 2, "no_rope_layer_interval": 0})");

  // Query temperature
  refused(
      "attn_temperature_tuning is a text",
      "read_hugging_face_config: attn_temperature_tuning must be true, false or a number, got the text \"yes\"",
      R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "attn_temperature_tuning": "yes"})");
  refused("floor_scale 0", "read_hugging_face_config: floor_scale must be finite and > 0, got 0",
          R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "floor_scale": 0})");
  refused("a negative beta",
          "read_hugging_face_config: rope_scaling.llama_4_scaling_beta must be finite and >= 0, got -0.1",
          scaling(kYarn + R"(, "factor": 4, "llama_4_scaling_beta": -0.1)"));
  refused("a beta without a length",
          "read_hugging_face_config: rope_parameters.original_max_position_embeddings must be given for "
          "llama_4_scaling_beta, got nothing",
          llama(R"("rope_parameters": {"llama_4_scaling_beta": 0.1})"));

  // Arguments beside a good config
  const std::string good = llama(R"("rope_theta": 10000)");
  const std::string length = "read_hugging_face_config: serving_length must be > 0, got ";
  bad.value("served for no token", length + "0",
            [=](auto&) { posenc::read_hugging_face_config(Json::parse(good), 0); });
  bad.value("served for -1 tokens", length + "-1",
            [=](auto&) { posenc::read_hugging_face_config(Json::parse(good), -1); });
  bad.value("a temperature of length 0", "query_temperature: temperature.length must be > 0, got 0", [](auto&) {
    posenc::query_temperature({0.1, 0, 0}, 1);
  });
  bad.range("the temperature of position -1", "query_temperature: position must be finite and >= 0, got -1", [](auto&) {
    posenc::query_temperature({0.1, 8192, 1}, -1);
  });
  bad.value("an entry of a number", "ConfigValue::set: the value must be a dictionary, got 1",
            [](auto&) { ConfigValue(1).set("key", 2); });
  bad.value("the number of a text", "ConfigValue::number: the value must be a number, got the text \"1\"",
            [](auto&) { ConfigValue("1").number(); });
  bad.value("the text of a number", "ConfigValue::text: the value must be a text, got 1",
            [](auto&) { ConfigValue(1).text(); });
  bad.value("the truth of a number", "ConfigValue::boolean: the value must be true or false, got 1",
            [](auto&) { ConfigValue(1).boolean(); });
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
  bad.value("a text that nlohmann discarded",
            "to_config_value: json must be null, a boolean, a number, a text, a list or a dictionary, got another kind "
            "of value",
            [](auto&) { posenc::read_hugging_face_config(nlohmann::json::parse("{", nullptr, false), 4096); });
#endif
  return bad.cases();
}

// SPDX-License-Identifier: MIT
#include "bad_input/model_config_fixture.hpp"

namespace {

using posenc::ConfigValue;
using posenc_tests::Json;
using posenc_tests::llama;
using posenc_tests::rope_scaling;

const std::string kYarn = R"("type": "yarn", "original_max_position_embeddings": 4096)";

/// MiniMax-M2, whose class reads rotary_dim, and Phi, whose class reads partial_rotary_factor without a scaling rule.
std::string minimax(const std::string& more) {
  return R"({"model_type": "minimax_m2", "head_dim": 128, "num_hidden_layers": 2, )" + more + "}";
}
std::string phi(const std::string& more) {
  return R"({"model_type": "phi", "head_dim": 128, "num_hidden_layers": 2, )" + more + "}";
}
/// Gemma 4, whose class takes a rope dictionary with an entry for each kind of layer only.
std::string gemma4(const std::string& more) {
  return R"({"model_type": "gemma4_text", "num_hidden_layers": 6, )" + more + "}";
}
std::string gemma3(const std::string& more) {
  return R"({"model_type": "gemma3_text", "num_hidden_layers": 3, )" + more + "}";
}

}  // namespace

/// Files, heads, layers, query temperatures, and what is given beside a config.
std::vector<posenc_tests::BadInputCase> posenc_tests::bad_configs() {
  BadConfigs bad("config");

  // What the file is
  bad.refused("a list", "read_hugging_face_config: config must be a dictionary, got a list of 2", "[1, 2]");
  bad.refused("null", "read_hugging_face_config: config must be a dictionary, got null", "null");
  bad.refused("no model_type", "read_hugging_face_config: model_type must be given, got nothing",
              R"({"head_dim": 128})");
  bad.refused("model_type is a number", "read_hugging_face_config: model_type must be a text, got 3",
              R"({"model_type": 3})");
  bad.refused("unknown model_type",
              "read_hugging_face_config: model_type must be one whose pair layout is known, or pairs be given, got "
              "the text \"lama\"",
              R"({"model_type": "lama", "head_dim": 128, "num_hidden_layers": 2})");
  bad.refused("unknown model_type inside",
              "read_hugging_face_config: text_config.model_type must be one whose pair layout is known, or pairs be "
              "given, got the text \"lama\"",
              R"({"model_type": "llama", "text_config": {"model_type": "lama"}})");
  bad.refused("text_config is a text",
              "read_hugging_face_config: text_config must be a dictionary, got the text \"gemma3_text\"",
              R"({"model_type": "gemma3", "text_config": "gemma3_text"})");
  bad.refused("no layers", "read_hugging_face_config: num_hidden_layers must be given, got nothing",
              R"({"model_type": "internlm2", "head_dim": 128})");
  bad.refused("half a layer",
              "read_hugging_face_config: num_hidden_layers must be a whole number from 1 to 8388608, got 2.5",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2.5})");
  bad.refused("layers as a text", "read_hugging_face_config: num_hidden_layers must be a number, got the text \"32\"",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": "32"})");
  bad.refused("layers without end",
              "read_hugging_face_config: num_hidden_layers must be a whole number from 1 to 8388608, got 1e+300",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 1e300})");
  bad.refused("more layers than memory",
              "read_hugging_face_config: num_hidden_layers must be at most 65536, got 100000",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 100000})");

  // Heads and windows
  bad.refused("no head_dim",
              "read_hugging_face_config: head_dim must be given, or hidden_size and num_attention_heads, got nothing",
              R"({"model_type": "internlm2", "hidden_size": 4096, "num_hidden_layers": 2})");
  bad.refused("heads that do not divide",
              "read_hugging_face_config: hidden_size must be a multiple of num_attention_heads 33, got 4096",
              R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 33, "num_hidden_layers": 2})");
  bad.refused("no heads",
              "read_hugging_face_config: num_attention_heads must be a whole number from 1 to 8388608, got 0",
              R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 0, "num_hidden_layers": 2})");
  bad.refused("negative head_dim",
              "read_hugging_face_config: head_dim must be a whole number from 1 to 8388608, got -128",
              R"({"model_type": "llama", "head_dim": -128, "num_hidden_layers": 2})");
  bad.refused("two names of the layers that differ",
              "read_hugging_face_config: n_layer must be the same as num_hidden_layers 2, got 3",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "n_layer": 3})");
  bad.refused("odd rotary_dim", "read_hugging_face_config: rotary_dim must be even, got 63",
              minimax(R"("rotary_dim": 63)"));
  bad.refused("odd head_dim", "read_hugging_face_config: head_dim must be even, got 63",
              R"({"model_type": "llama", "head_dim": 63, "num_hidden_layers": 2})");
  bad.refused("an odd part of a head",
              "read_hugging_face_config: int(head_dim * partial_rotary_factor) must be even and > 0, got 7",
              phi(R"("partial_rotary_factor": 0.055)"));
  bad.refused(
      "odd qk_rope_head_dim", "read_hugging_face_config: qk_rope_head_dim must be even and > 0, got 63",
      R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 63, "qk_nope_head_dim": 128})");
  bad.refused("a part of a head beside qk_rope_head_dim",
              "read_hugging_face_config: partial_rotary_factor must be 1, absent or the share of qk_rope_head_dim "
              "where there is one, got 0.5",
              R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
           "partial_rotary_factor": 0.5})");
  bad.refused("rotary_dim beyond the head",
              "read_hugging_face_config: rotary_dim must be at most head_dim 128, got 130",
              minimax(R"("rotary_dim": 130)"));
  bad.refused("GPT-J, rotary_dim null", "read_hugging_face_config: rotary_dim must be given, got nothing",
              R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28, "rotary_dim": null})");
  bad.refused("rotary_dim against the part",
              "read_hugging_face_config: rotary_dim must be head_dim * partial_rotary_factor = 64, got 32",
              minimax(R"("rotary_dim": 32, "partial_rotary_factor": 0.5)"));
  bad.refused("a part of more than all", "read_hugging_face_config: partial_rotary_factor must be in (0, 1], got 1.5",
              llama(R"("partial_rotary_factor": 1.5)"));
  bad.refused("a part of nothing", "read_hugging_face_config: partial_rotary_factor must be in (0, 1], got 0",
              llama(R"("partial_rotary_factor": 0)"));
  bad.refused("two names of the part that differ",
              "read_hugging_face_config: rotary_pct must be the same as partial_rotary_factor 0.5, got 0.25",
              llama(R"("partial_rotary_factor": 0.5, "rotary_pct": 0.25)"));
  bad.refused(
      "the part inside and outside",
      "read_hugging_face_config: rope_parameters.partial_rotary_factor must be the same as at the top level 0.5, "
      "got 0.25",
      llama(R"("partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25})"));
  bad.refused("DeepSeek without the rest of its head",
              "read_hugging_face_config: qk_nope_head_dim must be given where there is a qk_rope_head_dim, got nothing",
              R"({"model_type": "kimi_k2", "num_hidden_layers": 1, "qk_rope_head_dim": 64, "rope_theta": 50000})");
  bad.refused("rope_interleave is a number", "read_hugging_face_config: rope_interleave must be true or false, got 1",
              R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "rope_interleave": 1})");

  // Layers
  bad.refused("layer_types one short",
              "read_hugging_face_config: layer_types.size() must be num_hidden_layers 3, got 2",
              gemma3(R"("layer_types": ["full_attention", "full_attention"])"));
  bad.refused("unknown kind of layer",
              "read_hugging_face_config: layer_types[1] must be full_attention, sliding_attention, chunked_attention, "
              "linear_attention, conv, mamba, recurrent or another kind that is known, got the text \"full\"",
              gemma3(R"("layer_types": ["full_attention", "full", "full_attention"])"));
  bad.refused("a kind of layer that neither theta is for",
              "read_hugging_face_config: layer_types[1] must be a kind of layer that has frequencies, got the text "
              "\"chunked_attention\"",
              gemma3(R"("layer_types": ["full_attention", "chunked_attention", "sliding_attention"])"));
  bad.refused("layer_types of numbers", "read_hugging_face_config: layer_types[0] must be a text, got 1",
              gemma3(R"("layer_types": [1, 0, 1])"));
  bad.refused(
      "a kind of layer without an entry",
      "read_hugging_face_config: rope_parameters.sliding_attention must be given, since a layer is of this kind, "
      "got nothing",
      gemma4(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}})"));
  bad.refused("an entry that is no dictionary",
              "read_hugging_face_config: rope_parameters.sliding_attention must be a dictionary, got 10000",
              gemma3(R"("rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": 10000})"));
  bad.refused("a period of 0",
              "read_hugging_face_config: sliding_window_pattern must be a whole number from 1 to 8388608, got 0",
              gemma3(R"("sliding_window_pattern": 0)"));
  bad.refused("a local theta that is a list",
              "read_hugging_face_config: rope_local_base_freq must be a number, got a list of 1",
              gemma3(R"("rope_local_base_freq": [10000])"));
  bad.refused("no_rope_layers one short",
              "read_hugging_face_config: no_rope_layers.size() must be num_hidden_layers 2, got 1",
              llama(R"("no_rope_layers": [1])"));
  bad.refused("no_rope_layers of something else",
              "read_hugging_face_config: no_rope_layers must be 0 or 1 for each layer, got 2",
              llama(R"("no_rope_layers": [1, 2])"));
  bad.refused("no_rope_layers of flags", "read_hugging_face_config: no_rope_layers[0] must be a number, got true",
              llama(R"("no_rope_layers": [true, false])"));
  bad.refused("no_rope_layer_interval 0",
              "read_hugging_face_config: no_rope_layer_interval must be a whole number from 1 to 8388608, got 0",
              R"({"model_type": "smollm3", "head_dim": 128, "num_hidden_layers": 2, "no_rope_layer_interval": 0})");

  // Query temperature
  bad.refused(
      "attn_temperature_tuning is a text",
      "read_hugging_face_config: attn_temperature_tuning must be true, false or a number, got the text \"yes\"",
      R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "attn_temperature_tuning": "yes"})");
  bad.refused("floor_scale 0", "read_hugging_face_config: floor_scale must be finite and > 0, got 0",
              R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "floor_scale": 0})");
  bad.refused("a negative beta",
              "read_hugging_face_config: rope_scaling.llama_4_scaling_beta must be finite and >= 0, got -0.1",
              rope_scaling(kYarn + R"(, "factor": 4, "llama_4_scaling_beta": -0.1)"));
  bad.refused("a beta without a length",
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
    posenc::query_temperature({0.1, 0, 0, posenc::TemperatureGrowth::logarithm}, 1);
  });
  bad.value("a temperature of scale -1", "query_temperature: temperature.scale must be finite and >= 0, got -1",
            [](auto&) {
              posenc::query_temperature({-1, 8192, 0, posenc::TemperatureGrowth::logarithm}, 1);
            });
  bad.value("a temperature of shift -9000", "query_temperature: temperature.shift must be finite and >= 0, got -9000",
            [](auto&) {
              posenc::query_temperature({0.1, 8192, -9000, posenc::TemperatureGrowth::logarithm}, 1);
            });
  bad.value("a growth that is not named",
            "query_temperature: temperature.growth must be TemperatureGrowth::logarithm, TemperatureGrowth::power or "
            "TemperatureGrowth::clamped_logarithm, got 7",
            [](auto&) {
              posenc::query_temperature({0.1, 8192, 1, static_cast<posenc::TemperatureGrowth>(7)}, 1);
            });
  bad.range("the temperature of position -1", "query_temperature: position must be finite and >= 0, got -1", [](auto&) {
    posenc::query_temperature({0.1, 8192, 1, posenc::TemperatureGrowth::logarithm}, -1);
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

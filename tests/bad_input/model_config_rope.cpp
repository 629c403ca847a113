// SPDX-License-Identifier: MIT
#include "bad_input/model_config_fixture.hpp"

#include <limits>
#include <utility>

namespace {

using posenc_tests::llama;
using posenc_tests::rope_scaling;

const std::string kYarn = R"("type": "yarn", "original_max_position_embeddings": 4096)";
const std::string kLlama3 = R"("rope_type": "llama3", "factor": 8, "original_max_position_embeddings": 8192)";

/// Lists of `count` ones.
std::string ones(int count) {
  std::string list = "1";
  for (int i = 1; i < count; ++i) list += ", 1";
  return "[" + list + "]";
}
std::string longrope(const std::string& short_factor, const std::string& long_factor, const std::string& more = "") {
  return rope_scaling(
      R"("type": "longrope", "factor": 32, "original_max_position_embeddings": 4096, "short_factor": )" + short_factor +
      R"(, "long_factor": )" + long_factor + more);
}

std::string qwen2_vl(const std::string& rope) {
  return R"({"model_type": "qwen2_vl", "head_dim": 128, "num_hidden_layers": 2, "rope_scaling": {)" + rope + "}}";
}

}  // namespace

/// Bases, the rope dictionary and sections.
std::vector<posenc_tests::BadInputCase> posenc_tests::bad_config_rope() {
  BadConfigs bad("config");

  // rope_theta
  bad.refused("no theta, and no default",
              "read_hugging_face_config: rope_theta must be given, since this model_type has no default, got nothing",
              R"({"model_type": "kimi_k2", "num_hidden_layers": 2, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128})");
  bad.refused(
      "no theta for one kind of layer",
      "read_hugging_face_config: rope_parameters.full_attention.rope_theta must be given, since this model_type has no "
      "default, got nothing",
      R"({"model_type": "kimi_k2", "num_hidden_layers": 2, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
           "rope_parameters": {"full_attention": {"rope_type": "default"}}})");
  bad.refused("theta is a text", "read_hugging_face_config: rope_theta must be a number, got the text \"10000\"",
              llama(R"("rope_theta": "10000")"));
  bad.refused("theta is negative", "read_hugging_face_config: rope_theta must be finite, > 0 and not 1, got -10000",
              llama(R"("rope_theta": -10000)"));
  // Not in JSON, but what parsers of configs let through, Python's among them.
  const double infinity = std::numeric_limits<double>::infinity();
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [number, text] : {std::pair(infinity, "inf"), std::pair(not_a_number, "nan")}) {
    const auto config = [number = number](const std::string& key, const posenc::ConfigValue& value) {
      posenc::ConfigValue llama = posenc::ConfigValue::dictionary(
          {{"model_type", "llama"}, {"head_dim", 128}, {"num_hidden_layers", 2}, {"rope_theta", number}});
      llama.set(key, value);
      return llama;
    };
    bad.value("theta is " + std::string(text),
              "read_hugging_face_config: rope_theta must be finite, > 0 and not 1, got " + std::string(text),
              [=](auto&) { posenc::read_hugging_face_config(config("head_dim", 128), 4096); });
    bad.value("a factor is " + std::string(text),
              "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got " + std::string(text),
              [=, number = number](auto&) {
                posenc::ConfigValue llama = config("rope_theta", 1e4);
                llama.set("rope_scaling", posenc::ConfigValue::dictionary({{"type", "linear"}, {"factor", number}}));
                posenc::read_hugging_face_config(llama, 4096);
              });
  }
  bad.allowed("a limit of time steps without an end", [=](auto&) {
    posenc::read_hugging_face_config(
        posenc::ConfigValue::dictionary({{"model_type", "bamba"},
                                         {"num_hidden_layers", 4},
                                         {"attn_layer_indices", posenc::ConfigValue::list({1, 3})},
                                         {"time_step_limit", posenc::ConfigValue::list({0.0, infinity})}}),
        4096);
  });
  bad.refused("theta is 0", "read_hugging_face_config: rope_theta must be finite, > 0 and not 1, got 0",
              llama(R"("rope_theta": 0)"));
  bad.refused("theta is 1, by an older name",
              "read_hugging_face_config: rotary_emb_base must be finite, > 0 and not 1, got 1",
              llama(R"("rotary_emb_base": 1)"));
  bad.refused("theta times 0", "read_hugging_face_config: rope_theta * rope_ratio must be finite, > 0 and not 1, got 0",
              R"({"model_type": "chatglm", "num_layers": 1, "kv_channels": 128, "rope_ratio": 0})");
  bad.refused(
      "theta inside and outside",
      "read_hugging_face_config: rope_parameters.rope_theta must be the same as at the top level 10000, got 500000",
      llama(R"("rope_theta": 10000, "rope_parameters": {"rope_theta": 500000})"));
  bad.refused("two names of theta that differ",
              "read_hugging_face_config: rotary_emb_base must be the same as rope_theta 10000, got 20000",
              llama(R"("rope_theta": 10000, "rotary_emb_base": 20000)"));

  // The rope dictionary
  bad.refused("rope_scaling is a number", "read_hugging_face_config: rope_scaling must be a dictionary, got 4",
              llama(R"("rope_scaling": 4)"));
  bad.refused("rope_scaling is a text",
              "read_hugging_face_config: rope_scaling must be a dictionary, got the text \"linear\"",
              llama(R"("rope_scaling": "linear")"));
  bad.refused("rope_scaling against rope_parameters",
              "read_hugging_face_config: rope_scaling must be null or equal to rope_parameters, got a dictionary of 2",
              llama(R"("rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "default"})"));
  bad.refused(
      "unknown rope_type",
      "read_hugging_face_config: rope_scaling.rope_type must be default, linear, dynamic, yarn, longrope, llama3 "
      "or proportional, got the text \"yarn2\"",
      rope_scaling(R"("rope_type": "yarn2", "factor": 4)"));
  bad.refused(
      "type against rope_type",
      "read_hugging_face_config: rope_scaling.type must be the same as rope_scaling.rope_type linear, got dynamic",
      rope_scaling(R"("rope_type": "linear", "type": "dynamic", "factor": 4)"));
  bad.refused("rope_type is a flag", "read_hugging_face_config: rope_scaling.rope_type must be a text, got true",
              rope_scaling(R"("rope_type": true)"));
  bad.refused("a factor without a type",
              "read_hugging_face_config: rope_scaling.rope_type must be given where there is a factor, got nothing",
              rope_scaling(R"("factor": 4)"));
  bad.refused("linear without a factor",
              "read_hugging_face_config: rope_scaling.factor must be given for linear, got nothing",
              rope_scaling(R"("type": "linear")"));
  bad.refused("linear by less than 1", "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got 0.5",
              rope_scaling(R"("type": "linear", "factor": 0.5)"));
  bad.refused("the factor is a text",
              "read_hugging_face_config: rope_scaling.factor must be a number, got the text \"8\"",
              rope_scaling(R"("type": "linear", "factor": "8")"));
  bad.refused("the factor is a list", "read_hugging_face_config: rope_scaling.factor must be a number, got a list of 1",
              rope_scaling(R"("type": "linear", "factor": [8])"));
  bad.refused("dynamic without a length",
              "read_hugging_face_config: max_position_embeddings must be given for dynamic, got nothing",
              rope_scaling(R"("type": "dynamic", "factor": 2)"));
  bad.refused(
      "yarn without a trained length",
      "read_hugging_face_config: rope_scaling.original_max_position_embeddings must be given for yarn, got nothing",
      rope_scaling(R"("type": "yarn", "factor": 4)"));
  bad.refused("yarn without a factor",
              "read_hugging_face_config: rope_scaling.factor must be given for yarn, got nothing", rope_scaling(kYarn));
  bad.refused("betas swapped",
              "read_hugging_face_config: rope_scaling.beta_fast must be finite and > rope_scaling.beta_slow 32, got 1",
              rope_scaling(kYarn + R"(, "factor": 4, "beta_fast": 1, "beta_slow": 32)"));
  bad.refused("truncate is a text",
              "read_hugging_face_config: rope_scaling.truncate must be true or false, got the text \"false\"",
              rope_scaling(kYarn + R"(, "factor": 4, "truncate": "false")"));
  bad.refused("attention_factor 0",
              "read_hugging_face_config: rope_scaling.attention_factor must be finite and > 0, got 0",
              rope_scaling(kYarn + R"(, "factor": 4, "attention_factor": 0)"));
  bad.refused("the trained length inside and outside",
              "read_hugging_face_config: rope_scaling.original_max_position_embeddings must be the same as at the top "
              "level 8192, got 4096",
              llama(R"("original_max_position_embeddings": 8192, "rope_scaling": {"factor": 4, )" + kYarn + "}"));
  bad.refused("llama3 without low_freq_factor",
              "read_hugging_face_config: rope_scaling.low_freq_factor must be given for llama3, got nothing",
              rope_scaling(kLlama3 + R"(, "high_freq_factor": 4)"));
  bad.refused("llama3 with its factors swapped",
              "read_hugging_face_config: rope_scaling.high_freq_factor must be finite and >= "
              "rope_scaling.low_freq_factor 4, got 1",
              rope_scaling(kLlama3 + R"(, "low_freq_factor": 4, "high_freq_factor": 1)"));
  bad.refused(
      "longrope without a list",
      "read_hugging_face_config: rope_scaling.long_factor must be given for longrope, got nothing",
      rope_scaling(R"("type": "su", "factor": 32, "original_max_position_embeddings": 4096, "short_factor": [1])"));
  bad.refused("longrope, a list one short",
              "read_hugging_face_config: rope_scaling.long_factor.size() must be the number of pairs 64, got 63",
              longrope(ones(64), ones(63)));
  bad.refused("longrope, a list for the whole head",
              "read_hugging_face_config: rope_scaling.short_factor.size() must be the number of pairs 64, got 128",
              longrope(ones(128), ones(64)));
  bad.refused("longrope, a text in a list",
              "read_hugging_face_config: rope_scaling.short_factor[1] must be a number, got the text \"2\"",
              longrope(R"([1, "2"])", ones(64)));
  bad.refused("longrope, a number for a list",
              "read_hugging_face_config: rope_scaling.short_factor must be a list, got 1", longrope("1", ones(64)));
  bad.refused("proportional by nothing",
              "read_hugging_face_config: rope_scaling.partial_rotary_factor must be in (0, 1], got 0",
              rope_scaling(R"("rope_type": "proportional", "partial_rotary_factor": 0)"));

  // Several positions
  bad.refused("sections that do not add up",
              "read_hugging_face_config: sum of rope_scaling.mrope_section must be the number of pairs 64, got 60",
              qwen2_vl(R"("type": "mrope", "mrope_section": [16, 24, 20])"));
  bad.refused(
      "a negative section",
      "read_hugging_face_config: rope_scaling.mrope_section[0] must be a whole number from 0 to 8388608, got -16",
      qwen2_vl(R"("type": "mrope", "mrope_section": [-16, 40, 40])"));
  bad.refused("sections as a number", "read_hugging_face_config: rope_scaling.mrope_section must be a list, got 64",
              qwen2_vl(R"("mrope_section": 64)"));
  bad.refused(
      "sections that cannot be interleaved",
      "read_hugging_face_config: rope_scaling.mrope_section[0] must be 22 to fit the order t h w t h w ..., got 10",
      R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [10, 27, 27]}})");
  bad.refused(
      "two sections of three",
      "read_hugging_face_config: rope_scaling.mrope_section.size() must be 3 (time, height, width), got 2",
      R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 1, "rope_scaling": {"mrope_section": [32, 32]}})");
  bad.refused("two sections of three in blocks",
              "read_hugging_face_config: rope_scaling.mrope_section.size() must be 3 (time, height, width), got 2",
              qwen2_vl(R"("type": "mrope", "mrope_section": [32, 32])"));
  bad.refused("sections in turn for a model that has them in blocks",
              "read_hugging_face_config: rope_scaling.mrope_interleaved must be false for this model_type, got true",
              qwen2_vl(R"("mrope_section": [16, 24, 24], "mrope_interleaved": true)"));
  bad.refused("sections for a model of one position",
              "read_hugging_face_config: rope_scaling.mrope_section must be absent for this model_type, got a list",
              rope_scaling(R"("type": "mrope", "mrope_section": [16, 24, 24])"));
  bad.refused(
      "an image encoder with a scaling rule",
      "read_hugging_face_config: rope_scaling.rope_type must be default for this model_type, got the text \"linear\"",
      R"({"model_type": "dinov3_vit", "head_dim": 64, "num_hidden_layers": 1, "rope_scaling": {"type": "linear",
           "factor": 2}})");
  bad.refused("an image encoder whose head has no quarters",
              "read_hugging_face_config: head_dim must be a multiple of 4 for two axes, got 66",
              R"({"model_type": "dinov3_vit", "head_dim": 66, "num_hidden_layers": 1})");
  return bad.cases();
}

// SPDX-License-Identifier: MIT
/// read_hugging_face_config(): the forms that one config may have, what is ignored, and what the caller decides.
#include <cstdint>
#include <string>
#include <vector>

#include "model_config/expected.hpp"
#include "support/json.hpp"

namespace {

using posenc::ModelRope;
using posenc_tests::check_model;
using posenc_tests::Json;
using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;

ModelRope read(const std::string& config, std::int64_t serving_length = 4096) {
  return posenc::read_hugging_face_config(Json::parse(config), serving_length);
}

/// A Llama of two layers with more keys.
std::string llama(const std::string& more) {
  return R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, )" + more + "}";
}

bool same_frequencies(const ModelRope& a, const ModelRope& b) {
  return a.rope_sets.size() == 1 && b.rope_sets.size() == 1 &&
         (a.rope_sets[0].frequencies.inv_freq() == b.rope_sets[0].frequencies.inv_freq()).all() &&
         a.rope_sets[0].frequencies.magnitude() == b.rope_sets[0].frequencies.magnitude();
}

}  // namespace

TEST_CASE("old and new keys say the same", "[model_config][hugging_face]") {
  const std::string yarn = R"("factor": 4.0, "original_max_position_embeddings": 32768, "beta_fast": 16)";
  const ModelRope newest = read(llama(R"("rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6, )" + yarn + "}"));
  const std::vector<std::string> forms = {
      R"("rope_theta": 1e6, "rope_scaling": {"type": "yarn", )" + yarn + "}",
      R"("rope_theta": 1e6, "rope_scaling": {"rope_type": "yarn", )" + yarn + "}",
      R"("rope_theta": 1e6, "rope_scaling": {"rope_type": "yarn", "type": "yarn", )" + yarn + "}",
      R"("rope_theta": 1e6, "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6, )" + yarn + "}",
      R"("rope_theta": 1e6, "rope_scaling": {"rope_type": "yarn", )" + yarn +
          R"(}, "rope_parameters": {"rope_type": "yarn", )" + yarn + "}",
      R"("max_position_embeddings": 131072, "rope_theta": 1e6, "rope_scaling": {"type": "yarn",
         "original_max_position_embeddings": 32768, "beta_fast": 16})"};
  for (const std::string& form : forms) {
    INFO(form);
    CHECK(same_frequencies(read(llama(form)), newest));
  }
  CHECK_FALSE(same_frequencies(read(llama(R"("rope_theta": 1e6)")), newest));
  // An older name of the default.
  CHECK(same_frequencies(read(llama(R"("rope_parameters": {"rope_theta": 1e6, "type": "mrope"})")),
                         read(llama(R"("rope_theta": 1e6)"))));
}

TEST_CASE("the part of a head that rotates, by each of its names", "[model_config][hugging_face]") {
  const auto rotary_dim = [](const std::string& more) {
    const ModelRope model = read(R"({"model_type": "gpt_neox", "head_dim": 80, "num_hidden_layers": 1)" + more + "}");
    return model.rope_sets[0].frequencies.rotary_dim();
  };
  CHECK(rotary_dim("") == 20);  // 0.25, of the config class
  CHECK(rotary_dim(R"(, "rotary_pct": 0.4)") == 32);
  CHECK(rotary_dim(R"(, "partial_rotary_factor": 0.4)") == 32);
  CHECK(rotary_dim(R"(, "rotary_pct": 0.4, "rope_parameters": {"partial_rotary_factor": 0.4})") == 32);
  CHECK(rotary_dim(R"(, "rope_parameters": {"partial_rotary_factor": 0.334})") == 26);  // int(26.72)
  // The class of MiniMax-M2 reads rotary_dim, that of GPT-NeoX does not.
  CHECK(rotary_dim(R"(, "rotary_dim": 48)") == 20);
  const auto minimax = [](const std::string& more) {
    return read(R"({"model_type": "minimax_m2", "head_dim": 80, "num_hidden_layers": 1)" + more + "}")
        .rope_sets[0]
        .frequencies.rotary_dim();
  };
  CHECK(minimax("") == 80);
  CHECK(minimax(R"(, "rotary_dim": 48)") == 48);
  CHECK(minimax(R"(, "rotary_dim": 32, "partial_rotary_factor": 0.4)") == 32);
}

TEST_CASE("rules that depend on the length of a sequence take it from the caller", "[model_config][hugging_face]") {
  // Golden files: factor 2, trained on 2048.
  const std::string dynamic = llama(R"("max_position_embeddings": 2048, "rope_scaling": {"type": "dynamic",
    "factor": 2.0})");
  check_model(read(dynamic, 8192), {{"", kHalfSplit, 128, 0, 128, "dynamic-ntk-8192"}}, "2x0");
  check_model(read(dynamic, 1000), {{"", kHalfSplit, 128, 0, 128, "dynamic-ntk-short"}}, "2x0");
  // Hunyuan's alpha does not: 1e4 * 1000^(128/126), section 2.3.
  const std::string hunyuan = llama(R"("rope_scaling": {"type": "dynamic", "alpha": 1000.0, "factor": 1.0})");
  check_model(read(hunyuan, 8192), {{"", kHalfSplit, 128, 0, 128, "", {{63, "1.15478198e-7"}}}}, "2x0",
              {"rope_scaling.factor"});
  CHECK(same_frequencies(read(hunyuan, 8192), read(hunyuan, 262144)));
}

TEST_CASE("what attention does with mscale_all_dim is the model's", "[model_config][hugging_face]") {
  const std::string rope = R"("rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
    "original_max_position_embeddings": 4096})";
  // Section 4.29: the pair 1 and 1 on a model whose attention does not apply it scales nothing.
  const ModelRope plain = read(llama(rope));
  CHECK(plain.rope_sets[0].frequencies.magnitude() == 1);
  CHECK(plain.rope_sets[0].frequencies.softmax_multiplier() == 1);
  // An explicit attention_factor wins over what is derived, sections 2.5 and 4.28.
  const ModelRope laguna = read(llama(R"("rope_scaling": {"type": "yarn", "factor": 64, "attention_factor": 1.0,
    "original_max_position_embeddings": 4096})"));
  CHECK(laguna.rope_sets[0].frequencies.magnitude() == 1);
}

TEST_CASE("keys without effect are named", "[model_config][hugging_face]") {
  const ModelRope model = read(llama(R"("rope_theta": 1e4, "rope_interleaved_v2": 1, "rotary_seed": 3, "vocab_size": 9,
    "rope_scaling": {"type": "linear", "factor": 2.0, "finetuned": true, "beta_fast": 32, "note": null})"));
  CHECK(model.ignored_keys == std::vector<std::string>{"rope_scaling.finetuned", "rope_scaling.beta_fast",
                                                       "rope_interleaved_v2", "rotary_seed"});
  const ModelRope nested = read(R"({"model_type": "gemma3", "rope_theta": 5, "text_config": {"model_type":
    "gemma3_text", "num_hidden_layers": 1, "layer_types": ["full_attention"], "rope_theta": 7, "rope_parameters": {
    "full_attention": {"rope_theta": 1e6, "what": 1}, "sliding_attention": {"rope_theta": 1e4}}}})");
  CHECK(nested.ignored_keys == std::vector<std::string>{"text_config.rope_parameters.full_attention.what",
                                                        "text_config.rope_parameters.sliding_attention",
                                                        "text_config.rope_theta", "rope_theta"});
  // Keys of other models, which mean nothing in this one.
  CHECK(read(llama(R"("alibi": true, "position_embedding_type": "absolute", "attn_temperature_tuning": true,
    "llama_4_scaling_beta": 0.1)"))
            .ignored_keys == std::vector<std::string>{"alibi", "position_embedding_type", "attn_temperature_tuning",
                                                      "llama_4_scaling_beta"});
  // A base of sliding layers where none slides, or where the full layers do not rotate.
  const std::vector<std::string> local{"rope_local_base_freq"};
  CHECK(read(llama(R"("rope_local_base_freq": 500)")).ignored_keys == local);
  CHECK(read(R"({"model_type": "cohere2", "head_dim": 128, "num_hidden_layers": 4, "rope_local_base_freq": 500})")
            .ignored_keys == local);
}

TEST_CASE("the caller may give the pair layout", "[model_config][hugging_face]") {
  const Json meta = Json::parse(llama(R"("rope_theta": 1e6)"));
  check_model(posenc::read_hugging_face_config(meta, 4096, kInterleaved),
              {{"", kInterleaved, 128, 0, 128, "codellama-7b"}}, "2x0");
  const Json unknown =
      Json::parse(R"({"model_type": "new_model", "head_dim": 128, "num_hidden_layers": 3, "rope_theta": 1e6})");
  check_model(posenc::read_hugging_face_config(unknown, 4096, kHalfSplit),
              {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}}, "3x0");
  // DeepSeek's own key.
  const ModelRope deepseek = read(R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "rope_interleave": false})");
  CHECK(deepseek.rope_sets[0].layout.pairs() == kHalfSplit);
  CHECK(deepseek.rope_sets[0].layout.offset() == 128);
}

TEST_CASE("layers that do not rotate", "[model_config][hugging_face]") {
  const auto smollm3 = [](const std::string& more) {
    return posenc_tests::plan_of(
        read(R"({"model_type": "smollm3", "head_dim": 128, "num_hidden_layers": 6)" + more + "}"));
  };
  CHECK(smollm3("") == "3x0 . 2x0");
  CHECK(smollm3(R"(, "no_rope_layer_interval": 3)") == "2x0 . 2x0 .");
  CHECK(smollm3(R"(, "no_rope_layers": [0, 1, 1, 1, 1, 0], "no_rope_layer_interval": 3)") == ". 4x0 .");
  CHECK(smollm3(R"(, "no_rope_layers": null)") == "3x0 . 2x0");
  const auto next = [](const std::string& more) {
    return posenc_tests::plan_of(read(R"({"model_type": "qwen3_next", "num_hidden_layers": 8)" + more + "}"));
  };
  CHECK(next("") == "3x. 0 3x. 0");
  CHECK(next(R"(, "full_attention_interval": 2)") == ". 0 . 0 . 0 . 0");
  // Llama 4's tuning can be off.
  const std::string llama4 = R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4,
    "attn_temperature_tuning": )";
  CHECK(posenc_tests::plan_of(read(llama4 + "false}")) == "3x0 .");
  CHECK(posenc_tests::plan_of(read(llama4 + "4}")) == "3x0 .~");
}

TEST_CASE("a partial rotation beside a rope window is refused", "[model_config][hugging_face]") {
  auto config = posenc::ConfigValue::dictionary({{"model_type", "deepseek_v2"},
                                                 {"num_hidden_layers", 2},
                                                 {"qk_rope_head_dim", 64},
                                                 {"qk_nope_head_dim", 128},
                                                 {"rope_theta", 10000.0},
                                                 {"partial_rotary_factor", 1.0}});
  CHECK(posenc::read_hugging_face_config(config, 4096).rope_sets[0].frequencies.rotary_dim() == 64);
  config.set("partial_rotary_factor", 0.25);
  CHECK_THROWS_AS(posenc::read_hugging_face_config(config, 4096), std::invalid_argument);
}

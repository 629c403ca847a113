// SPDX-License-Identifier: MIT
/// Configs that were read wrongly without a word: each case is one that a run of the model's own code contradicted.
#include <cmath>
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
using posenc_tests::plan_of;
using posenc_tests::repeated;

ModelRope read(const std::string& config) { return posenc::read_hugging_face_config(Json::parse(config), 4096); }
ModelRope read_half_split(const std::string& config) {
  return posenc::read_hugging_face_config(Json::parse(config), 4096, kHalfSplit);
}

const std::string kGemmaSliding = R"("sliding_attention": {"rope_type": "default", "rope_theta": 10000.0})";

}  // namespace

TEST_CASE("widths of single layers are read", "[model_config][hugging_face][once_silent]") {
  // As transformers saves a Gemma 4 whose global head_dim is not 512. Closed form: 1e6^(-2i/384), 48 pairs of 192.
  const ModelRope model = read(
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "head_dim": 256, "per_layer_config": {"5": {"head_dim":
          384}}, "rope_parameters": {"full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25,
          "rope_theta": 1000000.0}, )" +
      kGemmaSliding + "}}");
  check_model(model,
              {{"full_attention", kHalfSplit, 384, 0, 384, "", {{1, ".930572041"}, {47, ".0339820833"}}},
               {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
              "5x1 0");
  CHECK((model.rope_sets[0].frequencies.inv_freq().tail(144) == 0).all());
  // The same with the key that transformers writes for more than ten layers.
  const ModelRope padded = read(
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "head_dim": 256, "per_layer_config": {"05": {"head_dim":
          384}}})");
  CHECK(padded.rope_sets[0].layout.head_dim() == 384);
  // The sliding layers of dots3-note have a head of their own: class defaults 192 + 64, the others 128 + 64.
  for (const std::string type : {"gemma4_unified_text", "embedding_gemma2_text", "diffusion_gemma_text"}) {
    INFO(type);
    const ModelRope relative = read("{\"model_type\": \"" + type + R"(", "num_hidden_layers": 6, "head_dim": 256,
      "per_layer_config": {"05": {"head_dim": 384}}})");
    CHECK(relative.rope_sets[0].layout.head_dim() == 384);
    CHECK(relative.rope_sets[1].layout.head_dim() == 256);
  }
  const ModelRope dots = read(R"({"model_type": "dots3_note_text", "num_hidden_layers": 6})");
  REQUIRE(dots.rope_sets.size() == 2);
  CHECK(dots.rope_sets[0].layout.head_dim() == 192);
  CHECK(dots.rope_sets[1].layout.head_dim() == 256);
  CHECK(plan_of(dots) == "2x0 3x1 0");
}

TEST_CASE("defaults of config classes", "[model_config][hugging_face][once_silent]") {
  // Closed form: 5e5^(-2/128), 5e5^(-64/128).
  const std::vector<std::pair<Eigen::Index, posenc_tests::Printed>> base_5e5 = {{1, ".814617234"},
                                                                                {32, "1.41421356e-3"}};
  for (const char* const type : {"qwen3_vl_text", "qwen3_vl_moe_text", "cohere"}) {
    INFO(type);
    const ModelRope model =
        read(R"({"head_dim": 128, "num_hidden_layers": 1, "model_type": ")" + std::string(type) + "\"}");
    for (const auto& [pair, value] : base_5e5) CHECK(value.is(model.rope_sets[0].frequencies.inv_freq()[pair]));
  }
  // gpt-oss without rope keys is YaRN by 32, whose ramp is not rounded: golden file, magnitude 1.34657.
  check_model(read(R"({"model_type": "gpt_oss", "num_hidden_layers": 4})"),
              {{"", kHalfSplit, 64, 0, 64, "gpt-oss-20b"}}, "4x0");
}

TEST_CASE("yarn of Phi-3 is longrope", "[model_config][hugging_face][once_silent]") {
  const std::string ones = "[1, 1, 1, 1, 1, 1, 1, 1]";
  const std::string twos = "[2, 2, 2, 2, 2, 2, 2, 2]";
  const ModelRope model = read(
      R"({"model_type": "phi3", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 1,
          "max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "rope_scaling": {"type": "yarn",
          "short_factor": )" +
      ones + R"(, "long_factor": )" + twos + "}}");
  // Section 2.6 of the reference: sqrt(1 + ln 32 / ln 4096); a length of 4096 takes the short list.
  check_model(model, {{"", kHalfSplit, 16, 0, 16, "", {{0, "1.00000000"}, {4, ".0100000000"}}, "1.1902380714"}}, "0");
}

TEST_CASE("partial_rotary_factor counts with a scaling rule, or where the class reads it",
          "[model_config][hugging_face][once_silent]") {
  for (const char* const type : {"llama", "qwen3", "mistral"}) {
    INFO(type);
    const std::string head =
        R"({"head_dim": 128, "num_hidden_layers": 1, "partial_rotary_factor": 0.5, "model_type": ")" +
        std::string(type) + "\"";
    const ModelRope plain = read(head + "}");
    CHECK(plain.rope_sets[0].frequencies.num_pairs() == 64);
    CHECK(plain.ignored_keys == std::vector<std::string>{"partial_rotary_factor"});
    const ModelRope scaled = read(head + R"(, "rope_scaling": {"type": "linear", "factor": 2}})");
    CHECK(scaled.rope_sets[0].frequencies.num_pairs() == 32);
    CHECK(scaled.ignored_keys.empty());
  }
  CHECK(read(R"({"model_type": "phi", "head_dim": 128, "num_hidden_layers": 1, "partial_rotary_factor": 0.5})")
            .rope_sets[0]
            .frequencies.num_pairs() == 32);
}

TEST_CASE("a flat rope_parameters says nothing of Gemma 3", "[model_config][hugging_face][once_silent]") {
  const std::string head = R"({"model_type": "gemma3_text", "head_dim": 256, "num_hidden_layers": 6, )";
  check_model(read(head + R"("rope_parameters": {"rope_type": "linear", "factor": 8, "rope_theta": 1000000.0}})"),
              {{"full_attention", kHalfSplit, 256, 0, 256, "", {{0, "1.00000000"}, {64, "1.00000000e-3"}}},
               {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
              "5x1 0", {"rope_parameters.rope_type", "rope_parameters.factor", "rope_parameters.rope_theta"});
  // The older key scales full layers.
  check_model(read(head + R"("rope_scaling": {"rope_type": "linear", "factor": 8}})"),
              {{"full_attention", kHalfSplit, 256, 0, 256, "gemma-3-global"},
               {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
              "5x1 0");
}

TEST_CASE("plans that the code of a model has", "[model_config][hugging_face][once_silent]") {
  const auto exaone4 = [](const std::string& more) {
    return plan_of(read(R"({"model_type": "exaone4", "head_dim": 128, "num_hidden_layers": 8)" + more + "}"));
  };
  CHECK(exaone4("") == repeated("3x0 .", 2));
  CHECK(exaone4(R"(, "sliding_window": 4096, "sliding_window_pattern": "LLLG")") == repeated("3x0 .", 2));
  CHECK(exaone4(R"(, "sliding_window": null)") == "8x0");
  const auto muse = [](const std::string& more) {
    return plan_of(read(R"({"model_type": "muse_glimmer_text", "num_hidden_layers": 6)" + more + "}"));
  };
  CHECK(muse("") == "0 . 3x0 .");  // counted from the last layer
  CHECK(muse(R"(, "layer_rope_theta": [0, 10000, 10000, 500000, 0, 10000])") == ". 2x0 1 . 0");
  // Olmo 3 scales full layers alone, with the same base. Closed form: 5e5^(-1/2), and half of it.
  check_model(read(R"({"model_type": "olmo3", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 4,
                       "rope_theta": 500000, "rope_scaling": {"rope_type": "linear", "factor": 2}})"),
              {{"full_attention", kHalfSplit, 128, 0, 128, "", {{0, ".500000000"}, {32, "7.07106781e-4"}}},
               {"sliding_attention", kHalfSplit, 128, 0, 128, "", {{0, "1.00000000"}, {32, "1.41421356e-3"}}}},
              "3x1 0");
  const ModelRope mimo = read(R"({"model_type": "mimo_v2_flash", "num_hidden_layers": 7, "swa_rope_theta": 500})");
  CHECK(plan_of(mimo) == "0 4x1 0 1");
  CHECK(mimo.rope_sets[1].frequencies.base() == 500);
  CHECK(mimo.rope_sets[0].frequencies.rotary_dim() == 64);  // int(192 * 0.334)
  const ModelRope minimax =
      read(R"({"model_type": "minimax_m3_vl_text", "head_dim": 128, "num_hidden_layers": 1, "rotary_dim": 64})");
  CHECK(minimax.rope_sets[0].frequencies.rotary_dim() == 128);
  CHECK(minimax.ignored_keys == std::vector<std::string>{"rotary_dim"});
  // Two attentions in a layer, and layers outside the scaling rule.
  CHECK(plan_of(read(R"({"model_type": "longcat_flash", "num_layers": 3})")) == "6x0");
  CHECK(plan_of(read(R"({"model_type": "longcat_flash", "num_layers": 3, "num_hidden_layers": 6})")) == "6x0");
  CHECK(plan_of(read(R"({"model_type": "longcat_flash", "num_hidden_layers": 8})")) == "8x0");
  // Layers that attend to pictures do not rotate.
  CHECK(plan_of(
            read(R"({"model_type": "mllama_text_model", "num_hidden_layers": 6, "cross_attention_layers": [1, 4]})")) ==
        "0 . 2x0 . 0");
  // GLM-OCR pairs neighbors, as GLM-4V does; Muse's pictures have columns first.
  CHECK(read(R"({"model_type": "glm_ocr_text", "num_hidden_layers": 1})").rope_sets[0].layout.pairs() == kInterleaved);
  CHECK(read(R"({"model_type": "muse_spark_vision", "num_hidden_layers": 1})").rope_sets[0].positions ==
        posenc::TokenPositions::column_row);
  const ModelRope ink = read(R"({"model_type": "inkling2_vision", "num_hidden_layers": 1})");
  CHECK(ink.rope_sets[0].layout.pairs() == kInterleaved);
  CHECK(read(R"({"model_type": "sarvam_moe", "num_hidden_layers": 1, "partial_rotary_factor": 0.5})")
            .rope_sets[0]
            .frequencies.rotary_dim() == 32);
  // The class of Qwen 4 rotates all of a head, for which its own sections are too few: a config says how much.
  CHECK(read(R"({"model_type": "qwen4_exp_text", "num_hidden_layers": 4, "partial_rotary_factor": 0.25})")
            .rope_sets[0]
            .frequencies.rotary_dim() == 64);
  // A share of the head for each layer.
  const ModelRope step =
      read(R"({"model_type": "step3p5", "num_hidden_layers": 3, "partial_rotary_factors": [0.5, 1, 1],
    "layer_types": ["full_attention", "sliding_attention", "sliding_attention"]})");
  CHECK(plan_of(step) == "0 2x1");
  CHECK(step.rope_sets[0].frequencies.rotary_dim() == 64);
  CHECK(step.rope_sets[1].frequencies.rotary_dim() == 128);
  // Sliding layers of their own width, and none.
  const ModelRope narrow =
      read(R"({"model_type": "dots3_note_text", "num_hidden_layers": 6, "swa_qk_rope_head_dim": 32})");
  CHECK(narrow.rope_sets[0].layout.rotary_dim() == 64);
  CHECK(narrow.rope_sets[1].layout.rotary_dim() == 32);
  CHECK(plan_of(read(R"({"model_type": "dots3_note_text", "num_hidden_layers": 6, "use_sliding_window": false})")) ==
        "6x0");
  const ModelRope molmo = read(R"({"model_type": "molmo2_text", "num_hidden_layers": 3, "rope_scaling_layers": [1],
    "rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 1000000.0}})");
  CHECK(plan_of(molmo) == "0 1 0");
  CHECK(molmo.rope_sets[0].frequencies.inv_freq()[0] == 1);
  CHECK(molmo.rope_sets[1].frequencies.inv_freq()[0] == 0.25);
}

TEST_CASE("entries of a rope dictionary are filled from the top level", "[model_config][hugging_face][once_silent]") {
  const ModelRope llama = read(R"({"model_type": "llama", "hidden_size": 512, "num_attention_heads": 4,
    "num_hidden_layers": 2, "rope_theta": 5e5, "rope_parameters": {"full_attention": {"rope_type": "default"}}})");
  CHECK(llama.rope_sets[0].frequencies.base() == 5e5);
  CHECK(llama.ignored_keys.empty());
  // An entry that is missing or null has the default of the class, where the class has one.
  const ModelRope gemma = read(R"({"model_type": "gemma3_text", "num_hidden_layers": 6, "rope_local_base_freq": 500,
    "rope_parameters": {"full_attention": {"rope_theta": 7}}})");
  CHECK(gemma.rope_sets[0].frequencies.base() == 7);
  CHECK(gemma.rope_sets[1].frequencies.base() == 500);
  // Where the class has none, null means that the layers do not rotate.
  const ModelRope compass = read(R"({"model_type": "cohere_compass_text", "num_hidden_layers": 2, "layer_types":
    ["sliding_attention", "full_attention"], "rope_parameters": {"sliding_attention": {"rope_theta": 50000},
    "full_attention": null}})");
  CHECK(plan_of(compass) == "0 .");
}

TEST_CASE("switches that turn the rotation off", "[model_config][hugging_face][once_silent]") {
  const auto plan = [](const std::string& entries) { return plan_of(read("{" + entries + "}")); };
  const std::string granite = R"("model_type": "granitemoehybrid", "num_hidden_layers": 3, "layer_types": ["mamba",
    "attention", "mamba"])";
  CHECK(plan(granite) == "3x.");
  CHECK(plan(granite + R"(, "position_embedding_type": "nope")") == "3x.");
  CHECK(plan(granite + R"(, "position_embedding_type": "rope")") == ". 0 .");
  const std::string esm = R"("model_type": "esm", "num_hidden_layers": 2)";
  CHECK(plan(esm) == "2x.");
  CHECK(plan(esm + R"(, "position_embedding_type": "rotary")") == "2x0");
  const std::string falcon = R"("model_type": "falcon", "num_hidden_layers": 2)";
  CHECK(plan(falcon) == "2x0");
  CHECK(plan(falcon + R"(, "alibi": true)") == "2x.");
  const std::string zamba =
      R"("model_type": "zamba2", "num_hidden_layers": 2, "layers_block_type": ["mamba", "hybrid"])";
  CHECK(plan(zamba) == "2x.");
  CHECK(plan(zamba + R"(, "use_mem_rope": true)") == ". 0");
  CHECK(plan(R"("model_type": "zamba2", "use_mem_rope": true)") ==
        "6x. 0 5x. 0 5x. 0 5x. 0 5x. 0 5x. 0 5x. 0 4x. 0 3x. 0 2x.");
  CHECK(plan(R"("model_type": "lfm3_vl_vision")") == "2x. 0 . 0 . 0 . 0 . 0 . 0 .");
  CHECK(plan(R"("model_type": "kimi_linear", "num_hidden_layers": 4)") == "4x.");
  CHECK(plan(R"("model_type": "bamba", "num_hidden_layers": 4, "attn_layer_indices": [1, 3])") == ". 0 . 0");
  CHECK(plan(R"("model_type": "lfm2", "num_hidden_layers": 4, "full_attn_idxs": [2])") == "2x. 0 .");
  CHECK(plan(R"("model_type": "recurrent_gemma", "num_hidden_layers": 6)") == "2x. 0 2x. 0");
}

TEST_CASE("layer kinds by other names", "[model_config][hugging_face][once_silent]") {
  const auto plan = [](const std::string& type, const std::string& kinds) {
    return plan_of(
        read(R"({"num_hidden_layers": 2, "model_type": ")" + type + R"(", "layer_types": [)" + kinds + "]}"));
  };
  CHECK(plan("deepseek_v32", R"("indexed_attention", "deepseek_sparse_attention")") == "2x0");
  CHECK(plan("glm_moe_dsa", R"("indexed_attention", "full_attention")") == "2x0");
  CHECK(plan("dory", R"("sliding_attention", "mlp")") == "0");  // two blocks, one layer
  CHECK(plan("zaya", R"("hybrid", "hybrid_sliding")") == "0 1");
  CHECK(plan("unlimited_ocr_text", R"("reference_sliding_attention", "reference_sliding_attention")") == "2x0");
  // DeepSeek-V4: layers with a compressor have a base of their own; the last 64 of 512 channels rotate.
  const ModelRope v4 =
      read(R"({"model_type": "deepseek_v4", "num_hidden_layers": 3, "layer_types": ["sliding_attention",
    "compressed_sparse_attention", "heavily_compressed_attention"]})");
  CHECK(plan_of(v4) == "1 2x0");
  CHECK(v4.rope_sets[0].frequencies.base() == 160000);
  CHECK(v4.rope_sets[1].frequencies.base() == 10000);
  CHECK(v4.rope_sets[0].layout.offset() == 448);
  CHECK(v4.rope_sets[0].layout.head_dim() == 512);
  // YaRN's magnitude, 1 + 0.1 ln 4, holds in an entry of its own, and not in a flat dictionary.
  const std::string yarn = R"("rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 65536)";
  const std::string deepseek = R"({"model_type": "deepseek_v4", "num_hidden_layers": 1, "layer_types":
    ["compressed_sparse_attention"], "rope_parameters": )";
  CHECK(read(deepseek + "{" + yarn + "}}").rope_sets[0].frequencies.magnitude() == 1);
  CHECK(std::abs(read(deepseek +
                      R"({"main": {"rope_type": "default", "rope_theta": 10000}, "compress": {"rope_theta": 160000, )" +
                      yarn + "}}}")
                     .rope_sets[0]
                     .frequencies.magnitude() -
                 1.1386294361119891) <= 4e-16);
}

TEST_CASE("what decides a plan is not ignored for a type that is not known", "[model_config][hugging_face][errors]") {
  const std::string head =
      R"({"model_type": "new_model", "head_dim": 128, "num_hidden_layers": 4, "rope_theta": 10000)";
  CHECK(plan_of(read_half_split(head + "}")) == "4x0");
  for (const char* const key :
       {R"("sliding_window_pattern": "LLLG")", R"("global_attn_every_n_layers": 3)", R"("full_attention_interval": 4)",
        R"("nope_layers": [1])", R"("layer_group_size": 2)", R"("pos_emb": "rope")", R"("alibi": true)",
        R"("position_embedding_type": "rope")", R"("hybrid_layer_pattern": [0, 1])", R"("use_dynamic_ntk": true)",
        R"("nope_layer_interval": 4)", R"("yarn_only_types": ["full"])", R"("compress_ratios": [4])",
        R"("position_embedding_base": 500)", R"("use_logn_attn": true)", R"("attn_temperature_tuning": true)"}) {
    INFO(key);
    CHECK_THROWS_AS(read_half_split(head + ", " + key + "}"), std::invalid_argument);
  }
  CHECK(plan_of(read_half_split(head + R"(, "alibi": false, "use_dynamic_ntk": false})")) == "4x0");
  CHECK(plan_of(read_half_split(head + R"(, "attn_layer_indices": [1]})")) == ". 0 2x.");
  CHECK(plan_of(read_half_split(head + R"(, "layers_block_type": ["mamba", "attention", "mamba", "mamba"]})")) ==
        ". 0 2x.");
  // Where the layers of a known type do not rotate, they do not with its layout given either.
  for (const char* const type : {"exaone4", "exaone_moe", "kolibri1", "cohere2_moe", "afmoe", "muse_glimmer_text",
                                 "muse_spark_text", "flint", "lara_mini"}) {
    INFO(type);
    const std::string config = "{\"model_type\": \"" + std::string(type) + "\"}";
    CHECK(plan_of(read_half_split(config)) == plan_of(read(config)));
    CHECK(plan_of(read_half_split(config)).find('.') != std::string::npos);
  }
}

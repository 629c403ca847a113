// SPDX-License-Identifier: MIT
/// ModelHints, towers by their path, known types, and the positions that a rotation wants.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model_config/expected.hpp"
#include "support/json.hpp"

namespace {

using posenc::ModelHints;
using posenc::ModelRope;
using posenc::read_hugging_face_config;
using posenc::TokenPositions;
using posenc_tests::check_model;
using posenc_tests::Json;
using posenc_tests::kHalfSplit;
using posenc_tests::plan_of;

using Names = std::vector<std::string>;

ModelRope read_tower(const std::string& config, const std::string& tower) {
  ModelHints hints;
  hints.tower = tower;
  return read_hugging_face_config(Json::parse(config), 4096, hints);
}

}  // namespace

TEST_CASE("a type that is not known is handed what it lacks", "[model_config][hugging_face][hints]") {
  const Json config = Json::parse(R"({"model_type": "new_model", "num_hidden_layers": 6})");
  ModelHints hints;
  hints.pairs = kHalfSplit;
  hints.head_dim = 128;
  hints.rope_theta = 1e6;
  const ModelRope alike = read_hugging_face_config(config, 4096, hints);
  check_model(alike, {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}}, "6x0");
  CHECK(alike.assumed == Names{"pairs", "layer_types", "head_dim", "rope_theta"});

  hints.layers = "ssf";
  hints.sliding_rope_theta = 1e4;
  const ModelRope two = read_hugging_face_config(config, 4096, hints);
  check_model(two,
              {{"full_attention", kHalfSplit, 128, 0, 128, "codellama-7b"},
               {"sliding_attention", kHalfSplit, 128, 0, 128, "llama-2-7b"}},
              "2x1 0 2x1 0");
  hints.full_layers_rotate = false;
  hints.sliding_rope_theta = std::nullopt;
  check_model(read_hugging_face_config(config, 4096, hints), {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}},
              "2x0 . 2x0 .");

  // What the config says wins.
  hints = {};
  hints.pairs = kHalfSplit;
  hints.rope_theta = 500;
  const ModelRope said = read_hugging_face_config(
      Json::parse(R"({"model_type": "new_model", "num_hidden_layers": 2, "head_dim": 128, "rope_theta": 1000000.0,
                      "layer_types": ["full_attention", "full_attention"]})"),
      4096, hints);
  check_model(said, {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}}, "2x0");
  CHECK(said.assumed == Names{"pairs"});

  // Several positions of a token.
  hints.axes = posenc::contiguous_axes({16, 24, 24});
  const ModelRope axes = read_hugging_face_config(
      Json::parse(R"({"model_type": "new_model", "num_hidden_layers": 2, "head_dim": 128})"), 4096, hints);
  CHECK(*axes.rope_sets[0].axes == *hints.axes);
  CHECK(axes.assumed == Names{"pairs", "layer_types", "mrope_section", "rope_theta"});
  CHECK(axes.rope_sets[0].positions == TokenPositions::by_axis);
  // They take the place of the sections that the config has.
  hints = {};
  hints.axes = posenc::contiguous_axes({16, 24, 24});
  const ModelRope pictures = read_hugging_face_config(
      Json::parse(R"({"model_type": "qwen2_vl_text", "num_hidden_layers": 2, "hidden_size": 512,
                      "num_attention_heads": 4, "rope_scaling": {"type": "mrope", "mrope_section": [24, 20, 20]}})"),
      4096, hints);
  CHECK(*pictures.rope_sets[0].axes == *hints.axes);
  CHECK(pictures.ignored_keys == Names{"rope_scaling.mrope_section"});
  // Letters change the kinds of layers, not which kind rotates.
  hints = {};
  hints.layers = "ssf";
  CHECK(plan_of(read_hugging_face_config(Json::parse(R"({"model_type": "cohere2", "num_hidden_layers": 6})"), 4096,
                                         hints)) == "2x0 . 2x0 .");
  // Nothing is assumed of a type that is known.
  CHECK(read_hugging_face_config(Json::parse(R"({"model_type": "llama"})"), 4096).assumed.empty());
}

TEST_CASE("assumed names what was taken, and nothing else", "[model_config][hints]") {
  ModelHints hints;
  hints.rope_theta = 1e6;
  hints.sliding_rope_theta = 1e4;
  const auto assumed = [&](const std::string& keys) {
    return read_hugging_face_config(
               Json::parse(R"({"model_type": "gemma3_text", "num_hidden_layers": 6, "head_dim": 256)" + keys + "}"),
               4096, hints)
        .assumed;
  };
  CHECK(assumed("") == Names{"rope_theta"});
  CHECK(assumed(R"(, "rope_theta": 1000000)") == Names{"rope_theta"});
  CHECK(assumed(R"(, "rope_local_base_freq": 10000)") == Names{"rope_theta"});
  CHECK(assumed(R"(, "rope_theta": 1000000, "rope_local_base_freq": 10000)").empty());
  CHECK(assumed(R"(, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1000000},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000}})")
            .empty());
  CHECK(assumed(R"(, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1000000},
    "sliding_attention": {"rope_type": "default"}})") == Names{"rope_theta"});
  // A class's own dictionary is none of the config.
  hints = {};
  hints.rope_theta = 1e6;
  CHECK(read_hugging_face_config(Json::parse(R"({"model_type": "gpt_oss"})"), 4096, hints).assumed ==
        Names{"rope_theta"});
  // A head's width by other keys is the config's.
  hints = {};
  hints.head_dim = 64;
  CHECK(read_hugging_face_config(Json::parse(R"({"model_type": "llama"})"), 4096, hints).assumed == Names{"head_dim"});
  CHECK(read_hugging_face_config(Json::parse(R"({"model_type": "llama", "kv_channels": 64})"), 4096, hints)
            .assumed.empty());
  hints.pairs = kHalfSplit;
  hints.rope_theta = 1e4;
  const ModelRope listed = read_hugging_face_config(
      Json::parse(R"({"model_type": "new", "num_hidden_layers": 2, "attn_layer_indices": [1]})"), 4096, hints);
  CHECK(listed.assumed == Names{"pairs", "head_dim", "rope_theta"});
  hints = {};
  hints.head_dim = 64;
  posenc::ConfigValue file = posenc::ConfigValue::dictionary({{"general.architecture", "deepseek2"},
                                                              {"deepseek2.block_count", 2},
                                                              {"deepseek2.rope.dimension_count", 64},
                                                              {"deepseek2.attention.key_length_mla", 192}});
  CHECK(posenc::read_gguf_metadata(file, std::nullopt, hints).assumed.empty());
}

TEST_CASE("language models and towers of composites", "[model_config][hugging_face][hints]") {
  const std::string omni = R"({"model_type": "qwen2_5_omni", "thinker_config": {"model_type": "qwen2_5_omni_thinker",
    "text_config": {"model_type": "qwen2_5_omni_text", "num_hidden_layers": 2}, "vision_config": {"model_type":
    "qwen2_5_omni_vision_encoder", "hidden_size": 1280, "num_heads": 16, "depth": 3}}})";
  const ModelRope text = read_hugging_face_config(Json::parse(omni), 4096);
  CHECK(plan_of(text) == "2x0");
  CHECK(text.rope_sets[0].positions == TokenPositions::time_height_width);
  CHECK(*text.rope_sets[0].axes == posenc::contiguous_axes({16, 24, 24}));  // the default of the class
  const ModelRope vision = read_tower(omni, "thinker_config.vision_config");
  // Heads of 80 channels: 20 pairs for rows, 20 for columns, 1e4^(-1/20) and 1e4^(-19/20).
  check_model(vision,
              {{"",
                kHalfSplit,
                80,
                0,
                80,
                "",
                {{0, "1.00000000"}, {1, ".630957344"}, {19, "1.58489319e-4"}, {20, "1.00000000"}},
                "1",
                "1",
                {{20, 0}, {20, 1}}}},
              "3x0");
  CHECK(vision.rope_sets[0].positions == TokenPositions::row_column);
  // A picture tower may have the type of the whole model.
  CHECK(plan_of(read_tower(R"({"model_type": "qwen2_5_vl", "vision_config": {"model_type": "qwen2_5_vl",
    "hidden_size": 1280, "num_heads": 16, "depth": 4}})",
                           "vision_config")) == "4x0");
  // The language model of LLaVA 1.5 leaves out all that its class has.
  const ModelRope llava =
      read_hugging_face_config(Json::parse(R"({"model_type": "llava", "text_config": {"vocab_size": 32064}})"), 4096);
  check_model(llava, {{"", kHalfSplit, 128, 0, 128, "llama-2-7b"}}, "32x0");
  const ModelRope pali = read_hugging_face_config(
      Json::parse(R"({"model_type": "colpali", "vlm_config": {"model_type": "paligemma", "text_config": {"model_type":
                      "gemma", "num_hidden_layers": 2}}})"),
      4096);
  CHECK(pali.rope_sets[0].layout.head_dim() == 256);
}

TEST_CASE("pictures rotate by rows and columns", "[model_config][hugging_face][hints]") {
  const auto positions_of = [](const std::string& type) {
    return read_hugging_face_config(posenc::ConfigValue::dictionary({{"model_type", type}}), 1024)
        .rope_sets[0]
        .positions;
  };
  for (const char* const type : {"qwen2_vl_vision", "qwen3_vl_vision", "glm4v_vision", "pixtral"}) {
    INFO(type);
    CHECK(positions_of(type) == TokenPositions::row_column);
  }
  CHECK(positions_of("llama4_vision_model") == TokenPositions::column_row);
  CHECK(positions_of("sam3_vit_model") == TokenPositions::column_row);
  // As the value that grid_positions() takes: the fourth of 2 x 3 patches is at row 1, column 0.
  const auto fourth = [](const std::string& type) {
    const ModelRope model = read_hugging_face_config(posenc::ConfigValue::dictionary({{"model_type", type}}), 1024);
    return Eigen::RowVector2d(posenc::grid_positions({2, 3}, 0, model.rope_sets[0].grid_order).row(3).cast<double>());
  };
  CHECK(fourth("qwen2_vl_vision") == Eigen::RowVector2d(1, 0));
  CHECK(fourth("llama4_vision_model") == Eigen::RowVector2d(0, 1));
  CHECK(fourth("gemma4_vision") == Eigen::RowVector2d(0, 1));
  CHECK(positions_of("step3p5_vision") == TokenPositions::column_row);
  CHECK(positions_of("dinov3_vit") == TokenPositions::centered_row_column);
  CHECK(positions_of("llama") == TokenPositions::sequence);
  // Gemma 4: an axis for each half of a head, 1e2^(-2i/32).
  const ModelRope gemma =
      read_hugging_face_config(posenc::ConfigValue::dictionary({{"model_type", "gemma4_vision"}}), 1024);
  check_model(gemma,
              {{"", kHalfSplit, 64, 0, 32, "", {{8, ".100000000"}}, "1", "1", {{16, 0}}},
               {"", kHalfSplit, 64, 32, 32, "", {{8, ".100000000"}}, "1", "1", {{16, 1}}}},
              "16x01");
}

TEST_CASE("an architecture that is not known can be told what it lacks", "[model_config][gguf][hints]") {
  ModelHints hints;
  hints.pairs = kHalfSplit;
  hints.layers = "sf";
  hints.full_layers_rotate = false;
  hints.rope_theta = 500000;
  hints.head_dim = 64;
  posenc::ConfigValue file = posenc::ConfigValue::dictionary({{"general.architecture", "new"}, {"new.block_count", 4}});
  const ModelRope told = posenc::read_gguf_metadata(file, std::nullopt, hints);
  check_model(told, {{"", kHalfSplit, 64, 0, 64, "", {{1, ".663601238"}, {16, "1.41421356e-3"}}}}, "0 . 0 .");
  CHECK(told.assumed == Names{"pairs", "layer_types", "rope_theta", "head_dim", "full_layers_rotate"});
  // What the file says wins.
  file.set("new.rope.freq_base", 10000);
  file.set("new.attention.key_length", 32);
  file.set("new.attention.sliding_window_pattern", posenc::ConfigValue::list({true, true, true, false}));
  const ModelRope own = posenc::read_gguf_metadata(file, std::nullopt, hints);
  check_model(own, {{"", kHalfSplit, 32, 0, 32, "", {{8, ".0100000000"}}}}, "3x0 .");
  CHECK(own.assumed == Names{"pairs", "full_layers_rotate"});
  // Axes, and a base of sliding layers.
  hints.full_layers_rotate = true;
  hints.sliding_rope_theta = 100;
  hints.axes = posenc::contiguous_axes({8, 4, 4});
  const ModelRope axes = posenc::read_gguf_metadata(file, std::nullopt, hints);
  REQUIRE(axes.rope_sets.size() == 2);
  CHECK(axes.rope_sets[1].frequencies.inv_freq()[8] == .1);
  CHECK(axes.assumed == Names{"pairs", "rope_theta", "mrope_section"});
  for (const posenc::RopeSet& set : axes.rope_sets) {
    CHECK(set.axes->num_axes() == 3);
    CHECK(set.positions == TokenPositions::by_axis);
  }
}

TEST_CASE("one can ask which types are known", "[model_config][hints]") {
  const Names types = posenc::known_model_types();
  const std::set<std::string> known(types.begin(), types.end());
  CHECK(known.size() == types.size());  // none twice
  CHECK(known.count("llava") == 1);
  CHECK(known.count("vjepa2") == 1);
  CHECK(known.count("mistral_large4_text") == 0);  // which cannot be read
  const Names architectures = posenc::known_gguf_architectures();
  CHECK(architectures.size() >= 105);
  CHECK(std::find(architectures.begin(), architectures.end(), "granitehybrid") != architectures.end());
  for (const std::string& name : architectures) {
    INFO(name);
    posenc::ConfigValue file = posenc::ConfigValue::dictionary({{"general.architecture", name}});
    file.set(name + ".block_count", 6);
    file.set(name + ".attention.key_length", 128);
    const bool mrope =
        name == "paddleocr" || name == "qwen2vl" || name.rfind("qwen3vl", 0) == 0 || name.rfind("qwen35", 0) == 0;
    if (mrope) file.set(name + ".rope.dimension_sections", posenc::ConfigValue::list({22, 21, 21}));
    CHECK(posenc::read_gguf_metadata(file, std::nullopt).layers.size() == 6);
  }
  // Each of them can be read: by its class defaults, or where the few that have none are told these.
  for (const std::string& type : types) {
    INFO(type);
    posenc::ConfigValue config = posenc::ConfigValue::dictionary({{"model_type", type}, {"num_hidden_layers", 6}});
    if (type == "gptj" || type == "codegen") config.set("rotary_dim", 64);
    if (type == "internlm2" || type == "chatglm" || type == "glm4_moe") config.set("head_dim", 128);
    if (type == "qwen4_exp_text" || type == "qwen4_exp") config.set("partial_rotary_factor", 0.25);
    if (type == "kimi_k2") {
      config.set("qk_rope_head_dim", 64);
      config.set("qk_nope_head_dim", 128);
      config.set("rope_theta", 50000);
    }
    CHECK(read_hugging_face_config(config, 4096).layers.size() >= 6);
  }
}

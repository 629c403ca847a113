// SPDX-License-Identifier: MIT
/// The forms that one config may have, what is ignored, and what the caller decides.
#include <cmath>
#include <string>
#include <vector>

#include "model_config/expected.hpp"
#include "support/json.hpp"

namespace {

using posenc::ConfigValue;
using posenc::ModelRope;
using posenc::RopePairs;
using posenc_tests::check_model;
using posenc_tests::Json;

constexpr RopePairs kHalf = RopePairs::half_split;
constexpr RopePairs kTwos = RopePairs::interleaved;

ModelRope read(const std::string& config, double serving_length = 4096) {
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

TEST_CASE("old and new keys say the same", "[model_config]") {
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

TEST_CASE("the part that turns, by each of its names", "[model_config]") {
  const auto rotary_dim = [](const std::string& more) {
    const ModelRope model = read(R"({"model_type": "gpt_neox", "head_dim": 80, "num_hidden_layers": 1)" + more + "}");
    return model.rope_sets[0].frequencies.rotary_dim();
  };
  CHECK(rotary_dim("") == 20);  // 0.25, of the config class
  CHECK(rotary_dim(R"(, "rotary_pct": 0.4)") == 32);
  CHECK(rotary_dim(R"(, "partial_rotary_factor": 0.4)") == 32);
  CHECK(rotary_dim(R"(, "rotary_pct": 0.4, "rope_parameters": {"partial_rotary_factor": 0.4})") == 32);
  CHECK(rotary_dim(R"(, "rope_parameters": {"partial_rotary_factor": 0.334})") == 26);  // int(26.72)
  CHECK(rotary_dim(R"(, "rotary_dim": 48)") == 48);
  CHECK(rotary_dim(R"(, "rotary_dim": 32, "rotary_pct": 0.4)") == 32);
}

TEST_CASE("rules that depend on the length take it from the caller", "[model_config]") {
  // Golden files: factor 2, trained on 2048.
  const std::string dynamic = llama(R"("max_position_embeddings": 2048, "rope_scaling": {"type": "dynamic",
    "factor": 2.0})");
  check_model(read(dynamic, 8192), {{"", kHalf, 128, 0, 128, "dynamic-ntk-8192"}}, "2x0");
  check_model(read(dynamic, 1000), {{"", kHalf, 128, 0, 128, "dynamic-ntk-short"}}, "2x0");
  // Hunyuan's alpha does not: 1e4 * 1000^(128/126), section 2.3.
  const std::string hunyuan = llama(R"("rope_scaling": {"type": "dynamic", "alpha": 1000.0, "factor": 1.0})");
  check_model(read(hunyuan, 8192), {{"", kHalf, 128, 0, 128, "", {{63, "1.15478198e-7"}}}}, "2x0",
              {"rope_scaling.factor"});
  CHECK(same_frequencies(read(hunyuan, 8192), read(hunyuan, 262144)));
}

TEST_CASE("what attention does with mscale_all_dim is the model's", "[model_config]") {
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

TEST_CASE("keys without effect are named", "[model_config]") {
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
  // What other models do to positions, of which this one does nothing.
  CHECK(read(llama(R"("alibi": true, "position_embedding_type": "absolute", "attn_temperature_tuning": true,
    "llama_4_scaling_beta": 0.1)"))
            .ignored_keys == std::vector<std::string>{"alibi", "position_embedding_type", "attn_temperature_tuning",
                                                      "llama_4_scaling_beta"});
  // A theta of sliding layers where none slides, or where it is the full ones that do not turn.
  const std::vector<std::string> local{"rope_local_base_freq"};
  CHECK(read(llama(R"("rope_local_base_freq": 500)")).ignored_keys == local);
  CHECK(read(R"({"model_type": "cohere2", "head_dim": 128, "num_hidden_layers": 4, "rope_local_base_freq": 500})")
            .ignored_keys == local);
}

TEST_CASE("the caller may say how pairs stand", "[model_config]") {
  const Json meta = Json::parse(llama(R"("rope_theta": 1e6)"));
  check_model(posenc::read_hugging_face_config(meta, 4096, kTwos), {{"", kTwos, 128, 0, 128, "codellama-7b"}}, "2x0");
  const Json unknown =
      Json::parse(R"({"model_type": "new_model", "head_dim": 128, "num_hidden_layers": 3, "rope_theta": 1e6})");
  check_model(posenc::read_hugging_face_config(unknown, 4096, kHalf), {{"", kHalf, 128, 0, 128, "codellama-7b"}},
              "3x0");
  // DeepSeek's own key.
  const ModelRope deepseek = read(R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "rope_interleave": false})");
  CHECK(deepseek.rope_sets[0].layout.pairs() == kHalf);
  CHECK(deepseek.rope_sets[0].layout.offset() == 128);
}

TEST_CASE("layers that do not turn", "[model_config]") {
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

TEST_CASE("query temperature", "[model_config]") {
  const posenc::QueryTemperature llama4{0.1, 8192, 1};
  // 1 + 0.1 ln(1 + floor((p + 1) / 8192)): a logarithm, a product and a sum, each right to an ulp of 1 or less.
  constexpr double kError = 4 * 0x1p-52;
  CHECK(posenc::query_temperature(llama4, 0) == 1);
  CHECK(posenc::query_temperature(llama4, 8190) == 1);
  CHECK(std::abs(posenc::query_temperature(llama4, 8191) - 1.0693147180559945309) <= kError);  // ln 2
  CHECK(std::abs(posenc::query_temperature(llama4, 1048575) - 1.4859812404361671) <= kError);  // ln 129
  const posenc::QueryTemperature ministral{0.1, 16384, 0};
  CHECK(posenc::query_temperature(ministral, 16383) == 1);
  CHECK(std::abs(posenc::query_temperature(ministral, 16384) - 1.0693147180559945309) <= kError);
  CHECK(std::abs(posenc::query_temperature(ministral, 131072) - 1.2197224577336219383) <= kError);  // ln 9
  CHECK(posenc::query_temperature({}, 1e9) == 1);
}

TEST_CASE("a model's plan drives the rotations", "[model_config]") {
  // DeepSeek's window, the magnitude of a table and a layer that does not turn, as an attention layer would use them.
  const ModelRope model = read(R"({"model_type": "smollm3", "head_dim": 8, "num_hidden_layers": 4,
    "rope_theta": 10000.0})");
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const RowMajor start = (RowMajor(1, 8) << 1, 2, 3, 4, 5, 6, 7, 8).finished();
  std::vector<posenc::FrequencyTable<double>> tables;
  for (const posenc::RopeSet& set : model.rope_sets) {
    tables.push_back(posenc::make_table<double>(set.frequencies, posenc::PositionRange(5, 1)));
  }
  const auto turn = [&](std::size_t layer) {
    RowMajor q = start;
    for (const int set : model.layers[layer].rope_sets) {
      const auto index = static_cast<std::size_t>(set);
      posenc::apply_rope(q, tables[index], model.rope_sets[index].layout);
    }
    return q;
  };
  CHECK(turn(3) == start);
  // Section 2 of the reference: x = 1 ... 8, p = 5, half-split.
  const std::vector<posenc_tests::Printed> expected = {"5.07828355878", "-1.12138810784", "2.64639659629",
                                                       "3.95995016677", "0.459386652653", "6.22434644855",
                                                       "7.14118933058", "8.01989991688"};
  const RowMajor turned = turn(0);
  for (Eigen::Index i = 0; i < 8; ++i) CHECK(expected[static_cast<std::size_t>(i)].is(turned(0, i)));
}

TEST_CASE("ConfigValue compares as data", "[model_config]") {
  const ConfigValue a = ConfigValue::dictionary({{"x", 1}, {"y", ConfigValue::list({true, "z"})}});
  const ConfigValue b = ConfigValue::dictionary({{"y", ConfigValue::list({true, "z"})}, {"x", 1.0}});
  CHECK(a == b);
  CHECK(a != ConfigValue::dictionary({{"x", 1}, {"z", 1}}));
  CHECK(ConfigValue(true) != ConfigValue(1));
  CHECK(ConfigValue("1") != ConfigValue(1));
  ConfigValue replaced = a;
  replaced.set("x", 2);
  CHECK(replaced.find("x")->number() == 2);
  CHECK(replaced.keys().size() == 2);
  CHECK(a.find("w") == nullptr);
}

TEST_CASE("a rotation makes its own table", "[model_config]") {
  const auto frequencies = posenc::geometric_frequencies(8, 100);
  const posenc::RopeSet plain{"", frequencies, posenc::RopeLayout::half_split(8)};
  posenc::RopeSet image = plain;
  image.axes = posenc::contiguous_axes({2, 2});
  const auto grid = posenc::grid_positions({2, 3});
  const auto expected = posenc::make_table<float>(frequencies, *image.axes, grid);
  CHECK((posenc::make_table<float>(image, grid).sin() == expected.sin()).all());
  CHECK(posenc::make_table<float>(image, grid).id() == expected.id());
  CHECK_THROWS_AS(posenc::make_table<float>(image, grid.col(0)), std::invalid_argument);
  const auto column = posenc::make_table<float>(frequencies, grid.col(1));
  CHECK((posenc::make_table<float>(plain, grid.col(1)).sin() == column.sin()).all());
  CHECK((posenc::make_table<float>(image, posenc::PositionRange(0, 3)).sin() ==
         posenc::make_table<float>(frequencies, posenc::PositionRange(0, 3)).sin())
            .all());
}

TEST_CASE("a partial rotation beside a rope window is refused", "[model_config]") {
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

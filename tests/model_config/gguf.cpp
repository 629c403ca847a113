// SPDX-License-Identifier: MIT
/// read_gguf_metadata() of published models: the same as from the config.json of the same model.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_config/expected.hpp"

namespace {

using posenc::ConfigValue;
using posenc::read_gguf_metadata;
using posenc_tests::check_model;
using posenc_tests::golden;
using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;
using posenc_tests::repeated;

/// Entries under the name of the architecture.
ConfigValue metadata(const std::string& architecture, const std::vector<std::pair<std::string, ConfigValue>>& entries) {
  ConfigValue file = ConfigValue::dictionary({{"general.architecture", architecture}});
  for (const auto& [key, value] : entries) file.set(architecture + "." + key, value);
  return file;
}

/// The factors that a converter stores: unscaled over scaled frequencies.
Eigen::ArrayXd freq_factors_of(const std::string& file, const posenc::Frequencies& plain) {
  const std::vector<double> scaled = golden("frequencies/" + file + ".csv").block("inv_freq").values;
  return plain.inv_freq() / Eigen::Map<const Eigen::ArrayXd>(scaled.data(), plain.num_pairs());
}

Eigen::ArrayXd list_of(const std::string& file, const std::string& key) {
  const std::vector<double> list = golden("frequencies/" + file + ".csv").list(key);
  return Eigen::Map<const Eigen::ArrayXd>(list.data(), static_cast<Eigen::Index>(list.size()));
}

}  // namespace

TEST_CASE("GGUF: Llama 2 leaves out what the format's reader knows", "[model_config][gguf]") {
  const ConfigValue file =
      metadata("llama", {{"block_count", 32}, {"embedding_length", 4096}, {"attention.head_count", 32}});
  const auto model = read_gguf_metadata(file, std::nullopt);
  check_model(model, {{"", kInterleaved, 128, 0, 128, "llama-2-7b"}}, "32x0");
  CHECK(model.rope_sets[0].frequencies.base() == 10000);  // so that another rule can stretch them further
}

TEST_CASE("GGUF: Llama 3.1 comes with factors", "[model_config][gguf]") {
  const ConfigValue file = metadata("llama", {{"block_count", 32},
                                              {"embedding_length", 4096},
                                              {"attention.head_count", 32},
                                              {"context_length", 131072},
                                              {"rope.dimension_count", 128},
                                              {"rope.freq_base", 500000.0}});
  const auto plain = posenc::geometric_frequencies(128, 5e5);
  const posenc::ModelRope model = read_gguf_metadata(file, freq_factors_of("llama-3.1-8b", plain));
  REQUIRE(model.rope_sets.size() == 1);
  CHECK(model.rope_sets[0].layout.pairs() == kInterleaved);
  // The quotient and the division by it round, half an ulp of their size each, which is up to one of the result's.
  posenc_tests::check_inv_freq(model.rope_sets[0].frequencies,
                               golden("frequencies/llama-3.1-8b.csv").block("inv_freq").values,
                               2 + posenc_tests::kFrequencyUlps);
}

TEST_CASE("GGUF: linear and YaRN scaling", "[model_config][gguf]") {
  for (const char* const key : {"rope.scaling.factor", "rope.scale_linear"}) {
    const ConfigValue vicuna = metadata("llama", {{"block_count", 2}, {"attention.key_length", 128}, {key, 4.0}});
    check_model(read_gguf_metadata(vicuna, std::nullopt), {{"", kInterleaved, 128, 0, 128, "vicuna-7b-16k"}}, "2x0");
  }
  const ConfigValue qwen = metadata("qwen2", {{"block_count", 28},
                                              {"embedding_length", 3584},
                                              {"attention.head_count", 28},
                                              {"rope.freq_base", 1000000.0},
                                              {"rope.scaling.type", "yarn"},
                                              {"rope.scaling.factor", 4.0},
                                              {"rope.scaling.original_context_length", 32768}});
  check_model(read_gguf_metadata(qwen, std::nullopt), {{"", kHalfSplit, 128, 0, 128, "qwen2.5-7b-yarn"}}, "28x0");
  const ConfigValue gpt_oss = metadata("gpt-oss", {{"block_count", 24},
                                                   {"attention.key_length", 64},
                                                   {"rope.freq_base", 150000.0},
                                                   {"rope.scaling.type", "yarn"},
                                                   {"rope.scaling.factor", 32.0},
                                                   {"rope.scaling.original_context_length", 4096},
                                                   {"rope.scaling.yarn_beta_fast", 32.0},
                                                   {"rope.scaling.yarn_beta_slow", 1.0}});
  check_model(read_gguf_metadata(gpt_oss, std::nullopt), {{"", kHalfSplit, 64, 0, 64, "gpt-oss-20b"}}, "24x0");
  ConfigValue off = qwen;
  off.set("qwen2.rope.scaling.type", "none");
  check_model(read_gguf_metadata(off, std::nullopt), {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}}, "28x0",
              {"qwen2.rope.scaling.factor", "qwen2.rope.scaling.original_context_length"});
}

TEST_CASE("GGUF: DeepSeek rotates the last channels of a head", "[model_config][gguf]") {
  // The converter writes 0.1 mscale_all_dim; sections 2.5 of the reference for the softmax multipliers.
  const auto file = [](double log_multiplier) {
    return metadata("deepseek2", {{"block_count", 27},
                                  {"attention.key_length", 576},
                                  {"attention.key_length_mla", 192},
                                  {"rope.dimension_count", 64},
                                  {"rope.freq_base", 10000.0},
                                  {"rope.scaling.type", "yarn"},
                                  {"rope.scaling.factor", 40.0},
                                  {"rope.scaling.original_context_length", 4096},
                                  {"rope.scaling.yarn_log_multiplier", log_multiplier}});
  };
  check_model(read_gguf_metadata(file(0.0707), std::nullopt),
              {{"", kInterleaved, 192, 128, 64, "deepseek-v2", {}, "1", "1.58962617"}}, "27x0");
  check_model(read_gguf_metadata(file(0.1), std::nullopt),
              {{"", kInterleaved, 192, 128, 64, "deepseek-v3", {}, "1", "1.8738542"}}, "27x0");
  // Older files have no multiplier: llama.cpp divides 1 + 0.1 ln(factor) out of the rotation all the same.
  ConfigValue older = file(0);
  older.set("deepseek2.rope.scaling.attn_factor", 1.5);
  check_model(read_gguf_metadata(older, std::nullopt),
              {{"", kInterleaved, 192, 128, 64, "deepseek-v3", {}, "1", "2.25"}}, "27x0");
}

TEST_CASE("GGUF: Ministral 3", "[model_config][gguf]") {
  const ConfigValue file = metadata("mistral3", {{"block_count", 26},
                                                 {"attention.key_length", 128},
                                                 {"rope.freq_base", 1000000.0},
                                                 {"rope.scaling.type", "yarn"},
                                                 {"rope.scaling.factor", 16.0},
                                                 {"rope.scaling.original_context_length", 16384},
                                                 {"rope.scaling.yarn_log_multiplier", 1.0},
                                                 {"attention.temperature_scale", 0.1}});
  const posenc::ModelRope model = read_gguf_metadata(file, std::nullopt);
  check_model(model, {{"", kInterleaved, 128, 0, 128, "", {{1, ".805842188"}, {63, "7.755861e-8"}}}}, "26x0~");
  CHECK(model.layers[0].query_temperature.value().length == 16384);
}

TEST_CASE("GGUF: LongRoPE by the factors that are given", "[model_config][gguf]") {
  const ConfigValue file = metadata("phi3", {{"block_count", 32},
                                             {"embedding_length", 3072},
                                             {"attention.head_count", 32},
                                             {"rope.dimension_count", 96},
                                             {"rope.freq_base", 10000.0},
                                             {"rope.scaling.type", "longrope"},
                                             {"rope.scaling.attn_factor", 1.190238071423808},
                                             {"rope.scaling.original_context_length", 4096}});
  check_model(read_gguf_metadata(file, list_of("phi-3.5-mini-long", "long_factor")),
              {{"", kHalfSplit, 96, 0, 96, "phi-3.5-mini-long"}}, "32x0");
  check_model(read_gguf_metadata(file, list_of("phi-3.5-mini-long", "short_factor")),
              {{"", kHalfSplit, 96, 0, 96, "phi-3.5-mini-short"}}, "32x0");
}

TEST_CASE("GGUF: sections", "[model_config][gguf]") {
  const auto file = [](const char* architecture, double base, std::vector<ConfigValue> sections) {
    return metadata(architecture, {{"block_count", 28},
                                   {"attention.key_length", 128},
                                   {"rope.freq_base", base},
                                   {"rope.dimension_sections", ConfigValue::list(std::move(sections))}});
  };
  check_model(read_gguf_metadata(file("qwen2vl", 1e6, {16, 24, 24, 0}), std::nullopt),
              {{"", kHalfSplit, 128, 0, 128, "codellama-7b", {}, "1", "1", {{16, 0}, {24, 1}, {24, 2}}}}, "28x0");
  const posenc::ModelRope model = read_gguf_metadata(file("qwen3vl", 5e6, {24, 20, 20, 0}), std::nullopt);
  CHECK(*model.rope_sets[0].axes == posenc::interleaved_axes({24, 20, 20}));
  // Pairs 60 to 63 rotate by time: with a fourth position of 0, two of them would not rotate.
  CHECK((model.rope_sets[0].axes->axis_of_pair().tail(4) == 0).all());
}

TEST_CASE("GGUF: layers", "[model_config][gguf][portable]") {
  const ConfigValue gemma3 = metadata("gemma3", {{"block_count", 34},
                                                 {"attention.key_length", 256},
                                                 {"attention.sliding_window", 1024},
                                                 {"rope.freq_base", 1000000.0},
                                                 {"rope.scaling.type", "linear"},
                                                 {"rope.scaling.factor", 8.0}});
  check_model(read_gguf_metadata(gemma3, std::nullopt),
              {{"full_attention", kHalfSplit, 256, 0, 256, "gemma-3-global"},
               {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
              repeated("5x1 0", 5) + " 4x1");

  // Pairs that do not rotate have huge factors, and the file lists its layers.
  Eigen::ArrayXd factors = Eigen::ArrayXd::Constant(256, 1e30);
  factors.head(64).setOnes();
  ConfigValue gemma4 = metadata("gemma4", {{"block_count", 6},
                                           {"attention.key_length", 512},
                                           {"attention.key_length_swa", 256},
                                           {"rope.dimension_count", 512},
                                           {"rope.dimension_count_swa", 256},
                                           {"rope.freq_base", 1000000.0},
                                           {"rope.freq_base_swa", 10000.0}});
  gemma4.set("gemma4.attention.sliding_window_pattern", ConfigValue::list({true, true, true, true, true, false}));
  const posenc::ModelRope model = read_gguf_metadata(gemma4, factors);
  check_model(model,
              {{"full_attention", kHalfSplit, 512, 0, 512, "", {{1, ".947463526"}, {63, ".0333762469"}}},
               {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
              "5x1 0");
  CHECK((model.rope_sets[0].frequencies.inv_freq().tail(192) < 1e-30).all());

  const auto small = [](const char* architecture) {
    return metadata(architecture, {{"block_count", 8}, {"attention.key_length", 128}, {"rope.freq_base", 500000.0}});
  };
  const std::vector<posenc_tests::ExpectedSet> rotating = {
      {"", kInterleaved, 128, 0, 128, "", {{1, ".814617234"}, {32, "1.41421356e-3"}}}};
  check_model(read_gguf_metadata(small("llama4"), std::nullopt), rotating, repeated("3x0 .~", 2));
  check_model(read_gguf_metadata(small("smollm3"), std::nullopt), rotating, repeated("3x0 .", 2));
  check_model(read_gguf_metadata(small("cohere2"), std::nullopt), rotating, repeated("3x0 .", 2));
}

TEST_CASE("GGUF: partial rotation, ignored keys, another layout", "[model_config][gguf]") {
  const ConfigValue neox = metadata("gptneox", {{"block_count", 44},
                                                {"embedding_length", 6144},
                                                {"attention.head_count", 64},
                                                {"rope.dimension_count", 24},
                                                {"rope.scaling.finetuned", false},
                                                {"rope.scaling.yarn_attn_factor", 2.0},
                                                {"rope.something", 1}});
  check_model(read_gguf_metadata(neox, std::nullopt), {{"", kHalfSplit, 96, 0, 24, "gpt-neox-20b"}}, "44x0",
              {"gptneox.rope.scaling.yarn_attn_factor", "gptneox.rope.something"});
  const posenc::ModelRope interleaved = read_gguf_metadata(neox, std::nullopt, kInterleaved);
  CHECK(interleaved.rope_sets[0].layout.pairs() == kInterleaved);
  const ConfigValue unknown = metadata("new-model", {{"block_count", 2}, {"attention.key_length", 128}});
  check_model(read_gguf_metadata(unknown, std::nullopt, kHalfSplit), {{"", kHalfSplit, 128, 0, 128, "llama-2-7b"}},
              "2x0");
}

TEST_CASE("GGUF: plans that llama.cpp has", "[model_config][gguf][once_silent]") {
  using posenc_tests::plan_of;
  const auto read = [](const std::string& architecture, const std::vector<std::pair<std::string, ConfigValue>>& more) {
    ConfigValue file = metadata(architecture, {{"block_count", 8}, {"attention.key_length", 128}});
    for (const auto& [key, value] : more) file.set(architecture + "." + key, value);
    return read_gguf_metadata(file, std::nullopt);
  };
  // The switch of Granite means no rotation at all; elsewhere it says how the model was trained.
  for (const char* const granite : {"granite", "granitemoe", "granitehybrid"}) {
    CHECK(plan_of(read(granite, {{"rope.scaling.finetuned", false}})) == "8x.");
    CHECK(plan_of(read(granite, {{"rope.scaling.finetuned", true}})) == "8x0");
    CHECK(plan_of(read(granite, {})) == "8x0");
  }
  CHECK(plan_of(read("llama", {{"rope.scaling.finetuned", false}})) == "8x0");
  // Layers without key heads have no attention.
  const ConfigValue heads = ConfigValue::list({0, 0, 8, 0, 0, 8, 0, 0});
  CHECK(plan_of(read("lfm2", {{"attention.head_count_kv", heads}})) == "2x. 0 2x. 0 2x.");
  const auto unknown = [](const std::string& key, const ConfigValue& value) {
    ConfigValue file = metadata("new", {{"block_count", 8}, {"attention.key_length", 128}});
    file.set("new." + key, value);
    return read_gguf_metadata(file, std::nullopt, kHalfSplit);
  };
  CHECK(plan_of(unknown("attention.head_count_kv", heads)) == "2x. 0 2x. 0 2x.");
  CHECK(plan_of(unknown("attention.sliding_window_pattern", 4)) ==
        plan_of(read("llama", {{"attention.sliding_window_pattern", 4}})));
  CHECK(plan_of(read("qwen3next", {{"full_attention_interval", 4}})) == "3x. 0 3x. 0");
  // Sections make GLM-4 half-split, with three positions.
  const posenc::ModelRope text = read("glm4", {{"rope.dimension_count", 64}});
  CHECK(text.rope_sets[0].layout.pairs() == kInterleaved);
  CHECK_FALSE(text.rope_sets[0].axes.has_value());
  const posenc::ModelRope pictures =
      read("glm4", {{"rope.dimension_count", 64}, {"rope.dimension_sections", ConfigValue::list({8, 12, 12, 0})}});
  CHECK(pictures.rope_sets[0].layout.pairs() == kHalfSplit);
  CHECK(*pictures.rope_sets[0].axes == posenc::contiguous_axes({8, 12, 12}));
  // A period without a window means nothing to Olmo 2.
  CHECK(plan_of(read("olmo2", {{"attention.sliding_window_pattern", 4}})) == "8x0");
  // Olmo 3 has sliding layers that are not scaled, Olmo 2 has none.
  CHECK(plan_of(read("olmo2", {{"rope.scaling.factor", 4}})) == "8x0");
  const posenc::ModelRope olmo3 = read("olmo2", {{"rope.scaling.factor", 4}, {"attention.sliding_window", 4096}});
  CHECK(plan_of(olmo3) == "3x1 0 3x1 0");
  CHECK(olmo3.rope_sets[0].frequencies.inv_freq()[0] == 0.25);
  CHECK(olmo3.rope_sets[1].frequencies.inv_freq()[0] == 1);
  CHECK(plan_of(read("exaone4", {})) == "8x0");
  CHECK(plan_of(read("exaone4", {{"attention.sliding_window", 4096}})) == "3x0 . 3x0 .");
  CHECK(plan_of(read("gemma3n", {})) == "4x1 0 3x1");
  // Full layers of Step 3.5 rotate half of what the file says, sliding ones all of it.
  const posenc::ModelRope step =
      read("step35",
           {{"attention.sliding_window_pattern", ConfigValue::list({false, true, true, true, false, true, true, true})},
            {"rope.freq_base_swa", 1e4}});
  CHECK(plan_of(step) == "0 3x1 0 3x1");
  CHECK(step.rope_sets[0].layout.rotary_dim() == 64);
  CHECK(step.rope_sets[0].layout.offset() == 0);
  CHECK(step.rope_sets[1].layout.rotary_dim() == 128);
  CHECK(plan_of(read("plamo3", {})) == "8x0");
  CHECK(plan_of(read("plamo3", {{"attention.sliding_window", 2048}})) == "7x1 0");
  CHECK(plan_of(read("bert", {})) == "8x.");
  CHECK(plan_of(read("jamba", {})) == "8x.");
  // A period that an architecture does not have is named.
  CHECK(read("llama", {{"full_attention_interval", 4}, {"no_rope_layer_interval", 4}}).ignored_keys ==
        std::vector<std::string>{"llama.full_attention_interval", "llama.no_rope_layer_interval"});
  // Keys of sliding layers have no effect where none slides.
  CHECK(read("llama", {{"rope.dimension_count_swa", 64}}).ignored_keys ==
        std::vector<std::string>{"llama.rope.dimension_count_swa"});
}

// SPDX-License-Identifier: MIT
/// The keys about positions in the configs of published models, and what they come to.
///
/// Numbers come from golden/frequencies, from the tables of the reference, or from the closed form B^(-2i/d) in 40
/// digits; each case says which. Values of keys are public facts; the texts are written here.
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "model_config/expected.hpp"
#include "support/json.hpp"

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
#include <nlohmann/json.hpp>
#endif

namespace {

using posenc::ConfigValue;
using posenc::RopePairs;
using posenc_tests::ExpectedSet;
using posenc_tests::golden;
using posenc_tests::Json;
using posenc_tests::repeated;

constexpr RopePairs kHalf = RopePairs::half_split;
constexpr RopePairs kTwos = RopePairs::interleaved;

struct Published {
  const char* name;
  std::string config;
  double serving_length;
  std::vector<ExpectedSet> sets;
  std::string plan;
  std::vector<std::string> ignored_keys{};
};

/// The list of a golden file as JSON.
std::string json_list(const std::string& file, const std::string& key) {
  std::string text = golden("frequencies/" + file + ".csv").text(key);
  for (char& c : text) c = c == ' ' ? ',' : c;
  return "[" + text + "]";
}

std::string phi35(const std::string& type) {
  return R"({"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "num_hidden_layers": 32,
    "rope_theta": 10000.0, "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
    "rope_scaling": {"type": ")" +
         type + R"(", "short_factor": )" + json_list("phi-3.5-mini-long", "short_factor") + R"(, "long_factor": )" +
         json_list("phi-3.5-mini-long", "long_factor") + "}}";
}

std::string phi4_mini() {
  std::string ones = "1.0";
  for (int i = 1; i < 48; ++i) ones += ", 1.0";
  return R"({"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 24, "num_hidden_layers": 32,
    "partial_rotary_factor": 0.75, "rope_theta": 10000.0, "max_position_embeddings": 131072,
    "original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope", "short_factor": [)" +
         ones + R"(], "long_factor": [1, 1.118320672, 1.250641126, 1.398617824, 1.564103225, 1.74916897, 1.956131817,
    2.187582649, 2.446418898, 2.735880826, 3.059592084, 3.421605075, 3.826451687, 4.279200023, 4.785517845, 5.351743533,
    5.984965424, 6.693110555, 7.485043894, 8.370679318, 9.36110372, 10.4687158, 11.70738129, 13.09260651, 14.64173252,
    16.37415215, 18.31155283, 20.47818807, 22.90118105, 25.61086418, 28.64115884, 32.03, 32.1, 32.13, 32.23, 32.6,
    32.61, 32.64, 32.66, 32.7, 32.71, 32.93, 32.97, 33.28, 33.49, 33.5, 44.16, 47.77]}})";
}

/// t h w t h w ..., `rounds` times, then the tail.
std::vector<std::pair<int, int>> time_height_width(int rounds, const std::vector<std::pair<int, int>>& tail) {
  std::vector<std::pair<int, int>> runs;
  for (int i = 0; i < rounds; ++i) {
    for (int axis = 0; axis < 3; ++axis) runs.push_back({1, axis});
  }
  runs.insert(runs.end(), tail.begin(), tail.end());
  return runs;
}

std::vector<std::pair<int, int>> height_width_time() {
  std::vector<std::pair<int, int>> runs;
  for (int i = 0; i < 22; ++i) {
    runs.push_back({1, 1});
    runs.push_back({1, 2});
  }
  runs.push_back({20, 0});
  return runs;
}

const char* const kGemma3Four = R"({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text",
  "hidden_size": 2560, "num_hidden_layers": 34, "sliding_window": 1024,
  "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}})";

std::vector<Published> llama_and_relatives() {
  return {
      {"Llama 2 7B",  // section 2.1
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 4096, "rope_scaling": null, "vocab_size": 32000})",
       4096,
       {{"", kHalf, 128, 0, 128, "llama-2-7b"}},
       "32x0"},
      {"Vicuna 7B 16k",  // section 2.2
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_scaling": {"factor": 4.0, "type": "linear"}})",
       16384,
       {{"", kHalf, 128, 0, 128, "vicuna-7b-16k"}},
       "32x0"},
      {"CodeLlama 7B",  // section 2.1
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 16384, "rope_theta": 1000000})",
       16384,
       {{"", kHalf, 128, 0, 128, "codellama-7b"}},
       "32x0"},
      {"Llama 3.1 8B",  // section 2.7
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0,
           "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
           "rope_type": "llama3"}})",
       131072,
       {{"", kHalf, 128, 0, 128, "llama-3.1-8b"}},
       "32x0"},
      {"Llama 3.2 1B",  // section 2.7
       R"({"model_type": "llama", "head_dim": 64, "hidden_size": 2048, "num_attention_heads": 32,
           "num_hidden_layers": 16, "rope_theta": 500000.0, "rope_scaling": {"factor": 32.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}})",
       131072,
       {{"", kHalf, 64, 0, 64, "llama-3.2-1b"}},
       "16x0"},
      {"Llama 4 Scout",  // sections 1.1, 2.7; closed form: pairs from 35 on are divided by 16
       R"({"model_type": "llama4", "text_config": {"model_type": "llama4_text", "head_dim": 128, "hidden_size": 5120,
           "num_attention_heads": 40, "num_hidden_layers": 48, "rope_theta": 500000.0, "no_rope_layers": [],
           "attn_temperature_tuning": 4, "floor_scale": 8192, "attn_scale": 0.1, "rope_scaling": {"factor": 16.0,
           "low_freq_factor": 1.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 8192,
           "rope_type": "llama3"}}})",
       262144,
       {{"",
         kTwos,
         128,
         0,
         128,
         "",
         {{1, ".814617234"}, {34, "9.3847387e-4"}, {35, "4.77810618e-5"}, {63, "1.53446299e-7"}}}},
       repeated("3x0 .~", 12)},
      {"Llama 4 Maverick",  // section 1.1; closed form
       R"({"model_type": "llama4_text", "head_dim": 128, "num_hidden_layers": 4, "rope_theta": 500000.0,
           "rope_scaling": null, "attn_temperature_tuning": true, "no_rope_layers": [1, 1, 1, 0]})",
       131072,
       {{"", kTwos, 128, 0, 128, "", {{1, ".814617234"}, {32, "1.41421356e-3"}}}},
       "3x0 .~"},
      {"Mistral 7B v0.1",  // section 2.1: as Llama 2
       R"({"model_type": "mistral", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_theta": 10000.0, "sliding_window": 4096})",
       32768,
       {{"", kHalf, 128, 0, 128, "llama-2-7b"}},
       "32x0"},
      {"Mistral 7B v0.3",  // base 1e6, as CodeLlama
       R"({"model_type": "mistral", "head_dim": 128, "num_hidden_layers": 32, "rope_theta": 1000000.0})",
       32768,
       {{"", kHalf, 128, 0, 128, "codellama-7b"}},
       "32x0"},
      {"Ministral 8B",  // closed form: 1e8^(-1/2)
       R"({"model_type": "mistral", "head_dim": 128, "hidden_size": 4096, "num_attention_heads": 32,
           "num_hidden_layers": 36, "rope_theta": 100000000.0})",
       32768,
       {{"", kHalf, 128, 0, 128, "", {{32, "1.00000000e-4"}, {1, ".749894209"}}}},
       "36x0"},
      {"Ministral 3 3B",  // section 1.1; closed form: the last pair is divided by 16; g/g = 1, softmax as it is
       R"({"model_type": "mistral3", "text_config": {"model_type": "ministral3", "head_dim": 128, "hidden_size": 3072,
           "num_attention_heads": 32, "num_hidden_layers": 26, "max_position_embeddings": 262144, "rope_parameters": {
           "beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.1, "mscale": 1.0,
           "mscale_all_dim": 1.0, "original_max_position_embeddings": 16384, "rope_theta": 1000000.0,
           "rope_type": "yarn", "type": "yarn"}}})",
       262144,
       {{"", kHalf, 128, 0, 128, "", {{1, ".805842188"}, {63, "7.755861e-8"}}}},
       "26x0~"},
      {"SmolLM3 3B",  // section 1.1; closed form: 2e6^(-1/2)
       R"({"model_type": "smollm3", "hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 36,
           "no_rope_layer_interval": 4, "rope_theta": 2000000.0})",
       32768,
       {{"", kHalf, 128, 0, 128, "", {{1, ".797161666"}, {32, "7.07106781e-4"}}}},
       repeated("3x0 .", 9)},
  };
}

std::vector<Published> qwen_and_deepseek() {
  return {
      {"Qwen2 7B",  // section 2.1: base 1e6
       R"({"model_type": "qwen2", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "max_position_embeddings": 131072, "rope_theta": 1000000.0, "use_sliding_window": false})",
       131072,
       {{"", kHalf, 128, 0, 128, "codellama-7b"}},
       "28x0"},
      {"Qwen2.5 7B with YaRN",  // section 2.5
       R"({"model_type": "qwen2", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "max_position_embeddings": 32768, "rope_theta": 1000000.0, "rope_scaling": {"factor": 4.0,
           "original_max_position_embeddings": 32768, "type": "yarn"}})",
       131072,
       {{"", kHalf, 128, 0, 128, "qwen2.5-7b-yarn"}},
       "28x0"},
      {"Qwen2-VL 7B",  // section 2.11
       R"({"model_type": "qwen2_vl", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}})",
       32768,
       {{"", kHalf, 128, 0, 128, "codellama-7b", {}, "1", "1", {{16, 0}, {24, 1}, {24, 2}}}},
       "28x0"},
      {"Qwen3-VL 8B",  // section 2.11; closed form: 5e6^(-1/2)
       R"({"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text", "head_dim": 128,
           "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 36, "rope_theta": 5000000,
           "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], "rope_type": "default"}}})",
       262144,
       {{"",
         kHalf,
         128,
         0,
         128,
         "",
         {{1, ".78582998"}, {32, "4.47213595e-4"}},
         "1",
         "1",
         time_height_width(20, {{4, 0}})}},
       "36x0"},
      {"Qwen3.5",  // sections 2.5 (pair 14 lies before the ramp), 2.11
       R"({"model_type": "qwen3_5", "text_config": {"model_type": "qwen3_5_text", "head_dim": 256,
           "num_hidden_layers": 8, "layer_types": ["linear_attention", "linear_attention", "linear_attention",
           "full_attention", "linear_attention", "linear_attention", "linear_attention", "full_attention"],
           "rope_parameters": {"mrope_interleaved": true, "mrope_section": [11, 11, 10], "rope_type": "default",
           "rope_theta": 10000000, "partial_rotary_factor": 0.25}}})",
       262144,
       {{"", kHalf, 256, 0, 64, "", {{14, "8.65964323e-4"}}, "1", "1", time_height_width(10, {{1, 0}, {1, 1}})}},
       repeated("3x. 0", 2)},
      {"ERNIE-4.5-VL",  // section 2.11; closed form: 5e5^(-1/2)
       R"({"model_type": "ernie4_5_moe_vl", "head_dim": 128, "num_hidden_layers": 28, "rope_theta": 500000.0,
           "rope_scaling": {"type": "default", "mrope_section": [22, 22, 20]}})",
       131072,
       {{"", kTwos, 128, 0, 128, "", {{32, "1.41421356e-3"}}, "1", "1", height_width_time()}},
       "28x0"},
      {"DeepSeek-V2-Lite",  // section 2.5
       R"({"model_type": "deepseek_v2", "hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 27,
           "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "max_position_embeddings": 163840, "rope_theta": 10000,
           "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
           "original_max_position_embeddings": 4096, "type": "yarn"}})",
       163840,
       {{"", kTwos, 192, 128, 64, "deepseek-v2", {}, "1", "1.58962617"}},
       "27x0"},
      {"DeepSeek-V3",  // section 2.5
       R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_attention_heads": 128, "num_hidden_layers": 61,
           "head_dim": 64, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_interleave": true,
           "max_position_embeddings": 163840, "rope_theta": 10000, "rope_scaling": {"beta_fast": 32, "beta_slow": 1,
           "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096,
           "type": "yarn"}})",
       163840,
       {{"", kTwos, 192, 128, 64, "deepseek-v3", {}, "1", "1.8738542"}},
       "61x0"},
      {"Kimi-K2.5",  // section 2.5; closed form: pair 8 is kept, the last divided by 64
       R"({"model_type": "kimi_k2", "num_hidden_layers": 61, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
           "rope_theta": 50000.0, "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 64.0, "mscale": 1.0,
           "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}})",
       262144,
       {{"", kTwos, 192, 128, 64, "", {{8, ".0668740305"}, {31, "4.38220646e-7"}}, "1", "2.0047397"}},
       "61x0"},
      {"gpt-oss 20B",  // section 2.5
       R"({"model_type": "gpt_oss", "head_dim": 64, "num_hidden_layers": 4, "initial_context_length": 4096,
           "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
           "max_position_embeddings": 131072, "rope_theta": 150000, "rope_scaling": {"beta_fast": 32.0,
           "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096, "rope_type": "yarn",
           "truncate": false}})",
       131072,
       {{"", kHalf, 64, 0, 64, "gpt-oss-20b"}},
       "4x0"},
  };
}

std::vector<Published> phi_and_gemma() {
  return {
      {"Phi-2",  // section 1.1; closed form: 1e4^(-2/32)
       R"({"model_type": "phi", "hidden_size": 2560, "num_attention_heads": 32, "num_hidden_layers": 32,
           "partial_rotary_factor": 0.4, "rope_theta": 10000.0})",
       2048,
       {{"", kHalf, 80, 0, 32, "", {{1, ".562341325"}, {4, ".100000000"}, {15, "1.77827941e-4"}}}},
       "32x0"},
      {"Phi-3-mini 4k",  // closed form: 1e4^(-1/2)
       R"({"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "num_hidden_layers": 32,
           "original_max_position_embeddings": 4096, "rope_scaling": null, "rope_theta": 10000.0})",
       4096,
       {{"", kHalf, 96, 0, 96, "", {{1, ".825404185"}, {24, ".0100000000"}}}},
       "32x0"},
      {"Phi-3.5-mini, long",  // section 2.6
       phi35("longrope"),
       131072,
       {{"", kHalf, 96, 0, 96, "phi-3.5-mini-long"}},
       "32x0"},
      {"Phi-3.5-mini, one more than the trained length",
       phi35("su"),
       4097,
       {{"", kHalf, 96, 0, 96, "phi-3.5-mini-long"}},
       "32x0"},
      {"Phi-3.5-mini, the trained length", phi35("su"), 4096, {{"", kHalf, 96, 0, 96, "phi-3.5-mini-short"}}, "32x0"},
      {"Phi-4-mini, long",  // section 2.6; closed form: divided by 1.118320672, 18.31155283, 47.77
       phi4_mini(),
       131072,
       {{"", kHalf, 128, 0, 96, "", {{1, ".738074692"}, {26, "3.72055868e-4"}, {47, "2.53616843e-6"}}, "1.1902380714"}},
       "32x0"},
      {"Phi-4-mini, short",  // section 2.6: A is the same
       phi4_mini(),
       4096,
       {{"", kHalf, 128, 0, 96, "", {{1, ".825404185"}, {24, ".0100000000"}}, "1.1902380714"}},
       "32x0"},
      {"Gemma 3 1B",  // section 1.1: nothing is scaled
       R"({"model_type": "gemma3_text", "head_dim": 256, "hidden_size": 1152, "num_attention_heads": 4,
           "num_hidden_layers": 26, "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": null,
           "sliding_window_pattern": 6})",
       32768,
       {{"full_attention", kHalf, 256, 0, 256, "", {{64, "1.00000000e-3"}}},
        {"sliding_attention", kHalf, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 4) + " 2x1"},
      {"Gemma 3 4B",  // section 2.2; what the file leaves out is in the config class
       kGemma3Four,
       131072,
       {{"full_attention", kHalf, 256, 0, 256, "gemma-3-global"},
        {"sliding_attention", kHalf, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 5) + " 4x1"},
      {"Gemma 3 4B, newer file",
       R"({"model_type": "gemma3_text", "head_dim": 256, "num_hidden_layers": 7, "layer_types": ["sliding_attention",
           "sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention", "full_attention",
           "sliding_attention"], "rope_parameters": {"full_attention": {"factor": 8.0, "rope_theta": 1000000.0,
           "rope_type": "linear"}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}})",
       131072,
       {{"full_attention", kHalf, 256, 0, 256, "gemma-3-global"},
        {"sliding_attention", kHalf, 256, 0, 256, "gemma-3-local"}},
       "5x1 0 1"},
      {"Gemma 4",  // sections 1.1, 2.8
       R"({"model_type": "gemma4", "text_config": {"model_type": "gemma4_text", "head_dim": 256,
           "global_head_dim": 512, "num_hidden_layers": 30, "rope_parameters": {"full_attention": {
           "partial_rotary_factor": 0.25, "rope_theta": 1000000.0, "rope_type": "proportional"},
           "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}})",
       131072,
       {{"full_attention", kHalf, 512, 0, 512, "gemma-4-full"},
        {"sliding_attention", kHalf, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 5)},
  };
}

std::vector<Published> others() {
  return {
      {"GPT-NeoX-20B",  // section 2.1
       R"({"model_type": "gpt_neox", "hidden_size": 6144, "num_attention_heads": 64, "num_hidden_layers": 44,
           "rotary_pct": 0.25, "rotary_emb_base": 10000})",
       2048,
       {{"", kHalf, 96, 0, 24, "gpt-neox-20b"}},
       "44x0"},
      {"Pythia 6.9B",  // section 2.1; closed form: 1e4^(-2/32)
       R"({"model_type": "gpt_neox", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rotary_pct": 0.25, "rotary_emb_base": 10000})",
       2048,
       {{"", kHalf, 128, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
       "32x0"},
      {"GPT-J-6B",  // section 2.1
       R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28, "n_positions": 2048, "rotary_dim": 64})",
       2048,
       {{"", kTwos, 256, 0, 64, "gpt-j-6b"}},
       "28x0"},
      {"ChatGLM-6B",  // section 1.1: two positions, a half of the head each; 2.1 for d = 64
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 28,
           "position_encoding_2d": true, "max_sequence_length": 2048})",
       2048,
       {{"", kHalf, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}, "1", "1", {{32, 0}}},
        {"", kHalf, 128, 64, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}, "1", "1", {{32, 1}}}},
       "28x01"},
      {"ChatGLM3-6B",  // section 1.1; 2.1 for d = 64
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 28,
           "kv_channels": 128, "seq_length": 8192})",
       8192,
       {{"", kTwos, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       "28x0"},
      {"GLM-4-9B-chat, remote code",  // section 1.1; closed form: (1e4 * 500)^(-1/2)
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 40,
           "kv_channels": 128, "rope_ratio": 500, "seq_length": 131072})",
       131072,
       {{"", kTwos, 128, 0, 64, "", {{1, ".617528758"}, {16, "4.47213595e-4"}}}},
       "40x0"},
      {"GLM-4-9B-0414",  // section 1.1; 2.1 for d = 64
       R"({"model_type": "glm4", "head_dim": 128, "hidden_size": 4096, "num_attention_heads": 32,
           "num_hidden_layers": 40, "partial_rotary_factor": 0.5, "rope_theta": 10000.0})",
       32768,
       {{"", kTwos, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       "40x0"},
      {"Command R",  // section 1.1; closed form: 8e6^(-1/2)
       R"({"model_type": "cohere", "hidden_size": 8192, "num_attention_heads": 64, "num_hidden_layers": 40,
           "rope_theta": 8000000.0})",
       131072,
       {{"", kTwos, 128, 0, 128, "", {{1, ".780080136"}, {32, "3.53553391e-4"}}}},
       "40x0"},
      {"Command R7B",  // section 1.1: full layers do not turn; closed form: 5e4^(-1/2)
       R"({"model_type": "cohere2", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_theta": 50000, "sliding_window": 4096, "sliding_window_pattern": 4, "rotary_pct": 1.0})",
       131072,
       {{"", kTwos, 128, 0, 128, "", {{1, ".844459049"}, {32, "4.47213595e-3"}}}},
       repeated("3x0 .", 8)},
      {"ModernBERT base",  // section 2.1; closed form: 160000^(-1/2); 2.1 for the local base
       R"({"model_type": "modernbert", "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 22,
           "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0})",
       8192,
       {{"full_attention", kHalf, 64, 0, 64, "", {{1, ".687656022"}, {16, "2.50000000e-3"}}},
        {"sliding_attention", kHalf, 64, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       repeated("0 2x1", 7) + " 0"},
      {"DINOv3 ViT-S/16",  // section 2.12: 2 pi times .749894209 and .0133352143, for y and for x
       R"({"model_type": "dinov3_vit", "hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12,
           "rope_theta": 100.0, "pos_embed_rescale": 2.0})",
       1024,
       {{"",
         kHalf,
         64,
         0,
         64,
         "",
         {{0, "6.28318531"}, {1, "4.71172428"}, {15, ".0837876227"}, {16, "6.28318531"}, {31, ".0837876227"}},
         "1",
         "1",
         {{16, 0}, {16, 1}}}},
       "12x0"},
      {"Pixtral",  // section 1.1; closed form with d = 64: even frequencies for rows, odd ones for columns
       R"({"model_type": "pixtral", "head_dim": 64, "hidden_size": 1024, "num_attention_heads": 16,
           "num_hidden_layers": 24, "rope_theta": 10000.0, "image_size": 1024})",
       4096,
       {{"",
         kHalf,
         64,
         0,
         64,
         "",
         {{0, "1.00000000"}, {1, ".562341325"}, {16, ".749894209"}, {31, "1.33352143e-4"}},
         "1",
         "1",
         {{16, 0}, {16, 1}}}},
       "24x0"},
      {"Moonshine tiny",  // section 1.1: int(0.9 * 36) = 32; closed form: 1e4^(-2/32)
       R"({"model_type": "moonshine", "hidden_size": 288, "encoder_num_attention_heads": 8,
           "decoder_num_attention_heads": 8, "encoder_num_hidden_layers": 6, "decoder_num_hidden_layers": 6,
           "max_position_embeddings": 194})",
       194,
       {{"", kTwos, 36, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
       "6x0"},
  };
}

/// The config with one value, at any depth, replaced by one of another kind or size.
std::vector<ConfigValue> with_one_value_spoilt(const ConfigValue& config) {
  const std::vector<ConfigValue> spoilt = {
      {}, true, "text", -1, 0, 0.5, 1e300, ConfigValue::list(), ConfigValue::list({{}}), ConfigValue::dictionary()};
  std::vector<ConfigValue> out;
  for (std::size_t i = 0; i < config.keys().size(); ++i) {
    std::vector<ConfigValue> values = spoilt;
    if (config.items()[i].is(ConfigValue::Kind::dictionary)) {
      const std::vector<ConfigValue> inside = with_one_value_spoilt(config.items()[i]);
      values.insert(values.end(), inside.begin(), inside.end());
    }
    for (const ConfigValue& value : values) {
      out.push_back(config);
      out.back().set(config.keys()[i], value);
    }
  }
  return out;
}

std::vector<Published> all_models() {
  std::vector<Published> all = llama_and_relatives();
  for (const auto& group : {qwen_and_deepseek(), phi_and_gemma(), others()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace

TEST_CASE("published models resolve", "[model_config][portable]") {
  for (const Published& model : all_models()) {
    INFO(model.name);
    posenc_tests::check_model(posenc::read_hugging_face_config(Json::parse(model.config), model.serving_length),
                              model.sets, model.plan, model.ignored_keys);
  }
}

TEST_CASE("no value of a wrong kind gets past the checks", "[model_config][errors]") {
  std::size_t refused = 0;
  for (const Published& model : all_models()) {
    for (const ConfigValue& spoilt : with_one_value_spoilt(posenc::to_config_value(Json::parse(model.config)))) {
      try {
        posenc::read_hugging_face_config(spoilt, model.serving_length);
      } catch (const std::invalid_argument& error) {
        ++refused;
        INFO(model.name << ": " << error.what());
        CHECK(std::string(error.what()).rfind("posenc::", 0) == 0);
      }  // any other exception fails the test
    }
  }
  CHECK(refused > 1000);
}

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
TEST_CASE("nlohmann::json reads as the same data", "[model_config]") {
  for (const Published& model : all_models()) {
    INFO(model.name);
    CHECK(posenc::to_config_value(nlohmann::json::parse(model.config)) ==
          posenc::to_config_value(Json::parse(model.config)));
    const posenc::ModelRope read =
        posenc::read_hugging_face_config(nlohmann::json::parse(model.config), model.serving_length);
    CHECK(read.layers.size() > 0);
  }
}
#endif

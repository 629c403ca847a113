// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable].
#include "model_config/published.hpp"

using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;
using posenc_tests::repeated;

namespace {

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

}  // namespace

std::vector<posenc_tests::Published> posenc_tests::qwen_and_deepseek() {
  return {
      {"Qwen2 7B",  // section 2.1: base 1e6
       R"({"model_type": "qwen2", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "max_position_embeddings": 131072, "rope_theta": 1000000.0, "use_sliding_window": false})",
       131072,
       {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}},
       "28x0"},
      {"Qwen2.5 7B with YaRN",  // section 2.5
       R"({"model_type": "qwen2", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "max_position_embeddings": 32768, "rope_theta": 1000000.0, "rope_scaling": {"factor": 4.0,
           "original_max_position_embeddings": 32768, "type": "yarn"}})",
       131072,
       {{"", kHalfSplit, 128, 0, 128, "qwen2.5-7b-yarn"}},
       "28x0"},
      {"Qwen2-VL 7B",  // section 2.11
       R"({"model_type": "qwen2_vl", "hidden_size": 3584, "num_attention_heads": 28, "num_hidden_layers": 28,
           "rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}})",
       32768,
       {{"", kHalfSplit, 128, 0, 128, "codellama-7b", {}, "1", "1", {{16, 0}, {24, 1}, {24, 2}}}},
       "28x0"},
      {"Qwen3-VL 8B",  // section 2.11; closed form: 5e6^(-1/2)
       R"({"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text", "head_dim": 128,
           "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 36, "rope_theta": 5000000,
           "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], "rope_type": "default"}}})",
       262144,
       {{"",
         kHalfSplit,
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
       {{"", kHalfSplit, 256, 0, 64, "", {{14, "8.65964323e-4"}}, "1", "1", time_height_width(10, {{1, 0}, {1, 1}})}},
       repeated("3x. 0", 2)},
      {"ERNIE-4.5-VL",  // section 2.11; closed form: 5e5^(-1/2)
       R"({"model_type": "ernie4_5_moe_vl", "head_dim": 128, "num_hidden_layers": 28, "rope_theta": 500000.0,
           "rope_scaling": {"type": "default", "mrope_section": [22, 22, 20]}})",
       131072,
       {{"", kInterleaved, 128, 0, 128, "", {{32, "1.41421356e-3"}}, "1", "1", height_width_time()}},
       "28x0"},
      {"DeepSeek-V2-Lite",  // section 2.5
       R"({"model_type": "deepseek_v2", "hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 27,
           "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "max_position_embeddings": 163840, "rope_theta": 10000,
           "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
           "original_max_position_embeddings": 4096, "type": "yarn"}})",
       163840,
       {{"", kInterleaved, 192, 128, 64, "deepseek-v2", {}, "1", "1.58962617"}},
       "27x0"},
      {"DeepSeek-V3",  // section 2.5
       R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_attention_heads": 128, "num_hidden_layers": 61,
           "head_dim": 64, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_interleave": true,
           "max_position_embeddings": 163840, "rope_theta": 10000, "rope_scaling": {"beta_fast": 32, "beta_slow": 1,
           "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096,
           "type": "yarn"}})",
       163840,
       {{"", kInterleaved, 192, 128, 64, "deepseek-v3", {}, "1", "1.8738542"}},
       "61x0"},
      {"Kimi-K2.5",  // section 2.5; closed form: pair 8 is kept, the last divided by 64
       R"({"model_type": "kimi_k2", "num_hidden_layers": 61, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
           "rope_theta": 50000.0, "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 64.0, "mscale": 1.0,
           "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}})",
       262144,
       {{"", kInterleaved, 192, 128, 64, "", {{8, ".0668740305"}, {31, "4.38220646e-7"}}, "1", "2.0047397"}},
       "61x0"},
      {"gpt-oss 20B",  // section 2.5
       R"({"model_type": "gpt_oss", "head_dim": 64, "num_hidden_layers": 4, "initial_context_length": 4096,
           "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
           "max_position_embeddings": 131072, "rope_theta": 150000, "rope_scaling": {"beta_fast": 32.0,
           "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096, "rope_type": "yarn",
           "truncate": false}})",
       131072,
       {{"", kHalfSplit, 64, 0, 64, "gpt-oss-20b"}},
       "4x0"},
  };
}

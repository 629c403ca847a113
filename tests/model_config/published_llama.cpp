// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable].
#include "model_config/published.hpp"

using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;
using posenc_tests::repeated;

std::vector<posenc_tests::Published> posenc_tests::llama_and_relatives() {
  return {
      {"Llama 2 7B",  // section 2.1
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 4096, "rope_scaling": null, "vocab_size": 32000})",
       4096,
       {{"", kHalfSplit, 128, 0, 128, "llama-2-7b"}},
       "32x0"},
      {"Vicuna 7B 16k",  // section 2.2
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_scaling": {"factor": 4.0, "type": "linear"}})",
       16384,
       {{"", kHalfSplit, 128, 0, 128, "vicuna-7b-16k"}},
       "32x0"},
      {"CodeLlama 7B",  // section 2.1
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 16384, "rope_theta": 1000000})",
       16384,
       {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}},
       "32x0"},
      {"Llama 3.1 8B",  // section 2.7
       R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0,
           "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
           "rope_type": "llama3"}})",
       131072,
       {{"", kHalfSplit, 128, 0, 128, "llama-3.1-8b"}},
       "32x0"},
      {"Llama 3.2 1B",  // section 2.7
       R"({"model_type": "llama", "head_dim": 64, "hidden_size": 2048, "num_attention_heads": 32,
           "num_hidden_layers": 16, "rope_theta": 500000.0, "rope_scaling": {"factor": 32.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}})",
       131072,
       {{"", kHalfSplit, 64, 0, 64, "llama-3.2-1b"}},
       "16x0"},
      {"Llama 4 Scout",  // sections 1.1, 2.7; closed form: pairs from 35 on are divided by 16
       R"({"model_type": "llama4", "text_config": {"model_type": "llama4_text", "head_dim": 128, "hidden_size": 5120,
           "num_attention_heads": 40, "num_hidden_layers": 48, "rope_theta": 500000.0, "no_rope_layers": [],
           "attn_temperature_tuning": 4, "floor_scale": 8192, "attn_scale": 0.1, "rope_scaling": {"factor": 16.0,
           "low_freq_factor": 1.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 8192,
           "rope_type": "llama3"}}})",
       262144,
       {{"",
         kInterleaved,
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
       {{"", kInterleaved, 128, 0, 128, "", {{1, ".814617234"}, {32, "1.41421356e-3"}}}},
       "3x0 .~"},
      {"Mistral 7B v0.1",  // section 2.1: as Llama 2
       R"({"model_type": "mistral", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_theta": 10000.0, "sliding_window": 4096})",
       32768,
       {{"", kHalfSplit, 128, 0, 128, "llama-2-7b"}},
       "32x0"},
      {"Mistral 7B v0.3",  // base 1e6, as CodeLlama
       R"({"model_type": "mistral", "head_dim": 128, "num_hidden_layers": 32, "rope_theta": 1000000.0})",
       32768,
       {{"", kHalfSplit, 128, 0, 128, "codellama-7b"}},
       "32x0"},
      {"Ministral 8B",  // closed form: 1e8^(-1/2)
       R"({"model_type": "mistral", "head_dim": 128, "hidden_size": 4096, "num_attention_heads": 32,
           "num_hidden_layers": 36, "rope_theta": 100000000.0})",
       32768,
       {{"", kHalfSplit, 128, 0, 128, "", {{32, "1.00000000e-4"}, {1, ".749894209"}}}},
       "36x0"},
      {"Ministral 3 3B",  // section 1.1; closed form: the last pair is divided by 16; g/g = 1, softmax as it is
       R"({"model_type": "mistral3", "text_config": {"model_type": "ministral3", "head_dim": 128, "hidden_size": 3072,
           "num_attention_heads": 32, "num_hidden_layers": 26, "max_position_embeddings": 262144, "rope_parameters": {
           "beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.1, "mscale": 1.0,
           "mscale_all_dim": 1.0, "original_max_position_embeddings": 16384, "rope_theta": 1000000.0,
           "rope_type": "yarn", "type": "yarn"}}})",
       262144,
       {{"", kHalfSplit, 128, 0, 128, "", {{1, ".805842188"}, {63, "7.755861e-8"}}}},
       "26x0~"},
      {"SmolLM3 3B",  // section 1.1; closed form: 2e6^(-1/2)
       R"({"model_type": "smollm3", "hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 36,
           "no_rope_layer_interval": 4, "rope_theta": 2000000.0})",
       32768,
       {{"", kHalfSplit, 128, 0, 128, "", {{1, ".797161666"}, {32, "7.07106781e-4"}}}},
       repeated("3x0 .", 9)},
  };
}

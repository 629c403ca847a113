// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable].
#include "model_config/published.hpp"

using posenc_tests::golden;
using posenc_tests::kHalfSplit;
using posenc_tests::repeated;

namespace {

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

const char* const kGemma3Four = R"({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text",
  "hidden_size": 2560, "num_hidden_layers": 34, "sliding_window": 1024,
  "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}})";

}  // namespace

std::vector<posenc_tests::Published> posenc_tests::phi_and_gemma() {
  return {
      {"Phi-2",  // section 1.1; closed form: 1e4^(-2/32)
       R"({"model_type": "phi", "hidden_size": 2560, "num_attention_heads": 32, "num_hidden_layers": 32,
           "partial_rotary_factor": 0.4, "rope_theta": 10000.0})",
       2048,
       {{"", kHalfSplit, 80, 0, 32, "", {{1, ".562341325"}, {4, ".100000000"}, {15, "1.77827941e-4"}}}},
       "32x0"},
      {"Phi-3-mini 4k",  // closed form: 1e4^(-1/2)
       R"({"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "num_hidden_layers": 32,
           "original_max_position_embeddings": 4096, "rope_scaling": null, "rope_theta": 10000.0})",
       4096,
       {{"", kHalfSplit, 96, 0, 96, "", {{1, ".825404185"}, {24, ".0100000000"}}}},
       "32x0"},
      {"Phi-3.5-mini, long",  // section 2.6
       phi35("longrope"),
       131072,
       {{"", kHalfSplit, 96, 0, 96, "phi-3.5-mini-long"}},
       "32x0"},
      {"Phi-3.5-mini, one more than the trained length",
       phi35("su"),
       4097,
       {{"", kHalfSplit, 96, 0, 96, "phi-3.5-mini-long"}},
       "32x0"},
      {"Phi-3.5-mini, the trained length",
       phi35("su"),
       4096,
       {{"", kHalfSplit, 96, 0, 96, "phi-3.5-mini-short"}},
       "32x0"},
      {"Phi-4-mini, long",  // section 2.6; closed form: divided by 1.118320672, 18.31155283, 47.77
       phi4_mini(),
       131072,
       {{"",
         kHalfSplit,
         128,
         0,
         96,
         "",
         {{1, ".738074692"}, {26, "3.72055868e-4"}, {47, "2.53616843e-6"}},
         "1.1902380714"}},
       "32x0"},
      {"Phi-4-mini, short",  // section 2.6: A is the same
       phi4_mini(),
       4096,
       {{"", kHalfSplit, 128, 0, 96, "", {{1, ".825404185"}, {24, ".0100000000"}}, "1.1902380714"}},
       "32x0"},
      {"Gemma 3 1B",  // section 1.1: nothing is scaled
       R"({"model_type": "gemma3_text", "head_dim": 256, "hidden_size": 1152, "num_attention_heads": 4,
           "num_hidden_layers": 26, "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": null,
           "sliding_window_pattern": 6})",
       32768,
       {{"full_attention", kHalfSplit, 256, 0, 256, "", {{64, "1.00000000e-3"}}},
        {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 4) + " 2x1"},
      {"Gemma 3 4B",  // section 2.2; what the file leaves out is in the config class
       kGemma3Four,
       131072,
       {{"full_attention", kHalfSplit, 256, 0, 256, "gemma-3-global"},
        {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 5) + " 4x1"},
      {"Gemma 3 4B, newer file",
       R"({"model_type": "gemma3_text", "head_dim": 256, "num_hidden_layers": 7, "layer_types": ["sliding_attention",
           "sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention", "full_attention",
           "sliding_attention"], "rope_parameters": {"full_attention": {"factor": 8.0, "rope_theta": 1000000.0,
           "rope_type": "linear"}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}})",
       131072,
       {{"full_attention", kHalfSplit, 256, 0, 256, "gemma-3-global"},
        {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
       "5x1 0 1"},
      {"Gemma 4",  // sections 1.1, 2.8
       R"({"model_type": "gemma4", "text_config": {"model_type": "gemma4_text", "head_dim": 256,
           "global_head_dim": 512, "num_hidden_layers": 30, "rope_parameters": {"full_attention": {
           "partial_rotary_factor": 0.25, "rope_theta": 1000000.0, "rope_type": "proportional"},
           "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}})",
       131072,
       {{"full_attention", kHalfSplit, 512, 0, 512, "gemma-4-full"},
        {"sliding_attention", kHalfSplit, 256, 0, 256, "gemma-3-local"}},
       repeated("5x1 0", 5)},
  };
}

// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable]. Numbers: closed form in 40 digits, of which
// each case names the rule.
#include "model_config/published.hpp"

using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;

namespace {

std::vector<std::pair<int, int>> height_width_time() {
  std::vector<std::pair<int, int>> runs;
  for (int i = 0; i < 22; ++i) runs.insert(runs.end(), {{1, 1}, {1, 2}});
  runs.push_back({20, 0});
  return runs;
}

/// A base that alpha multiplies.
posenc_tests::Published hunyuan(const char* name, const std::string& model_type) {
  return {name,
          R"({"model_type": ")" + model_type + R"(", "hidden_size": 4096, "num_attention_heads": 32, "head_dim": 128,
            "num_hidden_layers": 32, "max_position_embeddings": 32768, "rope_theta": 10000.0, "rope_scaling":
            {"alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 0.0,
            "type": "dynamic"}})",
          262144,
          {{"", kHalfSplit, 128, 0, 128, "", {{1, ".776034363"}, {63, "1.15478198e-7"}}}},
          "32x0",
          {"rope_scaling.beta_fast", "rope_scaling.beta_slow", "rope_scaling.factor", "rope_scaling.mscale",
           "rope_scaling.mscale_all_dim"}};
}

/// Alpha and four sections, of pairs or of the halves of channels.
posenc_tests::Published hunyuan_ocr(const char* name, posenc::AxisSections sections,
                                    const std::vector<std::pair<Eigen::Index, posenc_tests::Printed>>& inv_freq) {
  const bool by_channel = sections == posenc::AxisSections::of_channels;
  const int each = by_channel ? 32 : 16;
  return {name,
          R"({"model_type": "hunyuan_vl_text", "head_dim": 128, "num_hidden_layers": 24, "rope_theta": 10000.0,
            "rope_scaling": {"alpha": 1000.0, "factor": 1.0, "type": "xdrope", "xdrope_section": [16, 16, 16, 16]}})",
          4096,
          {{"",
            kHalfSplit,
            128,
            0,
            128,
            "",
            inv_freq,
            "1",
            "1",
            {{each, 0}, {each, 1}, {each, 2}, {each, 3}},
            by_channel ? posenc::RopeAngles::of_channels : posenc::RopeAngles::of_pairs}},
          "24x0",
          {"rope_scaling.factor"},
          "",
          sections};
}

/// Proportional, the first 64 of 256 pairs over the whole head, in one layer behind `sliding` others; twice.
posenc_tests::Published gemma4(const char* name, int sliding) {
  std::string period;
  for (int i = 0; i < sliding; ++i) period += R"("sliding_attention", )";
  period += R"("full_attention")";
  const std::string plan = std::to_string(sliding) + "x1 0";
  return {name,
          R"({"model_type": "gemma4", "text_config": {"model_type": "gemma4_text", "head_dim": 256, "global_head_dim":
            512, "num_hidden_layers": )" +
              std::to_string(2 * (sliding + 1)) + R"(, "layer_types": [)" + period + ", " + period +
              R"(], "rope_parameters": {"full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0,
            "rope_type": "proportional"}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}})",
          131072,
          {{"full_attention",
            kHalfSplit,
            512,
            0,
            512,
            "",
            {{1, ".947463526"}, {63, ".0333762469"}, {64, "0e-30"}, {255, "0e-30"}}},
           {"sliding_attention", kHalfSplit, 256, 0, 256, "", {{1, ".930572041"}, {64, ".0100000000"}}}},
          plan + " " + plan};
}

posenc_tests::Published esm2(const char* name, int hidden_size, int layers,
                             const std::vector<std::pair<Eigen::Index, posenc_tests::Printed>>& inv_freq) {
  return {name,
          R"({"model_type": "esm", "num_attention_heads": 20, "max_position_embeddings": 1026,
            "position_embedding_type": "rotary", "hidden_size": )" +
              std::to_string(hidden_size) + R"(, "num_hidden_layers": )" + std::to_string(layers) + "}",
          4096,
          {{"", kHalfSplit, hidden_size / 20, 0, hidden_size / 20, "", inv_freq}},
          std::to_string(layers) + "x0"};
}

/// It rotates backwards, in heads of 128.
posenc_tests::Published nanochat(const char* name, int hidden_size, int layers) {
  return {name,
          R"({"model_type": "nanochat", "max_position_embeddings": 2048, "rope_theta": 10000.0, "hidden_size": )" +
              std::to_string(hidden_size) + R"(, "num_attention_heads": )" + std::to_string(hidden_size / 128) +
              R"(, "num_hidden_layers": )" + std::to_string(layers) + "}",
          4096,
          {{"", kHalfSplit, 128, 0, 128, "", {{0, "-1.00000000"}, {1, "-.865964323"}, {63, "-1.15478198e-4"}}}},
          std::to_string(layers) + "x0"};
}

}  // namespace

/// Rules that few models have: two configs of each where two are published.
std::vector<posenc_tests::Published> posenc_tests::rarer_rules() {
  return {
      {"InternLM2-chat 7B at twice its length",  // dynamic
       R"({"model_type": "internlm2", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "max_position_embeddings": 32768, "rope_theta": 1000000, "rope_scaling": {"type": "dynamic", "factor":
           2.0}})",
       65536,
       {{"", kHalfSplit, 128, 0, 128, "", {{1, ".791911495"}, {63, "4.13645920e-7"}}}},
       "32x0"},
      {"InternLM3 8B at twice its length",  // dynamic
       R"({"model_type": "internlm3", "hidden_size": 4096, "num_attention_heads": 32, "head_dim": 128,
           "num_hidden_layers": 48, "max_position_embeddings": 32768, "rope_theta": 50000000, "rope_scaling":
           {"factor": 6.0, "rope_type": "dynamic"}})",
       65536,
       {{"", kHalfSplit, 128, 0, 128, "", {{1, ".735003385"}, {63, "3.76901931e-9"}}}},
       "48x0"},
      hunyuan("Hunyuan-A13B", "hunyuan_v1_moe"),
      hunyuan("Hunyuan 7B", "hunyuan_v1_dense"),
      hunyuan_ocr("HunYuanOCR, by pairs", posenc::AxisSections::of_pairs, {{1, ".776034363"}, {63, "1.15478198e-7"}}),
      hunyuan_ocr("HunYuanOCR, by channels", posenc::AxisSections::of_channels,
                  {{1, ".776034363"}, {63, "1.15478198e-7"}, {65, ".776034363"}, {127, "1.15478198e-7"}}),
      gemma4("Gemma 4 E2B, two periods", 4),
      gemma4("Gemma 4 31B, two periods", 5),
      {"ERNIE-4.5-VL 424B-A47B",  // h w h w ..., then t
       R"({"model_type": "ernie4_5_moe_vl", "hidden_size": 8192, "num_attention_heads": 64, "num_hidden_layers": 54,
           "rope_theta": 500000, "rope_scaling": {"type": "default", "mrope_section": [22, 22, 20]}})",
       131072,
       {{"", kInterleaved, 128, 0, 128, "", {{1, ".814617234"}, {63, "2.45514079e-6"}}, "1", "1", height_width_time()}},
       "54x0"},
      esm2("ESM-2 8M", 320, 6, {{1, ".316227766"}, {7, "3.16227766e-4"}}),       // base^(-2i/16)
      esm2("ESM-2 650M", 1280, 33, {{1, ".749894209"}, {31, "1.33352143e-4"}}),  // base^(-2i/64)
      {"Falcon RW 1B",                                                           // ALiBi in place of rotations
       R"({"model_type": "falcon", "alibi": true, "hidden_size": 2048, "num_attention_heads": 32,
           "num_hidden_layers": 24})",
       4096,
       {},
       "24x."},
      {"CodeGen 350M",  // 32 of 64 channels
       R"({"model_type": "codegen", "n_embd": 1024, "n_head": 16, "n_layer": 20, "n_positions": 2048, "rotary_dim":
           32})",
       4096,
       {{"", kInterleaved, 64, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
       "20x0"},
      {"LongCat-Flash-Chat and -Thinking",  // two attentions in each of 28 layers
       R"({"model_type": "longcat_flash", "hidden_size": 6144, "num_attention_heads": 64, "num_layers": 28,
           "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_theta": 10000000.0})",
       131072,
       {{"", kInterleaved, 192, 128, 64, "", {{1, ".604296390"}, {31, "1.65481710e-7"}}}},
       "56x0"},
      nanochat("nanochat d20", 1280, 20),
      nanochat("nanochat d32", 2048, 32),
      {"Kimi-Linear 48B-A3B",  // no rotation
       R"({"model_type": "kimi_linear", "hidden_size": 2304, "num_attention_heads": 32, "num_hidden_layers": 27,
           "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_theta": 10000.0})",
       4096,
       {},
       "27x.",
       {"qk_rope_head_dim", "rope_theta"}},
      {"Zamba2 7B, three layers",  // rotation of memory
       R"({"model_type": "zamba2", "hidden_size": 3584, "num_attention_heads": 32, "attention_head_dim": 224,
           "num_hidden_layers": 3, "use_mem_rope": true, "layers_block_type": ["mamba", "mamba", "hybrid"]})",
       4096,
       {{"", kHalfSplit, 224, 0, 224, "", {{1, ".921055318"}, {111, "1.08571112e-4"}}}},
       "2x. 0"},
      {"Zamba2 2.7B, three layers",  // no rotation
       R"({"model_type": "zamba2", "hidden_size": 2560, "num_attention_heads": 32, "attention_head_dim": 160,
           "num_hidden_layers": 3, "use_mem_rope": false, "layers_block_type": ["mamba", "mamba", "hybrid"]})",
       4096,
       {},
       "3x."},
  };
}

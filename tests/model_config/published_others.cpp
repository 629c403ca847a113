// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable].
#include "model_config/published.hpp"

using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;
using posenc_tests::repeated;

std::vector<posenc_tests::Published> posenc_tests::other_models() {
  return {
      {"GPT-NeoX-20B",  // section 2.1
       R"({"model_type": "gpt_neox", "hidden_size": 6144, "num_attention_heads": 64, "num_hidden_layers": 44,
           "rotary_pct": 0.25, "rotary_emb_base": 10000})",
       2048,
       {{"", kHalfSplit, 96, 0, 24, "gpt-neox-20b"}},
       "44x0"},
      {"Pythia 6.9B",  // section 2.1; closed form: 1e4^(-2/32)
       R"({"model_type": "gpt_neox", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rotary_pct": 0.25, "rotary_emb_base": 10000})",
       2048,
       {{"", kHalfSplit, 128, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
       "32x0"},
      {"GPT-J-6B",  // section 2.1
       R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28, "n_positions": 2048, "rotary_dim": 64})",
       2048,
       {{"", kInterleaved, 256, 0, 64, "gpt-j-6b"}},
       "28x0"},
      {"ChatGLM-6B",  // section 1.1: two positions, a half of the head each; 2.1 for d = 64
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 28,
           "position_encoding_2d": true, "max_sequence_length": 2048})",
       2048,
       {{"", kHalfSplit, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}, "1", "1", {{32, 0}}},
        {"", kHalfSplit, 128, 64, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}, "1", "1", {{32, 1}}}},
       "28x01"},
      {"ChatGLM3-6B",  // section 1.1; 2.1 for d = 64
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 28,
           "kv_channels": 128, "seq_length": 8192})",
       8192,
       {{"", kInterleaved, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       "28x0"},
      {"GLM-4-9B-chat, remote code",  // section 1.1; closed form: (1e4 * 500)^(-1/2)
       R"({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 40,
           "kv_channels": 128, "rope_ratio": 500, "seq_length": 131072})",
       131072,
       {{"", kInterleaved, 128, 0, 64, "", {{1, ".617528758"}, {16, "4.47213595e-4"}}}},
       "40x0"},
      {"GLM-4-9B-0414",  // section 1.1; 2.1 for d = 64
       R"({"model_type": "glm4", "head_dim": 128, "hidden_size": 4096, "num_attention_heads": 32,
           "num_hidden_layers": 40, "partial_rotary_factor": 0.5, "rope_theta": 10000.0})",
       32768,
       {{"", kInterleaved, 128, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       "40x0"},
      {"Command R",  // section 1.1; closed form: 8e6^(-1/2)
       R"({"model_type": "cohere", "hidden_size": 8192, "num_attention_heads": 64, "num_hidden_layers": 40,
           "rope_theta": 8000000.0})",
       131072,
       {{"", kInterleaved, 128, 0, 128, "", {{1, ".780080136"}, {32, "3.53553391e-4"}}}},
       "40x0"},
      {"Command R7B",  // section 1.1: full layers do not rotate; closed form: 5e4^(-1/2)
       R"({"model_type": "cohere2", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
           "rope_theta": 50000, "sliding_window": 4096, "sliding_window_pattern": 4, "rotary_pct": 1.0})",
       131072,
       {{"", kInterleaved, 128, 0, 128, "", {{1, ".844459049"}, {32, "4.47213595e-3"}}}},
       repeated("3x0 .", 8)},
      {"ModernBERT base",  // section 2.1; closed form: 160000^(-1/2); 2.1 for the local base
       R"({"model_type": "modernbert", "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 22,
           "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0})",
       8192,
       {{"full_attention", kHalfSplit, 64, 0, 64, "", {{1, ".687656022"}, {16, "2.50000000e-3"}}},
        {"sliding_attention", kHalfSplit, 64, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       repeated("0 2x1", 7) + " 0"},
      {"DINOv3 ViT-S/16",  // section 2.12: 2 pi times .749894209 and .0133352143, for y and for x
       R"({"model_type": "dinov3_vit", "hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12,
           "rope_theta": 100.0, "pos_embed_rescale": 2.0})",
       1024,
       {{"",
         kHalfSplit,
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
         kHalfSplit,
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
       {{"", kInterleaved, 36, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
       "6x0"},
  };
}

// SPDX-License-Identifier: MIT
// Goes with the case in published_models.cpp that is tagged [portable]. Numbers: closed form in 40 digits, of which
// each case names the rule.
#include "model_config/published.hpp"

using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;

namespace {

using InvFreq = std::vector<std::pair<Eigen::Index, posenc_tests::Printed>>;

/// Two axes that drive half of the pairs each.
posenc_tests::ExpectedSet grid(posenc::RopePairs pairs, int head_dim, const InvFreq& inv_freq) {
  return {"", pairs, head_dim, 0, head_dim, "", inv_freq, "1", "1", {{head_dim / 4, 0}, {head_dim / 4, 1}}};
}

/// Pictures of Qwen-VL: `sizes` are the config's, `set` what they rotate by.
posenc_tests::Published qwen(const char* name, const std::string& model_type, const std::string& sizes, int depth,
                             const posenc_tests::ExpectedSet& set) {
  const std::string tower = R"({"num_heads": 16, "model_type": ")" + model_type + R"(", "depth": )" +
                            std::to_string(depth) + ", " + sizes + "}";
  return {name,
          R"({"model_type": ")" + model_type + R"(", "vision_config": )" + tower + "}",
          4096,
          {set},
          std::to_string(depth) + "x0",
          {},
          "vision_config"};
}

/// Frames, rows and columns drive `each` channels of 16 heads.
posenc_tests::Published vjepa2(const char* name, int hidden_size, int layers, int each, const InvFreq& inv_freq) {
  const std::vector<std::pair<int, int>> axes = {{each, 0}, {each, 1}, {each, 2}};
  return {name,
          R"({"model_type": "vjepa2", "num_attention_heads": 16, "crop_size": 256, "patch_size": 16, "tubelet_size": 2,
            "frames_per_clip": 64, "hidden_size": )" +
              std::to_string(hidden_size) + R"(, "num_hidden_layers": )" + std::to_string(layers) + "}",
          4096,
          {{"", kInterleaved, hidden_size / 16, 0, 3 * each, "", inv_freq, "1", "1", axes,
            posenc::RopeAngles::of_channels}},
          std::to_string(layers) + "x0"};
}

/// One of two towers of the same form, in which 32 of 64 channels rotate.
posenc_tests::Published clvp(const char* name, const std::string& tower) {
  const std::string config = R"({"model_type": "clvp_encoder", "hidden_size": 768, "num_attention_heads": 12,
    "num_hidden_layers": 20, "projection_dim": 768, "use_rotary_embedding": true})";
  return {name,   R"({"model_type": "clvp", ")" + tower + "\": " + config + "}",
          4096,   {{"", kHalfSplit, 64, 0, 32, "", {{1, ".562341325"}, {15, "1.77827941e-4"}}}},
          "20x0", {},
          tower};
}

/// Each head rotates by its own number, so that positions cancel.
posenc_tests::Published codec(const char* name, const std::string& model_type) {
  return {name,
          R"({"model_type": ")" + model_type + R"(", "hidden_size": 1024, "num_attention_heads": 16,
            "num_hidden_layers": 12, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}})",
          4096,
          {},
          "12x.",
          {"rope_parameters.rope_theta"}};
}

}  // namespace

/// Pictures and sound.
std::vector<posenc_tests::Published> posenc_tests::towers() {
  const ExpectedSet grid_of_80 =
      grid(kHalfSplit, 80, {{1, ".630957344"}, {19, "1.58489319e-4"}, {20, "1.00000000"}, {39, "1.58489319e-4"}});
  return {
      // two series of base^(-2i/40), and of base^(-2i/36)
      qwen("Qwen2-VL 7B, pictures", "qwen2_vl", R"("embed_dim": 1280, "hidden_size": 3584)", 32, grid_of_80),
      qwen("Qwen2.5-VL 7B, pictures", "qwen2_5_vl", R"("hidden_size": 1280, "out_hidden_size": 3584)", 32, grid_of_80),
      qwen("Qwen3-VL 8B, pictures", "qwen3_vl", R"("hidden_size": 1152)", 27,
           grid(kHalfSplit, 72, {{1, ".599484250"}, {17, "1.66810054e-4"}, {18, "1.00000000"}, {35, "1.66810054e-4"}})),
      {"Llama 4 Scout and Maverick, pictures",  // two series of base^(-2i/44)
       R"({"model_type": "llama4", "vision_config": {"hidden_size": 1408, "num_attention_heads": 16,
           "num_hidden_layers": 34, "rope_theta": 10000, "model_type": "llama4_vision_model"}})",
       4096,
       {grid(kInterleaved, 88, {{1, ".657933225"}, {21, "1.51991108e-4"}, {22, "1.00000000"}, {43, "1.51991108e-4"}})},
       "34x0",
       {},
       "vision_config"},
      {"DINOv3 ViT-7B/16",  // two series of base^(-2i/64)
       R"({"model_type": "dinov3_vit", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 40,
           "rope_theta": 100.0})",
       4096,
       {grid(kHalfSplit, 128, {{1, "5.44101431"}, {31, ".0725570920"}, {32, "6.28318531"}, {63, ".0725570920"}})},
       "40x0"},
      vjepa2(
          "V-JEPA 2 ViT-L", 1024, 24, 20,  // each series of base^(-c/10) twice
          {{1, ".398107171"}, {9, "2.51188643e-4"}, {10, "1.00000000"}, {19, "2.51188643e-4"}, {59, "2.51188643e-4"}}),
      vjepa2(
          "V-JEPA 2 ViT-H", 1280, 32, 26,  // each series of base^(-c/13) twice
          {{1, ".492388263"}, {12, "2.03091762e-4"}, {13, "1.00000000"}, {25, "2.03091762e-4"}, {77, "2.03091762e-4"}}),
      {"Mistral Small 3.1, pictures",  // one series of base^(-2i/64), even frequencies for rows
       R"({"model_type": "mistral3", "vision_config": {"model_type": "pixtral", "head_dim": 64, "hidden_size": 1024,
           "num_attention_heads": 16, "num_hidden_layers": 24, "rope_theta": 10000.0}})",
       4096,
       {grid(kHalfSplit, 64, {{1, ".562341325"}, {15, "1.77827941e-4"}, {16, ".749894209"}, {31, "1.33352143e-4"}})},
       "24x0",
       {},
       "vision_config"},
      {"Gemma 4 E4B, pictures",  // two halves of a head
       R"({"model_type": "gemma4", "vision_config": {"model_type": "gemma4_vision", "head_dim": 64, "hidden_size":
           768, "num_attention_heads": 12, "num_hidden_layers": 16, "rope_parameters": {"rope_theta": 100.0,
           "rope_type": "default"}}})",
       4096,
       {{"", kHalfSplit, 64, 0, 32, "", {{1, ".749894209"}, {15, ".0133352143"}}, "1", "1", {{16, 0}}},
        {"", kHalfSplit, 64, 32, 32, "", {{1, ".749894209"}, {15, ".0133352143"}}, "1", "1", {{16, 1}}}},
       "16x01",
       {},
       "vision_config"},
      {"Wav2Vec2-Conformer large, rotary",  // of hidden states
       R"({"model_type": "wav2vec2-conformer", "hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers":
           24, "position_embeddings_type": "rotary", "rotary_embedding_base": 10000})",
       4096,
       {{"", kHalfSplit, 64, 0, 64, "", {{1, ".749894209"}, {31, "1.33352143e-4"}}}},
       "24x0"},
      {"Wav2Vec2-Conformer large, relative",  // no rotation
       R"({"model_type": "wav2vec2-conformer", "hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers":
           24, "position_embeddings_type": "relative", "rotary_embedding_base": 10000})",
       4096,
       {},
       "24x.",
       {"rotary_embedding_base"}},
      clvp("CLVP, text", "text_config"),
      clvp("CLVP, speech", "speech_config"),
      codec("X-Codec 2", "xcodec2"),
      codec("NeuCodec", "neucodec"),
  };
}

// SPDX-License-Identifier: MIT
/// Forms of configs and rules of rotation that one or two models have, as runs of their own code show them.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model_config/expected.hpp"
#include "support/json.hpp"

namespace {

using posenc::ModelHints;
using posenc::ModelRope;
using posenc::RopeSet;
using posenc::RotatedStates;
using posenc_tests::Json;
using posenc_tests::kHalfSplit;
using posenc_tests::kInterleaved;
using posenc_tests::plan_of;
using posenc_tests::repeated;

ModelRope read(const std::string& config, const std::string& tower = "", int serving_length = 4096) {
  ModelHints hints;
  hints.tower = tower;
  return posenc::read_hugging_face_config(Json::parse(config), serving_length, hints);
}

/// Frequencies from numbers in 40 digits.
void check_pairs(const RopeSet& set, const std::vector<std::pair<Eigen::Index, posenc_tests::Printed>>& expected) {
  for (const auto& [pair, printed] : expected) {
    INFO("pair " << pair << ": " << printed << ", got " << set.frequencies.inv_freq()[pair]);
    CHECK(printed.is(set.frequencies.inv_freq()[pair]));
  }
}

}  // namespace

TEST_CASE("full layers of Beam scale queries by a power", "[model_config][hugging_face][rare]") {
  const ModelRope saved = read(R"({"model_type": "beam", "num_hidden_layers": 8, "rope_parameters": {
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}, "full_attention": null}})");
  CHECK(plan_of(saved) == "5x0 .~ 0 .~");
  REQUIRE(saved.layers[5].query_temperature);
  CHECK(saved.layers[5].query_temperature->growth == posenc::TemperatureGrowth::power);
  CHECK(plan_of(read(R"({"model_type": "beam"})")) == repeated("5x0 .~", 8) + " 3x0 .~");
}

TEST_CASE("axes of rare picture towers", "[model_config][hugging_face][rare]") {
  // Kimi: each frequency for columns, then for rows.
  const ModelRope kimi = read(R"({"model_type": "kimi_k25_vision", "num_hidden_layers": 2})");
  const RopeSet& turns = kimi.rope_sets[0];
  CHECK(turns.positions == posenc::TokenPositions::column_row);
  CHECK((turns.layout.pairs() == kHalfSplit && turns.layout.head_dim() == 72));
  REQUIRE(turns.axes->num_pairs() == 36);
  for (Eigen::Index pair = 0; pair < 36; ++pair) CHECK(turns.axes->axis_of_pair()[pair] == pair % 2);
  check_pairs(turns, {{0, "1"}, {1, "1"}, {2, ".599484250"}, {3, ".599484250"}, {35, "1.66810054e-4"}});
  // MiniMax M3: three axes of 13 pairs each, in the first 78 of 80 channels.
  const ModelRope minimax = read(R"({"model_type": "minimax_m3_vl_vision", "num_hidden_layers": 2})");
  const RopeSet& axes = minimax.rope_sets[0];
  CHECK(axes.positions == posenc::TokenPositions::time_row_column);
  CHECK((axes.layout.head_dim() == 80 && axes.layout.offset() == 0 && axes.layout.rotary_dim() == 78));
  for (Eigen::Index pair = 0; pair < 39; ++pair) CHECK(axes.axes->axis_of_pair()[pair] == pair / 13);
  check_pairs(axes, {{0, "1"}, {12, "2.03091762e-4"}, {13, "1"}, {14, ".492388263"}, {38, "2.03091762e-4"}});
  // SAM 2: memory attention.
  const ModelRope sam = read(R"({"model_type": "sam2_video", "memory_attention_num_layers": 3,
    "memory_attention_hidden_size": 256, "memory_attention_num_attention_heads": 2,
    "memory_attention_downsample_rate": 2, "memory_attention_rope_theta": 10000})");
  CHECK(plan_of(sam) == "3x0");
  CHECK(sam.ignored_keys.empty());
  CHECK((sam.rope_sets[0].layout.pairs() == kInterleaved && sam.rope_sets[0].layout.head_dim() == 64));
  CHECK(sam.rope_sets[0].positions == posenc::TokenPositions::column_row);
  CHECK(read(R"({"model_type": "edgetam_video"})").layers.size() == 2);
  CHECK(read(R"({"model_type": "sam3_tracker_video"})").rope_sets[0].layout.head_dim() == 256);
  // The class of Llama 4 has no scaling rules for pictures, whatever a config says.
  const ModelRope llama = read(R"({"model_type": "llama4_vision_model", "num_hidden_layers": 1, "rope_parameters": {
    "rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}})");
  CHECK(llama.rope_sets[0].frequencies.inv_freq()[0] == 1);
  CHECK(llama.ignored_keys == std::vector<std::string>{"rope_parameters.factor"});
}

TEST_CASE("all heads as one, of which the first rotates", "[model_config][hugging_face][rare]") {
  const ModelRope dit = read(R"({"model_type": "qwen2_5_omni_dit", "num_hidden_layers": 2})");
  const posenc::RopeLayout& layout = dit.rope_sets[0].layout;
  CHECK((layout.pairs() == kInterleaved && layout.head_dim() == 1024));
  CHECK((layout.offset() == 0 && layout.rotary_dim() == 64));
}

TEST_CASE("pairs that no section of Qwen 4 covers are of time", "[model_config][hugging_face][rare]") {
  const ModelRope whole = read(R"({"model_type": "qwen4_exp_text", "num_hidden_layers": 4})");
  const Eigen::ArrayXi& axes = whole.rope_sets[0].axes->axis_of_pair();
  REQUIRE(axes.size() == 128);
  CHECK(((axes == 1).count() == 11 && (axes == 2).count() == 10));
  CHECK((axes.tail(128 - 33) == 0).all());
}

TEST_CASE("keys of single classes", "[model_config][hugging_face][rare]") {
  CHECK(read(R"({"model_type": "gptj", "n_layer": 1})").rope_sets[0].layout.rotary_dim() == 64);
  CHECK(read(R"({"model_type": "codegen", "n_layer": 1, "rotary_dim": 32})").rope_sets[0].layout.rotary_dim() == 32);
  // The length of dynamic by the names that two classes have: at twice the length, factor 2 gives the base a factor of
  // 3^(128/126).
  for (const std::string config :
       {R"({"model_type": "dbrx", "n_layers": 1, "d_model": 2048, "n_heads": 16, "max_seq_len": 1024, )",
        R"({"model_type": "llama", "num_hidden_layers": 1, "head_dim": 128, "model_max_length": 1024, )"}) {
    const ModelRope scaled =
        read(config + R"("rope_scaling": {"type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}})", "", 2048);
    check_pairs(scaled.rope_sets[0], {{63, "3.84927328e-5"}});
  }
  // Zamba 2 as it is saved: kv_channels is half a head.
  const ModelRope zamba = read(R"({"model_type": "zamba2", "num_hidden_layers": 2, "use_mem_rope": true,
    "kv_channels": 80, "attention_head_dim": 160, "layers_block_type": ["mamba", "hybrid"]})");
  CHECK(zamba.rope_sets[0].layout.head_dim() == 160);
  // Dots 3 as it is saved: the share of a head_dim that is not the sum of the two parts.
  const ModelRope dots = read(R"({"model_type": "dots3_note_text", "num_hidden_layers": 2, "layer_types":
    ["indexed_attention", "sliding_attention"], "per_layer_config": {"01": {"head_dim": 256, "qk_nope_head_dim": 192,
    "qk_rope_head_dim": 64}}, "rope_parameters": {"indexed_attention": {"rope_type": "default", "rope_theta": 8e7,
    "partial_rotary_factor": 0.25}, "sliding_attention": {"rope_type": "default", "rope_theta": 5e4,
    "partial_rotary_factor": 0.25}}})");
  CHECK(plan_of(dots) == "0 1");
  CHECK((dots.rope_sets[0].layout.head_dim() == 192 && dots.rope_sets[1].layout.head_dim() == 256));
  CHECK((dots.rope_sets[0].layout.rotary_dim() == 64 && dots.rope_sets[1].layout.rotary_dim() == 64));
}

TEST_CASE("what rotates beside queries and keys", "[model_config][hugging_face][rare]") {
  CHECK(read(R"({"model_type": "llama"})").rope_sets[0].rotates == RotatedStates::queries_keys);
  // CLVP: values too; max(projection_dim / (2 heads), 32) channels.
  const ModelRope clvp = read(R"({"model_type": "clvp_encoder"})");
  CHECK(plan_of(clvp) == "20x0");
  CHECK(clvp.rope_sets[0].rotates == RotatedStates::queries_keys_values);
  CHECK((clvp.rope_sets[0].layout.head_dim() == 64 && clvp.rope_sets[0].layout.rotary_dim() == 32));
  check_pairs(clvp.rope_sets[0], {{1, ".562341325"}});
  CHECK(read(R"({"model_type": "clvp_encoder", "projection_dim": 1536})").rope_sets[0].layout.rotary_dim() == 64);
  CHECK(plan_of(read(R"({"model_type": "clvp_encoder", "use_rotary_embedding": false})")) == "20x.");
  // Conformers: hidden states, of which queries and keys are made.
  for (const std::string type : {"wav2vec2-bert", "wav2vec2-conformer", "seamless_m4t"}) {
    INFO(type);
    const std::string start = "{\"model_type\": \"" + type + R"(", "speech_encoder_layers": 3, "num_hidden_layers": 3)";
    const ModelRope rotary = read(start + R"(, "position_embeddings_type": "rotary", "rotary_embedding_base": 100})");
    CHECK(plan_of(rotary) == "3x0");
    CHECK(rotary.rope_sets[0].rotates == RotatedStates::attention_inputs);
    CHECK((rotary.rope_sets[0].layout.head_dim() == 64 && rotary.rope_sets[0].layout.pairs() == kHalfSplit));
    check_pairs(rotary.rope_sets[0], {{16, ".100000000"}});
    CHECK(plan_of(read(start + R"(, "position_embeddings_type": "relative"})")) == "3x.");
    CHECK(plan_of(read(start + "}")) == "3x.");
  }
  // The text of SeamlessM4T has layers and heads of its own.
  const ModelRope seamless = read(R"({"model_type": "seamless_m4t", "position_embeddings_type": "rotary",
    "encoder_layers": 12, "num_hidden_layers": 12, "encoder_attention_heads": 8, "speech_encoder_layers": 6,
    "speech_encoder_attention_heads": 32})");
  CHECK((plan_of(seamless) == "6x0" && seamless.rope_sets[0].layout.head_dim() == 32));
}

TEST_CASE("heads that rotate by their own number", "[model_config][hugging_face][rare]") {
  for (const std::string type : {"xcodec2", "neucodec"}) {
    INFO(type);
    const ModelRope plain = read("{\"model_type\": \"" + type + R"(", "rope_parameters": {"rope_type": "linear",
      "factor": 4.0, "rope_theta": 10000.0}})");
    CHECK(plan_of(plain) == "12x.");
    CHECK(plain.ignored_keys == std::vector<std::string>{"rope_parameters.factor", "rope_parameters.rope_theta"});
    // The factor on cosines and sines does not cancel in the scores: 0.1 ln 4 + 1.
    const ModelRope yarn = read("{\"model_type\": \"" + type + R"(", "rope_parameters": {"rope_type": "yarn",
      "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 1024}})");
    CHECK(plan_of(yarn) == "12x0");
    CHECK((yarn.rope_sets[0].frequencies.inv_freq() == 0).all());
    CHECK(posenc_tests::Printed("1.13862944").is(yarn.rope_sets[0].frequencies.magnitude()));
  }
}

TEST_CASE("axes over all heads, and in space", "[model_config][hugging_face][rare]") {
  // EfficientLoFTR: each frequency for rows, then for columns, over the pairs of all heads: 1e4^(-2i/128).
  const ModelRope loftr = read(R"({"model_type": "efficientloftr"})");
  const RopeSet& turns = loftr.rope_sets[0];
  CHECK((plan_of(loftr) == "4x0" && turns.positions == posenc::TokenPositions::row_column));
  CHECK((turns.layout.pairs() == kInterleaved && turns.layout.head_dim() == 256));
  REQUIRE(turns.axes->num_pairs() == 128);
  for (Eigen::Index pair = 0; pair < 128; ++pair) CHECK(turns.axes->axis_of_pair()[pair] == pair % 2);
  check_pairs(turns, {{0, "1"}, {1, "1"}, {2, ".865964323"}, {3, ".865964323"}, {64, ".0100000000"}});
  // Scaling rules hold for the series; cosines and sines keep their size.
  const ModelRope yarn = read(R"({"model_type": "efficientloftr", "partial_rotary_factor": 4.0, "rope_parameters":
    {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 1024}})");
  check_pairs(yarn.rope_sets[0], {{0, "1"}, {127, "2.88695496e-5"}});
  CHECK(yarn.rope_sets[0].frequencies.magnitude() == 1);
  // ESMFold 2: two pairs for each of x, y and z, ten for the number of a unit, the rest stays.
  const ModelRope atoms = read(
      R"({"model_type": "esmfold2", "structure_head": {"diffusion_module": {"atom_encoder": {"num_hidden_layers": 2,
    "num_uid_rope_pairs": 8}}}})",
      "structure_head.diffusion_module.atom_encoder");
  const RopeSet& space = atoms.rope_sets[0];
  CHECK((plan_of(atoms) == "2x0" && space.positions == posenc::TokenPositions::by_axis));
  CHECK((space.layout.pairs() == kHalfSplit && space.layout.head_dim() == 32));
  REQUIRE(space.axes->num_pairs() == 16);
  for (Eigen::Index pair = 0; pair < 16; ++pair) {
    CHECK(space.axes->axis_of_pair()[pair] == (std::min)(pair / 2, Eigen::Index(3)));
  }
  check_pairs(space,
              {{0, "1"}, {1, ".223606798"}, {5, ".223606798"}, {6, "1"}, {7, ".316227766"}, {13, "3.16227766e-4"}});
  CHECK((space.frequencies.inv_freq()[14] == 0 && space.frequencies.inv_freq()[15] == 0));
}

TEST_CASE("sections that programs read differently", "[model_config][hugging_face][rare]") {
  // HunYuanOCR: of pairs in llama.cpp and vLLM, of channels in transformers, where the two of a pair get two axes.
  const Json config = Json::parse(R"({"model_type": "hunyuan_vl_text", "head_dim": 128, "num_hidden_layers": 24,
    "rope_theta": 10000.0, "rope_scaling": {"rope_type": "xdrope", "alpha": 1000.0, "xdrope_section":
    [16, 16, 16, 16]}})");
  ModelHints hints;
  hints.sections = posenc::AxisSections::of_pairs;
  const ModelRope pairs = posenc::read_hugging_face_config(config, 4096, hints);
  const RopeSet& pictures = pairs.rope_sets[0];
  REQUIRE(pictures.axes);
  CHECK(*pictures.axes == posenc::contiguous_axes({16, 16, 16, 16}));
  CHECK(pictures.positions == posenc::TokenPositions::by_axis);
  hints.sections = posenc::AxisSections::of_channels;
  const ModelRope channels = posenc::read_hugging_face_config(config, 4096, hints);
  const RopeSet& mixed = channels.rope_sets[0];
  REQUIRE(mixed.axes);
  CHECK(*mixed.axes == posenc::contiguous_axes({32, 32, 32, 32}));
  CHECK(mixed.positions == posenc::TokenPositions::by_axis);
  CHECK((pictures.angles == posenc::RopeAngles::of_pairs && mixed.angles == posenc::RopeAngles::of_channels));
  check_pairs(pictures, {{63, "1.15478198e-7"}});
  check_pairs(mixed, {{0, "1"}, {63, "1.15478198e-7"}, {64, "1"}, {127, "1.15478198e-7"}});
  // Text has one position on all axes, and rotates: one function does what the other does.
  const Eigen::MatrixXd start = Eigen::MatrixXd::Random(5, 128);
  Eigen::MatrixXd by_pairs = start, by_channels = start;
  const posenc::PositionRange text(3, 5);
  posenc::apply_rope(by_pairs, posenc::make_table<double>(pictures, text), pictures.layout);
  posenc::apply_channel_angles(by_channels, posenc::make_table<double>(mixed, text), mixed.layout);
  CHECK((by_pairs - by_channels).cwiseAbs().maxCoeff() <= 4 * 0x1p-53);
  // Channels 10 and 74 of a picture's token: the axis of the first section, and that of the third.
  const Eigen::MatrixXd place = Eigen::RowVector4d(3, 5, 7, 11);
  Eigen::MatrixXd token = start.topRows(1);
  posenc::apply_channel_angles(token, posenc::make_table<double>(mixed, place), mixed.layout);
  const double f = mixed.frequencies.inv_freq()[10], a = start(0, 10), b = start(0, 74);
  CHECK(std::abs(token(0, 10) - (a * std::cos(3 * f) - b * std::sin(3 * f))) <= 0x1p-50);
  CHECK(std::abs(token(0, 74) - (b * std::cos(7 * f) + a * std::sin(7 * f))) <= 0x1p-50);
}

TEST_CASE("a second of video has as many positions as a config says", "[model_config][hugging_face][rare]") {
  const auto rate = [](const std::string& config, const std::string& tower = "") {
    return read(config, tower).rope_sets.at(0).positions_per_second;
  };
  const std::string vision = R"("vision_config": {"model_type": "qwen2_5_vl"})";
  // Qwen2.5-VL 7B, flat and with a text_config; its class has 4.
  CHECK(rate(R"({"model_type": "qwen2_5_vl", "vision_config": {"tokens_per_second": 2}})") == 2);
  CHECK(rate(R"({"model_type": "qwen2_5_vl", "text_config": {"model_type": "qwen2_5_vl_text"},
    "vision_config": {"tokens_per_second": 2}})") == 2);
  CHECK(rate(R"({"model_type": "qwen2_5_vl", )" + vision + "}") == 4);
  // Qwen2.5-Omni and Qwen3-Omni, whose classes have 25.
  CHECK(rate(R"({"model_type": "qwen2_5_omni", "thinker_config": {"text_config": {}}})") == 25);
  const std::string omni = R"({"model_type": "qwen3_omni_moe", "thinker_config": {"position_id_per_seconds": 13,
    "text_config": {"model_type": "qwen3_omni_moe_text"}}, "talker_config": {"position_id_per_seconds": 12,
    "text_config": {"model_type": "qwen3_omni_moe_talker_text"}}})";
  CHECK(rate(omni) == 13);
  CHECK(rate(omni, "talker_config") == 12);
  // A language model alone says nothing, and the frames of other models are counted.
  CHECK(!rate(R"({"model_type": "qwen2_5_vl_text"})"));
  CHECK(!rate(R"({"model_type": "qwen2_vl", "vision_config": {"tokens_per_second": 2}})"));
  // Two frames in four seconds: what the builder of positions takes.
  const auto time = posenc::VideoTime().positions_per_second(*rate(omni)).frames(2).seconds(4);
  const auto prompt = posenc::mrope_positions({posenc::MropeSegment::video(2, 1, 1, time)});
  CHECK(prompt.ids(1, 0) == 26);
}

TEST_CASE("what no config says is noted", "[model_config][hugging_face][rare]") {
  const auto notes = [](const std::string& config) { return read(config).notes; };
  using Names = std::vector<std::string>;
  CHECK(notes(R"({"model_type": "llama"})").empty());
  CHECK(notes(R"({"model_type": "mlcd_vision_model"})") ==
        Names{"the class token rotates by class_pos_emb, angles that are weights"});
  CHECK(notes(R"({"model_type": "dinov3_vit"})") == Names{"the class token and the registers do not rotate"});
  CHECK(notes(R"({"model_type": "deepseek_v32"})") ==
        Names{"the indexer rotates queries and keys of its own, in half_split pairs"});
  CHECK(notes(R"({"model_type": "sam2_video"})") == Names{"keys of object pointers do not rotate"});
}

TEST_CASE("pictures are counted from 0, or by five models from 1", "[model_config][hugging_face][rare]") {
  int from_one = 0;
  for (const std::string& type : posenc::known_model_types()) {
    if (type.find("vision") == std::string::npos && type != "efficientloftr" && type != "pixtral") continue;
    INFO(type);
    const ModelRope model = read(R"({"model_type": ")" + type + "\"}");
    for (const RopeSet& set : model.rope_sets) from_one += set.grid_first;
  }
  CHECK(from_one == 5);
  // A patch of Llama 4 in row 1 and column 2 of three.
  const RopeSet set = read(R"({"model_type": "llama4_vision_model"})").rope_sets.at(0);
  const auto positions = posenc::grid_positions({2, 3}, set.grid_first, set.grid_order);
  CHECK((positions(5, 0) == 3 && positions(5, 1) == 2));
}

TEST_CASE("documents of NeoMME have a height and a width, and text has one position",
          "[model_config][hugging_face][rare]") {
  const ModelRope model = read(R"({"model_type": "neomme"})");
  REQUIRE(model.rope_sets.size() == 2);
  for (const RopeSet& set : model.rope_sets) {
    CHECK(set.positions == posenc::TokenPositions::height_width);
    REQUIRE(set.axes);
    const Eigen::Index num_pairs = set.frequencies.num_pairs();
    for (Eigen::Index pair = 0; pair < num_pairs; ++pair) CHECK(set.axes->axis_of_pair()[pair] == pair % 2);
    // A document after two tokens of text: rows and columns count on from there.
    const auto prompt = posenc::mrope_positions({posenc::MropeSegment::text(2), posenc::MropeSegment::image(2, 3)});
    const auto table = posenc::make_table<double>(set, prompt.ids.rightCols(2));
    const auto& inv_freq = set.frequencies.inv_freq();
    CHECK(table.sin()(7, 0) == std::sin(3.0));                                  // row 1 of the document
    CHECK(std::abs(table.sin()(7, 1) - std::sin(4 * inv_freq[1])) <= 0x1p-53);  // its column 2
    const auto text = posenc::make_table<double>(set, posenc::PositionRange(5, 2));
    CHECK((text.sin() == posenc::make_table<double>(set.frequencies, posenc::PositionRange(5, 2)).sin()).all());
  }
}

TEST_CASE("the last layer of Gemma 4 is of full attention", "[model_config][hugging_face][rare]") {
  const ModelRope cut = read(R"({"model_type": "gemma4_text", "num_hidden_layers": 4, "layer_types":
    ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"]})");
  CHECK(plan_of(cut) == "1 0 1 0");
  CHECK(cut.ignored_keys == std::vector<std::string>{"layer_types[3]"});
}

TEST_CASE("parts that say no type, and towers in towers", "[model_config][hugging_face][rare]") {
  const ModelRope protein =
      read(R"({"model_type": "evolla", "protein_encoder_config": {"num_hidden_layers": 2}})", "protein_encoder_config");
  CHECK((plan_of(protein) == "2x0" && protein.rope_sets[0].layout.head_dim() == 64));
  const ModelRope sound =
      read(R"({"model_type": "qwen3_omni_moe", "code2wav_config": {"num_hidden_layers": 2}})", "code2wav_config");
  CHECK((plan_of(sound) == "2x0" && sound.rope_sets[0].layout.head_dim() == 64));
  const ModelRope pages = read(R"({"model_type": "deepseek_ocr2", "vision_config": {"model_type":
    "deepseek_ocr2_vision", "encoder_config": {"model_type": "deepseek_ocr2_encoder", "num_hidden_layers": 2}}})",
                               "vision_config");
  CHECK(plan_of(pages) == "2x0");
  // The reading order of PP-DocLayout adds sines of boxes to its scores, and rotates nothing.
  const ModelRope order = read(R"({"model_type": "pp_doclayout_v2", "reading_order_config": {"num_hidden_layers": 2,
    "relation_bias_theta": 10000}})",
                               "reading_order_config");
  CHECK(plan_of(order) == "2x.");
  CHECK(order.ignored_keys == std::vector<std::string>{"reading_order_config.relation_bias_theta"});
}

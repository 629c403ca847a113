// SPDX-License-Identifier: MIT
#include "bad_input/model_config_fixture.hpp"

namespace {

using posenc::ConfigValue;
using posenc::ModelHints;
using posenc::RopePairs;
using posenc_tests::Json;
using posenc_tests::llama;
using posenc_tests::rope_scaling;

const std::string kYarn = R"("type": "yarn", "factor": 4, "original_max_position_embeddings": 4096)";
const std::string kLlama3 = R"("rope_type": "llama3", "factor": 8, "original_max_position_embeddings": 8192)";

std::string model(const std::string& type, const std::string& more) {
  return R"({"num_hidden_layers": 4, "model_type": ")" + type + "\"" + (more.empty() ? "" : ", ") + more + "}";
}

/// A list in a list in a list ...
std::string nested(int depth) {
  return R"({"model_type": "llama", "x": )" + std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']') + "}";
}

/// Values that stand where a number is wanted, as messages name them.
const std::vector<std::pair<std::string, std::string>> kNoNumbers = {
    {"true", "true"}, {R"("8")", "the text \"8\""}, {"[8]", "a list of 1"}, {R"({"a": 8})", "a dictionary of 1"}};

}  // namespace

/// Models by name, every key by a wrong kind, depth, and hints.
std::vector<posenc_tests::BadInputCase> posenc_tests::bad_models() {
  BadConfigs bad("config");

  // Numbers of a wrong kind, by the key that has them
  for (const auto& [value, described] : kNoNumbers) {
    const std::string rule = " must be a number, got " + described;
    for (const char* const key : {"rotary_emb_base", "partial_rotary_factor", "max_position_embeddings"}) {
      bad.refused(key + std::string(" is ") + described, "read_hugging_face_config: " + std::string(key) + rule,
                  llama("\"" + std::string(key) + "\": " + value));
    }
    for (const char* const key :
         {"beta_fast", "beta_slow", "mscale", "mscale_all_dim", "attention_factor", "attn_factor"}) {
      bad.refused(key + std::string(" is ") + described,
                  "read_hugging_face_config: rope_scaling." + std::string(key) + rule,
                  rope_scaling(kYarn + ", \"" + key + "\": " + value));
    }
    bad.refused("low_freq_factor is " + described, "read_hugging_face_config: rope_scaling.low_freq_factor" + rule,
                rope_scaling(kLlama3 + R"(, "low_freq_factor": )" + value));
  }

  // Numbers out of range, by the key that has them
  bad.refused("yarn by 0", "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got 0",
              rope_scaling(R"("type": "yarn", "factor": 0, "original_max_position_embeddings": 4096)"));
  bad.refused("trained on nothing",
              "read_hugging_face_config: rope_scaling.original_max_position_embeddings must be finite and > 0, got 0",
              rope_scaling(R"("type": "yarn", "factor": 4, "original_max_position_embeddings": 0)"));
  bad.refused("a negative mscale", "read_hugging_face_config: rope_scaling.mscale must be finite and >= 0, got -1",
              rope_scaling(kYarn + R"(, "mscale": -1)"));
  bad.refused("a negative beta_slow", "read_hugging_face_config: rope_scaling.beta_slow must be finite and > 0, got -1",
              rope_scaling(kYarn + R"(, "beta_slow": -1)"));
  bad.refused("more than all is extrapolated",
              "read_hugging_face_config: rope_scaling.extrapolation_factor must be in [0, 1], got 2",
              rope_scaling(kYarn + R"(, "extrapolation_factor": 2)"));
  bad.refused("yarn of a base below 1", "read_hugging_face_config: rope_theta must be > 1 for yarn, got 0.5",
              llama(R"("rope_theta": 0.5, "rope_scaling": {)" + kYarn + "}"));
  bad.refused("llama3 by less than 1", "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got 0.5",
              rope_scaling(R"("rope_type": "llama3", "factor": 0.5, "low_freq_factor": 1, "high_freq_factor": 4,
                              "original_max_position_embeddings": 8192)"));
  bad.refused("llama3 without low frequencies",
              "read_hugging_face_config: rope_scaling.low_freq_factor must be finite and > 0, got 0",
              rope_scaling(kLlama3 + R"(, "low_freq_factor": 0, "high_freq_factor": 4)"));
  bad.refused("dynamic by less than 1",
              "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got 0.5",
              llama(R"("max_position_embeddings": 2048, "rope_scaling": {"type": "dynamic", "factor": 0.5})"));
  bad.refused("dynamic from nothing", "read_hugging_face_config: max_position_embeddings must be finite and > 0, got 0",
              llama(R"("max_position_embeddings": 0, "rope_scaling": {"type": "dynamic", "factor": 2})"));
  bad.refused("an alpha of less than 1",
              "read_hugging_face_config: rope_scaling.alpha must be finite and >= 1, got 0.1",
              rope_scaling(R"("type": "dynamic", "alpha": 0.1)"));
  bad.refused("longrope trained on one position",
              "read_hugging_face_config: original_max_position_embeddings must be finite and > 1, got 1",
              R"({"model_type": "phi3", "head_dim": 4, "num_hidden_layers": 1, "original_max_position_embeddings": 1,
                  "rope_scaling": {"type": "longrope", "factor": 2, "short_factor": [1, 1], "long_factor": [1, 1]}})");
  bad.refused("longrope by no list of numbers > 0",
              "read_hugging_face_config: rope_scaling.long_factor[1] must be finite and > 0, got 0",
              R"({"model_type": "phi3", "head_dim": 4, "num_hidden_layers": 1, "original_max_position_embeddings": 4096,
                  "rope_scaling": {"type": "longrope", "factor": 2, "short_factor": [1, 1], "long_factor": [1, 0]}})");
  bad.refused(
      "longrope without a length to extend to",
      "read_hugging_face_config: max_position_embeddings must be given for longrope without a factor, got nothing",
      R"({"model_type": "phi3", "head_dim": 4, "num_hidden_layers": 1, "original_max_position_embeddings": 4096,
                  "rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [1, 1]}})");
  bad.refused("proportional by less than 1",
              "read_hugging_face_config: rope_scaling.factor must be finite and >= 1, got 0.5",
              rope_scaling(R"("rope_type": "proportional", "partial_rotary_factor": 0.5, "factor": 0.5)"));

  // What a model is
  bad.refused(
      "a model of another form",
      "read_hugging_face_config: model_type must be one that can be read; of this one each frequency is multiplied by "
      "exp(rotary_emb.alpha), and the queries of each head by scale ln(p + 1) + bias: weights of the checkpoint, which "
      "a config does not hold, got the text \"mistral_large4_text\"",
      model("mistral_large4_text", ""));
  bad.refused(
      "a flat dictionary for a model of entries",
      "read_hugging_face_config: rope_parameters must be a dictionary with an entry for each kind of layer, for "
      "this model_type, got a dictionary of 1",
      model("gemma4_text", R"("rope_parameters": {"rope_theta": 10000})"));
  bad.refused("an embedding type that is none",
              "read_hugging_face_config: position_embedding_type must be rope, rotary, nope or absolute, got the text "
              "\"alibi\"",
              model("granitemoehybrid", R"("position_embedding_type": "alibi")"));
  bad.refused("alibi is a text", "read_hugging_face_config: alibi must be true or false, got the text \"no\"",
              model("falcon", R"("alibi": "no")"));
  bad.refused(
      "letters that are no layers",
      "read_hugging_face_config: sliding_window_pattern must be a period, or letters L and G, got the text \"LXG\"",
      model("exaone4", R"("sliding_window_pattern": "LXG")"));
  bad.refused("attention in a layer that is not there",
              "read_hugging_face_config: attn_layer_indices[1] must be less than num_hidden_layers 4, got 4",
              model("bamba", R"("attn_layer_indices": [1, 4])"));
  bad.refused("bases of layers, one short",
              "read_hugging_face_config: layer_rope_theta.size() must be num_hidden_layers 4, got 3",
              model("muse_glimmer_text", R"("layer_rope_theta": [1, 2, 3])"));
  bad.refused("a negative base of a layer",
              "read_hugging_face_config: layer_rope_theta[1] must be finite, > 0 and not 1, got -5",
              model("muse_glimmer_text", R"("layer_rope_theta": [10000, -5, 0, 0])"));
  bad.refused("a scaled layer that is not there",
              "read_hugging_face_config: rope_scaling_layers[0] must be less than num_hidden_layers 4, got 9",
              model("molmo2_text", R"("rope_scaling_layers": [9])"));
  bad.refused("per_layer_config is a list",
              "read_hugging_face_config: per_layer_config must be a dictionary, got a list of 1",
              model("gemma4_text", R"("per_layer_config": [512])"));
  bad.refused("a layer of per_layer_config is a number",
              "read_hugging_face_config: per_layer_config.3 must be a dictionary, got 512",
              model("gemma4_text", R"("per_layer_config": {"3": 512})"));
  bad.refused("per_layer_config for one layer of a kind",
              "read_hugging_face_config: per_layer_config.1.head_dim must be the same for all layers of its kind, got "
              "nothing",
              model("gemma4_text", R"("per_layer_config": {"0": {"head_dim": 128}})"));
  bad.refused("a share that is not that of qk_rope_head_dim",
              "read_hugging_face_config: rope_parameters.partial_rotary_factor must be 1, absent or the share of "
              "qk_rope_head_dim where there is one, got 0.25",
              model("mistral4", R"("rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.25})"));
  bad.refused("four sections in turn",
              "read_hugging_face_config: rope_parameters.mrope_section.size() must be 3 (time, height, width), got 4",
              model("qwen3_vl_text", R"("rope_parameters": {"mrope_section": [24, 20, 20, 0]})"));
  bad.refused(
      "height and width that differ",
      "read_hugging_face_config: rope_parameters.mrope_section[1] must be rope_parameters.mrope_section[0] 24, got "
      "20",
      model("ernie4_5_vl_moe_text", R"("head_dim": 128, "rope_parameters": {"mrope_section": [24, 20, 20]})"));
  bad.refused("a picture of heads of 6 channels",
              "read_hugging_face_config: head_dim must be a multiple of 4 for two axes, got 6",
              model("qwen2_vl_vision", R"("head_dim": 6)"));

  // Depth
  for (const int depth : {64, 1000}) {
    bad.value("lists " + std::to_string(depth) + " deep",
              "to_config_value: json must be nested at most 64 deep, got more",
              [=](auto&) { posenc::read_hugging_face_config(Json::parse(nested(depth)), 4096); });
  }
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)  // whose parser does not recurse
  bad.value("lists 60000 deep", "to_config_value: json must be nested at most 64 deep, got more",
            [](auto&) { posenc::read_hugging_face_config(nlohmann::json::parse(nested(60000)), 4096); });
#endif
  bad.allowed("lists 62 deep", [](auto&) { posenc::read_hugging_face_config(Json::parse(nested(62)), 4096); });
  bad.value("a value in a value in a value ...", "ConfigValue::list: the value must be nested at most 64 deep, got 65",
            [](auto&) {
              ConfigValue value = ConfigValue::list();
              for (int i = 0; i < 100; ++i) value = ConfigValue::list({value});
            });

  // Hints
  const auto hinted = [&bad](const std::string& name, const std::string& message, ModelHints hints) {
    hints.pairs = RopePairs::half_split;
    bad.value(name, message, [=](auto&) {
      posenc::read_hugging_face_config(
          Json::parse(model("new_model", R"("hidden_size": 512, "num_attention_heads": 4)")), 4096, hints);
    });
  };
  ModelHints hints;
  hinted("a new model without a base",
         "read_hugging_face_config: rope_theta must be given, since this model_type has no default, got nothing",
         hints);
  hints.rope_theta = 0;
  hinted("a base of 0", "read_hugging_face_config: hints.rope_theta must be finite, > 0 and not 1, got 0", hints);
  hints.rope_theta = 1e4;
  hints.head_dim = 0;
  hinted("a head of nothing", "read_hugging_face_config: hints.head_dim must be > 0 and at most 16777216, got 0",
         hints);
  hints.head_dim = 128;
  hints.layers = "fsx";
  hinted("letters that mean nothing",
         "read_hugging_face_config: hints.layers must be letters f, s, l and c, got the text \"fsx\"", hints);
  hints.layers = "";
  hints.axes = posenc::contiguous_axes({8, 8, 8});
  hinted("axes of too few pairs",
         "read_hugging_face_config: hints.axes.num_pairs() must be the number of pairs 64, got 24", hints);
  hints = {};
  hints.rope_theta = 1e4;
  hints.sections = posenc::AxisSections::of_pairs;
  hinted("sections of a model that has none",
         "read_hugging_face_config: hints.sections must be absent: it is known what the sections of this model_type "
         "count, got a value",
         hints);
  const char* const hunyuan = R"({"model_type": "hunyuan_vl_text", "num_hidden_layers": 2, "rope_parameters": {
    "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [16, 16, 16, 16]}})";
  bad.refused("sections of which programs differ",
              "read_hugging_face_config: hints.sections must be AxisSections::of_pairs or AxisSections::of_channels: "
              "programs differ on pictures of this model_type, got nothing",
              hunyuan);
  bad.value("sections of channels that do not cover the head",
            "read_hugging_face_config: sum of rope_parameters.mrope_section must be the number of pairs 64, got 63",
            [](auto&) {
              ModelHints channels;
              channels.sections = posenc::AxisSections::of_channels;
              posenc::read_hugging_face_config(
                  Json::parse(R"({"model_type": "hunyuan_vl_text", "num_hidden_layers": 2, "rope_parameters": {
                                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [16, 16, 16, 15]}})"),
                  4096, channels);
            });
  bad.value("sections of channels in interleaved pairs",
            "read_hugging_face_config: pairs must be half_split where sections are of channels, got interleaved",
            [=](auto&) {
              ModelHints channels;
              channels.sections = posenc::AxisSections::of_channels;
              channels.pairs = posenc::RopePairs::interleaved;
              posenc::read_hugging_face_config(Json::parse(hunyuan), 4096, channels);
            });
  bad.value("channels of a head that is too wide to have angles of their own",
            "read_hugging_face_config: head_dim must be at most 8388608 where channels have angles of their own, got "
            "9437184",
            [](auto&) {
              ModelHints wide;
              wide.head_dim = 9437184;
              posenc::read_hugging_face_config(Json::parse(R"({"model_type": "vjepa2"})"), 4096, wide);
            });
  bad.refused("positions of a second that are no number",
              "read_hugging_face_config: vision_config.tokens_per_second must be a number, got the text \"2\"",
              R"({"model_type": "qwen2_5_vl", "vision_config": {"tokens_per_second": "2"}})");
  bad.refused("half a position in a second",
              "read_hugging_face_config: thinker_config.position_id_per_seconds must be a whole number from 0 to "
              "8388608, got 12.5",
              R"({"model_type": "qwen3_omni_moe", "thinker_config": {"position_id_per_seconds": 12.5,
                "text_config": {}}})");
  bad.refused("a head too narrow for three axes",
              "read_hugging_face_config: head_dim must be at least 6 for three axes, got 4",
              R"({"model_type": "vjepa2", "hidden_size": 16, "num_attention_heads": 4})");
  bad.refused(
      "an odd number of pairs for two axes",
      "read_hugging_face_config: the number of channels that rotate must be a multiple of 4 for two axes, got 6",
      R"({"model_type": "neomme", "head_dim": 24})");
  hints.axes = std::nullopt;
  hints.tower = "vision_config";
  hinted("a tower that is not there",
         "read_hugging_face_config: vision_config must be a dictionary, since hints.tower leads to it, got nothing",
         hints);
  for (const char* const tower : {"vision_config", "audio_config"}) {
    // A tower without a row of its own is no language model, whatever the model around it is.
    ModelHints of_tower;
    of_tower.tower = tower;
    bad.value(std::string("a tower that is not known, ") + tower,
              std::string("read_hugging_face_config: ") + tower +
                  ".model_type must be one whose pair layout is known, or pairs be given, got the text \"idefics2\"",
              [of_tower, tower](auto&) {
                const std::string config =
                    std::string(R"({"model_type": "idefics2", ")") + tower + R"(": {"hidden_size": 64}})";
                posenc::read_hugging_face_config(Json::parse(config), 4096, of_tower);
              });
  }
  return bad.cases();
}

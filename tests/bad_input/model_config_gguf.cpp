// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/model_config.hpp"

#include <optional>

namespace {

using posenc::ConfigValue;
using posenc_tests::BadInputs;
using Entries = std::vector<std::pair<std::string, ConfigValue>>;

/// A good file with entries put over its own; null takes one away.
ConfigValue with(const Entries& entries) {
  ConfigValue file = ConfigValue::dictionary({{"general.architecture", "qwen2"},
                                              {"qwen2.block_count", 4},
                                              {"qwen2.embedding_length", 3584},
                                              {"qwen2.attention.head_count", 28},
                                              {"qwen2.rope.freq_base", 1e6}});
  for (const auto& [key, value] : entries) file.set(key, value);
  return file;
}

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_gguf_metadata() {
  BadInputs<posenc_tests::NothingWritten> bad("gguf");
  const auto refused = [&bad](const std::string& name, const std::string& message, const Entries& entries,
                              std::optional<Eigen::ArrayXd> factors = {}) {
    bad.value(name, message, [=](auto&) { posenc::read_gguf_metadata(with(entries), factors); });
  };

  bad.allowed("a good file", [](auto&) { posenc::read_gguf_metadata(with({}), std::nullopt); });
  refused("no architecture", "read_gguf_metadata: general.architecture must be given, got nothing",
          {{"general.architecture", {}}});
  refused("the architecture is a number", "read_gguf_metadata: general.architecture must be a text, got 2",
          {{"general.architecture", 2}});
  refused("unknown architecture",
          "read_gguf_metadata: general.architecture must be one whose pair layout is known, or pairs be given, "
          "got the text \"qwen99\"",
          {{"general.architecture", "qwen99"}});
  refused("no layers", "read_gguf_metadata: qwen2.block_count must be given, got nothing", {{"qwen2.block_count", {}}});
  refused("no heads",
          "read_gguf_metadata: qwen2.attention.key_length must be given, or embedding_length and attention.head_count, "
          "got nothing",
          {{"qwen2.attention.head_count", {}}});
  refused("heads that do not divide",
          "read_gguf_metadata: qwen2.embedding_length must be a multiple of attention.head_count 27, got 3584",
          {{"qwen2.attention.head_count", 27}});
  refused("heads of each layer", "read_gguf_metadata: qwen2.attention.head_count must be a number, got a list of 2",
          {{"qwen2.attention.head_count", ConfigValue::list({28, 28})}});
  refused("a base that is a text", "read_gguf_metadata: qwen2.rope.freq_base must be a number, got the text \"1e6\"",
          {{"qwen2.rope.freq_base", "1e6"}});
  refused("a base of 0", "read_gguf_metadata: qwen2.rope.freq_base must be finite, > 0 and not 1, got 0",
          {{"qwen2.rope.freq_base", 0}});
  refused("more channels than the head has",
          "read_gguf_metadata: qwen2.rope.dimension_count must be at most head_dim 128, got 256",
          {{"qwen2.rope.dimension_count", 256}});
  refused("an odd number of channels", "read_gguf_metadata: qwen2.rope.dimension_count must be even, got 63",
          {{"qwen2.rope.dimension_count", 63}});
  refused(
      "unknown scaling type",
      "read_gguf_metadata: qwen2.rope.scaling.type must be none, linear, yarn or longrope, got the text \"dynamic\"",
      {{"qwen2.rope.scaling.type", "dynamic"}});
  refused("two factors that differ",
          "read_gguf_metadata: qwen2.rope.scale_linear must be the same as qwen2.rope.scaling.factor 4, got 2",
          {{"qwen2.rope.scaling.factor", 4}, {"qwen2.rope.scale_linear", 2}});
  refused("a factor of less than 1", "read_gguf_metadata: qwen2.rope.scaling.factor must be finite and >= 1, got 0.25",
          {{"qwen2.rope.scaling.factor", 0.25}});
  refused("yarn without a length",
          "read_gguf_metadata: qwen2.rope.scaling.original_context_length must be given for yarn, got nothing",
          {{"qwen2.rope.scaling.type", "yarn"}, {"qwen2.rope.scaling.factor", 4}});
  refused("betas swapped",
          "read_gguf_metadata: qwen2.rope.scaling.yarn_beta_fast must be finite and > "
          "qwen2.rope.scaling.yarn_beta_slow 32, got 1",
          {{"qwen2.rope.scaling.type", "yarn"},
           {"qwen2.rope.scaling.factor", 4},
           {"qwen2.context_length", 32768},
           {"qwen2.rope.scaling.yarn_beta_fast", 1},
           {"qwen2.rope.scaling.yarn_beta_slow", 32}});
  refused("longrope without factors",
          "read_gguf_metadata: freq_factors must be rope_factors_long or rope_factors_short for longrope, got nothing",
          {{"qwen2.rope.scaling.type", "longrope"}});
  refused("too few factors", "read_gguf_metadata: freq_factors.size() must be the number of pairs 64, got 63", {},
          Eigen::ArrayXd::Ones(63));
  refused("a list of no factors", "read_gguf_metadata: freq_factors.size() must be the number of pairs 64, got 0", {},
          Eigen::ArrayXd());
  refused("an attn_factor of 0", "read_gguf_metadata: qwen2.rope.scaling.attn_factor must be finite and > 0, got 0",
          {{"qwen2.rope.scaling.attn_factor", 0}});
  refused("sections for one position",
          "read_gguf_metadata: qwen2.rope.dimension_sections must be absent for this architecture, got a list",
          {{"qwen2.rope.dimension_sections", ConfigValue::list({16, 24, 24, 0})}});
  refused("no sections",
          "read_gguf_metadata: qwen2vl.rope.dimension_sections must be given for this architecture, got nothing",
          {{"general.architecture", "qwen2vl"}, {"qwen2vl.block_count", 2}, {"qwen2vl.attention.key_length", 128}});
  refused("sections that do not add up",
          "read_gguf_metadata: sum of qwen2vl.rope.dimension_sections must be the number of pairs 64, got 48",
          {{"general.architecture", "qwen2vl"},
           {"qwen2vl.block_count", 2},
           {"qwen2vl.attention.key_length", 128},
           {"qwen2vl.rope.dimension_sections", ConfigValue::list({16, 16, 16, 0})}});
  refused("a base for sliding layers that are not there",
          "read_gguf_metadata: qwen2.attention.sliding_window_pattern must be given, since there is a "
          "rope.freq_base_swa, got nothing",
          {{"qwen2.rope.freq_base_swa", 1e4}});
  refused("a pattern one short",
          "read_gguf_metadata: qwen2.attention.sliding_window_pattern.size() must be block_count 4, got 3",
          {{"qwen2.attention.sliding_window_pattern", ConfigValue::list({true, true, false})}});
  refused("a pattern of texts",
          "read_gguf_metadata: qwen2.attention.sliding_window_pattern must be true or false for each layer, got the "
          "text \"yes\"",
          {{"qwen2.attention.sliding_window_pattern", ConfigValue::list({"yes", "no", "yes", "no"})}});
  refused("a temperature without a length",
          "read_gguf_metadata: qwen2.attention.temperature_length must be given for a temperature_scale, got nothing",
          {{"qwen2.attention.temperature_scale", 0.1}});
  refused("a temperature of length 0",
          "read_gguf_metadata: qwen2.attention.temperature_length must be finite and > 0, got 0",
          {{"qwen2.attention.temperature_scale", 0.1}, {"qwen2.attention.temperature_length", 0}});
  refused("a negative temperature",
          "read_gguf_metadata: qwen2.attention.temperature_scale must be finite and >= 0, got -1",
          {{"qwen2.attention.temperature_scale", -1}, {"qwen2.attention.temperature_length", 4096}});
  refused("a base of 1 for sliding layers",
          "read_gguf_metadata: qwen2.rope.freq_base_swa must be finite, > 0 and not 1, got 1",
          {{"qwen2.rope.freq_base_swa", 1}, {"qwen2.attention.sliding_window_pattern", 2}});
  bad.value("a text for the metadata", "read_gguf_metadata: metadata must be a dictionary, got the text \"qwen2\"",
            [](auto&) { posenc::read_gguf_metadata(ConfigValue("qwen2"), std::nullopt); });
  // What a caller says beside a file
  for (const std::string key : {"no_rope_layer_interval", "full_attention_interval"}) {
    bad.value("layers that an unknown architecture skips: " + key,
              "read_gguf_metadata: new." + key + " must be absent for an architecture that is not known, got 4",
              [=](auto&) {
                posenc::ConfigValue file = posenc::ConfigValue::dictionary(
                    {{"general.architecture", "new"}, {"new.block_count", 8}, {"new.attention.key_length", 64}});
                file.set("new." + key, 4);
                posenc::read_gguf_metadata(file, std::nullopt, posenc::RopePairs::half_split);
              });
  }
  bad.value(
      "ALiBi of an unknown architecture",
      "read_gguf_metadata: new.attention.max_alibi_bias must be 0 or absent for an architecture that is not known, "
      "got 8",
      [](auto&) {
        posenc::read_gguf_metadata(posenc::ConfigValue::dictionary({{"general.architecture", "new"},
                                                                    {"new.block_count", 8},
                                                                    {"new.attention.key_length", 64},
                                                                    {"new.attention.max_alibi_bias", 8}}),
                                   std::nullopt, posenc::RopePairs::half_split);
      });
  const auto hinted = [&bad](const std::string& name, const std::string& message, const posenc::ModelHints& hints) {
    bad.value(name, message, [=](auto&) { posenc::read_gguf_metadata(with({}), std::nullopt, hints); });
  };
  posenc::ModelHints hints;
  hints.tower = "vision_config";
  hinted("a tower in a file",
         "read_gguf_metadata: hints.tower must be empty, since a file of GGUF holds one model, got the text "
         "\"vision_config\"",
         hints);
  hints = {};
  hints.sections = posenc::AxisSections::of_channels;
  hinted("sections of channels",
         "read_gguf_metadata: hints.sections must be absent, since the sections of a file of GGUF count pairs, got a "
         "value",
         hints);
  hints = {};
  hints.layers = "sx";
  hinted("letters of another alphabet",
         "read_gguf_metadata: hints.layers must be letters f, s, l and c, got the text \"sx\"", hints);
  hints = {};
  hints.head_dim = 0;
  hinted("a head of nothing", "read_gguf_metadata: hints.head_dim must be > 0 and at most 16777216, got 0", hints);
  hints = {};
  hints.rope_theta = 1;
  hinted("a base of 1", "read_gguf_metadata: hints.rope_theta must be finite, > 0 and not 1, got 1", hints);
  hints = {};
  hints.sliding_rope_theta = -1;
  hinted("a negative base of sliding layers",
         "read_gguf_metadata: hints.sliding_rope_theta must be finite, > 0 and not 1, got -1", hints);
  hints = {};
  hints.axes = posenc::contiguous_axes({16, 24, 25});
  hinted("axes of another number of pairs",
         "read_gguf_metadata: hints.axes.num_pairs() must be the number of pairs 64, got 65", hints);
  return bad.cases();
}

// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <optional>

#include "support/json.hpp"

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: configs", "[calls][model_config]") {
  const Json config = Json::parse(
      R"({"model_type": "llama", "hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2,
          "rope_theta": 500000.0})");
  const auto first = [](const ModelRope& model) { return model.rope_sets[0].frequencies; };
  const auto hugging_face = [&](auto&&... a) {
    return first(CALL(read_hugging_face_config)(std::forward<decltype(a)>(a)...));
  };
  CHECK(differs(hugging_face, config, 4096, std::optional<RopePairs>()) == "");
  CHECK(differs(hugging_face, to_config_value(config), 4096) == "");
  const auto described = [](auto&&... a) {
    const ConfigValue value = CALL(to_config_value)(std::forward<decltype(a)>(a)...);
    return value.find("hidden_size")->number();
  };
  CHECK(differs(described, config) == "");

  ConfigValue metadata = ConfigValue::dictionary();
  metadata.set("general.architecture", "llama");
  metadata.set("llama.block_count", 2);
  metadata.set("llama.embedding_length", 256);
  metadata.set("llama.attention.head_count", 4);
  metadata.set("llama.context_length", 4096);
  const auto gguf = [&](auto&&... a) { return first(CALL(read_gguf_metadata)(std::forward<decltype(a)>(a)...)); };
  CHECK(differs(gguf, metadata, std::nullopt, std::optional<RopePairs>()) == "");
  CHECK(differs(gguf, metadata, Eigen::ArrayXd(Eigen::ArrayXd::LinSpaced(32, 1, 8))) == "");
  CHECK(differs(gguf, metadata, std::nullopt, posenc::ModelHints{}) == "");
  CHECK(differs(CALL(known_model_types)) == "");
  CHECK(differs(CALL(known_gguf_architectures)) == "");
  CHECK(differs(CALL(query_temperature), QueryTemperature{0.1, 8192, 1, TemperatureGrowth::logarithm}, 20000.0) == "");
}

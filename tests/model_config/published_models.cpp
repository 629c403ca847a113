// SPDX-License-Identifier: MIT
/// read_hugging_face_config() of published models, whole and with one value spoiled.
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "model_config/published.hpp"
#include "support/json.hpp"

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
#include <nlohmann/json.hpp>
#endif

namespace {

using posenc::ConfigValue;
using posenc_tests::Json;
using posenc_tests::Published;

/// The config with one value, at any depth, replaced by one of another kind or size.
std::vector<ConfigValue> with_one_value_spoiled(const ConfigValue& config) {
  const std::vector<ConfigValue> spoiled = {
      {}, true, "text", -1, 0, 0.5, 1e300, ConfigValue::list(), ConfigValue::list({{}}), ConfigValue::dictionary()};
  std::vector<ConfigValue> out;
  for (std::size_t i = 0; i < config.keys().size(); ++i) {
    std::vector<ConfigValue> values = spoiled;
    if (config.items()[i].is(ConfigValue::Kind::dictionary)) {
      const std::vector<ConfigValue> inside = with_one_value_spoiled(config.items()[i]);
      values.insert(values.end(), inside.begin(), inside.end());
    }
    for (const ConfigValue& value : values) {
      out.push_back(config);
      out.back().set(config.keys()[i], value);
    }
  }
  return out;
}

}  // namespace

std::vector<Published> posenc_tests::all_published_models() {
  std::vector<Published> all = llama_and_relatives();
  for (const auto& group :
       {qwen_and_deepseek(), phi_and_gemma(), other_models(), more_decoders(), more_plans(), rarer_rules(), towers()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

TEST_CASE("published models resolve", "[model_config][hugging_face][published][portable]") {
  for (const Published& model : posenc_tests::all_published_models()) {
    INFO(model.name);
    const posenc::ModelRope read =
        posenc::read_hugging_face_config(Json::parse(model.config), model.serving_length, model.hints());
    posenc_tests::check_model(read, model.sets, model.plan, model.ignored_keys);
  }
}

TEST_CASE("no value of a wrong kind gets past the checks", "[model_config][hugging_face][errors]") {
  std::size_t refused = 0;
  for (const Published& model : posenc_tests::all_published_models()) {
    for (const ConfigValue& spoiled : with_one_value_spoiled(posenc::to_config_value(Json::parse(model.config)))) {
      try {
        posenc::read_hugging_face_config(spoiled, model.serving_length, model.hints());
      } catch (const std::invalid_argument& error) {
        ++refused;
        INFO(model.name << ": " << error.what());
        CHECK(std::string(error.what()).rfind("posenc::", 0) == 0);
      }  // any other exception fails the test
    }
  }
  CHECK(refused > 1000);
}

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
TEST_CASE("nlohmann::json reads as the same data", "[model_config][config_value]") {
  for (const Published& model : posenc_tests::all_published_models()) {
    INFO(model.name);
    CHECK(posenc::to_config_value(nlohmann::json::parse(model.config)) ==
          posenc::to_config_value(Json::parse(model.config)));
    const posenc::ModelRope read =
        posenc::read_hugging_face_config(nlohmann::json::parse(model.config), model.serving_length, model.hints());
    CHECK(read.layers.size() > 0);
  }
}
#endif

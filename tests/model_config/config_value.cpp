// SPDX-License-Identifier: MIT
#include <string>

#include "posenc/model_config.hpp"

#include "support/catch2.hpp"
#include "support/json.hpp"

using posenc::ConfigValue;

TEST_CASE("ConfigValue compares as data", "[model_config][config_value]") {
  const ConfigValue a = ConfigValue::dictionary({{"x", 1}, {"y", ConfigValue::list({true, "z"})}});
  const ConfigValue b = ConfigValue::dictionary({{"y", ConfigValue::list({true, "z"})}, {"x", 1.0}});
  CHECK(a == b);
  CHECK(a != ConfigValue::dictionary({{"x", 1}, {"z", 1}}));
  CHECK(ConfigValue(true) != ConfigValue(1));
  CHECK(ConfigValue("1") != ConfigValue(1));
  ConfigValue replaced = a;
  replaced.set("x", 2);
  CHECK(replaced.find("x")->number() == 2);
  CHECK(replaced.keys().size() == 2);
  CHECK(a.find("w") == nullptr);
}

TEST_CASE("values say what they are", "[model_config][config_value]") {
  CHECK(ConfigValue().describe() == "null");
  CHECK(ConfigValue(nullptr).is(ConfigValue::Kind::null));
  CHECK(ConfigValue(true).describe() == "true");
  CHECK(ConfigValue(0.5).describe() == "0.5");
  CHECK(ConfigValue(std::string("8")).describe() == "the text \"8\"");
  CHECK(ConfigValue::list({1, 2}).describe() == "a list of 2");
  CHECK(ConfigValue::dictionary({{"x", 1}}).describe() == "a dictionary of 1");
  const ConfigValue twice = ConfigValue::dictionary({{"x", 1}, {"x", 2}});
  CHECK(twice.find("x")->number() == 2);
}

TEST_CASE("JSON becomes plain data", "[model_config][config_value]") {
  const auto json = posenc_tests::Json::parse(R"({"a": null, "b": true, "c": 1.5, "d": "e", "f": [1, {"g": false}]})");
  const ConfigValue expected =
      ConfigValue::dictionary({{"a", nullptr},
                               {"b", true},
                               {"c", 1.5},
                               {"d", "e"},
                               {"f", ConfigValue::list({1, ConfigValue::dictionary({{"g", false}})})}});
  CHECK(posenc::to_config_value(json) == expected);
}

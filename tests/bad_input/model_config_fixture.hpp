// SPDX-License-Identifier: MIT
/// Configs that are refused, for the tables of bad_input.
#ifndef POSENC_TESTS_BAD_INPUT_MODEL_CONFIG_FIXTURE_HPP
#define POSENC_TESTS_BAD_INPUT_MODEL_CONFIG_FIXTURE_HPP

#include "bad_input/tables.hpp"

#include "posenc/model_config.hpp"

#include "support/json.hpp"

#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
#include <nlohmann/json.hpp>
#endif

#include <string>

namespace posenc_tests {

/// Configs that must be refused. Each is read by the tests' own JSON type, and by nlohmann's where it is installed.
class BadConfigs : public BadInputs<NothingWritten> {
 public:
  using BadInputs::BadInputs;
  void refused(const std::string& name, const std::string& message, const std::string& config) {
    value(name, message, [=](auto&) { posenc::read_hugging_face_config(Json::parse(config), 4096); });
#if defined(POSENC_TESTS_HAVE_NLOHMANN_JSON)
    value(name + " (nlohmann)", message,
          [=](auto&) { posenc::read_hugging_face_config(nlohmann::json::parse(config), 4096); });
#endif
  }
};

/// A good Llama but for `more`: 128 channels in each head, two layers.
inline std::string llama(const std::string& more) {
  return R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, )" + more + "}";
}
inline std::string rope_scaling(const std::string& entries) { return llama(R"("rope_scaling": {)" + entries + "}"); }

}  // namespace posenc_tests

#endif  // POSENC_TESTS_BAD_INPUT_MODEL_CONFIG_FIXTURE_HPP

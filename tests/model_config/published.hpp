// SPDX-License-Identifier: MIT
/// The keys about positions in the configs of published models, and what they should be read as.
///
/// Numbers come from golden/frequencies, from the tables of the reference, or from the closed form B^(-2i/d) in 40
/// digits; each case says which. Values of keys are public facts; the texts are written here.
#ifndef POSENC_TESTS_MODEL_CONFIG_PUBLISHED_HPP
#define POSENC_TESTS_MODEL_CONFIG_PUBLISHED_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_config/expected.hpp"

namespace posenc_tests {

struct Published {
  const char* name;
  std::string config;
  std::int64_t serving_length;
  std::vector<ExpectedSet> sets;
  std::string plan;
  std::vector<std::string> ignored_keys{};
  std::string tower{};                             ///< The keys that lead to what is read, if not the language model.
  std::optional<posenc::AxisSections> sections{};  ///< What sections count, where programs differ.

  posenc::ModelHints hints() const {
    posenc::ModelHints out;
    out.tower = tower;
    out.sections = sections;
    return out;
  }
};

std::vector<Published> llama_and_relatives();
std::vector<Published> qwen_and_deepseek();
std::vector<Published> phi_and_gemma();
std::vector<Published> other_models();
std::vector<Published> more_decoders();
std::vector<Published> more_plans();
std::vector<Published> rarer_rules();
std::vector<Published> towers();
std::vector<Published> all_published_models();  ///< All of the above.

}  // namespace posenc_tests

#endif  // POSENC_TESTS_MODEL_CONFIG_PUBLISHED_HPP

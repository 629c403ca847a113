// SPDX-License-Identifier: MIT
/// read_hugging_face_config() of configs that leave out what their config class has.
#include "model_config/class_defaults.hpp"

#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>

#include "model_config/expected.hpp"

namespace {

using posenc::ConfigValue;
using posenc::ModelRope;
using posenc::RopeSet;
using posenc_tests::ClassDefault;

/// A letter for each layer.
std::string letters_of(const std::string& layers) {
  const std::size_t times = layers.find('x');
  return times == std::string::npos ? layers : std::string(std::stoul(layers.substr(0, times)), layers[times + 1]);
}

/// base^(-2i/d), to what two calls of pow() may differ by: a few ulp for exponents of up to 25.
void check_geometric(const RopeSet& set, double base, double sign) {
  const Eigen::ArrayXd& inv_freq = set.frequencies.inv_freq();
  const double width = static_cast<double>(set.frequencies.rotary_dim());
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    const double expected = sign * std::pow(base, -2 * static_cast<double>(i) / width);
    if (std::abs(inv_freq[i] - expected) <= 8 * posenc_tests::ulp(expected)) continue;
    FAIL("pair " << i << ": expected " << expected << ", got " << inv_freq[i]);
  }
}

void check_rotation(const RopeSet& set, const std::string& expected) {
  std::istringstream words(expected);
  std::string order, rope_type;
  Eigen::Index offset = 0, rotary_dim = 0, head_dim = 0;
  char plus = 0, slash = 0;
  double base = 0;
  words >> order >> offset >> plus >> rotary_dim >> slash >> head_dim >> base >> rope_type;
  REQUIRE((plus == '+' && slash == '/'));
  CHECK(set.layout.pairs() == (order == "pairs" ? posenc_tests::kInterleaved : posenc_tests::kHalfSplit));
  CHECK(set.layout.head_dim() == head_dim);
  CHECK(set.layout.offset() == offset);
  CHECK(set.layout.rotary_dim() == rotary_dim);
  CHECK(set.frequencies.rotary_dim() == rotary_dim);
  if (rope_type.empty()) check_geometric(set, base, order == "back" ? -1 : 1);
}

}  // namespace

TEST_CASE("class defaults are those of transformers, as run", "[model_config][hugging_face][class_defaults]") {
  for (const ClassDefault& row : posenc_tests::class_defaults()) DYNAMIC_SECTION(row.model_type) {
      const ModelRope model =
          posenc::read_hugging_face_config(ConfigValue::dictionary({{"model_type", row.model_type}}), 4096);
      const std::string letters = letters_of(row.layers);
      CHECK(model.ignored_keys.empty());
      REQUIRE(model.layers.size() == letters.size());
      for (std::size_t i = 0; i < letters.size(); ++i) {
        INFO("layer " << i);
        const std::vector<int>& sets = model.layers[i].rope_sets;
        const std::string rotation =
            letters[i] == '.' ? "nope" : row.rotations[static_cast<std::size_t>(letters[i] - 'A')];
        REQUIRE(sets.size() == (rotation == "nope" ? 0 : 1));
        if (rotation != "nope") check_rotation(model.rope_sets[static_cast<std::size_t>(sets[0])], rotation);
      }
    }
}

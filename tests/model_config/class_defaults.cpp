// SPDX-License-Identifier: MIT
/// read_hugging_face_config() of configs that leave out what their config class has.
#include "model_config/class_defaults_axes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "model_config/class_language_models.hpp"
#include "model_config/expected.hpp"
#include "support/json.hpp"

namespace {

using posenc::ConfigValue;
using posenc::ModelRope;
using posenc::RopeSet;
using posenc_tests::ClassDefault;

const std::vector<ClassDefault>& class_defaults() {
  static const std::vector<ClassDefault> all = [] {
    std::vector<ClassDefault> rows = posenc_tests::plain_class_defaults();
    for (const auto& more : {posenc_tests::class_defaults_with_axes(), posenc_tests::class_defaults_with_keys()}) {
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

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

const char* name_of(posenc::TokenPositions positions) {
  switch (positions) {
    case posenc::TokenPositions::sequence: return "";
    case posenc::TokenPositions::time_height_width: return "time_height_width";
    case posenc::TokenPositions::height_width: return "height_width";
    case posenc::TokenPositions::time_row_column: return "time_row_column";
    case posenc::TokenPositions::row_column: return "row_column";
    case posenc::TokenPositions::column_row: return "column_row";
    case posenc::TokenPositions::centered_row_column: return "centered_row_column";
    case posenc::TokenPositions::by_axis: return "by_axis";
    case posenc::TokenPositions::position_block: break;
  }
  return "position_block";
}

/// The fastest and the slowest frequency of pairs that do not stay, to nine digits, and how many of each axis.
void check_range(const RopeSet& set, const std::string& range, const std::string& positions, const std::string& axes) {
  CHECK(name_of(set.positions) == positions);
  double fastest = 0, slowest = std::numeric_limits<double>::infinity();
  for (const double signed_frequency : set.frequencies.inv_freq()) {
    const double frequency = std::abs(signed_frequency);
    fastest = std::max(fastest, frequency);
    if (frequency > 0) slowest = std::min(slowest, frequency);
  }
  const std::size_t dots = range.find("..");
  CHECK(std::abs(fastest / std::stod(range) - 1) <= 5e-9);
  CHECK(std::abs(slowest / std::stod(range.substr(dots + 2)) - 1) <= 5e-9);
  std::string counts;
  for (Eigen::Index axis = 0; set.axes && axis < set.axes->num_axes(); ++axis) {
    counts += (counts.empty() ? "" : "/") + std::to_string(set.axes->count(static_cast<int>(axis)));
  }
  CHECK(counts == axes);
}

void check_rotation(const RopeSet& set, const std::string& expected) {
  std::istringstream words(expected);
  std::string order, base, rope_type, axes;
  Eigen::Index offset = 0, rotary_dim = 0, head_dim = 0;
  char plus = 0, slash = 0;
  words >> order >> offset >> plus >> rotary_dim >> slash >> head_dim >> base >> rope_type >> axes;
  REQUIRE((plus == '+' && slash == '/'));
  const bool by_channel = order == "channels";
  CHECK(set.layout.pairs() == (order == "pairs" || by_channel ? posenc_tests::kInterleaved : posenc_tests::kHalfSplit));
  CHECK(set.layout.head_dim() == head_dim);
  CHECK(set.layout.offset() == offset);
  CHECK(set.layout.rotary_dim() == rotary_dim);
  CHECK((set.angles == posenc::RopeAngles::of_channels) == by_channel);
  CHECK(set.frequencies.num_pairs() == (by_channel ? rotary_dim : rotary_dim / 2));
  if (base.find("..") != std::string::npos) return check_range(set, base, rope_type, axes);
  if (rope_type.empty()) check_geometric(set, std::stod(base), order == "back" ? -1 : 1);
}

/// "A | B" is two rotations of one layer.
std::vector<std::string> rotations_of(const std::string& text) {
  std::vector<std::string> out;
  if (text == "nope") return out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(" | ", begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 3;
  }
  return out;
}

ModelRope read_class(const std::string& model_type, const std::string& keys) {
  ConfigValue config = posenc::to_config_value(posenc_tests::Json::parse(keys.empty() ? "{}" : keys));
  config.set("model_type", model_type);
  posenc::ModelHints hints;
  if (model_type.rfind("hunyuan_vl", 0) == 0) hints.sections = posenc::AxisSections::of_channels;  // as transformers
  return posenc::read_hugging_face_config(config, 4096, hints);
}

}  // namespace

TEST_CASE("class defaults are those of transformers, as run", "[model_config][hugging_face][class_defaults]") {
  for (const ClassDefault& row : class_defaults()) DYNAMIC_SECTION(row.model_type) {
      const ModelRope model = read_class(row.model_type, row.keys);
      const std::string letters = letters_of(row.layers);
      CHECK(model.ignored_keys.empty());
      REQUIRE(model.layers.size() == letters.size());
      for (std::size_t i = 0; i < letters.size(); ++i) {
        INFO("layer " << i);
        const std::vector<int>& sets = model.layers[i].rope_sets;
        std::vector<std::string> rotations;
        if (letters[i] != '.') rotations = rotations_of(row.rotations[static_cast<std::size_t>(letters[i] - 'A')]);
        REQUIRE(sets.size() == rotations.size());
        for (std::size_t s = 0; s < sets.size(); ++s) {
          check_rotation(model.rope_sets[static_cast<std::size_t>(sets[s])], rotations[s]);
        }
      }
    }
}

TEST_CASE("models that hold others have the language model of transformers",
          "[model_config][hugging_face][class_defaults]") {
  std::map<std::string, std::string> keys_of;
  for (const ClassDefault& row : class_defaults()) keys_of[row.model_type] = row.keys;
  for (const auto& [model_type, language_model] : posenc_tests::class_language_models()) {
    INFO(model_type);
    REQUIRE(keys_of.count(language_model) == 1);
    const std::string& keys = keys_of[language_model];
    const ModelRope whole = read_class(model_type, keys), inside = read_class(language_model, keys);
    REQUIRE(whole.rope_sets.size() == inside.rope_sets.size());
    CHECK(posenc_tests::plan_of(whole) == posenc_tests::plan_of(inside));
    for (std::size_t i = 0; i < whole.rope_sets.size(); ++i) {
      const RopeSet &a = whole.rope_sets[i], &b = inside.rope_sets[i];
      CHECK((a.layout.pairs() == b.layout.pairs() && a.layout.head_dim() == b.layout.head_dim()));
      CHECK((a.layout.offset() == b.layout.offset() && a.layout.rotary_dim() == b.layout.rotary_dim()));
      CHECK((a.axes == b.axes && a.positions == b.positions));
      CHECK((a.frequencies.inv_freq() == b.frequencies.inv_freq()).all());
    }
  }
}

TEST_CASE("every known type has a row of what transformers does", "[model_config][hugging_face][class_defaults]") {
  // Models whose code comes with their weights, and an older name of ERNIE-4.5-VL; their published configs are tested.
  std::set<std::string> rows = {"chatglm", "internlm2", "kimi_k2", "ernie4_5_moe_vl"};
  for (const ClassDefault& row : class_defaults()) CHECK(rows.insert(row.model_type).second);
  for (const auto& pair : posenc_tests::class_language_models()) CHECK(rows.insert(pair.first).second);
  const std::vector<std::string> types = posenc::known_model_types();
  for (const std::string& type : types) {
    INFO(type);
    CHECK(rows.erase(type) == 1);
  }
  CHECK(rows.empty());
}

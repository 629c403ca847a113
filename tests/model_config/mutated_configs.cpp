// SPDX-License-Identifier: MIT
/// read_hugging_face_config() and read_gguf_metadata() of published configs with random changes: they resolve to finite
/// numbers, or are refused by a sentence that names a key.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "model_config/published.hpp"
#include "support/json.hpp"

namespace {

using posenc::ConfigValue;
using posenc_tests::Json;
using Kind = ConfigValue::Kind;

/// Changes of a config, the same in every run and on every machine.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : engine_(seed) {}

  /// A whole number below `end`.
  std::size_t below(std::size_t end) { return engine_() % end; }

  /// The value with one change somewhere in it.
  ConfigValue change(const ConfigValue& value) {
    const bool has_items = !value.items().empty();
    if (has_items && below(8) != 0) return change_inside(value);
    switch (below(6)) {
      case 0: return other_kind();
      case 1: return number();
      case 2: return text();
      case 3: return ConfigValue::list(std::vector<ConfigValue>(below(4), value));
      case 4: return ConfigValue::dictionary({{key(), value}});
      default: return {};
    }
  }

 private:
  ConfigValue change_inside(const ConfigValue& value) {
    const std::size_t place = below(value.items().size());
    const std::size_t way = below(5);
    if (value.is(Kind::list)) {
      std::vector<ConfigValue> items = value.items();
      if (way == 0) {
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(place));
      } else if (way == 1) {
        items.push_back(items[place]);
      } else {
        items[place] = change(items[place]);
      }
      return ConfigValue::list(items);
    }
    ConfigValue out = ConfigValue::dictionary();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      if (i != place) out.set(value.keys()[i], value.items()[i]);
      if (i == place && way == 1) out.set(key(), value.items()[i]);
      if (i == place && way > 1) out.set(value.keys()[i], change(value.items()[i]));
    }
    return out;
  }
  ConfigValue other_kind() {
    const std::vector<ConfigValue> kinds = {true, false, "text", 7, ConfigValue::list(), ConfigValue::dictionary()};
    return kinds[below(kinds.size())];
  }
  ConfigValue number() {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double numbers[] = {0,      -0.0,   1,          -1,        0.5,        2,    3,     64,
                              1e300,  -1e300, infinity,   -infinity, 0x1p31,     1e-9, 1e10,  0x1p63,
                              5e-324, 1.5,    0x1p53 + 2, 65537,     0x1p23 + 1, 127,  1e308, std::nan("")};
    return numbers[below(sizeof(numbers) / sizeof(*numbers))];
  }
  ConfigValue text() {
    constexpr const char* texts[] = {
        "",        "yarn", "linear",       "dynamic",           "longrope",    "llama3",
        "default", "su",   "proportional", "full_attention",    "rope",        "mrope",
        "llama",   "phi3", "mistral4",     "sliding_attention", "gemma3_text", "qwen3_vl_text"};
    return texts[below(sizeof(texts) / sizeof(*texts))];
  }
  std::string key() {
    constexpr const char* keys[] = {"rope_scaling", "rope_parameters", "rope_theta",    "partial_rotary_factor",
                                    "layer_types",  "text_config",     "head_dim",      "factor",
                                    "type",         "rope_type",       "mrope_section", "sliding_window_pattern",
                                    "rotary_dim",   "short_factor",    "model_type",    "per_layer_config"};
    return keys[below(sizeof(keys) / sizeof(*keys))];
  }

  std::mt19937 engine_;
};

/// Whether all that was read can be used.
bool is_sound(const posenc::ModelRope& model) {
  for (const posenc::RopeSet& set : model.rope_sets) {
    const posenc::Frequencies& frequencies = set.frequencies;
    const bool by_channel = set.angles == posenc::RopeAngles::of_channels;
    const bool fits = set.layout.rotary_dim() == (by_channel ? frequencies.num_pairs() : frequencies.rotary_dim());
    const bool has_axes = !set.axes || set.axes->num_pairs() == frequencies.num_pairs();
    if (!fits || !has_axes || !frequencies.inv_freq().isFinite().all()) return false;
    if (!std::isfinite(frequencies.magnitude()) || !std::isfinite(frequencies.softmax_multiplier())) return false;
  }
  for (const posenc::LayerRope& layer : model.layers) {
    for (const int set : layer.rope_sets) {
      if (set < 0 || static_cast<std::size_t>(set) >= model.rope_sets.size()) return false;
    }
    if (layer.query_temperature && !std::isfinite(posenc::query_temperature(*layer.query_temperature, 1e6)))
      return false;
  }
  return true;
}

/// Whether a sentence has the form "posenc::<function>: <key> must be <rule>, got <value>" and names no value of an
/// inner function.
bool names_a_key(const std::string& message, const std::string& function) {
  const std::string begin = "posenc::" + function + ": ";
  if (message.rfind(begin, 0) != 0) return false;
  const std::size_t end = message.find(" must ");
  if (end == std::string::npos || message.find(", got ") == std::string::npos) return false;
  const std::string name = message.substr(begin.size(), end - begin.size());
  for (const char* const inner : {"options", "inv_freq", "frequencies", "exponent", "sections", "base"}) {
    if (name.rfind(inner, 0) == 0) return false;
  }
  return !name.empty();
}

/// What became of changed configs.
struct Outcome {
  int sound = 0;
  int refused = 0;
};

template <typename Read>
void replay(const ConfigValue& config, Mutator& mutator, int times, const std::string& function, const Read& read,
            Outcome& outcome) {
  for (int i = 0; i < times; ++i) {
    ConfigValue changed = mutator.change(config);
    for (std::size_t more = mutator.below(3); more > 0; --more) changed = mutator.change(changed);
    try {
      const bool sound = is_sound(read(changed));
      ++outcome.sound;
      CHECK(sound);
    } catch (const std::invalid_argument& error) {
      ++outcome.refused;
      if (!names_a_key(error.what(), function)) FAIL_CHECK(error.what());
    }  // any other exception fails the test
  }
}

}  // namespace

TEST_CASE("changed configs resolve or are refused by key", "[model_config][hugging_face][errors][mutated]") {
  Mutator mutator(20260);
  Outcome outcome;
  for (const posenc_tests::Published& model : posenc_tests::all_published_models()) {
    INFO(model.name);
    const ConfigValue config = posenc::to_config_value(Json::parse(model.config));
    const auto read = [&](const ConfigValue& changed) {
      return posenc::read_hugging_face_config(changed, model.serving_length);
    };
    replay(config, mutator, 150, "read_hugging_face_config", read, outcome);
  }
  CHECK(outcome.sound > 1000);
  CHECK(outcome.refused > 1000);
}

TEST_CASE("changed metadata resolve or are refused by key", "[model_config][gguf][errors][mutated]") {
  Mutator mutator(20261);
  Outcome outcome;
  for (const std::string& name : posenc::known_gguf_architectures()) {
    INFO(name);
    const auto key = [&](const char* rest) { return name + "." + rest; };
    ConfigValue metadata = ConfigValue::dictionary({{"general.architecture", name},
                                                    {key("block_count"), 8},
                                                    {key("context_length"), 4096},
                                                    {key("embedding_length"), 1024},
                                                    {key("attention.head_count"), 8},
                                                    {key("attention.key_length"), 128},
                                                    {key("attention.sliding_window"), 512},
                                                    {key("rope.dimension_count"), 64},
                                                    {key("rope.freq_base"), 1e6},
                                                    {key("rope.scaling.type"), "yarn"},
                                                    {key("rope.scaling.factor"), 4},
                                                    {key("rope.scaling.original_context_length"), 1024}});
    const auto read = [](const ConfigValue& changed) { return posenc::read_gguf_metadata(changed, std::nullopt); };
    replay(metadata, mutator, 40, "read_gguf_metadata", read, outcome);
  }
  CHECK(outcome.sound > 500);
  CHECK(outcome.refused > 500);
}

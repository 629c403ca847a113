// SPDX-License-Identifier: MIT
// What a published model does with positions, from its config.json, on one screen; and a picture of it.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/17_recipe_card.cpp -o card
//   ./card path/to/config.json [tokens that a sequence may reach]
//
// Without arguments, the six models of examples/models/configs and their picture towers, a line for each rotation:
//
//   model            pairs, channels of a head     wavelengths        magnitude  positions            layers
//   llama-3.1-8b     A half-split 0..127 of 128    6.28 to 2.05e+07   1          position             32 A
//   gpt-oss-20b      A half-split 0..63 of 64      6.28 to 2.08e+07   1.3466     position             24 A
//   gemma-3-4b       A half-split 0..255 of 256    50.3 to 4.51e+07   1          position             5 A, 29 B
//                    B half-split 0..255 of 256    6.28 to 5.85e+04   1          position
//   deepseek-v3      A interleaved 128..191 of 192 6.28 to 1.88e+06   1          position             61 A
//   qwen2.5-vl-7b    A half-split 0..127 of 128    6.28 to 5.06e+06   1          time, height, width  28 A
//    vision_config   A half-split 0..79 of 80      6.28 to 3.96e+04   1          row, column          32 A
//   llama-4-scout    A interleaved 0..127 of 128   6.28 to 4.09e+07   1          position             12 none, 36 A
//    vision_config   A interleaved 0..87 of 88     6.28 to 4.13e+04   1          column, row          34 A
//
//   drew 17_recipe_card.png
//   ok
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <iostream>

#if __has_include(<nlohmann/json.hpp>)
#include "support/recipe_card.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#ifndef POSENC_MODELS_DIR
#define POSENC_MODELS_DIR "examples/models"
#endif

using nlohmann::json;

/// A length that a dictionary or the rope dictionary in it has, or 0.
std::int64_t length_in(const json& config, const char* key) {
  for (const char* const rope : {"rope_parameters", "rope_scaling"}) {
    if (config.contains(rope) && config[rope].is_object() && config[rope].contains(key)) {
      return config[rope][key].get<std::int64_t>();
    }
  }
  return config.contains(key) && config[key].is_number() ? config[key].get<std::int64_t>() : 0;
}

/// The card of the language model of a config, or of one of its towers.
RecipeCard read_card(const std::string& name, const json& config, const std::string& tower, std::int64_t length) {
  const json& own = !tower.empty() ? config.at(tower) : config.contains("text_config") ? config["text_config"] : config;
  RecipeCard card;
  card.name = name + (tower.empty() ? "" : ", " + tower);
  card.model_type = own.value("model_type", config.value("model_type", ""));
  card.longest = length_in(own, "max_position_embeddings");
  card.trained = length_in(own, "original_max_position_embeddings");
  if (own.contains("image_size") && own.contains("patch_size")) {
    card.longest = own["image_size"].get<std::int64_t>() / own["patch_size"].get<std::int64_t>();
  }
  card.served = length > 0 ? length : card.longest > 0 ? card.longest : 4096;
  posenc::ModelHints hints;
  hints.tower = tower;
  card.model = posenc::read_hugging_face_config(config, card.served, hints);
  return card;
}

/// The cards of a file: its language model, and towers of pictures and sound that rotate.
std::vector<RecipeCard> read_cards(const std::string& path, const std::string& name, std::int64_t length) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  const json config = json::parse(file);
  std::vector<RecipeCard> cards = {read_card(name, config, "", length)};
  for (const char* const tower : {"vision_config", "audio_config"}) {
    if (!config.contains(tower)) continue;
    try {
      cards.push_back(read_card(name, config, tower, 0));
    } catch (const std::exception& refusal) {
      std::cout << tower << " of " << name << ": " << refusal.what() << "\n";
    }
  }
  return cards;
}

bool all_finite(const RecipeCard& card) {
  return std::all_of(card.model.rope_sets.begin(), card.model.rope_sets.end(),
                     [](const posenc::RopeSet& set) { return set.frequencies.inv_freq().isFinite().all(); });
}

/// What is known of the six, so that this example notices when it shows something else.
bool shows_what_is_known(const std::vector<RecipeCard>& cards) {
  const auto model = [&](const std::string& name) -> const posenc::ModelRope& {
    return std::find_if(cards.begin(), cards.end(), [&](const RecipeCard& card) { return card.name == name; })->model;
  };
  const posenc::ModelRope& scout = model("llama-4-scout");
  const auto still = std::count_if(scout.layers.begin(), scout.layers.end(),
                                   [](const posenc::LayerRope& layer) { return layer.rope_sets.empty(); });
  return cards.size() == 8 && std::all_of(cards.begin(), cards.end(), all_finite) && still == 12 &&
         std::abs(model("gpt-oss-20b").rope_sets[0].frequencies.magnitude() - 1.3465736) < 1e-6 &&
         model("gemma-3-4b").rope_sets.size() == 2 && model("deepseek-v3").rope_sets[0].layout.offset() == 128 &&
         model("qwen2.5-vl-7b").rope_sets[0].axes->num_axes() == 3 &&
         model("qwen2.5-vl-7b, vision_config").rope_sets[0].positions == posenc::TokenPositions::row_column;
}

int main(int argc, char** argv) {
  try {
    std::vector<RecipeCard> cards;
    if (argc > 1) {
      const std::string path = argv[1];
      cards = read_cards(path, path.substr(path.find_last_of("/\\") + 1), argc > 2 ? std::stoll(argv[2]) : 0);
      for (const RecipeCard& card : cards) print_card(card);
    } else {
      for (const char* const name :
           {"llama-3.1-8b", "gpt-oss-20b", "gemma-3-4b", "deepseek-v3", "qwen2.5-vl-7b", "llama-4-scout"}) {
        const auto own = read_cards(std::string(POSENC_MODELS_DIR) + "/configs/" + name + ".json", name, 0);
        cards.insert(cards.end(), own.begin(), own.end());
      }
      print_lines(cards);
    }
    const bool drawn = draw_cards("17_recipe_card", cards);
    const bool good = drawn && (argc > 1 || shows_what_is_known(cards));
    std::cout << (good ? "ok" : "FAILED") << "\n";
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout << error.what() << "\nFAILED\n";
    return 1;
  }
}

#else

int main() {
  std::cout << "no nlohmann/json.hpp in the include path: install nlohmann-json3-dev to read configs\n";
  return 0;
}

#endif

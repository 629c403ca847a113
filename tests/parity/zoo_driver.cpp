// SPDX-License-Identifier: MIT
/// posenc behind standard input, for zoo.py. A line of JSON in, a line of JSON out, until the input ends.
///
///   {"config": {...}, "serving_length": 4096, "tower": "vision_config"}   how it is read, or {"refused": "..."}
///                                                       besides "sections": true, where sections count channels
///   {"gguf": {...}}                                                         the same for the metadata of a GGUF file
///   {"inv_freq": [...], "magnitude": 1, "positions": [...]}                 cos and sin of the float32 mode
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include "posenc/posenc.hpp"

namespace {

using nlohmann::json;
using Index = Eigen::Index;

template <typename Derived>
json list(const Eigen::DenseBase<Derived>& values) {
  json out = json::array();
  for (Index i = 0; i < values.rows(); ++i) {
    for (Index j = 0; j < values.cols(); ++j) out.push_back(values(i, j));
  }
  return out;
}

const char* name(posenc::TokenPositions positions) {
  switch (positions) {
    case posenc::TokenPositions::sequence: return "sequence";
    case posenc::TokenPositions::time_height_width: return "time_height_width";
    case posenc::TokenPositions::height_width: return "height_width";
    case posenc::TokenPositions::time_row_column: return "time_row_column";
    case posenc::TokenPositions::row_column: return "row_column";
    case posenc::TokenPositions::column_row: return "column_row";
    case posenc::TokenPositions::centered_row_column: return "centered_row_column";
    case posenc::TokenPositions::position_block: return "position_block";
    default: return "other";
  }
}

const char* name(posenc::RotatedStates states) {
  switch (states) {
    case posenc::RotatedStates::queries_keys_values: return "queries_keys_values";
    case posenc::RotatedStates::attention_inputs: return "attention_inputs";
    default: return "queries_keys";
  }
}

json describe(const posenc::RopeSet& set) {
  const bool half = set.layout.pairs() == posenc::RopePairs::half_split;
  json out = {{"layer_type", set.layer_type},
              {"inv_freq", list(set.frequencies.inv_freq())},
              {"magnitude", set.frequencies.magnitude()},
              {"softmax_multiplier", set.frequencies.softmax_multiplier()},
              {"pairs", half ? "half_split" : "interleaved"},
              {"head_dim", set.layout.head_dim()},
              {"offset", set.layout.offset()},
              {"rotary_dim", set.layout.rotary_dim()},
              {"positions", name(set.positions)},
              {"rotates", name(set.rotates)}};
  if (set.angles == posenc::RopeAngles::of_channels) out["by channel"] = true;
  if (set.axes) out["axes"] = list(set.axes->axis_of_pair());
  if (set.axes) out["num_axes"] = set.axes->num_axes();
  return out;
}

json describe(const posenc::ModelRope& model) {
  json out = {{"sets", json::array()},
              {"layers", json::array()},
              {"ignored", model.ignored_keys},
              {"assumed", model.assumed},
              {"notes", model.notes}};
  for (const posenc::RopeSet& set : model.rope_sets) out["sets"].push_back(describe(set));
  for (const posenc::LayerRope& layer : model.layers) {
    json entry = {{"sets", layer.rope_sets}};
    if (layer.query_temperature) {
      const posenc::QueryTemperature& t = *layer.query_temperature;
      entry["temperature"] = {{"scale", t.scale},
                              {"length", t.length},
                              {"shift", t.shift},
                              {"power", t.growth == posenc::TemperatureGrowth::power}};
    }
    out["layers"].push_back(entry);
  }
  return out;
}

json float32_table(const json& request) {
  const auto frequencies = request.at("inv_freq").get<std::vector<double>>();
  const auto positions = request.at("positions").get<std::vector<std::int64_t>>();
  const posenc::Frequencies spectrum(frequencies, request.at("magnitude").get<double>());
  const auto table =
      posenc::make_table<float>(spectrum, positions, {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  return {{"cos", list(table.cos())}, {"sin", list(table.sin())}};
}

json answer(const json& request) {
  if (request.contains("inv_freq")) return float32_table(request);
  if (request.contains("gguf")) {
    return describe(posenc::read_gguf_metadata(request.at("gguf"), std::nullopt));
  }
  const auto serving_length = request.at("serving_length").get<std::int64_t>();
  posenc::ModelHints hints;
  hints.tower = request.value("tower", "");
  if (request.value("sections", false)) hints.sections = posenc::AxisSections::of_channels;
  return describe(posenc::read_hugging_face_config(request.at("config"), serving_length, hints));
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json out;
    try {
      out = answer(json::parse(line));
    } catch (const std::exception& error) {
      out = {{"refused", error.what()}};
    }
    std::cout << out.dump() << "\n" << std::flush;
  }
  return 0;
}

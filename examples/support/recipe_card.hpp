// SPDX-License-Identifier: MIT
/// A model's use of positions as text, and as a picture.
#ifndef POSENC_EXAMPLES_RECIPE_CARD_HPP
#define POSENC_EXAMPLES_RECIPE_CARD_HPP

#include "posenc/posenc.hpp"

#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// What is shown of one model.
struct RecipeCard {
  std::string name;
  std::string model_type;
  std::int64_t trained = 0;  ///< Tokens of a sequence in training, before a rule extended it; 0: not said.
  std::int64_t longest = 0;  ///< Tokens that a sequence may reach, or patches along a side; 0: not said.
  std::int64_t served = 0;   ///< What the frequencies are for.
  posenc::ModelRope model{};
};

inline std::string letter(std::size_t set) { return std::string(1, static_cast<char>('A' + set)); }

/// Each layer as the letters of its rotations, . where nothing rotates.
inline std::string layer_word(const posenc::LayerRope& layer) {
  std::string word;
  for (const int set : layer.rope_sets) word += letter(static_cast<std::size_t>(set));
  return word.empty() ? "." : word;
}

inline std::string with_commas(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

/// "6.28 to 2.6e+06", of the pairs that rotate.
inline std::string wavelengths(const posenc::Frequencies& frequencies) {
  const double two_pi = 2 * std::acos(-1.0);
  double fast = 0, slow = 0;
  int still = 0;
  for (const double signed_frequency : frequencies.inv_freq()) {
    const double frequency = std::abs(signed_frequency);
    if (frequency == 0) {
      ++still;
      continue;
    }
    fast = std::max(fast, frequency);
    slow = slow == 0 ? frequency : std::min(slow, frequency);
  }
  std::ostringstream text;
  text << std::setprecision(3) << two_pi / fast << " to " << two_pi / slow;
  if (still > 0) text << ", " << still << " still";
  return text.str();
}

inline std::vector<std::string> axis_names(const posenc::RopeSet& set) {
  switch (set.positions) {
    case posenc::TokenPositions::time_height_width: return {"time", "height", "width"};
    case posenc::TokenPositions::height_width: return {"height", "width"};
    case posenc::TokenPositions::time_row_column: return {"time", "row", "column"};
    case posenc::TokenPositions::row_column:
    case posenc::TokenPositions::centered_row_column: return {"row", "column"};
    case posenc::TokenPositions::column_row: return {"column", "row"};
    case posenc::TokenPositions::position_block: return {"position", "block"};
    case posenc::TokenPositions::sequence:
    case posenc::TokenPositions::by_axis: break;
  }
  if (!set.axes) return {"position"};
  std::vector<std::string> names;
  for (Eigen::Index axis = 0; axis < set.axes->num_axes(); ++axis) names.push_back("axis " + std::to_string(axis));
  return names;
}

/// "time 16, height 24, width 24": the pairs of each axis.
inline std::string axes_of(const posenc::RopeSet& set) {
  if (!set.axes) return "one for each token";
  const std::vector<std::string> names = axis_names(set);
  std::string text;
  for (std::size_t axis = 0; axis < names.size(); ++axis) {
    const auto pairs = (set.axes->axis_of_pair() == static_cast<int>(axis)).count();
    if (pairs > 0) text += (text.empty() ? "" : ", ") + names[axis] + " " + std::to_string(pairs);
  }
  return text;
}

inline std::string layout_of(const posenc::RopeLayout& layout) {
  const std::string pairs = layout.pairs() == posenc::RopePairs::half_split ? "half-split" : "interleaved";
  return pairs + " " + std::to_string(layout.offset()) + ".." +
         std::to_string(layout.offset() + layout.rotary_dim() - 1) + " of " + std::to_string(layout.head_dim());
}

/// "29 A, 5 B".
inline std::string layer_counts(const posenc::ModelRope& model) {
  std::map<std::string, int> counts;
  for (const posenc::LayerRope& layer : model.layers) ++counts[layer_word(layer)];
  std::string text;
  for (const auto& [word, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + (word == "." ? "none" : word);
  }
  return text;
}

inline void print_names(const char* what, const std::vector<std::string>& names) {
  std::cout << "  " << std::left << std::setw(14) << what;
  if (names.empty()) std::cout << "none";
  for (std::size_t i = 0; i < names.size(); ++i) std::cout << (i > 0 ? ", " : "") << names[i];
  std::cout << "\n";
}

/// All that is known of one model.
inline void print_card(const RecipeCard& card) {
  const posenc::ModelRope& model = card.model;
  std::cout << card.name << "\n  " << std::left << std::setw(14) << "model_type" << card.model_type << "\n";
  if (card.trained > 0) std::cout << "  trained on    " << with_commas(card.trained) << " tokens\n";
  if (card.longest > 0) std::cout << "  reaches       " << with_commas(card.longest) << "\n";
  std::cout << "  read for      " << with_commas(card.served) << "\n";
  for (std::size_t i = 0; i < model.rope_sets.size(); ++i) {
    const posenc::RopeSet& set = model.rope_sets[i];
    std::cout << "  " << letter(i) << "             " << (set.layer_type.empty() ? "all that rotate" : set.layer_type)
              << "\n    layout      " << layout_of(set.layout) << "\n    wavelengths " << wavelengths(set.frequencies)
              << "\n    magnitude   " << set.frequencies.magnitude() << ", softmax scale times "
              << set.frequencies.softmax_multiplier() << "\n    positions   " << axes_of(set) << "\n";
    if (set.rotates == posenc::RotatedStates::queries_keys_values) std::cout << "    rotates     values too\n";
    if (set.rotates == posenc::RotatedStates::attention_inputs) {
      std::cout << "    rotates     what queries and keys are made of\n";
    }
  }
  std::cout << "  layers        " << layer_counts(model) << "\n                ";
  for (const posenc::LayerRope& layer : model.layers) std::cout << layer_word(layer);
  std::cout << "\n  queries       ";
  const posenc::LayerRope* tempered = nullptr;
  std::size_t count = 0;
  for (const posenc::LayerRope& layer : model.layers) {
    if (!layer.query_temperature) continue;
    tempered = &layer;
    ++count;
  }
  if (tempered == nullptr) {
    std::cout << "no factor\n";
  } else {
    std::cout << "times "
              << posenc::query_temperature(*tempered->query_temperature, static_cast<double>(card.served - 1))
              << " at the last position, in " << count << " layers\n";
  }
  print_names("ignored keys", model.ignored_keys);
  print_names("assumed", model.assumed);
  if (!model.notes.empty()) print_names("besides", model.notes);
  std::cout << "\n";
}

/// A line for each rotation of each model.
inline void print_lines(const std::vector<RecipeCard>& cards) {
  std::cout << std::left << std::setw(17) << "model" << std::setw(30) << "pairs, channels of a head" << std::setw(19)
            << "wavelengths" << std::setw(11) << "magnitude" << std::setw(21) << "positions"
            << "layers\n";
  for (const RecipeCard& card : cards) {
    const std::size_t comma = card.name.find(',');
    for (std::size_t i = 0; i < card.model.rope_sets.size(); ++i) {
      const posenc::RopeSet& set = card.model.rope_sets[i];
      std::string axes;
      for (const std::string& axis : axis_names(set)) axes += (axes.empty() ? "" : ", ") + axis;
      std::cout << std::setw(17)
                << (i > 0                      ? ""
                    : comma < card.name.size() ? card.name.substr(comma + 1)
                                               : card.name)
                << letter(i) << " " << std::setw(28) << layout_of(set.layout) << std::setw(19)
                << wavelengths(set.frequencies) << std::setw(11) << std::setprecision(5) << set.frequencies.magnitude()
                << std::setw(21) << axes << (i == 0 ? layer_counts(card.model) : "") << "\n";
    }
  }
  std::cout << "\n";
}

/// Writes what the picture shows: for each card a block for each axis of each rotation (pair, wavelength), then one for
/// the layers (number, color). Returns the titles of the first ones.
inline std::vector<std::string> write_card(std::ofstream& data, const posenc::ModelRope& model) {
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < model.rope_sets.size(); ++i) {
    const posenc::RopeSet& set = model.rope_sets[i];
    const std::vector<std::string> names = axis_names(set);
    for (std::size_t axis = 0; axis < names.size(); ++axis) {
      bool any = false;
      for (Eigen::Index pair = 0; pair < set.frequencies.num_pairs(); ++pair) {
        const double frequency = std::abs(set.frequencies.inv_freq()[pair]);
        if (frequency == 0 || (set.axes && set.axes->axis_of_pair()[pair] != static_cast<int>(axis))) continue;
        data << pair << " " << 2 * std::acos(-1.0) / frequency << "\n";
        any = true;
      }
      if (!any) continue;
      data << "\n\n";
      titles.push_back(letter(i) + (set.axes ? ": " + names[axis] : ""));
    }
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const std::vector<int>& sets = model.layers[i].rope_sets;
    data << i << " " << (sets.empty() ? 0 : sets.size() > 1 ? 9 : sets[0] + 1) << "\n";
  }
  data << "\n\n";
  return titles;
}

/// The pairs of the rotation that has most of them.
inline Eigen::Index most_pairs(const posenc::ModelRope& model) {
  Eigen::Index most = 1;
  for (const posenc::RopeSet& set : model.rope_sets) most = std::max(most, set.frequencies.num_pairs());
  return most;
}

/// Draws each card: the spectrum with the lengths that the model knows, and its layers as a strip.
inline bool draw_cards(const std::string& name, const std::vector<RecipeCard>& cards) {
  std::ofstream data(name + ".dat");
  std::ostringstream commands;
  const std::size_t columns = cards.size() > 1 ? 2 : 1;
  const std::size_t rows = (cards.size() + columns - 1) / columns;
  commands << "set multiplot\nset border 3\nset tics nomirror\nset logscale y\nset format y '10^{%T}'\n"
           << "set grid y lt 1 lw 1 lc rgb '#dddddd'\nset boxwidth 0.86\nset style fill solid noborder\n"
           << "set lmargin 9\nset rmargin 21\nset key outside right top Left reverse samplen 2\n"
           << "set linetype 1 lc rgb '#0072B2'\nset linetype 2 lc rgb '#E69F00'\nset linetype 3 lc rgb '#009E73'\n"
           << "set linetype 9 lc rgb '#CC79A7'\n";
  std::size_t block = 0;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const RecipeCard& card = cards[i];
    const double width = 1.0 / static_cast<double>(columns), height = 1.0 / static_cast<double>(rows);
    const double left = width * static_cast<double>(i % columns);
    const double bottom = 1 - height * static_cast<double>(i / columns + 1);
    const std::vector<std::string> titles = write_card(data, card.model);
    commands << "set size " << width << "," << 0.74 * height << "\nset origin " << left << "," << bottom + 0.26 * height
             << "\nset title \"" << card.name << "\" noenhanced\nset logscale y\n"
             << "set ytics 100\nset mytics 1\nset xtics auto\nset xlabel 'pair' offset 0,0.5\nset ylabel 'wavelength "
                "[positions]'\n"
             << "set xrange [-0.5:" << most_pairs(card.model)
             << "]\nset yrange [1:*]\nset bmargin 3\nset tmargin 2\nunset label\n";
    std::string lines;
    for (const auto& [length, what] : {std::pair{card.trained, "trained"}, std::pair{card.longest, "reaches"}}) {
      if (length <= 0) continue;
      lines += (lines.empty() ? "" : ", ") + std::to_string(length) + " with lines lw 2 dt " +
               (lines.empty() ? "3" : "2") + " lc rgb '#888888' title '" + what + " " + with_commas(length) + "'";
    }
    commands << "plot " << lines << (lines.empty() || titles.empty() ? "" : ", ");
    for (std::size_t t = 0; t < titles.size(); ++t) {
      commands << (t > 0 ? ", " : "") << "'" << name << ".dat' index " << block++ << " with points pt 7 ps 0.6 lt "
               << t + 1 << " title '" << titles[t] << "'";
    }
    if (lines.empty() && titles.empty()) commands << "NaN notitle";
    commands << "\nset size " << width << "," << 0.26 * height << "\nset origin " << left << "," << bottom
             << "\nunset title\nunset logscale y\nset yrange [0:1]\nunset ytics\nunset ylabel\nset tmargin 0\n"
             << "set bmargin 3\nset xrange [-0.5:" << card.model.layers.size() << " - 0.5]\n"
             << "set xlabel 'layer: " << layer_counts(card.model) << "' offset 0,0.5\n"
             << "plot '" << name << ".dat' index " << block++
             << " using 1:(1):($2 == 0 ? 0xcccccc : $2 == 1 ? 0x0072B2 : $2 == 2 ? 0xE69F00 : $2 == 9 ? 0xCC79A7 : "
                "0x009E73) with boxes lc rgb variable notitle\n";
  }
  commands << "unset multiplot\n";
  data.close();
  return plot(name, columns > 1 ? 1300 : 900, static_cast<int>(columns > 1 ? 330 * rows : 520), commands.str());
}

#endif  // POSENC_EXAMPLES_RECIPE_CARD_HPP

// SPDX-License-Identifier: MIT
/// The tables and the picture of example 15, from its file of results.
#ifndef POSENC_EXAMPLES_EXTRAPOLATION_REPORT_HPP
#define POSENC_EXAMPLES_EXTRAPOLATION_REPORT_HPP

#include "support/extrapolation_results.hpp"
#include "support/plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiny_transformer {

/// Mean and half the range over the seeds of an encoding.
struct Summary {
  double mean = 0, spread = 0;
  std::size_t n;

  explicit Summary(const std::vector<double>& values) : n(values.size()) {
    if (values.empty()) return;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    const auto ends = std::minmax_element(values.begin(), values.end());
    spread = (*ends.second - *ends.first) / 2;
  }
  std::string text() const {
    std::ostringstream out;
    out << std::fixed << std::setprecision(2) << mean;
    if (n > 1) out << " +- " << spread;
    return out.str();
  }
};

struct Group {
  std::string name;
  std::vector<Result> results;

  template <typename Cell>
  Summary of(const Cell& cell) const {
    std::vector<double> values;
    for (const Result& result : results) values.push_back(cell(result).mean);
    return Summary(values);
  }
  Summary loss_within() const {
    return of([](const Result& r) { return r.loss_within; });
  }
  Summary recall_within() const {
    return of([](const Result& r) { return r.recall_within; });
  }
  Summary loss(std::size_t i) const {
    return of([=](const Result& r) { return r.loss[i]; });
  }
  Summary recall(std::size_t i) const {
    return of([=](const Result& r) { return r.recall[i]; });
  }
};

inline bool is_afterwards(const Group& group) { return group.name.find(" then ") != std::string::npos; }

/// By encoding, in the order of the file's first seed; what was done to RoPE afterwards last.
inline std::vector<Group> grouped(const std::vector<Result>& results) {
  std::vector<Group> groups;
  for (const Result& result : results) {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == result.encoding; });
    if (found == groups.end()) {
      groups.push_back({result.encoding, {result}});
    } else {
      found->results.push_back(result);
    }
  }
  std::stable_partition(groups.begin(), groups.end(), [](const Group& g) { return !is_afterwards(g); });
  return groups;
}

/// Loss by place and recall by distance, in Markdown. A distance with few words has no column.
inline void print_tables(const std::vector<Group>& groups) {
  std::cout << "| loss of a token | of tales of " << kTrained << " | 0-" << kTrained - 1;
  for (std::size_t i = 1; i < kLengths; ++i) std::cout << " | " << (kTrained << (i - 1)) << "-" << (kTrained << i) - 1;
  std::cout << " | seeds |\n|---|---|---|---|---|---|---|---|\n";
  for (const Group& group : groups) {
    std::cout << "| " << group.name << " | " << group.loss_within().text();
    for (std::size_t i = 0; i < kLengths; ++i) std::cout << " | " << group.loss(i).text();
    std::cout << " | " << group.results.size() << " |\n";
  }

  std::vector<std::size_t> columns;
  std::cout << "\n| words told before, right | in tales of " << kTrained;
  for (std::size_t i = 0; i < kDistances; ++i) {
    const int n = groups.front().results.front().recall[i].n;
    if (n < 30) continue;
    columns.push_back(i);
    std::cout << " | " << (8 << i) << "-" << (16 << i) - 1 << " (" << n << ")";
  }
  std::cout << " |\n|---|---";
  for (std::size_t i = 0; i < columns.size(); ++i) std::cout << "|---";
  std::cout << "|\n";
  const auto rope = std::find_if(groups.begin(), groups.end(), [](const Group& g) { return g.name == "RoPE"; });
  for (const Group& group : groups) {
    const Group& trained = is_afterwards(group) && rope != groups.end() ? *rope : group;
    std::cout << "| " << group.name << " | " << group.recall_within().text();
    if (trained.recall_within().mean < 0.9) {
      std::cout << " | not learned in " << group.results.front().steps << " steps";
      for (std::size_t i = 0; i < columns.size(); ++i) std::cout << " |";
      std::cout << "\n";
      continue;
    }
    for (const std::size_t i : columns) std::cout << " | " << group.recall(i).text();
    std::cout << " |\n";
  }
}

/// Where an encoding is drawn: added to embeddings, in the logits, rotary, RoPE changed after training.
inline int panel(const Group& group) {
  if (is_afterwards(group)) return 3;
  const std::string& name = group.name;
  if (name.find("RoPE") != std::string::npos || name == "xPos") return 2;
  for (const char* absolute : {"integer", "digits", "sinusoidal", "learned"}) {
    if (name.find(absolute) != std::string::npos) return 0;
  }
  return 1;
}

/// The loss by place of all encodings, in four panels, each with RoPE and with RoPE that sees its last tokens alone.
inline bool draw_results(const std::vector<Group>& groups) {
  std::ofstream data("15_extrapolation.dat");
  std::vector<std::string> curves(4);
  for (std::size_t index = 0; index < groups.size(); ++index) {
    const Group& group = groups[index];
    data << "# " << group.name << "\n";
    for (std::size_t i = 0; i < kLengths; ++i) {
      const double middle = i == 0 ? kTrained / 2 : static_cast<double>(kTrained << i) * 0.75;
      data << middle << " " << group.loss(i).mean << " " << group.loss(i).spread << "\n";
    }
    data << "\n\n";
    const bool bound = group.name.find("the last") != std::string::npos;
    for (int p = 0; p < 4; ++p) {
      if (!bound && group.name != "RoPE" && p != panel(group)) continue;
      std::string& lines = curves[static_cast<std::size_t>(p)];
      std::ostringstream line;
      line << (lines.empty() ? "" : ", \\\n  ") << "'15_extrapolation.dat' index " << index << " using 1:2"
           << (bound ? "" : ":3") << " with " << (bound ? "lines dt 2 lw 2 lc 'black'" : "yerrorlines lw 2")
           << (group.name == "RoPE" ? " lc 'gray40' pt 7" : "") << " title '"
           << (is_afterwards(group) ? group.name.substr(group.name.find("then ") + 5) : group.name) << "'";
      lines += line.str();
    }
  }
  data.close();
  const char* titles[] = {"added to embeddings", "in the logits", "rotary", "RoPE, changed after training"};
  std::ostringstream commands;
  commands << "set multiplot layout 2, 2 title 'Trained on " << kTrained << " tokens, read to " << kLongest << "'\n"
           << "set logscale x 2\nset xrange [24:1024]\nset yrange [0.5:5]\nset grid\n"
           << "set xlabel 'place of the token in the text'\nset ylabel 'loss [nat]'\n"
           << "set key outside right center Left reverse samplen 2 font ',11'\n"
           << "set arrow 1 from " << kTrained << ", graph 0 to " << kTrained << ", graph 1 nohead dt 3\n"
           << "set label 1 'trained length' at " << kTrained << ", graph 0.95 offset 0.5,0 font ',10'\n";
  for (std::size_t p = 0; p < 4; ++p) {
    if (!curves[p].empty()) commands << "set title '" << titles[p] << "'\nplot " << curves[p] << "\n";
  }
  commands << "unset multiplot\n";
  return plot("15_extrapolation", 1500, 1000, commands.str());
}

inline int report_results(const std::vector<Result>& results) {
  if (results.empty()) throw std::runtime_error("the file has no results");
  const std::vector<Group> groups = grouped(results);
  print_tables(groups);
  return draw_results(groups) ? 0 : 1;
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_EXTRAPOLATION_REPORT_HPP

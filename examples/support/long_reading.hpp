// SPDX-License-Identifier: MIT
/// A model of a GGUF file reads texts several times as long as it was trained on, under rules of context extension.
///
/// Loss is -ln p of the next token, in means over windows of 512. From each is taken the loss of the same tokens where the
/// model has only the last of its trained length before it: it begins anew every quarter of that length, three quarters
/// before the tokens that count, so that each token has between three quarters and all of it.
#ifndef POSENC_EXAMPLES_LONG_READING_HPP
#define POSENC_EXAMPLES_LONG_READING_HPP

#include "posenc/posenc.hpp"
#include "support/gguf_llama.hpp"
#include "support/plot.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace long_reading {

using Eigen::Index;
using posenc::Frequencies;

inline const std::string kLastAlone = "the last alone";
constexpr Index kWindow = 512;  // also the block that is read at once, and by which a dynamic rule grows

struct Rule {
  std::string name;
  Frequencies frequencies;    // up to the trained length, for a dynamic rule
  bool dynamic = false;       // grows with the text
  bool rescale_keys = false;  // and its cached keys follow
};

inline std::vector<Rule> rules(const Frequencies& trained, Index trained_length, Index length) {
  const double factor = static_cast<double>(length) / static_cast<double>(trained_length);
  posenc::YarnOptions yarn;
  yarn.factor = factor;
  yarn.original_max_position_embeddings = trained_length;
  return {{"no change", trained},
          {"NTK-aware", posenc::scale_ntk_aware(trained, factor)},
          {"dynamic NTK", trained, true, false},
          {"dynamic NTK; keys follow", trained, true, true},
          {"YaRN", posenc::scale_yarn(trained, yarn)}};
}

/// The loss after each of the tokens but the last, from token `from` on.
inline std::vector<double> losses(const gguf_llama::Model& model, const Rule& rule, Index trained_length,
                                  const std::vector<int>& tokens, Index from = 0) {
  const Index count = static_cast<Index>(tokens.size()) - 1;
  gguf_llama::Cache cache(model, count);
  Frequencies frequencies = rule.frequencies;
  auto& table = cache.tables.at(0);
  posenc::fill_table(table, frequencies, posenc::PositionRange(0, count));
  std::vector<double> result;
  for (Index position = 0; position < count; position += kWindow) {
    const Index block = std::min(kWindow, count - position);
    if (rule.dynamic && position + block > trained_length) {
      const Frequencies longer = posenc::scale_dynamic_ntk(rule.frequencies, {1.0, trained_length}, position + block);
      if (rule.rescale_keys && position > 0) {
        const auto rescale =
            posenc::make_rescale_table<float>(frequencies, longer, posenc::PositionRange(0, position), table.id());
        for (auto& keys : cache.keys) {
          posenc::apply_rope(keys.topRows(position), rescale, model.rope.rope_sets[0].layout);
        }
      }
      frequencies = longer;
      posenc::fill_table(table, frequencies, posenc::PositionRange(0, count));
    }
    const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(position);
    const gguf_llama::Matrix read =
        gguf_llama::read_tokens(model, cache, std::vector<int>(begin, begin + static_cast<std::ptrdiff_t>(block)));
    constexpr Index rows = 64;  // of logits at a time: 50,000 numbers each
    for (Index i = std::clamp<Index>(from - position, 0, block); i < block; i += rows) {
      const gguf_llama::Matrix logits = gguf_llama::logits(model, read.middleRows(i, std::min(rows, block - i)));
      for (Index row = 0; row < logits.rows(); ++row) {
        const Eigen::ArrayXd x = logits.row(row).cast<double>().transpose().array();
        const double highest = x.maxCoeff();
        result.push_back(highest + std::log((x - highest).exp().sum()) - x[*(begin + i + row + 1)]);
      }
    }
  }
  return result;
}

/// The loss after each token with at most the last `trained_length` before it.
inline std::vector<double> losses_of_last(const gguf_llama::Model& model, const Rule& trained, Index trained_length,
                                          const std::vector<int>& tokens) {
  const auto part = [&](Index begin, Index end) {
    return std::vector<int>(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                            tokens.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const Index count = static_cast<Index>(tokens.size()) - 1;
  std::vector<double> result = losses(model, trained, trained_length, part(0, std::min(trained_length, count) + 1));
  for (Index done = trained_length; done < count;) {
    const Index end = std::min(done + trained_length / 4, count);
    const auto again =
        losses(model, trained, trained_length, part(end - trained_length, end + 1), trained_length - (end - done));
    result.insert(result.end(), again.begin(), again.end());
    done = end;
  }
  return result;
}

/// A file of lines "text,rule,window,loss", to which whole texts under a rule are added.
class Results {
 public:
  explicit Results(const std::string& path) : path_(path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream fields(line);
      std::string text, rule, window, loss;
      if (std::getline(fields, text, ',') && std::getline(fields, rule, ',') && std::getline(fields, window, ',') &&
          std::getline(fields, loss)) {
        note(text, rule);
        means_[{text, rule}].push_back(std::stod(loss));
      }
    }
  }
  /// By window; empty where the text was not read under the rule.
  const std::vector<double>& of(const std::string& text, const std::string& rule) { return means_[{text, rule}]; }
  /// In the order of the file.
  const std::vector<std::string>& texts() const { return texts_; }
  const std::vector<std::string>& rules() const { return rules_; }

  void add(const std::string& text, const std::string& rule, const std::vector<double>& losses) {
    if (text.find(',') != std::string::npos) throw std::runtime_error(text + ": a name must have no comma");
    note(text, rule);
    std::ostringstream lines;
    std::vector<double>& means = means_[{text, rule}];
    for (std::size_t begin = 0; begin + kWindow <= losses.size(); begin += kWindow) {
      const double mean = Eigen::Map<const Eigen::ArrayXd>(losses.data() + begin, kWindow).mean();
      lines << text << "," << rule << "," << means.size() << "," << std::setprecision(8) << mean << "\n";
      means.push_back(mean);
    }
    std::ofstream file(path_, std::ios::app);
    file << lines.str();
    if (!file.flush()) throw std::runtime_error("cannot write " + path_);
  }

 private:
  void note(const std::string& text, const std::string& rule) {
    if (std::find(texts_.begin(), texts_.end(), text) == texts_.end()) texts_.push_back(text);
    if (std::find(rules_.begin(), rules_.end(), rule) == rules_.end()) rules_.push_back(rule);
  }

  std::string path_;
  std::vector<std::string> texts_, rules_;
  std::map<std::pair<std::string, std::string>, std::vector<double>> means_;
};

/// Reads a text under every rule that is not in the results yet, the last tokens alone first; two rules at a time, which
/// takes twice the memory of a cache.
inline void read_text(const gguf_llama::Model& model, Results& results, const std::string& name,
                      const std::vector<int>& tokens, Index trained_length) {
  const Index length = static_cast<Index>(tokens.size()) - 1;
  std::vector<Rule> missing = rules(model.rope.rope_sets.at(0).frequencies, trained_length, length);
  missing.insert(missing.begin(), {kLastAlone, model.rope.rope_sets.at(0).frequencies});
  missing.erase(std::remove_if(missing.begin(), missing.end(),
                               [&](const Rule& rule) { return !results.of(name, rule.name).empty(); }),
                missing.end());
  const auto read = [&](const Rule& rule) {
    return rule.name == kLastAlone ? losses_of_last(model, rule, trained_length, tokens)
                                   : losses(model, rule, trained_length, tokens);
  };
  for (std::size_t r = 0; r < missing.size(); r += 2) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::pair<const Rule*, std::future<std::vector<double>>>> pending;
    for (std::size_t i = r; i < std::min(r + 2, missing.size()); ++i) {
      pending.emplace_back(&missing[i], std::async(std::launch::async, read, std::cref(missing[i])));
    }
    for (auto& [rule, result] : pending) {
      results.add(name, rule->name, result.get());
      std::cout << name << ", " << rule->name << ": " << std::fixed << std::setprecision(0)
                << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << " s" << std::endl;
    }
  }
}

/// A mean over windows and its standard error.
struct Mean {
  double value = 0, error = 0;
  std::size_t count = 0;

  explicit Mean(const std::vector<double>& windows) : count(windows.size()) {
    const Eigen::Map<const Eigen::ArrayXd> x(windows.data(), static_cast<Index>(windows.size()));
    const double n = static_cast<double>(count);
    value = x.mean();
    if (n > 1) error = std::sqrt((x - value).square().sum() / (n - 1) / n);
  }
};

/// The texts that were read under every rule of the results.
inline std::vector<std::string> whole_texts(Results& results) {
  std::vector<std::string> whole;
  for (const std::string& text : results.texts()) {
    bool all = true;
    for (const std::string& rule : results.rules()) all = all && !results.of(text, rule).empty();
    if (all) whole.push_back(text);
  }
  return whole;
}

/// What a rule adds to the loss with the last tokens alone, or, for these, that loss: by stretches of the trained length,
/// the windows of all texts that were read under every rule.
inline std::vector<Mean> by_stretch(Results& results, const std::string& rule, Index trained_length) {
  const std::size_t stretch = static_cast<std::size_t>(trained_length / kWindow);
  std::vector<std::vector<double>> windows;
  for (const std::string& text : whole_texts(results)) {
    const std::vector<double>&loss = results.of(text, rule), &last = results.of(text, kLastAlone);
    for (std::size_t i = 0; i < std::min(loss.size(), last.size()); ++i) {
      windows.resize(std::max(windows.size(), i / stretch + 1));
      windows[i / stretch].push_back(rule == kLastAlone ? loss[i] : loss[i] - last[i]);
    }
  }
  std::vector<Mean> means;
  for (const auto& some : windows) means.emplace_back(some);
  return means;
}

/// A table in Markdown, and 13_long_reading.png.
inline bool report(Results& results, Index trained_length) {
  std::cout << "texts read under every rule so far:";
  for (const std::string& text : whole_texts(results)) std::cout << " " << text;
  const std::vector<Mean> last_alone = by_stretch(results, kLastAlone, trained_length);
  const std::size_t columns = last_alone.size();
  std::cout << "\n\n| loss, and what each rule adds to it";
  for (Index begin = 0; begin < static_cast<Index>(columns) * trained_length; begin += trained_length) {
    std::cout << " | " << begin << "-" << begin + trained_length - 1;
  }
  std::cout << " |\n|---";
  for (std::size_t i = 0; i < columns; ++i) std::cout << "|---";
  std::cout << "|\n" << std::fixed << std::setprecision(3);
  std::ofstream data("13_long_reading.dat");
  std::string curves;
  int index = 0;
  for (const std::string& rule : results.rules()) {
    const std::vector<Mean> means = by_stretch(results, rule, trained_length);
    std::cout << "| " << rule;
    for (const Mean& mean : means) std::cout << " | " << mean.value << " +- " << mean.error;
    std::cout << " |\n";
    if (rule == kLastAlone) continue;
    for (std::size_t i = 0; i < means.size(); ++i) {
      data << (static_cast<double>(i) + 0.5) * static_cast<double>(trained_length) << " " << means[i].value << " "
           << means[i].error << "\n";
    }
    data << "\n\n";
    curves += std::string(curves.empty() ? "" : ", ") + "'13_long_reading.dat' index " + std::to_string(index++) +
              " using 1:2:3 with yerrorlines lw 2 title '" + rule + "'";
  }
  std::cout << "| windows of " << kWindow;
  for (const Mean& mean : last_alone) std::cout << " | " << mean.count;
  std::cout << " |\n";
  data.close();
  if (curves.empty()) return true;
  return plot("13_long_reading", 900, 600,
              "set grid\nset xtics " + std::to_string(trained_length) +
                  "\nset xlabel 'position'\nset ylabel 'loss more than with the last " +
                  std::to_string(trained_length) + " alone [nat]'\nset key right center\nset xrange [0:*]\n" +
                  "set arrow from " + std::to_string(trained_length) + ", graph 0 to " +
                  std::to_string(trained_length) + ", graph 1 nohead dashtype 2\nplot 0 lc 'black' notitle, " + curves +
                  "\n");
}

}  // namespace long_reading

#endif  // POSENC_EXAMPLES_LONG_READING_HPP

// SPDX-License-Identifier: MIT
/// How well a model reads beyond the length that it was trained on, and a file of such results.
#ifndef POSENC_EXAMPLES_EXTRAPOLATION_RESULTS_HPP
#define POSENC_EXAMPLES_EXTRAPOLATION_RESULTS_HPP

#include "support/tales_training.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiny_transformer {

constexpr Index kTrained = 64;
constexpr Index kLongest = 16 * kTrained;
constexpr std::size_t kLengths = 5;    // tokens 0 to 63 of a long tale, 64 to 127, 128 to 255, ..., 512 to 1023
constexpr std::size_t kDistances = 7;  // clues 8 to 15 tokens back, 16 to 31, ..., 512 to 1023

/// A mean and its standard error.
struct Cell {
  double sum = 0, square = 0;
  int n = 0;

  void add(double value) {
    sum += value;
    square += value * value;
    ++n;
  }
  double mean() const { return n == 0 ? 0 : sum / n; }
  double standard_error() const { return n < 2 ? 0 : std::sqrt(std::max(0.0, square / n - mean() * mean()) / (n - 1)); }
};

/// Losses are those of a token, averaged over tales; recall is the share of words told before that are the likeliest.
struct Outcome {
  Cell loss_within, recall_within;  // tales of the trained length
  std::array<Cell, kLengths> loss;
  std::array<Cell, kDistances> recall;
};

/// Which doubling of `least` a number is in: 0 for less than 2 least.
inline std::size_t doubling(Index number, Index least) {
  std::size_t count = 0;
  for (; number >= 2 * least; number /= 2) ++count;
  return count;
}

/// Reads tales that no run reads, `block` tokens at a time, so that logits are made for some rows at once.
template <typename Scalar>
Outcome read_tales(Transformer<Scalar>& model, Encoding<Scalar>& encoding, const tales::Language& language,
                   int num_tales) {
  Outcome outcome;
  const auto read = [&](Index length, int first, int count, const auto& report) {
    constexpr Index block = 128;
    for (int n = 0; n < count; ++n) {
      const auto seed = static_cast<std::uint64_t>(first + n);  // below every seed of a run
      const Batch tale = make_batch(language, seed, 1, length);
      encoding.begin(length, seed);
      Cache<Scalar> cache;
      Eigen::ArrayXd losses(length);
      for (Index begin = 0; begin < length; begin += block) {
        const Index size = std::min(block, length - begin);
        const auto at = [&](const std::vector<int>& all) {
          return std::vector<int>(all.begin() + begin, all.begin() + begin + size);
        };
        Matrix<Scalar> logits = model.forward(at(tale.tokens), size, encoding, &cache);
        const std::vector<int> targets = at(tale.targets);
        std::vector<Index> likeliest(targets.size());
        for (Index i = 0; i < size; ++i) logits.row(i).maxCoeff(&likeliest[static_cast<std::size_t>(i)]);
        losses.segment(begin, size) = cross_entropy(logits, targets);
        for (std::size_t i = 0; i < targets.size(); ++i) {
          const int clue = tale.clues[static_cast<std::size_t>(begin) + i];
          if (clue > 0) report(static_cast<Index>(clue), likeliest[i] == targets[i]);
        }
      }
      report(losses);
    }
  };
  struct Within {
    Outcome& outcome;
    void operator()(Index, bool right) const { outcome.recall_within.add(right); }
    void operator()(const Eigen::ArrayXd& losses) const { outcome.loss_within.add(losses.mean()); }
  };
  struct Beyond {
    Outcome& outcome;
    void operator()(Index clue, bool right) const {
      outcome.recall[std::min(doubling(clue, 8), kDistances - 1)].add(right);
    }
    void operator()(const Eigen::ArrayXd& losses) const {
      outcome.loss[0].add(losses.head(kTrained).mean());
      for (std::size_t i = 1; i < kLengths; ++i) {
        const Index begin = kTrained << (i - 1);
        outcome.loss[i].add(losses.segment(begin, begin).mean());
      }
    }
  };
  read(kTrained, 0, 10 * num_tales, Within{outcome});
  read(kLongest, 1000000, num_tales, Beyond{outcome});
  return outcome;
}

// ---------------------------------------------------------------------------------------------------------------------
// The file: a line for each model that was read, with mean, standard error and n of each cell.

struct Result {
  std::string encoding;
  int seed = 0;
  double rate = 0;
  int steps = 0;
  double seconds = 0;  // of training
  struct Number {
    double mean = 0, standard_error = 0;
    int n = 0;
  };
  Number loss_within, recall_within;
  std::array<Number, kLengths> loss;
  std::array<Number, kDistances> recall;

  template <typename Visit>
  void each(const Visit& visit) {
    visit(loss_within, "loss_within_" + std::to_string(kTrained));
    visit(recall_within, "recall_within_" + std::to_string(kTrained));
    for (std::size_t i = 0; i < kLengths; ++i) visit(loss[i], "loss_to_" + std::to_string(kTrained << i));
    for (std::size_t i = 0; i < kDistances; ++i) visit(recall[i], "recall_from_" + std::to_string(8 << i));
  }
  void set(const Outcome& outcome) {
    const auto number = [](const Cell& cell) { return Number{cell.mean(), cell.standard_error(), cell.n}; };
    loss_within = number(outcome.loss_within);
    recall_within = number(outcome.recall_within);
    for (std::size_t i = 0; i < kLengths; ++i) loss[i] = number(outcome.loss[i]);
    for (std::size_t i = 0; i < kDistances; ++i) recall[i] = number(outcome.recall[i]);
  }
};

/// Appends a line, and the head of the file before the first.
inline void append(const std::string& path, Result result) {
  if (result.encoding.find(',') != std::string::npos) throw std::runtime_error("a name must have no comma");
  const bool is_new = !std::ifstream(path).good();
  std::ofstream file(path, std::ios::app);
  if (!file) throw std::runtime_error("cannot write " + path);
  if (is_new) {
    file << "encoding,seed,rate,steps,seconds";
    result.each([&](Result::Number&, const std::string& name) {
      file << ',' << name << ',' << name << "_se," << name << "_n";
    });
    file << '\n';
  }
  file << result.encoding << ',' << result.seed << ',' << result.rate << ',' << result.steps << ','
       << std::setprecision(4) << result.seconds;
  result.each([&](Result::Number& number, const std::string&) {
    file << ',' << number.mean << ',' << number.standard_error << ',' << number.n;
  });
  file << '\n';
}

/// The lines of a file, but for its head and those that begin with #; none where there is no file.
inline std::vector<Result> read_results(const std::string& path) {
  std::ifstream file(path);
  std::vector<Result> results;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#' || line.rfind("encoding,", 0) == 0) continue;
    std::istringstream stream(line);
    const auto next = [&] {
      std::string field;
      std::getline(stream, field, ',');
      return field;
    };
    Result result;
    result.encoding = next();
    result.seed = std::stoi(next());
    result.rate = std::stod(next());
    result.steps = std::stoi(next());
    result.seconds = std::stod(next());
    result.each([&](Result::Number& number, const std::string&) {
      number.mean = std::stod(next());
      number.standard_error = std::stod(next());
      number.n = std::stoi(next());
    });
    results.push_back(result);
  }
  return results;
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_EXTRAPOLATION_RESULTS_HPP

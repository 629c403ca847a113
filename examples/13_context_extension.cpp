// SPDX-License-Identifier: MIT
// A model reads eight times as far as it was trained, under each rule of context extension: the loss per token by
// position, and how often it knows a word that was told before, by the distance of the telling. The model is the one
// that example 14 trained on tales of 256 tokens (models/tales.bin); the tales here have 2,048, and it read none of
// them.
//
// Dynamic NTK changes the angles of every position as the text grows. The cached keys are left as they are once, as
// frameworks do, and follow with make_rescale_table() once. "the last 256" reads with unchanged angles and sees no
// farther than it was trained: what a rule has to beat.
//
// Prints (with a few digits more or less in the last place elsewhere):
//   loss per token at positions        0-256    256-512   512-1024  1024-1536  1536-2048
//     no change                         0.80       1.02       1.69       2.52       3.01
//     linear                            3.05       3.38       3.55       3.60       3.67
//     NTK-aware                         0.99       1.05       1.30       1.76       2.44
//     NTK mixed                         1.96       2.18       2.36       2.55       2.73
//     dynamic NTK, keys left            0.80       1.21       1.62       2.14       2.56
//     dynamic NTK, keys follow          0.80       0.92       1.28       1.97       2.46
//     YaRN                              1.05       1.11       1.36       1.45       1.46
//     Llama 3                           1.13       1.45       1.72       2.13       2.19
//     the last 256                      0.80       0.89       1.00       1.10       1.13
//   of words told before, it knows, told so many tokens ago
//                                    16    32    64   128   256   512  1024
//     no change                    0.26  0.36  0.31  0.22  0.11  0.04  0.05
//     linear                       0.12  0.10  0.06  0.09  0.06  0.05  0.05
//     NTK-aware                    0.24  0.26  0.26  0.26  0.20  0.16  0.11
//     NTK mixed                    0.20  0.19  0.20  0.19  0.16  0.11  0.09
//     dynamic NTK, keys left       0.28  0.25  0.25  0.22  0.19  0.14  0.09
//     dynamic NTK, keys follow     0.26  0.31  0.32  0.28  0.22  0.12  0.08
//     YaRN                         0.23  0.32  0.33  0.27  0.20  0.25  0.17
//     Llama 3                      0.20  0.21  0.19  0.22  0.17  0.13  0.12
//     the last 256                 0.67  0.83  0.65  0.34  0.07  0.06  0.08
//     words                          98   327   338   273   218   181    75
//   drew 13_context_extension.png
//   ok
//
// The chat model of example 16 reads texts of people to four times its trained 8,192 tokens in the same way:
//
//   13_context_extension SmolLM2-135M-Instruct.Q4_1.gguf results.csv text...
//
// That takes hours (preset train), on two cores; results.csv keeps what was read, a text under a rule at a time, and a
// run goes on from there. Without a text it prints the table and draws 13_long_reading.png.
//
// Linear scaling, YaRN and Llama 3's rule are meant to be trained on afterwards, which nobody did here. No rule reads
// the whole text as well as the model reads its last 256 tokens; what most of them buy is a part of the words told
// farther back than that. LongRoPE is not among the rules: its factors are found by a search with the model that they
// are for, and nobody searched for this one.
#include "posenc/posenc.hpp"

#include "support/byte_pair_encoding.hpp"
#include "support/gguf_file.hpp"
#include "support/gguf_llama.hpp"
#include "support/long_reading.hpp"
#include "support/plot.hpp"
#include "support/tales_model.hpp"
#include "support/weights_file.hpp"

#include <algorithm>
#include <exception>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#if !defined(POSENC_MODELS_DIR)
#define POSENC_MODELS_DIR "examples/models"
#endif

namespace {

using namespace tiny_transformer;
using posenc::Frequencies;
using posenc::PositionRange;

constexpr Index kTrained = 256;
constexpr Index kLength = 2048;
constexpr Index kChunk = 64;  // tokens read at a time: dynamic NTK is given room for so many
constexpr double kFactor = static_cast<double>(kLength) / kTrained;
constexpr int kNumTales = 12;
constexpr std::size_t kDoublings = 7;  // of the distance of a clue: 16 to 31 tokens, ..., 1,024 to 2,047

struct Rule {
  std::string name;
  Frequencies frequencies;   // up to the trained length, for a dynamic rule
  bool dynamic = false;      // grows with the text
  bool keys_follow = false;  // and its cached keys with it
  Index visible = kLength;   // keys that a query sees
};

std::vector<Rule> rules(Index head_dim) {
  const auto trained = posenc::geometric_frequencies(head_dim, 10000.0);
  posenc::YarnOptions yarn;
  yarn.factor = kFactor;
  yarn.original_max_position_embeddings = kTrained;
  posenc::Llama3Options llama3;
  llama3.factor = kFactor;
  llama3.original_max_position_embeddings = kTrained;
  return {{"no change", trained},
          {"linear", posenc::scale_linear(trained, kFactor)},
          {"NTK-aware", posenc::scale_ntk_aware(trained, kFactor)},
          {"NTK mixed", posenc::scale_ntk_mixed(trained, kFactor, 0.625)},
          {"dynamic NTK, keys left", trained, true, false},
          {"dynamic NTK, keys follow", trained, true, true},
          {"YaRN", posenc::scale_yarn(trained, yarn)},
          {"Llama 3", posenc::scale_llama3(trained, llama3)},
          {"the last 256", trained, false, false, kTrained}};
}

/// RoPE under a rule. The model's cache holds keys that are not rotated; here each is rotated as it was when it came,
/// which is what a cache of rotated keys holds, and then, where keys follow, to the angles of now.
class ExtendedRope : public Encoding<float> {
 public:
  ExtendedRope(const Rule& rule, posenc::RopeLayout layout) : rule_(rule), layout_(layout) {}

  /// Before the tokens first, ..., first + kChunk - 1 are read.
  void grow_to(Index length) {
    now_ = rule_.dynamic ? posenc::scale_dynamic_ntk(rule_.frequencies, {1.0, kTrained}, length) : rule_.frequencies;
    came_with_.push_back(now_);
    tables_.push_back(posenc::make_table<float>(now_, PositionRange(length - kChunk, kChunk)));
    rescale_.clear();
    for (std::size_t c = 0; rule_.keys_follow && c < tables_.size(); ++c) {
      rescale_.push_back(posenc::make_rescale_table<float>(
          came_with_[c], now_, PositionRange(static_cast<Index>(c) * kChunk, kChunk), tables_[c].id()));
    }
  }

  void rotate(Matrix<float>& q, Matrix<float>& k, const posenc::AttentionSpan& span) override {
    posenc::apply_rope(q, tables_.back(), layout_, posenc::each_sequence(kChunk));  // each head is a sequence
    const Index key_len = span.key_len();
    for (Index first = 0; first < k.rows(); first += kChunk) {
      const auto chunk = static_cast<std::size_t>(first % key_len / kChunk);
      auto keys = k.middleRows(first, kChunk);
      posenc::apply_rope(keys, tables_[chunk], layout_);
      if (rule_.keys_follow) posenc::apply_rope(keys, rescale_[chunk], layout_);
    }
  }

  void add_to_logits(Matrix<float>& logits, const Attention<float>& attention) override {
    const auto& span = attention.span();
    for (Index row = 0; row < logits.rows(); ++row) {
      const Index hidden = span.visible_keys(row % span.query_len()) - rule_.visible;
      if (hidden > 0) logits.row(row).head(hidden).setConstant(std::numeric_limits<float>::lowest());
    }
  }

 private:
  Rule rule_;
  posenc::RopeLayout layout_;
  Frequencies now_ = rule_.frequencies;
  std::vector<Frequencies> came_with_;  // for each chunk
  std::vector<posenc::FrequencyTable<float>> tables_, rescale_;
};

/// By position: the mean loss. By the doubling of the distance of the clue: how many words, how many known.
struct Reading {
  std::vector<double> loss = std::vector<double>(kLength, 0.0);
  std::vector<double> asked = std::vector<double>(kDoublings, 0.0);
  std::vector<double> known = std::vector<double>(kDoublings, 0.0);
};

Reading read(const tales::Language& language, const Rule& rule) {
  Transformer<float> model(tales_config(language), 1);
  read_weights(POSENC_MODELS_DIR "/tales.bin", model);
  Reading result;
  for (int n = 0; n < kNumTales; ++n) {
    const Batch tale = make_batch(language, static_cast<std::uint64_t>(n), 1, kLength);  // seeds that no training reads
    ExtendedRope rope(rule, posenc::RopeLayout::half_split(model.config().head_dim()));
    Cache<float> cache;
    for (Index first = 0; first < kLength; first += kChunk) {
      rope.grow_to(first + kChunk);
      const std::vector<int> tokens(tale.tokens.begin() + first, tale.tokens.begin() + first + kChunk);
      const std::vector<int> targets(tale.targets.begin() + first, tale.targets.begin() + first + kChunk);
      Matrix<float> logits = model.forward(tokens, kChunk, rope, &cache);
      for (Index i = 0; i < kChunk; ++i) {
        const int clue = tale.clues[static_cast<std::size_t>(first + i)];
        if (clue < 16) continue;
        std::size_t bin = 0;
        while (bin + 1 < kDoublings && clue >= 32 << bin) ++bin;
        Index likeliest = 0;
        logits.row(i).maxCoeff(&likeliest);
        result.asked[bin] += 1;
        result.known[bin] += likeliest == targets[static_cast<std::size_t>(i)] ? 1 : 0;
      }
      const Eigen::ArrayXd losses = cross_entropy(logits, targets);
      for (Index i = 0; i < kChunk; ++i) result.loss[static_cast<std::size_t>(first + i)] += losses[i] / kNumTales;
    }
  }
  return result;
}

double mean(const std::vector<double>& values, Index begin, Index end) {
  double sum = 0;
  for (Index i = begin; i < end; ++i) sum += values[static_cast<std::size_t>(i)];
  return sum / static_cast<double>(end - begin);
}

bool draw(const std::vector<Rule>& all, const std::vector<Reading>& readings) {
  constexpr Index window = 128;  // smoothed over so many positions
  std::ofstream data("13_context_extension.dat");
  for (Index begin = 0; begin + window <= kLength; begin += window / 4) {
    data << begin + window / 2;
    for (const Reading& reading : readings) data << " " << mean(reading.loss, begin, begin + window);
    data << "\n";
  }
  data << "\n\n";
  for (std::size_t bin = 0; bin < kDoublings; ++bin) {
    data << (16 << bin) * 1.4;  // the middle of its doubling
    for (const Reading& reading : readings) data << " " << reading.known[bin] / reading.asked[bin];
    data << "\n";
  }
  data.close();
  std::string commands =
      "set multiplot layout 1,2 title 'A model trained on 256 positions reads 2,048'\n"
      "set linetype 8 linecolor 'brown'\nset grid\nset xlabel 'position'\nset ylabel 'loss per token [nat], mean over "
      "128 positions'\n"
      "set yrange [0:6]\nset xtics 256\nset key top left maxrows 5 samplen 2 font ',11' opaque\n"
      "set arrow from 256, graph 0 to 256, graph 1 nohead dashtype 2\n";
  for (int half = 0; half < 2; ++half) {
    if (half == 1) {
      commands +=
          "set xlabel 'distance of the telling [tokens]'\nset ylabel 'share of words told before that it knows'\n"
          "set logscale x 2\nset xrange [16:2048]\nset xtics auto\nset yrange [0:1]\nunset key\n";
    }
    commands += "plot ";
    for (std::size_t rule = 0; rule < all.size(); ++rule) {
      commands += std::string(rule == 0 ? "" : ", ") + "'13_context_extension.dat' index " + std::to_string(half) +
                  " using 1:" + std::to_string(2 + rule) + (half == 0 ? " with lines" : " with linespoints") +
                  (rule + 1 == all.size() ? " linecolor 'black'" : "") + " linewidth 2 title '" + all[rule].name + "'";
    }
    commands += "\n";
  }
  return plot("13_context_extension", 1400, 600, commands + "unset multiplot\n");
}

int run() {
  const tales::Language language;
  const std::vector<Rule> all = rules(tales_config(language).head_dim());
  std::vector<std::future<Reading>> pending;
  for (const Rule& rule : all) {
    pending.push_back(std::async(std::launch::async, [&language, &rule] { return read(language, rule); }));
  }
  std::vector<Reading> readings;
  for (auto& reading : pending) readings.push_back(reading.get());

  std::cout << std::fixed << std::setprecision(2) << "loss per token at positions  ";
  const std::vector<Index> bounds = {0, 256, 512, 1024, 1536, 2048};
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    std::cout << std::setw(11) << std::to_string(bounds[i]) + "-" + std::to_string(bounds[i + 1]);
  }
  for (std::size_t rule = 0; rule < all.size(); ++rule) {
    std::cout << "\n  " << std::left << std::setw(27) << all[rule].name << std::right;
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      std::cout << std::setw(11) << mean(readings[rule].loss, bounds[i], bounds[i + 1]);
    }
  }
  std::cout << "\nof words told before, it knows, told so many tokens ago\n" << std::setw(29) << "";
  for (const int least : {16, 32, 64, 128, 256, 512, 1024}) std::cout << std::setw(6) << least;
  for (std::size_t rule = 0; rule < all.size(); ++rule) {
    std::cout << "\n  " << std::left << std::setw(27) << all[rule].name << std::right;
    for (std::size_t bin = 0; bin < kDoublings; ++bin) {
      std::cout << std::setw(6) << readings[rule].known[bin] / readings[rule].asked[bin];
    }
  }
  std::cout << "\n  " << std::left << std::setw(27) << "words" << std::right << std::setprecision(0);
  for (std::size_t bin = 0; bin < kDoublings; ++bin) std::cout << std::setw(6) << readings[0].asked[bin];
  std::cout << "\n";
  bool good = draw(all, readings);

  // What holds whatever the text: a dynamic rule changes nothing up to the trained length, and beyond needs its keys.
  const auto expect = [&](bool holds, const char* what) {
    if (!holds) std::cout << "FAILED: " << what << "\n";
    good = good && holds;
  };
  enum { kNoChange, kLinear, kNtkAware, kNtkMixed, kLeft, kFollow, kYarn, kLlama3, kLast };
  const auto loss = [&](std::size_t rule, Index begin, Index end) { return mean(readings[rule].loss, begin, end); };
  expect(loss(kLeft, 0, kTrained) == loss(kNoChange, 0, kTrained), "dynamic NTK is no change within 256");
  expect(loss(kFollow, kTrained, kLength) + 0.1 < loss(kLeft, kTrained, kLength), "keys must follow their rule");
  expect(loss(kFollow, kLength / 2, kLength) < loss(kNoChange, kLength / 2, kLength), "the rule must help");
  std::cout << (good ? "ok\n" : "");
  return good ? 0 : 1;
}

/// A chat model instead: the file, the results, texts.
int read_long(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) throw std::runtime_error("13_context_extension model.gguf results.csv text...");
  const gguf::File file = gguf::read_file(arguments[0]);
  const byte_pair::Tokenizer tokenizer(file);
  const gguf_llama::Model model = gguf_llama::read_model(file);
  long_reading::Results results(arguments[1]);
  const Index length = 4 * model.trained_length;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    std::ifstream stream(arguments[i], std::ios::binary);
    std::vector<int> tokens = tokenizer.encode(std::string(std::istreambuf_iterator<char>(stream), {}));
    if (static_cast<Index>(tokens.size()) <= length) throw std::runtime_error(arguments[i] + " is too short");
    tokens.resize(static_cast<std::size_t>(length) + 1);
    long_reading::read_text(model, results, arguments[i], tokens, model.trained_length);
  }
  return long_reading::report(results, model.trained_length) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc > 1 ? read_long({argv + 1, argv + argc}) : run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

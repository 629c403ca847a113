// SPDX-License-Identifier: MIT
// A model reads four times as far as it was trained, under each rule of context extension: the loss per token (mean
// -ln p of the next token), position by position, of the tiny Llama of example 10 (trained on 512 positions).
//
//   13_context_extension [folder with stories260K.bin and tok512.bin]
//
// Two texts: stories that the model itself tells, one after the other, and one long story (support/long_story.hpp).
// Dynamic NTK changes the angles of every position as the text grows. Its cached keys are left as they are once, as
// frameworks do, and follow with make_rescale_table() once.
//
// What so small a model can show: whether angles that it never saw upset its attention. It has 260,000 parameters, 4
// pairs to a head, and guesses the next piece of a word mostly from the sentence at hand, so it cannot show that
// anything far away is *used*. A bin of 512 tokens has a standard error of some 0.07. Linear scaling needs training on
// the new positions, which nobody gave it here.
//
// Prints (with a few digits more or less in the last place elsewhere):
//   loss per token by position, trained on 512
//   stories of its own         0-256     256-512    512-1024   1024-1536   1536-2048
//   no change                   1.35        1.47        1.43        1.68        2.01
//   linear                      3.63        3.56        3.45        3.47        3.73
//   NTK-aware                   1.52        1.62        1.46        1.58        1.74
//   dynamic NTK                 1.35        1.47        3.61        3.78        4.09
//   dynamic, rescaled           1.35        1.47        1.42        1.53        1.67
//   YaRN                        1.68        1.88        1.68        1.75        1.86
//
//   a long story               0-256     256-512    512-1024   1024-1536   1536-2048
//   no change                   1.20        1.46        1.67        1.81        2.22
//   linear                      2.82        3.35        3.49        3.73        3.60
//   NTK-aware                   1.28        1.57        1.79        1.65        1.84
//   dynamic NTK                 1.20        1.46        3.69        4.07        4.10
//   dynamic, rescaled           1.20        1.46        1.63        1.62        1.77
//   YaRN                        1.36        1.70        1.94        1.74        1.83
//   drew 13_context_extension.png
//   ok
#include "posenc/posenc.hpp"

#include "support/long_story.hpp"
#include "support/plot.hpp"
#include "support/tiny_llama.hpp"
#include "support/tiny_llama_encode.hpp"

#include <cmath>
#include <cstdint>
#include <exception>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

using posenc::Frequencies;
using tiny_llama::Model;
using tiny_llama::RotaryEmbedding;

constexpr int kTrained = 512;
constexpr int kLength = 2048;
constexpr double kFactor = static_cast<double>(kLength) / kTrained;
constexpr int kGrowth = 64;  // dynamic NTK is given room for so many tokens at a time

struct Rule {
  std::string name;
  Frequencies frequencies;    // up to the trained length, for a dynamic rule
  bool dynamic = false;       // grows with the text
  bool rescale_keys = false;  // and its cached keys follow
};

std::vector<Rule> rules(int head_dim) {
  const auto trained = posenc::geometric_frequencies(head_dim, 10000.0);
  posenc::YarnOptions yarn;
  yarn.factor = kFactor;
  yarn.original_max_position_embeddings = kTrained;
  return {{"no change", trained},
          {"linear", posenc::scale_linear(trained, kFactor)},
          {"NTK-aware", posenc::scale_ntk_aware(trained, kFactor)},
          {"dynamic NTK", trained, true, false},
          {"dynamic, rescaled", trained, true, true},
          {"YaRN", posenc::scale_yarn(trained, yarn)}};
}

/// -ln p(next token) after each token of `tokens`.
std::vector<double> losses(const Model& model, const Rule& rule, const std::vector<int>& tokens) {
  tiny_llama::Cache cache(model.config);
  const auto layout = posenc::RopeLayout::interleaved(model.config.head_dim());
  Frequencies frequencies = rule.frequencies;
  RotaryEmbedding rope{posenc::make_table<float>(frequencies, posenc::PositionRange(0, kLength)), layout};
  std::vector<double> result;
  for (int position = 0; position + 1 < static_cast<int>(tokens.size()); ++position) {
    if (rule.dynamic && position >= kTrained && position % kGrowth == 0) {
      const Frequencies longer = posenc::scale_dynamic_ntk(rule.frequencies, 1.0, kTrained, position + kGrowth);
      if (rule.rescale_keys) {
        const auto table =
            posenc::make_rescale_table<float>(frequencies, longer, posenc::PositionRange(0, position), rope.table.id());
        for (auto& keys : cache.keys) posenc::apply_rope(keys.topRows(position), table, layout);
      }
      frequencies = longer;
      posenc::fill_table(rope.table, frequencies, posenc::PositionRange(0, kLength));
    }
    const std::size_t t = static_cast<std::size_t>(position);
    const Eigen::RowVectorXd logits = tiny_llama::forward(model, rope, cache, tokens[t], position).cast<double>();
    const double highest = logits.maxCoeff();
    result.push_back(highest + std::log((logits.array() - highest).exp().sum()) - logits[tokens[t + 1]]);
  }
  return result;
}

/// Stories as the model tells them, drawn token by token, each within the trained length.
std::vector<int> tell_stories(const Model& model, std::uint64_t seed) {
  const auto rope = tiny_llama::rotary_embedding(model.config);
  std::mt19937_64 random(seed);
  std::vector<int> tokens;
  while (static_cast<int>(tokens.size()) < kLength + 1) {
    tiny_llama::Cache cache(model.config);
    int token = tiny_llama::kBeginOfStory;
    for (int position = 0; position < kTrained; ++position) {
      tokens.push_back(token);
      const tiny_llama::Vector logits = tiny_llama::forward(model, rope, cache, token, position);
      const Eigen::ArrayXf p = (logits.array() - logits.maxCoeff()).exp();
      double left = static_cast<double>(random() >> 11) * 0x1p-53 * static_cast<double>(p.sum());
      for (token = 0; token + 1 < p.size() && left >= static_cast<double>(p[token]); ++token) {
        left -= static_cast<double>(p[token]);
      }
      if (token == tiny_llama::kBeginOfStory) break;
    }
  }
  tokens.resize(kLength + 1);
  return tokens;
}

double mean(const std::vector<double>& values, int begin, int end) {
  double sum = 0;
  for (int i = begin; i < end; ++i) sum += values[static_cast<std::size_t>(i)];
  return sum / (end - begin);
}

constexpr int kBounds[] = {0, 256, 512, 1024, 1536, 2048};

int run(const std::string& folder) {
  Model model = tiny_llama::read_model(folder + "/stories260K.bin");
  const auto tokenizer = tiny_llama::read_tokenizer(folder + "/tok512.bin", model.config.vocab_size);
  model.config.seq_len = kLength;  // room in the cache

  std::vector<int> written{tiny_llama::kBeginOfStory};
  const std::vector<int> story = tiny_llama::encode(tokenizer, long_story());
  written.insert(written.end(), story.begin(), story.end());
  if (static_cast<int>(written.size()) <= kLength) throw std::runtime_error("the story is too short");
  written.resize(kLength + 1);
  const std::vector<std::vector<int>> told = {tell_stories(model, 1), tell_stories(model, 2)};

  // For each rule the mean over the stories of its own, then the long story; rules side by side.
  const std::vector<Rule> all = rules(model.config.head_dim());
  std::vector<std::future<std::vector<std::vector<double>>>> results;
  for (const Rule& rule : all) {
    results.push_back(std::async(std::launch::async, [&model, &told, &written, &rule] {
      std::vector<double> own(kLength, 0.0);
      for (const auto& text : told) {
        const std::vector<double> loss = losses(model, rule, text);
        for (std::size_t i = 0; i < own.size(); ++i) own[i] += loss[i] / static_cast<double>(told.size());
      }
      return std::vector<std::vector<double>>{own, losses(model, rule, written)};
    }));
  }
  std::vector<std::vector<double>> curves;
  for (auto& result : results) {
    for (const auto& curve : result.get()) curves.push_back(curve);
  }

  std::cout << "loss per token by position, trained on " << kTrained << std::fixed << std::setprecision(2);
  for (std::size_t text = 0; text < 2; ++text) {
    std::cout << "\n"
              << std::left << std::setw(20) << (text == 0 ? "stories of its own" : "a long story") << std::right;
    for (int bin = 0; bin < 5; ++bin) {
      std::cout << std::setw(12) << (std::to_string(kBounds[bin]) + "-" + std::to_string(kBounds[bin + 1]));
    }
    for (std::size_t rule = 0; rule < all.size(); ++rule) {
      std::cout << "\n" << std::left << std::setw(20) << all[rule].name << std::right;
      for (int bin = 0; bin < 5; ++bin) {
        std::cout << std::setw(12) << mean(curves[2 * rule + text], kBounds[bin], kBounds[bin + 1]);
      }
    }
    std::cout << "\n";
  }

  constexpr int window = 128;  // smoothed over so many positions
  std::ofstream data("13_context_extension.dat");
  for (int begin = 0; begin + window <= kLength; begin += window / 4) {
    data << begin + window / 2;
    for (const auto& curve : curves) data << " " << mean(curve, begin, begin + window);
    data << "\n";
  }
  data.close();
  std::string commands =
      "set multiplot layout 1,2 title 'A model trained on 512 positions reads on'\n"
      "set xlabel 'position'\nset ylabel 'loss per token [nat], mean over 128 positions'\nset yrange [0:6]\n"
      "set xtics 512\nset grid\nset key top center maxrows 3 opaque\n"
      "set arrow from 512, graph 0 to 512, graph 1 nohead dashtype 2\n";
  for (int text = 0; text < 2; ++text) {
    commands += std::string("set title '") + (text == 0 ? "stories of its own" : "a long story") + "'\nplot ";
    for (std::size_t rule = 0; rule < all.size(); ++rule) {
      commands += std::string(rule == 0 ? "" : ", ") +
                  "'13_context_extension.dat' using 1:" + std::to_string(2 + 2 * static_cast<int>(rule) + text) +
                  " with lines linewidth 2 title '" + all[rule].name + "'";
    }
    commands += "\n";
  }
  bool good = plot("13_context_extension", 1300, 550, commands + "unset multiplot\n");

  // What holds whatever the text: a dynamic rule changes nothing up to the trained length, and beyond it needs its
  // keys.
  const auto expect = [&](bool holds, const char* what) {
    if (!holds) std::cout << "FAILED: " << what << "\n";
    good = good && holds;
  };
  enum { kNoChange, kLinear, kNtkAware, kDynamic, kRescaled, kYarn };
  for (std::size_t text = 0; text < 2; ++text) {
    const auto loss = [&](std::size_t rule, int begin, int end) { return mean(curves[2 * rule + text], begin, end); };
    expect(loss(kDynamic, 0, kTrained) == loss(kNoChange, 0, kTrained), "dynamic NTK is no change within 512");
    expect(loss(kRescaled, kTrained, kLength) + 0.5 < loss(kDynamic, kTrained, kLength), "keys must follow their rule");
    expect(loss(kRescaled, 3 * kTrained, kLength) < loss(kNoChange, 3 * kTrained, kLength), "the rule must help");
  }
  std::cout << (good ? "ok\n" : "");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = argc > 1 ? argv[1] : "";
#if defined(POSENC_DATA_DIR)
  if (argc <= 1) folder = POSENC_DATA_DIR "/stories260K";
#endif
  if (!std::ifstream(folder + "/stories260K.bin")) {
    std::cerr << "no stories260K.bin in '" << folder
              << "': give the folder stories260K of karpathy/tinyllamas as argument\n";
    return argc > 1 ? 1 : 0;
  }
  try {
    return run(folder);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

// SPDX-License-Identifier: MIT
// Which encoding of positions reads beyond the length it was trained on? The Transformer of example 14, once for each
// encoding and seed, is trained on tales of 64 tokens and reads tales of 1,024. Without arguments it compares four
// encodings for a few steps, to show that the program works: those numbers mean nothing.
//
//   cmake --workflow --preset train
//   build/train/examples/15_extrapolation results.csv [--minutes 60] [--only RoPE] [--steps 6000] [--rate 0.003]
//   build/train/examples/15_extrapolation results.csv --report
//
// The first form adds a line for each encoding and seed that the file lacks, so that a run that was ended goes on; all
// of them take some two hours on one core with AVX-512. The second prints the tables of README.md and draws
// 15_extrapolation.png. results/extrapolation.csv is such a file.
//
// Every encoding gets the same: 3,000 steps of 1,024 tokens, three seeds for weights and tales, and of three learning
// rates the one with the least loss within 64 tokens after 600 steps with a seed of its own. Losses and recall are
// those of tales that no run reads, with the standard error over tales (loss) and over words (recall). --steps
// and --rate give every encoding another budget, for a file of its own.
#include "posenc/posenc.hpp"

#include "support/content_encodings.hpp"
#include "support/extrapolation_encodings.hpp"
#include "support/extrapolation_report.hpp"
#include "support/extrapolation_results.hpp"
#include "support/tales_training.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace tiny_transformer;
using posenc::RopeLayout;
using EncodingF = Encoding<float>;
using MakeEncoding = std::function<std::unique_ptr<EncodingF>(std::uint64_t seed)>;
using Clock = std::chrono::steady_clock;

constexpr Index kWidth = 96;
constexpr Index kHeads = 6;
constexpr Index kHeadDim = kWidth / kHeads;
constexpr int kSteps = 3000;      // of 1024 tokens
constexpr int kShortSteps = 600;  // of the runs that choose the learning rate
constexpr int kTales = 40;        // of 1024 tokens, that are read afterwards

struct Candidate {
  std::string name;
  MakeEncoding make;
};

Matrix<float> digits(int base, Index columns) {
  Matrix<float> codes(kLongest, columns);
  posenc::encode_digits(codes, base, posenc::PositionRange(0, kLongest));
  return codes;
}

std::unique_ptr<EncodingF> rotary(const posenc::Frequencies& frequencies) {
  return std::make_unique<Rotary<float>>(RopeLayout::half_split(kHeadDim),
                                         posenc::make_table<float>(frequencies, posenc::PositionRange(0, kLongest)));
}

std::vector<Candidate> candidates() {
  const RopeLayout whole = RopeLayout::half_split(kHeadDim);
  const auto plain = [] { return posenc::geometric_frequencies(kHeadDim, 10000.0); };
  std::vector<Candidate> all;
  const auto add = [&](const std::string& name, const auto& make) {
    all.push_back({name, [=](std::uint64_t seed) { return std::unique_ptr<EncodingF>(make(seed)); }});
  };
  using Seed = std::uint64_t;
  add("none", [](Seed) { return std::make_unique<EncodingF>(); });
  add("integer", [](Seed seed) {
    Matrix<float> codes(kLongest, 1);
    posenc::encode_integers(codes, 1.0 / static_cast<double>(kTrained), posenc::PositionRange(0, kLongest));
    return std::make_unique<ProjectedCode<float>>(codes, kWidth, seed);
  });
  add("binary digits", [](Seed s) { return std::make_unique<ProjectedCode<float>>(digits(2, 10), kWidth, s); });
  add("decimal digits", [](Seed s) { return std::make_unique<ProjectedCode<float>>(digits(10, 4), kWidth, s); });
  add("sinusoidal", [](Seed) { return std::make_unique<Sinusoidal<float>>(kWidth); });
  add("sinusoidal randomized",
      [](Seed) { return std::make_unique<RandomizedSinusoidal<float>>(kWidth, 2 * kLongest); });
  add("learned clamped", [](Seed s) { return std::make_unique<Learned<float>>(kTrained, kWidth, s); });
  add("learned hierarchical",
      [](Seed s) { return std::make_unique<Learned<float>>(kTrained, kWidth, s, posenc::Overflow::hierarchical); });
  add("Shaw", [](Seed s) { return std::make_unique<Shaw<float>>(posenc::DistanceClip::symmetric(16), kHeadDim, s); });
  add("T5", [](Seed s) { return std::make_unique<T5<float>>(posenc::T5Buckets(32, 64, false), kHeads, s); });
  add("ALiBi", [](Seed) { return std::make_unique<Alibi<float>>(kHeads); });
  add("KERPLE log", [](Seed) { return std::make_unique<KerpleLog<float>>(kHeads); });
  add("Sandwich", [](Seed) { return std::make_unique<Sandwich<float>>(kHeads, kHeadDim); });
  add("FIRE", [](Seed s) { return std::make_unique<Fire<float>>(kHeads, 32, 16.0, s); });
  add("Transformer-XL", [](Seed s) { return std::make_unique<TransformerXl<float>>(kWidth, kHeads, s); });
  add("CoPE", [](Seed s) { return std::make_unique<Cope<float>>(kTrained, kHeadDim, s); });
  add("RoPE", [=](Seed) { return rotary(plain()); });
  add("RoPE randomized", [=](Seed) { return std::make_unique<RandomizedRotary<float>>(whole, 2 * kLongest); });
  add("xPos", [=](Seed) { return std::make_unique<Rotary<float>>(make_xpos<float>(whole, kLongest)); });
  add("RoPE half of the head", [=](Seed) {
    return std::make_unique<Rotary<float>>(RopeLayout::half_split(kHeadDim).prefix(kHeadDim / 2), kLongest);
  });
  add("p-RoPE", [=](Seed) { return rotary(posenc::scale_proportional(plain(), 0.75)); });
  return all;
}

/// What is done to a trained RoPE model before it reads long tales.
std::vector<Candidate> rope_afterwards(EncodingF& rope) {
  const RopeLayout whole = RopeLayout::half_split(kHeadDim);
  const double factor = static_cast<double>(kLongest / kTrained);
  const auto plain = posenc::geometric_frequencies(kHeadDim, 10000.0);
  posenc::YarnOptions yarn;
  yarn.factor = factor;
  yarn.original_max_position_embeddings = kTrained;
  std::vector<Candidate> all;
  const auto add = [&](const std::string& name, const auto& make) {
    all.push_back({"RoPE then " + name, [=](std::uint64_t) { return std::unique_ptr<EncodingF>(make()); }});
  };
  add("linear", [=] { return rotary(posenc::scale_linear(plain, factor)); });
  add("YaRN", [=] { return rotary(posenc::scale_yarn(plain, yarn)); });
  add("linear tuned", [=] { return rotary(posenc::scale_linear(plain, factor)); });
  add("YaRN tuned", [=] { return rotary(posenc::scale_yarn(plain, yarn)); });
  add("NTK-aware", [=] { return rotary(posenc::scale_ntk_aware(plain, factor)); });
  add("dynamic NTK", [=] { return std::make_unique<DynamicRotary<float>>(whole, kTrained); });
  add("ReRoPE", [=] { return std::make_unique<SeveralPasses<float>>(whole, kLongest, rerope(kTrained / 2)); });
  add("Self-Extend", [=] {  // 32 + (1024 - 32) / 32 = 63 positions
    return std::make_unique<SeveralPasses<float>>(whole, kLongest, self_extend(32, kTrained / 2));
  });
  add("dual chunks", [=] {
    return std::make_unique<SeveralPasses<float>>(whole, kLongest, dual_chunks(kTrained - 1, kTrained / 4 - 1));
  });
  add("the last 64 tokens alone", [&rope] { return std::make_unique<LastTokens<float>>(rope, kTrained); });
  return all;
}

struct Trained {
  Transformer<float> model;
  std::unique_ptr<EncodingF> encoding;
  double seconds = 0;
};

Trained train_one(const tales::Language& language, const MakeEncoding& make, int seed, double rate, int steps) {
  const auto weights = 1000 * static_cast<std::uint64_t>(seed + 1);
  Trained trained{{{static_cast<Index>(language.words().size()), kWidth, kHeads, 2 * kWidth, 2}, weights},
                  make(weights + 500)};
  TrainingOptions options;
  options.steps = steps;
  options.batch = 16;
  options.seq_len = kTrained;
  options.clue_weight = 10;
  options.rate = rate;
  options.short_tales_first = false;
  options.seed = static_cast<std::uint64_t>(seed + 1);
  const auto start = Clock::now();
  train(trained.model, *trained.encoding, language, options, [](int, double) {});
  trained.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return trained;
}

bool is_tuned(const Candidate& changed) { return changed.name.find("tuned") != std::string::npos; }

/// Some steps more, on tales of the long length, with the rule on.
Transformer<float> tune(Transformer<float> model, EncodingF& encoding, const tales::Language& language, int seed,
                        double rate, int steps) {
  TrainingOptions options;
  options.steps = steps;
  options.batch = 1;
  options.seq_len = kLongest;
  options.clue_weight = 10;
  options.rate = rate / 3;
  options.warm_up = 10;
  options.short_tales_first = false;
  options.seed = static_cast<std::uint64_t>(seed + 101);
  train(model, encoding, language, options, [](int, double) {});
  return model;
}

/// Of three learning rates the one with the least loss within the length, by a short run each; or the one of before.
double choose_rate(const tales::Language& language, const Candidate& candidate, const std::vector<Result>& before) {
  for (const Result& result : before) {
    if (result.encoding == candidate.name) return result.rate;
  }
  double best_rate = 0, best_loss = 1e9;
  for (const double rate : {1e-3, 3e-3, 1e-2}) {
    Trained trained = train_one(language, candidate.make, 1000, rate, kShortSteps);
    const double loss = measure(trained.model, *trained.encoding, language, 200, kTrained).loss;
    if (loss < best_loss) {
      best_loss = loss;
      best_rate = rate;
    }
  }
  return best_rate;
}

struct Budget {
  double minutes = 1e9;
  std::string only;  // an encoding, or all
  int steps = kSteps;
  double rate = 0;  // 0: chosen for each encoding
};

int run_all(const std::string& path, const Budget& budget) {
  const tales::Language language;
  const auto start = Clock::now();
  bool known = false;
  for (int seed = 0; seed < 3; ++seed) {
    for (const Candidate& candidate : candidates()) {
      if (!budget.only.empty() && candidate.name != budget.only) continue;
      known = true;
      if (std::chrono::duration<double>(Clock::now() - start).count() > 60 * budget.minutes) return 0;
      const std::vector<Result> before = read_results(path);
      const auto is_there = [&](const std::string& name) {
        return std::any_of(before.begin(), before.end(),
                           [&](const Result& r) { return r.encoding == name && r.seed == seed; });
      };
      if (is_there(candidate.name)) continue;
      const double rate = budget.rate > 0 ? budget.rate : choose_rate(language, candidate, before);
      Trained trained = train_one(language, candidate.make, seed, rate, budget.steps);
      const auto report = [&](const std::string& name, Transformer<float>& model, EncodingF& encoding) {
        Result result;
        result.encoding = name;
        result.seed = seed;
        result.rate = rate;
        result.steps = budget.steps;
        result.seconds = trained.seconds;
        result.set(read_tales(model, encoding, language, kTales));
        append(path, result);
        std::cout << std::left << std::setw(36) << name << std::right << " seed " << seed << "  rate " << rate
                  << std::fixed << std::setprecision(3) << "  loss " << result.loss_within.mean << " within, "
                  << result.loss[kLengths - 1].mean << " at the end, recall " << result.recall_within.mean << ", "
                  << std::setprecision(0) << trained.seconds << " s" << std::defaultfloat << std::setprecision(6)
                  << std::endl;
      };
      if (candidate.name == "RoPE") {  // its own line comes last, so that a run that was ended does all of it again
        for (const Candidate& after : rope_afterwards(*trained.encoding)) {
          if (is_there(after.name)) continue;
          const auto changed = after.make(0);
          Transformer<float> model = trained.model;
          if (is_tuned(after)) model = tune(model, *changed, language, seed, rate, budget.steps / 20);  // 5 %
          report(after.name, model, *changed);
        }
      }
      report(candidate.name, trained.model, *trained.encoding);
    }
  }
  if (known) return 0;
  std::cerr << "--only takes one of:";
  for (const Candidate& candidate : candidates()) std::cerr << " '" << candidate.name << "'";
  std::cerr << "\n";
  return 1;
}

/// Four encodings, so short that nothing is learned but the losses fall; of the others one step, to see that they run.
int run_quickly() {
  const tales::Language language;
  bool ok = true;
  const auto runs = [&](const std::string& name, Transformer<float>& model, EncodingF& encoding) {
    const Outcome outcome = read_tales(model, encoding, language, 1);
    const bool finite = std::isfinite(outcome.loss_within.mean()) && std::isfinite(outcome.loss[4].mean());
    if (!finite) std::cout << "FAILED: " << name << "\n";
    ok = ok && finite;
  };
  for (const Candidate& candidate : candidates()) {
    Trained before = train_one(language, candidate.make, 0, 3e-3, 1);
    if (candidate.name != "none" && candidate.name != "sinusoidal" && candidate.name != "ALiBi" &&
        candidate.name != "RoPE") {
      runs(candidate.name, before.model, *before.encoding);
      continue;
    }
    Trained after = train_one(language, candidate.make, 0, 3e-3, 40);
    const Outcome first = read_tales(before.model, *before.encoding, language, 1);
    const Outcome last = read_tales(after.model, *after.encoding, language, 1);
    std::cout << std::left << std::setw(12) << candidate.name << std::right << std::fixed << std::setprecision(2)
              << "loss within 64 tokens " << first.loss_within.mean() << " -> " << last.loss_within.mean()
              << ", of tokens 512 to 1023 " << first.loss[4].mean() << " -> " << last.loss[4].mean() << "\n";
    ok = ok && last.loss_within.mean() < first.loss_within.mean() - 1;
    if (candidate.name != "RoPE") continue;
    for (const Candidate& changed : rope_afterwards(*after.encoding)) {
      const auto encoding = changed.make(0);
      Transformer<float> model = after.model;
      if (is_tuned(changed)) model = tune(model, *encoding, language, 0, 3e-3, 1);
      runs(changed.name, model, *encoding);
    }
  }
  std::cout << (ok ? "ok: after 40 steps every loss falls; what they mean takes 3000\n"
                   : "FAILED: a loss does not fall\n");
  return ok ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    if (argc < 2) return run_quickly();
    Budget budget;
    for (int i = 2; i < argc; i += 2) {
      const std::string option = argv[i];
      if (option == "--report") return report_results(read_results(argv[1]));
      const char* const value = i + 1 < argc ? argv[i + 1] : "";
      if (option == "--minutes") budget.minutes = std::atof(value);
      if (option == "--only") budget.only = value;
      if (option == "--steps") budget.steps = std::atoi(value);
      if (option == "--rate") budget.rate = std::atof(value);
      const bool known = option == "--minutes" || option == "--only" || option == "--steps" || option == "--rate";
      if (*value != '\0' && known && budget.steps > 0) continue;
      std::cerr << "15_extrapolation results.csv [--minutes number] [--only encoding] [--steps number] [--rate number] "
                   "[--report]\n";
      return 1;
    }
    return run_all(argv[1], budget);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

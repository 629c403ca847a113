// SPDX-License-Identifier: MIT
// Trains a language model from nothing, with RoPE and the gradients of this library: 250,000 parameters, plain Eigen
// (support/tiny_transformer.hpp), on tales that a grammar tells (support/tales.hpp). Without arguments it takes a few
// steps, to show that the loss falls.
//
//   cmake --workflow --preset train
//   build/train/examples/14_train_language_model [steps [file for the weights]]
//
// The weights of example 10 are those of `14_train_language_model 7000 examples/models/tales.bin`: seven minutes on one
// core with AVX-512. It printed, among others:
//   250080 parameters, 7000 steps of 1024 tokens
//   step    350   loss 1.686   9465 tokens/s
//   step   2800   loss 0.816   15329 tokens/s      so far tales of 64 tokens, from here on of 128
//   step   4900   loss 0.755   16853 tokens/s      from here on of 256
//   step   7000   loss 0.777   16703 tokens/s
//   on tales that it did not read: loss 0.768, of words told before 1.067, 0.608 of 541 right
#include "posenc/posenc.hpp"

#include "support/tales_model.hpp"
#include "support/tales_training.hpp"
#include "support/weights_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>

using namespace tiny_transformer;

int run(int steps, const std::string& path) {
  const tales::Language language;
  Transformer<float> model(tales_config(language), 1);
  const auto rope = tales_rope<float>(posenc::RopePairs::half_split);

  Index num_parameters = 0;
  for (const auto* parameter : model.parameters()) num_parameters += parameter->value.size();
  TrainingOptions options;
  options.steps = steps;
  std::cout << num_parameters << " parameters, " << steps << " steps of " << options.batch * options.seq_len
            << " tokens\n"
            << std::fixed << std::setprecision(3);

  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const int every = std::max(1, steps / 20);
  double sum = 0, first = 0, last = 0;
  train(model, *rope, language, options, [&](int step, double loss) {
    sum += loss;
    if (step == 0) first = loss;
    if ((step + 1) % every != 0) return;
    last = sum / every;
    sum = 0;
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double tokens = static_cast<double>((step + 1) * options.batch * options.seq_len);
    std::cout << "step " << std::setw(6) << step + 1 << "   loss " << last << "   " << std::setprecision(0)
              << tokens / seconds << " tokens/s" << std::setprecision(3) << std::endl;
  });

  if (!path.empty()) write_weights(path, model);  // rounds them, so that what follows is said of the file
  const Score score = measure(model, *rope, language, steps < 1000 ? 4 : 40, 250);
  std::cout << "on tales that it did not read: loss " << score.loss << ", of words told before " << score.clue_loss
            << ", " << score.recall << " of " << score.clues << " right\n"
            << language.text(go_on(model, *rope, {language.token("\n")}, 120, 1)) << "\n";
  const bool ok = last < first;
  std::cout << (ok ? "ok\n" : "FAILED: the loss does not fall\n");
  return ok ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? std::atoi(argv[1]) : 20, argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

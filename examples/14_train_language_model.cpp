// SPDX-License-Identifier: MIT
// Trains a language model from nothing, with RoPE and the gradients of this library: 250,000 parameters, plain Eigen
// (support/tiny_transformer.hpp), on tales that a grammar tells (support/tales.hpp). Without arguments it takes 20
// steps, to show that the loss falls.
//
//   cmake --workflow --preset train
//   build/train/examples/14_train_language_model [steps [file for the weights]]
//   build/train/examples/14_train_language_model steps table.npy learned
//
// The second form trains with a learned table of positions instead, and writes the table.
//
// The weights of examples 10 and 13 are those of `14_train_language_model 14000 examples/models/tales.bin`: eleven
// minutes on a shared machine with AVX-512. It printed, among others:
//   250080 parameters, 14000 steps of 1024 tokens
//   step    700   loss 1.292   51799 tokens/s
//   step   5600   loss 0.769   37745 tokens/s      so far tales of 64 tokens, from here on of 128
//   step   9800   loss 0.709   25857 tokens/s      from here on of 256
//   step  14000   loss 0.737   21863 tokens/s
//   on tales that it did not read: loss 0.724, of words told before 0.493, 0.800 of 541 right
// The table of example 06 is that of `14_train_language_model 14000 examples/models/learned_positions.npy learned`:
//   on tales that it did not read: loss 0.760, of words told before 0.652, 0.756 of 541 right
#include "posenc/posenc.hpp"

#include "support/tales_model.hpp"
#include "support/tales_training.hpp"
#include "support/weights_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

using namespace tiny_transformer;

int run(int steps, const std::string& path, bool learned) {
  const tales::Language language;
  Transformer<float> model(tales_config(language), 1);
  TrainingOptions options;
  options.steps = steps;
  std::unique_ptr<Encoding<float>> positions = tales_rope<float>(posenc::RopePairs::half_split);
  if (learned) positions = std::make_unique<Learned<float>>(options.seq_len, model.config().width, 7);

  Index num_parameters = 0;
  for (const auto* parameter : model.parameters()) num_parameters += parameter->value.size();
  std::cout << num_parameters << " parameters, " << steps << " steps of " << options.batch * options.seq_len
            << " tokens\n"
            << std::fixed << std::setprecision(3);

  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const int every = std::max(1, steps / (steps < 1000 ? 5 : 20));
  double sum = 0, first = 0, last = 0;
  train(model, *positions, language, options, [&](int step, double loss) {
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

  if (!path.empty() && learned) {
    std::ofstream file(path, std::ios::binary);
    posenc::write_npy(file, positions->parameters().front()->value.cast<Eigen::half>());
  } else if (!path.empty()) {
    write_weights(path, model);  // rounds them, so that what follows is said of the file
  }
  if (steps < 1000) {
    std::cout << "a model that knows how to tell tales needs some thousand steps more (see the comment on top)\n";
  } else {
    const Score score = measure(model, *positions, language, 40, 250);
    std::cout << "on tales that it did not read: loss " << score.loss << ", of words told before " << score.clue_loss
              << ", " << score.recall << " of " << score.clues << " right\n"
              << language.text(go_on(model, *positions, {language.token("\n")}, 120, 1)) << "\n";
  }
  const bool ok = last < first;
  std::cout << (ok ? "ok\n" : "FAILED: the loss does not fall\n");
  return ok ? 0 : 1;
}

int main(int argc, char** argv) {
  const std::string form = argc > 3 ? argv[3] : "";
  if (!form.empty() && form != "learned") {
    std::cerr << "the third argument is learned or nothing\n";
    return 1;
  }
  try {
    return run(argc > 1 ? std::atoi(argv[1]) : 20, argc > 2 ? argv[2] : "", form == "learned");
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

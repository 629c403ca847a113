// SPDX-License-Identifier: MIT
// A Transformer learns, in some ten seconds, to sort eight digits, with a trained table of positions; then its
// positions are set to zero. Nothing else tells it which place it is to fill.
//
// Prints (the losses vary with the compiler):
//   step 250, loss per sorted digit 0.056022
//   step 500, loss per sorted digit 0.00695796
//   step 750, loss per sorted digit 0.00305276
//   step 1000, loss per sorted digit 0.000376837
//
//   input       trained positions   all positions zero
//   87148925    12457889            89999999
//   01019553    00113559            59999999
//   97600231    00123679            23677777
//   10049356    00134569            99999999
//   sorted      1000 of 1000         0 of 1000
//   ok
#include "posenc/posenc.hpp"

#include "support/tiny_transformer.hpp"

#include <algorithm>
#include <iostream>
#include <random>
#include <string>
#include <vector>

using namespace tiny_transformer;

constexpr Index kDigits = 8;
constexpr Index kLen = 2 * kDigits - 1;  // eight digits, and all but the last of them sorted
constexpr int kBatch = 64;

struct Samples {
  std::vector<int> tokens;   // kLen of each sample
  std::vector<int> targets;  // what follows each
};

Samples draw(int count, std::mt19937& random) {
  Samples samples;
  for (int n = 0; n < count; ++n) {
    std::vector<int> text(kDigits);
    for (int& digit : text) digit = static_cast<int>(random() % 10);
    std::vector<int> sorted = text;
    std::sort(sorted.begin(), sorted.end());
    text.insert(text.end(), sorted.begin(), sorted.end());
    samples.tokens.insert(samples.tokens.end(), text.begin(), text.end() - 1);
    samples.targets.insert(samples.targets.end(), text.begin() + 1, text.end());
  }
  return samples;
}

void train(Transformer<float>& model, Encoding<float>& positions, int num_steps) {
  auto parameters = model.parameters();
  for (auto* parameter : positions.parameters()) parameters.push_back(parameter);
  AdamW adam;
  std::mt19937 random(1);
  for (int step = 0; step < num_steps; ++step) {
    const Samples samples = draw(kBatch, random);
    Matrix<float> logits = model.forward(samples.tokens, kLen, positions);
    const Eigen::ArrayXd losses = cross_entropy(logits, samples.targets);
    double loss = 0;
    for (Index i = 0; i < logits.rows(); ++i) {
      if (i % kLen < kDigits - 1) {
        logits.row(i).setZero();  // which digits come is not to be learned
      } else {
        loss += losses[i] / (kBatch * kDigits);
      }
    }
    model.backward(samples.tokens, kLen, positions, logits);
    clip_gradients(parameters, 1.0);
    adam.update(parameters, scheduled_rate(step, 50, num_steps, 3e-3));
    if ((step + 1) % (num_steps / 4) == 0)
      std::cout << "step " << step + 1 << ", loss per sorted digit " << loss << std::endl;
  }
}

/// The sorted digits as the model writes them, one after the other.
std::vector<std::string> sort(Transformer<float>& model, Encoding<float>& positions,
                              const std::vector<std::string>& texts) {
  std::vector<std::string> written = texts;
  for (Index place = 0; place < kDigits; ++place) {
    std::vector<int> tokens;
    for (const std::string& text : written) {
      for (const char digit : text) tokens.push_back(digit - '0');
    }
    const Index len = kDigits + place;
    const Matrix<float> logits = model.forward(tokens, len, positions);
    for (std::size_t n = 0; n < written.size(); ++n) {
      Index likeliest = 0;
      logits.row(static_cast<Index>(n + 1) * len - 1).maxCoeff(&likeliest);
      written[n] += static_cast<char>('0' + likeliest);
    }
  }
  for (std::string& text : written) text = text.substr(kDigits);
  return written;
}

int count_sorted(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  int sorted = 0;
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    std::string wanted = inputs[n];
    std::sort(wanted.begin(), wanted.end());
    sorted += wanted == outputs[n] ? 1 : 0;
  }
  return sorted;
}

int main(int argc, char** argv) {
  Transformer<float> model({10, 32, 2, 64, 2}, 1);
  Learned<float> positions(kLen, 32, 7);
  train(model, positions, argc > 1 ? std::stoi(argv[1]) : 1000);

  std::mt19937 random(2);
  std::vector<std::string> inputs(1000, std::string(kDigits, '0'));
  for (std::string& input : inputs) {
    for (char& digit : input) digit = static_cast<char>('0' + random() % 10);
  }
  const auto seeing = sort(model, positions, inputs);
  positions.parameters().front()->value.setZero();
  const auto blind = sort(model, positions, inputs);

  std::cout << "\ninput       trained positions   all positions zero\n";
  for (std::size_t n = 0; n < 4; ++n)
    std::cout << inputs[n] << "    " << seeing[n] << "            " << blind[n] << "\n";
  const int right = count_sorted(inputs, seeing);
  const int lost = count_sorted(inputs, blind);
  std::cout << "sorted      " << right << " of 1000         " << lost << " of 1000\n";
  const bool ok = right > 900 && lost < 100;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}

// SPDX-License-Identifier: MIT
// A trained GPT sorts six digits, and stops sorting when its trained positions are taken away. The model is in
// support/sort_model.hpp: about 100 lines of Eigen.
//
//   11_sort_model [folder with weights/*.npy and activations/*.npy]
//
// The files are those of the model that bbycroft/llm-viz draws: minGPT "gpt-nano", trained to sort digits 0, 1 and 2.
//
// Prints (the differences are rounding and vary with the compiler):
//   largest difference from the published activations, and their largest value
//     x                0     0.2
//     block0     2.4e-07     1.1
//     block1     3.6e-07     1.3
//     block2     7.2e-07     3.2
//     ln_f       1.3e-06     3.6
//     lm_head    2.9e-06     8.4
//
//   input     trained positions     all positions zero
//   000012    000012                000000
//   020202    000222                222222
//   111111    111111                111111
//   121100    001112                111111
//   202020    000222                222222
//   221221    112222                222222
//   sorted    729 of 729            3 of 729
//
//   ok
#include "support/sort_model.hpp"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using Eigen::Index;
using sort_model::Matrix;
using sort_model::Tokens;

constexpr Index kDigits = 6;

// All 3^6 inputs.
Tokens all_inputs() {
  Tokens inputs(729, kDigits);
  for (int n = 0; n < 729; ++n) {
    for (int i = 0, rest = n; i < kDigits; ++i, rest /= 3) inputs(n, kDigits - 1 - i) = rest % 3;
  }
  return inputs;
}

// The largest difference between what the model computes and what was published, step by step.
double compare_activations(const sort_model::Model& model, const std::string& folder) {
  const auto published = [&](const std::string& name) -> Matrix {
    return posenc::read_npy<float>(folder + "/" + name + ".npy").values;
  };
  const auto all = sort_model::forward(model, published("idx").cast<int>());
  const std::vector<std::pair<std::string, Matrix>> steps = {{"x", all.embedded},       {"block0", all.blocks[0]},
                                                             {"block1", all.blocks[1]}, {"block2", all.blocks[2]},
                                                             {"ln_f", all.ln_f},        {"lm_head", all.logits}};
  double worst = 0;
  std::cout << "largest difference from the published activations, and their largest value\n" << std::setprecision(2);
  for (const auto& [name, ours] : steps) {
    const Matrix theirs = published(name);
    const double difference = (ours - theirs).cwiseAbs().maxCoeff();
    const double scale = theirs.cwiseAbs().maxCoeff();
    std::cout << "  " << std::left << std::setw(8) << name << std::right << std::setw(10) << difference << std::setw(8)
              << scale << "\n";
    worst = std::max(worst, difference / scale);
  }
  return worst;
}

Index count_sorted(Tokens inputs, const Tokens& outputs) {
  Index sorted = 0;
  for (Index n = 0; n < inputs.rows(); ++n) {
    std::sort(inputs.row(n).data(), inputs.row(n).data() + kDigits);
    sorted += inputs.row(n) == outputs.row(n) ? 1 : 0;
  }
  return sorted;
}

int main(int argc, char** argv) {
  std::string folder = argc > 1 ? argv[1] : "";
#if defined(POSENC_DATA_DIR)
  if (argc < 2) folder = POSENC_DATA_DIR "/sort_model";
#endif
  if (!std::ifstream(folder + "/weights/lm_head.weight.npy")) {
    std::cerr << "no sort model in '" << folder << "': give its folder as argument\n";
    return argc > 1 ? 1 : 0;
  }

  try {
    const sort_model::Model model = sort_model::read_model(folder + "/weights");
    const double difference = compare_activations(model, folder + "/activations");

    sort_model::Model blind = model;
    blind.positions.values().setZero();
    const Tokens inputs = all_inputs();
    const Tokens seeing_out = sort_model::continue_greedily(model, inputs, kDigits);
    const Tokens blind_out = sort_model::continue_greedily(blind, inputs, kDigits);

    const Eigen::IOFormat digits(Eigen::StreamPrecision, Eigen::DontAlignCols, "", "");
    std::cout << "\ninput     trained positions     all positions zero\n";
    for (const Index n : {5, 182, 364, 441, 546, 700}) {
      std::cout << inputs.row(n).format(digits) << "    " << seeing_out.row(n).format(digits) << "                "
                << blind_out.row(n).format(digits) << "\n";
    }
    const Index seeing = count_sorted(inputs, seeing_out);
    const Index lost = count_sorted(inputs, blind_out);
    std::cout << "sorted    " << seeing << " of 729            " << lost << " of 729\n\n";

    // Sums of at most 192 float products through three blocks: about 50 roundings of 2^-24 in sequence.
    const bool ok = difference < 3e-6 && seeing == 729 && lost < 73;
    std::cout << (ok ? "ok\n" : "FAILED\n");
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

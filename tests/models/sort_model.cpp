// SPDX-License-Identifier: MIT
// A trained GPT with learned positions (the sorter of bbycroft/llm-viz: minGPT "gpt-nano") equals its published
// activations and sorts every input; with its positions set to zero it does not.
#include "support/catch2.hpp"
#include "support/data.hpp"

#include "../../examples/support/sort_model.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using Eigen::Index;
using sort_model::Matrix;
using sort_model::Tokens;

constexpr Index kDigits = 6;

std::string folder() { return posenc_tests::data_dir() + "/sort_model"; }

/// All 3^6 inputs.
Tokens all_inputs() {
  Tokens inputs(729, kDigits);
  for (int n = 0; n < 729; ++n) {
    for (int i = 0, rest = n; i < kDigits; ++i, rest /= 3) inputs(n, kDigits - 1 - i) = rest % 3;
  }
  return inputs;
}

Index count_sorted(Tokens inputs, const Tokens& outputs) {
  Index sorted = 0;
  for (Index n = 0; n < inputs.rows(); ++n) {
    std::sort(inputs.row(n).data(), inputs.row(n).data() + kDigits);
    sorted += inputs.row(n) == outputs.row(n) ? 1 : 0;
  }
  return sorted;
}

}  // namespace

TEST_CASE("a trained GPT with learned positions equals its published activations", "[sort_model]") {
  if (posenc_tests::skip_without_data("sort_model")) return;
  const sort_model::Model model = sort_model::read_model(folder() + "/weights");
  const auto published = [](const std::string& name) -> Matrix {
    return posenc::read_npy<float>(folder() + "/activations/" + name + ".npy").values;
  };
  const auto all = sort_model::forward(model, published("idx").cast<int>());
  const std::vector<std::pair<std::string, Matrix>> steps = {{"x", all.embedded},       {"block0", all.blocks[0]},
                                                             {"block1", all.blocks[1]}, {"block2", all.blocks[2]},
                                                             {"ln_f", all.ln_f},        {"lm_head", all.logits}};
  for (const auto& [name, ours] : steps) {
    const Matrix theirs = published(name);
    CAPTURE(name);
    // Sums of at most 192 float products through three blocks: about 50 roundings of 2^-24 in sequence.
    REQUIRE((ours - theirs).cwiseAbs().maxCoeff() < 3e-6F * theirs.cwiseAbs().maxCoeff());
  }
}

TEST_CASE("a trained GPT sorts by its learned positions, and not without them", "[sort_model]") {
  if (posenc_tests::skip_without_data("sort_model")) return;
  sort_model::Model model = sort_model::read_model(folder() + "/weights");
  Tokens inputs = all_inputs();
#if !defined(__OPTIMIZE__)
  inputs = Tokens(inputs.bottomRows(27));  // all of them take minutes without optimization
#endif
  REQUIRE(count_sorted(inputs, sort_model::continue_greedily(model, inputs, kDigits)) == inputs.rows());
  model.positions.values().setZero();
  REQUIRE(count_sorted(inputs, sort_model::continue_greedily(model, inputs, kDigits)) < inputs.rows() / 10);
}

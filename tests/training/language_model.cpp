// SPDX-License-Identifier: MIT
// Training on tales repeats itself, and files of weights say what they hold.
#include "support/catch2.hpp"

#include "../../examples/support/tales_model.hpp"
#include "../../examples/support/weights_file.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tiny_transformer;

struct Run {
  std::vector<double> losses;
  std::vector<Matrix<float>> weights;
};

/// 20 steps of a model of 50,000 parameters with RoPE.
Run run() {
  const tales::Language language;
  Transformer<float> model({static_cast<Index>(language.words().size()), 32, 2, 64, 2}, 1);
  Rotary<float> rope(posenc::RopeLayout::half_split(16), 64);
  TrainingOptions options;
  options.steps = 20;
  options.batch = 2;
  options.seq_len = 64;
  options.warm_up = 5;
  Run result;
  train(model, rope, language, options, [&](int, double loss) { result.losses.push_back(loss); });
  for (const auto* parameter : model.parameters()) result.weights.push_back(parameter->value);
  return result;
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("two runs in one process agree bit for bit, and their losses with committed ones", "[tales_model]") {
  // From a build with -O1. Other builds add in another order: 20 steps let 2^-24 of a logit near 1 grow to some 1e-6.
  const std::vector<double> committed = {5.698842, 5.674473, 5.632573, 5.581454, 5.509400, 5.438862, 5.371463,
                                         5.289890, 5.269839, 5.231374, 5.171166, 5.125502, 5.086705, 5.077355,
                                         5.220892, 5.071500, 5.128982, 5.015007, 5.040247, 5.213414};
  const Run first = run();
  const Run second = run();
  REQUIRE(first.losses == second.losses);
  REQUIRE(first.weights.size() == second.weights.size());
  for (std::size_t i = 0; i < first.weights.size(); ++i) REQUIRE(first.weights[i] == second.weights[i]);
  REQUIRE(first.losses.size() == committed.size());
  for (std::size_t step = 0; step < committed.size(); ++step) {
    CAPTURE(step, first.losses[step]);
    REQUIRE(std::abs(first.losses[step] - committed[step]) < 1e-3);
  }
}

TEST_CASE("the committed model knows tales that it did not read", "[tales_model]") {
  const tales::Language language;
  Transformer<float> model(tales_config(language), 1);
  read_weights(POSENC_MODELS_DIR "/tales.bin", model);
  const auto rope = tales_rope<float>(posenc::RopePairs::half_split);
  const Score score = measure(model, *rope, language, 40, 250);  // 10,000 tokens
  CAPTURE(score.loss, score.recall, score.clues);
  REQUIRE(std::abs(score.loss - 0.724) < 1e-2);
  REQUIRE(score.clues == 541);
  REQUIRE(score.recall > 0.78);  // 0.800 where it was trained
}

TEST_CASE("weights come back from their file as half precision rounded them", "[tales_model]") {
  const std::string path = "weights_file_test.bin";
  const Config config{11, 8, 2, 12, 1};
  Transformer<float> written(config, 1);
  const Matrix<float> before = written.parameters().front()->value;
  write_weights(path, written);
  Transformer<float> read(config, 2);
  read_weights(path, read);
  const auto a = written.parameters();
  const auto b = read.parameters();
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i]->value == b[i]->value);
  const Matrix<float> after = written.parameters().front()->value;
  REQUIRE(after != before);
  REQUIRE(((after - before).array().abs() <= before.array().abs() / 2048 + 6e-8F).all());  // half a unit, or subnormal

  Transformer<float> other({11, 8, 2, 13, 1}, 1);
  REQUIRE_THROWS_AS(read_weights(path, other), std::runtime_error);
  const std::string bytes = read_bytes(path);
  for (const std::string& broken :
       {bytes.substr(0, bytes.size() - 1), bytes + "x", std::string(), "P" + bytes.substr(1)}) {
    std::ofstream(path, std::ios::binary) << broken;
    REQUIRE_THROWS_AS(read_weights(path, read), std::runtime_error);
  }
  std::remove(path.c_str());
  REQUIRE_THROWS_AS(read_weights(path, read), std::runtime_error);
}

// SPDX-License-Identifier: MIT
// A trained Llama (stories260K) against numbers of an independent C implementation: queries and keys before and after
// RoPE, logits, tokens, the published story. Reference files: positions 0 to 31, layers 0 and 4, nine digits.
#include "support/catch2.hpp"
#include "support/data.hpp"

#include "../../examples/support/tiny_llama.hpp"
#include "../../examples/support/tiny_llama_encode.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using posenc_tests::read_csv;
using posenc_tests::RowMatrixXd;
using tiny_llama::Matrix;

constexpr double kEps = 5.9604644775390625e-8;  // 2^-24: half a unit in the last place of a float near 1

// Two float32 programs that sum in a different order. Each of the 2 x 5 residual updates rests on sums of at most 172
// and 64 products, whose rounding errors add up like a random walk to sqrt(236) = 15 eps of the row's largest value.
// RMSNorm and softmax pass an error on with a gain near 1, so ten updates make 150 eps. A wrong angle, pair or position
// is off by kBroken.
constexpr double kModelTolerance = 150 * kEps;  // 9e-6
constexpr double kBroken = 0.1;

std::string folder() { return posenc_tests::data_dir() + "/stories260K"; }

tiny_llama::Model model() { return tiny_llama::read_model(folder() + "/stories260K.bin"); }

/// max |a - b| over the largest |b|: an error in units of the row's scale.
double row_error(const Eigen::RowVectorXd& a, const Eigen::RowVectorXd& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

/// The tokens that the reference read at positions 0, 1, ...
std::vector<int> reference_tokens() {
  const RowMatrixXd file = read_csv(folder() + "/ref_tokens.csv");
  std::vector<int> tokens;
  for (Eigen::Index i = 0; i < file.rows(); ++i) {
    REQUIRE(file(i, 0) == static_cast<double>(i));
    tokens.push_back(static_cast<int>(file(i, 1)));
  }
  return tokens;
}

std::string published_story() {
  std::ifstream file(folder() + "/greedy.txt", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("RoPE alone turns a trained model's queries and keys as the reference does", "[tiny_llama]") {
  if (posenc_tests::skip_without_data("stories260K")) return;
  const auto rope = tiny_llama::rotary_embedding(model().config);
  double worst = 0;
  for (const char* layer : {"l0", "l4"}) {
    const RowMatrixXd before = read_csv(folder() + "/ref_qk_prerope_" + layer + ".csv");
    const RowMatrixXd after = read_csv(folder() + "/ref_qk_postrope_" + layer + ".csv");
    REQUIRE(before.rows() == 32);
    REQUIRE(before.cols() == 1 + 64 + 32);  // position, 8 query heads of 8, 4 key heads of 8
    REQUIRE(before.col(0) == after.col(0));
    // q and k side by side are 12 heads of 8.
    Matrix heads = before.rightCols(96).cast<float>();
    const Eigen::VectorXi positions = before.col(0).cast<int>();
    posenc::apply_rope(heads, rope.table, rope.layout, positions);
    for (Eigen::Index row = 0; row < heads.rows(); ++row) {
      const double p = static_cast<double>(positions(row));
      for (Eigen::Index pair = 0; pair < 48; ++pair) {
        const double angle = p * std::pow(1e4, -2.0 * static_cast<double>(pair % 4) / 8);
        const double size = std::hypot(before(row, 1 + 2 * pair), before(row, 2 + 2 * pair));
        // The reference's angle is a rounded float power times p, rounded: 3 eps of the angle with a power good to
        // 2 eps. Then for each side: cos and sin 1 eps each, the rotation 3 eps (|a| + |b|) <= 3 sqrt(2) eps size.
        const double bound = (3 * angle + 2 * (std::sqrt(2.0) + 3 * std::sqrt(2.0))) * kEps * size;
        for (const Eigen::Index column : {2 * pair, 2 * pair + 1}) {
          const double error = std::abs(static_cast<double>(heads(row, column)) - after(row, 1 + column));
          worst = (std::max)(worst, error / bound);
          CAPTURE(layer, row, column, error, bound);
          REQUIRE(error <= bound);
        }
      }
    }
  }
  std::cout << "RoPE alone: worst error " << worst << " of the bound\n";
}

TEST_CASE("the table equals the one that PyTorch stored in the checkpoint", "[tiny_llama]") {
  if (posenc_tests::skip_without_data("stories260K")) return;
  const auto rope = tiny_llama::rotary_embedding(model().config);
  const RowMatrixXd cos = read_csv(folder() + "/freqs_cos.csv");
  const RowMatrixXd sin = read_csv(folder() + "/freqs_sin.csv");
  REQUIRE(cos.rows() == rope.table.rows());
  REQUIRE(cos.cols() == rope.table.num_pairs());
  double worst = 0;
  for (Eigen::Index p = 0; p < cos.rows(); ++p) {
    for (Eigen::Index i = 0; i < cos.cols(); ++i) {
      // A float inv_freq (2 eps) times p, rounded (1 eps); cos and sin rounded on both sides and printed to 9 digits.
      const double bound = (3 * static_cast<double>(p) * std::pow(1e4, -static_cast<double>(i) / 4) + 3) * kEps;
      const double cos_error = std::abs(static_cast<double>(rope.table.cos()(p, i)) - cos(p, i));
      const double sin_error = std::abs(static_cast<double>(rope.table.sin()(p, i)) - sin(p, i));
      worst = (std::max)({worst, cos_error, sin_error});
      CAPTURE(p, i, cos_error, sin_error, bound);
      REQUIRE(cos_error <= bound);
      REQUIRE(sin_error <= bound);
    }
  }
  std::cout << "stored table: worst difference " << worst << "\n";
}

TEST_CASE("queries, keys and logits of the whole model equal the reference", "[tiny_llama]") {
  if (posenc_tests::skip_without_data("stories260K")) return;
  const auto llama = model();
  const auto rope = tiny_llama::rotary_embedding(llama.config);
  const std::vector<int> tokens = reference_tokens();
  const RowMatrixXd logits = read_csv(folder() + "/ref_logits.csv");
  REQUIRE(logits.rows() == 32);
  REQUIRE(logits.cols() == 1 + 512);

  std::vector<tiny_llama::Trace> traces(32);
  tiny_llama::Cache cache(llama.config);
  double worst_logits = 0;
  for (int p = 0; p < 32; ++p) {
    REQUIRE(logits(p, 0) == p);
    const auto index = static_cast<std::size_t>(p);
    const tiny_llama::Vector got = tiny_llama::forward(llama, rope, cache, tokens[index], p, &traces[index]);
    const double error = row_error(got.cast<double>(), logits.row(p).tail(512));
    worst_logits = (std::max)(worst_logits, error);
    CAPTURE(p, error);
    REQUIRE(error <= kModelTolerance);
  }

  double worst_qk = 0;
  for (const int layer : {0, 4}) {
    for (const bool after : {false, true}) {
      const std::string file = after ? "/ref_qk_postrope_l" : "/ref_qk_prerope_l";
      const RowMatrixXd expected = read_csv(folder() + file + std::to_string(layer) + ".csv");
      REQUIRE(expected.rows() == 32);
      for (int p = 0; p < 32; ++p) {
        const auto& trace = traces[static_cast<std::size_t>(p)];
        const auto& got = (after ? trace.after : trace.before).at(static_cast<std::size_t>(layer));
        const double q_error = row_error(got.q.cast<double>(), expected.row(p).segment(1, 64));
        const double k_error = row_error(got.k.cast<double>(), expected.row(p).segment(65, 32));
        worst_qk = (std::max)({worst_qk, q_error, k_error});
        CAPTURE(layer, after, p, q_error, k_error);
        REQUIRE(expected(p, 0) == p);
        REQUIRE(q_error <= kModelTolerance);
        REQUIRE(k_error <= kModelTolerance);
      }
    }
  }
  std::cout << "whole model: worst error of q and k " << worst_qk << ", of logits " << worst_logits
            << " of the row's largest value\n";
}

TEST_CASE("the model tells the published story, token by token and byte by byte", "[tiny_llama]") {
  if (posenc_tests::skip_without_data("stories260K")) return;
  const auto llama = model();
  const auto tokenizer = tiny_llama::read_tokenizer(folder() + "/tok512.bin", llama.config.vocab_size);
  const std::vector<int> tokens = tiny_llama::generate_greedily(llama, tiny_llama::rotary_embedding(llama.config), 256);
  const std::vector<int> expected = reference_tokens();
  REQUIRE(expected.size() == 256);
  REQUIRE(tokens.size() == 256);
  REQUIRE(expected[0] == tiny_llama::kBeginOfStory);
  REQUIRE(std::equal(expected.begin() + 1, expected.end(), tokens.begin()));
  REQUIRE(tiny_llama::decode(tokenizer, tokens) + "\n" == published_story());
  CHECK(tiny_llama::encode(tokenizer, tiny_llama::decode(tokenizer, tokens)) == tokens);
}

TEST_CASE("the other pair layout breaks the story", "[tiny_llama]") {
  if (posenc_tests::skip_without_data("stories260K")) return;
  const auto llama = model();
  const auto rope = tiny_llama::rotary_embedding(llama.config, posenc::RopePairs::half_split);
  const auto tokenizer = tiny_llama::read_tokenizer(folder() + "/tok512.bin", llama.config.vocab_size);
  const std::string story = tiny_llama::decode(tokenizer, tiny_llama::generate_greedily(llama, rope, 256)) + "\n";
  REQUIRE(story != published_story());
  // It is broken from the start: fewer than the first 100 of 566 bytes agree.
  const std::string expected = published_story();
  const auto parting = std::mismatch(story.begin(), story.end(), expected.begin(), expected.end());
  REQUIRE(parting.first - story.begin() < 100);

  // Nothing but the numbers tells: position 0 is right, norms are right, and from position 1 on the keys are wrong.
  const RowMatrixXd before = read_csv(folder() + "/ref_qk_prerope_l0.csv");
  const RowMatrixXd after = read_csv(folder() + "/ref_qk_postrope_l0.csv");
  Matrix heads = before.rightCols(96).cast<float>();
  posenc::apply_rope(heads, rope.table, rope.layout, posenc::starting_at(0));
  REQUIRE(row_error(heads.row(0).cast<double>(), after.row(0).tail(96)) < kModelTolerance);
  for (Eigen::Index p = 1; p < 32; ++p) {
    const double norm = heads.row(p).cast<double>().norm();
    CAPTURE(p);
    REQUIRE(std::abs(norm / after.row(p).tail(96).norm() - 1) < kModelTolerance);
    REQUIRE(row_error(heads.row(p).cast<double>(), after.row(p).tail(96)) > kBroken);
  }
}

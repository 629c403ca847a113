// SPDX-License-Identifier: MIT
// What example 13 measures of a chat model on long texts: losses in blocks, dynamic rules, the last tokens alone, and
// the file of results.
#include "support/catch2.hpp"
#include "support/small_gguf.hpp"

#include "../../examples/support/long_reading.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

using Eigen::Index;
using long_reading::Rule;

gguf_llama::Model model() { return gguf_llama::read_model(gguf::parse(small_gguf::small_model().file())); }

std::vector<int> random_tokens(int count) {
  std::mt19937 random(7);
  std::vector<int> tokens(static_cast<std::size_t>(count));
  for (int& token : tokens) token = static_cast<int>(random() % 12);
  return tokens;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b, std::size_t begin,
                          std::size_t end) {
  double largest = 0;
  for (std::size_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(a.at(i) - b.at(i)));
  return largest;
}

// Losses near 2.5 from sums of some 100 float products in another order.
constexpr double kSame = 2e-5;

}  // namespace

TEST_CASE("losses in blocks are those of the whole, and those from a token on are its last", "[long_reading]") {
  const gguf_llama::Model llama = model();
  const std::vector<int> tokens = random_tokens(1201);
  const Rule rule{"no change", llama.rope.rope_sets.at(0).frequencies};
  const std::vector<double> all = long_reading::losses(llama, rule, 1024, tokens);
  REQUIRE(all.size() == 1200);

  gguf_llama::Cache cache(llama, 1200);
  const gguf_llama::Matrix logits = gguf_llama::logits(
      llama, gguf_llama::read_tokens(llama, cache, std::vector<int>(tokens.begin(), tokens.end() - 1)));
  for (Index i = 0; i < 1200; ++i) {
    const Eigen::ArrayXd x = logits.row(i).cast<double>().transpose().array();
    const double loss = std::log(x.exp().sum()) - x[tokens[static_cast<std::size_t>(i) + 1]];
    REQUIRE(std::abs(all[static_cast<std::size_t>(i)] - loss) < kSame);
  }

  const std::vector<double> end = long_reading::losses(llama, rule, 1024, tokens, 700);
  REQUIRE(end.size() == 500);
  REQUIRE(largest_difference(end, {all.begin() + 700, all.end()}, 0, 500) < kSame);
}

TEST_CASE("dynamic rules change nothing up to the trained length, and keys that follow are as if made anew",
          "[long_reading]") {
  const gguf_llama::Model llama = model();
  const std::vector<int> tokens = random_tokens(2049);
  const auto trained = llama.rope.rope_sets.at(0).frequencies;
  const std::vector<double> plain = long_reading::losses(llama, {"no change", trained}, 1024, tokens);
  const std::vector<double> left = long_reading::losses(llama, {"left", trained, true, false}, 1024, tokens);
  const std::vector<double> follow = long_reading::losses(llama, {"follow", trained, true, true}, 1024, tokens);
  REQUIRE(largest_difference(plain, left, 0, 1024) == 0);
  REQUIRE(largest_difference(plain, follow, 0, 1024) == 0);
  REQUIRE(largest_difference(follow, left, 1024, 2048) > 100 * kSame);

  // One layer: its keys depend on the tokens alone, so the last block is read as if all had its frequencies.
  const Rule last{"NTK-aware", posenc::scale_dynamic_ntk(trained, {1.0, 1024}, 2048)};
  const std::vector<double> anew = long_reading::losses(llama, last, 1024, tokens);
  REQUIRE(largest_difference(follow, anew, 1536, 2048) < kSame);
}

TEST_CASE("with the last tokens alone, a loss depends on no token before them", "[long_reading]") {
  const gguf_llama::Model llama = model();
  std::vector<int> tokens = random_tokens(2101);
  const Rule rule{"no change", llama.rope.rope_sets.at(0).frequencies};
  const std::vector<double> last = long_reading::losses_of_last(llama, rule, 1024, tokens);
  REQUIRE(last.size() == 2100);
  REQUIRE(largest_difference(last, long_reading::losses(llama, rule, 1024, tokens), 0, 1024) == 0);

  // Tokens 1280 to 1535 begin at 512; those before count for nothing.
  for (std::size_t i = 0; i < 512; ++i) tokens[i] = (tokens[i] + 1) % 12;
  const std::vector<double> changed = long_reading::losses_of_last(llama, rule, 1024, tokens);
  REQUIRE(largest_difference(last, changed, 1024, 1280) > 100 * kSame);
  REQUIRE(largest_difference(last, changed, 1280, 2100) == 0);
}

TEST_CASE("a text is read under each rule once", "[long_reading]") {
  const std::string path = "long_reading_rules.csv";
  std::remove(path.c_str());
  const gguf_llama::Model llama = model();
  const std::vector<int> tokens = random_tokens(2049);
  long_reading::Results results(path);
  long_reading::read_text(llama, results, "a", tokens, 1024);
  REQUIRE(results.rules().size() == 6);
  for (const std::string& rule : results.rules()) REQUIRE(results.of("a", rule).size() == 4);
  const std::vector<double> first = results.of("a", "YaRN");
  long_reading::read_text(llama, results, "a", tokens, 1024);
  REQUIRE(results.of("a", "YaRN") == first);
  REQUIRE(results.of("a", "no change")[0] == results.of("a", long_reading::kLastAlone)[0]);
  REQUIRE(results.of("a", "no change")[3] != results.of("a", "YaRN")[3]);
  std::remove(path.c_str());
}

TEST_CASE("results go on where they ended, and are compared with the last tokens alone", "[long_reading]") {
  const std::string path = "long_reading_test.csv";
  std::remove(path.c_str());
  std::ofstream(path) << "# a comment\n";
  std::vector<double> flat(2048, 3.0), steps(2048);
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = i < 512 ? 3.0 : i < 1024 ? 3.5 : i < 1536 ? 4.0 : 5.0;
  {
    long_reading::Results results(path);
    REQUIRE(results.of("a", "rule").empty());
    results.add("a", long_reading::kLastAlone, flat);
    results.add("a", "rule", steps);
    REQUIRE_THROWS(results.add("a,b", "rule", steps));
  }
  long_reading::Results results(path);
  REQUIRE(results.texts() == std::vector<std::string>{"a"});
  REQUIRE(results.rules() == std::vector<std::string>{long_reading::kLastAlone, "rule"});
  REQUIRE(results.of("a", "rule") == std::vector<double>{3.0, 3.5, 4.0, 5.0});
  const auto means = long_reading::by_stretch(results, "rule", 1024);
  REQUIRE(means.size() == 2);
  CHECK(means[0].value == 0.25);
  CHECK(means[0].error == 0.25);
  CHECK(means[1].value == 1.5);
  CHECK(means[1].error == 0.5);
  results.add("b", long_reading::kLastAlone, flat);  // a text of which one rule is missing does not count
  CHECK(long_reading::by_stretch(results, "rule", 1024)[0].count == 2);
  results.add("b", "rule", steps);
  CHECK(long_reading::by_stretch(results, "rule", 1024)[0].count == 4);
  std::remove(path.c_str());
}

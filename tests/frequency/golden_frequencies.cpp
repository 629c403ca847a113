// SPDX-License-Identifier: MIT
/// The scaling rules against inv_freq of published model configurations, worked out in 60-digit arithmetic.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/reference.hpp"
#include "support/worst.hpp"

namespace {

using posenc::Frequencies;
using posenc_tests::Golden;
using posenc_tests::ulp;

/// The keys below: a golden file with any other would not be tested for what it says.
const std::set<std::string> kKnownKeys = {"name",
                                          "rotary_dim",
                                          "head_dim",
                                          "rope_theta",
                                          "rope_type",
                                          "interleaved",
                                          "factor",
                                          "original_max_position_embeddings",
                                          "max_position_embeddings",
                                          "seq_len",
                                          "beta_fast",
                                          "beta_slow",
                                          "truncate",
                                          "attention_factor",
                                          "mscale",
                                          "mscale_all_dim",
                                          "low_freq_factor",
                                          "high_freq_factor",
                                          "partial_rotary_factor",
                                          "short_factor",
                                          "long_factor",
                                          "attention_factor_value"};

std::int64_t length_of(const Golden& config, const char* key) { return static_cast<std::int64_t>(config.number(key)); }

Frequencies yarn_of(const Frequencies& plain, const Golden& config) {
  posenc::YarnOptions options;
  options.factor = config.number("factor");
  options.original_max_position_embeddings = length_of(config, "original_max_position_embeddings");
  options.beta_fast = config.number("beta_fast", options.beta_fast);
  options.beta_slow = config.number("beta_slow", options.beta_slow);
  if (config.has("truncate")) options.truncate = config.text("truncate") == "True";
  if (config.has("attention_factor")) options.attention_factor = config.number("attention_factor");
  if (config.has("mscale")) options.mscale = config.number("mscale");
  if (config.has("mscale_all_dim")) options.mscale_all_dim = config.number("mscale_all_dim");
  return scale_yarn(plain, options);
}

Frequencies longrope_of(const Frequencies& plain, const Golden& config) {
  posenc::LongRopeOptions options;
  options.short_factor = config.list("short_factor");
  options.long_factor = config.list("long_factor");
  options.original_max_position_embeddings = length_of(config, "original_max_position_embeddings");
  options.max_position_embeddings = length_of(config, "max_position_embeddings");
  if (config.has("factor")) options.factor = config.number("factor");
  if (config.has("attention_factor")) options.attention_factor = config.number("attention_factor");
  return scale_longrope(plain, options, length_of(config, "seq_len"));
}

Frequencies llama3_of(const Frequencies& plain, const Golden& config) {
  posenc::Llama3Options options;
  options.factor = config.number("factor");
  options.low_freq_factor = config.number("low_freq_factor");
  options.high_freq_factor = config.number("high_freq_factor");
  options.original_max_position_embeddings = length_of(config, "original_max_position_embeddings");
  return scale_llama3(plain, options);
}

/// The rule that a configuration names, with its parameters.
Frequencies from_config(const Golden& config) {
  for (const auto& entry : config.keys) {
    if (kKnownKeys.count(entry.first) == 0) throw std::runtime_error("unknown key " + entry.first);
  }
  const Eigen::Index rotary_dim = static_cast<Eigen::Index>(config.number("rotary_dim"));
  const Frequencies plain = posenc::geometric_frequencies(rotary_dim, config.number("rope_theta"));
  if (!config.has("rope_type")) return plain;
  const std::string& type = config.text("rope_type");
  if (type == "linear") return scale_linear(plain, config.number("factor"));
  if (type == "ntk") return scale_ntk_aware(plain, config.number("factor"));
  if (type == "dynamic") {
    return scale_dynamic_ntk(plain, {config.number("factor"), length_of(config, "max_position_embeddings")},
                             length_of(config, "seq_len"));
  }
  if (type == "yarn") return yarn_of(plain, config);
  if (type == "longrope") return longrope_of(plain, config);
  if (type == "llama3") return llama3_of(plain, config);
  if (type == "proportional") {
    return scale_proportional(plain, config.number("partial_rotary_factor"), config.number("factor", 1.0));
  }
  throw std::runtime_error("unknown rope_type " + type);
}

// The promise is 4 ulp of the true value; half an ulp of it goes to reading the golden digits into a double.
constexpr double kFrequencyUlps = posenc_tests::rule_ulps(4) - 0.5;
// A logarithm, a square root and their sum, each right to less than an ulp; again less half an ulp for reading.
constexpr double kMagnitudeUlps = 2 - 0.5;

}  // namespace

TEST_CASE("every golden configuration is reproduced", "[frequency][golden][portable]") {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(POSENC_GOLDEN_DIR) + "/frequencies")) {
    files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 21);

  std::set<std::string> types;
  posenc_tests::Worst overall;
  for (const std::string& file : files) {
    INFO(file);
    const Golden config = posenc_tests::golden("frequencies/" + file);
    types.insert(config.has("rope_type") ? config.text("rope_type") : "default");
    const Frequencies frequencies = from_config(config);
    const posenc_tests::GoldenBlock& expected = config.block("inv_freq");
    REQUIRE(frequencies.num_pairs() == static_cast<Eigen::Index>(expected.values.size()));

    posenc_tests::Worst worst;
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      const double golden = expected.values[static_cast<std::size_t>(i)];
      const double bound = golden == 0 ? 0 : kFrequencyUlps * ulp(golden);
      worst.see(std::abs(frequencies.inv_freq()[i] - golden), bound, file, i);
      overall.see(std::abs(frequencies.inv_freq()[i] - golden), bound, file, i);
    }
    INFO(worst.where());
    CHECK(worst.share() <= 1);
    const double magnitude = config.number("attention_factor_value");
    CHECK(std::abs(frequencies.magnitude() - magnitude) <= kMagnitudeUlps * ulp(magnitude));
  }
  CHECK(types ==
        std::set<std::string>{"default", "dynamic", "linear", "llama3", "longrope", "ntk", "proportional", "yarn"});
  overall.print("inv_freq, bound 3.5 ulp (63.5 without a wide long double)");
}

// SPDX-License-Identifier: MIT
/// What a config should be read as, and how far its numbers may be off.
#ifndef POSENC_TESTS_MODEL_CONFIG_EXPECTED_HPP
#define POSENC_TESTS_MODEL_CONFIG_EXPECTED_HPP

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "posenc/model_config.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/printed.hpp"
#include "support/worst.hpp"

namespace posenc_tests {

constexpr posenc::RopePairs kHalfSplit = posenc::RopePairs::half_split;
constexpr posenc::RopePairs kInterleaved = posenc::RopePairs::interleaved;

/// One rotation that is expected.
struct ExpectedSet {
  std::string layer_type;
  posenc::RopePairs pairs;
  Eigen::Index head_dim;
  Eigen::Index offset;
  Eigen::Index rotary_dim;
  std::string golden;                                        ///< A file of golden/frequencies, or nothing.
  std::vector<std::pair<Eigen::Index, Printed>> inv_freq{};  ///< Single values where there is no file, or besides.
  Printed magnitude = "1";                                   ///< Where there is no file.
  Printed softmax = "1";
  std::vector<std::pair<int, int>> axes{};  ///< Runs: how many pairs, which axis.
  posenc::RopeAngles angles = posenc::RopeAngles::of_pairs;
};

// The promises of the frequency rules, less half an ulp for reading the golden digits: see frequency/.
constexpr double kFrequencyUlps = 4 - 0.5;
constexpr double kMagnitudeUlps = 2 - 0.5;

inline void check_inv_freq(const posenc::Frequencies& frequencies, const std::vector<double>& expected,
                           double bound_in_ulps) {
  REQUIRE(frequencies.num_pairs() == static_cast<Eigen::Index>(expected.size()));
  Worst worst;
  for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
    const double value = expected[static_cast<std::size_t>(i)];
    const double bound = value == 0 ? 0 : bound_in_ulps * ulp(value);
    worst.see(std::abs(frequencies.inv_freq()[i] - value), bound, i, frequencies.inv_freq()[i], value);
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
}

inline void check_set(const posenc::RopeSet& set, const ExpectedSet& expected) {
  INFO("set " << expected.layer_type);
  CHECK(set.layer_type == expected.layer_type);
  CHECK(set.layout.pairs() == expected.pairs);
  CHECK(set.layout.head_dim() == expected.head_dim);
  CHECK(set.layout.offset() == expected.offset);
  CHECK(set.layout.rotary_dim() == expected.rotary_dim);
  CHECK(set.angles == expected.angles);
  const bool by_channel = expected.angles == posenc::RopeAngles::of_channels;
  REQUIRE(set.frequencies.num_pairs() == (by_channel ? expected.rotary_dim : expected.rotary_dim / 2));
  if (!expected.golden.empty()) {
    const Golden file = golden("frequencies/" + expected.golden + ".csv");
    check_inv_freq(set.frequencies, file.block("inv_freq").values, kFrequencyUlps);
    const double magnitude = file.number("attention_factor_value");
    CHECK(std::abs(set.frequencies.magnitude() - magnitude) <= kMagnitudeUlps * ulp(magnitude));
  } else {
    REQUIRE(!expected.inv_freq.empty());
    INFO("magnitude " << set.frequencies.magnitude());
    CHECK(expected.magnitude.is(set.frequencies.magnitude()));
  }
  INFO("softmax multiplier " << set.frequencies.softmax_multiplier());
  CHECK(expected.softmax.is(set.frequencies.softmax_multiplier()));
  for (const auto& [pair, printed] : expected.inv_freq) {
    INFO("pair " << pair << ": " << printed << ", got " << set.frequencies.inv_freq()[pair]);
    CHECK(printed.is(set.frequencies.inv_freq()[pair]));
  }
  REQUIRE(set.axes.has_value() == !expected.axes.empty());
  if (expected.axes.empty()) return;
  std::vector<int> axes;
  for (const auto& [count, axis] : expected.axes) axes.insert(axes.end(), static_cast<std::size_t>(count), axis);
  REQUIRE(set.axes->num_pairs() == static_cast<Eigen::Index>(axes.size()));
  CHECK((set.axes->axis_of_pair() == Eigen::Map<const Eigen::ArrayXi>(axes.data(), set.axes->num_pairs())).all());
}

/// One word per layer, runs with a count: "5x1 0 5x1 0", "." does not rotate, "~" has a query temperature, "01" two
/// sets.
inline std::string plan_of(const posenc::ModelRope& model) {
  std::vector<std::string> words;
  for (const posenc::LayerRope& layer : model.layers) {
    std::string word;
    for (const int set : layer.rope_sets) word += std::to_string(set);
    if (word.empty()) word = ".";
    if (layer.query_temperature) word += "~";
    words.push_back(word);
  }
  std::string plan;
  for (std::size_t i = 0; i < words.size();) {
    std::size_t end = i;
    while (end < words.size() && words[end] == words[i]) ++end;
    plan += (plan.empty() ? "" : " ") + (end - i > 1 ? std::to_string(end - i) + "x" : "") + words[i];
    i = end;
  }
  return plan;
}

/// The same words `times` over.
inline std::string repeated(const std::string& words, int times) {
  std::string out = words;
  for (int i = 1; i < times; ++i) out += " " + words;
  return out;
}

inline void check_model(const posenc::ModelRope& model, const std::vector<ExpectedSet>& sets, const std::string& plan,
                        const std::vector<std::string>& ignored_keys = {}) {
  REQUIRE(model.rope_sets.size() == sets.size());
  for (std::size_t i = 0; i < sets.size(); ++i) check_set(model.rope_sets[i], sets[i]);
  CHECK(plan_of(model) == plan);
  CHECK(model.ignored_keys == ignored_keys);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_MODEL_CONFIG_EXPECTED_HPP

// SPDX-License-Identifier: MIT
/// YaRN: values from the formulas by hand or printed by other projects.
#include <cmath>
#include <optional>
#include <vector>

#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"
#include "support/printed.hpp"
#include "support/reference.hpp"

using namespace posenc_tests;

namespace {

/// Where the ramp begins and ends, read back from the frequencies: with r = inv_freq' / inv_freq the ramp at a pair is
/// (1 - r) / (1 - 1/factor), and it is a straight line through any two pairs on it.
struct Ramp {
  double low;
  double high;
};

Ramp ramp_of(const YarnModel& model, const Frequencies& scaled) {
  const Frequencies plain = geometric_frequencies(model.rotary_dim, model.base);
  const Eigen::ArrayXd ramp = (1 - scaled.inv_freq() / plain.inv_freq()) / (1 - 1 / model.factor);
  Eigen::Index first = 0;
  while (ramp[first] < 1e-9) ++first;  // rounding alone puts 1e-15 before the ramp; on it the first step is > 1e-3
  Eigen::Index last = ramp.size() - 1;
  while (ramp[last] > 1 - 1e-9) --last;
  const double slope = (ramp[last] - ramp[first]) / static_cast<double>(last - first);
  return {static_cast<double>(first) - ramp[first] / slope, static_cast<double>(last) + (1 - ramp[last]) / slope};
}

// Each ramp value is off by a few 2^-53 relative to 1; reading back divides by a slope of at least 1/20 and multiplies
// by a position of at most 41.
constexpr double kRampError = 8 * 0x1p-53 * 20 * 41;

}  // namespace

TEST_CASE("YaRN: where the ramp begins and ends", "[frequency][rules][yarn]") {
  struct Case {
    YarnModel model;
    Printed raw_low, raw_high;
    double low, high;
  };
  const std::vector<Case> cases = {{kQwen25, "23.5959476", "39.6508807", 23, 40},
                                   {kDeepSeek, "10.4722408", "22.5134406", 10, 23},
                                   {kGptOss, "8.092779115512", "17.398024501589", 8, 18},
                                   {kQwen35, "14.24096", "21.12165", 14, 22},
                                   {kKimi, "8.9144990", "19.1645749", 8, 20},
                                   {kDeepSeekV4, "15.4532953", "24.7084238", 15, 25}};
  for (const Case& one : cases) {
    INFO(one.model.name);
    posenc::YarnOptions options = options_of(one.model);
    const Ramp whole = ramp_of(one.model, yarn(one.model, options));
    CHECK(std::abs(whole.low - one.low) <= kRampError);
    CHECK(std::abs(whole.high - one.high) <= kRampError);
    options.truncate = false;
    const Ramp raw = ramp_of(one.model, yarn(one.model, options));
    INFO(one.raw_low << " " << one.raw_high << ", got " << raw.low << " " << raw.high);
    CHECK(std::abs(raw.low - one.raw_low.value()) <= one.raw_low.half_unit() + kRampError);
    CHECK(std::abs(raw.high - one.raw_high.value()) <= one.raw_high.half_unit() + kRampError);
  }
}

TEST_CASE("YaRN: frequencies", "[frequency][rules][yarn]") {
  check(yarn(kQwen25, options_of(kQwen25)), {{23, ".00697830585"},
                                             {24, ".00537532149"},
                                             {32, "6.02941176e-4"},
                                             {40, "4.44569853e-5"},
                                             {48, "7.90569415e-6"},
                                             {63, "3.1023444e-7"}});
  check(yarn(kDeepSeek, options_of(kDeepSeek)), {{8, ".100000000"},
                                                 {10, ".0562341325"},
                                                 {11, ".0390069266"},
                                                 {16, ".00550000000"},
                                                 {23, "3.33380358e-5"},
                                                 {24, "2.50000000e-5"},
                                                 {31, "3.33380358e-6"}});
  posenc::YarnOptions gpt_oss = options_of(kGptOss);
  check(yarn(kGptOss, gpt_oss), {{9, ".0316207523"}, {16, "5.80947502e-4"}});
  gpt_oss.truncate = false;
  check(yarn(kGptOss, gpt_oss), {{8, ".0508132748"},
                                 {9, ".0317056962"},
                                 {16, "4.56483919e-4"},
                                 {18, "3.83088124e-5"},
                                 {24, "4.09997848e-6"},
                                 {31, "3.02351143e-7"}});
  check(yarn(kQwen35, options_of(kQwen35)), {{14, "8.65964323e-4"},
                                             {15, "4.74239823e-4"},
                                             {16, "2.5693506e-4"},
                                             {22, "3.84981632e-6"},
                                             {31, "4.13704275e-8"}});
}

TEST_CASE("YaRN: magnitude and softmax multiplier", "[frequency][rules][yarn]") {
  const auto with_pair = [](const YarnModel& model, std::optional<double> mscale,
                            std::optional<double> mscale_all_dim) {
    posenc::YarnOptions options = options_of(model);
    options.mscale = mscale;
    options.mscale_all_dim = mscale_all_dim;
    return yarn(model, options);
  };
  CHECK(Printed("1.138629436").is(yarn(kQwen25, options_of(kQwen25)).magnitude()));
  CHECK(Printed("1.138629436").is(yarn(kQwen35, options_of(kQwen35)).magnitude()));
  CHECK(Printed("1.3465735902799727").is(yarn(kGptOss, options_of(kGptOss)).magnitude()));
  CHECK(yarn(kQwen25, options_of(kQwen25)).softmax_multiplier() == 1);

  // DeepSeek: the pair cancels in the table, and its second half goes to the softmax.
  CHECK(with_pair(kDeepSeek, 1, 1).magnitude() == 1);
  CHECK(Printed("1.8738542").is(with_pair(kDeepSeek, 1, 1).softmax_multiplier()));
  CHECK(with_pair(kDeepSeek, .707, .707).magnitude() == 1);
  CHECK(Printed("1.58962617").is(with_pair(kDeepSeek, .707, .707).softmax_multiplier()));
  CHECK(Printed("1.0857264").is(with_pair(kDeepSeek, 1, .707).magnitude()));
  CHECK(with_pair(kKimi, 1, 1).magnitude() == 1);
  CHECK(Printed("2.0047397").is(with_pair(kKimi, 1, 1).softmax_multiplier()));
  // yarn_get_mscale of DeepSeek: the magnitude without the pair, and the root of the softmax multiplier.
  CHECK(Printed("1.36888795").is(yarn(kDeepSeek, options_of(kDeepSeek)).magnitude()));
  CHECK(Printed("1.26080378").is(std::sqrt(with_pair(kDeepSeek, std::nullopt, .707).softmax_multiplier())));
  CHECK(Printed("1.41588831").is(yarn(kKimi, options_of(kKimi)).magnitude()));
  CHECK(Printed("1.09704061").is(std::sqrt(with_pair(kQwen25, std::nullopt, .7).softmax_multiplier())));  // TeleChat3
  posenc::YarnOptions no_extension = options_of(kQwen25);
  no_extension.factor = 1;
  no_extension.mscale_all_dim = 1;
  CHECK(yarn(kQwen25, no_extension).magnitude() == 1);
  CHECK(yarn(kQwen25, no_extension).softmax_multiplier() == 1);
  // Half of a pair does not count for the table.
  CHECK(Printed("1.36888795").is(with_pair(kDeepSeek, .5, std::nullopt).magnitude()));
  CHECK(with_pair(kDeepSeek, .5, std::nullopt).softmax_multiplier() == 1);
  CHECK(Printed("1.36888795").is(with_pair(kDeepSeek, std::nullopt, .707).magnitude()));
  CHECK(Printed("1.58962617").is(with_pair(kDeepSeek, std::nullopt, .707).softmax_multiplier()));

  // A given attention_factor wins over every derivation, 1.0 too.
  posenc::YarnOptions forced = options_of(kDeepSeekV4);
  CHECK(Printed("1.27725887").is(yarn(kDeepSeekV4, forced).magnitude()));
  forced.attention_factor = 1.0;
  CHECK(yarn(kDeepSeekV4, forced).magnitude() == 1);
  forced.attention_factor = 1.2079;
  forced.mscale = 1;
  forced.mscale_all_dim = .707;
  forced.attn_factor = 3;
  CHECK(yarn(kDeepSeekV4, forced).magnitude() == 1.2079);
  posenc::YarnOptions laguna = options_of(kKimi);
  CHECK(Printed("1.4158883").is(yarn(kKimi, laguna).magnitude()));
  laguna.attention_factor = 1.0;
  CHECK(yarn(kKimi, laguna).magnitude() == 1);

  posenc::YarnOptions twice = options_of(kQwen25);
  twice.attn_factor = 2;
  CHECK(yarn(kQwen25, twice).magnitude() == 2 * yarn(kQwen25, options_of(kQwen25)).magnitude());
}

TEST_CASE("YaRN: extrapolation factor and edges", "[frequency][rules][yarn]") {
  // Without extrapolation every pair is interpolated; half of it is the mean of both.
  const Frequencies linear = scale_linear(geometric_frequencies(128, 1e6), 4);
  posenc::YarnOptions options = options_of(kQwen25);
  const Frequencies full = yarn(kQwen25, options);
  options.extrapolation_factor = 0;
  const Frequencies none = yarn(kQwen25, options);
  options.extrapolation_factor = 0.5;
  const Frequencies half = yarn(kQwen25, options);
  constexpr double kTwoSides = 2 * posenc_tests::rule_ulps(4) * 0x1p-52;
  CHECK(((none.inv_freq() - linear.inv_freq()).abs() <= linear.inv_freq() * kTwoSides).all());
  const Eigen::ArrayXd mean = (full.inv_freq() + none.inv_freq()) / 2;
  CHECK(((half.inv_freq() - mean).abs() <= mean * kTwoSides).all());

  // Both ends fall on pair 0 (more than a turn everywhere would need a longer training): low == high must not divide
  // by zero. L / (2 pi) < beta_slow puts both before pair 0.
  posenc::YarnOptions tiny;
  tiny.factor = 4;
  tiny.original_max_position_embeddings = 6;
  const Frequencies edge = scale_yarn(geometric_frequencies(64, 1e4), tiny);
  const Eigen::ArrayXd quarter = geometric_frequencies(64, 1e4).inv_freq() / 4;
  CHECK(edge.inv_freq()[0] == 1);
  CHECK(((edge.inv_freq() - quarter).abs() <= quarter * kTwoSides).tail(31).all());

  // factor 1 changes nothing.
  tiny.factor = 1;
  tiny.original_max_position_embeddings = 4096;
  const Frequencies same = scale_yarn(geometric_frequencies(64, 1e4), tiny);
  const Eigen::ArrayXd plain = geometric_frequencies(64, 1e4).inv_freq();
  CHECK(((same.inv_freq() - plain).abs() <= plain * kTwoSides).all());
  CHECK(same.magnitude() == 1);
}

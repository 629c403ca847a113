// SPDX-License-Identifier: MIT
/// Single values of the scaling rules, worked out from the formulas by hand or printed by other projects.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <posenc/frequency.hpp>

#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/printed.hpp"
#include "support/reference.hpp"
#include "support/worst.hpp"

namespace {

using posenc::Frequencies;
using posenc::geometric_frequencies;
using posenc_tests::Printed;

struct PrintedPair {
  Eigen::Index pair;
  Printed inv_freq;
};

void check(const Frequencies& frequencies, const std::vector<PrintedPair>& expected) {
  for (const PrintedPair& one : expected) {
    INFO("pair " << one.pair << ": " << one.inv_freq << ", got " << frequencies.inv_freq()[one.pair]);
    CHECK(one.inv_freq.is(frequencies.inv_freq()[one.pair]));
  }
}

bool same_bits(const Frequencies& a, const Frequencies& b) {
  return a.num_pairs() == b.num_pairs() && (a.inv_freq() == b.inv_freq()).all() && a.magnitude() == b.magnitude() &&
         a.softmax_multiplier() == b.softmax_multiplier() && a.base() == b.base();
}

struct YarnModel {
  const char* name;
  Eigen::Index rotary_dim;
  double base;
  double factor;
  double length;
};

const YarnModel kQwen25{"Qwen2.5", 128, 1e6, 4, 32768};
const YarnModel kDeepSeek{"DeepSeek-V2, V3", 64, 1e4, 40, 4096};
const YarnModel kGptOss{"gpt-oss", 64, 150000, 32, 4096};
const YarnModel kQwen35{"Qwen3.5", 64, 1e7, 4, 262144};
const YarnModel kKimi{"Kimi-K2.5", 64, 5e4, 64, 4096};
const YarnModel kDeepSeekV4{"DeepSeek-V4 compressed layers", 64, 160000, 16, 65536};

posenc::YarnOptions options_of(const YarnModel& model) {
  posenc::YarnOptions options;
  options.factor = model.factor;
  options.original_max_position_embeddings = model.length;
  return options;
}

Frequencies yarn(const YarnModel& model, const posenc::YarnOptions& options) {
  return scale_yarn(geometric_frequencies(model.rotary_dim, model.base), options);
}

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

TEST_CASE("geometric frequencies", "[frequencies]") {
  check(geometric_frequencies(128, 1e4),
        {{0, "1.00000000"}, {1, ".865964323"}, {16, ".100000000"}, {32, ".0100000000"}, {63, "1.15478198e-4"}});
  check(geometric_frequencies(24, 1e4), {{1, ".464158883"}, {11, "2.15443469e-4"}});
  check(geometric_frequencies(64, 1e4), {{1, ".749894209"}, {31, "1.33352143e-4"}});
  CHECK(geometric_frequencies(64, 1e4).base() == 1e4);
  CHECK(geometric_frequencies(64, 1e4).rotary_dim() == 64);
}

TEST_CASE("spaced frequencies end where their divisor says", "[frequencies]") {
  constexpr Eigen::Index pairs = 32;
  const Frequencies paper = posenc::spaced_frequencies(pairs, 1e4, pairs);
  CHECK((paper.inv_freq() == geometric_frequencies(2 * pairs, 1e4).inv_freq()).all());
  const Frequencies t2t = posenc::spaced_frequencies(pairs, 1e4, pairs - 1);
  CHECK(t2t.inv_freq()[0] == 1);
  CHECK(t2t.inv_freq()[pairs - 1] == 1e-4);
  CHECK(t2t.base() == 0);
  CHECK(posenc::spaced_frequencies(1, 1e4, 0).inv_freq()[0] == 1);
}

TEST_CASE("an explicit list keeps its values and takes factors", "[frequencies]") {
  const Eigen::Vector3f list(0.5f, -0.25f, 0.f);
  const Frequencies given(list, 2.0, 3.0);
  CHECK((given.inv_freq() == list.cast<double>().array()).all());
  CHECK(given.magnitude() == 2);
  CHECK(given.softmax_multiplier() == 3);
  const Frequencies changed = given.with_magnitude(1.5, 1.25);
  CHECK((changed.inv_freq() == given.inv_freq()).all());
  CHECK(changed.magnitude() == 1.5);
  CHECK(changed.softmax_multiplier() == 1.25);
  CHECK(given.with_magnitude(1.5).magnitude() == 1.5);
  CHECK(given.with_magnitude(1.5).softmax_multiplier() == 3);
  // The factors of a rule multiply those that are there.
  posenc::YarnOptions options = options_of(kQwen25);
  options.attention_factor = 1.25;
  options.mscale_all_dim = 1;
  const double softmax = posenc::yarn_mscale(4) * posenc::yarn_mscale(4);
  const Frequencies twice = scale_yarn(geometric_frequencies(128, 1e6).with_magnitude(2, 3), options);
  CHECK(twice.magnitude() == 2.5);
  CHECK(std::abs(twice.softmax_multiplier() - 3 * softmax) <= 3 * softmax * 0x1p-51);
}

TEST_CASE("linear", "[frequencies]") {
  const Frequencies scaled = scale_linear(geometric_frequencies(256, 1e6), 8);
  check(scaled, {{0, ".125"}, {1, ".112210892"}, {64, "1.25000000e-4"}, {127, "1.39246732e-7"}});
  CHECK(scaled.magnitude() == 1);
}

TEST_CASE("a factor for each pair is the ratio of two lists", "[frequencies]") {
  const Frequencies plain = geometric_frequencies(128, 5e5);
  posenc::Llama3Options options;
  options.factor = 8;
  options.original_max_position_embeddings = 8192;
  const Frequencies llama3 = scale_llama3(plain, options);
  const Eigen::ArrayXd freq_factors = plain.inv_freq() / llama3.inv_freq();
  const Frequencies again = scale_by_factors(plain, freq_factors);
  // Two divisions, half an ulp each.
  CHECK(((again.inv_freq() - llama3.inv_freq()).abs() <= llama3.inv_freq() * 0x1p-52).all());
  // factors below 1 speed a pair up
  CHECK(scale_by_factors(geometric_frequencies(4, 1e4), Eigen::Array2d(0.5, 4)).inv_freq()[0] == 2);
}

TEST_CASE("NTK-aware", "[frequencies]") {
  const Frequencies plain = geometric_frequencies(128, 1e4);
  const Frequencies scaled = scale_ntk_aware(plain, 8);
  CHECK(Printed("82684.622641").is(scaled.base()));
  CHECK(scaled.inv_freq()[0] == 1);
  // The last pair is interpolated by the whole factor: the new base is rounded to double, which the power 126/128
  // passes on, and each frequency is rounded once.
  CHECK(std::abs(scaled.inv_freq()[63] * 8 - plain.inv_freq()[63]) <= plain.inv_freq()[63] * 3 * 0x1p-53);

  const Frequencies hunyuan = scale_ntk_aware(plain, 1000);
  CHECK(Printed("11158839.925").is(hunyuan.base()));
  check(hunyuan, {{63, "1.15478198e-7"}});
  CHECK(same_bits(scale_ntk_aware(plain, 1), plain));

  // A list without a base takes the other way to the same numbers. Both are right to 2 ulp.
  constexpr double kTwoSides = 2 * posenc_tests::rule_ulps(2) * 0x1p-52;
  const Frequencies listed = scale_ntk_aware(Frequencies(plain.inv_freq()), 8);
  CHECK(((listed.inv_freq() - scaled.inv_freq()).abs() <= scaled.inv_freq() * kTwoSides).all());
  CHECK(listed.base() == 0);
}

TEST_CASE("dynamic NTK", "[frequencies]") {
  const Frequencies plain = geometric_frequencies(128, 1e4);
  const auto at = [&](double seq_len) { return scale_dynamic_ntk(plain, 2, 2048, seq_len); };
  for (const double seq_len : {0., 1., 512., 2047., 2048.}) CHECK(same_bits(at(seq_len), plain));
  CHECK(Printed("10009.920712").is(at(2049).base()));
  CHECK(Printed("30527.736749").is(at(4096).base()));
  CHECK(Printed("72195.860087").is(at(8192).base()));
  check(at(4096), {{63, "3.84927328e-5"}});

  // The formula without its clamp makes a negative base here.
  const Frequencies nomic = geometric_frequencies(64, 1000);
  CHECK(same_bits(scale_dynamic_ntk(nomic, 2, 2048, 512), nomic));
  CHECK(Printed("3108.223667").is(scale_dynamic_ntk(nomic, 2, 2048, 4096).base()));
  CHECK(Printed("7453.483032").is(scale_dynamic_ntk(nomic, 2, 2048, 8192).base()));

  const Frequencies factors = plain.with_magnitude(1.5, 2);
  CHECK(same_bits(scale_dynamic_ntk(factors, 2, 2048, 100), factors));
  CHECK(scale_dynamic_ntk(factors, 2, 2048, 4096).magnitude() == 1.5);
  CHECK(scale_dynamic_ntk(factors, 2, 2048, 4096).softmax_multiplier() == 2);
}

TEST_CASE("fixed and mixed NTK of kexue.fm", "[frequencies]") {
  const Frequencies plain = geometric_frequencies(128, 1e4);
  check(scale_ntk_fixed(plain, 8), {{0, ".968030897"}, {1, ".811481154"}, {32, ".00342250606"}, {63, "1.44347748e-5"}});
  const Frequencies mixed = scale_ntk_mixed(plain, 8, 0.625);
  check(mixed, {{0, ".85679601"}, {1, ".682311756"}, {32, ".0025295748"}, {63, "1.44347748e-5"}});
  CHECK(same_bits(scale_ntk_mixed(plain, 8), mixed));

  // b = 1 is the fixed form, b = 0 linear interpolation; 2 ulp for each side.
  constexpr double kTwoSides = 2 * posenc_tests::rule_ulps(2) * 0x1p-52;
  const auto near = [=](const Frequencies& a, const Frequencies& b) {
    return ((a.inv_freq() - b.inv_freq()).abs() <= b.inv_freq() * kTwoSides).all();
  };
  CHECK(near(scale_ntk_mixed(plain, 8, 1), scale_ntk_fixed(plain, 8)));
  CHECK(near(scale_ntk_mixed(plain, 8, 0), scale_linear(plain, 8)));
}

TEST_CASE("YaRN: where the ramp begins and ends", "[frequencies][yarn]") {
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

TEST_CASE("YaRN: frequencies", "[frequencies][yarn]") {
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

TEST_CASE("YaRN: magnitude and softmax multiplier", "[frequencies][yarn]") {
  const auto with_pair = [](const YarnModel& model, double mscale, double mscale_all_dim) {
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
  CHECK(Printed("1.36888795").is(posenc::yarn_mscale(40)));
  CHECK(Printed("1.26080378").is(posenc::yarn_mscale(40, .707)));
  CHECK(Printed("1.41588831").is(posenc::yarn_mscale(64)));
  CHECK(Printed("1.09704061").is(posenc::yarn_mscale(4, .7)));  // TeleChat3
  CHECK(posenc::yarn_mscale(1) == 1);
  CHECK(posenc::yarn_mscale(0.5) == 1);
  // Half of a pair does not count for the table.
  CHECK(Printed("1.36888795").is(with_pair(kDeepSeek, .5, 0).magnitude()));
  CHECK(with_pair(kDeepSeek, .5, 0).softmax_multiplier() == 1);
  CHECK(Printed("1.36888795").is(with_pair(kDeepSeek, 0, .707).magnitude()));
  CHECK(Printed("1.58962617").is(with_pair(kDeepSeek, 0, .707).softmax_multiplier()));

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

TEST_CASE("YaRN: extrapolation factor and edges", "[frequencies][yarn]") {
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

TEST_CASE("LongRoPE", "[frequencies][longrope]") {
  const Frequencies plain = geometric_frequencies(96, 1e4);
  posenc::LongRopeOptions options;
  options.short_factor.assign(48, 1.0);
  options.long_factor.assign(48, 64.0);
  options.short_factor[47] = 2.8399994373321533;  // the float spellings of the Phi-3.5 file
  options.long_factor[0] = 1.0800000429153442;
  options.long_factor[47] = 64.83999633789062;
  options.original_max_position_embeddings = 4096;
  options.max_position_embeddings = 131072;
  const auto at = [&](double seq_len) { return scale_longrope(plain, options, seq_len); };

  // The trained length itself is short.
  check(at(4096), {{0, "1.00000000"}, {47, "4.26594331e-5"}});
  check(at(4097), {{0, ".925925889"}, {47, "1.86848817e-6"}});
  CHECK(same_bits(at(1), at(4096)));
  CHECK(same_bits(at(131072), at(4097)));

  CHECK(Printed("1.1902380714").is(at(4096).magnitude()));
  CHECK(at(4097).magnitude() == at(4096).magnitude());
  options.factor = 32;
  options.max_position_embeddings = 0;
  CHECK(Printed("1.1902380714").is(at(1).magnitude()));
  options.factor = 1;
  CHECK(at(1).magnitude() == 1);
  options.factor = 0.5;
  CHECK(at(1).magnitude() == 1);
  options.factor = 32;
  options.attention_factor = 1.5;
  CHECK(at(1).magnitude() == 1.5);
  CHECK(at(5000).magnitude() == 1.5);
  options.short_mscale = 1.25;
  options.long_mscale = 1.75;
  CHECK(at(4096).magnitude() == 1.25);
  CHECK(at(4097).magnitude() == 1.75);
}

TEST_CASE("Llama 3", "[frequencies]") {
  posenc::Llama3Options options;
  options.factor = 8;
  options.original_max_position_embeddings = 8192;
  const Frequencies plain = geometric_frequencies(128, 5e5);
  const Frequencies large = scale_llama3(plain, options);
  check(large, {{1, ".814617234"},
                {28, ".00321144599"},
                {29, ".00216657076"},
                {30, ".00137189357"},
                {31, "8.56751413e-4"},
                {32, "5.24846161e-4"},
                {33, "3.1269375e-4"},
                {34, "1.78507813e-4"},
                {35, "9.55621235e-5"},
                {63, "3.06892599e-7"}});
  CHECK((large.inv_freq().head(29) == plain.inv_freq().head(29)).all());
  CHECK((large.inv_freq().tail(29) == plain.inv_freq().tail(29) / 8).all());
  for (Eigen::Index i = 29; i <= 34; ++i) {
    CHECK(large.inv_freq()[i] < plain.inv_freq()[i]);
    CHECK(large.inv_freq()[i] > plain.inv_freq()[i] / 8);
  }
  options.factor = 32;
  const Frequencies small = scale_llama3(geometric_frequencies(64, 5e5), options);
  check(small, {{1, ".663601238"},
                {14, ".00321144599"},
                {15, ".00129054793"},
                {16, "4.29556797e-4"},
                {17, "9.7082878e-5"},
                {18, "1.94616382e-5"},
                {31, "9.41830673e-8"}});
  // A pair that turns the other way has the same wavelength.
  const Frequencies mirrored = scale_llama3(Frequencies(-plain.inv_freq()), [] {
    posenc::Llama3Options same;
    same.factor = 8;
    same.original_max_position_embeddings = 8192;
    return same;
  }());
  CHECK((mirrored.inv_freq() == -large.inv_freq()).all());
}

TEST_CASE("Llama 3 without a band between", "[frequencies]") {
  const Frequencies plain = geometric_frequencies(128, 5e5);
  posenc::Llama3Options scout;  // Llama 4 Scout
  scout.factor = 16;
  scout.original_max_position_embeddings = 8192;
  scout.high_freq_factor = 1;
  const Frequencies scaled = scale_llama3(plain, scout);
  // inv_freq * 8192 / (2 pi) falls below 1 where 500000^(2i/128) > 8192 / (2 pi): i > 64 ln(1303.8) / ln(500000)
  // = 34.98.
  CHECK((scaled.inv_freq().head(35) == plain.inv_freq().head(35)).all());
  CHECK((scaled.inv_freq().tail(29) == plain.inv_freq().tail(29) / 16).all());
}

TEST_CASE("proportional is not the rotation of a prefix", "[frequencies]") {
  const Frequencies proportional = scale_proportional(geometric_frequencies(512, 1e6), 0.25);
  check(proportional, {{1, ".947463526"}, {32, ".177827941"}, {63, ".0333762469"}});
  CHECK(proportional.num_pairs() == 256);
  CHECK((proportional.inv_freq().head(64) > 0).all());
  CHECK((proportional.inv_freq().tail(192) == 0).all());
  const Frequencies prefix = geometric_frequencies(128, 1e6);  // int(512 * 0.25) channels
  CHECK(prefix.num_pairs() == 64);
  CHECK((prefix.inv_freq().tail(63) < 0.9 * proportional.inv_freq().segment(1, 63)).all());

  CHECK((scale_proportional(geometric_frequencies(8, 1e4), 0.5, 4).inv_freq() == Eigen::Array4d(0.25, 0.025, 0, 0))
            .all());
  CHECK((scale_proportional(geometric_frequencies(8, 1e4), 1.0).inv_freq() == geometric_frequencies(8, 1e4).inv_freq())
            .all());
  // int(0.9 * 8) = 7 channels are 3 whole pairs.
  CHECK((scale_proportional(geometric_frequencies(8, 1e4), 0.9).inv_freq() > 0).count() == 3);
}

TEST_CASE("inv_freq that transformers prints", "[frequencies][peers]") {
  if (posenc_tests::skip_without_data("inv_freq of transformers")) return;
  posenc::Llama3Options llama3;
  llama3.factor = 10;
  llama3.original_max_position_embeddings = 2048;
  const Frequencies plain = geometric_frequencies(128, 1e4);
  const std::map<std::string, Frequencies> cases = {
      {"hf_invfreq_default", plain},
      {"hf_invfreq_dynamic_factor10_seq16384", scale_dynamic_ntk(plain, 10, 2048, 16384)},
      {"hf_invfreq_llama3_factor10", scale_llama3(plain, llama3)}};
  // Five digits are printed, of float32 numbers: an exponent 2i/d rounded to float moves B^-e by e ln B 2^-24, and the
  // power, the division and the blend of llama3 add less than 8 roundings.
  constexpr int kDigits = 5;
  const double float_error = (std::log(1e4) + 8) * 0x1p-24;
  for (const auto& [name, frequencies] : cases) {
    INFO(name);
    const auto printed = posenc_tests::read_csv(posenc_tests::data_dir() + "/peers/" + name + "/expected.csv");
    REQUIRE(printed.size() == 64);
    posenc_tests::Worst worst;
    for (Eigen::Index i = 0; i < 64; ++i) {
      const double ours = frequencies.inv_freq()[i];
      worst.see(std::abs(ours - printed(0, i)), posenc_tests::half_unit_of_digits(ours, kDigits) + ours * float_error,
                i, ours, printed(0, i));
    }
    INFO(worst.where());
    CHECK(worst.share() <= 1);
  }
}

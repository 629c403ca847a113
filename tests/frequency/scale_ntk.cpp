// SPDX-License-Identifier: MIT
/// NTK-aware, dynamic, fixed and mixed: values from the formulas by hand or printed by other projects.
#include <cmath>

#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"
#include "support/printed.hpp"
#include "support/reference.hpp"

using namespace posenc_tests;

TEST_CASE("NTK-aware", "[frequency][rules]") {
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
  CHECK(same_frequencies(scale_ntk_aware(plain, 1), plain));

  // A list without a base takes the other way to the same numbers. Both are right to 2 ulp.
  constexpr double kTwoSides = 2 * posenc_tests::rule_ulps(2) * 0x1p-52;
  const Frequencies listed = scale_ntk_aware(Frequencies(plain.inv_freq()), 8);
  CHECK(((listed.inv_freq() - scaled.inv_freq()).abs() <= scaled.inv_freq() * kTwoSides).all());
  CHECK(listed.base() == 0);
}

TEST_CASE("dynamic NTK", "[frequency][rules]") {
  const Frequencies plain = geometric_frequencies(128, 1e4);
  const auto at = [&](std::int64_t seq_len) { return scale_dynamic_ntk(plain, {2, 2048}, seq_len); };
  for (const int seq_len : {0, 1, 512, 2047, 2048}) CHECK(same_frequencies(at(seq_len), plain));
  CHECK(Printed("10009.920712").is(at(2049).base()));
  CHECK(Printed("30527.736749").is(at(4096).base()));
  CHECK(Printed("72195.860087").is(at(8192).base()));
  check(at(4096), {{63, "3.84927328e-5"}});

  // The formula without its clamp makes a negative base here.
  const Frequencies nomic = geometric_frequencies(64, 1000);
  CHECK(same_frequencies(scale_dynamic_ntk(nomic, {2, 2048}, 512), nomic));
  CHECK(Printed("3108.223667").is(scale_dynamic_ntk(nomic, {2, 2048}, 4096).base()));
  CHECK(Printed("7453.483032").is(scale_dynamic_ntk(nomic, {2, 2048}, 8192).base()));

  const Frequencies factors = plain.with_magnitude(1.5, 2);
  CHECK(same_frequencies(scale_dynamic_ntk(factors, {2, 2048}, 100), factors));
  CHECK(scale_dynamic_ntk(factors, {2, 2048}, 4096).magnitude() == 1.5);
  CHECK(scale_dynamic_ntk(factors, {2, 2048}, 4096).softmax_multiplier() == 2);
}

TEST_CASE("fixed and mixed NTK of kexue.fm", "[frequency][rules]") {
  const Frequencies plain = geometric_frequencies(128, 1e4);
  check(scale_ntk_mixed(plain, 8, 1),
        {{0, ".968030897"}, {1, ".811481154"}, {32, ".00342250606"}, {63, "1.44347748e-5"}});
  const Frequencies mixed = scale_ntk_mixed(plain, 8, 0.625);
  check(mixed, {{0, ".85679601"}, {1, ".682311756"}, {32, ".0025295748"}, {63, "1.44347748e-5"}});

  // b = 0 is linear interpolation, and b = 1 has no step to the b beside it; 2 ulp for each side.
  constexpr double kTwoSides = 2 * posenc_tests::rule_ulps(2) * 0x1p-52;
  const auto near = [=](const Frequencies& a, const Frequencies& b) {
    return ((a.inv_freq() - b.inv_freq()).abs() <= b.inv_freq() * kTwoSides).all();
  };
  CHECK(near(scale_ntk_mixed(plain, 8, 1), scale_ntk_mixed(plain, 8, 1 + 0x1p-52)));
  CHECK(near(scale_ntk_mixed(plain, 8, 0), scale_linear(plain, 8)));
}

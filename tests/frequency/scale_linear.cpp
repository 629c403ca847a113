// SPDX-License-Identifier: MIT
/// Division by one factor, by a factor for each pair, and of the first pairs only.
#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"

using namespace posenc_tests;

TEST_CASE("linear", "[frequency][rules]") {
  const Frequencies scaled = scale_linear(geometric_frequencies(256, 1e6), 8);
  check(scaled, {{0, ".125"}, {1, ".112210892"}, {64, "1.25000000e-4"}, {127, "1.39246732e-7"}});
  CHECK(scaled.magnitude() == 1);
}

TEST_CASE("a factor of one changes nothing: another rule can follow", "[frequency][rules]") {
  const Frequencies plain = geometric_frequencies(64, 1e5);
  CHECK(scale_linear(plain, 1).base() == 1e5);
  CHECK(scale_proportional(plain, 1).base() == 1e5);
  CHECK(scale_linear(plain, 2).base() == 0);
}

TEST_CASE("a factor for each pair is the ratio of two lists", "[frequency][rules]") {
  const Frequencies plain = geometric_frequencies(128, 5e5);
  posenc::Llama3Options options;
  options.factor = 8;
  options.original_max_position_embeddings = 8192;
  const Frequencies llama3 = scale_llama3(plain, options);
  const Eigen::ArrayXd freq_factors = plain.inv_freq() / llama3.inv_freq();
  const Frequencies again = scale_linear(plain, freq_factors);
  // Two divisions, half an ulp each.
  CHECK(((again.inv_freq() - llama3.inv_freq()).abs() <= llama3.inv_freq() * 0x1p-52).all());
  CHECK(same_frequencies(scale_linear(plain, std::vector<double>(freq_factors.begin(), freq_factors.end())), again));
  // factors below 1 speed a pair up
  CHECK(scale_linear(geometric_frequencies(4, 1e4), Eigen::Array2d(0.5, 4)).inv_freq()[0] == 2);
}

TEST_CASE("proportional is not the rotation of a prefix", "[frequency][rules]") {
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

// SPDX-License-Identifier: MIT
/// Geometric and spaced series, and explicit lists.
#include <cmath>

#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"

using namespace posenc_tests;

TEST_CASE("geometric frequencies", "[frequency][rules]") {
  check(geometric_frequencies(128, 1e4),
        {{0, "1.00000000"}, {1, ".865964323"}, {16, ".100000000"}, {32, ".0100000000"}, {63, "1.15478198e-4"}});
  check(geometric_frequencies(24, 1e4), {{1, ".464158883"}, {11, "2.15443469e-4"}});
  check(geometric_frequencies(64, 1e4), {{1, ".749894209"}, {31, "1.33352143e-4"}});
  CHECK(geometric_frequencies(64, 1e4).base() == 1e4);
  CHECK(geometric_frequencies(64, 1e4).rotary_dim() == 64);
}

TEST_CASE("spaced frequencies end where their divisor says", "[frequency][rules]") {
  constexpr Eigen::Index pairs = 32;
  const Frequencies paper = posenc::spaced_frequencies(pairs, 1e4, pairs);
  CHECK((paper.inv_freq() == geometric_frequencies(2 * pairs, 1e4).inv_freq()).all());
  const Frequencies t2t = posenc::spaced_frequencies(pairs, 1e4, pairs - 1);
  CHECK(t2t.inv_freq()[0] == 1);
  CHECK(t2t.inv_freq()[pairs - 1] == 1e-4);
  CHECK(t2t.base() == 0);
  CHECK(posenc::spaced_frequencies(1, 1e4, 0).inv_freq()[0] == 1);
}

TEST_CASE("an explicit list keeps its values and takes factors", "[frequency][rules]") {
  const Eigen::Vector3f list(0.5f, -0.25f, 0.f);
  const Frequencies given(list, 2.0, 3.0);
  CHECK(Frequencies(std::vector<double>{0.5, -0.25, 0}, 2.0, 3.0).id() == given.id());
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
  const double softmax = std::pow(0.1 * std::log(4.0) + 1, 2);
  const Frequencies twice = scale_yarn(geometric_frequencies(128, 1e6).with_magnitude(2, 3), options);
  CHECK(twice.magnitude() == 2.5);
  CHECK(std::abs(twice.softmax_multiplier() - 3 * softmax) <= 3 * softmax * 0x1p-51);
}

TEST_CASE("frequencies of channels remain such under every rule", "[frequency][rules]") {
  const Frequencies channels = geometric_frequencies(16, 1e4).for_channels();
  const Frequencies list = Frequencies(channels.inv_freq()).for_channels();
  posenc::Llama3Options llama3;
  llama3.factor = 8;
  llama3.low_freq_factor = 1;
  llama3.high_freq_factor = 4;
  llama3.original_max_position_embeddings = 8192;
  for (const Frequencies& given : {channels, list}) {
    CHECK(scale_linear(given, 2).of_channels());
    CHECK(scale_linear(given, std::vector<double>(8, 2.0)).of_channels());
    CHECK(posenc::scale_ntk_aware(given, 2).of_channels());
    CHECK(posenc::scale_ntk_mixed(given, 4, 0.3).of_channels());
    CHECK(posenc::scale_llama3(given, llama3).of_channels());
    CHECK(posenc::scale_periodic(given, 100).of_channels());
    CHECK(given.with_magnitude(2).of_channels());
  }
  CHECK(scale_yarn(channels, options_of(kQwen25)).of_channels());
  CHECK_FALSE(scale_linear(geometric_frequencies(16, 1e4), 2).of_channels());
}

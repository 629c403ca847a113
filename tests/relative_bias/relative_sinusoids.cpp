// SPDX-License-Identifier: MIT
#include "relative_bias/relative_support.hpp"
#include "support/data.hpp"

using namespace posenc_tests;
using namespace posenc_tests::relative;
using posenc::ChannelOrder;
using posenc::DistanceRange;
using posenc::geometric_frequencies;

TEST_CASE("relative sinusoids: [sin | cos] of query - key", "[relative_bias][relative_sinusoids][accuracy]") {
  const auto r = posenc::make_relative_sinusoids<double>(DistanceRange(-9, 4), geometric_frequencies(8, 10000.0),
                                                         ChannelOrder::sin_cos);
  REQUIRE(r.rows() == 14);
  for (Index m = 0; m < 14; ++m) {
    const double n = -static_cast<double>(m - 9);
    for (Index i = 0; i < 4; ++i) {
      const double angle = n * std::pow(10000.0, -2.0 * static_cast<double>(i) / 8);
      REQUIRE(std::abs(r(m, i) - std::sin(angle)) <= 16 * kEpsilon);  // an angle up to 9 carries half an ulp of 16
      REQUIRE(std::abs(r(m, 4 + i) - std::cos(angle)) <= 16 * kEpsilon);
    }
  }
  REQUIRE(posenc::make_relative_sinusoids<float>(DistanceRange::causal(0), geometric_frequencies(8, 10000.0),
                                                 ChannelOrder::sin_cos)
              .rows() == 0);
  const auto interleaved = posenc::make_relative_sinusoids<double>(
      DistanceRange(-9, 4), geometric_frequencies(8, 10000.0), ChannelOrder::interleaved);
  for (Index i = 0; i < 4; ++i) {
    REQUIRE(same_bits(interleaved.col(2 * i), r.col(i)));
    REQUIRE(same_bits(interleaved.col(2 * i + 1), r.col(4 + i)));
  }
  if (skip_without_data("RoFormer sinusoids")) return;
  // Positions 0 and 1 of the published table are the distances query - key = 0 and 1.
  const RowMatrixXd expected = read_csv(data_dir() + "/peers/hf_roformer_sinusoidal_2x6/expected.csv");
  const auto of_peer = posenc::make_relative_sinusoids<double>(DistanceRange(-1, 0), geometric_frequencies(6, 10000.0),
                                                               ChannelOrder::sin_cos);
  constexpr double kFourDecimals = 0.5e-4 + 1e-12;
  REQUIRE(distance(of_peer.row(1), expected.row(0)) <= kFourDecimals);
  REQUIRE(distance(of_peer.row(0), expected.row(1)) <= kFourDecimals);
}

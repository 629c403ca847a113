// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceRange;

TEST_CASE("spans: positions, distances and what a causal query sees", "[relative_bias][attention_span]") {
  const AttentionSpan prefill = AttentionSpan::cached(3, 10);
  REQUIRE(prefill.query_offset() == 7);
  REQUIRE(prefill.distance(0, 0) == -7);
  REQUIRE(prefill.distance(2, 9) == 0);
  REQUIRE(prefill.visible_keys(0) == 8);
  REQUIRE(prefill.visible_keys(2) == 10);
  REQUIRE(prefill.distances().first() == -9);
  REQUIRE(prefill.distances().last() == 2);
  const AttentionSpan ahead = AttentionSpan::at(posenc::PositionRange(-2, 4), 6);
  REQUIRE(ahead.visible_keys(0) == 0);
  REQUIRE(ahead.visible_keys(3) == 2);
  REQUIRE(AttentionSpan::square(0).distances().size() == 0);
  REQUIRE(DistanceRange::causal(4).first() == -3);
  REQUIRE(DistanceRange::causal(4).last() == 0);
  REQUIRE(DistanceRange::causal(0).size() == 0);
  REQUIRE(DistanceRange::symmetric(4).size() == 7);
  REQUIRE(DistanceRange::symmetric(0).size() == 0);
}

// SPDX-License-Identifier: MIT
/// xPos: tables against the formula, scores that depend on the distance and decay with it.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

constexpr Index kHeadDim = 64;

Wide scale(Index pair, Wide position, Wide center, Wide scale_base = 512, Wide gamma = 0.4) {
  const Wide d = kHeadDim;
  return std::pow((2 * static_cast<Wide>(pair) + gamma * d) / ((1 + gamma) * d), (position - center) / scale_base);
}

}  // namespace

TEMPLATE_TEST_CASE("xPos tables are cos and sin times zeta^power", "[rope][xpos]", float, double) {
  const auto frequencies = posenc::geometric_frequencies(kHeadDim, 1e4);
  for (const double center : {0.0, 1024.5}) {
    const auto tables = posenc::make_xpos_tables<TestType>(frequencies, posenc::PositionRange(1900, 40), center);
    CHECK(tables.queries.first_position() == 1900);
    CHECK(tables.keys.first_position() == 1900);
    double worst = 0;
    for (Index row = 0; row < 40; ++row) {
      for (Index j = 0; j < kHeadDim / 2; ++j) {
        const Wide angle = static_cast<Wide>(1900 + row) * static_cast<Wide>(frequencies.inv_freq()[j]);
        const Wide grow = scale(j, 1900 + row, center);
        // make_table()'s 2^-50 + |angle| 2^-51, the exponential's 2^-50 (1 + power), one rounding to the scalar.
        const Wide bound =
            0x1p-50L + std::abs(angle) * 0x1p-51L + 0x1p-50L * 5 + (kUnit<TestType> < 0x1p-50 ? 0 : kUnit<TestType>);
        const auto error = [&](const auto& got, Wide want, Wide factor) {
          const Wide distance = std::abs(static_cast<Wide>(got(row, j)) - want * factor);
          worst = std::max(worst, static_cast<double>(distance / (bound * factor)));
        };
        error(tables.queries.cos(), std::cos(angle), grow);
        error(tables.queries.sin(), std::sin(angle), grow);
        error(tables.keys.cos(), std::cos(angle), 1 / grow);
        error(tables.keys.sin(), std::sin(angle), 1 / grow);
      }
    }
    CHECK(worst <= 1);
  }
}

TEST_CASE("xPos scores depend on the distance, whatever the center and the table", "[rope][xpos]") {
  const auto frequencies = posenc::geometric_frequencies(kHeadDim, 1e4);
  const auto layout = RopeLayout::interleaved(kHeadDim);
  const auto q = Noise(1).matrix<double>(1, kHeadDim);
  const auto k = Noise(2).matrix<double>(1, kHeadDim);
  const auto score = [&](std::int64_t p, std::int64_t distance, double center) {
    RowMatrix<double> a = q, b = k;
    apply_rope(a, posenc::make_xpos_tables<double>(frequencies, posenc::PositionRange(p, 1), center).queries, layout);
    apply_rope(b, posenc::make_xpos_tables<double>(frequencies, posenc::PositionRange(p - distance, 1), center).keys,
               layout);
    return a.row(0).dot(b.row(0));
  };
  for (const std::int64_t distance : {0, 1, 100, 700}) {
    // The score from its formula: sum over pairs of zeta^(distance / 512) times the turned product.
    Wide expected = 0, reach = 0;
    for (Index j = 0; j < kHeadDim / 2; ++j) {
      const Wide angle = static_cast<Wide>(distance) * static_cast<Wide>(frequencies.inv_freq()[j]);
      const Wide qa = q(0, 2 * j), qb = q(0, 2 * j + 1), ka = k(0, 2 * j), kb = k(0, 2 * j + 1);
      expected += scale(j, static_cast<Wide>(distance), 0) *
                  ((qa * ka + qb * kb) * std::cos(angle) + (qb * -ka + qa * kb) * -std::sin(angle) * -1);
      reach += (std::abs(qa) + std::abs(qb)) * (std::abs(ka) + std::abs(kb));
    }
    for (const std::int64_t p : {700, 3000}) {
      for (const double center : {0.0, 500.0, -2000.0}) {
        // Angles up to 3000 and powers up to 10 err by some 2^-41 and 2^-46 in all.
        CHECK(std::abs(score(p, distance, center) - static_cast<double>(expected)) <=
              static_cast<double>(reach) * 0x1p-40);
      }
    }
  }
}

TEST_CASE("the inverse of one xPos table is the adjoint of the other", "[rope][xpos]") {
  const auto layout = RopeLayout::half_split(kHeadDim);
  const auto tables =
      posenc::make_xpos_tables<double>(posenc::geometric_frequencies(kHeadDim, 1e4), posenc::PositionRange(1000, 4), 0);
  const auto given = Noise(3).matrix<double>(4, 2 * kHeadDim);
  RowMatrix<double> x = given;
  apply_rope(x, tables.queries, layout);
  posenc::apply_rope(x, tables.keys.adjoint(), layout);
  // There zeta^2 at most shrinks a pair, back it grows: two rotations relative to the length of a pair.
  CHECK((x - given).cwiseAbs().maxCoeff() <= 2 * std::sqrt(2.0) * kRoundings * 0x1p-53 * 4 + 0x1p-48);
  CHECK(tables.queries.magnitude() == 0);
  CHECK_THROWS_AS(posenc::apply_rope(x, tables.queries.inverse(), layout), std::invalid_argument);

  // <F x, g> = <x, F* g>
  const auto g = Noise(4).matrix<double>(4, 2 * kHeadDim);
  RowMatrix<double> forward = given, backward = g;
  apply_rope(forward, tables.keys, layout);
  posenc::apply_rope(backward, tables.keys.adjoint(), layout);
  const double left = forward.cwiseProduct(g).sum();
  CHECK(std::abs(left - given.cwiseProduct(backward).sum()) <= 1e-12 * forward.norm() * g.norm());
}

TEMPLATE_TEST_CASE("xPos refuses what its scalar cannot hold", "[rope][xpos]", float, Eigen::half) {
  const auto frequencies = posenc::geometric_frequencies(kHeadDim, 1e4);
  const double zeta = static_cast<double>(scale(0, 512, 0));
  const double largest = std::is_same_v<TestType, float> ? 3.4e38 : 65504.0;
  const auto edge = static_cast<std::int64_t>((std::log(largest) - 0.6) / -std::log(zeta) * 512);
  const auto tables = posenc::make_xpos_tables<TestType>(frequencies, posenc::PositionRange(edge, 1), 0);
  CHECK(tables.keys.cos().template cast<double>().isFinite().all());
  const auto beyond = static_cast<std::int64_t>(static_cast<double>(edge) * 1.1);
  CHECK_THROWS_AS(posenc::make_xpos_tables<TestType>(frequencies, posenc::PositionRange(beyond, 1), 0),
                  std::out_of_range);
  CHECK_NOTHROW(posenc::make_xpos_tables<TestType>(frequencies, posenc::PositionRange(beyond, 1),
                                                   static_cast<double>(beyond) / 2));
}

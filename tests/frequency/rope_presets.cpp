// SPDX-License-Identifier: MIT
/// Frequencies of models by name, bases of axes, and periodic frequencies, against their formulas.
#include <cmath>
#include <limits>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"

namespace {

/// Relative error in units of double's rounding.
double units(double got, long double want) {
  if (want == 0) return got == 0 ? 0 : 1e300;
  return std::abs(static_cast<double>((static_cast<long double>(got) - want) / want)) / 0x1p-53;
}

}  // namespace

TEST_CASE("nanochat and modded-nanogpt rotate against the usual sense", "[frequency][presets]") {
  const auto chat = posenc::presets::nanochat_frequencies(128, 1e4).inv_freq();
  const auto plain = posenc::geometric_frequencies(128, 1e4).inv_freq();
  CHECK((chat == -plain).all());
  const auto speed = posenc::presets::modded_nanogpt_frequencies(128).inv_freq();
  REQUIRE(speed.size() == 64);
  double worst = 0;
  for (Eigen::Index i = 0; i < 32; ++i) {
    worst = std::max(worst, units(speed[i], -std::pow(1024.0L, -static_cast<long double>(i) / 31)));
  }
  CHECK(worst <= 2);
  CHECK(speed[31] == -1.0 / 1024);
  CHECK((speed.tail(32) == 0).all());
}

TEST_CASE("V-JEPA 2 has a frequency for each channel", "[frequency][presets]") {
  for (const int head_dim : {6, 64, 80, 88}) {
    const auto model = posenc::presets::vjepa2_frequencies(head_dim);
    const int n = head_dim / 6;
    REQUIRE(model.frequencies.num_pairs() == 6 * n);
    double worst = 0;
    for (int c = 0; c < 6 * n; ++c) {
      CHECK(model.axes.axis_of_pair()[c] == c / (2 * n));
      const long double want = std::pow(10000.0L, -static_cast<long double>(c % n) / n);
      worst = std::max(worst, units(model.frequencies.inv_freq()[c], want));
    }
    CHECK(worst <= 2);
  }
}

TEST_CASE("ERNIE-Image has a frequency for each channel", "[frequency][presets]") {
  const auto model = posenc::presets::ernie_image_frequencies({4, 6}, 256);
  REQUIRE(model.frequencies.num_pairs() == 10);
  for (int c = 0; c < 10; ++c) {
    const int axis = c < 4 ? 0 : 1, i = (axis == 0 ? c : c - 4) / 2, n = axis == 0 ? 2 : 3;
    CHECK(model.axes.axis_of_pair()[c] == axis);
    const long double want = std::pow(256.0L, -static_cast<long double>(i) / n);
    CHECK(units(model.frequencies.inv_freq()[c], want) <= 2);
  }
}

TEST_CASE("axes may have bases of their own", "[frequency][axial]") {
  const auto of_bases = posenc::axial_frequencies({3, 4, 5}, {100.0, 1e4, 256.0}, 0.5);
  Eigen::Index first = 0;
  const double bases[] = {100.0, 1e4, 256.0};
  for (int axis = 0; axis < 3; ++axis) {
    const auto one = posenc::axial_frequencies({3 + axis}, bases[axis], 0.5);
    CHECK((of_bases.frequencies.inv_freq().segment(first, 3 + axis) == one.frequencies.inv_freq()).all());
    CHECK((of_bases.axes.axis_of_pair().segment(first, 3 + axis) == axis).all());
    first += 3 + axis;
  }
}

TEST_CASE("periodic frequencies are back after a period", "[frequency][periodic]") {
  const auto plain = posenc::geometric_frequencies(32, 1e4).with_magnitude(1.5, 2.5);
  for (const double period : {1.0, 48.0, 97.5}) {
    const auto rounded = posenc::scale_periodic(plain, period);
    CHECK(rounded.magnitude() == 1.5);
    CHECK(rounded.softmax_multiplier() == 2.5);
    double worst = 0;
    for (Eigen::Index i = 0; i < 16; ++i) {
      const long double circle = 2 * std::acos(-1.0L);
      const long double circles = static_cast<long double>(plain.inv_freq()[i]) * period / circle;
      worst = std::max(worst, units(rounded.inv_freq()[i], circle * std::floor(circles + 0.5L) / period));
    }
    CHECK(worst <= 4);  // 2 ulp
  }
  // 2 circles in 12 positions, 1, and none.
  const auto few = posenc::scale_periodic(posenc::Frequencies(std::vector<double>{1.0, 0.5, 0.2, -1.0}), 12);
  const std::vector<double> circles = {2, 1, 0, -2};
  for (Eigen::Index i = 0; i < 4; ++i) {
    CHECK(std::abs(few.inv_freq()[i] - 2 * 3.14159265358979323846 * circles[static_cast<std::size_t>(i)] / 12) <=
          1e-15);
  }
  const auto table = posenc::make_table<double>(few, std::vector<int>{5, 17});
  CHECK((table.cos().row(0) - table.cos().row(1)).abs().maxCoeff() <= 1e-14);

  // Rows of 8, columns of 12, time as it is.
  const auto axial = posenc::axial_frequencies({4, 4, 4}, 1e4);
  const std::vector<double> periods = {std::numeric_limits<double>::infinity(), 8, 12};
  const auto both = posenc::scale_periodic(axial.frequencies, axial.axes, periods);
  CHECK((both.inv_freq().head(4) == axial.frequencies.inv_freq().head(4)).all());
  for (int axis = 1; axis < 3; ++axis) {
    const posenc::Frequencies of_axis(axial.frequencies.inv_freq().segment(4 * axis, 4).eval());
    const double period = periods[static_cast<std::size_t>(axis)];
    const auto one = posenc::scale_periodic(of_axis, period);
    CHECK((both.inv_freq().segment(4 * axis, 4) == one.inv_freq()).all());
  }
}

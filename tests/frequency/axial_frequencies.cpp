// SPDX-License-Identifier: MIT
/// Frequencies of vision towers.
#include <array>
#include <cmath>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/reference.hpp"

TEST_CASE("spectra of vision towers", "[frequency][axial]") {
  // Printed in double with 9 digits: d/4 = 16 frequencies of base 100 (DINOv3, head 64), without and with 2 pi.
  constexpr double kPrinted = 1e-8;
  const auto dinov3 = posenc::axial_frequencies({16, 16}, 100);
  CHECK(std::abs(dinov3.frequencies.inv_freq()[1] / 0.749894209 - 1) < kPrinted);
  CHECK(std::abs(dinov3.frequencies.inv_freq()[15] / 0.0133352143 - 1) < kPrinted);
  CHECK((dinov3.frequencies.inv_freq().head(16) == dinov3.frequencies.inv_freq().tail(16)).all());
  CHECK(dinov3.axes == posenc::contiguous_axes({16, 16}));
  const auto circles = posenc::axial_frequencies({16, 16}, 100, 6.283185307179586);
  CHECK(std::abs(circles.frequencies.inv_freq()[17] / (6.283185307179586 * 0.749894209) - 1) < kPrinted);

  // Pixtral: rows take the even, columns the odd entries of one series.
  const auto pixtral = posenc::axial_frequencies({16, 16}, 1e4, posenc::AxialSeries::alternating);
  constexpr double kOneRule = posenc_tests::rule_ulps(1) * 0x1p-52;
  for (int i = 0; i < 16; ++i) {
    for (int axis = 0; axis < 2; ++axis) {
      const long double expected = std::pow(1e4L, -(4.0L * i + 2 * axis) / 64);
      CHECK(std::abs(static_cast<double>(pixtral.frequencies.inv_freq()[16 * axis + i] / expected - 1)) <= kOneRule);
    }
  }
  CHECK(pixtral.axes == posenc::contiguous_axes({16, 16}));
  const auto three = posenc::axial_frequencies({2, 2, 2}, 1e4, posenc::AxialSeries::alternating);
  const Eigen::ArrayXd one = posenc::geometric_frequencies(12, 1e4).inv_freq();
  CHECK((three.frequencies.inv_freq() == one(std::array<int, 6>{0, 3, 1, 4, 2, 5})).all());
  const auto separate = posenc::axial_frequencies({16, 16}, 100, posenc::AxialSeries::one_per_axis);
  CHECK(separate.frequencies.id() == dinov3.frequencies.id());

  // timm: pi linspace(1, 112, 16) for max_res 224.
  const auto pixel = posenc::pixel_frequencies(2, 16, 224, posenc::PixelBands::linear);
  CHECK(std::abs(pixel.frequencies.inv_freq()[0] - 3.14159265358979) < 1e-14);
  CHECK(std::abs(pixel.frequencies.inv_freq()[15] / (112 * 3.14159265358979) - 1) < 1e-14);
  CHECK(std::abs(pixel.frequencies.inv_freq()[17] / (8.4 * 3.14159265358979) - 1) < 1e-14);
  CHECK(pixel.axes.num_axes() == 2);
  CHECK(posenc::axial_frequencies({0, 2}, 100).frequencies.num_pairs() == 2);
}

TEST_CASE("pixel bands of equal ratios", "[frequency][axial]") {
  // timm: pi 2^linspace(0, log2(max_res) - 1, n).
  const long double pi = 3.14159265358979323846264338327950288L;
  for (const double highest : {224.0, 10.0, 77.0, 1.0}) {
    for (const int n : {1, 2, 5, 16}) {
      const auto bands = posenc::pixel_frequencies(3, n, highest, posenc::PixelBands::geometric);
      CHECK(bands.axes == posenc::contiguous_axes({n, n, n}));
      for (int pair = 0; pair < 3 * n; ++pair) {
        const int i = pair % n;
        const long double exponent = n == 1 ? 0 : (std::log2(static_cast<long double>(highest)) - 1) * i / (n - 1);
        const long double expected = pi * std::exp2(exponent);
        CHECK(std::abs(static_cast<double>(bands.frequencies.inv_freq()[pair] / expected - 1)) <=
              posenc_tests::rule_ulps(2) * 0x1p-52);
      }
    }
  }
}

TEST_CASE("axes in turn have equal frequencies", "[frequency][axial]") {
  const auto turns = posenc::axial_frequencies({4, 4, 4}, 1e4, posenc::AxialSeries::in_turn);
  const Eigen::ArrayXd series = posenc::geometric_frequencies(8, 1e4).inv_freq();
  REQUIRE(turns.axes.num_axes() == 3);
  for (int pair = 0; pair < 12; ++pair) {
    CHECK(turns.frequencies.inv_freq()[pair] == series[pair / 3]);
    CHECK(turns.axes.axis_of_pair()[pair] == pair % 3);
  }
  const auto single = posenc::axial_frequencies({3}, 1e4, posenc::AxialSeries::in_turn);
  CHECK((single.frequencies.inv_freq() == posenc::geometric_frequencies(6, 1e4).inv_freq()).all());
}

TEST_CASE("a prefix token at zeros is not rotated", "[frequency][axial]") {
  const auto dinov3 = posenc::axial_frequencies({16, 16}, 100, 6.283185307179586);
  Eigen::MatrixXd positions = Eigen::MatrixXd::Zero(1 + 6, 2);
  positions.bottomRows(6) = posenc::patch_centers({2, 3});
  const auto table = posenc::make_table<float>(dinov3.frequencies, dinov3.axes, positions);
  CHECK((table.cos().row(0) == 1).all());
  CHECK((table.sin().row(0) == 0).all());
  CHECK((table.sin().row(1) != 0).any());
}

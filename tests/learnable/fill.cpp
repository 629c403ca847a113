// SPDX-License-Identifier: MIT
/// Initial values: their distributions, and their bits.
#include "posenc/learnable.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

using namespace posenc_tests;

namespace {

constexpr Eigen::Index kRows = 200;
constexpr Eigen::Index kWidth = 500;
constexpr double kCount = kRows * kWidth;
// A mean of n values of deviation s has deviation s / sqrt(n), their mean square s^2 sqrt(2 / n) at most: five of
// those.
constexpr double kDeviations = 5;

struct Moments {
  double mean;
  double stddev;
  double low;
  double high;
};

Moments moments(const RowMatrix<double>& x) {
  const double mean = x.mean();
  return {mean, std::sqrt((x.array() - mean).square().mean()), x.minCoeff(), x.maxCoeff()};
}

std::uint64_t bits_of(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

/// FNV-1a of the doubles' bits.
std::uint64_t digest(const RowMatrix<double>& x) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const std::uint64_t bits = bits_of(x.data()[i]);
    for (int k = 0; k < 8; ++k) hash = (hash ^ (bits >> (8 * k) & 0xff)) * 0x100000001b3u;
  }
  return hash;
}

}  // namespace

TEST_CASE("normal quantiles", "[learnable][initialize]") {
  const auto golden = posenc_tests::golden("learnable/normal_quantile.csv");
  const auto rows = golden.block("p_z").matrix();
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    CAPTURE(rows(i, 0));
    REQUIRE(std::abs(posenc::detail::normal_quantile(rows(i, 0)) - rows(i, 1)) <= 2e-15 * std::abs(rows(i, 1)));
  }
  // erfc to an ulp gives the share below z.
  for (const double z : {-30.0, -8.0, -2.0, -0.5, 0.0, 0.7, 3.0}) {
    const double share = std::erfc(-z / std::sqrt(2.0)) / 2;
    // d share / share = z dz or less, with dz = 2e-15 |z|, and the rounding of erfc's argument likewise.
    REQUIRE(std::abs(posenc::detail::normal_share_below(z) - share) <= (4e-15 * z * z + 4 * 0x1p-52) * share);
  }
}

TEST_CASE("the logarithm that stands in for libm", "[learnable][initialize]") {
  for (double x = 1e-308; x < 1e300; x *= 1.37) {
    REQUIRE(std::abs(posenc::detail::portable_log(x) - std::log(x)) <= 3 * 0x1p-52 * std::abs(std::log(x)));
  }
  REQUIRE(posenc::detail::portable_log(1.0) == 0.0);
}

TEST_CASE("moments of the initializers", "[learnable][initialize]") {
  RowMatrix<double> x(kRows, kWidth);
  posenc::fill(x, posenc::Normal(0.02, 0.1), posenc::Seed(1));
  REQUIRE(std::abs(moments(x).mean - 0.1) <= kDeviations * 0.02 / std::sqrt(kCount));
  REQUIRE(std::abs(moments(x).stddev / 0.02 - 1) <= kDeviations / std::sqrt(2 * kCount));

  posenc::fill(x, posenc::Uniform(-0.1, 0.3), posenc::Seed(2));
  REQUIRE(std::abs(moments(x).mean - 0.1) <= kDeviations * 0.4 / std::sqrt(12 * kCount));
  REQUIRE(moments(x).low >= -0.1);
  REQUIRE(moments(x).high <= 0.3);
  REQUIRE(moments(x).high - moments(x).low >= 0.4 * (1 - 20 / kCount));  // e^-20 to fail for a true generator

  posenc::fill(x, posenc::XavierUniform(2.0), posenc::Seed(3));
  const double bound = 2 * std::sqrt(6.0 / (kRows + kWidth));
  REQUIRE(moments(x).high <= bound);
  REQUIRE(moments(x).high >= bound * (1 - 40 / kCount));
  REQUIRE(moments(x).low >= -bound);
  posenc::fill(x, posenc::XavierNormal(), posenc::Seed(4));
  REQUIRE(std::abs(moments(x).stddev / std::sqrt(2.0 / (kRows + kWidth)) - 1) <= kDeviations / std::sqrt(2 * kCount));
  posenc::fill(x, posenc::Zeros());
  REQUIRE((x.array() == 0.0).all());

  // Cut at 2 deviations, the deviation is sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) = 0.8796256610342398.
  posenc::fill(x, posenc::TruncatedNormal(0.5, 0.0, 2.0, 1.0), posenc::Seed(5));
  REQUIRE(std::abs(moments(x).mean - 1) <= kDeviations * 0.44 / std::sqrt(kCount));
  REQUIRE(std::abs(moments(x).stddev / 0.5 - 0.8796256610342398) <= kDeviations / std::sqrt(2 * kCount));
  REQUIRE(moments(x).low >= 0.0);
  REQUIRE(moments(x).low < 0.01);
  REQUIRE(moments(x).high <= 2.0);
  REQUIRE(moments(x).high > 1.99);
}

TEST_CASE("truncated normal far from the mean", "[learnable][initialize]") {
  RowMatrix<double> up(kRows, kWidth);
  RowMatrix<double> down(kRows, kWidth);
  posenc::fill(up, posenc::TruncatedNormal(1.0, 8.0, 9.0, 0.0), posenc::Seed(1));
  posenc::fill(down, posenc::TruncatedNormal(1.0, -9.0, -8.0, 0.0), posenc::Seed(1));
  REQUIRE(up == -down);
  REQUIRE(moments(up).low >= 8.0);
  REQUIRE(moments(up).high <= 9.0);
  // Beyond z = 8 the excess is nearly exponential with mean 1/8 (1 - 2/64 + ...) = 0.1213 +- 0.0005.
  REQUIRE(std::abs(moments(up).mean - 8.1213) <= 0.0005 + kDeviations * 0.12 / std::sqrt(kCount));

  RowMatrix<double> plain(4, 4);
  RowMatrix<double> cut(4, 4);
  posenc::fill(plain, posenc::Normal(0.02), posenc::Seed(9));
  posenc::fill(cut, posenc::TruncatedNormal(0.02, -2, 2), posenc::Seed(9));  // +-100 deviations cut nothing
  REQUIRE(plain == cut);
}

TEST_CASE("a seed gives the same bits on every platform", "[learnable][initialize][portable]") {
  // Written down once (x86-64, gcc 12); any other platform, compiler and set of flags must reproduce them.
  RowMatrix<double> x(64, 64);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(2026));
  REQUIRE(digest(x) == 0xc732cf98e843c9e1u);
  posenc::fill(x, posenc::Uniform(-0.1, 0.3), posenc::Seed(2026));
  REQUIRE(digest(x) == 0xb224ad7db9df3f73u);
  posenc::fill(x, posenc::TruncatedNormal(0.02, -0.04, 0.03, 0.0), posenc::Seed(2026));
  REQUIRE(digest(x) == 0x71f0a9d7de7fd920u);
  posenc::fill(x, posenc::XavierUniform(), posenc::Seed(2026));
  REQUIRE(digest(x) == 0xe015d583dd5ed76bu);
}

TEST_CASE("values go along the rows, whatever the storage and the scalar", "[learnable][initialize]") {
  RowMatrix<double> x(6, 7);
  ColumnMatrix<double> col(6, 7);
  RowMatrix<float> single(6, 7);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(3));
  posenc::fill(col, posenc::Normal(1.0), posenc::Seed(3));
  posenc::fill(single, posenc::Normal(1.0), posenc::Seed(3));
  REQUIRE(x == col);
  REQUIRE(single == x.cast<float>());
  RowMatrix<double> first_rows(2, 7);
  posenc::fill(first_rows, posenc::Normal(1.0), posenc::Seed(3));
  REQUIRE(first_rows == x.topRows(2));
  RowMatrix<double> other(6, 7);
  posenc::fill(other, posenc::Normal(1.0), posenc::Seed(4));
  REQUIRE((other.array() != x.array()).all());
}

TEST_CASE("the sinusoidal start is the sinusoidal table", "[learnable][initialize]") {
  using posenc::ChannelOrder;
  for (const ChannelOrder order : {ChannelOrder::interleaved, ChannelOrder::sin_cos, ChannelOrder::cos_sin}) {
    const posenc::SinusoidalEncoding encoding(70, {order, posenc::FrequencySpacing::over_width});
    RowMatrix<float> expected(40, 70);
    posenc::encode_sinusoidal(expected, encoding, posenc::starting_at(0));
    posenc::LearnedTable<float> table(40, 70);
    posenc::fill(table.values(), posenc::SinusoidalRows(posenc::geometric_frequencies(70, 10000), order));
    REQUIRE(table.values() == expected);
  }
}

TEST_CASE("initial values are distributed as those of torch and timm", "[learnable][initialize]") {
  const auto golden = posenc_tests::golden("learnable/initializers.csv");
  constexpr double kTheirs = 4e6;
  const Eigen::Index sizes[][2] = {{4, 6}, {30, 51}, {512, 64}};
  const auto compare = [&](const std::string& name, int n, const auto& rule) {
    INFO(name << " " << n);
    const Eigen::Index rows = sizes[n][0], columns = sizes[n][1];
    const int tables = static_cast<int>(40'000 / (rows * columns) + 1);
    const auto expected = golden.block(name + "-" + std::to_string(n)).matrix();
    Eigen::VectorXd below = Eigen::VectorXd::Zero(expected.rows());
    for (int t = 0; t < tables; ++t) {
      Eigen::MatrixXd x(rows, columns);
      posenc::fill(x, rule, posenc::Seed(t));
      for (Eigen::Index i = 0; i < below.size(); ++i)
        below[i] += static_cast<double>((x.array() < expected(i, 1)).count());
    }
    // The share of ours below their quantile: both are off by the deviation of a share of so many draws.
    const double count = static_cast<double>(tables) * static_cast<double>(rows * columns);
    for (Eigen::Index i = 0; i < below.size(); ++i) {
      const double share = expected(i, 0);
      const double deviation = std::sqrt(share * (1 - share) * (1 / count + 1 / kTheirs));
      CHECK(std::abs(below[i] / count - share) <= kDeviations * deviation);
    }
  };
  for (int n = 0; n < 3; ++n) {
    compare("normal", n, posenc::Normal(0.02, 0.1));
    compare("uniform", n, posenc::Uniform(-0.3, 0.1));
    for (const char* name : {"truncated", "timm_truncated"}) {
      compare(name, n, posenc::TruncatedNormal(0.02, -0.04, 0.03, 0.01));
    }
    compare("xavier_uniform", n, posenc::XavierUniform());
    compare("xavier_normal", n, posenc::XavierNormal());
  }
}

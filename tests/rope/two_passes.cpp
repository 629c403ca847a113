// SPDX-License-Identifier: MIT
/// Methods that make two passes of logits, one for near pairs and one for far ones: Self-Extend, ReRoPE, leaky ReRoPE.
#include <algorithm>
#include <cmath>
#include <vector>

#include "posenc/positions.hpp"
#include "posenc/rope.hpp"

#include "support/catch2.hpp"

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index kTokens = 23;
constexpr Eigen::Index kDim = 8;
constexpr int kWindow = 5;
constexpr int kGroup = 3;
const posenc::Frequencies kFrequencies = posenc::geometric_frequencies(kDim, 100);
const posenc::RopeLayout kLayout = posenc::RopeLayout::half_split(kDim);

Matrix queries() {
  return Matrix::NullaryExpr(kTokens, kDim, [](Eigen::Index i, Eigen::Index j) {
    return static_cast<double>((7 * i + 5 * j * j + 3) % 11) / 5 - 1;
  });
}

Matrix keys() {
  return Matrix::NullaryExpr(kTokens, kDim, [](Eigen::Index i, Eigen::Index j) {
    return static_cast<double>((5 * i * i + 3 * j + 1) % 13) / 6 - 1;
  });
}

template <typename Positions>
Matrix rotated(Matrix x, const Positions& positions) {
  posenc::apply_rope(x, posenc::make_table<double>(kFrequencies, positions), kLayout);
  return x;
}

/// q R(distance) k, pair by pair.
double score(const Matrix& q, Eigen::Index i, const Matrix& k, Eigen::Index j, double distance) {
  double sum = 0;
  for (Eigen::Index pair = 0; pair < kDim / 2; ++pair) {
    const double angle = distance * kFrequencies.inv_freq()[pair];
    const double a = q(i, pair), b = q(i, pair + kDim / 2), c = k(j, pair), d = k(j, pair + kDim / 2);
    sum += (a * c + b * d) * std::cos(angle) + (a * d - b * c) * std::sin(angle);
  }
  return sum;
}

/// Logits of near pairs from `near`, of far ones from `far`, against those at `distance(i, j)`.
template <typename Distance>
double worst(const Matrix& near, const Matrix& far, Distance distance) {
  double largest = 0;
  for (Eigen::Index i = 0; i < kTokens; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) {
      const double made = i - j < kWindow ? near(i, j) : far(i, j);
      largest = std::max(largest, std::abs(made - score(queries(), i, keys(), j, distance(i, j))));
    }
  }
  return largest;
}

constexpr double kRounding = 1e-14;  // a sum of 8 products of numbers to 1 and its angles to 23, in double

}  // namespace

TEST_CASE("two passes of logits give Self-Extend, ReRoPE and leaky ReRoPE", "[rope][two_passes]") {
  const posenc::PositionRange all(0, kTokens);
  const Matrix near = rotated(queries(), all) * rotated(keys(), all).transpose();

  const auto grouped = posenc::self_extend_positions(all, kGroup, kWindow);
  const Matrix self_extend = rotated(queries(), grouped.col(0)) * rotated(keys(), grouped.col(1)).transpose();
  CHECK(worst(near, self_extend, [](Eigen::Index i, Eigen::Index j) {
          return static_cast<double>(i - j < kWindow ? i - j : i / kGroup + kWindow - kWindow / kGroup - j / kGroup);
        }) < kRounding);

  // ReRoPE: every far key is kWindow away.
  const std::vector<int> at_window(kTokens, kWindow);
  const Matrix rerope = rotated(queries(), at_window) * keys().transpose();
  CHECK(worst(near, rerope, [](Eigen::Index i, Eigen::Index j) {
          return static_cast<double>(std::min<Eigen::Index>(i - j, kWindow));
        }) < kRounding);

  // Leaky: beyond kWindow a token counts 1 / kGroup.
  std::vector<double> query_places, key_places;
  for (int p = 0; p < kTokens; ++p) {
    key_places.push_back(static_cast<double>(p) / kGroup);
    query_places.push_back(key_places.back() + kWindow - static_cast<double>(kWindow) / kGroup);
  }
  const Matrix leaky = rotated(queries(), query_places) * rotated(keys(), key_places).transpose();
  CHECK(worst(near, leaky, [](Eigen::Index i, Eigen::Index j) {
          return i - j < kWindow ? static_cast<double>(i - j) : kWindow + static_cast<double>(i - j - kWindow) / kGroup;
        }) < 2 * kRounding);  // distances are differences of rounded thirds
}

// SPDX-License-Identifier: MIT
/// Learned frequencies with a phase for each pair: tables against the formula, scores of PoPE, and gradients.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

constexpr Index kPairs = 20;
constexpr Index kHeadDim = 2 * kPairs;
constexpr Index kHeads = 2;
constexpr Index kTokens = 9;

Eigen::MatrixXd positions() { return posenc::grid_positions({3, 3}).cast<double>() * 1.25; }

posenc::TableOptions options(Index heads) {
  posenc::TableOptions options;
  options.num_heads = heads;
  return options;
}

}  // namespace

TEST_CASE("phases are added to the angles", "[rope][mixed][phases]") {
  const Eigen::MatrixXd f = Noise(1).matrix<double>(2, kHeads * kPairs);
  const Eigen::VectorXd phases = Noise(2).matrix<double>(kHeads * kPairs, 1);
  const Eigen::MatrixXd p = positions();
  const auto table = posenc::make_mixed_table<double>(f, phases, p, options(kHeads));
  const std::vector<double> list(phases.data(), phases.data() + phases.size());
  const auto of_list = posenc::make_mixed_table<double>(f, list, p, options(kHeads));
  double worst = 0;
  for (Index h = 0; h < kHeads; ++h) {
    CHECK((of_list.head(h).cos() == table.head(h).cos()).all());
    for (Index token = 0; token < kTokens; ++token) {
      for (Index j = 0; j < kPairs; ++j) {
        const Index column = h * kPairs + j;
        const Wide x = static_cast<Wide>(p(token, 0)) * static_cast<Wide>(f(0, column));
        const Wide y = static_cast<Wide>(p(token, 1)) * static_cast<Wide>(f(1, column));
        const Wide phase = phases[column];
        const double terms = static_cast<double>(std::abs(x) + std::abs(y) + std::abs(phase));
        const double bound = 0x1p-51 + 3 * 0x1p-52 * terms;
        const auto head = table.head(h);
        worst = std::max(worst, std::abs(static_cast<double>(head.cos()(token, j) - std::cos(x + y + phase))) / bound);
        worst = std::max(worst, std::abs(static_cast<double>(head.sin()(token, j) - std::sin(x + y + phase))) / bound);
      }
    }
  }
  CHECK(worst <= 1);
}

TEST_CASE("PoPE: a score is a sum of lengths times cosines of distance and phase", "[rope][phases]") {
  constexpr Index channels = 12;  // of a head: each is the length of a pair
  const auto w = posenc::geometric_frequencies(2 * channels, 1e4).inv_freq();
  const Eigen::ArrayXd delta = Noise(3).matrix<double>(channels, 1).array();
  const Eigen::VectorXd at = Eigen::VectorXd::LinSpaced(kTokens, 0, kTokens - 1);
  const auto queries = posenc::make_mixed_table<double>(w.matrix().transpose(), at);
  const auto keys = posenc::make_mixed_table<double>(w.matrix().transpose(), (-delta).eval(), at);
  const auto softplus = [](const RowMatrix<double>& x) { return x.array().exp().log1p().matrix().eval(); };
  const RowMatrix<double> q = softplus(Noise(4).matrix<double>(kTokens, channels));
  const RowMatrix<double> k = softplus(Noise(5).matrix<double>(kTokens, channels));
  RowMatrix<double> long_q = RowMatrix<double>::Zero(kTokens, 2 * channels), long_k = long_q;
  long_q.leftCols(channels) = q;
  long_k.leftCols(channels) = k;
  const RopeLayout layout = RopeLayout::half_split(2 * channels);
  apply_rope(long_q, queries, layout);
  apply_rope(long_k, keys, layout);
  const Eigen::MatrixXd scores = long_q * long_k.transpose();
  double worst = 0;
  for (Index i = 0; i < kTokens; ++i) {
    for (Index j = 0; j < kTokens; ++j) {
      Wide score = 0;
      for (Index c = 0; c < channels; ++c) {
        const Wide angle = static_cast<Wide>(i - j) * static_cast<Wide>(w[c]) + static_cast<Wide>(delta[c]);
        score += static_cast<Wide>(q(i, c)) * static_cast<Wide>(k(j, c)) * std::cos(angle);
      }
      worst = std::max(worst, static_cast<double>(std::abs(static_cast<Wide>(scores(i, j)) - score)));
    }
  }
  // 12 products of lengths below 2.2 each; angles to 10 err by 10 2^-52, a rotation by 3 2^-53, the sum by 24 2^-53.
  CHECK(worst <= 12 * 2.2 * 2.2 * 64 * 0x1p-53);
}

TEST_CASE("gradients of frequencies and phases meet central differences", "[rope][mixed][phases][gradient]") {
  const RopeLayout layout = RopeLayout::interleaved(kHeadDim + 5).window(3, kHeadDim);
  const auto x = Noise(6).matrix<double>(kTokens, kHeads * layout.head_dim());
  const auto c = Noise(7).matrix<double>(kTokens, kHeads * layout.head_dim());
  for (const Index heads : {Index(1), kHeads}) {
    const Eigen::MatrixXd f = Noise(1).matrix<double>(2, heads * kPairs);
    const Eigen::VectorXd phases = Noise(2).matrix<double>(heads * kPairs, 1);
    const auto rotated = [&](const Eigen::MatrixXd& by, const Eigen::VectorXd& from) {
      RowMatrix<double> y = x;
      apply_rope(y, posenc::make_mixed_table<double>(by, from, positions(), options(heads)), layout);
      return y;
    };
    const auto slope = [&](const auto& up, const auto& down) { return (up - down).cwiseProduct(c).sum(); };
    Eigen::MatrixXd by_f = Eigen::MatrixXd::Constant(2, heads * kPairs, 0.5);  // added to
    Eigen::RowVectorXd by_phases = Eigen::RowVectorXd::Constant(heads * kPairs, 0.25);
    posenc::mixed_table_backward(by_f, by_phases, c, rotated(f, phases), positions(), layout);
    Eigen::MatrixXd without = Eigen::MatrixXd::Constant(2, heads * kPairs, 0.5);
    posenc::mixed_table_backward(without, c, rotated(f, phases), positions(), layout);
    CHECK(same_bits(without, by_f));
    constexpr double step = 1e-5;
    // As in mixed.cpp: the third derivative by a frequency is at most 1700, by a phase 9 3 4 = 108.
    const double rounding = 0x1p-44 / (2 * step);
    double worst_f = 0, worst_phase = 0;
    for (Index j = 0; j < f.cols(); ++j) {
      for (Index axis = 0; axis < 2; ++axis) {
        Eigen::MatrixXd up = f, down = f;
        up(axis, j) += step;
        down(axis, j) -= step;
        const double difference = slope(rotated(up, phases), rotated(down, phases)) / (2 * step);
        worst_f = std::max(worst_f, std::abs(by_f(axis, j) - 0.5 - difference));
      }
      Eigen::VectorXd up = phases, down = phases;
      up[j] += step;
      down[j] -= step;
      const double difference = slope(rotated(f, up), rotated(f, down)) / (2 * step);
      worst_phase = std::max(worst_phase, std::abs(by_phases[j] - 0.25 - difference));
    }
    CHECK(worst_f <= 1700.0 / 6 * step * step + rounding);
    CHECK(worst_phase <= 108.0 / 6 * step * step + rounding);
  }
}

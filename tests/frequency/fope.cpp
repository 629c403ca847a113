// SPDX-License-Identifier: MIT
/// FoPE: cosines and sines that are sums over frequencies.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::RopeLayout;

namespace {

constexpr Index kHeads = 3;
constexpr Index kFrequencies = 18;  // kept of 24
constexpr Index kPairs = 24;

template <typename TestType>
void check_table(const Eigen::MatrixXd& cos, const Eigen::MatrixXd& sin, Index heads, posenc::CosSinStorage storage) {
  const posenc::Frequencies frequencies(
      posenc::geometric_frequencies(2 * kPairs, 1e4).inv_freq().head(kFrequencies).eval());
  posenc::TableOptions options{storage};
  options.num_heads = heads;
  const auto table =
      posenc::make_fope_table<TestType>(frequencies, cos, sin, posenc::PositionRange(90, 7), 2 * kPairs, options);
  CHECK(table.num_pairs() == kPairs);
  CHECK(table.num_heads() == heads);
  CHECK(table.magnitude() == 0);
  CHECK(table.first_position() == 90);
  double worst = 0;
  for (Index h = 0; h < heads; ++h) {
    const auto head = table.head(h);
    for (Index row = 0; row < 7; ++row) {
      for (Index j = 0; j < kPairs; ++j) {
        Wide c = 0, s = 0, bound = 0;
        for (Index m = 0; j < kFrequencies && m < kFrequencies; ++m) {
          const Wide angle = static_cast<Wide>(90 + row) * static_cast<Wide>(frequencies.inv_freq()[m]);
          const Wide by_cos = cos(m, h * kFrequencies + j), by_sin = sin(m, h * kFrequencies + j);
          c += std::cos(angle) * by_cos;
          s += std::sin(angle) * by_sin;
          bound += (std::abs(by_cos) + std::abs(by_sin)) *
                   (static_cast<Wide>(kFrequencies) * 0x1p-52L + 0x1p-50L + angle * 0x1p-51L);
        }
        if (j >= kFrequencies) c = 1;
        const Wide rounding = std::is_same_v<TestType, double> ? 0 : static_cast<Wide>(kUnit<TestType>);
        const auto error = [&](TestType got, Wide want) {
          const Wide distance = std::abs(static_cast<Wide>(static_cast<double>(got)) - want);
          worst = std::max(worst, static_cast<double>(distance / (bound + rounding * std::abs(want) + 0x1p-60L)));
        };
        error(head.cos()(row, j), c);
        error(head.sin()(row, j), s);
      }
    }
  }
  CHECK(worst <= 1);
}

}  // namespace

TEMPLATE_TEST_CASE("FoPE tables are sums over frequencies", "[rope][fope]", float, double) {
  const Eigen::MatrixXd cos = Noise(1).matrix<double>(kFrequencies, kHeads * kFrequencies);
  const Eigen::MatrixXd sin = Noise(2).matrix<double>(kFrequencies, kHeads * kFrequencies);
  for (const auto storage : {posenc::CosSinStorage::cos_sin, posenc::CosSinStorage::paired}) {
    check_table<TestType>(cos, sin, kHeads, storage);
    check_table<TestType>(cos.leftCols(kFrequencies), sin.leftCols(kFrequencies), 1, storage);
  }
}

TEST_CASE("FoPE with unit coefficients is plain RoPE", "[rope][fope]") {
  const auto frequencies = posenc::geometric_frequencies(2 * kPairs, 1e4);
  const Eigen::MatrixXd unit = Eigen::MatrixXd::Identity(kPairs, kPairs);
  const std::vector<double> at = {0, 3.5, 700};
  const auto table = posenc::make_fope_table<double>(frequencies, unit, unit, at, 2 * kPairs);
  CHECK(!table.first_position());
  const auto plain = posenc::make_table<double>(frequencies, at);
  CHECK((table.cos() == plain.cos()).all());
  CHECK((table.sin() == plain.sin()).all());
  const RopeLayout layout = RopeLayout::half_split(2 * kPairs);
  const auto x = Noise(3).matrix<double>(3, 2 * kPairs), g = Noise(4).matrix<double>(3, 2 * kPairs);
  const Eigen::MatrixXd some = Noise(5).matrix<double>(kPairs, kPairs);
  const auto mixing = posenc::make_fope_table<double>(frequencies, some, some, at, 2 * kPairs);
  RowMatrix<double> forward = x, backward = g;
  posenc::apply_rope(forward, mixing, layout);
  posenc::apply_rope(backward, mixing.adjoint(), layout);
  CHECK(std::abs(forward.cwiseProduct(g).sum() - x.cwiseProduct(backward).sum()) <=
        8 * 0x1p-53 * 144 * forward.cwiseAbs().maxCoeff() * 2);
}

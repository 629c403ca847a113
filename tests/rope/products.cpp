// SPDX-License-Identifier: MIT
/// Arguments that hold a matrix product are computed once, not once for every element that is read.
#include "support/products.hpp"
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::RopeLayout;

namespace {

const Eigen::MatrixXd kHidden = Noise(1).matrix<double>(30, 24);
const Eigen::MatrixXd kProjection = Noise(2).matrix<double>(24, 32);
const Eigen::MatrixXd kPlane = Noise(3).matrix<double>(30, 24);
const Eigen::MatrixXd kTurn = Noise(4).matrix<double>(24, 2);

}  // namespace

TEST_CASE("apply_rope() computes a projection once", "[rope][into][products]") {
  const auto frequencies = posenc::geometric_frequencies(8, 1e4);
  const auto table = posenc::make_table<double>(frequencies, posenc::PositionRange(5, 30));
  for (const RopeLayout& layout : {RopeLayout::half_split(16).window(4, 8), RopeLayout::interleaved(16).window(4, 8)}) {
    check_computed_once(kHidden, kProjection, [&](const auto& x) {
      RowMatrix<double> out(30, 32);
      posenc::apply_rope(out, x, table, layout);
      return out;
    });
  }
}

TEST_CASE("positions that are a product are computed once", "[rope][products]") {
  const auto frequencies = posenc::geometric_frequencies(16, 100);
  check_computed_once(kPlane, kTurn.col(0), [&](const auto& positions) {
    return posenc::make_table<double>(frequencies, positions).cos().eval();
  });
  const auto axes = posenc::contiguous_axes({4, 4});
  check_computed_once(kPlane, kTurn, [&](const auto& positions) {
    return posenc::make_table<double>(frequencies, axes, positions).sin().eval();
  });
  const Eigen::MatrixXd mixed = Noise(5).matrix<double>(2, 8);
  check_computed_once(kPlane, kTurn, [&](const auto& positions) {
    return posenc::make_mixed_table<double>(mixed, positions).cos().eval();
  });
  const auto backward = [&](const auto& grad_y, const auto& y, const auto& positions) {
    Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 8);
    posenc::mixed_table_backward(grad, grad_y, y, positions, RopeLayout::half_split(16));
    return grad;
  };
  const Eigen::MatrixXd y = Noise(6).matrix<double>(30, 32);
  const Eigen::MatrixXd positions = Noise(7).matrix<double>(30, 2);
  check_computed_once(kHidden, kProjection, [&](const auto& grad_y) { return backward(grad_y, y, positions); });
  check_computed_once(kHidden, kProjection, [&](const auto& given_y) { return backward(y, given_y, positions); });
  check_computed_once(kPlane, kTurn, [&](const auto& p) { return backward(y, y, p); });
}

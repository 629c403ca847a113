// SPDX-License-Identifier: MIT
/// Scalars that posenc does not know: derivatives through apply_rope() are the adjoint, long double keeps its digits.
#include "support/rotations.hpp"

#include <unsupported/Eigen/AutoDiff>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

constexpr int kColumns = 2 * 10;  // two heads of 10
using Active = Eigen::AutoDiffScalar<Eigen::Matrix<double, kColumns, 1>>;

}  // namespace

TEMPLATE_TEST_CASE("the derivative of apply_rope() is its adjoint", "[rope][autodiff]", float, double) {
  const auto frequencies = posenc::geometric_frequencies(8, 1e4).with_magnitude(1.25);
  const auto table = posenc::make_table<TestType>(frequencies, posenc::PositionRange(17, 1));
  for (const bool half_split : {true, false}) {
    const RopeLayout layout =
        half_split ? RopeLayout::half_split(10).window(1, 8) : RopeLayout::interleaved(10).window(1, 8);
    const RowMatrix<double> given = Noise(41).matrix(1, kColumns);
    Eigen::Matrix<Active, 1, kColumns> x;
    for (int i = 0; i < kColumns; ++i) x(i) = Active(given(0, i), kColumns, i);
    apply_rope(x, table, layout);

    // The table's numbers are exact in double, so both sides do the same operations: 2 roundings each.
    constexpr double kBound = 4 * 0x1p-53 * 1.25;
    RowMatrix<double> value = given;
    apply_rope(value, table, layout);
    for (int i = 0; i < kColumns; ++i) CHECK(std::abs(x(i).value() - value(0, i)) <= 4 * kBound);
    for (int i = 0; i < kColumns; ++i) {
      RowMatrix<double> gradient = RowMatrix<double>::Zero(1, kColumns);  // of output i with respect to the output
      gradient(0, i) = 1;
      apply_rope(gradient, table.adjoint(), layout);
      for (int j = 0; j < kColumns; ++j) {
        INFO("d out[" << i << "] / d in[" << j << "]");
        CHECK(std::abs(x(i).derivatives()(j) - gradient(0, j)) <= kBound);
      }
    }
    apply_rope(x, table.inverse(), layout);
    for (int i = 0; i < kColumns; ++i) {
      // There and back: 3 roundings each way of values up to 1.25 * 4, the table's to its own scalar.
      const double there_and_back = 6 * kUnit<TestType> * 5;
      CHECK(std::abs(x(i).value() - given(0, i)) <= there_and_back);
      CHECK((x(i).derivatives() - Eigen::Matrix<double, kColumns, 1>::Unit(i)).cwiseAbs().maxCoeff() <= there_and_back);
    }
  }
}

TEST_CASE("long double is computed in itself", "[rope][autodiff]") {
  const auto table = posenc::make_table<double>(posenc::geometric_frequencies(8, 1e4), posenc::PositionRange(17, 3));
  const RowMatrix<double> given = Noise(42).matrix(3, 16);
  for (const bool half_split : {true, false}) {
    const RopeLayout layout = half_split ? RopeLayout::half_split(8) : RopeLayout::interleaved(8);
    const Turned expected = turned(given, table.cos(), table.sin(), run(3), layout);
    RowMatrix<Wide> x = given.cast<Wide>();
    apply_rope(x, table, layout);
    // Both sides: the same two products and one sum in long double.
    const Wide unit = std::numeric_limits<Wide>::epsilon() / 2;
    for (Index i = 0; i < x.size(); ++i) {
      REQUIRE(std::abs(x.data()[i] - expected.value.data()[i]) <= 4 * unit * expected.reach.data()[i]);
    }
  }
}

// SPDX-License-Identifier: MIT
/// The rotation written from its formula, one channel at a time in long double, and what the tests compare it with.
#ifndef POSENC_TESTS_ROTATIONS_HPP
#define POSENC_TESTS_ROTATIONS_HPP

#include "posenc/frequency.hpp"
#include "posenc/rope.hpp"
#include "support/catch2.hpp"
#include "support/same_bits.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc_tests {

using Eigen::Index;
using Wide = long double;
template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Half the distance of 1 and the next number: the largest relative error of one rounding.
template <typename Scalar>
inline constexpr double kUnit = std::is_same_v<Scalar, double>            ? 0x1p-53
                                : std::is_same_v<Scalar, Eigen::half>     ? 0x1p-11
                                : std::is_same_v<Scalar, Eigen::bfloat16> ? 0x1p-8
                                                                          : 0x1p-24;
/// Half the distance of two subnormal numbers: the largest error of rounding a tiny value.
template <typename Scalar>
inline constexpr double kTiny = std::is_same_v<Scalar, Eigen::half> ? 0x1p-25 : 0x1p-134;

/// Uniform values in [-2, 2), the same on every platform.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : engine_(seed) {}
  double operator()() { return static_cast<double>(engine_() >> 11) * 0x1p-51 - 2.0; }
  template <typename Scalar = double>
  RowMatrix<Scalar> matrix(Index rows, Index columns) {
    RowMatrix<Scalar> values(rows, columns);
    for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<Scalar>((*this)());
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

/// What a rotation must give: the value, and |a cos| + |b sin|, which errors are relative to (0 where nothing turns).
struct Turned {
  RowMatrix<Wide> value;
  RowMatrix<Wide> reach;
};

/// Forward, or backwards, which takes the sines with the other sign. `scale` is a factor on cosines and sines.
struct Direction {
  bool backwards = false;
  Wide scale = 1;
};

/// Row i of `x` by row rows[i] of `cos` and `sin` (rows x pairs), from the formula.
template <typename X, typename Cos, typename Sin>
Turned turned(const Eigen::DenseBase<X>& x, const Eigen::DenseBase<Cos>& cos, const Eigen::DenseBase<Sin>& sin,
              const std::vector<Index>& rows, const posenc::RopeLayout& layout, Direction direction = {}) {
  Turned result{RowMatrix<Wide>(x.rows(), x.cols()), RowMatrix<Wide>::Zero(x.rows(), x.cols())};
  const Index pairs = cos.cols();
  for (Index token = 0; token < x.rows(); ++token) {
    const Index row = rows[static_cast<std::size_t>(token)];
    const auto value = [&](Index column) { return static_cast<Wide>(static_cast<double>(x.derived()(token, column))); };
    for (Index column = 0; column < x.cols(); ++column) {
      const Index channel = column % layout.head_dim() - layout.offset();
      result.value(token, column) = value(column);
      if (channel < 0 || channel >= 2 * pairs) continue;
      const bool half_split = layout.pairs() == posenc::RopePairs::half_split;
      const Index pair = half_split ? channel % pairs : channel / 2;
      const bool second = half_split ? channel >= pairs : channel % 2 == 1;
      const Index distance = half_split ? pairs : 1;
      const Wide other = value(second ? column - distance : column + distance);
      const Wide c = static_cast<Wide>(static_cast<double>(cos.derived()(row, pair))) * direction.scale;
      Wide s = static_cast<Wide>(static_cast<double>(sin.derived()(row, pair))) * direction.scale;
      if (direction.backwards) s = -s;
      // second: b' = b cos + a sin; first: a' = a cos - b sin
      result.value(token, column) = value(column) * c + (second ? other : -other) * s;
      result.reach(token, column) = std::abs(value(column) * c) + std::abs(other * s);
    }
  }
  return result;
}

/// 0, 1, ..., count - 1, from `first`.
inline std::vector<Index> run(Index count, Index first = 0) {
  std::vector<Index> rows(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) rows[static_cast<std::size_t>(i)] = first + i;
  return rows;
}

/// apply_rope() documents 3 eps (|a cos| + |b sin|): one rounding for the table's number, one for the product, one for
/// the sum. eps is double's as soon as x, the table or the result is double, else float's.
inline constexpr double kRoundings = 3;

/// The worst error of `got` over its bound, which is kRoundings eps reach + one rounding to the scalar of `got`.
/// Channels that do not turn are at 0 / (one rounding), or must be equal when the scalar is that of x.
template <typename In, typename TableScalar, typename Out>
double error_over_bound(const Eigen::DenseBase<Out>& got, const Turned& expected) {
  using OutScalar = typename Out::Scalar;
  constexpr bool in_double =
      std::is_same_v<In, double> || std::is_same_v<TableScalar, double> || std::is_same_v<OutScalar, double>;
  constexpr double eps = in_double ? 0x1p-53 : 0x1p-24;
  constexpr bool stored_shorter = kUnit < OutScalar >> eps;
  constexpr bool stays_equal = std::is_same_v<In, OutScalar> || kUnit<OutScalar> < kUnit<In>;
  REQUIRE(got.rows() == expected.value.rows());
  REQUIRE(got.cols() == expected.value.cols());
  double worst = 0;
  for (Index i = 0; i < got.rows(); ++i) {
    for (Index j = 0; j < got.cols(); ++j) {
      const Wide want = expected.value(i, j);
      const double arithmetic = kRoundings * eps * static_cast<double>(expected.reach(i, j));
      const bool rounded = stored_shorter && !(expected.reach(i, j) == 0 && stays_equal);
      const double storage =
          rounded ? kUnit<OutScalar> * (static_cast<double>(std::abs(want)) + arithmetic) + kTiny<OutScalar> : 0;
      const Wide error = std::abs(static_cast<Wide>(static_cast<double>(got.derived().coeff(i, j))) - want);
      const double bound = arithmetic + storage;
      if (!(error <= bound)) worst = (std::max)(worst, bound > 0 ? static_cast<double>(error) / bound : 1e300);
      if (!(error == error)) worst = 1e300;
      if (bound > 0 && error <= bound) worst = (std::max)(worst, static_cast<double>(error) / bound);
    }
  }
  return worst;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_ROTATIONS_HPP

// SPDX-License-Identifier: MIT
/// The norm and the rotation written from their formulas, one channel at a time in long double.
#ifndef POSENC_TESTS_ROPE_NORM_REFERENCE_HPP
#define POSENC_TESTS_ROPE_NORM_REFERENCE_HPP

#include "support/rotations.hpp"

namespace posenc_tests {

/// A norm and what it was made of.
struct Given {
  posenc::NormOver over;
  posenc::NormWeight is;
  posenc::NormOrder order;
  bool has_weights;
  double eps;
};

struct Expected {
  Turned turned;           // the value, and |a cos| + |b sin| of what was normalized
  RowMatrix<Wide> factor;  // 1 / rms by token and head
};

/// Row i of x by row rows[i] of the table, from the formula. The norm behind the rotation is that of the rotated numbers.
template <typename X, typename Table>
Expected normed(const X& x, const Table& table, const std::vector<Index>& rows, const posenc::RopeLayout& layout,
                const Given& given, const Eigen::VectorXd& weight) {
  const Index head_dim = layout.head_dim();
  const Index heads = x.cols() / head_dim;
  const bool after = given.order == posenc::NormOrder::after_rotation;
  RowMatrix<Wide> start(x.rows(), x.cols());
  for (Index i = 0; i < x.size(); ++i) {
    start(i / x.cols(), i % x.cols()) = static_cast<Wide>(static_cast<double>(x(i / x.cols(), i % x.cols())));
  }
  const auto cos = table.cos();
  const auto sin = table.sin();
  const auto rotated = [&](const RowMatrix<Wide>& y) {
    // turned() reads doubles: the numbers are scaled into it exactly enough only as long double, so it is written
    // again.
    Turned result{y, RowMatrix<Wide>::Zero(y.rows(), y.cols())};
    const Index pairs = cos.cols();
    for (Index token = 0; token < y.rows(); ++token) {
      const Index row = rows[static_cast<std::size_t>(token)];
      for (Index head = 0; head < heads; ++head) {
        for (Index j = 0; j < pairs; ++j) {
          const bool half_split = layout.pairs() == posenc::RopePairs::half_split;
          const Index a = head * head_dim + layout.offset() + (half_split ? j : 2 * j);
          const Index b = a + (half_split ? pairs : 1);
          const Wide c = static_cast<Wide>(static_cast<double>(cos(row, j)));
          const Wide s = static_cast<Wide>(static_cast<double>(sin(row, j)));
          result.value(token, a) = y(token, a) * c - y(token, b) * s;
          result.value(token, b) = y(token, a) * s + y(token, b) * c;
          result.reach(token, a) = std::abs(y(token, a) * c) + std::abs(y(token, b) * s);
          result.reach(token, b) = std::abs(y(token, a) * s) + std::abs(y(token, b) * c);
        }
      }
    }
    return result;
  };
  const RowMatrix<Wide> measured = after ? rotated(start).value : start;
  Expected expected;
  expected.factor.resize(x.rows(), heads);
  for (Index token = 0; token < x.rows(); ++token) {
    const auto row = measured.row(token);
    for (Index head = 0; head < heads; ++head) {
      const bool whole = given.over == posenc::NormOver::token;
      const Wide mean = whole ? row.squaredNorm() / static_cast<Wide>(x.cols())
                              : row.segment(head * head_dim, head_dim).squaredNorm() / static_cast<Wide>(head_dim);
      expected.factor(token, head) = 1 / std::sqrt(mean + static_cast<Wide>(given.eps));
    }
  }
  const auto scale = [&](RowMatrix<Wide>& y) {
    for (Index token = 0; token < y.rows(); ++token) {
      for (Index c = 0; c < y.cols(); ++c) {
        const double stored =
            given.has_weights ? weight[given.over == posenc::NormOver::token ? c : c % head_dim] : 1.0;
        const Wide w = given.has_weights && given.is == posenc::NormWeight::one_plus
                           ? Wide(1) + static_cast<Wide>(stored)
                           : static_cast<Wide>(stored);
        y(token, c) *= expected.factor(token, c / head_dim) * w;
      }
    }
  };
  if (!after) scale(start);
  expected.turned = rotated(start);
  if (after) {
    scale(expected.turned.value);
    scale(expected.turned.reach);
    expected.turned.reach = expected.turned.reach.cwiseAbs();
  }
  return expected;
}

/// Every kind of norm.
inline std::vector<Given> all_norms() {
  std::vector<Given> all;
  for (const posenc::NormOver over : {posenc::NormOver::head, posenc::NormOver::token}) {
    for (const posenc::NormOrder order : {posenc::NormOrder::before_rotation, posenc::NormOrder::after_rotation}) {
      all.push_back({over, posenc::NormWeight::itself, order, true, 1e-6});
      all.push_back({over, posenc::NormWeight::one_plus, order, true, 0.25});
      all.push_back({over, posenc::NormWeight::itself, order, false, 1e-5});
    }
  }
  return all;
}

inline posenc::RmsNorm made(const Given& given, const Eigen::VectorXd& weight) {
  if (!given.has_weights) return posenc::RmsNorm::without_weight(given.eps, given.over, given.order);
  return posenc::RmsNorm(weight, given.eps, given.over, given.is, given.order);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_ROPE_NORM_REFERENCE_HPP

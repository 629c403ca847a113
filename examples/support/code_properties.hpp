// SPDX-License-Identifier: MIT
/// What one asks of the codes of positions, as numbers. A code is a function (first, count) -> [count, channels]: the
/// codes of the positions first, first + 1, ...
#ifndef POSENC_EXAMPLES_CODE_PROPERTIES_HPP
#define POSENC_EXAMPLES_CODE_PROPERTIES_HPP

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace code_properties {

using Eigen::Index;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The smallest distance between two of the codes: 0 where two positions cannot be told apart.
inline double smallest_distance(const Matrix& codes) {
  double smallest = HUGE_VAL;
  for (Index i = 0; i + 1 < codes.rows(); ++i) {
    const auto others = codes.bottomRows(codes.rows() - i - 1);
    smallest = (std::min)(smallest, (others.rowwise() - codes.row(i)).rowwise().squaredNorm().minCoeff());
  }
  return std::sqrt(smallest);
}

/// How much of what varies in `codes` is not in `guess`: 0 when nothing is missing, 1 when the mean would do as well.
inline double unexplained(const Matrix& codes, const Matrix& guess) {
  return (codes - guess).norm() / (codes.rowwise() - codes.colwise().mean()).norm();
}

struct LinearRelation {
  double within;  ///< What the best map from code(p) to code(p + offset) leaves, on the positions it was fitted on.
  double beyond;  ///< What the same map leaves on the positions that follow.
};

/// Fits code(p + offset) = M code(p) + c on the positions 0 ... length - 1 by least squares, and tries it on length ...
/// longer - 1.
template <typename Code>
LinearRelation linear_relation(const Code& code, Index offset, Index length, Index longer) {
  const auto with_constant = [](const Matrix& codes) {
    Matrix x(codes.rows(), codes.cols() + 1);
    x << codes, Eigen::VectorXd::Ones(codes.rows());
    return x;
  };
  const Matrix from = with_constant(code(0, length));
  const Matrix to = code(offset, length);
  const Matrix map = from.completeOrthogonalDecomposition().solve(to);
  const Matrix far_from = with_constant(code(length, longer - length));
  const Matrix far_to = code(length + offset, longer - length);
  return {unexplained(to, from * map), unexplained(far_to, far_from * map)};
}

/// The worst relation of several offsets.
template <typename Code>
LinearRelation worst_relation(const Code& code, std::initializer_list<Index> offsets, Index length, Index longer) {
  LinearRelation worst{0, 0};
  for (const Index offset : offsets) {
    const LinearRelation relation = linear_relation(code, offset, length, longer);
    worst.within = (std::max)(worst.within, relation.within);
    worst.beyond = (std::max)(worst.beyond, relation.beyond);
  }
  return worst;
}

/// The largest difference between codes that are made at once and codes that are made one by one, backwards.
template <typename Code>
double nondeterminism(const Code& code, Index length) {
  const Matrix at_once = code(0, length);
  double difference = 0;
  for (Index p = length - 1; p >= 0; --p) {
    difference = (std::max)(difference, (code(p, 1) - at_once.row(p)).cwiseAbs().maxCoeff());
  }
  return difference;
}

}  // namespace code_properties

#endif  // POSENC_EXAMPLES_CODE_PROPERTIES_HPP

// SPDX-License-Identifier: MIT
/// What the tests of trained tables share.
#ifndef POSENC_TESTS_LEARNABLE_SUPPORT_HPP
#define POSENC_TESTS_LEARNABLE_SUPPORT_HPP

#include <cstdint>

#include <Eigen/Core>

namespace learnable_tests {

template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

/// The table of the golden files: multiples of 1/16 in [-31/16, 2], exact in every scalar.
template <typename Scalar>
RowMatrix<Scalar> pattern(Eigen::Index rows, Eigen::Index width, Eigen::Index offset = 0) {
  RowMatrix<Scalar> x(rows, width);
  for (Eigen::Index r = 0; r < rows; ++r) {
    for (Eigen::Index j = 0; j < width; ++j) {
      const Eigen::Index i = r + offset;
      x(r, j) = Scalar(static_cast<float>((37 * i + 11 * j * j + 5 * i * j) % 64 - 31) / 16);
    }
  }
  return x;
}

template <typename DerivedA, typename DerivedB>
double max_difference(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return 1e300;
  double largest = 0;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) {
      const double difference =
          std::abs(static_cast<double>(a.derived().coeff(i, j)) - static_cast<double>(b.derived().coeff(i, j)));
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}

/// <a, b>
template <typename DerivedA, typename DerivedB>
double dot(const Eigen::MatrixBase<DerivedA>& a, const Eigen::MatrixBase<DerivedB>& b) {
  return a.template cast<double>().cwiseProduct(b.template cast<double>()).sum();
}

}  // namespace learnable_tests

#endif  // POSENC_TESTS_LEARNABLE_SUPPORT_HPP

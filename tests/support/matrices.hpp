// SPDX-License-Identifier: MIT
/// Matrices to test with, and how far two of them are from one another.
#ifndef POSENC_TESTS_MATRICES_HPP
#define POSENC_TESTS_MATRICES_HPP

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

namespace posenc_tests {

using Eigen::Index;
template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColumnMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using MatrixD = RowMatrix<double>;
/// Positions, one for each token.
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// Uniform numbers in [-1, 1) without any symmetry, the same on every platform.
template <typename Scalar = double>
RowMatrix<Scalar> random_matrix(Index rows, Index columns, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 0x123456789abcdefu;
  RowMatrix<Scalar> x(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      x(i, j) = static_cast<Scalar>(static_cast<double>(state >> 11) * 0x1p-52 - 1.0);
    }
  }
  return x;
}

/// The table of the golden files: multiples of 1/16 in [-31/16, 2], exact in every scalar.
template <typename Scalar>
RowMatrix<Scalar> pattern(Index rows, Index columns, Index offset = 0) {
  RowMatrix<Scalar> x(rows, columns);
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < columns; ++j) {
      const Index i = r + offset;
      x(r, j) = Scalar(static_cast<float>((37 * i + 11 * j * j + 5 * i * j) % 64 - 31) / 16);
    }
  }
  return x;
}

/// The inner product <a, b>, in double.
template <typename A, typename B>
double dot(const A& a, const B& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) sum += static_cast<double>(a(i, j)) * static_cast<double>(b(i, j));
  }
  return sum;
}

/// The sum of the sizes of the terms of dot(a, b).
template <typename A, typename B>
double absolute_dot(const A& a, const B& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) sum += std::abs(static_cast<double>(a(i, j)) * static_cast<double>(b(i, j)));
  }
  return sum;
}

/// Largest difference of two matrices, 0 for empty ones. NaN and matrices of other shapes count as infinitely far.
template <typename A, typename B>
double distance(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      const double difference = std::abs(static_cast<double>(a(i, j)) - static_cast<double>(b(i, j)));
      largest = difference <= largest ? largest : difference > largest ? difference : HUGE_VAL;
    }
  }
  return largest;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_MATRICES_HPP

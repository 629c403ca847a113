// SPDX-License-Identifier: MIT
/// Matrices compared bit for bit.
#ifndef POSENC_TESTS_SAME_BITS_HPP
#define POSENC_TESTS_SAME_BITS_HPP

#include <cstring>
#include <type_traits>

#include <Eigen/Core>

namespace posenc_tests {

/// Equal bit for bit: signs of zeros and NaN count.
template <typename A, typename B>
bool same_bits(const Eigen::DenseBase<A>& a, const Eigen::DenseBase<B>& b) {
  static_assert(std::is_same_v<typename A::Scalar, typename B::Scalar>);
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) {
      const typename A::Scalar left = a.derived().coeff(i, j);
      const typename A::Scalar right = b.derived().coeff(i, j);
      if (std::memcmp(&left, &right, sizeof left) != 0) return false;
    }
  }
  return true;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_SAME_BITS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Matrix products without allocation: with small blocks, Eigen's packing buffers stay on the stack.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

#include "posenc/detail/abi.hpp"

#include <algorithm>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How many queries the schemes by content work on at a time. Their scratch memory has this many rows, or two times as
/// many.
inline constexpr Eigen::Index kQueryBlock = 32;

inline constexpr Eigen::Index kProductRows = 32;
inline constexpr Eigen::Index kProductColumns = 64;
inline constexpr Eigen::Index kProductDepth = 256;

/// out += scale * a * b.
template <typename Out, typename A, typename B, typename Scalar>
void add_product(Out&& out, const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b, Scalar scale) {
  using Eigen::Index;
  for (Index k = 0; k < a.cols(); k += kProductDepth) {
    const Index depth = (std::min)(kProductDepth, a.cols() - k);
    for (Index i = 0; i < a.rows(); i += kProductRows) {
      const Index rows = (std::min)(kProductRows, a.rows() - i);
      for (Index j = 0; j < b.cols(); j += kProductColumns) {
        const Index columns = (std::min)(kProductColumns, b.cols() - j);
        auto target = out.block(i, j, rows, columns);
        const auto left = a.block(i, k, rows, depth);
        const auto right = b.block(k, j, depth, columns);
        if (rows == 1) {  // Eigen's product of a scaled row copies the row to the heap
          target.noalias() += scale * left.lazyProduct(right);
        } else {
          target.noalias() += scale * (left * right);
        }
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

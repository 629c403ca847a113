// SPDX-License-Identifier: MIT
/// @file
/// Matrix products without allocation: with small blocks, Eigen's packing buffers stay on the stack.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/kernels/matrix_product_kernels.hpp"
#include "posenc/relative_bias/kernels/row_product_kernels.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How many queries the schemes by content work on at a time. Their scratch memory has this many rows, or two times as
/// many.
inline constexpr Eigen::Index kQueryBlock = 32;

/// Rows that are too few for a kernel whose vectors hold one number of each.
inline constexpr Eigen::Index kLeastRows = 4;

inline constexpr Eigen::Index kProductRows = 32;
inline constexpr Eigen::Index kProductColumns = 64;
inline constexpr Eigen::Index kProductDepth = 256;

#if POSENC_HAS_LEVELS
/// Whether kernels of the machine's level multiply these matrices, if their rows are contiguous.
template <typename... Matrices>
inline constexpr bool are_float_rows = (... && (has_rows_in_memory<Matrices> &&
                                                std::is_same_v<typename Matrices::Scalar, float>));
#endif

/// out += scale * a * b.
template <typename Out, typename A, typename B, typename Scalar>
void add_product(Out&& out, const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b, Scalar scale) {
  using Eigen::Index;
#if POSENC_HAS_LEVELS
  if constexpr (are_float_rows<B, std::decay_t<Out>> && is_in_memory<A> && std::is_same_v<typename A::Scalar, float>) {
    if (has_contiguous_rows(b) && has_contiguous_rows(out)) {
      matrix_product_kernel<MatrixProduct>(level_of_machine())(
          {out.data(), out.outerStride(), a.derived().data(), a.derived().rowStride(), a.derived().colStride(),
           b.derived().data(), b.derived().outerStride(), a.rows(), b.cols(), a.cols(), scale});
      return;
    }
  }
#endif
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

/// out = scale * a * b^T, every row of a with every row of b.
template <typename Out, typename A, typename B, typename Scalar>
void multiply_rows(Out&& out, const A& a, const B& b, Scalar scale) {
#if POSENC_HAS_LEVELS
  if constexpr (are_float_rows<A, B, std::decay_t<Out>>) {
    if (a.rows() >= kLeastRows && a.cols() <= kRowDepth && has_contiguous_rows(a) && has_contiguous_rows(b) &&
        has_contiguous_rows(out)) {
      row_product_kernel<RowProduct>(level_of_machine())({out.data(), out.outerStride(), a.data(), a.outerStride(),
                                                          b.data(), b.outerStride(), a.rows(), b.rows(), a.cols(),
                                                          scale});
      return;
    }
  }
#endif
  out.setZero();
  add_product(out, a, b.transpose(), scale);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_PRODUCT_HPP

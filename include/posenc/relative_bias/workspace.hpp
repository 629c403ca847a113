// SPDX-License-Identifier: MIT
/// @file
/// Workspace: scratch memory that the caller keeps, so that repeated calls allocate nothing.
#ifndef POSENC_RELATIVE_BIAS_WORKSPACE_HPP
#define POSENC_RELATIVE_BIAS_WORKSPACE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/relative_bias/detail/product.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Scratch memory of the content-dependent biases. It grows in a first call and is reused afterwards; one for each
/// thread. Its contents mean nothing between calls.
template <typename Scalar>
class Workspace {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A rows x columns matrix of the scratch memory, contents undefined. Invalidates what was handed out before.
  Eigen::Map<Matrix> matrix(Eigen::Index rows, Eigen::Index columns) {
    if (storage_.size() < rows * columns) storage_.resize(rows * columns);
    return Eigen::Map<Matrix>(storage_.data(), rows, columns);
  }

 private:
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> storage_;
};

namespace detail {

/// Queries worked on at a time: scratch memory is this many rows.
inline constexpr Eigen::Index kQueryBlock = 32;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WORKSPACE_HPP

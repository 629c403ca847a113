// SPDX-License-Identifier: MIT
/// @file
/// Workspace: scratch memory that the caller keeps, so that repeated calls allocate nothing.
#ifndef POSENC_RELATIVE_BIAS_WORKSPACE_HPP
#define POSENC_RELATIVE_BIAS_WORKSPACE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Scratch memory of the biases by content. It grows in the first call and is reused afterwards; one for each thread.
/// Its contents mean nothing between calls.
/// @tparam Scalar  That of the logits: float or double.
template <typename Scalar>
class Workspace {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A rows x columns matrix of the scratch memory, contents undefined. It invalidates what was handed out before.
  /// @throws std::invalid_argument  a size < 0.
  /// @throws std::length_error      a matrix that does not fit into memory's index type.
  /// @throws std::bad_alloc         no memory to grow.
  Eigen::Map<Matrix> matrix(detail::Size rows, detail::Size columns) & {
    const char* const function = "Workspace::matrix";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require(columns >= 0, function, "columns", columns, ">= 0");
    detail::require_size(function, "rows", rows, columns, sizeof(Scalar));
    if (storage_.size() < rows * columns) storage_.resize(rows * columns);
    return Eigen::Map<Matrix>(storage_.data(), rows, columns);
  }

 private:
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> storage_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WORKSPACE_HPP

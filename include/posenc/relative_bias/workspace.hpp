// SPDX-License-Identifier: MIT
/// @file
/// Workspace: scratch memory that the caller keeps, so that repeated calls allocate nothing.
#ifndef POSENC_RELATIVE_BIAS_WORKSPACE_HPP
#define POSENC_RELATIVE_BIAS_WORKSPACE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/overlap.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {
struct ScratchMemory;
}  // namespace detail

/// Scratch memory of the biases by content. It grows in the first call and is reused afterwards; one for each thread.
/// Its contents mean nothing between calls, and no argument of a call may lie in it.
/// @tparam Scalar  That of the logits: float or double.
template <typename Scalar>
class Workspace {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A rows x columns matrix in the scratch memory, with undefined contents. Every call of matrix(), and every function
  /// that takes the workspace, invalidates the matrices that were returned before.
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
  friend struct detail::ScratchMemory;

  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> storage_;
};

namespace detail {

/// The memory that a workspace has, for the check that no argument lies in it.
struct ScratchMemory {
  template <typename Scalar>
  static const auto& of(const Workspace<Scalar>& workspace) {
    return workspace.storage_;
  }
};

/// Refuses arguments, written or read, that lie in the workspace, whose memory each call overwrites.
template <typename Scalar, typename... Arguments>
void require_outside(const char* function, const Workspace<Scalar>& workspace, const Arguments&... arguments) {
  const auto& memory = ScratchMemory::of(workspace);
  const auto shares = [&](const auto& argument) {
    if constexpr (is_dense<std::decay_t<decltype(argument)>>) {
      return share_memory(memory, argument);
    } else {
      return false;
    }
  };
  require(!(shares(arguments) || ...), function, "workspace", "overlapping memory",
          "disjoint from all other arguments");
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WORKSPACE_HPP

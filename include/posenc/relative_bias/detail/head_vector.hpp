// SPDX-License-Identifier: MIT
/// @file
/// A vector that all heads share, or of which every head has its own.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP

#include "posenc/detail/eigen.hpp"

#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A parameter of head_dim numbers, a row or a column that all heads share, or a num_heads x head_dim matrix.
class HeadVector {
 public:
  template <typename Vector>
  HeadVector(const char* function, const char* parameter, const Vector& x, Eigen::Index num_heads,
             Eigen::Index head_dim)
      : count_(is_list_of(x, head_dim) ? 1 : x.rows()), head_dim_(head_dim) {
    const bool fits = is_list_of(x, head_dim) || (x.cols() == head_dim && (num_heads == 0 || x.rows() == num_heads));
    if (!fits) {
      refuse<std::invalid_argument>(function, parameter, std::to_string(x.rows()) + " x " + std::to_string(x.cols()),
                                    "head_dim ", head_dim, " numbers in a row or a column, or num_heads ", num_heads,
                                    " x head_dim");
    }
    require_data(function, parameter, x);
  }

  /// The vector of one head, as a row. In memory, because finding an element of a reshaped matrix takes a division.
  template <typename Vector>
  auto of(Vector& x, Eigen::Index head) const {
    if constexpr (has_memory<Vector>) {
      using Row = Eigen::Matrix<typename Vector::Scalar, 1, Eigen::Dynamic, Eigen::RowMajor>;
      using Held = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(x.data())>>, const Row, Row>;
      const Eigen::Index step = count_ > 1 || x.rows() == 1 ? x.colStride() : x.rowStride();
      auto* const first = count_ > 1 ? x.data() + head * x.rowStride() : x.data();
      return Eigen::Map<Held, 0, Eigen::InnerStride<>>(first, head_dim_, Eigen::InnerStride<>(step));
    } else {
      return x.reshaped(count_, head_dim_).row(count_ == 1 ? 0 : head);
    }
  }

 private:
  template <typename Vector>
  static bool is_list_of(const Vector& x, Eigen::Index head_dim) {
    return x.size() == head_dim && (x.rows() == 1 || x.cols() == 1);
  }

  Eigen::Index count_;
  Eigen::Index head_dim_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HEAD_VECTOR_HPP

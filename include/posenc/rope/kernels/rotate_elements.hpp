// SPDX-License-Identifier: MIT
/// @file
/// The rotation of what the kernels do not know: other expressions, scalars and strides.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/rope_layout.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Turns one pair of elements at a time: any Eigen expression, any scalar, any stride.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_elements(Out& out, const In& in, const FrequencyTableView<TableScalar>& table, const RopeLayout& layout,
                     const Rows& rows, Turn turn) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
  const Eigen::Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  const auto cos = table.cos();
  const auto sin = table.sin();
  const auto turn_pair = [&](Eigen::Index token, Eigen::Index first_column, Eigen::Index pair) {
    const Eigen::Index column_a = first_column + (half_split ? pair : 2 * pair);
    const Eigen::Index column_b = column_a + (half_split ? pairs : 1);
    const Eigen::Index row = rows(token);
    const Number c = Number(static_cast<double>(cos(row, pair)) * turn.scale);
    const Number s = Number(static_cast<double>(sin(row, pair)) * sin_scale);
    const Number a = convert<Number>(in.coeff(token, column_a));
    const Number b = convert<Number>(in.coeff(token, column_b));
    out.coeffRef(token, column_a) = convert<OutScalar>(Number(a * c - b * s));
    out.coeffRef(token, column_b) = convert<OutScalar>(Number(a * s + b * c));
  };
  const Eigen::Index tokens = in.rows();
  const Eigen::Index head_dim = layout.head_dim();
  if constexpr (bool(Out::IsRowMajor)) {
    for (Eigen::Index token = 0; token < tokens; ++token) {
      for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
        for (Eigen::Index pair = 0; pair < pairs; ++pair) turn_pair(token, head, pair);
      }
    }
  } else {
    for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        for (Eigen::Index token = 0; token < tokens; ++token) turn_pair(token, head, pair);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP

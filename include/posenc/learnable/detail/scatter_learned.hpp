// SPDX-License-Identifier: MIT
/// @file
/// The kernels that add gradients to the rows of a trained table.
#ifndef POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP

#include "posenc/detail/row.hpp"
#include "posenc/learnable/detail/lookup.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How many columns are summed on the stack at a time.
inline constexpr Eigen::Index kSumChunk = 256;

/// Calls add(row, factor) for each table row that a token's gradient goes to.
template <typename Add>
void for_each_trained_row(TableRow at, const LookupOptions& options, double ratio, Add&& add) {
  const Eigen::Index padding = options.padding_row.value_or(-1);
  if (at.row >= 0 && at.row != padding) add(at.row, 1.0);
  if (at.outer == 0) return;
  if (at.outer != padding) add(at.outer, ratio);
  if (padding != 0) add(Eigen::Index(0), -ratio);
}

/// grad += factor * sum over b < batch of grad_x[b * step + i]. The product is rounded before it is added: whether a
/// compiler fuses the two would depend on where a chunk of columns begins, and with it the last bit.
template <typename Grad, typename Read>
void add_summed_row(Grad* grad, const Read* grad_x, Eigen::Index step, Eigen::Index batch, Eigen::Index width,
                    double factor) {
  using Number = ArithmeticScalar<Grad, Read>;
  if constexpr (std::is_same_v<Grad, Number>) {
    if (factor == 1.0) {
      for (Eigen::Index b = 0; b < batch; ++b) add_row(grad, grad_x + b * step, width);
      return;
    }
  }
  for (Eigen::Index first = 0; first < width; first += kSumChunk) {
    const Eigen::Index count = (std::min)(kSumChunk, width - first);
    Number sum[kSumChunk] = {};
    for (Eigen::Index b = 0; b < batch; ++b) add_row(sum, grad_x + b * step + first, count);
    if (factor != 1.0) Eigen::Map<Eigen::Array<Number, Eigen::Dynamic, 1>>(sum, count) *= static_cast<Number>(factor);
    add_row(grad + first, sum, count);
  }
}

/// Adds the rows of grad_x to those of the table that they came from.
template <typename GradTable, typename GradX, typename Positions>
void scatter_learned(GradTable& grad_table, const GradX& grad_x, const LookupOptions& options, const Lookup& lookup,
                     const Positions& positions) {
  // Each of the positions first, ..., first + seq_len - 1 occurs `batch` times, every `seq_len` rows.
  Eigen::Index seq_len = grad_x.rows();
  Eigen::Index batch = 1;
  if constexpr (std::is_same_v<Positions, SequencePositions>) {
    seq_len = positions.seq_len();
    batch = positions.batch();
  }
  if constexpr (has_rows_in_memory<GradTable> && has_rows_in_memory<GradX>) {
    if (has_contiguous_rows(grad_table) && has_contiguous_rows(grad_x)) {
      const Eigen::Index stride = grad_x.outerStride();
      for (Eigen::Index t = 0; t < seq_len; ++t) {
        const auto add = [&](Eigen::Index row, double factor) {
          add_summed_row(grad_table.data() + row * grad_table.outerStride(), grad_x.data() + t * stride,
                         seq_len * stride, batch, grad_x.cols(), factor);
        };
        for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
      }
      return;
    }
  }
  using Scalar = typename GradTable::Scalar;
  using Number = ArithmeticScalar<Scalar, typename GradX::Scalar>;
  for (Eigen::Index t = 0; t < seq_len; ++t) {
    const auto add = [&](Eigen::Index row, double factor) {
      for (Eigen::Index column = 0; column < grad_x.cols(); ++column) {
        Number sum(0);
        for (Eigen::Index b = 0; b < batch; ++b) {
          sum = sum + convert<Number>(grad_x.coeff(b * seq_len + t, column));
        }
        Scalar& target = grad_table.coeffRef(row, column);
        target = convert<Scalar>(Number(convert<Number>(target) + Number(factor) * sum));
      }
    };
    for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_SCATTER_LEARNED_HPP

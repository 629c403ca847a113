// SPDX-License-Identifier: MIT
/// @file
/// The gradient of a trained table.
#ifndef POSENC_LEARNABLE_LEARNED_BACKWARD_HPP
#define POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/learnable/detail/lookup.hpp"
#include "posenc/learnable/lookup_options.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Calls add(row, factor) for each table row that a token's gradient goes to.
template <typename Add>
void for_each_trained_row(TableRow at, const LookupOptions& options, double ratio, Add&& add) {
  const Eigen::Index padding = options.padding_row.value_or(-1);
  if (at.row >= 0 && at.row != padding) add(at.row, 1.0);
  if (at.outer == 0) return;
  if (at.outer != padding) add(at.outer, ratio);
  if (padding != 0) add(Eigen::Index(0), -ratio);
}

/// grad += factor * sum over b < batch of grad_out[b * step + i]. The product is rounded before it is added: whether a
/// compiler fuses the two would depend on where a chunk of columns begins, and with it the last bit.
template <typename Grad, typename Out>
void add_summed_row(Grad* grad, const Out* grad_out, Eigen::Index step, Eigen::Index batch, Eigen::Index width,
                    double factor) {
  using Number = ArithmeticScalar<Grad, Out>;
  if constexpr (std::is_same_v<Grad, Number>) {
    if (factor == 1.0) {
      for (Eigen::Index b = 0; b < batch; ++b) add_row(grad, grad_out + b * step, width);
      return;
    }
  }
  for (Eigen::Index first = 0; first < width; first += kSumChunk) {
    const Eigen::Index count = (std::min)(kSumChunk, width - first);
    Number sum[kSumChunk] = {};
    for (Eigen::Index b = 0; b < batch; ++b) add_row(sum, grad_out + b * step + first, count);
    if (factor != 1.0) Eigen::Map<Eigen::Array<Number, Eigen::Dynamic, 1>>(sum, count) *= static_cast<Number>(factor);
    add_row(grad + first, sum, count);
  }
}

template <typename DerivedGrad, typename DerivedOut, typename Positions>
void backward_learned(DerivedGrad& grad_table, const DerivedOut& grad_out, const LookupOptions& options,
                      const Lookup& lookup, const Positions& positions) {
  // Tokens first, ..., first + length - 1, each `batch` times, `length` rows apart.
  Eigen::Index length = grad_out.rows();
  Eigen::Index batch = 1;
  if constexpr (std::is_same_v<Positions, SequencePositions>) {
    length = positions.length();
    batch = positions.batch();
  }
  if constexpr (has_rows_in_memory<DerivedGrad> && has_rows_in_memory<DerivedOut>) {
    if (has_contiguous_rows(grad_table) && has_contiguous_rows(grad_out)) {
      const Eigen::Index stride = grad_out.outerStride();
      for (Eigen::Index t = 0; t < length; ++t) {
        const auto add = [&](Eigen::Index row, double factor) {
          add_summed_row(grad_table.data() + row * grad_table.outerStride(), grad_out.data() + t * stride,
                         length * stride, batch, grad_out.cols(), factor);
        };
        for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
      }
      return;
    }
  }
  using Scalar = typename DerivedGrad::Scalar;
  using Number = ArithmeticScalar<Scalar, typename DerivedOut::Scalar>;
  for (Eigen::Index t = 0; t < length; ++t) {
    const auto add = [&](Eigen::Index row, double factor) {
      for (Eigen::Index column = 0; column < grad_out.cols(); ++column) {
        Number sum(0);
        for (Eigen::Index b = 0; b < batch; ++b) {
          sum = sum + convert<Number>(grad_out.coeff(b * length + t, column));
        }
        Scalar& target = grad_table.coeffRef(row, column);
        target = convert<Scalar>(Number(convert<Number>(target) + Number(factor) * sum));
      }
    };
    for_each_trained_row(lookup(positions[t]), options, lookup.ratio(), add);
  }
}

template <typename DerivedGrad, typename DerivedOut, typename Positions>
void learned_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                      const Eigen::DenseBase<DerivedOut>& grad_out, const Positions& given,
                      const LookupOptions& options) {
  require(grad_table.rows() > 0, function, "grad_table.rows()", grad_table.rows(), "> 0");
  require(grad_out.cols() == grad_table.cols(), function, "grad_out.cols()", grad_out.cols(), "grad_table.cols() ",
          grad_table.cols());
  require_lookup(function, options, grad_table.rows());
  require_disjoint(function, "grad_table", grad_table, grad_out);
  const Lookup lookup(options, grad_table.rows());
  const auto& grad_out_values = evaluated(grad_out);
  with_positions(function, "grad_out", given, grad_out.rows(), lookup, [&](const auto& positions) {
    backward_learned(grad_table.derived(), grad_out_values, options, lookup, positions);
  });
}

}  // namespace detail

/// Adds the gradient of a trained table: grad_table[p] += sum of grad_out[t] over the tokens t at position p.
///
/// Where a position took two more rows (Overflow::hierarchical: P[i] + r (P[o] - P[0]), r = alpha / (1 - alpha)) all
/// three get their share; zeroed positions have none, clamped ones go to the last row. The padding row gets nothing.
///
/// @param[in,out] grad_table  rows x width, of the table's shape; added to, so set it to zero before the first call.
///                            A float gradient of half outputs is fine, and more accurate than a half one.
/// @param grad_out            tokens x width: the gradient of what encode_learned() or add_learned() put out.
/// @param positions           As given to encode_learned(). A PositionRange is the fast way: its sequences are summed
///                            into a contiguous block.
/// @param options             The table's own: table.options(). There is no default: it names the row that is not
///                            trained.
/// @throws std::invalid_argument  widths differ; another number of positions than rows of grad_out; alpha not in
///                                (0, 1); memory that overlaps.
/// @throws std::out_of_range      as encode_learned(), or a padding_row that is no row. grad_table is then unchanged.
/// Cost:     one addition for each value; no allocation. A column-major or strided gradient element by element.
/// Accuracy: n - 1 roundings for n summands, in order of the tokens (a PositionRange: in order of the batch). Half
///           types are added in float, and rounded after each position.
/// Threads:  split by columns, grad_table.middleCols(a, n) and grad_out.middleCols(a, n): the bits do not depend on how
///           many threads there are. No atomics.
/// Matches:  the weight gradient of nn.Embedding, with padding_idx.
template <typename GradTable, typename DerivedOut, typename Positions>
void learned_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out, const Positions& positions,
                      const LookupOptions& options) {
  detail::learned_backward("learned_backward", detail::written(std::forward<GradTable>(grad_table)), grad_out,
                           positions, options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

// SPDX-License-Identifier: MIT
/// @file
/// The gradient of a trained table.
#ifndef POSENC_LEARNABLE_LEARNED_BACKWARD_HPP
#define POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/learnable/detail/explain_learned.hpp"
#include "posenc/learnable/detail/scatter_learned.hpp"
#include "posenc/learnable/learned_table.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline LookupOptions options_of(const LookupOptions& options) { return options; }
template <typename Table>
LookupOptions options_of(const Table& table) {
  return table.options();
}

/// The shape of grad_table, when the table is at hand to compare it with.
template <typename GradTable, typename Table>
void require_gradient_of_table(const char* function, const GradTable& grad_table, const Table& table) {
  require(grad_table.rows() > 0, function, "grad_table.rows()", grad_table.rows(), "> 0");
  if constexpr (is_learned_table<Table>) {
    require(grad_table.rows() == table.rows(), function, "grad_table.rows()", grad_table.rows(), "table.rows() ",
            table.rows());
    require(grad_table.cols() == table.width(), function, "grad_table.cols()", grad_table.cols(), "table.width() ",
            table.width());
  }
}

template <typename GradTable, typename GradX, typename Table, typename Given>
void learned_backward(GradTable& grad_table, const GradX& grad_x, const Table& table, const Given& given) {
  const char* const function = "learned_backward";
  require_gradient_of_table(function, grad_table, table);
  require(grad_x.cols() == grad_table.cols(), function, "grad_x.cols()", grad_x.cols(), "grad_table.cols() ",
          grad_table.cols());
  require_data(function, "grad_table", grad_table);
  require_data(function, "grad_x", grad_x);
  require_no_self_overlap(function, "grad_table", grad_table);
  require_disjoint(function, "grad_table", grad_table, grad_x);
  require_disjoint_list(function, "grad_table", grad_table, given);
  const LookupOptions& options = options_of(table);
  require_lookup(function, options, grad_table.rows());
  const Lookup lookup(options, grad_table.rows());
  const auto& grad_x_values = evaluated(grad_x);
  with_table_positions(function, "grad_x", given, grad_x.rows(), lookup, [&](const auto& positions) {
    scatter_learned(grad_table, grad_x_values, options, lookup, positions);
  });
}

}  // namespace detail

/// Adds the gradient of a trained table: grad_table[p] += sum of grad_x[t] over the tokens t at position p.
///
/// A hierarchical position p >= n reads three rows, P[p % n] + r (P[p / n] - P[0]) with r = alpha / (1 - alpha), and
/// adds to all three. A clamped position adds to the last row, one that reads zeros adds to none, and the padding row
/// gets no gradient.
/// @param[in,out] grad_table  rows x width, of the table's shape; added to, so set it to zero before the first call.
///                            A float gradient of half outputs is fine, and more accurate than a half one.
/// @param grad_x              tokens x width: dL/d(out) of encode_learned(), or dL/dx of add_learned().
/// @param table               The table of the forward call, or its options() where the table is not at hand. It is not
///                            read, but says what lies past the last row and which row is not trained.
/// @param positions           As given to encode_learned(). each_sequence(seq_len, starting_at(first)) is the fast way:
///                            its sequences are summed into a contiguous block.
/// @throws std::invalid_argument  a shape other than the table's; widths that differ; another number of positions than
///                                rows of grad_x; alpha not in (0, 1); memory that overlaps.
/// @throws std::out_of_range      as encode_learned(), or a padding_row that is no row. grad_table is then unchanged.
/// Cost:     one addition for each value; no allocation. A column-major or strided gradient element by element
///           (bench_learnable: backward).
/// Accuracy: n - 1 roundings for n summands, in order of the tokens (stacked sequences: in order of the batch). Half
///           types are added in float, and rounded after each position [learnable][backward].
/// Threads:  split by columns, grad_table.middleCols(a, n) and grad_x.middleCols(a, n) with table.options(): the bits
///           do not depend on how many threads there are. No atomics.
/// Matches:  the weight gradient of nn.Embedding, with padding_idx.
template <typename GradTable, typename GradX, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_gradients<GradTable, GradX, Table>, int> = 0>
void learned_backward(GradTable&& grad_table, const GradX& grad_x, const Table& table, const Positions& positions) {
  detail::learned_backward(detail::written(std::forward<GradTable>(grad_table)), grad_x, table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void learned_backward(const Arguments&...) {
  static_assert(detail::explain_learned_backward<Arguments...>());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_BACKWARD_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Adds a bias by distance to attention logits, and its gradient.
/// With a gate for each query: gated_distance_bias.hpp.
#ifndef POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP

#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/distance_table.hpp"
#include "posenc/relative_bias/kernels/bias_row_kernels.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// x += the bias of one head, along memory: by rows where x is row-major, else by columns, whose biases run backwards.
template <typename X, typename Scalar>
void add_head_bias(X& x, const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  if (span.key_len() == 0 || span.query_len() == 0) return;
  const auto values = table.values();
  const auto diagonal = values.row(head);
  const Eigen::Index origin = -table.distances().first();
  if constexpr (bool(X::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      add_rounded_once(x.row(first_row + i), diagonal.segment(origin + span.first_distance(i), span.key_len()));
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.distance(span.query_len() - 1, j);
      add_rounded_once(x.col(j).segment(first_row, span.query_len()),
                       diagonal.segment(last, span.query_len()).reverse().transpose());
    }
  }
}

/// Whether a kernel of the machine's level adds a table of Scalar to X, if its rows are contiguous.
template <typename X, typename Scalar>
inline constexpr bool has_bias_kernel = POSENC_HAS_LEVELS&& has_rows_in_memory<X>&& std::is_same_v<Scalar, float> &&
                                        (is_half<std::decay_t<typename X::Scalar>> ||
                                         std::is_same_v<std::decay_t<typename X::Scalar>, float>);

#if POSENC_HAS_LEVELS
/// Whether the kernels take these logits.
template <typename X>
bool has_bias_rows(const X& x, const AttentionSpan& span) {
  return has_contiguous_rows(x) && span.query_len() > 0 && span.key_len() >= kLeastBiases;
}

template <typename X, typename Heads>
BiasRows bias_rows(X& x, const Heads& heads, const AttentionSpan& span) {
  const auto values = heads.table.values();
  const Eigen::Index first = span.first_distance(0) - heads.table.distances().first();
  return {x.data(),      x.outerStride(), values.data() + heads.first * values.cols() + first,
          values.cols(), heads.count,     span.query_len(),
          span.key_len()};
}
#endif

/// Adds the biases of all heads by a kernel of the machine's level. False where there is none for these logits.
template <typename X, typename Heads>
bool add_bias_by_kernel([[maybe_unused]] X& x, [[maybe_unused]] const Heads& heads,
                        [[maybe_unused]] const AttentionSpan& span) {
#if POSENC_HAS_LEVELS
  if constexpr (has_bias_kernel<X, typename std::decay_t<decltype(heads.table)>::Scalar>) {
    if (has_bias_rows(x, span)) {
      bias_row_kernel<stored_as<std::decay_t<typename X::Scalar>>>(level_of_machine())(bias_rows(x, heads, span));
      return true;
    }
  }
#endif
  return false;
}

/// The gradient of add_head_bias(): sums along the diagonals of `grad`, a shifted vector addition for each row, in order.
template <typename Scalar, typename Grad>
void sum_diagonals(DistanceTable<Scalar>& grad_table, const Grad& grad, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  if (span.key_len() == 0 || span.query_len() == 0) return;
  auto values = grad_table.values();
  auto diagonal = values.row(head);
  const Eigen::Index origin = -grad_table.distances().first();
#if POSENC_HAS_LEVELS
  if constexpr (has_rows_in_memory<Grad> && std::is_same_v<Scalar, float> &&
                std::is_same_v<std::decay_t<typename Grad::Scalar>, float>) {
    if (has_bias_rows(grad, span)) {
      return bias_sum_kernel<BiasSums>(level_of_machine())(
          {grad.data() + first_row * grad.outerStride(), grad.outerStride(),
           diagonal.data() + origin + span.first_distance(0), span.query_len(), span.key_len()});
    }
  }
#endif
  if constexpr (bool(Grad::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      diagonal.segment(origin + span.first_distance(i), span.key_len()) +=
          grad.row(first_row + i).array().template cast<Scalar>();
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.distance(span.query_len() - 1, j);
      diagonal.segment(last, span.query_len()) +=
          grad.col(j).segment(first_row, span.query_len()).reverse().transpose().array().template cast<Scalar>();
    }
  }
}

}  // namespace detail

/// Adds a bias by distance to attention logits, in place:
///
///     logits(h L_q + i, j) += table(h, j - (query_offset + i))
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head: any writable Eigen object, row- or column-major. L_q x
///                        L_k for one head of the table.
/// @param table           A DistanceTable, or table.head(h) for logits of one head. It holds the distances of the span
///                        and may hold more, so that one table serves every step.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape of logits; memory of logits that overlaps itself or the table.
/// @throws std::out_of_range      a distance that the table lacks. `logits` is then unchanged.
/// Cost:     one addition for each logit, in order of memory. With a table of floats, row-major logits run by vectors
///           of the machine, whatever the flags: float at 0.8 to 1 of the speed of adding a constant, half at 0.5, bfloat16
///           at 0.3, where conversions and not memory are the limit; no allocation
///           (bench_relative_bias: biases by distance).
/// Accuracy: each sum is formed in float or double and rounded once [accuracy][relative_bias].
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1; Press et al. 2022, arXiv:2108.12409.
/// Matches:  scores + position_bias of Hugging Face T5 and BLOOM.
template <typename Logits, typename Table, detail::IfDense<Logits> = 0, detail::IfDistanceTable<Table> = 0>
void add_distance_bias(Logits&& logits, const Table& table, const AttentionSpan& span) {
  const char* const function = "add_distance_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const auto heads = detail::heads_of(table);
  detail::require_stacked_logits(function, "logits", x, heads.count, span);
  detail::require_distances(function, "table.distances()", heads.table.distances(), span);
  detail::require_target(function, "logits", x, heads.table.values());
  if (detail::add_bias_by_kernel(x, heads, span)) return;
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    detail::add_head_bias(x, heads.table, span, heads.first + h, h * span.query_len());
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_distance_bias(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_distance_bias(logits, table, span), or (logits, table, span, row_gates): logits is an Eigen "
      "object, table a DistanceTable or its head(h), span is AttentionSpan::square(seq_len), cached(query_len, "
      "key_len) "
      "or at(queries, key_len), row_gates a list with one number for each row of the logits");
}

/// The gradient of add_distance_bias(): adds the diagonal sums of dL/d(logits) into `grad_table`.
///
///     grad_table(h, d) += sum over all (i, j) with j - (query_offset + i) = d of grad_logits(h L_q + i, j)
///
/// Deterministic: rows are added in order.
/// @param[in,out] grad_table  A DistanceTable, or grad_table.head(h): of float or double, whatever the logits are,
///                            because sums in half lose terms (4,096 ones sum to 2,048).
/// @param grad_logits         (num_heads L_q) x L_k, head by head, or L_q x L_k for one head.
/// @param span                As in the forward call.
/// @throws as add_distance_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit; no allocation (bench_relative_bias: biases by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties]. A sum of n logits has n roundings to the scalar of grad_table: take one of
///           double where queries are many.
/// Source:   Raffel et al. 2020, arXiv:1910.10683, section 2.1: what a framework's autograd sums by index.
template <typename GradTable, typename Grad, detail::IfDistanceTable<GradTable> = 0, detail::IfDense<Grad> = 0>
void distance_bias_backward(GradTable&& grad_table, const Grad& grad_logits, const AttentionSpan& span) {
  const char* const function = "distance_bias_backward";
  const auto heads = detail::heads_of(grad_table);
  using Table = std::remove_reference_t<decltype(heads.table)>;
  static_assert(!std::is_const_v<Table>, "posenc: the argument is written to, but it is const");
  static_assert(std::is_lvalue_reference_v<GradTable> || !std::is_same_v<std::decay_t<GradTable>, Table>,
                "posenc: grad_table is a temporary table, and the result would be lost with it");
  detail::require_gradient_scalar<typename Table::Scalar>();
  detail::require_stacked_logits(function, "grad_logits", grad_logits, heads.count, span);
  detail::require_distances(function, "grad_table.distances()", heads.table.distances(), span);
  detail::require_target(function, "grad_table", heads.table.values(), grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    detail::sum_diagonals(heads.table, grad_values, span, heads.first + h, h * span.query_len());
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto distance_bias_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write distance_bias_backward(grad_table, grad_logits, span), or with gates (grad_table, "
                "grad_row_gates, grad_logits, table, span, row_gates): grad_table is a DistanceTable or its head(h), "
                "grad_logits an Eigen object, the rest as in the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ADD_DISTANCE_BIAS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// A bias by distance that each query multiplies by a gate of its own, and its gradients.
/// Without gates: add_distance_bias.hpp.
#ifndef POSENC_RELATIVE_BIAS_GATED_DISTANCE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_GATED_DISTANCE_BIAS_HPP

#include "posenc/relative_bias/add_distance_bias.hpp"
#include "posenc/relative_bias/detail/held.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// One number for each row of the logits, in a row or a column.
template <typename Gates>
void require_row_gates(const char* function, const char* parameter, const Gates& gates, Eigen::Index rows) {
  if (gates.size() != rows || (gates.rows() != 1 && gates.cols() != 1)) {
    refuse<std::invalid_argument>(function, parameter,
                                  std::to_string(gates.rows()) + " x " + std::to_string(gates.cols()),
                                  "one number for each row of the logits, ", rows, " in a row or a column");
  }
  require_data(function, parameter, gates);
}

/// Gate i of a row or a column.
template <typename Gates>
typename Gates::Scalar gate_at(const Gates& gates, Eigen::Index i) {
  return gates.cols() == 1 ? gates.coeff(i, 0) : gates.coeff(0, i);
}

/// Adds gated biases by a kernel of the machine's level. False where there is none for these logits and gates.
template <typename X, typename Heads, typename Gates>
bool add_gated_bias_by_kernel([[maybe_unused]] X& x, [[maybe_unused]] const Heads& heads,
                              [[maybe_unused]] const AttentionSpan& span, [[maybe_unused]] const Gates& gates) {
#if POSENC_HAS_LEVELS
  if constexpr (has_bias_kernel<X, typename std::decay_t<decltype(heads.table)>::Scalar> &&
                std::is_same_v<std::decay_t<typename X::Scalar>, float> &&
                std::is_same_v<std::decay_t<typename Gates::Scalar>, float> && has_memory<Gates>) {
    if (has_bias_rows(x, span)) {
      gated_bias_row_kernel<BiasRows>(level_of_machine())(bias_rows(x, heads, span), gates.data(),
                                                          gates.cols() == 1 ? gates.rowStride() : gates.colStride());
      return true;
    }
  }
#endif
  return false;
}

}  // namespace detail

/// Adds a bias by distance, multiplied by a gate of each query, in place. In WavLM the gate is a (b c_h - 1) + 2, where
/// a and b are sigmoids of the query and c_h is a number of the head.
///
///     logits(h L_q + i, j) += row_gates(h L_q + i) table(h, j - (query_offset + i))
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head, or L_q x L_k for one head of the table.
/// @param table           A DistanceTable, or table.head(h) for logits of one head.
/// @param span            Which queries meet which keys.
/// @param row_gates       num_heads L_q numbers, head by head, in a row or a column.
/// @throws std::invalid_argument  another shape of logits or another number of gates; memory of logits that overlaps
///                                itself or what is read.
/// @throws std::out_of_range      a distance that the table lacks. `logits` is then unchanged.
/// Cost:     one multiplication and one addition for each logit; no allocation. Where logits, table and gates are floats
///           and logits row-major, by vectors of the machine, as fast as without gates, whatever the flags
///           (bench_relative_bias: biases by distance).
/// Accuracy: product and sum are formed in float or double, each rounded once [accuracy][relative_bias].
/// Source:   Chen et al. 2022, arXiv:2110.13900, section 3.1.
/// Matches:  the gated position bias of WavLMAttention of transformers; GatedRelativePositionBias of ONNX Runtime.
template <typename Logits, typename Table, typename Gates, detail::IfDense<Logits, Gates> = 0,
          detail::IfDistanceTable<Table> = 0>
void add_distance_bias(Logits&& logits, const Table& table, const AttentionSpan& span, const Gates& row_gates) {
  const char* const function = "add_distance_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  using X = std::decay_t<decltype(x)>;
  const auto heads = detail::heads_of(table);
  using Number = detail::ArithmeticScalar<typename X::Scalar, typename std::decay_t<decltype(heads.table)>::Scalar>;
  detail::require_stacked_logits(function, "logits", x, heads.count, span);
  detail::require_distances(function, "table.distances()", heads.table.distances(), span);
  detail::require_row_gates(function, "row_gates", row_gates, heads.count * span.query_len());
  detail::require_target(function, "logits", x, heads.table.values(), row_gates);
  if (span.key_len() == 0) return;
  const auto& gates = detail::evaluated(row_gates);
  if (detail::add_gated_bias_by_kernel(x, heads, span, gates)) return;
  const auto values = heads.table.values();
  const Eigen::Index origin = -heads.table.distances().first();
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    const auto diagonal = values.row(heads.first + h);
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      const Eigen::Index row = h * span.query_len() + i;
      const auto gate = detail::convert<Number>(detail::gate_at(gates, row));
      const auto bias = diagonal.segment(origin + span.first_distance(i), span.key_len());
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        auto& to = x.coeffRef(row, j);
        to = detail::convert<typename X::Scalar>(
            Number(detail::convert<Number>(to) + Number(gate * detail::convert<Number>(bias.coeff(j)))));
      }
    }
  }
}

/// Adds the gradients of gated biases by distance to those of the table and of the gates:
///
///     grad_table(h, d)          += sum over all (i, j) at distance d of row_gates(h L_q + i) grad_logits(h L_q + i, j)
///     grad_row_gates(h L_q + i) += sum over j of table(h, j - (query_offset + i)) grad_logits(h L_q + i, j)
///
/// @param[in,out] grad_table      A DistanceTable of float or double, or grad_table.head(h).
/// @param[in,out] grad_row_gates  num_heads L_q numbers, head by head, in a row or a column.
/// @param grad_logits             (num_heads L_q) x L_k, head by head, or L_q x L_k for one head.
/// @param table, span, row_gates  As in the forward call.
/// @throws as add_distance_bias(), and std::invalid_argument for a grad_table of another number of heads than table;
///         nothing is written then.
/// Cost:     two multiply-adds for each logit; no allocation (bench_relative_bias: biases by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double [relative_bias][properties].
/// Source:   Chen et al. 2022, arXiv:2110.13900, section 3.1.
template <typename GradTable, typename GradGates, typename Grad, typename Table, typename Gates,
          detail::IfDistanceTable<GradTable> = 0, detail::IfDense<GradGates, Grad, Gates> = 0,
          detail::IfDistanceTable<Table> = 0>
void distance_bias_backward(GradTable&& grad_table, GradGates&& grad_row_gates, const Grad& grad_logits,
                            const Table& table, const AttentionSpan& span, const Gates& row_gates) {
  const char* const function = "distance_bias_backward";
  const auto sums = detail::heads_of(grad_table);
  const auto heads = detail::heads_of(table);
  using Sums = std::remove_reference_t<decltype(sums.table)>;
  static_assert(!std::is_const_v<Sums>, "posenc: the argument is written to, but it is const");
  static_assert(std::is_lvalue_reference_v<GradTable> || !std::is_same_v<std::decay_t<GradTable>, Sums>,
                "posenc: grad_table is a temporary table, and the result would be lost with it");
  detail::require_gradient_scalar<typename Sums::Scalar>();
  auto& grad_gates = detail::written(std::forward<GradGates>(grad_row_gates));
  using GateScalar = typename std::decay_t<decltype(grad_gates)>::Scalar;
  using Number = typename Sums::Scalar;
  detail::require(sums.count == heads.count, function, "grad_table.num_heads()", sums.count, "those of table, ",
                  heads.count);
  detail::require_stacked_logits(function, "grad_logits", grad_logits, heads.count, span);
  detail::require_distances(function, "grad_table.distances()", sums.table.distances(), span);
  detail::require_distances(function, "table.distances()", heads.table.distances(), span);
  const Eigen::Index rows = heads.count * span.query_len();
  detail::require_row_gates(function, "row_gates", row_gates, rows);
  detail::require_row_gates(function, "grad_row_gates", grad_gates, rows);
  detail::require_target(function, "grad_table", sums.table.values(), grad_logits, heads.table.values(), row_gates);
  detail::require_target(function, "grad_row_gates", grad_gates, grad_logits, heads.table.values(), row_gates,
                         sums.table.values());
  if (span.key_len() == 0) return;
  const auto& gates = detail::evaluated(row_gates);
  const auto& grad = detail::evaluated(grad_logits);
  auto sum_values = sums.table.values();
  const auto values = heads.table.values();
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      const Eigen::Index row = h * span.query_len() + i;
      const Eigen::Index first = span.first_distance(i);
      const auto gate = detail::convert<Number>(detail::gate_at(gates, row));
      auto diagonal = sum_values.row(sums.first + h).segment(first - sums.table.distances().first(), span.key_len());
      const auto bias = values.row(heads.first + h).segment(first - heads.table.distances().first(), span.key_len());
      Number by_gate(0);
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        const auto g = detail::convert<Number>(grad.coeff(row, j));
        diagonal.coeffRef(j) += gate * g;
        by_gate += detail::convert<Number>(bias.coeff(j)) * g;
      }
      GateScalar& to = grad_gates.cols() == 1 ? grad_gates.coeffRef(row, 0) : grad_gates.coeffRef(0, row);
      to = detail::convert<GateScalar>(Number(detail::convert<Number>(to) + by_gate));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_GATED_DISTANCE_BIAS_HPP

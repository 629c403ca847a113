// SPDX-License-Identifier: MIT
/// @file
/// DistanceTable: a bias that depends on key - query alone, as one number per head and distance.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/attention_span.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// A bias that depends on the relative position (key - query) alone: one number per head and distance.
///
/// The L_q x L_k bias of a head is constant along diagonals, so row i of it is a contiguous piece of one vector,
///
///     distances   -4 -3 -2 -1  0  1  2
///     query 0               [ 0  1  2 ]       L_q = 3 queries, L_k = 3 keys: row i begins one further left
///     query 1            [-1  0  1 ]
///     query 2         [-2 -1  0 ]
///
/// and adding it costs no more than adding a constant. T5, ALiBi, KERPLE, Sandwich and learned biases are such tables.
/// A trained bias per distance is one directly: fill values() and train it with distance_bias_backward().
/// @tparam Scalar_  float or double; half types as storage.
template <typename Scalar_>
class DistanceTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros for the given heads and distances; no distances (of an empty span) make an empty table.
  /// @throws std::invalid_argument  num_heads < 0, or range.max < range.min - 1.
  /// @throws std::out_of_range      a range that ends beyond 2^41.
  /// @throws std::length_error      the table does not fit into memory's index type.
  DistanceTable(Eigen::Index num_heads, DistanceRange range) : range_(range) {
    const char* const function = "DistanceTable";
    detail::require(num_heads >= 0, function, "num_heads", num_heads, ">= 0");
    detail::require_distance_range(function, range);
    detail::require_size(function, "num_heads", num_heads, range.size(), sizeof(Scalar));
    values_ = Values::Zero(num_heads, range.size());
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  DistanceRange range() const { return range_; }

  /// num_heads x range().size(): column m is the relative position range().min + m.
  const Values& values() const { return values_; }
  Values& values() { return values_; }

  /// The bias of `head` at key - query = relative, which must be in range().
  const Scalar& operator()(Eigen::Index head, Eigen::Index relative) const {
    return values_(head, relative - range_.min);
  }
  Scalar& operator()(Eigen::Index head, Eigen::Index relative) { return values_(head, relative - range_.min); }

 private:
  DistanceRange range_;
  Values values_;
};

namespace detail {

template <typename Scalar>
void require_distances(const char* function, const DistanceTable<Scalar>& table, const AttentionSpan& span) {
  // values() can be assigned a matrix of any shape.
  require(table.values().cols() == table.range().size(), function, "table.values().cols()", table.values().cols(),
          "table.range().size() ", table.range().size());
  const DistanceRange needed = span.distances();
  if (needed.size() <= 0) return;
  require_in_range(table.range().min <= needed.min, function, "table.range().min", table.range().min, "at most ",
                   needed.min, ", the smallest key - query of the span");
  require_in_range(table.range().max >= needed.max, function, "table.range().max", table.range().max, "at least ",
                   needed.max, ", the largest key - query of the span");
}

inline void require_head(const char* function, Eigen::Index head, Eigen::Index num_heads) {
  require_in_range(head >= 0 && head < num_heads, function, "head", head, "in [0, ", num_heads, ")");
}

/// x += the bias of one head. Rows for row-major x, reversed columns for column-major x: always along memory.
template <typename X, typename Scalar>
void add_head_bias(X& x, const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  const auto diagonal = table.values().row(head);
  const Eigen::Index origin = -table.range().min;
  if (span.key_len() == 0 || span.query_len() == 0) return;
  if constexpr (bool(X::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      add_rounded_once(x.row(first_row + i), diagonal.segment(origin + span.first_relative(i), span.key_len()));
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.relative(span.query_len() - 1, j);
      add_rounded_once(x.col(j).segment(first_row, span.query_len()),
                       diagonal.segment(last, span.query_len()).reverse().transpose());
    }
  }
}

/// The gradient of add_head_bias(): sums along the diagonals of `grad`, one shifted vector addition for each row.
template <typename Scalar, typename Grad>
void sum_diagonals(DistanceTable<Scalar>& grad_table, const Grad& grad, const AttentionSpan& span, Eigen::Index head,
                   Eigen::Index first_row) {
  if (span.key_len() == 0 || span.query_len() == 0) return;
  auto diagonal = grad_table.values().row(head);
  const Eigen::Index origin = -grad_table.range().min;
  if constexpr (bool(Grad::IsRowMajor)) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      diagonal.segment(origin + span.first_relative(i), span.key_len()) +=
          grad.row(first_row + i).array().template cast<Scalar>();
    }
  } else {
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      const Eigen::Index last = origin + span.relative(span.query_len() - 1, j);
      diagonal.segment(last, span.query_len()) +=
          grad.col(j).segment(first_row, span.query_len()).reverse().transpose().array().template cast<Scalar>();
    }
  }
}

}  // namespace detail

/// Adds the bias of one head to its logits, in place: logits(i, j) += table(head, j - (query_offset + i)).
///
/// @param[in,out] logits  L_q x L_k: any writable dense Eigen object, row- or column-major.
/// @param table           Covers the distances of the span; it may cover more, so one table serves every step.
/// @throws std::invalid_argument  another shape of logits.
/// @throws std::out_of_range      head, or a distance that the table lacks. `logits` is then unchanged.
/// Cost:     one addition for each logit, in order of memory; no allocation.
template <typename Logits, typename Scalar>
void add_distance_bias(Logits&& logits, const DistanceTable<Scalar>& table, const AttentionSpan& span,
                       Eigen::Index head) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape("add_distance_bias", "logits", x, span.query_len(), span.key_len());
  detail::require_head("add_distance_bias", head, table.num_heads());
  detail::require_distances("add_distance_bias", table, span);
  detail::add_head_bias(x, table, span, head, 0);
}

/// @overload
/// All heads stacked: logits is (num_heads L_q) x L_k, head by head.
template <typename Logits, typename Scalar>
void add_distance_bias(Logits&& logits, const DistanceTable<Scalar>& table, const AttentionSpan& span) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape("add_distance_bias", "logits", x, table.num_heads() * span.query_len(), span.key_len());
  detail::require_distances("add_distance_bias", table, span);
  for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
    detail::add_head_bias(x, table, span, head, head * span.query_len());
  }
}

/// Returns the bias of one head as a matrix, L_q x L_k, for those who want one.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_distance_bias(
    const DistanceTable<Scalar>& table, const AttentionSpan& span, Eigen::Index head) {
  detail::require_size("make_distance_bias", "span.query_len()", span.query_len(), span.key_len(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> bias =
      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>::Zero(span.query_len(), span.key_len());
  add_distance_bias(bias, table, span, head);
  return bias;
}

/// The gradient of add_distance_bias(): adds the diagonal sums of dL/d(logits) into `grad_table`.
///
///     grad_table(head, d) += sum over all (i, j) with j - (query_offset + i) = d of grad_logits(i, j)
///
/// Deterministic: rows are added in order. Several heads may be worked on at the same time. The table is of float or
/// double, whatever the logits are: 4,096 ones summed in half stop at 2,048.
/// @throws as add_distance_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit; no allocation.
template <typename Scalar, typename Derived>
void distance_bias_backward(DistanceTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                            const AttentionSpan& span, Eigen::Index head) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_shape("distance_bias_backward", "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_head("distance_bias_backward", head, grad_table.num_heads());
  detail::require_distances("distance_bias_backward", grad_table, span);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  detail::sum_diagonals(grad_table, grad_logits_values, span, head, 0);
}

/// @overload
/// All heads stacked: grad_logits is (num_heads L_q) x L_k.
template <typename Scalar, typename Derived>
void distance_bias_backward(DistanceTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                            const AttentionSpan& span) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_shape("distance_bias_backward", "grad_logits", grad_logits, grad_table.num_heads() * span.query_len(),
                        span.key_len());
  detail::require_distances("distance_bias_backward", grad_table, span);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    detail::sum_diagonals(grad_table, grad_logits_values, span, head, head * span.query_len());
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

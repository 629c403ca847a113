// SPDX-License-Identifier: MIT
/// @file
/// DeBERTa: disentangled attention, content against position and position against content, by log buckets.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/log_buckets.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The table rows of DeBERTa by distance. Here the relative position is query - key, as in the original.
///
/// With s = rows() / 2, row(query - key) = clamp(bucket(query - key) + s, 0, 2s - 1). Without buckets (v1)
/// bucket(n) = n and s = max_position. With `position_buckets` b (v2, v3), mid = b / 2 and s = b:
///
///     bucket(n) = n                                                                             |n| <= mid
///                 sign(n) (mid + ceil(ln(|n| / mid) / ln((max_position - 1) / mid) (mid - 1)))  otherwise
///
/// The boundaries are found in integers.
/// Source:   He et al. 2021, arXiv:2006.03654; v3 arXiv:2111.09543.
/// Matches:  make_log_bucket_position of Microsoft's DeBERTa and of Hugging Face.
class DebertaBuckets {
 public:
  /// @param max_position      `max_relative_positions`, > 0 (512), at most 2^20.
  /// @param position_buckets  0 for none (v1), else even, in [4, 8192] (256), and position_buckets / 2 <
  ///                          max_position - 1.
  /// @throws std::invalid_argument  one of these does not hold.
  explicit DebertaBuckets(Eigen::Index max_position, Eigen::Index position_buckets = 0) {
    const char* const function = "DebertaBuckets";
    constexpr Eigen::Index limit = Eigen::Index(1) << 20;
    detail::require(max_position > 0 && max_position <= limit, function, "max_position", max_position,
                    "> 0 and at most ", limit);
    detail::require(
        position_buckets == 0 || (position_buckets >= 4 && position_buckets % 2 == 0 &&
                                  position_buckets / 2 < max_position - 1 && position_buckets <= detail::kMaxLogSteps),
        function, "position_buckets", position_buckets, "0, or even, >= 4, at most ", detail::kMaxLogSteps,
        " and < 2 (max_position - 1) = ", 2 * (max_position - 1));
    half_ = position_buckets == 0 ? max_position : position_buckets;
    const Eigen::Index mid = position_buckets == 0 ? max_position : position_buckets / 2;
    // One distance beyond the last that differs: -max_position still has a row of its own.
    bucket_.resize(static_cast<std::size_t>(max_position + 1));
    Eigen::Index step = 0;
    for (Eigen::Index n = 0; n <= max_position; ++n) {
      Eigen::Index& bucket = bucket_[static_cast<std::size_t>(n)];
      bucket = n;
      if (n <= mid) continue;
      // ceil(quotient) is the first step that the quotient does not exceed.
      while (step < mid && detail::compare_log_quotient(n, step, mid, max_position - 1, mid - 1) > 0) ++step;
      bucket = mid + step;
    }
  }

  /// Rows of the position tables: 2s.
  Eigen::Index rows() const { return 2 * half_; }

  /// The table row of query - key.
  Eigen::Index operator()(std::int64_t query_minus_key) const {
    const std::int64_t last = static_cast<std::int64_t>(bucket_.size() - 1);
    const std::int64_t n = (std::min)((std::max)(query_minus_key, -last), last);
    const Eigen::Index size = bucket_[static_cast<std::size_t>(n < 0 ? -n : n)];
    const Eigen::Index bucket = n < 0 ? -size : size;
    return (std::min)((std::max)(bucket + half_, Eigen::Index(0)), 2 * half_ - 1);
  }

 private:
  Eigen::Index half_ = 0;
  std::vector<Eigen::Index> bucket_;  // of |n|; larger distances share the last
};

namespace detail {

template <typename Content, typename Table>
void require_deberta(const char* function, const char* parameter, const Eigen::MatrixBase<Content>& content,
                     const Eigen::MatrixBase<Table>& table, const DebertaBuckets& buckets, Eigen::Index tokens) {
  const std::string name = parameter;
  if (content.rows() != tokens) {
    refuse<std::invalid_argument>(function, name + ".rows()", content.rows(), tokens);
  }
  require_shape(function, "table", table, buckets.rows(), content.cols());
}

}  // namespace detail

/// Adds content-to-position scores to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . table[row(query_offset + i - j)]
///
/// @param[in,out] logits  L_q x L_k. float or double, as q and table.
/// @param q               L_q x head_dim.
/// @param table           buckets.rows() x head_dim: position embeddings through the key projection.
/// @param scale           1 / sqrt(head_dim (1 + number of position terms)).
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     a product L_q x head_dim x buckets.rows(), then one look-up in a row for each logit. Extra memory
///           32 x buckets.rows().
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4. Matches: "c2p".
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_deberta_c2p(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_c2p";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_deberta(function, "q", q, table, buckets, span.query_len());
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        x.coeffRef(block + i, j) += scores(i, buckets(-span.relative(block + i, j)));
      }
    }
  }
}

/// The gradient of add_deberta_c2p(): adds into grad_q and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void deberta_c2p_backward(GradQuery&& grad_q, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                          const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                          Workspace<Scalar>& workspace) {
  const char* const function = "deberta_c2p_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_deberta(function, "q", q, table, buckets, span.query_len());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto sums = scratch.topRows(rows);
    sums.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) {
        sums(i, buckets(-span.relative(block + i, j))) += grad_logits_values.coeff(block + i, j);
      }
    }
    detail::add_product(dq.middleRows(block, rows), sums, table_values, scale);
    detail::add_product(dtable, sums.transpose(), q_values.middleRows(block, rows), scale);
  }
}

/// Adds position-to-content scores to the logits of one head, in place:
///
///     logits(i, j) += scale k[j] . table[row(query_offset + i - j)]
///
/// @param k      L_k x head_dim.
/// @param table  buckets.rows() x head_dim: position embeddings through the query projection.
/// The rest, errors and cost are as for add_deberta_c2p().
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4. Matches: "p2c" of Microsoft's repository.
template <typename Logits, typename Key, typename Table, typename Scalar>
void add_deberta_p2c(Logits&& logits, const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& table,
                     const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_p2c";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_deberta(function, "k", k, table, buckets, span.key_len());
  const auto& k_values = detail::evaluated(k);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.key_len(); block += detail::kQueryBlock) {
    const Eigen::Index keys = (std::min)(detail::kQueryBlock, span.key_len() - block);
    auto scores = scratch.topRows(keys);
    scores.setZero();
    detail::add_product(scores, k_values.middleRows(block, keys), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < keys; ++j) {
        x.coeffRef(i, block + j) += scores(j, buckets(-span.relative(i, block + j)));
      }
    }
  }
}

/// The gradient of add_deberta_p2c(): adds into grad_k and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradKey, typename GradTable, typename Grad, typename Key, typename Table, typename Scalar>
void deberta_p2c_backward(GradKey&& grad_k, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& table,
                          const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                          Workspace<Scalar>& workspace) {
  const char* const function = "deberta_p2c_backward";
  auto& dk = detail::written(std::forward<GradKey>(grad_k));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_deberta(function, "k", k, table, buckets, span.key_len());
  detail::require_shape(function, "grad_k", dk, k.rows(), k.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& k_values = detail::evaluated(k);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < span.key_len(); block += detail::kQueryBlock) {
    const Eigen::Index keys = (std::min)(detail::kQueryBlock, span.key_len() - block);
    auto sums = scratch.topRows(keys);
    sums.setZero();
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < keys; ++j) {
        sums(j, buckets(-span.relative(i, block + j))) += grad_logits_values.coeff(i, block + j);
      }
    }
    detail::add_product(dk.middleRows(block, keys), sums, table_values, scale);
    detail::add_product(dtable, sums.transpose(), k_values.middleRows(block, keys), scale);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_HPP

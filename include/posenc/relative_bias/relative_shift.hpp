// SPDX-License-Identifier: MIT
/// @file
/// The relative shift of a product with all distances, as a view.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/held.hpp"

#include <algorithm>

namespace posenc {
inline namespace POSENC_ABI {

/// Views the relative shift ("skew") of a product with all distances: no padding, no reshape, no copy.
///
/// Let column m of x (L_q x P, P = L_q + L_k - 1) belong to the distance m + span.distances().first(). The view is
/// L_q x L_k with element (i, j) = x(i, j - i + L_q - 1), the column of that pair's distance. In a row-major matrix
/// these elements are P - 1 numbers from row to row, so the view is a Map. Writing to it (+=) is the adjoint.
///
///     x   a b [c d e]         view   c d e        L_q = 3 queries, L_k = 3 keys: row i begins one further left
///         f [g h i] j                g h i
///         [k l m] n o                k l m
///
/// A causal x needs only the L_k columns of distances <= 0 (query_offset = L_k - L_q): elements with key after query
/// then belong to the next row, and the mask must hide them.
/// @param x     L_q x (L_q + L_k - 1), or L_q x L_k in the causal case: a row-major matrix, which must outlive the
///              view.
/// @param span  Which queries meet which keys.
/// @throws std::invalid_argument  another shape.
/// Cost:     none; no bench case.
/// Source:   Dai et al. 2019, arXiv:1901.02860, appendix B; Huang et al. 2018, arXiv:1809.04281, section 3.4.
/// Matches:  _rel_shift of Transformer-XL, skewing of the Music Transformer and tensor2tensor.
template <typename Scalar>
auto view_relative_shift(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& x,
                         const AttentionSpan& span) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const char* const function = "view_relative_shift";
  const bool causal = x.cols() == span.key_len() && span.query_offset() == span.key_len() - span.query_len();
  const Eigen::Index columns = causal ? span.key_len() : span.query_len() + span.key_len() - 1;
  detail::require_shape(function, "x", x, span.query_len(), columns);
  const Eigen::Index shift = (std::max)(span.query_len() - 1, Eigen::Index(0));
  return Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>(
      x.data() + shift, span.query_len(), span.key_len(),
      Eigen::OuterStride<>((std::max)(columns - 1, Eigen::Index(0))));  // 0: one causal key, each row the last entry
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto view_relative_shift(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write view_relative_shift(x, span): x is a row-major matrix with a name, not const, a row for "
                "each query and a column for each distance of the span");
  return detail::Misfit<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_SHIFT_HPP

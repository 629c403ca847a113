// SPDX-License-Identifier: MIT
/// @file
/// Relative logits in a band: a short vector of each query times a trained vector for each of the nearest distances.
#ifndef POSENC_RELATIVE_BIAS_BANDED_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_BANDED_LOGITS_HPP

#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/product.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/relative_gradients.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The keys of one query in a band of `extent` distances: keys [first, first + count), of which the last is
/// `nearest` tokens before the query.
struct KeysInBand {
  Eigen::Index first;
  Eigen::Index count;
  Eigen::Index nearest;

  KeysInBand(const AttentionSpan& span, Eigen::Index query, Eigen::Index extent) {
    const Eigen::Index position = span.query_offset() + query;
    first = (std::max)(position - extent + 1, Eigen::Index(0));
    const Eigen::Index end = span.visible_keys(query);
    count = (std::max)(end - first, Eigen::Index(0));
    nearest = position - (end - 1);
  }
};

/// The distances that queries [block, block + rows) meet in a band of `extent`: [first, first + count).
struct BandRead {
  Eigen::Index first;
  Eigen::Index count;

  BandRead(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, Eigen::Index extent) {
    const Eigen::Index position = span.query_offset() + block;
    first = (std::min)((std::max)(position - (span.key_len() - 1), Eigen::Index(0)), extent);
    count = span.key_len() == 0 ? 0 : (std::max)((std::min)(position + rows, extent) - first, Eigen::Index(0));
  }
};

/// Calls work(first row of a head, first query of a block, its distances, queries, scores) for each block of queries of
/// each head. `queries` is a copy of their rows of r. `scores` is zero, with a row for each of them and a column for
/// each distance that they meet.
template <typename Query, typename Scalar, typename Work>
void for_each_band_block(const Query& r, Eigen::Index extent, const AttentionSpan& span, Workspace<Scalar>& workspace,
                         const Work& work) {
  const Eigen::Index widest = (std::min)(extent, span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, r.cols()));
  for (Eigen::Index head = 0; span.query_len() > 0 && head < r.rows(); head += span.query_len()) {
    for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
      const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
      const BandRead band(span, block, rows, extent);
      if (band.count == 0) continue;
      auto queries = scratch.bottomLeftCorner(kQueryBlock, r.cols()).topRows(rows);
      queries = r.middleRows(head + block, rows);
      auto scores = scratch.topLeftCorner(rows, band.count);
      scores.setZero();
      work(head, block, band, queries, scores);
    }
  }
}

/// The checks of a call. `logits` are those that are added to, or their gradient.
template <typename Logits, typename Query, typename Projection>
void require_banded(const char* function, const char* parameter, const Logits& logits, const Query& r,
                    const Projection& projection, const AttentionSpan& span) {
  const bool whole = span.query_len() == 0 ? r.rows() == 0 : r.rows() > 0 && r.rows() % span.query_len() == 0;
  require(whole, function, "r.rows()", r.rows(), "span.query_len() ", span.query_len(), " for each head");
  require(projection.cols() > 0, function, "projection.cols()", projection.cols(),
          "> 0, one for each distance of the band");
  require(projection.rows() == r.cols(), function, "projection.rows()", projection.rows(), "r.cols() ", r.cols(),
          projection.cols() == r.cols() ? " (a column for each distance: give the transpose)" : "");
  require_data(function, "r", r);
  require_data(function, "projection", projection);
  require_shape(function, parameter, logits, std::int64_t(r.rows()), span.key_len());
}

}  // namespace detail

/// Adds to attention logits, in place, the product of a short vector of each query and a trained vector of the
/// distance, for the key at the query's position and those up to E - 1 before it. For every head, with E =
/// projection.cols() and p = query_offset + i the position of query i,
///
///     logits(i, j) += r[i] . projection[:, p - j]        0 <= p - j < E,   nothing elsewhere
///
///     keys          0  1  2  3  4  5         E = 3, query at position 4: x marks what changes
///     query         .  .  x  x  x  .
///
/// The logits hold scale q k^T, and r is not multiplied by that scale. Where a model multiplies queries by a factor of
/// their position, as Inkling does on layers without a sliding window, row i of r is multiplied by the same factor,
/// 1 + a ln(max((p + 1) / n_floor, 1)), which query_temperature() of model_config.hpp gives:
///
///     const QueryTemperature inkling{a, n_floor, 1, TemperatureGrowth::clamped_logarithm};
///     r.row(i) *= query_temperature(inkling, p);          // and the row of q
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as r and projection.
/// @param r               (num_heads L_q) x d_rel, head by head: hidden states through `r_proj`.
/// @param projection      d_rel x E, `rel_logits_proj.proj`: column n is the distance n = query - key. All heads share
///                        it.
/// @param span            Which queries meet which keys: square(L), cached(1, L_k) in a decode step, at(...) for a
///                        chunk.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     a product of r with the columns that are met, in blocks of 32 queries: at most d_rel E multiply-adds for a
///           query, however many keys there are; extra memory 64 x max(E, d_rel) numbers at most (bench_content_bias:
///           banded logits).
/// Accuracy: (2 d_rel + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (d_rel + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Thinking Machines' Inkling as in transformers 5.24, models/inkling.
/// Matches:  InklingRelativeLogits of transformers, RelativeProjPositionalBias of x-transformers.
template <typename Logits, typename Query, typename Projection, typename Scalar,
          detail::IfScalar<Scalar, Logits, Query, Projection> = 0>
void add_banded_logits(Logits&& logits, const Query& r, const Projection& projection, const AttentionSpan& span,
                       Workspace<Scalar>& workspace) {
  const char* const function = "add_banded_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_banded(function, "logits", x, r, projection, span);
  detail::require_target(function, "logits", x, r, projection);
  detail::require_outside(function, workspace, x, r, projection);
  const auto& queries_of_all = detail::evaluated(r);
  const auto& columns = detail::evaluated(projection);
  const Eigen::Index extent = projection.cols();
  detail::for_each_band_block(
      queries_of_all, extent, span, workspace,
      [&](Eigen::Index head, Eigen::Index block, const detail::BandRead& band, auto& queries, auto& scores) {
        detail::add_product(scores, queries, columns.middleCols(band.first, band.count), Scalar(1));
        for (Eigen::Index i = 0; i < scores.rows(); ++i) {
          const detail::KeysInBand keys(span, block + i, extent);
          if (keys.count == 0) continue;
          x.row(head + block + i).segment(keys.first, keys.count) +=
              scores.row(i).segment(keys.nearest - band.first, keys.count).reverse();
        }
      });
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_banded_logits(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_banded_logits(logits, r, projection, span, workspace): logits, r and projection are "
                "matrices, span an AttentionSpan, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_banded_logits(): adds into grad_r and grad_projection.
/// @param[in,out] gradients               RelativeGradients(grad_r, grad_projection), shaped as r and projection.
/// @param grad_logits                     (num_heads L_q) x L_k.
/// @param r, projection, span, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_banded_logits(), with two products (bench_content_bias: banded logits).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double [relative_bias][banded].
/// Source:   the chain rule on add_banded_logits().
template <typename GradQuery, typename GradProjection, typename Grad, typename Query, typename Projection,
          typename Scalar, detail::IfScalar<Scalar, GradQuery, GradProjection, Grad, Query, Projection> = 0>
void banded_logits_backward(RelativeGradients<GradQuery, GradProjection> gradients, const Grad& grad_logits,
                            const Query& r, const Projection& projection, const AttentionSpan& span,
                            Workspace<Scalar>& workspace) {
  const char* const function = "banded_logits_backward";
  auto& grad_r = gradients.grad_content();
  auto& grad_projection = gradients.grad_table();
  detail::require_banded(function, "grad_logits", grad_logits, r, projection, span);
  detail::require_gradients(function, gradients, "grad_r", r, "grad_projection", projection, grad_logits);
  detail::require_outside(function, workspace, grad_r, grad_projection, grad_logits, r, projection);
  const auto& grad = detail::evaluated(grad_logits);
  const auto& queries_of_all = detail::evaluated(r);
  const auto& columns = detail::evaluated(projection);
  const Eigen::Index extent = projection.cols();
  detail::for_each_band_block(
      queries_of_all, extent, span, workspace,
      [&](Eigen::Index head, Eigen::Index block, const detail::BandRead& band, auto& queries, auto& by_distance) {
        for (Eigen::Index i = 0; i < by_distance.rows(); ++i) {
          const detail::KeysInBand keys(span, block + i, extent);
          if (keys.count == 0) continue;
          by_distance.row(i).segment(keys.nearest - band.first, keys.count) =
              grad.row(head + block + i).segment(keys.first, keys.count).reverse();
        }
        detail::add_product(grad_projection.middleCols(band.first, band.count), queries.transpose(), by_distance,
                            Scalar(1));
        queries.setZero();
        detail::add_product(queries, by_distance, columns.middleCols(band.first, band.count).transpose(), Scalar(1));
        grad_r.middleRows(head + block, by_distance.rows()) += queries;
      });
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto banded_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write banded_logits_backward(RelativeGradients(grad_r, grad_projection), grad_logits, r, "
                "projection, span, workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BANDED_LOGITS_HPP

// SPDX-License-Identifier: MIT
/// A scheme by distance against its formula over every span, and random gradients of its table.
#ifndef POSENC_TESTS_RELATIVE_BIAS_SCHEME_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_SCHEME_SUPPORT_HPP

#include "relative_bias/support.hpp"

#include <functional>

namespace posenc_tests {

/// Adds the scheme over every span and compares with naive(head, key position - query position). `bound` is relative to
/// 1 + |bias|.
inline void require_scheme(Index num_heads,
                           const std::function<posenc::DistanceTable<double>(posenc::DistanceRange)>& make,
                           const std::function<double(Index, double)>& naive, double bound) {
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const posenc::AttentionSpan& span = named.span;
    const auto table = make(span.distances());
    REQUIRE(table.num_heads() == num_heads);
    MatrixD logits = MatrixD::Zero(num_heads * span.query_len(), span.key_len());
    posenc::add_distance_bias(logits, table, span);
    for (Index h = 0; h < num_heads; ++h) {
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const double expected = naive(h, static_cast<double>(j) - static_cast<double>(span.query_offset() + i));
          REQUIRE(std::abs(logits(h * span.query_len() + i, j) - expected) <= bound * (1 + std::abs(expected)));
        }
      }
    }
  }
}

inline posenc::DistanceTable<double> random_gradient(Index num_heads, posenc::DistanceRange range) {
  posenc::DistanceTable<double> grad(num_heads, range);
  grad.values() = random_matrix(num_heads, range.size(), 99).array();
  return grad;
}

inline double loss(const posenc::DistanceTable<double>& table, const posenc::DistanceTable<double>& grad) {
  return dot(table.values(), grad.values());
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_SCHEME_SUPPORT_HPP

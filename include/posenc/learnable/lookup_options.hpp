// SPDX-License-Identifier: MIT
/// @file
/// LookupOptions: what a position past the last row of a trained table gives, and which row is not trained.
#ifndef POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP
#define POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

#include <optional>

namespace posenc {
inline namespace POSENC_ABI {

/// What a position p >= n gives, for a table P of n rows. A negative position is an error under every policy.
enum class Overflow {
  error,        ///< std::out_of_range. BERT, GPT-2, OPT, RoBERTa, x-transformers.
  clamp,        ///< P[n - 1], the last row again. Marian's transformer.h.
  zero,         ///< 0, and no gradient. tensor2tensor, which pads its table with zeros.
  hierarchical  ///< a u[p / n] + (1 - a) u[p % n], u = (P - a P[0]) / (1 - a), a = alpha: n^2 positions. bert4keras.
};

/// How positions are looked up in a trained table.
struct LookupOptions {
  Overflow overflow = Overflow::error;
  double alpha = 0.4;  ///< Of Overflow::hierarchical; 0 < alpha < 1. With 1/2, rows i n + j and j n + i are equal.
  std::optional<detail::Size> padding_row = {};  ///< `padding_idx`: a row that is read but not trained.
};

namespace detail {

inline void require_lookup(const char* function, const LookupOptions& options, Eigen::Index rows) {
  require_named(function, "overflow", options.overflow, Overflow::hierarchical);
  require(is_finite(options.alpha) && options.alpha > 0 && options.alpha < 1, function, "alpha", options.alpha,
          "> 0 and < 1");
  if (options.padding_row) {
    require_in_range(*options.padding_row >= 0 && *options.padding_row < rows, function, "padding_row",
                     *options.padding_row, "in [0, ", rows, ") (rows of the table)");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LOOKUP_OPTIONS_HPP

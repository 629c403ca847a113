// SPDX-License-Identifier: MIT
/// @file
/// The kernels of bucket_lines.inc at each level.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_BUCKET_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_BUCKET_KERNELS_HPP

#include "posenc/relative_bias/kernels/row_product_kernels.hpp"

#include <cstddef>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Numbers behind a row of scores that kernels may read, and do not use.
inline constexpr std::ptrdiff_t kBucketPadding = 16;

#if POSENC_HAS_LEVELS

/// Scores of a block of tokens by row of a table, and the logits that they are added to.
struct BucketLines {
  float* logits;  ///< Queries: of the first query of the block. Keys: of the last query, and the block's first key.
  std::ptrdiff_t stride;  ///< From query to query.
  const float* scores;    ///< A row for each token of the block, with kBucketPadding numbers behind it.
  std::ptrdiff_t scores_stride;
  const float* row_of;            ///< The row of each distance key - query, from that of the first pair on.
  std::ptrdiff_t tokens, others;  ///< Of the block; those that each of them meets.
  bool steady;                    ///< Rows fall by one at most from distance to distance.
};

#endif

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#if POSENC_HAS_LEVELS

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/bucket_lines.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Call>
using BucketKernel = void (*)(const Call&);

/// The kernels of a level.
template <typename Call>
struct BucketKernels {
  BucketKernel<Call> queries;
  BucketKernel<Call> keys;
};

/// Those of a level that the unit has. A template, so that what no program calls is not compiled.
template <typename Call>
BucketKernels<Call> bucket_kernels(Level level) {
  static constexpr KernelTable<BucketKernel<Call>> kQueries{{POSENC_OF_EACH_LEVEL(add_query_lines<Call>)}};
  static constexpr KernelTable<BucketKernel<Call>> kKeys{{POSENC_OF_EACH_LEVEL(add_key_lines<Call>)}};
  return {kQueries[level], kKeys[level]};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_BUCKET_KERNELS_HPP

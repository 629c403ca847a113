// SPDX-License-Identifier: MIT
/// @file
/// shard_positions(): the tokens of one device when a sequence is split among several (context parallelism).
#ifndef POSENC_POSITIONS_SHARD_POSITIONS_HPP
#define POSENC_POSITIONS_SHARD_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/limits.hpp"

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {

/// Which tokens of a sequence a device holds.
enum class ShardOrder {
  contiguous,  ///< Shard r holds the r-th part of the sequence.
  zigzag,  ///< Of 2 num_shards chunks shard r holds the r-th and the r-th from the end: equal work under a causal mask.
  striped  ///< Shard r holds tokens r, r + num_shards, r + 2 num_shards, ...
};

/// Positions of the tokens that one shard of a sequence holds, which are also their row numbers in the whole sequence.
///
///     8 tokens, 2 shards    contiguous     zigzag         striped
///     shard 0               0 1 2 3        0 1 6 7        0 2 4 6
///     shard 1               4 5 6 7        2 3 4 5        1 3 5 7
///
/// They select the shard of any other positions too: `packed(shard)` of a packed batch, `ids(shard, Eigen::all)` of a
/// prompt with pictures.
/// @param seq_len     Tokens of the whole sequence, >= 0: a multiple of num_shards, with zigzag of 2 num_shards.
/// @param num_shards  > 0.
/// @param shard       In [0, num_shards).
/// @param order       Which tokens a shard holds.
/// @returns           seq_len / num_shards positions.
/// @throws std::invalid_argument  one of these does not hold; an order that is none.
/// @throws std::out_of_range      shard is outside of that.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     a store for each token of the shard; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][shard].
/// Source:   Striped attention, Brandon et al. 2023, arXiv:2311.09431; zigzag: Llama 3, Grattafiori et al. 2024,
///           arXiv:2407.21783, section 3.3.2.
/// Matches:  zigzag: the head-tail load balancer of torch's context_parallel; Megatron-LM and TransformerEngine.
inline Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> shard_positions(detail::Size seq_len, detail::Size num_shards,
                                                                      detail::Size shard, ShardOrder order) {
  const char* const function = "shard_positions";
  detail::require_named(function, "order", order, ShardOrder::striped);
  constexpr Eigen::Index limit = detail::kMaxSeqLen;
  detail::require(seq_len >= 0 && seq_len <= limit, function, "seq_len", seq_len, "in [0, ", limit, "]");
  detail::require(num_shards > 0 && num_shards <= limit, function, "num_shards", num_shards, "in [1, ", limit, "]");
  detail::require_in_range(shard >= 0 && shard < num_shards, function, "shard", shard, "in [0, num_shards ", num_shards,
                           ")");
  const std::int64_t chunks = std::int64_t{num_shards} * (order == ShardOrder::zigzag ? 2 : 1);
  detail::require(seq_len % chunks == 0, function, "seq_len", seq_len,
                  order == ShardOrder::zigzag ? "a multiple of 2 num_shards, " : "a multiple of num_shards, ", chunks);
  const std::int64_t count = seq_len / num_shards;
  detail::require_size(function, "tokens of the shard", count, 1, sizeof(std::int64_t));
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> positions(static_cast<Eigen::Index>(count));
  const std::int64_t chunk = seq_len / chunks;
  for (Eigen::Index i = 0; i < positions.size(); ++i) {
    if (order == ShardOrder::striped) {
      positions[i] = shard + i * std::int64_t{num_shards};
    } else if (order == ShardOrder::zigzag && i >= chunk) {
      positions[i] = (chunks - 1 - shard) * chunk + (i - chunk);
    } else {
      positions[i] = shard * chunk + i;
    }
  }
  return positions;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_SHARD_POSITIONS_HPP

// SPDX-License-Identifier: MIT
/// Positions of the shards of context parallelism.
#include <cstdint>
#include <vector>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

using posenc::ShardOrder;

TEST_CASE("shards hold every token once", "[positions][shard]") {
  using Ids = Eigen::Matrix<std::int64_t, 4, 1>;
  CHECK(posenc::shard_positions(8, 2, 1, ShardOrder::contiguous) == Ids(4, 5, 6, 7));
  CHECK(posenc::shard_positions(8, 2, 0, ShardOrder::zigzag) == Ids(0, 1, 6, 7));
  CHECK(posenc::shard_positions(8, 2, 1, ShardOrder::zigzag) == Ids(2, 3, 4, 5));
  CHECK(posenc::shard_positions(8, 2, 1, ShardOrder::striped) == Ids(1, 3, 5, 7));
  CHECK(posenc::shard_positions(0, 3, 1, ShardOrder::zigzag).size() == 0);
  for (const ShardOrder order : {ShardOrder::contiguous, ShardOrder::zigzag, ShardOrder::striped}) {
    for (const int shards : {1, 3, 4}) {
      std::vector<int> seen(24 * 5, 0);
      std::int64_t causal_work = -1;
      for (int shard = 0; shard < shards; ++shard) {
        const auto positions = posenc::shard_positions(24 * 5, shards, shard, order);
        REQUIRE(positions.size() == 24 * 5 / shards);
        for (const std::int64_t p : positions) ++seen[static_cast<std::size_t>(p)];
        const std::int64_t work = positions.sum();  // keys before each query
        if (order == ShardOrder::zigzag && causal_work >= 0) CHECK(work == causal_work);
        causal_work = work;
      }
      CHECK(seen == std::vector<int>(24 * 5, 1));
    }
  }
}

TEST_CASE("zigzag shards are torch's head-tail load balancer", "[positions][shard]") {
  const auto golden = posenc_tests::golden("positions/shards.csv");
  for (const auto& [name, block] : golden.blocks) {
    const auto ranks = static_cast<int>(block.sizes[0]);
    const auto expected = block.matrix();
    for (int rank = 0; rank < ranks; ++rank) {
      const auto at = posenc::shard_positions(block.sizes[0] * block.sizes[1], ranks, rank, ShardOrder::zigzag);
      CHECK(at.cast<double>() == expected.row(rank).transpose());
    }
  }
  CHECK(golden.blocks.size() == 3);
}

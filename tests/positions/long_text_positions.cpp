// SPDX-License-Identifier: MIT
/// Positions of text beyond the trained length.
#include <cstdint>
#include <string>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

TEST_CASE("Self-Extend groups what is beyond the window", "[positions][long_text]") {
  const auto at = posenc::self_extend_positions(posenc::PositionRange(0, 8), 2, 4);
  CHECK(at.col(0).transpose() == (Eigen::Matrix<std::int64_t, 1, 8>() << 2, 2, 3, 3, 4, 4, 5, 5).finished());
  CHECK(at.col(1).transpose() == (Eigen::Matrix<std::int64_t, 1, 8>() << 0, 0, 1, 1, 2, 2, 3, 3).finished());
  CHECK(posenc::self_extend_positions(posenc::PositionRange(5, 2), 2, 4) == at.middleRows(5, 2));
  // Groups of one are plain positions.
  const auto plain = posenc::self_extend_positions(posenc::PositionRange(3, 5), 1, 100);
  CHECK(plain.col(0) == plain.col(1));
  CHECK(plain(4, 0) == 7);
  // 7 times the length within 1 + w + (length - w) / g; no distance of a pair beyond the window is less than w - 1.
  const int length = 7 * 64, group = 8, window = 17;
  const auto far = posenc::self_extend_positions(posenc::PositionRange(0, length), group, window);
  for (int q = 0; q < length; ++q) {
    for (int k = 0; k + window <= q; ++k) {
      const std::int64_t distance = far(q, 0) - far(k, 1);
      if (distance < window - 1 || distance > window + (length - window) / group + 1) FAIL(q << " " << k);
      if (k > 0 && distance > far(q, 0) - far(k - 1, 1)) FAIL("not monotonic at " << q << " " << k);
    }
  }
}

TEST_CASE("a cache keeps its sinks and its last tokens", "[positions][long_text]") {
  using Ids = Eigen::Matrix<std::int64_t, 6, 1>;
  CHECK(posenc::streaming_positions(10, posenc::SinkCache(2, 4)) == (Ids() << 0, 1, 6, 7, 8, 9).finished());
  CHECK(posenc::streaming_positions(6, posenc::SinkCache(2, 4)) == (Ids() << 0, 1, 2, 3, 4, 5).finished());
  CHECK(posenc::streaming_positions(7, posenc::SinkCache(2, 4)) == (Ids() << 0, 1, 3, 4, 5, 6).finished());
  CHECK(posenc::streaming_positions(3, posenc::SinkCache(4, 4)).size() == 3);
  CHECK(posenc::streaming_positions(9, posenc::SinkCache(0, 2))[0] == 7);
  CHECK(posenc::streaming_positions(0, posenc::SinkCache(4, 4)).size() == 0);
  CHECK(posenc::streaming_positions(std::int64_t(1) << 57, posenc::SinkCache(1, 4))[4] == (std::int64_t(1) << 57) - 1);
}

TEST_CASE("evicted caches keep what attention_sinks keeps", "[positions][long_text]") {
  const auto golden = posenc_tests::golden("positions/evicted.csv");
  const auto check = [&](const char* name, std::int64_t tokens, const posenc::SinkCache& cache) {
    const Eigen::RowVectorXd kept = posenc::streaming_positions(tokens, cache).cast<double>().transpose();
    CHECK(kept == golden.block(name).matrix());
  };
  check("streaming_10_2_4", 10, posenc::SinkCache(2, 4));
  check("streaming_7_4_4", 7, posenc::SinkCache(4, 4));
  check("streaming_301_4_28", 301, posenc::SinkCache(4, 28));
}

TEST_CASE("Self-Extend places tokens where LongLM does", "[positions][long_text]") {
  const auto golden = posenc_tests::golden("positions/long_text.csv");
  const int sizes[][3] = {{12, 2, 4}, {37, 3, 9}, {50, 8, 16}, {20, 3, 10}};
  for (const auto& [tokens, group, window] : sizes) {
    const std::string name =
        "self_extend_" + std::to_string(tokens) + "_" + std::to_string(group) + "_" + std::to_string(window);
    INFO(name);
    const auto ours = posenc::self_extend_positions(posenc::PositionRange(0, tokens), group, window);
    const Eigen::MatrixXd theirs = golden.block(name).matrix();
    REQUIRE(theirs.rows() == tokens);
    CHECK(ours.col(1).cast<double>() == theirs.col(1));
    // A window that is no multiple of a group leaves a fraction there, formed in float.
    const double fraction = static_cast<double>(window) / group - window / group;
    const double error = (ours.col(0).cast<double>().array() - fraction - theirs.col(0).array()).abs().maxCoeff();
    CHECK(error <= (fraction > 0 ? 2 * 0x1p-21 : 0.0));
  }
}

TEST_CASE("dual chunk attention places tokens where its authors and vLLM do", "[positions][long_text]") {
  const auto golden = posenc_tests::golden("positions/long_text.csv");
  const int sizes[][3] = {{24, 8, 2}, {61, 20, 7}, {40, 6, 3}};
  for (const auto& [tokens, chunk, local] : sizes) {
    const std::string size = "_" + std::to_string(tokens) + "_" + std::to_string(chunk) + "_" + std::to_string(local);
    INFO(size);
    Eigen::MatrixXd ours(tokens, 6);
    for (int p = 0; p < tokens; ++p) {
      const auto at = posenc::dual_chunk_positions(p, chunk, local);
      ours.row(p) << static_cast<double>(at.key), static_cast<double>(at.intra), static_cast<double>(at.successive),
          static_cast<double>(at.inter), static_cast<double>(at.successive_critical),
          static_cast<double>(at.inter_critical);
    }
    CHECK(ours == golden.block("vllm" + size).matrix());
    CHECK(ours.leftCols(4) == golden.block("chunkllama" + size).matrix());
  }
}

// SPDX-License-Identifier: MIT
/// Positions of padded and of packed text, as transformers makes them.
#include <cstdint>
#include <string>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

TEST_CASE("positions of padded and packed text are those of transformers", "[positions][text][fairseq]") {
  const auto golden = posenc_tests::golden("positions/text.csv");
  const auto block = [&](const std::string& name) {
    const posenc::PositionIds ids = golden.block(name).matrix().cast<std::int64_t>();
    return ids;
  };
  using posenc::PastTokens;
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const posenc::PositionIds mask = block("mask_" + n), tokens = block("tokens_" + n);
    CHECK(posenc::padded_positions(mask, PastTokens(0), 0) == block("padded_" + n));
    CHECK(posenc::presets::opt_positions(mask) == block("opt_" + n + "_past_0"));
    CHECK(posenc::presets::opt_positions(mask, PastTokens(2)) == block("opt_" + n + "_past_2"));
    CHECK(posenc::presets::roberta_positions(tokens, 1, PastTokens(0)) == block("roberta_" + n + "_past_0"));
    CHECK(posenc::presets::roberta_positions(tokens, 1, PastTokens(4)) == block("roberta_" + n + "_past_4"));

    const posenc::PositionIds lengths = block("cu_seqlens_" + n), packed = block("packed_" + n);
    const Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> cu_seqlens = lengths.row(0);
    const auto made = posenc::packed_positions(cu_seqlens);
    REQUIRE(made.size() == packed.size());
    for (Eigen::Index i = 0; i < made.size(); ++i) CHECK(made.coeff(i) == packed(0, i));
  }
  CHECK(golden.blocks.size() == 3 * 7 + 3 * 2);
}

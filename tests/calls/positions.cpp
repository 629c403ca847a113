// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <cstdint>

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: positions", "[calls][positions]") {
  const Eigen::Matrix<int, 2, 4> mask = (Eigen::Matrix<int, 2, 4>() << 0, 1, 1, 1, 1, 1, 1, 0).finished();
  CHECK(differs(CALL(padded_positions), mask, PastTokens(0), std::int64_t(1)) == "");
  CHECK(differs(CALL(padded_positions), mask) == "");
  CHECK(differs(CALL(packed_positions), std::vector<int>{0, 3, 5}) == "");
  CHECK(differs(CALL(presets::opt_positions), mask, PastTokens(0)) == "");
  CHECK(differs(CALL(presets::roberta_positions), mask, std::int64_t(1), PastTokens(0)) == "");
  CHECK(differs(CALL(packed_positions), std::vector<int>{0, 3, 5}, std::vector<int>{7, 2}) == "");
  CHECK(differs(CALL(shard_positions), Eigen::Index(12), Eigen::Index(3), Eigen::Index(1), ShardOrder::zigzag) == "");
  CHECK(differs(CALL(self_extend_positions), PositionRange(3, 9), std::int64_t(2), std::int64_t(4)) == "");
  CHECK(differs(CALL(streaming_positions), std::int64_t(20), SinkCache(2, 5)) == "");
  CHECK(differs(CALL(random_positions), Eigen::Index(5), std::int64_t(100), Seed(1)) == "");
  CHECK(differs(CALL(skip_positions), std::vector<int>{3, 2}, std::int64_t(20), Seed(1)) == "");
  const auto chunks = [](auto&&... a) {
    const DualChunkPositions at = CALL(dual_chunk_positions)(std::forward<decltype(a)>(a)...);
    return std::array<double, 3>{double(at.key), double(at.intra), double(at.successive)};
  };
  CHECK(differs(chunks, std::int64_t(9), std::int64_t(8), std::int64_t(2)) == "");

  const std::vector<int> sizes = {2, 3};
  CHECK(differs(CALL(grid_positions), sizes, std::int64_t(1)) == "");
  CHECK(differs(CALL(grid_positions), sizes, std::int64_t(1), GridOrder::column_row) == "");
  const auto axes = [](const auto& order) {
    return grid_positions({GridAxis::counted(2), GridAxis::half_pixel(3)}, order);
  };
  CHECK(differs(axes, GridOrder::column_row) == "");
  CHECK(differs(CALL(patch_centers), sizes) == "");
  CHECK(differs(CALL(linspace_positions), sizes) == "");
  CHECK(differs(CALL(stretched_positions), sizes, std::vector<int>{4, 4}) == "");
  const auto prompt = [](auto&&... a) { return CALL(mrope_positions)(std::forward<decltype(a)>(a)...).ids; };
  CHECK(differs(prompt, std::vector<MropeSegment>{MropeSegment::text(2), MropeSegment::image(2, 2)}, std::int64_t(3)) ==
        "");

  const GridShape picture(2, 3);
  const std::vector<GridShape> references = {GridShape(1, 2)};
  CHECK(differs(CALL(presets::flux_positions), 3, picture, references) == "");
  CHECK(differs(CALL(presets::flux_positions), 3, picture, references, FluxReferences::by_offset) == "");
  CHECK(differs(CALL(presets::flux2_positions), 3, picture, references) == "");
  CHECK(differs(CALL(presets::qwen_image_positions), 3, references) == "");
  CHECK(differs(CALL(presets::z_image_positions), 3, picture) == "");
  CHECK(differs(CALL(presets::ernie_image_positions), 3, picture) == "");
  CHECK(differs(CALL(presets::qwen_image21_positions),
                std::vector<MropeSegment>{MropeSegment::text(2), MropeSegment::image(2, 3)}) == "");
  CHECK(differs(CALL(presets::lumina2_positions), 3, picture) == "");
  CHECK(differs(CALL(presets::wan_positions), 2, picture) == "");
  CHECK(differs(CALL(presets::hunyuan_video_positions), 2, picture, 4) == "");
  CHECK(differs(CALL(presets::kandinsky5_positions), 2, picture, 3.16) == "");
  CHECK(differs(CALL(presets::cogvideox_positions), 2, picture, GridShape(30, 45)) == "");
  CHECK(differs(CALL(presets::cosmos_positions), 2, picture, 30.0) == "");
  CHECK(differs(CALL(presets::ltx_positions), 2, picture, 25.0, true) == "");
  CHECK(differs(CALL(presets::mochi_positions), 2, picture) == "");
  CHECK(differs(CALL(presets::flux3_positions), 3, picture, references) == "");
  CHECK(differs(CALL(presets::ovis_image_positions), 3, picture) == "");
  CHECK(differs(CALL(presets::longcat_image_positions), 3, references) == "");
  CHECK(differs(CALL(presets::ideogram4_positions), 3, picture) == "");
  CHECK(differs(CALL(presets::minimax_h3_positions), 3, 2, picture, 4) == "");

  const auto first = [](auto&&... a) { return CALL(starting_at)(std::forward<decltype(a)>(a)...).first(); };
  CHECK(differs(first, 3) == "");
  const auto rotated = [](auto&&... a) {
    M x = numbers(4, 8);
    const auto table = make_table<float>(geometric_frequencies(8, 1e4), PositionRange(0, 20));
    apply_rope(x, table, RopeLayout::half_split(8), CALL(each_sequence)(std::forward<decltype(a)>(a)...));
    return x;
  };
  CHECK(differs(rotated, 2, starting_at(3)) == "");
  CHECK(differs(rotated, 2, std::vector<int>{3, 9}) == "");
  const auto counted = [](auto&&... a) { return CALL(each_sequence)(std::forward<decltype(a)>(a)...).seq_len(); };
  CHECK(differs(counted, 2) == "");
}

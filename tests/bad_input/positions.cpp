// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/positions.hpp"

namespace {

using posenc::MropeSegment;
using posenc_tests::BadInputs;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_positions() {
  using F = posenc_tests::NothingWritten;
  BadInputs<F> bad("positions");

  // Spectra and positions of grids
  bad.value("a grid of no axis", "grid_positions: sizes.size() must be > 0, got 0",
            [](F&) { posenc::grid_positions({}); });
  bad.value("a grid of negative height", "patch_centers: sizes[1] must be >= 0, got -2", [](F&) {
    posenc::patch_centers({4, -2});
  });
  if (posenc_tests::kWideIndex)
    bad.length(
        "a grid beyond memory",
        "grid_positions: number of tokens must be at most 357913941 for rows of 3221225472 values, got 1073741824",
        [](F&) {
          posenc::grid_positions({1 << 30, 1 << 30, 1 << 30});
        });
  bad.value("a grid stretched to a negative size", "stretched_positions: reference_sizes[0] must be >= 0, got -1",
            [](F&) {
              posenc::stretched_positions({2, 2}, {-1, 0});
            });
  bad.value("a grid stretched to one of fewer axes",
            "stretched_positions: reference_sizes.size() must be sizes.size() 2, got 1", [](F&) {
              posenc::stretched_positions({4, 4}, {2});
            });

  // Position ids
  bad.value("more cached tokens than the mask has",
            "padded_positions: past must be in [0, 4] (columns of the mask), got 5",
            [](F&) { posenc::padded_positions(Eigen::MatrixXi::Ones(1, 4), 5); });
  bad.value("no cu_seqlens", "packed_positions: cu_seqlens.size() must be > 0, got 0",
            [](F&) { posenc::packed_positions(Eigen::ArrayXi()); });
  bad.value("cu_seqlens from 1", "packed_positions: cu_seqlens[0] must be 0, got 1",
            [](F&) { posenc::packed_positions(Eigen::Array2i(1, 4)); });
  bad.length("cu_seqlens beyond memory",
             "packed_positions: the last of cu_seqlens must be at most 1152921504606846975 for rows of 1 values, got "
             "2305843009213693952",
             [](F&) { posenc::packed_positions(Eigen::Array<std::int64_t, 2, 1>(0, std::int64_t(1) << 61)); });
  bad.value("cu_seqlens that decrease", "packed_positions: cu_seqlens[2] must be at least 4, got 3",
            [](F&) { posenc::packed_positions(Eigen::Array3i(0, 4, 3)); });
  bad.value("dual chunk without a chunk", "dual_chunk_positions: local_size must be in [0, chunk_size 8), got 8",
            [](F&) { posenc::dual_chunk_positions(0, 8, 8); });
  bad.range("dual chunk before the start", "dual_chunk_positions: position must be >= 0, got -1",
            [](F&) { posenc::dual_chunk_positions(-1, 8, 2); });
  bad.value("negative text", "mrope_positions: segments[1].text_tokens must be in [0, 1099511627776], got -1", [](F&) {
    posenc::mrope_positions({MropeSegment::text(3), MropeSegment::text(-1)});
  });
  bad.value("a picture of negative width", "mrope_positions: segments[0].width must be in [0, 1048576], got -2",
            [](F&) { posenc::mrope_positions({MropeSegment::image(2, -2)}); });
  bad.value("frames that go back",
            "mrope_positions: segments[0].time.positions_per_second must be in [0, 1048576], got -1", [](F&) {
              posenc::mrope_positions({MropeSegment::video(2, 1, 1, {-1, 3, 2})});
            });
  bad.value("no frame in a second", "mrope_positions: segments[0].time.frames must be in [1, 1048576], got 0", [](F&) {
    posenc::mrope_positions({MropeSegment::video(2, 1, 1, {25, 0, 1})});
  });
  bad.value("negative seconds", "mrope_positions: segments[0].time.seconds must be in [0, 1048576], got -2", [](F&) {
    posenc::mrope_positions({MropeSegment::video(2, 1, 1, {25, 3, -2})});
  });
  bad.range(
      "a prompt beyond 64 bits",
      "mrope_positions: first_position must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
      [](F&) { posenc::mrope_positions({MropeSegment::text(1)}, kMaxPosition); });
  return bad.cases();
}

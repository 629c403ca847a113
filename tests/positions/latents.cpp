// SPDX-License-Identifier: MIT
/// Positions of the latents of diffusion models, as diffusers makes them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "posenc/frequency.hpp"
#include "posenc/positions.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"

namespace {

using posenc::GridShape;
namespace presets = posenc::presets;

/// Positions of diffusers, and which of them were compared.
class Latents {
 public:
  /// Whole numbers are equal.
  void equal(const std::string& name, const posenc::AxisPositionMatrix<std::int64_t>& ids) {
    INFO(name);
    const auto expected = matrix(name);
    REQUIRE(ids.rows() == expected.rows());
    REQUIRE(ids.cols() == expected.cols());
    CHECK(ids.cast<double>() == expected);
  }
  /// diffusers rounds to float once or more: rounded to float, each is its number or the next one, at max(|number|,
  /// least).
  void close(const std::string& name, const posenc::AxisPositionMatrix<double>& positions, double least = 0) {
    INFO(name);
    const auto expected = matrix(name);
    REQUIRE(positions.rows() == expected.rows());
    REQUIRE(positions.cols() == expected.cols());
    for (Eigen::Index i = 0; i < positions.size(); ++i) {
      const double theirs = expected.data()[i];
      const double ours = static_cast<double>(static_cast<float>(positions.data()[i]));
      const double size = (std::max)({std::abs(theirs), std::abs(ours), least});
      const double ulp = size > 0 ? std::ldexp(1.0, std::ilogb(size) - 23) : 0;
      if (std::abs(ours - theirs) > ulp) FAIL_CHECK(i << ": " << ours << " " << theirs);
    }
  }
  bool all_compared() const { return compared_.size() == golden_.blocks.size(); }

 private:
  Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> matrix(
      const std::string& name) {
    compared_.insert(name);
    return golden_.block(name).matrix();
  }

  posenc_tests::Golden golden_ = posenc_tests::golden("positions/latents.csv");
  std::set<std::string> compared_;
};

}  // namespace

TEST_CASE("positions of latents are those of diffusers", "[positions][latents]") {
  Latents latents;
  latents.equal("flux_3_2x3", presets::flux_positions(3, GridShape(2, 3)));
  latents.equal("flux_0_3x5", presets::flux_positions(0, GridShape(3, 5)));
  latents.equal("flux_5_4x2_3x3", presets::flux_positions(5, GridShape(4, 2), {GridShape(3, 3)}));
  latents.equal("flux2_3_2x3", presets::flux2_positions(3, GridShape(2, 3)));
  latents.equal("flux2_0_3x5_2x2", presets::flux2_positions(0, GridShape(3, 5), {GridShape(2, 2)}));
  latents.equal("flux2_5_4x2_3x3_1x2",
                presets::flux2_positions(5, GridShape(4, 2), {GridShape(3, 3), GridShape(1, 2)}));
  latents.equal("qwen_image_3_2x3", presets::qwen_image_positions(3, {GridShape(2, 3)}));
  latents.equal("qwen_image_0_5x7", presets::qwen_image_positions(0, {GridShape(5, 7)}));
  latents.equal("qwen_image_5_4x2_3x5", presets::qwen_image_positions(5, {GridShape(4, 2), GridShape(3, 5)}));
  using posenc::MropeSegment;
  const auto text = [](int tokens) { return MropeSegment::text(tokens); };
  latents.equal("qwen_image21_3_2x3", presets::qwen_image21_positions({text(3), MropeSegment::image(2, 3)}));
  latents.equal("qwen_image21_1_5x7_4_3x1_2",
                presets::qwen_image21_positions(
                    {text(1), MropeSegment::image(5, 7), text(4), MropeSegment::image(3, 1), text(2)}));
  latents.equal("qwen_image21_2_4x4_6x2",
                presets::qwen_image21_positions({text(2), MropeSegment::image(4, 4), MropeSegment::image(6, 2)}));
  CHECK(presets::qwen_image21_positions({text(1), MropeSegment::image(0, 3), text(1)}).col(0).sum() ==
        1);  // no picture
  latents.equal("z_image_5_2x3", presets::z_image_positions(5, GridShape(2, 3)));
  latents.equal("z_image_32_4x8", presets::z_image_positions(32, GridShape(4, 8)));
  latents.equal("z_image_37_5x7", presets::z_image_positions(37, GridShape(5, 7)));
  latents.equal("lumina2_3_2x3", presets::lumina2_positions(3, GridShape(2, 3)));
  latents.equal("lumina2_1_3x5", presets::lumina2_positions(1, GridShape(3, 5)));
  latents.equal("lumina2_6_4x1", presets::lumina2_positions(6, GridShape(4, 1)));

  latents.equal("ernie_image_3_2x3", presets::ernie_image_positions(3, GridShape(2, 3)));
  latents.equal("ernie_image_0_3x5", presets::ernie_image_positions(0, GridShape(3, 5)));
  latents.equal("ernie_image_6_4x1", presets::ernie_image_positions(6, GridShape(4, 1)));

  // The row and the column of a trained grid that a patch begins in.
  const auto cogview4 = [](const GridShape& picture, const GridShape& trained) {
    const auto at =
        posenc::stretched_positions({static_cast<int>(picture.height()), static_cast<int>(picture.width())},
                                    {static_cast<int>(trained.height()), static_cast<int>(trained.width())});
    return posenc::AxisPositionMatrix<std::int64_t>(at.array().floor().matrix().cast<std::int64_t>());
  };
  latents.equal("cogview4_3x5_of_256x256", cogview4(GridShape(3, 5), GridShape(256, 256)));
  latents.equal("cogview4_7x2_of_64x48", cogview4(GridShape(7, 2), GridShape(64, 48)));
  latents.equal("cogview4_9x11_of_4x6", cogview4(GridShape(9, 11), GridShape(4, 6)));

  latents.equal("wan_1x2x3", presets::wan_positions(1, GridShape(2, 3)));
  latents.equal("wan_3x5x2", presets::wan_positions(3, GridShape(5, 2)));
  latents.equal("wan_4x1x1", presets::wan_positions(4, GridShape(1, 1)));
  latents.equal("hunyuan_video_3_1x2x3", presets::hunyuan_video_positions(1, GridShape(2, 3), 3));
  latents.equal("hunyuan_video_0_2x3x5", presets::hunyuan_video_positions(2, GridShape(3, 5), 0));
  latents.equal("hunyuan_video_4_3x2x1", presets::hunyuan_video_positions(3, GridShape(2, 1), 4));
  latents.close("kandinsky5_1x2x3_scale_2.0", presets::kandinsky5_positions(1, GridShape(2, 3), 2));
  latents.close("kandinsky5_3x3x5_scale_3.16", presets::kandinsky5_positions(3, GridShape(3, 5), 3.16));
  latents.close("kandinsky5_2x4x1_scale_1.0", presets::kandinsky5_positions(2, GridShape(4, 1), 1));
  latents.close("cogvideox_1x6x9", presets::cogvideox_positions(1, GridShape(6, 9), GridShape(6, 9)));
  latents.close("cogvideox_3x7x9", presets::cogvideox_positions(3, GridShape(7, 9), GridShape(6, 9)));
  latents.close("cogvideox_2x5x3", presets::cogvideox_positions(2, GridShape(5, 3), GridShape(6, 9)));
  latents.close("cosmos_1x2x3_fps_0", presets::cosmos_positions(1, GridShape(2, 3), 24));
  latents.close("cosmos_3x3x5_fps_30", presets::cosmos_positions(3, GridShape(3, 5), 30));
  latents.close("cosmos_4x2x1_fps_16", presets::cosmos_positions(4, GridShape(2, 1), 16));
  // 2 x - 1 loses the digits of what is near 0: ulps are those of 1.
  latents.close("ltx_1x2x3_fps_25", presets::ltx_positions(1, GridShape(2, 3), 25, false), 1);
  latents.close("ltx_3x3x5_fps_24", presets::ltx_positions(3, GridShape(3, 5), 24, false), 1);
  latents.close("ltx_4x2x1_fps_30", presets::ltx_positions(4, GridShape(2, 1), 30, false), 1);
  latents.close("ltx_causal_1x2x3_fps_25", presets::ltx_positions(1, GridShape(2, 3), 25, true), 1);
  latents.close("ltx_causal_3x3x5_fps_24", presets::ltx_positions(3, GridShape(3, 5), 24, true), 1);
  latents.close("ltx_causal_4x2x1_fps_30", presets::ltx_positions(4, GridShape(2, 1), 30, true), 1);
  // Its edges are rounded at the largest position, half of 192 sqrt(the longer side by the shorter).
  latents.close("mochi_1x2x3", presets::mochi_positions(1, GridShape(2, 3)), 117);
  latents.close("mochi_3x3x5", presets::mochi_positions(3, GridShape(3, 5)), 123);
  latents.close("mochi_2x4x1", presets::mochi_positions(2, GridShape(4, 1)), 192);

  latents.close("flux3_3_2x3", presets::flux3_positions(3, GridShape(2, 3)));
  latents.close("flux3_0_3x5_2x2", presets::flux3_positions(0, GridShape(3, 5), {GridShape(2, 2)}));
  latents.close("flux3_5_4x2_3x3_1x2",
                presets::flux3_positions(5, GridShape(4, 2), {GridShape(3, 3), GridShape(1, 2)}));
  latents.equal("ovis_image_3_2x3", presets::ovis_image_positions(3, GridShape(2, 3)));
  latents.equal("ovis_image_1_3x5", presets::ovis_image_positions(1, GridShape(3, 5)));
  latents.equal("ovis_image_6_4x1", presets::ovis_image_positions(6, GridShape(4, 1)));
  latents.equal("longcat_image_3_2x3", presets::longcat_image_positions(3, {GridShape(2, 3)}));
  latents.equal("longcat_image_1_3x5", presets::longcat_image_positions(1, {GridShape(3, 5)}));
  latents.equal("longcat_image_5_4x2_4x2", presets::longcat_image_positions(5, {GridShape(4, 2), GridShape(4, 2)}));
  latents.equal("ideogram4_3_2x3", presets::ideogram4_positions(3, GridShape(2, 3)));
  latents.equal("ideogram4_0_3x5", presets::ideogram4_positions(0, GridShape(3, 5)));
  latents.equal("ideogram4_6_4x1", presets::ideogram4_positions(6, GridShape(4, 1)));
  latents.close("minimax_h3_3_2_1x2x3", presets::minimax_h3_positions(3, 1, GridShape(2, 3), 2), 1);
  latents.close("minimax_h3_0_0_7x3x5", presets::minimax_h3_positions(0, 7, GridShape(3, 5), 0), 1);
  latents.close("minimax_h3_4_5_12x4x1", presets::minimax_h3_positions(4, 12, GridShape(4, 1), 5), 1);
  CHECK(latents.all_compared());
}

TEST_CASE("references of FLUX are beside or below one another", "[positions][latents]") {
  // The first patches of the references in stable-diffusion.cpp (tests/parity/sd_cpp.py): 4 x 4, below it 2 x 3, which
  // reaches 6 down and not 7 to the right, and beside both 6 x 2.
  const std::vector<GridShape> references = {GridShape(4, 4), GridShape(2, 3), GridShape(6, 2)};
  const auto at = presets::flux_positions(3, GridShape(2, 3), references, posenc::FluxReferences::by_offset);
  const auto by_index = presets::flux_positions(3, GridShape(2, 3), references);
  REQUIRE(at.rows() == 9 + 16 + 6 + 12);
  CHECK(at.topRows(9 + 16) == by_index.topRows(9 + 16));
  using Place = Eigen::Matrix<std::int64_t, 1, 3>;
  CHECK(at.row(9 + 16) == Place(1, 4, 0));
  CHECK(at.row(9 + 16 + 5) == Place(1, 5, 2));
  CHECK(at.row(9 + 16 + 6) == Place(1, 0, 4));
  CHECK(at.row(9 + 16 + 6 + 11) == Place(1, 5, 5));
}

TEST_CASE("the axes of Ideogram 4 take turns for 60 pairs, and time has the rest", "[positions][latents]") {
  const posenc::AxisMap axes = posenc::interleaved_axes({88, 20, 20});
  REQUIRE(axes.num_pairs() == 128);
  for (Eigen::Index pair = 0; pair < 128; ++pair) CHECK(axes.axis_of_pair()[pair] == (pair < 60 ? pair % 3 : 0));
}

TEST_CASE("positions of latents are one allocation", "[positions][latents]") {
  if (posenc_tests::skip_without_allocation_count("positions of latents")) return;
  const GridShape picture(4, 6);
  const std::vector<GridShape> pictures = {picture, GridShape(2, 3)};
  Eigen::Index rows = 0;
  const auto allocations = [&](const auto& make) {
    return posenc_tests::count_allocations([&] { rows += make().rows(); });
  };
  CHECK(allocations([&] { return presets::flux_positions(5, picture, pictures); }) == 1);
  CHECK(allocations([&] { return presets::flux2_positions(5, picture, pictures); }) == 1);
  CHECK(allocations([&] { return presets::qwen_image_positions(5, pictures); }) == 1);
  const std::vector<posenc::MropeSegment> prompt = {posenc::MropeSegment::text(5), posenc::MropeSegment::image(4, 6)};
  CHECK(allocations([&] { return presets::qwen_image21_positions(prompt); }) == 1);
  CHECK(allocations([&] { return presets::z_image_positions(5, picture); }) == 1);
  CHECK(allocations([&] { return presets::lumina2_positions(5, picture); }) == 1);
  CHECK(allocations([&] { return presets::ernie_image_positions(5, picture); }) == 1);
  CHECK(allocations([&] { return presets::flux3_positions(5, picture, pictures); }) == 1);
  CHECK(allocations([&] { return presets::ovis_image_positions(5, picture); }) == 1);
  CHECK(allocations([&] { return presets::longcat_image_positions(5, pictures); }) == 1);
  CHECK(allocations([&] { return presets::ideogram4_positions(5, picture); }) == 1);
  CHECK(allocations([&] { return presets::minimax_h3_positions(5, 2, picture, 3); }) == 1);
  CHECK(allocations([&] { return presets::hunyuan_video_positions(2, picture, 5); }) == 1);
  CHECK(rows == 2 * 59 + 35 + 64 + 3 * 29 + 53 + 59 + 29 + 35 + 29 + 59);
}

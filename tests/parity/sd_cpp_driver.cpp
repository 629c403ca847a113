// SPDX-License-Identifier: MIT
/// Compares positions and periodic frequencies with those of stable-diffusion.cpp, whose header sd_cpp.py cuts to what
/// needs no ggml. Prints a line for each function, and how many differ.
#include "posenc/posenc.hpp"

#include "sd_rope.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <set>
#include <string>
#include <vector>

namespace {

using Ids = std::vector<std::vector<float>>;
using posenc::GridShape;
namespace presets = posenc::presets;

int wrong = 0;

/// Our row i is their row i + moved_up, from their end on to their beginning.
template <typename Matrix>
void compare(const std::string& name, const Matrix& ours, const Ids& theirs, Eigen::Index moved_up = 0) {
  bool same = ours.rows() == static_cast<Eigen::Index>(theirs.size());
  for (Eigen::Index i = 0; same && i < ours.rows(); ++i) {
    const auto& row = theirs[static_cast<std::size_t>((i + moved_up) % ours.rows())];
    for (Eigen::Index axis = 0; axis < ours.cols(); ++axis) {
      same = same && static_cast<double>(ours(i, axis)) == static_cast<double>(row[static_cast<std::size_t>(axis)]);
    }
  }
  std::cout << name << (same ? ": equal\n" : ": differs\n");
  wrong += !same;
}

void periodic(int height, int width, int head_dim) {
  const std::vector<int> axes = {head_dim / 2, head_dim / 2};
  Ids ids;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) ids.push_back({static_cast<float>(y), static_cast<float>(x)});
  }
  const std::vector<std::vector<int>> wrap = {std::vector<int>(ids.size(), height),
                                              std::vector<int>(ids.size(), width)};
  const std::vector<float> theirs = Rope::embed_nd(ids, 1, 10000.0f, axes, wrap);
  auto model = posenc::axial_frequencies({head_dim / 4, head_dim / 4}, 1e4);
  model.frequencies = posenc::scale_periodic(model.frequencies, model.axes, std::vector<int>{height, width});
  const auto table = posenc::make_table<double>(model.frequencies, model.axes,
                                                posenc::grid_positions({height, width}).cast<double>().eval());
  double worst = 0;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index pair = 0; pair < table.num_pairs(); ++pair) {
      const auto* matrix = theirs.data() + 4 * (row * table.num_pairs() + pair);  // cos, -sin, sin, cos
      worst = std::max({worst, std::abs(table.cos()(row, pair) - static_cast<double>(matrix[0])),
                        std::abs(table.sin()(row, pair) - static_cast<double>(matrix[2]))});
    }
  }
  std::cout << "scale_periodic of " << height << " x " << width << ": largest difference " << worst << "\n";
  wrong += worst > 2e-5;  // angles up to the number of patches on a side, in float
}

}  // namespace

int main() {
  using Rope::RefIndexMode;
  for (const auto& [text, height, width] : {std::array{3, 2, 3}, {5, 3, 5}, {37, 5, 7}}) {
    const std::string size = " " + std::to_string(text) + " " + std::to_string(height) + "x" + std::to_string(width);
    const GridShape picture(height, width);
    ggml_tensor first{{4, 4, 1, 1}}, second{{3, 2, 1, 1}}, third{{2, 6, 1, 1}};  // width, height
    const std::vector<ggml_tensor*> refs = {&first, &second, &third};
    const std::vector<GridShape> references = {GridShape(4, 4), GridShape(2, 3), GridShape(6, 2)};
    const auto flux = [&](int axes, std::set<int> text_axes, RefIndexMode mode, float scale, bool longcat) {
      return Rope::gen_flux_ids(height, width, 1, 1, axes, text, text_axes, refs, mode, scale, longcat);
    };
    compare("flux_positions, by_index" + size, presets::flux_positions(text, picture, references),
            flux(3, {}, RefIndexMode::INCREASE, 1, false));
    compare("flux_positions, by_offset" + size,
            presets::flux_positions(text, picture, references, posenc::FluxReferences::by_offset),
            flux(3, {}, RefIndexMode::FIXED, 1, false));
    compare("flux2_positions" + size, presets::flux2_positions(text, picture, references),
            flux(4, {3}, RefIndexMode::INCREASE, 10, false));
    compare("ovis_image_positions" + size, presets::ovis_image_positions(text, picture),
            Rope::gen_flux_ids(height, width, 1, 1, 3, text, {1, 2}, {}, RefIndexMode::FIXED, 1, false));
    compare("longcat_image_positions" + size,
            presets::longcat_image_positions(text, {picture, references[0], references[1], references[2]}),
            flux(3, {}, RefIndexMode::INCREASE, 1, true));
    compare("z_image_positions, text first" + size, presets::z_image_positions(text, picture),
            Rope::gen_z_image_ids(height, width, 1, 1, text, 32, {}, RefIndexMode::FIXED), (text + 31) / 32 * 32);
    compare("ernie_image_positions" + size, presets::ernie_image_positions(text, picture),
            Rope::gen_ernie_image_ids(height, width, 1, 1, text));
    compare("hunyuan_video_positions, text first" + size, presets::hunyuan_video_positions(3, picture, text),
            Rope::gen_hunyuan_video_ids(3, height, width, 1, 1, 1, 1, text), text);
    compare("wan_positions" + size, presets::wan_positions(3, picture),
            Rope::gen_vid_ids(3, height, width, 1, 1, 1, 1));
    // Its middle is at floor(n / 2), that of diffusers at ceil(n / 2): grids of even sides are the same.
    const GridShape even(2 * height, 2 * width), reference(4, 4);
    compare("qwen_image_positions of even sides" + size, presets::qwen_image_positions(text, {even, reference}),
            Rope::gen_qwen_image_ids(1, 2 * height, 2 * width, 1, 1, text, {&first}, RefIndexMode::INCREASE));
  }
  periodic(2, 2, 8);
  periodic(3, 5, 16);
  periodic(64, 48, 128);
  std::cout << wrong << " differ\n";
  return wrong != 0;
}

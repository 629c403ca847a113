// SPDX-License-Identifier: MIT
/// Pixel bands, axes in turn and periodic frequencies, as timm, diffusers and stable-diffusion.cpp rotate by them;
/// memory frames of SAM 2.
#include "support/golden.hpp"
#include "support/rotations.hpp"

#include <string>
#include <vector>

using namespace posenc_tests;
using posenc::RopeLayout;

namespace {

RowMatrix<double> block(const std::string& scheme, const char* which, int n) {
  static const Golden file = golden("rotations/axial.csv");
  return file.block(scheme + "-" + which + "-" + std::to_string(n)).matrix();
}

/// Rotates x-n at the positions and compares with y-n. Sources form angles up to `angle` in float, each with some six
/// roundings, and round their cosines; x <= 2.
void check(const std::string& scheme, int n, const posenc::AxialFrequencies& model, const Eigen::MatrixXd& positions,
           double angle) {
  INFO(scheme << " " << n);
  RowMatrix<double> x = block(scheme, "x", n);
  const auto table = posenc::make_table<double>(model.frequencies, model.axes, positions);
  posenc::apply_rope(x, table, RopeLayout::interleaved(x.cols()));
  CHECK((x - block(scheme, "y", n)).cwiseAbs().maxCoeff() <= 2 * 2 * (6 * angle + 4) * 0x1p-24 + 1e-8);
}

std::vector<int> size(const std::string& scheme, int n) {
  const RowMatrix<double> sides = block(scheme, "size", n);
  return {static_cast<int>(sides(0, 0)), static_cast<int>(sides(0, 1))};
}

}  // namespace

TEST_CASE("pixel bands are those of timm and of rotary-embedding-torch", "[rope][axial][golden]") {
  const double highest[] = {224, 10, 77};
  for (const auto bands : {posenc::PixelBands::linear, posenc::PixelBands::geometric}) {
    const std::string scheme = bands == posenc::PixelBands::linear ? "timm_linear" : "timm_geometric";
    for (int n = 0; n < 3; ++n) {
      const auto model = posenc::pixel_frequencies(2, block(scheme, "x", n).cols() / 4, highest[n], bands);
      check(scheme, n, model, posenc::linspace_positions(size(scheme, n)), highest[n] * 1.5708);
    }
  }
  for (int n = 0; n < 3; ++n) {
    const auto model =
        posenc::pixel_frequencies(2, block("ret_pixel", "x", n).cols() / 4, highest[n], posenc::PixelBands::linear);
    check("ret_pixel", n, model, posenc::linspace_positions(size("ret_pixel", n)), highest[n] * 1.5708);
  }
}

TEST_CASE("axes take pairs in turn in Lumina-Next", "[rope][axial][golden]") {
  const std::string scheme = "lumina_next";
  for (int n = 0; n < 3; ++n) {
    const int pairs = static_cast<int>(block(scheme, "x", n).cols() / 4);
    auto model = posenc::axial_frequencies({pairs, pairs}, 1e4, posenc::AxialSeries::in_turn);
    model.frequencies = posenc::scale_linear(model.frequencies, block(scheme, "factor", n)(0, 0));
    check(scheme, n, model, posenc::grid_positions(size(scheme, n)).cast<double>(), 6);
  }
}

TEST_CASE("periodic frequencies are those of stable-diffusion.cpp", "[rope][periodic][golden]") {
  const std::string scheme = "periodic";
  for (int n = 0; n < 3; ++n) {
    const int pairs = static_cast<int>(block(scheme, "x", n).cols() / 4);
    auto model = posenc::axial_frequencies({pairs, pairs}, 1e4);
    model.frequencies = posenc::scale_periodic(model.frequencies, model.axes, size(scheme, n));
    check(scheme, n, model, posenc::grid_positions(size(scheme, n)).cast<double>(), 25);
  }
}

TEST_CASE("channels have angles of their own in ERNIE-Image", "[rope][channels][golden]") {
  const std::string scheme = "ernie_image";
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const RowMatrix<double> axes = block(scheme, "axes", n);
    std::vector<int> channels;
    for (Index axis = 0; axis < 3; ++axis) channels.push_back(static_cast<int>(axes(0, axis)));
    const auto model = posenc::presets::ernie_image_frequencies(channels, 256);
    RowMatrix<double> x = block(scheme, "x", n);
    const Eigen::MatrixXd ids = block(scheme, "ids", n);
    posenc::apply_channel_angles(x, posenc::make_table<double>(model.frequencies, model.axes, ids),
                                 RopeLayout::half_split(x.cols() / 2));
    // As above, with angles up to 8.
    CHECK((x - block(scheme, "y", n)).cwiseAbs().maxCoeff() <= 2 * 2 * (6 * 8 + 4) * 0x1p-24 + 1e-8);
  }
}

TEST_CASE("memory of SAM 2 repeats a frame's rows, and pointers do not rotate", "[rope][axial][golden]") {
  const std::string scheme = "sam2_memory";
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    RowMatrix<double> q = block(scheme, "q", n), k = block(scheme, "k", n);
    const int pairs = static_cast<int>(q.cols() / 4);
    const auto model = posenc::axial_frequencies({pairs, pairs}, 1e4);
    const auto table = posenc::make_table<double>(
        model.frequencies, model.axes,
        posenc::grid_positions(size(scheme, n), 0, posenc::GridOrder::column_row).cast<double>().eval());
    const RopeLayout layout = RopeLayout::interleaved(q.cols());
    const Index rotating = k.rows() - static_cast<Index>(block(scheme, "size", n)(0, 2));
    std::vector<Index> rows;
    for (Index i = 0; i < rotating; ++i) rows.push_back(i % q.rows());
    posenc::apply_rope(q, table, layout);
    posenc::apply_rope(k.topRows(rotating), table, layout, posenc::rows(rows));
    const double bound = 2 * 2 * (6 * 4 + 4) * 0x1p-24 + 1e-8;  // as in check(), of angles up to 4
    CHECK((q - block(scheme, "yq", n)).cwiseAbs().maxCoeff() <= bound);
    CHECK((k - block(scheme, "yk", n)).cwiseAbs().maxCoeff() <= bound);
  }
}

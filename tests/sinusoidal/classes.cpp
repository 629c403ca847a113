// SPDX-License-Identifier: MIT
/// Sinusoids and Fourier features against classes of diffusers, transformers, timm and x-transformers
/// (tests/parity/golden_sinusoids.py).
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <string>

using namespace posenc_tests;
namespace presets = posenc::presets;

namespace {

using Matrix = RowMatrix<double>;

const Golden& classes() {
  static const Golden file = golden("sinusoidal/classes.csv");
  return file;
}

struct Case {
  std::string scheme;
  std::string n;

  Matrix block(const std::string& name) const { return classes().block(scheme + "-" + name + "-" + n).matrix(); }
  double number(Eigen::Index i) const { return block("numbers")(0, i); }
  Eigen::Index whole(Eigen::Index i) const { return static_cast<Eigen::Index>(number(i)); }

  /// The classes form angles in float32: an exponent of at most 10 errs by 10 2^-24, the product and the sine by a few
  /// roundings more. `angle` is the largest.
  void require_close(const Matrix& got, double angle, double amplitude = 1) const {
    INFO(scheme << " " << n);
    const Matrix expected = block("row");
    REQUIRE(got.rows() == expected.rows());
    REQUIRE(got.cols() == expected.cols());
    REQUIRE(distance(got, expected) <= amplitude * (16 * angle + 4) * 0x1p-24);
  }
  void line(const posenc::SinusoidalEncoding& encoding) const {
    Matrix out(block("row").rows(), block("row").cols());
    posenc::encode_sinusoidal(out, encoding, Eigen::VectorXd(block("at").col(0)));
    require_close(out, encoding.frequencies().fastest() * block("at").maxCoeff());
  }
  void grid(const posenc::SinusoidalGridEncoding& encoding, const Matrix& at) const {
    Matrix out(at.rows(), block("row").cols());
    posenc::encode_sinusoidal(out, encoding, at);
    require_close(out, encoding.frequencies().frequencies.fastest() * at.maxCoeff());
  }
};

template <typename Body>
void for_each_case(const std::string& scheme, const Body& body) {
  for (const std::string n : {"0", "1", "2"}) body(Case{scheme, n});
}

}  // namespace

TEST_CASE("presets of lines equal Whisper's, RoFormer's, x-transformers' and diffusers'", "[sinusoidal][presets]") {
  for_each_case("whisper", [](const Case& test) { test.line(presets::whisper(test.whole(0))); });
  for_each_case("fairseq", [](const Case& test) { test.line(presets::fairseq(test.whole(0))); });
  for_each_case("mlx", [](const Case& test) {
    test.line(presets::mlx(test.whole(0), test.number(1), test.number(2), test.number(3) != 0, test.number(4) != 0));
  });
  for_each_case("roformer", [](const Case& test) { test.line(presets::transformer_xl(test.whole(0))); });
  for_each_case("scaled", [](const Case& test) { test.line(presets::x_transformers(test.whole(0))); });
  for_each_case("timestep", [](const Case& test) {
    test.line(presets::diffusers_timestep(test.whole(0), test.number(1) != 0, test.number(2), test.number(3)));
  });
}

TEST_CASE("presets of grids equal those of diffusers, timm, tatp22 and DETR", "[sinusoidal][grid]") {
  for_each_case("mae", [](const Case& test) { test.grid(presets::mae(test.whole(0)), test.block("at")); });
  for_each_case("timm", [](const Case& test) { test.grid(presets::moco_v3(test.whole(0)), test.block("at")); });
  for_each_case("timm_interleaved",
                [](const Case& test) { test.grid(presets::timm_interleaved(test.whole(0)), test.block("at")); });
  for_each_case("video", [](const Case& test) { test.grid(presets::diffusers_3d(test.whole(0)), test.block("at")); });
  for_each_case("tatp22",
                [](const Case& test) { test.grid(presets::tatp22(test.whole(0), test.whole(1)), test.block("at")); });
  for_each_case("detr", [](const Case& test) {  // `at` is 1 where the picture is
    test.grid(presets::detr(test.whole(0)), presets::detr_positions(test.block("at"), test.number(1) != 0));
  });
}

TEST_CASE("Fourier features equal those of diffusers and Segment Anything", "[sinusoidal][fourier]") {
  for_each_case("gaussian", [](const Case& test) {
    Matrix out(test.block("row").rows(), test.block("row").cols());
    posenc::encode_fourier(out, test.block("at"), test.block("numbers"), presets::gaussian_fourier());
    test.require_close(out, 6.3 * test.block("numbers").cwiseAbs().maxCoeff());
  });
  for_each_case("picture", [](const Case& test) {
    Matrix out(test.block("row").rows(), test.block("row").cols());
    const auto side = static_cast<Eigen::Index>(test.block("at")(0, 0));
    posenc::encode_fourier(out, posenc::pixel_centers<double>(side, side), test.block("numbers"),
                           presets::segment_anything_fourier());
    test.require_close(out, 6.3 * 2 * test.block("numbers").cwiseAbs().maxCoeff());
  });
  for_each_case("segment_anything", [](const Case& test) {
    Matrix out(test.block("row").rows(), test.block("row").cols());
    posenc::encode_fourier(out, test.block("at"), test.block("numbers"), presets::segment_anything_fourier());
    test.require_close(out, 6.3 * 2 * test.block("numbers").cwiseAbs().maxCoeff());
  });
}

// SPDX-License-Identifier: MIT
/// Rotations against classes of transformers, x-transformers, rotary-embedding-torch and timm
/// (tests/parity/golden_rotations.py).
#include "posenc/positions.hpp"
#include "posenc/rope.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <string>

using namespace posenc_tests;
using posenc::PositionRange;
using posenc::RopeLayout;

namespace {

using Matrix = RowMatrix<double>;

const Golden& classes() {
  static const Golden file = golden("rotations/classes.csv");
  return file;
}

struct Case {
  std::string scheme;
  int n;

  Matrix block(const std::string& name) const {
    return classes().block(scheme + "-" + name + "-" + std::to_string(n)).matrix();
  }
  Eigen::Index head_dim() const { return n == 0 ? 6 : n == 1 ? 16 : 8; }
};

template <typename Body>
void for_each_case(const std::string& scheme, const Body& body) {
  for (int n = 0; n < 3; ++n) {
    INFO(scheme << " " << n);
    body(Case{scheme, n});
  }
}

/// The classes form angles below 9 in float, with an error of 2 2^-24 for each factor, and their cosines; |x| <= 2. xPos
/// multiplies by powers below 2 in float.
constexpr double kRotated = 2 * 2 * (3 * 9 + 4) * 0x1p-24;

Matrix rotated(Matrix x, const posenc::FrequencyTable<double>& table, const RopeLayout& layout) {
  posenc::apply_rope(x, table, layout);
  return x;
}

}  // namespace

TEST_CASE("rotations and their gradients equal those of Llama and Cohere in transformers", "[rope][golden]") {
  for (const bool half_split : {true, false}) {
    for_each_case(half_split ? "llama" : "cohere", [&](const Case& test) {
      const auto layout =
          half_split ? RopeLayout::half_split(test.head_dim()) : RopeLayout::interleaved(test.head_dim());
      const auto table = posenc::make_table<double>(posenc::geometric_frequencies(test.head_dim(), 10000.0),
                                                    PositionRange(0, test.block("x").rows()));
      REQUIRE(distance(rotated(test.block("x"), table, layout), test.block("y")) <= kRotated);
      Matrix gradient = test.block("g");
      posenc::apply_rope(gradient, table.adjoint(), layout);
      REQUIRE(distance(gradient, test.block("gx")) <= kRotated);
    });
  }
}

TEST_CASE("NTK-aware scaling equals that of rotary-embedding-torch and x-transformers", "[rope][golden]") {
  for_each_case("ret_rescaled", [](const Case& test) {
    const auto frequencies =
        posenc::scale_ntk_aware(posenc::geometric_frequencies(test.head_dim(), 10000.0), test.block("factor")(0, 0));
    const auto table = posenc::make_table<double>(frequencies, PositionRange(0, test.block("x").rows()));
    REQUIRE(distance(rotated(test.block("x"), table, RopeLayout::interleaved(test.head_dim())), test.block("y")) <=
            kRotated);
  });
  for_each_case("xt_rescaled", [](const Case& test) {
    const Matrix expected = test.block("inv_freq");
    const auto frequencies = posenc::scale_ntk_aware(posenc::geometric_frequencies(2 * expected.cols(), 10000.0),
                                                     test.block("factor")(0, 0));
    const Eigen::ArrayXd ratio = frequencies.inv_freq() / expected.row(0).transpose().array();
    REQUIRE((ratio - 1).abs().maxCoeff() <= 16 * 0x1p-24);  // an exponent of up to 12 in float, and a power
  });
}

TEST_CASE("xPos equals that of rotary-embedding-torch and x-transformers", "[rope][xpos][golden]") {
  for (const std::string scheme : {"ret_xpos", "xt_xpos"}) {
    for_each_case(scheme, [](const Case& test) {
      const Eigen::Index tokens = test.block("q").rows();
      posenc::XposOptions decay;
      decay.scale_base = 16;
      const auto tables =
          posenc::make_xpos_tables<double>(posenc::geometric_frequencies(test.head_dim(), 10000.0),
                                           PositionRange(0, tokens), static_cast<double>(tokens / 2), decay);
      const auto layout = RopeLayout::interleaved(test.head_dim());
      REQUIRE(distance(rotated(test.block("q"), tables.queries, layout), test.block("yq")) <= 2 * kRotated);
      REQUIRE(distance(rotated(test.block("k"), tables.keys, layout), test.block("yk")) <= 2 * kRotated);
    });
  }
}

TEST_CASE("initial frequencies of mixed rotations equal timm's", "[rope][mixed][golden]") {
  for_each_case("timm_initial", [](const Case& test) {
    const Matrix angles = test.block("angles"), expected = test.block("frequencies");
    const Eigen::Index heads = angles.cols(), pairs = expected.cols() / heads;
    for (Eigen::Index h = 0; h < heads; ++h) {
      const Matrix got = posenc::initial_mixed_frequencies(2 * pairs, 10.0, angles(0, h)).matrix();
      // Sines of angles of up to 8, which timm adds pi / 2 to, of magnitudes below 1.
      REQUIRE(distance(got, Matrix(expected.middleCols(h * pairs, pairs))) <= 8 * 0x1p-52);
    }
  });
}

TEST_CASE("gradients of mixed frequencies equal autograd's through timm's rotation", "[rope][mixed][golden]") {
  for_each_case("timm_gradient", [](const Case& test) {
    const Eigen::Index head_dim = test.n == 0 ? 12 : test.n == 1 ? 8 : 36;
    const Matrix expected = test.block("grad");
    Matrix grad = Matrix::Zero(2, expected.cols());
    posenc::mixed_table_backward(grad, test.block("g"), test.block("y"), test.block("positions"),
                                 RopeLayout::interleaved(head_dim));
    // Sums over up to 15 tokens at positions up to 6 of products of at most 2 (2 + 2), formed in float from angles
    // below 24.
    REQUIRE(distance(grad, expected) <= 15 * 6 * 8 * (24 + 8) * 0x1p-24);
  });
}

TEST_CASE("pictures of another size, and patch centers of DINOv3, rotate as in timm", "[rope][axial][golden]") {
  for (const bool stretched : {true, false}) {
    for_each_case(stretched ? "timm_stretched" : "timm_dinov3", [&](const Case& test) {
      const auto size = test.block("size").cast<int>().eval();
      Matrix x = test.block("x");
      const int pairs = static_cast<int>(x.cols() / 4);
      const auto model = stretched ? posenc::axial_frequencies({pairs, pairs}, 10000.0)
                                   : posenc::axial_frequencies({pairs, pairs}, 100.0, 6.283185307179586);
      const auto positions = stretched ? posenc::stretched_positions({size(0), size(1)}, {size(2), size(3)})
                                       : posenc::patch_centers({size(0), size(1)});
      const auto table = posenc::make_table<double>(model.frequencies, model.axes, positions);
      posenc::apply_rope(x, table, stretched ? RopeLayout::interleaved(x.cols()) : RopeLayout::half_split(x.cols()));
      REQUIRE(distance(x, test.block("y")) <= kRotated);  // angles below 7
    });
  }
}

TEST_CASE("rotations equal mlx.fast.rope, traditional and not, from a position on", "[rope][golden]") {
  for_each_case("mlx_rope", [](const Case& test) {
    const auto layout =
        test.n == 1 ? RopeLayout::half_split(test.head_dim()) : RopeLayout::interleaved(test.head_dim());
    const auto table = posenc::make_table<double>(posenc::geometric_frequencies(test.head_dim(), 10000.0),
                                                  PositionRange(test.n, test.block("x").rows()));
    REQUIRE(distance(rotated(test.block("x"), table, layout), test.block("y")) <= 2 * kRotated);  // angles below 11
  });
}

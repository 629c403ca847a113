// SPDX-License-Identifier: MIT
/// Learned tables against classes of transformers and timm (tests/parity/golden_classes.py).
#include "posenc/learnable.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <sstream>
#include <string>

using namespace posenc_tests;
using posenc::GridFilter;
using posenc::GridShape;

namespace {

const Golden& classes() {
  static const Golden file = golden("learnable/classes.csv");
  return file;
}

MatrixD block(const std::string& scheme, const std::string& name, const std::string& n) {
  return classes().block(scheme + "-" + name + "-" + n).matrix();
}

/// The largest difference of the scheme's three sizes.
double resized_apart(const std::string& scheme, GridFilter filter, Index prefix) {
  double worst = 0;
  for (const std::string n : {"0", "1", "2"}) {
    const auto given = block(scheme, "given", n).cast<Index>().eval();
    const MatrixD table = block(scheme, "table", n), expected = block(scheme, "out", n);
    MatrixD out(expected.rows(), expected.cols());
    posenc::resize(
        out, table,
        posenc::GridResize(GridShape(given(0), given(1)), GridShape(given(2), given(3)), filter).keep(prefix));
    worst = std::max(worst, distance(out, expected));
  }
  return worst;
}

}  // namespace

TEST_CASE("tables resized by timm, ViT, SigLIP 2 and Qwen3-VL", "[learnable][resize][accuracy]") {
  // Entries of at most 1 and weights whose sizes sum to at most 2.
  constexpr double kInDouble = 2 * 16 * kEpsilon;
  constexpr double kInFloat32 = 2 * 16 * 0x1p-24;  // and the places of rows, below 8
  REQUIRE(resized_apart("vit", GridFilter::bicubic, 1) <= kInDouble);
  REQUIRE(resized_apart("timm_resample", GridFilter::bicubic_antialiased, 1) <= kInFloat32);
  REQUIRE(resized_apart("siglip", GridFilter::bilinear_antialiased, 0) <= kInFloat32);
  REQUIRE(resized_apart("qwen", GridFilter::bilinear_align_corners, 0) <= kInFloat32);
}

TEST_CASE("lookup and its gradient equal those of nn.Embedding with padding_idx", "[learnable][lookup]") {
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const MatrixD table = block("embedding", "table", n), expected = block("embedding", "out", n);
    const auto ids = block("embedding", "ids", n).cast<std::int64_t>().eval();
    posenc::LookupOptions options;
    options.padding_row = 1;
    const auto view = posenc::wrap_learned_table(table, options);
    MatrixD out(expected.rows(), expected.cols());
    posenc::encode_learned(out, view, ids);
    REQUIRE(distance(out, expected) == 0);
    MatrixD grad = MatrixD::Zero(table.rows(), table.cols());
    posenc::learned_backward(grad, block("embedding", "g", n), view, ids);
    REQUIRE(distance(grad, block("embedding", "grad", n)) == 0);  // sums of up to four multiples of 1/8
  }
}

TEST_CASE("files of tables equal those of numpy.save", "[learnable][npy]") {
  const auto written = [](const auto& values) {
    std::ostringstream out;
    posenc::write_npy(out, values);
    return out.str();
  };
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const MatrixD values = block("npy", "values", n);
    std::string expected;
    for (const double byte : classes().block("npy-bytes-" + n).values) {
      expected.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    }
    REQUIRE((n == "0"   ? written(RowMatrix<float>(values.cast<float>()))
             : n == "1" ? written(values)
                        : written(RowMatrix<Eigen::half>(values.cast<Eigen::half>()))) == expected);
  }
}

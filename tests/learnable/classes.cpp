// SPDX-License-Identifier: MIT
/// Learned tables against classes of transformers and timm (tests/parity/golden_classes.py).
#include "posenc/learnable.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

#include <vector>

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

TEST_CASE("tables of rows and of columns, side by side, equal those of DETR, Florence-2 and Reformer", "[learnable]") {
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const auto given = block("sides", "given", n).cast<Index>().eval();
    std::vector<Index> rows, columns;
    for (Index token = 0; token < given(0) * given(1); ++token) {
      rows.push_back(token / given(1));
      columns.push_back(token % given(1));
    }
    const auto side_by_side = [&](const std::string& model, bool columns_first) {
      const MatrixD of_rows = block("sides", model + "_rows", n), of_columns = block("sides", model + "_columns", n);
      MatrixD out(given(0) * given(1), of_rows.cols() + of_columns.cols());
      auto for_rows = columns_first ? out.rightCols(of_rows.cols()) : out.leftCols(of_rows.cols());
      auto for_columns = columns_first ? out.leftCols(of_columns.cols()) : out.rightCols(of_columns.cols());
      posenc::encode_learned(for_rows, posenc::wrap_learned_table(of_rows), rows);
      posenc::encode_learned(for_columns, posenc::wrap_learned_table(of_columns), columns);
      return out;
    };
    REQUIRE(same_bits(side_by_side("detr", true), block("sides", "detr", n)));
    REQUIRE(same_bits(side_by_side("florence", true), block("sides", "florence", n)));
    REQUIRE(same_bits(side_by_side("reformer", false), block("sides", "reformer", n)));
  }
}

TEST_CASE("tables of rows and of columns, added, and their gradient", "[learnable]") {
  const Index height = 3, width = 5, channels = 4;
  const MatrixD of_rows = random_matrix(height, channels, 1), of_columns = random_matrix(width, channels, 2);
  std::vector<Index> rows, columns;
  for (Index token = 0; token < height * width; ++token) {
    rows.push_back(token / width);
    columns.push_back(token % width);
  }
  const MatrixD before = random_matrix(height * width, channels, 3), grad = random_matrix(height * width, channels, 4);
  MatrixD x = before, expected = before;
  posenc::add_learned(x, posenc::wrap_learned_table(of_rows), rows);
  posenc::add_learned(x, posenc::wrap_learned_table(of_columns), columns);
  MatrixD grad_rows = MatrixD::Zero(height, channels), grad_columns = MatrixD::Zero(width, channels);
  posenc::learned_backward(grad_rows, grad, posenc::wrap_learned_table(of_rows), rows);
  posenc::learned_backward(grad_columns, grad, posenc::wrap_learned_table(of_columns), columns);
  MatrixD sum_rows = MatrixD::Zero(height, channels), sum_columns = MatrixD::Zero(width, channels);
  for (Index token = 0; token < height * width; ++token) {
    expected.row(token) += of_rows.row(token / width);
    expected.row(token) += of_columns.row(token % width);
    sum_rows.row(token / width) += grad.row(token);
    sum_columns.row(token % width) += grad.row(token);
  }
  REQUIRE(same_bits(x, expected));
  REQUIRE(distance(grad_rows, sum_rows) <= 8 * kEpsilon);
  REQUIRE(distance(grad_columns, sum_columns) <= 8 * kEpsilon);
}

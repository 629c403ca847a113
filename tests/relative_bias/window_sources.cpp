// SPDX-License-Identifier: MIT
/// Windows of timm and torchvision by the library's calls: Swin and BEiT, MaxViT, LeViT, Halo, and Video Swin's three
/// axes.
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::ClassToken;
using posenc::GridShape;
using posenc::WindowTable;

namespace {

struct Case {
  const Golden& file;
  std::string kind;
  std::string n;

  MatrixD block(const std::string& name) const { return file.block(kind + "-" + name + "-" + n).matrix(); }
  Index side(Index i) const {
    return static_cast<Index>(block(file.blocks.count(kind + "-window-" + n) ? "window" : "sides")(0, i));
  }
};

template <typename Body>
void for_each_case(const std::string& kind, const Body& body) {
  const Golden file = golden("relative/windows.csv");
  for (const std::string n : {"0", "1", "2"}) {
    INFO(kind << " " << n);
    body(Case{file, kind, n});
  }
}

MatrixD bias_of(const WindowTable<double>& table) {
  MatrixD bias = MatrixD::Zero(table.num_heads() * table.tokens(), table.tokens());
  posenc::add_window_bias(bias, table);
  return bias;
}

/// A table of LeViT, num_heads x tokens by |rows| width + |columns|, as one of displacements.
WindowTable<double> levit_table(const MatrixD& biases, const GridShape& window) {
  WindowTable<double> table(biases.rows(), window);
  const Index span = 2 * window.width() - 1;
  for (Index m = 0; m < window.displacements(); ++m) {
    const Index rows = std::abs(m / span - (window.height() - 1)), columns = std::abs(m % span - (window.width() - 1));
    table.values().col(m) = biases.col(rows * window.width() + columns);
  }
  return table;
}

}  // namespace

TEST_CASE("windows of Swin and BEiT equal timm's, and so does their index", "[relative_bias][window][accuracy]") {
  for_each_case("swin", [](const Case& test) {
    const GridShape window(test.side(0), test.side(1));
    const auto token = test.side(2) == 1 ? ClassToken::first : ClassToken::none;
    REQUIRE(same_bits(bias_of(posenc::make_window_table(test.block("weights"), window, token)), test.block("bias")));
    REQUIRE(posenc::window_index(window) == test.block("index").cast<Index>());
  });
}

TEST_CASE("windows of MaxViT are tables by key - query", "[relative_bias][window][accuracy]") {
  for_each_case("maxvit", [](const Case& test) {
    const GridShape window(test.side(0), test.side(1));
    WindowTable<double> table(test.block("weights").rows(), window);
    table.values() = test.block("weights").array();
    REQUIRE(same_bits(bias_of(table), test.block("bias")));
  });
}

TEST_CASE("LeViT's biases by the sizes of a displacement, and of every other query", "[relative_bias][window]") {
  for_each_case("levit", [](const Case& test) {
    const GridShape window(test.side(0), test.side(1));
    REQUIRE(same_bits(bias_of(levit_table(test.block("weights"), window)), test.block("bias")));
  });
  for_each_case("levit_down", [](const Case& test) {
    const GridShape window(test.side(0), test.side(1));
    const MatrixD all = bias_of(levit_table(test.block("weights"), window)), expected = test.block("bias");
    Index row = 0;
    for (Index h = 0; h < test.block("weights").rows(); ++h) {
      for (Index y = 0; y < window.height(); y += 2) {
        for (Index x = 0; x < window.width(); x += 2) {
          REQUIRE(
              same_bits(MatrixD(all.row(h * window.tokens() + y * window.width() + x)), MatrixD(expected.row(row++))));
        }
      }
    }
    REQUIRE(row == expected.rows());
  });
}

TEST_CASE("Halo attention: a block of queries in a corner of its keys", "[relative_bias][decomposed]") {
  for_each_case("halo", [](const Case& test) {
    const Index block = test.side(0), side = test.side(1);
    const MatrixD q = test.block("q"), expected = test.block("logits");
    // Rows by query - key here, by key - query there. Queries are numbered as the keys, and those beyond the block left
    // 0.
    const MatrixD height = test.block("height").colwise().reverse(), width = test.block("width").colwise().reverse();
    MatrixD placed = MatrixD::Zero(side * side, q.cols()), logits = MatrixD::Zero(side * side, side * side);
    for (Index t = 0; t < block * block; ++t) placed.row(t / block * side + t % block) = q.row(t);
    const GridShape keys(side, side);
    auto scheme = posenc::Decomposed(posenc::RelPosH(height), posenc::RelPosW(width), keys, keys);
    posenc::add_decomposed_logits(logits, scheme, placed);
    for (Index t = 0; t < block * block; ++t) {
      // Multiples of 1/64 below 64: sums are exact.
      REQUIRE(same_bits(MatrixD(logits.row(t / block * side + t % block)), MatrixD(expected.row(t))));
    }
  });
}

TEST_CASE("windows of three axes equal Video Swin's of torchvision, and their gradient",
          "[relative_bias][window][accuracy]") {
  for_each_case("video", [](const Case& test) {
    const Index frames = test.side(0);
    const GridShape window(test.side(1), test.side(2));
    const MatrixD weights = test.block("weights"), expected = test.block("bias");
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    posenc::add_window_bias(logits, posenc::make_window_table(weights, frames, window));
    REQUIRE(same_bits(logits, expected));
    using MatrixF =
        Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // by kernels; numbers are eighths
    MatrixF floats = MatrixF::Zero(expected.rows(), expected.cols());
    posenc::add_window_bias(floats, posenc::make_window_table(weights.cast<float>(), frames, window));
    REQUIRE(same_bits(MatrixD(floats.cast<double>()), expected));

    const MatrixD grad = random_matrix(logits.rows(), logits.cols(), 1);
    std::vector<WindowTable<double>> sums(static_cast<std::size_t>(2 * frames - 1),
                                          WindowTable<double>(weights.cols(), window));
    posenc::window_bias_backward(sums, grad);
    MatrixD grad_weights = MatrixD::Zero(weights.rows(), weights.cols());
    posenc::window_table_backward(grad_weights, sums);
    require_adjoint(dot(expected, grad), dot(grad_weights, weights), absolute_dot(expected, grad));
  });
}

// SPDX-License-Identifier: MIT
/// Norms with rotations, phases and their gradients as transformers and PoPE-pytorch compute them, and weights from one
/// channel order to another (tests/parity/golden_gradients.py).
#include "posenc/positions.hpp"
#include "posenc/rope.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <cmath>
#include <string>

using namespace posenc_tests;
using Eigen::Index;
using posenc::NormOrder;
using posenc::NormOver;
using posenc::NormWeight;
using posenc::RmsNorm;
using posenc::RopeLayout;

namespace {

using Matrix = RowMatrix<double>;

Matrix block(const std::string& scheme, const char* name, int n) {
  static const Golden file = golden("rotations/gradients.csv");
  return file.block(scheme + "-" + name + "-" + std::to_string(n)).matrix();
}

double distance(const Matrix& a, const Matrix& b) { return (a - b).cwiseAbs().maxCoeff(); }

/// Runs y = apply_rope(x, ..., norm) and its gradients beside the blocks of a scheme. The classes round to float once for
/// each of some eight steps; numbers of x, y, g and w are up to 2, means of squares above 1/4, and gradients sum up to nine
/// tokens of three heads.
void compare(const std::string& scheme, int n, const RopeLayout& layout, const RmsNorm& norm) {
  INFO(scheme << " " << n);
  constexpr double kRounding = 8 * 0x1p-24;
  const Matrix x = block(scheme, "x", n), g = block(scheme, "g", n);
  const auto table = posenc::make_table<double>(posenc::geometric_frequencies(layout.head_dim(), 1e4),
                                                posenc::PositionRange(0, x.rows()));
  Matrix y = x;
  posenc::apply_rope(y, table, layout, norm);
  CHECK(distance(y, block(scheme, "y", n)) <= 8 * kRounding);
  Matrix grad_x(x.rows(), x.cols());
  Eigen::VectorXd grad_weight = Eigen::VectorXd::Zero(norm.factors().size());
  posenc::rope_backward(grad_x, grad_weight, g, x, table, layout, norm);
  CHECK(distance(grad_x, block(scheme, "gx", n)) <= 64 * kRounding);
  if (grad_weight.size() > 0) CHECK(distance(grad_weight.transpose(), block(scheme, "gw", n)) <= 27 * 8 * kRounding);
}

constexpr Index kHeadDims[] = {6, 16, 8};

}  // namespace

TEST_CASE("norms with rotations, and their gradients, are those of transformers", "[rope][norm][backward][golden]") {
  for (int n = 0; n < 3; ++n) {
    const RopeLayout half_split = RopeLayout::half_split(kHeadDims[n]);
    const auto norm = [&](const char* scheme, NormOver over, NormWeight is) {
      return RmsNorm(block(scheme, "weight", n), 1e-6, over, is, NormOrder::before_rotation);
    };
    compare("qwen3", n, half_split, norm("qwen3", NormOver::head, NormWeight::itself));
    compare("gemma3", n, half_split, norm("gemma3", NormOver::head, NormWeight::one_plus));
    compare("olmo2", n, half_split, norm("olmo2", NormOver::token, NormWeight::itself));
    compare("llama4", n, RopeLayout::interleaved(kHeadDims[n]),
            RmsNorm::without_weight(1e-6, NormOver::head, NormOrder::after_rotation));
  }
}

TEST_CASE("gradients of phases and frequencies are those of PoPE-pytorch", "[rope][phases][backward][golden]") {
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const Matrix y = block("pope", "y", n), phases = block("pope", "phases", n);
    const Index heads = phases.rows(), dim = phases.cols();
    Matrix by_frequencies = Matrix::Zero(1, heads * dim);
    Eigen::VectorXd by_phases = Eigen::VectorXd::Zero(heads * dim);
    const Eigen::VectorXd at = Eigen::VectorXd::LinSpaced(y.rows(), 0, static_cast<double>(y.rows() - 1));
    posenc::mixed_table_backward(by_frequencies, by_phases, block("pope", "g", n), y, at,
                                 RopeLayout::interleaved(2 * dim));
    // Five tokens of numbers below 2.2 at positions up to 4, by frequencies that PoPE-pytorch rounds to float;
    // frequencies sum over three heads. Nine digits are printed.
    constexpr double kToken = 2 * 2 * 2.2 * (4 + 1) * 0x1p-24;
    CHECK(distance(by_phases.reshaped<Eigen::RowMajor>(heads, dim), phases) <= 5 * kToken);
    CHECK(distance(by_frequencies.reshaped<Eigen::RowMajor>(heads, dim).colwise().sum(),
                   block("pope", "frequencies", n)) <= 3 * 5 * 4 * kToken);
  }
}

TEST_CASE("weights change their channel order as transformers reads them from GGUF", "[rope][permute][golden]") {
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const RopeLayout interleaved = RopeLayout::interleaved(kHeadDims[n]), half = RopeLayout::half_split(kHeadDims[n]);
    Matrix weights = block("gguf", "x", n);
    posenc::permute_rows(weights, interleaved, half);
    CHECK(weights == block("gguf", "y", n));
    Matrix activations = block("gguf", "x", n).transpose();
    posenc::permute_columns(activations, interleaved, half);
    CHECK(activations == block("gguf", "y", n).transpose());
  }
}

// SPDX-License-Identifier: MIT
/// From one layout to another: turning and reordering commute.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

constexpr Index kHeadDim = 12;
constexpr Index kHeads = 3;

struct Window {
  Index rotary_dim, from_offset, to_offset;
};
const Window kWindows[] = {{12, 0, 0}, {8, 0, 0}, {8, 4, 4}, {6, 2, 5}, {4, 8, 0}};

}  // namespace

TEST_CASE("channels of the Llama conversion", "[rope][permute]") {
  // view(H, hd/2, 2, in).transpose(1, 2) of Hugging Face: half-split channel c holds interleaved channel (c % 4) 2 + c
  // / 4.
  const auto to_half = posenc::channel_permutation(RopeLayout::interleaved(8), RopeLayout::half_split(8));
  CHECK((to_half == (Eigen::Array<Index, 8, 1>() << 0, 2, 4, 6, 1, 3, 5, 7).finished()).all());
  const auto back = posenc::channel_permutation(RopeLayout::half_split(8), RopeLayout::interleaved(8));
  CHECK((back == (Eigen::Array<Index, 8, 1>() << 0, 4, 1, 5, 2, 6, 3, 7).finished()).all());
  // A suffix of 4 becomes a prefix: . . a0 a1 b0 b1 -> a0 b0 a1 b1 . .
  const auto moved =
      posenc::channel_permutation(RopeLayout::half_split(6).suffix(4), RopeLayout::interleaved(6).prefix(4));
  CHECK((moved == (Eigen::Array<Index, 6, 1>() << 2, 4, 3, 5, 0, 1).finished()).all());
}

TEMPLATE_TEST_CASE("rotate(permute(x)) == permute(rotate(x))", "[rope][permute]", float, double, Eigen::bfloat16) {
  for (const Window& window : kWindows) {
    const auto table = posenc::make_table<TestType>(posenc::geometric_frequencies(window.rotary_dim, 100),
                                                    posenc::PositionRange(3, 5));
    const RopeLayout half_split = RopeLayout::half_split(kHeadDim), interleaved = RopeLayout::interleaved(kHeadDim);
    const Index width = window.rotary_dim;
    const RopeLayout layouts[2][2] = {
        {half_split.window(window.from_offset, width), interleaved.window(window.to_offset, width)},
        {interleaved.window(window.from_offset, width), half_split.window(window.to_offset, width)}};
    for (const auto& [from, to] : layouts) {
      INFO("rotary_dim " << window.rotary_dim << ", offsets " << window.from_offset << " " << window.to_offset);
      const auto given = Noise(1).matrix<TestType>(5, kHeads * kHeadDim);
      // Column-major takes the element-wise path for both layouts: the same arithmetic, bit for bit.
      Eigen::Matrix<TestType, Eigen::Dynamic, Eigen::Dynamic> first = given, second = given;
      posenc::permute_columns(first, from, to);
      apply_rope(first, table, to);
      apply_rope(second, table, from);
      posenc::permute_columns(second, from, to);
      CHECK(same_bits(first, second));
      CHECK(!same_bits(first, given));
      posenc::permute_columns(first, to, from);  // there and back
      posenc::permute_columns(second, to, from);
      CHECK(same_bits(first, second));
    }
  }
}

TEST_CASE("permuted weights and biases project onto permuted queries", "[rope][permute]") {
  const RopeLayout from = RopeLayout::interleaved(kHeadDim), to = RopeLayout::half_split(kHeadDim);
  const auto x = Noise(2).matrix<double>(4, 7);
  RowMatrix<double> weights = Noise(3).matrix<double>(kHeads * kHeadDim, 7);
  Eigen::VectorXd bias = Noise(4).matrix<double>(kHeads * kHeadDim, 1);
  RowMatrix<double> q = (x * weights.transpose()).rowwise() + bias.transpose();
  posenc::permute_columns(q, from, to);
  posenc::permute_rows(weights, from, to);
  posenc::permute_rows(bias, from, to);
  const RowMatrix<double> again = (x * weights.transpose()).rowwise() + bias.transpose();
  CHECK((q - again).cwiseAbs().maxCoeff() <= 8 * 0x1p-53 * 32);  // sums of 8 products up to 4, in another order
  Eigen::MatrixXi ids = Eigen::VectorXi::LinSpaced(kHeadDim, 0, kHeadDim - 1).replicate(1, 2);
  posenc::permute_rows(ids.leftCols(1), from, to);  // any scalar, through a Block
  CHECK(ids.col(0) != ids.col(1));
}

// SPDX-License-Identifier: MIT
/// One token has the bits of many: rotations, with norms and without, from the table's rows of the token.
#include "rope/norm_reference.hpp"

#include <vector>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::NormOrder;
using posenc::NormOver;
using posenc::NormWeight;
using posenc::RmsNorm;
using posenc::RopeLayout;

namespace {

constexpr Index kTokens = 13;
template <typename Scalar>
using ColumnMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// @param rotate  rotate(x, first) rotates the rows of x, which are the tokens first, first + 1, ...
/// @param alone   Whether a row is copied alone too, which makes the channels of a column-major one contiguous.
template <template <typename> class Matrix, typename Scalar, typename Rotate>
void check(const RowMatrix<Scalar>& x, const Rotate& rotate, bool alone = true) {
  Matrix<Scalar> many = x;
  rotate(many, Index(0));
  for (const Index count : {1, 2, 5}) {
    for (Index first = 0; first + count <= kTokens; ++first) {
      if (alone || count > 1) {
        Matrix<Scalar> few = x.middleRows(first, count);
        rotate(few, first);
        REQUIRE(same_bits(few, many.middleRows(first, count)));
      }
      Matrix<Scalar> within = x;
      rotate(within.middleRows(first, count), first);
      REQUIRE(same_bits(within.middleRows(first, count), many.middleRows(first, count)));
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("one token has the bits of many", "[rope][one_row]", float, double, Eigen::half, Eigen::bfloat16) {
  using Scalar = TestType;
  using Table = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  for (const Index head_dim : {Index(6), Index(38), Index(64)}) {
    for (const Index heads : {Index(1), Index(3)}) {
      const auto table = posenc::make_table<Table>(posenc::geometric_frequencies(head_dim, 1e4).with_magnitude(1.19),
                                                   posenc::PositionRange(0, kTokens));
      const RowMatrix<Scalar> x = Noise(11).matrix<Scalar>(kTokens, heads * head_dim);
      for (const RopeLayout& layout : {RopeLayout::half_split(head_dim), RopeLayout::interleaved(head_dim)}) {
        INFO(heads << " heads of " << head_dim
                   << (layout.pairs() == posenc::RopePairs::half_split ? ", half-split" : ", interleaved"));
        const auto plain = [&](auto&& some, Index first) { apply_rope(some, table, layout, posenc::from_row(first)); };
        check<RowMatrix>(x, plain);
        check<ColumnMatrix>(x, plain, false);
        for (const NormOver over : {NormOver::head, NormOver::token}) {
          const Eigen::VectorXf weight = Noise(12).matrix<float>(over == NormOver::head ? head_dim : x.cols(), 1);
          for (const NormOrder order : {NormOrder::before_rotation, NormOrder::after_rotation}) {
            const RmsNorm norm(weight, 1e-6, over, NormWeight::itself, order);
            const auto normed = [&](auto&& some, Index first) {
              apply_rope(some, table, layout, norm, posenc::from_row(first));
            };
            check<RowMatrix>(x, normed);
            check<ColumnMatrix>(x, normed, false);
          }
        }
      }
    }
  }
}

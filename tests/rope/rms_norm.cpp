// SPDX-License-Identifier: MIT
/// apply_rope() with a norm against the formula in long double: what the mean is taken of, weights, order, scalars,
/// layouts, strides and rows of a cache.
#include <algorithm>

#include "rope/norm_reference.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::CosSinStorage;
using posenc::NormOrder;
using posenc::NormOver;
using posenc::NormWeight;
using posenc::RmsNorm;
using posenc::RopeLayout;
using posenc::RopePairs;

namespace {

/// apply_rope() documents (n / 64 + 12) eps (|a cos| + |b sin|), and one rounding to the scalar of the result. Of n / 32
/// squares added in turn and five sums of sums, half of the relative error reaches the root; then come a quotient, a
/// sum, a root, the reciprocal, two products and the rotation's three roundings. Behind the rotation the squares are
/// those of x times the magnitude squared, which cosines and sines have to one rounding each.
template <typename Number, typename Out>
double norm_error_over_bound(const Eigen::DenseBase<Out>& got, const Turned& expected, Index head_dim,
                             const Given& given) {
  using Scalar = typename Out::Scalar;
  const double eps = static_cast<double>(std::numeric_limits<Number>::epsilon()) / 2;
  double worst = 0;
  for (Index i = 0; i < got.rows(); ++i) {
    for (Index j = 0; j < got.cols(); ++j) {
      const Wide want = expected.value(i, j);
      const double reach = static_cast<double>((std::max)(expected.reach(i, j), std::abs(want)));
      const double table = given.order == NormOrder::after_rotation ? kUnit<float> : 0;
      const double arithmetic = ((static_cast<double>(head_dim) / 64 + 12) * eps + table) * reach;
      const double storage =
          kUnit<Scalar> > eps ? kUnit<Scalar> * (static_cast<double>(std::abs(want)) + arithmetic) + kTiny<Scalar> : 0;
      const double error =
          static_cast<double>(std::abs(static_cast<Wide>(static_cast<double>(got.derived().coeff(i, j))) - want));
      const double ratio = error / (arithmetic + storage + 1e-300);
      worst = ratio == ratio ? (std::max)(worst, ratio) : 1e300;
    }
  }
  return worst;
}

template <typename Out, typename In>
void check_every_norm(Index rotary, Index head_dim, Index offset, Index heads) {
  Noise noise(static_cast<std::uint64_t>(rotary + heads));
  const auto frequencies = posenc::geometric_frequencies(rotary, 1e4).with_magnitude(1.25);
  const Index tokens = 3;
  constexpr bool in_double = std::is_same_v<In, double> || std::is_same_v<Out, double>;
  using Number = std::conditional_t<in_double, double, float>;
  for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
    const auto table = posenc::make_table<float>(frequencies, posenc::PositionRange(1001, tokens + 1), {storage});
    for (const bool half_split : {true, false}) {
      const RopeLayout layout =
          RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, head_dim).window(offset, rotary);
      const RowMatrix<In> x = noise.matrix<In>(tokens, heads * head_dim);
      for (const Given& given : all_norms()) {
        const Index size = given.over == NormOver::token ? heads * head_dim : head_dim;
        const Eigen::VectorXd weight = noise.matrix<float>(size, 1).template cast<double>();
        const RmsNorm norm = made(given, weight);
        const Expected expected = normed(x, table, run(tokens, 1), layout, given, weight);
        INFO("rotary " << rotary << " of " << head_dim << ", heads " << heads << ", half-split " << half_split
                       << ", whole token " << (given.over == NormOver::token) << ", after "
                       << (given.order == NormOrder::after_rotation) << ", weights " << given.has_weights);
        RowMatrix<Out> out = RowMatrix<Out>::Constant(tokens, x.cols(), Out(9));
        apply_rope(out, x, table, layout, norm, posenc::from_row(1));
        REQUIRE(norm_error_over_bound<Number>(out, expected.turned, head_dim, given) <= 1);
        // The same into rows of a cache, which keeps its others; and from a view of heads that follow one another.
        RowMatrix<Out> cache = RowMatrix<Out>::Constant(7, x.cols(), Out(9));
        const std::vector<std::int64_t> slots = {5, 0, 3};
        apply_rope(posenc::cache_rows(cache, slots), x, table, layout, norm, posenc::from_row(1));
        for (Index i = 0; i < 7; ++i) {
          const auto at = std::find(slots.begin(), slots.end(), i);
          const RowMatrix<Out> row = at == slots.end() ? RowMatrix<Out>::Constant(1, x.cols(), Out(9)).eval()
                                                       : RowMatrix<Out>(out.row(at - slots.begin()));
          REQUIRE(same_bits(cache.row(i), row));
        }
        RowMatrix<In> by_heads(heads * tokens, head_dim);
        for (Index head = 0; head < heads; ++head) {
          by_heads.middleRows(head * tokens, tokens) = x.middleCols(head * head_dim, head_dim);
        }
        const auto shape = posenc::HeadsShape().batch(1).seq_len(tokens).num_heads(heads).head_dim(head_dim);
        RowMatrix<Out> from_view(tokens, x.cols());
        apply_rope(from_view, posenc::view_bhld(by_heads.data(), shape), table, layout, norm, posenc::from_row(1));
        REQUIRE(same_bits(from_view, out));
        if constexpr (std::is_same_v<Out, In>) {
          RowMatrix<In> in_place = x;
          apply_rope(in_place, table, layout, norm, posenc::from_row(1));
          REQUIRE(same_bits(in_place, out));
          Eigen::Matrix<In, Eigen::Dynamic, Eigen::Dynamic> columns = x;  // element by element
          apply_rope(columns, table, layout, norm, posenc::from_row(1));
          REQUIRE(norm_error_over_bound<Number>(columns, expected.turned, head_dim, given) <= 1);
        }
      }
    }
  }
}

template <typename Out, typename In>
void check_shapes() {
  check_every_norm<Out, In>(128, 128, 0, 2);
  check_every_norm<Out, In>(2, 3, 1, 3);
  check_every_norm<Out, In>(6, 9, 2, 5);
  check_every_norm<Out, In>(80, 107, 16, 2);
  check_every_norm<Out, In>(258, 300, 42, 1);
}

}  // namespace

TEST_CASE("a norm and the rotation, in place", "[rope][norm]") {
  check_shapes<float, float>();
  check_shapes<double, double>();
  check_shapes<Eigen::half, Eigen::half>();
  check_shapes<Eigen::bfloat16, Eigen::bfloat16>();
}

TEST_CASE("a norm and the rotation, into another scalar", "[rope][norm]") {
  check_shapes<Eigen::half, float>();
  check_shapes<Eigen::bfloat16, float>();
  check_shapes<float, Eigen::bfloat16>();
  check_shapes<float, double>();
}

TEST_CASE("more heads than are normalized at a time", "[rope][norm]") { check_every_norm<float, float>(8, 8, 0, 150); }

/// A framework in bfloat16: rounds behind the norm, the weights, each product, and the sum, with a rounded table.
TEST_CASE("a norm rounds once where frameworks in bfloat16 round five times", "[rope][norm]") {
  using Half = Eigen::bfloat16;
  Noise noise(7);
  const Index head_dim = 64, tokens = 40;
  const auto table =
      posenc::make_table<float>(posenc::geometric_frequencies(head_dim, 1e4), posenc::PositionRange(0, tokens));
  const RopeLayout layout = RopeLayout::half_split(head_dim);
  const RowMatrix<Half> x = noise.matrix<Half>(tokens, head_dim);
  const Eigen::Matrix<Half, Eigen::Dynamic, 1> weight = noise.matrix<Half>(head_dim, 1);
  const Eigen::VectorXd doubles = weight.cast<float>().cast<double>();
  const Given given{NormOver::head, NormWeight::itself, NormOrder::before_rotation, true, 1e-6};
  const RmsNorm norm(weight, given.eps, given.over, given.is, given.order);
  const Turned expected = normed(x, table, run(tokens), layout, given, doubles).turned;
  RowMatrix<Half> ours(tokens, head_dim);
  apply_rope(ours, x, table, layout, norm);
  const auto round = [](float value) { return static_cast<float>(Half(value)); };
  double our_worst = 0, their_worst = 0, apart = 0;
  for (Index t = 0; t < tokens; ++t) {
    const float mean = x.row(t).cast<float>().squaredNorm() / static_cast<float>(head_dim);
    Eigen::VectorXf y(head_dim);
    for (Index c = 0; c < head_dim; ++c) {
      y[c] = round(static_cast<float>(weight[c]) * round(static_cast<float>(x(t, c)) / std::sqrt(mean + 1e-6f)));
    }
    for (Index c = 0; c < head_dim; ++c) {
      const Index j = c % (head_dim / 2);
      const float other = c < head_dim / 2 ? -y[c + head_dim / 2] : y[c - head_dim / 2];
      const float theirs = round(round(y[c] * round(table.cos()(t, j))) + round(other * round(table.sin()(t, j))));
      const double reach = static_cast<double>(expected.reach(t, c));
      const double want = static_cast<double>(expected.value(t, c));
      const double mine = static_cast<double>(ours(t, c));
      our_worst = (std::max)(our_worst, std::abs(mine - want) / reach);
      their_worst = (std::max)(their_worst, std::abs(static_cast<double>(theirs) - want) / reach);
      apart = (std::max)(apart, std::abs(static_cast<double>(theirs) - mine) / reach);
    }
  }
  CHECK(our_worst <= 1.01 * kUnit<Half>);
  // Norm, weight, table, product and sum; the last factor for products of roundings.
  CHECK(their_worst <= 5 * kUnit<Half> * 1.02);
  CHECK(apart <= 6 * kUnit<Half> * 1.02);
  CHECK(their_worst > 1.5 * our_worst);
}

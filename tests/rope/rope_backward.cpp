// SPDX-License-Identifier: MIT
/// rope_backward() against differences of the formula in long double.
#include "rope/norm_reference.hpp"

using namespace posenc_tests;
using posenc::NormOrder;
using posenc::NormOver;
using posenc::RmsNorm;
using posenc::rope_backward;
using posenc::RopeLayout;
using posenc::RopePairs;

namespace {

constexpr double kStep = 0x1p-17;
// Of central differences: kStep^2 / 6 times third derivatives, which are below 40 at numbers of size 2 and rms > 0.5.
constexpr double kDifference = 40 * kStep * kStep;

struct Problem {
  RopeLayout layout;
  Index tokens, heads;

  Index width() const { return heads * layout.head_dim(); }
};

template <typename Table>
void check_gradients(const Problem& problem, const Table& table, const Given& given) {
  Noise noise(5);
  const RopeLayout& layout = problem.layout;
  RowMatrix<double> x = noise.matrix<float>(problem.tokens, problem.width()).cast<double>();
  const RowMatrix<double> g = noise.matrix(problem.tokens, problem.width());
  const Index size = given.over == NormOver::token ? problem.width() : layout.head_dim();
  Eigen::VectorXd weight = noise.matrix<float>(size, 1).cast<double>();
  const auto loss = [&] {
    return (normed(x, table, run(problem.tokens, 1), layout, given, weight).turned.value.array() *
            g.cast<Wide>().array())
        .sum();
  };
  const auto derivative = [&](double& number) {
    const double kept = number;
    number = kept + kStep;
    const Wide above = loss();
    number = kept - kStep;
    const Wide below = loss();
    number = kept;
    return static_cast<double>((above - below) / (2 * static_cast<Wide>(kStep)));
  };
  const RmsNorm norm = made(given, weight);
  RowMatrix<double> grad_x(problem.tokens, problem.width());
  Eigen::VectorXd grad_weight = Eigen::VectorXd::Constant(norm.factors().size(), 0.5);
  rope_backward(grad_x, grad_weight, g, x, table, layout, norm, posenc::from_row(1));
  // A sum over all channels of numbers up to 2 is rounded, and differences of long double are those of its last bits.
  for (Index i = 0; i < x.size(); ++i) {
    INFO("x " << i << ", whole token " << (given.over == NormOver::token) << ", after "
              << (given.order == NormOrder::after_rotation));
    REQUIRE(std::abs(grad_x.data()[i] - derivative(x.data()[i])) <= kDifference);
  }
  for (Index i = 0; i < grad_weight.size(); ++i) {
    INFO("weight " << i);
    REQUIRE(std::abs(grad_weight[i] - 0.5 - derivative(weight[i])) <= kDifference);
  }
  // In place, and in float, rounded once.
  RowMatrix<double> in_place = g;
  grad_weight.setConstant(0.5);
  rope_backward(in_place, grad_weight, in_place, x, table, layout, norm, posenc::from_row(1));
  CHECK(same_bits(in_place, grad_x));
  RowMatrix<float> floats(problem.tokens, problem.width());
  Eigen::RowVectorXf float_weight = Eigen::RowVectorXf::Zero(norm.factors().size());
  rope_backward(floats, float_weight, g, x.cast<float>(), table, layout, norm, posenc::from_row(1));
  CHECK((floats.cast<double>() - grad_x).cwiseAbs().maxCoeff() <= 0x1p-24 * grad_x.cwiseAbs().maxCoeff());
}

}  // namespace

TEST_CASE("the gradients of a norm and a rotation", "[rope][norm][backward]") {
  const auto frequencies = posenc::geometric_frequencies(6, 100).with_magnitude(1.25);
  const auto table = posenc::make_table<double>(frequencies, posenc::PositionRange(4, 4));
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    for (const Given& given : all_norms()) {
      check_gradients({RopeLayout(pairs, 9).window(2, 6), 3, 2}, table, given);
      check_gradients({RopeLayout(pairs, 6), 2, 3}, table, given);
    }
  }
}

TEST_CASE("the gradient of weights in float is that in double, rounded once", "[rope][norm][backward]") {
  constexpr Index kTokens = 200;
  Noise noise(7);
  for (const Index heads : {Index(2), Index(36)}) {  // 36 of 64 channels are more weights than are summed at a time
    const RopeLayout layout = RopeLayout::half_split(64).window(4, 48);
    const Index width = heads * 64;
    const auto table =
        posenc::make_table<float>(posenc::geometric_frequencies(48, 100), posenc::PositionRange(4, kTokens));
    const RowMatrix<float> x = noise.matrix<float>(kTokens, width);
    const RowMatrix<float> g = noise.matrix<float>(kTokens, width);
    for (const NormOver over : {NormOver::head, NormOver::token}) {
      for (const NormOrder order : {NormOrder::before_rotation, NormOrder::after_rotation}) {
        const Eigen::VectorXf weight = noise.matrix<float>(over == NormOver::head ? 64 : width, 1);
        const RmsNorm norm(weight, 1e-6, over, posenc::NormWeight::one_plus, order);
        const Eigen::VectorXf before = noise.matrix<float>(weight.size(), 1);
        Eigen::VectorXd in_double = before.cast<double>();
        Eigen::VectorXf in_float = before;
        RowMatrix<float> grad_x(kTokens, width);
        RowMatrix<float> in_place = x;
        rope_backward(grad_x, in_double, g, x, table, layout, norm);
        rope_backward(in_place, in_float, g, in_place, table, layout, norm);
        INFO(heads << " heads, whole token " << (over == NormOver::token));
        CHECK(same_bits(in_float, in_double.cast<float>()));
        CHECK(same_bits(in_place, grad_x));
      }
    }
  }
}

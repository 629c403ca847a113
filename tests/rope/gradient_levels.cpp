// SPDX-License-Identifier: MIT
/// The kernels of the gradient of a norm and a rotation at every level of vector instructions that this machine has, each
/// bit, against scalar twins; and rope_backward() by kernels beside element by element.
#include <cmath>
#include <cstddef>
#include <random>
#include <sstream>
#include <type_traits>
#include <vector>

#include "posenc/rope.hpp"
#include "rope/level_twins.hpp"
#include "rope/norm_reference.hpp"
#include "support/catch2.hpp"

namespace {

using namespace posenc_tests;

}  // namespace

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc::detail;

/// As the twin of floats.
double multiply_add_twin(int level, double a, double b, double c) {
  if (level > 1) return std::fma(a, b, c);
  const volatile double product = a * b;  // no flag of the compiler contracts it
  return product + c;
}

/// The 16 sums of a kernel, added in halves.
double added(std::vector<double> sums) {
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  return sums[0];
}

template <typename In, typename Out>
void check(Level of_machine, std::size_t pairs, std::size_t rest, bool half_split, bool after) {
  const int level = static_cast<int>(of_machine);
  const std::size_t rotating = 2 * pairs, size = rotating + rest;
  std::mt19937 engine(static_cast<unsigned>(size + 2 * half_split + after));
  const auto x = numbers<In>(engine, size), g = numbers<In>(engine, size);
  const auto w = numbers<double>(engine, size), cos = numbers<double>(engine, size),
             sin = numbers<double>(engine, size);
  const double gain = 1.5625, factor = 0.7, by_length = 0.3;
  const HeadGradient<In> head{x.data(),
                              g.data(),
                              w.data(),
                              cos.data(),
                              sin.data(),
                              static_cast<std::ptrdiff_t>(rotating),
                              static_cast<std::ptrdiff_t>(size),
                              half_split,
                              gain};
  std::vector<double> products(16), squares(16), other_squares(16);
  std::vector<double> sums = numbers<double>(engine, size), expected_sums = sums;
  std::vector<Out> expected(size), got(size);
  for (std::size_t i = 0; i < size; ++i) {
    const bool rotates = i < rotating;
    const bool second = half_split ? i >= pairs : i % 2 == 1;
    const std::size_t other = !rotates ? i : half_split ? (second ? i - pairs : i + pairs) : (second ? i - 1 : i + 1);
    const std::size_t entry = half_split && second && rotates ? i - pairs : i;
    const double c = rotates ? cos[entry] : 1;
    const double s = !rotates ? 0 : half_split && second ? -sin[entry] : sin[entry];
    const double x_i = static_cast<double>(x[i]), g_i = static_cast<double>(g[i]);
    const double x_o = rotates ? static_cast<double>(x[other]) : 0, g_o = rotates ? static_cast<double>(g[other]) : 0;
    const double w_o = rotates ? w[other] : 0;
    double v, u;
    if (after) {
      const volatile double w_g = w[i] * g_i, other_w_g = w_o * g_o;
      const volatile double by_s = other_w_g * s, x_by_s = x_o * s;
      v = multiply_add_twin(level, w_g, c, by_s);
      u = g_i * multiply_add_twin(level, x_i, c, -x_by_s);
    } else {
      const volatile double by_s = g_o * s;
      const volatile double back = multiply_add_twin(level, g_i, c, by_s);
      v = w[i] * back;
      u = x_i * back;
    }
    const std::size_t k =
        rotates && half_split ? (second ? 8 + (i - pairs) % 8 : i % 8) : (i - (rotates ? 0 : rotating)) % 16;
    products[k] = multiply_add_twin(level, w[i], u, products[k]);
    double& square = (rotates ? squares : other_squares)[k];
    square = multiply_add_twin(level, x_i, x_i, square);
    const double part = rotates ? gain * by_length : by_length;
    expected[i] = static_cast<Out>(factor * multiply_add_twin(level, x_i, -part, v));
    expected_sums[i] = multiply_add_twin(level, factor, u, expected_sums[i]);
  }
  const auto kernels =
      after ? gradient_kernels<In, Out, true>(of_machine) : gradient_kernels<In, Out, false>(of_machine);
  std::ostringstream description;
  description << name_of(of_machine) << ", pairs " << pairs << ", others " << rest << ", half-split " << half_split
              << ", after " << after;
  INFO(description.str());
  const NormSums sums_of_head = kernels.sum(head);
  for (std::size_t k = 0; k < 16; ++k) squares[k] = multiply_add_twin(level, squares[k], gain, other_squares[k]);
  REQUIRE(sums_of_head.product == added(products));
  REQUIRE(sums_of_head.squares == added(squares));
  kernels.write(head, got.data(), factor, by_length, sums.data());
  require_same_numbers(got, expected, description.str());
  require_same_numbers(sums, expected_sums, description.str() + ", sums");
  kernels.write(head, got.data(), factor, by_length, nullptr);
  require_same_numbers(got, expected, description.str() + ", without sums");
}

}  // namespace

TEST_CASE("gradient kernels of levels, bit for bit", "[rope][norm][backward][levels]") {
  for (const Level level : levels()) {
    for (const bool half_split : {true, false}) {
      for (const bool after : {true, false}) {
        for (const std::size_t pairs : {16u, 32u, 64u, 80u}) {
          for (const std::size_t rest : {0u, 16u, 48u}) {
            check<float, float>(level, pairs, rest, half_split, after);
            check<float, double>(level, pairs, rest, half_split, after);
            check<double, float>(level, pairs, rest, half_split, after);
            check<double, double>(level, pairs, rest, half_split, after);
          }
        }
      }
    }
  }
}

#endif

namespace {

/// Sums of at most 1,000 products of numbers up to 2, in another order: errors are some of 2^-53 of what is added.
constexpr double kOrder = 1e-11;

template <typename Scalar, int Order>
void check_beside_elements(const posenc::RopeLayout& layout, Index heads, const Given& given,
                           bool table_for_each_head) {
  constexpr Index tokens = 5;
  Noise noise(static_cast<std::uint64_t>(layout.head_dim() + heads));
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>;
  using WideMatrix = RowMatrix<long double>;  // what kernels do not take
  const Index width = heads * layout.head_dim();
  const Matrix x = noise.matrix<Scalar>(tokens, width), g = noise.matrix<Scalar>(tokens, width);
  const Index size = given.over == posenc::NormOver::token ? width : layout.head_dim();
  const posenc::RmsNorm norm = made(given, noise.matrix<float>(size, 1).template cast<double>());
  posenc::TableOptions options;
  const Index pairs = layout.rotary_dim() / 2;
  Eigen::ArrayXd speeds(table_for_each_head ? heads * pairs : pairs);
  for (Index i = 0; i < speeds.size(); ++i) speeds[i] = 1 / (1 + 0.25 * static_cast<double>(i));
  if (table_for_each_head) options.num_heads = heads;
  const auto table = posenc::make_table<float>(posenc::Frequencies(speeds).with_magnitude(1.25),
                                               posenc::PositionRange(3, tokens), options);
  Eigen::VectorXd weight = Eigen::VectorXd::Constant(norm.factors().size(), 0.5);
  Eigen::VectorXd wide_weight = weight;
  Matrix grad_x(tokens, width);
  WideMatrix expected(tokens, width);
  WideMatrix wide_g(tokens, width);
  for (Index i = 0; i < tokens; ++i) {
    for (Index j = 0; j < width; ++j) wide_g(i, j) = static_cast<long double>(static_cast<double>(g(i, j)));
  }
  posenc::rope_backward(grad_x, weight, g, x, table, layout, norm);
  posenc::rope_backward(expected, wide_weight, wide_g, x, table, layout, norm);
  INFO("heads " << heads << " of " << layout.head_dim() << ", rotating " << layout.rotary_dim() << ", whole token "
                << (given.over == posenc::NormOver::token) << ", after "
                << (given.order == posenc::NormOrder::after_rotation));
  for (Index i = 0; i < tokens; ++i) {
    for (Index j = 0; j < width; ++j) {
      const double want = static_cast<double>(expected(i, j));
      const double bound = kOrder + kUnit<Scalar> * std::abs(want) + kTiny<Scalar>;
      REQUIRE(std::abs(static_cast<double>(grad_x(i, j)) - want) <= bound);
    }
  }
  REQUIRE((weight - wide_weight).cwiseAbs().sum() <= kOrder * static_cast<double>(weight.size() + 1));
  Matrix in_place = g;
  weight.setConstant(0.5);
  posenc::rope_backward(in_place, weight, in_place, x, table, layout, norm);
  REQUIRE(same_bits(in_place, grad_x));
}

template <typename Scalar>
void check_shapes() {
  for (const Given& given : all_norms()) {
    for (const posenc::RopePairs pairs : {posenc::RopePairs::half_split, posenc::RopePairs::interleaved}) {
      const auto layout = [&](Index dim) { return posenc::RopeLayout(pairs, dim); };
      for (const bool each : {false, true}) {
        check_beside_elements<Scalar, Eigen::RowMajor>(layout(64), 3, given, each);
        check_beside_elements<Scalar, Eigen::RowMajor>(layout(72), 3, given, each);
        check_beside_elements<Scalar, Eigen::RowMajor>(layout(107).window(16, 80), 2, given, each);
        check_beside_elements<Scalar, Eigen::RowMajor>(layout(9).window(2, 6), 1, given, each);
        check_beside_elements<Scalar, Eigen::ColMajor>(layout(64).window(32, 32), 2, given, each);
      }
      check_beside_elements<Scalar, Eigen::RowMajor>(layout(512), 5, given, false);  // several groups of weights
      check_beside_elements<Scalar, Eigen::RowMajor>(layout(520), 1, given, false);
    }
  }
}

}  // namespace

TEST_CASE("half types are read, and rounded once, at every level", "[rope][norm][backward]") {
#if POSENC_HAS_LEVELS
  const auto check = [](auto scalar, const std::vector<double>& values) {
    using Half = decltype(scalar);
    constexpr auto format = angle_format<Half>;
    std::vector<Half> expected(values.size());
    std::vector<float> floats(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      expected[i] = cast_scalar<Half>(values[i]);
      floats[i] = cast_scalar<float>(expected[i]);
    }
    for (const Level level : levels()) {
      std::vector<Half> got(values.size());
      std::vector<float> read(values.size());
      const auto count = static_cast<std::ptrdiff_t>(values.size());
      const bool written = write_half_type_kernel<format>(level)(got.data(), values.data(), count);
      if (written) require_same_numbers(got, expected, name_of(level));
      bool tiny = false;
      for (const double value : values) tiny = tiny || (value != 0 && std::abs(value) < 0x1p-126);
      REQUIRE(written == !tiny);
      read_half_type_kernel<format>(level)(read.data(), expected.data(), count);
      require_same_numbers(read, floats, name_of(level));
      cast_numbers(got.data(), values.data(), count);
      require_same_numbers(got, expected, name_of(level));
    }
  };
  std::mt19937 engine(3);
  for (std::size_t count = 1; count < 70; ++count) {
    std::vector<double> values = numbers<double>(engine, count);
    values[count / 2] = 0;
    values[count - 1] *= 0x1p-20;
    check(Eigen::half(), values);
    check(Eigen::bfloat16(), values);
    // Above the middle of two numbers of bfloat16 by less than a float below 2^-126 holds.
    values[count / 3] = 0x1.4p-132 + 0x1p-160;
    check(Eigen::half(), values);
    check(Eigen::bfloat16(), values);
  }
#endif
}

TEST_CASE("gradients by kernels are those element by element", "[rope][norm][backward]") {
  check_shapes<float>();
  check_shapes<double>();
  check_shapes<Eigen::half>();
  check_shapes<Eigen::bfloat16>();
}

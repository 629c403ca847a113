// SPDX-License-Identifier: MIT
/// Sinusoids on several axes: published rows of each project, and the formula.
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "posenc/positions.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::SinusoidalGridEncoding;
namespace presets = posenc::presets;

using Wide = long double;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The row of one token.
template <typename... Position>
Eigen::RowVectorXd row_at(const SinusoidalGridEncoding& encoding, Position... position) {
  const std::vector<double> values{static_cast<double>(position)...};
  Eigen::RowVectorXd row(encoding.width());
  posenc::encode_sinusoidal(row, encoding, Eigen::Map<const Eigen::RowVectorXd>(values.data(), sizeof...(position)));
  return row;
}

double difference(const Eigen::RowVectorXd& row, const std::vector<double>& expected) {
  REQUIRE(row.size() == static_cast<Eigen::Index>(expected.size()));
  return (row - Eigen::Map<const Eigen::RowVectorXd>(expected.data(), row.size())).cwiseAbs().maxCoeff();
}

// Six digits are printed: half a unit of the last, and the float arithmetic of the sources.
constexpr double kPrinted = 1e-6;
// Double rows: 2^-50 + |angle| 2^-51 for angles up to 200.
constexpr double kExact = 201 * 0x1p-51;

double sine(double position, Wide frequency) { return static_cast<double>(std::sin(position * frequency)); }
double cosine(double position, Wide frequency) { return static_cast<double>(std::cos(position * frequency)); }

}  // namespace

TEST_CASE("the four layouts of a picture, token (row 1, column 2)", "[sinusoidal][grid]") {
  // Section 5 of the reference outputs: width 8.
  CHECK(difference(row_at(presets::mae(8), 1, 2), {.909297, .019999, -.416147, .9998, .841471, .01, .540302, .99995}) <=
        kPrinted);
  CHECK(difference(row_at(presets::moco_v3(8), 1, 2),
                   {.841471, .01, .909297, .019999, .540302, .99995, -.416147, .9998}) <= kPrinted);
  CHECK(difference(row_at(presets::timm_interleaved(8), 1, 2),
                   {.841471, .01, .540302, .99995, .909297, .019999, -.416147, .9998}) <= kPrinted);
  // DETR, 2 x 3 pixels, all valid, (row 0, column 1). Printed as -.5: cos(4 pi / 3 - 1.396e-6) = -.5 - .866 1.396e-6.
  const auto positions = posenc::presets::detr_positions(Eigen::MatrixXi::Ones(2, 3));
  RowMajor detr(6, 8);
  posenc::encode_sinusoidal(detr, presets::detr(4), positions);
  CHECK(difference(detr.row(1), {1.6e-6, -1.0, .031411, .999507, -.866025, -.5 - .866 * 1.396e-6, .041876, .999123}) <=
        kPrinted);
}

TEST_CASE("DETR counts valid pixels only", "[sinusoidal][grid]") {
  Eigen::MatrixXi valid(3, 4);
  valid << 1, 1, 1, 0,  //
      1, 1, 1, 0,       //
      0, 0, 0, 0;
  const auto counts = posenc::presets::detr_positions(valid, false);
  const Eigen::VectorXd y = counts.col(0), x = counts.col(1);
  CHECK(y == (Eigen::VectorXd(12) << 1, 1, 1, 0, 2, 2, 2, 0, 2, 2, 2, 0).finished());
  CHECK(x == (Eigen::VectorXd(12) << 1, 2, 3, 3, 1, 2, 3, 3, 0, 0, 0, 0).finished());
  const auto normalized = posenc::presets::detr_positions(valid, true, 1);
  for (Eigen::Index row = 0; row < 3; ++row) {
    for (Eigen::Index column = 0; column < 4; ++column) {
      const Eigen::Index token = 4 * row + column;
      CHECK(std::abs(normalized(token, 0) - y[token] / (y[8 + column] + 1e-6)) <= 4e-16);
      CHECK(std::abs(normalized(token, 1) - x[token] / (x[4 * row + 3] + 1e-6)) <= 4e-16);
    }
  }
}

TEST_CASE("tatp22 is cut after the width", "[sinusoidal][grid]") {
  // Width 7, 2 axes: 4 channels for each axis, s c s c of x, then of y, of which the last is cut.
  const Wide w[2] = {1, std::pow(10000.0L, -0.5L)};
  const auto row = row_at(presets::tatp22(7, 2), 3, 5);
  CHECK(difference(row, {sine(3, w[0]), cosine(3, w[0]), sine(3, w[1]), cosine(3, w[1]), sine(5, w[0]), cosine(5, w[0]),
                         sine(5, w[1])}) <= kExact);
  // Width 4, 3 axes: 2 for each, and the third axis is gone.
  CHECK(difference(row_at(presets::tatp22(4, 3), 3, 5, 7), {sine(3, 1), cosine(3, 1), sine(5, 1), cosine(5, 1)}) <=
        kExact);
  CHECK(difference(row_at(presets::tatp22(5, 1), 2),
                   {sine(2, 1), cosine(2, 1), sine(2, std::pow(10000.0L, -2.0L / 6)),
                    cosine(2, std::pow(10000.0L, -2.0L / 6)), sine(2, std::pow(10000.0L, -4.0L / 6))}) <= kExact);
}

TEST_CASE("tensor2tensor n-D leaves the rest alone", "[sinusoidal][grid]") {
  // Width 10, 2 axes: F = 2, frequencies 1 and 1/10000; channels 8 and 9 get nothing.
  const auto encoding = presets::tensor2tensor_nd(10, 2);
  const auto row = row_at(encoding, 3, 5);
  CHECK(difference(row, {sine(3, 1), sine(3, 1e-4L), cosine(3, 1), cosine(3, 1e-4L), sine(5, 1), sine(5, 1e-4L),
                         cosine(5, 1), cosine(5, 1e-4L), 0, 0}) <= kExact);
  Eigen::RowVectorXd x = Eigen::RowVectorXd::Constant(10, 2.5);
  posenc::add_sinusoidal(x, encoding, Eigen::RowVector2i(3, 5));
  CHECK((x - row).isApprox(Eigen::RowVectorXd::Constant(10, 2.5), 1e-15));
  CHECK(x[9] == 2.5);
  // The original multiplies by min_timescale, as in one dimension.
  CHECK(difference(row_at(presets::tensor2tensor_nd(4, 1, 2, 200), 1),
                   {sine(1, 2), sine(1, 2.0L / 100), cosine(1, 2), cosine(1, 2.0L / 100)}) <= kExact);
}

TEST_CASE("a video has time first", "[sinusoidal][grid]") {
  const auto row = row_at(presets::diffusers_3d(32), 2, 3, 5);  // t, y, x
  std::vector<double> expected;
  const auto block = [&](double position, int count) {
    for (int i = 0; i < count; ++i)
      expected.push_back(sine(position, std::pow(10000.0L, -static_cast<Wide>(i) / count)));
    for (int i = 0; i < count; ++i)
      expected.push_back(cosine(position, std::pow(10000.0L, -static_cast<Wide>(i) / count)));
  };
  block(2, 4);
  block(5, 6);  // the column, as in mae()
  block(3, 6);
  CHECK(difference(row, expected) <= kExact);
}

TEST_CASE("NeRF puts the point first and doubles frequencies", "[sinusoidal][grid]") {
  const double p[2] = {0.3, -1.7};
  std::vector<double> expected{p[0], p[1]};
  for (const double w : {1.0, 2.0, 4.0}) {
    for (const double x : p) expected.push_back(sine(x, w));
    for (const double x : p) expected.push_back(cosine(x, w));
  }
  CHECK(presets::nerf(3, 10).width() == 63);  // the paper's points
  CHECK(presets::nerf(3, 4).width() == 27);   // and directions
  CHECK(difference(row_at(presets::nerf(2, 3), p[0], p[1]), expected) <= kExact);
  const auto bare = row_at(presets::nerf(2, 3, false), p[0], p[1]);
  CHECK(difference(bare, std::vector<double>(expected.begin() + 2, expected.end())) <= kExact);
  const auto linear = row_at(presets::nerf(1, 3, false, false), 0.7);  // 1, 2.5, 4
  CHECK(difference(linear, {sine(.7, 1), cosine(.7, 1), sine(.7, 2.5L), cosine(.7, 2.5L), sine(.7, 4),
                            cosine(.7, 4)}) <= kExact);
}

TEST_CASE("encodings whose channels make no pairs", "[sinusoidal][grid]") {
  // Channel c of 5: 10000^(-c / 5), sines where c is even.
  const auto w = [](int c, Wide d) { return std::pow(10000.0L, -static_cast<Wide>(c) / d); };
  CHECK(difference(row_at(presets::per_channel(5), 3),
                   {sine(3, 1), cosine(3, w(1, 5)), sine(3, w(2, 5)), cosine(3, w(3, 5)), sine(3, w(4, 5))}) <= kExact);
  CHECK(difference(row_at(presets::opennn(5), 3), {sine(3, 1), sine(3, w(1, 2.5L)), cosine(3, 1), cosine(3, w(1, 2.5L)),
                                                   cosine(3, w(2, 2.5L))}) <= kExact);
}

TEMPLATE_TEST_CASE("any matrix, any scalar, no allocation", "[sinusoidal][grid]", float, double, Eigen::half) {
  const auto encoding = presets::moco_v3(32);
  const auto positions = posenc::grid_positions({3, 4});
  RowMajor exact(12, 32);
  posenc::encode_sinusoidal(exact, encoding, positions);
  const double unit = std::is_same_v<TestType, double> ? 0 : std::is_same_v<TestType, float> ? 0x1p-24 : 0x1p-11;
  Eigen::Matrix<TestType, Eigen::Dynamic, Eigen::Dynamic> column_major(12, 32), transposed(32, 12);
  posenc::encode_sinusoidal(column_major, encoding, positions);
  posenc::encode_sinusoidal(transposed.transpose(), encoding, positions);
  CHECK(column_major == transposed.transpose());
  CHECK((column_major.template cast<double>() - exact).cwiseAbs().maxCoeff() <= unit);
  if (!posenc_tests::skip_without_allocation_count("sinusoids on several axes")) {
    CHECK(posenc_tests::count_allocations([&] {
            posenc::encode_sinusoidal(column_major, encoding, positions);
            posenc::add_sinusoidal(column_major.middleRows(2, 1), encoding, positions.row(2));
          }) == 0);
  }
  CHECK(column_major(2, 0) == TestType(2 * exact(2, 0)));  // twice a value: one rounding is both roundings
}

TEST_CASE("lists of channels are checked", "[sinusoidal][grid][bad_input]") {
  const posenc::AxialFrequencies two = posenc::axial_frequencies({1, 1}, 100);
  CHECK_NOTHROW(SinusoidalGridEncoding(4, two, {{0, 2}, {1, 3}, {}}));
  CHECK_THROWS_AS(SinusoidalGridEncoding(0, two, {{0, 2}, {1, 3}, {}}), std::invalid_argument);
  CHECK_THROWS_AS(SinusoidalGridEncoding(4, two, {{0}, {1, 3}, {}}), std::invalid_argument);
  CHECK_THROWS_AS(SinusoidalGridEncoding(4, two, {{0, 2}, {1, 2}, {}}), std::invalid_argument);
  CHECK_THROWS_AS(SinusoidalGridEncoding(4, two, {{0, 2}, {1, 4}, {}}), std::out_of_range);
  CHECK_THROWS_AS(SinusoidalGridEncoding(4, two, {{0, -2}, {1, 3}, {}}), std::out_of_range);
  CHECK_THROWS_AS(SinusoidalGridEncoding(4, two, {{0, 2}, {1, 3}, {-1}}), std::invalid_argument);
  RowMajor x = RowMajor::Constant(6, 8, 1.5);
  const RowMajor before = x;
  CHECK_THROWS_AS(posenc::encode_sinusoidal(x, presets::mae(8), posenc::grid_positions({6})), std::invalid_argument);
  CHECK_THROWS_AS(posenc::encode_sinusoidal(x, presets::mae(8), posenc::grid_positions({2, 2})), std::invalid_argument);
  CHECK_THROWS_AS(posenc::add_sinusoidal(x, presets::mae(4), posenc::grid_positions({2, 3})), std::invalid_argument);
  CHECK(x == before);
}

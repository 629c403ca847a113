// SPDX-License-Identifier: MIT
/// Sinusoidal encodings against the outputs of the source articles and the numbers in other projects' test suites.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"
#include "support/printed.hpp"
#include "support/worst.hpp"

namespace {

using posenc::PositionRange;
using posenc::SinusoidalEncoding;
using posenc_tests::RowMatrixXd;
using posenc_tests::Worst;
namespace presets = posenc::presets;

/// A pipeline in floats of unit roundoff u forms p * w, w = base^-e, from a rounded exponent (e ln base roundings of
/// w), a power, a division and a product; then its sin or cos is off by an ulp of 1 and rounded once more.
double pipeline_error(double angle, double base, double u) {
  return std::abs(angle) * u * (3 + std::log(base)) + 1.5 * u;
}
double float_error(double angle, double base) { return pipeline_error(angle, base, 0x1p-24); }
double double_error(double angle, double base) { return pipeline_error(angle, base, 0x1p-53); }
/// What posenc promises for doubles.
double promised_error(double angle) { return 0x1p-50 + std::abs(angle) * 0x1p-51; }

RowMatrixXd peer(const std::string& name, const std::string& file = "expected") {
  return posenc_tests::read_csv(posenc_tests::data_dir() + "/peers/" + name + "/" + file + ".csv");
}

/// `ours` printed with so many decimals, after a float32 pipeline whose largest angle is given.
void check_decimals(const RowMatrixXd& ours, const RowMatrixXd& printed, int decimals, double largest_angle) {
  REQUIRE(ours.rows() == printed.rows());
  REQUIRE(ours.cols() == printed.cols());
  const double bound = 0.5 * std::pow(10.0, -decimals) + float_error(largest_angle, 1e4);
  CHECK((ours - printed).cwiseAbs().maxCoeff() <= bound);
}

/// The same for significant digits.
void check_digits(const RowMatrixXd& ours, const RowMatrixXd& printed, int digits, double largest_angle) {
  REQUIRE(ours.rows() == printed.rows());
  REQUIRE(ours.cols() == printed.cols());
  Worst worst;
  for (Eigen::Index i = 0; i < ours.rows(); ++i) {
    for (Eigen::Index j = 0; j < ours.cols(); ++j) {
      worst.see(std::abs(ours(i, j) - printed(i, j)),
                posenc_tests::half_unit_of_digits(ours(i, j), digits) + float_error(largest_angle, 1e4), i, j);
    }
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
}

void check_row(const SinusoidalEncoding& encoding, std::int64_t position,
               const std::vector<posenc_tests::Printed>& expected) {
  const RowMatrixXd row = posenc::make_sinusoidal<double>(encoding, PositionRange(position, 1));
  REQUIRE(row.cols() == static_cast<Eigen::Index>(expected.size()));
  for (Eigen::Index j = 0; j < row.cols(); ++j) {
    const posenc_tests::Printed& printed = expected[static_cast<std::size_t>(j)];
    INFO("channel " << j << ": " << printed << ", got " << row(0, j));
    CHECK(printed.is(row(0, j)));
  }
}

}  // namespace

TEST_CASE("the tables of the source articles", "[sinusoidal][golden][portable]") {
  struct Article {
    const char* file;
    std::function<SinusoidalEncoding(Eigen::Index width, double base)> preset;
    bool in_float;
  };
  for (const Article& article : {Article{"sinusoidal_000.csv", presets::numpy_tutorial, false},
                                 Article{"sinusoidal_000_odd.csv", presets::numpy_tutorial, false},
                                 Article{"sinusoidal_003.csv", presets::paper, true},
                                 Article{"sinusoidal_004.csv", presets::tensorflow_tutorial, false}}) {
    INFO(article.file);
    const auto golden = posenc_tests::golden(std::string("articles/") + article.file);
    const auto expected = golden.block("table").matrix();
    const double base = golden.number("base");
    const auto ours =
        posenc::make_sinusoidal<double>(article.preset(expected.cols(), base), PositionRange(0, expected.rows()));
    Worst worst;
    for (Eigen::Index p = 0; p < expected.rows(); ++p) {
      for (Eigen::Index j = 0; j < expected.cols(); ++j) {
        const double angle = static_cast<double>(p) *
                             std::pow(base, -2.0 * static_cast<double>(j / 2) / static_cast<double>(expected.cols()));
        const double theirs = article.in_float ? float_error(angle, base) : double_error(angle, base);
        worst.see(std::abs(ours(p, j) - expected(p, j)), promised_error(angle) + theirs, p, j);
      }
    }
    INFO(worst.where());
    CHECK(worst.share() <= 1);
    worst.print(article.file);
  }
}

TEST_CASE("the articles differ in an odd width", "[sinusoidal]") {
  const auto zero = posenc::make_sinusoidal<double>(presets::numpy_tutorial(3, 100), PositionRange(0, 3));
  CHECK((zero.col(2).array() == 0).all());
  const auto sine = posenc::make_sinusoidal<double>(presets::tensorflow_tutorial(3), PositionRange(0, 3));
  for (Eigen::Index p = 0; p < 3; ++p) {
    const double angle = static_cast<double>(p) * std::pow(10000.0, -2.0 / 3);
    CHECK(std::abs(sine(p, 2) - std::sin(angle)) <= promised_error(angle) + double_error(angle, 1e4));
  }
  CHECK(sine(1, 2) > 0.002);
}

TEST_CASE("rows worked out by hand", "[sinusoidal][portable]") {
  check_row(presets::paper(4), 1, {".841470985", ".540302306", ".009999833", ".99995000"});
  check_row(presets::numpy_tutorial(3, 100), 1, {".84147098", ".54030231", "0"});
  check_row(presets::numpy_tutorial(3, 100), 2, {".90929743", "-.41614684", "0"});
  check_row(presets::tensor2tensor(4), 1, {".841470985", ".0001", ".540302306", ".999999995"});
  check_row(presets::tensor2tensor(5), 1, {".841471", ".0001", ".540302", "1.0", "0"});
  check_row(presets::diffusers_timestep(4, true, 0), 1, {".540302306", ".99995000", ".841470985", ".009999833"});
  check_row(presets::ggml_timestep(4), 1, {".540302306", ".99995000", ".841470985", ".009999833"});
}

TEST_CASE("CTranslate2", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of CTranslate2")) return;
  for (const char* name : {"ct2_sinusoidal_pos1_d4", "ct2_sinusoidal_pos1_d6"}) {
    INFO(name);
    RowMatrixXd x = peer(name, "input");
    const RowMatrixXd input = x;
    add_sinusoidal(x, presets::ctranslate2(x.cols()), posenc::starting_at(0));
    check_digits(x, peer(name), 6, 1);
    // Starting at position 0, as its relatives do, is not it.
    add_sinusoidal(x = input, presets::whisper(x.cols()), posenc::starting_at(0));
    CHECK((x - peer(name)).cwiseAbs().maxCoeff() > 0.1);
  }
}

TEST_CASE("tensor2tensor", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of tensor2tensor")) return;
  check_digits(posenc::make_sinusoidal<double>(presets::tensor2tensor(4), PositionRange(0, 3)),
               peer("t2t_sinusoidal_3x4"), 9, 2);
}

TEST_CASE("fairseq2", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of fairseq2")) return;
  // Row 0 is the padding row, and row r stands at position r - 1.
  constexpr std::int64_t padding = -1;
  const SinusoidalEncoding encoding = presets::fairseq(32, padding);
  RowMatrixXd ours(11, 32);
  encode_sinusoidal(ours, encoding, posenc::starting_at(padding));
  check_digits(ours, peer("fairseq2_sinusoidal_11x32"), 5, 9);
  CHECK((ours.row(0).array() == 0).all());
}

TEST_CASE("burn", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of burn")) return;
  check_decimals(posenc::make_sinusoidal<double>(presets::paper(6), PositionRange(0, 12)), peer("burn_sinusoidal_12x6"),
                 5, 11);
}

TEST_CASE("keras-hub", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of keras-hub")) return;
  check_decimals(posenc::make_sinusoidal<double>(presets::paper(4), PositionRange(0, 2)), peer("keras_sine_d4_pos0_1"),
                 5, 1);
}

TEST_CASE("RoFormer of transformers", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("sinusoids of RoFormer")) return;
  check_decimals(posenc::make_sinusoidal<double>(presets::transformer_xl(6), PositionRange(0, 2)),
                 peer("hf_roformer_sinusoidal_2x6"), 4, 1);
  const RowMatrixXd wide = posenc::make_sinusoidal<double>(presets::transformer_xl(512), PositionRange(0, 3));
  check_decimals(wide.leftCols(5), peer("hf_roformer_sinusoidal_d512_corner"), 4, 2);
}

TEST_CASE("timesteps of diffusers", "[sinusoidal][peers]") {
  if (posenc_tests::skip_without_data("timestep embeddings of diffusers")) return;
  // Of 128 timesteps and 64 channels, rows 23 to 25 and columns 47 to 49 are printed.
  const auto corner = [](const SinusoidalEncoding& encoding) -> RowMatrixXd {
    const Eigen::VectorXd timesteps = Eigen::VectorXd::LinSpaced(128, 0, 127);
    RowMatrixXd all(128, 64);
    encode_sinusoidal(all, encoding, timesteps);
    return all.block(23, 47, 3, 3);
  };
  check_decimals(corner(presets::diffusers_timestep(64, false, 1)), peer("diffusers_timestep_t1_ddpm"), 4, 25);
  check_decimals(corner(presets::diffusers_timestep(64, true, 0)), peer("diffusers_timestep_t2_ldm"), 4, 25);
  check_decimals(corner(presets::ggml_timestep(64)), peer("diffusers_timestep_t2_ldm"), 4, 25);
}

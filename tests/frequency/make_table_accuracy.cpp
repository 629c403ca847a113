// SPDX-License-Identifier: MIT
/// How far make_table() is from the true cosines and sines.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/reference.hpp"
#include "support/worst.hpp"

namespace {

using posenc::Frequencies;
using posenc::make_table;
using posenc_tests::Worst;

using Ids = Eigen::Array<std::int64_t, Eigen::Dynamic, 1>;

/// What make_table() promises at magnitude 1.
template <typename Scalar>
double promised_error(double angle) {
  const double fixed = std::is_same_v<Scalar, float> ? 0x1p-25 + 0x1p-40 : 0x1p-50;
  return fixed + std::abs(angle) * 0x1p-51;
}

Frequencies from_config(const posenc_tests::Golden& config) {
  const Frequencies plain = posenc::geometric_frequencies(static_cast<Eigen::Index>(config.number("rotary_dim")),
                                                          config.number("rope_theta"));
  if (!config.has("rope_type")) return plain;
  REQUIRE(config.text("rope_type") == "llama3");
  posenc::Llama3Options options;
  options.factor = config.number("factor");
  options.low_freq_factor = config.number("low_freq_factor");
  options.high_freq_factor = config.number("high_freq_factor");
  options.original_max_position_embeddings =
      static_cast<std::int64_t>(config.number("original_max_position_embeddings"));
  return scale_llama3(plain, options);
}

/// The golden angles use exact frequencies, posenc's are rounded to double: that moves an angle by up to |angle| 2^-53
/// for each half ulp, and the last term of the promise leaves room for it (the generator itself needs up to three
/// quarters).
template <typename Scalar>
void check_golden_table(const std::string& file) {
  const posenc_tests::Golden config = posenc_tests::golden("tables/" + file);
  const auto& positions = config.block("positions").values;
  const auto cos = config.block("cos").matrix();
  const auto sin = config.block("sin").matrix();
  const Frequencies frequencies = from_config(config);
  Ids ids(static_cast<Eigen::Index>(positions.size()));
  for (Eigen::Index row = 0; row < ids.size(); ++row) {
    ids[row] = static_cast<std::int64_t>(positions[static_cast<std::size_t>(row)]);
  }
  const auto table = make_table<Scalar>(frequencies, ids);
  REQUIRE(table.rows() == cos.rows());
  REQUIRE(table.num_pairs() == cos.cols());
  Worst worst;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index i = 0; i < table.num_pairs(); ++i) {
      const double bound = promised_error<Scalar>(static_cast<double>(ids[row]) * frequencies.inv_freq()[i]);
      worst.see(std::abs(static_cast<double>(table.cos()(row, i)) - cos(row, i)), bound, "cos", ids[row], i);
      worst.see(std::abs(static_cast<double>(table.sin()(row, i)) - sin(row, i)), bound, "sin", ids[row], i);
    }
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
  worst.print(file + (std::is_same_v<Scalar, float> ? ", float" : ", double"));
}

/// One kind of position, as the sweep draws it.
enum class Stratum { uniform, near_power_of_two, negative, beyond_31_bits };

std::int64_t draw(Stratum stratum, std::mt19937_64& random) {
  switch (stratum) {
    case Stratum::uniform: return static_cast<std::int64_t>(random() % ((1u << 24) + 1));
    case Stratum::near_power_of_two: {
      const std::int64_t power = std::int64_t(1) << (random() % 32);
      return power + static_cast<std::int64_t>(random() % 3) - 1;
    }
    case Stratum::negative: return -static_cast<std::int64_t>(random() % ((1u << 24) + 1));
    case Stratum::beyond_31_bits: break;
  }
  const std::int64_t size = static_cast<std::int64_t>(random() >> (7 + random() % 26));  // 2^31 ... 2^57
  return random() % 2 == 0 ? size : -size;
}

/// Frequencies of a random width in 8 ... 512 and a random base in 100 ... 1e7, both spread evenly over their logs.
Frequencies draw_frequencies(std::mt19937_64& random) {
  std::uniform_real_distribution<double> log_dim(std::log(4.0), std::log(257.0));
  std::uniform_real_distribution<double> log_base(std::log(1e2), std::log(1e7));
  const Eigen::Index pairs = (std::min)(static_cast<Eigen::Index>(std::exp(log_dim(random))), Eigen::Index(256));
  return posenc::geometric_frequencies(2 * pairs, std::exp(log_base(random)));
}

struct SweepErrors {
  Worst as_double;
  Worst as_float;
};

template <typename Positions>
void compare(const Frequencies& frequencies, const Positions& positions, SweepErrors& errors) {
  const auto in_double = make_table<double>(frequencies, positions);
  const auto in_float = make_table<float>(frequencies, positions);
  for (Eigen::Index row = 0; row < positions.size(); ++row) {
    const long double position = static_cast<long double>(positions[row]);
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      const double frequency = frequencies.inv_freq()[i];
      const posenc_tests::CosSin exact = posenc_tests::reference_cos_sin(position, frequency);
      const double angle = static_cast<double>(position) * frequency;
      const auto see = [&](Worst& worst, double bound, long double value, long double truth) {
        worst.see(static_cast<double>(std::abs(value - truth)), bound, static_cast<double>(position), frequency);
      };
      see(errors.as_double, promised_error<double>(angle), in_double.cos()(row, i), exact.cos);
      see(errors.as_double, promised_error<double>(angle), in_double.sin()(row, i), exact.sin);
      see(errors.as_float, promised_error<float>(angle), in_float.cos()(row, i), exact.cos);
      see(errors.as_float, promised_error<float>(angle), in_float.sin()(row, i), exact.sin);
    }
  }
}

void check(const SweepErrors& errors, const std::string& what) {
  INFO(errors.as_double.where() << errors.as_float.where());
  CHECK(errors.as_double.share() <= 1);
  CHECK(errors.as_float.share() <= 1);
  errors.as_double.print(what + ", double");
  errors.as_float.print(what + ", float");
}

}  // namespace

TEST_CASE("golden tables", "[frequency][table][golden][portable]") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(POSENC_GOLDEN_DIR) + "/tables")) {
    const std::string file = entry.path().filename().string();
    INFO(file);
    check_golden_table<float>(file);
    check_golden_table<double>(file);
    ++files;
  }
  CHECK(files >= 3);
}

TEST_CASE("a seeded sweep of positions, widths and bases", "[frequency][table][accuracy][sweep]") {
  if (posenc_tests::skip_without_reference("accuracy sweep of the table")) return;
  constexpr long kValues = 200000;
  std::mt19937_64 random(20240607);
  SweepErrors errors;
  SweepErrors far;
  while (errors.as_double.count() + far.as_double.count() < kValues) {
    const Frequencies frequencies = draw_frequencies(random);
    for (const Stratum stratum : {Stratum::uniform, Stratum::near_power_of_two, Stratum::negative}) {
      Ids positions(4);
      for (auto& position : positions) position = draw(stratum, random);
      compare(frequencies, positions, errors);
    }
    Ids positions(2);
    for (auto& position : positions) position = draw(Stratum::beyond_31_bits, random);
    compare(frequencies, positions, far);
    Eigen::ArrayXd real(4);
    for (auto& position : real) position = std::ldexp(static_cast<double>(random() >> 11), -29) - 0x1p23;
    compare(frequencies, real, errors);
  }
  check(errors, "positions to 2^31");
  check(far, "positions beyond 2^31");
}

TEST_CASE("the widths and bases at the ends of the range", "[frequency][table][accuracy][sweep]") {
  if (posenc_tests::skip_without_reference("ends of the range")) return;
  SweepErrors errors;
  Ids positions(5);
  positions << 1, 4095, 131071, 1000003, (1 << 24);
  for (const Eigen::Index dim : {8, 512}) {
    for (const double base : {1e2, 1e7}) compare(posenc::geometric_frequencies(dim, base), positions, errors);
  }
  // Positions at which p * inv_freq comes closest to a multiple of pi/2 (continued fractions of 2 inv_freq / pi).
  // Angles drawn at random, as above, would have to be 2^27 in number to come as close.
  constexpr double kClose = 0x1p-27;
  struct Hard {
    double base;
    Eigen::Index pair;
    std::int64_t position;
  };
  for (const Hard& hard : {Hard{1e4, 5, 4524508}, Hard{1e4, 20, 300281868}, Hard{5e5, 56, 5635343},
                           Hard{5e5, 19, 207310577}, Hard{1e6, 22, 5603947}, Hard{1e6, 45, 1640417123}}) {
    const Frequencies frequencies = posenc::geometric_frequencies(128, hard.base);
    compare(frequencies, Ids::Constant(1, hard.position).eval(), errors);
    const auto table = make_table<double>(frequencies, Ids::Constant(1, hard.position));
    CHECK((std::min)(std::abs(table.cos()(0, hard.pair)), std::abs(table.sin()(0, hard.pair))) < kClose);
  }
  compare(posenc::geometric_frequencies(128, 1e4), Ids::Constant(1, -(std::int64_t(1) << 57)).eval(), errors);
  check(errors, "ends of the range");
}

TEST_CASE("the magnitude scales values and bound alike", "[frequency][table]") {
  if (posenc_tests::skip_without_reference("table with a magnitude")) return;
  const double magnitude = 1.3465735902799727;
  const Frequencies frequencies = posenc::geometric_frequencies(64, 150000).with_magnitude(magnitude);
  // Values from 1 to A have a half ulp of 2^-24; A 2^-25 alone would not cover it.
  const double float_excess = 0x1p-24 / magnitude - 0x1p-25;
  const auto in_double = make_table<double>(frequencies, posenc::PositionRange(100000, 200));
  const auto in_float = make_table<float>(frequencies, posenc::PositionRange(100000, 200));
  CHECK(in_double.magnitude() == magnitude);
  Worst worst;
  for (Eigen::Index row = 0; row < 200; ++row) {
    for (Eigen::Index i = 0; i < 32; ++i) {
      const double frequency = frequencies.inv_freq()[i];
      const long double position = static_cast<long double>(100000 + row);
      const posenc_tests::CosSin exact = posenc_tests::reference_cos_sin(position, frequency);
      const double angle = static_cast<double>(position) * frequency;
      const auto see = [&](double bound, long double value, long double truth) {
        worst.see(static_cast<double>(std::abs(value - static_cast<long double>(magnitude) * truth)), magnitude * bound,
                  row, i);
      };
      see(promised_error<double>(angle), in_double.cos()(row, i), exact.cos);
      see(promised_error<double>(angle), in_double.sin()(row, i), exact.sin);
      see(promised_error<float>(angle) + float_excess, in_float.cos()(row, i), exact.cos);
      see(promised_error<float>(angle) + float_excess, in_float.sin()(row, i), exact.sin);
    }
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
}

TEST_CASE("anchors whose angles overflow give numbers", "[frequency][table]") {
  const Frequencies frequencies(Eigen::ArrayXd::Constant(3, 1e307).eval());
  for (const double position : {16.0, 17.5, -16.0}) {
    const auto table = make_table<double>(frequencies, Eigen::ArrayXd::Constant(1, position).eval());
    CHECK((table.cos().square() + table.sin().square() - 1).abs().maxCoeff() <= 0x1p-49);
  }
}

// SPDX-License-Identifier: MIT
/// AngleMode::float32 against its definition, bit for bit.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/reference.hpp"

namespace {

using posenc::AngleMode;
using posenc::CosSinStorage;
using posenc::Frequencies;
using posenc::TableOptions;

using Ids = Eigen::Array<std::int64_t, Eigen::Dynamic, 1>;

const TableOptions kFloat32{CosSinStorage::cos_sin, AngleMode::float32};

/// Entries that are not float(position) * float(inv_freq) rounded to float, then a correctly rounded cos or sin, then
/// the product with float(magnitude) rounded to float.
template <typename Positions>
long count_wrong(const Frequencies& frequencies, const Positions& positions) {
  const auto table = posenc::make_table<float>(frequencies, positions, kFloat32);
  const float magnitude = static_cast<float>(frequencies.magnitude());
  long wrong = 0;
  for (Eigen::Index row = 0; row < positions.size(); ++row) {
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      const float angle = static_cast<float>(positions[row]) * static_cast<float>(frequencies.inv_freq()[i]);
      float cosine;
      float sine;
      posenc_tests::correctly_rounded_cos_sin(angle, cosine, sine);
      if (table.cos()(row, i) != cosine * magnitude) ++wrong;
      if (table.sin()(row, i) != sine * magnitude) ++wrong;
    }
  }
  return wrong;
}

Ids to_ids(const std::vector<double>& values) {
  Ids ids(static_cast<Eigen::Index>(values.size()));
  for (Eigen::Index i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(values[static_cast<std::size_t>(i)]);
  return ids;
}

}  // namespace

TEST_CASE("float32 mode is the float product and correctly rounded functions", "[frequency][table][float32]") {
  if (posenc_tests::skip_without_wide_long_double("float32 mode")) return;
  const Frequencies llama = posenc::geometric_frequencies(128, 1e4);
  for (const char* file : {"llama-2-7b.csv", "llama-3.1-8b.csv", "small-dim-8.csv"}) {
    INFO(file);
    const auto config = posenc_tests::golden(std::string("tables/") + file);
    const Frequencies frequencies = posenc::geometric_frequencies(
        static_cast<Eigen::Index>(config.number("rotary_dim")), config.number("rope_theta"));
    const Ids ids = to_ids(config.block("positions").values);
    CHECK(count_wrong(frequencies, ids) == 0);
    CHECK(count_wrong(frequencies.with_magnitude(1.3465735902799727), ids) == 0);
  }
  std::mt19937_64 random(77);
  Ids ids(300);
  for (auto& id : ids) id = static_cast<std::int64_t>(random() >> (7 + random() % 57)) * (random() % 2 == 0 ? 1 : -1);
  CHECK(count_wrong(llama, ids) == 0);
  Eigen::ArrayXd real(300);
  for (auto& position : real) position = static_cast<double>(random()) * 0x1p-44 - 0x1p18;
  CHECK(count_wrong(llama.with_magnitude(1.19), real) == 0);
}

// All floats from 2^-13 to 2^128 were searched for a cos or sin so near the middle of two floats that rounding a libm
// result in double rounds twice, and wrongly. (Below 2^-13 they round to 1 and to the float next to the angle.)
TEST_CASE("float32 mode rounds once where rounding twice is wrong", "[frequency][table][float32]") {
  if (posenc_tests::skip_without_wide_long_double("hard cases of float32 mode")) return;
  const Frequencies hard(Eigen::Array3d(0x1.33333p+13, 0x1.3170fp+63, 0x1.2b9622p+67));
  for (const double magnitude : {1.0, 1.25}) {
    CHECK(count_wrong(hard.with_magnitude(magnitude), Ids::Ones(1).eval()) == 0);
    CHECK(count_wrong(hard.with_magnitude(magnitude), Ids::Constant(1, -1).eval()) == 0);
  }
  CHECK(posenc::make_table<float>(hard, posenc::PositionRange(1, 1), kFloat32).sin()(0, 0) == -0x1.63f4bap-2f);
}

TEST_CASE("float32 mode errs as float32 pipelines do, and exact mode does not", "[frequency][table][float32]") {
  const Frequencies frequencies = posenc::geometric_frequencies(128, 1e4);
  const posenc::PositionRange positions{1000000, 64};
  const auto exact = posenc::make_table<double>(frequencies, positions);
  const auto in_float = posenc::make_table<double>(frequencies, positions, kFloat32);
  // The float frequency is off by up to 2^-24 of itself and the product rounds again: |angle| 2^-23 in all, which at
  // 1e6 is 0.119. That it is not far less is what the other mode is for.
  const double error = (exact.cos().cast<double>() - in_float.cos().cast<double>()).abs().maxCoeff();
  CHECK(error <= 1000064 * 0x1p-23);
  CHECK(error >= 0.01);
  // doubles and half types hold what float32 mode made
  const auto stored = posenc::make_table<float>(frequencies, positions, kFloat32);
  CHECK((stored.cos().cast<double>() == in_float.cos()).all());
  const auto in_half = posenc::make_table<Eigen::half>(frequencies, positions, kFloat32);
  for (Eigen::Index i = 0; i < 64; ++i) CHECK(in_half.sin()(5, i) == Eigen::half(stored.sin()(5, i)));
}

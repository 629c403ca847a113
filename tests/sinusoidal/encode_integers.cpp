// SPDX-License-Identifier: MIT
/// encode_integers(): the position in every channel, rounded as promised.
#include <cmath>
#include <cstdint>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/encoder_properties.hpp"
#include "support/matrices.hpp"
#include "support/nearest.hpp"
#include "support/worst.hpp"

namespace {

using posenc::encode_integers;
using posenc::starting_at;
using posenc_tests::Ids;
using posenc_tests::Index;
using posenc_tests::RowMatrix;

}  // namespace

TEST_CASE("integers by hand", "[sinusoidal][integers][portable]") {
  RowMatrix<float> out(3, 2);
  encode_integers(out, 1, starting_at(-1));
  CHECK(out == (RowMatrix<float>(3, 2) << -1, -1, 0, 0, 1, 1).finished());
  encode_integers(out, 0.25, std::vector<double>{0.5, 3, -8});
  CHECK(out == (RowMatrix<float>(3, 2) << 0.125f, 0.125f, 0.75f, 0.75f, -2, -2).finished());
  RowMatrix<float> batch(6, 2);
  encode_integers(batch, 1, posenc::each_sequence(3, std::vector<int>{0, 100}));
  CHECK(batch.col(1) == (Eigen::VectorXf(6) << 0, 1, 2, 100, 101, 102).finished());
}

TEST_CASE("integers are rounded as promised", "[sinusoidal][integers]") {
  constexpr std::int64_t last = std::int64_t(1) << 57;
  posenc_tests::Worst worst;
  for (const double scale : {1.0, 1.0 / 3, -1e-3, 7.0}) {
    for (const std::int64_t position : {last, last - 1, last / 3, (std::int64_t(1) << 53) - 1, std::int64_t(1000003)}) {
      Eigen::RowVector2d row;
      encode_integers(row, scale, starting_at(position));
      const bool exact_position = position < (std::int64_t(1) << 53);
      // position = high + low, both exact in double; a product of two doubles and its fma remainder are exact together.
      const std::int64_t low = position % 1024;
      const double high_part = static_cast<double>(position - low) * scale;
      const double high_rest = std::fma(static_cast<double>(position - low), scale, -high_part);
      const double low_part = static_cast<double>(low) * scale;
      const double error = std::abs((row[1] - high_part) - low_part - high_rest);
      const double promised = std::abs(row[1]) * (exact_position ? 0x1p-53 : 0x1p-52);
      worst.see(error, promised * (1 + 0x1p-50) + std::abs(low_part) * 0x1p-52, scale, position);
      CHECK(row[0] == row[1]);
    }
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
}

TEMPLATE_TEST_CASE("integers in other scalars are the double, rounded once", "[sinusoidal][integers]", float,
                   Eigen::half, Eigen::bfloat16) {
  for (const std::int64_t position : {0, 1, 257, 2049, 4099, 60001}) {
    Eigen::Matrix<double, 1, 3> exact;
    Eigen::Matrix<TestType, 1, 3> row;
    encode_integers(exact, 1.0 / 3, starting_at(position));
    encode_integers(row, 1.0 / 3, starting_at(position));
    if constexpr (sizeof(TestType) == 2) {
      CHECK(posenc_tests::is_nearest(row[2], exact[2]));
    } else {
      CHECK(row[2] == static_cast<float>(exact[2]));
    }
  }
}

TEMPLATE_TEST_CASE("integers are an encoder", "[sinusoidal][integers][property]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const Ids ids = Ids::LinSpaced(33, 60, -4);
  posenc_tests::check_written_encoding<TestType>(
      33, 21, [](auto&& out, Index first) { encode_integers(out, 0.1, starting_at(first - 7)); });
  posenc_tests::check_written_encoding<TestType>(
      33, 21, [&](auto&& out, Index first) { encode_integers(out, 2, ids.segment(first, out.rows())); });
}

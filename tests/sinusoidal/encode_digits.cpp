// SPDX-License-Identifier: MIT
/// encode_digits(): the number formats of another language, digits by hand, every kind of position and matrix.
#include <cstdint>
#include <string>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/encoder_properties.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

namespace {

using posenc::encode_digits;
using posenc::starting_at;
using posenc_tests::Ids;
using posenc_tests::Index;
using posenc_tests::RowMatrix;

/// What digits stand for: their sum, each times its power of the base.
template <typename Row>
std::int64_t number_of(const Row& digits, std::int64_t base) {
  std::int64_t number = 0;
  for (Index i = digits.size() - 1; i >= 0; --i) number = number * base + static_cast<std::int64_t>(digits[i]);
  return number;
}

}  // namespace

TEMPLATE_TEST_CASE("digits are those that a number is printed with", "[sinusoidal][digits][golden][portable]", float,
                   double, Eigen::half, Eigen::bfloat16) {
  for (const char* name : {"binary", "octal", "decimal", "hexadecimal"}) {
    INFO(name);
    const auto golden = posenc_tests::golden(std::string("digits/") + name + ".csv");
    const auto expected = golden.block("digits").matrix();
    const Ids positions = golden.block("positions").matrix().cast<std::int64_t>();
    RowMatrix<TestType> out(expected.rows(), expected.cols());
    encode_digits(out, static_cast<int>(golden.number("base")), positions);
    CHECK(out.template cast<double>() == expected);
  }
}

TEST_CASE("digits by hand", "[sinusoidal][digits]") {
  RowMatrix<float> out(3, 4);
  encode_digits(out, 2, starting_at(6));
  CHECK(out == (RowMatrix<float>(3, 4) << 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1).finished());
  encode_digits(out, 10, std::vector<double>{1250, 7, 9999});
  CHECK(out == (RowMatrix<float>(3, 4) << 0, 5, 2, 1, 7, 0, 0, 0, 9, 9, 9, 9).finished());
  RowMatrix<float> none(1, 0);
  encode_digits(none, 2, starting_at(0));  // 0 is the one number without a digit
  CHECK(none.cols() == 0);
}

TEMPLATE_TEST_CASE("digits give their number back, to the last position and the largest base", "[sinusoidal][digits]",
                   float, double, Eigen::half, Eigen::bfloat16) {
  constexpr std::int64_t last = std::int64_t(1) << 57;
  constexpr std::int64_t positions[] = {0, 1, 255, 256, 65535, 1000000, last / 3, last - 1, last};
  Eigen::Matrix<TestType, 1, 58> row;
  for (const int base : {2, 3, 10, 60, 255, 256}) {
    for (const std::int64_t position : positions) {
      encode_digits(row, base, starting_at(position));
      CHECK(number_of(row.template cast<double>(), base) == position);
      CHECK((row.template cast<double>().array() < base).all());
      CHECK((row.template cast<double>().array() >= 0).all());
    }
  }
  Eigen::Matrix<double, 1, 2> two;
  encode_digits(two, std::int64_t(1) << 53, starting_at(last));
  CHECK(number_of(two, std::int64_t(1) << 53) == last);
}

TEST_CASE("every position below base^digits has digits of its own, and none beyond has any", "[sinusoidal][digits]") {
  for (const int base : {2, 3, 10}) {
    RowMatrix<float> all(base * base * base, 3);
    encode_digits(all, base, starting_at(0));
    for (Index p = 0; p < all.rows(); ++p) CHECK(number_of(all.row(p), base) == p);
    CHECK_THROWS_AS(encode_digits(all, base, starting_at(1)), std::out_of_range);
  }
}

TEST_CASE("digits of stacked sequences", "[sinusoidal][digits]") {
  RowMatrix<float> out(6, 3);
  const std::vector<int> starts = {0, 500};
  encode_digits(out, 10, posenc::each_sequence(3, starts));
  for (Index t = 0; t < 6; ++t) CHECK(number_of(out.row(t), 10) == (t < 3 ? t : 497 + t));
}

TEMPLATE_TEST_CASE("digits are an encoder", "[sinusoidal][digits][property]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const Ids ids = Ids::LinSpaced(33, 960, 0);
  for (const int base : {2, 10}) {
    posenc_tests::check_written_encoding<TestType>(
        33, 11, [&](auto&& out, Index first) { encode_digits(out, base, starting_at(5 + first)); });
    posenc_tests::check_written_encoding<TestType>(
        33, 11, [&](auto&& out, Index first) { encode_digits(out, base, ids.segment(first, out.rows())); });
  }
}

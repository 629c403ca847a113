// SPDX-License-Identifier: MIT
/// encode_sinusoidal() and add_sinusoidal() from a kept table: the numbers that positions give, and what is refused.
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

namespace {

using posenc::ChannelOrder;
using posenc::CosSinStorage;
using posenc::each_sequence;
using posenc::from_row;
using posenc::make_table;
using posenc::PositionRange;
using posenc::rows;
using posenc::SinusoidalEncoding;
using posenc::starting_at;
using posenc_tests::ColumnMatrix;
using posenc_tests::random_matrix;
using posenc_tests::RowMatrix;
using posenc_tests::same_bits;
namespace presets = posenc::presets;

posenc::TableOptions stored_as(CosSinStorage storage) {
  posenc::TableOptions options;
  options.storage = storage;
  return options;
}

const CosSinStorage kStorages[] = {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated};

/// Every order, both kinds of odd width, widths around the blocks of 16 pairs, an amplitude, a shifted first position.
std::vector<SinusoidalEncoding> encodings() {
  std::vector<SinusoidalEncoding> all;
  for (const Eigen::Index width : {2, 31, 33, 64, 130}) {
    all.push_back(presets::tensorflow_tutorial(width));
    all.push_back(presets::numpy_tutorial(width));
    all.push_back(presets::tensor2tensor(width));
    all.push_back(presets::ggml_timestep(width));
    all.push_back(presets::fairseq(width, 1));
  }
  all.push_back(presets::x_transformers(64));
  all.push_back(presets::ctranslate2(64));
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("a kept table gives the numbers of positions, bit for bit", "[sinusoidal][kept]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  for (const SinusoidalEncoding& encoding : encodings()) {
    RowMatrix<TestType> expected(20, encoding.width());
    encode_sinusoidal(expected, encoding, starting_at(11));
    for (const CosSinStorage storage : kStorages) {
      INFO("width " << encoding.width() << ", order " << static_cast<int>(encoding.options().order) << ", storage "
                    << static_cast<int>(storage));
      const auto table = make_table<TestType>(encoding.frequencies(), PositionRange(-3, 60), stored_as(storage));
      RowMatrix<TestType> out(20, encoding.width());
      encode_sinusoidal(out, table, encoding, starting_at(11));
      CHECK(same_bits(out, expected));
      ColumnMatrix<TestType> column_major(20, encoding.width());
      encode_sinusoidal(column_major, table.view(), encoding, starting_at(11));
      CHECK(same_bits(column_major, expected));
    }
  }
}

TEMPLATE_TEST_CASE("a kept table is added with one rounding", "[sinusoidal][kept]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  for (const SinusoidalEncoding& encoding : encodings()) {
    RowMatrix<TestType> row(20, encoding.width());
    encode_sinusoidal(row, encoding, starting_at(11));
    const RowMatrix<TestType> x = random_matrix<TestType>(20, encoding.width(), 3);
    // Formed in float, of doubles in double, and rounded once.
    using Number = std::conditional_t<std::is_same_v<TestType, double>, double, float>;
    const RowMatrix<TestType> expected =
        (x.template cast<Number>() + row.template cast<Number>()).template cast<TestType>();
    for (const CosSinStorage storage : kStorages) {
      const auto table = make_table<TestType>(encoding.frequencies(), PositionRange(0, 60), stored_as(storage));
      RowMatrix<TestType> sum = x;
      add_sinusoidal(sum, table, encoding, starting_at(11));
      ColumnMatrix<TestType> column_major = x;
      add_sinusoidal(column_major, table, encoding, starting_at(11));
      CHECK(same_bits(column_major, sum));
      CHECK(same_bits(sum, expected));
    }
  }
}

TEST_CASE("Marian's embedding scale is applied with a kept table", "[sinusoidal][kept]") {
  const SinusoidalEncoding encoding = presets::marian(64);
  const auto table = make_table<double>(encoding.frequencies(), PositionRange(0, 10));
  RowMatrix<double> x = random_matrix(6, 64, 1);
  RowMatrix<double> expected(6, 64);
  encode_sinusoidal(expected, encoding, starting_at(2));
  expected += 8 * x;  // sqrt(64), a power of two: exact
  add_sinusoidal(x, table, encoding, starting_at(2));
  CHECK(same_bits(x, expected));
}

TEST_CASE("positions and rows of a kept table", "[sinusoidal][kept]") {
  const SinusoidalEncoding encoding = presets::ctranslate2(34);  // first_position 1
  const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 30));
  RowMatrix<float> whole(30, 34);  // row i: of position i, first_position not added
  encode_sinusoidal(whole, encoding, starting_at(-1));
  RowMatrix<float> out(6, 34);
  const auto is = [&](const std::vector<int>& expected) {
    for (Eigen::Index i = 0; i < 6; ++i) {
      if (!same_bits(out.row(i), whole.row(expected[static_cast<std::size_t>(i)]))) return false;
    }
    out.setZero();
    return true;
  };
  encode_sinusoidal(out, table, encoding, starting_at(4));
  CHECK(is({5, 6, 7, 8, 9, 10}));
  encode_sinusoidal(out, table, encoding, PositionRange(4, 6));
  CHECK(is({5, 6, 7, 8, 9, 10}));
  encode_sinusoidal(out, table, encoding, std::vector<int>{0, 0, 28, 3, 2, 1});
  CHECK(is({1, 1, 29, 4, 3, 2}));
  encode_sinusoidal(out, table, encoding, each_sequence(3, starting_at(4)));
  CHECK(is({5, 6, 7, 5, 6, 7}));
  encode_sinusoidal(out, table, encoding, each_sequence(3, std::vector<int>{4, 0}));
  CHECK(is({5, 6, 7, 1, 2, 3}));
  encode_sinusoidal(out, table, encoding, from_row(5));
  CHECK(is({5, 6, 7, 8, 9, 10}));
  encode_sinusoidal(out, table, encoding, rows(std::vector<int>{0, 1, 2, 9, 8, 29}));
  CHECK(is({0, 1, 2, 9, 8, 29}));
}

TEST_CASE("padding with a kept table", "[sinusoidal][kept]") {
  const SinusoidalEncoding encoding = presets::fairseq(40, 1);
  const std::vector<int> ids = {2, 3, 1, 4, 1};
  const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 30));
  RowMatrix<float> expected = RowMatrix<float>::Constant(5, 40, 7);
  RowMatrix<float> out = expected;
  encode_sinusoidal(expected, encoding, ids);
  encode_sinusoidal(out, table, encoding, ids);
  CHECK(same_bits(out, expected));
  CHECK((out.row(2).array() == 0).all());
  // A table of listed positions does not tell which of its rows is padding.
  const auto listed = make_table<float>(encoding.frequencies(), Eigen::VectorXi::LinSpaced(5, 2, 6));
  CHECK_THROWS_AS(encode_sinusoidal(out, listed, encoding, from_row(0)), std::invalid_argument);
}

TEST_CASE("what a kept table is refused for", "[sinusoidal][kept]") {
  const SinusoidalEncoding encoding = presets::paper(32);
  RowMatrix<float> x = RowMatrix<float>::Constant(4, 32, 1.5f);
  const RowMatrix<float> before = x;
  const auto message = [&](const auto& table, const SinusoidalEncoding& of, const auto& positions) -> std::string {
    try {
      add_sinusoidal(x, table, of, positions);
    } catch (const std::exception& e) {
      return e.what();
    }
    return "nothing";
  };
  const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 8));
  CHECK(
      message(make_table<float>(posenc::geometric_frequencies(32, 500), PositionRange(0, 8)), encoding, starting_at(0))
          .find("posenc::add_sinusoidal: table.id() must be ") == 0);
  CHECK(message(table, presets::whisper(32), starting_at(0)).find("posenc::add_sinusoidal: table.id() must be ") == 0);
  posenc::TableOptions float32;
  float32.angles = posenc::AngleMode::float32;
  CHECK(message(make_table<float>(encoding.frequencies(), PositionRange(0, 8), float32), encoding, starting_at(0))
            .find("posenc::add_sinusoidal: table.id() must be ") == 0);
  posenc::SinusoidalOptions options = encoding.options();
  options.amplitude = -1;
  CHECK(message(table, SinusoidalEncoding(32, options), starting_at(0)) ==
        "posenc::add_sinusoidal: amplitude must be > 0 where a table is read, got -1");
  CHECK(message(table, encoding, starting_at(5)).find("posenc::add_sinusoidal: starting_at() must be in [0, 4]") == 0);
  CHECK(message(table, encoding, PositionRange(0, 3)) ==
        "posenc::add_sinusoidal: positions.count() must be x.rows() 4, got 3");
  CHECK(message(table, encoding, from_row(5)).find("posenc::add_sinusoidal: from_row() must be in [0, 4]") == 0);
  CHECK(x == before);
}

TEST_CASE("a kept table is written and added without an allocation", "[sinusoidal][kept][allocations]") {
  if (posenc_tests::skip_without_allocation_count("allocations of kept sinusoids")) return;
  const SinusoidalEncoding encoding = presets::fairseq(130);
  const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 60));
  RowMatrix<float> x(20, 130);
  ColumnMatrix<Eigen::half> halves(20, 130);
  const std::vector<int> ids(20, 3);
  CHECK(posenc_tests::count_allocations([&] {
          encode_sinusoidal(x, table, encoding, starting_at(9));
          add_sinusoidal(x, table, encoding, ids);
          add_sinusoidal(halves, table, encoding, each_sequence(10, starting_at(9)));
        }) == 0);
}

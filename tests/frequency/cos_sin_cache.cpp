// SPDX-License-Identifier: MIT
/// wrap_cache() and write_cache(): the cos/sin caches of other codebases.
#include <cstdint>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::CosSinStorage;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::make_table;
using posenc::PositionRange;

template <typename Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

const CosSinStorage kTableStorages[] = {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated};
const CosSinStorage kOneArray[] = {CosSinStorage::cos_sin, CosSinStorage::sin_cos, CosSinStorage::paired,
                                   CosSinStorage::tiled, CosSinStorage::repeated};
const CosSinStorage kTwoArrays[] = {CosSinStorage::cos_sin, CosSinStorage::tiled, CosSinStorage::repeated};

bool holds_twice(CosSinStorage storage) {
  return storage == CosSinStorage::tiled || storage == CosSinStorage::repeated;
}

template <typename A, typename B>
bool same_numbers(const A& a, const B& b) {
  return (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
}

}  // namespace

TEST_CASE("a cache in two arrays takes a matrix and a block", "[frequency][cache]") {
  const auto table = make_table<float>(posenc::geometric_frequencies(8, 1e4), posenc::PositionRange(3, 2));
  Eigen::MatrixXf cos(2, 4), both(2, 8);
  posenc::write_cache(cos, both.rightCols(4), table, CosSinStorage::cos_sin);
  CHECK((cos.array() == table.cos()).all());
  CHECK((both.rightCols(4).array() == table.sin()).all());
}

TEMPLATE_TEST_CASE("a cache in one array is written, wrapped without a copy, and read back", "[frequency][cache]",
                   float, double, Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 6;
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4).with_magnitude(1.5);
  for (const CosSinStorage table_storage : kTableStorages) {
    const auto table = make_table<TestType>(frequencies, posenc::PositionRange(1000, rows), {table_storage});
    for (const CosSinStorage storage : kOneArray) {
      INFO("cache storage " << static_cast<int>(storage));
      const Eigen::Index width = holds_twice(storage) ? 4 * pairs : 2 * pairs;
      RowMajor<TestType> cache(rows, width);
      write_cache(cache, table, storage);
      // Every column of the pictures of CosSinStorage, written out for five pairs.
      const char* const picture = storage == CosSinStorage::cos_sin   ? "c0c1c2c3c4s0s1s2s3s4"
                                  : storage == CosSinStorage::sin_cos ? "s0s1s2s3s4c0c1c2c3c4"
                                  : storage == CosSinStorage::paired  ? "c0s0c1s1c2s2c3s3c4s4"
                                  : storage == CosSinStorage::tiled   ? "c0c1c2c3c4c0c1c2c3c4s0s1s2s3s4s0s1s2s3s4"
                                                                      : "c0c0c1c1c2c2c3c3c4c4s0s0s1s1s2s2s3s3s4s4";
      for (Eigen::Index j = 0; j < width; ++j) {
        const Eigen::Index pair = picture[2 * j + 1] - '0';
        CHECK(cache(4, j) == (picture[2 * j] == 'c' ? table.cos() : table.sin())(4, pair));
      }
      const auto wrapped = posenc::wrap_cache(cache.data(), rows, 2 * pairs, storage, 1.5);
      CHECK(same_numbers(wrapped, table));
      CHECK(wrapped.magnitude() == 1.5);
      CHECK(wrapped.storage() == storage);
      CHECK(wrapped.rows() == rows);
      CHECK(wrapped.num_pairs() == pairs);
      CHECK(wrapped.id() == 0);
      CHECK(wrapped.first_position() == std::nullopt);
      // It points into the caller's memory: what is written there is read here, also by a copy.
      const auto copy = wrapped;
      CHECK((wrapped.cos_data(0) >= cache.data() && wrapped.cos_data(rows - 1) < cache.data() + cache.size()));
      cache(2, wrapped.sin_data(2) + wrapped.pair_stride() - &cache(2, 0)) = TestType(42);
      CHECK(wrapped.sin()(2, 1) == TestType(42));
      CHECK(copy.sin()(2, 1) == TestType(42));
    }
  }
}

TEMPLATE_TEST_CASE("a cache in two arrays is written, wrapped without a copy, and read back", "[frequency][cache]",
                   float, double, Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 6;
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4).with_magnitude(1.5);
  for (const CosSinStorage table_storage : kTableStorages) {
    const auto table = make_table<TestType>(frequencies, posenc::PositionRange(1000, rows), {table_storage});
    for (const CosSinStorage storage : kTwoArrays) {
      INFO("cache storage " << static_cast<int>(storage));
      const Eigen::Index columns = storage == CosSinStorage::cos_sin ? pairs : 2 * pairs;
      RowMajor<TestType> cos(rows, columns);
      RowMajor<TestType> sin(rows, columns);
      write_cache(cos, sin, table, storage);
      for (Eigen::Index j = 0; j < columns; ++j) {
        const Eigen::Index i = storage == CosSinStorage::repeated ? j / 2 : j < pairs ? j : j - pairs;
        CHECK(cos(4, j) == table.cos()(4, i));
        CHECK(sin(4, j) == table.sin()(4, i));
      }
      const auto wrapped = posenc::wrap_cache(cos.data(), sin.data(), rows, 2 * pairs, storage, 1.5);
      CHECK(same_numbers(wrapped, table));
      CHECK(wrapped.magnitude() == 1.5);
      CHECK(wrapped.storage() == storage);
      CHECK(wrapped.cos_data(0) == cos.data());
      CHECK(wrapped.sin_data(0) == sin.data());
      CHECK(wrapped.cos_data(rows - 1) == cos.data() + (rows - 1) * columns);
      sin(2, storage == CosSinStorage::repeated ? 2 : 1) = TestType(42);
      CHECK(wrapped.sin()(2, 1) == TestType(42));
    }
  }
}

TEMPLATE_TEST_CASE("a cache whose two copies of a number differ is refused", "[frequency][cache]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 3;
  constexpr Eigen::Index pairs = 5;
  const auto table =
      make_table<TestType>(posenc::geometric_frequencies(2 * pairs, 1e4), posenc::PositionRange(1000, rows));
  for (const CosSinStorage storage : {CosSinStorage::tiled, CosSinStorage::repeated}) {
    RowMajor<TestType> cos(rows, 2 * pairs), sin(rows, 2 * pairs);
    write_cache(cos, sin, table, storage);
    for (Eigen::Index row = 0; row < rows; ++row) {
      for (Eigen::Index j = 0; j < 2 * pairs; ++j) {
        for (RowMajor<TestType>* const array : {&cos, &sin}) {
          const TestType given = (*array)(row, j);
          (*array)(row, j) = given + TestType(0.25);
          CHECK_THROWS_AS(posenc::wrap_cache(cos.data(), sin.data(), rows, 2 * pairs, storage, 1),
                          std::invalid_argument);
          (*array)(row, j) = given;
        }
      }
    }
    CHECK(same_numbers(posenc::wrap_cache(cos.data(), sin.data(), rows, 2 * pairs, storage, 1), table));
    RowMajor<TestType> both(rows, 4 * pairs);
    write_cache(both, table, storage);
    CHECK(same_numbers(posenc::wrap_cache(both.data(), rows, 2 * pairs, storage, 1), table));
    both(2, 4 * pairs - 1) = TestType(2);
    CHECK_THROWS_AS(posenc::wrap_cache(both.data(), rows, 2 * pairs, storage, 1), std::invalid_argument);
  }
}

TEST_CASE("wrapping allocates nothing and takes no rows", "[frequency][cache]") {
  const std::vector<float> cache(160, 0.5f);
  if (posenc_tests::kCountsAllocations) {
    CHECK(posenc_tests::count_allocations([&] {
            for (const CosSinStorage storage : kOneArray) posenc::wrap_cache(cache.data(), 10, 8, storage, 1);
            for (const CosSinStorage storage : kTwoArrays) {
              posenc::wrap_cache(cache.data(), cache.data() + 80, 10, 8, storage, 1);
            }
          }) == 0);
    const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
    float read = 0;
    CHECK(posenc_tests::count_allocations([&] {
            const auto made = make_table<float>(frequencies, posenc::PositionRange(0, 5));
            read = made.cos()(0, 0);
          }) == 1);
    CHECK(read == 1);
  }
  const float* const none = nullptr;
  for (const CosSinStorage storage : kOneArray) CHECK(posenc::wrap_cache(none, 0, 8, storage, 1).rows() == 0);
  for (const CosSinStorage storage : kTwoArrays) CHECK(posenc::wrap_cache(none, none, 0, 8, storage, 1).rows() == 0);
}

TEST_CASE("caches of another scalar are rounded, in either storage order", "[frequency][cache]") {
  const Frequencies frequencies = posenc::geometric_frequencies(10, 1e4);
  const auto table = make_table<double>(frequencies, posenc::PositionRange(1000, 6));
  const auto in_float = make_table<float>(frequencies, posenc::PositionRange(1000, 6));
  const auto in_half = make_table<Eigen::half>(frequencies, posenc::PositionRange(1000, 6));
  const auto in_bfloat16 = make_table<Eigen::bfloat16>(frequencies, posenc::PositionRange(1000, 6));

  RowMajor<float> row_major(6, 10);
  write_cache(row_major, table, CosSinStorage::cos_sin);
  CHECK((row_major.leftCols(5).array() == in_float.cos()).all());
  Eigen::MatrixXf column_major(6, 10);
  write_cache(column_major, table, CosSinStorage::cos_sin);
  CHECK(column_major == row_major);
  Eigen::MatrixXf transposed(10, 6);
  write_cache(transposed.transpose(), table, CosSinStorage::cos_sin);
  CHECK(transposed.transpose() == row_major);
  RowMajor<float> wide = RowMajor<float>::Constant(8, 14, 7);
  write_cache(wide.block(1, 2, 6, 10), table, CosSinStorage::cos_sin);
  CHECK(wide.block(1, 2, 6, 10) == row_major);
  wide.block(1, 2, 6, 10).setConstant(7);
  CHECK((wide.array() == 7).all());  // nothing was written beside the block

  Eigen::Array<Eigen::half, Eigen::Dynamic, Eigen::Dynamic> half_cos(6, 5);
  Eigen::Array<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> bfloat16_sin(6, 5);
  write_cache(half_cos, bfloat16_sin, table, CosSinStorage::cos_sin);
  CHECK((half_cos == in_half.cos()).all());
  CHECK((bfloat16_sin == in_bfloat16.sin()).all());
  write_cache(row_major.leftCols(5), row_major.rightCols(5), table, CosSinStorage::cos_sin);
  CHECK(column_major == row_major);

  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> wider(6, 10);
  write_cache(wider, table, CosSinStorage::paired);
  CHECK(static_cast<double>(wider(3, 4)) == table.cos()(3, 2));
}

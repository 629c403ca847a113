// SPDX-License-Identifier: MIT
/// Where the numbers of a table lie, and the caches of other codebases.
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <posenc/frequency.hpp>

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::CacheLayout;
using posenc::CosSinLayout;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::make_table;
using posenc::TableLayout;

template <typename Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

const TableLayout kLayouts[] = {TableLayout::split, TableLayout::paired, TableLayout::doubled};
const CacheLayout kCacheLayouts[] = {CacheLayout::cos_sin, CacheLayout::sin_cos, CacheLayout::pairs};
const CosSinLayout kCosSinLayouts[] = {CosSinLayout::halves, CosSinLayout::doubled, CosSinLayout::doubled_adjacent};

bool is_aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % EIGEN_MAX_ALIGN_BYTES == 0; }

template <typename A, typename B>
bool same_numbers(const FrequencyTable<A>& a, const FrequencyTable<B>& b) {
  return (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
}

}  // namespace

TEMPLATE_TEST_CASE("all layouts hold the same numbers, in aligned rows", "[table][layout]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  for (const Eigen::Index pairs : {1, 3, 16, 17, 64, 65}) {
    INFO("pairs " << pairs);
    const Frequencies frequencies = posenc::spaced_frequencies(pairs, 1e4, static_cast<double>(pairs));
    const auto split = make_table<TestType>(frequencies, {100, 5});
    for (const TableLayout layout : kLayouts) {
      INFO("layout " << static_cast<int>(layout));
      const auto table = make_table<TestType>(frequencies, {100, 5}, {layout});
      CHECK(table.layout() == layout);
      CHECK(table.owns_data());
      CHECK(table.rotary_dim() == 2 * pairs);
      CHECK(same_numbers(table, split));
      bool aligned = true;
      bool where_it_says = true;
      bool doubled = true;
      for (Eigen::Index row = 0; row < 5; ++row) {
        aligned = aligned && is_aligned(table.cos_data(row));
        if (layout != TableLayout::paired) aligned = aligned && is_aligned(table.sin_data(row));
        for (Eigen::Index i = 0; i < pairs; ++i) {
          const TestType* const cosine = table.cos_data(row) + i * table.pair_stride();
          const TestType* const sine = table.sin_data(row) + i * table.pair_stride();
          where_it_says =
              where_it_says && cosine == &table.cos().coeffRef(row, i) && sine == &table.sin().coeffRef(row, i);
          if (layout == TableLayout::doubled) doubled = doubled && cosine[0] == cosine[1] && sine[0] == sine[1];
        }
      }
      CHECK(aligned);
      CHECK(where_it_says);
      CHECK(doubled);
      CHECK(table.cos_data(1) - table.cos_data(0) == table.row_stride());
      if (layout == TableLayout::paired) CHECK(table.sin_data(0) == table.cos_data(0) + 1);
    }
  }
}

TEST_CASE("a copy of a table has numbers of its own", "[table][layout]") {
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
  auto table = make_table<float>(frequencies, {3, 2});
  const FrequencyTable<float> copy = table;
  fill_table(table, frequencies, {50, 2});
  CHECK(copy.cos_data(0) != table.cos_data(0));
  CHECK(same_numbers(copy, make_table<float>(frequencies, {3, 2})));
  const FrequencyTable<float> zeros(2, 4);
  CHECK((zeros.cos() == 0).all());
  CHECK((zeros.sin() == 0).all());
}

TEST_CASE("a cache in two arrays takes a matrix and a block", "[cache]") {
  const auto table = make_table<float>(posenc::geometric_frequencies(8, 1e4), {3, 2});
  Eigen::MatrixXf cos(2, 4), both(2, 8);
  posenc::write_cos_sin(cos, both.rightCols(4), table, posenc::CosSinLayout::halves);
  CHECK((cos.array() == table.cos()).all());
  CHECK((both.rightCols(4).array() == table.sin()).all());
}

TEST_CASE("a table that was moved from is empty", "[table][layout]") {
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
  auto from = make_table<float>(frequencies, {3, 2});
  const auto expected = from;
  auto to = std::move(from);
  CHECK(from.rows() == 0);
  CHECK(from.cos().size() == 0);
  CHECK(same_numbers(to, expected));
  auto other = make_table<float>(posenc::geometric_frequencies(64, 1e4), {0, 5});
  other = std::move(to);
  CHECK(to.rows() == 0);
  CHECK(to.sin().size() == 0);
  CHECK(other.rows() == 2);
  CHECK(same_numbers(other, expected));
  from = other;
  CHECK(same_numbers(from, expected));
}

TEMPLATE_TEST_CASE("the padding of a table that was made is finite", "[table][layout]", float, Eigen::half) {
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4);
  for (const TableLayout layout : kLayouts) {
    const Eigen::Index row_stride = FrequencyTable<TestType>(1, pairs, {layout}).row_stride();
    for (int i = 0; i < 8; ++i) {  // the allocator hands out the same block again
      const auto used = Eigen::Array<TestType, Eigen::Dynamic, 1>::Constant(3 * row_stride, TestType(NAN)).eval();
      REQUIRE(std::isnan(static_cast<float>(used[3 * row_stride - 1])));
    }
    const auto table = make_table<TestType>(frequencies, {7, 3}, {layout});
    for (Eigen::Index i = 0; i < 3 * row_stride; ++i) {
      INFO(i);
      CHECK(std::abs(static_cast<float>(table.cos_data(0)[i])) <= 1);
    }
  }
}

TEMPLATE_TEST_CASE("a cache in one array is written, wrapped without a copy, and read back", "[cache]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 6;
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4).with_magnitude(1.5);
  for (const TableLayout table_layout : kLayouts) {
    const auto table = make_table<TestType>(frequencies, {1000, rows}, {table_layout});
    for (const CacheLayout layout : kCacheLayouts) {
      INFO("cache layout " << static_cast<int>(layout));
      RowMajor<TestType> cache(rows, 2 * pairs);
      write_cache(cache, table, layout);
      for (Eigen::Index i = 0; i < pairs; ++i) {
        const Eigen::Index c = layout == CacheLayout::cos_sin ? i : layout == CacheLayout::sin_cos ? pairs + i : 2 * i;
        const Eigen::Index s = layout == CacheLayout::cos_sin   ? pairs + i
                               : layout == CacheLayout::sin_cos ? i
                                                                : 2 * i + 1;
        CHECK(cache(4, c) == table.cos()(4, i));
        CHECK(cache(4, s) == table.sin()(4, i));
      }
      const auto wrapped = posenc::wrap_cache(cache.data(), rows, 2 * pairs, layout, 1.5);
      CHECK(same_numbers(wrapped, table));
      CHECK(wrapped.magnitude() == 1.5);
      CHECK_FALSE(wrapped.owns_data());
      CHECK(wrapped.rows() == rows);
      CHECK(wrapped.num_pairs() == pairs);
      // It points into the caller's memory: what is written there is read here, also by a copy.
      const auto copy = wrapped;
      CHECK((wrapped.cos_data(0) >= cache.data() && wrapped.cos_data(rows - 1) < cache.data() + cache.size()));
      cache(2, layout == CacheLayout::pairs ? 3 : layout == CacheLayout::cos_sin ? pairs + 1 : 1) = TestType(42);
      CHECK(wrapped.sin()(2, 1) == TestType(42));
      CHECK(copy.sin()(2, 1) == TestType(42));
    }
  }
}

TEMPLATE_TEST_CASE("a cache in two arrays is written, wrapped without a copy, and read back", "[cache]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 6;
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4).with_magnitude(1.5);
  for (const TableLayout table_layout : kLayouts) {
    const auto table = make_table<TestType>(frequencies, {1000, rows}, {table_layout});
    for (const CosSinLayout layout : kCosSinLayouts) {
      INFO("cache layout " << static_cast<int>(layout));
      const Eigen::Index columns = layout == CosSinLayout::halves ? pairs : 2 * pairs;
      RowMajor<TestType> cos(rows, columns);
      RowMajor<TestType> sin(rows, columns);
      write_cos_sin(cos, sin, table, layout);
      for (Eigen::Index j = 0; j < columns; ++j) {
        const Eigen::Index i = layout == CosSinLayout::doubled_adjacent ? j / 2 : j < pairs ? j : j - pairs;
        CHECK(cos(4, j) == table.cos()(4, i));
        CHECK(sin(4, j) == table.sin()(4, i));
      }
      const auto wrapped = posenc::wrap_cos_sin(cos.data(), sin.data(), rows, 2 * pairs, layout, 1.5);
      CHECK(same_numbers(wrapped, table));
      CHECK(wrapped.magnitude() == 1.5);
      CHECK_FALSE(wrapped.owns_data());
      CHECK(wrapped.cos_data(0) == cos.data());
      CHECK(wrapped.sin_data(0) == sin.data());
      CHECK(wrapped.cos_data(rows - 1) == cos.data() + (rows - 1) * columns);
      sin(2, layout == CosSinLayout::doubled_adjacent ? 2 : 1) = TestType(42);
      CHECK(wrapped.sin()(2, 1) == TestType(42));
    }
  }
}

TEST_CASE("wrapping allocates nothing and takes no rows", "[cache]") {
  const std::vector<float> cache(80, 0.5f);
  if (posenc_tests::kCountsAllocations) {
    CHECK(posenc_tests::count_allocations([&] {
            for (const CacheLayout layout : kCacheLayouts) posenc::wrap_cache(cache.data(), 10, 8, layout);
            for (const CosSinLayout layout : kCosSinLayouts) {
              posenc::wrap_cos_sin(cache.data(), cache.data() + 40, 5, 8, layout);
            }
          }) == 0);
    const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
    float read = 0;
    CHECK(posenc_tests::count_allocations([&] { read = make_table<float>(frequencies, {0, 5}).cos()(0, 0); }) == 1);
    CHECK(read == 1);
  }
  const float* const none = nullptr;
  for (const CacheLayout layout : kCacheLayouts) CHECK(posenc::wrap_cache(none, 0, 8, layout).rows() == 0);
  for (const CosSinLayout layout : kCosSinLayouts) CHECK(posenc::wrap_cos_sin(none, none, 0, 8, layout).rows() == 0);
}

TEST_CASE("caches of another scalar are rounded, in either storage order", "[cache]") {
  const Frequencies frequencies = posenc::geometric_frequencies(10, 1e4);
  const auto table = make_table<double>(frequencies, {1000, 6});
  const auto in_float = make_table<float>(frequencies, {1000, 6});
  const auto in_half = make_table<Eigen::half>(frequencies, {1000, 6});
  const auto in_bfloat16 = make_table<Eigen::bfloat16>(frequencies, {1000, 6});

  RowMajor<float> row_major(6, 10);
  write_cache(row_major, table, CacheLayout::cos_sin);
  CHECK((row_major.leftCols(5).array() == in_float.cos()).all());
  Eigen::MatrixXf column_major(6, 10);
  write_cache(column_major, table, CacheLayout::cos_sin);
  CHECK(column_major == row_major);
  Eigen::MatrixXf transposed(10, 6);
  write_cache(transposed.transpose(), table, CacheLayout::cos_sin);
  CHECK(transposed.transpose() == row_major);
  RowMajor<float> wide = RowMajor<float>::Constant(8, 14, 7);
  write_cache(wide.block(1, 2, 6, 10), table, CacheLayout::cos_sin);
  CHECK(wide.block(1, 2, 6, 10) == row_major);
  wide.block(1, 2, 6, 10).setConstant(7);
  CHECK((wide.array() == 7).all());  // nothing was written beside the block

  Eigen::Array<Eigen::half, Eigen::Dynamic, Eigen::Dynamic> half_cos(6, 5);
  Eigen::Array<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> bfloat16_sin(6, 5);
  write_cos_sin(half_cos, bfloat16_sin, table, CosSinLayout::halves);
  CHECK((half_cos == in_half.cos()).all());
  CHECK((bfloat16_sin == in_bfloat16.sin()).all());
  write_cos_sin(row_major.leftCols(5), row_major.rightCols(5), table, CosSinLayout::halves);
  CHECK(column_major == row_major);

  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> wider(6, 10);
  write_cache(wider, table, CacheLayout::pairs);
  CHECK(static_cast<double>(wider(3, 4)) == table.cos()(3, 2));
}

// SPDX-License-Identifier: MIT
/// FrequencyTable and FrequencyTableView: where the numbers lie, who owns them, and adjoint() and inverse().
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "posenc/frequency.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::CosSinStorage;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::FrequencyTableView;
using posenc::make_table;
using posenc::PositionRange;

const CosSinStorage kStorages[] = {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated};

bool is_aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % EIGEN_MAX_ALIGN_BYTES == 0; }

template <typename A, typename B>
bool same_numbers(const A& a, const B& b) {
  return (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
}

}  // namespace

TEMPLATE_TEST_CASE("all storages hold the same numbers, in aligned rows", "[frequency][table]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  for (const Eigen::Index pairs : {1, 3, 16, 17, 64, 65}) {
    INFO("pairs " << pairs);
    const Frequencies frequencies = posenc::spaced_frequencies(pairs, 1e4, static_cast<double>(pairs));
    const auto plain = make_table<TestType>(frequencies, posenc::PositionRange(100, 5));
    for (const CosSinStorage storage : kStorages) {
      INFO("storage " << static_cast<int>(storage));
      const auto table = make_table<TestType>(frequencies, posenc::PositionRange(100, 5), {storage});
      CHECK(table.storage() == storage);
      CHECK(table.rotary_dim() == 2 * pairs);
      CHECK(same_numbers(table, plain));
      bool aligned = true;
      bool where_it_says = true;
      bool repeated = true;
      for (Eigen::Index row = 0; row < 5; ++row) {
        aligned = aligned && is_aligned(table.cos_data(row));
        if (storage != CosSinStorage::paired) aligned = aligned && is_aligned(table.sin_data(row));
        for (Eigen::Index i = 0; i < pairs; ++i) {
          const TestType* const cosine = table.cos_data(row) + i * table.pair_stride();
          const TestType* const sine = table.sin_data(row) + i * table.pair_stride();
          where_it_says =
              where_it_says && cosine == &table.cos().coeffRef(row, i) && sine == &table.sin().coeffRef(row, i);
          if (storage == CosSinStorage::repeated) repeated = repeated && cosine[0] == cosine[1] && sine[0] == sine[1];
        }
      }
      CHECK(aligned);
      CHECK(where_it_says);
      CHECK(repeated);
      CHECK(table.cos_data(1) - table.cos_data(0) == table.row_stride());
      if (storage == CosSinStorage::paired) CHECK(table.sin_data(0) == table.cos_data(0) + 1);
    }
  }
}

TEST_CASE("a copy of a table has numbers of its own", "[frequency][table]") {
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
  auto table = make_table<float>(frequencies, posenc::PositionRange(3, 2));
  const FrequencyTable<float> copy = table;
  fill_table(table, frequencies, posenc::PositionRange(50, 2));
  CHECK(copy.cos_data(0) != table.cos_data(0));
  CHECK(same_numbers(copy, make_table<float>(frequencies, posenc::PositionRange(3, 2))));
  const FrequencyTable<float> zeros(2, 4);
  CHECK((zeros.cos() == 0).all());
  CHECK((zeros.sin() == 0).all());
}

TEST_CASE("a table that was moved from is empty", "[frequency][table]") {
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
  auto from = make_table<float>(frequencies, posenc::PositionRange(3, 2));
  const auto expected = from;
  auto to = std::move(from);
  CHECK(from.rows() == 0);
  CHECK(from.cos().size() == 0);
  CHECK(same_numbers(to, expected));
  auto other = make_table<float>(posenc::geometric_frequencies(64, 1e4), posenc::PositionRange(0, 5));
  other = std::move(to);
  CHECK(to.rows() == 0);
  CHECK(to.sin().size() == 0);
  CHECK(other.rows() == 2);
  CHECK(same_numbers(other, expected));
  from = other;
  CHECK(same_numbers(from, expected));
}

TEMPLATE_TEST_CASE("the padding of a table that was made is finite", "[frequency][table]", float, Eigen::half) {
  constexpr Eigen::Index pairs = 5;
  const Frequencies frequencies = posenc::geometric_frequencies(2 * pairs, 1e4);
  for (const CosSinStorage storage : kStorages) {
    const Eigen::Index row_stride = FrequencyTable<TestType>(1, pairs, {storage}).row_stride();
    for (int i = 0; i < 8; ++i) {  // the allocator hands out the same block again
      const auto used = Eigen::Array<TestType, Eigen::Dynamic, 1>::Constant(3 * row_stride, TestType(NAN)).eval();
      REQUIRE(std::isnan(static_cast<float>(used[3 * row_stride - 1])));
    }
    const auto table = make_table<TestType>(frequencies, posenc::PositionRange(7, 3), {storage});
    for (Eigen::Index i = 0; i < 3 * row_stride; ++i) {
      INFO(i);
      CHECK(std::abs(static_cast<float>(table.cos_data(0)[i])) <= 1);
    }
  }
}

TEST_CASE("a view refers to a table's numbers and knows what the table knows", "[frequency][table]") {
  const Frequencies frequencies = posenc::geometric_frequencies(24, 1e4).with_magnitude(1.25);
  for (const CosSinStorage storage : kStorages) {
    const auto table = make_table<float>(frequencies, posenc::PositionRange(7, 3), {storage});
    const FrequencyTableView<float> view = table.view();
    CHECK(same_numbers(view, table));
    for (Eigen::Index row = 0; row < 3; ++row) {
      CHECK(view.cos_data(row) == table.cos_data(row));
      CHECK(view.sin_data(row) == table.sin_data(row));
    }
    CHECK(view.rows() == 3);
    CHECK(view.num_pairs() == 12);
    CHECK(view.num_heads() == 1);
    CHECK(view.rotary_dim() == 24);
    CHECK(view.storage() == storage);
    CHECK(view.angles() == posenc::AngleMode::exact);
    CHECK(view.magnitude() == 1.25);
    CHECK(view.id() == table.id());
    CHECK(view.first_position() == 7);
    CHECK(view.view().cos_data(1) == view.cos_data(1));
  }
  const FrequencyTable<float> no_rows(0, 4);
  CHECK(no_rows.view().rows() == 0);
  static_assert(std::is_trivially_copyable_v<FrequencyTableView<float>>);
}

TEST_CASE("a table that was made of a range remembers its first position", "[frequency][table]") {
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4);
  CHECK(FrequencyTable<float>(3, 4).first_position() == std::nullopt);
  auto table = make_table<float>(frequencies, posenc::PositionRange(-40, 3));
  CHECK(table.first_position() == -40);
  fill_table(table, frequencies, posenc::PositionRange(std::int64_t(1) << 40, 3));
  CHECK(table.first_position() == std::int64_t(1) << 40);
  fill_table(table, frequencies, Eigen::Array3i(0, 1, 2));
  CHECK(table.first_position() == std::nullopt);
  CHECK(make_table<float>(frequencies, Eigen::Array3i(0, 1, 2)).first_position() == std::nullopt);
  const posenc::AxisMap axes = posenc::contiguous_axes({2, 2});
  CHECK(make_table<float>(frequencies, axes, Eigen::ArrayXXi::Zero(3, 2)).first_position() == std::nullopt);
  fill_table(table, frequencies, posenc::PositionRange(5, 3));
  fill_table(table, frequencies, axes, Eigen::ArrayXXi::Zero(3, 2));
  CHECK(table.first_position() == std::nullopt);
  CHECK(make_table<float>(frequencies, posenc::PositionRange(9, 0)).first_position() == 9);
}

TEST_CASE("adjoint() and inverse() rotate backward, with the scale of each", "[frequency][table]") {
  using posenc::RotationSense;
  const Frequencies frequencies = posenc::geometric_frequencies(8, 1e4).with_magnitude(1.5);
  const auto table = make_table<float>(frequencies, posenc::PositionRange(3, 2));
  const auto adjoint = table.adjoint();
  const auto inverse = table.inverse();
  static_assert(adjoint.sense == RotationSense::backward && inverse.sense == RotationSense::backward);
  CHECK(adjoint.scale() == 1);
  CHECK(inverse.scale() == 1 / 2.25);
  CHECK(adjoint.table().cos_data(1) == table.cos_data(1));
  CHECK(inverse.table().sin_data(1) == table.sin_data(1));
  // Of a temporary the result keeps the numbers, and takes them without a copy.
  auto moved = table;
  const float* const numbers = moved.cos_data(0);
  const auto kept = std::move(moved).adjoint();
  static_assert(std::is_same_v<decltype(kept.table()), const FrequencyTable<float>&>);
  CHECK(kept.table().cos_data(0) == numbers);
  CHECK(make_table<float>(frequencies, posenc::PositionRange(3, 2)).inverse().scale() == 1 / 2.25);
}

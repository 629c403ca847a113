// SPDX-License-Identifier: MIT
/// What every encoder must do, done by trained tables: all positions, all that may lie past the last row.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/encoder_properties.hpp"
#include "support/matrices.hpp"

#include <vector>

using namespace posenc_tests;
using posenc::each_sequence;
using posenc::LearnedTable;
using posenc::LookupOptions;
using posenc::Overflow;
using posenc::starting_at;

namespace {

const Overflow kOverflows[] = {Overflow::clamp, Overflow::zero, Overflow::hierarchical};

template <typename Scalar>
LearnedTable<Scalar> table_of(Index rows, Index width, Overflow overflow) {
  return LearnedTable<Scalar>(random_matrix<Scalar>(rows, width, 5), LookupOptions{overflow, 0.4, {}});
}

}  // namespace

TEMPLATE_TEST_CASE("trained tables are encoders", "[learnable][property]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  for (const Overflow overflow : kOverflows) {
    for (const Index width : {1, 16, 37}) {
      INFO("overflow " << static_cast<int>(overflow) << ", width " << width);
      const auto table = table_of<TestType>(20, width, overflow);
      check_encoder<TestType>(
          33, width, [&](auto&& out, Index first) { posenc::encode_learned(out, table, starting_at(first)); },
          [&](auto&& x, Index first) { posenc::add_learned(x, table, starting_at(first)); });
      Ids ids(33);
      for (Index i = 0; i < ids.size(); ++i) ids[i] = i * i * 7 % 60;
      check_encoder<TestType>(
          33, width,
          [&](auto&& out, Index first) { posenc::encode_learned(out, table, ids.segment(first, out.rows())); },
          [&](auto&& x, Index first) { posenc::add_learned(x, table, ids.segment(first, x.rows())); });
    }
  }
}

TEMPLATE_TEST_CASE("the gradient of a trained table is its adjoint", "[learnable][property][backward]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  const auto check = [](Overflow overflow, const auto& positions) {
    const LookupOptions options{overflow, 0.3, {}};
    check_adjoint<TestType>(
        random_matrix<TestType>(6, 17, 1), random_matrix<TestType>(24, 17, 2),
        [&](auto& out, const auto& values) {
          posenc::encode_learned(out, posenc::wrap_learned_table(values, options), positions);
        },
        [&](auto& grad, const auto& y) { posenc::learned_backward(grad, y, options, positions); });
  };
  std::vector<int> ids;
  for (int i = 0; i < 24; ++i) ids.push_back(i * i % 36);
  for (const Overflow overflow : kOverflows) {
    INFO("overflow " << static_cast<int>(overflow));
    check(overflow, starting_at(4));
    check(overflow, posenc::PositionRange(1, 24));
    check(overflow, ids);
    check(overflow, each_sequence(8, starting_at(2)));
    check(overflow, each_sequence(8, std::vector<unsigned char>{0, 9, 28}));
  }
  check(Overflow::error, each_sequence(6, starting_at(0)));
}

TEST_CASE("stacked sequences are the sequences one by one", "[learnable][property]") {
  const auto table = table_of<float>(20, 9, Overflow::error);
  const std::vector<int> starts = {3, 0, 15};
  RowMatrix<float> stacked(15, 9);
  posenc::encode_learned(stacked, table, each_sequence(5, starts));
  for (Index b = 0; b < 3; ++b) {
    RowMatrix<float> one(5, 9);
    posenc::encode_learned(one, table, starting_at(starts[static_cast<std::size_t>(b)]));
    CHECK(same_bits(stacked.middleRows(5 * b, 5), one));
  }
  posenc::encode_learned(stacked, table, each_sequence(5, starting_at(3)));
  for (Index b = 0; b < 3; ++b) CHECK(stacked.middleRows(5 * b, 5) == table.values().middleRows(3, 5));
}

TEST_CASE("lists of any integer type, in any container", "[learnable][property]") {
  const auto table = table_of<float>(300, 9, Overflow::error);
  RowMatrix<float> expected(3, 9);
  posenc::encode_learned(expected, table, std::vector<int>{7, 0, 255});
  const auto check = [&](const auto& list) {
    RowMatrix<float> out(3, 9);
    posenc::encode_learned(out, table, list);
    return same_bits(out, expected);
  };
  const unsigned short array[] = {7, 0, 255};
  CHECK(check(array));
  CHECK(check(std::vector<unsigned char>{7, 0, 255}));
  CHECK(check(std::vector<unsigned long long>{7, 0, 255}));
  CHECK(check(Eigen::Vector3i(7, 0, 255)));
  CHECK(check(Eigen::RowVector3i(7, 0, 255)));
  CHECK(check(Eigen::Array3i(7, 0, 254) + Eigen::Array3i(0, 0, 1)));
}

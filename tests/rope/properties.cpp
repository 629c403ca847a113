// SPDX-License-Identifier: MIT
/// What a rotation is: lengths stay, angles add, and scores depend on the distance alone, up to positions of 2^23.
#include "support/rotations.hpp"

#include <thread>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::each_sequence;
using posenc::FrequencyTable;
using posenc::make_table;
using posenc::RopeLayout;
using posenc::RopePairs;
using posenc::rows;
using posenc::starting_at;

namespace {

constexpr double kUnitRoundoff = 0x1p-24;
/// One rotation errs by 3 u (|a cos| + |b sin|) in each of two channels: at most sqrt(2) 3 u of the pair's length.
const double kOne = std::sqrt(2.0) * kRoundings * kUnitRoundoff;  // 4.25 u: the norm
const double kTwo = 2 * kOne;                                     // 8.49 u: there and back
const double kThree = 3 * kOne;                                   // 12.73 u: R(a) R(b) and R(a + b)
const double kFour = 4 * kOne;                                    // 16.97 u: two scores of two rotations each

constexpr Index kHeadDim = 128;
constexpr Index kHeads = 2;
constexpr Index kTokens = 8;
constexpr std::int64_t kShifts[] = {1, 1000, 131072, 1000000, 1 << 23};

const posenc::Frequencies& frequencies() {
  static const auto value = posenc::geometric_frequencies(kHeadDim, 1e4);
  return value;
}
FrequencyTable<float> table_at(std::int64_t first, Index count = kTokens, double magnitude = 1) {
  return make_table<float>(frequencies().with_magnitude(magnitude), posenc::PositionRange(first, count));
}
std::vector<RopeLayout> layouts() { return {RopeLayout::half_split(kHeadDim), RopeLayout::interleaved(kHeadDim)}; }
RowMatrix<float> queries(std::uint64_t seed) { return Noise(seed).matrix<float>(kTokens, kHeads * kHeadDim); }

/// head(x, token, h): one head as doubles.
template <typename X>
Eigen::RowVectorXd head(const X& x, Index token, Index h) {
  return x.row(token).segment(h * kHeadDim, kHeadDim).template cast<double>();
}
template <typename Body>
void for_each_head(Body&& body) {
  for (Index token = 0; token < kTokens; ++token) {
    for (Index h = 0; h < kHeads; ++h) body(token, h);
  }
}

}  // namespace

TEST_CASE("norms stay, and the inverse undoes", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    for (const std::int64_t shift : kShifts) {
      for (const double magnitude : {1.0, 1.1386}) {
        INFO("shift " << shift << ", magnitude " << magnitude);
        const RowMatrix<float> given = queries(1);
        const auto table = table_at(shift, kTokens, magnitude);
        RowMatrix<float> x = given;
        apply_rope(x, table, layout);
        for_each_head([&](Index token, Index h) {
          const double before = head(given, token, h).norm();
          REQUIRE(std::abs(head(x, token, h).norm() / before - magnitude) <= kOne * magnitude);
        });
        apply_rope(x, table.inverse(), layout);
        // With a magnitude the scaled table is rounded once more.
        const double bound = kTwo + (magnitude == 1 ? 0 : std::sqrt(2.0) * kUnitRoundoff);
        for_each_head([&](Index token, Index h) {
          const double before = head(given, token, h).norm();
          REQUIRE((head(x, token, h) - head(given, token, h)).norm() <= bound * before);
        });
      }
    }
  }
}

TEST_CASE("a score depends on the distance alone", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> q = queries(2);
    RowMatrix<float> k = queries(3);
    apply_rope(q, table_at(5), layout);
    apply_rope(k, table_at(0), layout);
    for (const std::int64_t shift : kShifts) {
      INFO("shift " << shift);
      RowMatrix<float> far_q = queries(2);
      RowMatrix<float> far_k = queries(3);
      apply_rope(far_q, table_at(5 + shift), layout);
      apply_rope(far_k, table_at(shift), layout);
      for_each_head([&](Index token, Index h) {
        const auto near_head = head(q, token, h);
        const auto far_head = head(far_q, token, h);
        for (Index key = 0; key < kTokens; ++key) {
          const double near_score = near_head.dot(head(k, key, h));
          const double far_score = far_head.dot(head(far_k, key, h));
          REQUIRE(std::abs(near_score - far_score) <= kFour * near_head.norm() * head(k, key, h).norm());
        }
      });
    }
  }
}

TEST_CASE("a score depends on the distance alone, at real positions", "[rope][properties]") {
  // Positions with 23 bits before the point have fractions of 1/8 that float could not hold.
  for (const RopeLayout& layout : layouts()) {
    const Eigen::ArrayXd near_positions = Eigen::ArrayXd::LinSpaced(kTokens, 0.125, 0.125 + 3.5);
    const Eigen::ArrayXd far_positions = near_positions + double(1 << 23);
    const auto scores = [&](const Eigen::ArrayXd& positions) {
      RowMatrix<float> q = queries(4);
      RowMatrix<float> k = queries(5);
      const auto table = make_table<float>(frequencies(), positions);
      apply_rope(q, table, layout);
      apply_rope(k, table, layout, rows(Eigen::ArrayXi::LinSpaced(static_cast<int>(kTokens), kTokens - 1, 0)));
      Eigen::ArrayXXd all(kTokens, kHeads);
      for_each_head([&](Index token, Index h) { all(token, h) = head(q, token, h).dot(head(k, token, h)); });
      return all;
    };
    const Eigen::ArrayXXd near_scores = scores(near_positions);
    const Eigen::ArrayXXd far_scores = scores(far_positions);
    const RowMatrix<float> q = queries(4);
    const RowMatrix<float> k = queries(5);
    for_each_head([&](Index token, Index h) {
      const double lengths = head(q, token, h).norm() * head(k, token, h).norm();
      REQUIRE(std::abs(near_scores(token, h) - far_scores(token, h)) <= kFour * lengths);
    });
  }
}

TEST_CASE("rotations add up", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    for (const std::int64_t shift : kShifts) {
      INFO("shift " << shift);
      const RowMatrix<float> given = queries(6);
      RowMatrix<float> twice = given;
      apply_rope(twice, table_at(11), layout);
      // Every token moves by the same shift: row 0 for all.
      apply_rope(twice, table_at(shift, 1), layout, each_sequence(1));
      RowMatrix<float> once = given;
      apply_rope(once, table_at(11 + shift), layout);
      for_each_head([&](Index token, Index h) {
        const double bound = kThree * head(given, token, h).norm();
        REQUIRE((head(twice, token, h) - head(once, token, h)).norm() <= bound);
      });
    }
  }
}

TEST_CASE("cached keys shift without growing, whatever the magnitude", "[rope][properties]") {
  // A must be applied once: the table of a shift has magnitude 1. 20 shifts of n positions are one of 20 n.
  constexpr int kTimes = 20;
  constexpr double kMagnitude = 1.1386;
  for (const RopeLayout& layout : layouts()) {
    const RowMatrix<float> given = queries(7);
    RowMatrix<float> k = given;
    apply_rope(k, table_at(100, kTokens, kMagnitude), layout);
    const auto shift = table_at(-3, 1);
    for (int i = 0; i < kTimes; ++i) apply_rope(k, shift, layout, each_sequence(1));
    RowMatrix<float> moved = given;
    apply_rope(moved, table_at(100 - 3 * kTimes, kTokens, kMagnitude), layout);
    for_each_head([&](Index token, Index h) {
      const double bound = (kTimes + 2) * kOne * kMagnitude * head(given, token, h).norm();
      REQUIRE((head(k, token, h) - head(moved, token, h)).norm() <= bound);
    });
  }
}

TEST_CASE("adjoint: <R x, y> = <x, R* y> with a magnitude", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    for (const double magnitude : {1.0, 1.1386, 0.5}) {
      const auto table = table_at(1 << 23, kTokens, magnitude);
      const RowMatrix<float> x = queries(8);
      const RowMatrix<float> y = queries(9);
      RowMatrix<float> turned_x = x;
      RowMatrix<float> back_y = y;
      apply_rope(turned_x, table, layout);
      apply_rope(back_y, table.adjoint(), layout);
      for_each_head([&](Index token, Index h) {
        const double left = head(turned_x, token, h).dot(head(y, token, h));
        const double right = head(x, token, h).dot(head(back_y, token, h));
        const double lengths = head(x, token, h).norm() * head(y, token, h).norm();
        REQUIRE(std::abs(left - right) <= kTwo * magnitude * lengths);
      });
    }
  }
}

TEST_CASE("position 0 changes nothing, and says nothing about the layout", "[rope][properties]") {
  RowMatrix<float> x = queries(10);
  for (const RopeLayout& layout : layouts()) {
    apply_rope(x, table_at(0, 1), layout, each_sequence(1));
    CHECK(same_bits(x, queries(10)));
    apply_rope(x, table_at(0, 1), layout, rows(Eigen::Matrix<std::int64_t, -1, 1>::Zero(kTokens)));
    CHECK(same_bits(x, queries(10)));
  }
  RowMatrix<float> half_split = queries(10);
  apply_rope(half_split, table_at(1), layouts()[0]);
  RowMatrix<float> interleaved = queries(10);
  apply_rope(interleaved, table_at(1), layouts()[1]);
  for_each_head([&](Index token, Index h) {
    CHECK((head(half_split, token, h) - head(interleaved, token, h)).norm() > 0.1 * head(x, token, h).norm());
  });
}

TEST_CASE("a negative position is the inverse of the positive one", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> back = queries(11);
    apply_rope(back, table_at(-9, 1), layout, each_sequence(1));
    RowMatrix<float> inverse = queries(11);
    apply_rope(inverse, table_at(9, 1).inverse(), layout, each_sequence(1));
    CHECK(same_bits(back, inverse));
  }
}

TEST_CASE("chunks equal the whole, bit for bit", "[rope][properties]") {
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> whole = queries(12);
    apply_rope(whole, table_at(4095), layout);
    for (const Index chunk : {1, 3, 5}) {
      INFO("chunks of " << chunk);
      RowMatrix<float> by_table = queries(12);
      RowMatrix<float> by_row = queries(12);
      const auto all_rows = table_at(4095);
      for (Index first = 0; first < kTokens; first += chunk) {
        const Index count = (std::min)(chunk, kTokens - first);
        apply_rope(by_table.middleRows(first, count), table_at(4095 + first, count), layout);
        apply_rope(by_row.middleRows(first, count), all_rows, layout, starting_at(4095 + first));
      }
      CHECK(same_bits(by_table, whole));
      CHECK(same_bits(by_row, whole));
    }
  }
}

TEST_CASE("packed documents equal separate documents, bit for bit", "[rope][properties]") {
  const Eigen::Array<std::int64_t, kTokens, 1> ids =
      (Eigen::Array<std::int64_t, kTokens, 1>() << 0, 1, 2, 0, 0, 1, 2, 3).finished();
  const std::pair<Index, Index> documents[] = {{0, 3}, {3, 1}, {4, 4}};
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> separate = queries(13);
    for (const auto& [first, count] : documents)
      apply_rope(separate.middleRows(first, count), table_at(0, count), layout);
    RowMatrix<float> by_ids = queries(13);
    apply_rope(by_ids, make_table<float>(frequencies(), ids), layout);
    CHECK(same_bits(by_ids, separate));
    RowMatrix<float> by_rows = queries(13);
    apply_rope(by_rows, table_at(0, 4), layout, ids);  // the ids are positions of that table
    CHECK(same_bits(by_rows, separate));
    RowMatrix<float> forgotten = queries(13);
    apply_rope(forgotten, table_at(0), layout);
    CHECK(!same_bits(forgotten, separate));
  }
}

TEST_CASE("a window leaves the rest of the head as it is", "[rope][properties]") {
  const Index width = 32;
  const auto table = make_table<float>(posenc::geometric_frequencies(width, 1e4), posenc::PositionRange(77, kTokens));
  for (const Index offset : {Index(0), Index(40), kHeadDim - width}) {
    for (const bool half_split : {true, false}) {
      const RopeLayout layout =
          RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, kHeadDim).window(offset, width);
      const RopeLayout alone = half_split ? RopeLayout::half_split(width) : RopeLayout::interleaved(width);
      RowMatrix<float> x = queries(14);
      apply_rope(x, table, layout);
      RowMatrix<float> expected = queries(14);
      for (Index h = 0; h < kHeads; ++h) {
        RowMatrix<float> window = expected.middleCols(h * kHeadDim + offset, width);
        apply_rope(window, table, alone);
        expected.middleCols(h * kHeadDim + offset, width) = window;
      }
      INFO("offset " << offset << ", half-split " << half_split);
      CHECK(same_bits(x, expected));
    }
  }
}

TEST_CASE("permuted weights carry one layout over to the other", "[rope][properties]") {
  // The conversion of Meta's checkpoints: channel 2i of one is channel i of the other, 2i + 1 is i + d/2. The two
  // kernels may contract their products differently, so both are held against the same bound of 2 * 2 roundings.
  const auto permuted = [](const RowMatrix<float>& x) {
    RowMatrix<float> result(x.rows(), x.cols());
    for (Index column = 0; column < x.cols(); ++column) {
      const Index channel = column % kHeadDim;
      const Index from = channel % 2 == 0 ? channel / 2 : channel / 2 + kHeadDim / 2;
      result.col(column) = x.col(column - channel + from);
    }
    return result;
  };
  RowMatrix<float> half_split = queries(15);
  RowMatrix<float> interleaved = permuted(half_split);
  const auto table = table_at(100);
  const Turned reference = turned(interleaved, table.cos(), table.sin(), run(kTokens), layouts()[1]);
  apply_rope(half_split, table, layouts()[0]);
  apply_rope(interleaved, table, layouts()[1]);
  const RowMatrix<float> expected = permuted(half_split);
  for (Index i = 0; i < expected.size(); ++i) {
    const double bound = 4 * kUnitRoundoff * static_cast<double>(reference.reach.data()[i]);
    REQUIRE(std::abs(double(interleaved.data()[i]) - double(expected.data()[i])) <= bound);
  }
}

TEST_CASE("one table rotates queries and fewer keys", "[rope][properties]") {
  const auto table = table_at(40);
  for (const RopeLayout& layout : layouts()) {
    const RowMatrix<float> given = Noise(16).matrix<float>(kTokens, 7 * kHeadDim);
    RowMatrix<float> q = given;
    apply_rope(q, table, layout);
    for (Index key_heads = 1; key_heads < 7; ++key_heads) {
      RowMatrix<float> k = given.leftCols(key_heads * kHeadDim);
      apply_rope(k, table, layout);
      CHECK(same_bits(k, q.leftCols(key_heads * kHeadDim)));
    }
  }
}

TEST_CASE("nothing to rotate is no error", "[rope][properties]") {
  for (const bool half_split : {true, false}) {
    const RopeLayout layout = RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, 6).suffix(4);
    const auto frequencies_of_4 = posenc::geometric_frequencies(4, 1e4);
    const auto table = make_table<float>(frequencies_of_4, posenc::PositionRange(0, 3));
    const auto empty_table = make_table<float>(frequencies_of_4, posenc::PositionRange(0, 0));
    const auto shape = [](Index batch, Index seq_len, Index heads) {
      return posenc::HeadsShape().batch(batch).seq_len(seq_len).num_heads(heads).head_dim(6);
    };
    RowMatrix<float> no_tokens(0, 12);
    RowMatrix<float> no_heads(3, 0);
    Eigen::MatrixXf column_major(0, 12);
    Eigen::MatrixXf column_major_no_heads(3, 0);
    for (const auto& any : {table, empty_table}) {
      apply_rope(no_tokens, any, layout);
      apply_rope(no_tokens, RowMatrix<float>(0, 12), any, layout);
      apply_rope(column_major, any.adjoint(), layout);
      apply_rope(posenc::view_bhld(static_cast<float*>(nullptr), shape(2, 0, 3)), any, layout);
    }
    apply_rope(no_heads, table, layout);
    apply_rope(column_major_no_heads, table.inverse(), layout);
    apply_rope(no_heads, RowMatrix<float>(3, 0), table, layout, rows(Eigen::Array3i(2, 1, 0)));
    apply_rope(posenc::view_blhd(static_cast<float*>(nullptr), shape(2, 3, 0)), table, layout);
    apply_rope(posenc::view_blhd(static_cast<float*>(nullptr), shape(0, 3, 4)), table, layout);
    CHECK(no_tokens.cols() == 12);
    CHECK(no_heads.rows() == 3);
  }
}

TEST_CASE("threads share a table and split the rows", "[rope][properties]") {
  constexpr Index kThreads = 4;
  constexpr Index kRowsEach = 50;
  const auto table = table_at(0, kThreads * kRowsEach);
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> serial = Noise(17).matrix<float>(kThreads * kRowsEach, kHeads * kHeadDim);
    RowMatrix<float> parallel = serial;
    apply_rope(serial, table, layout);
    std::vector<std::thread> threads;
    for (Index i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        apply_rope(parallel.middleRows(i * kRowsEach, kRowsEach), table, layout, starting_at(i * kRowsEach));
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(same_bits(parallel, serial));
  }
}

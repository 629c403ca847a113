// SPDX-License-Identifier: MIT
/// Every kernel against the formula: widths, head counts, table layouts, scalars, windows and directions.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::CosSinStorage;
using posenc::FrequencyTable;
using posenc::FrequencyTableView;
using posenc::RopeLayout;
using posenc::RopePairs;

namespace {

/// One set of cosines and sines in all the shapes that a table can have.
template <typename Scalar>
struct Tables {
  std::vector<FrequencyTable<Scalar>> made;
  std::vector<RowMatrix<Scalar>> caches;
  std::vector<FrequencyTableView<Scalar>> all;  // of the two above

  Tables(const posenc::Frequencies& frequencies, posenc::PositionRange positions) {
    for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
      made.push_back(posenc::make_table<Scalar>(frequencies, positions, {storage}));
    }
    for (const auto& table : made) all.push_back(table.view());
    const FrequencyTable<Scalar>& table = made.front();
    const Index rows = table.rows();
    const Index width = frequencies.rotary_dim();
    for (const auto storage : {CosSinStorage::cos_sin, CosSinStorage::sin_cos, CosSinStorage::paired}) {
      caches.emplace_back(rows, width);
      posenc::write_cache(caches.back(), table, storage);
      all.push_back(posenc::wrap_cache(caches.back().data(), rows, width, storage, frequencies.magnitude()));
    }
    for (const auto storage : {CosSinStorage::cos_sin, CosSinStorage::tiled, CosSinStorage::repeated}) {
      const Index columns = storage == CosSinStorage::cos_sin ? width / 2 : width;
      RowMatrix<Scalar> cos(rows, columns);
      RowMatrix<Scalar> sin(rows, columns);
      posenc::write_cache(cos, sin, table, storage);
      caches.push_back(std::move(cos));
      caches.push_back(std::move(sin));
      all.push_back(posenc::wrap_cache(caches[caches.size() - 2].data(), caches.back().data(), rows, width, storage,
                                       frequencies.magnitude()));
    }
  }
  Tables(Tables&&) = default;  // a copy would refer to the original
};

/// Widths with every remainder of every packet size, and on both sides of the kernels' chunk of 128 pairs; 264 and 272
/// leave 4 and 8 pairs, which would fill a vector if they were a head.
std::vector<Index> widths(bool every) {
  std::vector<Index> list;
  for (Index width = 2; width <= 130; width += every ? 2 : 14) list.push_back(width);
  for (const Index width : {30, 62, 64, 66, 128, 130, 254, 256, 258, 264, 272, 510, 514}) list.push_back(width);
  return list;
}

template <typename Scalar, typename TableScalar>
void check_in_place() {
  constexpr bool every = std::is_same_v<Scalar, float> && std::is_same_v<TableScalar, float>;
  Noise noise(1);
  const Index tokens = 2;
  for (const Index width : widths(every)) {
    const auto frequencies = posenc::geometric_frequencies(width, 1e4).with_magnitude(1.25);
    const Tables<TableScalar> tables(frequencies, posenc::PositionRange(1001, tokens + 1));
    const Index head_dim = width + 3;
    for (const Index offset : {Index(0), Index(2), Index(3)}) {  // a prefix, the middle, a suffix
      for (const bool half_split : {true, false}) {
        const RopeLayout layout =
            RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, head_dim).window(offset, width);
        const RowMatrix<Scalar> given = noise.matrix<Scalar>(tokens, 9 * head_dim);
        const auto& first = tables.all.front();
        const Turned expected = turned(given, first.cos(), first.sin(), run(tokens, 1), layout);
        std::size_t shape = 0;
        for (const auto& table : tables.all) {
          const Index only = 1 + (width / 2 + static_cast<Index>(shape)) % 9;
          const bool all_heads = every && offset == 0;
          for (Index heads = all_heads ? 1 : only; heads <= (all_heads ? 9 : only); ++heads) {
            INFO("width " << width << ", offset " << offset << ", half-split " << half_split << ", table " << shape
                          << ", heads " << heads);
            RowMatrix<Scalar> x = given.leftCols(heads * head_dim);
            apply_rope(x, table, layout, posenc::from_row(1));
            const Turned part{expected.value.leftCols(x.cols()), expected.reach.leftCols(x.cols())};
            REQUIRE((error_over_bound<Scalar, TableScalar>(x, part) <= 1));
          }
          ++shape;
        }
      }
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("in place, every width, head count, table and scalar", "[rope][kernels]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  check_in_place<TestType, float>();
  check_in_place<TestType, double>();
  check_in_place<TestType, Eigen::half>();
  check_in_place<TestType, Eigen::bfloat16>();
}

namespace {

template <typename Out, typename In, typename TableScalar>
void check_into() {
  Noise noise(2);
  const Index tokens = 3;
  for (const Index width : {2, 6, 16, 34, 64, 130, 260}) {
    const auto table =
        posenc::make_table<TableScalar>(posenc::geometric_frequencies(width, 1e4), posenc::PositionRange(-77, tokens));
    const Index head_dim = width + 2;
    for (const bool half_split : {true, false}) {
      const RopeLayout layout =
          RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, head_dim).window(1, width);
      const RowMatrix<In> x = noise.matrix<In>(tokens, 6 * head_dim);
      const Turned expected = turned(x, table.cos(), table.sin(), run(tokens), layout);
      INFO("width " << width << ", half-split " << half_split);
      RowMatrix<Out> out = RowMatrix<Out>::Constant(tokens, x.cols(), Out(9));
      apply_rope(out, x, table, layout);
      REQUIRE((error_over_bound<In, TableScalar>(out, expected) <= 1));
    }
  }
}

}  // namespace

TEST_CASE("into another scalar, rounded once", "[rope][kernels]") {
  check_into<Eigen::half, float, float>();
  check_into<Eigen::bfloat16, float, float>();
  check_into<double, float, float>();
  check_into<float, double, double>();
  check_into<Eigen::half, double, double>();
  check_into<Eigen::bfloat16, double, float>();
  check_into<float, Eigen::half, float>();
  check_into<float, Eigen::bfloat16, Eigen::bfloat16>();
  check_into<Eigen::half, Eigen::bfloat16, float>();
  check_into<double, Eigen::half, Eigen::half>();
  check_into<float, float, double>();
}

TEMPLATE_TEST_CASE("inverse and adjoint with a magnitude", "[rope][kernels]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  Noise noise(3);
  constexpr double kMagnitude = 1.375;  // a number of any storage scalar, so that 1 / A^2 is the only rounding
  const Index tokens = 3;
  for (const Index width : {2, 10, 64, 258}) {
    const auto frequencies = posenc::geometric_frequencies(width, 1e4).with_magnitude(kMagnitude);
    const Tables<TestType> tables(frequencies, posenc::PositionRange(500, tokens));
    for (const bool half_split : {true, false}) {
      const RopeLayout layout = half_split ? RopeLayout::half_split(width) : RopeLayout::interleaved(width);
      for (const auto& table : tables.all) {
        INFO("width " << width << ", half-split " << half_split << ", table " << static_cast<int>(table.storage()));
        const RowMatrix<TestType> given = noise.matrix<TestType>(tokens, 5 * width);
        const Direction adjoint{true, 1};
        const Direction inverse{true, 1 / (Wide(kMagnitude) * Wide(kMagnitude))};
        RowMatrix<TestType> x = given;
        apply_rope(x, table.adjoint(), layout);
        const Turned as_adjoint = turned(given, table.cos(), table.sin(), run(tokens), layout, adjoint);
        REQUIRE((error_over_bound<TestType, TestType>(x, as_adjoint) <= 1));
        x = given;
        apply_rope(x, table.inverse(), layout);
        const Turned as_inverse = turned(given, table.cos(), table.sin(), run(tokens), layout, inverse);
        REQUIRE((error_over_bound<TestType, TestType>(x, as_inverse) <= 1));

        RowMatrix<TestType> out(x.rows(), x.cols());
        apply_rope(out, given, table.inverse(), layout);
        REQUIRE(same_bits(out, x));
        x = given;
        apply_rope(x, table.adjoint(), layout);
        apply_rope(out, given, table.adjoint(), layout);
        REQUIRE(same_bits(out, x));
      }
    }
  }
}

TEST_CASE("NaN and infinity stay in their own pair", "[rope][kernels]") {
  Noise noise(4);
  const Index tokens = 2, heads = 5, width = 20, head_dim = 22;
  const auto table =
      posenc::make_table<float>(posenc::geometric_frequencies(width, 1e4), posenc::PositionRange(3, tokens));
  for (const bool half_split : {true, false}) {
    const RopeLayout layout =
        RopeLayout(half_split ? RopePairs::half_split : RopePairs::interleaved, head_dim).window(1, width);
    const RowMatrix<float> given = noise.matrix<float>(tokens, heads * head_dim);
    RowMatrix<float> clean = given;
    apply_rope(clean, table, layout);
    for (const float bad : {std::nanf(""), HUGE_VALF}) {
      for (Index column = 0; column < given.cols(); ++column) {
        RowMatrix<float> x = given;
        x(1, column) = bad;
        apply_rope(x, table, layout);
        const Index channel = column % head_dim - 1;
        const bool turns = channel >= 0 && channel < width;
        const Index partner = !turns       ? column
                              : half_split ? column - channel + (channel + width / 2) % width
                                           : column - channel + (channel ^ 1);
        INFO("half-split " << half_split << ", column " << column);
        REQUIRE(!std::isfinite(x(1, column)));
        REQUIRE(!std::isfinite(x(1, partner)));
        x(1, column) = clean(1, column);
        x(1, partner) = clean(1, partner);
        REQUIRE(same_bits(x, clean));
      }
    }
  }
}

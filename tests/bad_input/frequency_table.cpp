// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"
#include "posenc/frequency.hpp"

namespace {

using posenc::AxisMap;
using posenc::contiguous_axes;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::geometric_frequencies;
using posenc::interleaved_axes;
using posenc::PositionRange;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Ids = posenc::AxisPositionMatrix<std::int64_t>;

/// A table of five rows, and three tokens of 16 channels.
struct Fixture {
  RowMajor x = RowMajor::Constant(3, 16, 1.5f);
  Eigen::MatrixXf columns = Eigen::MatrixXf::Constant(3, 16, 2.5f);
  RowMajor out = RowMajor::Constant(3, 16, 3.5f);
  Frequencies eight = geometric_frequencies(8, 10000);
  FrequencyTable<float> table = posenc::make_table<float>(eight, posenc::PositionRange(7, 5));

  std::string written() const { return bytes_of(x, columns, out, table.cos(), table.sin()); }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_tables() {
  using F = Fixture;
  BadInputs<F> bad("tables");

  // Positions and tables
  bad.value("negative count", "PositionRange: count must be >= 0, got -1",
            [](F& f) { posenc::make_table<float>(f.eight, posenc::PositionRange(0, -1)); });
  bad.range("range beyond 64 bits",
            "PositionRange: first must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775806",
            [](F& f) { posenc::make_table<float>(f.eight, posenc::PositionRange(kMaxPosition - 1, 3)); });
  bad.value("NaN position", "make_table: positions[1] must be finite, got nan",
            [](F& f) { posenc::make_table<float>(f.eight, Eigen::Array3d(0, kNan, 2)); });
  bad.value("infinite position", "fill_table: positions[4] must be finite, got -inf",
            [](F& f) { posenc::fill_table(f.table, f.eight, Eigen::Array<double, 5, 1>(0, 1, 2, 3, -kInfinity)); });
  bad.range(
      "an angle beyond double",
      "make_table: positions[1] must be such that position * frequency is finite (the largest frequency is 1e+10), "
      "got 1e+300",
      [](F&) { posenc::make_table<float>(Frequencies(Eigen::Array2d(1e10, 1)), Eigen::Array2d(1, 1e300)); });
  bad.range(
      "an angle beyond double on an axis",
      "fill_table: positions(4, 1) must be such that position * frequency is finite (the largest frequency is 10), "
      "got -1.7e+308",
      [](F& f) {
        Eigen::MatrixXd far = Eigen::MatrixXd::Ones(5, 2);
        far(4, 1) = -1.7e308;
        posenc::fill_table(f.table, Frequencies(Eigen::Array4d(1, 10, 1, 1)), contiguous_axes({2, 2}), far);
      });
  bad.range("fill from beyond the last position",
            "PositionRange: count must be at most 2^57 - first + 1, first being 144115188075855872, got 5",
            [](F& f) { posenc::fill_table(f.table, f.eight, posenc::starting_at(std::int64_t(1) << 57)); });
  if (posenc_tests::kWideIndex)
    bad.length("table too large",
               "FrequencyTable: rows must be at most 36028797018963967 for rows of 32 values, got 1152921504606846976",
               [](F&) { FrequencyTable<double>(posenc_tests::two_to(60), 4); });
  bad.value("table of too many pairs",
            "FrequencyTable: num_pairs must be > 0 and at most 8388608, got 9223372036854775807",
            [](F&) { FrequencyTable<float>(1, kMaxIndex); });
  bad.value("table with negative rows", "FrequencyTable: rows must be >= 0, got -1",
            [](F&) { FrequencyTable<float>(-1, 4); });
  bad.value("table without pairs", "FrequencyTable: num_pairs must be > 0 and at most 8388608, got 0",
            [](F&) { FrequencyTable<float>(3, 0); });
  bad.value("fill, other number of pairs", "fill_table: frequencies.num_pairs() must be table.num_pairs() 4, got 3",
            [](F& f) { posenc::fill_table(f.table, geometric_frequencies(6, 1e4), posenc::PositionRange(0, 5)); });
  bad.value("fill, other number of rows", "fill_table: positions.count() must be table.rows() 5, got 4",
            [](F& f) { posenc::fill_table(f.table, f.eight, posenc::PositionRange(0, 4)); });
  bad.value("fill, other number of ids", "fill_table: positions.size() must be table.rows() 5, got 3",
            [](F& f) { posenc::fill_table(f.table, f.eight, Eigen::Array3i(0, 1, 2)); });
  bad.range("fill, range beyond 64 bits",
            "PositionRange: first must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
            [](F& f) { posenc::fill_table(f.table, f.eight, posenc::PositionRange(kMaxPosition, 5)); });
  bad.value("wrap a null cache", "wrap_cache: cache must be a valid pointer, got null",
            [](F&) { posenc::wrap_cache<float>(nullptr, 5, 8, posenc::CosSinStorage::paired, 1); });
  bad.value("wrap an odd width", "wrap_cache: rotary_dim must be even, > 0 and at most 16777216, got 9",
            [](F& f) { posenc::wrap_cache(f.x.data(), 1, 9, posenc::CosSinStorage::paired, 1); });
  bad.value("wrap negative rows", "wrap_cache: rows must be >= 0, got -2",
            [](F& f) { posenc::wrap_cache(f.x.data(), -2, 8, posenc::CosSinStorage::paired, 1); });
  bad.value("wrap with magnitude 0", "wrap_cache: magnitude must be finite and > 0, got 0",
            [](F& f) { posenc::wrap_cache(f.x.data(), 2, 8, posenc::CosSinStorage::paired, 0); });
  bad.value("wrap null cosines", "wrap_cache: cos must be a valid pointer, got null",
            [](F& f) { posenc::wrap_cache<float>(nullptr, f.x.data(), 2, 8, posenc::CosSinStorage::cos_sin, 1); });
  bad.value("wrap null sines", "wrap_cache: sin must be a valid pointer, got null",
            [](F& f) { posenc::wrap_cache<float>(f.x.data(), nullptr, 2, 8, posenc::CosSinStorage::cos_sin, 1); });
  bad.value("wrap zero width", "wrap_cache: rotary_dim must be even, > 0 and at most 16777216, got 0",
            [](F& f) { posenc::wrap_cache(f.x.data(), f.x.data(), 2, 0, posenc::CosSinStorage::tiled, 1); });
  bad.value("a storage that there is not", "wrap_cache: storage must be one of its enumerators, got 9",
            [](F& f) { posenc::wrap_cache(f.x.data(), 2, 8, static_cast<posenc::CosSinStorage>(9), 1); });
  bad.value("wrap with pair stride 3", "FrequencyTableView: pair_stride must be 1 or 2, got 3",
            [](F& f) { posenc::FrequencyTableView<float>(f.x.data(), f.x.data() + 1, 2, 4, 16, 3, 1.0); });
  bad.value("wrap rows that overlap", "FrequencyTableView: row_stride must be at least 4, got 3",
            [](F& f) { posenc::FrequencyTableView<float>(f.x.data(), f.x.data() + 4, 2, 4, 3, 1, 1.0); });
  bad.value("write a cache of another width", "write_cache: cache.rows() must be 5, got 3",
            [](F& f) { posenc::write_cache(f.out, f.table, posenc::CosSinStorage::cos_sin); });
  bad.value("write a storage that there is not", "write_cache: storage must be one of its enumerators, got 9",
            [](F& f) { posenc::write_cache(f.out, f.table, static_cast<posenc::CosSinStorage>(9)); });
  bad.value("write sines of another width", "write_cache: sin.cols() must be 16, got 15", [](F& f) {
    const auto three = posenc::make_table<float>(geometric_frequencies(32, 1e4), posenc::PositionRange(0, 3));
    posenc::write_cache(f.out.leftCols(16), f.columns.leftCols(15), three, posenc::CosSinStorage::cos_sin);
  });
  bad.value(
      "write a cache whose rows overlap",
      "write_cache: cache.outerStride() must be at least 8 forwards or backwards (what is written to may not overlap "
      "itself), got 4",
      [](F& f) {
        using Rows = Eigen::Map<RowMajor, Eigen::Unaligned, Eigen::OuterStride<>>;
        const auto three = posenc::make_table<float>(geometric_frequencies(8, 1e4), posenc::PositionRange(0, 3));
        posenc::write_cache(Rows(f.x.data(), 3, 8, Eigen::OuterStride<>(4)), three, posenc::CosSinStorage::cos_sin);
      });
  bad.value(
      "write sines whose rows overlap",
      "write_cache: sin.outerStride() must be at least 4 forwards or backwards (what is written to may not overlap "
      "itself), got 2",
      [](F& f) {
        using Rows = Eigen::Map<RowMajor, Eigen::Unaligned, Eigen::OuterStride<>>;
        const auto three = posenc::make_table<float>(geometric_frequencies(8, 1e4), posenc::PositionRange(0, 3));
        posenc::write_cache(f.out.topLeftCorner(3, 4), Rows(f.x.data(), 3, 4, Eigen::OuterStride<>(2)), three,
                            posenc::CosSinStorage::cos_sin);
      });
  bad.value("rewrite a cache in its own memory",
            "write_cache: cache must be disjoint from what is read, got overlapping memory", [](F& f) {
              const auto wrapped = posenc::wrap_cache(f.x.data(), 3, 16, posenc::CosSinStorage::cos_sin, 1);
              posenc::write_cache(f.x, wrapped, posenc::CosSinStorage::paired);
            });
  bad.value("rewrite cosines over the sines of the table",
            "write_cache: cos must be disjoint from what is read, got overlapping memory", [](F& f) {
              const auto wrapped =
                  posenc::wrap_cache(f.columns.data(), f.x.data(), 3, 16, posenc::CosSinStorage::cos_sin, 1);
              posenc::write_cache(f.x.leftCols(8), f.out.leftCols(8), wrapped, posenc::CosSinStorage::cos_sin);
            });
  bad.value("cosines and sines in one place",
            "write_cache: sin must be disjoint from what is read, got overlapping memory", [](F& f) {
              const auto three = posenc::make_table<float>(geometric_frequencies(32, 1e4), posenc::PositionRange(0, 3));
              posenc::write_cache(f.out, f.out, three, posenc::CosSinStorage::cos_sin);
            });

  bad.value("wrap halves that differ",
            "wrap_cache: sin must be equal in both halves of a row (tiled), got a difference in row 1", [](F& f) {
              RowMajor sin = f.x;
              sin(1, 9) = 7;
              posenc::wrap_cache(f.out.data(), sin.data(), 3, 16, posenc::CosSinStorage::tiled, 1);
            });
  bad.value("wrap neighbors that differ",
            "wrap_cache: cosines of cache must be equal in both of a pair (repeated), got a difference in row 2",
            [](F& f) {
              RowMajor cache = f.x;
              cache(2, 6) = 7;
              posenc::wrap_cache(cache.data(), 3, 8, posenc::CosSinStorage::repeated, 1);
            });
  bad.value("wrap one storage as two arrays",
            "wrap_cache: storage must be cos_sin, tiled or repeated for a cache in two arrays, got paired",
            [](F& f) { posenc::wrap_cache(f.x.data(), f.x.data(), 3, 16, posenc::CosSinStorage::paired, 1); });
  bad.value("write sines first into two arrays",
            "write_cache: storage must be cos_sin, tiled or repeated for a cache in two arrays, got sin_cos",
            [](F& f) { posenc::write_cache(f.x, f.out, f.table, posenc::CosSinStorage::sin_cos); });
  bad.value("table of a cache's storage",
            "FrequencyTable: options.storage must be cos_sin, paired or repeated, got tiled",
            [](F&) { FrequencyTable<float>(3, 4, {posenc::CosSinStorage::tiled}); });
  // RoPE
  bad.value("cache in null data", "write_cache: cache.data() must be a valid pointer, got null", [](F& f) {
    posenc::write_cache(Eigen::Map<RowMajor>(nullptr, 5, 8), f.table, posenc::CosSinStorage::cos_sin);
  });
  if (posenc_tests::kWideIndex)
    bad.length(
        "wrapped cache beyond memory",
        "wrap_cache: rows must be at most 288230376151711743 for rows of 8 values, got 4611686018427387904",
        [](F& f) { posenc::wrap_cache(f.x.data(), posenc_tests::two_to(62), 8, posenc::CosSinStorage::cos_sin, 1); });

  // Not errors
  bad.allowed("a table of no rows",
              [](F& f) { posenc::make_table<float>(f.eight, posenc::PositionRange(std::int64_t(1) << 57, 0)); });
  bad.allowed("a wrapped cache of no rows",
              [](F&) { posenc::wrap_cache<float>(nullptr, 0, 8, posenc::CosSinStorage::cos_sin, 1); });
  bad.allowed("negative positions", [](F& f) { posenc::make_table<float>(f.eight, posenc::PositionRange(-5, 3)); });

  // Sections and axes
  bad.value("no section", "contiguous_axes: sum of mrope_section must be > 0 and at most 8388608, got 0",
            [](F&) { contiguous_axes({}); });
  bad.value("empty sections", "contiguous_axes: sum of mrope_section must be > 0 and at most 8388608, got 0", [](F&) {
    contiguous_axes({0, 0});
  });
  bad.value("negative section", "contiguous_axes: mrope_section[1] must be >= 0, got -1", [](F&) {
    contiguous_axes({16, -1});
  });
  bad.value("two interleaved sections", "interleaved_axes: mrope_section.size() must be 3, got 2", [](F&) {
    interleaved_axes({24, 20});
  });
  bad.value("interleaved sections that do not add up",
            "interleaved_axes: mrope_section[0] must be 22 to fit the order t h w t h w ..., got 4", [](F&) {
              interleaved_axes({4, 30, 30});
            });
  bad.value("height without its width", "height_width_time_axes: mrope_section[1] must be mrope_section[0] 22, got 20",
            [](F&) {
              posenc::height_width_time_axes({22, 20, 22});
            });
  bad.value("one rarest-first section", "rarest_first_axes: mrope_section.size() must be from 2 to 3, got 1",
            [](F&) { posenc::rarest_first_axes({8}); });
  bad.value("rarest-first without time", "rarest_first_axes: mrope_section[0] must be > 0, got 0", [](F&) {
    posenc::rarest_first_axes({0, 4, 4});
  });
  bad.range("an axis that is none", "AxisMap: axis_of_pair[2] must be in [0, num_axes 2), got 2",
            [](F&) { AxisMap(Eigen::Array3i(0, 1, 2), 2); });
  bad.range("negative axis", "AxisMap: axis_of_pair[1] must be in [0, num_axes 2), got -1",
            [](F&) { AxisMap(Eigen::Array2i(0, -1), 2); });
  bad.value("no axis", "AxisMap: num_axes must be > 0 and at most 8388608, got 0",
            [](F&) { AxisMap(Eigen::Array2i(0, 0), 0); });
  if (posenc_tests::kWideIndex)
    bad.value("more axes than an int counts", "AxisMap: num_axes must be > 0 and at most 8388608, got 1099511627776",
              [](F&) { AxisMap(Eigen::Array2i(0, 0), posenc_tests::two_to(40)); });
  bad.range("an axis that is 0 as an int",
            "AxisMap: axis_of_pair[1] must be in [0, num_axes 3), got 9223372036854775808",
            [](F&) { AxisMap(Eigen::Array<std::uint64_t, 2, 1>(0, std::uint64_t(1) << 63), 3); });
  bad.value("a section that would fill the memory",
            "contiguous_axes: sum of mrope_section must be > 0 and at most 8388608, got 2000000000",
            [](F&) { contiguous_axes({2000000000}); });
  bad.value("sections whose double overflows",
            "height_width_time_axes: sum of mrope_section must be > 0 and at most 8388608, got 4000000000", [](F&) {
              posenc::height_width_time_axes({2000000000, 2000000000, 0});
            });
  bad.value("map of no pair", "AxisMap: num_pairs must be > 0 and at most 8388608, got 0",
            [](F&) { AxisMap(Eigen::ArrayXi(), 1); });

  // Tables of several axes
  bad.value("a map of other pairs", "make_table: axes.num_pairs() must be frequencies.num_pairs() 4, got 5", [](F& f) {
    posenc::make_table<float>(f.eight, contiguous_axes({2, 3}), Ids(1, 2));
  });
  bad.value("positions of another width", "make_table: positions.cols() must be the number of axes 3, got 2", [](F& f) {
    posenc::make_table<float>(f.eight, contiguous_axes({2, 1, 1}), Ids::Zero(5, 2));
  });
  bad.value("positions lying down", "make_table: positions.cols() must be the number of axes 3, got 5", [](F& f) {
    posenc::make_table<float>(f.eight, contiguous_axes({2, 1, 1}), Ids::Zero(3, 5));
  });
  bad.value("a position NaN on one axis", "make_table: positions(0, 0) must be finite, got nan", [](F& f) {
    posenc::make_table<float>(f.eight, contiguous_axes({2, 2}), Eigen::MatrixXd::Constant(2, 2, kNan));
  });
  bad.value("fill_table with a map of other pairs",
            "fill_table: axes.num_pairs() must be frequencies.num_pairs() 4, got 2", [](F& f) {
              posenc::fill_table(f.table, f.eight, contiguous_axes({1, 1}), Ids::Zero(5, 2));
            });
  bad.value("fill_table of other rows on axes", "fill_table: positions.rows() must be table.rows() 5, got 4", [](F& f) {
    posenc::fill_table(f.table, f.eight, contiguous_axes({2, 2}), Ids::Zero(4, 2));
  });
  return bad.cases();
}

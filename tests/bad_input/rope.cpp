// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/rope.hpp"

namespace {

using Eigen::Index;
using posenc::apply_channel_angles;
using posenc::apply_rope;
using posenc::contiguous_axes;
using posenc::each_sequence;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::from_row;
using posenc::geometric_frequencies;
using posenc::HeadsShape;
using posenc::HeadsStrides;
using posenc::HeadsView;
using posenc::PositionRange;
using posenc::RopeLayout;
using posenc::RopePairs;
using posenc::starting_at;
using posenc::view_bhld;
using posenc::view_blhd;
using posenc::view_packed;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Ids = posenc::AxisPositionMatrix<std::int64_t>;

/// What the calls write to, and good arguments to go with one bad one: 3 tokens, 2 heads of 8, all of it rotated.
struct Fixture {
  RowMajor x = RowMajor::Constant(3, 16, 1.5f);
  Eigen::MatrixXf columns = Eigen::MatrixXf::Constant(3, 16, 2.5f);
  RowMajor out = RowMajor::Constant(3, 16, 3.5f);
  Frequencies eight = geometric_frequencies(8, 10000);
  FrequencyTable<float> table = posenc::make_table<float>(eight, posenc::PositionRange(7, 5));
  FrequencyTable<float> three = posenc::make_table<float>(eight, PositionRange(7, 3));
  HeadsShape shape = HeadsShape().seq_len(3).num_heads(2).head_dim(8);
  RopeLayout layout = RopeLayout::half_split(8);

  HeadsView<float> view() { return view_packed(x.data(), shape); }

  std::string written() const { return bytes_of(x, columns, out, table.cos(), table.sin()); }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_rope() {
  using F = Fixture;
  BadInputs<F> bad("rope");

  // Layouts
  bad.value("head_dim 0", "RopeLayout::half_split: head_dim must be > 0, got 0", [](F&) { RopeLayout::half_split(0); });
  bad.value("negative head_dim", "RopeLayout: head_dim must be > 0, got -8",
            [](F&) { RopeLayout(RopePairs::interleaved, -8); });
  bad.value("window at the end of the head", "RopeLayout::window: offset must be in [0, head_dim 8), got 8",
            [](F&) { RopeLayout::interleaved(8).window(8, 2); });
  bad.value("window before the head", "RopeLayout::window: offset must be in [0, head_dim 8), got -2",
            [](F&) { RopeLayout::half_split(8).window(-2, 4); });
  bad.value("window beyond the head",
            "RopeLayout::window: width must be at most 6 (channels of the head from there on), got 8",
            [](F&) { RopeLayout::half_split(8).window(2, 8); });
  bad.value("prefix wider than the head",
            "RopeLayout::prefix: width must be at most 8 (channels of the head from there on), got 10",
            [](F&) { RopeLayout::half_split(8).prefix(10); });
  bad.value("suffix wider than the head",
            "RopeLayout::suffix: width must be at most 8 (channels of the head from there on), got 10",
            [](F&) { RopeLayout::half_split(8).suffix(10); });
  bad.value("odd prefix", "RopeLayout::prefix: width must be even and > 0, got 5",
            [](F&) { RopeLayout::half_split(8).prefix(5); });
  bad.value("empty suffix", "RopeLayout::suffix: width must be even and > 0, got 0",
            [](F&) { RopeLayout::half_split(8).suffix(0); });

  // Which channels
  bad.value("angles of channels, under a layout of their own number of channels",
            "apply_rope: table must be one with an angle for each pair (angles of channels are for "
            "apply_channel_angles()), got angles of channels",
            [](F& f) {
              const Frequencies channels = f.eight.for_channels();
              apply_rope(f.x, posenc::make_table<float>(channels, PositionRange(0, 3)), f.layout);
            });
  bad.value("angles of channels, filled in later and with another magnitude",
            "apply_rope: table must be one with an angle for each pair (angles of channels are for "
            "apply_channel_angles()), got angles of channels",
            [](F& f) {
              auto table = f.three;
              fill_table(table, f.eight.for_channels().with_magnitude(2), starting_at(7));
              apply_rope(f.x, table.adjoint(), f.layout);
            });
  bad.value("angles of channels on axes",
            "apply_rope: table must be one with an angle for each pair (angles of channels are for "
            "apply_channel_angles()), got angles of channels",
            [](F& f) {
              const auto axes = contiguous_axes({2, 2});
              apply_rope(f.x, posenc::make_table<float>(f.eight.for_channels(), axes, Ids::Zero(3, 2)), f.layout);
            });
  bad.value("table wider than the head",
            "apply_rope: table.rotary_dim() must be layout.head_dim() 4"
            " (angles of channels are for apply_channel_angles()), got 8",
            [](F& f) { apply_rope(f.x, f.table, RopeLayout::half_split(4), starting_at(7)); });
  bad.value("table narrower than the head",
            "apply_rope: table.rotary_dim() must be layout.head_dim() 16, or the layout say which part rotates "
            "(.prefix(8)), got 8",
            [](F& f) { apply_rope(f.x, f.table, RopeLayout::half_split(16), starting_at(7)); });
  bad.value("all heads taken for one",
            "apply_rope: table.rotary_dim() must be layout.head_dim() 16, or the layout say which part rotates "
            "(.prefix(8)), got 8",
            [](F& f) { apply_rope(f.x, f.three, RopeLayout::interleaved(2 * 8)); });
  bad.value("table of another width than the window",
            "apply_rope: table.rotary_dim() must be layout.rotary_dim() 6, got 8",
            [](F& f) { apply_rope(f.x, f.three, RopeLayout::interleaved(16).suffix(6)); });
  bad.value("columns no multiple of head_dim", "apply_rope: x.cols() must be a multiple of layout.head_dim() 8, got 12",
            [](F& f) { apply_rope(f.x.leftCols(12), f.three, f.layout); });
  bad.value("features x tokens",
            "apply_rope: x.cols() must be a multiple of layout.head_dim() 8 (features x tokens is given as "
            "x.transpose()), got 3",
            [](F& f) { apply_rope(f.x.transpose(), f.three, f.layout); });

  // Which row
  bad.value("one token and a table of more",
            "apply_rope: rows must be given where the table has more of them (5) than x has tokens (1), for instance "
            "starting_at(cached) or from_row(n)",
            [](F& f) { apply_rope(f.x.row(0), f.table, f.layout); });
  bad.value("stacked sequences that are not said to be",
            "apply_rope: table.rows() must be x.rows() 3 (sequences that share the rows of one table: "
            "each_sequence(1)), got 1",
            [](F& f) { apply_rope(f.x, posenc::make_table<float>(f.eight, PositionRange(0, 1)), f.layout); });
  bad.value("more tokens than rows", "apply_rope: table.rows() must be x.rows() 3, got 2",
            [](F& f) { apply_rope(f.x, posenc::make_table<float>(f.eight, PositionRange(0, 2)), f.layout); });
  bad.range("more tokens than rows, from the first on",
            "apply_rope: table.rows() must be at least 3 (one for each token), got 2", [](F& f) {
              apply_rope(f.x, posenc::make_table<float>(f.eight, PositionRange(0, 2)), f.layout, starting_at(0));
            });
  bad.range("one row too few", "apply_rope: from_row() must be in [0, 2] (the table has 5 rows, 3 are needed), got 3",
            [](F& f) { apply_rope(f.columns, f.table, f.layout, from_row(3)); });
  bad.range("first row far outside",
            "apply_rope: from_row() must be in [0, 2] (the table has 5 rows, 3 are needed), got 9223372036854775807",
            [](F& f) { apply_rope(f.x, f.table.inverse(), f.layout, from_row(kMaxIndex)); });
  bad.range("negative first row", "from_row: row must be >= 0, got -1", [](F&) { from_row(-1); });
  bad.range(
      "one position too far",
      "apply_rope: starting_at() must be in [7, 9] (the table's 5 rows begin at position 7, 3 are needed), got 10",
      [](F& f) { apply_rope(f.x, f.table, f.layout, starting_at(10)); });
  bad.range("a position before the table",
            "apply_rope: starting_at() must be in [7, 9] (the table's 5 rows begin at position 7, 3 are needed), got 6",
            [](F& f) { apply_rope(f.x, f.table.adjoint(), f.layout, starting_at(6)); });
  bad.value("a position for a table that knows none",
            "apply_rope: starting_at() must be a row (from_row(n), rows(list)), because the table does not know its "
            "positions, got 0",
            [](F& f) {
              apply_rope(f.x, posenc::make_table<float>(f.eight, Eigen::Array3i(0, 1, 2)), f.layout, starting_at(0));
            });
  bad.value("positions of another number", "apply_rope: positions.count() must be x.rows() 3, got 2",
            [](F& f) { apply_rope(f.x, f.table, f.layout, PositionRange(7, 2)); });
  bad.range("a position outside of the table",
            "apply_rope: positions[1] must be in [7, 11] (the table's 5 rows begin at position 7, 1 is needed), got 12",
            [](F& f) {
              apply_rope(f.x, f.table, f.layout, std::vector<int>{7, 12, 8});
            });
  bad.range("a position that no table has",
            "apply_rope: positions[2] must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
            [](F& f) { apply_rope(f.x, f.table, f.layout, Eigen::Array<std::int64_t, 3, 1>(7, 8, kMaxPosition)); });
  bad.value("too few positions", "apply_rope: positions.size() must be x.rows() 3, got 2",
            [](F& f) { apply_rope(f.x, f.table, f.layout, Eigen::Array2i(7, 8)); });
  bad.value("too few rows", "apply_rope: rows.size() must be x.rows() 3, got 2",
            [](F& f) { apply_rope(f.x, f.table, f.layout, posenc::rows(Eigen::Array2i(0, 1))); });
  bad.range("row outside of a wrapped cache",
            "apply_rope: rows[1] must be in [0, 4] (the table has 5 rows, 1 is needed), got 5", [](F& f) {
              const std::vector<float> cache(5 * 8, 0.5f);
              const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CosSinStorage::cos_sin, 1);
              apply_rope(f.x, wrapped, f.layout, posenc::rows(Eigen::Array3i(0, 5, 1)));
            });
  bad.range("negative row in a wrapped cache",
            "apply_rope: rows[2] must be in [0, 4] (the table has 5 rows, 1 is needed), got -1", [](F& f) {
              const std::vector<float> cache(5 * 8, 0.5f);
              const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CosSinStorage::cos_sin, 1);
              apply_rope(f.x, wrapped, f.layout, posenc::rows(std::vector<int>{0, 1, -1}));
            });
  bad.value("no whole sequences", "apply_rope: x.rows() must be a multiple of each_sequence's seq_len 2, got 3",
            [](F& f) { apply_rope(f.x, f.table, f.layout, each_sequence(2, starting_at(7))); });
  bad.value("sequences shorter than the table",
            "apply_rope: table.rows() must be each_sequence's seq_len 1, or a start be given, for instance "
            "each_sequence(1, starting_at(cached)), got 5",
            [](F& f) { apply_rope(f.x, f.table, f.layout, each_sequence(1)); });
  bad.value("a start too few", "apply_rope: starts.size() must be the number of sequences 3, got 2", [](F& f) {
    apply_rope(f.x, f.table, f.layout, each_sequence(1, std::vector<int>{7, 8}));
  });
  bad.range("a start outside of the table",
            "apply_rope: starts[2] must be in [7, 11] (the table's 5 rows begin at position 7, 1 is needed), got 12",
            [](F& f) {
              apply_rope(f.x, f.table, f.layout, each_sequence(1, std::vector<int>{7, 8, 12}));
            });
  bad.range("a sequence's row outside of the table",
            "apply_rope: rows[0] must be in [0, 4] (the table has 5 rows, 1 is needed), got 5", [](F& f) {
              apply_rope(f.x, f.table, f.layout, each_sequence(1, posenc::rows(std::vector<int>{5, 0, 0})));
            });
  bad.range("sequences from a row too late",
            "apply_rope: from_row() must be in [0, 2] (the table has 5 rows, 3 are needed), got 3",
            [](F& f) { apply_rope(f.x, f.table, f.layout, each_sequence(3, from_row(3))); });

  // Memory
  bad.value("null data", "apply_rope: x.data() must be a valid pointer, got null",
            [](F& f) { apply_rope(Eigen::Map<RowMajor>(nullptr, 3, 16), f.three, f.layout); });
  bad.value("result in null data", "apply_rope: out.data() must be a valid pointer, got null",
            [](F& f) { apply_rope(Eigen::Map<RowMajor>(nullptr, 3, 16), f.x, f.three, f.layout); });
  bad.allowed("null data of no tokens",
              [](F& f) { apply_rope(Eigen::Map<RowMajor>(nullptr, 0, 16), f.table, f.layout); });
  bad.value("result of another width", "apply_rope: out.cols() must be x.cols() 16, got 8",
            [](F& f) { apply_rope(f.out.leftCols(8), f.x, f.three, f.layout); });
  bad.value("result of another length", "apply_rope: out.rows() must be x.rows() 3, got 2",
            [](F& f) { apply_rope(f.out.topRows(2), f.x, f.three.inverse(), f.layout); });
  const char* const overlapping = "apply_rope: out must be x itself or disjoint from it, got overlapping memory";
  bad.value("result that overlaps", overlapping,
            [](F& f) { apply_rope(f.x.topRows(2), f.x.bottomRows(2), f.table, f.layout, from_row(0)); });
  bad.value("result that overlaps in reverse", overlapping,
            [](F& f) { apply_rope(f.x, f.x.colwise().reverse(), f.three, f.layout); });
  bad.value("result that overlaps other rows of an index view", overlapping, [](F& f) {
    const std::vector<int> up{0, 1, 2}, down{2, 1, 0};
    apply_rope(f.x(up, Eigen::all), f.x(down, Eigen::all), f.three, f.layout);
  });
  bad.value("result that overlaps what x is computed from", overlapping,
            [](F& f) { apply_rope(f.x, 2 * f.x.colwise().reverse(), f.three, f.layout); });
  bad.value("a matrix into a view of other tokens of it", overlapping, [](F& f) {
    apply_rope(view_packed(f.x.data() + 16, f.shape.seq_len(2)), f.x.topRows(2), f.table, f.layout, from_row(0));
  });
  bad.value("a view into an index view of its buffer", overlapping, [](F& f) {
    apply_rope(f.x(std::vector<int>{2, 1, 0}, Eigen::all), f.view(), f.three, f.layout);
  });
  bad.value("rows in one another",
            "apply_rope: x.outerStride() must be at least 16 forwards or backwards (what is written to may not overlap "
            "itself), got 8",
            [](F& f) {
              using Strided = Eigen::Map<RowMajor, 0, Eigen::OuterStride<>>;
              apply_rope(Strided(f.x.data(), 3, 16, Eigen::OuterStride<>(8)), f.three, f.layout);
            });
  bad.value("a row named twice",
            "apply_rope: out must be a view that names each row and column once, as it is written to, got row 1 more "
            "than once",
            [](F& f) {
              apply_rope(f.out(std::vector<int>{0, 1, 1}, Eigen::all), f.x, f.three, f.layout);
            });

  // Views
  bad.value("view without a batch", "view_blhd: shape.batch(n) must be given, got nothing",
            [](F& f) { view_blhd(f.x.data(), HeadsShape().seq_len(3).num_heads(2).head_dim(8)); });
  bad.value("view without a length", "view_bhld: shape.seq_len(n) must be given, got nothing",
            [](F& f) { view_bhld(f.x.data(), HeadsShape().batch(1).num_heads(2).head_dim(8)); });
  bad.value("view without heads", "view_packed: shape.num_heads(n) must be given, got nothing",
            [](F& f) { view_packed(f.x.data(), HeadsShape().seq_len(3).head_dim(8)); });
  bad.value("view without channels", "view_packed: shape.head_dim(n) must be given, got nothing",
            [](F& f) { view_packed(f.x.data(), HeadsShape().seq_len(3).num_heads(2)); });
  bad.value("view of no channels", "view_packed: shape.head_dim() must be > 0, got 0",
            [](F& f) { view_packed(f.x.data(), f.shape.head_dim(0)); });
  bad.value("view of null data", "view_packed: data must be a valid pointer, got null",
            [](F& f) { view_packed(static_cast<float*>(nullptr), f.shape); });
  bad.value("view of other heads than the layout", "apply_rope: x.head_dim() must be layout.head_dim() 8, got 4",
            [](F& f) { apply_rope(view_packed(f.x.data(), f.shape.num_heads(4).head_dim(4)), f.three, f.layout); });
  bad.value("view with negative batch", "view_blhd: shape.batch() must be >= 0, got -1",
            [](F& f) { view_blhd(f.x.data(), f.shape.batch(-1)); });
  bad.value("view with negative length", "view_blhd: shape.seq_len() must be >= 0, got -3",
            [](F& f) { view_blhd(f.x.data(), f.shape.batch(1).seq_len(-3)); });
  bad.value("view with negative heads", "view_blhd: shape.num_heads() must be >= 0, got -2",
            [](F& f) { view_blhd(f.x.data(), f.shape.batch(1).num_heads(-2)); });
  bad.value("view, table wider than the head",
            "apply_rope: table.rotary_dim() must be layout.head_dim() 4"
            " (angles of channels are for apply_channel_angles()), got 8",
            [](F& f) {
              apply_rope(view_packed(f.x.data(), f.shape.num_heads(4).head_dim(4)), f.three, RopeLayout::half_split(4));
            });
  bad.value("view, more rows than tokens",
            "apply_rope: rows must be given where the table has more of them (5) than x has tokens (3), for instance "
            "starting_at(cached) or from_row(n)",
            [](F& f) { apply_rope(f.view(), f.table, f.layout); });
  bad.range("view, one row too few",
            "apply_rope: from_row() must be in [0, 2] (the table has 5 rows, 3 are needed), got 3",
            [](F& f) { apply_rope(f.view(), f.table, f.layout, from_row(3)); });
  bad.value("view, rows neither shared nor for each",
            "apply_rope: rows.size() must be x.seq_len() 1, or as many for each sequence, got 2", [](F& f) {
              apply_rope(view_blhd(f.x.data(), f.shape.batch(3).seq_len(1)), f.table, f.layout,
                         posenc::rows(Eigen::Array2i(0, 1)));
            });
  bad.range("view, row outside of the table",
            "apply_rope: rows[2] must be in [0, 4] (the table has 5 rows, 1 is needed), got 77",
            [](F& f) { apply_rope(f.view(), f.table, f.layout, posenc::rows(Eigen::Array3i(1, 2, 77))); });
  bad.value("view, sequences of another length", "apply_rope: each_sequence's seq_len must be x.seq_len() 1, got 3",
            [](F& f) {
              apply_rope(view_blhd(f.x.data(), f.shape.batch(3).seq_len(1)), f.three, f.layout, each_sequence(3));
            });
  bad.value("views of different batch", "apply_rope: out.batch() must be x.batch() 1, got 3", [](F& f) {
    apply_rope(view_blhd(f.out.data(), f.shape.batch(3).seq_len(1)), f.view(), f.three, f.layout);
  });
  bad.value("views of different length", "apply_rope: out.seq_len() must be x.seq_len() 3, got 2",
            [](F& f) { apply_rope(view_packed(f.out.data(), f.shape.seq_len(2)), f.view(), f.three, f.layout); });
  bad.value("views of different heads", "apply_rope: out.num_heads() must be x.num_heads() 2, got 1",
            [](F& f) { apply_rope(view_packed(f.out.data(), f.shape.num_heads(1)), f.view(), f.three, f.layout); });
  bad.value("a matrix of other tokens than a view", "apply_rope: out.rows() must be x.batch() * x.seq_len() 3, got 2",
            [](F& f) { apply_rope(f.out.topRows(2), f.view(), f.three, f.layout); });
  bad.value("a matrix of other heads than a view",
            "apply_rope: x.cols() must be out.num_heads() * out.head_dim() 16, got 8",
            [](F& f) { apply_rope(f.view(), f.out.leftCols(8), f.three, f.layout); });
  const auto strided = [](F& f, float* data, Index batch, const HeadsStrides& strides) {
    return HeadsView<float>(data, f.shape.batch(batch).seq_len(batch == 1 ? 3 : 1), strides);
  };
  bad.value("strides that are missing", "HeadsView: strides.token(n) must be given, got nothing",
            [=](F& f) { strided(f, f.x.data(), 1, HeadsStrides().head(8)); });
  bad.value("view with heads in one another",
            "apply_rope: x.head_stride() must be at least 8 forwards or backwards (what is written to may not overlap "
            "itself), got 0",
            [=](F& f) { apply_rope(strided(f, f.x.data(), 1, HeadsStrides().token(16).head(0)), f.three, f.layout); });
  bad.value("view with tokens in one another",
            "apply_rope: out.token_stride() must be at least 8 forwards or backwards (what is written to may not "
            "overlap itself), got -7",
            [=](F& f) {
              apply_rope(strided(f, f.out.data(), 1, HeadsStrides().token(-7).head(8)), f.view(), f.three, f.layout);
            });
  bad.value(
      "view whose tokens lie in the heads",
      "apply_rope: x.token_stride() must be at least 16 forwards or backwards (what is written to may not overlap "
      "itself), got 8",
      [=](F& f) { apply_rope(strided(f, f.x.data(), 1, HeadsStrides().token(8).head(8)), f.three, f.layout); });
  bad.value(
      "view whose sequences are a token apart",
      "apply_rope: x.batch_stride() must be at least 48 forwards or backwards (what is written to may not overlap "
      "itself), got 16",
      [](F& f) {
        apply_rope(HeadsView<float>(f.x.data(), f.shape.batch(2), HeadsStrides().batch(16).token(16).head(8)), f.three,
                   f.layout);
      });
  bad.value("view without a distance of its sequences",
            "apply_rope: x.batch_stride() must be at least 8 forwards or backwards (what is written to may not overlap "
            "itself), got 0",
            [](F& f) {
              apply_rope(HeadsView<float>(f.x.data(), f.shape.batch(3).seq_len(1), HeadsStrides().batch(0).head(8)),
                         f.table.inverse(), f.layout, from_row(0));
            });
  bad.allowed("strides of axes with one entry say nothing", [](F& f) {
    const std::vector<float> before(f.x.data(), f.x.data() + 8);
    const auto shape = HeadsShape().batch(1).seq_len(1).num_heads(1).head_dim(8);
    apply_rope(HeadsView<float>(f.x.data(), shape, HeadsStrides()), f.table, f.layout, from_row(0));
    std::copy(before.begin(), before.end(), f.x.data());
  });
  if (sizeof(Index) == 8) {
    if (posenc_tests::kWideIndex)
      bad.length("view beyond memory",
                 "HeadsView: shape.batch() must be at most 16777216 for a stride of 34359738368, got 4294967296",
                 [](F& f) {
                   const Index many = Index(1) << (sizeof(Index) * 4);
                   HeadsView<float>(f.x.data(), f.shape.batch(many).seq_len(many),
                                    HeadsStrides().batch(8 * many).token(8).head(8));
                 });
    if (posenc_tests::kWideIndex)
      bad.length("a source beyond memory",
                 "HeadsView: shape.batch() must be at most 1 for a stride of -2305843009213693952, got 2", [](F& f) {
                   const Index far = -(Index(1) << (sizeof(Index) * 8 - 3));
                   HeadsView<const float>(f.x.data(), f.shape.batch(2), HeadsStrides().batch(far).token(8).head(8));
                 });
    bad.length("contiguous sizes beyond memory",
               "view_blhd: shape.batch() must be at most 1 for a stride of 9223372036854775807, got 2", [](F& f) {
                 const Index many = Index(1) << (sizeof(Index) * 4);
                 view_blhd(f.x.data(), f.shape.batch(2).seq_len(many).num_heads(many));
               });
  }
  bad.value("views that overlap", overlapping, [](F& f) {
    const auto two = f.shape.seq_len(2);
    apply_rope(view_packed(f.x.data() + 16, two), view_packed(f.x.data(), two), f.table, f.layout, from_row(0));
  });

  // Not errors
  bad.allowed("zero tokens", [](F& f) { apply_rope(f.x.topRows(0), f.table, f.layout, starting_at(12)); });
  bad.allowed("zero heads", [](F& f) { apply_rope(f.x.leftCols(0), f.three, f.layout); });
  bad.allowed("zero tokens in a null view", [](F& f) {
    apply_rope(view_packed(static_cast<float*>(nullptr), f.shape.seq_len(0)), f.table, f.layout);
  });
  bad.allowed("zero heads in a null view", [](F& f) {
    apply_rope(view_packed(static_cast<float*>(nullptr), f.shape.num_heads(0)), f.three, f.layout);
  });

  // Cached keys
  bad.value("a shift of NaN", "make_table: positions[1] must be finite, got nan",
            [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2d(1, kNan), f.eight.id()); });
  bad.value(
      "a shift of keys from another table",
      "make_shift_table: keys_id must be 14501298654465141105 (frequencies.id()), or std::nullopt where it is not "
      "known, got 2463176849848445297",
      [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), f.eight.with_magnitude(2).id()); });
  bad.value("a shift of keys of several axes by one",
            "make_shift_table: keys_id must be 14501298654465141105 (frequencies.id()), or std::nullopt where it is "
            "not known, got 12834770545675946904",
            [](F& f) {
              posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), contiguous_axes({2, 2}).id(f.eight));
            });
  bad.value(
      "a shift of keys of a table that does not know its frequencies",
      "make_shift_table: keys_id must be 14501298654465141105 (frequencies.id()), or std::nullopt where it is not "
      "known, got 0",
      [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), 0); });
  bad.value("a shift by heads of keys whose heads share their angles",
            "make_shift_table: keys_id must be 15742152128141115803 (frequencies.id() in a table of "
            "options.num_heads), or std::nullopt "
            "where it is not known, got 14501298654465141105",
            [](F& f) {
              posenc::TableOptions two;
              two.num_heads = 2;
              posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), f.eight.id(), two);
            });
  bad.value("a shift in float32 angles", "make_shift_table: options.angles must be exact, got float32", [](F& f) {
    posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), f.eight.id(),
                                    {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  });
  bad.value("rescaling by three heads of four pairs",
            "make_table: frequencies.num_pairs() must be a multiple of options.num_heads 3 (the pairs of head 0, then "
            "those of head 1, ...), got 4",
            [](F& f) {
              posenc::TableOptions three;
              three.num_heads = 3;
              posenc::make_rescale_table<float>(f.eight, f.eight, PositionRange(0, 2), std::nullopt, three);
            });
  bad.value("a layout of pairs that there are not", "RopeLayout: pairs must be one of its enumerators, got 5",
            [](F&) { posenc::RopeLayout(static_cast<posenc::RopePairs>(5), 8); });
  bad.value("rescaling keys of the new frequencies",
            "make_rescale_table: keys_id must be 14501298654465141105 (from.id()), or std::nullopt where it is not "
            "known, got 15623417584409101740",
            [](F& f) {
              const auto slow = posenc::scale_linear(f.eight, 2);
              posenc::make_rescale_table<float>(f.eight, slow, posenc::PositionRange(0, 3), slow.id());
            });
  bad.value(
      "rescaling pairs to channels",
      "make_rescale_table: to must be frequencies of pairs, or of channels, as from, got other frequencies", [](F& f) {
        posenc::make_rescale_table<float>(f.eight, f.eight.for_channels(), posenc::PositionRange(0, 3), std::nullopt);
      });
  bad.value("rescaling to other pairs", "make_rescale_table: to.num_pairs() must be from.num_pairs() 4, got 5",
            [](F& f) {
              posenc::make_rescale_table<float>(f.eight, geometric_frequencies(10, 1e4), posenc::PositionRange(0, 3),
                                                std::nullopt);
            });
  bad.value("rescaling without enough positions", "apply_rope: table.rows() must be x.rows() 3, got 2", [](F& f) {
    apply_rope(f.x, posenc::make_rescale_table<float>(f.eight, f.eight, PositionRange(0, 2), f.eight.id()), f.layout);
  });

  // xPos
  bad.range("xPos with an angle beyond double",
            "make_xpos_tables: positions[1] must be such that position * frequency is finite (the largest frequency is "
            "1e+308), got 100000",
            [](F&) {
              posenc::make_xpos_tables<double>(posenc::Frequencies(Eigen::Array2d(1, 1e308)), Eigen::Array2d(0, 1e5),
                                               0);
            });
  bad.value("xPos with a magnitude", "make_xpos_tables: frequencies.magnitude() must be 1, got 2",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight.with_magnitude(2), posenc::PositionRange(0, 3), 0); });
  bad.value("xPos about NaN", "make_xpos_tables: center must be finite, got nan",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), kNan); });
  bad.value("xPos over no distance", "make_xpos_tables: scale_base must be finite and >= 1, got 0", [](F& f) {
    posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), 0, {0, 0.4});
  });
  bad.value("xPos of float32 angles", "make_xpos_tables: options.angles must be exact, got float32", [](F& f) {
    posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), 0, {},
                                    {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  });
  bad.range("xPos beyond its scalar",
            "make_xpos_tables: distance of a position from center must be at most 36056.3768 (beyond it the scale does "
            "not fit into the scalar), got 1000000",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(1000000, 1), 0); });
  bad.value("the inverse of an xPos table",
            "FrequencyTable::inverse: magnitude() must be > 0 (the inverse of an xPos table is the adjoint of its "
            "counterpart; sequences of other magnitudes are inverted one by one), got 0",
            [](F& f) {
              posenc::apply_rope(
                  f.x, posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), 0).queries.inverse(),
                  f.layout);
            });

  // Permutations
  bad.value("layouts of different heads", "channel_permutation: to.head_dim() must be from.head_dim() 8, got 16",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(16)); });
  bad.value("layouts of different windows", "channel_permutation: to.rotary_dim() must be from.rotary_dim() 6, got 4",
            [](F& f) {
              posenc::permute_columns(f.x, RopeLayout::half_split(8).prefix(6), RopeLayout::interleaved(8).suffix(4));
            });
  bad.value("odd window of a permutation",
            "channel_permutation: from.rotary_dim() must be even, > 0 and at most 16777216, got 5",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(5), RopeLayout::interleaved(5)); });
  bad.value("columns that are no heads", "permute_columns: x.cols() must be a multiple of from.head_dim() 12, got 16",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(12), RopeLayout::interleaved(12)); });
  bad.value("weights that are no heads", "permute_rows: weights.rows() must be a multiple of from.head_dim() 4, got 3",
            [](F& f) { posenc::permute_rows(f.columns, RopeLayout::half_split(4), RopeLayout::interleaved(4)); });
  bad.value("columns in one another",
            "permute_columns: x must be a view that names each row and column once, as it is written to, got row 0 "
            "more than once",
            [](F& f) {
              posenc::permute_columns(f.x(std::vector<int>{0, 0}, Eigen::all), RopeLayout::half_split(8),
                                      RopeLayout::interleaved(8));
            });

  // Learned frequencies
  bad.value("learned frequencies of other axes",
            "make_mixed_table: positions.cols() must be the number of axes 2, got 3",
            [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(2, 4), Ids::Zero(3, 3)); });
  bad.range(
      "learned frequencies whose angle is beyond double",
      "make_mixed_table: positions.row(1) must be such that the sum of |position * frequency| over the axes is "
      "finite, got inf",
      [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Constant(1, 4, 10), Eigen::Vector2d(0, -1e308)); });
  bad.value("learned frequencies with float32 angles", "make_mixed_table: options.angles must be exact, got float32",
            [](F&) {
              posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(1, 4), Eigen::Vector2i(0, 1),
                                              {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
            });
  bad.value("a learned frequency NaN", "make_mixed_table: frequencies(0, 0) must be finite, got nan",
            [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Constant(1, 4, kNan), Eigen::Vector2i(0, 1)); });
  bad.value("base and angle that have changed places",
            "initial_mixed_frequencies: angle must be within [-2 pi, 2 pi], got 10",
            [](F&) { posenc::initial_mixed_frequencies(64, 0.5, 10.0); });
  bad.value("learned frequencies of 6 channels", "initial_mixed_frequencies: head_dim must be a multiple of 4, got 6",
            [](F&) { posenc::initial_mixed_frequencies(6, 10, 0); });
  bad.value(
      "a gradient of too many pairs",
      "mixed_table_backward: grad_frequencies.cols() must be half of layout.rotary_dim() 8, or that for each of the 2 "
      "heads of y, got 5",
      [](F& f) {
        Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 5);
        posenc::mixed_table_backward(grad, f.x, f.x, Ids::Zero(3, 2), f.layout);
      });
  bad.value("a gradient that overlaps what is read",
            "mixed_table_backward: grad_frequencies must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::mixed_table_backward(f.x.topLeftCorner(2, 4), f.x, f.out, Ids::Zero(3, 2), f.layout); });
  bad.value("a gradient of other tokens", "mixed_table_backward: grad_y.rows() must be 3, got 2", [](F& f) {
    Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 4);
    posenc::mixed_table_backward(grad, f.x.topRows(2), f.x, Ids::Zero(3, 2), f.layout);
  });

  // Norms
  using posenc::NormOrder;
  using posenc::NormOver;
  using posenc::NormWeight;
  using posenc::RmsNorm;
  const auto norm_of = [](Index size, NormOver over = NormOver::head, NormOrder order = NormOrder::before_rotation) {
    return RmsNorm(Eigen::VectorXf::Ones(size), 1e-6, over, NormWeight::itself, order);
  };
  bad.value("a norm of no weights", "RmsNorm: weight.size() must be > 0 (no weights: RmsNorm::without_weight()), got 0",
            [=](F&) { norm_of(0); });
  bad.value("weights that are no vector", "RmsNorm: weight.rows() must be 1, or weight.cols() be 1, got 2", [](F&) {
    RmsNorm(Eigen::MatrixXf::Ones(2, 4), 1e-6, NormOver::head, NormWeight::itself, NormOrder::before_rotation);
  });
  bad.value("a negative eps", "RmsNorm: eps must be finite and >= 0, got -1", [](F&) {
    RmsNorm(Eigen::VectorXf::Ones(8), -1, NormOver::head, NormWeight::itself, NormOrder::before_rotation);
  });
  bad.value("eps NaN", "RmsNorm::without_weight: eps must be finite and >= 0, got nan",
            [](F&) { RmsNorm::without_weight(kNan, NormOver::head, NormOrder::after_rotation); });
  bad.value("a norm over nothing that has a name", "RmsNorm: over must be one of its enumerators, got 2",
            [=](F&) { norm_of(8, static_cast<NormOver>(2)); });
  bad.value("a norm in an order without a name", "RmsNorm: order must be one of its enumerators, got -1",
            [=](F&) { norm_of(8, NormOver::head, static_cast<NormOrder>(-1)); });
  bad.value("weights that are nothing that has a name", "RmsNorm: is must be one of its enumerators, got 2", [](F&) {
    RmsNorm(Eigen::VectorXf::Ones(8), 0, NormOver::head, static_cast<NormWeight>(2), NormOrder::before_rotation);
  });
  bad.value("weights of another head", "apply_rope: norm.factors().size() must be layout.head_dim() 8, got 16",
            [=](F& f) { apply_rope(f.x, f.three, f.layout, norm_of(16)); });
  bad.value("weights of one head for a whole token",
            "apply_rope: norm.factors().size() must be the channels of all heads of x, 16, got 8",
            [=](F& f) { apply_rope(f.out, f.x, f.three, f.layout, norm_of(8, NormOver::token)); });
  bad.value(
      "a norm behind xPos",
      "apply_rope: table.magnitude() must be > 0 where the norm comes behind the rotation (that of xPos or FoPE is "
      "not one number), got 0",
      [=](F& f) {
        const auto tables = posenc::make_xpos_tables<float>(f.eight, PositionRange(7, 3), 0);
        apply_rope(f.x, tables.queries, f.layout, norm_of(8, NormOver::head, NormOrder::after_rotation));
      });

  // Rows of a cache
  using posenc::cache_rows;
  bad.range("a slot that the cache lacks", "apply_rope: slots[1] must be in [0, the rows of the cache 3), got 3",
            [](F& f) {
              apply_rope(cache_rows(f.out, std::vector<int>{0, 3, 1}), f.x, f.three, f.layout);
            });
  bad.range("the slot of a padded token", "apply_rope: slots[2] must be in [0, the rows of the cache 3), got -1",
            [](F& f) {
              apply_rope(cache_rows(f.out, std::vector<int>{0, 2, -1}), f.x, f.three, f.layout);
            });
  bad.value("a slot for each row of the cache, not for each token",
            "apply_rope: slots.size() must be the tokens of x 3, got 2", [](F& f) {
              apply_rope(cache_rows(f.out, std::vector<int>{0, 2}), f.x, f.three, f.layout);
            });
  bad.value("a cache of other heads", "apply_rope: the heads of the cache must be those of x 2, got 1", [](F& f) {
    apply_rope(cache_rows(f.out.leftCols(8), std::vector<int>{0, 2, 1}), f.x, f.three, f.layout);
  });
  bad.value("keys that lie in their cache", "apply_rope: cache must be disjoint from x, got overlapping memory",
            [](F& f) {
              apply_rope(cache_rows(f.x, std::vector<int>{0, 2, 1}), f.x, f.three, f.layout);
            });
  const auto as_view = [](auto& x) {
    return posenc::view_packed(x.data(), posenc::HeadsShape().seq_len(3).num_heads(2).head_dim(8));
  };
  bad.value("a view of a column-major cache", "apply_rope: cache must be disjoint from x, got overlapping memory",
            [=](F& f) {
              Eigen::MatrixXf cache = f.x;
              apply_rope(cache_rows(cache, std::vector<int>{0, 2, 1}), as_view(cache), f.three, f.layout);
            });
  bad.value("column-major keys in a view that is the cache",
            "apply_rope: cache must be disjoint from x, got overlapping memory", [=](F& f) {
              Eigen::MatrixXf keys = f.x;
              apply_rope(cache_rows(as_view(keys), std::vector<int>{0, 2, 1}), keys, f.three, f.layout);
            });
  bad.value("an expression of a view that is the cache",
            "apply_rope: cache must be disjoint from x, got overlapping memory", [=](F& f) {
              apply_rope(cache_rows(as_view(f.x), std::vector<int>{0, 2, 1}), 2.0f * f.x, f.three, f.layout);
            });

  // Lists in what is written
  const auto numbers_in = [](auto& x) {
    return Eigen::Map<const Eigen::VectorXi>(reinterpret_cast<const int*>(x.data()), 3);
  };
  bad.value("slots that lie in their cache",
            "apply_rope: slots must be disjoint from the cache, got memory of the cache", [=](F& f) {
              RowMajor cache = RowMajor::Zero(3, 16);
              apply_rope(cache_rows(cache, numbers_in(cache)), f.x, f.three, f.layout);
            });
  bad.value("slots that lie in a view of their cache",
            "apply_rope: slots must be disjoint from the cache, got memory of the cache", [=](F& f) {
              RowMajor cache = RowMajor::Zero(3, 16);
              apply_rope(cache_rows(as_view(cache), numbers_in(cache)), f.x, f.three, f.layout);
            });
  bad.value(
      "rows that lie in the cache",
      "apply_rope: cache must be disjoint from the list of positions or rows, got memory of the positions or rows",
      [=](F& f) {
        const auto in_cache = numbers_in(f.out);
        apply_rope(cache_rows(f.out, std::vector<int>{0, 2, 1}), f.x, f.table, f.layout, posenc::rows(in_cache));
      });
  bad.value("positions that lie in x",
            "apply_rope: x must be disjoint from the list of positions or rows, got memory of the positions or rows",
            [=](F& f) { apply_rope(f.x, f.table, f.layout, numbers_in(f.x)); });
  bad.value(
      "starts that lie in a view that is written",
      "apply_rope: out must be disjoint from the list of positions or rows, got memory of the positions or rows",
      [=](F& f) { apply_rope(as_view(f.out), f.view(), f.table, f.layout, each_sequence(1, numbers_in(f.out))); });
  bad.value(
      "positions that lie in what channels are mixed in",
      "apply_channel_angles: x must be disjoint from the list of positions or rows, got memory of the positions or "
      "rows",
      [=](F& f) { apply_channel_angles(f.x, f.table, RopeLayout::half_split(4), numbers_in(f.x)); });

  // Gradients of norms
  using posenc::rope_backward;
  bad.value("positions that lie in a gradient",
            "rope_backward: grad_x must be disjoint from what is read, got overlapping memory", [=](F& f) {
              Eigen::VectorXf grad = Eigen::VectorXf::Zero(8);
              rope_backward(f.out, grad, f.x, f.x, f.table, f.layout, norm_of(8), numbers_in(f.out));
            });
  bad.value("a gradient of other weights", "rope_backward: grad_weight.size() must be norm.factors().size() 8, got 4",
            [=](F& f) {
              Eigen::VectorXf grad = Eigen::VectorXf::Zero(4);
              rope_backward(f.out, grad, f.x, f.x, f.three, f.layout, norm_of(8));
            });
  bad.value("a gradient of other tokens through a norm", "rope_backward: grad_out.rows() must be 3, got 2", [=](F& f) {
    Eigen::VectorXf grad = Eigen::VectorXf::Zero(8);
    rope_backward(f.out, grad, f.x.topRows(2), f.x, f.three, f.layout, norm_of(8));
  });
  bad.value("a gradient of weights that is no vector",
            "rope_backward: grad_weight.rows() must be 1, or grad_weight.cols() be 1, got 2", [=](F& f) {
              Eigen::MatrixXf grad = Eigen::MatrixXf::Zero(2, 4);
              rope_backward(f.out, grad, f.x, f.x, f.three, f.layout, norm_of(8));
            });
  bad.value("a gradient through the weights of another head",
            "rope_backward: norm.factors().size() must be layout.head_dim() 8, got 16", [=](F& f) {
              Eigen::VectorXf grad = Eigen::VectorXf::Zero(16);
              rope_backward(f.out, grad, f.x, f.x, f.three, f.layout, norm_of(16));
            });
  bad.range("a gradient of more tokens than rows",
            "rope_backward: from_row() must be in [0, 2] (the table has 5 rows, 3 are needed), got 3", [=](F& f) {
              Eigen::VectorXf grad = Eigen::VectorXf::Zero(8);
              rope_backward(f.out, grad, f.x, f.x, f.table, f.layout, norm_of(8), posenc::from_row(3));
            });
  bad.value("a gradient of weights that lies in x",
            "rope_backward: grad_weight must be disjoint from what is read, got overlapping memory",
            [=](F& f) { rope_backward(f.out, f.x.row(0).head(8), f.x, f.x, f.three, f.layout, norm_of(8)); });
  bad.value(
      "a gradient beside x",
      "rope_backward: grad_x must be grad_out or x itself or disjoint from them, got overlapping memory", [=](F& f) {
        Eigen::VectorXf grad = Eigen::VectorXf::Zero(8);
        rope_backward(f.x.rightCols(8), grad, f.x.middleCols(4, 8), f.out.leftCols(8), f.three, f.layout, norm_of(8));
      });
  return bad.cases();
}

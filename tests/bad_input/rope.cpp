// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/rope.hpp"

namespace {

using Eigen::Index;
using posenc::contiguous_axes;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::geometric_frequencies;
using posenc::PositionRange;
using posenc::RopeLayout;
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
  RopeLayout layout = RopeLayout::half_split(8);

  posenc::HeadsView<float> view() { return posenc::view_packed(x.data(), 3, 2, 8); }
  posenc::HeadsView<float> out_view() { return posenc::view_packed(out.data(), 3, 2, 8); }

  std::string written() const { return bytes_of(x, columns, out, table.cos(), table.sin()); }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_rope() {
  using F = Fixture;
  BadInputs<F> bad("rope");

  // RoPE
  bad.value("head_dim 0", "RopeLayout::half_split: head_dim must be > 0, got 0", [](F&) { RopeLayout::half_split(0); });
  bad.value("offset at the end of the head", "RopeLayout::interleaved: offset must be in [0, head_dim 8), got 8",
            [](F&) { RopeLayout::interleaved(8, 8); });
  bad.value("negative offset", "RopeLayout::half_split: offset must be in [0, head_dim 8), got -2",
            [](F&) { RopeLayout::half_split(8, -2); });
  bad.value("rotary_dim larger than the head",
            "apply_rope: table.rotary_dim() must be at most 4 (head_dim 4 - offset 0), got 8",
            [](F& f) { posenc::apply_rope(f.x, f.table, RopeLayout::half_split(4)); });
  bad.value("window outside of the head",
            "apply_rope: table.rotary_dim() must be at most 7 (head_dim 16 - offset 9), got 8",
            [](F& f) { posenc::apply_rope(f.x, f.table, RopeLayout::interleaved(16, 9)); });
  bad.value("columns no multiple of head_dim", "apply_rope: x.cols() must be a multiple of head_dim 8, got 12",
            [](F& f) { posenc::apply_rope(f.x.leftCols(12), f.table, f.layout); });
  bad.range("more tokens than rows", "apply_rope: table.rows() must be at least 3 (tokens), got 2", [](F& f) {
    posenc::apply_rope(f.x, posenc::make_table<float>(f.eight, posenc::PositionRange(0, 2)), f.layout);
  });
  bad.range("one row too few", "apply_rope: first_row must be at most 2 (5 rows of the table - 3 tokens), got 3",
            [](F& f) { posenc::apply_rope(f.columns, f.table, f.layout, 3); });
  bad.range("first row far outside",
            "apply_rope_inverse: first_row must be at most 2 (5 rows of the table - 3 tokens), got 9223372036854775807",
            [](F& f) { posenc::apply_rope_inverse(f.x, f.table, f.layout, kMaxIndex); });
  bad.range("negative first row", "apply_rope_adjoint: first_row must be >= 0, got -1",
            [](F& f) { posenc::apply_rope_adjoint(f.x, f.table, f.layout, -1); });
  bad.value("too few ids", "apply_rope: rows.size() must be the number of tokens 3, got 2",
            [](F& f) { posenc::apply_rope(f.x, f.table, f.layout, Eigen::Array2i(0, 1)); });
  bad.range("id outside of a wrapped cache", "apply_rope: rows[1] must be in [0, 5) (rows of the table), got 5",
            [](F& f) {
              const std::vector<float> cache(5 * 8, 0.5f);
              const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CosSinStorage::cos_sin);
              posenc::apply_rope(f.x, wrapped, f.layout, Eigen::Array3i(0, 5, 1));
            });
  bad.range("negative id in a wrapped cache", "apply_rope: rows[2] must be in [0, 5) (rows of the table), got -1",
            [](F& f) {
              const std::vector<float> cache(5 * 8, 0.5f);
              const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CosSinStorage::cos_sin);
              posenc::apply_rope(f.x, wrapped, f.layout, Eigen::Array3i(0, 1, -1));
            });
  bad.value("null data", "apply_rope: x.data() must be a valid pointer, got null",
            [](F& f) { posenc::apply_rope(Eigen::Map<RowMajor>(nullptr, 3, 16), f.table, f.layout); });
  bad.value("result in null data", "apply_rope_into: out.data() must be a valid pointer, got null",
            [](F& f) { posenc::apply_rope_into(Eigen::Map<RowMajor>(nullptr, 3, 16), f.x, f.table, f.layout); });
  bad.allowed("null data of no tokens",
              [](F& f) { posenc::apply_rope(Eigen::Map<RowMajor>(nullptr, 0, 16), f.table, f.layout); });
  bad.value("result of another width", "apply_rope_into: out.cols() must be 16, got 8",
            [](F& f) { posenc::apply_rope_into(f.out.leftCols(8), f.x, f.table, f.layout); });
  bad.value("result of another length", "apply_rope_inverse_into: out.rows() must be 3, got 2",
            [](F& f) { posenc::apply_rope_inverse_into(f.out.topRows(2), f.x, f.table, f.layout); });
  bad.value("result that overlaps", "apply_rope_into: out must be x itself or disjoint from it, got overlapping memory",
            [](F& f) { posenc::apply_rope_into(f.x.topRows(2), f.x.bottomRows(2), f.table, f.layout); });
  bad.range("result, one row too few",
            "apply_rope_adjoint_into: first_row must be at most 2 (5 rows of the table - 3 tokens), got 3",
            [](F& f) { posenc::apply_rope_adjoint_into(f.out, f.x, f.table, f.layout, 3); });
  bad.value("view of null data", "apply_rope: x.data must be a valid pointer, got null",
            [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 3, 2, 8), f.table, f.layout); });
  bad.value("view of other heads than the layout", "apply_rope: x.head_dim must be layout.head_dim() 8, got 4",
            [](F& f) { posenc::apply_rope(posenc::view_packed(f.x.data(), 3, 4, 4), f.table, f.layout); });
  bad.value("view with negative batch", "apply_rope: x.batch must be >= 0, got -1",
            [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), -1, 3, 2, 8), f.table, f.layout); });
  bad.value("view with negative length", "apply_rope: x.seq_len must be >= 0, got -3",
            [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), 1, -3, 2, 8), f.table, f.layout); });
  bad.value("view with negative heads", "apply_rope: x.num_heads must be >= 0, got -2",
            [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), 1, 3, -2, 8), f.table, f.layout); });
  bad.value("view, rotary_dim larger than the head",
            "apply_rope: table.rotary_dim() must be at most 4 (head_dim 4 - offset 0), got 8", [](F& f) {
              posenc::apply_rope(posenc::view_packed(f.x.data(), 3, 4, 4), f.table, RopeLayout::half_split(4));
            });
  bad.range("view, one row too few", "apply_rope: first_row must be at most 2 (5 rows of the table - 3 tokens), got 3",
            [](F& f) { posenc::apply_rope(f.view(), f.table, f.layout, 3); });
  bad.value("view, ids neither shared nor for each", "apply_rope: rows.size() must be the number of tokens 3, got 2",
            [](F& f) {
              const auto view = posenc::view_blhd(f.x.data(), 3, 1, 2, 8);
              posenc::apply_rope(view, f.table, f.layout, Eigen::Array2i(0, 1));
            });
  bad.range("view, id outside of the table", "apply_rope: rows[2] must be in [0, 5) (rows of the table), got 77",
            [](F& f) { posenc::apply_rope(f.view(), f.table, f.layout, Eigen::Array3i(1, 2, 77)); });
  bad.value("views of different batch", "apply_rope_into: out.batch must be x.batch 1, got 3", [](F& f) {
    posenc::apply_rope_into(posenc::view_blhd(f.out.data(), 3, 1, 2, 8), f.view(), f.table, f.layout);
  });
  bad.value("views of different length", "apply_rope_into: out.seq_len must be x.seq_len 3, got 2", [](F& f) {
    posenc::apply_rope_into(posenc::view_packed(f.out.data(), 2, 2, 8), f.view(), f.table, f.layout);
  });
  bad.value("views of different heads", "apply_rope_into: out.num_heads must be x.num_heads 2, got 1", [](F& f) {
    posenc::apply_rope_into(posenc::view_packed(f.out.data(), 3, 1, 8), f.view(), f.table, f.layout);
  });
  bad.value("view into null data", "apply_rope_into: out.data must be a valid pointer, got null", [](F& f) {
    posenc::apply_rope_into(posenc::view_packed<float>(nullptr, 3, 2, 8), f.view(), f.table, f.layout);
  });
  bad.value("view without a head stride",
            "apply_rope: x.head_stride must be at least 8 forwards or backwards (what is written to may not overlap "
            "itself), got 0",
            [](F& f) {
              posenc::HeadsView<float> view = f.view();
              view.head_stride = 0;
              posenc::apply_rope(view, f.table, f.layout);
            });
  bad.value("view with tokens in one another",
            "apply_rope_into: out.token_stride must be at least 8 forwards or backwards (what is written to may not "
            "overlap itself), got -7",
            [](F& f) {
              posenc::HeadsView<float> out = f.out_view();
              out.token_stride = -7;
              posenc::apply_rope_into(out, f.view(), f.table, f.layout);
            });
  bad.value("view whose tokens lie in the heads",
            "apply_rope: x.token_stride must be at least 16 forwards or backwards (what is written to may not overlap "
            "itself), got 8",
            [](F& f) {
              posenc::HeadsView<float> view = f.view();
              view.token_stride = view.head_stride;
              posenc::apply_rope(view, f.table, f.layout);
            });
  bad.value("view whose sequences are a token apart",
            "apply_rope: x.batch_stride must be at least 48 forwards or backwards (what is written to may not overlap "
            "itself), got 16",
            [](F& f) {
              posenc::HeadsView<float> view = posenc::view_blhd(f.x.data(), 1, 3, 2, 8);
              view.batch = 2;
              view.batch_stride = 16;
              posenc::apply_rope(view, f.table, f.layout);
            });
  bad.length("view beyond memory",
             "apply_rope: x.batch must be at most 16777216 for a stride of 34359738368, got 4294967296", [](F& f) {
               const Index many = Index(1) << 32;
               const posenc::HeadsView<float> view{f.x.data(), many, many, 1, 8, 8 * many, 8, 8};
               posenc::apply_rope(view, f.table, f.layout, Eigen::ArrayXi());
             });
  bad.length("a source beyond memory",
             "apply_rope_into: x.batch must be at most 1 for a stride of -2305843009213693952, got 2", [](F& f) {
               posenc::HeadsView<float> source = posenc::view_blhd(f.x.data(), 2, 1, 2, 8);
               source.batch_stride = -(Index(1) << 61);
               posenc::apply_rope_into(posenc::view_blhd(f.out.data(), 2, 1, 2, 8), source, f.table, f.layout);
             });
  bad.value("view without a batch stride",
            "apply_rope_inverse: x.batch_stride must be at least 8 forwards or backwards (what is written to may not "
            "overlap itself), got 0",
            [](F& f) {
              posenc::HeadsView<float> view = posenc::view_blhd(f.x.data(), 3, 1, 2, 8);
              view.batch_stride = 0;
              posenc::apply_rope_inverse(view, f.table, f.layout);
            });
  bad.allowed("strides of axes with one entry say nothing", [](F& f) {
    posenc::HeadsView<float> view{f.x.data(), 1, 1, 1, 8, 0, 0, 0};
    const std::vector<float> before(f.x.data(), f.x.data() + 8);
    posenc::apply_rope(view, f.table, f.layout);
    std::copy(before.begin(), before.end(), f.x.data());
  });
  bad.value("views that overlap", "apply_rope_into: out must be x itself or disjoint from it, got overlapping memory",
            [](F& f) {
              posenc::apply_rope_into(posenc::view_packed(f.x.data() + 16, 2, 2, 8),
                                      posenc::view_packed(f.x.data(), 2, 2, 8), f.table, f.layout);
            });

  // Not errors
  bad.allowed("zero tokens", [](F& f) { posenc::apply_rope(f.x.topRows(0), f.table, f.layout, 5); });
  bad.allowed("zero heads", [](F& f) { posenc::apply_rope(f.x.leftCols(0), f.table, f.layout); });
  bad.allowed("zero tokens in a null view",
              [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 0, 2, 8), f.table, f.layout); });
  bad.allowed("zero heads in a null view",
              [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 3, 0, 8), f.table, f.layout); });

  // Cached keys
  bad.value("a shift of NaN", "make_table: positions[1] must be finite, got nan",
            [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2d(1, kNan)); });
  bad.value(
      "a shift of keys from another table",
      "make_shift_table: keys_id must be 0 or 14501298654465141105 (frequencies.id()), got 2463176849848445297",
      [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), f.eight.with_magnitude(2).id()); });
  bad.value("a shift of keys of several axes by one",
            "make_shift_table: keys_id must be 0 or 14501298654465141105 (frequencies.id()), got 2855824892242359937",
            [](F& f) {
              posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), contiguous_axes({2, 2}).id(f.eight));
            });
  bad.value("rescaling keys of the new frequencies",
            "make_rescale_table: keys_id must be 0 or 14501298654465141105 (from.id()), got 15623417584409101740",
            [](F& f) {
              const auto slow = posenc::scale_linear(f.eight, 2);
              posenc::make_rescale_table<float>(f.eight, slow, posenc::PositionRange(0, 3), slow.id());
            });
  bad.value("rescaling to other pairs", "make_rescale_table: to.num_pairs() must be from.num_pairs() 4, got 5",
            [](F& f) {
              posenc::make_rescale_table<float>(f.eight, geometric_frequencies(10, 1e4), posenc::PositionRange(0, 3));
            });
  bad.range("rescaling without enough positions", "apply_rope: table.rows() must be at least 3 (tokens), got 2",
            [](F& f) {
              posenc::apply_rope(f.x, posenc::make_rescale_table<float>(f.eight, f.eight, posenc::PositionRange(0, 2)),
                                 f.layout);
            });

  // xPos
  bad.value("xPos with a magnitude", "make_xpos_tables: frequencies.magnitude() must be 1, got 2",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight.with_magnitude(2), posenc::PositionRange(0, 3), 0); });
  bad.value("xPos about NaN", "make_xpos_tables: center must be finite, got nan",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), kNan); });
  bad.value("xPos over no distance", "make_xpos_tables: scale_base must be finite and > 0, got 0", [](F& f) {
    posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), 0, {0, 0.4});
  });
  bad.range("xPos beyond its scalar",
            "make_xpos_tables: distance of a position from center must be at most 36056.3768 (beyond it the scale does "
            "not fit into the scalar), got 1000000",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(1000000, 1), 0); });
  bad.value("the inverse of an xPos table",
            "apply_rope_inverse: table.magnitude() must be > 0 (the inverse of an xPos table is the adjoint of its "
            "counterpart), got 0",
            [](F& f) {
              posenc::apply_rope_inverse(
                  f.x, posenc::make_xpos_tables<float>(f.eight, posenc::PositionRange(0, 3), 0).queries, f.layout);
            });

  // Layouts
  bad.value("layouts of different heads", "channel_permutation: to.head_dim() must be from.head_dim() 8, got 16",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(16), 8); });
  bad.value("a window that leaves the head",
            "channel_permutation: rotary_dim must be at most 4 (head_dim 8 - offset 4 of to), got 6",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(8, 4), 6); });
  bad.value("odd window of a permutation",
            "channel_permutation: rotary_dim must be even, > 0 and at most 16777216, got 5",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(8), 5); });
  bad.value("columns that are no heads", "permute_columns: x.cols() must be a multiple of head_dim 12, got 16",
            [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(12), RopeLayout::interleaved(12), 12); });
  bad.value("weights that are no heads", "permute_rows: weights.rows() must be a multiple of head_dim 4, got 3",
            [](F& f) { posenc::permute_rows(f.columns, RopeLayout::half_split(4), RopeLayout::interleaved(4), 4); });

  // Learned frequencies
  bad.value("learned frequencies of other axes",
            "make_mixed_table: positions.cols() must be the number of axes 2, got 3",
            [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(2, 4), Ids::Zero(3, 3)); });
  bad.value("a learned frequency NaN", "make_mixed_table: frequencies(0, 0) must be finite, got nan",
            [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Constant(1, 4, kNan), Eigen::Vector2i(0, 1)); });
  bad.value("learned frequencies of 6 channels", "initial_mixed_frequencies: head_dim must be a multiple of 4, got 6",
            [](F&) { posenc::initial_mixed_frequencies(6, 10, 0); });
  bad.value("a gradient of too many pairs",
            "mixed_frequencies_backward: grad_frequencies.cols() must be at most 4 (half of head_dim - offset), got 5",
            [](F& f) {
              Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 5);
              posenc::mixed_frequencies_backward(grad, f.x, f.x, Ids::Zero(3, 2), f.layout);
            });
  bad.value("a gradient of other tokens", "mixed_frequencies_backward: grad_y.rows() must be 3, got 2", [](F& f) {
    Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 4);
    posenc::mixed_frequencies_backward(grad, f.x.topRows(2), f.x, Ids::Zero(3, 2), f.layout);
  });
  return bad.cases();
}

// SPDX-License-Identifier: MIT
/// Bad arguments of the relative biases: the kind of error, the function, parameter, value and limit in the message,
/// and nothing written.
#include "posenc/relative_bias.hpp"

#include <cstdio>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Eigen::Index;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::RelativeRows;
using posenc::ShawClip;
using posenc::T5Buckets;
using posenc::WindowShape;
using posenc::WindowTable;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Index kMaxIndex = std::numeric_limits<Index>::max();

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Mlp = posenc::BiasMlp<double>;

Mlp make_mlp(Index inputs, Index hidden, Index outputs) {
  Mlp mlp;
  mlp.layers.push_back({Matrix::Ones(hidden, inputs), Eigen::VectorXd::Ones(hidden)});
  mlp.layers.push_back({Matrix::Ones(outputs, hidden), Eigen::VectorXd::Ones(outputs)});
  return mlp;
}

/// What the calls write to, and good arguments to go with one bad one: 3 queries, 5 keys, 2 heads of 4 channels.
struct Fixture {
  AttentionSpan span = AttentionSpan::cached(3, 5);
  Matrix logits = Matrix::Constant(3, 5, 1.5);
  Matrix both_heads = Matrix::Constant(6, 5, 2.5);
  Matrix out = Matrix::Constant(3, 4, 3.5);
  Matrix window_logits = Matrix::Constant(6, 6, 4.5);
  Matrix grad = Matrix::Constant(32, 2, 5.5);
  Matrix grad_q = Matrix::Constant(3, 4, 6.5);
  Matrix grad_rows = Matrix::Constant(5, 4, 7.5);
  DistanceTable<double> table = DistanceTable<double>(2, {-4, 2});
  WindowTable<double> window = WindowTable<double>(1, {2, 3});
  posenc::Fire<double> fire = {make_mlp(1, 3, 2)};
  posenc::Fire<double> grad_fire = {make_mlp(1, 3, 2)};

  // Only read.
  Matrix weights = Matrix::Ones(32, 2);
  Matrix q = Matrix::Ones(3, 4);
  Matrix k = Matrix::Ones(5, 4);
  Matrix rows = Matrix::Ones(5, 4);
  Matrix one = Matrix::Ones(1, 4);
  Mlp mlp = make_mlp(1, 3, 2);
  posenc::Workspace<double> workspace;

  bool untouched() const {
    const Fixture fresh;
    const auto same = [](const auto& a, const auto& b) {
      return a.size() == b.size() &&
             std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
    };
    return same(logits, fresh.logits) && same(both_heads, fresh.both_heads) && same(out, fresh.out) &&
           same(window_logits, fresh.window_logits) && same(grad, fresh.grad) && same(grad_q, fresh.grad_q) &&
           same(grad_rows, fresh.grad_rows) && same(table.values(), fresh.table.values()) &&
           same(window.values(), fresh.window.values()) &&
           same(grad_fire.mlp.layers[0].weight, fresh.grad_fire.mlp.layers[0].weight) &&
           grad_fire.c == fresh.grad_fire.c;
  }
};

enum class Kind { invalid_argument, out_of_range, length_error, no_error };

struct Case {
  const char* name;
  Kind kind;
  void (*call)(Fixture&);
  std::vector<const char*> expected;  // each is part of the message: function, parameter, rule and limit, value
};

std::vector<Case> cases() {
  using F = Fixture;
  constexpr Kind invalid = Kind::invalid_argument;
  constexpr Kind range = Kind::out_of_range;
  constexpr Kind length = Kind::length_error;
  return {
      // Spans and distances
      {"negative length",
       invalid,
       [](F&) { AttentionSpan::square(-1); },
       {"posenc::AttentionSpan::square: query_len must be >= 0", "got -1"}},
      {"negative keys",
       invalid,
       [](F&) { AttentionSpan::at(2, -3, 0); },
       {"AttentionSpan::at: key_len must be >= 0", "got -3"}},
      {"negative cached keys",
       invalid,
       [](F&) { AttentionSpan::cached(1, -5); },
       {"AttentionSpan::cached: key_len must be >= 0", "got -5"}},
      {"negative cached queries",
       invalid,
       [](F&) { AttentionSpan::cached(-1, kMaxIndex); },
       {"AttentionSpan::cached: key_len must be", "at most 1099511627776", "got 9223372036854775807"}},
      {"negative cached queries, good keys",
       invalid,
       [](F&) { AttentionSpan::cached(-2, 4); },
       {"AttentionSpan::cached: query_len must be >= 0", "got -2"}},
      {"huge length",
       invalid,
       [](F&) { AttentionSpan::square(kMaxIndex); },
       {"query_len", "at most 1099511627776", "got 9223372036854775807"}},
      {"more queries than cached keys",
       range,
       [](F&) { AttentionSpan::cached(6, 5); },
       {"posenc::AttentionSpan::cached: query_len must be at most key_len 5, got 6"}},
      {"offset too large",
       range,
       [](F&) { AttentionSpan::at(1, 1, kMaxIndex); },
       {"AttentionSpan::at: query_offset must be in [-1099511627776, 1099511627776], got 9223372036854775807"}},
      {"offset too small",
       range,
       [](F&) { AttentionSpan::at(1, 1, -kMaxIndex - 1); },
       {"query_offset", "got -9223372036854775808"}},
      {"negative heads",
       invalid,
       [](F&) {
         DistanceTable<float>(-1, {0, 1});
       },
       {"posenc::DistanceTable: num_heads must be >= 0, got -1"}},
      {"distances backwards",
       invalid,
       [](F&) {
         DistanceTable<float>(1, {3, 1});
       },
       {"DistanceTable: range.max must be at least range.min - 1 = 2, got 1"}},
      {"distances of a negative length",
       invalid,
       [](F&) { DistanceTable<float>(1, DistanceRange::symmetric(-2)); },
       {"DistanceTable: range.max must be", "got -3"}},
      {"distances that overflow",
       range,
       [](F&) {
         DistanceTable<float>(1, {-kMaxIndex - 1, kMaxIndex});
       },
       {"DistanceTable: range.min must be in [-2199023255552, 2199023255552], got -9223372036854775808"}},
      {"table beyond memory",
       length,
       [](F&) {
         DistanceTable<float>(kMaxIndex / 4, {0, 9});
       },
       {"DistanceTable: num_heads must be at most", "got 2305843009213693951"}},
      {"logits of other queries",
       invalid,
       [](F& f) { posenc::add_distance_bias(f.both_heads, f.table, f.span, 0); },
       {"posenc::add_distance_bias: logits.rows() must be 3, got 6"}},
      {"logits of other keys",
       invalid,
       [](F& f) { posenc::add_distance_bias(f.out, f.table, f.span, 0); },
       {"add_distance_bias: logits.cols() must be 5, got 4"}},
      {"logits of one head for two",
       invalid,
       [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span); },
       {"add_distance_bias: logits.rows() must be 6, got 3"}},
      {"head past the last",
       range,
       [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span, 2); },
       {"add_distance_bias: head must be in [0, 2), got 2"}},
      {"negative head",
       range,
       [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span, -1); },
       {"add_distance_bias: head must be in [0, 2), got -1"}},
      {"a distance below the table",
       range,
       [](F& f) { posenc::add_distance_bias(f.logits, f.table, AttentionSpan::at(3, 5, 3), 0); },
       {"add_distance_bias: table.range().min must be at most -5", "got -4"}},
      {"a distance above the table",
       range,
       [](F& f) { posenc::add_distance_bias(f.logits, f.table, AttentionSpan::at(3, 5, 1), 0); },
       {"add_distance_bias: table.range().max must be at least 3", "got 2"}},
      {"table whose values were assigned another shape",
       invalid,
       [](F& f) {
         DistanceTable<double> table(2, {-4, 2});
         table.values() = Eigen::ArrayXXd::Ones(2, 3);
         posenc::add_distance_bias(f.both_heads, table, f.span);
       },
       {"add_distance_bias: table.values().cols() must be table.range().size() 7, got 3"}},
      {"gradient of other distances",
       range,
       [](F& f) { posenc::distance_bias_backward(f.table, f.logits, AttentionSpan::at(3, 5, 4), 0); },
       {"distance_bias_backward: table.range().min must be at most -6", "got -4"}},
      {"gradient of another shape",
       invalid,
       [](F& f) { posenc::distance_bias_backward(f.table, f.logits, f.span); },
       {"distance_bias_backward: grad_logits.rows() must be 6, got 3"}},
      {"matrix of a head that is not",
       range,
       [](F& f) { posenc::make_distance_bias(f.table, f.span, 7); },
       {"head must be in [0, 2), got 7"}},
      // T5
      {"too few causal buckets",
       invalid,
       [](F&) { T5Buckets(1, 128, false); },
       {"posenc::T5Buckets: num_buckets must be at least 2 (causal)", "got 1"}},
      {"too few buckets in both directions",
       invalid,
       [](F&) { T5Buckets(3, 128, true); },
       {"T5Buckets: num_buckets must be at least 4 (bidirectional)", "got 3"}},
      {"too many buckets",
       invalid,
       [](F&) { T5Buckets(1 << 20, Index(1) << 30, true); },
       {"num_buckets", "at most 8192", "got 1048576"}},
      {"max_distance within the exact range",
       invalid,
       [](F&) { T5Buckets(32, 8, true); },
       {"T5Buckets: max_distance must be > max_exact 8", "got 8"}},
      {"max_distance negative",
       invalid,
       [](F&) { T5Buckets(32, -128, false); },
       {"max_distance must be > max_exact 16", "got -128"}},
      {"max_distance huge",
       invalid,
       [](F&) { T5Buckets(32, Index(1) << 31, false); },
       {"max_distance", "< 2^31", "got 2147483648"}},
      {"T5 weights of other buckets",
       invalid,
       [](F& f) { posenc::make_t5_table(f.weights.topRows(16), T5Buckets(32, 128, true), f.table.range()); },
       {"posenc::make_t5_table: weights.rows() must be num_buckets 32, got 16"}},
      {"T5 gradient of other heads",
       invalid,
       [](F& f) { posenc::t5_backward(f.grad.leftCols(1), f.table, T5Buckets(32, 128, true)); },
       {"posenc::t5_backward: grad_weights.cols() must be 2, got 1"}},
      // ALiBi, KERPLE, Sandwich
      {"no heads",
       invalid,
       [](F&) { posenc::alibi_slopes(0); },
       {"posenc::alibi_slopes: num_heads must be > 0", "got 0"}},
      {"bias_max 0",
       invalid,
       [](F&) { posenc::alibi_slopes(8, 0); },
       {"alibi_slopes: bias_max must be finite and > 0, got 0"}},
      {"bias_max infinite", invalid, [](F&) { posenc::alibi_slopes(8, kInfinity); }, {"bias_max", "got inf"}},
      {"slope NaN",
       invalid,
       [](F& f) {
         posenc::make_alibi_table<float>(Eigen::Array2d(0.5, kNan), f.table.range(), posenc::AlibiForm::causal);
       },
       {"posenc::make_alibi_table: slopes[1] must be finite, got nan"}},
      {"right slope infinite",
       invalid,
       [](F& f) {
         posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array2d(kInfinity, 1), f.table.range());
       },
       {"make_alibi_table: right[0] must be finite, got inf"}},
      {"slopes of other heads",
       invalid,
       [](F& f) { posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array3d(1, 1, 1), f.table.range()); },
       {"make_alibi_table: right.size() must be left.size() 2, got 3"}},
      {"ALiBi gradient of other heads",
       invalid,
       [](F& f) { posenc::alibi_backward(f.grad_q, f.table, posenc::AlibiForm::causal); },
       {"posenc::alibi_backward: grad_slopes.size() must be num_heads 2, got 12"}},
      {"KERPLE a of 0",
       invalid,
       [](F& f) {
         posenc::make_kerple_table<float>(Eigen::Array2d(1, 0), Eigen::Array2d(1, 1), f.table.range(),
                                          posenc::KerpleKernel::power);
       },
       {"posenc::make_kerple_table: a[1] must be finite and > 0, got 0"}},
      {"KERPLE p above 2",
       invalid,
       [](F& f) {
         posenc::make_kerple_table<float>(Eigen::Array2d(1, 1), Eigen::Array2d(2.5, 1), f.table.range(),
                                          posenc::KerpleKernel::power);
       },
       {"make_kerple_table: p[0] must be at most 2 (power kernel), got 2.5"}},
      {"KERPLE p NaN",
       invalid,
       [](F& f) {
         posenc::make_kerple_table<float>(Eigen::Array2d(1, 1), Eigen::Array2d(kNan, 1), f.table.range(),
                                          posenc::KerpleKernel::logarithmic);
       },
       {"p[0]", "got nan"}},
      {"KERPLE gradient of other heads",
       invalid,
       [](F& f) {
         posenc::kerple_backward(f.grad, f.grad_q, f.table, Eigen::Array2d(1, 1), Eigen::Array2d(1, 1),
                                 posenc::KerpleKernel::power);
       },
       {"posenc::kerple_backward: grad_a.size() must be num_heads 2, got 64"}},
      {"Sandwich of odd width",
       invalid,
       [](F& f) { posenc::make_sandwich_table<float>(2, 7, f.table.range()); },
       {"posenc::make_sandwich_table: dim must be even", "got 7"}},
      // Networks
      {"network without layers",
       invalid,
       [](F& f) { posenc::make_mlp_table(Mlp(), f.table.range(), posenc::DistanceInput::linear); },
       {"posenc::make_mlp_table: mlp.layers.size() must be > 0, got 0"}},
      {"network of two inputs",
       invalid,
       [](F& f) { posenc::make_mlp_table(make_mlp(2, 3, 2), f.table.range(), posenc::DistanceInput::linear); },
       {"make_mlp_table: mlp.layers[0].weight.cols() must be 1, got 2"}},
      {"layers that do not fit",
       invalid,
       [](F& f) {
         f.mlp.layers[1].weight.resize(2, 4);
         posenc::make_mlp_table(f.mlp, f.table.range(), posenc::DistanceInput::linear);
       },
       {"mlp.layers[1].weight.cols() must be 3, got 4"}},
      {"layer bias of another size",
       invalid,
       [](F& f) {
         f.mlp.layers[0].bias.resize(2);
         posenc::make_mlp_table(f.mlp, f.table.range(), posenc::DistanceInput::linear);
       },
       {"mlp.layers[0].bias.size() must be 0 or 3, got 2"}},
      {"network gradient of another width",
       invalid,
       [](F& f) {
         Mlp grad = make_mlp(1, 4, 2);
         posenc::mlp_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
       },
       {"posenc::mlp_backward: grad_mlp.layers[0].weight.rows() must be 3, got 4"}},
      {"network gradient without a bias",
       invalid,
       [](F& f) {
         Mlp grad = f.mlp;
         grad.layers[1].bias.resize(0);
         posenc::mlp_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
       },
       {"mlp_backward: grad_mlp.layers[1].bias.rows() must be 2, got 0"}},
      {"FIRE with c = 0",
       invalid,
       [](F& f) {
         f.fire.c = 0;
         posenc::add_fire_bias(f.both_heads, f.fire, f.span);
       },
       {"posenc::add_fire_bias: fire.c must be finite and not 0, got 0"}},
      {"FIRE with threshold 0",
       invalid,
       [](F& f) {
         f.fire.length_multiplier = 0;
         posenc::add_fire_bias(f.both_heads, f.fire, f.span);
       },
       {"fire.threshold() must be finite and > 0, got 0"}},
      {"FIRE with eps NaN",
       invalid,
       [](F& f) {
         f.fire.eps = kNan;
         posenc::add_fire_bias(f.both_heads, f.fire, f.span);
       },
       {"fire.eps must be finite and >= 0, got nan"}},
      {"FIRE with a negative offset",
       range,
       [](F& f) { posenc::add_fire_bias(f.both_heads, f.fire, AttentionSpan::at(3, 5, -1)); },
       {"add_fire_bias: span.query_offset() must be >= 0, got -1"}},
      {"FIRE for one head of two",
       invalid,
       [](F& f) { posenc::add_fire_bias(f.logits, f.fire, f.span); },
       {"add_fire_bias: logits.rows() must be 6, got 3"}},
      {"FIRE gradient of other layers",
       invalid,
       [](F& f) {
         f.fire.mlp = make_mlp(1, 5, 2);
         posenc::fire_backward(f.grad_fire, f.both_heads, f.fire, f.span);
       },
       {"posenc::fire_backward: grad_fire.mlp.layers[0].weight.rows() must be 5, got 3"}},
      // Windows
      {"window without rows",
       invalid,
       [](F&) {
         WindowTable<float>(1, {0, 3});
       },
       {"posenc::WindowTable: window.height must be > 0", "got 0"}},
      {"window of negative width",
       invalid,
       [](F&) {
         posenc::window_index({2, -3});
       },
       {"posenc::window_index: window.width must be > 0", "got -3"}},
      {"index beyond memory",
       length,
       [](F&) {
         posenc::window_index({1 << 18, 1 << 18});
       },
       {"window_index: window.tokens() must be at most", "got 68719476736"}},
      {"window table of other rows",
       invalid,
       [](F& f) {
         posenc::make_window_table(f.weights, WindowShape{2, 3});
       },
       {"posenc::make_window_table: weights.rows() must be 15, got 32"}},
      {"BEiT table without its three rows",
       invalid,
       [](F& f) {
         posenc::make_window_table(f.weights.topRows(15), WindowShape{2, 3}, posenc::ClassToken::first);
       },
       {"make_window_table: weights.rows() must be 18, got 15"}},
      {"logits of another window",
       invalid,
       [](F& f) {
         posenc::add_window_bias(f.window_logits, WindowTable<double>(1, {2, 4}));
       },
       {"posenc::add_window_bias: logits.rows() must be 8, got 6"}},
      {"window table whose class values were assigned another shape",
       invalid,
       [](F& f) {
         WindowTable<double> table(1, {1, 5}, posenc::ClassToken::first);
         table.class_values() = Eigen::ArrayXXd::Ones(1, 1);
         posenc::add_window_bias(f.window_logits, table);
       },
       {"add_window_bias: table.class_values().cols() must be 3, got 1"}},
      {"window head out of range",
       range,
       [](F& f) { posenc::add_window_bias(f.window_logits, f.window, 1); },
       {"add_window_bias: head must be in [0, 1), got 1"}},
      {"window gradient of another window",
       invalid,
       [](F& f) { posenc::window_bias_backward(f.window, f.both_heads, 0); },
       {"posenc::window_bias_backward: grad_logits.cols() must be 6, got 5"}},
      {"Swin v2 pretrained on one row",
       invalid,
       [](F&) {
         posenc::make_swin_v2_table(make_mlp(2, 3, 1), {2, 3}, {1, 3});
       },
       {"posenc::make_swin_v2_table: pretrained.height must be 0 (none) or > 1, got 1"}},
      {"Swin v2 with one input",
       invalid,
       [](F& f) {
         posenc::make_swin_v2_table(f.mlp, {2, 3});
       },
       {"make_swin_v2_table: mlp.layers[0].weight.cols() must be 2, got 1"}},
      {"grid slope NaN",
       invalid,
       [](F&) {
         posenc::make_grid_alibi_table<float>(Eigen::Array2d(kNan, 1), {2, 3}, posenc::GridDistance::euclidean);
       },
       {"posenc::make_grid_alibi_table: slopes[0] must be finite, got nan"}},
      {"decomposed table of another length",
       invalid,
       [](F& f) {
         posenc::add_decomposed_bias(f.window_logits, Matrix::Ones(6, 4), f.rows, f.rows, {2, 3}, {2, 3});
       },
       {"posenc::add_decomposed_bias: rel_h.rows() must be 3, got 5"}},
      {"decomposed queries of another grid",
       invalid,
       [](F& f) {
         posenc::add_decomposed_bias(f.window_logits, f.q, f.rows, f.rows, {2, 3}, {2, 3});
       },
       {"add_decomposed_bias: q.rows() must be query.tokens() 6, got 3"}},
      // By content
      {"negative clip",
       invalid,
       [](F& f) {
         posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{-1, 5}, f.span, 1.0, f.workspace);
       },
       {"posenc::add_shaw_logits: clip.left must be >= 0", "got -1"}},
      {"clip that overflows",
       invalid,
       [](F& f) {
         posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{2, kMaxIndex}, f.span, 1.0, f.workspace);
       },
       {"clip.right", "at most 1099511627776", "got 9223372036854775807"}},
      {"Shaw table of other rows",
       invalid,
       [](F& f) {
         posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{3, 3}, f.span, 1.0, f.workspace);
       },
       {"add_shaw_logits: table.rows() must be 7, got 5"}},
      {"Shaw table of another width",
       invalid,
       [](F& f) {
         posenc::add_shaw_logits(f.logits, f.q, f.weights.topRows(5), ShawClip{2, 2}, f.span, 1.0, f.workspace);
       },
       {"add_shaw_logits: table.cols() must be 4, got 2"}},
      {"Shaw queries of another span",
       invalid,
       [](F& f) {
         posenc::add_shaw_logits(f.logits, f.k, f.rows, ShawClip{2, 2}, f.span, 1.0, f.workspace);
       },
       {"add_shaw_logits: q.rows() must be span.query_len() 3, got 5"}},
      {"Shaw attention of another shape",
       invalid,
       [](F& f) {
         posenc::add_shaw_values(f.out, f.q, f.rows, ShawClip{2, 2}, f.span, f.workspace);
       },
       {"posenc::add_shaw_values: attention.cols() must be 5, got 4"}},
      {"Shaw gradient of another table",
       invalid,
       [](F& f) {
         posenc::shaw_logits_backward(f.grad_q, f.grad_rows.topRows(4), f.logits, f.q, f.rows, ShawClip{2, 2}, f.span,
                                      1.0, f.workspace);
       },
       {"posenc::shaw_logits_backward: grad_table.rows() must be 5, got 4"}},
      {"relative shift of another width",
       invalid,
       [](F& f) {
         Matrix x(3, 6);
         posenc::relative_shift(x, f.span);
       },
       {"posenc::relative_shift: x.cols() must be 7, got 6"}},
      {"relative table of another width",
       invalid,
       [](F& f) { posenc::add_relative_logits(f.logits, f.q, f.weights, RelativeRows{-4}, f.span, 1.0, f.workspace); },
       {"posenc::add_relative_logits: r.cols() must be q.cols() 4, got 2"}},
      {"first row that overflows",
       range,
       [](F& f) {
         posenc::add_relative_logits(f.logits, f.q, f.rows, RelativeRows{-kMaxIndex}, f.span, 1.0, f.workspace);
       },
       {"add_relative_logits: rows.first_relative must be in", "got -9223372036854775807"}},
      {"u of another width",
       invalid,
       [](F& f) {
         posenc::add_transformer_xl_logits(f.logits, f.q, f.k, f.rows, RelativeRows{-4}, f.q, f.one, f.span, 1.0,
                                           f.workspace);
       },
       {"posenc::add_transformer_xl_logits: u.size() must be head_dim 4, got 12"}},
      {"keys of another span",
       invalid,
       [](F& f) {
         posenc::add_transformer_xl_logits(f.logits, f.q, f.q, f.rows, RelativeRows{-4}, f.one, f.one, f.span, 1.0,
                                           f.workspace);
       },
       {"add_transformer_xl_logits: k.rows() must be 5, got 3"}},
      {"sinusoids of odd width",
       invalid,
       [](F&) {
         posenc::make_relative_sinusoids<float>({-4, 0}, 5);
       },
       {"posenc::make_relative_sinusoids: width must be even", "got 5"}},
      {"no positions",
       invalid,
       [](F&) { posenc::DebertaBuckets(0); },
       {"posenc::DebertaBuckets: max_position must be > 0", "got 0"}},
      {"odd position_buckets",
       invalid,
       [](F&) { posenc::DebertaBuckets(512, 255); },
       {"DebertaBuckets: position_buckets must be 0, or even", "got 255"}},
      {"position_buckets without room",
       invalid,
       [](F&) { posenc::DebertaBuckets(128, 254); },
       {"position_buckets", "< 2 (max_position - 1) = 254", "got 254"}},
      {"DeBERTa table of other rows",
       invalid,
       [](F& f) {
         posenc::add_deberta_c2p(f.logits, f.q, f.rows, posenc::DebertaBuckets(3), f.span, 1.0, f.workspace);
       },
       {"posenc::add_deberta_c2p: table.rows() must be 6, got 5"}},
      {"CoPE without positions",
       invalid,
       [](F& f) { posenc::add_cope_logits(f.logits, f.q, f.rows.topRows(0), f.span, f.workspace); },
       {"posenc::add_cope_logits: table.rows() must be > 0, got 0"}},
      {"CoPE logits of another shape",
       invalid,
       [](F& f) { posenc::cope_backward(f.logits, f.grad_q, f.grad_rows, f.q, f.q, f.rows, f.span, f.workspace); },
       {"posenc::cope_backward: logits.cols() must be 5, got 4"}},
      {"too few forgetting sums",
       invalid,
       [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(4), f.span); },
       {"posenc::add_forgetting_bias: sums.size() must be at least 5, got 4"}},
      {"forgetting with a negative offset",
       range,
       [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(9), AttentionSpan::at(3, 5, -2)); },
       {"add_forgetting_bias: span.query_offset() must be >= 0, got -2"}},
  };
}

struct Outcome {
  Kind kind = Kind::no_error;
  std::string message;
};

Outcome run(const Case& test, Fixture& fixture) {
  try {
    test.call(fixture);
  } catch (const std::invalid_argument& error) {
    return {Kind::invalid_argument, error.what()};
  } catch (const std::out_of_range& error) {
    return {Kind::out_of_range, error.what()};
  } catch (const std::length_error& error) {
    return {Kind::length_error, error.what()};
  }
  return {};
}

/// What is wrong, or nothing.
std::string judge(const Case& test) {
  Fixture fixture;
  const Outcome outcome = run(test, fixture);
  if (outcome.kind == Kind::no_error) return "no error";
  if (outcome.kind != test.kind) return "another kind of error: " + outcome.message;
  if (outcome.message.rfind("posenc::", 0) != 0) return "no function in: " + outcome.message;
  for (const char* const part : test.expected) {
    if (outcome.message.find(part) == std::string::npos)
      return "no \"" + std::string(part) + "\" in: " + outcome.message;
  }
  return fixture.untouched() ? "" : "something was written";
}

}  // namespace

int main() {
  int passed = 0;
  int failed = 0;
  for (const Case& test : cases()) {
    const std::string wrong = judge(test);
    ++(wrong.empty() ? passed : failed);
    if (!wrong.empty()) std::printf("FAILED  %s: %s\n", test.name, wrong.c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

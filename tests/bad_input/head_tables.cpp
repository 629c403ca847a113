// SPDX-License-Identifier: MIT
/// Tables whose heads, or whose sequences, have angles of their own, and learned frequencies with phases.
#include "bad_input/tables.hpp"
#include "posenc/rope.hpp"
#include "posenc/sinusoidal.hpp"

namespace {

using posenc::apply_rope;
using posenc::each_sequence;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::geometric_frequencies;
using posenc::HeadsShape;
using posenc::PositionRange;
using posenc::RopeLayout;
using posenc::TableOptions;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

TableOptions heads(Eigen::Index count) {
  TableOptions options;
  options.num_heads = count;
  return options;
}

/// Three tokens of two heads of eight channels, and a table for two heads.
struct Fixture {
  RowMajor x = RowMajor::Constant(3, 16, 1.5f);
  RowMajor out = RowMajor::Constant(3, 16, 3.5f);
  Eigen::MatrixXd grad = Eigen::MatrixXd::Ones(1, 8);
  Frequencies eight = geometric_frequencies(16, 10000);
  Frequencies four = geometric_frequencies(8, 10000);
  FrequencyTable<float> two = posenc::make_table<float>(eight, PositionRange(7, 3), heads(2));
  std::vector<int> starts = {5, 9};
  FrequencyTable<float> sequences =
      posenc::make_table<float>(std::vector<Frequencies>(2, four), each_sequence(3, starts));
  RopeLayout layout = RopeLayout::half_split(8);

  std::string written() const {
    return bytes_of(x, out, grad, two.head(0).cos(), two.head(0).sin(), two.head(1).cos(), two.head(1).sin(),
                    sequences.cos(), sequences.sin());
  }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_head_tables() {
  using F = Fixture;
  BadInputs<F> bad("head tables");

  // Tables
  bad.value("table of no heads",
            "FrequencyTable: options.num_heads must be > 0 and at most 2097152 for heads of 4 pairs, got 0",
            [](F&) { FrequencyTable<float>(3, 4, heads(0)); });
  bad.value("table of more pairs than any model",
            "FrequencyTable: options.num_heads must be > 0 and at most 2 for heads of 4000000 pairs, got 3",
            [](F&) { FrequencyTable<float>(3, 4000000, heads(3)); });
  bad.value("frequencies for no heads", "make_table: options.num_heads must be > 0, got -2",
            [](F& f) { posenc::make_table<float>(f.eight, PositionRange(0, 3), heads(-2)); });
  bad.value("frequencies that the heads do not share out",
            "make_table: frequencies.num_pairs() must be a multiple of options.num_heads 3 (the pairs of head 0, then "
            "those of head 1, ...), got 8",
            [](F& f) { posenc::make_table<float>(f.eight, PositionRange(0, 3), heads(3)); });
  bad.value("frequencies of one head for several",
            "make_table: frequencies.num_pairs() must be a multiple of options.num_heads 8 (the pairs of head 0, then "
            "those of head 1, ...), got 4",
            [](F& f) {
              posenc::make_table<float>(f.four, std::vector<int>{1, 2}, heads(8));
            });
  bad.value(
      "axes that the heads do not share out",
      "make_table: frequencies.num_pairs() must be a multiple of options.num_heads 3 (the pairs of head 0, then "
      "those of head 1, ...), got 8",
      [](F& f) {
        posenc::make_table<float>(f.eight, posenc::contiguous_axes({4, 4}), Eigen::MatrixXi::Ones(3, 2), heads(3));
      });
  bad.value(
      "axes of one head for two", "make_table: axes.num_pairs() must be frequencies.num_pairs() 8, got 4", [](F& f) {
        posenc::make_table<float>(f.eight, posenc::contiguous_axes({2, 2}), Eigen::MatrixXi::Ones(3, 2), heads(2));
      });
  bad.value("new positions with the frequencies of one head",
            "fill_table: frequencies.num_pairs() must be table.num_heads() * table.num_pairs() 8, got 4",
            [](F& f) { posenc::fill_table(f.two, f.four, posenc::starting_at(0)); });
  bad.value("learned frequencies that the heads do not share out",
            "make_mixed_table: frequencies.cols() must be a multiple of options.num_heads 3 (the pairs of head 0, then "
            "those of head 1, ...), got 8",
            [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(1, 8), Eigen::Vector2i(0, 1), heads(3)); });
  bad.value("xPos for each head",
            "make_xpos_tables: options.num_heads must be 1 (the decay of xPos runs over the pairs of one head), got 2",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight, PositionRange(0, 3), 0, {}, heads(2)); });

  // Heads of a table
  bad.range("a head that is not there", "FrequencyTable::head: head must be in [0, num_heads() 2), got 2",
            [](F& f) { f.two.head(2); });
  bad.range("a negative head", "FrequencyTable::head: head must be in [0, num_heads() 2), got -1",
            [](F& f) { f.two.view().head(-1); });
  bad.value("cosines of all heads", "FrequencyTable::cos: num_heads() must be 1, or a head be named: head(h), got 2",
            [](F& f) { f.two.cos(); });
  bad.value("sines of all heads", "FrequencyTable::sin: num_heads() must be 1, or a head be named: head(h), got 2",
            [](F& f) { f.two.view().sin(); });
  bad.value("a cache of all heads",
            "write_cache: table.num_heads() must be 1: angles that all heads share, or those of one head, "
            "table.head(h), got 2",
            [](F& f) { posenc::write_cache(f.out.leftCols(8), f.two, posenc::CosSinStorage::cos_sin); });
  bad.value(
      "two arrays of all heads",
      "write_cache: table.num_heads() must be 1: angles that all heads share, or those of one head, "
      "table.head(h), got 2",
      [](F& f) { posenc::write_cache(f.out.leftCols(4), f.out.rightCols(4), f.two, posenc::CosSinStorage::cos_sin); });
  bad.value("sinusoids from a table of heads",
            "add_sinusoidal: table.num_heads() must be 1: angles that all heads share, or those of one head, "
            "table.head(h), got 2",
            [](F& f) { posenc::add_sinusoidal(f.x, f.two, posenc::presets::paper(16), posenc::starting_at(7)); });

  // Rotations
  bad.value("one head of x and a table of two",
            "apply_rope: table.num_heads() must be the heads of x 1, or 1 where they share the angles, got 2",
            [](F& f) { apply_rope(f.x.leftCols(8), f.two, f.layout); });
  bad.value("more heads of x than the table has",
            "apply_rope: table.num_heads() must be the heads of x 4, or 1 where they share the angles, got 2",
            [](F& f) {
              const auto of_two = posenc::make_table<float>(f.four, PositionRange(0, 3), heads(2));
              apply_rope(f.out, f.x, of_two.adjoint(), RopeLayout::half_split(4));
            });
  bad.value("no heads of x and a table of two",
            "apply_rope: table.num_heads() must be the heads of x 0, or 1 where they share the angles, got 2",
            [](F& f) { apply_rope(f.x.leftCols(0), f.two, f.layout); });
  bad.value("a view of other heads than the table's",
            "apply_rope: table.num_heads() must be the heads of x 1, or 1 where they share the angles, got 2",
            [](F& f) {
              apply_rope(posenc::view_packed(f.x.data(), HeadsShape().seq_len(3).num_heads(1).head_dim(8)),
                         f.two.inverse(), f.layout);
            });
  bad.value("a gradient of other heads",
            "mixed_table_backward: grad_frequencies.cols() must be half of layout.rotary_dim() 4, or that for each of "
            "the 4 heads of y, got 6",
            [](F& f) {
              posenc::mixed_table_backward(f.grad.leftCols(6), f.x, f.out, Eigen::Vector3i(0, 1, 2),
                                           RopeLayout::half_split(4));
            });

  // Sequences
  bad.value("no sequences", "make_table: frequencies.size() must be > 0: a set for each sequence, got 0",
            [](F&) { posenc::make_table<float>(std::vector<Frequencies>(), each_sequence(1, std::vector<int>())); });
  bad.value("sequences of other pairs", "make_table: frequencies[1].num_pairs() must be that of the first, 8, got 4",
            [](F& f) {
              posenc::make_table<float>(std::vector<Frequencies>{f.eight, f.four}, each_sequence(2, f.starts));
            });
  bad.value("other starts than sequences", "make_table: starts.size() must be the number of sequences 3, got 2",
            [](F& f) { posenc::make_table<float>(std::vector<Frequencies>(3, f.four), each_sequence(2, f.starts)); });
  bad.range("a sequence beyond the last position",
            "make_table: starts[1] must be at most 144115188075855871 for sequences of 2, got 144115188075855872",
            [](F& f) {
              posenc::make_table<float>(std::vector<Frequencies>(2, f.four),
                                        each_sequence(2, std::vector<std::int64_t>{0, std::int64_t(1) << 57}));
            });
  bad.value(
      "a table of other sequences, filled", "fill_table: frequencies.size() * seq_len must be table.rows() 6, got 4",
      [](F& f) { posenc::fill_table(f.sequences, std::vector<Frequencies>(2, f.four), each_sequence(2, f.starts)); });
  bad.value("other pairs, filled", "fill_table: frequencies.num_pairs() must be table.num_pairs() 4, got 8", [](F& f) {
    posenc::fill_table(f.sequences, std::vector<Frequencies>(2, f.eight), each_sequence(3, f.starts));
  });
  bad.value("a view of other sequences", "apply_rope: table.num_sequences() must be x.batch() 3, got 2", [](F& f) {
    const auto shape = HeadsShape().batch(3).seq_len(1).num_heads(2).head_dim(8);
    apply_rope(posenc::view_blhd(f.x.data(), shape), f.sequences, f.layout);
  });
  bad.value("a view of shorter sequences", "apply_rope: table.rows() must be those of all sequences, 2, got 6",
            [](F& f) {
              const auto shape = HeadsShape().batch(2).seq_len(1).num_heads(2).head_dim(8);
              apply_rope(posenc::view_blhd(f.x.data(), shape), f.sequences, f.layout);
            });
  bad.value("the inverse of sequences of other magnitudes",
            "FrequencyTable::inverse: magnitude() must be > 0 (the inverse of an xPos table is the adjoint of its "
            "counterpart; sequences of other magnitudes are inverted one by one), got 0",
            [](F& f) {
              const std::vector<Frequencies> sets = {f.four, f.four.with_magnitude(2)};
              apply_rope(f.x.topRows(2), posenc::make_table<float>(sets, each_sequence(1, f.starts)).inverse(),
                         f.layout);
            });

  // Phases
  bad.value("phases of other pairs", "make_mixed_table: phases.size() must be frequencies.cols() 8, got 4", [](F&) {
    posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(1, 8), Eigen::Vector4d::Ones(), Eigen::Vector2i(0, 1));
  });
  bad.value("a phase NaN", "make_mixed_table: phases[1] must be finite, got nan", [](F&) {
    posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(1, 2), std::vector<double>{0, kNan}, Eigen::Vector2i(0, 1));
  });
  bad.value("gradients of other phases",
            "mixed_table_backward: grad_phases.size() must be grad_frequencies.cols() 8, got 4", [](F& f) {
              Eigen::VectorXd phases = Eigen::VectorXd::Zero(4);
              posenc::mixed_table_backward(f.grad, phases, f.x, f.out, Eigen::Vector3i(0, 1, 2), f.layout);
            });
  bad.value("gradients of phases in two rows",
            "mixed_table_backward: grad_phases.rows() must be 1, or grad_phases.cols() be 1, got 2", [](F& f) {
              Eigen::MatrixXd phases = Eigen::MatrixXd::Zero(2, 4);
              posenc::mixed_table_backward(f.grad, phases, f.x, f.out, Eigen::Vector3i(0, 1, 2), f.layout);
            });
  bad.value("one gradient in the other",
            "mixed_table_backward: grad_phases must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::mixed_table_backward(f.grad, f.grad.row(0), f.x, f.out, Eigen::Vector3i(0, 1, 2), f.layout);
            });

  // Rows of one sequence for all
  const auto three = posenc::HeadsShape().batch(3).seq_len(1).num_heads(2).head_dim(8);
  bad.value(
      "one run of rows for sequences of a view",
      "apply_rope: from_row() must be left out, because the table has rows for each of 2 sequences, got 0",
      [=](F& f) { apply_rope(posenc::view_blhd(f.x.data(), three), f.sequences, f.layout, posenc::from_row(0)); });
  bad.value("one run of rows for stacked sequences",
            "apply_rope: from_row() must be left out, because the table has rows for each of 2 sequences, got 3",
            [](F& f) { apply_rope(f.x, f.sequences, f.layout, each_sequence(1, posenc::from_row(3))); });
  bad.value("one list of rows for sequences of a view",
            "apply_rope: rows.size() must be a row for each token, 3, because the table has rows for each of 2 "
            "sequences, got 1",
            [=](F& f) {
              const std::vector<int> first = {0};
              apply_rope(posenc::view_blhd(f.x.data(), three), f.sequences, f.layout, posenc::rows(first));
            });
  bad.value("stacked sequences of another length",
            "apply_rope: each_sequence's seq_len must be the rows of each of the table's 2 sequences, 3, got 1",
            [](F& f) { apply_rope(f.x, f.sequences, f.layout, each_sequence(1)); });
  bad.value("fewer stacked sequences than the table has",
            "apply_rope: table.rows() must be those of all sequences, 3, got 6",
            [](F& f) { apply_rope(f.x, f.sequences, f.layout, each_sequence(3)); });
  bad.value("channel angles of one sequence for all",
            "apply_channel_angles: from_row() must be left out, because the table has rows for each of 2 sequences, "
            "got 0",
            [](F& f) {
              const auto table =
                  posenc::make_table<float>(std::vector<Frequencies>(2, f.eight), each_sequence(3, f.starts));
              posenc::apply_channel_angles(f.x, table, f.layout, each_sequence(1, posenc::from_row(0)));
            });

  // FoPE
  bad.value("FoPE of channels", "make_fope_table: frequencies must be those of pairs, got those of channels", [](F& f) {
    posenc::make_fope_table<float>(f.four.for_channels(), Eigen::MatrixXd::Ones(4, 4), Eigen::MatrixXd::Ones(4, 4),
                                   f.starts, 8);
  });
  bad.value("xPos of channels", "make_xpos_tables: frequencies must be those of pairs, got those of channels",
            [](F& f) { posenc::make_xpos_tables<float>(f.eight.for_channels(), PositionRange(0, 3), 0); });
  bad.value("FoPE of other frequencies", "make_fope_table: cos_coefficients.rows() must be 4, got 3", [](F& f) {
    posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(3, 4), Eigen::MatrixXd::Ones(3, 4), f.starts, 8);
  });
  bad.value("FoPE sines of other pairs", "make_fope_table: sin_coefficients.cols() must be 4, got 3", [](F& f) {
    posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(4, 4), Eigen::MatrixXd::Ones(4, 3), f.starts, 8);
  });
  bad.value(
      "FoPE of more pairs than the head has",
      "make_fope_table: cos_coefficients.cols() must be from 1 to 3 for each head (rotary_dim / 2), got 4", [](F& f) {
        posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(4, 4), Eigen::MatrixXd::Ones(4, 4), f.starts, 6);
      });
  bad.value(
      "FoPE of an odd width", "make_fope_table: rotary_dim must be even, > 0 and at most 16777216, got 7", [](F& f) {
        posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(4, 3), Eigen::MatrixXd::Ones(4, 3), f.starts, 7);
      });
  bad.value("a FoPE coefficient NaN", "make_fope_table: sin_coefficients(0, 0) must be finite, got nan", [](F& f) {
    posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(4, 4), Eigen::MatrixXd::Constant(4, 4, kNan), f.starts,
                                   8);
  });
  bad.value("FoPE coefficients that the heads do not share out",
            "make_fope_table: cos_coefficients.cols() must be a multiple of options.num_heads 3 (the pairs of head 0, "
            "then those of head 1, ...), got 4",
            [](F& f) {
              posenc::make_fope_table<float>(f.four, Eigen::MatrixXd::Ones(4, 4), Eigen::MatrixXd::Ones(4, 4), f.starts,
                                             8, heads(3));
            });

  // Channels with angles of their own
  bad.value("an angle for each pair only",
            "apply_channel_angles: table.num_pairs() must be layout.rotary_dim() 8, an angle for each channel, got 4",
            [](F& f) { posenc::apply_channel_angles(f.x, f.sequences, f.layout, posenc::from_row(0)); });
  bad.value("the inverse of channel angles",
            "apply_channel_angles: table must be a table or table.adjoint(): channels with angles of their own do not "
            "rotate, and have no such inverse, got table.inverse()",
            [](F& f) {
              const auto of_channels = posenc::make_table<float>(f.eight, PositionRange(0, 3));
              posenc::apply_channel_angles(f.x, of_channels.inverse(), f.layout);
            });
  bad.value("channel angles of fewer tokens", "apply_channel_angles: table.rows() must be x.rows() 3, got 2", [](F& f) {
    posenc::apply_channel_angles(f.x, posenc::make_table<float>(f.eight, PositionRange(0, 2)), f.layout);
  });
  bad.value("V-JEPA 2 of narrow heads",
            "presets::vjepa2_frequencies: head_dim must be at least 6 and at most 8388608, got 4",
            [](F&) { posenc::presets::vjepa2_frequencies(4); });
  bad.value("half-truncate of 4 channels",
            "presets::modded_nanogpt_frequencies: head_dim must be a multiple of 4 and > 4, got 4",
            [](F&) { posenc::presets::modded_nanogpt_frequencies(4); });
  bad.value("nanochat without a base", "presets::nanochat_frequencies: base must be finite, > 0 and not 1, got 0",
            [](F&) { posenc::presets::nanochat_frequencies(8, 0); });

  // Periods and bases of axes
  bad.value("no period", "scale_periodic: period must be > 0, got 0", [](F& f) { posenc::scale_periodic(f.four, 0); });
  bad.value("a period NaN", "scale_periodic: period must be > 0, got nan",
            [](F& f) { posenc::scale_periodic(f.four, kNan); });
  bad.value("periods of other axes", "scale_periodic: periods.size() must be axes.num_axes() 2, got 1", [](F& f) {
    posenc::scale_periodic(f.four, posenc::contiguous_axes({2, 2}), std::vector<double>{8});
  });
  bad.value("a negative period of an axis", "scale_periodic: periods[1] must be > 0, got -8", [](F& f) {
    posenc::scale_periodic(f.four, posenc::contiguous_axes({2, 2}), std::vector<double>{8, -8});
  });
  bad.value("axes of other pairs, periodic",
            "scale_periodic: axes.num_pairs() must be frequencies.num_pairs() 4, got 8", [](F& f) {
              posenc::scale_periodic(f.four, posenc::contiguous_axes({4, 4}), std::vector<double>{8, 8});
            });
  bad.value("bases of other axes", "axial_frequencies: bases.size() must be pairs_of_axis.size() 3, got 2", [](F&) {
    posenc::axial_frequencies({2, 2, 2}, std::vector<double>{1e4, 1e4});
  });
  bad.value("a base of 1 on one axis", "axial_frequencies: bases[1] must be finite, > 0 and not 1, got 1", [](F&) {
    posenc::axial_frequencies({2, 2}, std::vector<double>{1e4, 1});
  });

  bad.allowed("the cosines of one head of many", [](F& f) { f.two.head(1).cos(); });
  return bad.cases();
}

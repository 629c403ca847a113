// SPDX-License-Identifier: MIT
/// The part of bad_input.cpp's table on several axes, position ids, cached keys, layouts and grids. Included there,
/// after Fixture and Case.

std::vector<Case> axes_cases() {
  using F = Fixture;
  using posenc::AxisMap;
  using posenc::contiguous_axes;
  using posenc::interleaved_axes;
  using posenc::MropeSegment;
  using Ids = posenc::AxisPositionMatrix<std::int64_t>;
  constexpr Kind invalid = Kind::invalid_argument;
  constexpr Kind range = Kind::out_of_range;
  constexpr Kind length = Kind::length_error;
  return {
      // Sections and axes
      {"no section",
       invalid,
       [](F&) { contiguous_axes({}); },
       {"contiguous_axes: sum of mrope_section", "> 0", "got 0"}},
      {"empty sections",
       invalid,
       [](F&) {
         contiguous_axes({0, 0});
       },
       {"sum of mrope_section", "> 0", "got 0"}},
      {"negative section",
       invalid,
       [](F&) {
         contiguous_axes({16, -1});
       },
       {"mrope_section[1]", ">= 0", "got -1"}},
      {"two interleaved sections",
       invalid,
       [](F&) {
         interleaved_axes({24, 20});
       },
       {"interleaved_axes: mrope_section.size() must be 3, got 2"}},
      {"interleaved sections that do not add up",
       invalid,
       [](F&) {
         interleaved_axes({4, 30, 30});
       },
       {"interleaved_axes: mrope_section[0]", "t h w", "got 4"}},
      {"height without its width",
       invalid,
       [](F&) {
         posenc::height_width_time_axes({22, 20, 22});
       },
       {"height_width_time_axes: mrope_section[1] must be mrope_section[0] 22, got 20"}},
      {"one rarest-first section",
       invalid,
       [](F&) { posenc::rarest_first_axes({8}); },
       {"rarest_first_axes: mrope_section.size()", "from 2 to 3", "got 1"}},
      {"rarest-first without time",
       invalid,
       [](F&) {
         posenc::rarest_first_axes({0, 4, 4});
       },
       {"mrope_section[0]", "> 0", "got 0"}},
      {"an axis that is none",
       range,
       [](F&) { AxisMap(Eigen::Array3i(0, 1, 2), 2); },
       {"AxisMap: axis_of_pair[2] must be in [0, num_axes 2), got 2"}},
      {"negative axis",
       range,
       [](F&) { AxisMap(Eigen::Array2i(0, -1), 2); },
       {"posenc::AxisMap: axis_of_pair[1] must be in [0, num_axes 2), got -1"}},
      {"no axis", invalid, [](F&) { AxisMap(Eigen::Array2i(0, 0), 0); }, {"num_axes must be > 0", "got 0"}},
      {"more axes than an int counts",
       invalid,
       [](F&) { AxisMap(Eigen::Array2i(0, 0), std::int64_t(1) << 40); },
       {"AxisMap: num_axes", "at most 8388608", "got 1099511627776"}},
      {"an axis that is 0 as an int",
       range,
       [](F&) { AxisMap(Eigen::Array<std::uint64_t, 2, 1>(0, std::uint64_t(1) << 63), 3); },
       {"axis_of_pair[1] must be in [0, num_axes 3)", "got 9223372036854775808"}},
      {"a section that would fill the memory",
       invalid,
       [](F&) { contiguous_axes({2000000000}); },
       {"contiguous_axes: sum of mrope_section", "at most 8388608", "got 2000000000"}},
      {"sections whose double overflows",
       invalid,
       [](F&) {
         posenc::height_width_time_axes({2000000000, 2000000000, 0});
       },
       {"posenc::height_width_time_axes: sum of mrope_section must be > 0 and at most 8388608, got 4000000000"}},
      {"map of no pair",
       invalid,
       [](F&) { AxisMap(Eigen::ArrayXi(), 1); },
       {"posenc::AxisMap: num_pairs must be > 0 and at most 8388608, got 0"}},

      // Tables of several axes
      {"a map of other pairs",
       invalid,
       [](F& f) {
         posenc::make_table<float>(f.eight, contiguous_axes({2, 3}), Ids(1, 2));
       },
       {"make_table: axes.num_pairs() must be frequencies.num_pairs() 4, got 5"}},
      {"positions of another width",
       invalid,
       [](F& f) {
         posenc::make_table<float>(f.eight, contiguous_axes({2, 1, 1}), Ids::Zero(5, 2));
       },
       {"make_table: positions.cols() must be the number of axes 3, got 2"}},
      {"positions lying down",
       invalid,
       [](F& f) {
         posenc::make_table<float>(f.eight, contiguous_axes({2, 1, 1}), Ids::Zero(3, 5));
       },
       {"positions.cols()", "the number of axes 3", "got 5"}},
      {"a position NaN on one axis",
       invalid,
       [](F& f) {
         posenc::make_table<float>(f.eight, contiguous_axes({2, 2}), Eigen::MatrixXd::Constant(2, 2, kNan));
       },
       {"make_table: positions(0, 0) must be finite, got nan"}},
      {"fill_table with a map of other pairs",
       invalid,
       [](F& f) {
         posenc::fill_table(f.table, f.eight, contiguous_axes({1, 1}), Ids::Zero(5, 2));
       },
       {"fill_table: axes.num_pairs() must be frequencies.num_pairs() 4, got 2"}},
      {"fill_table of other rows on axes",
       invalid,
       [](F& f) {
         posenc::fill_table(f.table, f.eight, contiguous_axes({2, 2}), Ids::Zero(4, 2));
       },
       {"fill_table: positions.rows() must be table.rows() 5, got 4"}},

      // Spectra and positions of grids
      {"axial base 1",
       invalid,
       [](F&) {
         posenc::axial_frequencies({4, 4}, 1);
       },
       {"posenc::axial_frequencies: base must be finite, > 0 and not 1, got 1"}},
      {"axial scale infinite",
       invalid,
       [](F&) {
         posenc::axial_frequencies({4, 4}, 100, kInfinity);
       },
       {"axial_frequencies: position_scale must be finite, got inf"}},
      {"dealt spectrum of 6",
       invalid,
       [](F&) { posenc::dealt_axial_frequencies(6, 1e4); },
       {"dealt_axial_frequencies: rotary_dim must be a multiple of 4, got 6"}},
      {"pixel bands of no axis",
       invalid,
       [](F&) { posenc::pixel_frequencies(0, 4, 224); },
       {"pixel_frequencies: num_axes", "[1, 1024]", "got 0"}},
      {"pixel bands to NaN",
       invalid,
       [](F&) { posenc::pixel_frequencies(2, 4, kNan); },
       {"pixel_frequencies: max_frequency must be finite, got nan"}},
      {"a grid of no axis",
       invalid,
       [](F&) { posenc::grid_positions({}); },
       {"posenc::grid_positions: sizes.size() must be > 0, got 0"}},
      {"a grid of negative height",
       invalid,
       [](F&) {
         posenc::patch_centres({4, -2});
       },
       {"patch_centres: sizes[1] must be >= 0, got -2"}},
      {"a grid beyond memory",
       length,
       [](F&) {
         posenc::grid_positions({1 << 30, 1 << 30, 1 << 30});
       },
       {"posenc::grid_positions: number of tokens must be at most 357913941 for rows of 3221225472 values, got "
        "1073741824"}},
      {"a grid stretched to a negative size",
       Kind::invalid_argument,
       [](F&) {
         posenc::stretched_positions({2, 2}, {-1, 0});
       },
       {"posenc::stretched_positions: reference_sizes[0] must be >= 0, got -1"}},
      {"a grid stretched to one of fewer axes",
       invalid,
       [](F&) {
         posenc::stretched_positions({4, 4}, {2});
       },
       {"stretched_positions: reference_sizes.size() must be sizes.size() 2, got 1"}},

      // Position ids
      {"more cached tokens than the mask has",
       invalid,
       [](F&) { posenc::padded_positions(Eigen::MatrixXi::Ones(1, 4), 5); },
       {"padded_positions: past must be in [0, 4]", "got 5"}},
      {"no cu_seqlens",
       invalid,
       [](F&) { posenc::packed_positions(Eigen::ArrayXi()); },
       {"posenc::packed_positions: cu_seqlens.size() must be > 0, got 0"}},
      {"cu_seqlens from 1",
       invalid,
       [](F&) { posenc::packed_positions(Eigen::Array2i(1, 4)); },
       {"packed_positions: cu_seqlens[0] must be 0, got 1"}},
      {"cu_seqlens beyond memory",
       Kind::length_error,
       [](F&) { posenc::packed_positions(Eigen::Array<std::int64_t, 2, 1>(0, std::int64_t(1) << 61)); },
       {"posenc::packed_positions: the last of cu_seqlens must be at most 1152921504606846975 for rows of 1 values, "
        "got 2305843009213693952"}},
      {"cu_seqlens that decrease",
       invalid,
       [](F&) { posenc::packed_positions(Eigen::Array3i(0, 4, 3)); },
       {"packed_positions: cu_seqlens[2] must be at least 4, got 3"}},
      {"dual chunk without a chunk",
       invalid,
       [](F&) { posenc::dual_chunk_positions(0, 8, 8); },
       {"dual_chunk_positions: local_size must be in [0, chunk_size 8), got 8"}},
      {"dual chunk before the start",
       range,
       [](F&) { posenc::dual_chunk_positions(-1, 8, 2); },
       {"dual_chunk_positions: position must be >= 0, got -1"}},
      {"negative text",
       invalid,
       [](F&) {
         posenc::mrope_positions({MropeSegment::text(3), MropeSegment::text(-1)});
       },
       {"posenc::mrope_positions: segments[1].text_tokens must be in [0, 1099511627776], got -1"}},
      {"a picture of negative width",
       invalid,
       [](F&) { posenc::mrope_positions({MropeSegment::image(2, -2)}); },
       {"posenc::mrope_positions: segments[0].width must be in [0, 1048576], got -2"}},
      {"frames that go back",
       invalid,
       [](F&) { posenc::mrope_positions({MropeSegment::video(2, 1, 1, -0.5)}); },
       {"posenc::mrope_positions: segments[0].frame_step must be in [0, 1048576], got -0.5"}},
      {"frames NaN apart",
       invalid,
       [](F&) { posenc::mrope_positions({MropeSegment::video(2, 1, 1, kNan)}); },
       {"posenc::mrope_positions: segments[0].frame_step must be in [0, 1048576], got nan"}},
      {"a prompt beyond 64 bits",
       range,
       [](F&) { posenc::mrope_positions({MropeSegment::text(1)}, kMaxPosition); },
       {"posenc::mrope_positions: first_position must be within +-2^60, got 9223372036854775807"}},

      // Cached keys
      {"a shift of keys from another table",
       invalid,
       [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), f.eight.with_magnitude(2).id()); },
       {"posenc::make_shift_table: keys_id must be 0 or 14501298654465141105 (frequencies.id()), got "
        "2463176849848445297"}},
      {"a shift of keys of several axes by one",
       invalid,
       [](F& f) {
         posenc::make_shift_table<float>(f.eight, Eigen::Array2i(1, 2), contiguous_axes({2, 2}).id(f.eight));
       },
       {"posenc::make_shift_table: keys_id must be 0 or 14501298654465141105 (frequencies.id()), got "
        "2855824892242359937"}},
      {"a shift of NaN",
       invalid,
       [](F& f) { posenc::make_shift_table<float>(f.eight, Eigen::Array2d(1, kNan)); },
       {"positions[1] must be finite, got nan"}},
      {"rescaling keys of the new frequencies",
       invalid,
       [](F& f) {
         const auto slow = posenc::scale_linear(f.eight, 2);
         posenc::make_rescale_table<float>(f.eight, slow, {0, 3}, slow.id());
       },
       {"posenc::make_rescale_table: keys_id must be 0 or 14501298654465141105 (from.id()), got 15623417584409101740"}},
      {"rescaling to other pairs",
       invalid,
       [](F& f) {
         posenc::make_rescale_table<float>(f.eight, geometric_frequencies(10, 1e4), {0, 3});
       },
       {"make_rescale_table: to.num_pairs() must be from.num_pairs() 4, got 5"}},
      {"rescaling without enough positions",
       range,
       [](F& f) {
         posenc::apply_rope(f.x, posenc::make_rescale_table<float>(f.eight, f.eight, {0, 2}), f.layout);
       },
       {"apply_rope: table.rows() must be at least 3 (tokens), got 2"}},

      // xPos
      {"xPos with a magnitude",
       invalid,
       [](F& f) {
         posenc::make_xpos_tables<float>(f.eight.with_magnitude(2), {0, 3}, 0);
       },
       {"make_xpos_tables: frequencies.magnitude() must be 1, got 2"}},
      {"xPos about NaN",
       invalid,
       [](F& f) {
         posenc::make_xpos_tables<float>(f.eight, {0, 3}, kNan);
       },
       {"make_xpos_tables: center must be finite, got nan"}},
      {"xPos over no distance",
       invalid,
       [](F& f) {
         posenc::make_xpos_tables<float>(f.eight, {0, 3}, 0, {0, 0.4});
       },
       {"make_xpos_tables: scale_base must be finite and > 0, got 0"}},
      {"xPos beyond its scalar",
       range,
       [](F& f) {
         posenc::make_xpos_tables<float>(f.eight, {1000000, 1}, 0);
       },
       {"posenc::make_xpos_tables: distance of a position from center must be at most 36056.3768 (beyond it the scale "
        "does not fit into the scalar), got 1000000"}},
      {"the inverse of an xPos table",
       invalid,
       [](F& f) {
         posenc::apply_rope_inverse(f.x, posenc::make_xpos_tables<float>(f.eight, {0, 3}, 0).queries, f.layout);
       },
       {"apply_rope_inverse: table.magnitude() must be > 0", "got 0"}},

      // Layouts
      {"layouts of different heads",
       invalid,
       [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(16), 8); },
       {"channel_permutation: to.head_dim() must be from.head_dim() 8, got 16"}},
      {"a window that leaves the head",
       invalid,
       [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(8, 4), 6); },
       {"channel_permutation: rotary_dim must be at most 4", "of to", "got 6"}},
      {"odd window of a permutation",
       invalid,
       [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(8), RopeLayout::interleaved(8), 5); },
       {"channel_permutation: rotary_dim must be even", "got 5"}},
      {"columns that are no heads",
       invalid,
       [](F& f) { posenc::permute_columns(f.x, RopeLayout::half_split(12), RopeLayout::interleaved(12), 12); },
       {"permute_columns: x.cols() must be a multiple of head_dim 12, got 16"}},
      {"weights that are no heads",
       invalid,
       [](F& f) { posenc::permute_rows(f.columns, RopeLayout::half_split(4), RopeLayout::interleaved(4), 4); },
       {"permute_rows: weights.rows() must be a multiple of head_dim 4, got 3"}},

      // Learned frequencies
      {"learned frequencies of other axes",
       invalid,
       [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Ones(2, 4), Ids::Zero(3, 3)); },
       {"make_mixed_table: positions.cols() must be the number of axes 2, got 3"}},
      {"a learned frequency NaN",
       invalid,
       [](F&) { posenc::make_mixed_table<float>(Eigen::MatrixXd::Constant(1, 4, kNan), Eigen::Vector2i(0, 1)); },
       {"make_mixed_table: frequencies(0, 0) must be finite, got nan"}},
      {"learned frequencies of 6 channels",
       invalid,
       [](F&) { posenc::initial_mixed_frequencies(6, 10, 0); },
       {"initial_mixed_frequencies: head_dim must be a multiple of 4, got 6"}},
      {"a gradient of too many pairs",
       invalid,
       [](F& f) {
         Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 5);
         posenc::mixed_frequencies_backward(grad, f.x, f.x, Ids::Zero(3, 2), f.layout);
       },
       {"mixed_frequencies_backward: grad_frequencies.cols() must be at most 4", "got 5"}},
      {"a gradient of other tokens",
       invalid,
       [](F& f) {
         Eigen::MatrixXd grad = Eigen::MatrixXd::Zero(2, 4);
         posenc::mixed_frequencies_backward(grad, f.x.topRows(2), f.x, Ids::Zero(3, 2), f.layout);
       },
       {"mixed_frequencies_backward: grad_y.rows() must be 3, got 2"}},

      // Sinusoids on grids
      {"a grid encoding of 6",
       invalid,
       [](F&) { posenc::presets::mae(6); },
       {"presets::mae: width", "multiple of 4", "got 6"}},
      {"a video encoding of 24",
       invalid,
       [](F&) { posenc::presets::diffusers_3d(24); },
       {"presets::diffusers_3d: width", "multiple of 16", "got 24"}},
      {"DETR of odd features",
       invalid,
       [](F&) { posenc::presets::detr(3); },
       {"posenc::presets::detr: num_pos_feats must be a multiple of 2, > 0 and at most 16777216, got 3"}},
      {"NeRF of no frequency",
       invalid,
       [](F&) { posenc::presets::nerf(3, 0); },
       {"presets::nerf: num_frequencies must be in [1, 64], got 0"}},
      {"grid positions of one axis",
       invalid,
       [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(3, 1)); },
       {"encode_sinusoidal: positions.cols() must be the number of axes 2, got 1"}},
      {"grid positions of other tokens",
       invalid,
       [](F& f) { posenc::add_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(4, 2)); },
       {"add_sinusoidal: positions.rows() must be the number of tokens 3, got 4"}},
      {"a grid encoding of another width",
       invalid,
       [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(8), Ids::Zero(3, 2)); },
       {"encode_sinusoidal: out.cols() must be encoding.width() 8, got 16"}},
  };
}

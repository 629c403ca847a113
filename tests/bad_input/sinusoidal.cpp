// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/sinusoidal.hpp"

namespace {

using Eigen::Index;
using posenc::PositionRange;
using posenc::SinusoidalOptions;
using posenc_tests::BadInputs;
using posenc_tests::bytes_of;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Ids = posenc::AxisPositionMatrix<std::int64_t>;

/// `options` with one field changed.
template <typename Options, typename Value, typename Field>
Options with(Options options, Field field, Value value) {
  options.*field = value;
  return options;
}

/// Three tokens of 16 channels.
struct Fixture {
  RowMajor x = RowMajor::Constant(3, 16, 1.5f);
  Eigen::MatrixXf columns = Eigen::MatrixXf::Constant(3, 16, 2.5f);

  std::string written() const { return bytes_of(x, columns); }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_sinusoids() {
  using F = Fixture;
  BadInputs<F> bad("sinusoidal");

  // RoPE
  bad.value("sinusoid into null data", "encode_sinusoidal: out.data() must be a valid pointer, got null",
            [](F&) { posenc::encode_sinusoidal(Eigen::Map<RowMajor>(nullptr, 3, 16), posenc::Sinusoidal(16)); });

  // Sinusoids
  bad.value("sinusoid of width 0", "Sinusoidal: width must be > 0 and at most 16777216, got 0",
            [](F&) { posenc::Sinusoidal(0); });
  bad.value("sinusoid, shift NaN", "Sinusoidal: frequency_shift must be finite and less than width / 2 = 4, got nan",
            [](F&) {
              posenc::SinusoidalOptions options;
              options.frequency_shift = kNan;
              posenc::Sinusoidal(8, options);
            });
  bad.range("fairseq, padding at the last integer",
            "presets::fairseq: padding_idx must be at most 9223372036854775806, got 9223372036854775807",
            [](F&) { posenc::presets::fairseq(kMaxPosition); });
  bad.value("sinusoid of odd width", "Sinusoidal: width must be even (or set odd_width), got 7",
            [](F&) { posenc::Sinusoidal(7); });
  bad.value("sinusoid of width 1", "Sinusoidal: width must be > 1, got 1",
            [](F&) { posenc::Sinusoidal(1, posenc::presets::numpy_tutorial()); });
  bad.value("sinusoid, base 1", "Sinusoidal: base must be finite, > 0 and not 1, got 1",
            [](F&) { posenc::Sinusoidal(8, posenc::presets::paper(1)); });
  bad.value("sinusoid, base NaN", "Sinusoidal: base must be finite, > 0 and not 1, got nan",
            [](F&) { posenc::Sinusoidal(8, posenc::presets::paper(kNan)); });
  bad.value("preset, minimum 0", "presets::tensor2tensor: min_timescale must be finite and > 0, got 0",
            [](F&) { posenc::presets::tensor2tensor(0, 1); });
  bad.value("preset, equal timescales", "presets::tensor2tensor: max_timescale must be finite, > 0 and not 3, got 3",
            [](F&) { posenc::presets::tensor2tensor(3, 3); });
  bad.value("preset, timescale NaN", "presets::whisper: max_timescale must be finite, > 0 and not 1, got nan",
            [](F&) { posenc::presets::whisper(kNan); });
  bad.value("preset, frequency 0", "presets::mlx: min_freq must be finite and > 0, got 0",
            [](F&) { posenc::presets::mlx(8, 0, 1); });
  bad.value("preset, negative frequency", "presets::mlx: max_freq must be finite, > 0 and not 0.0001, got -1",
            [](F&) { posenc::presets::mlx(8, 1e-4, -1); });
  bad.value("preset, width 0", "presets::mlx: width must be > 0, got 0", [](F&) { posenc::presets::mlx(0); });
  bad.value("preset, negative width", "presets::marian: width must be > 0, got -4",
            [](F&) { posenc::presets::marian(-4); });
  bad.value("preset, theta 1", "presets::x_transformers: theta must be finite, > 0 and not 1, got 1",
            [](F&) { posenc::presets::x_transformers(8, 1); });
  bad.value("preset, period 0", "presets::ggml_timestep: max_period must be finite, > 0 and not 1, got 0",
            [](F&) { posenc::presets::ggml_timestep(0); });
  bad.value("preset, infinite period", "presets::diffusers_timestep: max_period must be finite, > 0 and not 1, got inf",
            [](F&) { posenc::presets::diffusers_timestep(false, 1, 1, kInfinity); });
  bad.value("sinusoid, shift as large as the pairs",
            "Sinusoidal: frequency_shift must be finite and less than width / 2 = 4, got 4",
            [](F&) { posenc::Sinusoidal(8, posenc::presets::diffusers_timestep(false, 4)); });
  bad.value("sinusoid, infinite scale", "Sinusoidal: position_scale must be finite, got inf", [](F&) {
    posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::position_scale, kInfinity));
  });
  bad.value("sinusoid, amplitude NaN", "Sinusoidal: amplitude must be finite, got nan",
            [](F&) { posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::amplitude, kNan)); });
  bad.value("sinusoid, embedding scale NaN", "Sinusoidal: embedding_scale must be finite, got nan",
            [](F&) { posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::embedding_scale, kNan)); });
  bad.value("sinusoid into another width", "encode_sinusoidal: out.cols() must be encoding.width() 8, got 16",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::Sinusoidal(8)); });
  bad.value("sinusoid, too few positions", "add_sinusoidal: positions.size() must be x.rows() 3, got 2",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16), Eigen::Array2i(0, 1)); });
  bad.value("sinusoid, position NaN", "add_sinusoidal: positions[2] must be finite, got nan",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16), Eigen::Array3d(0, 1, kNan)); });
  bad.range("sinusoid, range beyond 64 bits",
            "encode_sinusoidal: positions.first must be at most 9223372036854775804 (2^63 - 1 - positions.count), got "
            "9223372036854775807",
            [](F& f) { posenc::encode_sinusoidal(f.columns, posenc::Sinusoidal(16), kMaxPosition); });
  bad.range("sinusoid, first_position beyond 64 bits",
            "encode_sinusoidal: positions[2] must be from -9223372036854775808 to 9223372036854775805, got "
            "9223372036854775806",
            [](F& f) {
              const auto options = with(SinusoidalOptions{}, &SinusoidalOptions::first_position, std::int64_t(2));
              posenc::encode_sinusoidal(f.x, posenc::Sinusoidal(16, options), kMaxPosition - 3);
            });
  bad.range(
      "sinusoid, first_position below 64 bits",
      "add_sinusoidal: positions[1] must be from -9223372036854775806 to 9223372036854775807, got -9223372036854775807",
      [](F& f) {
        const auto options = with(SinusoidalOptions{}, &SinusoidalOptions::first_position, std::int64_t(-2));
        const Eigen::Array<std::int64_t, 3, 1> positions(0, -kMaxPosition, 5);
        posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16, options), positions);
      });
  bad.value("sinusoid, negative count", "make_sinusoidal: positions.count must be >= 0, got -5",
            [](F&) { posenc::make_sinusoidal<float>(posenc::Sinusoidal(16), posenc::PositionRange(0, -5)); });
  bad.length(
      "sinusoid too large",
      "make_sinusoidal: positions.count must be at most 72057594037927935 for rows of 16 values, got "
      "576460752303423488",
      [](F&) { posenc::make_sinusoidal<double>(posenc::Sinusoidal(16), posenc::PositionRange(0, Index(1) << 59)); });

  // Not errors
  bad.allowed("no sinusoids", [](F& f) { posenc::encode_sinusoidal(f.x.topRows(0), posenc::Sinusoidal(16)); });

  // Sinusoids on grids
  bad.value("a grid encoding of 6", "presets::mae: width must be a multiple of 4, > 0 and at most 16777216, got 6",
            [](F&) { posenc::presets::mae(6); });
  bad.value("a video encoding of 24",
            "presets::diffusers_3d: width must be a multiple of 16, > 0 and at most 16777216, got 24",
            [](F&) { posenc::presets::diffusers_3d(24); });
  bad.value("DETR of odd features",
            "presets::detr: num_pos_feats must be a multiple of 2, > 0 and at most 16777216, got 3",
            [](F&) { posenc::presets::detr(3); });
  bad.value("NeRF of no frequency", "presets::nerf: num_frequencies must be in [1, 64], got 0",
            [](F&) { posenc::presets::nerf(3, 0); });
  bad.value("grid positions of one axis", "encode_sinusoidal: positions.cols() must be the number of axes 2, got 1",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(3, 1)); });
  bad.value("grid positions of other tokens", "add_sinusoidal: positions.rows() must be the number of tokens 3, got 4",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(4, 2)); });
  bad.value("a grid encoding of another width", "encode_sinusoidal: out.cols() must be encoding.width() 8, got 16",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(8), Ids::Zero(3, 2)); });
  return bad.cases();
}

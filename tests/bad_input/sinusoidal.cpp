// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/sinusoidal.hpp"

#include <vector>

namespace {

using Eigen::Index;
using posenc::each_sequence;
using posenc::PositionRange;
using posenc::SinusoidalEncoding;
using posenc::SinusoidalOptions;
using posenc::starting_at;
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

/// The paper's conventions, but the messages are those of SinusoidalEncoding.
SinusoidalOptions paper_options() { return {posenc::ChannelOrder::interleaved, posenc::FrequencySpacing::over_width}; }

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
  bad.value("sinusoid into null data", "encode_sinusoidal: out.data() must be a valid pointer, got null", [](F&) {
    posenc::encode_sinusoidal(Eigen::Map<RowMajor>(nullptr, 3, 16), posenc::presets::paper(16), starting_at(0));
  });

  // Sinusoids
  bad.value("sinusoid of width 0", "SinusoidalEncoding: width must be > 0 and at most 16777216, got 0",
            [](F&) { SinusoidalEncoding(0, paper_options()); });
  bad.value("sinusoid, shift NaN",
            "SinusoidalEncoding: frequency_shift must be finite and less than width / 2 = 4, got nan",
            [](F&) { SinusoidalEncoding(8, with(paper_options(), &SinusoidalOptions::frequency_shift, kNan)); });
  bad.range("fairseq, padding at the last integer",
            "presets::fairseq: padding_idx must be in [-2^57, 2^57), got 9223372036854775807",
            [](F&) { posenc::presets::fairseq(8, kMaxPosition); });
  bad.value("preset of odd width", "presets::paper: width must be even, got 7", [](F&) { posenc::presets::paper(7); });
  bad.value("preset of width 1", "presets::numpy_tutorial: width must be > 1, got 1",
            [](F&) { posenc::presets::numpy_tutorial(1); });
  bad.value("preset, base 1", "presets::paper: base must be finite, > 0 and not 1, got 1",
            [](F&) { posenc::presets::paper(8, 1); });
  bad.value("preset, base NaN", "presets::paper: base must be finite, > 0 and not 1, got nan",
            [](F&) { posenc::presets::paper(8, kNan); });
  bad.value("preset, minimum 0", "presets::tensor2tensor: min_timescale must be finite and > 0, got 0",
            [](F&) { posenc::presets::tensor2tensor(8, 0, 1); });
  bad.value("preset, equal timescales", "presets::tensor2tensor: max_timescale must be finite, > 0 and not 3, got 3",
            [](F&) { posenc::presets::tensor2tensor(8, 3, 3); });
  bad.value("preset, timescale NaN", "presets::whisper: max_timescale must be finite, > 0 and not 1, got nan",
            [](F&) { posenc::presets::whisper(8, kNan); });
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
            [](F&) { posenc::presets::ggml_timestep(8, 0); });
  bad.value("preset, infinite period", "presets::diffusers_timestep: max_period must be finite, > 0 and not 1, got inf",
            [](F&) { posenc::presets::diffusers_timestep(8, false, 1, 1, kInfinity); });
  bad.value("preset, shift as large as the pairs",
            "presets::diffusers_timestep: downscale_freq_shift must be finite and less than width / 2 = 4, got 4",
            [](F&) { posenc::presets::diffusers_timestep(8, false, 4); });
  bad.value("preset, infinite factor on the timestep", "presets::diffusers_timestep: scale must be finite, got inf",
            [](F&) { posenc::presets::diffusers_timestep(8, false, 1, kInfinity); });
  bad.value("sinusoid, infinite scale", "SinusoidalEncoding: position_scale must be finite, got inf",
            [](F&) { SinusoidalEncoding(8, with(paper_options(), &SinusoidalOptions::position_scale, kInfinity)); });
  bad.value("sinusoid, amplitude NaN", "SinusoidalEncoding: amplitude must be finite, got nan",
            [](F&) { SinusoidalEncoding(8, with(paper_options(), &SinusoidalOptions::amplitude, kNan)); });
  bad.value("sinusoid, embedding scale NaN", "SinusoidalEncoding: embedding_scale must be finite, got nan",
            [](F&) { SinusoidalEncoding(8, with(paper_options(), &SinusoidalOptions::embedding_scale, kNan)); });
  bad.value("sinusoid into another width", "encode_sinusoidal: out.cols() must be encoding.width() 8, got 16",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::paper(8), starting_at(0)); });
  bad.value("sinusoid, too few positions", "add_sinusoidal: positions.size() must be x.rows() 3, got 2",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::presets::paper(16), Eigen::Array2i(0, 1)); });
  bad.value("sinusoid, position NaN", "add_sinusoidal: positions[2] must be finite, got nan",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::presets::paper(16), Eigen::Array3d(0, 1, kNan)); });
  bad.range("sinusoid, range beyond 2^57",
            "starting_at: first must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
            [](F& f) { posenc::encode_sinusoidal(f.columns, posenc::presets::paper(16), starting_at(kMaxPosition)); });
  bad.range(
      "sinusoid, first_position beyond 2^57",
      "encode_sinusoidal: positions[2] + first_position must be in [-2^57, 2^57] (where double holds angles), got "
      "144115188075855873",
      [](F& f) {
        const auto options = with(paper_options(), &SinusoidalOptions::first_position, std::int64_t(2));
        posenc::encode_sinusoidal(f.x, SinusoidalEncoding(16, options), starting_at((std::int64_t(1) << 57) - 3));
      });
  bad.range("sinusoid, first_position below -2^57",
            "add_sinusoidal: positions[1] + first_position must be in [-2^57, 2^57] (where double holds angles), got "
            "-144115188075855874",
            [](F& f) {
              const auto options = with(paper_options(), &SinusoidalOptions::first_position, std::int64_t(-2));
              const Eigen::Array<std::int64_t, 3, 1> positions(0, -(std::int64_t(1) << 57), 5);
              posenc::add_sinusoidal(f.x, SinusoidalEncoding(16, options), positions);
            });
  bad.range(
      "sinusoid, a sequence that ends beyond 2^57",
      "encode_sinusoidal: starts[0] must be at most 144115188075855870 for sequences of 3, got 144115188075855871",
      [](F& f) {
        const Eigen::Array<std::int64_t, 1, 1> starts((std::int64_t(1) << 57) - 1);
        posenc::encode_sinusoidal(f.x, posenc::presets::paper(16), posenc::each_sequence(3, starts));
      });
  bad.value("sinusoid, negative count", "PositionRange: count must be >= 0, got -5",
            [](F&) { posenc::make_sinusoidal<float>(posenc::presets::paper(16), PositionRange(0, -5)); });
  if (posenc_tests::kWideIndex)
    bad.length("sinusoid too large",
               "make_sinusoidal: positions.count() must be at most 72057594037927935 for rows of 16 values, got "
               "72057594037927936",
               [](F&) {
                 posenc::make_sinusoidal<double>(posenc::presets::paper(16), PositionRange(0, std::int64_t(1) << 56));
               });

  // Not errors
  bad.allowed("no sinusoids",
              [](F& f) { posenc::encode_sinusoidal(f.x.topRows(0), posenc::presets::paper(16), starting_at(0)); });

  bad.range("sinusoid, an angle beyond double",
            "add_sinusoidal: positions[1] must be such that position * frequency is finite (the largest frequency is "
            "1e+10), got 1e+300",
            [](F& f) {
              const auto fast = with(paper_options(), &SinusoidalOptions::position_scale, 1e10);
              posenc::add_sinusoidal(f.x, SinusoidalEncoding(16, fast), Eigen::Array3d(0, 1e300, 2));
            });

  // Integers and digits
  bad.value("digits to the base 1",
            "encode_digits: base must be >= 2 and at most 16777216, up to which out's scalar is exact, got 1",
            [](F& f) { posenc::encode_digits(f.x, 1, starting_at(0)); });
  bad.value("digits to a negative base",
            "encode_digits: base must be >= 2 and at most 16777216, up to which out's scalar is exact, got -2",
            [](F& f) { posenc::encode_digits(f.x, -2, starting_at(0)); });
  bad.value("digits that half does not hold",
            "encode_digits: base must be >= 2 and at most 2048, up to which out's scalar is exact, got 2049", [](F&) {
              Eigen::Matrix<Eigen::half, 1, 4> out;
              posenc::encode_digits(out, 2049, starting_at(0));
            });
  bad.value("digits that bfloat16 does not hold",
            "encode_digits: base must be >= 2 and at most 256, up to which out's scalar is exact, got "
            "18446744073709551615",
            [](F&) {
              Eigen::Matrix<Eigen::bfloat16, 1, 4> out;
              posenc::encode_digits(out, std::numeric_limits<std::uint64_t>::max(), starting_at(0));
            });
  bad.range("digits of a negative position", "encode_digits: positions[1] must be >= 0, to have digits, got -1",
            [](F& f) { posenc::encode_digits(f.columns, 2, Eigen::Array3i(0, -1, 2)); });
  bad.range("digits of a range that begins below 0", "encode_digits: positions[0] must be >= 0, to have digits, got -2",
            [](F& f) { posenc::encode_digits(f.x, 2, starting_at(-2)); });
  bad.value("digits of a fraction", "encode_digits: positions[2] must be an integer, to have digits, got 0.5",
            [](F& f) { posenc::encode_digits(f.x, 2, Eigen::Array3d(0, 1, 0.5)); });
  bad.value("digits of NaN", "encode_digits: positions[2] must be finite, got nan",
            [](F& f) { posenc::encode_digits(f.x, 2, Eigen::Array3d(0, 1, kNan)); });
  bad.range("one digit too many",
            "encode_digits: positions[2] must be at most 65535 for 16 digits to the base 2, got 65536",
            [](F& f) { posenc::encode_digits(f.x, 2, starting_at(65534)); });
  bad.range("digits of a real position beyond 2^57",
            "encode_digits: positions[1] must be at most 144115188075855872 for 16 digits to the base 10000, got 1e+30",
            [](F& f) { posenc::encode_digits(f.x, 10000, Eigen::Array3d(0, 1e30, 0)); });
  bad.value("digits, too few positions", "encode_digits: positions.size() must be out.rows() 3, got 2",
            [](F& f) { posenc::encode_digits(f.x, 2, Eigen::Array2i(0, 1)); });
  bad.value("digits over their own positions",
            "encode_digits: out must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::encode_digits(f.columns.rightCols(4), 2, f.columns.col(15)); });
  bad.value("digits over positions in a std::vector",
            "encode_digits: out must be disjoint from what is read, got overlapping memory", [](F&) {
              std::vector<float> numbers(3, 1.0f);
              posenc::encode_digits(Eigen::Map<RowMajor>(numbers.data(), 3, 1), 2, numbers);
            });
  bad.value("digits into null data", "encode_digits: out.data() must be a valid pointer, got null",
            [](F&) { posenc::encode_digits(Eigen::Map<RowMajor>(nullptr, 3, 16), 2, starting_at(0)); });
  bad.value("integers, scale NaN", "encode_integers: scale must be finite, got nan",
            [](F& f) { posenc::encode_integers(f.x, kNan, starting_at(0)); });
  bad.range("integers beyond half",
            "encode_integers: positions[1] must be such that scale * position is finite in out's scalar, got 65520",
            [](F&) {
              Eigen::Matrix<Eigen::half, 2, 4> out;
              posenc::encode_integers(out, 1, starting_at(65519));
            });
  bad.range("integers beyond double",
            "encode_integers: positions[0] must be such that scale * position is finite in out's scalar, got 10",
            [](F& f) { posenc::encode_integers(f.columns, 1e308, starting_at(10)); });
  bad.value("integers, another count", "encode_integers: positions.count() must be out.rows() 3, got 4",
            [](F& f) { posenc::encode_integers(f.x, 1, PositionRange(0, 4)); });
  bad.value("integers into rows that lie in one another",
            "encode_integers: out.outerStride() must be at least 4 forwards or backwards (what is written to may not "
            "overlap itself), got 1",
            [](F& f) {
              Eigen::Map<RowMajor, 0, Eigen::OuterStride<>> rows(f.x.data(), 3, 4, Eigen::OuterStride<>(1));
              posenc::encode_integers(rows, 1, starting_at(0));
            });
  bad.allowed("no integers", [](F& f) { posenc::encode_integers(f.x.topRows(0), 1, starting_at(0)); });
  bad.allowed("no digits", [](F& f) { posenc::encode_digits(f.x.topRows(0), 2, starting_at(0)); });

  // Sinusoids on grids
  bad.value("a grid encoding of 6", "presets::mae: width must be a multiple of 4, > 0 and at most 16777216, got 6",
            [](F&) { posenc::presets::mae(6); });
  bad.value("a video encoding of 24",
            "presets::diffusers_3d: width must be a multiple of 16, > 0 and at most 16777216, got 24",
            [](F&) { posenc::presets::diffusers_3d(24); });
  bad.value("DETR of odd features",
            "presets::detr: num_pos_feats must be a multiple of 2, > 0 and at most 16777216, got 3",
            [](F&) { posenc::presets::detr(3); });
  bad.value("MoCo-v3, temperature 1", "presets::moco_v3: temperature must be finite, > 0 and not 1, got 1",
            [](F&) { posenc::presets::moco_v3(8, 1); });
  bad.value("timm, temperature 0", "presets::timm_interleaved: temperature must be finite, > 0 and not 1, got 0",
            [](F&) { posenc::presets::timm_interleaved(8, 0); });
  bad.value("DETR, temperature NaN", "presets::detr: temperature must be finite, > 0 and not 1, got nan",
            [](F&) { posenc::presets::detr(8, kNan); });
  bad.value("timescales too far apart",
            "presets::tensor2tensor_nd: max_timescale must be finite, > 0 and not 1e-300, got 1e+300",
            [](F&) { posenc::presets::tensor2tensor_nd(8, 2, 1e-300, 1e300); });
  bad.value("NeRF of no frequency", "presets::nerf: num_frequencies must be in [1, 64], got 0",
            [](F&) { posenc::presets::nerf(3, 0); });
  bad.range(
      "grid angles beyond double",
      "encode_sinusoidal: positions(2, 0) must be such that position * frequency is finite (the largest frequency "
      "is 128), got 1e+307",
      [](F& f) {
        const Eigen::Array3d far(0, 1, 1e307);
        posenc::encode_sinusoidal(f.x, posenc::presets::nerf(1, 8, false), far);
      });
  bad.value("grid positions of one axis", "encode_sinusoidal: positions.cols() must be the number of axes 2, got 1",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(3, 1)); });
  bad.value("grid positions of other tokens", "add_sinusoidal: positions.rows() must be x.rows() 3, got 4",
            [](F& f) { posenc::add_sinusoidal(f.x, posenc::presets::mae(16), Ids::Zero(4, 2)); });
  bad.value("a grid encoding of another width", "encode_sinusoidal: out.cols() must be encoding.width() 8, got 16",
            [](F& f) { posenc::encode_sinusoidal(f.x, posenc::presets::mae(8), Ids::Zero(3, 2)); });

  // Presets by model
  namespace presets = posenc::presets;
  bad.value("presets::musicgen: width must be > 1, got 1", [](F&) { presets::musicgen(1); });
  bad.value("presets::xglm: width must be > 0 and at most 16777216, got 0", [](F&) { presets::xglm(0); });
  bad.value("presets::nemo: width must be even, got 5", [](F&) { presets::nemo(5); });
  bad.value("presets::marian_transformers: width must be > 0, got -2", [](F&) { presets::marian_transformers(-2); });
  bad.value("presets::pi0: max_period must be finite, > 0 and not 2, got 2", [](F&) { presets::pi0(8, 2, 2); });
  bad.value("presets::pi0: min_period must be finite and > 0, got nan", [](F&) { presets::pi0(8, kNan, 2); });
  bad.value("presets::gligen: num_frequencies must be in [1, 1024], got 0", [](F&) { presets::gligen(0); });
  bad.value("presets::dab_detr: num_pos_feats must be a multiple of 2, > 0 and at most 16777216, got 3",
            [](F&) { presets::dab_detr(3); });
  bad.value("presets::dab_detr_queries: num_coordinates must be 2 or 4, got 3",
            [](F&) { presets::dab_detr_queries(4, 3); });
  bad.value("presets::perceiver: max_resolution.size() must be the number of axes, in [1, 1024], got 0",
            [](F&) { presets::perceiver(std::vector<int>{}, 4); });
  bad.value("presets::perceiver: max_resolution[1] must be finite and > 0, got 0", [](F&) {
    presets::perceiver(std::vector<int>{4, 0}, 4);
  });
  bad.value("presets::perceiver: num_bands must be in [1, 1024], got -1",
            [](F&) { presets::perceiver(std::vector<int>{4}, -1); });
  return bad.cases();
}

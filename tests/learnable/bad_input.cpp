// SPDX-License-Identifier: MIT
/// Bad input to trained tables: exception type, parameter, limit and value in the message, and nothing written.
#include "posenc/learnable.hpp"

#include "learnable/support.hpp"
#include "support/catch2.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace learnable_tests;
using posenc::GridResize;
using posenc::LookupOptions;
using posenc::Overflow;
using posenc::PositionRange;
using posenc::PositionTable;
using Matrix = RowMatrix<float>;

namespace {

enum class Error { invalid_argument, out_of_range, length_error };

struct Case {
  Error error;
  std::string message;  ///< What stands behind "posenc::".
  std::function<void(Matrix&)> call;
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr Eigen::Index kHuge = std::numeric_limits<Eigen::Index>::max();

PositionTable<float> table_of(Eigen::Index rows, Overflow overflow = Overflow::error) {
  return PositionTable<float>(pattern<float>(rows, 8), {overflow, 0.4, {}});
}

std::string npy_file(const std::string& header, const std::string& data = "") {
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size() & 0xff) +
         static_cast<char>(header.size() >> 8) + header + data;
}

std::string npy_shape(const std::string& shape) {
  return npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n");
}

void read_float(const std::string& bytes) {
  std::istringstream in(bytes);
  posenc::read_npy<float>(in);
}

/// `x` is 6 x 8 where it is not resized first.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      // tables
      {Error::invalid_argument, "PositionTable: rows must be > 0, got 0", [](Matrix&) { PositionTable<float>(0, 8); }},
      {Error::invalid_argument, "PositionTable: rows must be > 0, got -3",
       [](Matrix&) { PositionTable<float>(-3, 8); }},
      {Error::invalid_argument, "PositionTable: width must be > 0, got 0", [](Matrix&) { PositionTable<float>(8, 0); }},
      {Error::length_error,
       "PositionTable: rows must be at most 288230376151711743 for rows of 8 values, got 9223372036854775807",
       [](Matrix&) { PositionTable<float>(kHuge, 8); }},
      {Error::invalid_argument, "PositionTable: alpha must be > 0 and < 1, got 1",
       [](Matrix&) {
         PositionTable<float>(4, 8, {Overflow::hierarchical, 1.0, {}});
       }},
      {Error::invalid_argument, "PositionTable: alpha must be > 0 and < 1, got nan",
       [](Matrix&) {
         PositionTable<float>(4, 8, {Overflow::hierarchical, kNan, {}});
       }},
      {Error::out_of_range, "PositionTable: padding_row must be in [0, 4) (rows of the table), got 4",
       [](Matrix&) {
         PositionTable<float>(4, 8, {Overflow::error, 0.4, 4});
       }},
      {Error::invalid_argument, "PositionTable: row_stride must be at least 8, got 7",
       [](Matrix& x) { posenc::wrap_position_table(x.data(), 4, 8, 7); }},
      {Error::invalid_argument, "wrap_position_table: weights must be a valid pointer, got null",
       [](Matrix&) { posenc::wrap_position_table(static_cast<const float*>(nullptr), 4, 8, 8); }},
      {Error::invalid_argument, "wrap_position_table: weights.innerStride() must be 1, got 2",
       [](Matrix& x) {
         const Eigen::Map<const Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(x.data(), 3, 4,
                                                                                                  {16, 2});
         posenc::wrap_position_table(strided);
       }},
      {Error::invalid_argument, "PositionTable::mutable_values: owns_data() must be true, got false",
       [](Matrix& x) { posenc::wrap_position_table(x).mutable_values(); }},

      // lookups
      {Error::invalid_argument, "encode_learned: out.cols() must be table.width() 8, got 7",
       [](Matrix& x) { posenc::encode_learned(x.leftCols(7), table_of(9)); }},
      {Error::out_of_range, "encode_learned: the last position must be less than 5 (rows of the table), got 5",
       [](Matrix& x) { posenc::encode_learned(x, table_of(5)); }},
      {Error::out_of_range, "add_learned: the last position must be less than 9 (rows of the table), got 9",
       [](Matrix& x) { posenc::add_learned(x, table_of(9), 4); }},
      {Error::out_of_range, "add_learned: positions.first must be >= 0, got -1",
       [](Matrix& x) { posenc::add_learned(x, table_of(9, Overflow::clamp), -1); }},
      {Error::out_of_range,
       "add_learned: positions.first must be at most 9223372036854775801 (2^63 - 1 - positions.count), got "
       "9223372036854775807",
       [](Matrix& x) { posenc::add_learned(x, table_of(9, Overflow::zero), kHuge); }},
      {Error::out_of_range, "encode_learned: positions[4] must be less than 6 (rows of the table), got 6",
       [](Matrix& x) { posenc::encode_learned(x, table_of(6), (Ids(6) << 0, 1, 2, 3, 6, 9).finished()); }},
      {Error::out_of_range, "add_learned: positions[5] must be >= 0, got -9",
       [](Matrix& x) {
         posenc::add_learned(x, table_of(6, Overflow::zero), (Ids(6) << 0, 1, 2, 3, 4, -9).finished());
       }},
      {Error::out_of_range, "add_learned: positions[0] must be less than 6^2 (rows of the table, squared), got 36",
       [](Matrix& x) {
         posenc::add_learned(x, table_of(6, Overflow::hierarchical), (Ids(6) << 36, 1, 2, 3, 4, 5).finished());
       }},
      {Error::invalid_argument, "add_learned: positions.size() must be x.rows() 6, got 5",
       [](Matrix& x) { posenc::add_learned(x, table_of(9), Ids(Ids::Zero(5))); }},
      {Error::invalid_argument, "add_learned: x.rows() must be a multiple of positions.count 4, got 6",
       [](Matrix& x) {
         posenc::add_learned(x, table_of(9), PositionRange{0, 4});
       }},
      {Error::invalid_argument, "add_learned: x.rows() must be a multiple of positions.count 0, got 6",
       [](Matrix& x) {
         posenc::add_learned(x, table_of(9), PositionRange{0, 0});
       }},
      {Error::invalid_argument, "encode_learned: positions.count must be >= 0, got -6",
       [](Matrix& x) {
         posenc::encode_learned(x, table_of(9), PositionRange{0, -6});
       }},
      {Error::invalid_argument, "add_learned: x must be disjoint from what is read, got overlapping memory",
       [](Matrix& x) { posenc::add_learned(x.topRows(3), posenc::wrap_position_table(x.middleRows(1, 4))); }},
      {Error::invalid_argument, "opt_positions: past must be in [0, 8] (columns of the mask), got 9",
       [](Matrix& x) { posenc::opt_positions(x, 9); }},
      {Error::invalid_argument, "roberta_positions: padding_idx must be >= 0 and < 2^60, got -1",
       [](Matrix&) { posenc::roberta_positions(Ids(3), -1); }},

      // gradients
      {Error::invalid_argument, "learned_backward: grad_out.cols() must be grad_table.cols() 8, got 9",
       [](Matrix& x) { posenc::learned_backward(x, pattern<float>(2, 9), 0, {}); }},
      {Error::out_of_range, "learned_backward: positions[1] must be less than 6 (rows of the table), got 7",
       [](Matrix& x) { posenc::learned_backward(x, pattern<float>(2, 8), Eigen::Vector2i(0, 7), {}); }},
      {Error::invalid_argument, "learned_backward: positions.size() must be grad_out.rows() 3, got 2",
       [](Matrix& x) { posenc::learned_backward(x, pattern<float>(3, 8), Eigen::Vector2i(0, 1), {}); }},
      {Error::out_of_range, "learned_backward: padding_row must be in [0, 6) (rows of the table), got -1",
       [](Matrix& x) {
         posenc::learned_backward(x, pattern<float>(2, 8), 0, {Overflow::error, 0.4, -1});
       }},
      {Error::invalid_argument, "learned_backward: grad_table.rows() must be > 0, got 0",
       [](Matrix& x) { posenc::learned_backward(x.topRows(0), pattern<float>(2, 8), 0, {}); }},

      // initial values
      {Error::invalid_argument, "fill_normal: stddev must be finite and >= 0, got -1",
       [](Matrix& x) { posenc::fill_normal(x, 1, -1.0); }},
      {Error::invalid_argument, "fill_normal: mean must be finite, got inf",
       [](Matrix& x) { posenc::fill_normal(x, 1, 1.0, kInf); }},
      {Error::invalid_argument, "fill_uniform: high must be finite and at least low 0.1, got -0.1",
       [](Matrix& x) { posenc::fill_uniform(x, 1, 0.1, -0.1); }},
      {Error::invalid_argument, "fill_truncated_normal: high must be finite and greater than low 2, got 2",
       [](Matrix& x) {
         posenc::fill_truncated_normal(x, 1, {0.0, 1.0, 2.0, 2.0});
       }},
      {Error::invalid_argument, "fill_truncated_normal: stddev must be finite and > 0, got 0",
       [](Matrix& x) {
         posenc::fill_truncated_normal(x, 1, {0.0, 0.0, -2.0, 2.0});
       }},
      {Error::invalid_argument, "fill_truncated_normal: low must be less than 37 stddev above the mean, got 40",
       [](Matrix& x) {
         posenc::fill_truncated_normal(x, 1, {0.0, 1.0, 40.0, 41.0});
       }},
      {Error::invalid_argument, "fill_xavier_uniform: gain must be finite and >= 0, got nan",
       [](Matrix& x) { posenc::fill_xavier_uniform(x, 1, kNan); }},
      {Error::invalid_argument, "fill_sinusoidal: out.cols() must be 2 * frequencies.num_pairs() 6, got 8",
       [](Matrix& x) { posenc::fill_sinusoidal(x, posenc::geometric_frequencies(6, 1e4)); }},

      // resizing
      {Error::invalid_argument, "resize_linear: table.rows() must be > 0, got 0",
       [](Matrix& x) { posenc::resize_linear(x, Matrix(0, 8)); }},
      {Error::invalid_argument, "resize_align_corners: out.cols() must be table.cols() 7, got 8",
       [](Matrix& x) { posenc::resize_align_corners(x, Matrix(4, 7)); }},
      {Error::invalid_argument, "interpolate_positions: out.rows() must be > 0, got 0",
       [](Matrix& x) { posenc::interpolate_positions(x.topRows(0), Matrix(4, 8)); }},
      {Error::invalid_argument, "resize_linear: out must be disjoint from what is read, got overlapping memory",
       [](Matrix& x) { posenc::resize_linear(x, x.topRows(3)); }},
      {Error::invalid_argument, "resize_relative: out.rows() must be odd (2 n - 1 distances), got 6",
       [](Matrix& x) { posenc::resize_relative(x, Matrix(5, 8)); }},
      {Error::invalid_argument, "resize_relative_backward: grad_out.rows() must be odd (2 n - 1 distances), got 4",
       [](Matrix& x) { posenc::resize_relative_backward(x.topRows(5), Matrix(4, 8)); }},
      {Error::invalid_argument, "resize_bicubic: table.rows() must be 1 + 2 * 2, got 4",
       [](Matrix& x) {
         posenc::resize_bicubic(x, Matrix(4, 8), GridResize{2, 2, 1, 5, 1});
       }},
      {Error::invalid_argument, "resize_bicubic_antialiased: out.rows() must be 0 + 4 * 2, got 6",
       [](Matrix& x) {
         posenc::resize_bicubic_antialiased(x, Matrix(4, 8), GridResize{2, 2, 4, 2, 0});
       }},
      {Error::invalid_argument, "resize_bicubic: from_width must be > 0, got 0",
       [](Matrix& x) {
         posenc::resize_bicubic(x, Matrix(4, 8), GridResize{2, 0, 2, 3, 0});
       }},
      {Error::invalid_argument, "resize_bicubic: prefix must be >= 0, got -1",
       [](Matrix& x) {
         posenc::resize_bicubic(x, Matrix(4, 8), GridResize{5, 1, 7, 1, -1});
       }},
      {Error::invalid_argument, "resize_bicubic_backward: grad_out.rows() must be 0 + 9223372036854775807 * 2, got 4",
       [](Matrix& x) {
         posenc::resize_bicubic_backward(x, Matrix(4, 8), GridResize{2, 3, kHuge, 2, 0});
       }},

      // Fourier features
      {Error::invalid_argument, "encode_fourier: weights.rows() must be coordinates.cols() 2, got 3",
       [](Matrix& x) { posenc::encode_fourier(x, Matrix(6, 2), Matrix(3, 4), {}); }},
      {Error::invalid_argument, "encode_fourier: out.cols() must be 2 * weights.cols() 6, got 8",
       [](Matrix& x) { posenc::encode_fourier(x, Matrix(6, 2), Matrix(2, 3), {}); }},
      {Error::invalid_argument, "encode_fourier: angle_scale must be finite, got nan",
       [](Matrix& x) {
         posenc::encode_fourier(x, Matrix(6, 2), Matrix(2, 4), {posenc::ChannelOrder::sin_cos, kNan, 1, 0, 1});
       }},
      {Error::invalid_argument, "fourier_backward: grad_weights.cols() must be 4, got 3",
       [](Matrix& x) {
         Matrix grad_weights(2, 3);
         posenc::fourier_backward(grad_weights, x, Matrix(6, 8), Matrix(6, 2), Matrix(2, 4), {});
       }},
      {Error::invalid_argument, "learned_fourier_options: num_features must be > 0, got 0",
       [](Matrix&) { posenc::learned_fourier_options(0); }},
      {Error::invalid_argument, "make_pixel_centres: width must be >= 0, got -2",
       [](Matrix&) { posenc::make_pixel_centres<float>(3, -2); }},

      // .npy files
      {Error::invalid_argument, "read_npy: path must be a file that can be read, got /no/such/file.npy",
       [](Matrix&) { posenc::read_npy<float>("/no/such/file.npy"); }},
      {Error::invalid_argument, "read_npy: the start of the file must be 10 bytes long, got 3",
       [](Matrix&) { read_float("\x93NU"); }},
      {Error::invalid_argument, "read_npy: the start of the file must be \\x93NUMPY, got something else",
       [](Matrix&) { read_float("GGUF and its tensors"); }},
      {Error::invalid_argument, "read_npy: the format version must be 1.0, got 2.0",
       [](Matrix&) { read_float(std::string("\x93NUMPY\x02\0\0\0\0\0", 12)); }},
      {Error::invalid_argument, "read_npy: the header must be 65535 bytes long, got 5",
       [](Matrix&) { read_float(std::string("\x93NUMPY\x01\0\xff\xff{'des", 15)); }},
      {Error::invalid_argument, "read_npy: the header must be followed by { at byte 0, got ''",
       [](Matrix&) { read_float(npy_file("")); }},
      {Error::invalid_argument, "read_npy: the header must be closed by a quote after byte 1, got ''descr: ?'",
       [](Matrix&) { read_float(npy_file("{'descr: \n")); }},
      {Error::invalid_argument,
       "read_npy: a key of the header must be 'descr', 'fortran_order' or 'shape', each once, got 'evil'",
       [](Matrix&) { read_float(npy_file("{'evil': 1}\n")); }},
      {Error::invalid_argument,
       "read_npy: a key of the header must be 'descr', 'fortran_order' or 'shape', each once, got 'descr'",
       [](Matrix&) { read_float(npy_file("{'descr': '<f4', 'descr': '<f8'}\n")); }},
      {Error::invalid_argument,
       "read_npy: the header must be complete: 'descr', 'fortran_order' and 'shape', got '{'descr': '<f4'}?'",
       [](Matrix&) { read_float(npy_file("{'descr': '<f4'}\n")); }},
      {Error::invalid_argument, "read_npy: fortran_order must be False (save a C-ordered array), got 'True'",
       [](Matrix&) { read_float(npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n")); }},
      {Error::invalid_argument, "read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '>f4'",
       [](Matrix&) { read_float(npy_file("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n")); }},
      {Error::invalid_argument, "read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '<i8'",
       [](Matrix&) { read_float(npy_file("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n")); }},
      {Error::invalid_argument, "read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '|O'",
       [](Matrix&) { read_float(npy_file("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n")); }},
      {Error::invalid_argument, "read_npy: the header must be a number >= 0 at byte 51, got '-1, 4), }?'",
       [](Matrix&) { read_float(npy_shape("(-1, 4)")); }},
      {Error::length_error, "read_npy: shape must be at most 9223372036854775807, got '99999999999999999999, 4), }?'",
       [](Matrix&) { read_float(npy_shape("(99999999999999999999, 4)")); }},
      {Error::length_error, "read_npy: shape must be at most 268435455 for rows of 4294967296 values, got 4294967296",
       [](Matrix&) { read_float(npy_shape("(4294967296, 4294967296)")); }},
      {Error::invalid_argument, "read_npy: the data must be 2305843009213693952 bytes long, got 0",
       [](Matrix&) { read_float(npy_shape("(1073741824, 536870912)")); }},
      {Error::invalid_argument, "read_npy: the header must be ended by spaces and one newline, got 'x?'",
       [](Matrix&) { read_float(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x\n")); }},
      {Error::invalid_argument, "write_npy: the product of shape must be values.size() 48, got 42",
       [](Matrix& x) {
         std::ostringstream out;
         posenc::write_npy(out, x, {6, 7});
       }},
      {Error::invalid_argument, "write_npy: path must be a file that can be written, got /no/such/folder/x.npy",
       [](Matrix& x) { posenc::write_npy("/no/such/folder/x.npy", x); }},
  };
  return all;
}

}  // namespace

TEST_CASE("bad input to trained tables is named, and nothing is written", "[learnable]") {
  REQUIRE(cases().size() >= 60);
  const Matrix before = pattern<float>(6, 8);
  for (const Case& bad : cases()) {
    Matrix x = before;
    std::string got = "nothing";
    Error error = Error::invalid_argument;
    try {
      bad.call(x);
    } catch (const std::invalid_argument& e) {
      got = e.what();
    } catch (const std::out_of_range& e) {
      got = e.what();
      error = Error::out_of_range;
    } catch (const std::length_error& e) {
      got = e.what();
      error = Error::length_error;
    }
    CHECK(got == "posenc::" + bad.message);
    CHECK(error == bad.error);
    CHECK(x == before);
  }
}

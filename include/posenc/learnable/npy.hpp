// SPDX-License-Identifier: MIT
/// @file
/// Reads and writes arrays as .npy: how a table comes from PyTorch, `numpy.save(path, weight.detach().cpu().numpy())`.
#ifndef POSENC_LEARNABLE_NPY_HPP
#define POSENC_LEARNABLE_NPY_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/learnable/detail/npy_header.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// An array of any number of axes as a matrix: the last axis is the columns, all others are merged into rows. One axis
/// gives one row.
template <typename Scalar_>
struct NpyArray {
  using Scalar = Scalar_;
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values;
  std::vector<Eigen::Index> shape;  ///< As the file has it; empty for a single number.
};

namespace detail {

template <typename Unsigned>
Unsigned little_endian(const char* bytes) {
  Unsigned value = 0;
  for (std::size_t i = sizeof(Unsigned); i-- > 0;) {
    value = static_cast<Unsigned>(static_cast<Unsigned>(value << 8 % (8 * sizeof(Unsigned))) |
                                  static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

/// The number whose little-endian bytes these are.
template <typename Value>
Value value_of_bytes(const char* bytes) {
  using Bits = std::conditional_t<sizeof(Value) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>>;
  const Bits bits = little_endian<Bits>(bytes);
  Value value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof value);
  return value;
}

template <typename Value>
void append_bytes(std::string& text, const Value& value) {
  using Bits = std::conditional_t<sizeof(Value) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>>;
  Bits bits;
  std::memcpy(&bits, static_cast<const void*>(&value), sizeof bits);
  for (std::size_t i = 0; i < sizeof bits; ++i) text.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
}

/// Reads `wanted` bytes piece by piece, so that memory grows with what the stream really holds.
inline std::string read_bytes(std::istream& in, std::size_t wanted, const char* what) {
  constexpr std::size_t piece = std::size_t(1) << 20;
  std::string bytes;
  while (bytes.size() < wanted) {
    const std::size_t had = bytes.size();
    bytes.resize(had + (std::min)(piece, wanted - had));
    in.read(&bytes[had], static_cast<std::streamsize>(bytes.size() - had));
    const std::size_t got = static_cast<std::size_t>(in.gcount());
    if (got < bytes.size() - had) {
      refuse<std::invalid_argument>("read_npy", what, had + got, wanted, " bytes long");
    }
  }
  return bytes;
}

template <typename Scalar, typename Value>
void convert_values(const std::string& bytes,
                    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& to) {
  for (Eigen::Index i = 0; i < to.size(); ++i) {
    const Value value = value_of_bytes<Value>(bytes.data() + static_cast<std::size_t>(i) * sizeof(Value));
    if constexpr (std::is_integral_v<Value>) {
      to.data()[i] = static_cast<Scalar>(value);
    } else {
      to.data()[i] = convert<Scalar>(value);
    }
  }
}

template <typename Scalar>
constexpr const char* npy_type() {
  if constexpr (std::is_same_v<Scalar, Eigen::half>) return "<f2";
  if constexpr (std::is_same_v<Scalar, float>) return "<f4";
  if constexpr (std::is_same_v<Scalar, double>) return "<f8";
  if constexpr (std::is_same_v<Scalar, std::int32_t>) return "<i4";
  if constexpr (std::is_same_v<Scalar, std::int64_t>) return "<i8";
  return nullptr;
}

/// Magic, version and header for `values` with the axes of `shape`; rows and columns where that is empty.
template <typename Derived>
std::string npy_start(const Eigen::DenseBase<Derived>& values, std::vector<Eigen::Index> shape) {
  using Scalar = typename Derived::Scalar;
  static_assert(npy_type<Scalar>() != nullptr, "posenc: .npy files hold float, double, Eigen::half, int32 or int64");
  const char* const function = "write_npy";
  if (shape.empty()) shape = {values.rows(), values.cols()};
  Eigen::Index size = 1;
  for (const Eigen::Index axis : shape) {
    require(axis >= 0, function, "shape", axis, ">= 0");
    require_size(function, "shape", size, axis, 1);
    size *= axis;
  }
  require(size == values.size(), function, "the product of shape", size, "values.size() ", values.size());
  return npy_header_text(npy_type<Scalar>(), shape);
}

/// Writes `text`, then the values along the rows.
template <typename Derived>
void write_npy(std::ostream& out, std::string text, const Eigen::DenseBase<Derived>& values) {
  const auto& given = evaluated(values);
  constexpr std::size_t flush_at = std::size_t(1) << 16;
  for (Eigen::Index row = 0; row < values.rows(); ++row) {
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      const typename Derived::Scalar value = given.coeff(row, i);
      append_bytes(text, value);
      if (text.size() >= flush_at) {
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        text.clear();
      }
    }
  }
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  require(static_cast<bool>(out), "write_npy", "out", "an error", "a stream that takes the data");
}

}  // namespace detail

/// Reads one array of a .npy stream, and leaves the stream just after it, so that several in a row can be read.
///
/// Format version 1.0, C order, little-endian: '<f2', '<f4' and '<f8' into a Scalar of float, double, Eigen::half or
/// Eigen::bfloat16, rounded once where it is narrower; '<i4' into int32 and int64, '<i8' into int64.
/// @param in  Opened in binary mode.
/// @throws std::invalid_argument  no .npy file; another version, type or order; a header or data cut short; a header
///                                with other entries than descr, fortran_order and shape.
/// @throws std::length_error      a shape that does not fit into memory's index type.
/// Cost:     memory of up to three times the data that the stream holds; what a header merely promises is not
///           allocated (not measured: files are read once).
/// Source:   the .npy format of NumPy, numpy.lib.format.
template <typename Scalar>
NpyArray<Scalar> read_npy(std::istream& in) {
  constexpr bool integer = std::is_same_v<Scalar, std::int32_t> || std::is_same_v<Scalar, std::int64_t>;
  static_assert(detail::is_storage<Scalar> || integer,
                "posenc: .npy files are read as float, double, Eigen::half, Eigen::bfloat16, int32 or int64");
  const char* const function = "read_npy";
  const std::string start = detail::read_bytes(in, 10, "the start of the file");
  detail::require(start.compare(0, 6, "\x93NUMPY") == 0, function, "the start of the file", "something else",
                  "\\x93NUMPY");
  const int major = static_cast<unsigned char>(start[6]);
  const int minor = static_cast<unsigned char>(start[7]);
  detail::require(major == 1 && minor == 0, function, "the format version",
                  std::to_string(major) + "." + std::to_string(minor), "1.0");
  const std::size_t length = detail::little_endian<std::uint16_t>(start.data() + 8);
  const detail::NpyHeader header = detail::parse_npy_header(detail::read_bytes(in, length, "the header"));

  const bool half = header.type == "<f2" && !integer;
  const bool single = header.type == "<f4" && !integer;
  const bool twice = header.type == "<f8" && !integer;
  const bool int32 = header.type == "<i4" && integer;
  const bool int64 = header.type == "<i8" && std::is_same_v<Scalar, std::int64_t>;
  detail::require(half || single || twice || int32 || int64, function, "descr", detail::printable(header.type),
                  !integer                               ? "'<f2', '<f4' or '<f8' (little-endian floats)"
                  : std::is_same_v<Scalar, std::int32_t> ? "'<i4' (little-endian integers)"
                                                         : "'<i4' or '<i8' (little-endian integers)");
  const std::size_t size = half ? 2 : single || int32 ? 4 : 8;
  Eigen::Index rows = 1;
  for (std::size_t axis = 0; axis + 1 < header.shape.size(); ++axis) {
    detail::require_size(function, "shape", rows, header.shape[axis], sizeof(double));
    rows *= header.shape[axis];
  }
  const Eigen::Index columns = header.shape.empty() ? 1 : header.shape.back();
  detail::require_size(function, "shape", rows, columns, sizeof(double));
  const std::string bytes = detail::read_bytes(in, static_cast<std::size_t>(rows * columns) * size, "the data");
  NpyArray<Scalar> array;
  array.shape = header.shape;
  array.values.resize(rows, columns);
  if constexpr (integer) {
    if (int32) detail::convert_values<Scalar, std::int32_t>(bytes, array.values);
    if (int64) detail::convert_values<Scalar, std::int64_t>(bytes, array.values);
  } else {
    if (half) detail::convert_values<Scalar, Eigen::half>(bytes, array.values);
    if (single) detail::convert_values<Scalar, float>(bytes, array.values);
    if (twice) detail::convert_values<Scalar, double>(bytes, array.values);
  }
  return array;
}

/// @overload
/// From a file, which must end with the array.
/// @param path  Of the file.
/// @throws std::invalid_argument  in addition: a path that cannot be opened; bytes after the array.
template <typename Scalar>
NpyArray<Scalar> read_npy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  detail::require(static_cast<bool>(in), "read_npy", "path", path, "a file that can be read");
  NpyArray<Scalar> array = read_npy<Scalar>(in);
  detail::require(in.peek() == std::ifstream::traits_type::eof(), "read_npy", "the end of the file", "more bytes",
                  "the end of the array");
  return array;
}

/// Writes a matrix or expression as an array of format version 1.0 in C order: '<f2', '<f4', '<f8', '<i4' or '<i8' by
/// its scalar. bfloat16 has no .npy type: cast it to float.
///
/// @param out     Opened in binary mode.
/// @param values  Any dense Eigen expression.
/// @param shape   Sizes of the axes, whose product is values.size(), read along the rows; rows and columns when empty.
/// @throws std::invalid_argument  another product, a negative size, more axes than a header of version 1.0 holds, or a
///                                stream that fails.
/// Cost:     a buffer of 64 KiB (not measured: files are written once).
/// Matches:  numpy.save.
template <typename Derived>
void write_npy(std::ostream& out, const Eigen::DenseBase<Derived>& values,
               const std::vector<Eigen::Index>& shape = {}) {
  detail::write_npy(out, detail::npy_start(values, shape), values);
}

/// @overload
/// To a file.
/// @param path  Of the file.
/// @throws std::invalid_argument  in addition: a path that cannot be opened. With a wrong shape, a file that exists at
///                                `path` stays as it was.
template <typename Derived>
void write_npy(const std::string& path, const Eigen::DenseBase<Derived>& values,
               const std::vector<Eigen::Index>& shape = {}) {
  const std::string start = detail::npy_start(values, shape);
  std::ofstream out(path, std::ios::binary);
  detail::require(static_cast<bool>(out), "write_npy", "path", path, "a file that can be written");
  detail::write_npy(out, start, values);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_NPY_HPP

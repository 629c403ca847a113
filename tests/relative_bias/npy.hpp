// SPDX-License-Identifier: MIT
/// The few .npy files of the data folder: two-dimensional, little-endian '<f4' or '<i4', C order.
#ifndef POSENC_TESTS_RELATIVE_BIAS_NPY_HPP
#define POSENC_TESTS_RELATIVE_BIAS_NPY_HPP

#include "support/data.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace posenc_tests {

inline RowMatrixXd read_npy_table(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  const std::string bytes = all.str();
  if (bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) != 0) throw std::runtime_error(path + " is no .npy 1.0");
  const std::size_t header = 10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  const std::string description = bytes.substr(10, header - 10);
  long rows = 0;
  long columns = 0;
  const std::size_t shape = description.find("'shape': (");
  if (shape == std::string::npos ||
      std::sscanf(description.c_str() + shape, "'shape': (%ld, %ld)", &rows, &columns) != 2) {
    throw std::runtime_error(path + " is not two-dimensional");
  }
  const bool floats = description.find("'<f4'") != std::string::npos;
  RowMatrixXd table(rows, columns);
  if (bytes.size() != header + 4 * static_cast<std::size_t>(table.size())) throw std::runtime_error(path + ": size");
  for (Eigen::Index i = 0; i < table.size(); ++i) {
    const char* const from = bytes.data() + header + 4 * i;
    float real;
    std::int32_t whole;
    std::memcpy(&real, from, 4);
    std::memcpy(&whole, from, 4);
    table.data()[i] = floats ? static_cast<double>(real) : static_cast<double>(whole);
  }
  return table;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_NPY_HPP

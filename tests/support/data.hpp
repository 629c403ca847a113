// SPDX-License-Identifier: MIT
/// Other people's data, read from POSENC_DATA_DIR when that is set: a test skips, and says so, when it is not.
#ifndef POSENC_TESTS_DATA_HPP
#define POSENC_TESTS_DATA_HPP

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace posenc_tests {

using RowMatrixXd = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The folder of the data, or an empty string. Set by CMake from the cache variable POSENC_DATA_DIR.
inline std::string data_dir() {
#if defined(POSENC_DATA_DIR)
  return POSENC_DATA_DIR;
#else
  return {};
#endif
}

/// True, after saying so, when the data is not there. Use: `if (skip_without_data("what")) return;`
inline bool skip_without_data(const std::string& what) {
  if (!data_dir().empty() && std::ifstream(data_dir() + "/README.md")) return false;
  std::cout << "skipped: " << what << " (set -DPOSENC_DATA_DIR)\n";
  return true;
}

/// A comma-separated file as a matrix: one row for each line.
inline RowMatrixXd read_csv(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::vector<double> values;
  Eigen::Index rows = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    ++rows;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) values.push_back(std::strtod(cell.c_str(), nullptr));
  }
  const Eigen::Index size = static_cast<Eigen::Index>(values.size());
  if (rows == 0 || size % rows != 0) throw std::runtime_error(path + " is not a matrix");
  return Eigen::Map<const RowMatrixXd>(values.data(), rows, size / rows);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_DATA_HPP

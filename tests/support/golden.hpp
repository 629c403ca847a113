// SPDX-License-Identifier: MIT
/// Reads the golden files: `# key = value` lines, then blocks `@ name sizes...` of comma-separated rows.
#ifndef POSENC_TESTS_GOLDEN_HPP
#define POSENC_TESTS_GOLDEN_HPP

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace posenc_tests {

/// One block: its sizes, and its values in order, the last axis fastest.
struct GoldenBlock {
  std::vector<Eigen::Index> sizes;
  std::vector<double> values;

  Eigen::Index columns() const { return sizes.back(); }
  Eigen::Index rows() const { return static_cast<Eigen::Index>(values.size()) / columns(); }
  /// All axes but the last merged into rows.
  Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> matrix() const {
    return {values.data(), rows(), columns()};
  }
};

struct Golden {
  std::map<std::string, std::string> keys;
  std::map<std::string, GoldenBlock> blocks;

  bool has(const std::string& key) const { return keys.count(key) != 0; }
  const std::string& text(const std::string& key) const { return keys.at(key); }
  double number(const std::string& key) const { return std::stod(keys.at(key)); }
  double number(const std::string& key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  /// A value that is a list of numbers with spaces between.
  std::vector<double> list(const std::string& key) const {
    std::istringstream in(keys.at(key));
    std::vector<double> values;
    for (double value; in >> value;) values.push_back(value);
    return values;
  }
  const GoldenBlock& block(const std::string& name) const { return blocks.at(name); }
};

inline Golden read_golden(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  Golden golden;
  GoldenBlock* block = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      const std::size_t equals = line.find(" = ");
      if (equals != std::string::npos) golden.keys[line.substr(2, equals - 2)] = line.substr(equals + 3);
    } else if (line[0] == '@') {
      std::istringstream header(line.substr(2));
      std::string name;
      header >> name;
      block = &golden.blocks[name];
      for (Eigen::Index size; header >> size;) block->sizes.push_back(size);
    } else {
      std::istringstream row(line);
      for (std::string cell; std::getline(row, cell, ',');) block->values.push_back(std::strtod(cell.c_str(), nullptr));
    }
  }
  for (const auto& [name, read] : golden.blocks) {
    std::size_t expected = 1;
    for (const Eigen::Index size : read.sizes) expected *= static_cast<std::size_t>(size);
    if (expected != read.values.size()) throw std::runtime_error(path + ": block " + name + " has a wrong size");
  }
  return golden;
}

/// A golden file of the repository, such as golden("frequencies/llama-2-7b.csv").
inline Golden golden(const std::string& name) { return read_golden(std::string(POSENC_GOLDEN_DIR) + "/" + name); }

}  // namespace posenc_tests

#endif  // POSENC_TESTS_GOLDEN_HPP

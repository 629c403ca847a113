// SPDX-License-Identifier: MIT
/// Which axis drives which pair: the maps of published models.
#include <string>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"

namespace {

using posenc::AxisMap;

/// "thw..." of a map.
std::string letters(const AxisMap& map) {
  std::string text;
  for (const int axis : map.axis_of_pair()) text += "thw"[axis];
  return text;
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

Eigen::ArrayXi list(const std::vector<int>& values) {
  return Eigen::Map<const Eigen::ArrayXi>(values.data(), static_cast<Eigen::Index>(values.size()));
}

}  // namespace

TEST_CASE("sections of published models give their plane maps", "[frequency][axes]") {
  CHECK(letters(posenc::contiguous_axes({16, 24, 24})) == repeat("t", 16) + repeat("h", 24) + repeat("w", 24));
  CHECK(letters(posenc::interleaved_axes({24, 20, 20})) == repeat("thw", 20) + "tttt");                // Qwen3-VL
  CHECK(letters(posenc::interleaved_axes({11, 11, 10})) == repeat("thw", 10) + "th");                  // Qwen3.5
  CHECK(letters(posenc::height_width_time_axes({22, 22, 20})) == repeat("hw", 22) + repeat("t", 20));  // ERNIE-4.5-VL
  CHECK((posenc::rarest_first_axes({2, 3, 3}).axis_of_pair() == list({0, 1, 2, 1, 2, 1, 2, 0})).all());
  CHECK((posenc::rarest_first_axes({2, 2}).axis_of_pair() == list({0, 1, 0, 1})).all());
  CHECK((posenc::rarest_first_axes({1, 3}).axis_of_pair() == list({0, 1, 1, 1})).all());
  CHECK(posenc::contiguous_axes({4, 4, 4, 4}).num_axes() == 4);  // XD-RoPE
  CHECK(posenc::contiguous_axes({4, 0}).num_axes() == 2);
  for (const std::vector<int>& section : {std::vector<int>{24, 20, 20}, {11, 11, 10}, {8, 8, 8}}) {
    for (const AxisMap& map :
         {posenc::contiguous_axes(section), posenc::interleaved_axes(section), posenc::rarest_first_axes(section)}) {
      for (std::size_t axis = 0; axis < 3; ++axis) CHECK(map.count(static_cast<int>(axis)) == section[axis]);
    }
  }
  CHECK(posenc::contiguous_axes({2, 2}) == AxisMap(list({0, 0, 1, 1}), 2));
  CHECK(posenc::contiguous_axes({2, 2}) != AxisMap(list({0, 0, 1, 1}), 3));
  const Eigen::MatrixXi picks = Eigen::Vector3i(0, 2, 1).asDiagonal();
  CHECK(AxisMap(picks * Eigen::VectorXi::Ones(3), 3) == AxisMap(list({0, 2, 1}), 3));  // a product
}

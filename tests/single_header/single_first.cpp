// SPDX-License-Identifier: MIT
#include "../../single_include/posenc/posenc.hpp"

#include "posenc/posenc.hpp"

double cosine_split_first();

int main() {
  const auto table = posenc::make_table<double>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(5, 1));
  return table.cos()(0, 1) == cosine_split_first() ? 0 : 1;
}

// SPDX-License-Identifier: MIT
#include "posenc/frequency.hpp"

#include "../../single_include/posenc/posenc.hpp"

double cosine_split_first();
double cosine_split_first() {
  return posenc::make_table<double>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(5, 1)).cos()(0, 1);
}

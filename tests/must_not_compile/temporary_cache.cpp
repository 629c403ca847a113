// SPDX-License-Identifier: MIT
// The same for a cache.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  Eigen::MatrixXf cache(4, 8);
#if defined(WRONG)
  posenc::write_cache(Eigen::MatrixXf(4, 8), table, posenc::CosSinStorage::cos_sin);
#else
  posenc::write_cache(cache, table, posenc::CosSinStorage::cos_sin);
#endif
}

// SPDX-License-Identifier: MIT
/// Half and bfloat16 tables hold the storage values nearest to the numbers in double.
#include <cstdint>
#include <iostream>
#include <type_traits>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/nearest.hpp"

TEMPLATE_TEST_CASE("half types are rounded once from double", "[frequency][table][rounding]", Eigen::half,
                   Eigen::bfloat16) {
  long wrong = 0;
  long twice_is_wrong = 0;
  for (const double magnitude : {1.0, 1.3465735902799727}) {
    const auto frequencies = posenc::geometric_frequencies(128, 1e4).with_magnitude(magnitude);
    for (const std::int64_t first : {-700, 0, 131000}) {
      const posenc::PositionRange positions(first, 3000);
      const auto exact = posenc::make_table<double>(frequencies, positions);
      const auto stored = posenc::make_table<TestType>(frequencies, positions);
      for (Eigen::Index row = 0; row < stored.rows(); ++row) {
        for (Eigen::Index i = 0; i < stored.num_pairs(); ++i) {
          if (!posenc_tests::is_nearest(stored.cos()(row, i), exact.cos()(row, i))) ++wrong;
          if (!posenc_tests::is_nearest(stored.sin()(row, i), exact.sin()(row, i))) ++wrong;
          // The same entry through float.
          if (!posenc_tests::is_nearest(TestType(static_cast<float>(exact.cos()(row, i))), exact.cos()(row, i)))
            ++twice_is_wrong;
          if (!posenc_tests::is_nearest(TestType(static_cast<float>(exact.sin()(row, i))), exact.sin()(row, i)))
            ++twice_is_wrong;
        }
      }
    }
  }
  CHECK(wrong == 0);
  // float has 13 bits more than half and 16 more than bfloat16: of 2.3 million values, those that float rounds to the
  // very middle of two, and then to the wrong side, are one in 2^14 and in 2^17. Without any, nothing was tested.
  CHECK(twice_is_wrong > 0);
  std::cout << (std::is_same_v<TestType, Eigen::half> ? "half" : "bfloat16") << ": rounding through float is wrong for "
            << twice_is_wrong << " values of the table\n";
}

// SPDX-License-Identifier: MIT
/// Frequencies compared with what is printed elsewhere, and YaRN configurations of published models.
#ifndef POSENC_TESTS_FREQUENCY_PRINTED_FREQUENCIES_HPP
#define POSENC_TESTS_FREQUENCY_PRINTED_FREQUENCIES_HPP

#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/printed.hpp"

namespace posenc_tests {

using posenc::Frequencies;
using posenc::geometric_frequencies;

struct PrintedPair {
  Eigen::Index pair;
  Printed inv_freq;
};

inline void check(const Frequencies& frequencies, const std::vector<PrintedPair>& expected) {
  for (const PrintedPair& one : expected) {
    INFO("pair " << one.pair << ": " << one.inv_freq << ", got " << frequencies.inv_freq()[one.pair]);
    CHECK(one.inv_freq.is(frequencies.inv_freq()[one.pair]));
  }
}

inline bool same_frequencies(const Frequencies& a, const Frequencies& b) {
  return a.num_pairs() == b.num_pairs() && (a.inv_freq() == b.inv_freq()).all() && a.magnitude() == b.magnitude() &&
         a.softmax_multiplier() == b.softmax_multiplier() && a.base() == b.base();
}

struct YarnModel {
  const char* name;
  Eigen::Index rotary_dim;
  double base;
  double factor;
  std::int64_t length;
};

inline const YarnModel kQwen25{"Qwen2.5", 128, 1e6, 4, 32768};
inline const YarnModel kDeepSeek{"DeepSeek-V2, V3", 64, 1e4, 40, 4096};
inline const YarnModel kGptOss{"gpt-oss", 64, 150000, 32, 4096};
inline const YarnModel kQwen35{"Qwen3.5", 64, 1e7, 4, 262144};
inline const YarnModel kKimi{"Kimi-K2.5", 64, 5e4, 64, 4096};
inline const YarnModel kDeepSeekV4{"DeepSeek-V4 compressed layers", 64, 160000, 16, 65536};

inline posenc::YarnOptions options_of(const YarnModel& model) {
  posenc::YarnOptions options;
  options.factor = model.factor;
  options.original_max_position_embeddings = model.length;
  return options;
}

inline Frequencies yarn(const YarnModel& model, const posenc::YarnOptions& options) {
  return scale_yarn(geometric_frequencies(model.rotary_dim, model.base), options);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_FREQUENCY_PRINTED_FREQUENCIES_HPP

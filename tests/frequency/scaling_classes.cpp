// SPDX-License-Identifier: MIT
/// Context extension against classes of mlx-lm and of SGLang, which are those of vLLM (tests/parity/golden_scaling.py).
#include <cmath>
#include <set>
#include <string>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

namespace {

using Eigen::Index;
using posenc::Frequencies;

class Classes {
 public:
  /// A frequency passes through a float32 exponent, which moves base^-x by x ln(base) 2^-24, through a power and at most
  /// five more roundings; a blend of two keeps the larger error. The angle at position 1 is read from a cosine and a sine,
  /// each within two ulps of float. Largest seen: 9.8e-7.
  void close(const std::string& name, const Frequencies& frequencies) {
    INFO(name);
    constexpr double kRelative = (9.21 + 6 + 3) * 0x1p-24;
    compared_.insert(name);
    const auto expected = golden_.block(name).matrix();
    const Index pairs = frequencies.num_pairs();
    REQUIRE(expected.cols() == pairs + 1);
    for (Index i = 0; i < pairs; ++i) {
      const double theirs = expected(0, i);
      const double error = std::abs(frequencies.inv_freq()[i] - theirs);
      if (error > kRelative * theirs) FAIL_CHECK(i << ": " << frequencies.inv_freq()[i] << " " << theirs);
    }
    CHECK(std::abs(frequencies.magnitude() - expected(0, pairs)) <= 4 * 0x1p-23);
  }
  bool all_compared() const { return compared_.size() == golden_.blocks.size(); }

 private:
  posenc_tests::Golden golden_ = posenc_tests::golden("rotations/scaling.csv");
  std::set<std::string> compared_;
};

}  // namespace

TEST_CASE("context extension is that of mlx-lm and vLLM", "[frequency][rules][scaling_classes]") {
  Classes classes;
  const Index dims[] = {8, 36, 128};
  const int lengths[] = {64, 2048, 4096};
  for (int n = 0; n < 3; ++n) {
    const std::string size = "-" + std::to_string(n);
    const int length = lengths[n];
    const Frequencies plain = posenc::geometric_frequencies(dims[n], 1e4);
    classes.close("mlx_linear" + size, posenc::scale_linear(plain, 4));
    classes.close("vllm_linear" + size, posenc::scale_linear(plain, 4));
    classes.close("vllm_alpha" + size, posenc::scale_ntk_aware(plain, 8));
    classes.close("mlx_dynamic" + size, posenc::scale_dynamic_ntk(plain, {2, 10}, 25));
    classes.close("mlx_proportional" + size, posenc::scale_proportional(plain, 0.5, 8));

    posenc::Llama3Options llama3;
    llama3.factor = 8;
    llama3.original_max_position_embeddings = length;
    classes.close("mlx_llama3" + size, posenc::scale_llama3(plain, llama3));
    classes.close("vllm_llama3" + size, posenc::scale_llama3(plain, llama3));

    posenc::YarnOptions yarn;
    yarn.factor = 4;
    yarn.original_max_position_embeddings = length;
    classes.close("mlx_yarn" + size, posenc::scale_yarn(plain, yarn));
    classes.close("vllm_yarn" + size, posenc::scale_yarn(plain, yarn));
    yarn.factor = 40;
    yarn.mscale = 1;
    yarn.mscale_all_dim = 0.707;
    classes.close("mlx_yarn_deepseek" + size, posenc::scale_yarn(plain, yarn));
    classes.close("vllm_deepseek" + size, posenc::scale_yarn(plain, yarn));

    // Each sequence of a batch, as if it ran alone.
    const Frequencies of_sequence = posenc::scale_dynamic_ntk(posenc::geometric_frequencies(36, 1e4), {2, 10},
                                                              n == 0   ? 5
                                                              : n == 1 ? 25
                                                                       : 41);
    classes.close("hf_sequence" + size, of_sequence);

    posenc::LongRopeOptions longrope;
    longrope.original_max_position_embeddings = length;
    longrope.max_position_embeddings = 8 * length;
    for (Index i = 0; i < dims[n] / 2; ++i) {
      longrope.short_factor.push_back(1 + 0.25 * static_cast<double>(i));
      longrope.long_factor.push_back(2 + 0.5 * static_cast<double>(i));
    }
    classes.close("vllm_longrope_short" + size, posenc::scale_longrope(plain, longrope, length));
    classes.close("vllm_longrope_long" + size, posenc::scale_longrope(plain, longrope, length + 1));
    classes.close("mlx_longrope" + size, posenc::scale_longrope(plain, longrope, length + 1));
  }
  CHECK(classes.all_compared());
}

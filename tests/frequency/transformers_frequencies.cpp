// SPDX-License-Identifier: MIT
/// Frequencies that transformers prints.
#include <cmath>
#include <map>
#include <string>

#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/worst.hpp"

using namespace posenc_tests;

TEST_CASE("inv_freq that transformers prints", "[frequency][rules][peers]") {
  if (posenc_tests::skip_without_data("inv_freq of transformers")) return;
  posenc::Llama3Options llama3;
  llama3.factor = 10;
  llama3.original_max_position_embeddings = 2048;
  const Frequencies plain = geometric_frequencies(128, 1e4);
  const std::map<std::string, Frequencies> cases = {
      {"hf_invfreq_default", plain},
      {"hf_invfreq_dynamic_factor10_seq16384", scale_dynamic_ntk(plain, {10, 2048}, 16384)},
      {"hf_invfreq_llama3_factor10", scale_llama3(plain, llama3)}};
  // Five digits are printed, of float32 numbers: an exponent 2i/d rounded to float moves B^-e by e ln B 2^-24, and the
  // power, the division and the blend of llama3 add less than 8 roundings.
  constexpr int kDigits = 5;
  const double float_error = (std::log(1e4) + 8) * 0x1p-24;
  for (const auto& [name, frequencies] : cases) {
    INFO(name);
    const auto printed = posenc_tests::read_csv(posenc_tests::data_dir() + "/peers/" + name + "/expected.csv");
    REQUIRE(printed.size() == 64);
    posenc_tests::Worst worst;
    for (Eigen::Index i = 0; i < 64; ++i) {
      const double ours = frequencies.inv_freq()[i];
      worst.see(std::abs(ours - printed(0, i)), posenc_tests::half_unit_of_digits(ours, kDigits) + ours * float_error,
                i, ours, printed(0, i));
    }
    INFO(worst.where());
    CHECK(worst.share() <= 1);
  }
}

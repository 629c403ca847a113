// SPDX-License-Identifier: MIT
/// Llama 3: values from the formulas by hand or printed by other projects.
#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"

using namespace posenc_tests;

TEST_CASE("Llama 3", "[frequency][rules]") {
  posenc::Llama3Options options;
  options.factor = 8;
  options.original_max_position_embeddings = 8192;
  const Frequencies plain = geometric_frequencies(128, 5e5);
  const Frequencies large = scale_llama3(plain, options);
  check(large, {{1, ".814617234"},
                {28, ".00321144599"},
                {29, ".00216657076"},
                {30, ".00137189357"},
                {31, "8.56751413e-4"},
                {32, "5.24846161e-4"},
                {33, "3.1269375e-4"},
                {34, "1.78507813e-4"},
                {35, "9.55621235e-5"},
                {63, "3.06892599e-7"}});
  CHECK((large.inv_freq().head(29) == plain.inv_freq().head(29)).all());
  CHECK((large.inv_freq().tail(29) == plain.inv_freq().tail(29) / 8).all());
  for (Eigen::Index i = 29; i <= 34; ++i) {
    CHECK(large.inv_freq()[i] < plain.inv_freq()[i]);
    CHECK(large.inv_freq()[i] > plain.inv_freq()[i] / 8);
  }
  options.factor = 32;
  const Frequencies small = scale_llama3(geometric_frequencies(64, 5e5), options);
  check(small, {{1, ".663601238"},
                {14, ".00321144599"},
                {15, ".00129054793"},
                {16, "4.29556797e-4"},
                {17, "9.7082878e-5"},
                {18, "1.94616382e-5"},
                {31, "9.41830673e-8"}});
  // A pair that turns the other way has the same wavelength.
  const Frequencies mirrored = scale_llama3(Frequencies(-plain.inv_freq()), [] {
    posenc::Llama3Options same;
    same.factor = 8;
    same.original_max_position_embeddings = 8192;
    return same;
  }());
  CHECK((mirrored.inv_freq() == -large.inv_freq()).all());
}

TEST_CASE("Llama 3 without a band between", "[frequency][rules]") {
  const Frequencies plain = geometric_frequencies(128, 5e5);
  posenc::Llama3Options scout;  // Llama 4 Scout
  scout.factor = 16;
  scout.original_max_position_embeddings = 8192;
  scout.high_freq_factor = 1;
  const Frequencies scaled = scale_llama3(plain, scout);
  // inv_freq * 8192 / (2 pi) falls below 1 where 500000^(2i/128) > 8192 / (2 pi): i > 64 ln(1303.8) / ln(500000)
  // = 34.98.
  CHECK((scaled.inv_freq().head(35) == plain.inv_freq().head(35)).all());
  CHECK((scaled.inv_freq().tail(29) == plain.inv_freq().tail(29) / 16).all());
}

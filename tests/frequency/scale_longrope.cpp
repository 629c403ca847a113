// SPDX-License-Identifier: MIT
/// LongRoPE: values from the formulas by hand or printed by other projects.
#include "posenc/frequency.hpp"

#include "frequency/printed_frequencies.hpp"
#include "support/catch2.hpp"
#include "support/printed.hpp"

using namespace posenc_tests;

TEST_CASE("LongRoPE", "[frequency][rules][longrope]") {
  const Frequencies plain = geometric_frequencies(96, 1e4);
  posenc::LongRopeOptions options;
  options.short_factor.assign(48, 1.0);
  options.long_factor.assign(48, 64.0);
  options.short_factor[47] = 2.8399994373321533;  // the float spellings of the Phi-3.5 file
  options.long_factor[0] = 1.0800000429153442;
  options.long_factor[47] = 64.83999633789062;
  options.original_max_position_embeddings = 4096;
  options.max_position_embeddings = 131072;
  const auto at = [&](std::int64_t seq_len) { return scale_longrope(plain, options, seq_len); };

  // The trained length itself is short.
  check(at(4096), {{0, "1.00000000"}, {47, "4.26594331e-5"}});
  check(at(4097), {{0, ".925925889"}, {47, "1.86848817e-6"}});
  CHECK(same_frequencies(at(1), at(4096)));
  CHECK(same_frequencies(at(131072), at(4097)));

  CHECK(Printed("1.1902380714").is(at(4096).magnitude()));
  CHECK(at(4097).magnitude() == at(4096).magnitude());
  options.factor = 32;
  options.max_position_embeddings.reset();
  CHECK(Printed("1.1902380714").is(at(1).magnitude()));
  options.factor = 1;
  CHECK(at(1).magnitude() == 1);
  options.factor = 0.5;
  CHECK(at(1).magnitude() == 1);
  options.factor = 32;
  options.attention_factor = 1.5;
  CHECK(at(1).magnitude() == 1.5);
  CHECK(at(5000).magnitude() == 1.5);
  options.short_mscale = 1.25;
  options.long_mscale = 1.75;
  CHECK(at(4096).magnitude() == 1.25);
  CHECK(at(4097).magnitude() == 1.75);
}

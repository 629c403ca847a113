// SPDX-License-Identifier: MIT
/// Chunked local attention with projected sinusoids, chunk by chunk, against the audio tower of Gemma 3n.
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceRange;
using posenc::PositionRange;
using posenc::RelativeKeys;

TEST_CASE("chunks of local attention equal those of Gemma 3n's audio tower", "[relative_bias][relative_logits]") {
  const Golden file = golden("relative/chunked.csv");
  posenc::Workspace<double> workspace;
  for (const std::string n : {"-0", "-1", "-2"}) {
    INFO(n);
    const auto sizes = file.block("sizes" + n).matrix().cast<Index>().eval();
    const Index chunk = sizes(0), before = sizes(1), after = sizes(2), heads = sizes(3);
    const MatrixD weights = file.block("weights" + n).matrix(), q = file.block("q" + n).matrix();
    const MatrixD expected = file.block("logits" + n).matrix();

    // Key 0 of a chunk is the earliest that its first query sees, so that query is at `before`.
    const auto span = AttentionSpan::at(PositionRange(before, chunk), before + chunk + after);
    const DistanceRange seen(-before, after);
    const Index pairs = weights.cols() / 2;
    const MatrixD sinusoids = posenc::make_relative_sinusoids<double>(
        seen, posenc::spaced_frequencies(pairs, 10000.0, pairs - 1), posenc::ChannelOrder::sin_cos);
    MatrixD table(heads * seen.size(), q.cols());
    for (Index h = 0; h < heads; ++h) {
      table.middleRows(h * seen.size(), seen.size()) =
          sinusoids * weights.middleRows(h * q.cols(), q.cols()).transpose();
    }

    const MatrixD k = MatrixD::Zero(heads * span.key_len(), q.cols());  // not read
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    const Index rows = heads * chunk;
    for (Index first = 0; first < q.rows(); first += rows) {
      posenc::add_relative_logits(logits.middleRows(first, rows), RelativeKeys(table, seen),
                                  ContentAttention(q.middleRows(first, rows), k, 1.0, span), workspace);
    }
    // The class forms sinusoids in float32: angles below 6 and the values themselves are off by 2^-22 together. A logit
    // is a sum over the channels of a head and those of the model, with weights and queries of at most 1.
    const double bound = std::ldexp(1.0, -22) * static_cast<double>(q.cols() * weights.cols());
    REQUIRE(distance(logits, expected) <= bound);
    REQUIRE(expected.cwiseAbs().maxCoeff() > 1);
  }
}

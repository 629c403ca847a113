// SPDX-License-Identifier: MIT
// The model of the examples that train: its gradients are those of its loss, with every encoding plugged in.
#include "support/catch2.hpp"

#include "../../examples/support/content_encodings.hpp"
#include "../../examples/support/extrapolation_encodings.hpp"
#include "../../examples/support/tiny_transformer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tiny_transformer;
using MatrixD = Matrix<double>;
using EncodingD = Encoding<double>;
using posenc::RopeLayout;

constexpr Index kHeads = 2;
constexpr Index kHeadDim = 4;
constexpr Index kWidth = kHeads * kHeadDim;
constexpr Index kLongest = 16;

// Central differences of a loss near 1 with the step 1e-5: rounding makes 1e-16 / 1e-5, the third derivative 1e-10 of
// its size, which is below 20 here. The promise is 1e-6 of the largest entry.
constexpr double kStep = 1e-5;
constexpr double kPromise = 1e-6;
constexpr double kFloor = 2e-9;

MatrixD random(Index rows, Index columns, std::uint64_t seed, double stddev = 0.5) {
  MatrixD x(rows, columns);
  posenc::fill(x, posenc::Normal(stddev), posenc::Seed(seed));
  return x;
}

struct Case {
  std::string name;
  std::unique_ptr<EncodingD> encoding;
};

/// Every encoding, with parameters of a size that matters.
std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"none", std::make_unique<EncodingD>()});
  all.push_back({"sinusoidal", std::make_unique<Sinusoidal<double>>(kWidth)});
  all.push_back({"learned", std::make_unique<Learned<double>>(kLongest, kWidth, 1)});
  all.push_back({"learned, past its last row", std::make_unique<Learned<double>>(6, kWidth, 1)});
  all.push_back(
      {"learned, digits of its rows", std::make_unique<Learned<double>>(6, kWidth, 1, posenc::Overflow::hierarchical)});
  MatrixD digits(kLongest, 3);
  posenc::encode_digits(digits, 3, posenc::PositionRange(0, kLongest));
  all.push_back({"digits, projected", std::make_unique<ProjectedCode<double>>(digits, kWidth, 1)});
  all.push_back({"sinusoidal, randomized", std::make_unique<RandomizedSinusoidal<double>>(kWidth, 3 * kLongest)});
  all.push_back(
      {"RoPE, randomized", std::make_unique<RandomizedRotary<double>>(RopeLayout::half_split(kHeadDim), 3 * kLongest)});
  all.push_back({"Sandwich", std::make_unique<Sandwich<double>>(kHeads, 32)});
  all.push_back({"RoPE", std::make_unique<Rotary<double>>(RopeLayout::half_split(kHeadDim), kLongest)});
  all.push_back({"RoPE, interleaved", std::make_unique<Rotary<double>>(RopeLayout::interleaved(kHeadDim), kLongest)});
  all.push_back(
      {"partial RoPE", std::make_unique<Rotary<double>>(RopeLayout::half_split(kHeadDim).prefix(2), kLongest)});
  all.push_back(
      {"xPos", std::make_unique<Rotary<double>>(make_xpos<double>(RopeLayout::half_split(kHeadDim), kLongest))});
  all.push_back({"ALiBi", std::make_unique<Alibi<double>>(kHeads)});
  all.push_back({"T5", std::make_unique<T5<double>>(posenc::T5Buckets(8, 12, false), kHeads, 1)});
  all.push_back({"KERPLE log", std::make_unique<KerpleLog<double>>(kHeads)});
  all.push_back({"FIRE", std::make_unique<Fire<double>>(kHeads, 5, 1000.0, 1)});
  all.push_back({"FIRE, past its threshold", std::make_unique<Fire<double>>(kHeads, 5, 3.5, 1)});
  all.push_back({"Shaw", std::make_unique<Shaw<double>>(posenc::DistanceClip::symmetric(3), kHeadDim, 1)});
  all.push_back({"Transformer-XL", std::make_unique<TransformerXl<double>>(kWidth, kHeads, 1)});
  all.push_back({"CoPE", std::make_unique<Cope<double>>(kLongest, kHeadDim, 1)});
  all.push_back({"CoPE, past its last row", std::make_unique<Cope<double>>(3, kHeadDim, 1)});
  for (Case& c : all) {
    std::uint64_t seed = 100;
    for (Parameter<double>* p : c.encoding->parameters()) {
      p->value += random(p->value.rows(), p->value.cols(), ++seed, c.name[0] == 'F' ? 0.02 : 0.4);
    }
    c.encoding->keep_in_bounds();
    c.encoding->begin(kLongest, 5);
  }
  return all;
}

/// `gradient` against the differences of `loss` when an entry of `value` changes.
void require_gradient(const std::function<double()>& loss, MatrixD& value, const MatrixD& gradient,
                      const std::string& what) {
  REQUIRE(gradient.rows() == value.rows());
  REQUIRE(gradient.cols() == value.cols());
  const double bound = kPromise * gradient.cwiseAbs().maxCoeff() + kFloor;
  for (Index i = 0; i < value.size(); ++i) {
    double& entry = value.data()[i];
    const double kept = entry;
    entry = kept + kStep;
    const double above = loss();
    entry = kept - kStep;
    const double below = loss();
    entry = kept;
    const double difference = (above - below) / (2 * kStep);
    CAPTURE(what, i, gradient.data()[i], difference);
    REQUIRE(std::abs(gradient.data()[i] - difference) <= bound);
  }
}

Sequence<double> random_sequence(const posenc::AttentionSpan& span, std::uint64_t seed) {
  return {span,
          random(kHeads * span.query_len(), kHeadDim, seed, 1.0),
          random(kHeads * span.key_len(), kHeadDim, seed + 1, 1.0),
          random(kHeads * span.key_len(), kHeadDim, seed + 2, 1.0),
          {}};
}

/// The gradients of attention alone: queries, keys, values and the encoding's parameters.
void require_attention_gradients(EncodingD& encoding, Sequence<double> s) {
  const MatrixD grad_out = random(s.q.rows(), kHeadDim, 7, 1.0);
  const auto loss = [&] {
    Sequence<double> copy = s;
    return attend(copy, encoding).cwiseProduct(grad_out).sum();
  };
  for (Parameter<double>* p : encoding.parameters()) p->gradient.setZero();
  Sequence<double> attended = s;
  attend(attended, encoding);
  const auto grad = attend_backward(attended, encoding, grad_out);
  require_gradient(loss, s.q, grad.q, "q");
  require_gradient(loss, s.k, grad.k, "k");
  require_gradient(loss, s.v, grad.v, "v");
  for (Parameter<double>* p : encoding.parameters()) require_gradient(loss, p->value, p->gradient, "encoding");
}

}  // namespace

TEST_CASE("gradients of the whole model, with every encoding", "[tiny_transformer]") {
  const Config config{7, kWidth, kHeads, 6, 2};
  const Index seq_len = 9;
  const std::vector<int> tokens = {0, 3, 1, 6, 2, 5, 3, 3, 4, 1, 2, 6, 0, 4, 4, 5, 1, 3};  // two sequences
  const std::vector<int> targets = {3, 1, 6, 2, 5, 3, 3, 4, 0, 2, 6, 0, 4, 4, 5, 1, 3, 0};
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Transformer<double> model(config, 1);
    auto parameters = model.parameters();
    for (Parameter<double>* p : c.encoding->parameters()) parameters.push_back(p);
    for (Parameter<double>* p : model.parameters()) {
      // Embeddings begin small, where the norm is too curved for differences.
      if (p->value.rows() == config.vocabulary) p->value = random(config.vocabulary, kWidth, 49);
      if (p->value.rows() == 1) p->value += random(1, p->value.cols(), 50, 0.2);  // norms, which begin as ones
    }
    const auto loss = [&] {
      MatrixD logits = model.forward(tokens, seq_len, *c.encoding);
      return cross_entropy(logits, targets).mean();
    };
    MatrixD logits = model.forward(tokens, seq_len, *c.encoding);
    cross_entropy(logits, targets);
    model.backward(tokens, seq_len, *c.encoding, logits);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      require_gradient(loss, parameters[i]->value, parameters[i]->gradient, "parameter " + std::to_string(i));
    }
  }
}

TEST_CASE("gradients of attention, with every encoding, where queries follow cached keys", "[tiny_transformer]") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    require_attention_gradients(*c.encoding, random_sequence(posenc::AttentionSpan::square(10), 20));
    require_attention_gradients(*c.encoding, random_sequence(posenc::AttentionSpan::cached(4, 13), 30));
  }
}

TEST_CASE("a model that goes on from its cache says what it says of the whole", "[tiny_transformer]") {
  const Config config{7, kWidth, kHeads, 6, 2};
  const std::vector<int> tokens = {0, 3, 1, 6, 2, 5, 3, 3, 4, 1, 2, 6};
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Transformer<double> model(config, 1);
    const MatrixD whole = model.forward(tokens, 12, *c.encoding);
    Cache<double> cache;
    Index done = 0;
    for (const Index seq_len : {5, 4, 1, 1, 1}) {
      const std::vector<int> part(tokens.begin() + done, tokens.begin() + done + seq_len);
      const MatrixD logits = model.forward(part, seq_len, *c.encoding, &cache);
      // Two layers of sums of 24 products near 1.
      REQUIRE((logits - whole.middleRows(done, seq_len)).cwiseAbs().maxCoeff() < 1e-13);
      done += seq_len;
    }
  }
}

TEST_CASE("every encoding but none tells positions apart", "[tiny_transformer]") {
  const Sequence<double> s = random_sequence(posenc::AttentionSpan::square(9), 20);
  Sequence<double> moved = s;  // the last two keys and values of each head have changed places
  for (const Index first : {Index(7), Index(16)}) {
    moved.k.row(first).swap(moved.k.row(first + 1));
    moved.v.row(first).swap(moved.v.row(first + 1));
  }
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Sequence<double> a = s;
    Sequence<double> b = moved;
    const double difference = (attend(a, *c.encoding) - attend(b, *c.encoding)).row(8).cwiseAbs().maxCoeff();
    MatrixD x = MatrixD::Zero(9, kWidth);
    c.encoding->add_to_embeddings(x, 9, 0);
    const double embedded = (x.row(0) - x.row(1)).cwiseAbs().maxCoeff();
    if (c.name == "none") {
      REQUIRE(std::max(difference, embedded) < 1e-14);
    } else {
      REQUIRE(std::max(difference, embedded) > 1e-4);
    }
  }
}

TEST_CASE("gradients at kinks: FIRE's threshold at a query, a count of CoPE that is whole", "[tiny_transformer]") {
  // Each side of the maximum gets half, which is what a difference across the kink sees.
  Fire<double> fire(kHeads, 5, 6.0, 1);
  const Sequence<double> s = random_sequence(posenc::AttentionSpan::square(10), 20);
  const MatrixD grad_out = random(s.q.rows(), kHeadDim, 7, 1.0);
  const auto loss = [&](EncodingD& encoding, Sequence<double> sequence) {
    return attend(sequence, encoding).cwiseProduct(grad_out).sum();
  };
  Sequence<double> attended = s;
  attend(attended, fire);
  attend_backward(attended, fire, grad_out);
  Parameter<double>& c_and_length = *fire.parameters().back();
  require_gradient([&] { return loss(fire, s); }, c_and_length.value, c_and_length.gradient, "c and the length");

  // Keys of zeros open every gate by half: counts are 1/2, 1, 3/2, ... The table is a straight line there.
  Cope<double> cope(kLongest, kHeadDim, 1);
  Sequence<double> level = s;
  level.k.setZero();
  Parameter<double>& table = *cope.parameters().front();
  table.value = random(kLongest, kHeadDim, 3);
  attended = level;
  attend(attended, cope);
  const auto grad = attend_backward(attended, cope, grad_out);
  require_gradient([&] { return loss(cope, level); }, table.value, table.gradient, "table");
  require_gradient([&] { return loss(cope, level); }, level.q, grad.q, "q");
  REQUIRE(grad.k.allFinite());
}

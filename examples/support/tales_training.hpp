// SPDX-License-Identifier: MIT
/// Training on tales, what a trained model knows of them, and the tales that it tells itself.
#ifndef POSENC_EXAMPLES_TALES_TRAINING_HPP
#define POSENC_EXAMPLES_TALES_TRAINING_HPP

#include "support/tales.hpp"
#include "support/tiny_transformer.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace tiny_transformer {

/// Tales side by side: what a model reads, what it should say next, and how far back the clue to that lies.
struct Batch {
  std::vector<int> tokens;
  std::vector<int> targets;
  std::vector<int> clues;  // of the targets
};

/// `count` tales of `seq_len` + 1 tokens with the seeds first_seed, first_seed + 1, ...
inline Batch make_batch(const tales::Language& language, std::uint64_t first_seed, int count, Index seq_len) {
  Batch batch;
  for (int n = 0; n < count; ++n) {
    const auto tale = language.tell(static_cast<std::size_t>(seq_len) + 1, first_seed + static_cast<std::uint64_t>(n),
                                    static_cast<std::size_t>(seq_len));
    batch.tokens.insert(batch.tokens.end(), tale.tokens.begin(), tale.tokens.end() - 1);
    batch.targets.insert(batch.targets.end(), tale.tokens.begin() + 1, tale.tokens.end());
    batch.clues.insert(batch.clues.end(), tale.clues.begin() + 1, tale.clues.end());
  }
  return batch;
}

struct TrainingOptions {
  int steps = 0;
  int batch = 4;  // tales in a step
  Index seq_len = 256;
  double clue_weight = 5;  // of words told before, in the gradient: one in twenty is such a word
  double rate = 3e-3;      // at its peak
  int warm_up = 100;
  bool short_tales_first = true;
  double longest_gradient = 1;
  std::uint64_t seed = 1;  // of the tales: a run reads the tales 2^32 seed, 2^32 seed + 1, ...
};

/// Trains on tales that it reads once each. With short_tales_first, clues that are near are learned first: 40 % of the
/// steps read tales of a quarter of the length, four times as many, and 30 % of half. report(step, loss) is called after
/// each step.
template <typename Scalar, typename Report>
void train(Transformer<Scalar>& model, Encoding<Scalar>& encoding, const tales::Language& language,
           const TrainingOptions& options, const Report& report) {
  auto parameters = model.parameters();
  for (Parameter<Scalar>* parameter : encoding.parameters()) parameters.push_back(parameter);
  AdamW adam;
  std::uint64_t seed = options.seed << 32;
  for (int step = 0; step < options.steps; ++step) {
    const int shorter = !options.short_tales_first      ? 1
                        : 10 * step < 4 * options.steps ? 4
                        : 10 * step < 7 * options.steps ? 2
                                                        : 1;
    const Index seq_len = options.seq_len / shorter;
    const Batch batch = make_batch(language, seed, options.batch * shorter, seq_len);
    encoding.begin(seq_len, seed);
    seed += static_cast<std::uint64_t>(options.batch * shorter);
    Matrix<Scalar> logits = model.forward(batch.tokens, seq_len, encoding);
    const double loss = cross_entropy(logits, batch.targets).mean();
    for (std::size_t i = 0; i < batch.clues.size(); ++i) {
      if (batch.clues[i] > 0) logits.row(static_cast<Index>(i)) *= static_cast<Scalar>(options.clue_weight);
    }
    model.backward(batch.tokens, seq_len, encoding, logits);
    clip_gradients(parameters, options.longest_gradient);
    adam.update(parameters, scheduled_rate(step, options.warm_up, options.steps, options.rate));
    encoding.keep_in_bounds();
    report(step, loss);
  }
}

/// What a model knows of tales that no run reads.
struct Score {
  double loss = 0;       // mean -ln p of a token
  double clue_loss = 0;  // the same, of tokens that were told before
  double recall = 0;     // share of these that are the likeliest token
  int clues = 0;         // how many of these there are
};
template <typename Scalar>
Score measure(Transformer<Scalar>& model, Encoding<Scalar>& encoding, const tales::Language& language, int num_tales,
              Index seq_len) {
  Score score;
  for (int n = 0; n < num_tales; ++n) {
    const Batch batch = make_batch(language, static_cast<std::uint64_t>(n), 1, seq_len);  // below every seed of a run
    Matrix<Scalar> logits = model.forward(batch.tokens, seq_len, encoding);
    std::vector<Index> likeliest(batch.targets.size());
    for (std::size_t i = 0; i < likeliest.size(); ++i) logits.row(static_cast<Index>(i)).maxCoeff(&likeliest[i]);
    const Eigen::ArrayXd losses = cross_entropy(logits, batch.targets);
    score.loss += losses.mean() / num_tales;
    for (std::size_t i = 0; i < likeliest.size(); ++i) {
      if (batch.clues[i] == 0) continue;
      ++score.clues;
      score.clue_loss += losses[static_cast<Index>(i)];
      score.recall += likeliest[i] == batch.targets[i] ? 1 : 0;
    }
  }
  score.clue_loss /= score.clues;
  score.recall /= score.clues;
  return score;
}

/// `count` tokens that follow `begin`, drawn by their probabilities; the same seed draws the same where the model says
/// the same.
template <typename Scalar>
std::vector<int> go_on(Transformer<Scalar>& model, Encoding<Scalar>& encoding, const std::vector<int>& begin, int count,
                       std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Cache<Scalar> cache;
  std::vector<int> told;
  std::vector<int> next = begin;
  for (int n = 0; n < count; ++n) {
    const auto logits = model.forward(next, static_cast<Index>(next.size()), encoding, &cache);
    const Eigen::ArrayXd last = logits.row(logits.rows() - 1).transpose().template cast<double>();
    const Eigen::ArrayXd p = (last - last.maxCoeff()).exp();
    double left = static_cast<double>(random() >> 11) * 0x1p-53 * p.sum();
    int token = 0;
    while (token + 1 < p.size() && left >= p[token]) left -= p[token++];
    told.push_back(token);
    next = {token};
  }
  return told;
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_TALES_TRAINING_HPP

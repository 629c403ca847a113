// SPDX-License-Identifier: MIT
// A trained Llama (stories260K, 512 positions) reads 1,024 tokens with dynamic NTK: within its length nothing changes,
// and beyond it cached keys must follow the frequencies.
#include "support/catch2.hpp"
#include "support/data.hpp"

#include "../../examples/support/long_story.hpp"
#include "../../examples/support/tiny_llama.hpp"
#include "../../examples/support/tiny_llama_encode.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace {

constexpr int kTrained = 512;
constexpr int kLength = 1024;
constexpr int kGrowth = 64;  // the rule is given room for so many tokens at a time

enum class Keys { left, follow };

/// -ln p(next token) after each of the first `count` tokens of a text. Without keys: frequencies that do not change.
std::vector<double> losses(const tiny_llama::Model& model, const std::vector<int>& tokens, int count,
                           const Keys* keys) {
  tiny_llama::Cache cache(model.config);
  const auto layout = posenc::RopeLayout::interleaved(model.config.head_dim());
  const auto trained = posenc::geometric_frequencies(model.config.head_dim(), 10000.0);
  posenc::Frequencies frequencies = trained;
  const posenc::PositionRange positions(0, kLength);
  tiny_llama::RotaryEmbedding rope{posenc::make_table<float>(frequencies, positions), layout};
  std::vector<double> result;
  for (int position = 0; position < count; ++position) {
    if (keys && position >= kTrained && position % kGrowth == 0) {
      const auto longer = posenc::scale_dynamic_ntk(trained, {1.0, kTrained}, position + kGrowth);
      if (*keys == Keys::follow) {
        const auto table =
            posenc::make_rescale_table<float>(frequencies, longer, posenc::PositionRange(0, position), rope.table.id());
        for (auto& layer : cache.keys) posenc::apply_rope(layer.topRows(position), table, layout);
      }
      frequencies = longer;
      posenc::fill_table(rope.table, frequencies, positions);
    }
    const auto t = static_cast<std::size_t>(position);
    const Eigen::RowVectorXd logits = tiny_llama::forward(model, rope, cache, tokens[t], position).cast<double>();
    const double highest = logits.maxCoeff();
    result.push_back(highest + std::log((logits.array() - highest).exp().sum()) - logits[tokens[t + 1]]);
  }
  return result;
}

double mean(const std::vector<double>& values, int begin, int end) {
  double sum = 0;
  for (int i = begin; i < end; ++i) sum += values[static_cast<std::size_t>(i)];
  return sum / (end - begin);
}

}  // namespace

TEST_CASE("a trained model reads on with dynamic NTK where its cached keys follow", "[tiny_llama]") {
#if !defined(__OPTIMIZE__)
  return;  // minutes without optimization
#endif
  if (posenc_tests::skip_without_data("stories260K")) return;
  const std::string folder = posenc_tests::data_dir() + "/stories260K";
  tiny_llama::Model model = tiny_llama::read_model(folder + "/stories260K.bin");
  const auto tokenizer = tiny_llama::read_tokenizer(folder + "/tok512.bin", model.config.vocab_size);
  model.config.seq_len = kLength;  // room in the cache
  std::vector<int> tokens{tiny_llama::kBeginOfStory};
  for (const int token : tiny_llama::encode(tokenizer, long_story())) tokens.push_back(token);
  REQUIRE(static_cast<int>(tokens.size()) > kLength);

  const Keys left = Keys::left;
  const Keys follow = Keys::follow;
  const auto unchanged = losses(model, tokens, kTrained, nullptr);
  const auto with_left = losses(model, tokens, kLength, &left);
  const auto with_follow = losses(model, tokens, kLength, &follow);
  REQUIRE(mean(with_left, 0, kTrained) == mean(unchanged, 0, kTrained));
  CAPTURE(mean(with_left, kTrained, kLength), mean(with_follow, kTrained, kLength));
  REQUIRE(mean(with_follow, kTrained, kLength) + 0.5 < mean(with_left, kTrained, kLength));  // 1.63 and 3.69
}

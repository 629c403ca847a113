// SPDX-License-Identifier: MIT
/// A conversation of one question and its answer, in the form in which SmolLM2 was trained.
#ifndef POSENC_EXAMPLES_CHAT_HPP
#define POSENC_EXAMPLES_CHAT_HPP

#include "support/byte_pair_encoding.hpp"
#include "support/gguf_llama.hpp"

#include <functional>
#include <string>
#include <vector>

namespace chat {

/// The tokens that ask a question: `<|im_start|>user\n...<|im_end|>\n` and so on. What a question says stays text.
inline std::vector<int> prompt(const byte_pair::Tokenizer& tokenizer, const std::string& question) {
  std::vector<int> tokens;
  const auto add = [&](const std::string& text) {
    const std::vector<int> more = tokenizer.encode(text);
    tokens.insert(tokens.end(), more.begin(), more.end());
  };
  const auto say = [&](const std::string& role, const std::string& text) {
    tokens.push_back(tokenizer.control("<|im_start|>"));
    add(role + "\n" + text);
    tokens.push_back(tokenizer.control("<|im_end|>"));
    add("\n");
  };
  say("system", "You are a helpful AI assistant named SmolLM, trained by Hugging Face");
  say("user", question);
  tokens.push_back(tokenizer.control("<|im_start|>"));
  add("assistant\n");
  return tokens;
}

/// The likeliest token at every step, up to `most` or the end of the answer. `hear` gets each as it comes.
inline std::vector<int> answer(const gguf_llama::Model& model, gguf_llama::Cache& cache, std::vector<int> tokens,
                               int end, int most, const std::function<void(int)>& hear = {}) {
  std::vector<int> answered;
  for (;;) {
    const gguf_llama::Matrix read = gguf_llama::read_tokens(model, cache, tokens);
    Eigen::Index token = 0;
    gguf_llama::logits(model, read.bottomRows(1)).row(0).maxCoeff(&token);
    if (token == end || static_cast<int>(answered.size()) == most) return answered;
    answered.push_back(static_cast<int>(token));
    if (hear) hear(answered.back());
    tokens = {answered.back()};
  }
}

}  // namespace chat

#endif  // POSENC_EXAMPLES_CHAT_HPP

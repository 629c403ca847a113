// SPDX-License-Identifier: MIT
/// Text to tokens, by the tokenizer of tiny_llama.hpp. Telling a story needs the other way only.
#ifndef POSENC_EXAMPLES_TINY_LLAMA_ENCODE_HPP
#define POSENC_EXAMPLES_TINY_LLAMA_ENCODE_HPP

#include "support/tiny_llama.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace tiny_llama {

/// One word with its space in front: every byte is a token, then the two neighbors with the best score merge, and
/// again.
inline std::vector<int> encode_word(const Tokenizer& tokenizer, const std::string& word) {
  const auto find = [&](const std::string& piece) {
    const auto at = std::find(tokenizer.pieces.begin(), tokenizer.pieces.end(), piece);
    return at == tokenizer.pieces.end() ? -1 : static_cast<int>(at - tokenizer.pieces.begin());
  };
  constexpr int first_byte = 3;  // <0x00>, after the unknown, the begin and the end
  std::vector<int> tokens;
  for (const char byte : word) {
    const int token = find(std::string(1, byte));
    tokens.push_back(token >= 0 ? token : first_byte + static_cast<unsigned char>(byte));
  }
  while (true) {
    float best_score = -1e10F;
    std::size_t best = 0;
    int merged = -1;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const int token = find(tokenizer.pieces[static_cast<std::size_t>(tokens[i])] +
                             tokenizer.pieces[static_cast<std::size_t>(tokens[i + 1])]);
      if (token < 0 || !(tokenizer.scores[static_cast<std::size_t>(token)] > best_score)) continue;
      best_score = tokenizer.scores[static_cast<std::size_t>(token)];
      best = i;
      merged = token;
    }
    if (merged < 0) return tokens;
    tokens[best] = merged;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

/// Byte pair encoding. No piece of the vocabulary reaches over a space.
inline std::vector<int> encode(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int> tokens;
  const std::string with_space = " " + text;
  for (std::size_t begin = 0; begin < with_space.size();) {
    const std::size_t end = std::min(with_space.find(' ', begin + 1), with_space.size());
    const std::vector<int> word = encode_word(tokenizer, with_space.substr(begin, end - begin));
    tokens.insert(tokens.end(), word.begin(), word.end());
    begin = end;
  }
  return tokens;
}

}  // namespace tiny_llama

#endif  // POSENC_EXAMPLES_TINY_LLAMA_ENCODE_HPP

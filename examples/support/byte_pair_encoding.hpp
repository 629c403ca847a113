// SPDX-License-Identifier: MIT
/// Byte-level byte pair encoding: text to tokens and back, with the vocabulary and the merges of a GGUF file.
///
/// Text is split into words (split_words), each word into bytes, and the two neighbors whose merge comes first in the
/// list become one token, again and again.
#ifndef POSENC_EXAMPLES_BYTE_PAIR_ENCODING_HPP
#define POSENC_EXAMPLES_BYTE_PAIR_ENCODING_HPP

#include "support/gguf_file.hpp"
#include "support/unicode_classes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace byte_pair {

/// Splits text as the models of SmolLM, StarCoder and Command R were trained: every number character by itself, and what
/// is between them by the expression of GPT-2,
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
inline std::vector<std::string_view> split_words(std::string_view text) {
  using unicode::Class;
  struct Character {
    std::size_t begin;
    Class kind;
  };
  std::vector<Character> characters;
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Character next = unicode::character_at(text, at);
    characters.push_back({at, unicode::class_of(next.code_point)});
    at += next.num_bytes;
  }
  const std::size_t count = characters.size();
  const auto kind = [&](std::size_t i) { return characters[i].kind; };
  const auto run = [&](std::size_t i, Class of) {  // the first character from i on that is of another class
    while (i < count && kind(i) == of) ++i;
    return i;
  };
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < count;) {
    const std::string_view rest = text.substr(characters[i].begin);
    std::size_t end = i + 1;
    for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (rest.substr(0, ending.size()) == ending) end = i + ending.size();
    }
    if (end == i + 1 && kind(i) != Class::number) {
      // A space belongs to the letters or signs after it.
      const std::size_t first = rest[0] == ' ' && i + 1 < count ? i + 1 : i;
      if (kind(first) == Class::letter || kind(first) == Class::other) {
        end = run(first, kind(first));
      } else {
        end = run(i, Class::space);
        // The last one is left for what follows, but for a number.
        if (end < count && kind(end) != Class::number && end > i + 1) --end;
      }
    }
    const std::size_t end_byte = end < count ? characters[end].begin : text.size();
    words.push_back(text.substr(characters[i].begin, end_byte - characters[i].begin));
    i = end;
  }
  return words;
}

class Tokenizer {
 public:
  explicit Tokenizer(const gguf::File& file) {
    const std::array<int, kAlphabet> bytes = bytes_of_alphabet();
    const auto& tokens = texts(file, "tokenizer.ggml.tokens");
    const auto& types = texts(file, "tokenizer.ggml.token_type");
    const std::string model = text(file, "tokenizer.ggml.model"), split = text(file, "tokenizer.ggml.pre");
    if (model != "gpt2" || split != "smollm") {
      throw std::runtime_error("the tokenizer is " + model + " with " + split + ", and only gpt2 with smollm is read");
    }
    if (types.size() != tokens.size()) throw std::runtime_error("tokenizer.ggml.token_type is no list of the tokens");
    byte_tokens_.fill(-1);
    std::unordered_map<std::string, int> ids;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string& token = tokens[i].text();
      const int id = static_cast<int>(i);
      if (types[i].number() == kControl) {
        control_[token] = id;
        pieces_.push_back("");
        continue;
      }
      pieces_.push_back(to_bytes(token, bytes));
      if (!ids.emplace(token, id).second) throw std::runtime_error("the token " + token + " is there twice");
      if (pieces_.back().size() == 1) byte_tokens_[static_cast<unsigned char>(pieces_.back()[0])] = id;
    }
    for (const posenc::ConfigValue& merge : texts(file, "tokenizer.ggml.merges")) {
      const std::string& both = merge.text();
      const std::size_t space = both.find(' ', 1);
      const std::string left = both.substr(0, space);
      const std::string right = space == std::string::npos ? "" : both.substr(space + 1);
      const auto a = ids.find(left), b = ids.find(right), result = ids.find(left + right);
      if (a == ids.end() || b == ids.end() || result == ids.end()) {
        throw std::runtime_error("the merge \"" + both + "\" is not of two tokens into a third");
      }
      merges_.emplace(key(a->second, b->second), Merge{static_cast<int>(merges_.size()), result->second});
    }
  }

  int num_tokens() const { return static_cast<int>(pieces_.size()); }

  /// A token that no text becomes: "<|im_start|>".
  int control(const std::string& name) const {
    const auto found = control_.find(name);
    if (found == control_.end()) throw std::runtime_error("the vocabulary has no " + name);
    return found->second;
  }

  /// The tokens of a text. Names of control tokens in it are text like any other; a byte that no token has is left out.
  std::vector<int> encode(std::string_view text) const {
    std::vector<int> tokens;
    for (const std::string_view word : split_words(text)) {
      std::vector<int> parts;
      for (const char byte : word) {
        const int token = byte_tokens_[static_cast<unsigned char>(byte)];
        if (token >= 0) parts.push_back(token);
      }
      merge(parts);
      tokens.insert(tokens.end(), parts.begin(), parts.end());
    }
    return tokens;
  }

  /// The bytes of a token, none for a control token. A character may need the bytes of several.
  const std::string& piece(int token) const { return pieces_.at(static_cast<std::size_t>(token)); }

 private:
  static constexpr int kAlphabet = 256 + 68;
  static constexpr int kControl = 3;

  struct Merge {
    int rank;
    int token;
  };

  static std::uint64_t key(int a, int b) { return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b); }

  static std::string text(const gguf::File& file, const std::string& key) {
    const posenc::ConfigValue* const value = file.metadata.find(key);
    if (value == nullptr) throw std::runtime_error("the file has no " + key);
    return value->text();
  }

  static const std::vector<posenc::ConfigValue>& texts(const gguf::File& file, const std::string& key) {
    const posenc::ConfigValue* const value = file.metadata.find(key);
    if (value == nullptr) throw std::runtime_error("the file has no " + key);
    return value->items();
  }

  /// Vocabularies are written with a visible character for each byte: itself where it is one in Latin-1, and U+0100 and
  /// the following for the 68 others in their order.
  static std::array<int, kAlphabet> bytes_of_alphabet() {
    std::array<int, kAlphabet> bytes;
    bytes.fill(-1);
    std::size_t next = 256;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const bool visible = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
      bytes[visible ? byte : next++] = static_cast<int>(byte);
    }
    return bytes;
  }

  static std::string to_bytes(const std::string& token, const std::array<int, kAlphabet>& bytes) {
    std::string piece;
    for (std::size_t at = 0; at < token.size();) {
      const unicode::Character next = unicode::character_at(token, at);
      const int byte = next.code_point < kAlphabet ? bytes[next.code_point] : -1;
      if (byte < 0) throw std::runtime_error("the token " + token + " is not written in the alphabet of bytes");
      piece += static_cast<char>(byte);
      at += next.num_bytes;
    }
    return piece;
  }

  void merge(std::vector<int>& parts) const {
    for (;;) {
      std::size_t where = 0;
      const Merge* best = nullptr;
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto found = merges_.find(key(parts[i], parts[i + 1]));
        if (found != merges_.end() && (best == nullptr || found->second.rank < best->rank)) {
          best = &found->second;
          where = i;
        }
      }
      if (best == nullptr) return;
      parts[where] = best->token;
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
  }

  std::vector<std::string> pieces_;  // the bytes of each token
  std::unordered_map<std::string, int> control_;
  std::array<int, 256> byte_tokens_;  // -1 where no token is one byte
  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace byte_pair

#endif  // POSENC_EXAMPLES_BYTE_PAIR_ENCODING_HPP

// SPDX-License-Identifier: MIT
/// A small JSON value with nlohmann::json's way of asking: what a JSON type must have for posenc, and no more.
#ifndef POSENC_TESTS_JSON_HPP
#define POSENC_TESTS_JSON_HPP

#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc_tests {

class Json {
 public:
  static Json parse(const std::string& text) {
    const char* at = text.c_str();
    Json value = parse_value(at);
    if (peek(at) != '\0') fail<std::runtime_error>(std::string("more text at ") + at);
    return value;
  }

  bool is_null() const { return type_ == Type::null; }
  bool is_boolean() const { return type_ == Type::boolean; }
  bool is_number() const { return type_ == Type::number; }
  bool is_string() const { return type_ == Type::string; }
  bool is_array() const { return type_ == Type::array; }
  bool is_object() const { return type_ == Type::object; }

  /// As strict as nlohmann::json: the wrong type is an error of this class, not of posenc.
  template <typename T>
  T get() const {
    if constexpr (std::is_same_v<T, std::string>) {
      expect(Type::string);
      return text_;
    } else if constexpr (std::is_same_v<T, bool>) {
      expect(Type::boolean);
      return number_ != 0;
    } else {
      expect(Type::number);
      return static_cast<T>(number_);
    }
  }

  class Iterator {
   public:
    Iterator(const Json* of, std::size_t at) : of_(of), at_(at) {}
    const std::string& key() const { return of_->keys_[at_]; }
    const Json& value() const { return of_->items_[at_]; }
    const Json& operator*() const { return of_->items_[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const Json* of_;
    std::size_t at_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, items_.size()}; }

 private:
  enum class Type { null, boolean, number, string, array, object };

  template <typename Error>
  [[noreturn]] static void fail(const std::string& what) {
#if defined(__cpp_exceptions)
    throw Error("JSON: " + what);
#else
    std::fprintf(stderr, "JSON: %s\n", what.c_str());
    std::abort();
#endif
  }
  void expect(Type type) const {
    if (type_ != type) fail<std::domain_error>("read as another type");
  }

  static char peek(const char*& at) {
    while (std::isspace(static_cast<unsigned char>(*at)) != 0) ++at;
    return *at;
  }
  static void expect(const char*& at, char c) {
    if (peek(at) != c) fail<std::runtime_error>(std::string("no ") + c + " at " + at);
    ++at;
  }
  static bool skip(const char*& at, const std::string& word) {
    if (std::strncmp(at, word.c_str(), word.size()) != 0) return false;
    at += word.size();
    return true;
  }
  static std::string parse_string(const char*& at) {
    expect(at, '"');
    std::string text;
    while (*at != '"' && *at != '\0') text += *at++;
    expect(at, '"');
    return text;
  }
  static Json parse_value(const char*& at) {
    Json value;
    const char c = peek(at);
    if (c == '{' || c == '[') {
      value.type_ = c == '{' ? Type::object : Type::array;
      parse_items(at, value, c == '{' ? '}' : ']');
    } else if (c == '"') {
      value.type_ = Type::string;
      value.text_ = parse_string(at);
    } else if (skip(at, "true")) {
      value.type_ = Type::boolean;
      value.number_ = 1;
    } else if (skip(at, "false")) {
      value.type_ = Type::boolean;
    } else if (!skip(at, "null")) {
      char* end = nullptr;
      value.type_ = Type::number;
      value.number_ = std::strtod(at, &end);
      if (end == at) fail<std::runtime_error>(std::string("no value at ") + at);
      at = end;
    }
    return value;
  }
  static void parse_items(const char*& at, Json& value, char close) {
    ++at;
    if (peek(at) == close) {
      ++at;
      return;
    }
    for (;;) {
      if (value.is_object()) {
        value.keys_.push_back(parse_string(at));
        expect(at, ':');
      }
      value.items_.push_back(parse_value(at));
      if (peek(at) != ',') break;
      ++at;
      peek(at);
    }
    expect(at, close);
  }

  Type type_ = Type::null;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<Json> items_;
};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_JSON_HPP

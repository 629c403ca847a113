// SPDX-License-Identifier: MIT
/// @file
/// The header of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (512, 128), }, spaces, a newline.
#ifndef POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP
#define POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP

#include "posenc/detail/check.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

struct NpyHeader {
  std::string type;
  std::vector<Eigen::Index> shape;
};

/// At most 40 characters of a file's text that are safe in a message.
inline std::string printable(const std::string& text) {
  std::string shown = "'";
  for (std::size_t i = 0; i < text.size() && i < 40; ++i) {
    const char c = text[i];
    shown.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  return shown + (text.size() > 40 ? "...'" : "'");
}

/// Reads the header's text from the left; every step checks that there is something left.
class NpyHeaderParser {
 public:
  explicit NpyHeaderParser(const std::string& text) : text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        header.type = quoted();
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        const std::string order = word();
        require(order == "False", "read_npy", "fortran_order", printable(order), "False (save a C-ordered array)");
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = tuple();
        has_shape = true;
      } else {
        refuse<std::invalid_argument>("read_npy", "a key of the header", printable(key),
                                      "'descr', 'fortran_order' or 'shape', each once");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) {
      refuse<std::invalid_argument>("read_npy", "the header", printable(text_),
                                    "complete: 'descr', 'fortran_order' and 'shape'");
    }
    skip_spaces();
    if (at_ + 1 != text_.size() || text_[at_] != '\n') refuse_here("ended by spaces and one newline");
    return header;
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse_here(std::string("followed by ") + c + " at byte " + std::to_string(at_));
  }
  [[noreturn]] void refuse_here(const std::string& rule) const {
    refuse<std::invalid_argument>("read_npy", "the header", printable(text_.substr((std::min)(at_, text_.size()))),
                                  rule);
  }
  std::string quoted() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') refuse_here("a quoted word at byte " + std::to_string(at_));
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) refuse_here("closed by a quote after byte " + std::to_string(at_));
    const std::string inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  std::string word() {
    skip_spaces();
    const std::size_t begin = at_;
    while (at_ < text_.size() && ((text_[at_] >= 'a' && text_[at_] <= 'z') || (text_[at_] >= 'A' && text_[at_] <= 'Z')))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }
  Eigen::Index number() {
    skip_spaces();
    constexpr Eigen::Index largest = (std::numeric_limits<Eigen::Index>::max)();
    const std::size_t begin = at_;
    Eigen::Index value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int digit = text_[at_] - '0';
      if (value > (largest - digit) / 10) {
        refuse<std::length_error>("read_npy", "shape", printable(text_.substr(begin)), "at most ", largest);
      }
      value = 10 * value + digit;
    }
    if (at_ == begin) refuse_here("a number >= 0 at byte " + std::to_string(at_));
    return value;
  }
  std::vector<Eigen::Index> tuple() {
    std::vector<Eigen::Index> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

inline NpyHeader parse_npy_header(const std::string& text) { return NpyHeaderParser(text).parse(); }

/// Magic, version and header, together a multiple of 64 bytes.
inline std::string npy_header_text(const char* type, const std::vector<Eigen::Index>& shape) {
  std::string text = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  text += shape.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t start = 10;
  text.append(63 - (start + text.size()) % 64, ' ');
  text.push_back('\n');
  require(text.size() <= 0xffff, "write_npy", "shape.size()", shape.size(), "so small that the header has 65535 bytes");
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(text.size() & 0xff) +
         static_cast<char>(text.size() >> 8) + text;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_NPY_HEADER_HPP

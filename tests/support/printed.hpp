// SPDX-License-Identifier: MIT
/// A number as a source prints it: right to half a unit of its last digit.
#ifndef POSENC_TESTS_PRINTED_HPP
#define POSENC_TESTS_PRINTED_HPP

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ostream>
#include <string>

namespace posenc_tests {

/// Printed("3.84927328e-5") is 3.84927328e-5 with an uncertainty of 0.5e-13.
class Printed {
 public:
  Printed(const char* text) : text_(text), value_(std::strtod(text, nullptr)) {
    const std::size_t e = text_.find_first_of("eE");
    const std::string digits = text_.substr(0, e);
    const std::size_t point = digits.find('.');
    const int decimals = point == std::string::npos ? 0 : static_cast<int>(digits.size() - point - 1);
    const int exponent = e == std::string::npos ? 0 : std::atoi(text_.c_str() + e + 1);
    half_unit_ = 0.5 * std::pow(10.0, exponent - decimals);
  }
  double value() const { return value_; }
  double half_unit() const { return half_unit_; }
  /// Whether `number` would be printed so. The last part is the rounding of the reading and of the subtraction.
  bool is(double number) const { return std::abs(number - value_) <= half_unit_ + std::abs(value_) * 0x1p-52; }

 private:
  std::string text_;
  double value_;
  double half_unit_;

  friend std::ostream& operator<<(std::ostream& out, const Printed& printed) { return out << printed.text_; }
};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_PRINTED_HPP

// SPDX-License-Identifier: MIT
/// Errors as shares of their bounds: loops over many values keep the worst one and check it once.
#ifndef POSENC_TESTS_WORST_HPP
#define POSENC_TESTS_WORST_HPP

#include <cmath>
#include <iostream>
#include <sstream>
#include <string>

namespace posenc_tests {

inline double ulp(double value) { return std::nextafter(std::abs(value), HUGE_VAL) - std::abs(value); }

/// The largest error / bound seen, and where. A NaN counts as worse than any number.
class Worst {
 public:
  template <typename... Where>
  void see(double error, double bound, const Where&... where) {
    ++count_;
    const double share = error == 0 ? 0.0 : error / bound;
    if (share <= share_) return;
    share_ = share == share ? share : HUGE_VAL;
    std::ostringstream text;
    text.precision(17);
    ((text << where << ' '), ...);
    where_ = text.str();
  }
  /// The largest error / bound: the test is `REQUIRE(worst.share() <= 1)`.
  double share() const { return share_; }
  long count() const { return count_; }
  const std::string& where() const { return where_; }
  void print(const std::string& what) const {
    std::cout << what << ": worst " << share_ << " of the bound over " << count_ << " values, at " << where_ << "\n";
  }

 private:
  double share_ = 0;
  long count_ = 0;
  std::string where_ = "none";
};

/// Half a unit in the last of `digits` significant decimal digits of `value`, which is how far a printed number lies
/// from the number that was printed.
inline double half_unit_of_digits(double value, int digits) {
  if (value == 0) return 0;
  return 0.5 * std::pow(10.0, std::floor(std::log10(std::abs(value))) - (digits - 1));
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_WORST_HPP

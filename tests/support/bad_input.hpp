// SPDX-License-Identifier: MIT
/// Tables of bad arguments. A case is a name, the exact message, and a call that must be refused with it before
/// anything is written:
///
///   bad.value("odd rotary_dim", "geometric_frequencies: rotary_dim must be even, got 7",
///             [](Fixture&) { geometric_frequencies(7, 1e4); });
///
/// The same tables make three programs. With exceptions each case is called and caught. Without, each runs in a child
/// process: built with POSENC_TESTS_HANDLER the message comes from POSENC_FAIL_HANDLER, else from stderr before the
/// abort. No test framework is used, since those do not all build without exceptions. Include this file first.
#ifndef POSENC_TESTS_BAD_INPUT_HPP
#define POSENC_TESTS_BAD_INPUT_HPP

#if defined(POSENC_TESTS_HANDLER)
namespace posenc_tests {
[[noreturn]] void fail_handler(const char* message);
}
#define POSENC_FAIL_HANDLER posenc_tests::fail_handler
#endif

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace posenc_tests {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMaxPosition = std::numeric_limits<std::int64_t>::max();
constexpr Eigen::Index kMaxIndex = std::numeric_limits<Eigen::Index>::max();
/// Cases with sizes that an index of 32 bits cannot hold are left out there.
constexpr bool kWideIndex = sizeof(Eigen::Index) >= 8;
/// 2^exponent, where indices are wide.
constexpr Eigen::Index two_to(int exponent) { return static_cast<Eigen::Index>(std::int64_t(1) << exponent); }

/// std::invalid_argument, std::out_of_range, std::length_error, or a call that is allowed.
enum class Kind { value, range, length, allowed };

/// A call with what it may write to.
class Trial {
 public:
  virtual ~Trial() = default;
  virtual void call() = 0;
  virtual bool untouched() const = 0;
};

struct BadInputCase {
  std::string table;
  std::string name;
  Kind kind;
  std::string message;  ///< What follows "posenc::".
  std::function<std::unique_ptr<Trial>()> make;
};

/// The sizes and coefficients of matrices and arrays, to be compared before and after a call.
template <typename... Dense>
std::string bytes_of(const Dense&... dense) {
  std::string bytes;
  const auto append = [&bytes](const auto& x) {
    const auto plain = x.eval();
    bytes += std::to_string(plain.rows()) + " x " + std::to_string(plain.cols()) + ": ";
    bytes.append(reinterpret_cast<const char*>(plain.data()),
                 static_cast<std::size_t>(plain.size()) * sizeof(*plain.data()));
  };
  (append(dense), ...);
  return bytes;
}

/// The cases of one family. A Fixture is made anew for each: good arguments to go with one bad one, and what calls
/// write to, whose bytes its written() returns.
template <typename Fixture>
class BadInputs {
 public:
  using Call = std::function<void(Fixture&)>;

  explicit BadInputs(std::string table) : table_(std::move(table)) {}

  // A case without a name is known by its message.

  /// Refused with std::invalid_argument.
  void value(std::string name, std::string message, Call call) {
    add(std::move(name), Kind::value, std::move(message), std::move(call));
  }
  void value(std::string message, Call call) { value(message, message, std::move(call)); }
  /// Refused with std::out_of_range.
  void range(std::string name, std::string message, Call call) {
    add(std::move(name), Kind::range, std::move(message), std::move(call));
  }
  void range(std::string message, Call call) { range(message, message, std::move(call)); }
  /// Refused with std::length_error.
  void length(std::string name, std::string message, Call call) {
    add(std::move(name), Kind::length, std::move(message), std::move(call));
  }
  void length(std::string message, Call call) { length(message, message, std::move(call)); }
  /// Unusual, but no error: it must write nothing either.
  void allowed(std::string name, Call call) { add(std::move(name), Kind::allowed, "", std::move(call)); }

  std::vector<BadInputCase> cases() const { return cases_; }

 private:
  class FixtureTrial : public Trial {
   public:
    explicit FixtureTrial(Call call) : call_(std::move(call)), before_(fixture_.written()) {}
    void call() override { call_(fixture_); }
    bool untouched() const override { return fixture_.written() == before_; }

   private:
    Call call_;
    Fixture fixture_;
    std::string before_;
  };

  void add(std::string name, Kind kind, std::string message, Call call) {
    cases_.push_back({table_, std::move(name), kind, std::move(message),
                      [call = std::move(call)] { return std::make_unique<FixtureTrial>(call); }});
  }

  std::string table_;
  std::vector<BadInputCase> cases_;
};

/// Of a table whose calls write to nothing.
struct NothingWritten {
  std::string written() const { return ""; }
};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_BAD_INPUT_HPP

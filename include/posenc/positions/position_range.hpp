// SPDX-License-Identifier: MIT
/// @file
/// Where tokens stand: a range, or one integer or real number for each token.
#ifndef POSENC_POSITIONS_POSITION_RANGE_HPP
#define POSENC_POSITIONS_POSITION_RANGE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The positions first, first + 1, ..., first + count - 1. Negative ones and ones beyond 2^31 are fine.
struct PositionRange {
  std::int64_t first = 0;  ///< Position of row 0: the number of tokens already in a key/value cache.
  Eigen::Index count = 0;  ///< Number of rows, >= 0.
};

namespace detail {

/// |position| = anchor + offset, both exact, with anchor a multiple of kAnchorStep and 0 <= offset < kAnchorStep.
struct SplitPosition {
  double anchor;
  double offset;
  bool negative;
};

inline constexpr int kAnchorStep = 16;

inline SplitPosition split_position(std::int64_t position) {
  const std::uint64_t bits = static_cast<std::uint64_t>(position);
  const std::uint64_t size = position < 0 ? ~bits + 1 : bits;  // right for the smallest int64 too
  constexpr std::uint64_t low = kAnchorStep - 1;
  return {static_cast<double>(size & ~low), static_cast<double>(size & low), position < 0};
}

inline SplitPosition split_position(double position) {
  const double size = std::abs(position);
  const double anchor = kAnchorStep * std::floor(size / kAnchorStep);
  return {anchor, size - anchor, position < 0};
}

/// Row i stands at first + i.
class RangePositions {
 public:
  static constexpr const char* kCount = "positions.count";  // what a message calls rows()

  RangePositions(const char* function, PositionRange range) : range_(range) {
    require(range.count >= 0, function, "positions.count", range.count, ">= 0");
    const std::int64_t limit = (std::numeric_limits<std::int64_t>::max)() - range.count;
    require_in_range(range.first <= limit, function, "positions.first", range.first, "at most ", limit,
                     " (2^63 - 1 - positions.count)");
  }
  Eigen::Index rows() const { return range_.count; }
  std::int64_t operator[](Eigen::Index row) const { return range_.first + row; }

 private:
  PositionRange range_;
};

/// Integers are held as std::int64_t, real numbers as double.
template <typename Scalar>
using PositionOf = std::conditional_t<Eigen::NumTraits<Scalar>::IsInteger, std::int64_t, double>;

template <typename Scalar>
constexpr void require_position_scalar() {
  static_assert(!std::is_unsigned_v<Scalar> || sizeof(Scalar) < 8,
                "posenc: positions must be signed integers of up to 64 bits, or float or double");
  static_assert(!Eigen::NumTraits<Scalar>::IsComplex, "posenc: positions must be integers or real numbers");
  static_assert(!is_half<Scalar>, "posenc: half types hold whole positions only up to 2048 (half) or 256 (bfloat16)");
}

/// Row i stands at positions(i).
template <typename Derived>
class ListPositions {
 public:
  using Position = PositionOf<typename Derived::Scalar>;
  static constexpr const char* kCount = "positions.size()";

  ListPositions(const char* function, const Eigen::DenseBase<Derived>& positions) : positions_(evaluated(positions)) {
    require_position_scalar<typename Derived::Scalar>();
    if constexpr (std::is_same_v<Position, double>) {
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (!is_finite((*this)[i])) {
          refuse<std::invalid_argument>(function, element("positions", i), (*this)[i], "finite");
        }
      }
    }
  }
  Eigen::Index rows() const { return positions_.size(); }
  /// Element i, counted along rows: a [batch, length] array of ids gives the tokens in order in either storage.
  Position operator[](Eigen::Index i) const {
    const Eigen::Index columns = positions_.cols();
    return static_cast<Position>(columns == 1 ? positions_.coeff(i, 0) : positions_.coeff(i / columns, i % columns));
  }

 private:
  decltype(evaluated(std::declval<const Eigen::DenseBase<Derived>&>())) positions_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_POSITION_RANGE_HPP

// SPDX-License-Identifier: MIT
/// @file
/// The bias of a window and its gradient where logits and table lie in memory with one scalar: short runs as vectors.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_WINDOW_RUNS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_WINDOW_RUNS_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/positions/grid_shape.hpp"

#include <Eigen/Core>

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The widest vector of at most `width` numbers that Eigen loads at once.
template <typename Scalar>
constexpr int lanes_within(int width) {
  int lanes = (EIGEN_MAX_ALIGN_BYTES > 16 ? EIGEN_MAX_ALIGN_BYTES : 16) / static_cast<int>(sizeof(Scalar));
  while (lanes > width) lanes /= 2;
  return lanes;
}

/// to[i] += from[i] for `width` >= Lanes numbers that are disjoint. The last vector may overlap the one before it. It
/// is formed before anything is stored, so that both hold the same sums where they overlap.
template <int Lanes, typename Scalar, typename Width>
EIGEN_ALWAYS_INLINE void add_run(Scalar* to, const Scalar* from, Width width) {
  using Vector = Eigen::Array<Scalar, Lanes, 1>;
  const Eigen::Index last = width - Lanes;
  const Vector tail = Eigen::Map<const Vector>(to + last) + Eigen::Map<const Vector>(from + last);
  for (Eigen::Index i = 0; i < last; i += Lanes) Eigen::Map<Vector>(to + i) += Eigen::Map<const Vector>(from + i);
  Eigen::Map<Vector>(to + last) = tail;
}

/// x(t, u) += values(displacement from t to u) for the tokens of one window. `x` is the logit of token 0 with itself,
/// `stride` is the distance to the next row; `Width` is an integral_constant for the widths that models use, else an
/// index.
template <int Lanes, typename Scalar, typename Width>
POSENC_KERNEL void add_window_runs(Scalar* x, Eigen::Index stride, const Scalar* values, Eigen::Index height,
                                   Width width) {
  const Eigen::Index span = 2 * width - 1;
  for (Eigen::Index row = 0; row < height; ++row) {
    for (Eigen::Index column = 0; column < width; ++column, x += stride) {
      const Scalar* from = values + (height - 1 - row) * span + width - 1 - column;
      Scalar* to = x;
      for (Eigen::Index key_row = 0; key_row < height; ++key_row, to += width, from += span) {
        add_run<Lanes>(to, from, width);
      }
    }
  }
}

/// Calls sum(query, key, count, displacement) for each column of queries and each difference of rows: the pairs of tokens
/// (query, key), (query + width, key + width), ..., `count` of them, and each of these with the next `width` - 1 keys,
/// have `displacement` and the next ones. A gradient sums each of them from the first to the last and then adds the sum.
template <typename Sum>
void for_each_window_sum(Eigen::Index height, Eigen::Index width, const Sum& sum) {
  for (Eigen::Index column = 0; column < width; ++column) {
    for (Eigen::Index m = 0; m < 2 * height - 1; ++m) {
      const Eigen::Index query_row = m < height ? height - 1 - m : 0;
      const Eigen::Index key_row = m < height ? 0 : m - height + 1;
      sum(query_row * width + column, key_row * width, height - query_row - key_row,
          m * (2 * width - 1) + width - 1 - column);
    }
  }
}

/// values(displacement from t to u) += grad(t, u), in the order of for_each_window_sum().
template <int Lanes, typename Scalar, typename Width>
POSENC_KERNEL void sum_window_runs(const Scalar* grad, Eigen::Index stride, Scalar* values, Eigen::Index height,
                                   Width width) {
  using Vector = Eigen::Array<Scalar, Lanes, 1>;
  for_each_window_sum(height, width, [&](Eigen::Index t, Eigen::Index u, Eigen::Index count, Eigen::Index m) {
    const auto sum_at = [&](Eigen::Index i) {
      const Scalar* from = grad + t * stride + u + i;
      Vector sum = Eigen::Map<const Vector>(from);
      for (Eigen::Index row = 1; row < count; ++row) {
        from += width * stride + width;
        sum += Eigen::Map<const Vector>(from);
      }
      return Vector(Eigen::Map<const Vector>(values + m + i) + sum);
    };
    // The last vector may overlap the one before it. It is formed before anything is stored, as in add_run().
    const Eigen::Index last = width - Lanes;
    const Vector tail = sum_at(last);
    for (Eigen::Index i = 0; i < last; i += Lanes) Eigen::Map<Vector>(values + m + i) = sum_at(i);
    Eigen::Map<Vector>(values + m + last) = tail;
  });
}

/// Calls run(lanes, width) with the constants that fit a window: the width itself where models use it. False for
/// windows that are narrower than a vector.
template <typename Scalar, typename Run>
bool with_window_width(Eigen::Index width, const Run& run) {
  const auto fixed = [&](auto constant) {
    constexpr int value = decltype(constant)::value;
    run(std::integral_constant<int, lanes_within<Scalar>(value)>(), std::integral_constant<Eigen::Index, value>());
    return true;
  };
  switch (width) {
    case 7: return fixed(std::integral_constant<int, 7>());
    case 8: return fixed(std::integral_constant<int, 8>());
    case 12: return fixed(std::integral_constant<int, 12>());
    case 14: return fixed(std::integral_constant<int, 14>());
    case 16: return fixed(std::integral_constant<int, 16>());
    default: break;
  }
  constexpr int narrow = lanes_within<Scalar>(4);
  constexpr int wide = lanes_within<Scalar>(16);
  if (width < narrow) return false;
  if (width < wide) {
    run(std::integral_constant<int, narrow>(), width);
  } else {
    run(std::integral_constant<int, wide>(), width);
  }
  return true;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_WINDOW_RUNS_HPP

// SPDX-License-Identifier: MIT
/// @file
/// Resampling as one sparse list of weights: every rule is data, and one loop does them all, forward and adjoint.
#ifndef POSENC_DETAIL_RESAMPLE_HPP
#define POSENC_DETAIL_RESAMPLE_HPP

#include "posenc/detail/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Row i of the result is the sum of weight[k] * input row source[k], first[i] <= k < first[i + 1].
struct Taps {
  std::vector<std::size_t> first = {0};
  std::vector<Eigen::Index> source;
  std::vector<double> weight;

  Eigen::Index rows() const { return static_cast<Eigen::Index>(first.size()) - 1; }
  /// Adds a tap to the row that end_row() will close. Equal neighbors are merged, zeros left out.
  void add(Eigen::Index from, double w) {
    if (w == 0) return;
    if (source.size() > first.back() && source.back() == from) {
      weight.back() += w;
    } else {
      source.push_back(from);
      weight.push_back(w);
    }
  }
  void end_row() { first.push_back(source.size()); }
};

/// Every row as it is.
inline Taps identity_taps(Eigen::Index size) {
  Taps taps;
  for (Eigen::Index i = 0; i < size; ++i) {
    taps.add(i, 1.0);
    taps.end_row();
  }
  return taps;
}

/// Adds the row at `at` between rows low and low + 1, by linear interpolation.
inline void add_between(Taps& taps, double at, Eigen::Index low, Eigen::Index rows) {
  const Eigen::Index high = (std::min)(low + 1, rows - 1);
  const double share = at - static_cast<double>(low);
  taps.add(low, high == low ? 1.0 : 1.0 - share);
  taps.add(high, high == low ? 0.0 : share);
  taps.end_row();
}

/// Linear interpolation around (i + 1/2) from / to - 1/2; past the outermost rows their values stay.
inline Taps half_pixel_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(from);
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double at = (std::max)(center, 0.0);
    add_between(taps, at, (std::min)(static_cast<Eigen::Index>(at), from - 1), from);
  }
  return taps;
}

/// The cubic convolution kernel of Keys (1981) with parameter a, 0 beyond |x| = 2.
inline double cubic_kernel(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// Four taps around (i + 1/2) from / to - 1/2, which is not clamped; what lies outside repeats the border.
/// As PyTorch: a = -0.75.
inline Taps cubic_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(from);
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double low = std::floor(at);
    for (int k = -1; k <= 2; ++k) {
      const Eigen::Index wanted = static_cast<Eigen::Index>(low) + k;
      taps.add((std::min)((std::max)(wanted, Eigen::Index(0)), from - 1), cubic_kernel(at - low - k, -0.75));
    }
    taps.end_row();
  }
  return taps;
}

/// A grid whose row y * columns.rows() + x is the product of both lists, after `prefix` rows that stay as they are.
/// `width` is the number of columns of the input grid.
inline Taps grid_taps(const Taps& rows, const Taps& columns, Eigen::Index width, Eigen::Index prefix) {
  Taps taps = identity_taps(prefix);
  for (std::size_t y = 0; y + 1 < rows.first.size(); ++y) {
    for (std::size_t x = 0; x + 1 < columns.first.size(); ++x) {
      for (std::size_t j = rows.first[y]; j < rows.first[y + 1]; ++j) {
        for (std::size_t i = columns.first[x]; i < columns.first[x + 1]; ++i) {
          taps.add(prefix + rows.source[j] * width + columns.source[i], rows.weight[j] * columns.weight[i]);
        }
      }
      taps.end_row();
    }
  }
  return taps;
}

/// The transposed list: from the rows of the result back to `inputs` rows.
inline Taps transposed(const Taps& taps, Eigen::Index inputs) {
  Taps back;
  back.first.assign(static_cast<std::size_t>(inputs) + 1, 0);
  for (const Eigen::Index source : taps.source) ++back.first[static_cast<std::size_t>(source) + 1];
  for (std::size_t i = 1; i < back.first.size(); ++i) back.first[i] += back.first[i - 1];
  back.source.resize(taps.source.size());
  back.weight.resize(taps.weight.size());
  std::vector<std::size_t> next(back.first.begin(), back.first.end() - 1);
  for (std::size_t row = 0; row + 1 < taps.first.size(); ++row) {
    for (std::size_t k = taps.first[row]; k < taps.first[row + 1]; ++k) {
      const std::size_t place = next[static_cast<std::size_t>(taps.source[k])]++;
      back.source[place] = static_cast<Eigen::Index>(row);
      back.weight[place] = taps.weight[k];
    }
  }
  return back;
}

/// out = taps * in, or out += taps * in: summed in double (a scalar of the user's in itself) and rounded once. A row
/// that is one tap of weight 1 is copied, bit for bit.
template <bool Add, typename Out, typename In>
void apply_taps(Out& out, const In& in, const Taps& taps) {
  using Scalar = typename Out::Scalar;
  using Number = std::conditional_t<is_storage<Scalar>, double, Scalar>;
  constexpr Eigen::Index chunk = 64;
  for (Eigen::Index row = 0; row < out.rows(); ++row) {
    const std::size_t begin = taps.first[static_cast<std::size_t>(row)];
    const std::size_t end = taps.first[static_cast<std::size_t>(row) + 1];
    if (!Add && end == begin + 1 && taps.weight[begin] == 1.0) {
      for (Eigen::Index i = 0; i < out.cols(); ++i) {
        out.coeffRef(row, i) = convert<Scalar>(in.coeff(taps.source[begin], i));
      }
      continue;
    }
    for (Eigen::Index first = 0; first < out.cols(); first += chunk) {
      const Eigen::Index count = (std::min)(chunk, out.cols() - first);
      Number sum[chunk];
      for (Eigen::Index i = 0; i < count; ++i) {
        sum[i] = Add ? convert<Number>(out.coeff(row, first + i)) : Number(0);
      }
      for (std::size_t k = begin; k < end; ++k) {
        const Number weight(taps.weight[k]);
        for (Eigen::Index i = 0; i < count; ++i) {
          sum[i] = sum[i] + weight * convert<Number>(in.coeff(taps.source[k], first + i));
        }
      }
      for (Eigen::Index i = 0; i < count; ++i) out.coeffRef(row, first + i) = convert<Scalar>(sum[i]);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_RESAMPLE_HPP

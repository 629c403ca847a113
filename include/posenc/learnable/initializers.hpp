// SPDX-License-Identifier: MIT
/// @file
/// Initial values of a trained table: seeded, and the same bits on every platform.
///
/// Value k of the seed's sequence goes to row k / width, column k % width, whatever the storage order; each takes one
/// output of std::mt19937_64, which the standard fixes bit by bit. The distributions are not the standard's and do
/// without libm, which differ between platforms. All values are formed in double and rounded once.
/// -ffast-math voids the promise.
#ifndef POSENC_LEARNABLE_INITIALIZERS_HPP
#define POSENC_LEARNABLE_INITIALIZERS_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/channel_order.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/learnable/detail/random.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// fill_truncated_normal(): defaults of BERT and timm's ViT. The bounds are values, not multiples of `stddev`.
struct TruncatedNormal {
  double mean = 0;
  double stddev = 0.02;
  double low = -2;
  double high = 2;
};

namespace detail {

template <typename Derived, typename Next>
void fill_rows(Eigen::DenseBase<Derived>& out, Next&& next) {
  for (Eigen::Index row = 0; row < out.rows(); ++row) {
    for (Eigen::Index i = 0; i < out.cols(); ++i) {
      out.derived().coeffRef(row, i) = convert<typename Derived::Scalar>(next());
    }
  }
}

template <typename Derived>
void fill_normal(const char* function, Eigen::DenseBase<Derived>& out, std::uint64_t seed, double stddev, double mean) {
  require(is_finite(stddev) && stddev >= 0, function, "stddev", stddev, "finite and >= 0");
  require(is_finite(mean), function, "mean", mean, "finite");
  UniformSource uniform(seed);
  fill_rows(out, [&] { return std::fma(stddev, normal_quantile(uniform()), mean); });
}

template <typename Derived>
void fill_uniform(const char* function, Eigen::DenseBase<Derived>& out, std::uint64_t seed, double low, double high) {
  require(is_finite(low), function, "low", low, "finite");
  require(is_finite(high) && is_finite(high - low) && low <= high, function, "high", high, "finite and at least low ",
          low);
  UniformSource uniform(seed);
  fill_rows(out, [&] { return std::fma(high - low, uniform(), low); });
}

template <typename Derived>
void fill_truncated_normal(Eigen::DenseBase<Derived>& out, std::uint64_t seed, const TruncatedNormal& options) {
  const char* const function = "fill_truncated_normal";
  require(is_finite(options.mean), function, "mean", options.mean, "finite");
  require(is_finite(options.stddev) && options.stddev > 0, function, "stddev", options.stddev, "finite and > 0");
  require(is_finite(options.low), function, "low", options.low, "finite");
  require(is_finite(options.high) && options.low < options.high, function, "high", options.high,
          "finite and greater than low ", options.low);
  double low = (options.low - options.mean) / options.stddev;
  double high = (options.high - options.mean) / options.stddev;
  constexpr double furthest = 37;  // shares beyond are below the smallest normal double
  require(low < furthest, function, "low", options.low, "less than 37 stddev above the mean");
  require(high > -furthest, function, "high", options.high, "less than 37 stddev below the mean");
  const double sign = low > 0 ? -1 : 1;  // the lower tail is the one that doubles resolve
  if (sign < 0) {
    std::swap(low, high);
    low = -low;
    high = -high;
  }
  const double share_low = normal_share_below(low);
  const double share_high = normal_share_below(high);
  UniformSource uniform(seed);
  fill_rows(out, [&] {
    const double share = (std::min)(std::fma(share_high - share_low, uniform(), share_low), 1 - 0x1p-53);
    const double z = sign * normal_quantile(share);
    return (std::min)((std::max)(std::fma(options.stddev, z, options.mean), options.low), options.high);
  });
}

inline double xavier_scale(const char* function, double gain, Eigen::Index rows, Eigen::Index cols) {
  require(is_finite(gain) && gain >= 0, function, "gain", gain, "finite and >= 0");
  const double sum = static_cast<double>(rows) + static_cast<double>(cols);
  return sum == 0 ? 0.0 : gain * std::sqrt(2 / sum);
}

template <typename Derived>
void fill_sinusoidal(Eigen::DenseBase<Derived>& out, const Frequencies& frequencies, ChannelOrder order) {
  using Scalar = typename Derived::Scalar;
  const Eigen::Index pairs = frequencies.num_pairs();
  require(out.cols() == 2 * pairs, "fill_sinusoidal", "out.cols()", out.cols(), "2 * frequencies.num_pairs() ",
          2 * pairs);
  const Eigen::Index step = order == ChannelOrder::interleaved ? 2 : 1;
  const Eigen::Index sine_at = order == ChannelOrder::cos_sin ? pairs : 0;
  const Eigen::Index cosine_at = order == ChannelOrder::interleaved ? 1 : pairs - sine_at;
  for_each_angle(frequencies, frequencies.magnitude(), RangePositions(PositionRange(0, out.rows())),
                 [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
                   for (int i = 0; i < count; ++i) {
                     out.derived().coeffRef(row, sine_at + (pair + i) * step) = convert<Scalar>(sine[i]);
                     out.derived().coeffRef(row, cosine_at + (pair + i) * step) = convert<Scalar>(cosine[i]);
                   }
                 });
}

}  // namespace detail

/// Zeros: the start of PositionEmbedding in bert4keras, and of tables that are added to a pretrained model.
///
/// @param[out] out  rows x width: any writable dense Eigen object, such as PositionTable::mutable_values().
template <typename Out>
void fill_zeros(Out&& out) {
  detail::fill_rows(detail::written(std::forward<Out>(out)), [] { return 0.0; });
}

/// Independent normal numbers N(mean, stddev^2), by the inverse of the distribution function.
///
/// @param[out] out  rows x width: any writable dense Eigen object.
/// @param seed      Of std::mt19937_64.
/// @param stddev    Standard deviation, finite and >= 0: GPT-2 0.01, BERT and RoBERTa 0.02, fairseq width^-0.5.
/// @throws std::invalid_argument  stddev negative; anything NaN or infinite. `out` is then unchanged.
/// Accuracy: quantiles to 2e-15 relative.
/// Source:   Wichura 1988, Applied Statistics 37(3), AS 241.
/// Matches:  nn.init.normal_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_normal(Out&& out, std::uint64_t seed, double stddev, double mean = 0) {
  detail::fill_normal("fill_normal", detail::written(std::forward<Out>(out)), seed, stddev, mean);
}

/// Independent normal numbers that lie in [low, high]: what lies outside is cut off, not clamped.
///
/// @param[out] out  rows x width: any writable dense Eigen object.
/// @param options   low < high in absolute units, so that stddev 0.02 with bounds +-2 cuts at 100 stddev. TensorFlow
///                  and bert4keras cut at 2 stddev: low = -0.04, high = 0.04.
/// @throws std::invalid_argument  stddev <= 0; low >= high; bounds more than 37 stddev on one side of the mean;
///                                anything NaN or infinite. `out` is then unchanged.
/// Matches:  nn.init.trunc_normal_ of PyTorch and timm in distribution, not in the numbers.
template <typename Out>
void fill_truncated_normal(Out&& out, std::uint64_t seed, const TruncatedNormal& options = {}) {
  detail::fill_truncated_normal(detail::written(std::forward<Out>(out)), seed, options);
}

/// Independent numbers, uniform in [low, high]. flashlight: -0.1, 0.1.
/// @throws std::invalid_argument  low > high, or anything NaN or infinite. `out` is then unchanged.
/// Matches:  nn.init.uniform_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_uniform(Out&& out, std::uint64_t seed, double low, double high) {
  detail::fill_uniform("fill_uniform", detail::written(std::forward<Out>(out)), seed, low, high);
}

/// Xavier (Glorot): uniform in +-gain sqrt(6 / (rows + width)).
/// @throws std::invalid_argument  gain negative, NaN or infinite. `out` is then unchanged.
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_uniform_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_xavier_uniform(Out&& out, std::uint64_t seed, double gain = 1) {
  auto& target = detail::written(std::forward<Out>(out));
  const double bound = std::sqrt(3.0) * detail::xavier_scale("fill_xavier_uniform", gain, target.rows(), target.cols());
  detail::fill_uniform("fill_xavier_uniform", target, seed, -bound, bound);
}

/// Xavier (Glorot): normal with standard deviation gain sqrt(2 / (rows + width)).
/// @throws std::invalid_argument  gain negative, NaN or infinite. `out` is then unchanged.
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_normal_ of PyTorch in distribution, not in the numbers.
template <typename Out>
void fill_xavier_normal(Out&& out, std::uint64_t seed, double gain = 1) {
  auto& target = detail::written(std::forward<Out>(out));
  const double stddev = detail::xavier_scale("fill_xavier_normal", gain, target.rows(), target.cols());
  detail::fill_normal("fill_xavier_normal", target, seed, stddev, 0.0);
}

/// The sinusoidal table of positions 0, 1, ..., as a start for training: the values of encode_sinusoidal().
///
/// @param[out] out     rows x 2 frequencies.num_pairs(): any writable dense Eigen object.
/// @param frequencies  One for each sine, such as geometric_frequencies(width, 10000); its magnitude is a factor.
/// @param order        Where sines and cosines stand.
/// @throws std::invalid_argument  another width. `out` is then unchanged.
/// Accuracy: float |error| <= magnitude (2^-25 + 2^-40 + |angle| 2^-51). The frequencies come from std::pow, whose last
///           bit is the platform's.
/// Matches:  the Sinusoidal initializer of bert4keras.
template <typename Out>
void fill_sinusoidal(Out&& out, const Frequencies& frequencies, ChannelOrder order = ChannelOrder::interleaved) {
  detail::fill_sinusoidal(detail::written(std::forward<Out>(out)), frequencies, order);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_INITIALIZERS_HPP

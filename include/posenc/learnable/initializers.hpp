// SPDX-License-Identifier: MIT
/// @file
/// Rules for the initial values of a trained table, as values: fill(table.values(), Normal(0.02), Seed(7)).
#ifndef POSENC_LEARNABLE_INITIALIZERS_HPP
#define POSENC_LEARNABLE_INITIALIZERS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/frequency/channel_order.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Every value 0: the start of PositionEmbedding in bert4keras, and of tables that are added to a pretrained model.
struct Zeros {};

/// Independent normal numbers N(mean, stddev^2).
/// Matches:  nn.init.normal_ of PyTorch in distribution, not in the numbers.
class Normal {
 public:
  /// @param stddev  Standard deviation, finite and >= 0: GPT-2 0.01, BERT and RoBERTa 0.02, fairseq width^-0.5.
  /// @param mean    Finite.
  /// @throws std::invalid_argument  one of these does not hold; stddev 0 with another mean than 0, which are in the
  ///                                wrong order: PyTorch has the mean first.
  explicit Normal(double stddev, double mean = 0) : stddev_(stddev), mean_(mean) {
    detail::require(detail::is_finite(stddev) && stddev >= 0, "Normal", "stddev", stddev, "finite and >= 0");
    detail::require(detail::is_finite(mean), "Normal", "mean", mean, "finite");
    detail::require(stddev > 0 || mean == 0, "Normal", "stddev", stddev, "> 0 for a mean of ", mean,
                    " (stddev is the first argument, mean the second)");
  }
  double stddev() const { return stddev_; }
  double mean() const { return mean_; }

 private:
  double stddev_;
  double mean_;
};

/// Independent normal numbers that lie in [low, high]: numbers outside are drawn again, not clamped.
/// Matches:  nn.init.trunc_normal_ of PyTorch and timm in distribution, not in the numbers.
class TruncatedNormal {
 public:
  /// @param stddev     Standard deviation of the normal distribution that is cut, finite and > 0: BERT and ViT 0.02.
  /// @param low, high  The bounds in absolute units, low < high. PyTorch and timm cut at -2 and 2, which is 100 stddev
  ///                   of 0.02; TensorFlow and bert4keras at 2 stddev: -0.04, 0.04.
  /// @param mean       Finite; less than 37 stddev beyond a bound.
  /// @throws std::invalid_argument  one of these does not hold.
  TruncatedNormal(double stddev, double low, double high, double mean = 0)
      : stddev_(stddev), low_(low), high_(high), mean_(mean) {
    const char* const function = "TruncatedNormal";
    constexpr double furthest = 37;  // shares beyond are below the smallest normal double
    detail::require(detail::is_finite(stddev) && stddev > 0, function, "stddev", stddev, "finite and > 0");
    detail::require(detail::is_finite(mean), function, "mean", mean, "finite");
    detail::require(detail::is_finite(low), function, "low", low, "finite");
    detail::require(detail::is_finite(high) && low < high, function, "high", high, "finite and greater than low ", low);
    detail::require((low - mean) / stddev < furthest, function, "low", low, "less than 37 stddev above the mean");
    detail::require((high - mean) / stddev > -furthest, function, "high", high, "less than 37 stddev below the mean");
  }
  double stddev() const { return stddev_; }
  double low() const { return low_; }
  double high() const { return high_; }
  double mean() const { return mean_; }

 private:
  double stddev_;
  double low_;
  double high_;
  double mean_;
};

/// Independent numbers, uniform in [low, high]. flashlight: Uniform(-0.1, 0.1).
/// Matches:  nn.init.uniform_ of PyTorch in distribution, not in the numbers.
class Uniform {
 public:
  /// @param low, high  Finite, low <= high, with a finite difference.
  /// @throws std::invalid_argument  this does not hold.
  Uniform(double low, double high) : low_(low), high_(high) {
    detail::require(detail::is_finite(low), "Uniform", "low", low, "finite");
    detail::require(detail::is_finite(high) && detail::is_finite(high - low) && low <= high, "Uniform", "high", high,
                    "finite and at least low ", low);
  }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_;
  double high_;
};

namespace detail {

inline double checked_gain(const char* function, double gain) {
  require(is_finite(gain) && gain >= 0, function, "gain", gain, "finite and >= 0");
  return gain;
}

}  // namespace detail

/// Xavier (Glorot): uniform in +-gain sqrt(6 / (rows + width)).
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_uniform_ of PyTorch in distribution, not in the numbers.
class XavierUniform {
 public:
  /// @param gain  The factor, finite and >= 0.
  /// @throws std::invalid_argument  gain negative, NaN or infinite.
  explicit XavierUniform(double gain = 1) : gain_(detail::checked_gain("XavierUniform", gain)) {}
  double gain() const { return gain_; }

 private:
  double gain_;
};

/// Xavier (Glorot): normal with standard deviation gain sqrt(2 / (rows + width)).
/// Source:   Glorot and Bengio 2010, AISTATS.
/// Matches:  nn.init.xavier_normal_ of PyTorch in distribution, not in the numbers.
class XavierNormal {
 public:
  /// @param gain  The factor, finite and >= 0.
  /// @throws std::invalid_argument  gain negative, NaN or infinite.
  explicit XavierNormal(double gain = 1) : gain_(detail::checked_gain("XavierNormal", gain)) {}
  double gain() const { return gain_; }

 private:
  double gain_;
};

/// The sinusoids of positions 0, 1, ..., as a start for training: the values of encode_sinusoidal().
/// Matches:  the Sinusoidal initializer of bert4keras.
class SinusoidalRows {
 public:
  /// @param frequencies  One for each sine, such as geometric_frequencies(width, 10000); the magnitude is a factor.
  /// @param order        Which channels are sines and which are cosines. It has no default, because projects differ.
  /// @throws std::invalid_argument  an order that ChannelOrder does not name.
  SinusoidalRows(Frequencies frequencies, ChannelOrder order) : frequencies_(std::move(frequencies)), order_(order) {
    detail::require_named("SinusoidalRows", "order", order, ChannelOrder::cos_sin);
  }
  const Frequencies& frequencies() const& { return frequencies_; }
  /// Of a temporary: the frequencies themselves.
  Frequencies frequencies() && { return std::move(frequencies_); }
  ChannelOrder order() const { return order_; }

 private:
  Frequencies frequencies_;
  ChannelOrder order_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_INITIALIZERS_HPP

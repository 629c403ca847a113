// SPDX-License-Identifier: MIT
/// The model of the tales: its shape and its positions.
#ifndef POSENC_EXAMPLES_TALES_MODEL_HPP
#define POSENC_EXAMPLES_TALES_MODEL_HPP

#include "support/tales_training.hpp"

#include <memory>

namespace tiny_transformer {

inline Config tales_config(const tales::Language& language) {
  return {static_cast<Index>(language.words().size()), 96, 6, 256, 2};
}

/// RoPE on whole heads of 16 channels, for up to 4096 positions.
template <typename Scalar>
std::unique_ptr<Encoding<Scalar>> tales_rope(posenc::RopePairs pairs) {
  return std::make_unique<Rotary<Scalar>>(posenc::RopeLayout(pairs, 16), 4096);
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_TALES_MODEL_HPP

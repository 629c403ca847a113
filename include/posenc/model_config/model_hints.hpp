// SPDX-License-Identifier: MIT
/// @file
/// ModelHints: what a caller adds to a config, above all for a model_type that is not known.
#ifndef POSENC_MODEL_CONFIG_MODEL_HINTS_HPP
#define POSENC_MODEL_CONFIG_MODEL_HINTS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <optional>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {

/// What the sections of a config count, where programs differ: in HunYuan-VL, for pictures.
enum class AxisSections {
  of_pairs,    ///< Pairs: a section's pairs rotate by its axis. ggml (llama.cpp), vLLM.
  of_channels  ///< A section of n has the next 2 n channels of the head: the two channels of a pair get different axes,
               ///< so that only text is rotated. What is read is for apply_channel_angles(). Transformers.
};

/// What to use where a config says nothing, as a config class would by its defaults; and which tower to read.
///
///     ModelHints hints;
///     hints.pairs = RopePairs::half_split;
///     hints.layers = "sssf";             // three sliding layers, then one of full attention, and so on
///     hints.full_layers_rotate = false;
///     const ModelRope model = read_hugging_face_config(config, 32768, hints);  // or read_gguf_metadata()
///
/// What a config says wins over these, except over `pairs` and `full_layers_rotate`, and over `axes`, which replace
/// sections.
/// ModelRope::assumed names what was taken from here.
struct ModelHints {
  std::optional<RopePairs> pairs{};            ///< Instead of the layout of the config or its model_type, if any.
  std::optional<double> rope_theta{};          ///< The base, finite, > 0 and not 1.
  std::optional<double> sliding_rope_theta{};  ///< The base of sliding layers, where they have their own.
  std::optional<detail::Size> head_dim{};      ///< Channels of a head, > 0.
  std::string layers{};  ///< Letters that repeat over the layers: f full, s sliding, l linear, c convolution.
  detail::Switch full_layers_rotate = true;  ///< False: layers of full attention do not rotate (NoPE).
  std::optional<AxisMap> axes{};             ///< The axis of each pair, where a token has several positions.
  std::optional<AxisSections> sections{};    ///< For HunYuan-VL, whose configs need it; for no other model.
  std::string tower{};  ///< Keys that lead to one tower: "vision_config", "thinker_config.text_config".
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_MODEL_HINTS_HPP

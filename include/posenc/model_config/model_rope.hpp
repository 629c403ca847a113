// SPDX-License-Identifier: MIT
/// @file
/// ModelRope: all that a model does with positions in its attention layers, as plain data.
#ifndef POSENC_MODEL_CONFIG_MODEL_ROPE_HPP
#define POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

#include "posenc/detail/check.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/make_axis_table.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// One rotation: which angles, which channels, and which of several positions drives which pair.
struct RopeSet {
  std::string layer_type;         ///< "full_attention", "sliding_attention"; empty where all layers turn alike.
  Frequencies frequencies;        ///< With magnitude() for the table and softmax_multiplier() for the scores.
  RopeLayout layout;              ///< The window of channels, and how they pair up.
  std::optional<AxisMap> axes{};  ///< Where a token stands at several positions: M-RoPE, images.
};

/// The table of a rotation, for tokens that stand where it needs them to: at one position each, or on set.axes.
///
/// @param positions  tokens x set.axes->num_axes() where the set has axes; else one number for each token.
/// @throws  as make_table() of Frequencies, and of an AxisMap where the set has axes.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const RopeSet& set, const Eigen::DenseBase<Derived>& positions,
                                  TableOptions options = {}) {
  return set.axes ? make_table<Scalar>(set.frequencies, *set.axes, positions, options)
                  : make_table<Scalar>(set.frequencies, positions, options);
}

/// @overload
/// A run of text. Where the set has axes, all of them stand at the same position.
template <typename Scalar>
FrequencyTable<Scalar> make_table(const RopeSet& set, PositionRange positions, TableOptions options = {}) {
  return make_table<Scalar>(set.frequencies, positions, options);
}

/// A factor on the queries of a layer that grows with the position: 1 + scale ln(1 + floor((p + shift) / length)).
struct QueryTemperature {
  double scale = 0;   ///< 0: no temperature, the factor is 1.
  double length = 1;  ///< Positions of one step, > 0.
  double shift = 0;   ///< Added to the position: 1 in Llama 4, 0 in Ministral.
};

/// The factor at a position.
///
/// @throws std::out_of_range      position < 0, NaN or infinite.
/// @throws std::invalid_argument  temperature.length <= 0.
/// Matches:  attn_temperature_tuning of Llama 4 (0.1, 8192, 1), llama_4_scaling_beta of Ministral 3 (beta, L, 0).
inline double query_temperature(const QueryTemperature& temperature, double position) {
  const char* const function = "query_temperature";
  detail::require(temperature.length > 0, function, "temperature.length", temperature.length, "> 0");
  detail::require_in_range(detail::is_finite(position) && position >= 0, function, "position", position,
                           "finite and >= 0");
  return 1 + temperature.scale * std::log1p(std::floor((position + temperature.shift) / temperature.length));
}

/// What one attention layer does with its queries and keys.
struct LayerRope {
  std::vector<int> rope_sets{};    ///< Indices into ModelRope::rope_sets, applied in turn. Empty: NoPE, nothing turns.
  QueryTemperature temperature{};  ///< Factor on the queries alone.
};

/// How a model uses positions.
///
///     const ModelRope model = read_hugging_face_config(json, serving_length);
///     for (const RopeSet& set : model.rope_sets) tables.push_back(make_table<float>(set, positions));
///     for (const int set : model.layers[l].rope_sets) apply_rope(q, tables[set], model.rope_sets[set].layout);
struct ModelRope {
  std::vector<RopeSet> rope_sets{};
  std::vector<LayerRope> layers{};
  /// Every key about rotation that was there and had no effect, with its path: "rope_scaling.finetuned".
  std::vector<std::string> ignored_keys{};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

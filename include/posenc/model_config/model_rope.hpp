// SPDX-License-Identifier: MIT
/// @file
/// ModelRope: all that a model does with positions in its attention layers, as plain data.
#ifndef POSENC_MODEL_CONFIG_MODEL_ROPE_HPP
#define POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/make_axis_table.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/model_config/query_temperature.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/mrope_positions.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The positions that a token has, in the order of the columns of a matrix of tokens x axes.
enum class TokenPositions {
  sequence,             ///< One: PositionRange(first, count), or a list.
  time_height_width,    ///< Three: mrope_positions().ids; text has the same on all three.
  height_width,         ///< Two: the last two columns of mrope_positions().ids; text has the same on both.
  time_row_column,      ///< Three: grid_positions({frames, rows, columns}).
  row_column,           ///< Two: grid_positions({rows, columns}, set.grid_first).
  column_row,           ///< Two: grid_positions({rows, columns}, set.grid_first, set.grid_order).
  centered_row_column,  ///< Two in [-1, 1]: patch_centers({rows, columns}).
  by_axis,              ///< One for each axis of RopeSet::axes, which the caller or the model's processor names.
  position_block        ///< Two: the place in the text, and the place in the block that is being written (ChatGLM-6B).
};

/// The vectors that a rotation is applied to.
enum class RotatedStates {
  queries_keys,         ///< Queries and keys.
  queries_keys_values,  ///< Values as well: CLVP.
  attention_inputs      ///< The hidden states from which queries and keys are projected, head by head; values are
                        ///< projected from the states as they were: conformers with "rotary" positions.
};

/// What has an angle of its own.
enum class RopeAngles {
  of_pairs,    ///< Each pair, which rotates by it: apply_rope().
  of_channels  ///< Each channel. The two of a pair have different angles, so that nothing rotates and lengths change:
               ///< apply_channel_angles(). V-JEPA 2, and HunYuan-VL as transformers has it.
};

/// One rotation of a model: its angles, the channels of a head that it rotates, and, where a token has several
/// positions, which of them drives which pair.
///
/// Where `angles` is of_channels, frequencies and axes have an entry for each channel of layout.rotary_dim() in place of
/// one for each pair (Frequencies::of_channels()), and apply_rope() refuses their table.
///
/// The frequencies carry two factors: magnitude(), which make_table() puts into the table, and softmax_multiplier(),
/// by which the caller multiplies the softmax scale 1/sqrt(head_dim).
struct RopeSet {
  std::string layer_type;         ///< "full_attention" or "sliding_attention"; empty where one rule holds for all.
  Frequencies frequencies;        ///< One frequency for each pair that rotates, or for each channel: see `angles`.
  RopeLayout layout;              ///< The channels of a head that rotate, and which two make a pair.
  std::optional<AxisMap> axes{};  ///< The axis that drives each pair, where a token has several: M-RoPE, images.
  TokenPositions positions = TokenPositions::sequence;  ///< Which positions make_table() wants.
  RotatedStates rotates = RotatedStates::queries_keys;  ///< What is rotated: for nearly all models queries and keys.
  GridOrder grid_order = GridOrder::row_column;         ///< What grid_positions() takes, where a token is in a picture.
  int grid_first = 0;                                   ///< The position of the first row and column of a picture.
  RopeAngles angles = RopeAngles::of_pairs;             ///< Which function takes the table.
  /// What VideoTime::positions_per_second() takes; nothing where the config does not say, or frames count alone.
  std::optional<int> positions_per_second{};
};

namespace detail {

/// What make_table() and fill_table() of a RopeSet take as a position for each token.
template <typename Positions>
inline constexpr bool are_set_positions =
    is_list<Positions> || std::is_same_v<Positions, MropePositions> || std::is_same_v<Positions, PositionRange>;

/// The positions that a set wants, as a message names them, where they are not those of text; else nullptr.
inline const char* name_of_places(const RopeSet& set) {
  switch (set.positions) {
    case TokenPositions::sequence:
    case TokenPositions::time_height_width:
    case TokenPositions::by_axis: break;
    case TokenPositions::height_width: return nullptr;
    case TokenPositions::time_row_column: return "a matrix of tokens x 3 (set.positions is time_row_column)";
    case TokenPositions::row_column: return "a matrix of tokens x 2 (set.positions is row_column)";
    case TokenPositions::column_row: return "a matrix of tokens x 2 (set.positions is column_row)";
    case TokenPositions::centered_row_column: return "a matrix of tokens x 2 (set.positions is centered_row_column)";
    case TokenPositions::position_block: return "a matrix of tokens x 2 (set.positions is position_block)";
  }
  return set.axes && set.axes->num_axes() == 2 ? "a matrix of tokens x 2 (set.axes has two axes)" : nullptr;
}

/// Refuses consecutive positions for a set of tokens that have a row and a column. They are for text, of which each
/// token has one position, in M-RoPE on all three axes.
inline void require_text(const char* function, const RopeSet& set, const char* given) {
  const char* const places = name_of_places(set);
  require(places == nullptr, function, "positions", given, places == nullptr ? "" : places);
}

/// The axes of a set, for the three positions of a multimodal prompt. Refuses a set whose tokens have others.
inline const AxisMap& axes_of_prompt(const char* function, const RopeSet& set) {
  const bool two = set.positions == TokenPositions::height_width;
  const char* const places = two ? "ids.rightCols(2) of it (set.positions is height_width)" : name_of_places(set);
  require(places == nullptr, function, "positions", "what mrope_positions() returns", places == nullptr ? "" : places);
  require(set.axes.has_value(), function, "set.axes", "nothing", "given for positions on three axes");
  return *set.axes;
}

}  // namespace detail

/// Makes the cos/sin table of a rotation: row i holds A cos(p inv_freq[j]) and A sin(p inv_freq[j]) with A the
/// magnitude of set.frequencies and p the position of token i, on the axis of pair j where the set has axes.
///
/// @tparam Scalar    float, double, Eigen::half or Eigen::bfloat16.
/// @param set        One of ModelRope::rope_sets.
/// @param positions  PositionRange(first, count): text, where a token has the same position on all axes. Or a list: a
///                   position for each token; where the set has axes, a matrix of tokens x set.axes->num_axes(), or
///                   what mrope_positions() returns.
/// @param options    How cosines and sines lie in memory, and exact or float32 angles.
/// @throws std::invalid_argument  a position is NaN or infinite; a matrix without a column for each axis; a
///                                PositionRange for a set of rows and columns; what mrope_positions() returns for a set
///                                without axes, or of other positions than its three.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     that of make_table() of the frequencies, which it calls (bench_frequency: make_table, consecutive
///           positions).
/// Accuracy: that of make_table() of the frequencies, bit for bit [model_config][model_rope].
/// Matches:  the cos and sin that the rotary embedding of the model computes.
template <typename Scalar, typename Positions, std::enable_if_t<detail::are_set_positions<Positions>, int> = 0>
FrequencyTable<Scalar> make_table(const RopeSet& set, const Positions& positions, TableOptions options = {}) {
  if constexpr (std::is_same_v<Positions, MropePositions>) {
    return make_table<Scalar>(set.frequencies, detail::axes_of_prompt("make_table", set), positions, options);
  } else if constexpr (detail::is_list<Positions>) {
    if (set.axes) return make_table<Scalar>(set.frequencies, *set.axes, detail::as_list(positions), options);
    return make_table<Scalar>(set.frequencies, detail::as_list(positions), options);
  } else {
    detail::require_text("make_table", set, "a PositionRange");
    return make_table<Scalar>(set.frequencies, positions, options);
  }
}

/// @overload
/// Says what is missing.
template <typename Scalar>
FrequencyTable<float> make_table(const RopeSet&) {
  static_assert(
      detail::kMisuse<Scalar>,
      "posenc: positions are missing: write make_table<float>(set, PositionRange(first, count)), or a list of "
      "what set.positions says");
  return {0, 1};
}

/// Writes a table of the rotation anew for other positions, without an allocation: for a decode loop, which needs one
/// row for each new token.
///
/// @param[in,out] table  rows x set.frequencies.num_pairs(). It keeps its storage and AngleMode.
/// @param set            One of ModelRope::rope_sets.
/// @param positions      starting_at(first): as many positions as the table has rows. Or what make_table() takes, with
///                       exactly that many.
/// @throws std::invalid_argument  another number of positions or pairs than the table has; what make_table() refuses.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// Cost:     that of fill_table() of the frequencies, which it calls (bench_frequency: fill_table, consecutive
///           positions).
/// Accuracy: that of fill_table() of the frequencies, bit for bit [model_config][model_rope].
template <typename Scalar, typename Positions,
          std::enable_if_t<detail::are_set_positions<Positions> || std::is_same_v<Positions, StartingAt>, int> = 0>
void fill_table(FrequencyTable<Scalar>& table, const RopeSet& set, const Positions& positions) {
  if constexpr (std::is_same_v<Positions, MropePositions>) {
    fill_table(table, set.frequencies, detail::axes_of_prompt("fill_table", set), positions);
  } else if constexpr (detail::is_list<Positions>) {
    if (set.axes) return fill_table(table, set.frequencies, *set.axes, detail::as_list(positions));
    fill_table(table, set.frequencies, detail::as_list(positions));
  } else {
    detail::require_text("fill_table", set,
                         std::is_same_v<Positions, StartingAt> ? "starting_at()" : "a PositionRange");
    fill_table(table, set.frequencies, positions);
  }
}

/// What one attention layer does with its queries and keys.
struct LayerRope {
  /// The rotations to apply one after the other, as indices into ModelRope::rope_sets. Empty: nothing rotates (NoPE).
  std::vector<int> rope_sets{};
  /// The factor on the queries, where the layer has one: multiply each query by query_temperature(value, position).
  std::optional<QueryTemperature> query_temperature{};
};

/// How a model uses positions: its rotations, and a plan that says which layer applies which.
///
///     const ModelRope model = read_hugging_face_config(json, serving_length);
///     for (const RopeSet& set : model.rope_sets) tables.push_back(make_table<float>(set, PositionRange(0, prompt)));
///     for (int s : model.layers[l].rope_sets) apply_rope(q, tables[s], model.rope_sets[s].layout);
struct ModelRope {
  std::vector<RopeSet> rope_sets{};  ///< The different rotations of the model.
  std::vector<LayerRope> layers{};   ///< One entry for each layer.
  /// The paths of all keys about rotation that were in the config and had no effect: "rope_scaling.finetuned".
  std::vector<std::string> ignored_keys{};
  /// What neither the config nor a known model_type says, and was taken from ModelHints or assumed, by name: "pairs",
  /// "layer_types", "rope_theta", "head_dim", "full_layers_rotate", "mrope_section". Empty where nothing was.
  std::vector<std::string> assumed{};
  /// What else the code of a known model does about positions, that no config says: tokens that do not rotate, angles
  /// that are weights, an indexer with a rotation of its own. Empty for most models.
  std::vector<std::string> notes{};
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_MODEL_ROPE_HPP

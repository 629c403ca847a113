// SPDX-License-Identifier: MIT
/// @file
/// KnownModel: one model_type of Hugging Face, as a row of the tables in table/.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODEL_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODEL_HPP

#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/layer_pattern.hpp"
#include "posenc/model_config/detail/table_row.hpp"
#include "posenc/model_config/model_rope.hpp"
#include "posenc/rope/rope_layout.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The rope dictionary of a config class, where that is not "default".
struct DefaultScaling {
  const char* rope_type = nullptr;
  double factor = 0;
  double trained_length = 0;
  double low_freq_factor = 0;  ///< llama3.
  double high_freq_factor = 0;
  bool truncate = true;  ///< yarn.
  double mscale = 0;     ///< Both keys of the DeepSeek pair; 0: absent.
  double beta = 0;       ///< llama_4_scaling_beta; 0: absent.
};

/// What a rope dictionary without an entry for each kind of layer says.
enum class FlatDictionary {
  every_layer,  ///< The same for all layers that rotate.
  full_layers,  ///< rope_scaling scales full layers only, and a flat rope_parameters has no effect: Gemma 3.
  both,         ///< rope_scaling scales both sets, and a flat rope_parameters has no effect: ModernBERT.
  refused       ///< The class takes entries only.
};

/// The key that switches the rotation on or off, and what its absence means.
enum class RopeSwitch {
  none,
  embedding_type,     ///< position_embedding_type, on for "rope" and "rotary"; absent: off.
  embedding_type_on,  ///< The same, absent: on.
  alibi,              ///< alibi, on for false; absent: on.
  memory,             ///< use_mem_rope; absent: off.
  rotary_embedding,   ///< use_rotary_embedding; absent: on.
  conformer           ///< position_embeddings_type, on for "rotary"; absent: off.
};

/// The factor on queries that the code of a model adds.
enum class TemperatureRule {
  none,
  nope_layers,  ///< 1 + attn_scale ln(1 + floor((p + 1) / floor_scale)) on layers that do not rotate: Llama 4.
  nope_power    ///< (1 + (p + 1) / 2048)^0.1 on layers that do not rotate: Beam.
};

/// A row. A number that is 0 means that the config must say; else it is the default of the config class.
///
/// Rows are written as one expression that names what it sets:
///
///     half_split("smollm3").theta(2e6).widths(2048, 16, 36).nope_every(4)
struct KnownModel {
  const char* model_type = "";
  RopePairs pairs = RopePairs::half_split;
  double base = 0;          ///< rope_theta, of full attention where sliding layers have their own.
  double sliding_base = 0;  ///< rope_theta of sliding layers; 0: they rotate as the others do.
  double share = 1;         ///< partial_rotary_factor.
  double sliding_share = 1;
  bool reads_share = false;             ///< Whether partial_rotary_factor counts without a scaling rule.
  bool reads_rotary_dim = false;        ///< Whether rotary_dim counts; without share it must be given.
  Eigen::Index rotary_dim_default = 0;  ///< rotary_dim, where the config does not say.
  bool share_is_proportional = false;   ///< Full layers have rope_type "proportional" where there is no dictionary.
  Eigen::Index hidden_size = 0;
  Eigen::Index num_heads = 0;
  Eigen::Index num_layers = 0;
  Eigen::Index head_dim = 0;            ///< Where it is not hidden_size / num_heads.
  Eigen::Index full_head_dim = 0;       ///< Of full layers, where it differs.
  Eigen::Index nope_width = 0;          ///< qk_nope_head_dim.
  Eigen::Index sliding_nope_width = 0;  ///< The same of sliding layers, where it differs.
  Eigen::Index rope_width = 0;          ///< qk_rope_head_dim.
  bool joins_heads = false;         ///< All heads count as one, which has the rotation of one head: its first channels.
  Eigen::Index projection_dim = 0;  ///< Half of a head's share of it rotates, at least 32 channels: CLVP.
  bool rotates_last = false;        ///< The last channels of a head rotate, without a qk_nope_head_dim: DeepSeek-V4.
  LayerPattern layers{};
  bool has_cross_layers = false;  ///< Whether cross_attention_layers do not rotate.
  bool slides_by_switch = false;  ///< Whether use_sliding_window false means that no layer slides.
  AxisRule axes = AxisRule::one;
  int sections[4] = {0, 0, 0, 0};  ///< mrope_section; all 0: there are several positions only where it is given.
  double fourth_base = 0;          ///< Of the fourth axis of AxisRule::space_and_unit.
  bool names_sections = false;     ///< What sections count differs between programs, and the caller says: HunYuan-VL.
  FlatDictionary flat = FlatDictionary::every_layer;
  const char* full_label = kFull;        ///< The entry of the rope dictionary for full layers.
  const char* sliding_label = kSliding;  ///< The same for sliding layers.
  const char* full_base_key = nullptr;   ///< The key of `base`, where it is not rope_theta.
  const char* sliding_base_key = nullptr;
  const char* layers_key = nullptr;  ///< The key of num_layers, where others count the layers of another tower.
  const char* heads_key = nullptr;   ///< The same of num_heads.
  DefaultScaling scaling{};
  RopeSwitch rope_switch = RopeSwitch::none;
  TemperatureRule temperature = TemperatureRule::none;
  bool scales_softmax = false;     ///< Attention applies mscale_all_dim (DeepSeek); elsewhere the table does.
  bool yarn_is_longrope = false;   ///< "yarn" and "su" mean longrope: Phi-3.
  bool magnitude_is_one = false;   ///< yarn of a flat dictionary leaves cos and sin as they are: DeepSeek-V4.
  bool ignores_rope_type = false;  ///< No scaling rule has an effect: Llama 4's pictures.
  bool time_takes_rest = false;    ///< Pairs that no section covers rotate by time: Qwen4.
  bool backwards = false;          ///< Pairs rotate by the negative angle: nanochat.
  bool rotates_by_head = false;    ///< Each head rotates by its own number, which cancels in the scores: X-Codec 2.
  RotatedStates rotated = RotatedStates::queries_keys;
  Eigen::Index attentions_per_layer = 1;
  const char* rate_key = nullptr;  ///< How many positions a second of video has, in the config that holds this one.
  Eigen::Index positions_per_second = 0;  ///< Where that config does not say.
  int grid_first = 0;                     ///< The position of the first row and column.
  const char* note = nullptr;             ///< What else the code does, that no config says.
  const char* refusal = nullptr;          ///< Why this model is known and cannot be read.

  constexpr KnownModel theta(double value) const { return with_field(*this, &KnownModel::base, value); }
  constexpr KnownModel sliding_theta(double value) const { return with_field(*this, &KnownModel::sliding_base, value); }
  constexpr KnownModel widths(Eigen::Index hidden, Eigen::Index heads, Eigen::Index layer_count) const {
    KnownModel row = *this;
    row.hidden_size = hidden;
    row.num_heads = heads;
    row.num_layers = layer_count;
    return row;
  }
  constexpr KnownModel head(Eigen::Index width) const { return with_field(*this, &KnownModel::head_dim, width); }
  constexpr KnownModel full_head(Eigen::Index width) const {
    return with_field(*this, &KnownModel::full_head_dim, width);
  }
  constexpr KnownModel partial(double value, double sliding = 0) const {
    KnownModel row = *this;
    row.share = value;
    row.sliding_share = sliding == 0 ? value : sliding;
    row.reads_share = true;
    return row;
  }
  constexpr KnownModel rotary_dim(Eigen::Index width = 0) const {
    KnownModel row = *this;
    row.rotary_dim_default = width;
    row.reads_rotary_dim = true;
    row.reads_share = true;
    row.share = 0.0;
    return row;
  }
  constexpr KnownModel proportional(double value) const {
    KnownModel row = *this;
    row.share = value;
    row.share_is_proportional = true;
    return row;
  }
  constexpr KnownModel latent(Eigen::Index nope, Eigen::Index rope) const {
    KnownModel row = *this;
    row.nope_width = nope;
    row.rope_width = rope;
    return row;
  }
  constexpr KnownModel sliding_latent(Eigen::Index nope) const {
    return with_field(*this, &KnownModel::sliding_nope_width, nope);
  }
  constexpr KnownModel last(Eigen::Index rope) const {
    KnownModel row = *this;
    row.rope_width = rope;
    row.rotates_last = true;
    return row;
  }
  constexpr KnownModel pattern(const char* letters, const char* first = "") const {
    KnownModel row = *this;
    row.layers.letters = letters;
    row.layers.first = first;
    return row;
  }
  constexpr KnownModel last_is_full() const {
    KnownModel row = *this;
    row.layers.last_is_full = true;
    return row;
  }
  constexpr KnownModel last_is_always_full() const {
    KnownModel row = last_is_full();
    row.layers.forces_last = true;
    return row;
  }
  constexpr KnownModel from_end() const {
    KnownModel row = *this;
    row.layers.counts_from_end = true;
    return row;
  }
  constexpr KnownModel cross_layers() const { return with_field(*this, &KnownModel::has_cross_layers, true); }
  constexpr KnownModel sliding_switch() const { return with_field(*this, &KnownModel::slides_by_switch, true); }
  constexpr KnownModel nope(Nope rule) const {
    KnownModel row = *this;
    row.layers.nope = rule;
    return row;
  }
  constexpr KnownModel nope_every(Eigen::Index period) const {
    KnownModel row = nope(Nope::every_period);
    row.layers.nope_period = period;
    return row;
  }
  constexpr KnownModel mrope(AxisRule rule, int a, int b, int c, int d = 0) const {
    KnownModel row = *this;
    row.axes = rule;
    row.sections[0] = a;
    row.sections[1] = b;
    row.sections[2] = c;
    row.sections[3] = d;
    return row;
  }
  constexpr KnownModel sections_by_caller() const { return with_field(*this, &KnownModel::names_sections, true); }
  constexpr KnownModel space(int each, int unit, double unit_base) const {
    KnownModel row = mrope(AxisRule::space_and_unit, each, each, each, unit);
    row.fourth_base = unit_base;
    return row;
  }
  constexpr KnownModel grid(AxisRule rule) const { return with_field(*this, &KnownModel::axes, rule); }
  constexpr KnownModel flat_means(FlatDictionary value) const { return with_field(*this, &KnownModel::flat, value); }
  constexpr KnownModel labels(const char* full, const char* sliding) const {
    KnownModel row = *this;
    row.full_label = full;
    row.sliding_label = sliding;
    return row;
  }
  constexpr KnownModel theta_keys(const char* full, const char* sliding) const {
    KnownModel row = *this;
    row.full_base_key = full;
    row.sliding_base_key = sliding;
    return row;
  }
  constexpr KnownModel count_keys(const char* layer_key, const char* head_key) const {
    KnownModel row = *this;
    row.layers_key = layer_key;
    row.heads_key = head_key;
    return row;
  }
  constexpr KnownModel scaled(const DefaultScaling& rule) const {
    return with_field(*this, &KnownModel::scaling, rule);
  }
  constexpr KnownModel switched_by(RopeSwitch key) const { return with_field(*this, &KnownModel::rope_switch, key); }
  constexpr KnownModel tempered(TemperatureRule rule) const {
    return with_field(*this, &KnownModel::temperature, rule);
  }
  constexpr KnownModel softmax() const { return with_field(*this, &KnownModel::scales_softmax, true); }
  constexpr KnownModel yarn_as_longrope() const { return with_field(*this, &KnownModel::yarn_is_longrope, true); }
  constexpr KnownModel magnitude_one() const { return with_field(*this, &KnownModel::magnitude_is_one, true); }
  constexpr KnownModel any_rope_type() const { return with_field(*this, &KnownModel::ignores_rope_type, true); }
  constexpr KnownModel rest_is_time() const { return with_field(*this, &KnownModel::time_takes_rest, true); }
  constexpr KnownModel all_heads_as_one() const { return with_field(*this, &KnownModel::joins_heads, true); }
  constexpr KnownModel projected(Eigen::Index width) const {
    return with_field(*this, &KnownModel::projection_dim, width);
  }
  constexpr KnownModel by_head() const { return with_field(*this, &KnownModel::rotates_by_head, true); }
  constexpr KnownModel rotating(RotatedStates states) const { return with_field(*this, &KnownModel::rotated, states); }
  constexpr KnownModel reversed() const { return with_field(*this, &KnownModel::backwards, true); }
  constexpr KnownModel attentions(Eigen::Index n) const {
    return with_field(*this, &KnownModel::attentions_per_layer, n);
  }
  constexpr KnownModel per_second(const char* key, Eigen::Index positions) const {
    KnownModel row = *this;
    row.rate_key = key;
    row.positions_per_second = positions;
    return row;
  }
  constexpr KnownModel from_one() const { return with_field(*this, &KnownModel::grid_first, 1); }
  constexpr KnownModel noting(const char* what) const { return with_field(*this, &KnownModel::note, what); }
  constexpr KnownModel refused(const char* why) const { return with_field(*this, &KnownModel::refusal, why); }

  /// Whether full and sliding layers have rotations of their own.
  constexpr bool has_two_sets() const { return sliding_base != 0; }
};

// The scaling rules of config classes: type, factor, trained length, low and high factor, truncate, mscale, beta.
inline constexpr DefaultScaling kApertusBands = {"llama3", 8, 8192, 1, 4};
inline constexpr DefaultScaling kCwmBands = {"llama3", 16, 8192, 1, 4};
inline constexpr DefaultScaling kHiggsBands = {"llama3", 32, 1024, 0.125, 0.5};
inline constexpr DefaultScaling kGptOssYarn = {"yarn", 32, 4096, 0, 0, false};
inline constexpr DefaultScaling kMinistralYarn = {"yarn", 16, 16384, 0, 0, true, 1, 0.1};
inline constexpr DefaultScaling kMistral4Yarn = {"yarn", 128, 8192, 0, 0, true, 1, 0.1};

constexpr KnownModel half_split(const char* model_type) {
  KnownModel row{};
  row.model_type = model_type;
  return row;
}
constexpr KnownModel interleaved(const char* model_type) {
  KnownModel row = half_split(model_type);
  row.pairs = RopePairs::interleaved;
  return row;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_MODEL_HPP

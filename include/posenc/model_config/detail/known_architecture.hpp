// SPDX-License-Identifier: MIT
/// @file
/// KnownArchitecture: one architecture of llama.cpp, as a row of table/architectures.hpp.
#ifndef POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURE_HPP

#include "posenc/model_config/detail/axis_rule.hpp"
#include "posenc/model_config/detail/layer_pattern.hpp"
#include "posenc/model_config/detail/table_row.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One architecture of llama.cpp: what its code knows and the file does not say. Rows are written as one expression
/// that names what it sets: norm("llama4").nope_every(4).
struct KnownArchitecture {
  const char* name = "";
  RopePairs pairs = RopePairs::half_split;
  LayerPattern layers{};
  bool needs_window = false;       ///< The pattern of layers holds only where the file has attention.sliding_window.
  Eigen::Index alibi_layers = 0;   ///< A model of so many layers has ALiBi in place of a rotation.
  double sliding_base = 0;         ///< freq_base of sliding layers, which are not scaled; 0: they rotate as the others.
  bool slides_unscaled = false;    ///< Sliding layers have the same base, and are not scaled.
  bool full_rotates_half = false;  ///< Full layers rotate half of rope.dimension_count, sliding ones all of it.
  AxisRule axes = AxisRule::one;
  bool axes_may_be_absent = false;  ///< Several positions only where the file has sections, and then half-split.
  bool window_is_last = false;      ///< The last channels of a head rotate, and attention applies the YaRN multiplier.
  bool truncate = true;  ///< Whether the model was trained with a rounded YaRN ramp; llama.cpp always rounds.
  bool finetuned_is_switch = false;  ///< rope.scaling.finetuned false means that nothing rotates.
  bool tempers_nope = false;         ///< Layers that do not rotate have Llama 4's factor on queries.

  constexpr KnownArchitecture pattern(const char* letters) const {
    KnownArchitecture row = *this;
    row.layers.letters = letters;
    return row;
  }
  constexpr KnownArchitecture pattern_of_window(const char* letters) const {
    KnownArchitecture row = pattern(letters);
    row.needs_window = true;
    return row;
  }
  constexpr KnownArchitecture nope(Nope rule) const {
    KnownArchitecture row = *this;
    row.layers.nope = rule;
    return row;
  }
  constexpr KnownArchitecture nope_every(Eigen::Index period) const {
    KnownArchitecture row = nope(Nope::every_period);
    row.layers.nope_period = period;
    return row;
  }
  constexpr KnownArchitecture sliding_theta(double value) const {
    KnownArchitecture row = *this;
    row.sliding_base = value;
    return row;
  }
  constexpr KnownArchitecture alibi_of(Eigen::Index layer_count) const {
    KnownArchitecture row = *this;
    row.alibi_layers = layer_count;
    return row;
  }
  constexpr KnownArchitecture mrope(AxisRule rule, bool may_be_absent = false) const {
    KnownArchitecture row = *this;
    row.axes = rule;
    row.axes_may_be_absent = may_be_absent;
    return row;
  }
  constexpr KnownArchitecture unscaled_sliding() const {
    return with_field(*this, &KnownArchitecture::slides_unscaled, true);
  }
  constexpr KnownArchitecture half_of_full() const {
    return with_field(unscaled_sliding(), &KnownArchitecture::full_rotates_half, true);
  }
  constexpr KnownArchitecture last() const { return with_field(*this, &KnownArchitecture::window_is_last, true); }
  constexpr KnownArchitecture exact_ramp() const { return with_field(*this, &KnownArchitecture::truncate, false); }
  constexpr KnownArchitecture switched() const {
    return with_field(*this, &KnownArchitecture::finetuned_is_switch, true);
  }
  constexpr KnownArchitecture tempered() const { return with_field(*this, &KnownArchitecture::tempers_nope, true); }
};

/// Half-split: llama.cpp's NEOX, MROPE and IMROPE.
constexpr KnownArchitecture neox(const char* name) {
  KnownArchitecture row{};
  row.name = name;
  return row;
}
/// Interleaved: llama.cpp's NORM.
constexpr KnownArchitecture norm(const char* name) {
  KnownArchitecture row = neox(name);
  row.pairs = RopePairs::interleaved;
  return row;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_KNOWN_ARCHITECTURE_HPP

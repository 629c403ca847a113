// SPDX-License-Identifier: MIT
/// @file
/// check_recipe(): refuses numbers of a config that no rule takes; messages name them as the config does.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CHECK_RECIPE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CHECK_RECIPE_HPP

#include "posenc/model_config/detail/recipe.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The checks of one rotation. Later checks assume that the ones before passed.
class RecipeCheck {
 public:
  RecipeCheck(const char* function, const RotationRecipe& rotation)
      : function_(function), rotation_(rotation), scaling_(rotation.scaling) {}

  void run() const {
    const double base = rotation_.base.value;
    if (has_grid(rotation_.axes)) {
      const Eigen::Index head_dim = rotation_.window.head_dim;
      const bool three = has_frames(rotation_.axes);
      const bool space = rotation_.axes == AxisRule::space_and_unit;
      const bool good = three ? head_dim >= 6 : head_dim % (space ? 2 : 4) == 0;
      require(good, "head_dim", head_dim,
              three   ? "at least 6 for three axes"
              : space ? "even"
                      : "a multiple of 4 for two axes");
      if (space) check_space();
    }
    if (has_channel_angles(rotation_.axes) || rotation_.sections_are_of_channels) {
      require(rotation_.window.head_dim <= kMaxPairs, "head_dim", rotation_.window.head_dim, "at most ", kMaxPairs,
              " where channels have angles of their own");
    }
    if (rotation_.axes == AxisRule::height_width) {
      require(rotation_.window.rotary_dim % 4 == 0, "the number of channels that rotate", rotation_.window.rotary_dim,
              "a multiple of 4 for two axes");
    }
    require(is_finite(base) && base > 0 && base != 1, rotation_.base.name, base, "finite, > 0 and not 1");
    require(is_finite(1 / base), rotation_.base.name, base, "such that its inverse is finite");
    switch (scaling_.rule) {
      case ScalingRule::none: break;
      case ScalingRule::linear: at_least_one(scaling_.factor); break;
      case ScalingRule::dynamic: check_dynamic(); break;
      case ScalingRule::ntk: check_ntk(); break;
      case ScalingRule::yarn: check_yarn(); break;
      case ScalingRule::longrope: check_longrope(); break;
      case ScalingRule::llama3: check_llama3(); break;
      case ScalingRule::proportional: at_least_one(scaling_.factor); break;
    }
    check_divisors();
    check_sections();
  }

 private:
  template <typename Value, typename... Rule>
  void require(bool good, const std::string& name, const Value& value, const Rule&... rule) const {
    if (!good) refuse<std::invalid_argument>(function_, name, value, rule...);
  }
  std::string key(const char* name) const { return scaling_.path + name; }
  void at_least_one(const NamedNumber& number) const {
    require(is_finite(number.value) && number.value >= 1, number.name, number.value, "finite and >= 1");
  }
  void positive(const NamedNumber& number) const {
    require(is_finite(number.value) && number.value > 0, number.name, number.value, "finite and > 0");
  }
  void positive(const char* name, const std::optional<double>& value) const {
    if (value) positive(NamedNumber{*value, key(name)});
  }
  void not_negative(const char* name, const std::optional<double>& value) const {
    if (value) require(is_finite(*value) && *value >= 0, key(name), *value, "finite and >= 0");
  }
  void whole_tokens(const NamedNumber& length) const {
    require(std::floor(length.value) == length.value && length.value <= 0x1p53, length.name, length.value,
            "a whole number of tokens");
  }
  /// Checks one series of frequencies.
  Eigen::Index num_pairs() const {
    return rotation_.window.rotary_dim / (has_grid(rotation_.axes) && has_one_series(rotation_.axes) ? 4 : 2);
  }

  void check_space() const {
    const NamedNumber& base = rotation_.fourth_base;
    require(is_finite(base.value) && base.value > 0 && base.value != 1, base.name, base.value, "finite, > 0 and not 1");
    require(is_finite(1 / base.value), base.name, base.value, "such that its inverse is finite");
    Eigen::Index sum = 0;
    for (const int section : rotation_.sections) sum += section;
    require(sum <= num_pairs(), rotation_.sections_key, sum, "at most half of head_dim ", rotation_.window.head_dim);
  }
  void check_ntk() const {
    require(num_pairs() > 1, "the number of channels that rotate", 2 * num_pairs(), "> 2");
    at_least_one(scaling_.factor);
    const double d = static_cast<double>(2 * num_pairs());
    const double base = rotation_.base.value * std::pow(scaling_.factor.value, d / (d - 2));
    require(is_finite(base) && base != 1, scaling_.factor.name, scaling_.factor.value, "such that the scaled ",
            rotation_.base.name, " is finite and not 1");
  }
  void check_dynamic() const {
    check_ntk();
    positive(scaling_.trained);
    whole_tokens(scaling_.trained);
    const double needed = scaling_.factor.value * static_cast<double>(scaling_.serving_length) / scaling_.trained.value;
    const double d = static_cast<double>(2 * num_pairs());
    const double base = rotation_.base.value * std::pow(needed < 1 ? 1.0 : needed, d / (d - 2));
    require(is_finite(base) && base != 1, scaling_.trained.name, scaling_.trained.value, "such that the scaled ",
            rotation_.base.name, " is finite and not 1");
  }
  void check_yarn() const {
    const YarnOptions& yarn = scaling_.yarn;
    require(rotation_.base.value > 1, rotation_.base.name, rotation_.base.value, "> 1 for yarn");
    at_least_one({yarn.factor, scaling_.factor.name});
    positive(scaling_.trained);
    whole_tokens(scaling_.trained);
    positive(NamedNumber{yarn.beta_slow, key("beta_slow")});
    require(is_finite(yarn.beta_fast) && yarn.beta_fast > yarn.beta_slow, key("beta_fast"), yarn.beta_fast,
            "finite and > ", key("beta_slow"), " ", yarn.beta_slow);
    positive("attention_factor", yarn.attention_factor);
    not_negative("mscale", yarn.mscale);
    not_negative("mscale_all_dim", yarn.mscale_all_dim);
    require(yarn.extrapolation_factor >= 0 && yarn.extrapolation_factor <= 1, key("extrapolation_factor"),
            yarn.extrapolation_factor, "in [0, 1]");
    positive(NamedNumber{yarn.attn_factor, key("attn_factor")});
  }
  void check_list(const char* name, const std::vector<double>& list) const {
    const auto size = static_cast<Eigen::Index>(list.size());
    require(size == num_pairs(), key(name) + ".size()", size, "the number of pairs ", num_pairs());
    for (Eigen::Index i = 0; i < size; ++i) {
      const double value = list[static_cast<std::size_t>(i)];
      require(is_finite(value) && value > 0, element(key(name).c_str(), i), value, "finite and > 0");
    }
  }
  void check_longrope() const {
    const LongRopeOptions& longrope = scaling_.longrope;
    check_list("short_factor", longrope.short_factor);
    check_list("long_factor", longrope.long_factor);
    const double trained = scaling_.trained.value;
    require(is_finite(trained) && trained > 1, scaling_.trained.name, trained, "finite and > 1");
    whole_tokens(scaling_.trained);
    positive(scaling_.factor);
    positive("attention_factor", longrope.attention_factor);
    positive("short_mscale", longrope.short_mscale);
    positive("long_mscale", longrope.long_mscale);
  }
  void check_llama3() const {
    at_least_one(scaling_.factor);
    positive(scaling_.trained);
    whole_tokens(scaling_.trained);
    positive(scaling_.low_freq_factor);
    const NamedNumber& high = scaling_.high_freq_factor;
    require(is_finite(high.value) && high.value >= scaling_.low_freq_factor.value, high.name, high.value,
            "finite and >= ", scaling_.low_freq_factor.name, " ", scaling_.low_freq_factor.value);
  }
  void check_divisors() const {
    if (!scaling_.divisors) return;
    const Eigen::ArrayXd& divisors = *scaling_.divisors;
    require(divisors.size() == num_pairs(), "freq_factors.size()", divisors.size(), "the number of pairs ",
            num_pairs());
    for (Eigen::Index i = 0; i < divisors.size(); ++i) {
      require(is_finite(divisors[i]) && divisors[i] > 0, element("freq_factors", i), divisors[i], "finite and > 0");
    }
  }
  void check_sections() const {
    if (rotation_.given_axes) {
      const Eigen::Index size = rotation_.given_axes->num_pairs();
      require(size == num_pairs(), "hints.axes.num_pairs()", size, "the number of pairs ", num_pairs());
    }
    if (!has_sections(rotation_.axes)) return;
    refuse_wrong_sections(function_, rotation_.sections_key, rotation_.axes, rotation_.sections, num_pairs());
  }

  const char* function_;
  const RotationRecipe& rotation_;
  const ScalingRecipe& scaling_;
};

inline void check_recipe(const RopeRecipe& recipe) {
  for (const RotationRecipe& rotation : recipe.rotations) RecipeCheck(recipe.function, rotation).run();
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CHECK_RECIPE_HPP

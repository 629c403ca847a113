// SPDX-License-Identifier: MIT
/// @file
/// GgufScaling: the scaling rule that the metadata of a GGUF file describes.
#ifndef POSENC_MODEL_CONFIG_DETAIL_GGUF_SCALING_HPP
#define POSENC_MODEL_CONFIG_DETAIL_GGUF_SCALING_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_architecture.hpp"
#include "posenc/model_config/detail/recipe.hpp"

#include <optional>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

class GgufScaling {
 public:
  GgufScaling(ConfigReader& file, const std::string& prefix, const KnownArchitecture& model)
      : file_(file), prefix_(prefix), model_(model) {}

  ScalingRecipe read(const std::optional<Eigen::ArrayXd>& freq_factors) {
    ScalingRecipe out;
    out.path = key("rope.scaling.yarn_");
    const std::string type = file_.text(key("rope.scaling.type")).value_or("linear");
    const auto factor = [&] {  // read only by the rules that use it; elsewhere the key is ignored
      const auto given = file_.agreed_number({key("rope.scaling.factor"), key("rope.scale_linear")});
      return given && given->value != 0 ? *given : NamedNumber{1, key("rope.scaling.factor")};
    };
    const double attn_factor = file_.number(key("rope.scaling.attn_factor")).value_or(1);
    file_.require(is_finite(attn_factor) && attn_factor > 0, key("rope.scaling.attn_factor"), attn_factor,
                  "finite and > 0");
    out.divisors = freq_factors;
    if (type == "yarn") {
      out.factor = factor();
      read_yarn(out, attn_factor);
      return out;
    }
    if (attn_factor != 1) out.magnitude = attn_factor;
    if (type == "linear") {
      out.rule = ScalingRule::linear;
      out.factor = factor();
    } else if (type == "longrope") {
      if (!freq_factors) {
        refuse<std::invalid_argument>(file_.function(), "freq_factors", "nothing",
                                      "rope_factors_long or rope_factors_short for longrope");
      }
      file_.find(key("rope.scaling.original_context_length"));  // the caller has chosen between the two lists by it
    } else if (type != "none") {
      refuse<std::invalid_argument>(file_.function(), key("rope.scaling.type"), "the text \"" + type + "\"",
                                    "none, linear, yarn or longrope");
    }
    return out;
  }

 private:
  /// The key yarn_log_multiplier holds mscale_all_dim; for DeepSeek it holds 0.1 mscale_all_dim.
  void read_yarn(ScalingRecipe& out, double attn_factor) {
    out.rule = ScalingRule::yarn;
    YarnOptions& yarn = out.yarn;
    yarn.factor = out.factor.value;
    const char* const trained_key = "rope.scaling.original_context_length";
    const auto trained = file_.number(key(trained_key));
    const auto context = file_.number(key("context_length"));
    if (!trained && !context) file_.refuse_missing(key(trained_key), " for yarn");
    out.trained = {trained ? *trained : *context, key(trained ? trained_key : "context_length")};
    yarn.beta_fast = file_.number(key("rope.scaling.yarn_beta_fast")).value_or(yarn.beta_fast);
    yarn.beta_slow = file_.number(key("rope.scaling.yarn_beta_slow")).value_or(yarn.beta_slow);
    yarn.extrapolation_factor = file_.number(key("rope.scaling.yarn_ext_factor")).value_or(1);
    const double kept = yarn.extrapolation_factor;
    file_.require(kept >= 0 && kept <= 1, key("rope.scaling.yarn_ext_factor"), kept, "in [0, 1]");
    yarn.attn_factor = attn_factor;
    yarn.truncate = model_.truncate;
    const double log_multiplier = file_.number(key("rope.scaling.yarn_log_multiplier")).value_or(0);
    file_.require(is_finite(log_multiplier) && log_multiplier >= 0, key("rope.scaling.yarn_log_multiplier"),
                  log_multiplier, "finite and >= 0");
    if (log_multiplier > 0) {
      yarn.mscale_all_dim = model_.window_is_last ? 10 * log_multiplier : log_multiplier;
      yarn.mscale = model_.window_is_last ? yarn.mscale_all_dim : 1;
    }
    if (!model_.window_is_last) {
      out.softmax = 1;
      return;
    }
    // DeepSeek's table has magnitude 1, with any multiplier, and attn_factor scales queries and keys.
    out.magnitude = 1;
    out.softmax_factor = attn_factor * attn_factor;
  }
  std::string key(const char* name) const { return prefix_ + name; }

  ConfigReader& file_;
  const std::string& prefix_;
  const KnownArchitecture& model_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_GGUF_SCALING_HPP

// SPDX-License-Identifier: MIT
/// @file
/// GgufPlan: the kinds of layers of a GGUF file, and which of them rotate.
#ifndef POSENC_MODEL_CONFIG_DETAIL_GGUF_PLAN_HPP
#define POSENC_MODEL_CONFIG_DETAIL_GGUF_PLAN_HPP

#include "posenc/model_config/detail/config_reader.hpp"
#include "posenc/model_config/detail/known_architecture.hpp"
#include "posenc/model_config/detail/layer_pattern.hpp"

#include <optional>
#include <string>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

class GgufPlan {
 public:
  GgufPlan(ConfigReader& file, const std::string& prefix, const KnownArchitecture& model, bool is_unknown)
      : file_(file), prefix_(prefix), model_(model), is_unknown_(is_unknown) {}

  /// The kind of each layer, and whether it rotates.
  std::vector<PlannedLayer> read(Eigen::Index layers) {
    const bool windowed = file_.number(key("attention.sliding_window")).value_or(0) > 0;
    std::vector<std::string> kinds = read_kinds(layers, windowed);
    drop_layers_without_keys(kinds);
    const bool finetuned = file_.flag(key("rope.scaling.finetuned")).value_or(true);
    const bool off = (model_.finetuned_is_switch && !finetuned) || layers == model_.alibi_layers;
    if (is_unknown_) {
      const auto alibi = file_.number(key("attention.max_alibi_bias"));
      file_.require(alibi.value_or(0) == 0, key("attention.max_alibi_bias"), alibi.value_or(0),
                    "0 or absent for an architecture that is not known");
    }
    std::vector<PlannedLayer> plan = plan_layers(kinds, model_.layers, windowed);
    if (off) {
      for (PlannedLayer& layer : plan) layer.rotates = false;
    }
    return plan;
  }

 private:
  std::vector<std::string> read_kinds(Eigen::Index layers, bool windowed) {
    const std::string name = key("attention.sliding_window_pattern");
    const ConfigValue* const pattern = file_.find(name);
    if (pattern == nullptr || !pattern->is(ConfigValue::Kind::list)) {
      LayerPattern own = model_.layers;
      const std::optional<Eigen::Index> period = file_.count(name);
      const bool repeats = std::string(own.letters).size() > 1;
      const auto interval = repeats ? file_.count(key("full_attention_interval")) : std::nullopt;
      if (model_.needs_window && !windowed) own.letters = "f";
      // A period in the file holds even where the architecture is not known to have sliding layers.
      if (period && own.letters == std::string("f") && !model_.needs_window) own.letters = "sf";
      return layers_of(own, layers, period.value_or(interval.value_or(0)));
    }
    const std::vector<ConfigValue>& slides = pattern->items();
    file_.require(slides.size() == static_cast<std::size_t>(layers), name + ".size()", slides.size(), "block_count ",
                  layers);
    std::vector<std::string> kinds;
    for (const ConfigValue& item : slides) {
      const bool flag = item.is(ConfigValue::Kind::boolean);
      file_.require(flag || item.is(ConfigValue::Kind::number), name, item.describe(), "true or false for each layer");
      kinds.push_back((flag ? item.boolean() : item.number() != 0) ? kSliding : kFull);
    }
    return kinds;
  }

  /// Layers of hybrid models without key heads have no attention.
  void drop_layers_without_keys(std::vector<std::string>& kinds) {
    const std::string name = key("attention.head_count_kv");
    const ConfigValue* const list = file_.peek(name);
    if (list == nullptr || !list->is(ConfigValue::Kind::list)) return;
    const std::vector<int> heads = *file_.counts(name);
    file_.require(heads.size() == kinds.size(), name + ".size()", heads.size(), "block_count ", kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (heads[i] == 0) kinds[i] = "linear_attention";
    }
  }
  std::string key(const char* name) const { return prefix_ + name; }

  ConfigReader& file_;
  const std::string& prefix_;
  const KnownArchitecture& model_;
  bool is_unknown_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_GGUF_PLAN_HPP

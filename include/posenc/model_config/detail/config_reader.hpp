// SPDX-License-Identifier: MIT
/// @file
/// ConfigReader: typed values of a dictionary, and which of its keys were read.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

#include "posenc/detail/check.hpp"
#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/model_hints.hpp"
#include "posenc/model_config/query_temperature.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The value of a key of a dictionary; nullptr where it is absent or null.
inline const ConfigValue* find_entry(const ConfigValue& config, const std::string& key) {
  const ConfigValue* const value = config.find(key);
  return value == nullptr || value->is(ConfigValue::Kind::null) ? nullptr : value;
}

/// A number, and the path of the key that has it: messages name what the config says.
struct NamedNumber {
  double value;
  std::string name;
};

/// Reads one dictionary, which must outlive the reader. A key whose value is null counts as absent.
class ConfigReader {
 public:
  /// @param path  What precedes each key in messages: "rope_scaling.".
  ConfigReader(const char* function, const ConfigValue& dictionary, std::string path)
      : function_(function), dictionary_(&dictionary), path_(std::move(path)), read_(dictionary.keys().size(), 0) {}

  const char* function() const { return function_; }
  std::string name(const std::string& key) const { return path_ + key; }

  /// The value, or nullptr where it is absent or null. Marks the key as read.
  const ConfigValue* find(const std::string& key) {
    const std::vector<std::string>& keys = dictionary_->keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      read_[i] = 1;
      const ConfigValue& value = dictionary_->items()[i];
      return value.is(ConfigValue::Kind::null) ? nullptr : &value;
    }
    return nullptr;
  }

  /// The value as find() returns it, without marking the key as read.
  const ConfigValue* peek(const std::string& key) const { return find_entry(*dictionary_, key); }
  /// Whether a key is there and null, which for some keys means something else than its absence.
  bool has_null(const std::string& key) const {
    const ConfigValue* const value = dictionary_->find(key);
    return value != nullptr && value->is(ConfigValue::Kind::null);
  }

  std::optional<double> number(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::number, "a number");
    return value == nullptr ? std::nullopt : std::optional<double>(value->number());
  }
  std::optional<bool> flag(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::boolean, "true or false");
    return value == nullptr ? std::nullopt : std::optional<bool>(value->boolean());
  }
  std::optional<std::string> text(const std::string& key) {
    const ConfigValue* const value = typed(key, ConfigValue::Kind::text, "a text");
    return value == nullptr ? std::nullopt : std::optional<std::string>(value->text());
  }
  const ConfigValue* dictionary(const std::string& key) {
    return typed(key, ConfigValue::Kind::dictionary, "a dictionary");
  }
  const ConfigValue* list(const std::string& key) { return typed(key, ConfigValue::Kind::list, "a list"); }

  /// A whole number from `least` to 2^23; no dimension of a model is that large.
  std::optional<Eigen::Index> count(const std::string& key, Eigen::Index least = 1) {
    const std::optional<double> value = number(key);
    return value ? std::optional<Eigen::Index>(whole(name(key), *value, least)) : std::nullopt;
  }
  std::optional<std::vector<double>> numbers(const std::string& key) {
    const ConfigValue* const value = list(key);
    if (value == nullptr) return std::nullopt;
    std::vector<double> out;
    for (const ConfigValue& item : value->items()) {
      require_kind(item, ConfigValue::Kind::number, item_name(key, out.size()), "a number");
      out.push_back(item.number());
    }
    return out;
  }
  std::optional<std::vector<int>> counts(const std::string& key) {
    const std::optional<std::vector<double>> values = numbers(key);
    if (!values) return std::nullopt;
    std::vector<int> out;
    for (const double value : *values) out.push_back(static_cast<int>(whole(item_name(key, out.size()), value, 0)));
    return out;
  }
  std::optional<std::vector<std::string>> texts(const std::string& key) {
    const ConfigValue* const value = list(key);
    if (value == nullptr) return std::nullopt;
    std::vector<std::string> out;
    for (const ConfigValue& item : value->items()) {
      require_kind(item, ConfigValue::Kind::text, item_name(key, out.size()), "a text");
      out.push_back(item.text());
    }
    return out;
  }

  /// The value of a quantity that has several names. It is refused where two of them are given and differ.
  std::optional<NamedNumber> agreed_number(const std::vector<std::string>& keys) {
    std::optional<NamedNumber> agreed;
    for (const std::string& key : keys) {
      const std::optional<double> value = number(key);
      if (!value) continue;
      if (agreed) {
        require(*value == agreed->value, key, *value, "the same as ", agreed->name.c_str(), " ", agreed->value);
      } else {
        agreed = NamedNumber{*value, name(key)};
      }
    }
    return agreed;
  }
  std::optional<Eigen::Index> agreed_count(const std::vector<std::string>& keys) {
    const std::optional<NamedNumber> agreed = agreed_number(keys);
    for (const std::string& key : keys) count(key);
    return agreed ? std::optional<Eigen::Index>(static_cast<Eigen::Index>(agreed->value)) : std::nullopt;
  }
  /// A quantity that may be in this dictionary, at the top level, or in both if they agree.
  std::optional<NamedNumber> inside_or_outside(const char* key, const std::optional<NamedNumber>& outside) {
    const std::optional<double> inside = number(key);
    if (!inside) return outside;
    if (outside) require(*inside == outside->value, key, *inside, "the same as at the top level ", outside->value);
    return NamedNumber{*inside, name(key)};
  }

  /// Refuses the value of a key with a message that names its path.
  template <typename Value, typename... Rule>
  void require(bool good, const std::string& key, const Value& value, Rule... rule) const {
    if (!good) refuse<std::invalid_argument>(function_, name(key), value, rule...);
  }
  void require(bool good, const NamedNumber& number, const char* rule) const {
    if (!good) refuse<std::invalid_argument>(function_, number.name, number.value, rule);
  }
  [[noreturn]] void refuse_missing(const std::string& key, const std::string& why) const {
    refuse<std::invalid_argument>(function_, name(key), "nothing", "given", why);
  }
  double required_number(const std::string& key, const std::string& why) {
    const std::optional<double> value = number(key);
    if (!value) refuse_missing(key, why);
    return *value;
  }

  /// Appends the paths of the keys that are present, were not read, and satisfy `concerns`.
  template <typename Concerns>
  void add_unread_to(std::vector<std::string>& out, const Concerns& concerns) const {
    for (std::size_t i = 0; i < read_.size(); ++i) {
      const std::string& key = dictionary_->keys()[i];
      if (read_[i] == 0 && !dictionary_->items()[i].is(ConfigValue::Kind::null) && concerns(key))
        out.push_back(name(key));
    }
  }

 private:
  std::string item_name(const std::string& key, std::size_t index) const {
    return element(name(key).c_str(), static_cast<Eigen::Index>(index));
  }
  void require_kind(const ConfigValue& value, ConfigValue::Kind kind, const std::string& path, const char* rule) const {
    if (!value.is(kind)) refuse<std::invalid_argument>(function_, path, value.describe(), rule);
  }
  const ConfigValue* typed(const std::string& key, ConfigValue::Kind kind, const char* rule) {
    const ConfigValue* const value = find(key);
    if (value != nullptr) require_kind(*value, kind, name(key), rule);
    return value;
  }
  Eigen::Index whole(const std::string& path, double value, Eigen::Index least) const {
    constexpr double limit = 0x1p23;
    if (!(value >= static_cast<double>(least) && value <= limit && std::floor(value) == value)) {
      refuse<std::invalid_argument>(function_, path, value, "a whole number from ", least, " to ", limit);
    }
    return static_cast<Eigen::Index>(value);
  }

  const char* function_;
  const ConfigValue* dictionary_;
  std::string path_;
  std::vector<int> read_;  // 1 where the key was read
};

inline bool any_key(const std::string&) { return true; }

/// The base of a geometric series, named as the config names it.
inline double checked_base(const ConfigReader& reader, const NamedNumber& base) {
  const double b = base.value;
  reader.require(is_finite(b) && b > 0 && b != 1, base, "finite, > 0 and not 1");
  return b;
}

/// Refuses hints of a caller that no model can have.
inline void check_hints(const char* function, const ModelHints& hints) {
  const auto check_base = [&](const std::optional<double>& base, const char* name) {
    if (base) require(is_finite(*base) && *base > 0 && *base != 1, function, name, *base, "finite, > 0 and not 1");
  };
  check_base(hints.rope_theta, "hints.rope_theta");
  check_base(hints.sliding_rope_theta, "hints.sliding_rope_theta");
  if (hints.head_dim) {
    require(*hints.head_dim > 0 && *hints.head_dim <= kMaxChannels, function, "hints.head_dim", *hints.head_dim,
            "> 0 and at most ", kMaxChannels);
  }
  const bool letters = hints.layers.find_first_not_of("fslc") == std::string::npos;
  require(letters, function, "hints.layers", "the text \"" + hints.layers + "\"", "letters f, s, l and c");
}

/// The factor on queries that has this scale, or none where the scale is 0.
inline std::optional<QueryTemperature> checked_temperature(const ConfigReader& config, const NamedNumber& scale,
                                                           const NamedNumber& length, double shift) {
  config.require(is_finite(scale.value) && scale.value >= 0, scale, "finite and >= 0");
  config.require(is_finite(length.value) && length.value > 0, length, "finite and > 0");
  if (scale.value == 0) return std::nullopt;
  return QueryTemperature{scale.value, length.value, shift, TemperatureGrowth::logarithm};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

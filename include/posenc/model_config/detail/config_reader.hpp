// SPDX-License-Identifier: MIT
/// @file
/// Reads typed values out of a dictionary, and remembers which keys were read.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

#include "posenc/detail/check.hpp"
#include "posenc/model_config/config_value.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A view of a dictionary. null counts as absent. The dictionary must outlive it.
class ConfigReader {
 public:
  /// @param path  Stands before each key in messages: "rope_scaling.".
  ConfigReader(const char* function, const ConfigValue& dictionary, std::string path)
      : function_(function), dictionary_(&dictionary), path_(std::move(path)), read_(dictionary.keys().size(), false) {}

  const char* function() const { return function_; }
  std::string name(const std::string& key) const { return path_ + key; }

  /// The value, or nullptr where it is absent or null. Counts as read.
  const ConfigValue* find(const std::string& key) {
    const std::vector<std::string>& keys = dictionary_->keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      read_[i] = true;
      const ConfigValue& value = dictionary_->items()[i];
      return value.is(ConfigValue::Kind::null) ? nullptr : &value;
    }
    return nullptr;
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

  /// A whole number from `least` to 2^23, which no dimension of a model reaches.
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

  /// The one value that several names of the same thing give. Two that differ are refused.
  std::optional<double> agreed_number(const std::vector<std::string>& keys) {
    std::optional<double> agreed;
    std::string first;
    for (const std::string& key : keys) {
      const std::optional<double> value = number(key);
      if (!value) continue;
      if (agreed && *agreed != *value) {
        refuse<std::invalid_argument>(function_, name(key), *value, "the same as ", name(first), " ", *agreed);
      }
      agreed = value;
      first = key;
    }
    return agreed;
  }
  std::optional<Eigen::Index> agreed_count(const std::vector<std::string>& keys) {
    const std::optional<double> value = agreed_number(keys);
    for (const std::string& key : keys) count(key);
    return value ? std::optional<Eigen::Index>(static_cast<Eigen::Index>(*value)) : std::nullopt;
  }

  [[noreturn]] void refuse_missing(const std::string& key, const std::string& why) const {
    refuse<std::invalid_argument>(function_, name(key), "nothing", "given", why);
  }
  double required_number(const std::string& key, const std::string& why) {
    const std::optional<double> value = number(key);
    if (!value) refuse_missing(key, why);
    return *value;
  }

  /// Paths of the keys that are there, were not read and are of the kind asked for.
  template <typename Concerns>
  void add_unread_to(std::vector<std::string>& out, const Concerns& concerns) const {
    for (std::size_t i = 0; i < read_.size(); ++i) {
      const std::string& key = dictionary_->keys()[i];
      if (!read_[i] && !dictionary_->items()[i].is(ConfigValue::Kind::null) && concerns(key)) out.push_back(name(key));
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
  std::vector<bool> read_;
};

inline bool any_key(const std::string&) { return true; }

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_READER_HPP

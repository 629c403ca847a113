// SPDX-License-Identifier: MIT
/// @file
/// ConfigValue: a config in plain data, read from any JSON type or written by hand.
#ifndef POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP
#define POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// null, true or false, a number, a text, a list or a dictionary.
///
/// The metadata of a GGUF file as one flat dictionary:
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     metadata.set("llama.rope.freq_base", 500000.0);
class ConfigValue {
 public:
  enum class Kind { null, boolean, number, text, list, dictionary };

  ConfigValue() = default;
  ConfigValue(const char* text) : kind_(Kind::text), text_(text) {}
  ConfigValue(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  ConfigValue(Number value)
      : kind_(std::is_same_v<Number, bool> ? Kind::boolean : Kind::number), number_(static_cast<double>(value)) {}

  static ConfigValue list(std::vector<ConfigValue> items = {}) {
    ConfigValue value;
    value.kind_ = Kind::list;
    value.items_ = std::move(items);
    return value;
  }
  static ConfigValue dictionary(std::initializer_list<std::pair<std::string, ConfigValue>> entries = {}) {
    ConfigValue value;
    value.kind_ = Kind::dictionary;
    for (const auto& entry : entries) value.set(entry.first, entry.second);
    return value;
  }

  /// Adds an entry to a dictionary, or replaces it.
  /// @throws std::invalid_argument  this is no dictionary.
  void set(const std::string& key, ConfigValue value) {
    detail::require(kind_ == Kind::dictionary, "ConfigValue::set", "the value", describe(), "a dictionary");
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) {
        items_[i] = std::move(value);
        return;
      }
    }
    keys_.push_back(key);
    items_.push_back(std::move(value));
  }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool boolean() const { return number_ != 0; }
  double number() const { return number_; }
  const std::string& text() const { return text_; }
  /// Items of a list, or the values of a dictionary in the order of keys().
  const std::vector<ConfigValue>& items() const { return items_; }
  const std::vector<std::string>& keys() const { return keys_; }

  /// The value of a key, or nullptr. Only a dictionary has keys.
  const ConfigValue* find(const std::string& key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return &items_[i];
    }
    return nullptr;
  }

  /// For a message: `the text "8"`, `a list of 3`.
  std::string describe() const {
    switch (kind_) {
      case Kind::null: return "null";
      case Kind::boolean: return boolean() ? "true" : "false";
      case Kind::number: return detail::to_text(number_);
      case Kind::text: return "the text \"" + text_ + "\"";
      case Kind::list: return "a list of " + std::to_string(items_.size());
      case Kind::dictionary: break;
    }
    return "a dictionary of " + std::to_string(items_.size());
  }

  /// Equal as data; the order of keys does not count.
  friend bool operator==(const ConfigValue& a, const ConfigValue& b) {
    if (a.kind_ != b.kind_ || a.number_ != b.number_ || a.text_ != b.text_ || a.items_.size() != b.items_.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.items_.size(); ++i) {
      const ConfigValue* const other = a.is(Kind::dictionary) ? b.find(a.keys_[i]) : &b.items_[i];
      if (other == nullptr || !(a.items_[i] == *other)) return false;
    }
    return true;
  }
  friend bool operator!=(const ConfigValue& a, const ConfigValue& b) { return !(a == b); }
  template <typename Json>
  friend ConfigValue to_config_value(const Json& json);

 private:
  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<ConfigValue> items_;
};

/// The same data from a JSON value. No library is named here: the type is asked in the way of nlohmann::json, by
/// is_null(), is_boolean(), is_number(), is_string(), is_array(), is_object(), get<T>() and iterators with key() and
/// value(). Every type is tested before it is read, so that no error of the JSON type can come out.
/// @throws std::invalid_argument  a value that is none of these (binary, discarded).
template <typename Json>
ConfigValue to_config_value(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.template get<bool>();
  if (json.is_number()) return json.template get<double>();
  if (json.is_string()) return json.template get<std::string>();
  if (json.is_array()) {
    std::vector<ConfigValue> items;
    for (auto item = json.begin(); item != json.end(); ++item) items.push_back(to_config_value(*item));
    return ConfigValue::list(std::move(items));
  }
  detail::require(json.is_object(), "to_config_value", "json", "another kind of value",
                  "null, a boolean, a number, a text, a list or a dictionary");
  ConfigValue dictionary = ConfigValue::dictionary();
  for (auto entry = json.begin(); entry != json.end(); ++entry) {
    dictionary.keys_.push_back(entry.key());  // without the search of set(): label lists have 20,000 keys
    dictionary.items_.push_back(to_config_value(entry.value()));
  }
  return dictionary;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

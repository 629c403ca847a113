// SPDX-License-Identifier: MIT
/// @file
/// ConfigValue: a config as plain data, converted from any JSON type or written by hand.
#ifndef POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP
#define POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/model_config/detail/json_type.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {
struct JsonConverter;
}  // namespace detail

/// A value of a config: null, true or false, a number, a text, a list, or a dictionary.
///
/// The metadata of a GGUF file is one flat dictionary:
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     metadata.set("llama.rope.freq_base", 500000.0);
class ConfigValue {
 public:
  /// What a value is.
  enum class Kind { null, boolean, number, text, list, dictionary };

  /// Null.
  ConfigValue() = default;
  /// @copydoc ConfigValue()
  ConfigValue(std::nullptr_t) {}
  /// A text.
  ConfigValue(const char* text) : kind_(Kind::text), text_(text) {}
  /// @copydoc ConfigValue(const char*)
  ConfigValue(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  /// A number, or true or false where `value` is a bool. Numbers are held as double.
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  ConfigValue(Number value)
      : kind_(std::is_same_v<Number, bool> ? Kind::boolean : Kind::number), number_(static_cast<double>(value)) {}

  /// A list of values, which may be of different kinds.
  /// @throws std::invalid_argument  values nested more than max_depth() deep.
  static ConfigValue list(std::vector<ConfigValue> items = {}) {
    ConfigValue value;
    value.kind_ = Kind::list;
    for (const ConfigValue& item : items) value.grow("ConfigValue::list", item);
    value.items_ = std::move(items);
    return value;
  }
  /// A dictionary. Where two entries have one key, the last counts.
  /// @throws std::invalid_argument  values nested more than max_depth() deep.
  static ConfigValue dictionary(std::initializer_list<std::pair<std::string, ConfigValue>> entries = {}) {
    ConfigValue value;
    value.kind_ = Kind::dictionary;
    for (const auto& entry : entries) value.set(entry.first, entry.second);
    return value;
  }

  /// Adds an entry to a dictionary, or replaces the one that has this key.
  ///
  /// @throws std::invalid_argument  this is not a dictionary; values nested more than max_depth() deep.
  void set(const std::string& key, ConfigValue value) {
    require_kind("ConfigValue::set", Kind::dictionary, "a dictionary");
    grow("ConfigValue::set", value);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) {
        items_[i] = std::move(value);
        return;
      }
    }
    keys_.push_back(key);
    items_.push_back(std::move(value));
  }

  /// How deep values may be nested: far deeper than any config, and far less than what a stack holds.
  static constexpr int max_depth() { return 64; }
  /// How many values a JSON value may hold, so that it can be converted.
  static constexpr std::size_t max_values() { return std::size_t(1) << 22; }

  /// What this value is.
  Kind kind() const { return kind_; }
  /// Whether this value is of a kind.
  bool is(Kind kind) const { return kind_ == kind; }
  /// True or false.
  /// @throws std::invalid_argument  this is neither.
  bool boolean() const {
    require_kind("ConfigValue::boolean", Kind::boolean, "true or false");
    return number_ != 0;
  }
  /// The number.
  /// @throws std::invalid_argument  this is not a number.
  double number() const {
    require_kind("ConfigValue::number", Kind::number, "a number");
    return number_;
  }
  /// The text.
  /// @throws std::invalid_argument  this is not a text.
  const std::string& text() const& {
    require_kind("ConfigValue::text", Kind::text, "a text");
    return text_;
  }
  /// @overload
  /// Of a temporary: the text itself.
  /// @throws std::invalid_argument  this is not a text.
  std::string text() && {
    require_kind("ConfigValue::text", Kind::text, "a text");
    return std::move(text_);
  }
  /// The items of a list, or the values of a dictionary in the order of keys(); empty for all other kinds.
  const std::vector<ConfigValue>& items() const& { return items_; }
  /// @overload
  /// Of a temporary: the items themselves.
  std::vector<ConfigValue> items() && { return std::move(items_); }
  /// The keys of a dictionary, in the order in which they were added; empty for all other kinds.
  const std::vector<std::string>& keys() const& { return keys_; }
  /// @overload
  /// Of a temporary: the keys themselves.
  std::vector<std::string> keys() && { return std::move(keys_); }

  /// The value of a key, or nullptr where this is a dictionary without it or not a dictionary.
  const ConfigValue* find(const std::string& key) const& {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return &items_[i];
    }
    return nullptr;
  }
  template <typename Value = ConfigValue>
  const Value* find(const std::string&) const&& {
    static_assert(detail::kMisuse<Value>,
                  "posenc: the config is a temporary, and what find() points to would be gone: give it a name first");
    return nullptr;
  }

  /// This value as messages name it: `the text "8"`, `a list of 3`.
  std::string describe() const {
    switch (kind_) {
      case Kind::null: return "null";
      case Kind::boolean: return number_ != 0 ? "true" : "false";
      case Kind::number: return detail::joined(number_);
      case Kind::text: return "the text \"" + text_ + "\"";
      case Kind::list: return "a list of " + std::to_string(items_.size());
      case Kind::dictionary: break;
    }
    return "a dictionary of " + std::to_string(items_.size());
  }

  /// Whether two values are equal. The order of keys does not count, and true is not 1.
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

 private:
  friend struct detail::JsonConverter;

  void require_kind(const char* function, Kind kind, const char* rule) const {
    if (kind_ != kind) detail::refuse<std::invalid_argument>(function, "the value", describe(), rule);
  }

  /// Updates the depth of this value, in which `inner` now lies.
  void grow(const char* function, const ConfigValue& inner) {
    const int depth = inner.depth_ + 1;
    detail::require(depth <= max_depth(), function, "the value", depth, "nested at most ", max_depth(), " deep");
    if (depth > depth_) depth_ = depth;
  }

  Kind kind_ = Kind::null;
  int depth_ = 1;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<ConfigValue> items_;
};

namespace detail {

/// Converts one JSON value. See to_config_value().
struct JsonConverter {
  /// The kind of a value is tested before the value is read, and its depth before what is in it.
  template <typename Json>
  ConfigValue convert(const Json& json, int depth = 1) {
    require(depth <= ConfigValue::max_depth(), kFunction, "json", "more", "nested at most ", ConfigValue::max_depth(),
            " deep");
    require(++count_ <= ConfigValue::max_values(), kFunction, "json", "more", "of at most ", ConfigValue::max_values(),
            " values");
    if (json.is_null()) return {};
    if (json.is_boolean()) return json.template get<bool>();
    if (json.is_number()) return json.template get<double>();
    if (json.is_string()) return json.template get<std::string>();
    ConfigValue value;
    if (json.is_array()) {
      value.kind_ = ConfigValue::Kind::list;
      for (auto item = json.begin(); item != json.end(); ++item) add(value, convert(*item, depth + 1));
      return value;
    }
    require(json.is_object(), kFunction, "json", "another kind of value",
            "null, a boolean, a number, a text, a list or a dictionary");
    value.kind_ = ConfigValue::Kind::dictionary;
    for (auto entry = json.begin(); entry != json.end(); ++entry) {
      value.keys_.push_back(entry.key());  // without the search of set(): label lists have 20,000 keys
      add(value, convert(entry.value(), depth + 1));
    }
    return value;
  }

 private:
  static constexpr const char* kFunction = "to_config_value";

  static void add(ConfigValue& outer, ConfigValue inner) {
    outer.grow(kFunction, inner);
    outer.items_.push_back(std::move(inner));
  }

  std::size_t count_ = 0;
};

}  // namespace detail

/// Converts a parsed JSON value to plain data.
///
/// It depends on no JSON library. Any type will do that has is_null(), is_boolean(), is_number(), is_string(),
/// is_array(), is_object(), get<T>(), and iterators with key() and value(), all as nlohmann::json has them. The kind of
/// every value is tested before the value is read, so that the JSON type reports no errors of its own.
/// @param json  A parsed value. A text is not parsed: a path or the contents of a file do not compile.
/// @throws std::invalid_argument  a value that is none of these kinds, such as nlohmann's binary and discarded ones;
///                                one nested more than ConfigValue::max_depth() deep or of more than max_values()
///                                values, which is found before anything deeper is looked at.
template <typename Json, std::enable_if_t<detail::is_json<Json>, int> = 0>
ConfigValue to_config_value(const Json& json) {
  return detail::JsonConverter().convert(json);
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<sizeof...(Given) != 1 || !(detail::is_json<Given> && ...), int> = 0>
ConfigValue to_config_value(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: json must be a parsed JSON value, for instance "
                "nlohmann::json::parse(std::ifstream(\"config.json\"))");
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_CONFIG_VALUE_HPP

// SPDX-License-Identifier: MIT
/// Calls a function with each of its arguments as a variable, as a const variable and as a temporary.
#ifndef POSENC_TESTS_CALLS_EVERY_FORM_HPP
#define POSENC_TESTS_CALLS_EVERY_FORM_HPP

#include "posenc/posenc.hpp"

#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch2.hpp"

/// A function as a value. calls/complete.py reads which names of the library stand in it.
#define CALL(...) [](auto&&... given) -> decltype(auto) { return __VA_ARGS__(std::forward<decltype(given)>(given)...); }

namespace posenc_tests {

using M = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Numbers that differ from element to element, between -1 and 1.
inline M numbers(Eigen::Index rows, Eigen::Index columns, double seed = 0.3) {
  return M::NullaryExpr(rows, columns, [=](Eigen::Index i, Eigen::Index j) {
    return static_cast<float>(std::sin(seed + 1.7 * static_cast<double>(i) + 0.31 * static_cast<double>(j)));
  });
}

/// An argument whose memory the result refers to: a temporary does not compile (tests/mistakes).
template <typename T>
struct Variable {
  T value;
};
template <typename T>
Variable<T> variable(T value) {
  return {std::move(value)};
}

template <typename T>
void put(std::string& bytes, const T& x);

template <typename T, typename = void>
struct HasValues : std::false_type {};
template <typename T>
struct HasValues<T, std::void_t<decltype(std::declval<const T&>().values())>> : std::true_type {};
template <typename T, typename = void>
struct HasCosines : std::false_type {};
template <typename T>
struct HasCosines<T, std::void_t<decltype(std::declval<const T&>().sin())>> : std::true_type {};
template <typename T, typename = void>
struct HasFrequencies : std::false_type {};
template <typename T>
struct HasFrequencies<T, std::void_t<decltype(std::declval<const T&>().frequencies())>> : std::true_type {};
template <typename T, typename = void>
struct IsRange : std::false_type {};
template <typename T>
struct IsRange<T, std::void_t<decltype(std::declval<const T&>().begin())>> : std::true_type {};

/// Appends the bytes of a result: two results are equal bit for bit where these are.
template <typename T>
void put(std::string& bytes, const T& x) {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_pointer_v<T>) {
    bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
  } else if constexpr (std::is_base_of_v<Eigen::EigenBase<T>, T>) {
    put(bytes, x.rows());
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      for (Eigen::Index j = 0; j < x.cols(); ++j) put(bytes, typename T::Scalar(x.derived().coeff(i, j)));
    }
  } else if constexpr (std::is_same_v<T, posenc::Frequencies>) {
    put(bytes, x.inv_freq());
    put(bytes, x.magnitude());
    put(bytes, x.softmax_multiplier());
  } else if constexpr (HasCosines<T>::value) {
    put(bytes, x.cos());
    put(bytes, x.sin());
  } else if constexpr (HasValues<T>::value) {
    put(bytes, x.values());
  } else if constexpr (HasFrequencies<T>::value) {
    put(bytes, x.frequencies());
    put(bytes, x.width());
  } else if constexpr (std::is_same_v<T, posenc::AxialFrequencies>) {
    put(bytes, x.frequencies);
    put(bytes, x.axes.axis_of_pair());
  } else if constexpr (std::is_same_v<T, posenc::AxisMap>) {
    put(bytes, x.axis_of_pair());
  } else if constexpr (IsRange<T>::value) {
    for (const auto& element : x) put(bytes, element);
  } else {
    std::apply([&](const auto&... part) { (put(bytes, part), ...); }, x);  // a pair or a tuple
  }
}

enum class Form { variable, const_variable, temporary };

template <Form form, typename T>
decltype(auto) pass(T& argument) {
  if constexpr (form == Form::variable) {
    return static_cast<T&>(argument);
  } else if constexpr (form == Form::const_variable) {
    return static_cast<const T&>(argument);
  } else {
    return static_cast<T&&>(argument);
  }
}
template <Form form, typename T>
decltype(auto) pass(Variable<T>& argument) {
  return pass < form == Form::temporary ? Form::const_variable : form > (argument.value);
}

/// The bytes of f(arguments...), which are copies, given in these forms.
template <Form... forms, typename F, typename... A>
std::string bytes_of(std::integer_sequence<Form, forms...>, const F& f, A... arguments) {
  std::string bytes;
  put(bytes, f(pass<forms>(arguments)...));
  return bytes;
}

constexpr Form at_any(std::size_t, Form form) { return form; }

template <std::size_t at, Form form, typename F, std::size_t... i, typename... A>
std::string with_one(std::index_sequence<i...>, const F& f, const A&... arguments) {
  return bytes_of(std::integer_sequence<Form, (i == at ? form : Form::const_variable)...>(), f, arguments...);
}
template <Form form, typename F, std::size_t... i, typename... A>
std::string with_all(std::index_sequence<i...>, const F& f, const A&... arguments) {
  return bytes_of(std::integer_sequence<Form, at_any(i, form)...>(), f, arguments...);
}

template <typename F, std::size_t... i, typename... A>
std::string differing(std::index_sequence<i...> all, const F& f, const A&... arguments) {
  const std::string expected = with_all<Form::const_variable>(all, f, arguments...);
  std::string text = expected.empty() ? "returns nothing" : "";
  const auto compare = [&](const std::string& got, const std::string& form) {
    if (got != expected) text += form + "; ";
  };
  compare(with_all<Form::variable>(all, f, arguments...), "all as variables");
  compare(with_all<Form::temporary>(all, f, arguments...), "all as temporaries");
  (compare(with_one<i, Form::variable>(all, f, arguments...), "a variable at " + std::to_string(i)), ...);
  (compare(with_one<i, Form::temporary>(all, f, arguments...), "a temporary at " + std::to_string(i)), ...);
  return text;
}

/// In which forms f(arguments...) returns something else than with const variables: "" where in none.
template <typename F, typename... A>
std::string differs(const F& f, const A&... arguments) {
  return differing(std::index_sequence_for<A...>(), f, arguments...);
}

/// The same of f(out, arguments...), which writes to a copy of `start`: a variable, and a block that is a temporary.
template <typename F, typename... A>
std::string differs_written(const M& start, const F& f, const A&... arguments) {
  const auto variable = [&](auto&&... a) {
    M out = start;
    f(out, std::forward<decltype(a)>(a)...);
    return out;
  };
  const auto block = [&](auto&&... a) {
    M out = start;
    f(out.topRows(out.rows()), std::forward<decltype(a)>(a)...);
    return out;
  };
  const auto all = std::index_sequence_for<A...>();
  std::string text = differing(all, variable, arguments...);
  const std::string written = with_all<Form::const_variable>(all, variable, arguments...);
  std::string untouched;
  put(untouched, start);
  if (written == untouched) text += "nothing is written; ";
  if (with_all<Form::const_variable>(all, block, arguments...) != written) text += "a block as what is written; ";
  return text;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_CALLS_EVERY_FORM_HPP

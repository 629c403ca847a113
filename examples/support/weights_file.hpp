// SPDX-License-Identifier: MIT
/// The weights of a model as a file of half precision, the same bytes on every platform.
///
///     "posenc weights\n"  vocabulary  width  num_heads  hidden  num_layers  (32 bits each, the lowest byte first)
///     all parameters, in order of Transformer::parameters(), row by row      (16 bits each, the lowest byte first)
#ifndef POSENC_EXAMPLES_WEIGHTS_FILE_HPP
#define POSENC_EXAMPLES_WEIGHTS_FILE_HPP

#include "support/tiny_transformer.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace tiny_transformer {

inline std::string weights_header(const Config& config) {
  std::string header = "posenc weights\n";
  for (const Index size : {config.vocabulary, config.width, config.num_heads, config.hidden, config.num_layers}) {
    for (int shift = 0; shift < 32; shift += 8) header += static_cast<char>(size >> shift & 0xff);
  }
  return header;
}

/// Rounds the weights to half precision and writes them.
template <typename Scalar>
void write_weights(const std::string& path, Transformer<Scalar>& model) {
  std::string bytes = weights_header(model.config());
  for (Parameter<Scalar>* parameter : model.parameters()) {
    for (Index i = 0; i < parameter->value.size(); ++i) {
      Scalar& weight = parameter->value.data()[i];
      const auto half = static_cast<Eigen::half>(static_cast<float>(weight));
      const auto bits = Eigen::numext::bit_cast<Eigen::numext::uint16_t>(half);
      bytes += static_cast<char>(bits & 0xff);
      bytes += static_cast<char>(bits >> 8);
      weight = static_cast<Scalar>(static_cast<float>(half));
    }
  }
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/// Reads the weights of a model of this shape.
template <typename Scalar>
void read_weights(const std::string& path, Transformer<Scalar>& model) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string header = weights_header(model.config());
  std::size_t size = header.size();
  for (const Parameter<Scalar>* parameter : model.parameters()) {
    size += 2 * static_cast<std::size_t>(parameter->value.size());
  }
  if (bytes.size() != size || bytes.compare(0, header.size(), header) != 0) {
    throw std::runtime_error(path + " does not hold the weights of a model of this shape");
  }
  std::size_t at = header.size();
  for (Parameter<Scalar>* parameter : model.parameters()) {
    for (Index i = 0; i < parameter->value.size(); ++i, at += 2) {
      const auto low = static_cast<unsigned char>(bytes[at]);
      const auto high = static_cast<unsigned char>(bytes[at + 1]);
      const auto bits = static_cast<Eigen::numext::uint16_t>(low | high << 8);
      parameter->value.data()[i] = static_cast<Scalar>(static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits)));
    }
  }
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_WEIGHTS_FILE_HPP

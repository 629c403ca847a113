// SPDX-License-Identifier: MIT
/// Reads files of GGUF version 3, the format of llama.cpp: metadata, and tensors of the types F32, Q4_1 and Q8_0.
///
///     "GGUF"  version  number of tensors  number of entries
///     entries of metadata:    key  type of the value  value
///     tensors:                name  dimensions, the innermost first  type  offset in the data
///     padding, then the data: blocks of 32 numbers that share a scale, or floats
///
/// A file that is truncated, of another kind or hostile is refused with a sentence. Every number of it that is a size or
/// a place is compared with the bytes that there are, before it is used.
#ifndef POSENC_EXAMPLES_GGUF_FILE_HPP
#define POSENC_EXAMPLES_GGUF_FILE_HPP

#include "posenc/posenc.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace gguf {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Tensor {
  std::vector<std::uint64_t> shape;  // the innermost dimension first
  std::uint32_t type;
  std::size_t begin;  // of its data in the file
};

struct File {
  posenc::ConfigValue metadata = posenc::ConfigValue::dictionary();
  std::map<std::string, Tensor> tensors;
  std::string bytes;
};

/// How many numbers a block of a type holds, and in how many bytes.
struct BlockSize {
  std::size_t numbers;
  std::size_t bytes;
};

enum TensorType : std::uint32_t { kF32 = 0, kQ4_1 = 3, kQ8_0 = 8 };

inline BlockSize block_size(std::uint32_t type, const std::string& name) {
  switch (type) {
    case kF32: return {1, 4};
    case kQ4_1: return {32, 20};
    case kQ8_0: return {32, 34};
    default: break;
  }
  throw std::runtime_error("the tensor " + name + " has type " + std::to_string(type) +
                           ", and only 0 (F32), 3 (Q4_1) and 8 (Q8_0) are read");
}

/// A number of a file, the lowest byte first.
template <typename Number>
Number number_at(const char* bytes) {
  unsigned char ordered[sizeof(Number)];
  for (std::size_t i = 0; i < sizeof(Number); ++i) ordered[i] = static_cast<unsigned char>(bytes[i]);
  const std::uint16_t one = 1;
  if (*reinterpret_cast<const unsigned char*>(&one) == 0) {  // a machine that has the highest byte first
    for (std::size_t i = 0; i < sizeof(Number) / 2; ++i) std::swap(ordered[i], ordered[sizeof(Number) - 1 - i]);
  }
  Number number;
  std::memcpy(&number, ordered, sizeof(Number));
  return number;
}

/// Reads a file from its first byte on, and never past its last.
class Reader {
 public:
  explicit Reader(File& file) : file_(file) {}

  void read() {
    if (file_.bytes.compare(0, 4, "GGUF") != 0) throw std::runtime_error("the file does not begin with GGUF");
    take(4, "its first word");
    const auto version = number<std::uint32_t>("the version");
    if (version != 3) throw std::runtime_error("the version is " + std::to_string(version) + ", and only 3 is read");
    const auto num_tensors = number<std::uint64_t>("the number of tensors");
    const auto num_entries = number<std::uint64_t>("the number of entries");
    if (num_entries > kMaxEntries) {
      throw std::runtime_error("the file has " + std::to_string(num_entries) + " entries, and at most " +
                               std::to_string(kMaxEntries) + " are read");
    }
    for (std::uint64_t i = 0; i < num_entries; ++i) read_entry();
    const std::size_t alignment = read_alignment();
    for (std::uint64_t i = 0; i < num_tensors; ++i) read_tensor();  // ends with the file, whatever the number says
    place_tensors(alignment);
  }

 private:
  static constexpr std::uint64_t kMaxEntries = 4096;  // a dictionary is searched from front to back

  const char* take(std::uint64_t count, const std::string& what) {
    if (count > file_.bytes.size() - at_) throw std::runtime_error("the file ends within " + what);
    const char* const begin = file_.bytes.data() + at_;
    at_ += static_cast<std::size_t>(count);
    return begin;
  }

  template <typename Number>
  Number number(const std::string& what) {
    return number_at<Number>(take(sizeof(Number), what));
  }

  std::string text(const std::string& what) {
    const auto length = number<std::uint64_t>(what);
    const char* const begin = take(length, what);
    return {begin, static_cast<std::size_t>(length)};
  }

  void read_entry() {
    const std::string key = text("a key");
    if (file_.metadata.find(key) != nullptr) throw std::runtime_error("the key " + key + " is there twice");
    file_.metadata.set(key, value(number<std::uint32_t>(key), key));
  }

  posenc::ConfigValue value(std::uint32_t type, const std::string& key) {
    if (++num_values_ > posenc::ConfigValue::max_values()) throw std::runtime_error("the file has too many values");
    switch (type) {
      case 0: return number<std::uint8_t>(key);
      case 1: return number<std::int8_t>(key);
      case 2: return number<std::uint16_t>(key);
      case 3: return number<std::int16_t>(key);
      case 4: return number<std::uint32_t>(key);
      case 5: return number<std::int32_t>(key);
      case 6: return number<float>(key);
      case 7: return number<std::uint8_t>(key) != 0;
      case 8: return text(key);
      case 9: return list(key);
      case 10: return number<std::uint64_t>(key);
      case 11: return number<std::int64_t>(key);
      case 12: return number<double>(key);
      default: break;
    }
    throw std::runtime_error("the value of " + key + " has type " + std::to_string(type) + ", which GGUF 3 lacks");
  }

  posenc::ConfigValue list(const std::string& key) {
    const auto type = number<std::uint32_t>(key);
    if (type == 9) throw std::runtime_error("the value of " + key + " is a list of lists, which is not read");
    const auto count = number<std::uint64_t>(key);
    std::vector<posenc::ConfigValue> items;  // grows as bytes are found, whatever the number says
    for (std::uint64_t i = 0; i < count; ++i) items.push_back(value(type, key));
    return posenc::ConfigValue::list(std::move(items));
  }

  std::size_t read_alignment() const {
    const posenc::ConfigValue* const given = file_.metadata.find("general.alignment");
    if (given == nullptr) return 32;
    for (std::size_t alignment = 8; alignment <= 65536; alignment *= 2) {
      if (*given == posenc::ConfigValue(alignment)) return alignment;
    }
    throw std::runtime_error("general.alignment is " + given->describe() + ", and no power of two from 8 to 65536");
  }

  void read_tensor() {
    const std::string name = text("the name of a tensor");
    const std::string what = "the tensor " + name;
    const auto num_dimensions = number<std::uint32_t>(what);
    if (num_dimensions < 1 || num_dimensions > 4) {
      throw std::runtime_error(what + " has " + std::to_string(num_dimensions) + " dimensions, and not 1 to 4");
    }
    Tensor tensor;
    for (std::uint32_t i = 0; i < num_dimensions; ++i) tensor.shape.push_back(number<std::uint64_t>(what));
    tensor.type = number<std::uint32_t>(what);
    const auto offset = number<std::uint64_t>(what);
    if (offset > file_.bytes.size()) throw std::runtime_error(what + " begins after the end of the file");
    tensor.begin = static_cast<std::size_t>(offset);
    if (!file_.tensors.emplace(name, std::move(tensor)).second) throw std::runtime_error(what + " is there twice");
  }

  /// Checks that the tensors lie in the file, and makes their offsets places in it.
  void place_tensors(std::size_t alignment) {
    const std::size_t size = file_.bytes.size();
    const std::size_t data = at_ + (alignment - at_ % alignment) % alignment;
    for (auto& [name, tensor] : file_.tensors) {
      const BlockSize block = block_size(tensor.type, name);
      const std::uint64_t most =
          std::uint64_t(size) / block.bytes * block.numbers;  // numbers of this type in all bytes
      std::uint64_t count = 1;
      for (const std::uint64_t dimension : tensor.shape) {
        if (dimension == 0) throw std::runtime_error("the tensor " + name + " has a dimension of 0");
        if (dimension > most / count) throw std::runtime_error("the tensor " + name + " is larger than the file");
        count *= dimension;
      }
      if (tensor.shape[0] % block.numbers != 0) {
        throw std::runtime_error("the rows of the tensor " + name + " are no multiple of 32 numbers");
      }
      if (tensor.begin % alignment != 0) throw std::runtime_error("the tensor " + name + " is not aligned");
      const auto num_bytes = static_cast<std::size_t>(count / block.numbers * block.bytes);
      if (data > size || tensor.begin > size - data || num_bytes > size - data - tensor.begin) {
        throw std::runtime_error("the file ends within the tensor " + name);
      }
      tensor.begin += data;
    }
  }

  File& file_;
  std::size_t at_ = 0;
  std::size_t num_values_ = 0;
};

/// Reads the bytes of a file.
inline File parse(std::string bytes) {
  File file;
  file.bytes = std::move(bytes);
  Reader(file).read();
  return file;
}

inline File read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) throw std::runtime_error("cannot read " + path);
  std::string bytes(static_cast<std::size_t>(stream.tellg()), '\0');
  stream.seekg(0);
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) throw std::runtime_error("cannot read " + path);
  return parse(std::move(bytes));
}

inline float half_at(const char* bytes) {
  return static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(number_at<Eigen::numext::uint16_t>(bytes)));
}

/// A tensor of one or two dimensions as floats, rows x columns, which must be its shape.
///
///     Q4_1   x_i = d q_i + m     d, m: half   q: 32 x 4 bits, q_0 .. q_15 in the low halves of the bytes
///     Q8_0   x_i = d q_i         d: half      q: 32 x 8 bits, signed
inline Matrix read_tensor(const File& file, const std::string& name, Eigen::Index rows, Eigen::Index columns) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw std::runtime_error("the file has no tensor " + name);
  const Tensor& tensor = found->second;
  std::vector<std::uint64_t> shape{static_cast<std::uint64_t>(columns)};
  if (tensor.shape.size() > 1 || rows != 1) shape.push_back(static_cast<std::uint64_t>(rows));
  if (tensor.shape != shape) {
    throw std::runtime_error("the tensor " + name + " is not " + std::to_string(rows) + " x " +
                             std::to_string(columns) + ", as the metadata has it");
  }
  const BlockSize block = block_size(tensor.type, name);
  Matrix matrix(rows, columns);
  const char* bytes = file.bytes.data() + tensor.begin;
  float* const end = matrix.data() + matrix.size();
  for (float* x = matrix.data(); x != end; x += block.numbers, bytes += block.bytes) {
    if (tensor.type == kF32) {
      *x = number_at<float>(bytes);
    } else if (tensor.type == kQ8_0) {
      const float d = half_at(bytes);
      for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(static_cast<signed char>(bytes[2 + i]));
    } else {
      const float d = half_at(bytes);
      const float m = half_at(bytes + 2);
      for (int i = 0; i < 16; ++i) {
        const int both = static_cast<unsigned char>(bytes[4 + i]);
        x[i] = d * static_cast<float>(both & 15) + m;
        x[i + 16] = d * static_cast<float>(both >> 4) + m;
      }
    }
  }
  if (!matrix.allFinite()) throw std::runtime_error("the tensor " + name + " holds a number that is not finite");
  return matrix;
}

/// A whole number of the metadata, from 1 to `highest`.
inline Eigen::Index whole_number(const File& file, const std::string& key, Eigen::Index highest) {
  const posenc::ConfigValue* const value = file.metadata.find(key);
  if (value == nullptr) throw std::runtime_error("the file has no " + key);
  if (value->is(posenc::ConfigValue::Kind::number)) {
    const double number = value->number();
    if (number >= 1 && number <= static_cast<double>(highest) && number == std::floor(number)) {
      return static_cast<Eigen::Index>(number);
    }
  }
  throw std::runtime_error(key + " is " + value->describe() + ", and no whole number from 1 to " +
                           std::to_string(highest));
}

}  // namespace gguf

#endif  // POSENC_EXAMPLES_GGUF_FILE_HPP

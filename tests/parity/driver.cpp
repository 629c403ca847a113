// SPDX-License-Identifier: MIT
/// posenc behind a command line, for compare.py. Arrays are raw little-endian files: positions int64, the rest float.
///
///   driver config  <config.json> <serving length> <positions> <out>   inv_freq, then cos and sin of the exact mode
///   driver float32 <inv_freq> <magnitude> <positions> <out>           cos and sin of the float32 mode
///   driver rotate  <half_split|interleaved> <head_dim> <cos> <sin> <x> <out>    x: one token for each row of cos
///   driver logits  <llama2.c checkpoint> <tokens, int64> <out> [inv_freq]       with it in the float32 mode
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include "posenc/posenc.hpp"

#include "support/tiny_llama.hpp"

namespace {

using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

template <typename Number>
std::vector<Number> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<Number> values(bytes.size() / sizeof(Number));
  std::copy_n(bytes.data(), values.size() * sizeof(Number), reinterpret_cast<char*>(values.data()));
  return values;
}

Ids read_ids(const std::string& path) {
  const std::vector<std::int64_t> values = read<std::int64_t>(path);
  return Eigen::Map<const Ids>(values.data(), static_cast<Eigen::Index>(values.size()));
}

class Out {
 public:
  explicit Out(const std::string& path) : file_(path, std::ios::binary) {}
  template <typename Derived>
  void write(const Eigen::DenseBase<Derived>& values) {
    const Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> floats = values.template cast<float>();
    file_.write(reinterpret_cast<const char*>(floats.data()),
                floats.size() * static_cast<std::streamsize>(sizeof(float)));
  }

 private:
  std::ofstream file_;
};

void config(const std::string& path, long serving_length, const std::string& positions, const std::string& out_path) {
  std::ifstream file(path);
  const auto model = posenc::read_hugging_face_config(nlohmann::json::parse(file), serving_length);
  for (const std::string& key : model.ignored_keys) std::cerr << "ignored: " << key << "\n";
  if (model.rope_sets.size() != 1) throw std::runtime_error("one rotation is compared, this model has several");
  const posenc::RopeSet& set = model.rope_sets[0];
  const auto table = posenc::make_table<float>(set, read_ids(positions));  // refuses a model of several axes
  Out out(out_path);
  out.write(set.frequencies.inv_freq());
  out.write(table.cos());
  out.write(table.sin());
}

void float32(const std::string& inv_freq, double magnitude, const std::string& positions, const std::string& out_path) {
  const std::vector<float> list = read<float>(inv_freq);
  const posenc::Frequencies frequencies(
      Eigen::Map<const Eigen::ArrayXf>(list.data(), static_cast<Eigen::Index>(list.size())), magnitude);
  const auto table = posenc::make_table<float>(frequencies, read_ids(positions),
                                               {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  Out out(out_path);
  out.write(table.cos());
  out.write(table.sin());
}

void rotate(const std::string& pairs, Eigen::Index head_dim, const std::string& cos_path, const std::string& sin_path,
            const std::string& x_path, const std::string& out_path) {
  const std::vector<float> cos = read<float>(cos_path), sin = read<float>(sin_path);
  std::vector<float> x = read<float>(x_path);
  const Eigen::Index tokens = static_cast<Eigen::Index>(cos.size()) / (head_dim / 2);
  const auto table = posenc::wrap_cache(cos.data(), sin.data(), tokens, head_dim, posenc::CosSinStorage::cos_sin, 1);
  const auto layout =
      pairs == "half_split" ? posenc::RopeLayout::half_split(head_dim) : posenc::RopeLayout::interleaved(head_dim);
  Eigen::Map<tiny_llama::Matrix> q(x.data(), tokens, static_cast<Eigen::Index>(x.size()) / tokens);
  posenc::apply_rope(q, table, layout);
  Out(out_path).write(q);
}

void logits(const std::string& checkpoint, const std::string& tokens, const std::string& out_path,
            const std::string& inv_freq) {
  const auto model = tiny_llama::read_model(checkpoint);
  auto rope = tiny_llama::rotary_embedding(model.config);
  if (!inv_freq.empty()) {
    const std::vector<float> list = read<float>(inv_freq);
    rope.table = posenc::make_table<float>(
        posenc::Frequencies(Eigen::Map<const Eigen::ArrayXf>(list.data(), static_cast<Eigen::Index>(list.size()))),
        posenc::PositionRange(0, model.config.seq_len), {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  }
  tiny_llama::Cache cache(model.config);
  Out out(out_path);
  int position = 0;
  for (const std::int64_t token : read<std::int64_t>(tokens)) {
    out.write(tiny_llama::forward(model, rope, cache, static_cast<int>(token), position++));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> a(argv + 1, argv + argc);
  try {
    if (a.size() == 5 && a[0] == "config") {
      config(a[1], std::stol(a[2]), a[3], a[4]);
    } else if (a.size() == 5 && a[0] == "float32") {
      float32(a[1], std::stod(a[2]), a[3], a[4]);
    } else if (a.size() == 7 && a[0] == "rotate") {
      rotate(a[1], std::stol(a[2]), a[3], a[4], a[5], a[6]);
    } else if ((a.size() == 4 || a.size() == 5) && a[0] == "logits") {
      logits(a[1], a[2], a[3], a.size() == 5 ? a[4] : "");
    } else {
      std::cerr << "see the comment on top of driver.cpp\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}

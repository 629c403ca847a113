// SPDX-License-Identifier: MIT
/// .npy files: real ones, every type, and files that lie.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/data.hpp"
#include "support/matrices.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace posenc_tests;

namespace {

/// A file with this header and data, whatever they say.
std::string npy_file(const std::string& header, const std::string& data) {
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size() & 0xff) +
         static_cast<char>(header.size() >> 8) + header + data;
}

template <typename Scalar>
posenc::NpyArray<Scalar> read(const std::string& bytes) {
  std::istringstream in(bytes);
  return posenc::read_npy<Scalar>(in);
}

template <typename Derived>
std::string written(const Eigen::DenseBase<Derived>& values, const std::vector<Eigen::Index>& shape = {}) {
  std::ostringstream out;
  posenc::write_npy(out, values, shape);
  return out.str();
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// True when reading fails as documented; any other exception escapes and fails the test.
bool refused(const std::string& bytes) {
  try {
    read<float>(bytes);
  } catch (const std::invalid_argument&) {
    return true;
  } catch (const std::length_error&) {
    return true;
  }
  return false;
}

}  // namespace

TEMPLATE_TEST_CASE("what is written is read again", "[learnable][portable]", float, double, Eigen::half, std::int32_t,
                   std::int64_t) {
  RowMatrix<TestType> x(3, 5);
  for (Eigen::Index i = 0; i < 15; ++i) x.data()[i] = static_cast<TestType>(static_cast<float>(i * i - 40));
  const auto array = read<TestType>(written(x));
  REQUIRE(array.values == x);
  REQUIRE(array.shape == std::vector<Eigen::Index>{3, 5});
  REQUIRE(written(x).size() % 64 == 15 * sizeof(TestType) % 64);
  REQUIRE(written(ColumnMatrix<TestType>(x)) == written(x));  // C order whatever the storage
  const auto cube = read<TestType>(written(x, {3, 1, 5}));
  REQUIRE(cube.values == x);
  REQUIRE(cube.shape == std::vector<Eigen::Index>{3, 1, 5});
  const auto line = read<TestType>(written(x, {15}));
  REQUIRE(line.values.rows() == 1);
  REQUIRE(line.values.cols() == 15);
  REQUIRE(line.values == Eigen::Map<const RowMatrix<TestType>>(x.data(), 1, 15));
}

TEST_CASE("bytes of a file by hand", "[learnable][portable]") {
  const std::string header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1), }\n";
  const auto array = read<float>(npy_file(header, std::string("\x00\x3c\x00\xc1", 4)));  // 0x3c00 = 1, 0xc100 = -2.5
  REQUIRE(array.values(0, 0) == 1.0f);
  REQUIRE(array.values(1, 0) == -2.5f);
  // Other spellings of the same: order of the keys, double quotes, no comma at the end, other spaces.
  const std::string other = "{\"shape\":(2,1),'fortran_order':False , \"descr\":'<f2'}   \n";
  REQUIRE(read<double>(npy_file(other, std::string("\x00\x3c\x00\xc1", 4))).values(1, 0) == -2.5);
  const std::string scalar = "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n";
  const auto single = read<float>(npy_file(scalar, std::string("\x00\x00\x80\x3f", 4)));
  REQUIRE(single.values.size() == 1);
  REQUIRE(single.values(0, 0) == 1.0f);
  REQUIRE(single.shape.empty());
  const std::string none = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }\n";
  REQUIRE(read<float>(npy_file(none, "")).values.rows() == 0);
  REQUIRE(read<float>(npy_file(none, "")).values.cols() == 5);
}

TEST_CASE("narrower types are rounded once", "[learnable]") {
  const Eigen::Matrix<double, 1, 1> x(1 + 0x1p-11 + 0x1p-30);  // above the middle of two halves, below by way of float
  REQUIRE(static_cast<float>(read<Eigen::half>(written(x)).values(0, 0)) == 1 + 0x1p-10f);
  const Eigen::Matrix<double, 1, 1> y(1 + 0x1p-8 + 0x1p-30);
  REQUIRE(static_cast<float>(read<Eigen::bfloat16>(written(y)).values(0, 0)) == 1 + 0x1p-7f);
}

TEST_CASE("arrays one after the other in a stream", "[learnable]") {
  std::stringstream stream;
  posenc::write_npy(stream, pattern<float>(2, 3));
  posenc::write_npy(stream, pattern<double>(4, 1));
  REQUIRE(posenc::read_npy<float>(stream).values == pattern<float>(2, 3));
  REQUIRE(posenc::read_npy<double>(stream).values == pattern<double>(4, 1));
}

TEST_CASE("a wrong shape leaves the file as it was", "[learnable]") {
  const std::string path = "posenc_npy_wrong_shape.npy";
  posenc::write_npy(path, pattern<float>(2, 3));
  const std::string before = contents(path);
  REQUIRE_THROWS_AS(posenc::write_npy(path, pattern<float>(2, 3), {7}), std::invalid_argument);
  const std::string after = contents(path);
  std::remove(path.c_str());
  REQUIRE(before.size() == 128 + 6 * sizeof(float));
  REQUIRE(after == before);
}

TEST_CASE("files of NumPy, read and written again byte by byte", "[learnable][portable]") {
  if (posenc_tests::skip_without_data("files of NumPy")) return;
  const std::string folder = posenc_tests::data_dir();
  for (const char* name :
       {"/tables/albert_rxnmapper_pos_512x128.npy", "/tables/kwt1_pos_99x64.npy",
        "/sort_model/weights/transformer.wpe.weight.npy", "/sort_model/weights/transformer.h.0.attn.c_attn.bias.npy"}) {
    CAPTURE(name);
    const auto array = posenc::read_npy<float>(folder + name);
    REQUIRE(written(array.values, array.shape) == contents(folder + name));
  }
  const auto index = posenc::read_npy<std::int32_t>(folder + "/tables/swin_imdtn_index_36x36.npy");
  REQUIRE(index.values.minCoeff() == 0);
  REQUIRE(index.values.maxCoeff() == 120);  // (2 * 6 - 1)^2 distances of a 6 x 6 window
  REQUIRE(posenc::read_npy<std::int64_t>(folder + "/tables/swin_imdtn_index_36x36.npy").values ==
          index.values.cast<std::int64_t>());
}

TEST_CASE("every truncation is refused, and no changed byte of a header breaks the reader", "[learnable]") {
  const std::string whole = written(pattern<float>(3, 5));
  REQUIRE(!refused(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) REQUIRE(refused(whole.substr(0, size)));

  int survived = 0;
  for (std::size_t i = 0; i < 128; ++i) {
    for (const char c : {'\0', '\xff', ' ', '\n', '\'', '"', '(', ')', '{', '}', ',', ':', '-', '0', '9', 'T'}) {
      std::string changed = whole;
      changed[i] = c;
      if (!refused(changed)) ++survived;  // spaces for spaces, 3 rows for 2, and the like: right, and within memory
    }
  }
  REQUIRE(survived < 300);
  REQUIRE(survived > 0);
}

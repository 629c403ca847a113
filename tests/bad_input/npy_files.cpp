// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"
#include "posenc/learnable.hpp"

#include "support/matrices.hpp"

#include <sstream>

namespace {

using posenc_tests::BadInputs;
using posenc_tests::bytes_of;
using posenc_tests::pattern;
using Matrix = posenc_tests::RowMatrix<float>;

/// Six tokens of 8 channels.
struct Fixture {
  Matrix x = pattern<float>(6, 8);

  std::string written() const { return bytes_of(x); }
};

std::string npy_file(const std::string& header, const std::string& data = "") {
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size() & 0xff) +
         static_cast<char>(header.size() >> 8) + header + data;
}

std::string npy_shape(const std::string& shape) {
  return npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n");
}

void read_float(const std::string& bytes) {
  std::istringstream in(bytes);
  posenc::read_npy<float>(in);
}

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_npy_files() {
  using F = Fixture;
  BadInputs<F> bad("npy");

  // .npy files
  bad.value("read_npy: path must be a file that can be read, got /no/such/file.npy",
            [](F&) { posenc::read_npy<float>("/no/such/file.npy"); });
  bad.value("read_npy: the start of the file must be 10 bytes long, got 3", [](F&) { read_float("\x93NU"); });
  bad.value("read_npy: the start of the file must be \\x93NUMPY, got something else",
            [](F&) { read_float("GGUF and its tensors"); });
  bad.value("read_npy: the format version must be 1.0, got 2.0",
            [](F&) { read_float(std::string("\x93NUMPY\x02\0\0\0\0\0", 12)); });
  bad.value("read_npy: the header must be 65535 bytes long, got 5",
            [](F&) { read_float(std::string("\x93NUMPY\x01\0\xff\xff{'des", 15)); });
  bad.value("read_npy: the header must be followed by { at byte 0, got ''", [](F&) { read_float(npy_file("")); });
  bad.value("read_npy: the header must be closed by a quote after byte 1, got ''descr: ?'",
            [](F&) { read_float(npy_file("{'descr: \n")); });
  bad.value("read_npy: a key of the header must be 'descr', 'fortran_order' or 'shape', each once, got 'evil'",
            [](F&) { read_float(npy_file("{'evil': 1}\n")); });
  bad.value("read_npy: a key of the header must be 'descr', 'fortran_order' or 'shape', each once, got 'descr'",
            [](F&) { read_float(npy_file("{'descr': '<f4', 'descr': '<f8'}\n")); });
  bad.value("read_npy: the header must be complete: 'descr', 'fortran_order' and 'shape', got '{'descr': '<f4'}?'",
            [](F&) { read_float(npy_file("{'descr': '<f4'}\n")); });
  bad.value("read_npy: fortran_order must be False (save a C-ordered array), got 'True'",
            [](F&) { read_float(npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n")); });
  bad.value("read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '>f4'",
            [](F&) { read_float(npy_file("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n")); });
  bad.value("read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '<i8'",
            [](F&) { read_float(npy_file("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n")); });
  bad.value("read_npy: descr must be '<f2', '<f4' or '<f8' (little-endian floats), got '|O'",
            [](F&) { read_float(npy_file("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n")); });
  bad.value("read_npy: the header must be a number >= 0 at byte 51, got '-1, 4), }?'",
            [](F&) { read_float(npy_shape("(-1, 4)")); });
  bad.length("read_npy: shape must be at most 9223372036854775807, got '99999999999999999999, 4), }?'",
             [](F&) { read_float(npy_shape("(99999999999999999999, 4)")); });
  if (posenc_tests::kWideIndex)
    bad.length("read_npy: shape must be at most 268435455 for rows of 4294967296 values, got 4294967296",
               [](F&) { read_float(npy_shape("(4294967296, 4294967296)")); });
  if (posenc_tests::kWideIndex)
    bad.value("read_npy: the data must be 2305843009213693952 bytes long, got 0",
              [](F&) { read_float(npy_shape("(1073741824, 536870912)")); });
  bad.value("read_npy: the header must be ended by spaces and one newline, got 'x?'",
            [](F&) { read_float(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x\n")); });
  bad.value("write_npy: the product of shape must be values.size() 48, got 42", [](F& f) {
    std::ostringstream out;
    posenc::write_npy(out, f.x, {6, 7});
  });
  bad.value("write_npy: path must be a file that can be written, got /no/such/folder/x.npy",
            [](F& f) { posenc::write_npy("/no/such/folder/x.npy", f.x); });
  return bad.cases();
}

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares triangle waves, one-blob codes and spherical harmonics with the kernels of tiny-cuda-nn, compiled for the CPU
beside posenc.

    python3 tests/parity/tcnn.py FOLDER      include/tiny-cuda-nn of a clone of NVlabs/tiny-cuda-nn

needs a C++ compiler and Eigen. Only the functions named below are taken from its headers; a thread of a kernel is a call.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

FUNCTIONS = (("common_device.h", ("quartic", "quartic_cdf_deriv", "quartic_cdf", "sh_enc")),
             ("encodings/oneblob.h", ("kernel_one_blob_soa", "kernel_one_blob_backward")),
             ("encodings/triangle_wave.h", ("triangle_wave_encoding", "triangle_wave_encoding_backward")))

STUBS = """#include <cmath>
#include <cstdint>
#define __global__ inline
#define __device__ inline
#define __host__
#define __restrict__
struct Index3 { std::uint32_t x = 0, y = 0; };
static Index3 blockIdx, blockDim, threadIdx;
template <typename T> struct MatrixView {
  T* data; std::uint32_t rows;
  T& operator()(std::uint32_t i, std::uint32_t j = 0) const { return data[i + j * rows]; }
  T& operator[](std::uint32_t i) const { return data[i]; }
};
"""


def function(text, name):
    """The definition of a function, with the line of its template."""
    start = re.search(r"(template <[^\n]*>\n)?(__global__|__device__|__host__ __device__)[\w ]* " + name + r"\(", text).start()
    depth, at = 0, text.index("{", start)
    while True:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            return text[start:at].replace("inline float", "float") + "\n"


def main(folder):
    text = STUBS
    for file, names in FUNCTIONS:
        source = (pathlib.Path(folder) / file).read_text()
        text += "".join(function(source, name) for name in names)
    eigen = subprocess.run(["pkg-config", "--cflags", "eigen3"], capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as build:
        (pathlib.Path(build) / "tcnn.hpp").write_text(text)
        program = build + "/compare"
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O1", "-w", f"-I{HERE.parents[1] / 'include'}", *eigen,
                        f"-I{build}", str(HERE / "tcnn_driver.cpp"), "-o", program], check=True)
        return subprocess.run([program]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares positions and periodic frequencies with stable-diffusion.cpp, compiled beside posenc.

    python3 tests/parity/sd_cpp.py ROPE_HPP      src/model/common/rope.hpp of leejet/stable-diffusion.cpp

needs a C++ compiler and Eigen. Of the header, all but the two functions at its end runs, which rotate ggml tensors.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

STUBS = """#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>
#define __STATIC_INLINE__ static inline
#define GGML_ASSERT(x) assert(x)
#define SD_UNUSED(x) (void)(x)
struct ggml_tensor { std::int64_t ne[4]; };
"""


def main(path):
    header = pathlib.Path(path).read_text()
    kept = header[:header.index("__STATIC_INLINE__ ggml_tensor* apply_rope(")] + "}\n#endif\n"
    kept = kept.replace('#include "core/ggml_extend.hpp"', STUBS)
    eigen = subprocess.run(["pkg-config", "--cflags", "eigen3"], capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "sd_rope.hpp").write_text(kept)
        program = folder + "/compare"
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O1", "-w", f"-I{HERE.parents[1] / 'include'}", *eigen,
                        f"-I{folder}", str(HERE / "sd_cpp_driver.cpp"), "-o", program], check=True)
        return subprocess.run([program]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

// SPDX-License-Identifier: MIT
/// What every case of tests/mistakes is written after. It is precompiled, once for each compiler.
#include "posenc/posenc.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/json.hpp"

using namespace posenc;
using Eigen::Index;
using posenc_tests::Json;

/// A row-major matrix of floats: a row for each token, as most users have it.
using M = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int B = 2;   // sequences
constexpr int L = 16;  // tokens of each
constexpr int H = 4;   // heads
constexpr int D = 64;  // channels of each

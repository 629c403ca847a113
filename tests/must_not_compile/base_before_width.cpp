// SPDX-License-Identifier: MIT
// The width of a preset and its base have changed places.
// expect: a number of channels or tokens must be an integer
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  return static_cast<int>(posenc::presets::paper(10000.0, 64).width());
#else
  return static_cast<int>(posenc::presets::paper(64, 10000.0).width() - 64);
#endif
}

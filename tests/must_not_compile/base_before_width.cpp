// SPDX-License-Identifier: MIT
// The width of a preset and its base have changed places.
// expect: and other counts must be integers, and they come before real numbers
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  return static_cast<int>(posenc::presets::paper(10000.0, 64).width());
#else
  return static_cast<int>(posenc::presets::paper(64, 10000.0).width() - 64);
#endif
}

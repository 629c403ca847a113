// SPDX-License-Identifier: MIT
// A RopeLayout has no default.
// expect: deleted (function|constructor).*RopeLayout
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  const posenc::RopeLayout layout;
#else
  const posenc::RopeLayout layout = posenc::RopeLayout::interleaved(8);
#endif
  (void)layout;
}

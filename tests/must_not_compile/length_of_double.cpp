// SPDX-License-Identifier: MIT
// The length of a sequence is a real number.
// expect: each_sequence.seq_len. takes an integer
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  return static_cast<int>(posenc::each_sequence(2.5).seq_len());
#else
  return static_cast<int>(posenc::each_sequence(2).seq_len() - 2);
#endif
}

// SPDX-License-Identifier: MIT
// Without exceptions, POSENC_FAIL_HANDLER gets the message that an exception would carry.
#include <cstdio>
#include <cstdlib>
#include <string>

[[noreturn]] inline void on_failure(const char* message) {
  std::printf("%s\n", message);
  const std::string text = message;
  const bool expected = text.find("posenc::geometric_frequencies: rotary_dim must be ") == 0 && text.size() > 7 &&
                        text.substr(text.size() - 7) == ", got 7";
  std::exit(expected ? 0 : 1);
}
#define POSENC_FAIL_HANDLER on_failure

#include "posenc/posenc.hpp"

int main() {
  static_assert(POSENC_HAS_EXCEPTIONS == 0);
  posenc::geometric_frequencies(7, 10000);
  return 1;
}

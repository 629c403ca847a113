// SPDX-License-Identifier: MIT
// Without exceptions and without a handler: the message on stderr, then abort().
#include "posenc/posenc.hpp"

#include <csignal>
#include <cstdlib>

int main() {
  std::signal(SIGABRT, [](int) { std::_Exit(0); });
  posenc::geometric_frequencies(7, 10000);
  return 1;
}

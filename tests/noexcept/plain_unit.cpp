// SPDX-License-Identifier: MIT
// Without a handler: the message on stderr, then abort().
#include "posenc/posenc.hpp"

#include <csignal>
#include <cstdlib>

void fail_with_handler();

namespace {
bool handled = false;
}

/// The handler of the other unit ends here.
[[noreturn]] void on_failure() {
  handled = true;
  posenc::geometric_frequencies(7, 10000);  // this unit's way to fail
  std::_Exit(1);
}

int main() {
  std::signal(SIGABRT, [](int) { std::_Exit(handled ? 0 : 2); });
  fail_with_handler();
  return 3;
}

// SPDX-License-Identifier: MIT
// The version of CMake, of the macros and of the inline namespace is one.
#include "posenc/posenc.hpp"

#include <cstdio>
#include <string>
#include <typeinfo>

int main() {
  const std::string numbers[] = {std::to_string(POSENC_VERSION_MAJOR), std::to_string(POSENC_VERSION_MINOR),
                                 std::to_string(POSENC_VERSION_PATCH)};
  const std::string macros = numbers[0] + "." + numbers[1] + "." + numbers[2];
  const std::string name_space = "v" + numbers[0] + "_" + numbers[1] + "_" + numbers[2] + "_";
  const std::string type = typeid(posenc::PositionRange).name();
  std::printf("CMake %s, macros %s, a type %s\n", EXPECTED_VERSION, macros.c_str(), type.c_str());
  return macros == EXPECTED_VERSION && type.find(name_space) != std::string::npos ? 0 : 1;
}

// SPDX-License-Identifier: MIT
// Without exceptions a config of the wrong kind is a message too, and never a JSON type's own error.
#include <cstdio>
#include <cstdlib>
#include <string>

[[noreturn]] inline void on_failure(const char* message) {
  std::printf("%s\n", message);
  const bool expected = std::string(message) ==
                        "posenc::read_hugging_face_config: rope_scaling.factor must be a number, got the text \"8\"";
  std::exit(expected ? 0 : 1);
}
#define POSENC_FAIL_HANDLER on_failure

#include "posenc/model_config.hpp"

int main() {
  using posenc::ConfigValue;
  ConfigValue config = ConfigValue::dictionary(
      {{"model_type", "llama"}, {"head_dim", 128}, {"num_hidden_layers", 2}, {"rope_theta", 10000.0}});
  config.set("rope_scaling", ConfigValue::dictionary({{"type", "linear"}, {"factor", 8}}));
  if (posenc::read_hugging_face_config(config, 4096).layers.size() != 2) return 1;
  config.set("rope_scaling", ConfigValue::dictionary({{"type", "linear"}, {"factor", "8"}}));
  posenc::read_hugging_face_config(config, 4096);
  return 1;
}

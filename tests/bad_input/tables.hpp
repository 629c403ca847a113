// SPDX-License-Identifier: MIT
/// The tables of bad_input, one a file.
#ifndef POSENC_TESTS_BAD_INPUT_TABLES_HPP
#define POSENC_TESTS_BAD_INPUT_TABLES_HPP

#include "support/bad_input.hpp"

#include <vector>

namespace posenc_tests {

std::vector<BadInputCase> bad_positions();
std::vector<BadInputCase> bad_frequencies();
std::vector<BadInputCase> bad_tables();
std::vector<BadInputCase> bad_head_tables();
std::vector<BadInputCase> bad_rope();
std::vector<BadInputCase> bad_sinusoids();
std::vector<BadInputCase> bad_fourier_features();
std::vector<BadInputCase> bad_learned();
std::vector<BadInputCase> bad_npy_files();
std::vector<BadInputCase> bad_distance_biases();
std::vector<BadInputCase> bad_bucket_biases();
std::vector<BadInputCase> bad_window_biases();
std::vector<BadInputCase> bad_content_biases();
std::vector<BadInputCase> bad_configs();
std::vector<BadInputCase> bad_config_rope();
std::vector<BadInputCase> bad_config_layers();
std::vector<BadInputCase> bad_models();
std::vector<BadInputCase> bad_gguf_metadata();

}  // namespace posenc_tests

#endif  // POSENC_TESTS_BAD_INPUT_TABLES_HPP

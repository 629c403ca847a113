# SPDX-License-Identifier: MIT
# Variables: BLOCK, COMPILER, FLAGS, README, SOURCE, BUILD, GENERATOR, EIGEN.
cmake_minimum_required(VERSION 3.21)
file(READ ${README} text)
set(language ${BLOCK})
if(BLOCK STREQUAL "config")  # the second C++ block, which reads a config
  set(language cpp)
  string(FIND "${text}" "\n```cpp\n" first)
  math(EXPR first "${first} + 1")
  string(SUBSTRING "${text}" ${first} -1 text)
endif()
if(NOT text MATCHES "\n```${language}\n([^`]*)\n```")
  message(FATAL_ERROR "README.md has no block ```${language} for ${BLOCK}")
endif()
set(code "${CMAKE_MATCH_1}")

# run(<what> <command> ...)
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what}:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${BUILD})
file(MAKE_DIRECTORY ${BUILD})
if(BLOCK STREQUAL "cpp")
  # The names that the block leaves to its reader, and whether queries and keys were rotated.
  string(REGEX MATCHALL "#include [^\n]*\n" includes "${code}")
  string(REGEX REPLACE "#include [^\n]*\n" "" code "${code}")
  file(WRITE ${BUILD}/block.cpp "${includes}
int main() {
  const Eigen::Index head_dim = 8, tokens = 4, max_tokens = 16, cached = 3;
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(tokens, 4 * head_dim);
  Eigen::MatrixXf k = Eigen::MatrixXf::Ones(tokens, 2 * head_dim);
${code}
  return q(0, 0) != 1 && k == q.leftCols(2 * head_dim) ? 0 : 1;
}
")
  run("the C++ block does not compile" ${COMPILER} ${FLAGS} ${BUILD}/block.cpp -o ${BUILD}/block)
  run("the C++ block does not rotate q and k" ${BUILD}/block)
elseif(BLOCK STREQUAL "config")
  # As above; the tests' own JSON stands for nlohmann::json.
  file(WRITE ${BUILD}/block.cpp "#include <posenc/posenc.hpp>
#include \"support/json.hpp\"
#include <cstddef>
namespace nlohmann {
using json = posenc_tests::Json;
}
int main() {
  const std::string file = R\"({\"model_type\": \"llama\", \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"hidden_size\": 16,
      \"rope_theta\": 10000.0, \"max_position_embeddings\": 32})\";
  const Eigen::Index serving_length = 32, prompt = 4;
  std::vector<posenc::FrequencyTable<float>> tables;
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(prompt, 16);
  const std::size_t l = 1;
${code}
  return q(1, 0) != 1 && tables.size() == 1 ? 0 : 1;
}
")
  run("the block of a config does not compile" ${COMPILER} ${FLAGS} -I${SOURCE}/tests ${BUILD}/block.cpp -o ${BUILD}/block)
  run("the block of a config does not rotate q" ${BUILD}/block)
else()
  # find_package() is what an installed copy answers (consumer.find_package): here the way that its comment names too.
  string(REGEX REPLACE "find_package\\(posenc[^\n]*# or (add_subdirectory\\(posenc\\))[^\n]*" "\\1" code "${code}")
  if(NOT code MATCHES "add_subdirectory")
    message(FATAL_ERROR "the CMake block names no add_subdirectory(posenc):\n${code}")
  endif()
  string(REPLACE "add_subdirectory(posenc)" "add_subdirectory(${SOURCE} posenc)" code "${code}")
  file(WRITE ${BUILD}/source/CMakeLists.txt "cmake_minimum_required(VERSION 3.21)
project(app LANGUAGES CXX)
add_executable(app ${SOURCE}/tests/consumer/main.cpp)
${code}
")
  run("the CMake block does not configure" ${CMAKE_COMMAND} -S ${BUILD}/source -B ${BUILD}/build -G ${GENERATOR}
      -DCMAKE_CXX_COMPILER=${COMPILER} -DEigen3_DIR=${EIGEN})
  run("the CMake block does not build" ${CMAKE_COMMAND} --build ${BUILD}/build)
endif()

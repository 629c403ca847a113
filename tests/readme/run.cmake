# SPDX-License-Identifier: MIT
# Variables: BLOCK, COMPILER, FLAGS, README, SOURCE, BUILD, GENERATOR, EIGEN.
cmake_minimum_required(VERSION 3.21)
file(READ ${README} text)
if(NOT text MATCHES "\n```${BLOCK}\n([^`]*)\n```")
  message(FATAL_ERROR "README.md has no block ```${BLOCK}")
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

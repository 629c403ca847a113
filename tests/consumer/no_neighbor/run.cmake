# SPDX-License-Identifier: MIT
# Data is taken from where the user says, never from a folder that happens to lie beside the source.
file(REMOVE_RECURSE ${BUILD})
file(COPY ${POSENC_SOURCE}/CMakeLists.txt ${POSENC_SOURCE}/LICENSE ${POSENC_SOURCE}/include DESTINATION ${BUILD}/posenc)
file(WRITE ${BUILD}/shared/data/README.md "not ours\n")
file(WRITE ${BUILD}/posenc/examples/CMakeLists.txt
     "if(POSENC_DATA_DIR)\n  message(FATAL_ERROR \"data is taken from \${POSENC_DATA_DIR}\")\nendif()\n")
separate_arguments(options UNIX_COMMAND "${OPTIONS}")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${BUILD}/posenc -B ${BUILD}/build ${options} -DPOSENC_BUILD_TESTS=OFF
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# How many jobs run is for the user to say: by -j, CMAKE_BUILD_PARALLEL_LEVEL and CTEST_PARALLEL_LEVEL.
file(READ ${POSENC_SOURCE}/CMakePresets.json presets)
string(JSON builds GET "${presets}" buildPresets)
if(builds MATCHES "\"jobs\"")
  message(FATAL_ERROR "a build preset of CMakePresets.json fixes the number of jobs")
endif()

# SPDX-License-Identifier: MIT
# Beside those of Eigen and of the standard headers that it includes, posenc.hpp defines POSENC_ macros alone.
# Variables: COMPILER, FLAGS, FOLDER (of outside.hpp).
cmake_minimum_required(VERSION 3.21)
function(list_macros source result)
  execute_process(COMMAND ${COMPILER} ${FLAGS} -x c++ -dM -E ${source} OUTPUT_VARIABLE output
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "#define [A-Za-z0-9_]+" names "${output}")
  list(TRANSFORM names REPLACE "#define " "")
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

file(WRITE ${FOLDER}/with.cpp "#include \"outside.hpp\"\n#include \"posenc/posenc.hpp\"\n")
list_macros(${FOLDER}/outside.hpp before)
list_macros(${FOLDER}/with.cpp after)
list(REMOVE_ITEM after ${before})
list(LENGTH after count)
set(foreign ${after})
list(FILTER foreign EXCLUDE REGEX "^POSENC_")
if(foreign OR count EQUAL 0)
  message(FATAL_ERROR "posenc.hpp defines ${count} macros, of which these are not POSENC_...: ${foreign}")
endif()
message("posenc.hpp defines ${count} macros, all POSENC_...")

# SPDX-License-Identifier: MIT
# What pkg-config prints is read by a shell, as in a Makefile: `c++ $(shell pkg-config --cflags posenc)`.
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/share/pkgconfig")
execute_process(COMMAND ${PKG_CONFIG} --cflags posenc OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(words UNIX_COMMAND "${flags}")
separate_arguments(given UNIX_COMMAND "${FLAGS}")
execute_process(COMMAND ${COMPILER} ${given} -std=c++17 ${words} -fsyntax-only ${SOURCE} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "does not compile with ${flags}")
endif()

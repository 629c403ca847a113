// SPDX-License-Identifier: MIT
/// Pictures of the examples, drawn with gnuplot when it is there.
#ifndef POSENC_EXAMPLES_PLOT_HPP
#define POSENC_EXAMPLES_PLOT_HPP

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

/// Writes <name>.gp into the current directory and draws <name>.png with it. `commands` read the data file <name>.dat,
/// which the caller has written. Returns false when gnuplot is there but fails.
inline bool plot(const std::string& name, int width, int height, const std::string& commands) {
  std::ofstream(name + ".gp") << "set terminal pngcairo size " << width << "," << height << " font 'sans,13'\n"
                              << "set output '" << name << ".png'\n"
                              << commands;
#if defined(_WIN32)
  const std::string quiet = " > NUL 2>&1";
#else
  const std::string quiet = " > /dev/null 2>&1";
#endif
  if (std::system(("gnuplot --version" + quiet).c_str()) != 0) {
    std::cout << "wrote " << name << ".dat; gnuplot (apt package gnuplot-nox) draws it: gnuplot " << name << ".gp\n";
    return true;
  }
  const bool drawn = std::system(("gnuplot " + name + ".gp" + quiet).c_str()) == 0;
  std::cout << (drawn ? "drew " + name + ".png\n" : "FAILED to draw: gnuplot " + name + ".gp\n");
  return drawn;
}

#endif  // POSENC_EXAMPLES_PLOT_HPP

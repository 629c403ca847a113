// SPDX-License-Identifier: MIT
// Who sits where in four diffusion models: 6 tokens of text, a picture of 4 x 6 patches and, where the model takes one,
// a reference of 2 x 3; three frames in the video model. Each token has a position on each axis, and those are all that
// the rotation of its queries and keys knows of it.
//
// Prints:
//   t, y, x        text first       text last        picture first    picture last     reference first  reference last
//   FLUX           (0 0 0)          (0 0 0)          (0 0 0)          (0 3 5)          (1 0 0)          (1 1 2)
//   Qwen-Image     (3 3 3)          (8 8 8)          (0 -2 -3)        (0 1 2)          (1 -1 -2)        (1 0 0)
//   Z-Image        (1 0 0)          (32 0 0)         (33 0 0)         (33 3 5)         -                -
//   Wan, 3 frames  -                -                (0 0 0)          (2 3 5)          -                -
//
//   drew 18_image_latents.png
//   ok
//
// FLUX tells its text tokens apart by nothing; Qwen-Image puts text behind the picture on the diagonal, Z-Image in
// front of it on the first axis (32: text is filled up), and in Wan text has no positions.
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using Eigen::Index;
using Ids = posenc::AxisPositionMatrix<std::int64_t>;

struct Part {
  std::string name;
  Index first, count;  // rows of the model's ids; none where it has no such tokens
};

struct Model {
  std::string name;
  Ids ids;
  std::vector<Part> parts;
};

std::string place(const Ids& ids, const Part& part, Index row) {
  std::ostringstream text;
  if (part.count == 0) return "-";
  text << ids.row(part.first + row).format(Eigen::IOFormat(0, Eigen::DontAlignCols, " ", " ", "", "", "(", ")"));
  return text.str();
}

int main() {
  const posenc::GridShape picture(4, 6);
  const posenc::GridShape reference(2, 3);
  const std::vector<Model> models = {{"FLUX",
                                      posenc::presets::flux_positions(6, picture, {reference}),
                                      {{"text", 0, 6}, {"picture", 6, 24}, {"reference", 30, 6}}},
                                     {"Qwen-Image",
                                      posenc::presets::qwen_image_positions(6, {picture, reference}),
                                      {{"text", 0, 6}, {"picture", 6, 24}, {"reference", 30, 6}}},
                                     {"Z-Image",
                                      posenc::presets::z_image_positions(6, picture),  // both filled up to 32
                                      {{"text", 32, 32}, {"picture", 0, 24}, {"reference", 0, 0}}},
                                     {"Wan, 3 frames",
                                      posenc::presets::wan_positions(3, picture),
                                      {{"text", 0, 0}, {"picture", 0, 72}, {"reference", 0, 0}}}};

  std::cout << std::left << std::setw(15) << "t, y, x";
  for (const Part& part : models[0].parts) {
    std::cout << std::setw(17) << part.name + " first" << std::setw(17) << part.name + " last";
  }
  std::cout << "\n";
  std::ofstream data("18_image_latents.dat");  // x y t of each token, two empty lines behind each part
  for (const Model& model : models) {
    std::cout << std::setw(15) << model.name;
    for (const Part& part : model.parts) {
      std::cout << std::setw(17) << place(model.ids, part, 0) << std::setw(17)
                << place(model.ids, part, part.count - 1);
      for (Index i = part.first; i < part.first + part.count; ++i) {
        data << model.ids(i, 2) << " " << model.ids(i, 1) << " " << model.ids(i, 0) << "\n";
      }
      data << (part.count == 0 ? "nan nan nan\n" : "") << "\n\n";
    }
    std::cout << "\n";
  }
  data.close();

  std::cout << "\n";
  const bool drawn = plot("18_image_latents", 1300, 950, R"gnuplot(
set multiplot layout 2,2 title "A token at (t, y, x), t into the depth" font ",15"
set palette defined (0 '#2166ac', 0.5 '#92c5de', 1 '#b2182b')
set size ratio -1
unset tics
set border 0
set cbtics
set key outside right bottom
set yrange [*:*] reverse
set offsets 1, 1, 1, 1
set cblabel "t"
titles = "FLUX Qwen-Image Z-Image Wan"
depths = "3 0.8 0.35 2"
do for [m=0:3] {
  set title word(titles, m + 1)
  s = word(depths, m + 1) + 0
  plot "18_image_latents.dat" index 3*m+1 using ($1+s*$3):($2-0.6*s*$3):3 with points pt 5 ps 2 palette title "picture", \
       "" index 3*m+2 using ($1+s*$3):($2-0.6*s*$3):3 with points pt 7 ps 2 palette title "reference", \
       "" index 3*m using ($1-0.4+s*$3):($2-0.6*s*$3):3 with points pt 9 ps 2 palette title "text"
}
unset multiplot
)gnuplot");

  // What diffusers has for these sizes: see tests/positions/latents.cpp.
  const Ids& qwen = models[1].ids;
  const bool good = qwen(0, 0) == 3 && qwen(6, 1) == -2 && qwen(35, 2) == 0 && models[2].ids(0, 0) == 33;
  std::cout << (good && drawn ? "ok\n" : "FAILED\n");
  return good && drawn ? 0 : 1;
}

// SPDX-License-Identifier: MIT
/// Positions of prompts with pictures and videos.
#include <cstdint>
#include <vector>

#include <posenc/positions.hpp>

#include "support/catch2.hpp"

namespace {

using posenc::MropeSegment;
using posenc::VideoTime;

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

}  // namespace

TEST_CASE("text with a picture and a video in it", "[positions][mrope]") {
  // Qwen2-VL: a picture advances by the larger of its sides; then 2.5 positions for each frame, floored.
  const auto prompt =
      posenc::mrope_positions({MropeSegment::text(3), MropeSegment::image(2, 3), MropeSegment::text(2),
                               MropeSegment::video(3, 1, 2, VideoTime{5, 2, 1}), MropeSegment::text(1)});
  Ids expected(18, 3);
  expected << 0, 0, 0, 1, 1, 1, 2, 2, 2,                         //
      3, 3, 3, 3, 3, 4, 3, 3, 5, 3, 4, 3, 3, 4, 4, 3, 4, 5,      //
      6, 6, 6, 7, 7, 7,                                          //
      8, 8, 8, 8, 8, 9, 10, 8, 8, 10, 8, 9, 13, 8, 8, 13, 8, 9,  //
      14, 14, 14;
  CHECK(prompt.ids == expected);
  CHECK(prompt.next_position == 15);
  CHECK(prompt.rope_delta == 15 - 18);
  // Decoding goes on at cache length + rope_delta; a prompt in two parts equals the whole.
  const auto head = posenc::mrope_positions({MropeSegment::text(3), MropeSegment::image(2, 3)});
  const auto tail = posenc::mrope_positions(
      {MropeSegment::text(2), MropeSegment::video(3, 1, 2, VideoTime{5, 2, 1}), MropeSegment::text(1)},
      head.next_position);
  CHECK(head.ids == expected.topRows(9));
  CHECK(tail.ids == expected.bottomRows(9));
  CHECK(tail.next_position == 15);
  CHECK(posenc::mrope_positions({}).ids.rows() == 0);
}

TEST_CASE("frames are at whole positions exactly where their time is one", "[positions][mrope]") {
  // 25 positions per second, 2/3 s a frame: 16.67 a frame, 50 at the third.
  const auto video = posenc::mrope_positions({MropeSegment::video(4, 1, 1, VideoTime{25, 3, 2})});
  CHECK(video.ids.col(0) == (Eigen::Matrix<std::int64_t, 4, 1>() << 0, 16, 33, 50).finished());
  // In floating point, 25 * (2 / 3.0) is a little less than 50/3 after three steps.
  for (const std::int64_t positions_per_second : {1, 2, 13, 25}) {
    for (const std::int64_t frames : {3, 7, 15000, 24000}) {
      for (const std::int64_t seconds : {1, 2, 1001}) {
        const VideoTime time{positions_per_second, frames, seconds};
        const auto ids = posenc::mrope_positions({MropeSegment::video(2000, 1, 1, time)}).ids;
        for (std::int64_t frame = 0; frame < 2000; ++frame) {
          const std::int64_t at = ids(static_cast<Eigen::Index>(frame), 0);
          const std::int64_t exact = frame * positions_per_second * seconds;  // times 1 / frames
          if (at * frames > exact || (at + 1) * frames <= exact) FAIL("frame " << frame << " at " << at);
        }
      }
    }
  }
  CHECK(posenc::mrope_positions({MropeSegment::video(3, 1, 1)}).ids.col(0) ==
        Eigen::Matrix<std::int64_t, 3, 1>(0, 1, 2));
}

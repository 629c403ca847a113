// SPDX-License-Identifier: MIT
/// Positions of prompts with pictures and videos.
#include <cstdint>
#include <vector>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

namespace {

using posenc::MropeSegment;
using posenc::VideoSound;
using posenc::VideoTime;

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

}  // namespace

TEST_CASE("text with a picture and a video in it", "[positions][mrope]") {
  // Qwen2-VL: a picture advances by the larger of its sides; then 2.5 positions for each frame, floored.
  const auto prompt = posenc::mrope_positions(
      {MropeSegment::text(3), MropeSegment::image(2, 3), MropeSegment::text(2),
       MropeSegment::video(3, 1, 2, VideoTime().positions_per_second(5).frames(2).seconds(1)), MropeSegment::text(1)});
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
      {MropeSegment::text(2), MropeSegment::video(3, 1, 2, VideoTime().positions_per_second(5).frames(2).seconds(1)),
       MropeSegment::text(1)},
      head.next_position);
  CHECK(head.ids == expected.topRows(9));
  CHECK(tail.ids == expected.bottomRows(9));
  CHECK(tail.next_position == 15);
  CHECK(posenc::mrope_positions({}).ids.rows() == 0);
}

TEST_CASE("frames are at whole positions exactly where their time is one", "[positions][mrope]") {
  // 25 positions per second, 2/3 s a frame: 16.67 a frame, 50 at the third.
  const auto video = posenc::mrope_positions(
      {MropeSegment::video(4, 1, 1, VideoTime().positions_per_second(25).frames(3).seconds(2))});
  CHECK(video.ids.col(0) == (Eigen::Matrix<std::int64_t, 4, 1>() << 0, 16, 33, 50).finished());
  // In floating point, 25 * (2 / 3.0) is a little less than 50/3 after three steps.
  for (const std::int64_t positions_per_second : {1, 2, 13, 25}) {
    for (const std::int64_t frames : {3, 7, 15000, 24000}) {
      for (const std::int64_t seconds : {1, 2, 1001}) {
        const VideoTime time = VideoTime().positions_per_second(positions_per_second).frames(frames).seconds(seconds);
        const auto ids = posenc::mrope_positions({MropeSegment::video(2000, 1, 1, time)}).ids;
        for (std::int64_t frame = 0; frame < 2000; ++frame) {
          const std::int64_t at = ids(static_cast<Eigen::Index>(frame), 0);
          const std::int64_t exact = frame * positions_per_second * seconds;  // times 1 / frames
          if (at * frames > exact || (at + 1) * frames <= exact) FAIL("frame " << frame << " at " << at);
        }
      }
    }
  }
  CHECK(posenc::mrope_positions({MropeSegment::video(3, 1, 1, VideoTime())}).ids.col(0) ==
        Eigen::Matrix<std::int64_t, 3, 1>(0, 1, 2));
}

TEST_CASE("prompts with audio, and with audio in video, are those of Qwen2.5-Omni", "[positions][mrope]") {
  const auto golden = posenc_tests::golden("positions/omni.csv");
  const auto check = [&](const char* name, const std::vector<MropeSegment>& prompt, std::int64_t pads = 0) {
    INFO(name);
    const auto expected = golden.block(name).matrix();
    const auto made = posenc::mrope_positions(prompt);
    REQUIRE(made.ids.rows() + 1 == expected.rows());
    CHECK(made.ids.cast<double>() == expected.topRows(made.ids.rows()));
    CHECK(static_cast<double>(made.rope_delta + pads) == expected(made.ids.rows(), 0));  // theirs leaves pads out
  };
  const auto text = [](int tokens) { return MropeSegment::text(tokens); };
  // Runs of text take in the tokens that begin and end pictures and audio.
  check("picture_video_audio",
        {text(3 + 1), MropeSegment::image(2, 3), text(1 + 2 + 1), MropeSegment::audio(5), text(1 + 1 + 1),
         MropeSegment::video(3, 1, 2, VideoTime().positions_per_second(24).frames(2).seconds(1)), text(1 + 2)});
  check("left_padded", {MropeSegment::padding(4), text(2 + 1), MropeSegment::image(3, 1), text(1 + 1)}, 4);
  const VideoTime frame_a_second = VideoTime().positions_per_second(25).frames(1).seconds(1);
  check("audio_in_video",
        {text(2),
         MropeSegment::video_with_audio(3, 1, 2, frame_a_second, VideoSound().tokens(70).positions_per_chunk(50)),
         text(1)});
  check("audio_in_video_odd",
        {text(1),
         MropeSegment::video_with_audio(5, 3, 1, frame_a_second, VideoSound().tokens(113).positions_per_chunk(50)),
         text(3)});
  check("short_audio_in_video",
        {MropeSegment::video_with_audio(6, 2, 2, frame_a_second, VideoSound().tokens(20).positions_per_chunk(50)),
         text(2)});
  CHECK(golden.blocks.size() == 5);
}

TEST_CASE("pads take no positions", "[positions][mrope]") {
  const auto padded = posenc::mrope_positions({MropeSegment::padding(2), MropeSegment::text(3)});
  CHECK(padded.ids.col(1) == (Eigen::Matrix<std::int64_t, 5, 1>() << 1, 1, 0, 1, 2).finished());
  CHECK(padded.next_position == 3);
  CHECK(padded.rope_delta == -2);  // with 5 tokens in the cache, the next one is at 3
  MropeSegment elsewhere = MropeSegment::padding(1);
  elsewhere.pad_position = -7;
  CHECK(posenc::mrope_positions({elsewhere}).ids.row(0) == Eigen::Matrix<std::int64_t, 1, 3>(-7, -7, -7));
}

TEST_CASE("prompts of Qwen3-Omni are those of transformers", "[positions][mrope]") {
  const auto golden = posenc_tests::golden("positions/omni_3.csv");
  const auto check = [&](const char* name, const std::vector<MropeSegment>& prompt) {
    INFO(name);
    const auto expected = golden.block(name).matrix();
    const auto made = posenc::mrope_positions(prompt);
    REQUIRE(made.ids.rows() + 1 == expected.rows());
    CHECK(made.ids.cast<double>() == expected.topRows(made.ids.rows()));
    CHECK(static_cast<double>(made.rope_delta) == expected(made.ids.rows(), 0));
  };
  const auto tokens = [&](const char* name) { return static_cast<int>(golden.block(name).values[0]); };
  const auto text = [](int count) { return MropeSegment::text(count); };
  const VideoTime each_second = VideoTime().positions_per_second(13).frames(1).seconds(1);
  // Runs of text take in the tokens that begin and end videos and audio.
  check("video_audio", {text(3 + 1), MropeSegment::video(3, 1, 2, each_second), text(1 + 1 + 1),
                        MropeSegment::audio(tokens("video_audio_tokens")), text(1)});
  const auto sound = [&](const char* name) { return VideoSound().tokens(tokens(name)).by_token(); };
  check("audio_in_video",
        {text(2), MropeSegment::video_with_audio(3, 1, 2, each_second, sound("audio_in_video_tokens")), text(1)});
  const VideoTime each_two_seconds = VideoTime().positions_per_second(13).frames(1).seconds(2);
  check("short_audio_in_video",
        {MropeSegment::video_with_audio(5, 3, 1, each_two_seconds, sound("short_audio_in_video_tokens")), text(2)});
  check("audio_in_wide_video",
        {text(1), MropeSegment::video_with_audio(2, 2, 40, each_second, sound("audio_in_wide_video_tokens")), text(3)});
  CHECK(golden.blocks.size() == 8);
  // Nothing between the four tokens.
  const auto empty = posenc::mrope_positions(
      {MropeSegment::video_with_audio(0, 1, 1, each_second, VideoSound().tokens(0).by_token())});
  CHECK(empty.ids.col(0) == (Eigen::Matrix<std::int64_t, 4, 1>() << 0, 1, 2, 3).finished());
}

TEST_CASE("prompts of Qwen2-VL and Qwen2.5-VL are those of transformers", "[positions][mrope]") {
  const auto golden = posenc_tests::golden("positions/qwen_vl.csv");
  const auto check = [&](const std::string& name, const std::vector<MropeSegment>& prompt, Eigen::Index pads = 0) {
    INFO(name);
    const auto expected = golden.block(name).matrix();
    const auto made = posenc::mrope_positions(prompt);
    REQUIRE(made.ids.rows() + 1 == expected.rows());
    // transformers leaves pads at 0, and does not count them.
    CHECK(made.ids.bottomRows(made.ids.rows() - pads).cast<double>() ==
          expected.middleRows(pads, made.ids.rows() - pads));
    CHECK(static_cast<double>(made.rope_delta + pads) == expected(made.ids.rows(), 0));
  };
  const auto text = [](int count) { return MropeSegment::text(count); };
  for (const std::string model : {"qwen2_vl_", "qwen2_5_vl_"}) {
    const VideoTime time =
        model == "qwen2_vl_" ? VideoTime() : VideoTime().positions_per_second(25).frames(2).seconds(1);
    check(model + "picture", {text(3), MropeSegment::image(2, 3), text(2)});
    check(model + "pictures_padded",
          {MropeSegment::padding(3), text(2), MropeSegment::image(3, 1), text(1), MropeSegment::image(5, 7), text(4)},
          3);
    check(model + "picture_video", {MropeSegment::image(4, 2), text(1), MropeSegment::video(3, 2, 60, time), text(3)});
  }
  CHECK(golden.blocks.size() == 6 + 3);
}

TEST_CASE("prompts of GLM-Image and the pictures that it makes are those of transformers", "[positions][mrope]") {
  const auto golden = posenc_tests::golden("positions/qwen_vl.csv");
  const auto check = [&](const std::string& name, const std::vector<MropeSegment>& prompt) {
    INFO(name);
    CHECK(posenc::mrope_positions(prompt).ids.cast<double>() == golden.block("glm_image_" + name).matrix());
  };
  // Tokens around a picture that begin and end it are text; pictures to be made follow one another, the last grid
  // first.
  const auto text = [](int count) { return MropeSegment::text(count); };
  check("text", {text(7), MropeSegment::image(2, 3), MropeSegment::image(5, 7), text(1)});
  check("picture",
        {text(4), MropeSegment::image(2, 3), text(4), MropeSegment::image(2, 2), MropeSegment::image(4, 4), text(1)});
  check("pictures", {text(2), MropeSegment::image(3, 1), text(2), MropeSegment::image(5, 6), text(4),
                     MropeSegment::image(1, 9), text(1)});
}

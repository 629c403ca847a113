// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/positions.hpp"

namespace {

using posenc::MropeSegment;
using posenc::VideoTime;
using posenc_tests::BadInputs;
using posenc_tests::kInfinity;
using posenc_tests::kNan;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_positions() {
  using F = posenc_tests::NothingWritten;
  BadInputs<F> bad("positions");

  // Spectra and positions of grids
  bad.value("a grid of no axis", "grid_positions: sizes.size() must be > 0, got 0",
            [](F&) { posenc::grid_positions(std::vector<int>{}); });
  bad.value("a grid of negative height", "patch_centers: sizes[1] must be >= 0, got -2", [](F&) {
    posenc::patch_centers({4, -2});
  });
  if (posenc_tests::kWideIndex)
    bad.length(
        "a grid beyond memory",
        "grid_positions: number of tokens must be at most 357913941 for rows of 3221225472 values, got 1073741824",
        [](F&) {
          posenc::grid_positions({1 << 30, 1 << 30, 1 << 30});
        });
  bad.value("a grid stretched to a negative size", "stretched_positions: reference_sizes[0] must be >= 0, got -1",
            [](F&) {
              posenc::stretched_positions({2, 2}, {-1, 0});
            });
  bad.value("a grid stretched to one of fewer axes",
            "stretched_positions: reference_sizes.size() must be sizes.size() 2, got 1", [](F&) {
              posenc::stretched_positions({4, 4}, {2});
            });

  // Position ids
  bad.value("more cached tokens than the mask has",
            "padded_positions: past must be in [0, 4] (columns of the mask), got 5",
            [](F&) { posenc::padded_positions(Eigen::MatrixXi::Ones(1, 4), posenc::PastTokens(5)); });
  bad.value("no cu_seqlens", "packed_positions: cu_seqlens.size() must be > 0, got 0",
            [](F&) { posenc::packed_positions(Eigen::ArrayXi()); });
  bad.value("cu_seqlens from 1", "packed_positions: cu_seqlens[0] must be 0, got 1",
            [](F&) { posenc::packed_positions(Eigen::Array2i(1, 4)); });
  bad.length("cu_seqlens beyond memory",
             "packed_positions: the last of cu_seqlens must be at most 1152921504606846975 for rows of 1 values, got "
             "2305843009213693952",
             [](F&) { posenc::packed_positions(Eigen::Array<std::int64_t, 2, 1>(0, std::int64_t(1) << 61)); });
  bad.value("cu_seqlens that decrease", "packed_positions: cu_seqlens[2] must be at least 4, got 3",
            [](F&) { posenc::packed_positions(Eigen::Array3i(0, 4, 3)); });
  bad.value("dual chunk without a chunk", "dual_chunk_positions: local_size must be in [0, chunk_size 8), got 8",
            [](F&) { posenc::dual_chunk_positions(0, 8, 8); });
  bad.range("dual chunk before the start", "dual_chunk_positions: position must be >= 0, got -1",
            [](F&) { posenc::dual_chunk_positions(-1, 8, 2); });
  bad.value("negative text", "mrope_positions: segments[1].text_tokens must be in [0, 1099511627776], got -1", [](F&) {
    posenc::mrope_positions({MropeSegment::text(3), MropeSegment::text(-1)});
  });
  bad.value("a picture of negative width", "mrope_positions: segments[0].width must be in [0, 1048576], got -2",
            [](F&) { posenc::mrope_positions({MropeSegment::image(2, -2)}); });
  bad.value("frames that go back",
            "mrope_positions: segments[0].time.positions_per_second must be in [0, 1048576], got -1", [](F&) {
              posenc::mrope_positions(
                  {MropeSegment::video(2, 1, 1, VideoTime().positions_per_second(-1).frames(3).seconds(2))});
            });
  bad.value("no frame in a second", "mrope_positions: segments[0].time.frames must be in [1, 1048576], got 0", [](F&) {
    posenc::mrope_positions({MropeSegment::video(2, 1, 1, VideoTime().positions_per_second(25).frames(0).seconds(1))});
  });
  bad.value("frames and seconds without a rate",
            "mrope_positions: segments[1].time must be positions_per_second, frames and seconds, or none of them, "
            "got a part",
            [](F&) {
              posenc::mrope_positions(
                  {MropeSegment::text(1), MropeSegment::video(2, 1, 1, VideoTime().frames(3).seconds(2))});
            });
  bad.value("negative seconds", "mrope_positions: segments[0].time.seconds must be in [1, 1048576], got -2", [](F&) {
    posenc::mrope_positions({MropeSegment::video(2, 1, 1, VideoTime().positions_per_second(25).frames(3).seconds(-2))});
  });
  bad.range(
      "a prompt beyond 64 bits",
      "mrope_positions: first_position must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
      [](F&) { posenc::mrope_positions({MropeSegment::text(1)}, kMaxPosition); });
  // Ragged batches, shards, text beyond the trained length
  bad.value("a ragged batch without a start for each sequence",
            "packed_positions: starts.size() must be the number of documents 2, got 1", [](F&) {
              posenc::packed_positions(std::vector<int>{0, 3, 5}, std::vector<int>{7});
            });
  bad.range("a ragged batch beyond 2^57",
            "packed_positions: starts[1] must be at most 144115188075855871, so that no position is beyond 2^57, got "
            "144115188075855872",
            [](F&) {
              posenc::packed_positions(std::vector<int>{0, 3, 5}, std::vector<std::int64_t>{0, std::int64_t(1) << 57});
            });
  bad.range("a start before -2^57",
            "packed_positions: starts[0] must be in [-2^57, 2^57] (where double holds angles), got -288230376151711744",
            [](F&) {
              posenc::packed_positions(std::vector<int>{0, 3}, std::vector<std::int64_t>{-(std::int64_t(1) << 58)});
            });
  bad.value("a ragged batch of cu_seqlens that decrease", "packed_positions: cu_seqlens[2] must be at least 4, got 3",
            [](F&) {
              posenc::packed_positions(std::vector<int>{0, 4, 3}, std::vector<int>{0, 0});
            });
  bad.value("no shards", "shard_positions: num_shards must be in [1, 1099511627776], got 0",
            [](F&) { posenc::shard_positions(8, 0, 0, posenc::ShardOrder::contiguous); });
  bad.value("shards of a negative length", "shard_positions: seq_len must be in [0, 1099511627776], got -8",
            [](F&) { posenc::shard_positions(-8, 2, 0, posenc::ShardOrder::contiguous); });
  bad.range("a shard that does not exist", "shard_positions: shard must be in [0, num_shards 2), got 2",
            [](F&) { posenc::shard_positions(8, 2, 2, posenc::ShardOrder::striped); });
  bad.value("a sequence that shards do not divide",
            "shard_positions: seq_len must be a multiple of num_shards, 3, got 8",
            [](F&) { posenc::shard_positions(8, 3, 0, posenc::ShardOrder::striped); });
  bad.value("a sequence that zigzag chunks do not divide",
            "shard_positions: seq_len must be a multiple of 2 num_shards, 4, got 6",
            [](F&) { posenc::shard_positions(6, 2, 0, posenc::ShardOrder::zigzag); });
  bad.value("shards in no order", "shard_positions: order must be one of its enumerators, got 9",
            [](F&) { posenc::shard_positions(8, 2, 0, static_cast<posenc::ShardOrder>(9)); });
  bad.value("groups of no token", "self_extend_positions: group_size must be in [1, 2^57], got 0",
            [](F&) { posenc::self_extend_positions(posenc::PositionRange(0, 8), 0, 4); });
  bad.value("a negative window of Self-Extend", "self_extend_positions: window must be in [0, 2^57], got -1",
            [](F&) { posenc::self_extend_positions(posenc::PositionRange(0, 8), 2, -1); });
  bad.range("Self-Extend before the start", "self_extend_positions: positions.first() must be >= 0, got -3",
            [](F&) { posenc::self_extend_positions(posenc::PositionRange(-3, 8), 2, 4); });
  bad.value("groups larger than the window",
            "self_extend_positions: window must be 0 or at least group_size 1024, got 8",
            [](F&) { posenc::self_extend_positions(posenc::PositionRange(0, 8), 1024, 8); });
  bad.value("a negative number of sinks", "SinkCache: num_sinks must be in [0, window 4], got -1",
            [](F&) { posenc::SinkCache(-1, 4); });
  bad.value("more sinks than the window has", "SinkCache: num_sinks must be in [0, window 4], got 1020",
            [](F&) { posenc::SinkCache(1020, 4); });
  bad.value("a negative window of a cache", "SinkCache: window must be in [0, 1099511627776], got -4",
            [](F&) { posenc::SinkCache(2, -4); });
  bad.value("a negative number of tokens", "streaming_positions: num_tokens must be in [0, 2^57], got -8",
            [](F&) { posenc::streaming_positions(-8, posenc::SinkCache(2, 4)); });
  bad.value("dual chunks of no token", "dual_chunk_positions: chunk_size must be in [1, 2^57], got 0",
            [](F&) { posenc::dual_chunk_positions(0, 0, 0); });

  // Axes of grids, latents
  using posenc::GridAxis;
  using posenc::GridShape;
  namespace presets = posenc::presets;
  bad.range("a grid that passes 2^57",
            "grid_positions: first must be at most 2^57 - 2 for an axis of 3, got 144115188075855871",
            [](F&) { posenc::grid_positions({3}, (std::int64_t(1) << 57) - 1); });
  bad.value("one axis, columns first", "grid_positions: sizes.size() must be >= 2 for column_row, got 1",
            [](F&) { posenc::grid_positions({3}, 0, posenc::GridOrder::column_row); });
  bad.value("a spaced axis, columns first", "grid_positions: axes.size() must be >= 2 for column_row, got 1",
            [](F&) { posenc::grid_positions({GridAxis::counted(3)}, posenc::GridOrder::column_row); });
  bad.value("a grid of no spaced axis", "grid_positions: axes.size() must be > 0, got 0",
            [](F&) { posenc::grid_positions(std::initializer_list<GridAxis>{}); });
  bad.value("a grid in no order", "grid_positions: order must be one of its enumerators, got 5", [](F&) {
    posenc::grid_positions({3, 2}, 0, static_cast<posenc::GridOrder>(5));
  });
  bad.value("an axis of negative size", "GridAxis::centered: size must be in [0, 1048576], got -1",
            [](F&) { GridAxis::centered(-1); });
  bad.value("an axis beyond 2^20", "GridAxis::half_pixel: size must be in [0, 1048576], got 1048577",
            [](F&) { GridAxis::half_pixel((1 << 20) + 1); });
  bad.value("an axis from NaN", "GridAxis::from: first must be finite, got nan",
            [](F&) { GridAxis::counted(3).from(kNan); });
  bad.value("an axis to infinity", "GridAxis::linspace: last must be finite, got inf", [](F&) {
    GridAxis::linspace(3, {0, kInfinity});
  });
  bad.range("an axis that passes 2^53", "GridAxis::from: last position must be in [-2^53, 2^53], got 9.00719925e+15",
            [](F&) { GridAxis::counted(4).from(9007199254740991.0); });
  bad.range("steps beyond 2^53", "GridAxis::times: first position must be in [-2^53, 2^53], got -1e+300",
            [](F&) { GridAxis::symmetric(3).times(1e300); });
  bad.value("patches of no side", "GridAxis::patch_centers: side must be > 0, got 0",
            [](F&) { GridAxis::patch_centers(4, GridAxis::Side(0)); });
  if (posenc_tests::kWideIndex)
    bad.length("a video beyond memory",
               "presets::wan_positions: frames must be at most 349525 for rows of 3298534883328 values, got 1048576",
               [](F&) { presets::wan_positions(1 << 20, GridShape(1 << 20, 1 << 20)); });
  bad.value("negative text beside a picture",
            "presets::flux_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::flux_positions(-1, GridShape(2, 2)); });
  bad.value("negative text on the fourth axis",
            "presets::flux2_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::flux2_positions(-1, GridShape(2, 2)); });
  if (posenc_tests::kWideIndex)  // counted picture by picture, so that no sum of tokens overflows
    bad.length("pictures beyond memory",
               "presets::qwen_image_positions: number of tokens must be at most 384307168202282325 for rows of 3 "
               "values, got 384307901210034176",
               [](F&) {
                 presets::qwen_image_positions(
                     0, std::vector<GridShape>(std::size_t(1) << 19, GridShape(1 << 20, 1 << 20)));
               });
  bad.value("Qwen-Image without a picture", "presets::qwen_image_positions: pictures.size() must be > 0, got 0",
            [](F&) { presets::qwen_image_positions(3, {}); });
  bad.value("negative text behind a picture",
            "presets::z_image_positions: text_tokens must be in [0, 1099511627776], got -32",
            [](F&) { presets::z_image_positions(-32, GridShape(2, 2)); });
  bad.value("a video in Qwen-Image 2.1",
            "presets::qwen_image21_positions: segments[1] must be MropeSegment::text(tokens) or "
            "MropeSegment::image(height, width), got another kind of segment",
            [](F&) {
              presets::qwen_image21_positions({MropeSegment::text(2), MropeSegment::video(2, 1, 1, VideoTime())});
            });
  bad.value("padding in Qwen-Image 2.1",
            "presets::qwen_image21_positions: segments[0] must be MropeSegment::text(tokens) or "
            "MropeSegment::image(height, width), got another kind of segment",
            [](F&) { presets::qwen_image21_positions({MropeSegment::padding(2)}); });
  bad.value("negative text of ERNIE-Image",
            "presets::ernie_image_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::ernie_image_positions(-1, GridShape(2, 2)); });
  bad.value("a negative caption", "presets::lumina2_positions: text_tokens must be in [0, 1099511627776], got -2",
            [](F&) { presets::lumina2_positions(-2, GridShape(2, 2)); });
  bad.value("a video of no frame", "presets::wan_positions: frames must be in [1, 1048576], got 0",
            [](F&) { presets::wan_positions(0, GridShape(2, 2)); });
  bad.value("negative text behind a video",
            "presets::hunyuan_video_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::hunyuan_video_positions(1, GridShape(2, 2), -1); });
  bad.value("negative frames", "presets::hunyuan_video_positions: frames must be in [1, 1048576], got -4",
            [](F&) { presets::hunyuan_video_positions(-4, GridShape(2, 2), 0); });
  bad.value("a scale of 0", "presets::kandinsky5_positions: scale must be in [2^-20, 2^20], got 0",
            [](F&) { presets::kandinsky5_positions(1, GridShape(2, 2), 0); });
  bad.value("a cropped video of no frame", "presets::cogvideox_positions: frames must be in [1, 1048576], got 0",
            [](F&) { presets::cogvideox_positions(0, GridShape(2, 2), GridShape(30, 45)); });
  bad.value("no frames per second", "presets::cosmos_positions: frames_per_second must be in [2^-20, 2^20], got 0",
            [](F&) { presets::cosmos_positions(2, GridShape(2, 2), 0); });
  bad.value("negative frames per second", "presets::ltx_positions: frames_per_second must be in [2^-20, 2^20], got -25",
            [](F&) { presets::ltx_positions(2, GridShape(2, 2), -25, true); });
  bad.value("frames per second that are not a number",
            "presets::ltx_positions: frames_per_second must be in [2^-20, 2^20], got nan",
            [](F&) { presets::ltx_positions(2, GridShape(2, 2), kNan, false); });
  bad.value("frames beyond 2^20", "presets::mochi_positions: frames must be in [1, 1048576], got 1048577",
            [](F&) { presets::mochi_positions((1 << 20) + 1, GridShape(2, 2)); });
  bad.value("references placed in no way", "presets::flux_positions: placement must be one of its enumerators, got 2",
            [](F&) {
              presets::flux_positions(3, GridShape(2, 2), {GridShape(1, 1)}, static_cast<posenc::FluxReferences>(2));
            });
  bad.value("negative text of FLUX.3", "presets::flux3_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::flux3_positions(-1, GridShape(2, 2)); });
  bad.value("negative text of Ovis", "presets::ovis_image_positions: text_tokens must be in [0, 1099511627776], got -7",
            [](F&) { presets::ovis_image_positions(-7, GridShape(2, 2)); });
  bad.value("negative text of LongCat",
            "presets::longcat_image_positions: text_tokens must be in [0, 1099511627776], got -512",
            [](F&) { presets::longcat_image_positions(-512, {GridShape(2, 2)}); });
  bad.value("LongCat without a picture", "presets::longcat_image_positions: pictures.size() must be > 0, got 0",
            [](F&) { presets::longcat_image_positions(512, {}); });
  bad.value("negative text of Ideogram",
            "presets::ideogram4_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::ideogram4_positions(-1, GridShape(2, 2)); });
  bad.value("negative text in front of a sound",
            "presets::minimax_h3_positions: text_tokens must be in [0, 1099511627776], got -1",
            [](F&) { presets::minimax_h3_positions(-1, 1, GridShape(2, 2), 0); });
  bad.value("a negative sound", "presets::minimax_h3_positions: audio_tokens must be in [0, 1099511627776], got -40",
            [](F&) { presets::minimax_h3_positions(5, 1, GridShape(2, 2), -40); });
  bad.value("a sound without a video", "presets::minimax_h3_positions: frames must be in [1, 1048576], got 0",
            [](F&) { presets::minimax_h3_positions(5, 0, GridShape(2, 2), 40); });

  // Audio in video
  const auto sounding = [](std::int64_t frames, Eigen::Index audio_tokens, Eigen::Index positions_per_chunk) {
    return MropeSegment::video_with_audio(
        2, 1, 1, VideoTime().positions_per_second(25).frames(frames).seconds(1),
        posenc::VideoSound().tokens(audio_tokens).positions_per_chunk(positions_per_chunk));
  };
  bad.value("a video of no second", "mrope_positions: segments[0].time.seconds must be in [1, 1048576], got 0", [](F&) {
    posenc::mrope_positions({MropeSegment::video(2, 1, 1, VideoTime().positions_per_second(25).frames(3).seconds(0))});
  });
  bad.value("chunks of no position", "mrope_positions: segments[0].positions_per_chunk must be in [1, 1048576], got 0",
            [=](F&) { posenc::mrope_positions({sounding(1, 3, 0)}); });
  bad.value(
      "a sound whose tokens are not given",
      "MropeSegment::video_with_audio: sound must be VideoSound().tokens(count) with either positions_per_chunk(count) "
      "or by_token(), got an incomplete one, or both",
      [](F&) { MropeSegment::video_with_audio(2, 1, 1, VideoTime(), posenc::VideoSound().positions_per_chunk(50)); });
  bad.value(
      "a sound in both orders",
      "MropeSegment::video_with_audio: sound must be VideoSound().tokens(count) with either positions_per_chunk(count) "
      "or by_token(), got an incomplete one, or both",
      [](F&) {
        const auto sound = posenc::VideoSound().tokens(3).positions_per_chunk(50).by_token();
        MropeSegment::video_with_audio(2, 1, 1, VideoTime(), sound);
      });
  bad.value("negative audio", "mrope_positions: segments[0].audio_tokens must be in [0, 1099511627776], got -3",
            [=](F&) { posenc::mrope_positions({sounding(1, -3, 50)}); });
  bad.value("audio of a segment without audio",
            "mrope_positions: segments[0].audio_tokens must be 0 where has_audio is false, got 3", [](F&) {
              MropeSegment segment = MropeSegment::text(5);
              segment.audio_tokens = 3;
              posenc::mrope_positions({segment});
            });
  bad.value("audio by token of a segment without audio",
            "mrope_positions: segments[0].audio_by_token must be false where has_audio is false, got true", [](F&) {
              MropeSegment segment = MropeSegment::text(5);
              segment.audio_by_token = true;
              posenc::mrope_positions({segment});
            });
  bad.value(
      "chunks of a segment without audio",
      "mrope_positions: segments[0].positions_per_chunk must be 1 where no audio lies among the frames by chunks, "
      "got 50",
      [](F&) {
        MropeSegment segment = MropeSegment::text(5);
        segment.positions_per_chunk = 50;
        posenc::mrope_positions({segment});
      });
  bad.value(
      "chunks of audio by token",
      "mrope_positions: segments[0].positions_per_chunk must be 1 where no audio lies among the frames by chunks, "
      "got 50",
      [](F&) {
        MropeSegment segment =
            MropeSegment::video_with_audio(2, 1, 1, VideoTime(), posenc::VideoSound().tokens(3).by_token());
        segment.positions_per_chunk = 50;
        posenc::mrope_positions({segment});
      });
  bad.value("negative frames beside audio", "mrope_positions: segments[0].time.frames must be in [1, 1048576], got -1",
            [=](F&) { posenc::mrope_positions({sounding(-1, 3, 50)}); });
  bad.value("negative padding", "mrope_positions: segments[1].pad_tokens must be in [0, 1099511627776], got -1",
            [](F&) {
              posenc::mrope_positions({MropeSegment::text(1), MropeSegment::padding(-1)});
            });
  bad.range("padding beyond 2^57",
            "mrope_positions: segments[0].pad_position must be in [-2^57, 2^57] (where double holds angles), got "
            "9223372036854775807",
            [](F&) {
              MropeSegment pads = MropeSegment::padding(1);
              pads.pad_position = kMaxPosition;
              posenc::mrope_positions({pads});
            });

  // Random positions
  bad.value("more random positions than there are",
            "random_positions: max_positions must be in [seq_len 8, 2^57], got 7",
            [](F&) { posenc::random_positions(8, 7, posenc::Seed(0)); });
  bad.value("random positions beyond 2^57",
            "random_positions: max_positions must be in [seq_len 8, 2^57], got 9223372036854775807",
            [](F&) { posenc::random_positions(8, kMaxPosition, posenc::Seed(0)); });
  bad.value("a negative number of random positions", "random_positions: seq_len must be in [0, 1099511627776], got -1",
            [](F&) { posenc::random_positions(-1, 7, posenc::Seed(0)); });
  bad.value("chunks of no token",
            "skip_positions: chunk_lengths[1] must be in [1, 17], the tokens that target_length leaves, got 0", [](F&) {
              posenc::skip_positions(std::vector<int>{3, 0}, 20, posenc::Seed(1));
            });
  bad.value("chunks beyond the target length",
            "skip_positions: chunk_lengths[1] must be in [1, 17], the tokens that target_length leaves, got 18",
            [](F&) {
              posenc::skip_positions(std::vector<int>{3, 18}, 20, posenc::Seed(1));
            });
  bad.value("a negative target length", "skip_positions: target_length must be in [0, 2^57], got -1",
            [](F&) { posenc::skip_positions(std::vector<int>{3}, -1, posenc::Seed(1)); });

  return bad.cases();
}

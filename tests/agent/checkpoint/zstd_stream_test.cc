#include "agent/checkpoint/zstd_stream.h"

#include <gtest/gtest.h>

#include "scheduler/base/random.h"

namespace heliotrope::agent::checkpoint {
namespace {

TEST(Zstd, GoesThereAndBackInPiecesOfAnySize) {
  Random random(1);
  std::string original;
  for (int i = 0; i < 2000; ++i) original += random.Base32(random.Uniform(300)) + "same same ";
  Compressor compressor;
  std::string compressed;
  for (size_t at = 0; at < original.size();) {
    const size_t size = std::min<size_t>(1 + random.Uniform(50'000), original.size() - at);
    compressor.Add(absl::string_view(original).substr(at, size), false, compressed);
    at += size;
  }
  compressor.Add("", true, compressed);
  Decompressor decompressor;
  std::string back;
  for (size_t at = 0; at < compressed.size();) {
    const size_t size = std::min<size_t>(1 + random.Uniform(999), compressed.size() - at);
    ASSERT_TRUE(decompressor
                    .Add(absl::string_view(compressed).substr(at, size),
                         [&](absl::string_view piece) {
                           back.append(piece.data(), piece.size());
                           return absl::OkStatus();
                         })
                    .ok());
    at += size;
  }
  EXPECT_EQ(back, original);
}

TEST(Zstd, TheSinkStopsABomb) {
  Compressor compressor;
  std::string compressed;
  for (int i = 0; i < 64; ++i) compressor.Add(std::string(1 << 20, '\0'), i == 63, compressed);
  ASSERT_LT(compressed.size(), 100'000u);
  size_t seen = 0;
  Decompressor decompressor;
  const absl::Status status = decompressor.Add(compressed, [&](absl::string_view piece) {
    seen += piece.size();
    return seen > 1'000'000 ? absl::DataLossError("too much") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_LT(seen, 2'000'000u);
}

TEST(Zstd, GarbageIsAnError) {
  Decompressor decompressor;
  EXPECT_TRUE(absl::IsInvalidArgument(
      decompressor.Add("certainly not zstd", [](absl::string_view) { return absl::OkStatus(); })));
}

}  // namespace
}  // namespace heliotrope::agent::checkpoint

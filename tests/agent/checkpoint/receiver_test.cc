#include "agent/checkpoint/receiver.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "agent/checkpoint/data_reader.h"
#include "tests/agent/checkpoint/checkpoint_fixture.h"

namespace heliotrope::agent::checkpoint {
namespace {

class ReceiverTest : public CheckpointTest {
 protected:
  void SetUp() override {
    auto info = source_.Seal(
        {.key = Key(), .directory = Make("job", Sample()), .jurisdictions = {"DE", "FR"}});
    ASSERT_TRUE(info.ok());
    expected_ = {.key = Key(), .digest = info->digest, .size = info->size};
    manifest_ = *source_.ReadManifest(Key());
  }

  // The pieces from an offset on.
  std::vector<std::string> Pieces(int64_t offset) {
    auto reader = DataReader::Open(source_, *source_.Find(Key()), offset);
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<std::string> pieces;
    while (true) {
      auto piece = reader->Next();
      EXPECT_TRUE(piece.ok()) << piece.status();
      if (!piece.ok() || piece->empty()) return pieces;
      EXPECT_LE(piece->size(), 256u << 10);
      pieces.push_back(*piece);
    }
  }

  Store source_ = OpenStore("source");
  Store target_ = OpenStore("target");
  RestoreSource expected_;
  std::string manifest_;
};

TEST_F(ReceiverTest, TakesAWholeCheckpoint) {
  Receiver receiver(target_, expected_, "FR");
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  for (const std::string& piece : Pieces(0)) ASSERT_TRUE(receiver.TakeData(piece).ok());
  ASSERT_TRUE(receiver.complete());
  const auto info = receiver.Commit();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(*target_.List(), *source_.List());
  const std::string restored = Make("restored", {});
  ASSERT_TRUE(target_.Restore(Key(), info->digest, {.directory = restored}).ok());
  EXPECT_EQ(Read(restored, Sample()), Sample());
}

TEST_F(ReceiverTest, GoesOnWhereItWas) {
  Receiver receiver(target_, expected_, "DE");
  int64_t last = -1;
  int streams = 0;
  while (!receiver.complete()) {
    ASSERT_GT(receiver.offset(), last) << "each stream brings it further";
    last = receiver.offset();
    ++streams;
    receiver.BeginStream();
    ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
    const auto pieces = Pieces(receiver.offset());
    ASSERT_FALSE(pieces.empty());
    ASSERT_TRUE(receiver.TakeData(pieces[0]).ok());
  }
  EXPECT_GT(streams, 2);
  EXPECT_TRUE(receiver.Commit().ok());
}

TEST_F(ReceiverTest, RefusesWhatMayNotBeHere) {
  Receiver receiver(target_, expected_, "CN");
  receiver.BeginStream();
  EXPECT_TRUE(absl::IsPermissionDenied(receiver.TakeManifest(manifest_)));
}

TEST_F(ReceiverTest, RefusesAnotherManifest) {
  Receiver receiver(target_, expected_, "DE");
  receiver.BeginStream();
  EXPECT_TRUE(absl::IsDataLoss(receiver.TakeManifest(manifest_ + "x")));
  EXPECT_FALSE(receiver.TakeData(Pieces(0)[0]).ok()) << "no data without one";
}

TEST_F(ReceiverTest, ChangedBytesStartOver) {
  Receiver receiver(target_, expected_, "DE");
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  Compressor compressor;
  std::string forged;
  compressor.Add(std::string(4'000'000, 'f'), true, forged);
  EXPECT_TRUE(absl::IsDataLoss(receiver.TakeData(forged)));
  EXPECT_EQ(receiver.offset(), 0);
  EXPECT_FALSE(receiver.complete());
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  for (const std::string& piece : Pieces(0)) ASSERT_TRUE(receiver.TakeData(piece).ok());
  EXPECT_TRUE(receiver.Commit().ok()) << "an honest holder later is enough";
}

// As on a full disk: a part is written, and nobody knows how much.
TEST_F(ReceiverTest, AWriteThatFailsHalfWayStartsOver) {
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  Receiver receiver(target_, expected_, "DE");
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  const rlimit limit{.rlim_cur = 1000, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  absl::Status status;
  for (const std::string& piece : Pieces(0)) status.Update(receiver.TakeData(piece));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(receiver.offset(), 0);
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  for (const std::string& piece : Pieces(0)) ASSERT_TRUE(receiver.TakeData(piece).ok());
  const auto info = receiver.Commit();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_TRUE(target_.Restore(Key(), info->digest, {.directory = Make("restored", {})}).ok());
}

TEST_F(ReceiverTest, MoreThanTheManifestSaysIsRefused) {
  Receiver receiver(target_, expected_, "DE");
  receiver.BeginStream();
  ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
  for (const std::string& piece : Pieces(0)) ASSERT_TRUE(receiver.TakeData(piece).ok());
  Compressor compressor;
  std::string more;
  compressor.Add("more", true, more);
  EXPECT_TRUE(absl::IsDataLoss(receiver.TakeData(more)));
}

TEST_F(ReceiverTest, WhatWasNotFinishedLeavesNothing) {
  {
    Receiver receiver(target_, expected_, "DE");
    receiver.BeginStream();
    ASSERT_TRUE(receiver.TakeManifest(manifest_).ok());
    ASSERT_TRUE(receiver.TakeData(Pieces(0)[0]).ok());
  }
  EXPECT_TRUE(target_.List()->empty());
  const auto left = exec::MeasureTree(directory_ + "/target/.incoming");
  ASSERT_TRUE(left.ok());
  EXPECT_LT(*left, Bytes::FromKiB(64));
}

}  // namespace
}  // namespace heliotrope::agent::checkpoint

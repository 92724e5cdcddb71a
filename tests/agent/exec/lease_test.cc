#include "agent/exec/lease.h"

#include "gtest/gtest.h"
#include "scratch.h"

namespace heliotrope::agent::exec {
namespace {

TEST(LeaseFileTest, OutlivesTheAgent) {
  const Scratch scratch;
  {
    const auto lease = LeaseFile::Open(scratch.path());
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_EQ((*lease)->deadline(), std::nullopt);
    (*lease)->Extend(absl::Seconds(100));
    EXPECT_EQ((*lease)->deadline(), absl::Seconds(100));
  }
  const auto again = LeaseFile::Open(scratch.path());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->deadline(), absl::Seconds(100));
}

TEST(LeaseFileTest, NeverShortens) {
  const Scratch scratch;
  const auto lease = LeaseFile::Open(scratch.path());
  (*lease)->Extend(absl::Seconds(100));
  (*lease)->Extend(absl::Seconds(90));
  EXPECT_EQ((*lease)->deadline(), absl::Seconds(100));
  (*lease)->Extend(absl::Seconds(110));
  EXPECT_EQ((*lease)->deadline(), absl::Seconds(110));
}

// CLOCK_BOOTTIME begins anew: a deadline of before would be far in the future, or long past.
TEST(LeaseFileTest, ADeadlineOfAnotherBootIsDropped) {
  const Scratch scratch;
  (*LeaseFile::Open(scratch.path()))->Extend(absl::Seconds(100));
  WriteText(scratch / "lease.boot", "another-boot\n");
  const auto lease = LeaseFile::Open(scratch.path());
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*lease)->deadline(), std::nullopt);
}

TEST(LeaseFileTest, IsSixteenBytesLittleEndian) {
  const Scratch scratch;
  (*LeaseFile::Open(scratch.path()))->Extend(absl::Nanoseconds(0x0102));
  const std::string bytes = ReadText(scratch / "lease");
  ASSERT_EQ(bytes.size(), 16u);
  EXPECT_EQ(bytes[0], 0x02);
  EXPECT_EQ(bytes[1], 0x01);
}

TEST(LeaseFileTest, SaysWhereItFailed) {
  const auto lease = LeaseFile::Open("/no/such/directory");
  EXPECT_TRUE(absl::IsNotFound(lease.status())) << lease.status();
}

}  // namespace
}  // namespace heliotrope::agent::exec

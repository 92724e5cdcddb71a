#include <sys/stat.h>
#include <unistd.h>

#include "shim_fixture.h"

namespace heliotrope::agent::shim {
namespace {

class ShimLogTest : public ShimFixture {
 protected:
  // Rotated files, oldest first, then the log itself.
  std::string Joined(const std::string& name, int rotated) const {
    std::string all;
    for (int i = rotated; i > 0; --i) all += ReadWholeFile(Path(name + "." + std::to_string(i)));
    return all + ReadWholeFile(Path(name));
  }
};

TEST_F(ShimLogTest, KeepsTheStreamsApart) {
  Start(Script("echo out; echo err >&2"));
  WaitForExit();
  EXPECT_EQ(Log(), "out\n");
  EXPECT_EQ(ReadWholeFile(Path("stderr.log")), "err\n");
}

TEST_F(ShimLogTest, SilenceMakesNoFile) {
  Start(Script(":"));
  WaitForExit();
  EXPECT_NE(access(Path("stdout.log").c_str(), F_OK), 0);
}

// A flood fills the bound and no more; the newest bytes are all there, in order, to the last one.
TEST_F(ShimLogTest, RotatesUnderAFloodWithoutLosingTheNewest) {
  constexpr int64_t kFile = 100'003;
  constexpr int kRotated = 3;
  Start(Script("seq 1 500000").Number("log_bytes", kFile).Number("log_files", kRotated));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.code, 0);
  EXPECT_EQ(record.log_lost_bytes, 0);
  std::string stream;
  for (int i = 1; i <= 500'000; ++i) stream += std::to_string(i) + "\n";
  const std::string kept = Joined("stdout.log", kRotated);
  EXPECT_GE(static_cast<int64_t>(kept.size()), kRotated * kFile);
  EXPECT_LE(static_cast<int64_t>(kept.size()), (kRotated + 1) * kFile);
  EXPECT_TRUE(stream.ends_with(kept));
  EXPECT_NE(access(Path("stdout.log.4").c_str(), F_OK), 0);
  // The base says where in the stream the newest file begins.
  EXPECT_EQ(std::stoll(ReadWholeFile(Path("stdout.log.base"))) + static_cast<int64_t>(Log().size()),
            static_cast<int64_t>(stream.size()));
}

TEST_F(ShimLogTest, WithoutRotatedFilesStaysWithinOne) {
  Start(Script("seq 1 20000").Number("log_bytes", 1000).Number("log_files", 0));
  WaitForExit();
  EXPECT_LE(Log().size(), 1000u);
  EXPECT_TRUE(Log().ends_with("\n19999\n20000\n"));
  EXPECT_NE(access(Path("stdout.log.1").c_str(), F_OK), 0);
}

// An attempt that goes on after a periodic checkpoint goes on with its logs.
TEST_F(ShimLogTest, TheNextIncarnationAppends) {
  Start(Script("seq 1 300").Number("log_bytes", 500).Number("log_files", 9));
  WaitForExit();
  Start(Script("seq 301 600").Number("log_bytes", 500).Number("log_files", 9));
  WaitForExit();
  std::string stream;
  for (int i = 1; i <= 600; ++i) stream += std::to_string(i) + "\n";
  EXPECT_EQ(Joined("stdout.log", 9), stream);
  EXPECT_EQ(std::stoll(ReadWholeFile(Path("stdout.log.base"))) + static_cast<int64_t>(Log().size()),
            static_cast<int64_t>(stream.size()));
}

// Output that cannot be kept is dropped and counted; the job goes on and its outcome counts.
TEST_F(ShimLogTest, NeverBlocksTheJob) {
  mkdir(Path("stdout.log").c_str(), 0700);
  Start(Script("head -c 3000000 /dev/zero; exit 5"));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.code, 5);
  EXPECT_EQ(record.log_lost_bytes, 3'000'000);
}

TEST_F(ShimLogTest, DoesNotFollowALinkThatTheJobLeft) {
  ASSERT_EQ(symlink(Work("target").c_str(), Path("stdout.log").c_str()), 0);
  Start(Script("echo secret"));
  EXPECT_EQ(WaitForExit().log_lost_bytes, 7);
  EXPECT_NE(access(Work("target").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace heliotrope::agent::shim

#include "agent/shim/lease_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "gtest/gtest.h"

namespace heliotrope::agent::shim {
namespace {

class LeaseFileTest : public testing::Test {
 protected:
  std::string Make(off_t size) {
    std::string path = testing::TempDir() + "lease." + std::to_string(getpid());
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EXPECT_EQ(ftruncate(fd, size), 0);
    close(fd);
    return path;
  }
};

TEST_F(LeaseFileTest, WriterAndReaderShareTheDeadline) {
  const std::string path = Make(kLeaseFileBytes);
  MappedLease writer;
  MappedLease reader;
  ASSERT_TRUE(writer.Map(path.c_str(), MappedLease::Access::kWrite));
  ASSERT_TRUE(reader.Map(path.c_str(), MappedLease::Access::kRead));
  EXPECT_EQ(reader.deadline_ns(), kNoLease);
  writer.set_deadline_ns(0x0102030405060708);
  EXPECT_EQ(reader.deadline_ns(), 0x0102030405060708);
  // Little endian, for whoever reads it as a file.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  unsigned char first = 0;
  EXPECT_EQ(read(fd, &first, 1), 1);
  EXPECT_EQ(first, 0x08);
  close(fd);
  unlink(path.c_str());
}

TEST_F(LeaseFileTest, RefusesAShortFileAndNone) {
  const std::string path = Make(kLeaseFileBytes - 1);
  MappedLease lease;
  EXPECT_FALSE(lease.Map(path.c_str(), MappedLease::Access::kRead));
  EXPECT_EQ(errno, EINVAL);
  unlink(path.c_str());
  EXPECT_FALSE(lease.Map(path.c_str(), MappedLease::Access::kRead));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace heliotrope::agent::shim

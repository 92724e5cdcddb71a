#include "scheduler/os/version.h"

#include "gtest/gtest.h"

namespace heliotrope::os {
namespace {

TEST(VersionTest, IsThreeNumbersAndTheSource) {
  EXPECT_EQ(Version(), "0.1.0");
  const std::string revision = SourceRevision();
  EXPECT_EQ(VersionText(), revision.empty() ? "0.1.0" : "0.1.0 (" + revision + ")");
}

}  // namespace
}  // namespace heliotrope::os

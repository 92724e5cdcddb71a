// The grid of blocks.
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

TEST(MakeGrid, BeginsAtTheMarkAtOrBeforeNowAndGoesAWeekAhead) {
  const std::vector<Block> grid = MakeGrid(At(10) + absl::Minutes(7));
  ASSERT_EQ(grid.size(), 140u);
  EXPECT_EQ(grid.front().start, At(10) + absl::Minutes(5));
  EXPECT_EQ(grid.back().start + grid.back().length, grid.front().start + absl::Hours(168));
  EXPECT_EQ(MakeGrid(At(10)).front().start, At(10));
}

TEST(MakeGrid, BlocksTouchAndNeverGetShorter) {
  const std::vector<Block> grid = MakeGrid(At(10));
  for (size_t i = 1; i < grid.size(); ++i) {
    EXPECT_EQ(grid[i].start, grid[i - 1].start + grid[i - 1].length) << i;
    EXPECT_GE(grid[i].length, grid[i - 1].length) << i;
  }
}

TEST(BlockIndex, FindsTheBlockThatHoldsATime) {
  const std::vector<Block> grid = MakeGrid(At(10));
  EXPECT_EQ(BlockIndex(grid, At(9)), 0u);
  EXPECT_EQ(BlockIndex(grid, At(10)), 0u);
  EXPECT_EQ(BlockIndex(grid, At(10) + absl::Seconds(299)), 0u);
  EXPECT_EQ(BlockIndex(grid, At(10) + absl::Seconds(300)), 1u);
  EXPECT_EQ(BlockIndex(grid, At(12)), 24u);
  EXPECT_EQ(BlockIndex(grid, At(10) + absl::Hours(168) - absl::Seconds(1)), 139u);
  EXPECT_EQ(BlockIndex(grid, At(10) + absl::Hours(168)), 140u);
  EXPECT_EQ(BlockIndex({}, At(10)), 0u);
}

}  // namespace
}  // namespace heliotrope::plan

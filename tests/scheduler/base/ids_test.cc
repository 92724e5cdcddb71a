#include "scheduler/base/ids.h"

#include <limits>
#include <sstream>
#include <string>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "gtest/gtest.h"

namespace heliotrope {
namespace {

// An id neither comes from nor turns into its representation unasked, nor into another id.
static_assert(!std::is_convertible_v<std::string, NodeId>);
static_assert(!std::is_convertible_v<NodeId, std::string>);
static_assert(!std::is_convertible_v<uint64_t, JobUid>);
static_assert(!std::is_convertible_v<JobUid, uint64_t>);
static_assert(!std::is_constructible_v<NodeId, DataCenterId>);
static_assert(!std::is_constructible_v<JobUid, Term>);

template <class T>
std::string Printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(IdsTest, StringIdsCompareHashAndPrintAsTheirText) {
  const NodeId a("f1-a");
  const NodeId b(absl::string_view("f1-b"));
  EXPECT_LT(a, b);
  EXPECT_EQ(a, NodeId(std::string("f1-a")));
  EXPECT_EQ(Printed(a), "f1-a");
  EXPECT_EQ(ToString(a), "f1-a");
  EXPECT_TRUE(NodeId().empty());
  const absl::flat_hash_map<NodeId, int> map = {{a, 1}, {b, 2}};
  EXPECT_EQ(map.at(b), 2);
}

TEST(IdsTest, NumberIdsCountOn) {
  EXPECT_EQ(AttemptNumber().value(), 0u);
  EXPECT_EQ(AttemptNumber().next(), AttemptNumber(1));
  EXPECT_LT(Term(1), Term(2));
  EXPECT_EQ(Printed(JobUid(77)), "77");
  const absl::flat_hash_map<JobUid, int> map = {{JobUid(5), 1}};
  EXPECT_EQ(map.count(JobUid(6)), 0u);
}

TEST(IdsDeathTest, AFencingTokenNeverWrapsAround) {
  const AttemptNumber last(std::numeric_limits<uint32_t>::max());
  EXPECT_DEATH((void)last.next(), "4294967295 vs 4294967295");
}

TEST(IdsTest, TasksOrderByJobThenIndex) {
  const TaskId early{JobUid(2), 9};
  const TaskId late{JobUid(10), 1};
  EXPECT_LT(early, late);
  EXPECT_LT((TaskId{JobUid(2), 8}), early);
  EXPECT_EQ(Printed(TaskId{JobUid(12), 7}), "12/7");
  EXPECT_EQ(ToString(TaskId{JobUid(12), 7}), "12/7");
  const absl::flat_hash_map<TaskId, int> map = {{early, 1}, {late, 2}};
  EXPECT_EQ(map.at(late), 2);
}

}  // namespace
}  // namespace heliotrope

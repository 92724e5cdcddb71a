#include "agent/link/attempt_index.h"

#include <gtest/gtest.h>

namespace heliotrope::agent::link {
namespace {

TEST(CheckReader, Table) {
  const std::vector<std::string> eu = {"DE", "FR"};
  const std::vector<std::string> any = {"*"};
  const struct {
    const char* name;
    std::vector<std::string> jurisdictions;
    Reader reader;
    bool want;
  } cases[] = {
      {"anywhere, unstated", any, {}, true},
      {"anywhere, whatever the certificate", any, {.certificate_country = "CN"}, true},
      {"restricted, unstated", eu, {}, false},
      {"restricted, stated within", eu, {.jurisdiction = "FR"}, true},
      {"restricted, stated outside", eu, {.jurisdiction = "US"}, false},
      {"the certificate says the same",
       eu,
       {.jurisdiction = "DE", .certificate_country = "DE"},
       true},
      {"the certificate says another",
       eu,
       {.jurisdiction = "DE", .certificate_country = "CN"},
       false},
      {"even if that one is allowed too",
       eu,
       {.jurisdiction = "DE", .certificate_country = "FR"},
       false},
      {"unstated, but the certificate would do", eu, {.certificate_country = "DE"}, false},
      {"stated as any", eu, {.jurisdiction = "*"}, false},
      {"no list at all", {}, {.jurisdiction = "DE"}, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::Status status = CheckReader(c.jurisdictions, c.reader);
    EXPECT_EQ(status.ok(), c.want) << status;
    if (!c.want) {
      EXPECT_TRUE(absl::IsPermissionDenied(status));
    }
  }
}

IndexedAttempt Attempt(uint32_t number) {
  return {.key = {.task = {.job = JobUid(1), .index = 0}, .attempt = AttemptNumber(number)},
          .task = "jobs/a/tasks/0",
          .paths = {},
          .jurisdictions = {"*"},
          .output_patterns = {}};
}

v1::AttemptSelector Selector(const std::string& task, int attempt) {
  v1::AttemptSelector selector;
  selector.set_task(task);
  selector.set_attempt(attempt);
  return selector;
}

TEST(AttemptIndex, FindsTheNewestOrTheOneAskedFor) {
  AttemptIndex index;
  index.Put(Attempt(1));
  index.Put(Attempt(3));
  EXPECT_EQ(index.Find(Selector("jobs/a/tasks/0", 0), {})->key, Attempt(3).key);
  EXPECT_EQ(index.Find(Selector("jobs/a/tasks/0", 1), {})->key, Attempt(1).key);
  EXPECT_TRUE(absl::IsNotFound(index.Find(Selector("jobs/a/tasks/0", 2), {}).status()));
  EXPECT_TRUE(absl::IsNotFound(index.Find(Selector("jobs/a/tasks/1", 0), {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(index.Find(Selector("a/0", 0), {}).status()));
  index.Erase(Attempt(3).key);
  EXPECT_EQ(index.Find(Selector("jobs/a/tasks/0", 0), {})->key, Attempt(1).key);
  index.Erase(Attempt(1).key);
  EXPECT_TRUE(absl::IsNotFound(index.Find(Selector("jobs/a/tasks/0", 0), {}).status()));
}

TEST(AttemptIndex, KnowsWhatHasEnded) {
  AttemptIndex index;
  index.Put(Attempt(1));
  EXPECT_FALSE(index.HasEnded(Attempt(1).key));
  index.SetEnded(Attempt(1).key);
  EXPECT_TRUE(index.HasEnded(Attempt(1).key));
  EXPECT_TRUE(index.HasEnded(Attempt(2).key)) << "not here: nothing more will come";
}

}  // namespace
}  // namespace heliotrope::agent::link

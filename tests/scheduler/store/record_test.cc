// Each record keeps every field of what it holds: random values there and back, and what a damaged
// record is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "scheduler/base/random.h"
#include "scheduler/store/job_record.h"
#include "scheduler/store/task_record.h"

namespace heliotrope::store {
namespace {

using testing::HasSubstr;

constexpr int kRounds = 500;

// Random plain values. Text has every byte that a protobuf string may have.
class Values {
 public:
  explicit Values(uint64_t seed) : random_(seed) {}

  bool Coin() { return random_.Chance(0.5); }
  int Int(int below) { return static_cast<int>(random_.Uniform(static_cast<uint64_t>(below))); }
  uint32_t Uint32() { return static_cast<uint32_t>(random_.Next() >> (32 + random_.Uniform(32))); }
  int64_t Int64() { return static_cast<int64_t>(random_.Next() >> (1 + random_.Uniform(63))); }
  uint64_t Uint64() { return random_.Next(); }
  double Double() { return random_.Double() * 1e6; }
  std::string Text() {
    std::string text = random_.Base32(random_.Uniform(20));
    if (Coin()) text += "\n\"\\ \t=\xc3\xbc";
    return text;
  }
  std::string Id() { return "n" + random_.Base32(1 + random_.Uniform(8)); }
  absl::Time Time() {
    return absl::FromUnixSeconds(Int64() % 200'000'000'000) + absl::Nanoseconds(Int(1'000'000'000));
  }
  absl::Duration Duration() {
    return absl::Seconds(Int64() % 300'000'000'000) + absl::Nanoseconds(Int(1'000'000'000));
  }
  model::Reason Reason() {
    return static_cast<model::Reason>(Int(static_cast<int>(model::Reason::kFits) + 1));
  }

 private:
  Random random_;
};

model::JobSpec RandomSpec(Values& values) {
  model::JobSpec spec;
  for (int i = values.Int(4); i >= 0; --i) spec.command.push_back(values.Text());
  for (int i = values.Int(4); i > 0; --i) spec.environment[values.Id()] = values.Text();
  spec.working_directory = values.Text();
  spec.request = {MilliCores::FromMilli(values.Int64()), Bytes::FromBytes(values.Int64())};
  spec.expected_duration = values.Duration();
  if (values.Coin()) {
    spec.checkpoint = model::CheckpointPolicy{.signal = values.Int(64),
                                              .grace = values.Duration(),
                                              .exit_code = values.Int(256),
                                              .interval = values.Duration(),
                                              .expected_bytes = Bytes::FromBytes(values.Int64())};
  }
  spec.retry = {.max_retries = values.Int(100),
                .initial_backoff = values.Duration(),
                .max_backoff = values.Duration()};
  for (int i = values.Int(3); i > 0; --i) spec.outputs.push_back(values.Text());
  spec.count = 1 + static_cast<uint32_t>(values.Int(50));
  if (values.Coin()) spec.deadline = values.Time();
  spec.priority = values.Int(200) - 100;
  spec.account = AccountId(values.Id());
  if (values.Coin()) spec.home = DataCenterId(values.Id());
  spec.residency.any = values.Coin();
  if (!spec.residency.any) spec.residency.words = {"DE", "EU"};
  spec.allow_late = values.Coin();
  if (values.Coin()) spec.on_disconnect = model::OnDisconnect::kContinue;
  return spec;
}

void ExpectSame(const model::JobSpec& a, const model::JobSpec& b) {
  EXPECT_EQ(a.command, b.command);
  EXPECT_EQ(a.environment, b.environment);
  EXPECT_EQ(a.working_directory, b.working_directory);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.expected_duration, b.expected_duration);
  ASSERT_EQ(a.checkpoint.has_value(), b.checkpoint.has_value());
  if (a.checkpoint) {
    EXPECT_EQ(a.checkpoint->signal, b.checkpoint->signal);
    EXPECT_EQ(a.checkpoint->grace, b.checkpoint->grace);
    EXPECT_EQ(a.checkpoint->exit_code, b.checkpoint->exit_code);
    EXPECT_EQ(a.checkpoint->interval, b.checkpoint->interval);
    EXPECT_EQ(a.checkpoint->expected_bytes, b.checkpoint->expected_bytes);
  }
  EXPECT_EQ(a.retry.max_retries, b.retry.max_retries);
  EXPECT_EQ(a.retry.initial_backoff, b.retry.initial_backoff);
  EXPECT_EQ(a.retry.max_backoff, b.retry.max_backoff);
  EXPECT_EQ(a.outputs, b.outputs);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.deadline, b.deadline);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.account, b.account);
  EXPECT_EQ(a.home, b.home);
  EXPECT_EQ(a.residency, b.residency);
  EXPECT_EQ(a.allow_late, b.allow_late);
  EXPECT_EQ(a.on_disconnect, b.on_disconnect);
}

// Through the bytes, as a store would keep them.
template <class Message>
Message ThroughBytes(const Message& message) {
  Message back;
  EXPECT_TRUE(back.ParseFromString(message.SerializeAsString()));
  return back;
}

TEST(Records, JobsComeBackAsTheyWere) {
  for (uint64_t seed = 1; seed <= kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Values values(seed);
    core::Job job;
    job.id = JobId(values.Id());
    job.spec = std::make_shared<model::JobSpec>(RandomSpec(values));
    job.create_time = values.Time();
    job.cancel_requested = values.Coin();
    if (values.Coin()) job.end_time = values.Time();
    job.version = values.Uint64();

    v1::Job record;
    ToRecord(job, record);
    FieldReader reader;
    const core::Job back = FromRecord(ThroughBytes(record), reader);
    ASSERT_TRUE(reader.status().ok()) << reader.status();
    EXPECT_EQ(back.id, job.id);
    ExpectSame(*back.spec, *job.spec);
    EXPECT_EQ(back.create_time, job.create_time);
    EXPECT_EQ(back.cancel_requested, job.cancel_requested);
    EXPECT_EQ(back.end_time, job.end_time);
    EXPECT_EQ(back.version, job.version);
    EXPECT_EQ(back.tasks.size(), job.spec->count);
    if (testing::Test::HasFailure()) break;
  }
}

model::Checkpoint RandomCheckpoint(const TaskId& id, Values& values) {
  model::Checkpoint checkpoint;
  checkpoint.key = {{id, AttemptNumber(values.Uint32())}, values.Uint32()};
  checkpoint.digest = std::string("\x00\xff\x80", 3) + values.Text();
  checkpoint.size = Bytes::FromBytes(values.Int64());
  checkpoint.progress = values.Duration();
  for (int i = values.Int(3); i >= 0; --i) checkpoint.holders.emplace_back(values.Id());
  return checkpoint;
}

model::AttemptRecord RandomAttempt(Values& values) {
  model::AttemptRecord attempt;
  attempt.number = AttemptNumber(values.Uint32());
  attempt.node = NodeId(values.Id());
  attempt.data_center = DataCenterId(values.Id());
  attempt.agent_address = values.Text();
  if (values.Coin()) attempt.assign_time = values.Time();
  if (values.Coin()) attempt.start_time = values.Time();
  if (values.Coin()) attempt.end_time = values.Time();
  attempt.placement = values.Reason();
  attempt.placement_detail = values.Text();
  attempt.end = values.Reason();
  attempt.end_detail = values.Text();
  if (values.Coin()) attempt.exit_code = values.Int(256);
  if (values.Coin()) attempt.exit_signal = values.Int(64);
  attempt.cpu_seconds = values.Double();
  return attempt;
}

model::Task RandomTask(const TaskId& id, Values& values) {
  model::Task task;
  task.state = static_cast<model::TaskState>(values.Int(7));
  task.reason = values.Reason();
  task.phase = static_cast<model::AttemptPhase>(values.Int(11));
  task.failures = values.Uint32();
  if (values.Coin()) task.ready_time = values.Time();
  task.run = std::make_unique<model::TaskRun>();
  task.run->detail = values.Text();
  const int attempts = HoldsNode(task.state) ? 1 + values.Int(4) : values.Int(4);
  for (int i = 0; i < attempts; ++i) task.run->attempts.push_back(RandomAttempt(values));
  task.attempt = attempts > 0 ? task.run->attempts.back().number : AttemptNumber(0);
  if (values.Coin()) task.run->checkpoint = RandomCheckpoint(id, values);
  if (values.Coin()) task.run->previous_checkpoint = RandomCheckpoint(id, values);
  if (values.Coin()) {
    task.run->move = model::Move{.step = static_cast<model::MoveStep>(values.Int(5)),
                                 .reason = values.Reason(),
                                 .detail = values.Text(),
                                 .from = NodeId(values.Id()),
                                 .to = std::nullopt};
    if (values.Coin()) task.run->move->to = NodeId(values.Id());
  }
  task.run->base_progress = values.Duration();
  if (values.Coin()) task.run->last_moved = values.Time();
  return task;
}

void ExpectSame(const model::AttemptRecord& a, const model::AttemptRecord& b) {
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.node, b.node);
  EXPECT_EQ(a.data_center, b.data_center);
  EXPECT_EQ(a.agent_address, b.agent_address);
  EXPECT_EQ(a.assign_time, b.assign_time);
  EXPECT_EQ(a.start_time, b.start_time);
  EXPECT_EQ(a.end_time, b.end_time);
  EXPECT_EQ(a.placement, b.placement);
  EXPECT_EQ(a.placement_detail, b.placement_detail);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.end_detail, b.end_detail);
  EXPECT_EQ(a.exit_code, b.exit_code);
  EXPECT_EQ(a.exit_signal, b.exit_signal);
  EXPECT_EQ(a.cpu_seconds, b.cpu_seconds);
}

void ExpectSame(const std::optional<model::Checkpoint>& a,
                const std::optional<model::Checkpoint>& b) {
  ASSERT_EQ(a.has_value(), b.has_value());
  if (!a) return;
  EXPECT_EQ(a->key, b->key);
  EXPECT_EQ(a->digest, b->digest);
  EXPECT_EQ(a->size, b->size);
  EXPECT_EQ(a->progress, b->progress);
  EXPECT_EQ(a->holders, b->holders);
}

void ExpectSame(const std::optional<model::Move>& a, const std::optional<model::Move>& b) {
  ASSERT_EQ(a.has_value(), b.has_value());
  if (!a) return;
  EXPECT_EQ(a->step, b->step);
  EXPECT_EQ(a->reason, b->reason);
  EXPECT_EQ(a->detail, b->detail);
  EXPECT_EQ(a->from, b->from);
  EXPECT_EQ(a->to, b->to);
}

TEST(Records, TasksComeBackAsTheyWere) {
  const TaskId id{JobUid(7), 3};
  for (uint64_t seed = 1; seed <= kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Values values(seed);
    const model::Task task = RandomTask(id, values);
    v1::Task record;
    ToRecord(task, record);
    FieldReader reader;
    const model::Task back = FromRecord(id, ThroughBytes(record), reader);
    ASSERT_TRUE(reader.status().ok()) << reader.status();
    EXPECT_EQ(back.state, task.state);
    EXPECT_EQ(back.reason, task.reason);
    EXPECT_EQ(back.phase, task.phase);
    EXPECT_EQ(back.attempt, task.attempt);
    EXPECT_EQ(back.failures, task.failures);
    EXPECT_EQ(back.ready_time, task.ready_time);
    ASSERT_NE(back.run, nullptr);
    EXPECT_EQ(back.run->detail, task.run->detail);
    ASSERT_EQ(back.run->attempts.size(), task.run->attempts.size());
    for (size_t i = 0; i < back.run->attempts.size(); ++i) {
      ExpectSame(back.run->attempts[i], task.run->attempts[i]);
    }
    ExpectSame(back.run->checkpoint, task.run->checkpoint);
    ExpectSame(back.run->previous_checkpoint, task.run->previous_checkpoint);
    ExpectSame(back.run->move, task.run->move);
    EXPECT_EQ(back.run->base_progress, task.run->base_progress);
    EXPECT_EQ(back.run->last_moved, task.run->last_moved);
    if (testing::Test::HasFailure()) break;
  }
}

TEST(Records, RequestsComeBackAsTheyWere) {
  Values values(1);
  for (int i = 0; i < kRounds; ++i) {
    const core::Request request{JobUid(values.Uint64()), values.Uint64(), values.Time()};
    v1::Request record;
    ToRecord(request, record);
    FieldReader reader;
    const core::Request back = FromRecord(ThroughBytes(record), reader);
    ASSERT_TRUE(reader.status().ok());
    ASSERT_EQ(back.job, request.job);
    ASSERT_EQ(back.fingerprint, request.fingerprint);
    ASSERT_EQ(back.expire_time, request.expire_time);
  }
}

v1::Job SoundJob() {
  core::Job job;
  job.id = JobId("nightly");
  model::JobSpec spec;
  spec.residency.words = {"DE"};
  job.spec = std::make_shared<model::JobSpec>(std::move(spec));
  job.create_time = absl::UnixEpoch();
  v1::Job record;
  ToRecord(job, record);
  return record;
}

TEST(Records, AJobThatIsDamagedSaysWhere) {
  struct Case {
    const char* name;
    void (*damage)(v1::Job&);
    const char* says;
  };
  const Case kCases[] = {
      {"no version", [](v1::Job& job) { job.clear_version(); }, "has no version"},
      {"no id", [](v1::Job& job) { job.clear_id(); }, "id is empty"},
      {"no tasks", [](v1::Job& job) { job.mutable_spec()->set_count(0); }, "spec.count is 0"},
      {"absurdly many tasks", [](v1::Job& job) { job.mutable_spec()->set_count(4'000'000'000); },
       "spec.count is 4000000000"},
      // Promise 6: an unknown place is no place.
      {"no residency", [](v1::Job& job) { job.mutable_spec()->clear_residency(); },
       "spec.residency"},
      {"a time that is none", [](v1::Job& job) { job.mutable_create_time()->set_nanos(-1); },
       "create_time"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    v1::Job record = SoundJob();
    test.damage(record);
    FieldReader reader;
    FromRecord(record, reader);
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(reader.status().message()), HasSubstr(test.says));
  }
}

TEST(Records, ATaskWhoseLiveAttemptIsNotItsNewestIsRefused) {
  const TaskId id{JobUid(7), 3};
  model::Task task;
  task.state = model::TaskState::kRunning;
  task.attempt = AttemptNumber(2);
  task.run = std::make_unique<model::TaskRun>();
  task.run->attempts.resize(1);
  task.run->attempts[0].number = AttemptNumber(1);
  v1::Task record;
  ToRecord(task, record);
  FieldReader reader;
  FromRecord(id, record, reader);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
}

TEST(Records, ANewerReleasesRecordIsRefusedAndSaysWhatToDo) {
  v1::Job record = SoundJob();
  record.set_version(kRecordVersion + 1);
  FieldReader reader;
  FromRecord(record, reader);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("newer release"));
}

}  // namespace
}  // namespace heliotrope::store

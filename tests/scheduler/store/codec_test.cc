// Encode follows a machine: after every batch the store holds what the machine is, and Decode gives
// that back.
#include "scheduler/store/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "heliotrope/store/v1/curve.pb.h"
#include "heliotrope/store/v1/job.pb.h"
#include "heliotrope/store/v1/task.pb.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/random.h"
#include "scheduler/store/keys.h"
#include "tests/scheduler/store/memory_store.h"

namespace heliotrope::store {
namespace {

using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.

core::FleetConfig Fleet() {
  core::FleetConfig fleet;
  for (const char* name : {"dubai", "virginia"}) {
    model::DataCenter data_center;
    data_center.id = DataCenterId(name);
    data_center.region = RegionId("emea");
    data_center.time_zone = absl::UTCTimeZone();
    data_center.jurisdiction = JurisdictionCode("AE");
    fleet.data_centers.push_back(data_center);
  }
  fleet.jurisdictions = model::JurisdictionTable({}, {JurisdictionCode("AE")});
  fleet.ended_job_retention = absl::Hours(2);
  fleet.request_retention = absl::Hours(1);
  return fleet;
}

core::MachineOptions Options() {
  return {.lease_real = absl::Seconds(60),
          .lease = absl::Seconds(60),
          .lease_margin = absl::Seconds(6),
          .major_version = 0};
}

// A machine that is driven by random commands, and the store that follows it. What its nodes report
// is what they were told.
class Driver {
 public:
  explicit Driver(uint64_t seed) : random_(seed), machine_(Options(), Fleet()) {}

  void Step() {
    now_ += absl::Seconds(random_.Uniform(40));
    switch (random_.Uniform(8)) {
      case 0:
      case 1:
        Submit();
        break;
      case 2:
        Apply(core::CancelJob{SomeJob()});
        break;
      case 3:
        Hello();
        break;
      case 4:
        Apply(core::DrainNode{SomeNode(), random_.Chance(0.3)});
        break;
      case 5:
        Load();
        break;
      case 6:
        Plan();
        break;
      default:
        Report();
    }
    Apply(core::Tick{});
    const Batch batch = Encode(machine_, machine_.TakeChanges());
    EXPECT_TRUE(store_.Commit(batch).ok());
  }

  const core::Machine& machine() const { return machine_; }
  MemoryStore& store() { return store_; }

 private:
  core::Reply Apply(const core::Command& command) {
    core::Outcome outcome = machine_.Apply(command, now_);
    for (core::Effect& effect : outcome.effects) {
      if (auto* order = std::get_if<core::OrderAttempt>(&effect)) orders_.push_back(*order);
    }
    return outcome.reply;
  }

  JobId SomeJob() { return JobId(absl::StrCat("job-", random_.Uniform(20))); }
  NodeId SomeNode() { return NodeId(absl::StrCat("node-", random_.Uniform(4))); }

  void Submit() {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId(absl::StrCat("account-", random_.Uniform(3)));
    spec->count = 1 + static_cast<uint32_t>(random_.Uniform(5));
    spec->expected_duration = absl::Minutes(30);
    spec->residency.words = {"AE"};
    spec->retry.max_retries = 2;
    if (random_.Chance(0.5)) spec->checkpoint = model::CheckpointPolicy{};
    core::SubmitJob submit{.spec = spec, .id = SomeJob(), .request = {}};
    if (random_.Chance(0.5)) submit.request = RequestId(absl::StrCat("r", random_.Uniform(50)));
    Apply(submit);
  }

  void Hello() {
    core::NodeHello hello;
    hello.node = SomeNode();
    hello.session = ++session_;
    hello.instance = hello.node.value();
    hello.version = "0.1.0";
    hello.data_center = DataCenterId(hello.node.value() < "node-2" ? "dubai" : "virginia");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromMilli(8000), Bytes::FromGiB(16)};
    hello.address = "127.0.0.1:7410";
    if (Apply(hello).status.ok()) sessions_[hello.node] = hello.session;
  }

  void Load() {
    const NodeId node = SomeNode();
    Apply(core::NodeLoad{
        .node = node,
        .session = sessions_[node],
        .samples = {{now_, MilliCores::FromMilli(static_cast<int64_t>(random_.Uniform(4000))),
                     Bytes::FromGiB(1)}}});
    // A long quiet stretch now and then closes bins, ages requests and loses nodes.
    if (random_.Chance(0.3)) now_ += absl::Minutes(random_.Uniform(20));
  }

  void Plan() {
    Apply(core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
  }

  void Report() {
    if (orders_.empty()) return;
    const core::OrderAttempt order = orders_[random_.Uniform(orders_.size())];
    core::AttemptStatus status;
    status.key = order.key;
    status.phase = static_cast<model::AttemptPhase>(random_.Uniform(11));
    status.start_time = now_;
    status.exit_code = 1;
    status.detail = "as reported";
    if (random_.Chance(0.5)) {
      status.checkpoint = core::SealedCheckpoint{.key = {order.key, 1},
                                                 .digest = std::string(32, 'd'),
                                                 .size = Bytes::FromMiB(1),
                                                 .run_time = absl::Minutes(3)};
    }
    Apply(core::NodeReport{.node = order.node,
                           .session = sessions_[order.node],
                           .attempts = {status},
                           .checkpoints = {}});
  }

  Random random_;
  core::Machine machine_;
  MemoryStore store_;
  absl::Time now_ = kStart;
  uint64_t session_ = 0;
  std::map<NodeId, uint64_t> sessions_;
  std::vector<core::OrderAttempt> orders_;
};

// Every record that the machine as a whole would have, written at once. The curves are left out:
// the store may have a state and bins where this has a state.
MemoryStore::Map Whole(const core::Machine& machine) {
  core::Changes all;
  for (const auto& [uid, job] : machine.jobs()) {
    all.jobs.insert(uid);
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      if (job->tasks[index].run != nullptr) all.tasks.insert(TaskId{uid, index});
    }
  }
  for (const auto& [id, request] : machine.requests()) all.requests.insert(id);
  for (const auto& [id, node] : machine.nodes()) all.nodes.insert(id);
  for (const auto& [account, arrivals] : machine.arrivals()) all.arrivals.insert(account);
  for (const std::string& key : machine.durations().Keys()) all.durations.insert(key);
  MemoryStore store;
  EXPECT_TRUE(store.Commit(Encode(machine, all)).ok());
  return store.map();
}

// Without what is not the same by design: curves and times of writing.
MemoryStore::Map Comparable(MemoryStore::Map map) {
  std::erase_if(map, [](const auto& entry) {
    return entry.first.first == Kind::kCurveState || entry.first.first == Kind::kCurveBin ||
           entry.first.first == Kind::kMeta;
  });
  for (auto& [key, value] : map) {
    // Counts of when each was written; the greatest is the job's.
    if (key.first == Kind::kJob) {
      v1::Job job;
      EXPECT_TRUE(job.ParseFromString(value));
      job.clear_changes();
      value = job.SerializeAsString();
    } else if (key.first == Kind::kTask) {
      v1::Task task;
      EXPECT_TRUE(task.ParseFromString(value));
      task.clear_job_changes();
      value = task.SerializeAsString();
    }
  }
  return map;
}

std::vector<std::string> Keys(const MemoryStore::Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) {
    keys.push_back(absl::StrCat(KindName(key.first), " ", PrintedKey(key.first, key.second)));
  }
  return keys;
}

TEST(Codec, AfterEveryBatchTheStoreHoldsWhatTheMachineIs) {
  size_t most_tasks = 0;
  size_t most_durations = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Driver driver(seed);
    for (int step = 0; step < 400; ++step) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, " step ", step));
      driver.Step();
      const MemoryStore::Map stored = Comparable(driver.store().map());
      const MemoryStore::Map whole = Comparable(Whole(driver.machine()));
      ASSERT_EQ(Keys(stored), Keys(whole));
      ASSERT_TRUE(stored == whole) << "a record is older than what the machine has";
      size_t tasks = 0;
      for (const auto& [key, value] : stored) tasks += key.first == Kind::kTask ? 1 : 0;
      most_durations = std::max(most_durations, driver.machine().durations().size());
      most_tasks = std::max(most_tasks, tasks);
    }
  }
  EXPECT_GT(most_tasks, 10U) << "the commands no longer reach what this is about";
  EXPECT_GE(most_durations, 3U) << "the same";
}

absl::StatusOr<core::Image> DecodeAll(Store& store) {
  std::vector<Record> records;
  EXPECT_TRUE(store
                  .Load([&records](Record record) {
                    records.push_back(std::move(record));
                    return absl::OkStatus();
                  })
                  .ok());
  return Decode(records);
}

TEST(Codec, AMachineThatRecoversIsTheOneThatWrote) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Driver driver(seed);
    for (int step = 0; step < 300; ++step) driver.Step();
    auto image = DecodeAll(driver.store());
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->next_uid, driver.machine().next_uid());
    EXPECT_EQ(image->jobs.size(), driver.machine().jobs().size());
    core::Machine recovered(Options(), Fleet());
    const absl::Status status = recovered.Recover(*std::move(image), driver.machine().now());
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(recovered.pending_tasks(), driver.machine().pending_tasks());
    EXPECT_EQ(recovered.held_tasks(), driver.machine().held_tasks());
    for (const auto& [id, curve] : driver.machine().curves()) {
      EXPECT_EQ(recovered.curves().at(id).History(), curve.History()) << id;
    }
    for (const auto& [id, coverage] : driver.machine().coverage()) {
      EXPECT_EQ(recovered.coverage().at(id).scored(), coverage.scored()) << id;
    }
    ASSERT_EQ(recovered.arrivals().size(), driver.machine().arrivals().size());
    for (const auto& [account, arrivals] : driver.machine().arrivals()) {
      const curve::ArrivalState back = recovered.arrivals().at(account).Save();
      EXPECT_EQ(back.integers, arrivals.Save().integers) << account;
      EXPECT_EQ(back.numbers, arrivals.Save().numbers) << account;
    }
    ASSERT_EQ(recovered.durations().Keys(), driver.machine().durations().Keys());
    for (const std::string& key : driver.machine().durations().Keys()) {
      const curve::DurationState back = recovered.durations().Save(key);
      EXPECT_EQ(back.integers, driver.machine().durations().Save(key).integers) << key;
      EXPECT_EQ(back.numbers, driver.machine().durations().Save(key).numbers) << key;
      EXPECT_EQ(back.weights, driver.machine().durations().Save(key).weights) << key;
    }
    for (const auto& [uid, job] : driver.machine().jobs()) {
      const core::Job* back = recovered.FindJob(uid);
      ASSERT_NE(back, nullptr);
      EXPECT_EQ(back->State(), job->State()) << job->id;
      EXPECT_EQ(back->version, job->version) << job->id << ": an etag would say two things";
      for (size_t i = 0; i < job->tasks.size(); ++i) {
        EXPECT_EQ(back->tasks[i].state, job->tasks[i].state) << job->id << " task " << i;
        EXPECT_EQ(back->tasks[i].attempt, job->tasks[i].attempt) << job->id << " task " << i;
      }
    }
  }
}

TEST(Codec, NothingChangedIsAnEmptyBatch) {
  const core::Machine machine(Options(), Fleet());
  EXPECT_TRUE(Encode(machine, core::Changes{}).Empty());
}

TEST(Codec, ACurveStateReplacesTheBinsBeforeIt) {
  core::Machine machine(Options(), Fleet());
  const DataCenterId id("dubai");
  core::Changes changes;
  changes.bins = {{id, {kStart, 0.5}}, {DataCenterId("virginia"), {kStart, 0.25}}};
  MemoryStore store;
  ASSERT_TRUE(store.Commit(Encode(machine, changes)).ok());
  EXPECT_TRUE(store.map().contains({Kind::kCurveBin, CurveBinKey(id, kStart)}));
  changes.curves = {id};
  ASSERT_TRUE(store.Commit(Encode(machine, changes)).ok());
  EXPECT_FALSE(store.map().contains({Kind::kCurveBin, CurveBinKey(id, kStart)}));
  const auto image = DecodeAll(store);
  ASSERT_TRUE(image.ok());
  EXPECT_TRUE(image->curves.contains(id));
  EXPECT_FALSE(image->bins.contains(id));
  EXPECT_EQ(image->bins.at(DataCenterId("virginia")), (std::vector<curve::Bin>{{kStart, 0.25}}));
}

// A job of each account, on one day.
void SubmitFor(core::Machine& machine, const std::vector<std::string>& accounts, absl::Time now,
               const std::string& job = {}) {
  for (const std::string& account : accounts) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId(account);
    spec->expected_duration = absl::Minutes(30);
    spec->residency.words = {"AE"};
    const std::string id = job.empty() ? absl::StrCat(account, "-", absl::ToUnixSeconds(now)) : job;
    const core::SubmitJob submit{.spec = spec, .id = JobId(id), .request = {}};
    const absl::Status taken = machine.Apply(submit, now).reply.status;
    ASSERT_TRUE(taken.ok()) << taken;
  }
}

TEST(Codec, AnAccountThatGaveItsPlaceUpIsNoLongerInTheStore) {
  core::Machine machine(Options(), Fleet());
  MemoryStore store;
  std::vector<std::string> accounts;
  for (size_t i = 0; i < kMaxForecastAccounts; ++i) accounts.push_back(absl::StrCat("a", 1000 + i));
  SubmitFor(machine, accounts, kStart);
  ASSERT_TRUE(store.Commit(Encode(machine, machine.TakeChanges())).ok());
  ASSERT_TRUE(store.map().contains({Kind::kArrivals, "a1000"}));
  const absl::Time later = kStart + absl::Hours(24 * kForecastAccountIdleDays);
  // In one batch a1000 goes and comes back, in the place of a1001.
  SubmitFor(machine, {"new", "a1000"}, later);
  ASSERT_TRUE(store.Commit(Encode(machine, machine.TakeChanges())).ok());
  EXPECT_TRUE(store.map().contains({Kind::kArrivals, "new"}));
  EXPECT_TRUE(store.map().contains({Kind::kArrivals, "a1000"}));
  EXPECT_FALSE(store.map().contains({Kind::kArrivals, "a1001"}));
  auto image = DecodeAll(store);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->arrivals.size(), kMaxForecastAccounts);
  EXPECT_EQ(image->arrivals.at(AccountId("a1000")).integers,
            machine.arrivals().at(AccountId("a1000")).Save().integers);
}

// One account's record as the machine writes it.
Record ArrivalsRecord() {
  core::Machine machine(Options(), Fleet());
  SubmitFor(machine, {"globex"}, kStart);
  SubmitFor(machine, {"globex"}, kStart + absl::Hours(24 * 3));
  core::Changes changes;
  changes.arrivals = {AccountId("globex")};
  for (Record& record : Encode(machine, changes).puts) {
    if (record.kind == Kind::kArrivals) return std::move(record);
  }
  return {};
}

TEST(Codec, ArrivalsThatWereCutOffAreDamaged) {
  const Record whole = ArrivalsRecord();
  ASSERT_EQ(whole.key, "globex");
  ASSERT_TRUE(Decode({whole}).ok());
  size_t refused = 0;
  for (size_t size = 0; size < whole.value.size(); ++size) {
    Record cut = whole;
    cut.value.resize(size);
    const auto image = Decode({cut});
    // Where a field ends the rest is a sound message of fewer fields: its size is not that of the
    // layout, and the curve does not take it.
    if (image.ok()) {
      EXPECT_FALSE(curve::Arrivals::Restore(image->arrivals.at(AccountId("globex"))).ok()) << size;
      continue;
    }
    ++refused;
    EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss) << image.status();
    EXPECT_THAT(std::string(image.status().message()), HasSubstr("arrivals record \"globex\""));
  }
  EXPECT_GT(refused, whole.value.size() * 9 / 10);
}

TEST(Codec, ArrivalsOfOtherBytesOrAnotherReleaseAreRefused) {
  Record garbage = ArrivalsRecord();
  garbage.value = "\xff\xff";
  EXPECT_EQ(Decode({garbage}).status().code(), absl::StatusCode::kDataLoss);
  Record newer = ArrivalsRecord();
  v1::Arrivals message;
  ASSERT_TRUE(message.ParseFromString(newer.value));
  message.set_version(2);
  newer.value = message.SerializeAsString();
  const absl::Status refused = Decode({newer}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("arrivals record \"globex\""));
}

// Jobs that run to their end, one after the other, on one node.
class Runner {
 public:
  Runner() : machine_(LongLease(), Fleet()) {
    core::NodeHello hello;
    hello.node = NodeId("a");
    hello.session = 1;
    hello.instance = "a";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromMilli(8000), Bytes::FromGiB(16)};
    hello.address = "127.0.0.1:7410";
    machine_.Apply(hello, now_);
  }

  void Run(const std::string& account, const std::string& id) {
    SubmitFor(machine_, {account}, now_, id);
    machine_.Apply(core::Tick{}, now_);
    const auto plan = std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()));
    machine_.Apply(core::AdoptPlan{plan}, now_);
    machine_.Apply(core::Tick{}, now_);
    const core::Job& job = *machine_.FindJob(JobId(id));
    ASSERT_EQ(job.tasks[0].state, model::TaskState::kAssigned);
    core::AttemptStatus status;
    status.key = {{job.uid, 0}, job.tasks[0].attempt};
    status.start_time = now_;
    now_ += absl::Minutes(40);
    status.end_time = now_;
    status.phase = model::AttemptPhase::kSucceeded;
    machine_.Apply(
        core::NodeReport{
            .node = NodeId("a"), .session = 1, .attempts = {status}, .checkpoints = {}},
        now_);
    ASSERT_EQ(job.tasks[0].state, model::TaskState::kSucceeded);
  }

  static core::MachineOptions LongLease() {
    core::MachineOptions options = Options();
    options.lease = absl::Hours(24 * 3650);
    return options;
  }
  core::Machine& machine() { return machine_; }
  absl::Time now() const { return now_; }

 private:
  core::Machine machine_;
  absl::Time now_ = kStart;
};

std::string DurationsKey(absl::string_view account, absl::string_view stem) {
  return absl::StrCat(account, absl::string_view("\0", 1), stem);
}

TEST(Codec, ARestartForgetsNoDuration) {
  Runner runner;
  for (int i = 0; i < 30; ++i) runner.Run("globex", absl::StrCat("nightly-", i));
  MemoryStore store;
  ASSERT_TRUE(store.Commit(Encode(runner.machine(), runner.machine().TakeChanges())).ok());
  EXPECT_TRUE(store.map().contains({Kind::kDurations, ""}));
  EXPECT_TRUE(store.map().contains({Kind::kDurations, DurationsKey("globex", "")}));
  EXPECT_TRUE(store.map().contains({Kind::kDurations, DurationsKey("globex", "nightly")}));
  auto image = DecodeAll(store);
  ASSERT_TRUE(image.ok()) << image.status();
  core::Machine recovered(Runner::LongLease(), Fleet());
  ASSERT_TRUE(recovered.Recover(*std::move(image), runner.now()).ok());
  const AccountId account("globex");
  for (const char* stem : {"nightly", "weekly"}) {
    const auto left = [&](const core::Machine& machine) {
      return machine.durations().Remaining(account, stem, absl::Hours(1), absl::Minutes(20),
                                           {.quantile = 0.95});
    };
    EXPECT_EQ(left(recovered).mean, left(runner.machine()).mean);
    EXPECT_EQ(left(recovered).high, left(runner.machine()).high);
  }
  EXPECT_EQ(recovered.durations().Typical(account), absl::Minutes(40));
}

TEST(Codec, ANameThatGaveItsPlaceUpIsNoLongerInTheStore) {
  Runner runner;
  MemoryStore store;
  const auto commit = [&] {
    return store.Commit(Encode(runner.machine(), runner.machine().TakeChanges()));
  };
  runner.Run("globex", "first-1");
  ASSERT_TRUE(commit().ok());
  ASSERT_TRUE(store.map().contains({Kind::kDurations, DurationsKey("globex", "first")}));
  for (size_t i = 0; runner.machine().durations().size() < kMaxDurationKeys; ++i) {
    runner.Run("globex", absl::StrCat("name", i, "x"));
  }
  // In one batch a name goes and comes back.
  runner.Run("globex", "one-more");
  EXPECT_FALSE(runner.machine().durations().Contains(DurationsKey("globex", "first")));
  runner.Run("globex", "first-2");
  ASSERT_TRUE(commit().ok());
  EXPECT_TRUE(store.map().contains({Kind::kDurations, DurationsKey("globex", "first")}));
  EXPECT_FALSE(store.map().contains({Kind::kDurations, DurationsKey("globex", "name0x")}));
  EXPECT_FALSE(runner.machine().durations().Contains(DurationsKey("globex", "name0x")));
  auto image = DecodeAll(store);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->durations.size(), kMaxDurationKeys);
}

// One name's record as the machine writes it.
Record DurationsRecord() {
  Runner runner;
  runner.Run("globex", "nightly-1");
  core::Changes changes;
  changes.durations = {DurationsKey("globex", "nightly")};
  for (Record& record : Encode(runner.machine(), changes).puts) {
    if (record.kind == Kind::kDurations) return std::move(record);
  }
  return {};
}

TEST(Codec, DurationsThatWereCutOffAreDamaged) {
  const Record whole = DurationsRecord();
  ASSERT_EQ(whole.key, DurationsKey("globex", "nightly"));
  ASSERT_TRUE(Decode({whole}).ok());
  size_t refused = 0;
  for (size_t size = 0; size < whole.value.size(); ++size) {
    Record cut = whole;
    cut.value.resize(size);
    const auto image = Decode({cut});
    // Where a field ends, as with arrivals.
    if (image.ok()) {
      curve::Durations durations;
      EXPECT_FALSE(durations.Restore(cut.key, image->durations.at(cut.key)).ok()) << size;
      continue;
    }
    ++refused;
    EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss) << image.status();
    EXPECT_THAT(std::string(image.status().message()),
                HasSubstr("durations record \"globex nightly\""));
  }
  EXPECT_GT(refused, whole.value.size() * 9 / 10);
}

TEST(Codec, DurationsOfOtherBytesOrAnotherReleaseAreRefused) {
  Record garbage = DurationsRecord();
  garbage.value = "\xff\xff";
  EXPECT_EQ(Decode({garbage}).status().code(), absl::StatusCode::kDataLoss);
  Record newer = DurationsRecord();
  v1::Durations message;
  ASSERT_TRUE(message.ParseFromString(newer.value));
  message.set_version(2);
  newer.value = message.SerializeAsString();
  EXPECT_EQ(Decode({newer}).status().code(), absl::StatusCode::kFailedPrecondition);
  // Of another layout: learned anew.
  message.set_version(1);
  message.set_learner_version(7);
  newer.value = message.SerializeAsString();
  auto image = Decode({newer});
  ASSERT_TRUE(image.ok()) << image.status();
  core::Machine recovered(Options(), Fleet());
  ASSERT_TRUE(recovered.Recover(*std::move(image), kStart).ok());
  EXPECT_EQ(recovered.durations().size(), 0u);
}

TEST(Codec, HowGoodTheForecastsWereIsKeptWithTheCurve) {
  core::Machine machine(Options(), Fleet());
  const DataCenterId id("dubai");
  core::ImportCurve history;
  history.data_center = id;
  Random random(3);
  for (absl::Time time = kStart - absl::Hours(24 * 7); time < kStart; time += absl::Minutes(5)) {
    history.bins.push_back({time, random.Double()});
  }
  ASSERT_TRUE(machine.Apply(history, kStart).reply.status.ok());
  const core::Coverage& coverage = machine.coverage().at(id);
  ASSERT_GT(coverage.scored(), 0);
  MemoryStore store;
  ASSERT_TRUE(store.Commit(Encode(machine, machine.TakeChanges())).ok());
  auto image = DecodeAll(store);
  ASSERT_TRUE(image.ok()) << image.status();
  // What a release without it wrote is read as well.
  auto older = DecodeAll(store);
  ASSERT_TRUE(older.ok()) << older.status();
  older->coverage.clear();
  core::Machine recovered(Options(), Fleet());
  ASSERT_TRUE(recovered.Recover(*std::move(image), kStart).ok());
  EXPECT_EQ(recovered.coverage().at(id).scored(), coverage.scored());
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    EXPECT_EQ(recovered.coverage().at(id).share(i), coverage.share(i)) << i;
  }
  core::Machine upgraded(Options(), Fleet());
  ASSERT_TRUE(upgraded.Recover(*std::move(older), kStart).ok());
  EXPECT_EQ(upgraded.coverage().at(id).scored(), 0);
  EXPECT_EQ(upgraded.curves().at(id).StatusAt(kStart).samples, 7 * 288);
}

TEST(Codec, WhatIsDamagedIsNamed) {
  struct Case {
    const char* name;
    Record record;
    const char* says;
  };
  const Case kCases[] = {
      {"bytes that are no message",
       {Kind::kJob, JobKey(JobUid(12)), "\xff\xff"},
       "job record \"12\": its 2 bytes"},
      {"a key that is none", {Kind::kTask, "x", ""}, "task record \"0x78\""},
      {"a task without its job",
       {Kind::kTask, TaskKey({JobUid(12), 7}), "\x08\x01\x10\x01\x28\x01"},
       "task record \"12/7\": there is no record of its job"},
      {"a job without a version", {Kind::kJob, JobKey(JobUid(3)), ""}, "job record \"3\""},
      {"meta", {Kind::kMeta, "", "\x01"}, "meta record: its 1 bytes"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    const auto image = Decode({test.record});
    EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(image.status().message()), HasSubstr(test.says));
  }
}

}  // namespace
}  // namespace heliotrope::store

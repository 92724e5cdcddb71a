// Golden views of jobs, tasks and explanations.
#include "scheduler/cli/job_view.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace heliotrope::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1772409600);  // 2026-03-02T00:00:00Z

template <class Message>
Message Parse(const char* text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

Zones FleetZones() {
  Zones zones;
  EXPECT_TRUE(absl::LoadTimeZone("Asia/Shanghai", &zones["dataCenters/hangzhou"]));
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zones["dataCenters/frankfurt-1"]));
  return zones;
}

v1::Job NightlyJob() {
  return Parse<v1::Job>(R"pb(
    name: "jobs/nightly-7"
    task {
      command: "./train"
      command: "--epochs"
      command: "40"
      milli_cores: 4000
      memory_bytes: 8589934592
      expected_duration { seconds: 21600 }
      checkpoint {
        grace { seconds: 20 }
        interval { seconds: 1800 }
      }
    }
    count: 2
    deadline { seconds: 1772452800 }
    account: "research"
    residency: "EU"
    residency: "CN"
    state: STATE_RUNNING
    task_counts { running: 1 pending: 1 }
    create_time { seconds: 1772406000 }
    expected_end_time { seconds: 1772431200 }
    status_message: "1 task waits for the night in frankfurt-1"
  )pb");
}

Tasks NightlyTasks() {
  Tasks tasks;
  *tasks.Add() = Parse<v1::Task>(R"pb(
    name: "jobs/nightly-7/tasks/0"
    state: STATE_RUNNING
    attempt: 2
    node: "nodes/fra1-a"
    data_center: "dataCenters/frankfurt-1"
    reason: "CHEAPEST_TIME"
    detail: "headroom 12 cores until 06:00"
    checkpoint {
      size_bytes: 1048576
      nodes: "nodes/hgh-a"
      nodes: "nodes/fra1-a"
      progress { seconds: 5400 }
    }
    expected_end_time { seconds: 1772420400 }
    attempts {
      number: 1
      node: "nodes/hgh-a"
      data_center: "dataCenters/hangzhou"
      start_time { seconds: 1772388600 }
      end_time { seconds: 1772402400 }
      placement_reason: "LOWEST_LOAD"
      end_reason: "MOVED"
      end_detail: "ramp ahead"
    }
    attempts {
      number: 2
      node: "nodes/fra1-a"
      data_center: "dataCenters/frankfurt-1"
      start_time { seconds: 1772402700 }
      placement_detail: "headroom 12 cores"
    }
  )pb");
  *tasks.Add() = Parse<v1::Task>(R"pb(
    name: "jobs/nightly-7/tasks/1"
    state: STATE_PENDING
    reason: "WAITING_FOR_CHEAPER_TIME"
    expected_start_time { seconds: 1772420400 }
    expected_end_time { seconds: 1772431200 }
  )pb");
  return tasks;
}

TEST(JobViewTest, AJob) {
  EXPECT_EQ("\n" + JobText(NightlyJob(), kNow, {}), R"(
job           jobs/nightly-7
state         RUNNING (1 running, 1 pending)
why           1 task waits for the night in frankfurt-1
command       ./train --epochs 40
asks          2 times 4 cores, 8 GiB, expected 6h
checkpoint    on SIGTERM, within 20s, every 30m
residency     EU, CN
account       research
deadline      2026-03-02 12:00 UTC (in 12h)
accepted      2026-03-01 23:00 UTC (1h ago)
expected end  2026-03-02 06:00 UTC (in 6h)
)");
}

TEST(JobViewTest, ItsTasksAndTheirJourneys) {
  EXPECT_EQ("\n" + TasksText(NightlyTasks(), FleetZones(), kNow, {}), R"(
TASK  STATE    WHERE        ATTEMPT  SAVED  OUTLOOK     WHY
   0  RUNNING  frankfurt-1        2  1h30m  ends in 3h  headroom 12 cores until 06:00
   1  PENDING                               ends in 6h  WAITING_FOR_CHEAPER_TIME

TASK  JOURNEY
   0  hangzhou 02:10 -> frankfurt-1 23:05
)");
}

TEST(JobViewTest, OneTaskWithItsAttempts) {
  EXPECT_EQ("\n" + TaskText(NightlyTasks()[0], FleetZones(), kNow, {}), R"(
task          jobs/nightly-7/tasks/0
state         RUNNING
why           headroom 12 cores until 06:00
saved         1h30m of work, 1 MiB, on nodes/hgh-a, nodes/fra1-a
expected end  2026-03-02 03:00 UTC (in 3h)
journey       hangzhou 02:10 -> frankfurt-1 23:05

ATTEMPT  NODE    STARTED               ENDED                 WHY
      1  hgh-a   2026-03-01 18:10 UTC  2026-03-01 22:00 UTC  LOWEST_LOAD; ended: ramp ahead
      2  fra1-a  2026-03-01 22:05 UTC                        headroom 12 cores
)");
}

TEST(JobViewTest, ATaskThatFailedSaysHow) {
  v1::Task task = NightlyTasks()[0];
  task.set_state(v1::Task::STATE_FAILED);
  task.set_exit_code(3);
  Tasks tasks;
  *tasks.Add() = task;
  EXPECT_NE(TasksText(tasks, {}, kNow, {}).find("exit 3"), std::string::npos);
  task.clear_exit_code();
  task.set_exit_signal(9);
  EXPECT_NE(TaskText(task, {}, kNow, {}).find("signal 9"), std::string::npos);
}

TEST(JobViewTest, LinesOfAWatch) {
  EXPECT_EQ(JobLine(NightlyJob(), {}),
            "nightly-7             RUNNING    1 running, 1 pending  1 task waits for the night in "
            "frankfurt-1");
  EXPECT_EQ(TaskLine(NightlyTasks()[0], {}),
            "nightly-7/0           RUNNING    frankfurt-1, attempt 2  headroom 12 cores until "
            "06:00");
}

TEST(JobViewTest, AnExplanation) {
  const auto answer = Parse<v1::ExplainJobResponse>(R"pb(
    summary: "task 1 waits: frankfurt-1 is cheaper from 03:00"
    task {
      name: "jobs/nightly-7/tasks/1"
      state: STATE_PENDING
      reason: "WAITING_FOR_CHEAPER_TIME"
      detail: "saves 40 %"
      expected_start_time { seconds: 1772420400 }
      expected_end_time { seconds: 1772431200 }
    }
    options {
      data_center: "dataCenters/frankfurt-1"
      verdict: VERDICT_LATER
      reason: "NO_HEADROOM"
      detail: "foreground until 03:00"
      start_time { seconds: 1772420400 }
      end_time { seconds: 1772431200 }
      mean_price: 31.25
      chosen: true
    }
    options {
      data_center: "dataCenters/hangzhou"
      verdict: VERDICT_FITS
      reason: "DEARER"
      start_time { seconds: 1772409600 }
      end_time { seconds: 1772420400 }
      mean_price: 52
    }
    options {
      data_center: "dataCenters/dubai"
      verdict: VERDICT_NEVER
      reason: "RESIDENCY"
      detail: "AE is not in EU, CN"
    }
    plan_time { seconds: 1772409300 }
    planning_mode: "forecast"
  )pb");
  EXPECT_EQ("\n" + ExplainText(answer, kNow, {}), R"(
task 1 waits: frankfurt-1 is cheaper from 03:00

task            jobs/nightly-7/tasks/1
state           PENDING
why             WAITING_FOR_CHEAPER_TIME: saves 40 %
expected start  2026-03-02 03:00 UTC (in 3h)
expected end    2026-03-02 06:00 UTC (in 6h)
planned by      forecasts
plan made       5m ago

   DATA CENTER  VERDICT   START  END    PRICE  WHY
*  frankfurt-1  later     in 3h  in 6h   31.2  foreground until 03:00
   hangzhou     fits now  now    in 3h   52.0  DEARER
   dubai        never                          AE is not in EU, CN
)");
}

TEST(JobViewTest, TheChanceToMeetTheDeadline) {
  struct Case {
    double chance;
    bool learned;
    const char* words;
  };
  const Case cases[] = {
      {0.98, true, "  98 %\n"},
      {0.7312, false, "  73 % (no history: against the expectation only)\n"},
      {0.9999, true, "  over 99 %\n"},
      {1, true, "  over 99 %\n"},
      {0.002, true, "  below 1 %\n"},
      {0, true, "  0 %\n"},
  };
  for (const Case& c : cases) {
    v1::ExplainJobResponse answer;
    answer.set_summary("it waits");
    answer.set_deadline_chance(c.chance);
    answer.set_deadline_chance_learned(c.learned);
    EXPECT_NE(
        ExplainText(answer, kNow, {}).find(std::string("chance to meet its deadline") + c.words),
        std::string::npos)
        << ExplainText(answer, kNow, {});
  }
  v1::ExplainJobResponse none;
  EXPECT_EQ(ExplainText(none, kNow, {}).find("chance"), std::string::npos);
}

v1::ExpectedLate ALateOne() {
  return Parse<v1::ExpectedLate>(R"pb(
    foreseen_time { seconds: 1772406000 }
    reason: "MISSES_DEADLINE"
    detail: "is expected to end at 13:00 UTC, its deadline is at 12:00 UTC"
    chance: 0.12
  )pb");
}

TEST(JobViewTest, ThatItWillBeLateStandsOutEverywhere) {
  constexpr char kWords[] =
      "expected late  is expected to end at 13:00 UTC, its deadline is at 12:00 UTC; chance to be "
      "in time 12 %; foreseen 1h ago\n";
  v1::Job job = NightlyJob();
  EXPECT_EQ(DeadlineCell(job, kNow).text, "in 12h");
  *job.mutable_expected_late() = ALateOne();
  EXPECT_EQ(DeadlineCell(job, kNow).text, "in 12h, LATE");
  EXPECT_EQ(DeadlineCell(job, kNow).style, Style::kBad);
  EXPECT_NE(JobText(job, kNow, {}).find(kWords), std::string::npos) << JobText(job, kNow, {});
  job.clear_deadline();
  EXPECT_EQ(DeadlineCell(job, kNow).text, "");
  Tasks tasks = NightlyTasks();
  *tasks[0].mutable_expected_late() = ALateOne();
  EXPECT_NE(TaskText(tasks[0], {}, kNow, {}).find(kWords), std::string::npos);
  EXPECT_NE(TasksText(tasks, {}, kNow, {}).find("ends in 3h, LATE  headroom"), std::string::npos);
  v1::ExplainJobResponse answer;
  *answer.mutable_task() = tasks[0];
  EXPECT_NE(ExplainText(answer, kNow, {}).find(kWords), std::string::npos)
      << ExplainText(answer, kNow, {});
}

TEST(JobViewTest, TheCautiousDurationIsToldBesideTheExpectedOne) {
  v1::ExplainJobResponse answer;
  answer.mutable_work_left()->set_seconds(5100);
  answer.mutable_work_left_at_most()->set_seconds(34800);
  EXPECT_NE(ExplainText(answer, kNow, {}).find("  1h25m expected\n"), std::string::npos)
      << "without a deadline the other one counts for nothing";
  answer.set_deadline_chance(0.9);
  const auto shown = [&](int64_t ended) {
    answer.set_ended_alike(ended);
    return ExplainText(answer, kNow, {});
  };
  for (const auto& [ended, words] :
       {std::pair<int64_t, std::string>{0, "none of its name have ended"},
        {1, "1 of its name has ended"},
        {30, "30 of its name have ended"}}) {
    EXPECT_NE(shown(ended).find("1h25m expected, planned for up to 9h40m: " + words + " so far\n"),
              std::string::npos)
        << shown(ended);
  }
}

TEST(JobViewTest, WhatWouldBeBetter) {
  v1::ExplainJobResponse answer;
  answer.set_summary("it waits");
  EXPECT_EQ(ExplainText(answer, kNow, {}).find("better"), std::string::npos);
  answer.add_remedies(
      "sooner in virginia (now instead of 08:05 UTC), but its residency EU forbids it");
  answer.add_remedies("sooner in dubai (03:00 UTC instead of 08:05 UTC) if it could checkpoint");
  const std::string text = ExplainText(answer, kNow, {});
  const std::string lines = R"(
it would be better off:
   sooner in virginia (now instead of 08:05 UTC), but its residency EU forbids it
   sooner in dubai (03:00 UTC instead of 08:05 UTC) if it could checkpoint
)";
  ASSERT_GE(text.size(), lines.size());
  EXPECT_EQ(text.substr(text.size() - lines.size()), lines);
}

}  // namespace
}  // namespace heliotrope::cli

// A Machine with a clock that the test turns, and effects as text: what the core says to do can
// then be compared with what a reader expects.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/core/machine.h"

namespace heliotrope::agent {

inline AttemptKey Key(uint64_t job, uint32_t index, uint32_t attempt) {
  return {.task = {.job = JobUid(job), .index = index}, .attempt = AttemptNumber(attempt)};
}

inline std::string Text(const Effect& effect) {
  struct Printer {
    std::string operator()(const Prepare& e) const { return "prepare " + ToString(e.key); }
    std::string operator()(const Fetch& e) const {
      return absl::StrCat("fetch ", ToString(e.key), " from ", ToString(e.source.key));
    }
    std::string operator()(const CancelFetch& e) const { return "cancel " + ToString(e.key); }
    std::string operator()(const Launch& e) const {
      return absl::StrCat("launch ", ToString(e.key), " ", e.incarnation);
    }
    std::string operator()(const Steer& e) const {
      static constexpr const char* kWishes[] = {"run", "freeze", "leave", "stop"};
      return absl::StrCat(kWishes[static_cast<int>(e.wish)], " ", ToString(e.key));
    }
    std::string operator()(const Seal& e) const {
      return absl::StrCat("seal ", ToString(e.key), e.goes_on ? " copy" : " move", " after ",
                          absl::FormatDuration(e.run_time));
    }
    std::string operator()(const SaveOutcome& e) const {
      return absl::StrCat("save ", ToString(e.status.key), " ", ToString(e.status.phase), " ",
                          e.status.reason);
    }
    std::string operator()(const Forget& e) const { return "forget " + ToString(e.key); }
    std::string operator()(const Hold& e) const { return "hold " + ToString(e.source.key); }
    std::string operator()(const Remove& e) const { return "remove " + ToString(e.key); }
    std::string operator()(const Note&) const { return ""; }
  };
  return std::visit(Printer(), effect);
}

// All but notes, joined by "; ".
inline std::string Text(const Effects& effects) {
  std::vector<std::string> texts;
  for (const Effect& effect : effects) {
    if (std::string text = Text(effect); !text.empty()) texts.push_back(std::move(text));
  }
  return absl::StrJoin(texts, "; ");
}

inline std::string Text(const AttemptStatus& status) {
  return absl::StrCat(ToString(status.key), " ", ToString(status.phase),
                      status.reason.empty() ? "" : " ", status.reason);
}

// Four cores, 8 GiB, in Germany, with a good lease and a scheduler of term 1.
class World {
 public:
  World() : World(Node()) {}
  explicit World(NodeSpec node) : machine(std::move(node)) {
    Do(Welcomed{.term = Term(1)});
    Do(LeaseRenewed{.until = now.scheduling + absl::Hours(1000)});
  }

  static NodeSpec Node() {
    return {
        .cores = MilliCores::FromMilli(4000), .memory = Bytes::FromGiB(8), .jurisdiction = "DE"};
  }

  static AttemptSpec OneCore() {
    return {.cores = MilliCores::FromMilli(1000),
            .memory = Bytes::FromMiB(256),
            .jurisdictions = {"DE", "FR"}};
  }
  static AttemptSpec Checkpointing() {
    AttemptSpec spec = OneCore();
    spec.can_checkpoint = true;
    return spec;
  }

  std::string Do(const Event& event) { return Text(machine.Apply(event, now)); }
  std::string Order(agent::Order order, Term term = Term(1)) {
    return Do(OrdersReceived{.term = term, .orders = {std::move(order)}});
  }
  std::string After(absl::Duration duration) {
    now.scheduling += duration;
    now.real += duration;
    return Do(TimePassed{});
  }

  std::string Start(const AttemptKey& key, const AttemptSpec& spec) {
    return Order(StartOrder{.key = key, .spec = spec});
  }
  std::string Launched(const AttemptKey& key, uint32_t incarnation = 1) {
    return Do(LaunchDone{.key = key, .incarnation = incarnation, .started = now.real});
  }
  // Started and running.
  void Run(const AttemptKey& key, const AttemptSpec& spec) {
    Start(key, spec);
    Launched(key);
  }
  std::string Exit(const AttemptKey& key, ExitReport exit) {
    if (exit.incarnation == 0) exit.incarnation = 1;
    if (!exit.started.has_value()) exit.started = now.real - absl::Minutes(1);
    exit.ended = now.real;
    return Do(ProcessExited{.key = key, .exit = exit});
  }
  std::string Saved(const AttemptKey& key, StopCause cause, uint32_t incarnation = 1) {
    return Exit(key, {.incarnation = incarnation,
                      .kind = ExitKind::kExited,
                      .code = 85,
                      .cause = cause,
                      .checkpointed = true});
  }
  std::string Sealed(const AttemptKey& key, uint32_t sequence = 1) {
    return Do(SealDone{.checkpoint = {.key = {.attempt = key, .sequence = CheckpointSeq(sequence)},
                                      .digest = std::string(32, 'd'),
                                      .size = Bytes::FromBytes(100)}});
  }
  std::string Load(int64_t foreground_milli, double pressure = -1) {
    return Do(LoadMeasured{.sample = {.foreground = MilliCores::FromMilli(foreground_milli),
                                      .pressure_percent = pressure}});
  }

  // What is told now, "; " between.
  std::string Report() {
    std::vector<std::string> texts;
    const Machine::Changes changes = machine.TakeChanges(now);
    for (const AttemptStatus& status : changes.attempts) texts.push_back(Text(status));
    for (const CheckpointInfo& info : changes.checkpoints) {
      texts.push_back(absl::StrCat("checkpoint ", ToString(info.key),
                                   info.failure.empty() ? "" : " ", info.failure));
    }
    return absl::StrJoin(texts, "; ");
  }

  Now now{.scheduling = absl::FromUnixSeconds(1'750'000'000),
          .real = absl::FromUnixSeconds(1'760'000'000)};
  Machine machine;
};

inline const AttemptKey kFirst = Key(1, 0, 1);
inline const AttemptKey kSecond = Key(1, 0, 2);
inline const AttemptKey kOther = Key(2, 0, 1);

inline CheckpointKey Seq(const AttemptKey& key, uint32_t sequence) {
  return {.attempt = key, .sequence = CheckpointSeq(sequence)};
}

inline AttemptSpec Restoring(const CheckpointKey& from) {
  AttemptSpec spec = World::Checkpointing();
  spec.restore = RestoreSource{.key = from, .addresses = {"127.0.0.1:7410"}};
  return spec;
}

}  // namespace heliotrope::agent

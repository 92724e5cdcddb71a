#include "tests/scheduler/core/scenario.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/check.h"
#include "scheduler/base/duration.h"
#include "scheduler/core/describe.h"

namespace heliotrope::core {

namespace {

// A Monday.
const absl::Time kStart = absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());

MachineOptions DefaultOptions() {
  MachineOptions options;
  options.lease_real = options.lease = absl::Seconds(60);
  options.lease_margin = absl::Seconds(6);
  options.major_version = 0;
  return options;
}

double Number(const std::string& text) {
  double number = 0;
  HT_CHECK(absl::SimpleAtod(text, &number));
  return number;
}

int Integer(const std::string& text) {
  int number = 0;
  HT_CHECK(absl::SimpleAtoi(text, &number));
  return number;
}

// "1/0#2"
model::AttemptKey Key(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::ByAnyChar("/#"));
  HT_CHECK_EQ(parts.size(), 3u);
  return {TaskId{JobUid(static_cast<uint64_t>(Integer(parts[0]))),
                 static_cast<uint32_t>(Integer(parts[1]))},
          AttemptNumber(static_cast<uint32_t>(Integer(parts[2])))};
}

model::AttemptPhase Phase(const std::string& word) {
  static const std::map<std::string, model::AttemptPhase> phases = {
      {"fetching", model::AttemptPhase::kFetching},
      {"verified", model::AttemptPhase::kVerified},
      {"running", model::AttemptPhase::kRunning},
      {"frozen", model::AttemptPhase::kFrozen},
      {"checkpointing", model::AttemptPhase::kCheckpointing},
      {"left", model::AttemptPhase::kLeft},
      {"succeeded", model::AttemptPhase::kSucceeded},
      {"failed", model::AttemptPhase::kFailed},
      {"stopped", model::AttemptPhase::kStopped},
      {"refused", model::AttemptPhase::kRefused},
      {"fetch-failed", model::AttemptPhase::kFetchFailed},
      {"unsaved", model::AttemptPhase::kUnsaved}};
  return phases.at(word);
}

std::string Digest(uint32_t sequence) { return std::string(32, static_cast<char>('a' + sequence)); }

std::string Get(const std::map<std::string, std::string>& options, const char* key,
                const char* standard) {
  const auto found = options.find(key);
  return found == options.end() ? standard : found->second;
}

}  // namespace

Scenario::Scenario() : now_(kStart) {}

std::string Scenario::Run(absl::string_view line) {
  Words words;
  Options options;
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const std::vector<std::string> pair = absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (pair.size() == 2 && words.size() > 1 && words[0] != "fleet") {
      options[pair[0]] = pair[1];
    } else {
      words.emplace_back(word);
    }
  }
  const std::string& verb = words[0];
  if (verb == "fleet") return Fleet(words);
  if (verb == "node") return Node(words, options);
  if (verb == "submit") return Submit(words, options);
  if (verb == "report") return Report(words, options);
  if (verb == "heartbeat") return Heartbeat(words);
  if (verb == "advance") return Advance(words);
  if (verb == "describe") return Describe(*machine_);
  if (verb == "cancel") return Apply(CancelJob{JobId(words[1])});
  if (verb == "drain") return Apply(DrainNode{NodeId(words[1]), true});
  if (verb == "lost") return Apply(DeclareNodeLost{NodeId(words[1])});
  if (verb == "undrain") return Apply(DrainNode{NodeId(words[1]), false});
  if (verb == "gone") return Apply(NodeGone{NodeId(words[1]), SessionOf(words[1])});
  if (verb == "held") {
    NodeReport report{NodeId(words[1]), SessionOf(words[1]), {}, {}};
    const std::vector<std::string> parts = absl::StrSplit(words[2], '.');
    const auto sequence = static_cast<uint32_t>(Integer(parts[1]));
    report.checkpoints.push_back({{Key(parts[0]), sequence},
                                  Digest(sequence),
                                  Bytes::FromMiB(1),
                                  Get(options, "failure", "")});
    return Apply(report);
  }
  if (verb == "load") {
    return Apply(NodeLoad{NodeId(words[1]),
                          SessionOf(words[1]),
                          {{now_, MilliCores::FromCores(Number(words[2])), Bytes::Zero()}}});
  }
  return absl::StrCat("unknown command ", verb, "\n");
}

uint64_t Scenario::SessionOf(const std::string& node) const {
  const auto found = sessions_.find(node);
  return found == sessions_.end() ? 0 : found->second;
}

// fleet frankfurt-1=DE:emea ...: every zone is UTC, EU is DE and FR.
std::string Scenario::Fleet(const Words& words) {
  FleetConfig fleet;
  std::vector<JurisdictionCode> codes;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::vector<std::string> parts = absl::StrSplit(words[i], absl::ByAnyChar("=:"));
    model::DataCenter data_center;
    data_center.id = DataCenterId(parts[0]);
    data_center.jurisdiction = JurisdictionCode(parts[1]);
    data_center.region = RegionId(parts.size() > 2 ? parts[2] : "world");
    data_center.time_zone = absl::UTCTimeZone();
    data_center.time_zone_name = "UTC";
    codes.push_back(data_center.jurisdiction);
    fleet.data_centers.push_back(std::move(data_center));
  }
  std::sort(fleet.data_centers.begin(), fleet.data_centers.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  fleet.jurisdictions =
      model::JurisdictionTable({{"EU", {JurisdictionCode("DE"), JurisdictionCode("FR")}}}, codes);
  if (machine_ != nullptr) return Apply(SetFleet{std::move(fleet)});
  machine_ = std::make_unique<Machine>(DefaultOptions(), std::move(fleet));
  return Apply(Tick{});
}

// node NAME DATA_CENTER [cores=16] [version=0.1.0] [instance=I] [has=KEY:PHASE]
std::string Scenario::Node(const Words& words, const Options& options) {
  NodeHello hello;
  hello.node = NodeId(words[1]);
  hello.session = next_session_++;
  hello.instance = Get(options, "instance", words[1].c_str());
  hello.version = Get(options, "version", "0.1.0");
  hello.data_center = DataCenterId(words[2]);
  for (const model::DataCenter& data_center : machine_->fleet().data_centers) {
    if (data_center.id == hello.data_center) hello.jurisdiction = data_center.jurisdiction;
  }
  if (options.contains("jurisdiction")) {
    hello.jurisdiction = JurisdictionCode(options.at("jurisdiction"));
  }
  hello.capacity = {MilliCores::FromCores(Number(Get(options, "cores", "16"))), Bytes::FromGiB(64)};
  hello.address = words[1] + ":7410";
  if (options.contains("has")) {
    const std::vector<std::string> parts = absl::StrSplit(options.at("has"), ':');
    AttemptStatus status;
    status.key = Key(parts[0]);
    status.phase = Phase(parts[1]);
    hello.attempts.push_back(std::move(status));
  }
  const uint64_t session = hello.session;
  std::string out = Apply(hello);
  if (out.find("error") == std::string::npos) sessions_[words[1]] = session;
  return out;
}

// submit ID [count= cores= expected= residency=A,B deadline=+10h checkpoint=1h retries= priority=
// request=]
std::string Scenario::Submit(const Words& words, const Options& options) {
  auto spec = std::make_shared<model::JobSpec>();
  spec->command = {"/bin/true"};
  spec->outputs = {"**"};
  spec->account = AccountId("default");
  spec->count = static_cast<uint32_t>(Integer(Get(options, "count", "1")));
  spec->request.cores = MilliCores::FromCores(Number(Get(options, "cores", "1")));
  spec->expected_duration = *ParseDuration(Get(options, "expected", "1h"));
  const std::string residency = Get(options, "residency", "any");
  spec->residency.any = residency == "any";
  if (!spec->residency.any) spec->residency.words = absl::StrSplit(residency, ',');
  if (options.contains("deadline")) {
    spec->deadline = now_ + *ParseDuration(options.at("deadline").substr(1));
  }
  if (options.contains("checkpoint")) {
    spec->checkpoint.emplace();
    spec->checkpoint->interval = *ParseDuration(options.at("checkpoint"));
  }
  if (Get(options, "disconnect", "stop") == "continue") {
    spec->on_disconnect = model::OnDisconnect::kContinue;
  }
  spec->retry.max_retries = Integer(Get(options, "retries", "0"));
  spec->priority = Integer(Get(options, "priority", "0"));
  SubmitJob submit;
  submit.spec = spec;
  submit.id = JobId(words[1]);
  submit.request = RequestId(Get(options, "request", ""));
  submit.fingerprint = static_cast<uint64_t>(Integer(Get(options, "fingerprint", "1")));
  return Apply(submit);
}

// report NODE KEY PHASE [exit=N] [checkpoint=SEQUENCE:RUN_TIME]
std::string Scenario::Report(const Words& words, const Options& options) {
  NodeReport report{NodeId(words[1]), SessionOf(words[1]), {}, {}};
  AttemptStatus status;
  status.key = Key(words[2]);
  status.phase = Phase(words[3]);
  status.start_time = now_;
  if (options.contains("exit")) status.exit_code = Integer(options.at("exit"));
  if (options.contains("checkpoint")) {
    const std::vector<std::string> parts = absl::StrSplit(options.at("checkpoint"), ':');
    const auto sequence = static_cast<uint32_t>(Integer(parts[0]));
    status.checkpoint = SealedCheckpoint{
        {status.key, sequence}, Digest(sequence), Bytes::FromMiB(1), *ParseDuration(parts[1])};
  }
  report.attempts.push_back(std::move(status));
  return Apply(report);
}

// heartbeat NODE [KEY:PHASE | KEY.SEQUENCE]...
std::string Scenario::Heartbeat(const Words& words) {
  NodeHeartbeat heartbeat{NodeId(words[1]), SessionOf(words[1]), {}, {}};
  for (size_t i = 2; i < words.size(); ++i) {
    const std::vector<std::string> parts = absl::StrSplit(words[i], ':');
    if (parts.size() == 2) {
      AttemptStatus status;
      status.key = Key(parts[0]);
      status.phase = Phase(parts[1]);
      heartbeat.attempts.push_back(std::move(status));
    } else {
      const std::vector<std::string> held = absl::StrSplit(words[i], '.');
      const auto sequence = static_cast<uint32_t>(Integer(held[1]));
      heartbeat.checkpoints.push_back(
          {{Key(held[0]), sequence}, Digest(sequence), Bytes::FromMiB(1), ""});
    }
  }
  return Apply(heartbeat);
}

// advance DURATION: at once, so nodes that are to keep their leases say so in between.
std::string Scenario::Advance(const Words& words) {
  const absl::Duration length = *ParseDuration(words[1]);
  now_ += length;
  return Apply(Tick{});
}

std::string Scenario::Apply(const Command& command) {
  std::string out;
  ApplyInto(command, out);
  if (!std::holds_alternative<Tick>(command)) ApplyInto(Tick{}, out);
  return out;
}

void Scenario::ApplyInto(const Command& command, std::string& out) {
  const Outcome outcome = machine_->Apply(command, now_);
  if (!outcome.reply.status.ok()) {
    absl::StrAppend(&out, "error ", absl::StatusCodeToString(outcome.reply.status.code()), ": ",
                    std::string(outcome.reply.status.message()), "\n");
  }
  bool plan = false;
  for (const Effect& effect : outcome.effects) {
    if (std::holds_alternative<PlanWanted>(effect)) {
      plan = true;
    } else if (!std::holds_alternative<JobChanged>(effect)) {
      absl::StrAppend(&out, Describe(effect), "\n");
    }
  }
  if (!plan) return;
  const auto made = std::make_shared<const plan::Plan>(plan::Compute(machine_->PlanInput()));
  ApplyInto(AdoptPlan{made}, out);
  ApplyInto(Tick{}, out);
}

}  // namespace heliotrope::core

#include "agent/daemon/session.h"

#include <algorithm>
#include <utility>

#include "agent/link/convert.h"
#include "scheduler/base/errors.h"
#include "scheduler/os/log.h"
#include "scheduler/wire/clock_mapping.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::daemon {
namespace {

// From dialling to Welcome.
constexpr absl::Duration kWelcomeTimeout = absl::Seconds(15);
// The same trouble is told once in so long.
constexpr absl::Duration kTellAgain = absl::Minutes(5);
// Between reports: each costs the scheduler a commit.
constexpr absl::Duration kReportGap = absl::Milliseconds(5);
constexpr absl::Duration kShortestHeartbeat = absl::Milliseconds(20);
constexpr absl::Duration kShortestLoad = absl::Milliseconds(20);

// What only a person can mend: here, or in the scheduler's configuration.
bool IsRefusal(const absl::Status& why) {
  return absl::IsInvalidArgument(why) || absl::IsFailedPrecondition(why) ||
         absl::IsAlreadyExists(why) || absl::IsPermissionDenied(why) ||
         absl::IsUnauthenticated(why) || absl::IsUnimplemented(why);
}

absl::Duration Positive(const google::protobuf::Duration& proto, absl::Duration unset) {
  const auto duration = wire::NonNegativeFromProto(proto, "welcome");
  return duration.ok() && *duration > absl::ZeroDuration() ? *duration : unset;
}

}  // namespace

Session::Session(World world, v1::Hello hello, uint64_t seed)
    : world_(std::move(world)), hello_(std::move(hello)), backoff_({}, seed) {}

std::optional<absl::Time> Session::SchedulingNow() const {
  if (!scheduling_.has_value()) return std::nullopt;
  return scheduling_->Now();
}

void Session::Open(absl::Duration now) {
  v1::ConnectRequest request;
  v1::Hello& hello = *request.mutable_hello();
  hello = hello_;
  for (const AttemptStatus& status : world_.machine.Statuses(world_.clock.Read())) {
    *hello.add_attempts() = link::ToProto(status);
  }
  for (const CheckpointInfo& info : world_.machine.Checkpoints()) {
    *hello.add_checkpoints() = link::ToProto(info);
  }
  state_ = State::kOpening;
  due_ = now + kWelcomeTimeout;
  sending_ = true;
  heartbeats_.Reset();
  world_.line.Open(++session_, std::move(request));
}

void Session::OnMessage(uint64_t session, const v1::ConnectResponse& message, absl::Duration now) {
  if (session != session_ || state_ == State::kWaiting) return;
  const Term term(static_cast<uint64_t>(message.term()));
  if (message.term() < 0 || term < world_.machine.term()) {
    // A scheduler that has been replaced and does not know it yet; or none, whose word would count as
    // the highest term of all.
    world_.metrics.stale_messages.Increment();
    Disconnect(absl::AbortedError(absl::StrCat("message of term ", message.term(), ", seen ",
                                               world_.machine.term().value())));
    return;
  }
  if (message.message_case() == v1::ConnectResponse::kWelcome) {
    OnWelcome(message.welcome(), term, now);
  } else if (state_ != State::kConnected) {
    Disconnect(absl::InternalError("the scheduler did not begin with Welcome"));
    return;
  } else if (message.message_case() == v1::ConnectResponse::kLease) {
    OnLease(message.lease());
  } else if (message.message_case() == v1::ConnectResponse::kOrders) {
    world_.on_orders(message.orders(), term);
  }
  world_.line.Resume();
}

void Session::OnWelcome(const v1::Welcome& welcome, Term term, absl::Duration now) {
  const auto mapping = wire::FromProto(welcome.clock());
  if (!mapping.ok()) {
    Disconnect(mapping.status());
    return;
  }
  scheduling_.emplace(os::ClockMapping{
      .anchor = mapping->anchor, .start = mapping->start, .speed = mapping->speed});
  world_.clock.SetSpeed(mapping->speed);
  lease_duration_ = Positive(welcome.lease_duration(), lease_duration_);
  heartbeat_interval_ =
      std::max(Positive(welcome.heartbeat_interval(), lease_duration_ / 6), kShortestHeartbeat);
  load_interval_ = std::max(Positive(welcome.load_interval(), absl::Seconds(5)), kShortestLoad);
  state_ = State::kConnected;
  due_ = absl::InfiniteDuration();
  // The lease that lets anything start begins with the first heartbeat.
  next_heartbeat_ = now;
  backoff_.Reset();
  logged_.clear();
  world_.metrics.connects.Increment();
  os::LogInfo("connected", {{"scheduler_version", welcome.version()},
                            {"term", term},
                            {"lease", lease_duration_},
                            {"clock_speed", mapping->speed}});
  world_.apply(Welcomed{.term = term});
}

void Session::OnLease(const v1::LeaseGrant& grant) {
  const auto duration = wire::NonNegativeFromProto(grant.duration(), "lease.duration");
  if (!duration.ok()) return;
  const std::optional<absl::Duration> until = heartbeats_.Granted(grant.sequence(), *duration);
  if (!until.has_value()) return;
  world_.lease.Extend(*until);
  world_.apply(LeaseRenewed{.until = world_.clock.FromBoottime(*until)});
}

void Session::OnSent(uint64_t session) {
  if (session == session_) sending_ = false;
}

// The stream itself tells OnClosed.
void Session::Disconnect(const absl::Status& why) {
  os::LogWarning("stream given up", {{"error", why}});
  world_.line.Close();
}

void Session::OnClosed(uint64_t session, const absl::Status& why, absl::Duration now) {
  if (session != session_ || state_ == State::kWaiting) return;
  world_.metrics.disconnects.Increment();
  const bool refused = IsRefusal(why);
  if (refused) world_.metrics.refused_hellos.Increment();
  const absl::Duration wait = refused ? backoff_.NextSlow() : backoff_.Next();
  const std::string text(why.message());
  if (text != logged_ || now - logged_at_ >= kTellAgain) {
    logged_ = text;
    logged_at_ = now;
    const os::LogFields fields = {{"error", why}, {"reason", GetReason(why)}, {"retry_in", wait}};
    if (refused) {
      os::LogError("the scheduler refuses this agent", fields);
    } else {
      os::LogWarning(state_ == State::kConnected ? "connection lost" : "no connection", fields);
    }
  }
  state_ = State::kWaiting;
  due_ = now + wait;
  next_heartbeat_ = absl::InfiniteDuration();
  sending_ = false;
}

void Session::Tick(absl::Duration now) {
  switch (state_) {
    case State::kWaiting:
      if (now >= due_) Open(now);
      return;
    case State::kOpening:
      if (now < due_) return;
      due_ = absl::InfiniteDuration();
      Disconnect(absl::DeadlineExceededError("no Welcome came"));
      return;
    case State::kConnected:
      break;
  }
  const std::optional<absl::Duration> unanswered = heartbeats_.oldest_unanswered();
  if (unanswered.has_value() && now - *unanswered >= lease_duration_ / 2) {
    heartbeats_.Reset();
    next_heartbeat_ = absl::InfiniteDuration();
    Disconnect(absl::DeadlineExceededError("heartbeats are not answered"));
    return;
  }
  if (sending_) return;
  if (now >= next_heartbeat_) {
    SendHeartbeat(now);
  } else {
    FlushReports(now);
  }
}

absl::Duration Session::Deadline() const {
  if (state_ != State::kConnected) return due_;
  const std::optional<absl::Duration> unanswered = heartbeats_.oldest_unanswered();
  const absl::Duration silence =
      unanswered.has_value() ? *unanswered + lease_duration_ / 2 : absl::InfiniteDuration();
  // While a message is on its way, its departure is what is waited for.
  if (sending_) return silence;
  const absl::Duration report =
      world_.machine.HasChanges() ? next_report_ : absl::InfiniteDuration();
  return std::min({next_heartbeat_, report, silence});
}

void Session::SendHeartbeat(absl::Duration now) {
  v1::ConnectRequest request;
  v1::Heartbeat& heartbeat = *request.mutable_heartbeat();
  heartbeat.set_sequence(heartbeats_.Send(now));
  const Now core_now = world_.clock.Read();
  for (const AttemptStatus& status : world_.machine.Statuses(core_now)) {
    *heartbeat.add_attempts() = link::ToProto(status);
  }
  for (const CheckpointInfo& info : world_.machine.Checkpoints()) {
    *heartbeat.add_checkpoints() = link::ToProto(info);
  }
  next_heartbeat_ = now + heartbeat_interval_;
  Send(std::move(request));
}

void Session::FlushReports(absl::Duration now) {
  v1::ConnectRequest request;
  if (world_.machine.HasChanges() && now >= next_report_) {
    const Machine::Changes changes = world_.machine.TakeChanges(world_.clock.Read());
    for (const AttemptStatus& status : changes.attempts) {
      *request.mutable_report()->add_attempts() = link::ToProto(status);
    }
    for (const CheckpointInfo& info : changes.checkpoints) {
      *request.mutable_report()->add_checkpoints() = link::ToProto(info);
    }
    next_report_ = now + kReportGap;
  }
  if (!request.has_report() && world_.load.has_report()) {
    *request.mutable_load() = world_.load.TakeReport();
  }
  if (request.message_case() != v1::ConnectRequest::MESSAGE_NOT_SET) Send(std::move(request));
}

void Session::Send(v1::ConnectRequest message) {
  sending_ = true;
  world_.line.Send(std::move(message));
}

}  // namespace heliotrope::agent::daemon

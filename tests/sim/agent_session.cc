#include "tests/sim/agent_session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/sim/agent_host.h"

namespace heliotrope::faultsim {
namespace {

constexpr absl::Duration kWelcomeTimeout = absl::Seconds(15);
constexpr absl::Duration kReportGap = absl::Milliseconds(5);

bool IsRefusal(const absl::Status& why) {
  return absl::IsInvalidArgument(why) || absl::IsFailedPrecondition(why) ||
         absl::IsAlreadyExists(why) || absl::IsPermissionDenied(why);
}

}  // namespace

void AgentSession::Open(absl::Duration now) {
  state_ = State::kOpening;
  due_ = now + kWelcomeTimeout;
  sending_ = true;
  heartbeats_.Reset();
  agent_.OpenStream(++session_);
}

void AgentSession::OnMessage(uint64_t session, const ToAgent& message) {
  if (session != session_ || state_ == State::kWaiting) return;
  if (message.term < agent_.machine().term()) {
    agent_.CloseStream(absl::AbortedError("message of an old term"));
    return;
  }
  if (const auto* welcome = std::get_if<Welcome>(&message.message)) {
    lease_duration_ = welcome->lease;
    heartbeat_interval_ = welcome->heartbeat_interval;
    state_ = State::kConnected;
    due_ = absl::InfiniteDuration();
    next_heartbeat_ = agent_.Boottime();
    backoff_.Reset();
    agent_.Apply(agent::Welcomed{.term = message.term});
  } else if (state_ != State::kConnected) {
    agent_.CloseStream(absl::InternalError("the scheduler did not begin with Welcome"));
  } else if (const auto* grant = std::get_if<LeaseGrant>(&message.message)) {
    const auto until = heartbeats_.Granted(grant->sequence, grant->duration);
    if (until) agent_.OnLease(*until);
  } else {
    agent_.OnOrders(std::get<Orders>(message.message), message.term);
  }
}

void AgentSession::OnClosed(uint64_t session, const absl::Status& why) {
  if (session != session_ || state_ == State::kWaiting) return;
  state_ = State::kWaiting;
  due_ = agent_.Boottime() + (IsRefusal(why) ? backoff_.NextSlow() : backoff_.Next());
  next_heartbeat_ = absl::InfiniteDuration();
  sending_ = false;
}

void AgentSession::Tick(absl::Duration now) {
  switch (state_) {
    case State::kWaiting:
      if (now >= due_) Open(now);
      return;
    case State::kOpening:
      if (now < due_) return;
      due_ = absl::InfiniteDuration();
      agent_.CloseStream(absl::DeadlineExceededError("no Welcome came"));
      return;
    case State::kConnected:
      break;
  }
  const auto unanswered = heartbeats_.oldest_unanswered();
  if (unanswered && now - *unanswered >= lease_duration_ / 2) {
    heartbeats_.Reset();
    next_heartbeat_ = absl::InfiniteDuration();
    agent_.CloseStream(absl::DeadlineExceededError("heartbeats are not answered"));
    return;
  }
  if (sending_) return;
  if (now >= next_heartbeat_) {
    SendHeartbeat(now);
  } else {
    FlushReports(now);
  }
}

absl::Duration AgentSession::Deadline() const {
  if (state_ != State::kConnected) return due_;
  const auto unanswered = heartbeats_.oldest_unanswered();
  const absl::Duration silence =
      unanswered ? *unanswered + lease_duration_ / 2 : absl::InfiniteDuration();
  if (sending_) return silence;
  const absl::Duration report =
      agent_.machine().HasChanges() ? next_report_ : absl::InfiniteDuration();
  return std::min({next_heartbeat_, report, silence});
}

void AgentSession::SendHeartbeat(absl::Duration now) {
  Heartbeat heartbeat;
  heartbeat.sequence = heartbeats_.Send(now);
  agent_.FillAll(heartbeat.all.attempts, heartbeat.all.checkpoints);
  next_heartbeat_ = now + heartbeat_interval_;
  Send(std::move(heartbeat));
}

void AgentSession::FlushReports(absl::Duration now) {
  if (agent_.machine().HasChanges() && now >= next_report_) {
    core::NodeReport report;
    const agent::Machine::Changes changes = agent_.machine().TakeChanges(agent_.CoreNow());
    for (const auto& status : changes.attempts) report.attempts.push_back(ToCore(status));
    for (const auto& info : changes.checkpoints) report.checkpoints.push_back(ToCore(info));
    next_report_ = now + kReportGap;
    Send(std::move(report));
  } else if (load_) {
    core::NodeLoad load;
    load.samples.push_back(*std::exchange(load_, std::nullopt));
    Send(std::move(load));
  }
}

void AgentSession::Send(ToScheduler message) {
  sending_ = true;
  agent_.SendOnStream(session_, std::move(message));
}

}  // namespace heliotrope::faultsim

#include "tests/agent/daemon/fake_scheduler.h"

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/wire/clock_mapping.h"
#include "scheduler/wire/status.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::daemon {
namespace {

constexpr std::chrono::seconds kPatience{60};

bool IsTerminal(v1::AttemptStatus::Phase phase) { return phase >= v1::AttemptStatus::PHASE_LEFT; }

}  // namespace

std::string KeyText(const v1::AttemptKey& key) {
  return absl::StrCat(key.job_uid(), "/", key.task_index(), "#", key.attempt());
}

std::string KeyText(const v1::CheckpointKey& key) {
  return absl::StrCat(KeyText(key.attempt()), ".", key.sequence());
}

FakeScheduler::FakeScheduler() {
  auto server = wire::StartServer("127.0.0.1:0", *wire::MakeCredentials({}), {this});
  HT_CHECK(server.ok());
  server_ = *std::move(server);
}

FakeScheduler::~FakeScheduler() {
  server_.server->Shutdown(std::chrono::system_clock::now());
  server_.server->Wait();
}

v1::ConnectResponse FakeScheduler::Welcome() {
  v1::ConnectResponse response;
  response.set_term(term);
  v1::Welcome& welcome = *response.mutable_welcome();
  welcome.set_version("0.1.0");
  *welcome.mutable_lease_duration() = wire::ToProto(lease);
  *welcome.mutable_heartbeat_interval() = wire::ToProto(lease / 6);
  *welcome.mutable_load_interval() = wire::ToProto(absl::Milliseconds(50));
  *welcome.mutable_clock() =
      wire::ToProto(wire::ClockMapping{.anchor = absl::Now(), .start = start, .speed = speed});
  return response;
}

grpc::Status FakeScheduler::Connect(grpc::ServerContext* context, Stream* stream) {
  v1::ConnectRequest request;
  if (!stream->Read(&request) || !request.has_hello()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "hello first"};
  }
  const std::string node = request.hello().node_id();
  {
    const std::lock_guard lock(mutex_);
    if (!refuse.ok() && (refused_nodes.empty() || refused_nodes.contains(node))) {
      ++refusals_;
      changed_.notify_all();
      return wire::ToGrpc(refuse);
    }
    hellos_.push_back(request.hello());
    stream->Write(Welcome());
    streams_[node] = stream;
    contexts_[node] = context;
    for (const v1::CheckpointStatus& status : request.hello().checkpoints()) {
      checkpoints_[node][KeyText(status.key())] = status;
    }
    TakeStatuses(node, request.hello().attempts(), *stream);
    changed_.notify_all();
  }
  while (stream->Read(&request)) {
    const std::lock_guard lock(mutex_);
    Take(node, request, *stream);
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  if (streams_[node] == stream) {
    streams_.erase(node);
    contexts_.erase(node);
  }
  changed_.notify_all();
  return grpc::Status::OK;
}

void FakeScheduler::TakeStatuses(
    const std::string&, const google::protobuf::RepeatedPtrField<v1::AttemptStatus>& attempts,
    Stream& stream) {
  v1::ConnectResponse response;
  response.set_term(term);
  for (const v1::AttemptStatus& status : attempts) {
    statuses_[KeyText(status.key())] = status;
    if (!IsTerminal(status.phase())) continue;
    ended_.insert(KeyText(status.key()));
    if (!forgetting_) continue;
    v1::AttemptOrder& order = *response.mutable_orders()->add_attempts();
    *order.mutable_key() = status.key();
    order.set_action(v1::AttemptOrder::ACTION_FORGET);
  }
  if (response.has_orders()) stream.Write(response);
}

void FakeScheduler::Take(const std::string& node, const v1::ConnectRequest& request,
                         Stream& stream) {
  switch (request.message_case()) {
    case v1::ConnectRequest::kHeartbeat: {
      checkpoints_[node].clear();
      for (const v1::CheckpointStatus& status : request.heartbeat().checkpoints()) {
        checkpoints_[node][KeyText(status.key())] = status;
      }
      TakeStatuses(node, request.heartbeat().attempts(), stream);
      if (!granting_) break;
      v1::ConnectResponse response;
      response.set_term(term);
      response.mutable_lease()->set_sequence(request.heartbeat().sequence());
      *response.mutable_lease()->mutable_duration() = wire::ToProto(lease);
      stream.Write(response);
      break;
    }
    case v1::ConnectRequest::kReport:
      for (const v1::CheckpointStatus& status : request.report().checkpoints()) {
        checkpoints_[node][KeyText(status.key())] = status;
      }
      TakeStatuses(node, request.report().attempts(), stream);
      break;
    case v1::ConnectRequest::kLoad:
      samples_.insert(samples_.end(), request.load().samples().begin(),
                      request.load().samples().end());
      break;
    case v1::ConnectRequest::kHello:
    case v1::ConnectRequest::MESSAGE_NOT_SET:
      break;
  }
}

void FakeScheduler::SetGranting(bool granting) {
  const std::lock_guard lock(mutex_);
  granting_ = granting;
}

void FakeScheduler::SetForgetting(bool forgetting) {
  const std::lock_guard lock(mutex_);
  forgetting_ = forgetting;
}

bool FakeScheduler::SendOrders(const std::string& node, const v1::Orders& orders) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(node);
  if (found == streams_.end()) return false;
  v1::ConnectResponse response;
  response.set_term(term);
  *response.mutable_orders() = orders;
  return found->second->Write(response);
}

bool FakeScheduler::Send(const std::string& node, const v1::AttemptOrder& order) {
  v1::Orders orders;
  *orders.add_attempts() = order;
  return SendOrders(node, orders);
}

bool FakeScheduler::Send(const std::string& node, const v1::CheckpointOrder& order) {
  v1::Orders orders;
  *orders.add_checkpoints() = order;
  return SendOrders(node, orders);
}

void FakeScheduler::HangUp(const std::string& node) {
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(node);
  if (found != contexts_.end()) found->second->TryCancel();
}

v1::AttemptStatus FakeScheduler::Status(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return statuses_[key];
}

v1::CheckpointStatus FakeScheduler::Checkpoint(const std::string& node, const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = checkpoints_[node].find(key);
  return found == checkpoints_[node].end() ? v1::CheckpointStatus() : found->second;
}

std::vector<v1::Hello> FakeScheduler::hellos() {
  const std::lock_guard lock(mutex_);
  return hellos_;
}

int FakeScheduler::refusals() {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

std::vector<v1::LoadReport::Sample> FakeScheduler::samples() {
  const std::lock_guard lock(mutex_);
  return samples_;
}

size_t FakeScheduler::ended() {
  const std::lock_guard lock(mutex_);
  return ended_.size();
}

bool FakeScheduler::Until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // Some conditions are about files, which wake nobody.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace heliotrope::agent::daemon

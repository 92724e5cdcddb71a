#include "agent/checkpoint/pull.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/receiver.h"
#include "agent/checkpoint/sha256.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/mutex.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/status.h"

namespace heliotrope::agent::checkpoint {
namespace {

// A call may take this long and what its bytes need at a slow link's rate; a longer one is cut and
// goes on with the next call.
constexpr absl::Duration kCallTime = absl::Seconds(30);
constexpr int64_t kSlowBytesPerSecond = int64_t{1} << 20;
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);

v1::PullCheckpointRequest RequestFor(const PullOptions& options, int64_t offset) {
  v1::PullCheckpointRequest request;
  v1::AttemptKey& attempt = *request.mutable_key()->mutable_attempt();
  attempt.set_job_uid(options.source.key.attempt.task.job.value());
  attempt.set_task_index(options.source.key.attempt.task.index);
  attempt.set_attempt(options.source.key.attempt.attempt.value());
  request.mutable_key()->set_sequence(options.source.key.sequence.value());
  request.set_digest(options.source.digest);
  request.set_offset_bytes(offset);
  request.set_puller_jurisdiction(options.jurisdiction);
  request.set_puller_node(options.node);
  return request;
}

absl::Status Take(const v1::PullCheckpointResponse& response, Receiver& receiver) {
  switch (response.message_case()) {
    case v1::PullCheckpointResponse::kManifest:
      return receiver.TakeManifest(response.manifest().contents());
    case v1::PullCheckpointResponse::kData:
      return receiver.TakeData(response.data());
    case v1::PullCheckpointResponse::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("the holder sent a message without content");
}

// One call, from where the receiver is.
absl::Status PullOnce(v1::AgentService::StubInterface& stub, const PullOptions& options,
                      Receiver& receiver, const std::stop_token& stop) {
  grpc::ClientContext context;
  const absl::Duration time =
      kCallTime +
      absl::Seconds((options.source.size.value() - receiver.offset()) / kSlowBytesPerSecond);
  context.set_deadline(absl::ToChronoTime(absl::Now() + time));
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  receiver.BeginStream();
  const auto reader = stub.PullCheckpoint(&context, RequestFor(options, receiver.offset()));
  v1::PullCheckpointResponse response;
  absl::Status taken;
  while (taken.ok() && reader->Read(&response)) taken = Take(response, receiver);
  if (!taken.ok()) context.TryCancel();
  const absl::Status finished = wire::FromGrpc(reader->Finish());
  if (!taken.ok()) return taken;
  if (finished.ok() && !receiver.complete()) {
    return absl::UnavailableError("the holder ended before the end");
  }
  return finished;
}

// False when a stop was requested meanwhile.
bool Sleep(absl::Duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  return !wake.wait_for(lock, stop, absl::ToChronoMilliseconds(duration),
                        [&] { return stop.stop_requested(); });
}

bool IsFinal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsNotFound(status) ||
         absl::IsInvalidArgument(status) || absl::IsUnimplemented(status);
}

absl::Status TryHolder(const std::string& address, const PullOptions& options, Receiver& receiver,
                       const std::stop_token& stop) {
  HT_ASSIGN_OR_RETURN(const auto stub, options.connect(address));
  return PullOnce(*stub, options, receiver, stop);
}

}  // namespace

absl::StatusOr<CheckpointInfo> Pull(const Store& store, const PullOptions& options,
                                    const std::stop_token& stop) {
  const auto bytes = store.ReadManifest(options.source.key);
  if (bytes.ok()) {
    const auto here = ParseManifest(*bytes);
    if (here.ok() && Sha256Of(*bytes) == options.source.digest) {
      if (!IsAllowed(here->jurisdictions, options.jurisdiction)) {
        return PermissionDenied("RESIDENCY", "the checkpoint may not be here");
      }
      return InfoOf(*here, options.source.digest);
    }
  } else if (!absl::IsDataLoss(bytes.status()) && !absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  // One that goes by the same name, or is damaged, is not the one that was ordered.
  if (!absl::IsNotFound(bytes.status())) HT_RETURN_IF_ERROR(store.Remove(options.source.key));
  std::vector<std::string> holders = options.source.addresses;
  absl::Status last = NotFound("checkpoint", ToString(options.source.key));
  Receiver receiver(store, options.source, options.jurisdiction);
  int fruitless = 0;
  absl::Duration backoff = options.backoff;
  for (size_t turn = 0; !holders.empty() && fruitless < options.max_fruitless_tries;) {
    turn %= holders.size();
    const int64_t before = receiver.offset();
    last = TryHolder(holders[turn], options, receiver, stop);
    if (stop.stop_requested()) return absl::CancelledError("not wanted any more");
    if (receiver.complete()) return receiver.Commit();
    last = WithContext(last, absl::StrCat("from ", holders[turn]));
    if (IsFinal(last)) {
      holders.erase(holders.begin() + static_cast<ptrdiff_t>(turn));
      continue;
    }
    if (receiver.offset() > before) {
      fruitless = 0;
      backoff = options.backoff;
    } else {
      ++fruitless;
      ++turn;
    }
    if (!Sleep(backoff, stop)) return absl::CancelledError("not wanted any more");
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
  return last;
}

}  // namespace heliotrope::agent::checkpoint

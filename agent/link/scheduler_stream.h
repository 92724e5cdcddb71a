// The one stream to the scheduler. It says what has come and gone; when to open it again, what to
// say and what an answer means is for the daemon.
#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "heliotrope/v1/agent_stream.grpc.pb.h"
#include "scheduler/base/mutex.h"

namespace heliotrope::agent::link {

// At most one stream is open at a time. Thread-safe.
class SchedulerStream {
 public:
  // Called from gRPC's threads, never with a lock held; they should only post. `session` is that of
  // Open, so that what is late can be told.
  struct Callbacks {
    std::function<void(uint64_t session, std::shared_ptr<v1::ConnectResponse>)> on_message;
    // The last message given to Send has left; the next may be sent.
    std::function<void(uint64_t session)> on_sent;
    // Nothing more comes of it. Why: UNAVAILABLE when nobody could be reached.
    std::function<void(uint64_t session, absl::Status)> on_closed;
  };

  SchedulerStream(const std::shared_ptr<grpc::Channel>& channel, Callbacks callbacks);
  // Cancels an open stream and waits for it.
  ~SchedulerStream();
  SchedulerStream(const SchedulerStream&) = delete;
  SchedulerStream& operator=(const SchedulerStream&) = delete;

  // Opens a stream and says hello: on_sent follows, or on_closed. REQUIRES: none is open.
  void Open(uint64_t session, v1::ConnectRequest hello);
  // REQUIRES: the message before has left (on_sent). Does nothing when the stream is gone.
  void Send(v1::ConnectRequest message);
  // The last message was taken care of: the next may come.
  void Resume();
  // Cancels: on_closed follows, unless it was called already.
  void Close();

 private:
  class Call;

  const std::unique_ptr<v1::AgentStreamService::Stub> stub_;
  const Callbacks callbacks_;
  Mutex mutex_;
  CondVar closed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  // The last one, open or not.
  std::shared_ptr<Call> call_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::agent::link

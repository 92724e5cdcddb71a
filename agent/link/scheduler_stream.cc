#include "agent/link/scheduler_stream.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/wire/status.h"

namespace heliotrope::agent::link {

// Held by the stream, past OnDone: its context holds the channel, and gRPC 1.51 aborts when one of
// its own threads lets go of the last channel of the process. A hold keeps gRPC from finishing
// while the daemon may still start operations.
class SchedulerStream::Call final
    : public grpc::ClientBidiReactor<v1::ConnectRequest, v1::ConnectResponse> {
 public:
  Call(SchedulerStream& stream, uint64_t session) : stream_(stream), session_(session) {}

  void Start(v1::AgentStreamService::Stub& stub, v1::ConnectRequest hello) {
    stub.async()->Connect(&context_, this);
    AddHold();
    const MutexLock lock(mutex_);
    request_ = std::move(hello);
    response_ = std::make_shared<v1::ConnectResponse>();
    StartRead(response_.get());
    StartWrite(&request_);
    StartCall();
  }

  // Operations are started with the lock held: after the hold is gone none may be. gRPC runs no
  // callback inside of them.
  void Send(v1::ConnectRequest message) {
    const MutexLock lock(mutex_);
    if (released_) return;
    request_ = std::move(message);
    StartWrite(&request_);
  }

  void Resume() {
    const MutexLock lock(mutex_);
    if (released_) return;
    response_ = std::make_shared<v1::ConnectResponse>();
    StartRead(response_.get());
  }

  void Cancel() {
    context_.TryCancel();
    Release();
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      stream_.callbacks_.on_sent(session_);
    } else {
      Release();
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Release();
    std::shared_ptr<v1::ConnectResponse> response;
    {
      const MutexLock lock(mutex_);
      response = std::move(response_);
    }
    stream_.callbacks_.on_message(session_, std::move(response));
  }

  void OnDone(const grpc::Status& status) override {
    absl::Status reason = wire::FromGrpc(status);
    if (reason.ok()) reason = absl::UnavailableError("the scheduler ended the stream");
    stream_.callbacks_.on_closed(session_, std::move(reason));
    // After this the stream may be destroyed, and this call with it.
    SchedulerStream& stream = stream_;
    const MutexLock lock(stream.mutex_);
    stream.open_ = false;
    stream.closed_.NotifyAll();
  }

 private:
  // Nothing is started any more.
  void Release() {
    {
      const MutexLock lock(mutex_);
      if (std::exchange(released_, true)) return;
    }
    RemoveHold();
  }

  SchedulerStream& stream_;
  const uint64_t session_;
  grpc::ClientContext context_;
  Mutex mutex_;
  v1::ConnectRequest request_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<v1::ConnectResponse> response_ ABSL_GUARDED_BY(mutex_);
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

SchedulerStream::SchedulerStream(const std::shared_ptr<grpc::Channel>& channel, Callbacks callbacks)
    : stub_(v1::AgentStreamService::NewStub(channel)), callbacks_(std::move(callbacks)) {}

SchedulerStream::~SchedulerStream() {
  Close();
  const MutexLock lock(mutex_);
  while (open_) closed_.Wait(mutex_);
}

void SchedulerStream::Open(uint64_t session, v1::ConnectRequest hello) {
  std::shared_ptr<Call> call;
  {
    const MutexLock lock(mutex_);
    // on_closed is called just before the old call lets go.
    while (open_) closed_.Wait(mutex_);
    open_ = true;
    call = call_ = std::make_shared<Call>(*this, session);
  }
  call->Start(*stub_, std::move(hello));
}

void SchedulerStream::Send(v1::ConnectRequest message) {
  std::shared_ptr<Call> call;
  {
    const MutexLock lock(mutex_);
    call = call_;
  }
  if (call != nullptr) call->Send(std::move(message));
}

void SchedulerStream::Resume() {
  std::shared_ptr<Call> call;
  {
    const MutexLock lock(mutex_);
    call = call_;
  }
  if (call != nullptr) call->Resume();
}

void SchedulerStream::Close() {
  std::shared_ptr<Call> call;
  {
    const MutexLock lock(mutex_);
    call = call_;
  }
  if (call != nullptr) call->Cancel();
}

}  // namespace heliotrope::agent::link

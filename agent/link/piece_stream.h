// A server stream that sends what a function makes, a piece at a time: made on a worker, sent by
// gRPC, and only then the next is made, so that a slow reader costs one piece of memory.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/link/workers.h"
#include "scheduler/wire/status.h"

namespace heliotrope::agent::link {

// What a call of the function has brought.
enum class Piece {
  kSend,  // The response is filled.
  kWait,  // Nothing yet: ask again a little later.
  kEnd,   // That was all.
};

// Deletes itself at the end of the call. `workers` must run until the server has shut down.
template <class Response>
class PieceStream final : public grpc::ServerWriteReactor<Response> {
 public:
  using Make = std::function<absl::StatusOr<Piece>(Response& response)>;

  // `make` runs on a worker, one call at a time. `done` runs last of all.
  PieceStream(Workers& workers, Make make, std::function<void()> done)
      : workers_(workers), make_(std::move(make)), done_(std::move(done)) {
    Next();
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      Next();
    } else {
      this->Finish(grpc::Status::CANCELLED);
    }
  }

  void OnCancel() override { cancelled_ = true; }

  void OnDone() override {
    done_();
    delete this;
  }

 private:
  static constexpr std::chrono::milliseconds kPause{200};

  // Exactly one of Next, a write and the alarm is under way until Finish.
  void Next() {
    workers_.Post([this] {
      if (cancelled_) {
        this->Finish(grpc::Status::CANCELLED);
        return;
      }
      response_.Clear();
      const absl::StatusOr<Piece> piece = make_(response_);
      if (!piece.ok()) {
        this->Finish(wire::ToGrpc(piece.status()));
      } else if (*piece == Piece::kSend) {
        this->StartWrite(&response_);
      } else if (*piece == Piece::kEnd) {
        this->Finish(grpc::Status::OK);
      } else {
        alarm_.Set(std::chrono::system_clock::now() + kPause, [this](bool) { Next(); });
      }
    });
  }

  Workers& workers_;
  const Make make_;
  const std::function<void()> done_;
  Response response_;
  grpc::Alarm alarm_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace heliotrope::agent::link

#include "agent/link/scheduler_stream.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/server.h"
#include "scheduler/wire/status.h"

namespace heliotrope::agent::link {
namespace {

// Answers each message with a lease; a heartbeat of sequence 99 ends the stream.
class Scheduler final : public v1::AgentStreamService::Service {
 public:
  absl::Status refuse;

 private:
  grpc::Status Connect(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ConnectResponse, v1::ConnectRequest>* stream) override {
    v1::ConnectRequest request;
    while (stream->Read(&request)) {
      if (!refuse.ok()) return wire::ToGrpc(refuse);
      if (request.heartbeat().sequence() == 99) break;
      v1::ConnectResponse response;
      response.set_term(1);
      response.mutable_lease()->set_sequence(request.heartbeat().sequence());
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

class SchedulerStreamTest : public ::testing::Test {
 protected:
  SchedulerStreamTest() {
    server_ = *wire::StartServer("127.0.0.1:0", credentials_, {&scheduler_});
    stream_ = std::make_unique<SchedulerStream>(
        *wire::MakeChannel(server_.address, credentials_),
        SchedulerStream::Callbacks{
            .on_message =
                [this](uint64_t session, std::shared_ptr<v1::ConnectResponse> message) {
                  Note(absl::StrCat(session, " message ", message->lease().sequence()));
                },
            .on_sent = [this](uint64_t session) { Note(absl::StrCat(session, " sent")); },
            .on_closed =
                [this](uint64_t session, absl::Status status) {
                  Note(absl::StrCat(session, " closed ", absl::StatusCodeToString(status.code())));
                }});
  }

  void Note(std::string what) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(what));
    wake_.notify_all();
  }
  // The next of what happens, in order but for "sent", which is told apart from the rest.
  std::string Next(bool sent = false) {
    std::unique_lock lock(mutex_);
    while (true) {
      for (auto it = notes_.begin(); it != notes_.end(); ++it) {
        if ((it->find(" sent") != std::string::npos) != sent) continue;
        std::string note = *it;
        notes_.erase(it);
        return note;
      }
      if (wake_.wait_for(lock, std::chrono::seconds(30)) == std::cv_status::timeout) {
        return "nothing";
      }
    }
  }
  static v1::ConnectRequest Heartbeat(int64_t sequence) {
    v1::ConnectRequest request;
    request.mutable_heartbeat()->set_sequence(sequence);
    return request;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> notes_;
  wire::Credentials credentials_ = *wire::MakeCredentials({});
  Scheduler scheduler_;
  wire::Server server_;
  std::unique_ptr<SchedulerStream> stream_;
};

TEST_F(SchedulerStreamTest, SaysAndHears) {
  stream_->Open(1, Heartbeat(1));
  EXPECT_EQ(Next(true), "1 sent");
  EXPECT_EQ(Next(), "1 message 1");
  stream_->Send(Heartbeat(2));
  EXPECT_EQ(Next(true), "1 sent");
  stream_->Resume();
  EXPECT_EQ(Next(), "1 message 2");
  stream_->Close();
  EXPECT_EQ(Next(), "1 closed CANCELLED");
}

TEST_F(SchedulerStreamTest, OpensAgainAfterTheEnd) {
  stream_->Open(1, Heartbeat(99));
  EXPECT_EQ(Next(), "1 closed UNAVAILABLE");
  stream_->Send(Heartbeat(5));
  stream_->Open(2, Heartbeat(1));
  EXPECT_EQ(Next(), "2 message 1");
}

TEST_F(SchedulerStreamTest, ARefusalArrivesWithItsCode) {
  scheduler_.refuse = absl::AlreadyExistsError("another agent holds this node id");
  stream_->Open(1, Heartbeat(1));
  EXPECT_EQ(Next(), "1 closed ALREADY_EXISTS");
}

TEST_F(SchedulerStreamTest, NobodyThere) {
  server_.server->Shutdown(std::chrono::system_clock::now());
  stream_->Open(1, Heartbeat(1));
  EXPECT_EQ(Next(), "1 closed UNAVAILABLE");
}

TEST_F(SchedulerStreamTest, DestructionEndsAnOpenStream) {
  stream_->Open(1, Heartbeat(1));
  EXPECT_EQ(Next(), "1 message 1");
  stream_.reset();
  EXPECT_EQ(Next(), "1 closed CANCELLED");
}

}  // namespace
}  // namespace heliotrope::agent::link

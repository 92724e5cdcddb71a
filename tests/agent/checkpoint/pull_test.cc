#include "agent/checkpoint/pull.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "agent/checkpoint/data_reader.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/server.h"
#include "scheduler/wire/status.h"
#include "tests/agent/checkpoint/checkpoint_fixture.h"

namespace heliotrope::agent::checkpoint {
namespace {

// How a holder misbehaves.
struct Conduct {
  // Pieces that a call may send before it breaks off.
  int pieces_per_call = 1000;
  // Changes what is sent.
  std::function<void(v1::PullCheckpointResponse&)> forge = {};
  // Instead of an answer.
  absl::Status refuse = {};
};

class Holder final : public v1::AgentService::Service {
 public:
  explicit Holder(const Store& store, Conduct conduct = {})
      : store_(store), conduct_(std::move(conduct)) {
    auto server = wire::StartServer("127.0.0.1:0", *wire::MakeCredentials({}), {this});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  const std::string& address() const { return server_.address; }

  std::atomic<int> calls{0};
  std::vector<int64_t> offsets;

 private:
  grpc::Status PullCheckpoint(grpc::ServerContext* context,
                              const v1::PullCheckpointRequest* request,
                              grpc::ServerWriter<v1::PullCheckpointResponse>* writer) override {
    ++calls;
    offsets.push_back(request->offset_bytes());
    if (!conduct_.refuse.ok()) return wire::ToGrpc(conduct_.refuse);
    auto manifest = *store_.List();
    v1::PullCheckpointResponse response;
    response.mutable_manifest()->set_contents(*store_.ReadManifest(manifest.at(0).key));
    if (conduct_.forge) conduct_.forge(response);
    writer->Write(response);
    auto reader =
        DataReader::Open(store_, *store_.Find(manifest.at(0).key), request->offset_bytes());
    for (int i = 0; i < conduct_.pieces_per_call && !context->IsCancelled(); ++i) {
      auto piece = reader->Next();
      if (!piece.ok() || piece->empty()) return grpc::Status::OK;
      response.set_data(*piece);
      if (conduct_.forge) conduct_.forge(response);
      writer->Write(response);
    }
    return {grpc::StatusCode::UNAVAILABLE, "broke off"};
  }

  const Store& store_;
  const Conduct conduct_;
  wire::Server server_;
};

class PullTest : public CheckpointTest {
 protected:
  void SetUp() override {
    auto info =
        source_.Seal({.key = Key(), .directory = Make("job", Sample()), .jurisdictions = {"DE"}});
    ASSERT_TRUE(info.ok());
    options_ = {.source = {.key = Key(), .digest = info->digest, .size = info->size},
                .jurisdiction = "DE",
                .node = "test",
                .connect = [](const std::string& address)
                    -> absl::StatusOr<std::unique_ptr<v1::AgentService::StubInterface>> {
                  auto channel = wire::MakeChannel(address, *wire::MakeCredentials({}));
                  if (!channel.ok()) return channel.status();
                  return v1::AgentService::NewStub(*channel);
                },
                .backoff = absl::Milliseconds(1)};
  }

  absl::StatusOr<CheckpointInfo> PullFrom(std::vector<std::string> addresses) {
    options_.source.addresses = std::move(addresses);
    return Pull(target_, options_, stop_.get_token());
  }

  Store source_ = OpenStore("source");
  Store target_ = OpenStore("target");
  PullOptions options_;
  std::stop_source stop_;
};

TEST_F(PullTest, Pulls) {
  Holder holder(source_);
  const auto info = PullFrom({holder.address()});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(*target_.List(), *source_.List());
  EXPECT_EQ(holder.calls, 1);
  EXPECT_TRUE(PullFrom({holder.address()}).ok());
  EXPECT_EQ(holder.calls, 1) << "what is here is not pulled again";
}

TEST_F(PullTest, ResumesAfterBrokenStreams) {
  Holder holder(source_, {.pieces_per_call = 1});
  ASSERT_TRUE(PullFrom({holder.address()}).ok());
  ASSERT_GT(holder.offsets.size(), 2u);
  for (size_t i = 1; i < holder.offsets.size(); ++i) {
    EXPECT_GT(holder.offsets[i], holder.offsets[i - 1]) << "nothing is sent twice";
  }
}

TEST_F(PullTest, GoesOnWithAnotherHolder) {
  Holder dying(source_, {.pieces_per_call = 1});
  Holder other(source_);
  Holder gone(source_, {.refuse = absl::NotFoundError("released")});
  // Nobody listens at the first one.
  ASSERT_TRUE(PullFrom({"127.0.0.1:1", gone.address(), dying.address(), other.address()}).ok());
  EXPECT_EQ(gone.calls, 1) << "a final answer is not asked for again";
}

TEST_F(PullTest, AForgerIsNotBelieved) {
  Holder forger(source_, {.forge = [](v1::PullCheckpointResponse& response) {
                  if (response.has_data())
                    (*response.mutable_data())[response.data().size() / 2] ^= 1;
                }});
  const auto refused = PullFrom({forger.address()});
  EXPECT_FALSE(refused.ok());
  EXPECT_TRUE(target_.List()->empty());
  Holder honest(source_);
  EXPECT_TRUE(PullFrom({forger.address(), honest.address()}).ok());
}

TEST_F(PullTest, WhatGoesByTheSameNameIsNotTakenForIt) {
  ASSERT_TRUE(target_
                  .Seal({.key = Key(),
                         .directory = Make("other", {{"a", "something else"}}),
                         .jurisdictions = {"DE"}})
                  .ok());
  Holder holder(source_);
  const auto info = PullFrom({holder.address()});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(*target_.List(), *source_.List());
}

TEST_F(PullTest, ADamagedManifestIsFetchedAnew) {
  Holder holder(source_);
  ASSERT_TRUE(PullFrom({holder.address()}).ok());
  const std::string manifest = directory_ + "/target/12.7-3.1/manifest";
  ASSERT_EQ(truncate(manifest.c_str(), kMaxManifestBytes + 1), 0);
  const auto info = PullFrom({holder.address()});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(*target_.List(), *source_.List());
}

// From the beginning, and where a stream resumes behind the damage.
TEST_F(PullTest, AHolderNoticesThatItsCopyIsDamaged) {
  std::string bytes = Sample().at("state.bin");
  bytes[10] = static_cast<char>(bytes[10] ^ 1);
  ASSERT_TRUE(os::WriteFileAtomically(source_.DataPath(Key()) + "/state.bin", bytes).ok());
  const Manifest manifest = *source_.Find(Key());
  const auto drain = [&](int64_t offset) {
    auto reader = DataReader::Open(source_, manifest, offset);
    while (true) {
      const auto piece = reader->Next();
      if (!piece.ok()) return piece.status();
      if (piece->empty()) return absl::OkStatus();
    }
  };
  const int64_t before = manifest.size_bytes - static_cast<int64_t>(bytes.size());
  EXPECT_TRUE(absl::IsDataLoss(drain(0)));
  EXPECT_TRUE(absl::IsDataLoss(drain(before + 1000)));
  ASSERT_TRUE(
      os::WriteFileAtomically(source_.DataPath(Key()) + "/state.bin", bytes.substr(1)).ok());
  EXPECT_TRUE(absl::IsDataLoss(drain(0))) << "shorter";
  ASSERT_EQ(unlink((source_.DataPath(Key()) + "/state.bin").c_str()), 0);
  EXPECT_TRUE(absl::IsDataLoss(drain(0))) << "gone, and the rest is there";
  ASSERT_TRUE(source_.Remove(Key()).ok());
  EXPECT_TRUE(absl::IsAborted(drain(0))) << "released meanwhile";
}

TEST_F(PullTest, ResidencyIsCheckedAtBothEnds) {
  Holder holder(source_);
  options_.jurisdiction = "CN";
  EXPECT_TRUE(absl::IsPermissionDenied(PullFrom({holder.address()}).status()))
      << "we refuse, though the holder gave it";
  options_.jurisdiction = "DE";
  Holder refusing(source_, {.refuse = absl::PermissionDeniedError("not to you")});
  EXPECT_TRUE(absl::IsPermissionDenied(PullFrom({refusing.address()}).status()));
}

TEST_F(PullTest, GivesUpWhenNobodyHasIt) {
  EXPECT_TRUE(absl::IsNotFound(PullFrom({}).status()));
  Holder empty(source_, {.refuse = absl::UnavailableError("starting")});
  EXPECT_TRUE(absl::IsUnavailable(PullFrom({empty.address()}).status()));
  EXPECT_EQ(empty.calls, 6);
}

TEST_F(PullTest, StopsWhenItIsNotWantedAnyMore) {
  Holder holder(source_, {.refuse = absl::UnavailableError("starting")});
  options_.backoff = absl::Hours(1);
  std::jthread stopper([&] {
    while (holder.calls == 0) std::this_thread::yield();
    stop_.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(PullFrom({holder.address()}).status()));
}

}  // namespace
}  // namespace heliotrope::agent::checkpoint

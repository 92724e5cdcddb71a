#include "agent/link/agent_service.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <future>
#include <thread>

#include "agent/exec/directory_tree.h"
#include "agent/shim/launch_format.h"
#include "scheduler/base/mutex.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/server.h"
#include "scheduler/wire/status.h"

namespace heliotrope::agent::link {
namespace {

constexpr char kTask[] = "jobs/nightly/tasks/0";
const AttemptKey kKey{.task = {.job = JobUid(1), .index = 0}, .attempt = AttemptNumber(2)};

class AgentServiceTest : public ::testing::Test {
 protected:
  AgentServiceTest() {
    char pattern[] = "/tmp/agent_service_test.XXXXXX";
    root_ = mkdtemp(pattern);
    EXPECT_TRUE(os::EnsureDirectory(root_ + "/a/output").ok());
    store_ = std::make_unique<checkpoint::Store>(*checkpoint::Store::Open(root_ + "/store"));
    service_ = std::make_unique<AgentService>(index_, *store_, workers_, Options());
    auto server = wire::StartServer("127.0.0.1:0", credentials_, {service_.get()});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::AgentService::NewStub(*wire::MakeChannel(server_.address, credentials_));
  }

  ~AgentServiceTest() override {
    server_.server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    EXPECT_TRUE(exec::RemoveTree(root_).ok());
  }

  // More than a test makes one after another: a call is counted a moment longer than its client waits.
  static constexpr int kMaxCalls = 16;

  AgentService::Options Options() {
    return {.max_calls = kMaxCalls,
            .on_damaged = [this](const CheckpointKey& key, const std::string& digest,
                                 const absl::Status&) {
              const MutexLock lock(mutex_);
              damaged_.emplace_back(key, digest);
            }};
  }

  void Index(const std::vector<std::string>& jurisdictions) {
    index_.Put({.key = kKey,
                .task = kTask,
                .paths = {.root = root_ + "/a",
                          .work = root_ + "/a/work",
                          .checkpoint = root_ + "/a/checkpoint",
                          .output = root_ + "/a/output"},
                .jurisdictions = jurisdictions,
                .output_patterns = {"*.csv"}});
  }

  void Log(const std::string& text) {
    FILE* file = fopen((root_ + "/a/" + shim::kStdoutLog).c_str(), "a");
    fwrite(text.data(), 1, text.size(), file);
    fclose(file);
  }

  static v1::AttemptSelector Selector(const std::string& jurisdiction = "") {
    v1::AttemptSelector selector;
    selector.set_task(kTask);
    selector.set_reader_jurisdiction(jurisdiction);
    return selector;
  }

  struct Log {
    std::string data;
    absl::Status status;
  };
  struct Log ReadLog(int64_t offset, bool follow = false, const std::string& jurisdiction = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::ReadLogRequest request;
    *request.mutable_attempt() = Selector(jurisdiction);
    request.set_offset_bytes(offset);
    request.set_follow(follow);
    const auto reader = stub_->ReadLog(&context, request);
    struct Log log;
    v1::ReadLogResponse response;
    while (reader->Read(&response)) log.data += response.data();
    log.status = wire::FromGrpc(reader->Finish());
    return log;
  }

  struct Log ReadOutput(const std::string& path, int64_t offset = 0) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::ReadOutputRequest request;
    *request.mutable_attempt() = Selector();
    request.set_path(path);
    request.set_offset_bytes(offset);
    const auto reader = stub_->ReadOutput(&context, request);
    struct Log log;
    v1::ReadOutputResponse response;
    while (reader->Read(&response)) log.data += response.data();
    log.status = wire::FromGrpc(reader->Finish());
    return log;
  }

  absl::Status Pull(const std::string& jurisdiction, const std::string& digest,
                    int* messages = nullptr) {
    grpc::ClientContext context;
    v1::PullCheckpointRequest request;
    request.mutable_key()->mutable_attempt()->set_job_uid(1);
    request.mutable_key()->mutable_attempt()->set_attempt(2);
    request.mutable_key()->set_sequence(1);
    request.set_digest(digest);
    request.set_puller_jurisdiction(jurisdiction);
    const auto reader = stub_->PullCheckpoint(&context, request);
    v1::PullCheckpointResponse response;
    while (reader->Read(&response)) {
      if (messages != nullptr) ++*messages;
    }
    return wire::FromGrpc(reader->Finish());
  }

  std::string root_;
  wire::Credentials credentials_ = *wire::MakeCredentials({});
  AttemptIndex index_;
  std::unique_ptr<checkpoint::Store> store_;
  Workers workers_{2};
  std::unique_ptr<AgentService> service_;
  wire::Server server_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  Mutex mutex_;
  std::vector<std::pair<CheckpointKey, std::string>> damaged_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(AgentServiceTest, SendsALogFromAnOffset) {
  Index({"*"});
  const std::string text = std::string(200'000, 'x') + "the end\n";
  Log(text);
  EXPECT_EQ(ReadLog(0).data, text);
  EXPECT_EQ(ReadLog(200'000).data, "the end\n");
  EXPECT_EQ(ReadLog(-4).data, "end\n");
  EXPECT_EQ(ReadLog(200'008).data, "");
  EXPECT_TRUE(absl::IsOutOfRange(ReadLog(200'009).status));
}

TEST_F(AgentServiceTest, FollowsUntilTheAttemptEnds) {
  Index({"*"});
  Log("one\n");
  auto following = std::async(std::launch::async, [&] { return ReadLog(0, /*follow=*/true); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  Log("two\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  Log("three\n");
  index_.SetEnded(kKey);
  const struct Log log = following.get();
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.data, "one\ntwo\nthree\n");
}

TEST_F(AgentServiceTest, ResidencyCountsForReaders) {
  Index({"DE"});
  Log("secret\n");
  EXPECT_TRUE(absl::IsPermissionDenied(ReadLog(0).status));
  EXPECT_TRUE(absl::IsPermissionDenied(ReadLog(0, false, "CN").status));
  EXPECT_EQ(ReadLog(0, false, "DE").data, "secret\n");
  EXPECT_TRUE(absl::IsPermissionDenied(ReadOutput("a.csv").status));
  grpc::ClientContext context;
  v1::ListOutputsRequest request;
  *request.mutable_attempt() = Selector();
  v1::ListOutputsResponse response;
  EXPECT_EQ(stub_->ListOutputs(&context, request, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(AgentServiceTest, ListsAndSendsOutputs) {
  Index({"*"});
  const std::string data(150'000, 'c');
  ASSERT_TRUE(os::WriteFileAtomically(root_ + "/a/output/a.csv", data).ok());
  ASSERT_TRUE(os::WriteFileAtomically(root_ + "/a/output/b.tmp", data).ok());
  grpc::ClientContext context;
  v1::ListOutputsRequest request;
  *request.mutable_attempt() = Selector();
  v1::ListOutputsResponse response;
  ASSERT_TRUE(stub_->ListOutputs(&context, request, &response).ok());
  ASSERT_EQ(response.files_size(), 1);
  EXPECT_EQ(response.files(0).path(), "a.csv");
  EXPECT_EQ(ReadOutput("a.csv").data, data);
  EXPECT_EQ(ReadOutput("a.csv", 149'999).data, "c");
  EXPECT_TRUE(absl::IsNotFound(ReadOutput("b.tmp").status));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadOutput("../launch").status));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadOutput("a.csv", -1).status));
}

TEST_F(AgentServiceTest, RefusesMoreCallsThanItsLimit) {
  Index({"*"});
  Log("x");
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::ReadLogResponse>>> readers;
  v1::ReadLogRequest request;
  *request.mutable_attempt() = Selector();
  request.set_follow(true);
  v1::ReadLogResponse response;
  for (int i = 0; i < kMaxCalls; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stub_->ReadLog(contexts.back().get(), request));
    ASSERT_TRUE(readers.back()->Read(&response));
  }
  EXPECT_TRUE(absl::IsResourceExhausted(ReadLog(0).status));
  for (auto& context : contexts) context->TryCancel();
  for (auto& reader : readers) {
    while (reader->Read(&response)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(AgentServiceTest, APullerMustStateWhereItIs) {
  ASSERT_TRUE(os::EnsureDirectory(root_ + "/job").ok());
  ASSERT_TRUE(os::WriteFileAtomically(root_ + "/job/state", "42").ok());
  const CheckpointKey key{.attempt = kKey, .sequence = CheckpointSeq(1)};
  const auto info =
      store_->Seal({.key = key, .directory = root_ + "/job", .jurisdictions = {"DE"}});
  ASSERT_TRUE(info.ok());
  const auto pull = [&](const std::string& jurisdiction, const std::string& digest) {
    int messages = 0;
    const absl::Status status = Pull(jurisdiction, digest, &messages);
    EXPECT_EQ(messages > 0, jurisdiction == "DE");
    return status;
  };
  EXPECT_TRUE(absl::IsPermissionDenied(pull("", info->digest)));
  EXPECT_TRUE(absl::IsPermissionDenied(pull("CN", info->digest)));
  EXPECT_TRUE(pull("DE", info->digest).ok());
  const MutexLock lock(mutex_);
  EXPECT_TRUE(damaged_.empty());
}

// The agent learns of its own damaged copies by those who pull them.
TEST_F(AgentServiceTest, TellsOfDamagedCheckpoints) {
  ASSERT_TRUE(os::EnsureDirectory(root_ + "/job").ok());
  ASSERT_TRUE(os::WriteFileAtomically(root_ + "/job/state", "42").ok());
  const CheckpointKey key{.attempt = kKey, .sequence = CheckpointSeq(1)};
  const auto info =
      store_->Seal({.key = key, .directory = root_ + "/job", .jurisdictions = {"DE"}});
  ASSERT_TRUE(info.ok());
  EXPECT_TRUE(absl::IsNotFound(Pull("DE", std::string(32, 'x'))));
  ASSERT_TRUE(os::WriteFileAtomically(store_->DataPath(key) + "/state", "43").ok());
  EXPECT_TRUE(absl::IsDataLoss(Pull("DE", info->digest)));
  ASSERT_EQ(truncate((root_ + "/store/" + checkpoint::FolderName(key) + "/manifest").c_str(),
                     checkpoint::kMaxManifestBytes + 1),
            0);
  EXPECT_TRUE(absl::IsDataLoss(Pull("DE", info->digest)));
  const MutexLock lock(mutex_);
  ASSERT_EQ(damaged_.size(), 3U);
  EXPECT_EQ(damaged_[0], std::make_pair(key, std::string(32, 'x')));
  EXPECT_EQ(damaged_[1], std::make_pair(key, info->digest));
  EXPECT_EQ(damaged_[2], std::make_pair(key, info->digest)) << "its manifest";
}

}  // namespace
}  // namespace heliotrope::agent::link

// The daemon as a whole, in this process: what its parts' own tests cannot see.
#include "scheduler/daemon/daemon.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/daemon/commands.h"
#include "scheduler/store/dump.h"
#include "scheduler/wire/channel.h"
#include "tests/scheduler/daemon/waiting.h"

namespace heliotrope::daemon {
namespace {

using testing::HasSubstr;

constexpr char kDataCenters[] = R"(
listen: 127.0.0.1:0
http_listen: 127.0.0.1:0
store: {sqlite: state.db}
data_centers:
  - {name: dubai, region: emea, time_zone: Asia/Dubai, jurisdiction: AE}
)";

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() : directory_(testing::TempDir() + "/heliotrope-daemon-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    Write(kDataCenters);
  }
  ~DaemonTest() override {
    daemon_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string ConfigFile() const { return directory_ + "/s.yaml"; }
  void Write(const std::string& text) { std::ofstream(ConfigFile()) << text; }

  static std::unique_ptr<Daemon> MakeDaemon(const std::string& file) {
    auto config = LoadConfig(file);
    EXPECT_TRUE(config.ok()) << config.status();
    return std::make_unique<Daemon>(*std::move(config));
  }
  void Start() {
    daemon_ = MakeDaemon(ConfigFile());
    const absl::Status status = daemon_->Start();
    ASSERT_TRUE(status.ok()) << status;
    channel_ = *wire::MakeChannel(absl::StrCat("127.0.0.1:", daemon_->grpc_port()),
                                  *wire::MakeCredentials({}));
  }

  grpc::StatusCode Submit(const std::string& id) {
    v1::CreateJobRequest request;
    request.set_job_id(id);
    request.mutable_job()->mutable_task()->add_command("true");
    request.mutable_job()->add_residency("AE");
    v1::Job job;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return v1::JobService::NewStub(channel_)->CreateJob(&context, request, &job).error_code();
  }
  int DataCenters() {
    v1::ListDataCentersResponse response;
    grpc::ClientContext context;
    const auto status =
        v1::FleetService::NewStub(channel_)->ListDataCenters(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.data_centers_size();
  }
  // What grpc.health.v1.Health/Check says of the whole server: 1 SERVING, 2 NOT_SERVING. Its
  // messages have no C++ package in Debian; the answer is one varint field.
  int Health() {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice nothing;
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call =
        stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(status.ok() && response.Dump(&slices).ok()) << status.error_message();
    std::string bytes;
    for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
    return bytes.size() == 2 && bytes[0] == '\x08' ? bytes[1] : 0;
  }

  std::string directory_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(DaemonTest, ServesOnThePortsThatItFoundAndKeepsJobsOverARestart) {
  Start();
  EXPECT_GT(daemon_->grpc_port(), 0);
  EXPECT_GT(daemon_->http_port(), 0);
  EXPECT_EQ(Submit("nightly"), grpc::OK);
  EXPECT_EQ(Health(), 1);
  EXPECT_TRUE(daemon_->Stop().ok());
  daemon_.reset();
  Start();
  EXPECT_EQ(Submit("nightly"), grpc::ALREADY_EXISTS);
}

TEST_F(DaemonTest, ASecondSchedulerOnTheSameDatabaseSaysSoAndTheFirstGoesOn) {
  Start();
  const auto second = MakeDaemon(ConfigFile());
  const absl::Status status = second->Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another scheduler"));
  EXPECT_EQ(Submit("nightly"), grpc::OK);
}

TEST_F(DaemonTest, ATakenPortIsSaidAndNothingIsLeftRunning) {
  Start();
  const std::string other = directory_ + "/other.yaml";
  std::ofstream(other)
      << "listen: 127.0.0.1:" << daemon_->grpc_port()
      << "\nhttp_listen: 127.0.0.1:0\nstore: {sqlite: other.db}\n"
         "data_centers: [{name: a, region: b, time_zone: UTC, jurisdiction: AE}]\n";
  EXPECT_EQ(MakeDaemon(other)->Start().code(), absl::StatusCode::kUnavailable);
}

TEST_F(DaemonTest, AReloadAddsADataCenterAndABadFileChangesNothing) {
  Start();
  EXPECT_EQ(DataCenters(), 1);
  Write(absl::StrCat(
      kDataCenters,
      "  - {name: oslo, region: emea, time_zone: Europe/Oslo, jurisdiction: \"NO\"}\n"));
  daemon_->Reload(ConfigFile());
  EXPECT_TRUE(Eventually([this] { return DataCenters() == 2; }));
  Write("data_centers: [}\n");
  daemon_->Reload(ConfigFile());
  EXPECT_EQ(DataCenters(), 2);
  EXPECT_EQ(Submit("nightly"), grpc::OK);
}

TEST_F(DaemonTest, TheStoreCanBeLookedAtWhileItRuns) {
  Start();
  EXPECT_EQ(Submit("nightly"), grpc::OK);
  std::ostringstream out;
  ASSERT_TRUE(store::DumpSqlite(directory_ + "/state.db", store::Kind::kJob, out).ok());
  EXPECT_THAT(out.str(), HasSubstr("\"id\":\"nightly\""));
}

TEST_F(DaemonTest, AFullDiskIsUnavailableAndNotServingUntilThereIsRoom) {
  Start();
  EXPECT_EQ(Submit("before"), grpc::OK);
  std::signal(SIGXFSZ, SIG_IGN);  // As RunDaemon does.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  // The log has its header and some commits; not one more fits.
  const auto size = std::filesystem::file_size(directory_ + "/state.db-wal");
  const rlimit limit{.rlim_cur = size, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  std::thread waits([this] { EXPECT_EQ(Submit("during"), grpc::OK); });  // Answered at the end.
  EXPECT_TRUE(Eventually([this] { return Health() == 2; }));
  EXPECT_EQ(Submit("refused"), grpc::UNAVAILABLE);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(Eventually([this] { return Health() == 1; }));
  waits.join();
  EXPECT_EQ(Submit("after"), grpc::OK);
}

TEST_F(DaemonTest, CheckConfigTellsWithTheExitStatus) {
  EXPECT_EQ(CheckConfigFile(ConfigFile()), EXIT_SUCCESS);
  Write("listne: x\n");
  EXPECT_EQ(CheckConfigFile(ConfigFile()), EXIT_FAILURE);
  EXPECT_EQ(CheckConfigFile(directory_ + "/none.yaml"), EXIT_FAILURE);
}

}  // namespace
}  // namespace heliotrope::daemon

#include "tests/agent/daemon/agent_fixture.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/exec/cgroup_tree.h"
#include "agent/exec/directory_tree.h"
#include "agent/exec/shim_runner.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/time.h"

extern char** environ;

namespace heliotrope::agent::daemon {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

int PortAfter(const std::string& json, const std::string& name) {
  int port = 0;
  const size_t at = json.find("\"" + name + "\":");
  if (at == std::string::npos) return 0;
  std::istringstream(json.substr(at + name.size() + 3)) >> port;
  return port;
}

}  // namespace

AgentTest::AgentTest() {
  char pattern[] = "/tmp/agent_test.XXXXXX";
  directory_ = mkdtemp(pattern);
  // Jobs of another user must get to their directories.
  chmod(directory_.c_str(), 0755);
}

AgentTest::~AgentTest() {
  for (auto& [node, agent] : agents_) {
    if (agent.pid > 0) EndAgent(node, SIGKILL);
    if (HasFailure()) std::cerr << "--- log of " << node << "\n" << Log(node);
    KillLeftovers(agent.state);
  }
  EXPECT_TRUE(exec::RemoveTree(directory_).ok());
}

// The attempts outlive their agent; the test must not leave any.
void AgentTest::KillLeftovers(const std::string& state) {
  std::atomic<int> live{0};
  auto runner = exec::ShimRunner::Create(
      {.state_directory = state, .shim = absl::StrCat(HT_BIN_DIR, "/heliotrope-shim"), .lease = {}},
      [&](const exec::AttemptKey&, const exec::AttemptEnd&) { --live; });
  if (!runner.ok()) return;
  const auto keys = (*runner)->List();
  if (!keys.ok()) return;
  for (const exec::AttemptKey& key : *keys) {
    const auto adopted = (*runner)->Adopt(key);
    if (!adopted.ok() || adopted->state != exec::Adoption::State::kLive) continue;
    ++live;
    (void)(*runner)->Kill(key);
  }
  scheduler_.Until([&] { return live == 0; });
}

void AgentTest::StartAgent(const std::string& node, const AgentOptions& options) {
  Agent& agent = agents_[node];
  const std::string root = directory_ + "/" + node;
  ASSERT_TRUE(os::EnsureDirectory(root, 0755).ok());
  agent.state = root + "/state";
  const std::string ports = root + "/ports.json";
  unlink(ports.c_str());
  ASSERT_TRUE(
      os::WriteFileAtomically(
          root + "/agent.yaml",
          absl::StrCat(
              "node: ", node, "\ndata_center: frankfurt-1\njurisdiction: ", options.jurisdiction,
              "\nscheduler: ", scheduler_.address(),
              "\nlisten: 127.0.0.1:0\nhttp_listen: 127.0.0.1:0\n", "state_directory: ", agent.state,
              "\ncapacity: {cores: 1000, memory_bytes: 1TiB}\n", "log: {level: debug}\n",
              options.extra.find("load:") != std::string::npos
                  ? ""
                  : "yield: {freeze_above_cpu_pressure_percent: 0}\n",
              options.extra))
          .ok());
  const std::string program = absl::StrCat(HT_BIN_DIR, "/heliotrope-agent");
  const std::string config = root + "/agent.yaml";
  const std::string log = root + "/log";
  std::vector<const char*> argv = {program.c_str(), "--config",    config.c_str(),
                                   "--ports-file",  ports.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const size_t hellos = scheduler_.hellos().size();
  ASSERT_EQ(posix_spawn(&agent.pid, program.c_str(), &actions, nullptr,
                        const_cast<char**>(argv.data()), environ),
            0);
  posix_spawn_file_actions_destroy(&actions);
  ASSERT_TRUE(scheduler_.Until([&] { return access(ports.c_str(), F_OK) == 0; })) << Log(node);
  const std::string json = Slurp(ports);
  agent.address = absl::StrCat("127.0.0.1:", PortAfter(json, "grpc"));
  agent.http_port = PortAfter(json, "http");
  if (options.wait_connected) {
    ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.hellos().size() > hellos; })) << Log(node);
  }
}

int AgentTest::EndAgent(const std::string& node, int signal) {
  Agent& agent = agents_[node];
  kill(agent.pid, signal);
  int status = 0;
  waitpid(agent.pid, &status, 0);
  agent.pid = -1;
  return status;
}

bool AgentTest::IsRunning(const std::string& node) {
  int status = 0;
  return waitpid(agents_[node].pid, &status, WNOHANG) == 0;
}

std::string AgentTest::Log(const std::string& node) {
  return Slurp(directory_ + "/" + node + "/log");
}

std::string AgentTest::Metrics(const std::string& node) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(agents_[node].http_port));
  std::string text;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t size; (size = read(fd, buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
  }
  close(fd);
  return text;
}

std::unique_ptr<v1::AgentService::Stub> AgentTest::Stub(const std::string& node) {
  return v1::AgentService::NewStub(*wire::MakeChannel(Address(node), *wire::MakeCredentials({})));
}

v1::AttemptOrder AgentTest::Start(uint64_t job, uint32_t number, const std::string& script) {
  v1::AttemptOrder order;
  order.set_action(v1::AttemptOrder::ACTION_START);
  order.mutable_key()->set_job_uid(job);
  order.mutable_key()->set_attempt(number);
  v1::StartOrder& start = *order.mutable_start();
  start.set_job_name(absl::StrCat("jobs/job-", job));
  start.add_jurisdictions("DE");
  start.add_jurisdictions("FR");
  v1::TaskTemplate& task = *start.mutable_task();
  for (const char* word : {"/bin/sh", "-c", script.c_str()}) task.add_command(word);
  task.set_milli_cores(1000);
  task.set_memory_bytes(64 << 20);
  return order;
}

v1::AttemptOrder AgentTest::Counting(uint64_t job, uint32_t number, int count) {
  v1::AttemptOrder order = Start(
      job, number,
      absl::StrCat("saved=$HELIOTROPE_CHECKPOINT_DIR/count; n=$(cat $saved 2>/dev/null || echo 0)\n"
                   "trap 'echo $n > $saved; exit 85' TERM; echo from $n\n"
                   "while [ $n -lt ",
                   count, " ]; do n=$((n+1)); test -z $told && told=1 && echo begun\n",
                   "sleep 0.02; done; echo counted $n"));
  v1::Checkpointing& checkpoint = *order.mutable_start()->mutable_task()->mutable_checkpoint();
  *checkpoint.mutable_grace() = wire::ToProto(absl::Seconds(5));
  return order;
}

v1::AttemptOrder AgentTest::Order(const v1::AttemptOrder& of, v1::AttemptOrder::Action action,
                                  const std::string& reason) {
  v1::AttemptOrder order;
  *order.mutable_key() = of.key();
  order.set_action(action);
  order.set_reason(reason);
  return order;
}

v1::AttemptStatus AgentTest::Status(const v1::AttemptOrder& of) {
  return scheduler_.Status(KeyText(of.key()));
}

bool AgentTest::Reaches(const v1::AttemptOrder& of, v1::AttemptStatus::Phase phase) {
  const bool reached = scheduler_.Until([&] { return Status(of).phase() == phase; });
  EXPECT_TRUE(reached) << "is " << Status(of).ShortDebugString();
  return reached;
}

std::string AgentTest::Output(const std::string& node, const v1::AttemptOrder& of, bool follow) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::ReadLogRequest request;
  request.mutable_attempt()->set_task(absl::StrCat(of.start().job_name(), "/tasks/0"));
  request.mutable_attempt()->set_reader_jurisdiction("DE");
  request.set_follow(follow);
  const auto reader = Stub(node)->ReadLog(&context, request);
  v1::ReadLogResponse response;
  std::string text;
  while (reader->Read(&response)) text += response.data();
  const grpc::Status status = reader->Finish();
  return status.ok() ? text : status.error_message();
}

}  // namespace heliotrope::agent::daemon

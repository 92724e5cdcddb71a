#include "agent/daemon/daemon.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "agent/daemon/records.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"
#include "scheduler/os/notify.h"
#include "scheduler/os/version.h"
#include "scheduler/wire/address.h"
#include "scheduler/wire/channel.h"

namespace heliotrope::agent::daemon {
namespace {

// A start takes about a millisecond of a worker; two keep two cores busy.
constexpr size_t kHands = 2;
constexpr size_t kCarriers = 3;
// Calls that are being answered at the end get so long.
constexpr std::chrono::seconds kLastCalls{1};
// Enough to tell agents on one machine apart, which only trials have.
constexpr size_t kInstanceInNames = 8;
constexpr absl::Duration kShortestMeasure = absl::Seconds(1);
constexpr absl::Duration kSweepEvery = absl::Minutes(1);
// A scrape waits no longer for a busy loop.
constexpr absl::Duration kScrapePatience = absl::Seconds(2);

// A SchedulerStream whose news go to the loop.
class PostingLine final : public Line {
 public:
  PostingLine(const std::shared_ptr<grpc::Channel>& channel,
              link::SchedulerStream::Callbacks callbacks)
      : stream_(channel, std::move(callbacks)) {}

  void Open(uint64_t session, v1::ConnectRequest hello) override {
    stream_.Open(session, std::move(hello));
  }
  void Send(v1::ConnectRequest message) override { stream_.Send(std::move(message)); }
  void Resume() override { stream_.Resume(); }
  void Close() override { stream_.Close(); }

 private:
  link::SchedulerStream stream_;
};

absl::StatusOr<os::UniqueFd> LockState(const std::string& directory) {
  HT_ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenFile(directory + "/lock", O_RDWR | O_CREAT, 0600));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return os::FileError(errno, "lock", directory);
  return PreconditionFailed("STATE_IN_USE", absl::StrCat("another agent runs with state directory ",
                                                         directory, ": stop it first"));
}

}  // namespace

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      metrics_(registry_),
      machine_(config_.spec),
      retention_({.age = config_.keep_ended, .bytes = config_.keep_bytes}),
      watchdog_interval_(os::WatchdogInterval()) {
  registry_.AddBuildInfo("heliotrope-agent");
  metrics_.capacity_cores.Set(config_.spec.cores.cores());
}

Daemon::~Daemon() { Stop(); }

int Daemon::http_port() const { return http_ == nullptr ? 0 : http_->port(); }

absl::Status Daemon::Start() {
  started_ = true;
  HT_ASSIGN_OR_RETURN(credentials_, wire::MakeCredentials(config_.tls));
  if (!credentials_.has_tls) {
    os::LogInfo("no certificates are configured: listening on loopback only");
  }
  HT_RETURN_IF_ERROR(OpenState());
  hands_ = std::make_unique<link::Workers>(kHands);
  carriers_ = std::make_unique<link::Workers>(kCarriers);
  HT_RETURN_IF_ERROR(OpenRunner());
  HT_ASSIGN_OR_RETURN(load_, LoadSampler::Create(config_, *runner_));
  HT_RETURN_IF_ERROR(attempts_->Recover(), "recovering attempts");
  HT_RETURN_IF_ERROR(Serve());
  HT_RETURN_IF_ERROR(Dial());
  loop_.Start({.after_batch = [this] { AfterBatch(); }, .deadline = [this] { return Deadline(); }});
  os::LogInfo("serving", {{"node", config_.node},
                          {"data_center", config_.data_center},
                          {"jurisdiction", config_.spec.jurisdiction},
                          {"grpc", server_.address},
                          {"http_port", http_->port()},
                          {"cores", config_.spec.cores},
                          {"memory", config_.spec.memory},
                          {"version", os::VersionText()}});
  os::NotifyStatus(absl::StrCat("serving on ", server_.address));
  os::NotifyReady();
  return absl::OkStatus();
}

absl::Status Daemon::OpenState() {
  // Jobs reach their own directories through it.
  HT_RETURN_IF_ERROR(os::EnsureDirectory(config_.state_directory, 0711));
  HT_ASSIGN_OR_RETURN(lock_, LockState(config_.state_directory));
  HT_ASSIGN_OR_RETURN(instance_, InstanceId(config_.state_directory));
  HT_ASSIGN_OR_RETURN(lease_, exec::LeaseFile::Open(config_.state_directory));
  HT_ASSIGN_OR_RETURN(store_, checkpoint::Store::Open(config_.state_directory + "/checkpoints"));
  return absl::OkStatus();
}

absl::Status Daemon::OpenRunner() {
  auto cgroups = exec::CgroupTree::Open(
      {.agent = absl::StrCat(config_.node, "-", instance_.substr(0, kInstanceInNames))});
  if (cgroups.ok()) {
    cgroups_ = *std::move(cgroups);
    os::LogInfo("attempts run in control groups",
                {{"cgroup", cgroups_->directory()}, {"shortfall", cgroups_->Shortfall()}});
  } else {
    os::LogWarning("no control groups: attempts run in process trees alone",
                   {{"error", cgroups.status()}});
  }
  HT_ASSIGN_OR_RETURN(runner_, exec::ShimRunner::Create({.state_directory = config_.state_directory,
                                                         .shim = config_.shim,
                                                         .cgroups = cgroups_.get(),
                                                         .lease = lease_->path(),
                                                         .after_boot = lease_->after_boot(),
                                                         .durable_exit = false},
                                                        [this](const exec::AttemptKey& key,
                                                               const exec::AttemptEnd& end) {
                                                          attempts_->OnEnd(key, end);
                                                        }));
  attempts_ = std::make_unique<Attempts>(
      Attempts::World{.runner = *runner_,
                      .store = *store_,
                      .index = index_,
                      .retention = retention_,
                      .metrics = metrics_,
                      .loop = loop_,
                      .hands = *hands_,
                      .carriers = *carriers_,
                      .apply = [this](const Event& event) { Apply(event); }},
      Attempts::Options{.launch = {.data_center = config_.data_center,
                                   .user = config_.task_user,
                                   .log_size = config_.log_size},
                        .node = config_.node,
                        .jurisdiction = config_.spec.jurisdiction,
                        .connect = [this](const std::string& address)
                            -> absl::StatusOr<std::unique_ptr<v1::AgentService::StubInterface>> {
                          HT_ASSIGN_OR_RETURN(auto channel,
                                              wire::MakeChannel(address, credentials_));
                          return v1::AgentService::NewStub(channel);
                        }});
  // The lease that was granted before still holds for what runs: its shims count it. It lets
  // nothing start, for what an agent of before was told to stop may be known here no more. The
  // first lease of this agent comes behind the stops of all that its heartbeat has named
  // (Promise 3).
  return absl::OkStatus();
}

absl::Status Daemon::Serve() {
  service_ = std::make_unique<link::AgentService>(
      index_, *store_, *hands_,
      link::AgentService::Options{
          .on_checkpoint_bytes =
              [this](int64_t bytes) {
                metrics_.served_bytes.Increment(static_cast<double>(bytes));
              },
          .on_damaged = [this](
                            const CheckpointKey& key, const std::string& digest,
                            const absl::Status& why) { attempts_->PostLost(key, digest, why); }});
  HT_ASSIGN_OR_RETURN(server_, wire::StartServer(config_.listen, credentials_, {service_.get()}));
  HT_ASSIGN_OR_RETURN(const wire::HostPort bound, wire::ParseAddress(server_.address));
  grpc_port_ = bound.port;
  address_ = config_.advertise.empty() ? server_.address : config_.advertise;
  registry_.BeforeText([this] { loop_.Call(kScrapePatience, [this] { SetGauges(); }); });
  http_ = std::make_unique<os::HttpServer>(
      os::HttpServerOptions{.address = config_.http_listen,
                            .metrics = [this] { return registry_.Text(); },
                            .healthy = {},
                            .ready = {},
                            .handlers = {}});
  return http_->Start();
}

v1::Hello Daemon::MakeHello() const {
  v1::Hello hello;
  hello.set_node_id(config_.node);
  hello.set_instance_id(instance_);
  hello.set_version(os::Version());
  hello.set_data_center(config_.data_center);
  hello.set_jurisdiction(config_.spec.jurisdiction);
  hello.set_capacity_milli_cores(config_.spec.cores.value());
  hello.set_capacity_memory_bytes(config_.spec.memory.value());
  hello.set_address(address_);
  return hello;
}

absl::Status Daemon::Dial() {
  HT_ASSIGN_OR_RETURN(const auto channel, wire::MakeChannel(config_.scheduler, credentials_));
  line_ = std::make_unique<PostingLine>(
      channel, link::SchedulerStream::Callbacks{
                   .on_message =
                       [this](uint64_t session, std::shared_ptr<v1::ConnectResponse> message) {
                         loop_.Post([this, session, message = std::move(message)] {
                           session_->OnMessage(session, *message, os::Boottime());
                         });
                       },
                   .on_sent =
                       [this](uint64_t session) {
                         loop_.Post([this, session] { session_->OnSent(session); });
                       },
                   .on_closed =
                       [this](uint64_t session, const absl::Status& why) {
                         loop_.Post([this, session, why] {
                           session_->OnClosed(session, why, os::Boottime());
                         });
                       }});
  session_ = std::make_unique<Session>(
      Session::World{
          .line = *line_,
          .machine = machine_,
          .clock = clock_,
          .lease = *lease_,
          .load = *load_,
          .metrics = metrics_,
          .on_orders = [this](const v1::Orders& orders, Term term) { TakeOrders(orders, term); },
          .apply = [this](const Event& event) { Apply(event); }},
      MakeHello(), absl::HashOf(instance_, absl::ToUnixNanos(absl::Now())));
  return absl::OkStatus();
}

// --- Loop thread ---

void Daemon::Apply(const Event& event) {
  for (const Effect& effect : machine_.Apply(event, clock_.Read())) attempts_->Do(effect);
}

void Daemon::TakeOrders(const v1::Orders& orders, Term term) {
  OrdersReceived received{.term = term, .orders = {}};
  const auto take = [&](absl::StatusOr<Order> order) {
    if (order.ok()) {
      received.orders.push_back(*std::move(order));
    } else {
      os::LogWarning("order not understood", {{"error", order.status()}});
    }
  };
  for (const v1::AttemptOrder& order : orders.attempts()) {
    if (order.action() == v1::AttemptOrder::ACTION_START) attempts_->Expect(order);
    take(link::FromProto(order));
  }
  for (const v1::CheckpointOrder& order : orders.checkpoints()) take(link::FromProto(order));
  Apply(received);
  attempts_->ForgetExpected();
}

absl::Duration Daemon::LoadInterval() const {
  const absl::Duration wanted =
      std::min(config_.load_interval, session_->load_interval().value_or(config_.load_interval));
  // What a host did in less says little, however fast scheduling time runs.
  return load_->is_replay() ? wanted
                            : std::max(wanted, std::min(config_.load_interval, kShortestMeasure));
}

void Daemon::MeasureLoad(absl::Duration now) {
  if (now < next_load_) return;
  next_load_ = now + LoadInterval();
  const std::optional<absl::Time> scheduling = session_->SchedulingNow();
  // Before that nobody knows what time it is in the recorded data center, or would take a report.
  if (!scheduling.has_value()) return;
  const std::optional<LoadSample> sample = load_->Measure(*scheduling);
  if (!sample.has_value()) return;
  metrics_.foreground_cores.Set(sample->foreground.cores());
  Apply(LoadMeasured{.sample = *sample});
}

void Daemon::AfterBatch() {
  const absl::Duration now = os::Boottime();
  if (now >= clock_.ToBoottime(machine_.NextTimer())) Apply(TimePassed{});
  MeasureLoad(now);
  session_->Tick(now);
  if (now >= next_sweep_) {
    next_sweep_ = now + kSweepEvery;
    attempts_->Sweep(absl::Now());
  }
  if (watchdog_interval_.has_value() && now >= next_watchdog_) {
    next_watchdog_ = now + *watchdog_interval_ / 3;
    os::NotifyWatchdog();
  }
}

absl::Duration Daemon::Deadline() const {
  absl::Duration deadline = std::min(session_->Deadline(), next_load_);
  deadline = std::min(deadline, clock_.ToBoottime(machine_.NextTimer()));
  // Nothing can be too old, or too much, where nothing is kept.
  if (retention_.attempts() > 0) deadline = std::min(deadline, next_sweep_);
  if (watchdog_interval_.has_value()) deadline = std::min(deadline, next_watchdog_);
  return deadline;
}

void Daemon::SetGauges() {
  metrics_.SetPhases(machine_.CountByPhase());
  metrics_.connected.Set(session_->connected() ? 1 : 0);
  const absl::Duration lease = lease_->deadline().value_or(absl::ZeroDuration()) - os::Boottime();
  metrics_.lease_remaining.Set(absl::ToDoubleSeconds(std::max(lease, absl::ZeroDuration())));
  metrics_.promised_cores.Set(machine_.promised_cores().cores());
  metrics_.held_checkpoints.Set(static_cast<double>(machine_.Checkpoints().size()));
  metrics_.kept_attempts.Set(static_cast<double>(retention_.attempts()));
  metrics_.kept_bytes.Set(static_cast<double>(retention_.bytes().value()));
}

// What may call back goes first, then what is called.
void Daemon::Stop() {
  if (!std::exchange(started_, false)) return;
  os::NotifyStopping();
  if (http_ != nullptr) http_->Stop();
  if (server_.server != nullptr) {
    server_.server->Shutdown(std::chrono::system_clock::now() + kLastCalls);
    server_.server->Wait();
  }
  server_.server.reset();
  loop_.Stop();
  line_.reset();
  if (attempts_ != nullptr) attempts_->CancelPulls();
  if (carriers_ != nullptr) carriers_->Stop();
  if (hands_ != nullptr) hands_->Stop();
  runner_.reset();
  os::LogInfo("stopped; attempts go on");
}

}  // namespace heliotrope::agent::daemon

#include "scheduler/daemon/daemon.h"

#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"
#include "scheduler/os/notify.h"
#include "scheduler/os/version.h"
#include "scheduler/store/codec.h"
#include "scheduler/store/sqlite/sqlite_store.h"
#include "scheduler/wire/address.h"

namespace heliotrope::daemon {
namespace {

// systemd is asked for more time this often while loading, and for this much.
constexpr absl::Duration kLoadNoticeEvery = absl::Seconds(5);
constexpr absl::Duration kLoadNotice = absl::Seconds(60);
// The core thread goes round at least once a second; a core that has not for so long is stuck.
constexpr absl::Duration kStuck = absl::Seconds(10);
// Calls that are being answered at the end get so long.
constexpr std::chrono::seconds kLastCalls{5};

// Agents send their load about once a minute of scheduling time, so that each five-minute bin has
// several samples, but not faster or slower than is sensible in real time.
constexpr absl::Duration kLoadEvery = absl::Minutes(1);
constexpr absl::Duration kFastestLoad = absl::Milliseconds(50);
constexpr absl::Duration kSlowestLoad = absl::Seconds(5);

// How much longer than the agent the scheduler counts a lease.
absl::Duration LeaseMargin(absl::Duration lease) { return std::max(lease / 10, absl::Seconds(1)); }

int MajorVersion() {
  int major = 0;
  const std::string version = os::Version();
  const std::vector<std::string> parts = absl::StrSplit(version, '.');
  return absl::SimpleAtoi(parts.front(), &major) ? major : 0;
}

// Ends the process where it stands: nothing after this may be acknowledged.
[[noreturn]] void EndAtOnce(const absl::Status& status) {
  os::LogError("cannot go on: the store is lost to this scheduler", {{"error", status}});
  os::NotifyStatus(absl::StrCat("ended: ", status.message()));
  std::_Exit(EXIT_FAILURE);
}

// A sign of life for systemd, as often as it wants it.
class Watchdog {
 public:
  Watchdog() : interval_(os::WatchdogInterval()) {}

  void operator()() {
    if (!interval_) return;
    const absl::Duration now = os::Boottime();
    if (now - last_ < *interval_ / 4) return;
    last_ = now;
    os::NotifyWatchdog();
  }

 private:
  std::optional<absl::Duration> interval_;
  absl::Duration last_ = -absl::InfiniteDuration();
};

}  // namespace

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      clock_(config_.clock),
      metrics_(registry_),
      ready_(Unavailable("STARTING", "the scheduler is starting")) {
  registry_.AddBuildInfo("heliotrope-scheduler");
}

Daemon::~Daemon() { Stop().IgnoreError(); }

core::MachineOptions Daemon::MakeMachineOptions() const {
  return {.lease_real = config_.lease,
          .lease = clock_.ToScheduling(config_.lease),
          .lease_margin = clock_.ToScheduling(LeaseMargin(config_.lease)),
          .major_version = MajorVersion()};
}

rpc::CoreFacts Daemon::MakeFacts() const {
  return {.term = store_->term(),
          .version = os::Version(),
          .major_version = MajorVersion(),
          .lease = config_.lease,
          .heartbeat_interval = config_.lease / 6,
          .load_interval = std::clamp(clock_.ToReal(kLoadEvery), kFastestLoad, kSlowestLoad)};
}

absl::Status Daemon::LoadState() {
  const absl::Duration start = os::Boottime();
  HT_ASSIGN_OR_RETURN(store_, store::OpenSqliteStore(config_.database));
  store::Decoder decoder;
  absl::Duration noticed = -absl::InfiniteDuration();
  size_t records = 0;
  HT_RETURN_IF_ERROR(store_->Load([&](const store::Record& record) {
    ++records;
    if (const absl::Duration now = os::Boottime(); now - noticed > kLoadNoticeEvery) {
      noticed = now;
      os::NotifyExtendTimeout(kLoadNotice);
      os::NotifyStatus(absl::StrCat("loading: ", records, " records"));
    }
    return decoder.Add(record);
  }),
                     absl::StrCat("loading \"", config_.database, "\""));
  os::NotifyExtendTimeout(kLoadNotice);
  core::Image image = decoder.Finish();
  if (image.last_now > clock_.Now()) {
    // The core's time never goes back, so it stands until then: leases, backoffs and all.
    os::LogWarning(
        "the clock is behind the newest record: time stands still until it has caught up",
        {{"now", clock_.Now()}, {"newest", image.last_now}});
  }
  machine_ = std::make_unique<core::Machine>(MakeMachineOptions(), config_.fleet);
  HT_RETURN_IF_ERROR(machine_->Recover(std::move(image), clock_.Now()),
                     absl::StrCat("loading \"", config_.database, "\""));
  const absl::Duration took = os::Boottime() - start;
  metrics_.SetStarted(store_->term(), took);
  os::LogInfo("state loaded", {{"database", config_.database},
                               {"term", store_->term()},
                               {"records", records},
                               {"jobs", machine_->jobs().size()},
                               {"nodes", machine_->nodes().size()},
                               {"seconds", absl::ToDoubleSeconds(took)}});
  return absl::OkStatus();
}

absl::Status Daemon::Serve() {
  HT_ASSIGN_OR_RETURN(const wire::Credentials credentials, wire::MakeCredentials(config_.tls));
  if (!credentials.has_tls) {
    os::LogInfo("no certificates are configured: listening on loopback only");
  }
  HT_ASSIGN_OR_RETURN(wire::Server server,
                      wire::StartServer(config_.listen, credentials, services_->All()));
  HT_ASSIGN_OR_RETURN(const wire::HostPort bound, wire::ParseAddress(server.address));
  grpc_port_ = bound.port;
  const std::string address = server.address;
  {
    MutexLock lock(mutex_);
    server_ = std::move(server);
  }
  http_ = std::make_unique<os::HttpServer>(
      os::HttpServerOptions{.address = config_.http_listen,
                            .metrics = [this] { return registry_.Text(); },
                            .healthy = [this] { return Healthy(); },
                            .ready = [this] { return Ready(); },
                            .handlers = {}});
  HT_RETURN_IF_ERROR(http_->Start());
  {
    MutexLock lock(mutex_);
    ready_ = absl::OkStatus();
  }
  os::LogInfo("serving", {{"grpc", address},
                          {"grpc_port", grpc_port_},
                          {"http_port", http_->port()},
                          {"term", store_->term()},
                          {"version", os::VersionText()},
                          {"clock_speed", config_.clock.speed}});
  os::NotifyStatus(absl::StrCat("serving on ", address, ", term ", store_->term().value()));
  os::NotifyReady();
  return absl::OkStatus();
}

absl::Status Daemon::Start() {
  HT_RETURN_IF_ERROR(LoadState());
  core_ = std::make_unique<CoreLoop>(
      CoreLoopParts{*machine_, *store_, clock_, metrics_}, MakeFacts(),
      CoreLoopHooks{.plan_wanted = [this] { planner_->Want(); },
                    .store_health = [this](const absl::Status& status) { OnStoreHealth(status); },
                    .fatal = [](const absl::Status& status) { EndAtOnce(status); },
                    .beat = Watchdog()});
  planner_ = std::make_unique<Planner>(*core_, metrics_);
  gauges_ = std::make_unique<Gauges>(*core_, registry_);
  services_ = rpc::MakeServices(*core_, registry_);
  core_->Start(*services_);
  planner_->Start();
  // The wish for a first plan was said while the state was loaded.
  planner_->Want();
  gauges_->Start();
  return Serve();
}

void Daemon::Reload(const std::string& path) {
  os::NotifyReloading();
  auto loaded = LoadConfig(path);
  if (!loaded.ok()) {
    for (const absl::string_view problem : absl::StrSplit(loaded.status().message(), '\n')) {
      os::LogError("new configuration refused, the old one stays", {{"problem", problem}});
    }
    metrics_.OnReload(false);
    os::NotifyReady();
    return;
  }
  if (const auto keys = NeedRestart(config_, *loaded); !keys.empty()) {
    os::LogWarning("changed in the configuration, but taken up by a restart only",
                   {{"keys", absl::StrJoin(keys, ",")}});
  }
  const size_t data_centers = loaded->fleet.data_centers.size();
  core_->PostOwn(
      core::SetFleet{std::move(loaded->fleet)},
      [this, data_centers, level = loaded->log_level](const core::Reply& reply) {
        metrics_.OnReload(reply.status.ok());
        if (reply.status.ok()) {
          os::SetLogLevel(level).IgnoreError();  // Checked when it was loaded.
          os::LogInfo("configuration reloaded", {{"data_centers", data_centers}});
        } else {
          os::LogError("new configuration refused, the old one stays", {{"problem", reply.status}});
        }
        os::NotifyReady();
      });
}

absl::Status Daemon::Stop() {
  if (core_ == nullptr) return absl::OkStatus();
  os::NotifyStopping();
  wire::Server server;
  bool served = false;
  {
    MutexLock lock(mutex_);
    served = ready_.ok();
    ready_ = Unavailable("STOPPING", "the scheduler is stopping");
    std::swap(server, server_);
  }
  planner_->Stop();
  gauges_->Stop();
  services_->Stop();
  absl::Status flushed = core_->Stop();
  if (server.server != nullptr) {
    server.server->Shutdown(std::chrono::system_clock::now() + kLastCalls);
    server.server->Wait();
  }
  server.server.reset();
  if (http_ != nullptr) http_->Stop();
  core_.reset();
  if (flushed.ok() && served) {
    os::LogInfo("stopped, everything acknowledged is durable");
  } else if (!flushed.ok()) {
    os::LogError("stopped; what was not acknowledged could not be written", {{"error", flushed}});
  }
  return flushed;
}

int Daemon::http_port() const { return http_ == nullptr ? 0 : http_->port(); }

absl::Status Daemon::Healthy() const {
  const absl::Duration silent = os::Boottime() - core_->last_beat();
  if (silent < kStuck) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the core has not gone round for ",
                   absl::FormatDuration(absl::Trunc(silent, absl::Seconds(1)))));
}

absl::Status Daemon::Ready() const {
  MutexLock lock(mutex_);
  if (!ready_.ok()) return ready_;
  return store_health_;
}

void Daemon::OnStoreHealth(const absl::Status& status) {
  MutexLock lock(mutex_);
  store_health_ = status;
  if (server_.server == nullptr) return;
  grpc::HealthCheckServiceInterface* health = server_.server->GetHealthCheckService();
  if (health != nullptr) health->SetServingStatus(status.ok());
  os::NotifyStatus(status.ok() ? absl::StrCat("serving on ", server_.address)
                               : absl::StrCat("the store cannot write: ", status.message()));
}

}  // namespace heliotrope::daemon

// The job that the fire test submits: it counts, saves when it is told to, and swears to what it
// did. It trusts nobody: each line of its evidence is on the disk before it goes on, with the time
// (CLOCK_BOOTTIME) from before it was written, and a lock that only one live process can hold tells
// whether another attempt of its task lives (Promise 3).
//
// witness --evidence FILE --locks DIRECTORY --steps N --step-ms MS [--saves]
//
// A line: TIME_NS KIND JOB INDEX ATTEMPT PID COUNT FROM_ATTEMPT FROM_SEQUENCE DATA_CENTER
// KIND is start, at, save, end, or doubled: another process of this task is alive.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

constexpr int kSavedExitCode = 85;
constexpr int kNoEvidence = 3;  // It cannot swear to anything: better a failed attempt.
constexpr int64_t kStepsPerLine = 4;

volatile sig_atomic_t told_to_save = 0;

void OnTerm(int) { told_to_save = 1; }

int64_t BoottimeNs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string Env(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "-" : value;
}

[[noreturn]] void Die(const char* what) {
  fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
  exit(kNoEvidence);
}

// Whose work it goes on from: of which attempt, and how often that had saved.
struct Work {
  long long count = 0;
  int attempt = 0;
  int sequence = 0;
};

class Evidence {
 public:
  explicit Evidence(const std::string& path)
      : fd_(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ < 0) Die(path.c_str());
  }
  void GoesOnFrom(const Work& from) { from_ = from; }
  void Say(const char* kind, long long count) {
    char line[512];
    const int size =
        snprintf(line, sizeof(line), "%lld %s %s %s %s %d %lld %d %d %s\n",
                 static_cast<long long>(BoottimeNs()), kind, Env("HELIOTROPE_JOB_ID").c_str(),
                 Env("HELIOTROPE_TASK_INDEX").c_str(), Env("HELIOTROPE_ATTEMPT").c_str(), getpid(),
                 count, from_.attempt, from_.sequence, Env("HELIOTROPE_DATACENTER").c_str());
    // One write: lines of several jobs in one file do not mix.
    if (write(fd_, line, static_cast<size_t>(size)) != size) Die("write");
    if (fdatasync(fd_) != 0) Die("fdatasync");
  }

 private:
  int fd_;
  Work from_;
};

Work Restore(const std::string& path) {
  Work work;
  FILE* file = fopen(path.c_str(), "r");
  if (file == nullptr) return work;
  char job[128] = "";
  if (fscanf(file, "%127s %lld %d %d", job, &work.count, &work.attempt, &work.sequence) != 4 ||
      Env("HELIOTROPE_JOB_ID") != job) {
    errno = EBADMSG;
    Die("checkpoint");
  }
  fclose(file);
  return work;
}

void Save(const std::string& path, const Work& work) {
  const std::string fresh = path + ".new";
  FILE* file = fopen(fresh.c_str(), "w");
  if (file == nullptr) Die(fresh.c_str());
  fprintf(file, "%s %lld %d %d\n", Env("HELIOTROPE_JOB_ID").c_str(), work.count, work.attempt,
          work.sequence);
  if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0) Die("save");
  if (rename(fresh.c_str(), path.c_str()) != 0) Die("rename");
}

void TakeLock(const std::string& directory, Evidence& evidence) {
  const std::string path =
      directory + "/" + Env("HELIOTROPE_JOB_ID") + "." + Env("HELIOTROPE_TASK_INDEX");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) Die(path.c_str());
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) evidence.Say("doubled", 0);
}

}  // namespace

int main(int argc, char** argv) {
  std::string evidence_path, locks;
  long long steps = 0, step_ms = 50;
  bool saves = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--saves") {
      saves = true;
      continue;
    }
    if (name == "--evidence") evidence_path = value;
    if (name == "--locks") locks = value;
    if (name == "--steps") steps = atoll(value);
    if (name == "--step-ms") step_ms = atoll(value);
    ++i;
  }
  if (saves) signal(SIGTERM, OnTerm);
  const std::string state = Env("HELIOTROPE_CHECKPOINT_DIR") + "/state";
  Evidence evidence(evidence_path);
  TakeLock(locks, evidence);
  Work work = saves ? Restore(state) : Work{};
  evidence.GoesOnFrom(work);
  evidence.Say("start", work.count);
  const timespec pause{.tv_sec = step_ms / 1000, .tv_nsec = step_ms % 1000 * 1'000'000};
  while (work.count < steps) {
    if (told_to_save != 0) {
      const int attempt = atoi(Env("HELIOTROPE_ATTEMPT").c_str());
      work.sequence = work.attempt == attempt ? work.sequence + 1 : 1;
      work.attempt = attempt;
      Save(state, work);
      evidence.GoesOnFrom(work);
      evidence.Say("save", work.count);
      return kSavedExitCode;
    }
    nanosleep(&pause, nullptr);
    if (++work.count % kStepsPerLine == 0) evidence.Say("at", work.count);
  }
  evidence.Say("end", work.count);
  return 0;
}

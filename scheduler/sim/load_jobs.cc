// jobs.csv: one row a job, every problem of every row.
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/sim/load_world.h"

namespace heliotrope::sim {
namespace {

constexpr absl::string_view kHeader =
    "submit_s,cpus,mem_mb,duration_s,user,deadline_s,home,residency,checkpoint_mb,priority,"
    "expected_s";
constexpr size_t kColumns = 11;
const Seconds kMaxLength = absl::ToInt64Seconds(kMaxWorldLength);

class JobsParser {
 public:
  JobsParser(absl::string_view source, World& world, os::FileProblems& problems)
      : source_(source), world_(world), problems_(problems) {
    for (const DataCenter& one : world.data_centers) homes_.push_back(one.id.value());
  }

  void Parse(absl::string_view text) {
    absl::ConsumePrefix(&text, "\xef\xbb\xbf");
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      absl::ConsumeSuffix(&line, "\r");
      if (++line_ == 1) {
        if (line == kHeader) continue;
        Problem("header is \"", line.substr(0, 120), "\", want \"", kHeader, "\"");
        return;
      }
      if (line.empty()) continue;
      if (world_.jobs.size() == kMaxWorldJobs) {
        Problem("more than ", kMaxWorldJobs, " jobs");
        return;
      }
      ParseRow(line);
    }
    if (rows_ == 0) Problem("no jobs after the header");
  }

 private:
  template <class... Parts>
  void Problem(const Parts&... parts) {
    problems_.Add(absl::StrCat(source_, ":", line_, ": ", parts...));
    good_ = false;
  }

  int64_t Number(absl::string_view name, absl::string_view text, int64_t least, int64_t most) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number)) {
      Problem(name, " \"", text.substr(0, 60), "\" is not a whole number");
      return least;
    }
    if (number >= least && number <= most) return number;
    Problem(name, " ", number, " is not within ", least, " and ", most);
    return least;
  }

  void ParseRow(absl::string_view line) {
    ++rows_;
    good_ = true;
    std::array<absl::string_view, kColumns> cells;
    size_t count = 0;
    for (const absl::string_view cell : absl::StrSplit(line, ',')) {
      if (count < kColumns) cells[count] = cell;
      ++count;
    }
    if (count != kColumns) {
      Problem("has ", count, " columns, want ", kColumns, ": ", kHeader);
      return;
    }
    Job job;
    const Seconds most = world_.horizon;
    job.submit = Number("submit_s", cells[0], 0, std::max<Seconds>(0, world_.duration - 1));
    job.cpus = static_cast<int>(Number("cpus", cells[1], 1, kMaxCoresPerTask.value() / 1000));
    job.memory_mb = Number("mem_mb", cells[2], 1, kMaxMemoryPerTask.value() >> 20);
    job.duration = Number("duration_s", cells[3], 1, kMaxLength);
    job.user = UserOf(cells[4]);
    job.deadline = Number("deadline_s", cells[5], 1, 2 * kMaxLength);
    job.home = HomeOf(cells[6]);
    job.residency = ResidencyOf(cells[7]);
    job.checkpoint_mb =
        Number("checkpoint_mb", cells[8], -1, kMaxMemoryPerTask.value() / 1'000'000);
    job.priority = static_cast<int>(Number("priority", cells[9], kMinPriority, kMaxPriority));
    job.expected = Number("expected_s", cells[10], 1, absl::ToInt64Seconds(kMaxExpectedDuration));
    if (!good_ || most == 0) return;
    CheckPossible(job);
    if (good_) world_.jobs.push_back(job);
  }

  // What no policy could do is a mistake in the data.
  void CheckPossible(const Job& job) {
    if (job.submit + job.duration > job.deadline) {
      Problem("impossible job: submitted at ", job.submit, " and ", job.duration,
              " s long, it cannot end by its deadline_s ", job.deadline, ": move that to ",
              job.submit + job.duration, " or later");
    }
    double cores = 0;
    int64_t memory_mb = 0;
    bool fits = false;
    for (size_t i = 0; i < world_.data_centers.size(); ++i) {
      if (!world_.Allows(job, i)) continue;
      const DataCenter& one = world_.data_centers[i];
      const double largest = std::min(static_cast<double>(one.cores_per_node),
                                      world_.target_utilization * static_cast<double>(one.cores()));
      const int64_t room_mb = one.memory_per_node.value() >> 20;
      fits = fits || (job.cpus <= largest && job.memory_mb <= room_mb);
      cores = std::max(cores, largest);
      memory_mb = std::max(memory_mb, room_mb);
    }
    if (fits || !good_) return;
    Problem("impossible job: it asks ", job.cpus, " cpus and ", job.memory_mb,
            " mem_mb; where its residency allows, a node offers at most ", cores, " and ",
            memory_mb);
  }

  size_t UserOf(absl::string_view name) {
    const auto known = users_.find(name);
    if (known != users_.end()) return known->second;
    if (!IsValidId(name)) {
      Problem("user \"", name.substr(0, 60),
              "\" is no account: lower-case letters, digits and -, beginning with a letter");
      return 0;
    }
    world_.users.emplace_back(name);
    return users_.emplace(std::string(name), world_.users.size() - 1).first->second;
  }

  size_t HomeOf(absl::string_view name) {
    const auto found = std::find(homes_.begin(), homes_.end(), std::string(name));
    if (found != homes_.end()) return static_cast<size_t>(found - homes_.begin());
    Problem("home \"", name.substr(0, 60), "\" is no data center of world.yaml",
            DidYouMean(name, homes_));
    return 0;
  }

  size_t ResidencyOf(absl::string_view text) {
    const auto known = residencies_.find(text);
    if (known != residencies_.end()) return known->second;
    AllowedPlaces places;
    places.residency.any = text == "any";
    if (!places.residency.any) {
      places.residency.words = absl::StrSplit(text, '+', absl::SkipEmpty());
      auto& words = places.residency.words;
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
    }
    const absl::Status status = world_.jurisdictions.CheckKnown(places.residency);
    if (!status.ok()) {
      for (const FieldViolation& violation : GetFieldViolations(status)) {
        Problem(violation.description);
      }
      return 0;
    }
    for (size_t i = 0; i < world_.data_centers.size(); ++i) {
      if (world_.jurisdictions.Allows(places.residency, world_.data_centers[i].jurisdiction)) {
        places.allowed |= uint64_t{1} << i;
      }
    }
    if (places.allowed == 0) {
      Problem("residency \"", text.substr(0, 60), "\" allows none of the data centers");
      return 0;
    }
    world_.residencies.push_back(std::move(places));
    return residencies_.emplace(std::string(text), world_.residencies.size() - 1).first->second;
  }

  absl::string_view source_;
  World& world_;
  os::FileProblems& problems_;
  std::vector<std::string> homes_;
  std::map<std::string, size_t, std::less<>> users_;
  std::map<std::string, size_t, std::less<>> residencies_;
  size_t line_ = 0;
  size_t rows_ = 0;
  bool good_ = true;
};

}  // namespace

void ParseJobs(absl::string_view text, absl::string_view source, World& world,
               os::FileProblems& problems) {
  JobsParser(source, world, problems).Parse(text);
}

}  // namespace heliotrope::sim

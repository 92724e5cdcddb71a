// How long tasks really run: the ratio of actual to expected duration by account and job name,
// learned and asked for what is left of a task that has already run for a while.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"

namespace heliotrope::curve {

// What a task still has to run, given that it has not ended yet. Each is at least a minute.
struct RemainingWork {
  absl::Duration mean;
  absl::Duration high;  // A quantile of the same distribution.
  // The longest time to go at which it is still as likely to end in an hour as was asked for: with
  // more time than this in hand, an hour of it costs less than that chance to end in time. A minute
  // when it is that likely at no time.
  absl::Duration pressing;
};

// What is asked of the distribution of what remains.
struct RemainingAsk {
  double quantile = 0.5;       // Of `high`: 0 to 1.
  double chance_per_hour = 0;  // Of `pressing`: the density, not negative.
  // From the task's submission to its deadline; infinite without one.
  absl::Duration window = absl::InfiniteDuration();
};

// Whether a task ends in time.
struct Chance {
  double value = 0;      // 0 to 1.
  bool learned = false;  // Some task has ended; otherwise all that is known is what is expected.
};

// The memory of one key as plain values; the version fixes their number.
struct DurationState {
  static constexpr int kVersion = 2;
  int version = kVersion;
  std::vector<int64_t> integers;
  std::vector<double> numbers;
  std::vector<float> weights;
  std::vector<float> shares;  // Since version 2.
};

// The name that jobs of one kind share: the id without what counts or dates it at its end
// ("nightly-2026-11-29" and "nightly-7" are "nightly"). An id of the form that the scheduler makes
// up, "job-" and eight characters, is "job". May be empty.
absl::string_view JobStem(absl::string_view job_id);

// Three levels, (account, stem), account and everything, each a histogram of log2(actual /
// expected) in bins of a twelfth of an octave from 1/16 to 16 whose middle is 1, of about the last
// 1000 tasks. A level of n tasks is trusted by n/(n+20) over the one above it, as in a posterior
// predictive mean; above everything stands a log-normal distribution around 1 with sigma 0.3, which
// so weighs 20 tasks. Within a bin all ratios count as equally likely.
//
// Who submits a task knows more than what he writes as its expectation: a tight deadline says that it
// is short. So each level also keeps a histogram of log2(actual / time from submission to deadline)
// in bins of a 48th of an octave from 1/2 to 2, and the distribution of a task ends where no more
// than two in a thousand tasks of its level were: of the narrowest level with 200 tasks.
//
// At most kMaxDurationKeys keys; the one whose newest task is the oldest gives way. Not
// thread-safe; concurrent reading is fine. Learn costs about a microsecond, Remaining less.
class Durations {
 public:
  // Keys whose state has changed, and keys that gave way.
  struct Learned {
    std::vector<std::string> changed;
    std::vector<std::string> removed;
  };

  Durations();

  // A task that had `window` from its submission to its deadline, infinite without one, has succeeded
  // after `actual` of useful run time.
  Learned Learn(const AccountId& account, absl::string_view stem, absl::Duration expected,
                absl::Duration actual, absl::Time now,
                absl::Duration window = absl::InfiniteDuration());

  // Of a task that has already run `done`, all given that it has not ended. Of one that has run
  // sixteen times its expectation: mean and pressing are a tenth, high three tenths of that.
  // REQUIRES: expected > 0.
  RemainingWork Remaining(const AccountId& account, absl::string_view stem, absl::Duration expected,
                          absl::Duration done, const RemainingAsk& ask) const;

  // Of a task that has already run `done`: the chance that it ends before it has run `limit` longer,
  // given that it has not ended. Of one that has run sixteen times its expectation as if what is
  // left were exponential around the mean that Remaining tells. REQUIRES: expected > 0.
  Chance ChanceWithin(const AccountId& account, absl::string_view stem, absl::Duration expected,
                      absl::Duration done, absl::Duration limit,
                      absl::Duration window = absl::InfiniteDuration()) const;

  // The geometric mean of what the last tasks of the account took, some fifty of them, in whole
  // seconds; nothing before five have ended.
  std::optional<absl::Duration> Typical(const AccountId& account) const;

  // How many tasks of the account and stem it has learned from.
  int64_t CountOf(const AccountId& account, absl::string_view stem) const;

  // Every key: "" is everything, otherwise the account, a zero byte and the stem; an empty stem is
  // the account.
  std::vector<std::string> Keys() const;
  bool Contains(absl::string_view key) const { return levels_.find(key) != levels_.end(); }
  size_t size() const { return levels_.size(); }
  // REQUIRES: Contains(key).
  DurationState Save(absl::string_view key) const;
  // INVALID_ARGUMENT for an unknown version, a wrong size or a value that Save cannot have written.
  absl::Status Restore(absl::string_view key, const DurationState& state);

 private:
  static constexpr size_t kBins = 97;
  static constexpr size_t kShares = 97;

  // Sums from a bin to the last one, which stay exact where little is left.
  struct Tails {
    std::array<double, kBins + 1> share{};  // Of all tasks.
    std::array<double, kBins + 1> ratio{};  // Of the ratios times their share.
  };
  struct Level {
    int64_t used = 0;  // When its newest task ended; unique.
    int64_t tasks = 0;
    double log_seconds = 0;  // Mean of the logarithm of the durations.
    std::array<float, kBins> weights{};
    std::array<float, kShares> shares{};
    // Derived from these.
    double weight = 0;
    Tails tails;
    std::optional<double> most;  // Of the time to its deadline, once there are enough.
  };
  struct Mixture;
  using Levels = std::map<std::string, Level, std::less<>>;

  static size_t BinOf(double ratio);
  static size_t ShareBinOf(double share);
  static std::optional<double> MostOf(const std::array<float, kShares>& shares);
  static void Refresh(Level& level);
  // Of a task that is expected to take `expected` and has `window` until its deadline.
  Mixture MixtureOf(const AccountId& account, absl::string_view stem, absl::Duration expected,
                    absl::Duration window) const;

  Levels levels_;
  std::set<std::pair<int64_t, std::string>> by_use_;
  int64_t last_use_ = 0;
  Tails prior_;
};

}  // namespace heliotrope::curve

#include "scheduler/curve/durations.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/limits.h"

namespace heliotrope::curve {
namespace {

constexpr double kBinsPerOctave = 12;
constexpr double kMiddleBin = 48;
constexpr double kMemory = 1000;       // tasks
constexpr double kTrust = 20;          // tasks of a level that weigh as much as the level above
constexpr double kPriorSigma = 0.3;    // of the natural logarithm of the ratio
constexpr double kTypicalMemory = 50;  // tasks
constexpr int64_t kLeastTypical = 5;   // tasks
constexpr double kSharesPerOctave = 48;
constexpr double kMiddleShare = 48;
constexpr double kLeastShares = 200;  // tasks
constexpr double kBeyondMost = 0.002;
constexpr absl::Duration kLeast = absl::Minutes(1);
// Of what is expected, for a task that has outlived the last bin.
constexpr double kBeyondMean = 0.1;
constexpr double kBeyondHigh = 0.3;
constexpr size_t kMadeUpCharacters = 8;

// Where bin i begins.
double EdgeAt(size_t bin) {
  return std::exp2((static_cast<double>(bin) - kMiddleBin - 0.5) / kBinsPerOctave);
}

template <size_t kSize>
const std::array<double, kSize>& Edges() {
  static const std::array<double, kSize> kEdges = [] {
    std::array<double, kSize> edges{};
    for (size_t i = 0; i < kSize; ++i) edges[i] = EdgeAt(i);
    return edges;
  }();
  return kEdges;
}

std::string KeyOf(const AccountId& account, absl::string_view stem) {
  std::string key;
  key.reserve(account.value().size() + 1 + stem.size());
  key.append(account.value());
  key.push_back('\0');
  key.append(stem.data(), stem.size());
  return key;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsSeparator(char c) { return c == '-' || c == '_' || c == '.' || c == ':'; }

bool IsMadeUp(absl::string_view id) {
  constexpr absl::string_view kPrefix = "job-";
  if (!absl::StartsWith(id, kPrefix) || id.size() != kPrefix.size() + kMadeUpCharacters) {
    return false;
  }
  const absl::string_view made_up = id.substr(kPrefix.size());
  return std::all_of(made_up.begin(), made_up.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
}

}  // namespace

absl::string_view JobStem(absl::string_view job_id) {
  if (IsMadeUp(job_id)) return job_id.substr(0, 3);
  size_t size = job_id.size();
  const auto is_digit = [&](size_t i) { return IsDigit(job_id[i]); };
  while (size > 0) {
    const char last = job_id[size - 1];
    // The letters of "20261129T0300Z".
    const bool time_letter =
        size >= 2 && is_digit(size - 2) &&
        ((last == 'T' && size < job_id.size() && is_digit(size)) || last == 'Z');
    if (!IsDigit(last) && !IsSeparator(last) && !time_letter) break;
    --size;
  }
  return job_id.substr(0, size);
}

// Up to four distributions, each with its share, up to a limit. Edge i is where bin i begins, or the
// limit.
struct Durations::Mixture {
  std::array<const Tails*, 4> tails{};
  std::array<double, 4> share{};
  size_t size = 0;
  double limit = Edges<kBins + 1>()[kBins];
  size_t end = kBins;       // The first edge at the limit.
  double share_beyond = 0;  // What lies beyond the limit.
  double ratio_beyond = 0;

  void Add(const Tails& added, double part) {
    tails[size] = &added;
    share[size++] = part;
  }
  // A limit that leaves nothing is none.
  void Limit(double ratio) {
    const auto& edges = Edges<kBins + 1>();
    if (!(ratio > edges[0]) || !(ratio < edges[kBins])) return;
    const size_t bin = BinOf(ratio);
    const double part = (edges[bin + 1] - ratio) / (edges[bin + 1] - edges[bin]);
    const double after = Share(bin + 1);
    const double here = std::max(0.0, part * (Share(bin) - after));
    if (!(here + after < Share(0))) return;
    ratio_beyond = here * (ratio + edges[bin + 1]) / 2 + Ratio(bin + 1);
    share_beyond = here + after;
    limit = ratio;
    end = bin + 1;
  }
  void Unlimit() {
    limit = Edges<kBins + 1>()[kBins];
    end = kBins;
    share_beyond = ratio_beyond = 0;
  }
  double Edge(size_t bin) const { return bin < end ? Edges<kBins + 1>()[bin] : limit; }
  double Share(size_t bin) const {
    if (bin >= end) return 0;
    double sum = 0;
    for (size_t i = 0; i < size; ++i) sum += share[i] * tails[i]->share[bin];
    return std::max(0.0, sum - share_beyond);
  }
  double Ratio(size_t bin) const {
    if (bin >= end) return 0;
    double sum = 0;
    for (size_t i = 0; i < size; ++i) sum += share[i] * tails[i]->ratio[bin];
    return std::max(0.0, sum - ratio_beyond);
  }
  // Of all tasks those whose ratio is higher; within a bin evenly.
  double Above(double ratio) const {
    if (!(ratio < limit)) return 0;
    const size_t bin = BinOf(ratio);
    const double low = std::max(ratio, Edge(bin));
    const double part = (Edge(bin + 1) - low) / (Edge(bin + 1) - Edge(bin));
    return Share(bin + 1) + std::max(0.0, part * (Share(bin) - Share(bin + 1)));
  }
};

Durations::Durations() {
  const auto& edges = Edges<kBins + 1>();
  // The normal distribution's upper tail at an edge.
  const auto above = [&](size_t i) {
    if (i == 0) return 1.0;
    if (i == kBins) return 0.0;
    return 0.5 * std::erfc(std::log(edges[i]) / (kPriorSigma * std::sqrt(2.0)));
  };
  for (size_t i = kBins; i-- > 0;) {
    prior_.share[i] = above(i);
    prior_.ratio[i] =
        prior_.ratio[i + 1] + (above(i) - above(i + 1)) * (edges[i] + edges[i + 1]) / 2;
  }
}

size_t Durations::BinOf(double ratio) {
  if (!(ratio > EdgeAt(0))) return 0;
  const double bin = std::floor(std::log2(ratio) * kBinsPerOctave + kMiddleBin + 0.5);
  return static_cast<size_t>(std::clamp(bin, 0.0, static_cast<double>(kBins - 1)));
}

size_t Durations::ShareBinOf(double share) {
  if (!(share > 0)) return 0;
  const double bin = std::floor(std::log2(share) * kSharesPerOctave + kMiddleShare + 0.5);
  return static_cast<size_t>(std::clamp(bin, 0.0, static_cast<double>(kShares - 1)));
}

// The end of the first bin, from the last one on, that holds what is usual; infinite where that is the
// last one, and nothing before there are enough.
std::optional<double> Durations::MostOf(const std::array<float, kShares>& shares) {
  double all = 0;
  for (const float weight : shares) all += static_cast<double>(weight);
  if (all < kLeastShares) return std::nullopt;
  double beyond = 0;
  size_t bin = kShares - 1;
  for (;; --bin) {
    beyond += static_cast<double>(shares[bin]);
    if (beyond > kBeyondMost * all || bin == 0) break;
  }
  if (bin + 1 == kShares) return std::numeric_limits<double>::infinity();
  return std::exp2((static_cast<double>(bin) - kMiddleShare + 0.5) / kSharesPerOctave);
}

void Durations::Refresh(Level& level) {
  level.most = MostOf(level.shares);
  const auto& edges = Edges<kBins + 1>();
  level.weight = 0;
  for (const float weight : level.weights) level.weight += static_cast<double>(weight);
  level.tails = Tails{};
  if (level.weight <= 0) return;
  for (size_t i = kBins; i-- > 0;) {
    const double share = static_cast<double>(level.weights[i]) / level.weight;
    level.tails.share[i] = level.tails.share[i + 1] + share;
    level.tails.ratio[i] = level.tails.ratio[i + 1] + share * (edges[i] + edges[i + 1]) / 2;
  }
}

Durations::Learned Durations::Learn(const AccountId& account, absl::string_view stem,
                                    absl::Duration expected, absl::Duration actual, absl::Time now,
                                    absl::Duration window) {
  Learned learned;
  const double seconds = absl::ToDoubleSeconds(actual);
  const double foreseen = absl::ToDoubleSeconds(expected);
  if (!(foreseen > 0) || !(seconds >= 0) || !std::isfinite(seconds)) return learned;
  const size_t bin = BinOf(seconds / foreseen);
  // From the narrowest level on: a name never outlives its account.
  learned.changed.push_back(KeyOf(account, stem));
  if (!stem.empty()) learned.changed.push_back(KeyOf(account, ""));
  learned.changed.emplace_back();
  for (const std::string& key : learned.changed) {
    while (levels_.size() >= kMaxDurationKeys && !levels_.contains(key)) {
      learned.removed.push_back(by_use_.begin()->second);
      levels_.erase(by_use_.begin()->second);
      by_use_.erase(by_use_.begin());
    }
    Level& level = levels_[key];
    by_use_.erase({level.used, key});
    last_use_ = std::max(last_use_ + 1, absl::ToUnixMicros(now));
    level.used = last_use_;
    by_use_.emplace(level.used, key);
    ++level.tasks;
    const double gain = 1 / std::min(static_cast<double>(level.tasks), kTypicalMemory);
    level.log_seconds += gain * (std::log(std::max(1.0, seconds)) - level.log_seconds);
    for (float& weight : level.weights) weight *= static_cast<float>(1 - 1 / kMemory);
    level.weights[bin] += 1;
    if (window > absl::ZeroDuration() && window < absl::InfiniteDuration()) {
      for (float& weight : level.shares) weight *= static_cast<float>(1 - 1 / kMemory);
      level.shares[ShareBinOf(absl::FDivDuration(actual, window))] += 1;
    }
    Refresh(level);
  }
  return learned;
}

Durations::Mixture Durations::MixtureOf(const AccountId& account, absl::string_view stem,
                                        absl::Duration expected, absl::Duration window) const {
  Mixture mixture;
  std::optional<double> most;
  double left = 1;
  const auto add = [&](absl::string_view key) {
    const auto level = levels_.find(key);
    if (level == levels_.end()) return;
    const double trust = level->second.weight / (level->second.weight + kTrust);
    mixture.Add(level->second.tails, left * trust);
    left *= 1 - trust;
    if (!most) most = level->second.most;
  };
  const std::string key = KeyOf(account, stem);
  if (!stem.empty()) add(key);
  add(absl::string_view(key).substr(0, account.value().size() + 1));
  add("");
  mixture.Add(prior_, left);
  if (most && window < absl::InfiniteDuration()) {
    mixture.Limit(*most * absl::FDivDuration(window, expected));
  }
  return mixture;
}

int64_t Durations::CountOf(const AccountId& account, absl::string_view stem) const {
  const auto level = levels_.find(KeyOf(account, stem));
  return level == levels_.end() ? 0 : level->second.tasks;
}

RemainingWork Durations::Remaining(const AccountId& account, absl::string_view stem,
                                   absl::Duration expected, absl::Duration done,
                                   const RemainingAsk& ask) const {
  const absl::Duration foreseen = std::max(absl::Seconds(1), expected);
  const double seconds = absl::ToDoubleSeconds(foreseen);
  const double so_far = std::max(0.0, absl::ToDoubleSeconds(done)) / seconds;
  const auto left = [seconds](double ratio) {
    return std::max(kLeast, absl::Seconds(ratio * seconds));
  };
  const RemainingWork beyond{
      .mean = left(kBeyondMean), .high = left(kBeyondHigh), .pressing = left(kBeyondMean)};
  Mixture mixture = MixtureOf(account, stem, foreseen, ask.window);
  // A task that has outlived what its deadline let expect is one like any other.
  if (!(mixture.Above(so_far) > 0)) mixture.Unlimit();
  const double all = mixture.Above(so_far);
  if (!(all > 0)) return beyond;
  // Of the bin that it is in only what lies above.
  const size_t bin = BinOf(so_far);
  const double low = std::max(so_far, mixture.Edge(bin));
  const double here = all - mixture.Share(bin + 1);
  const double sum = here * (low + mixture.Edge(bin + 1)) / 2 + mixture.Ratio(bin + 1);
  // The first edge above which no more than (1 - quantile) of it lies; within its bin evenly.
  const double above = std::clamp(1 - ask.quantile, 0.0, 1.0) * all;
  size_t first = bin + 1;
  for (size_t size = mixture.end - bin - 1; size > 0;) {
    const size_t half = size / 2;
    if (mixture.Share(first + half) > above) {
      first += half + 1;
      size -= half + 1;
    } else {
      size = half;
    }
  }
  const double from = first == bin + 1 ? low : mixture.Edge(first - 1);
  const double at_from = first == bin + 1 ? all : mixture.Share(first - 1);
  const double at_edge = mixture.Share(first);
  const double way = at_from > at_edge ? (at_from - above) / (at_from - at_edge) : 1;
  const double high = from + (mixture.Edge(first) - from) * std::clamp(way, 0.0, 1.0);
  // From the last bin on, the first one that is dense enough.
  double pressing = so_far;
  for (size_t i = mixture.end; i-- > bin && pressing <= so_far;) {
    const double hours = (mixture.Edge(i + 1) - std::max(low, mixture.Edge(i))) * seconds / 3600;
    const double share = i == bin ? here : mixture.Share(i) - mixture.Share(i + 1);
    if (share > 0 && share / all >= ask.chance_per_hour * hours) pressing = mixture.Edge(i + 1);
  }
  return {.mean = left(sum / all - so_far),
          .high = left(high - so_far),
          .pressing = left(pressing - so_far)};
}

Chance Durations::ChanceWithin(const AccountId& account, absl::string_view stem,
                               absl::Duration expected, absl::Duration done, absl::Duration limit,
                               absl::Duration window) const {
  const absl::Duration foreseen = std::max(absl::Seconds(1), expected);
  Mixture mixture = MixtureOf(account, stem, foreseen, window);
  Chance chance;
  chance.learned = mixture.size > 1;
  if (limit <= absl::ZeroDuration()) return chance;
  const double seconds = absl::ToDoubleSeconds(foreseen);
  const double so_far = std::max(0.0, absl::ToDoubleSeconds(done)) / seconds;
  if (!(mixture.Above(so_far) > 0)) mixture.Unlimit();
  const double more = absl::ToDoubleSeconds(limit) / seconds;
  const double not_ended = mixture.Above(so_far);
  chance.value = not_ended > 0 ? 1 - mixture.Above(so_far + more) / not_ended
                               : -std::expm1(-more / kBeyondMean);
  chance.value = std::clamp(chance.value, 0.0, 1.0);
  return chance;
}

std::optional<absl::Duration> Durations::Typical(const AccountId& account) const {
  const auto level = levels_.find(KeyOf(account, ""));
  if (level == levels_.end() || level->second.tasks < kLeastTypical) return std::nullopt;
  const absl::Duration typical = absl::Seconds(std::llround(std::exp(level->second.log_seconds)));
  return std::clamp(typical, kMinExpectedDuration, kMaxExpectedDuration);
}

std::vector<std::string> Durations::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, level] : levels_) keys.push_back(key);
  return keys;
}

DurationState Durations::Save(absl::string_view key) const {
  const auto found = levels_.find(key);
  HT_CHECK(found != levels_.end());
  const Level& level = found->second;
  DurationState state;
  state.integers = {level.used, level.tasks};
  state.numbers = {level.log_seconds};
  state.weights.assign(level.weights.begin(), level.weights.end());
  state.shares.assign(level.shares.begin(), level.shares.end());
  return state;
}

absl::Status Durations::Restore(absl::string_view key, const DurationState& state) {
  const bool known = state.version == 1                         ? state.shares.empty()
                     : state.version == DurationState::kVersion ? state.shares.size() == kShares
                                                                : false;
  if (!known || state.integers.size() != 2 || state.numbers.size() != 1 ||
      state.weights.size() != kBins) {
    return absl::InvalidArgumentError(
        absl::StrCat("duration state of version ", state.version, " with ", state.integers.size(),
                     " integers, ", state.numbers.size(), " numbers, ", state.weights.size(),
                     " weights and ", state.shares.size(), " shares is none of this program's"));
  }
  constexpr double kMostLogSeconds = 50;
  constexpr int64_t kMostInteger = int64_t{1} << 62;
  const auto counts = [](float weight) { return weight >= 0 && weight <= 2 * kMemory; };
  const bool sane = std::all_of(state.integers.begin(), state.integers.end(),
                                [](int64_t value) { return value > 0 && value < kMostInteger; }) &&
                    std::isfinite(state.numbers[0]) && state.numbers[0] >= 0 &&
                    state.numbers[0] < kMostLogSeconds &&
                    std::all_of(state.weights.begin(), state.weights.end(), counts) &&
                    std::all_of(state.shares.begin(), state.shares.end(), counts);
  if (!sane || Contains(key)) {
    return absl::InvalidArgumentError("duration state holds values that this program never writes");
  }
  Level& level = levels_[std::string(key)];
  level.used = state.integers[0];
  level.tasks = state.integers[1];
  level.log_seconds = state.numbers[0];
  std::copy(state.weights.begin(), state.weights.end(), level.weights.begin());
  std::copy(state.shares.begin(), state.shares.end(), level.shares.begin());
  by_use_.emplace(level.used, std::string(key));
  last_use_ = std::max(last_use_, level.used);
  Refresh(level);
  return absl::OkStatus();
}

}  // namespace heliotrope::curve

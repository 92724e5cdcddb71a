// What happened, as a hash always and as text on request. Two runs of one seed must give the same
// hash; a seed that breaks a promise is run again with text.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/core/types.h"
#include "scheduler/base/ids.h"
#include "scheduler/model/task.h"
#include "tests/sim/event_queue.h"

namespace heliotrope::faultsim {

inline std::string Shown(const TaskId& id) { return ToString(id); }
inline std::string Shown(const agent::AttemptKey& key) { return agent::ToString(key); }
inline std::string Shown(const agent::CheckpointKey& key) { return agent::ToString(key); }
inline std::string Shown(const model::AttemptKey& key) {
  return absl::StrCat(ToString(key.task), "#", key.attempt.value());
}
inline std::string Shown(const model::CheckpointKey& key) {
  return absl::StrCat(Shown(key.attempt), ".", key.sequence);
}
template <class Tag>
std::string Shown(const StringId<Tag>& id) {
  return id.value();
}
template <class Tag, class Rep>
std::string Shown(const NumberId<Tag, Rep>& id) {
  return absl::StrCat(id.value());
}
inline std::string Shown(absl::Duration duration) { return absl::FormatDuration(duration); }
inline std::string Shown(const std::string& text) { return text; }
inline std::string Shown(const char* text) { return text; }
template <class Number>
requires std::is_arithmetic_v<Number> std::string Shown(Number number) {
  return absl::StrCat(number);
}

class Trace {
 public:
  struct Options {
    bool text = false;
    size_t lines = 400;  // The newest are kept.
  };
  explicit Trace(const Options& options) : options_(options) {}

  template <class... Parts>
  void Add(Instant now, absl::string_view who, const Parts&... parts) {
    Fold(static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
    Fold(who);
    (Fold(parts), ...);
    if (!options_.text) return;
    std::string line = absl::StrFormat("%10.3f  %-16s", absl::ToDoubleSeconds(now), who);
    ((line += ' ', line += Shown(parts)), ...);
    lines_.push_back(std::move(line));
    if (lines_.size() > options_.lines) lines_.pop_front();
  }

  uint64_t hash() const { return hash_; }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  // FNV-1a over words: not for secrets, the same on every machine.
  void Fold(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3;
    hash_ ^= hash_ >> 29;
  }
  void Fold(absl::string_view text) {
    uint64_t word = text.size();
    for (const char c : text) word = word * 31 + static_cast<unsigned char>(c);
    Fold(word);
  }
  void Fold(const std::string& text) { Fold(absl::string_view(text)); }
  void Fold(const char* text) { Fold(absl::string_view(text)); }
  void Fold(absl::Duration duration) {
    Fold(static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)));
  }
  void Fold(const TaskId& id) { Fold(id.job.value() * 4099 + id.index); }
  void Fold(const agent::AttemptKey& key) { Fold(key.task), Fold(key.attempt); }
  void Fold(const model::AttemptKey& key) { Fold(key.task), Fold(key.attempt); }
  void Fold(const agent::CheckpointKey& key) { Fold(key.attempt), Fold(key.sequence); }
  void Fold(const model::CheckpointKey& key) { Fold(key.attempt), Fold(key.sequence); }
  template <class Tag>
  void Fold(const StringId<Tag>& id) {
    Fold(absl::string_view(id.value()));
  }
  template <class Tag, class Rep>
  void Fold(const NumberId<Tag, Rep>& id) {
    Fold(static_cast<uint64_t>(id.value()));
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void Fold(Number number) { Fold(static_cast<uint64_t>(number)); }

  const Options options_;
  uint64_t hash_ = 0xcbf29ce484222325;
  std::deque<std::string> lines_;
};

}  // namespace heliotrope::faultsim

// The scheduler's store: a map that keeps exactly what was committed. A commit is there as a whole
// or not at all, as SQLite's journal has it: one that was torn by a crash is undone by the next
// open.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "scheduler/base/ids.h"
#include "scheduler/store/store.h"

namespace heliotrope::faultsim {

class SchedulerStore {
 public:
  using Map = std::map<std::pair<store::Kind, std::string>, std::string>;

  // Another writer, of a higher term.
  Term Open() { return term_ = term_.next(); }

  void Commit(const store::Batch& batch) {
    for (const store::RecordKey& prefix : batch.delete_prefixes) {
      std::erase_if(map_, [&prefix](const auto& entry) {
        return entry.first.first == prefix.kind && entry.first.second.starts_with(prefix.key);
      });
    }
    for (const store::RecordKey& key : batch.deletes) map_.erase({key.kind, key.key});
    for (const store::Record& record : batch.puts) map_[{record.kind, record.key}] = record.value;
  }

  // Of its newest writer.
  Term term() const { return term_; }
  const Map& map() const { return map_; }

 private:
  Term term_;
  Map map_;
};

}  // namespace heliotrope::faultsim

// A store in memory, for tests of what stands above stores.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "scheduler/store/store.h"

namespace heliotrope::store {

class MemoryStore : public Store {
 public:
  using Map = std::map<std::pair<Kind, std::string>, std::string>;

  Term term() const override { return Term(1); }

  absl::Status Load(const Each& each) override {
    for (const auto& [key, value] : map_) {
      absl::Status status = each(Record{.kind = key.first, .key = key.second, .value = value});
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Commit(const Batch& batch) override {
    for (const RecordKey& prefix : batch.delete_prefixes) {
      std::erase_if(map_, [&prefix](const auto& entry) {
        return entry.first.first == prefix.kind && entry.first.second.starts_with(prefix.key);
      });
    }
    for (const RecordKey& key : batch.deletes) map_.erase({key.kind, key.key});
    for (const Record& record : batch.puts) map_[{record.kind, record.key}] = record.value;
    return absl::OkStatus();
  }

  const Map& map() const { return map_; }

 private:
  Map map_;
};

}  // namespace heliotrope::store

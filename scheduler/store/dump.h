// `heliotrope-scheduler store dump`: records as lines of JSON, for people and for scripts.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "scheduler/store/store.h"

namespace heliotrope::store {

// `{"kind":"task","key":"12/7","value":{...}}`: the value is the record's message as protobuf
// writes it in JSON. DATA_LOSS when the value is no such message.
absl::StatusOr<std::string> RecordToJson(const Record& record);

// The inverse of KindName. INVALID_ARGUMENT with all names and the nearest.
absl::StatusOr<Kind> ParseKind(absl::string_view name);

// Every record of the SQLite database (of one kind) as of one moment. Reads only; works while a
// scheduler runs on it and when none does.
absl::Status DumpSqlite(const std::string& path, std::optional<Kind> kind, std::ostream& out);

}  // namespace heliotrope::store

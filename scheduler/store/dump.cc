#include "scheduler/store/dump.h"

#include <google/protobuf/util/json_util.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "heliotrope/store/v1/curve.pb.h"
#include "heliotrope/store/v1/job.pb.h"
#include "heliotrope/store/v1/meta.pb.h"
#include "heliotrope/store/v1/node.pb.h"
#include "heliotrope/store/v1/task.pb.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/store/keys.h"
#include "scheduler/store/sqlite/sqlite_store.h"

namespace heliotrope::store {
namespace {

std::unique_ptr<google::protobuf::Message> MessageOf(Kind kind) {
  switch (kind) {
    case Kind::kMeta:
      return std::make_unique<v1::Meta>();
    case Kind::kJob:
      return std::make_unique<v1::Job>();
    case Kind::kTask:
      return std::make_unique<v1::Task>();
    case Kind::kRequest:
      return std::make_unique<v1::Request>();
    case Kind::kNode:
      return std::make_unique<v1::Node>();
    case Kind::kCurveState:
      return std::make_unique<v1::CurveState>();
    case Kind::kCurveBin:
      return std::make_unique<v1::CurveBin>();
    case Kind::kArrivals:
      return std::make_unique<v1::Arrivals>();
    case Kind::kDurations:
      return std::make_unique<v1::Durations>();
  }
  return nullptr;
}

// Request ids are the client's own bytes.
std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr unsigned char kFirstPrintable = 0x20;
    constexpr unsigned char kFirstBeyondAscii = 0x7f;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < kFirstPrintable || byte >= kFirstBeyondAscii) {
      absl::StrAppend(&out, "\\u00", absl::Hex(byte, absl::kZeroPad2));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace

absl::StatusOr<std::string> RecordToJson(const Record& record) {
  const auto message = MessageOf(record.kind);
  const std::string key = PrintedKey(record.kind, record.key);
  std::string value;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = false;
  if (message == nullptr || !message->ParseFromString(record.value) ||
      !google::protobuf::util::MessageToJsonString(*message, &value, options).ok()) {
    return absl::DataLossError(
        absl::StrCat(KindName(record.kind), " record \"", key, "\" is damaged"));
  }
  return absl::StrCat("{\"kind\":\"", KindName(record.kind), "\",\"key\":", JsonString(key),
                      ",\"value\":", value, "}");
}

absl::StatusOr<Kind> ParseKind(absl::string_view name) {
  std::vector<std::string> names;
  for (const Kind kind : kAllKinds) {
    if (KindName(kind) == name) return kind;
    names.emplace_back(KindName(kind));
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown kind \"", name, "\", it is one of ",
                                                 absl::StrJoin(names, ", "),
                                                 DidYouMean(name, names)));
}

absl::Status DumpSqlite(const std::string& path, std::optional<Kind> kind, std::ostream& out) {
  // All is read before the first line is written: a reader that waits for a pager would keep the
  // scheduler's WAL from being emptied.
  std::vector<Record> records;
  HT_RETURN_IF_ERROR(ReadSqliteStore(path, kind, [&records](Record record) {
    records.push_back(std::move(record));
    return absl::OkStatus();
  }));
  for (const Record& record : records) {
    HT_ASSIGN_OR_RETURN(const std::string line, RecordToJson(record));
    out << line << '\n';
    if (!out) return absl::UnavailableError("the output cannot be written");
  }
  out.flush();
  return absl::OkStatus();
}

}  // namespace heliotrope::store

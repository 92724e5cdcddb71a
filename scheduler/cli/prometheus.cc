#include "scheduler/cli/prometheus.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "httplib.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/os/files.h"

namespace heliotrope::cli {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr int64_t kPointsPerPart = 10'000;
// A point takes some forty bytes.
constexpr size_t kMaxAnswerBytes = 16 << 20;
constexpr int64_t kMaxHeaderFileBytes = 64 << 10;
constexpr absl::Duration kPartTimeout = absl::Minutes(1);
// The end of the year 9999, beyond which nothing is a time.
constexpr double kMaxSeconds = 253'402'300'799.0;
// Of what a server says, in an error.
constexpr size_t kShownBytes = 500;

struct Place {
  std::string scheme_and_host;
  std::string path;
};

// "HOST" or "HOST:PORT"; the library throws at a port of many digits.
bool IsHostAndPort(absl::string_view text) {
  if (text.find_first_of("?#@ ") != absl::string_view::npos) return false;
  const size_t colon = text.rfind(':');
  // A colon in [::1] is none before a port.
  const bool with_port = colon != absl::string_view::npos && !absl::EndsWith(text, "]");
  const absl::string_view digits = with_port ? text.substr(colon + 1) : "80";
  int port = 0;
  return !text.substr(0, colon).empty() && absl::c_all_of(digits, absl::ascii_isdigit) &&
         absl::SimpleAtoi(digits, &port) && port > 0 && port <= 65535;
}

absl::StatusOr<Place> PlaceOf(const std::string& url) {
  const bool known = absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://");
  const size_t host = url.find("://") + 3;
  if (!known || !IsHostAndPort(url.substr(host, url.find('/', host) - host))) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", url, "\" is not the URL of a Prometheus server: write it as ",
                     "http://127.0.0.1:9090"));
  }
  const size_t slash = url.find('/', host);
  Place place{url.substr(0, slash), slash == std::string::npos ? "" : url.substr(slash)};
  while (absl::EndsWith(place.path, "/")) place.path.pop_back();
  return place;
}

// Name and value. An error does not show the line: it may be a secret.
absl::StatusOr<std::pair<std::string, std::string>> HeaderOf(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(':', 1));
  const absl::string_view name = absl::StripAsciiWhitespace(parts.first);
  const absl::string_view value = absl::StripAsciiWhitespace(parts.second);
  if (name.empty() || value.empty() || absl::c_any_of(name, absl::ascii_iscntrl) ||
      absl::c_any_of(value, absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError("a header is not of the form \"Name: value\"");
  }
  return std::pair(std::string(name), std::string(value));
}

absl::StatusOr<httplib::Headers> HeadersOf(const std::vector<std::string>& lines) {
  httplib::Headers headers;
  for (const std::string& line : lines) {
    HT_ASSIGN_OR_RETURN(auto header, HeaderOf(line));
    headers.insert(std::move(header));
  }
  return headers;
}

const Value* Field(const Struct& of, const std::string& name) {
  const auto found = of.fields().find(name);
  return found == of.fields().end() ? nullptr : &found->second;
}

std::string TextField(const Struct& of, const std::string& name) {
  const Value* value = Field(of, name);
  return value == nullptr ? "" : value->string_value();
}

// Appends a point, [seconds, "value"]; NaN says that there is none.
absl::Status AppendPoint(const ListValue& point, absl::string_view source,
                         std::vector<os::Sample>& samples) {
  double value = 0;
  const double seconds = point.values_size() == 2 ? point.values(0).number_value() : 0;
  if (point.values_size() != 2 || point.values(0).kind_case() != Value::kNumberValue ||
      !(seconds >= 0 && seconds <= kMaxSeconds) ||
      !absl::SimpleAtod(point.values(1).string_value(), &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": a point that is not [seconds, \"value\"]"));
  }
  const absl::Time time = absl::UnixEpoch() + absl::Seconds(seconds);
  if (std::isnan(value)) return absl::OkStatus();
  if (std::isinf(value) || value < 0) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": at ", Rfc3339(time), " the load is ",
                                                   Cut(point.values(1).string_value(), kShownBytes),
                                                   ": it must be a number from 0 on"));
  }
  if (!samples.empty() && time <= samples.back().time) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": its points are not in order of time"));
  }
  samples.push_back({time, value});
  return absl::OkStatus();
}

class Server {
 public:
  Server(const Place& place, httplib::Headers headers)
      : path_(absl::StrCat(place.path, "/api/v1/query_range")),
        headers_(std::move(headers)),
        client_(place.scheme_and_host) {
    const auto seconds = static_cast<time_t>(absl::ToInt64Seconds(kPartTimeout));
    client_.set_connection_timeout(seconds);
    client_.set_read_timeout(seconds);
    // The headers may hold a secret, which the library would send to any other host, too.
    client_.set_follow_location(false);
  }

  absl::StatusOr<std::string> Get(const httplib::Params& params, absl::string_view source) {
    std::string body;
    int code = 0;
    std::string location;
    const auto result = client_.Get(
        httplib::append_query_params(path_, params), headers_,
        [&](const httplib::Response& response) {
          code = response.status;
          location = response.get_header_value("Location");
          return true;
        },
        [&body](const char* data, size_t size) {
          body.append(data, size);
          return body.size() <= kMaxAnswerBytes;
        });
    if (body.size() > kMaxAnswerBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          source, ": answers with more than ", kMaxAnswerBytes, " bytes: aggregate to one series"));
    }
    if (!result) {
      return absl::UnavailableError(
          absl::StrCat(source, ": no answer: ", httplib::to_string(result.error())));
    }
    if (code >= 300 && code < 400) {
      return absl::InvalidArgumentError(absl::StrCat(
          source, ": sends to ", Cut(location, kShownBytes), ": give the server's own URL"));
    }
    // Errors of the query come as JSON, too; what is not JSON is not from Prometheus.
    if (code != 200 && !absl::StartsWith(body, "{")) {
      return absl::UnavailableError(absl::StrCat(source, ": answers with HTTP status ", code));
    }
    return body;
  }

 private:
  std::string path_;
  httplib::Headers headers_;
  httplib::Client client_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadHeaderFile(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, kMaxHeaderFileBytes));
  std::vector<std::string> headers;
  int number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line.front() == '#') continue;
    HT_RETURN_IF_ERROR(HeaderOf(line).status(), absl::StrCat(path, ":", number));
    headers.emplace_back(line);
  }
  if (headers.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has no header: write one \"Name: value\" a line"));
  }
  return headers;
}

absl::StatusOr<std::vector<os::Sample>> ParseRangeAnswer(absl::string_view json,
                                                         absl::string_view source) {
  Struct answer;
  if (!google::protobuf::util::JsonStringToMessage(std::string(json), &answer).ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": the answer is not JSON"));
  }
  const std::string status = TextField(answer, "status");
  if (status == "error") {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": ", Cut(TextField(answer, "errorType"), kShownBytes), ": ",
                     Cut(TextField(answer, "error"), kShownBytes)));
  }
  const Value* data = Field(answer, "data");
  const Value* result = data == nullptr ? nullptr : Field(data->struct_value(), "result");
  if (status != "success" || result == nullptr ||
      TextField(data->struct_value(), "resultType") != "matrix") {
    return absl::InvalidArgumentError(absl::StrCat(source, ": not the answer to a range query"));
  }
  std::vector<os::Sample> samples;
  const ListValue& series = result->list_value();
  if (series.values_size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": the query gives ", series.values_size(),
                     " series and a curve is one: put sum(...), avg(...) or more labels into it"));
  }
  if (series.values_size() == 0) return samples;
  const Value* points = Field(series.values(0).struct_value(), "values");
  if (points == nullptr) return samples;
  for (const Value& point : points->list_value().values()) {
    HT_RETURN_IF_ERROR(AppendPoint(point.list_value(), source, samples));
  }
  return samples;
}

absl::StatusOr<std::vector<os::Sample>> QueryRange(const RangeQuery& query) {
  HT_ASSIGN_OR_RETURN(const Place place, PlaceOf(query.url));
  HT_ASSIGN_OR_RETURN(httplib::Headers headers, HeadersOf(query.headers));
  Server server(place, std::move(headers));
  std::vector<os::Sample> samples;
  const absl::Duration part = query.step * (kPointsPerPart - 1);
  for (absl::Time from = query.from; from <= query.to; from += part + query.step) {
    const absl::Time to = std::min(query.to, from + part);
    HT_ASSIGN_OR_RETURN(const std::string body,
                        server.Get({{"query", query.query},
                                    {"start", absl::StrCat(absl::ToUnixSeconds(from))},
                                    {"end", absl::StrCat(absl::ToUnixSeconds(to))},
                                    {"step", absl::StrCat(absl::ToInt64Seconds(query.step))}},
                                   query.url));
    HT_ASSIGN_OR_RETURN(const std::vector<os::Sample> more, ParseRangeAnswer(body, query.url));
    samples.insert(samples.end(), more.begin(), more.end());
    if (samples.size() > kMaxCurveImportSamples) {
      return absl::InvalidArgumentError(absl::StrCat(
          query.url, ": more than ", kMaxCurveImportSamples, " samples: ask for a shorter time"));
    }
  }
  if (samples.empty()) {
    return absl::NotFoundError(absl::StrCat(query.url, ": the query gives no series from ",
                                            Rfc3339(query.from), " to ", Rfc3339(query.to)));
  }
  return samples;
}

}  // namespace heliotrope::cli

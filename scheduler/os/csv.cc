#include "scheduler/os/csv.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

// Where in the text an error is, counted from 1 as editors do.
struct Place {
  absl::string_view source;
  size_t line = 0;

  absl::Status Error(size_t column, absl::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat(source, ":", line, ":", column, ": ", why));
  }
};

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Cut(text, 60), "\""); }

// Takes the next line off the text, without its end ("\n" or "\r\n").
absl::string_view ConsumeLine(absl::string_view& text) {
  const size_t end = text.find('\n');
  absl::string_view line = text.substr(0, end);
  text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  absl::ConsumeSuffix(&line, "\r");
  return line;
}

absl::StatusOr<Sample> ParseRow(absl::string_view line, const Place& place,
                                const SeriesFormat& format) {
  const size_t comma = line.find(',');
  if (comma == absl::string_view::npos) {
    return place.Error(1, absl::StrCat(Quoted(line), " has 1 column, want 2"));
  }
  const size_t second = line.find(',', comma + 1);
  if (second != absl::string_view::npos) {
    return place.Error(second + 1, "more than 2 columns");
  }
  const absl::StatusOr<absl::Time> time = ParseTime(line.substr(0, comma));
  if (!time.ok()) return place.Error(1, time.status().message());
  const absl::string_view digits = line.substr(comma + 1);
  double value = 0;
  if (!absl::SimpleAtod(digits, &value)) {
    return place.Error(comma + 2, absl::StrCat(Quoted(digits), " is not a number"));
  }
  if (!std::isfinite(value)) {
    return place.Error(comma + 2, absl::StrCat(Quoted(digits), " is not a finite number"));
  }
  if (value < 0 && !format.allow_negative) {
    return place.Error(comma + 2,
                       absl::StrCat(format.value_column, " is negative: ", Cut(digits, 60)));
  }
  return Sample{*time, value};
}

// Why a row cannot follow the one before it, or OK.
absl::Status CheckOrder(const Sample& before, const Sample& sample, const Place& place) {
  if (sample.time > before.time) return absl::OkStatus();
  return place.Error(1, sample.time == before.time
                            ? absl::StrCat("time ", Rfc3339(sample.time), " twice")
                            : absl::StrCat("time ", Rfc3339(sample.time), " after ",
                                           Rfc3339(before.time), ": sort the rows by time"));
}

}  // namespace

std::vector<Sample> ParseSeriesCsv(absl::string_view text, absl::string_view source,
                                   const SeriesFormat& format, FileProblems& problems) {
  Place place{source, 1};
  std::vector<Sample> samples;
  if (static_cast<int64_t>(text.size()) > kMaxCsvBytes) {
    problems.Add(place.Error(1, absl::StrCat("more than ", kMaxCsvBytes, " bytes")));
    return samples;
  }
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  const std::string header = absl::StrCat("timestamp_utc,", format.value_column);
  const absl::string_view first = ConsumeLine(text);
  if (first != header) {
    problems.Add(
        place.Error(1, absl::StrCat("header is ", Quoted(first), ", want \"", header, "\"")));
    return samples;
  }
  const size_t before = problems.count();
  while (!text.empty()) {
    ++place.line;
    const absl::string_view line = ConsumeLine(text);
    if (line.empty() && text.empty()) break;
    const absl::StatusOr<Sample> sample = ParseRow(line, place, format);
    absl::Status status = sample.status();
    if (status.ok() && !samples.empty()) status = CheckOrder(samples.back(), *sample, place);
    if (status.ok() && samples.size() == kMaxCurveImportSamples) {
      problems.Add(place.Error(1, absl::StrCat("more than ", kMaxCurveImportSamples, " rows")));
      return samples;
    }
    if (status.ok()) {
      samples.push_back(*sample);
    } else {
      problems.Add(status);
    }
  }
  if (samples.empty() && problems.count() == before)
    problems.Add(place.Error(1, "no rows after the header"));
  return samples;
}

absl::StatusOr<std::vector<Sample>> ParseSeriesCsv(absl::string_view text, absl::string_view source,
                                                   const SeriesFormat& format) {
  FileProblems problems(1);
  std::vector<Sample> samples = ParseSeriesCsv(text, source, format, problems);
  if (problems.count() > 0) return absl::InvalidArgumentError(problems.texts().front());
  return samples;
}

absl::StatusOr<std::vector<Sample>> ParseLoadCsv(absl::string_view text, absl::string_view source) {
  return ParseSeriesCsv(text, source, {});
}

absl::StatusOr<std::vector<Sample>> ReadSeriesCsv(const std::string& path,
                                                  const SeriesFormat& format) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxCsvBytes));
  return ParseSeriesCsv(text, path, format);
}

}  // namespace heliotrope::os

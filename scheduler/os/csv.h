// Bounded reader of time series as CSV: a header `timestamp_utc,<column>` and two columns, rows in
// order of time. An error says `source:line:column: why`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/text.h"

namespace heliotrope::os {

struct Sample {
  absl::Time time;
  double value = 0;

  friend bool operator==(const Sample&, const Sample&) = default;
};

struct SeriesFormat {
  // The header of the second column.
  std::string value_column = "load";
  // Prices may fall below zero, loads may not.
  bool allow_negative = false;
};

// What is wrong with files, as `source:line:column: why`: all of it is counted, the first of it kept.
class FileProblems {
 public:
  explicit FileProblems(size_t most) : most_(most) {}

  void Add(absl::string_view text) {
    ++count_;
    if (texts_.size() < most_) texts_.push_back(Cut(text, kMaxMessageBytes));
  }
  void Add(const absl::Status& status) { Add(status.message()); }
  size_t count() const { return count_; }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  size_t most_;
  size_t count_ = 0;
  std::vector<std::string> texts_;
};

// The good rows of a text, and everything that is wrong with the others.
std::vector<Sample> ParseSeriesCsv(absl::string_view text, absl::string_view source,
                                   const SeriesFormat& format, FileProblems& problems);

// `source` names the text in errors. At most kMaxCurveImportSamples rows and kMaxCsvBytes bytes;
// times are RFC 3339 and strictly grow; values are finite. INVALID_ARGUMENT otherwise.
absl::StatusOr<std::vector<Sample>> ParseSeriesCsv(absl::string_view text, absl::string_view source,
                                                   const SeriesFormat& format);
// `timestamp_utc,load`.
absl::StatusOr<std::vector<Sample>> ParseLoadCsv(absl::string_view text, absl::string_view source);
// The same from a file, whose path names it.
absl::StatusOr<std::vector<Sample>> ReadSeriesCsv(const std::string& path,
                                                  const SeriesFormat& format = {});

}  // namespace heliotrope::os

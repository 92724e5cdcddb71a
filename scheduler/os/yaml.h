// Loads YAML into a protobuf message by reflection: the message is the schema, for configuration
// files and for the CLI's job files alike.
//
// Keys are the fields' own names (snake_case). Beside what YAML itself means:
//   google.protobuf.Duration   "90s", "5m", "1h30m", "2d"
//   google.protobuf.Timestamp  RFC 3339, "2026-01-31T08:00:00Z"
//   integers named *_bytes     "4GiB", "512M", or a plain number
//   enums                      the value's name without the enum's prefix, lower case, "-" or "_"
//   maps                       a YAML map; no key twice
//   a message of one list      the list alone will do: `EU: [DE]` for `EU: {codes: [DE]}`
// Everything wrong is reported, one line each: `file:line: unknown key "x" in "planning"; did you
// mean "y"?`. Nothing of a refused file is used.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}

namespace heliotrope::os {

// The line, from 1, of each value by its path as errors name it: "data_centers[2].time_zone". For
// those who check further what a value means.
using YamlLines = std::map<std::string, int>;

// Problems of one file that are told, each of kMaxMessageBytes at most: a file with more is another
// kind of file.
inline constexpr size_t kMaxFileProblems = 20;

// Replaces `message`, which is left untouched on error. NOT_FOUND or PERMISSION_DENIED for the file
// itself; INVALID_ARGUMENT for its content, or when it is beyond kMaxConfigBytes, kMaxConfigDepth
// or kMaxConfigValues. An empty file is an empty message.
absl::Status LoadYamlFile(const std::string& path, google::protobuf::Message* message,
                          YamlLines* lines = nullptr);
// The same from text; `source` names it in errors.
absl::Status LoadYamlText(absl::string_view text, absl::string_view source,
                          google::protobuf::Message* message, YamlLines* lines = nullptr);

}  // namespace heliotrope::os

// Protobuf as JSON, with the names of the .proto files and every field present: for programs.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace heliotrope::cli {

enum class JsonShape { kDocument, kLine };

// Ends with a line feed.
std::string ToJson(const google::protobuf::Message& message, JsonShape shape);

}  // namespace heliotrope::cli

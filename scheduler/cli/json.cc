#include "scheduler/cli/json.h"

#include <google/protobuf/util/json_util.h>

namespace heliotrope::cli {

std::string ToJson(const google::protobuf::Message& message, JsonShape shape) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = shape == JsonShape::kDocument;
  std::string json;
  // It fails on times out of range only, which then are the server's mistake: show what there is.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    json = "{\"error\":\"the answer has no JSON form\"}";
  }
  if (json.empty() || json.back() != '\n') json.push_back('\n');
  return json;
}

}  // namespace heliotrope::cli

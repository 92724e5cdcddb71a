// The scalars of yaml.h: text to one value of a protobuf field. Knows no YAML.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace heliotrope::os {

// True for the message types that are written as one word: Duration and Timestamp.
bool IsScalarMessage(const google::protobuf::Descriptor* type);

// Sets a singular field, or adds to a repeated one. The field is no message but a Duration or
// Timestamp. The error's text says what the value should have been, without a place.
absl::Status SetScalar(absl::string_view text, const google::protobuf::FieldDescriptor* field,
                       google::protobuf::Message* message);

}  // namespace heliotrope::os

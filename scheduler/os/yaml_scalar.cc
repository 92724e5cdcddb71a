#include "scheduler/os/yaml_scalar.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace heliotrope::os {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status Wrong(absl::string_view text, absl::string_view want) {
  return absl::InvalidArgumentError(absl::StrCat("\"", Cut(text, 80), "\" is not ", want));
}

// Calls Set<Type> or Add<Type>, whichever the field takes.
#define HT_PUT(Type, value)                                           \
  (field->is_repeated() ? reflection.Add##Type(message, field, value) \
                        : reflection.Set##Type(message, field, value))

// "JOB_STATE_" of JobState: what style makes each value's name begin with.
std::string EnumPrefix(const EnumDescriptor* type) {
  std::string prefix;
  for (const char c : type->name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
  }
  return prefix + "_";
}

absl::Status SetEnum(absl::string_view text, const FieldDescriptor* field, Message* message) {
  const EnumDescriptor* type = field->enum_type();
  const std::string prefix = EnumPrefix(type);
  const std::string wanted = absl::StrReplaceAll(text, {{"-", "_"}});
  std::vector<std::string> names;
  for (int i = 0; i < type->value_count(); ++i) {
    absl::string_view name(type->value(i)->name());
    absl::ConsumePrefix(&name, prefix);
    // The first value stands for "not said": leave the key out instead.
    if (name == "UNSPECIFIED") continue;
    names.push_back(absl::AsciiStrToLower(name));
    if (names.back() != wanted) continue;
    const Reflection& reflection = *message->GetReflection();
    HT_PUT(EnumValue, type->value(i)->number());
    return absl::OkStatus();
  }
  return Wrong(text,
               absl::StrCat("one of ", absl::StrJoin(names, ", "), DidYouMean(wanted, names)));
}

// A whole number in the range of T; sizes where the field's name says bytes.
template <class T>
absl::Status ParseInteger(absl::string_view text, const FieldDescriptor* field, T& value) {
  if (absl::SimpleAtoi(text, &value)) return absl::OkStatus();
  if (absl::EndsWith(field->name(), "_bytes")) {
    HT_ASSIGN_OR_RETURN(const Bytes size, ParseSize(text));
    if (static_cast<uint64_t>(size.value()) >
        static_cast<uint64_t>(std::numeric_limits<T>::max())) {
      return Wrong(text, absl::StrCat("at most ", std::numeric_limits<T>::max(), " bytes"));
    }
    value = static_cast<T>(size.value());
    return absl::OkStatus();
  }
  return Wrong(text, absl::StrCat("a whole number from ", std::numeric_limits<T>::min(), " to ",
                                  std::numeric_limits<T>::max()));
}

absl::Status ParseReal(absl::string_view text, double& value) {
  if (absl::SimpleAtod(text, &value) && std::isfinite(value)) return absl::OkStatus();
  return Wrong(text, "a number");
}

absl::Status SetDuration(absl::string_view text, Message* target) {
  HT_ASSIGN_OR_RETURN(absl::Duration duration, ParseDuration(text));
  google::protobuf::Duration parsed;
  // The range of the protobuf type: 10,000 years.
  constexpr int64_t kMostSeconds = 315'576'000'000;
  parsed.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  parsed.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  if (parsed.seconds() > kMostSeconds || parsed.seconds() < -kMostSeconds) {
    return Wrong(text, "a duration of less than 10,000 years");
  }
  target->CopyFrom(parsed);
  return absl::OkStatus();
}

absl::Status SetTimestamp(absl::string_view text, Message* target) {
  HT_ASSIGN_OR_RETURN(const absl::Time time, ParseTime(text));
  google::protobuf::Timestamp parsed;
  parsed.set_seconds(absl::ToUnixSeconds(time));
  parsed.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(parsed.seconds()))));
  target->CopyFrom(parsed);
  return absl::OkStatus();
}

absl::Status SetScalarMessage(absl::string_view text, const FieldDescriptor* field,
                              Message* message) {
  const Reflection& reflection = *message->GetReflection();
  Message* target = field->is_repeated() ? reflection.AddMessage(message, field)
                                         : reflection.MutableMessage(message, field);
  return field->message_type()->full_name() == "google.protobuf.Duration"
             ? SetDuration(text, target)
             : SetTimestamp(text, target);
}

template <class T, class Put>
absl::Status SetInteger(absl::string_view text, const FieldDescriptor* field, Put put) {
  T value = 0;
  HT_RETURN_IF_ERROR(ParseInteger(text, field, value));
  put(value);
  return absl::OkStatus();
}

}  // namespace

bool IsScalarMessage(const google::protobuf::Descriptor* type) {
  return type->full_name() == "google.protobuf.Duration" ||
         type->full_name() == "google.protobuf.Timestamp";
}

absl::Status SetScalar(absl::string_view text, const FieldDescriptor* field, Message* message) {
  const Reflection& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return SetInteger<int32_t>(text, field, [&](int32_t value) { HT_PUT(Int32, value); });
    case FieldDescriptor::CPPTYPE_INT64:
      return SetInteger<int64_t>(text, field, [&](int64_t value) { HT_PUT(Int64, value); });
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetInteger<uint32_t>(text, field, [&](uint32_t value) { HT_PUT(UInt32, value); });
    case FieldDescriptor::CPPTYPE_UINT64:
      return SetInteger<uint64_t>(text, field, [&](uint64_t value) { HT_PUT(UInt64, value); });
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: {
      double value = 0;
      HT_RETURN_IF_ERROR(ParseReal(text, value));
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
        HT_PUT(Double, value);
      } else {
        HT_PUT(Float, static_cast<float>(value));
      }
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return Wrong(text, "true or false");
      HT_PUT(Bool, text == "true");
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(text, field, message);
    case FieldDescriptor::CPPTYPE_STRING:
      if (!IsUtf8(text)) return Wrong(text, "UTF-8 text");
      HT_PUT(String, std::string(text));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetScalarMessage(text, field, message);
  }
  return Wrong(text, "of a known type");
}

#undef HT_PUT

}  // namespace heliotrope::os

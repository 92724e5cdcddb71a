#include "scheduler/os/yaml.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/os/files.h"
#include "scheduler/os/yaml_scalar.h"

namespace heliotrope::os {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;

std::vector<std::string> FieldNames(const Descriptor* type) {
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
  return names;
}

// The field of a message that has one field, a list; else nullptr.
const FieldDescriptor* OnlyList(const Descriptor* type) {
  if (type->field_count() != 1) return nullptr;
  const FieldDescriptor* field = type->field(0);
  return field->is_repeated() && !field->is_map() ? field : nullptr;
}

// What a node is, for people.
absl::string_view KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "nothing" : "a single value";
}

// Walks one document into a message and collects what is wrong.
class Loader {
 public:
  Loader(absl::string_view source, YamlLines* lines) : source_(source), lines_(lines) {}

  void Load(const YAML::Node& node, Message* message) { LoadMessage(node, "", 0, message); }

  absl::Status Result() const {
    if (errors_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
  }

 private:
  void Error(const YAML::Node& node, absl::string_view why) {
    if (errors_.size() == kMaxFileProblems) return;
    // An empty value is marked where the next thing stands; its key says better where it is.
    const int line = node.IsNull() ? key_line_ : node.Mark().line;
    errors_.push_back(absl::StrCat(source_, ":", line + 1, ": ", Cut(why, kMaxMessageBytes)));
  }

  void NoteLine(const std::string& path, int line) {
    if (lines_ != nullptr) (*lines_)[path] = line + 1;
  }

  // Counts a value; false, with an error, beyond the bounds on size and depth.
  bool Within(const YAML::Node& node, int depth) {
    if (++values_ <= kMaxConfigValues && depth <= kMaxConfigDepth) return true;
    if (!exhausted_) {
      Error(node, depth > kMaxConfigDepth
                      ? absl::StrCat("nested deeper than ", kMaxConfigDepth, " levels")
                      : absl::StrCat("more than ", kMaxConfigValues, " values"));
    }
    exhausted_ = true;
    return false;
  }

  // True for a map whose keys are words, each once. An empty value counts as an empty map. A key that
  // is wrong counts as a value, as the values of the others do.
  bool CheckMap(const YAML::Node& node, const std::string& path, int depth) {
    if (node.IsNull()) return true;
    if (!node.IsMap()) {
      Error(node, absl::StrCat(Where(path), " is ", KindOf(node), ", want a map of keys"));
      return false;
    }
    bool good = true;
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const bool is_word = entry.first.IsScalar();
      if (is_word && seen.insert(entry.first.Scalar()).second) continue;
      if (!Within(entry.first, depth)) return false;
      Error(entry.first,
            is_word ? absl::StrCat("key \"", entry.first.Scalar(), "\" twice in ", Where(path))
                    : absl::StrCat("a key in ", Where(path), " is not a word"));
      good = false;
    }
    return good;
  }

  void LoadMessage(const YAML::Node& node, const std::string& path, int depth, Message* message) {
    // A message that is nothing but a list may be written as one.
    if (const FieldDescriptor* list = OnlyList(message->GetDescriptor());
        list != nullptr && node.IsSequence()) {
      LoadList(node, path, depth, list, message);
      return;
    }
    if (!Within(node, depth) || !CheckMap(node, path, depth)) return;
    const Descriptor* type = message->GetDescriptor();
    std::set<const OneofDescriptor*> chosen;
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      const FieldDescriptor* field = type->FindFieldByName(key);
      if (field == nullptr) {
        if (!Within(entry.first, depth)) return;
        if (errors_.size() < kMaxFileProblems) UnknownKey(entry.first, path, type);
        continue;
      }
      const OneofDescriptor* oneof = field->real_containing_oneof();
      if (oneof != nullptr && !chosen.insert(oneof).second) {
        Error(entry.first, absl::StrCat("key \"", key, "\" in ", Where(path),
                                        " excludes another one given before: ", Members(oneof)));
        continue;
      }
      key_line_ = entry.first.Mark().line;
      NoteLine(Join(path, key), key_line_);
      LoadField(entry.second, Join(path, key), depth + 1, field, message);
    }
  }

  void UnknownKey(const YAML::Node& key, const std::string& path, const Descriptor* type) {
    constexpr size_t kShown = 80;
    const std::string& word = key.Scalar();
    Error(key, absl::StrCat("unknown key \"", Cut(word, kShown), "\" in ", Where(path),
                            DidYouMean(word, FieldNames(type))));
  }

  void LoadField(const YAML::Node& node, const std::string& path, int depth,
                 const FieldDescriptor* field, Message* message) {
    if (field->is_map()) {
      LoadMap(node, path, depth, field, message);
    } else if (field->is_repeated()) {
      LoadList(node, path, depth, field, message);
    } else {
      LoadValue(node, path, depth, field, message);
    }
  }

  void LoadList(const YAML::Node& node, const std::string& path, int depth,
                const FieldDescriptor* field, Message* message) {
    if (node.IsNull() || !Within(node, depth)) return;
    if (!node.IsSequence()) {
      Error(node, absl::StrCat(Where(path), " is ", KindOf(node), ", want a list"));
      return;
    }
    size_t index = 0;
    for (const YAML::Node& item : node) {
      const std::string item_path = absl::StrCat(path, "[", index++, "]");
      NoteLine(item_path, item.Mark().line);
      LoadValue(item, item_path, depth + 1, field, message);
    }
  }

  void LoadMap(const YAML::Node& node, const std::string& path, int depth,
               const FieldDescriptor* field, Message* message) {
    if (node.IsNull() || !Within(node, depth) || !CheckMap(node, path, depth)) return;
    const Descriptor* type = field->message_type();
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      Message* made = message->GetReflection()->AddMessage(message, field);
      const absl::Status status = SetScalar(key, type->map_key(), made);
      if (!status.ok()) {
        Error(entry.first, absl::StrCat("key in ", Where(path), ": ", status.message()));
      }
      key_line_ = entry.first.Mark().line;
      NoteLine(Join(path, key), key_line_);
      LoadValue(entry.second, Join(path, key), depth + 1, type->map_value(), made);
    }
  }

  // A single value, or one item of a list.
  void LoadValue(const YAML::Node& node, const std::string& path, int depth,
                 const FieldDescriptor* field, Message* message) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_message && !IsScalarMessage(field->message_type())) {
      const google::protobuf::Reflection* reflection = message->GetReflection();
      LoadMessage(node, path, depth,
                  field->is_repeated() ? reflection->AddMessage(message, field)
                                       : reflection->MutableMessage(message, field));
      return;
    }
    if (!Within(node, depth)) return;
    if (!node.IsScalar()) {
      Error(node, absl::StrCat(Where(path), " is ", KindOf(node), ", want a single value"));
      return;
    }
    const absl::Status status = SetScalar(node.Scalar(), field, message);
    if (!status.ok()) Error(node, absl::StrCat(Where(path), ": ", status.message()));
  }

  static std::string Where(const std::string& path) {
    return path.empty() ? "the top level" : absl::StrCat("\"", path, "\"");
  }
  static std::string Join(const std::string& path, const std::string& key) {
    return path.empty() ? key : absl::StrCat(path, ".", key);
  }
  static std::string Members(const OneofDescriptor* oneof) {
    std::vector<std::string> names;
    for (int i = 0; i < oneof->field_count(); ++i) names.push_back(oneof->field(i)->name());
    return absl::StrCat("choose one of ", absl::StrJoin(names, ", "));
  }

  absl::string_view source_;
  YamlLines* lines_;
  std::vector<std::string> errors_;
  int key_line_ = 0;
  int values_ = 0;
  bool exhausted_ = false;
};

// Counts what the parser finds, before anything is made of it: some bytes of a file are a document
// without end to it, or documents without end.
class Counter final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    Count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Count(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Count(mark);
  }
  void OnMapEnd() override {}

  // Where the last document began.
  const YAML::Mark& start() const { return start_; }

 private:
  void Count(const YAML::Mark& mark) {
    // A key is none of the values that are counted later.
    if (++count_ <= 2 * kMaxConfigValues) return;
    throw YAML::ParserException(mark, absl::StrCat("more than ", kMaxConfigValues, " values"));
  }

  YAML::Mark start_;
  int count_ = 0;
};

// Parses one document. The only place that meets the parser's exceptions.
absl::Status Parse(absl::string_view text, absl::string_view source, Message* message,
                   YamlLines* lines) {
  try {
    // The parser takes a quote that is never closed for one that ends with the file. It does not
    // when the file says that it ends.
    const char* end = text.empty() || text.back() == '\n' ? "...\n" : "\n...\n";
    std::istringstream input(absl::StrCat(text, end));
    YAML::Parser parser(input);
    Counter counter;
    if (!parser.HandleNextDocument(counter)) return absl::OkStatus();
    if (parser.HandleNextDocument(counter)) {
      return absl::InvalidArgumentError(
          absl::StrCat(source, ":", counter.start().line + 1, ": a second document: want one"));
    }
    Loader loader(source, lines);
    loader.Load(YAML::Load(input.str()), message);
    return loader.Result();
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ":", error.mark.line + 1, ": ", Cut(error.msg, kMaxMessageBytes)));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(source, ":1: ", error.what()));
  }
}

}  // namespace

absl::Status LoadYamlText(absl::string_view text, absl::string_view source, Message* message,
                          YamlLines* lines) {
  if (static_cast<int64_t>(text.size()) > kMaxConfigBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ":1: more than ", kMaxConfigBytes, " bytes"));
  }
  const std::unique_ptr<Message> loaded(message->New());
  HT_RETURN_IF_ERROR(Parse(text, source, loaded.get(), lines));
  message->GetReflection()->Swap(message, loaded.get());
  return absl::OkStatus();
}

absl::Status LoadYamlFile(const std::string& path, Message* message, YamlLines* lines) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  return LoadYamlText(text, path, message, lines);
}

}  // namespace heliotrope::os

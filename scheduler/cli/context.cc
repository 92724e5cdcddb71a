#include "scheduler/cli/context.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/json.h"

namespace heliotrope::cli {

Look Context::look() const {
  return Look{
      .color = console_.color && console_.out_is_terminal && !flags_.no_color,
      .utf8 = console_.utf8,
      .width = console_.out_is_terminal ? console_.width : 0,
  };
}

void Context::Print(absl::string_view text) {
  console_.out.write(text.data(), static_cast<std::streamsize>(text.size()));
  console_.out.flush();
}

void Context::PrintJson(const google::protobuf::Message& message) {
  Print(ToJson(message, JsonShape::kDocument));
}

void Context::PrintJsonLine(const google::protobuf::Message& message) {
  Print(ToJson(message, JsonShape::kLine));
}

void Context::Say(absl::string_view text) {
  console_.err << Printable(text) << '\n';
  console_.err.flush();
}

void Context::Hint(absl::string_view text) {
  if (console_.err_is_terminal && !flags_.json) Say(absl::StrCat("next: ", text));
}

absl::Status Context::Confirm(absl::string_view question, bool yes) {
  if (yes) return absl::OkStatus();
  if (!console_.in_is_terminal || !console_.err_is_terminal) {
    return Misuse(absl::StrCat(question, " say so with --yes"));
  }
  console_.err << "heliotrope: " << Printable(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(console_.in, answer);
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("nothing was changed");
}

absl::StatusOr<std::unique_ptr<Client>> Context::Dial(absl::string_view peer,
                                                      const std::string& address,
                                                      absl::Duration usual) {
  ClientOptions options{.peer = std::string(peer), .address = address, .tls = flags_.tls};
  options.call_timeout = flags_.timeout.value_or(usual);
  if (flags_.timeout.has_value()) options.follow_until = absl::Now() + *flags_.timeout;
  options.say = [this](const std::string& text) { Say(absl::StrCat("heliotrope: ", text)); };
  auto client = Client::Make(std::move(options));
  if (client.ok()) return client;
  // An address or a certificate that is none is the command line's fault.
  if (GetReason(client.status()) == "TLS_REQUIRED") {
    return Misuse(absl::StrCat("will not dial ", address, " without certificates, only loopback: ",
                               "give --tls-ca, --tls-cert and --tls-key"));
  }
  return Misuse(client.status().message());
}

absl::StatusOr<Client*> Context::Scheduler(absl::Duration usual) {
  if (scheduler_ == nullptr) {
    HT_ASSIGN_OR_RETURN(scheduler_, Dial("the scheduler", flags_.address, usual));
  }
  return scheduler_.get();
}

absl::StatusOr<std::unique_ptr<Client>> Context::Agent(const std::string& address) {
  return Dial("the agent", address, kUsualTimeout);
}

}  // namespace heliotrope::cli

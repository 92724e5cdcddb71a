// What every verb gets: the console, the flags that all verbs share, and connections made from
// them.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/cli/client.h"
#include "scheduler/cli/console.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {

// Exit codes.
enum class Exit { kOk = 0, kFailed = 1, kUsage = 2 };

// What a verb ends with: an error is shown by who called it.
using Outcome = absl::StatusOr<Exit>;

struct GlobalFlags {
  std::string address = "127.0.0.1:7400";
  wire::TlsFiles tls;
  std::string jurisdiction;
  // For one call; watching and following end with it only if it was given.
  std::optional<absl::Duration> timeout;
  bool json = false;
  bool no_color = false;
};

class Context {
 public:
  Context(Console& console, const GlobalFlags& flags, std::vector<std::string> after_dashes)
      : console_(console), flags_(flags), after_dashes_(std::move(after_dashes)) {}

  const GlobalFlags& flags() const { return flags_; }
  bool json() const { return flags_.json; }
  const Console& console() const { return console_; }
  // How data looks.
  Look look() const;

  // What stood behind `--`.
  const std::vector<std::string>& after_dashes() const { return after_dashes_; }

  // Data, at once.
  void Print(absl::string_view text);
  void PrintJson(const google::protobuf::Message& message);
  // One message of many, on one line.
  void PrintJsonLine(const google::protobuf::Message& message);
  // Talk: one line.
  void Say(absl::string_view text);
  // What to run next: one line, for people at a terminal only.
  void Hint(absl::string_view text);
  // Asks before something that cannot be undone. Without a terminal the answer must have come as a
  // flag.
  absl::Status Confirm(absl::string_view question, bool yes);

  // The scheduler, connected at the first call. Without --timeout its calls may take `usual`.
  absl::StatusOr<Client*> Scheduler(absl::Duration usual = kUsualTimeout);
  // An agent.
  absl::StatusOr<std::unique_ptr<Client>> Agent(const std::string& address);

 private:
  static constexpr absl::Duration kUsualTimeout = absl::Seconds(10);

  absl::StatusOr<std::unique_ptr<Client>> Dial(absl::string_view peer, const std::string& address,
                                               absl::Duration usual);

  Console& console_;
  const GlobalFlags& flags_;
  std::vector<std::string> after_dashes_;
  std::unique_ptr<Client> scheduler_;
};

}  // namespace heliotrope::cli

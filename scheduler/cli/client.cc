#include "scheduler/cli/client.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/errors.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/status.h"

namespace heliotrope::cli {
namespace {

constexpr absl::Duration kMaxPause = absl::Seconds(2);

constexpr char kTimeUpReason[] = "TIME_UP";

// Of gRPC's long text about a connection that could not be made only the cause: "failed to connect
// to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7400: ...: Connection refused".
absl::string_view Cause(absl::string_view text) {
  const size_t colon = text.rfind(": ");
  if (!absl::StartsWith(text, "failed to connect to all addresses")) return text;
  return colon == absl::string_view::npos ? text : text.substr(colon + 2);
}

}  // namespace

absl::Status TimeUp() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "the time given with --timeout is over",
                   {.reason = kTimeUpReason, .metadata = {}});
}

bool IsTimeUp(const absl::Status& status) {
  return absl::IsDeadlineExceeded(status) && GetReason(status) == kTimeUpReason;
}

absl::StatusOr<std::unique_ptr<Client>> Client::Make(ClientOptions options) {
  HT_ASSIGN_OR_RETURN(const wire::Credentials credentials, wire::MakeCredentials(options.tls));
  HT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                      wire::MakeChannel(options.address, credentials));
  return std::unique_ptr<Client>(new Client(std::move(options), std::move(channel)));
}

absl::Status Client::FromGrpc(const grpc::Status& status) const {
  absl::Status error = wire::FromGrpc(status);
  // With a reason the server itself has spoken; else gRPC has, in its own words.
  if (error.ok() || !GetReason(error).empty()) return error;
  if (absl::IsUnavailable(error)) {
    return absl::UnavailableError(absl::StrCat(options_.peer, " at ", options_.address,
                                               " does not answer: ", Cause(error.message())));
  }
  if (absl::IsDeadlineExceeded(error)) {
    return absl::DeadlineExceededError(
        absl::StrCat(options_.peer, " at ", options_.address, " did not answer within ",
                     ShortDuration(options_.call_timeout), ": set --timeout to wait longer"));
  }
  if (absl::IsUnimplemented(error)) {
    return WithContext(error, absl::StrCat(options_.address, " is not ", options_.peer));
  }
  return error;
}

bool Client::WaitToRetry(const absl::Status& status, absl::Time until, Retry& retry) const {
  if (!absl::IsUnavailable(status)) return false;
  const absl::Duration left = until - absl::Now();
  if (left <= retry.pause) return false;
  if (!retry.said) {
    options_.say(absl::StrCat(status.message(), "; trying again"));
    retry.said = true;
  }
  absl::SleepFor(retry.pause);
  retry.pause = std::min(retry.pause * 2, kMaxPause);
  return true;
}

}  // namespace heliotrope::cli

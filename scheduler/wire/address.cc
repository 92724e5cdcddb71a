#include "scheduler/wire/address.h"

#include <arpa/inet.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace heliotrope::wire {
namespace {

constexpr int kMaxPort = 65535;
constexpr size_t kMaxHostBytes = 253;  // A DNS name's.

bool IsIpv4(const std::string& host) {
  in_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

bool IsIpv6(const std::string& host) {
  in6_addr parsed;
  return inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

bool IsHostName(absl::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  if (host.front() == '-' || host.front() == '.' || host.back() == '-') return false;
  // All digits and dots, but no IPv4 address: a slip, not a name.
  bool has_letter = false;
  for (char c : host) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.' && c != '_') {
      return false;
    }
    has_letter |= !absl::ascii_isdigit(static_cast<unsigned char>(c)) && c != '.';
  }
  return has_letter && !absl::StrContains(host, "..");
}

// An address, or a part of one, in an error.
std::string Shown(absl::string_view text) { return Cut(text, kMaxHostBytes); }

absl::Status NotAnAddress(absl::string_view address, absl::string_view why) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("\"", Shown(address), "\" is not an address: ", why,
                   "; write host:port, such as 127.0.0.1:7400 or [::1]:7400"),
      ErrorInfo{.reason = "INVALID_ADDRESS", .metadata = {{"address", Shown(address)}}});
}

absl::Status NeedsTls(absl::string_view verb, absl::string_view address) {
  return PreconditionFailed(
      "TLS_REQUIRED",
      absl::StrCat("will not ", verb, " ", address,
                   " without certificates, only loopback: set tls.ca, tls.cert and tls.key"),
      {{"address", std::string(address)}});
}

}  // namespace

absl::StatusOr<HostPort> ParseAddress(absl::string_view address) {
  if (address.empty()) return NotAnAddress(address, "it is empty");
  if (absl::StrContains(address, "://")) return NotAnAddress(address, "it has a scheme");
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || absl::EndsWith(address, "]")) {
    return NotAnAddress(address, "the port is missing");
  }
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port_text = address.substr(colon + 1);
  int port = 0;
  for (char c : port_text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return NotAnAddress(address, absl::StrCat("port \"", Shown(port_text), "\" is not a number"));
    }
  }
  if (!absl::SimpleAtoi(port_text, &port) || port > kMaxPort) {
    return NotAnAddress(address, absl::StrCat("the port must be 0 to ", kMaxPort));
  }
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
    if (!IsIpv6(std::string(host))) {
      return NotAnAddress(address, "what is in brackets is not an IPv6 address");
    }
  } else if (absl::StrContains(host, ":")) {
    return NotAnAddress(address, "an IPv6 address needs brackets");
  } else if (!IsIpv4(std::string(host)) && !IsHostName(host)) {
    return NotAnAddress(address, absl::StrCat("\"", Shown(host), "\" is not a host"));
  }
  return HostPort{.host = std::string(host), .port = port};
}

std::string FormatAddress(const HostPort& address) {
  if (absl::StrContains(address.host, ":")) {
    return absl::StrCat("[", address.host, "]:", address.port);
  }
  return absl::StrCat(address.host, ":", address.port);
}

bool IsLoopback(absl::string_view host) {
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  const std::string text(host);
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status CheckListenAddress(absl::string_view address, bool has_tls) {
  HT_ASSIGN_OR_RETURN(const HostPort parsed, ParseAddress(address));
  if (!has_tls && !IsLoopback(parsed.host)) return NeedsTls("listen on", address);
  return absl::OkStatus();
}

absl::Status CheckDialAddress(absl::string_view address, bool has_tls) {
  HT_ASSIGN_OR_RETURN(const HostPort parsed, ParseAddress(address));
  if (parsed.port == 0) return NotAnAddress(address, "nobody can be reached at port 0");
  if (!has_tls && !IsLoopback(parsed.host)) return NeedsTls("dial", address);
  return absl::OkStatus();
}

}  // namespace heliotrope::wire

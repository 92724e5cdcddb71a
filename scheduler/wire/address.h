// Addresses as users write them, `host:port`, and who may listen or dial where. Nothing here
// resolves a name or opens a socket.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::wire {

// A host name, an IPv4 or an IPv6 address (without brackets), and a port.
struct HostPort {
  std::string host;
  int port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "127.0.0.1:7400", "scheduler.example.org:7400", "[::1]:7400". INVALID_ARGUMENT says what is wrong
// and shows how an address looks. Port 0 parses: it means "any free port" to who listens.
absl::StatusOr<HostPort> ParseAddress(absl::string_view address);

// As ParseAddress reads it: IPv6 in brackets.
std::string FormatAddress(const HostPort& address);

// 127.0.0.0/8, ::1 and "localhost"; any other name is not, whatever it would resolve to.
bool IsLoopback(absl::string_view host);

// Whether a daemon may listen there: only loopback is open to all who can reach it, so any other
// address needs certificates. FAILED_PRECONDITION names the address and the remedy.
absl::Status CheckListenAddress(absl::string_view address, bool has_tls);

// Whether a peer may be dialled there: as above, and the port must not be 0.
absl::Status CheckDialAddress(absl::string_view address, bool has_tls);

}  // namespace heliotrope::wire

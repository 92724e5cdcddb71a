// Who the other end of a connection is, by the certificate that TLS has verified. On an open
// (loopback) connection nobody has a certificate and every answer is nullopt.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <optional>
#include <string>

namespace heliotrope::wire {

// The certificate's subject country (C=), in upper case. Nullopt also when it has none.
std::optional<std::string> PeerCountry(const grpc::AuthContext& context);

// The certificate's subject common name (CN=).
std::optional<std::string> PeerCommonName(const grpc::AuthContext& context);

}  // namespace heliotrope::wire

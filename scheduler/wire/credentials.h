// Who may talk to whom. With certificates every connection is TLS in both directions and both ends
// show one of the same authority; without, connections are open and so loopback only (address.h).
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace heliotrope::wire {

// Paths of PEM files, as in the configuration's `tls`: all three or none.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;

  bool empty() const { return ca.empty() && cert.empty() && key.empty(); }
};

// Both ends of a daemon, made from the same files. The files are read once, now.
struct Credentials {
  std::shared_ptr<grpc::ServerCredentials> server;
  std::shared_ptr<grpc::ChannelCredentials> client;
  bool has_tls = false;
};

// Open credentials when no file is named. INVALID_ARGUMENT: only some are named, or one is not what
// it should be (the certificate and the key must belong together); NOT_FOUND or PERMISSION_DENIED:
// one cannot be read. The text names the file.
absl::StatusOr<Credentials> MakeCredentials(const TlsFiles& files);

}  // namespace heliotrope::wire

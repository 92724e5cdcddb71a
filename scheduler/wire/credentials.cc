#include "scheduler/wire/credentials.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::wire {
namespace {

// No PEM file of a certificate chain comes near it.
constexpr size_t kMaxPemBytes = size_t{1} << 20;

absl::Status InvalidFile(absl::string_view field, absl::string_view path, absl::string_view why) {
  return InvalidField(absl::StrCat("tls.", field), absl::StrCat("file ", path, " ", why));
}

absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("tls.", field, ": reading ", path));
  }
  const absl::Cleanup close = [file] { std::fclose(file); };
  std::string text(kMaxPemBytes, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  if (std::ferror(file) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("tls.", field, ": reading ", path));
  }
  return text;
}

struct OpenSslFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

std::unique_ptr<X509, OpenSslFree> ParseCertificate(const std::string& pem) {
  const std::unique_ptr<BIO, OpenSslFree> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return std::unique_ptr<X509, OpenSslFree>(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::unique_ptr<EVP_PKEY, OpenSslFree> ParseKey(const std::string& pem) {
  const std::unique_ptr<BIO, OpenSslFree> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // A password would be asked for on the terminal, where nobody is.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  return std::unique_ptr<EVP_PKEY, OpenSslFree>(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

// gRPC itself only says that it failed, and only when a peer connects.
absl::Status CheckPair(const TlsFiles& files, const std::string& cert_pem,
                       const std::string& key_pem) {
  const auto certificate = ParseCertificate(cert_pem);
  if (certificate == nullptr) return InvalidFile("cert", files.cert, "has no PEM certificate");
  const auto key = ParseKey(key_pem);
  if (key == nullptr) {
    return InvalidFile("key", files.key, "has no PEM private key without a password");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return InvalidFile("key", files.key,
                       absl::StrCat("does not belong to the certificate in ", files.cert));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Credentials> MakeCredentials(const TlsFiles& files) {
  if (files.empty()) {
    return Credentials{.server = grpc::InsecureServerCredentials(),
                       .client = grpc::InsecureChannelCredentials()};
  }
  for (const auto& [field, path] : {std::pair<const char*, const std::string&>{"ca", files.ca},
                                    {"cert", files.cert},
                                    {"key", files.key}}) {
    if (path.empty()) {
      return InvalidField(absl::StrCat("tls.", field),
                          "is missing: tls needs ca, cert and key, or none of them");
    }
  }
  HT_ASSIGN_OR_RETURN(const std::string ca, ReadPem("ca", files.ca));
  HT_ASSIGN_OR_RETURN(const std::string cert, ReadPem("cert", files.cert));
  HT_ASSIGN_OR_RETURN(const std::string key, ReadPem("key", files.key));
  if (ParseCertificate(ca) == nullptr) {
    return InvalidFile("ca", files.ca, "has no PEM certificate");
  }
  HT_RETURN_IF_ERROR(CheckPair(files, cert, key));

  grpc::SslServerCredentialsOptions server_options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  server_options.pem_root_certs = ca;
  server_options.pem_key_cert_pairs.push_back({key, cert});
  grpc::SslCredentialsOptions client_options;
  client_options.pem_root_certs = ca;
  client_options.pem_private_key = key;
  client_options.pem_cert_chain = cert;
  return Credentials{.server = grpc::SslServerCredentials(server_options),
                     .client = grpc::SslCredentials(client_options),
                     .has_tls = true};
}

}  // namespace heliotrope::wire

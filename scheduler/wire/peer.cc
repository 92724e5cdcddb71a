#include "scheduler/wire/peer.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/strings/ascii.h"

namespace heliotrope::wire {
namespace {

std::optional<std::string> SubjectEntry(const grpc::AuthContext& context, int nid) {
  const auto pems = context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (!context.IsPeerAuthenticated() || pems.empty()) return std::nullopt;
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pems[0].data(), static_cast<int>(pems[0].size())), &BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (certificate == nullptr) return std::nullopt;
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const int index = X509_NAME_get_index_by_NID(subject, nid, -1);
  if (index < 0) return std::nullopt;
  unsigned char* utf8 = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (length < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace

std::optional<std::string> PeerCountry(const grpc::AuthContext& context) {
  std::optional<std::string> country = SubjectEntry(context, NID_countryName);
  if (country.has_value()) absl::AsciiStrToUpper(&*country);
  return country;
}

std::optional<std::string> PeerCommonName(const grpc::AuthContext& context) {
  return SubjectEntry(context, NID_commonName);
}

}  // namespace heliotrope::wire

#include "agent/checkpoint/sha256.h"

#include <openssl/evp.h>

#include "scheduler/base/check.h"

namespace heliotrope::agent::checkpoint {

// OpenSSL's digests fail only for want of memory.
Sha256::Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
  HT_CHECK(context_ != nullptr);
  Begin();
}

void Sha256::Begin() { HT_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }

void Sha256::Add(absl::string_view bytes) {
  HT_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Finish() {
  std::string digest(kDigestBytes, '\0');
  HT_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                              nullptr) == 1);
  Begin();
  return digest;
}

std::string Sha256Of(absl::string_view bytes) {
  Sha256 sha;
  sha.Add(bytes);
  return sha.Finish();
}

}  // namespace heliotrope::agent::checkpoint

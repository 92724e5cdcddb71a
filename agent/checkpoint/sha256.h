// SHA-256 of a stream of bytes.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace heliotrope::agent::checkpoint {

inline constexpr size_t kDigestBytes = 32;

class Sha256 {
 public:
  Sha256();

  void Add(absl::string_view bytes);
  // The 32 bytes of what was added, and begins anew.
  std::string Finish();

 private:
  void Begin();

  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

std::string Sha256Of(absl::string_view bytes);

}  // namespace heliotrope::agent::checkpoint

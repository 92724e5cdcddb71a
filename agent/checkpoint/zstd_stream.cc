#include "agent/checkpoint/zstd_stream.h"

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"

namespace heliotrope::agent::checkpoint {
namespace {

// The fastest of the regular levels: links between data centers are slower than it.
constexpr int kLevel = 1;
// Memory of each side for a window: 1 MiB.
constexpr int kWindowLog = 20;
constexpr size_t kPieceBytes = size_t{128} << 10;

}  // namespace

Compressor::Compressor() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
  HT_CHECK(context_ != nullptr);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
}

void Compressor::Add(absl::string_view bytes, bool end, std::string& out) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  const ZSTD_EndDirective directive = end ? ZSTD_e_end : ZSTD_e_continue;
  while (true) {
    const size_t used = out.size();
    out.resize(used + ZSTD_CStreamOutSize());
    ZSTD_outBuffer buffer{out.data() + used, out.size() - used, 0};
    const size_t left = ZSTD_compressStream2(context_.get(), &buffer, &in, directive);
    // Only misuse and want of memory.
    HT_CHECK(ZSTD_isError(left) == 0);
    out.resize(used + buffer.pos);
    if (end ? left == 0 : in.pos == in.size) return;
  }
}

Decompressor::Decompressor()
    : context_(ZSTD_createDCtx(), &ZSTD_freeDCtx), piece_(kPieceBytes, '\0') {
  HT_CHECK(context_ != nullptr);
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
}

absl::StatusOr<absl::string_view> Decompressor::Next(ZSTD_inBuffer& in) {
  ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
  const size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
  if (ZSTD_isError(result) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a zstd stream of ours: ", ZSTD_getErrorName(result)));
  }
  return absl::string_view(piece_.data(), out.pos);
}

}  // namespace heliotrope::agent::checkpoint

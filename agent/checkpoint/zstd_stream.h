// zstd as a stream in pieces, in both directions.
#pragma once

#include <zstd.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::agent::checkpoint {

class Compressor {
 public:
  Compressor();

  // Appends what comes out of `bytes` to `out`; with `end`, all that is left.
  void Add(absl::string_view bytes, bool end, std::string& out);

 private:
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

class Decompressor {
 public:
  Decompressor();

  // Gives the uncompressed bytes of `bytes` to `sink`, a piece at a time: a small input can become
  // a very large output, and the sink says when it is too much. INVALID_ARGUMENT for what is not
  // zstd, or needs a larger window than Compressor ever uses; the sink's error is returned as it
  // is.
  template <class Sink>
  absl::Status Add(absl::string_view bytes, Sink sink) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (true) {
      const absl::StatusOr<absl::string_view> piece = Next(in);
      if (!piece.ok()) return piece.status();
      if (piece->empty()) return absl::OkStatus();
      if (absl::Status status = sink(*piece); !status.ok()) return status;
    }
  }

 private:
  // The next piece, empty when more input is needed. Valid until the next call.
  absl::StatusOr<absl::string_view> Next(ZSTD_inBuffer& in);

  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
  std::string piece_;
};

}  // namespace heliotrope::agent::checkpoint

#include "agent/link/agent_service.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/data_reader.h"
#include "agent/checkpoint/sha256.h"
#include "agent/exec/log_reader.h"
#include "agent/link/convert.h"
#include "agent/link/outputs.h"
#include "agent/link/piece_stream.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"
#include "scheduler/wire/peer.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::link {
namespace {

// Of an answer, below what one message may have.
constexpr size_t kMaxListBytes = size_t{2} << 20;
constexpr size_t kBytesBesidePath = 32;

// As the proto promises its readers.
constexpr int64_t kLogPieceBytes = int64_t{64} << 10;

std::optional<std::string> CountryOf(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  return auth == nullptr ? std::nullopt : wire::PeerCountry(*auth);
}

// Sends a log from an offset on.
class LogSource {
 public:
  LogSource(const AttemptIndex& index, v1::ReadLogRequest request,
            std::optional<std::string> country)
      : index_(index), request_(std::move(request)), country_(std::move(country)) {}

  absl::StatusOr<Piece> operator()(v1::ReadLogResponse& response) {
    if (!attempt_.has_value()) {
      HT_ASSIGN_OR_RETURN(attempt_, index_.Find(request_.attempt(), country_));
      offset_ = request_.offset_bytes();
    }
    // Asked before reading: what was written before the end is read then.
    const bool ended = index_.HasEnded(attempt_->key);
    const auto name = request_.stream() == v1::ReadLogRequest::STREAM_STDERR
                          ? exec::LogName::kStderr
                          : exec::LogName::kStdout;
    HT_ASSIGN_OR_RETURN(exec::LogPart part,
                        exec::ReadLog(attempt_->paths, name, offset_, kLogPieceBytes));
    if (first_ && offset_ > part.end && !request_.follow()) {
      return absl::OutOfRangeError(
          absl::StrCat("offset ", offset_, " is beyond the log's end at ", part.end));
    }
    first_ = false;
    if (part.data.empty()) {
      // A negative offset now is a place.
      if (offset_ < 0) offset_ = part.end;
      return request_.follow() && !ended ? Piece::kWait : Piece::kEnd;
    }
    offset_ = part.offset + static_cast<int64_t>(part.data.size());
    response.set_offset_bytes(part.offset);
    response.set_data(std::move(part.data));
    return Piece::kSend;
  }

 private:
  const AttemptIndex& index_;
  v1::ReadLogRequest request_;
  std::optional<std::string> country_;
  std::optional<IndexedAttempt> attempt_;
  int64_t offset_ = 0;
  bool first_ = true;
};

class OutputSource {
 public:
  OutputSource(const AttemptIndex& index, v1::ReadOutputRequest request,
               std::optional<std::string> country)
      : index_(index), request_(std::move(request)), country_(std::move(country)) {}

  absl::StatusOr<Piece> operator()(v1::ReadOutputResponse& response) {
    if (!fd_.valid()) {
      if (request_.offset_bytes() < 0) return InvalidField("offset_bytes", "is below zero");
      HT_ASSIGN_OR_RETURN(const IndexedAttempt attempt, index_.Find(request_.attempt(), country_));
      HT_ASSIGN_OR_RETURN(
          fd_, OpenOutput(attempt.paths.output, request_.path(), attempt.output_patterns));
      offset_ = request_.offset_bytes();
    }
    std::string& data = *response.mutable_data();
    data.resize(static_cast<size_t>(kLogPieceBytes));
    const ssize_t size = pread(fd_.get(), data.data(), data.size(), offset_);
    if (size < 0) return os::FileError(errno, "read", request_.path());
    data.resize(static_cast<size_t>(size));
    offset_ += size;
    return size == 0 ? Piece::kEnd : Piece::kSend;
  }

 private:
  const AttemptIndex& index_;
  v1::ReadOutputRequest request_;
  std::optional<std::string> country_;
  os::UniqueFd fd_;
  int64_t offset_ = 0;
};

class CheckpointSource {
 public:
  CheckpointSource(const checkpoint::Store& store, v1::PullCheckpointRequest request,
                   std::optional<std::string> country, const AgentService::Options& options)
      : store_(store),
        request_(std::move(request)),
        country_(std::move(country)),
        options_(options) {}

  absl::StatusOr<Piece> operator()(v1::PullCheckpointResponse& response) {
    absl::StatusOr<Piece> piece = Next(response);
    if (absl::IsDataLoss(piece.status())) TellDamaged(piece.status());
    return piece;
  }

 private:
  void TellDamaged(const absl::Status& why) const {
    if (options_.on_damaged) {
      options_.on_damaged(FromProto(request_.key()), request_.digest(), why);
    }
  }

  absl::StatusOr<Piece> Next(v1::PullCheckpointResponse& response) {
    if (!reader_.has_value()) {
      HT_ASSIGN_OR_RETURN(*response.mutable_manifest()->mutable_contents(), Open());
      return Piece::kSend;
    }
    HT_ASSIGN_OR_RETURN(std::string piece, reader_->Next());
    if (piece.empty()) return Piece::kEnd;
    if (options_.on_checkpoint_bytes) {
      options_.on_checkpoint_bytes(static_cast<int64_t>(piece.size()));
    }
    response.set_data(std::move(piece));
    return Piece::kSend;
  }

  // Promise 6: the holder checks too, whoever sent the puller here.
  absl::StatusOr<std::string> Open() {
    const CheckpointKey key = FromProto(request_.key());
    HT_ASSIGN_OR_RETURN(std::string manifest_bytes, store_.ReadManifest(key));
    if (checkpoint::Sha256Of(manifest_bytes) != request_.digest()) {
      // Damaged, or another of the same name: the agent's core knows which it holds.
      TellDamaged(absl::DataLossError("its manifest has another digest"));
      return NotFound("checkpoint of this digest", ToString(key));
    }
    HT_ASSIGN_OR_RETURN(checkpoint::Manifest manifest, checkpoint::ParseManifest(manifest_bytes));
    const absl::Status allowed = CheckReader(
        manifest.jurisdictions,
        {.jurisdiction = request_.puller_jurisdiction(), .certificate_country = country_});
    if (!allowed.ok()) {
      os::LogWarning(
          "checkpoint refused to a puller",
          {{"checkpoint", key}, {"node", Clean(request_.puller_node())}, {"error", allowed}});
      return allowed;
    }
    HT_ASSIGN_OR_RETURN(reader_, checkpoint::DataReader::Open(store_, std::move(manifest),
                                                              request_.offset_bytes()));
    return manifest_bytes;
  }

  const checkpoint::Store& store_;
  v1::PullCheckpointRequest request_;
  std::optional<std::string> country_;
  const AgentService::Options& options_;
  std::optional<checkpoint::DataReader> reader_;
};

}  // namespace

template <class Response, class Make>
grpc::ServerWriteReactor<Response>* AgentService::Stream(Make make) {
  const bool room = calls_.fetch_add(1) < options_.max_calls;
  const auto leave = [this] { calls_.fetch_sub(1); };
  if (!room) {
    return new PieceStream<Response>(
        workers_,
        [this](Response&) -> absl::StatusOr<Piece> {
          return ResourceExhausted(
              "TOO_MANY_CALLS",
              absl::StrCat("the agent serves ", options_.max_calls, " calls already: retry"));
        },
        leave);
  }
  // Sources own a file and so cannot be copied into a std::function.
  auto source = std::make_shared<Make>(std::move(make));
  return new PieceStream<Response>(
      workers_, [source](Response& response) { return (*source)(response); }, leave);
}

grpc::ServerWriteReactor<v1::ReadLogResponse>* AgentService::ReadLog(
    grpc::CallbackServerContext* context, const v1::ReadLogRequest* request) {
  return Stream<v1::ReadLogResponse>(LogSource(index_, *request, CountryOf(*context)));
}

grpc::ServerWriteReactor<v1::ReadOutputResponse>* AgentService::ReadOutput(
    grpc::CallbackServerContext* context, const v1::ReadOutputRequest* request) {
  return Stream<v1::ReadOutputResponse>(OutputSource(index_, *request, CountryOf(*context)));
}

grpc::ServerWriteReactor<v1::PullCheckpointResponse>* AgentService::PullCheckpoint(
    grpc::CallbackServerContext* context, const v1::PullCheckpointRequest* request) {
  return Stream<v1::PullCheckpointResponse>(
      CheckpointSource(store_, *request, CountryOf(*context), options_));
}

grpc::ServerUnaryReactor* AgentService::ListOutputs(grpc::CallbackServerContext* context,
                                                    const v1::ListOutputsRequest* request,
                                                    v1::ListOutputsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  workers_.Post([this, request, response, reactor, country = CountryOf(*context)] {
    const auto list = [&]() -> absl::StatusOr<OutputList> {
      HT_ASSIGN_OR_RETURN(const IndexedAttempt attempt, index_.Find(request->attempt(), country));
      return link::ListOutputs(attempt.paths.output, attempt.output_patterns);
    }();
    if (list.ok()) {
      size_t bytes = 0;
      for (const OutputFile& file : list->files) {
        bytes += file.path.size() + kBytesBesidePath;
        if (bytes > kMaxListBytes) {
          response->set_truncated(true);
          break;
        }
        v1::ListOutputsResponse::File& added = *response->add_files();
        added.set_path(file.path);
        added.set_size_bytes(file.size_bytes);
        *added.mutable_modify_time() = wire::ToProto(file.modify_time);
      }
      if (list->truncated) response->set_truncated(true);
    }
    reactor->Finish(wire::ToGrpc(list.status()));
  });
  return reactor;
}

}  // namespace heliotrope::agent::link

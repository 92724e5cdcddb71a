// A checkpoint that another agent sends: a manifest of its making, then pieces of a zstd stream of
// its making, in broken streams that begin anew. Whatever comes, files are made below the store
// only, never more bytes than the manifest says, and what is accepted is what the manifest says.
#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/receiver.h"
#include "agent/checkpoint/sha256.h"
#include "agent/checkpoint/zstd_stream.h"
#include "scheduler/os/files.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

namespace checkpoint = agent::checkpoint;
namespace fs = std::filesystem;

constexpr int64_t kMaxFileBytes = 300'000;

// What a holder has, or says that it has.
struct Sent {
  checkpoint::Manifest manifest;
  std::string data;
};

std::string PathFrom(Input& input) {
  static constexpr const char* kPaths[] = {"a",     "a/b", "b",     "../x", "/tmp/x",  "a//b",
                                           "c/./d", "..",  "c/d/e", "data", "manifest"};
  const size_t choice = input.Below(std::size(kPaths) + 1);
  return choice < std::size(kPaths) ? kPaths[choice] : std::string(input.Text().substr(0, 400));
}

Sent SentFrom(Input& input) {
  Sent sent;
  sent.manifest.key = {
      .attempt = {.task = {.job = JobUid(12), .index = 7}, .attempt = AttemptNumber(3)},
      .sequence = CheckpointSeq(1)};
  sent.manifest.jurisdictions = {"DE"};
  for (size_t i = input.Below(6); i > 0; --i) {
    checkpoint::ManifestFile file{
        .path = PathFrom(input), .size_bytes = 0, .mode = input.Byte() * 2u, .sha256 = {}};
    const std::string content(
        static_cast<size_t>(std::clamp<int64_t>(input.Number() * input.Byte(), 0, kMaxFileBytes)),
        static_cast<char>('a' + i));
    file.size_bytes = static_cast<int64_t>(content.size());
    file.sha256 = checkpoint::Sha256Of(content);
    sent.data += content;
    sent.manifest.files.push_back(std::move(file));
  }
  auto& files = sent.manifest.files;
  if (input.Byte() < 230) {
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    files.erase(std::unique(files.begin(), files.end(),
                            [](const auto& a, const auto& b) { return a.path == b.path; }),
                files.end());
    sent.data.clear();
    // Of the sorted ones.
    for (const auto& file : files) sent.data.append(static_cast<size_t>(file.size_bytes), 'a');
    for (auto& file : files) {
      file.sha256 = checkpoint::Sha256Of(std::string(static_cast<size_t>(file.size_bytes), 'a'));
    }
  }
  for (const auto& file : files) sent.manifest.size_bytes += file.size_bytes;
  // Now and then it lies.
  if (!files.empty() && input.Byte() > 220) {
    files.back().size_bytes = input.Number();
    sent.manifest.size_bytes = input.Number();
  }
  return sent;
}

// All that is below the store is in it, and no more than the manifest says.
void CheckBounds(const fs::path& outer, const checkpoint::Manifest& manifest) {
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(outer)) {
    HT_CHECK_EQ(entry.path().filename().string(), std::string("store"));
  }
  for (const auto& entry : fs::recursive_directory_iterator(outer / "store")) {
    HT_CHECK(!fs::is_symlink(entry.symlink_status()));
    if (entry.path().filename() == "manifest" && entry.path().parent_path().parent_path() != "data")
      continue;
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  const int64_t most = std::max<int64_t>(manifest.size_bytes, 0);
  HT_CHECK_LE(bytes, most);
}

// One piece of what the holder sends from `offset` on, in many ways.
std::string PieceFrom(Input& input, const Sent& sent, int64_t offset) {
  checkpoint::Compressor compressor;
  std::string piece;
  const absl::string_view rest =
      absl::string_view(sent.data).substr(std::min(sent.data.size(), static_cast<size_t>(offset)));
  switch (input.Below(8)) {
    case 0:
      return std::string(input.Text());
    case 1:
      // A bomb: 64 MiB in a few kilobytes.
      for (int i = 0; i < 64; ++i) compressor.Add(std::string(1 << 20, 'a'), false, piece);
      compressor.Add("", true, piece);
      return piece;
    case 2:
      compressor.Add(input.Text(), true, piece);
      return piece;
    case 3:
      compressor.Add(rest, true, piece);
      piece.resize(std::min(piece.size(), size_t{input.Byte()}));
      return piece;
    case 4:
      compressor.Add(rest, true, piece);
      if (!piece.empty()) piece[input.Byte() % piece.size()] ^= 1;
      return piece;
    case 5:
      compressor.Add(rest.substr(0, size_t{input.Byte()} * 100), true, piece);
      return piece;
    default:
      compressor.Add(rest, true, piece);
      return piece;
  }
}

void Receive(Input& input, const fs::path& outer, const checkpoint::Store& store) {
  const Sent sent = SentFrom(input);
  const auto printed = checkpoint::Serialize(sent.manifest);
  const std::string bytes =
      printed.ok() && input.Byte() < 240 ? *printed : std::string(input.Text());
  checkpoint::Receiver receiver(
      store,
      {.key = sent.manifest.key,
       .digest = checkpoint::Sha256Of(input.Byte() < 240 ? bytes : "other"),
       .size = Bytes::FromBytes(sent.manifest.size_bytes)},
      input.Byte() < 240 ? "DE" : "CN");
  for (int stream = 0; stream < 3 && !receiver.complete(); ++stream) {
    receiver.BeginStream();
    absl::Status status = input.Byte() < 250 ? receiver.TakeManifest(bytes) : absl::OkStatus();
    for (size_t pieces = 1 + input.Below(4); pieces > 0 && status.ok(); --pieces) {
      status = receiver.TakeData(PieceFrom(input, sent, receiver.offset()));
      HT_CHECK(receiver.offset() >= 0);
      CheckBounds(outer, sent.manifest);
    }
    if (!status.ok()) CheckRefusal(status);
  }
  if (!receiver.complete()) return;
  const auto info = receiver.Commit();
  HT_CHECK(info.ok());
  const auto found = store.Find(sent.manifest.key);
  HT_CHECK(found.ok());
  for (const checkpoint::ManifestFile& file : found->files) {
    const auto content = os::ReadFile(
        absl::StrCat(store.DataPath(sent.manifest.key), "/", file.path), kMaxFileBytes);
    HT_CHECK(content.ok());
    HT_CHECK(checkpoint::Sha256Of(*content) == file.sha256);
  }
  HT_CHECK(store.Remove(sent.manifest.key).ok());
}

void Run(Input input) {
  static const Scratch scratch;
  scratch.Clear();
  const auto store = checkpoint::Store::Open(scratch.path() + "/store");
  HT_CHECK(store.ok());
  Receive(input, scratch.path(), *store);
  CheckBounds(scratch.path(), {});
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({data, size});
  return 0;
}

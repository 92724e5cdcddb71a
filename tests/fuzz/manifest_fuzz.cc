// The manifest of a checkpoint, as another agent sends it and as it lies on the disk.
#include "agent/checkpoint/manifest.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

namespace checkpoint = agent::checkpoint;

void Run(absl::string_view bytes) {
  const auto manifest = checkpoint::ParseManifest(bytes);
  if (!manifest.ok()) {
    CheckRefusal(manifest.status());
    return;
  }
  HT_CHECK(manifest->size_bytes >= 0);
  HT_CHECK_LE(manifest->size_bytes, checkpoint::kMaxCheckpointBytes.value());
  for (const checkpoint::ManifestFile& file : manifest->files) {
    HT_CHECK(checkpoint::CheckRelativePath(file.path).ok());
    HT_CHECK_EQ(file.mode & ~0777u, 0u);
  }
  const auto printed = checkpoint::Serialize(*manifest);
  HT_CHECK(printed.ok());
  const auto again = checkpoint::ParseManifest(*printed);
  HT_CHECK(again.ok());
  HT_CHECK(*again == *manifest);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

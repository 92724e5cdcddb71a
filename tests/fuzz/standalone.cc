// Runs a target without libFuzzer, for compilers that have none and for ctest: every input of its
// corpus as it is, then so many mutations of them, always the same for the same corpus.
//
// Usage: TARGET CORPUS [RUNS]
//
// The target runs in a child, so that whatever ends it (an abort, a sanitizer, a loop that does not
// end, too much memory) leaves its input behind, in TARGET.crash of the working directory.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/numbers.h"
#include "scheduler/base/random.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxInputBytes = size_t{64} << 10;
constexpr uint64_t kDefaultRuns = 1000;
// Of one input, which takes milliseconds. Counted in time of the CPU: a busy machine fails no test.
constexpr itimerval kTimePerInput{.it_interval = {}, .it_value = {.tv_sec = 30, .tv_usec = 0}};
[[maybe_unused]] constexpr rlim_t kAddressSpaceBytes = rlim_t{4} << 30;

std::vector<std::string> ReadCorpus(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

// Makes inputs of inputs, as libFuzzer does in the main: bits, bytes, numbers, repeats, splices.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  // The same number always gives the same input.
  std::string Make(uint64_t number) {
    if (number < corpus_.size()) return corpus_[number];
    random_ = Random(number);
    std::string input = Pick();
    for (uint64_t i = 1 + random_.Uniform(6); i > 0; --i) Change(input);
    input.resize(std::min(input.size(), kMaxInputBytes));
    return input;
  }

 private:
  const std::string& Pick() { return corpus_[random_.Uniform(corpus_.size())]; }
  size_t Place(const std::string& input) { return random_.Uniform(input.size() + 1); }

  // Some bytes of another input, so that words of the format meet in other orders.
  std::string Piece() {
    const std::string& other = Pick();
    const size_t begin = Place(other);
    return other.substr(begin, 1 + random_.Uniform(random_.Chance(0.5) ? 16 : 512));
  }

  std::string Bytes() {
    static constexpr std::array<absl::string_view, 6> kWords = {
        absl::string_view("\0\0\0\0\0\0\0\0", 8),
        "\xff\xff\xff\xff\xff\xff\xff\x7f",
        "-1",
        "9223372036854775807",
        "nan",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
    if (random_.Chance(0.3)) return std::string(kWords[random_.Uniform(kWords.size())]);
    std::string bytes;
    for (uint64_t i = 1 + random_.Uniform(4); i > 0; --i) {
      bytes.push_back(static_cast<char>(random_.Next()));
    }
    return bytes;
  }

  void Change(std::string& input) {
    const size_t at = Place(input);
    switch (random_.Uniform(8)) {
      case 0:
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ 1 << random_.Uniform(8));
        break;
      case 2:
        if (at < input.size()) input[at] = static_cast<char>(random_.Next());
        break;
      case 3:
        input.insert(at, Bytes());
        break;
      case 4: {
        const std::string bytes = Bytes();
        input.replace(at, bytes.size(), bytes);
        break;
      }
      case 5:
        input.erase(at, 1 + random_.Uniform(random_.Chance(0.5) ? 4 : 256));
        break;
      case 6: {
        const std::string piece = input.substr(at, 1 + random_.Uniform(64));
        for (uint64_t i = 1 + random_.Uniform(8); i > 0; --i) input.insert(at, piece);
        break;
      }
      default:
        input.insert(at, Piece());
    }
  }

  const std::vector<std::string>& corpus_;
  Random random_{0};
};

void BoundMemory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
  const rlimit limit{kAddressSpaceBytes, kAddressSpaceBytes};
  setrlimit(RLIMIT_AS, &limit);
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  const rlimit limit{kAddressSpaceBytes, kAddressSpaceBytes};
  setrlimit(RLIMIT_AS, &limit);
#endif
#endif
}

// All of it, in the child. `current` tells the parent which input it is at.
void RunAll(Mutator& mutator, uint64_t count, volatile uint64_t* current) {
  BoundMemory();
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  LLVMFuzzerInitialize(nullptr, nullptr);
  for (uint64_t number = 0; number < count; ++number) {
    *current = number;
    const std::string input = mutator.Make(number);
    setitimer(ITIMER_PROF, &kTimePerInput, nullptr);
    // A copy of its own size, so that a read beyond the end is one beyond an allocation.
    const std::vector<uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}

int Run(const char* program, const char* folder, uint64_t runs) {
  const std::vector<std::string> corpus = ReadCorpus(folder);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no inputs in %s\n", program, folder);
    return EXIT_FAILURE;
  }
  Mutator mutator(corpus);
  void* shared =
      mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  HT_CHECK(shared != MAP_FAILED);
  auto* current = static_cast<volatile uint64_t*>(shared);
  // What the child leaves in its scratch folder, however it ends.
  std::string scratch = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  scratch += "/heliotrope-fuzz.XXXXXX";
  HT_CHECK(mkdtemp(scratch.data()) != nullptr);
  setenv("TMPDIR", scratch.c_str(), 1);
  const pid_t child = fork();
  HT_CHECK(child >= 0);
  if (child == 0) {
    RunAll(mutator, corpus.size() + runs, current);
    std::exit(EXIT_SUCCESS);
  }
  int status = 0;
  HT_CHECK_EQ(waitpid(child, &status, 0), child);
  std::error_code error;
  fs::remove_all(scratch, error);
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
    std::printf("%zu inputs and %llu mutations\n", corpus.size(),
                static_cast<unsigned long long>(runs));
    return EXIT_SUCCESS;
  }
  const std::string input = mutator.Make(*current);
  const std::string crash = fs::path(program).filename().string() + ".crash";
  std::ofstream(crash, std::ios::binary) << input;
  std::fprintf(stderr, "%s: input %llu, %zu bytes, ended it with %s %d; it is in %s\n", program,
               static_cast<unsigned long long>(*current), input.size(),
               WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), crash.c_str());
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace heliotrope::fuzz

int main(int argc, char** argv) {
  uint64_t runs = heliotrope::fuzz::kDefaultRuns;
  if (argc < 2 || argc > 3 || (argc == 3 && !absl::SimpleAtoi(argv[2], &runs))) {
    std::fprintf(stderr, "usage: %s CORPUS [RUNS]\n", argv[0]);
    return 2;
  }
  return heliotrope::fuzz::Run(argv[0], argv[1], runs);
}

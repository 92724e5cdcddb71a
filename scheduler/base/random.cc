#include "scheduler/base/random.h"

#include "absl/numeric/bits.h"
#include "scheduler/base/check.h"

namespace heliotrope {
namespace {

uint64_t SplitMix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) : state_{} {
  for (uint64_t& word : state_) word = SplitMix64(seed);
}

uint64_t Random::Next() {
  auto& [s0, s1, s2, s3] = state_;
  const uint64_t result = absl::rotl(s1 * 5, 7) * 9;
  const uint64_t shifted = s1 << 17;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= shifted;
  s3 = absl::rotl(s3, 45);
  return result;
}

uint64_t Random::Uniform(uint64_t n) {
  HT_CHECK_GT(n, uint64_t{0});
  // Values below 2^64 mod n would make the low results likelier: draw again.
  const uint64_t threshold = (0 - n) % n;
  uint64_t value = Next();
  while (value < threshold) value = Next();
  return value % n;
}

double Random::Double() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::string Random::Base32(size_t length) {
  constexpr char kDigits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  text.reserve(length);
  for (size_t i = 0; i < length; ++i) text.push_back(kDigits[Next() >> 59]);
  return text;
}

}  // namespace heliotrope

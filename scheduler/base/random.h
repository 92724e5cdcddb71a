// A small random generator of a fixed algorithm, so that a seed gives the same sequence on every
// machine and in every release: xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64
// (Steele, Lea and Flood, 2014). Not for secrets. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace heliotrope {

class Random {
 public:
  explicit Random(uint64_t seed);

  // Any 64 bits.
  uint64_t Next();
  // 0 <= result < n, each as likely. REQUIRES: n > 0.
  uint64_t Uniform(uint64_t n);
  // 0 <= result < 1.
  double Double();
  // True with the given probability; 0 is never and 1 always.
  bool Chance(double probability) { return Double() < probability; }
  // `length` characters of a-z and 2-7, 5 bits of chance each: "job-" + Base32(8) is a job id.
  std::string Base32(size_t length);
  // An independent generator, for a part that must not disturb this sequence.
  Random Fork() { return Random(Next()); }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace heliotrope

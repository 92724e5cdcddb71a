// Runs transcripts against the core. A transcript is blocks separated by blank lines: comment lines
// begin with #, commands stand above `----`, and what they did stands below. README.md in
// tests/scenarios lists the commands.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

// Plays the shell: stamps commands, ends each with a Tick, plans when a plan is wanted.
class Scenario {
 public:
  Scenario();

  // Runs one command line and returns what it did: the reply and the effects, a line each.
  std::string Run(absl::string_view line);

 private:
  using Words = std::vector<std::string>;
  using Options = std::map<std::string, std::string>;

  std::string Fleet(const Words& words);
  std::string Node(const Words& words, const Options& options);
  std::string Submit(const Words& words, const Options& options);
  std::string Report(const Words& words, const Options& options);
  std::string Heartbeat(const Words& words);
  std::string Advance(const Words& words);
  std::string Apply(const Command& command);
  void ApplyInto(const Command& command, std::string& out);
  uint64_t SessionOf(const std::string& node) const;

  absl::Time now_;
  std::unique_ptr<Machine> machine_;
  std::map<std::string, uint64_t> sessions_;
  uint64_t next_session_ = 1;
};

}  // namespace heliotrope::core

// Writes what launch_format.h describes. For the agent and for tests; the shim itself only parses.
#pragma once

#include <cstdint>
#include <string>

#include "agent/shim/launch_format.h"

namespace heliotrope::agent::shim {

class LaunchWriter {
 public:
  LaunchWriter() : text_(kLaunchMagic) {}

  // Values must not hold NUL; ParseLaunch refuses them.
  LaunchWriter& Text(const char* name, const std::string& value) {
    text_.append(name).append(" ").append(std::to_string(value.size())).append(":");
    text_.append(value).append("\n");
    return *this;
  }
  LaunchWriter& Number(const char* name, int64_t value) {
    return Text(name, std::to_string(value));
  }

  // The whole file.
  std::string Finish() const { return text_ + "end 0:\n"; }

 private:
  std::string text_;
};

}  // namespace heliotrope::agent::shim

// Whole small files, replaced at once.
#pragma once

#include <cstddef>

namespace heliotrope::agent::shim {

enum class Durability {
  kNone,  // Atomic towards other processes only.
  kSync,  // On disk, with its name, when the call returns.
};

struct FileContent {
  const char* data;
  size_t size;
  Durability durability;
};

// Makes `name` hold exactly `content`: a reader sees the old file, or the new one, or none if there
// was none. False with errno set, and the old file in place.
bool ReplaceFile(int dir_fd, const char* name, const FileContent& content);

}  // namespace heliotrope::agent::shim

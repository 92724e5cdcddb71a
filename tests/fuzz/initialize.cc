// Before the first input: protobuf is not to say on stderr what is wrong with each.
#include <google/protobuf/stubs/logging.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

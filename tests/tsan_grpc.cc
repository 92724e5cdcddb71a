// Only in builds with ThreadSanitizer. Debian's gRPC and Abseil are built without it, so what their
// locks put in order looks unordered: a request that was handed to gRPC by one thread and comes out
// of it in another. These functions stand in front of the libraries' own of the same names, through
// which everything enters (batches of operations, alarms) and comes out (completions, callbacks,
// received bytes), and tell the sanitizer that what came out happened after all that went in before.
// What happens inside the libraries is left out by `ignore_noninstrumented_modules=1` in the preset.
//
// That is coarser than the truth: a race between two threads that both talk to gRPC in between may
// be missed. Everything else of ours is watched as closely as ever.
#include <dlfcn.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpcpp/support/server_callback.h>
#include <sanitizer/tsan_interface.h>

#include <functional>
#include <utility>

namespace {

char gate;

void In() { __tsan_release(&gate); }
void Out() { __tsan_acquire(&gate); }

// gRPC's own function of this name, which ours hides.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count, void* tag,
                                      void* reserved) {
  static const auto real = Real<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
  In();
  return real(call, ops, count, tag, reserved);
}

void grpc_call_unref(grpc_call* call) {
  static const auto real = Real<decltype(grpc_call_unref)>("grpc_call_unref");
  Out();
  In();
  real(call);
}

void* grpc_call_arena_alloc(grpc_call* call, size_t size) {
  static const auto real = Real<decltype(grpc_call_arena_alloc)>("grpc_call_arena_alloc");
  Out();
  return real(call, size);
}

int grpc_byte_buffer_reader_init(grpc_byte_buffer_reader* reader, grpc_byte_buffer* buffer) {
  static const auto real =
      Real<decltype(grpc_byte_buffer_reader_init)>("grpc_byte_buffer_reader_init");
  Out();
  return real(reader, buffer);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static const auto real = Real<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
  In();
  const grpc_event event = real(queue, deadline, reserved);
  Out();
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  static const auto real =
      Real<decltype(grpc_completion_queue_pluck)>("grpc_completion_queue_pluck");
  const grpc_event event = real(queue, tag, deadline, reserved);
  Out();
  return event;
}

// absl::Mutex::Lock() and Unlock(), which gRPC's headers use within our programs.
void _ZN4absl7debian35Mutex4LockEv(void* mutex) {
  static const auto real = Real<void(void*)>("_ZN4absl7debian35Mutex4LockEv");
  real(mutex);
  __tsan_acquire(mutex);
}

void _ZN4absl7debian35Mutex6UnlockEv(void* mutex) {
  static const auto real = Real<void(void*)>("_ZN4absl7debian35Mutex6UnlockEv");
  __tsan_release(mutex);
  real(mutex);
}

// grpc::Alarm::SetInternal(gpr_timespec deadline, std::function<void(bool)> callback)
void _ZN4grpc5Alarm11SetInternalE12gpr_timespecSt8functionIFvbEE(
    void* alarm, gpr_timespec deadline, std::function<void(bool)> callback) {
  static const auto real = Real<void(void*, gpr_timespec, std::function<void(bool)>)>(
      "_ZN4grpc5Alarm11SetInternalE12gpr_timespecSt8functionIFvbEE");
  // Always called once, also when the alarm is cancelled.
  auto* held = new std::function<void(bool)>(std::move(callback));
  In();
  real(alarm, deadline, [held](bool ok) {
    Out();
    (*held)(ok);
    delete held;
  });
}

}  // extern "C"

namespace grpc::internal {

// gRPC runs these two in a thread of their own, to which nothing of the above leads. Here they run
// where they become due.
void ServerCallbackCall::ScheduleOnDone(bool /*inlined*/) {
  Out();
  CallOnDone();
}

void ServerCallbackCall::CallOnCancel(ServerReactor* reactor) {
  Out();
  reactor->OnCancel();
}

}  // namespace grpc::internal

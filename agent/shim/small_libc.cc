// The few functions of the C library that the shim uses, over plain system calls. The system's own
// library, linked statically, spends more on its start (it asks the processor for its features,
// each question an exit to the hypervisor on a virtual machine) than all that the shim then does,
// and each attempt has a shim. See README.md for the figures.
//
// Only here: what a sanitizer or another processor needs is the real library, and the shim's
// sources know no difference. Behaviour is that of the standard wherever the shim can tell. This
// file includes no header of the library that it replaces, so structs pass through it as void*.
#include <asm/errno.h>
#include <asm/unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

namespace {

int last_error = 0;

#if defined(__x86_64__)

long RawCall(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// The kernel leaves argc and argv on the stack, which is aligned as a call wants it.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov (%rsp), %rdi\n"
    "  lea 8(%rsp), %rsi\n"
    "  and $-16, %rsp\n"
    "  call main\n"
    "  mov %eax, %edi\n"
    "  call _exit\n");

#elif defined(__aarch64__)

long RawCall(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  ldr x0, [sp]\n"
    "  add x1, sp, #8\n"
    "  bl main\n"
    "  bl _exit\n");

#else
#error "no system calls for this processor here: link the C library instead"
#endif

long AsLong(long value) { return value; }
long AsLong(const void* pointer) { return reinterpret_cast<long>(pointer); }

// Any system call: -1 and errno on failure.
template <class... Arguments>
long Call(long number, Arguments... arguments) {
  long values[6] = {AsLong(arguments)...};
  const long result =
      RawCall(number, values[0], values[1], values[2], values[3], values[4], values[5]);
  if (result >= 0 || result < -4095) return result;
  last_error = static_cast<int>(-result);
  return -1;
}

template <class... Arguments>
int IntCall(long number, Arguments... arguments) {
  return static_cast<int>(Call(number, arguments...));
}

// Bytes of a signal set for the kernel; the library's own type has more.
constexpr long kSignalSetBytes = 8;
constexpr int kCurrentDirectory = -100;  // AT_FDCWD

// As much of the result as there is room for, and how long it would be.
struct Output {
  char* buffer;
  size_t room;
  size_t length;

  void Put(char c) {
    if (length + 1 < room) buffer[length] = c;
    ++length;
  }
};

void PutNumber(Output* out, uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) out->Put(digits[--count]);
}

void PutText(Output* out, const char* text, int most) {
  for (int i = 0; text[i] != '\0' && (most < 0 || i < most); ++i) out->Put(text[i]);
}

void PutSigned(Output* out, int64_t value) {
  if (value < 0) out->Put('-');
  PutNumber(out, value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

uint64_t ParseDigits(const char** at, uint64_t most) {
  uint64_t value = 0;
  for (; **at >= '0' && **at <= '9'; ++*at) {
    const uint64_t digit = static_cast<uint64_t>(**at - '0');
    value = value > (most - digit) / 10 ? most : value * 10 + digit;
  }
  return value;
}

struct ErrorText {
  int number;
  const char* text;
};

// What starting a process and writing its files can meet; in the words of the real library.
constexpr ErrorText kErrorTexts[] = {
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file or directory"},
    {ESRCH, "No such process"},
    {EINTR, "Interrupted system call"},
    {EIO, "Input/output error"},
    {ENXIO, "No such device or address"},
    {E2BIG, "Argument list too long"},
    {ENOEXEC, "Exec format error"},
    {EBADF, "Bad file descriptor"},
    {ECHILD, "No child processes"},
    {EAGAIN, "Resource temporarily unavailable"},
    {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"},
    {EFAULT, "Bad address"},
    {EBUSY, "Device or resource busy"},
    {EEXIST, "File exists"},
    {ENODEV, "No such device"},
    {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"},
    {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"},
    {EMFILE, "Too many open files"},
    {ETXTBSY, "Text file busy"},
    {EFBIG, "File too large"},
    {ENOSPC, "No space left on device"},
    {EROFS, "Read-only file system"},
    {ENAMETOOLONG, "File name too long"},
    {ENOSYS, "Function not implemented"},
    {ELOOP, "Too many levels of symbolic links"},
    {ELIBBAD, "Accessing a corrupted shared library"},
    {EOPNOTSUPP, "Operation not supported"},
    {ESTALE, "Stale file handle"},
    {EDQUOT, "Disk quota exceeded"},
};

}  // namespace

extern "C" {

// --- Errors and the end ---

int* __errno_location() { return &last_error; }

char* strerror(int number) {
  static char unknown[32];
  for (const ErrorText& entry : kErrorTexts) {
    if (entry.number == number) return const_cast<char*>(entry.text);
  }
  Output out{unknown, sizeof(unknown), 0};
  PutText(&out, "Error ", -1);
  PutSigned(&out, number);
  unknown[out.length] = '\0';
  return unknown;
}

void _exit(int status) {
  while (true) Call(__NR_exit_group, status);
}

// --- Memory and text. The compiler calls the first four by itself. ---

void* memcpy(void* to, const void* from, size_t size) {
  char* out = static_cast<char*>(to);
  const char* in = static_cast<const char*>(from);
  for (size_t i = 0; i < size; ++i) out[i] = in[i];
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  char* out = static_cast<char*>(to);
  const char* in = static_cast<const char*>(from);
  if (out <= in) return memcpy(to, from, size);
  while (size-- > 0) out[size] = in[size];
  return to;
}

void* memset(void* to, int value, size_t size) {
  char* out = static_cast<char*>(to);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(value);
  return to;
}

int memcmp(const void* a, const void* b, size_t size) {
  const unsigned char* left = static_cast<const unsigned char*>(a);
  const unsigned char* right = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (left[i] != right[i]) return left[i] - right[i];
  }
  return 0;
}

void* memchr(const void* in, int value, size_t size) {
  const char* at = static_cast<const char*>(in);
  for (size_t i = 0; i < size; ++i) {
    if (at[i] == static_cast<char>(value)) return const_cast<char*>(at + i);
  }
  return nullptr;
}

size_t strlen(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

int strncmp(const char* a, const char* b, size_t most) {
  for (size_t i = 0; i < most; ++i) {
    const int left = static_cast<unsigned char>(a[i]);
    const int right = static_cast<unsigned char>(b[i]);
    if (left != right || left == 0) return left - right;
  }
  return 0;
}

int strcmp(const char* a, const char* b) { return strncmp(a, b, SIZE_MAX); }

char* strcpy(char* to, const char* from) {
  memcpy(to, from, strlen(from) + 1);
  return to;
}

char* strchrnul(const char* text, int value) {
  while (*text != '\0' && *text != static_cast<char>(value)) ++text;
  return const_cast<char*>(text);
}

char* strchr(const char* text, int value) {
  char* at = strchrnul(text, value);
  return *at == static_cast<char>(value) ? at : nullptr;
}

char* strrchr(const char* text, int value) {
  char* last = nullptr;
  for (char* at = strchr(text, value); at != nullptr; at = strchr(at + 1, value)) {
    last = at;
    if (*at == '\0') break;
  }
  return last;
}

char* strtok_r(char* text, const char* separators, char** rest) {
  char* at = text != nullptr ? text : *rest;
  while (*at != '\0' && strchr(separators, *at) != nullptr) ++at;
  if (*at == '\0') {
    *rest = at;
    return nullptr;
  }
  char* word = at;
  while (*at != '\0' && strchr(separators, *at) == nullptr) ++at;
  if (*at != '\0') *at++ = '\0';
  *rest = at;
  return word;
}

// Base 10 only, which is all that is asked for.
long long strtoll(const char* text, char** end, int) {
  const char* at = text;
  while (*at == ' ' || *at == '\n' || *at == '\t') ++at;
  const bool negative = *at == '-';
  if (*at == '-' || *at == '+') ++at;
  const char* digits = at;
  const uint64_t value = ParseDigits(&at, INT64_MAX);
  if (end != nullptr) *end = const_cast<char*>(at == digits ? text : at);
  return negative ? -static_cast<long long>(value) : static_cast<long long>(value);
}

long strtol(const char* text, char** end, int base) {
  return static_cast<long>(strtoll(text, end, base));
}

unsigned long long strtoull(const char* text, char** end, int) {
  const char* at = text;
  const uint64_t value = ParseDigits(&at, UINT64_MAX);
  if (end != nullptr) *end = const_cast<char*>(at);
  return value;
}

// %d %u %s %%, with l before the number and .N or .* before s.
int snprintf(char* buffer, size_t room, const char* format, ...) {
  Output out{buffer, room, 0};
  va_list arguments;
  va_start(arguments, format);
  for (const char* at = format; *at != '\0'; ++at) {
    if (*at != '%') {
      out.Put(*at);
      continue;
    }
    ++at;
    int most = -1;
    if (*at == '.') {
      ++at;
      if (*at == '*') {
        most = va_arg(arguments, int);
        ++at;
      } else {
        most = static_cast<int>(ParseDigits(&at, INT32_MAX));
      }
    }
    const bool is_long = *at == 'l';
    while (*at == 'l') ++at;
    if (*at == 's') {
      PutText(&out, va_arg(arguments, const char*), most);
    } else if (*at == 'd') {
      PutSigned(&out, is_long ? va_arg(arguments, long) : va_arg(arguments, int));
    } else if (*at == 'u') {
      PutNumber(&out, is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned int));
    } else {
      out.Put(*at);
    }
  }
  va_end(arguments);
  if (room > 0) buffer[out.length < room ? out.length : room - 1] = '\0';
  return static_cast<int>(out.length);
}

// --- Files ---

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = va_arg(arguments, unsigned);  // Not looked at unless a file is made.
  va_end(arguments);
  return IntCall(__NR_openat, directory, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = va_arg(arguments, unsigned);
  va_end(arguments);
  return openat(kCurrentDirectory, path, flags, mode);
}

int close(int fd) { return IntCall(__NR_close, fd); }
long read(int fd, void* to, size_t size) {
  return Call(__NR_read, fd, to, static_cast<long>(size));
}
long write(int fd, const void* from, size_t size) {
  return Call(__NR_write, fd, from, static_cast<long>(size));
}
int fsync(int fd) { return IntCall(__NR_fsync, fd); }
int fstat(int fd, void* stat) { return IntCall(__NR_fstat, fd, stat); }
int fstatat(int directory, const char* path, void* stat, int flags) {
  return IntCall(__NR_newfstatat, directory, path, stat, flags);
}
int unlinkat(int directory, const char* path, int flags) {
  return IntCall(__NR_unlinkat, directory, path, flags);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) {
  return IntCall(__NR_renameat, from_directory, from, to_directory, to);
}
int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  return IntCall(__NR_fcntl, fd, command, argument);
}
int dup2(int from, int to) { return IntCall(__NR_dup3, from, to, 0); }
int pipe2(int* ends, int flags) { return IntCall(__NR_pipe2, ends, flags); }
int chdir(const char* path) { return IntCall(__NR_chdir, path); }
unsigned umask(unsigned mask) { return static_cast<unsigned>(Call(__NR_umask, mask)); }
// REQUIRES: timeout < 0, that is to wait for as long as it takes.
int poll(void* fds, unsigned long count, int) {
  return IntCall(__NR_ppoll, fds, static_cast<long>(count), nullptr, nullptr, 0);
}
void* mmap(void* at, size_t size, int protection, int flags, int fd, long offset) {
  return reinterpret_cast<void*>(
      Call(__NR_mmap, at, static_cast<long>(size), protection, flags, fd, offset));
}
int munmap(void* at, size_t size) { return IntCall(__NR_munmap, at, static_cast<long>(size)); }

// --- Time and signals ---

int clock_gettime(int clock, void* time) { return IntCall(__NR_clock_gettime, clock, time); }
unsigned sleep(unsigned seconds) {
  const long time[2] = {static_cast<long>(seconds), 0};
  Call(__NR_nanosleep, time, nullptr);
  return 0;
}
int timerfd_create(int clock, int flags) { return IntCall(__NR_timerfd_create, clock, flags); }
int timerfd_settime(int fd, int flags, const void* value, void* old) {
  return IntCall(__NR_timerfd_settime, fd, flags, value, old);
}
int sigemptyset(void* set) {
  *static_cast<uint64_t*>(set) = 0;
  return 0;
}
int sigfillset(void* set) {
  *static_cast<uint64_t*>(set) = ~uint64_t{0};
  return 0;
}
int sigprocmask(int how, const void* set, void* old) {
  return IntCall(__NR_rt_sigprocmask, how, set, old, kSignalSetBytes);
}
int signalfd(int fd, const void* set, int flags) {
  return IntCall(__NR_signalfd4, fd, set, kSignalSetBytes, flags);
}
// Only to the defaults: all zero is that for the kernel, whatever the layout of its struct.
int sigaction(int signal, const void*, void*) {
  const uint64_t standard[4] = {};
  return IntCall(__NR_rt_sigaction, signal, standard, nullptr, kSignalSetBytes);
}
int kill(int pid, int signal) { return IntCall(__NR_kill, pid, signal); }
// The first that the real library leaves to programs; agent and shim must agree.
int __libc_current_sigrtmin() { return 34; }

// --- Processes ---

int fork() {
  constexpr long kSignalAtEnd = 17;  // SIGCHLD
  return IntCall(__NR_clone, kSignalAtEnd, nullptr, nullptr, nullptr, 0);
}
int execve(const char* path, char* const* arguments, char* const* environment) {
  return IntCall(__NR_execve, path, arguments, environment);
}
int waitpid(int pid, int* status, int options) {
  return IntCall(__NR_wait4, pid, status, options, nullptr);
}
int getrusage(int who, void* usage) { return IntCall(__NR_getrusage, who, usage); }
int getpid() { return IntCall(__NR_getpid); }
int getppid() { return IntCall(__NR_getppid); }
unsigned getuid() { return static_cast<unsigned>(Call(__NR_getuid)); }
int setsid() { return IntCall(__NR_setsid); }
int setpgid(int pid, int group) { return IntCall(__NR_setpgid, pid, group); }
int setgroups(size_t count, const unsigned* groups) {
  return IntCall(__NR_setgroups, static_cast<long>(count), groups);
}
int setresgid(unsigned real, unsigned effective, unsigned saved) {
  return IntCall(__NR_setresgid, real, effective, saved);
}
int setresuid(unsigned real, unsigned effective, unsigned saved) {
  return IntCall(__NR_setresuid, real, effective, saved);
}
int setpriority(int which, unsigned who, int value) {
  return IntCall(__NR_setpriority, which, who, value);
}
int sched_setscheduler(int pid, int policy, const void* parameters) {
  return IntCall(__NR_sched_setscheduler, pid, policy, parameters);
}
int prctl(int option, ...) {
  va_list arguments;
  va_start(arguments, option);
  const long a = va_arg(arguments, long);
  const long b = va_arg(arguments, long);
  const long c = va_arg(arguments, long);
  const long d = va_arg(arguments, long);
  va_end(arguments);
  return IntCall(__NR_prctl, option, a, b, c, d);
}
long syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  const long a = va_arg(arguments, long);
  const long b = va_arg(arguments, long);
  const long c = va_arg(arguments, long);
  const long d = va_arg(arguments, long);
  const long e = va_arg(arguments, long);
  const long f = va_arg(arguments, long);
  va_end(arguments);
  return Call(number, a, b, c, d, e, f);
}

}  // extern "C"

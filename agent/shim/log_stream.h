// One output stream of the job: from a pipe into a log file of bounded size, with rotation.
#pragma once

#include <cstdint>

namespace heliotrope::agent::shim {

// `NAME` holds the newest bytes; when it is full it becomes `NAME.1`, that `NAME.2` and so on, and
// the oldest goes. Files are cut exactly at their bound, so that they joined are the stream's tail.
// `NAME.base` is then the stream's offset at which `NAME` begins. What is there already is
// continued. What cannot be written (disk full) is counted and dropped: the job is never blocked.
class LogStream {
 public:
  struct Options {
    int dir_fd;
    const char* name;
    int64_t file_bytes;
    int64_t rotated_files;
  };

  LogStream() = default;
  LogStream(const LogStream&) = delete;
  LogStream& operator=(const LogStream&) = delete;

  // Takes `pipe_fd`, the non-blocking reading end. Files are made when the first byte comes.
  void Start(const Options& options, int pipe_fd);

  // The pipe, or -1 once every writer has closed it.
  int fd() const { return pipe_fd_; }

  // Moves what is there, but no more than about a MiB, so that other events get their turn.
  void Pump();

  // Moves what is there until the pipe is empty. Only when all writers are dead does it surely end.
  void Drain();

  int64_t lost_bytes() const { return lost_bytes_; }

 private:
  // One read. False when there was nothing.
  bool PumpOnce();
  void Write(const char* data, int64_t size);
  bool OpenFile();
  bool Rotate();

  Options options_{};
  int pipe_fd_ = -1;
  int file_fd_ = -1;
  int64_t file_size_ = 0;
  int64_t base_ = 0;
  int64_t lost_bytes_ = 0;
};

}  // namespace heliotrope::agent::shim

#pragma once
// What the load generators share: blocking sockets with a buffered reader, options from the command line, and results
// as one line of JSON. Each generator uses little CPU of its own, because it shares the machine with what it measures.

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace load {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(const std::string& host, int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view data);
  /// A line without its CRLF; valid until the next read.
  std::string_view line();
  /// Reads and drops exactly `count` bytes.
  void skip(std::uint64_t count);
  int fd() const { return fd_; }

 private:
  void fill();
  int fd_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
};

/// --name value pairs.
class Options {
 public:
  Options(int argc, char** argv, int first);
  std::string text(const std::string& name, const std::string& fallback) const;
  std::int64_t number(const std::string& name, std::int64_t fallback) const;

 private:
  std::map<std::string, std::string> values_;
};

/// A message of exactly `size` bytes (CRLF line ends, no leading dots): headers, then text, or base64 of random bytes
/// for sizes from 64 KiB on, as large mail is.
std::string make_message(std::size_t size, std::uint64_t seed);

double seconds_since(Clock::time_point start);

int smtp(const Options& options);
int imap(const Options& options);
int idle(const Options& options);
int slow(const Options& options);
int login(const Options& options);
int mixed(const Options& options);
int exists(const Options& options);
int group_commit(const Options& options);

}  // namespace load

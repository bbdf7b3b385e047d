#include "base/log_output.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "base/text.h"

namespace base {
namespace {

/// Severities of RFC 5424 §6.2.1, by Level.
constexpr int kSeverities[] = {7, 6, 4, 3};
constexpr int kMail = 2;  // the facility
constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int severity(Level level) { return kSeverities[static_cast<int>(level)]; }

void append_json(std::string& out, std::string_view text) {
  out += '"';
  const bool utf8 = valid_utf8(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      out += "\\u00";
      out += hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_text(std::string& out, std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  const bool plain = !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos;
  const bool clean = valid_utf8(text) && std::ranges::none_of(text, control);
  if (plain && clean) {
    out += text;
    return;
  }
  out += '"';
  const std::string safe = clean ? std::string(text) : printable(text, text.size());
  for (const char c : safe) {
    if (c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

class Stream final : public LogOutput {
 public:
  Stream(int fd, bool json) : fd_(fd), json_(json) {
    struct stat info{};
    socket_ = ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
  }

  std::string form(const LogLine& line) const override { return (json_ ? log_json(line) : log_text(line)) + '\n'; }

  // The descriptor is shared with whoever started us, so it is not made non-blocking: a pipe that is ready takes
  // PIPE_BUF bytes without waiting.
  bool write(const std::string& formed) override {
    const std::string mended = torn_ ? "\n" + formed : std::string();
    std::string_view rest = torn_ ? mended : formed;
    bool begun = false;
    while (!rest.empty()) {
      const ssize_t taken = put(rest.substr(0, PIPE_BUF));
      if (taken <= 0) {
        torn_ = torn_ || begun;
        return false;
      }
      begun = true;
      rest.remove_prefix(static_cast<std::size_t>(taken));
    }
    torn_ = false;
    return true;
  }

 private:
  ssize_t put(std::string_view piece) const {
    ssize_t taken = 0;
    do {
      if (socket_) {
        taken = ::send(fd_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        continue;
      }
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, 0) <= 0) return 0;
      taken = ::write(fd_, piece.data(), piece.size());
    } while (taken < 0 && errno == EINTR);
    return taken;
  }

  int fd_;
  bool json_;
  bool socket_ = false;
  bool torn_ = false;  // the last line was taken in part
};

/// A Unix datagram socket that is looked up for each line: its other end may be restarted.
class Datagrams {
 public:
  explicit Datagrams(std::string path) : path_(std::move(path)) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  ~Datagrams() {
    if (fd_ >= 0) ::close(fd_);
  }
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  bool send(const std::string& datagram) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (fd_ < 0 || path_.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    ssize_t sent = 0;
    do {
      sent = ::sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                      sizeof address);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
  }

 private:
  std::string path_;
  int fd_ = -1;
};

/// NAME=value, or for a value with line ends NAME, a line end, its length and itself.
void append_journal(std::string& out, std::string_view field, std::string_view value) {
  out += field;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    for (std::uint64_t size = value.size(), i = 0; i < 8; ++i, size >>= 8) out += static_cast<char>(size & 0xFF);
  }
  out += value;
  out += '\n';
}

class Journal final : public LogOutput {
 public:
  explicit Journal(std::string path) : socket_(std::move(path)) {}

  std::string form(const LogLine& line) const override {
    std::string out;
    append_journal(out, "PRIORITY", std::to_string(severity(line.level)));
    append_journal(out, "MESSAGE", log_message(line));
    append_journal(out, "SYSLOG_FACILITY", std::to_string(kMail));
    append_journal(out, "SYSLOG_IDENTIFIER", "postrider");
    append_journal(out, "POSTRIDER_EVENT", line.event);
    for (const auto& [key, value] : line.fields) append_journal(out, "POSTRIDER_" + upper(key), value);
    return out;
  }
  bool write(const std::string& formed) override { return socket_.send(formed); }

 private:
  Datagrams socket_;
};

class Syslog final : public LogOutput {
 public:
  explicit Syslog(std::string path) : socket_(std::move(path)) {}

  // RFC 3164 §4.1; without the host name, which a local syslog knows itself.
  std::string form(const LogLine& line) const override {
    const std::time_t seconds = unix_seconds(line.time);
    std::tm tm{};
    ::localtime_r(&seconds, &tm);
    return fmt::format("<{}>{} {:2} {:02}:{:02}:{:02} postrider[{}]: {}", kMail * 8 + severity(line.level),
                       kMonths[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ::getpid(), log_message(line));
  }
  bool write(const std::string& formed) override { return socket_.send(formed); }

 private:
  Datagrams socket_;
};

}  // namespace

const char* name(Level level) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<int>(level)];
}

std::string log_message(const LogLine& line) {
  std::string out(line.event);
  for (const auto& [key, value] : line.fields) {
    out += ' ';
    out += key;
    out += '=';
    append_text(out, value);
  }
  return out;
}

std::string log_text(const LogLine& line) {
  return rfc3339(line.time) + ' ' + name(line.level) + ' ' + log_message(line);
}

std::string log_json(const LogLine& line) {
  std::string out = R"({"time":")" + rfc3339(line.time) + R"(","level":")" + name(line.level) + R"(","event":)";
  append_json(out, line.event);
  for (const auto& [key, value] : line.fields) {
    out += ',';
    append_json(out, key);
    out += ':';
    append_json(out, value);
  }
  return out + '}';
}

std::unique_ptr<LogOutput> stream_output(int fd, bool json) { return std::make_unique<Stream>(fd, json); }
std::unique_ptr<LogOutput> journal_output(std::string path) { return std::make_unique<Journal>(std::move(path)); }
std::unique_ptr<LogOutput> syslog_output(std::string path) { return std::make_unique<Syslog>(std::move(path)); }

bool stderr_is_the_journal() {
  const char* named = std::getenv("JOURNAL_STREAM");
  struct stat info{};
  if (!named || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return named == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

}  // namespace base

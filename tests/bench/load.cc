// postrider-load KIND [--option value ...]: smtp, imap, idle, slow, login, mixed, exists, group-commit. Prints one JSON
// object.

#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <random>

namespace load {

Connection::Connection(const std::string& host, int port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (fd_ < 0 || ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + host + ":" + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::send(std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the server closed the connection");
    data.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Connection::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + 256 * 1024);
  const ssize_t n = ::recv(fd_, buffer_.data() + had, buffer_.size() - had, 0);
  if (n <= 0) throw std::runtime_error("the server closed the connection");
  buffer_.resize(had + static_cast<std::size_t>(n));
}

std::string_view Connection::line() {
  std::size_t from = at_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', from);
    if (end != std::string::npos) {
      std::string_view found(buffer_.data() + at_, end - at_);
      at_ = end + 1;
      if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
      return found;
    }
    const std::size_t had = buffer_.size() - at_;
    fill();
    from = had;
  }
}

void Connection::skip(std::uint64_t count) {
  while (count > 0) {
    if (at_ == buffer_.size()) fill();
    const std::uint64_t now = std::min<std::uint64_t>(count, buffer_.size() - at_);
    at_ += now;
    count -= now;
  }
}

Options::Options(int argc, char** argv, int first) {
  for (int i = first; i + 1 < argc; i += 2) values_[std::string(argv[i]).substr(2)] = argv[i + 1];
}

std::string Options::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

std::int64_t Options::number(const std::string& name, std::int64_t fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : std::stoll(found->second);
}

std::string make_message(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string out =
      "From: Load Generator <sender@elsewhere.test>\r\nTo: A User <u1@example.test>\r\nSubject: Message number " +
      std::to_string(seed) + "\r\nDate: Sat, 21 Nov 2026 08:56:02 +0000\r\nMessage-ID: <" + std::to_string(seed) + "." +
      std::to_string(random()) + "@elsewhere.test>\r\nMIME-Version: 1.0\r\n";
  const bool large = size >= 64 * 1024;
  out += large ? "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
               : "Content-Type: text/plain; charset=utf-8\r\n\r\n";
  static constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static constexpr std::string_view kText = "etaoin shrdlu cmfwyp vbgkjq xz etaoin shrdlu etaoin the quick brown mail";
  while (out.size() + 2 < size) {
    const std::size_t length = std::min<std::size_t>(76, size - 2 - out.size());
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < length; ++i) {
      if (i % 8 == 0) bits = random();
      out += large ? kBase64[bits & 63] : kText[(bits & 255) % kText.size()];
      bits >>= 8;
    }
    out += "\r\n";
  }
  return out;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace load

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  const load::Options options(argc, argv, 2);
  try {
    if (kind == "smtp") return load::smtp(options);
    if (kind == "imap") return load::imap(options);
    if (kind == "idle") return load::idle(options);
    if (kind == "slow") return load::slow(options);
    if (kind == "login") return load::login(options);
    if (kind == "mixed") return load::mixed(options);
    if (kind == "exists") return load::exists(options);
    if (kind == "group-commit") return load::group_commit(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "postrider-load %s: %s\n", kind.c_str(), error.what());
    return 1;
  }
  std::fprintf(stderr,
               "usage: postrider-load smtp|imap|idle|slow|login|mixed|exists|group-commit [--option value ...]\n");
  return 2;
}

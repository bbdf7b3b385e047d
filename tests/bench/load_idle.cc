// Holds --connections TLS connections to an IMAP server open, logged in and in IDLE on INBOX, prints a line when all
// are there, and ends when standard input does.

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "load.h"

namespace load {
namespace {

struct Session {
  std::unique_ptr<Connection> connection;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};

  /// Sends and reads until a line begins with `until`.
  void talk(const std::string& command, std::string_view until) {
    if (!command.empty() && SSL_write(ssl.get(), command.data(), static_cast<int>(command.size())) <= 0) {
      throw std::runtime_error("cannot write over TLS");
    }
    std::string text;
    char piece[4096];
    while (!(text.starts_with(until) || text.find("\n" + std::string(until)) != std::string::npos)) {
      const int n = SSL_read(ssl.get(), piece, sizeof piece);
      if (n <= 0) throw std::runtime_error("the server closed the connection: " + text);
      text.append(piece, static_cast<std::size_t>(n));
    }
  }
};

}  // namespace

int idle(const Options& options) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  std::vector<Session> sessions(static_cast<std::size_t>(options.number("connections", 1000)));
  const auto start = Clock::now();
  std::size_t number = 0;
  for (Session& session : sessions) {
    session.connection =
        std::make_unique<Connection>(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2993)));
    session.ssl.reset(SSL_new(context.get()));
    SSL_set_fd(session.ssl.get(), session.connection->fd());
    if (SSL_connect(session.ssl.get()) != 1) throw std::runtime_error("the TLS handshake failed");
    session.talk("", "* ");
    session.talk(
        fmt::format("a LOGIN u{}@{} {}\r\n", number++ % static_cast<std::size_t>(options.number("users", 10)) + 1,
                    options.text("domain", "example.test"), options.text("password", "test")),
        "a OK");
    session.talk("b SELECT INBOX\r\n", "b OK");
    session.talk("c IDLE\r\n", "+");
  }
  fmt::print(R"({{"connections": {}, "seconds": {:.3f}}})"
             "\n",
             sessions.size(), seconds_since(start));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace load

// Holds --connections slow SMTP clients open: a third say nothing after the greeting, a third send a command line byte
// by byte, a third the content of a message, each one byte a second. Prints a line when all are there, and ends when
// standard input does, with the number of those that the server has closed by then.

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "load.h"

namespace load {
namespace {

enum class Manner { silent, slow_command, slow_content };

struct Client {
  std::unique_ptr<Connection> connection;
  Manner manner;
  bool closed = false;
};

void expect(Connection& connection, char first) {
  std::string_view line;
  do {
    line = connection.line();
    if (line.size() < 4 || line[0] != first) throw std::runtime_error("unexpected reply: " + std::string(line));
  } while (line[3] == '-');
}

Client open_client(const Options& options, std::size_t number) {
  Client client{
      std::make_unique<Connection>(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2025))),
      static_cast<Manner>(number % 3)};
  expect(*client.connection, '2');
  if (client.manner != Manner::slow_content) return client;
  const std::string rcpt = fmt::format("RCPT TO:<u1@{}>\r\n", options.text("domain", "example.test"));
  for (const std::string& command :
       {std::string("EHLO slow.test\r\n"), std::string("MAIL FROM:<slow@elsewhere.test>\r\n"), rcpt,
        std::string("DATA\r\n")}) {
    client.connection->send(command);
    expect(*client.connection, command == "DATA\r\n" ? '3' : '2');
  }
  return client;
}

/// One byte more; whether the server still takes it.
void go_on(Client& client) {
  if (client.closed || client.manner == Manner::silent) return;
  client.closed = ::send(client.connection->fd(), "x", 1, MSG_NOSIGNAL) != 1;
}

}  // namespace

int slow(const Options& options) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::vector<Client> clients;
  const auto start = Clock::now();
  const auto wanted = static_cast<std::size_t>(options.number("connections", 1900));
  while (clients.size() < wanted) clients.push_back(open_client(options, clients.size()));
  fmt::print(R"({{"connections": {}, "seconds": {:.3f}}})"
             "\n",
             clients.size(), seconds_since(start));
  std::fflush(stdout);
  constexpr int kPause = 1000;
  pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
  while (::poll(&input, 1, kPause) == 0) {
    for (Client& client : clients) go_on(client);
  }
  std::size_t closed = 0;
  for (const Client& client : clients) closed += client.closed ? 1 : 0;
  fmt::print(R"({{"closed": {}}})"
             "\n",
             closed);
  return 0;
}

}  // namespace load

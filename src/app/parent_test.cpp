// The privileged parent and the server's side of it, over a real socket pair, in one process.
#include "app/parent.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "app/parent_link.h"
#include "app/pipe_process.h"
#include "app/test_kit.h"

namespace {

using app::test::Scratch;
using Kind = app::ParentRequest::Kind;

constexpr uid_t kStranger = 4'000'000;  // nobody's

app::Parent parent(
    app::ParentRights rights,
    app::Parent::Load load = [] { return base::Result<app::ParentRights>(app::ParentRights{}); }) {
  return {std::move(rights), {.user = kStranger, .groups = {kStranger}}, std::move(load), base::Log()};
}

base::Code code(const base::Result<int>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code;
}

/// A parent that answers until the other end is closed.
class Served {
 public:
  explicit Served(app::Parent parent) : parent_(std::move(parent)) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    mine_ = pair[0];
    socket = pair[1];
    thread_ = std::thread([this] {
      while (parent_.serve_one(mine_)) {
      }
      ::close(mine_);
    });
  }
  ~Served() { thread_.join(); }

  int socket = -1;

 private:
  app::Parent parent_;
  int mine_ = -1;
  std::thread thread_;
};

std::string ask(int socket, const std::string& message) {
  char answer[5000];
  if (::send(socket, message.data(), message.size(), MSG_NOSIGNAL) < 0) return "gone";
  const ssize_t size = ::recv(socket, answer, sizeof answer, 0);
  return size <= 0 ? "gone" : std::string(answer, static_cast<std::size_t>(size));
}

}  // namespace

TEST_CASE("messages are written and read again, and anything else is none") {
  for (const app::ParentRequest& request :
       {app::ParentRequest{.kind = Kind::listen, .port = 25, .text = "0.0.0.0"},
        app::ParentRequest{.kind = Kind::listen, .port = 65535, .text = "::"},
        app::ParentRequest{.kind = Kind::open, .port = 0, .text = "/etc/ssl/private/mail.pem"},
        app::ParentRequest{.kind = Kind::run, .port = 0, .text = "print\n\nann@example.org\n77"}}) {
    CHECK(app::parse_request(app::encode(request)) == request);
  }
  for (const std::string& broken :
       {std::string(), std::string("L"), std::string("L\0\x19", 3), std::string("X\0\0/etc", 7),
        std::string("O\0\0etc/passwd", 13), std::string("O\0\1/etc/passwd", 14), std::string("O\0\0/etc\0x", 9),
        std::string("R\0\1a\nb\nc\nd", 10), std::string("R\0\0a\nb\nc", 8), std::string("R\0\0a\nb\nc\nd\ne", 12),
        "O" + std::string(2, '\0') + std::string(app::kMaxMessage, '/')}) {
    CHECK_FALSE(app::parse_request(broken).has_value());
  }
  std::optional<base::Error> reply;
  CHECK(app::parse_reply(app::encode(std::nullopt), reply));
  CHECK_FALSE(reply.has_value());
  CHECK(app::parse_reply(app::encode(base::Error{base::Code::denied, std::string(9000, 'x')}), reply));
  REQUIRE(reply.has_value());
  CHECK(reply->code == base::Code::denied);
  CHECK(reply->text.size() == app::kMaxMessage - 1);
  CHECK_FALSE(app::parse_reply("", reply));
  CHECK_FALSE(app::parse_reply("\x40", reply));
}

TEST_CASE("the parent gives what the configuration names, and nothing else") {
  app::Parent p = parent({.listeners = {{"127.0.0.1", 0}}, .files = {"/etc/passwd", "/etc", "/nowhere/key"}});
  const auto passwd = p.answer({.kind = Kind::open, .port = 0, .text = "/etc/passwd"});
  REQUIRE_MESSAGE(passwd.has_value(), (passwd ? "" : passwd.error().text));
  CHECK((::fcntl(*passwd, F_GETFL) & O_ACCMODE) == O_RDONLY);
  ::close(*passwd);
  CHECK(code(p.answer({.kind = Kind::open, .port = 0, .text = "/nowhere/key"})) == base::Code::not_found);
  CHECK_FALSE(p.answer({.kind = Kind::open, .port = 0, .text = "/etc"}).has_value());
  for (const char* other : {"/etc/shadow", "/etc/../etc/passwd", "//etc/passwd", "/etc/passwd/"})
    CHECK(code(p.answer({.kind = Kind::open, .port = 0, .text = other})) == base::Code::denied);
  const auto socket = p.answer({.kind = Kind::listen, .port = 0, .text = "127.0.0.1"});
  REQUIRE(socket.has_value());
  ::close(*socket);
  CHECK(code(p.answer({.kind = Kind::listen, .port = 25, .text = "127.0.0.1"})) == base::Code::denied);
  CHECK(code(p.answer({.kind = Kind::listen, .port = 0, .text = "0.0.0.0"})) == base::Code::denied);
}

TEST_CASE("what a new configuration names is given without a restart, and it is read once a second at most") {
  int read = 0;
  app::Parent p = parent({}, [&read]() -> base::Result<app::ParentRights> {
    ++read;
    return app::ParentRights{.listeners = {{"127.0.0.1", 0}}, .files = {}};
  });
  const auto socket = p.answer({.kind = Kind::listen, .port = 0, .text = "127.0.0.1"});
  REQUIRE(socket.has_value());
  ::close(*socket);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(code(p.answer({.kind = Kind::open, .port = 0, .text = "/etc/shadow"})) == base::Code::denied);
  CHECK(read == 2);
  CHECK(std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(900));
}

TEST_CASE("the parent runs the commands of the configuration that have a user, and no others") {
  const outbound::Pipe pipe{.command = {"/bin/sh", "-c", "cat >/dev/null; id -un; echo $RECIPIENT"},
                            .user = "nobody",
                            .time_limit = std::chrono::seconds(20)};
  outbound::Pipe other = pipe;
  other.command[2] = "id";
  outbound::Pipe exchangeable = pipe;
  const Scratch scratch;
  std::filesystem::copy("/bin/sh", scratch / "sh");
  exchangeable.command[0] = scratch / "sh";
  app::Loaded loaded;
  loaded.config.delivery.queue.routes = {
      {.name = "a", .by = queue::By::pipe, .pipe = pipe},
      {.name = "b", .by = queue::By::pipe, .pipe = exchangeable},
      {.name = "c", .by = queue::By::pipe, .pipe = {.command = {"/bin/cat"}, .user = {}}}};
  const auto rights = app::ParentRights::of(loaded);
  CHECK(rights.commands.size() == 2);
  app::Parent p = parent(rights);
  const auto request = [](const outbound::Pipe& of) {
    return app::ParentRequest{
        .kind = Kind::run, .port = 0, .text = app::fingerprint(of) + "\nann@example.org\nbob@example.org\n77"};
  };
  CHECK(code(p.answer(request(other))) == base::Code::denied);
  CHECK(code(p.answer(request(exchangeable))) == base::Code::denied);  // by who runs the server
  const auto socket = p.answer(request(pipe));
  REQUIRE_MESSAGE(socket.has_value(), (socket ? "" : socket.error().text));
  const std::string nothing(4, '\0');
  CHECK(::send(*socket, nothing.data(), nothing.size(), MSG_NOSIGNAL) == 4);
  std::string answer(5000, '\0');
  answer.resize(
      static_cast<std::size_t>(std::max<ssize_t>(::recv(*socket, answer.data(), answer.size(), MSG_WAITALL), 0)));
  ::close(*socket);
  const auto end = outbound::parse_pipe_end(answer);
  REQUIRE(end.has_value());
  if (::geteuid() == 0) {
    CHECK(end->output == "nobody\nbob@example.org\n");
  } else {
    CHECK(end->kind == outbound::PipeEnd::Kind::not_run);
    MESSAGE("not root: that a command runs as another user was not seen");
  }
}

TEST_CASE("rights are the listeners and all files that belong to the configuration") {
  app::Loaded loaded;
  loaded.inputs.files = {"/etc/postrider/postrider.toml"};
  loaded.config.listeners = {app::Listener::standard("mx", app::Protocol::smtp),
                             app::Listener::standard("local", app::Protocol::lmtp)};
  loaded.config.listeners.front().client_ca = "/etc/people.pem";
  loaded.config.listeners.back().path = "/run/postrider/lmtp";  // which the server binds itself
  loaded.config.tls = {.certificate = "/etc/c.pem", .key = "/etc/k.pem"};
  loaded.config.certificates = {{.name = "b", .files = {.certificate = "/etc/b", .key = {}}, .domains = {}}};
  const auto rights = app::ParentRights::of(loaded);
  CHECK(rights.listeners == decltype(rights.listeners){{"0.0.0.0", 25}, {"::", 25}});
  CHECK(rights.files == std::set<std::string>{"/etc/postrider/postrider.toml", "/etc/people.pem", "/etc/c.pem",
                                              "/etc/k.pem", "/etc/b/tls.crt", "/etc/b/tls.key", "/etc/b/fullchain.pem",
                                              "/etc/b/privkey.pem"});
}

TEST_CASE("a path that the server's user could lead elsewhere is not opened for it") {
  const Scratch scratch;
  std::ofstream(scratch / "key") << "secret";
  // Its directory stands in one that everybody may write in (/tmp).
  const app::Outsider stranger{.user = kStranger, .groups = {}};
  CHECK(code(app::open_guarded(scratch / "key", stranger)) == base::Code::denied);
  // The owner of a directory may change it, too.
  CHECK(code(app::open_guarded("/etc/passwd", {.user = 0, .groups = {}})) == base::Code::denied);
  std::filesystem::create_symlink("/etc/passwd", scratch / "link");
  CHECK(code(app::open_guarded(scratch / "link", stranger)) == base::Code::denied);
  const auto there = app::open_guarded("/etc/./../etc//passwd", stranger);
  REQUIRE(there.has_value());
  ::close(*there);
  CHECK(code(app::open_guarded("/etc/passwd/x", stranger)) == base::Code::not_found);
  CHECK(code(app::open_guarded("/dev/null", stranger)) == base::Code::invalid);
  CHECK(code(app::open_guarded("/proc/self/fd/0", {.user = ::getuid(), .groups = {}})) == base::Code::denied);
}

TEST_CASE("the server asks the parent for what its own rights do not reach") {
  const Scratch scratch;
  std::ofstream(scratch / "own") << "mine";
  Served served(parent({.listeners = {{"127.0.0.1", 1}}, .files = {}}));
  const auto privileged = app::through_parent(served.socket);
  CHECK(privileged->read(scratch / "own", 100).value() == "mine");
  CHECK(privileged->stamp(scratch / "own").value().size == 4);
  CHECK(privileged->read(scratch / "none", 100).error().code == base::Code::not_found);
  const auto port = privileged->listen("127.0.0.1", 0);
  REQUIRE(port.has_value());
  ::close(*port);
  CHECK_FALSE(app::is_gone(served.socket));
}

TEST_CASE("over the socket: descriptors come, refusals have words, and who speaks nonsense is hung up on") {
  Served served(parent({.listeners = {}, .files = {"/etc/passwd"}}));
  CHECK(ask(served.socket, app::encode({.kind = Kind::open, .port = 0, .text = "/etc/passwd"})) ==
        std::string(1, '\0'));
  std::optional<base::Error> error;
  REQUIRE(app::parse_reply(ask(served.socket, app::encode({.kind = Kind::listen, .port = 25, .text = "::"})), error));
  REQUIRE(error.has_value());
  CHECK(error->text == "the configuration file names no listener on :: port 25");
  CHECK(ask(served.socket, "nonsense") == "gone");
  CHECK(app::is_gone(served.socket));
  const auto privileged = app::through_parent(served.socket);
  CHECK(privileged->listen("127.0.0.1", 0).has_value());
}

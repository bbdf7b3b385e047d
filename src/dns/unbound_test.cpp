// The resolver against a name server of the test, which answers over UDP as it is told to.

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "../../tests/support/temp_dir.h"
#include "dns/records.h"
#include "net/loop.h"

namespace dns {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// A forwarder: by the first label of the name it knows what to do.
class NameServer {
 public:
  NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    REQUIRE_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~NameServer() {
    stop_ = true;
    thread_.join();
    ::close(socket_);
  }
  std::uint16_t port() const { return port_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      char bytes[4096];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto n = ::recvfrom(socket_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n < 12) continue;
      const std::string reply = answer(std::string(bytes, static_cast<std::size_t>(n)));
      if (!reply.empty()) ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  static std::string answer(const std::string& question) {
    std::string_view rest = std::string_view(question).substr(12);
    std::string name;
    if (!take_name(rest, name) || rest.size() < 4) return {};
    const auto type = static_cast<Type>(static_cast<unsigned char>(rest[0]) << 8 | static_cast<unsigned char>(rest[1]));
    const std::string asked = question.substr(12, question.size() - 12 - rest.size() + 4);
    const std::string verb = name.substr(0, name.find('.'));
    if (verb == "silent") return {};
    std::vector<std::string> data;
    char code = 0;
    if (verb == "nothing") code = 3;
    if (verb == "broken") code = 2;
    if (verb == "refuses") code = 5;
    if (verb == "mail" && type == Type::mx)
      data = {
          "\x00\x14\x02mx\x07"
          "example\x03net\x00"s,
          "\x00\x0A\x00"s};
    if (verb == "mail" && type == Type::a) data = {"\xC0\x00\x02\x07"s};
    std::string reply = question.substr(0, 2) + "\x81"s + static_cast<char>(0x80 | code) + "\0\1\0"s +
                        static_cast<char>(data.size()) + "\0\0\0\0"s + asked;
    for (const std::string& one : data) {
      reply += "\xC0\x0C"s + rest_type(type) + "\0\1\0\0\0\x3C"s + '\0' + static_cast<char>(one.size()) + one;
    }
    return reply;
  }
  static std::string rest_type(Type type) { return {'\0', static_cast<char>(type)}; }

  int socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct World {
  tests::TempDir directory;
  NameServer server;
  Config config;
  std::unique_ptr<Resolver> resolver;

  World() {
    const std::string anchor = directory.path() + "/anchor";
    std::ofstream(anchor) << "anchor.example. IN DS 20326 8 2 "
                             "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    config.servers = {"127.0.0.1:" + std::to_string(server.port())};
    config.trust_anchor = anchor;
    open();
  }
  void open() {
    resolver.reset();
    auto made = make_resolver(config, {});
    REQUIRE(made);
    resolver = *std::move(made);
  }
  Answer ask(std::string name, Type type = Type::mx, std::chrono::milliseconds time = 20s) {
    return net::run(resolver->look_up(std::move(name), type, std::chrono::steady_clock::now() + time));
  }
};

TEST_CASE("records, and the ways in which there are none") {
  World world;
  const Answer mail = world.ask("mail.example.net.");
  CHECK_EQ(mail.status, Status::found);
  CHECK_FALSE(mail.secure);
  CHECK_EQ(mail.mx.size(), 2U);
  CHECK_EQ(mail.ttl, 60U);
  CHECK_EQ(mail.canonical, "mail.example.net");
  CHECK_EQ(world.ask("mail.example.net", Type::a).addresses, std::vector<std::string>{"192.0.2.7"});
  const Answer absent = world.ask("mail.example.net", Type::txt);
  CHECK_EQ(absent.status, Status::no_data);
  CHECK(absent.absent());
  CHECK_EQ(world.ask("nothing.example.net").status, Status::no_name);
  for (const char* const name : {"broken.example.net", "refuses.example.net"}) {
    const Answer failure = world.ask(name);
    CHECK_EQ(failure.status, Status::unreachable);
    CHECK(failure.unknown());
    CHECK_NE(failure.why, "");
  }
}

TEST_CASE("a name server that says nothing is waited for until the deadline") {
  World world;
  const auto began = std::chrono::steady_clock::now();
  CHECK_EQ(world.ask("silent.example.net", Type::mx, 300ms).status, Status::unreachable);
  CHECK_LT(std::chrono::steady_clock::now() - began, 5s);
  world.config.timeout = 0s;
  world.open();
  CHECK_EQ(world.ask("mail.example.net").status, Status::unreachable);
}

TEST_CASE("names for special use are looked up when the configuration names them") {
  World world;
  CHECK_EQ(world.ask("mail.test").status, Status::no_name);
  world.config.special_names = {"test"};
  world.open();
  CHECK_EQ(world.ask("mail.test").status, Status::found);
}

net::Task<void> ask_into(Resolver& resolver, std::string name, std::vector<Status>& all, std::size_t wanted,
                         net::Loop& loop) {
  const Answer answer = co_await resolver.look_up(std::move(name), Type::mx, std::chrono::steady_clock::now() + 400ms);
  all.push_back(answer.status);
  if (all.size() == wanted) loop.stop();
}

TEST_CASE("look-ups wait for a place, and a silent server keeps none for ever") {
  World world;
  world.config.max_lookups = 2;
  world.open();
  net::Loop loop;
  std::vector<Status> all;
  for (int i = 0; i < 20; ++i) {
    const std::string name = (i < 2 ? "silent" : "mail") + "."s + std::to_string(i) + ".example.net";
    loop.spawn(ask_into(*world.resolver, name, all, 20, loop));
  }
  loop.run();
  CHECK_EQ(all.size(), 20U);
  // Behind two that got no answer nobody had a place in time, or all the others had.
  CHECK_GE(std::ranges::count(all, Status::unreachable), 2);
}

TEST_CASE("a resolver ends with look-ups under way") {
  World world;
  net::Loop loop;
  std::vector<Status> all;
  loop.spawn(ask_into(*world.resolver, "silent.example.net", all, 1, loop));
  std::thread ends([&] {
    std::this_thread::sleep_for(100ms);
    world.resolver.reset();
  });
  loop.run();
  ends.join();
  CHECK_EQ(all, std::vector<Status>{Status::unreachable});
}

TEST_CASE("what cannot be used is said") {
  CHECK_FALSE(make_resolver({.servers = {"ns.example.net"}}, {}));
  CHECK_FALSE(make_resolver({.trust_anchor = "/nonexistent/anchor"}, {}));
  CHECK(make_resolver({}, {}));
}

TEST_CASE("a resolver that knows nothing of DNSSEC is of use only where nothing is validated") {
  World world;
  world.config.trust_anchor.clear();
  world.open();
  CHECK(world.ask("mail.example.net", Type::mx, 10s).unknown());
  world.config.validate = false;
  world.open();
  CHECK_EQ(world.ask("mail.example.net").status, Status::found);
}

}  // namespace
}  // namespace dns

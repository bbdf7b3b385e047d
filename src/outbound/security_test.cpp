// What TLS a host must have, by DANE (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS (RFC 8689) and routes, and what is
// counted for reports (RFC 8460).

#include <openssl/pem.h>

#include <fstream>

#include "../../tests/support/temp_dir.h"
#include "crypto/hash.h"
#include "outbound/test_kit.h"

namespace outbound {
namespace {

using namespace std::chrono_literals;
using test::Behaviour;

/// Serves one policy by HTTPS.
class PolicyHost {
 public:
  PolicyHost(std::shared_ptr<const tls::Acceptor> tls) : tls_(std::move(tls)) {
    auto listener = net::listen_tcp(loops_.at(0), "127.0.0.1", 0);
    REQUIRE(listener);
    server_ = std::make_unique<net::Server>(
        std::move(*listener), loops_.at(0), loops_,
        net::Server::Options{.name = "https", .limits = {.connections = 10, .connections_per_address = 10}},
        [this](std::unique_ptr<net::Stream> stream, base::Log, net::Stopping) {
          return serve(*this, std::move(stream));
        },
        base::Log());
    server_->start();
  }
  ~PolicyHost() { net::run(server_->stop(0s)); }
  std::uint16_t port() const { return server_->port(); }
  void set(std::string policy, std::string type = "text/plain", std::string status = "200 OK") {
    const std::lock_guard lock(mutex_);
    reply_ = "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
             "\r\nContent-Length: " + std::to_string(policy.size()) +
             "\r\nLocation: /other\r\nConnection: close\r\n\r\n" + policy;
  }
  std::size_t fetched() const {
    const std::lock_guard lock(mutex_);
    return fetched_;
  }

 private:
  static net::Task<void> serve(PolicyHost& host, std::unique_ptr<net::Stream> plain) {
    auto stream = co_await host.tls_->accept(std::move(plain));
    std::string bytes(4096, '\0');
    bytes.resize(co_await stream->read(bytes));
    std::string reply;
    {
      const std::lock_guard lock(host.mutex_);
      ++host.fetched_;
      reply = bytes.starts_with("GET /.well-known/mta-sts.txt ") ? host.reply_
                                                                 : "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
    }
    co_await stream->write(reply);
    co_await stream->shutdown();
  }
  std::shared_ptr<const tls::Acceptor> tls_;
  mutable std::mutex mutex_;
  std::string reply_;
  std::size_t fetched_ = 0;
  net::Loops loops_{1};
  std::unique_ptr<net::Server> server_;
};

struct World : test::World {
  tests::TempDir directory;
  tls::KeyPair pair =
      tls::make_self_signed({"mx.example.net", "mta-sts.example.net"}, base::system_clock().now()).value();
  std::shared_ptr<const tls::Acceptor> acceptor = tls::make_acceptor(pair).value();
  PolicyHost policies{acceptor};
  Behaviour behaviour;

  World() {
    config.trusted_ca = directory.path() + "/ca.pem";
    std::ofstream(config.trusted_ca) << pair.certificate_pem;
    config.mta_sts_port = policies.port();
    open();
    behaviour.tls = acceptor;
    peer.set(behaviour);
  }
  void publish(const std::string& id, const std::string& policy) {
    resolver.set("_mta-sts.example.net", dns::Type::txt,
                 {.status = dns::Status::found, .texts = {"v=STSv1; id=" + id}});
    resolver.set("mta-sts.example.net", dns::Type::a, {.status = dns::Status::found, .addresses = {"127.0.0.1"}});
    policies.set(policy);
  }
  /// The zone of example.net is signed, with these records for its host.
  void sign(std::vector<dns::Tlsa> records) {
    resolver.set("example.net", dns::Type::mx,
                 {.status = dns::Status::found, .secure = true, .mx = {{10, "mx.example.net"}}});
    resolver.set("mx.example.net", dns::Type::a,
                 {.status = dns::Status::found, .secure = true, .addresses = {"127.0.0.1"}});
    resolver.set("mx.example.net", dns::Type::aaaa, {.status = dns::Status::no_data, .secure = true});
    resolver.set(tlsa_name(), dns::Type::tlsa,
                 {.status = dns::Status::found, .secure = true, .tlsa = std::move(records)});
  }
  std::string tlsa_name() const { return "_" + std::to_string(peer.port()) + "._tcp.mx.example.net"; }
  dns::Tlsa right() const {
    BIO* const bio = BIO_new_mem_buf(pair.certificate_pem.data(), static_cast<int>(pair.certificate_pem.size()));
    X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    dns::Tlsa record{3, 0, 1, crypto::sha256({reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size)})};
    OPENSSL_free(bytes);
    X509_free(certificate);
    BIO_free(bio);
    return record;
  }
};

const std::string kEnforce = "version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 86400\n";

TEST_CASE("opportunistic: TLS with any certificate, and none when TLS does not come about") {
  World world;
  CHECK(world.send_one().tls.ends_with("(not verified)"));
  world.behaviour.says["STARTTLS"] = {"454 4.7.0 no TLS now"};
  world.peer.set(world.behaviour);
  CHECK_EQ(world.send_one().tls, "");
  world.behaviour.says["STARTTLS"] = {"220 go on, but there is nothing"};
  world.behaviour.tls = nullptr;
  world.behaviour.extensions.push_back("STARTTLS");
  world.peer.set(world.behaviour);
  const Outcome outcome = world.send_one();
  CHECK_EQ(outcome.verdict, Verdict::delivered);
  CHECK_EQ(outcome.tls, "");
}

TEST_CASE("what a route asks for") {
  World world;
  const auto with = [&](TlsPolicy policy, const std::string& name) {
    world.resolver.set(name, dns::Type::a, {.status = dns::Status::found, .addresses = {"127.0.0.1"}});
    const Destination to{.domain = "x.example", .hosts = {{.name = name, .port = world.peer.port()}}, .tls = policy};
    return world.send(to, world.message(), {"a@x.example"}).front();
  };
  CHECK_EQ(with(TlsPolicy::none, "mx.example.net").tls, "");
  CHECK(with(TlsPolicy::verify, "mx.example.net").tls.ends_with("(verified)"));
  const Outcome wrong = with(TlsPolicy::verify, "other.example");
  CHECK_EQ(wrong.verdict, Verdict::deferred);
  CHECK_EQ(wrong.status, "4.7.5");
  CHECK_EQ(with(TlsPolicy::encrypt, "other.example").verdict, Verdict::delivered);
  world.behaviour.tls = nullptr;
  world.peer.set(world.behaviour);
  CHECK_EQ(with(TlsPolicy::encrypt, "mx.example.net").status, "4.7.4");
  CHECK(world.peer.heard().messages.size() == 3U);
}

TEST_CASE("TLS from the first byte, at port 465") {
  World world;
  net::Loop probe;
  if (!net::listen_tcp(probe, "127.0.0.46", 465)) {
    MESSAGE("port 465 may not be bound here");
    return;
  }
  test::Peer peer([](net::Loop& loop) { return net::listen_tcp(loop, "127.0.0.46", 465); });
  world.behaviour.implicit_tls = true;
  peer.set(world.behaviour);
  world.resolver.set("mx.example.net", dns::Type::a, {.status = dns::Status::found, .addresses = {"127.0.0.46"}});
  const Destination to{
      .domain = "x.example", .hosts = {{.name = "mx.example.net", .port = 465}}, .tls = TlsPolicy::verify};
  const Outcome outcome = world.send(to, world.message(), {"a@x.example"}).front();
  CHECK_EQ(outcome.verdict, Verdict::delivered);
  CHECK(outcome.tls.ends_with("(verified)"));
}

TEST_CASE("DANE: the right certificate is verified, a wrong one gets nothing") {
  World world;
  world.sign({world.right()});
  CHECK(world.send_one().tls.ends_with("(DANE)"));
  world.sign({{3, 1, 1, std::string(32, 'x')}});
  const Outcome wrong = world.send_one();
  CHECK_EQ(wrong.verdict, Verdict::deferred);
  CHECK_EQ(wrong.status, "4.7.5");
  CHECK(wrong.destination_down);
  CHECK_EQ(world.peer.heard().messages.size(), 1U);
  // RFC 7672 §2.2: TLS at least, when no record can be used.
  world.sign({{1, 1, 1, std::string(32, 'x')}});
  CHECK(world.send_one().tls.ends_with("(not verified)"));
  world.behaviour.tls = nullptr;
  world.peer.set(world.behaviour);
  CHECK_EQ(world.send_one().status, "4.7.4");
  // RFC 7672 §2.1.2: records that cannot be had are not records that do not exist.
  world.resolver.set(world.tlsa_name(), dns::Type::tlsa, {.status = dns::Status::unreachable, .why = "SERVFAIL"});
  CHECK_EQ(world.send_one().verdict, Verdict::deferred);
  world.resolver.set(world.tlsa_name(), dns::Type::tlsa, {.status = dns::Status::no_name, .secure = true});
  CHECK_EQ(world.send_one().verdict, Verdict::delivered);
}

TEST_CASE("DANE counts only where everything that leads to it is signed") {
  World world;
  world.sign({{3, 1, 1, std::string(32, 'x')}});
  world.resolver.set("example.net", dns::Type::mx, {.status = dns::Status::found, .mx = {{10, "mx.example.net"}}});
  CHECK_EQ(world.send_one().verdict, Verdict::delivered);
}

TEST_CASE("MTA-STS: enforced, tested, cached and renewed") {
  World world;
  world.publish("1", kEnforce);
  CHECK(world.send_one().tls.ends_with("(MTA-STS)"));
  CHECK(world.send_one().tls.ends_with("(MTA-STS)"));
  CHECK_EQ(world.policies.fetched(), 1U);
  // RFC 8461 §5.1: without its TXT record, or its host, a policy goes on holding.
  world.resolver.set("_mta-sts.example.net", dns::Type::txt, {.status = dns::Status::no_name});
  CHECK(world.send_one().tls.ends_with("(MTA-STS)"));
  world.publish("2", "not a policy");
  CHECK(world.send_one().tls.ends_with("(MTA-STS)"));
  // A host that the policy does not name.
  world.publish("3", "version: STSv1\nmode: enforce\nmx: other.example.net\nmax_age: 86400\n");
  CHECK_EQ(world.send_one().verdict, Verdict::deferred);
  world.publish("4", "version: STSv1\nmode: testing\nmx: other.example.net\nmax_age: 86400\n");
  CHECK_EQ(world.send_one().verdict, Verdict::delivered);
  world.publish("5", "version: STSv1\nmode: none\nmax_age: 86400\n");
  CHECK(world.send_one().tls.ends_with("(not verified)"));
}

TEST_CASE("MTA-STS: a certificate for another name, and a host without TLS") {
  World world;
  world.publish("1", "version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 86400\n");
  world.resolver.set("example.net", dns::Type::mx, {.status = dns::Status::found, .mx = {{10, "mx2.example.net"}}});
  world.resolver.address("mx2.example.net", "127.0.0.1");
  CHECK_EQ(world.send_one().status, "4.7.5");
  world.behaviour.tls = nullptr;
  world.peer.set(world.behaviour);
  CHECK_EQ(world.send_one().status, "4.7.4");
  CHECK(world.peer.heard().messages.empty());
  // RFC 8689 §4.2.2: the sender said that it need not be.
  Message message = world.message();
  message.tls_optional = true;
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().verdict, Verdict::delivered);
}

TEST_CASE("MTA-STS: what is no policy is none") {
  for (const char* const status : {"404 Not Found", "301 Moved Permanently", "500 Oops"}) {
    World world;
    world.publish("1", kEnforce);
    world.policies.set(kEnforce, "text/plain", status);
    CHECK(world.send_one().tls.ends_with("(not verified)"));
  }
  World world;
  world.publish("1", kEnforce);
  world.policies.set(kEnforce, "text/html");
  CHECK(world.send_one().tls.ends_with("(not verified)"));
  world.publish("2", kEnforce + std::string(70'000, '\n'));
  CHECK(world.send_one().tls.ends_with("(not verified)"));
}

TEST_CASE("REQUIRETLS: verified, offered, and said; or the sender is told") {
  World world;
  Message message = world.message();
  message.envelope.require_tls = true;
  const auto send = [&] { return world.send(world.destination(), message, {"a@example.net"}).front(); };
  CHECK_EQ(send().status, "5.7.10");
  world.sign({world.right()});
  const Outcome without = send();
  CHECK_EQ(without.verdict, Verdict::failed);
  CHECK_EQ(without.status, "5.7.30");
  world.behaviour.extensions_in_tls = {"REQUIRETLS"};
  world.peer.set(world.behaviour);
  CHECK_EQ(send().verdict, Verdict::delivered);
  const auto lines = world.peer.heard().lines;
  CHECK(std::ranges::find(lines, "MAIL FROM:<from@example.org> REQUIRETLS") != lines.end());
  // RFC 8689 §4.2.1: a bounce goes out without.
  message.envelope.sender.clear();
  world.behaviour.extensions_in_tls.clear();
  world.peer.set(world.behaviour);
  CHECK_EQ(send().verdict, Verdict::delivered);
}

TEST_CASE("a login goes only to a host that has proven its name") {
  World world;
  world.behaviour.extensions.push_back("AUTH PLAIN");
  world.peer.set(world.behaviour);
  const auto with = [&](const std::string& name, const std::string& reply) {
    world.resolver.set(name, dns::Type::a, {.status = dns::Status::found, .addresses = {"127.0.0.1"}});
    world.behaviour.says["AUTH"] = {reply};
    world.peer.set(world.behaviour);
    world.peer.forget();
    const Destination to{
        .domain = "x.example", .hosts = {{.name = name, .port = world.peer.port()}}, .user = "u", .password = "p"};
    return world.send(to, world.message(), {"a@x.example"}).front();
  };
  CHECK_EQ(with("mx.example.net", "235 2.7.0 in").verdict, Verdict::delivered);
  const auto lines = world.peer.heard().lines;
  CHECK(std::ranges::find(lines, "AUTH PLAIN AHUAcA==") != lines.end());
  const Outcome refused = with("mx.example.net", "535 5.7.8 wrong");
  CHECK_EQ(refused.verdict, Verdict::deferred);
  CHECK_EQ(refused.status, "4.7.8");
  CHECK_EQ(with("stranger.example", "235 2.7.0 in").status, "4.7.5");
  for (const std::string& line : world.peer.heard().lines) CHECK_FALSE(line.starts_with("AUTH"));
}

TEST_CASE("a destination can be looked at without sending") {
  World world;
  world.publish("1", kEnforce);
  const auto look = [&] {
    return net::run(world.outbound->examine(world.destination(), std::chrono::steady_clock::now() + 20s, {}));
  };
  const DestinationView view = look();
  CHECK(view.by_mx);
  CHECK_EQ(view.policy, "MTA-STS (enforce)");
  REQUIRE_EQ(view.hosts.size(), 1U);
  CHECK(view.hosts[0].usable);
  CHECK(view.hosts[0].tls.ends_with("(MTA-STS)"));
  CHECK(world.peer.heard().messages.empty());
  world.sign({{3, 1, 1, std::string(32, 'x')}});
  const DestinationView wrong = look();
  CHECK_FALSE(wrong.hosts[0].usable);
  CHECK_EQ(wrong.hosts[0].policy, "DANE");
  CHECK_NE(wrong.hosts[0].problem, "");
}

}  // namespace
}  // namespace outbound

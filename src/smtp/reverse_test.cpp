#include "smtp/reverse.h"

#include <doctest/doctest.h>

#include "dns/fake.h"
#include "net/loop.h"
#include "net/memory_stream.h"
#include "smtp/fake_host.h"
#include "smtp/session.h"

namespace smtp {
namespace {

base::Address address(const char* text) { return base::Address::parse(text).value(); }

ReverseName look_up(dns::Resolver& resolver, const char* text) {
  return net::run(look_up_reverse(resolver, address(text), base::SteadyTime::max()));
}

void point(dns::test::FakeResolver& resolver, const char* from, std::vector<std::string> names) {
  resolver.set(reverse_name(address(from)), dns::Type::ptr, {.status = dns::Status::found, .names = std::move(names)});
}

/// What a client from 203.0.113.7 hears that says MAIL twice in one session.
std::string session(dns::test::FakeResolver& resolver, Policy policy, bool exempt = false) {
  FakeHost host;
  Mode mode;
  mode.resolver = &resolver;
  mode.exempt = [exempt](std::string_view) { return exempt; };
  const base::Live<Config> config(Config{.hostname = "mx.example.test", .reverse_dns = policy});
  std::string output;
  auto stream = net::scripted_stream(
      {.input = "EHLO c\r\nMAIL FROM:<a@example.org>\r\nRSET\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n",
       .endpoints = {.peer_address = "203.0.113.7"}},
      output);
  net::run(serve(std::move(stream), host, config, std::make_shared<const Mode>(std::move(mode)), {},
                 base::system_clock(), {}, {}));
  return output;
}

}  // namespace

TEST_CASE("addresses as names of the DNS: RFC 1035 §3.5, RFC 3596 §2.5") {
  CHECK(reverse_name(address("203.0.113.7")) == "7.113.0.203.in-addr.arpa");
  CHECK(reverse_name(address("4321:0:1:2:3:4:567:89ab")) ==
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

TEST_CASE("an address has a name when that leads back to it") {
  dns::test::FakeResolver resolver;
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::missing);
  point(resolver, "203.0.113.7", {"liar.example", "mail.example"});
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::missing);
  resolver.address("liar.example", "203.0.113.8");
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::missing);
  resolver.address("mail.example", "203.0.113.7");
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::confirmed);
  point(resolver, "2001:db8::25", {"mail.example"});
  resolver.address("mail.example", "2001:db8:0::25");
  CHECK(look_up(resolver, "2001:db8::25") == ReverseName::confirmed);
  resolver.down = true;
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::unknown);
}

TEST_CASE("of a thousand names no more than ten are looked up") {
  dns::test::FakeResolver resolver;
  point(resolver, "203.0.113.7", std::vector<std::string>(1000, "many.example"));
  CHECK(look_up(resolver, "203.0.113.7") == ReverseName::missing);
  CHECK(resolver.asked() == 11);
}

TEST_CASE("a stranger without a name is refused where that is asked, put off while nothing is known: RFC 7372 §3.3") {
  dns::test::FakeResolver resolver;
  CHECK(session(resolver, Policy::refuse).contains("\r\n550 5.7.25 Your address has no name"));
  CHECK(resolver.asked() == 1);  // once for a session
  CHECK_FALSE(session(resolver, Policy::log).contains("550 "));
  CHECK(resolver.asked() == 2);
  CHECK_FALSE(session(resolver, Policy::ignore).contains("550 "));
  CHECK_FALSE(session(resolver, Policy::refuse, true).contains("550 "));  // of a trusted network
  CHECK(resolver.asked() == 2);
  resolver.down = true;
  CHECK(session(resolver, Policy::refuse).contains("\r\n451 4.7.25 "));
  resolver.down = false;
  point(resolver, "203.0.113.7", {"mail.example"});
  resolver.address("mail.example", "203.0.113.7");
  const std::string heard = session(resolver, Policy::refuse);
  CHECK(heard.contains("\r\n250 2.1.0 "));
  CHECK_FALSE(heard.contains("5.7.25"));
}

}  // namespace smtp

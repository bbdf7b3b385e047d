// What is looked at of a stranger's host besides its mail. RFC 5321 §4.1.3, §4.1.4.

#include "smtp/policy.h"

#include <doctest/doctest.h>

namespace smtp {
namespace {

TEST_CASE("names that hosts have are domains, and others are not") {
  for (const char* name : {"mail.example.org", "mail.example.org.", "localhost", "a", "DESKTOP_7.local", "1.2.3.4",
                           "xn--bcher-kva.example", "a-b.example"}) {
    CAPTURE(name);
    CHECK(is_domain(name));
  }
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 130; ++i) long_name += "a.";
  for (const std::string& name :
       {std::string(""), std::string("."), std::string("a..b"), std::string(".a"), std::string("-a.example"),
        std::string("a-.example"), std::string("a b"), std::string("a@b"), std::string("[192.0.2.1]"),
        std::string("a/b"), long_label, long_name + "example"}) {
    CAPTURE(name);
    CHECK_FALSE(is_domain(name));
  }
}

TEST_CASE("address literals stand for addresses") {
  CHECK(address_literal("[192.0.2.1]")->text() == "192.0.2.1");
  CHECK(address_literal("[IPv6:2001:DB8::1]")->text() == "2001:db8::1");
  CHECK(address_literal("[ipv6:::1]")->text() == "::1");
  for (const char* name : {"192.0.2.1", "[192.0.2.1", "192.0.2.1]", "[]", "[", "[IPv6:192.0.2.1]", "[2001:db8::1]",
                           "[IPv6:]", "[192.0.2.256]", "[tag:content]"}) {
    CAPTURE(name);
    CHECK_FALSE(address_literal(name));
  }
}

struct Judged {
  std::string refused;
  std::vector<std::string_view> noted;
};
Judged judged(std::string_view helo, const Config& config, const char* peer = "192.0.2.1") {
  const net::Endpoints ends{.peer_address = peer, .local_address = "192.0.2.25"};
  Judged result;
  const Rule* rule = judge({.helo = helo, .hostname = "mx.example.test", .endpoints = ends}, config, result.noted);
  if (rule != nullptr) result.refused = rule->name;
  return result;
}

TEST_CASE("by default only who pretends to be us is refused, and what is odd is noted") {
  const Config config;
  CHECK(judged("client.example.org", config).refused.empty());
  CHECK(judged("client.example.org", config).noted.empty());
  CHECK(judged("[192.0.2.1]", config).noted.empty());
  CHECK_EQ(judged("MX.example.test", config).refused, "hello_own_name");
  CHECK_EQ(judged("mx.example.test.", config).refused, "hello_own_name");
  CHECK_EQ(judged("[192.0.2.25]", config).refused, "hello_own_name");
  CHECK(judged("a@b", config).refused.empty());
  CHECK_EQ(judged("a@b", config).noted, std::vector<std::string_view>{"hello_syntax"});
  CHECK_EQ(judged("[10.0.0.1]", config).noted, std::vector<std::string_view>{"hello_foreign_literal"});
  // A program of the same machine has its name.
  CHECK(judged("mx.example.test", config, "127.0.0.1").refused.empty());
  CHECK(judged("mx.example.test", config, "192.0.2.25").refused.empty());
}

TEST_CASE("each rule is refused, noted or ignored as the operator says, and says why") {
  const char* broken[] = {"a@b", "mx.example.test", "[10.0.0.1]"};
  REQUIRE_EQ(rules().size(), std::size(broken));
  for (std::size_t i = 0; i < rules().size(); ++i) {
    const Rule& rule = rules()[i];
    Config config;
    config.*rule.policy = Policy::refuse;
    CHECK_EQ(judged(broken[i], config).refused, rule.name);
    CHECK_GE(rule.reply().code, 500);
    config.*rule.policy = Policy::log;
    CHECK(judged(broken[i], config).refused.empty());
    CHECK_EQ(judged(broken[i], config).noted, std::vector{rule.name});
    config.*rule.policy = Policy::ignore;
    CHECK(judged(broken[i], config).refused.empty());
    CHECK(judged(broken[i], config).noted.empty());
  }
}

}  // namespace
}  // namespace smtp

#include "base/network.h"

#include <doctest/doctest.h>

using base::Network;

TEST_CASE("a network contains its addresses and no others") {
  struct {
    const char* network;
    const char* address;
    bool inside;
  } const cases[] = {
      {"127.0.0.0/8", "127.0.0.1", true},
      {"127.0.0.0/8", "128.0.0.1", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.8", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "203.0.113.9", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::1", "::1", true},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0", "10.0.0.0", true},
      {"10.0.0.0/8", "", false},
      {"10.0.0.0/8", "10.1.2", false},
      {"10.0.0.0/8", "not an address", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.network);
    CAPTURE(c.address);
    const auto network = Network::parse(c.network);
    REQUIRE(network.has_value());
    CHECK(network->contains(c.address) == c.inside);
  }
}

TEST_CASE("every prefix length contains what differs behind it only") {
  for (unsigned prefix = 0; prefix <= 128; ++prefix) {
    const auto network = Network::parse("::/" + std::to_string(prefix));
    REQUIRE(network.has_value());
    CHECK(network->contains("::2" /* bit 127 (from 1) */) == (prefix <= 126));
    CHECK(network->contains("8000::") == (prefix == 0));
  }
}

TEST_CASE("a mistake in a network is told in words") {
  CHECK(Network::parse("10.0.0.1/8").error().text ==
        "\"10.0.0.1/8\" has bits set behind its prefix: the network is \"10.0.0.0/8\"");
  CHECK(Network::parse("10.0.0.0/33").error().text ==
        "\"10.0.0.0/33\" is not a network: the prefix behind \"/\" is a number from 0 to 32");
  CHECK(Network::parse("2001:db8::/129").error().text.ends_with("from 0 to 128"));
  for (const char* bad :
       {"", "/", "/8", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fe80::1%eth0", "host/8"}) {
    CAPTURE(bad);
    CHECK_FALSE(Network::parse(bad).has_value());
  }
  CHECK_FALSE(Network::parse(std::string_view("10.0.0.0\0/8", 11)).has_value());
}

TEST_CASE("the network of an address is the one of that prefix, and no address has more bits than it has") {
  const auto network = [](const char* address, unsigned prefix) {
    return Network(base::Address::parse(address).value(), prefix).text();
  };
  CHECK(network("192.0.2.77", 24) == "192.0.2.0/24");
  CHECK(network("192.0.2.77", 0) == "0.0.0.0/0");
  CHECK(network("192.0.2.77", 200) == "192.0.2.77/32");
  CHECK(network("2001:db8:1:2:3::4", 64) == "2001:db8:1:2::/64");
  CHECK(network("::ffff:192.0.2.77", 24) == "192.0.2.0/24");
  CHECK(network("2001:db8::1", 128) == "2001:db8::1/128");
}

TEST_CASE("a network prints as it is parsed") {
  for (const char* text : {"10.0.0.0/8", "2001:db8::/32", "::/0", "192.0.2.1/32"}) {
    CHECK(Network::parse(text)->text() == text);
  }
  CHECK(Network::parse("::1")->text() == "::1/128");
}

// Record data as it comes from the wire (RFC 1035 §3.3, RFC 6698 §2.1), and names to ask for.

#include "dns/records.h"

#include <doctest/doctest.h>

namespace dns {
namespace {

using namespace std::string_literals;

TEST_CASE("each type of record") {
  Answer answer;
  CHECK(add_record(answer, Type::a, "\xC0\x00\x02\x01"s));
  CHECK(add_record(answer, Type::aaaa, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s));
  CHECK_EQ(answer.addresses, std::vector<std::string>{"192.0.2.1", "2001:db8::1"});
  CHECK(add_record(answer, Type::mx,
                   "\x00\x0A\x02mX\x07"
                   "Example\x03net\x00"s));
  CHECK(add_record(answer, Type::mx, "\x00\x00\x00"s));
  CHECK_EQ(answer.mx, std::vector<Mx>{{10, "mx.example.net"}, {0, ""}});
  CHECK(add_record(answer, Type::txt, "\x05hello\x00\x03 xy"s));
  CHECK_EQ(answer.texts, std::vector<std::string>{"hello xy"});
  CHECK(add_record(answer, Type::tlsa,
                   "\x03\x01\x01"
                   "abc"s));
  CHECK_EQ(answer.tlsa, std::vector<Tlsa>{{3, 1, 1, "abc"}});
  CHECK(add_record(answer, Type::ptr,
                   "\x01"
                   "a\x03n.t\x00"s));
  CHECK_EQ(answer.names, std::vector<std::string>{"a.n\\046t"});
}

TEST_CASE("what is not well-formed adds nothing") {
  Answer answer;
  CHECK_FALSE(add_record(answer, Type::a, "\xC0\x00\x02"s));
  CHECK_FALSE(add_record(answer, Type::aaaa, "\xC0\x00\x02\x01"s));
  CHECK_FALSE(add_record(answer, Type::mx, "\x00\x0A\x02mx"s));
  CHECK_FALSE(add_record(answer, Type::mx, "\x00\x0A\xC0\x0C"s));  // a compression pointer
  CHECK_FALSE(add_record(answer, Type::mx, "\x00\x0A\x02mx\x00trailing"s));
  CHECK_FALSE(add_record(answer, Type::txt, "\x05hell"s));
  CHECK_FALSE(add_record(answer, Type::txt, ""s));
  CHECK_FALSE(add_record(answer, Type::tlsa, "\x03\x01\x01"s));
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "\x02xx";
  CHECK_FALSE(add_record(answer, Type::ptr, endless + '\0'));
  CHECK(answer.addresses.empty());
  CHECK(answer.mx.empty());
}

TEST_CASE("names of addresses in reverse") {
  CHECK_EQ(reverse_name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  CHECK_EQ(reverse_name("2001:db8::1"), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  CHECK_EQ(reverse_name("host"), "");
}

TEST_CASE("servers of the configuration") {
  CHECK_EQ(parse_server("192.0.2.53").value(), "192.0.2.53");
  CHECK_EQ(parse_server("192.0.2.53:5353").value(), "192.0.2.53@5353");
  CHECK_EQ(parse_server("2001:db8::53").value(), "2001:db8::53");
  CHECK_EQ(parse_server("[2001:db8::53]:53").value(), "2001:db8::53@53");
  for (const char* const bad :
       {"", "ns.example.net", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:99999", "[::1]x", "[::1"}) {
    CHECK_FALSE(parse_server(bad).has_value());
  }
}

}  // namespace
}  // namespace dns

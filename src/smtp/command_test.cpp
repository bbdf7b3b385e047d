#include "smtp/command.h"

#include <doctest/doctest.h>

#include <limits>

namespace smtp {
namespace {

Fault fault_of(const auto& parsed) {
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error();
}

TEST_CASE("a line is a verb and an argument") {
  const auto command = parse_command("MAIL  FROM:<a@b>  ");
  REQUIRE(command.has_value());
  CHECK_EQ(command->verb, "MAIL");
  CHECK_EQ(command->argument, "FROM:<a@b>");
  CHECK_EQ(parse_command("")->verb, "");
  CHECK_EQ(fault_of(parse_command("NOOP\t")), Fault::control);
  CHECK_EQ(fault_of(parse_command(std::string_view("NOOP\0", 5))), Fault::control);
}

TEST_CASE("paths: RFC 5321 §4.1.2") {
  const auto sender = [](const char* text) { return parse_mail(std::string("FROM:") + text); };
  CHECK_EQ(sender("<>")->sender, "");
  CHECK_EQ(sender("<a.b+c@example.org>")->sender, "a.b+c@example.org");
  CHECK_EQ(sender("<\"a > b\"@example.org>")->sender, "\"a > b\"@example.org");
  CHECK_EQ(sender("<\"a\\\"> b\"@example.org> SIZE=1")->sender, "\"a\\\"> b\"@example.org");
  CHECK_EQ(sender("<a@[IPv6:2001:db8::1]>")->sender, "a@[IPv6:2001:db8::1]");
  CHECK_EQ(sender("<@x,@y:a@example.org>")->sender, "a@example.org");
  for (const char* bad : {"<a@b@c@>", "<a>", "<a@>", "<@b>", "<@b:>", "<@:a@b>", "<@x,y:a@b>", "< a@b>", "<a@b >",
                          "<a..b@c>", "<@x: >"}) {
    CAPTURE(bad);
    CHECK_EQ(fault_of(sender(bad)), Fault::address);
  }
  for (const char* bad : {"a@b", "<a@b", "a@b>", "<\"a@b>", "Joe <a@b>"}) {
    CAPTURE(bad);
    CHECK_EQ(fault_of(sender(bad)), Fault::no_brackets);
  }
  CHECK_EQ(fault_of(sender("")), Fault::syntax);
  CHECK_EQ(fault_of(sender("<a@b>x")), Fault::syntax);
  CHECK_EQ(fault_of(sender(("<" + std::string(600, 'a') + "@b>").c_str())), Fault::path_too_long);
}

TEST_CASE("parameters of MAIL") {
  const auto mail = [](const char* parameters) { return parse_mail(std::string("FROM:<a@b> ") + parameters); };
  CHECK_EQ(mail("SIZE=18446744073709551616")->size, std::numeric_limits<std::uint64_t>::max());
  CHECK_EQ(mail("BODY=8BITMIME")->body, BodyType::eight_bit_mime);
  CHECK(mail("AUTH=<> SMTPUTF8")->smtputf8);
  CHECK_EQ(mail("  SIZE=5   BODY=7BIT ")->size, 5);
  for (const char* bad :
       {"SIZE", "SIZE=", "BODY", "BODY=7BIT BODY=7BIT", "SMTPUTF8 SMTPUTF8", "=1", "-A=1", "A_B=1", "AUTH"}) {
    CAPTURE(bad);
    CHECK_EQ(fault_of(mail(bad)), Fault::syntax);
  }
  for (const char* bad : {"SIZE=-1", "BODY=X", "RET=NONE", "HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z"}) {
    CAPTURE(bad);
    CHECK_EQ(fault_of(mail(bad)), Fault::parameter_value);
  }
  CHECK_EQ(fault_of(mail("X")), Fault::unknown_parameter);
  // RFC 6531 §3.4: the parameter may stand anywhere behind the address that needs it.
  CHECK_EQ(fault_of(parse_mail("FROM:<\xC3\xA9@b> SIZE=1")), Fault::needs_smtputf8);
  CHECK(parse_mail("FROM:<\xC3\xA9@b> SIZE=1 SMTPUTF8").has_value());
  CHECK_EQ(fault_of(parse_mail("FROM:<\xC3@b> SMTPUTF8")), Fault::address);
}

TEST_CASE("recipients") {
  CHECK_EQ(parse_rcpt("TO:<postMASTER>", false)->recipient, "postmaster");
  CHECK_EQ(parse_rcpt("to: <a@b>", false)->recipient, "a@b");
  CHECK_EQ(fault_of(parse_rcpt("TO:<>", false)), Fault::address);
  CHECK_EQ(fault_of(parse_rcpt("TO:<root>", false)), Fault::address);
  CHECK_EQ(fault_of(parse_rcpt("TO:<a@b> SIZE=1", false)), Fault::unknown_parameter);
  CHECK_EQ(fault_of(parse_rcpt("TO:<\xC3\xA9@b>", false)), Fault::needs_smtputf8);
  CHECK(parse_rcpt("TO:<\xC3\xA9@b>", true).has_value());
}

TEST_CASE("BDAT's size keeps within the range of numbers") {
  CHECK_EQ(parse_bdat("0 LAST")->last, true);
  CHECK_EQ(parse_bdat("99999999999999999999")->size, std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "x", "-1", "1x", "1 LAST LAST", "LAST 1", "0x10"}) {
    CAPTURE(bad);
    CHECK_EQ(fault_of(parse_bdat(bad)), Fault::syntax);
  }
}

TEST_CASE("AUTH with and without an initial response") {
  CHECK_EQ(parse_auth("PLAIN")->initial_response, std::nullopt);
  CHECK_EQ(parse_auth("plain =")->initial_response, "=");
  CHECK_EQ(fault_of(parse_auth("PLAIN a b")), Fault::syntax);
  CHECK_EQ(fault_of(parse_auth("")), Fault::syntax);
}

}  // namespace
}  // namespace smtp

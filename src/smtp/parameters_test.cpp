#include "smtp/parameters.h"

#include <doctest/doctest.h>

namespace smtp {
namespace {

// RFC 3461 §4.
TEST_CASE("xtext") {
  CHECK_EQ(xtext_decode(""), "");
  CHECK_EQ(xtext_decode("a+2Bb+3D+20~"), "a+b= ~");
  CHECK_EQ(xtext_encode("a+b= ~\x01\x7F"), "a+2Bb+3D+20~+01+7F");
  CHECK_EQ(xtext_decode("+C3+BC"), "\xC3\xBC");
  for (const char* bad : {"+", "+2", "+2b", "a=b", "a b", "\x7F", "\xC3\xBC", "+G0", "a+"}) {
    CAPTURE(bad);
    CHECK_FALSE(xtext_decode(bad).has_value());
  }
}

Mail mail_of(std::string_view text) {
  Mail mail;
  REQUIRE(parse_parameters(text, mail).has_value());
  return mail;
}

// RFC 3461 §4.3, §4.4; RFC 4865 §4; RFC 2852 §4; RFC 6710 §3; RFC 8689 §2.
TEST_CASE("the parameters of MAIL as values") {
  const Mail mail = mail_of("RET=full ENVID=a+2Bb BY=-7;nt MT-PRIORITY=-9 REQUIRETLS HOLDFOR=999999999");
  CHECK_EQ(mail.ret, Return::full);
  CHECK_EQ(mail.envid, "a+2Bb");
  CHECK_EQ(mail.by->interval, std::chrono::seconds(-7));
  CHECK_FALSE(mail.by->give_back);
  CHECK(mail.by->trace);
  CHECK_EQ(mail.priority, -9);
  CHECK(mail.require_tls);
  CHECK_EQ(mail.hold->interval, std::chrono::seconds(999'999'999));
  const Mail until = mail_of("holduntil=1970-01-02T01:00:00.25+01:00 by=5;R body=binarymime");
  CHECK_EQ(until.hold->until, base::WallTime(std::chrono::days(1) + std::chrono::milliseconds(250)));
  CHECK(until.by->give_back);
  CHECK_EQ(until.body, BodyType::binary_mime);
  Mail long_one;
  CHECK_FALSE(parse_parameters("ENVID=" + std::string(101, 'x'), long_one).has_value());
}

// RFC 3461 §4.1, §4.2.
TEST_CASE("the parameters of RCPT as values") {
  Rcpt rcpt;
  REQUIRE(parse_parameters("ORCPT=RFC822;A+2Bb@c NOTIFY=failure,Success", rcpt).has_value());
  CHECK_EQ(rcpt.orcpt, "RFC822;A+2Bb@c");  // to the letter: it is passed on like that
  CHECK(rcpt.notify == Notify{.success = true, .failure = true});
  Rcpt other;
  CHECK_FALSE(parse_parameters("ORCPT=rfc822;" + std::string(500, 'x'), other).has_value());
}

}  // namespace
}  // namespace smtp

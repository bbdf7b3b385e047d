#include "sasl/sasl.h"

#include <doctest/doctest.h>

namespace sasl {
namespace {

using namespace std::string_literals;

base::Result<std::variant<Challenge, Credentials>> plain(std::string_view response) {
  return make_mechanism("PLAIN")->respond(response);
}

TEST_CASE("mechanisms are found by name in any case, and announced strongest first") {
  CHECK(mechanisms() == std::vector<std::string_view>{"PLAIN", "LOGIN"});
  for (const auto name : mechanisms()) CHECK(make_mechanism(name) != nullptr);
  CHECK(make_mechanism("plain") != nullptr);
  CHECK(make_mechanism("") == nullptr);
  CHECK(make_mechanism("CRAM-MD5") == nullptr);
  CHECK(make_mechanism("PLAIN ") == nullptr);
}

TEST_CASE("RFC 4616 §4: Tim logs in with PLAIN") {
  const auto mechanism = make_mechanism("PLAIN");
  CHECK(mechanism->first_challenge().bytes.empty());
  const auto answer = mechanism->respond("\0tim\0tanstaaftanstaaf"s);
  REQUIRE(answer);
  const auto& credentials = std::get<Credentials>(*answer);
  CHECK(credentials.authorize_as.empty());
  CHECK(credentials.user == "tim");
  CHECK(credentials.password == "tanstaaftanstaaf");
}

TEST_CASE("RFC 4616 §4: Kurt asks to act as Ursel, and the caller learns it") {
  const auto answer = plain("Ursel\0Kurt\0xipj3plmq"s);
  REQUIRE(answer);
  CHECK(std::get<Credentials>(*answer).authorize_as == "Ursel");
  CHECK(std::get<Credentials>(*answer).user == "Kurt");
}

TEST_CASE("PLAIN takes 255 octets and more in each field, and no more than 1,024 bytes") {
  const std::string long_field(1024, 'x');
  CHECK(plain(long_field + '\0' + long_field + '\0' + long_field));
  CHECK_FALSE(plain("\0u\0"s + long_field + "x"));
  CHECK_FALSE(plain('\0' + long_field + "x\0p"s));
  CHECK_FALSE(plain(long_field + "x\0u\0p"s));
}

TEST_CASE("a malformed PLAIN response is refused in words") {
  for (const std::string& response :
       {""s, "\0"s, "\0\0"s, "tim"s, "\0tim"s, "\0tim\0"s, "\0\0password"s, "\0tim\0pass\0word"s, "\0tim\0pass\0"s,
        "\0tim\0\xff"s, "\0t\xc0\xafm\0pass"s, "\xed\xa0\x80\0tim\0pass"s}) {
    CAPTURE(response);
    const auto answer = plain(response);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == base::Code::invalid);
    CHECK_FALSE(answer.error().text.empty());
  }
}

TEST_CASE("an exchange ends once") {
  const auto mechanism = make_mechanism("PLAIN");
  CHECK_FALSE(mechanism->respond("nonsense"));
  CHECK_FALSE(mechanism->respond("\0tim\0secret"s));
}

TEST_CASE("LOGIN asks for the name, then for the password") {
  const auto mechanism = make_mechanism("login");
  CHECK(mechanism->first_challenge().bytes == "Username:");
  const auto second = mechanism->respond("tim@example.test");
  REQUIRE(second);
  CHECK(std::get<Challenge>(*second).bytes == "Password:");
  const auto answer = mechanism->respond("pässword");
  REQUIRE(answer);
  CHECK(std::get<Credentials>(*answer).user == "tim@example.test");
  CHECK(std::get<Credentials>(*answer).password == "pässword");
  CHECK_FALSE(mechanism->respond("again"));
}

TEST_CASE("LOGIN refuses empty, over-long and malformed fields, and the exchange is over then") {
  for (const std::string& name : {""s, "t\0m"s, "\xff"s, std::string(1025, 'x')}) {
    const auto mechanism = make_mechanism("LOGIN");
    CHECK_FALSE(mechanism->respond(name));
    CHECK_FALSE(mechanism->respond("tim"));
  }
  for (const std::string& password : {""s, "p\0w"s, "\xff"s, std::string(1025, 'x')}) {
    const auto mechanism = make_mechanism("LOGIN");
    CHECK(mechanism->respond("tim"));
    CHECK_FALSE(mechanism->respond(password));
  }
}

}  // namespace
}  // namespace sasl

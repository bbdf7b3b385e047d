#include "sasl/sasl.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"

namespace sasl {
namespace {

using namespace std::string_literals;

std::unique_ptr<Mechanism> make(std::string_view name) { return make_mechanism(name, {}, {}, {}); }

base::Result<Outcome> plain(std::string_view response) { return make("PLAIN")->respond(response); }

using Names = std::vector<std::string_view>;

TEST_CASE("what is offered works, strongest first, and nothing else does") {
  const Enabled usual;
  CHECK(offered(usual, {}) == Names{"SCRAM-SHA-256", "PLAIN", "LOGIN"});
  CHECK(offered(usual, {.can_bind = true}) == Names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"});
  const Channel certified{.can_bind = true, .client_names = {"tim@example.test"}};
  CHECK(offered(usual, certified).front() == "EXTERNAL");
  const auto all = enabled_from({"external", "Scram-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"});
  REQUIRE(all);
  CHECK(offered(*all, certified) == Names{"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                                          "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"});
  CHECK(offered(*enabled_from({"PLAIN"}), certified) == Names{"PLAIN"});
  CHECK(names(*all) == names(sasl::all()));
  CHECK(names(usual) == std::vector<std::string>{"EXTERNAL", "SCRAM-SHA-256", "PLAIN", "LOGIN"});
  for (const auto name : offered(*all, certified)) CHECK(make_mechanism(name, *all, certified, {}) != nullptr);
  for (const auto name : {"", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "EXTERNAL", "PLAIN ", "DIGEST-MD5"}) {
    CHECK(make_mechanism(name, usual, {}, {}) == nullptr);
  }
  CHECK(make_mechanism("plain", usual, {}, {}) != nullptr);
}

TEST_CASE("an operator's list of mechanisms names only those that we have") {
  CHECK(enabled_from({"DIGEST-MD5"}).error().text == "there is no mechanism \"DIGEST-MD5\"");
  CHECK_FALSE(enabled_from({"SCRAM-SHA-256-PLUS"}));  // follows from SCRAM-SHA-256
  CHECK_FALSE(enabled_from({""}));
}

TEST_CASE("RFC 4616 §4: Tim logs in with PLAIN") {
  const auto mechanism = make("PLAIN");
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
  const auto mechanism = make("PLAIN");
  CHECK_FALSE(mechanism->respond("nonsense"));
  CHECK_FALSE(mechanism->respond("\0tim\0secret"s));
}

TEST_CASE("LOGIN asks for the name, then for the password") {
  const auto mechanism = make("login");
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
    const auto mechanism = make("LOGIN");
    CHECK_FALSE(mechanism->respond(name));
    CHECK_FALSE(mechanism->respond("tim"));
  }
  for (const std::string& password : {""s, "p\0w"s, "\xff"s, std::string(1025, 'x')}) {
    const auto mechanism = make("LOGIN");
    CHECK(mechanism->respond("tim"));
    CHECK_FALSE(mechanism->respond(password));
  }
}

TEST_CASE("EXTERNAL: the certificate says who comes, and the client which of its names") {
  const Channel channel{.client_names = {"tim@example.test", "ursel@example.test"}};
  const auto answer = [&](std::string_view response) {
    return make_mechanism("EXTERNAL", {}, channel, {})->respond(response);
  };
  CHECK(std::get<Proven>(*answer("")).user == "tim@example.test");
  CHECK(std::get<Proven>(*answer("")).version == 0);
  CHECK(std::get<Proven>(*answer("Ursel@example.test")).user == "Ursel@example.test");
  CHECK(answer("root@example.test").error().code == base::Code::denied);
  CHECK(answer("t\0m"s).error().code == base::Code::invalid);
  CHECK(answer("\xff").error().code == base::Code::invalid);
}

TEST_CASE("RFC 2195 §2: Tim logs in with CRAM-MD5 where it is turned on") {
  const Enabled enabled{.cram_md5 = true};
  const auto secrets = [](std::string_view password) {
    Secrets::Secret other{.version = 1, .key = crypto::hmac_state(crypto::Hash::md5, "another")};
    Secrets::Secret his{.version = 2, .key = crypto::hmac_state(crypto::Hash::md5, password)};
    return Secrets{.list = {other, his}};
  };
  for (const std::string& password : {"tanstaaftanstaaf"s, "guess"s}) {
    const auto mechanism =
        make_mechanism("CRAM-MD5", enabled, {}, {.nonce = "1896.697170952", .hostname = "postoffice.reston.mci.net"});
    CHECK(mechanism->server_first());
    CHECK(mechanism->first_challenge().bytes == "<1896.697170952@postoffice.reston.mci.net>");
    const auto question = mechanism->respond("tim b913a602c7eda7a495b4e6e7334d3890");
    REQUIRE(question);
    CHECK(std::get<Question>(*question).user == "tim");
    const auto outcome = mechanism->resume(secrets(password));
    if (password == "guess") {
      CHECK(outcome.error().code == base::Code::denied);
    } else {
      CHECK(std::get<Proven>(*outcome).version == 2);
    }
    CHECK_FALSE(mechanism->respond("tim b913a602c7eda7a495b4e6e7334d3890"));
  }
  for (const auto response :
       {"", "tim", "tim ", "tim b913", " b913a602c7eda7a495b4e6e7334d3890", "tim b913a602c7eda7a495b4e6e7334d389g"}) {
    CHECK(make_mechanism("CRAM-MD5", enabled, {}, {})->respond(response).error().code == base::Code::invalid);
  }
}

}  // namespace
}  // namespace sasl

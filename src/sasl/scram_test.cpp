#include <doctest/doctest.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/scram_keys.h"
#include "sasl/sasl.h"
#include "sasl/test_secrets.h"

namespace sasl {
namespace {

using base::Code;

Secrets pencil(Wanted wanted = Wanted::scram_sha256) {
  return test::secrets({.user = "user", .wanted = wanted}, "user", "pencil");
}

constexpr std::string_view kNonce = "3rfcNHYJY1ZVvWVs7j";
const Enabled kBoth{.scram_sha1 = true};

std::unique_ptr<Mechanism> make(std::string_view name, bool can_bind = false) {
  Setting setting{.nonce = std::string(kNonce), .hostname = {}, .tls_exporter = {}, .tls_server_end_point = {}};
  if (can_bind) {
    setting.tls_exporter = std::string(32, 'e');
    setting.tls_server_end_point = std::string(32, 'p');
  }
  return make_mechanism(name, kBoth, {.can_bind = can_bind, .client_names = {}}, std::move(setting));
}

/// The client's last message as somebody with `password` would make it.
std::string final_message(std::string_view first_bare, std::string_view server_first, std::string_view binding,
                          std::string_view password, const Secrets& secrets) {
  const auto nonce = server_first.substr(0, server_first.find(','));
  const std::string without_proof = "c=" + base::base64_encode(binding) + "," + std::string(nonce);
  const std::string auth_message = std::string(first_bare) + "," + std::string(server_first) + "," + without_proof;
  const auto hash = crypto::Hash::sha256;
  const std::string salted = crypto::pbkdf2(hash, crypto::hmac_state(hash, password), secrets.salt, secrets.iterations);
  std::string proof = crypto::hmac(hash, salted, "Client Key");
  const std::string signature = crypto::hmac(hash, crypto::digest(hash, proof), auth_message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  return without_proof + ",p=" + base::base64_encode(proof);
}

/// A whole exchange with the client's header; the last outcome.
base::Result<Outcome> exchange(Mechanism& mechanism, std::string header, std::string_view binding,
                               const Secrets& secrets, std::string_view password = "pencil") {
  const std::string bare = "n=user,r=fyko";
  TRY_ASSIGN(const auto question, mechanism.respond(header + bare));
  CHECK(std::get<Question>(question).user == "user");
  TRY_ASSIGN(const auto challenge, mechanism.resume(secrets));
  const std::string server_first = std::get<Challenge>(challenge).bytes;
  TRY_ASSIGN(const auto last,
             mechanism.respond(final_message(bare, server_first, header + std::string(binding), password, secrets)));
  CHECK(std::get<Challenge>(last).bytes.starts_with("v="));
  return mechanism.respond("");
}

TEST_CASE("RFC 5802 §5: user and pencil by SCRAM-SHA-1") {
  const auto mechanism = make("SCRAM-SHA-1");
  const auto question = mechanism->respond("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  REQUIRE(question);
  CHECK(std::get<Question>(*question).wanted == Wanted::scram_sha1);
  const auto challenge = mechanism->resume(pencil(Wanted::scram_sha1));
  CHECK(std::get<Challenge>(*challenge).bytes ==
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
  const auto last =
      mechanism->respond("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
  REQUIRE(last);
  CHECK(std::get<Challenge>(*last).bytes == "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
  const auto proven = mechanism->respond("");
  REQUIRE(proven);
  CHECK(std::get<Proven>(*proven).user == "user");
  CHECK(std::get<Proven>(*proven).version == 1);
  CHECK_FALSE(mechanism->respond(""));
}

TEST_CASE("RFC 7677 §3: user and pencil by SCRAM-SHA-256") {
  const auto mechanism = make_mechanism("SCRAM-SHA-256", {}, {}, {.nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"});
  REQUIRE(mechanism->respond("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
  const auto challenge = mechanism->resume(pencil());
  CHECK(std::get<Challenge>(*challenge).bytes ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const auto last = mechanism->respond(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  REQUIRE(last);
  CHECK(std::get<Challenge>(*last).bytes == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(mechanism->respond(""));
}

TEST_CASE("a wrong password, and a name that nobody has, end alike") {
  CHECK(exchange(*make("SCRAM-SHA-256"), "n,,", "", pencil(), "pencil"));
  const auto wrong = exchange(*make("SCRAM-SHA-256"), "n,,", "", pencil(), "pen");
  CHECK(wrong.error().code == Code::denied);
  Secrets nobody = pencil();
  nobody.list.clear();
  const auto unknown = exchange(*make("SCRAM-SHA-256"), "n,,", "", nobody, "pencil");
  CHECK(unknown.error().text == wrong.error().text);
}

TEST_CASE("of several passwords with one salt each one is right, and it is known which") {
  Secrets secrets = pencil();
  const auto app = crypto::make_scram_keys(crypto::Hash::sha256, crypto::hmac_state(crypto::Hash::sha256, "app"),
                                           secrets.salt, secrets.iterations);
  secrets.list.push_back({.version = 8, .key = app.stored_key, .server_key = app.server_key});
  CHECK(std::get<Proven>(*exchange(*make("SCRAM-SHA-256"), "n,,", "", secrets, "pencil")).version == 1);
  CHECK(std::get<Proven>(*exchange(*make("SCRAM-SHA-256"), "n,,", "", secrets, "app")).version == 8);
}

TEST_CASE("-PLUS binds to the channel by either of its names, and to no other channel") {
  const std::string exporter(32, 'e');
  const std::string end_point(32, 'p');
  CHECK(exchange(*make("SCRAM-SHA-256-PLUS", true), "p=tls-exporter,,", exporter, pencil()));
  CHECK(exchange(*make("SCRAM-SHA-256-PLUS", true), "p=tls-server-end-point,,", end_point, pencil()));
  // What somebody in the middle would have: another connection to us, or another certificate.
  CHECK(exchange(*make("SCRAM-SHA-256-PLUS", true), "p=tls-exporter,,", std::string(32, 'x'), pencil()).error().code ==
        Code::denied);
  CHECK(exchange(*make("SCRAM-SHA-256-PLUS", true), "p=tls-exporter,,", end_point, pencil()).error().code ==
        Code::denied);
  CHECK_FALSE(exchange(*make("SCRAM-SHA-256-PLUS", true), "p=tls-unique,,", exporter, pencil()));
  CHECK_FALSE(exchange(*make("SCRAM-SHA-256-PLUS", true), "n,,", "", pencil()));
  CHECK_FALSE(exchange(*make("SCRAM-SHA-256", true), "p=tls-exporter,,", exporter, pencil()));
}

TEST_CASE("RFC 5802 §6: a client that could bind and was not shown -PLUS was deceived") {
  CHECK(exchange(*make("SCRAM-SHA-256", true), "y,,", "", pencil()).error().code == Code::denied);
  CHECK(exchange(*make("SCRAM-SHA-256", false), "y,,", "", pencil()));  // here nothing is offered
  CHECK(exchange(*make("SCRAM-SHA-256", true), "n,,", "", pencil()));
}

TEST_CASE("RFC 5802 §5.1: names are quoted, and an authorization identity is handed on") {
  const auto mechanism = make("SCRAM-SHA-256");
  const auto question = mechanism->respond("n,a=a=2Cb,n=u=3Ds=2Cer,r=abc,x=ignored");
  REQUIRE(question);
  CHECK(std::get<Question>(*question).user == "u=s,er");
  CHECK(mechanism->user() == "u=s,er");
  CHECK(std::get<Proven>(*exchange(*make("SCRAM-SHA-256"), "n,a=boss,", "", pencil())).authorize_as == "boss");
  CHECK(std::get<Proven>(*exchange(*make("SCRAM-SHA-256"), "n,a=,", "", pencil())).authorize_as.empty());
}

TEST_CASE("malformed first messages are refused in words") {
  for (const std::string& message : {std::string(),
                                     std::string("n"),
                                     std::string("n,"),
                                     std::string("n,,"),
                                     std::string("x,,n=user,r=abc"),
                                     std::string("p=,,n=user,r=abc"),
                                     std::string("n,b=x,n=user,r=abc"),
                                     std::string("n,,n=,r=abc"),
                                     std::string("n,,n=us=er,r=abc"),
                                     std::string("n,,n=us=2cer,r=abc"),
                                     std::string("n,,n=user="),
                                     std::string("n,,r=abc,n=user"),
                                     std::string("n,,n=user,r="),
                                     std::string("n,,n=user"),
                                     std::string("n,,n=user,r=a b"),
                                     std::string("n,,m=ext,n=user,r=abc"),
                                     std::string("n,,n=user,r=abc,,x=y"),
                                     std::string("n,,n=user,r=abc,1=2"),
                                     std::string("n,,n=\xff,r=abc"),
                                     std::string("n,,n=u\0ser,r=abc", 16),
                                     "n,,n=user,r=" + std::string(513, 'r'),
                                     "n,,n=" + std::string(1025, 'u') + ",r=abc",
                                     "n,,n=user,r=abc,x=" + std::string(4096, 'x')}) {
    CAPTURE(message);
    const auto mechanism = make("SCRAM-SHA-256");
    const auto answer = mechanism->respond(message);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::invalid);
    CHECK_FALSE(mechanism->respond("n,,n=user,r=abc"));
  }
}

TEST_CASE("malformed or foreign last messages are refused") {
  const std::string nonce = "abc" + std::string(kNonce);
  const std::string proof = base::base64_encode(std::string(32, 'x'));
  for (const std::string& message :
       {std::string(), std::string("c=biws"), "c=biws,r=" + nonce, "c=biws,r=abc,p=" + proof,
        "c=biws,r=" + nonce + "x,p=" + proof, "c=eSws,r=" + nonce + ",p=" + proof, "r=" + nonce + ",c=biws,p=" + proof,
        "c=biws,r=" + nonce + ",p=AAAA", "c=biws,r=" + nonce + ",p=!", "c=biws,r=" + nonce + ",p=" + proof + ",x=y",
        "c=biws,r=" + nonce + ",?,p=" + proof, "c=biws,r=" + nonce + ",p=" + proof}) {
    CAPTURE(message);
    const auto mechanism = make("SCRAM-SHA-256");
    REQUIRE(mechanism->respond("n,,n=user,r=abc"));
    REQUIRE(mechanism->resume(pencil()));
    CHECK_FALSE(mechanism->respond(message));
    CHECK_FALSE(mechanism->respond(""));
  }
}

TEST_CASE("the client must take the server's last message with an empty one") {
  const auto mechanism = make("SCRAM-SHA-1");
  REQUIRE(mechanism->respond("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"));
  REQUIRE(mechanism->resume(pencil(Wanted::scram_sha1)));
  REQUIRE(mechanism->respond("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="));
  CHECK(mechanism->respond("more").error().code == Code::invalid);
  CHECK_FALSE(mechanism->respond(""));
}

}  // namespace
}  // namespace sasl

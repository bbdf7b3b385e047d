// Our client's side against our server's, and against servers that lie (RFC 5802 §5.1, RFC 7677, RFC 4616).

#include "sasl/client.h"

#include <doctest/doctest.h>

#include "sasl/sasl.h"
#include "sasl/test_secrets.h"

namespace sasl {
namespace {

/// Runs an exchange; "" when the server was convinced and the client as well.
std::string exchange(ClientMechanism& client, Mechanism& server) {
  std::string challenge;
  bool answered = false;
  if (!client.client_first()) challenge = server.first_challenge().bytes;
  for (int turn = 0; turn < 5; ++turn) {
    const auto response = client.respond(challenge);
    if (!response) return "client: " + response.error().text;
    auto outcome = server.respond(*response);
    if (outcome && std::holds_alternative<Question>(*outcome)) {
      outcome = server.resume(test::secrets(std::get<Question>(*outcome), "u1@example.test", "secret"));
    }
    if (!outcome) return "server: " + outcome.error().text;
    if (const auto* next = std::get_if<Challenge>(&*outcome)) {
      challenge = next->bytes;
      continue;
    }
    answered = true;
    const auto* claimed = std::get_if<Credentials>(&*outcome);
    if (claimed != nullptr && claimed->password != "secret") return "server: wrong password";
    break;
  }
  return answered && client.complete() ? "" : "not complete";
}

std::string log_in(const std::string& mechanism, const std::string& password, const std::string& binding = {}) {
  const std::vector<std::string> offered{mechanism};
  const auto client = choose_mechanism(offered, {.user = "u1@example.test",
                                                 .password = password,
                                                 .nonce = "client-nonce",
                                                 .tls_exporter = binding,
                                                 .private_channel = true});
  if (!client) return "none";
  const auto server = make_mechanism(mechanism, all(), {.can_bind = !binding.empty()},
                                     {.nonce = "server-nonce", .hostname = "h", .tls_exporter = binding});
  REQUIRE(server);
  return exchange(*client, *server);
}

TEST_CASE("each mechanism lets the right password in, and no other") {
  for (const char* const name : {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"}) {
    CAPTURE(name);
    CHECK_EQ(log_in(name, "secret"), "");
    CHECK_NE(log_in(name, "wrong"), "");
  }
  CHECK_EQ(log_in("SCRAM-SHA-256-PLUS", "secret", "exported"), "");
  CHECK_EQ(log_in("SCRAM-SHA-1-PLUS", "secret", "exported"), "");
}

TEST_CASE("the strongest is chosen, and no password goes through the open") {
  const auto chosen = [](std::vector<std::string> offered, bool is_private, std::string binding = {}) -> std::string {
    const auto client = choose_mechanism(offered, {.tls_exporter = std::move(binding), .private_channel = is_private});
    return client ? std::string(client->name()) : "none";
  };
  CHECK_EQ(chosen({"LOGIN", "plain", "scram-sha-1"}, true), "SCRAM-SHA-1");
  CHECK_EQ(chosen({"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}, true, "x"), "SCRAM-SHA-256-PLUS");
  CHECK_EQ(chosen({"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}, true), "SCRAM-SHA-256");
  CHECK_EQ(chosen({"LOGIN", "PLAIN"}, true), "PLAIN");
  CHECK_EQ(chosen({"LOGIN", "PLAIN"}, false), "none");
  CHECK_EQ(chosen({"CRAM-MD5"}, true), "none");
}

TEST_CASE("a server that does not know the password is found out") {
  const std::vector<std::string> offered{"SCRAM-SHA-256"};
  const auto begin = [&] { return choose_mechanism(offered, {.user = "u", .password = "p", .nonce = "abc"}); };
  const char* const bad_first[] = {"",
                                   "r=abc,s=AAAA,i=1",
                                   "r=xyzabc,s=AAAA,i=1",
                                   "r=abcd,s=,i=1",
                                   "r=abcd,s=AAAA,i=0",
                                   "r=abcd,s=AAAA,i=99999999",
                                   "s=AAAA,r=abcd,i=1",
                                   "r=abcd,s=!!!!,i=1"};
  for (const char* const message : bad_first) {
    const auto client = begin();
    CHECK(client->respond("").has_value());
    CHECK_FALSE(client->respond(message).has_value());
    CHECK_FALSE(client->complete());
  }
  const auto client = begin();
  CHECK_EQ(client->respond("").value(), "n,,n=u,r=abc");
  CHECK(client->respond("r=abcd,s=AAAA,i=4096").has_value());
  CHECK_FALSE(client->respond("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").has_value());
  CHECK_FALSE(client->complete());
}

}  // namespace
}  // namespace sasl

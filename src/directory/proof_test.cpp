// Logins by mechanisms that do not send the password, and what becomes of passwords that were brought along.

#include <thread>

#include "base/text.h"
#include "crypto/password.h"
#include "directory/exchange.h"
#include "directory/keep.h"
#include "directory/tables.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using namespace directory::test;
using namespace std::string_literals;
using std::chrono::milliseconds;

/// A client of a mechanism: the answers to challenges, until the login or an error.
class Client {
 public:
  Client(Kit& kit, std::string_view mechanism, sasl::Enabled enabled = sasl::all())
      : kit_(kit), mechanism_(sasl::make_mechanism(mechanism, enabled, {}, {.nonce = "nonce", .hostname = "mx"})) {
    REQUIRE(mechanism_);
  }
  std::string first_challenge() const { return mechanism_->first_challenge().bytes; }
  base::Result<LoginStep> respond(std::string response) {
    return net::run(take_response(*kit_.dir, mechanism_, std::move(response), {}));
  }
  std::string challenge(std::string response) {
    auto step = respond(std::move(response));
    REQUIRE(step);
    REQUIRE(std::holds_alternative<sasl::Challenge>(*step));
    return std::get<sasl::Challenge>(*step).bytes;
  }

 private:
  Kit& kit_;
  std::shared_ptr<sasl::Mechanism> mechanism_;
};

/// The salt and the count that the server tells.
struct Told {
  std::string salt;
  std::string iterations;
  friend bool operator==(const Told&, const Told&) = default;
};
Told told(std::string_view server_first) {
  const auto parts = base::split(server_first, ',');
  REQUIRE(parts.size() == 3);
  return {*base::base64_decode(parts[1].substr(2)), std::string(parts[2].substr(2))};
}

base::Result<Identity> scram(Kit& kit, const std::string& name, std::string_view password,
                             crypto::Hash hash = crypto::Hash::sha256) {
  Client client(kit, hash == crypto::Hash::sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-1");
  const std::string bare = "n=" + name + ",r=abc";
  const std::string first = client.challenge("n,," + bare);
  const Told by = told(first);
  const std::string without_proof = "c=biws,r=abcnonce";
  const std::string salted =
      crypto::pbkdf2(hash, crypto::hmac_state(hash, password), by.salt, *base::parse_u32(by.iterations));
  std::string proof = crypto::hmac(hash, salted, "Client Key");
  const std::string signature =
      crypto::hmac(hash, crypto::digest(hash, proof), bare + "," + first + "," + without_proof);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  TRY_ASSIGN(auto last, client.respond(without_proof + ",p=" + base::base64_encode(proof)));
  CHECK(std::get<sasl::Challenge>(last).bytes.starts_with("v="));
  TRY_ASSIGN(auto end, client.respond(""));
  return std::get<Identity>(std::move(end));
}

base::Result<Identity> cram_md5(Kit& kit, const std::string& name, std::string_view password) {
  Client client(kit, "CRAM-MD5");
  const std::string digest = base::hex(crypto::hmac(crypto::Hash::md5, password, client.first_challenge()));
  TRY_ASSIGN(auto step, client.respond(name + " " + digest));
  return std::get<Identity>(std::move(step));
}

/// Puts a hash that was brought along in the place of an account's password; its version stays.
void bring(Kit& kit, const Account& account, const std::string& hash) {
  const auto put = [&](store::Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(auto record, txn.get(kCredentials, std::tuple(account.id, kPassword)));
    record->set_hash(hash);
    record->clear_scram();
    txn.put(kCredentials, std::tuple(account.id, kPassword), *record);
    return {};
  };
  REQUIRE(net::run(kit.store->write({store::Owner::directory()}, put)));
  kit.dir = kit.reopen(kit.config);  // forgets its caches
}

schema::DirectoryCredential record_of(Kit& kit, const Account& account) {
  const auto reader = kit.store->reader();
  REQUIRE(reader);
  auto record = (*reader)->get(kCredentials, std::tuple(account.id, kPassword));
  REQUIRE(record);
  REQUIRE(*record);
  return **record;
}

schema::DirectoryCredential renewed(Kit& kit, const Account& account) {
  for (int i = 0; i < 1000 && !crypto::is_current_hash(record_of(kit, account).hash()); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  return record_of(kit, account);
}

TEST_CASE("a user logs in by SCRAM, as by PLAIN, until the password changes") {
  Kit kit;
  kit.people({"alice", "bob"});
  const Identity plain = good(kit->authenticate("alice@example.test", "secret of alice"));
  const auto proven = scram(kit, "Alice@example.test", "secret of alice");
  REQUIRE(proven);
  CHECK(proven->account == plain.account);
  CHECK(proven->credential_version == plain.credential_version);
  CHECK(good(kit->recheck(*proven)).account == plain.account);
  CHECK(scram(kit, "alice@example.test", "secret of bob").error().code == Code::denied);
  CHECK(scram(kit, "nobody@example.test", "secret of alice").error().code == Code::denied);
  CHECK(scram(kit, "nobody", "secret of alice").error().code == Code::denied);
  good(kit->set_password("alice@example.test", "another"));
  CHECK(scram(kit, "alice@example.test", "secret of alice").error().code == Code::denied);
  CHECK(scram(kit, "alice@example.test", "another"));
  CHECK(code(kit->recheck(*proven)) == Code::denied);
}

TEST_CASE("what a stranger is told of a name does not say whether it exists, also after a restart") {
  Kit kit;
  kit.people({"alice"});
  const auto told_of = [&](const std::string& name) {
    return told(Client(kit, "SCRAM-SHA-256").challenge("n,,n=" + name + ",r=abc"));
  };
  const Told alice = told_of("alice@example.test");
  const Told nobody = told_of("nobody@example.test");
  CHECK(alice.iterations == nobody.iterations);
  CHECK(alice.salt.size() == nobody.salt.size());
  CHECK(alice.salt != nobody.salt);
  CHECK(told_of("nobody@example.test") == nobody);
  CHECK(told_of("no address").salt.size() == nobody.salt.size());
  good(kit->add_domain("example.net", "example.test"));
  CHECK(told_of("alice@example.net") == alice);
  CHECK(told_of("nobody@example.net") == nobody);
  CHECK(scram(kit, "alice@example.net", "secret of alice"));
  kit.dir = kit.reopen();
  CHECK(told_of("alice@example.test") == alice);
  CHECK(told_of("nobody@example.test") == nobody);
  good(kit->add_account("nobody@example.test", "somebody now", 0));
  CHECK(told_of("nobody@example.test") == nobody);
  CHECK(scram(kit, "nobody@example.test", "somebody now"));
}

TEST_CASE("a password that was brought along is replaced at the first good login, and sessions go on") {
  for (const std::string& hash : {"{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA=="s, "{PLAIN}secret"s,
                                  "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"s}) {
    CAPTURE(hash);
    Kit kit;
    const Account alice = kit.people({"alice"})[0];
    bring(kit, alice, hash);
    CHECK(code(kit->authenticate("alice@example.test", "secret of alice")) == Code::denied);
    CHECK(record_of(kit, alice).hash() == hash);
    const Identity first = good(kit->authenticate("alice@example.test", "secret"));
    const auto record = renewed(kit, alice);
    CHECK(crypto::verify_password(record.hash(), "secret"));
    CHECK(record.version() == first.credential_version);
    CHECK(record.scram_size() == 1);
    CHECK(good(kit->recheck(first)).account == first.account);
    CHECK(kit->generation() == good(kit->authenticate("alice@example.test", "secret")).generation);
    CHECK(scram(kit, "alice@example.test", "secret"));
    CHECK(kit.problems().empty());
  }
}

TEST_CASE("a password of an earlier version gets its SCRAM keys at the next login") {
  Kit kit;
  const Account alice = kit.people({"alice"})[0];
  bring(kit, alice, crypto::hash_password("secret"));
  CHECK(scram(kit, "alice@example.test", "secret").error().code == Code::denied);
  const std::string hash = record_of(kit, alice).hash();
  good(kit->authenticate("alice@example.test", "secret"));
  for (int i = 0; i < 1000 && record_of(kit, alice).scram_size() == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  CHECK(record_of(kit, alice).hash() == hash);
  CHECK(scram(kit, "alice@example.test", "secret"));
}

TEST_CASE("CRAM-MD5 is checked with what was brought along for it, which stays while it is allowed") {
  Kit kit({.mechanisms = sasl::all()});
  const Account alice = kit.people({"alice"})[0];
  CHECK(cram_md5(kit, "alice@example.test", "secret of alice").error().code == Code::denied);
  const std::string courier = "{HMAC-MD5PW}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6";
  bring(kit, alice, courier);
  CHECK(cram_md5(kit, "alice@example.test", "test"));
  CHECK(cram_md5(kit, "alice@example.test", "tset").error().code == Code::denied);
  CHECK(cram_md5(kit, "nobody@example.test", "test").error().code == Code::denied);
  good(kit->authenticate("alice@example.test", "test"));
  for (int i = 0; i < 1000 && record_of(kit, alice).scram_size() == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  CHECK(record_of(kit, alice).hash() == courier);
  CHECK(cram_md5(kit, "alice@example.test", "test"));
  CHECK(scram(kit, "alice@example.test", "test"));
  CHECK(scram(kit, "alice@example.test", "test", crypto::Hash::sha1));
}

TEST_CASE("the keys that follow from a Courier hash let its owner in without a login by PLAIN") {
  const Kept kept = keep_hash(
      "{HMAC-SHA256PW}5f9b75352ee423c8ea0afea980d1bdb2ebea1d15c803670ce33fe5c64d8bf070"
      "d97516e8741262a2872bcabb80d0393439eb1c95b2f7f029710166b18c14f3a1",
      {}, "salt");
  REQUIRE(kept.scram.size() == 1);
  CHECK(crypto::verify_password(kept.scram[0], "test"));
  CHECK_FALSE(crypto::verify_password(kept.scram[0], "tset"));
  CHECK(keep_hash(crypto::hash_password("test"), {}, "salt").scram.empty());
}

TEST_CASE("a certificate lets in whom it names, until the account is gone") {
  Kit kit;
  kit.people({"alice"});
  const Identity alice = good(kit->admit("Alice@example.test", 0));
  CHECK(alice.address == "alice@example.test");
  good(kit->set_password("alice@example.test", "another"));
  CHECK(good(kit->recheck(alice)).account == alice.account);
  CHECK(code(kit->admit("nobody@example.test", 0)) == Code::denied);
  CHECK(code(kit->admit("alice@example.test", 12345)) == Code::denied);
  good(kit->remove_account("alice@example.test"));
  CHECK(code(kit->recheck(alice)) == Code::denied);
}

TEST_CASE("to act for somebody else is nobody's right, and only who is right about the password learns it") {
  Kit kit;
  kit.people({"alice", "bob"});
  CHECK(Client(kit, "PLAIN").respond("bob@example.test\0alice@example.test\0secret of alice"s).error().code ==
        Code::unsupported);
  CHECK(Client(kit, "PLAIN").respond("bob@example.test\0alice@example.test\0secret"s).error().code == Code::denied);
  CHECK(Client(kit, "PLAIN").respond("ALICE@example.test\0alice@example.test\0secret of alice"s));
  CHECK(Client(kit, "PLAIN").respond("nonsense").error().code == Code::invalid);
}

}  // namespace
}  // namespace directory

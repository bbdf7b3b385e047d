// What a credential is good for, until when, and when it was last used.

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "directory/test_kit.h"

using namespace directory;
using namespace directory::test;
using base::Code;

namespace {

const std::string kAnn = "ann@example.test";

base::Network network(const char* text) { return *base::Network::parse(text); }

/// The machine's clock, ahead of it as far as the test says.
class AheadClock final : public base::Clock {
 public:
  base::WallTime now() const override { return base::system_clock().now() + std::chrono::minutes(minutes); }
  base::SteadyTime steady() const override { return base::system_clock().steady() + std::chrono::minutes(minutes); }
  std::atomic<int> minutes = 0;
};

/// When a credential was last used, as `credential show` tells it.
std::optional<CredentialUse> last_use(Kit& kit, const std::string& name) {
  for (const CredentialInfo& each : good(kit->credentials(kAnn))) {
    if (each.name == name) return each.last_used;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a credential is good within its limits only, by every mechanism") {
  Kit kit;
  kit.people({"ann"});
  good(kit->add_credential(kAnn, "phone", "of the phone",
                           {.protocols = {"imap"}, .networks = {network("192.0.2.0/24"), network("2001:db8::/32")}}));
  const auto login = [&](const char* protocol, const char* address) {
    return kit->authenticate(kAnn, "of the phone", {.protocol = protocol, .address = address});
  };
  const Identity phone = good(login("imap", "192.0.2.7"));
  good(login("imap", "2001:db8::1"));
  CHECK(code(login("smtp", "192.0.2.7")) == Code::denied);
  CHECK(code(login("imap", "198.51.100.1")) == Code::denied);
  // Also where the right password is remembered already, and where nobody says where it comes from.
  CHECK(code(login("imap", "198.51.100.1")) == Code::denied);
  CHECK(code(login("imap", "")) == Code::denied);
  CHECK(code(kit->authenticate(kAnn, "of the phone")) == Code::denied);
  // Who proved by SCRAM to have it is asked the same.
  good(kit->admit(kAnn, phone.credential_version, {.protocol = "imap", .address = "192.0.2.7"}));
  CHECK(code(kit->admit(kAnn, phone.credential_version, {.protocol = "smtp", .address = "192.0.2.7"})) == Code::denied);
  CHECK(code(kit->admit(kAnn, phone.credential_version)) == Code::denied);
  // The account's own password has none.
  good(kit->authenticate(kAnn, "secret of ann"));
  CHECK(kit.problems().empty());
}

TEST_CASE("a change of the limits ends the logins that were made before") {
  Kit kit;
  kit.people({"ann"});
  good(kit->add_credential(kAnn, "phone", "of the phone"));
  const Identity before = good(kit->authenticate(kAnn, "of the phone", {.protocol = "smtp", .address = "192.0.2.7"}));
  good(kit->recheck(before));
  good(kit->set_credential(kAnn, "phone", {.protocols = std::vector<std::string>{"imap"}}));
  CHECK(code(kit->recheck(before)) == Code::denied);
  CHECK(code(kit->authenticate(kAnn, "of the phone", {.protocol = "smtp", .address = "192.0.2.7"})) == Code::denied);
  good(kit->authenticate(kAnn, "of the phone", {.protocol = "imap", .address = "192.0.2.7"}));
  good(kit->set_credential(kAnn, "phone", {.password = "another", .protocols = std::vector<std::string>{}}));
  CHECK(code(kit->authenticate(kAnn, "of the phone", {.protocol = "imap"})) == Code::denied);
  good(kit->authenticate(kAnn, "another", {.protocol = "smtp"}));
  CHECK(code(kit->set_credential(kAnn, "phone", {.protocols = std::vector<std::string>{"finger"}})) == Code::invalid);
  CHECK(code(kit->add_credential(kAnn, "desk", "x", {.protocols = {"finger"}})) == Code::invalid);
}

TEST_CASE("a credential ends when it expires, and so does who logged in with it") {
  Kit kit;
  kit.people({"ann"});
  const auto soon = base::system_clock().now() + std::chrono::seconds(1);
  good(kit->add_credential(kAnn, "visit", "of the visitor", {.expires = soon}));
  const Identity visitor = good(kit->authenticate(kAnn, "of the visitor"));
  CHECK(visitor.expires == soon);
  good(kit->recheck(visitor));
  std::this_thread::sleep_until(soon + std::chrono::milliseconds(5));
  CHECK(code(kit->recheck(visitor)) == Code::denied);
  CHECK(code(kit->authenticate(kAnn, "of the visitor")) == Code::denied);
  good(kit->set_credential(kAnn, "visit", {.expires = std::optional<base::WallTime>()}));
  CHECK(good(kit->authenticate(kAnn, "of the visitor")).expires == base::WallTime::max());
}

TEST_CASE("when a credential was last used is known also while it is being written") {
  AheadClock clock;
  Kit kit;
  kit.dir = nullptr;
  auto opened = open(*kit.store, clock, {}, kit.config, "mx.example.test");
  REQUIRE(opened);
  kit.dir = *std::move(opened);
  kit.people({"ann"});
  good(kit->add_credential(kAnn, "phone", "of the phone"));
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    const std::string address = "192.0.2." + std::to_string(round);
    good(kit->authenticate(kAnn, "of the phone", {.protocol = "imap", .address = address}));
    const auto use = last_use(kit, "phone");
    REQUIRE(use.has_value());
    REQUIRE(use->address == address);
    clock.minutes += 2;  // the next login writes
  }
}

TEST_CASE("when a credential was last used is known at once, and after a restart") {
  Kit kit;
  kit.people({"ann"});
  good(kit->add_credential(kAnn, "phone", "of the phone"));
  CHECK_FALSE(last_use(kit, "phone").has_value());
  good(kit->authenticate(kAnn, "of the phone", {.protocol = "imap", .address = "192.0.2.7"}));
  good(kit->authenticate(kAnn, "of the phone", {.protocol = "smtp", .address = "192.0.2.8"}));
  const auto generation = kit->generation();
  auto use = last_use(kit, "phone");
  REQUIRE(use.has_value());
  CHECK(use->address == "192.0.2.8");
  CHECK(use->protocol == "smtp");
  CHECK_FALSE(last_use(kit, "password").has_value());

  kit.dir = nullptr;
  kit.dir = kit.reopen(kit.config);
  use = last_use(kit, "phone");
  REQUIRE(use.has_value());
  CHECK(use->address == "192.0.2.8");
  // That a credential was used is no change that sessions would have to look at.
  CHECK(kit->generation() <= generation);
  CHECK(kit.problems().empty());
  // What takes its place has never been used.
  good(kit->authenticate(kAnn, "of the phone", {.protocol = "imap", .address = "192.0.2.9"}));
  good(kit->remove_credential(kAnn, "phone"));
  good(kit->add_credential(kAnn, "desk", "of the desk"));
  CHECK_FALSE(last_use(kit, "desk").has_value());
  kit.dir = nullptr;
  kit.dir = kit.reopen(kit.config);
  CHECK_FALSE(last_use(kit, "desk").has_value());
  CHECK(kit.problems().empty());
}
